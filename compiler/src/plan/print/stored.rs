//! Columns that a run computes.

use super::{Text, program};
use crate::plan::{CrossFit, FoldBy, Plan, Reach, StoredPlan, StoredValue};

pub(super) fn columns(text: &mut Text, plan: &Plan) {
    for column in &plan.columns {
        let head = format!("column {} of {}", column.name, column.source);
        text.section(&head, |text| {
            text.line(when(plan, column));
            text.line(rows(column));
            if let Some((fit, trainings)) = &column.cross_fit {
                let names: Vec<&str> = trainings
                    .iter()
                    .map(|at| plan.phases[*at].name.as_str())
                    .collect();
                text.line(format!(
                    "{}; each without a fold: {}",
                    folds(fit),
                    names.join(", ")
                ));
            }
            match &column.value {
                StoredValue::Tower(of) => program::program(text, "a block of rows", of),
                StoredValue::Row(output) => text.line(format!("kernel output `{output}`")),
            }
        });
    }
}

fn when(plan: &Plan, column: &StoredPlan) -> String {
    let Some(after) = column.after else {
        let day = plan.daily.as_ref().map_or("day", |daily| &daily.name);
        return format!("computed anew each {day}");
    };
    match (plan.phases.get(after), after) {
        (None, _) => "computed after all trainings".to_owned(),
        (Some(_), 0) => "computed before all trainings".to_owned(),
        (Some(phase), _) => format!("computed before train {}", phase.name),
    }
}

fn rows(column: &StoredPlan) -> String {
    let reach = match column.reach {
        Reach::Training => "training rows",
        Reach::AllSplits => "rows of all splits",
    };
    if column.window.is_some() || !column.picks.is_empty() {
        return format!("for {}, {}", column.rows().name, column.kind);
    }
    match &column.condition {
        Some(condition) => format!("for {reach} where `{condition}`, {}", column.kind),
        None => format!("for {reach}, {}", column.kind),
    }
}

/// `5 folds by user`
pub(crate) fn folds(fit: &CrossFit) -> String {
    let by = match &fit.by {
        FoldBy::Row => "row",
        FoldBy::Reference(name) | FoldBy::Column(name) => name,
    };
    format!("{} folds by {by}", fit.folds)
}
