//! What is known when: outcomes joined from other events, labels that become known later, and rows that see nothing early.

use std::fmt::Write;

use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::plan::{EvaluationKind, Plan};
use reckon_compiler::world::Texts;
use reckon_kernel::Data;
use reckon_runtime::data::{Assembler, Batch, Dataset, OutcomeReport, StepKey};

use crate::spec::{folder, rendered};

const KEY: StepKey = StepKey {
    seed: 1,
    step: 0,
    epoch: 0,
    training: false,
    schedule: 1.0,
};

/// Views with a joined label and two that become known later; `features` are those of a view.
fn compiled(policy: &str, features: &str) -> Plan {
    let text = format!(
        r#"
use std.tower.mlp
entity user from "users.csv" {{ key user_id: int }}
entity item from "items.csv" {{ key item_id: int }}
events click from "clicks.csv" {{
  request: int
  at: time
}}
events view from "views.csv" {{
  user_id -> user
  item_id -> item
  request: int
  label click: bool from click on request within 30s else false
  label buy: bool known 60s after at
  label paid: float known at paid_at
  paid_at: time?
  at: time
  immature: {policy}
}}
split view by at {{ train 60%, valid 20%, test 20% }}
features item {{ id = item_id |> hash(16) |> embed(2) }}
features view {{
{features}
}}
tower taste(v: view) -> logit = concat(v) |> mlp([1]) |> squeeze
loss main over view = bce(taste(view), view.raw.buy)
train {{ minimize main }}
evaluate tastes: ranking over view {{ score taste(view) against view.raw.buy; report logloss }}
"#
    );
    let world = Texts([("spec.rec".to_owned(), text)].into());
    let checked = check(&world, "spec.rec", &[]);
    let hir = checked
        .hir
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    compile(&hir).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

const FEATURES: &str = "  seen = history(view of user, last: 4).item.id |> mean
  clicked = history(view of user where click, last: 4).item.id |> mean
  bought = history(view of user where buy, within: 500s).item.id |> mean
  spent = history(view of user, last: 3).raw.paid |> fill(0) |> mean
  popular = history(view of item where click).raw.user_id |> hash(8) |> embed(2) |> mean
  minute = request";

#[derive(Clone)]
struct View {
    user: u64,
    item: u64,
    request: u64,
    buy: bool,
    paid: u64,
    paid_at: Option<u64>,
    at: u64,
}

#[derive(Clone)]
struct World {
    views: Vec<View>,
    clicks: Vec<(u64, u64)>,
}

/// Numbers that look like chance and repeat.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

const USERS: u64 = 4;
const ITEMS: u64 = 5;
const SECONDS: u64 = 600;

fn world(chance: &mut Chance) -> World {
    let view = |request: u64, chance: &mut Chance| {
        let at = chance.below(SECONDS);
        View {
            user: chance.below(USERS),
            item: chance.below(ITEMS),
            request,
            buy: chance.below(2) == 0,
            paid: chance.below(9),
            paid_at: (chance.below(3) > 0).then(|| at + chance.below(120)),
            at,
        }
    };
    let views: Vec<View> = (0..120).map(|request| view(request, chance)).collect();
    let mut clicks: Vec<(u64, u64)> = Vec::new();
    for view in &views {
        if chance.below(2) == 0 {
            clicks.push((view.request, view.at + chance.below(45)));
        }
    }
    World { views, clicks }
}

impl World {
    /// Everything that is known only after `t` made something else that is known only after `t`.
    fn corrupted(&self, t: u64, chance: &mut Chance) -> Self {
        let mut other = self.clone();
        let later = |chance: &mut Chance| t + 1 + chance.below(SECONDS);
        for view in &mut other.views {
            if view.at > t {
                *view = View {
                    user: chance.below(USERS),
                    item: chance.below(ITEMS),
                    at: later(chance),
                    ..view.clone()
                };
            }
            if view.at + 60 > t {
                view.buy = !view.buy;
            }
            // That nothing is paid yet is known before.
            if view.paid_at.is_none_or(|at| at > t) {
                view.paid += 1;
                view.paid_at = (chance.below(3) > 0).then(|| later(chance).max(view.at));
            }
        }
        for click in other.clicks.iter_mut().filter(|click| click.1 > t) {
            // A click that comes later than its row's 30 seconds, or that never comes.
            *click = (100_000 + chance.below(1000), later(chance));
        }
        other
    }

    fn data(&self, plan: &Plan, like: Option<&Dataset>) -> Dataset {
        let mut views = "user_id,item_id,request,buy,paid,paid_at,at\n".to_owned();
        for view in &self.views {
            let paid_at = view.paid_at.map_or_else(String::new, |at| at.to_string());
            let (user, item, request) = (view.user, view.item, view.request);
            let (buy, paid, at) = (view.buy, view.paid, view.at);
            writeln!(views, "{user},{item},{request},{buy},{paid},{paid_at},{at}").unwrap();
        }
        let mut clicks = "request,at\n".to_owned();
        for (request, at) in &self.clicks {
            writeln!(clicks, "{request},{at}").unwrap();
        }
        let ids = |name: &str, n: u64| {
            (0..n).fold(format!("{name}\n"), |text, id| format!("{text}{id}\n"))
        };
        let folder = folder(&[
            ("users.csv", &ids("user_id", USERS)),
            ("items.csv", &ids("item_id", ITEMS)),
            ("views.csv", &views),
            ("clicks.csv", &clicks),
        ]);
        let fits = like.map(|like| like.fits.clone());
        let loaded = Dataset::load(plan, folder.path(), fits);
        loaded.unwrap_or_else(|faults| panic!("{}", rendered(&faults)))
    }
}

/// What the features of each of these rows are fed with: all inputs of the score but the label that it is held against.
fn fed(plan: &Plan, data: &Dataset, rows: &[u32]) -> Vec<Batch> {
    let EvaluationKind::Ranking { score } = &plan.evaluations[0].kind else {
        panic!("the evaluation is a ranking");
    };
    let assembler = Assembler::new(data, score, &[]).unwrap();
    let one = |row: &u32| {
        let mut batch = assembler.assemble(&[vec![*row]], KEY);
        assert!(batch.inputs.remove("view.buy").is_some());
        batch
    };
    rows.iter().map(one).collect()
}

/// The first instants, of so many, at which a row changes by what is known later.
fn leaks(plan: &Plan, instants: u64) -> Vec<u64> {
    let mut chance = Chance(11);
    let world = world(&mut chance);
    let data = world.data(plan, None);
    let mut found = Vec::new();
    for _ in 0..instants {
        let t = chance.below(SECONDS);
        let early = |(_, view): &(usize, &View)| view.at <= t;
        let rows: Vec<u32> = world
            .views
            .iter()
            .enumerate()
            .filter(early)
            .map(|(row, _)| row as u32)
            .collect();
        let other = world.corrupted(t, &mut chance).data(plan, Some(&data));
        if fed(plan, &data, &rows) != fed(plan, &other, &rows) {
            found.push(t);
        }
    }
    found
}

#[test]
fn no_feature_moves_by_what_is_known_later() {
    assert_eq!(leaks(&compiled("keep", FEATURES), 150), Vec::<u64>::new());
    assert_eq!(leaks(&compiled("drop", FEATURES), 50), Vec::<u64>::new());
}

#[test]
fn each_history_that_forgets_when_its_labels_are_known_leaks() {
    let plan = compiled("keep", FEATURES);
    let waiting: Vec<usize> = (0..plan.histories.len())
        .filter(|at| !plan.histories[*at].known.is_empty())
        .collect();
    // All but `seen`, which reads no label.
    assert_eq!((plan.histories.len(), waiting.len()), (5, 4));
    for at in waiting {
        let mut forgetful = plan.clone();
        forgetful.histories[at].known.clear();
        assert!(leaks(&forgetful, 30).len() > 5, "history {at}");
    }
}

fn few(views: &str, clicks: &str) -> [(&'static str, String); 4] {
    [
        ("users.csv", "user_id\n1\n".to_owned()),
        ("items.csv", "item_id\n7\n8\n".to_owned()),
        (
            "views.csv",
            format!("user_id,item_id,request,buy,paid,paid_at,at\n{views}"),
        ),
        ("clicks.csv", format!("request,at\n{clicks}")),
    ]
}

fn loaded(policy: &str, files: &[(&'static str, String)]) -> Result<Dataset, String> {
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    let plan = compiled(policy, "  minute = request");
    Dataset::load(&plan, folder(&files).path(), None).map_err(|faults| rendered(&faults))
}

#[test]
fn outcomes_are_joined_within_their_time_and_counted() {
    // Of view 1 two clicks, one of them on the last instant; of view 2 one too late; of view 3 one before it; one of nothing.
    let views = "1,7,1,0,0,,100\n1,7,2,0,0,,100\n1,8,3,0,0,,100\n1,8,4,0,0,,100\n";
    let clicks = "1,110\n1,130\n2,131\n3,99\n4,100\n9,100\n";
    let data = loaded("keep", &few(views, clicks)).unwrap();
    let view = data.source("view").unwrap();
    assert_eq!(
        view.columns["click"].data,
        Data::Bool(vec![true, false, false, true])
    );
    let report = OutcomeReport {
        source: "view".to_owned(),
        label: "click".to_owned(),
        from: "click".to_owned(),
        matched: 2,
        duplicates: 1,
        late: 2,
        orphans: 1,
    };
    assert_eq!(data.outcomes, [report]);
}

#[test]
fn an_outcome_that_fans_out_is_an_error_with_both_rows() {
    let views = "1,7,1,0,0,,100\n1,7,2,0,0,,100\n1,8,1,0,0,,105\n";
    assert_eq!(
        loaded("keep", &few(views, "2,100\n1,110\n")).unwrap_err(),
        "E1043: clicks.csv row 2 (line 3): this outcome counts for views.csv row 1 (line 2) and for views.csv row 3 (line 4) of `view`\n  \
         help: join on columns that name one row, or take a shorter time in `within`"
    );
}

/// Ten views a part of a minute apart: six train, two each are for validation and test.
fn ten() -> [(&'static str, String); 4] {
    let mut views = String::new();
    for row in 0..10 {
        let at = row * 40;
        writeln!(views, "1,7,{row},1,1,{at},{at}").unwrap();
    }
    few(&views, "999,1\n")
}

#[test]
fn rows_that_are_not_mature_at_the_end_of_their_part_are_left_out_and_counted() {
    // `valid` begins at 240: of the rows that train that of 200 is known from 260 on. `test` begins at 320; at the end, 360, the
    // row of 320 is known from 380 on.
    let rows = |policy: &str| {
        let data = loaded(policy, &ten()).unwrap();
        let of = |part| data.rows("view", Some(part), None);
        let immature = data
            .source("view")
            .unwrap()
            .parts
            .as_ref()
            .unwrap()
            .report
            .immature;
        (of("train"), of("valid"), of("test"), immature)
    };
    let (train, all) = (vec![0, 1, 2, 3, 4], vec![0, 1, 2, 3, 4, 5]);
    assert_eq!(rows("drop"), (train, vec![6], vec![], 4));
    assert_eq!(rows("keep"), (all.clone(), vec![6, 7], vec![8, 9], 0));
    assert_eq!(rows("weight"), (all, vec![6], vec![], 4));
}

#[test]
fn a_label_that_never_becomes_known_leaves_its_row_out() {
    let mut files = ten();
    files[2].1 = files[2].1.replace("1,7,0,1,1,0,0", "1,7,0,1,1,,0");
    let data = loaded("drop", &files).unwrap();
    assert_eq!(data.rows("view", Some("train"), None), [1, 2, 3, 4]);
}
