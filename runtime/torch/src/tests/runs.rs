//! Whole programs: feeding, errors, effects, the hunt for NaN, the same bits whatever the threads.

use std::collections::BTreeMap;

use reckon_compiler::differentiate::grad_of;
use reckon_compiler::graph::{
    Builder, Dim, Elem, Graph, Init, NodeId, Op, Param, ParamKind, Site, Space, SpaceId, SpaceKind,
    TensorType, UpdateRule,
};
use tch::Device;

use super::two_towers::{self, Batch, Size};
use crate::{Error, Feeds, Program, RunKey, Store, Values, set_threads};

const B: Dim = Dim::Space(SpaceId(0));
const V: Dim = Dim::Space(SpaceId(1));

/// A graph over a batch `B` and a table `t[V, 2]` of 3 rows, and its store.
fn build(make: impl FnOnce(&mut Builder) -> NodeId) -> (Program, Store) {
    let mut graph = Graph::new("test");
    graph.add_space(Space {
        name: "B".to_owned(),
        kind: SpaceKind::Batch,
    });
    graph.add_space(Space {
        name: "V".to_owned(),
        kind: SpaceKind::Vocabulary {
            table: "t".to_owned(),
        },
    });
    let mut param = |path: &str, kind, dims: &[Dim]| {
        let ty = TensorType::new(Elem::F32, dims);
        graph.params.insert(
            path.to_owned(),
            Param {
                kind,
                ty,
                init: Init::Constant(1.0),
            },
        );
    };
    param("t", ParamKind::Table, &[V, Dim::Fixed(2)]);
    param("w", ParamKind::Weight, &[]);
    param("s", ParamKind::State, &[]);
    let y = make(&mut Builder {
        graph: &mut graph,
        site: Site::default(),
    });
    graph.outputs.push(("y".to_owned(), y));
    let mut store = Store::new(Device::Cpu);
    store
        .declare(&graph, &BTreeMap::from([("t".to_owned(), 3)]), 0)
        .unwrap();
    (Program::compile(&graph, Device::Cpu).unwrap(), store)
}

fn input(build: &mut Builder, name: &str, elem: Elem, dims: &[Dim]) -> NodeId {
    build.typed(Op::Input(name.to_owned()), &[], TensorType::new(elem, dims))
}

fn lookup(build: &mut Builder) -> NodeId {
    let ty = build.graph.params["t"].ty.clone();
    let table = build.typed(Op::Table("t".to_owned()), &[], ty);
    let ids = input(build, "movie.id", Elem::I64, &[B]);
    build.op(Op::Lookup, &[table, ids])
}

fn refusal(program: &Program, store: &mut Store, feeds: &Feeds) -> String {
    program
        .run(store, feeds, &RunKey::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn an_id_that_a_table_lacks_is_named_with_its_place() {
    let (program, mut store) = build(lookup);
    let mut feeds = Feeds::new();
    feeds.set("movie.id", &[4], Values::I64(&[0, 2, 7, 1]));
    let message = refusal(&program, &mut store, &feeds);
    assert_eq!(
        message,
        "value 7 at position 2 of input `movie.id` is no row of table `t`, which has 3"
    );
    feeds.set("movie.id", &[2], Values::I64(&[0, -1]));
    let message = refusal(&program, &mut store, &feeds);
    assert_eq!(
        message,
        "value -1 at position 1 of input `movie.id` is no row of table `t`, which has 3"
    );
}

#[test]
fn inputs_of_the_wrong_shape_are_named() {
    let (program, mut store) = build(|build| {
        let a = input(build, "a", Elem::F32, &[B, Dim::Fixed(2)]);
        let b = input(build, "b", Elem::F32, &[B]);
        build.op(Op::Mul, &[a, b])
    });
    let mut feeds = Feeds::new();
    assert_eq!(
        refusal(&program, &mut store, &feeds),
        "input `a` is not fed"
    );
    feeds.set("a", &[2, 3], Values::F32(&[0.0; 6]));
    feeds.set("b", &[2], Values::F32(&[0.0; 2]));
    assert_eq!(
        refusal(&program, &mut store, &feeds),
        "input `a` has size 3 along dimension 1, `2` has 2"
    );
    feeds.set("a", &[2, 2], Values::F32(&[0.0; 6]));
    assert_eq!(
        refusal(&program, &mut store, &feeds),
        "input `a` has to be f32[B, 2], found f32[2, 2] with 6 elements"
    );
    feeds.set("a", &[3, 2], Values::F32(&[0.0; 6]));
    assert_eq!(
        refusal(&program, &mut store, &feeds),
        "input `b` has size 2 along dimension 0, `B` has 3"
    );
    feeds.set("b", &[3], Values::I64(&[0; 3]));
    assert_eq!(
        refusal(&program, &mut store, &feeds),
        "input `b` has to hold f32, found i64"
    );
}

#[test]
fn a_size_that_nothing_tells_is_asked_for() {
    let (program, mut store) = build(|build| build.op(Op::Size(SpaceId(0)), &[]));
    assert_eq!(
        refusal(&program, &mut store, &Feeds::new()),
        "no input tells the size of `B`"
    );
    let mut feeds = Feeds::new();
    feeds.size(SpaceId(0), 5);
    assert_eq!(
        program
            .run(&mut store, &feeds, &RunKey::default())
            .unwrap()
            .scalar("y"),
        5.0
    );
}

#[test]
fn a_parameter_that_the_store_lacks_is_named() {
    let (program, _) = build(lookup);
    let mut feeds = Feeds::new();
    feeds.set("movie.id", &[1], Values::I64(&[0]));
    let error = program
        .run(&mut Store::new(Device::Cpu), &feeds, &RunKey::default())
        .unwrap_err();
    assert_eq!(
        error,
        Error::MissingParam {
            path: "t".to_owned()
        }
    );
}

/// A weight and its update, which halves it: the gradient of `w^2 / 2` is `w` itself.
fn halved(build: &mut Builder) -> (NodeId, NodeId) {
    let w = build.typed(Op::Param("w".to_owned()), &[], TensorType::scalar());
    let rate = build.scalar(0.5);
    let update = Op::Update {
        path: "w".to_owned(),
        rule: UpdateRule::Sgd { momentum: 0.0 },
    };
    (w, build.op(update, &[rate, w]))
}

#[test]
fn updates_and_assignments_come_after_all_that_is_read() {
    let (program, mut store) = build(|build| {
        let (w, update) = halved(build);
        let s = build.typed(Op::Param("s".to_owned()), &[], TensorType::scalar());
        let next = build.op(Op::Add, &[s, w]);
        let assign = build.op(
            Op::Assign {
                path: "s".to_owned(),
            },
            &[next],
        );
        build.graph.effects.extend([update, assign]);
        build.op(Op::Add, &[w, s])
    });
    let run = |store: &mut Store| {
        program
            .run(store, &Feeds::new(), &RunKey::default())
            .unwrap()
            .scalar("y")
    };
    assert_eq!(run(&mut store), 2.0);
    assert_eq!(
        (store.get("w").unwrap()[0], store.get("s").unwrap()[0]),
        (0.5, 2.0)
    );
    assert_eq!(run(&mut store), 2.5);
    assert_eq!(
        (store.get("w").unwrap()[0], store.get("s").unwrap()[0]),
        (0.25, 2.5)
    );
}

#[test]
fn an_output_keeps_its_value_when_its_parameter_moves_on() {
    let (program, mut store) = build(|build| {
        let (w, update) = halved(build);
        build.graph.effects.push(update);
        w
    });
    let outputs = program
        .run(&mut store, &Feeds::new(), &RunKey::default())
        .unwrap();
    program
        .run(&mut store, &Feeds::new(), &RunKey::default())
        .unwrap();
    assert_eq!(outputs.scalar("y"), 1.0);
}

#[test]
fn the_op_that_makes_the_first_nan_is_found() {
    let mut culprit = None;
    let (program, mut store) = build(|build| {
        let x = input(build, "x", Elem::F32, &[B, Dim::Fixed(2)]);
        let log = build.op(Op::Log, &[x]);
        culprit = Some(log);
        let y = build.op(Op::Tanh, &[log]);
        build.op(Op::SumOver(0), &[y])
    });
    let mut feeds = Feeds::new();
    feeds.set("x", &[2, 2], Values::F32(&[1.0, 2.0, 3.0, -4.0]));
    let found = program
        .find_nonfinite(&mut store, &feeds, &RunKey::default())
        .unwrap()
        .unwrap();
    assert_eq!(
        (Some(found.node), found.found.as_str(), found.count),
        (culprit, "NaN at [1, 1]", 1)
    );
    feeds.set("x", &[2, 2], Values::F32(&[1.0; 4]));
    assert_eq!(
        program
            .find_nonfinite(&mut store, &feeds, &RunKey::default())
            .unwrap(),
        None
    );
}

#[test]
fn masking_with_infinity_is_no_fault() {
    let (program, mut store) = build(|build| {
        let x = input(build, "x", Elem::F32, &[B, Dim::Fixed(2)]);
        let nothing = build.scalar(f64::NEG_INFINITY);
        let zero = build.scalar(0.0);
        let mask = build.op(Op::Gt, &[x, zero]);
        let masked = build.op(Op::Select, &[mask, x, nothing]);
        build.op(Op::LogSumExp(1), &[masked])
    });
    let mut feeds = Feeds::new();
    feeds.set("x", &[1, 2], Values::F32(&[1.0, -1.0]));
    assert_eq!(
        program
            .find_nonfinite(&mut store, &feeds, &RunKey::default())
            .unwrap(),
        None
    );
}

const SMALL: Size = Size {
    batch: 192,
    width: 32,
    hidden: 64,
    rows: 500,
    history: 12,
};

type Compile = fn(&Graph, Device) -> Result<Program, Error>;

/// Every parameter and moment after some steps, and the losses on the way.
fn train(size: Size, steps: u64) -> (Vec<f64>, Vec<crate::Stored>) {
    train_with(size, steps, Program::compile)
}

fn declared(graph: &Graph, size: Size) -> Store {
    let mut store = Store::new(Device::Cpu);
    let rows = BTreeMap::from([
        ("item".to_owned(), size.rows),
        ("user".to_owned(), size.rows),
    ]);
    store.declare(graph, &rows, 1).unwrap();
    store
}

fn train_with(size: Size, steps: u64, compile: Compile) -> (Vec<f64>, Vec<crate::Stored>) {
    let graph = two_towers::step(size);
    let program = compile(&graph, Device::Cpu).unwrap();
    let mut store = declared(&graph, size);
    let mut losses = Vec::new();
    for step in 0..steps {
        let batch = Batch::new(size, step % 2);
        let outputs = program
            .run(
                &mut store,
                &batch.feeds(),
                &RunKey {
                    step,
                    ..RunKey::default()
                },
            )
            .unwrap();
        losses.push(outputs.scalar("loss"));
    }
    (losses, store.export())
}

#[test]
fn two_towers_learn_their_batches() {
    let (losses, _) = train(SMALL, 30);
    assert!(losses[29] < 0.6 * losses[1], "{losses:?}");
}

#[test]
fn our_kernels_train_as_the_ops_of_libtorch_do() {
    let (ours, ours_stored) = train(SMALL, 4);
    let (theirs, theirs_stored) = train_with(SMALL, 4, Program::compile_plain);
    assert_trained_alike((&ours, &ours_stored), (&theirs, &theirs_stored));
}

#[test]
fn rows_in_tiles_train_as_all_rows_at_once_do() {
    // 192 rows in tiles of 50, the last of which is shorter.
    let by_tiles = |graph: &Graph, device| {
        let program = Program::compile(graph, device)?;
        assert_eq!(program.tiles.len(), 1);
        let tile = 50 * SMALL.batch;
        Ok(Program { tile, ..program })
    };
    let (cut, cut_stored) = train_with(SMALL, 4, by_tiles);
    let (whole, whole_stored) = train_with(SMALL, 4, Program::compile_plain);
    assert_trained_alike((&cut, &cut_stored), (&whole, &whole_stored));
}

#[test]
fn scores_of_a_batch_are_never_stored_whole() {
    let size = Size {
        batch: 1024,
        ..SMALL
    };
    let graph = two_towers::step(size);
    let program = Program::compile(&graph, Device::Cpu).unwrap();
    let mut store = declared(&graph, size);
    let batch = Batch::new(size, 0);
    let (_, times) = program
        .profile(&mut store, &batch.feeds(), &RunKey::default())
        .unwrap();
    let largest = times.iter().map(|node| node.bytes).max();
    assert!(
        largest < Some(size.batch * size.batch * 4 / 2),
        "{largest:?}"
    );
}

/// A product of `q[B, 2]` and `k[C, 2]`, what `make` does with it, and the gradient of its sum by `q`.
fn pairs(make: impl FnOnce(&mut Builder, NodeId) -> NodeId) -> Program {
    let mut graph = Graph::new("pairs");
    let space = |name: &str, kind| Space {
        name: name.to_owned(),
        kind,
    };
    graph.add_space(space("B", SpaceKind::Batch));
    graph.add_space(space("C", SpaceKind::Candidates));
    let mut build = Builder {
        graph: &mut graph,
        site: Site::default(),
    };
    let q = input(&mut build, "q", Elem::F32, &[B, Dim::Fixed(2)]);
    let k = input(&mut build, "k", Elem::F32, &[V, Dim::Fixed(2)]);
    let scores = build.op(Op::MatMul { transpose_b: true }, &[q, k]);
    let made = make(&mut build, scores);
    let gradient = grad_of(&mut graph, made, q).unwrap();
    graph.outputs = vec![("y".to_owned(), made), ("gradient".to_owned(), gradient)];
    let program = Program::compile(&graph, Device::Cpu).unwrap();
    Program { tile: 1, ..program }
}

fn sum(build: &mut Builder, x: NodeId) -> NodeId {
    let rows = build.op(Op::SumOver(1), &[x]);
    build.op(Op::SumOver(0), &[rows])
}

#[test]
fn a_gradient_that_waits_for_all_rows_is_not_cut() {
    let squares = |build: &mut Builder, scores| build.op(Op::Mul, &[scores, scores]);
    let cut = pairs(|build, scores| {
        let squares = squares(build, scores);
        sum(build, squares)
    });
    let waits = pairs(|build, scores| {
        let squares = squares(build, scores);
        let total = sum(build, squares);
        build.op(Op::Mul, &[total, total])
    });
    assert_eq!((cut.tiles.len(), waits.tiles.len()), (1, 0));
    let mut feeds = Feeds::new();
    feeds.set("q", &[3, 2], Values::F32(&[1.0, 2.0, 0.0, 1.0, -1.0, 1.0]));
    feeds.set("k", &[2, 2], Values::F32(&[1.0, 0.0, 2.0, 1.0]));
    let mut store = Store::new(Device::Cpu);
    let mut run = |program: &Program| {
        let outputs = program.run(&mut store, &feeds, &RunKey::default());
        let outputs = outputs.unwrap();
        (outputs.scalar("y"), outputs.f32("gradient").unwrap())
    };
    let (total, gradient) = run(&cut);
    let (square, steeper) = run(&waits);
    assert_eq!((total, square), (20.0, 400.0));
    let expected: Vec<f32> = gradient.iter().map(|g| g * 40.0).collect();
    assert_eq!(steeper, expected);
}

/// Losses and parameters of two trainings that do the same in another order of sums.
fn assert_trained_alike(
    (ours, ours_stored): (&[f64], &[crate::Stored]),
    (theirs, theirs_stored): (&[f64], &[crate::Stored]),
) {
    assert!(
        ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-4),
        "{ours:?} {theirs:?}"
    );
    for (a, b) in ours_stored
        .iter()
        .zip(theirs_stored)
        .filter(|(a, _)| a.elem == Elem::F32)
    {
        let floats = |bytes: &[u8]| -> Vec<f32> {
            bytes
                .chunks(4)
                .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
                .collect()
        };
        let pairs = floats(&a.bytes).into_iter().zip(floats(&b.bytes));
        let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max);
        assert!(largest < 2e-3, "`{}` differs by {largest}", a.name);
    }
}

#[test]
fn a_run_has_the_same_bits_with_any_number_of_threads() {
    let large = Size {
        batch: 1024,
        width: 64,
        hidden: 256,
        rows: 20_000,
        history: 30,
    };
    set_threads(1);
    let one = train(large, 3);
    set_threads(2);
    let two = train(large, 3);
    set_threads(4);
    let four = train(large, 3);
    let differs = |other: &[crate::Stored]| -> Vec<String> {
        let pairs = one.1.iter().zip(other).filter(|(a, b)| a != b);
        pairs.map(|(a, _)| a.name.clone()).collect()
    };
    assert_eq!((&one.0, differs(&two.1)), (&two.0, Vec::new()));
    assert_eq!((&one.0, differs(&four.1)), (&four.0, Vec::new()));
}

#[test]
fn a_profiled_run_computes_the_same_and_counts_memory_once() {
    let (program, mut store) = build(|build| {
        let rows = lookup(build);
        let columns = [B, Dim::Fixed(2), Dim::Fixed(1)];
        build.typed(Op::Reshape, &[rows], TensorType::new(Elem::F32, columns))
    });
    let mut feeds = Feeds::new();
    feeds.set("movie.id", &[4], Values::I64(&[0, 2, 2, 1]));
    let key = RunKey::default();
    let plain = program.run(&mut store, &feeds, &key).unwrap();
    let (outputs, times) = program.profile(&mut store, &feeds, &key).unwrap();
    assert_eq!(outputs.f32("y"), plain.f32("y"));
    // The table is there, four ids and the rows of four by two are made, and the reshape lies where they do.
    let mut bytes: Vec<usize> = times.iter().map(|node| node.bytes).collect();
    bytes.sort_unstable();
    assert_eq!(bytes, [0, 0, 4 * 8, 4 * 2 * 4]);
    let in_order = times
        .windows(2)
        .all(|pair| pair[0].began + pair[0].time == pair[1].began);
    assert!(in_order, "{times:?}");
}
