//! Computed columns in the run directory: `columns/NAME.jsonl`, one object a row that has a value; those of a loop day by day,
//! `columns/NAME.DAY.jsonl`.

use std::collections::BTreeMap;

use reckon_compiler::plan::{Plan, StoredPlan};
use reckon_kernel::{Column, Data};
use serde_json::{Map, Value, json};

use super::folder::RunFolder;
use crate::data::{ABSENT_ROW, Dataset, Source};
use crate::failure::Failure;

/// Writes every column that was computed once.
pub(super) fn write(folder: &RunFolder, plan: &Plan, data: &Dataset) -> Result<(), Failure> {
    let mut once = plan.columns.iter().filter(|column| column.after.is_some());
    once.try_for_each(|column| {
        let name = format!("columns/{}.jsonl", column.name);
        folder.write(&name, lines(column, data).as_bytes())
    })
}

/// Writes what a loop has computed for the day that is run.
pub(crate) fn write_today(
    folder: &RunFolder,
    column: &StoredPlan,
    data: &Dataset,
) -> Result<(), Failure> {
    let day = data.today().unwrap_or("day");
    let name = format!("columns/{}.{day}.jsonl", column.name);
    folder.write(&name, lines(column, data).as_bytes())
}

/// A line a row: its place in its source, the keys of what it refers to, its fold where there are folds, its value.
fn lines(column: &StoredPlan, data: &Dataset) -> String {
    let mut text = String::new();
    if let (Some(source), Some(stored)) = (data.source(&column.source), data.stored(column)) {
        for row in (0..source.rows).filter(|row| !stored.values.is_null(*row)) {
            let mut line = Map::new();
            line.insert("row".to_owned(), json!(row));
            line.insert("of".to_owned(), json!(keys(data, source, row)));
            if let Some(folds) = &stored.folds {
                line.insert("fold".to_owned(), value(folds, row));
            }
            line.insert("value".to_owned(), value(&stored.values, row));
            text.push_str(&Value::Object(line).to_string());
            text.push('\n');
        }
    }
    text
}

/// The keys of the entities that a row refers to; of an entity its own.
fn keys(data: &Dataset, source: &Source, row: usize) -> BTreeMap<String, String> {
    let of = |(name, rows): (&String, &Vec<u32>)| {
        let at = Some(rows[row]).filter(|at| *at != ABSENT_ROW)?;
        Some((name.clone(), data.source(name)?.key_text(at)))
    };
    let mut keys: BTreeMap<String, String> = source.references.iter().filter_map(of).collect();
    let own = source.key_text(row as u32);
    if !own.is_empty() {
        keys.insert(source.name.clone(), own);
    }
    keys
}

fn value(column: &Column, row: usize) -> Value {
    match &column.data {
        _ if column.is_null(row) => Value::Null,
        Data::Float(values) => json!(values[row]),
        Data::Int(values) => json!(values[row]),
        Data::Bool(values) => json!(values[row]),
        Data::Str(_) | Data::List(_) => Value::Null,
    }
}
