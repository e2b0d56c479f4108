//! What statistics have seen on a day of a loop, and how they grow from day to day.

use std::collections::BTreeSet;

use reckon_compiler::plan::row::{Kernel, RowOp};
use reckon_compiler::plan::{FitKind, FitPlan, Plan, Sees};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::Fitted;

use super::source::Source;
use super::{Dataset, fit, load_history, program};

/// The rows that a statistic may count: of sources with a time those before an instant; all where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Until {
    end: Option<i64>,
    /// What is read of rows: of labels those alone count that are known by then.
    sees: Sees,
}

impl Until {
    /// Rows of all times.
    pub(crate) const EVER: Self = Self {
        end: None,
        sees: Sees::Present,
    };

    /// Rows before an instant, in microseconds since 1970 UTC.
    pub(crate) fn before(instant: i64) -> Self {
        Self {
            end: Some(instant),
            sees: Sees::Present,
        }
    }

    /// Whether a row counts.
    pub(crate) fn has(self, source: &Source, row: usize) -> bool {
        let known = |end| {
            let wait = source.wait.as_ref().filter(|_| self.sees == Sees::Before);
            wait.is_none_or(|wait| wait.is_over(row, end))
        };
        match (self.end, source.times.get(row)) {
            (Some(end), Some(time)) => *time < end && known(end),
            (None, _) | (_, None) => true,
        }
    }
}

impl Dataset {
    /// The rows that a statistic counts today. Before the loop begins it counts as on the first day; where there is no loop,
    /// or it has ended, every row.
    pub(super) fn until(&self, plan: &FitPlan) -> Until {
        let Some(first) = self.days.first() else {
            return Until::EVER;
        };
        let today = self.today.day().unwrap_or(first);
        let second = self
            .days
            .get(1)
            .filter(|second| today.begin >= second.begin);
        let end = match (plan.kind.stays(), plan.sees) {
            (true, Sees::Present) => first.end,
            (true, Sees::Before) => second.unwrap_or(first).begin,
            (false, Sees::Present) => today.end,
            (false, Sees::Before) => today.begin,
        };
        Until {
            end: Some(end),
            sees: plan.sees,
        }
    }

    /// Fits anew what counts the rows of another day, as a day begins. Vocabularies keep their ids and append. Whether anything
    /// has changed.
    ///
    /// # Errors
    /// A statistic or a row program over it that cannot be computed.
    pub(crate) fn see_today(&mut self, plan: &Plan) -> Result<bool, Vec<Diagnostic>> {
        let mut changed = BTreeSet::new();
        let counted = fit::Counted::default();
        for (at, of) in plan.fits.iter().enumerate() {
            let moves = !of.kind.stays() || of.sees == Sees::Before;
            if of.taken.is_some() || !moves || self.fits[at] == Fitted::Waiting {
                continue;
            }
            let given = (&self.sources[..], &self.fits[..]);
            let now = fit::fit(of, given, self.until(of), &counted)
                .map_err(|diagnostic| vec![diagnostic])?;
            let now = match (&self.fits[at], &now, &of.kind) {
                (Fitted::Vocab(known), Fitted::Vocab(later), FitKind::Vocab { top, .. }) => {
                    Fitted::Vocab(known.grown(later, *top))
                }
                _ => now,
            };
            if self.fits[at] != now {
                self.fits[at] = now;
                changed.insert(at);
            }
        }
        if !changed.is_empty() {
            let reads = |op: &RowOp| op.fit().is_some_and(|fit| changed.contains(&fit));
            self.refresh(plan, |kernel, output| program::needs(kernel, output, reads))?;
        }
        Ok(!changed.is_empty())
    }

    /// Computes outputs of row programs anew that are no longer true, and the histories that they choose rows of.
    pub(super) fn refresh(
        &mut self,
        plan: &Plan,
        stale: impl Fn(&Kernel, &str) -> bool,
    ) -> Result<(), Vec<Diagnostic>> {
        let mut gone: BTreeSet<(String, String)> = BTreeSet::new();
        for kernel in &plan.kernels {
            let mut sources = self.sources.iter_mut();
            let Some(source) = sources.find(|source| source.name == kernel.source) else {
                continue;
            };
            source.outputs.retain(|output, _| {
                let keep = !stale(kernel, output);
                if !keep {
                    gone.insert((kernel.source.clone(), output.clone()));
                }
                keep
            });
        }
        self.complete(plan)?;
        for at in 0..self.histories.len() {
            let history = &plan.histories[at];
            let condition = history.condition.clone();
            if condition
                .is_some_and(|condition| gone.contains(&(history.source.clone(), condition)))
            {
                self.histories[at] = load_history(history, &self.sources);
            }
        }
        Ok(())
    }
}
