//! Requests: rows of events that have not happened yet, read from a file and made ready by the row program that training ran.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use reckon_compiler::plan::row::RowOp;
use reckon_compiler::plan::{
    Absent, BadRows, ColumnPlan, FeedKind, HandleRows, Plan, Program, ReferencePlan, SourceKind,
    SourcePlan,
};
use reckon_grammar::diagnostic::Diagnostic;

use super::assemble::outputs_now;
use super::fault::{ABSENT, NULL, PLAN, WRONG_TYPE, no_column};
use super::inspect::inspect;
use super::program::behind;
use super::source::{self, Source};
use super::table;
use super::{Dataset, fault};

/// So many rows are looked at to know which columns there are: objects need not have all of them.
const LOOK: usize = 200_000;

/// Rows that a model is asked about, with the results of their row program.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    pub(crate) source: Source,
    /// What a reader has to know: what the file does not have.
    pub(crate) notes: Vec<String>,
}

impl Requests {
    /// Blocks of at most so many rows.
    pub(crate) fn blocks(&self, size: usize) -> impl Iterator<Item = Range<u32>> + '_ {
        let rows = self.source.rows;
        (0..rows)
            .step_by(size)
            .map(move |start| start as u32..rows.min(start + size) as u32)
    }

    /// The row of the file that a request comes from, from 1.
    pub(crate) fn row(&self, request: u32) -> usize {
        self.source.place(request).row
    }
}

/// Reads the rows of `events` that a program is asked about. Only what the program reads has to be in the file; labels are not
/// among it. Rows without a time come after everything that has happened.
///
/// # Errors
/// A file or rows that cannot be read, columns that it lacks, and references to things that the data do not have.
pub(crate) fn read(
    plan: &Plan,
    data: &Dataset,
    program: &Program,
    events: &str,
    file: &Path,
) -> Result<Requests, Vec<Diagnostic>> {
    let (Some(of), Some(kernel)) = (plan.source(events), data.kernel(events)) else {
        let span = plan
            .sources
            .first()
            .map_or_else(fault::nowhere, |source| source.span);
        let message = format!("internal: `{events}` is asked and has no row program");
        return Err(vec![Diagnostic::error(PLAN, span, message)]);
    };
    let there: Vec<String> = match inspect(file, LOOK) {
        Ok(sketch) => {
            let columns = sketch.columns.into_iter().map(|column| column.name);
            let strange = sketch.strange.into_iter().map(|(name, _)| name);
            columns.chain(strange).collect()
        }
        Err(fault) => return Err(vec![fault]),
    };
    let outputs = outputs_of(program, events);
    let read: BTreeSet<&str> = outputs
        .iter()
        .flat_map(|output| behind(kernel.kernel(), output))
        .filter_map(|op| match op {
            RowOp::Column(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let (asked, notes) = asked(of, program, data, &read, (file, &there))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let of_requests = |faults: Vec<Diagnostic>| -> Vec<Diagnostic> {
        faults.into_iter().map(of_request).collect()
    };
    let table = table::read(&asked, folder).map_err(of_requests)?;
    let entities: Vec<(&SourcePlan, &Source)> = plan
        .sources
        .iter()
        .filter(|known| known.kind == SourceKind::Entity)
        .filter_map(|known| Some((known, data.source(&known.name)?)))
        .collect();
    let mut sink = Vec::new();
    let mut source = source::events(&asked, (table, None), &entities, &mut sink);
    super::stop_on_error(sink).map_err(of_requests)?;
    let outputs = outputs_now(data, kernel, &source);
    source.outputs = outputs.map_err(|fault| vec![fault])?;
    Ok(Requests { source, notes })
}

/// Of a row that does not fit the spec. The model is trained with the spec, so it is the row that is mended.
fn of_request(mut fault: Diagnostic) -> Diagnostic {
    if matches!(fault.code, WRONG_TYPE | NULL | ABSENT) && fault.help.is_some() {
        fault.help = Some("mend the row: the model was trained with the spec as it is".to_owned());
    }
    fault
}

/// The outputs of the asked rows of `events` that a program is fed with.
fn outputs_of<'p>(program: &'p Program, events: &str) -> BTreeSet<&'p str> {
    let outputs = program.feeds.iter().filter_map(|feed| match &feed.what {
        FeedKind::Column { handle, output, .. }
        | FeedKind::ListValues { handle, output, .. }
        | FeedKind::ListSegments { handle, output, .. }
        | FeedKind::ListPositions { handle, output, .. }
        | FeedKind::Emptied { handle, output, .. } => Some((*handle, output.as_str())),
        _ => None,
    });
    let of_asked = outputs.filter(|(handle, _)| {
        let of = program.handles.get(*handle);
        of.is_some_and(|of| of.source == events) && !has_happened(program, *handle)
    });
    of_asked.map(|(_, output)| output).collect()
}

/// Whether the rows of a handle are earlier events, or what those refer to: all of them is known, labels too.
fn has_happened(program: &Program, handle: usize) -> bool {
    program.handles.get(handle).is_some_and(|of| {
        let mut parents = of.rows.parents().into_iter();
        matches!(of.rows, HandleRows::History(..))
            || parents.any(|parent| has_happened(program, parent))
    })
}

/// What is read of the file, and what there is to say about the rest.
fn asked(
    of: &SourcePlan,
    program: &Program,
    data: &Dataset,
    read: &BTreeSet<&str>,
    (file, there): (&Path, &[String]),
) -> Result<(SourcePlan, Vec<String>), Vec<Diagnostic>> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut header = Header {
        name: name.into_owned(),
        there,
        notes: Vec::new(),
        sink: Vec::new(),
    };
    let references = header.references(of, |target| is_followed(program, data, target));
    let columns = header.columns(of, &references, read);
    super::stop_on_error(header.sink)?;
    let time = of.time.clone();
    let asked = SourcePlan {
        paths: vec![header.name],
        time: time.filter(|time| columns.iter().any(|column| column.name == *time)),
        columns,
        references,
        // Which rows of a log are trained on says nothing of requests.
        condition: None,
        unique: Vec::new(),
        on_bad_row: match of.on_bad_row {
            BadRows::Default => BadRows::Default,
            // A request that cannot be read is told: an answer that is left out would be missed.
            BadRows::Fail | BadRows::Skip(_) => BadRows::Fail,
        },
        ..of.clone()
    };
    Ok((asked, header.notes))
}

/// The columns that a file has, and what there is to say about those that it lacks.
struct Header<'n> {
    name: String,
    there: &'n [String],
    notes: Vec<String>,
    sink: Vec<Diagnostic>,
}

impl Header<'_> {
    fn has(&self, column: &str) -> bool {
        self.there.iter().any(|known| known == column)
    }

    /// The references whose keys the file has.
    fn references(
        &mut self,
        of: &SourcePlan,
        is_followed: impl Fn(&str) -> bool,
    ) -> Vec<ReferencePlan> {
        let mut references = of.references.clone();
        references.retain(|reference| {
            let mut columns = reference.columns.iter();
            let Some(lacking) = columns.find(|column| !self.has(column)) else {
                return true;
            };
            match reference.absent {
                _ if !is_followed(&reference.target) => {}
                Absent::Error => {
                    let fault = no_column(&self.name, lacking, reference.span, self.there);
                    self.sink.push(fault);
                }
                Absent::Unknown => self.notes.push(format!(
                    "{} has no column `{lacking}`: rows are of an unknown {}",
                    self.name, reference.target
                )),
            }
            false
        });
        references
    }

    /// The columns that the file has, of those that are keys, date the rows or are read.
    fn columns(
        &mut self,
        of: &SourcePlan,
        references: &[ReferencePlan],
        read: &BTreeSet<&str>,
    ) -> Vec<ColumnPlan> {
        let keys: Vec<&String> = references.iter().flat_map(|one| &one.columns).collect();
        let dates = |column: &ColumnPlan| of.time.as_ref() == Some(&column.name);
        let is_asked = |column: &&ColumnPlan| {
            let is_read = read.contains(column.name.as_str());
            let is_key = keys.contains(&&column.name);
            column.joined.is_none() && (is_key || dates(column) || is_read)
        };
        let mut columns: Vec<ColumnPlan> = of.columns.iter().filter(is_asked).cloned().collect();
        columns.retain(|column| {
            let (file, name) = (&self.name, &column.name);
            let lacks = match (self.has(name), dates(column), column.ty.nullable) {
                (true, _, _) => return true,
                (false, true, _) => "rows come after everything that has happened",
                (false, false, true) => "it is null",
                (false, false, false) => {
                    let fault = no_column(file, name, column.span, self.there);
                    self.sink.push(fault);
                    return false;
                }
            };
            self.notes
                .push(format!("{file} has no column `{name}`: {lacks}"));
            false
        });
        columns
    }
}

/// Whether a program reads what rows refer to by this name, or its history.
fn is_followed(program: &Program, data: &Dataset, target: &str) -> bool {
    program.handles.iter().any(|handle| match &handle.rows {
        HandleRows::Referred(_) => handle.source == target,
        HandleRows::History(_, history) => data.history_of(*history) == Some(target),
        HandleRows::Stream(_)
        | HandleRows::Shared(_)
        | HandleRows::Distinct(_)
        | HandleRows::Thinned { .. }
        | HandleRows::Catalogue
        | HandleRows::Joined(_)
        | HandleRows::Sampled { .. }
        | HandleRows::Groups(_) => false,
    })
}
