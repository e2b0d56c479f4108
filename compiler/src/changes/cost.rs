//! What a model weighs and how long its steps are.

use super::tables::{rows_beside, widths};
use super::{Compiled, model, was};
use crate::figures::{bytes, grouped};

pub(super) fn cost(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let mut said = Vec::new();
    let (before, after) = (dense(old), dense(new));
    if before != after {
        said.push(was("dense weights:", &grouped(before), &grouped(after)));
    }
    let (before, after) = (Tables::of(old, new), Tables::of(new, old));
    if before.bytes != after.bytes {
        let what = match before.open + after.open {
            0 => "tables:",
            _ => "tables of known size:",
        };
        said.push(was(what, &bytes(before.bytes), &bytes(after.bytes)));
    }
    if before.floats != after.floats {
        let (before, after) = (before.said(), after.said());
        said.push(was("tables of vocabularies:", &before, &after));
    }
    for phase in &new.plan.phases {
        let had = old.plan.phases.iter().find(|one| one.name == phase.name);
        let ops = |phase: &crate::plan::PhasePlan| phase.step.graph.order().len();
        if let Some(had) = had
            && ops(had) != ops(phase)
        {
            let (before, after) = (ops(had).to_string(), ops(phase).to_string());
            said.push(was(
                &format!("ops in a step of {}:", phase.name),
                &before,
                &after,
            ));
        }
    }
    said
}

fn dense(of: &Compiled<'_>) -> usize {
    let weights = model::all_weights(of);
    weights
        .values()
        .map(|dims| dims.iter().product::<usize>())
        .sum()
}

/// What the tables of a spec take.
struct Tables {
    /// Of those whose rows are known.
    bytes: usize,
    /// How many have as many rows as a vocabulary has values.
    open: usize,
    /// The widths of those together.
    floats: usize,
}

impl Tables {
    fn of(side: &Compiled<'_>, other: &Compiled<'_>) -> Self {
        let mut tables = Self {
            bytes: 0,
            open: 0,
            floats: 0,
        };
        for (path, width) in widths(side) {
            match rows_beside(side, other, &path) {
                Some(rows) => tables.bytes += rows * width * size_of::<f32>(),
                None => {
                    tables.open += 1;
                    tables.floats += width;
                }
            }
        }
        tables
    }

    /// `4 of 144 floats together`
    fn said(&self) -> String {
        format!("{} of {} floats together", self.open, self.floats)
    }
}
