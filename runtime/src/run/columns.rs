//! Computed columns in the run directory: `columns/NAME.jsonl`, one object a row that has a value.

use std::collections::BTreeMap;

use reckon_compiler::plan::{Plan, StoredPlan};
use reckon_kernel::{Column, Data};
use serde_json::{Map, Value, json};

use super::folder::RunFolder;
use crate::data::{ABSENT_ROW, Dataset, Source};
use crate::failure::Failure;

/// Writes every column: the row in its source, the keys of what it refers to, its fold where there are folds, its value.
pub(super) fn write(folder: &RunFolder, plan: &Plan, data: &Dataset) -> Result<(), Failure> {
    for column in &plan.columns {
        let Some(source) = data.source(&column.source) else {
            continue;
        };
        let Some(stored) = data.stored(column) else {
            continue;
        };
        let mut text = String::new();
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
        folder.write(&file_name(column), text.as_bytes())?;
    }
    Ok(())
}

fn file_name(column: &StoredPlan) -> String {
    format!("columns/{}.jsonl", column.name)
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
