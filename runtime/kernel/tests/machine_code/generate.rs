//! Random row programs with columns for them. Everything follows from a seed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use reckon_compiler::plan::row::{Bag, Inst, Kernel, RowKind, RowOp, RowType};
use reckon_compiler::value::Value;
use reckon_kernel::hash::{Hashed, hash};
use reckon_kernel::{
    Column, Data, Fitted, Inputs, Lists, Texts, Through, Vocabulary, VocabularyValues,
};

/// Draws numbers.
pub(crate) struct Draw {
    seed: u64,
    count: i64,
}

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    fn word(&mut self) -> u64 {
        self.count += 1;
        hash(self.seed, &[Hashed::Int(self.count)])
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.word() % n as u64) as usize
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub(crate) fn int(&mut self) -> i64 {
        match self.below(6) {
            0 => self.pick(&[0, 1, -1, i64::MAX, i64::MIN, 1 << 53, (1 << 53) + 1]),
            1 => self.word() as i64,
            _ => self.below(60) as i64 - 20,
        }
    }

    pub(crate) fn float(&mut self) -> f64 {
        const ODD: [f64; 9] = [
            0.0,
            -0.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE,
            1e300,
            1e-310,
            -1e19,
        ];
        match self.below(6) {
            0 => self.pick(&ODD),
            1 => f64::from_bits(self.word()),
            _ => (self.below(400) as f64 - 100.0) / 16.0,
        }
    }

    pub(crate) fn text(&mut self) -> &'static str {
        self.pick(&[
            "",
            "a",
            "drama",
            "Drama|comedy",
            "x1 y22",
            "ö",
            "comedy",
            "a:1.5|ö|b:x",
            "-2",
        ])
    }
}

/// A kernel with what it reads.
pub(crate) struct Case {
    pub(crate) kernel: Kernel,
    pub(crate) fits: Vec<Fitted>,
    rows: usize,
    columns: BTreeMap<String, Column>,
    through: BTreeMap<String, Column>,
    references: Vec<u32>,
}

const ENTITY: &str = "movie";

impl Case {
    pub(crate) fn draw(draw: &mut Draw) -> Self {
        let rows = draw.pick(&[0, 1, 2, 3, 5, 16, 33]);
        let entities = draw.pick(&[0, 1, 7]);
        let beyond = draw.below(2);
        let references = (0..rows)
            .map(|_| match draw.below(5) {
                0 if beyond == 1 => u32::MAX,
                _ if entities == 0 => u32::MAX,
                _ => draw.below(entities) as u32,
            })
            .collect();
        let mut case = Self {
            kernel: Kernel {
                source: "rating".to_owned(),
                code: Vec::new(),
                outputs: Vec::new(),
            },
            fits: fits(draw),
            rows,
            columns: BTreeMap::new(),
            through: BTreeMap::new(),
            references,
        };
        case.leaves(draw, entities);
        for _ in 0..draw.below(24) + 1 {
            case.op(draw);
        }
        for at in 0..case.kernel.code.len() {
            if draw.below(3) == 0 || at + 1 == case.kernel.code.len() {
                case.kernel.outputs.push((format!("o{at}"), at));
            }
        }
        case
    }

    pub(crate) fn inputs(&self) -> Inputs<'_> {
        let columns = self.columns.iter();
        let through = self.through.iter();
        Inputs {
            rows: self.rows,
            columns: columns
                .map(|(name, column)| (name.as_str(), Cow::Borrowed(column)))
                .collect(),
            through: through
                .map(|(name, column)| {
                    let at = Through::At {
                        column,
                        rows: &self.references,
                    };
                    ((ENTITY, name.as_str()), at)
                })
                .collect(),
            ..Inputs::default()
        }
    }

    fn leaves(&mut self, draw: &mut Draw, entities: usize) {
        use RowKind::{Bool, Duration, Float, Int, Str, Time};
        let kinds = [
            Int,
            Float,
            Bool,
            Time,
            Duration,
            Str,
            list(Int),
            list(Float),
            list(Bool),
            list(Str),
        ];
        for at in 0..draw.below(5) + 2 {
            let kind = draw.pick(&kinds);
            let name = format!("c{at}");
            if draw.below(3) == 0 {
                self.through
                    .insert(name.clone(), column(draw, &kind, entities));
                self.push(RowOp::Through(ENTITY.to_owned(), name), vec![], kind, false);
            } else {
                self.columns
                    .insert(name.clone(), column(draw, &kind, self.rows));
                self.push(RowOp::Column(name), vec![], kind, false);
            }
        }
        for _ in 0..2 {
            let (value, kind) = match draw.below(4) {
                0 => (Value::Int(draw.int()), Int),
                1 => (Value::Float(draw.float()), Float),
                2 => (Value::Bool(draw.below(2) == 0), Bool),
                _ => (Value::Int(draw.int()), Float),
            };
            self.push(RowOp::Const(value), vec![], kind, false);
        }
    }

    fn push(&mut self, op: RowOp, args: Vec<usize>, kind: RowKind, mapped: bool) {
        let ty = RowType {
            kind,
            nullable: true,
        };
        self.kernel.code.push(Inst {
            op,
            args,
            ty,
            mapped,
            span: None,
        });
    }

    fn kind(&self, at: usize) -> &RowKind {
        &self.kernel.code[at].ty.kind
    }

    /// An instruction of a kind that passes.
    fn find(&self, draw: &mut Draw, passes: impl Fn(&RowKind) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.kernel.code.len())
            .filter(|at| passes(self.kind(*at)))
            .collect();
        (!fitting.is_empty()).then(|| draw.pick(&fitting))
    }

    /// One op over what there is, if there is what it wants. Every third is mapped over a list.
    fn op(&mut self, draw: &mut Draw) {
        let mapped = draw.below(3) == 0;
        let first = |passes: fn(&RowKind) -> bool| {
            move |kind: &RowKind| match kind {
                RowKind::List(of) if mapped => passes(of),
                other => !mapped && passes(other),
            }
        };
        let drawn = match draw.below(8) {
            0 | 1 => self.unary(draw, first(number)),
            2 | 3 => self.binary(draw, first(number)),
            4 => self.compared(draw, first(number)),
            5 => self.chosen(draw),
            6 => self.ids(draw, first(hashable)),
            _ => self.of_texts_and_lists(draw),
        };
        let Some((op, args, kind)) = drawn else {
            return;
        };
        // Choices and functions of lists are never mapped here.
        let maps = matches!(self.kind(args[0]), RowKind::List(_)) && !takes_lists(&op);
        let kind = if maps { list(kind) } else { kind };
        self.push(op, args, kind, maps);
    }

    fn unary(&self, draw: &mut Draw, first: impl Fn(&RowKind) -> bool) -> Option<Drawn> {
        use RowOp::*;
        let x = self.find(draw, first)?;
        let of = element(self.kind(x));
        if of == RowKind::Time || (of == RowKind::Int && draw.below(4) == 0) {
            return Some((draw.pick(&[Hour, Weekday, Day]), vec![x], RowKind::Int));
        }
        let op = draw.pick(&[
            Neg,
            Abs,
            Log,
            Log1p,
            Exp,
            Sqrt,
            Floor,
            ToFloat,
            ToInt,
            ZScore(2),
            MinMax(3),
        ]);
        let kind = match op {
            ToInt => RowKind::Int,
            Neg | Abs if draw.below(2) == 0 && is_int(&of) => of,
            _ => RowKind::Float,
        };
        Some((op, vec![x], kind))
    }

    fn binary(&self, draw: &mut Draw, first: impl Fn(&RowKind) -> bool) -> Option<Drawn> {
        use RowOp::*;
        let x = self.find(draw, first)?;
        let y = self.find(draw, number)?;
        let op = draw.pick(&[Add, Sub, Mul, Div, Pow, Min, Max, Clip]);
        let mut args = vec![x, y];
        if op == Clip {
            args.push(self.find(draw, number)?);
        }
        let ints =
            is_int(&element(self.kind(x))) && args[1..].iter().all(|at| is_int(self.kind(*at)));
        let kind = match (ints, draw.below(8)) {
            (true, 1..) | (false, 0) => RowKind::Int,
            _ => RowKind::Float,
        };
        Some((op, args, kind))
    }

    fn compared(&self, draw: &mut Draw, first: impl Fn(&RowKind) -> bool) -> Option<Drawn> {
        use RowOp::*;
        let op = draw.pick(&[Eq, Ne, Lt, Le, Gt, Ge]);
        Some((
            op,
            vec![self.find(draw, first)?, self.find(draw, number)?],
            RowKind::Bool,
        ))
    }

    fn chosen(&self, draw: &mut Draw) -> Option<Drawn> {
        let truth = |kind: &RowKind| *kind == RowKind::Bool;
        match draw.below(6) {
            0 => Some((
                RowOp::And,
                vec![self.find(draw, truth)?, self.find(draw, truth)?],
                RowKind::Bool,
            )),
            1 => Some((
                RowOp::Or,
                vec![self.find(draw, truth)?, self.find(draw, truth)?],
                RowKind::Bool,
            )),
            2 => Some((RowOp::Not, vec![self.find(draw, truth)?], RowKind::Bool)),
            3 => Some((
                RowOp::IsNull,
                vec![self.find(draw, |_| true)?],
                RowKind::Bool,
            )),
            four_or_five => {
                let x = self.find(draw, |_| true)?;
                let kind = self.kind(x).clone();
                let joins =
                    |other: &RowKind| *other == kind || (arithmetic(&kind) && arithmetic(other));
                let y = self.find(draw, joins)?;
                let result = match arithmetic(&kind) {
                    true => draw.pick(&[RowKind::Int, RowKind::Float]),
                    false => kind,
                };
                match four_or_five {
                    4 => Some((RowOp::Fill, vec![x, y], result)),
                    _ => Some((RowOp::Where, vec![self.find(draw, truth)?, x, y], result)),
                }
            }
        }
    }

    fn ids(&self, draw: &mut Draw, first: impl Fn(&RowKind) -> bool) -> Option<Drawn> {
        let x = self.find(draw, first)?;
        let of = element(self.kind(x));
        let n = draw.pick(&[1, 2, 1000, u64::MAX]);
        let seed = draw.word();
        let op = match draw.below(5) {
            0 if number(&of) => {
                RowOp::Buckets((0..draw.below(20)).map(|at| at as f64 - 5.5).collect())
            }
            1 if number(&of) => RowOp::Quantile(1),
            2 => RowOp::Hash { n, seed },
            3 => RowOp::Vocab(draw.pick(&[0, 4])),
            _ => {
                let mut args = vec![x];
                for _ in 0..draw.below(3) {
                    args.push(self.find(draw, hashable)?);
                }
                return Some((RowOp::Cross { n, seed }, args, RowKind::Int));
            }
        };
        Some((op, vec![x], RowKind::Int))
    }

    fn of_texts_and_lists(&self, draw: &mut Draw) -> Option<Drawn> {
        use RowOp::*;
        if draw.below(3) == 0 {
            let x = self.find(draw, |kind| *kind == RowKind::Str)?;
            let (op, kind) = draw.pick(&[
                (Lower, RowKind::Str),
                (Length, RowKind::Int),
                (Capture(r"\d+".to_owned()), RowKind::Str),
                (Split("|".to_owned()), list(RowKind::Str)),
                (Number, RowKind::Float),
                (BagKeys(BAG), list(RowKind::Str)),
                (BagWeights(BAG), list(RowKind::Float)),
            ]);
            return Some((op, vec![x], kind));
        }
        if draw.below(6) == 0 {
            let of_texts = |kind: &RowKind| element(kind) == RowKind::Str;
            let key = self.find(draw, of_texts)?;
            let bag = self.find(draw, |kind| *kind == RowKind::Str)?;
            return Some((Lookup(BAG), vec![key, bag], RowKind::Float));
        }
        let x = self.find(draw, |kind| matches!(kind, RowKind::List(_)))?;
        let of = element(self.kind(x));
        if draw.below(6) == 0 {
            let filling = self.find(draw, |kind| *kind == of)?;
            return Some((Pad(draw.below(4)), vec![x, filling], list(of)));
        }
        let (op, kind) = match draw.below(5) {
            0 => (Count, RowKind::Int),
            1 => (First, of),
            2 => (Last, of),
            3 => (Take(draw.below(3)), list(of)),
            _ if !number(&of) => (Distinct, list(of)),
            _ => draw.pick(&[
                (ListMean, RowKind::Float),
                (ListMax, RowKind::Float),
                (ListMin, RowKind::Float),
                (ListSum, if is_int(&of) { of } else { RowKind::Float }),
            ]),
        };
        Some((op, vec![x], kind))
    }
}

const BAG: Bag = Bag {
    separator: b'|',
    pair: b':',
};

type Drawn = (RowOp, Vec<usize>, RowKind);

fn takes_lists(op: &RowOp) -> bool {
    use RowOp::*;
    matches!(
        op,
        Count
            | First
            | Last
            | Take(_)
            | Pad(_)
            | Distinct
            | ListSum
            | ListMean
            | ListMax
            | ListMin
            | IsNull
            | Fill
            | Where
    )
}

fn list(of: RowKind) -> RowKind {
    RowKind::List(Box::new(of))
}

fn element(kind: &RowKind) -> RowKind {
    match kind {
        RowKind::List(of) => of.as_ref().clone(),
        other => other.clone(),
    }
}

fn is_int(kind: &RowKind) -> bool {
    matches!(kind, RowKind::Int | RowKind::Time | RowKind::Duration)
}

fn arithmetic(kind: &RowKind) -> bool {
    is_int(kind) || *kind == RowKind::Float
}

fn number(kind: &RowKind) -> bool {
    arithmetic(kind) || *kind == RowKind::Bool
}

fn hashable(kind: &RowKind) -> bool {
    !matches!(kind, RowKind::List(_))
}

fn fits(draw: &mut Draw) -> Vec<Fitted> {
    let texts = VocabularyValues::Str(["drama", "comedy"].into_iter().collect());
    let borders = (0..draw.below(20)).map(|at| at as f64 / 3.0 - 1.0);
    let (min, max) = (draw.float(), draw.float());
    vec![
        Fitted::Vocab(Vocabulary::new(2, texts, vec![9, 4])),
        Fitted::Borders(borders.collect()),
        Fitted::Moments {
            mean: draw.float(),
            std: draw.float(),
        },
        Fitted::Extent { min, max },
        Fitted::Vocab(Vocabulary::new(
            1,
            VocabularyValues::Int(vec![7, 3]),
            vec![5, 5],
        )),
    ]
}

fn column(draw: &mut Draw, kind: &RowKind, rows: usize) -> Column {
    let nulls = draw.below(2) == 0;
    let valid = (0..rows).map(|_| !nulls || draw.below(4) > 0).collect();
    Column::with_validity(data(draw, kind, rows), Some(valid))
}

fn data(draw: &mut Draw, kind: &RowKind, rows: usize) -> Data {
    match kind {
        RowKind::Int | RowKind::Time | RowKind::Duration => {
            Data::Int((0..rows).map(|_| draw.int()).collect())
        }
        RowKind::Float => Data::Float((0..rows).map(|_| draw.float()).collect()),
        RowKind::Bool => Data::Bool((0..rows).map(|_| draw.below(2) == 0).collect()),
        RowKind::Str if draw.below(2) == 0 => Data::Str((0..rows).map(|_| draw.text()).collect()),
        RowKind::Str => {
            let stored: Texts = (0..draw.below(5) + 1).map(|_| draw.text()).collect();
            let place = |_| draw.below(stored.len()) as u32;
            let places = (0..rows).map(place).collect();
            Data::Str(Texts::at_places(stored, places))
        }
        RowKind::List(of) => {
            let mut offsets = vec![0];
            for _ in 0..rows {
                offsets.push(offsets[offsets.len() - 1] + draw.below(4));
            }
            let values = data(draw, of, offsets[rows]);
            Data::List(Lists {
                offsets,
                values: Box::new(values),
            })
        }
    }
}
