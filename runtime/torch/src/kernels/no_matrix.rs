//! Where no processor has a matrix unit that is known here. See `matrix.rs` for the others.

use super::lines::{Lines, Matrices};

pub(crate) const SIDE: usize = 32;

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
