//! CLSD: the confidence of clicks, set against which clicks were meant.

use super::super::truth::{auc, mean, number};
use super::{Arm, Asked, Bar, Claim, Data, Pair, Role, Runs, Study, by_key};
use crate::trouble::Trouble;
use std::collections::BTreeMap;

pub(super) const STUDY: Study = Study {
    name: "clsd",
    spec: "examples/clsd/world.rec",
    data: Data::World {
        planted: 40,
        null: 100,
        quick: 40,
    },
    arms: &[
        Arm {
            name: "base",
            spec: None,
            settings: &["lambda=0"],
            role: Role::Claimed,
        },
        Arm {
            name: "confidence",
            spec: None,
            settings: &[],
            role: Role::Claimed,
        },
        Arm {
            name: "weights by chance",
            spec: None,
            settings: &["trusted=chance"],
            role: Role::Claimed,
        },
        Arm {
            name: "global confidence",
            spec: None,
            settings: &["per=all"],
            role: Role::Planted,
        },
        Arm {
            name: "oracle",
            spec: None,
            settings: &["trusted=truth", "lambda=1"],
            role: Role::Planted,
        },
    ],
    claims: &[
        Claim {
            what: "auc of the confidence for clicks that were meant",
            of: |runs| confidence_auc(runs, |_| true),
            planted: Asked::Bar(Bar::Between(0.60, 0.75)),
            null: Asked::Reported,
        },
        Claim {
            what: "the same in the worst group",
            of: |runs| {
                let of = |group: &str| confidence_auc(runs, |of| of == group);
                let groups = ["g0", "g1", "g2", "g3", "g4"];
                let values = groups.map(of).into_iter().collect::<Result<Vec<_>, _>>()?;
                Ok(values.into_iter().fold(1.0, f64::min))
            },
            planted: Asked::Sure(Bar::Between(0.55, 1.0)),
            null: Asked::Reported,
        },
        Claim {
            what: "auc on clean labels over the base",
            of: |runs| {
                let of = |arm| runs.metric(arm, "clean", "auc");
                Ok(of("confidence")? - of("base")?)
            },
            planted: Asked::Bar(Bar::AtLeast(0.0)),
            null: Asked::Bar(Bar::Near0(0.001)),
        },
        Claim {
            what: "the same, weights by chance in the place of confidence",
            of: |runs| {
                let of = |arm| runs.metric(arm, "clean", "auc");
                Ok(of("weights by chance")? - of("base")?)
            },
            planted: Asked::Reported,
            null: Asked::Reported,
        },
        Claim {
            what: "spread of weights between groups, local over global",
            of: |runs| {
                Ok(weight_spread(runs, "confidence")? / weight_spread(runs, "global confidence")?)
            },
            planted: Asked::Sure(Bar::AtMost(0.5)),
            null: Asked::Nothing,
        },
        Claim {
            what: "auc on clean labels over the base, clicks weighed by the truth (oracle)",
            of: |runs| {
                let of = |arm| runs.metric(arm, "clean", "auc");
                Ok(of("oracle")? - of("base")?)
            },
            planted: Asked::Reported,
            null: Asked::Nothing,
        },
        Claim {
            what: "auc on clean labels of the true probabilities (oracle)",
            of: auc_of_truth,
            planted: Asked::Reported,
            null: Asked::Reported,
        },
    ],
    pairs: &[
        Pair {
            arm: "confidence",
            base: "base",
            evaluation: "clean",
            metric: "auc",
        },
        Pair {
            arm: "confidence",
            base: "global confidence",
            evaluation: "clean",
            metric: "auc",
        },
    ],
    figures: &[("clean", "auc"), ("shown", "auc")],
};

/// What a click's confidence says of whether it was meant.
fn confidence_auc(runs: &Runs, groups: impl Fn(&str) -> bool) -> Result<f64, Trouble> {
    let views = runs.table("views")?;
    let segments = by_key(runs, "users", "user_id", "segment")?;
    let mut scored = Vec::new();
    for said in runs.column("confidence", "c")? {
        let view = &views[number(&said["row"], "row")? as usize];
        if view["click"] == "1" && groups(&segments[&view["user_id"]]) {
            scored.push((number(&said["value"], "value")?, view["intended"] == "1"));
        }
    }
    Ok(auc(scored))
}

/// What the probability that a user means to click says of the test rows.
fn auc_of_truth(runs: &Runs) -> Result<f64, Trouble> {
    let views = runs.table("views")?;
    let mut scored = Vec::new();
    for said in runs.predictions("base", "clean.test")? {
        let view = &views[number(&said["row"], "row")? as usize];
        if let Ok(chance) = view["p_intended"].parse() {
            scored.push((chance, view["intended"] == "1"));
        }
    }
    Ok(auc(scored))
}

/// The spread over groups of the mean weight of a click that was meant, as a standard deviation.
fn weight_spread(runs: &Runs, arm: &str) -> Result<f64, Trouble> {
    let views = runs.table("views")?;
    let segments = by_key(runs, "users", "user_id", "segment")?;
    let mut weights: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for said in runs.column(arm, "c")? {
        let view = &views[number(&said["row"], "row")? as usize];
        if view["click"] == "1" && view["intended"] == "1" {
            let of = weights
                .entry(segments[&view["user_id"]].as_str())
                .or_default();
            of.push(number(&said["value"], "value")?);
        }
    }
    let means: Vec<f64> = weights
        .values()
        .map(|of| mean(of.iter().copied()))
        .collect();
    let middle = mean(means.iter().copied());
    Ok(mean(means.iter().map(|of| (of - middle).powi(2))).sqrt() / middle)
}
