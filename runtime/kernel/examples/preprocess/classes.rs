//! The classes of work that are timed, as row programs. `by_hand.rs` does the same in plain Rust, and
//! `benches/peers/preprocess.py` in peers.

use std::collections::BTreeMap;

use reckon_compiler::plan::row::{Bag, Inst, Kernel, RowKind, RowOp, RowType};
use reckon_compiler::value::Value;
use reckon_kernel::{Column, Data, Fitted, Texts, Vocabulary, VocabularyValues};

use crate::by_hand::{self, Work};

/// A class of work.
pub(crate) struct Class<'a> {
    pub(crate) name: &'static str,
    pub(crate) kernel: Kernel,
    pub(crate) fits: Vec<Fitted>,
    pub(crate) by_hand: Work<'a>,
    pub(crate) check: Check,
}

/// The number that all contenders have to agree on.
#[derive(Clone, Copy)]
pub(crate) enum Check {
    /// The sum of the values, of a text as a number, of these outputs.
    Sum(&'static [usize]),
    /// How many values are distinct, as hashes differ.
    Distinct,
    /// How many elements lists have, as hashes differ.
    Elements,
}

/// Slots of hashes.
pub(crate) const SLOTS: u64 = 100_000;
/// The year in the title of a film.
pub(crate) const YEAR: &str = r"\((\d{4})\)";

type Columns = BTreeMap<String, Column>;

/// All classes, over columns `a` and `b` (floats, `a` with nulls), `n` and `wide` (many integers, near and far from each
/// other), `k` (few), `at` (times in microseconds), `word` (few texts), `name` (many), `genres` (few lists), `tags` (many),
/// `bag` (keys with values), `film` (few texts with a year in brackets), `title` (many).
pub(crate) fn classes(columns: &Columns) -> Vec<Class<'_>> {
    let of = |name: &str| &columns[name];
    let mut all = vec![
        class(
            "numeric chain",
            numeric_chain,
            by_hand::chain(of("a"), of("b")),
        ),
        class(
            "logarithms",
            |p| {
                let a = p.column("a", RowKind::Float);
                let x = p.op(RowOp::Abs, &[a], RowKind::Float);
                let x = p.op(RowOp::Log1p, &[x], RowKind::Float);
                p.output(x);
            },
            by_hand::logarithms(of("a")),
        ),
        class("buckets", buckets, by_hand::buckets(of("a"), of("b"))).checked(Check::Sum(&[0, 1])),
        class(
            "parts of a time",
            |p| {
                let at = p.column("at", RowKind::Time);
                for op in [RowOp::Hour, RowOp::Weekday, RowOp::Day] {
                    let x = p.op(op, &[at], RowKind::Int);
                    p.output(x);
                }
            },
            by_hand::times(of("at")),
        )
        // Peers begin the week with 1.
        .checked(Check::Sum(&[0, 2])),
    ];
    all.extend(hashes(columns));
    all.extend(look_ups(columns));
    all.extend(lists(columns));
    all.extend(bags(&columns["bag"]));
    all.extend(captures(columns));
    all
}

fn look_ups(columns: &Columns) -> Vec<Class<'_>> {
    let mut all = Vec::new();
    for (name, column) in [
        ("vocabulary, integers 1e3", "k"),
        ("vocabulary, integers 1e6", "n"),
        ("vocabulary, integers 1e6 far apart", "wide"),
        ("vocabulary, texts 1e3", "word"),
        ("vocabulary, texts 1e6", "name"),
    ] {
        let values = values_of(&columns[column]);
        let kind = match values {
            VocabularyValues::Str(_) => RowKind::Str,
            _ => RowKind::Int,
        };
        let work = by_hand::looked_up(&columns[column]);
        let write = |p: &mut Program| {
            let x = p.column(column, kind);
            let x = p.op(RowOp::Vocab(0), &[x], RowKind::Int);
            p.output(x);
        };
        all.push(class(name, write, work).over(values));
    }
    all
}

fn captures(columns: &Columns) -> Vec<Class<'_>> {
    let cases = [
        ("regex capture, 1e3", "film"),
        ("regex capture, 1e6", "title"),
    ];
    let made = cases.into_iter().map(|(name, column)| {
        let write = |p: &mut Program| {
            let title = p.column(column, RowKind::Str);
            let year = p.op(RowOp::Capture(YEAR.to_owned()), &[title], RowKind::Str);
            p.output(year);
        };
        class(name, write, by_hand::years(&columns[column]))
    });
    made.collect()
}

fn hashes(columns: &Columns) -> Vec<Class<'_>> {
    let of = |names: &[&str]| names.iter().map(|name| &columns[*name]).collect::<Vec<_>>();
    let cases: [(&'static str, &[&str]); 5] = [
        ("hash, integers", &["n"]),
        ("hash, texts 1e3", &["word"]),
        ("hash, texts 1e6", &["name"]),
        ("cross, integers", &["n", "k"]),
        ("cross, texts 1e3 and 1e6", &["word", "name"]),
    ];
    let made = cases.into_iter().map(|(name, names)| {
        let columns = of(names);
        let write = |p: &mut Program| {
            let kind = |column: &Column| match column.data {
                Data::Str(_) => RowKind::Str,
                _ => RowKind::Int,
            };
            let args = names.iter().zip(&columns);
            let args: Vec<usize> = args.map(|(name, of)| p.column(name, kind(of))).collect();
            let op = match args.len() {
                1 => RowOp::Hash { n: SLOTS, seed: 0 },
                _ => RowOp::Cross { n: SLOTS, seed: 0 },
            };
            let x = p.op(op, &args, RowKind::Int);
            p.output(x);
        };
        class(name, write, by_hand::hashed(columns.clone())).checked(Check::Distinct)
    });
    made.collect()
}

fn split(p: &mut Program, name: &str, by: &str) -> usize {
    let text = p.column(name, RowKind::Str);
    p.op(RowOp::Split(by.to_owned()), &[text], list(RowKind::Str))
}

fn texts(column: &Column) -> &Texts {
    match &column.data {
        Data::Str(texts) => texts,
        other => unreachable!("expected texts, found {}", other.kind_name()),
    }
}

fn bags(column: &Column) -> [Class<'_>; 2] {
    let values = || {
        let keys = texts(column).iter().flat_map(|text| text.split('|'));
        sorted(keys.filter_map(|part| part.split(':').next()))
    };
    let by_capture = |p: &mut Program| {
        let parts = split(p, "bag", "|");
        let key = RowOp::Capture("^([^:]+):".to_owned());
        let keys = p.mapped(key, &[parts], RowKind::Str);
        let ids = p.mapped(RowOp::Vocab(0), &[keys], RowKind::Int);
        p.output(ids);
    };
    let with_weights = |p: &mut Program| {
        let bag = Bag {
            separator: b'|',
            pair: b':',
        };
        let text = p.column("bag", RowKind::Str);
        let keys = p.op(RowOp::BagKeys(bag), &[text], list(RowKind::Str));
        let ids = p.mapped(RowOp::Vocab(0), &[keys], RowKind::Int);
        p.output(ids);
        let weights = p.op(RowOp::BagWeights(bag), &[text], list(RowKind::Float));
        p.output(weights);
    };
    let keys = by_hand::keys_of_bags(column);
    let both = by_hand::bags(column);
    [
        class("keys of bags, vocabulary", by_capture, keys).over(values()),
        class("keys and weights of bags", with_weights, both)
            .over(values())
            .checked(Check::Sum(&[0, 1])),
    ]
}

fn lists(columns: &Columns) -> Vec<Class<'_>> {
    let pool = |p: &mut Program, parts: usize| {
        let lengths = p.mapped(RowOp::Length, &[parts], RowKind::Int);
        let mean = p.op(RowOp::ListMean, &[lengths], RowKind::Float);
        p.output(mean);
    };
    let tags = texts(&columns["tags"]).iter();
    let tags = tags.flat_map(|text| text.split(','));
    vec![
        class(
            "split and hash, 1e3",
            |p| {
                let parts = split(p, "genres", "|");
                let op = RowOp::Hash { n: SLOTS, seed: 0 };
                let ids = p.mapped(op, &[parts], RowKind::Int);
                p.output(ids);
            },
            by_hand::split_and_hash(&columns["genres"]),
        )
        .checked(Check::Elements),
        class(
            "split and vocabulary, 1e6",
            |p| {
                let parts = split(p, "tags", ",");
                let ids = p.mapped(RowOp::Vocab(0), &[parts], RowKind::Int);
                p.output(ids);
            },
            by_hand::split_and_look_up(&columns["tags"]),
        )
        .over(sorted(tags)),
        class(
            "split and pool, 1e3",
            |p| {
                let parts = split(p, "genres", "|");
                pool(p, parts);
            },
            by_hand::split_and_pool(&columns["genres"], '|'),
        ),
        class(
            "split and pool, 1e6",
            |p| {
                let parts = split(p, "tags", ",");
                pool(p, parts);
            },
            by_hand::split_and_pool(&columns["tags"], ','),
        ),
    ]
}

/// As many features as asked for, a chain of six numeric ops each.
pub(crate) fn many_features(count: usize) -> Kernel {
    let mut program = Program::default();
    let (a, b) = (
        program.column("a", RowKind::Float),
        program.column("b", RowKind::Float),
    );
    for at in 0..count {
        let own = program.constant(at as f64 + 0.5);
        let x = program.op(RowOp::Mul, &[a, own], RowKind::Float);
        let x = program.op(RowOp::Add, &[x, b], RowKind::Float);
        let x = program.op(RowOp::Abs, &[x], RowKind::Float);
        let x = program.op(RowOp::Sqrt, &[x], RowKind::Float);
        let x = program.op(RowOp::Fill, &[x, own], RowKind::Float);
        let borders = (0..8).map(|border| f64::from(border) * (at as f64 + 1.0));
        let x = program.op(RowOp::Buckets(borders.collect()), &[x], RowKind::Int);
        program.output(x);
    }
    program.kernel("bench")
}

fn numeric_chain(p: &mut Program) {
    let (a, b) = (p.column("a", RowKind::Float), p.column("b", RowKind::Float));
    let [half, one, low, high] = [0.5, 1.0, -3.0, 3.0].map(|value| p.constant(value));
    let filled = p.op(RowOp::Fill, &[a, one], RowKind::Float);
    let x = p.op(RowOp::Mul, &[filled, half], RowKind::Float);
    let x = p.op(RowOp::Add, &[x, b], RowKind::Float);
    let x = p.op(RowOp::Mul, &[x, b], RowKind::Float);
    let x = p.op(RowOp::Sub, &[x, filled], RowKind::Float);
    let size = p.op(RowOp::Abs, &[b], RowKind::Float);
    let size = p.op(RowOp::Add, &[size, one], RowKind::Float);
    let x = p.op(RowOp::Div, &[x, size], RowKind::Float);
    let x = p.op(RowOp::Clip, &[x, low, high], RowKind::Float);
    p.output(x);
}

fn buckets(p: &mut Program) {
    let (a, b) = (p.column("a", RowKind::Float), p.column("b", RowKind::Float));
    for (x, count) in [(a, 8), (b, 40)] {
        let x = p.op(RowOp::Buckets(by_hand::borders(count)), &[x], RowKind::Int);
        p.output(x);
    }
}

/// The values that a column has in rising order, as a fit may give them.
fn values_of(column: &Column) -> VocabularyValues {
    match &column.data {
        Data::Str(texts) => sorted(texts.iter()),
        Data::Int(values) => {
            let mut seen = values.clone();
            seen.sort_unstable();
            seen.dedup();
            VocabularyValues::Int(seen)
        }
        other => unreachable!("no vocabulary of {} is timed", other.kind_name()),
    }
}

fn sorted<'t>(texts: impl Iterator<Item = &'t str>) -> VocabularyValues {
    let mut seen: Vec<&str> = texts.collect();
    seen.sort_unstable();
    seen.dedup();
    VocabularyValues::Str(seen.into_iter().collect::<Texts>())
}

fn class<'a>(name: &'static str, write: impl FnOnce(&mut Program), by_hand: Work<'a>) -> Class<'a> {
    let mut program = Program::default();
    write(&mut program);
    Class {
        name,
        kernel: program.kernel(name),
        fits: Vec::new(),
        by_hand,
        check: Check::Sum(&[0]),
    }
}

impl Class<'_> {
    fn checked(self, check: Check) -> Self {
        Self { check, ..self }
    }

    fn over(mut self, values: VocabularyValues) -> Self {
        let count = match &values {
            VocabularyValues::Str(texts) => texts.len(),
            VocabularyValues::Int(values) => values.len(),
            VocabularyValues::Float(_) | VocabularyValues::Bool(_) => 0,
        };
        self.fits = vec![Fitted::Vocab(Vocabulary::new(1, values, vec![1; count]))];
        self
    }
}

fn list(of: RowKind) -> RowKind {
    RowKind::List(Box::new(of))
}

/// A row program in the making.
#[derive(Default)]
struct Program {
    code: Vec<Inst>,
    outputs: Vec<(String, usize)>,
}

impl Program {
    fn push(&mut self, op: RowOp, args: &[usize], kind: RowKind, mapped: bool) -> usize {
        self.code.push(Inst {
            op,
            args: args.to_vec(),
            ty: RowType {
                kind,
                nullable: true,
            },
            mapped,
            span: None,
        });
        self.code.len() - 1
    }

    fn column(&mut self, name: &str, kind: RowKind) -> usize {
        self.push(RowOp::Column(name.to_owned()), &[], kind, false)
    }

    fn constant(&mut self, value: f64) -> usize {
        self.push(
            RowOp::Const(Value::Float(value)),
            &[],
            RowKind::Float,
            false,
        )
    }

    fn op(&mut self, op: RowOp, args: &[usize], kind: RowKind) -> usize {
        self.push(op, args, kind, false)
    }

    fn mapped(&mut self, op: RowOp, args: &[usize], element: RowKind) -> usize {
        self.push(op, args, list(element), true)
    }

    fn output(&mut self, at: usize) {
        self.outputs.push((format!("o{}", self.outputs.len()), at));
    }

    fn kernel(self, source: &str) -> Kernel {
        Kernel {
            source: source.to_owned(),
            code: self.code,
            outputs: self.outputs,
        }
    }
}
