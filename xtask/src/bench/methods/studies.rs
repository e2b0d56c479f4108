//! The studies: which arms, and what they have to show.

use super::truth::{auc, keys, mean, number, slope_within};
use super::{Arm, Bar, Claim, Runs, Study};
use crate::trouble::Trouble;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const STUDIES: &[Study] = &[LOGQ, CLSD, SSL, ECAT, DMTL, MTMI];

const LOGQ: Study = Study {
    name: "logq",
    spec: "examples/logq/world.rec",
    arms: &[
        Arm {
            name: "plain",
            settings: &["log_q=plain"],
        },
        Arm {
            name: "refined",
            settings: &["log_q=refined"],
        },
        Arm {
            name: "none",
            settings: &["log_q=none"],
        },
    ],
    claims: &[
        Claim {
            what: "slope on log Q, plain",
            of: |runs| slope_on_log_q(runs, "plain"),
            planted: Some(Bar::Between(-0.1, 0.1)),
            null: None,
        },
        Claim {
            what: "slope on log Q, none",
            of: |runs| slope_on_log_q(runs, "none"),
            planted: Some(Bar::AtMost(-0.6)),
            null: None,
        },
        Claim {
            what: "recall@50, plain over none, relative",
            of: |runs| relative(runs, ("plain", "none"), "recall@50"),
            planted: Some(Bar::AtLeast(0.05)),
            null: Some(Bar::Near0(0.01)),
        },
        Claim {
            what: "recall@50, refined over plain, relative",
            of: |runs| relative(runs, ("refined", "plain"), "recall@50"),
            planted: None,
            null: Some(Bar::Near0(0.01)),
        },
    ],
};

const CLSD: Study = Study {
    name: "clsd",
    spec: "examples/clsd/world.rec",
    arms: &[
        Arm {
            name: "base",
            settings: &["lambda=0"],
        },
        Arm {
            name: "confidence",
            settings: &[],
        },
        Arm {
            name: "global confidence",
            settings: &["form=identity"],
        },
    ],
    claims: &[
        Claim {
            what: "auc of the confidence for clicks that were meant",
            of: |runs| confidence_auc(runs, |_| true),
            planted: Some(Bar::Between(0.60, 0.75)),
            null: None,
        },
        Claim {
            what: "the same in the worst group",
            of: |runs| {
                let of = |group: &str| confidence_auc(runs, |of| of == group);
                let groups = ["g0", "g1", "g2", "g3", "g4"];
                let values = groups.map(of).into_iter().collect::<Result<Vec<_>, _>>()?;
                Ok(values.into_iter().fold(1.0, f64::min))
            },
            planted: Some(Bar::Between(0.55, 1.0)),
            null: None,
        },
        Claim {
            what: "auc on clean labels over the base",
            of: |runs| {
                let of = |arm| runs.metric(arm, "clean", "auc");
                Ok(of("confidence")? - of("base")?)
            },
            planted: Some(Bar::AtLeast(0.0)),
            null: Some(Bar::Near0(0.001)),
        },
        Claim {
            what: "spread of weights between groups, local over global",
            of: |runs| {
                Ok(weight_spread(runs, "confidence")? / weight_spread(runs, "global confidence")?)
            },
            planted: Some(Bar::AtMost(0.5)),
            null: None,
        },
    ],
};

const ECAT: Study = Study {
    name: "ecat",
    spec: "examples/ecat/world.rec",
    arms: &[
        Arm {
            name: "target only",
            settings: &["beta=0", "eta=0"],
        },
        Arm {
            name: "merge all",
            settings: &["eta=0", "theta=0", "most=1000", "weighted=false"],
        },
        Arm {
            name: "transfer",
            settings: &[],
        },
        Arm {
            name: "transfer without distillation",
            settings: &["eta=0"],
        },
    ],
    claims: &[
        Claim {
            what: "pooled auc, merge all minus target only",
            of: |runs| pooled_auc(runs, "merge all", "target only"),
            planted: Some(Bar::AtMost(-0.005)),
            null: None,
        },
        Claim {
            what: "pooled auc, transfer minus target only",
            of: |runs| pooled_auc(runs, "transfer", "target only"),
            planted: Some(Bar::AtLeast(0.005)),
            null: None,
        },
        Claim {
            what: "pooled auc, transfer minus merge all",
            of: |runs| pooled_auc(runs, "transfer", "merge all"),
            planted: None,
            null: Some(Bar::Near0(0.002)),
        },
    ],
};

const DMTL: Study = Study {
    name: "dmtl",
    spec: "examples/dmtl/world.rec",
    arms: &[
        Arm {
            name: "clicks",
            settings: &["distil=0", "direct=1"],
        },
        Arm {
            name: "student",
            settings: &[],
        },
    ],
    claims: &[
        Claim {
            what: "bait in the first 50, student over clicks",
            of: |runs| Ok(bait(runs, "student")? / bait(runs, "clicks")?),
            planted: Some(Bar::AtMost(0.7)),
            null: None,
        },
        Claim {
            what: "recall@50 of reads over clicks, relative",
            of: |runs| {
                let of = |arm| runs.metric(arm, "articles", "recall@50");
                Ok(of("student")? / of("clicks")? - 1.0)
            },
            planted: Some(Bar::AtLeast(0.03)),
            null: Some(Bar::Near0(0.01)),
        },
        Claim {
            what: "auc of reads, teacher minus student",
            of: |runs| {
                let of = |evaluation| runs.metric("student", evaluation, "auc");
                Ok(of("taught")? - of("student")?)
            },
            planted: Some(Bar::AtMost(0.01)),
            null: None,
        },
    ],
};

const SSL: Study = Study {
    name: "ssl",
    spec: "examples/ssl/world.rec",
    arms: &[
        Arm {
            name: "base",
            settings: &["alpha=0"],
        },
        Arm {
            name: "correlated masks",
            settings: &[],
        },
        Arm {
            name: "random masks",
            settings: &["masks=random"],
        },
    ],
    claims: &[
        Claim {
            what: "recall@50 of the tail over the base, relative",
            of: |runs| of_slice(runs, "correlated masks", "5 of 5"),
            planted: Some(Bar::AtLeast(0.05)),
            null: Some(Bar::Near0(0.0)),
        },
        Claim {
            what: "recall@50 of the head over the base, relative",
            of: |runs| of_slice(runs, "correlated masks", "1 of 5"),
            planted: Some(Bar::Between(-0.02, 1.0)),
            null: None,
        },
        Claim {
            what: "recall@50 of the tail, correlated minus random masks",
            of: |runs| {
                let of = |arm| runs.slice(arm, "things", "5 of 5", "recall@50");
                Ok(of("correlated masks")? - of("random masks")?)
            },
            planted: None,
            null: None,
        },
    ],
};

const MTMI: Study = Study {
    name: "mtmi",
    spec: "examples/mtmi/world.rec",
    arms: &[
        Arm {
            name: "one tower of the same budget",
            settings: &["K=1", "width=256"],
        },
        Arm {
            name: "four towers",
            settings: &[],
        },
        Arm {
            name: "four towers, label-aware",
            settings: &["route=label_aware"],
        },
        Arm {
            name: "four towers, no repel",
            settings: &["lambda=0"],
        },
    ],
    claims: &[
        Claim {
            what: "interests in the first 50, over one tower, relative",
            of: |runs| {
                let of = |arm| interests_covered(runs, arm);
                Ok(of("four towers")? / of("one tower of the same budget")? - 1.0)
            },
            planted: Some(Bar::AtLeast(0.10)),
            null: None,
        },
        Claim {
            what: "recall@50, over one tower, relative",
            of: |runs| {
                relative(
                    runs,
                    ("four towers", "one tower of the same budget"),
                    "recall@50",
                )
            },
            planted: None,
            null: Some(Bar::Near0(0.01)),
        },
        Claim {
            what: "recall@50 of users with one interest, over one tower, relative",
            of: |runs| {
                let of = |arm| recall_of_one_interest(runs, arm);
                Ok(of("four towers")? / of("one tower of the same budget")? - 1.0)
            },
            planted: Some(Bar::Between(-0.01, 1.0)),
            null: None,
        },
    ],
};

fn relative(runs: &Runs, (arm, base): (&str, &str), metric: &str) -> Result<f64, Trouble> {
    let of = |arm| runs.metric(arm, "things", metric);
    Ok(of(arm)? / of(base)? - 1.0)
}

fn of_slice(runs: &Runs, arm: &str, group: &str) -> Result<f64, Trouble> {
    let of = |arm| runs.slice(arm, "things", group, "recall@50");
    Ok(of(arm)? / of("base")? - 1.0)
}

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

/// How many of a user's interests have an item in the first 50, on average over users with several, as a share.
fn interests_covered(runs: &Runs, arm: &str) -> Result<f64, Trouble> {
    let clusters = sets(runs, "items", "item_id", "clusters")?;
    let interests = sets(runs, "users", "user_id", "interests")?;
    let said = runs.predictions(arm, "things.test")?;
    let shares = said.iter().filter_map(|said| {
        let wanted = interests.get(said["of"]["user"].as_str()?)?;
        let shown: BTreeSet<&String> = keys(said, "top")
            .filter_map(|item| clusters.get(item))
            .flatten()
            .collect();
        let found = wanted
            .iter()
            .filter(|interest| shown.contains(interest))
            .count();
        (wanted.len() > 1).then(|| found as f64 / wanted.len() as f64)
    });
    Ok(mean(shares))
}

fn recall_of_one_interest(runs: &Runs, arm: &str) -> Result<f64, Trouble> {
    let interests = sets(runs, "users", "user_id", "interests")?;
    let said = runs.predictions(arm, "things.test")?;
    let recalls = said.iter().filter_map(|said| {
        let wanted = interests.get(said["of"]["user"].as_str()?)?;
        said["values"]["recall@50"]
            .as_f64()
            .filter(|_| wanted.len() == 1)
    });
    Ok(mean(recalls))
}

/// A column of sets, `3|7`, by key.
fn sets(
    runs: &Runs,
    table: &str,
    key: &str,
    column: &str,
) -> Result<BTreeMap<String, BTreeSet<String>>, Trouble> {
    let rows = runs.table(table)?;
    let set = |row: &BTreeMap<String, String>| {
        let parts = row[column].split('|').map(str::to_owned).collect();
        (row[key].clone(), parts)
    };
    Ok(rows.iter().map(set).collect())
}

fn pooled_auc(runs: &Runs, arm: &str, base: &str) -> Result<f64, Trouble> {
    let of = |arm| runs.metric(arm, "shop", "auc");
    Ok(of(arm)? - of(base)?)
}

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

/// The share of bait among the first 50 articles of all users.
fn bait(runs: &Runs, arm: &str) -> Result<f64, Trouble> {
    let bait = by_key(runs, "articles", "article_id", "bait")?;
    let said = runs.predictions(arm, "articles.test")?;
    let shown = said.iter().flat_map(|said| keys(said, "top"));
    Ok(mean(
        shown.map(|article| f64::from(u8::from(bait[article] == "1"))),
    ))
}

fn by_key(
    runs: &Runs,
    table: &str,
    key: &str,
    column: &str,
) -> Result<BTreeMap<String, String>, Trouble> {
    let rows = runs.table(table)?;
    Ok(rows
        .iter()
        .map(|row| (row[key].clone(), row[column].clone()))
        .collect())
}
