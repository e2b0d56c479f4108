//! Point in time: over the examples and a spec of everything that is dated, each cell that is known only after an instant is made
//! something else, and no bit of a feature of rows at or before that instant moves.
//!
//! Plans are those of the specs; their files are made up, and their splits are at one instant for all, so that rows stay in their parts.

mod made;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::plan::row::{Kernel, RowOp};
use reckon_compiler::plan::{
    Feed, FeedKind, HandleRows, Plan, Program, SourcePlan, SplitRule, TimeFormat,
};
use reckon_compiler::world::World;
use reckon_kernel::Fitted;
use reckon_runtime::data::{Assembler, Batch, Dataset, StepKey};

use crate::spec::rendered;
use made::{Chance, STEP, STEPS, Tables, corrupted, files};

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
  quiet  = history(view of user, within: 2d).ago |> min |> log1p
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
            FeedKind::Segments { handle }
            | FeedKind::Positions { handle }
            | FeedKind::Lengths { handle } => {
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
        let label = |source: &SourcePlan, column: &str| self.is_label(source, column);
        for _ in 0..instants {
            let t = chance.below(STEPS);
            let other = self.load(
                &corrupted(&self.plan, label, &original, (t - early, chance)),
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
    no_leaks(1000);
}

#[test]
fn rows_that_know_what_comes_three_hours_later_are_found() {
    let case = case("dated.rec").unwrap();
    let (leaks, _) = case.leaks((10, 3), &mut Chance(3));
    assert!(leaks.len() >= 5, "{leaks:?}");
}
