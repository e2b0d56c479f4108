//! How many threads work.

use std::num::NonZero;
use std::thread;

/// The threads to work with: as many as asked for, or one for each core that this process may use.
pub(crate) fn count(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get))
}
