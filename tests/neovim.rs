//! A real editor: Neovim, without a screen, works with the language server on a copy of an example, and reads all specs by the
//! tree-sitter grammar. `cargo xtask test` runs this where `nvim` is installed, and says so where it is not.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
#[ignore = "needs Neovim; `cargo xtask test` runs it where `nvim` is installed"]
fn a_spec_is_opened_broken_mended_renamed_formatted_and_saved() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let (spec, story) = (
        folder.path().join("two_tower.rec"),
        folder.path().join("story"),
    );
    let before = fs::read_to_string(root.join("examples/movielens/two_tower.rec")).unwrap();
    fs::write(&spec, &before).unwrap();
    let script = root.join("tests/neovim/session.lua");
    let output = Command::new("nvim")
        .args(["--headless", "-u", "NONE", "-i", "NONE", "-n", "-c"])
        .arg(format!("luafile {}", script.display()))
        .env("RECKON", env!("CARGO_BIN_EXE_reckon"))
        .env("SPEC", &spec)
        .env("STORY", &story)
        .env("XDG_CACHE_HOME", folder.path())
        .output()
        .unwrap();
    let told = fs::read_to_string(&story).unwrap_or_default();
    let screen = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{screen}");
    let after = fs::read_to_string(&spec).unwrap();
    let changed = changes(&before, &after);
    assert_eq!(
        format!("{told}\n{changed}"),
        include_str!("neovim/session.txt")
    );
}

/// The lines for Neovim before 0.11 are taken out of docs/editors.md.
#[test]
#[ignore = "needs Neovim; `cargo xtask test` runs it where `nvim` is installed"]
fn the_lines_of_the_page_open_a_spec_with_the_server() {
    let page = include_str!("../docs/editors.md");
    let (_, lines) = page.split_once("From 0.7 to 0.10:\n\n```lua\n").unwrap();
    let (lines, _) = lines.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("init.lua"), lines).unwrap();
    fs::write(
        folder.path().join("broken.rec"),
        "tower t(x: f32[4]) = y |> relu\n",
    )
    .unwrap();
    let command = Path::new(env!("CARGO_BIN_EXE_reckon"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", command.parent().unwrap().display());
    let output = Command::new("nvim")
        .args(["--headless", "-u", "init.lua", "-i", "NONE", "-n"])
        .args(["broken.rec", "-c"])
        .arg("lua vim.wait(20000, function() return #vim.diagnostic.get(0) > 0 end, 10)")
        .arg("-c")
        .arg("lua for _, found in ipairs(vim.diagnostic.get(0)) do print(vim.bo.filetype, found.message) end")
        .args(["-c", "qa!"])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("XDG_CACHE_HOME", folder.path())
        .output()
        .unwrap();
    let screen = String::from_utf8_lossy(&output.stderr);
    assert!(
        screen.contains("reckon ") && screen.contains("`y`"),
        "{screen}"
    );
}

/// The parser is compiled and laid out as docs/editors.md says.
#[test]
#[ignore = "needs Neovim; `cargo xtask test` runs it where `nvim` is installed"]
fn specs_have_colours_and_folds_by_the_grammar() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let grammar = root.join("editors/tree-sitter");
    let folder = tempfile::tempdir().unwrap();
    let queries = folder.path().join("queries/reckon");
    fs::create_dir_all(&queries).unwrap();
    fs::create_dir_all(folder.path().join("parser")).unwrap();
    for name in ["highlights.scm", "folds.scm"] {
        fs::copy(grammar.join("queries").join(name), queries.join(name)).unwrap();
    }
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-Os", "-I", "src"])
        .args(["src/parser.c", "src/scanner.c", "-o"])
        .arg(folder.path().join("parser/reckon.so"))
        .current_dir(&grammar)
        .status();
    assert!(compiled.unwrap().success());
    let story = folder.path().join("story");
    let output = Command::new("nvim")
        .args(["--headless", "-u", "NONE", "-i", "NONE", "-n", "-c"])
        .arg("luafile tests/neovim/colours.lua")
        .current_dir(root)
        .env("RUNTIME", folder.path())
        .env("STORY", &story)
        .output()
        .unwrap();
    let told = fs::read_to_string(&story).unwrap_or_default();
    let screen = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{screen}");
    assert_eq!(told, include_str!("neovim/colours.txt"));
}

/// The lines that differ; no line comes or goes.
fn changes(before: &str, after: &str) -> String {
    assert_eq!(before.lines().count(), after.lines().count());
    let pairs = before.lines().zip(after.lines());
    pairs
        .filter(|(old, new)| old != new)
        .map(|(old, new)| format!("- {old}\n+ {new}\n"))
        .collect()
}
