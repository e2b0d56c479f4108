//! The plan as text, for people: what a run will do, from top to bottom.

mod daily;
mod kernel;
mod program;
mod schedule;
mod scores;
mod sections;
mod stored;

use super::{EvaluationKind, Plan, Program, StoredValue};
use crate::graph::Graph;
pub use kernel::instruction;
pub(crate) use scores::scores_lines;
pub(crate) use sections::{bad_rows, immature, source_lines, split};
pub(crate) use stored::folds;

/// The whole plan. Its tensor programs appear by what feeds them and what they hold; [`graphs`] has their ops.
pub fn print(plan: &Plan) -> String {
    let mut text = Text::default();
    sections::settings(&mut text, plan);
    sections::sources(&mut text, plan);
    scores::scores(&mut text, plan);
    sections::splits(&mut text, plan);
    sections::histories(&mut text, plan);
    sections::fits(&mut text, plan);
    sections::kernels(&mut text, plan);
    sections::tables(&mut text, plan);
    daily::graphs(&mut text, plan);
    schedule::schedule(&mut text, plan);
    daily::daily(&mut text, plan);
    program::phases(&mut text, plan);
    stored::columns(&mut text, plan);
    program::evaluations(&mut text, plan);
    program::exports(&mut text, plan);
    text.out
}

/// A tensor program by what feeds it and what it gives, with the row programs and the fits behind its inputs.
pub fn served(plan: &Plan, program: &Program) -> String {
    let mut text = Text::default();
    program::program(&mut text, "a block of rows", program);
    sections::histories(&mut text, plan);
    sections::fits(&mut text, plan);
    let reads = |source: &str| program.handles.iter().any(|handle| handle.source == source);
    text.section("kernels", |text| {
        for one in plan.kernels.iter().filter(|one| reads(&one.source)) {
            let head = format!("for each row of {}", one.source);
            text.nested(head, |text| kernel::kernel(text, one));
        }
    });
    text.out
}

/// Every tensor program of the plan in the order in which a run first needs it: what it is, and its graph.
pub fn graphs(plan: &Plan) -> Vec<(String, &Graph)> {
    let mut graphs = Vec::new();
    for phase in &plan.phases {
        for held in &phase.held {
            let head = format!(
                "{}: what teachers say of a row of stream {}, once",
                phase.name, held.stream
            );
            graphs.push((head, &held.program.graph));
        }
        graphs.push((
            format!("{}: a training step", phase.name),
            &phase.step.graph,
        ));
        if let Some(accumulate) = &phase.accumulate {
            let head = format!("{}: the update of a training step", phase.name);
            graphs.push((head, &accumulate.update.graph));
        }
    }
    for column in &plan.columns {
        if let StoredValue::Tower(program) = &column.value {
            graphs.push((format!("{}: a block of rows", column.name), &program.graph));
        }
    }
    for evaluation in &plan.evaluations {
        match &evaluation.kind {
            EvaluationKind::Retrieval {
                entity,
                catalogue,
                query,
                ..
            } => {
                let once = format!("{}: once for every {entity}", evaluation.name);
                graphs.push((once, &catalogue.graph));
                graphs.push((
                    format!("{}: a block of queries", evaluation.name),
                    &query.graph,
                ));
            }
            EvaluationKind::Ranking { score } => {
                graphs.push((
                    format!("{}: a block of rows", evaluation.name),
                    &score.graph,
                ));
            }
        }
    }
    for export in &plan.exports {
        graphs.push((format!("export {}", export.tower), &export.program.graph));
    }
    graphs
}

/// Indented lines.
#[derive(Default)]
struct Text {
    out: String,
    depth: usize,
}

impl Text {
    fn line(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref();
        if !line.is_empty() {
            self.out.push_str(&"  ".repeat(self.depth));
            self.out.push_str(line);
        }
        self.out.push('\n');
    }

    /// A line, and below it what belongs to it.
    fn nested(&mut self, head: impl AsRef<str>, body: impl FnOnce(&mut Self)) {
        self.line(head);
        self.depth += 1;
        body(self);
        self.depth -= 1;
    }

    /// A section of the plan, after a blank line.
    fn section(&mut self, name: &str, body: impl FnOnce(&mut Self)) {
        if !self.out.is_empty() {
            self.line("");
        }
        self.nested(name, body);
    }

    /// Lines in columns.
    fn columns(&mut self, rows: &[Vec<String>]) {
        let cells = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..cells)
            .map(|at| {
                let cells = rows.iter().filter_map(|row| row.get(at));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        for row in rows {
            let padded: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            self.line(padded.join("  ").trim_end());
        }
    }
}
