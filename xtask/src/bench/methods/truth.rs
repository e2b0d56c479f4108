//! What is read of runs and worlds to set one against the other.

use super::Runs;
use crate::{
    bench::reckon::{LAST_PARTS, read_json},
    trouble::Trouble,
};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

impl Runs {
    /// A metric of an evaluation on its last part.
    pub(super) fn metric(&self, arm: &str, evaluation: &str, metric: &str) -> Result<f64, Trouble> {
        let report = self.report(arm, evaluation)?;
        number(&report["metrics"][metric], metric)
    }

    /// A metric of one group of a slice.
    pub(super) fn slice(
        &self,
        arm: &str,
        evaluation: &str,
        group: &str,
        metric: &str,
    ) -> Result<f64, Trouble> {
        let report = self.report(arm, evaluation)?;
        let slices = report["slices"].as_array().into_iter().flatten();
        let found = slices.clone().find(|slice| slice["group"] == group);
        number(
            &found.map_or(&Value::Null, |slice| &slice["metrics"])[metric],
            group,
        )
    }

    fn report(&self, arm: &str, evaluation: &str) -> Result<Value, Trouble> {
        let run = self.arm(arm)?;
        let summary = read_json(&run.join("summary.json"))?;
        let reports = summary["reports"].as_array().into_iter().flatten();
        let of_test = reports
            .filter(|report| report["evaluation"] == evaluation)
            .find(|report| LAST_PARTS.iter().any(|part| report["split"] == *part));
        of_test
            .cloned()
            .ok_or_else(|| missing(&format!("evaluation `{evaluation}`")))
    }

    fn arm(&self, arm: &str) -> Result<&Path, Trouble> {
        let run = self
            .by_arm
            .get(arm)
            .ok_or_else(|| missing(&format!("arm `{arm}`")))?;
        Ok(&run.out)
    }

    /// What an arm said to each query or row of an evaluation: `films.test`.
    pub(super) fn predictions(&self, arm: &str, name: &str) -> Result<Vec<Value>, Trouble> {
        lines(&self.arm(arm)?.join(format!("predictions/{name}.jsonl")))
    }

    /// A column that an arm computed, by row.
    pub(super) fn column(&self, arm: &str, name: &str) -> Result<Vec<Value>, Trouble> {
        lines(&self.arm(arm)?.join(format!("columns/{name}.jsonl")))
    }

    /// A column that an arm computed once a day, `columns/NAME.DAY.jsonl`: its rows, day by day.
    pub(super) fn daily_column(&self, arm: &str, name: &str) -> Result<Vec<Value>, Trouble> {
        let folder = self.arm(arm)?.join("columns");
        let failed = |error| Trouble::io(format!("cannot read {}", folder.display()), &error);
        let mut days = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let named = path.file_name().and_then(|of| of.to_str());
            if named.is_some_and(|of| of.starts_with(&format!("{name}."))) {
                days.push(path);
            }
        }
        days.sort();
        let rows: Result<Vec<_>, Trouble> = days.iter().map(|day| lines(day)).collect();
        Ok(rows?.concat())
    }

    /// A table of the world, row by row.
    pub(super) fn table(&self, name: &str) -> Result<Vec<BTreeMap<String, String>>, Trouble> {
        let path = self.world.join(name).with_extension("csv");
        let text = fs::read_to_string(&path)
            .map_err(|error| Trouble::io(format!("cannot read {}", path.display()), &error))?;
        let mut rows = text.lines();
        let head: Vec<&str> = rows.next().unwrap_or_default().split(',').collect();
        let row = |line: &str| {
            let cells = head.iter().zip(line.split(','));
            cells
                .map(|(name, cell)| ((*name).to_owned(), cell.to_owned()))
                .collect()
        };
        Ok(rows.map(row).collect())
    }
}

fn lines(path: &Path) -> Result<Vec<Value>, Trouble> {
    let text = fs::read_to_string(path)
        .map_err(|error| Trouble::io(format!("cannot read {}", path.display()), &error))?;
    let parse = |line: &str| {
        serde_json::from_str(line)
            .map_err(|error| Trouble::new(format!("{} is not JSON: {error}", path.display()), ""))
    };
    text.lines().map(parse).collect()
}

pub(super) fn number(value: &Value, what: &str) -> Result<f64, Trouble> {
    value.as_f64().ok_or_else(|| missing(what))
}

fn missing(what: &str) -> Trouble {
    Trouble::new(
        format!("a run has no {what}"),
        "the spec and its study do not belong together",
    )
}

/// The keys in a list of a prediction: `top` or `targets`.
pub(super) fn keys<'a>(prediction: &'a Value, list: &str) -> impl Iterator<Item = &'a str> {
    prediction[list]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// The area under the curve: how often a positive scores above a negative, ties counted half.
pub(super) fn auc(mut scored: Vec<(f64, bool)>) -> f64 {
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut ranks, mut positives, mut at) = (0.0, 0.0, 0);
    while at < scored.len() {
        let end = at + scored[at..].partition_point(|one| one.0 <= scored[at].0);
        let rank = (at + end + 1) as f64 / 2.0;
        let here = scored[at..end].iter().filter(|one| one.1).count() as f64;
        ranks += rank * here;
        positives += here;
        at = end;
    }
    let negatives = scored.len() as f64 - positives;
    (ranks - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

/// The slope of y on x, both taken from their mean in each group.
pub(super) fn slope_within(points: &[(usize, f64, f64)]) -> f64 {
    let mut sums: BTreeMap<usize, (f64, f64, f64)> = BTreeMap::new();
    for (group, x, y) in points {
        let sum = sums.entry(*group).or_default();
        *sum = (sum.0 + 1.0, sum.1 + x, sum.2 + y);
    }
    let (mut xy, mut xx) = (0.0, 0.0);
    for (group, x, y) in points {
        let (count, sum_x, sum_y) = sums[group];
        let (x, y) = (x - sum_x / count, y - sum_y / count);
        xy += x * y;
        xx += x * x;
    }
    xy / xx
}

pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_counts_ties_half() {
        let scored = [(0.1, false), (0.4, true), (0.4, false), (0.9, true)];
        assert_eq!(auc(scored.to_vec()), 0.875);
    }

    #[test]
    fn the_slope_within_groups_forgets_their_levels() {
        let points = [(0, 0.0, 5.0), (0, 1.0, 7.0), (1, 0.0, -3.0), (1, 2.0, 1.0)];
        assert!((slope_within(&points) - 2.0).abs() < 1e-12);
    }
}
