//! `reckon diff`: what changed between two specs, in words.

use std::collections::BTreeMap;
use std::path::Path;

use reckon_compiler::changes::{Chapter, Compiled, changes};
use reckon_grammar::diagnostic::Diagnostic;

use reckon_command::arguments::Diff;
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::render::{Format, wrap};
use reckon_command::spec::{self, Spec};

/// Widest line.
const WIDTH: usize = 80;

/// Prints a chapter for each kind of thing that changed, then what did not.
pub(crate) fn diff(arguments: &Diff, console: &Console) -> Result<Exit, Failure> {
    let old = Side::open(&arguments.old, console)?;
    let new = Side::open(&arguments.new, console)?;
    let (Some(old), Some(new)) = (old, new) else {
        return Ok(Exit::SpecOrCheck);
    };
    match (old.compiled(), new.compiled()) {
        (Ok(before), Ok(after)) => {
            console.print_raw(&summary(&changes(&before, &after)));
            Ok(Exit::Success)
        }
        (before, after) => {
            for (side, outcome) in [(&old, before), (&new, after)] {
                if let Err(findings) = outcome {
                    side.spec.show_findings(&findings, Format::Human, console);
                }
            }
            Ok(Exit::SpecOrCheck)
        }
    }
}

/// One of the two specs, and the rows of its tables where a run has told them.
struct Side {
    spec: Spec,
    rows: BTreeMap<String, usize>,
}

impl Side {
    /// Nothing, and a report, where the spec has errors.
    fn open(path: &Path, console: &Console) -> Result<Option<Self>, Failure> {
        let (spec, rows) = match path.is_dir() {
            true => (spec::of_run(path)?, spec::rows_of_run(path)),
            false => (spec::open(path, &[])?, BTreeMap::new()),
        };
        let holds = spec.holds();
        if !holds {
            spec.show(Format::Human, console);
        }
        Ok(holds.then_some(Self { spec, rows }))
    }

    fn compiled(&self) -> Result<Compiled<'_>, Vec<Diagnostic>> {
        let checked = &self.spec.checked;
        let hir = checked
            .hir
            .as_ref()
            .expect("a spec that holds has a program");
        Compiled::new(hir, &checked.sources, self.rows.clone())
    }
}

fn summary(chapters: &[Chapter]) -> String {
    let mut out = String::new();
    for chapter in chapters.iter().filter(|chapter| !chapter.lines.is_empty()) {
        out += &format!("{}\n", chapter.title);
        for line in &chapter.lines {
            let text = line.trim_start();
            let indent = 2 + line.len() - text.len();
            for (at, piece) in wrap(text, WIDTH - indent - 2).iter().enumerate() {
                let more = if at == 0 { 0 } else { 2 };
                out += &format!("{:1$}{piece}\n", "", indent + more);
            }
        }
    }
    let same: Vec<&str> = chapters
        .iter()
        .filter(|chapter| chapter.lines.is_empty() && chapter.title != REST)
        .map(|chapter| chapter.title)
        .collect();
    if out.is_empty() {
        return "nothing changed\n".to_owned();
    }
    if !same.is_empty() {
        for piece in wrap(&format!("unchanged: {}", same.join(", ")), WIDTH) {
            out += &format!("{piece}\n");
        }
    }
    out
}

/// The chapter of what no other has words for; that it is empty is not worth a word.
const REST: &str = "lowering";
