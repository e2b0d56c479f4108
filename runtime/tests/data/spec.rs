//! Plans written by hand over files in a temporary folder.

use std::path::Path;

use reckon_compiler::graph::{Graph, SpaceId};
use reckon_compiler::plan::row::{Inst, Kernel, RowKind, RowOp, RowType};
use reckon_compiler::plan::{
    Absent, BadRows, ColumnPlan, Domain, Feed, FeedKind, FitKind, FitPlan, Handle, HandleRows,
    HistoryPlan, Immature, Plan, Program, ReferencePlan, Sees, SourceKind, SourcePlan, SplitPlan,
    SplitRule, TimeFormat,
};
use reckon_compiler::value::Value;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::{FileId, Span};
use reckon_runtime::data::Dataset;
use tempfile::TempDir;

pub(crate) fn span(start: usize) -> Span {
    Span::new(FileId(0), start, start + 1)
}

pub(crate) fn column(name: &str, ty: &str) -> ColumnPlan {
    let (kind, nullable) = ty
        .strip_suffix('?')
        .map_or((ty, false), |kind| (kind, true));
    let kind = match kind {
        "int" => RowKind::Int,
        "float" => RowKind::Float,
        "bool" => RowKind::Bool,
        "str" => RowKind::Str,
        "time" => RowKind::Time,
        "floats" => RowKind::List(Box::new(RowKind::Float)),
        "ints" => RowKind::List(Box::new(RowKind::Int)),
        other => panic!("no type {other}"),
    };
    ColumnPlan {
        name: name.to_owned(),
        ty: RowType { kind, nullable },
        time: TimeFormat::Seconds,
        nulls: Vec::new(),
        joined: None,
        known: Vec::new(),
        span: span(1),
    }
}

pub(crate) fn entity(name: &str, path: &str, columns: &[(&str, &str)]) -> SourcePlan {
    SourcePlan {
        name: name.to_owned(),
        kind: SourceKind::Entity,
        paths: vec![path.to_owned()],
        columns: columns.iter().map(|(name, ty)| column(name, ty)).collect(),
        key: vec![columns[0].0.to_owned()],
        references: Vec::new(),
        time: None,
        versions: None,
        computed: Vec::new(),
        condition: None,
        unique: Vec::new(),
        on_bad_row: BadRows::Fail,
        immature: Immature::Drop,
        span: span(0),
    }
}

/// Events whose references are columns called `ENTITY_id`; a column `at` dates them.
pub(crate) fn events(
    name: &str,
    path: &str,
    columns: &[(&str, &str)],
    targets: &[&str],
) -> SourcePlan {
    let reference = |target: &&str| ReferencePlan {
        columns: vec![format!("{target}_id")],
        target: (*target).to_owned(),
        absent: Absent::Error,
        span: span(2),
    };
    SourcePlan {
        kind: SourceKind::Events,
        key: Vec::new(),
        references: targets.iter().map(reference).collect(),
        time: columns
            .iter()
            .find(|(name, _)| *name == "at")
            .map(|_| "at".to_owned()),
        ..entity(name, path, columns)
    }
}

/// Users, movies and ratings of the main example.
pub(crate) fn movielens() -> Plan {
    let ratings = [
        ("user_id", "int"),
        ("movie_id", "int"),
        ("stars", "float"),
        ("at", "time"),
    ];
    Plan {
        sources: vec![
            entity("user", "users.csv", &[("user_id", "int"), ("age", "int")]),
            entity(
                "movie",
                "movies.csv",
                &[("movie_id", "int"), ("genres", "str")],
            ),
            events("rating", "ratings.csv", &ratings, &["user", "movie"]),
        ],
        ..Plan::default()
    }
}

pub(crate) const USERS: &str = "user_id,age\n1,20\n2,30\n3,40\n";
pub(crate) const MOVIES: &str = "movie_id,genres\n10,Action|War\n11,Drama\n12,\n13,\"Drama|War\"\n";
pub(crate) const RATINGS: &str = "user_id,movie_id,stars,at\n\
    1,10,5,100\n1,11,4,200\n1,12,2,300\n1,13,5,400\n\
    2,11,4,110\n2,13,5,110\n2,10,3,500\n2,12,4,600\n";

pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

pub(crate) fn movielens_folder() -> TempDir {
    folder(&[
        ("users.csv", USERS),
        ("movies.csv", MOVIES),
        ("ratings.csv", RATINGS),
    ])
}

pub(crate) fn load(plan: &Plan, root: &Path) -> Dataset {
    Dataset::load(plan, root, None).unwrap_or_else(|faults| panic!("{}", rendered(&faults)))
}

/// Diagnostics as lines: code, message, notes and help.
pub(crate) fn rendered(diagnostics: &[Diagnostic]) -> String {
    let mut lines = Vec::new();
    for diagnostic in diagnostics {
        lines.push(format!("{}: {}", diagnostic.code, diagnostic.message));
        lines.extend(
            diagnostic
                .notes
                .iter()
                .map(|note| format!("  note: {note}")),
        );
        lines.extend(diagnostic.help.iter().map(|help| format!("  help: {help}")));
    }
    lines.join("\n")
}

pub(crate) fn inst(op: RowOp, args: &[usize], kind: RowKind) -> Inst {
    Inst {
        op,
        args: args.to_vec(),
        ty: RowType::new(kind),
        mapped: false,
        span: None,
    }
}

pub(crate) fn of_column(name: &str, kind: RowKind) -> Inst {
    inst(RowOp::Column(name.to_owned()), &[], kind)
}

pub(crate) fn kernel(source: &str, code: Vec<Inst>, outputs: &[(&str, usize)]) -> Kernel {
    let outputs = outputs
        .iter()
        .map(|(name, at)| ((*name).to_owned(), *at))
        .collect();
    Kernel {
        source: source.to_owned(),
        code,
        outputs,
    }
}

pub(crate) fn texts() -> RowKind {
    RowKind::List(Box::new(RowKind::Str))
}

pub(crate) fn ids() -> RowKind {
    RowKind::List(Box::new(RowKind::Int))
}

pub(crate) fn vocabulary(name: &str, source: &str, code: Vec<Inst>) -> FitPlan {
    let last = code.len() - 1;
    FitPlan {
        taken: None,
        name: name.to_owned(),
        kind: FitKind::Vocab {
            min_count: 1,
            oov: 1,
            top: None,
        },
        kernel: kernel(source, code, &[("value", last)]),
        domain: Domain::Referred {
            entity: source.to_owned(),
        },
        sees: Sees::Present,
        span: span(3),
    }
}

pub(crate) fn split(rule: SplitRule, parts: &[(&str, f64)]) -> SplitPlan {
    SplitPlan {
        source: "rating".to_owned(),
        rule,
        parts: parts
            .iter()
            .map(|(name, amount)| ((*name).to_owned(), *amount))
            .collect(),
        span: span(4),
    }
}

/// The two towers of the main example: ids of users and movies, genres, likes, and the latest likes as history.
pub(crate) fn two_tower() -> Plan {
    let genres = || {
        vec![
            of_column("genres", RowKind::Str),
            inst(RowOp::Split("|".to_owned()), &[0], texts()),
        ]
    };
    let mut movie = genres();
    movie.push(Inst {
        mapped: true,
        ..inst(RowOp::Vocab(1), &[1], ids())
    });
    movie.push(of_column("movie_id", RowKind::Int));
    movie.push(inst(RowOp::Vocab(0), &[3], RowKind::Int));
    let liked = vec![
        of_column("stars", RowKind::Float),
        inst(RowOp::Const(Value::Int(4)), &[], RowKind::Float),
        inst(RowOp::Ge, &[0, 1], RowKind::Bool),
    ];
    Plan {
        splits: vec![split(
            SplitRule::LastPer("user".to_owned()),
            &[("train", 0.0), ("valid", 1.0), ("test", 1.0)],
        )],
        histories: vec![HistoryPlan {
            source: "rating".to_owned(),
            entity: "user".to_owned(),
            condition: Some("liked".to_owned()),
            last: Some(2),
            within: None,
            known: Vec::new(),
        }],
        fits: vec![
            vocabulary(
                "movie.id/vocab",
                "movie",
                vec![of_column("movie_id", RowKind::Int)],
            ),
            vocabulary("movie.genres/vocab", "movie", genres()),
        ],
        kernels: vec![
            kernel("user", vec![of_column("age", RowKind::Int)], &[("age", 0)]),
            kernel("movie", movie, &[("id", 4), ("genres", 2)]),
            kernel("rating", liked, &[("liked", 2)]),
        ],
        ..movielens()
    }
}

pub(crate) fn handle(name: &str, source: &str, space: u32, rows: HandleRows) -> Handle {
    Handle {
        name: name.to_owned(),
        source: source.to_owned(),
        space: SpaceId(space),
        rows,
    }
}

pub(crate) fn program(handles: Vec<Handle>, feeds: Vec<(&str, FeedKind)>) -> Program {
    let feed = |(input, what): (&str, FeedKind)| Feed {
        input: input.to_owned(),
        what,
        span: None,
    };
    Program {
        graph: Graph::new("step"),
        handles,
        feeds: feeds.into_iter().map(feed).collect(),
    }
}
