//! What differs between two snapshots, without the noise of numbers.
//!
//! Printing numbers nodes, spaces, fits and histories in their order, so one new node renames all after it. Here two lines are
//! the same where they are equal after the names that aligned definitions give: only what really appeared, went or reads
//! something else is shown.

use std::collections::BTreeMap;

use crate::lines::{Edit, Mark, edits, hunks};

/// The line above a section.
pub(super) fn head(what: &str) -> String {
    format!("{HEAD}{what}")
}

const HEAD: &str = "=== ";

/// The sections that differ, each with a line that counts and its hunks by line of the old snapshot.
pub(super) fn difference(name: &str, old: &str, new: &str) -> String {
    let (olds, news) = (sections(old), sections(new));
    let mut out = String::new();
    for section in &olds {
        match news.iter().find(|other| other.what == section.what) {
            None => out += &format!("{}: gone\n", section.what),
            Some(other) if other.lines != section.lines => out += &of_section(name, section, other),
            Some(_) => {}
        }
    }
    let is_new = |section: &&Section| olds.iter().all(|other| other.what != section.what);
    for section in news.iter().filter(is_new) {
        let nodes = section.lines.iter().filter(|line| op(line).is_some());
        out += &match nodes.count() {
            0 => format!("{}: new\n", section.what),
            count => format!("{}: new, {}\n", section.what, of_nodes(count)),
        };
    }
    if out.is_empty() {
        out = format!("{name}: line ends differ\n");
    }
    out
}

/// A named part of a snapshot.
struct Section<'a> {
    what: &'a str,
    /// The number of its first line in the file.
    first: usize,
    lines: Vec<&'a str>,
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut found: Vec<Section> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(what) = line.strip_prefix(HEAD) {
            found.push(Section {
                what,
                first: at + 2,
                lines: Vec::new(),
            });
        } else if let Some(section) = found.last_mut() {
            section.lines.push(line);
        }
    }
    found
}

fn of_section(name: &str, old: &Section, new: &Section) -> String {
    let lines = marked(&old.lines, &new.lines);
    let counted = match old.lines.iter().any(|line| op(line).is_some()) && old.what != PLAN {
        true => nodes(&lines),
        false => String::new(),
    };
    let text = hunks(name, old.first, &lines);
    if text.is_empty() {
        return format!("{}: numbered otherwise, and the same\n", old.what);
    }
    format!("{}: {counted}\n{text}", old.what).replacen(": \n", "\n", 1)
}

const PLAN: &str = "plan";

/// Both texts in one, each line with what has become of it.
fn marked<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Mark, &'a str)> {
    let (olds, news) = (tokens_of(old), tokens_of(new));
    let keys = |lines: &[Vec<Token>]| -> Vec<Vec<String>> {
        lines
            .iter()
            .map(|line| line.iter().map(Token::key).collect())
            .collect()
    };
    let mut names = Names::default();
    let mut lines = Vec::new();
    // The lines of a run of changes: old ones without a partner among the new ones.
    let (mut gone, mut came): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    let all = edits(&keys(&olds), &keys(&news)).into_iter().map(Some);
    for edit in all.chain([None]) {
        match edit {
            Some(Edit::Drop(at)) => gone.push(at),
            Some(Edit::Add(at)) => came.push(at),
            Some(Edit::Keep(..)) | None => {
                // A node of the same op in the same place is the same node, changed.
                let partners: Vec<Option<usize>> = came
                    .iter()
                    .map(|b| {
                        let same = |a: &usize| op(old[*a]).is_some() && op(old[*a]) == op(new[*b]);
                        Some(gone.remove(gone.iter().position(same)?))
                    })
                    .collect();
                lines.extend(gone.iter().map(|a| (Mark::Gone, old[*a])));
                for (b, partner) in came.iter().zip(partners) {
                    if let Some(a) = partner {
                        names.learn(&olds[a], &news[*b]);
                        lines.push((Mark::Gone, old[a]));
                    }
                    lines.push((Mark::New, new[*b]));
                }
                gone.clear();
                came.clear();
            }
        }
        if let Some(Edit::Keep(a, b)) = edit {
            names.learn(&olds[a], &news[b]);
            if names.is_same(&olds[a], &news[b]) {
                lines.push((Mark::Kept, new[b]));
            } else {
                lines.push((Mark::Gone, old[a]));
                lines.push((Mark::New, new[b]));
            }
        }
    }
    lines
}

/// What the old names are called in the new text.
#[derive(Default)]
struct Names<'a> {
    renamed: BTreeMap<(Class, &'a str), &'a str>,
}

impl<'a> Names<'a> {
    /// Takes the name that both lines define for the same thing.
    fn learn(&mut self, old: &[Token<'a>], new: &[Token<'a>]) {
        if let (Some(from), Some((_, to))) = (defined(old), defined(new)) {
            self.renamed.insert(from, to);
        }
    }

    /// Whether two lines of one key name the same things; a name that no line defines is what it is.
    fn is_same(&self, old: &[Token<'a>], new: &[Token<'a>]) -> bool {
        old.iter().zip(new).all(|pair| match pair {
            (Token::Name(class, from), Token::Name(_, to)) => {
                self.renamed.get(&(*class, *from)).unwrap_or(from) == to
            }
            _ => true,
        })
    }
}

/// What a number or a name without meaning stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// `%12`
    Node,
    /// `L2`: an index space whose name was made up; its letter stays in the key.
    Space,
    /// `fit 3`, `{fit: 3}`
    Fit,
    /// `history 0`
    History,
}

/// A piece of a line.
#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    Text(&'a str),
    Name(Class, &'a str),
}

impl Token<'_> {
    /// What is compared before names are known.
    fn key(&self) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Name(Class::Space, name) => name
                .trim_end_matches(|c: char| c.is_ascii_digit())
                .to_owned(),
            Self::Name(class, _) => format!("{class:?}"),
        }
    }
}

/// The name that a line defines: its first, where it stands at the beginning.
fn defined<'a>(line: &[Token<'a>]) -> Option<(Class, &'a str)> {
    match line {
        [Token::Name(class, name), ..] => Some((*class, *name)),
        [Token::Text(text), Token::Name(class, name), ..]
            if text.trim().is_empty()
                || text.trim() == "space"
                || text.trim_start().starts_with("rows ") && text.ends_with('[') =>
        {
            Some((*class, *name))
        }
        _ => None,
    }
}

/// The lines in pieces. In the plan, a number at the beginning of a line is that of a fit or a history, by the section.
fn tokens_of<'a>(lines: &[&'a str]) -> Vec<Vec<Token<'a>>> {
    let mut numbered = None;
    lines
        .iter()
        .map(|line| {
            if !line.starts_with(' ') {
                numbered = match *line {
                    "fits" => Some(Class::Fit),
                    "histories" => Some(Class::History),
                    _ => None,
                };
            }
            tokens(line, numbered)
        })
        .collect()
}

fn tokens(line: &str, numbered: Option<Class>) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut text, mut at) = (0, 0);
    while at < line.len() {
        let before = &line[..at];
        let word = word_at(&line[at..]);
        let class = match word {
            "" => None,
            _ if is_number(word) => number_class(before, numbered),
            _ => name_class(word),
        };
        if let Some(class) = class {
            if text < at {
                found.push(Token::Text(&line[text..at]));
            }
            found.push(Token::Name(class, word));
            text = at + word.len();
        }
        let next = line[at..].chars().next().map_or(1, char::len_utf8);
        at += word.len().max(next);
    }
    if text < line.len() {
        found.push(Token::Text(&line[text..]));
    }
    found
}

/// The word at the beginning of a text: letters, digits and what paths have.
fn word_at(text: &str) -> &str {
    let inner = |c: char| c.is_alphanumeric() || "_./@".contains(c);
    let rest = text.strip_prefix('%').unwrap_or(text);
    let sign = text.len() - rest.len();
    let length = rest.find(|c| !inner(c)).unwrap_or(rest.len());
    &text[..sign + length]
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn number_class(before: &str, numbered: Option<Class>) -> Option<Class> {
    if before.trim().is_empty() && before.len() == 2 {
        return numbered;
    }
    let said = before.trim_end_matches([' ', ':']);
    match (said.ends_with("fit"), said.ends_with("history")) {
        (true, _) => Some(Class::Fit),
        (false, true) => Some(Class::History),
        (false, false) => None,
    }
}

fn name_class(word: &str) -> Option<Class> {
    if let Some(number) = word.strip_prefix('%') {
        return is_number(number).then_some(Class::Node);
    }
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_made_up = letters.len() == 1 && letters.starts_with(|c: char| c.is_ascii_uppercase());
    is_made_up.then_some(Class::Space)
}

/// The op of a node, where the line is one: `%2: f32[B] = sum %1 {axis: 1}`.
fn op(line: &str) -> Option<&str> {
    let line = line.trim_start();
    match line.strip_prefix('%') {
        Some(_) => line.split_once(" = ")?.1.split(' ').next(),
        None => line.starts_with("update ").then_some("update"),
    }
}

/// `2 nodes appeared (layer_norm, mul), 1 went (relu), 3 changed`
fn nodes(lines: &[(Mark, &str)]) -> String {
    let (mut came, mut went) = (BTreeMap::new(), BTreeMap::new());
    let mut changed = 0;
    for run in lines.split(|(mark, _)| *mark == Mark::Kept) {
        let mut gone: BTreeMap<&str, usize> = BTreeMap::new();
        for op in run.iter().filter(|(mark, _)| *mark == Mark::Gone) {
            if let Some(op) = op_of(op) {
                *gone.entry(op).or_default() += 1;
            }
        }
        for op in run.iter().filter(|(mark, _)| *mark == Mark::New) {
            let Some(op) = op_of(op) else { continue };
            match gone.get_mut(op) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    changed += 1;
                }
                _ => *came.entry(op).or_default() += 1,
            }
        }
        for (op, count) in gone {
            *went.entry(op).or_default() += count;
        }
    }
    let mut said = Vec::new();
    said.extend(counted(&came, "appeared"));
    said.extend(counted(&went, "went"));
    if changed > 0 {
        said.push(format!("{} changed", of_nodes(changed)));
    }
    match said.is_empty() {
        true => "its nodes are the same".to_owned(),
        false => said.join("; "),
    }
}

fn op_of<'a>((_, line): &(Mark, &'a str)) -> Option<&'a str> {
    op(line)
}

fn counted(ops: &BTreeMap<&str, usize>, what: &str) -> Option<String> {
    let total: usize = ops.values().sum();
    let named = ops.iter().filter(|(_, count)| **count > 0);
    let each: Vec<String> = named
        .map(|(op, count)| match count {
            1 => (*op).to_owned(),
            count => format!("{count} {op}"),
        })
        .collect();
    (total > 0).then(|| format!("{} {what} ({})", of_nodes(total), each.join(", ")))
}

fn of_nodes(count: usize) -> String {
    match count {
        1 => "1 node".to_owned(),
        count => format!("{count} nodes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &str, new: &str) -> String {
        let page = |body: &str| format!("=== step\n{body}");
        difference("a.snap", &page(old), &page(new))
    }

    #[test]
    fn a_new_node_is_shown_without_all_that_it_renumbers() {
        let old = "  %0: f32[B] = input a\n  %1: f32[B] = relu %0\n  %2: f32[B] = neg %1\n  %3: f32 = sum %2\n";
        let new = "  %0: f32[B] = input a\n  %1: f32[B] = tanh %0\n  %2: f32[B] = relu %1\n  %3: f32[B] = neg %2\n  %4: f32 = sum %3\n";
        insta::assert_snapshot!(told(old, new), @r"
        step: 1 node appeared (tanh); 1 node changed
        a.snap:2
            %0: f32[B] = input a
        +   %1: f32[B] = tanh %0
        -   %1: f32[B] = relu %0
        +   %2: f32[B] = relu %1
            %3: f32[B] = neg %2
            %4: f32 = sum %3
        ");
    }

    #[test]
    fn a_node_that_reads_another_is_shown_though_its_shape_is_the_same() {
        let old = "  %0: f32[B] = input a\n  %1: f32[B] = input b\n  %2: f32[B] = neg %0\n";
        let new = "  %0: f32[B] = input a\n  %1: f32[B] = input b\n  %2: f32[B] = neg %1\n";
        let told = told(old, new);
        assert!(told.starts_with("step: 1 node changed\n"), "{told}");
        assert!(
            told.contains("-   %2: f32[B] = neg %0\n+   %2: f32[B] = neg %1\n"),
            "{told}"
        );
    }

    #[test]
    fn spaces_fits_and_histories_may_have_other_numbers() {
        let old = "fits\n  0  a |> vocab\n  1  b |> vocab\nspaces\n  space L2 = list(B)\n  x[L2] = vocab {fit: 1}\n";
        let new = "fits\n  0  c |> vocab\n  1  a |> vocab\n  2  b |> vocab\nspaces\n  space L = list(B)\n  x[L] = vocab {fit: 2}\n";
        insta::assert_snapshot!(told(old, new), @r"
        step
        a.snap:2
          fits
        +   0  c |> vocab
            1  a |> vocab
            2  b |> vocab
        ");
    }

    #[test]
    fn parts_that_came_and_went_are_named() {
        let told = difference(
            "a",
            "=== plan\nx\n=== one\n",
            "=== plan\nx\n=== two\n  %0: f32 = const 1.0\n",
        );
        assert_eq!(told, "one: gone\ntwo: new, 1 node\n");
    }
}
