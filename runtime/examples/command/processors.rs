//! What the threads of this process have taken.

use std::fs;

/// Seconds that all threads of this process have been on a processor, where the system tells.
pub(crate) fn processor_seconds() -> Option<f64> {
    let of_task = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    let nanos: Option<f64> = tasks.map(|entry| of_task(entry.ok()?)).sum();
    Some(nanos? / 1e9)
}
