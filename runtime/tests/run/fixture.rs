//! A small two-tower plan by hand, over ratings in which every user likes the films of one cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use reckon_compiler::check::check;
use reckon_compiler::graph::text::read;
use reckon_compiler::graph::{Graph, SpaceId, UpdateRule};
use reckon_compiler::lower::compile;
use reckon_compiler::plan::row::{Inst, Kernel, RowKind, RowOp, RowType};
use reckon_compiler::plan::{
    Absent, ColumnPlan, Domain, EvaluationKind, EvaluationPlan, ExportPlan, Feed, FeedKind,
    FitKind, FitPlan, Handle, HandleRows, HistoryPlan, PhasePlan, Plan, Program, ReferencePlan,
    Schedule, SlicePlan, SourceKind, SourcePlan, SplitPlan, SplitRule, StopPlan, StreamOrder,
    StreamPlan, TableRows, TimeFormat,
};
use reckon_compiler::training::{Group, Objective, Recipe, training_step};
use reckon_compiler::value::Value;
use reckon_compiler::world::Texts;
use reckon_grammar::span::{FileId, Sources, Span};
use reckon_runtime::Failure;
use reckon_runtime::observer::Observer;
use reckon_runtime::run::{DeviceName, RunOptions, RunResult, Spec, run};

pub(crate) const USERS: usize = 40;
pub(crate) const MOVIES: usize = 30;
const CLUSTERS: usize = 3;

const STEP: &str = include_str!("step.graph");
const CATALOGUE: &str = include_str!("catalogue.graph");
const QUERY: &str = include_str!("query.graph");

/// A folder with data, and runs beside it.
pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) interrupted: AtomicBool,
    sources: Sources,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self {
            folder,
            interrupted: AtomicBool::new(false),
            sources: texts(),
        };
        fs::write(world.path("users.csv"), users()).unwrap();
        fs::write(world.path("movies.csv"), movies()).unwrap();
        fs::write(world.path("ratings.csv"), ratings()).unwrap();
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a plan into the directory of this name.
    pub(crate) fn run(
        &self,
        plan: &Plan,
        out: &str,
        adjust: impl FnOnce(&mut RunOptions<'_>),
        observer: &mut dyn Observer,
    ) -> Result<RunResult, Failure> {
        let (file, out) = (self.path("two_tower.rec"), self.path(out));
        let spec = Spec {
            plan,
            sources: &self.sources,
            file: &file,
            resolved: "setting dim = 8\n",
            plan_text: "plan\n",
        };
        let mut options = RunOptions {
            out: Some(&out),
            seed: 7,
            device: DeviceName::Cpu,
            resume: false,
            threads: 1,
            interrupted: &self.interrupted,
        };
        adjust(&mut options);
        run(&spec, &options, observer)
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }
}

fn texts() -> Sources {
    let mut sources = Sources::default();
    sources.add("two_tower.rec", "setting dim = 8\n");
    sources.add("std/prelude.rec", "\n");
    sources
}

fn users() -> String {
    (0..USERS).fold("user_id\n".to_owned(), |text, user| {
        text + &format!("{}\n", 100 + user)
    })
}

fn movies() -> String {
    (0..MOVIES).fold("movie_id,title\n".to_owned(), |text, movie| {
        text + &format!("{movie},Film {movie}\n")
    })
}

/// Twenty films a user at different times: those of the user's cluster are liked.
fn ratings() -> String {
    let mut text = "user_id,movie_id,stars,at\n".to_owned();
    for user in 0..USERS {
        for turn in 0..20 {
            let movie = (turn * 7 + user * 11) % MOVIES;
            let stars = if movie % CLUSTERS == user % CLUSTERS {
                5
            } else {
                4 - (turn % 3)
            };
            text += &format!("{},{movie},{stars},{}\n", 100 + user, 1_000 * turn + user);
        }
    }
    text
}

fn span() -> Span {
    Span::new(FileId(0), 0, 15)
}

/// The plan of a spec that holds.
pub(crate) fn compiled(text: &str) -> Plan {
    let texts = Texts([("main.rec".to_owned(), text.to_owned())].into());
    let checked = check(&texts, "main.rec", &[]);
    let errors: Vec<_> = checked
        .diagnostics
        .iter()
        .filter(|found| found.is_error())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    compile(&checked.hir.unwrap()).unwrap()
}

/// Two towers with in-batch softmax: `epochs` long, watched by recall@5 on the validation part.
pub(crate) fn plan(epochs: usize, patience: Option<usize>) -> Plan {
    Plan {
        graphs: Vec::new(),
        affinities: Vec::new(),
        daily: None,
        settings: [("dim".to_owned(), Value::Int(8))].into(),
        sources: vec![
            source(
                "user",
                SourceKind::Entity,
                "users.csv",
                &[("user_id", RowKind::Int)],
            ),
            source(
                "movie",
                SourceKind::Entity,
                "movies.csv",
                &[("movie_id", RowKind::Int), ("title", RowKind::Str)],
            ),
            events(),
        ],
        splits: vec![SplitPlan {
            source: "rating".to_owned(),
            rule: SplitRule::TimePer("user".to_owned()),
            parts: [("train", 0.8), ("valid", 0.1), ("test", 0.1)]
                .map(|(name, share)| (name.to_owned(), share))
                .into(),
            span: span(),
        }],
        histories: vec![HistoryPlan {
            source: "rating".to_owned(),
            entity: "user".to_owned(),
            condition: Some("likes".to_owned()),
            last: Some(10),
            within: None,
        }],
        fits: vec![
            vocabulary("movie", "movie_id"),
            vocabulary("user", "user_id"),
        ],
        kernels: vec![
            ids("movie", "movie_id", 0),
            ids("user", "user_id", 1),
            likes(),
        ],
        tables: [
            ("space/movie/id".to_owned(), TableRows::Vocabulary(0)),
            ("space/user/id".to_owned(), TableRows::Vocabulary(1)),
        ]
        .into(),
        phases: vec![phase(epochs, patience)],
        evaluations: vec![evaluation()],
        loads: Vec::new(),
        columns: Vec::new(),
        exports: vec![ExportPlan {
            tower: "film".to_owned(),
            program: catalogue(),
        }],
    }
}

fn source(name: &str, kind: SourceKind, path: &str, columns: &[(&str, RowKind)]) -> SourcePlan {
    let column = |(name, kind): &(&str, RowKind)| ColumnPlan {
        name: (*name).to_owned(),
        ty: RowType::new(kind.clone()),
        time: TimeFormat::Seconds,
        nulls: Vec::new(),
        span: span(),
    };
    SourcePlan {
        name: name.to_owned(),
        kind,
        paths: vec![path.to_owned()],
        columns: columns.iter().map(column).collect(),
        key: if kind == SourceKind::Entity {
            vec![columns[0].0.to_owned()]
        } else {
            Vec::new()
        },
        references: Vec::new(),
        time: None,
        unique: Vec::new(),
        span: span(),
    }
}

fn events() -> SourcePlan {
    let reference = |column: &str, target: &str| ReferencePlan {
        columns: vec![column.to_owned()],
        target: target.to_owned(),
        absent: Absent::Error,
        span: span(),
    };
    let columns = [
        ("user_id", RowKind::Int),
        ("movie_id", RowKind::Int),
        ("stars", RowKind::Float),
        ("at", RowKind::Time),
    ];
    SourcePlan {
        references: vec![reference("user_id", "user"), reference("movie_id", "movie")],
        time: Some("at".to_owned()),
        ..source("rating", SourceKind::Events, "ratings.csv", &columns)
    }
}

fn inst(op: RowOp, args: &[usize], kind: RowKind) -> Inst {
    Inst {
        op,
        args: args.to_vec(),
        ty: RowType::new(kind),
        mapped: false,
        span: Some(span()),
    }
}

fn vocabulary(entity: &str, column: &str) -> FitPlan {
    FitPlan {
        taken: None,
        name: format!("{entity}.id/vocab"),
        kind: FitKind::Vocab {
            min_count: 1,
            oov: 1,
            top: None,
        },
        kernel: Kernel {
            source: entity.to_owned(),
            code: vec![inst(RowOp::Column(column.to_owned()), &[], RowKind::Int)],
            outputs: vec![("value".to_owned(), 0)],
        },
        domain: Domain::Referred {
            entity: entity.to_owned(),
        },
        span: span(),
    }
}

fn ids(entity: &str, column: &str, fit: usize) -> Kernel {
    Kernel {
        source: entity.to_owned(),
        code: vec![
            inst(RowOp::Column(column.to_owned()), &[], RowKind::Int),
            inst(RowOp::Vocab(fit), &[0], RowKind::Int),
        ],
        outputs: vec![("id".to_owned(), 1)],
    }
}

fn likes() -> Kernel {
    Kernel {
        source: "rating".to_owned(),
        code: vec![
            inst(RowOp::Column("stars".to_owned()), &[], RowKind::Float),
            inst(RowOp::Const(Value::Float(4.0)), &[], RowKind::Float),
            inst(RowOp::Ge, &[0, 1], RowKind::Bool),
        ],
        outputs: vec![("likes".to_owned(), 2)],
    }
}

pub(crate) fn graph(text: &str) -> Graph {
    read(FileId(0), text).unwrap().remove(0)
}

fn space(graph: &Graph, name: &str) -> SpaceId {
    SpaceId(
        graph
            .spaces
            .iter()
            .position(|space| space.name == name)
            .unwrap() as u32,
    )
}

fn handle(graph: &Graph, name: &str, source: &str, space_name: &str, rows: HandleRows) -> Handle {
    Handle {
        name: name.to_owned(),
        source: source.to_owned(),
        space: space(graph, space_name),
        rows,
    }
}

fn feed(input: &str, what: FeedKind) -> Feed {
    Feed {
        input: input.to_owned(),
        what,
        span: Some(span()),
    }
}

fn id_of(handle: usize, drop: f64) -> FeedKind {
    FeedKind::Column {
        handle,
        output: "id".to_owned(),
        drop,
    }
}

fn phase(epochs: usize, patience: Option<usize>) -> PhasePlan {
    PhasePlan {
        name: "train".to_owned(),
        after: Vec::new(),
        begins: Vec::new(),
        averages: Vec::new(),
        streams: vec![StreamPlan {
            name: "rating".to_owned(),
            source: "rating".to_owned(),
            condition: Some("likes".to_owned()),
            batch: 64,
            order: StreamOrder::Shuffled,
            ..StreamPlan::default()
        }],
        step: step(STEP),
        epochs,
        schedule: Schedule::Constant { warmup: 3 },
        stop: patience.map(|patience| StopPlan {
            split: "valid".to_owned(),
            evaluation: "films".to_owned(),
            metric: "recall@5".to_owned(),
            patience,
        }),
        span: span(),
    }
}

/// A training step of a forward graph with the inputs of [`STEP`].
pub(crate) fn step(forward: &str) -> Program {
    let group = |paths: &[&str], rule, rate| Group {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        rule,
        rate,
    };
    let tables = ["space/user/id", "space/movie/id"];
    let recipe = Recipe {
        objectives: vec![Objective {
            output: "main".to_owned(),
            weight: 1.0,
            trains: ["viewer.weight", tables[0], tables[1]]
                .map(str::to_owned)
                .into(),
        }],
        groups: vec![
            group(
                &["viewer.weight"],
                UpdateRule::Adam {
                    beta1: 0.9,
                    beta2: 0.999,
                    eps: 1e-8,
                },
                0.01,
            ),
            group(&tables, UpdateRule::RowwiseAdagrad { eps: 1e-8 }, 0.2),
        ],
        clip: Some(5.0),
    };
    let graph = training_step(&graph(forward), &recipe).graph;
    let handles = vec![
        handle(&graph, "rating", "rating", "B", HandleRows::Stream(0)),
        handle(&graph, "user", "user", "B", HandleRows::Referred(0)),
        handle(&graph, "movie", "movie", "B", HandleRows::Referred(0)),
        handle(&graph, "c", "movie", "C", HandleRows::Shared(2)),
        handle(&graph, "history", "rating", "L", HandleRows::History(0, 0)),
        handle(
            &graph,
            "history.movie",
            "movie",
            "L",
            HandleRows::Referred(4),
        ),
    ];
    let feeds = vec![
        feed("user.id", id_of(1, 0.1)),
        feed("history.movie.id", id_of(5, 0.0)),
        feed("history.segments", FeedKind::Segments { handle: 4 }),
        feed("candidate.movie.id", id_of(3, 0.0)),
        feed(
            "positive",
            FeedKind::Positive {
                of: 2,
                candidates: 3,
            },
        ),
        feed(
            "log_q",
            FeedKind::LogExpectedCount {
                candidates: 3,
                drawn_only: false,
            },
        ),
        feed("lr", FeedKind::Schedule),
    ];
    Program {
        graph,
        handles,
        feeds,
    }
}

fn catalogue() -> Program {
    let graph = graph(CATALOGUE);
    let handles = vec![handle(&graph, "movie", "movie", "E", HandleRows::Catalogue)];
    Program {
        graph,
        handles,
        feeds: vec![feed("movie.id", id_of(0, 0.0))],
    }
}

fn query() -> Program {
    let graph = graph(QUERY);
    let handles = vec![
        handle(&graph, "rating", "rating", "B", HandleRows::Stream(0)),
        handle(&graph, "user", "user", "B", HandleRows::Referred(0)),
        handle(&graph, "history", "rating", "L", HandleRows::History(0, 0)),
        handle(
            &graph,
            "history.movie",
            "movie",
            "L",
            HandleRows::Referred(2),
        ),
    ];
    let feeds = vec![
        feed("user.id", id_of(1, 0.0)),
        feed("history.movie.id", id_of(3, 0.0)),
        feed("history.segments", FeedKind::Segments { handle: 2 }),
    ];
    Program {
        graph,
        handles,
        feeds,
    }
}

fn evaluation() -> EvaluationPlan {
    EvaluationPlan {
        window: None,
        name: "films".to_owned(),
        source: "rating".to_owned(),
        condition: Some("likes".to_owned()),
        kind: EvaluationKind::Retrieval {
            entity: "movie".to_owned(),
            per: Some("user".to_owned()),
            except_seen: true,
            catalogue: catalogue(),
            query: query(),
        },
        metrics: ["recall@5", "ndcg@5", "coverage@5"]
            .map(str::to_owned)
            .into(),
        slices: vec![SlicePlan::Popularity {
            entity: "movie".to_owned(),
            groups: 3,
        }],
        interval: Some("user".to_owned()),
        baselines: ["popularity", "itemknn", "ease"].map(str::to_owned).into(),
        span: span(),
    }
}
