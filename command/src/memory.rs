//! How much memory a process on this machine may have.

use std::fs;
use std::path::Path;

use crate::arguments::Memory;

/// A bound on memory, and what sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Bytes.
    pub bytes: u64,
    /// `this machine`, `--memory`.
    pub by: &'static str,
}

/// The bound that was asked for, or that of the machine; `None` where there is none, or where nothing tells it.
pub fn limit(asked: Option<Memory>) -> Option<Limit> {
    match asked {
        Some(Memory::Any) => None,
        Some(Memory::Bytes(bytes)) => Some(Limit {
            bytes,
            by: "`--memory`",
        }),
        None => of_machine(),
    }
}

/// The smallest of what the machine has, what the group of the process may have, and what the process may map.
fn of_machine() -> Option<Limit> {
    let read = |path: &Path| fs::read_to_string(path).ok();
    let machine = read(Path::new("/proc/meminfo")).and_then(|text| total(&text));
    let group = read(Path::new("/proc/self/cgroup"))
        .and_then(|text| group(&text).map(str::to_owned))
        .and_then(|path| of_group(&path, &read));
    let address = read(Path::new("/proc/self/limits")).and_then(|text| address_space(&text));
    let bound = |bytes: Option<u64>, by| bytes.map(|bytes| Limit { bytes, by });
    [
        bound(machine, "this machine"),
        bound(group, "the control group of the process"),
        bound(address, "the limit of address space"),
    ]
    .into_iter()
    .flatten()
    .min_by_key(|limit| limit.bytes)
}

/// The bytes of `MemTotal`.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(1024 * kilobytes)
}

/// The path of a process in the second version of control groups.
fn group(cgroup: &str) -> Option<&str> {
    cgroup.lines().find_map(|line| line.strip_prefix("0::"))
}

/// The smallest bound of a group and those around it.
fn of_group(path: &str, read: &impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let root = Path::new("/sys/fs/cgroup");
    let folder = root.join(path.trim_start_matches('/'));
    let groups = folder
        .ancestors()
        .take_while(|folder| folder.starts_with(root));
    let bounds = groups.filter_map(|group| read(&group.join("memory.max"))?.trim().parse().ok());
    bounds.min()
}

/// The soft limit of address space, where there is one.
fn address_space(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_read_in_its_units() {
        assert_eq!(
            total("MemFree: 1 kB\nMemTotal:       24000 kB\n"),
            Some(24_576_000)
        );
        assert_eq!(group("1:name=a:/b\n0::/user/run\n"), Some("/user/run"));
        assert_eq!(
            address_space("Max address space 4096 unlimited bytes\n"),
            Some(4096)
        );
        assert_eq!(
            address_space("Max address space unlimited unlimited bytes\n"),
            None
        );
    }

    #[test]
    fn a_group_is_bound_by_those_around_it() {
        let read = |path: &Path| {
            let text = match path.to_str()? {
                "/sys/fs/cgroup/a/b/memory.max" => "max\n",
                "/sys/fs/cgroup/a/memory.max" => "2048\n",
                _ => return None,
            };
            Some(text.to_owned())
        };
        assert_eq!(of_group("/a/b", &read), Some(2048));
        assert_eq!(of_group("/", &read), None);
    }

    #[test]
    fn what_is_asked_for_goes_before_what_there_is() {
        let asked = limit(Some(Memory::Bytes(7))).map(|limit| limit.bytes);
        assert_eq!((asked, limit(Some(Memory::Any))), (Some(7), None));
    }
}
