//! Columns of events that nothing reads any more are let go: most of what a large log takes in memory is columns that were read
//! once, to find the rows that they refer to or to make ids of them.

use std::collections::BTreeSet;

use reckon_compiler::plan::row::{Kernel, RowOp};
use reckon_compiler::plan::{Domain, Known, Plan, SourceKind, SourcePlan};

use super::source::Source;

/// What becomes of the columns of events once outputs are made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    /// They stay.
    Kept,
    /// Those that nothing will read go.
    LetGo,
}

/// The columns of events that a program, statistic, join or label reads once references are resolved; `None` where all stay.
pub(super) fn kept<'p>(
    plan: &'p Plan,
    of: &'p SourcePlan,
    columns: Columns,
) -> Option<BTreeSet<&'p str>> {
    let all = columns == Columns::Kept;
    let stay = all || of.kind == SourceKind::Entity || runs_again(plan, &of.name);
    (!stay).then(|| read(plan, of))
}

/// The declared columns of events that nothing reads at all: neither what [`kept`] keeps, nor references, times and `unique by`.
pub(super) fn unread<'p>(
    plan: &'p Plan,
    of: &'p SourcePlan,
    columns: Columns,
) -> BTreeSet<&'p str> {
    let Some(mut read) = kept(plan, of, columns) else {
        return BTreeSet::new();
    };
    let references = of.references.iter();
    let references = references.flat_map(|reference| &reference.columns);
    let others = references.chain(&of.time).chain(&of.unique);
    read.extend(others.map(String::as_str));
    let declared = of.columns.iter().map(|column| column.name.as_str());
    declared.filter(|name| !read.contains(name)).collect()
}

/// Lets the columns of events go whose programs have run for the last time.
pub(super) fn finished(plan: &Plan, sources: &mut [Source]) {
    for source in sources
        .iter_mut()
        .filter(|source| source.kind == SourceKind::Events)
    {
        if !runs_again(plan, &source.name) {
            source.columns.clear();
        }
    }
}

/// Whether the programs of events run again after they have run over all rows: for the days of a loop, for columns that a run computes, or
/// for rows that are drawn beside others.
fn runs_again(plan: &Plan, source: &str) -> bool {
    let streams = plan.phases.iter().flat_map(|phase| &phase.streams);
    let pools = plan
        .evaluations
        .iter()
        .filter_map(|evaluation| evaluation.pool.as_ref());
    let mut drawn = streams
        .chain(pools)
        .filter(|stream| stream.negatives.is_some());
    plan.daily.is_some() || !plan.columns.is_empty() || drawn.any(|stream| stream.source == source)
}

/// The columns of events that something reads after their references are resolved.
fn read<'p>(plan: &'p Plan, of: &'p SourcePlan) -> BTreeSet<&'p str> {
    let fits = plan.fits.iter().flat_map(|fit| {
        let counted = match &fit.domain {
            Domain::Loss { rows, .. } => Some(&rows.kernel),
            Domain::Referred { .. } | Domain::Catalogue { .. } | Domain::Events { .. } => None,
        };
        std::iter::once(&fit.kernel).chain(counted)
    });
    let of_source = |kernel: &&Kernel| kernel.source == of.name;
    let programs = plan.kernels.iter().chain(fits).filter(of_source);
    let mut read: BTreeSet<&str> = programs
        .flat_map(|kernel| &kernel.code)
        .filter_map(|inst| match &inst.op {
            RowOp::Column(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    // Outcomes and scores are joined by columns and by time.
    for source in &plan.sources {
        for join in source
            .columns
            .iter()
            .filter_map(|column| column.joined.as_ref())
        {
            if source.name == of.name || join.source == of.name {
                read.extend(
                    join.on
                        .iter()
                        .chain(&join.value)
                        .chain(&of.time)
                        .map(String::as_str),
                );
            }
        }
    }
    for scores in plan.scores.iter().filter(|scores| scores.source == of.name) {
        read.extend(scores.on.iter().chain([&scores.time]).map(String::as_str));
    }
    let waits = of.columns.iter().flat_map(|column| &column.known);
    let waits = waits.chain(of.computed.iter().flat_map(|(_, known)| known));
    let histories = plan
        .histories
        .iter()
        .filter(|history| history.source == of.name);
    let waits = waits.chain(histories.flat_map(|history| &history.known));
    read.extend(waits.map(|known| match known {
        Known::After(_, time) | Known::At(time) => time.as_str(),
    }));
    read
}
