//! Files of every format and packing give the same columns, and bad rows become what the source says.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, ListArray, RecordBatch, StringArray, TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::{Int64Type, UInt64Type};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression as Pages;
use parquet::file::properties::WriterProperties;
use reckon_compiler::plan::{Absent, BadRows, Plan, SkipLimit, SourcePlan, TimeFormat};
use reckon_compiler::value::Value;
use reckon_kernel::{Column, Data, Lists};
use reckon_runtime::data::{BadCount, Dataset, Source};

use crate::spec::{entity, events, folder, load, rendered};

/// A plan over things with a name and tags, read from one path.
fn things(path: &str, columns: &[(&str, &str)]) -> Plan {
    Plan {
        sources: vec![entity("thing", path, columns)],
        ..Plan::default()
    }
}

const THINGS: [(&str, &str); 2] = [("id", "int"), ("name", "str?")];

fn thing(plan: &Plan, root: &Path) -> Source {
    load(plan, root).source("thing").unwrap().clone()
}

fn fault(plan: &Plan, root: &Path) -> String {
    rendered(&Dataset::load(plan, root, None).unwrap_err())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn packed_text_reads_like_plain_text() {
    let plain = "id,name\n1,ann\n2,\n";
    let objects = "{\"id\": 1, \"name\": \"ann\", \"more\": [1]}\n\n{\"id\": 2}\n";
    let root = folder(&[("a.csv", plain), ("d.jsonl", objects)]);
    let two_members = [gzip(&plain.as_bytes()[..14]), gzip(&plain.as_bytes()[14..])].concat();
    let packed = [
        ("b.csv.gz", two_members),
        ("c.csv.zst", zstd::encode_all(plain.as_bytes(), 1).unwrap()),
        ("e.ndjson.gz", gzip(objects.as_bytes())),
        ("f.tsv", plain.replace(',', "\t").into_bytes()),
    ];
    for (name, bytes) in &packed {
        std::fs::write(root.path().join(name), bytes).unwrap();
    }
    let expected = thing(&things("a.csv", &THINGS), root.path()).columns;
    assert_eq!(expected["name"].null_count(), 1);
    for name in ["b.csv.gz", "c.csv.zst", "d.jsonl", "e.ndjson.gz", "f.tsv"] {
        let found = thing(&things(name, &THINGS), root.path()).columns;
        assert_eq!(found, expected, "{name}");
    }
}

fn batch() -> RecordBatch {
    let names = StringArray::from(vec![Some("ann"), None, Some("eve")]);
    let ids = Int64Array::from(vec![1, 2, 3]);
    RecordBatch::try_from_iter([("name", Arc::new(names) as _), ("id", Arc::new(ids) as _)])
        .unwrap()
}

#[test]
fn arrow_files_and_streams_read_alike_packed_or_not() {
    let root = folder(&[]);
    let write = |name: &str, packing: Option<CompressionType>| {
        let options = IpcWriteOptions::default()
            .try_with_compression(packing)
            .unwrap();
        let handle = File::create(root.path().join(name)).unwrap();
        let mut writer =
            FileWriter::try_new_with_options(handle, &batch().schema(), options).unwrap();
        writer.write(&batch()).unwrap();
        writer.finish().unwrap();
    };
    write("plain.arrow", None);
    write("lz4.feather", Some(CompressionType::LZ4_FRAME));
    write("zstd.ipc", Some(CompressionType::ZSTD));
    let handle = File::create(root.path().join("stream.arrow")).unwrap();
    let mut writer = StreamWriter::try_new(handle, &batch().schema()).unwrap();
    writer.write(&batch()).unwrap();
    writer.finish().unwrap();
    for name in ["plain.arrow", "lz4.feather", "zstd.ipc", "stream.arrow"] {
        let found = thing(&things(name, &THINGS), root.path()).columns;
        assert_eq!(found["id"].data, Data::Int(vec![1, 2, 3]), "{name}");
        assert!(found["name"].is_null(1), "{name}");
    }
}

fn write_parquet(path: &Path, batch: &RecordBatch, pages: Pages) {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(2))
        .set_compression(pages)
        .build();
    let handle = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(handle, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn row_groups_follow_one_another_and_know_their_rows() {
    let root = folder(&[]);
    write_parquet(&root.path().join("a.parquet"), &batch(), Pages::LZ4_RAW);
    let found = thing(&things("a.parquet", &THINGS), root.path());
    assert_eq!(found.columns["id"].data, Data::Int(vec![1, 2, 3]));
    let names = Int64Array::from(vec![Some(1), Some(2), None]);
    let nulls = RecordBatch::try_from_iter([("id", Arc::new(names) as _)]).unwrap();
    write_parquet(&root.path().join("b.parquet"), &nulls, Pages::SNAPPY);
    assert_eq!(
        fault(&things("b.parquet", &THINGS[..1]), root.path()),
        "E1004: b.parquet row 3: column `id` expects int, found null\n  \
         help: a key and a time are never null: mend the file, or leave such rows out with `on_bad_row: skip(max: 10)`"
    );
}

#[test]
fn many_row_groups_are_read_as_one_file() {
    let root = folder(&[]);
    let ids = (1..=41).map(|id| (id % 10 != 0).then_some(id));
    let ids = Int64Array::from(ids.collect::<Vec<Option<i64>>>());
    let batch = RecordBatch::try_from_iter([("id", Arc::new(ids) as _)]).unwrap();
    write_parquet(&root.path().join("a.parquet"), &batch, Pages::SNAPPY);
    let mut plan = things("a.parquet", &THINGS[..1]);
    // Two row groups of two rows at a time.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
    let pool = pool.build().unwrap();
    let said = pool.install(|| fault(&plan, root.path()));
    let rows = [10, 20, 30, 40];
    let expected = rows
        .map(|row| format!("E1004: a.parquet row {row}: column `id` expects int, found null\n"));
    let help = "  help: a key and a time are never null: mend the file, or leave such rows out with `on_bad_row: skip(max: 10)`";
    assert_eq!(said, expected.concat() + help);
    plan.sources[0].on_bad_row = BadRows::Skip(SkipLimit::Rows(4));
    let found = pool.install(|| thing(&plan, root.path()));
    let kept = (1..=41).filter(|id| id % 10 != 0).collect();
    assert_eq!((found.rows, found.bad.skipped), (37, 4));
    assert_eq!(found.columns["id"].data, Data::Int(kept));
}

#[test]
fn objects_hold_lists_times_and_truth() {
    let mut plan = things(
        "a.jsonl",
        &[("id", "str"), ("at", "time?"), ("tags", "ints?")],
    );
    plan.sources[0].columns[1].time = TimeFormat::Millis;
    plan.sources[0].columns[1].nulls = vec![Value::Int(-1)];
    let objects = "{\"id\": \"a\", \"at\": 1500.5, \"tags\": [3, null, 4.0]}\n\
        {\"id\": \"b\", \"at\": -1, \"tags\": []}\n{\"id\": \"c\"}\n";
    let root = folder(&[("a.jsonl", objects)]);
    let columns = thing(&plan, root.path()).columns;
    let at = Column::with_validity(
        Data::Int(vec![1_500_500, 0, 0]),
        Some(vec![true, false, false]),
    );
    assert_eq!(columns["at"], at);
    let lists = Lists {
        offsets: vec![0, 2, 2, 2],
        values: Box::new(Data::Int(vec![3, 4])),
    };
    let tags = Column::with_validity(Data::List(lists), Some(vec![true, true, false]));
    assert_eq!(columns["tags"], tags);
}

#[test]
fn lines_that_are_no_objects_and_values_of_other_kinds_are_told_by_line() {
    let objects = "{\"id\": 1}\n\n{\"id\": \"2\"}\n[3]\n{\"id\": 4\n";
    let root = folder(&[("a.jsonl", objects)]);
    assert_eq!(
        fault(&things("a.jsonl", &THINGS[..1]), root.path()),
        "E1042: a.jsonl row 3 (line 4): expected an object, found `[3]`\n\
         E1042: a.jsonl row 4 (line 5): expected an object: the line breaks off at column 8\n  \
         help: write one object a line: `{\"user_id\": 1, \"at\": 978300760}`\n\
         E1003: a.jsonl row 2 (line 3): column `id` expects int, found `\"2\"`\n  \
         help: where a column mixes numbers and texts, declare it as `str`"
    );
    assert_eq!(
        fault(&things("a.jsonl", &[("idd", "int?")]), root.path()),
        "E1002: a.jsonl has no column `idd`\n  note: its columns are `id`\n  help: perhaps `id` is meant"
    );
}

fn policy(path: &str, policy: BadRows) -> Plan {
    let mut plan = things(path, &[("id", "int"), ("age", "int"), ("year", "int?")]);
    plan.sources[0].on_bad_row = policy;
    plan
}

const BAD: &str = "id,age,year\n1,20,1990\n2,x,1991\n3,30\n4,,1992\n5,50,old\n6,60,1993\n";

#[test]
fn bad_rows_are_skipped_and_counted_and_places_stay_those_of_the_file() {
    let root = folder(&[("a.csv", BAD)]);
    let skip = BadRows::Skip(SkipLimit::Rows(4));
    let found = thing(&policy("a.csv", skip), root.path());
    assert_eq!(found.columns["id"].data, Data::Int(vec![1, 6]));
    let count = BadCount {
        skipped: 4,
        defaulted: 0,
    };
    assert_eq!(found.bad, count);
    let again = format!("{BAD}1,70,1994\n");
    std::fs::write(root.path().join("a.csv"), again).unwrap();
    assert_eq!(
        fault(&policy("a.csv", skip), root.path()),
        "E1010: a.csv row 7 (line 8): `thing` has the key 1 already, in a.csv row 1 (line 2)\n  \
         help: every row of an entity needs a key of its own"
    );
}

#[test]
fn more_bad_rows_than_may_be_skipped_are_an_error_that_shows_some() {
    let root = folder(&[("a.csv", BAD)]);
    let expected = |limit: &str| {
        format!(
            "E1041: 4 rows of `thing` cannot be read, and at most {limit} may be skipped\n  \
             note: a.csv row 3 (line 4): expected 3 fields, found 2\n  \
             note: a.csv row 2 (line 3): column `age` expects int, found `x`\n  \
             note: a.csv row 4 (line 5): column `age` expects int, found null\n  \
             note: a.csv row 5 (line 6): column `year` expects int, found `old`\n  \
             help: mend the files, or raise `max` in `on_bad_row: skip(max: ...)`"
        )
    };
    let few = BadRows::Skip(SkipLimit::Rows(3));
    assert_eq!(fault(&policy("a.csv", few), root.path()), expected("3"));
    let half = BadRows::Skip(SkipLimit::Share(0.5));
    assert_eq!(
        fault(&policy("a.csv", half), root.path()),
        expected("50% of them")
    );
}

#[test]
fn defaults_stand_for_bad_cells_but_not_for_rows_and_keys() {
    let cells = BAD.replace("3,30\n", "");
    let root = folder(&[
        ("a.csv", &cells),
        ("b.csv", BAD),
        ("c.csv", "id,age,year\nx,1,1\n"),
    ]);
    let found = thing(&policy("a.csv", BadRows::Default), root.path());
    assert_eq!(found.columns["age"].data, Data::Int(vec![20, 0, 0, 50, 60]));
    assert_eq!(found.columns["age"].null_count(), 0);
    assert!(found.columns["year"].is_null(3));
    assert_eq!(found.bad.defaulted, 3);
    assert_eq!(
        fault(&policy("b.csv", BadRows::Default), root.path()),
        "E1005: b.csv row 3 (line 4): expected 3 fields, found 2\n  \
         help: a field that holds the separator is put in quotes"
    );
    let key = fault(&policy("c.csv", BadRows::Default), root.path());
    assert!(
        key.starts_with("E1003: c.csv row 1 (line 2): column `id` expects int"),
        "{key}"
    );
}

fn list_of(length: usize) -> RecordBatch {
    let values = std::iter::repeat_n(Some(1_i64), length);
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(values), None]);
    let ids = Int64Array::from(vec![1, 2]);
    RecordBatch::try_from_iter([("id", Arc::new(ids) as _), ("tags", Arc::new(lists) as _)])
        .unwrap()
}

#[test]
fn an_endless_list_is_a_bad_cell() {
    let root = folder(&[]);
    write_parquet(
        &root.path().join("a.parquet"),
        &list_of(10_000_000),
        Pages::SNAPPY,
    );
    let mut plan = things("a.parquet", &[("id", "int"), ("tags", "ints?")]);
    assert_eq!(
        fault(&plan, root.path()),
        "E1003: a.parquet row 1: column `tags` expects list<int>, found a list of 10000000, more than 1048576"
    );
    plan.sources[0].on_bad_row = BadRows::Default;
    let found = thing(&plan, root.path());
    assert!(found.columns["tags"].is_null(0));
    assert_eq!(found.bad.defaulted, 1);
}

/// Numbers that no int holds, and times that lie beyond all times, in files with types.
#[test]
fn what_a_column_cannot_hold_is_a_bad_cell() {
    let root = folder(&[]);
    let far = UInt64Array::from(vec![Some(7), Some(u64::MAX), None]);
    let times = TimestampSecondArray::from(vec![Some(5), Some(i64::MAX), None]);
    let lists = [Some(vec![Some(1), None]), Some(vec![Some(u64::MAX)]), None];
    let lists = ListArray::from_iter_primitive::<UInt64Type, _, _>(lists);
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef),
        ("far", Arc::new(far)),
        ("truth", Arc::new(UInt64Array::from(vec![1, u64::MAX, 0]))),
        ("at", Arc::new(times)),
        ("seconds", Arc::new(Int64Array::from(vec![5, i64::MAX, 6]))),
        ("tags", Arc::new(lists)),
    ]);
    write_parquet(
        &root.path().join("a.parquet"),
        &batch.unwrap(),
        Pages::SNAPPY,
    );
    for (column, ty, found) in [
        ("far", "int", "18446744073709551615"),
        ("truth", "bool", "18446744073709551615"),
        ("at", "time", "9223372036854775807"),
        ("seconds", "time", "9223372036854775807"),
        ("tags", "ints", "[18446744073709551615]"),
    ] {
        let nullable = format!("{ty}?");
        let mut plan = things("a.parquet", &[("id", "int"), (column, &nullable)]);
        let told = fault(&plan, root.path());
        let expected = format!("E1003: a.parquet row 2: column `{column}` expects");
        assert!(
            told.starts_with(&expected) && told.contains(found),
            "{told}"
        );
        plan.sources[0].on_bad_row = BadRows::Default;
        let read = thing(&plan, root.path());
        assert!(read.columns[column].is_null(1), "{column}");
        assert!(!read.columns[column].is_null(0), "{column}");
        assert_eq!(read.bad.defaulted, 1, "{column}");
    }
}

#[test]
fn files_that_break_off_are_told() {
    let root = folder(&[]);
    write_parquet(&root.path().join("a.parquet"), &batch(), Pages::SNAPPY);
    let whole = std::fs::read(root.path().join("a.parquet")).unwrap();
    let packed = gzip("id,name\n1,ann\n2,bob\n".repeat(100).as_bytes());
    let mut damaged = packed.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x55;
    let frames = zstd::encode_all(&b"id,name\n1,ann\n"[..], 1).unwrap();
    let cases: [(&str, &[u8], &str); 6] = [
        ("half.parquet", &whole[..whole.len() / 2], "cannot be read"),
        ("head.parquet", &whole[whole.len() - 8..], "cannot be read"),
        (
            "short.csv.gz",
            &packed[..packed.len() - 9],
            "its packed bytes break off or are damaged after",
        ),
        (
            "damaged.csv.gz",
            &damaged,
            "its packed bytes break off or are damaged after",
        ),
        (
            "not.csv.gz",
            b"id,name\n1,ann\n",
            "its packed bytes break off or are damaged after 0",
        ),
        (
            "short.csv.zst",
            &frames[..frames.len() - 3],
            "its packed bytes break off or are damaged after",
        ),
    ];
    for (name, bytes, expected) in cases {
        std::fs::write(root.path().join(name), bytes).unwrap();
        let said = fault(&things(name, &THINGS), root.path());
        let start = format!("E1011: `{name}` cannot be read: ");
        assert!(
            said.starts_with(&start) && said.contains(expected),
            "{said}"
        );
    }
}

#[test]
fn a_column_that_changes_its_type_in_the_second_file_is_told_with_the_file() {
    let root = folder(&[("a.csv", "id\n1\n"), ("b.csv", "id\nx2\n")]);
    assert_eq!(
        fault(&things("*.csv", &THINGS[..1]), root.path()),
        "E1003: b.csv row 1 (line 2): column `id` expects int, found `x2`\n  \
         help: where a column mixes numbers and texts, declare it as `str`"
    );
    write_parquet(&root.path().join("1.parquet"), &batch(), Pages::SNAPPY);
    let texts = StringArray::from(vec!["4", "5"]);
    let other = RecordBatch::try_from_iter([("id", Arc::new(texts) as _)]).unwrap();
    write_parquet(&root.path().join("2.parquet"), &other, Pages::SNAPPY);
    assert_eq!(
        fault(&things("*.parquet", &THINGS[..1]), root.path()),
        "E1003: 2.parquet: column `id` expects int, the file has Utf8"
    );
}

#[test]
fn a_separator_inside_a_part_of_a_key_does_not_make_two_keys_one() {
    let mut item = entity("item", "items.csv", &[("shop", "str"), ("name", "str")]);
    item.key = vec!["shop".to_owned(), "name".to_owned()];
    let columns = [("shop", "str"), ("name", "str"), ("at", "time")];
    let mut sale: SourcePlan = events("sale", "sales.csv", &columns, &["item"]);
    sale.references[0].columns = item.key.clone();
    sale.references[0].absent = Absent::Error;
    let plan = Plan {
        sources: vec![item, sale],
        ..Plan::default()
    };
    let root = folder(&[
        ("items.csv", "shop,name\n\"a,b\",c\na,\"b,c\"\n"),
        ("sales.csv", "shop,name,at\na,\"b,c\",1\n\"a,b\",c,2\n"),
    ]);
    let data = load(&plan, root.path());
    assert_eq!(data.source("sale").unwrap().references["item"], [1, 0]);
    assert_eq!(data.source("item").unwrap().find("a,b\\,c"), Some(1));
}

#[test]
fn bytes_that_are_no_utf_8_make_a_row_bad_and_no_other() {
    let root = folder(&[]);
    let bytes = b"id,name\n1,ann\n2,\xff\xfe\n3,eve\n";
    std::fs::write(root.path().join("a.csv"), bytes).unwrap();
    let mut plan = things("a.csv", &THINGS);
    assert_eq!(
        fault(&plan, root.path()),
        "E1006: a.csv row 2 (line 3): byte 0xff is not UTF-8\n  help: convert the file to UTF-8"
    );
    plan.sources[0].on_bad_row = BadRows::Skip(SkipLimit::Rows(1));
    let found = thing(&plan, root.path());
    assert_eq!(found.columns["id"].data, Data::Int(vec![1, 3]));
}

#[test]
fn events_out_of_order_are_put_in_order() {
    let mut plan = things("things.csv", &THINGS[..1]);
    plan.sources.push(events(
        "visit",
        "visits.csv",
        &[("thing_id", "int"), ("at", "time")],
        &["thing"],
    ));
    let root = folder(&[
        ("things.csv", "id\n1\n"),
        ("visits.csv", "thing_id,at\n1,30\n1,10\n1,20\n1,10\n"),
    ]);
    let data = load(&plan, root.path());
    assert_eq!(data.source("visit").unwrap().order, [1, 3, 2, 0]);
}
