//! `bench preprocess`: rows a second of row programs by machine code and by the interpreter, beside the same work in
//! Polars and pandas, by class of work, on the same made-up columns in memory. And how long compiling takes.

use super::{
    Bed, Bench, Scale,
    peers::Peers,
    reckon::{read_json, succeed},
    record::{Record, Subject},
};
use crate::{
    chores::{cargo, say},
    trouble::Trouble,
};
use serde_json::Value;

pub(super) const BENCH: Bench = Bench {
    name: "preprocess",
    cases: &["classes", "compile"],
    run: preprocess,
};

const SCRIPT: &str = "preprocess.py";

/// How much is run.
struct Size {
    rows: usize,
    rounds: usize,
}

impl Size {
    fn of(scale: Scale) -> Size {
        match scale {
            Scale::Quick => Size {
                rows: 200_000,
                rounds: 3,
            },
            Scale::Full => Size {
                rows: 2_000_000,
                rounds: 7,
            },
        }
    }
}

fn preprocess(bed: &Bed<'_>, record: &mut Record) -> Result<(), Trouble> {
    let size = Size::of(bed.scale);
    let peers = Peers::ready_with(
        bed.repository,
        "preprocess-requirements.txt",
        "venv-preprocess",
    )?;
    let (data, out) = (bed.folder.join("data"), bed.folder.join("out.json"));
    let data = data.display().to_string();
    let rows = size.rows.to_string();
    peers.run(bed, SCRIPT, &["make", &data, &rows], &out)?;
    let of_reckon = reckon(bed, &size, &data)?;
    if bed.wants("compile") {
        let compile = Subject {
            case: "compiling 200 features",
            contender: "machine code",
            metric: "",
            unit: "ms",
        };
        add(
            record,
            compile,
            ["ms", "processor ms"],
            &of_reckon["compile"],
            |millis| millis,
        );
    }
    if !bed.wants("classes") {
        return Ok(());
    }
    let rounds = size.rounds.to_string();
    let mut found = vec![of_reckon["classes"].clone()];
    for peer in ["polars", "pandas"] {
        found.push(peers.run(bed, SCRIPT, &[peer, &data, &rounds], &out)?);
    }
    for (class, _) in found[0].as_object().into_iter().flatten() {
        for of_one in &found {
            for (contender, seconds) in of_one[class].as_object().into_iter().flatten() {
                let subject = Subject {
                    case: class,
                    contender,
                    metric: "",
                    unit: "1e6/s",
                };
                let metrics = ["million rows a second", "a processor second"];
                add(record, subject, metrics, seconds, |seconds| {
                    size.rows as f64 / seconds / 1e6
                });
            }
        }
    }
    Ok(())
}

/// Times row programs in a process of their own.
fn reckon(bed: &Bed<'_>, size: &Size, data: &str) -> Result<Value, Trouble> {
    say("timing row programs");
    let out = bed.folder.join("reckon.json");
    let words = ["run", "--quiet", "--package", "reckon-kernel"];
    let mut command = cargo(bed.repository, &words);
    command
        .args(bed.scale.profile())
        .args(["--example", "preprocess", "--", data])
        .args([size.rounds.to_string(), bed.threads.to_string()])
        .arg(&out);
    succeed("the timing of row programs", command)?;
    read_json(&out)
}

/// Adds what was taken by the clock and on processors, a pair a round. Where other programs run beside, only the latter
/// tells of the contender.
fn add(
    record: &mut Record,
    subject: Subject<'_>,
    metrics: [&str; 2],
    rounds: &Value,
    value: impl Fn(f64) -> f64,
) {
    for round in rounds.as_array().into_iter().flatten() {
        for (at, metric) in metrics.into_iter().enumerate() {
            if let Some(taken) = round[at].as_f64() {
                record.add(Subject { metric, ..subject }, value(taken));
            }
        }
    }
}
