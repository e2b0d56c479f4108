//! Matrices as lines of numbers, wherever these lie in memory.

#![cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    expect(dead_code, reason = "nothing reads what nothing computes with")
)]

/// Lines whose products with other lines are wanted: rows of a left matrix, columns of a right one.
#[derive(Clone, Copy)]
pub(crate) struct Lines<'a> {
    pub(crate) numbers: &'a [f32],
    pub(crate) count: usize,
    pub(crate) length: usize,
    /// From a line to the next, and from a number of a line to the next. One of them is 1.
    pub(crate) steps: (usize, usize),
}

impl Lines<'_> {
    /// Whether all lines lie within the numbers.
    pub(super) fn fit(&self) -> bool {
        let last = |count: usize, step: usize| count.saturating_sub(1) * step;
        self.count == 0
            || self.length == 0
            || last(self.count, self.steps.0) + last(self.length, self.steps.1) < self.numbers.len()
    }
}

/// Matrices of one shape: the lines of the first, and how far it is from each to the next.
#[derive(Clone, Copy)]
pub(crate) struct Matrices<'a> {
    pub(crate) first: Lines<'a>,
    pub(crate) step: usize,
}

impl<'a> Matrices<'a> {
    pub(super) fn at(&self, matrix: usize) -> Lines<'a> {
        Lines {
            numbers: &self.first.numbers[matrix * self.step..],
            ..self.first
        }
    }
}
