//! Numbers in texts, and texts that hold keys with weights: `drama:0.5|war:2`.

use std::ops::ControlFlow;

use reckon_compiler::plan::row::{Bag, RowOp};

use super::Call;
use super::texts::{lists, texts};
use crate::column::{Column, Data, Lists};

pub(super) fn apply(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    match op {
        RowOp::Number => numbers(call),
        RowOp::BagKeys(bag) => lists(call, |text, keys| {
            each(text, *bag, |key, _| keys.push(key));
        }),
        RowOp::BagWeights(bag) => weights(call, *bag),
        other => Err(format!("internal: {other:?} is no function of a bag")),
    }
}

fn numbers(call: &Call<'_>) -> Result<Column, String> {
    let x = call.arg(0)?;
    let values = texts(x)?;
    let (mut found, mut valid) = (Vec::with_capacity(call.rows), Vec::with_capacity(call.rows));
    for row in 0..call.rows {
        let number = match x.is_null(row) {
            true => None,
            false => number(values.get(x.at(row))),
        };
        valid.push(number.is_some());
        found.push(number.unwrap_or_default());
    }
    Ok(Column::with_validity(Data::Float(found), Some(valid)))
}

/// Digits with a sign, a point and an exponent; what has none of them is no number, and neither is what no float can hold.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    let number: f64 = text.bytes().all(plain).then(|| text.parse().ok())??;
    number.is_finite().then_some(number)
}

fn weights(call: &Call<'_>, bag: Bag) -> Result<Column, String> {
    let x = call.arg(0)?;
    let values = texts(x)?;
    let mut weights = Vec::new();
    let mut offsets = Vec::with_capacity(call.rows + 1);
    offsets.push(0);
    for row in 0..call.rows {
        each(values.get(x.at(row)), bag, |_, weight| weights.push(weight));
        offsets.push(weights.len());
    }
    Ok(call.strict(Data::List(Lists {
        offsets,
        values: Box::new(Data::Float(weights)),
    })))
}

/// The keys with their weights.
fn each(text: &str, bag: Bag, mut found: impl FnMut(&str, f64)) {
    let mut rest = text;
    let mut unescaped = String::new();
    loop {
        let end = unescaped_at(rest, |byte| byte == bag.separator);
        let part = end.map_or(rest, |end| &rest[..end]);
        let pair = unescaped_at(part, |byte| byte == bag.pair);
        let (key, weight) = match pair {
            Some(at) => (&part[..at], number(&part[at + 1..])),
            None => (part, Some(1.0)),
        };
        if let (false, Some(weight)) = (key.is_empty(), weight) {
            found(without_escapes(key, &mut unescaped), weight);
        }
        match end {
            Some(end) => rest = &rest[end + 1..],
            None => break,
        }
    }
}

/// The first character that is wanted and that no backslash stands before.
fn unescaped_at(text: &str, wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let mut escaped = false;
    let found = text.bytes().enumerate().try_for_each(|(at, byte)| {
        match (escaped, byte) {
            (true, _) => escaped = false,
            (false, b'\\') => escaped = true,
            (false, byte) if wanted(byte) => return ControlFlow::Break(at),
            (false, _) => {}
        }
        ControlFlow::Continue(())
    });
    found.break_value()
}

fn without_escapes<'t>(key: &'t str, into: &'t mut String) -> &'t str {
    if !key.contains('\\') {
        return key;
    }
    into.clear();
    let mut escaped = false;
    for character in key.chars() {
        escaped = character == '\\' && !escaped;
        if !escaped {
            into.push(character);
        }
    }
    // A backslash behind which nothing stands is itself.
    if escaped {
        into.push('\\');
    }
    into
}
