//! Made-up rows for the sources of a plan, and the same with everything that is known only after an instant made something else.

use std::collections::{BTreeMap, BTreeSet};

use reckon_compiler::plan::row::RowKind;
use reckon_compiler::plan::{ColumnPlan, Known, Plan, SourceKind, SourcePlan};

/// Numbers that look like chance and repeat.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, n: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n as u64) as i64
    }
}
const THINGS: i64 = 7;
const ROWS: i64 = 60;
/// Instants are so many steps, so that several rows share one.
pub(super) const STEPS: i64 = 120;
pub(super) const STEP: i64 = 3600;

/// A row by column; what is missing is null.
pub(super) type Row = BTreeMap<String, String>;

/// The rows of each file.
pub(super) type Tables = BTreeMap<String, Vec<Row>>;

fn cell(kind: &RowKind, chance: &mut Chance) -> String {
    match kind {
        RowKind::Int | RowKind::Duration => chance.below(6).to_string(),
        RowKind::Float => format!("{}.5", chance.below(5)),
        RowKind::Bool => (chance.below(2) == 0).to_string(),
        RowKind::Time => (chance.below(STEPS) * STEP).to_string(),
        RowKind::Str => {
            const TEXTS: [&str; 7] = ["a|b", "c", "4", "0", "d|a|e", "x y", "1,2"];
            format!("{:?}", TEXTS[chance.below(7) as usize])
        }
        RowKind::List(of) => {
            let elements: Vec<String> = (0..chance.below(4)).map(|_| cell(of, chance)).collect();
            format!("[{}]", elements.join(","))
        }
    }
}

fn key(kind: &RowKind, thing: i64) -> String {
    match kind {
        RowKind::Str => format!("\"k{thing}\""),
        _ => thing.to_string(),
    }
}

fn in_files(source: &SourcePlan) -> impl Iterator<Item = &ColumnPlan> {
    source
        .columns
        .iter()
        .filter(|column| column.joined.is_none())
}

/// A row at an instant, in steps, of a thing, or of random things.
fn row(source: &SourcePlan, at: i64, thing: Option<i64>, chance: &mut Chance) -> Row {
    let mut row = Row::new();
    for column in in_files(source) {
        let null = column.ty.nullable && chance.below(5) == 0;
        let value = match &column.ty.kind {
            RowKind::Time
                if Some(&column.name) == source.time.as_ref().or(source.versions.as_ref()) =>
            {
                (at * STEP).to_string()
            }
            RowKind::Time => ((at + chance.below(12)) * STEP).to_string(),
            kind => cell(kind, chance),
        };
        if !null {
            row.insert(column.name.clone(), value);
        }
    }
    let kind = |name: &String| {
        &source
            .columns
            .iter()
            .find(|column| column.name == *name)
            .unwrap()
            .ty
            .kind
    };
    for name in &source.key {
        row.insert(name.clone(), key(kind(name), thing.unwrap_or_default()));
    }
    for reference in &source.references {
        let thing = chance.below(THINGS);
        for name in &reference.columns {
            row.insert(name.clone(), key(kind(name), thing));
        }
    }
    row
}

pub(super) fn files(plan: &Plan, chance: &mut Chance) -> Tables {
    let tables = plan.scores.iter().map(|scores| &scores.table);
    let of = |source: &SourcePlan, chance: &mut Chance| -> Vec<Row> {
        let mut rows = Vec::new();
        match (source.kind, &source.versions) {
            (SourceKind::Entity, None) => {
                rows.extend((0..THINGS).map(|thing| row(source, 0, Some(thing), chance)));
            }
            (SourceKind::Entity, Some(_)) => {
                // One version an instant and thing.
                for thing in 0..THINGS {
                    let count = 1 + chance.below(4);
                    let instants: BTreeSet<i64> = (0..count).map(|_| chance.below(STEPS)).collect();
                    rows.extend(
                        instants
                            .into_iter()
                            .map(|at| row(source, at, Some(thing), chance)),
                    );
                }
            }
            (SourceKind::Events, _) => {
                rows.extend((0..ROWS).map(|_| {
                    let at = chance.below(STEPS);
                    row(source, at, None, chance)
                }));
            }
        }
        rows
    };
    let mut files: Tables = plan
        .sources
        .iter()
        .map(|source| (source.name.clone(), of(source, chance)))
        .collect();
    for scores in tables.zip(&plan.scores) {
        let (table, plan_of) = scores;
        let mut rows = of(table, chance);
        let events = &files[&plan_of.source];
        for row in &mut rows {
            let like = &events[chance.below(events.len() as i64) as usize];
            row.extend(
                plan_of
                    .on
                    .iter()
                    .filter_map(|name| Some((name.clone(), like.get(name)?.clone()))),
            );
            row.insert(
                plan_of.time.clone(),
                (chance.below(STEPS) * STEP).to_string(),
            );
        }
        files.insert(table.name.clone(), rows);
    }
    once_an_outcome(plan, &mut files);
    files
}

/// No outcome counts for two rows: the columns that it is joined by tell rows of one time apart.
fn once_an_outcome(plan: &Plan, files: &mut Tables) {
    for source in &plan.sources {
        for join in source
            .columns
            .iter()
            .filter_map(|column| column.joined.as_ref())
        {
            let (time, hours) = (source.time.clone().unwrap(), join.within / 3_600_000_000);
            let mut taken: BTreeSet<(Vec<Option<String>>, i64)> = BTreeSet::new();
            files.get_mut(&source.name).unwrap().retain(|row| {
                let on: Vec<Option<String>> =
                    join.on.iter().map(|name| row.get(name).cloned()).collect();
                let at = row[&time].parse::<i64>().unwrap() / STEP;
                let free = (at - hours..=at + hours).all(|at| !taken.contains(&(on.clone(), at)));
                free && taken.insert((on, at))
            });
        }
    }
}

/// Everything that is known only after an instant, in steps, made something else that is known only after it.
pub(super) fn corrupted(
    plan: &Plan,
    is_label: impl Fn(&SourcePlan, &str) -> bool,
    files: &Tables,
    (t, chance): (i64, &mut Chance),
) -> Tables {
    let mut other = files.clone();
    let time_of = |row: &Row, column: &str| {
        row.get(column)
            .map(|text| text.parse::<i64>().unwrap() / STEP)
    };
    let tables = plan
        .scores
        .iter()
        .map(|scores| (&scores.table, Some(&scores.time)));
    let sources = plan
        .sources
        .iter()
        .map(|source| (source, source.time.as_ref().or(source.versions.as_ref())));
    for (source, time) in sources.chain(tables) {
        let Some(time) = time else { continue };
        let mut moved = BTreeSet::new();
        for cells in other.get_mut(&source.name).unwrap() {
            let at = time_of(cells, time).unwrap();
            if at > t {
                *cells = later(source, time, cells, (t, &mut moved), chance);
                continue;
            }
            for column in in_files(source).filter(|column| is_label(source, &column.name)) {
                let mut known = column.known.iter().map(|known| match known {
                    Known::After(delay, from) => {
                        time_of(cells, from).map(|from| from + delay / (STEP * 1_000_000))
                    }
                    Known::At(from) => time_of(cells, from),
                });
                // What is known with its row is not known to the row itself; that it never comes is known before.
                let known = known.try_fold(at, |latest, one| Some(latest.max(one?)));
                if known.is_none_or(|known| known >= t) {
                    cells.insert(column.name.clone(), cell(&column.ty.kind, chance));
                }
            }
            for column in in_files(source).filter(|column| column.ty.kind == RowKind::Time) {
                if column.name != *time && time_of(cells, &column.name).is_some_and(|at| at > t) {
                    cells.insert(
                        column.name.clone(),
                        ((t + 1 + chance.below(20)) * STEP).to_string(),
                    );
                }
            }
        }
    }
    other
}

/// Another row after an instant; a version stays one of its thing, and a score one of its pair.
fn later(
    source: &SourcePlan,
    time: &str,
    old: &Row,
    (t, moved): (i64, &mut BTreeSet<(Vec<String>, i64)>),
    chance: &mut Chance,
) -> Row {
    let mut new = row(source, 0, None, chance);
    let key: Vec<String> = source.key.iter().map(|name| old[name].clone()).collect();
    new.extend(source.key.iter().cloned().zip(key.iter().cloned()));
    if source.key.is_empty() && source.references.is_empty() {
        new = old.clone();
    }
    // No outcome may count for two rows, so those that outcomes are joined to stay where they are.
    let joins = || {
        source
            .columns
            .iter()
            .filter_map(|column| column.joined.as_ref())
    };
    if joins().next().is_some() {
        for name in joins().flat_map(|join| &join.on).chain([&time.to_owned()]) {
            new.extend(old.get(name).map(|value| (name.clone(), value.clone())));
        }
        return new;
    }
    let mut at = t + 1 + chance.below(STEPS);
    while !source.key.is_empty() && !moved.insert((key.clone(), at)) {
        at += 1;
    }
    new.insert(time.to_owned(), (at * STEP).to_string());
    new
}
