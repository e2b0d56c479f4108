//! Evaluations: what the catalogue needs once, and what each block of queries or rows needs.

use super::{Lowering, fed, stream_handle};
use crate::build::{GraphBuilder, Mode, Val};
use crate::graph::SpaceKind;
use crate::hir::{self, Expr};
use crate::passes::hoist;
use crate::plan::{EvaluationKind, EvaluationPlan, Handle, HandleRows, Program, SlicePlan};

impl Lowering<'_, '_> {
    pub(super) fn evaluation(&mut self, evaluation: &hir::Evaluation) -> Option<EvaluationPlan> {
        let source = evaluation.rows.source.clone();
        let condition = evaluation
            .rows
            .condition
            .as_ref()
            .map(|cond| self.rows.output(&source, cond, false, None));
        let pool = match evaluation.rows.is_plain() {
            true => None,
            false => Some(self.pool(&evaluation.name, &evaluation.rows)),
        };
        let mut slices = evaluation.slices.clone();
        for e in &evaluation.slice_exprs {
            let output = self.rows.output(&source, e, false, None);
            slices.push(SlicePlan::Output {
                source: source.clone(),
                output,
            });
        }
        let kind = match &evaluation.kind {
            hir::EvaluationKind::Retrieval {
                entity,
                catalogue,
                per,
                score,
                except_seen,
            } => {
                let (catalogue, query) = self.retrieval(evaluation, entity, *catalogue, score)?;
                EvaluationKind::Retrieval {
                    entity: entity.clone(),
                    per: per.clone(),
                    except_seen: *except_seen,
                    catalogue,
                    query,
                }
            }
            hir::EvaluationKind::Ranking { score, label } => {
                let score = self.ranking(evaluation, score, label)?;
                EvaluationKind::Ranking { score }
            }
        };
        let baselines = evaluation.baselines.clone().unwrap_or_else(|| {
            usual_baselines(&evaluation.kind)
                .iter()
                .map(|name| (*name).to_owned())
                .collect()
        });
        Some(EvaluationPlan {
            name: evaluation.name.clone(),
            source,
            condition,
            window: evaluation.rows.window,
            pool,
            kind,
            metrics: evaluation.metrics.clone(),
            slices,
            interval: evaluation.interval.clone(),
            baselines,
            span: evaluation.span,
        })
    }

    fn retrieval(
        &mut self,
        evaluation: &hir::Evaluation,
        entity: &str,
        catalogue: hir::LocalId,
        score: &Expr,
    ) -> Option<(Program, Program)> {
        let mut builder =
            GraphBuilder::new(self.hir, &mut self.rows, Mode::Serving, &evaluation.name);
        let handle = stream_handle(&mut builder, 0, &evaluation.rows.source);
        builder.set_local(evaluation.rows.row, Val::Handle(handle));
        let space = builder.new_space(
            "E",
            SpaceKind::Catalogue {
                entity: entity.to_owned(),
            },
        );
        let all = builder.add_handle(Handle {
            name: format!("{entity}@E"),
            source: entity.to_owned(),
            space,
            rows: HandleRows::Catalogue,
        });
        builder.set_local(catalogue, Val::Handle(all));
        let built = builder.at_path(&evaluation.name, |builder| builder.node(score));
        let mut program = builder.finish();
        let node = self.kept(built)?;
        program.graph.outputs = vec![("score".into(), node)];
        self.optimised(&mut program.graph);
        let halves = hoist(&program.graph);
        let once = fed(halves.once, program.handles.clone(), &program.feeds);
        let query = fed(halves.per_query, program.handles, &program.feeds);
        Some((once, query))
    }

    fn ranking(
        &mut self,
        evaluation: &hir::Evaluation,
        score: &Expr,
        label: &Expr,
    ) -> Option<Program> {
        let mut builder =
            GraphBuilder::new(self.hir, &mut self.rows, Mode::Serving, &evaluation.name);
        let handle = stream_handle(&mut builder, 0, &evaluation.rows.source);
        builder.set_local(evaluation.rows.row, Val::Handle(handle));
        let built = builder.at_path(&evaluation.name, |builder| {
            Ok((builder.logit(score)?, builder.node(label)?))
        });
        let mut program = builder.finish();
        let (score, label) = self.kept(built)?;
        program.graph.outputs = vec![("score".into(), score), ("label".into(), label)];
        self.optimised(&mut program.graph);
        Some(fed(program.graph, program.handles, &program.feeds))
    }
}

/// The baselines of an evaluation that names none.
pub(crate) fn usual_baselines(kind: &hir::EvaluationKind) -> &'static [&'static str] {
    match kind {
        hir::EvaluationKind::Retrieval { .. } => &["popularity", "itemknn", "ease"],
        hir::EvaluationKind::Ranking { .. } => &["constant", "item_rate"],
    }
}
