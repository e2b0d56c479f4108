//! Days: which rows a day reads, and the item graphs that are made for it.

use reckon_compiler::plan::{LoopPlan, Plan, RowsPlan, Turn, WindowPlan};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Column, Data};

use super::grow::Until;
use super::neighbours::Neighbours;
use super::select::number;
use super::source::{ABSENT_ROW, Source};
use super::{Dataset, program};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A step of a loop, in microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Day {
    pub(super) begin: i64,
    pub(super) end: i64,
    /// How it prints: `2020-09-14`, with a time where days are not whole.
    pub(crate) label: String,
}

/// The day that is run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Today {
    day: Option<Day>,
    /// The next one that has rows.
    next: Option<Day>,
}

impl Today {
    /// The day that is run.
    pub(super) fn day(&self) -> Option<&Day> {
        self.day.as_ref()
    }

    /// Whether a row of this time is in a window.
    fn holds(&self, window: WindowPlan, time: i64) -> bool {
        let inside = |day: &Option<Day>| {
            let day = day.as_ref();
            day.is_some_and(|day| day.begin <= time && time < day.end)
        };
        match window {
            WindowPlan::Day => inside(&self.day),
            WindowPlan::NextDay => inside(&self.next),
            WindowPlan::Before(within) => self.day.as_ref().is_some_and(|day| {
                let oldest = within.map_or(i64::MIN, |within| day.begin.saturating_sub(within));
                oldest <= time && time < day.begin
            }),
        }
    }
}

/// The rows that an evaluation of a day asks about, and those before them.
pub(crate) struct AskedDay {
    /// How the asked day prints.
    pub(crate) label: String,
    begin: i64,
    end: i64,
}

impl AskedDay {
    /// For each row of a source 0 where it is before the asked day, 1 where it is of it, or [`super::NO_PART`].
    pub(crate) fn parts(&self, source: &Source) -> super::Parts {
        let part = |time: &i64| match *time {
            time if time < self.begin => 0,
            time if time < self.end => 1,
            _ => super::NO_PART,
        };
        super::Parts::of_names(
            vec!["past".to_owned(), self.label.clone()],
            source.times.iter().map(part).collect(),
        )
    }
}

impl Dataset {
    /// The days of a loop that have rows, in order.
    pub(crate) fn days(&self, plan: &LoopPlan) -> Vec<Day> {
        let times = self
            .source(&plan.source)
            .map_or(&[][..], |source| &source.times);
        let mut days: Vec<i64> = times.iter().map(|time| time.div_euclid(plan.by)).collect();
        days.sort_unstable();
        days.dedup();
        let day = |day: i64| Day {
            begin: day * plan.by,
            end: (day + 1) * plan.by,
            label: label(day * plan.by, plan.by),
        };
        days.into_iter().map(day).collect()
    }

    /// The loop is over: what is fitted now counts the rows of all days.
    pub(crate) fn end_days(&mut self) {
        self.today = Today::default();
        self.days.clear();
        self.wait_until_today();
    }

    /// Says how much rows count today whose labels become known later; before the loop begins as on its first day, and
    /// after it has ended by what is known at the end of the data.
    pub(super) fn wait_until_today(&mut self) {
        let today = self.today.day().or(self.days.first());
        let bounds = today.map_or((i64::MIN, i64::MIN), |day| (day.begin, day.end));
        for source in &mut self.sources {
            if let Some(wait) = &source.wait {
                source.maturity = Some(wait.on(&source.times, bounds));
            }
        }
    }

    /// Makes `at` the day that is run; `None` for no day.
    pub(crate) fn open_day(&mut self, days: &[Day], at: Option<usize>) {
        self.today = match at {
            Some(at) => Today {
                day: days.get(at).cloned(),
                next: days.get(at + 1).cloned(),
            },
            None => Today::default(),
        };
        self.wait_until_today();
    }

    /// How the day that is run prints.
    pub(crate) fn today(&self) -> Option<&str> {
        self.today.day.as_ref().map(|day| day.label.as_str())
    }

    /// What an evaluation over a window asks about today; nothing where there is no such day.
    pub(crate) fn asked_today(&self, window: WindowPlan) -> Option<AskedDay> {
        let of = |day: &Day| AskedDay {
            label: day.label.clone(),
            begin: day.begin,
            end: day.end,
        };
        match window {
            WindowPlan::Day => self.today.day.as_ref().map(of),
            WindowPlan::NextDay => self.today.next.as_ref().map(of),
            WindowPlan::Before(within) => self.today.day.as_ref().map(|day| AskedDay {
                label: format!("before {}", day.label),
                begin: within.map_or(i64::MIN, |within| day.begin.saturating_sub(within)),
                end: day.begin,
            }),
        }
    }

    /// The rows that happened before those that an evaluation over a window asks about today, or that it asks about where the
    /// window is the past; none where no day is run.
    pub(crate) fn rows_before(
        &self,
        source: &Source,
        window: WindowPlan,
        condition: Option<&str>,
    ) -> Vec<u32> {
        let until = self.today.day.as_ref().map(|day| match window {
            WindowPlan::NextDay => day.end,
            WindowPlan::Day | WindowPlan::Before(_) => day.begin,
        });
        let mut rows = self.rows(&source.name, None, condition);
        rows.retain(|row| {
            let time = source.times.get(*row as usize);
            time.zip(until).is_some_and(|(time, until)| *time < until)
        });
        rows
    }

    /// What tells the draws of one day from those of another.
    pub(crate) fn draws_of_today(&self) -> u64 {
        let day = self.today.day.as_ref();
        day.map_or(0, |day| day.begin.cast_unsigned())
    }

    /// Whether a row may be known today: none of a later day is. Outside of a loop all are.
    pub(crate) fn is_known_today(&self, source: &Source, row: usize) -> bool {
        let until = self.today.day.as_ref();
        until.is_none_or(|day| Until::before(day.end).has(source, row))
    }

    /// Leaves the rows of a window; a window outside of a day has none.
    pub(crate) fn bound(&self, rows: &mut Vec<u32>, source: &Source, window: Option<WindowPlan>) {
        if let Some(window) = window {
            rows.retain(|row| {
                let time = source.times.get(*row as usize);
                time.is_some_and(|time| self.today.holds(window, *time))
            });
        }
    }

    /// Rows that are read as they are: of a window, or those that train.
    pub(crate) fn rows_of(&self, plan: &RowsPlan) -> Vec<u32> {
        let Some(source) = self.source(&plan.source) else {
            return Vec::new();
        };
        let part = source.parts.as_ref().and_then(|parts| parts.names.first());
        let condition = plan.condition.as_deref();
        let mut rows = self.rows(&plan.source, part.map(String::as_str), condition);
        self.bound(&mut rows, source, plan.window);
        rows
    }

    /// Makes an item graph and the columns that read it, and computes what reads those.
    ///
    /// # Errors
    /// A row program that reads them cannot run.
    pub(crate) fn make_graph(&mut self, plan: &Plan, at: usize) -> Result<(), Vec<Diagnostic>> {
        let graph = &plan.graphs[at];
        let size = |name: &str| self.source(name).map_or(0, |source| source.rows);
        let source = self.source(&graph.rows.source);
        let ends = source.and_then(|source| {
            let (people, things) = (&graph.people, &graph.things);
            Some((
                source.references.get(people)?,
                source.references.get(things)?,
            ))
        });
        let pairs = self.rows_of(&graph.rows).into_iter().filter_map(|row| {
            let (people, things) = ends?;
            let weight = match (&graph.weight, source) {
                (Some(output), Some(source)) => number(source, output, row),
                (None, _) | (_, None) => 1.0,
            };
            Some((people[row as usize], things[row as usize], weight))
        });
        let sizes = (size(&graph.people), size(&graph.things));
        let neighbours = Neighbours::new(&graph.nearness, pairs, sizes);
        let mut made = Vec::new();
        for affinity in plan
            .affinities
            .iter()
            .filter(|affinity| affinity.graph == at)
        {
            let seeds = self.source(&affinity.seeds.source);
            let things = seeds.and_then(|source| source.references.get(&graph.things));
            let rows = self.rows_of(&affinity.seeds).into_iter();
            let seeds = rows.map(|row| things.map_or(ABSENT_ROW, |things| things[row as usize]));
            made.push((affinity.column.clone(), neighbours.affinity(seeds)));
        }
        for (column, values) in made {
            self.set_column(&graph.things, &column, Column::new(Data::Float(values)));
        }
        let columns: Vec<&str> = plan
            .affinities
            .iter()
            .filter(|affinity| affinity.graph == at)
            .map(|affinity| affinity.column.as_str())
            .collect();
        self.refresh(plan, |kernel, output| {
            let mut columns = columns.iter();
            columns.any(|column| program::reads(kernel, output, &graph.things, column))
        })
    }

    fn set_column(&mut self, source: &str, name: &str, values: Column) {
        let mut sources = self.sources.iter_mut();
        if let Some(source) = sources.find(|known| known.name == source) {
            source.columns.insert(name.to_owned(), values);
        }
    }
}

/// Columns of item graphs that have not been made: nothing is near.
pub(super) fn empty_columns(plan: &Plan, sources: &mut [Source]) {
    for affinity in &plan.affinities {
        let things = &plan.graphs[affinity.graph].things;
        if let Some(source) = sources.iter_mut().find(|source| source.name == *things) {
            let nothing = Column::new(Data::Float(vec![0.0; source.rows]));
            source.columns.insert(affinity.column.clone(), nothing);
        }
    }
}

/// The graphs that are made once, before anything is trained.
pub(super) fn graphs_made_once(plan: &Plan) -> Vec<usize> {
    let daily = plan.daily.iter().flat_map(|daily| &daily.turns);
    let daily: Vec<&Turn> = daily.collect();
    (0..plan.graphs.len())
        .filter(|at| !daily.contains(&&Turn::Graph(*at)))
        .collect()
}

/// An instant as text: the date, and the time where steps are not whole days.
fn label(time: i64, by: i64) -> String {
    let (days, rest) = (time.div_euclid(DAY), time.rem_euclid(DAY) / SECOND);
    let (year, month, day) = date(days);
    let date = format!("{year:04}-{month:02}-{day:02}");
    match by % DAY {
        0 => date,
        _ => format!(
            "{date}T{:02}:{:02}:{:02}",
            rest / 3600,
            rest / 60 % 60,
            rest % 60
        ),
    }
}

/// Year, month and day of a number of days since 1970, in the Gregorian calendar: years begin in March, so that the leap
/// day is the last.
pub(super) fn date(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_print_as_dates_in_utc() {
        assert_eq!(label(0, DAY), "1970-01-01");
        assert_eq!(label(1_600_041_600 * SECOND, DAY), "2020-09-14");
        assert_eq!(label(951_782_400 * SECOND, DAY), "2000-02-29");
        assert_eq!(label(-DAY, DAY), "1969-12-31");
        assert_eq!(
            label(1_600_041_600 * SECOND + 6 * 3600 * SECOND, DAY / 4),
            "2020-09-14T06:00:00"
        );
    }

    fn day(begin: i64) -> Day {
        Day {
            begin,
            end: begin + 10,
            label: begin.to_string(),
        }
    }

    #[test]
    fn windows_hold_their_first_instant_and_not_their_end() {
        let today = Today {
            day: Some(day(100)),
            next: Some(day(120)),
        };
        let held = |window| {
            let times = 0..200_i64;
            let held: Vec<i64> = times.filter(|time| today.holds(window, *time)).collect();
            (held.first().copied(), held.last().copied(), held.len())
        };
        assert_eq!(held(WindowPlan::Day), (Some(100), Some(109), 10));
        assert_eq!(held(WindowPlan::NextDay), (Some(120), Some(129), 10));
        assert_eq!(held(WindowPlan::Before(Some(30))), (Some(70), Some(99), 30));
        assert_eq!(held(WindowPlan::Before(None)), (Some(0), Some(99), 100));
    }

    #[test]
    fn outside_of_a_day_windows_are_empty() {
        let windows = [
            WindowPlan::Day,
            WindowPlan::NextDay,
            WindowPlan::Before(None),
        ];
        assert!(
            windows
                .iter()
                .all(|window| !Today::default().holds(*window, 5))
        );
    }
}
