//! SSL: things with few clicks, with and without a second task over the catalogue.

use super::{Arm, Asked, Bar, Claim, Data, Pair, Role, Runs, Study, oracle_recall};
use crate::trouble::Trouble;

const HEAD: &str = "1 of 5";
const TAIL: &str = "5 of 5";

pub(super) const STUDY: Study = Study {
    name: "ssl",
    spec: "examples/ssl/world.rec",
    data: Data::World {
        planted: 100,
        null: 100,
        quick: 40,
    },
    arms: &[
        Arm {
            name: "base",
            spec: None,
            settings: &["alpha=0"],
            role: Role::Claimed,
        },
        Arm {
            name: "correlated masks",
            spec: None,
            settings: &[],
            role: Role::Claimed,
        },
        Arm {
            name: "random masks",
            spec: None,
            settings: &["masks=random"],
            role: Role::Planted,
        },
    ],
    claims: &[
        Claim {
            what: "recall@50 of the tail over the base, relative",
            of: |runs| over_base(runs, TAIL),
            planted: Asked::Bar(Bar::AtLeast(0.05)),
            null: Asked::Bar(Bar::Near0(0.0)),
        },
        Claim {
            what: "recall@50 of the head over the base, relative",
            of: |runs| over_base(runs, HEAD),
            planted: Asked::Bar(Bar::Between(-0.02, 1.0)),
            null: Asked::Reported,
        },
        Claim {
            what: "recall@50 of the tail, correlated minus random masks",
            of: |runs| {
                Ok(of_group(runs, "correlated masks", TAIL)?
                    - of_group(runs, "random masks", TAIL)?)
            },
            planted: Asked::Reported,
            null: Asked::Nothing,
        },
        Claim {
            what: "recall@50 of the tail, base",
            of: |runs| of_group(runs, "base", TAIL),
            planted: Asked::Reported,
            null: Asked::Reported,
        },
        Claim {
            what: "recall@50 of all, of the true probabilities (oracle)",
            of: |runs| oracle_recall(runs, "base", "things", ("clicks", "item_id")),
            planted: Asked::Reported,
            null: Asked::Reported,
        },
    ],
    pairs: &[
        Pair {
            arm: "correlated masks",
            base: "base",
            evaluation: "things",
            metric: "recall@50",
        },
        Pair {
            arm: "correlated masks",
            base: "random masks",
            evaluation: "things",
            metric: "recall@50",
        },
    ],
    figures: &[("things", "recall@50"), ("things", "ndcg@50")],
};

fn of_group(runs: &Runs, arm: &str, group: &str) -> Result<f64, Trouble> {
    runs.slice(arm, "things", group, "recall@50")
}

fn over_base(runs: &Runs, group: &str) -> Result<f64, Trouble> {
    Ok(of_group(runs, "correlated masks", group)? / of_group(runs, "base", group)? - 1.0)
}
