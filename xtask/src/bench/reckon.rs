//! Runs of Reckon itself, and what their summaries say.

use super::{Bed, Scale};
use crate::{
    chores::{cargo, say},
    trouble::Trouble,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A finished run.
pub(super) struct Finished {
    /// Its directory.
    pub(super) out: PathBuf,
    summary: Value,
    /// Training rows a second: the median over the steps that told it, evaluations left out.
    pub(super) examples_per_second: Option<f64>,
}

/// What a run is asked for.
pub(super) struct Request<'a> {
    /// From the root of the repository.
    pub(super) spec: &'a str,
    /// `NAME=VALUE` each.
    pub(super) settings: &'a [String],
    pub(super) seed: u64,
    /// Below the folder of the benchmark.
    pub(super) out: &'a str,
}

/// The parts of which reports are final: of a split, of all days of a loop, of rows without a split.
pub(super) const LAST_PARTS: [&str; 3] = ["test", "pooled", "all"];

/// How reports call the model that a spec describes.
pub(super) const MODEL: &str = "model";

/// Two runs whose difference in a metric was taken user by user.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Paired {
    /// The second minus the first.
    pub(super) difference: f64,
    /// The 95 % interval over users.
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) verdict: Verdict,
}

/// Whether the interval leaves 0 out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Better,
    Worse,
    NotSeen,
}

/// Builds the command, so that no run's time holds it.
pub(super) fn build(bed: &Bed<'_>) -> Result<(), Trouble> {
    if bed.built.is_some() {
        return Ok(());
    }
    say("building reckon");
    let mut command = cargo(bed.repository, &["build", "--package", "reckon"]);
    command.args(bed.scale.profile());
    succeed("the build", command)
}

/// Builds the command and returns its path, for what is timed as a whole process.
pub(super) fn executable(bed: &Bed<'_>) -> Result<PathBuf, Trouble> {
    if let Some(built) = &bed.built {
        return Ok(built.clone());
    }
    build(bed)?;
    let words = [
        "build",
        "--package",
        "reckon",
        "--bin",
        "reckon",
        "--message-format",
        "json",
    ];
    let mut command = cargo(bed.repository, &words);
    let output = command
        .args(bed.scale.profile())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| Trouble::io("cannot start cargo", &error))?;
    built(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| {
        Trouble::new(
            "cargo does not say where `reckon` was built",
            "`cargo build` says what is wrong",
        )
    })
}

/// Builds an example of a package, and says where it is.
pub(super) fn example(bed: &Bed<'_>, package: &str, name: &str) -> Result<PathBuf, Trouble> {
    let words = ["build", "--quiet", "--package", package];
    let mut command = cargo(bed.repository, &words);
    command.args(bed.scale.profile()).args(["--example", name]);
    succeed(&format!("the build of `{name}`"), command)?;
    let profile = match bed.scale {
        Scale::Quick => "debug",
        Scale::Full => "release",
    };
    let target = bed.repository.root.join("target").join(profile);
    Ok(target.join("examples").join(name))
}

/// The executable that cargo's messages end with.
fn built(messages: &str) -> Option<PathBuf> {
    let mut paths = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    });
    paths.next_back()
}

/// Runs a spec.
pub(super) fn run(bed: &Bed<'_>, request: &Request<'_>) -> Result<Finished, Trouble> {
    let out = bed.folder.join(request.out);
    say(format!(
        "reckon run {} {} --seed {}",
        request.spec,
        request.settings.join(" "),
        request.seed
    ));
    let mut command = reckon(bed);
    command
        .args(["run", request.spec, "--progress", "json"])
        .args(["--seed", &request.seed.to_string()])
        .args(["--threads", &bed.threads.to_string()])
        .arg("--out")
        .arg(&out);
    for setting in request.settings {
        command.args(["--set", setting]);
    }
    let output = command
        .env("OMP_NUM_THREADS", bed.threads.to_string())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Trouble::io("cannot start cargo", &error))?;
    if !output.status.success() {
        return Err(Trouble::new(
            format!("the run of {} failed", request.spec),
            "the messages above say why",
        ));
    }
    let summary = read_json(&out.join("summary.json"))?;
    let events = String::from_utf8_lossy(&output.stdout);
    Ok(Finished {
        out,
        summary,
        examples_per_second: pace(&events),
    })
}

/// The command, from the root of the repository.
fn reckon(bed: &Bed<'_>) -> Command {
    if let Some(built) = &bed.built {
        let mut command = Command::new(built);
        command.current_dir(&bed.repository.root);
        return command;
    }
    let words = ["run", "--quiet", "--package", "reckon"];
    let mut command = cargo(bed.repository, &words);
    command.args(bed.scale.profile()).arg("--");
    command
}

/// Sets two runs of one spec side by side, user by user, in a metric of an evaluation on its last part.
pub(super) fn compare(
    bed: &Bed<'_>,
    base: &Finished,
    arm: &Finished,
    (evaluation, metric): (&str, &str),
) -> Result<Paired, Trouble> {
    let output = reckon(bed)
        .arg("compare")
        .args([&base.out, &arm.out])
        .args(["--format", "json"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Trouble::io("cannot start reckon", &error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    paired(&text, evaluation, metric).ok_or_else(|| {
        Trouble::new(
            format!("`reckon compare` says nothing of {metric} in `{evaluation}`"),
            "the messages above may say why",
        )
    })
}

/// What lines of `compare` say of a metric.
fn paired(text: &str, evaluation: &str, metric: &str) -> Option<Paired> {
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut of_last = lines.filter(|line: &Value| {
        let named = line["evaluation"]
            .as_str()
            .and_then(|of| of.rsplit_once('.'));
        named.is_some_and(|(name, part)| name == evaluation && LAST_PARTS.contains(&part))
    });
    let line = of_last.next()?;
    let found = line["metrics"]
        .as_array()?
        .iter()
        .find(|of| of["metric"] == metric)?;
    let number = |name: &str| found[name].as_f64();
    Some(Paired {
        difference: number("second")? - number("first")?,
        low: number("low")?,
        high: number("high")?,
        verdict: match found["verdict"].as_str()? {
            "better" => Verdict::Better,
            "worse" => Verdict::Worse,
            _ => Verdict::NotSeen,
        },
    })
}

impl Finished {
    /// The reports on the last part of the split: contender, metric and value, those of the model first.
    pub(super) fn of_test(&self) -> Vec<(String, String, f64)> {
        let reports = self.summary["reports"].as_array();
        let of_test = reports
            .into_iter()
            .flatten()
            .filter(|report| LAST_PARTS.iter().any(|part| report["split"] == *part));
        let mut found = Vec::new();
        for report in of_test {
            found.extend(values(MODEL, &report["metrics"]));
            for (name, metrics) in report["baselines"].as_object().into_iter().flatten() {
                found.extend(values(name, metrics));
            }
        }
        found
    }
}

fn values(contender: &str, metrics: &Value) -> Vec<(String, String, f64)> {
    let metrics = metrics.as_object().into_iter().flatten();
    metrics
        .filter_map(|(name, value)| Some((contender.to_string(), name.clone(), value.as_f64()?)))
        .collect()
}

/// The median of what progress events tell; the first steps, which fill queues and caches, are among them.
fn pace(events: &str) -> Option<f64> {
    let mut told: Vec<f64> = events
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| event["event"] == "progress")
        .filter_map(|event| event["examples_per_second"].as_f64())
        .collect();
    told.sort_unstable_by(f64::total_cmp);
    told.get(told.len() / 2).copied()
}

/// Runs a command to its end and refuses any other status than success.
pub(super) fn succeed(what: &str, mut command: Command) -> Result<(), Trouble> {
    let status = command
        .status()
        .map_err(|error| Trouble::io(format!("cannot start {what}"), &error))?;
    if status.success() {
        return Ok(());
    }
    Err(Trouble::new(
        format!("{what} failed"),
        "the messages above say why",
    ))
}

/// The most bytes of a finished run up to its end, as its directory has it.
pub(super) fn peak_bytes(out: &Path) -> Result<f64, Trouble> {
    let timing = read_json(&out.join("timing.json"))?;
    let peaks = timing["peak_bytes"].as_object().into_iter().flatten();
    let most = peaks
        .filter_map(|(_, bytes)| bytes.as_f64())
        .reduce(f64::max);
    most.ok_or_else(|| {
        Trouble::new(
            format!("the run in {} tells no memory", out.display()),
            "the system has to have `/proc/self/status`",
        )
    })
}

/// A file of JSON.
pub(super) fn read_json(path: &Path) -> Result<Value, Trouble> {
    let text = fs::read_to_string(path)
        .map_err(|error| Trouble::io(format!("cannot read {}", path.display()), &error))?;
    serde_json::from_str(&text)
        .map_err(|error| Trouble::new(format!("{} is not JSON: {error}", path.display()), ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_pace_is_the_median_of_progress_and_nothing_else() {
        let events = "{\"event\":\"progress\",\"examples_per_second\":10}\n\
                      {\"event\":\"split\",\"examples_per_second\":1}\nnot json\n\
                      {\"event\":\"progress\",\"examples_per_second\":30}\n\
                      {\"event\":\"progress\",\"examples_per_second\":20}\n";
        assert_eq!(pace(events), Some(20.0));
        assert_eq!(pace(""), None);
    }

    #[test]
    fn a_comparison_is_read_of_the_last_part_alone() {
        let line = |part: &str, second: f64| {
            json!({ "evaluation": format!("clean.{part}"), "metrics": [{
                "metric": "auc", "first": 0.5, "second": second, "low": 0.1, "high": 0.4, "verdict": "better",
            }] })
        };
        let text = format!("{}\n{}\n", line("valid", 0.9), line("test", 0.75));
        let found = paired(&text, "clean", "auc").unwrap();
        assert_eq!((found.difference, found.verdict), (0.25, Verdict::Better));
        assert_eq!((found.low, found.high), (0.1, 0.4));
        assert_eq!(paired(&text, "shown", "auc"), None);
        assert_eq!(paired(&text, "clean", "recall@50"), None);
    }

    #[test]
    fn the_executable_is_read_from_cargos_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
                        {\"reason\":\"compiler-artifact\",\"executable\":\"target/release/reckon\"}\n\
                        {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(
            built(messages),
            Some(PathBuf::from("target/release/reckon"))
        );
        assert_eq!(built(""), None);
    }

    #[test]
    fn only_the_test_part_is_reported_with_the_model_first() {
        let report = |split: &str, recall: f64| json!({ "split": split, "metrics": { "recall@50": recall }, "baselines": { "ease": { "recall@50": 0.3 } } });
        let finished = Finished {
            out: PathBuf::new(),
            summary: json!({ "reports": [report("valid", 0.9), report("test", 0.4)] }),
            examples_per_second: None,
        };
        let text = |contender: &str, value| (contender.to_string(), "recall@50".to_string(), value);
        assert_eq!(finished.of_test(), [text("model", 0.4), text("ease", 0.3)]);
    }
}
