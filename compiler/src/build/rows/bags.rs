//! Lists that stand beside each other element by element: the keys of a text, what is made of each of them, and their weights.

use super::{plain, text};
use crate::hir::{Expr, ExprKind};

/// Functions that give a value for each element, never null and none left out.
const OF_EACH: &[&str] = &[
    "vocab",
    "hash",
    "quantiles",
    "buckets",
    "zscore",
    "minmax",
    "to_float",
    "to_int",
    "to_str",
    "lower",
    "trim",
    "length",
    "abs",
    "log",
    "log1p",
    "exp",
    "sqrt",
    "floor",
    "clip",
    "minimum",
    "maximum",
];

/// What a list of keys or weights is taken from: equal for lists of one row that have the same elements in one order.
pub(crate) fn bag_of(e: &Expr) -> Option<String> {
    let ExprKind::Prim(name, args) = &plain(e).kind else {
        return None;
    };
    let (first, rest) = args.split_first()?;
    match name.as_str() {
        "bag_keys" | "bag_weights" => {
            let characters: Vec<String> = rest.iter().map(text).collect();
            Some(format!("{} by {}", text(first), characters.join(" and ")))
        }
        name if OF_EACH.contains(&name) && rest.iter().all(|arg| arg.ty.value().is_some()) => {
            bag_of(first)
        }
        _ => None,
    }
}

/// The identity of the space of a bag, in the rows of a handle.
pub(crate) fn bag_identity(handle: &str, bag: &str) -> String {
    format!("{handle}{BAG}{bag}")
}

/// The bag behind the identity of a space.
pub(crate) fn bag_in(identity: &str) -> Option<&str> {
    identity.split_once(BAG).map(|(_, bag)| bag)
}

const BAG: &str = "/bag ";
