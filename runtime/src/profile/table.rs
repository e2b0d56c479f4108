//! A profile as a table to read.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use reckon_compiler::graph::Op;
use reckon_grammar::span::{FileId, Sources};

use super::{Section, Sum, line_of};

/// Nodes that are listed one by one.
const NODES: usize = 40;
/// Characters of a line of the spec that are shown.
const SHOWN: usize = 60;

/// Each section with where its time passes, then its lines of the spec, then its heaviest nodes. Shares are of all that
/// the turns of the section took.
pub(super) fn table(sections: &[Section], sources: &Sources) -> String {
    let run = sections.iter().filter(|section| section.turns > 0);
    let shown: Vec<String> = run.map(|section| shown(section, sources)).collect();
    shown.join("\n\n")
}

fn shown(section: &Section, sources: &Sources) -> String {
    let (turn, turns) = (section.turn, section.turns);
    let plural = match (turn, turns) {
        (_, 1) => turn.to_owned(),
        ("pass", _) => "passes".to_owned(),
        _ => format!("{turn}s"),
    };
    let mut page = Page {
        section,
        text: format!("{}: {turns} {plural}", section.title),
    };
    let mean = page.milliseconds(section.whole);
    page.text += &format!(", {mean:.3} ms a {turn}\n\n");
    page.parts();
    page.lines(sources);
    page.nodes(sources);
    page.text
}

struct Page<'s> {
    section: &'s Section,
    text: String,
}

impl Page<'_> {
    /// Programs and what is none; together they are all.
    fn parts(&mut self) {
        self.heads("where it passes");
        let mut programs = Duration::ZERO;
        for program in &self.section.programs {
            programs += program.whole;
            let name = &program.graph.name;
            let [mut nodes, mut updates] = [Sum::default(); 2];
            for (id, sum) in program.nodes() {
                match program.graph.node(id).op {
                    Op::Update { .. } | Op::Assign { .. } => updates.add(sum),
                    _ => nodes.add(sum),
                }
            }
            self.row(nodes.time, &format!("nodes of `{name}`"));
            if updates.calls > 0 {
                let what = format!("nodes of `{name}` that update parameters");
                self.row(updates.time, &what);
            }
            let outside = program.whole.saturating_sub(nodes.time + updates.time);
            self.row(outside, &format!("`{name}` outside of its nodes"));
        }
        let mut named = Duration::ZERO;
        for (name, took) in &self.section.parts {
            named += *took;
            self.row(*took, name);
        }
        let rest = self.section.whole.saturating_sub(programs + named);
        self.row(rest, "rest");
    }

    /// What nodes took by the line of the spec that asks for them, and what is outside of nodes.
    fn lines(&mut self, sources: &Sources) {
        let mut by_line: BTreeMap<(FileId, usize), Sum> = BTreeMap::new();
        for program in &self.section.programs {
            for (id, sum) in program.nodes() {
                let span = program.place_of(id);
                let (line, _) = sources.line_column(span.file, span.start);
                by_line.entry((span.file, line)).or_default().add(sum);
            }
        }
        let mut lines: Vec<_> = by_line.into_iter().collect();
        lines.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.time));
        self.text.push('\n');
        self.wide_heads("line");
        for ((file, line), sum) in &lines {
            let file = sources.file(*file);
            let text = file.text.lines().nth(line - 1).unwrap_or_default().trim();
            let text: String = text.chars().take(SHOWN).collect();
            self.wide_row(*sum, &format!("{}:{line}  {text}", file.name));
        }
        let inside: Duration = lines.iter().map(|(_, sum)| sum.time).sum();
        self.rest(inside, "outside of nodes");
    }

    /// The nodes that took most, the others together, and what is outside of nodes.
    fn nodes(&mut self, sources: &Sources) {
        let programs = self.section.programs.iter();
        let mut nodes: Vec<_> = programs
            .flat_map(|program| program.nodes().map(move |(id, sum)| (program, id, sum)))
            .collect();
        nodes.sort_by_key(|(_, _, sum)| std::cmp::Reverse(sum.time));
        self.text.push('\n');
        self.wide_heads("op, type, line, scope");
        let (heavy, light) = nodes.split_at(nodes.len().min(NODES));
        for (program, id, sum) in heavy {
            let node = program.graph.node(*id);
            let what = [
                node.op.entry().name.to_owned(),
                node.ty.show(&program.graph.spaces),
                line_of(sources, program.place_of(*id)),
                node.site.path.clone(),
            ];
            self.wide_row(*sum, what.join("  ").trim_end());
        }
        let mut others = Sum::default();
        light.iter().for_each(|(_, _, sum)| others.add(*sum));
        if !light.is_empty() {
            self.wide_row(others, &format!("{} other nodes", light.len()));
        }
        let inside: Duration = nodes.iter().map(|(_, _, sum)| sum.time).sum();
        self.rest(inside, "outside of nodes");
    }

    fn heads(&mut self, what: &str) {
        let each = format!("ms a {}", self.section.turn);
        self.write(format_args!("{:>8}  {each:>10}  {what}", "share"));
    }

    fn wide_heads(&mut self, what: &str) {
        let each = format!("ms a {}", self.section.turn);
        let bytes = format!("bytes a {}", self.section.turn);
        let numbers = format!("{:>8}  {each:>10}  {:>9}  {bytes:>12}", "share", "calls");
        self.write(format_args!("{numbers}  {what}"));
    }

    fn row(&mut self, time: Duration, what: &str) {
        let (share, each) = (self.share(time), self.milliseconds(time));
        self.write(format_args!("{share:>6.2} %  {each:>10.3}  {what}"));
    }

    fn wide_row(&mut self, sum: Sum, what: &str) {
        let (share, each) = (self.share(sum.time), self.milliseconds(sum.time));
        let bytes = sum.bytes / self.section.turns as u64;
        let calls = sum.calls;
        self.write(format_args!(
            "{share:>6.2} %  {each:>10.3}  {calls:>9}  {bytes:>12}  {what}"
        ));
    }

    /// What is left of the turns, of which nothing is counted.
    fn rest(&mut self, inside: Duration, what: &str) {
        let time = self.section.whole.saturating_sub(inside);
        let (share, each) = (self.share(time), self.milliseconds(time));
        self.write(format_args!(
            "{share:>6.2} %  {each:>10.3}  {:>9}  {:>12}  {what}",
            "", ""
        ));
    }

    fn write(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("a string takes all");
    }

    fn share(&self, time: Duration) -> f64 {
        100.0 * time.as_secs_f64() / self.section.whole.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn milliseconds(&self, time: Duration) -> f64 {
        1e3 * time.as_secs_f64() / self.section.turns as f64
    }
}
