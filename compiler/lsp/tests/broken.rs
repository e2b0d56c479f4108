//! Answers on texts that are being written: examples cut off, and random edits.

#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};

use reckon_compiler::world::{Texts, World};
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

#[test]
fn every_example_cut_anywhere_is_answered() {
    let examples = examples();
    for (at, (name, text)) in examples.0.iter().enumerate() {
        for cut in (at % 97..text.len())
            .step_by(97)
            .filter(|cut| text.is_char_boundary(*cut))
        {
            let mut world = examples.clone();
            world.0.insert(name.clone(), text[..cut].to_owned());
            let analysis = Analysis::of_spec(&world, name);
            let answers = ask_all(&analysis, cut);
            assert!(
                cut < 10 || answers > 0,
                "{name} cut at {cut} has no answers"
            );
        }
    }
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

#[test]
fn a_session_of_random_edits_ends_where_a_fresh_start_ends() {
    let examples = examples();
    let path = "zoo/dssm.rec";
    let mut workspace = Workspace::new(&examples, "library");
    let document = |text: &str| Document {
        uri: path.to_owned(),
        version: 1,
        text: text.to_owned(),
    };
    workspace.open(path, document(&examples.0[path]));
    let mut dice = Dice(20);
    for step in 0..300 {
        let text = workspace.document(path).unwrap().text.clone();
        workspace.change(path, step, vec![change(&mut dice, &text)]);
        // Not every edit is looked at, as in an editor that types fast.
        if dice.below(4) == 0 {
            workspace.refresh();
            let analysis = workspace.analysis(path).unwrap();
            ask_all(analysis, dice.below(analysis.text().len()));
        }
        if step % 60 == 59 {
            workspace.change(
                path,
                step,
                vec![Change {
                    range: None,
                    text: examples.0[path].clone(),
                }],
            );
        }
    }
    let text = workspace.document(path).unwrap().text.clone();
    workspace.change(path, 301, vec![change(&mut dice, &text)]);
    workspace.refresh();
    let kept = workspace.analysis(path).unwrap();
    let mut world = examples.clone();
    world.0.insert(
        path.to_owned(),
        workspace.document(path).unwrap().text.clone(),
    );
    let fresh = Analysis::of_spec(&world, path);
    assert_eq!(kept.text(), world.read(path).unwrap());
    assert_eq!(kept.findings, fresh.findings);
    assert_eq!(kept.index, fresh.index);
}
