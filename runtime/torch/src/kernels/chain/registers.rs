//! As few registers as hold what is still read.

use std::collections::BTreeMap;

use super::{Chain, From, Step, To};

impl From {
    /// The register that it is, if it is one.
    fn register(self) -> Option<To> {
        match self {
            Self::Matrix(at) => Some(To::Matrix(at)),
            Self::Column(at) => Some(To::Column(at)),
            _ => None,
        }
    }
}

impl Step {
    /// The registers that it reads and those that it writes, to be renamed.
    #[expect(clippy::too_many_lines, reason = "a table, one arm a step")]
    fn visit(&mut self, mut read: impl FnMut(To) -> To, mut write: impl FnMut(To) -> To) {
        let mut from = |from: &mut From| {
            if let Some(register) = from.register() {
                *from = match read(register) {
                    To::Matrix(at) => From::Matrix(at),
                    To::Column(at) => From::Column(at),
                };
            }
        };
        match self {
            Self::One(_, to, a) => {
                from(a);
                *to = write(*to);
            }
            Self::Two(_, to, a, b) | Self::Whole(_, to, a, b) => {
                [a, b].into_iter().for_each(from);
                *to = write(*to);
            }
            Self::Select {
                to,
                condition,
                a,
                b,
            } => {
                [condition, a, b].into_iter().for_each(from);
                *to = write(*to);
            }
            Self::Sum { to, of } => {
                from(of);
                column(to, write);
            }
            Self::Exps {
                to,
                sums,
                largest,
                of,
            } => {
                from(of);
                matrix(to, &mut write);
                column(sums, &mut write);
                column(largest, write);
            }
            Self::Shares { to, exps, sums } => {
                matrix(exps, &mut read);
                column(sums, read);
                matrix(to, write);
            }
            Self::Xent {
                to,
                of,
                sums,
                largest,
                ..
            } => {
                from(of);
                column(sums, &mut read);
                column(largest, read);
                column(to, write);
            }
            Self::XentGradient {
                to, exps, sums, g, ..
            } => {
                from(g);
                matrix(exps, &mut read);
                column(sums, read);
                matrix(to, write);
            }
            Self::Store { from, .. } => *from = read(*from),
        }
    }
}

fn matrix(register: &mut usize, mut name: impl FnMut(To) -> To) {
    let (To::Matrix(at) | To::Column(at)) = name(To::Matrix(*register));
    *register = at;
}

fn column(register: &mut usize, mut name: impl FnMut(To) -> To) {
    let (To::Matrix(at) | To::Column(at)) = name(To::Column(*register));
    *register = at;
}

impl Chain {
    /// The same steps on as few registers as hold what is still read, so that a block stays in the cache. Each register of
    /// `steps` is written once.
    pub(crate) fn packed(mut steps: Vec<Step>) -> Self {
        let mut last = BTreeMap::new();
        for (at, step) in steps.iter_mut().enumerate() {
            let mut seen = Vec::new();
            step.visit(
                |register| {
                    seen.push(register);
                    register
                },
                |register| register,
            );
            last.extend(seen.into_iter().map(|register| (register, at)));
        }
        let mut chain = Self::default();
        let mut places: BTreeMap<To, To> = BTreeMap::new();
        let mut free: Vec<To> = Vec::new();
        for (at, step) in steps.iter_mut().enumerate() {
            let (mut released, mut written) = (Vec::new(), Vec::new());
            step.visit(
                |register| {
                    if last[&register] == at && !released.contains(&places[&register]) {
                        released.push(places[&register]);
                    }
                    places[&register]
                },
                |register| {
                    written.push(register);
                    register
                },
            );
            let given: Vec<To> = written
                .iter()
                .map(|register| chain.place(*register, &mut free))
                .collect();
            let mut next = given.iter();
            step.visit(
                |register| register,
                |_| *next.next().expect("as many as were written"),
            );
            for (register, place) in written.into_iter().zip(given) {
                match last.contains_key(&register) {
                    true => drop(places.insert(register, place)),
                    false => released.push(place),
                }
            }
            free.extend(released);
        }
        chain.steps = steps;
        chain
    }

    /// A register of the same kind that is free, or a new one.
    fn place(&mut self, register: To, free: &mut Vec<To>) -> To {
        let same = |other: &To| {
            matches!(
                (register, other),
                (To::Matrix(_), To::Matrix(_)) | (To::Column(_), To::Column(_))
            )
        };
        if let Some(at) = free.iter().position(same) {
            return free.swap_remove(at);
        }
        let (count, kind): (_, fn(usize) -> To) = match register {
            To::Matrix(_) => (&mut self.matrices, To::Matrix),
            To::Column(_) => (&mut self.columns, To::Column),
        };
        *count += 1;
        kind(*count - 1)
    }
}
