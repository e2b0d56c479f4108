//! `bench parity`: the two towers of the example against the same model by hand in PyTorch. From the same weights and
//! batches both have the same losses; trained and evaluated each in its own way, both find as much.

use super::{
    Bed, Bench, Scale,
    peers::{Peers, SMOOTH, number, smooth},
    reckon::{self, Request, succeed},
    record::{Record, Subject},
};
use crate::{
    chores::{cargo, say},
    data,
    trouble::Trouble,
};

pub(super) const BENCH: Bench = Bench {
    name: "parity",
    cases: &["losses", "recall"],
    run: parity,
};

const SPEC: &str = "examples/movielens/two_tower.rec";
const SCRIPT: &str = "two_tower_torch.py";

/// The largest difference that losses of the same step may have.
const LOSSES: f64 = 1e-4;
/// How far from 0 the interval of the difference of recalls may reach.
const RECALLS: f64 = 0.006;
/// The largest difference between our recall and that of the peer's evaluator, of the same weights. Sums in another
/// order may swap neighbours in a ranking.
const EVALUATORS: f64 = 5e-4;

/// How large the comparison is.
struct Size {
    data_set: &'static str,
    folder: &'static str,
    steps: usize,
    epochs: usize,
    seeds: u64,
}

impl Size {
    fn of(scale: Scale) -> Size {
        match scale {
            Scale::Quick => Size {
                data_set: "ml-100k",
                folder: "data",
                steps: 50,
                epochs: 1,
                seeds: 1,
            },
            Scale::Full => Size {
                data_set: "ml-1m",
                folder: "data-1m",
                steps: 200,
                epochs: 1,
                seeds: 3,
            },
        }
    }

    /// The folder of the data, from the root of the repository.
    fn data(&self) -> String {
        format!("examples/movielens/{}", self.folder)
    }
}

fn parity(bed: &Bed<'_>, record: &mut Record) -> Result<(), Trouble> {
    let size = Size::of(bed.scale);
    data::get(bed.repository, size.data_set)?;
    reckon::build(bed)?;
    let peers = Peers::ready(bed.repository)?;
    let mut broken = Vec::new();
    if bed.wants("losses") {
        broken.extend(losses(bed, record, &peers, &size)?);
    }
    if bed.wants("recall") {
        broken.extend(recalls(bed, record, &peers, &size)?);
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(Trouble::new(
        format!("no parity: {}", broken.join("; ")),
        "one side has a mistake: compare the plan (`reckon build --emit plan`) with benches/peers",
    ))
}

/// The losses of the first steps, from the same weights and batches. Returns what does not hold.
fn losses(
    bed: &Bed<'_>,
    record: &mut Record,
    peers: &Peers,
    size: &Size,
) -> Result<Vec<String>, Trouble> {
    let trace = bed.folder.join("trace");
    say(format!("tracing {} steps", size.steps));
    let words = ["run", "--quiet", "--package", "reckon-runtime"];
    let mut command = cargo(bed.repository, &words);
    command
        .args(bed.scale.profile())
        .args(["--example", "trace", "--"])
        .arg(smooth(bed, SPEC)?)
        .args([&size.steps.to_string(), "0", "1"])
        .arg(&trace)
        .arg(format!(
            "data={}",
            bed.repository.root.join(size.data()).display()
        ))
        .env("OMP_NUM_THREADS", bed.threads.to_string());
    succeed("the trace", command)?;
    let found = peers.run(
        bed,
        SCRIPT,
        &["replay", &trace.display().to_string(), SMOOTH],
        &bed.folder.join("replay.json"),
    )?;
    let difference = number(&found, "difference")?;
    let case = format!("losses of {} steps, {}", size.steps, size.data_set);
    for (metric, value) in [
        ("first loss", number(&found, "first")?),
        ("last loss", number(&found, "last")?),
        ("largest difference", difference),
        ("PyTorch, 32 - 64 bits", number(&found, "rounding")?),
    ] {
        let subject = Subject {
            case: &case,
            contender: "reckon - PyTorch",
            metric,
            unit: "nats",
        };
        record.add(subject, value);
    }
    if difference <= LOSSES {
        return Ok(Vec::new());
    }
    Ok(vec![format!(
        "losses differ by {difference:.2e}, expected at most {LOSSES:.0e}"
    )])
}

/// Both sides from the csv files to recall@50. Returns what does not hold.
fn recalls(
    bed: &Bed<'_>,
    record: &mut Record,
    peers: &Peers,
    size: &Size,
) -> Result<Vec<String>, Trouble> {
    let case = format!("recall@50, epochs: {}, {}", size.epochs, size.data_set);
    let (mut ours, mut theirs, mut broken) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..size.seeds {
        let (reckon, told) = ours_of(bed, peers, size, seed)?;
        let agree = (told - reckon.recall).abs() <= EVALUATORS;
        if !agree {
            let found = reckon.recall;
            broken.push(format!(
                "seed {seed}: reckon reports recall@50 {told:.5}, the peer's evaluator {found:.5}"
            ));
        }
        let torch = theirs_of(bed, peers, size, seed)?;
        reckon.add(record, &case, "reckon");
        torch.add(record, &case, "PyTorch");
        record.write()?;
        ours.push(reckon.users);
        theirs.push(torch.users);
    }
    broken.extend(interval(bed, record, peers, &case, &ours, &theirs)?);
    Ok(broken)
}

/// One side with one seed.
struct Side {
    /// On the test part, by the peer's evaluator.
    recall: f64,
    examples_per_second: f64,
    /// The file with the recall of each user.
    users: String,
}

impl Side {
    fn add(&self, record: &mut Record, case: &str, contender: &str) {
        let values = [
            ("recall@50", self.recall, "share"),
            ("examples/s", self.examples_per_second, "1/s"),
        ];
        for (metric, value, unit) in values {
            let subject = Subject {
                case,
                contender,
                metric,
                unit,
            };
            record.add(subject, value);
        }
    }
}

/// Reckon's side, and the recall that it reports itself.
fn ours_of(bed: &Bed<'_>, peers: &Peers, size: &Size, seed: u64) -> Result<(Side, f64), Trouble> {
    let request = Request {
        spec: SPEC,
        settings: &[
            format!("data={}", size.folder),
            format!("epochs={}", size.epochs),
        ],
        seed,
        out: &format!("reckon-{seed}"),
    };
    let run = reckon::run(bed, &request)?;
    let weights = run.out.join("checkpoint/weights.safetensors");
    let users = bed.folder.join(format!("reckon-{seed}.json"));
    let words = ["evaluate", &size.data(), &weights.display().to_string()];
    let judged = peers.run(bed, SCRIPT, &words, &users)?;
    let told = run
        .of_test()
        .into_iter()
        .find(|(contender, metric, _)| contender == reckon::MODEL && metric == "recall@50");
    let side = Side {
        recall: number(&judged, "recall@50")?,
        examples_per_second: run.examples_per_second.unwrap_or(f64::NAN),
        users: users.display().to_string(),
    };
    Ok((side, told.map_or(f64::NAN, |(_, _, value)| value)))
}

/// The peer's side.
fn theirs_of(bed: &Bed<'_>, peers: &Peers, size: &Size, seed: u64) -> Result<Side, Trouble> {
    let users = bed.folder.join(format!("torch-{seed}.json"));
    let (seed, epochs) = (seed.to_string(), size.epochs.to_string());
    let words = ["train", &size.data(), &seed, &epochs];
    let trained = peers.run(bed, SCRIPT, &words, &users)?;
    Ok(Side {
        recall: number(&trained, "recall@50")?,
        examples_per_second: number(&trained, "examples/s")?,
        users: users.display().to_string(),
    })
}

/// The difference of recalls, paired by user. Returns what does not hold.
fn interval(
    bed: &Bed<'_>,
    record: &mut Record,
    peers: &Peers,
    case: &str,
    ours: &[String],
    theirs: &[String],
) -> Result<Vec<String>, Trouble> {
    let mut words = vec!["compare"];
    words.extend(ours.iter().map(String::as_str));
    words.push("--");
    words.extend(theirs.iter().map(String::as_str));
    let found = peers.run(bed, SCRIPT, &words, &bed.folder.join("compare.json"))?;
    let (low, high) = (number(&found, "low")?, number(&found, "high")?);
    for (metric, value) in [
        ("difference", number(&found, "difference")?),
        ("95 % from", low),
        ("95 % to", high),
    ] {
        let subject = Subject {
            case,
            contender: "reckon - PyTorch",
            metric,
            unit: "share",
        };
        record.add(subject, value);
    }
    let within = low >= -RECALLS && high <= RECALLS;
    match (within, bed.scale) {
        (true, _) => Ok(Vec::new()),
        // Too few users and steps to tell.
        (false, Scale::Quick) => {
            record.void(case, "the quick run is too small for this comparison");
            Ok(Vec::new())
        }
        (false, Scale::Full) => Ok(vec![format!(
            "the difference in recall@50 is {low:.4} to {high:.4}, expected within {RECALLS}"
        )]),
    }
}
