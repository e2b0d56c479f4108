//! From files of parquet to a trained epoch: Reckon's whole command beside a whole program of an expert.

use super::race::Race;
use crate::{
    bench::{
        Scale,
        peers::number,
        reckon::{executable, succeed},
        record::{Record, Subject},
    },
    chores::{fresh_folder, say},
    trouble::Trouble,
};
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

const SPEC: &str = "benches/specs/epoch.rec";
const SCRIPT: &str = "epoch.py";
const BATCH: &str = "1024";
/// How often Reckon's time the expert's has to be.
const BAR: f64 = 2.5;
const TIMES: &str = "times Reckon's";
/// How far the mean losses of both may lie apart: they draw other weights, and shuffle in another order.
const LOSSES: f64 = 0.01;

/// Both as processes of their own on the same files, which lie in the memory of the system. Returns which bars are not reached.
pub(super) fn epoch(race: &Race<'_>, record: &mut Record) -> Result<Vec<String>, Trouble> {
    let (rows, events) = match race.bed.scale {
        Scale::Quick => (10_000, 40_000),
        Scale::Full => (100_000, 1_000_000),
    };
    let case = format!("from parquet to a trained epoch, {events} clicks, batch {BATCH}");
    let folder = race.bed.folder.join("epoch-data").display().to_string();
    let (rows, events) = (rows.to_string(), events.to_string());
    race.peer("train.py", &["make", &folder, &rows, &events])?;
    let command = executable(race.bed)?;
    let threads = race.bed.threads.to_string();
    for _ in 0..race.size.rounds {
        let mut add = |contender, metric, unit, value| {
            let subject = Subject {
                case: &case,
                contender,
                metric,
                unit,
            };
            record.add(subject, value);
        };
        let (ours, loss) = run(race, &command, &folder)?;
        let began = Instant::now();
        let found = race.peer(SCRIPT, &[&folder, BATCH, &threads])?;
        let theirs = began.elapsed().as_secs_f64();
        let of_peer = number(&found, "mean")?;
        add("reckon", "seconds", "s", ours);
        add("reckon", "mean loss", "", loss);
        add("expert PyTorch", "seconds", "s", theirs);
        add("expert PyTorch", "mean loss", "", of_peer);
        add("expert PyTorch", TIMES, "", theirs / ours);
        record.write()?;
        let apart = (loss - of_peer).abs() / of_peer;
        if race.bed.scale == Scale::Full && (apart.is_nan() || apart > LOSSES) {
            return Err(Trouble::new(
                format!("mean losses are {loss:.4} and {of_peer:.4}"),
                "one side has a mistake: compare the spec with benches/peers/epoch.py",
            ));
        }
    }
    let least = record.least_of(Subject {
        case: &case,
        contender: "expert PyTorch",
        metric: TIMES,
        unit: "",
    });
    let slow = least.filter(|least| race.bed.scale == Scale::Full && *least < BAR);
    Ok(Vec::from_iter(slow.map(|least| {
        format!("an expert's epoch takes {least:.2} times as long, expected {BAR}")
    })))
}

/// The seconds of the whole command, and the mean over its steps of the loss.
fn run(race: &Race<'_>, command: &Path, data: &str) -> Result<(f64, f64), Trouble> {
    say("reckon run benches/specs/epoch.rec");
    let out = fresh_folder(race.bed.folder.join("epoch-run"))?;
    let threads = race.bed.threads.to_string();
    let mut run = Command::new(command);
    run.args(["run", SPEC, "--seed", "0", "--threads", &threads])
        .args(["--set", &format!("data={data}")])
        .args(["--set", &format!("batch={BATCH}")])
        .arg("--out")
        .arg(&out)
        .current_dir(&race.bed.repository.root)
        .stdout(Stdio::null())
        .env("OMP_NUM_THREADS", &threads);
    let began = Instant::now();
    succeed("`reckon run`", run)?;
    Ok((began.elapsed().as_secs_f64(), loss_in(&out)?))
}

/// The mean loss over the steps of an epoch, as a run's directory says it.
fn loss_in(run: &Path) -> Result<f64, Trouble> {
    let file = run.join("metrics.jsonl");
    let text = fs::read_to_string(&file)
        .map_err(|error| Trouble::io(format!("cannot read {}", file.display()), &error))?;
    loss_of(&text).ok_or_else(|| {
        let message = format!("{} tells no loss of an epoch", file.display());
        Trouble::new(message, "the run's messages above may say why")
    })
}

fn loss_of(metrics: &str) -> Option<f64> {
    let lines = metrics.lines();
    let mut values = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    values.find_map(|value| value["main"].as_f64().filter(|_| value["split"] == "train"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_of_an_epoch_is_found_among_other_metrics() {
        let metrics =
            "{\"split\":\"test\",\"main\":1.0}\nnot json\n{\"split\":\"train\",\"main\":7.25}\n";
        assert_eq!(loss_of(metrics), Some(7.25));
        assert_eq!(loss_of("{}"), None);
    }
}
