//! The examples as they are lowered: how long they are, that what losses share is computed once, and that teachers which do not
//! learn are computed forward only.
#![allow(
    clippy::disallowed_methods,
    reason = "the crate is pure, its tests read files"
)]
#![allow(clippy::unwrap_used, reason = "tests may fail where they stand")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use reckon_compiler::check::check;
use reckon_compiler::graph::{Graph, Op};
use reckon_compiler::lower::compile;
use reckon_compiler::plan::{PhasePlan, Plan};

struct Disk;

impl reckon_compiler::world::World for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// All specs of the examples.
fn specs() -> Vec<PathBuf> {
    let read = |folder: PathBuf| {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|at| at.unwrap().path())
    };
    let folders = read(examples()).filter(|path| path.is_dir());
    let mut specs: Vec<PathBuf> = folders
        .flat_map(read)
        .filter(|path| path.extension().is_some_and(|end| end == "rec"))
        .collect();
    specs.sort();
    specs
}

fn plan(path: &Path, settings: &[(&str, &str)]) -> Plan {
    let settings: Vec<(String, String)> = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let checked = check(&Disk, &path.to_string_lossy(), &settings);
    compile(&checked.hir.unwrap()).unwrap()
}

fn phase<'a>(plan: &'a Plan, name: &str) -> &'a PhasePlan {
    plan.phases.iter().find(|phase| phase.name == name).unwrap()
}

/// How often each weight or table is read by an op other than its update.
fn reads(graph: &Graph) -> BTreeMap<&str, usize> {
    let mut found = BTreeMap::new();
    for id in graph.order() {
        if matches!(graph.node(id).op, Op::Update { .. }) {
            continue;
        }
        for operand in graph.operands(id) {
            if let Op::Param(path) | Op::Table(path) = &graph.node(operand).op {
                *found.entry(path.as_str()).or_default() += 1;
            }
        }
    }
    found
}

/// The functions of the library, each with the lines of its code, without what is said above it.
fn library() -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for module in reckon_stdlib::MODULES
        .iter()
        .filter(|module| module.path != "std.prim")
    {
        let mut open = None;
        for line in module.text.lines() {
            if let Some(head) = line.strip_prefix("fn ") {
                open = head.split(['(', ' ']).next().map(str::to_owned);
            } else if ["///", "//", "test ", "use "]
                .iter()
                .any(|start| line.starts_with(start))
            {
                open = None;
            }
            if let Some(name) = &open
                && !line.is_empty()
            {
                found.entry(name.clone()).or_default().push(line.to_owned());
            }
        }
    }
    found
}

/// The functions of the library that a text calls, and those that these call.
fn called(text: &str, library: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![text.to_owned()]);
    while let Some(text) = open.pop() {
        let code: Vec<&str> = text
            .lines()
            .map(|line| line.split("//").next().unwrap())
            .collect();
        let code = code.join(" ");
        for (at, call) in code.match_indices(['(', '>']) {
            // `name(` or `|> name`
            let name = match call {
                "(" => code[..at]
                    .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
                    .next(),
                _ => code[at + 1..]
                    .trim_start()
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next(),
            };
            let name = name.unwrap_or_default();
            if let Some(body) = library.get(name)
                && found.insert(name.to_owned())
            {
                open.push(body.join("\n"));
            }
        }
    }
    found
}

#[test]
fn a_spec_is_eighty_lines_at_most_with_the_library_code_that_it_alone_uses() {
    let library = library();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let uses: Vec<(PathBuf, String, BTreeSet<String>)> = specs()
        .into_iter()
        .map(|path| {
            let text = read(&path);
            let beside = text.lines().filter_map(|line| {
                let file = line.strip_prefix("use \"./")?.strip_suffix('"')?;
                Some(read(&path.with_file_name(file)))
            });
            let whole = [text.clone()].into_iter().chain(beside).collect::<String>();
            let calls = called(&whole, &library);
            (path, text, calls)
        })
        .collect();
    assert!(
        uses.iter()
            .any(|(_, _, calls)| calls.contains("masks_around"))
    );
    let others = |name: &String| {
        uses.iter()
            .filter(|(_, _, calls)| calls.contains(name))
            .count()
    };
    for (path, text, calls) in &uses {
        let alone: Vec<&String> = calls.iter().filter(|name| others(name) == 1).collect();
        let of_library: usize = alone.iter().map(|name| library[*name].len()).sum();
        let lines = text.lines().count() + of_library;
        assert!(lines <= 80, "{}: {lines}, with {alone:?}", path.display());
    }
}

#[test]
fn no_step_of_an_example_computes_anything_twice() {
    for path in specs() {
        for phase in plan(&path, &[]).phases {
            let graph = &phase.step.graph;
            let mut known = BTreeMap::new();
            for id in graph.order() {
                let op = &graph.node(id).op;
                if matches!(op, Op::RandomUniform) {
                    continue; // Each draw is one of its own, wherever it stands.
                }
                let key = format!("{op:?} {:?} {:?}", graph.operands(id), graph.ty(id));
                if let Some(first) = known.insert(key, id) {
                    panic!(
                        "{}, {}: {id:?} is {first:?}, {op:?}",
                        path.display(),
                        phase.name
                    );
                }
            }
        }
    }
}

#[test]
fn three_losses_that_read_the_reader_share_its_forward_pass() {
    let plan = plan(&examples().join("dmtl/dmtl.rec"), &[]);
    let graph = &phase(&plan, "train").step.graph;
    let mut products = BTreeMap::new();
    for id in graph.order() {
        if matches!(graph.node(id).op, Op::MatMul { transpose_b: false }) {
            for operand in graph.operands(id) {
                if let Op::Param(path) = &graph.node(operand).op {
                    *products.entry(path.as_str()).or_insert(0) += 1;
                }
            }
        }
    }
    let of_reader = products
        .iter()
        .filter(|(path, _)| path.starts_with("reader."));
    assert_eq!(
        of_reader.clone().count(),
        14,
        "eight of experts, two of gates, four of heads"
    );
    assert!(
        of_reader.clone().all(|(_, count)| *count == 1),
        "{products:?}"
    );
    let tables = reads(graph);
    assert_eq!(tables["reader/video/id"], 1);
}

#[test]
fn a_teacher_of_the_whole_platform_is_read_forward_only() {
    let plan = plan(&examples().join("ecat/ecat.rec"), &[]);
    let graph = &phase(&plan, "local_today").step.graph;
    let reads = reads(graph);
    let of_teacher = || {
        reads
            .iter()
            .filter(|(path, _)| path.starts_with("before/whole/"))
    };
    assert!(of_teacher().count() > 6, "{reads:?}");
    assert!(of_teacher().all(|(_, count)| *count == 1), "{reads:?}");
    let moved = graph
        .effects
        .iter()
        .filter_map(|id| match &graph.node(*id).op {
            Op::Update { path, .. } => Some(path.as_str()),
            _ => None,
        });
    assert!(moved.clone().any(|path| path.starts_with("local.")));
    assert!(!moved.clone().any(|path| path.contains("whole")));
    // What the model learns itself is read on the way back too.
    assert!(reads["local.ranker.mlp.0.linear.weight"] > 1, "{reads:?}");
}

#[test]
fn the_second_training_of_click_confidence_does_not_compute_its_teacher_at_all() {
    let plan = plan(&examples().join("clsd/clsd.rec"), &[]);
    let of = |name: &str| {
        let reads = reads(&phase(&plan, name).step.graph);
        reads
            .keys()
            .filter(|path| path.starts_with("first"))
            .count()
    };
    assert!(of("teaching") > 6);
    assert_eq!(of("clicks"), 0, "its column is computed before");
}
