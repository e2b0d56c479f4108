//! The functions that a value is made with.

use super::{Expr, ExprKind};

/// The functions of the library and of the spec that are called for a value, outermost calls only, each once and in the order
/// in which values pass them: `mlp, normalize`.
pub(crate) fn outer_functions(e: &Expr) -> Vec<String> {
    let mut names = Vec::new();
    outer(e, &mut names);
    names
}

fn outer(e: &Expr, names: &mut Vec<String>) {
    match &e.kind {
        ExprKind::Scope {
            segment: Some(segment),
            ..
        } => {
            let name = unnumbered(segment);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        ExprKind::Tower(..) | ExprKind::Frozen(..) => {}
        _ => e
            .children()
            .into_iter()
            .for_each(|child| outer(child, names)),
    }
}

/// A function that is called twice has a number in its second path: `bce_2`.
fn unnumbered(segment: &str) -> String {
    match segment.rsplit_once('_') {
        Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name.to_owned(),
        Some(_) | None => segment.to_owned(),
    }
}
