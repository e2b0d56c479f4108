//! A client of the language server that breaks a file and mends it again.

use crate::trouble::Trouble;
use serde_json::{Value, json};
use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

/// What is typed wrong, and right again: in a tower at the end of the file, and in the last of the features.
const TYPED: [(&str, &str); 2] = [("|> normalize", "|> normalise"), ("|> zscore", "|> zscor")];

pub(super) struct Editor {
    server: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    uri: String,
    text: String,
    version: u64,
}

impl Editor {
    /// Starts the server and opens the file; the library is laid out below `cache`.
    pub(super) fn open(command: &Path, file: &Path, cache: &Path) -> Result<Editor, Trouble> {
        let text = fs::read_to_string(file).map_err(|error| broken(&error))?;
        let mut server = Command::new(command)
            .arg("lsp")
            .env("XDG_CACHE_HOME", cache)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| broken(&error))?;
        let pipes = server.stdin.take().zip(server.stdout.take());
        let (to, from) = pipes.expect("both pipes were asked for");
        let mut editor = Editor {
            server,
            to,
            from: BufReader::new(from),
            uri: format!("file://{}", file.display()),
            text,
            version: 1,
        };
        editor.ask("initialize", json!({ "capabilities": {} }))?;
        editor.tell("initialized", json!({}))?;
        let document =
            json!({ "uri": editor.uri, "languageId": "reckon", "version": 1, "text": editor.text });
        editor.tell("textDocument/didOpen", json!({ "textDocument": document }))?;
        match editor.findings()?.as_slice() {
            [] => Ok(editor),
            [first, ..] => Err(Trouble::new(
                format!("{} has a mistake: {first}", file.display()),
                "",
            )),
        }
    }

    /// Letters are typed wrong and right again, in a tower and in a feature; returns the longest time until the findings are
    /// there, in milliseconds.
    pub(super) fn edit(&mut self) -> Result<f64, Trouble> {
        let mut longest: f64 = 0.0;
        for (right, wrong) in TYPED {
            let at = self.text.rfind(right).expect("the spec has it");
            let mut broken = self.text.clone();
            broken.replace_range(at..at + right.len(), wrong);
            let mended = self.text.clone();
            let (broken, mended) = (self.change(&broken)?, self.change(&mended)?);
            let (1.., 0) = (broken.1, mended.1) else {
                return Err(Trouble::new(
                    format!(
                        "a broken file has {} findings, and mended {}",
                        broken.1, mended.1
                    ),
                    "",
                ));
            };
            longest = longest.max(broken.0).max(mended.0);
        }
        Ok(longest)
    }

    /// The milliseconds until the findings of a new text are there, and how many they are.
    fn change(&mut self, text: &str) -> Result<(f64, usize), Trouble> {
        self.version += 1;
        let document = json!({ "uri": self.uri, "version": self.version });
        let change = json!({ "textDocument": document, "contentChanges": [{ "text": text }] });
        let start = Instant::now();
        self.tell("textDocument/didChange", change)?;
        let found = self.findings()?.len();
        Ok((start.elapsed().as_secs_f64() * 1e3, found))
    }

    pub(super) fn close(mut self) -> Result<(), Trouble> {
        self.ask("shutdown", Value::Null)?;
        self.tell("exit", Value::Null)?;
        self.server.wait().map_err(|error| broken(&error))?;
        Ok(())
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<(), Trouble> {
        self.send(&json!({ "jsonrpc": "2.0", "id": method, "method": method, "params": params }))?;
        while self.hear()?["id"] != method {}
        Ok(())
    }

    fn tell(&mut self, method: &str, params: Value) -> Result<(), Trouble> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    /// The messages of the next findings.
    fn findings(&mut self) -> Result<Vec<String>, Trouble> {
        loop {
            let message = self.hear()?;
            if message["method"] == "textDocument/publishDiagnostics" {
                let found = message["params"]["diagnostics"].as_array();
                return Ok(found
                    .into_iter()
                    .flatten()
                    .map(|one| one["message"].to_string())
                    .collect());
            }
        }
    }

    fn send(&mut self, message: &Value) -> Result<(), Trouble> {
        let body = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{body}", body.len())
            .and_then(|()| self.to.flush())
            .map_err(|error| broken(&error))
    }

    fn hear(&mut self) -> Result<Value, Trouble> {
        let message = self.message().map_err(|error| broken(&error))?;
        serde_json::from_slice(&message)
            .map_err(|error| Trouble::new(format!("the server's answer is not JSON: {error}"), ""))
    }

    fn message(&mut self) -> io::Result<Vec<u8>> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.from.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", number)) => {
                    length = number.parse().map_err(io::Error::other)?;
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body)?;
        Ok(body)
    }
}

fn broken(error: &io::Error) -> Trouble {
    Trouble::io("the session with `reckon lsp` broke off", error)
}
