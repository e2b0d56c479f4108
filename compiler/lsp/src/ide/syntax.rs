//! The expressions of a file as they are written, for what is changed in them.

use reckon_grammar::ast::{Body, Expr, ExprKind, Fn, Item, ItemKind, Loss, Tower};

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

/// Visits all expressions of a body, outermost first.
pub(super) fn walk_body<'e>(body: &'e Body, visit: &mut impl FnMut(&'e Expr)) {
    for binding in &body.lets {
        walk(&binding.value, visit);
    }
    walk(&body.value, visit);
}

fn walk<'e>(e: &'e Expr, visit: &mut impl FnMut(&'e Expr)) {
    visit(e);
    match &e.kind {
        ExprKind::Int(_)
        | ExprKind::Float(_)
        | ExprKind::Percent(_)
        | ExprKind::Duration(_)
        | ExprKind::Str(_)
        | ExprKind::Bool(_)
        | ExprKind::Name(_)
        | ExprKind::Error => {}
        ExprKind::Field(a, _) | ExprKind::Unary(_, a) => walk(a, visit),
        ExprKind::Binary(_, a, b) | ExprKind::Range(a, b) => {
            walk(a, visit);
            walk(b, visit);
        }
        ExprKind::If(a, b, c) => [a, b, c].into_iter().for_each(|e| walk(e, visit)),
        ExprKind::Call(callee, args) => {
            walk(callee, visit);
            args.iter().for_each(|arg| walk(&arg.value, visit));
        }
        ExprKind::Pipe(value, callee, args) => {
            walk(value, visit);
            walk(callee, visit);
            args.iter().for_each(|arg| walk(&arg.value, visit));
        }
        ExprKind::Match(of, arms) => {
            walk(of, visit);
            arms.iter().for_each(|(_, value)| walk(value, visit));
        }
        ExprKind::For {
            list, carry, body, ..
        } => {
            walk(list, visit);
            if let Some((_, start)) = carry {
                walk(start, visit);
            }
            walk(body, visit);
        }
        ExprKind::List(items) => items.iter().for_each(|item| walk(item, visit)),
        ExprKind::Record(fields) => fields.iter().for_each(|(_, value)| walk(value, visit)),
        ExprKind::Rows { source, cond, .. } => {
            walk(source, visit);
            if let Some(cond) = cond {
                walk(cond, visit);
            }
        }
    }
}
