//! Changes of texts, and the change that lays a text out in the one way.

use reckon_grammar::span::Span;

use super::Analysis;

/// Text to put at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; empty for an insertion.
    pub span: Span,
    /// What is put there.
    pub text: String,
}

/// The edits that format the text: none where it is formatted already or has syntax errors. What is equal at both ends
/// stays untouched, so that the editor keeps its place.
pub fn format(analysis: &Analysis) -> Vec<Edit> {
    let old = analysis.text();
    let Ok(new) = reckon_grammar::format(old) else {
        return Vec::new();
    };
    if new == old {
        return Vec::new();
    }
    let same = |(a, b): &(&str, &str)| a == b;
    let lines = |text| str::split_inclusive(text, '\n');
    let head: usize = lines(old)
        .zip(lines(&new))
        .take_while(same)
        .map(|(line, _)| line.len())
        .sum();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let back = |text| str::split_inclusive(text, '\n').rev();
    let tail: usize = back(old_rest)
        .zip(back(new_rest))
        .take_while(same)
        .map(|(line, _)| line.len())
        .sum();
    vec![Edit {
        span: Span::new(analysis.file, head, old.len() - tail),
        text: new_rest[..new_rest.len() - tail].to_owned(),
    }]
}
