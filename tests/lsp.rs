//! The language server as an editor runs it: `reckon lsp`, with messages on its stdin and stdout.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

struct Editor {
    server: Child,
    answers: BufReader<ChildStdout>,
    asked: u64,
}

impl Editor {
    /// Runs the server; it lays the library out below `cache`.
    fn start(cache: &Path) -> Self {
        let mut server = Command::new(env!("CARGO_BIN_EXE_reckon"))
            .arg("lsp")
            .env("XDG_CACHE_HOME", cache)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(server.stdout.take().unwrap());
        Self {
            server,
            answers,
            asked: 0,
        }
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        let stdin = self.server.stdin.as_mut().unwrap();
        write!(stdin, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        stdin.flush().unwrap();
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The result of a request; notifications before it are left out.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.hear();
            if message["id"] == id {
                return message["result"].clone();
            }
        }
    }

    /// The next message of the server.
    fn hear(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.answers.read_line(&mut line).unwrap();
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", number)) => length = number.parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.answers.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The codes of the findings that are told next.
    fn told(&mut self) -> Vec<String> {
        loop {
            let message = self.hear();
            if message["method"] == "textDocument/publishDiagnostics" {
                let found = message["params"]["diagnostics"].as_array().unwrap();
                return found
                    .iter()
                    .map(|one| one["code"].as_str().unwrap().to_owned())
                    .collect();
            }
        }
    }
}

#[test]
fn an_editor_opens_breaks_mends_renames_and_leaves() {
    let cache = tempfile::tempdir().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/movielens/two_tower.rec");
    let text = fs::read_to_string(&path).unwrap();
    let uri = format!("file://{}", path.display());
    let place = |word: &str| {
        let at = text.find(word).unwrap();
        let line = text[..at].matches('\n').count();
        let character = at - text[..at].rfind('\n').unwrap() - 1;
        json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } })
    };
    let mut editor = Editor::start(cache.path());

    let greeting = editor.ask("initialize", json!({ "capabilities": {} }));
    assert_eq!(greeting["serverInfo"]["name"], "reckon");
    editor.tell("initialized", json!({}));
    let document = json!({ "uri": uri, "languageId": "reckon", "version": 1, "text": text });
    editor.tell("textDocument/didOpen", json!({ "textDocument": document }));
    assert_eq!(editor.told(), [] as [&str; 0]);

    let change = |version: u64, text: &str| json!({ "textDocument": { "uri": uri, "version": version }, "contentChanges": [{ "text": text }] });
    editor.tell(
        "textDocument/didChange",
        change(2, &text.replace("embed(dim)", "embed(dimm)")),
    );
    assert_eq!(editor.told(), ["E0211"]);
    editor.tell("textDocument/didChange", change(3, &text));
    assert_eq!(editor.told(), [] as [&str; 0]);

    let hover = editor.ask("textDocument/hover", place("film(m: movie)"));
    let page = hover["contents"]["value"].as_str().unwrap();
    assert!(page.contains("type `f32[64]`"), "{page}");
    let library = editor.ask("textDocument/definition", place("mlp([256"));
    let file = library["uri"]
        .as_str()
        .unwrap()
        .strip_prefix("file://")
        .unwrap();
    assert!(fs::read_to_string(file).unwrap().contains("fn mlp("));

    let mut rename = place("film(m: movie)");
    rename["newName"] = json!("item");
    let renamed = editor.ask("textDocument/rename", rename);
    assert_eq!(
        renamed["changes"][&uri].as_array().unwrap().len(),
        text.matches("film(").count() + 1
    );

    editor.ask("shutdown", Value::Null);
    editor.tell("exit", Value::Null);
    assert_eq!(editor.server.wait().unwrap().code(), Some(0));
}

/// The labels of the proposals at a place.
fn proposed(editor: &mut Editor, uri: &str, line: u32, character: u32) -> Vec<String> {
    let place = json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } });
    let items = editor.ask("textDocument/completion", place);
    let items = items.as_array().unwrap().iter();
    items
        .map(|item| item["label"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn columns_are_proposed_from_the_headers_of_csv_and_parquet_files() {
    let folder = tempfile::tempdir().unwrap();
    let films = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/films.parquet");
    fs::copy(films, folder.path().join("films.parquet")).unwrap();
    let users = "user_id,age,country\n1,30,fr\n2,,fr\n3,41,de\n";
    fs::write(folder.path().join("users.csv"), users).unwrap();
    let spec = folder.path().join("main.rec");
    let text = "entity user from \"users.csv\" {\n  key user_id: int\n  \n  age: int?\n}\n\nentity film from \"films.parquet\" {\n  key movie_id: int\n  \n}\n";
    fs::write(&spec, text).unwrap();
    let uri = format!("file://{}", spec.display());
    let mut editor = Editor::start(folder.path());
    editor.ask("initialize", json!({ "capabilities": {} }));
    editor.tell("initialized", json!({}));
    let document = json!({ "uri": uri, "languageId": "reckon", "version": 1, "text": text });
    editor.tell("textDocument/didOpen", json!({ "textDocument": document }));

    let of_csv = proposed(&mut editor, &uri, 2, 2);
    assert!(of_csv.contains(&"country: str".to_owned()), "{of_csv:?}");
    assert!(
        !of_csv.iter().any(|label| label.starts_with("age")),
        "{of_csv:?}"
    );
    let of_parquet = proposed(&mut editor, &uri, 8, 2);
    for column in ["title: str?", "genres: list<str>?", "released: time?"] {
        assert!(of_parquet.contains(&column.to_owned()), "{of_parquet:?}");
    }

    let age = json!({ "textDocument": { "uri": uri }, "position": { "line": 3, "character": 3 } });
    let hover = editor.ask("textDocument/hover", age);
    let page = hover["contents"]["value"].as_str().unwrap();
    let fact = "in the first 3 rows of `users.csv`: 2 values, 33% empty, most often `30`, `41`";
    assert!(page.contains(fact), "{page}");

    editor.ask("shutdown", Value::Null);
    editor.tell("exit", Value::Null);
    assert_eq!(editor.server.wait().unwrap().code(), Some(0));
}
