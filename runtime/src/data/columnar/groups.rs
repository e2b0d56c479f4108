//! The row groups of a parquet file whose rows may pass the condition of a source, by the bounds in the footer.

use arrow::array::Array;
use arrow::compute::concat;
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use reckon_compiler::plan::row::RowKind;
use reckon_compiler::plan::{ColumnPlan, SourcePlan, TimeFormat};

use super::arrays::Reader;
use crate::data::bounds::Bounds;
use crate::data::condition::{Condition, LeftOut};
use crate::data::files::File;

/// The row groups to read, each with the rows between it and the one before.
pub(super) struct Wanted {
    pub(super) groups: Vec<(usize, usize)>,
    pub(super) left_out: LeftOut,
    /// The rows behind the last of them.
    pub(super) behind: usize,
}

/// The row groups of a file in which a row may pass.
pub(super) fn wanted(
    (plan, file): (&SourcePlan, &File),
    footer: &ArrowReaderMetadata,
    condition: Option<&Condition>,
) -> Wanted {
    let mut wanted = Wanted {
        groups: Vec::new(),
        left_out: LeftOut::default(),
        behind: 0,
    };
    for group in 0..footer.metadata().num_row_groups() {
        let of = |column: &str| {
            let mut declared = plan.columns.iter();
            let column = declared.find(|of| of.name == column);
            let bounds = column.and_then(|column| bounds((column, file), footer, group));
            bounds.unwrap_or(Bounds::OPEN)
        };
        if condition.is_none_or(|condition| condition.may_pass(of)) {
            wanted.groups.push((group, wanted.behind));
            wanted.behind = 0;
        } else {
            let rows = rows_of(footer, group);
            wanted.behind += rows;
            wanted.left_out.rows += rows;
            wanted.left_out.row_groups += 1;
        }
    }
    wanted
}

pub(super) fn rows_of(footer: &ArrowReaderMetadata, group: usize) -> usize {
    let rows = footer.metadata().row_group(group).num_rows();
    usize::try_from(rows).unwrap_or_default()
}

/// The bounds of a column in a row group, read as its values are; `None` where the footer does not hold them, or where one between
/// them could be read as something else: as null, or as wrong.
fn bounds(
    (column, file): (&ColumnPlan, &File),
    footer: &ArrowReaderMetadata,
    group: usize,
) -> Option<Bounds> {
    let schema = footer.schema();
    let field = schema.field_with_name(&column.name).ok()?;
    if !is_ordered(field.data_type(), column) {
        return None;
    }
    let metadata = footer.metadata();
    let parquet = metadata.file_metadata().schema_descr();
    let converter = StatisticsConverter::try_new(&column.name, schema, parquet).ok()?;
    let chunk = metadata.row_group(group);
    let at = converter.parquet_column_index()?;
    if chunk.column(at).statistics()?.is_min_max_deprecated() {
        return None;
    }
    let converter = converter.with_missing_null_counts_as_zero(false);
    let nulls = converter.row_group_null_counts([chunk]).ok()?;
    let null = nulls.is_null(0) || nulls.value(0) > 0 || !column.nulls.is_empty();
    if null && !column.ty.nullable {
        return None;
    }
    let least = converter.row_group_mins([chunk]).ok()?;
    let greatest = converter.row_group_maxes([chunk]).ok()?;
    let limits = concat(&[&least, &greatest]).ok()?;
    let mut reader = Reader::new(column, (file, limits.len()));
    reader.add(&limits, 0).ok()?;
    let (limits, wrongs) = reader.finish();
    if wrongs.iter().any(|wrongs| !wrongs.is_none()) {
        return None;
    }
    Bounds::of(&limits, null || column.ty.nullable)
}

/// Whether values are in the same order as they are in the file, and all between two that can be read can be.
fn is_ordered(found: &DataType, column: &ColumnPlan) -> bool {
    let found = match found {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    match &column.ty.kind {
        RowKind::Int | RowKind::Duration => found.is_integer(),
        // A float that is no number is read as null.
        RowKind::Float => found.is_integer() || (found.is_floating() && column.ty.nullable),
        RowKind::Bool => *found == DataType::Boolean || found.is_integer(),
        RowKind::Str => matches!(
            found,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        ),
        RowKind::Time => match column.time {
            TimeFormat::Text { .. } => false,
            TimeFormat::Seconds | TimeFormat::Millis | TimeFormat::Micros => {
                found.is_integer() || matches!(found, DataType::Timestamp(..))
            }
        },
        RowKind::List(_) => false,
    }
}
