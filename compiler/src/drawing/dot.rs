//! A drawing as text for Graphviz, which lays it out itself.

use super::{Card, Drawing, Flowing};

pub(super) fn dot(drawing: &Drawing) -> String {
    let mut out = "digraph spec {\n  rankdir = LR\n  node [shape = record, fontname = \"sans-serif\", fontsize = 11]\n  \
                   edge [fontname = \"sans-serif\", fontsize = 10]\n"
        .to_owned();
    for (at, card) in drawing.cards.iter().enumerate() {
        out += &format!("  n{at} [label = \"{}\"]\n", label(card));
    }
    for arrow in &drawing.arrows {
        let style = match arrow.kind {
            Flowing::Rows => "color = gray70",
            Flowing::Stopped => "style = dashed, color = chocolate",
            Flowing::Gradient => "color = steelblue",
        };
        let note = match arrow.note.is_empty() {
            true => String::new(),
            false => format!(", label = \"{}\"", escaped(&arrow.note)),
        };
        out += &format!("  n{} -> n{} [{style}{note}]\n", arrow.from, arrow.to);
    }
    out + "}\n"
}

/// A record: the title above the lines.
fn label(card: &Card) -> String {
    let lines: String = card
        .lines
        .iter()
        .map(|(left, right)| {
            format!("{} {}", escaped(left), escaped(right))
                .trim()
                .to_owned()
                + "\\l"
        })
        .collect();
    let title = format!("{} {}", escaped(&card.what), escaped(&card.title));
    match lines.is_empty() {
        true => title,
        false => format!("{title}|{lines}"),
    }
}

/// A text inside a record, where braces, bars and angles would mean something.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if "\\\"{}|<>".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
