//! `rank ENTITY by SCORE`: what a retrieval asks, and that its query cannot read the answer.

use super::Checker;
use crate::hir::{EvaluationKind, Expr, ExprKind, HandleTy, SpaceKind, SpaceRef, Ty};
use reckon_grammar::ast;
use reckon_grammar::diagnostic::{Code, Diagnostic};

/// A written `rank` entry and where it stands.
pub(super) struct Ranked<'e> {
    pub(super) entity: &'e ast::Name,
    pub(super) by: &'e ast::Expr,
    pub(super) except: Option<&'e ast::Name>,
    /// Each row asks, instead of each user.
    pub(super) per_event: bool,
    /// The rows that ask.
    pub(super) rows: &'e Expr,
    pub(super) source: &'e str,
}

impl Checker<'_> {
    pub(super) fn rank(&mut self, ranked: &Ranked<'_>) -> Option<EvaluationKind> {
        let entity = &ranked.entity.text;
        let references = self.references_of(ranked.source);
        if !references.contains(entity) {
            let known: Vec<&str> = references.iter().map(String::as_str).collect();
            let what = format!("reference of `{}`", ranked.source);
            self.unknown(231, ranked.entity.span, &what, entity, &known);
            return None;
        }
        let except_seen = self.except_seen(ranked.except);
        let space = self.space(format!("catalogue {entity}"), "E", SpaceKind::Catalogue);
        let ty = HandleTy {
            source: entity.clone(),
            space: Some(space),
            past: false,
            candidates: false,
        };
        let (catalogue, rows) = self.row_handle(ty, ranked.entity.span);
        let score = self.in_row_scope(ranked.rows.clone(), ranked.source, |checker| {
            checker.bind(entity, rows);
            let score = checker.expr(ranked.by);
            checker.tensor(score)
        });
        if !self.scores_queries(&score, ranked, space) || self.score_reads_label(&score) {
            return None;
        }
        self.query_reads_target(&score, entity, space);
        let asks = || references.iter().find(|name| *name != entity).cloned();
        Some(EvaluationKind::Retrieval {
            entity: entity.clone(),
            catalogue,
            per: if ranked.per_event { None } else { asks() },
            score,
            except_seen,
        })
    }

    fn except_seen(&mut self, word: Option<&ast::Name>) -> bool {
        match word {
            Some(word) if word.text == "seen" => true,
            Some(word) => {
                self.unknown(221, word.span, "word after `except`", &word.text, &["seen"]);
                false
            }
            None => false,
        }
    }

    /// Whether there is a score for each query and each row of the catalogue.
    fn scores_queries(&mut self, score: &Expr, ranked: &Ranked<'_>, catalogue: SpaceRef) -> bool {
        let Ty::Tensor(tensor) = &score.ty else {
            return false;
        };
        let batch = match &ranked.rows.ty {
            Ty::Handle(handle) => handle.space,
            _ => None,
        };
        let fits = tensor.dims.is_empty()
            && tensor.spaces.contains(&catalogue)
            && batch.is_some_and(|batch| tensor.spaces.contains(&batch));
        if !fits {
            let (entity, shown) = (&ranked.entity.text, self.show(&score.ty));
            self.report(
                Diagnostic::error(
                    Code(814),
                    ranked.by.span,
                    format!(
                        "a retrieval needs a score for each query and `{entity}`, found `{shown}`"
                    ),
                )
                .help(format!(
                    "score queries against the catalogue: `dot(query(...), item({entity}))`"
                )),
            );
        }
        fits
    }

    /// Refuses towers of the query that read the ranked entity's side.
    fn query_reads_target(&mut self, score: &Expr, entity: &str, catalogue: SpaceRef) {
        let mut towers = Vec::new();
        towers_of(score, &mut towers);
        for tower in towers {
            let (ExprKind::Tower(name, args) | ExprKind::Frozen(name, args)) = &tower.kind else {
                continue;
            };
            let ranks = |arg: &Expr| matches!(&arg.ty, Ty::Handle(handle) if handle.space == Some(catalogue));
            let (item_side, query_side) = (
                args.iter().any(ranks),
                args.iter()
                    .any(|arg| matches!(arg.ty, Ty::Handle(_)) && !ranks(arg)),
            );
            let diagnostic = if item_side && query_side {
                Diagnostic::error(Code(507), tower.span, format!("tower `{name}` mixes the query with the `{entity}` it is asked about"))
                    .help("split it in two towers and join them with `dot`, or make the evaluation a `ranking`")
            } else if !item_side && tower.facts.sides.contains(entity) {
                let path = self.path_to(name, entity);
                Diagnostic::error(
                    Code(508),
                    tower.span,
                    format!("tower `{name}` of the query reads the `{entity}` that it has to find"),
                )
                .note(format!("it reads {path}"))
                .help(format!(
                    "read earlier ones instead: `history(... of ..., last: 50).{entity}`"
                ))
            } else {
                continue;
            };
            self.report(diagnostic);
        }
    }

    /// The feature through which a tower reads a side.
    fn path_to(&self, tower: &str, side: &str) -> String {
        let Some(tower) = self.hir.towers.iter().find(|known| known.name == tower) else {
            return format!("`{side}`");
        };
        let mut features = Vec::new();
        features_of(&tower.value, &mut features);
        features
            .into_iter()
            .find(|(_, expr)| expr.facts.sides.contains(side))
            .map_or_else(
                || format!("`{side}`"),
                |(name, _)| format!("`{side}` through the feature `{name}`"),
            )
    }
}

fn towers_of<'e>(e: &'e Expr, found: &mut Vec<&'e Expr>) {
    if matches!(e.kind, ExprKind::Tower(..) | ExprKind::Frozen(..)) {
        found.push(e);
    }
    e.children()
        .into_iter()
        .for_each(|child| towers_of(child, found));
}

fn features_of<'e>(e: &'e Expr, found: &mut Vec<(String, &'e Expr)>) {
    if let ExprKind::Feature(handle, name) = &e.kind {
        let source = if let Ty::Handle(handle) = &handle.ty {
            handle.source.as_str()
        } else {
            ""
        };
        found.push((format!("{source}.{name}"), e));
    }
    e.children()
        .into_iter()
        .for_each(|child| features_of(child, found));
}
