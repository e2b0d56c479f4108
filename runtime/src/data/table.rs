//! Tables: the declared columns of the files of a source, one after another.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use reckon_compiler::plan::SourcePlan;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::Column;

use super::cell::Builder;
use super::columnar;
use super::delimited::{OpenQuote, Records, Style};
use super::fault::{EMPTY, Faults, NOT_UTF8, OPEN_QUOTE, Place, RAGGED, UNREADABLE, no_column};
use super::files::{File, files};

/// Columns by name with the places that their rows come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) columns: BTreeMap<String, Column>,
    pub(crate) rows: usize,
    /// The parts of the table that come from one file each, in order.
    pub(crate) parts: Vec<Part>,
}

/// The rows of one file.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) file: String,
    pub(crate) rows: usize,
    pub(crate) lines: Lines,
}

/// On which line of its file a row begins.
#[derive(Clone, Debug)]
pub(crate) enum Lines {
    /// The file has no lines.
    None,
    /// Row 1 is on line 2, and so on.
    AfterHeader,
    /// Line by row.
    Listed(Vec<usize>),
}

impl Table {
    /// Where a row comes from.
    pub(crate) fn place(&self, row: usize) -> Place {
        let mut before = 0;
        for part in &self.parts {
            if row < before + part.rows {
                return part.place(row - before);
            }
            before += part.rows;
        }
        Place {
            file: String::new(),
            row: row + 1,
            line: None,
        }
    }
}

impl Part {
    fn place(&self, row: usize) -> Place {
        let line = match &self.lines {
            Lines::None => None,
            Lines::AfterHeader => Some(row + 2),
            Lines::Listed(lines) => lines.get(row).copied(),
        };
        Place {
            file: self.file.clone(),
            row: row + 1,
            line,
        }
    }
}

/// Reads all files of a source.
///
/// # Errors
/// Everything that is wrong with them.
pub(crate) fn read(plan: &SourcePlan, root: &Path) -> Result<Table, Vec<Diagnostic>> {
    let mut sink = Vec::new();
    let mut table = Table::default();
    for file in files(plan, root, &mut sink) {
        let Some((columns, part)) = read_file(plan, &file, &mut sink) else {
            continue;
        };
        for (name, column) in columns {
            match table.columns.get_mut(&name) {
                Some(all) => {
                    if !all.extend(&column) {
                        let message =
                            format!("internal: column `{name}` of {} differs in kind", file.name);
                        sink.push(Diagnostic::error(UNREADABLE, plan.span, message));
                    }
                }
                None => {
                    table.columns.insert(name, column);
                }
            }
        }
        table.rows += part.rows;
        table.parts.push(part);
    }
    if sink.iter().any(Diagnostic::is_error) {
        Err(sink)
    } else {
        Ok(table)
    }
}

type Columns = Vec<(String, Column)>;

fn read_file(
    plan: &SourcePlan,
    file: &File,
    sink: &mut Vec<Diagnostic>,
) -> Option<(Columns, Part)> {
    let ending = file.name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let style = match ending {
        "csv" => Style::Csv,
        "tsv" => Style::Tsv,
        "parquet" | "arrow" | "feather" | "ipc" => return columnar::read(plan, file, sink),
        _ => {
            let message = format!("`{}` is of no kind that can be read", file.name);
            let diagnostic = Diagnostic::error(UNREADABLE, plan.span, message);
            sink.push(
                diagnostic.note("names end in .csv, .tsv, .parquet, .arrow, .feather or .ipc"),
            );
            return None;
        }
    };
    let bytes = match fs::read(&file.path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let message = format!("`{}` cannot be read: {error}", file.name);
            sink.push(Diagnostic::error(UNREADABLE, plan.span, message));
            return None;
        }
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => read_text(plan, file, text, style, sink),
        Err(error) => {
            sink.push(not_utf8(plan, file, &bytes, error.valid_up_to(), style));
            None
        }
    }
}

fn read_text(
    plan: &SourcePlan,
    file: &File,
    text: &str,
    style: Style,
    sink: &mut Vec<Diagnostic>,
) -> Option<(Columns, Part)> {
    let mut records = Records::new(text, style);
    let header = match header(plan, file, &mut records) {
        Ok(header) => header,
        Err(diagnostic) => {
            sink.push(diagnostic);
            return None;
        }
    };
    let mut builders = builders(plan, file, &header, sink)?;
    let part = match read_rows(plan, file, &mut records, &header, &mut builders, sink) {
        Ok(part) => part,
        Err(quote) => {
            sink.push(open_quote(plan, file, quote));
            return None;
        }
    };
    if part.rows == 0 {
        let message = format!(
            "`{}` holds no rows, only the names of its columns",
            file.name
        );
        sink.push(Diagnostic::error(EMPTY, plan.span, message));
    }
    let columns = builders
        .into_iter()
        .map(|(at, builder)| (header[at].clone(), builder.finish(sink)))
        .collect();
    Some((columns, part))
}

fn header(
    plan: &SourcePlan,
    file: &File,
    records: &mut Records<'_>,
) -> Result<Vec<String>, Diagnostic> {
    let mut fields = Vec::new();
    match records.next(&mut fields) {
        Ok(Some(_)) => Ok(fields.iter().map(|name| name.trim().to_owned()).collect()),
        Ok(None) => {
            let message = format!(
                "`{}` is empty: expected a line with the names of its columns",
                file.name
            );
            Err(Diagnostic::error(EMPTY, plan.span, message))
        }
        Err(quote) => Err(open_quote(plan, file, quote)),
    }
}

fn read_rows<'t>(
    plan: &SourcePlan,
    file: &File,
    records: &mut Records<'t>,
    header: &[String],
    builders: &mut [(usize, Builder<'_>)],
    sink: &mut Vec<Diagnostic>,
) -> Result<Part, OpenQuote> {
    let mut fields: Vec<Cow<'t, str>> = Vec::new();
    let mut ragged = Faults::new(RAGGED, plan.span);
    let mut part = Part {
        file: file.name.clone(),
        rows: 0,
        lines: Lines::AfterHeader,
    };
    while let Some(line) = records.next(&mut fields)? {
        note_line(&mut part.lines, part.rows, line);
        let place = || Place {
            file: file.name.clone(),
            row: part.rows + 1,
            line: Some(line),
        };
        if fields.len() == header.len() {
            builders
                .iter_mut()
                .for_each(|(at, builder)| builder.push(&fields[*at], place));
        } else {
            ragged.add(|| {
                format!(
                    "{}: expected {} fields, found {}",
                    place(),
                    header.len(),
                    fields.len()
                )
            });
        }
        part.rows += 1;
    }
    ragged.tell(
        sink,
        Some("a field that holds the separator is put in quotes"),
    );
    Ok(part)
}

fn open_quote(plan: &SourcePlan, file: &File, quote: OpenQuote) -> Diagnostic {
    let message = format!(
        "{} line {}: a quoted field has no end",
        file.name, quote.line
    );
    Diagnostic::error(OPEN_QUOTE, plan.span, message)
        .help("close it with `\"`, or double quotes that belong to it")
}

/// A builder for each declared column with its place in the header.
fn builders<'a>(
    plan: &'a SourcePlan,
    file: &File,
    header: &[String],
    sink: &mut Vec<Diagnostic>,
) -> Option<Vec<(usize, Builder<'a>)>> {
    let before = sink.len();
    let mut builders = Vec::new();
    for column in &plan.columns {
        match header.iter().position(|name| *name == column.name) {
            Some(at) => match Builder::new(column) {
                Ok(builder) => builders.push((at, builder)),
                Err(diagnostic) => sink.push(diagnostic),
            },
            None => sink.push(no_column(&file.name, &column.name, column.span, header)),
        }
    }
    (sink.len() == before).then_some(builders)
}

/// Lists lines only from the first row on that is not where it is expected.
fn note_line(lines: &mut Lines, row: usize, line: usize) {
    match lines {
        Lines::Listed(listed) => listed.push(line),
        Lines::AfterHeader if line != row + 2 => {
            *lines = Lines::Listed((0..row).map(|row| row + 2).chain([line]).collect());
        }
        Lines::AfterHeader | Lines::None => {}
    }
}

fn not_utf8(plan: &SourcePlan, file: &File, bytes: &[u8], at: usize, style: Style) -> Diagnostic {
    let before = std::str::from_utf8(&bytes[..at]).unwrap_or_default();
    let mut records = Records::new(before, style);
    let (mut fields, mut row) = (Vec::new(), 0_usize);
    while let Ok(Some(_)) = records.next(&mut fields) {
        row += 1;
    }
    // A record that ends in a line break is complete, so the bad byte belongs to the next.
    if !before.ends_with('\n') {
        row = row.saturating_sub(1);
    }
    let line = before.matches('\n').count() + 1;
    let place = Place {
        file: file.name.clone(),
        row,
        line: Some(line),
    };
    let message = format!("{place}: byte 0x{:02x} is not UTF-8", bytes[at]);
    Diagnostic::error(NOT_UTF8, plan.span, message).help("convert the file to UTF-8")
}
