//! The tests of the library, on the reference evaluator; libtorch runs them too, in the tests of the command.
#![allow(
    clippy::disallowed_methods,
    reason = "the crate is pure, its tests read files"
)]

use reckon_compiler::check::check;
use reckon_compiler::testing::{Outcome, reference, run};
use reckon_grammar::diagnostic::Diagnostic;

/// One text under every path.
struct Text(&'static str);

impl reckon_compiler::world::World for Text {
    fn read(&self, _: &str) -> Result<String, String> {
        Ok(self.0.to_owned())
    }
}

/// The outcomes of a module's tests, as a person reads them.
fn told(text: &'static str) -> Vec<String> {
    let checked = check(&Text(text), "module.rec", &[]);
    let place = |found: &Diagnostic| {
        let span = found.primary.span;
        let (line, _) = checked.sources.line_column(span.file, span.start);
        let file = &checked.sources.file(span.file).name;
        format!(
            "{file}:{line}: {} {} {:?}",
            found.message, found.primary.message, found.notes
        )
    };
    let Some(hir) = &checked.hir else {
        return checked
            .diagnostics
            .iter()
            .filter(|found| found.is_error())
            .map(place)
            .collect();
    };
    run(hir, &mut reference)
        .iter()
        .map(
            |Outcome {
                 title, failures, ..
             }| match failures.is_empty() {
                true => format!("{title}: holds"),
                false => format!(
                    "{title}: {}",
                    failures.iter().map(place).collect::<Vec<_>>().join("; ")
                ),
            },
        )
        .collect()
}

#[test]
fn the_library_holds_what_it_promises() {
    let told: Vec<String> = reckon_stdlib::MODULES
        .iter()
        .filter(|module| module.path != "std.prim")
        .flat_map(|module| told(module.text))
        .collect();
    let (held, wrong): (Vec<&String>, Vec<&String>) =
        told.iter().partition(|line| line.ends_with(": holds"));
    assert!(held.len() > 10, "the library has tests: {held:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_function_of_the_library_has_a_comment_and_a_place_in_its_page() {
    let page = include_str!("../../docs/library.md");
    let mut missing = Vec::new();
    for module in reckon_stdlib::MODULES {
        let lines: Vec<&str> = module.text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(rest) = line.strip_prefix("fn ") else {
                continue;
            };
            let name = rest.split('(').next().unwrap_or(rest);
            if at == 0 || !lines[at - 1].starts_with("///") {
                missing.push(format!("{}: `{name}` has no comment", module.file));
            }
            if module.path != "std.prim" && !page.contains(&format!("`{name}`")) {
                missing.push(format!("docs/library.md lacks `{name}`"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_wrong_claim_names_what_was_expected_and_found() {
    insta::assert_snapshot!(
        told("test \"one\" {\n  let x = [1.0, 2.0]\n  assert x + 1 ~= [2.0, 4.0]\n  assert 1 + 1 == 3\n}\n").join("\n"),
        @r#"one: module.rec:3: expected 4.0, found 3.0 by the reference evaluator; element 1 of 2 ["expected [2.0, 4.0]", "found [2.0, 3.0]"]; module.rec:4: expected true, found false by the reference evaluator []"#
    );
}

#[test]
fn weights_under_test_have_fixed_values() {
    let text = "use std.tower.linear\ntest \"w\" {\n  let x = [1.0]\n  assert linear(x, 2) ~= [9.0, 9.0]\n}\n";
    assert_eq!(told(text), told(text));
}
