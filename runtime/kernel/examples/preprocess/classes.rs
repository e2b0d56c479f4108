//! The classes of work that are timed, as row programs. `benches/peers/preprocess.py` does the same in peers.

use std::collections::BTreeMap;

use reckon_compiler::plan::row::{Inst, Kernel, RowKind, RowOp, RowType};
use reckon_compiler::value::Value;
use reckon_kernel::{Column, Data, Fitted, Texts, Vocabulary, VocabularyValues};

/// A class of work.
pub(crate) struct Class {
    pub(crate) name: &'static str,
    pub(crate) kernel: Kernel,
    pub(crate) fits: Vec<Fitted>,
}

/// Slots of hashes.
const SLOTS: u64 = 100_000;

/// All classes, over columns `a` and `b` (floats, `a` with nulls), `n` (many integers), `k` (few), `at` (times in
/// microseconds), `word` (few texts), `name` (many), `genres` (texts with bars), `title` (texts with a year in brackets).
pub(crate) fn classes(columns: &BTreeMap<String, Column>) -> Vec<Class> {
    vec![
        class("numeric chain", numeric_chain),
        class("logarithms", |p| {
            let a = p.column("a", RowKind::Float);
            let x = p.op(RowOp::Abs, &[a], RowKind::Float);
            let x = p.op(RowOp::Log1p, &[x], RowKind::Float);
            p.output(x);
        }),
        class("buckets", |p| {
            let (a, b) = (p.column("a", RowKind::Float), p.column("b", RowKind::Float));
            for (x, count) in [(a, 8), (b, 40)] {
                let borders = (0..count).map(|at| f64::from(at) * 6.0 / f64::from(count) - 3.0);
                let x = p.op(RowOp::Buckets(borders.collect()), &[x], RowKind::Int);
                p.output(x);
            }
        }),
        class("hash of integers", |p| hash(p, "n", RowKind::Int)),
        class("hash of texts", |p| hash(p, "name", RowKind::Str)),
        class("cross of integers", |p| {
            cross(p, [("n", RowKind::Int), ("k", RowKind::Int)])
        }),
        class("cross of texts", |p| {
            cross(p, [("word", RowKind::Str), ("name", RowKind::Str)])
        }),
        class("parts of a time", |p| {
            let at = p.column("at", RowKind::Time);
            for op in [RowOp::Hour, RowOp::Weekday, RowOp::Day] {
                let x = p.op(op, &[at], RowKind::Int);
                p.output(x);
            }
        }),
        vocabulary("vocabulary of few texts", "word", columns),
        vocabulary("vocabulary of many texts", "name", columns),
        vocabulary("vocabulary of many integers", "n", columns),
        class("split and hash", |p| {
            let text = p.column("genres", RowKind::Str);
            let parts = p.op(RowOp::Split("|".to_owned()), &[text], list(RowKind::Str));
            let op = RowOp::Hash { n: SLOTS, seed: 0 };
            let ids = p.mapped(op, &[parts], RowKind::Int);
            p.output(ids);
        }),
        class("split and pool", |p| {
            let text = p.column("genres", RowKind::Str);
            let parts = p.op(RowOp::Split("|".to_owned()), &[text], list(RowKind::Str));
            let lengths = p.mapped(RowOp::Length, &[parts], RowKind::Int);
            let mean = p.op(RowOp::ListMean, &[lengths], RowKind::Float);
            p.output(mean);
        }),
        class("regex capture", |p| {
            let title = p.column("title", RowKind::Str);
            let year = p.op(
                RowOp::Capture(r"\((\d{4})\)".to_owned()),
                &[title],
                RowKind::Str,
            );
            p.output(year);
        }),
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

fn hash(p: &mut Program, name: &str, kind: RowKind) {
    let x = p.column(name, kind);
    let x = p.op(RowOp::Hash { n: SLOTS, seed: 0 }, &[x], RowKind::Int);
    p.output(x);
}

fn cross(p: &mut Program, names: [(&str, RowKind); 2]) {
    let of = names.map(|(name, kind)| p.column(name, kind));
    let x = p.op(RowOp::Cross { n: SLOTS, seed: 0 }, &of, RowKind::Int);
    p.output(x);
}

/// A look-up in the values that a column has, as a fit would give them.
fn vocabulary(name: &'static str, column: &str, columns: &BTreeMap<String, Column>) -> Class {
    let (values, kind) = match &columns[column].data {
        Data::Str(texts) => {
            let mut seen: Vec<&str> = texts.iter().collect();
            seen.sort_unstable();
            seen.dedup();
            (
                VocabularyValues::Str(seen.into_iter().collect::<Texts>()),
                RowKind::Str,
            )
        }
        Data::Int(values) => {
            let mut seen = values.clone();
            seen.sort_unstable();
            seen.dedup();
            (VocabularyValues::Int(seen), RowKind::Int)
        }
        other => unreachable!("no vocabulary of {} is timed", other.kind_name()),
    };
    let count = match &values {
        VocabularyValues::Str(texts) => texts.len(),
        VocabularyValues::Int(values) => values.len(),
        VocabularyValues::Float(_) | VocabularyValues::Bool(_) => 0,
    };
    let mut class = class(name, |p| {
        let x = p.column(column, kind);
        let x = p.op(RowOp::Vocab(0), &[x], RowKind::Int);
        p.output(x);
    });
    class.fits = vec![Fitted::Vocab(Vocabulary::new(1, values, vec![1; count]))];
    class
}

fn class(name: &'static str, write: impl FnOnce(&mut Program)) -> Class {
    let mut program = Program::default();
    write(&mut program);
    Class {
        name,
        kernel: program.kernel(name),
        fits: Vec::new(),
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
