//! Texts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use reckon_compiler::plan::row::{RowKind, RowOp};
use regex::Regex;

use super::parts::{Met, each_part};
use super::pattern::{General, Sequence};
use super::{Call, Operand};
use crate::column::{Collected, Column, Data, Lists, Texts};

/// Words: runs of letters, marks and digits; an apostrophe between two of them belongs to the word.
const WORD: &str = r"[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*";

/// What an op searches with.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    regex: Regex,
    /// The same, where it needs no search.
    sequence: Option<Sequence>,
}

/// What the ops of a program search with, made when one first runs.
#[derive(Debug, Default)]
pub(crate) struct Searches(Mutex<BTreeMap<String, Arc<Search>>>);

impl Searches {
    /// What an op searches with, if it does.
    pub(super) fn of(&self, op: &RowOp) -> Result<Option<Arc<Search>>, String> {
        let pattern = match op {
            RowOp::Capture(pattern) => pattern,
            RowOp::Tokens => WORD,
            _ => return Ok(None),
        };
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(search) = made.get(pattern) {
            return Ok(Some(Arc::clone(search)));
        }
        let regex =
            Regex::new(pattern).map_err(|_| format!("`{pattern}` is not a regular expression"))?;
        let sequence = Sequence::new(pattern);
        let search = Arc::new(Search { regex, sequence });
        made.insert(pattern.to_owned(), Arc::clone(&search));
        Ok(Some(search))
    }
}

/// Below so many rows a search shares its memory with those of other threads, which may have to wait for it: memory of its own
/// would cost more.
const OWN_MEMORY: usize = 1024;

pub(super) fn apply(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    match op {
        RowOp::ToStr => to_text(call),
        RowOp::Split(separator) => split(call, separator),
        RowOp::Lower => lower(call),
        RowOp::Trim => map(call, |text, into| into.push(text.trim())),
        RowOp::Capture(_) => capture(call),
        RowOp::Ngrams(n) => lists(call, |text, parts| ngrams(text, *n, parts)),
        RowOp::Tokens => {
            let search = searched(call)?;
            lists(call, |text, parts| {
                let words = search.regex.find_iter(text);
                words.for_each(|word| parts.push(word.as_str()))
            })
        }
        RowOp::Length => {
            let x = call.arg(0)?;
            let values = texts(x)?;
            let lengths = (0..call.rows).map(|row| {
                let text = values.get(x.at(row));
                match text.is_ascii() {
                    true => text.len() as i64,
                    false => text.chars().count() as i64,
                }
            });
            Ok(call.strict(Data::Int(lengths.collect())))
        }
        other => Err(format!("internal: {other:?} is no function of a text")),
    }
}

/// What a call searches with.
fn searched<'a>(call: &Call<'a>) -> Result<Cow<'a, Search>, String> {
    let search = call
        .search
        .ok_or("internal: a search has a regular expression")?;
    Ok(match call.rows < OWN_MEMORY {
        true => Cow::Borrowed(search),
        false => Cow::Owned(search.clone()),
    })
}

/// Parts between separators.
fn split(call: &Call<'_>, separator: &str) -> Result<Column, String> {
    let x = call.arg(0)?;
    let values = texts(x)?;
    let (mut parts, mut offsets) = (Collected::new(), Vec::with_capacity(call.rows + 1));
    offsets.push(0);
    each_part(values, x.rows(call), separator, |met| match met {
        Met::Part(part) => parts.push(&values.all()[part]),
        Met::End => offsets.push(parts.len()),
    });
    Ok(call.strict(Data::List(Lists {
        offsets,
        values: Box::new(Data::Str(parts.finish())),
    })))
}

fn lower(call: &Call<'_>) -> Result<Column, String> {
    let mut ascii = String::new();
    map(call, |text, into| {
        if text.is_ascii() {
            ascii.clear();
            ascii.push_str(text);
            ascii.make_ascii_lowercase();
            into.push(&ascii);
        } else {
            into.push(&text.to_lowercase());
        }
    })
}

pub(super) fn texts(operand: Operand<'_>) -> Result<&Texts, String> {
    match operand.data {
        Data::Str(texts) => Ok(texts),
        other => Err(format!("expected a text, found {}", other.kind_name())),
    }
}

/// `f` adds exactly one text a call.
fn map(call: &Call<'_>, mut f: impl FnMut(&str, &mut Texts)) -> Result<Column, String> {
    let x = call.arg(0)?;
    let values = texts(x)?;
    let mut mapped = Texts::default();
    (0..call.rows).for_each(|row| f(values.get(x.at(row)), &mut mapped));
    Ok(call.strict(Data::Str(mapped)))
}

/// `f` adds the elements of one list a call.
fn lists(call: &Call<'_>, f: impl Fn(&str, &mut Collected)) -> Result<Column, String> {
    let x = call.arg(0)?;
    let values = texts(x)?;
    let mut parts = Collected::new();
    let mut offsets = Vec::with_capacity(call.rows + 1);
    offsets.push(0);
    for row in 0..call.rows {
        f(values.get(x.at(row)), &mut parts);
        offsets.push(parts.len());
    }
    Ok(call.strict(Data::List(Lists {
        offsets,
        values: Box::new(Data::Str(parts.finish())),
    })))
}

fn capture(call: &Call<'_>) -> Result<Column, String> {
    let search = searched(call)?;
    let Search { regex, sequence } = search.as_ref();
    let mut parts = regex.capture_locations();
    let group = usize::from(parts.len() > 1);
    let mut general = |text: &str| {
        regex.captures_read(&mut parts, text)?;
        parts.get(group).map(|(start, end)| start..end)
    };
    let mut find = |text: &str| match sequence {
        Some(sequence) => sequence.find(text).unwrap_or_else(|General| general(text)),
        None => general(text),
    };
    let x = call.arg(0)?;
    let values = texts(x)?;
    let mut found = Texts::default();
    let mut valid = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let text = values.get(x.at(row));
        let part = if x.is_null(row) { None } else { find(text) };
        valid.push(part.is_some());
        found.push(part.map_or("", |part| &text[part]));
    }
    Ok(Column::with_validity(Data::Str(found), Some(valid)))
}

/// All runs of `n` characters; none where the text is shorter.
fn ngrams(text: &str, n: usize, parts: &mut Collected) {
    if n > 0 && text.is_ascii() {
        let starts = 0..(text.len() + 1).saturating_sub(n);
        return starts.for_each(|start| parts.push(&text[start..start + n]));
    }
    let starts: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    if n > 0 {
        starts
            .windows(n + 1)
            .for_each(|window| parts.push(&text[window[0]..window[n]]));
    }
}

fn to_text(call: &Call<'_>) -> Result<Column, String> {
    let x = call.arg(0)?;
    let mut written = Texts::default();
    let mut text = String::new();
    for row in 0..call.rows {
        let at = x.at(row);
        text.clear();
        let result = match (x.data, x.kind) {
            _ if x.is_null(row) => Ok(()),
            (Data::Int(values), RowKind::Time | RowKind::Duration) => {
                write_seconds(&mut text, values[at])
            }
            (Data::Int(values), _) => write!(text, "{}", values[at]),
            (Data::Float(values), _) => write!(text, "{:?}", values[at]),
            (Data::Bool(values), _) => write!(text, "{}", values[at]),
            (Data::Str(values), _) => text.write_str(values.get(at)),
            (Data::List(_), _) => return Err("expected one value, found a list".to_owned()),
        };
        result.map_err(|error| error.to_string())?;
        written.push(&text);
    }
    Ok(call.strict(Data::Str(written)))
}

/// Seconds, with as many decimals as the microseconds need.
fn write_seconds(text: &mut String, micros: i64) -> std::fmt::Result {
    let (sign, micros) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
    write!(text, "{sign}{}", micros / 1_000_000)?;
    let rest = micros % 1_000_000;
    if rest > 0 {
        write!(text, ".{}", format!("{rest:06}").trim_end_matches('0'))?;
    }
    Ok(())
}
