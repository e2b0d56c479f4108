//! From what `ide` says to what the protocol says.

use std::collections::BTreeMap;

use gen_lsp_types::{
    Code, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, Position, Range,
    TextEdit, Uri, WorkspaceEdit,
};
use reckon_grammar::diagnostic::{self, Severity};
use reckon_grammar::span::Span;

use super::uri;
use crate::ide::edit::Edit;
use crate::ide::{Analysis, position};
use crate::workspace::Workspace;

pub(super) fn from_position(position: Position) -> position::Position {
    position::Position {
        line: position.line,
        character: position.character,
    }
}

fn to_position(position: position::Position) -> Position {
    Position {
        line: position.line,
        character: position.character,
    }
}

/// The range of a span in the text of its file.
pub(super) fn range(analysis: &Analysis, span: Span) -> Range {
    let text = &analysis.checked.sources.file(span.file).text;
    let other;
    let lines = match span.file == analysis.file {
        true => analysis.lines(),
        false => {
            other = position::Lines::new(text);
            &other
        }
    };
    let at = |byte| to_position(lines.position(text, byte));
    Range {
        start: at(span.range().start),
        end: at(span.range().end),
    }
}

/// The address of a path, as the editor wrote it where the document is open.
pub(super) fn address(workspace: &Workspace<'_>, path: &str) -> String {
    match workspace.document(path) {
        Some(document) => document.uri.clone(),
        None => uri::uri(path),
    }
}

/// The path of the file of a span.
pub(super) fn path(workspace: &Workspace<'_>, analysis: &Analysis, span: Span) -> String {
    let name = &analysis.checked.sources.file(span.file).name;
    workspace.path_of(name, analysis, span.file)
}

pub(super) fn location(workspace: &Workspace<'_>, analysis: &Analysis, span: Span) -> Location {
    Location {
        uri: Uri(address(workspace, &path(workspace, analysis, span))),
        range: range(analysis, span),
    }
}

pub(super) fn edit(analysis: &Analysis, edit: &Edit) -> TextEdit {
    TextEdit {
        range: range(analysis, edit.span),
        new_text: edit.text.clone(),
    }
}

/// Edits of several files.
pub(super) fn edits(workspace: &Workspace<'_>, analysis: &Analysis, all: &[Edit]) -> WorkspaceEdit {
    let mut changes = std::collections::HashMap::new();
    for one in all {
        let uri = Uri(address(workspace, &path(workspace, analysis, one.span)));
        changes
            .entry(uri)
            .or_insert_with(Vec::new)
            .push(edit(analysis, one));
    }
    WorkspaceEdit {
        changes: Some(changes),
        document_changes: None,
        change_annotations: None,
    }
}

/// All findings by the path of the file in which they are. Those without a place in a file of the user are at its start.
pub(super) fn findings(
    workspace: &Workspace<'_>,
    analysis: &Analysis,
) -> BTreeMap<String, Vec<Diagnostic>> {
    let mut by_path: BTreeMap<String, Vec<Diagnostic>> = BTreeMap::new();
    for found in &analysis.findings {
        let path = path(workspace, analysis, found.primary.span);
        by_path
            .entry(path)
            .or_default()
            .push(finding(workspace, analysis, found));
    }
    by_path
}

/// One finding: message and help in one text, what is said at other places as related places.
pub(super) fn finding(
    workspace: &Workspace<'_>,
    analysis: &Analysis,
    found: &diagnostic::Diagnostic,
) -> Diagnostic {
    let mut message = found.message.clone();
    if !found.primary.message.is_empty() {
        message += &format!(": {}", found.primary.message);
    }
    for note in &found.notes {
        message += &format!("\nnote: {note}");
    }
    if let Some(help) = &found.help {
        message += &format!("\nhelp: {help}");
    }
    let related = found
        .labels
        .iter()
        .map(|label| DiagnosticRelatedInformation {
            location: location(workspace, analysis, label.span),
            message: label.message.clone(),
        });
    let severity = match found.severity {
        Severity::Error => DiagnosticSeverity::Error,
        Severity::Warning => DiagnosticSeverity::Warning,
    };
    Diagnostic {
        range: range(analysis, found.primary.span),
        severity: Some(severity),
        code: Some(Code::String(found.code.to_string())),
        code_description: None,
        source: Some("reckon".to_owned()),
        message: message.into(),
        tags: None,
        related_information: (!found.labels.is_empty()).then(|| related.collect()),
        data: None,
    }
}
