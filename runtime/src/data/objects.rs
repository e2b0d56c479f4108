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
use super::text::{Lost, Rows, Text, no_utf8};
use super::windows::Window;

/// A file with an object a line.
pub(super) struct Objects<'p> {
    plan: &'p SourcePlan,
    file: &'p File,
    rows: usize,
    /// How many objects have each declared column.
    found: Vec<usize>,
    /// The first line that is not blank.
    first: Option<String>,
}

impl<'p> Objects<'p> {
    pub(super) fn new(plan: &'p SourcePlan, file: &'p File) -> Self {
        Self {
            plan,
            file,
            rows: 0,
            found: vec![0; plan.columns.len()],
            first: None,
        }
    }

    pub(super) fn read(&mut self, window: &Window) -> Result<Vec<Piece>, Diagnostic> {
        let pieces = window.pieces();
        for (line, bytes) in &pieces {
            if self.first.is_none() {
                let text = Text::new(bytes, *line);
                let mut lines = text.text.lines().filter(|line| !line.trim().is_empty());
                self.first = lines.next().map(str::to_owned);
            }
        }
        let read = pieces.par_iter().map(|(line, bytes)| {
            let text = Text::new(bytes, *line);
            of_objects(self.plan, self.file, &text, *line)
        });
        let read: Vec<Result<(Piece, Vec<usize>), Diagnostic>> = read.collect();
        let mut pieces = Vec::new();
        for piece in read {
            let (piece, found) = piece?;
            self.rows += piece.part.rows;
            let all = self.found.iter_mut().zip(found);
            all.for_each(|(all, found)| *all += found);
            pieces.push(piece);
        }
        Ok(pieces)
    }

    /// A null may be left out of an object, but a column that no object has is misspelt.
    pub(super) fn finish(self) -> Result<(), Vec<Diagnostic>> {
        let columns = self.plan.columns.iter().zip(&self.found);
        let missing = columns.filter(|(_, found)| self.rows > 0 && **found == 0);
        let faults: Vec<Diagnostic> = missing
            .map(|(column, _)| self.nowhere(&column.name, column.span))
            .collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    fn nowhere(&self, column: &str, span: Span) -> Diagnostic {
        let first = self.first.as_ref();
        let first: Option<Map<String, Json>> =
            first.and_then(|line| serde_json::from_str(line).ok());
        match first {
            Some(first) => {
                let names: Vec<String> = first.keys().cloned().collect();
                no_column(&self.file.name, column, span, &names)
            }
            None => Diagnostic::error(
                NO_COLUMN,
                span,
                format!("{} has no column `{column}`", self.file.name),
            ),
        }
    }
}

/// A piece of objects, with how many of them have each column.
fn of_objects(
    plan: &SourcePlan,
    file: &File,
    text: &Text<'_>,
    first: usize,
) -> Result<(Piece, Vec<usize>), Diagnostic> {
    let builders: Result<Vec<Builder<'_>>, Diagnostic> =
        plan.columns.iter().map(Builder::new).collect();
    let mut rows = Rows::new(plan, builders?, first);
    let mut found = vec![0; plan.columns.len()];
    for (at, written) in text.text.split('\n').enumerate() {
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
