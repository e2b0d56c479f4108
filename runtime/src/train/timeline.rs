//! The turns of a run: trainings one after another, then what a loop runs, day by day.

use reckon_compiler::plan::{Plan, Turn};

use crate::data::{Dataset, Day};

/// What a run does, in order.
pub(crate) struct Timeline {
    turns: Vec<(Option<usize>, Turn)>,
    /// The days of the loop.
    pub(crate) days: Vec<Day>,
}

/// What has been begun by a point of a timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Trainings, by number: their parameters exist.
    pub(crate) phases: Vec<usize>,
    /// Whether the loop has begun: the parameters of all that it runs exist.
    pub(crate) daily: bool,
}

impl Timeline {
    pub(crate) fn new(plan: &Plan, data: &Dataset) -> Self {
        let daily = plan.daily.as_ref();
        let of_the_loop: Vec<Turn> = daily.map_or_else(Vec::new, |daily| daily.turns.clone());
        let days = daily.map_or_else(Vec::new, |daily| data.days(daily));
        let mut turns: Vec<(Option<usize>, Turn)> = (0..plan.phases.len())
            .map(Turn::Train)
            .filter(|turn| !of_the_loop.contains(turn))
            .map(|turn| (None, turn))
            .collect();
        for day in 0..days.len() {
            turns.extend(of_the_loop.iter().map(|turn| (Some(day), *turn)));
        }
        Self { turns, days }
    }

    /// The number of turns.
    pub(crate) fn len(&self) -> usize {
        self.turns.len()
    }

    /// A turn with its day.
    pub(crate) fn at(&self, at: usize) -> Option<(Option<usize>, Turn)> {
        self.turns.get(at).copied()
    }

    /// The turns of the same day before this one.
    pub(crate) fn earlier_today(&self, at: usize) -> &[(Option<usize>, Turn)] {
        let day = self.turns[at].0;
        let first = self.turns.iter().position(|(other, _)| *other == day);
        &self.turns[first.unwrap_or(at)..at]
    }

    /// What has been begun before turn `end`.
    pub(crate) fn reached(&self, end: usize) -> Reached {
        let mut reached = Reached::default();
        for (day, turn) in &self.turns[..end.min(self.turns.len())] {
            match (day, turn) {
                (Some(_), _) => reached.daily = true,
                (None, Turn::Train(phase)) => reached.phases.push(*phase),
                (None, Turn::Graph(_) | Turn::Column(_) | Turn::Evaluate(_)) => {}
            }
        }
        reached
    }
}
