//! Files of text: their records, piece by piece on all threads, as the declared columns.
//!
//! A text is cut where lines end, unless quotes could hold line breaks. Pieces come back in the order of the file, each
//! with what is wrong in its rows, so the number of threads shows nowhere.

use std::borrow::Cow;

use rayon::prelude::*;
use reckon_compiler::plan::SourcePlan;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::Column;

use super::bad::Wrongs;
use super::cell::Builder;
use super::delimited::{OpenQuote, Records, Style};
use super::fault::{EMPTY, NOT_OBJECT, NOT_UTF8, OPEN_QUOTE, RAGGED, no_column};
use super::files::File;
use super::table::{Lines, Part, Piece};

/// About so many bytes make a piece.
pub(super) const PIECE: usize = 8 << 20;

/// The text of a file; bytes that are no UTF-8 are replaced, and known by their lines.
pub(crate) struct Text<'b> {
    pub(super) text: Cow<'b, str>,
    /// Lines with such bytes, each with the first of them, from 1 and ascending.
    broken: Vec<(usize, u8)>,
}

impl<'b> Text<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Self {
                text: Cow::Borrowed(text),
                broken: Vec::new(),
            };
        }
        let (mut line, mut broken) = (1, Vec::<(usize, u8)>::new());
        for chunk in bytes.utf8_chunks() {
            line += lines_of(chunk.valid());
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

fn lines_of(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// Pieces of about `size` bytes that end where lines do, each with the line on which it begins.
pub(super) fn cut(text: &str, first_line: usize, size: usize) -> Vec<(usize, &str)> {
    let (mut pieces, mut rest, mut line) = (Vec::new(), text, first_line);
    while rest.len() > size {
        let Some(end) = rest.as_bytes()[size..]
            .iter()
            .position(|byte| *byte == b'\n')
        else {
            break;
        };
        let (piece, after) = rest.split_at(size + end + 1);
        pieces.push((line, piece));
        line += lines_of(piece);
        rest = after;
    }
    pieces.push((line, rest));
    pieces
}

/// Reads the declared columns of a file of separated fields.
pub(crate) fn delimited(
    plan: &SourcePlan,
    file: &File,
    text: &Text<'_>,
    style: Style,
    sink: &mut Vec<Diagnostic>,
) -> Option<Vec<Piece>> {
    delimited_by(plan, file, text, style, PIECE, sink)
}

fn delimited_by(
    plan: &SourcePlan,
    file: &File,
    text: &Text<'_>,
    style: Style,
    size: usize,
    sink: &mut Vec<Diagnostic>,
) -> Option<Vec<Piece>> {
    let mut records = Records::new(&text.text, style);
    let header = match header(plan, file, text, &mut records) {
        Ok(header) => header,
        Err(diagnostic) => {
            sink.push(diagnostic);
            return None;
        }
    };
    let places = columns_of(plan, file, &header, sink)?;
    let rest = records.rest();
    let may_span_lines = style == Style::Csv && rest.contains('"');
    let size = if may_span_lines { rest.len() } else { size };
    let read = cut(rest, records.line(), size)
        .into_par_iter()
        .map(|(line, piece)| {
            let records = Records::of_part(piece, style, line);
            of_records(plan, file, text, records, &header, &places)
        });
    in_order(read.collect(), sink)
}

/// The pieces, or what is wrong with the file as a whole.
fn in_order(
    read: Vec<Result<Piece, Diagnostic>>,
    sink: &mut Vec<Diagnostic>,
) -> Option<Vec<Piece>> {
    match read.into_iter().collect() {
        Ok(pieces) => Some(pieces),
        Err(diagnostic) => {
            sink.push(diagnostic);
            None
        }
    }
}

fn header(
    plan: &SourcePlan,
    file: &File,
    text: &Text<'_>,
    records: &mut Records<'_>,
) -> Result<Vec<String>, Diagnostic> {
    let mut fields = Vec::new();
    let read = records.next(&mut fields);
    let read = read.map_err(|quote| open_quote(plan, file, quote))?;
    if let Some(byte) = text.broken_in(0, records.line()) {
        let message = format!("{} line 1: {}", file.name, no_utf8(byte));
        return Err(Diagnostic::error(NOT_UTF8, plan.span, message).help(CONVERT));
    }
    match read {
        Some(_) => Ok(fields.iter().map(|name| name.trim().to_owned()).collect()),
        None => {
            let message = format!(
                "`{}` is empty: expected a line with the names of its columns",
                file.name
            );
            Err(Diagnostic::error(EMPTY, plan.span, message))
        }
    }
}

const CONVERT: &str = "convert the file to UTF-8";

pub(super) fn no_utf8(byte: u8) -> String {
    format!("byte 0x{byte:02x} is not UTF-8")
}

/// The place of each declared column among the fields.
fn columns_of(
    plan: &SourcePlan,
    file: &File,
    header: &[String],
    sink: &mut Vec<Diagnostic>,
) -> Option<Vec<usize>> {
    let before = sink.len();
    let mut places = Vec::new();
    for column in &plan.columns {
        match header.iter().position(|name| *name == column.name) {
            Some(at) => match Builder::of_fields(column) {
                Ok(_) => places.push(at),
                Err(diagnostic) => sink.push(diagnostic),
            },
            None => sink.push(no_column(&file.name, &column.name, column.span, header)),
        }
    }
    (sink.len() == before).then_some(places)
}

fn of_records(
    plan: &SourcePlan,
    file: &File,
    text: &Text<'_>,
    mut records: Records<'_>,
    header: &[String],
    places: &[usize],
) -> Result<Piece, Diagnostic> {
    let builders: Result<Vec<Builder<'_>>, Diagnostic> =
        plan.columns.iter().map(Builder::of_fields).collect();
    let mut rows = Rows::new(plan, builders?, records.line());
    let mut fields: Vec<Cow<'_, str>> = Vec::new();
    while let Some(line) = records
        .next(&mut fields)
        .map_err(|quote| open_quote(plan, file, quote))?
    {
        let broken = text.broken_in(line, records.line().max(line + 1));
        rows.begin(line);
        if let Some(byte) = broken {
            rows.lost(Lost::Bytes, no_utf8(byte));
        } else if fields.len() == header.len() {
            let builders = rows.builders.iter_mut().zip(places);
            builders.for_each(|(builder, at)| builder.push(&fields[*at]));
        } else {
            let (expected, found) = (header.len(), fields.len());
            rows.lost(
                Lost::Fields,
                format!("expected {expected} fields, found {found}"),
            );
        }
    }
    Ok(rows.finish(file))
}

fn open_quote(plan: &SourcePlan, file: &File, quote: OpenQuote) -> Diagnostic {
    let message = format!(
        "{} line {}: a quoted field has no end",
        file.name, quote.line
    );
    Diagnostic::error(OPEN_QUOTE, plan.span, message)
        .help("close it with `\"`, or double quotes that belong to it")
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
        }
    }
}

/// What is wrong with a column, which rows may have no place without.
pub(super) fn of_column(plan: &SourcePlan, column: &str, found: [Wrongs; 2]) -> [Wrongs; 2] {
    match is_vital(plan, column) {
        true => found.map(Wrongs::vital),
        false => found,
    }
}

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
mod tests {
    use reckon_compiler::plan::row::{RowKind, RowType};
    use reckon_compiler::plan::{BadRows, ColumnPlan, Immature, SourceKind, TimeFormat};
    use reckon_grammar::span::{FileId, Span};

    use super::super::objects::json_lines_by;
    use super::*;

    fn plan() -> SourcePlan {
        let span = Span::new(FileId(0), 0, 0);
        SourcePlan {
            name: "thing".to_owned(),
            kind: SourceKind::Entity,
            paths: Vec::new(),
            columns: vec![ColumnPlan {
                name: "id".to_owned(),
                ty: RowType::new(RowKind::Str),
                time: TimeFormat::default(),
                nulls: Vec::new(),
                joined: None,
                known: Vec::new(),
                span,
            }],
            key: vec!["id".to_owned()],
            references: Vec::new(),
            time: None,
            versions: None,
            computed: Vec::new(),
            unique: Vec::new(),
            on_bad_row: BadRows::Fail,
            immature: Immature::Drop,
            span,
        }
    }

    fn file() -> File {
        File {
            name: "a".to_owned(),
            path: std::path::PathBuf::new(),
        }
    }

    /// The number of pieces, and what each row holds with the line on which it begins.
    fn rows(pieces: &[Piece]) -> (usize, Vec<(String, Option<usize>)>) {
        let of_piece = |piece: &Piece| -> Vec<(String, Option<usize>)> {
            let reckon_kernel::Data::Str(texts) = &piece.columns[0].1.data else {
                panic!("internal: the column holds texts");
            };
            let texts = texts.iter().enumerate();
            texts
                .map(|(row, text)| (text.to_owned(), piece.part.place(row).line))
                .collect()
        };
        (pieces.len(), pieces.iter().flat_map(of_piece).collect())
    }

    #[test]
    fn a_text_read_in_pieces_has_the_rows_and_lines_of_the_whole() {
        let lines: Vec<String> = (0..50)
            .map(|row| format!("thing {row}{}", "\n".repeat(row % 3)))
            .collect();
        let fields = format!("id\n{}\n", lines.join("\n"));
        let objects = lines.iter().map(|line| {
            let id = line.trim_end();
            format!("{{\"id\": \"{id}\"}}{}", &line[id.len()..])
        });
        let objects = objects.collect::<Vec<_>>().join("\n");
        let (plan, file) = (plan(), file());
        let read = |size: usize| {
            let mut sink = Vec::new();
            let text = Text::new(fields.as_bytes());
            let first = delimited_by(&plan, &file, &text, Style::Csv, size, &mut sink);
            let text = Text::new(objects.as_bytes());
            let second = json_lines_by(&plan, &file, &text, size, &mut sink);
            assert!(sink.is_empty(), "{sink:?}");
            [first, second].map(|pieces| rows(&pieces.unwrap()))
        };
        let (whole, cut) = (read(1 << 20), read(64));
        for (whole, cut) in whole.into_iter().zip(cut) {
            assert_eq!(whole.0, 1);
            assert!(cut.0 > 5, "{}", cut.0);
            assert_eq!(whole.1, cut.1);
            assert_eq!(cut.1.len(), 50);
        }
    }

    #[test]
    fn a_text_with_quotes_is_read_in_one_piece() {
        let text = format!("id\n{}\n", vec!["\"two\nlines\""; 20].join("\n"));
        let mut sink = Vec::new();
        let pieces = delimited_by(
            &plan(),
            &file(),
            &Text::new(text.as_bytes()),
            Style::Csv,
            8,
            &mut sink,
        );
        let (count, rows) = rows(&pieces.unwrap());
        assert_eq!((count, rows.len()), (1, 20));
        assert_eq!(rows[1], ("two\nlines".to_owned(), Some(4)));
    }
}
