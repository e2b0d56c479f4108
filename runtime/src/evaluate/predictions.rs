//! What a model said to each query or row of an evaluation. A run directory keeps it as `predictions/NAME.SPLIT.jsonl`, so
//! that two runs can be compared query by query, and a user can look at the lists themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One query of a retrieval, or one row of a ranking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Prediction {
    /// The row of the events at which was asked.
    pub(crate) row: u32,
    /// The day of the row, in a loop.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) day: Option<String>,
    /// The reference by which intervals are drawn, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) by: Option<String>,
    /// The thing that was drawn beside the row: the row of its entity.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) drawn: Option<u32>,
    /// The keys of the entities that the row refers to, by reference; without those that are absent.
    pub(crate) of: BTreeMap<String, String>,
    /// What was said.
    #[serde(flatten)]
    pub(crate) said: Said,
}

/// The part of a prediction that depends on what is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Said {
    /// A list of a catalogue.
    List {
        /// The metrics of this list by full name.
        values: BTreeMap<String, f64>,
        /// The keys of the list, best first, as deep as the deepest metric.
        top: Vec<String>,
        /// The keys that were to be found.
        targets: Vec<String>,
    },
    /// A logit beside the truth.
    Score {
        /// The logit.
        score: f32,
        /// 0 or 1.
        label: f32,
        /// What the row counts.
        #[serde(skip_serializing_if = "is_one", default = "one")]
        weight: f32,
        /// The log of its expected number among rows that were drawn.
        #[serde(skip_serializing_if = "is_zero", default)]
        log_count: f32,
    },
}

fn one() -> f32 {
    1.0
}

fn is_one(weight: &f32) -> bool {
    *weight == 1.0
}

fn is_zero(log: &f32) -> bool {
    *log == 0.0
}

/// The folder of a run directory that holds predictions.
pub(crate) const FOLDER: &str = "predictions";

/// The path in a run directory of the predictions of an evaluation on a part of the split.
pub(crate) fn file_name(evaluation: &str, split: &str) -> String {
    format!("{FOLDER}/{evaluation}.{split}.jsonl")
}

/// One JSON object a line.
pub(crate) fn write(predictions: &[Prediction]) -> String {
    let line = |prediction| {
        let text = serde_json::to_string(prediction);
        text.expect("internal: keys are text and numbers are finite") + "\n"
    };
    predictions.iter().map(line).collect()
}

/// Reads what [`write`] wrote; the error names the line.
pub(crate) fn read(text: &str) -> Result<Vec<Prediction>, String> {
    let parse = |(at, line)| {
        serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1))
    };
    text.lines().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both() -> Vec<Prediction> {
        let of = || BTreeMap::from([("user".to_owned(), "7".to_owned())]);
        let list = Said::List {
            values: BTreeMap::from([("recall@2".to_owned(), 0.5)]),
            top: vec!["a, b".to_owned(), "c".to_owned()],
            targets: vec!["c".to_owned(), "d".to_owned()],
        };
        let score = Said::Score {
            score: -1.25,
            label: 1.0,
            weight: 1.0,
            log_count: 0.0,
        };
        let drawn = Said::Score {
            score: 0.5,
            label: 0.0,
            weight: 2.0,
            log_count: -0.75,
        };
        let said = [(3, list), (4, score), (5, drawn)];
        said.map(|(row, said)| Prediction {
            row,
            day: None,
            by: Some("user".to_owned()),
            drawn: (row == 5).then_some(8),
            of: of(),
            said,
        })
        .into()
    }

    #[test]
    fn a_prediction_is_a_line_that_reads_back() {
        let text = write(&both());
        insta::assert_snapshot!(text, @r#"
        {"row":3,"by":"user","of":{"user":"7"},"values":{"recall@2":0.5},"top":["a, b","c"],"targets":["c","d"]}
        {"row":4,"by":"user","of":{"user":"7"},"score":-1.25,"label":1.0}
        {"row":5,"by":"user","drawn":8,"of":{"user":"7"},"score":0.5,"label":0.0,"weight":2.0,"log_count":-0.75}
        "#);
        assert_eq!(read(&text).unwrap(), both());
    }

    #[test]
    fn a_broken_line_is_named() {
        let text = "{\"row\":3,\"of\":{},\"score\":1,\"label\":1}\n{\"row\":4\n";
        assert!(read(text).unwrap_err().starts_with("line 2: "));
    }
}
