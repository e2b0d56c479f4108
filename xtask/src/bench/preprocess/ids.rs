//! What it costs to check that each id of a batch is a row of its table: the whole of `benches/specs/kuairand.rec`, from its files to the
//! inputs of its steps, with the check and without, in turns of one process.

use super::{
    super::{
        Bed,
        reckon::{example, read_json, succeed},
        record::{Record, Subject},
    },
    pair,
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
    say(format!("timing {SPEC} with its ids checked and unchecked"));
    let mut command = Command::new(program);
    command
        .args([SPEC, &(4 * rounds).to_string()])
        .arg(&out)
        .current_dir(&bed.repository.root)
        .env("RAYON_NUM_THREADS", "1");
    succeed("the timing of a spec", command)?;
    add(record, &read_json(&out)?);
    Ok(())
}

/// Adds what a row takes on processors with the check and without, and the share of the check, round by round.
fn add(record: &mut Record, found: &Value) {
    let rows = found["rows"].as_f64().unwrap_or(f64::NAN);
    let taken = |what: &str| -> Vec<f64> {
        let rounds = found[what].as_array().into_iter().flatten();
        rounds.map(|round| pair(round)[1] / rows * 1e9).collect()
    };
    for (with, without) in taken("with").into_iter().zip(taken("without")) {
        let share = 100.0 * (with - without) / without;
        for (contender, unit, value) in [
            ("with", "ns a row", with),
            ("without", "ns a row", without),
            ("the check", "%", share),
        ] {
            let subject = Subject {
                case: CASE,
                contender,
                metric: "on processors",
                unit,
            };
            record.add(subject, value);
        }
    }
}
