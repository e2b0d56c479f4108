//! What losses may read of rows that are drawn: a drawn row has another thing, and of its own row only what is known of
//! the rest.

use reckon_grammar::span::Span;

use super::Checker;
use crate::hir::{Expr, ExprKind, LocalId, Negatives, Rows, Ty};

impl Checker<'_> {
    /// Refuses columns that drawn rows do not have.
    pub(super) fn reads_of_drawn_rows(&mut self, rows: &Rows, value: &Expr) {
        let Some(negatives) = &rows.negatives else {
            return;
        };
        let mut reads = Vec::new();
        self.columns_read(value, rows.row, None, &mut reads);
        let has = |name: &String| negatives.kept.contains(name) || negatives.labels.contains(name);
        reads.retain(|(name, _)| !has(name));
        reads.sort_by_key(|(name, span)| (span.start, name.clone()));
        reads.dedup();
        for (name, span) in reads {
            self.lacks(rows, negatives, &name, span);
        }
    }

    fn lacks(&mut self, rows: &Rows, negatives: &Negatives, name: &str, span: Span) {
        let (source, entity) = (&rows.source, &negatives.sampler.entity);
        let kept = negatives
            .kept
            .iter()
            .chain(&negatives.labels)
            .map(String::as_str);
        let kept: Vec<&str> = kept.collect();
        let user = self
            .references_of(source)
            .into_iter()
            .find(|target| target != entity);
        let mut diagnostic = self
            .error(
                701,
                span,
                format!("`{source}.{name}` is read, and drawn rows do not have it"),
            )
            .note(format!(
                "a row drawn from `{entity}` did not happen; of its row it has {}",
                super::list(&kept)
            ));
        if self.hir.scores.iter().any(|scores| {
            scores.source == *source && scores.heads.iter().any(|(_, column)| column == name)
        }) {
            diagnostic = diagnostic.help(
                "a table has scores of pairs that were scored: read it over rows that happened",
            );
        } else if let Some(user) = user {
            diagnostic = diagnostic.help(format!("where it is the {user}'s, declare it `known of {user} {name}: ...`; else leave it out of what this loss reads"));
        }
        self.report(diagnostic);
    }

    /// The columns of a row that an expression reads, towers and features included, with the place to blame: where the loss
    /// itself reads.
    fn columns_read(
        &self,
        e: &Expr,
        row: LocalId,
        blamed: Option<Span>,
        found: &mut Vec<(String, Span)>,
    ) {
        let place = blamed.unwrap_or(e.span);
        match &e.kind {
            // What a label is computed from is not read in a drawn row: the label is 0 or false there.
            ExprKind::Column(handle, name) | ExprKind::Label(handle, name, _)
                if is_row(handle, row) =>
            {
                found.push((name.clone(), place));
            }
            ExprKind::Feature(handle, name) if is_row(handle, row) => {
                let Ty::Handle(ty) = &handle.ty else { return };
                let slot = (ty.source.clone(), name.clone());
                let feature = self.features.get(&slot);
                if let Some(feature) = feature.and_then(|at| self.hir.features.get(*at)) {
                    self.columns_read(&feature.value, feature.row, Some(place), found);
                }
            }
            ExprKind::Tower(name, args) | ExprKind::Frozen(name, args) => {
                let tower = self.hir.towers.iter().find(|tower| tower.name == *name);
                let params = tower.map_or(&[][..], |tower| &tower.params);
                for ((id, ..), arg) in params.iter().zip(args) {
                    if let Some(tower) = tower.filter(|_| is_row(arg, row)) {
                        self.columns_read(&tower.value, *id, Some(place), found);
                    }
                }
                for arg in args {
                    self.columns_read(arg, row, blamed, found);
                }
            }
            _ => {
                for child in e.children() {
                    self.columns_read(child, row, blamed, found);
                }
            }
        }
    }
}

fn is_row(e: &Expr, row: LocalId) -> bool {
    match &e.kind {
        ExprKind::Local(id) => *id == row,
        ExprKind::View(of, _) => is_row(of, row),
        _ => false,
    }
}
