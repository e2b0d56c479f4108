//! Where no processor has a matrix unit that is known here. See `matrix.rs` for the others.

#![expect(dead_code, reason = "nothing reads what nothing computes with")]

pub(crate) const SIDE: usize = 32;

#[derive(Clone, Copy)]
pub(crate) struct Lines<'a> {
    pub(crate) numbers: &'a [f32],
    pub(crate) count: usize,
    pub(crate) length: usize,
    pub(crate) steps: (usize, usize),
}

#[derive(Clone, Copy)]
pub(crate) struct Matrices<'a> {
    pub(crate) first: Lines<'a>,
    pub(crate) step: usize,
}

pub(crate) fn is_there() -> bool {
    false
}

pub(crate) fn multiply(_: Matrices<'_>, _: Matrices<'_>, _: &mut [f32], _: bool) {
    unreachable!("internal: no matrix unit")
}

pub(crate) struct Side(());

impl Side {
    pub(crate) fn right(_: &Lines<'_>) -> Self {
        unreachable!("internal: no matrix unit")
    }
}

pub(crate) struct Session(());

impl Session {
    pub(crate) fn new(_: &Lines<'_>) -> Self {
        unreachable!("internal: no matrix unit")
    }

    pub(crate) fn products(&self, _: &Side, _: usize, _: &mut Vec<f32>) {
        unreachable!("internal: no matrix unit")
    }
}
