//! The statistic of all pairs of features: what its row program gives for each.

use reckon_grammar::span::Span;

use super::RowPrograms;
use super::growing::Growing;
use crate::hir::{Expr, ExprKind, Feature, Ty};
use crate::plan::row::{RowKind, RowType};
use crate::plan::{Domain, FitKind, FitPlan, Sees};
use crate::value::Value;

impl RowPrograms {
    /// The mutual information of the features of a source, over its catalogue unless over training rows; numbers are cut into
    /// `bins` buckets, or left out where there are none.
    pub(crate) fn mutual_information(
        &mut self,
        source: &str,
        features: &[&Feature],
        bins: usize,
        training: bool,
        span: Span,
    ) -> usize {
        let mut kernel = Growing::new(source);
        for feature in features {
            if let Some(values) = categories(&feature.value, bins) {
                let value = self.inst(&mut kernel, source, &values);
                kernel.output(feature.name.clone(), value);
            }
        }
        let entity = source.to_owned();
        let plan = FitPlan {
            name: format!("{source}.mutual_information"),
            kind: FitKind::MutualInformation {
                fields: features
                    .iter()
                    .map(|feature| feature.name.clone())
                    .collect(),
            },
            taken: None,
            kernel: kernel.finish(),
            domain: match (self.entities.contains(&entity), training) {
                (true, false) => Domain::Catalogue { entity },
                (true, true) => Domain::Referred { entity },
                (false, _) => Domain::Events { source: entity },
            },
            sees: Sees::Present,
            span,
        };
        let same = |known: &FitPlan| {
            known.kind == plan.kind && known.kernel == plan.kernel && known.domain == plan.domain
        };
        if let Some(at) = self.fits.iter().position(same) {
            return at;
        }
        self.fits.push(plan);
        self.fits.len() - 1
    }
}

/// The categories of a feature: the ids that it looks up, or the buckets of its number.
fn categories(value: &Expr, bins: usize) -> Option<Expr> {
    match &value.kind {
        ExprKind::Embed(ids, _) => Some((**ids).clone()),
        ExprKind::Feed(number) if bins > 0 && is_number(number) => {
            let constant = |value: Value| Expr {
                kind: ExprKind::Const(value.clone()),
                ty: Ty::Const(value),
                ..(**number).clone()
            };
            let args = vec![
                (**number).clone(),
                constant(Value::Int(bins as i64)),
                constant(Value::Word("catalogue".to_owned())),
            ];
            Some(Expr {
                kind: ExprKind::Prim("quantiles".to_owned(), args),
                ty: Ty::Row(RowType::new(RowKind::Int)),
                ..(**number).clone()
            })
        }
        ExprKind::History(..) => None,
        _ => value
            .children()
            .into_iter()
            .find_map(|child| categories(child, bins)),
    }
}

fn is_number(e: &Expr) -> bool {
    matches!(
        &e.ty,
        Ty::Row(RowType {
            kind: RowKind::Int | RowKind::Float,
            ..
        })
    )
}
