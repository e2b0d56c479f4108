//! Compares finished runs, query by query: what one says is set against what another says to the same user.
//!
//! Differences are paired by user, which takes the spread between users out of them; their intervals come from drawing
//! users anew. A difference whose interval holds 0 has not been seen.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::evaluate::predictions::{self, FOLDER, Prediction, Said};
use crate::evaluate::scored::Scored;
use crate::metric::Interval;
use crate::metric::interval::{bootstrap, bootstrap_mean};
use crate::metric::ranking::{Correction, RankingMetric};
use crate::random::Key;

/// Two runs on one evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// `films.test`: the evaluation and the part of the split.
    pub evaluation: String,
    /// Queries or rows that both runs answered.
    pub count: usize,
    /// Users (or whatever intervals are drawn by) behind them.
    pub groups: usize,
    /// The metrics that both have.
    pub metrics: Vec<Difference>,
}

/// One metric of two runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its full name.
    pub metric: String,
    /// The value of the first run.
    pub base: f64,
    /// The value of the second.
    pub other: f64,
    /// The paired interval of the second minus the first; `None` with fewer than two groups.
    pub interval: Option<Interval>,
    /// What the interval says.
    pub verdict: Verdict,
}

/// What a difference says of the second run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The interval lies on the good side of 0.
    Better,
    /// It lies on the bad side.
    Worse,
    /// It holds 0.
    NotSeen,
}

/// Why two runs cannot be compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Incomparable {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// Compares every evaluation that both run directories hold predictions of.
///
/// # Errors
/// A folder that is not a run directory with predictions, no evaluation in common, or other queries in one than in the other.
pub fn compare(base: &Path, other: &Path) -> Result<Vec<Comparison>, Incomparable> {
    let (ours, theirs) = (evaluations(base)?, evaluations(other)?);
    let common: Vec<&String> = ours.iter().filter(|name| theirs.contains(name)).collect();
    if common.is_empty() {
        return Err(Incomparable {
            message: format!(
                "`{}` and `{}` have no evaluation in common",
                base.display(),
                other.display()
            ),
            help: format!(
                "the first has {}, the second {}",
                ours.join(", "),
                theirs.join(", ")
            ),
        });
    }
    common
        .into_iter()
        .map(|name| paired(name, load(base, name)?, load(other, name)?))
        .collect()
}

/// The names of the predictions of a run: `films.test`.
fn evaluations(run: &Path) -> Result<Vec<String>, Incomparable> {
    let entries = fs::read_dir(run.join(FOLDER)).map_err(|error| {
        let why = match error.kind() {
            ErrorKind::NotFound => String::new(),
            _ => format!(": {error}"),
        };
        Incomparable {
            message: format!(
                "`{}` holds no predictions of a finished run{why}",
                run.display()
            ),
            help: "name folders that `reckon run` has written, such as `runs/main-1`".to_owned(),
        }
    })?;
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.ok()?.file_name();
        Some(name.to_str()?.strip_suffix(".jsonl")?.to_owned())
    };
    let mut names: Vec<String> = entries.filter_map(name).collect();
    names.sort();
    Ok(names)
}

/// Predictions by row; those drawn beside a row follow it in their order.
type ByRow = BTreeMap<(u32, usize), Prediction>;

fn load(run: &Path, name: &str) -> Result<ByRow, Incomparable> {
    let path = run.join(FOLDER).join(format!("{name}.jsonl"));
    let text = fs::read_to_string(&path).map_err(|error| error.to_string());
    let read = text.and_then(|text| predictions::read(&text));
    let by_row = |read: Vec<Prediction>| {
        let mut of_row: BTreeMap<u32, usize> = BTreeMap::new();
        let numbered = read.into_iter().map(|one| {
            let nth = of_row.entry(one.row).or_insert(0);
            *nth += 1;
            ((one.row, *nth), one)
        });
        numbered.collect()
    };
    read.map(by_row).map_err(|why| Incomparable {
        message: format!("`{}` cannot be read: {why}", path.display()),
        help: "run the spec again".to_owned(),
    })
}

fn paired(name: &str, base: ByRow, other: ByRow) -> Result<Comparison, Incomparable> {
    let same = base.len() == other.len()
        && base
            .values()
            .zip(other.values())
            .all(|(a, b)| a.row == b.row && a.by == b.by && a.of == b.of);
    if !same {
        return Err(Incomparable {
            message: format!(
                "`{name}` asks other things in one run than in the other: {} against {}",
                base.len(),
                other.len()
            ),
            help: "compare runs of one data set, split and condition".to_owned(),
        });
    }
    let (base, other): (Vec<_>, Vec<_>) =
        (base.into_values().collect(), other.into_values().collect());
    let groups = groups(&base);
    let key = Key::new(0);
    let metrics = match base.first().map(|first| &first.said) {
        None => Vec::new(),
        Some(Said::List { .. }) => lists(&base, &other, &groups, key),
        Some(Said::Score { .. }) => scores(&base, &other, &groups, key),
    };
    Ok(Comparison {
        evaluation: name.to_owned(),
        count: base.len(),
        groups: groups.iter().max().map_or(0, |last| *last as usize + 1),
        metrics,
    })
}

/// The number of the group of each prediction; one without a group is a group of its own.
fn groups(predictions: &[Prediction]) -> Vec<u32> {
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    let group = |prediction: &Prediction| {
        let key = prediction.by.as_ref().and_then(|by| prediction.of.get(by));
        key.map_or_else(
            || format!("row {}", prediction.row),
            |key| format!("key {key}"),
        )
    };
    let mut number = |prediction| {
        let next = numbers.len() as u32;
        *numbers.entry(group(prediction)).or_insert(next)
    };
    predictions.iter().map(&mut number).collect()
}

fn lists(base: &[Prediction], other: &[Prediction], groups: &[u32], key: Key) -> Vec<Difference> {
    let values = |prediction: &Prediction| match &prediction.said {
        Said::List { values, .. } => values.clone(),
        Said::Score { .. } => BTreeMap::new(),
    };
    let (base, other): (Vec<_>, Vec<_>) = (
        base.iter().map(values).collect(),
        other.iter().map(values).collect(),
    );
    let names = base
        .first()
        .map_or_else(Vec::new, |first: &BTreeMap<String, f64>| {
            first.keys().cloned().collect()
        });
    let count = groups.iter().max().map_or(0, |last| *last as usize + 1);
    let difference = |(at, metric): (usize, String)| {
        let of = |rows: &[BTreeMap<String, f64>]| -> Option<Vec<f64>> {
            rows.iter().map(|row| row.get(&metric).copied()).collect()
        };
        let (base, other) = (of(&base)?, of(&other)?);
        let mut sums = vec![(0.0, 0.0); count];
        for ((a, b), group) in base.iter().zip(&other).zip(groups) {
            let sum: &mut (f64, f64) = &mut sums[*group as usize];
            *sum = (sum.0 + b - a, sum.1 + 1.0);
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let interval = bootstrap_mean(&sums, key.with(at as u64));
        let verdict = verdict(interval.as_ref(), 1.0);
        let (base, other) = (mean(&base), mean(&other));
        Some(Difference {
            metric,
            base,
            other,
            interval,
            verdict,
        })
    };
    names
        .into_iter()
        .enumerate()
        .filter_map(difference)
        .collect()
}

/// The metrics of rankings that have an interval by group.
const RANKING: [(RankingMetric, f64); 3] = [
    (RankingMetric::Auc, 1.0),
    (RankingMetric::Logloss, -1.0),
    (RankingMetric::NormalisedEntropy, -1.0),
];
/// The name under which [`scored`] holds the groups.
const GROUP: &str = "group";

fn scores(base: &[Prediction], other: &[Prediction], groups: &[u32], key: Key) -> Vec<Difference> {
    let (base, other) = (scored(base, groups), scored(other, groups));
    let by_group = (RankingMetric::Gauc(GROUP.to_owned()), 1.0);
    let difference = |(at, (metric, good)): (usize, (RankingMetric, f64))| {
        let (base, other) = (
            base.statistic(&metric, GROUP)?,
            other.statistic(&metric, GROUP)?,
        );
        let once = vec![1; base.groups];
        let interval = bootstrap(base.groups, key.with(at as u64), |drawn| {
            Some((other.of)(drawn)? - (base.of)(drawn)?)
        });
        Some(Difference {
            metric: match &metric {
                RankingMetric::Gauc(_) => "gauc".to_owned(),
                plain => plain.to_string(),
            },
            base: (base.of)(&once)?,
            other: (other.of)(&once)?,
            verdict: verdict(interval.as_ref(), good),
            interval,
        })
    };
    // Where rows were drawn, rates are those of all rows.
    let drawn = base.log_counts.iter().any(|log| *log != 0.0);
    let corrected = |(metric, good): (RankingMetric, f64)| match (&metric, drawn) {
        (RankingMetric::Logloss | RankingMetric::NormalisedEntropy, true) => (
            RankingMetric::Correct(Correction::LogQ, Box::new(metric)),
            good,
        ),
        _ => (metric, good),
    };
    let metrics = RANKING.into_iter().map(corrected).chain([by_group]);
    metrics.enumerate().filter_map(difference).collect()
}

fn scored(predictions: &[Prediction], groups: &[u32]) -> Scored {
    let mut scored = Scored::of(predictions);
    scored.references = BTreeMap::from([(GROUP.to_owned(), groups.to_vec())]);
    scored
}

/// `good` is 1 where more is better and -1 where less is.
fn verdict(interval: Option<&Interval>, good: f64) -> Verdict {
    match interval.map(|interval| (interval.low * good, interval.high * good)) {
        Some((a, b)) if a > 0.0 && b > 0.0 => Verdict::Better,
        Some((a, b)) if a < 0.0 && b < 0.0 => Verdict::Worse,
        Some(_) | None => Verdict::NotSeen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run whose only evaluation lists one metric for each of 200 users.
    fn run_of_lists(folder: &Path, value: impl Fn(u32) -> f64) {
        let prediction = |row: u32| Prediction {
            row,
            day: None,
            by: Some("user".to_owned()),
            drawn: None,
            of: BTreeMap::from([("user".to_owned(), row.to_string())]),
            said: Said::List {
                values: BTreeMap::from([("recall@10".to_owned(), value(row))]),
                top: Vec::new(),
                targets: Vec::new(),
            },
        };
        put(folder, &(0..200).map(prediction).collect::<Vec<_>>());
    }

    fn run_of_scores(folder: &Path, score: impl Fn(u32) -> f32) {
        let prediction = |row: u32| Prediction {
            row,
            day: None,
            by: Some("user".to_owned()),
            drawn: None,
            of: BTreeMap::from([("user".to_owned(), (row / 5).to_string())]),
            said: Said::Score {
                score: score(row),
                label: f32::from(u8::from(row.is_multiple_of(3))),
                weight: 1.0,
                log_count: 0.0,
            },
        };
        put(folder, &(0..500).map(prediction).collect::<Vec<_>>());
    }

    fn put(folder: &Path, predictions: &[Prediction]) {
        let path = folder.join(predictions::file_name("films", "test"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, predictions::write(predictions)).unwrap();
    }

    fn two(make: impl Fn(&Path, &Path)) -> Result<Vec<Comparison>, Incomparable> {
        let folder = tempfile::tempdir().unwrap();
        let (base, other) = (folder.path().join("a"), folder.path().join("b"));
        make(&base, &other);
        compare(&base, &other)
    }

    fn noise(row: u32) -> f64 {
        Key::new(7).below(u64::from(row), 1_000) as f64 / 1_000.0
    }

    #[test]
    fn a_small_gain_of_every_user_is_seen_although_users_differ_much() {
        let compared = two(|base, other| {
            run_of_lists(base, noise);
            run_of_lists(other, |row| noise(row) + 0.01);
        });
        let comparison = &compared.unwrap()[0];
        assert_eq!((comparison.count, comparison.groups), (200, 200));
        let difference = &comparison.metrics[0];
        assert_eq!(difference.verdict, Verdict::Better);
        assert!((difference.other - difference.base - 0.01).abs() < 1e-12);
    }

    #[test]
    fn a_run_against_itself_and_against_noise_shows_no_difference() {
        let same = two(|base, other| {
            run_of_lists(base, noise);
            run_of_lists(other, noise);
        });
        assert_eq!(same.unwrap()[0].metrics[0].verdict, Verdict::NotSeen);
        let shuffled = two(|base, other| {
            run_of_lists(base, noise);
            run_of_lists(other, |row| noise(199 - row));
        });
        assert_eq!(shuffled.unwrap()[0].metrics[0].verdict, Verdict::NotSeen);
    }

    #[test]
    fn a_lower_loss_is_better_and_a_lower_auc_is_worse() {
        let compared = two(|base, other| {
            run_of_scores(base, |row| {
                noise(row) as f32 + 2.0 * f32::from(u8::from(row % 3 == 0))
            });
            run_of_scores(other, |row| 4.0 * noise(row) as f32 - 2.0);
        });
        let comparison = &compared.unwrap()[0];
        assert_eq!(comparison.groups, 100);
        let verdicts: Vec<_> = comparison
            .metrics
            .iter()
            .map(|difference| (difference.metric.as_str(), difference.verdict))
            .collect();
        assert_eq!(verdicts[0], ("auc", Verdict::Worse));
        assert_eq!(verdicts[3], ("gauc", Verdict::Worse));
        let better = two(|base, other| {
            run_of_scores(base, |row| 4.0 * noise(row) as f32 - 2.0);
            run_of_scores(other, |row| if row % 3 == 0 { 1.0 } else { -1.0 });
        });
        assert_eq!(better.unwrap()[0].metrics[1].verdict, Verdict::Better);
    }

    #[test]
    fn runs_that_were_asked_other_things_are_refused() {
        let refused = two(|base, other| {
            run_of_lists(base, noise);
            run_of_scores(other, |_| 0.0);
        });
        assert!(refused.unwrap_err().message.contains("200 against 500"));
        let nothing = two(|base, _| run_of_lists(base, noise));
        assert!(nothing.unwrap_err().message.contains("no predictions"));
    }
}
