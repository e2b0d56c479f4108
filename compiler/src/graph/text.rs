//! The textual form of graphs: one op a line with its type, `%2: f32[B, 64] = matmul %0 film.mlp.0.weight`.
//!
//! Printing numbers the nodes in their order, so that equal graphs print equally. Weights, tables, sizes of spaces and
//! constants without dimensions stand as operands where they are read. What the type of the result says is not said again
//! as an attribute. `// forward`, `// backward` and `// updates` head the parts of a training step; a reader skips them as it
//! skips all comments. Reading what was printed and printing it gives the same text.

mod attributes;
mod print;
mod read;

pub use print::print;
pub use read::read;

use super::UpdateRule;

/// A rule of an update as graphs write it, `adam(0.9, 0.999, 1e-8)`.
pub(crate) fn rule(rule: UpdateRule) -> String {
    attributes::written_rule(rule)
}

/// Whether a text may stand without quotes.
fn is_word(text: &str) -> bool {
    let mut chars = text.chars();
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./@".contains(c);
    let mut after_at = text.split('@').skip(1);
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(plain)
        && !text.contains("//")
        && after_at.all(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        && !text.ends_with('/')
        && !["true", "false", "inf", "nan"].contains(&text)
}

/// A name, quoted where it has to be.
fn name(text: &str) -> String {
    if is_word(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace('\t', "\\t");
    format!("\"{escaped}\"")
}
