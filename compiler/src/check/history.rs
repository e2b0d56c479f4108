//! Histories, and conditions on rows.

use super::Checker;
use super::values::handle_key;
use crate::hir::{Expr, ExprKind, Facts, HandleTy, History, Ty};
use crate::plan::SourcePlan;
use crate::plan::row::{RowKind, RowType};
use crate::value::Value;
use reckon_grammar::ast::{self, Arg, ExprKind as Syntax, Window};
use reckon_grammar::span::Span;

const NO_DURATION: &str = "`within` is a duration above 0, such as `30d`";

/// How far a history reaches back: at most so many events, not older than so many microseconds.
#[derive(Default)]
struct Bounds {
    last: Option<usize>,
    within: Option<i64>,
}

impl Checker<'_> {
    pub(super) fn history(&mut self, args: &[Arg], span: Span) -> Expr {
        self.history_rows(args, span)
            .unwrap_or_else(|| Expr::error(span))
    }

    fn history_rows(&mut self, args: &[Arg], span: Span) -> Option<Expr> {
        let Some(first) = args.first().filter(|arg| arg.name.is_none()) else {
            self.report(
                self.error(223, span, "`history` needs rows")
                    .help("write `history(EVENTS of ENTITY, last: 50)`"),
            );
            return None;
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
        let written = written_history(args);
        let (source, entity) = self.history_of(source, of, &written, span)?;
        let row = self.history_reader(&source, &entity, &written, span)?;
        let mut bounds = Bounds::default();
        for window in windows {
            self.bound_by_window(window, &mut bounds, span)?;
        }
        for arg in &args[1..] {
            self.bound_by_argument(arg, &mut bounds)?;
        }
        let condition = cond.and_then(|cond| self.history_condition(&source, cond));
        let history = History {
            key: format!(
                "{source} {entity} {:?} {:?} {}{}",
                bounds.last,
                bounds.within,
                cond.map_or_else(String::new, reckon_grammar::print_expr),
                self.place_of_history(&source, span)
            ),
            labels: self.late_labels(&source, condition.as_ref().map(|(_, cond)| cond)),
            source,
            entity,
            condition,
            last: bounds.last,
            within: bounds.within,
            span,
        };
        Some(self.history_handle(&row, history))
    }

    /// The row whose history it is: one with a time, that refers to the entity.
    fn history_reader(
        &mut self,
        events: &str,
        entity: &str,
        written: &str,
        span: Span,
    ) -> Option<Expr> {
        let Some(row) = self.frames.last().and_then(|frame| frame.row.clone()) else {
            self.report(
                self.error(404, span, "`history` stands outside of a row")
                    .help("write it in `features`, and pass the feature to the tower"),
            );
            return None;
        };
        if self.refers(&row.source, entity) {
            return Some(row.handle);
        }
        let source = &row.source;
        let timeless = |s: &SourcePlan| s.name == *source && s.time.is_none();
        let is_entity = self.hir.sources.iter().any(timeless);
        let diagnostic = self.error(
            405,
            span,
            format!("rows of `{source}` have no history of `{entity}`"),
        );
        self.report(if is_entity {
            diagnostic
                .note(format!(
                    "`{source}` has no time, so it is not known what is earlier"
                ))
                .help(format!(
                    "move the feature to `features {events}`, and write `history({events} of {entity}, {written}`"
                ))
        } else {
            diagnostic.help(format!("declare a reference to `{entity}` in `{source}`"))
        });
        None
    }

    /// `last: 50` or `within: 30d`.
    fn bound_by_argument(&mut self, arg: &Arg, bounds: &mut Bounds) -> Option<()> {
        let name = arg.name.as_ref().map(|name| name.text.as_str());
        let given = match name {
            Some("last") => bounds.last.is_some(),
            Some("within") => bounds.within.is_some(),
            _ => false,
        };
        if let (Some(name), true) = (name, given) {
            let message = format!("`{name}` of `history` is given twice");
            self.report(self.error(220, arg.value.span, message));
            return None;
        }
        let message = match (name, self.expr(&arg.value).ty) {
            (Some("last"), Ty::Const(Value::Int(n))) if n > 0 => {
                bounds.last = Some(n as usize);
                return Some(());
            }
            (Some("within"), Ty::Const(Value::Duration(micros))) if micros > 0 => {
                bounds.within = Some(micros);
                return Some(());
            }
            (_, Ty::Error) => return None,
            (Some("last"), _) => "`last` is a whole number above 0".to_owned(),
            (Some("within"), _) => NO_DURATION.to_owned(),
            (Some(name), _) => {
                format!("`history` has no argument `{name}`; it takes `last` and `within`")
            }
            (None, _) => "`history` takes `last` and `within` by name".to_owned(),
        };
        self.report(self.error(222, arg.value.span, message));
        None
    }

    fn bound_by_window(&mut self, window: &Window, bounds: &mut Bounds, span: Span) -> Option<()> {
        match window {
            Window::Within(e) => match self.expr(e).ty {
                Ty::Const(Value::Duration(micros)) if micros > 0 => {
                    bounds.within = Some(micros);
                    Some(())
                }
                Ty::Error => None,
                _ => {
                    self.report(self.error(222, e.span, NO_DURATION));
                    None
                }
            },
            Window::In(_) | Window::InNext(_) | Window::Before(_) => {
                self.not_yet(
                    span,
                    "a window of a loop in a history",
                    "write `within: 30d`: also in a loop a history is strictly earlier than its row",
                );
                None
            }
        }
    }

    fn history_of(
        &mut self,
        source: &ast::Expr,
        of: Option<&ast::Name>,
        written: &str,
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
        let row = self.frames.last().and_then(|frame| frame.row.as_ref());
        if let Some(row) = row.map(|row| row.source.clone())
            && of.is_none()
            && self.references_of(name).contains(&row)
        {
            self.history_reader(name, &row, written, span)?;
        }
        let Some(of) = of else {
            let targets: Vec<String> = self.references_of(name);
            let target = targets.first().cloned().unwrap_or_else(|| "user".into());
            self.report(
                self.error(223, span, "`history` needs to know whose events")
                    .help(format!("write `history({name} of {target}, {written}`")),
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

    /// A handle over the rows of a history; equal ones are one.
    fn history_handle(&mut self, row: &Expr, history: History) -> Expr {
        let (source, last, span) = (history.source.clone(), history.last, history.span);
        let same = |known: &History| known.key == history.key;
        let index = match self.hir.histories.iter().position(same) {
            Some(index) => index,
            None => {
                self.hir.histories.push(history);
                self.hir.histories.len() - 1
            }
        };
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

/// What follows the rows of a history that was written: its bounds, the closing bracket, and after it the path that stands among
/// the arguments, as in `history(visit, item.id)`.
fn written_history(args: &[Arg]) -> String {
    let named = args.iter().find(|arg| arg.name.is_some());
    let bound = match named.and_then(|arg| Some((arg.name.as_ref()?, &arg.value))) {
        Some((name, value)) => format!("{}: {}", name.text, reckon_grammar::print_expr(value)),
        None => "last: 50".to_owned(),
    };
    let path = args.iter().skip(1).find_map(|arg| match &arg.value.kind {
        Syntax::Field(..) | Syntax::Name(_) if arg.name.is_none() => {
            Some(format!(".{}", reckon_grammar::print_expr(&arg.value)))
        }
        _ => None,
    });
    format!("{bound}){}", path.unwrap_or_default())
}
