//! Putting arguments to parameters.

use reckon_grammar::ast::{self, Arg, ExprKind as Syntax, Param};
use reckon_grammar::diagnostic::{Diagnostic, nearest};
use reckon_grammar::span::Span;

use super::{Checker, Frame, list};
use crate::hir::Expr;

/// Among the words of a parameter it stands for the name of each loss.
const ANY_LOSS: &str = "loss";

/// Arguments on their way to the parameters of a call.
struct Slots<'c> {
    callee: &'c str,
    params: &'c [Param],
    /// The value of each parameter that is given.
    given: Vec<Option<Expr>>,
    /// Values of a function that takes any number, such as `concat`.
    rest: Vec<Expr>,
    /// How many parameters are given by position.
    positional: usize,
    /// Names that no parameter has.
    unknown: Vec<ast::Name>,
}

impl Slots<'_> {
    fn is_variadic(&self) -> bool {
        let first = self.params.first();
        first.is_some_and(|param| param.name.text == "values")
    }
}

/// How the rest of a call fares after an argument.
enum Placed {
    Well,
    /// A mistake was reported; the others may still be looked at.
    Wrongly,
    /// What follows would only repeat the mistake.
    Hopelessly,
}

impl Checker<'_> {
    /// The arguments of a row function by position and name.
    pub(super) fn row_arguments<'e, const N: usize>(
        &mut self,
        callee: &str,
        args: &'e [Arg],
        params: [(&str, bool); N],
        span: Span,
    ) -> Option<[Option<&'e ast::Expr>; N]> {
        let mut slots = [None; N];
        let mut place = 0;
        for arg in args {
            let at = match &arg.name {
                Some(name) => params.iter().position(|(known, _)| *known == name.text),
                None => {
                    place += 1;
                    Some(place - 1).filter(|at| *at < N)
                }
            };
            let Some(at) = at.filter(|at| slots[*at].is_none()) else {
                let names: Vec<&str> = params.iter().map(|(name, _)| *name).collect();
                self.report(
                    self.error(
                        222,
                        arg.value.span,
                        format!("`{callee}` does not take this argument"),
                    )
                    .note(format!("its arguments are {}", super::list(&names))),
                );
                return None;
            };
            slots[at] = Some(&arg.value);
        }
        let missing = params
            .iter()
            .zip(&slots)
            .find(|((_, needed), slot)| *needed && slot.is_none());
        if let Some(((name, _), _)) = missing {
            let names: Vec<&str> = params.iter().map(|(name, _)| *name).collect();
            let help = format!("its arguments are `{callee}({})`", names.join(", "));
            self.report(
                self.error(223, span, format!("`{callee}` needs `{name}`"))
                    .help(help),
            );
            return None;
        }
        Some(slots)
    }

    /// Puts arguments to parameters: the piped value first, then by position, then by name.
    pub(super) fn arguments(
        &mut self,
        params: &[Param],
        callee: &str,
        piped: Option<&ast::Expr>,
        args: &[Arg],
        span: Span,
    ) -> Option<Vec<Expr>> {
        if self.refuses_numbers_for_a_list(params, callee, piped, args) {
            return None;
        }
        let mut slots = Slots {
            callee,
            params,
            given: vec![None; params.len()],
            rest: Vec::new(),
            positional: 0,
            unknown: Vec::new(),
        };
        let mut ok = true;
        let inputs = piped
            .into_iter()
            .map(|value| (None, value))
            .chain(args.iter().map(|arg| (arg.name.as_ref(), &arg.value)));
        for (name, value) in inputs {
            match self.place(&mut slots, name, value) {
                Placed::Well => {}
                Placed::Wrongly => ok = false,
                Placed::Hopelessly => {
                    self.unknown_arguments(&slots);
                    return None;
                }
            }
        }
        let meant = self.unknown_arguments(&slots);
        if slots.is_variadic() {
            if slots.rest.is_empty() {
                self.report(
                    self.error(223, span, format!("`{callee}` needs values"))
                        .help(format!("write `{callee}(a, b)`")),
                );
                return None;
            }
            if let Some(named) = self.meant_by_name(&slots) {
                self.report(named);
                return None;
            }
            slots.given[0] = Some(super::expr::tuple(slots.rest, span));
        }
        let mut values = Vec::new();
        for (param, given) in params.iter().zip(slots.given) {
            match given.or_else(|| self.default(param)) {
                Some(value) => values.push(value),
                // it is there under another name
                None if meant.contains(&param.name.text) => ok = false,
                None => {
                    self.missing_argument(params, callee, &param.name.text, span);
                    ok = false;
                }
            }
        }
        (ok && !values.iter().any(Expr::is_error)).then_some(values)
    }

    /// A number behind the values of a function of any number of them, where one is missing that is given by name.
    fn meant_by_name(&self, slots: &Slots<'_>) -> Option<Diagnostic> {
        let last = slots.rest.last()?;
        let number = last.ty.value().filter(|value| value.as_f64().is_some())?;
        let mut params = slots.params.iter().zip(&slots.given).skip(1);
        let (missing, _) =
            params.find(|(param, given)| given.is_none() && param.default.is_none())?;
        let (callee, name) = (slots.callee, &missing.name.text);
        let message = format!("`{callee}` takes any number of values, and `{name}` by name");
        let named = format!("{name}: {number}");
        Some(
            self.error(223, last.span, message)
                .help(format!("write `{named}`"))
                .fix(last.span, named),
        )
    }

    /// Puts one argument to its parameter.
    fn place(
        &mut self,
        slots: &mut Slots<'_>,
        name: Option<&ast::Name>,
        value: &ast::Expr,
    ) -> Placed {
        let (params, callee) = (slots.params, slots.callee);
        let slot = match name {
            Some(name) => match params.iter().position(|param| param.name.text == name.text) {
                Some(slot) => slot,
                None => {
                    slots.unknown.push(name.clone());
                    return Placed::Wrongly;
                }
            },
            None if slots.is_variadic() => {
                slots.rest.push(self.expr(value));
                return Placed::Well;
            }
            None => {
                slots.positional += 1;
                slots.positional - 1
            }
        };
        let Some(param) = params.get(slot) else {
            self.too_many_arguments(params, callee, value.span);
            return Placed::Hopelessly;
        };
        if slots.given[slot].is_some() {
            let message = format!("`{}` of `{callee}` is given twice", param.name.text);
            self.report(self.error(220, value.span, message));
            return Placed::Wrongly;
        }
        slots.given[slot] = Some(self.argument(param, value));
        Placed::Well
    }

    fn too_many_arguments(&mut self, params: &[Param], callee: &str, span: Span) {
        let names: Vec<&str> = params.iter().map(|p| p.name.text.as_str()).collect();
        let note = match names[..] {
            [] => "it takes none".into(),
            _ => format!("it takes {}", list(&names)),
        };
        let message = format!("too many arguments for `{callee}`");
        self.report(self.error(219, span, message).note(note));
    }

    /// A word is read as such where the parameter takes words.
    fn argument(&mut self, param: &Param, value: &ast::Expr) -> Expr {
        if let (Syntax::Name(name), Some(ty)) = (&value.kind, &param.ty)
            && let ast::TypeKind::Words(words) = &ty.kind
        {
            let any_loss = words.iter().any(|word| word.text == ANY_LOSS);
            let is_loss = any_loss && self.is_loss(name);
            if is_loss
                || words
                    .iter()
                    .any(|word| word.text == *name && *name != ANY_LOSS)
            {
                return Expr::constant(crate::value::Value::Word(name.clone()), value.span);
            }
            let bound = self
                .frames
                .last()
                .is_some_and(|frame| frame.locals.iter().any(|b| b.name == *name))
                || self.hir.settings.iter().any(|(setting, _)| setting == name);
            if !bound && any_loss && self.is_evaluation(name) {
                let message = format!("rows of evaluation `{name}` are held out of what is fitted");
                return self.counts_what_is_held_out(value.span, message);
            }
            if !bound {
                let losses = self.loss_names();
                let losses = losses.iter().map(String::as_str);
                let words: Vec<&str> = words
                    .iter()
                    .flat_map(|word| match word.text.as_str() {
                        ANY_LOSS => losses.clone().collect(),
                        word => vec![word],
                    })
                    .collect();
                return self.unknown(
                    221,
                    value.span,
                    &format!("word for `{}`", param.name.text),
                    name,
                    &words,
                );
            }
        }
        let hint = self.hint.take();
        let value = self.expr(value);
        self.hint = hint;
        value
    }

    fn default(&mut self, param: &Param) -> Option<Expr> {
        let default = param.default.as_ref()?;
        self.frames.push(Frame {
            library: self.in_library(),
            ..Frame::default()
        });
        let value = self.argument(param, default);
        self.frames.pop();
        Some(value)
    }

    /// Names that no parameter has, and the parameters that they seem to mean: those of similar names, or the only one that
    /// lacks a value.
    fn unknown_arguments(&mut self, slots: &Slots<'_>) -> Vec<String> {
        let (params, callee) = (slots.params, slots.callee);
        let names: Vec<&str> = params
            .iter()
            .map(|param| param.name.text.as_str())
            .collect();
        let lacking = params.iter().zip(&slots.given);
        let lacking = lacking.filter(|(param, given)| given.is_none() && param.default.is_none());
        let lacking: Vec<&str> = lacking.map(|(param, _)| param.name.text.as_str()).collect();
        let mut all_meant = Vec::new();
        for name in &slots.unknown {
            let only = match lacking[..] {
                [only] if slots.unknown.len() == 1 => Some(only),
                _ => None,
            };
            let meant = nearest(&name.text, names.iter().copied()).or(only);
            let message = format!("`{callee}` has no argument `{}`", name.text);
            let diagnostic = self.error(222, name.span, message);
            self.report(match meant {
                Some(meant) => diagnostic
                    .help(format!("write `{meant}:`"))
                    .fix(name.span, meant),
                None => diagnostic.note(format!("its arguments are {}", list(&names))),
            });
            all_meant.extend(meant.map(str::to_owned));
        }
        all_meant
    }

    fn missing_argument(&mut self, params: &[Param], callee: &str, name: &str, span: Span) {
        let signature: Vec<String> = params.iter().map(|param| param.name.text.clone()).collect();
        self.report(
            self.error(223, span, format!("`{callee}` needs `{name}`"))
                .help(format!(
                    "its arguments are `{callee}({})`",
                    signature.join(", ")
                )),
        );
    }
}
