//! A first look at a file: its columns with their types, whether values are missing, and how often each occurs.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Decimal128Array, DictionaryArray, Float64Array, Int64Array, ListArray,
    NullArray, RecordBatch, Time64MicrosecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::{Int8Type, Int64Type};
use parquet::arrow::ArrowWriter;
use reckon_runtime::data::{Sketch, inspect};

use crate::spec::folder;

/// Each column as a line: its name and type, and its values with their counts.
fn lines(sketch: &Sketch) -> Vec<String> {
    let columns = sketch.columns.iter().map(|column| {
        let values = column.values.iter();
        let values: Vec<String> = values.map(|(text, n)| format!("{text} x{n}")).collect();
        let null = if column.nullable { "?" } else { "" };
        format!(
            "{}: {}{null} {}",
            column.name,
            column.kind,
            values.join(", ")
        )
    });
    let strange = sketch.strange.iter();
    columns
        .chain(strange.map(|(name, what)| format!("{name} holds {what}")))
        .collect()
}

fn of_text(name: &str, text: &str) -> Vec<String> {
    let folder = folder(&[(name, text)]);
    lines(&inspect(&folder.path().join(name), usize::MAX).unwrap())
}

fn written(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let columns = columns
        .into_iter()
        .map(|(name, values)| (name, values, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn columns_of_a_file_say_their_types_themselves() {
    let folder = folder(&[]);
    let path = folder.path().join("a.parquet");
    let lists = vec![Some(vec![Some(1), None]), None, Some(vec![Some(1)])];
    let words: DictionaryArray<Int8Type> = vec!["b", "a", "b"].into_iter().collect();
    written(
        &path,
        vec![
            ("word", Arc::new(words)),
            (
                "number",
                Arc::new(Float64Array::from(vec![4.0, f64::NAN, 4.5])),
            ),
            (
                "lists",
                Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
            ),
            (
                "at",
                Arc::new(TimestampNanosecondArray::from(vec![Some(1), None, Some(2)])),
            ),
            (
                "price",
                Arc::new(
                    Decimal128Array::from(vec![150, 100, 150])
                        .with_precision_and_scale(9, 2)
                        .unwrap(),
                ),
            ),
            (
                "bytes",
                Arc::new(BinaryArray::from_vec(vec![b"x", b"y", b"z"])),
            ),
            (
                "hour",
                Arc::new(Time64MicrosecondArray::from(vec![1, 2, 3])),
            ),
            ("none", Arc::new(NullArray::new(3))),
        ],
    );
    let sketch = inspect(&path, usize::MAX).unwrap();
    assert_eq!(sketch.rows, 3);
    assert_eq!(
        lines(&sketch),
        [
            "word: str a x1, b x2",
            "number: float? 4.0 x1, 4.5 x1",
            "lists: list<int>? 1 x2",
            "at: time? ",
            "price: float 1.00 x1, 1.50 x2",
            "bytes holds bytes, which no spec can declare",
            "hour holds times of a day, which no spec can declare",
            "none holds no value",
        ]
    );
}

#[test]
fn texts_have_the_narrowest_type_that_holds_them_all() {
    assert_eq!(
        of_text("a.tsv", "n\tx\tt\n1\t1\tyes\n2\t1.5\t\n2\t-3\tno\n"),
        [
            "n: int 1 x1, 2 x2",
            "x: float -3 x1, 1 x1, 1.5 x1",
            "t: str? no x1, yes x1"
        ]
    );
}

#[test]
fn objects_tell_lists_and_what_is_of_no_one_type() {
    let text = "{\"n\": 1, \"x\": 1, \"l\": []}\n{\"n\": 2, \"x\": 0.5, \"l\": [3], \"m\": 1, \"e\": []}\n{\"n\": null, \"x\": 2, \"m\": \"a\", \"o\": [[1]]}\n";
    assert_eq!(
        of_text("a.jsonl", text),
        [
            "n: int? 1 x1, 2 x1",
            "x: float 0.5 x1, 1 x1, 2 x1",
            "l: list<int>? 3 x1",
            "m holds values of several types, which no spec can declare",
            "e holds empty lists alone",
            "o holds lists of lists or of objects, which no spec can declare",
        ]
    );
}

#[test]
fn a_look_ends_after_so_many_rows() {
    let folder = folder(&[("a.csv", "n\n1\n2\nx\n")]);
    let sketch = inspect(&folder.path().join("a.csv"), 2).unwrap();
    assert_eq!(
        (sketch.rows, lines(&sketch)),
        (2, vec!["n: int 1 x1, 2 x1".to_owned()])
    );
    let path = folder.path().join("b.parquet");
    written(
        &path,
        vec![("n", Arc::new(Int64Array::from_iter_values(0..200_000)))],
    );
    let rows = inspect(&path, 1).unwrap().rows;
    assert!((1..200_000).contains(&rows), "{rows} rows were read");
}

#[test]
fn a_file_that_is_missing_empty_or_of_another_kind_is_an_error() {
    let folder = folder(&[("a.csv", "x\n"), ("b.xls", "x")]);
    let fault = |name: &str| inspect(&folder.path().join(name), 1).unwrap_err().message;
    assert_eq!(fault("no.csv"), "there is no file `no.csv`");
    assert_eq!(fault("a.csv"), "`a.csv` holds no rows");
    assert!(
        fault("b.xls").starts_with("`b.xls` is of no kind that can be read: names end in .csv")
    );
}
