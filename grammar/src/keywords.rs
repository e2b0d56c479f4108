//! The words of the language, in one place: the layout, the suggestions and the editors read them from here.

/// Words that begin an item.
pub const ITEMS: &[&str] = &[
    "use", "setting", "weight", "entity", "events", "features", "split", "fn", "tower", "teacher",
    "loss", "selector", "column", "graph", "train", "loop", "evaluate", "export", "test",
];

/// Words that are never names.
pub const RESERVED: &[&str] = &[
    "where", "in", "and", "or", "not", "for", "if", "then", "else", "match", "let",
];

/// Words with a meaning in their place and free as names elsewhere, those of [`ITEMS`] aside.
pub const CONTEXTUAL: &[&str] = &[
    "absent",
    "after",
    "against",
    "all",
    "as",
    "assert",
    "at",
    "baselines",
    "batch",
    "before",
    "by",
    "checkpoint",
    "copy",
    "cross_fit",
    "day",
    "decay",
    "each",
    "early",
    "ema",
    "event",
    "except",
    "from",
    "group",
    "immature",
    "interval",
    "key",
    "known",
    "label",
    "last",
    "like",
    "minimize",
    "next",
    "null",
    "of",
    "on",
    "on_bad_row",
    "over",
    "patience",
    "per",
    "random",
    "rank",
    "ranking",
    "report",
    "retrieval",
    "score",
    "scores",
    "shares",
    "slice",
    "splits",
    "stop",
    "tables",
    "unique",
    "was",
    "with",
    "within",
];

/// Words that begin an entry of an entity or events, beside column names.
pub const SOURCE_ENTRIES: &[&str] = &[
    "key",
    "label",
    "known",
    "unique",
    "group",
    "absent",
    "immature",
    "on_bad_row",
];

/// Words that begin an entry of `train`.
pub const TRAIN_ENTRIES: &[&str] = &[
    "minimize",
    "batch",
    "epochs",
    "optimizer",
    "embeddings",
    "clip",
    "accumulate",
    "schedule",
    "stop",
];

/// Words that begin an entry of `evaluate`.
pub const EVALUATE_ENTRIES: &[&str] =
    &["rank", "score", "report", "slice", "interval", "baselines"];

/// The constants that are spelled like names.
pub const CONSTANTS: &[&str] = &["true", "false"];
