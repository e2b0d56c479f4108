//! The rows over which a fitted function counts.

use super::{RowPrograms, empty, text};
use crate::hir::{Amount, Expr, ExprKind, Pick, Rows, Ty};
use crate::plan::{AmountPlan, CountedRows, Domain, PickPlan, Sees};

impl RowPrograms {
    /// The domain of a statistic over values of `source`, by what it says after `over`.
    pub(super) fn domain(&mut self, source: &str, over: Option<&str>) -> Domain {
        let loss = over.and_then(|over| Some((over, self.losses.get(over)?.clone())));
        if let Some((loss, rows)) =
            loss.filter(|(over, _)| !matches!(*over, "training" | "catalogue"))
        {
            return Domain::Loss {
                loss: loss.to_owned(),
                entity: (rows.source != source).then(|| source.to_owned()),
                rows: Box::new(self.counted(&rows)),
            };
        }
        match (self.entities.iter().any(|entity| entity == source), over) {
            (true, Some("catalogue")) => Domain::Catalogue {
                entity: source.to_owned(),
            },
            (true, _) => Domain::Referred {
                entity: source.to_owned(),
            },
            (false, _) => Domain::Events {
                source: source.to_owned(),
            },
        }
    }

    /// Which days of a loop a statistic of these values counts.
    pub(super) fn sees<'e>(&self, mut values: impl Iterator<Item = &'e Expr>) -> Sees {
        match values.any(|value| self.reads_label(value)) {
            true => Sees::Before,
            false => Sees::Present,
        }
    }

    /// Whether a value reads a label of its row. What the day has computed for its own rows is no label by then.
    fn reads_label(&self, e: &Expr) -> bool {
        let mut found = false;
        e.walk(&mut |e| {
            found |= e.facts.label.is_some()
                && match &e.kind {
                    ExprKind::Column(handle, name) => match &handle.ty {
                        Ty::Handle(handle) => {
                            let column = (handle.source.clone(), name.clone());
                            !self.daily.contains(&column)
                        }
                        _ => true,
                    },
                    ExprKind::Statistic(_) | ExprKind::Label(..) => true,
                    _ => false,
                };
        });
        found
    }

    fn counted(&mut self, rows: &Rows) -> CountedRows {
        let mut counted = CountedRows {
            kernel: empty(&rows.source),
            condition: None,
            picks: Vec::new(),
        };
        if let Some(condition) = &rows.condition {
            counted.condition = Some(self.read(&mut counted, condition));
        }
        for pick in &rows.picks {
            let pick = match pick {
                Pick::Keep(e) => PickPlan::Keep(self.read(&mut counted, e)),
                Pick::Top(share, e) => PickPlan::Top(*share, self.read(&mut counted, e)),
                Pick::Weigh(e) => PickPlan::Weigh(self.read(&mut counted, e)),
                Pick::AtMost(Amount::Rows(n), Some(e)) => {
                    PickPlan::AtMost(AmountPlan::Rows(*n), Some(self.read(&mut counted, e)))
                }
                Pick::AtMost(..) | Pick::DownSample(..) => {
                    unreachable!(
                        "internal: the checker lets only rows through that are known before training"
                    )
                }
            };
            counted.picks.push(pick);
        }
        counted
    }

    /// An output of the row program of counted rows.
    fn read(&mut self, counted: &mut CountedRows, e: &Expr) -> String {
        let name = text(e);
        if counted
            .kernel
            .outputs
            .iter()
            .all(|(known, _)| *known != name)
        {
            let source = counted.kernel.source.clone();
            let at = self.inst(&mut counted.kernel, &source, e);
            counted.kernel.outputs.push((name.clone(), at));
        }
        name
    }
}
