//! Requests of the protocol and their answers.

use gen_lsp_types as lsp;
use gen_lsp_types::LspRequestMethod as Method;
use gen_lsp_types::{Request as Asked, TextDocumentIdentifier, TextDocumentPositionParams};
use lsp_server::{ErrorCode, Request};
use reckon_grammar::span::Span;
use serde_json::Value;

use super::{convert, names, uri};
use crate::ide::rename::Declaration;
use crate::ide::{
    Analysis, actions, completion, edit, hints, hover, outline, rename, signature, tokens,
};
use crate::workspace::Workspace;

/// Why there is no answer.
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

type Answer = Result<Value, Refusal>;

/// What the server can do.
pub(super) fn capabilities() -> lsp::ServerCapabilities {
    let strings = |all: &[&str]| Some(all.iter().map(|one| (*one).to_owned()).collect());
    lsp::ServerCapabilities {
        position_encoding: Some(lsp::PositionEncodingKind::UTF16),
        text_document_sync: Some(lsp::TextDocumentSync::Kind(
            lsp::TextDocumentSyncKind::Incremental,
        )),
        hover_provider: Some(lsp::HoverProvider::Bool(true)),
        completion_provider: Some(lsp::CompletionOptions {
            trigger_characters: strings(&[".", ">", ":"]),
            ..Default::default()
        }),
        signature_help_provider: Some(lsp::SignatureHelpOptions {
            trigger_characters: strings(&["(", ","]),
            ..Default::default()
        }),
        definition_provider: Some(lsp::DefinitionProvider::Bool(true)),
        references_provider: Some(lsp::ReferencesProvider::Bool(true)),
        document_highlight_provider: Some(lsp::DocumentHighlightProvider::Bool(true)),
        document_symbol_provider: Some(lsp::DocumentSymbolProvider::Bool(true)),
        workspace_symbol_provider: Some(lsp::WorkspaceSymbolProvider::Bool(true)),
        code_action_provider: Some(lsp::CodeActionProvider::CodeActionOptions(
            lsp::CodeActionOptions {
                code_action_kinds: Some(vec![lsp::CodeActionKind::QuickFix]),
                ..Default::default()
            },
        )),
        document_formatting_provider: Some(lsp::DocumentFormattingProvider::Bool(true)),
        rename_provider: Some(lsp::RenameProvider::RenameOptions(lsp::RenameOptions {
            prepare_provider: Some(true),
            ..Default::default()
        })),
        folding_range_provider: Some(lsp::FoldingRangeProvider::Bool(true)),
        inlay_hint_provider: Some(lsp::InlayHintProvider::Bool(true)),
        semantic_tokens_provider: Some(lsp::SemanticTokensProvider::SemanticTokensOptions(
            lsp::SemanticTokensOptions {
                legend: names::legend(),
                range: None,
                full: Some(lsp::Full::Bool(true)),
                work_done_progress_options: Default::default(),
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
        Method::TextDocumentHover => asked.hover(),
        Method::TextDocumentCompletion => asked.completion(),
        Method::TextDocumentSignatureHelp => asked.signature(),
        Method::TextDocumentDefinition => asked.definition(),
        Method::TextDocumentReferences => asked.references(),
        Method::TextDocumentDocumentHighlight => asked.highlights(),
        Method::TextDocumentDocumentSymbol => asked.outline(),
        Method::WorkspaceSymbol => asked.symbols(),
        Method::TextDocumentCodeAction => asked.actions(),
        Method::TextDocumentFormatting => asked.format(),
        Method::TextDocumentPrepareRename => asked.renamable(),
        Method::TextDocumentRename => asked.rename(),
        Method::TextDocumentFoldingRange => asked.folds(),
        Method::TextDocumentInlayHint => asked.hints(),
        Method::TextDocumentSemanticTokensFull => asked.tokens(),
        _ => return None,
    })
}

/// A request with all that is needed to answer it.
struct Question<'a> {
    workspace: &'a Workspace<'a>,
    request: Request,
}

impl Question<'_> {
    fn params<P: serde::de::DeserializeOwned>(&self) -> Result<P, Refusal> {
        serde_json::from_value(self.request.params.clone()).map_err(|error| Refusal {
            code: ErrorCode::InvalidParams,
            message: error.to_string(),
        })
    }

    /// Answers a request about a document; one that is not open has the answer `null`.
    fn of<R: Asked>(
        &self,
        document: impl Fn(&R::Params) -> &TextDocumentIdentifier,
        answer: impl FnOnce(&Analysis, &R::Params) -> Result<R::Result, String>,
    ) -> Answer {
        let params: R::Params = self.params()?;
        let path = uri::path(&document(&params).uri.0);
        let Some(analysis) = self.workspace.analysis(&path) else {
            return Ok(Value::Null);
        };
        let answer = answer(analysis, &params).map_err(|message| Refusal {
            code: ErrorCode::RequestFailed,
            message,
        })?;
        value(&answer)
    }

    /// Answers a request about a place in a document.
    fn at<R: Asked>(
        &self,
        place: impl Fn(&R::Params) -> &TextDocumentPositionParams,
        answer: impl FnOnce(&Analysis, usize, &R::Params) -> Result<R::Result, String>,
    ) -> Answer {
        self.of::<R>(
            |params| &place(params).text_document,
            |analysis, params| {
                answer(
                    analysis,
                    convert::offset(analysis, place(params).position),
                    params,
                )
            },
        )
    }

    fn hover(&self) -> Answer {
        self.at::<lsp::HoverRequest>(
            |params| &params.text_document_position_params,
            |analysis, offset, _| {
                Ok(hover::hover(analysis, offset).map(|found| lsp::Hover {
                    range: Some(convert::range(analysis, found.span)),
                    contents: lsp::Contents::MarkupContent(convert::markdown(found.markdown())),
                }))
            },
        )
    }

    fn completion(&self) -> Answer {
        self.at::<lsp::CompletionRequest>(
            |params| &params.text_document_position_params,
            |analysis, offset, _| {
                let proposals = completion::completion(analysis, offset);
                let items = proposals
                    .iter()
                    .enumerate()
                    .map(|(at, one)| convert::proposal(analysis, at, one));
                Ok(Some(lsp::CompletionResponse::CompletionItemList(
                    items.collect(),
                )))
            },
        )
    }

    fn signature(&self) -> Answer {
        self.at::<lsp::SignatureHelpRequest>(
            |params| &params.text_document_position_params,
            |analysis, offset, _| Ok(signature::signature(analysis, offset).map(convert::signature)),
        )
    }

    fn definition(&self) -> Answer {
        self.at::<lsp::DefinitionRequest>(
            |params| &params.text_document_position_params,
            |analysis, offset, _| {
                let found = rename::definition(analysis, offset);
                let place = found.map(|span| convert::location(self.workspace, analysis, span));
                Ok(place.map(|place| {
                    lsp::DefinitionResponse::Definition(lsp::Definition::Location(place))
                }))
            },
        )
    }

    fn references(&self) -> Answer {
        self.at::<lsp::ReferencesRequest>(
            |params| &params.text_document_position_params,
            |analysis, offset, params| {
                let declaration = match params.context.include_declaration {
                    true => Declaration::Included,
                    false => Declaration::LeftOut,
                };
                let places = rename::references(analysis, offset, declaration).into_iter();
                Ok(Some(
                    places
                        .map(|span| convert::location(self.workspace, analysis, span))
                        .collect(),
                ))
            },
        )
    }

    fn highlights(&self) -> Answer {
        self.at::<lsp::DocumentHighlightRequest>(
            |params| &params.text_document_position_params,
            |analysis, offset, _| {
                let places =
                    rename::references(analysis, offset, Declaration::Included).into_iter();
                let here = places.filter(|span| span.file == analysis.file);
                let highlights = here.map(|span| lsp::DocumentHighlight {
                    range: convert::range(analysis, span),
                    kind: Some(lsp::DocumentHighlightKind::Text),
                });
                Ok(Some(highlights.collect()))
            },
        )
    }

    fn outline(&self) -> Answer {
        self.of::<lsp::DocumentSymbolRequest>(
            |params| &params.text_document,
            |analysis, _| {
                let entries = outline::outline(analysis);
                let entries = entries
                    .iter()
                    .map(|entry| convert::entry(analysis, entry))
                    .collect();
                Ok(Some(lsp::DocumentSymbolResponse::DocumentSymbolList(
                    entries,
                )))
            },
        )
    }

    /// Declarations of all open documents whose names hold what is asked for.
    fn symbols(&self) -> Answer {
        let params: lsp::WorkspaceSymbolParams = self.params()?;
        let query = params.query.to_lowercase();
        let mut found = Vec::new();
        for (_, analysis) in self.workspace.analyses() {
            for entry in outline::outline(analysis) {
                let (name, members) = (entry.name.clone(), entry.members.clone());
                let all = std::iter::once((entry, None)).chain(
                    members
                        .into_iter()
                        .map(|member| (member, Some(name.clone()))),
                );
                let asked = all.filter(|(entry, _)| entry.name.to_lowercase().contains(&query));
                found.extend(asked.map(|(entry, inside)| {
                    convert::symbol(self.workspace, analysis, &entry, inside)
                }));
            }
        }
        value(&found)
    }

    fn actions(&self) -> Answer {
        self.of::<lsp::CodeActionRequest>(
            |params| &params.text_document,
            |analysis, params| {
                let range = convert::offset(analysis, params.range.start)
                    ..convert::offset(analysis, params.range.end);
                let actions = actions::actions(analysis, range).into_iter();
                Ok(Some(
                    actions
                        .map(|action| convert::action(self.workspace, analysis, action))
                        .collect(),
                ))
            },
        )
    }

    fn format(&self) -> Answer {
        self.of::<lsp::DocumentFormattingRequest>(
            |params| &params.text_document,
            |analysis, _| {
                let edits = edit::format(analysis);
                Ok(Some(
                    edits
                        .iter()
                        .map(|one| convert::edit(analysis, one))
                        .collect(),
                ))
            },
        )
    }

    fn renamable(&self) -> Answer {
        self.at::<lsp::PrepareRenameRequest>(
            |params| &params.text_document_position_params,
            |analysis, offset, _| {
                let span = rename::renamable(analysis, offset)?;
                Ok(Some(lsp::PrepareRenameResult::Range(convert::range(
                    analysis, span,
                ))))
            },
        )
    }

    fn rename(&self) -> Answer {
        self.at::<lsp::RenameRequest>(
            |params| &params.text_document_position_params,
            |analysis, offset, params| {
                let edits = rename::rename(analysis, offset, &params.new_name)?;
                Ok(Some(convert::edits(self.workspace, analysis, &edits)))
            },
        )
    }

    fn folds(&self) -> Answer {
        self.of::<lsp::FoldingRangeRequest>(
            |params| &params.text_document,
            |analysis, _| {
                let folds = outline::folds(analysis);
                Ok(Some(
                    folds
                        .iter()
                        .map(|fold| convert::fold(analysis, *fold))
                        .collect(),
                ))
            },
        )
    }

    fn hints(&self) -> Answer {
        self.of::<lsp::InlayHintRequest>(
            |params| &params.text_document,
            |analysis, params| {
                let wanted = convert::offset(analysis, params.range.start)
                    ..=convert::offset(analysis, params.range.end);
                let all = hints::hints(analysis);
                let hints = all.iter().filter(|hint| wanted.contains(&hint.at));
                Ok(Some(
                    hints.map(|hint| convert::hint(analysis, hint)).collect(),
                ))
            },
        )
    }

    fn tokens(&self) -> Answer {
        self.of::<lsp::SemanticTokensRequest>(
            |params| &params.text_document,
            |analysis, _| {
                let mut last = lsp::Position::default();
                let mut data = Vec::new();
                for word in tokens::words(analysis) {
                    let range =
                        convert::range(analysis, Span::new(analysis.file, word.start, word.end));
                    data.push(names::token(&word, last, range));
                    last = range.start;
                }
                Ok(Some(lsp::SemanticTokens {
                    result_id: None,
                    data,
                }))
            },
        )
    }
}

fn value(answer: &impl serde::Serialize) -> Answer {
    serde_json::to_value(answer).map_err(|error| Refusal {
        code: ErrorCode::InternalError,
        message: error.to_string(),
    })
}
