//! What a retrieval evaluation asks: which rows, with which targets, and what the asking user already had.

use std::sync::OnceLock;

/// The row number of an entity that is absent.
pub(crate) const ABSENT: u32 = u32::MAX;

/// The rows of an events source as retrieval sees them.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventRows {
    /// The row of the asking entity, or [`ABSENT`].
    pub(crate) asker: Vec<u32>,
    /// The row of the entity that is ranked, or [`ABSENT`].
    pub(crate) item: Vec<u32>,
    /// When, in microseconds.
    pub(crate) time: Vec<i64>,
    /// Which part of the split, in its order: 0 trains.
    pub(crate) part: Vec<u8>,
    /// Whether the row satisfies the condition of the evaluation.
    pub(crate) passes: Vec<bool>,
    /// Rows of the asking entity.
    pub(crate) askers: usize,
    /// Rows of the entity that is ranked.
    pub(crate) items: usize,
    /// Made when it is first asked for.
    pub(crate) by_asker: OnceLock<ByAsker>,
}

/// Rows grouped by asker, then by time, ties in row order.
#[derive(Clone, Debug)]
pub(crate) struct ByAsker {
    rows: Vec<u32>,
    /// Where the rows of each asker begin, and where those of the last end.
    starts: Vec<u32>,
}

impl EventRows {
    fn rows_of(&self, asker: u32) -> &[u32] {
        if asker == ABSENT {
            return &[];
        }
        let asker = asker as usize;
        let ByAsker { rows, starts } = self.by_asker.get_or_init(|| by_asker(self));
        &rows[starts[asker] as usize..starts[asker + 1] as usize]
    }

    /// The distinct items of each asker over the training rows that pass, ascending.
    pub(crate) fn training_baskets(&self) -> Vec<Vec<u32>> {
        let mut baskets = vec![Vec::new(); self.askers];
        for row in self
            .training_rows()
            .filter(|row| self.asker[*row] != ABSENT)
        {
            baskets[self.asker[row] as usize].push(self.item[row]);
        }
        for basket in &mut baskets {
            basket.sort_unstable();
            basket.dedup();
        }
        baskets
    }

    /// How many training rows that pass refer to each item.
    pub(crate) fn training_counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.items];
        for row in self.training_rows() {
            counts[self.item[row] as usize] += 1;
        }
        counts
    }

    fn training_rows(&self) -> impl Iterator<Item = usize> {
        (0..self.item.len())
            .filter(|row| self.part[*row] == 0 && self.passes[*row] && self.item[*row] != ABSENT)
    }
}

/// How often is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// Once for each asker with a target, at its first row of the part.
    PerAsker,
    /// Once for each row of the part that passes.
    PerRow,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    /// The row at whose time is asked.
    pub(crate) row: u32,
    /// The items to be found, ascending, at least one.
    pub(crate) targets: Vec<u32>,
}

/// All questions about one part of a split.
pub(crate) struct Asked<'a> {
    /// The rows.
    pub(crate) events: &'a EventRows,
    /// In the order of the askers, or of the rows.
    pub(crate) queries: Vec<Query>,
    /// Askers (or rows) of the part without a known target.
    pub(crate) without_targets: usize,
    part: u8,
}

impl<'a> Asked<'a> {
    /// The questions about `part`.
    pub(crate) fn new(events: &'a EventRows, part: u8, asking: Asking) -> Self {
        let mut asked = Self {
            events,
            queries: Vec::new(),
            without_targets: 0,
            part,
        };
        let queries: Vec<Query> = match asking {
            Asking::PerAsker => (0..events.askers)
                .filter_map(|asker| asked.of_asker(asker))
                .collect(),
            Asking::PerRow => (0..events.item.len())
                .filter_map(|row| asked.of_row(row))
                .collect(),
        };
        let all = queries.len();
        asked.queries = queries
            .into_iter()
            .filter(|query| !query.targets.is_empty())
            .collect();
        asked.without_targets = all - asked.queries.len();
        asked
    }

    /// What the asker of a query had before it, ascending, its targets left out: items of earlier parts and of rows
    /// strictly before, whether they pass or not.
    pub(crate) fn seen(&self, query: &Query) -> Vec<u32> {
        let mut seen = self.earlier_items(query, |_| true);
        seen.retain(|item| query.targets.binary_search(item).is_err());
        seen
    }

    /// What a baseline may know of the asker: the items of earlier rows that pass, ascending.
    pub(crate) fn basket(&self, query: &Query) -> Vec<u32> {
        self.earlier_items(query, |row| self.events.passes[row])
    }

    fn earlier_items(&self, query: &Query, keep: impl Fn(usize) -> bool) -> Vec<u32> {
        let events = self.events;
        let asked_at = events.time[query.row as usize];
        let earlier = |row: usize| events.part[row] < self.part || events.time[row] < asked_at;
        let rows = events
            .rows_of(events.asker[query.row as usize])
            .iter()
            .map(|row| *row as usize);
        distinct(
            rows.filter(|row| earlier(*row) && keep(*row))
                .map(|row| events.item[row]),
        )
    }

    /// The rows of an asker by time; none for an absent one, whose rows are not known to be those of one user.
    fn of_asker(&self, asker: usize) -> Option<Query> {
        let in_part = |row: &&u32| self.events.part[**row as usize] == self.part;
        let mut rows = self
            .events
            .rows_of(asker as u32)
            .iter()
            .filter(in_part)
            .peekable();
        let row = **rows.peek()?;
        let passing = rows
            .map(|row| *row as usize)
            .filter(|row| self.events.passes[*row]);
        Some(Query {
            row,
            targets: distinct(passing.map(|row| self.events.item[row])),
        })
    }

    fn of_row(&self, row: usize) -> Option<Query> {
        let asks = self.events.part[row] == self.part && self.events.passes[row];
        asks.then(|| Query {
            row: row as u32,
            targets: distinct([self.events.item[row]].into_iter()),
        })
    }
}

/// The present ones of some items, ascending, each once.
fn distinct(items: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut items: Vec<u32> = items.filter(|item| *item != ABSENT).collect();
    items.sort_unstable();
    items.dedup();
    items
}

fn by_asker(events: &EventRows) -> ByAsker {
    let mut rows: Vec<u32> = (0..events.asker.len())
        .filter(|row| events.asker[*row] != ABSENT)
        .map(|row| row as u32)
        .collect();
    rows.sort_by_key(|row| (events.asker[*row as usize], events.time[*row as usize]));
    let mut starts = vec![0; events.askers + 1];
    for row in &rows {
        starts[events.asker[*row as usize] as usize + 1] += 1;
    }
    for asker in 0..events.askers {
        starts[asker + 1] += starts[asker];
    }
    ByAsker { rows, starts }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows as (asker, item, time, part, passes).
    fn events(rows: &[(u32, u32, i64, u8, bool)]) -> EventRows {
        EventRows {
            asker: rows.iter().map(|row| row.0).collect(),
            item: rows.iter().map(|row| row.1).collect(),
            time: rows.iter().map(|row| row.2).collect(),
            part: rows.iter().map(|row| row.3).collect(),
            passes: rows.iter().map(|row| row.4).collect(),
            askers: 3,
            items: 6,
            by_asker: OnceLock::new(),
        }
    }

    #[test]
    fn one_query_a_user_stands_at_the_first_row_of_the_part_with_all_passing_rows_as_targets() {
        let events = events(&[
            (1, 4, 30, 2, true),
            (1, 0, 10, 2, false),
            (1, 3, 20, 2, true),
            (1, 2, 5, 0, true),
            (0, 1, 5, 0, true),
        ]);
        let asked = Asked::new(&events, 2, Asking::PerAsker);
        assert_eq!(
            asked.queries,
            [Query {
                row: 1,
                targets: vec![3, 4]
            }]
        );
    }

    #[test]
    fn users_whose_rows_all_fail_the_condition_are_counted_and_not_asked() {
        let events = events(&[(0, 1, 1, 1, false), (1, 1, 1, 1, true)]);
        let asked = Asked::new(&events, 1, Asking::PerAsker);
        assert_eq!((asked.queries.len(), asked.without_targets), (1, 1));
    }

    #[test]
    fn seen_is_earlier_parts_and_strictly_earlier_rows_whether_they_pass_or_not_but_never_a_target()
    {
        let events = events(&[
            (0, 0, 1, 0, false),
            (0, 1, 2, 0, true),
            (0, 2, 3, 1, true),
            (0, 1, 4, 2, true),
            (0, 3, 4, 2, true),
            (0, 5, 9, 0, true),
        ]);
        let asked = Asked::new(&events, 2, Asking::PerAsker);
        let query = &asked.queries[0];
        assert_eq!(
            asked.seen(query),
            [0, 2, 5],
            "1 is a target; the late row belongs to an earlier part"
        );
        assert_eq!(asked.basket(query), [1, 2, 5], "0 does not pass");
    }

    #[test]
    fn one_query_a_row_sees_the_rows_before_it_and_not_those_of_the_same_instant() {
        let events = events(&[
            (0, 0, 1, 1, true),
            (0, 1, 2, 1, true),
            (0, 2, 2, 1, true),
            (2, 3, 3, 1, false),
        ]);
        let asked = Asked::new(&events, 1, Asking::PerRow);
        let targets: Vec<_> = asked.queries.iter().map(|query| query.targets[0]).collect();
        assert_eq!(targets, [0, 1, 2]);
        assert_eq!(asked.seen(&asked.queries[2]), [0]);
    }

    #[test]
    fn absent_items_are_neither_targets_nor_seen() {
        let events = events(&[
            (0, ABSENT, 1, 0, true),
            (0, ABSENT, 2, 1, true),
            (0, 4, 3, 1, true),
        ]);
        let asked = Asked::new(&events, 1, Asking::PerAsker);
        assert_eq!(
            asked.queries,
            [Query {
                row: 1,
                targets: vec![4]
            }]
        );
        assert!(asked.seen(&asked.queries[0]).is_empty());
    }
}
