//! The forecast of `reckon build --cost` beside the most memory that a run really has, on every example whose data are here.

use super::{Bed, Bench, Scale, reckon, record::Record, record::Subject};
use crate::{chores::say, trouble::Trouble};
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Stdio},
};

pub(super) const BENCH: Bench = Bench {
    name: "cost",
    cases: &[],
    run,
};

/// How far a forecast may be off, as asked for.
const BAND: f64 = 0.15;

/// An example.
struct Example {
    /// From `examples`, without the ending.
    name: &'static str,
    /// A file that has to be there, from the root of the repository.
    data: &'static str,
    /// Whether it counts epochs, of which one is enough: the next has the same memory.
    epochs: bool,
}

const fn example(name: &'static str, data: &'static str) -> Example {
    Example {
        name,
        data,
        epochs: true,
    }
}

const MOVIELENS: &str = "examples/movielens/data/ratings.csv";
const KUAIRAND: &str = "examples/kuairand/data/log.parquet";

const EXAMPLES: &[Example] = &[
    example("movielens/two_tower", MOVIELENS),
    example("movielens/two_tower_by_time", MOVIELENS),
    example("movielens/ranking", MOVIELENS),
    example("movielens/sasrec", MOVIELENS),
    example("zoo/comirec_sa", MOVIELENS),
    example("zoo/dcn_v2", MOVIELENS),
    example("zoo/deepfm", MOVIELENS),
    example("zoo/din", MOVIELENS),
    example("zoo/dlrm", MOVIELENS),
    example("zoo/dssm", MOVIELENS),
    example("zoo/esmm", MOVIELENS),
    example("zoo/mind", MOVIELENS),
    example("zoo/mmoe", MOVIELENS),
    example("zoo/ple", MOVIELENS),
    example("zoo/sasrec", MOVIELENS),
    example("zoo/youtube_dnn", MOVIELENS),
    example("mtmi/model", MOVIELENS),
    example("mtmi/world", "target/worlds/mtmi-0/clicks.csv"),
    example("ssl/ssl", MOVIELENS),
    example("ssl/world", "target/worlds/ssl-0/clicks.csv"),
    example("logq/world", "target/worlds/logq-0/clicks.csv"),
    example("dmtl/dmtl", KUAIRAND),
    example("dmtl/offline", "target/worlds/dmtl-0/views.csv"),
    example("dmtl/world", "target/worlds/dmtl-0/views.csv"),
    example("clsd/clsd", KUAIRAND),
    example("clsd/world", "target/worlds/clsd-0/views.csv"),
    Example {
        name: "ecat/ecat",
        data: KUAIRAND,
        epochs: false,
    },
    Example {
        name: "ecat/tuned",
        data: KUAIRAND,
        epochs: false,
    },
    Example {
        name: "ecat/tuned_world",
        data: "target/worlds/ecat-0/visits.csv",
        epochs: false,
    },
    Example {
        name: "ecat/world",
        data: "target/worlds/ecat-0/visits.csv",
        epochs: false,
    },
];

fn run(bed: &Bed<'_>, record: &mut Record) -> Result<(), Trouble> {
    let command = reckon::executable(bed)?;
    let few = match bed.scale {
        Scale::Quick => 3,
        Scale::Full => EXAMPLES.len(),
    };
    let mut off: Vec<String> = Vec::new();
    for example in &EXAMPLES[..few] {
        if !bed.repository.root.join(example.data).exists() {
            say(format!("NOT RUN: {} needs {}", example.name, example.data));
            continue;
        }
        let forecast = forecast(bed, &command, example)?;
        let measured = measured(bed, &command, example)?;
        let ratio = forecast / measured;
        for (metric, unit, value) in [
            ("forecast", "MB", forecast / 1e6),
            ("measured", "MB", measured / 1e6),
            ("ratio", "", ratio),
        ] {
            let subject = Subject {
                case: "most memory",
                contender: example.name,
                metric,
                unit,
            };
            record.add(subject, value);
        }
        if (ratio - 1.0).abs() > BAND {
            off.push(format!("{} by {ratio:.2}", example.name));
        }
    }
    match off.is_empty() {
        true => Ok(()),
        false => Err(Trouble::new(
            format!("forecasts are off: {}", off.join(", ")),
            "`reckon build SPEC --cost --data` shows what a forecast is made of, `timing.json` of the run the peak after each part",
        )),
    }
}

/// What `--cost --data` says.
fn forecast(bed: &Bed<'_>, command: &Path, example: &Example) -> Result<f64, Trouble> {
    let mut asked = spec(bed, command, "build", example);
    asked.args(["--cost", "--data", "--format", "json", "--memory", "none"]);
    let text = said(asked, example)?;
    let cost: Value = serde_json::from_str(&text).unwrap_or_default();
    let bytes = cost["peak"]["bytes"]["count"].as_f64();
    bytes.ok_or_else(|| Trouble::new(format!("`--cost` of {} has no peak", example.name), text))
}

/// The most bytes of a run up to its end, as its directory has it.
fn measured(bed: &Bed<'_>, command: &Path, example: &Example) -> Result<f64, Trouble> {
    let out = bed.folder.join(example.name.replace('/', "-"));
    let mut asked = spec(bed, command, "run", example);
    asked.args(["--progress", "json", "--seed", "1", "--memory", "none"]);
    asked.args(["--threads", &bed.threads.to_string(), "--out"]);
    asked.arg(&out);
    said(asked, example)?;
    reckon::peak_bytes(&out)
}

fn spec(bed: &Bed<'_>, command: &Path, verb: &str, example: &Example) -> Command {
    let mut asked = Command::new(command);
    asked
        .current_dir(&bed.repository.root)
        .env("OMP_NUM_THREADS", bed.threads.to_string())
        .args([verb, &format!("examples/{}.rec", example.name)]);
    if example.epochs {
        asked.args(["--set", "epochs=1"]);
    }
    asked
}

fn said(mut command: Command, example: &Example) -> Result<String, Trouble> {
    say(format!("{command:?}"));
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Trouble::io("cannot start reckon", &error))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(Trouble::new(
            format!("{} failed", example.name),
            "the messages above say why",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::EXAMPLES;
    use std::{collections::BTreeSet, fs, path::Path};

    #[test]
    fn every_example_that_trains_is_measured() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
        let mut found = BTreeSet::new();
        for folder in fs::read_dir(&root)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            let specs = fs::read_dir(&folder).into_iter().flatten();
            for spec in specs.map(|entry| entry.unwrap().path()) {
                let text = fs::read_to_string(&spec).unwrap_or_default();
                let trains = text
                    .lines()
                    .any(|line| line.starts_with("train") || line.starts_with("loop"));
                if spec.extension().is_some_and(|end| end == "rec") && trains {
                    let name = spec.strip_prefix(&root).unwrap().with_extension("");
                    found.insert(name.to_string_lossy().into_owned());
                }
            }
        }
        let named: BTreeSet<String> = EXAMPLES.iter().map(|of| of.name.to_owned()).collect();
        assert_eq!(found, named);
    }
}
