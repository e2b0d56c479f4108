//! Numbers in texts, and texts that hold keys with weights: `drama:0.5|war:2`.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

use reckon_compiler::plan::row::{Bag, RowOp};

use super::Call;
use super::decimals::{number, number_at};
use super::marks::each_marked;
use super::texts::texts;
use crate::column::{Collected, Column, Data, Lists, Texts};

pub(super) fn apply(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    match op {
        RowOp::Number => numbers(call),
        RowOp::BagKeys(bag) => keys(call, *bag),
        RowOp::BagWeights(bag) => weights(call, *bag),
        RowOp::Lookup(bag) => looked_up(call, *bag),
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

fn keys(call: &Call<'_>, bag: Bag) -> Result<Column, String> {
    let x = call.arg(0)?;
    let (mut keys, mut offsets) = (Collected::new(), Vec::with_capacity(call.rows + 1));
    offsets.push(0);
    each(texts(x)?, x.rows(call), bag, |met| match met {
        Met::Pair(key, _) => keys.push(&key),
        Met::End => offsets.push(keys.len()),
    });
    Ok(call.strict(Data::List(Lists {
        offsets,
        values: Box::new(Data::Str(keys.finish())),
    })))
}

fn weights(call: &Call<'_>, bag: Bag) -> Result<Column, String> {
    let x = call.arg(0)?;
    let (mut weights, mut offsets) = (Vec::new(), Vec::with_capacity(call.rows + 1));
    offsets.push(0);
    each(texts(x)?, x.rows(call), bag, |met| match met {
        Met::Pair(_, weight) => weights.push(weight),
        Met::End => offsets.push(weights.len()),
    });
    Ok(call.strict(Data::List(Lists {
        offsets,
        values: Box::new(Data::Float(weights)),
    })))
}

fn looked_up(call: &Call<'_>, bag: Bag) -> Result<Column, String> {
    let (key, of) = (call.arg(0)?, call.arg(1)?);
    let (keys, bags) = (texts(key)?, texts(of)?);
    let (mut found, mut valid) = (Vec::with_capacity(call.rows), Vec::with_capacity(call.rows));
    for row in 0..call.rows {
        let weight = match key.is_null(row) || of.is_null(row) {
            true => None,
            false => weight(keys.get(key.at(row)), bags.get(of.at(row)), bag),
        };
        valid.push(weight.is_some());
        found.push(weight.unwrap_or_default());
    }
    Ok(Column::with_validity(Data::Float(found), Some(valid)))
}

/// The weight of a key in a text, that of the first part that has it.
fn weight(key: &str, text: &str, bag: Bag) -> Option<f64> {
    let mut first = None;
    let mut met = |other: Cow<'_, str>, weight: f64| {
        if first.is_none() && other == key {
            first = Some(weight);
        }
    };
    if text.contains('\\') {
        each_escaped(text, bag, met);
        return first;
    }
    let mut start = 0;
    for part in text.split(char::from(bag.separator)) {
        let end = start + part.len();
        let pair = part.find(char::from(bag.pair)).map(|at| start + at);
        plain_part(text, start..end, pair, &mut met);
        start = end + 1;
    }
    first
}

/// What is met on the way through texts.
pub(super) enum Met<'t> {
    /// A key with its weight.
    Pair(Cow<'t, str>, f64),
    /// The end of a text.
    End,
}

/// Goes through the keys with their weights of the texts of `rows`.
pub(super) fn each<'t>(
    texts: &'t Texts,
    rows: Range<usize>,
    bag: Bag,
    mut met: impl FnMut(Met<'t>),
) {
    let all = texts.all();
    let wanted = [bag.separator, bag.pair, b'\\'];
    each_marked(texts, rows, wanted, |text, marks| {
        let mut found = |key, weight| met(Met::Pair(key, weight));
        let (mut start, mut pair) = (text.start, None);
        while let Some(at) = marks.next_before(text.end) {
            let byte = all.as_bytes()[at];
            if byte == b'\\' {
                while marks.next_before(text.end).is_some() {}
                each_escaped(&all[start..text.end], bag, found);
                return met(Met::End);
            } else if byte == bag.separator {
                plain_part(all, start..at, pair, &mut found);
                (start, pair) = (at + 1, None);
            } else if pair.is_none() {
                pair = Some(at);
            }
        }
        plain_part(all, start..text.end, pair, &mut found);
        met(Met::End);
    });
}

/// A key with its weight, if the part of a text is one; `pair` is where its weight is set apart.
fn plain_part<'t>(
    text: &'t str,
    part: Range<usize>,
    pair: Option<usize>,
    found: &mut impl FnMut(Cow<'t, str>, f64),
) {
    let (key, weight) = match pair {
        Some(at) => (part.start..at, number_at(text, at + 1..part.end)),
        None => (part, Some(1.0)),
    };
    if let (false, Some(weight)) = (key.is_empty(), weight) {
        found(Cow::Borrowed(&text[key]), weight);
    }
}

/// The same of what is left of a text, where characters have a backslash before them.
fn each_escaped<'t>(text: &'t str, bag: Bag, mut found: impl FnMut(Cow<'t, str>, f64)) {
    let mut rest = text;
    loop {
        let end = unescaped_at(rest, |byte| byte == bag.separator);
        let part = end.map_or(rest, |end| &rest[..end]);
        let pair = unescaped_at(part, |byte| byte == bag.pair);
        let (key, weight) = match pair {
            Some(at) => (&part[..at], number(&part[at + 1..])),
            None => (part, Some(1.0)),
        };
        if let (false, Some(weight)) = (key.is_empty(), weight) {
            found(without_escapes(key), weight);
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

fn without_escapes(key: &str) -> Cow<'_, str> {
    if !key.contains('\\') {
        return Cow::Borrowed(key);
    }
    let mut unescaped = String::with_capacity(key.len());
    let mut escaped = false;
    for character in key.chars() {
        escaped = character == '\\' && !escaped;
        if !escaped {
            unescaped.push(character);
        }
    }
    // A backslash behind which nothing stands is itself.
    if escaped {
        unescaped.push('\\');
    }
    Cow::Owned(unescaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_weights_are_the_same_by_the_way_that_knows_escapes() {
        let bag = Bag {
            separator: b'|',
            pair: b':',
        };
        let texts = [
            "",
            "|",
            "a",
            "a:1|b:x|:3|c:2:4|d:",
            "ä:0.5||e",
            "a:1|",
            r"a:2|b\|c:3|d",
        ];
        for text in texts {
            let (mut plain, mut escaped) = (Vec::new(), Vec::new());
            let mut ends = Vec::new();
            let thrice: Texts = [text; 3].into_iter().collect();
            each(&thrice, 0..3, bag, |met| match met {
                Met::Pair(key, weight) => plain.push((key, weight)),
                Met::End => ends.push(plain.len()),
            });
            each_escaped(text, bag, |key, weight| {
                escaped.push((key, weight));
            });
            let one = escaped.len();
            assert_eq!(ends, [one, 2 * one, 3 * one], "{text}");
            for plain in plain.chunks(one.max(1)) {
                assert_eq!(plain, escaped, "{text}");
            }
        }
    }
}
