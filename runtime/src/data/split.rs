//! Splits: which part each row of an events source is in.

use rayon::prelude::*;
use reckon_compiler::plan::{SplitPlan, SplitRule};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::hash::{Hashed, hash};

use super::fault::{NO_TRAINING_ROWS, PLAN};
use super::source::{ABSENT_ROW, Source};

const DAY: i64 = 86_400_000_000;

/// The part of a row that is in none.
pub const NO_PART: u8 = u8::MAX;

/// A split of an events source.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The names of the parts in order; the first trains.
    pub names: Vec<String>,
    /// For each row the index of its part, or [`NO_PART`].
    pub of: Vec<u8>,
    /// What there is to say about it.
    pub report: SplitReport,
}

impl Parts {
    /// Parts by name, of which nothing is told.
    pub(crate) fn of_names(names: Vec<String>, of: Vec<u8>) -> Self {
        Self {
            names,
            of,
            report: SplitReport {
                parts: Vec::new(),
                cut: 0,
                immature: 0,
                training_later_than_median_test: 0.0,
            },
        }
    }

    /// The rows of a part in file order.
    pub fn rows(&self, part: &str) -> Vec<u32> {
        let Some(wanted) = self.names.iter().position(|name| name == part) else {
            return Vec::new();
        };
        self.of
            .iter()
            .zip(0..)
            .filter(|(part, _)| **part as usize == wanted)
            .map(|(_, row)| row)
            .collect()
    }
}

/// The numbers of a split, to be printed.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitReport {
    /// The parts in order.
    pub parts: Vec<PartReport>,
    /// Rows in no part.
    pub cut: usize,
    /// Rows whose labels are not known at the end of their part.
    pub immature: usize,
    /// The share of training rows later than the median row of the last part; 0 where events have no time.
    pub training_later_than_median_test: f64,
}

/// The numbers of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartReport {
    /// Its name.
    pub name: String,
    /// Rows in it.
    pub rows: usize,
    /// For each reference the number of entity rows that have rows in the part, and of those that have none.
    pub entities: Vec<(String, usize, usize)>,
}

/// Splits a source. `sizes` gives the number of rows of an entity.
pub(crate) fn split(
    plan: &SplitPlan,
    source: &Source,
    sizes: impl Fn(&str) -> usize + Sync,
    sink: &mut Vec<Diagnostic>,
) -> Option<Parts> {
    let mut of = vec![NO_PART; source.rows];
    let shares: Vec<f64> = plan.parts.iter().map(|(_, amount)| *amount).collect();
    let needs_time = !matches!(plan.rule, SplitRule::Random(_));
    if needs_time && source.times.len() != source.rows {
        let message = format!("internal: `{}` is split by time and has none", plan.source);
        sink.push(Diagnostic::error(PLAN, plan.span, message));
        return None;
    }
    match &plan.rule {
        SplitRule::Time => cut_by_share(&source.order, &source.times, &shares, &mut of),
        SplitRule::TimePer(entity) => {
            for rows in by_entity(source, entity, sizes(entity)) {
                cut_by_share(&rows, &source.times, &shares, &mut of);
            }
        }
        SplitRule::LastPer(entity) => {
            for rows in by_entity(source, entity, sizes(entity)) {
                cut_last(&rows, &source.times, &shares, &mut of);
            }
        }
        SplitRule::Day => by_day(source, &shares, &mut of),
        SplitRule::DayShare => {
            let days: Vec<i64> = source.times.iter().map(|at| at.div_euclid(DAY)).collect();
            cut_by_share(&source.order, &days, &shares, &mut of);
        }
        SplitRule::Random(seed) => at_random(*seed, &shares, &mut of),
    }
    if !of.contains(&0) {
        let message = format!(
            "the split of `{}` leaves no rows for `{}`",
            plan.source, plan.parts[0].0
        );
        let diagnostic = Diagnostic::error(NO_TRAINING_ROWS, plan.span, message);
        sink.push(diagnostic.note(format!("`{}` has {} rows", plan.source, source.rows)));
        return None;
    }
    let names: Vec<String> = plan.parts.iter().map(|(name, _)| name.clone()).collect();
    let report = report(&names, &of, source, sizes);
    Some(Parts { names, of, report })
}

/// For each row of an entity its events in the order of time; those of an absent entity are one group more.
fn by_entity(source: &Source, entity: &str, size: usize) -> Vec<Vec<u32>> {
    let mut groups = vec![Vec::new(); size + 1];
    if let Some(references) = source.references.get(entity) {
        for row in &source.order {
            groups[(references[*row as usize] as usize).min(size)].push(*row);
        }
    }
    groups
}

/// Cuts rows in the order of time at the borders that shares ask for.
fn cut_by_share(rows: &[u32], times: &[i64], shares: &[f64], of: &mut [u8]) {
    let (mut start, mut share) = (0, 0.0);
    for (part, amount) in shares.iter().enumerate() {
        share += amount;
        let last = part + 1 == shares.len();
        let wanted = if last {
            rows.len()
        } else {
            (rows.len() as f64 * share).round() as usize
        };
        let end = nearest_border(rows, times, wanted.min(rows.len())).max(start);
        rows[start..end]
            .iter()
            .for_each(|row| of[*row as usize] = part as u8);
        start = end;
    }
}

/// The border between two instants that is nearest to `wanted`, the later one of two that are equally near. Rows of one
/// instant so stay on one side.
fn nearest_border(rows: &[u32], times: &[i64], wanted: usize) -> usize {
    let is_border = |at: usize| {
        at == 0 || at >= rows.len() || times[rows[at - 1] as usize] != times[rows[at] as usize]
    };
    let later = (wanted..=rows.len())
        .find(|at| is_border(*at))
        .unwrap_or(rows.len());
    let earlier = (0..=wanted).rev().find(|at| is_border(*at)).unwrap_or(0);
    if wanted - earlier < later - wanted {
        earlier
    } else {
        later
    }
}

/// Gives the last rows to the parts after the first, by their counts, from the last part on. An instant that a border
/// would divide goes to the later part whole; what is left trains, and a border that would leave no row to train is
/// not drawn.
fn cut_last(rows: &[u32], times: &[i64], counts: &[f64], of: &mut [u8]) {
    let mut end = rows.len();
    for (part, count) in counts.iter().enumerate().skip(1).rev() {
        let mut start = end.saturating_sub(*count as usize);
        while start > 0
            && start < end
            && times[rows[start - 1] as usize] == times[rows[start] as usize]
        {
            start -= 1;
        }
        if start == 0 {
            continue;
        }
        rows[start..end]
            .iter()
            .for_each(|row| of[*row as usize] = part as u8);
        end = start;
    }
    rows[..end].iter().for_each(|row| of[*row as usize] = 0);
}

/// Whole UTC days from the first one on; rows after the last counted day are in no part.
fn by_day(source: &Source, counts: &[f64], of: &mut [u8]) {
    let day = |row: usize| source.times[row].div_euclid(DAY);
    let Some(first) = source.order.first().map(|row| day(*row as usize)) else {
        return;
    };
    for (row, part) in of.iter_mut().enumerate() {
        let mut left = (day(row) - first) as f64;
        for (at, count) in counts.iter().enumerate() {
            if left < *count {
                *part = at as u8;
                break;
            }
            left -= count;
        }
    }
}

fn at_random(seed: u64, shares: &[f64], of: &mut [u8]) {
    for (row, part) in of.iter_mut().enumerate() {
        let draw = (hash(seed, &[Hashed::Int(row as i64)]) >> 11) as f64 / (1_u64 << 53) as f64;
        let mut share = 0.0;
        let reached = shares.iter().position(|amount| {
            share += amount;
            draw < share
        });
        *part = reached.unwrap_or(shares.len() - 1) as u8;
    }
}

fn report(
    names: &[String],
    of: &[u8],
    source: &Source,
    sizes: impl Fn(&str) -> usize + Sync,
) -> SplitReport {
    let parts = names
        .par_iter()
        .enumerate()
        .map(|(part, name)| {
            let inside = |row: &usize| of[*row] as usize == part;
            let entities = source.references.iter().map(|(target, references)| {
                let mut seen = vec![false; sizes(target)];
                for row in (0..of.len())
                    .filter(inside)
                    .filter(|row| references[*row] != ABSENT_ROW)
                {
                    seen[references[row] as usize] = true;
                }
                let with = seen.iter().filter(|seen| **seen).count();
                (target.clone(), with, seen.len() - with)
            });
            PartReport {
                name: name.clone(),
                rows: (0..of.len()).filter(inside).count(),
                entities: entities.collect(),
            }
        })
        .collect();
    SplitReport {
        parts,
        cut: of.iter().filter(|part| **part == NO_PART).count(),
        immature: 0,
        training_later_than_median_test: later_than_median(of, names.len() - 1, source),
    }
}

fn later_than_median(of: &[u8], last: usize, source: &Source) -> f64 {
    if source.times.is_empty() || last == 0 {
        return 0.0;
    }
    let in_order = |part: usize| {
        source
            .order
            .iter()
            .filter(move |row| of[**row as usize] as usize == part)
    };
    let tests: Vec<&u32> = in_order(last).collect();
    let Some(median) = tests
        .get(tests.len() / 2)
        .map(|row| source.times[**row as usize])
    else {
        return 0.0;
    };
    let training = in_order(0).count();
    let later = in_order(0)
        .filter(|row| source.times[**row as usize] > median)
        .count();
    later as f64 / training.max(1) as f64
}
