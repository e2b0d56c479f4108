//! A tensor program together with what feeds it.

use reckon_compiler::graph::Graph;
use reckon_compiler::plan::{
    AveragePlan, CopyPlan, LoopPlan, PhasePlan, Plan, Program, StoredValue, StreamPlan, Turn,
};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Span;
use reckon_torch::{Feeds, NonFinite, Outputs, RunKey, Store, Stored, Values};

use crate::data::{Assembler, Batch, Dataset, HostTensor, HostValues};
use crate::failure::{Failure, FailureKind, PROGRAM};
use crate::profile::{Machine, Owner, Watch};
use crate::run::teachers::misfit;

/// A program that is ready to run.
pub(crate) struct Step<'a> {
    /// The plan of the program.
    pub(crate) plan: &'a Program,
    /// What fills its inputs.
    pub(crate) assembler: Assembler<'a>,
    program: reckon_torch::Program,
    /// What asks for it.
    span: Span,
    /// What keeps how long it takes.
    watch: Option<Watch<'a>>,
}

impl<'a> Step<'a> {
    /// Compiles a program of `owner` for a device. `streams` are those of its phase; an evaluation has none.
    pub(crate) fn new(
        data: &'a Dataset,
        plan: &'a Program,
        streams: &[StreamPlan],
        machine: Machine<'a>,
        owner: Owner<'_>,
        span: Span,
    ) -> Result<Self, Failure> {
        Self::of(data, plan, &plan.graph, streams, machine, owner, span)
    }

    /// As [`Step::new`], with a part of the program's graph in its place.
    pub(crate) fn of(
        data: &'a Dataset,
        plan: &'a Program,
        graph: &Graph,
        streams: &[StreamPlan],
        machine: Machine<'a>,
        owner: Owner<'_>,
        span: Span,
    ) -> Result<Self, Failure> {
        let assembler = Assembler::new(data, plan, streams).map_err(Failure::data)?;
        let compile = match machine.as_cuda {
            true => reckon_torch::Program::compile_plain,
            false => reckon_torch::Program::compile,
        };
        let program =
            compile(graph, machine.device).map_err(|error| refused(plan, &error, span))?;
        Ok(Self {
            plan,
            assembler,
            program,
            span,
            watch: machine.watch(owner, graph, span),
        })
    }

    /// Runs the program: outputs, then updates of the store. `extra` are inputs that the batch does not have.
    pub(crate) fn run(
        &self,
        store: &mut Store,
        batch: &Batch,
        extra: &[(String, HostTensor)],
        key: &RunKey,
    ) -> Result<Outputs, Failure> {
        self.run_fed(store, &feeds(batch, extra), key)
    }

    /// Runs the program on a batch and the results of a program that ran before, which stay where they are.
    pub(crate) fn run_after(
        &self,
        store: &mut Store,
        batch: &Batch,
        results: &Outputs,
        key: &RunKey,
    ) -> Result<Outputs, Failure> {
        let mut feeds = feeds(batch, &[]);
        feeds.results(results);
        self.run_fed(store, &feeds, key)
    }

    fn run_fed(
        &self,
        store: &mut Store,
        feeds: &Feeds<'_>,
        key: &RunKey,
    ) -> Result<Outputs, Failure> {
        let outputs = match &self.watch {
            None => self.program.run(store, feeds, key),
            Some(watch) => watch.run(|| self.program.profile(store, feeds, key)),
        };
        outputs.map_err(|error| refused(self.plan, &error, self.span))
    }

    /// The op that first makes a NaN or an infinity of this batch, updates left out.
    pub(crate) fn find_nonfinite(
        &self,
        store: &mut Store,
        batch: &Batch,
        extra: &[(String, HostTensor)],
        key: &RunKey,
    ) -> Result<Option<NonFinite>, Failure> {
        let feeds = feeds(batch, extra);
        self.program
            .find_nonfinite(store, &feeds, key)
            .map_err(|error| refused(self.plan, &error, self.span))
    }
}

/// Makes the parameters that a program reads and the store does not have. Tables that begin with the vectors of a file have
/// them, and so do the rows by which they grow.
pub(crate) fn declare(
    store: &mut Store,
    plan: &Plan,
    data: &Dataset,
    program: &Program,
    seed: u64,
    span: Span,
) -> Result<(), Failure> {
    let tables = plan
        .tables
        .iter()
        .map(|(path, rows)| (path.clone(), data.table_rows(rows)))
        .collect();
    let paths = program.graph.params.keys();
    let begun: Vec<(&String, usize)> = paths
        .filter(|path| plan.vectors.contains_key(*path))
        .map(|path| (path, store.rows(path).unwrap_or(0)))
        .collect();
    let refused = |error| refused(program, &error, span);
    store
        .declare(&program.graph, &tables, seed)
        .map_err(refused)?;
    for (path, first) in begun {
        let grown = store.rows(path).is_ok_and(|rows| rows > first);
        let rows = plan.tables.get(path).filter(|_| grown);
        let found = rows.and_then(|rows| data.vectors(path, rows, first));
        if let Some((rows, values)) = found {
            store.put_rows(path, &rows, &values).map_err(refused)?;
        }
    }
    Ok(())
}

/// Makes the parameters of a phase: those of its step, the copies and averages that begin with it, and what the evaluation
/// reads that it stops by. Copies have the values of what they follow; [`begin`] takes them anew as the phase begins.
pub(crate) fn declare_phase(
    store: &mut Store,
    plan: &Plan,
    data: &Dataset,
    phase: &PhasePlan,
    seed: u64,
) -> Result<(), Failure> {
    declare(store, plan, data, &phase.step, seed, phase.span)?;
    for held in &phase.held {
        declare(store, plan, data, &held.program, seed, phase.span)?;
    }
    for copy in &phase.begins {
        if !store.contains(&copy.to) {
            take(store, phase, copy)?;
        }
    }
    let watched = phase.stop.iter().filter_map(|stop| {
        let mut evaluations = plan.evaluations.iter();
        evaluations.find(|evaluation| evaluation.name == stop.evaluation)
    });
    for program in watched.flat_map(|evaluation| evaluation.programs()) {
        declare(store, plan, data, program, seed, phase.span)?;
    }
    Ok(())
}

/// Makes the parameters of all that a loop runs, and of what it keeps as a day begins.
pub(crate) fn declare_daily(
    store: &mut Store,
    plan: &Plan,
    data: &Dataset,
    seed: u64,
) -> Result<(), Failure> {
    let Some(daily) = &plan.daily else {
        return Ok(());
    };
    let averaged = rows_of_averages(store, plan);
    for turn in &daily.turns {
        match turn {
            Turn::Train(at) => declare_phase(store, plan, data, &plan.phases[*at], seed)?,
            Turn::Evaluate(at) => {
                let evaluation = &plan.evaluations[*at];
                for program in evaluation.programs() {
                    declare(store, plan, data, program, seed, evaluation.span)?;
                }
            }
            Turn::Column(at) => {
                let column = &plan.columns[*at];
                if let StoredValue::Tower(program) = &column.value {
                    declare(store, plan, data, program, seed, column.span)?;
                }
            }
            Turn::Graph(_) => {}
        }
    }
    // An average of rows that are new is what they are.
    for (moved, rows, span) in averaged {
        if store.rows(&moved.average).is_ok_and(|now| now > rows) {
            let copied = store.copy_rows(&moved.value, &moved.average, rows);
            copied.map_err(|error| kept_badly(&moved.value, &error, span))?;
        }
    }
    Ok(())
}

/// The averages that there are, each with the number of its rows and the training that moves it.
fn rows_of_averages<'p>(store: &Store, plan: &'p Plan) -> Vec<(&'p AveragePlan, usize, Span)> {
    let of_phases = plan.phases.iter().flat_map(|phase| {
        let averages = phase.averages.iter();
        averages.map(move |moved| (moved, phase.span))
    });
    let there = of_phases.filter_map(|(moved, span)| {
        let rows = store.rows(&moved.average).ok()?;
        Some((moved, rows, span))
    });
    there.collect()
}

fn kept_badly(path: &str, error: &reckon_torch::Error, span: Span) -> Failure {
    let message = format!("internal: `{path}` cannot be kept: {error}");
    Failure::data(vec![Diagnostic::error(PROGRAM, span, message)])
}

/// Makes the parameters of teachers out of finished runs, for which [`take_loaded`] has the values.
pub(crate) fn declare_loaded(
    store: &mut Store,
    plan: &Plan,
    data: &Dataset,
    seed: u64,
) -> Result<(), Failure> {
    for load in &plan.loads {
        let mut graph = Graph::new(format!("teacher {}", load.teacher));
        let params = load.params.iter();
        graph.params = params
            .map(|param| (param.path.clone(), param.param.clone()))
            .collect();
        let program = Program {
            graph,
            handles: Vec::new(),
            feeds: Vec::new(),
        };
        declare(store, plan, data, &program, seed, load.span)?;
    }
    Ok(())
}

/// Puts the weights of finished runs into the parameters of their teachers.
///
/// # Errors
/// Weights of other shapes than the spec describes.
pub(crate) fn take_loaded(
    store: &mut Store,
    plan: &Plan,
    weights: &[Stored],
) -> Result<(), Failure> {
    for load in &plan.loads {
        let mut faults = Vec::new();
        for stored in weights {
            if !load.params.iter().any(|param| param.path == stored.name) {
                continue;
            }
            let expected = store.shape(&stored.name).unwrap_or_default();
            if expected != stored.shape {
                let (path, found) = (&stored.name, &stored.shape);
                faults.push(format!(
                    "`{path}` has shape {found:?} there, and {expected:?} here"
                ));
            } else if let Err(error) = store.import(stored) {
                faults.push(error.to_string());
            }
        }
        if !faults.is_empty() {
            return Err(misfit(&load.run, &load.teacher, faults, load.span));
        }
    }
    Ok(())
}

/// Takes the values of copies as a day begins.
pub(crate) fn begin_day(store: &mut Store, daily: &LoopPlan) -> Result<(), Failure> {
    daily.begins.iter().try_for_each(|copy| {
        let copied = store.copy(&copy.from, &copy.to);
        copied.map_err(|error| kept_badly(&copy.from, &error, daily.span))
    })
}

/// Takes the values of copies and of averages that begin with a phase.
pub(crate) fn begin(store: &mut Store, phase: &PhasePlan) -> Result<(), Failure> {
    phase
        .begins
        .iter()
        .try_for_each(|copy| take(store, phase, copy))
}

fn take(store: &mut Store, phase: &PhasePlan, copy: &CopyPlan) -> Result<(), Failure> {
    store
        .copy(&copy.from, &copy.to)
        .map_err(|error| refused(&phase.step, &error, phase.span))
}

/// Moves the averages of a phase, as each of its steps ends.
pub(crate) fn average(store: &mut Store, phase: &PhasePlan) -> Result<(), Failure> {
    phase.averages.iter().try_for_each(|moved| {
        store
            .average(&moved.value, &moved.average, moved.decay)
            .map_err(|error| refused(&phase.step, &error, phase.span))
    })
}

fn feeds<'a>(batch: &'a Batch, extra: &'a [(String, HostTensor)]) -> Feeds<'a> {
    let mut feeds = Feeds::new();
    for (space, rows) in &batch.sizes {
        feeds.size(*space, *rows);
    }
    let inputs = batch
        .inputs
        .iter()
        .chain(extra.iter().map(|(name, tensor)| (name, tensor)));
    for (name, tensor) in inputs {
        let values = match &tensor.values {
            HostValues::F32(values) => Values::F32(values),
            HostValues::I64(values) => Values::I64(values),
            HostValues::Bool(values) => Values::Bool(values),
        };
        feeds.set(name, &tensor.shape, values);
    }
    feeds
}

/// What libtorch refuses is a fault of the plan or of the device, told at the place that asks for the op.
fn refused(plan: &Program, error: &reckon_torch::Error, span: Span) -> Failure {
    let mut diagnostic = match error {
        reckon_torch::Error::Op {
            node: Some(node), ..
        } if plan.graph.contains(*node) => {
            let place = plan.graph.node(*node).site.call.unwrap_or(span);
            Diagnostic::error(PROGRAM, place, error.to_string())
        }
        _ => Diagnostic::error(PROGRAM, span, error.to_string()),
    };
    diagnostic
        .notes
        .push(format!("in the tensor program `{}`", plan.graph.name));
    Failure::new(FailureKind::Data, diagnostic)
}
