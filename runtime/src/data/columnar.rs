//! Parquet and arrow files: record batches to the declared columns.

mod arrays;

use std::fs::File as Handle;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use reckon_compiler::plan::row::RowKind;
use reckon_compiler::plan::{ColumnPlan, SourcePlan, TimeFormat};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::Column;

use super::fault::{EMPTY, UNREADABLE, WRONG_TYPE, no_column};
use super::files::File;
use super::table::{Lines, Part};
use arrays::Reader;

/// Reads the declared columns of a parquet or arrow file.
pub(crate) fn read(
    plan: &SourcePlan,
    file: &File,
    sink: &mut Vec<Diagnostic>,
) -> Option<(Vec<(String, Column)>, Part)> {
    let batches = match open(plan, file, sink) {
        Ok(batches) => batches?,
        Err(error) => {
            sink.push(unreadable(plan, file, &error));
            return None;
        }
    };
    let mut readers: Vec<Reader<'_>> = plan
        .columns
        .iter()
        .map(|column| Reader::new(column, file))
        .collect();
    let mut rows = 0;
    for batch in batches {
        let added = batch
            .map_err(|error| unreadable(plan, file, &error))
            .and_then(|batch| {
                for reader in &mut readers {
                    if let Some(array) = batch.column_by_name(&reader.plan.name) {
                        reader.add(array, rows)?;
                    }
                }
                Ok(batch.num_rows())
            });
        match added {
            Ok(more) => rows += more,
            Err(diagnostic) => {
                sink.push(diagnostic);
                return None;
            }
        }
    }
    if rows == 0 {
        sink.push(Diagnostic::error(
            EMPTY,
            plan.span,
            format!("`{}` holds no rows", file.name),
        ));
    }
    let columns = readers
        .into_iter()
        .map(|reader| (reader.plan.name.clone(), reader.finish(sink)))
        .collect();
    Some((
        columns,
        Part {
            file: file.name.clone(),
            rows,
            lines: Lines::None,
        },
    ))
}

fn unreadable(plan: &SourcePlan, file: &File, error: &ArrowError) -> Diagnostic {
    let message = format!("`{}` cannot be read: {error}", file.name);
    Diagnostic::error(UNREADABLE, plan.span, message)
}

/// The schema and all record batches of a parquet or arrow file.
pub(crate) fn batches(path: &Path) -> Result<(Arc<Schema>, Batches), ArrowError> {
    let handle = Handle::open(path)?;
    if path.extension().is_some_and(|ending| ending == "parquet") {
        let builder = ParquetRecordBatchReaderBuilder::try_new(handle)?;
        let schema = Arc::clone(builder.schema());
        return Ok((schema, Box::new(builder.build()?)));
    }
    let reader = FileReader::try_new(handle, None)?;
    Ok((reader.schema(), Box::new(reader)))
}

pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

/// Opens a file with the declared columns only; `None` where it lacks one or one is of another type.
fn open(
    plan: &SourcePlan,
    file: &File,
    sink: &mut Vec<Diagnostic>,
) -> Result<Option<Batches>, ArrowError> {
    let handle = Handle::open(&file.path)?;
    if file.name.ends_with(".parquet") {
        let builder = ParquetRecordBatchReaderBuilder::try_new(handle)?;
        let Some(kept) = projection(plan, file, builder.schema(), sink) else {
            return Ok(None);
        };
        let mask = ProjectionMask::roots(builder.parquet_schema(), kept);
        return Ok(Some(Box::new(
            builder
                .with_projection(mask)
                .with_batch_size(65_536)
                .build()?,
        )));
    }
    let reader = FileReader::try_new(handle, None)?;
    let Some(kept) = projection(plan, file, &reader.schema(), sink) else {
        return Ok(None);
    };
    let projected = FileReader::try_new(Handle::open(&file.path)?, Some(kept))?;
    Ok(Some(Box::new(projected)))
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
        match names.iter().position(|name| *name == column.name) {
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
        RowKind::Int => found.is_integer(),
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
