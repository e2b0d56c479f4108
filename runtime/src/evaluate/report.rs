//! What an evaluation found.

use serde_json::{Map, Value, json};

use crate::metric::Interval;

/// The result of one evaluation on one part of a split.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The evaluation.
    pub evaluation: String,
    /// The part of the split.
    pub split: String,
    /// What `count` counts: `queries` or `rows`.
    pub unit: &'static str,
    /// How many there were.
    pub count: usize,
    /// The metrics of the model, in the order of the spec.
    pub metrics: Vec<MetricValue>,
    /// The metrics of the model over parts of the evaluation.
    pub slices: Vec<SliceValue>,
    /// The same metrics for each baseline.
    pub baselines: Vec<BaselineValue>,
    /// What a reader has to know: dropped groups, users without targets, baselines left out.
    pub notes: Vec<String>,
}

/// One metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricValue {
    /// Its full name, `recall@50`.
    pub name: String,
    /// Its value, `None` where it is not defined.
    pub value: Option<f64>,
    /// Its bootstrap interval, where one was asked for and the metric has one.
    pub interval: Option<Interval>,
}

/// A group of a slice.
#[derive(Clone, Debug, PartialEq)]
pub struct SliceValue {
    /// What the slice cuts by.
    pub by: String,
    /// The group.
    pub group: String,
    /// How many queries (or rows) count.
    pub count: usize,
    /// The metrics over them.
    pub metrics: Vec<MetricValue>,
}

/// A baseline beside the model.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineValue {
    /// Its name.
    pub name: String,
    /// Its metrics over the same queries or rows.
    pub metrics: Vec<MetricValue>,
}

impl Report {
    /// The value of a metric of the model by its full name.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics
            .iter()
            .find(|metric| metric.name == name)?
            .value
    }

    /// The metrics of the model, `{"recall@50": 0.27}`.
    pub fn values(&self) -> Value {
        values(&self.metrics)
    }

    /// All of it.
    pub fn to_json(&self) -> Value {
        let slices: Vec<Value> = self
            .slices
            .iter()
            .map(|slice| {
                json!({ "by": slice.by, "group": slice.group, "count": slice.count, "metrics": values(&slice.metrics) })
            })
            .collect();
        let baselines: Map<String, Value> = self
            .baselines
            .iter()
            .map(|baseline| (baseline.name.clone(), values(&baseline.metrics)))
            .collect();
        let intervals: Map<String, Value> = self
            .metrics
            .iter()
            .filter_map(|metric| {
                metric
                    .interval
                    .map(|interval| (metric.name.clone(), interval_json(interval)))
            })
            .collect();
        json!({
            "evaluation": self.evaluation,
            "split": self.split,
            self.unit: self.count,
            "metrics": self.values(),
            "intervals": intervals,
            "baselines": baselines,
            "slices": slices,
            "notes": self.notes,
        })
    }
}

fn values(metrics: &[MetricValue]) -> Value {
    metrics
        .iter()
        .map(|metric| (metric.name.clone(), json!(metric.value)))
        .collect::<Map<_, _>>()
        .into()
}

fn interval_json(interval: Interval) -> Value {
    json!({
        "low": interval.low,
        "high": interval.high,
        "smallest_difference": interval.smallest_difference,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_metrics_by_name_in_the_order_of_the_spec_and_undefined_ones_are_null() {
        let metric = |name: &str, value| MetricValue {
            name: name.to_owned(),
            value,
            interval: None,
        };
        let report = Report {
            evaluation: "films".to_owned(),
            split: "test".to_owned(),
            unit: "queries",
            count: 3,
            metrics: vec![metric("recall@50", Some(0.25)), metric("auc", None)],
            slices: Vec::new(),
            baselines: Vec::new(),
            notes: Vec::new(),
        };
        assert_eq!(
            report.values().to_string(),
            r#"{"recall@50":0.25,"auc":null}"#
        );
        assert_eq!(report.to_json()["queries"], 3);
    }
}
