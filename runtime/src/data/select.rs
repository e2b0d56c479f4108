//! The rows of a stream: the training rows of its source that pass its condition, narrowed and weighed by its picks.

use std::collections::BTreeMap;

use reckon_compiler::plan::{AmountPlan, CountedRows, PickPlan, StreamOrder, StreamPlan};
use reckon_compiler::random::site_hash;
use reckon_kernel::{Column, Data};

use super::Dataset;
use super::source::Source;
use crate::random::Key;

/// The rows of a stream, in file order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selected {
    /// Of the first half of batches, or of all.
    pub(crate) rows: Vec<u32>,
    /// Of the second half.
    pub(crate) second: Option<Vec<u32>>,
    /// Weights by row of the source; where there are none, every row weighs 1.
    pub(crate) weights: Option<Vec<f32>>,
    /// The log of the probability with which a row was kept, by row of the source.
    pub(crate) log_q: Option<Vec<f32>>,
}

impl Dataset {
    /// The rows that train, by the picks of a stream.
    pub(crate) fn selected(&self, stream: &StreamPlan) -> Selected {
        let parts = self
            .source(&stream.source)
            .and_then(|source| source.parts.as_ref());
        let training = parts.and_then(|parts| parts.names.first());
        self.selected_in(stream, training.map(String::as_str))
    }

    /// Applies the picks of a stream to the rows of a part of its source, or to all.
    pub(crate) fn selected_in(&self, stream: &StreamPlan, part: Option<&str>) -> Selected {
        let mut selected = Selected::default();
        let Some(source) = self.source(&stream.source) else {
            return selected;
        };
        let rows = |condition| {
            let mut rows = self.rows(&stream.source, part, condition);
            self.bound(&mut rows, source, stream.window);
            rows
        };
        let trains = source.parts.as_ref().and_then(|parts| parts.names.first());
        if part == trains.map(String::as_str) {
            selected.weights = source.shares();
        }
        let first = rows(stream.condition.as_deref());
        selected.rows = selected.narrow(&self.values_of(source), first, &stream.picks);
        if let Some(picks) = &stream.balanced {
            let second = selected.narrow(&self.values_of(source), rows(None), picks);
            selected.second = Some(second);
        }
        selected
    }

    /// Of rows of one part of a split those that an evaluation asks about: narrowed by its picks, and weighed as it draws.
    pub(crate) fn narrowed(&self, pool: &StreamPlan, rows: Vec<u32>) -> Selected {
        let mut selected = Selected::default();
        let Some(source) = self.source(&pool.source) else {
            return selected;
        };
        selected.rows = selected.narrow(&self.values_of(source), rows, &pool.picks);
        if let StreamOrder::DrawnBy(output) = &pool.order {
            selected.drawn_by(source, output);
        }
        selected
    }

    fn values_of<'a>(&'a self, source: &'a Source) -> Of<'a> {
        Of {
            rows: source.rows,
            output: Box::new(|name| source.outputs.get(name)),
            amount: Box::new(|amount| self.amount(amount)),
        }
    }

    fn amount(&self, amount: &AmountPlan) -> usize {
        match amount {
            AmountPlan::Rows(n) => *n,
            AmountPlan::Times(factor, rows) => {
                (factor * self.rows_of(rows).len() as f64).round() as usize
            }
        }
    }

    /// With which probability a row of a batch is each row of the stream: rows and shares that sum to 1.
    pub(crate) fn shares(&self, stream: &StreamPlan) -> Vec<(u32, f64)> {
        let selected = self.selected(stream);
        let of = |rows: &[u32], all: f64| -> Vec<(u32, f64)> {
            let share = all / rows.len().max(1) as f64;
            rows.iter().map(|row| (*row, share)).collect()
        };
        if let StreamOrder::DrawnBy(output) = &stream.order {
            let weight = |row: u32| {
                self.source(&stream.source)
                    .map_or(0.0, |source| number(source, output, row).max(0.0))
            };
            let total: f64 = selected.rows.iter().map(|row| weight(*row)).sum();
            let total = total.max(f64::MIN_POSITIVE);
            return selected
                .rows
                .iter()
                .map(|row| (*row, weight(*row) / total))
                .collect();
        }
        match &selected.second {
            None => of(&selected.rows, 1.0),
            Some(second) => [of(&selected.rows, 0.5), of(second, 0.5)].concat(),
        }
    }
}

/// Finds a column by its name.
type Find<'a> = Box<dyn Fn(&str) -> Option<&'a Column> + 'a>;

/// Where picks find the values of rows.
struct Of<'a> {
    /// The number of rows of the source.
    rows: usize,
    /// A value of each row, by name.
    output: Find<'a>,
    /// A number of rows.
    amount: Box<dyn Fn(&AmountPlan) -> usize + 'a>,
}

impl Of<'_> {
    fn truth(&self, output: &str, row: u32) -> bool {
        let data = (self.output)(output).map(|column| &column.data);
        matches!(data, Some(Data::Bool(values)) if values[row as usize])
    }

    fn number(&self, output: &str, row: u32) -> f64 {
        (self.output)(output).map_or(0.0, |column| number_at(column, row))
    }
}

/// The weight of each row of a source for statistics over the rows of a loss; `outputs` are those of their row program.
pub(super) fn counted(
    plan: &CountedRows,
    source: &Source,
    outputs: &BTreeMap<String, Column>,
) -> Vec<f64> {
    let of = Of {
        rows: source.rows,
        output: Box::new(|name| outputs.get(name)),
        amount: Box::new(|amount| match amount {
            AmountPlan::Rows(n) => *n,
            AmountPlan::Times(..) => {
                unreachable!("internal: the checker lets no counts of other rows through")
            }
        }),
    };
    let holds = |row: &u32| {
        let mut conditions = plan.condition.iter();
        conditions.all(|name| of.truth(name, *row))
    };
    let counts = |row: &u32| source.training_weight(*row as usize) > 0.0;
    let training = (0..source.rows as u32).filter(counts);
    let mut selected = Selected::default();
    let rows = selected.narrow(&of, training.filter(holds).collect(), &plan.picks);
    let mut weights = vec![0.0; source.rows];
    for row in rows {
        let weight = selected
            .weights
            .as_ref()
            .map_or(1.0, |weights| weights[row as usize]);
        weights[row as usize] = f64::from(weight.max(0.0)) * source.training_weight(row as usize);
    }
    weights
}

impl Selected {
    /// Instead of drawing rows in proportion to an output, weighs all by it: what draws would give in the mean.
    fn drawn_by(&mut self, source: &Source, output: &str) {
        let weights = self.weights.get_or_insert_with(|| vec![1.0; source.rows]);
        let log_q = self.log_q.get_or_insert_with(|| vec![0.0; source.rows]);
        self.rows.retain(|row| number(source, output, *row) > 0.0);
        for row in &self.rows {
            let weight = number(source, output, *row) as f32;
            weights[*row as usize] *= weight;
            log_q[*row as usize] += weight.ln();
        }
    }

    /// The rows that stay, in file order. A choice at random depends on the pick and its place among such: a selector has the
    /// same rows wherever it is read.
    fn narrow(&mut self, of: &Of<'_>, mut rows: Vec<u32>, picks: &[PickPlan]) -> Vec<u32> {
        let mut chosen = 0;
        for pick in picks {
            let key = Key::new(site_hash(&pick.to_string())).with(chosen);
            match pick {
                PickPlan::Keep(output) => rows.retain(|row| of.truth(output, *row)),
                PickPlan::AtMost(n, None) => {
                    chosen += 1;
                    rows = largest(rows, (of.amount)(n), |row| key.draw(u64::from(row)) as f64)
                }
                PickPlan::AtMost(n, Some(by)) => {
                    rows = largest(rows, (of.amount)(n), |row| of.number(by, row))
                }
                PickPlan::Top(share, by) => {
                    let n = (share * rows.len() as f64).ceil() as usize;
                    rows = largest(rows, n.max(1), |row| of.number(by, row));
                }
                PickPlan::Weigh(output) => {
                    let weights = self.weights.get_or_insert_with(|| vec![1.0; of.rows]);
                    rows.iter()
                        .for_each(|row| weights[*row as usize] *= of.number(output, *row) as f32);
                }
                PickPlan::DownSample(output, rate) => {
                    chosen += 1;
                    let log_q = self.log_q.get_or_insert_with(|| vec![0.0; of.rows]);
                    rows.retain(|row| {
                        if !of.truth(output, *row) {
                            return true;
                        }
                        log_q[*row as usize] += rate.ln() as f32;
                        unit(key.draw(u64::from(*row))) < *rate
                    });
                }
            }
        }
        rows
    }
}

/// A draw as a number in `[0, 1)`.
pub(crate) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// The `n` rows with the largest values, ties in file order; all in file order.
fn largest(rows: Vec<u32>, n: usize, value: impl Fn(u32) -> f64) -> Vec<u32> {
    let mut valued: Vec<(u32, f64)> = rows.into_iter().map(|row| (row, value(row))).collect();
    valued.sort_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
    let mut rows: Vec<u32> = valued.into_iter().take(n).map(|(row, _)| row).collect();
    rows.sort_unstable();
    rows
}

/// The value of a numeric output at a row; 0 where there is none.
pub(crate) fn number(source: &Source, output: &str, row: u32) -> f64 {
    let column = source.outputs.get(output);
    column.map_or(0.0, |column| number_at(column, row))
}

fn number_at(column: &Column, row: u32) -> f64 {
    match &column.data {
        Data::Float(values) => values[row as usize],
        Data::Int(values) => values[row as usize] as f64,
        Data::Bool(values) => f64::from(u8::from(values[row as usize])),
        Data::Str(_) | Data::List(_) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_in_file_order_and_ties_go_to_the_first() {
        let values = [3.0, 1.0, 3.0, 2.0];
        let by = |row: u32| values[row as usize];
        assert_eq!(largest(vec![0, 1, 2, 3], 2, by), [0, 2]);
        assert_eq!(largest(vec![0, 1, 2, 3], 1, by), [0]);
        assert_eq!(largest(vec![3, 1], 9, by), [1, 3]);
    }
}
