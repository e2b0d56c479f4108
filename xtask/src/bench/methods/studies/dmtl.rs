//! DMTL: articles that are clicked and not read.

use super::super::truth::{keys, mean};
use super::{
    Arm, Asked, Bar, Claim, Data, Pair, Role, Runs, Study, by_key, oracle_recall, relative,
};
use crate::trouble::Trouble;

const RECALL: (&str, &str) = ("articles", "recall@50");

pub(super) const STUDY: Study = Study {
    name: "dmtl",
    spec: "examples/dmtl/world.rec",
    data: Data::World {
        planted: 100,
        null: 100,
        quick: 40,
    },
    arms: &[
        Arm {
            name: "clicks",
            spec: None,
            settings: &["distil=0", "direct=1"],
            role: Role::Claimed,
        },
        Arm {
            name: "student",
            spec: None,
            settings: &[],
            role: Role::Claimed,
        },
        Arm {
            name: "student of clicks alone",
            spec: None,
            settings: &["lesson=clicks"],
            role: Role::Claimed,
        },
        Arm {
            name: "clicks, negatives by clicks",
            spec: None,
            settings: &["distil=0", "direct=1", "power=1"],
            role: Role::Planted,
        },
        Arm {
            name: "student, negatives by clicks",
            spec: None,
            settings: &["power=1"],
            role: Role::Planted,
        },
    ],
    claims: &[
        Claim {
            what: "share of bait in the first 50, student over clicks",
            of: |runs| Ok(bait(runs, "student")? / bait(runs, "clicks")?),
            planted: Asked::Sure(Bar::AtMost(0.7)),
            null: Asked::Nothing,
        },
        Claim {
            what: "share of bait in the first 50, clicks",
            of: |runs| bait(runs, "clicks"),
            planted: Asked::Reported,
            null: Asked::Nothing,
        },
        Claim {
            what: "recall@50 of reads over clicks, relative",
            of: |runs| relative(runs, ("student", "clicks"), RECALL),
            planted: Asked::Bar(Bar::AtLeast(0.03)),
            null: Asked::Bar(Bar::Near0(0.01)),
        },
        Claim {
            what: "the same where negatives are drawn by their clicks",
            of: |runs| {
                let arms = (
                    "student, negatives by clicks",
                    "clicks, negatives by clicks",
                );
                relative(runs, arms, RECALL)
            },
            planted: Asked::Reported,
            null: Asked::Nothing,
        },
        Claim {
            what: "recall@50 of reads over a student of clicks alone, relative",
            of: |runs| relative(runs, ("student", "student of clicks alone"), RECALL),
            planted: Asked::Reported,
            null: Asked::Reported,
        },
        Claim {
            what: "auc of reads, teacher minus student",
            of: |runs| {
                let of = |evaluation| runs.metric("student", evaluation, "auc");
                Ok(of("taught")? - of("student")?)
            },
            planted: Asked::Bar(Bar::AtMost(0.01)),
            null: Asked::Reported,
        },
        Claim {
            what: "recall@50 of reads, of the true probabilities (oracle)",
            of: |runs| oracle_recall(runs, "student", "articles", ("views", "article_id")),
            planted: Asked::Reported,
            null: Asked::Reported,
        },
    ],
    pairs: &[
        Pair {
            arm: "student",
            base: "clicks",
            evaluation: "articles",
            metric: "recall@50",
        },
        Pair {
            arm: "student",
            base: "student of clicks alone",
            evaluation: "articles",
            metric: "recall@50",
        },
    ],
    figures: &[RECALL, ("student", "auc")],
};

/// The share of bait among the first 50 articles of all users.
fn bait(runs: &Runs, arm: &str) -> Result<f64, Trouble> {
    let bait = by_key(runs, "articles", "article_id", "bait")?;
    let said = runs.predictions(arm, "articles.test")?;
    let shown = said.iter().flat_map(|said| keys(said, "top"));
    Ok(mean(
        shown.map(|article| f64::from(u8::from(bait[article] == "1"))),
    ))
}
