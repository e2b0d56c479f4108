//! Every example at each level of its lowering, as files to read.
#![allow(
    clippy::disallowed_methods,
    reason = "the crate is pure, its tests read files"
)]

use std::path::{Path, PathBuf};

use reckon_compiler::check::check;
use reckon_compiler::graph::Graph;
use reckon_compiler::hir;
use reckon_compiler::lower::compile;
use reckon_compiler::plan;
use reckon_grammar::span::Sources;

struct Disk;

impl reckon_compiler::world::World for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }
}

/// All specs below a folder, in the order of their names.
fn specs(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            specs(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rec") {
            found.push(path);
        }
    }
}

/// Every op that has a place stands in a file of the user's, that of a library function at the call.
fn assert_places(sources: &Sources, graph: &Graph, what: &str) {
    for id in graph.order() {
        let node = graph.node(id);
        let place = node.site.call.map(|span| &sources.file(span.file).name);
        let in_library = place.is_some_and(|name| name.starts_with("std/"));
        assert!(!in_library, "{what}: {:?} at {place:?}", node.op);
    }
}

#[test]
fn every_example_lowers_as_its_snapshots_show() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut paths = Vec::new();
    specs(&root, &mut paths);
    assert!(!paths.is_empty());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("levels");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _bound = settings.bind_to_scope();
    for path in paths {
        let name = path.strip_prefix(&root).unwrap().with_extension("");
        let name = name.to_string_lossy().replace('/', "_");
        let checked = check(&Disk, &path.to_string_lossy(), &[]);
        let typed = checked.hir.unwrap_or_else(|| panic!("{name} has errors"));
        let plan = compile(&typed).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        for (what, graph) in plan::print::graphs(&plan) {
            assert_places(&checked.sources, graph, &format!("{name}: {what}"));
        }
        // Pages of the whole zoo would not be read; `tests/zoo.rs` trains its models. A world lowers like the example that it
        // stands beside.
        if name.starts_with("zoo_") || name.ends_with("_world") {
            continue;
        }
        insta::assert_snapshot!(format!("{name}.hir"), hir::print::print(&typed));
        insta::assert_snapshot!(format!("{name}.plan"), plan::print::print(&plan));
        let graphs: Vec<String> = plan::print::graphs(&plan)
            .into_iter()
            .map(|(what, graph)| {
                format!("// {what}\n{}", reckon_compiler::graph::text::print(graph))
            })
            .collect();
        insta::assert_snapshot!(format!("{name}.graph"), graphs.join("\n"));
    }
}
