//! All faults that files can have, at one place: each case with what is said of it, as a page.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, Schema};
use arrow::ipc::writer::FileWriter;
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use reckon_compiler::plan::{BadRows, JoinPlan, Plan, SkipLimit, SourcePlan, TimeFormat};
use reckon_compiler::value::Value;
use reckon_runtime::data::{BadCount, Dataset};

use crate::spec::{column, entity, events, folder, rendered};

/// A case: what it is called, its sources, and the files that they are read from.
struct Case {
    name: &'static str,
    sources: Vec<SourcePlan>,
    files: Vec<(&'static str, Vec<u8>)>,
}

/// Things with a number each, in one file of this text.
fn things(name: &'static str, path: &'static str, bytes: impl AsRef<[u8]>) -> Case {
    of_type("float", name, (path, bytes))
}

/// As [`things`], with values of a type.
fn of_type(ty: &str, name: &'static str, (path, bytes): (&'static str, impl AsRef<[u8]>)) -> Case {
    Case {
        name,
        sources: vec![entity("thing", path, &[("id", "int"), ("value", ty)])],
        files: vec![(path, bytes.as_ref().to_vec())],
    }
}

/// Visits of two things.
fn visits(name: &'static str, path: &'static str, bytes: impl AsRef<[u8]>) -> Case {
    let columns = [("thing_id", "int"), ("at", "time")];
    Case {
        name,
        sources: vec![
            entity("thing", "things.csv", &[("id", "int")]),
            events("visit", path, &columns, &["thing"]),
        ],
        files: vec![
            ("things.csv", b"id\n1\n2\n".to_vec()),
            (path, bytes.as_ref().to_vec()),
        ],
    }
}

/// Views of one thing, each with the clicks of its request.
fn outcome(name: &'static str, views: &str, clicks: &str) -> Case {
    let mut case = visits(name, "views.csv", format!("thing_id,at,request\n{views}"));
    let columns = [("thing_id", "int"), ("at", "time"), ("request", "int")];
    case.sources[1] = events("view", "views.csv", &columns, &["thing"]);
    let mut click = column("click", "bool");
    click.joined = Some(JoinPlan {
        source: "click".to_owned(),
        on: vec!["request".to_owned()],
        within: 60_000_000,
        value: None,
        otherwise: Some(Value::Bool(false)),
    });
    case.sources[1].columns.push(click);
    let columns = [("request", "int"), ("at", "time")];
    case.sources
        .push(events("click", "clicks.csv", &columns, &[]));
    case.files
        .push(("clicks.csv", format!("request,at\n{clicks}").into_bytes()));
    case
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Rows with the ids from 1 on.
fn batch(value: ArrayRef) -> RecordBatch {
    let ids: Vec<i64> = (1..=value.len() as i64).collect();
    let columns = [
        ("id", Arc::new(Int64Array::from(ids)) as ArrayRef),
        ("value", value),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn floats(values: &[f64]) -> RecordBatch {
    batch(Arc::new(Float64Array::from(values.to_vec())))
}

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn arrow(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

fn half(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / 2]
}

fn files_that_are_not_what_they_seem() -> Vec<Case> {
    let numbers = floats(&[1.0, 2.0]);
    let (columns, batches) = (parquet(&numbers), arrow(&numbers));
    let text = b"id,value\n1,1\n2,2\n";
    let frames = zstd::encode_all(&text[..], 1).unwrap();
    let folder = things(
        "a folder without files, named as one",
        "taps.csv/notes.txt",
        "",
    );
    vec![
        things("no file", "*.csv", "").without_files(),
        Case {
            sources: vec![entity("thing", "taps.csv", &[("id", "int")])],
            ..folder
        },
        things("an empty csv", "a.csv", ""),
        things("a csv of a header alone", "a.csv", "id,value\n"),
        things("an empty jsonl", "a.jsonl", ""),
        things("an empty parquet", "a.parquet", ""),
        things("a parquet cut short", "a.parquet", half(&columns)),
        things("an arrow file cut short", "a.arrow", half(&batches)),
        things("gzip cut short", "a.csv.gz", half(&gzip(text))),
        things("zstandard cut short", "a.csv.zst", half(&frames)),
        things("a parquet named csv", "a.csv", &columns),
        things("an arrow file named parquet", "a.parquet", &batches),
        things("gzip named csv", "a.csv", gzip(text)),
        things("a csv named parquet", "a.parquet", text),
        things(
            "objects named arrow",
            "a.arrow",
            "{\"id\": 1, \"value\": 2}\n",
        ),
    ]
}

/// A file whose column `value` stands twice.
fn doubled() -> Vec<u8> {
    let row = floats(&[1.0]);
    let fields = [0, 1, 1].map(|at| row.schema().field(at).clone()).to_vec();
    let columns = [0, 1, 1].map(|at| Arc::clone(row.column(at))).to_vec();
    arrow(&RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap())
}

/// Rows that cannot be read, each under a policy that lets it pass or not.
fn rows_under_a_policy() -> [Case; 3] {
    let line = "{\"id\": 1, \"value\": 2}
";
    let bad = format!(
        "{line}{{\"id\": 2, \"value\": NaN}}
[{line}"
    );
    let mut skipped = things("objects of which two may be skipped", "a.jsonl", bad);
    skipped.sources[0].on_bad_row = BadRows::Skip(SkipLimit::Rows(2));
    let mut defaulted = things(
        "a text for a number, with defaults",
        "a.csv",
        "id,value\n1,old\n2,3\n",
    );
    defaulted.sources[0].on_bad_row = BadRows::Default;
    let mut keyless = things(
        "a text for a key, with defaults",
        "a.csv",
        "id,value\nold,3\n",
    );
    keyless.sources[0].on_bad_row = BadRows::Default;
    [skipped, defaulted, keyless]
}

fn rows_that_are_none() -> Vec<Case> {
    let mut cases = Vec::from(rows_under_a_policy());
    cases.extend([
        things(
            "a declared column that stands twice in a csv",
            "a.csv",
            "id,value,value\n1,2,3\n",
        ),
        things(
            "another column that stands twice",
            "a.csv",
            "id,more,value,more\n1,2,3,4\n",
        ),
        things(
            "a declared column that stands twice in an arrow file",
            "a.arrow",
            doubled(),
        ),
        things(
            "a declared name that stands twice in an object",
            "a.jsonl",
            "{\"id\": 1, \"value\": 2}\n{\"id\": 2, \"value\": 2, \"value\": 3}\n",
        ),
        things("columns in another order", "a.csv", "value,id\n2,1\n"),
        things("a missing column", "a.csv", "id,valeu\n1,2\n"),
        things("ragged rows", "a.csv", "id,value\n1,2,3\n2\n"),
        things(
            "bytes that are no UTF-8 in a csv",
            "a.csv",
            b"id,value\n1,\xff\n",
        ),
        things(
            "bytes that are no UTF-8 in objects",
            "a.jsonl",
            b"{\"id\": 1, \"value\": 2}\n{\"id\": 2, \"\xff\": 2}\n",
        ),
        things("a quote without an end", "a.csv", "id,value\n1,\"2\n"),
        things(
            "objects as one array, line by line",
            "a.jsonl",
            "[\n{\"id\": 1, \"value\": 2},\n{\"id\": 2, \"value\": 2}\n]\n",
        ),
        things(
            "objects as one array in one line",
            "a.jsonl",
            "[{\"id\": 1, \"value\": 2}]",
        ),
        things(
            "an object cut short",
            "a.jsonl",
            "{\"id\": 1, \"value\": 2}\n{\"id\": 2, \"val",
        ),
    ]);
    cases
}

fn values_that_are_none() -> Vec<Case> {
    let mut cases = vec![
        things("a text for a number", "a.csv", "id,value\n1,old\n"),
        things("a null where none may be", "a.csv", "id,value\n1,\n"),
        things(
            "a null in a key",
            "a.jsonl",
            "{\"id\": null, \"value\": 1}\n",
        ),
        things(
            "no number where no null may be",
            "a.csv",
            "id,value\n1,nan\n2,-NaN\n",
        ),
        of_type(
            "float?",
            "no number where a null may be",
            ("a.csv", "id,value\n1,nan\n2,-NaN\n"),
        ),
        of_type(
            "float?",
            "an infinite number in a csv",
            ("a.csv", "id,value\n1,inf\n2,1e400\n3,-Infinity\n"),
        ),
        of_type(
            "float?",
            "an infinite number in a parquet",
            (
                "a.parquet",
                parquet(&floats(&[1.0, f64::INFINITY, f64::NAN])),
            ),
        ),
        things(
            "no number in an object",
            "a.jsonl",
            "{\"id\": 1, \"value\": NaN}\n{\"id\": 2, \"value\": -Infinity}\n",
        ),
        things(
            "too large a number in an object",
            "a.jsonl",
            "{\"id\": 1, \"value\": 1e400}\n",
        ),
    ];
    cases.extend(whole_numbers_and_lists_that_are_none());
    cases
}

fn infinite() -> RecordBatch {
    let list = vec![Some(1.0), Some(f64::INFINITY)];
    batch(Arc::new(
        ListArray::from_iter_primitive::<Float64Type, _, _>([Some(list)]),
    ))
}

fn whole_numbers_and_lists_that_are_none() -> Vec<Case> {
    let lists = |length: usize| {
        let values = std::iter::repeat_n(Some(1_i64), length);
        batch(Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(
            [Some(values)],
        )))
    };
    vec![
        of_type(
            "int",
            "whole numbers as floats in a csv",
            ("a.csv", "id,value\n1,7.0\n2,7.5\n"),
        ),
        of_type(
            "int",
            "whole numbers as floats in a parquet",
            ("a.parquet", parquet(&floats(&[7.0, 7.5, 1e300]))),
        ),
        of_type(
            "int?",
            "whole numbers as floats in a parquet, one missing",
            ("a.parquet", parquet(&floats(&[7.0, f64::NAN]))),
        ),
        of_type(
            "int",
            "a number beyond 64 bits",
            ("a.csv", "id,value\n1,9223372036854775808\n"),
        ),
        of_type(
            "int",
            "no number as a whole one",
            ("a.csv", "id,value\n1,nan\n2,7\n"),
        ),
        of_type(
            "floats",
            "an infinite number in a list",
            ("a.parquet", parquet(&infinite())),
        ),
        of_type(
            "ints",
            "an endless list",
            ("a.parquet", parquet(&lists((1 << 20) + 1))),
        ),
        of_type("ints", "a list in a csv", ("a.csv", "id,value\n1,[1]\n")),
    ]
}

fn keys_and_times_that_do_not_fit() -> Vec<Case> {
    let mut mixed = things(
        "another type in the second file",
        "1.csv",
        "id,value\n1,2\n",
    );
    mixed.sources[0].paths.push("2.csv".to_owned());
    mixed.files.push(("2.csv", b"id,value\n2,two\n".to_vec()));
    let mut signs = things(
        "two signs of 0 in float keys",
        "a.csv",
        "id,value\n0.0,1\n-0.0,2\n",
    );
    signs.sources[0] = entity("thing", "a.csv", &[("id", "float"), ("value", "float")]);
    let mut parts = things(
        "two keys of two parts, joined by their separator alike",
        "a.csv",
        "id,of,value\n\"a,b\",c,1\na,\"b,c\",2\n",
    );
    parts.sources[0] = entity(
        "thing",
        "a.csv",
        &[("id", "str"), ("of", "str"), ("value", "int")],
    );
    parts.sources[0].key = vec!["id".to_owned(), "of".to_owned()];
    let mut millis = visits(
        "nanoseconds read as milliseconds",
        "a.csv",
        "thing_id,at\n1,1700000000000000000\n",
    );
    millis.sources[1].columns[1].time = TimeFormat::Millis;
    vec![
        mixed,
        things("a key that two rows have", "a.csv", "id,value\n1,2\n1,3\n"),
        signs,
        parts,
        outcome("a click of two views", "1,5,7\n1,6,7\n", "7,8\n"),
        visits("an event of nothing", "a.csv", "thing_id,at\n1,5\n3,6\n"),
        visits("events out of order", "a.csv", "thing_id,at\n1,30\n1,10\n"),
        visits("dates before 1970", "a.csv", "thing_id,at\n1,-86400\n"),
        visits("an event without a time", "a.csv", "thing_id,at\n1,\n"),
        visits("a text for a time", "a.csv", "thing_id,at\n1,yesterday\n"),
        visits(
            "milliseconds read as seconds",
            "a.csv",
            "thing_id,at\n1,1700000000000\n",
        ),
        visits(
            "microseconds read as seconds",
            "a.csv",
            "thing_id,at\n1,1700000000000000\n",
        ),
        visits(
            "microseconds read as seconds, in objects",
            "a.jsonl",
            "{\"thing_id\": 1, \"at\": 1700000000000000}\n",
        ),
        millis,
    ]
}

impl Case {
    fn without_files(mut self) -> Self {
        self.files.clear();
        self
    }

    /// What is said when the files are read.
    fn said(&self) -> String {
        let root = folder(&[]);
        for (name, bytes) in &self.files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
            File::create(path).unwrap().write_all(bytes).unwrap();
        }
        let plan = Plan {
            sources: self.sources.clone(),
            ..Plan::default()
        };
        match Dataset::load(&plan, root.path(), None) {
            Ok(data) => {
                let bad = data.sources.iter().map(|source| source.bad);
                let told = bad.filter(|bad| !bad.is_none()).map(|bad| {
                    let BadCount { skipped, defaulted } = bad;
                    format!(", {skipped} rows skipped and {defaulted} with defaults")
                });
                format!("is read{}", told.collect::<String>())
            }
            Err(faults) => rendered(&faults),
        }
    }
}

#[test]
fn each_fault_is_told_by_file_row_and_column() {
    let chapters = [
        (
            "Files that are not what they seem",
            files_that_are_not_what_they_seem(),
        ),
        ("Rows that are none", rows_that_are_none()),
        ("Values that are none", values_that_are_none()),
        (
            "Keys and times that do not fit",
            keys_and_times_that_do_not_fit(),
        ),
    ];
    let mut page = String::new();
    for (title, cases) in chapters {
        writeln!(page, "# {title}\n").unwrap();
        for case in cases {
            writeln!(page, "## {}\n{}\n", case.name, case.said()).unwrap();
        }
    }
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(page);
    });
}
