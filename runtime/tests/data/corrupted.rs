//! Point in time: over the examples and a spec of everything that is dated, each cell that is known only after an instant is made
//! something else, and no bit of a feature of rows at or before that instant moves.
//!
//! Plans are those of the specs; their files are made up, and their splits are at one instant for all, so that rows stay in their parts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::plan::row::{Kernel, RowKind, RowOp};
use reckon_compiler::plan::{
    ColumnPlan, Feed, FeedKind, HandleRows, Known, Plan, Program, SourceKind, SourcePlan,
    SplitRule, TimeFormat,
};
use reckon_compiler::world::World;
use reckon_kernel::Fitted;
use reckon_runtime::data::{Assembler, Batch, Dataset, StepKey};

use crate::spec::rendered;

const KEY: StepKey = StepKey {
    seed: 1,
    step: 0,
    epoch: 0,
    training: false,
    schedule: 1.0,
};

/// What is dated and waits, all in one.
const DATED: &str = r#"
use std.tower.mlp
entity user from "users.csv" as of moved_at { key user_id: int; town: str; age: float?; moved_at: time }
entity item from "items.csv" { key item_id: int; tags: str }
events press from "presses.csv" { item_id -> item; user_id -> user; at: time }
events view from "views.csv" {
  user_id -> user
  item_id -> item
  known device: str
  label pressed: bool from press on (user_id, item_id) within 2h else false
  label stars: int? known 5h after at
  label paid: float? known at paid_at
  label good: bool = fill(stars, 0) > 2 known 9h after at
  paid_at: time?
  at: time
  immature: keep
}
split view by at { train 70%, test 30% }
features user { town = town |> vocab |> embed(2); age = age |> fill(0) }
features item { tags = tags |> split("|") |> vocab |> embed(2) |> mean }
features view {
  device = device |> hash(9) |> embed(2)
  there  = user.raw.town |> fill("") |> hash(50) |> embed(2)
  seen   = history(view of user, last: 5).item.tags |> mean
  towns  = history(view of item, within: 3d).user.town |> mean
  liked  = history(view of user where fill(stars, 0) > 2, last: 3).item.tags |> mean
  good   = history(view of user where good, last: 3).raw.stars |> fill(0) |> mean
  tapped = history(view of item where pressed, last: 4).user.age |> mean
  spent  = history(view of user, last: 4).raw.paid |> fill(0) |> mean
}
tower taste(u: user, i: item, v: view) -> logit = concat(u, i, v) |> mlp([1]) |> squeeze
loss main over view = bce(taste(user, item, view), good)
train { minimize main }
evaluate tastes: ranking over view { score taste(user, item, view) against good; report logloss }
"#;

/// The files of the repository, and one spec that is none of them.
struct Files;

impl World for Files {
    fn read(&self, path: &str) -> Result<String, String> {
        match path {
            "dated.rec" => Ok(DATED.to_owned()),
            _ => fs::read_to_string(path).map_err(|error| error.to_string()),
        }
    }
}

/// Numbers that look like chance and repeat.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n as u64) as i64
    }
}

/// A spec with its labels; every source is read from a made-up file of its own.
struct Case {
    name: String,
    plan: Plan,
    labels: BTreeSet<(String, String)>,
}

fn case(path: &str) -> Option<Case> {
    let checked = check(&Files, path, &[]);
    let hir = checked
        .hir
        .unwrap_or_else(|| panic!("{path}: {:?}", checked.diagnostics));
    let mut plan = compile(&hir).unwrap_or_else(|faults| panic!("{path}: {faults:?}"));
    // What comes out of another run is not there.
    if plan.fits.iter().any(|fit| fit.taken.is_some()) || !plan.loads.is_empty() {
        return None;
    }
    plan.splits
        .iter_mut()
        .for_each(|split| split.rule = SplitRule::Time);
    let tables = plan.scores.iter_mut().map(|scores| &mut scores.table);
    for source in plan.sources.iter_mut().chain(tables) {
        source.paths = vec![format!("{}.jsonl", source.name)];
        source.columns.iter_mut().for_each(|column| {
            column.nulls.clear();
            column.time = TimeFormat::Seconds;
        });
    }
    Some(Case {
        name: path.to_owned(),
        plan,
        labels: hir.labels.clone(),
    })
}

/// All examples that read data, and the spec of what is dated.
fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in fs::read_dir(root).unwrap() {
        let folder = folder.unwrap().path();
        if folder.is_dir() {
            paths.extend(
                fs::read_dir(folder)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
    }
    paths.retain(|path| path.extension().is_some_and(|end| end == "rec"));
    paths.sort();
    let paths = paths.iter().map(|path| path.to_string_lossy().into_owned());
    std::iter::once("dated.rec".to_owned())
        .chain(paths)
        .filter_map(|path| case(&path))
        .filter(|case| case.plan.sources.iter().any(|source| source.time.is_some()))
        .collect()
}

const THINGS: i64 = 7;
const ROWS: i64 = 60;
/// Instants are so many steps, so that several rows share one.
const STEPS: i64 = 120;
const STEP: i64 = 3600;

/// A row by column; what is missing is null.
type Row = BTreeMap<String, String>;

/// The rows of each file.
type Tables = BTreeMap<String, Vec<Row>>;

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

fn files(plan: &Plan, chance: &mut Chance) -> Tables {
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
fn corrupted(case: &Case, files: &Tables, t: i64, chance: &mut Chance) -> Tables {
    let mut other = files.clone();
    let time_of = |row: &Row, column: &str| {
        row.get(column)
            .map(|text| text.parse::<i64>().unwrap() / STEP)
    };
    let tables = case
        .plan
        .scores
        .iter()
        .map(|scores| (&scores.table, Some(&scores.time)));
    let sources = case
        .plan
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
            for column in in_files(source).filter(|column| case.is_label(source, &column.name)) {
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

impl Case {
    fn is_label(&self, source: &SourcePlan, column: &str) -> bool {
        self.labels
            .contains(&(source.name.clone(), column.to_owned()))
    }

    fn load(&self, files: &Tables, fits: Option<Vec<Fitted>>) -> Dataset {
        let folder = tempfile::tempdir().unwrap();
        for (name, rows) in files {
            let mut text = String::new();
            for row in rows {
                let cells: Vec<String> = row
                    .iter()
                    .map(|(name, value)| format!("{name:?}:{value}"))
                    .collect();
                writeln!(text, "{{{}}}", cells.join(",")).unwrap();
            }
            fs::write(folder.path().join(format!("{name}.jsonl")), text).unwrap();
        }
        let loaded = Dataset::load(&self.plan, folder.path(), fits);
        loaded.unwrap_or_else(|faults| panic!("{}: {}", self.name, rendered(&faults)))
    }

    /// The programs of the spec with those feeds alone that are features of the rows that are asked about.
    fn programs(&self) -> Vec<Program> {
        let evaluations = self
            .plan
            .evaluations
            .iter()
            .flat_map(|evaluation| evaluation.programs());
        let phases = self.plan.phases.iter();
        let phases = phases.filter(|phase| {
            phase
                .streams
                .iter()
                .all(|stream| stream.negatives.is_none())
        });
        let steps = phases.map(|phase| &phase.step);
        let programs = evaluations.chain(steps).map(|program| {
            let mut program = program.clone();
            let (of, handles) = (program.clone(), program.handles.len());
            let from_rows: Vec<bool> = (0..handles).map(|at| is_of_rows(&of, at)).collect();
            program
                .feeds
                .retain(|feed| self.is_feature(&of, feed, &from_rows));
            program
        });
        programs
            .filter(|program| !program.feeds.is_empty())
            .collect()
    }

    fn is_feature(&self, program: &Program, feed: &Feed, from_rows: &[bool]) -> bool {
        match &feed.what {
            FeedKind::Column { handle, output, .. }
            | FeedKind::ListValues { handle, output, .. }
            | FeedKind::ListSegments { handle, output }
            | FeedKind::ListPositions { handle, output } => {
                let of = &program.handles[*handle];
                let kernel = self
                    .plan
                    .kernels
                    .iter()
                    .find(|kernel| kernel.source == of.source);
                let own = matches!(of.rows, HandleRows::Stream(_));
                from_rows[*handle]
                    && !(own && kernel.is_some_and(|kernel| self.reads_label(kernel, output)))
            }
            FeedKind::Segments { handle } | FeedKind::Positions { handle } => {
                from_rows[*handle]
                    && matches!(program.handles[*handle].rows, HandleRows::History(..))
            }
            _ => false,
        }
    }

    /// Whether an output reads a label of its own row: it is what a model is held against, and no feature.
    fn reads_label(&self, kernel: &Kernel, output: &str) -> bool {
        let mut open: Vec<usize> = kernel
            .outputs
            .iter()
            .filter(|(name, _)| name == output)
            .map(|(_, at)| *at)
            .collect();
        while let Some(at) = open.pop() {
            let inst = &kernel.code[at];
            let is_label = match &inst.op {
                RowOp::Label => true,
                RowOp::Column(name) => self.labels.contains(&(kernel.source.clone(), name.clone())),
                _ => false,
            };
            if is_label {
                return true;
            }
            open.extend(&inst.args);
        }
        false
    }

    /// Of so many random instants those at which a feature of an earlier row moves by what comes after it, or is so many hours `early`,
    /// and how many inputs of rows were compared.
    fn leaks(&self, (instants, early): (usize, i64), chance: &mut Chance) -> (Vec<i64>, usize) {
        let (mut leaks, mut compared) = (Vec::new(), 0);
        let original = files(&self.plan, chance);
        let data = self.load(&original, None);
        let programs = self.programs();
        for _ in 0..instants {
            let t = chance.below(STEPS);
            let other = self.load(
                &corrupted(self, &original, t - early, chance),
                Some(data.fits.clone()),
            );
            let mut leak = false;
            for program in &programs {
                let Some((before, after)) = fed(program, &data, &other, t) else {
                    continue;
                };
                compared += before.iter().map(|batch| batch.inputs.len()).sum::<usize>();
                leak |= before != after;
            }
            leaks.extend(leak.then_some(t));
        }
        (leaks, compared)
    }
}

/// Whether the rows of a handle follow from a row of the first stream alone.
fn is_of_rows(program: &Program, handle: usize) -> bool {
    match program.handles[handle].rows {
        HandleRows::Stream(stream) => stream == 0,
        HandleRows::Referred(of) | HandleRows::History(of, _) => is_of_rows(program, of),
        HandleRows::Shared(_)
        | HandleRows::Distinct(_)
        | HandleRows::Thinned { .. }
        | HandleRows::Catalogue
        | HandleRows::Joined(_)
        | HandleRows::Sampled { .. }
        | HandleRows::Groups(_) => false,
    }
}

/// What a program is fed with at each row up to an instant; `None` where it waits for a column that a run computes.
fn fed(
    program: &Program,
    data: &Dataset,
    other: &Dataset,
    t: i64,
) -> Option<(Vec<Batch>, Vec<Batch>)> {
    let stream = program
        .handles
        .iter()
        .find(|handle| handle.rows == HandleRows::Stream(0))?;
    let times = &data.source(&stream.source)?.times;
    let early = (0..times.len() as u32).filter(|row| times[*row as usize] <= t * STEP * 1_000_000);
    let rows: Vec<u32> = early.collect();
    let assemblers = (
        Assembler::new(data, program, &[]).ok()?,
        Assembler::new(other, program, &[]).ok()?,
    );
    let all = |assembler: &Assembler<'_>| -> Vec<Batch> {
        rows.iter()
            .map(|row| assembler.assemble(&[vec![*row]], KEY))
            .collect()
    };
    Some((all(&assemblers.0), all(&assemblers.1)))
}

#[expect(clippy::print_stdout, reason = "says how much was compared")]
fn no_leaks(instants: usize) {
    let cases = cases();
    assert!(cases.len() >= 14, "{}", cases.len());
    let mut chance = Chance(29);
    let each = instants.div_ceil(cases.len());
    let mut compared = 0;
    for case in &cases {
        let (leaks, more) = case.leaks((each, 0), &mut chance);
        assert!(
            leaks.is_empty(),
            "{}: rows up to {leaks:?} know what comes later",
            case.name
        );
        compared += more;
    }
    println!(
        "{} specs, {each} instants each, {compared} inputs of rows compared",
        cases.len()
    );
    assert!(compared > 500 * each, "{compared}");
}

#[test]
fn no_feature_of_the_examples_moves_by_what_is_known_later() {
    no_leaks(60);
}

#[test]
#[ignore = "a thousand instants, run by hand"]
fn no_feature_of_the_examples_moves_at_a_thousand_instants() {
    no_leaks(1000);
}

#[test]
fn rows_that_know_what_comes_three_hours_later_are_found() {
    let case = case("dated.rec").unwrap();
    let (leaks, _) = case.leaks((10, 3), &mut Chance(3));
    assert!(leaks.len() >= 5, "{leaks:?}");
}
