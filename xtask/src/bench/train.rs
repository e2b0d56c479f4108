//! `bench train`: milliseconds a training step takes, beside the same model in other libraries on the same batches, interleaved. Who does not
//! have the same losses from the same weights is not timed, or is another model and marked so.

mod cases;
mod catalogue;
mod epoch;
mod passes;
mod race;
mod sizes;

use super::{Bed, Bench, Scale, peers::Peers, reckon::example, record::Record};
use crate::trouble::Trouble;
use cases::{CASES, Packages};
use race::Race;

pub(super) const BENCH: Bench = Bench {
    name: "train",
    cases: &[
        "roofline",
        "gate",
        "steps",
        "large",
        "models",
        "compile",
        "torchrec",
        "shipped",
        "rows",
        "memory",
        "epoch",
        "catalogue",
        "passes",
    ],
    run: train,
};

/// How much is run.
struct Size {
    /// Of each table, small and large.
    rows: [usize; 2],
    /// Batches are no larger.
    largest: usize,
    events: usize,
    /// The most steps whose losses are compared.
    gate: usize,
    rounds: usize,
    warm: usize,
    steps: usize,
}

/// A batch from here on is large.
const LARGE: usize = 4096;

impl Size {
    fn of(scale: Scale) -> Size {
        match scale {
            Scale::Quick => Size {
                rows: [10_000, 20_000],
                largest: 512,
                events: 60_000,
                gate: 20,
                rounds: 2,
                warm: 2,
                steps: 5,
            },
            Scale::Full => Size {
                rows: [100_000, 5_000_000],
                largest: usize::MAX,
                events: 600_000,
                gate: 500,
                rounds: 7,
                warm: 4,
                steps: 12,
            },
        }
    }
}

fn train(bed: &Bed<'_>, record: &mut Record) -> Result<(), Trouble> {
    let ready = || Peers::ready_with(bed.repository, "train-requirements.txt", "venv-train");
    let race = |peers| -> Result<Race<'_>, Trouble> {
        Ok(Race {
            bed,
            peers,
            size: Size::of(bed.scale),
            tracer: example(bed, "reckon-runtime", "trace")?,
            out: bed.folder.join("out.json"),
        })
    };
    let own = race(ready()?)?;
    // More packages are installed for the cases alone that need them.
    let mut wanted = CASES.iter().filter(|case| bed.wants(case.name));
    let libraries = if wanted.any(|case| case.packages == Packages::Libraries) {
        let requirements = "libraries-requirements.txt";
        let peers = ready()?.beside(bed.repository, requirements, "libraries")?;
        Some(race(peers)?)
    } else {
        None
    };
    let mut broken = Vec::new();
    if bed.wants("roofline") {
        own.roofline(record)?;
    }
    for case in CASES.iter().filter(|case| bed.wants(case.name)) {
        let race = match case.packages {
            Packages::Own => &own,
            Packages::Libraries => libraries.as_ref().unwrap_or(&own),
        };
        broken.extend(race.case(record, case)?);
    }
    type Study = fn(&Race<'_>, &mut Record) -> Result<Vec<String>, Trouble>;
    let studies: [(&str, Study); 5] = [
        ("rows", sizes::rows),
        ("memory", sizes::memory),
        ("epoch", epoch::epoch),
        ("catalogue", catalogue::catalogue),
        ("passes", passes::passes),
    ];
    for (name, study) in studies {
        if bed.wants(name) {
            broken.extend(study(&own, record)?);
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(Trouble::new(
        format!("not as fast as it has to be: {}", broken.join("; ")),
        "`reckon run --profile` says where the time of a step goes",
    ))
}
