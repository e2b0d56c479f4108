//! Pages of `tests/lsp/`: a spec with requests in comments; the snapshot beside it is the spec with the answers.
//!
//! A request stands in a comment below the line that it is about, with its place under a `^`:
//!
//! ```text
//! tower film(m: movie) = concat(m) |> mlp([64])
//! //                                  ^ hover
//! ```
//!
//! `hover`, `definition`, `references`, `complete`, `signature`, `rename NAME` and `actions` are asked at a place;
//! `hints`, `outline`, `folds`, `words`, `findings` and `format` stand alone after `//!` at the end and are about the whole text.

#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use reckon_compiler::world::Texts;
use reckon_grammar::span::Span;
use reckon_lsp::data::{Column, Data, Rows, Seen, Table};
use reckon_lsp::ide::index::SymbolKind;
use reckon_lsp::ide::rename::{self, Declaration};
use reckon_lsp::ide::{
    Analysis, actions, completion, edit, hints, hover, outline, signature, tokens,
};
use reckon_lsp::workspace::{Document, Workspace};

/// The data of the shop, and a run of it.
struct Shelf;

impl Data for Shelf {
    fn table(&self, path: &str) -> Option<Table> {
        let seen = |empty, distinct, often: &[&str]| {
            let often = often.iter().map(|value| (*value).to_owned()).collect();
            Some(Seen {
                rows: 6040,
                empty,
                distinct,
                often,
            })
        };
        let column = |name: &str, ty: &str, seen| Column {
            name: name.to_owned(),
            ty: ty.to_owned(),
            seen,
        };
        let (rows, columns) = match path {
            "users.csv" => {
                let age = column("age", "int?", seen(604, 60, &["25", "35", "18"]));
                let country = column("country", "str", seen(0, 1, &["fr"]));
                let key = column("user_id", "int", seen(0, 6040, &["1", "2", "3"]));
                (Rows::Exactly(6040), vec![key, age, country])
            }
            "items.parquet" => {
                let columns = [
                    ("item_id", "int"),
                    ("title", "str"),
                    ("tags", "list<str>"),
                    ("price", "float"),
                    ("added", "time"),
                ];
                let columns = columns.map(|(name, ty)| column(name, ty, None));
                (Rows::Exactly(3883), columns.to_vec())
            }
            "visits.csv" => {
                let columns = vec![
                    column("user_id", "int", None),
                    column("item_id", "int", None),
                    column("click", "bool", seen(0, 2, &["false", "true"])),
                    column("seconds", "float", seen(12, 812, &["0"])),
                    column("at", "time(unit: ms)", None),
                ];
                (Rows::About(1_000_000), columns)
            }
            _ => return None,
        };
        Some(Table {
            name: path.to_owned(),
            rows,
            columns,
        })
    }

    fn trained(&self, spec: &str) -> BTreeMap<String, usize> {
        let tables = [("main/item/id", 3708), ("main/user/id", 6041)];
        let tables = tables.into_iter().filter(|_| spec == "shop.rec");
        tables.map(|(path, rows)| (path.to_owned(), rows)).collect()
    }
}

/// A request: the byte that it is about, and its words.
struct Asked {
    offset: usize,
    words: Vec<String>,
    /// The line of the page after which the answer is shown.
    line: usize,
}

/// The requests of a page.
fn requests(text: &str) -> Vec<Asked> {
    let (mut asked, mut about, mut start) = (Vec::new(), 0, 0);
    for (line, content) in text.split_inclusive('\n').enumerate() {
        let comment = content.trim_start().strip_prefix("//");
        let words = |tail: &str| {
            tail.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        match (comment, content.find('^')) {
            (Some(_), Some(column)) => asked.push(Asked {
                offset: about + column,
                words: words(&content[column + 1..]),
                line,
            }),
            (Some(rest), None) if rest.starts_with('!') => asked.push(Asked {
                offset: 0,
                words: words(&rest[1..]),
                line,
            }),
            _ => about = start,
        }
        start += content.len();
    }
    asked
}

fn answer(analysis: &Analysis, asked: &Asked) -> String {
    let at = asked.offset;
    let words: Vec<&str> = asked.words.iter().map(String::as_str).collect();
    match words[..] {
        ["hover"] => {
            hover::hover(analysis, at).map_or("nothing\n".to_owned(), |found| found.markdown())
        }
        ["definition"] => rename::definition(analysis, at)
            .map_or("nothing\n".to_owned(), |span| place(analysis, span)),
        ["references"] => {
            let places = rename::references(analysis, at, Declaration::Included);
            places
                .into_iter()
                .map(|span| place(analysis, span))
                .collect()
        }
        ["complete"] => complete(analysis, at),
        ["signature"] => {
            signature::signature(analysis, at).map_or("nothing\n".to_owned(), |found| {
                let active = found.active.map_or("none", |at| &found.params[at]);
                format!("{}\nwriting: {active}\n", found.head)
            })
        }
        ["rename", name] => match rename::rename(analysis, at, name) {
            Ok(edits) => edits
                .iter()
                .map(|edit| place(analysis, edit.span))
                .collect(),
            Err(why) => format!("refused: {why}\n"),
        },
        ["actions"] => actions_at(analysis, at),
        ["hints"] => hints::hints(analysis)
            .iter()
            .map(|hint| format!("{}{}\n", before(analysis, hint.at), hint.text))
            .collect(),
        ["outline"] => entries(&outline::outline(analysis), 0),
        ["folds"] => outline::folds(analysis)
            .iter()
            .map(|fold| format!("{:?} {}", fold.kind, place(analysis, fold.span)))
            .collect(),
        ["words"] => coloured(analysis),
        ["findings"] => findings(analysis),
        ["format"] => edit::format(analysis)
            .iter()
            .map(|edit| format!("{}{}", place(analysis, edit.span), edit.text))
            .collect(),
        _ => panic!("no such request: {words:?}"),
    }
}

/// The actions at a place with their edits.
fn actions_at(analysis: &Analysis, at: usize) -> String {
    let all = actions::actions(analysis, at..at);
    let shown = all.iter().map(|action| {
        let edit =
            |edit: &edit::Edit| format!("  {:?} at {}", edit.text, place(analysis, edit.span));
        let edits: String = action.edits.iter().map(edit).collect();
        format!("{}\n{edits}", action.title)
    });
    shown.collect()
}

fn findings(analysis: &Analysis) -> String {
    let findings = analysis.findings.iter();
    let findings: String = findings
        .map(|found| format!("{} {}\n", found.code, found.message))
        .collect();
    match findings.is_empty() {
        true => "none\n".to_owned(),
        false => findings,
    }
}

/// The proposals that begin with the word being written, as an editor shows them. Where none is written, the functions of
/// the library are one line: a page does not change with each new one.
fn complete(analysis: &Analysis, at: usize) -> String {
    let function = completion::Proposed::Name(SymbolKind::Function);
    let mut shown = String::new();
    for one in completion::completion(analysis, at) {
        let word = analysis.checked.sources.slice(one.replaces);
        if word.is_empty() && one.kind == function {
            shown += "... and functions\n";
            break;
        }
        if one.text.starts_with(word) {
            shown += &proposal(&one);
        }
    }
    shown
}

/// A place with what stands there.
fn place(analysis: &Analysis, span: Span) -> String {
    let source = analysis.checked.sources.file(span.file);
    let (line, column) = analysis.checked.sources.line_column(span.file, span.start);
    let text = analysis.checked.sources.slice(span);
    let shown = text.lines().next().unwrap_or("");
    format!("{}:{line}:{column} {shown}\n", source.name)
}

/// The line up to a byte, without its indentation.
fn before(analysis: &Analysis, at: usize) -> &str {
    analysis.text()[..at]
        .rsplit('\n')
        .next()
        .unwrap_or("")
        .trim_start()
}

fn proposal(one: &completion::Proposal) -> String {
    let needs = one
        .needs
        .as_ref()
        .map_or(String::new(), |edit| format!("  + {}", edit.text.trim()));
    format!("{}  {}{needs}\n", one.text, one.detail).replace("  \n", "\n")
}

fn entries(all: &[outline::Entry], depth: usize) -> String {
    let line = |entry: &outline::Entry| {
        let indent = "  ".repeat(depth);
        format!(
            "{indent}{} {}\n{}",
            entry.kind.noun(),
            entry.name,
            entries(&entry.members, depth + 1)
        )
    };
    all.iter().map(line).collect()
}

/// The words of each colour, in order, each once.
fn coloured(analysis: &Analysis) -> String {
    let mut classes: Vec<(tokens::Class, Vec<&str>)> = Vec::new();
    for word in tokens::words(analysis) {
        let text = &analysis.text()[word.start..word.end];
        match classes.iter_mut().find(|(class, _)| *class == word.class) {
            Some((_, known)) if known.contains(&text) => {}
            Some((_, known)) => known.push(text),
            None => classes.push((word.class, vec![text])),
        }
    }
    classes.sort();
    let shown = classes
        .iter()
        .filter(|(class, _)| *class != tokens::Class::Comment);
    shown
        .map(|(class, words)| format!("{class:?}: {}\n", words.join(" ")))
        .collect()
}

/// The page with each answer below its request.
fn answered(name: &str, text: &str, files: &Texts) -> String {
    let mut workspace = Workspace::new(files, &Shelf, "library");
    let document = Document {
        uri: name.to_owned(),
        version: 1,
        text: text.to_owned(),
    };
    workspace.open(name, document);
    workspace.refresh();
    let shared = workspace.share(name).unwrap();
    let found = shared.lowered();
    workspace.lowered(name, shared, found);
    let analysis = workspace.analysis(name).unwrap();
    let asked = requests(text);
    let mut page = String::new();
    for (line, content) in text.lines().enumerate() {
        writeln!(page, "{content}").unwrap();
        for one in asked.iter().filter(|one| one.line == line) {
            for said in answer(analysis, one).lines() {
                writeln!(page, "    {said}").unwrap();
            }
        }
    }
    page.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

#[test]
fn pages_are_answered_as_their_snapshots_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lsp");
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let mut pages: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pages.retain(|path| path.extension().is_some_and(|ending| ending == "rec"));
    pages.sort();
    assert!(!pages.is_empty());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let files = Texts(pages.iter().map(|path| (name(path), read(path))).collect());
    insta::with_settings!({ snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true }, {
        for path in &pages {
            let name = name(path);
            insta::assert_snapshot!(name.trim_end_matches(".rec"), answered(&name, &read(path), &files));
        }
    });
}

/// So many answers of the kinds that people read are to be there.
const READ: usize = 150;

#[test]
fn hovers_completions_renames_and_hints_are_read_as_pages() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lsp");
    let entries = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pages = entries.filter(|path| path.extension().is_some_and(|ending| ending == "rec"));
    let asked: usize = pages
        .map(|path| {
            let asked = requests(&fs::read_to_string(path).unwrap());
            let kinds = ["hover", "complete", "rename", "hints"];
            asked
                .iter()
                .filter(|one| kinds.contains(&&*one.words[0]))
                .count()
        })
        .sum();
    assert!(asked >= READ, "{asked}");
}
