//! Keys of entities: from the values of the key columns to the number of the row.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use reckon_kernel::{Column, Data};

/// Row numbers by key. Hash maps are only looked up in, so their order shows nowhere.
#[derive(Clone, Debug)]
pub(crate) enum Keys {
    /// One integer column whose values lie near one another: the row of each value from the first on, [`NO_ROW`] where none has it.
    Near { first: i64, rows: Vec<u32> },
    /// One integer column.
    Int(HashMap<i64, u32, BuildHasherDefault<IntHasher>>),
    /// One text column, or several columns of any kinds, as [`text`] writes them.
    Text(HashMap<String, u32>),
}

/// The row of a key that there is not.
const NO_ROW: u32 = u32::MAX;

/// Keys lie near one another where they are at least one in so many numbers.
const SPREAD: usize = 4;

/// Two rows with the same key.
pub(crate) struct Repeat {
    pub(crate) first: u32,
    pub(crate) second: u32,
}

impl Keys {
    /// The keys of all rows, and the rows whose key an earlier one has.
    pub(crate) fn new(columns: &[&Column], rows: usize) -> (Self, Vec<Repeat>) {
        let mut repeats = Vec::new();
        let rows = 0..u32::try_from(rows).unwrap_or(u32::MAX);
        let keys = if let [
            Column {
                data: Data::Int(values),
                ..
            },
        ] = columns
        {
            if let Some((first, places)) = extent(values) {
                let mut near = vec![NO_ROW; places];
                for row in rows {
                    let known = &mut near[values[row as usize].abs_diff(first) as usize];
                    match *known {
                        NO_ROW => *known = row,
                        first => repeats.push(Repeat { first, second: row }),
                    }
                }
                return (Self::Near { first, rows: near }, repeats);
            }
            let mut keys =
                HashMap::with_capacity_and_hasher(values.len(), BuildHasherDefault::default());
            for row in rows {
                let first = *keys.entry(values[row as usize]).or_insert(row);
                if first != row {
                    repeats.push(Repeat { first, second: row });
                }
            }
            Self::Int(keys)
        } else {
            let mut keys = HashMap::with_capacity(rows.len());
            for row in rows {
                let first = *keys.entry(text(columns, row as usize)).or_insert(row);
                if first != row {
                    repeats.push(Repeat { first, second: row });
                }
            }
            Self::Text(keys)
        };
        (keys, repeats)
    }

    /// Puts another row in the place of each.
    pub(crate) fn replace(&mut self, by: impl Fn(u32) -> u32) {
        match self {
            Self::Near { rows, .. } => rows
                .iter_mut()
                .filter(|row| **row != NO_ROW)
                .for_each(|row| *row = by(*row)),
            Self::Int(keys) => keys.values_mut().for_each(|row| *row = by(*row)),
            Self::Text(keys) => keys.values_mut().for_each(|row| *row = by(*row)),
        }
    }

    /// The row with the key that these columns hold at `row`.
    pub(crate) fn find(&self, columns: &[&Column], row: usize) -> Option<u32> {
        match (self, columns) {
            (
                Self::Int(keys),
                [
                    Column {
                        data: Data::Int(values),
                        ..
                    },
                ],
            ) => keys.get(&values[row]).copied(),
            (
                Self::Near { first, rows },
                [
                    Column {
                        data: Data::Int(values),
                        ..
                    },
                ],
            ) => near(*first, rows, values[row]),
            (
                Self::Text(keys),
                [
                    Column {
                        data: Data::Str(texts),
                        ..
                    },
                ],
            ) => keys.get(texts.get(row)).copied(),
            (Self::Text(keys), columns) => keys.get(&text(columns, row)).copied(),
            (Self::Int(_) | Self::Near { .. }, _) => None,
        }
    }

    /// The row with a key as a user writes it; the parts of a key of several columns as in [`text`].
    pub(crate) fn find_text(&self, key: &str) -> Option<u32> {
        match self {
            Self::Near { first, rows } => near(*first, rows, key.trim().parse().ok()?),
            Self::Int(keys) => keys.get(&key.trim().parse().ok()?).copied(),
            Self::Text(keys) => keys.get(key).copied(),
        }
    }
}

/// The least of keys that lie near one another, and how many numbers there are from it to the largest.
fn extent(values: &[i64]) -> Option<(i64, usize)> {
    let (first, last) = (values.iter().min()?, values.iter().max()?);
    let places = usize::try_from(last.abs_diff(*first))
        .ok()?
        .checked_add(1)?;
    (places / SPREAD <= values.len()).then_some((*first, places))
}

fn near(first: i64, rows: &[u32], key: i64) -> Option<u32> {
    let place = usize::try_from(key.checked_sub(first)?).ok()?;
    rows.get(place).copied().filter(|row| *row != NO_ROW)
}

/// The values of a row as one text, separated by commas. Within one of several values `\,` stands for a comma and `\\`
/// for a backslash, so that rows with different values have different texts.
pub(crate) fn text(columns: &[&Column], row: usize) -> String {
    if let [column] = columns {
        return value_text(&column.data, row);
    }
    let part = |column: &&Column| {
        let value = value_text(&column.data, row);
        match value.contains([',', '\\']) {
            true => value.replace('\\', "\\\\").replace(',', "\\,"),
            false => value,
        }
    };
    let parts: Vec<String> = columns.iter().map(part).collect();
    parts.join(",")
}

fn value_text(data: &Data, row: usize) -> String {
    match data {
        Data::Int(values) => values[row].to_string(),
        // 0 has one sign.
        Data::Float(values) => format!("{:?}", values[row] + 0.0),
        Data::Bool(values) => values[row].to_string(),
        Data::Str(texts) => texts.get(row).to_owned(),
        Data::List(lists) => {
            let parts: Vec<String> = lists
                .range(row)
                .map(|at| value_text(&lists.values, at))
                .collect();
            format!("[{}]", parts.join(","))
        }
    }
}

/// Spreads integers over the buckets of a hash map; keys come from data, not from an adversary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IntHasher(u64);

impl Hasher for IntHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn write_i64(&mut self, word: i64) {
        self.write_u64(word as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_whether_they_lie_near_one_another_or_not() {
        let near = [7, 5, -2, 5, 9];
        let far = [i64::MAX, 5, i64::MIN, 5, 9];
        for (values, is_near) in [(near, true), (far, false)] {
            let column = Column::new(Data::Int(values.to_vec()));
            let (keys, repeats) = Keys::new(&[&column], values.len());
            assert_eq!(matches!(keys, Keys::Near { .. }), is_near);
            let repeats: Vec<(u32, u32)> = repeats.iter().map(|of| (of.first, of.second)).collect();
            assert_eq!(repeats, [(1, 3)]);
            let found = (0..5).map(|row| keys.find(&[&column], row));
            assert!(found.eq([Some(0), Some(1), Some(2), Some(1), Some(4)]));
            let asked = Column::new(Data::Int(vec![6, i64::MIN + 1, i64::MAX - 1]));
            assert!((0..3).all(|row| keys.find(&[&asked], row).is_none()));
            assert_eq!((keys.find_text(" 9"), keys.find_text("8")), (Some(4), None));
        }
    }
}
