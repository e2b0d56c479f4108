//! Texts of keys with weights: both are lists of one space, whatever is left out of them.

use std::collections::BTreeMap;
use std::fmt::Write;

use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::plan::{FeedKind, Plan, Program};
use reckon_compiler::world::Texts;
use reckon_runtime::data::{Assembler, Batch, Dataset, HostValues, StepKey};

use crate::spec::{folder, rendered};

/// Keys `k1` to `k7`, each with ten times its number as weight, now and then without what a part needs.
fn data(plan: &Plan) -> Dataset {
    let mut items = "item_id,tags\n".to_owned();
    for item in 0..40 {
        let part = |at: usize| {
            let key = 1 + (item * 5 + at * 3) % 7;
            match (item + at) % 9 {
                0 => format!("k{key}:none"),
                1 => format!(":{key}"),
                _ => format!("k{key}:{}", key * 10),
            }
        };
        let parts: Vec<String> = (0..item % 8).map(part).collect();
        writeln!(items, "{item},{}", parts.join("|")).unwrap();
    }
    let mut sales = "item_id,kept,at\n".to_owned();
    (0..80).for_each(|row| writeln!(sales, "{},{},{row}", row % 40, row % 2).unwrap());
    let files = [("items.csv", items.as_str()), ("sales.csv", sales.as_str())];
    let loaded = Dataset::load(plan, folder(&files).path(), None);
    loaded.unwrap_or_else(|faults| panic!("{}", rendered(&faults)))
}

fn compiled() -> Plan {
    let text = r#"
use std.tower.mlp
use std.tower.weighted_mean
entity item from "items.csv" { key item_id: int; tags: str }
events sale from "sales.csv" { item_id -> item; label kept: bool; at: time }
features item {
  kinds = weighted_mean(bag_keys(tags) |> vocab |> embed(2), bag_weights(tags))
  slots = sum((bag_keys(tags) |> hash(5) |> embed(3)) * log1p(bag_weights(tags)))
}
tower taste(i: item) -> logit = concat(i) |> mlp([1]) |> squeeze
loss main over sale = bce(taste(item), kept) + bce(taste(drop_values(item, 40%)), kept)
train { minimize main }
"#;
    let world = Texts([("spec.rec".to_owned(), text.to_owned())].into());
    let checked = check(&world, "spec.rec", &[]);
    let hir = checked
        .hir
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    compile(&hir).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The lists of a batch by handle and output.
fn lists(program: &Program, batch: &Batch) -> BTreeMap<(usize, String), Vec<f64>> {
    let mut lists = BTreeMap::new();
    for feed in &program.feeds {
        if let FeedKind::ListValues { handle, output, .. } = &feed.what {
            let values = match &batch.inputs[&feed.input].values {
                HostValues::F32(values) => values.iter().map(|value| f64::from(*value)).collect(),
                HostValues::I64(values) => values.iter().map(|value| *value as f64).collect(),
                HostValues::Bool(values) => panic!("{values:?}"),
            };
            lists.insert((*handle, output.clone()), values);
        }
    }
    lists
}

#[test]
fn weights_stand_beside_their_keys_where_values_are_left_out_too() {
    let plan = compiled();
    let data = data(&plan);
    let phase = &plan.phases[0];
    let assembler = Assembler::new(&data, &phase.step, &phase.streams).unwrap();
    let key = StepKey {
        seed: 5,
        step: 3,
        epoch: 0,
        training: true,
        schedule: 1.0,
    };
    let batch = assembler.assemble(&[(0..80).collect()], key);
    let lists = lists(&phase.step, &batch);
    let handles: std::collections::BTreeSet<usize> =
        lists.keys().map(|(handle, _)| *handle).collect();
    assert_eq!(handles.len(), 2, "{:?}", lists.keys());
    let mut sizes = Vec::new();
    // Each of the keys has a weight of its own, so an id tells the weight.
    let mut weight_of: BTreeMap<u64, f64> = BTreeMap::new();
    for handle in handles {
        let of = |wanted: &str| {
            let mut found = lists
                .iter()
                .filter(|((at, name), _)| *at == handle && name == wanted);
            let (_, values) = found
                .next()
                .unwrap_or_else(|| panic!("{wanted}: {:?}", lists.keys()));
            values.clone()
        };
        let (ids, weights) = (of("kinds"), of("tags |> bag_weights(\"|\", \":\")"));
        assert_eq!(ids.len(), weights.len());
        assert_eq!(ids.len(), of("slots").len());
        for (id, weight) in ids.iter().zip(&weights) {
            let known = *weight_of.entry(*id as u64).or_insert(*weight);
            assert_eq!(known, *weight, "id {id}");
        }
        sizes.push(ids.len());
    }
    assert_eq!(weight_of.len(), 7);
    assert!(sizes[0] != sizes[1], "some are left out: {sizes:?}");
}
