//! `bench methods`: the methods on made-up data with a planted truth and on its null variant, with their ablations.
//!
//! An effect without a null world proves little. Each study trains its arms on several seeds of a world; what it has to show
//! is a number a seed, and its interval is that of the mean over the seeds. Pairs of arms are also compared user by user within
//! each seed. A full run puts its tables into `docs/methods/NAME.md`.

mod mean;
mod page;
mod studies;
mod truth;

use super::{
    Bed, Bench, Scale,
    reckon::{self, Finished, Request, Verdict},
    record::{Record, Subject},
};
use crate::{
    chores::{remove, say},
    data,
    trouble::Trouble,
    world::{self, Size, Truth},
};
use mean::{Bar, Mean};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use studies::STUDIES;

pub(super) const BENCH: Bench = Bench {
    name: "methods",
    cases: &[
        "logq",
        "clsd",
        "ssl",
        "ecat",
        "dmtl",
        "mtmi",
        "clsd-kuairand",
        "dmtl-kuairand",
        "ecat-kuairand",
        "ssl-ml-100k",
        "mtmi-ml-100k",
        "ssl-ml-1m",
        "mtmi-ml-1m",
    ],
    run: methods,
};

/// A method on its world, or on data that were measured.
struct Study {
    /// The case; of a world its name and that of the page too.
    name: &'static str,
    /// The spec, from the root of the repository.
    spec: &'static str,
    /// What it is trained on.
    data: Data,
    /// What is trained on every seed.
    arms: &'static [Arm],
    /// What it has to show.
    claims: &'static [Claim],
    /// Which arms are set against which.
    pairs: &'static [Pair],
    /// What the table of arms shows: evaluation and metric.
    figures: &'static [(&'static str, &'static str)],
}

/// What a study is trained on. Of worlds: how many of their users, in percent.
#[derive(Clone, Copy)]
enum Data {
    /// A made-up world.
    World {
        /// Of those with the planted truth.
        planted: usize,
        /// Of null worlds.
        null: usize,
        /// In a quick run.
        quick: usize,
    },
    /// A data set, with as many seeds as the clock allows.
    Real {
        /// As `cargo xtask data` calls it.
        set: &'static str,
        /// Where it lies, from the root of the repository.
        folder: &'static str,
        /// As the page calls it.
        called: &'static str,
        seeds: u64,
    },
}

/// The spec with some settings.
struct Arm {
    name: &'static str,
    /// A baseline's own spec, where it is not the study's with other settings.
    spec: Option<&'static str>,
    settings: &'static [&'static str],
    role: Role,
}

/// Where an arm is trained.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Claims are about it in both worlds.
    Claimed,
    /// Claims about the planted world alone are.
    Planted,
}

/// A number that a study takes of its runs, and where it has to lie.
struct Claim {
    what: &'static str,
    of: fn(&Runs) -> Result<f64, Trouble>,
    /// In the world with the planted truth.
    planted: Asked,
    /// In the null world.
    null: Asked,
}

/// What is asked of a claim in a world.
#[derive(Clone, Copy)]
enum Asked {
    Bar(Bar),
    /// A bar that a single seed passes too: a quick run asks for it, and for no other.
    Sure(Bar),
    /// It is only reported.
    Reported,
    /// It says nothing there.
    Nothing,
}

/// Two arms whose difference in a metric is taken user by user.
struct Pair {
    arm: &'static str,
    base: &'static str,
    evaluation: &'static str,
    metric: &'static str,
}

/// The runs of a study on one world.
struct Runs {
    /// The folder of the world.
    world: PathBuf,
    by_arm: BTreeMap<&'static str, Finished>,
}

/// What was found in one kind of world, or on a data set, a value a seed each.
struct Findings {
    truth: Truth,
    /// How its page and messages call it.
    place: &'static str,
    claims: Vec<Vec<f64>>,
    pairs: Vec<Vec<reckon::Paired>>,
    /// By arm and figure.
    figures: BTreeMap<(&'static str, usize), Vec<f64>>,
}

/// How much is run.
struct Budget {
    seeds: u64,
    worlds: &'static [Truth],
}

impl Study {
    /// How much a run of a scale takes; of a full one, so many seeds as were asked for.
    fn budget(&self, scale: Scale, asked: Option<u64>) -> Budget {
        match (self.data, scale) {
            (Data::World { .. }, Scale::Quick) => Budget {
                seeds: 1,
                worlds: &[Truth::Planted],
            },
            (Data::World { .. }, Scale::Full) => Budget {
                seeds: asked.unwrap_or(5),
                worlds: &[Truth::Planted, Truth::Null],
            },
            // A quick run asserts planted truth alone.
            (Data::Real { .. }, Scale::Quick) => Budget {
                seeds: 0,
                worlds: &[],
            },
            (Data::Real { seeds, .. }, Scale::Full) => Budget {
                seeds: asked.unwrap_or(seeds),
                worlds: &[Truth::Planted],
            },
        }
    }

    /// How a place where it was trained is called.
    fn place(&self, truth: Truth) -> &'static str {
        match (self.data, truth) {
            (Data::Real { called, .. }, _) => called,
            (Data::World { .. }, Truth::Planted) => "planted world",
            (Data::World { .. }, Truth::Null) => "null world",
        }
    }
}

impl Role {
    fn trains(self, truth: Truth) -> bool {
        match self {
            Role::Claimed => true,
            Role::Planted => truth == Truth::Planted,
        }
    }
}

fn methods(bed: &Bed<'_>, record: &mut Record) -> Result<(), Trouble> {
    let wanted = || STUDIES.iter().filter(|study| bed.wants(study.name));
    for study in wanted() {
        if let (Data::Real { set, .. }, Scale::Full) = (study.data, bed.scale) {
            data::get(bed.repository, set)?;
        }
    }
    reckon::build(bed)?;
    let mut broken = Vec::new();
    for study in wanted() {
        let mut found = Vec::new();
        for (truth, runs) in train(bed, study)? {
            let findings = read(bed, record, study, truth, &runs)?;
            broken.extend(findings.judge(study, bed.scale));
            record.write()?;
            found.push(findings);
        }
        match bed.scale {
            Scale::Quick => {}
            Scale::Full => page::write(bed.repository, study, &found)?,
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

/// What the runs of a study on one kind of world tell.
fn read(
    bed: &Bed<'_>,
    record: &mut Record,
    study: &Study,
    truth: Truth,
    runs: &[Runs],
) -> Result<Findings, Trouble> {
    let case = match truth {
        Truth::Planted => study.name.to_owned(),
        Truth::Null => format!("{}, null world", study.name),
    };
    let mut findings = Findings {
        truth,
        place: study.place(truth),
        claims: vec![Vec::new(); study.claims.len()],
        pairs: vec![Vec::new(); study.pairs.len()],
        figures: BTreeMap::new(),
    };
    for runs in runs {
        findings.take(bed, study, runs)?;
        record_seed(record, &case, study, runs, &findings);
        match study.data {
            Data::World { .. } => remove(&runs.world)?,
            Data::Real { .. } => {}
        }
    }
    Ok(findings)
}

/// Trains the arms of a study on all seeds of its worlds, so many side by side as are asked for.
fn train(bed: &Bed<'_>, study: &Study) -> Result<Vec<(Truth, Vec<Runs>)>, Trouble> {
    let budget = study.budget(bed.scale, bed.seeds);
    let mut places = Vec::new();
    for truth in budget.worlds {
        for seed in 0..budget.seeds {
            places.push((*truth, seed, world(bed, study, *truth, seed)?));
        }
    }
    let wanted: Vec<(usize, &Arm)> = (0..places.len())
        .flat_map(|at| study.arms.iter().map(move |arm| (at, arm)))
        .filter(|(at, arm)| arm.role.trains(places[*at].0))
        .collect();
    let next = AtomicUsize::new(0);
    let finished = Mutex::new(Vec::new());
    let work = || {
        while let Some((at, arm)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (_, seed, world) = &places[*at];
            let run = one(bed, study, arm, (world, *seed));
            if run.is_err() {
                // The others end what they are at.
                next.store(wanted.len(), Ordering::Relaxed);
            }
            let mut finished = finished.lock().unwrap_or_else(PoisonError::into_inner);
            finished.push((*at, arm.name, run));
        }
    };
    thread::scope(|scope| {
        for _ in 0..bed.jobs {
            scope.spawn(work);
        }
    });
    let mut by_place: Vec<BTreeMap<_, _>> = places.iter().map(|_| BTreeMap::new()).collect();
    for (at, arm, run) in finished
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
    {
        by_place[at].insert(arm, run?);
    }
    let mut found: Vec<(Truth, Vec<Runs>)> = budget
        .worlds
        .iter()
        .map(|truth| (*truth, Vec::new()))
        .collect();
    for ((truth, _, world), by_arm) in places.into_iter().zip(by_place) {
        if let Some((_, runs)) = found.iter_mut().find(|(kind, _)| *kind == truth) {
            runs.push(Runs { world, by_arm });
        }
    }
    Ok(found)
}

/// Makes the world of a seed and returns its folder, or that of the data set.
fn world(bed: &Bed<'_>, study: &Study, truth: Truth, seed: u64) -> Result<PathBuf, Trouble> {
    let (planted, of_null, quick) = match study.data {
        Data::Real { folder, .. } => return Ok(bed.repository.root.join(folder)),
        Data::World {
            planted,
            null,
            quick,
        } => (planted, null, quick),
    };
    let null = match truth {
        Truth::Planted => "",
        Truth::Null => "-null",
    };
    let folder = bed.folder.join(format!("{}{null}-{seed}", study.name));
    let size = Size {
        truth,
        seed,
        percent: match (bed.scale, truth) {
            (Scale::Quick, _) => quick,
            (Scale::Full, Truth::Planted) => planted,
            (Scale::Full, Truth::Null) => of_null,
        },
    };
    world::write(study.name, &size, &folder)?;
    Ok(folder)
}

fn one(
    bed: &Bed<'_>,
    study: &Study,
    arm: &Arm,
    (world, seed): (&Path, u64),
) -> Result<Finished, Trouble> {
    let mut settings = vec![format!("data={}", world.display())];
    settings.extend(arm.settings.iter().map(ToString::to_string));
    let name = arm.name.replace([' ', ','], "-");
    let of = match study.data {
        Data::World { .. } => world.file_name().unwrap_or_default().display().to_string(),
        Data::Real { .. } => format!("{}-{seed}", study.name),
    };
    let name = format!("{of}.{name}");
    let request = Request {
        spec: arm.spec.unwrap_or(study.spec),
        settings: &settings,
        seed,
        out: &name,
    };
    reckon::run(bed, &request)
}

/// Puts what a seed told into the record.
fn record_seed(record: &mut Record, case: &str, study: &Study, runs: &Runs, findings: &Findings) {
    for (claim, values) in study.claims.iter().zip(&findings.claims) {
        if let Some(value) = values.last() {
            let subject = Subject {
                case,
                contender: "claim",
                metric: claim.what,
                unit: "",
            };
            record.add(subject, *value);
        }
    }
    for (arm, finished) in &runs.by_arm {
        for (contender, metric, value) in finished.of_test() {
            let model = contender == reckon::MODEL;
            let subject = Subject {
                case,
                contender: if model { arm } else { &contender },
                metric: &metric,
                unit: "share",
            };
            record.add(subject, value);
        }
    }
}

impl Findings {
    /// Adds what the runs of a seed tell.
    fn take(&mut self, bed: &Bed<'_>, study: &Study, runs: &Runs) -> Result<(), Trouble> {
        for (claim, values) in study.claims.iter().zip(&mut self.claims) {
            match claim.asked(self.truth) {
                Asked::Bar(_) | Asked::Sure(_) | Asked::Reported => values.push((claim.of)(runs)?),
                Asked::Nothing => {}
            }
        }
        for (pair, values) in study.pairs.iter().zip(&mut self.pairs) {
            let arms = [pair.base, pair.arm].map(|arm| runs.by_arm.get(arm));
            if let [Some(base), Some(arm)] = arms {
                let of = (pair.evaluation, pair.metric);
                values.push(reckon::compare(bed, base, arm, of)?);
            }
        }
        for arm in runs.by_arm.keys() {
            for (at, (evaluation, metric)) in study.figures.iter().enumerate() {
                let value = runs.metric(arm, evaluation, metric)?;
                self.figures.entry((arm, at)).or_default().push(value);
            }
        }
        Ok(())
    }

    /// The claims that do not hold.
    fn judge(&self, study: &Study, scale: Scale) -> Vec<String> {
        let world = self.place;
        let judged = study.claims.iter().zip(&self.claims);
        judged
            .filter_map(|(claim, values)| {
                let bar = match (claim.asked(self.truth), scale) {
                    (Asked::Sure(bar), _) | (Asked::Bar(bar), Scale::Full) => bar,
                    (Asked::Bar(_), Scale::Quick) | (Asked::Reported | Asked::Nothing, _) => {
                        return None;
                    }
                };
                let mean = Mean::of(values);
                let told = format!(
                    "{}, {world}: {} is {mean}, asked for {bar}",
                    study.name, claim.what
                );
                say(&told);
                (!bar.holds(&mean)).then_some(told)
            })
            .collect()
    }

    /// In how many seeds a pair's difference leaves 0 out, upwards and downwards.
    fn seen(&self, pair: usize) -> (usize, usize) {
        let of = |verdict| {
            let same = |paired: &&reckon::Paired| paired.verdict == verdict;
            self.pairs[pair].iter().filter(same).count()
        };
        (of(Verdict::Better), of(Verdict::Worse))
    }
}

impl Claim {
    fn asked(&self, truth: Truth) -> Asked {
        match truth {
            Truth::Planted => self.planted,
            Truth::Null => self.null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_a_study_and_every_study_compares_arms_that_it_trains() {
        let named: Vec<_> = STUDIES.iter().map(|study| study.name).collect();
        assert_eq!(named, BENCH.cases);
        for study in STUDIES {
            let arms: Vec<&str> = study.arms.iter().map(|arm| arm.name).collect();
            for pair in study.pairs {
                assert!(
                    arms.contains(&pair.arm) && arms.contains(&pair.base),
                    "{}: {} or {}",
                    study.name,
                    pair.arm,
                    pair.base
                );
            }
        }
    }

    #[test]
    fn the_null_world_is_spared_what_no_claim_there_is_about() {
        let trained = |truth| [Role::Claimed, Role::Planted].map(|role| role.trains(truth));
        assert_eq!(trained(Truth::Planted), [true, true]);
        assert_eq!(trained(Truth::Null), [true, false]);
    }
}
