//! `bench quality`: every example on MovieLens, with its baselines. Both specs and editions of the data may be named.

use super::{
    Bed, Bench, Scale,
    reckon::{self, Request},
    record::{Record, Subject},
};
use crate::{data, trouble::Trouble};

pub(super) const BENCH: Bench = Bench {
    name: "quality",
    cases: &[
        "two_tower",
        "two_tower_by_time",
        "ranking",
        "sasrec",
        "ml-100k",
        "ml-1m",
    ],
    run: quality,
};

const SPECS: [&str; 4] = ["two_tower", "two_tower_by_time", "ranking", "sasrec"];

/// An edition of MovieLens and how it is trained on.
struct Edition {
    data_set: &'static str,
    folder: &'static str,
    /// At most so many epochs; early stopping may end sooner.
    epochs: usize,
    seeds: u64,
    /// Specs whose steps take ten times as long are trained once.
    once: &'static [&'static str],
}

impl Edition {
    fn seeds_of(&self, spec: &str) -> u64 {
        if self.once.contains(&spec) {
            1
        } else {
            self.seeds
        }
    }
}

impl Scale {
    fn editions(self) -> &'static [Edition] {
        match self {
            Scale::Quick => &[Edition {
                data_set: "ml-100k",
                folder: "data",
                epochs: 2,
                seeds: 1,
                once: &[],
            }],
            Scale::Full => &[
                Edition {
                    data_set: "ml-100k",
                    folder: "data",
                    epochs: 20,
                    seeds: 3,
                    once: &[],
                },
                Edition {
                    data_set: "ml-1m",
                    folder: "data-1m",
                    epochs: 3,
                    seeds: 3,
                    once: &["sasrec"],
                },
            ],
        }
    }
}

fn quality(bed: &Bed<'_>, record: &mut Record) -> Result<(), Trouble> {
    let editions = bed.scale.editions();
    let sets = editions.iter().map(|edition| edition.data_set);
    let sets = asked(bed, &sets.collect::<Vec<_>>());
    let specs = asked(bed, &SPECS);
    let editions = editions
        .iter()
        .filter(|edition| sets.contains(&edition.data_set));
    for edition in editions.clone() {
        data::get(bed.repository, edition.data_set)?;
    }
    reckon::build(bed)?;
    for edition in editions {
        for spec in &specs {
            for seed in 0..edition.seeds_of(spec) {
                measure(bed, record, spec, edition, seed)?;
                record.write()?;
            }
        }
    }
    Ok(())
}

/// Those of the names that are asked for, and all where none of them is.
fn asked<'a>(bed: &Bed<'_>, names: &[&'a str]) -> Vec<&'a str> {
    let named: Vec<&str> = bed.cases.iter().map(String::as_str).collect();
    let found: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| named.contains(name))
        .collect();
    if found.is_empty() {
        names.to_vec()
    } else {
        found
    }
}

fn measure(
    bed: &Bed<'_>,
    record: &mut Record,
    spec: &str,
    edition: &Edition,
    seed: u64,
) -> Result<(), Trouble> {
    let case = format!("{spec}, {}", edition.data_set);
    let run = reckon::run(
        bed,
        &Request {
            spec: &format!("examples/movielens/{spec}.rec"),
            settings: &[
                format!("data={}", edition.folder),
                format!("epochs={}", edition.epochs),
            ],
            seed,
            out: &format!("{spec}-{}-{seed}", edition.data_set),
        },
    )?;
    for (contender, metric, value) in run.of_test() {
        // Baselines do not depend on the seed.
        if contender == reckon::MODEL || seed == 0 {
            let subject = Subject {
                case: &case,
                contender: &contender,
                metric: &metric,
                unit: "share",
            };
            record.add(subject, value);
        }
    }
    if let Some(pace) = run.examples_per_second {
        let subject = Subject {
            case: &case,
            contender: reckon::MODEL,
            metric: "examples/s",
            unit: "1/s",
        };
        record.add(subject, pace);
    }
    Ok(())
}
