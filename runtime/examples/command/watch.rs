//! What work takes, by the clock and on processors.

use std::fs;
use std::time::Instant;

/// Seconds that all threads of this process have been on a processor, where the system tells: what other processes do to
/// the clock is not in them.
fn processor_seconds() -> Option<f64> {
    let of_task = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    let nanos: Option<f64> = tasks.map(|entry| of_task(entry.ok()?)).sum();
    Some(nanos? / 1e9)
}

/// What a run took by the clock, and on processors.
pub(crate) struct Watch {
    begin: Instant,
    processors: Option<f64>,
}

impl Watch {
    pub(crate) fn start() -> Self {
        Self {
            processors: processor_seconds(),
            begin: Instant::now(),
        }
    }

    /// Seconds by the clock, and on processors; the former twice where the system does not tell the latter.
    pub(crate) fn stop(&self) -> [f64; 2] {
        let clock = self.begin.elapsed().as_secs_f64();
        let taken = processor_seconds().zip(self.processors);
        [clock, taken.map_or(clock, |(after, before)| after - before)]
    }
}
