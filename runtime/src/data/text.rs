//! Files of text: their records, piece by piece on all threads, as the declared columns.
//!
//! A text is cut where records end. Pieces come back in the order of the file, each with what is wrong in its rows, so the
//! number of threads shows nowhere. While the pieces of a window are parsed, the next one is read.

use std::borrow::Cow;
use std::io;

use rayon::prelude::*;
use reckon_compiler::plan::SourcePlan;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::Column;

use super::bad::Wrongs;
use super::cell::Builder;
use super::delimited::{OpenQuote, Records, Style};
use super::fault::{
    DAMAGED, EMPTY, NOT_OBJECT, NOT_UTF8, OPEN_QUOTE, RAGGED, UNREADABLE, doubled, no_column,
};
use super::files::File;
use super::format::{Format, Packing, format_of};
use super::objects::Objects;
use super::table::{Extent, Lines, Part, Piece, Taken};
use super::windows::{Size, Window, Windows, lines_of};

/// So many bytes of text are a beginning.
const BEGINNING: usize = 4 << 20;

/// Reads the declared columns of a file of text into a table; `None` where it cannot be.
pub(crate) fn read(
    plan: &SourcePlan,
    file: &File,
    (format, packing, extent): (Format, Packing, Extent),
    taken: &mut Taken<'_>,
    sink: &mut Vec<Diagnostic>,
) -> Option<()> {
    let style = match format {
        Format::Delimited(style) => Some(style),
        Format::JsonLines | Format::Parquet | Format::Arrow => None,
    };
    let most = (extent == Extent::Beginning).then_some(BEGINNING);
    let windows = Windows::open(&file.path, packing, style, (Size::by_threads(), most));
    let windows = windows.map_err(|error| vec![unreadable(plan, file, &error)]);
    let read = windows.and_then(|windows| in_windows(plan, file, (windows, style), taken));
    read.map_err(|mut faults| sink.append(&mut faults)).ok()
}

/// As [`read`], by windows of any size.
fn in_windows(
    plan: &SourcePlan,
    file: &File,
    (mut windows, style): (Windows, Option<Style>),
    taken: &mut Taken<'_>,
) -> Result<(), Vec<Diagnostic>> {
    let fault = |error: io::Error| vec![unreadable(plan, file, &error)];
    let mut records = match style {
        Some(style) => Reading::Fields(Fields::new(plan, file, style)),
        None => Reading::Objects(Objects::new(plan, file)),
    };
    let mut coming = windows.next();
    while let Some(window) = coming.map_err(fault)? {
        let (next, pieces) = rayon::join(|| windows.next(), || records.read(&window));
        let pieces = pieces?;
        taken
            .add_share(pieces, window.share)
            .map_err(|fault| vec![fault])?;
        coming = next;
    }
    records.finish()
}

fn unreadable(plan: &SourcePlan, file: &File, error: &io::Error) -> Diagnostic {
    let message = format!("`{}` cannot be read: {error}", file.name);
    let diagnostic = Diagnostic::error(UNREADABLE, plan.span, message);
    match format_of(&file.name) {
        Some((_, Packing::Gzip | Packing::Zstd)) => diagnostic.help(DAMAGED),
        Some((_, Packing::Plain)) | None => diagnostic,
    }
}

/// A file in the course of being read.
enum Reading<'p> {
    Fields(Fields<'p>),
    Objects(Objects<'p>),
}

impl Reading<'_> {
    fn read(&mut self, window: &Window) -> Result<Vec<Piece>, Vec<Diagnostic>> {
        match self {
            Self::Fields(fields) => fields.read(window),
            Self::Objects(objects) => objects.read(window).map_err(|fault| vec![fault]),
        }
    }

    /// What is wrong with the file as a whole.
    fn finish(self) -> Result<(), Vec<Diagnostic>> {
        match self {
            Self::Fields(fields) => fields.finish(),
            Self::Objects(objects) => objects.finish(),
        }
    }
}

/// The text of a piece; bytes that are no UTF-8 are replaced, and known by their lines.
pub(crate) struct Text<'b> {
    pub(super) text: Cow<'b, str>,
    /// Lines with such bytes, each with the first of them, from 1 and ascending.
    broken: Vec<(usize, u8)>,
}

impl<'b> Text<'b> {
    /// Of bytes that begin on a line.
    pub(super) fn new(bytes: &'b [u8], first_line: usize) -> Self {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Self {
                text: Cow::Borrowed(text),
                broken: Vec::new(),
            };
        }
        let (mut line, mut broken) = (first_line, Vec::<(usize, u8)>::new());
        for chunk in bytes.utf8_chunks() {
            line += lines_of(chunk.valid().as_bytes());
            if let Some(first) = chunk.invalid().first()
                && broken.last().is_none_or(|(last, _)| *last < line)
            {
                broken.push((line, *first));
            }
        }
        Self {
            text: Cow::Owned(String::from_utf8_lossy(bytes).into_owned()),
            broken,
        }
    }

    /// The first byte that is no UTF-8 between two lines, the second not included.
    pub(super) fn broken_in(&self, from: usize, until: usize) -> Option<u8> {
        let at = self.broken.partition_point(|(line, _)| *line < from);
        let (line, byte) = self.broken.get(at)?;
        (*line < until).then_some(*byte)
    }
}

/// A file of separated fields, with names in its first record.
struct Fields<'p> {
    plan: &'p SourcePlan,
    file: &'p File,
    style: Style,
    header: Option<Header>,
}

/// What the first record says.
struct Header {
    /// How many fields each record has.
    fields: usize,
    /// The place of each declared column among them.
    places: Vec<usize>,
}

impl<'p> Fields<'p> {
    fn new(plan: &'p SourcePlan, file: &'p File, style: Style) -> Self {
        Self {
            plan,
            file,
            style,
            header: None,
        }
    }

    fn read(&mut self, window: &Window) -> Result<Vec<Piece>, Vec<Diagnostic>> {
        let pieces = window.pieces();
        let begins_in = match self.header {
            Some(_) => None,
            None => Some(self.find_header(&pieces)?),
        };
        let Some(header) = &self.header else {
            return Ok(Vec::new());
        };
        let read = pieces.par_iter().enumerate().map(|(at, (line, bytes))| {
            let text = Text::new(bytes, *line);
            let mut records = self.records(&text, *line);
            if begins_in == Some(at) {
                records
                    .next(&mut Vec::new())
                    .map_err(|quote| self.open_quote(quote))?;
            }
            self.of_records(&text, records, header)
        });
        let read: Vec<Result<Piece, Diagnostic>> = read.collect();
        let read: Result<Vec<Piece>, Diagnostic> = read.into_iter().collect();
        read.map_err(|fault| vec![fault])
    }

    fn finish(self) -> Result<(), Vec<Diagnostic>> {
        if self.header.is_some() {
            return Ok(());
        }
        let message = format!(
            "`{}` is empty: expected a line with the names of its columns",
            self.file.name
        );
        Err(vec![Diagnostic::error(EMPTY, self.plan.span, message)])
    }

    fn records<'t>(&self, text: &'t Text<'_>, line: usize) -> Records<'t> {
        Records::of_part(&text.text, self.style, line)
    }

    /// Looks for the header in the first piece that is not of blank lines alone, whose place is given.
    fn find_header(&mut self, pieces: &[(usize, &[u8])]) -> Result<usize, Vec<Diagnostic>> {
        for (at, (line, bytes)) in pieces.iter().enumerate() {
            let text = Text::new(bytes, *line);
            let mut records = self.records(&text, *line);
            let mut fields = Vec::new();
            let read = records.next(&mut fields);
            if read
                .map_err(|quote| vec![self.open_quote(quote)])?
                .is_none()
            {
                continue;
            }
            if let Some(byte) = text.broken_in(0, records.line()) {
                let message = format!("{} line 1: {}", self.file.name, no_utf8(byte));
                let fault = Diagnostic::error(NOT_UTF8, self.plan.span, message);
                return Err(vec![fault.help(CONVERT)]);
            }
            let names: Vec<String> = fields.iter().map(|name| name.trim().to_owned()).collect();
            self.header = Some(Header {
                fields: names.len(),
                places: columns_of(self.plan, self.file, &names)?,
            });
            return Ok(at);
        }
        Ok(pieces.len())
    }

    fn of_records(
        &self,
        text: &Text<'_>,
        mut records: Records<'_>,
        header: &Header,
    ) -> Result<Piece, Diagnostic> {
        let builders = self.plan.columns.iter().map(Builder::of_fields);
        let builders: Result<Vec<Builder<'_>>, Diagnostic> = builders.collect();
        let mut rows = Rows::new(self.plan, builders?, records.line());
        let mut fields: Vec<Cow<'_, str>> = Vec::new();
        while let Some(line) = records
            .next(&mut fields)
            .map_err(|quote| self.open_quote(quote))?
        {
            let broken = text.broken_in(line, records.line().max(line + 1));
            rows.begin(line);
            if let Some(byte) = broken {
                rows.lost(Lost::Bytes, no_utf8(byte));
            } else if fields.len() == header.fields {
                let builders = rows.builders.iter_mut().zip(&header.places);
                builders.for_each(|(builder, at)| builder.push(&fields[*at]));
            } else {
                let (expected, found) = (header.fields, fields.len());
                rows.lost(
                    Lost::Fields,
                    format!("expected {expected} fields, found {found}"),
                );
            }
        }
        Ok(rows.finish(self.file))
    }

    fn open_quote(&self, quote: OpenQuote) -> Diagnostic {
        let message = format!(
            "{} line {}: a quoted field has no end",
            self.file.name, quote.line
        );
        Diagnostic::error(OPEN_QUOTE, self.plan.span, message)
            .help("close it with `\"`, or double quotes that belong to it")
    }
}

pub(super) const CONVERT: &str = "convert the file to UTF-8";

pub(super) fn no_utf8(byte: u8) -> String {
    format!("byte 0x{byte:02x} is not UTF-8")
}

/// The place of each declared column among the fields.
fn columns_of(
    plan: &SourcePlan,
    file: &File,
    header: &[String],
) -> Result<Vec<usize>, Vec<Diagnostic>> {
    let (mut places, mut faults) = (Vec::new(), Vec::new());
    for column in &plan.columns {
        let mut named = (0..header.len()).filter(|at| header[*at] == column.name);
        match named.next() {
            Some(_) if named.next().is_some() => {
                faults.push(doubled(&file.name, &column.name, column.span));
            }
            Some(at) => match Builder::of_fields(column) {
                Ok(_) => places.push(at),
                Err(fault) => faults.push(fault),
            },
            None => faults.push(no_column(&file.name, &column.name, column.span, header)),
        }
    }
    if faults.is_empty() {
        Ok(places)
    } else {
        Err(faults)
    }
}

/// Why a row cannot be cut into values at all.
#[derive(Clone, Copy)]
pub(super) enum Lost {
    Bytes,
    Fields,
    Object,
}

/// The rows of a piece while they are read.
pub(super) struct Rows<'p> {
    pub(super) builders: Vec<Builder<'p>>,
    plan: &'p SourcePlan,
    rows: usize,
    first_line: usize,
    lines: Lines,
    lost: [Wrongs; 3],
}

impl<'p> Rows<'p> {
    pub(super) fn new(plan: &'p SourcePlan, builders: Vec<Builder<'p>>, first_line: usize) -> Self {
        let kind = |code, help: &str| {
            let wrongs = Wrongs::new(code, plan.span).vital();
            wrongs.with_help(Some(help.to_owned()))
        };
        Self {
            builders,
            plan,
            rows: 0,
            first_line,
            lines: Lines::From(first_line),
            lost: [
                kind(NOT_UTF8, CONVERT),
                kind(RAGGED, "a field that holds the separator is put in quotes"),
                kind(
                    NOT_OBJECT,
                    "write one object a line: `{\"user_id\": 1, \"at\": 978300760}`",
                ),
            ],
        }
    }

    /// A row begins on a line. Lines are listed only from the first row on that is not where it is expected.
    pub(super) fn begin(&mut self, line: usize) {
        match &mut self.lines {
            Lines::Listed(listed) => listed.push(line),
            Lines::From(first) if line != *first + self.rows => {
                let before = (0..self.rows).map(|row| self.first_line + row);
                self.lines = Lines::Listed(before.chain([line]).collect());
            }
            Lines::From(_) | Lines::None => {}
        }
        self.rows += 1;
    }

    /// The row that has begun has no values.
    pub(super) fn lost(&mut self, why: Lost, what: String) {
        self.lost[why as usize].add(self.rows - 1, || what);
        self.builders.iter_mut().for_each(Builder::push_missing);
    }

    pub(super) fn finish(self, file: &File) -> Piece {
        let mut wrongs: Vec<Wrongs> = self.lost.into();
        let mut columns: Vec<(String, Column)> = Vec::new();
        for (builder, column) in self.builders.into_iter().zip(&self.plan.columns) {
            let (values, found) = builder.finish();
            wrongs.extend(of_column(self.plan, &column.name, found));
            columns.push((column.name.clone(), values));
        }
        Piece {
            columns,
            part: Part {
                file: file.name.clone(),
                rows: self.rows,
                before: 0,
                lines: self.lines,
                kept: None,
            },
            wrongs,
            unread: 0,
        }
    }
}

/// What is wrong with a column, which rows may have no place without.
pub(super) fn of_column(plan: &SourcePlan, column: &str, found: [Wrongs; 2]) -> [Wrongs; 2] {
    if !is_vital(plan, column) {
        return found;
    }
    let [wrong, mut null] = found.map(Wrongs::vital);
    let mut never_null = plan.key.iter().chain(&plan.time).chain(&plan.versions);
    if never_null.any(|name| name == column) {
        null = null.with_help(Some(NEVER_NULL.to_owned()));
    }
    [wrong, null]
}

const NEVER_NULL: &str = "a key and a time are never null: mend the file, or leave such rows out with `on_bad_row: skip(max: 10)`";

/// Whether rows have no place without a column: it is part of a key or of a reference, or dates them.
fn is_vital(plan: &SourcePlan, column: &str) -> bool {
    let references = plan
        .references
        .iter()
        .flat_map(|reference| &reference.columns);
    let dates = plan.time.iter().chain(&plan.versions);
    let mut vital = plan.key.iter().chain(references).chain(dates);
    vital.any(|name| name == column)
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
