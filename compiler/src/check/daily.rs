//! Loops over days and the windows of rows in them.

use reckon_grammar::ast::{self, Arg, ExprKind as Syntax, ItemKind, Window};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::{Checker, Frame};
use crate::hir::{
    Expr, ExprKind, Loop, Loss, Origin, Rows, StoredColumn, Tables, Teacher, Tower, Turn,
};
use crate::plan::WindowPlan;
use crate::value::Value;

/// What a tower as the day began is called: it begins the paths of its weights.
fn before(tower: &str) -> String {
    format!("before/{tower}")
}

impl<'a> Checker<'a> {
    /// Notes the loop that an item stands in; `None` for all others.
    pub(super) fn enter_loop_of(&mut self, item: &'a ast::Item) {
        self.open_loop = self.loops().into_iter().find(|each| {
            let mut items = each.items.iter();
            items.any(|inside| std::ptr::eq(inside, item))
        });
    }

    pub(super) fn loops(&self) -> Vec<&'a ast::Loop> {
        let items = self.user_items();
        items
            .filter_map(|item| match &item.kind {
                ItemKind::Loop(each) => Some(each),
                _ => None,
            })
            .collect()
    }

    /// The heads of all loops, and what they run in the order of the text.
    pub(super) fn loop_heads(&mut self) {
        let loops = self.loops();
        for each in loops.iter().skip(1) {
            let first = loops[0].name.span;
            self.report(
                Diagnostic::error(Code(711), each.name.span, "a spec has one loop over days")
                    .label(first, "the first")
                    .help("put what both run into one loop"),
            );
        }
        let Some(each) = loops.first().copied() else {
            return;
        };
        self.items_of_loops(each);
        let by = self.length_of_days(&each.by);
        let source = self.source_of_days(each);
        if let (Some(by), Some(source)) = (by, source) {
            self.hir.daily = Some(Loop {
                name: each.name.text.clone(),
                source,
                by,
                turns: self.turns(each),
                span: each.name.span,
            });
        } else {
            self.refused.insert(each.name.text.clone());
        }
    }

    /// What a loop runs, in the order of the text.
    fn turns(&self, each: &'a ast::Loop) -> Vec<Turn> {
        let items = each.items.iter();
        items
            .filter_map(|item| match &item.kind {
                ItemKind::Graph(graph) => Some(Turn::Graph(graph.name.text.clone())),
                ItemKind::Column(column) => {
                    let source = self.source_of(&column.rows.expr)?.to_owned();
                    Some(Turn::Column(source, column.name.text.clone()))
                }
                ItemKind::Train(train) => {
                    let name = train.name.as_ref().map(|name| name.text.clone());
                    Some(Turn::Train(name.unwrap_or_else(|| "train".to_owned())))
                }
                ItemKind::Evaluate(evaluate) => Some(Turn::Evaluate(evaluate.name.text.clone())),
                _ => None,
            })
            .collect()
    }

    fn items_of_loops(&mut self, each: &ast::Loop) {
        for item in &each.items {
            let allowed = matches!(
                item.kind,
                ItemKind::Loss(_)
                    | ItemKind::Train(_)
                    | ItemKind::Graph(_)
                    | ItemKind::Selector(_)
                    | ItemKind::Column(_)
                    | ItemKind::Evaluate(_)
            );
            if !allowed {
                let head = Span {
                    end: item.span.start + 1,
                    ..item.span
                };
                self.report(
                    Diagnostic::error(Code(711), head, "this does not belong into a loop over days")
                        .note("a loop holds losses, trainings, graphs, selectors, columns and evaluations")
                        .help("move it before the loop"),
                );
            }
        }
    }

    fn length_of_days(&mut self, by: &ast::Expr) -> Option<i64> {
        self.frames.push(Frame::default());
        let value = self.expr(by);
        self.frames.pop();
        match value.ty.value() {
            Some(Value::Duration(by)) if *by > 0 => Some(*by),
            _ if value.is_error() => None,
            _ => {
                self.report(
                    Diagnostic::error(Code(711), by.span, "a loop goes by a duration above 0")
                        .help("write `by 1d`"),
                );
                None
            }
        }
    }

    /// `visit.at`: events and the column that dates them.
    fn source_of_days(&mut self, each: &ast::Loop) -> Option<String> {
        let span = each.over.span;
        let path = match &each.over.kind {
            Syntax::Field(base, column) => match &base.kind {
                Syntax::Name(source) => Some((source, column)),
                _ => None,
            },
            Syntax::Error => return None,
            _ => None,
        };
        let Some((name, column)) = path else {
            self.report(
                Diagnostic::error(Code(711), span, "a loop goes over the time of events")
                    .help("write `loop day over EVENTS.TIME by 1d { ... }`"),
            );
            return None;
        };
        self.source_known(name, span)?;
        let source = self.hir.sources.iter().find(|known| known.name == *name)?;
        if source.time.as_deref() != Some(column.text.as_str()) {
            let message = format!("`{}` does not date `{name}`", column.text);
            let mut diagnostic = Diagnostic::error(Code(711), column.span, message);
            diagnostic = match &source.time {
                Some(time) => diagnostic.help(format!("write `{name}.{time}`")),
                None => diagnostic.note(format!("`{name}` has no column `: time`")),
            };
            self.report(diagnostic);
            return None;
        }
        if let Some(split) = self.hir.splits.iter().find(|split| split.source == *name) {
            let message = format!("`{name}` is split, and a loop cuts it into days");
            self.report(
                Diagnostic::error(Code(711), span, message)
                    .label(split.span, "split here")
                    .help(format!(
                        "leave out `split {name}`: `in next day` is what a day is evaluated on"
                    )),
            );
        }
        self.used.insert(format!("{name}.{}", column.text));
        Some(name.clone())
    }

    /// The window of rows of `source`.
    pub(super) fn window(
        &mut self,
        windows: &[Window],
        source: &str,
        span: Span,
    ) -> Option<WindowPlan> {
        let (mut window, mut within) = (None, None);
        for one in windows {
            let (day, found) = match one {
                Window::In(day) => (day, WindowPlan::Day),
                Window::InNext(day) => (day, WindowPlan::NextDay),
                Window::Before(day) => (day, WindowPlan::Before(None)),
                Window::Within(e) => {
                    let value = self.expr(e);
                    match value.ty.value() {
                        Some(Value::Duration(time)) if *time > 0 => within = Some(*time),
                        _ => return self.no_window(e.span, "`within` takes a duration above 0"),
                    }
                    continue;
                }
            };
            self.is_the_day(day)?;
            if window.replace(found).is_some() {
                return self.no_window(span, "rows have one window");
            }
        }
        let window = match (window, within) {
            (Some(WindowPlan::Before(_)), within) => WindowPlan::Before(within),
            (Some(window), None) => window,
            (Some(_) | None, _) => {
                return self.no_window(span, "`within` bounds rows before a day");
            }
        };
        let known = self.hir.sources.iter().find(|known| known.name == source)?;
        if known.time.is_none() {
            let message = format!("`{source}` has no time, and a window is a bound in time");
            return self.no_window(span, &message);
        }
        Some(window)
    }

    fn no_window(&mut self, span: Span, message: &str) -> Option<WindowPlan> {
        self.report(
            self.error(712, span, message).help(
                "write `EVENTS in day`, `EVENTS in next day` or `EVENTS before day within 30d`",
            ),
        );
        None
    }

    /// Whether a window names the loop that it stands in.
    fn is_the_day(&mut self, day: &ast::Name) -> Option<()> {
        let open = self.open_loop.map(|each| each.name.text.as_str());
        if open == Some(day.text.as_str()) {
            return Some(());
        }
        let mut diagnostic = self.error(712, day.span, format!("there is no `{}` here", day.text));
        diagnostic = match open {
            Some(open) => diagnostic.help(format!("write `{open}`")),
            None => diagnostic
                .note("a window belongs to rows inside a loop over days")
                .help("move it into `loop day over EVENTS.TIME by 1d { ... }`"),
        };
        self.report(diagnostic);
        None
    }

    /// Inside a loop, rows with a time say which of them a day reads.
    pub(super) fn has_window(&mut self, rows: &Rows) {
        let Some(each) = self.open_loop else { return };
        let known = self
            .hir
            .sources
            .iter()
            .find(|known| known.name == rows.source);
        let dated = known.is_some_and(|known| known.time.is_some());
        if dated && rows.window.is_none() {
            let (day, source) = (&each.name.text, &rows.source);
            self.report(
                Diagnostic::error(
                    Code(713),
                    rows.span,
                    format!("`{source}` has a time, and does not say which rows a `{day}` reads"),
                )
                .note("without a window the first day would see the last")
                .help(format!(
                    "write `{source} in {day}`, or `{source} before {day} within 30d`"
                )),
            );
        }
    }

    /// A training never reads the next day.
    pub(super) fn trains_on_the_past(&mut self, name: &str, rows: &Rows) {
        self.is_known_today(rows, &format!("loss `{name}` would train on"));
    }

    /// What trainings read is not of the next day; `what` begins the message.
    pub(super) fn is_known_today(&mut self, rows: &Rows, what: &str) {
        if rows.window == Some(WindowPlan::NextDay) {
            self.report(
                Diagnostic::error(Code(714), rows.span, format!("{what} the next day"))
                    .note("the next day is what the day is evaluated on, before it trains")
                    .help("write `in day`"),
            );
        }
    }

    /// Losses that a training of a loop minimises have windows, and others have none.
    pub(super) fn minimises_in_its_place(&mut self, losses: &[(f64, String)], span: Span) {
        let found: Vec<Rows> = losses
            .iter()
            .filter_map(|(_, name)| self.hir.losses.iter().find(|loss| loss.name == *name))
            .map(|loss| loss.rows.clone())
            .collect();
        for rows in found {
            match self.open_loop {
                Some(each) if !each.items.iter().any(|item| holds(item.span, rows.span)) => {
                    self.has_window(&rows);
                }
                Some(_) => {}
                None if rows.window.is_some() => {
                    let message =
                        "a training outside of the loop minimises a loss over rows of a day";
                    self.report(
                        Diagnostic::error(Code(712), span, message)
                            .label(rows.span, "rows of a day")
                            .help("move the training into the loop"),
                    );
                }
                None => self.reads_no_days(&rows, span),
            }
        }
    }

    /// Events that a loop goes over are not split, so a training before it would read all days.
    fn reads_no_days(&mut self, rows: &Rows, span: Span) {
        let Some(daily) = self.hir.daily.as_ref() else {
            return;
        };
        if daily.source == rows.source {
            let (day, source) = (&daily.name, &rows.source);
            let diagnostic = Diagnostic::error(
                Code(713),
                span,
                format!("a training outside of the loop reads all days of `{source}`"),
            );
            let diagnostic = diagnostic
                .label(rows.span, "of every day")
                .note("the first day would begin with what the last has taught")
                .help(format!("move it into the loop, over `{source} in {day}`"));
            self.report(diagnostic);
        }
    }

    /// `whole.before(...)`: the tower with the weights that it had as the day began.
    pub(super) fn as_the_day_began(
        &mut self,
        tower: &'a ast::Tower,
        piped: Option<&ast::Expr>,
        args: &[Arg],
        span: Span,
    ) -> Expr {
        let name = &tower.name.text;
        if self.open_loop.is_none() {
            self.report(
                self.error(712, span, format!("`{name}.before` is `{name}` as the day began, and there is no day here"))
                    .help(format!("inside a loop over days it can be read; elsewhere write `teacher old copy of {name}`")),
            );
            return Expr::error(span);
        }
        let applied = self.apply_tower(tower, piped, args, span);
        let ExprKind::Tower(_, args) = applied.kind else {
            return applied;
        };
        let kept = before(name);
        if self.hir.tower(&kept).is_none()
            && let Some(of) = self.hir.tower(name)
        {
            let kept = Tower {
                name: kept.clone(),
                teacher: Some(Teacher {
                    origin: Origin::Before(name.clone()),
                    tables: Tables::Own,
                }),
                ..of.clone()
            };
            self.hir.towers.push(kept);
        }
        Expr {
            kind: ExprKind::Tower(kept, args),
            ..applied
        }
    }

    /// Refuses teachers that judge rows that they were trained on earlier in the day.
    pub(super) fn teachers_have_not_seen_the_day(&mut self) {
        let Some(each) = self.hir.daily.clone() else {
            return;
        };
        let mut seen: Vec<(String, String)> = Vec::new();
        let mut refused = Vec::new();
        for turn in &each.turns {
            match turn {
                Turn::Train(name) => {
                    let losses = self.losses_of(name);
                    for loss in &losses {
                        let mut judging = self.teachers_read(&loss.value);
                        judging.retain(|(teacher, _)| !loss.trains.contains(teacher));
                        refused.extend(those_seen(&seen, judging));
                    }
                    let of_the_day = losses
                        .iter()
                        .filter(|loss| loss.rows.window == Some(WindowPlan::Day));
                    let towers = of_the_day.flat_map(|loss| &loss.trains);
                    seen.extend(towers.map(|tower| (tower.clone(), name.clone())));
                }
                Turn::Column(source, name) => {
                    let mut columns = self.hir.columns.iter();
                    let is_it = |column: &&StoredColumn| {
                        column.rows.source == *source && column.name == *name
                    };
                    if let Some(column) = columns.find(is_it)
                        && column.rows.window == Some(WindowPlan::Day)
                    {
                        refused.extend(those_seen(&seen, self.teachers_read(&column.value)));
                    }
                }
                Turn::Graph(_) | Turn::Evaluate(_) => {}
            }
        }
        for (teacher, by, place) in refused {
            self.report(
                Diagnostic::error(
                    Code(715),
                    place,
                    format!("`{teacher}` has seen the day that it judges"),
                )
                .note(format!(
                    "`{by}` trains it on rows of the day, earlier in the loop"
                ))
                .help(format!(
                    "write `{teacher}.before(...)`: the teacher as the day began"
                )),
            );
        }
    }

    /// The losses that a training minimises.
    fn losses_of(&self, train: &str) -> Vec<Loss> {
        let trains = self.hir.trains.iter().filter(|known| known.name == train);
        let names = trains.flat_map(|train| &train.minimize);
        names
            .filter_map(|(_, name)| self.hir.losses.iter().find(|loss| loss.name == *name))
            .cloned()
            .collect()
    }

    /// The teachers that a value reads, with the places; not those behind copies and averages.
    fn teachers_read(&self, value: &Expr) -> Vec<(String, Span)> {
        let (mut found, mut open) = (Vec::new(), Vec::new());
        value.walk(&mut |e| {
            if let ExprKind::Tower(name, _) | ExprKind::Frozen(name, _) = &e.kind {
                open.push((name.clone(), e.span));
            }
        });
        while let Some((name, place)) = open.pop() {
            let known = found.iter().any(|(known, _)| *known == name);
            let Some(tower) = self
                .hir
                .tower(&name)
                .filter(|tower| !known && tower.learns())
            else {
                continue;
            };
            tower.value.walk(&mut |e| {
                if let ExprKind::Tower(inner, _) | ExprKind::Frozen(inner, _) = &e.kind {
                    open.push((inner.clone(), place));
                }
            });
            found.push((name, place));
        }
        found.retain(|(name, _)| {
            self.hir
                .tower(name)
                .is_some_and(|tower| tower.teacher.is_some())
        });
        found.reverse();
        found
    }
}

/// Of teachers with the places where they judge those that a training has shown the day, with its name.
fn those_seen(
    seen: &[(String, String)],
    judging: Vec<(String, Span)>,
) -> Vec<(String, String, Span)> {
    let by = |teacher: &String| seen.iter().find(|(known, _)| known == teacher);
    judging
        .into_iter()
        .filter_map(|(teacher, place)| {
            let (_, by) = by(&teacher)?;
            Some((teacher, by.clone(), place))
        })
        .collect()
}

fn holds(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
}
