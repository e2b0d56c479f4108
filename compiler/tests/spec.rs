//! The pages of `tests/spec/` and `docs/`: prose with specs, where comments say which messages stand on their lines and which types
//! values have.
//!
//! Every block fenced with `rec` is a spec; one fenced with `rec of FILE` quotes lines of that file. The block fenced
//! with `rec base` stands before each block that follows it on its page. `// error: [E0302] "dimensions"` expects an error of this code on its line, with a message that holds the text;
//! `// warning: ...` likewise, and several may stand on a line. `at NAME` moves the place to the last line above that
//! begins with the name. `// reveal: f32[B, 8]` says the type of the `let`, feature, tower or loss that ends on its line.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the crate is pure, its tests read files"
)]

use std::fs;
use std::path::{Path, PathBuf};

use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::world::Texts;

/// A block of a page as a whole spec, with the line of the page on which its first line stands.
struct Spec {
    text: String,
    line: isize,
}

#[test]
fn specs_in_prose_say_what_their_comments_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = Vec::new();
    for folder in ["tests/spec", "docs"] {
        pages_below(&root.join(folder), &mut pages);
    }
    pages.sort();
    let mut faults = Vec::new();
    for path in pages {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for spec in specs(&fs::read_to_string(&path).unwrap()) {
            faults.extend(compare(&name, &spec));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn pages_below(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages_below(&path, pages);
        } else if path.extension().is_some_and(|end| end == "md") {
            pages.push(path);
        }
    }
}

#[test]
fn quotes_stand_in_what_they_quote() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![root.join("README.md")];
    pages_below(&root.join("docs"), &mut pages);
    let mut quotes = 0;
    for path in pages {
        let page = fs::read_to_string(&path).unwrap();
        let mut lines = page.lines();
        while let Some(fence) = lines.next() {
            let Some(of) = fence.strip_prefix("```rec of ") else {
                continue;
            };
            quotes += 1;
            let quoted = fs::read_to_string(root.join(of)).unwrap();
            for line in lines.by_ref().take_while(|line| *line != "```") {
                let found = quoted.lines().any(|of| of == line);
                assert!(found, "{}: {of} has no line `{line}`", path.display());
            }
        }
    }
    assert!(
        quotes > 1,
        "the README and the pages of methods quote specs"
    );
}

fn specs(page: &str) -> Vec<Spec> {
    let (mut specs, mut base) = (Vec::new(), String::new());
    let mut lines = page.lines().enumerate();
    while let Some((at, fence)) = lines.next() {
        if !matches!(fence, "```rec" | "```rec base") {
            continue;
        }
        let body = lines.by_ref().map(|(_, line)| line);
        let body: Vec<&str> = body.take_while(|line| *line != "```").collect();
        let text = format!("{base}{}\n", body.join("\n"));
        specs.push(Spec {
            line: at as isize + 1 - base.lines().count() as isize,
            text: text.clone(),
        });
        if fence == "```rec base" {
            base = text + "\n";
        }
    }
    specs
}

/// What is said on a line: an error, a warning or a type.
#[derive(Clone, Debug)]
struct Said {
    line: usize,
    kind: &'static str,
    text: String,
}

/// What the comments expect and does not come, and what comes unexpected.
fn compare(page: &str, spec: &Spec) -> Vec<String> {
    let (mut findings, types) = found(&spec.text);
    let mut faults = Vec::new();
    let place = |line: usize| format!("{page}:{}", spec.line + line as isize);
    for expected in expected(&spec.text) {
        let fits = |said: &Said| {
            said.line == expected.line
                && said.kind == expected.kind
                && match expected.kind {
                    "reveal" => said.text == expected.text,
                    _ => parts(&expected.text).is_some_and(|(code, words)| {
                        said.text.starts_with(code) && said.text.contains(words)
                    }),
                }
        };
        let pool = if expected.kind == "reveal" {
            &types
        } else {
            &findings
        };
        match pool.iter().position(fits) {
            Some(at) if expected.kind != "reveal" => drop(findings.remove(at)),
            Some(_) => {}
            None => {
                let here: Vec<&Said> = pool
                    .iter()
                    .filter(|said| said.line == expected.line)
                    .collect();
                faults.push(format!(
                    "{}: expected {} {}, found {here:?}",
                    place(expected.line),
                    expected.kind,
                    expected.text
                ));
            }
        }
    }
    for said in findings {
        faults.push(format!(
            "{}: unexpected {} {}",
            place(said.line),
            said.kind,
            said.text
        ));
    }
    faults
}

/// `[E0302] "dimensions"` as code and words.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (code, rest) = text.strip_prefix('[')?.split_once(']')?;
    Some((code, rest.trim().strip_prefix('"')?.split_once('"')?.0))
}

fn expected(text: &str) -> Vec<Said> {
    let lines: Vec<&str> = text.lines().collect();
    let mut all = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        for comment in line.split("// ").skip(1) {
            for kind in ["error", "warning", "reveal"] {
                let Some(said) = comment
                    .strip_prefix(kind)
                    .and_then(|rest| rest.strip_prefix(": "))
                else {
                    continue;
                };
                let (said, at) = match said.split_once("\" at ") {
                    Some((said, name)) => {
                        let above = lines[..at]
                            .iter()
                            .rposition(|line| line.trim_start().starts_with(name.trim()));
                        (format!("{said}\""), above.unwrap())
                    }
                    None => (said.trim().to_owned(), at),
                };
                all.push(Said {
                    line: at + 1,
                    kind,
                    text: said,
                });
            }
        }
    }
    all
}

/// The findings of checking and lowering, and the types of all values.
fn found(text: &str) -> (Vec<Said>, Vec<Said>) {
    let world = Texts([("main.rec".to_owned(), text.to_owned())].into());
    let checked = check(&world, "main.rec", &[]);
    let lowered = checked.hir.as_ref().and_then(|hir| compile(hir).err());
    let findings = checked.diagnostics.iter().chain(lowered.iter().flatten());
    let line = |span: reckon_grammar::span::Span, byte: u32| {
        checked.sources.line_column(span.file, byte).0
    };
    let findings = findings.map(|found| Said {
        line: line(found.primary.span, found.primary.span.start),
        kind: if found.is_error() { "error" } else { "warning" },
        text: format!("{} {}", found.code, found.message),
    });
    let types = checked.types.iter().map(|typed| Said {
        line: line(typed.span, typed.span.end),
        kind: "reveal",
        text: typed.ty.clone(),
    });
    (findings.collect(), types.collect())
}
