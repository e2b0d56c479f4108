//! Columns that a run computes: their programs, which trainings they wait for, and which wait for them.

use std::collections::BTreeSet;

use reckon_grammar::diagnostic::{Code, Diagnostic};

use super::phases::{Forward, paths_read};
use super::schedule::Flow;
use super::{Lowering, fed, stream_handle};
use crate::build::{GraphBuilder, Mode, Val};
use crate::hir::{self, ExprKind, Ty};
use crate::plan::{
    AmountPlan, ColumnRef, FeedKind, PickPlan, Plan, Program, RowsPlan, StoredPlan, StoredValue,
    StreamOrder, StreamPlan,
};

/// A column before the trainings have an order: what it reads, through other columns too.
pub(super) struct Column {
    pub(super) plan: StoredPlan,
    /// Paths of its towers, those behind copies and averages included.
    reads: BTreeSet<String>,
    /// Columns that it reads.
    behind: BTreeSet<ColumnRef>,
}

impl Lowering<'_, '_> {
    /// All columns, each after those that it reads.
    pub(super) fn columns(&mut self) -> Vec<Column> {
        let hir = self.hir;
        let mut columns = Vec::new();
        for column in &hir.columns {
            columns.extend(self.column(column));
        }
        let draft = self.draft(&columns);
        for column in &mut columns {
            column.behind = behind(&draft, &column.plan);
        }
        columns
    }

    fn column(&mut self, column: &hir::StoredColumn) -> Option<Column> {
        let source = column.rows.source.clone();
        let condition = column
            .rows
            .condition
            .as_ref()
            .map(|cond| self.rows.output(&source, cond, false, None));
        let picks = self.picks(&source, &column.rows.picks);
        let (value, reads) = match &column.value.ty {
            Ty::Tensor(_) => {
                let program = self.column_program(column)?;
                let reads = paths_read(self.hir, &program.graph);
                (StoredValue::Tower(Box::new(program)), reads)
            }
            _ => {
                let output = self.rows.output(&source, &column.value, false, None);
                (StoredValue::Row(output), BTreeSet::new())
            }
        };
        let plan = StoredPlan {
            name: column.name.clone(),
            source,
            window: column.rows.window,
            condition,
            picks,
            reach: column.reach,
            kind: column.ty.kind.clone(),
            value,
            cross_fit: column.cross_fit.clone().map(|fit| (fit, Vec::new())),
            after: (!self.is_daily(column)).then_some(0),
            span: column.span,
        };
        Some(Column {
            plan,
            reads,
            behind: BTreeSet::new(),
        })
    }

    /// Whether a loop computes a column.
    fn is_daily(&self, column: &hir::StoredColumn) -> bool {
        let mut daily = self.hir.daily.iter().flat_map(hir::Loop::columns);
        daily.any(|(source, name)| source == column.rows.source && name == column.name)
    }

    fn column_program(&mut self, column: &hir::StoredColumn) -> Option<Program> {
        let mut builder = GraphBuilder::new(self.hir, &mut self.rows, Mode::Serving, &column.name);
        let handle = stream_handle(&mut builder, 0, &column.rows.source);
        builder.set_local(column.rows.row, Val::Handle(handle));
        let built = builder.at_path(&column.name, |builder| builder.node(&column.value));
        let mut program = builder.finish();
        let node = self.kept(built)?;
        program.graph.outputs = vec![("value".into(), node)];
        self.optimised(&mut program.graph);
        Some(fed(program.graph, program.handles, &program.feeds))
    }

    /// The row programs so far, as the plan will have them.
    pub(super) fn draft(&self, columns: &[Column]) -> Plan {
        Plan {
            kernels: self.rows.kernels(self.hir),
            fits: self.rows.fits.clone(),
            columns: columns.iter().map(|column| column.plan.clone()).collect(),
            ..Plan::default()
        }
    }

    /// Lets each training that reads a column wait for the trainings of its towers. A training that goes on with a tower
    /// that a column of its own was read from comes after the one that has left it, as with a copy. Gives the columns that
    /// each training reads.
    pub(super) fn reads_columns(
        &self,
        columns: &[Column],
        forwards: &mut [Forward<'_>],
    ) -> Vec<BTreeSet<ColumnRef>> {
        let draft = self.draft(columns);
        let mut read = Vec::new();
        for forward in forwards {
            let mut direct = of_program(&draft, &forward.program);
            direct.extend(
                forward
                    .streams
                    .iter()
                    .flat_map(|stream| of_stream(&draft, stream)),
            );
            direct.extend(self.watched(&draft, forward));
            let all = closure(columns, direct);
            // A loop goes through its turns in the order of the text.
            let once = columns.iter().filter(|column| column.plan.after.is_some());
            for column in once.filter(|column| all.contains(&reference(&column.plan))) {
                forward.flow.reads.extend(column.reads.iter().cloned());
                forward.flow.copies.extend(column.reads.iter().cloned());
            }
            read.push(all);
        }
        read
    }

    /// The columns behind the evaluation that a training stops by.
    fn watched(&self, draft: &Plan, forward: &Forward<'_>) -> BTreeSet<ColumnRef> {
        let stop = forward.train.stop.iter();
        let evaluations = stop.flat_map(|(_, watched, ..)| {
            let all = self.hir.evaluations.iter();
            all.filter(move |evaluation| evaluation.name == *watched)
        });
        let mut found = BTreeSet::new();
        for evaluation in evaluations {
            let read = match &evaluation.kind {
                hir::EvaluationKind::Ranking { score, label } => vec![score, label],
                hir::EvaluationKind::Retrieval { score, .. } => vec![score],
            };
            for e in read.into_iter().chain(evaluation.rows.expressions()) {
                e.walk(&mut |e| {
                    if let ExprKind::Column(handle, name) = &e.kind
                        && let Ty::Handle(handle) = &handle.ty
                    {
                        found.insert((handle.source.clone(), name.clone()));
                    }
                });
            }
        }
        found.retain(|name| {
            draft
                .columns
                .iter()
                .any(|column| reference(column) == *name)
        });
        found
    }

    /// Places each column before the first training that reads it, or at the end, and finds what its folds train anew.
    /// `read` and `flows` are those of the trainings in their order.
    pub(super) fn place_columns(
        &mut self,
        columns: Vec<Column>,
        read: &[&BTreeSet<ColumnRef>],
        flows: &[&Flow],
    ) -> Vec<StoredPlan> {
        let mut placed = Vec::new();
        for mut column in columns {
            let name = reference(&column.plan);
            let readers = read.iter().position(|columns| columns.contains(&name));
            let place = column
                .plan
                .after
                .map_or(flows.len(), |_| readers.unwrap_or(flows.len()));
            column.plan.after = column.plan.after.map(|_| place);
            let before = &flows[..place];
            let trains = |flow: &&Flow| !flow.trains.is_disjoint(&column.reads);
            if !column.reads.is_empty() && !before.iter().any(trains) {
                self.reads_nothing_trained(&column.plan);
            }
            if let Some((_, trainings)) = &mut column.plan.cross_fit {
                *trainings = behind_weights(&column.reads, before);
            }
            placed.push(column.plan);
        }
        // Columns of one place keep their order, in which each comes after those that it reads.
        placed.sort_by_key(|column| column.after);
        placed
    }

    fn reads_nothing_trained(&mut self, column: &StoredPlan) {
        let declared = self
            .hir
            .columns
            .iter()
            .find(|known| known.span == column.span);
        let mut tower = String::new();
        if let Some(declared) = declared {
            declared.value.walk(&mut |e| {
                if let (ExprKind::Tower(name, _) | ExprKind::Frozen(name, _), true) =
                    (&e.kind, tower.is_empty())
                {
                    tower.clone_from(name);
                }
            });
        }
        self.diagnostics.push(
            Diagnostic::error(
                Code(620),
                column.span,
                format!(
                    "column `{}` reads `{tower}`, which has not been trained by then",
                    column.name
                ),
            )
            .note("a column is computed before the first training that reads it, by what earlier trainings have left")
            .help(format!(
                "train `{tower}` in a `train` of its own, by losses that do not read `{}`",
                column.name
            )),
        );
    }
}

/// The trainings whose weights stand behind these paths, in their order.
fn behind_weights(paths: &BTreeSet<String>, flows: &[&Flow]) -> Vec<usize> {
    let mut needed = paths.clone();
    let mut found = Vec::new();
    for (at, flow) in flows.iter().enumerate().rev() {
        if !flow.trains.is_disjoint(&needed) {
            needed.extend(flow.reads.iter().cloned());
            found.push(at);
        }
    }
    found.reverse();
    found
}

pub(super) fn reference(column: &StoredPlan) -> ColumnRef {
    (column.source.clone(), column.name.clone())
}

/// Columns, and those behind them.
fn closure(columns: &[Column], direct: BTreeSet<ColumnRef>) -> BTreeSet<ColumnRef> {
    let mut all = direct.clone();
    let mut open: Vec<ColumnRef> = direct.into_iter().collect();
    while let Some(name) = open.pop() {
        let column = columns
            .iter()
            .find(|column| reference(&column.plan) == name);
        for behind in column.iter().flat_map(|column| &column.behind) {
            if all.insert(behind.clone()) {
                open.push(behind.clone());
            }
        }
    }
    all
}

/// The columns that a column reads itself.
pub(super) fn behind(draft: &Plan, column: &StoredPlan) -> BTreeSet<ColumnRef> {
    let mut found = match &column.value {
        StoredValue::Tower(program) => of_program(draft, program),
        StoredValue::Row(output) => draft.stored_behind(&column.source, output),
    };
    found.extend(of_stream(draft, &column.rows()));
    found
}

pub(super) fn of_stream(draft: &Plan, stream: &StreamPlan) -> BTreeSet<ColumnRef> {
    let picks = stream.picks.iter().chain(stream.balanced.iter().flatten());
    let picked = picks.filter_map(|pick| match pick {
        PickPlan::Keep(output)
        | PickPlan::AtMost(_, Some(output))
        | PickPlan::Top(_, output)
        | PickPlan::Weigh(output)
        | PickPlan::DownSample(output, _) => Some(output),
        PickPlan::AtMost(_, None) => None,
    });
    let amounts = stream.picks.iter().chain(stream.balanced.iter().flatten());
    let amounts = amounts.filter_map(|pick| match pick {
        PickPlan::AtMost(AmountPlan::Times(_, rows), _) => Some(rows),
        PickPlan::AtMost(AmountPlan::Rows(_), _)
        | PickPlan::Keep(_)
        | PickPlan::Top(..)
        | PickPlan::Weigh(_)
        | PickPlan::DownSample(..) => None,
    });
    let counted = amounts.flat_map(|rows| of_rows(draft, rows));
    let drawn_by = match &stream.order {
        StreamOrder::DrawnBy(output) => Some(output),
        StreamOrder::Shuffled | StreamOrder::Drawn => None,
    };
    let own = stream.condition.iter().chain(&stream.group).chain(drawn_by);
    let own = own.chain(picked).map(|output| (&stream.source, output));
    let sampler = stream.negatives.iter().map(|negatives| &negatives.sampler);
    let things = sampler.filter_map(|sampler| Some((&sampler.entity, sampler.output.as_ref()?)));
    own.chain(things)
        .flat_map(|(source, output)| draft.stored_behind(source, output))
        .chain(counted)
        .collect()
}

pub(super) fn of_rows(draft: &Plan, rows: &RowsPlan) -> BTreeSet<ColumnRef> {
    let condition = rows.condition.as_ref();
    condition.map_or_else(BTreeSet::new, |condition| {
        draft.stored_behind(&rows.source, condition)
    })
}

pub(super) fn of_program(draft: &Plan, program: &Program) -> BTreeSet<ColumnRef> {
    let mut found = BTreeSet::new();
    for feed in &program.feeds {
        match &feed.what {
            FeedKind::Column { handle, output, .. }
            | FeedKind::ListValues { handle, output, .. }
            | FeedKind::ListSegments { handle, output }
            | FeedKind::ListPositions { handle, output }
            | FeedKind::Emptied { handle, output } => {
                let source = &program.handles[*handle].source;
                found.extend(draft.stored_behind(source, output));
            }
            FeedKind::Statistic { fit } => found.extend(draft.stored_behind_fit(*fit)),
            FeedKind::Segments { .. }
            | FeedKind::Positions { .. }
            | FeedKind::Lengths { .. }
            | FeedKind::Ago { .. }
            | FeedKind::Rows { .. }
            | FeedKind::Positive { .. }
            | FeedKind::LogExpectedCount { .. }
            | FeedKind::LogCopies { .. }
            | FeedKind::KnownPositive { .. }
            | FeedKind::Seen { .. }
            | FeedKind::RowWeight { .. }
            | FeedKind::RowLogQ { .. }
            | FeedKind::RowSampled { .. }
            | FeedKind::Clock(_)
            | FeedKind::Schedule => {}
        }
    }
    found
}
