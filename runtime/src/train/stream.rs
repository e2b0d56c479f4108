//! Which rows each step takes from a stream: a function of seed, stream and step, so that a resumed run takes the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use reckon_compiler::plan::StreamOrder;

use crate::random::Key;

/// The rows of a stream and how they come.
pub(crate) struct Stream {
    rows: Vec<u32>,
    batch: usize,
    order: StreamOrder,
    key: Key,
    /// The orders of the last epochs asked for.
    epochs: Mutex<BTreeMap<usize, Arc<Vec<u32>>>>,
}

/// Orders kept: workers ahead of the step may be in the next epoch already.
const EPOCHS_KEPT: usize = 2;

impl Stream {
    /// A stream with at least one row; `batch` rows a step. `key` is of the seed and the stream.
    pub(crate) fn new(rows: Vec<u32>, batch: usize, order: StreamOrder, key: Key) -> Self {
        assert!(
            !rows.is_empty() && batch > 0,
            "internal: a stream has rows and takes some a step"
        );
        Self {
            rows,
            batch,
            order,
            key,
            epochs: Mutex::default(),
        }
    }

    /// The number of its rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Rows a step.
    pub(crate) fn batch(&self) -> usize {
        self.batch
    }

    /// Steps that go once through the rows. What is left of whole batches is a batch too, unless it is a single row,
    /// which has no other candidate beside itself.
    pub(crate) fn steps(&self) -> usize {
        let whole = self.rows.len() / self.batch;
        let rest = self.rows.len() % self.batch;
        whole + usize::from(rest > 1 || (whole == 0 && rest == 1))
    }

    /// The rows of a step, counted from 0 through all epochs.
    pub(crate) fn rows_of(&self, step: usize) -> Vec<u32> {
        match self.order {
            StreamOrder::Drawn => {
                let key = self.key.with(step as u64);
                (0..self.batch)
                    .map(|at| self.rows[key.below(at as u64, self.rows.len())])
                    .collect()
            }
            StreamOrder::Shuffled => {
                let order = self.epoch(step / self.steps());
                let start = step % self.steps() * self.batch;
                let end = (start + self.batch).min(order.len());
                order[start..end]
                    .iter()
                    .map(|at| self.rows[*at as usize])
                    .collect()
            }
        }
    }

    fn epoch(&self, epoch: usize) -> Arc<Vec<u32>> {
        let mut epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        if !epochs.contains_key(&epoch) && epochs.len() == EPOCHS_KEPT {
            epochs.pop_first();
        }
        let make = || Arc::new(self.key.with(epoch as u64).permutation(self.rows.len()));
        Arc::clone(epochs.entry(epoch).or_insert_with(make))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(rows: u32, batch: usize, order: StreamOrder) -> Stream {
        Stream::new((100..100 + rows).collect(), batch, order, Key::new(1))
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
