//! Rows and the pipes behind them: what narrows rows, weighs them, draws from them or beside them.

use reckon_grammar::ast::{self, Arg, BinaryOp, ExprKind as Syntax, Role, SourceEntry};
use reckon_grammar::span::Span;

use super::Checker;
use crate::hir::{
    Draw, Except, Expr, ExprKind, HandleTy, LocalId, Negatives, Pick, Rows, Sampler, SpaceKind, Ty,
};
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

/// How deep selectors may stand in each other.
const MAX_SELECTORS: usize = 64;

/// Rows as far as they have been read.
struct Draft {
    /// Tells the batch apart from others.
    batch: String,
    /// The pipe groups rows.
    grouped: bool,
    source: Option<(String, LocalId, Expr)>,
    rows: Parts,
    /// Selectors being read.
    open: Vec<String>,
}

#[derive(Default)]
struct Parts {
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
            grouped: self.groups(&rows.expr, 0),
            source: None,
            rows: Parts::default(),
            open: Vec::new(),
        };
        self.read_rows(&rows.expr, &mut draft)?;
        let (source, row, handle) = draft.source?;
        let batch = match &rows.batch {
            Some(batch) => Some(self.whole(batch, "batch")?),
            None => None,
        };
        let Parts {
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
            condition,
            picks,
            drawn,
            balanced,
            negatives,
            group,
            batch,
            span: rows.expr.span,
        };
        Some((rows, handle))
    }

    /// A selector is checked where it stands, read or not.
    pub(super) fn selector(&mut self, selector: &ast::Selector) {
        self.frames.push(super::Frame::default());
        let name = &selector.name.text;
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
        let kind = match draft.grouped {
            true => {
                let groups = self.space(format!("groups {}", draft.batch), "B", SpaceKind::Batch);
                SpaceKind::List {
                    parent: Some(groups),
                    max: None,
                }
            }
            false => SpaceKind::Batch,
        };
        let letter = if draft.grouped { "~" } else { "B" };
        let space = self.space(format!("batch {}", draft.batch), letter, kind);
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

    fn selector_named(&self, name: &str) -> Option<&'a ast::Selector> {
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
            "at_most" => {
                let [n, by] = self.row_arguments(name, args, [("n", true), ("by", false)], span)?;
                let n = self.whole(n?, "n")?;
                let by = match by {
                    Some(by) => Some(self.number_of_rows(by, draft)?),
                    None => None,
                };
                draft.rows.picks.push(Pick::AtMost(n, by));
                Some(())
            }
            "top" => {
                let [share, by] =
                    self.row_arguments(name, args, [("share", true), ("by", true)], span)?;
                let share = self.share(share?)?;
                let by = self.number_of_rows(by?, draft)?;
                draft.rows.picks.push(Pick::Top(share, by));
                Some(())
            }
            "weigh" => {
                let [weight] = self.row_arguments(name, args, [("weight", true)], span)?;
                let weight = self.number_of_rows(weight?, draft)?;
                draft.rows.picks.push(Pick::Weigh(weight));
                Some(())
            }
            "down_sample" => {
                let [cond, rate] =
                    self.row_arguments(name, args, [("cond", true), ("rate", true)], span)?;
                let cond = self.of_rows(cond?, draft)?;
                let cond = self.condition(cond)?;
                let rate = self.share(rate?)?;
                draft.rows.picks.push(Pick::DownSample(cond, rate));
                Some(())
            }
            "sample" => self.sample(args, span, draft),
            "group" => {
                let [by] = self.row_arguments(name, args, [("by", true)], span)?;
                self.group(by?, draft)
            }
            "negatives" => self.negatives(args, span, draft),
            "affinity" => {
                self.not_yet(span, "`affinity`");
                None
            }
            _ => {
                self.unknown(705, span, "function of rows", name, FUNCTIONS);
                None
            }
        }
    }

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

    /// A number of each row, without nulls.
    fn number_of_rows(&mut self, e: &ast::Expr, draft: &Draft) -> Option<Expr> {
        let value = self.of_rows(e, draft)?;
        self.plain_number(value)
    }

    fn plain_number(&mut self, value: Expr) -> Option<Expr> {
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

    fn group(&mut self, by: &ast::Expr, draft: &mut Draft) -> Option<()> {
        let value = self.of_rows(by, draft)?;
        match &value.ty {
            Ty::Row(RowType {
                kind: RowKind::Int | RowKind::Str,
                nullable: false,
            }) => {
                draft.rows.group = Some(value);
                Some(())
            }
            other => {
                let shown = self.show(other);
                self.report(self.error(706, value.span, format!("rows are grouped by a whole number or a text without nulls, found `{shown}`")));
                None
            }
        }
    }

    /// `balanced(a, b)`: half of each batch from each.
    fn balanced(&mut self, args: &[Arg], span: Span, draft: &mut Draft) -> Option<()> {
        let [a, b] = self.row_arguments("balanced", args, [("a", true), ("b", true)], span)?;
        let mut halves = Vec::new();
        for half in [a?, b?] {
            let before = std::mem::take(&mut draft.rows);
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
            halves.push(read.picks);
        }
        draft.rows.balanced = halves.pop();
        draft.rows.picks = halves.pop()?;
        Some(())
    }

    /// Whether a pipe groups its rows.
    fn groups(&self, rows: &ast::Expr, depth: usize) -> bool {
        match &rows.kind {
            Syntax::Pipe(base, callee, _) => is_name(callee, "group") || self.groups(base, depth),
            Syntax::Rows { source, .. } => self.groups(source, depth),
            Syntax::Name(name) if depth < MAX_SELECTORS => {
                let selector = self.selector_named(name);
                selector.is_some_and(|selector| self.groups(&selector.rows.expr, depth + 1))
            }
            _ => false,
        }
    }

    fn negatives(&mut self, args: &[Arg], span: Span, draft: &mut Draft) -> Option<()> {
        let params = [
            ("entity", true),
            ("n", true),
            ("by", false),
            ("except", false),
        ];
        let [entity, n, by, except] = self.row_arguments("negatives", args, params, span)?;
        let (source, ..) = draft.source.clone()?;
        let entity_span = entity?.span;
        let targets = self.references_of(&source);
        let entity = match &entity?.kind {
            Syntax::Name(name) if targets.contains(name) => name.clone(),
            other => {
                let name = if let Syntax::Name(name) = other {
                    name
                } else {
                    ""
                };
                let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
                self.report(
                    self.error(
                        704,
                        entity_span,
                        format!("rows of `{source}` do not refer to `{name}`"),
                    )
                    .note(format!("they refer to {}", super::list(&targets))),
                );
                return None;
            }
        };
        let count = self.whole(n?, "n")?;
        let sampler = self.sampler(&entity, by)?;
        let except = self.except(except)?;
        let (kept, labels) = self.columns_of_drawn_rows(&source, &entity);
        draft.rows.negatives = Some(Negatives {
            sampler,
            count,
            except,
            kept,
            labels,
        });
        Some(())
    }

    fn except(&mut self, word: Option<&ast::Expr>) -> Option<Except> {
        let Some(word) = word else {
            return Some(Except::Nothing);
        };
        match &word.kind {
            Syntax::Name(name) if name == "clicked" => Some(Except::Clicked),
            Syntax::Name(name) if name == "seen" => Some(Except::Seen),
            Syntax::Name(name) if name == "none" => Some(Except::Nothing),
            other => {
                let name = if let Syntax::Name(name) = other {
                    name
                } else {
                    ""
                };
                self.unknown(
                    221,
                    word.span,
                    "word for `except`",
                    name,
                    &["clicked", "seen", "none"],
                );
                None
            }
        }
    }

    /// What draws things: `by` is `count(movie)`, a power of it, a number of each thing, or a product of both.
    pub(super) fn sampler(&mut self, entity: &str, by: Option<&ast::Expr>) -> Option<Sampler> {
        let mut sampler = Sampler {
            entity: entity.to_owned(),
            power: 0.0,
            weight: None,
        };
        let Some(by) = by else { return Some(sampler) };
        if matches!(&by.kind, Syntax::Name(word) if word == "uniform") {
            return Some(sampler);
        }
        let factors = match &by.kind {
            Syntax::Binary(BinaryOp::Mul, a, b) if counts(a) || counts(b) => vec![&**a, &**b],
            _ => vec![by],
        };
        for factor in factors {
            match self.count_power(factor, entity) {
                Some(Some(power)) => sampler.power += power,
                Some(None) => return None,
                None if mentions_count(factor) => {
                    self.report(
                        self.error(703, factor.span, "`count` stands alone, to a power, or as a factor of the weight of a sampler")
                            .help(format!("write `by: count({entity}) ^ 0.75`")),
                    );
                    return None;
                }
                None => {
                    let (_, handle) = self.feature_row(entity, factor.span);
                    let value = self.in_row_scope(handle, entity, |checker| checker.expr(factor));
                    if value.is_error() {
                        return None;
                    }
                    sampler.weight = Some(self.plain_number(value)?);
                }
            }
        }
        Some(sampler)
    }

    /// The exponent of `count(entity) ^ p`; the inner `None` was reported.
    fn count_power(&mut self, e: &ast::Expr, entity: &str) -> Option<Option<f64>> {
        let (call, power) = match &e.kind {
            Syntax::Binary(BinaryOp::Pow, base, power) if is_count(base) => {
                (&**base, Some(&**power))
            }
            _ if is_count(e) => (e, None),
            _ => return None,
        };
        let Syntax::Call(_, args) = &call.kind else {
            return None;
        };
        if !matches!(args.as_slice(), [arg] if is_name(&arg.value, entity)) {
            self.report(
                self.error(
                    703,
                    call.span,
                    format!("the weight of a thing of `{entity}` counts the rows that refer to it"),
                )
                .help(format!("write `count({entity})`")),
            );
            return Some(None);
        }
        let Some(power) = power else {
            return Some(Some(1.0));
        };
        let value = self.expr(power);
        let number = value.ty.value().and_then(Value::as_f64);
        if number.is_none() && !value.is_error() {
            self.report(self.error(
                703,
                power.span,
                "the exponent of a count is a number known while compiling",
            ));
        }
        Some(number)
    }

    /// The columns that a row drawn from `entity` has from its row, and those that are 0 or false.
    fn columns_of_drawn_rows(&self, source: &str, entity: &str) -> (Vec<String>, Vec<String>) {
        let mut kept = Vec::new();
        let mut labels = Vec::new();
        if let Some(plan) = self.hir.sources.iter().find(|known| known.name == source) {
            kept.extend(plan.time.clone());
            let others = plan
                .references
                .iter()
                .filter(|reference| reference.target != entity);
            kept.extend(others.flat_map(|reference| reference.columns.clone()));
        }
        let entries = self
            .source_items
            .get(source)
            .map(|item| item.entries.as_slice());
        for entry in entries.unwrap_or_default() {
            let SourceEntry::Column(column) = entry else {
                continue;
            };
            match &column.role {
                Role::Label => labels.push(column.name.text.clone()),
                Role::Known(Some(of)) if of.text != entity => kept.push(column.name.text.clone()),
                Role::Known(_) | Role::Plain => {}
            }
        }
        (kept, labels)
    }

    fn no_rows(&mut self, span: Span) {
        self.report(self.error(
            305,
            span,
            "expected the name of events, an entity or a selector",
        ));
    }
}

/// The conditions that rows begin with, as one.
fn first_condition(picks: &mut Vec<Pick>) -> Option<Expr> {
    let mut all: Option<Expr> = None;
    while let Some(Pick::Keep(cond)) = picks.first() {
        let cond = cond.clone();
        picks.remove(0);
        all = Some(match all {
            None => cond,
            Some(before) => {
                let (ty, span) = (before.ty.clone(), cond.span);
                let facts = before.facts.clone().join(&cond.facts);
                let both = ExprKind::Binary(BinaryOp::And, Box::new(before), Box::new(cond));
                Expr::new(both, ty, facts, span)
            }
        });
    }
    all
}

fn is_name(e: &ast::Expr, name: &str) -> bool {
    matches!(&e.kind, Syntax::Name(found) if found == name)
}

fn is_count(e: &ast::Expr) -> bool {
    matches!(&e.kind, Syntax::Call(callee, _) if is_name(callee, "count"))
}

fn counts(e: &ast::Expr) -> bool {
    is_count(e) || matches!(&e.kind, Syntax::Binary(BinaryOp::Pow, base, _) if is_count(base))
}

/// Whether an expression counts somewhere inside.
fn mentions_count(e: &ast::Expr) -> bool {
    is_count(e)
        || match &e.kind {
            Syntax::Binary(_, a, b) => mentions_count(a) || mentions_count(b),
            Syntax::Unary(_, a) => mentions_count(a),
            Syntax::Pipe(a, callee, _) => is_name(callee, "count") || mentions_count(a),
            Syntax::Call(_, args) => args.iter().any(|arg| mentions_count(&arg.value)),
            _ => false,
        }
}
