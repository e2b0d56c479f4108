//! Arrow arrays to the values of a declared column.

use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use arrow::util::display::array_value_to_string;
use reckon_compiler::plan::row::RowKind;
use reckon_compiler::plan::{ColumnPlan, TimeFormat};
use reckon_compiler::value::Value;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Column, Data, Lists, Texts};

use crate::data::bad::Wrongs;
use crate::data::cell::{EXACT, LONGEST_LIST, help_for_numbers, pattern, shortened};
use crate::data::fault::{NULL, WRONG_TYPE};
use crate::data::files::File;
use crate::data::time::from_float;

/// Collects the values of a column.
pub(super) struct Reader<'a> {
    pub(super) plan: &'a ColumnPlan,
    file: &'a File,
    column: Column,
    wrong: Wrongs,
    null: Wrongs,
}

impl<'a> Reader<'a> {
    /// For about so many rows of a file.
    pub(super) fn new(plan: &'a ColumnPlan, (file, rows): (&'a File, usize)) -> Self {
        let mut column = Column::new(Data::empty(&plan.ty.kind));
        column.reserve(rows);
        Self {
            plan,
            file,
            column,
            wrong: Wrongs::new(WRONG_TYPE, plan.span),
            null: Wrongs::new(NULL, plan.span),
        }
    }

    /// Adds a batch whose first row is row `before` of the piece, from 0.
    pub(super) fn add(&mut self, array: &ArrayRef, before: usize) -> Result<(), Diagnostic> {
        let column = match (&self.plan.ty.kind, &self.plan.time) {
            (RowKind::Time, TimeFormat::Text { .. }) => self.texts_as_times(array, before)?,
            (RowKind::Bool, _) if *array.data_type() != DataType::Boolean => {
                self.integers_as_truth(array, before)?
            }
            (kind, format) => {
                let column = self.convert(array, kind, format)?;
                self.tell_lost(array, &column, before);
                column
            }
        };
        let column = self.without_sentinels(column);
        let mut column = self.without_endless_lists(column, before);
        if !self.plan.ty.nullable {
            let (name, ty) = (&self.plan.name, &self.plan.ty.kind);
            let told = |row: &usize| self.wrong.has(before + row);
            let nulls = (0..column.len()).filter(|row| column.is_null(*row) && !told(row));
            for row in nulls {
                self.null.add(before + row, || {
                    format!("column `{name}` expects {ty}, found null")
                });
            }
            // What is null holds the default, which stays where the source's policy is to keep such rows.
            column.valid = None;
        }
        if self.column.extend(&column) {
            Ok(())
        } else {
            Err(self.unlike(array))
        }
    }

    pub(super) fn finish(self) -> (Column, [Wrongs; 2]) {
        let help = format!(
            "write `{}: {}?` where values may be missing",
            self.plan.name, self.plan.ty.kind
        );
        let wrong = self.wrong.with_help(help_for_numbers(self.plan));
        (self.column, [wrong, self.null.with_help(Some(help))])
    }

    fn unlike(&self, array: &ArrayRef) -> Diagnostic {
        let (name, ty, found) = (&self.plan.name, &self.plan.ty.kind, array.data_type());
        let message = format!(
            "{}: column `{name}` expects {ty}, the file has {found}",
            self.file.name
        );
        Diagnostic::error(WRONG_TYPE, self.plan.span, message)
    }

    fn cast(&self, array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Diagnostic> {
        cast(array, to).map_err(|_| self.unlike(array))
    }

    fn convert(
        &self,
        array: &ArrayRef,
        kind: &RowKind,
        format: &TimeFormat,
    ) -> Result<Column, Diagnostic> {
        let valid = validity(array);
        let data = match kind {
            RowKind::Int if array.data_type().is_floating() => {
                return Ok(wholes(&self.cast(array, &DataType::Float64)?));
            }
            RowKind::Int => {
                let array = self.cast(array, &DataType::Int64)?;
                return Ok(Column::with_validity(
                    Data::Int(ints(&array)),
                    validity(&array),
                ));
            }
            RowKind::Float => {
                return Ok(finite(
                    floats(&self.cast(array, &DataType::Float64)?),
                    valid,
                ));
            }
            RowKind::Bool => {
                let array = self.cast(array, &DataType::Boolean)?;
                Data::Bool(
                    array
                        .as_boolean()
                        .iter()
                        .map(Option::unwrap_or_default)
                        .collect(),
                )
            }
            RowKind::Str => Data::Str(self.texts(array)?),
            RowKind::Time | RowKind::Duration => return self.times(array, kind, format),
            RowKind::List(of) => return self.lists(array, of, format),
        };
        Ok(Column::with_validity(data, valid))
    }

    fn texts(&self, array: &ArrayRef) -> Result<Texts, Diagnostic> {
        let array = self.cast(array, &DataType::LargeUtf8)?;
        Ok(array
            .as_string::<i64>()
            .iter()
            .map(Option::unwrap_or_default)
            .collect())
    }

    fn times(
        &self,
        array: &ArrayRef,
        kind: &RowKind,
        format: &TimeFormat,
    ) -> Result<Column, Diagnostic> {
        let unit = match format {
            TimeFormat::Seconds | TimeFormat::Text { .. } => 1_000_000,
            TimeFormat::Millis => 1_000,
            TimeFormat::Micros => 1,
        };
        if array.data_type().is_temporal() {
            let to = match kind {
                RowKind::Duration => DataType::Duration(TimeUnit::Microsecond),
                _ => DataType::Timestamp(TimeUnit::Microsecond, None),
            };
            let micros = self.cast(&self.cast(array, &to)?, &DataType::Int64)?;
            return Ok(Column::with_validity(
                Data::Int(ints(&micros)),
                validity(&micros),
            ));
        }
        let found: Vec<Option<i64>> = if array.data_type().is_integer() {
            let array = self.cast(array, &DataType::Int64)?;
            let values = array.as_primitive::<Int64Type>().iter();
            let micros = values.map(|value| value.and_then(|value| value.checked_mul(unit)));
            micros.collect()
        } else {
            let array = self.cast(array, &DataType::Float64)?;
            let values = array.as_primitive::<Float64Type>().iter();
            let micros = values.map(|value| value.and_then(|value| from_float(value, unit)));
            micros.collect()
        };
        let valid = found.iter().map(Option::is_some).collect();
        let micros = found.into_iter().map(Option::unwrap_or_default).collect();
        Ok(Column::with_validity(Data::Int(micros), Some(valid)))
    }

    fn lists(
        &self,
        array: &ArrayRef,
        of: &RowKind,
        format: &TimeFormat,
    ) -> Result<Column, Diagnostic> {
        let element = match array.data_type() {
            DataType::List(field)
            | DataType::LargeList(field)
            | DataType::FixedSizeList(field, _) => field.clone(),
            _ => return Err(self.unlike(array)),
        };
        let large = self.cast(array, &DataType::LargeList(element))?;
        let large = large.as_list::<i64>();
        let all = self.convert(large.values(), of, format)?;
        let lost: BTreeSet<usize> = self.lost(large.values(), of, &all).into_iter().collect();
        let (mut kept, mut offsets, mut valid) = (Vec::new(), vec![0], Vec::new());
        for row in 0..large.len() {
            let range =
                large.value_offsets()[row] as usize..large.value_offsets()[row + 1] as usize;
            valid.push(large.is_valid(row) && lost.range(range.clone()).next().is_none());
            if valid[row] {
                // Lists are without nulls, so those among the elements are left out.
                kept.extend(range.filter(|at| !all.is_null(*at)).map(|at| at as u32));
            }
            offsets.push(kept.len());
        }
        let lists = Lists {
            offsets,
            values: Box::new(all.take(&kept).data),
        };
        Ok(Column::with_validity(Data::List(lists), Some(valid)))
    }

    /// The places of values that a column of this kind cannot hold: null there, and not in the file.
    fn lost(&self, array: &ArrayRef, kind: &RowKind, column: &Column) -> Vec<usize> {
        let nulls = array.logical_nulls();
        let of_file = nulls.as_ref().map_or(0, |nulls| nulls.null_count());
        let valid = column.valid.as_deref().unwrap_or_default();
        let missing = valid.iter().filter(|valid| !**valid).count();
        if missing == of_file {
            return Vec::new();
        }
        let floating = *kind == RowKind::Float || array.data_type().is_floating();
        let floats = floating
            .then(|| cast(array, &DataType::Float64).ok())
            .flatten();
        let floats = floats
            .as_ref()
            .map(|array| array.as_primitive::<Float64Type>().values());
        // A float that is no number stands for null.
        let null_in_file = |row: usize| {
            nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
                || floats.is_some_and(|floats| floats[row].is_nan())
        };
        let rows = (0..column.len()).filter(|row| column.is_null(*row) && !null_in_file(*row));
        rows.collect()
    }

    /// Tells of each row whose value the column cannot hold.
    fn tell_lost(&mut self, array: &ArrayRef, column: &Column, before: usize) {
        for row in self.lost(array, &self.plan.ty.kind, column) {
            let found = shown(array, row);
            self.mistaken(before + row, &found);
        }
    }

    fn texts_as_times(&mut self, array: &ArrayRef, before: usize) -> Result<Column, Diagnostic> {
        let pattern = pattern(self.plan)?;
        let texts = self.texts(array)?;
        let (mut micros, mut valid) = (
            Vec::with_capacity(texts.len()),
            Vec::with_capacity(texts.len()),
        );
        for (row, text) in texts.iter().enumerate() {
            let parsed = if array.is_valid(row) {
                pattern.parse(text)
            } else {
                None
            };
            if array.is_valid(row) && parsed.is_none() {
                self.mistaken(before + row, text);
            }
            micros.push(parsed.unwrap_or_default());
            valid.push(parsed.is_some() || (array.is_valid(row) && !self.plan.ty.nullable));
        }
        Ok(Column::with_validity(Data::Int(micros), Some(valid)))
    }

    fn integers_as_truth(&mut self, array: &ArrayRef, before: usize) -> Result<Column, Diagnostic> {
        let numbers = self.cast(array, &DataType::Int64)?;
        let values: Vec<Option<i64>> = numbers.as_primitive::<Int64Type>().iter().collect();
        let is_truth = |row: usize| matches!(values[row], Some(0 | 1));
        for row in (0..array.len()).filter(|row| array.is_valid(*row) && !is_truth(*row)) {
            let found = shown(array, row);
            self.mistaken(before + row, &found);
        }
        let nullable = self.plan.ty.nullable;
        let valid = (0..array.len())
            .map(|row| array.is_valid(row) && (is_truth(row) || !nullable))
            .collect();
        Ok(Column::with_validity(
            Data::Bool(values.iter().map(|value| *value == Some(1)).collect()),
            Some(valid),
        ))
    }

    fn mistaken(&mut self, row: usize, found: &str) {
        let (name, ty) = (&self.plan.name, &self.plan.ty.kind);
        self.wrong.add(row, || {
            format!("column `{name}` expects {ty}, found `{}`", shortened(found))
        });
    }

    /// Makes lists null that are longer than any that is meant.
    fn without_endless_lists(&mut self, mut column: Column, before: usize) -> Column {
        let Data::List(lists) = &column.data else {
            return column;
        };
        let endless = |row: &usize| lists.range(*row).len() > LONGEST_LIST;
        let endless: Vec<usize> = (0..lists.len()).filter(endless).collect();
        if endless.is_empty() {
            return column;
        }
        let mut valid = column
            .valid
            .take()
            .unwrap_or_else(|| vec![true; lists.len()]);
        let (name, ty) = (&self.plan.name, &self.plan.ty.kind);
        for row in endless {
            let length = lists.range(row).len();
            self.wrong.add(before + row, || {
                format!("column `{name}` expects {ty}, found a list of {length}, more than {LONGEST_LIST}")
            });
            valid[row] = false;
        }
        Column::with_validity(column.data, Some(valid))
    }

    /// What a number of the file is multiplied with, where it is a time.
    fn unit(&self) -> i64 {
        match (&self.plan.ty.kind, &self.plan.time) {
            (RowKind::Time, TimeFormat::Seconds) | (RowKind::Duration, _) => 1_000_000,
            (RowKind::Time, TimeFormat::Millis) => 1_000,
            (RowKind::Time, TimeFormat::Micros | TimeFormat::Text { .. })
            | (
                RowKind::Int | RowKind::Float | RowKind::Bool | RowKind::Str | RowKind::List(_),
                _,
            ) => 1,
        }
    }

    /// The column with the values that stand for null made null.
    fn without_sentinels(&self, column: Column) -> Column {
        if self.plan.nulls.is_empty() {
            return column;
        }
        let stands = |row: usize| {
            self.plan
                .nulls
                .iter()
                .any(|null| is_value(&column.data, row, null, self.unit()))
        };
        let valid = (0..column.len())
            .map(|row| !column.is_null(row) && !stands(row))
            .collect();
        Column::with_validity(column.data, Some(valid))
    }
}

/// A value as text; a time, which may lie beyond all dates, as its number.
fn shown(array: &ArrayRef, row: usize) -> String {
    let value = array.slice(row, 1);
    let value = match value.data_type().is_temporal() {
        true => cast(&value, &DataType::Int64).unwrap_or(value),
        false => value,
    };
    array_value_to_string(&value, 0).unwrap_or_default()
}

fn validity(array: &ArrayRef) -> Option<Vec<bool>> {
    array
        .is_nullable()
        .then(|| (0..array.len()).map(|row| array.is_valid(row)).collect())
}

fn ints(array: &ArrayRef) -> Vec<i64> {
    let array = array.as_primitive::<Int64Type>();
    if array.null_count() == 0 {
        return array.values().to_vec();
    }
    array.iter().map(Option::unwrap_or_default).collect()
}

fn floats(array: &ArrayRef) -> Vec<f64> {
    let array = array.as_primitive::<Float64Type>();
    if array.null_count() == 0 {
        return array.values().to_vec();
    }
    array.iter().map(Option::unwrap_or_default).collect()
}

/// Floats that are finite; others are null.
fn finite(mut values: Vec<f64>, valid: Option<Vec<bool>>) -> Column {
    if values.iter().all(|value| value.is_finite()) {
        return Column::with_validity(Data::Float(values), valid);
    }
    let mut valid = valid.unwrap_or_else(|| vec![true; values.len()]);
    for (value, valid) in values.iter_mut().zip(&mut valid) {
        if !value.is_finite() {
            (*value, *valid) = (0.0, false);
        }
    }
    Column::with_validity(Data::Float(values), Some(valid))
}

/// Whole numbers that are stored as floats, as writers do that know no missing integers; others are null.
fn wholes(array: &ArrayRef) -> Column {
    let whole = |value: f64| (value.fract() == 0.0 && value.abs() < EXACT).then_some(value as i64);
    let values = array.as_primitive::<Float64Type>().iter();
    let found: Vec<Option<i64>> = values.map(|value| value.and_then(whole)).collect();
    let valid = found.iter().map(Option::is_some).collect();
    let values = found.into_iter().map(Option::unwrap_or_default).collect();
    Column::with_validity(Data::Int(values), Some(valid))
}

fn is_value(data: &Data, row: usize, value: &Value, unit: i64) -> bool {
    match (data, value) {
        (Data::Int(values), Value::Int(value)) => values[row] == value.saturating_mul(unit),
        (Data::Float(values), value) => value.as_f64() == Some(values[row]),
        (Data::Bool(values), Value::Bool(value)) => values[row] == *value,
        (Data::Str(texts), Value::Str(text) | Value::Word(text)) => texts.get(row) == text,
        (Data::Int(_) | Data::Bool(_) | Data::Str(_) | Data::List(_), _) => false,
    }
}
