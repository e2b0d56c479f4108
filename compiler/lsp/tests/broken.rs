//! Answers on texts that are being written: examples cut off, and random edits.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout
)]

use std::fs;
use std::path::{Path, PathBuf};

use reckon_compiler::world::{Texts, World};
use reckon_lsp::data::Unknown;
use reckon_lsp::ide::position::Position;
use reckon_lsp::ide::rename::{self, Declaration};
use reckon_lsp::ide::{
    Analysis, actions, completion, edit, hints, hover, outline, signature, tokens,
};
use reckon_lsp::workspace::{Change, Document, Workspace};

/// All examples, by name.
fn examples() -> Texts {
    let mut texts = Texts::default();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rec") {
                texts
                    .0
                    .insert(name(&path), fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(texts.0.len() > 10);
    texts
}

/// The example's folder and file.
fn name(path: &Path) -> String {
    let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
    parts[parts.len() - 2..].join("/")
}

/// Asks everything about a text, at a place where that matters.
fn ask_all(analysis: &Analysis, offset: usize) -> usize {
    let asked = [
        hover::hover(analysis, offset).is_some() as usize,
        rename::definition(analysis, offset).is_some() as usize,
        rename::references(analysis, offset, Declaration::Included).len(),
        rename::rename(analysis, offset, "another_name").map_or(0, |edits| edits.len()),
        completion::completion(analysis, offset).len(),
        signature::signature(analysis, offset).is_some() as usize,
        actions::actions(analysis, offset..offset).len(),
        hints::hints(analysis).len(),
        outline::outline(analysis).len(),
        outline::folds(analysis).len(),
        tokens::words(analysis).len(),
        edit::format(analysis).len(),
    ];
    asked.iter().sum()
}

/// Asks everything about every example, cut at each byte from `first` on in steps of `step`. Gives how many texts that were.
fn cut_everywhere(first: usize, step: usize) -> usize {
    let examples = examples();
    let mut cuts = 0;
    for (at, (name, text)) in examples.0.iter().enumerate() {
        let start = (at + first) % step;
        for cut in (start..text.len()).step_by(step) {
            if !text.is_char_boundary(cut) {
                continue;
            }
            let mut world = examples.clone();
            world.0.insert(name.clone(), text[..cut].to_owned());
            let analysis = Analysis::of_spec(&world, name);
            let answers = ask_all(&analysis, cut);
            assert!(
                cut < 10 || answers > 0,
                "{name} cut at {cut} has no answers"
            );
            cuts += 1;
        }
    }
    cuts
}

#[test]
fn examples_cut_at_some_bytes_are_answered() {
    assert!(cut_everywhere(0, 97) > 300);
}

/// The share of the full amount that this process takes, as `RECKON_SHARE=3/16` says: its number and how many there are.
fn share() -> (usize, usize) {
    let written = std::env::var("RECKON_SHARE").unwrap_or("0/1".to_owned());
    let (mine, all) = written.split_once('/').unwrap();
    (mine.parse().unwrap(), all.parse().unwrap())
}

#[test]
#[ignore = "minutes; a share of it runs always"]
fn examples_cut_at_every_byte_are_answered() {
    let (mine, all) = share();
    println!("{} texts", cut_everywhere(mine, all));
}

#[test]
fn the_outline_of_an_example_stays_when_its_end_is_broken() {
    let examples = examples();
    let name = "movielens/two_tower.rec";
    let whole = Analysis::of_spec(&examples, name);
    let mut world = examples.clone();
    world
        .0
        .get_mut(name)
        .unwrap()
        .push_str("\nloss broken over (((");
    let broken = Analysis::of_spec(&world, name);
    let names = |analysis: &Analysis| {
        outline::outline(analysis)
            .into_iter()
            .map(|entry| entry.name)
            .collect::<Vec<_>>()
    };
    let kept = names(&broken);
    assert_eq!(kept[..kept.len() - 1], names(&whole));
    assert_eq!(kept.last().unwrap(), "broken");
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

/// A change as an editor sends it: a place in lines and UTF-16 units, maybe outside of the text.
fn change(dice: &mut Dice, text: &str) -> Change {
    const PIECES: &[&str] = &[
        "", "\n", "{", "}", "(", ")", "|> ", "🎬", "let x = ", "movie", ".", "\"", "tower ",
        "\r\n", "//", "64",
    ];
    let lines = text.lines().count();
    let start = Position {
        line: dice.below(lines + 1) as u32,
        character: dice.below(60) as u32,
    };
    let end = match dice.below(3) {
        0 => start,
        1 => Position {
            character: start.character + dice.below(9) as u32,
            ..start
        },
        _ => Position {
            line: start.line + dice.below(2) as u32,
            character: dice.below(20) as u32,
        },
    };
    Change {
        range: Some((start, end)),
        text: PIECES[dice.below(PIECES.len())].to_owned(),
    }
}

/// A session on all examples at once: each edit changes one of them. Gives how often it was looked at what is there.
fn session(edits: i32, seed: u64) -> usize {
    let examples = examples();
    let mut workspace = Workspace::new(&examples, &Unknown, "library");
    let paths: Vec<&String> = examples.0.keys().collect();
    for path in &paths {
        let document = Document {
            uri: (*path).clone(),
            version: 0,
            text: examples.0[*path].clone(),
        };
        workspace.open(path, document);
    }
    let mut dice = Dice(seed);
    let mut looks = 0;
    let mut path = paths[0];
    for step in 0..edits {
        // A document is worked on for a while, then taken back to what it was before the next.
        if step % 60 == 59 {
            let text = examples.0[path].clone();
            workspace.change(path, step, vec![Change { range: None, text }]);
            path = paths[dice.below(paths.len())];
        }
        let text = workspace.document(path).unwrap().text.clone();
        workspace.change(path, step, vec![change(&mut dice, &text)]);
        // Not every edit is looked at, as in an editor that types fast.
        if dice.below(4) == 0 {
            refresh(&mut workspace);
            let analysis = workspace.analysis(path).unwrap();
            ask_all(analysis, dice.below(analysis.text().len()));
            looks += 1;
        }
    }
    refresh(&mut workspace);
    let mut world = examples.clone();
    for path in &paths {
        let text = workspace.document(path).unwrap().text.clone();
        world.0.insert((*path).clone(), text);
    }
    for path in paths {
        let kept = workspace.analysis(path).unwrap();
        let fresh = Analysis::of_spec(&world, path);
        assert_eq!(kept.text(), world.read(path).unwrap());
        assert_eq!(kept.findings, fresh.findings);
        assert_eq!(kept.index(), fresh.index());
    }
    looks
}

/// Brings everything up to date, as the server does.
fn refresh(workspace: &mut Workspace<'_>) {
    for path in workspace.refresh() {
        let analysis = workspace.share(&path).unwrap();
        let found = analysis.lowered();
        workspace.lowered(&path, analysis, found);
    }
}

#[test]
fn a_session_of_random_edits_ends_where_a_fresh_start_ends() {
    assert!(session(300, 20) > 50);
}

#[test]
#[ignore = "minutes; a share of it runs always"]
fn a_session_of_ten_thousand_random_edits_ends_where_a_fresh_start_ends() {
    let (mine, _) = share();
    println!("{} looks", session(10_000, mine as u64));
}
