//! Fitted statistics: one pass over the values that a row program gives for the rows of a domain.
//!
//! Each kind has a state that takes values one by one and that merges with the state of other rows. Rows are taken in
//! chunks of a fixed size whose states merge in order, so the number of threads cannot change a bit. Only training rows
//! are read: other rows have weight 0.

mod groups;
mod mutual;
mod store;
mod values;
mod weights;

use reckon_compiler::plan::{FitKind, FitPlan};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Fitted, RowProgram};

use super::fault::KERNEL;
use super::grow::Until;
use super::program::run_over_rows;
use super::source::Source;
use values::{Given, Values};

pub(crate) use store::{FIT_NAMES, fit_names, load_named};
pub use store::{content_hash, load, save};
pub(crate) use weights::{Counted, training_counts};

const CHUNK: usize = 65_536;

/// Fits one statistic over the rows of its domain until an instant; `before` holds those that come before it in the plan, `counted`
/// what was counted for others over the same sources.
pub(crate) fn fit(
    plan: &FitPlan,
    (sources, before): (&[Source], &[Fitted]),
    until: Until,
    counted: &Counted,
) -> Result<Fitted, Diagnostic> {
    let unlike = |found: &str| {
        Diagnostic::error(
            KERNEL,
            plan.span,
            format!("statistic `{}` cannot be fitted over {found}", plan.name),
        )
    };
    let program = RowProgram::new(plan.kernel.clone());
    if matches!(
        plan.kind,
        FitKind::Groups { .. } | FitKind::MutualInformation { .. }
    ) {
        let outputs = run_over_rows(&program, sources, before, plan.span)?;
        let weights = counted.weights(plan, (sources, before), until)?;
        let weights = weights.each();
        return match &plan.kind {
            FitKind::Groups { keys, values } => groups::Rows::new(&outputs, *keys)
                .groups(&weights, *values)
                .map(Fitted::Groups)
                .ok_or_else(|| unlike("texts")),
            FitKind::MutualInformation { fields } if !outputs.is_empty() => {
                Ok(mutual::mutual_information(fields, &outputs, &weights))
            }
            _ => Err(unlike("nothing")),
        };
    }
    let given = Given::new(&program, (sources, before), plan.span)?;
    let given = given.ok_or_else(|| unlike("nothing"))?;
    let weights = counted.weights(plan, (sources, before), until)?;
    let values = Values { given, weights };
    match &plan.kind {
        FitKind::Vocab {
            min_count,
            oov,
            top,
        } => values
            .vocabulary(*min_count, *oov, *top)?
            .map(Fitted::Vocab)
            .ok_or_else(|| unlike("lists of lists")),
        FitKind::Quantiles(n) => values
            .weighed()?
            .map(|seen| Fitted::Borders(borders(&seen, *n)))
            .ok_or_else(|| unlike("texts")),
        FitKind::Moments => values
            .numbers(Moments::default, Moments::add, Moments::merge)?
            .map(|moments| Fitted::Moments {
                mean: moments.mean,
                std: moments.std(),
            })
            .ok_or_else(|| unlike("texts")),
        FitKind::Extent => values
            .extent()?
            .map(|(min, max)| Fitted::Extent { min, max })
            .ok_or_else(|| unlike("texts")),
        FitKind::Groups { .. } | FitKind::MutualInformation { .. } => {
            unreachable!("internal: groups and information were fitted above")
        }
    }
}

/// Distinct ascending borders that cut weighted values, which ascend, into at most `n` buckets of about equal weight. Border `k` is the
/// value at share `k / n`; one that is the smallest value would leave an empty bucket and is left out.
fn borders(seen: &[(f64, f64)], n: usize) -> Vec<f64> {
    let total: f64 = seen.iter().map(|(_, weight)| weight).sum();
    let (mut borders, mut below) = (Vec::<f64>::new(), 0.0);
    let mut next = 1;
    for (value, weight) in seen {
        below += weight;
        while next < n && below * n as f64 > next as f64 * total {
            if *value > seen[0].0 && borders.last() != Some(value) {
                borders.push(*value);
            }
            next += 1;
        }
    }
    borders
}

/// Weight, mean and sum of squared deviations (West 1979; merged as in Chan, Golub and LeVeque 1979).
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    weight: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, x: f64, weight: f64) {
        self.merge(Self {
            weight,
            mean: x,
            squares: 0.0,
        });
    }

    fn merge(&mut self, other: Self) {
        let weight = self.weight + other.weight;
        if weight > 0.0 {
            let apart = other.mean - self.mean;
            self.mean += apart * (other.weight / weight);
            self.squares += other.squares + apart * apart * (self.weight * other.weight / weight);
            self.weight = weight;
        }
    }

    fn std(self) -> f64 {
        if self.weight > 0.0 {
            (self.squares / self.weight).sqrt()
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_cut_into_buckets_of_equal_weight() {
        let weighted = |values: &[(i32, u32)]| {
            let weighted = values.iter().map(|(x, w)| (f64::from(*x), f64::from(*w)));
            weighted.collect::<Vec<_>>()
        };
        let all: Vec<(i32, u32)> = (1..=8).map(|x| (x, 1)).collect();
        assert_eq!(borders(&weighted(&all), 4), [3.0, 5.0, 7.0]);
        assert_eq!(borders(&weighted(&[(1, 6), (2, 1), (5, 1)]), 4), [2.0]);
        assert_eq!(borders(&weighted(&[(1, 10)]), 4), [] as [f64; 0]);
        assert_eq!(borders(&[], 4), [] as [f64; 0]);
    }

    #[test]
    fn moments_of_parts_merge_to_those_of_the_whole() {
        let moments = |values: &[f64]| {
            let mut all = Moments::default();
            values.iter().for_each(|x| all.add(*x, 2.0));
            all
        };
        let mut merged = moments(&[1.0, 2.0]);
        merged.merge(moments(&[3.0, 6.0]));
        let whole = moments(&[1.0, 2.0, 3.0, 6.0]);
        assert!((merged.mean - 3.0).abs() < 1e-12 && (merged.std() - whole.std()).abs() < 1e-12);
        assert!((whole.std() - 3.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!(Moments::default().std(), 0.0);
    }
}
