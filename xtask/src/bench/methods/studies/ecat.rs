//! ECAT: a small domain inside a platform, half of which misleads.

use super::super::truth::{auc, number};
use super::{Arm, Asked, Bar, Claim, Data, Pair, Role, Runs, Study};
use crate::trouble::Trouble;

/// Nothing is cut, and all rows of the platform together weigh four times as much as the target instead of twenty.
const BY_RATIO: &str = "all by their ratio, lighter";
const ALIKE: &str = "all alike, lighter";

pub(super) const STUDY: Study = Study {
    name: "ecat",
    spec: "examples/ecat/world.rec",
    data: Data::World {
        planted: 100,
        null: 100,
        quick: 50,
    },
    arms: &[
        Arm {
            name: "target only",
            spec: None,
            settings: &["beta=0", "eta=0"],
            role: Role::Planted,
        },
        Arm {
            name: "merge all",
            spec: None,
            settings: &[
                "eta=0",
                "theta=0",
                "most=1000",
                "weighted=false",
                "rows=320",
                "beta=20",
            ],
            role: Role::Claimed,
        },
        Arm {
            name: "tuned to the target",
            spec: Some("examples/ecat/tuned_world.rec"),
            settings: &[],
            role: Role::Planted,
        },
        Arm {
            name: "transfer",
            spec: None,
            settings: &[],
            role: Role::Claimed,
        },
        Arm {
            name: BY_RATIO,
            spec: None,
            settings: &["theta=0", "most=1000", "share=1", "rows=320", "beta=4"],
            role: Role::Claimed,
        },
        Arm {
            name: ALIKE,
            spec: None,
            settings: &[
                "theta=0",
                "most=1000",
                "weighted=false",
                "rows=320",
                "beta=4",
            ],
            role: Role::Claimed,
        },
        Arm {
            name: "oracle selection",
            spec: None,
            settings: &[
                "eta=0",
                "theta=0",
                "most=1000",
                "weighted=false",
                "oracle=true",
                "rows=160",
                "beta=1",
            ],
            role: Role::Planted,
        },
        Arm {
            name: "random selection",
            spec: None,
            settings: &["theta=0", "weighted=false", "most=5"],
            role: Role::Planted,
        },
    ],
    claims: &[
        Claim {
            what: "pooled auc, all by their ratio, lighter, minus target only",
            of: |runs| pooled_auc(runs, BY_RATIO, "target only"),
            planted: Asked::Reported,
            null: Asked::Nothing,
        },
        Claim {
            what: "pooled auc, all by their ratio, lighter, minus all alike, lighter",
            of: |runs| pooled_auc(runs, BY_RATIO, ALIKE),
            planted: Asked::Reported,
            null: Asked::Reported,
        },
        Claim {
            what: "pooled auc, all by their ratio, lighter, minus merge all",
            of: |runs| pooled_auc(runs, BY_RATIO, "merge all"),
            planted: Asked::Reported,
            null: Asked::Reported,
        },
        Claim {
            what: "pooled auc, merge all minus target only",
            of: |runs| pooled_auc(runs, "merge all", "target only"),
            planted: Asked::Bar(Bar::AtMost(-0.005)),
            null: Asked::Nothing,
        },
        Claim {
            what: "pooled auc, transfer minus target only",
            of: |runs| pooled_auc(runs, "transfer", "target only"),
            planted: Asked::Bar(Bar::AtLeast(0.005)),
            null: Asked::Nothing,
        },
        Claim {
            what: "pooled auc, transfer minus everything first, then tuned to the target",
            of: |runs| pooled_auc(runs, "transfer", "tuned to the target"),
            planted: Asked::Reported,
            null: Asked::Nothing,
        },
        Claim {
            what: "auc of the weights for rows that do not mislead",
            of: auc_of_weights,
            planted: Asked::Bar(Bar::Between(0.65, 1.0)),
            null: Asked::Nothing,
        },
        Claim {
            what: "pooled auc, transfer minus random selection of the same size",
            of: |runs| pooled_auc(runs, "transfer", "random selection"),
            planted: Asked::Bar(Bar::AtLeast(0.0)),
            null: Asked::Nothing,
        },
        Claim {
            what: "pooled auc, selection by the truth minus target only (oracle)",
            of: |runs| pooled_auc(runs, "oracle selection", "target only"),
            planted: Asked::Sure(Bar::Between(0.01, 1.0)),
            null: Asked::Nothing,
        },
        Claim {
            what: "pooled auc of the true probabilities (oracle)",
            of: auc_of_truth,
            planted: Asked::Reported,
            null: Asked::Reported,
        },
        Claim {
            what: "pooled auc, transfer minus merge all",
            of: |runs| pooled_auc(runs, "transfer", "merge all"),
            planted: Asked::Reported,
            null: Asked::Bar(Bar::Near0(0.002)),
        },
    ],
    pairs: &[
        Pair {
            arm: "merge all",
            base: "target only",
            evaluation: "shop",
            metric: "auc",
        },
        Pair {
            arm: "transfer",
            base: "target only",
            evaluation: "shop",
            metric: "auc",
        },
        Pair {
            arm: "transfer",
            base: "tuned to the target",
            evaluation: "shop",
            metric: "auc",
        },
        Pair {
            arm: "transfer",
            base: "random selection",
            evaluation: "shop",
            metric: "auc",
        },
        Pair {
            arm: "transfer",
            base: "merge all",
            evaluation: "shop",
            metric: "auc",
        },
    ],
    figures: &[("shop", "auc")],
};

fn pooled_auc(runs: &Runs, arm: &str, base: &str) -> Result<f64, Trouble> {
    let of = |arm| runs.metric(arm, "shop", "auc");
    Ok(of(arm)? - of(base)?)
}

/// How well the ratios of the rows that were near enough tell those that do not mislead, all days together.
fn auc_of_weights(runs: &Runs) -> Result<f64, Trouble> {
    let visits = runs.table("visits")?;
    let mut scored = Vec::new();
    for said in runs.daily_column("transfer", "ratio")? {
        let visit = &visits[number(&said["row"], "row")? as usize];
        scored.push((number(&said["value"], "value")?, visit["good"] == "1"));
    }
    Ok(auc(scored))
}

/// What the probability of a click says of the rows that were asked about.
fn auc_of_truth(runs: &Runs) -> Result<f64, Trouble> {
    let visits = runs.table("visits")?;
    let mut scored = Vec::new();
    for said in runs.predictions("transfer", "shop.pooled")? {
        let visit = &visits[number(&said["row"], "row")? as usize];
        if let Ok(chance) = visit["p"].parse() {
            scored.push((chance, visit["click"] == "1"));
        }
    }
    Ok(auc(scored))
}
