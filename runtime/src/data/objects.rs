//! Files with an object a line, as the declared columns.

use rayon::prelude::*;
use reckon_compiler::plan::SourcePlan;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Span;
use serde_json::{Map, Value as Json};

use super::cell::{Builder, shortened};
use super::fault::{NO_COLUMN, no_column};
use super::files::File;
use super::table::Piece;
use super::text::{Lost, PIECE, Rows, Text, cut, no_utf8};

/// Reads the declared columns of a file with an object a line.
pub(crate) fn json_lines(
    plan: &SourcePlan,
    file: &File,
    text: &Text<'_>,
    sink: &mut Vec<Diagnostic>,
) -> Option<Vec<Piece>> {
    json_lines_by(plan, file, text, PIECE, sink)
}

pub(super) fn json_lines_by(
    plan: &SourcePlan,
    file: &File,
    text: &Text<'_>,
    size: usize,
    sink: &mut Vec<Diagnostic>,
) -> Option<Vec<Piece>> {
    let read = cut(&text.text, 1, size)
        .into_par_iter()
        .map(|(line, piece)| of_objects(plan, file, text, piece, line));
    let pieces: Vec<(Piece, Vec<usize>)> = match read.collect() {
        Ok(pieces) => pieces,
        Err(diagnostic) => {
            sink.push(diagnostic);
            return None;
        }
    };
    let rows: usize = pieces.iter().map(|(piece, _)| piece.part.rows).sum();
    let before = sink.len();
    for (at, column) in plan.columns.iter().enumerate() {
        // A null may be left out of an object, but a column that no object has is misspelt.
        if rows > 0 && pieces.iter().all(|(_, found)| found[at] == 0) {
            sink.push(nowhere(file, &text.text, &column.name, column.span));
        }
    }
    (sink.len() == before).then(|| pieces.into_iter().map(|(piece, _)| piece).collect())
}

fn nowhere(file: &File, text: &str, column: &str, span: Span) -> Diagnostic {
    let first = text.lines().find(|line| !line.trim().is_empty());
    let first: Option<Map<String, Json>> = first.and_then(|line| serde_json::from_str(line).ok());
    match first {
        Some(first) => {
            let names: Vec<String> = first.keys().cloned().collect();
            no_column(&file.name, column, span, &names)
        }
        None => Diagnostic::error(
            NO_COLUMN,
            span,
            format!("{} has no column `{column}`", file.name),
        ),
    }
}

/// A piece of objects, with how many of them have each column.
fn of_objects(
    plan: &SourcePlan,
    file: &File,
    text: &Text<'_>,
    piece: &str,
    first: usize,
) -> Result<(Piece, Vec<usize>), Diagnostic> {
    let builders: Result<Vec<Builder<'_>>, Diagnostic> =
        plan.columns.iter().map(Builder::new).collect();
    let mut rows = Rows::new(plan, builders?, first);
    let mut found = vec![0; plan.columns.len()];
    for (at, written) in piece.split('\n').enumerate() {
        let line = first + at;
        if written.trim().is_empty() {
            continue;
        }
        rows.begin(line);
        if let Some(byte) = text.broken_in(line, line + 1) {
            rows.lost(Lost::Bytes, no_utf8(byte));
            continue;
        }
        match serde_json::from_str::<Json>(written) {
            Ok(Json::Object(object)) => {
                for (at, column) in plan.columns.iter().enumerate() {
                    let value = object.get(&column.name);
                    found[at] += usize::from(value.is_some());
                    rows.builders[at].push_json(value);
                }
            }
            Ok(other) => rows.lost(
                Lost::Object,
                format!(
                    "expected an object, found `{}`",
                    shortened(&other.to_string())
                ),
            ),
            Err(error) => rows.lost(
                Lost::Object,
                format!("expected an object: {}", without_line(&error.to_string())),
            ),
        }
    }
    Ok((rows.finish(file), found))
}

/// The reader counts lines within the line that it is given, so its `at line 1` says nothing.
fn without_line(message: &str) -> String {
    message.replace(" at line 1 column ", " at column ")
}
