//! The protocol: messages in, answers and diagnostics out. All that is said comes from [`crate::ide`].

mod answers;
mod convert;
mod lowering;
mod names;
mod uri;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;

use gen_lsp_types::{
    DidChangeTextDocumentNotification, DidChangeTextDocumentParams,
    DidChangeWatchedFilesNotification, DidChangeWatchedFilesParams,
    DidCloseTextDocumentNotification, DidCloseTextDocumentParams, DidOpenTextDocumentNotification,
    DidOpenTextDocumentParams, InitializeResult, Notification as _, PublishDiagnosticsNotification,
    PublishDiagnosticsParams, ServerInfo, TextDocumentContentChangeEvent, Uri,
};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use reckon_compiler::world::World;

use crate::data::Data;
use crate::workspace::{Change, Document, Workspace};
use lowering::{Lowered, Lowering};

/// Serves an editor on stdin and stdout until it says that it is done. `library` is the folder in which the library's
/// files lie for the editor to open; `data` tells what the files hold that specs name.
///
/// # Errors
/// The editor goes away without a word, or speaks another protocol.
pub fn serve(
    files: &dyn World,
    data: &dyn Data,
    library: &str,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (connection, threads) = Connection::stdio();
    serve_on(&connection, files, data, library)?;
    // The thread that writes ends when nobody can give it messages any more.
    drop(connection);
    threads.join()?;
    Ok(())
}

/// Serves an editor at the other end of a connection.
///
/// # Errors
/// As [`serve`].
pub fn serve_on(
    connection: &Connection,
    files: &dyn World,
    data: &dyn Data,
    library: &str,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (id, _) = connection.initialize_start()?;
    let greeting = InitializeResult {
        capabilities: answers::capabilities(),
        server_info: Some(ServerInfo {
            name: "reckon".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
    };
    connection.initialize_finish(id, serde_json::to_value(greeting)?)?;
    let mut server = Server {
        connection,
        workspace: Workspace::new(files, data, library),
        lowering: Lowering::default(),
        published: BTreeMap::new(),
    };
    server.listen()
}

/// One session with an editor.
struct Server<'a> {
    connection: &'a Connection,
    workspace: Workspace<'a>,
    lowering: Lowering,
    /// Which files have diagnostics on show, by the document whose analysis found them.
    published: BTreeMap<String, BTreeSet<String>>,
}

/// How often the server looks for what lowering found, while it waits for the editor.
const LOOK: Duration = Duration::from_millis(5);

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

impl Server<'_> {
    /// Reads messages to the end. Findings are told when no message waits, so that fast typing is not held up.
    fn listen(&mut self) -> Outcome {
        loop {
            let message = match self.connection.receiver.try_recv() {
                Ok(message) => message,
                Err(_) => {
                    self.publish()?;
                    match self.wait()? {
                        Some(message) => message,
                        None => return Ok(()),
                    }
                }
            };
            match message {
                Message::Request(request) => {
                    if self.connection.handle_shutdown(&request)? {
                        return Ok(());
                    }
                    self.publish()?;
                    let response = self.answer(request);
                    self.connection.sender.send(response.into())?;
                }
                Message::Notification(notification) => self.hear(notification),
                Message::Response(_) => {}
            }
        }
    }

    /// The next message; none when the editor is gone. Meanwhile findings of lowering are told as they come.
    fn wait(&mut self) -> Result<Option<Message>, Box<dyn Error + Send + Sync>> {
        while self.lowering.is_running() {
            match self.connection.receiver.recv_timeout(LOOK) {
                Ok(message) => return Ok(Some(message)),
                Err(error) if error.is_disconnected() => return Ok(None),
                Err(_) => self.take_lowered()?,
            }
        }
        Ok(self.connection.receiver.recv().ok())
    }

    fn take_lowered(&mut self) -> Outcome {
        if let Some(Lowered { path, of, found }) = self.lowering.take()
            && self.workspace.lowered(&path, of, found)
        {
            self.tell_of(&path)?;
        }
        Ok(())
    }

    /// The answer to a request, from the latest texts.
    fn answer(&self, request: Request) -> Response {
        let id = request.id.clone();
        match answers::answer(&self.workspace, request) {
            Some(Ok(value)) => Response::new_ok(id, value),
            Some(Err(why)) => Response::new_err(id, why.code as i32, why.message),
            None => Response::new_err(
                id,
                ErrorCode::MethodNotFound as i32,
                "the server does not know this request".to_owned(),
            ),
        }
    }

    /// Takes in what happened in the editor. Notifications that cannot be read or are not known have no answer, by the
    /// protocol.
    fn hear(&mut self, notification: Notification) {
        let method = notification.method.as_str();
        let params = notification.params;
        if method == DidOpenTextDocumentNotification::METHOD.as_str() {
            read(params, |params| self.opened(params));
        } else if method == DidChangeTextDocumentNotification::METHOD.as_str() {
            read(params, |params| self.changed(params));
        } else if method == DidCloseTextDocumentNotification::METHOD.as_str() {
            read(params, |params: DidCloseTextDocumentParams| {
                self.workspace
                    .close(&uri::path(&params.text_document.uri.0));
            });
        } else if method == DidChangeWatchedFilesNotification::METHOD.as_str() {
            read(params, |params: DidChangeWatchedFilesParams| {
                for change in params.changes {
                    self.workspace.touch(&uri::path(&change.uri.0));
                }
            });
        }
    }

    fn opened(&mut self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        let path = uri::path(&document.uri.0);
        self.workspace.open(
            &path,
            Document {
                uri: document.uri.0,
                version: document.version,
                text: document.text,
            },
        );
    }

    fn changed(&mut self, params: DidChangeTextDocumentParams) {
        let document = params.text_document;
        let path = uri::path(&document.text_document_identifier.uri.0);
        let changes = params
            .content_changes
            .into_iter()
            .map(|change| match change {
                TextDocumentContentChangeEvent::TextDocumentContentChangePartial(part) => Change {
                    range: Some((
                        convert::from_position(part.range.start),
                        convert::from_position(part.range.end),
                    )),
                    text: part.text,
                },
                TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole) => {
                    Change {
                        range: None,
                        text: whole.text,
                    }
                }
            });
        self.workspace
            .change(&path, document.version, changes.collect());
    }

    /// Analyses what changed and tells what was found, also that nothing is wrong any more.
    fn publish(&mut self) -> Outcome {
        for path in self.workspace.refresh() {
            self.tell_of(&path)?;
            if let Some(analysis) = self.workspace.share(&path) {
                self.lowering.ask(&path, analysis);
            }
        }
        let closed = |path: &&String| self.workspace.document(path).is_none();
        let closed: Vec<String> = self.published.keys().filter(closed).cloned().collect();
        for path in closed {
            for file in self.published.remove(&path).unwrap_or_default() {
                self.tell(&file, Vec::new())?;
            }
        }
        Ok(())
    }

    /// Tells what is known to be wrong with a spec, in all its files.
    fn tell_of(&mut self, path: &str) -> Outcome {
        let mut found = match self.workspace.analysis(path) {
            Some(analysis) => convert::findings(&self.workspace, analysis),
            None => BTreeMap::new(),
        };
        found.entry(path.to_owned()).or_default();
        // An open document speaks for itself, not through those that use it.
        found.retain(|file, _| *file == path || self.workspace.document(file).is_none());
        let before = self.published.remove(path).unwrap_or_default();
        for gone in before.iter().filter(|file| !found.contains_key(*file)) {
            self.tell(gone, Vec::new())?;
        }
        let files = found.keys().cloned().collect();
        self.published.insert(path.to_owned(), files);
        for (file, diagnostics) in found {
            self.tell(&file, diagnostics)?;
        }
        Ok(())
    }

    fn tell(&self, path: &str, diagnostics: Vec<gen_lsp_types::Diagnostic>) -> Outcome {
        let document = self.workspace.document(path);
        let params = PublishDiagnosticsParams {
            uri: Uri(convert::address(&self.workspace, path)),
            version: document.map(|document| document.version),
            diagnostics,
        };
        let method = PublishDiagnosticsNotification::METHOD.as_str().to_owned();
        self.connection
            .sender
            .send(Notification::new(method, params).into())?;
        Ok(())
    }
}

fn read<P: serde::de::DeserializeOwned>(params: serde_json::Value, take: impl FnOnce(P)) {
    if let Ok(params) = serde_json::from_value(params) {
        take(params);
    }
}
