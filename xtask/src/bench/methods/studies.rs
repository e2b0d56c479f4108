//! The studies: which arms, and what they have to show. One file a method.

mod clsd;
mod dmtl;
mod ecat;
mod logq;
mod mtmi;
mod real;
mod ssl;

use super::truth::{keys, mean};
use super::{Arm, Asked, Bar, Claim, Data, Pair, Role, Runs, Study};
use crate::trouble::Trouble;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const STUDIES: &[Study] = &[
    logq::STUDY,
    clsd::STUDY,
    ssl::STUDY,
    ecat::STUDY,
    dmtl::STUDY,
    mtmi::STUDY,
    real::CLSD,
    real::DMTL,
    real::ECAT,
    real::SSL_SMALL,
    real::MTMI_SMALL,
    real::SSL,
    real::MTMI,
];

/// The relative gain of an arm over another in a metric.
fn relative(
    runs: &Runs,
    (arm, base): (&str, &str),
    (evaluation, metric): (&str, &str),
) -> Result<f64, Trouble> {
    let of = |arm| runs.metric(arm, evaluation, metric);
    Ok(of(arm)? / of(base)? - 1.0)
}

/// How much of an arm's targets the true probabilities would have found in the first 50, what the user has seen left out.
fn oracle_recall(
    runs: &Runs,
    arm: &str,
    evaluation: &str,
    clicks: (&str, &str),
) -> Result<f64, Trouble> {
    let best = by_key(runs, "truth", "user_id", "best")?;
    let mut had: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for mut row in runs.table(clicks.0)? {
        let thing = row.remove(clicks.1).unwrap_or_default();
        // A table of things shown has what was clicked in a column.
        if row.get("click").is_none_or(|click| click == "1") {
            had.entry(row["user_id"].clone()).or_default().insert(thing);
        }
    }
    let nothing = BTreeSet::new();
    let said = runs.predictions(arm, &format!("{evaluation}.test"))?;
    let recalls = said.iter().filter_map(|said| {
        let user = said["of"]["user"].as_str()?;
        let targets: BTreeSet<&str> = keys(said, "targets").collect();
        let seen = had.get(user).unwrap_or(&nothing);
        let new = |thing: &&str| targets.contains(thing) || !seen.contains(*thing);
        let found = best[user].split('|').filter(new).take(50);
        let found = found.filter(|thing| targets.contains(thing)).count();
        Some(found as f64 / targets.len() as f64)
    });
    Ok(mean(recalls))
}

/// A column of a table by its key.
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
