//! Which rows each step takes from a stream: a function of seed, stream and step, so that a resumed run takes the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use reckon_compiler::plan::{StreamOrder, StreamPlan};
use reckon_kernel::Data;

use crate::data::{Dataset, Selected, number, unit};
use crate::random::Key;

/// The rows of a stream and how they come.
pub(crate) struct Stream {
    /// Of the first half of batches, or of all.
    first: Half,
    /// Of the second half.
    second: Option<Half>,
    /// Rows a step, drawn ones included.
    batch: usize,
    order: Order,
    key: Key,
}

/// Rows, in an order that each epoch has of its own.
struct Half {
    rows: Vec<u32>,
    /// Where each group of rows begins, and the end; every row is a group where rows are not grouped.
    groups: Option<Vec<usize>>,
    /// Rows a step.
    batch: usize,
    key: Key,
    /// The steps of the last epochs asked for.
    epochs: Mutex<BTreeMap<usize, Arc<Epoch>>>,
}

/// The rows of an epoch in order, and where each step begins, and the end.
struct Epoch {
    rows: Vec<u32>,
    steps: Vec<usize>,
}

/// In which order rows come.
enum Order {
    Shuffled,
    Drawn,
    /// In proportion to weights, as running sums.
    DrawnBy(Vec<f64>),
}

/// Orders kept: workers ahead of the step may be in the next epoch already.
const EPOCHS_KEPT: usize = 2;

impl Stream {
    /// The stream of a plan with its rows, at least one in each half. `key` is of the seed and the stream.
    pub(crate) fn new(data: &Dataset, plan: &StreamPlan, selected: Selected, key: Key) -> Self {
        let beside = plan
            .negatives
            .as_ref()
            .map_or(1, |negatives| 1 + negatives.count);
        let taken = plan.batch.max(1).div_ceil(beside);
        let order = match &plan.order {
            StreamOrder::Shuffled => Order::Shuffled,
            StreamOrder::Drawn => Order::Drawn,
            StreamOrder::DrawnBy(output) => {
                Order::DrawnBy(running_sums(data, plan, output, &selected.rows))
            }
        };
        let groups = |rows: &mut Vec<u32>| {
            plan.group.as_ref().map(|output| {
                let groups = grouped(data, &plan.source, output, rows);
                at_most(plan.most, groups, rows)
            })
        };
        let mut rows = selected.rows;
        let (of_first, of_second) = match &selected.second {
            None => (taken, 0),
            Some(_) => (taken.div_ceil(2), (taken / 2).max(1)),
        };
        let first = Half::new(groups(&mut rows), rows, of_first, key);
        let second = selected
            .second
            .map(|rows| Half::new(None, rows, of_second, key.with(SECOND)));
        Self {
            first,
            second,
            batch: plan.batch.max(1),
            order,
            key,
        }
    }

    /// The number of its rows.
    pub(crate) fn len(&self) -> usize {
        self.first.rows.len() + self.second.as_ref().map_or(0, |half| half.rows.len())
    }

    /// Its rows, those of the first half where there are two.
    pub(crate) fn rows(&self) -> &[u32] {
        &self.first.rows
    }

    /// Rows a step.
    pub(crate) fn batch(&self) -> usize {
        self.batch
    }

    /// Steps that go once through the rows, those of the first half where there are two. What is left of whole batches is a batch
    /// too, unless it is a single row, which has no other candidate beside itself.
    pub(crate) fn steps(&self) -> usize {
        self.first.steps()
    }

    /// The rows of a step, counted from 0 through all epochs.
    pub(crate) fn rows_of(&self, step: usize) -> Vec<u32> {
        let rows = &self.first.rows;
        if rows.is_empty() {
            return Vec::new();
        }
        let key = self.key.with(step as u64);
        match &self.order {
            Order::Drawn if self.first.batch <= rows.len() => {
                let places = without_replacement(key, self.first.batch, rows.len());
                places.into_iter().map(|at| rows[at]).collect()
            }
            Order::Drawn => (0..self.first.batch)
                .map(|at| rows[key.below(at as u64, rows.len())])
                .collect(),
            Order::DrawnBy(sums) => (0..self.first.batch)
                .map(|at| {
                    let total = sums.last().copied().unwrap_or(0.0);
                    let draw = unit(key.draw(at as u64)) * total;
                    rows[sums.partition_point(|sum| *sum <= draw).min(rows.len() - 1)]
                })
                .collect(),
            Order::Shuffled => {
                let mut taken = self.first.rows_of(step);
                taken.extend(self.second.iter().flat_map(|half| half.rows_of(step)));
                taken
            }
        }
    }
}

/// Tells the second half's key from the first's.
const SECOND: u64 = u64::MAX;

impl Half {
    fn new(groups: Option<Vec<usize>>, rows: Vec<u32>, batch: usize, key: Key) -> Self {
        assert!(batch > 0, "internal: a stream takes rows at a step");
        Self {
            rows,
            groups,
            batch,
            key,
            epochs: Mutex::default(),
        }
    }

    fn steps(&self) -> usize {
        if self.groups.is_some() && !self.rows.is_empty() {
            return self.epoch(0).steps.len() - 1;
        }
        let whole = self.rows.len() / self.batch;
        let rest = self.rows.len() % self.batch;
        whole + usize::from(rest > 1 || (whole == 0 && rest == 1))
    }

    fn rows_of(&self, step: usize) -> Vec<u32> {
        // Groups of unlike sizes fill batches in unlike numbers, so epochs of groups are as long as the first.
        let steps = self.steps();
        let epoch = self.epoch(step / steps);
        let at = step % steps;
        match epoch.steps.get(at..at + 2) {
            Some(range) => epoch.rows[range[0]..range[1]].to_vec(),
            None => epoch.rows[epoch.steps[0]..epoch.steps[1]].to_vec(),
        }
    }

    fn epoch(&self, epoch: usize) -> Arc<Epoch> {
        let mut epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        if !epochs.contains_key(&epoch) && epochs.len() == EPOCHS_KEPT {
            epochs.pop_first();
        }
        let make = || Arc::new(self.shuffled(self.key.with(epoch as u64)));
        Arc::clone(epochs.entry(epoch).or_insert_with(make))
    }

    fn shuffled(&self, key: Key) -> Epoch {
        let Some(groups) = &self.groups else {
            let order = key.permutation(self.rows.len());
            let rows: Vec<u32> = order.into_iter().map(|at| self.rows[at as usize]).collect();
            let mut steps: Vec<usize> = (0..=rows.len()).step_by(self.batch).collect();
            if steps.last() != Some(&rows.len()) {
                steps.push(rows.len());
            }
            return Epoch { rows, steps };
        };
        let (mut rows, mut steps) = (Vec::with_capacity(self.rows.len()), vec![0]);
        for group in key.permutation(groups.len() - 1) {
            let group = group as usize;
            rows.extend_from_slice(&self.rows[groups[group]..groups[group + 1]]);
            let begun = steps.last().copied().unwrap_or(0);
            if rows.len() - begun >= self.batch {
                steps.push(rows.len());
            }
        }
        if steps.last() != Some(&rows.len()) {
            steps.push(rows.len());
        }
        Epoch { rows, steps }
    }
}

/// `count` places of `0..len`, each at most once: the beginning of a shuffle.
fn without_replacement(key: Key, count: usize, len: usize) -> Vec<usize> {
    let mut moved: BTreeMap<usize, usize> = BTreeMap::new();
    let mut places = Vec::with_capacity(count);
    for at in 0..count {
        let other = at + key.below(at as u64, len - at);
        let here = moved.get(&at).copied().unwrap_or(at);
        places.push(moved.get(&other).copied().unwrap_or(other));
        moved.insert(other, here);
    }
    places
}

fn running_sums(data: &Dataset, plan: &StreamPlan, output: &str, rows: &[u32]) -> Vec<f64> {
    let source = data.source(&plan.source);
    let mut sum = 0.0;
    let sums = rows.iter().map(|row| {
        sum += source.map_or(0.0, |source| number(source, output, *row).max(0.0));
        sum
    });
    sums.collect()
}

/// Sorts rows by an output, in file order within a group; gives where groups begin, and the end.
fn grouped(data: &Dataset, source: &str, output: &str, rows: &mut [u32]) -> Vec<usize> {
    let column = data
        .source(source)
        .and_then(|source| source.outputs.get(output));
    match column.map(|column| &column.data) {
        Some(Data::Int(values)) => by_value(rows, |row| values[row as usize]),
        Some(Data::Str(texts)) => by_value(rows, |row| texts.get(row as usize)),
        Some(Data::Float(_) | Data::Bool(_) | Data::List(_)) | None => by_value(rows, |row| row),
    }
}

/// Leaves the first rows of each group.
fn at_most(most: Option<usize>, groups: Vec<usize>, rows: &mut Vec<u32>) -> Vec<usize> {
    let Some(most) = most else { return groups };
    let (mut kept, mut ends) = (Vec::with_capacity(rows.len()), vec![0]);
    for group in groups.windows(2) {
        let end = group[1].min(group[0] + most);
        kept.extend_from_slice(&rows[group[0]..end]);
        ends.push(kept.len());
    }
    *rows = kept;
    ends
}

fn by_value<V: Ord>(rows: &mut [u32], value: impl Fn(u32) -> V) -> Vec<usize> {
    rows.sort_by(|a, b| value(*a).cmp(&value(*b)).then_with(|| a.cmp(b)));
    let begins = |at: &usize| *at == 0 || value(rows[at - 1]) != value(rows[*at]);
    let mut groups: Vec<usize> = (0..rows.len()).filter(begins).collect();
    groups.push(rows.len());
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(rows: u32, batch: usize, order: StreamOrder) -> Stream {
        let first = Half::new(None, (100..100 + rows).collect(), batch, Key::new(1));
        let order = match order {
            StreamOrder::Drawn => Order::Drawn,
            StreamOrder::Shuffled | StreamOrder::DrawnBy(_) => Order::Shuffled,
        };
        let key = Key::new(1);
        Stream {
            first,
            second: None,
            batch,
            order,
            key,
        }
    }

    #[test]
    fn an_epoch_takes_every_row_once_and_the_next_in_another_order() {
        let stream = stream(10, 4, StreamOrder::Shuffled);
        let epoch = |at: usize| {
            (3 * at..3 * at + 3)
                .flat_map(|step| stream.rows_of(step))
                .collect::<Vec<u32>>()
        };
        let mut first = epoch(0);
        assert_ne!(first, epoch(1));
        first.sort_unstable();
        assert_eq!(first, (100..110).collect::<Vec<u32>>());
    }

    #[test]
    fn a_rest_of_one_row_is_left_out_of_an_epoch() {
        let sizes = |rows| {
            let stream = stream(rows, 4, StreamOrder::Shuffled);
            (0..stream.steps())
                .map(|step| stream.rows_of(step).len())
                .collect::<Vec<usize>>()
        };
        assert_eq!(sizes(9), [4, 4]);
        assert_eq!(sizes(10), [4, 4, 2]);
        assert_eq!(sizes(1), [1], "a stream of one row still trains");
    }

    #[test]
    fn drawn_rows_repeat_only_where_there_are_too_few() {
        let wide = stream(50, 20, StreamOrder::Drawn);
        let mut rows = wide.rows_of(3);
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), 20);
    }

    #[test]
    fn draws_without_replacement_are_even() {
        let mut counts = [0_u32; 10];
        for step in 0..4_000 {
            for place in without_replacement(Key::new(5).with(step), 3, 10) {
                counts[place] += 1;
            }
        }
        // Each is expected 1200 times, and the square of its distance is about 840; 27.9 is the 0.1 % point of chi-square at 9.
        let distance: f64 = counts
            .iter()
            .map(|count| (f64::from(*count) - 1200.0).powi(2) / 840.0)
            .sum();
        assert!(distance < 27.9, "{distance} {counts:?}");
    }

    #[test]
    fn groups_stay_together_in_whichever_order_they_come() {
        let mut rows = vec![7, 3, 9, 4, 5];
        let groups = by_value(&mut rows, |row| row % 2);
        assert_eq!(
            (rows.as_slice(), groups.as_slice()),
            (&[4, 3, 5, 7, 9][..], &[0, 1, 5][..])
        );
        let half = Half::new(Some(groups), rows, 2, Key::new(1));
        let mut batches: Vec<Vec<u32>> = (0..half.steps()).map(|step| half.rows_of(step)).collect();
        batches.iter_mut().for_each(|rows| rows.sort_unstable());
        assert!(batches.iter().flatten().count() == 5);
        assert!(
            batches
                .iter()
                .any(|rows| rows.ends_with(&[3, 5, 7, 9]) || rows == &[3, 4, 5, 7, 9]),
            "{batches:?}"
        );
    }

    #[test]
    fn of_a_long_group_the_first_rows_of_the_file_come() {
        let mut rows = vec![7, 3, 9, 4, 5];
        let groups = by_value(&mut rows, |row| row % 2);
        let groups = at_most(Some(2), groups, &mut rows);
        assert_eq!(
            (rows.as_slice(), groups.as_slice()),
            (&[4, 3, 5][..], &[0, 1, 3][..])
        );
    }

    #[test]
    fn drawn_rows_come_with_replacement_and_by_step() {
        let stream = stream(3, 8, StreamOrder::Drawn);
        assert_eq!(stream.rows_of(5).len(), 8);
        assert_eq!(stream.rows_of(5), stream.rows_of(5));
        assert_ne!(stream.rows_of(5), stream.rows_of(6));
    }

    #[test]
    fn steps_may_be_asked_for_in_any_order() {
        let (forward, back) = (
            stream(10, 4, StreamOrder::Shuffled),
            stream(10, 4, StreamOrder::Shuffled),
        );
        let mut ahead: Vec<_> = (0..12).map(|step| forward.rows_of(step)).collect();
        let behind: Vec<_> = (0..12).rev().map(|step| back.rows_of(step)).collect();
        ahead.reverse();
        assert_eq!(ahead, behind);
    }
}
