//! The most memory of a whole run, and its time, over a log of twenty million clicks.

use super::{
    super::{
        Bed, Scale,
        reckon::{executable, peak_bytes, succeed},
        record::{Record, Subject},
    },
    peers,
};
use crate::{chores::say, trouble::Trouble};
use std::{
    process::{Command, Stdio},
    time::Instant,
};

const SPEC: &str = "benches/specs/large_log.rec";
const SCRIPT: &str = "events.py";

/// The log is read, split, fitted, trained on once and evaluated.
pub(super) fn log(bed: &Bed<'_>, record: &mut Record) -> Result<(), Trouble> {
    let rows = match bed.scale {
        Scale::Quick => "200000",
        Scale::Full => "20000000",
    };
    let folder = |name: &str| bed.folder.join(name).display().to_string();
    let (data, out) = (folder("large"), bed.folder.join("large-run"));
    let made = bed.folder.join("large.json");
    peers(bed)?.run(bed, SCRIPT, &["make", &data, rows], &made)?;
    let mut command = Command::new(executable(bed)?);
    command
        .args(["run", SPEC, "--progress", "json", "--seed", "1"])
        .args(["--threads", &bed.threads.to_string()])
        .args(["--set", &format!("data={data}"), "--out"])
        .arg(&out)
        .stdout(Stdio::null())
        .current_dir(&bed.repository.root);
    say(format!("reckon run {SPEC} over {rows} clicks"));
    let begin = Instant::now();
    succeed("the run", command)?;
    let seconds = begin.elapsed().as_secs_f64();
    let peak = peak_bytes(&out)? / 1024.0 / 1024.0;
    let case = format!("a run over {rows} clicks, {} threads", bed.threads);
    for (metric, unit, value) in [("peak MiB", "MiB", peak), ("by the clock", "s", seconds)] {
        let subject = Subject {
            case: &case,
            contender: "reckon",
            metric,
            unit,
        };
        record.add(subject, value);
    }
    Ok(())
}
