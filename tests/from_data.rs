//! `reckon new --from` for files that are not plain text: what it writes checks and trains, and what it cannot read it says.

#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, DictionaryArray, Float32Array, Int64Array, ListArray,
    RecordBatch, StringArray, StructArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Float32Type, Int32Type, Schema};
use arrow::ipc::writer::FileWriter;
use parquet::arrow::ArrowWriter;

const USERS: i64 = 30;
const ITEMS: i64 = 20;
const CLICKS: i64 = 12;

fn reckon(folder: &Path, words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reckon"))
        .args(words.split_whitespace())
        .current_dir(folder)
        .env("COLUMNS", "80")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn parquet(path: &Path, batch: &RecordBatch) {
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn arrow(path: &Path, batch: &RecordBatch) {
    let mut writer = FileWriter::try_new(File::create(path).unwrap(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
}

/// A log of clicks: a dictionary, a time with a unit, texts and lists with nulls, and a struct, which no spec can declare.
fn log() -> RecordBatch {
    let rows: Vec<(i64, i64)> = (0..USERS)
        .flat_map(|user| (0..CLICKS).map(move |click| (user, click)))
        .collect();
    let user: Int64Array = rows.iter().map(|(user, _)| Some(*user)).collect();
    let item = |(user, click): &(i64, i64)| (user * 3 + click * click) % ITEMS;
    let items: Vec<String> = rows.iter().map(|row| format!("i{}", item(row))).collect();
    let items: DictionaryArray<Int32Type> = items.iter().map(String::as_str).collect();
    let clicked: BooleanArray = rows.iter().map(|row| Some(item(row) % 3 != 0)).collect();
    let at = rows
        .iter()
        .map(|(user, click)| 1_700_000_000_000 + click * 86_400_000 + user);
    let device: StringArray = rows
        .iter()
        .map(|(user, _)| (user % 4 != 0).then_some("phone"))
        .collect();
    let seen = rows.iter().map(|(user, click)| {
        (click % 5 != 0).then(|| vec![Some(user + click), None, Some(*click)])
    });
    let seen = ListArray::from_iter_primitive::<arrow::datatypes::Int64Type, _, _>(seen);
    let more = StructArray::from(vec![(
        Arc::new(Field::new("x", DataType::Int64, false)),
        Arc::new(user.clone()) as ArrayRef,
    )]);
    RecordBatch::try_from_iter([
        ("user_id", Arc::new(user) as ArrayRef),
        ("item_id", Arc::new(items) as _),
        ("clicked", Arc::new(clicked) as _),
        (
            "shown",
            Arc::new(TimestampMillisecondArray::from_iter_values(at)) as _,
        ),
        ("device", Arc::new(device) as _),
        ("seen", Arc::new(seen) as _),
        ("more", Arc::new(more) as _),
    ])
    .unwrap()
}

/// Things with lists, with numbers and lists that may be missing, with a date and a vector.
fn items() -> RecordBatch {
    let ids: Vec<String> = (0..ITEMS).map(|item| format!("i{item}")).collect();
    let price = (0..ITEMS).map(|item| (item % 7 != 0).then_some(item as f32));
    let tags: ListArray = {
        let tags = |item: i64| (item % 6 != 0).then(|| vec![Some(item % 3), Some(item % 4)]);
        ListArray::from_iter_primitive::<arrow::datatypes::Int64Type, _, _>((0..ITEMS).map(tags))
    };
    let vector = (0..ITEMS).map(|item| Some(vec![Some(item as f32), Some(1.0)]));
    RecordBatch::try_from_iter([
        ("item_id", Arc::new(StringArray::from(ids)) as ArrayRef),
        ("price", Arc::new(price.collect::<Float32Array>()) as _),
        ("tags", Arc::new(tags) as _),
        (
            "released",
            Arc::new(Date32Array::from_iter_values(
                (0..ITEMS).map(|day| 19_000 + day as i32),
            )) as _,
        ),
        (
            "vector",
            Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(vector)) as _,
        ),
    ])
    .unwrap()
}

/// The sources of a written spec and what becomes a feature.
fn declared(spec: &Path) -> String {
    let text = fs::read_to_string(spec).unwrap();
    let start = text.find("entity ").unwrap();
    text[start..text.find("tower ").unwrap()].to_owned()
}

#[test]
fn a_spec_from_parquet_and_arrow_has_their_types_and_trains() {
    let folder = tempfile::tempdir().unwrap();
    parquet(&folder.path().join("log.parquet"), &log());
    arrow(&folder.path().join("items.arrow"), &items());
    let made = reckon(folder.path(), "new shop --from log.parquet items.arrow");
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    assert_eq!(
        said(&made),
        "wrote shop/data/users.csv, the distinct values of `user_id`: no file has them as its key
note: the column `more` is left out: it holds structs, which no spec can declare
wrote shop/main.rec
next: reckon run shop/main.rec
"
    );
    insta::assert_snapshot!(
        "from_parquet_and_arrow",
        declared(&folder.path().join("shop/main.rec"))
    );
    let checked = reckon(folder.path(), "check --data shop/main.rec");
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
    let ran = reckon(folder.path(), "run shop/main.rec --threads 1 --out run");
    assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
    assert!(folder.path().join("run/summary.json").is_file());
}

#[test]
fn objects_and_packed_text_are_looked_at_like_columns() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = String::new();
    for row in 0..60 {
        let (user, item) = (row % 6, row % 7);
        let tags = if row % 5 == 0 {
            "[]"
        } else {
            "[\"new\", \"red\"]"
        };
        lines += &format!(
            "{{\"user_id\": {user}, \"item_id\": \"i{item}\", \"stars\": {}, \"at\": {}, \"tags\": {tags}, \"where_from\": {{\"a\": 1}}}}\n",
            row % 5 + 1,
            1_700_000_000 + row
        );
    }
    fs::write(folder.path().join("views.jsonl"), lines).unwrap();
    let people = "user_id,age\n0,31\n1,\n2,40\n3,41\n4,42\n5,17\n";
    let packed = zstd::encode_all(people.as_bytes(), 1).unwrap();
    fs::write(folder.path().join("users.csv.zst"), packed).unwrap();
    let made = reckon(folder.path(), "new shop --from views.jsonl users.csv.zst");
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    assert!(said(&made).contains("`where_from` is left out: it holds objects"));
    insta::assert_snapshot!(
        "from_objects_and_packed_text",
        declared(&folder.path().join("shop/main.rec"))
    );
    let checked = reckon(folder.path(), "check --data shop/main.rec");
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
}

#[test]
fn what_is_no_parquet_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    parquet(&at("whole.parquet"), &log());
    let whole = fs::read(at("whole.parquet")).unwrap();
    fs::write(at("cut.parquet"), &whole[..whole.len() / 2]).unwrap();
    fs::write(at("text.parquet"), "user_id,item_id\n1,2\n").unwrap();
    fs::write(at("void.parquet"), "").unwrap();
    fs::write(at("stream.arrow"), &whole[..100]).unwrap();
    parquet(&at("rowless.parquet"), &log().slice(0, 0));
    parquet(
        &at("columnless.parquet"),
        &RecordBatch::new_empty(Arc::new(Schema::empty())),
    );
    parquet(&at("nested.parquet"), &log().project(&[6]).unwrap());
    let expected = [
        ("cut.parquet", "`cut.parquet` cannot be read: "),
        ("text.parquet", "`text.parquet` cannot be read: "),
        ("void.parquet", "`void.parquet` cannot be read: "),
        ("stream.arrow", "`stream.arrow` cannot be read: "),
        ("rowless.parquet", "`rowless.parquet` holds no rows"),
        ("columnless.parquet", "`columnless.parquet` holds no rows"),
        (
            "nested.parquet",
            "expected a file of events with a column for who",
        ),
        ("absent.parquet", "there is no file `absent.parquet`"),
    ];
    for (name, message) in expected {
        let made = reckon(folder.path(), &format!("new shop --from {name}"));
        assert_eq!(made.status.code(), Some(3), "{name}");
        let words = said(&made).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            words.starts_with(&format!("error: {message}")),
            "{name}: {words}"
        );
        assert!(
            !words.contains("internal") && !at("shop").exists(),
            "{name}: {words}"
        );
    }
}
