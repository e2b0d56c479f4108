//! Tables: the declared columns of the files of a source, one after another.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use reckon_compiler::plan::SourcePlan;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::Column;

use super::bad::{BadCount, Wrongs, beyond_limit, examples, settle};
use super::columnar;
use super::delimited::Style;
use super::fault::{EMPTY, Place, TOLD, UNREADABLE};
use super::files::{File, files};
use super::format::{ENDINGS, Format, bytes, format_of};
use super::objects;
use super::text::{self, Text};

/// Columns by name with the places that their rows come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) columns: BTreeMap<String, Column>,
    pub(crate) rows: usize,
    /// The pieces of files that the table is made of, in order.
    pub(crate) parts: Vec<Part>,
    /// What became of rows that could not be read.
    pub(crate) bad: BadCount,
}

/// Rows of one file that follow one another.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) file: String,
    /// How many rows the table has of it.
    pub(crate) rows: usize,
    /// The rows of the file before it.
    pub(crate) before: usize,
    pub(crate) lines: Lines,
    /// Which rows of the piece are kept, where not all are.
    pub(crate) kept: Option<Vec<u32>>,
}

/// On which line of its file a row of a piece begins.
#[derive(Clone, Debug)]
pub(crate) enum Lines {
    /// The file has no lines.
    None,
    /// The first row is on this line, the second on the next, and so on.
    From(usize),
    /// Line by row.
    Listed(Vec<usize>),
}

/// A part of a file as it was read: columns, where they come from, and what is wrong with them.
pub(crate) struct Piece {
    pub(crate) columns: Vec<(String, Column)>,
    pub(crate) part: Part,
    pub(crate) wrongs: Vec<Wrongs>,
}

impl Table {
    /// Where a row comes from.
    pub(crate) fn place(&self, row: usize) -> Place {
        let mut before = 0;
        for part in &self.parts {
            if row < before + part.rows {
                let row = row - before;
                let of_piece = part.kept.as_ref().map_or(row, |kept| kept[row] as usize);
                return part.place(of_piece);
            }
            before += part.rows;
        }
        Place {
            file: String::new(),
            row: row + 1,
            line: None,
        }
    }

    /// Adds a piece, the first of so many rows; `false` where a column is of another kind than before.
    fn add(&mut self, piece: Piece, rows: usize) -> bool {
        let mut fits = true;
        for (name, mut column) in piece.columns {
            match self.columns.get_mut(&name) {
                Some(all) => {
                    all.reserve(rows);
                    fits &= all.extend(&column);
                }
                None => {
                    column.reserve(rows - piece.part.rows);
                    drop(self.columns.insert(name, column));
                }
            }
        }
        self.rows += piece.part.rows;
        self.parts.push(piece.part);
        fits
    }
}

impl Part {
    /// Where a row of the piece comes from, before any were dropped.
    pub(crate) fn place(&self, row: usize) -> Place {
        let line = match &self.lines {
            Lines::None => None,
            Lines::From(first) => Some(row + first),
            Lines::Listed(lines) => lines.get(row).copied(),
        };
        Place {
            file: self.file.clone(),
            row: self.before + row + 1,
            line,
        }
    }
}

/// How much of each file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// The first row group, or the first few megabytes.
    Beginning,
}

/// So many bytes of text are a beginning.
const BEGINNING: u64 = 4 << 20;

/// Reads all files of a source; labels that are joined later are in none.
///
/// # Errors
/// Everything that is wrong with them.
pub(crate) fn read(plan: &SourcePlan, root: &Path) -> Result<Table, Vec<Diagnostic>> {
    read_some(plan, root, Extent::Whole)
}

/// As [`read`], of each file as much as is wanted.
pub(crate) fn read_some(
    plan: &SourcePlan,
    root: &Path,
    extent: Extent,
) -> Result<Table, Vec<Diagnostic>> {
    if plan.columns.iter().any(|column| column.joined.is_some()) {
        let mut of_files = plan.clone();
        of_files.columns.retain(|column| column.joined.is_none());
        return read_some(&of_files, root, extent);
    }
    let mut sink = Vec::new();
    let mut table = Table::default();
    let mut first_bad = Vec::new();
    for file in files(plan, root, &mut sink) {
        let Some(mut pieces) = read_file(plan, &file, extent, &mut sink) else {
            continue;
        };
        number_rows(&mut pieces);
        if first_bad.len() < TOLD {
            first_bad.extend(examples(&pieces));
        }
        let bad = settle(plan, &mut pieces, &mut sink);
        table.bad.skipped += bad.skipped;
        table.bad.defaulted += bad.defaulted;
        let mut rows = pieces.iter().map(|piece| piece.part.rows).sum();
        for piece in pieces {
            let of_piece = piece.part.rows;
            let fits = table.add(piece, rows);
            rows -= of_piece;
            if !fits {
                let message = format!("internal: the columns of {} differ in kind", file.name);
                sink.push(Diagnostic::error(UNREADABLE, plan.span, message));
            }
        }
    }
    table.columns = std::mem::take(&mut table.columns)
        .into_par_iter()
        .map(|(name, column)| (name, column.once_each()))
        .collect();
    first_bad.truncate(TOLD);
    sink.extend(beyond_limit(plan, table.rows, table.bad, &first_bad));
    if sink.iter().any(Diagnostic::is_error) {
        Err(sink)
    } else {
        Ok(table)
    }
}

/// Pieces follow one another in their file.
fn number_rows(pieces: &mut [Piece]) {
    let mut before = 0;
    for piece in pieces {
        piece.part.before = before;
        before += piece.part.rows;
    }
}

fn read_file(
    plan: &SourcePlan,
    file: &File,
    extent: Extent,
    sink: &mut Vec<Diagnostic>,
) -> Option<Vec<Piece>> {
    let Some((format, packing)) = format_of(&file.name) else {
        let message = format!("`{}` is of no kind that can be read", file.name);
        sink.push(Diagnostic::error(UNREADABLE, plan.span, message).note(ENDINGS));
        return None;
    };
    let pieces = match format {
        Format::Parquet | Format::Arrow => columnar::read(plan, file, format, extent, sink)?,
        Format::Delimited(_) | Format::JsonLines => {
            let most = (extent == Extent::Beginning).then_some(BEGINNING);
            let bytes = match bytes(&file.path, packing, most) {
                Ok(bytes) => whole_lines(bytes, most, format),
                Err(error) => {
                    let message = format!("`{}` cannot be read: {error}", file.name);
                    sink.push(Diagnostic::error(UNREADABLE, plan.span, message));
                    return None;
                }
            };
            let text = Text::new(&bytes);
            match format {
                Format::Delimited(style) => text::delimited(plan, file, &text, style, sink)?,
                Format::JsonLines | Format::Parquet | Format::Arrow => {
                    objects::json_lines(plan, file, &text, sink)?
                }
            }
        }
    };
    if pieces.iter().all(|piece| piece.part.rows == 0) {
        let what = match format {
            Format::Delimited(_) => " holds no rows, only the names of its columns",
            Format::JsonLines | Format::Parquet | Format::Arrow => " holds no rows",
        };
        let message = format!("`{}`{what}", file.name);
        sink.push(Diagnostic::error(EMPTY, plan.span, message));
    }
    Some(pieces)
}

/// The lines of a beginning that are not cut off, those inside of a quoted field of csv left out too.
fn whole_lines(mut bytes: Vec<u8>, most: Option<u64>, format: Format) -> Vec<u8> {
    if most != Some(bytes.len() as u64) {
        return bytes;
    }
    let is_csv = format == Format::Delimited(Style::Csv);
    let mut quotes = bytes.iter().filter(|byte| **byte == b'"').count();
    while let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
        quotes -= bytes[end..].iter().filter(|byte| **byte == b'"').count();
        bytes.truncate(end + 1);
        if !is_csv || quotes % 2 == 0 {
            break;
        }
        bytes.truncate(end);
    }
    bytes
}
