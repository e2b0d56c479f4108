//! A session with the server over the protocol's own messages.

#![allow(missing_docs, clippy::unwrap_used)]

use std::thread;

use lsp_server::{Connection, Message, Notification, Request, RequestId};
use reckon_compiler::world::Texts;
use reckon_lsp::data::Unknown;
use serde_json::{Value, json};

const URI: &str = "file:///specs/main.rec";

/// An editor that talks to a server in another thread.
struct Editor {
    connection: Connection,
    asked: i32,
}

impl Editor {
    /// Runs a session over files that lie beside the documents.
    fn session(files: &[(&str, &str)], work: impl FnOnce(&mut Self)) {
        let (server, connection) = Connection::memory();
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let files = Texts(files.collect());
        thread::scope(|scope| {
            let served = scope.spawn(move || {
                reckon_lsp::server::serve_on(&server, &files, &Unknown, "/library")
                    .map_err(|e| e.to_string())
            });
            let mut editor = Self {
                connection,
                asked: 0,
            };
            editor.ask("initialize", json!({ "capabilities": {} }));
            editor.tell("initialized", json!({}));
            work(&mut editor);
            editor.ask("shutdown", Value::Null);
            editor.tell("exit", Value::Null);
            assert_eq!(served.join().unwrap(), Ok(()));
        });
    }

    fn tell(&self, method: &str, params: Value) {
        let notification = Notification {
            method: method.to_owned(),
            params,
        };
        self.connection
            .sender
            .send(Message::Notification(notification))
            .unwrap();
    }

    /// The answer to a request; what is published meanwhile is left out.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = RequestId::from(self.asked);
        let request = Request {
            id: id.clone(),
            method: method.to_owned(),
            params,
        };
        self.connection.sender.send(request.into()).unwrap();
        loop {
            if let Message::Response(response) = self.connection.receiver.recv().unwrap() {
                assert_eq!(response.id, id);
                return match response.response_result {
                    Ok(value) => value,
                    Err(error) => json!({ "error": error.code }),
                };
            }
        }
    }

    /// What the server says next about a document.
    fn published(&self, uri: &str) -> Vec<Value> {
        loop {
            if let Message::Notification(told) = self.connection.receiver.recv().unwrap()
                && told.params["uri"] == uri
            {
                return told.params["diagnostics"].as_array().unwrap().clone();
            }
        }
    }

    fn open(&self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "reckon", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    fn change(&self, version: i32, change: Value) {
        let document = json!({ "uri": URI, "version": version });
        self.tell(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [change] }),
        );
    }
}

fn codes(diagnostics: &[Value]) -> Vec<&str> {
    diagnostics
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect()
}

fn range(start: (u32, u32), end: (u32, u32)) -> Value {
    json!({
        "start": { "line": start.0, "character": start.1 },
        "end": { "line": end.0, "character": end.1 },
    })
}

const TEST: &str = "test \"🎬 a film\" { let x = abs([1.0]); assert x ~= [1.0] }\n";

#[test]
fn a_mistake_is_told_as_it_is_typed_and_taken_back_when_it_is_mended() {
    Editor::session(&[], |editor| {
        editor.open(URI, TEST);
        assert_eq!(editor.published(URI), [] as [Value; 0]);
        // The film takes two UTF-16 units, so `abs` begins at 27.
        editor.change(
            2,
            json!({ "range": range((0, 27), (0, 30)), "text": "abz" }),
        );
        let found = editor.published(URI);
        assert_eq!(codes(&found), ["E0218"]);
        assert_eq!(found[0]["range"], range((0, 27), (0, 30)));
        editor.change(
            3,
            json!({ "range": range((0, 27), (0, 30)), "text": "abs" }),
        );
        assert_eq!(editor.published(URI), [] as [Value; 0]);
    });
}

#[test]
fn a_mending_is_offered_as_an_edit() {
    Editor::session(&[], |editor| {
        editor.open(URI, &TEST.replace("abs", "abz"));
        assert_eq!(codes(&editor.published(URI)), ["E0218"]);
        let place = json!({
            "textDocument": { "uri": URI },
            "range": range((0, 29), (0, 29)),
            "context": { "diagnostics": [] },
        });
        let offered = editor.ask("textDocument/codeAction", place);
        assert_eq!(offered[0]["title"], "write `abs`");
        let edit = &offered[0]["edit"]["changes"][URI][0];
        assert_eq!(
            *edit,
            json!({ "range": range((0, 27), (0, 30)), "newText": "abs" })
        );
    });
}

#[test]
fn a_change_of_a_used_file_is_heard_by_the_spec_that_uses_it() {
    let other = "file:///specs/other.rec";
    Editor::session(&[], |editor| {
        editor.open(
            URI,
            "use \"./other.rec\"\n\ntest \"t\" { assert twice([1.0]) ~= [2.0] }\n",
        );
        assert_eq!(codes(&editor.published(URI)), ["E0201", "E0218"]);
        editor.open(other, "fn twice(x: f32[..]) -> f32[..] = x + x\n");
        assert_eq!(editor.published(URI), [] as [Value; 0]);
    });
}

#[test]
fn what_the_server_does_not_know_is_refused_and_the_session_goes_on() {
    Editor::session(&[], |editor| {
        assert_eq!(
            editor.ask("textDocument/fortune", json!({})),
            json!({ "error": -32601 })
        );
        assert_eq!(
            editor.ask("textDocument/formatting", json!({ "broken": 1 })),
            json!({ "error": -32602 })
        );
        editor.open(URI, "test \"t\" {assert [1.0]~=[1.0]}\n");
        let params = json!({ "textDocument": { "uri": URI }, "options": { "tabSize": 2, "insertSpaces": true } });
        let edits = editor.ask("textDocument/formatting", params);
        assert_eq!(
            edits[0]["newText"],
            "test \"t\" { assert [1.0] ~= [1.0] }\n"
        );
    });
}

/// A loss that moves a tower which a teacher reads: only lowering finds out.
const MOVED: &str = "use std.tower.linear
entity user from \"users.csv\" { key user_id: int; age: float }
events visit from \"visits.csv\" { user_id -> user; label click: bool; at: time }
features user { id = user_id |> vocab |> embed(8); age = age |> zscore }
tower common(u: user) -> f32[8] = u.age |> unsqueeze |> linear(8)
tower student(u: user) -> logit = sum(u.id)
teacher first(u: user) -> logit = sum(common(u)) + sum(u.age |> unsqueeze |> linear(8))
loss learn for first over visit = bce(first(user), click)
loss follow over visit = bce(student(user) + sum(common(user)), click)
train { minimize learn + follow }
";

#[test]
fn what_only_lowering_finds_follows_and_is_mended() {
    Editor::session(&[], |editor| {
        editor.open(URI, MOVED);
        assert_eq!(editor.published(URI), [] as [Value; 0]);
        let found = editor.published(URI);
        assert!(codes(&found).contains(&"E0604"), "{found:?}");
        let place = json!({
            "textDocument": { "uri": URI },
            "range": range((8, 5), (8, 11)),
            "context": { "diagnostics": [] },
        });
        let offered = editor.ask("textDocument/codeAction", place);
        assert_eq!(offered[0]["title"], "write `stop(...)` around `common`");
        let mended = MOVED.replace("+ sum(common(user))", "+ sum(stop(common(user)))");
        editor.change(2, json!({ "text": mended }));
        assert_eq!(editor.published(URI), [] as [Value; 0]);
        // Nothing follows: the next that is told is what the next edit calls for.
        editor.change(3, json!({ "text": "broken" }));
        assert_eq!(editor.published(URI).len(), 1);
    });
}

#[test]
fn lowering_an_older_text_says_nothing_of_the_newer_one() {
    Editor::session(&[], |editor| {
        editor.open(URI, MOVED);
        // The answer comes after the first findings, and maybe before those of lowering.
        let place = json!({ "textDocument": { "uri": URI } });
        editor.ask("textDocument/documentSymbol", place.clone());
        editor.change(2, json!({ "text": TEST }));
        editor.ask("textDocument/documentSymbol", place.clone());
        thread::sleep(std::time::Duration::from_millis(300));
        let place = json!({
            "textDocument": { "uri": URI },
            "range": range((0, 0), (9, 0)),
            "context": { "diagnostics": [] },
        });
        assert_eq!(editor.ask("textDocument/codeAction", place), json!([]));
    });
}
