//! What a plan costs, as tables of at most 80 columns and as JSON.

use reckon_compiler::cost::{Amount, Cost, Owner, Part, ProgramCost, Sure, TableCost, refusal};
use reckon_compiler::figures::{bytes, grouped};
use reckon_compiler::plan::Plan;
use reckon_grammar::span::{Sources, Span};
use serde_json::{Value, json};

use crate::arguments::{Build, CostFormat};
use crate::console::{Console, Exit};
use crate::memory::{Limit, limit};
use crate::render::{Format, folded};
use crate::spec::Spec;

/// Widest line.
const WIDTH: usize = 80;
/// Expressions that are listed for a program.
const PLACES: usize = 3;
/// Parts of the most memory that are listed one by one.
const PARTS: usize = 8;

/// A forecast.
pub struct Known<'a> {
    /// What it says.
    pub cost: &'a Cost,
    /// Of what.
    pub plan: &'a Plan,
    /// Where sizes come from, in a sentence.
    pub from: &'a str,
}

impl Known<'_> {
    /// Prints the forecast of a spec, and refuses it where it is more than a run may have.
    pub fn tell(&self, spec: &Spec, arguments: &Build, console: &Console) -> Exit {
        let limit = limit(arguments.memory);
        let shown = Shown {
            cost: self.cost,
            plan: self.plan,
            sources: &spec.checked.sources,
            from: self.from,
            limit: limit.as_ref(),
        };
        match arguments.format {
            CostFormat::Table => console.print_raw(&shown.table()),
            CostFormat::Json => console.print(&shown.json().to_string()),
        }
        let Some(finding) = limit.and_then(|limit| refusal(&self.cost.peak, limit.bytes)) else {
            return Exit::Success;
        };
        spec.show_findings(&[finding], Format::Human, console);
        Exit::World
    }
}

/// A forecast with what it is shown by.
struct Shown<'a> {
    cost: &'a Cost,
    plan: &'a Plan,
    sources: &'a Sources,
    from: &'a str,
    limit: Option<&'a Limit>,
}

impl Shown<'_> {
    fn table(&self) -> String {
        let mut out = folded(self.from, 0) + "\n\n";
        out += &self.model();
        out.push('\n');
        out += &self.programs();
        out.push('\n');
        out += &self.memory();
        out
    }

    fn model(&self) -> String {
        let model = &self.cost.model;
        let head = ["tables", "rows", "width", "bytes", "optimiser", "line"];
        let mut rows: Vec<Vec<String>> = vec![head.map(str::to_owned).to_vec()];
        for table in &model.tables {
            rows.push(vec![
                format!("  {}", table.path),
                counted(table.rows),
                grouped(table.width),
                sized(table.bytes),
                sized(table.states()),
                table.span.map(|span| self.place(span)).unwrap_or_default(),
            ]);
        }
        let sum = |of: fn(&TableCost) -> Amount| -> Amount { model.tables.iter().map(of).sum() };
        let blank = String::new;
        let of_tables = (sum(|table| table.bytes), sum(TableCost::states));
        for (what, (kept, states)) in [
            ("all tables", of_tables),
            ("dense weights", (model.weights, model.weight_states)),
        ] {
            let name = what.to_owned();
            rows.push(vec![
                name,
                blank(),
                blank(),
                sized(kept),
                sized(states),
                blank(),
            ]);
        }
        aligned(&rows)
    }

    fn programs(&self) -> String {
        let head = ["programs", "rows", "inputs", "values", "operations"];
        let mut rows: Vec<Vec<String>> = vec![head.map(str::to_owned).to_vec()];
        for program in &self.cost.programs {
            rows.push(vec![
                format!("  {}", program.owner.describe(self.plan)),
                counted(program.rows),
                sized(program.inputs),
                sized(program.live),
                operations(program.flops),
            ]);
        }
        let mut out = aligned(&rows);
        let trained = |program: &&ProgramCost| matches!(program.owner, Owner::Step(_));
        for program in self.cost.programs.iter().filter(trained) {
            let name = program.owner.describe(self.plan);
            out += &format!("\noperations of {name}, by line\n");
            out += &self.places(program);
        }
        out
    }

    /// The lines of the spec that most operations of a program are for.
    fn places(&self, program: &ProgramCost) -> String {
        let mut lines: Vec<(String, String, u64)> = Vec::new();
        for place in &program.by_place {
            let (at, text) = (self.place(place.span), self.text(place.span));
            match lines.iter_mut().find(|(known, ..)| *known == at) {
                Some((_, _, sum)) => *sum += place.flops.count,
                None => lines.push((at, text, place.flops.count)),
            }
        }
        lines.sort_by_key(|(.., sum)| std::cmp::Reverse(*sum));
        let all = program.flops.count.max(1) as f64;
        let rows = lines.iter().take(PLACES).map(|(at, text, sum)| {
            let share = 100.0 * *sum as f64 / all;
            let line = format!("  {share:5.1} %  {at}  {text}");
            cut(&line, WIDTH) + "\n"
        });
        rows.collect()
    }

    fn memory(&self) -> String {
        let peak = &self.cost.peak;
        let is_known = |part: &&Part| part.bytes.count > 0;
        let mut parts: Vec<&Part> = peak.parts.iter().filter(is_known).collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.bytes.count));
        let (large, small) = parts.split_at(parts.len().min(PARTS));
        let mut rows = vec![vec![
            format!("memory in {}", peak.stage),
            "bytes".to_owned(),
            "line".to_owned(),
        ]];
        for part in large {
            rows.push(vec![
                format!("  {}", part.what),
                sized(part.bytes),
                part.span.map(|span| self.place(span)).unwrap_or_default(),
            ]);
        }
        if !small.is_empty() {
            let rest: Amount = small.iter().map(|part| part.bytes).sum();
            rows.push(vec![
                format!("  {} smaller ones", small.len()),
                sized(rest),
                String::new(),
            ]);
        }
        rows.push(vec![
            "the most at once".to_owned(),
            sized(peak.bytes),
            String::new(),
        ]);
        if let Some(limit) = self.limit {
            let may = bytes(usize::try_from(limit.bytes).unwrap_or(usize::MAX));
            rows.push(vec![format!("allowed by {}", limit.by), may, String::new()]);
        }
        let mut out = aligned(&rows);
        let unknown = peak.parts.iter().filter(|part| !is_known(part));
        let unknown: Vec<&str> = unknown.map(|part| part.what.as_str()).collect();
        if !unknown.is_empty() {
            out += &folded(&format!("not known: {}", unknown.join(", ")), 2);
            out.push('\n');
        }
        let heads = ["stages", "bytes"].map(str::to_owned).to_vec();
        let stages = peak.stages.iter();
        let stages = stages.map(|(name, bytes)| vec![format!("  {name}"), sized(*bytes)]);
        out.push('\n');
        out += &aligned(&[vec![heads], stages.collect()].concat());
        out
    }

    /// `main.rec:12`
    fn place(&self, span: Span) -> String {
        let (line, _) = self.sources.line_column(span.file, span.start);
        let name = &self.sources.file(span.file).name;
        let name = name.rsplit('/').next().unwrap_or(name);
        format!("{name}:{line}")
    }

    /// The line of the text.
    fn text(&self, span: Span) -> String {
        let (line, _) = self.sources.line_column(span.file, span.start);
        let text = &self.sources.file(span.file).text;
        text.lines()
            .nth(line - 1)
            .unwrap_or_default()
            .trim()
            .to_owned()
    }

    /// All of it for programs.
    fn json(&self) -> Value {
        let place = |span: Option<Span>| span.map(|span| self.place(span));
        let tables = self.cost.model.tables.iter().map(|table| {
            let moments = table.moments.iter();
            let moments: serde_json::Map<String, Value> = moments
                .map(|(name, bytes)| ((*name).to_owned(), amount(*bytes)))
                .collect();
            json!({
                "path": table.path, "rows": amount(table.rows), "width": table.width,
                "bytes": amount(table.bytes), "optimiser": moments, "place": place(table.span),
            })
        });
        let programs = self.cost.programs.iter().map(|program| {
            let places = program.by_place.iter().map(|of| {
                json!({ "place": self.place(of.span), "operations": amount(of.flops), "largest": amount(of.largest) })
            });
            json!({
                "program": program.owner.describe(self.plan), "rows": amount(program.rows),
                "inputs": amount(program.inputs), "outputs": amount(program.outputs),
                "values": amount(program.live), "operations": amount(program.flops),
                "places": places.collect::<Vec<_>>(),
            })
        });
        let peak = &self.cost.peak;
        let parts = peak.parts.iter().map(|part| {
            json!({ "what": part.what, "bytes": amount(part.bytes), "place": place(part.span) })
        });
        let stages = peak
            .stages
            .iter()
            .map(|(name, bytes)| json!({ "stage": name, "bytes": amount(*bytes) }));
        json!({
            "sizes": self.from,
            "tables": tables.collect::<Vec<_>>(),
            "weights": { "bytes": amount(self.cost.model.weights), "optimiser": amount(self.cost.model.weight_states) },
            "programs": programs.collect::<Vec<_>>(),
            "peak": {
                "stage": peak.stage, "bytes": amount(peak.bytes),
                "parts": parts.collect::<Vec<_>>(), "stages": stages.collect::<Vec<_>>(),
            },
            "limit": self.limit.map(|limit| limit.bytes),
        })
    }
}

/// `{"count": 12, "sure": "at most"}`
fn amount(of: Amount) -> Value {
    let sure = match of.sure {
        Sure::Exact => "exact",
        Sure::AtMost => "at most",
        Sure::Open => "open",
    };
    json!({ "count": of.count, "sure": sure })
}

/// `<= 1.2 MB`, `1.2 MB + ?`, `?`
fn sized(of: Amount) -> String {
    sure(of, &bytes(usize::try_from(of.count).unwrap_or(usize::MAX)))
}

/// A number of rows.
fn counted(of: Amount) -> String {
    sure(
        of,
        &grouped(usize::try_from(of.count).unwrap_or(usize::MAX)),
    )
}

/// A number of operations: `12.3 million`.
fn operations(of: Amount) -> String {
    let count = of.count as f64;
    let text = match of.count {
        0..1_000 => of.count.to_string(),
        1_000..1_000_000 => format!("{:.1} thousand", count / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} million", count / 1e6),
        _ => format!("{:.1} billion", count / 1e9),
    };
    sure(of, &text)
}

fn sure(of: Amount, text: &str) -> String {
    match of.sure {
        Sure::Exact => text.to_owned(),
        Sure::AtMost => format!("<= {text}"),
        Sure::Open if of.count == 0 => "?".to_owned(),
        Sure::Open => format!("{text} + ?"),
    }
}

/// Cells below each other: the first column and places to the left, numbers to the right. A first cell for which there is
/// no room stands above the others.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (1..columns).map(width).collect();
    let beside: usize = widths.iter().map(|width| 2 + width).sum();
    let first = width(0).min(WIDTH.saturating_sub(beside));
    let is_place = |at: usize| rows[0].get(at).is_some_and(|head| head == "line");
    let mut out = String::new();
    for row in rows {
        let name = row.first().map_or("", String::as_str);
        let name = match name.chars().count() > first {
            true => {
                out += &format!("{name}\n");
                ""
            }
            false => name,
        };
        let mut line = format!("{name:first$}");
        for (at, cell) in row.iter().enumerate().skip(1) {
            let width = widths[at - 1];
            line += &match is_place(at) {
                true => format!("  {cell:<width$}"),
                false => format!("  {cell:>width$}"),
            };
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
}

/// The beginning of a line that is too long.
fn cut(line: &str, width: usize) -> String {
    match line.chars().count() > width {
        true => line.chars().take(width - 3).collect::<String>() + "...",
        false => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_say_how_sure_they_are() {
        assert_eq!(sized(Amount::exact(1_500)), "1.5 kB");
        assert_eq!(sized(Amount::at_most(1_500)), "<= 1.5 kB");
        assert_eq!(sized(Amount::exact(1_500) + Amount::OPEN), "1.5 kB + ?");
        assert_eq!(
            (sized(Amount::OPEN), counted(Amount::of(1_234))),
            ("?".to_owned(), "1,234".to_owned())
        );
        assert_eq!(operations(Amount::exact(2_500_000_000)), "2.5 billion");
    }

    #[test]
    fn a_name_without_room_stands_above_its_numbers() {
        let row = |name: &str, bytes: &str| vec![name.to_owned(), bytes.to_owned()];
        let long = "x".repeat(78);
        let text = aligned(&[row("tables", "bytes"), row(&long, "12 bytes")]);
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert_eq!(text.lines().count(), 3);
    }
}
