//! Things with dated versions: which version a row sees, in a batch and alone, against a reference that looks at all of them.

use std::collections::BTreeMap;
use std::fmt::Write;

use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::plan::{EvaluationKind, Plan};
use reckon_compiler::world::Texts;
use reckon_kernel::{Column, Data};
use reckon_runtime::data::{Assembler, Batch, Dataset, HostValues, Now, StepKey};

use crate::spec::{folder, rendered};

const KEY: StepKey = StepKey {
    seed: 1,
    step: 0,
    epoch: 0,
    training: false,
    schedule: 1.0,
};

/// Users whose town and age change; a view reads them through its user and as the user's features.
fn compiled(rows: &str) -> Plan {
    let text = format!(
        r#"
use std.tower.mlp
entity user from "users.csv" as of moved_at {{
  key user_id: int
  town: int
  age: float
  moved_at: time
}}
entity item from "items.csv" {{ key item_id: int }}
events view from "views.csv" {{
  user_id -> user
  item_id -> item
  label liked: bool
  at: time
}}
split view by at {{ train 60%, valid 20%, test 20% }}
features user {{
  id = user_id |> vocab |> embed(2)
  age = age
}}
features item {{ id = item_id |> hash(16) |> embed(2) }}
features view {{
  town = user.raw.town |> fill(-1) |> hash(64) |> embed(2)
  friends = history(view of item, last: 5).user.age |> mean
}}
tower taste(u: user, i: item, v: view) -> logit = concat(u, i, v) |> mlp([1]) |> squeeze
loss main over view{rows} = bce(taste(user, item, view), liked)
train {{ minimize main }}
evaluate tastes: ranking over view {{ score taste(user, item, view) against liked; report logloss }}
"#
    );
    let world = Texts([("spec.rec".to_owned(), text)].into());
    let checked = check(&world, "spec.rec", &[]);
    let hir = checked
        .hir
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    compile(&hir).unwrap_or_else(|errors| panic!("{errors:#?}"))
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

/// A user, a town, an age, and from when on.
#[derive(Clone, Debug)]
struct Version {
    user: u64,
    town: u64,
    age: u64,
    at: u64,
}

/// A user, an item, a label and a time.
#[derive(Clone, Debug)]
struct View {
    user: u64,
    item: u64,
    liked: bool,
    at: u64,
}

const USERS: u64 = 6;
const ITEMS: u64 = 3;
const SECONDS: u64 = 60;

struct World {
    versions: Vec<Version>,
    views: Vec<View>,
}

/// Few instants, so that views often come at the instant of a version; versions in no order. Each user has at least one.
fn world(chance: &mut Chance) -> World {
    let mut versions: BTreeMap<(u64, u64), Version> = BTreeMap::new();
    for number in 0..25 {
        let (user, at) = (number % USERS, chance.below(SECONDS));
        let (town, age) = (chance.below(20), chance.below(90));
        versions.insert(
            (at * 7 % SECONDS + user, at),
            Version {
                user,
                town,
                age,
                at,
            },
        );
    }
    let mut taken = std::collections::BTreeSet::new();
    let versions = versions
        .into_values()
        .filter(|version| taken.insert((version.user, version.at)));
    let view = |_| View {
        user: chance.below(USERS),
        item: chance.below(ITEMS),
        liked: chance.below(2) == 0,
        at: chance.below(SECONDS),
    };
    World {
        versions: versions.collect(),
        views: (0..80).map(view).collect(),
    }
}

impl World {
    fn files(&self) -> [(&'static str, String); 3] {
        let mut users = "user_id,town,age,moved_at\n".to_owned();
        for Version {
            user,
            town,
            age,
            at,
        } in &self.versions
        {
            writeln!(users, "{user},{town},{age},{at}").unwrap();
        }
        let mut views = "user_id,item_id,liked,at\n".to_owned();
        for View {
            user,
            item,
            liked,
            at,
        } in &self.views
        {
            writeln!(views, "{user},{item},{liked},{at}").unwrap();
        }
        let items = (0..ITEMS).fold("item_id\n".to_owned(), |text, id| format!("{text}{id}\n"));
        [
            ("users.csv", users),
            ("items.csv", items),
            ("views.csv", views),
        ]
    }

    /// The version of a user strictly before a time, by a look at all.
    fn seen(&self, user: u64, time: u64) -> Option<&Version> {
        let of_user = self.versions.iter().filter(|version| version.user == user);
        of_user
            .filter(|version| version.at < time)
            .max_by_key(|version| version.at)
    }
}

fn load(plan: &Plan, files: &[(&'static str, String)]) -> Result<Dataset, String> {
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    Dataset::load(plan, folder(&files).path(), None).map_err(|faults| rendered(&faults))
}

fn score(plan: &Plan) -> &reckon_compiler::plan::Program {
    match &plan.evaluations[0].kind {
        EvaluationKind::Ranking { score } => score,
        EvaluationKind::Retrieval { .. } => panic!("the evaluation is a ranking"),
    }
}

fn floats(batch: &Batch, input: &str) -> Vec<f32> {
    match &batch.inputs[input].values {
        HostValues::F32(values) => values.clone(),
        other => panic!("{input}: {other:?}"),
    }
}

fn ints(batch: &Batch, input: &str) -> Vec<i64> {
    match &batch.inputs[input].values {
        HostValues::I64(values) => values.clone(),
        other => panic!("{input}: {other:?}"),
    }
}

/// The id that a town has; -1 stands for none.
fn town_id(plan: &Plan, files: &[(&'static str, String)], town: i64) -> i64 {
    let mut one = files.to_vec();
    one[0].1 = format!("user_id,town,age,moved_at\n0,{town},1,0\n");
    one[2].1 =
        "user_id,item_id,liked,at\n0,0,true,1\n0,0,true,2\n0,0,true,3\n0,0,true,4\n0,0,true,5\n"
            .to_owned();
    let data = load(plan, &one).unwrap();
    let batch = Assembler::new(&data, score(plan), &[])
        .unwrap()
        .assemble(&[vec![0]], KEY);
    ints(&batch, "view.town")[0]
}

#[test]
fn a_row_sees_the_latest_version_strictly_before_it() {
    let plan = compiled("");
    let mut towns: BTreeMap<i64, i64> = BTreeMap::new();
    for seed in 0..20 {
        let world = world(&mut Chance(seed));
        let files = world.files();
        let data = load(&plan, &files).unwrap();
        let assembler = Assembler::new(&data, score(&plan), &[]).unwrap();
        let rows: Vec<u32> = (0..world.views.len() as u32).collect();
        let batch = assembler.assemble(&[rows], KEY);
        let (ages, ids) = (floats(&batch, "user.age"), ints(&batch, "view.town"));
        for (row, view) in world.views.iter().enumerate() {
            let seen = world.seen(view.user, view.at);
            let age = seen.map_or(0.0, |version| version.age as f32);
            assert_eq!(
                ages[row], age,
                "seed {seed} row {row}: {view:?} sees {seen:?}"
            );
            let town = seen.map_or(-1, |version| version.town as i64);
            let id = towns
                .entry(town)
                .or_insert_with(|| town_id(&plan, &files, town));
            assert_eq!(
                ids[row], *id,
                "seed {seed} row {row}: {view:?} sees {seen:?}"
            );
        }
    }
}

#[test]
fn rows_of_a_history_see_their_own_versions() {
    let plan = compiled("");
    let world = world(&mut Chance(7));
    let data = load(&plan, &world.files()).unwrap();
    let assembler = Assembler::new(&data, score(&plan), &[]).unwrap();
    let mut there = 0;
    for (row, view) in world.views.iter().enumerate().skip(60) {
        let batch = assembler.assemble(&[vec![row as u32]], KEY);
        let found = floats(&batch, "view.history.user.age");
        let parts = data.source("view").unwrap().parts.as_ref().unwrap();
        let trains = parts.of[row] == 0;
        let mut earlier: Vec<(u64, usize)> = (world.views.iter().enumerate())
            .filter(|(at, other)| {
                other.item == view.item && other.at < view.at && (!trains || parts.of[*at] == 0)
            })
            .map(|(at, other)| (other.at, at))
            .collect();
        earlier.sort_unstable();
        let last = &earlier[earlier.len().saturating_sub(5)..];
        let ages: Vec<f32> = last
            .iter()
            .map(|(_, at)| &world.views[*at])
            .map(|other| {
                world
                    .seen(other.user, other.at)
                    .map_or(0.0, |version| version.age as f32)
            })
            .collect();
        assert_eq!(found, ages, "row {row}");
        there += ages.len();
    }
    assert!(there > 40, "{there}");
}

#[test]
fn a_row_alone_sees_what_it_sees_in_a_batch() {
    let plan = compiled("");
    let world = world(&mut Chance(3));
    let data = load(&plan, &world.files()).unwrap();
    let assembler = Assembler::new(&data, score(&plan), &[]).unwrap();
    let (view, users) = (data.source("view").unwrap(), data.source("user").unwrap());
    for (row, of) in world.views.iter().enumerate() {
        let batch = assembler.assemble(&[vec![row as u32]], KEY);
        let known = [("user_id", of.user), ("item_id", of.item)];
        let known =
            known.map(|(name, id)| (name.to_owned(), Column::new(Data::Int(vec![id as i64]))));
        let user = users.find(&of.user.to_string()).unwrap();
        assert_eq!(view.references["user"][row], user);
        let now = Now {
            rows: 1,
            references: view
                .references
                .iter()
                .map(|(name, rows)| (name.clone(), vec![rows[row]]))
                .collect(),
            time: Some(i64::try_from(of.at).unwrap() * 1_000_000),
            known: known.into(),
        };
        let alone = assembler.assemble_now(&now, KEY).unwrap();
        for input in ["user.age", "user.id", "view.town"] {
            assert_eq!(
                batch.inputs[input], alone.inputs[input],
                "row {row}, {input}"
            );
        }
    }
}

#[test]
fn who_is_asked_about_now_is_seen_by_the_latest_version() {
    let plan = compiled("");
    let world = world(&mut Chance(5));
    let data = load(&plan, &world.files()).unwrap();
    let assembler = Assembler::new(&data, score(&plan), &[]).unwrap();
    let users = data.source("user").unwrap();
    for user in 0..USERS {
        let now = Now {
            rows: 1,
            references: BTreeMap::from([(
                "user".to_owned(),
                vec![users.find(&user.to_string()).unwrap()],
            )]),
            ..Now::default()
        };
        let batch = assembler.assemble_now(&now, KEY).unwrap();
        let latest = world.seen(user, u64::MAX).unwrap();
        assert_eq!(floats(&batch, "user.age"), [latest.age as f32]);
    }
}

/// One user who moves at 10 and at 20, and views around those instants.
fn one(users: &str) -> [(&'static str, String); 3] {
    let views = "user_id,item_id,liked,at\n1,0,true,5\n1,0,true,10\n1,0,true,11\n1,0,true,20\n1,0,true,21\n";
    [
        ("users.csv", format!("user_id,town,age,moved_at\n{users}")),
        ("items.csv", "item_id\n0\n".to_owned()),
        ("views.csv", views.to_owned()),
    ]
}

#[test]
fn before_its_first_version_a_thing_is_known_by_its_key_alone() {
    let plan = compiled("");
    let data = load(&plan, &one("1,3,30,20\n1,2,20,10\n")).unwrap();
    let assembler = Assembler::new(&data, score(&plan), &[]).unwrap();
    let batch = assembler.assemble(&[vec![0, 1, 2, 3, 4]], KEY);
    assert_eq!(floats(&batch, "user.age"), [0.0, 0.0, 20.0, 20.0, 30.0]);
    let ids = ints(&batch, "user.id");
    assert!(ids.iter().all(|id| *id == ids[0] && *id > 0), "{ids:?}");
}

#[test]
fn two_versions_of_one_instant_are_a_fault() {
    let found = load(&compiled(""), &one("1,3,30,20\n1,2,20,10\n1,4,40,20\n")).unwrap_err();
    assert_eq!(
        found,
        "E1010: users.csv row 3 (line 4): `user` has a version of 1 of the same time already, in users.csv row 1 (line 2)\n  \
         help: every version of a thing needs a time of its own"
    );
}

#[test]
fn drawn_things_are_seen_as_of_the_row_that_they_are_drawn_beside() {
    let text = compiled(" |> negatives(user, 3)");
    let world = world(&mut Chance(2));
    let data = load(&text, &world.files()).unwrap();
    let phase = &text.phases[0];
    let assembler = Assembler::new(&data, &phase.step, &phase.streams).unwrap();
    let parts = data.source("view").unwrap().parts.as_ref().unwrap();
    let rows: Vec<u32> = parts.rows("train");
    let batch = assembler.assemble(std::slice::from_ref(&rows), KEY);
    let (ages, keys) = (floats(&batch, "user.age"), ints(&batch, "user.id"));
    assert!(ages.len() > 3 * rows.len());
    // The ids of users by the vocabulary, as they are in the rows that were not drawn.
    let whole = Assembler::new(&data, score(&text), &[])
        .unwrap()
        .assemble(std::slice::from_ref(&rows), KEY);
    let users: BTreeMap<i64, u64> = ints(&whole, "user.id")
        .into_iter()
        .zip(rows.iter().map(|row| world.views[*row as usize].user))
        .collect();
    let mut at = 0;
    for row in &rows {
        let time = world.views[*row as usize].at;
        for _ in 0..4 {
            if let Some(user) = users.get(&keys[at]) {
                let age = world
                    .seen(*user, time)
                    .map_or(0.0, |version| version.age as f32);
                assert_eq!(ages[at], age, "row {row} at {time}: user {user}");
            }
            at += 1;
        }
    }
    assert_eq!(at, ages.len());
}
