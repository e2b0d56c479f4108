//! A block of rows on its way through the steps.

use std::ops::Range;

use super::apply::{Apply, Src, largest_of, map1, whole};
use super::{BLOCK, Chain, From, Given, Out, To, Two, number};
use crate::kernels::softmax::{exp, sum};

/// The registers of one thread.
pub(super) struct Block<'a> {
    pub(super) chain: &'a Chain,
    given: &'a [Given<'a>],
    truths: &'a [Option<Vec<f32>>],
    width: usize,
    pub(super) rows: Range<usize>,
    matrices: Vec<Vec<f32>>,
    columns: Vec<Vec<f32>>,
    /// Truth values of a matrix that is an operand.
    loaded: Vec<Vec<f32>>,
}

impl<'a> Block<'a> {
    pub(super) fn new(
        chain: &'a Chain,
        given: &'a [Given<'a>],
        truths: &'a [Option<Vec<f32>>],
        width: usize,
    ) -> Self {
        let most = (BLOCK / width.max(1)).max(1);
        Self {
            chain,
            given,
            truths,
            width,
            rows: 0..0,
            matrices: vec![vec![0.0; most * width]; chain.matrices],
            columns: vec![vec![0.0; most]; chain.columns],
            loaded: vec![Vec::new(); given.len()],
        }
    }

    /// What stands in a row of the block, or over all its rows where `row` is none and that is one slice.
    #[inline(always)]
    fn matrix(&self, from: From, row: Option<usize>) -> Src<'_> {
        let (width, count) = (self.width, self.rows.len());
        let part = row.map_or(0..count * width, |row| row * width..(row + 1) * width);
        match from {
            From::Matrix(at) => Src::Many(&self.matrices[at][part]),
            From::GivenMatrix(at) => match self.given[at] {
                Given::Floats(values) => {
                    let first = self.rows.start * width;
                    Src::Many(&values[first + part.start..first + part.end])
                }
                Given::Truths(_) | Given::Whole(_) => Src::Many(&self.loaded[at][part]),
            },
            From::GivenRow(at) => Src::Many(self.shared(at)),
            From::GivenNumber(at) => Src::Same(self.shared(at)[0]),
            From::Number(value) => Src::Same(value),
            From::Column(_) | From::GivenColumn(_) => {
                Src::Same(self.column(from)[row.unwrap_or(0)])
            }
        }
    }

    #[inline(always)]
    fn shared(&self, at: usize) -> &[f32] {
        match (&self.truths[at], self.given[at]) {
            (Some(values), _) => values,
            (None, Given::Floats(values)) => values,
            (None, Given::Truths(_) | Given::Whole(_)) => &self.loaded[at],
        }
    }

    /// One number for each row of the block.
    #[inline(always)]
    fn column(&self, from: From) -> &[f32] {
        match from {
            From::Column(at) => &self.columns[at][..self.rows.len()],
            From::GivenColumn(at) => &self.shared(at)[self.rows.clone()],
            _ => &[],
        }
    }

    #[inline(always)]
    fn along_column(&self, from: From) -> Src<'_> {
        match from {
            From::GivenNumber(at) => Src::Same(self.shared(at)[0]),
            From::Number(value) => Src::Same(value),
            _ => Src::Many(self.column(from)),
        }
    }

    /// Whole numbers along a row, or the one of it.
    #[inline(always)]
    fn whole(&self, from: From, row: usize) -> &[i64] {
        let at = self.rows.start + row;
        let values = |given: usize| match self.given[given] {
            Given::Whole(values) => values,
            Given::Floats(_) | Given::Truths(_) => &[],
        };
        match from {
            From::GivenMatrix(given) => &values(given)[at * self.width..(at + 1) * self.width],
            From::GivenColumn(given) => &values(given)[at..=at],
            From::GivenRow(given) | From::GivenNumber(given) => values(given),
            From::Matrix(_) | From::Column(_) | From::Number(_) => &[],
        }
    }

    /// Makes numbers of the truth values that the block has as an operand.
    #[inline(always)]
    pub(super) fn load(&mut self) {
        let part = self.rows.start * self.width..self.rows.end * self.width;
        for (at, given) in self.given.iter().enumerate() {
            if let (Given::Truths(values), None) = (given, &self.truths[at]) {
                let loaded = &mut self.loaded[at];
                loaded.clear();
                loaded.extend(values[part.clone()].iter().map(|value| number(*value)));
            }
        }
    }

    /// Computes a result register row by row, or all at once where no operand differs between rows.
    #[inline(always)]
    pub(super) fn fill<const N: usize>(&mut self, to: To, from: [From; N], op: impl Apply<N>) {
        match to {
            To::Column(at) => {
                let mut out = std::mem::take(&mut self.columns[at]);
                let operands = from.map(|from| self.along_column(from));
                op.apply(&mut out[..self.rows.len()], operands);
                self.columns[at] = out;
            }
            To::Matrix(at) => {
                let mut out = std::mem::take(&mut self.matrices[at]);
                let count = self.rows.len();
                let by_row = |from: &From| {
                    matches!(
                        from,
                        From::Column(_) | From::GivenColumn(_) | From::GivenRow(_)
                    )
                };
                let (parts, each) = if count > 1 && !from.iter().any(by_row) {
                    (1, count * self.width)
                } else {
                    (count, self.width)
                };
                for part in 0..parts {
                    let row = (parts == count).then_some(part);
                    let operands = from.map(|from| self.matrix(from, row));
                    op.apply(&mut out[part * each..(part + 1) * each], operands);
                }
                self.matrices[at] = out;
            }
        }
    }

    #[inline(always)]
    pub(super) fn compare(&mut self, op: Two, to: To, a: From, b: From) {
        match to {
            To::Matrix(at) => {
                let mut out = std::mem::take(&mut self.matrices[at]);
                for row in 0..self.rows.len() {
                    let part = &mut out[row * self.width..(row + 1) * self.width];
                    whole(op, part, self.whole(a, row), self.whole(b, row));
                }
                self.matrices[at] = out;
            }
            To::Column(at) => {
                let mut out = std::mem::take(&mut self.columns[at]);
                for (row, out) in out[..self.rows.len()].iter_mut().enumerate() {
                    whole(
                        op,
                        std::slice::from_mut(out),
                        self.whole(a, row),
                        self.whole(b, row),
                    );
                }
                self.columns[at] = out;
            }
        }
    }

    #[inline(always)]
    pub(super) fn sums(&mut self, to: usize, of: From) {
        let mut out = std::mem::take(&mut self.columns[to]);
        for (row, out) in out[..self.rows.len()].iter_mut().enumerate() {
            *out = match self.matrix(of, Some(row)) {
                Src::Many(values) => sum(values, |at| values[at]),
                Src::Same(value) => value * self.width as f32,
            };
        }
        self.columns[to] = out;
    }

    /// The loss of each row from the scores and what `exps` told of them.
    #[inline(always)]
    pub(super) fn xent(
        &mut self,
        to: usize,
        of: From,
        (sums, largest): (usize, usize),
        place: usize,
    ) {
        let mut out = std::mem::take(&mut self.columns[to]);
        for (row, out) in out[..self.rows.len()].iter_mut().enumerate() {
            let place = self.whole(From::GivenColumn(place), row)[0] as usize;
            let own = match self.matrix(of, Some(row)) {
                Src::Many(values) => values[place],
                Src::Same(value) => value,
            };
            *out = self.columns[sums][row].ln() + (self.columns[largest][row] - own);
        }
        self.columns[to] = out;
    }

    #[inline(always)]
    pub(super) fn store(&self, out: &Out<'_>, from: To) {
        let (values, width) = match from {
            To::Matrix(at) => (&self.matrices[at], self.width),
            To::Column(at) => (&self.columns[at], 1),
        };
        let part = self.rows.start * width..self.rows.end * width;
        let values = &values[..part.len()];
        match out {
            // SAFETY: blocks have their own rows, and this is the only part of the result that this one holds.
            Out::Floats(out) => unsafe { out.part(part) }.copy_from_slice(values),
            Out::Truths(out) => {
                // SAFETY: as above.
                let out = unsafe { out.part(part) };
                out.iter_mut()
                    .zip(values)
                    .for_each(|(out, value)| *out = *value != 0.0);
            }
        }
    }

    /// Exponentials of each row, their sums and the largest scores.
    #[inline(always)]
    pub(super) fn exps(&mut self, to: usize, sums: usize, largest: usize, of: From) {
        let mut out = std::mem::take(&mut self.matrices[to]);
        for row in 0..self.rows.len() {
            let part = &mut out[row * self.width..(row + 1) * self.width];
            map1(part, self.matrix(of, Some(row)), |x| x);
            let top = largest_of(part);
            if top == f32::NEG_INFINITY {
                // All are `-inf`, or what is not is no number: that has to be seen.
                part.iter_mut()
                    .for_each(|x| *x = if x.is_nan() { f32::NAN } else { 0.0 });
            } else {
                part.iter_mut().for_each(|x| *x = exp(*x - top));
            }
            self.columns[sums][row] = sum(part, |at| part[at]);
            self.columns[largest][row] = top;
        }
        self.matrices[to] = out;
    }

    /// Exponentials as shares of their sum, each row's times `g` and less `g` in its place.
    #[inline(always)]
    pub(super) fn shares(
        &mut self,
        to: usize,
        (exps, sums): (usize, usize),
        minus: Option<(From, usize)>,
    ) {
        let mut out = std::mem::take(&mut self.matrices[to]);
        for row in 0..self.rows.len() {
            let part = &mut out[row * self.width..(row + 1) * self.width];
            let g = minus.map_or(1.0, |(g, _)| match self.along_column(g) {
                Src::Many(values) => values[row],
                Src::Same(value) => value,
            });
            let total = self.columns[sums][row];
            let factor = if total == 0.0 { 0.0 } else { g / total };
            let of = &self.matrices[exps][row * self.width..(row + 1) * self.width];
            part.iter_mut()
                .zip(of)
                .for_each(|(out, of)| *out = of * factor);
            if let Some((_, place)) = minus {
                part[self.whole(From::GivenColumn(place), row)[0] as usize] -= g;
            }
        }
        self.matrices[to] = out;
    }
}
