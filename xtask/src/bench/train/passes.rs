//! What each pass is worth: steps without it beside steps with all of them. A pass that pays nowhere has no place in the compiler.

use super::race::Race;
use crate::{
    bench::record::{Record, Subject},
    trouble::Trouble,
};

/// Specs with their batches, small enough that what passes save is not hidden by products of matrices.
const SPECS: [(&str, usize); 4] = [
    ("benches/specs/two_tower.rec", 1024),
    ("benches/specs/mmoe.rec", 1024),
    ("benches/specs/mtmi.rec", 512),
    ("benches/specs/sasrec.rec", 256),
];

/// As `reckon passes` lists them, and one that is no pass over a graph: candidates that several rows bring become one column.
const PASSES: [&str; 10] = [
    "canonicalise",
    "fold",
    "log-space",
    "recognise",
    "narrow",
    "cse",
    "settle",
    "dce",
    "schedule",
    "copies",
];
/// Turns of each; there are eleven to take one.
const ROUNDS: usize = 3;
const STEP: &str = "ms a step";
const PEAK: &str = "peak MiB";
const TIMES: &str = "times as long without it";

/// Each spec with all passes, and without each; all take turns.
pub(super) fn passes(race: &Race<'_>, record: &mut Record) -> Result<Vec<String>, Trouble> {
    let rows = race.size.rows[0];
    race.make(rows)?;
    for (spec, batch) in SPECS {
        let name = spec.rsplit('/').next().unwrap_or(spec);
        let batch = race.batch(batch);
        let case = format!("{name}, batch {batch}");
        let settings = race.settings(rows, batch);
        for _ in 0..ROUNDS.min(race.size.rounds) {
            let pace = (race.size.warm, race.size.steps);
            let whole = race.ours(&race.spec(spec), pace, &settings)?;
            let mut add = |contender, metric, unit, value| {
                let subject = Subject {
                    case: &case,
                    contender,
                    metric,
                    unit,
                };
                record.add(subject, value);
            };
            add("all passes", STEP, "ms", whole.milliseconds);
            add("all passes", PEAK, "MiB", whole.peak);
            for pass in PASSES {
                let mut settings = settings.clone();
                settings.push(format!("-{pass}"));
                let without = race.ours(&race.spec(spec), pace, &settings)?;
                let times = without.milliseconds / whole.milliseconds;
                add(pass, TIMES, "", times);
                add(pass, PEAK, "MiB", without.peak);
            }
        }
        record.write()?;
    }
    Ok(Vec::new())
}
