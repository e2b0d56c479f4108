//! Columns that a run computes, and statistics of training rows.

use super::Printer;
use crate::build::rows::root_of;
use crate::hir::{Expr, ExprKind, StatisticOf, StoredColumn};
use crate::plan::Reach;
use crate::plan::row::Statistic;

impl Printer<'_> {
    pub(super) fn columns(&mut self) {
        for column in &self.hir.columns {
            self.item();
            self.column(column);
        }
    }

    pub(super) fn column(&mut self, column: &StoredColumn) {
        let mut head = format!("column {} over {}", column.name, self.rows(&column.rows));
        if column.reach == Reach::AllSplits {
            head.push_str(" over all splits");
        }
        if let Some(fit) = &column.cross_fit {
            head.push_str(&format!(" cross_fit {}", crate::plan::print::folds(fit)));
        }
        self.body(&head, &column.value);
    }

    /// What stands before and after the keys of the row that reads: `mean(log where click, seconds) of the group of [`
    pub(super) fn statistic(&mut self, of: &StatisticOf) -> (String, String) {
        let mut said = vec![of.source.clone()];
        if let Some(condition) = &of.condition {
            let condition = self.counted(condition, &of.source);
            said[0] = format!("{} where {condition}", of.source);
        }
        if let Some(value) = &of.value {
            said.push(self.counted(value, &of.source));
        }
        if let Statistic::Quantile(share) = of.statistic {
            said.push(format!("at: {share}"));
        }
        if !of.keys.is_empty() {
            let keys: Vec<String> = of
                .keys
                .iter()
                .map(|key| self.counted(key, &of.source))
                .collect();
            said.push(format!("by: [{}]", keys.join(", ")));
        }
        let open = format!(
            "{}({}) of the group of [",
            of.statistic.name(),
            said.join(", ")
        );
        (open, "]".to_owned())
    }

    /// A value of a row that counts; such rows print as their source.
    fn counted(&mut self, e: &Expr, source: &str) -> String {
        if let Some(root) = root_of(e)
            && let ExprKind::Local(id) = &root.kind
            && !self.names.contains_key(id)
        {
            self.names.insert(*id, source.to_owned());
        }
        self.whole(e, 0, 0)
    }
}
