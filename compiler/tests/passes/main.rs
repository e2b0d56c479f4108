//! What each pass does, in files: `<pass>/*.graph` hold a graph, `// becomes`, and the graph that the pass makes of it.
//! `INSTA_UPDATE=always`, which `cargo xtask bless` sets, writes the second half anew.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use reckon_compiler::graph::eval::{Env, Value, evaluate};
use reckon_compiler::graph::text::{print, read};
use reckon_compiler::graph::verify::verify;
use reckon_compiler::graph::{Dim, Elem, Graph, Op, SpaceId, SpaceKind};
use reckon_compiler::passes::{FORWARD, STEP, hoist, optimise, passes};
use reckon_grammar::span::FileId;

const MARK: &str = "// becomes\n";

#[test]
fn passes_do_what_their_files_say() {
    let update = std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always");
    let mut wrong = Vec::new();
    for (pass, file) in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        let (before, after) = text.split_once(MARK).unwrap_or((&text, ""));
        let graph = parse(&file, before);
        let results = apply(&pass, &graph);
        let found: String = results.iter().map(print).collect::<Vec<_>>().join("\n");
        for result in &results {
            verify(result).unwrap_or_else(|error| {
                panic!("{pass} breaks {}: {error}\n{found}", file.display())
            });
        }
        same_values(&file, &graph, &results);
        if update && found != after {
            // Other tests may be reading the file.
            let written = file.with_extension("new");
            std::fs::write(&written, format!("{before}{MARK}{found}")).unwrap();
            std::fs::rename(&written, &file).unwrap();
        } else if found != after {
            wrong.push(format!(
                "{}\nexpected\n{after}\nfound\n{found}",
                file.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_pass_has_three_files_or_more() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (pass, _) in files() {
        *counts.entry(pass).or_default() += 1;
    }
    let all = passes()
        .into_iter()
        .map(|pass| pass.name)
        .chain(["entity-hoist"]);
    let few: Vec<_> = all
        .filter(|pass| counts.get(*pass).is_none_or(|count| *count < 3))
        .collect();
    assert_eq!(few, Vec::<&str>::new());
}

#[test]
fn pipelines_run_twice_change_nothing_more() {
    for (_, file) in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut graph = parse(&file, text.split_once(MARK).unwrap_or((&text, "")).0);
        optimise(&mut graph, FORWARD, &mut |_, _| {});
        optimise(&mut graph, STEP, &mut |_, _| {});
        let once = print(&graph);
        optimise(&mut graph, STEP, &mut |_, _| {});
        assert_eq!(print(&graph), once, "{}", file.display());
    }
}

fn apply(pass: &str, graph: &Graph) -> Vec<Graph> {
    if pass == "entity-hoist" {
        let hoisted = hoist(graph);
        return vec![hoisted.once, hoisted.per_query];
    }
    let known = passes().into_iter().find(|known| known.name == pass);
    vec![(known.unwrap_or_else(|| panic!("no pass `{pass}`")).run)(
        graph,
    )]
}

fn files() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/passes");
    let mut files = Vec::new();
    for folder in std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
    {
        let pass = folder.file_name().unwrap().to_str().unwrap().to_owned();
        for file in std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "graph")
            })
        {
            files.push((pass.clone(), file));
        }
    }
    files.sort();
    files
}

fn parse(file: &Path, text: &str) -> Graph {
    let graphs =
        read(FileId(0), text).unwrap_or_else(|errors| panic!("{}: {errors:#?}", file.display()));
    let [graph] = &graphs[..] else {
        panic!("{}: expected one graph", file.display())
    };
    graph.clone()
}

/// All outputs of the graph as they were, where the first of two results feeds the second.
fn same_values(file: &Path, graph: &Graph, results: &[Graph]) {
    let env = env(graph);
    let expected =
        evaluate(graph, &env).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut env = env;
    let mut found = BTreeMap::new();
    for result in results {
        let values =
            evaluate(result, &env).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for (name, id) in &result.outputs {
            found.insert(name.clone(), values.get(*id).unwrap().clone());
            env.inputs
                .insert(name.clone(), values.get(*id).unwrap().clone());
        }
    }
    for (name, id) in &graph.outputs {
        let (expected, found) = (expected.get(*id).unwrap(), &found[name]);
        let close = |(a, b): (&f64, &f64)| {
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-9 * (1.0 + a.abs())
        };
        assert!(
            expected.dims == found.dims && expected.data.iter().zip(&found.data).all(close),
            "{}: `{name}` was {expected:?}, is {found:?}",
            file.display()
        );
    }
}

/// Values for all inputs and parameters. Every size is two or more, so that 0 and 1 index anything.
fn env(graph: &Graph) -> Env {
    let mut env = Env::default();
    for (at, space) in graph.spaces.iter().enumerate() {
        let size = match space.kind {
            SpaceKind::Flat => continue,
            SpaceKind::Axis(size) => size,
            _ => 2 + at % 3,
        };
        env.sizes.insert(SpaceId(at as u32), size);
    }
    for id in graph.order() {
        let node = graph.node(id);
        let dims: Vec<usize> = node
            .ty
            .dims
            .iter()
            .map(|dim| match dim {
                Dim::Fixed(size) => *size,
                Dim::Space(space) => env.sizes.get(space).copied().unwrap_or(2),
            })
            .collect();
        let seed = id.index() * 13;
        let each = |n: usize| match (&node.op, node.ty.elem) {
            // Lists of three elements, as far as there are elements.
            (Op::Input(name), Elem::I64) if name == "segments" => (n / 3) as f64,
            (Op::Input(name), Elem::I64) if name == "positions" => (n % 3) as f64,
            (_, Elem::F32) => ((n * 37 + seed) % 23) as f64 / 11.0 - 1.0,
            (_, Elem::I64 | Elem::Bool) => ((n + seed) % 2) as f64,
        };
        let value = Value::new(
            dims.clone(),
            (0..dims.iter().product()).map(each).collect::<Vec<_>>(),
        );
        match &node.op {
            Op::Input(name) => _ = env.inputs.entry(name.clone()).or_insert(value),
            Op::Param(path) | Op::Table(path) => {
                _ = env.params.entry(path.clone()).or_insert(value)
            }
            _ => {}
        }
    }
    env
}
