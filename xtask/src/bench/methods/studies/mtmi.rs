//! MTMI: users with several interests, and how many of them a list of 50 things has.

use super::super::truth::{keys, mean, number};
use super::{
    Arm, Asked, Bar, Claim, Data, Pair, Role, Runs, Study, by_key, oracle_recall, relative,
};
use crate::trouble::Trouble;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const RECALL: (&str, &str) = ("things", "recall@50");
const ONE: &str = "one tower of the same budget";
pub(super) const FOUR: &str = "four towers";

pub(super) const STUDY: Study = Study {
    name: "mtmi",
    spec: "examples/mtmi/world.rec",
    data: Data::World {
        planted: 20,
        null: 20,
        quick: 20,
    },
    arms: &[
        Arm {
            name: ONE,
            spec: None,
            settings: &["K=1", "width=256"],
            role: Role::Claimed,
        },
        Arm {
            name: FOUR,
            spec: None,
            settings: &[],
            role: Role::Claimed,
        },
        Arm {
            name: "four towers, the best alone",
            spec: None,
            settings: &["route=max_all"],
            role: Role::Planted,
        },
        Arm {
            name: "four towers, without repel",
            spec: None,
            settings: &["lambda=0"],
            role: Role::Planted,
        },
        Arm {
            name: "four towers, label-aware",
            spec: None,
            settings: &["route=label_aware"],
            role: Role::Planted,
        },
    ],
    claims: &[
        Claim {
            what: "interests in four lists of 12 or 13, over one list of 50, relative",
            of: |runs| {
                Ok(covered(runs, FOUR, Lists::Four)? / covered(runs, ONE, Lists::One)? - 1.0)
            },
            planted: Asked::Bar(Bar::AtLeast(0.10)),
            null: Asked::Nothing,
        },
        Claim {
            what: "interests in the first 50 of all towers, over one tower, relative",
            of: |runs| Ok(covered(runs, FOUR, Lists::One)? / covered(runs, ONE, Lists::One)? - 1.0),
            planted: Asked::Reported,
            null: Asked::Nothing,
        },
        Claim {
            what: "interests in the first 50 of one tower",
            of: |runs| covered(runs, ONE, Lists::One),
            planted: Asked::Reported,
            null: Asked::Nothing,
        },
        Claim {
            what: "recall of users with one interest, four lists of 12 or 13 over one list of 50, relative",
            of: |runs| {
                let of = |arm, lists| recall_of_one_interest(runs, arm, lists);
                Ok(of(FOUR, Lists::Four)? / of(ONE, Lists::One)? - 1.0)
            },
            planted: Asked::Bar(Bar::Between(-0.01, 1.0)),
            null: Asked::Nothing,
        },
        Claim {
            what: "recall of users with one interest, first 50 of all towers over one tower, relative",
            of: |runs| {
                let of = |arm, lists| recall_of_one_interest(runs, arm, lists);
                Ok(of(FOUR, Lists::One)? / of(ONE, Lists::One)? - 1.0)
            },
            planted: Asked::Reported,
            null: Asked::Nothing,
        },
        Claim {
            what: "the same without repel",
            of: |runs| {
                let of = |arm| recall_of_one_interest(runs, arm, Lists::One);
                Ok(of("four towers, without repel")? / of(ONE)? - 1.0)
            },
            planted: Asked::Reported,
            null: Asked::Nothing,
        },
        Claim {
            what: "interests in four lists without repel, over one list of one tower, relative",
            of: |runs| {
                let four = covered(runs, "four towers, without repel", Lists::Four)?;
                Ok(four / covered(runs, ONE, Lists::One)? - 1.0)
            },
            planted: Asked::Reported,
            null: Asked::Nothing,
        },
        Claim {
            what: "smallest share of clicks won by a tower",
            of: smallest_share,
            planted: Asked::Sure(Bar::Between(0.05, 1.0)),
            null: Asked::Reported,
        },
        Claim {
            what: "recall@50, over one tower, relative",
            of: |runs| relative(runs, (FOUR, ONE), RECALL),
            planted: Asked::Reported,
            null: Asked::Bar(Bar::Near0(0.01)),
        },
        Claim {
            what: "recall@50, over label-aware routing, relative",
            of: |runs| relative(runs, (FOUR, "four towers, label-aware"), RECALL),
            planted: Asked::Reported,
            null: Asked::Nothing,
        },
        Claim {
            what: "recall@50 of the true probabilities (oracle)",
            of: |runs| oracle_recall(runs, FOUR, "things", ("clicks", "item_id")),
            planted: Asked::Reported,
            null: Asked::Reported,
        },
    ],
    pairs: &[
        Pair {
            arm: FOUR,
            base: ONE,
            evaluation: "things",
            metric: "recall@50",
        },
        Pair {
            arm: FOUR,
            base: "four towers, label-aware",
            evaluation: "things",
            metric: "recall@50",
        },
    ],
    figures: &[RECALL, ("things", "recall@20")],
};

/// Where 50 things come from.
#[derive(Clone, Copy)]
enum Lists {
    /// The first 50 by the best tower of each thing.
    One,
    /// The first of each tower.
    Four,
}

/// The evaluations that ask one tower each, and how much of each list is taken: 50 in all.
const OF_TOWERS: [(&str, usize); 4] = [
    ("list_1", 13),
    ("list_2", 13),
    ("list_3", 12),
    ("list_4", 12),
];

/// The things that each user is shown.
fn shown(
    runs: &Runs,
    arm: &str,
    lists: Lists,
) -> Result<BTreeMap<String, BTreeSet<String>>, Trouble> {
    let evaluations = match lists {
        Lists::One => vec![("things", 50)],
        Lists::Four => OF_TOWERS.to_vec(),
    };
    let mut shown: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (evaluation, count) in evaluations {
        for said in runs.predictions(arm, &format!("{evaluation}.test"))? {
            let things = keys(&said, "top").take(count).map(str::to_owned);
            shown.entry(user(&said)).or_default().extend(things);
        }
    }
    Ok(shown)
}

fn user(said: &Value) -> String {
    said["of"]["user"].as_str().unwrap_or_default().to_owned()
}

/// How many of a user's interests have an item among those shown, on average over users with several, as a share.
fn covered(runs: &Runs, arm: &str, lists: Lists) -> Result<f64, Trouble> {
    let clusters = sets(runs, "items", "item_id", "clusters")?;
    let interests = sets(runs, "users", "user_id", "interests")?;
    let shown = shown(runs, arm, lists)?;
    let several = shown.iter().filter(|(user, _)| interests[*user].len() > 1);
    Ok(mean(several.map(|(user, things)| {
        let found: BTreeSet<&String> = things.iter().flat_map(|thing| &clusters[thing]).collect();
        let wanted = &interests[user];
        let count = wanted.iter().filter(|one| found.contains(one)).count();
        count as f64 / wanted.len() as f64
    })))
}

/// The share of targets among the things shown, on average over users with one interest.
fn recall_of_one_interest(runs: &Runs, arm: &str, lists: Lists) -> Result<f64, Trouble> {
    let interests = sets(runs, "users", "user_id", "interests")?;
    let shown = shown(runs, arm, lists)?;
    let said = runs.predictions(arm, "things.test")?;
    let of_one = said.iter().filter(|said| interests[&user(said)].len() == 1);
    Ok(mean(of_one.map(|said| {
        let (mut found, mut all) = (0.0, 0.0);
        for target in keys(said, "targets") {
            all += 1.0;
            found += f64::from(u8::from(shown[&user(said)].contains(target)));
        }
        found / all
    })))
}

/// The share of training rows whose thing the tower with the fewest wins.
pub(super) fn smallest_share(runs: &Runs) -> Result<f64, Trouble> {
    let mut won = [0.0; OF_TOWERS.len()];
    for said in runs.column(FOUR, "winner")? {
        won[number(&said["value"], "value")? as usize] += 1.0;
    }
    let all: f64 = won.iter().sum();
    Ok(won.into_iter().fold(all, f64::min) / all)
}

/// A column of sets, `3|7`, by key.
fn sets(
    runs: &Runs,
    table: &str,
    key: &str,
    column: &str,
) -> Result<BTreeMap<String, BTreeSet<String>>, Trouble> {
    let cells = by_key(runs, table, key, column)?;
    let set = |cell: String| cell.split('|').map(str::to_owned).collect();
    Ok(cells
        .into_iter()
        .map(|(key, cell)| (key, set(cell)))
        .collect())
}
