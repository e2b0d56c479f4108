//! Numbers in texts, and texts that hold keys with weights: `drama:0.5|war:2`.

use std::ops::{ControlFlow, Range};

use reckon_compiler::plan::row::{Bag, RowOp};

use super::Call;
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

/// Digits with a sign, a point and an exponent; what has none of them is no number, and neither is what no float can hold.
fn number(text: &str) -> Option<f64> {
    short_decimal(text.as_bytes()).or_else(|| any_number(text))
}

/// The powers of ten by which [`short_decimal`] divides.
const TENS: [f64; 16] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// Up to fifteen digits, with a point or without: they and the power of ten are floats, so that their quotient is the float that is
/// nearest. `None` for any other text.
fn short_decimal(text: &[u8]) -> Option<f64> {
    let (mut digits, mut whole) = (0_u64, None);
    if text.len() > 15 {
        return None;
    }
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits = 10 * digits + u64::from(byte - b'0'),
            b'.' if whole.is_none() => whole = Some(at),
            _ => return None,
        }
    }
    let after = whole.map_or(0, |whole| text.len() - 1 - whole);
    let any = text.len() > usize::from(whole.is_some());
    any.then(|| digits as f64 / TENS[after])
}

fn any_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    let number: f64 = text.bytes().all(plain).then(|| text.parse().ok())??;
    number.is_finite().then_some(number)
}

fn keys(call: &Call<'_>, bag: Bag) -> Result<Column, String> {
    let x = call.arg(0)?;
    let (mut keys, mut offsets) = (Collected::new(), Vec::with_capacity(call.rows + 1));
    offsets.push(0);
    each(texts(x)?, x.rows(call), bag, |met| match met {
        Met::Pair(key, _) => keys.push(key),
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
    let mut met = |other: &str, weight: f64| {
        if first.is_none() && other == key {
            first = Some(weight);
        }
    };
    if text.contains('\\') {
        each_escaped(text, bag, met);
        return first;
    }
    for part in text.split(char::from(bag.separator)) {
        plain_part(part, part.find(char::from(bag.pair)), &mut met);
    }
    first
}

/// What is met on the way through texts.
enum Met<'t> {
    /// A key with its weight.
    Pair(&'t str, f64),
    /// The end of a text.
    End,
}

/// Goes through the keys with their weights of the texts of `rows`.
fn each(texts: &Texts, rows: Range<usize>, bag: Bag, mut met: impl FnMut(Met<'_>)) {
    let all = texts.all();
    let wanted = [bag.separator, bag.pair, b'\\'];
    each_marked(texts, rows, wanted, |text, marks| {
        let mut found = |key: &str, weight| met(Met::Pair(key, weight));
        let (mut start, mut pair) = (text.start, None);
        while let Some(at) = marks.next_before(text.end) {
            let byte = all.as_bytes()[at];
            if byte == b'\\' {
                while marks.next_before(text.end).is_some() {}
                each_escaped(&all[start..text.end], bag, found);
                return met(Met::End);
            } else if byte == bag.separator {
                plain_part(&all[start..at], pair, &mut found);
                (start, pair) = (at + 1, None);
            } else if pair.is_none() {
                pair = Some(at - start);
            }
        }
        plain_part(&all[start..text.end], pair, &mut found);
        met(Met::End);
    });
}

/// A key with its weight, if the part is one; `pair` is where its weight is set apart.
fn plain_part(part: &str, pair: Option<usize>, found: &mut impl FnMut(&str, f64)) {
    let (key, weight) = match pair {
        Some(at) => (&part[..at], number(&part[at + 1..])),
        None => (part, Some(1.0)),
    };
    if let (false, Some(weight)) = (key.is_empty(), weight) {
        found(key, weight);
    }
}

/// The same of what is left of a text, where characters have a backslash before them.
fn each_escaped(text: &str, bag: Bag, mut found: impl FnMut(&str, f64)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_decimals_have_the_bits_that_parsing_gives() {
        let mut text = String::new();
        for seed in 0..20_000_u64 {
            let digits = crate::hash::word(7, seed);
            text.clear();
            text.push_str(&(digits % 10_u64.pow(1 + (seed % 14) as u32)).to_string());
            let at = (digits >> 40) as usize % (text.len() + 1);
            text.insert(at, '.');
            let parsed: f64 = text.parse().expect("a decimal");
            let short = short_decimal(text.as_bytes());
            assert_eq!(short.map(f64::to_bits), Some(parsed.to_bits()), "{text}");
        }
        for other in ["", ".", "1.2.3", "-1", "1e3", " 1", "1234567890123456"] {
            assert_eq!(short_decimal(other.as_bytes()), None, "{other}");
        }
        assert_eq!(short_decimal(b"007"), Some(7.0));
    }

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
                Met::Pair(key, weight) => plain.push((key.to_owned(), weight)),
                Met::End => ends.push(plain.len()),
            });
            each_escaped(text, bag, |key, weight| {
                escaped.push((key.to_owned(), weight));
            });
            let one = escaped.len();
            assert_eq!(ends, [one, 2 * one, 3 * one], "{text}");
            for plain in plain.chunks(one.max(1)) {
                assert_eq!(plain, escaped, "{text}");
            }
        }
    }
}
