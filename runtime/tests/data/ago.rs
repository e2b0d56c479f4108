//! How long ago the events of a history were, and what features make of it.

use std::collections::BTreeMap;

use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::plan::{EvaluationKind, Plan};
use reckon_compiler::world::Texts;
use reckon_runtime::data::{Assembler, Batch, Dataset, HostValues, Now, StepKey};

use crate::spec::{folder, rendered};

const SPEC: &str = r#"
use std.tower
use std.feature

entity user from "users.csv" { key user_id: int }
events visit from "visits.csv" {
  user_id -> user
  label click: bool
  at: time
}
features visit {
  quiet = history(visit of user, within: 1000s).ago |> since_last(never: 1000) |> log1p
  often = history(visit of user, within: 1000s).raw.click |> rate(prior: 2, toward: 0.5)
}
tower taste(v: visit) -> logit = concat(v) |> mlp([1]) |> squeeze
loss main over visit = bce(taste(visit), visit.raw.click)
train { minimize main }
evaluate tastes: ranking over visit { score taste(visit) against visit.raw.click; report logloss }
"#;

const KEY: StepKey = StepKey {
    seed: 1,
    step: 0,
    epoch: 0,
    training: false,
    schedule: 1.0,
};

fn plan() -> Plan {
    let world = Texts([("spec.rec".to_owned(), SPEC.to_owned())].into());
    let checked = check(&world, "spec.rec", &[]);
    let hir = checked.hir;
    let hir = hir.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    compile(&hir).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn data(plan: &Plan) -> Dataset {
    let visits =
        "user_id,click,at\n7,true,100\n8,true,130\n7,false,160.5\n7,true,400\n7,false,1161\n";
    let folder = folder(&[("users.csv", "user_id\n7\n8\n"), ("visits.csv", visits)]);
    let loaded = Dataset::load(plan, folder.path(), None);
    loaded.unwrap_or_else(|faults| panic!("{}", rendered(&faults)))
}

fn floats(batch: &Batch, end: &str) -> Vec<f32> {
    let found = batch.inputs.iter().find(|(name, _)| name.ends_with(end));
    match found.map(|(_, tensor)| &tensor.values) {
        Some(HostValues::F32(values)) => values.clone(),
        other => panic!("{end}: {other:?} in {:?}", batch.inputs.keys()),
    }
}

#[test]
fn events_of_a_history_are_as_many_seconds_ago_as_the_row_is_later() {
    let plan = plan();
    let data = data(&plan);
    let EvaluationKind::Ranking { score } = &plan.evaluations[0].kind else {
        panic!("the evaluation is a ranking");
    };
    let assembler = Assembler::new(&data, score, &[]).unwrap();
    let batch = assembler.assemble(&[(0..5).collect()], KEY);
    // The second row is another user's; the last does not see the first two events, which are more than 1,000 seconds ago.
    assert_eq!(floats(&batch, ".ago"), [60.5, 300.0, 239.5, 761.0]);
    let user = data.source("user").unwrap().find("7").unwrap();
    let now = Now {
        rows: 1,
        references: BTreeMap::from([("user".to_owned(), vec![user])]),
        ..Now::default()
    };
    let asked = |time: Option<i64>| {
        let now = Now {
            time,
            ..now.clone()
        };
        floats(&assembler.assemble_now(&now, KEY).unwrap(), ".ago")
    };
    assert_eq!(asked(Some(500_000_000)), [400.0, 339.5, 100.0]);
    // Right after the newest of all.
    assert_eq!(asked(None), [1061.0, 1000.5, 761.0, 0.0]);
}
