//! What two runs of one seed have in common: every bit.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The files of a run directory and of its checkpoint by path. Seconds are no result, nor what tells them.
pub(crate) fn bits(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in ["checkpoint", "."] {
        for entry in fs::read_dir(run.join(folder)).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let is_timed =
                name == "timing.json" || name == "report.html" || name.contains("tfevents");
            if entry.path().is_file() && !is_timed {
                files.insert(format!("{folder}/{name}"), fs::read(entry.path()).unwrap());
            }
        }
    }
    files
}

#[track_caller]
pub(crate) fn assert_same(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<String>>();
    assert_eq!(names(one), names(other));
    for (name, bytes) in one {
        assert!(*bytes == other[name], "{name} differs");
    }
}
