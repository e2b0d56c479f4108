//! Rows and the pipes behind them: what narrows rows, weighs them, draws from them or beside them.

use reckon_grammar::ast::{self, Arg, ExprKind as Syntax};
use reckon_grammar::span::Span;

use super::Checker;
use super::grouping::Grouping;
use crate::hir::{
    Draw, Expr, HandleTy, LocalId, Negatives, Pick, Rows, SpaceKind, Ty, first_condition,
};
use crate::plan::WindowPlan;
use crate::plan::row::{RowKind, RowType};
use crate::value::Value;

/// The functions of rows.
const FUNCTIONS: &[&str] = &[
    "negatives",
    "keep",
    "at_most",
    "top",
    "weigh",
    "sample",
    "down_sample",
    "group",
];

/// Rows as far as they have been read.
struct Draft {
    /// Tells the batch apart from others.
    batch: String,
    /// How the pipe groups rows, where it does.
    grouping: Option<Grouping>,
    source: Option<(String, LocalId, Expr)>,
    rows: Parts,
    /// Selectors being read.
    open: Vec<String>,
    /// Selectors that all rows so far have passed.
    through: Vec<String>,
}

impl Draft {
    /// Notes which selectors the rows so far have passed: columns over those have a value at each of them.
    fn note_reach(&self, checker: &mut Checker<'_>) {
        if let Some((_, row, _)) = &self.source {
            checker.reach.insert(*row, self.through.clone());
        }
    }
}

#[derive(Default)]
struct Parts {
    window: Option<WindowPlan>,
    picks: Vec<Pick>,
    drawn: Option<Draw>,
    balanced: Option<Vec<Pick>>,
    negatives: Option<Negatives>,
    group: Option<Expr>,
}

impl<'a> Checker<'a> {
    /// Rows of an item, and a handle over a batch of them.
    pub(super) fn rows(&mut self, rows: &ast::Rows, batch_name: &str) -> Option<(Rows, Expr)> {
        let mut draft = Draft {
            batch: batch_name.to_owned(),
            grouping: self.grouping(&rows.expr),
            source: None,
            rows: Parts::default(),
            open: Vec::new(),
            through: Vec::new(),
        };
        self.read_rows(&rows.expr, &mut draft)?;
        let (source, row, handle) = draft.source?;
        let batch = match &rows.batch {
            Some(batch) => Some(self.whole(batch, "batch")?),
            None => None,
        };
        let Parts {
            window,
            mut picks,
            drawn,
            balanced,
            negatives,
            group,
        } = draft.rows;
        let condition = match balanced {
            None => first_condition(&mut picks),
            Some(_) => None,
        };
        let rows = Rows {
            source,
            row,
            window,
            condition,
            picks,
            drawn,
            balanced,
            negatives,
            group,
            most: draft.grouping.and_then(|grouping| grouping.most),
            through: draft.through,
            batch,
            span: rows.expr.span,
        };
        Some((rows, handle))
    }

    /// Only the rows of a loss say how many of them make a batch.
    pub(super) fn no_batch(&mut self, rows: &ast::Rows, of: &str) {
        if let Some(batch) = &rows.batch {
            let message = format!("`batch` ends the rows of a loss, and these are rows of {of}");
            self.report(
                self.error(704, batch.span, message)
                    .help("move it behind the rows of the loss, or into its `train`"),
            );
        }
    }

    /// A selector is checked where it stands, read or not.
    pub(super) fn selector(&mut self, selector: &ast::Selector) {
        self.frames.push(super::Frame::default());
        let name = &selector.name.text;
        self.no_batch(&selector.rows, "a selector");
        if self
            .rows(&selector.rows, &format!("selector {name}"))
            .is_none()
        {
            self.refused.insert(name.clone());
        }
        self.frames.pop();
    }

    fn read_rows(&mut self, e: &ast::Expr, draft: &mut Draft) -> Option<()> {
        match &e.kind {
            Syntax::Pipe(base, callee, args) => {
                self.read_rows(base, draft)?;
                let Syntax::Name(name) = &callee.kind else {
                    self.no_rows(callee.span);
                    return None;
                };
                self.row_function(name, callee.span, args, draft)
            }
            Syntax::Call(callee, args) if is_name(callee, "balanced") => {
                self.balanced(args, e.span, draft)
            }
            Syntax::Rows { .. } => {
                let (source, cond) = self.source_and_condition(e)?;
                self.read_rows(source, draft)?;
                self.bound_in_time(e, draft)?;
                match cond {
                    Some(cond) => self.keep(cond, draft),
                    None => Some(()),
                }
            }
            Syntax::Name(name) => self.rows_of_name(name, e.span, draft),
            Syntax::Error => None,
            _ => {
                self.no_rows(e.span);
                None
            }
        }
    }

    /// Bounds rows in time where they have windows.
    fn bound_in_time(&mut self, e: &ast::Expr, draft: &mut Draft) -> Option<()> {
        let Syntax::Rows { windows, .. } = &e.kind else {
            return Some(());
        };
        if windows.is_empty() {
            return Some(());
        }
        let (source, ..) = draft.source.clone()?;
        let window = self.window(windows, &source, e.span)?;
        if draft.rows.window.is_some_and(|known| known != window) {
            self.report(
                self.error(712, e.span, "rows have one window")
                    .help("leave out one of the two, here or in the selector"),
            );
            return None;
        }
        draft.rows.window = Some(window);
        Some(())
    }

    fn rows_of_name(&mut self, name: &str, span: Span, draft: &mut Draft) -> Option<()> {
        if let Some(selector) = self.selector_named(name) {
            if self.refused.contains(name) {
                return None;
            }
            if draft.open.iter().any(|open| open == name) {
                self.report(
                    self.error(702, span, format!("selector `{name}` selects from itself"))
                        .help("begin it with events or an entity"),
                );
                return None;
            }
            draft.open.push(name.to_owned());
            let read = self.read_rows(&selector.rows.expr, draft);
            draft.open.pop();
            draft.through.push(name.to_owned());
            draft.note_reach(self);
            return read;
        }
        self.source_known(name, span)?;
        if let Some((known, ..)) = &draft.source {
            let same = known == name;
            if !same {
                let message = "both halves of `balanced` are rows of one source";
                self.report(self.error(704, span, message));
            }
            return same.then_some(());
        }
        let (kind, letter) = match draft.grouping {
            Some(Grouping { most }) => {
                let groups = self.space(format!("groups {}", draft.batch), "B", SpaceKind::Batch);
                let kind = SpaceKind::List {
                    parent: Some(groups),
                    max: most,
                };
                (
                    kind,
                    most.map_or_else(|| "~".to_owned(), |most| format!("~{most}")),
                )
            }
            None => (SpaceKind::Batch, "B".to_owned()),
        };
        let space = self.space(format!("batch {}", draft.batch), &letter, kind);
        let ty = HandleTy {
            source: name.to_owned(),
            space: Some(space),
            past: false,
            candidates: false,
        };
        let (row, handle) = self.row_handle(ty, span);
        draft.source = Some((name.to_owned(), row, handle));
        Some(())
    }

    pub(super) fn selector_names(&self) -> Vec<String> {
        let names = self.user_items().filter_map(|item| match &item.kind {
            ast::ItemKind::Selector(selector) => Some(selector.name.text.clone()),
            _ => None,
        });
        names.collect()
    }

    pub(super) fn is_function_of_rows(&self, name: &str) -> bool {
        name == "balanced" || FUNCTIONS.contains(&name)
    }

    /// A function of rows where a value is expected.
    pub(super) fn stands_behind_rows(&mut self, name: &str, span: Span) -> Expr {
        self.report(
            self.error(
                704,
                span,
                format!("`{name}` is a function of rows, and stands where a value is expected"),
            )
            .help("rows stand behind `over` in a loss, or in a `selector`"),
        );
        Expr::error(span)
    }

    pub(super) fn selector_named(&self, name: &str) -> Option<&'a ast::Selector> {
        self.user_items().find_map(|item| match &item.kind {
            ast::ItemKind::Selector(selector) if selector.name.text == name => Some(selector),
            _ => None,
        })
    }

    /// A value of the rows read so far.
    fn of_rows(&mut self, e: &ast::Expr, draft: &Draft) -> Option<Expr> {
        let (source, _, handle) = draft.source.clone()?;
        let value = self.in_row_scope(handle, &source, |checker| checker.expr(e));
        (!value.is_error()).then_some(value)
    }

    fn keep(&mut self, cond: &ast::Expr, draft: &mut Draft) -> Option<()> {
        let value = self.of_rows(cond, draft)?;
        let value = self.condition(value)?;
        draft.rows.picks.push(Pick::Keep(value));
        Some(())
    }

    fn row_function(
        &mut self,
        name: &str,
        span: Span,
        args: &[Arg],
        draft: &mut Draft,
    ) -> Option<()> {
        let late = draft.rows.balanced.is_some()
            || draft.rows.negatives.is_some()
            || draft.rows.drawn.is_some()
            || draft.rows.group.is_some();
        if late && FUNCTIONS.contains(&name) {
            self.report(
                self.error(704, span, format!("`{name}` stands behind what takes rows for each step"))
                    .note("`negatives`, `sample`, `group` and `balanced` end the pipe of rows: all that narrows or weighs them stands before")
                    .help(format!("move `{name}` before it")),
            );
            return None;
        }
        match name {
            "keep" => {
                let [cond] = self.row_arguments(name, args, [("cond", true)], span)?;
                self.keep(cond?, draft)
            }
            "at_most" | "top" | "weigh" | "down_sample" => {
                let pick = self.pick(name, args, span, draft)?;
                draft.rows.picks.push(pick);
                Some(())
            }
            "sample" => self.sample(args, span, draft),
            "group" => {
                let params = [("by", false), ("most", false)];
                let [by, _] = self.row_arguments(name, args, params, span)?;
                let by = match by {
                    Some(by) => by.clone(),
                    None => {
                        let (source, ..) = draft.source.clone()?;
                        self.declared_group(&source, span)?
                    }
                };
                let value = self.of_rows(&by, draft)?;
                draft.rows.group = self.groups_rows(&value).then_some(value);
                draft.rows.group.as_ref().map(|_| ())
            }
            "negatives" => {
                let (source, ..) = draft.source.clone()?;
                draft.rows.negatives = Some(self.negatives(&source, args, span)?);
                Some(())
            }
            _ => {
                self.unknown(705, span, "function of rows", name, FUNCTIONS);
                None
            }
        }
    }

    /// What narrows or weighs rows by a value of each.
    fn pick(&mut self, name: &str, args: &[Arg], span: Span, draft: &Draft) -> Option<Pick> {
        Some(match name {
            "at_most" => {
                let [n, by] = self.row_arguments(name, args, [("n", true), ("by", false)], span)?;
                let n = self.amount(n?)?;
                let by = match by {
                    Some(by) => Some(self.number_of_rows(by, draft)?),
                    None => None,
                };
                Pick::AtMost(n, by)
            }
            "top" => {
                let params = [("share", true), ("by", true)];
                let [share, by] = self.row_arguments(name, args, params, span)?;
                Pick::Top(self.share(share?)?, self.number_of_rows(by?, draft)?)
            }
            "down_sample" => {
                let params = [("cond", true), ("rate", true)];
                let [cond, rate] = self.row_arguments(name, args, params, span)?;
                let cond = self.of_rows(cond?, draft)?;
                Pick::DownSample(self.condition(cond)?, self.share(rate?)?)
            }
            _ => {
                let [weight] = self.row_arguments(name, args, [("weight", true)], span)?;
                Pick::Weigh(self.number_of_rows(weight?, draft)?)
            }
        })
    }

    /// A number of each row, without nulls.
    fn number_of_rows(&mut self, e: &ast::Expr, draft: &Draft) -> Option<Expr> {
        let value = self.of_rows(e, draft)?;
        self.plain_number(value)
    }

    pub(super) fn plain_number(&mut self, value: Expr) -> Option<Expr> {
        let number =
            |ty: &RowType| matches!(ty.kind, RowKind::Int | RowKind::Float | RowKind::Bool);
        match &value.ty {
            Ty::Row(ty) if number(ty) && !ty.nullable => Some(value),
            Ty::Const(Value::Int(_) | Value::Float(_)) => Some(value),
            other => {
                let shown = self.show(other);
                let mut diagnostic = self.error(
                    706,
                    value.span,
                    format!("expected a number of each row, found `{shown}`"),
                );
                if matches!(other, Ty::Row(ty) if ty.nullable) {
                    diagnostic = diagnostic.help("give nulls a value: `... |> fill(0)`");
                }
                self.report(diagnostic);
                None
            }
        }
    }

    /// A share of rows, above 0 and at most 1.
    fn share(&mut self, e: &ast::Expr) -> Option<f64> {
        let value = self.expr(e);
        let share = value.ty.value().and_then(Value::as_f64);
        let share = share.filter(|share| *share > 0.0 && *share <= 1.0);
        if share.is_none() && !value.is_error() {
            self.report(
                self.error(706, e.span, "a share of rows is above 0 and at most 1")
                    .help("write it as `50%`"),
            );
        }
        share
    }

    fn sample(&mut self, args: &[Arg], span: Span, draft: &mut Draft) -> Option<()> {
        let [by] = self.row_arguments("sample", args, [("by", true)], span)?;
        let by = by?;
        draft.rows.drawn = Some(match &by.kind {
            Syntax::Name(word) if word == "uniform" => Draw::Uniform,
            _ => Draw::By(self.number_of_rows(by, draft)?),
        });
        Some(())
    }

    /// `balanced(a, b)`: half of each batch from each.
    fn balanced(&mut self, args: &[Arg], span: Span, draft: &mut Draft) -> Option<()> {
        let [a, b] = self.row_arguments("balanced", args, [("a", true), ("b", true)], span)?;
        let mut halves = Vec::new();
        let mut through = Vec::new();
        for half in [a?, b?] {
            let before = std::mem::take(&mut draft.rows);
            draft.through.clear();
            draft.note_reach(self);
            self.read_rows(half, draft)?;
            let read = std::mem::replace(&mut draft.rows, before);
            let simple =
                read.drawn.is_none() && read.balanced.is_none() && read.negatives.is_none();
            if !simple || read.group.is_some() {
                self.report(self.error(
                    704,
                    half.span,
                    "a half of `balanced` is rows that are narrowed or weighed, nothing else",
                ));
                return None;
            }
            halves.push((read.picks, read.window));
            through.push(std::mem::take(&mut draft.through));
        }
        if let [first, second] = &through[..] {
            draft.through = first
                .iter()
                .filter(|name| second.contains(name))
                .cloned()
                .collect();
            draft.note_reach(self);
        }
        let (second, first) = (halves.pop()?, halves.pop()?);
        if first.1 != second.1 {
            self.report(self.error(
                704,
                span,
                "both halves of `balanced` are rows of one window",
            ));
            return None;
        }
        draft.rows.window = first.1;
        draft.rows.balanced = Some(second.0);
        draft.rows.picks = first.0;
        Some(())
    }

    fn no_rows(&mut self, span: Span) {
        self.report(self.error(
            305,
            span,
            "expected the name of events, an entity or a selector",
        ));
    }
}

pub(super) fn is_name(e: &ast::Expr, name: &str) -> bool {
    matches!(&e.kind, Syntax::Name(found) if found == name)
}
