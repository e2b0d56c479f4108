//! Numbers that say how sure they are.

use std::iter::Sum;
use std::ops::{Add, Mul};

/// How sure a number is. Worse ones come later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sure {
    /// It is the number.
    Exact,
    /// It is not more.
    AtMost,
    /// A part of it is not known, and counts as nothing.
    Open,
}

/// A number of rows, bytes or operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// As far as it is known.
    pub count: u64,
    /// How sure it is.
    pub sure: Sure,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self::exact(0);
    /// A number that nothing tells.
    pub const OPEN: Self = Self {
        count: 0,
        sure: Sure::Open,
    };

    /// A known number.
    pub const fn exact(count: u64) -> Self {
        Self {
            count,
            sure: Sure::Exact,
        }
    }

    /// A bound.
    pub const fn at_most(count: u64) -> Self {
        Self {
            count,
            sure: Sure::AtMost,
        }
    }

    /// A number of things in memory.
    pub fn of(count: usize) -> Self {
        Self::exact(count as u64)
    }

    /// The larger one; where one of them is not known, neither is this.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            count: self.count.max(other.count),
            sure: self.sure.max(other.sure),
        }
    }

    /// The smaller one; one that is not known does not count.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        match (self.sure, other.sure) {
            (_, Sure::Open) => self,
            (Sure::Open, _) => other,
            (Sure::Exact, Sure::Exact) => Self::exact(self.count.min(other.count)),
            _ => Self::at_most(self.count.min(other.count)),
        }
    }

    /// So many times.
    #[must_use]
    pub fn times(self, factor: u64) -> Self {
        self * Self::exact(factor)
    }

    /// Divided, rounded up.
    #[must_use]
    pub fn div_ceil(self, divisor: u64) -> Self {
        Self {
            count: self.count.div_ceil(divisor.max(1)),
            ..self
        }
    }

    /// A bound of this and not more than this.
    #[must_use]
    pub fn bounding(self) -> Self {
        Self {
            sure: self.sure.max(Sure::AtMost),
            ..self
        }
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            sure: self.sure.max(other.sure),
        }
    }
}

impl Mul for Amount {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        // Nothing taken any number of times is nothing.
        if self == Self::ZERO || other == Self::ZERO {
            return Self::ZERO;
        }
        Self {
            count: self.count.saturating_mul(other.count),
            sure: self.sure.max(other.sure),
        }
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, Sure};

    #[test]
    fn what_is_made_of_a_bound_is_a_bound_and_of_the_unknown_unknown() {
        let (two, three, open) = (Amount::exact(2), Amount::at_most(3), Amount::OPEN);
        for (found, count, sure) in [
            (two + two, 4, Sure::Exact),
            (two + three, 5, Sure::AtMost),
            (two * three, 6, Sure::AtMost),
            (two + open, 2, Sure::Open),
            (three * open, 0, Sure::Open),
            (two.max(open), 2, Sure::Open),
            (two.min(open), 2, Sure::Exact),
            (two.min(three), 2, Sure::AtMost),
            (Amount::ZERO * open, 0, Sure::Exact),
        ] {
            assert_eq!(found, Amount { count, sure });
        }
    }
}
