//! Teachers that are tables.

use super::Text;
use crate::plan::{Plan, ScoresPlan};
use crate::value::Value;

pub(super) fn scores(text: &mut Text, plan: &Plan) {
    if plan.scores.is_empty() {
        return;
    }
    text.section("scores", |text| {
        for one in &plan.scores {
            table(text, one);
        }
    });
}

/// A table as the typed program shows it.
pub(crate) fn scores_lines(of: &ScoresPlan) -> String {
    let mut text = Text::default();
    table(&mut text, of);
    text.out
}

fn table(text: &mut Text, of: &ScoresPlan) {
    let head = format!(
        "teacher {} of {} from scores {}",
        of.teacher,
        of.source,
        of.table.written_paths()
    );
    text.nested(head, |text| {
        text.line(format!("of equal ({})", of.on.join(", ")));
        text.line(format!(
            "the latest before {} - {}",
            of.time,
            Value::Duration(of.lag)
        ));
        for (head, column) in &of.heads {
            text.line(format!("{head} as {column}"));
        }
    });
}
