//! Tables: the declared columns of the files of a source, one after another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rayon::prelude::*;
use reckon_compiler::plan::{BadRows, SourcePlan};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::Column;

use super::bad::{BadCount, Wrongs, beyond_limit, examples, settle};
use super::columnar;
use super::condition::{Condition, LeftOut};
use super::fault::{EMPTY, Place, TOLD, UNREADABLE};
use super::files::{File, files};
use super::format::{ENDINGS, Format, belied, format_of};
use super::text;

/// Columns by name with the places that their rows come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) columns: BTreeMap<String, Column>,
    pub(crate) rows: usize,
    /// The pieces of files that the table is made of, in order.
    pub(crate) parts: Vec<Part>,
    /// What became of rows that could not be read.
    pub(crate) bad: BadCount,
    /// Rows that its condition has left out.
    pub(crate) left_out: LeftOut,
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
    /// The rows of the file between the piece before and this one, which were not read.
    pub(crate) unread: usize,
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

    /// Adds pieces, the first of so many rows, each column by a thread of its own; `false` where a column is of another kind than before.
    fn add(&mut self, pieces: Vec<Piece>, rows: usize) -> bool {
        let mut columns: BTreeMap<String, Vec<Column>> = BTreeMap::new();
        for piece in pieces {
            for (name, column) in piece.columns {
                columns.entry(name).or_default().push(column);
            }
            self.rows += piece.part.rows;
            self.parts.push(piece.part);
        }
        let known = &mut self.columns;
        let columns: Vec<(String, Option<Column>, Vec<Column>)> = columns
            .into_iter()
            .map(|(name, more)| (known.remove(&name), name, more))
            .map(|(before, name, more)| (name, before, more))
            .collect();
        let added: Vec<(String, Column, bool)> = columns
            .into_par_iter()
            .filter_map(|(name, before, more)| {
                let (column, fits) = behind(before, more, rows)?;
                Some((name, column, fits))
            })
            .collect();
        let mut fits = true;
        for (name, column, of_column) in added {
            fits &= of_column;
            self.columns.insert(name, column);
        }
        fits
    }
}

/// Columns behind one another, with room for `rows` behind the first; whether all are of one kind.
fn behind(before: Option<Column>, more: Vec<Column>, rows: usize) -> Option<(Column, bool)> {
    let mut more = more.into_iter();
    let (mut column, room) = match before {
        Some(column) => (column, rows),
        None => {
            let first = more.next()?;
            let room = rows - first.len();
            (first, room)
        }
    };
    column.reserve(room);
    let fits = more.all(|next| column.extend(&next));
    Some((column, fits))
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

/// Reads all files of a source; labels that are joined later are in none.
///
/// # Errors
/// Everything that is wrong with them.
pub(crate) fn read(plan: &SourcePlan, root: &Path) -> Result<Table, Vec<Diagnostic>> {
    read_without(plan, root, &BTreeSet::new())
}

/// As [`read`], without columns that nothing reads: what is wrong with them is told all the same.
pub(crate) fn read_without(
    plan: &SourcePlan,
    root: &Path,
    unread: &BTreeSet<&str>,
) -> Result<Table, Vec<Diagnostic>> {
    read_by(plan, root, (Extent::Whole, unread))
}

/// As [`read`], of each file as much as is wanted.
pub(crate) fn read_some(
    plan: &SourcePlan,
    root: &Path,
    extent: Extent,
) -> Result<Table, Vec<Diagnostic>> {
    read_by(plan, root, (extent, &BTreeSet::new()))
}

fn read_by(
    plan: &SourcePlan,
    root: &Path,
    (extent, unread): (Extent, &BTreeSet<&str>),
) -> Result<Table, Vec<Diagnostic>> {
    if plan.columns.iter().any(|column| column.joined.is_some()) {
        let mut of_files = plan.clone();
        of_files.columns.retain(|column| column.joined.is_none());
        return read_by(&of_files, root, (extent, unread));
    }
    let mut sink = Vec::new();
    let mut table = Table::default();
    let mut first_bad = Vec::new();
    let condition = Condition::of(plan);
    for file in files(plan, root, &mut sink) {
        let taken = Taken::new((plan, condition.as_ref()), &mut table, unread);
        let Some(of_file) = read_file(plan, &file, (extent, taken), &mut sink) else {
            continue;
        };
        if first_bad.len() < TOLD {
            first_bad.extend(examples(&of_file));
        }
        table.bad.defaulted += settle(plan, &of_file, &mut sink);
    }
    table.columns = std::mem::take(&mut table.columns)
        .into_par_iter()
        .map(|(name, column)| (name, column.once_each()))
        .collect();
    if extent == Extent::Whole {
        sink.extend(nothing_left(plan, condition.as_ref(), &table));
    }
    first_bad.truncate(TOLD);
    sink.extend(beyond_limit(plan, table.rows, table.bad, &first_bad));
    if sink.iter().any(Diagnostic::is_error) {
        Err(sink)
    } else {
        Ok(table)
    }
}

/// Says that no row of a source passes its condition.
fn nothing_left(
    plan: &SourcePlan,
    condition: Option<&Condition>,
    table: &Table,
) -> Option<Diagnostic> {
    let condition = condition.filter(|_| table.rows == 0 && table.left_out.rows > 0)?;
    let (message, help) = nothing_passes(plan, table.left_out.rows);
    Some(Diagnostic::error(EMPTY, condition.span(), message).help(help))
}

/// That none of so many rows passes a condition, and what to do.
pub(crate) fn nothing_passes(plan: &SourcePlan, rows: usize) -> (String, &'static str) {
    (
        format!("none of {rows} rows of `{}` passes its `where`", plan.name),
        "without the condition `reckon check --data` tells what the columns hold",
    )
}

/// Pieces of a file on their way into the table.
pub(crate) struct Taken<'a> {
    plan: &'a SourcePlan,
    condition: Option<&'a Condition>,
    table: &'a mut Table,
    /// Columns that are looked at and let go.
    unread: &'a BTreeSet<&'a str>,
    /// Without their columns, which are in the table.
    pieces: Vec<Piece>,
    /// The rows of the pieces.
    rows: usize,
}

impl<'a> Taken<'a> {
    /// Of a file from which nothing has come yet.
    pub(crate) fn new(
        (plan, condition): (&'a SourcePlan, Option<&'a Condition>),
        table: &'a mut Table,
        unread: &'a BTreeSet<&'a str>,
    ) -> Self {
        Self {
            plan,
            condition,
            table,
            unread,
            pieces: Vec::new(),
            rows: 0,
        }
    }

    /// Whether nothing reads a column.
    pub(crate) fn is_unread(&self, column: &str) -> bool {
        let asked = self.condition.is_some_and(|of| of.reads(column));
        self.unread.contains(column) && !asked
    }

    /// Which rows are taken.
    pub(crate) fn condition(&self) -> Option<&'a Condition> {
        self.condition
    }

    /// Counts rows of the file that its footer leaves out: in so many row groups, and how many of them lie behind the last piece.
    pub(crate) fn leave_out(&mut self, of: LeftOut, behind: usize) {
        self.table.left_out.rows += of.rows;
        self.table.left_out.row_groups += of.row_groups;
        self.rows += behind;
    }

    /// The pieces of the file, without their columns.
    pub(crate) fn pieces(self) -> Vec<Piece> {
        self.pieces
    }

    /// Adds the pieces that follow in the file, with which this share of it is read: rows are as long in the rest of it, or a little shorter.
    pub(crate) fn add_share(&mut self, pieces: Vec<Piece>, share: f64) -> Result<(), Diagnostic> {
        const SHORTER: f64 = 1.05;
        let rows: usize = pieces.iter().map(|piece| piece.part.rows).sum();
        let read = (self.rows + rows) as f64;
        let rest = read / share * (1.0 - share) * SHORTER;
        self.add(pieces, rows + rest as usize)
    }

    /// Adds the pieces that follow in the file, the first of about so many rows. Where bad rows are skipped, theirs are left out.
    pub(crate) fn add(&mut self, mut pieces: Vec<Piece>, coming: usize) -> Result<(), Diagnostic> {
        let mut read = 0;
        for piece in &mut pieces {
            self.rows += piece.unread;
            piece.part.before = self.rows;
            self.rows += piece.part.rows;
            read += piece.part.rows;
            if let BadRows::Skip(_) = self.plan.on_bad_row {
                self.table.bad.skipped += piece.skip_bad_rows();
            }
        }
        if let Some(condition) = self.condition {
            let left_out = pieces.par_iter_mut().map(|piece| piece.choose(condition));
            self.table.left_out.rows += left_out.sum::<Result<usize, Diagnostic>>()?;
        }
        let taken: usize = pieces.iter().map(|piece| piece.part.rows).sum();
        for piece in &mut pieces {
            piece
                .columns
                .retain(|(name, _)| !self.unread.contains(name.as_str()));
        }
        let empty = |piece: &mut Piece| Piece {
            columns: Vec::new(),
            part: piece.part.clone(),
            wrongs: std::mem::take(&mut piece.wrongs),
            unread: 0,
        };
        let first = self.pieces.len();
        self.pieces.extend(pieces.iter_mut().map(empty));
        // Of the rows that come as many are left out as of these.
        let share = taken as f64 / read.max(1) as f64;
        let coming = taken.max((coming as f64 * share) as usize);
        if self.table.add(pieces, coming) {
            return Ok(());
        }
        let file = self.pieces.get(first).map_or("", |piece| &piece.part.file);
        let message = format!("internal: the columns of {file} differ in kind");
        Err(Diagnostic::error(UNREADABLE, self.plan.span, message))
    }
}

/// Adds a file to the table; its pieces without their columns, `None` where it cannot be read.
fn read_file(
    plan: &SourcePlan,
    file: &File,
    (extent, mut taken): (Extent, Taken<'_>),
    sink: &mut Vec<Diagnostic>,
) -> Option<Vec<Piece>> {
    let Some((format, packing)) = format_of(&file.name) else {
        let message = format!("`{}` is of no kind that can be read", file.name);
        sink.push(Diagnostic::error(UNREADABLE, plan.span, message).note(ENDINGS));
        return None;
    };
    if let Some((what, ending)) = belied(&file.path, (format, packing)) {
        let message = format!("`{}` cannot be read: it is {what}", file.name);
        let help = format!("give it a name that ends in {ending}");
        sink.push(Diagnostic::error(UNREADABLE, plan.span, message).help(help));
        return None;
    }
    match format {
        Format::Parquet | Format::Arrow => {
            columnar::read(plan, file, (format, extent), &mut taken, sink)?;
        }
        Format::Delimited(_) | Format::JsonLines => {
            text::read(plan, file, (format, packing, extent), &mut taken, sink)?;
        }
    }
    if taken.rows == 0 {
        let what = match format {
            Format::Delimited(_) => " holds no rows, only the names of its columns",
            Format::JsonLines | Format::Parquet | Format::Arrow => " holds no rows",
        };
        let message = format!("`{}`{what}", file.name);
        sink.push(Diagnostic::error(EMPTY, plan.span, message));
    }
    Some(taken.pieces())
}
