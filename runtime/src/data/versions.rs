//! Things with dated versions: for each row of events the version that was the latest strictly before it.
//!
//! A row of the entity's file is a version. The latest version of a thing stands for the thing, so that references, histories
//! and counts speak of it, and one row more for each thing holds its key alone: what is known of it before its first version.

use std::collections::BTreeMap;

use rayon::slice::ParallelSliceMut;
use reckon_compiler::plan::SourcePlan;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Column, Data};

use super::fault::{DUPLICATE_KEY, Faults, PLAN};
use super::history::Index;
use super::keys::{Keys, Repeat, text};
use super::source::{ABSENT_ROW, Source};
use super::table::Table;

/// The versions of the things of an entity.
#[derive(Clone, Debug)]
pub(crate) struct Versions {
    /// By the row that stands for a thing its versions in the order of time, the one that holds its key alone first.
    index: Index,
    /// For each row the one that stands for its thing.
    things: Vec<u32>,
}

impl Versions {
    /// How many rows there are: versions, and one more for each thing.
    pub(crate) fn rows(&self) -> usize {
        self.things.len()
    }

    /// Whether a row stands for a thing.
    pub(crate) fn is_thing(&self, row: u32) -> bool {
        self.things.get(row as usize) == Some(&row)
    }

    /// The latest version of a thing strictly before a time, or of all times.
    pub(crate) fn before(&self, thing: u32, time: Option<i64>) -> u32 {
        let Some((rows, times)) = self.index.of(thing) else {
            return ABSENT_ROW;
        };
        let end = match time {
            Some(time) => times.partition_point(|version| *version < time),
            None => times.len(),
        };
        // The row with the key alone comes before all others, at an instant that no row is before.
        rows.get(end.saturating_sub(1))
            .copied()
            .unwrap_or(ABSENT_ROW)
    }
}

/// The versions that the rows of a table are, and the table with a row more for each thing. `keys` then finds the latest
/// version of each thing.
pub(super) fn of_entity(
    plan: &SourcePlan,
    table: &mut Table,
    (keys, repeats): (&mut Keys, &[Repeat]),
    sink: &mut Vec<Diagnostic>,
) -> Option<Versions> {
    let dated = plan.versions.as_ref()?;
    let Some(Column {
        data: Data::Int(dates),
        ..
    }) = table.columns.get(dated)
    else {
        let message = format!("internal: the versions of `{}` are not dated", plan.name);
        sink.push(Diagnostic::error(PLAN, plan.span, message));
        return None;
    };
    let versions = dates.len();
    let mut first: Vec<u32> = (0..versions as u32).collect();
    for repeat in repeats {
        first[repeat.second as usize] = repeat.first;
    }
    let mut order: Vec<u32> = (0..versions as u32).collect();
    order.par_sort_by_key(|row| (first[*row as usize], dates[*row as usize]));
    twice_at_once(plan, table, (&order, &first, dates), sink);
    // In this order the last of each thing is its latest.
    let mut latest = vec![ABSENT_ROW; versions];
    for row in &order {
        latest[first[*row as usize] as usize] = *row;
    }
    let mut things: Vec<u32> = first.iter().map(|first| latest[*first as usize]).collect();
    let alone: Vec<u32> = (0..versions as u32)
        .filter(|row| first[*row as usize] == *row)
        .collect();
    things.extend(alone.iter().map(|row| latest[*row as usize]));
    let mut times = dates.clone();
    times.resize(things.len(), i64::MIN);
    keys.replace(|row| latest[row as usize]);
    add_rows(plan, table, &alone);
    let before = versions as u32..things.len() as u32;
    let rows = before.chain(order);
    let index = Index::new(&times, things.len(), rows, |row| things[row as usize]);
    Some(Versions { index, things })
}

/// One thing has one version at a time.
fn twice_at_once(
    plan: &SourcePlan,
    table: &Table,
    (order, first, dates): (&[u32], &[u32], &[i64]),
    sink: &mut Vec<Diagnostic>,
) {
    let keys = plan.key.iter().filter_map(|name| table.columns.get(name));
    let keys: Vec<&Column> = keys.collect();
    let mut faults = Faults::new(DUPLICATE_KEY, plan.span);
    for pair in order.windows(2) {
        let (a, b) = (pair[0] as usize, pair[1] as usize);
        if first[a] == first[b] && dates[a] == dates[b] {
            faults.add(|| {
                let key = text(&keys, b);
                let (one, other) = (table.place(b), table.place(a));
                format!(
                    "{one}: `{}` has a version of {key} of the same time already, in {other}",
                    plan.name
                )
            });
        }
    }
    faults.tell(
        sink,
        Some("every version of a thing needs a time of its own"),
    );
}

/// Adds rows that hold the keys of `alone` and nothing else.
fn add_rows(plan: &SourcePlan, table: &mut Table, alone: &[u32]) {
    let nothing = vec![ABSENT_ROW; alone.len()];
    for (name, column) in &mut table.columns {
        let rows = match plan.key.contains(name) {
            true => alone,
            false => &nothing,
        };
        let more = column.take(rows);
        let same_kind = column.extend(&more);
        debug_assert!(same_kind, "rows of one column are of one kind");
    }
}

/// For each reference to things with versions the version that each row sees, by the name of the entity. `times` is empty where rows
/// come after everything that has happened.
pub(crate) fn seen<'s>(
    entity: impl Fn(&str) -> Option<&'s Source>,
    references: &BTreeMap<String, Vec<u32>>,
    times: &[i64],
) -> BTreeMap<String, Vec<u32>> {
    let mut seen = BTreeMap::new();
    for (target, things) in references {
        let Some(versions) = entity(target).and_then(|entity| entity.versions.as_ref()) else {
            continue;
        };
        let of_rows = things.iter().enumerate();
        let version =
            |(row, thing): (usize, &u32)| versions.before(*thing, times.get(row).copied());
        seen.insert(target.clone(), of_rows.map(version).collect());
    }
    seen
}
