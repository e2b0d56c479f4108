//! `bench train`: milliseconds a training step takes, beside the same model in other libraries on the same batches, interleaved. Who does not
//! have the same losses from the same weights is not timed.

mod race;

use super::{
    Bed, Bench, Scale,
    peers::{Peers, smooth},
    record::Record,
};
use crate::trouble::Trouble;
use race::Race;

pub(super) const BENCH: Bench = Bench {
    name: "train",
    cases: &["roofline", "gate", "steps", "large", "models"],
    run: train,
};

/// A contender, whether its optimiser is ours, and how often Reckon's time its own has to be, by whether batches are large.
struct Contender {
    name: &'static str,
    same: bool,
    bars: [f64; 2],
}

/// A spec, the script that does the same, and who is timed beside Reckon.
struct Model {
    spec: &'static str,
    script: &'static str,
    contenders: &'static [Contender],
    /// The size of a batch where the scale does not say.
    batch: usize,
    /// Steps whose losses are compared: few where a relu or a largest has kinks, at which rounding decides.
    gate: usize,
}

const TWO_TOWERS: Model = Model {
    spec: "benches/specs/two_tower.rec",
    script: "train.py",
    contenders: &[
        Contender {
            name: "tiled",
            same: true,
            bars: [1.2, 1.8],
        },
        Contender {
            name: "fbgemm",
            same: true,
            bars: [1.2, 1.8],
        },
        Contender {
            name: "eager",
            same: false,
            bars: [1.0, 4.0],
        },
    ],
    batch: 1024,
    gate: 500,
};

/// Other models, each beside an expert's PyTorch.
const MODELS: [Model; 3] = [
    Model {
        spec: "benches/specs/mmoe.rec",
        script: "models.py",
        contenders: &[Contender {
            name: "mmoe",
            same: true,
            bars: [1.3, 1.3],
        }],
        batch: 4096,
        gate: 100,
    },
    Model {
        spec: "benches/specs/mtmi.rec",
        script: "models.py",
        contenders: &[Contender {
            name: "mtmi",
            same: true,
            bars: [1.3, 1.3],
        }],
        batch: 1024,
        gate: 20,
    },
    Model {
        spec: "benches/specs/sasrec.rec",
        script: "models.py",
        contenders: &[Contender {
            name: "sasrec",
            same: true,
            bars: [1.3, 1.3],
        }],
        batch: 512,
        gate: 20,
    },
];

/// How much is run.
struct Size {
    /// Of each table, small and large.
    rows: [usize; 2],
    batches: &'static [usize],
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
                batches: &[512],
                events: 60_000,
                gate: 20,
                rounds: 2,
                warm: 2,
                steps: 5,
            },
            Scale::Full => Size {
                rows: [100_000, 5_000_000],
                batches: &[LARGE, 1024],
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
    let race = Race {
        bed,
        peers: Peers::ready_with(bed.repository, "train-requirements.txt", "venv-train")?,
        size: Size::of(bed.scale),
        out: bed.folder.join("out.json"),
    };
    if bed.wants("roofline") {
        race.roofline(record)?;
    }
    let mut broken = Vec::new();
    if bed.wants("gate") {
        let smooth = smooth(bed, TWO_TOWERS.spec)?;
        let batch = 1024.min(race.size.batches[0]);
        race.gate(record, &TWO_TOWERS, &smooth, batch)?;
    }
    for (case, rows) in ["steps", "large"].into_iter().zip(race.size.rows) {
        if bed.wants(case) {
            for batch in race.size.batches {
                broken.extend(race.steps(record, &TWO_TOWERS, rows, *batch)?);
            }
        }
    }
    if bed.wants("models") {
        for model in &MODELS {
            let spec = bed.repository.root.join(model.spec);
            let batch = model.batch.min(race.size.batches[0]);
            race.gate(record, model, &spec, batch)?;
            broken.extend(race.steps(record, model, race.size.rows[0], batch)?);
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
