//! Files with an object a line, as the declared columns.

use std::fmt;

use rayon::prelude::*;
use reckon_compiler::plan::SourcePlan;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Span;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::cell::{Builder, shortened};
use super::fault::{NO_COLUMN, NOT_OBJECT, no_column};
use super::files::File;
use super::table::Piece;
use super::text::{Lost, Rows, Text, no_utf8};
use super::windows::Window;

/// A file with an object a line.
pub(super) struct Objects<'p> {
    plan: &'p SourcePlan,
    file: &'p File,
    /// How many lines are objects.
    objects: usize,
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
            objects: 0,
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
        if self.objects == 0 && self.first.as_deref().is_some_and(is_array) {
            let message = format!("`{}` {ONE_ARRAY}", self.file.name);
            return Err(Diagnostic::error(NOT_OBJECT, self.plan.span, message).help(NO_ARRAY));
        }
        let read = pieces.par_iter().map(|(line, bytes)| {
            let text = Text::new(bytes, *line);
            of_objects(self.plan, self.file, &text, *line)
        });
        let read: Vec<_> = read.collect();
        let mut pieces = Vec::new();
        for piece in read {
            let (piece, objects, found) = piece?;
            self.objects += objects;
            let all = self.found.iter_mut().zip(found);
            all.for_each(|(all, found)| *all += found);
            pieces.push(piece);
        }
        Ok(pieces)
    }

    /// A null may be left out of an object, but a column that no object has is misspelt.
    pub(super) fn finish(self) -> Result<(), Vec<Diagnostic>> {
        let columns = self.plan.columns.iter().zip(&self.found);
        let missing = columns.filter(|(_, found)| self.objects > 0 && **found == 0);
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

/// A piece of objects, with how many there are and how many of them have each column.
fn of_objects(
    plan: &SourcePlan,
    file: &File,
    text: &Text<'_>,
    first: usize,
) -> Result<(Piece, usize, Vec<usize>), Diagnostic> {
    let builders: Result<Vec<Builder<'_>>, Diagnostic> =
        plan.columns.iter().map(Builder::new).collect();
    let mut rows = Rows::new(plan, builders?, first);
    let (mut objects, mut found) = (0, vec![0; plan.columns.len()]);
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
        match serde_json::from_str::<Line>(written) {
            Ok(Line::Object { values, repeated }) => {
                if let Some(name) = repeated.iter().find(|name| is_declared(plan, name)) {
                    rows.lost(
                        Lost::Object,
                        format!("the object has `{name}` more than once"),
                    );
                    continue;
                }
                objects += 1;
                for (at, column) in plan.columns.iter().enumerate() {
                    let value = values.get(&column.name);
                    found[at] += usize::from(value.is_some());
                    rows.builders[at].push_json(value);
                }
            }
            Ok(Line::Other(other)) => rows.lost(
                Lost::Object,
                format!(
                    "expected an object, found `{}`",
                    shortened(&other.to_string())
                ),
            ),
            Err(error) => rows.lost(
                Lost::Object,
                format!("expected an object: {}", why_not(written, &error)),
            ),
        }
    }
    Ok((rows.finish(file), objects, found))
}

fn is_declared(plan: &SourcePlan, name: &str) -> bool {
    plan.columns.iter().any(|column| column.name == name)
}

/// What a line holds.
enum Line {
    Object {
        values: Map<String, Json>,
        /// Names that stand more than once.
        repeated: Vec<String>,
    },
    Other(Json),
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LineVisitor)
    }
}

/// Reads an object entry by entry; whatever else there is, is a value.
struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = Line;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Line, A::Error> {
        let (mut values, mut repeated) = (Map::new(), Vec::new());
        while let Some((name, value)) = entries.next_entry::<String, Json>()? {
            if values.contains_key(&name) {
                repeated.push(name);
            } else {
                values.insert(name, value);
            }
        }
        Ok(Line::Object { values, repeated })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Line, A::Error> {
        Json::deserialize(SeqAccessDeserializer::new(elements)).map(Line::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Line, E> {
        Ok(Line::Other(text.into()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Line, E> {
        Ok(Line::Other(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Line, E> {
        Ok(Line::Other(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Line, E> {
        Ok(Line::Other(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Line, E> {
        Ok(Line::Other(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Line, E> {
        Ok(Line::Other(Json::Null))
    }
}

/// Why a line is no JSON. The reader counts lines within the line that it is given, so its `at line 1` says nothing.
pub(super) fn why_not(written: &str, error: &serde_json::Error) -> String {
    let (column, message) = (error.column(), error.to_string());
    let from = written.get(column.saturating_sub(1)..).unwrap_or_default();
    let is_number = |mark: char| mark.is_ascii_digit() || "+-.eE".contains(mark);
    if error.is_eof() {
        return format!("the line breaks off at column {column}");
    }
    if let Some(word) = ["NaN", "Infinity"]
        .into_iter()
        .find(|word| from.starts_with(word))
    {
        return format!("`{word}` at column {column} is no JSON, a missing value is `null`");
    }
    if message.starts_with("number out of range") {
        let until = written.get(..column).unwrap_or_default();
        let start = until.trim_end_matches(is_number).len();
        let end = column
            + from
                .chars()
                .skip(1)
                .take_while(|mark| is_number(*mark))
                .count();
        let number = written.get(start..end).unwrap_or_default();
        return format!("`{}` is larger than any float", shortened(number));
    }
    message.replace(" at line 1 column ", " at column ")
}

/// Whether a file whose first line this is holds one array of objects.
pub(super) fn is_array(first: &str) -> bool {
    let inside = first.trim().strip_prefix('[').map(str::trim_start);
    inside.is_some_and(|inside| inside.is_empty() || inside.starts_with('{'))
}

pub(super) const ONE_ARRAY: &str = "is one array, not an object a line";
pub(super) const NO_ARRAY: &str =
    "write each object on a line of its own, without the brackets and the commas between objects";
