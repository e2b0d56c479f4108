//! The rows over which a fitted function counts.

use super::growing::Growing;
use super::{RowPrograms, text};
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
        let mut kernel = Growing::new(&rows.source);
        let condition = rows.condition.as_ref();
        let condition = condition.map(|condition| self.read(&mut kernel, condition));
        let mut picks = Vec::new();
        for pick in &rows.picks {
            let pick = match pick {
                Pick::Keep(e) => PickPlan::Keep(self.read(&mut kernel, e)),
                Pick::Top(share, e) => PickPlan::Top(*share, self.read(&mut kernel, e)),
                Pick::Weigh(e) => PickPlan::Weigh(self.read(&mut kernel, e)),
                Pick::AtMost(Amount::Rows(n), Some(e)) => {
                    PickPlan::AtMost(AmountPlan::Rows(*n), Some(self.read(&mut kernel, e)))
                }
                Pick::AtMost(..) | Pick::DownSample(..) => {
                    unreachable!(
                        "internal: the checker lets only rows through that are known before training"
                    )
                }
            };
            picks.push(pick);
        }
        CountedRows {
            kernel: kernel.finish(),
            condition,
            picks,
        }
    }

    /// An output of the row program of counted rows.
    fn read(&mut self, kernel: &mut Growing, e: &Expr) -> String {
        let name = text(e);
        if !kernel.has_output(&name) {
            let source = kernel.kernel().source.clone();
            let at = self.inst(kernel, &source, e);
            kernel.output(name.clone(), at);
        }
        name
    }
}
