//! `cargo xtask zed`: lays out the extension for Zed as a folder that its command `zed: install dev extension` takes. Zed clones the
//! grammar of an extension from a repository at a commit; here that is this checkout, at its last commit.

use crate::{
    Repository, Verb,
    chores::{fresh_folder, no_arguments, say},
    trouble::Trouble,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

pub(crate) const VERB: Verb = Verb {
    name: "zed",
    arguments: "",
    about: "lay out the extension for Zed in target/zed",
    run: |repository, arguments| {
        no_arguments("zed", arguments)?;
        let folder = lay_out(repository)?;
        say(format!(
            "in Zed, run `zed: install dev extension` and choose {}",
            folder.display()
        ));
        Ok(())
    },
};

/// Where the grammar lies in the repository.
const GRAMMAR: &str = "editors/tree-sitter";

fn lay_out(repository: &Repository) -> Result<PathBuf, Trouble> {
    let changed = git(&repository.root, &["status", "--porcelain", "--", GRAMMAR])?;
    if !changed.is_empty() {
        return Err(Trouble::new(
            format!(
                "{GRAMMAR} has changes that are in no commit, and Zed reads the grammar from a commit:\n{changed}"
            ),
            "commit them first",
        ));
    }
    let commit = git(&repository.root, &["rev-parse", "HEAD"])?;
    let folder = fresh_folder(repository.root.join("target/zed"))?;
    for file in git(&repository.root, &["ls-files", "--", "editors/zed"])?.lines() {
        let inside = Path::new(file)
            .strip_prefix("editors/zed")
            .expect("git lists what lies there");
        copy(&repository.root.join(file), &folder.join(inside))?;
    }
    let manifest = folder.join("extension.toml");
    let text = fs::read_to_string(&manifest)
        .map_err(|error| Trouble::io(format!("cannot read {}", manifest.display()), &error))?;
    let text = text + &grammar(&url(&repository.root), &commit);
    fs::write(&manifest, text)
        .map_err(|error| Trouble::io(format!("cannot write {}", manifest.display()), &error))?;
    Ok(folder)
}

/// The part of the manifest that says where the grammar comes from.
fn grammar(repository: &str, commit: &str) -> String {
    format!(
        "\n[grammars.reckon]\nrepository = \"{repository}\"\nrev = \"{commit}\"\npath = \"{GRAMMAR}\"\n"
    )
}

/// A folder as git clones it. Blanks stay: git takes the rest of the address as a path.
fn url(folder: &Path) -> String {
    let path = folder.display().to_string().replace('\\', "/");
    match path.starts_with('/') {
        true => format!("file://{path}"),
        false => format!("file:///{path}"),
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Trouble> {
    let trouble = |error| Trouble::io(format!("cannot write {}", to.display()), &error);
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(trouble)?;
    }
    fs::copy(from, to).map_err(trouble)?;
    Ok(())
}

/// What git prints, without the last end of a line.
fn git(folder: &Path, words: &[&str]) -> Result<String, Trouble> {
    let output = Command::new("git")
        .args(words)
        .current_dir(folder)
        .output()
        .map_err(|error| Trouble::io("cannot start git", &error))?;
    if !output.status.success() {
        return Err(Trouble::new(
            format!(
                "git {}: {}",
                words.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            ),
            "the extension is laid out from a checkout, as Zed clones the grammar from it",
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A checkout with an extension and a grammar in one commit.
    fn checkout() -> (tempfile::TempDir, Repository) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_path_buf();
        for (file, text) in [
            ("editors/zed/extension.toml", "id = \"reckon\"\n"),
            (
                "editors/zed/languages/reckon/config.toml",
                "name = \"Reckon\"\n",
            ),
            ("editors/tree-sitter/src/parser.c", "// a parser\n"),
        ] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), text).unwrap();
        }
        for words in [
            &["init", "--quiet"][..],
            &["add", "."],
            &[
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@b",
                "commit",
                "--quiet",
                "--message",
                "first",
            ],
        ] {
            git(&root, words).unwrap();
        }
        (folder, Repository { root })
    }

    #[test]
    fn the_manifest_names_the_last_commit_of_this_checkout() {
        let (_folder, repository) = checkout();
        let folder = lay_out(&repository).unwrap();
        let commit = git(&repository.root, &["rev-parse", "HEAD"]).unwrap();
        assert_eq!(
            fs::read_to_string(folder.join("extension.toml")).unwrap(),
            format!(
                "id = \"reckon\"\n\n[grammars.reckon]\nrepository = \"file://{}\"\nrev = \"{commit}\"\npath = \"editors/tree-sitter\"\n",
                repository.root.display()
            )
        );
        assert!(folder.join("languages/reckon/config.toml").is_file());
    }

    /// The commands that Zed runs to get a grammar, in a folder that is not there yet.
    #[test]
    fn the_grammar_can_be_fetched_as_zed_does() {
        let (_folder, repository) = checkout();
        lay_out(&repository).unwrap();
        let commit = git(&repository.root, &["rev-parse", "HEAD"]).unwrap();
        let clone = tempfile::tempdir().unwrap();
        for words in [
            &["init", "--quiet"][..],
            &["remote", "add", "origin", &url(&repository.root)],
            &["fetch", "--quiet", "--depth", "1", "origin", &commit],
            &["checkout", "--quiet", &commit],
        ] {
            git(clone.path(), words).unwrap();
        }
        assert!(clone.path().join(GRAMMAR).join("src/parser.c").is_file());
    }

    #[test]
    fn a_grammar_that_is_not_committed_is_refused() {
        let (_folder, repository) = checkout();
        fs::write(
            repository.root.join("editors/tree-sitter/src/parser.c"),
            "// another\n",
        )
        .unwrap();
        let trouble = lay_out(&repository).unwrap_err();
        assert!(trouble.what.contains("parser.c"), "{trouble}");
    }

    #[test]
    fn a_folder_of_windows_is_an_address_too() {
        assert_eq!(url(Path::new("C:\\code\\reckon")), "file:///C:/code/reckon");
    }
}
