//! Columns of events that nothing reads.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use reckon_compiler::plan::Plan;
use reckon_runtime::data::Dataset;

use crate::spec::{
    USERS, column, entity, events, folder, load, movielens, movielens_folder, rendered,
};

const VISITS: [(&str, &str); 3] = [("user_id", "int"), ("at", "time"), ("note", "int")];

/// Visits of users, whose notes no program reads.
fn visits(path: &str) -> Plan {
    Plan {
        sources: vec![
            entity("user", "users.csv", &[("user_id", "int"), ("age", "int")]),
            events("visit", path, &VISITS, &["user"]),
        ],
        ..Plan::default()
    }
}

fn write_visits(path: &Path, notes: Vec<Option<i64>>) {
    let ints = |values: Vec<Option<i64>>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let columns = [
        ("user_id", ints(vec![Some(2), Some(1), Some(2)])),
        ("at", ints(vec![Some(30), Some(10), Some(20)])),
        ("note", ints(notes)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let handle = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(handle, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Overwrites the pages of the last column.
fn damage_notes(path: &Path) {
    let footer =
        ArrowReaderMetadata::load(&File::open(path).unwrap(), ArrowReaderOptions::default());
    let footer = footer.unwrap();
    let (from, length) = footer.metadata().row_group(0).column(2).byte_range();
    let mut bytes = std::fs::read(path).unwrap();
    bytes[from as usize..(from + length) as usize].fill(0xff);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_run_keeps_no_column_that_only_led_to_rows_and_times() {
    let (plan, root) = (movielens(), movielens_folder());
    let all = load(&plan, root.path());
    let lean = Dataset::load_lean(&plan, root.path()).unwrap();
    let (all, lean) = [all, lean]
        .map(|data| data.source("rating").unwrap().clone())
        .into();
    assert_eq!(all.columns.len(), 4);
    assert!(lean.columns.is_empty());
    assert_eq!(lean.references, all.references);
    assert_eq!((lean.times, lean.order), (all.times, all.order));
}

#[test]
fn a_column_of_parquet_that_nothing_reads_is_not_decoded() {
    let (plan, root) = (visits("a.parquet"), folder(&[("users.csv", USERS)]));
    let path = root.path().join("a.parquet");
    write_visits(&path, vec![Some(1), Some(2), Some(3)]);
    damage_notes(&path);
    let said = rendered(&Dataset::load(&plan, root.path(), None).unwrap_err());
    assert!(said.contains("`a.parquet` cannot be read"), "{said}");
    let lean = Dataset::load_lean(&plan, root.path()).unwrap();
    let visits = lean.source("visit").unwrap();
    assert_eq!(visits.references["user"], [1, 0, 1]);
    assert_eq!(visits.times, [30_000_000, 10_000_000, 20_000_000]);
}

#[test]
fn what_is_wrong_with_a_column_that_nothing_reads_is_told() {
    let root = folder(&[
        ("users.csv", USERS),
        ("a.csv", "user_id,at,note\n1,10,5\n1,20,five\n"),
        ("a.jsonl", "{\"user_id\": 1, \"at\": 10, \"note\": null}\n"),
    ]);
    write_visits(&root.path().join("a.parquet"), vec![Some(1), None, Some(3)]);
    let expected = [
        (
            "a.csv",
            "E1003: a.csv row 2 (line 3): column `note` expects int, found `five`",
        ),
        (
            "a.jsonl",
            "E1004: a.jsonl row 1 (line 1): column `note` expects int, found null",
        ),
        (
            "a.parquet",
            "E1004: a.parquet row 2: column `note` expects int, found null",
        ),
    ];
    for (path, expected) in expected {
        let said = Dataset::load_lean(&visits(path), root.path()).unwrap_err();
        let said = rendered(&said);
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn an_infinite_number_that_nothing_reads_is_told() {
    let root = folder(&[("users.csv", USERS)]);
    let mut plan = visits("a.parquet");
    plan.sources[1].columns[2] = column("note", "float?");
    let ints = |values: [i64; 2]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
    let notes = Float64Array::from(vec![Some(f64::INFINITY), None]);
    let columns = [
        ("user_id", ints([1, 2])),
        ("at", ints([10, 20])),
        ("note", Arc::new(notes) as ArrayRef),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let handle = File::create(root.path().join("a.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(handle, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let said = Dataset::load_lean(&plan, root.path()).unwrap_err();
    assert_eq!(
        rendered(&said),
        "E1003: a.parquet row 1: column `note` expects float, found `inf`\n  \
         help: floats are finite: a value that is not known is null"
    );
}
