//! Files of every kind, read into the same columns.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::Int64Type;
use arrow::ipc::writer::FileWriter;
use parquet::arrow::ArrowWriter;
use reckon_compiler::plan::row::RowKind;
use reckon_compiler::plan::{Absent, Plan, TimeFormat};
use reckon_compiler::value::Value;
use reckon_kernel::{Column, Data, Lists};
use reckon_runtime::data::{ABSENT_ROW, Dataset};

use crate::spec::{
    MOVIES, RATINGS, USERS, column, entity, events, folder, kernel, load, movielens,
    movielens_folder, of_column, rendered,
};

#[test]
fn references_become_row_numbers_and_times_microseconds() {
    let data = load(&movielens(), movielens_folder().path());
    let rating = data.source("rating").unwrap();
    assert_eq!(rating.references["user"], [0, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(rating.references["movie"], [0, 1, 2, 3, 1, 3, 0, 2]);
    assert_eq!(rating.times[..2], [100_000_000, 200_000_000]);
    // By time, rows of one instant in file order.
    assert_eq!(rating.order, [0, 4, 5, 1, 2, 3, 6, 7]);
}

#[test]
fn keys_are_found_as_a_user_writes_them() {
    let data = load(&movielens(), movielens_folder().path());
    let user = data.source("user").unwrap();
    assert_eq!(
        [user.find("3"), user.find("4"), user.find("x")],
        [Some(2), None, None]
    );
    assert_eq!(user.key_text(2), "3");
}

#[test]
fn a_key_of_two_columns() {
    let mut item = entity("item", "items.csv", &[("shop", "str"), ("number", "int")]);
    item.key = vec!["shop".to_owned(), "number".to_owned()];
    let mut sale = events(
        "sale",
        "sales.csv",
        &[("shop", "str"), ("number", "int"), ("at", "time")],
        &["item"],
    );
    sale.references[0].columns = item.key.clone();
    let plan = Plan {
        sources: vec![item, sale],
        ..Plan::default()
    };
    let sales = "shop,number,at\nb,1,5\na,1,6\n";
    let folder = folder(&[
        ("items.csv", "shop,number\na,1\na,2\nb,1\n"),
        ("sales.csv", sales),
    ]);
    let data = load(&plan, folder.path());
    assert_eq!(data.source("sale").unwrap().references["item"], [2, 0]);
    assert_eq!(data.source("item").unwrap().find("a,2"), Some(1));
}

#[test]
fn several_files_follow_one_another_in_the_order_of_their_names() {
    let (first, second) = RATINGS.split_at(RATINGS.find("2,11").unwrap());
    let second = format!("user_id,movie_id,stars,at\n{second}");
    let mut plan = movielens();
    let files = [
        ("users.csv", USERS),
        ("movies.csv", MOVIES),
        ("log/2.csv", second.as_str()),
        ("log/1.csv", first),
    ];
    let folder = folder(&files);
    for paths in [
        vec!["log"],
        vec!["log/*.csv"],
        vec!["log/1.csv", "log/2.csv"],
    ] {
        plan.sources[2].paths = paths.into_iter().map(str::to_owned).collect();
        let data = load(&plan, folder.path());
        assert_eq!(
            data.source("rating").unwrap().references["movie"],
            [0, 1, 2, 3, 1, 3, 0, 2]
        );
    }
    std::fs::write(
        folder.path().join("log/2.csv"),
        "user_id,movie_id,stars,at\n1,10,5,1\n9,10,5,1\n",
    )
    .unwrap();
    let faults = Dataset::load(&plan, folder.path(), None).unwrap_err();
    assert_eq!(
        faults[0].message,
        "log/2.csv row 2 (line 3): there is no `user` with the key 9"
    );
}

#[test]
fn only_declared_columns_are_read_in_any_order() {
    let users = "name,age,user_id\n\"Ann, \"\"A\"\"\",20,1\nBob,,2\n";
    let mut plan = movielens();
    plan.sources.truncate(1);
    plan.sources[0] = entity("user", "users.csv", &[("user_id", "int"), ("age", "int?")]);
    let data = load(&plan, folder(&[("users.csv", users)]).path());
    let age = &data.source("user").unwrap().columns["age"];
    assert_eq!((&age.data, age.is_null(1)), (&Data::Int(vec![20, 0]), true));
}

#[test]
fn tsv_takes_quotes_as_text() {
    let mut plan = movielens();
    plan.sources = vec![entity("movie", "movies.tsv", &[("title", "str")])];
    let data = load(
        &plan,
        folder(&[("movies.tsv", "title\n\"Heat\", the film\n")]).path(),
    );
    assert_eq!(
        data.source("movie").unwrap().key_text(0),
        "\"Heat\", the film"
    );
}

#[test]
fn sentinels_and_not_a_number_are_null() {
    let mut item = entity(
        "item",
        "items.csv",
        &[("id", "int"), ("year", "int?"), ("price", "float?")],
    );
    item.columns[1].nulls = vec![Value::Int(-1)];
    item.columns.push(column("name", "str?"));
    item.columns[3].nulls = vec![Value::Str("\\N".to_owned())];
    let plan = Plan {
        sources: vec![item],
        ..Plan::default()
    };
    let items = "id,year,price,name\n1,-1,NaN,\\N\n2,1995.0,2.5,x\n3,,,\n";
    let data = load(&plan, folder(&[("items.csv", items)]).path());
    let columns = &data.source("item").unwrap().columns;
    for name in ["year", "price", "name"] {
        assert_eq!(
            [0, 1, 2].map(|row| columns[name].is_null(row)),
            [true, false, true],
            "{name}"
        );
    }
    assert_eq!(columns["year"].data, Data::Int(vec![0, 1995, 0]));
}

#[test]
fn times_are_read_in_every_format() {
    let text = |format: &str, zone: &str| TimeFormat::Text {
        format: format.to_owned(),
        zone: zone.to_owned(),
    };
    let cases = [
        (TimeFormat::Seconds, "891717742.5"),
        (TimeFormat::Millis, "891717742500"),
        (TimeFormat::Micros, "891717742500000"),
        (text("%F %T%f", "UTC"), "1998-04-04 19:22:22.5"),
        (text("%F %T.%f", "+08:00"), "1998-04-05 03:22:22.500"),
    ];
    for (format, written) in cases {
        let mut visit = events("visit", "visits.csv", &[("at", "time")], &[]);
        visit.columns[0].time = format.clone();
        let plan = Plan {
            sources: vec![visit],
            ..Plan::default()
        };
        let data = load(
            &plan,
            folder(&[("visits.csv", &format!("at\n{written}\n"))]).path(),
        );
        assert_eq!(
            data.source("visit").unwrap().times,
            [891_717_742_500_000],
            "{format:?}"
        );
    }
}

#[test]
fn repeats_are_dropped_and_counted_the_first_kept() {
    let mut plan = movielens();
    plan.sources[2].unique = vec!["user_id".to_owned(), "movie_id".to_owned()];
    let ratings = "user_id,movie_id,stars,at\n1,10,5,300\n2,10,3,200\n1,10,1,100\n1,11,4,400\n";
    let folder = folder(&[
        ("users.csv", USERS),
        ("movies.csv", MOVIES),
        ("ratings.csv", ratings),
    ]);
    let data = load(&plan, folder.path());
    let rating = data.source("rating").unwrap();
    assert_eq!(
        (
            rating.repeats,
            rating.rows,
            rating.references["user"].clone()
        ),
        (1, 3, vec![0, 1, 0])
    );
    assert_eq!(
        rating.columns["stars"].data,
        Data::Float(vec![5.0, 3.0, 4.0])
    );
    assert_eq!(rating.order, [1, 0, 2]);
}

#[test]
fn an_entity_may_be_read_from_a_table_of_events() {
    let mut plan = movielens();
    plan.sources[1].paths = vec!["plays.csv".to_owned()];
    plan.sources[1].unique = vec!["movie_id".to_owned()];
    let heads = MOVIES.lines().next().unwrap();
    let first = MOVIES.lines().nth(1).unwrap();
    let plays = format!("{heads}\n{first}\n{first}\n{first}\n");
    let ratings = "user_id,movie_id,stars,at\n1,10,5,300\n";
    let folder = folder(&[
        ("users.csv", USERS),
        ("plays.csv", &plays),
        ("ratings.csv", ratings),
    ]);
    let data = load(&plan, folder.path());
    let movie = data.source("movie").unwrap();
    assert_eq!((movie.rows, movie.repeats), (1, 2));
    assert_eq!(movie.columns["movie_id"].data, Data::Int(vec![10]));
}

#[test]
fn absent_entities_are_counted_where_they_are_allowed() {
    let mut plan = movielens();
    plan.sources[2]
        .references
        .iter_mut()
        .for_each(|reference| reference.absent = Absent::Unknown);
    let ratings = "user_id,movie_id,stars,at\n1,99,5,300\n7,10,3,200\n8,10,3,200\n";
    let folder = folder(&[
        ("users.csv", USERS),
        ("movies.csv", MOVIES),
        ("ratings.csv", ratings),
    ]);
    let rating = load(&plan, folder.path()).source("rating").unwrap().clone();
    assert_eq!(rating.references["user"], [0, ABSENT_ROW, ABSENT_ROW]);
    assert_eq!((rating.absent["user"], rating.absent["movie"]), (2, 1));
}

#[test]
fn outputs_have_a_last_row_for_an_absent_thing() {
    let mut plan = movielens();
    plan.kernels = vec![kernel(
        "user",
        vec![of_column("age", RowKind::Int)],
        &[("age", 0)],
    )];
    let data = load(&plan, movielens_folder().path());
    let age = &data.source("user").unwrap().outputs["age"];
    assert_eq!(
        (&age.data, age.null_count()),
        (&Data::Int(vec![20, 30, 40, 0]), 1)
    );
}

fn batch() -> RecordBatch {
    let tags = ListArray::from_iter_primitive::<Int64Type, _, _>([
        Some(vec![Some(1), None, Some(2)]),
        None,
        Some(vec![]),
    ]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("extra", Arc::new(StringArray::from(vec!["x", "y", "z"]))),
        ("id", Arc::new(Int32Array::from(vec![7, 8, 9]))),
        (
            "click",
            Arc::new(Int64Array::from(vec![Some(1), Some(0), None])),
        ),
        ("tags", Arc::new(tags)),
        (
            "at",
            Arc::new(TimestampMillisecondArray::from(vec![1500, 2500, 3500])),
        ),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn columnar_plan(path: &str, click: &str) -> Plan {
    let columns = [
        ("id", "int"),
        ("click", click),
        ("tags", "ints?"),
        ("at", "time"),
    ];
    Plan {
        sources: vec![entity("item", path, &columns)],
        ..Plan::default()
    }
}

fn columnar_folder() -> tempfile::TempDir {
    let (folder, batch) = (tempfile::tempdir().unwrap(), batch());
    let parquet = File::create(folder.path().join("items.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(parquet, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let arrow = File::create(folder.path().join("items.arrow")).unwrap();
    let mut writer = FileWriter::try_new(arrow, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    folder
}

#[test]
fn parquet_and_arrow_files_give_the_same_columns() {
    let folder = columnar_folder();
    for path in ["items.parquet", "items.arrow"] {
        let data = load(&columnar_plan(path, "bool?"), folder.path());
        let columns = &data.source("item").unwrap().columns;
        assert_eq!(columns["id"], Column::new(Data::Int(vec![7, 8, 9])));
        assert_eq!(
            columns["at"],
            Column::new(Data::Int(vec![1_500_000, 2_500_000, 3_500_000]))
        );
        let click = Data::Bool(vec![true, false, false]);
        assert_eq!(
            columns["click"],
            Column::with_validity(click, Some(vec![true, true, false]))
        );
        let tags = Data::List(Lists {
            offsets: vec![0, 2, 2, 2],
            values: Box::new(Data::Int(vec![1, 2])),
        });
        assert_eq!(
            columns["tags"],
            Column::with_validity(tags, Some(vec![true, false, true]))
        );
        assert!(!columns.contains_key("extra"));
    }
}

#[test]
fn faults_of_a_parquet_file_are_named_by_row() {
    let folder = columnar_folder();
    let said = |plan: &Plan| rendered(&Dataset::load(plan, folder.path(), None).unwrap_err());
    assert_eq!(
        said(&columnar_plan("items.parquet", "bool")),
        "E1004: items.parquet row 3: column `click` expects bool, found null\n  \
         help: write `click: bool?` where values may be missing"
    );
    assert_eq!(
        said(&columnar_plan("items.parquet", "str?")),
        "E1003: items.parquet: column `click` expects str, the file has Int64"
    );
    let mut plan = columnar_plan("items.parquet", "bool?");
    plan.sources[0].columns[1].name = "clicks".to_owned();
    assert_eq!(
        said(&plan),
        "E1002: items.parquet has no column `clicks`\n  \
         note: its columns are `extra`, `id`, `click`, `tags`, `at`\n  \
         help: perhaps `click` is meant"
    );
}
