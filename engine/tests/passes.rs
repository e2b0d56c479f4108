//! Passes and kernels change how long a step takes, never what is learned.

#![allow(clippy::unwrap_used)]

#[path = "../../tests/ratings/mod.rs"]
mod ratings;

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use ratings::ratings;
use reckon_compiler::check::check;
use reckon_compiler::lower::{Copies, Pipeline, Teachers, compile_with};
use reckon_compiler::passes::{FORWARD, Place, STEP};
use reckon_compiler::plan::Plan;
use reckon_compiler::plan::print::print;
use reckon_compiler::world::World;
use reckon_grammar::span::Sources;
use reckon_runtime::observer::{Event, Recorder};
use reckon_runtime::run::{DeviceName, RunOptions, Spec, run};

/// Batches are larger than the data, so that an epoch is a step.
const STEPS: usize = 20;
/// Sums in another order differ in the last bits, and what is learned from them with them: of losses, so much of 1.
const CLOSE: f64 = 1e-5;

/// Examples, and for how many steps their losses are compared: where towers have relus, rounding turns one on or off before long.
const EXAMPLES: [(&str, usize); 18] = [
    ("movielens/two_tower", STEPS),
    ("movielens/two_tower_by_time", STEPS),
    ("movielens/ranking", STEPS),
    ("movielens/sasrec", STEPS),
    ("mtmi/model", STEPS),
    ("ssl/ssl", STEPS),
    ("zoo/comirec_sa", STEPS),
    ("zoo/dcn_v2", STEPS),
    ("zoo/deepfm", STEPS),
    ("zoo/din", STEPS),
    ("zoo/dlrm", STEPS),
    ("zoo/dssm", STEPS),
    ("zoo/esmm", STEPS),
    ("zoo/mind", STEPS),
    ("zoo/mmoe", STEPS),
    ("zoo/ple", STEPS),
    ("zoo/sasrec", 5),
    ("zoo/youtube_dnn", 5),
];
/// The same, where products are of other kernels.
const WITH_OTHER_PRODUCTS: [(&str, usize); 1] = [("zoo/mind", 11)];
const ALL: Passes = (FORWARD, Copies::Merged, STEP);

type Passes = (&'static [Place], Copies, &'static [Place]);

#[test]
fn examples_have_the_same_losses_with_and_without_passes() {
    same_losses((&[], Copies::Kept, &[]), DeviceName::Cpu);
}

#[test]
fn the_programs_of_a_graphics_card_have_the_losses_of_the_kernels_of_the_processor() {
    same_losses(ALL, DeviceName::CpuAsCuda);
}

/// Compares all examples, lowered as usual, with these passes and device.
fn same_losses(passes: Passes, device: DeviceName) {
    let data = ratings();
    for (example, steps) in EXAMPLES {
        let sooner = WITH_OTHER_PRODUCTS
            .iter()
            .find(|(name, _)| *name == example);
        let sooner = sooner.filter(|_| device != DeviceName::Cpu);
        let steps = sooner.map_or(steps, |(_, steps)| *steps);
        let usual = losses(example, data.path(), ALL, DeviceName::Cpu);
        let others = losses(example, data.path(), passes, device);
        assert_eq!([usual.len(), others.len()], [STEPS; 2], "{example}");
        assert!(
            usual[0] - usual[STEPS - 1] > 0.01,
            "{example} learns: {usual:?}"
        );
        for (step, (a, b)) in usual.iter().zip(&others).take(steps).enumerate() {
            let is_close = (a - b).abs() < CLOSE * a.abs().max(1.0);
            assert!(is_close, "{example}, step {step}: {a} and {b}");
        }
    }
}

/// The sum of the losses of each step.
fn losses(
    example: &str,
    data: &Path,
    (forward, copies, step): Passes,
    device: DeviceName,
) -> Vec<f64> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../examples/{example}.rec"));
    let settings = [
        ("data", data.display().to_string()),
        ("dim", "16".to_owned()),
        ("epochs", STEPS.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let checked = check(&Disk, &file.display().to_string(), &settings);
    let mut pipeline = Pipeline {
        forward,
        copies,
        step,
        teachers: Teachers::Asked,
        after: &mut |_, _| {},
    };
    let mut plan = compile_with(&checked.hir.unwrap(), &mut pipeline).unwrap();
    plan.evaluations.clear();
    for phase in &mut plan.phases {
        phase.stop = None;
    }
    epochs(&plan, &checked.sources, &file, device)
}

/// The sum of the losses of each epoch.
fn epochs(plan: &Plan, sources: &Sources, file: &Path, device: DeviceName) -> Vec<f64> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let spec = Spec {
        plan,
        sources,
        file,
        resolved: "",
        plan_text: &print(plan),
    };
    let options = RunOptions {
        out: Some(&out),
        seed: 5,
        device,
        resume: false,
        threads: 1,
        interrupted: &AtomicBool::new(false),
        memory: None,
        profile: false,
    };
    let mut recorder = Recorder::default();
    run(&spec, &options, &mut recorder).unwrap();
    let total = |event: &Event| match event {
        Event::EpochFinished { losses, .. } => losses
            .iter()
            .find(|(name, _)| name == "total_loss")
            .map(|(_, loss)| *loss),
        _ => None,
    };
    recorder.events.iter().filter_map(total).collect()
}

struct Disk;

/// A spec whose towers have no relus: where one is on for one order of a sum and off for another, losses part before long, on
/// one processor sooner than on another.
fn smooth(text: &str) -> String {
    let mut parts = text.split("mlp([");
    let mut smooth = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (sizes, rest) = part.split_once(']').expect("sizes end");
        let given = rest
            .split(')')
            .next()
            .is_some_and(|named| named.contains("activation"));
        let named = if given { "" } else { ", activation: silu" };
        smooth += &format!("mlp([{sizes}]{named}{rest}");
    }
    smooth
}

impl World for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        Ok(smooth(&text))
    }
}
