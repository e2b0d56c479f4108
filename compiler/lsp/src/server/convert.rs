//! From what `ide` says to what the protocol says.

use std::collections::{BTreeMap, HashMap};

use gen_lsp_types as lsp;
use gen_lsp_types::{
    Code, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, Position, Range,
    TextEdit, Uri, WorkspaceEdit,
};
use reckon_grammar::diagnostic::{self, Severity};
use reckon_grammar::span::Span;

use super::{names, uri};
use crate::ide::actions::Action;
use crate::ide::completion::Proposal;
use crate::ide::edit::Edit;
use crate::ide::hints::Hint;
use crate::ide::outline::{Entry, Fold, FoldKind};
use crate::ide::signature::Signature;
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
    let mut changes = HashMap::new();
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

/// The byte at a position of the text.
pub(super) fn offset(analysis: &Analysis, position: Position) -> usize {
    analysis
        .lines()
        .offset(analysis.text(), from_position(position))
}

pub(super) fn markdown(value: String) -> lsp::MarkupContent {
    lsp::MarkupContent {
        kind: lsp::MarkupKind::Markdown,
        value,
    }
}

fn documentation(docs: &[String]) -> Option<lsp::Documentation> {
    let text = docs.join("\n");
    (!text.is_empty()).then(|| lsp::Documentation::MarkupContent(markdown(text)))
}

/// A proposal; `at` keeps the order that `ide` gives.
pub(super) fn proposal(analysis: &Analysis, at: usize, proposal: &Proposal) -> lsp::CompletionItem {
    let written = TextEdit {
        range: range(analysis, proposal.replaces),
        new_text: proposal.text.clone(),
    };
    let needs = proposal
        .needs
        .as_ref()
        .map(|needed| vec![edit(analysis, needed)]);
    lsp::CompletionItem {
        label: proposal.text.clone(),
        kind: Some(names::proposal_kind(proposal.kind)),
        detail: (!proposal.detail.is_empty()).then(|| proposal.detail.clone()),
        documentation: documentation(&proposal.docs),
        sort_text: Some(format!("{at:05}")),
        text_edit: Some(lsp::CompletionItemTextEdit::TextEdit(written)),
        additional_text_edits: needs,
        ..Default::default()
    }
}

pub(super) fn signature(found: Signature) -> lsp::SignatureHelp {
    // The protocol knows no "none of them" that all editors know; past the end it is none.
    let active = found.active.unwrap_or(found.params.len());
    let params = found
        .params
        .into_iter()
        .map(|param| lsp::ParameterInformation {
            label: lsp::ParameterInformationLabel::String(param),
            documentation: None,
        });
    let signature = lsp::SignatureInformation {
        label: found.head,
        documentation: documentation(&found.docs),
        parameters: Some(params.collect()),
        active_parameter: None,
    };
    lsp::SignatureHelp {
        signatures: vec![signature],
        active_signature: Some(0),
        active_parameter: u32::try_from(active).ok().map(lsp::ActiveParameter::Int),
    }
}

pub(super) fn entry(analysis: &Analysis, one: &Entry) -> lsp::DocumentSymbol {
    let members: Vec<lsp::DocumentSymbol> = one
        .members
        .iter()
        .map(|member| entry(analysis, member))
        .collect();
    #[expect(deprecated, reason = "the struct still has the field")]
    lsp::DocumentSymbol {
        name: one.name.clone(),
        detail: Some(one.head.clone()),
        kind: names::symbol_kind(one.kind),
        tags: None,
        deprecated: None,
        range: range(analysis, one.whole),
        selection_range: range(analysis, one.span),
        children: (!members.is_empty()).then_some(members),
    }
}

/// A declaration by its place, with the name of what it is in.
pub(super) fn symbol(
    workspace: &Workspace<'_>,
    analysis: &Analysis,
    one: &Entry,
    inside: Option<String>,
) -> lsp::WorkspaceSymbol {
    lsp::WorkspaceSymbol {
        location: lsp::WorkspaceSymbolLocation::Location(location(workspace, analysis, one.span)),
        data: None,
        base_symbol_information: lsp::BaseSymbolInformation {
            name: one.name.clone(),
            kind: names::symbol_kind(one.kind),
            tags: None,
            container_name: inside,
        },
    }
}

pub(super) fn action(
    workspace: &Workspace<'_>,
    analysis: &Analysis,
    action: Action<'_>,
) -> lsp::CodeActionResponse {
    lsp::CodeActionResponse::CodeAction(lsp::CodeAction {
        title: action.title,
        kind: Some(lsp::CodeActionKind::QuickFix),
        diagnostics: Some(vec![finding(workspace, analysis, action.finding)]),
        is_preferred: Some(true),
        edit: Some(edits(workspace, analysis, &action.edits)),
        ..Default::default()
    })
}

pub(super) fn fold(analysis: &Analysis, fold: Fold) -> lsp::FoldingRange {
    let range = range(analysis, fold.span);
    // The line that closes a block stays in sight.
    let (end_line, kind) = match fold.kind {
        FoldKind::Block => (range.end.line.saturating_sub(1).max(range.start.line), None),
        FoldKind::Comment => (range.end.line, Some(lsp::FoldingRangeKind::Comment)),
        FoldKind::Uses => (range.end.line, Some(lsp::FoldingRangeKind::Imports)),
    };
    lsp::FoldingRange {
        start_line: range.start.line,
        start_character: None,
        end_line,
        end_character: None,
        kind,
        collapsed_text: None,
    }
}

pub(super) fn hint(analysis: &Analysis, hint: &Hint) -> lsp::InlayHint {
    lsp::InlayHint {
        position: range(analysis, Span::new(analysis.file, hint.at, hint.at)).start,
        label: lsp::Label::String(hint.text.clone()),
        kind: Some(lsp::InlayHintKind::Type),
        text_edits: None,
        tooltip: None,
        padding_left: None,
        padding_right: None,
        data: None,
    }
}
