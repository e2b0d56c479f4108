//! What a loop over days runs: its columns among the other turns.

#![allow(clippy::unwrap_used, reason = "tests may fail where they stand")]

use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::plan::{PickPlan, Plan, Turn};
use reckon_compiler::world::Texts;

const BASE: &str = r#"
entity user from "users.csv" { key user_id: int }
entity item from "items.csv" { key item_id: int }

events visit from "visits.csv" {
  user_id -> user
  item_id -> item
  known price: float
  label click: bool
  at: time
}

features user { id = user_id |> vocab |> embed(4) }
features item { id = item_id |> vocab |> embed(4) }

tower local(u: user, i: item) -> logit = dot(u.id, i.id)
"#;

fn plan(text: &str) -> Plan {
    let world = Texts([("main.rec".to_owned(), format!("{BASE}{text}"))].into());
    let checked = check(&world, "main.rec", &[]);
    let hir = checked
        .hir
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    compile(&hir).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

const HARD_CUT: &str = "
loop day over visit.at by 1d {
  selector near = visit in day where price > 1 |> at_most(50)
  column ratio over near = exp(local(user, item))
  selector relevant = near |> top(50%, by: ratio) |> weigh(clip(ratio, 0, 10))
  loss task over relevant = bce(local(user, item), click)
  train local_today { minimize task }
  evaluate asked: ranking over visit in next day { score local(user, item) against click; report auc }
}";

#[test]
fn a_column_has_its_turn_where_it_stands_in_the_loop() {
    let plan = plan(HARD_CUT);
    let turns = &plan.daily.as_ref().unwrap().turns;
    assert_eq!(
        turns[..],
        [Turn::Column(0), Turn::Train(0), Turn::Evaluate(0)]
    );
    assert_eq!(plan.columns[0].after, None, "no place among the trainings");
}

#[test]
fn rows_of_a_selector_go_on_from_those_that_its_column_was_computed_for() {
    let plan = plan(HARD_CUT);
    let (column, stream) = (&plan.columns[0], &plan.phases[0].streams[0]);
    assert_eq!(column.window, stream.window);
    assert_eq!(column.condition, stream.condition);
    assert_eq!(column.picks[..], stream.picks[..column.picks.len()]);
    let rest = &stream.picks[column.picks.len()..];
    assert!(
        matches!(rest, [PickPlan::Top(_, by), PickPlan::Weigh(_)] if by == "ratio |> fill(0.0)"),
        "{rest:?}"
    );
}

#[test]
fn a_column_outside_of_a_loop_keeps_its_place_among_the_trainings() {
    let plan = plan(
        "column cheap over visit where price < 1 = price * 2
         loss task over visit |> weigh(fill(cheap, 1.0)) = bce(local(user, item), click)
         train once { minimize task }",
    );
    assert_eq!(plan.columns[0].after, Some(0));
    assert!(plan.daily.is_none());
}

const WEIGHED: &str = "
loop day over visit.at by 1d {
  graph near = cosine(visit before day where click, user, item, weight: WEIGHT)
  loss task over visit in day |> keep(affinity(near, item, seeds: visit before day) >= 0.1) = bce(local(user, item), click)
  train today { minimize task }
}";

#[test]
fn the_edges_of_a_graph_weigh_what_its_rows_say() {
    let weighed = plan(&WEIGHED.replace("WEIGHT", "where(price > 9, 3, 1)"));
    let weight = weighed.graphs[0].weight.as_ref().unwrap();
    let kernels = weighed.kernels.iter();
    let outputs = kernels.flat_map(|kernel| kernel.outputs.iter());
    assert!(outputs.clone().any(|(name, _)| name == weight), "{weight}");
    let plain = plan(&WEIGHED.replace(", weight: WEIGHT", ""));
    assert_eq!(plain.graphs[0].weight, None);
}

#[test]
fn an_edge_weighs_a_number() {
    let text = WEIGHED.replace("WEIGHT", "\"heavy\"");
    let world = Texts([("main.rec".to_owned(), format!("{BASE}{text}"))].into());
    let refused = check(&world, "main.rec", &[]).diagnostics;
    assert_eq!(refused[0].code.0, 706, "{refused:?}");
    assert!(refused[0].message.contains("expected a number of each row"));
}
