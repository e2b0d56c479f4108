//! Data: from the files that a plan names to assembled batches.
//!
//! [`Dataset::load`] reads the sources, resolves references, splits, fits the statistics and runs the row programs.
//! [`Assembler`] then fills the inputs of a tensor program for the rows of a batch by gathering from columns; nothing is
//! parsed, hashed or looked up by key any more.

mod assemble;
mod bad;
mod bounds;
mod cell;
mod columnar;
mod condition;
mod daily;
mod delimited;
mod fault;
mod files;
mod fit;
mod format;
mod grow;
mod history;
mod inspect;
mod keys;
mod look;
mod maturity;
mod neighbours;
mod objects;
mod outcomes;
mod program;
mod prune;
mod requests;
mod sampler;
mod scores;
mod select;
mod source;
mod split;
mod stored;
mod table;
mod text;
mod time;
mod vectors;
mod versions;
mod windows;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use reckon_compiler::plan::{HistoryPlan, Plan, SourceKind, StoredPlan, StreamPlan, TableRows};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Data, Fitted, RowProgram};

pub(crate) use assemble::AskedRows;
pub use assemble::{Assembler, Batch, HostTensor, HostValues, Now, StepKey};
pub use bad::BadCount;
pub use condition::LeftOut;
pub(crate) use fit::{FIT_NAMES, fit_names, load_named as load_named_fit};
pub use fit::{content_hash, load as load_fits, save as save_fits};
pub use inspect::{ColumnSketch, Sketch, inspect};
pub use look::{Looked, LookedColumn, LookedSource, look};
pub use outcomes::OutcomeReport;
pub(crate) use prune::Columns;
pub(crate) use requests::read as read_requests;
pub use scores::ScoresReport;
pub(crate) use select::{Selected, number, unit};
pub use source::{ABSENT_ROW, Source};
pub use split::{NO_PART, PartReport, Parts, SplitReport};
pub use stored::StoredValues;
pub(crate) use stored::{files as stored_files, load as load_stored};

pub use vectors::VectorsReport;

pub(crate) use daily::{AskedDay, Day};

use daily::Today;
use fault::PLAN;
use grow::Until;
use history::{History, Seen};
use program::source_named;
use table::Table;
use vectors::Vectors;

/// The data of a plan in memory, ready to be assembled into batches.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Sources in the order of the plan.
    pub sources: Vec<Source>,
    /// Fitted statistics in the order of the plan.
    pub fits: Vec<Fitted>,
    /// The row program of each source that has one.
    kernels: Vec<RowProgram>,
    histories: Vec<LoadedHistory>,
    /// How many rows found scores of teachers that are tables.
    pub scores: Vec<ScoresReport>,
    /// What joins of outcomes have found.
    pub outcomes: Vec<OutcomeReport>,
    /// The vectors of files with which tables begin, by the path of the table.
    vectors: BTreeMap<String, Arc<Vectors>>,
    /// How many values of vocabularies have such vectors.
    pub found_vectors: Vec<VectorsReport>,
    /// The days of a loop until it ends.
    days: Vec<Day>,
    /// The day that it runs.
    today: Today,
}

/// A history with what each row sees of it, by the source of the row.
#[derive(Clone, Debug)]
struct LoadedHistory {
    plan: HistoryPlan,
    history: History,
    seen: BTreeMap<String, Vec<Seen>>,
}

impl Dataset {
    /// Reads, splits, fits and computes everything that a plan asks of its data. Paths are relative to `root`, the
    /// folder of the spec. With `fitted`, statistics of a checkpoint, nothing is fitted.
    ///
    /// # Errors
    /// All that is wrong with the data of a stage; later stages are not tried.
    pub fn load(
        plan: &Plan,
        root: &Path,
        fitted: Option<Vec<Fitted>>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let given = fitted.into_iter().flatten().enumerate().collect();
        Self::load_with(plan, root, (given, Vec::new()), Columns::Kept)
    }

    /// As [`Dataset::load`], as a run that begins does it: columns of events that nothing reads any more are let go.
    ///
    /// # Errors
    /// As [`Dataset::load`].
    pub fn load_lean(plan: &Plan, root: &Path) -> Result<Self, Vec<Diagnostic>> {
        Self::load_with(plan, root, (BTreeMap::new(), Vec::new()), Columns::LetGo)
    }

    /// As [`Dataset::load`], with some statistics given, by their place in the plan, and with the columns of an earlier run
    /// in their places. What reads a column that is not there waits for [`Dataset::store`]. Columns of events that nothing reads
    /// any more need not stay.
    ///
    /// # Errors
    /// As [`Dataset::load`], and a column of another number of rows.
    pub(crate) fn load_with(
        plan: &Plan,
        root: &Path,
        (given, stored): (BTreeMap<usize, Fitted>, Vec<(&StoredPlan, StoredValues)>),
        columns: Columns,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut sources = read_sources(plan, root, columns)?;
        let vectors = vectors::read(plan, root)?;
        let outcomes = outcomes::join(plan, &mut sources)?;
        split_sources(plan, &mut sources)?;
        let scores = scores::join(plan, root, &mut sources)?;
        daily::empty_columns(plan, &mut sources);
        let mut fits = vec![Fitted::Waiting; plan.fits.len()];
        for (at, fitted) in given {
            fits[at] = fitted;
        }
        let mut data = Self {
            sources,
            fits,
            kernels: plan.kernels.iter().cloned().map(RowProgram::new).collect(),
            histories: Vec::new(),
            scores,
            outcomes,
            vectors,
            found_vectors: Vec::new(),
            days: Vec::new(),
            today: Today::default(),
        };
        if let Some(daily) = &plan.daily {
            data.days = data.days(daily);
            data.wait_until_today();
        }
        for (column, stored) in stored {
            let rows = data.source(&column.source).map_or(0, |source| source.rows);
            if stored.values.len() != rows {
                let message = format!(
                    "the column `{}` has {} rows, and `{}` has {rows} now",
                    column.name,
                    stored.values.len(),
                    column.source
                );
                return Err(vec![Diagnostic::error(fault::FITTED, column.span, message)]);
            }
            data.place(column, stored);
        }
        data.complete(plan)?;
        data.found_vectors = data.compare_vectors(plan)?;
        if columns == Columns::LetGo
            && plan
                .histories
                .iter()
                .all(|history| history.known.is_empty())
        {
            prune::finished(plan, &mut data.sources);
        }
        let histories = plan.histories.iter();
        data.histories = histories
            .map(|history| load_history(history, &data.sources))
            .collect();
        for graph in daily::graphs_made_once(plan) {
            data.make_graph(plan, graph)?;
        }
        Ok(data)
    }

    /// The source of this name.
    pub fn source(&self, name: &str) -> Option<&Source> {
        source_named(&self.sources, name)
    }

    /// How many rows an embedding table has, unknown slots included.
    pub fn table_rows(&self, rows: &TableRows) -> usize {
        match rows {
            TableRows::Fixed(rows) => *rows,
            TableRows::Vocabulary(fit) => match self.fits.get(*fit) {
                Some(Fitted::Vocab(vocabulary)) => vocabulary.rows(),
                Some(Fitted::Borders(borders)) => borders.len() + 1,
                Some(
                    Fitted::Moments { .. }
                    | Fitted::Extent { .. }
                    | Fitted::Matrix { .. }
                    | Fitted::Groups(_)
                    | Fitted::Waiting,
                )
                | None => 0,
            },
        }
    }

    /// For each row of an entity the number of training events that refer to it, over all events that are split; of a day,
    /// those up to it.
    pub fn training_counts(&self, entity: &str) -> Vec<u64> {
        let today = self.today.day();
        let until = today.map_or(Until::EVER, |day| Until::before(day.end));
        fit::training_counts(entity, &self.sources, until)
    }

    /// The rows of a source in file order: those of a part of its split, or all, that pass a condition, a boolean output
    /// of the source's row program. A part of a source without a split is all of it. Rows whose labels are not known in time
    /// are left out.
    pub fn rows(&self, source: &str, part: Option<&str>, condition: Option<&str>) -> Vec<u32> {
        let Some(source) = self.source(source) else {
            return Vec::new();
        };
        let mut rows: Vec<u32> = match (&source.parts, part) {
            (Some(parts), Some(part)) => parts.rows(part),
            (None, _) | (_, None) => (0..source.rows as u32).collect(),
        };
        rows.retain(|row| source.is_mature(*row));
        match condition
            .and_then(|name| source.outputs.get(name))
            .map(|column| &column.data)
        {
            Some(Data::Bool(holds)) => rows
                .into_iter()
                .filter(|row| holds[*row as usize])
                .collect(),
            Some(_) | None => rows,
        }
    }

    /// The rows that a stream trains on, in file order.
    pub fn stream_rows(&self, stream: &StreamPlan) -> Vec<u32> {
        let selected = self.selected(stream);
        let mut rows = selected.rows;
        if let Some(second) = selected.second {
            rows.extend(second);
            rows.sort_unstable();
            rows.dedup();
        }
        rows
    }

    /// The rows of the first part of a source's split, or all; of a day, those up to it.
    pub(crate) fn training_rows(&self, source: &str) -> Vec<u32> {
        let parts = self.source(source).and_then(|source| source.parts.as_ref());
        let part = parts.and_then(|parts| parts.names.first()).cloned();
        let mut rows = self.rows(source, part.as_deref(), None);
        if let Some(source) = self.source(source) {
            rows.retain(|row| self.is_known_today(source, *row as usize));
        }
        rows
    }

    /// The entity whose history it is, by its place in the plan.
    fn history_of(&self, history: usize) -> Option<&str> {
        let loaded = self.histories.get(history);
        loaded.map(|loaded| loaded.plan.entity.as_str())
    }

    fn kernel(&self, source: &str) -> Option<&RowProgram> {
        let mut programs = self.kernels.iter();
        programs.find(|program| program.kernel().source == source)
    }
}

/// Reads all sources at once, then numbers the references of events.
fn read_sources(
    plan: &Plan,
    root: &Path,
    columns: Columns,
) -> Result<Vec<Source>, Vec<Diagnostic>> {
    let tables: Vec<Result<Table, Vec<Diagnostic>>> = plan
        .sources
        .par_iter()
        .map(|source| table::read_without(source, root, &prune::unread(plan, source, columns)))
        .collect();
    let (mut sink, mut read) = (Vec::new(), Vec::new());
    for table in tables {
        match table {
            Ok(table) => read.push(table),
            Err(mut diagnostics) => sink.append(&mut diagnostics),
        }
    }
    stop_on_error(sink)?;
    let mut sink = Vec::new();
    let mut loaded: Vec<Option<Source>> = plan.sources.iter().map(|_| None).collect();
    let mut tables: Vec<Option<Table>> = read.into_iter().map(Some).collect();
    for kind in [SourceKind::Entity, SourceKind::Events] {
        for (at, source) in plan
            .sources
            .iter()
            .enumerate()
            .filter(|(_, source)| source.kind == kind)
        {
            let Some(table) = tables[at].take() else {
                continue;
            };
            let built = match kind {
                SourceKind::Entity => source::entity(source, table, &mut sink),
                SourceKind::Events => {
                    let entities: Vec<_> = plan
                        .sources
                        .iter()
                        .zip(&loaded)
                        .filter_map(|(plan, source)| source.as_ref().map(|source| (plan, source)))
                        .collect();
                    let kept = prune::kept(plan, source, columns);
                    source::events(source, (table, kept.as_ref()), &entities, &mut sink)
                }
            };
            loaded[at] = Some(built);
        }
    }
    stop_on_error(sink)?;
    Ok(loaded.into_iter().flatten().collect())
}

fn split_sources(plan: &Plan, sources: &mut [Source]) -> Result<(), Vec<Diagnostic>> {
    let mut sink = Vec::new();
    let sizes: BTreeMap<String, usize> = sources
        .iter()
        .map(|source| (source.name.clone(), source.rows))
        .collect();
    for rule in &plan.splits {
        match sources.iter_mut().find(|source| source.name == rule.source) {
            Some(source) => {
                let size = |name: &str| sizes.get(name).copied().unwrap_or(0);
                source.parts = split::split(rule, source, size, &mut sink);
            }
            None => {
                let message = format!("internal: `{}` is split and is no source", rule.source);
                sink.push(Diagnostic::error(PLAN, rule.span, message));
            }
        }
    }
    stop_on_error(sink)?;
    for of in &plan.sources {
        if let Some(source) = sources.iter_mut().find(|source| source.name == of.name) {
            maturity::settle(plan, of, source);
        }
    }
    Ok(())
}

fn load_history(plan: &HistoryPlan, sources: &[Source]) -> LoadedHistory {
    let size = source_named(sources, &plan.entity).map_or(0, |entity| entity.rows);
    let events = source_named(sources, &plan.source);
    let condition = events
        .zip(plan.condition.as_ref())
        .and_then(|(events, name)| events.outputs.get(name));
    let history = events.map_or_else(History::empty, |events| {
        History::new(plan, events, size, condition)
    });
    let times = events.map_or(&[][..], |events| &events.times);
    let referring = sources
        .iter()
        .filter(|source| source.references.contains_key(&plan.entity));
    let seen = referring
        .map(|source| {
            let seen = history.seen_from(source, plan, times);
            (source.name.clone(), seen)
        })
        .collect();
    LoadedHistory {
        plan: plan.clone(),
        history,
        seen,
    }
}

fn stop_on_error(sink: Vec<Diagnostic>) -> Result<(), Vec<Diagnostic>> {
    if sink.is_empty() { Ok(()) } else { Err(sink) }
}
