//! The same work in Rust as one writes it for one class: a loop over rows on all threads, with the maps of the standard
//! library. Hashes are those of row programs, so that their values can be compared.

use std::collections::HashMap;
use std::hash::Hash;

use rayon::prelude::*;
use reckon_kernel::hash::{Hashed, hash, slot};
use reckon_kernel::{Column, Data, Lists, Texts};
use regex::Regex;

use crate::classes::{SLOTS, YEAR};

/// The work of a class: the columns that come out.
pub(crate) type Work<'a> = Box<dyn Fn() -> Vec<Column> + 'a>;

/// So many borders from -3 to 3.
pub(crate) fn borders(count: u32) -> Vec<f64> {
    let border = |at| f64::from(at) * 6.0 / f64::from(count) - 3.0;
    (0..count).map(border).collect()
}

fn floats(column: &Column) -> &[f64] {
    match &column.data {
        Data::Float(values) => values,
        other => unreachable!("expected floats, found {}", other.kind_name()),
    }
}

fn ints(column: &Column) -> &[i64] {
    match &column.data {
        Data::Int(values) => values,
        other => unreachable!("expected integers, found {}", other.kind_name()),
    }
}

fn texts(column: &Column) -> Vec<&str> {
    match &column.data {
        Data::Str(texts) => texts.iter().collect(),
        other => unreachable!("expected texts, found {}", other.kind_name()),
    }
}

fn there(column: &Column) -> &[bool] {
    column.valid.as_deref().unwrap_or_default()
}

fn ints_of<T: Sync>(rows: &[T], f: impl Fn(&T) -> i64 + Sync + Send) -> Column {
    Column::new(Data::Int(rows.par_iter().map(f).collect()))
}

pub(crate) fn chain<'a>(a: &'a Column, b: &'a Column) -> Work<'a> {
    let (a, valid, b) = (floats(a), there(a), floats(b));
    Box::new(move || {
        let rows = a.par_iter().zip(valid).zip(b);
        let chained = rows.map(|((a, valid), b)| {
            let filled = if *valid { *a } else { 1.0 };
            (((filled * 0.5 + b) * b - filled) / (b.abs() + 1.0)).clamp(-3.0, 3.0)
        });
        vec![Column::new(Data::Float(chained.collect()))]
    })
}

pub(crate) fn logarithms(a: &Column) -> Work<'_> {
    let (a, valid) = (floats(a), there(a));
    Box::new(move || {
        let logs = a.par_iter().map(|a| a.abs().ln_1p());
        let data = Data::Float(logs.collect());
        vec![Column {
            data,
            valid: Some(valid.to_vec()),
        }]
    })
}

pub(crate) fn buckets<'a>(a: &'a Column, b: &'a Column) -> Work<'a> {
    let (x, y) = (floats(a), floats(b));
    let valid = there(a);
    Box::new(move || {
        let of = |values: &[f64], count| {
            let borders = borders(count);
            let place = |value: &f64| borders.partition_point(|border| border <= value) as i64;
            Data::Int(values.par_iter().map(place).collect())
        };
        let (data, valid) = (of(x, 8), Some(valid.to_vec()));
        vec![Column { data, valid }, Column::new(of(y, 40))]
    })
}

pub(crate) fn times(at: &Column) -> Work<'_> {
    const HOUR: i64 = 3_600_000_000;
    const DAY: i64 = 24 * HOUR;
    let at = ints(at);
    Box::new(move || {
        vec![
            ints_of(at, |at| at.rem_euclid(DAY) / HOUR),
            ints_of(at, |at| (at.div_euclid(DAY) + 3).rem_euclid(7)),
            ints_of(at, |at| at.div_euclid(DAY)),
        ]
    })
}

pub(crate) fn hashed(columns: Vec<&Column>) -> Work<'_> {
    let rows: Vec<Vec<Hashed<'_>>> = columns
        .iter()
        .map(|column| match &column.data {
            Data::Int(values) => values.iter().map(|value| Hashed::Int(*value)).collect(),
            _ => texts(column).into_iter().map(Hashed::Str).collect(),
        })
        .collect();
    Box::new(move || {
        let slots = match &rows[..] {
            [one] => ints_of(one, |value| slot(hash(0, &[*value]), SLOTS) as i64),
            [one, other] => {
                let pairs = one.par_iter().zip(other);
                let slots = pairs.map(|(a, b)| slot(hash(0, &[*a, *b]), SLOTS) as i64);
                Column::new(Data::Int(slots.collect()))
            }
            _ => unreachable!("one column is hashed or two"),
        };
        vec![slots]
    })
}

/// The ids of values in rising order, the first 1.
fn ids<T: Copy + Ord + Hash>(values: impl Iterator<Item = T>) -> HashMap<T, i64> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values.into_iter().zip(1..).collect()
}

pub(crate) fn looked_up(column: &Column) -> Work<'_> {
    if let Data::Int(values) = &column.data {
        let known = ids(values.iter().copied());
        return Box::new(move || {
            vec![ints_of(values, |value| {
                known.get(value).copied().unwrap_or(0)
            })]
        });
    }
    let rows = texts(column);
    let known = ids(rows.iter().copied());
    Box::new(move || vec![ints_of(&rows, |text| known.get(text).copied().unwrap_or(0))])
}

/// A list of integers a row, put together from those of ranges of rows.
fn lists(rows: &[&str], f: impl Fn(&str, &mut Vec<i64>) + Sync + Send) -> Column {
    let parts = rows.par_chunks(65_536).map(|rows| {
        let (mut ends, mut values) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            f(row, &mut values);
            ends.push(values.len());
        }
        (ends, values)
    });
    let parts: Vec<(Vec<usize>, Vec<i64>)> = parts.collect();
    let (mut offsets, mut all) = (vec![0], Vec::new());
    for (ends, values) in parts {
        let before = all.len();
        offsets.extend(ends.iter().map(|end| before + end));
        all.extend(values);
    }
    Column::new(Data::List(Lists {
        offsets,
        values: Box::new(Data::Int(all)),
    }))
}

pub(crate) fn split_and_hash(genres: &Column) -> Work<'_> {
    let rows = texts(genres);
    Box::new(move || {
        let ids = lists(&rows, |text, ids| {
            let slots = text
                .split('|')
                .map(|part| slot(hash(0, &[Hashed::Str(part)]), SLOTS));
            ids.extend(slots.map(|slot| slot as i64));
        });
        vec![ids]
    })
}

pub(crate) fn split_and_look_up(tags: &Column) -> Work<'_> {
    let rows = texts(tags);
    let known = ids(rows.iter().flat_map(|text| text.split(',')));
    Box::new(move || {
        let ids = lists(&rows, |text, ids| {
            ids.extend(
                text.split(',')
                    .map(|part| known.get(part).copied().unwrap_or(0)),
            );
        });
        vec![ids]
    })
}

pub(crate) fn split_and_pool(column: &Column, by: char) -> Work<'_> {
    let rows = texts(column);
    Box::new(move || {
        let mean = |text: &&str| {
            let (mut sum, mut count) = (0, 0);
            for part in text.split(by) {
                sum += part.chars().count();
                count += 1;
            }
            sum as f64 / f64::from(count)
        };
        vec![Column::new(Data::Float(
            rows.par_iter().map(mean).collect(),
        ))]
    })
}

pub(crate) fn keys_of_bags(bag: &Column) -> Work<'_> {
    let rows = texts(bag);
    let key = |part: &'_ str| part.find(':').map_or(0, |end| end);
    let known = ids(rows
        .iter()
        .flat_map(|text| text.split('|').map(|part| &part[..key(part)])));
    Box::new(move || {
        let ids = lists(&rows, |text, ids| {
            let keys = text.split('|').filter_map(|part| part.split_once(':'));
            ids.extend(keys.map(|(key, _)| known.get(key).copied().unwrap_or(0)));
        });
        vec![ids]
    })
}

fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('|').filter_map(|part| part.split_once(':'))
}

/// The ids of the keys, and the weights.
pub(crate) fn bags(bag: &Column) -> Work<'_> {
    let rows = texts(bag);
    let known = ids(rows.iter().flat_map(|text| pairs(text).map(|(key, _)| key)));
    Box::new(move || {
        let parts = rows.par_chunks(65_536).map(|rows| {
            let (mut ends, mut keys, mut weights) = (vec![0], Vec::new(), Vec::new());
            for row in rows {
                for (key, weight) in pairs(row) {
                    if let Ok(weight) = weight.parse::<f64>() {
                        keys.push(known.get(key).copied().unwrap_or(0));
                        weights.push(weight);
                    }
                }
                ends.push(keys.len());
            }
            let list = |offsets, values| {
                let values = Box::new(values);
                Column::new(Data::List(Lists { offsets, values }))
            };
            [
                list(ends.clone(), Data::Int(keys)),
                list(ends, Data::Float(weights)),
            ]
        });
        let mut parts = parts.collect::<Vec<_>>().into_iter();
        let mut all: Vec<Column> = parts.next().into_iter().flatten().collect();
        for part in parts {
            for (all, part) in all.iter_mut().zip(&part) {
                assert!(all.extend(part), "all parts are lists");
            }
        }
        all
    })
}

pub(crate) fn years(titles: &Column) -> Work<'_> {
    let rows = texts(titles);
    Box::new(move || {
        let Ok(year) = Regex::new(YEAR) else {
            unreachable!("the pattern is one")
        };
        let parts = rows.par_chunks(65_536).map(|rows| {
            let mut found = Texts::default();
            for row in rows {
                let group = year.captures(row).and_then(|captures| captures.get(1));
                found.push(group.map_or("", |group| group.as_str()));
            }
            Column::new(Data::Str(found))
        });
        let parts: Vec<Column> = parts.collect();
        let mut parts = parts.into_iter();
        let mut all = parts.next().into_iter().collect::<Vec<_>>();
        for part in parts {
            assert!(all[0].extend(&part), "all parts are texts");
        }
        all
    })
}
