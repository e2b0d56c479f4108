//! Who is timed beside Reckon, at what.

/// A spec, the contenders that train the same, and the sizes at which they do.
pub(super) struct Case {
    /// By which it is asked for.
    pub(super) name: &'static str,
    pub(super) spec: &'static str,
    pub(super) contenders: &'static [Contender],
    pub(super) tables: Tables,
    /// The sizes of batches at which steps are timed.
    pub(super) batches: &'static [usize],
    /// How losses are compared first.
    pub(super) gate: Option<Gate>,
    pub(super) packages: Packages,
    pub(super) pace: Pace,
}

/// One of the sizes that the scale gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tables {
    Small,
    Large,
}

/// What the contenders of a case need beside PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packages {
    /// Nothing.
    Own,
    /// Libraries of recommenders.
    Libraries,
}

/// How many steps are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// As many as the scale says.
    Usual,
    /// A few, as they take long.
    Short,
}

/// The batches whose losses are compared: few where a relu or a largest has kinks, at which rounding decides.
pub(super) struct Gate {
    pub(super) batch: usize,
    pub(super) steps: usize,
}

/// Who is timed beside Reckon.
pub(super) struct Contender {
    /// As its script and the table call it.
    pub(super) name: &'static str,
    pub(super) script: &'static str,
    pub(super) trains: Trains,
    /// How often Reckon's time its own has to be, of small and of large batches.
    pub(super) bars: [f64; 2],
}

/// What a contender trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trains {
    /// Ours, from the same weights and by the same optimisers: losses are the same.
    Ours,
    /// The same model by another optimiser.
    OtherOptimiser,
    /// The nearest model that a library ships.
    OtherModel,
}

/// Another optimiser or model is asked for nothing.
const NO_BARS: [f64; 2] = [0.0, 0.0];
const EXPERT: [f64; 2] = [1.2, 1.8];
const MODELS: [f64; 2] = [1.3, 1.3];

const fn ours(name: &'static str, script: &'static str, bars: [f64; 2]) -> Contender {
    Contender {
        name,
        script,
        trains: Trains::Ours,
        bars,
    }
}

const TWO_TOWERS: &str = "benches/specs/two_tower.rec";

const TOWERS: &[Contender] = &[
    ours("tiled", "train.py", EXPERT),
    ours("fbgemm", "train.py", EXPERT),
    Contender {
        name: "eager",
        script: "train.py",
        trains: Trains::OtherOptimiser,
        bars: [1.0, 4.0],
    },
];

/// A case of two towers on small tables without a gate.
const STEPS: Case = Case {
    name: "steps",
    spec: TWO_TOWERS,
    contenders: TOWERS,
    tables: Tables::Small,
    batches: &[4096, 1024],
    gate: None,
    packages: Packages::Own,
    pace: Pace::Usual,
};

const SMOOTH: Option<Gate> = Some(Gate {
    batch: 1024,
    steps: 500,
});

/// A model beside an expert's PyTorch.
const fn model(
    spec: &'static str,
    contenders: &'static [Contender],
    batches: &'static [usize],
    gate: Gate,
) -> Case {
    Case {
        name: "models",
        spec,
        contenders,
        batches,
        gate: Some(gate),
        ..STEPS
    }
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "gate",
        batches: &[],
        gate: SMOOTH,
        ..STEPS
    },
    STEPS,
    Case {
        name: "large",
        tables: Tables::Large,
        ..STEPS
    },
    model(
        "benches/specs/mmoe.rec",
        &[ours("mmoe", "models.py", MODELS)],
        &[4096],
        Gate {
            batch: 4096,
            steps: 100,
        },
    ),
    model(
        "benches/specs/mtmi.rec",
        &[ours("mtmi", "models.py", MODELS)],
        &[1024],
        Gate {
            batch: 1024,
            steps: 20,
        },
    ),
    model(
        "benches/specs/sasrec.rec",
        &[ours("sasrec", "models.py", MODELS)],
        &[512],
        Gate {
            batch: 512,
            steps: 20,
        },
    ),
    Case {
        name: "compile",
        contenders: &[
            ours("compiled-bags", "compiled.py", NO_BARS),
            ours("compiled-dense", "compiled.py", NO_BARS),
            ours("compiled-sparse", "compiled.py", NO_BARS),
        ],
        // Each process waits for the compiler.
        batches: &[4096],
        gate: SMOOTH,
        ..STEPS
    },
    Case {
        name: "torchrec",
        contenders: &[ours("torchrec", "torchrec_layers.py", EXPERT)],
        gate: SMOOTH,
        packages: Packages::Libraries,
        ..STEPS
    },
    Case {
        name: "shipped",
        contenders: &[Contender {
            name: "torch-rechub-dssm",
            script: "rechub.py",
            trains: Trains::OtherModel,
            bars: NO_BARS,
        }],
        packages: Packages::Libraries,
        pace: Pace::Short,
        ..STEPS
    },
    Case {
        name: "shipped",
        spec: "benches/specs/mmoe.rec",
        contenders: &[Contender {
            name: "deepctr-torch-mmoe",
            script: "deepctr.py",
            trains: Trains::OtherModel,
            bars: NO_BARS,
        }],
        batches: &[4096],
        packages: Packages::Libraries,
        pace: Pace::Short,
        ..STEPS
    },
];
