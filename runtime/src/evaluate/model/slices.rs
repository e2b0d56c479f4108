//! The slices that a plan asks for.

use std::collections::BTreeMap;

use reckon_compiler::plan::SlicePlan;
use reckon_kernel::{Column, Data};

use super::{Frame, unknown};
use crate::data::{ABSENT_ROW, Source};
use crate::evaluate::queries::EventRows;
use crate::evaluate::slice::{Members, Slice, by_popularity};
use crate::failure::Failure;

/// A slice of a retrieval over `entity`: by target where it reads the ranked entity, by query row else.
pub(super) fn retrieval(
    frame: Frame<'_>,
    plan: &SlicePlan,
    rows: &EventRows,
    entity: &str,
) -> Result<Slice, Failure> {
    match plan {
        SlicePlan::Popularity { entity, groups } => {
            Ok(by_popularity(rows, entity, (*groups).max(1)))
        }
        SlicePlan::Output { source, output } if source == entity => {
            let (ranked, column) = output_of(frame, source, output)?;
            let (groups, members) = groups(column, 0..ranked.rows);
            Ok(Slice {
                by: format!("{source}.{output}"),
                groups,
                members: Members::Items(members),
            })
        }
        SlicePlan::Output { source, output } => by_output(frame, source, output),
    }
}

/// A slice of scored rows, by row, or by what a row refers to of the named entity.
pub(super) fn ranking(
    frame: Frame<'_>,
    plan: &SlicePlan,
) -> Result<(Slice, Option<String>), Failure> {
    match plan {
        SlicePlan::Output { source, output } => Ok((by_output(frame, source, output)?, None)),
        SlicePlan::Popularity { entity, groups } => {
            let item = references(frame, entity)?;
            let rows = EventRows {
                asker: vec![ABSENT_ROW; frame.events.rows],
                item: item.clone(),
                time: vec![0; frame.events.rows],
                part: frame.parts(),
                passes: frame.passes(),
                askers: 0,
                items: frame.data.source(entity).map_or(0, |source| source.rows),
                ..EventRows::default()
            };
            let slice = by_popularity(&rows, entity, (*groups).max(1));
            Ok((slice, Some(entity.clone())))
        }
    }
}

/// By an output of the events themselves, or of an entity that they refer to.
fn by_output(frame: Frame<'_>, source: &str, output: &str) -> Result<Slice, Failure> {
    let (read, column) = output_of(frame, source, output)?;
    let (groups, members) = if source == frame.plan.source {
        groups(column, 0..read.rows)
    } else {
        // An absent thing reads the outputs after the last row.
        groups(
            column,
            reads(frame, source)?
                .iter()
                .map(|row| (*row as usize).min(read.rows)),
        )
    };
    Ok(Slice {
        by: format!("{source}.{output}"),
        groups,
        members: Members::Rows(members),
    })
}

fn references<'a>(frame: Frame<'a>, entity: &str) -> Result<&'a Vec<u32>, Failure> {
    let known = frame.events.references.keys().map(String::as_str);
    frame
        .events
        .references
        .get(entity)
        .ok_or_else(|| unknown(frame.plan, "reference", entity, known))
}

/// For each row the row of an entity whose outputs it reads.
fn reads<'a>(frame: Frame<'a>, entity: &str) -> Result<&'a Vec<u32>, Failure> {
    match frame.events.reads(entity) {
        Some(rows) => Ok(rows),
        None => references(frame, entity),
    }
}

fn output_of<'a>(
    frame: Frame<'a>,
    source: &str,
    output: &str,
) -> Result<(&'a Source, &'a Column), Failure> {
    let names = frame.data.sources.iter().map(|source| source.name.as_str());
    let read = frame
        .data
        .source(source)
        .ok_or_else(|| unknown(frame.plan, "source", source, names))?;
    let known = read.outputs.keys().map(String::as_str);
    let column = read
        .outputs
        .get(output)
        .ok_or_else(|| unknown(frame.plan, "output", output, known))?;
    Ok((read, column))
}

/// The distinct values in order, and which one each row has.
fn groups(column: &Column, rows: impl Iterator<Item = usize>) -> (Vec<String>, Vec<u32>) {
    match &column.data {
        Data::Bool(values) => number(rows.map(|row| values[row]), |value| value.to_string()),
        Data::Int(values) => number(rows.map(|row| values[row]), |value| value.to_string()),
        Data::Float(values) => {
            let sortable = |value: f64| {
                let bits = (value + 0.0).to_bits();
                if bits >> 63 == 1 {
                    !bits
                } else {
                    bits | 1 << 63
                }
            };
            let named: BTreeMap<u64, f64> = values
                .iter()
                .map(|value| (sortable(*value), *value))
                .collect();
            number(rows.map(|row| sortable(values[row])), |bits| {
                named[bits].to_string()
            })
        }
        Data::Str(values) => number(rows.map(|row| values.get(row)), |value| (*value).to_owned()),
        Data::List(lists) => number(rows.map(|row| lists.range(row).len()), |count| {
            format!("{count} elements")
        }),
    }
}

fn number<T: Ord>(
    values: impl Iterator<Item = T>,
    name: impl Fn(&T) -> String,
) -> (Vec<String>, Vec<u32>) {
    let values: Vec<T> = values.collect();
    let mut distinct: BTreeMap<&T, u32> = values.iter().map(|value| (value, 0)).collect();
    for (at, number) in distinct.values_mut().enumerate() {
        *number = at as u32;
    }
    let names = distinct.keys().map(|value| name(value)).collect();
    (names, values.iter().map(|value| distinct[value]).collect())
}
