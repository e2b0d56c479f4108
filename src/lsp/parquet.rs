//! The names and types of a parquet file's columns, and how many rows it has, out of its footer: Thrift's compact protocol,
//! as the format's description has it. Values are not read; the runtime does that.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use reckon_lsp::data::{Column, Rows, Table};

/// The file ends with the length of the footer and this.
const MARK: &[u8; 4] = b"PAR1";

/// A footer longer than this is not that of a table that a spec reads, in bytes.
const LONGEST: u64 = 64 << 20;

/// What is nested deeper is not a footer.
const DEEPEST: usize = 32;

/// The columns of a file; none where it is not a parquet file that can be read. Columns that a spec cannot declare are left
/// out.
pub(super) fn table(path: &Path) -> Option<Table> {
    let mut file = File::open(path).ok()?;
    let end = file.seek(SeekFrom::End(-8)).ok()?;
    let mut tail = [0; 8];
    file.read_exact(&mut tail).ok()?;
    let (length, mark) = tail.split_first_chunk::<4>()?;
    let length = u64::from(u32::from_le_bytes(*length));
    if mark != MARK || length > end.min(LONGEST) {
        return None;
    }
    file.seek(SeekFrom::Start(end - length)).ok()?;
    let mut footer = vec![0; usize::try_from(length).ok()?];
    file.read_exact(&mut footer).ok()?;
    let (elements, rows) = read(&footer)?;
    Some(Table {
        name: path.file_name()?.to_str()?.to_owned(),
        rows: Rows::Exactly(rows),
        columns: columns(&elements)?,
    })
}

/// A node of the schema: a column, or what holds several.
#[derive(Default)]
struct Element {
    name: String,
    physical: Option<u64>,
    repetition: u64,
    children: usize,
    converted: Option<u64>,
    logical: Option<i16>,
}

/// The schema in depth-first order, and the number of rows.
fn read(footer: &[u8]) -> Option<(Vec<Element>, usize)> {
    let mut thrift = Compact {
        bytes: footer,
        depth: 0,
    };
    let (mut elements, mut rows) = (Vec::new(), None);
    thrift.fields(|thrift, field, kind| {
        match (field, kind) {
            (2, LIST) => thrift.items(|thrift| {
                elements.push(thrift.element()?);
                Some(())
            })?,
            (3, I64) => rows = usize::try_from(thrift.integer()?).ok(),
            _ => thrift.skip(kind)?,
        }
        Some(())
    })?;
    Some((elements, rows?))
}

/// The columns that stand directly below the root.
fn columns(elements: &[Element]) -> Option<Vec<Column>> {
    let (root, mut rest) = elements.split_first()?;
    let mut columns = Vec::new();
    for _ in 0..root.children {
        let (element, after) = rest.split_first()?;
        let inner = subtree(rest)?;
        if let Some(ty) = written(element, &after[..inner - 1]) {
            let null = if element.repetition == 1 { "?" } else { "" };
            columns.push(Column {
                name: element.name.clone(),
                ty: format!("{ty}{null}"),
                seen: None,
            });
        }
        rest = &rest[inner..];
    }
    Some(columns)
}

/// How many elements the first one is, with all below it.
fn subtree(elements: &[Element]) -> Option<usize> {
    let mut open = 1;
    let mut size = 0;
    while open > 0 {
        open = open - 1 + elements.get(size)?.children;
        size += 1;
    }
    Some(size)
}

/// The type with which a spec declares a column.
fn written(element: &Element, below: &[Element]) -> Option<String> {
    const LISTS: (u64, i16) = (3, 3);
    if element.children == 0 {
        return single(element).map(str::to_owned);
    }
    let is_list = element.converted == Some(LISTS.0) || element.logical == Some(LISTS.1);
    match below {
        [repeated, value] if is_list && repeated.children == 1 && value.children == 0 => {
            Some(format!("list<{}>", single(value)?))
        }
        _ => None,
    }
}

/// The type of a value. The numbers are those of the format's description: physical, then converted and logical types.
fn single(element: &Element) -> Option<&'static str> {
    let is_time = matches!(element.converted, Some(6 | 9 | 10))
        || matches!(element.logical, Some(6 | 8))
        || element.physical == Some(3);
    match element.physical? {
        _ if is_time => Some("time"),
        0 => Some("bool"),
        1 | 2 => Some("int"),
        4 | 5 => Some("float"),
        6 => Some("str"),
        _ => None,
    }
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// Thrift's compact protocol. Every read ends in `None` where the bytes do.
struct Compact<'a> {
    bytes: &'a [u8],
    depth: usize,
}

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A number with its sign in the lowest bit.
    fn integer(&mut self) -> Option<i64> {
        let written = self.varint()?;
        Some((written >> 1).cast_signed() ^ -((written & 1).cast_signed()))
    }

    fn count(&mut self) -> Option<u64> {
        u64::try_from(self.integer()?).ok()
    }

    /// The fields of a struct to its end. What `read` does not know it has to skip.
    fn fields(&mut self, mut read: impl FnMut(&mut Self, i16, u8) -> Option<()>) -> Option<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let mut field = 0i16;
        loop {
            let head = self.byte()?;
            let (step, kind) = (head >> 4, head & 0x0f);
            if kind == 0 {
                self.depth -= 1;
                return Some(());
            }
            field = match step {
                0 => i16::try_from(self.integer()?).ok()?,
                _ => field.checked_add(i16::from(step))?,
            };
            read(self, field, kind)?;
        }
    }

    /// The items of a list.
    fn items(&mut self, mut read: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.varint()?,
            few => u64::from(few),
        };
        (0..count).try_for_each(|_| read(self))
    }

    fn skip(&mut self, kind: u8) -> Option<()> {
        match kind {
            TRUE | FALSE => {}
            BYTE => drop(self.byte()?),
            I16 | I32 | I64 => drop(self.varint()?),
            DOUBLE => drop(self.take(8)?),
            BINARY => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.take(length)?;
            }
            LIST | SET => self.skip_items()?,
            MAP => self.skip_map()?,
            STRUCT => self.fields(|thrift, _, kind| thrift.skip(kind))?,
            _ => return None,
        }
        Some(())
    }

    fn skip_items(&mut self) -> Option<()> {
        let kind = self.bytes.first()? & 0x0f;
        self.items(|thrift| thrift.skip_item(kind))
    }

    /// A truth value takes a byte as an item, and none as a field.
    fn skip_item(&mut self, kind: u8) -> Option<()> {
        match kind {
            TRUE | FALSE => self.skip(BYTE),
            other => self.skip(other),
        }
    }

    fn skip_map(&mut self) -> Option<()> {
        let count = self.varint()?;
        if count == 0 {
            return Some(());
        }
        let kinds = self.byte()?;
        (0..count).try_for_each(|_| {
            self.skip_item(kinds >> 4)?;
            self.skip_item(kinds & 0x0f)
        })
    }

    fn element(&mut self) -> Option<Element> {
        let mut element = Element::default();
        self.fields(|thrift, field, kind| {
            match (field, kind) {
                (1, I32) => element.physical = Some(thrift.count()?),
                (3, I32) => element.repetition = thrift.count()?,
                (4, BINARY) => {
                    let length = usize::try_from(thrift.varint()?).ok()?;
                    element.name = String::from_utf8(thrift.take(length)?.to_vec()).ok()?;
                }
                (5, I32) => element.children = usize::try_from(thrift.count()?).ok()?,
                (6, I32) => element.converted = Some(thrift.count()?),
                // A union: its one field says which type it is.
                (10, STRUCT) => thrift.fields(|thrift, field, kind| {
                    element.logical = Some(field);
                    thrift.skip(kind)
                })?,
                _ => thrift.skip(kind)?,
            }
            Some(())
        })?;
        Some(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by pyarrow: columns of each kind, and a struct, which no spec can declare.
    const FILMS: &[u8] = include_bytes!("../../tests/data/films.parquet");

    fn of_bytes(bytes: &[u8]) -> Option<Table> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("films.parquet");
        std::fs::write(&path, bytes).expect("a file");
        table(&path)
    }

    #[test]
    fn a_footer_tells_columns_with_their_types_and_rows() {
        let table = of_bytes(FILMS).expect("it is a parquet file");
        assert_eq!(table.rows, Rows::Exactly(3));
        let columns = table.columns.iter();
        let columns: Vec<String> = columns.map(|c| format!("{}: {}", c.name, c.ty)).collect();
        assert_eq!(
            columns,
            [
                "movie_id: int",
                "title: str?",
                "genres: list<str>?",
                "rating: float?",
                "seen: bool",
                "released: time?",
                "year: int",
            ]
        );
    }

    #[test]
    fn a_damaged_file_is_none_and_no_panic() {
        for cut in 0..FILMS.len() {
            assert_eq!(of_cut(cut), None, "cut at {cut}");
        }
        // A footer whose bytes are wrong may say anything, but it says something or nothing.
        let footer = FILMS.len() - 400;
        for at in footer..FILMS.len() {
            let mut bytes = FILMS.to_vec();
            bytes[at] ^= 0xff;
            let _ = of_bytes(&bytes);
        }
    }

    fn of_cut(cut: usize) -> Option<Table> {
        of_bytes(&FILMS[..cut])
    }
}
