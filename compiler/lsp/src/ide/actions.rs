//! Mendings of findings: what the compiler offers itself, and a `use` for a function that is not in scope.

use std::ops::Range;

use reckon_grammar::ast::{ItemKind, Use};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::Analysis;
use super::edit::Edit;

/// `name` is a function of a module that is not in scope.
const NOT_IN_SCOPE: Code = Code(217);

/// Something that mends a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action<'a> {
    /// What it does, in a few words.
    pub title: String,
    /// What it mends.
    pub finding: &'a Diagnostic,
    /// How.
    pub edit: Edit,
}

/// The actions for findings that touch a range of the text.
pub fn actions(analysis: &Analysis, range: Range<usize>) -> Vec<Action<'_>> {
    let touches = |finding: &&Diagnostic| {
        let at = finding.primary.span;
        at.file == analysis.file && at.range().start <= range.end && range.start <= at.range().end
    };
    let findings = analysis.findings.iter().filter(touches);
    findings
        .filter_map(|finding| mend(analysis, finding))
        .collect()
}

fn mend<'a>(analysis: &'a Analysis, finding: &'a Diagnostic) -> Option<Action<'a>> {
    if let Some(fix) = &finding.fix {
        let edit = Edit {
            span: fix.span,
            text: fix.replacement.clone(),
        };
        let title = finding
            .help
            .clone()
            .unwrap_or_else(|| format!("write `{}`", edit.text.trim()));
        return (fix.span.file == analysis.file).then_some(Action {
            title,
            finding,
            edit,
        });
    }
    if finding.code != NOT_IN_SCOPE {
        return None;
    }
    let name = analysis.checked.sources.slice(finding.primary.span);
    let path = format!("{}.{name}", module_of(analysis, name)?);
    Some(Action {
        title: format!("add `use {path}`"),
        finding,
        edit: add_use(analysis, &path),
    })
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
