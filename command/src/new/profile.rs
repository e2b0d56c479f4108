//! What the columns of a data file look like.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::console::{Exit, Failure, reason};
use crate::spec;

/// Distinct values are counted up to this many; a column with more is an identifier, a time or prose.
const MOST_DISTINCT: usize = 2_000_000;

/// A data file, seen once from top to bottom.
pub struct Table {
    /// Where it lies.
    pub path: PathBuf,
    /// Rows without the header.
    pub rows: usize,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// Columns that no spec can declare, with what they hold.
    pub strange: Vec<(String, String)>,
}

/// A column of a table.
pub struct Column {
    /// What the file calls it.
    pub name: String,
    /// What all its values are.
    pub kind: Kind,
    /// Whether a cell is empty.
    pub nullable: bool,
    /// Values, of lists their elements, and how often they occur. Times and lists of floats need have none.
    pub values: BTreeMap<String, usize>,
}

/// The narrowest reading that fits all cells of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `true` and `false`.
    Bool,
    /// Whole numbers.
    Int,
    /// Numbers.
    Float,
    /// Any text.
    Str,
    /// Instants, where the file says that they are.
    Time,
    /// Several values, where the file says so.
    List(Element),
}

/// What lists hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// Whole numbers.
    Int,
    /// Numbers.
    Float,
    /// Texts.
    Str,
}

impl Table {
    /// Reads a file of plain text by the ending of its name.
    ///
    /// # Errors
    /// A file that cannot be read, that is not plain text in cells, or whose rows have different lengths.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let separator = match ending(path).as_str() {
            "csv" => b',',
            "tsv" => b'\t',
            other => {
                let message = format!(
                    "`{}`: expected a csv or tsv file, found one that ends in `{other}`",
                    path.display()
                );
                return Err(Failure::new(Exit::World, message));
            }
        };
        let bytes = fs::read(path).map_err(|error| {
            Failure::new(
                Exit::World,
                format!("cannot read `{}`: {}", path.display(), reason(&error)),
            )
        })?;
        Self::from_text(path, bytes, separator)
    }

    /// Reads a text whose cells stand between separators; csv has quotes.
    ///
    /// # Errors
    /// Bytes that are not UTF-8, no rows, or rows of different lengths.
    pub fn from_text(path: &Path, bytes: Vec<u8>, separator: u8) -> Result<Self, Failure> {
        let text = spec::text(&path.display().to_string(), bytes)
            .map_err(|message| Failure::new(Exit::World, message))?;
        let mut records = Records {
            text: text.trim_start_matches('\u{feff}'),
            separator,
        };
        let header = records.next().unwrap_or_default();
        let mut columns: Vec<Column> = header
            .into_iter()
            .map(|name| Column {
                name,
                kind: Kind::Bool,
                nullable: false,
                values: BTreeMap::new(),
            })
            .collect();
        let mut rows = 0;
        for record in records {
            rows += 1;
            if record.len() != columns.len() {
                let (expected, found) = (columns.len(), record.len());
                let message = format!(
                    "`{}`, row {rows}: expected {expected} cells, found {found}",
                    path.display()
                );
                return Err(Failure::new(Exit::World, message));
            }
            for (column, cell) in columns.iter_mut().zip(record) {
                column.see(cell);
            }
        }
        if rows == 0 {
            return Err(Failure::new(
                Exit::World,
                format!("`{}` holds no rows", path.display()),
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            rows,
            columns,
            strange: Vec::new(),
        })
    }

    /// The column of this name.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Column {
    fn see(&mut self, cell: String) {
        if cell.is_empty() {
            self.nullable = true;
            return;
        }
        while !self.kind.reads(&cell) {
            self.kind = self.kind.wider();
        }
        if self.values.len() < MOST_DISTINCT {
            *self.values.entry(cell).or_insert(0) += 1;
        }
    }

    /// Whether no two of `rows` rows share a value and none is empty.
    pub(crate) fn is_unique(&self, rows: usize) -> bool {
        !self.nullable && self.values.len() == rows
    }

    /// The share of this column's distinct values that `other` has too.
    pub(crate) fn share_in(&self, other: &Column) -> f64 {
        let known = self
            .values
            .keys()
            .filter(|value| other.values.contains_key(*value))
            .count();
        known as f64 / self.values.len().max(1) as f64
    }

    /// The mark that separates values within a cell, if a tenth of the cells have one.
    pub(crate) fn inner_separator(&self) -> Option<char> {
        let cells: usize = self.values.values().sum();
        ['|', ';'].into_iter().find(|mark| {
            let with: usize = self
                .values
                .iter()
                .filter(|(value, _)| value.contains(*mark))
                .map(|(_, count)| count)
                .sum();
            with * 10 >= cells
        })
    }

    /// Distinct values after cells were taken apart at a mark.
    pub(crate) fn distinct_parts(&self, mark: char) -> usize {
        self.values
            .keys()
            .flat_map(|value| value.split(mark))
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// Smallest and largest value of a column of numbers.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        let mut numbers = self
            .values
            .keys()
            .filter_map(|value| value.parse::<f64>().ok());
        let first = numbers.next()?;
        Some(numbers.fold((first, first), |(low, high), number| {
            (low.min(number), high.max(number))
        }))
    }
}

impl Kind {
    /// The type with which a spec declares such a column.
    pub fn written(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Str => "str",
            Self::Time => "time",
            Self::List(Element::Int) => "list<int>",
            Self::List(Element::Float) => "list<float>",
            Self::List(Element::Str) => "list<str>",
        }
    }

    fn reads(self, cell: &str) -> bool {
        match self {
            Self::Bool => matches!(cell, "true" | "false"),
            Self::Int => cell.parse::<i64>().is_ok(),
            Self::Float => cell.parse::<f64>().is_ok(),
            // Files that tell these types have no cells of text.
            Self::Str | Self::Time | Self::List(_) => true,
        }
    }

    fn wider(self) -> Self {
        match self {
            Self::Bool => Self::Int,
            Self::Int => Self::Float,
            Self::Float | Self::Str | Self::Time | Self::List(_) => Self::Str,
        }
    }
}

/// How a file is read, as the ending of its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Plain text in cells, which this crate reads.
    Cells,
    /// What the runtime reads: packed text, objects, columns.
    Runtime,
}

/// How a file is read; none where its name does not say that it holds data.
pub fn reading(path: &Path) -> Option<Reading> {
    const PACKED: &[&str] = &["gz", "zst", "zstd"];
    const TEXTS: &[&str] = &["csv", "tsv", "jsonl", "ndjson"];
    const COLUMNS: &[&str] = &["parquet", "arrow", "feather", "ipc"];
    let last = ending(path);
    match last.as_str() {
        "csv" | "tsv" => Some(Reading::Cells),
        packing if PACKED.contains(&packing) => {
            let inner = ending(&path.with_extension(""));
            TEXTS.contains(&inner.as_str()).then_some(Reading::Runtime)
        }
        other => (TEXTS.contains(&other) || COLUMNS.contains(&other)).then_some(Reading::Runtime),
    }
}

fn ending(path: &Path) -> String {
    path.extension().map_or(String::new(), |ending| {
        ending.to_string_lossy().to_lowercase()
    })
}

/// The records of a text: cells between separators; in csv, cells may stand in quotes, doubled inside.
struct Records<'a> {
    text: &'a str,
    separator: u8,
}

impl Iterator for Records<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        while let Some(rest) = self
            .text
            .strip_prefix("\r\n")
            .or_else(|| self.text.strip_prefix('\n'))
        {
            self.text = rest;
        }
        if self.text.is_empty() {
            return None;
        }
        let mut record = Vec::new();
        loop {
            record.push(self.cell());
            let mark = self.text.as_bytes().first().copied();
            self.text = self.text.get(1..).unwrap_or("");
            if mark != Some(self.separator) {
                return Some(record);
            }
        }
    }
}

impl Records<'_> {
    /// Takes a cell off the text and leaves the separator or line end after it.
    fn cell(&mut self) -> String {
        let mut cell = String::new();
        if self.separator == b','
            && let Some(quoted) = self.text.strip_prefix('"')
        {
            self.text = quoted;
            while let Some(end) = self.text.find('"') {
                cell += &self.text[..end];
                self.text = &self.text[end + 1..];
                match self.text.strip_prefix('"') {
                    Some(rest) => self.text = rest,
                    None => break,
                }
                cell.push('"');
            }
        }
        let end = self
            .text
            .find(['\n', char::from(self.separator)])
            .unwrap_or(self.text.len());
        cell += self.text[..end].trim_end_matches('\r');
        self.text = &self.text[end..];
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::Records;

    fn records(text: &str) -> Vec<Vec<String>> {
        Records {
            text,
            separator: b',',
        }
        .collect()
    }

    #[test]
    fn cells_end_at_separators_and_line_ends() {
        assert_eq!(records("a,b\r\n1,\n"), [["a", "b"], ["1", ""]]);
    }

    #[test]
    fn quotes_hold_separators_and_doubled_quotes() {
        assert_eq!(records("\"x, \"\"y\"\"\nz\",2"), [["x, \"y\"\nz", "2"]]);
    }
}
