//! Tables of scores: what a teacher said of pairs, joined to events by their keys and as of their time.

use std::cmp::Ordering;
use std::path::Path;

use reckon_compiler::plan::{Plan, ScoresPlan};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Column, Data};
use serde::Serialize;

use super::fault::PLAN;
use super::source::Source;
use super::table::{self, Table};

/// How many rows of events found scores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScoresReport {
    /// The teacher.
    pub teacher: String,
    /// The events.
    pub source: String,
    /// The rows of the table.
    pub rows: usize,
    /// Rows of events with scores.
    pub found: usize,
    /// Rows of events without: no score of their pair is old enough.
    pub missing: usize,
}

/// Reads the tables of a plan and puts their scores beside the rows of events, null where there are none.
pub(super) fn join(
    plan: &Plan,
    root: &Path,
    sources: &mut [Source],
) -> Result<Vec<ScoresReport>, Vec<Diagnostic>> {
    let (mut reports, mut sink) = (Vec::new(), Vec::new());
    for scores in &plan.scores {
        let source = sources.iter_mut().find(|known| known.name == scores.source);
        let read = table::read(&scores.table, root);
        match (source, read) {
            (Some(source), Ok(table)) => match join_one(scores, &table, source) {
                Some(report) => reports.push(report),
                None => sink.push(misses(scores)),
            },
            (None, Ok(_)) => sink.push(misses(scores)),
            (_, Err(mut diagnostics)) => sink.append(&mut diagnostics),
        }
    }
    match sink.is_empty() {
        true => Ok(reports),
        false => Err(sink),
    }
}

fn misses(scores: &ScoresPlan) -> Diagnostic {
    let message = format!(
        "internal: the scores of `{}` miss a column of `{}`",
        scores.teacher, scores.source
    );
    Diagnostic::error(PLAN, scores.span, message)
}

/// `None` where a column is missing or of another kind, which the checker has looked at.
fn join_one(scores: &ScoresPlan, table: &Table, source: &mut Source) -> Option<ScoresReport> {
    let dated = |columns, rows| Dated::of(&scores.on, &scores.time, columns, rows);
    let said = dated(&table.columns, table.rows)?;
    let asked = dated(&source.columns, source.rows)?;
    let mut order: Vec<u32> = (0..table.rows as u32)
        .filter(|row| said.is_whole(*row as usize))
        .collect();
    order.sort_unstable_by(|a, b| {
        let (x, y) = (*a as usize, *b as usize);
        said.cmp_keys(x, &said, y)
            .then_with(|| said.times[x].cmp(&said.times[y]))
            .then(a.cmp(b))
    });
    let latest = |row: usize| -> u32 {
        let before = asked.times[row].saturating_sub(scores.lag);
        let end = order.partition_point(|at| {
            let at = *at as usize;
            said.cmp_keys(at, &asked, row)
                .then_with(|| said.times[at].cmp(&before))
                .is_lt()
        });
        let last = end.checked_sub(1).map(|last| order[last]);
        let own = |at: &u32| said.cmp_keys(*at as usize, &asked, row).is_eq();
        last.filter(own).unwrap_or(u32::MAX)
    };
    let places: Vec<u32> = (0..source.rows)
        .map(|row| match asked.is_whole(row) {
            true => latest(row),
            false => u32::MAX,
        })
        .collect();
    let found = places.iter().filter(|place| **place != u32::MAX).count();
    for (head, column) in &scores.heads {
        let values = table.columns.get(head)?.take(&places);
        source.columns.insert(column.clone(), values);
    }
    Some(ScoresReport {
        teacher: scores.teacher.clone(),
        source: scores.source.clone(),
        rows: table.rows,
        found,
        missing: source.rows - found,
    })
}

/// Rows with keys and a time.
pub(super) struct Dated<'c> {
    keys: Vec<&'c Column>,
    time: &'c Column,
    pub(super) times: &'c [i64],
}

impl<'c> Dated<'c> {
    /// `None` where a column is missing or of another kind.
    pub(super) fn of(
        on: &[String],
        time: &str,
        columns: &'c std::collections::BTreeMap<String, Column>,
        rows: usize,
    ) -> Option<Self> {
        let time = columns.get(time)?;
        let Data::Int(times) = &time.data else {
            return None;
        };
        let keys: Vec<&Column> = on
            .iter()
            .map(|name| columns.get(name))
            .collect::<Option<_>>()?;
        let fits = times.len() == rows && keys.iter().all(|key| key.len() == rows);
        fits.then_some(Self { keys, time, times })
    }

    /// Whether a row has all of its keys and a time.
    pub(super) fn is_whole(&self, row: usize) -> bool {
        !self.time.is_null(row) && self.keys.iter().all(|key| !key.is_null(row))
    }

    pub(super) fn cmp_keys(&self, row: usize, other: &Self, at: usize) -> Ordering {
        let keys = self.keys.iter().zip(&other.keys);
        keys.fold(Ordering::Equal, |order, (key, other)| {
            order.then_with(|| match (&key.data, &other.data) {
                (Data::Int(x), Data::Int(y)) => x[row].cmp(&y[at]),
                (Data::Str(x), Data::Str(y)) => x.get(row).cmp(y.get(at)),
                // The checker lets whole numbers and texts through, of one kind on both sides.
                (
                    Data::Int(_) | Data::Str(_) | Data::Float(_) | Data::Bool(_) | Data::List(_),
                    _,
                ) => Ordering::Equal,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::data::{BadCount, LeftOut};
    use reckon_compiler::plan::{BadRows, Immature, SourceKind, SourcePlan};
    use reckon_grammar::span::{FileId, Span};

    const DAY: i64 = 86_400;

    fn ints(values: &[i64]) -> Column {
        Column::new(Data::Int(values.to_vec()))
    }

    fn scores() -> ScoresPlan {
        let span = Span::new(FileId(0), 0, 0);
        ScoresPlan {
            teacher: "reader".to_owned(),
            source: "log".to_owned(),
            table: SourcePlan {
                name: "reader".to_owned(),
                kind: SourceKind::Events,
                paths: Vec::new(),
                columns: Vec::new(),
                key: Vec::new(),
                references: Vec::new(),
                time: None,
                versions: None,
                computed: Vec::new(),
                condition: None,
                unique: Vec::new(),
                on_bad_row: BadRows::Fail,
                immature: Immature::Drop,
                span,
            },
            on: vec!["user".to_owned(), "thing".to_owned()],
            time: "at".to_owned(),
            lag: DAY,
            heads: vec![("click".to_owned(), "reader.click".to_owned())],
            span,
        }
    }

    fn columns(
        users: &[i64],
        things: &[i64],
        times: &[i64],
        clicks: &[f64],
    ) -> BTreeMap<String, Column> {
        BTreeMap::from([
            ("user".to_owned(), ints(users)),
            ("thing".to_owned(), ints(things)),
            ("at".to_owned(), ints(times)),
            (
                "click".to_owned(),
                Column::new(Data::Float(clicks.to_vec())),
            ),
        ])
    }

    /// What each row of events sees.
    fn seen(table: BTreeMap<String, Column>, events: BTreeMap<String, Column>) -> Vec<Option<f64>> {
        let rows = events["at"].len();
        let table = Table {
            rows: table["at"].len(),
            columns: table,
            ..Table::default()
        };
        let mut source = Source {
            name: "log".to_owned(),
            kind: SourceKind::Events,
            rows,
            columns: events,
            references: BTreeMap::new(),
            seen: BTreeMap::new(),
            versions: None,
            times: Vec::new(),
            order: Vec::new(),
            parts: None,
            outputs: BTreeMap::new(),
            repeats: 0,
            left_out: LeftOut::default(),
            bad: BadCount::default(),
            maturity: None,
            wait: None,
            time: String::new(),
            origin: crate::data::source::Origin::default(),
            absent: BTreeMap::new(),
            key: Vec::new(),
            keys: None,
        };
        let report = join_one(&scores(), &table, &mut source).unwrap();
        let column = &source.columns["reader.click"];
        let Data::Float(values) = &column.data else {
            panic!("{column:?}");
        };
        let seen: Vec<Option<f64>> = (0..rows)
            .map(|row| (!column.is_null(row)).then(|| values[row]))
            .collect();
        assert_eq!(report.found, seen.iter().flatten().count());
        assert_eq!(report.missing, rows - report.found);
        seen
    }

    #[test]
    fn a_row_sees_the_latest_score_of_its_pair_that_is_older_than_a_day() {
        let table = columns(
            &[1, 1, 1, 2],
            &[7, 7, 7, 7],
            &[3 * DAY, 0, DAY, 0],
            &[0.3, 0.1, 0.2, 0.9],
        );
        let events = columns(
            &[1, 1, 1, 1, 3],
            &[7, 7, 7, 8, 7],
            &[2 * DAY, 2 * DAY + 1, 9 * DAY, 9 * DAY, 9 * DAY],
            &[0.0; 5],
        );
        // At two days sharp the score of the first day is a day old and not older.
        let expected = [Some(0.1), Some(0.2), Some(0.3), None, None];
        assert_eq!(seen(table, events), expected);
    }

    #[test]
    fn of_scores_of_one_time_the_last_counts_and_rows_without_a_key_see_none() {
        let table = columns(&[1, 1], &[7, 7], &[0, 0], &[0.1, 0.2]);
        let mut events = columns(&[1, 1], &[7, 7], &[9 * DAY, 9 * DAY], &[0.0; 2]);
        let user = Column::with_validity(Data::Int(vec![1, 1]), Some(vec![true, false]));
        events.insert("user".to_owned(), user);
        assert_eq!(seen(table, events), [Some(0.2), None]);
    }
}
