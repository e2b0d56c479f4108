//! Requests of the protocol and their answers.

use gen_lsp_types as lsp;
use gen_lsp_types::LspRequestMethod as Method;
use gen_lsp_types::{Request as Asked, TextDocumentIdentifier};
use lsp_server::{ErrorCode, Request};
use serde_json::Value;

use super::{convert, uri};
use crate::ide::{Analysis, actions, edit};
use crate::workspace::Workspace;

/// Why there is no answer.
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

type Answer = Result<Value, Refusal>;

/// What the server can do.
pub(super) fn capabilities() -> lsp::ServerCapabilities {
    lsp::ServerCapabilities {
        position_encoding: Some(lsp::PositionEncodingKind::UTF16),
        text_document_sync: Some(lsp::TextDocumentSync::Kind(
            lsp::TextDocumentSyncKind::Incremental,
        )),
        document_formatting_provider: Some(lsp::DocumentFormattingProvider::Bool(true)),
        code_action_provider: Some(lsp::CodeActionProvider::CodeActionOptions(
            lsp::CodeActionOptions {
                code_action_kinds: Some(vec![lsp::CodeActionKind::QuickFix]),
                ..Default::default()
            },
        )),
        ..Default::default()
    }
}

/// The answer to a request; `None` for one that the server does not know.
pub(super) fn answer(workspace: &Workspace<'_>, request: Request) -> Option<Answer> {
    let method = request.method.clone();
    let asked = Question { workspace, request };
    Some(match Method::from(method.as_str()) {
        Method::TextDocumentFormatting => asked.of::<lsp::DocumentFormattingRequest>(
            |params| &params.text_document,
            |analysis, _| {
                Some(
                    edit::format(analysis)
                        .iter()
                        .map(|one| convert::edit(analysis, one))
                        .collect(),
                )
            },
        ),
        Method::TextDocumentCodeAction => asked.of::<lsp::CodeActionRequest>(
            |params| &params.text_document,
            |analysis, params| Some(code_actions(workspace, analysis, &params)),
        ),
        _ => return None,
    })
}

/// A request with all that is needed to answer it.
struct Question<'a> {
    workspace: &'a Workspace<'a>,
    request: Request,
}

impl Question<'_> {
    /// Answers a request about a document; one that is not open has the empty answer.
    fn of<R: Asked>(
        self,
        document: impl Fn(&R::Params) -> &TextDocumentIdentifier,
        answer: impl FnOnce(&Analysis, R::Params) -> R::Result,
    ) -> Answer {
        let params: R::Params =
            serde_json::from_value(self.request.params).map_err(|error| Refusal {
                code: ErrorCode::InvalidParams,
                message: error.to_string(),
            })?;
        let path = uri::path(&document(&params).uri.0);
        let Some(analysis) = self.workspace.analysis(&path) else {
            return Ok(Value::Null);
        };
        serde_json::to_value(answer(analysis, params)).map_err(|error| Refusal {
            code: ErrorCode::InternalError,
            message: error.to_string(),
        })
    }
}

fn code_actions(
    workspace: &Workspace<'_>,
    analysis: &Analysis,
    params: &lsp::CodeActionParams,
) -> Vec<lsp::CodeActionResponse> {
    let offset = |position| {
        analysis
            .lines()
            .offset(analysis.text(), convert::from_position(position))
    };
    let range = offset(params.range.start)..offset(params.range.end);
    let found = actions::actions(analysis, range);
    let found = found.into_iter().map(|action| {
        lsp::CodeActionResponse::CodeAction(lsp::CodeAction {
            title: action.title,
            kind: Some(lsp::CodeActionKind::QuickFix),
            diagnostics: Some(vec![convert::finding(workspace, analysis, action.finding)]),
            is_preferred: Some(true),
            edit: Some(convert::edits(workspace, analysis, &[action.edit])),
            ..Default::default()
        })
    });
    found.collect()
}
