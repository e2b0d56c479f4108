//! A look at the data of a plan without running it: entities whole, since references need all keys, and of each file of events the
//! beginning.

use std::collections::BTreeSet;
use std::path::Path;

use rayon::prelude::*;
use reckon_compiler::plan::row::{RowKind, RowOp};
use reckon_compiler::plan::{ColumnPlan, Plan, ReferencePlan, SourceKind, SourcePlan};
use reckon_compiler::value::Value;
use reckon_grammar::diagnostic::{Diagnostic, nearest};
use reckon_kernel::{Column, Data};

use super::cell::shortened;
use super::condition::Condition;
use super::daily;
use super::fault::SAYS_NOTHING;
use super::source::{self, ABSENT_ROW, Source};
use super::table::{self, Extent, Table, nothing_passes};
use super::vectors;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A share of absent references or nulls above which a reader should know.
const MUCH: f64 = 0.5;

/// What a look at data has found.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// What is wrong, as a run would say it, and warnings about columns that say nothing.
    pub findings: Vec<Diagnostic>,
    /// What was read, source by source in the order of the spec.
    pub sources: Vec<LookedSource>,
}

/// What was read of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct LookedSource {
    /// Its name.
    pub name: String,
    /// Rows that were read.
    pub rows: usize,
    /// Files that they are of.
    pub files: usize,
    /// Each declared column that a file has.
    pub columns: Vec<LookedColumn>,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub struct LookedColumn {
    /// Its name.
    pub name: String,
    /// Nulls.
    pub nulls: usize,
    /// What the others are like: `1 to 40`, `lists of 0 to 12`.
    pub holds: String,
}

impl Looked {
    /// What a source holds, by itself.
    fn of_source(&mut self, plan: &Plan, source: &SourcePlan, table: &Table) {
        self.sources.push(described(source, table));
        if table.rows == 0 {
            self.findings.extend(none_passes(source, table));
            return;
        }
        self.findings.extend(never_equal(plan, source, table));
        for column in &source.columns {
            self.findings.extend(says_nothing(source, column, table));
        }
    }
}

/// Looks at the data of a plan. Paths are relative to `root`, the folder of the spec.
pub fn look(plan: &Plan, root: &Path) -> Looked {
    let mut looked = Looked::default();
    let extent = |source: &SourcePlan| match source.kind {
        SourceKind::Entity => Extent::Whole,
        SourceKind::Events => Extent::Beginning,
    };
    let tables: Vec<Result<Table, Vec<Diagnostic>>> = plan
        .sources
        .par_iter()
        .map(|source| table::read_some(source, root, extent(source)))
        .collect();
    let mut read: Vec<(&SourcePlan, Table)> = Vec::new();
    for (source, table) in plan.sources.iter().zip(tables) {
        match table {
            Ok(table) => {
                looked.of_source(plan, source, &table);
                if table.rows > 0 {
                    read.push((source, table));
                }
            }
            Err(mut faults) => looked.findings.append(&mut faults),
        }
    }
    for of in plan.vectors.values() {
        match table::read_some(&of.file, root, Extent::Whole) {
            Ok(table) => {
                looked.sources.push(described(&of.file, &table));
                looked.findings.append(&mut vectors::faults(of, table));
            }
            Err(faults) => looked.findings.extend(vectors::undeclared(faults)),
        }
    }
    let mut entities: Vec<(&SourcePlan, Source)> = Vec::new();
    let (things, events): (Vec<_>, Vec<_>) = read
        .into_iter()
        .partition(|(source, _)| source.kind == SourceKind::Entity);
    for (source, table) in things {
        entities.push((source, source::entity(source, table, &mut looked.findings)));
    }
    let known: Vec<(&SourcePlan, &Source)> = entities
        .iter()
        .map(|(plan, source)| (*plan, source))
        .collect();
    for (plan, table) in events {
        // A reference to what could not be read is no fault of the events.
        let mut plan = plan.clone();
        plan.references.retain(|reference| {
            known
                .iter()
                .any(|(known, _)| known.name == reference.target)
        });
        let source = source::events(&plan, (table, None), &known, &mut looked.findings);
        looked
            .findings
            .extend(leading_nowhere(&plan, &source, &known));
    }
    looked
}

fn described(source: &SourcePlan, table: &Table) -> LookedSource {
    let mut files: Vec<&str> = table.parts.iter().map(|part| part.file.as_str()).collect();
    files.dedup();
    let columns = source.columns.iter().filter_map(|column| {
        let values = table.columns.get(&column.name)?;
        Some(LookedColumn {
            name: column.name.clone(),
            nulls: values.null_count(),
            holds: holds(values, &column.ty.kind),
        })
    });
    LookedSource {
        name: source.name.clone(),
        rows: table.rows,
        files: files.len(),
        columns: columns.collect(),
    }
}

/// The day of an instant, `2020-09-14`.
fn date(micros: i64) -> String {
    let (year, month, day) = daily::date(micros.div_euclid(DAY));
    format!("{year:04}-{month:02}-{day:02}")
}

/// What the values that are there are like.
fn holds(column: &Column, kind: &RowKind) -> String {
    let there = || (0..column.len()).filter(|row| !column.is_null(*row));
    if there().next().is_none() {
        return "nothing".to_owned();
    }
    let lengths = |length: &dyn Fn(usize) -> usize| {
        let (least, most) = (there().map(length).min(), there().map(length).max());
        format!(
            "{} to {}",
            least.unwrap_or_default(),
            most.unwrap_or_default()
        )
    };
    match &column.data {
        Data::Int(values) => {
            let all = || there().map(|row| values[row]);
            let (low, high) = (
                all().min().unwrap_or_default(),
                all().max().unwrap_or_default(),
            );
            match kind {
                RowKind::Time => format!("{} to {}", date(low), date(high)),
                RowKind::Duration => format!("{} to {} seconds", low / SECOND, high / SECOND),
                RowKind::Int | RowKind::Float | RowKind::Bool | RowKind::Str | RowKind::List(_) => {
                    format!("{low} to {high}")
                }
            }
        }
        Data::Float(values) => {
            let all = || there().map(|row| values[row]);
            let (low, high) = (
                all().fold(f64::MAX, f64::min),
                all().fold(f64::MIN, f64::max),
            );
            format!("{low} to {high}")
        }
        Data::Bool(values) => {
            let holds = there().filter(|row| values[*row]).count();
            format!("true in {holds}")
        }
        Data::Str(texts) => format!("texts of {} bytes", lengths(&|row| texts.get(row).len())),
        Data::List(lists) => format!("lists of {}", lengths(&|row| lists.range(row).len())),
    }
}

/// Says that no row that was looked at passes the condition of its source. Of all rows it is an error, told where they are read.
fn none_passes(source: &SourcePlan, table: &Table) -> Option<Diagnostic> {
    let condition = Condition::of(source)?;
    let (message, help) = nothing_passes(source, table.left_out.rows);
    Some(Diagnostic::warning(SAYS_NOTHING, condition.span(), message).help(help))
}

/// A column that is null nearly everywhere, or the same everywhere.
fn says_nothing(source: &SourcePlan, column: &ColumnPlan, table: &Table) -> Option<Diagnostic> {
    let condition = Condition::of(source);
    if condition.is_some_and(|of| of.reads(&column.name)) {
        return None;
    }
    let values = table.columns.get(&column.name)?;
    let (rows, nulls) = (values.len(), values.null_count());
    let what = if rows > 0 && nulls as f64 > rows as f64 * MUCH {
        format!("is null in {nulls} of {rows} rows")
    } else if rows > 1 && is_constant(values) && !is_one_of_a_key(source, column) {
        format!("is the same in all {rows} rows")
    } else {
        return None;
    };
    let message = format!("column `{}` of `{}` {what}", column.name, source.name);
    let first = (0..rows).find(|row| nulls == 0 || values.is_null(*row));
    let place = table.place(first.unwrap_or_default());
    let warning = Diagnostic::warning(SAYS_NOTHING, column.span, message);
    Some(warning.note(match nulls {
        0 => format!("it is {} in {place} and in all others", shown(values, 0)),
        _ => format!("the first null is that of {place}"),
    }))
}

/// A value for reading.
fn shown(column: &Column, row: usize) -> String {
    match &column.data {
        Data::Int(values) => values[row].to_string(),
        Data::Float(values) => values[row].to_string(),
        Data::Bool(values) => values[row].to_string(),
        Data::Str(texts) => format!("`{}`", shortened(texts.get(row))),
        Data::List(lists) => format!("a list of {}", lists.range(row).len()),
    }
}

/// Comparisons of a column with a value that it has in no row.
fn never_equal(plan: &Plan, source: &SourcePlan, table: &Table) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for kernel in &plan.kernels {
        for inst in &kernel.code {
            let (RowOp::Eq | RowOp::Ne, [a, b]) = (&inst.op, &inst.args[..]) else {
                continue;
            };
            let (a, b) = (&kernel.code[*a].op, &kernel.code[*b].op);
            let ((RowOp::Const(value), other) | (other, RowOp::Const(value))) = (a, b) else {
                continue;
            };
            let name = match other {
                RowOp::Column(name) if kernel.source == source.name => name,
                RowOp::Through(target, name) if *target == source.name => name,
                _ => continue,
            };
            let (Some(span), Some(column)) = (inst.span, table.columns.get(name)) else {
                continue;
            };
            let declared = source.columns.iter().find(|known| known.name == *name);
            let kind = declared.map_or(&RowKind::Int, |declared| &declared.ty.kind);
            if column.is_empty() || (0..column.len()).any(|row| is(column, row, value)) {
                continue;
            }
            let rows = column.len();
            let message = format!(
                "`{name}` is {value} in none of the {rows} rows of `{}` that were read",
                source.name
            );
            let warning = Diagnostic::warning(SAYS_NOTHING, span, message);
            let warning = warning.note(format!(
                "in {} it holds {}",
                files_of(table),
                holds(column, kind)
            ));
            let nearest = nearest_text(column, value);
            found.push(match nearest {
                Some(near) => warning.help(format!("perhaps `{near}`")),
                None => warning,
            });
        }
    }
    found.dedup_by(|a, b| a.primary.span == b.primary.span && a.message == b.message);
    found
}

fn is(column: &Column, row: usize, value: &Value) -> bool {
    !column.is_null(row)
        && match (&column.data, value) {
            (Data::Int(values), Value::Int(value) | Value::Duration(value)) => {
                values[row] == *value
            }
            (Data::Int(values), Value::Float(value)) => values[row] as f64 == *value,
            (Data::Float(values), value) => value.as_f64() == Some(values[row]),
            (Data::Bool(values), Value::Bool(value)) => values[row] == *value,
            (Data::Str(texts), Value::Str(value) | Value::Word(value)) => texts.get(row) == value,
            // What cannot be compared here is not said to differ.
            (Data::Int(_) | Data::Bool(_) | Data::Str(_) | Data::List(_), _) => true,
        }
}

/// The text of a column that is most like a value.
fn nearest_text(column: &Column, value: &Value) -> Option<String> {
    let (Data::Str(texts), Value::Str(value) | Value::Word(value)) = (&column.data, value) else {
        return None;
    };
    let known: BTreeSet<&str> = texts.iter().collect();
    nearest(value, known).map(str::to_owned)
}

/// The files of a table for reading: the first, and how many more there are.
fn files_of(table: &Table) -> String {
    let mut files: Vec<&str> = table.parts.iter().map(|part| part.file.as_str()).collect();
    files.dedup();
    match files[..] {
        [] => "no file".to_owned(),
        [one] => one.to_owned(),
        [first, ..] => format!("{first} and {} more", files.len() - 1),
    }
}

/// One part of a key may be the same everywhere, as a shop of one shop is.
fn is_one_of_a_key(source: &SourcePlan, column: &ColumnPlan) -> bool {
    let references = source
        .references
        .iter()
        .flat_map(|reference| &reference.columns);
    let mut keys = source.key.iter().chain(references);
    keys.any(|key| *key == column.name) && column.ty.kind != RowKind::Time
}

fn is_constant(column: &Column) -> bool {
    fn all_equal<T: PartialEq>(mut values: impl Iterator<Item = T>) -> bool {
        let first = values.next();
        values.all(|value| Some(value) == first)
    }
    column.null_count() == 0
        && match &column.data {
            Data::Int(values) => all_equal(values.iter()),
            Data::Float(values) => all_equal(values.iter()),
            Data::Bool(values) => all_equal(values.iter()),
            Data::Str(texts) => all_equal(texts.iter()),
            Data::List(_) => false,
        }
}

/// References that lead nowhere more often than not, or to keys beyond those that there are.
fn leading_nowhere(
    plan: &SourcePlan,
    source: &Source,
    entities: &[(&SourcePlan, &Source)],
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for reference in &plan.references {
        let absent = source.absent.get(&reference.target).copied();
        let absent = absent.unwrap_or_default();
        let target = entities
            .iter()
            .find(|(known, _)| known.name == reference.target);
        let beyond = target.and_then(|(of, target)| beyond(reference, source, &of.key, target));
        if absent as f64 <= source.rows as f64 * MUCH && beyond.is_none() {
            continue;
        }
        let message = format!(
            "{absent} of {} rows of `{}` refer to no `{}` that there is",
            source.rows, plan.name, reference.target
        );
        let warning = Diagnostic::warning(SAYS_NOTHING, reference.span, message)
            .help("compare how the keys are written in both files");
        found.push(match beyond {
            Some(beyond) => warning.note(beyond),
            None => warning,
        });
    }
    found
}

/// What integer keys of absent rows are, where some are beyond the keys that there are.
fn beyond(
    reference: &ReferencePlan,
    source: &Source,
    key: &[String],
    target: &Source,
) -> Option<String> {
    let ([column], [key]) = (&reference.columns[..], key) else {
        return None;
    };
    let (Data::Int(own), Data::Int(known)) = (
        &source.columns.get(column)?.data,
        &target.columns.get(key)?.data,
    ) else {
        return None;
    };
    let rows = source.references.get(&reference.target)?.iter().zip(own);
    let absent = || {
        rows.clone()
            .filter(|(row, _)| **row == ABSENT_ROW)
            .map(|(_, key)| *key)
    };
    let (least, most) = (absent().min()?, absent().max()?);
    let (low, high) = (known.iter().min()?, known.iter().max()?);
    let outside = least < *low || most > *high;
    outside.then(|| {
        format!("they refer to keys from {least} to {most}, and the keys of `{}` go from {low} to {high}", target.name)
    })
}
