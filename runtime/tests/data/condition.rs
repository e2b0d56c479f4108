//! Sources that have some rows of their files: `events visit from "visits.parquet" where note > 2`.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use reckon_compiler::plan::row::{Inst, Kernel, RowKind, RowOp};
use reckon_compiler::plan::{BadRows, Plan, SkipLimit, SourcePlan};
use reckon_compiler::value::Value;
use reckon_runtime::data::{Dataset, LeftOut, look};

use crate::spec::{
    USERS, column, entity, events, folder, inst, kernel, load, of_column, rendered, span,
};

const VISITS: [(&str, &str); 3] = [("user_id", "int"), ("at", "time"), ("note", "int?")];

/// Visits of users of which `note OP VALUE` holds.
fn visits(path: &str, op: RowOp, value: i64) -> Plan {
    let of_visit = events("visit", path, &VISITS, &["user"]);
    Plan {
        sources: vec![
            entity("user", "users.csv", &[("user_id", "int"), ("age", "int")]),
            SourcePlan {
                condition: Some(compared("note", RowKind::Int, op, Value::Int(value))),
                ..of_visit
            },
        ],
        ..Plan::default()
    }
}

fn compared(name: &str, kind: RowKind, op: RowOp, value: Value) -> Kernel {
    let code = vec![
        of_column(name, kind.clone()),
        inst(RowOp::Const(value), &[], kind),
        Inst {
            span: Some(span(7)),
            ..inst(op, &[0, 1], RowKind::Bool)
        },
    ];
    kernel("visit", code, &[("holds", 2)])
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, group: usize) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group));
    let handle = File::create(path).unwrap();
    let mut writer =
        ArrowWriter::try_new(handle, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Six visits in row groups of two, the notes in order.
fn six_visits(path: &Path, users: Vec<i64>) {
    let ints = |values: Vec<Option<i64>>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let columns = vec![
        ("user_id", Arc::new(Int64Array::from(users)) as ArrayRef),
        ("at", ints((10..16).map(Some).collect())),
        (
            "note",
            ints(vec![Some(1), None, Some(3), Some(4), Some(5), Some(6)]),
        ),
    ];
    write(path, columns, 2);
}

fn notes(data: &Dataset) -> Vec<i64> {
    let visits = data.source("visit").unwrap();
    let reckon_kernel::Data::Int(notes) = &visits.columns["note"].data else {
        panic!("notes are whole numbers")
    };
    notes.clone()
}

#[test]
fn rows_of_which_the_condition_is_false_or_null_are_left_out_whatever_the_format() {
    let csv = "user_id,at,note\n1,10,1\n2,11,\n3,12,3\n1,13,4\n2,14,5\n3,15,6\n";
    let jsonl = "{\"user_id\":1,\"at\":10,\"note\":1}\n{\"user_id\":2,\"at\":11,\"note\":null}\n\
        {\"user_id\":3,\"at\":12,\"note\":3}\n{\"user_id\":1,\"at\":13,\"note\":4}\n\
        {\"user_id\":2,\"at\":14,\"note\":5}\n{\"user_id\":3,\"at\":15,\"note\":6}\n";
    let root = folder(&[("users.csv", USERS), ("v.csv", csv), ("v.jsonl", jsonl)]);
    six_visits(&root.path().join("v.parquet"), vec![1, 2, 3, 1, 2, 3]);
    for (path, row_groups) in [("v.csv", 0), ("v.jsonl", 0), ("v.parquet", 1)] {
        let data = load(&visits(path, RowOp::Gt, 3), root.path());
        let visit = data.source("visit").unwrap();
        assert_eq!(notes(&data), [4, 5, 6], "{path}");
        assert_eq!(visit.references["user"], [0, 1, 2], "{path}");
        let left_out = LeftOut {
            rows: 3,
            row_groups,
        };
        assert_eq!(visit.left_out, left_out, "{path}");
    }
}

#[test]
fn faults_behind_row_groups_that_are_not_read_have_the_rows_of_the_file() {
    let root = folder(&[("users.csv", USERS)]);
    six_visits(&root.path().join("v.parquet"), vec![1, 2, 3, 1, 2, 99]);
    let plan = visits("v.parquet", RowOp::Ge, 5);
    let faults = Dataset::load(&plan, root.path(), None).unwrap_err();
    let said = rendered(&faults);
    assert!(
        said.contains("v.parquet row 6: there is no `user` with the key 99"),
        "{said}"
    );
    // A row that is left out refers to nothing.
    let data = load(&visits("v.parquet", RowOp::Le, 5), root.path());
    assert_eq!(notes(&data), [1, 3, 4, 5]);
}

#[test]
fn bad_rows_are_skipped_before_the_condition_is_asked() {
    let csv = "user_id,at,note\n1,10,1\n2,11,x\n3,12,3\n1,13,4\n";
    let root = folder(&[("users.csv", USERS), ("v.csv", csv)]);
    let mut plan = visits("v.csv", RowOp::Ne, 3);
    plan.sources[1].on_bad_row = BadRows::Skip(SkipLimit::Rows(1));
    let data = load(&plan, root.path());
    let visit = data.source("visit").unwrap();
    assert_eq!(notes(&data), [1, 4]);
    assert_eq!((visit.bad.skipped, visit.left_out.rows), (1, 1));
}

#[test]
fn a_condition_that_nothing_passes_is_told() {
    let root = folder(&[("users.csv", USERS)]);
    six_visits(&root.path().join("v.parquet"), vec![1, 2, 3, 1, 2, 3]);
    let plan = visits("v.parquet", RowOp::Gt, 6);
    let said = rendered(&Dataset::load(&plan, root.path(), None).unwrap_err());
    let looked = rendered(&look(&plan, root.path()).findings);
    insta::assert_snapshot!(format!("run\n{said}\n\ncheck --data\n{looked}"), @"
    run
    E1007: none of 6 rows of `visit` passes its `where`
      help: without the condition `reckon check --data` tells what the columns hold

    check --data
    E1044: none of 6 rows of `visit` passes its `where`
      help: without the condition `reckon check --data` tells what the columns hold
    ");
}

/// A row of everything that a condition compares, all of it after one number.
struct Thing {
    id: i64,
    number: Option<i64>,
    share: Option<f64>,
    word: Option<String>,
    flag: Option<bool>,
    /// Seconds.
    when: Option<i64>,
}

impl Thing {
    fn new(id: i64, number: Option<i64>) -> Self {
        Self {
            id,
            number,
            share: number.map(|n| (n * 3 % 40) as f64 / 2.0),
            word: number.map(|n| format!("w{n:03}")),
            flag: number.map(|n| n > 25),
            when: number.map(|n| n * 86_400 + 5),
        }
    }

    fn line(&self) -> String {
        let or_null = |value: Option<String>| value.unwrap_or_else(|| "null".to_owned());
        format!(
            r#"{{"id": {}, "number": {}, "share": {}, "word": {}, "flag": {}, "when": {}}}"#,
            self.id,
            or_null(self.number.map(|n| n.to_string())),
            or_null(self.share.map(|n| n.to_string())),
            or_null(self.word.as_ref().map(|word| format!("{word:?}"))),
            or_null(self.flag.map(|flag| flag.to_string())),
            or_null(self.when.map(|n| n.to_string())),
        )
    }
}

fn as_columns(things: &[Thing]) -> Vec<(&'static str, ArrayRef)> {
    let each = || things.iter();
    let when = each().map(|thing| thing.when.map(|n| n * 1000));
    vec![
        (
            "id",
            Arc::new(Int64Array::from_iter_values(each().map(|thing| thing.id))),
        ),
        (
            "number",
            Arc::new(each().map(|thing| thing.number).collect::<Int64Array>()),
        ),
        (
            "share",
            Arc::new(each().map(|thing| thing.share).collect::<Float64Array>()),
        ),
        (
            "word",
            Arc::new(
                each()
                    .map(|thing| thing.word.clone())
                    .collect::<StringArray>(),
            ),
        ),
        (
            "flag",
            Arc::new(each().map(|thing| thing.flag).collect::<BooleanArray>()),
        ),
        (
            "when",
            Arc::new(when.collect::<TimestampMillisecondArray>()),
        ),
    ]
}

/// A comparison of a column with a value: column, op, value.
type Comparison = (usize, usize, i64);

const COLUMNS: [(&str, &str); 5] = [
    ("number", "int?"),
    ("share", "float?"),
    ("word", "str?"),
    ("flag", "bool?"),
    ("when", "time?"),
];

/// `(a OP x or not (b OP y)) and (c OP z or is_null(d))`
fn condition(of: &[Comparison; 3], null: usize) -> Kernel {
    let kinds = COLUMNS.map(|(name, ty)| column(name, ty).ty.kind);
    let ops = [
        RowOp::Eq,
        RowOp::Ne,
        RowOp::Lt,
        RowOp::Le,
        RowOp::Gt,
        RowOp::Ge,
    ];
    let mut code = Vec::new();
    for (at, op, value) in of {
        let (kind, first) = (kinds[*at].clone(), code.len());
        code.push(of_column(COLUMNS[*at].0, kind.clone()));
        let value = match kind {
            RowKind::Float => Value::Float(*value as f64 / 2.0),
            RowKind::Str => Value::Str(format!("w{value:03}")),
            RowKind::Bool => Value::Bool(*value > 20),
            RowKind::Time => Value::Int(*value),
            _ => Value::Int(*value),
        };
        // Truth values are only ever equal or not; of times the day is compared.
        let op = match kind {
            RowKind::Bool => ops[op % 2].clone(),
            _ => ops[*op].clone(),
        };
        let left = match kind {
            RowKind::Time => {
                code.push(inst(RowOp::Day, &[first], RowKind::Int));
                first + 1
            }
            _ => first,
        };
        let of_value = match value {
            Value::Int(_) => RowKind::Int,
            _ => kind,
        };
        code.push(inst(RowOp::Const(value), &[], of_value));
        code.push(inst(op, &[left, code.len() - 1], RowKind::Bool));
    }
    let ends: Vec<usize> = (0..code.len())
        .filter(|at| code[*at].ty.kind == RowKind::Bool && code[*at].args.len() == 2)
        .collect();
    let at = code.len();
    let truth = |op, args: &[usize]| inst(op, args, RowKind::Bool);
    code.push(truth(RowOp::Not, &[ends[1]]));
    code.push(truth(RowOp::Or, &[ends[0], at]));
    code.push(of_column(COLUMNS[null].0, kinds[null].clone()));
    code.push(truth(RowOp::IsNull, &[at + 2]));
    code.push(truth(RowOp::Or, &[ends[2], at + 3]));
    code.push(truth(RowOp::And, &[at + 1, at + 4]));
    kernel("thing", code, &[("holds", at + 5)])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_left_is_the_same_in_row_groups_of_any_size(
        numbers in prop::collection::vec(prop::option::weighted(0.9, 0..40_i64), 1..60),
        sorted in any::<bool>(),
        group in 1..12_usize,
        of in prop::array::uniform3((0..5_usize, 0..6_usize, 0..40_i64)),
        null in 0..5_usize,
    ) {
        let mut numbers = numbers;
        if sorted {
            numbers.sort_unstable();
        }
        let root = tempfile::tempdir().unwrap();
        let things: Vec<Thing> = numbers.iter().zip(0..).map(|(n, id)| Thing::new(id, *n)).collect();
        let lines: Vec<String> = things.iter().map(Thing::line).collect();
        std::fs::write(root.path().join("things.jsonl"), lines.join("\n")).unwrap();
        write(&root.path().join("things.parquet"), as_columns(&things), group);
        let kept = |path: &str, condition: Option<Kernel>| {
            let declared: Vec<(&str, &str)> = [("id", "int")].into_iter().chain(COLUMNS).collect();
            let source = SourcePlan { condition, ..entity("thing", path, &declared) };
            let plan = Plan { sources: vec![source], ..Plan::default() };
            Dataset::load(&plan, root.path(), None).map(|data| {
                let thing = data.source("thing").unwrap();
                (thing.columns["id"].clone(), thing.left_out)
            })
        };
        let [lines, groups] = ["things.jsonl", "things.parquet"].map(|path| kept(path, Some(condition(&of, null))));
        match (lines, groups) {
            (Ok((lines, of_lines)), Ok((groups, of_groups))) => {
                prop_assert_eq!(lines, groups);
                prop_assert_eq!(of_lines.rows, of_groups.rows);
            }
            (Err(lines), Err(groups)) => prop_assert_eq!(rendered(&lines), rendered(&groups)),
            (lines, groups) => prop_assert!(false, "{lines:?} and {groups:?}"),
        }
    }
}
