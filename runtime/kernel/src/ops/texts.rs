//! Texts.

use std::collections::HashMap;
use std::fmt::Write;

use reckon_compiler::plan::row::{RowKind, RowOp};
use regex::Regex;

use super::{Call, Operand};
use crate::column::{Column, Data, Lists, Texts};
use crate::fitted::Mixing;

/// Words: runs of letters, marks and digits; an apostrophe between two of them belongs to the word.
const WORD: &str = r"[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*";

/// Functions of texts are computed once for each distinct text, where texts recur.
pub(super) fn apply(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    let recurring = match op {
        RowOp::ToStr => None,
        _ => recurring(call)?,
    };
    let Some((places, distinct)) = recurring else {
        return of_each_row(op, call);
    };
    let column = Column::new(Data::Str(distinct));
    let once = [Operand {
        column: &column,
        kind: &RowKind::Str,
        scalar: false,
        first: 0,
    }];
    let results = of_each_row(
        op,
        &Call {
            args: &once,
            rows: column.len(),
            ..*call
        },
    );
    Ok(results?.take(&places))
}

/// Fewer rows are not searched for texts that recur.
const FEW: usize = 1024;

/// The place of the text of each row among the distinct ones, beyond their end where a row is null. `None` where more than
/// a quarter of the texts are new.
fn recurring(call: &Call<'_>) -> Result<Option<(Vec<u32>, Texts)>, String> {
    let x = call.arg(0)?;
    let values = texts(x)?;
    if x.scalar || call.rows < FEW {
        return Ok(None);
    }
    let mut known: HashMap<&str, u32, Mixing> = HashMap::default();
    let (mut places, mut distinct) = (Vec::with_capacity(call.rows), Texts::default());
    for row in 0..call.rows {
        if x.is_null(row) {
            places.push(u32::MAX);
            continue;
        }
        let text = values.get(x.at(row));
        let place = *known.entry(text).or_insert_with(|| {
            distinct.push(text);
            distinct.len() as u32 - 1
        });
        places.push(place);
        if row % FEW == FEW - 1 && distinct.len() > row / 4 {
            return Ok(None);
        }
    }
    Ok(Some((places, distinct)))
}

fn of_each_row(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    match op {
        RowOp::ToStr => to_text(call),
        RowOp::Split(separator) => lists(call, |text, parts| {
            if separator.is_empty() {
                parts.push(text);
            } else {
                text.split(separator.as_str())
                    .filter(|part| !part.is_empty())
                    .for_each(|part| parts.push(part));
            }
        }),
        RowOp::Lower => map(call, |text, into| into.push(&text.to_lowercase())),
        RowOp::Trim => map(call, |text, into| into.push(text.trim())),
        RowOp::Capture(pattern) => capture(call, pattern),
        RowOp::Ngrams(n) => lists(call, |text, parts| ngrams(text, *n, parts)),
        RowOp::Tokens => {
            let word = Regex::new(WORD).map_err(|error| format!("internal: {error}"))?;
            lists(call, |text, parts| {
                word.find_iter(text)
                    .for_each(|word| parts.push(word.as_str()))
            })
        }
        RowOp::Length => {
            let x = call.arg(0)?;
            let values = texts(x)?;
            let lengths = (0..call.rows).map(|row| values.get(x.at(row)).chars().count() as i64);
            Ok(call.strict(Data::Int(lengths.collect())))
        }
        other => Err(format!("internal: {other:?} is no function of a text")),
    }
}

fn texts(operand: Operand<'_>) -> Result<&Texts, String> {
    match &operand.column.data {
        Data::Str(texts) => Ok(texts),
        other => Err(format!("expected a text, found {}", other.kind_name())),
    }
}

/// `f` adds exactly one text a call.
fn map(call: &Call<'_>, f: impl Fn(&str, &mut Texts)) -> Result<Column, String> {
    let x = call.arg(0)?;
    let values = texts(x)?;
    let mut mapped = Texts::default();
    (0..call.rows).for_each(|row| f(values.get(x.at(row)), &mut mapped));
    Ok(call.strict(Data::Str(mapped)))
}

/// `f` adds the elements of one list a call.
fn lists(call: &Call<'_>, f: impl Fn(&str, &mut Texts)) -> Result<Column, String> {
    let x = call.arg(0)?;
    let values = texts(x)?;
    let mut parts = Texts::default();
    let mut offsets = vec![0];
    for row in 0..call.rows {
        f(values.get(x.at(row)), &mut parts);
        offsets.push(parts.len());
    }
    Ok(call.strict(Data::List(Lists {
        offsets,
        values: Box::new(Data::Str(parts)),
    })))
}

fn capture(call: &Call<'_>, pattern: &str) -> Result<Column, String> {
    let regex =
        Regex::new(pattern).map_err(|_| format!("`{pattern}` is not a regular expression"))?;
    let x = call.arg(0)?;
    let values = texts(x)?;
    let mut found = Texts::default();
    let mut valid = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let captures = if x.is_null(row) {
            None
        } else {
            regex.captures(values.get(x.at(row)))
        };
        let part = captures
            .as_ref()
            .and_then(|captures| captures.get(usize::from(captures.len() > 1)));
        valid.push(part.is_some());
        found.push(part.map_or("", |part| part.as_str()));
    }
    Ok(Column::with_validity(Data::Str(found), Some(valid)))
}

/// All runs of `n` characters; none where the text is shorter.
fn ngrams(text: &str, n: usize, parts: &mut Texts) {
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
        let result = match (&x.column.data, x.kind) {
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
