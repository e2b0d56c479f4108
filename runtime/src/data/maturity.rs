//! Maturity: from when on the labels of rows are known, and which rows are not mature at the end of their part.

use reckon_compiler::plan::{Immature, Known, Plan, SourcePlan, SplitRule};
use reckon_kernel::{Column, Data};

use super::source::{ABSENT_ROW, Source};
use super::split::{NO_PART, Parts};

/// The instant that never comes.
pub(crate) const NEVER: i64 = i64::MAX;

/// For each row the instant from which all of these are known, its own time at the earliest.
pub(crate) fn known_from(source: &Source, known: &[Known]) -> Vec<i64> {
    let mut from = source.times.clone();
    for one in known {
        let (delay, name) = match one {
            Known::After(delay, name) => (*delay, name),
            Known::At(name) => (0, name),
        };
        let Some(
            column @ Column {
                data: Data::Int(times),
                ..
            },
        ) = source.columns.get(name)
        else {
            continue;
        };
        for (row, from) in from.iter_mut().enumerate() {
            let at = match column.is_null(row) {
                true => NEVER,
                false => times[row].saturating_add(delay),
            };
            *from = (*from).max(at);
        }
    }
    from
}

/// From when on the labels of the rows of a loop are known.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    from: Vec<i64>,
    /// Whether rows whose labels are not known count by the time that has passed.
    weighs: bool,
}

impl Wait {
    /// Whether the labels of a row are known at an instant.
    pub(crate) fn is_over(&self, row: usize, at: i64) -> bool {
        self.from[row] <= at
    }

    /// How much each row counts on a day, from its begin to its end: rows of earlier days by what is known as it begins, its own by
    /// what is known as it ends, and later rows, which are only asked about, by what ever is.
    pub(crate) fn on(&self, times: &[i64], (begin, end): (i64, i64)) -> Vec<f32> {
        let last = times.iter().max().copied().unwrap_or(NEVER);
        let weight = |(time, from): (&i64, &i64)| {
            let limit = match *time {
                time if time < begin => begin,
                time if time < end => end,
                _ => last,
            };
            let trains = *time < end && *from != NEVER;
            match (*from <= limit, self.weighs && trains) {
                (true, _) => 1.0,
                (false, true) => (limit - time) as f32 / (from - time).max(1) as f32,
                (false, false) => 0.0,
            }
        };
        times.iter().zip(&self.from).map(weight).collect()
    }
}

/// Says how much rows count whose labels are not known at the end of their part: nothing, or by the time that has passed.
pub(crate) fn settle(plan: &Plan, of: &SourcePlan, source: &mut Source) {
    if !of.waits() || of.immature == Immature::Keep {
        return;
    }
    let from = known_from(source, &of.known());
    let Some(mut parts) = source.parts.take() else {
        let weighs = of.immature == Immature::Weight;
        source.wait = plan.daily.as_ref().map(|_| Wait { from, weighs });
        return;
    };
    let rule = plan.splits.iter().find(|split| split.source == of.name);
    let ends = ends(source, &parts, rule.map(|split| &split.rule));
    let mut maturity = vec![1.0; source.rows];
    for row in 0..source.rows {
        let part = parts.of[row] as usize;
        if from[row] <= ends[row] || part >= parts.names.len() {
            continue;
        }
        let wait = (from[row] != NEVER).then(|| from[row] - source.times[row]);
        maturity[row] = match (of.immature, part, wait) {
            (Immature::Weight, 0, Some(wait)) => {
                (ends[row] - source.times[row]).max(0) as f32 / wait.max(1) as f32
            }
            (Immature::Drop | Immature::Keep | Immature::Weight, _, _) => 0.0,
        };
        parts.report.immature += 1;
        if let Some(report) = parts.report.parts.get_mut(part) {
            report.rows -= usize::from(maturity[row] == 0.0);
        }
    }
    source.maturity = (parts.report.immature > 0).then_some(maturity);
    source.parts = Some(parts);
}

/// For each row the end of its part: the first instant of a later part, among the rows of the same entity where each has
/// borders of its own; of the last part, the last instant of all rows. Parts at random have no end but that.
fn ends(source: &Source, parts: &Parts, rule: Option<&SplitRule>) -> Vec<i64> {
    let last = source.times.iter().max().copied().unwrap_or(NEVER);
    let groups: Option<&Vec<u32>> = match rule {
        Some(SplitRule::TimePer(entity) | SplitRule::LastPer(entity)) => {
            source.references.get(entity)
        }
        Some(SplitRule::Random(_)) => return vec![last; source.rows],
        Some(SplitRule::Time | SplitRule::Day | SplitRule::DayShare) | None => None,
    };
    let names = parts.names.len();
    let group = |row: usize| match groups.map(|groups| groups[row]) {
        Some(ABSENT_ROW) | None => 0,
        Some(entity) => entity as usize + 1,
    };
    let count = (0..source.rows).map(group).max().map_or(1, |most| most + 1);
    // The first instant of each part of each group, then of it and all later ones.
    let mut first = vec![last; count * (names + 1)];
    for (row, part) in parts
        .of
        .iter()
        .enumerate()
        .filter(|(_, part)| **part != NO_PART)
    {
        let at = &mut first[group(row) * (names + 1) + *part as usize];
        *at = (*at).min(source.times[row]);
    }
    for of_group in first.chunks_mut(names + 1) {
        for part in (0..names).rev() {
            of_group[part] = of_group[part].min(of_group[part + 1]);
        }
    }
    let end = |row: usize| match parts.of[row] {
        NO_PART => last,
        part => first[group(row) * (names + 1) + part as usize + 1],
    };
    (0..source.rows).map(end).collect()
}
