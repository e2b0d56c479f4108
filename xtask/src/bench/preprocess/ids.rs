//! What it costs to check that each id of a batch is a row of its table: the whole of `benches/specs/kuairand.rec`, from its files to the
//! inputs of its steps, where the check is timed by itself.

use super::super::{
    Bed,
    reckon::{example, read_json, succeed},
    record::{Record, Subject},
};
use crate::{chores::say, data, trouble::Trouble};
use serde_json::Value;
use std::process::Command;

const SPEC: &str = "benches/specs/kuairand.rec";
const CASE: &str = "the check of ids, KuaiRand, 1 thread";

pub(super) fn checked(bed: &Bed<'_>, rounds: usize, record: &mut Record) -> Result<(), Trouble> {
    data::get(bed.repository, "kuairand")?;
    let program = example(bed, "reckon-runtime", "checked_ids")?;
    let out = bed.folder.join("ids.json");
    say(format!("timing {SPEC} and the check of its ids"));
    let mut command = Command::new(program);
    command
        .args([SPEC, &(3 * rounds).to_string()])
        .arg(&out)
        .current_dir(&bed.repository.root)
        .env("RAYON_NUM_THREADS", "1");
    succeed("the timing of a spec", command)?;
    add(record, &read_json(&out)?);
    Ok(())
}

/// Adds what a row takes without the check, what the check takes of it and its share, round by round.
fn add(record: &mut Record, found: &Value) {
    let rows = found["rows"].as_f64().unwrap_or(f64::NAN);
    let taken = |what: &str| -> Vec<f64> {
        let rounds = found[what].as_array().into_iter().flatten();
        let seconds = rounds.map(|round| round.as_f64().unwrap_or(f64::NAN));
        seconds.map(|seconds| seconds / rows * 1e9).collect()
    };
    for (without, check) in taken("without").into_iter().zip(taken("check")) {
        for (contender, unit, value) in [
            ("all but the check", "ns a row", without),
            ("the check", "ns a row", check),
            ("the check, of all else", "%", 100.0 * check / without),
        ] {
            let subject = Subject {
                case: CASE,
                contender,
                metric: "by the clock",
                unit,
            };
            record.add(subject, value);
        }
    }
}
