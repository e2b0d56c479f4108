//! Which files a source names: paths, globs and folders.

use std::path::{Path, PathBuf};

use reckon_compiler::plan::SourcePlan;
use reckon_grammar::diagnostic::{Diagnostic, nearest};

use super::fault::NO_FILE;
use super::format::{ENDINGS, format_of};

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
    let file = |name: String| File {
        path: root.join(&name),
        name,
    };
    if written.contains(['*', '?']) {
        let parts: Vec<&str> = written.split('/').collect();
        let mut found = Vec::new();
        glob(&parts, String::new(), root, &mut found);
        found.sort_unstable();
        found.dedup();
        return found.into_iter().map(file).collect();
    }
    let path = root.join(written);
    if path.is_dir() {
        let folder = written.trim_end_matches('/');
        let known = |name: &&String| format_of(name).is_some();
        return names_in(&path)
            .iter()
            .filter(known)
            .map(|found| file(joined(folder, found)))
            .collect();
    }
    if path.is_file() {
        vec![file(written.to_owned())]
    } else {
        Vec::new()
    }
}

fn joined(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        "/" => format!("/{name}"),
        folder => format!("{folder}/{name}"),
    }
}

/// The files under `folder` that fit the parts of a pattern: `*` and `?` within a name, `**` for any folders.
fn glob(parts: &[&str], folder: String, root: &Path, found: &mut Vec<String>) {
    let Some((part, rest)) = parts.split_first() else {
        return;
    };
    let here = root.join(&folder);
    match (*part, rest) {
        // A path that begins at the root, or a doubled slash.
        ("", rest) => glob(
            rest,
            if folder.is_empty() {
                "/".to_owned()
            } else {
                folder
            },
            root,
            found,
        ),
        ("**", rest) => {
            glob(rest, folder.clone(), root, found);
            for name in folders_in(&here) {
                glob(parts, joined(&folder, &name), root, found);
            }
        }
        (name, []) => {
            let names = names_in(&here).into_iter();
            let fitting = names.filter(|known| matches(name, known));
            found.extend(fitting.map(|known| joined(&folder, &known)));
        }
        (name @ ("." | ".."), rest) => glob(rest, joined(&folder, name), root, found),
        (name, rest) => {
            for known in folders_in(&here)
                .iter()
                .filter(|known| matches(name, known))
            {
                glob(rest, joined(&folder, known), root, found);
            }
        }
    }
}

/// The names of the folders in a folder, without links, which may lead in circles.
fn folders_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(or_here(folder));
    let entries = entries.into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// A spec that is named without a folder lies in the folder without a name, which cannot be read by it.
fn or_here(folder: &Path) -> &Path {
    match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    }
}

/// The names of the files in a folder, sorted.
fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(or_here(folder)) else {
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
    if root.join(written).is_dir() {
        let message = format!("`{written}` is a folder without a file that can be read");
        return Diagnostic::error(NO_FILE, plan.span, message).note(ENDINGS);
    }
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
    fn the_folder_without_a_name_is_the_one_that_the_process_is_in() {
        let found = expand("*/data/files.rs", Path::new(""));
        let names: Vec<String> = found.into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["src/data/files.rs"]);
    }

    #[test]
    fn globs_go_through_folders() {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "day=2/b.csv",
            "day=1/a.csv",
            "day=1/deep/c.csv",
            "other/d.csv",
        ] {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x\n1\n").unwrap();
        }
        let names = |written| {
            let found = expand(written, root.path());
            found.into_iter().map(|file| file.name).collect::<Vec<_>>()
        };
        assert_eq!(names("day=*/*.csv"), ["day=1/a.csv", "day=2/b.csv"]);
        assert_eq!(names("**/*.csv").len(), 4);
        assert_eq!(names("day=1/**/*.csv"), ["day=1/a.csv", "day=1/deep/c.csv"]);
        assert!(names("day=?/x*.csv").is_empty());
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
