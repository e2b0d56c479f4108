//! Outcomes: labels of events that other events hold, joined by equal columns and bounded in time.

use reckon_compiler::plan::{ColumnPlan, JoinPlan, Plan, SourcePlan};
use reckon_compiler::value::Value;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Column, Data, Texts};
use serde::Serialize;

use super::fault::{FANS_OUT, Faults, PLAN};
use super::program::source_named;
use super::scores::Dated;
use super::source::Source;

/// What a join of outcomes has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeReport {
    /// The events with the label.
    pub source: String,
    /// The label.
    pub label: String,
    /// The events that hold it.
    pub from: String,
    /// Rows of events with an outcome.
    pub matched: usize,
    /// Outcomes beside the first of their row.
    pub duplicates: usize,
    /// Outcomes whose row is there, and that came before it or too late.
    pub late: usize,
    /// Outcomes of which no row is there.
    pub orphans: usize,
}

/// Joins all outcomes of a plan to their rows.
pub(super) fn join(
    plan: &Plan,
    sources: &mut [Source],
) -> Result<Vec<OutcomeReport>, Vec<Diagnostic>> {
    let (mut reports, mut sink) = (Vec::new(), Vec::new());
    for source in &plan.sources {
        for column in &source.columns {
            let Some(join) = &column.joined else {
                continue;
            };
            let Some((values, report)) = join_one(source, column, join, sources, &mut sink) else {
                let message = format!("internal: the outcome `{}` misses a column", column.name);
                sink.push(Diagnostic::error(PLAN, column.span, message));
                continue;
            };
            if let Some(found) = sources.iter_mut().find(|known| known.name == source.name) {
                found.columns.insert(column.name.clone(), values);
            }
            reports.push(report);
        }
    }
    match sink.is_empty() {
        true => Ok(reports),
        false => Err(sink),
    }
}

/// `None` where a column is missing or of another kind, which the checker has looked at.
fn join_one(
    plan: &SourcePlan,
    column: &ColumnPlan,
    join: &JoinPlan,
    sources: &[Source],
    sink: &mut Vec<Diagnostic>,
) -> Option<(Column, OutcomeReport)> {
    let (events, outcomes) = (
        source_named(sources, &plan.name)?,
        source_named(sources, &join.source)?,
    );
    let own = Dated::of(&join.on, plan.time.as_ref()?, &events.columns, events.rows)?;
    let theirs = Dated::of(&join.on, &outcomes.time, &outcomes.columns, outcomes.rows)?;
    let matches = matches((&own, events.rows), (&theirs, outcomes.rows), join.within);
    let mut fans_out = Faults::new(FANS_OUT, column.span);
    for (outcome, first, second) in &matches.fans {
        fans_out.add(|| {
            format!(
                "{}: this outcome counts for {} and for {} of `{}`",
                outcomes.place(*outcome),
                events.place(*first),
                events.place(*second),
                plan.name
            )
        });
    }
    let help = "join on columns that name one row, or take a shorter time in `within`";
    fans_out.tell(sink, Some(help));
    let without = (0..outcomes.rows).filter(|outcome| matches.counts_for[*outcome] == NONE);
    let without: Vec<usize> = without.collect();
    let rows = by_keys(&own, events.rows);
    let late = |outcome: &&usize| {
        let at =
            rows.partition_point(|row| own.cmp_keys(*row as usize, &theirs, **outcome).is_lt());
        let is_of = |row: &u32| own.cmp_keys(*row as usize, &theirs, **outcome).is_eq();
        theirs.is_whole(**outcome) && rows.get(at).is_some_and(is_of)
    };
    let late = without.iter().filter(late).count();
    let report = OutcomeReport {
        source: plan.name.clone(),
        label: column.name.clone(),
        from: join.source.clone(),
        matched: matches
            .places
            .iter()
            .filter(|place| **place != NONE)
            .count(),
        duplicates: matches.duplicates,
        late,
        orphans: without.len() - late,
    };
    let taken = match &join.value {
        Some(value) => outcomes.columns.get(value)?.take(&matches.places),
        None => {
            let there: Vec<bool> = matches.places.iter().map(|place| *place != NONE).collect();
            Column::with_validity(Data::Bool(there.clone()), Some(there))
        }
    };
    let filled = filled(taken, &matches.places, join.otherwise.as_ref())?;
    Some((filled, report))
}

/// The row that is none.
const NONE: u32 = u32::MAX;

/// Which outcomes are of which rows.
struct Matches {
    /// For each row its first outcome.
    places: Vec<u32>,
    /// For each outcome a row that it counts for.
    counts_for: Vec<u32>,
    /// Outcomes beside the first of their row.
    duplicates: usize,
    /// Outcomes that count for two rows, with these rows.
    fans: Vec<(u32, u32, u32)>,
}

fn matches(
    (own, rows): (&Dated<'_>, usize),
    (theirs, outcomes): (&Dated<'_>, usize),
    within: i64,
) -> Matches {
    let order = by_keys(theirs, outcomes);
    let mut found = Matches {
        places: vec![NONE; rows],
        counts_for: vec![NONE; outcomes],
        duplicates: 0,
        fans: Vec::new(),
    };
    for row in (0..rows).filter(|row| own.is_whole(*row)) {
        let end = own.times[row].saturating_add(within);
        let first = order.partition_point(|at| {
            let keys = theirs.cmp_keys(*at as usize, own, row);
            keys.then_with(|| theirs.times[*at as usize].cmp(&own.times[row]))
                .is_lt()
        });
        let of_row = order[first..].iter().take_while(|at| {
            let at = **at as usize;
            theirs.cmp_keys(at, own, row).is_eq() && theirs.times[at] <= end
        });
        for outcome in of_row {
            match found.places[row] {
                NONE => found.places[row] = *outcome,
                _ => found.duplicates += 1,
            }
            let counts_for = &mut found.counts_for[*outcome as usize];
            match std::mem::replace(counts_for, row as u32) {
                NONE => {}
                other => found.fans.push((*outcome, other, row as u32)),
            }
        }
    }
    found
}

/// Rows in the order of their keys, then of time, then of the file; those without a key are left out.
fn by_keys(dated: &Dated<'_>, rows: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..rows as u32)
        .filter(|row| dated.is_whole(*row as usize))
        .collect();
    order.sort_unstable_by(|a, b| {
        let (x, y) = (*a as usize, *b as usize);
        let keys = dated.cmp_keys(x, dated, y);
        keys.then_with(|| dated.times[x].cmp(&dated.times[y]))
            .then(a.cmp(b))
    });
    order
}

/// A column whose rows without an outcome hold another value; `None` where the value is of another kind.
fn filled(column: Column, places: &[u32], otherwise: Option<&Value>) -> Option<Column> {
    let Some(otherwise) = otherwise else {
        return Some(column);
    };
    let without = |row: usize| places[row] == NONE;
    fn fill<T: Clone>(values: Vec<T>, value: &T, without: impl Fn(usize) -> bool) -> Vec<T> {
        let values = values.into_iter().enumerate();
        values
            .map(|(row, own)| if without(row) { value.clone() } else { own })
            .collect()
    }
    let data = match (column.data, otherwise) {
        (Data::Int(values), Value::Int(value)) => Data::Int(fill(values, value, without)),
        (Data::Bool(values), Value::Bool(value)) => Data::Bool(fill(values, value, without)),
        (Data::Float(values), value) => Data::Float(fill(values, &value.as_f64()?, without)),
        (Data::Str(texts), Value::Str(value)) => {
            let texts = texts.iter().enumerate();
            let filled = texts.map(|(row, own)| if without(row) { value.as_str() } else { own });
            Data::Str(filled.collect::<Texts>())
        }
        (Data::Int(_) | Data::Bool(_) | Data::Str(_) | Data::List(_), _) => return None,
    };
    let valid = column.valid.map(|valid| {
        let valid = valid.into_iter().enumerate();
        valid.map(|(row, valid)| valid || without(row)).collect()
    });
    Some(Column::with_validity(data, valid))
}
