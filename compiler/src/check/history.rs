//! Histories, and conditions on rows.

use super::Checker;
use super::values::handle_key;
use crate::hir::{Expr, ExprKind, Facts, HandleTy, History, Ty};
use crate::plan::row::{RowKind, RowType};
use crate::value::Value;
use reckon_grammar::ast::{self, Arg, ExprKind as Syntax, Window};
use reckon_grammar::span::Span;

impl Checker<'_> {
    pub(super) fn history(&mut self, args: &[Arg], span: Span) -> Expr {
        let Some(first) = args.first().filter(|arg| arg.name.is_none()) else {
            self.report(
                self.error(223, span, "`history` needs rows")
                    .help("write `history(EVENTS of ENTITY, last: 50)`"),
            );
            return Expr::error(span);
        };
        let (source, of, windows, cond) = match &first.value.kind {
            Syntax::Rows {
                source,
                of,
                windows,
                cond,
            } => (&**source, of.as_ref(), windows.as_slice(), cond.as_deref()),
            _ => (&first.value, None, &[][..], None),
        };
        let Some((source, entity)) = self.history_of(source, of, span) else {
            return Expr::error(span);
        };
        let Some(row) = self.frames.last().and_then(|frame| frame.row.clone()) else {
            self.report(
                self.error(404, span, "`history` stands outside of a row")
                    .help("write it in `features`, and pass the feature to the tower"),
            );
            return Expr::error(span);
        };
        if !self.refers(&row.source, &entity) {
            let is_entity = self
                .hir
                .sources
                .iter()
                .any(|s| s.name == row.source && s.time.is_none());
            let diagnostic = self.error(
                405,
                span,
                format!("rows of `{}` have no history of `{entity}`", row.source),
            );
            self.report(if is_entity {
                diagnostic
                    .note(format!(
                        "`{}` has no time, so it is not known what is earlier",
                        row.source
                    ))
                    .help(format!("move the feature to `features {source}`"))
            } else {
                diagnostic.help(format!(
                    "declare a reference to `{entity}` in `{}`",
                    row.source
                ))
            });
            return Expr::error(span);
        }
        let mut numbers = (None, None);
        for arg in &args[1..] {
            let value = self.expr(&arg.value).ty;
            match (arg.name.as_ref().map(|name| name.text.as_str()), value) {
                (Some("last"), Ty::Const(Value::Int(n))) if n > 0 => numbers.0 = Some(n as usize),
                (Some("within"), Ty::Const(Value::Duration(micros))) => numbers.1 = Some(micros),
                (_, Ty::Error) => return Expr::error(span),
                (Some("last"), _) => {
                    return self.bad_history(arg, "`last` is a whole number above 0", span);
                }
                (Some("within"), _) => {
                    return self.bad_history(arg, "`within` is a duration such as `30d`", span);
                }
                (other, _) => {
                    let message = match other {
                        Some(name) => {
                            format!(
                                "`history` has no argument `{name}`; it takes `last` and `within`"
                            )
                        }
                        None => "`history` takes `last` and `within` by name".to_owned(),
                    };
                    return self.bad_history(arg, &message, span);
                }
            }
        }
        for window in windows {
            match window {
                Window::Within(e) => match self.expr(e).ty {
                    Ty::Const(Value::Duration(micros)) => numbers.1 = Some(micros),
                    _ => return Expr::error(span),
                },
                Window::In(_) | Window::InNext(_) | Window::Before(_) => {
                    return self.not_yet(span, "a window of a loop");
                }
            }
        }
        let condition = cond.and_then(|cond| self.history_condition(&source, cond));
        self.history_handle(&row.handle, source, entity, condition, numbers, cond, span)
    }

    fn bad_history(&mut self, arg: &Arg, message: &str, span: Span) -> Expr {
        self.report(self.error(222, arg.value.span, message));
        Expr::error(span)
    }

    fn history_of(
        &mut self,
        source: &ast::Expr,
        of: Option<&ast::Name>,
        span: Span,
    ) -> Option<(String, String)> {
        let Syntax::Name(name) = &source.kind else {
            self.report(self.error(305, source.span, "expected the name of events"));
            return None;
        };
        let events: Vec<String> = self
            .hir
            .sources
            .iter()
            .filter(|s| s.time.is_some())
            .map(|source| source.name.clone())
            .collect();
        if !events.contains(name) {
            if self.hir.sources.iter().any(|source| source.name == *name) {
                self.report(
                    self.error(
                        406,
                        source.span,
                        format!("`{name}` has no time, so it has no history"),
                    )
                    .help("declare a column of type `time`"),
                );
            } else {
                let events: Vec<&str> = events.iter().map(String::as_str).collect();
                self.unknown(230, source.span, "events", name, &events);
            }
            return None;
        }
        let Some(of) = of else {
            let targets: Vec<String> = self.references_of(name);
            let target = targets.first().cloned().unwrap_or_else(|| "user".into());
            self.report(
                self.error(223, span, "`history` needs to know whose events")
                    .help(format!("write `{name} of {target}`")),
            );
            return None;
        };
        if !self.refers(name, &of.text) {
            let targets = self.references_of(name);
            let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
            self.unknown(
                231,
                of.span,
                &format!("reference of `{name}`"),
                &of.text,
                &targets,
            );
            return None;
        }
        Some((name.clone(), of.text.clone()))
    }

    pub(super) fn references_of(&self, source: &str) -> Vec<String> {
        let source = self.hir.sources.iter().find(|known| known.name == source);
        source.map_or_else(Vec::new, |source| {
            source.references.iter().map(|r| r.target.clone()).collect()
        })
    }

    fn refers(&self, source: &str, target: &str) -> bool {
        self.references_of(source)
            .iter()
            .any(|known| known == target)
    }

    fn history_condition(&mut self, source: &str, cond: &ast::Expr) -> Option<(usize, Expr)> {
        let (id, handle) = self.row_handle(
            HandleTy {
                source: source.to_owned(),
                space: None,
                past: true,
                candidates: false,
            },
            cond.span,
        );
        let value = self.in_row_scope(handle, source, |checker| checker.expr(cond));
        self.condition(value).map(|value| (id, value))
    }

    /// A condition on rows: a truth value of each row.
    pub(super) fn condition(&mut self, value: Expr) -> Option<Expr> {
        match &value.ty {
            Ty::Row(RowType {
                kind: RowKind::Bool,
                ..
            }) => Some(value),
            Ty::Error => None,
            other => {
                let shown = self.show(other);
                self.report(
                    self.error(
                        313,
                        value.span,
                        format!(
                            "a condition on rows is a truth value of each row, found `{shown}`"
                        ),
                    )
                    .help("compare it with something: `... > 0`"),
                );
                None
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn history_handle(
        &mut self,
        row: &Expr,
        source: String,
        entity: String,
        condition: Option<(usize, Expr)>,
        (last, within): (Option<usize>, Option<i64>),
        written: Option<&ast::Expr>,
        span: Span,
    ) -> Expr {
        let key = format!(
            "{source} {entity} {last:?} {within:?} {}",
            written.map_or_else(String::new, reckon_grammar::print_expr)
        );
        let found = self
            .hir
            .histories
            .iter()
            .position(|history| history.key == key);
        let index = found.unwrap_or_else(|| {
            let history = History {
                source: source.clone(),
                entity,
                condition,
                last,
                within,
                span,
                key,
            };
            self.hir.histories.push(history);
            self.hir.histories.len() - 1
        });
        let Ty::Handle(of) = row.ty.clone() else {
            return Expr::error(span);
        };
        let space = self.list_space(format!("{}#{index}", handle_key(row)), &of, last);
        let ty = Ty::Handle(HandleTy {
            source,
            space: Some(space),
            past: true,
            candidates: false,
        });
        Expr::new(
            ExprKind::History(Box::new(row.clone()), index),
            ty,
            Facts::default(),
            span,
        )
    }
}
