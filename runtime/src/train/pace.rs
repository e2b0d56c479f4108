//! How fast training goes: examples a second, the share of time that it waits for data, the time left.

use std::time::{Duration, Instant};

/// Between two notices of progress.
const INTERVAL: Duration = Duration::from_millis(200);

/// Measures since the last notice, and since the beginning.
pub(super) struct Pace {
    began: Instant,
    first_step: usize,
    since: Instant,
    waited: Duration,
    examples: usize,
}

/// What a notice of progress says about the pace.
pub(super) struct Reading {
    pub(super) examples_per_second: f64,
    pub(super) waiting: f64,
    pub(super) seconds_left: f64,
}

impl Pace {
    pub(super) fn new(first_step: usize) -> Self {
        let now = Instant::now();
        Self {
            began: now,
            first_step,
            since: now,
            waited: Duration::ZERO,
            examples: 0,
        }
    }

    /// Counts a step: how long it waited for its batch and how many rows that has.
    pub(super) fn add(&mut self, waited: Duration, examples: usize) {
        self.waited += waited;
        self.examples += examples;
    }

    /// The reading after `step` of `steps`, where it is time for one, and after the last step.
    pub(super) fn read(&mut self, step: usize, steps: usize) -> Option<Reading> {
        let since = self.since.elapsed();
        if since < INTERVAL && step < steps {
            return None;
        }
        let seconds = since.as_secs_f64().max(1e-9);
        let done = step.saturating_sub(self.first_step).max(1);
        let a_step = self.began.elapsed().as_secs_f64() / done as f64;
        let reading = Reading {
            examples_per_second: self.examples as f64 / seconds,
            waiting: (self.waited.as_secs_f64() / seconds).min(1.0),
            seconds_left: a_step * steps.saturating_sub(step) as f64,
        };
        (self.since, self.waited, self.examples) = (Instant::now(), Duration::ZERO, 0);
        Some(reading)
    }
}
