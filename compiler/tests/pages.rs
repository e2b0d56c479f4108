//! Every page of an error code holds: its first spec raises exactly that code, its second is clean.

// The crate is pure; its tests look into the folder of pages.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use reckon_compiler::check::check;
use reckon_compiler::errors::{PAGES, page};
use reckon_compiler::lower::compile;
use reckon_compiler::world::Texts;
use reckon_grammar::span::FileId;

/// What pages of faults that only a run can show say instead of a spec.
const AT_RUN_TIME: &str = "This error is found when a spec runs.";
/// What pages of faults outside of the text of a spec say.
const NOT_IN_A_SPEC: &str = "This error does not come from the text of a spec.";

#[test]
fn every_page_in_the_folder_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("errors");
    let files: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let listed: Vec<&str> = PAGES.iter().map(|(code, _)| *code).collect();
    assert_eq!(
        listed, files,
        "compiler/src/errors.rs lists the pages in the order of their codes"
    );
}

#[test]
fn every_page_begins_with_its_code_and_a_title() {
    for (code, page) in PAGES {
        let title = page
            .lines()
            .next()
            .unwrap()
            .strip_prefix(&format!("# {code}: "));
        assert!(
            title.is_some_and(|title| !title.is_empty()),
            "{code}: the first line is `# {code}: title`"
        );
    }
}

#[test]
fn the_first_spec_of_a_page_raises_its_code_and_the_second_is_clean() {
    let mut faults = Vec::new();
    for (code, page) in PAGES {
        if page.contains(AT_RUN_TIME) || page.contains(NOT_IN_A_SPEC) {
            continue;
        }
        let specs = specs(page);
        let [wrong, right] = specs.as_slice() else {
            faults.push(format!("{code}: expected two specs, found {}", specs.len()));
            continue;
        };
        if codes(code, wrong) != BTreeSet::from([(*code).to_owned()]) {
            faults.push(format!(
                "{code}: the first spec raises {:?}",
                codes(code, wrong)
            ));
        }
        if !codes(code, right).is_empty() {
            faults.push(format!(
                "{code}: the second spec raises {:?}",
                codes(code, right)
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_code_of_the_compiler_has_a_page_and_every_page_a_code() {
    let mut raised = BTreeSet::new();
    codes_in(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut raised,
    );
    let listed: BTreeSet<String> = PAGES
        .iter()
        .map(|(code, _)| (*code).to_owned())
        .filter(|code| !code.starts_with("E01") && !code.starts_with("E10"))
        .collect();
    assert_eq!(raised, listed);
}

/// The codes that the sources of a folder give to diagnostics, E02 to E09: syntax and run time have tests of their own.
fn codes_in(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes_in(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for call in ["Code(", "error(", "unknown("] {
            for (at, _) in text.match_indices(call) {
                let rest = text[at + call.len()..].trim_start();
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                let is_code = digits.len() == 3 && !digits.starts_with('1');
                found.extend(is_code.then(|| format!("E0{digits}")));
            }
        }
    }
}

#[test]
fn unknown_codes_have_no_page() {
    assert_eq!(page("E9999"), None);
}

/// The blocks of the language on a page.
fn specs(page: &str) -> Vec<String> {
    let mut specs = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line == "```rec" {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            specs.push(body.join("\n") + "\n");
        }
    }
    specs
}

/// The codes of all findings. Pages about syntax hold fragments, so only their syntax is looked at.
fn codes(code: &str, spec: &str) -> BTreeSet<String> {
    let diagnostics = if code.starts_with("E01") {
        reckon_grammar::parse(FileId(0), spec).diagnostics
    } else {
        let world = Texts([("main.rec".to_owned(), spec.to_owned())].into());
        let checked = check(&world, "main.rec", &[]);
        let lowered = checked.hir.as_ref().and_then(|hir| compile(hir).err());
        lowered
            .into_iter()
            .flatten()
            .chain(checked.diagnostics)
            .collect()
    };
    diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code.to_string())
        .collect()
}
