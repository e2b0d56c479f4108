//! Item graphs, and what is run once a day.

use super::Text;
use crate::plan::{Plan, Turn};
use crate::value::Value;

pub(super) fn graphs(text: &mut Text, plan: &Plan) {
    if plan.graphs.is_empty() {
        return;
    }
    text.section("item graphs", |text| {
        for (at, graph) in plan.graphs.iter().enumerate() {
            let head = format!("{at}  {}: {}", graph.name, graph.nearness);
            text.nested(head, |text| {
                let (things, people, rows) = (&graph.things, &graph.people, &graph.rows);
                text.line(format!(
                    "between rows of {things}, by the {people} of {rows}"
                ));
                if let Some(weight) = &graph.weight {
                    text.line(format!("a pair weighs `{weight}` of its strongest row"));
                }
                let read = plan
                    .affinities
                    .iter()
                    .filter(|affinity| affinity.graph == at);
                for affinity in read {
                    text.line(format!("`{}` to {}", affinity.column, affinity.seeds));
                }
            });
        }
    });
}

pub(super) fn daily(text: &mut Text, plan: &Plan) {
    let Some(daily) = &plan.daily else { return };
    let by = Value::Duration(daily.by);
    text.section(
        &format!("loop {} over {}", daily.name, daily.source),
        |text| {
            text.line(format!(
                "steps of {by} from the first with rows to the last, in UTC"
            ));
            for copy in &daily.begins {
                text.line(format!("begins with {} as {}", copy.from, copy.to));
            }
            let rows: Vec<Vec<String>> = daily
                .turns
                .iter()
                .enumerate()
                .map(|(at, turn)| {
                    let what = match turn {
                        Turn::Graph(graph) => format!("graph {}", plan.graphs[*graph].name),
                        Turn::Column(column) => format!("column {}", plan.columns[*column].name),
                        Turn::Train(phase) => format!("train {}", plan.phases[*phase].name),
                        Turn::Evaluate(evaluation) => {
                            format!("evaluate {}", plan.evaluations[*evaluation].name)
                        }
                    };
                    vec![at.to_string(), what]
                })
                .collect();
            text.columns(&rows);
        },
    );
}
