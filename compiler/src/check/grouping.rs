//! Rows that belong together: `log |> group(request_id, most: 20)`, or `log |> group` where the source says by what.

use reckon_grammar::ast::{self, Arg, ExprKind as Syntax};
use reckon_grammar::span::Span;

use super::Checker;
use super::selectors::is_name;
use crate::hir::{Expr, Ty};
use crate::plan::row::{RowKind, RowType};

/// How deep selectors may stand in each other.
const MAX_SELECTORS: usize = 64;

/// How many rows of a group come.
#[derive(Clone, Copy)]
pub(super) struct Grouping {
    /// At most so many, the first of the file; all where it does not say.
    pub(super) most: Option<usize>,
}

impl<'a> Checker<'a> {
    /// How a pipe groups its rows, where it does. The type of its rows depends on it, so it is read before them.
    pub(super) fn grouping(&mut self, rows: &ast::Expr) -> Option<Grouping> {
        let args = self.group_arguments(rows, 0)?;
        let is_most = |(at, arg): (usize, &Arg)| match &arg.name {
            Some(name) => (name.text == "most").then(|| arg.value.clone()),
            None => (at == 1).then(|| arg.value.clone()),
        };
        let most = args.iter().enumerate().find_map(is_most);
        Some(Grouping {
            most: most.and_then(|most| self.whole(&most, "most")),
        })
    }

    fn group_arguments(&self, rows: &ast::Expr, depth: usize) -> Option<Vec<Arg>> {
        match &rows.kind {
            Syntax::Pipe(_, callee, args) if is_name(callee, "group") => Some(args.clone()),
            Syntax::Pipe(base, ..) => self.group_arguments(base, depth),
            Syntax::Rows { source, .. } => self.group_arguments(source, depth),
            Syntax::Name(name) if depth < MAX_SELECTORS => {
                let selector = self.selector_named(name)?;
                self.group_arguments(&selector.rows.expr, depth + 1)
            }
            _ => None,
        }
    }

    /// What an entry `group request_id` of a source says that belongs together.
    pub(super) fn declared_group(&mut self, source: &str, span: Span) -> Option<ast::Expr> {
        let item = self.source_items.get(source)?;
        let entry = item.entries.iter().find_map(|entry| match entry {
            ast::SourceEntry::Group(name) => Some(name),
            _ => None,
        });
        let Some(name) = entry else {
            self.report(
                self.error(
                    706,
                    span,
                    format!("nothing says what belongs together in `{source}`"),
                )
                .help("write `group(COLUMN)` here, or an entry `group COLUMN` of the source"),
            );
            return None;
        };
        Some(ast::Expr {
            kind: Syntax::Name(name.text.clone()),
            span,
        })
    }

    /// Whether rows can be grouped by a value.
    pub(super) fn groups_rows(&mut self, value: &Expr) -> bool {
        let fits = matches!(
            &value.ty,
            Ty::Row(RowType {
                kind: RowKind::Int | RowKind::Str,
                nullable: false,
            })
        );
        if !fits {
            let shown = self.show(&value.ty);
            self.report(self.error(
                706,
                value.span,
                format!(
                    "rows are grouped by a whole number or a text without nulls, found `{shown}`"
                ),
            ));
        }
        fits
    }
}
