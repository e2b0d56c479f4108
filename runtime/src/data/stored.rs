//! Columns that a run computes: put into their source, with the statistics and row programs that waited for them, and kept
//! as files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use rayon::prelude::*;
use reckon_compiler::plan::row::{Inst, Kernel, RowKind};
use reckon_compiler::plan::{ColumnRef, Domain, FitKind, FitPlan, Plan, StoredPlan};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Column, Data, Fitted, RowProgram};

use super::fault::FITTED;
use super::program::source_named;
use super::{Dataset, fit, program, stop_on_error};

/// The values of a column of a run, with the fold of each row where there are folds.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredValues {
    /// One value a row of the source, null where the column does not reach.
    pub values: Column,
    /// The fold, from 0, of each row that has a value.
    pub folds: Option<Column>,
}

impl Dataset {
    /// Whether a column of the run has been computed.
    pub fn has_stored(&self, column: &StoredPlan) -> bool {
        self.source(&column.source)
            .is_some_and(|source| source.columns.contains_key(&column.name))
    }

    /// Puts a computed column in its place, and makes what waited for it.
    ///
    /// # Errors
    /// A statistic or a row program over the column that cannot be computed.
    pub fn store(
        &mut self,
        plan: &Plan,
        column: &StoredPlan,
        stored: StoredValues,
    ) -> Result<(), Vec<Diagnostic>> {
        self.place(column, stored);
        self.complete(plan)
    }

    /// Puts a column of a loop in its place, with the values of another day: statistics by group and row programs over it are
    /// made anew. Vocabularies, borders of buckets and scales over it stay as the first day has made them.
    ///
    /// # Errors
    /// As [`Dataset::store`].
    pub(crate) fn renew(
        &mut self,
        plan: &Plan,
        column: &StoredPlan,
        stored: StoredValues,
    ) -> Result<(), Vec<Diagnostic>> {
        let name = (column.source.clone(), column.name.clone());
        for (at, fit) in plan.fits.iter().enumerate() {
            if matches!(fit.kind, FitKind::Groups { .. })
                && plan.stored_behind_fit(at).contains(&name)
            {
                self.fits[at] = Fitted::Waiting;
            }
        }
        self.place(column, stored);
        self.refresh(plan, |kernel, output| {
            plan.stored_behind(&kernel.source, output).contains(&name)
        })
    }

    /// The values of a column that has been computed.
    pub fn stored(&self, column: &StoredPlan) -> Option<StoredValues> {
        let columns = &self.source(&column.source)?.columns;
        Some(StoredValues {
            values: columns.get(&column.name)?.clone(),
            folds: columns.get(&StoredPlan::fold_column(&column.name)).cloned(),
        })
    }

    pub(super) fn place(&mut self, column: &StoredPlan, stored: StoredValues) {
        let source = self
            .sources
            .iter_mut()
            .find(|source| source.name == column.source);
        let Some(source) = source else { return };
        if let Some(folds) = stored.folds {
            source
                .columns
                .insert(StoredPlan::fold_column(&column.name), folds);
        }
        source.columns.insert(column.name.clone(), stored.values);
    }

    /// Fits every statistic and computes every output whose columns are there, unless it has been done.
    pub(super) fn complete(&mut self, plan: &Plan) -> Result<(), Vec<Diagnostic>> {
        let missing: BTreeSet<ColumnRef> = plan
            .columns
            .iter()
            .filter(|column| !self.has_stored(column))
            .map(|column| (column.source.clone(), column.name.clone()))
            .collect();
        self.fit_ready(plan, &missing)?;
        if !plan.columns.is_empty() {
            // Rows that are made while a run goes have the outputs that there are by then.
            let there = |kernel: &Kernel| {
                only(kernel, |name| {
                    plan.stored_behind(&kernel.source, name)
                        .is_disjoint(&missing)
                })
            };
            self.kernels = plan
                .kernels
                .iter()
                .map(there)
                .map(RowProgram::new)
                .collect();
        }
        let ready = |kernel: &Kernel| {
            let source = source_named(&self.sources, &kernel.source)?;
            let wanted = |name: &str| {
                !source.outputs.contains_key(name)
                    && plan
                        .stored_behind(&kernel.source, name)
                        .is_disjoint(&missing)
            };
            Some(only(kernel, wanted)).filter(|part| !part.outputs.is_empty())
        };
        let ready: Vec<RowProgram> = plan
            .kernels
            .iter()
            .filter_map(ready)
            .map(RowProgram::new)
            .collect();
        for (name, outputs) in self.run_programs(plan, &ready)? {
            if let Some(source) = self.sources.iter_mut().find(|source| source.name == name) {
                source.outputs.extend(outputs);
            }
        }
        Ok(())
    }

    /// Fits what no column is missing for, at once what does not read one another.
    fn fit_ready(
        &mut self,
        plan: &Plan,
        missing: &BTreeSet<ColumnRef>,
    ) -> Result<(), Vec<Diagnostic>> {
        let counted = fit::Counted::default();
        loop {
            let waits = |at: usize| self.fits[at] == Fitted::Waiting;
            let ready: Vec<usize> = (0..plan.fits.len())
                .filter(|at| waits(*at) && plan.stored_behind_fit(*at).is_disjoint(missing))
                .filter(|at| !fits_behind(&plan.fits[*at]).any(waits))
                .collect();
            if ready.is_empty() {
                return Ok(());
            }
            let given = (&self.sources[..], &self.fits[..]);
            let fitted: Vec<Result<Fitted, Diagnostic>> = ready
                .par_iter()
                .map(|at| &plan.fits[*at])
                .map(|of| fit::fit(of, given, self.until(of), &counted))
                .collect();
            for (at, fitted) in ready.into_iter().zip(fitted) {
                self.fits[at] = fitted.map_err(|diagnostic| vec![diagnostic])?;
            }
        }
    }

    /// The outputs of row programs, by source.
    fn run_programs(
        &self,
        plan: &Plan,
        programs: &[RowProgram],
    ) -> Result<Vec<(String, Outputs)>, Vec<Diagnostic>> {
        let run = |program: &RowProgram| {
            let kernel = program.kernel();
            let Some(source) = plan.source(&kernel.source) else {
                return Ok((kernel.source.clone(), Outputs::new()));
            };
            let outputs = program::outputs(program, &self.sources, &self.fits, source.span)?;
            Ok((kernel.source.clone(), outputs))
        };
        let results: Vec<Result<(String, Outputs), Diagnostic>> =
            programs.par_iter().map(run).collect();
        let (mut sink, mut outputs) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Ok(output) => outputs.push(output),
                Err(diagnostic) => sink.push(diagnostic),
            }
        }
        stop_on_error(sink)?;
        Ok(outputs)
    }
}

type Outputs = BTreeMap<String, Column>;

/// The statistics that the row programs of one read.
fn fits_behind(of: &FitPlan) -> impl Iterator<Item = usize> {
    let counted = match &of.domain {
        Domain::Loss { rows, .. } => Some(&rows.kernel),
        Domain::Referred { .. } | Domain::Catalogue { .. } | Domain::Events { .. } => None,
    };
    let kernels = std::iter::once(&of.kernel).chain(counted);
    kernels
        .flat_map(|kernel| &kernel.code)
        .filter_map(|inst| inst.op.fit())
}

/// The part of a kernel that some of its outputs need.
fn only(kernel: &Kernel, wanted: impl Fn(&str) -> bool) -> Kernel {
    let outputs = kernel.outputs.iter().filter(|(name, _)| wanted(name));
    let outputs: Vec<(String, usize)> = outputs.cloned().collect();
    let mut needed = vec![false; kernel.code.len()];
    outputs.iter().for_each(|(_, at)| needed[*at] = true);
    for at in (0..kernel.code.len()).rev().collect::<Vec<_>>() {
        if needed[at] {
            kernel.code[at]
                .args
                .iter()
                .for_each(|arg| needed[*arg] = true);
        }
    }
    let mut places = vec![0; kernel.code.len()];
    let mut code: Vec<Inst> = Vec::new();
    for (at, inst) in kernel.code.iter().enumerate().filter(|(at, _)| needed[*at]) {
        places[at] = code.len();
        let args = inst.args.iter().map(|arg| places[*arg]).collect();
        code.push(Inst {
            args,
            ..inst.clone()
        });
    }
    let outputs = outputs.into_iter().map(|(name, at)| (name, places[at]));
    Kernel {
        source: kernel.source.clone(),
        code,
        outputs: outputs.collect(),
    }
}

/// The name of the file of a column in a checkpoint.
fn file_name(column: &StoredPlan) -> String {
    format!("column-{}-{}.arrow", column.source, column.name)
}

/// The computed columns as files by name.
///
/// # Errors
/// A column that arrow does not write.
pub(crate) fn files(plan: &Plan, data: &Dataset) -> Result<BTreeMap<String, Vec<u8>>, Diagnostic> {
    let mut files = BTreeMap::new();
    for column in &plan.columns {
        let Some(stored) = data.stored(column) else {
            continue;
        };
        let bytes = bytes(&stored)
            .map_err(|error| unusable(column, &format!("cannot be written: {error}")))?;
        files.insert(file_name(column), bytes);
    }
    Ok(files)
}

/// The columns that a checkpoint folder holds, of those of the plan.
///
/// # Errors
/// A file that is broken or of another kind.
pub(crate) fn load<'p>(
    dir: &Path,
    plan: &'p Plan,
) -> Result<Vec<(&'p StoredPlan, StoredValues)>, Diagnostic> {
    let mut found = Vec::new();
    for column in &plan.columns {
        let path = dir.join(file_name(column));
        if !path.exists() {
            continue;
        }
        let read = || -> Result<RecordBatch, ArrowError> {
            let mut reader = FileReader::try_new(std::fs::File::open(&path)?, None)?;
            reader
                .next()
                .ok_or_else(|| ArrowError::IpcError("the file is empty".to_owned()))?
        };
        let batch =
            read().map_err(|error| unusable(column, &format!("cannot be read: {error}")))?;
        let stored = stored_in(&batch, &column.kind);
        found.push((
            column,
            stored.ok_or_else(|| unusable(column, "is of another kind"))?,
        ));
    }
    Ok(found)
}

fn bytes(stored: &StoredValues) -> Result<Vec<u8>, ArrowError> {
    let mut columns = vec![("value", array(&stored.values)?, true)];
    if let Some(folds) = &stored.folds {
        columns.push(("fold", array(folds)?, true));
    }
    let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
    let mut bytes = Vec::new();
    let mut writer = FileWriter::try_new(&mut bytes, &batch.schema())?;
    writer.write(&batch)?;
    writer.finish()?;
    drop(writer);
    Ok(bytes)
}

fn array(column: &Column) -> Result<ArrayRef, ArrowError> {
    let at = |row: usize| !column.is_null(row);
    let rows = 0..column.len();
    Ok(match &column.data {
        Data::Float(values) => Arc::new(Float64Array::from_iter(
            rows.map(|row| at(row).then(|| values[row])),
        )),
        Data::Int(values) => Arc::new(Int64Array::from_iter(
            rows.map(|row| at(row).then(|| values[row])),
        )),
        Data::Bool(values) => Arc::new(BooleanArray::from_iter(
            rows.map(|row| at(row).then(|| values[row])),
        )),
        Data::Str(_) | Data::List(_) => {
            return Err(ArrowError::SchemaError(
                "a column of a run is of numbers".to_owned(),
            ));
        }
    })
}

fn stored_in(batch: &RecordBatch, kind: &RowKind) -> Option<StoredValues> {
    let folds = match batch.column_by_name("fold") {
        Some(array) => Some(ints(array)?),
        None => None,
    };
    let array = batch.column_by_name("value")?;
    let values = match kind {
        RowKind::Int => ints(array)?,
        RowKind::Bool => {
            let values = array.as_boolean_opt()?;
            let data = values.iter().map(Option::unwrap_or_default).collect();
            Column::with_validity(Data::Bool(data), validity(array))
        }
        _ => {
            let values = array.as_primitive_opt::<Float64Type>()?;
            let data = values.iter().map(Option::unwrap_or_default).collect();
            Column::with_validity(Data::Float(data), validity(array))
        }
    };
    Some(StoredValues { values, folds })
}

fn ints(array: &ArrayRef) -> Option<Column> {
    let values = array.as_primitive_opt::<Int64Type>()?;
    let data = values.iter().map(Option::unwrap_or_default).collect();
    Some(Column::with_validity(Data::Int(data), validity(array)))
}

fn validity(array: &ArrayRef) -> Option<Vec<bool>> {
    Some((0..array.len()).map(|row| array.is_valid(row)).collect())
}

fn unusable(column: &StoredPlan, what: &str) -> Diagnostic {
    Diagnostic::error(
        FITTED,
        column.span,
        format!("the column `{}` {what}", column.name),
    )
}
