//! What this process takes of the memory of the machine, as the system tells.

use std::fs;

use reckon_compiler::cost::Loaded;

/// The most bytes that the process has had in memory; `None` where the system does not tell.
pub fn most() -> Option<u64> {
    of_status("VmHWM:")
}

/// What it takes now that its data are read, after memory that was freed on the way has gone back.
pub(crate) fn loaded() -> Option<Loaded> {
    let peak = most()?;
    reckon_torch::give_back_memory();
    Some(Loaded {
        now: of_status("VmRSS:")?,
        peak,
    })
}

fn of_status(field: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    kilobytes(&text, field).map(|count| 1024 * count)
}

fn kilobytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::kilobytes;

    #[test]
    fn a_field_is_read_by_its_whole_name() {
        let status = "VmPeak:\t  900 kB\nVmHWM:\t  123 kB\nVmRSS:\t  45 kB\n";
        assert_eq!(kilobytes(status, "VmHWM:"), Some(123));
        assert_eq!(kilobytes(status, "VmSwap:"), None);
    }
}
