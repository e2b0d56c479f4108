//! Which files a source names: paths, globs and folders.

use std::path::{Path, PathBuf};

use reckon_compiler::plan::SourcePlan;
use reckon_grammar::diagnostic::{Diagnostic, nearest};

use super::fault::NO_FILE;

/// The endings that tell how a file is to be read.
const ENDINGS: [&str; 6] = ["csv", "tsv", "parquet", "arrow", "feather", "ipc"];

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// The path as diagnostics name it: as the spec does, with globs and folders filled in.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
}

/// The files of a source in the order of the spec, those of a glob or folder sorted by name.
pub(crate) fn files(plan: &SourcePlan, root: &Path, sink: &mut Vec<Diagnostic>) -> Vec<File> {
    let mut files = Vec::new();
    for written in &plan.paths {
        let found = expand(written, root);
        if found.is_empty() {
            sink.push(missing(plan, written, root));
        }
        files.extend(found);
    }
    files
}

fn expand(written: &str, root: &Path) -> Vec<File> {
    let (folder, name) = written.rsplit_once('/').unwrap_or(("", written));
    let file = |folder: &str, name: &str| {
        let name = if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{folder}/{name}")
        };
        File {
            path: root.join(&name),
            name,
        }
    };
    if name.contains(['*', '?']) {
        let names = names_in(&root.join(folder));
        return names
            .iter()
            .filter(|found| matches(name, found))
            .map(|found| file(folder, found))
            .collect();
    }
    let path = root.join(written);
    if path.is_dir() {
        let folder = written.trim_end_matches('/');
        let known = |name: &&String| {
            ENDINGS
                .iter()
                .any(|ending| name.ends_with(&format!(".{ending}")))
        };
        return names_in(&path)
            .iter()
            .filter(known)
            .map(|found| file(folder, found))
            .collect();
    }
    if path.is_file() {
        vec![File {
            name: written.to_owned(),
            path,
        }]
    } else {
        Vec::new()
    }
}

/// The names of the files in a folder, sorted.
fn names_in(folder: &Path) -> Vec<String> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let files = entries.flatten().filter(|entry| entry.path().is_file());
    let mut names: Vec<String> = files
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
}

/// Whether a name fits a pattern in which `*` stands for any text and `?` for one character.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut from) = (0, 0);
    // Where the last star stands, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while from < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(expected) if *expected == '?' || *expected == name[from] => {
                at += 1;
                from += 1;
            }
            Some(_) | None => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    at = place + 1;
                    from = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

fn missing(plan: &SourcePlan, written: &str, root: &Path) -> Diagnostic {
    let (folder, name) = written.rsplit_once('/').unwrap_or(("", written));
    let what = if name.contains(['*', '?']) {
        "no file matches"
    } else {
        "there is no file"
    };
    let mut diagnostic = Diagnostic::error(NO_FILE, plan.span, format!("{what} `{written}`"))
        .note("paths are relative to the folder of the spec");
    let beside = names_in(&root.join(folder));
    if let Some(near) = nearest(name, beside.iter().map(String::as_str)) {
        let near = if folder.is_empty() {
            near.to_owned()
        } else {
            format!("{folder}/{near}")
        };
        diagnostic = diagnostic.help(format!("perhaps `{near}` is meant"));
    } else if !folder.is_empty() && !root.join(folder).is_dir() {
        diagnostic = diagnostic.note(format!("there is no folder `{folder}` either"));
    }
    diagnostic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_parts_of_a_name() {
        let yes = [
            ("*.csv", "a.csv"),
            ("a*b*c", "aXbYbZc"),
            ("day?.csv", "day1.csv"),
            ("*", ""),
            ("a", "a"),
        ];
        let no = [
            ("*.csv", "a.tsv"),
            ("a*b", "abc"),
            ("day?.csv", "day.csv"),
            ("", "a"),
            ("?", ""),
        ];
        assert!(yes.iter().all(|(pattern, name)| matches(pattern, name)));
        assert!(!no.iter().any(|(pattern, name)| matches(pattern, name)));
    }

    #[test]
    fn a_folder_gives_its_data_files_sorted() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("data")).unwrap();
        for name in ["b.csv", "a.csv", "notes.txt"] {
            std::fs::write(root.path().join("data").join(name), "x\n1\n").unwrap();
        }
        let names = |written| {
            expand(written, root.path())
                .into_iter()
                .map(|file| file.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names("data"), ["data/a.csv", "data/b.csv"]);
        assert_eq!(names("data/?.csv"), ["data/a.csv", "data/b.csv"]);
        assert_eq!(names("data/b.csv"), ["data/b.csv"]);
        assert!(names("data/c.csv").is_empty());
    }
}
