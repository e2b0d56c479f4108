//! Handles: the rows that each holds in a step.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use reckon_compiler::plan::{FeedKind, Handle, HandleRows, Program};
use reckon_compiler::random::{Key, site_hash, uniform};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::{FileId, Span};
use reckon_kernel::{Column, RowProgram};

use super::beside::Made;
use super::{StepKey, groups};
use crate::data::Dataset;
use crate::data::fault::PLAN;
use crate::data::history::Seen;
use crate::data::program::{absent, failed, source_named, through};
use crate::data::sampler::Sampler;
use crate::data::source::{ABSENT_ROW, Source};
use crate::data::versions;

/// Rows that have not happened yet: requests that are answered now.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// How many.
    pub rows: usize,
    /// For each reference the row of the entity, [`ABSENT_ROW`] for an unknown one. References left out are unknown.
    pub references: BTreeMap<String, Vec<u32>>,
    /// When, in microseconds since 1970 UTC; `None` is after everything that happened.
    pub time: Option<i64>,
    /// Columns whose values are known before, by name; the others are null.
    pub known: BTreeMap<String, Column>,
}

/// The rows of the streams.
pub(super) enum Rows<'s> {
    /// Rows of the sources, by stream, and the batches made of those that rows are drawn beside.
    Of(&'s [Vec<u32>], &'s [Option<Made>]),
    /// Rows of a source made for requests, as stream 0.
    Now(&'s Source, Range<u32>),
}

/// The rows of a handle.
pub(super) struct RowSet<'a> {
    pub(super) source: &'a Source,
    pub(super) rows: Vec<u32>,
    /// How many of them each list has, where they are lists: those of a history for each row of the parent, or those of a group.
    pub(super) lengths: Vec<u32>,
    /// Whether the lists are counted and their rows not written down.
    counted: bool,
    /// For each row the one whose outputs it reads, where that is a version of a thing.
    versions: Option<Vec<u32>>,
    /// Whether the source was made for a request.
    now: bool,
    /// Leaves out values of lists.
    pub(super) thin: Option<Thin>,
    /// The batch with the rows drawn beside its rows, where the set is one.
    pub(super) made: Option<&'a Made>,
    /// Which rows each is instead of, where the set has each thing once.
    pub(super) merged: Option<Merged>,
}

/// Rows of another set that became one for each thing.
pub(super) struct Merged {
    /// For each row of the other set its place in this one.
    pub(super) places: Vec<i64>,
    /// For each row of this set the number of rows that it is instead of.
    pub(super) copies: Vec<u32>,
}

/// Each value of a list is left out with a probability.
#[derive(Clone, Copy)]
pub(super) struct Thin {
    rate: f64,
    folded: u64,
}

impl Thin {
    fn new(rate: f64, name: &str, key: StepKey) -> Option<Self> {
        key.training.then(|| {
            let key = Key {
                seed: key.seed,
                stream: 0,
                site: site_hash(name),
                step: key.step,
            };
            Self {
                rate,
                folded: key.fold(),
            }
        })
    }

    /// Whether an element of the list of a row stays.
    pub(super) fn keeps(self, output: u64, row: usize, element: usize) -> bool {
        uniform(self.folded ^ output, row as u64, element as u64) >= self.rate
    }
}

impl<'a> RowSet<'a> {
    fn new(source: &'a Source, rows: Vec<u32>) -> Self {
        Self {
            source,
            rows,
            lengths: Vec::new(),
            counted: false,
            versions: None,
            now: false,
            thin: None,
            made: None,
            merged: None,
        }
    }

    /// The things of a set, each once, in the order in which they first occur.
    fn distinct(of: &Self) -> Self {
        let mut merged = Merged {
            places: Vec::with_capacity(of.rows.len()),
            copies: Vec::new(),
        };
        let mut rows = Vec::new();
        let mut known: HashMap<usize, usize> = HashMap::with_capacity(of.rows.len());
        for (row, thing) in of.rows.iter().zip(of.places()) {
            let place = *known.entry(thing).or_insert(rows.len());
            if place == rows.len() {
                rows.push(*row);
                merged.copies.push(0);
            }
            merged.copies[place] += 1;
            merged.places.push(place as i64);
        }
        Self {
            merged: Some(merged),
            ..Self::new(of.source, rows)
        }
    }

    /// The same rows for another handle, which is no list.
    fn same_rows(&self) -> Self {
        Self {
            now: self.now,
            made: self.made,
            versions: self.versions.clone(),
            ..Self::new(self.source, self.rows.clone())
        }
    }

    /// How many rows it has.
    pub(super) fn len(&self) -> usize {
        match self.counted {
            true => self.lengths.iter().map(|length| *length as usize).sum(),
            false => self.rows.len(),
        }
    }

    /// For each row the list that it belongs to.
    pub(super) fn segments(&self) -> Vec<i64> {
        let mut segments = Vec::with_capacity(self.len());
        for (list, length) in (0..).zip(&self.lengths) {
            segments.resize(segments.len() + *length as usize, list);
        }
        segments
    }

    /// For each row its place in its list.
    pub(super) fn positions(&self) -> Vec<i64> {
        let mut positions = Vec::with_capacity(self.len());
        for length in &self.lengths {
            positions.extend(0..i64::from(*length));
        }
        positions
    }

    /// The row number of each row, which tells things apart; an absent one has the number after the last.
    pub(super) fn places(&self) -> impl ExactSizeIterator<Item = usize> {
        let last = self.source.rows;
        self.rows.iter().map(move |row| (*row as usize).min(last))
    }

    /// Where the outputs of each row are: those of the version that is seen of it; an absent one has those after the last.
    pub(super) fn outputs(&self) -> impl ExactSizeIterator<Item = usize> {
        let last = self.source.rows;
        let rows = self.versions.as_ref().unwrap_or(&self.rows);
        rows.iter().map(move |row| (*row as usize).min(last))
    }
}

/// The handles in an order in which each comes after those that it is made from.
pub(super) fn order(program: &Program, data: &Dataset, sink: &mut Vec<Diagnostic>) -> Vec<usize> {
    let handles = &program.handles;
    let mut order: Vec<usize> = Vec::with_capacity(handles.len());
    loop {
        let ready = |at: &usize| {
            !order.contains(at)
                && handles[*at]
                    .rows
                    .parents()
                    .iter()
                    .all(|at| order.contains(at))
        };
        let next: Vec<usize> = (0..handles.len()).filter(ready).collect();
        if next.is_empty() {
            break;
        }
        order.extend(next);
    }
    let mut fault = |handle: &Handle, message: &str| {
        let message = format!("internal: handle `{}` {message}", handle.name);
        sink.push(Diagnostic::error(PLAN, Span::new(FileId(0), 0, 0), message));
    };
    for (at, handle) in handles.iter().enumerate() {
        if !order.contains(&at) {
            fault(
                handle,
                "is made from itself or from a handle that does not exist",
            );
        } else if data.source(&handle.source).is_none() {
            fault(handle, "is of a source that does not exist");
        } else if matches!(handle.rows, HandleRows::History(_, history) if history >= data.histories.len())
        {
            fault(handle, "is a history that does not exist");
        }
    }
    order
}

/// For each handle whether its rows are only counted.
pub(super) fn counted(program: &Program) -> Vec<bool> {
    let feeds = program.feeds.iter().map(|feed| &feed.what);
    let reading = feeds.filter(|what| !matches!(what, FeedKind::Lengths { .. }));
    let parents = program.handles.iter().map(|handle| handle.rows.parents());
    let read: BTreeSet<usize> = reading
        .map(FeedKind::handles)
        .chain(parents)
        .flatten()
        .collect();
    (0..program.handles.len())
        .map(|at| !read.contains(&at))
        .collect()
}

/// What draws the things of handles, and what groups the rows of streams.
#[derive(Clone, Debug, Default)]
pub(super) struct Drawn {
    /// By handle.
    pub(super) samplers: BTreeMap<usize, Sampler>,
    /// The output whose equal values make a group, by stream.
    pub(super) groups: BTreeMap<usize, String>,
    /// Which handles are histories of which nothing but lengths is read.
    pub(super) counted: Vec<bool>,
}

/// The rows of all handles.
pub(super) fn resolve<'s>(
    data: &'s Dataset,
    program: &Program,
    order: &[usize],
    streams: &Rows<'s>,
    drawn: &Drawn,
    key: StepKey,
) -> Vec<RowSet<'s>> {
    let mut sets: Vec<Option<RowSet<'s>>> = program.handles.iter().map(|_| None).collect();
    for at in order {
        let set = rows_of(
            data,
            (*at, &program.handles[*at]),
            &sets,
            streams,
            drawn,
            key,
        );
        sets[*at] = Some(set);
    }
    sets.into_iter()
        .map(|set| set.expect("every handle was ordered"))
        .collect()
}

/// The rows of a handle whose parents are among `sets`.
fn rows_of<'s>(
    data: &'s Dataset,
    (at, handle): (usize, &Handle),
    sets: &[Option<RowSet<'s>>],
    streams: &Rows<'s>,
    drawn: &Drawn,
    key: StepKey,
) -> RowSet<'s> {
    let source = data
        .source(&handle.source)
        .expect("the sources of handles were checked");
    let parent = |at: usize| {
        sets[at]
            .as_ref()
            .expect("a handle comes after those that it is made from")
    };
    let of_source = |rows| RowSet::new(source, rows);
    match &handle.rows {
        HandleRows::Stream(stream) => {
            let set = stream_rows(streams, *stream, source);
            grouped(drawn.groups.get(stream), set)
        }
        HandleRows::Referred(of) => RowSet {
            versions: seen(parent(*of), &handle.source),
            ..of_source(referred(parent(*of), &handle.source))
        },
        HandleRows::History(of, history) => {
            history_rows(data, parent(*of), source, (*history, drawn.counted[at]))
        }
        HandleRows::Shared(of) => parent(*of).same_rows(),
        HandleRows::Distinct(of) => RowSet::distinct(parent(*of)),
        HandleRows::Thinned { of, rate, .. } => RowSet {
            thin: Thin::new(*rate, &handle.name, key),
            ..parent(*of).same_rows()
        },
        HandleRows::Catalogue => of_source((0..source.rows as u32).collect()),
        HandleRows::Joined(parts) => of_source(
            parts
                .iter()
                .flat_map(|part| parent(*part).rows.iter().copied())
                .collect(),
        ),
        HandleRows::Sampled { count, .. } => {
            let draw = |sampler| sampled(*count, sampler, &handle.name, key);
            of_source(drawn.samplers.get(&at).map_or_else(Vec::new, draw))
        }
        HandleRows::Groups(stream) => {
            let output = drawn.groups.get(stream);
            let set = grouped(output, stream_rows(streams, *stream, source));
            let firsts = groups::firsts(output, &set);
            let rows = firsts.into_iter().map(|row| set.rows[row]).collect();
            RowSet { rows, ..set }
        }
    }
}

/// The rows of a stream: those of a step with what was drawn beside them, or those that are asked about now.
fn stream_rows<'s>(streams: &Rows<'s>, stream: usize, source: &'s Source) -> RowSet<'s> {
    match streams {
        Rows::Of(streams, made) => match made.get(stream).and_then(Option::as_ref) {
            Some(made) => RowSet {
                made: Some(made),
                ..RowSet::new(&made.source, (0..made.source.rows as u32).collect())
            },
            None => RowSet::new(source, streams.get(stream).cloned().unwrap_or_default()),
        },
        Rows::Now(source, rows) => RowSet {
            now: true,
            ..RowSet::new(source, rows.clone().collect())
        },
    }
}

/// The set with the number of rows of each group.
fn grouped<'s>(output: Option<&String>, mut set: RowSet<'s>) -> RowSet<'s> {
    if output.is_some() {
        let firsts = groups::firsts(output, &set);
        let ends = firsts[1.min(firsts.len())..]
            .iter()
            .copied()
            .chain([set.rows.len()]);
        let lengths = firsts.iter().zip(ends).map(|(start, end)| end - start);
        set.lengths = lengths.map(|length| length as u32).collect();
    }
    set
}

/// The entity rows that rows refer to; rows of the entity itself refer to themselves.
fn referred(parent: &RowSet<'_>, entity: &str) -> Vec<u32> {
    match parent.source.references.get(entity) {
        Some(references) => parent
            .rows
            .iter()
            .map(|row| references.get(*row as usize).copied().unwrap_or(ABSENT_ROW))
            .collect(),
        None if parent.source.name == entity => parent.rows.clone(),
        None => vec![ABSENT_ROW; parent.rows.len()],
    }
}

/// The versions of things with versions that rows see.
fn seen(parent: &RowSet<'_>, entity: &str) -> Option<Vec<u32>> {
    let seen = parent.source.seen.get(entity)?;
    let of_row = |row: &u32| seen.get(*row as usize).copied().unwrap_or(ABSENT_ROW);
    Some(parent.rows.iter().map(of_row).collect())
}

fn history_rows<'s>(
    data: &'s Dataset,
    parent: &RowSet<'_>,
    source: &'s Source,
    (history, counted): (usize, bool),
) -> RowSet<'s> {
    let loaded = &data.histories[history];
    let precomputed = if parent.now {
        None
    } else {
        loaded.seen.get(&parent.source.name)
    };
    let entities = referred(parent, &loaded.plan.entity);
    let drawn = parent.made.filter(|made| made.entity == loaded.plan.entity);
    let events = data.source(&loaded.plan.source);
    let times = events.map_or(&[][..], |events| &events.times);
    let seen = |(row, entity): (&u32, u32)| {
        let time = || parent.source.times.get(*row as usize).copied();
        let from = parent.made.map_or(*row, |made| made.origin[*row as usize]);
        match precomputed.and_then(|seen| seen.get(from as usize)) {
            // The history of a drawn thing is another than that of the row's own; both are seen from a training row.
            Some(_) if drawn.is_some() => loaded.history.before((entity, true), time(), times),
            Some(seen) => *seen,
            // Rows of an entity have no time: they see everything, as requests without a time do.
            None => loaded.history.before((entity, false), time(), times),
        }
    };
    let lists: Vec<Seen> = parent.rows.iter().zip(entities).map(seen).collect();
    let mut set = RowSet {
        lengths: lists.iter().map(|list| list.len()).collect(),
        counted,
        ..RowSet::new(source, Vec::new())
    };
    if !counted {
        let elements = set.lengths.iter().map(|length| *length as usize);
        set.rows.reserve(elements.sum());
        for list in lists {
            set.rows.extend_from_slice(loaded.history.events(list));
        }
    }
    set
}

/// Drawn with replacement.
fn sampled(count: usize, sampler: &Sampler, name: &str, key: StepKey) -> Vec<u32> {
    let key = crate::random::Key::new(key.seed)
        .with(site_hash(name))
        .with(key.step);
    (0..count)
        .map(|at| sampler.draw(key.draw(at as u64)))
        .collect()
}

/// A source that holds the rows of a request, with the results of its row program.
pub(super) fn source_now(
    data: &Dataset,
    program: &Program,
    now: &Now,
) -> Result<Source, Diagnostic> {
    let of_stream = |handle: &&Handle| matches!(handle.rows, HandleRows::Stream(0));
    let name = program
        .handles
        .iter()
        .find(of_stream)
        .map_or("", |handle| handle.source.as_str());
    let Some(template) = source_named(&data.sources, name) else {
        let message = format!("internal: `{name}` is asked and is no source");
        return Err(Diagnostic::error(PLAN, Span::new(FileId(0), 0, 0), message));
    };
    let unknown = |target: &String| (target.clone(), vec![ABSENT_ROW; now.rows]);
    let mut references: BTreeMap<String, Vec<u32>> =
        template.references.keys().map(unknown).collect();
    references.extend(
        now.references
            .iter()
            .map(|(target, rows)| (target.clone(), rows.clone())),
    );
    let times = now.time.map_or_else(Vec::new, |time| vec![time; now.rows]);
    let mut source = Source {
        name: template.name.clone(),
        kind: template.kind,
        rows: now.rows,
        columns: now.known.clone(),
        seen: versions::seen(|name| data.source(name), &references, &times),
        versions: None,
        references,
        times,
        order: (0..now.rows as u32).collect(),
        parts: None,
        outputs: BTreeMap::new(),
        repeats: 0,
        left_out: crate::data::LeftOut::default(),
        bad: crate::data::BadCount::default(),
        maturity: None,
        wait: None,
        time: String::new(),
        origin: crate::data::source::Origin::default(),
        absent: BTreeMap::new(),
        key: Vec::new(),
        keys: None,
    };
    if let Some(program) = data.kernel(name) {
        source.outputs = outputs_now(data, program, &source)?;
    }
    Ok(source)
}

/// What the row program of events gives for rows that have not happened yet: columns that they lack are null.
pub(crate) fn outputs_now(
    data: &Dataset,
    program: &RowProgram,
    now: &Source,
) -> Result<BTreeMap<String, Column>, Diagnostic> {
    let kernel = program.kernel();
    let mut inputs = absent(kernel, now.rows);
    for (column, values) in &mut inputs.columns {
        if let Some(known) = now.columns.get(*column) {
            *values = Cow::Borrowed(known);
        }
    }
    for ((target, column), values) in &mut inputs.through {
        let rows = now.reads(target);
        if let Some(known) = rows.and_then(|rows| through(&data.sources, target, column, rows)) {
            *values = known;
        }
    }
    let first = kernel.code.iter().find_map(|inst| inst.span);
    let span = first.unwrap_or(Span::new(FileId(0), 0, 0));
    let outputs = program
        .run(&inputs, &data.fits)
        .map_err(|error| failed(&error, span))?;
    Ok(outputs.into_iter().collect())
}
