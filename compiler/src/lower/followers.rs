//! Copies and averages of towers: when their weights are taken, and when they are moved.

use std::collections::{BTreeMap, BTreeSet};

use reckon_grammar::diagnostic::{Code, Diagnostic};

use super::Lowering;
use crate::graph::{Graph, Op};
use crate::hir::{Origin, Tower};
use crate::plan::{
    AveragePlan, CopyPlan, EvaluationPlan, ExportPlan, LoadParam, LoadPlan, LoopPlan, PhasePlan,
    StoredPlan, StoredValue, Turn,
};
use crate::routing::{PROGRAM, belongs, followed};

impl Lowering<'_, '_> {
    /// Puts copies and averages into the phases, and refuses those that follow what has not been trained.
    pub(super) fn followers(
        &mut self,
        phases: &mut [PhasePlan],
        columns: &[StoredPlan],
        evaluations: &[EvaluationPlan],
        exports: &[ExportPlan],
        daily: &mut Option<LoopPlan>,
    ) -> Vec<LoadPlan> {
        let hir = self.hir;
        let mut graphs: Vec<&Graph> = phases.iter().map(|phase| &phase.step.graph).collect();
        graphs.extend(columns.iter().filter_map(|column| match &column.value {
            StoredValue::Tower(program) => Some(&program.graph),
            StoredValue::Row(_) => None,
        }));
        graphs.extend(evaluations.iter().flat_map(graphs_of));
        graphs.extend(exports.iter().map(|export| &export.program.graph));
        let loads = hir.towers.iter();
        let loads = loads.filter_map(|tower| load(tower, &graphs)).collect();
        let needed = self.needed(&graphs);
        // A tower is checked after those that it follows, so averages begin before what copies them.
        for follower in &hir.towers {
            let Some(paths) = needed.get(&follower.name) else {
                continue;
            };
            let placed = match follower.teacher.as_ref().map(|teacher| &teacher.origin) {
                Some(Origin::CopyOf(_)) => copy(phases, &follower.name, paths),
                Some(Origin::Before(_)) => as_the_day_begins(phases, daily, paths),
                Some(Origin::EmaOf(_, decay)) => average(phases, paths, *decay),
                Some(Origin::Own | Origin::Like(_) | Origin::Taken { .. }) | None => continue,
            };
            if !placed {
                self.follows_nothing_trained(follower);
            }
        }
        self.stops_on_what_changes(phases, evaluations);
        loads
    }

    /// The paths of every follower that a graph reads, or that a follower of it keeps.
    fn needed(&self, graphs: &[&Graph]) -> BTreeMap<String, BTreeSet<CopyOf>> {
        let mut open: Vec<String> = graphs.iter().flat_map(|graph| read(graph)).collect();
        let mut needed: BTreeMap<String, BTreeSet<CopyOf>> = BTreeMap::new();
        while let Some(path) = open.pop() {
            let mut towers = self.hir.towers.iter();
            let found = towers.find_map(|tower| {
                tower.follows()?;
                Some((tower.name.clone(), followed(&path, &tower.name)?.to_owned()))
            });
            if let Some((follower, from)) = found {
                open.push(from.clone());
                needed
                    .entry(follower)
                    .or_default()
                    .insert(CopyOf { to: path, from });
            }
        }
        needed
    }

    fn follows_nothing_trained(&mut self, follower: &Tower) {
        let (name, of) = (&follower.name, follower.follows().unwrap_or_default());
        let diagnostic = Diagnostic::error(
            Code(607),
            follower.span,
            format!("`{name}` follows `{of}`, which has not been trained by then"),
        );
        let is_copy = matches!(
            follower.teacher.as_ref().map(|teacher| &teacher.origin),
            Some(Origin::CopyOf(_))
        );
        self.diagnostics.push(if is_copy {
            diagnostic
                .note("a copy is made as a training begins that reads it, of weights that an earlier training has left")
                .help(format!("train `{of}` in a `train` of its own, and read `{name}` in another"))
        } else {
            diagnostic
                .note("an average moves with each step of the training of what it follows")
                .help(format!("minimise a loss that trains `{of}`"))
        });
    }

    /// Early stopping watches a figure that the training changes.
    fn stops_on_what_changes(&mut self, phases: &[PhasePlan], evaluations: &[EvaluationPlan]) {
        for phase in phases {
            let Some(stop) = &phase.stop else { continue };
            let mut evaluations = evaluations.iter();
            let Some(watched) = evaluations.find(|known| known.name == stop.evaluation) else {
                continue;
            };
            let changed = changed(phase);
            let read: BTreeSet<String> = graphs_of(watched).flat_map(read).collect();
            if read.is_disjoint(&changed) {
                self.diagnostics.push(
                    Diagnostic::error(
                        Code(819),
                        phase.span,
                        format!(
                            "`{}` stops by `{}`, which it does not change",
                            phase.name, watched.name
                        ),
                    )
                    .label(watched.span, "reads none of the weights that it trains")
                    .help("watch an evaluation of a tower that this training trains"),
                );
            }
        }
    }
}

/// What a teacher out of a finished run takes from it. In that run it is the teacher of the same name, or the tower that it
/// is like, with tables of its own or of the program.
fn load(tower: &Tower, graphs: &[&Graph]) -> Option<LoadPlan> {
    let Origin::Taken { like, run } = &tower.teacher.as_ref()?.origin else {
        return None;
    };
    let mut params: BTreeMap<&String, LoadParam> = BTreeMap::new();
    for (graph, path) in graphs
        .iter()
        .flat_map(|graph| read(graph).into_iter().map(move |path| (graph, path)))
    {
        let Some((path, param)) = graph.params.get_key_value(&path) else {
            continue;
        };
        let Some(rest) = path.strip_prefix(tower.name.as_str()) else {
            continue;
        };
        let mut from = vec![path.clone(), format!("{like}{rest}")];
        match rest.strip_prefix('/') {
            Some(inner) => from.extend([format!("{PROGRAM}{rest}"), inner.to_owned()]),
            None if rest.starts_with('.') => {}
            None => continue,
        }
        params.entry(path).or_insert_with(|| LoadParam {
            path: path.clone(),
            param: param.clone(),
            from,
        });
    }
    Some(LoadPlan {
        teacher: tower.name.clone(),
        run: run.clone(),
        params: params.into_values().collect(),
        span: tower.span,
    })
}

/// A path and the one that it takes its value from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CopyOf {
    to: String,
    from: String,
}

/// Makes a copy at the beginning of every phase that reads it. Whether each has something trained to copy.
fn copy(phases: &mut [PhasePlan], name: &str, paths: &BTreeSet<CopyOf>) -> bool {
    let readers: Vec<usize> = (0..phases.len())
        .filter(|at| {
            read(&phases[*at].step.graph)
                .iter()
                .any(|path| belongs(path, name))
        })
        .collect();
    for at in &readers {
        let before: BTreeSet<String> = phases[..*at].iter().flat_map(changed).collect();
        if !paths.iter().any(|path| before.contains(&path.from)) || !all_there(phases, *at, paths) {
            return false;
        }
        phases[*at].begins.extend(copies(paths));
    }
    !readers.is_empty()
}

/// Takes the values as each day begins. Whether a training of the loop changes any of them.
fn as_the_day_begins(
    phases: &[PhasePlan],
    daily: &mut Option<LoopPlan>,
    paths: &BTreeSet<CopyOf>,
) -> bool {
    let Some(daily) = daily else { return false };
    let trains = daily.turns.iter().filter_map(|turn| match turn {
        Turn::Train(at) => phases.get(*at),
        Turn::Graph(_) | Turn::Column(_) | Turn::Evaluate(_) => None,
    });
    let changed: BTreeSet<String> = trains.flat_map(changed).collect();
    daily.begins.extend(copies(paths));
    paths.iter().any(|path| changed.contains(&path.from))
        && all_there(phases, phases.len().saturating_sub(1), paths)
}

/// Begins an average at the first phase that changes what it follows, and moves it in each of them. Whether there is one.
fn average(phases: &mut [PhasePlan], paths: &BTreeSet<CopyOf>, decay: f64) -> bool {
    let changing: Vec<usize> = (0..phases.len())
        .filter(|at| {
            let changed = changed(&phases[*at]);
            paths.iter().any(|path| changed.contains(&path.from))
        })
        .collect();
    let Some(first) = changing.first() else {
        return false;
    };
    if !all_there(phases, *first, paths) {
        return false;
    }
    phases[*first].begins.extend(copies(paths));
    for at in changing {
        let moved = paths.iter().map(|path| AveragePlan {
            value: path.from.clone(),
            average: path.to.clone(),
            decay,
        });
        phases[at].averages.extend(moved);
    }
    true
}

fn copies(paths: &BTreeSet<CopyOf>) -> impl Iterator<Item = CopyPlan> {
    paths.iter().map(|path| CopyPlan {
        from: path.from.clone(),
        to: path.to.clone(),
    })
}

/// Whether a phase or one before it has all values that are to be taken.
fn all_there(phases: &[PhasePlan], at: usize, paths: &BTreeSet<CopyOf>) -> bool {
    let mut there: BTreeSet<String> = BTreeSet::new();
    for phase in &phases[..=at] {
        there.extend(phase.step.graph.params.keys().cloned());
        there.extend(phase.begins.iter().map(|copy| copy.to.clone()));
    }
    paths.iter().all(|path| there.contains(&path.from))
}

/// The paths whose values a phase changes as it goes.
pub(super) fn changed(phase: &PhasePlan) -> BTreeSet<String> {
    let effects = |graph: &'_ Graph| -> BTreeSet<String> {
        let ops = graph.effects.iter().map(|id| &graph.node(*id).op);
        let paths = ops.filter_map(|op| match op {
            Op::Update { path, .. } | Op::Assign { path } => Some(path.clone()),
            _ => None,
        });
        paths.collect()
    };
    let updates = effects(&phase.step.graph)
        .into_iter()
        .chain(effects(phase.updating()));
    let averages = phase.averages.iter().map(|moved| moved.average.clone());
    updates.chain(averages).collect()
}

/// The paths that a graph reads.
pub(super) fn read(graph: &Graph) -> BTreeSet<String> {
    let paths = graph.order().into_iter().filter_map(|id| {
        let (Op::Param(path) | Op::Table(path)) = &graph.node(id).op else {
            return None;
        };
        Some(path.clone())
    });
    paths.collect()
}

pub(super) fn graphs_of(evaluation: &EvaluationPlan) -> impl Iterator<Item = &Graph> {
    evaluation
        .programs()
        .into_iter()
        .map(|program| &program.graph)
}
