//! Parquet and arrow files: record batches to the declared columns.

mod arrays;
mod groups;

use std::fs::File as Handle;
use std::io::{Read, Seek};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use rayon::prelude::*;
use reckon_compiler::plan::row::RowKind;
use reckon_compiler::plan::{ColumnPlan, SourcePlan, TimeFormat};
use reckon_grammar::diagnostic::Diagnostic;

use super::fault::{DAMAGED, UNREADABLE, WRONG_TYPE, doubled, no_column};
use super::files::File;
use super::format::Format;
use super::table::{Extent, Lines, Part, Piece, Taken};
use super::text::of_column;
use arrays::Reader;
use groups::{Wanted, rows_of, wanted};

/// Rows a record batch.
const BATCH: usize = 65_536;

/// Reads the declared columns of a parquet or arrow file into a table, and only what is declared; `None` where it cannot be.
pub(crate) fn read(
    plan: &SourcePlan,
    file: &File,
    (format, extent): (Format, Extent),
    taken: &mut Taken<'_>,
    sink: &mut Vec<Diagnostic>,
) -> Option<()> {
    let mut misfits = Vec::new();
    let read = match format {
        Format::Parquet => row_groups(plan, (file, extent), taken, &mut misfits),
        Format::Arrow | Format::Delimited(_) | Format::JsonLines => {
            record_batches(plan, (file, extent), taken, &mut misfits)
        }
    };
    sink.append(&mut misfits);
    match read {
        Ok(read) => read,
        Err(diagnostic) => {
            sink.push(diagnostic);
            None
        }
    }
}

/// The row groups of a parquet file, two a thread at a time, so that a large file is not in memory twice; `None` where it lacks a
/// column or one is of another type.
fn row_groups(
    plan: &SourcePlan,
    (file, extent): (&File, Extent),
    taken: &mut Taken<'_>,
    sink: &mut Vec<Diagnostic>,
) -> Result<Option<()>, Diagnostic> {
    let fault = |error: ArrowError| unreadable(plan, file, &error);
    let handle = Handle::open(&file.path).map_err(|error| fault(error.into()))?;
    let footer = ArrowReaderMetadata::load(&handle, ArrowReaderOptions::default());
    let footer = footer.map_err(|error| fault(error.into()))?;
    let Some(mut kept) = projection(plan, file, footer.schema(), sink) else {
        return Ok(None);
    };
    let field = |column: &ColumnPlan| footer.schema().column_with_name(&column.name);
    let is_skipped = |column: &ColumnPlan| {
        taken.is_unread(&column.name)
            && field(column).is_some_and(|(_, field)| {
                let nulls = field.is_nullable() && may_hold_nulls(footer.metadata(), &column.name);
                is_right(field.data_type(), nulls, column)
                    && (!field.data_type().is_floating()
                        || has_finite_bounds(footer.metadata(), &column.name))
            })
    };
    let (skipped, columns): (Vec<&ColumnPlan>, Vec<&ColumnPlan>) =
        plan.columns.iter().partition(|column| is_skipped(column));
    let skipped: Vec<usize> = skipped
        .into_iter()
        .filter_map(|column| Some(field(column)?.0))
        .collect();
    kept.retain(|at| !skipped.contains(at));
    let mask = ProjectionMask::roots(footer.parquet_schema(), kept);
    let group = |(group, before): &(usize, usize)| -> Result<Piece, Diagnostic> {
        let handle = Handle::open(&file.path).map_err(|error| fault(error.into()))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, footer.clone());
        let batches = builder
            .with_projection(mask.clone())
            .with_row_groups(vec![*group])
            .with_batch_size(BATCH)
            .build();
        let piece = piece(
            (plan, &columns),
            (file, rows_of(&footer, *group)),
            batches.map_err(|error| fault(error.into()))?,
        )?;
        Ok(Piece {
            unread: *before,
            ..piece
        })
    };
    let mut wanted = wanted((plan, file), &footer, taken.condition());
    if extent == Extent::Beginning {
        wanted.groups.truncate(1);
    }
    in_groups(&wanted, |group| rows_of(&footer, group), group, taken)?;
    Ok(Some(()))
}

/// Reads row groups, two a thread at a time.
fn in_groups(
    wanted: &Wanted,
    rows_of: impl Fn(usize) -> usize,
    read: impl Fn(&(usize, usize)) -> Result<Piece, Diagnostic> + Sync,
    taken: &mut Taken<'_>,
) -> Result<(), Diagnostic> {
    let groups = wanted.groups.iter();
    let mut coming: usize = groups.map(|(group, _)| rows_of(*group)).sum();
    for some in wanted.groups.chunks(2 * rayon::current_num_threads()) {
        let pieces: Vec<Result<Piece, Diagnostic>> = some.par_iter().map(&read).collect();
        let pieces: Vec<Piece> = pieces.into_iter().collect::<Result<_, _>>()?;
        let rows: usize = pieces.iter().map(|piece| piece.part.rows).sum();
        taken.add(pieces, coming.max(rows))?;
        coming = coming.saturating_sub(rows);
    }
    taken.leave_out(wanted.left_out, wanted.behind);
    Ok(())
}

/// The record batches of an arrow file or stream, as one piece.
fn record_batches(
    plan: &SourcePlan,
    (file, extent): (&File, Extent),
    taken: &mut Taken<'_>,
    sink: &mut Vec<Diagnostic>,
) -> Result<Option<()>, Diagnostic> {
    let fault = |error: ArrowError| unreadable(plan, file, &error);
    let (schema, _) = arrow(&file.path, None).map_err(fault)?;
    let Some(kept) = projection(plan, file, &schema, sink) else {
        return Ok(None);
    };
    let (_, batches) = arrow(&file.path, Some(kept)).map_err(fault)?;
    let most = match extent {
        Extent::Whole => usize::MAX,
        Extent::Beginning => 1,
    };
    let columns: Vec<&ColumnPlan> = plan.columns.iter().collect();
    let piece = piece((plan, &columns), (file, 0), batches.take(most))?;
    let rows = piece.part.rows;
    taken.add(vec![piece], rows)?;
    Ok(Some(()))
}

/// The columns of record batches; `expected` is the number of rows, where it is known.
fn piece(
    (plan, columns): (&SourcePlan, &[&ColumnPlan]),
    (file, expected): (&File, usize),
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
) -> Result<Piece, Diagnostic> {
    let mut readers: Vec<Reader<'_>> = columns
        .iter()
        .map(|column| Reader::new(column, (file, expected)))
        .collect();
    let mut rows = 0;
    for batch in batches {
        let batch = batch.map_err(|error| unreadable(plan, file, &error))?;
        for reader in &mut readers {
            if let Some(array) = batch.column_by_name(&reader.plan.name) {
                reader.add(array, rows)?;
            }
        }
        rows += batch.num_rows();
    }
    let (mut columns, mut wrongs) = (Vec::new(), Vec::new());
    for reader in readers {
        let name = reader.plan.name.clone();
        let (column, found) = reader.finish();
        wrongs.extend(of_column(plan, &name, found));
        columns.push((name, column));
    }
    Ok(Piece {
        columns,
        part: Part {
            file: file.name.clone(),
            rows,
            before: 0,
            lines: Lines::None,
            kept: None,
        },
        wrongs,
        unread: 0,
    })
}

fn unreadable(plan: &SourcePlan, file: &File, error: &ArrowError) -> Diagnostic {
    let message = format!("`{}` cannot be read: {error}", file.name);
    let diagnostic = Diagnostic::error(UNREADABLE, plan.span, message);
    match error {
        ArrowError::IoError(..) => diagnostic,
        _ => diagnostic.help(DAMAGED),
    }
}

/// The schema and all record batches of a parquet or arrow file.
pub(crate) fn batches(path: &Path, format: Format) -> Result<(Arc<Schema>, Batches), ArrowError> {
    match format {
        Format::Parquet => {
            let builder = ParquetRecordBatchReaderBuilder::try_new(Handle::open(path)?)?;
            let schema = Arc::clone(builder.schema());
            Ok((schema, Box::new(builder.with_batch_size(BATCH).build()?)))
        }
        Format::Arrow | Format::Delimited(_) | Format::JsonLines => arrow(path, None),
    }
}

pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

/// The schema and the record batches of an arrow file, which begins with a magic word, or of a stream, which does not.
fn arrow(path: &Path, kept: Option<Vec<usize>>) -> Result<(Arc<Schema>, Batches), ArrowError> {
    const MAGIC: &[u8; 6] = b"ARROW1";
    let mut handle = Handle::open(path)?;
    let mut start = [0; MAGIC.len()];
    let is_file = handle.read_exact(&mut start).is_ok() && start == *MAGIC;
    handle.rewind()?;
    if is_file {
        let reader = FileReader::try_new_buffered(handle, kept)?;
        return Ok((reader.schema(), Box::new(reader)));
    }
    let reader = StreamReader::try_new_buffered(handle, kept)?;
    Ok((reader.schema(), Box::new(reader)))
}

fn projection(
    plan: &SourcePlan,
    file: &File,
    schema: &Schema,
    sink: &mut Vec<Diagnostic>,
) -> Option<Vec<usize>> {
    let names: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let before = sink.len();
    let mut kept = Vec::new();
    for column in &plan.columns {
        let mut named = (0..names.len()).filter(|at| names[*at] == column.name);
        match named.next() {
            Some(_) if named.next().is_some() => {
                sink.push(doubled(&file.name, &column.name, column.span));
            }
            Some(at) if holds(schema.field(at), column) => kept.push(at),
            Some(at) => {
                let found = schema.field(at).data_type();
                let message = format!(
                    "{}: column `{}` expects {}, the file has {found}",
                    file.name, column.name, column.ty.kind
                );
                sink.push(Diagnostic::error(WRONG_TYPE, column.span, message));
            }
            None => sink.push(no_column(&file.name, &column.name, column.span, &names)),
        }
    }
    kept.sort_unstable();
    kept.dedup();
    (sink.len() == before).then_some(kept)
}

/// Whether a footer leaves it open that a column holds nulls.
fn may_hold_nulls(footer: &ParquetMetaData, column: &str) -> bool {
    let mut statistics = statistics(footer, column);
    statistics.any(|of| of.and_then(Statistics::null_count_opt) != Some(0))
}

/// Whether a footer says of a column of floats that none of them is infinite.
fn has_finite_bounds(footer: &ParquetMetaData, column: &str) -> bool {
    let is_finite = |bound: Option<f64>| bound.is_some_and(f64::is_finite);
    let mut statistics = statistics(footer, column);
    statistics.all(|of| match of {
        Some(Statistics::Float(of)) => [of.min_opt(), of.max_opt()]
            .into_iter()
            .all(|bound| is_finite(bound.copied().map(f64::from))),
        Some(Statistics::Double(of)) => [of.min_opt(), of.max_opt()]
            .into_iter()
            .all(|bound| is_finite(bound.copied())),
        Some(_) | None => false,
    })
}

/// What a footer says of each chunk of a column.
fn statistics<'f>(
    footer: &'f ParquetMetaData,
    column: &'f str,
) -> impl Iterator<Item = Option<&'f Statistics>> {
    let chunks = footer
        .row_groups()
        .iter()
        .flat_map(RowGroupMetaData::columns);
    let of_column = chunks.filter(move |chunk| {
        let path = chunk.column_path().parts();
        path.first().is_some_and(|name| name == column)
    });
    of_column.map(|chunk| chunk.statistics())
}

/// Whether no value of the type can be wrong in a column, so that one that nothing reads need not be decoded.
fn is_right(found: &DataType, may_hold_nulls: bool, column: &ColumnPlan) -> bool {
    let nullable = column.ty.nullable;
    if !nullable && (may_hold_nulls || !column.nulls.is_empty()) {
        return false;
    }
    // A number of 32 bits is one of 64, and in any unit a time.
    let is_small = found.is_integer() && !matches!(found, DataType::Int64 | DataType::UInt64);
    let is_wide = *found == DataType::Int64;
    match &column.ty.kind {
        RowKind::Int => is_small || is_wide,
        RowKind::Str => true,
        RowKind::Bool => *found == DataType::Boolean,
        // A float may be no number, which is read as null; whether one is infinite the footer tells.
        RowKind::Float => nullable || found.is_integer(),
        RowKind::Time => match column.time {
            TimeFormat::Text { .. } => false,
            TimeFormat::Micros => is_small || is_wide || is_fine(found),
            TimeFormat::Seconds | TimeFormat::Millis => is_small || is_fine(found),
        },
        RowKind::Duration => is_small || is_fine(found),
        // A list may be endless.
        RowKind::List(_) => false,
    }
}

/// Whether each value of the type is a number of microseconds.
fn is_fine(found: &DataType) -> bool {
    use TimeUnit::{Microsecond, Nanosecond};
    matches!(
        found,
        DataType::Timestamp(Microsecond | Nanosecond, _)
            | DataType::Duration(Microsecond | Nanosecond)
    )
}

fn holds(field: &Field, column: &ColumnPlan) -> bool {
    let texts = matches!(column.time, TimeFormat::Text { .. });
    is_read_as(field.data_type(), &column.ty.kind, texts)
}

/// Whether values of an arrow type are read as values of a kind. `texts` says that times are texts.
fn is_read_as(found: &DataType, kind: &RowKind, texts: bool) -> bool {
    let found = match found {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    let text = matches!(
        found,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    );
    match kind {
        RowKind::Int => found.is_integer() || found.is_floating(),
        RowKind::Float => found.is_numeric(),
        RowKind::Bool => *found == DataType::Boolean || found.is_integer(),
        RowKind::Str => text,
        RowKind::Time if texts => text,
        RowKind::Time => found.is_temporal() || found.is_integer() || found.is_floating(),
        RowKind::Duration => matches!(found, DataType::Duration(_)) || found.is_numeric(),
        RowKind::List(of) => match found {
            DataType::List(field)
            | DataType::LargeList(field)
            | DataType::FixedSizeList(field, _) => is_read_as(field.data_type(), of, false),
            _ => false,
        },
    }
}
