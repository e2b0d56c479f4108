//! Calls: towers, functions that are expanded at the call, and intrinsics.

use reckon_grammar::ast::{self, Arg, ExprKind as Syntax};
use reckon_grammar::diagnostic::{Code, Diagnostic, nearest};
use reckon_grammar::span::Span;

use super::constant::describe;
use super::elsewhere::function_of_other_languages;
use super::signature::Matched;
use super::{Checker, FnDef, Frame};
use crate::hir::{Expr, ExprKind, HandleTy, Kind, SpaceRef, Tensor, Ty};

/// How deep functions may call each other.
const MAX_DEPTH: usize = 48;
/// How many calls of functions a spec may expand to.
const MAX_CALLS: usize = 50_000;

impl<'a> Checker<'a> {
    /// `callee(args)`, or `piped |> callee(args)`.
    pub(super) fn call(
        &mut self,
        callee: &ast::Expr,
        piped: Option<&ast::Expr>,
        args: &[Arg],
        span: Span,
    ) -> Expr {
        let Syntax::Name(name) = &callee.kind else {
            return match self.frozen(callee, piped, args, span) {
                Some(applied) => applied,
                None => self.call_path(callee, piped, args, span),
            };
        };
        if name == "frozen" && !self.towers.contains_key(name.as_str()) {
            return self.frozen_alone(span);
        }
        if let Some(result) = self.rows_form(name, piped, args, span) {
            return result;
        }
        if let Some(tower) = self.towers.get(name.as_str()).copied()
            && !self.in_library()
        {
            return self.apply_tower(tower, piped, args, span);
        }
        let Some(found) = self.function_or_near(name, callee.span) else {
            return Expr::error(span);
        };
        let values = self.arguments(&found.decl.params, &found.decl.name.text, piped, args, span);
        let unnamed = args.iter().filter(|arg| arg.name.is_none());
        let given: Vec<&ast::Expr> = piped
            .into_iter()
            .chain(unnamed.map(|arg| &arg.value))
            .collect();
        if let Some(values) = &values
            && self.truth_for_shares(found, &given, values, span)
        {
            return Expr::error(span);
        }
        if self.function(name).is_none() {
            self.lacks_use(found, name, callee.span);
        }
        match values {
            Some(values) => self.call_fn(found, values, span),
            None => Expr::error(span),
        }
    }

    fn call_path(
        &mut self,
        callee: &ast::Expr,
        piped: Option<&ast::Expr>,
        args: &[Arg],
        span: Span,
    ) -> Expr {
        if let Syntax::Field(base, last) = &callee.kind
            && let Syntax::Name(first) = &base.kind
            && last.text == "before"
            && let Some(tower) = self.towers.get(first.as_str()).copied()
        {
            return self.as_the_day_began(tower, piped, args, span);
        }
        if let Syntax::Field(_, name) = &callee.kind
            && (self.fns.contains_key(name.text.as_str())
                || self.towers.contains_key(name.text.as_str()))
        {
            self.report(
                self.error(216, callee.span, "only functions and towers can be called")
                    .note("`.` takes a field or a feature, `|>` applies a function")
                    .help(format!("write `... |> {}`", name.text)),
            );
        } else if !matches!(callee.kind, Syntax::Error) {
            self.report(
                self.error(216, callee.span, "only functions and towers can be called")
                    .note("`|>` always applies a function, `.` always projects"),
            );
        }
        Expr::error(span)
    }

    /// Says honestly what this compiler does not compile yet, and what can be written in its place.
    pub(super) fn not_yet(&mut self, span: Span, what: &str, instead: impl Into<String>) -> Expr {
        self.report(
            self.error(901, span, format!("{what} cannot be compiled yet"))
                .note("the language has it, and the text is right as far as it was checked; the compiler does not lower it yet")
                .help(instead),
        );
        Expr::error(span)
    }

    /// A function that the open body may call: everything for the library, the prelude and what `use` names for users.
    pub(super) fn function(&self, name: &str) -> Option<FnDef<'a>> {
        // `where` is reserved, so the library cannot declare it under its name.
        let name = if name == "where" { "select" } else { name };
        // What the library says does not depend on the names of a spec.
        let known = match self.in_library() {
            true => &self.library_fns,
            false => &self.fns,
        };
        let found = *known.get(name)?;
        let always = !found.library || matches!(found.module, "std.prim" | "std.prelude");
        let used = || {
            self.program.uses.iter().any(|(module, only, _)| {
                module == found.module && only.as_deref().is_none_or(|only| only == name)
            })
        };
        (always || self.in_library() || used()).then_some(found)
    }

    /// The function of this name, also one of the library that lacks its `use`: its arguments may be wrong too.
    fn function_or_near(&mut self, name: &str, span: Span) -> Option<FnDef<'a>> {
        let found = self.function(name).or_else(|| self.fns.get(name).copied());
        if found.is_none() {
            self.unknown_function(name, span);
        }
        found
    }

    fn lacks_use(&mut self, found: FnDef<'a>, name: &str, span: Span) {
        let path = format!("{}.{name}", found.module);
        self.report(
            self.error(217, span, format!("`{name}` is not in scope"))
                .note(format!("it is a function of `{}`", found.module))
                .help(format!("write `use {path}` at the top of the file")),
        );
    }

    fn unknown_function(&mut self, name: &str, span: Span) {
        if let Some((_, value)) = self.hir.settings.iter().find(|(known, _)| known == name) {
            let message = format!(
                "`{name}` is a setting, {}, and no function",
                describe(value)
            );
            self.report(self.error(218, span, message));
            return;
        }
        let mut known: Vec<&str> = self
            .fns
            .keys()
            .copied()
            .filter(|name| self.function(name).is_some())
            .collect();
        known.extend(self.towers.keys().copied());
        known.sort_unstable();
        if nearest(name, known.iter().copied()).is_none()
            && let Some(help) = function_of_other_languages(name)
        {
            let message = format!("unknown function `{name}`");
            self.report(self.error(218, span, message).help(help));
            return;
        }
        self.unknown(218, span, "function", name, &known);
    }

    /// A function with its arguments in the order of the parameters.
    pub(super) fn call_fn(&mut self, found: FnDef<'a>, args: Vec<Expr>, span: Span) -> Expr {
        let decl = found.decl;
        let Some(body) = &decl.body else {
            return self.intrinsic(decl, args, span);
        };
        self.expanded += 1;
        if self.depth >= MAX_DEPTH || self.expanded > MAX_CALLS {
            return self.endless(decl, span);
        }
        let mut matched = Matched {
            library: found.library,
            ..Matched::default()
        };
        let mut values = Vec::new();
        for (param, arg) in decl.params.iter().zip(args) {
            match self.match_param(decl, param, arg, &mut matched) {
                Some(value) => values.push(value),
                None => return Expr::error(span),
            }
        }
        let segment = self.segment(&decl.name.text);
        self.frames.push(Frame {
            library: found.library,
            ..Frame::default()
        });
        for (name, size) in matched.dims.clone() {
            self.bind(
                &name,
                Expr::constant(crate::value::Value::Int(size as i64), span),
            );
        }
        let mut lets = Vec::new();
        for (param, value) in decl.params.iter().zip(values) {
            lets.extend(self.bound(&param.name.text, value));
        }
        let entered = !self.calls.is_empty() || found.library;
        if entered {
            self.calls.push(span);
        }
        self.depth += 1;
        let hint = self.hint.take();
        let value = self.body(body, None);
        self.hint = hint;
        self.depth -= 1;
        let value = self.result(decl, value, &matched, span);
        if entered {
            self.calls.pop();
        }
        self.frames.pop();
        // Arguments belong to the caller's path, the body to the function's.
        let value = super::expr::scope(
            None,
            lets,
            super::expr::scope(Some(segment), Vec::new(), value),
        );
        super::views::placed(value, span)
    }

    /// Calls that never end are said once; what is expanded after that says nothing.
    fn endless(&mut self, decl: &ast::Fn, span: Span) -> Expr {
        if !self.gave_up {
            let name = &decl.name.text;
            let call = self.user_span(span);
            self.report(
                Diagnostic::error(Code(224), call, format!("`{name}` is called without end"))
                    .note(format!("functions are expanded while compiling, at most {MAX_DEPTH} deep and {MAX_CALLS} in all"))
                    .help("end the recursion with an `if` over a value known while compiling"),
            );
        }
        self.gave_up = true;
        self.expanded = MAX_CALLS;
        Expr::error(span)
    }

    /// `film(c)`: the tower's value at every row of the handles' space.
    pub(super) fn apply_tower(
        &mut self,
        tower: &'a ast::Tower,
        piped: Option<&ast::Expr>,
        args: &[Arg],
        span: Span,
    ) -> Expr {
        let name = &tower.name.text;
        if self.is_scores(name) {
            return self.apply_scores(tower, piped, args, span);
        }
        let Some(at) = self.tower_index(name) else {
            return Expr::error(span);
        };
        let params = self.written_params(tower);
        let Some(values) = self.arguments(&params, name, piped, args, span) else {
            return Expr::error(span);
        };
        self.used.insert(format!("tower {name}"));
        let wanted: Vec<(String, Ty)> = self.hir.towers[at]
            .params
            .iter()
            .map(|(_, name, ty)| (name.clone(), ty.clone()))
            .collect();
        let mut spaces: Vec<SpaceRef> = Vec::new();
        let mut checked = Vec::new();
        let mut facts = self.hir.towers[at].value.facts.clone();
        for ((param, wanted), value) in wanted.iter().zip(values) {
            let Some(value) = self.tower_argument(name, param, wanted, value, &mut spaces) else {
                return Expr::error(span);
            };
            match &value.ty {
                Ty::Handle(HandleTy { past: true, .. }) => facts.sides = ["past".to_owned()].into(),
                Ty::Handle(_) => {}
                _ => facts = facts.join(&value.facts),
            }
            checked.push(value);
        }
        let ty = self.at_spaces(&self.hir.towers[at].value.ty.clone(), &spaces);
        Expr::new(ExprKind::Tower(name.clone(), checked), ty, facts, span)
    }

    fn tower_argument(
        &mut self,
        tower: &str,
        param: &str,
        wanted: &Ty,
        value: Expr,
        spaces: &mut Vec<SpaceRef>,
    ) -> Option<Expr> {
        match (wanted, &value.ty) {
            (Ty::Handle(wanted), Ty::Handle(given)) if wanted.source == given.source => {
                let space: Vec<SpaceRef> = given.space.into_iter().collect();
                *spaces = self.join_spaces(spaces, &space);
                Some(value)
            }
            (Ty::Handle(wanted), other) => {
                let shown = self.show(other);
                self.report(
                    self.error(
                        502,
                        value.span,
                        format!(
                            "`{param}` of tower `{tower}` takes rows of `{}`, found `{shown}`",
                            wanted.source
                        ),
                    )
                    .help(format!("pass `{}`", wanted.source)),
                );
                None
            }
            (Ty::Tensor(wanted), _) => {
                let span = value.span;
                let value = self.tensor(value);
                let Ty::Tensor(given) = &value.ty else {
                    return None;
                };
                if given.dims != wanted.dims || given.elem != wanted.elem {
                    let (wanted, given) =
                        (self.show(&Ty::Tensor(wanted.clone())), self.show(&value.ty));
                    self.report(self.error(
                        302,
                        span,
                        format!("`{param}` of tower `{tower}` takes `{wanted}`, found `{given}`"),
                    ));
                    return None;
                }
                *spaces = self.join_spaces(spaces, &given.spaces.clone());
                Some(value)
            }
            _ => Some(value),
        }
    }

    /// The type of a tower's value over rows of these spaces.
    fn at_spaces(&mut self, ty: &Ty, spaces: &[SpaceRef]) -> Ty {
        match ty {
            Ty::Tensor(tensor) => {
                let spaces = self.join_spaces(spaces, &tensor.spaces);
                Ty::Tensor(Tensor {
                    spaces,
                    ..tensor.clone()
                })
            }
            Ty::Record(fields) => Ty::Record(
                fields
                    .iter()
                    .map(|(name, ty)| (name.clone(), self.at_spaces(ty, spaces)))
                    .collect(),
            ),
            Ty::Tuple(items) => {
                Ty::Tuple(items.iter().map(|ty| self.at_spaces(ty, spaces)).collect())
            }
            Ty::Row(_) | Ty::Const(_) | Ty::Handle(_) | Ty::Error => ty.clone(),
        }
    }
}

/// The kind that a written element type asks for.
pub(super) fn kind_named(name: &str) -> Option<(crate::graph::Elem, Kind)> {
    use crate::graph::Elem;
    Some(match name {
        "f32" | "float" => (Elem::F32, Kind::Plain),
        "logit" => (Elem::F32, Kind::Logit),
        "prob" => (Elem::F32, Kind::Prob),
        "log_prob" => (Elem::F32, Kind::LogProb),
        "i64" => (Elem::I64, Kind::Plain),
        "bool" => (Elem::Bool, Kind::Plain),
        _ => return None,
    })
}
