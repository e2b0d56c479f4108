//! Sources in memory: columns, row numbers by key, references as row numbers, times.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use reckon_compiler::plan::{Absent, ReferencePlan, SourceKind, SourcePlan, TimeFormat};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Column, Data};

use super::bad::BadCount;
use super::condition::LeftOut;
use super::fault::{
    ABSENT, DUPLICATE_KEY, Faults, MIXED_KEYS, NULL, PLAN, Place, TOLD, WRONG_TYPE, too_many_rows,
};
use super::keys::{Keys, text};
use super::maturity::Wait;
use super::split::Parts;
use super::table::Table;
use super::versions::{self, Versions};

/// Rows whose references one thread resolves at a time.
const CHUNK: usize = 65_536;

/// The row number of an entity that is absent.
pub const ABSENT_ROW: u32 = u32::MAX;

/// An entity or events source in memory. Rows are numbered in file order, after repeats are dropped.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Whether rows are things or happenings.
    pub kind: SourceKind,
    /// The number of rows.
    pub rows: usize,
    /// Declared columns by name.
    pub columns: BTreeMap<String, Column>,
    /// For each reference the row of the entity, [`ABSENT_ROW`] where there is none, by the name of the entity.
    pub references: BTreeMap<String, Vec<u32>>,
    /// For each reference to things with dated versions the row of the version that each event sees.
    pub(crate) seen: BTreeMap<String, Vec<u32>>,
    /// The dated versions of things, where they have some.
    pub(crate) versions: Option<Versions>,
    /// When each event happened, in microseconds since 1970 UTC; empty for entities and events without a time.
    pub times: Vec<i64>,
    /// Row numbers in the order of time, rows of the same time in file order; file order where there is no time.
    pub order: Vec<u32>,
    /// How much each row counts, 0 to 1, where the labels of some are not known at the end of their part.
    pub(crate) maturity: Option<Vec<f32>>,
    /// From when on labels are known, of rows that a loop reads day by day.
    pub(crate) wait: Option<Wait>,
    /// Which part of the split each row is in, where there is a split.
    pub parts: Option<Parts>,
    /// Results of the source's row program by name, one row more than the source has: the last is that of an absent
    /// thing, all of whose columns are null. Where a result is null, it reads as 0, false or an empty list.
    pub outputs: BTreeMap<String, Column>,
    /// Rows dropped by `unique by`.
    pub repeats: usize,
    /// What became of rows that could not be read.
    pub bad: BadCount,
    /// Rows of the files that its condition has left out.
    pub left_out: LeftOut,
    /// References to absent entities, by the name of the entity.
    pub absent: BTreeMap<String, usize>,
    pub(crate) key: Vec<String>,
    pub(crate) keys: Option<Keys>,
    /// The column that dates events; empty where none does.
    pub(crate) time: String,
    pub(crate) origin: Origin,
}

/// Where the rows of a source come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// The files without their columns.
    files: Table,
    /// The rows of the files that are kept, where repeats are dropped.
    kept: Option<Vec<u32>>,
}

impl Source {
    /// The row of an entity with a key as a user writes it; parts of a key are separated by commas.
    pub fn find(&self, key: &str) -> Option<u32> {
        self.keys.as_ref()?.find_text(key)
    }

    /// For each row the row of an entity that it reads: the thing that it refers to, or the version of it that it sees.
    pub(crate) fn reads(&self, entity: &str) -> Option<&Vec<u32>> {
        self.seen
            .get(entity)
            .or_else(|| self.references.get(entity))
    }

    /// Whether a row of an entity stands for a thing: it is no version beside the latest.
    pub(crate) fn is_thing(&self, row: u32) -> bool {
        let versions = self.versions.as_ref();
        versions.is_none_or(|versions| versions.is_thing(row))
    }

    /// The key of a row of an entity as text, its parts separated by commas; empty for events and absent rows.
    pub fn key_text(&self, row: u32) -> String {
        let columns: Vec<&Column> = self
            .key
            .iter()
            .filter_map(|name| self.columns.get(name))
            .collect();
        if (row as usize) < self.rows {
            text(&columns, row as usize)
        } else {
            String::new()
        }
    }

    /// Where a row comes from.
    pub(crate) fn place(&self, row: u32) -> Place {
        let of_files = self
            .origin
            .kept
            .as_ref()
            .map_or(row, |kept| kept[row as usize]);
        self.origin.files.place(of_files as usize)
    }

    /// Whether the labels of a row are known early enough for it to count at all.
    pub(crate) fn is_mature(&self, row: u32) -> bool {
        let maturity = self.maturity.as_ref();
        maturity.is_none_or(|maturity| maturity[row as usize] > 0.0)
    }

    /// How much each row counts, where some count for a share.
    pub(crate) fn shares(&self) -> Option<Vec<f32>> {
        let maturity = self.maturity.as_ref()?;
        let is_share = |weight: &f32| *weight > 0.0 && *weight < 1.0;
        maturity.iter().any(is_share).then(|| maturity.clone())
    }

    /// How much a row counts in training: 0 where it does not train.
    pub(crate) fn training_weight(&self, row: usize) -> f64 {
        match self.trains(row) {
            true => self
                .maturity
                .as_ref()
                .map_or(1.0, |maturity| f64::from(maturity[row])),
            false => 0.0,
        }
    }

    /// Whether a row trains: it is in the first part of the split, or there is no split.
    pub fn trains(&self, row: usize) -> bool {
        self.parts.as_ref().is_none_or(|parts| parts.of[row] == 0)
    }
}

/// An entity from its table.
pub(crate) fn entity(plan: &SourcePlan, mut table: Table, sink: &mut Vec<Diagnostic>) -> Source {
    let mut source = bare(plan, &table, sink);
    let kept = drop_repeats(plan, &mut table, &mut source);
    let columns: Vec<&Column> = plan
        .key
        .iter()
        .filter_map(|name| table.columns.get(name))
        .collect();
    if columns.len() != plan.key.len() || columns.is_empty() {
        let message = format!("internal: entity `{}` has no key columns", plan.name);
        sink.push(Diagnostic::error(PLAN, plan.span, message));
        return source;
    }
    let (mut keys, repeats) = Keys::new(&columns, source.rows);
    if plan.versions.is_some() {
        source.versions = versions::of_entity(plan, &mut table, (&mut keys, &repeats), sink);
        source.rows = source.versions.as_ref().map_or(0, Versions::rows);
        source.keys = Some(keys);
        source.order = (0..source.rows as u32).collect();
        source.columns = table.columns;
        return source;
    }
    let mut faults = Faults::new(DUPLICATE_KEY, plan.span);
    for repeat in repeats {
        faults.add(|| {
            let place = |row: u32| table.place(kept[row as usize] as usize);
            let (first, second) = (place(repeat.first), place(repeat.second));
            let key = text(&columns, repeat.second as usize);
            format!(
                "{second}: `{}` has the key {key} already, in {first}",
                plan.name
            )
        });
    }
    faults.tell(sink, Some("every row of an entity needs a key of its own"));
    source.keys = Some(keys);
    source.order = (0..source.rows as u32).collect();
    source.columns = table.columns;
    source
}

/// Drops the rows that repeat an earlier one in the `unique by` columns, counts them, and gives the rows that stay.
fn drop_repeats(plan: &SourcePlan, table: &mut Table, source: &mut Source) -> Vec<u32> {
    if plan.unique.is_empty() {
        return (0..table.rows as u32).collect();
    }
    let kept = first_of_equal(plan, table);
    source.repeats = table.rows - kept.len();
    source.rows = kept.len();
    if source.repeats > 0 {
        for column in table.columns.values_mut() {
            *column = column.take(&kept);
        }
    }
    kept
}

/// Events from their table, with references into the entities before them. Of their columns those that are `kept` stay.
pub(crate) fn events(
    plan: &SourcePlan,
    (mut table, kept_columns): (Table, Option<&BTreeSet<&str>>),
    entities: &[(&SourcePlan, &Source)],
    sink: &mut Vec<Diagnostic>,
) -> Source {
    let mut source = bare(plan, &table, sink);
    let mut references = BTreeMap::new();
    for reference in &plan.references {
        if let Some(rows) = resolve(reference, &table, entities, sink) {
            references.insert(reference.target.clone(), rows);
        }
    }
    if let Some(time) = &plan.time {
        check_times(plan, time, &table, sink);
    }
    let stays = |name: &str| kept_columns.is_none_or(|kept| kept.contains(name));
    let has_use =
        |name: &String| stays(name) || plan.time.iter().chain(&plan.unique).any(|of| of == name);
    table.columns.retain(|name, _| has_use(name));
    let kept = drop_repeats(plan, &mut table, &mut source);
    if source.repeats > 0 {
        for rows in references.values_mut() {
            *rows = kept.iter().map(|row| rows[*row as usize]).collect();
        }
    }
    source.absent = references
        .iter()
        .map(|(target, rows)| {
            (
                target.clone(),
                rows.iter().filter(|row| **row == ABSENT_ROW).count(),
            )
        })
        .collect();
    source.references = references;
    if let Some(time) = &plan.time {
        source.times = times(&mut table, time, stays(time));
    }
    source.order = (0..source.rows as u32).collect();
    if !source.times.is_empty() {
        let times = &source.times;
        source.order.par_sort_by_key(|row| times[*row as usize]);
    }
    let entity = |name: &str| {
        let mut known = entities.iter();
        known
            .find(|(plan, _)| plan.name == name)
            .map(|(_, source)| *source)
    };
    source.seen = versions::seen(entity, &source.references, &source.times);
    table.columns.retain(|name, _| stays(name));
    source.columns = std::mem::take(&mut table.columns);
    source.origin = Origin {
        files: table,
        kept: (source.repeats > 0).then_some(kept),
    };
    source
}

/// The values of the column that dates events; the column itself goes where it does not stay.
fn times(table: &mut Table, time: &str, stays: bool) -> Vec<i64> {
    let column = match stays {
        true => table.columns.get(time).cloned(),
        false => table.columns.remove(time),
    };
    match column.map(|column| column.data) {
        Some(Data::Int(times)) => times,
        Some(_) | None => Vec::new(),
    }
}

fn bare(plan: &SourcePlan, table: &Table, sink: &mut Vec<Diagnostic>) -> Source {
    if table.rows >= ABSENT_ROW as usize {
        sink.push(too_many_rows(&plan.name, table.rows, plan.span));
    }
    Source {
        name: plan.name.clone(),
        kind: plan.kind,
        rows: table.rows,
        columns: BTreeMap::new(),
        references: BTreeMap::new(),
        seen: BTreeMap::new(),
        versions: None,
        times: Vec::new(),
        order: Vec::new(),
        parts: None,
        outputs: BTreeMap::new(),
        repeats: 0,
        bad: table.bad,
        left_out: table.left_out,
        maturity: None,
        wait: None,
        time: plan.time.clone().unwrap_or_default(),
        origin: Origin::default(),
        absent: BTreeMap::new(),
        key: plan.key.clone(),
        keys: None,
    }
}

fn resolve(
    reference: &ReferencePlan,
    table: &Table,
    entities: &[(&SourcePlan, &Source)],
    sink: &mut Vec<Diagnostic>,
) -> Option<Vec<u32>> {
    let columns: Vec<&Column> = reference
        .columns
        .iter()
        .filter_map(|name| table.columns.get(name))
        .collect();
    let target = entities
        .iter()
        .find(|(plan, _)| plan.name == reference.target);
    let (Some((target_plan, target)), true) = (target, columns.len() == reference.columns.len())
    else {
        let message = format!(
            "internal: the reference to `{}` has no columns or no entity",
            reference.target
        );
        sink.push(Diagnostic::error(PLAN, reference.span, message));
        return None;
    };
    let keys = target.keys.as_ref()?;
    if let Some(diagnostic) = keys_of_two_kinds(reference, table, target_plan, target) {
        sink.push(diagnostic);
        return None;
    }
    let (rows, chunks) = found(keys, &columns, table.rows);
    if reference.absent == Absent::Error {
        let mut faults = Faults::new(ABSENT, reference.span);
        for (told, absent) in chunks {
            for row in &told {
                faults.add(|| {
                    let key = text(&columns, *row);
                    format!(
                        "{}: there is no `{}` with the key {key}",
                        table.place(*row),
                        reference.target
                    )
                });
            }
            faults.count_more(absent - told.len());
        }
        faults.tell(
            sink,
            Some("write the line `absent: unknown` in the events to keep such rows"),
        );
    }
    Some(rows)
}

/// For each row the row with the key that the columns hold, and for each chunk the first rows whose key there is not, with their number.
fn found(keys: &Keys, columns: &[&Column], count: usize) -> (Vec<u32>, Vec<(Vec<usize>, usize)>) {
    let mut rows = vec![ABSENT_ROW; count];
    let chunk = |(chunk, rows): (usize, &mut [u32])| {
        let (mut told, mut absent) = (Vec::new(), 0);
        for (row, to) in (chunk * CHUNK..).zip(rows) {
            if columns.iter().any(|column| column.is_null(row)) {
                continue;
            }
            *to = keys.find(columns, row).unwrap_or(ABSENT_ROW);
            if *to == ABSENT_ROW {
                absent += 1;
                if told.len() < TOLD {
                    told.push(row);
                }
            }
        }
        (told, absent)
    };
    let chunks = rows.par_chunks_mut(CHUNK).enumerate().map(chunk).collect();
    (rows, chunks)
}

fn keys_of_two_kinds(
    reference: &ReferencePlan,
    table: &Table,
    target_plan: &SourcePlan,
    target: &Source,
) -> Option<Diagnostic> {
    let mut pairs = reference.columns.iter().zip(&target_plan.key);
    pairs.find_map(|(column, key)| {
        let found = table.columns[column].data.kind_name();
        let expected = target.columns[key].data.kind_name();
        (found != expected).then(|| {
            let message = format!(
                "`{column}` is {found}, the key `{key}` of `{}` is {expected}",
                reference.target
            );
            Diagnostic::error(MIXED_KEYS, reference.span, message)
                .help(format!("declare both as {found} or both as {expected}"))
        })
    })
}

/// Events that have no time cannot be put in order.
fn check_times(plan: &SourcePlan, time: &str, table: &Table, sink: &mut Vec<Diagnostic>) {
    let Some(column) = table.columns.get(time) else {
        return;
    };
    let mut faults = Faults::new(NULL, plan.span);
    for row in (0..column.len()).filter(|row| column.is_null(*row)) {
        faults.add(|| {
            format!(
                "{}: column `{time}` dates the events, found null",
                table.place(row)
            )
        });
    }
    faults.tell(sink, None);
    check_units(plan, time, table, sink);
}

/// Times that would lie centuries ahead are numbers of a smaller unit than the one they are declared in.
fn check_units(plan: &SourcePlan, time: &str, table: &Table, sink: &mut Vec<Diagnostic>) {
    /// The year 2500, in microseconds since 1970.
    const FAR: i64 = 16_725_225_600 * 1_000_000;
    let (
        Some(declared),
        Some(Column {
            data: Data::Int(times),
            ..
        }),
    ) = (
        plan.columns.iter().find(|column| column.name == time),
        table.columns.get(time),
    )
    else {
        return;
    };
    let smaller: &[(&str, i64)] = match declared.time {
        TimeFormat::Seconds => &[("ms", 1_000), ("us", 1_000_000)],
        TimeFormat::Millis => &[("us", 1_000)],
        TimeFormat::Micros | TimeFormat::Text { .. } => &[],
    };
    let Some(row) = times.iter().position(|at| *at > FAR) else {
        return;
    };
    let likely = smaller.iter().find(|(_, factor)| times[row] / factor < FAR);
    if let Some((unit, _)) = likely {
        let message = format!(
            "{}: column `{time}` lies after the year 2500",
            table.place(row)
        );
        sink.push(
            Diagnostic::error(WRONG_TYPE, declared.span, message)
                .help(format!("write `{time}: time(unit: {unit})`")),
        );
    }
}

/// The rows whose values in the `unique by` columns no earlier row has.
fn first_of_equal(plan: &SourcePlan, table: &Table) -> Vec<u32> {
    let columns: Vec<&Column> = plan
        .unique
        .iter()
        .filter_map(|name| table.columns.get(name))
        .collect();
    let (_, repeats) = Keys::new(&columns, table.rows);
    let dropped: BTreeSet<u32> = repeats.iter().map(|repeat| repeat.second).collect();
    (0..table.rows as u32)
        .filter(|row| !dropped.contains(row))
        .collect()
}
