//! A trace: the first steps of a training in files, so that another implementation can take the same steps; and how long steps and
//! evaluations take.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use reckon_compiler::graph::Elem;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_torch::Stored;
use serde_json::json;

use super::{RunOptions, Spec, load_anew, machine};
use crate::checkpoint::tensors;
use crate::data::{HostTensor, HostValues};
use crate::evaluate::model::{Detail, Evaluation};
use crate::failure::{Failure, FailureKind, RUN_FOLDER, whole_spec};
use crate::train::{Course, Reached, Seen, Traced, Training, Turned};

/// Takes at most `steps` steps of the first training of a spec and writes into the folder `out`, which is made:
/// `initial.safetensors` and `final.safetensors`, the parameters before the first step and after the last;
/// `step-0000.safetensors` and so on, the inputs of each step by the names of the printed plan, `step-0000.1.safetensors` those of its
/// second batch where it has several; and `losses.json`, an
/// object of each step's outputs by name.
///
/// # Errors
/// Faults of the data, the device and the folder.
pub fn trace(
    spec: &Spec<'_>,
    options: &RunOptions<'_>,
    steps: usize,
    out: &Path,
) -> Result<(), Failure> {
    let write = |name: &str, bytes: &[u8]| {
        fs::write(out.join(name), bytes).map_err(|error| {
            let message = format!("`{name}` cannot be written to `{}`", out.display());
            let diagnostic = Diagnostic::error(RUN_FOLDER, whole_spec(spec.plan), message);
            Failure::new(FailureKind::Data, diagnostic.note(error.to_string()))
        })
    };
    fs::create_dir_all(out).map_err(|error| {
        let message = format!("folder `{}` cannot be made", out.display());
        let diagnostic = Diagnostic::error(RUN_FOLDER, whole_spec(spec.plan), message);
        Failure::new(FailureKind::Data, diagnostic.note(error.to_string()))
    })?;
    let (mut losses, mut parameters) = (Vec::new(), ["initial", "final"].into_iter());
    first_steps(spec, options, steps, |seen| match seen {
        Seen::Parameters(store) => {
            let name = parameters.next().unwrap_or("final");
            write(
                &format!("{name}.safetensors"),
                &tensors::to_bytes(&store.export()),
            )
        }
        Seen::Step(
            step,
            Traced {
                batches, outputs, ..
            },
        ) => {
            losses.push(outputs.iter().cloned().collect::<BTreeMap<_, _>>());
            for (at, taken) in batches.iter().enumerate() {
                let inputs = taken.batch.inputs.iter();
                let inputs: Vec<Stored> =
                    inputs.map(|(name, tensor)| stored(name, tensor)).collect();
                let name = match at {
                    0 => format!("step-{step:04}.safetensors"),
                    _ => format!("step-{step:04}.{at}.safetensors"),
                };
                write(&name, &tensors::to_bytes(&inputs))?;
            }
            Ok(())
        }
    })?;
    write("losses.json", json!(losses).to_string().as_bytes())
}

/// Takes at most `steps` steps of the first training of a spec and says how long each took, its batches made before.
///
/// # Errors
/// Faults of the data and the device.
pub fn pace(
    spec: &Spec<'_>,
    options: &RunOptions<'_>,
    steps: usize,
) -> Result<Vec<Duration>, Failure> {
    let mut times = Vec::new();
    first_steps(spec, options, steps, |seen| {
        if let Seen::Step(_, traced) = seen {
            times.push(traced.took);
        }
        Ok(())
    })?;
    Ok(times)
}

/// Asks the first evaluation of a spec about the last part of the split as often as `times` says, of the first weights, and says how many
/// queries or rows it asked about and how long each turn took; nothing where the plan evaluates nothing.
///
/// # Errors
/// Faults of the data and the device, scores that are not finite.
pub fn asking_pace(
    spec: &Spec<'_>,
    options: &RunOptions<'_>,
    times: usize,
) -> Result<(usize, Vec<Duration>), Failure> {
    let (mut count, mut taken) = (0, Vec::new());
    with_training(spec, options, |training| {
        let Some(plan) = spec.plan.evaluations.first() else {
            return Ok(());
        };
        let mut store = training.first_store()?;
        let (data, machine) = (training.data, training.machine);
        let ready = Evaluation::new(spec.plan, plan, data, &mut store, machine, options.seed)?;
        let parts = data.source(&plan.source).and_then(|of| of.parts.as_ref());
        let last = parts.and_then(|parts| parts.names.last());
        let last = last.map_or("all", String::as_str);
        for _ in 0..times {
            let began = Instant::now();
            let found = ready.report(&mut store, last, Detail::Metrics)?;
            taken.push(began.elapsed());
            count = found.report.count;
        }
        Ok(())
    })?;
    Ok((count, taken))
}

fn first_steps(
    spec: &Spec<'_>,
    options: &RunOptions<'_>,
    steps: usize,
    see: impl FnMut(Seen<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    with_training(spec, options, |training| training.trace(steps, see))
}

/// What `then` does with the first training, its data loaded.
fn with_training(
    spec: &Spec<'_>,
    options: &RunOptions<'_>,
    then: impl FnOnce(&Training<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let machine = machine(options.device, spec.plan)?;
    reckon_torch::set_threads(options.threads);
    let (data, teachers) = load_anew(spec)?;
    let course = Course {
        plan: spec.plan,
        machine,
        seed: options.seed,
        threads: options.threads,
        interrupted: options.interrupted,
        checkpoints: Path::new(""),
        fitted: &|_| Ok(BTreeMap::new()),
        teachers: &teachers,
    };
    let fitted = BTreeMap::new();
    then(&course.training(&data, &fitted, Reached::default(), Turned::default()))
}

fn stored(name: &str, tensor: &HostTensor) -> Stored {
    let (elem, bytes) = match &tensor.values {
        HostValues::F32(values) => (
            Elem::F32,
            values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        HostValues::I64(values) => (
            Elem::I64,
            values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        HostValues::Bool(values) => (Elem::Bool, values.iter().map(|x| u8::from(*x)).collect()),
    };
    Stored {
        name: name.to_owned(),
        elem,
        shape: tensor.shape.clone(),
        bytes,
    }
}
