//! logQ: scores of a softmax over candidates of the batch, set against known probabilities.

use super::super::truth::{number, slope_within};
use super::{Arm, Asked, Bar, Claim, Data, Pair, Role, Runs, Study, oracle_recall, relative};
use crate::trouble::Trouble;
use std::collections::BTreeMap;

const RECALL: (&str, &str) = ("things", "recall@50");

pub(super) const STUDY: Study = Study {
    name: "logq",
    spec: "examples/logq/world.rec",
    data: Data::World {
        planted: 20,
        null: 100,
        quick: 20,
    },
    arms: &[
        Arm {
            name: "plain",
            spec: None,
            settings: &["log_q=plain"],
            role: Role::Claimed,
        },
        Arm {
            name: "refined",
            spec: None,
            settings: &["log_q=refined"],
            role: Role::Claimed,
        },
        Arm {
            name: "none",
            spec: None,
            settings: &["log_q=none"],
            role: Role::Claimed,
        },
        Arm {
            name: "flipped sign",
            spec: None,
            settings: &["log_q=flipped"],
            role: Role::Planted,
        },
        Arm {
            name: "counts of other rows",
            spec: None,
            settings: &["log_q=elsewhere"],
            role: Role::Planted,
        },
    ],
    claims: &[
        Claim {
            what: "slope of score - log p on log Q, plain",
            of: |runs| slope_on_log_q(runs, "plain"),
            planted: Asked::Sure(Bar::Between(-0.1, 0.1)),
            null: Asked::Nothing,
        },
        Claim {
            what: "the same, none",
            of: |runs| slope_on_log_q(runs, "none"),
            planted: Asked::Sure(Bar::AtMost(-0.6)),
            null: Asked::Nothing,
        },
        Claim {
            what: "the same, flipped sign: a mistake that has to show",
            of: |runs| slope_on_log_q(runs, "flipped sign"),
            planted: Asked::Sure(Bar::AtMost(-0.6)),
            null: Asked::Nothing,
        },
        Claim {
            what: "the same, counts of other rows: a mistake that has to show",
            of: |runs| slope_on_log_q(runs, "counts of other rows"),
            planted: Asked::Sure(Bar::AtMost(-0.6)),
            null: Asked::Nothing,
        },
        Claim {
            what: "the same, refined",
            of: |runs| slope_on_log_q(runs, "refined"),
            planted: Asked::Reported,
            null: Asked::Nothing,
        },
        Claim {
            what: "recall@50, plain over none, relative",
            of: |runs| relative(runs, ("plain", "none"), RECALL),
            planted: Asked::Sure(Bar::AtLeast(0.0)),
            null: Asked::Bar(Bar::Near0(0.01)),
        },
        Claim {
            what: "recall@50, refined over plain, relative",
            of: |runs| relative(runs, ("refined", "plain"), RECALL),
            planted: Asked::Reported,
            null: Asked::Bar(Bar::Near0(0.01)),
        },
        Claim {
            what: "recall@50 of the true probabilities (oracle)",
            of: |runs| oracle_recall(runs, "plain", "things", ("clicks", "item_id")),
            planted: Asked::Reported,
            null: Asked::Reported,
        },
    ],
    pairs: &[
        Pair {
            arm: "plain",
            base: "none",
            evaluation: "things",
            metric: "recall@50",
        },
        Pair {
            arm: "refined",
            base: "plain",
            evaluation: "things",
            metric: "recall@50",
        },
    ],
    figures: &[RECALL],
};

/// Items with fewer training clicks say nothing of Q.
const CLICKS_FOR_A_Q: f64 = 5.0;
/// The share of the clicks that trains.
const TRAINS: f64 = 0.8;

/// The slope of (score - log p) on log Q, within users of a kind.
fn slope_on_log_q(runs: &Runs, arm: &str) -> Result<f64, Trouble> {
    let clicks = runs.table("clicks")?;
    let training = (clicks.len() as f64 * TRAINS) as usize;
    let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
    for click in &clicks[..training] {
        *counts.entry(click["item_id"].as_str()).or_default() += 1.0;
    }
    let kinds: BTreeMap<String, usize> = runs
        .table("users")?
        .into_iter()
        .filter_map(|user| Some((user["user_id"].clone(), user["kind"].parse().ok()?)))
        .collect();
    let probe = runs.table("probe")?;
    let mut points = Vec::new();
    for said in runs.predictions(arm, "pairs.all")? {
        let pair = &probe[number(&said["row"], "row")? as usize];
        let count = counts.get(pair["item_id"].as_str()).copied().unwrap_or(0.0);
        if let Ok(log_p) = pair["log_p"].parse::<f64>()
            && count >= CLICKS_FOR_A_Q
        {
            let log_q = (count / training as f64).ln();
            points.push((
                kinds[&pair["user_id"]],
                log_q,
                number(&said["score"], "score")? - log_p,
            ));
        }
    }
    Ok(slope_within(&points))
}
