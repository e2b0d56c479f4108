//! The methods on data that were measured: their baselines and ablations as settings of the same specs.

use super::mtmi::{FOUR, smallest_share};
use super::{Arm, Asked, Bar, Claim, Data, Pair, Role, Study};

/// The spec as it stands.
const fn plain(name: &'static str) -> Arm {
    with(name, &[])
}

const fn with(name: &'static str, settings: &'static [&'static str]) -> Arm {
    Arm {
        name,
        spec: None,
        settings,
        role: Role::Claimed,
    }
}

/// Everything first, each day, then the tab alone; with `tune=0`, everything and nothing else.
const fn tuned(name: &'static str, settings: &'static [&'static str]) -> Arm {
    Arm {
        spec: Some("examples/ecat/tuned.rec"),
        ..with(name, settings)
    }
}

const fn pair(
    arm: &'static str,
    base: &'static str,
    (evaluation, metric): (&'static str, &'static str),
) -> Pair {
    Pair {
        arm,
        base,
        evaluation,
        metric,
    }
}

const fn kuairand(seeds: u64) -> Data {
    Data::Real {
        set: "kuairand",
        folder: "examples/kuairand/data",
        called: "KuaiRand",
        seeds,
    }
}

const ML_100K: Data = Data::Real {
    set: "ml-100k",
    folder: "examples/movielens/data",
    called: "MovieLens-100K",
    seeds: 5,
};

const ML_1M: Data = Data::Real {
    set: "ml-1m",
    folder: "examples/movielens/data-1m",
    called: "MovieLens-1M",
    seeds: 5,
};

pub(super) const CLSD: Study = Study {
    name: "clsd-kuairand",
    spec: "examples/clsd/clsd.rec",
    data: kuairand(5),
    arms: &[
        with("base", &["lambda=0"]),
        plain("confidence"),
        with("global confidence", &["form=identity"]),
        with("as a soft label", &["reading=label"]),
    ],
    claims: &[
        Claim {
            what: "auc of the confidence for long views among test clicks",
            of: |runs| runs.metric("confidence", "meant_by_c", "auc"),
            planted: Asked::Bar(Bar::Between(0.575, 1.0)),
            null: Asked::Nothing,
        },
        Claim {
            what: "the same of the global confidence",
            of: |runs| runs.metric("confidence", "meant_by_g", "auc"),
            planted: Asked::Reported,
            null: Asked::Nothing,
        },
        Claim {
            what: "auc of the ranker for long views among test clicks, minus the base",
            of: |runs| {
                let of = |arm| runs.metric(arm, "meant", "auc");
                Ok(of("confidence")? - of("base")?)
            },
            planted: Asked::Bar(Bar::Between(-0.002, 1.0)),
            null: Asked::Nothing,
        },
    ],
    pairs: &[
        pair("confidence", "base", ("meant", "auc")),
        pair("confidence", "base", ("shown", "auc")),
        pair("global confidence", "base", ("meant", "auc")),
        pair("as a soft label", "base", ("meant", "auc")),
    ],
    figures: &[("meant", "auc"), ("shown", "auc")],
};

const WATCHED: (&str, &str) = ("watched", "recall@50");

pub(super) const DMTL: Study = Study {
    name: "dmtl-kuairand",
    spec: "examples/dmtl/dmtl.rec",
    data: kuairand(5),
    arms: &[
        with("clicks", &["distil=0", "direct=1"]),
        plain("student"),
        with(
            "clicks, uniform negatives",
            &["distil=0", "direct=1", "power=0"],
        ),
        with("student, uniform negatives", &["power=0"]),
    ],
    claims: &[],
    pairs: &[
        pair("student", "clicks", WATCHED),
        pair(
            "student, uniform negatives",
            "clicks, uniform negatives",
            WATCHED,
        ),
        pair(
            "student, uniform negatives",
            "clicks, uniform negatives",
            ("watched", "ndcg@10"),
        ),
    ],
    figures: &[WATCHED, ("watched", "ndcg@10")],
};

const SHOP: (&str, &str) = ("shop", "auc");

pub(super) const ECAT: Study = Study {
    name: "ecat-kuairand",
    spec: "examples/ecat/ecat.rec",
    data: kuairand(5),
    arms: &[
        with("tab 4 alone", &["target=4", "beta=0", "eta=0"]),
        tuned("all rows, tab 4", &["target=4", "tune=0"]),
        tuned("tuned to tab 4", &["target=4"]),
        with("transfer to tab 4", &["target=4"]),
        with("tab 2 alone", &["target=2", "beta=0", "eta=0"]),
        tuned("all rows, tab 2", &["target=2", "tune=0"]),
        tuned("tuned to tab 2", &["target=2"]),
        with("transfer to tab 2", &["target=2"]),
        with("tab 6 alone", &["target=6", "beta=0", "eta=0"]),
        tuned("all rows, tab 6", &["target=6", "tune=0"]),
        tuned("tuned to tab 6", &["target=6"]),
        with("transfer to tab 6", &["target=6"]),
    ],
    claims: &[],
    pairs: &[
        pair("transfer to tab 4", "tab 4 alone", SHOP),
        pair("transfer to tab 4", "all rows, tab 4", SHOP),
        pair("transfer to tab 4", "tuned to tab 4", SHOP),
        pair("transfer to tab 2", "tab 2 alone", SHOP),
        pair("transfer to tab 2", "all rows, tab 2", SHOP),
        pair("transfer to tab 2", "tuned to tab 2", SHOP),
        pair("transfer to tab 6", "tab 6 alone", SHOP),
        pair("transfer to tab 6", "all rows, tab 6", SHOP),
        pair("transfer to tab 6", "tuned to tab 6", SHOP),
    ],
    figures: &[SHOP],
};

const FILMS: (&str, &str) = ("films", "recall@50");

/// The first two are what the larger set can afford over five seeds.
const SSL_ARMS: &[Arm] = &[
    with("base", &["alpha=0", "epochs=3"]),
    with("correlated masks", &["epochs=3"]),
    with("random masks", &["masks=random", "epochs=3"]),
    with(
        "feature dropout",
        &["alpha=0", "field_dropout=0.2", "epochs=3"],
    ),
    with("spread out", &["alpha=0", "spread=0.1", "epochs=3"]),
];

const SSL_CLAIMS: &[Claim] = &[
    Claim {
        what: "recall@50 of films of the tail over the base, relative",
        of: |runs| {
            let of = |arm| runs.slice(arm, "films", "3 of 3", "recall@50");
            Ok(of("correlated masks")? / of("base")? - 1.0)
        },
        planted: Asked::Reported,
        null: Asked::Nothing,
    },
    Claim {
        what: "recall@50 of films of the head over the base, relative",
        of: |runs| {
            let of = |arm| runs.slice(arm, "films", "1 of 3", "recall@50");
            Ok(of("correlated masks")? / of("base")? - 1.0)
        },
        planted: Asked::Reported,
        null: Asked::Nothing,
    },
];

const SSL_PAIRS: &[Pair] = &[
    pair("correlated masks", "base", FILMS),
    pair("correlated masks", "random masks", FILMS),
    pair("feature dropout", "base", FILMS),
    pair("spread out", "base", FILMS),
];

pub(super) const SSL_SMALL: Study = Study {
    name: "ssl-ml-100k",
    data: ML_100K,
    arms: SSL_ARMS,
    pairs: SSL_PAIRS,
    ..SSL
};

pub(super) const SSL: Study = Study {
    name: "ssl-ml-1m",
    spec: "examples/ssl/ssl.rec",
    data: ML_1M,
    arms: SSL_ARMS.split_at(2).0,
    claims: SSL_CLAIMS,
    pairs: SSL_PAIRS.split_at(1).0,
    figures: &[FILMS, ("films", "ndcg@10")],
};

/// The first four are what the bar is about, and what the larger set can afford over five seeds.
const MTMI_ARMS: &[Arm] = &[
    with("one tower", &["K=1", "epochs=3"]),
    with(
        "one tower, four times as wide",
        &["K=1", "width=512", "epochs=3"],
    ),
    with(FOUR, &["epochs=3"]),
    with(
        "four towers, label-aware",
        &["route=label_aware", "epochs=3"],
    ),
    with("four towers, smooth maximum", &["route=lse", "epochs=3"]),
    with("four towers, without repel", &["lambda=0", "epochs=3"]),
    with("four towers, ids alone", &["side=false", "epochs=3"]),
];

const MTMI_PAIRS: &[Pair] = &[
    pair(FOUR, "one tower", FILMS),
    pair(FOUR, "one tower, four times as wide", FILMS),
    pair(FOUR, "four towers, label-aware", FILMS),
    pair("four towers, smooth maximum", "one tower", FILMS),
    pair(FOUR, "four towers, without repel", FILMS),
    pair(FOUR, "four towers, ids alone", FILMS),
];

pub(super) const MTMI_SMALL: Study = Study {
    name: "mtmi-ml-100k",
    data: ML_100K,
    arms: MTMI_ARMS,
    pairs: MTMI_PAIRS,
    ..MTMI
};

pub(super) const MTMI: Study = Study {
    name: "mtmi-ml-1m",
    spec: "examples/mtmi/model.rec",
    data: ML_1M,
    arms: MTMI_ARMS.split_at(4).0,
    claims: &[Claim {
        what: "smallest share of films liked in training that a tower wins",
        of: smallest_share,
        planted: Asked::Bar(Bar::Between(0.05, 1.0)),
        null: Asked::Nothing,
    }],
    pairs: MTMI_PAIRS.split_at(3).0,
    figures: &[FILMS, ("films", "recall@20")],
};
