//! What a benchmark found, as a table and as JSON.

use super::{Bed, Scale};
use crate::{Repository, trouble::Trouble};
use serde_json::{Value, json};
use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    process::Command,
};

/// The measurements of a benchmark and where they were taken.
pub(super) struct Record {
    name: String,
    file: PathBuf,
    place: Value,
    measured: Vec<Measurement>,
}

/// One metric of one contender in one case.
#[derive(Clone, Debug, PartialEq)]
struct Measurement {
    case: String,
    contender: String,
    metric: String,
    unit: &'static str,
    /// One value a run, in the order of the runs.
    runs: Vec<f64>,
    /// Why the value may not be used, where it may not.
    void: Option<String>,
}

/// What is measured, of whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) case: &'a str,
    pub(super) contender: &'a str,
    pub(super) metric: &'a str,
    pub(super) unit: &'static str,
}

impl Record {
    pub(super) fn new(
        repository: &Repository,
        name: &str,
        bed: &Bed<'_>,
    ) -> Result<Record, Trouble> {
        let place = json!({
            "machine": { "cpu": cpu(), "cores": cores(), "threads": bed.threads, "os": std::env::consts::OS },
            "versions": { "rustc": first_line("rustc", &["--version"], repository), "libtorch": "2.13.0" },
            "revision": revision(repository),
            "scale": match bed.scale { Scale::Quick => "quick", Scale::Full => "full" },
        });
        let folder = repository.root.join("target/bench");
        fs::create_dir_all(&folder)
            .map_err(|error| Trouble::io(format!("cannot make {}", folder.display()), &error))?;
        Ok(Record {
            name: name.to_owned(),
            file: folder.join(format!("{name}.json")),
            place,
            measured: Vec::new(),
        })
    }

    /// Adds the value of one more run.
    pub(super) fn add(&mut self, subject: Subject<'_>, value: f64) {
        match self.measured.iter_mut().find(|of| of.is_of(subject)) {
            Some(found) => found.runs.push(value),
            None => self.measured.push(Measurement {
                case: subject.case.to_string(),
                contender: subject.contender.to_string(),
                metric: subject.metric.to_string(),
                unit: subject.unit,
                runs: vec![value],
                void: None,
            }),
        }
    }

    /// Notes that a subject cannot be measured, and why.
    pub(super) fn refuse(&mut self, subject: Subject<'_>, why: &str) {
        self.measured.push(Measurement {
            case: subject.case.to_string(),
            contender: subject.contender.to_string(),
            metric: subject.metric.to_string(),
            unit: subject.unit,
            runs: Vec::new(),
            void: Some(why.to_string()),
        });
    }

    /// Whether it was noted that a subject cannot be measured.
    pub(super) fn is_refused(&self, subject: Subject<'_>) -> bool {
        let found = self.measured.iter().find(|of| of.is_of(subject));
        found.is_some_and(|of| of.runs.is_empty() && of.void.is_some())
    }

    /// The median over the runs of a subject, if it was measured.
    pub(super) fn median_of(&self, subject: Subject<'_>) -> Option<f64> {
        let found = self.measured.iter().find(|of| of.is_of(subject));
        found.map(|of| median(&of.runs))
    }

    /// The smallest of the runs of a subject, if it was measured.
    pub(super) fn least_of(&self, subject: Subject<'_>) -> Option<f64> {
        let found = self.measured.iter().find(|of| of.is_of(subject));
        found.map(|of| of.runs.iter().copied().fold(f64::INFINITY, f64::min))
    }

    /// The largest of the runs of a subject, if it was measured.
    pub(super) fn most_of(&self, subject: Subject<'_>) -> Option<f64> {
        let found = self.measured.iter().find(|of| of.is_of(subject));
        found.map(|of| of.runs.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }

    /// Marks everything of a case as not to be used.
    pub(super) fn void(&mut self, case: &str, why: &str) {
        for of in self.measured.iter_mut().filter(|of| of.case == case) {
            of.void = Some(why.to_string());
        }
    }

    /// Writes what has been measured so far, and returns the file.
    pub(super) fn write(&self) -> Result<PathBuf, Trouble> {
        let results: Vec<Value> = self.measured.iter().map(Measurement::to_json).collect();
        let mut whole = self.place.clone();
        whole["bench"] = json!(self.name);
        whole["results"] = json!(results);
        let text = serde_json::to_string_pretty(&whole).expect("a tree of values has a text");
        fs::write(&self.file, text).map_err(|error| {
            Trouble::io(format!("cannot write {}", self.file.display()), &error)
        })?;
        Ok(self.file.clone())
    }

    /// Prints the tables, one a case.
    pub(super) fn print(&self) -> Result<(), Trouble> {
        io::stdout()
            .write_all(tables(&self.measured).as_bytes())
            .map_err(|error| Trouble::io("cannot print the table", &error))
    }
}

impl Measurement {
    fn is_of(&self, subject: Subject<'_>) -> bool {
        (
            self.case.as_str(),
            self.contender.as_str(),
            self.metric.as_str(),
        ) == (subject.case, subject.contender, subject.metric)
    }

    fn to_json(&self) -> Value {
        json!({
            "case": self.case,
            "contender": self.contender,
            "metric": self.metric,
            "value": median(&self.runs),
            "unit": self.unit,
            "runs": self.runs,
            "void": self.void,
        })
    }

    /// The median and, of several runs, the smallest and the largest.
    fn cell(&self) -> String {
        let (low, high) = self
            .runs
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), run| {
                (low.min(*run), high.max(*run))
            });
        let middle = shown(median(&self.runs));
        let void = if self.void.is_some() { " (void)" } else { "" };
        match self.runs.len() {
            0 => "does not run".to_owned(),
            1 => format!("{middle}{void}"),
            _ => format!("{middle} ({} to {}){void}", shown(low), shown(high)),
        }
    }
}

/// A table in Markdown for each case: a line a contender, a column a metric.
fn tables(measured: &[Measurement]) -> String {
    let mut text = String::new();
    for case in distinct(measured.iter().map(|of| of.case.as_str())) {
        let of_case: Vec<&Measurement> = measured.iter().filter(|of| of.case == case).collect();
        let metrics = distinct(of_case.iter().map(|of| of.metric.as_str()));
        text.push_str(&format!("\n| {case} | {} |\n", metrics.join(" | ")));
        text.push_str(&format!("| --- |{}\n", " --- |".repeat(metrics.len())));
        for contender in distinct(of_case.iter().map(|of| of.contender.as_str())) {
            let cell = |metric: &&str| {
                let found = of_case
                    .iter()
                    .find(|of| of.contender == contender && of.metric == *metric);
                found.map_or_else(String::new, |of| of.cell())
            };
            let cells: Vec<String> = metrics.iter().map(cell).collect();
            text.push_str(&format!("| {contender} | {} |\n", cells.join(" | ")));
        }
        // What does not run says why below the table.
        for of in of_case.iter().filter(|of| of.runs.is_empty()) {
            if let Some(why) = &of.void {
                text.push_str(&format!("\n{}: {why}\n", of.contender));
            }
        }
    }
    text
}

/// Each of the names once, in the order of their first appearance.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// The middle of the values; the mean of the two middle ones of an even number.
fn median(runs: &[f64]) -> f64 {
    let mut sorted = runs.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

fn shown(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        small if small > 0.0 && small < 0.001 => format!("{value:.1e}"),
        _ => format!("{value:.4}"),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// What the processor calls itself, where the system says so.
fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_string())
}

/// The commit, with a plus where files differ from it.
fn revision(repository: &Repository) -> Option<String> {
    let commit = first_line("git", &["rev-parse", "--short", "HEAD"], repository)?;
    let changed = first_line("git", &["status", "--porcelain"], repository).is_some();
    Some(format!("{commit}{}", if changed { "+" } else { "" }))
}

fn first_line(program: &str, arguments: &[&str], repository: &Repository) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(&repository.root)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(contender: &str, metric: &str, runs: &[f64]) -> Measurement {
        Measurement {
            case: "two_tower".to_string(),
            contender: contender.to_string(),
            metric: metric.to_string(),
            unit: "share",
            runs: runs.to_vec(),
            void: None,
        }
    }

    #[test]
    fn a_table_has_a_line_a_contender_and_gaps_where_nothing_was_measured() {
        let measured = [
            measurement("model", "recall@50", &[0.4, 0.41, 0.39]),
            measurement("model", "examples/s", &[12_345.6]),
            measurement("ease", "recall@50", &[0.302]),
        ];
        let expected = "
| two_tower | recall@50 | examples/s |
| --- | --- | --- |
| model | 0.4000 (0.3900 to 0.4100) | 12346 |
| ease | 0.3020 |  |
";
        assert_eq!(tables(&measured), expected);
    }

    #[test]
    fn what_does_not_run_says_why_below_its_table() {
        let mut refused = measurement("compiled", "ms", &[]);
        refused.void = Some("no sparse gradients".to_string());
        let measured = [measurement("model", "ms", &[2.0]), refused];
        let expected = "
| two_tower | ms |
| --- | --- |
| model | 2.0000 |
| compiled | does not run |

compiled: no sparse gradients
";
        assert_eq!(tables(&measured), expected);
    }

    #[test]
    fn the_json_holds_median_and_runs() {
        let found = measurement("model", "loss", &[3.0, 1.0, 2.0, 10.0]).to_json();
        assert_eq!(found["value"], 2.5);
        assert_eq!(found["runs"], json!([3.0, 1.0, 2.0, 10.0]));
        assert_eq!(found["void"], Value::Null);
    }

    #[test]
    fn small_differences_are_shown_with_their_power_of_ten() {
        assert_eq!(shown(0.000_002_34), "2.3e-6");
        assert_eq!(shown(0.0), "0.0000");
    }
}
