//! One diagnostic as a JSON object, with bytes and with lines and columns counted from 1.

use reckon_grammar::diagnostic::{Diagnostic, Label};
use reckon_grammar::span::{Sources, Span};
use serde_json::{Value, json};

/// All that the diagnostic holds.
pub(super) fn json(sources: &Sources, diagnostic: &Diagnostic) -> Value {
    let labels: Vec<Value> = diagnostic
        .labels
        .iter()
        .map(|label| labelled(sources, label))
        .collect();
    let fix = diagnostic.fix.as_ref().map(|fix| {
        let mut value = place(sources, fix.span);
        value["replacement"] = json!(fix.replacement);
        value
    });
    let at = match super::has_place(sources, diagnostic) {
        true => place(sources, diagnostic.primary.span),
        false => Value::Null,
    };
    json!({
        "code": diagnostic.code.to_string(),
        "severity": super::word(diagnostic.severity),
        "message": diagnostic.message,
        "file": at["file"],
        "range": at["range"],
        "label": diagnostic.primary.message,
        "labels": labels,
        "notes": diagnostic.notes,
        "help": diagnostic.help,
        "fix": fix,
    })
}

fn labelled(sources: &Sources, label: &Label) -> Value {
    let mut value = place(sources, label.span);
    value["message"] = json!(label.message);
    value
}

fn place(sources: &Sources, span: Span) -> Value {
    let point = |byte: u32| {
        let (line, column) = sources.line_column(span.file, byte);
        json!({ "line": line, "column": column, "byte": byte })
    };
    json!({
        "file": sources.file(span.file).name,
        "range": { "start": point(span.start), "end": point(span.end) },
    })
}
