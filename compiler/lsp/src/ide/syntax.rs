//! The expressions of a file as they are written, for what is changed in them.

use reckon_grammar::ast::{Body, Fn, Item, ItemKind, Loss, Tower};

use super::Analysis;

/// The items of the file that is asked about, those of loops after them.
pub(super) fn items(analysis: &Analysis) -> impl Iterator<Item = &Item> {
    let modules = analysis.checked.modules.iter();
    let own = modules.filter(|module| module.file == analysis.file);
    own.flat_map(|module| &module.ast.items).flat_map(|item| {
        let inside: &[Item] = match &item.kind {
            ItemKind::Loop(each) => &each.items,
            _ => &[],
        };
        std::iter::once(item).chain(inside)
    })
}

/// The body of a function, tower, loss or column.
pub(super) fn body(item: &Item) -> Option<&Body> {
    match &item.kind {
        ItemKind::Fn(Fn { body, .. }) | ItemKind::Tower(Tower { body, .. }) => body.as_ref(),
        ItemKind::Loss(Loss { body, .. }) => Some(body),
        ItemKind::Column(column) => Some(&column.body),
        _ => None,
    }
}
