//! The fits behind statistics of training rows by group.

use super::growing::Growing;
use super::{RowPrograms, text};
use crate::hir::{Expr, StatisticOf};
use crate::plan::row::Statistic;
use crate::plan::{Domain, FitKind, FitPlan};

impl RowPrograms {
    /// The groups that a statistic reads; equal ones are fitted once, and one fit serves all statistics of its values.
    pub(super) fn fit_groups(&mut self, of: &StatisticOf, e: &Expr) -> usize {
        let source = &of.source;
        let domain = match (self.entities.contains(source), of.named) {
            (true, true) => Domain::Catalogue {
                entity: source.clone(),
            },
            (true, false) => Domain::Referred {
                entity: source.clone(),
            },
            (false, _) => Domain::Events {
                source: source.clone(),
            },
        };
        let name = format!("{source}: {}", groups_of(of));
        let known = self.fits.iter().position(|fit| {
            fit.name == name && fit.domain == domain && matches!(fit.kind, FitKind::Groups { .. })
        });
        if let Some(at) = known {
            if let FitKind::Groups { values, .. } = &mut self.fits[at].kind {
                *values |= of.statistic.needs_values();
            }
            return at;
        }
        let measured = of.value.iter().chain(&of.condition);
        let sees = self.sees(measured.chain(&of.keys));
        let mut kernel = Growing::new(source);
        let mut output = |rows: &mut Self, name: String, e: &Expr| {
            let at = rows.inst(&mut kernel, source, e);
            kernel.output(name, at);
        };
        if let Some(value) = &of.value {
            output(self, "value".into(), value);
        }
        if let Some(condition) = &of.condition {
            output(self, "where".into(), condition);
        }
        for (at, key) in of.keys.iter().enumerate() {
            output(self, format!("key {at}"), key);
        }
        self.fits.push(FitPlan {
            name,
            taken: None,
            kind: FitKind::Groups {
                keys: of.keys.len(),
                values: of.statistic.needs_values(),
            },
            kernel: kernel.finish(),
            domain,
            sees,
            span: e.span,
        });
        self.fits.len() - 1
    }
}

/// What is measured of which rows, by what.
fn groups_of(of: &StatisticOf) -> String {
    let mut said = match &of.value {
        Some(value) => text(value),
        None => "rows".to_owned(),
    };
    if let Some(condition) = &of.condition {
        said.push_str(&format!(" where {}", text(condition)));
    }
    if !of.keys.is_empty() {
        let keys: Vec<String> = of.keys.iter().map(text).collect();
        said.push_str(&format!(" by {}", keys.join(", ")));
    }
    said
}

/// A statistic as text, short and stable; what the reading row gives is said where it differs.
pub(super) fn text_of(of: &StatisticOf) -> String {
    let name = of.statistic.name();
    let share = match of.statistic {
        Statistic::Quantile(share) => format!(" at {share}"),
        Statistic::Count
        | Statistic::Sum
        | Statistic::Mean
        | Statistic::Std
        | Statistic::Percentile => String::new(),
    };
    let (keys, at): (Vec<String>, Vec<String>) = (
        of.keys.iter().map(text).collect(),
        of.at.iter().map(text).collect(),
    );
    let read = match keys == at {
        true => String::new(),
        false => format!(" at {}", at.join(", ")),
    };
    format!("{name}({}: {}{share}{read})", of.source, groups_of(of))
}
