//! Rows drawn beside the rows of a batch: each has the references, time and history of its row, but another thing; its
//! labels are 0 or false, and other columns are null.

use std::borrow::Cow;
use std::collections::BTreeMap;

use reckon_compiler::hir::Except;
use reckon_compiler::plan::{Counted, NegativesPlan, SamplerPlan, StreamPlan};
use reckon_compiler::random::site_hash;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Span;
use reckon_kernel::{Column, RowProgram};

use super::candidates::{Known, counts};
use super::{AskedRows, StepKey};
use crate::data::Dataset;
use crate::data::program::{absent, failed, through};
use crate::data::sampler::Sampler;
use crate::data::source::Source;
use crate::data::versions;
use crate::random::Key;

/// Makes the drawn rows of a stream.
#[derive(Clone, Debug)]
pub(super) struct Beside {
    plan: NegativesPlan,
    sampler: Sampler,
    /// What is not drawn, by the rows of the other entity.
    known: Option<(String, Known)>,
    site: u64,
}

/// A batch with the rows drawn beside its rows, as a source of its own.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) source: Source,
    /// The row of the stream's source that each comes from.
    pub(super) origin: Vec<u32>,
    pub(super) sampled: Vec<bool>,
    pub(super) log_q: Vec<f32>,
    /// The entity of the drawn things.
    pub(super) entity: String,
}

/// The rows that draws go by: those that pass as the stream's do, and all that a user may have had.
fn counted(
    data: &Dataset,
    source: &Source,
    stream: &StreamPlan,
    plan: &NegativesPlan,
) -> (Vec<u32>, Vec<u32>) {
    match (plan.counted, stream.window) {
        (Counted::Before, Some(window)) => {
            let condition = stream.condition.as_deref();
            let rows = data.rows_before(source, window, condition);
            let rows = data.narrowed(stream, rows).rows;
            (rows, data.rows_before(source, window, None))
        }
        (Counted::Before, None) | (Counted::Stream, _) => {
            (data.stream_rows(stream), data.training_rows(&stream.source))
        }
    }
}

/// The smallest probability that a log is taken of: a row's own thing may be one that is never drawn.
const LEAST: f64 = 1e-12;

impl Beside {
    pub(super) fn new(
        data: &Dataset,
        stream: &StreamPlan,
        plan: &NegativesPlan,
    ) -> Result<Self, String> {
        let named = |name: &str| {
            data.source(name)
                .ok_or_else(|| format!("`{name}` is no source"))
        };
        let (source, entity) = (named(&stream.source)?, named(&plan.sampler.entity)?);
        let (rows, all) = counted(data, source, stream, plan);
        let sampler = match (plan.counted, rows.is_empty()) {
            (Counted::Before, true) => {
                let alike = SamplerPlan {
                    power: 0.0,
                    ..plan.sampler.clone()
                };
                Sampler::new(&alike, entity, &[])?
            }
            (Counted::Before, false) | (Counted::Stream, _) => Sampler::new(
                &plan.sampler,
                entity,
                &counts(source, &plan.sampler.entity, entity.rows, &rows)?,
            )?,
        };
        let user = source
            .references
            .keys()
            .find(|target| **target != plan.sampler.entity);
        let excluded = match plan.except {
            Except::Nothing => None,
            Except::Clicked => Some(rows),
            Except::Seen => Some(all),
        };
        let known = match (user, excluded) {
            (Some(user), Some(rows)) => {
                let users = named(user)?.rows;
                let known = Known::of(
                    source,
                    (user.as_str(), users),
                    (&plan.sampler.entity, entity.rows),
                    &rows,
                )?;
                Some((user.clone(), known))
            }
            (_, None) | (None, Some(_)) => None,
        };
        Ok(Self {
            plan: plan.clone(),
            sampler,
            known,
            site: site_hash(&stream.name),
        })
    }

    /// The rows of a batch, each followed by those drawn beside it.
    pub(super) fn make(&self, data: &Dataset, source: &Source, rows: &[u32], key: StepKey) -> Made {
        let entity = &self.plan.sampler.entity;
        let own = source.references.get(entity);
        let key = Key::new(key.seed).with(self.site).with(key.step);
        let (mut origin, mut things, mut sampled) = (Vec::new(), Vec::new(), Vec::new());
        for (place, row) in rows.iter().enumerate() {
            origin.push(*row);
            things.push(own.map_or(u32::MAX, |own| own[*row as usize]));
            sampled.push(false);
            for draw in 0..self.plan.count {
                let key = key.with((place * self.plan.count + draw) as u64);
                let own = own.map(|own| own[*row as usize]);
                if let Some(thing) = self.draw(source, *row, own, key) {
                    origin.push(*row);
                    things.push(thing);
                    sampled.push(true);
                }
            }
        }
        let log_q = |thing: &u32| self.sampler.probability(*thing as usize).max(LEAST).ln() as f32;
        let log_q = things.iter().map(log_q).collect();
        Made {
            source: self.source(data, source, &origin, things, &sampled),
            origin,
            sampled,
            log_q,
            entity: entity.clone(),
        }
    }

    /// Which rows a batch has, as an evaluation asks about them.
    pub(super) fn asked(&self, made: &Made) -> AskedRows {
        let things = made.source.references.get(&made.entity);
        let drawn = |at: usize| things.map(|things| things[at]).filter(|_| made.sampled[at]);
        let beside = (self.plan.count.max(1) as f32).ln();
        let log_count = |at: usize| match made.sampled[at] {
            true => made.log_q[at] + beside,
            false => 0.0,
        };
        AskedRows {
            of: made.origin.clone(),
            drawn: (0..made.origin.len()).map(drawn).collect(),
            log_counts: (0..made.origin.len()).map(log_count).collect(),
        }
    }

    /// A thing beside a row; none where its user has all that can be drawn.
    fn draw(&self, source: &Source, row: u32, own: Option<u32>, key: Key) -> Option<u32> {
        let refused = |thing: u32| {
            self.known.as_ref().is_some_and(|(user, known)| {
                // A row that does not train is not among what is known, and its own thing is not beside it either.
                if own == Some(thing) {
                    return true;
                }
                let user = source
                    .references
                    .get(user)
                    .map_or(u32::MAX, |users| users[row as usize]);
                known.contains(user, thing)
            })
        };
        self.sampler.draw_except(key, refused)
    }

    fn source(
        &self,
        data: &Dataset,
        from: &Source,
        origin: &[u32],
        things: Vec<u32>,
        sampled: &[bool],
    ) -> Source {
        let entity = &self.plan.sampler.entity;
        let take = |rows: &Vec<u32>| {
            origin
                .iter()
                .map(|row| rows[*row as usize])
                .collect::<Vec<u32>>()
        };
        let mut references: BTreeMap<String, Vec<u32>> = from
            .references
            .iter()
            .map(|(target, rows)| (target.clone(), take(rows)))
            .collect();
        references.insert(entity.clone(), things);
        let times: Vec<i64> = match from.times.is_empty() {
            true => Vec::new(),
            false => origin.iter().map(|row| from.times[*row as usize]).collect(),
        };
        let mut made = Source {
            name: from.name.clone(),
            kind: from.kind,
            rows: origin.len(),
            columns: BTreeMap::new(),
            seen: versions::seen(|name| data.source(name), &references, &times),
            versions: None,
            references,
            times,
            order: (0..origin.len() as u32).collect(),
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
        if let Some(program) = data.kernel(&from.name) {
            let outputs = self.outputs(program, data, from, origin, sampled, &made);
            made.outputs = outputs.unwrap_or_else(|error| {
                panic!(
                    "internal: the row program ran over all rows: {}",
                    error.message
                )
            });
        }
        made
    }

    fn outputs(
        &self,
        program: &RowProgram,
        data: &Dataset,
        from: &Source,
        origin: &[u32],
        sampled: &[bool],
        made: &Source,
    ) -> Result<BTreeMap<String, Column>, Diagnostic> {
        let kernel = program.kernel();
        let mut inputs = absent(kernel, origin.len());
        inputs.drawn = Some(sampled);
        for (name, column) in &mut inputs.columns {
            if let Some(known) = from.columns.get(*name) {
                *column = Cow::Owned(self.column(name, known, origin, sampled));
            }
        }
        for ((target, name), column) in &mut inputs.through {
            let rows = made.reads(target);
            if let Some(known) = rows.and_then(|rows| through(&data.sources, target, name, rows)) {
                *column = known;
            }
        }
        let first = kernel.code.iter().find_map(|inst| inst.span);
        let span = first.unwrap_or(Span::new(reckon_grammar::span::FileId(0), 0, 0));
        let outputs = program
            .run(&inputs, &data.fits)
            .map_err(|error| failed(&error, span))?;
        Ok(outputs.into_iter().collect())
    }

    /// A column at the rows of a batch: what drawn rows have of it.
    fn column(&self, name: &str, column: &Column, origin: &[u32], sampled: &[bool]) -> Column {
        let is = |names: &[String]| names.iter().any(|known| known == name);
        if is(&self.plan.kept) {
            return column.take(origin);
        }
        let own: Vec<u32> = origin
            .iter()
            .zip(sampled)
            .map(|(row, drawn)| if *drawn { u32::MAX } else { *row })
            .collect();
        let taken = column.take(&own);
        if !is(&self.plan.labels) {
            return taken;
        }
        // Where a row is null, its data holds 0 or false already.
        let valid = (0..taken.len())
            .map(|row| sampled[row] || !taken.is_null(row))
            .collect();
        Column::with_validity(taken.data, Some(valid))
    }
}
