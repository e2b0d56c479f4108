//! Mendings of findings: what the compiler offers itself, a `use` for a function that is not in scope, a column that a
//! source lacks, `stop` where a teacher would be moved, and logits in place of probabilities.

mod columns;
mod logits;
mod stops;

use std::ops::Range;

use reckon_grammar::ast::{ItemKind, Use};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::Analysis;
use super::edit::Edit;

/// Something that mends a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action<'a> {
    /// What it does, in a few words.
    pub title: String,
    /// What it mends.
    pub finding: &'a Diagnostic,
    /// How.
    pub edits: Vec<Edit>,
}

/// What an action does, without what it mends.
struct Mending {
    title: String,
    edits: Vec<Edit>,
}

/// The actions for findings that touch a range of the text; of each finding, the likeliest first.
pub fn actions(analysis: &Analysis, range: Range<usize>) -> Vec<Action<'_>> {
    let touches = |finding: &&Diagnostic| {
        let at = finding.primary.span;
        at.file == analysis.file && at.range().start <= range.end && range.start <= at.range().end
    };
    let findings = analysis.findings.iter().filter(touches);
    let mended = findings.flat_map(|finding| {
        let all = offered(analysis, finding).into_iter();
        let all = all.chain(by_code(analysis, finding));
        all.map(move |Mending { title, edits }| Action {
            title,
            finding,
            edits,
        })
    });
    let mut actions: Vec<Action<'_>> = Vec::new();
    for action in mended {
        let offered =
            |known: &Action<'_>| known.title == action.title && known.edits == action.edits;
        if !actions.iter().any(offered) {
            actions.push(action);
        }
    }
    actions
}

/// What the compiler offers with the finding.
fn offered(analysis: &Analysis, finding: &Diagnostic) -> Option<Mending> {
    let fix = finding.fix.as_ref()?;
    let edit = Edit {
        span: fix.span,
        text: fix.replacement.clone(),
    };
    let title = finding
        .help
        .clone()
        .unwrap_or_else(|| format!("write `{}`", edit.text.trim()));
    (fix.span.file == analysis.file).then(|| Mending {
        title,
        edits: vec![edit],
    })
}

fn by_code(analysis: &Analysis, finding: &Diagnostic) -> Option<Mending> {
    let at = finding.primary.span;
    match finding.code {
        // An unknown name, and an unknown column.
        Code(211 | 212) => columns::mend(analysis, at),
        Code(217) => {
            let name = analysis.checked.sources.slice(at);
            let edit = use_of(analysis, name)?;
            let title = format!("add `{}`", edit.text.trim());
            let edits = vec![edit];
            Some(Mending { title, edits })
        }
        // A number that means something else.
        Code(304) => logits::mend(analysis, at),
        // A loss that would move a teacher.
        Code(604) => {
            let labels: Vec<Span> = finding.labels.iter().map(|label| label.span).collect();
            stops::mend(analysis, at, &labels)
        }
        _ => None,
    }
}

/// The `use` that a function of the library needs; none where it is in scope already, or there is none of this name.
fn use_of(analysis: &Analysis, name: &str) -> Option<Edit> {
    let module = module_of(analysis, name)?;
    let path = format!("{module}.{name}");
    let mut used = super::syntax::items(analysis).filter_map(|item| used_path(&item.kind));
    let in_scope = module == "std.prelude" || used.any(|used| used == module || used == path);
    (!in_scope).then(|| add_use(analysis, &path))
}

/// The library module that declares a function.
fn module_of<'a>(analysis: &'a Analysis, name: &str) -> Option<&'a str> {
    let declares = |kind: &ItemKind| matches!(kind, ItemKind::Fn(decl) if decl.name.text == name);
    let mut modules = analysis
        .checked
        .modules
        .iter()
        .filter(|module| module.library);
    let module = modules.find(|module| module.ast.items.iter().any(|item| declares(&item.kind)))?;
    Some(&module.path)
}

/// The path of a `use` of the library.
pub(super) fn used_path(item: &ItemKind) -> Option<String> {
    match item {
        ItemKind::Use(Use::Library(names)) => {
            let names: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
            Some(names.join("."))
        }
        _ => None,
    }
}

/// A `use` after those that are there; else at the start of the text.
pub(super) fn add_use(analysis: &Analysis, path: &str) -> Edit {
    let modules = analysis.checked.modules.iter();
    let mut items = modules
        .filter(|module| module.file == analysis.file)
        .flat_map(|module| &module.ast.items);
    let last = items.rfind(|item| matches!(item.kind, ItemKind::Use(_)));
    let (at, text) = match last {
        Some(item) => (item.span.range().end, format!("\nuse {path}")),
        None => (0, format!("use {path}\n\n")),
    };
    Edit {
        span: Span::new(analysis.file, at, at),
        text,
    }
}
