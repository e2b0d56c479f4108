//! `bench methods`: the methods on made-up data with a planted truth and on its null variant, with their ablations.
//!
//! An effect without a null world proves little. Each study trains its arms on several seeds of a world; what it has to show
//! is a number a seed, and its interval is that of the mean over the seeds.

mod studies;
mod truth;

use super::{
    Bed, Bench, Scale,
    reckon::{self, Finished, Request},
    record::{Record, Subject},
};
use crate::{
    chores::say,
    trouble::Trouble,
    world::{self, Size, Truth},
};
use std::{collections::BTreeMap, path::PathBuf};
use studies::STUDIES;

pub(super) const BENCH: Bench = Bench {
    name: "methods",
    cases: &["logq", "clsd", "ssl", "ecat", "dmtl", "mtmi"],
    run: methods,
};

/// A method on its world.
struct Study {
    /// The case, and the name of the world.
    name: &'static str,
    /// The spec, from the root of the repository.
    spec: &'static str,
    /// What is trained on every seed.
    arms: &'static [Arm],
    /// What it has to show.
    claims: &'static [Claim],
}

/// The spec with some settings.
struct Arm {
    name: &'static str,
    settings: &'static [&'static str],
}

/// A number that a study takes of its runs, and where it has to lie.
struct Claim {
    what: &'static str,
    of: fn(&Runs) -> Result<f64, Trouble>,
    /// In the world with the planted truth; `None` where it is only reported.
    planted: Option<Bar>,
    /// In the null world.
    null: Option<Bar>,
}

/// Where the mean over the seeds has to lie.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bar {
    /// The mean is at least this, and the interval leaves 0 out.
    AtLeast(f64),
    /// The mean is at most this.
    AtMost(f64),
    /// The mean lies between these.
    Between(f64, f64),
    /// The mean is this far from 0 at most, or less than one standard error away.
    Near0(f64),
}

/// The runs of a study on one world.
struct Runs {
    /// The folder of the world.
    world: PathBuf,
    by_arm: BTreeMap<&'static str, Finished>,
}

/// How much is run.
struct Budget {
    seeds: u64,
    worlds: &'static [Truth],
    percent: usize,
}

impl Scale {
    fn budget(self) -> Budget {
        match self {
            Scale::Quick => Budget {
                seeds: 1,
                worlds: &[Truth::Planted],
                percent: 40,
            },
            Scale::Full => Budget {
                seeds: 5,
                worlds: &[Truth::Planted, Truth::Null],
                percent: 100,
            },
        }
    }
}

fn methods(bed: &Bed<'_>, record: &mut Record) -> Result<(), Trouble> {
    reckon::build(bed)?;
    let mut broken = Vec::new();
    for study in STUDIES.iter().filter(|study| bed.wants(study.name)) {
        for truth in bed.scale.budget().worlds {
            broken.extend(judge(bed, record, study, *truth)?);
            record.write()?;
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(Trouble::new(
        format!("{} claims do not hold", broken.len()),
        broken.join("\n"),
    ))
}

/// Trains a study on all seeds of a world, and returns the claims that do not hold.
fn judge(
    bed: &Bed<'_>,
    record: &mut Record,
    study: &Study,
    truth: Truth,
) -> Result<Vec<String>, Trouble> {
    let budget = bed.scale.budget();
    let case = match truth {
        Truth::Planted => study.name.to_owned(),
        Truth::Null => format!("{}, null world", study.name),
    };
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); study.claims.len()];
    for seed in 0..budget.seeds {
        let runs = train(bed, record, study, truth, (&case, seed, budget.percent))?;
        for (claim, values) in study.claims.iter().zip(&mut values) {
            let value = (claim.of)(&runs)?;
            values.push(value);
            let subject = Subject {
                case: &case,
                contender: "claim",
                metric: claim.what,
                unit: "",
            };
            record.add(subject, value);
        }
    }
    let judged = study.claims.iter().zip(&values);
    Ok(judged
        .filter_map(|(claim, values)| {
            let bar = match truth {
                Truth::Planted => claim.planted,
                Truth::Null => claim.null,
            }?;
            let mean = Mean::of(values);
            let told = format!("{case}: {} is {mean}, expected {bar:?}", claim.what);
            say(&told);
            (!bar.holds(&mean)).then_some(told)
        })
        .collect())
}

fn train(
    bed: &Bed<'_>,
    record: &mut Record,
    study: &Study,
    truth: Truth,
    (case, seed, percent): (&str, u64, usize),
) -> Result<Runs, Trouble> {
    let name = case.replace(", ", "-").replace(' ', "-");
    let world = bed.folder.join(format!("{name}-{seed}-data"));
    let size = Size {
        truth,
        seed,
        percent,
    };
    world::write(study.name, &size, &world)?;
    let mut by_arm = BTreeMap::new();
    for arm in study.arms {
        let mut settings = vec![format!("data={}", world.display())];
        settings.extend(arm.settings.iter().map(ToString::to_string));
        let finished = reckon::run(
            bed,
            &Request {
                spec: study.spec,
                settings: &settings,
                seed,
                out: &format!("{name}-{seed}-{}", arm.name),
            },
        )?;
        for (contender, metric, value) in finished.of_test() {
            let model = contender == reckon::MODEL;
            let subject = Subject {
                case,
                contender: if model { arm.name } else { &contender },
                metric: &metric,
                unit: "share",
            };
            record.add(subject, value);
        }
        by_arm.insert(arm.name, finished);
    }
    Ok(Runs { world, by_arm })
}

/// A mean over seeds with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mean {
    mean: f64,
    /// `None` for a single seed.
    error: Option<f64>,
    /// Half the width of the 95 % interval (Student's t), 0 for a single seed.
    half: f64,
}

/// The 97.5 % quantile of Student's t with 1 to 9 degrees of freedom.
const T: [f64; 9] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262,
];

impl Mean {
    fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let Some(t) = values.len().checked_sub(2).and_then(|at| T.get(at)) else {
            return Self {
                mean,
                error: None,
                half: 0.0,
            };
        };
        let variance = values
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum::<f64>()
            / (count - 1.0);
        let error = (variance / count).sqrt();
        Self {
            mean,
            error: Some(error),
            half: t * error,
        }
    }
}

impl std::fmt::Display for Mean {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:.4}", self.mean)?;
        if let Some(error) = self.error {
            let (low, high) = (self.mean - self.half, self.mean + self.half);
            // 1.96 + 0.84: what a two-sided test at 5 % finds four times in five.
            write!(
                out,
                " ({low:.4} to {high:.4}, smallest detectable {:.4})",
                2.8 * error
            )?;
        }
        Ok(())
    }
}

impl Bar {
    fn holds(self, of: &Mean) -> bool {
        match self {
            Bar::AtLeast(least) => of.mean >= least && of.mean - of.half > 0.0,
            Bar::AtMost(most) => of.mean <= most,
            Bar::Between(low, high) => (low..=high).contains(&of.mean),
            Bar::Near0(far) => of.mean.abs() <= far.max(of.error.unwrap_or(0.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_the_interval_of_student() {
        let mean = Mean::of(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(
            mean.to_string(),
            "3.0000 (1.0371 to 4.9629, smallest detectable 1.9799)"
        );
        assert_eq!(Mean::of(&[0.25]).to_string(), "0.2500");
    }

    #[test]
    fn bars_judge_means_and_intervals() {
        let noisy = Mean::of(&[-1.0, 0.0, 4.0]);
        assert!(!Bar::AtLeast(0.5).holds(&noisy), "its interval holds 0");
        assert!(
            Bar::Near0(0.1).holds(&Mean::of(&[-1.0, 0.0, 1.5])),
            "within one standard error"
        );
        assert!(Bar::AtLeast(0.5).holds(&Mean::of(&[0.9, 1.0, 1.1])));
        assert!(Bar::AtMost(-0.6).holds(&Mean::of(&[-0.9, -1.0])));
        assert!(Bar::Between(0.6, 0.75).holds(&Mean::of(&[0.7])));
        assert!(!Bar::Near0(0.1).holds(&Mean::of(&[0.5, 0.5])));
    }

    #[test]
    fn every_case_has_a_study_and_every_claim_a_bar_somewhere_or_is_reported() {
        let named: Vec<_> = STUDIES.iter().map(|study| study.name).collect();
        assert!(
            named.iter().all(|name| BENCH.cases.contains(name)),
            "{named:?}"
        );
    }
}
