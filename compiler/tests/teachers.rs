//! Teachers: who is trained by what, in which order, and what their gradients are, on the reference evaluator.

#![allow(clippy::unwrap_used, reason = "tests may fail where they stand")]

mod typed;

use std::collections::{BTreeMap, BTreeSet};

use reckon_compiler::flow::flow;
use reckon_compiler::graph::eval::{Env, Value, evaluate};
use reckon_compiler::graph::{Dim, Elem, Graph, Op};
use reckon_compiler::hir::Hir;
use reckon_compiler::lower::compile;
use reckon_compiler::plan::{CopyPlan, FeedKind, PhasePlan, Plan};

const BASE: &str = r#"
use std.tower.mlp
use std.tower.linear

entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int }

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
}

features user { id = user_id |> vocab |> embed(4) }
features movie { id = movie_id |> vocab(drop: 5%) |> embed(4) }

tower ranker(u: user, m: movie) -> logit = concat(u, m) |> mlp([8, 1], dropout: 0.1) |> squeeze
"#;

fn typed(text: &str) -> Hir {
    typed::typed(&format!("{BASE}{text}"))
}

fn plan(text: &str) -> Plan {
    typed::plan(&format!("{BASE}{text}"))
}

/// The paths that a phase updates.
fn trained(phase: &PhasePlan) -> BTreeSet<&str> {
    let graph = &phase.step.graph;
    let updates = graph
        .effects
        .iter()
        .filter_map(|id| match &graph.node(*id).op {
            Op::Update { path, .. } => Some(path.as_str()),
            _ => None,
        });
    updates.collect()
}

/// The paths that a phase reads.
fn read(phase: &PhasePlan) -> BTreeSet<&str> {
    let graph = &phase.step.graph;
    let paths = graph
        .order()
        .into_iter()
        .filter_map(|id| match &graph.node(id).op {
            Op::Param(path) | Op::Table(path) => Some(path.as_str()),
            _ => None,
        });
    paths.collect()
}

fn names(plan: &Plan) -> Vec<(&str, &[usize])> {
    let phases = plan.phases.iter();
    phases
        .map(|phase| (phase.name.as_str(), phase.after.as_slice()))
        .collect()
}

/// Fixed numbers for all inputs and parameters of a graph, a batch of 3 rows and 4 ids.
fn environment(graph: &Graph) -> Env {
    let mut env = Env::default();
    let size = |dim: &Dim| match dim {
        Dim::Fixed(size) => *size,
        Dim::Space(space) if graph.space(*space).name.starts_with('V') => 4,
        Dim::Space(_) => 3,
    };
    for id in graph.order() {
        let ty = graph.ty(id);
        let dims: Vec<usize> = ty.dims.iter().map(size).collect();
        let len: usize = dims.iter().product();
        // The name decides the numbers, so that one parameter has the same in every program.
        let numbers = |name: &str| -> Vec<f64> {
            let seed: usize = name.bytes().map(usize::from).sum();
            (0..len)
                .map(|at| ((at * 7 + seed) % 11) as f64 / 11.0 - 0.4)
                .collect()
        };
        match &graph.node(id).op {
            Op::Input(name) => {
                let data = match ty.elem {
                    Elem::F32 if name == "lr" => vec![1.0],
                    Elem::F32 => numbers(name),
                    Elem::I64 => (0..len).map(|at| (at % 3) as f64).collect(),
                    Elem::Bool => (0..len).map(|at| (at % 2) as f64).collect(),
                };
                env.inputs.insert(name.clone(), Value { dims, data });
            }
            Op::Param(path) | Op::Table(path) => {
                let data = numbers(path);
                env.params.insert(path.clone(), Value { dims, data });
            }
            _ => {}
        }
    }
    env
}

/// The gradients by path, as the updates of a phase take them, and the outputs by name.
fn gradients(phase: &PhasePlan) -> (BTreeMap<String, Vec<f64>>, BTreeMap<String, f64>) {
    let graph = &phase.step.graph;
    let values = evaluate(graph, &environment(graph)).unwrap();
    let updates = graph.effects.iter().filter_map(|id| {
        let Op::Update { path, .. } = &graph.node(*id).op else {
            return None;
        };
        let gradient = *graph.operands(*id).last().unwrap();
        Some((path.clone(), values.get(gradient).unwrap().data.clone()))
    });
    let outputs = graph.outputs.iter();
    let outputs = outputs.map(|(name, id)| (name.clone(), values.get(*id).unwrap().data[0]));
    (updates.collect(), outputs.collect())
}

const LEARN: &str = "
teacher first like ranker
loss learn for first over rating = bce(first(user, movie), stars >= 4)
";
const FOLLOW: &str = "
loss follow over rating = (ranker(user, movie) - first(user, movie)) ^ 2
";

#[test]
fn a_teacher_has_tables_and_weights_of_its_own() {
    let plan = plan(&format!(
        "{LEARN}{FOLLOW} train {{ minimize learn + follow }}"
    ));
    let paths: Vec<&str> = trained(&plan.phases[0]).into_iter().collect();
    assert_eq!(
        paths,
        [
            "first.mlp.0.linear.bias",
            "first.mlp.0.linear.weight",
            "first.mlp.linear.bias",
            "first.mlp.linear.weight",
            "first/movie/id",
            "first/user/id",
            "main/movie/id",
            "main/user/id",
            "ranker.mlp.0.linear.bias",
            "ranker.mlp.0.linear.weight",
            "ranker.mlp.linear.bias",
            "ranker.mlp.linear.weight",
        ]
    );
}

#[test]
fn trainings_run_in_the_order_of_their_weights_whatever_the_order_of_the_text() {
    let plan = plan(&format!(
        "{LEARN}{FOLLOW} train students {{ minimize follow }}\ntrain teachers {{ minimize learn }}"
    ));
    assert_eq!(
        names(&plan),
        [("teachers", &[][..]), ("students", &[0][..])]
    );
    let of_first = |path: &&str| path.starts_with("first");
    assert!(trained(&plan.phases[0]).iter().all(of_first));
    assert!(!trained(&plan.phases[1]).iter().any(of_first));
    assert!(read(&plan.phases[1]).iter().any(of_first));
}

#[test]
fn a_teacher_that_does_not_learn_sees_every_value_and_drops_nothing_out() {
    let plan = plan(&format!(
        "{LEARN}{FOLLOW} train students {{ minimize follow }}\ntrain teachers {{ minimize learn }}"
    ));
    let draws = |phase: &PhasePlan| {
        let graph = &phase.step.graph;
        let order = graph.order().into_iter();
        order
            .filter(|id| graph.node(*id).op == Op::RandomUniform)
            .count()
    };
    assert_eq!(
        (draws(&plan.phases[0]), draws(&plan.phases[1])),
        (1, 1),
        "the student's own"
    );
    let drops = |phase: &PhasePlan| -> Vec<(String, f64)> {
        let feeds = phase.step.feeds.iter().filter_map(|feed| match &feed.what {
            FeedKind::Column { drop, .. } if feed.input.contains("movie.id") => {
                Some((feed.input.clone(), *drop))
            }
            _ => None,
        });
        feeds.collect()
    };
    assert_eq!(drops(&plan.phases[0]), [("movie.id".to_owned(), 0.05)]);
    assert_eq!(
        drops(&plan.phases[1]),
        [
            ("movie.id".to_owned(), 0.05),
            ("movie.id.whole".to_owned(), 0.0)
        ]
    );
}

#[test]
fn the_gradient_of_a_joint_teacher_is_that_of_the_teacher_alone() {
    let joint = plan(&format!(
        "{LEARN}{FOLLOW} train {{ minimize learn + follow }}"
    ));
    let alone = plan(&format!(
        "{LEARN} loss other for ranker over rating = bce(ranker(user, movie), stars >= 4)
        train {{ minimize learn }}\ntrain rest {{ minimize other }}"
    ));
    let (with, _) = gradients(&joint.phases[0]);
    let (without, _) = gradients(&alone.phases[0]);
    assert_eq!(without.len(), 6);
    for (path, gradient) in &without {
        assert_eq!(&with[path], gradient, "{path}");
        assert!(gradient.iter().any(|g| *g != 0.0), "{path} has no gradient");
    }
}

#[test]
fn a_teacher_that_two_losses_read_is_computed_once() {
    let plan = plan(&format!(
        "{LEARN}{FOLLOW} train {{ minimize learn + follow }}"
    ));
    let graph = &plan.phases[0].step.graph;
    let draws = graph.order().into_iter();
    let draws = draws.filter(|id| graph.node(*id).op == Op::RandomUniform);
    assert_eq!(draws.count(), 2, "one of the teacher, one of the student");
}

#[test]
fn a_teacher_is_computed_forward_only_where_it_does_not_learn() {
    let text = format!(
        "{LEARN}{FOLLOW} train teachers {{ minimize learn }}\ntrain students {{ minimize follow }}"
    );
    let plan = plan(&text);
    let graph = &plan.phases[1].step.graph;
    // A backward op of the teacher would read a weight of it transposed, or make a gradient of its shape.
    let reads = graph.order().into_iter().filter(|id| {
        graph.operands(*id).iter().any(|operand| {
            matches!(&graph.node(*operand).op, Op::Param(path) if path.starts_with("first.mlp.linear.weight"))
        })
    });
    assert_eq!(reads.count(), 1, "one product, and none on the way back");
}

#[test]
fn a_loss_for_a_teacher_leaves_the_towers_around_it_alone() {
    let plan = plan(&format!(
        "{LEARN} tower judge(s: f32[4]) -> logit = linear(s, 1) |> squeeze
         loss tell for judge over rating = bce(judge(user.id), stars >= 4)
         loss main for ranker over rating = bce(ranker(user, movie) + judge(movie.id), stars >= 4)
         train {{ minimize learn + main }}\ntrain judges {{ minimize tell }}"
    ));
    let phase = plan
        .phases
        .iter()
        .find(|phase| phase.name == "train")
        .unwrap();
    assert!(!trained(phase).iter().any(|path| path.starts_with("judge")));
    assert!(trained(phase).contains("main/user/id"));
}

#[test]
fn nested_teachers_are_stopped_unless_the_loss_is_for_them() {
    let text = "
        teacher inner like ranker
        teacher outer(u: user, m: movie) -> logit = inner(u, m) + (linear(u.id, 1) |> squeeze)
        loss learn_inner for inner over rating = bce(inner(user, movie), stars >= 4)
        loss learn_outer for outer over rating = bce(outer(user, movie), stars >= 2)
        train one { minimize learn_outer }
        train two { minimize learn_inner }";
    let plan = plan(text);
    assert_eq!(names(&plan), [("two", &[][..]), ("one", &[0][..])]);
    assert_eq!(
        trained(&plan.phases[1]).into_iter().collect::<Vec<_>>(),
        ["outer.linear.bias", "outer.linear.weight", "outer/user/id"]
    );
    let both = plan_both();
    assert!(trained(&both.phases[0]).contains("inner.mlp.0.linear.weight"));
}

fn plan_both() -> Plan {
    plan(
        "
        teacher inner like ranker
        teacher outer(u: user, m: movie) -> logit = inner(u, m) + (linear(u.id, 1) |> squeeze)
        loss learn for inner, outer over rating = bce(outer(user, movie), stars >= 2)
        train { minimize learn }",
    )
}

#[test]
fn tables_are_shared_where_that_is_said() {
    let plan = plan(
        "
        teacher first like ranker shares tables
        loss learn for first over rating = bce(first(user, movie), stars >= 4)
        loss follow over rating = (ranker(user, movie) - first(user, movie)) ^ 2
        train { minimize learn + follow }",
    );
    let paths = trained(&plan.phases[0]);
    assert!(paths.contains("main/user/id") && !paths.iter().any(|path| path.starts_with("first/")));
    assert!(paths.contains("first.mlp.0.linear.weight"));
}

#[test]
fn a_copy_is_taken_as_the_training_begins_that_reads_it() {
    let plan = plan(
        "
        teacher before copy of ranker
        loss main over rating = bce(ranker(user, movie), stars >= 4)
        loss calm over rating = bce(ranker(user, movie), stars >= 2) + (ranker(user, movie) - before(user, movie)) ^ 2
        train again { minimize calm }
        train once { minimize main }",
    );
    // Both train the same weights, and what reads a copy of them comes later, against the order of the text.
    assert_eq!(names(&plan), [("once", &[][..]), ("again", &[0][..])]);
    assert_eq!(plan.phases[0].begins, []);
    let begins = &plan.phases[1].begins;
    assert_eq!(begins.len(), 6);
    assert!(
        begins
            .iter()
            .all(|copy| copy.to == format!("before/{}", copy.from))
    );
}

#[test]
fn an_average_begins_and_moves_with_what_it_follows() {
    let plan = plan(
        "
        teacher slow ema of ranker decay 0.9
        loss main over rating = bce(ranker(user, movie), stars >= 4) + (ranker(user, movie) - slow(user, movie)) ^ 2
        train { minimize main }",
    );
    let phase = &plan.phases[0];
    assert!(phase.begins.contains(&CopyPlan {
        from: "main/movie/id".to_owned(),
        to: "slow/main/movie/id".to_owned(),
    }));
    let averages: Vec<(&str, &str, f64)> = phase
        .averages
        .iter()
        .map(|moved| (moved.value.as_str(), moved.average.as_str(), moved.decay))
        .collect();
    assert_eq!(averages.len(), 6);
    assert_eq!(averages[0], ("main/movie/id", "slow/main/movie/id", 0.9));
    assert!(!trained(phase).iter().any(|path| path.starts_with("slow")));
}

#[test]
fn a_frozen_tower_passes_the_gradient_on_and_keeps_none() {
    let plan = plan(
        "
        tower judge(h: f32[4]) -> logit = linear(h, 1) |> squeeze
        loss tell for judge over rating = bce(judge(user.id), stars >= 4)
        loss fool over rating = bce(frozen(judge)(movie.id), stars >= 4)
        train judges { minimize tell }
        train foolers { minimize fool }",
    );
    let fool = plan
        .phases
        .iter()
        .find(|phase| phase.name == "foolers")
        .unwrap();
    assert_eq!(
        trained(fool).into_iter().collect::<Vec<_>>(),
        ["main/movie/id"]
    );
}

#[test]
fn a_record_of_outputs_is_stopped_as_a_whole_and_read_by_field() {
    let plan = plan(
        "
        teacher whole(u: user, m: movie) -> { h: f32[4], click: logit } {
          let h = concat(u, m) |> mlp([4])
          { h: h, click: linear(h, 1) |> squeeze }
        }
        loss learn for whole over rating = bce(whole(user, movie).click, stars >= 4)
        loss follow over rating {
          let t = whole(user, movie)
          sum((movie.id - t.h) ^ 2) + (ranker(user, movie) - t.click) ^ 2
        }
        train { minimize learn + follow }",
    );
    let (with, outputs) = gradients(&plan.phases[0]);
    assert!(with.contains_key("whole.mlp.linear.weight") && outputs["follow"] > 0.0);
    let mut alone = plan.clone();
    alone.phases = compile(&typed(
        "
        teacher whole(u: user, m: movie) -> { h: f32[4], click: logit } {
          let h = concat(u, m) |> mlp([4])
          { h: h, click: linear(h, 1) |> squeeze }
        }
        loss learn for whole over rating = bce(whole(user, movie).click, stars >= 4)
        train { minimize learn }",
    ))
    .unwrap()
    .phases;
    for (path, gradient) in gradients(&alone.phases[0]).0 {
        assert_eq!(with[&path], gradient, "{path}");
    }
}

#[test]
fn the_flow_says_who_is_trained_by_what_and_why_a_gradient_stops() {
    let hir = typed(&format!(
        "{LEARN}{FOLLOW} train students {{ minimize follow }}\ntrain teachers {{ minimize learn }}"
    ));
    let flows = flow(&hir).unwrap();
    assert_eq!(
        (flows[1].train.as_str(), flows[1].after.as_slice()),
        ("students", &["teachers".to_owned()][..])
    );
    let of_first = flows[1]
        .weights
        .iter()
        .find(|weight| weight.path == "first/user/id")
        .unwrap();
    assert_eq!(
        of_first.why.as_deref(),
        Some("of teacher `first`, trained in `teachers`")
    );
    let stops: Vec<(&str, &str)> = flows[1]
        .stops
        .iter()
        .map(|stop| (stop.op.as_str(), stop.why.as_str()))
        .collect();
    assert_eq!(stops, [("stop", "the output of teacher `first`")]);
    assert!(flows[0].stops.is_empty());
}
