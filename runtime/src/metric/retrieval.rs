//! Metrics of a ranked list against a set of targets, cut at N.

use std::fmt;

/// A retrieval metric, `ndcg@10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RetrievalMetric {
    /// What is measured.
    pub(crate) kind: RetrievalKind,
    /// How much of the list counts.
    pub(crate) depth: usize,
}

/// What a retrieval metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RetrievalKind {
    /// Hits over targets.
    Recall,
    /// Whether there is a hit.
    Hit,
    /// Discounted gain over that of a list that begins with `min(N, targets)` hits.
    Ndcg,
    /// Discounted gain over that of a list that begins with the hits found: only the order among hits counts.
    NdcgHitsIdeal,
    /// Average precision over `min(N, targets)`.
    Map,
    /// One over the place of the first hit.
    Mrr,
    /// The share of the catalogue that is in somebody's list.
    Coverage,
}

impl RetrievalMetric {
    /// The metric of this full name, `None` where there is none.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (kind, depth) = name.split_once('@')?;
        let kind = match kind {
            "recall" => RetrievalKind::Recall,
            "hit" => RetrievalKind::Hit,
            "ndcg" => RetrievalKind::Ndcg,
            "ndcg_hits_ideal" => RetrievalKind::NdcgHitsIdeal,
            "map" => RetrievalKind::Map,
            "mrr" => RetrievalKind::Mrr,
            "coverage" => RetrievalKind::Coverage,
            _ => return None,
        };
        let depth = depth.parse().ok().filter(|depth| *depth > 0)?;
        Some(Self { kind, depth })
    }

    /// The value of one list: whether each of its places holds a target, and how many targets there are, at least one.
    /// `None` for metrics of many lists together.
    pub(crate) fn of_list(self, hits: &[bool], targets: usize) -> Option<f64> {
        let hits = &hits[..self.depth.min(hits.len())];
        let found = hits.iter().filter(|hit| **hit).count();
        let reachable = self.depth.min(targets);
        Some(match self.kind {
            RetrievalKind::Recall => found as f64 / targets as f64,
            RetrievalKind::Hit => f64::from(u8::from(found > 0)),
            RetrievalKind::Ndcg => discounted_gain(hits) / best_gain(reachable),
            RetrievalKind::NdcgHitsIdeal if found == 0 => 0.0,
            RetrievalKind::NdcgHitsIdeal => discounted_gain(hits) / best_gain(found),
            RetrievalKind::Map => precision_at_hits(hits) / reachable as f64,
            RetrievalKind::Mrr => hits
                .iter()
                .position(|hit| *hit)
                .map_or(0.0, |place| 1.0 / (place + 1) as f64),
            RetrievalKind::Coverage => return None,
        })
    }
}

impl fmt::Display for RetrievalMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            RetrievalKind::Recall => "recall",
            RetrievalKind::Hit => "hit",
            RetrievalKind::Ndcg => "ndcg",
            RetrievalKind::NdcgHitsIdeal => "ndcg_hits_ideal",
            RetrievalKind::Map => "map",
            RetrievalKind::Mrr => "mrr",
            RetrievalKind::Coverage => "coverage",
        };
        write!(f, "{kind}@{}", self.depth)
    }
}

/// The gain of a hit at `place`, counted from 0.
fn discount(place: usize) -> f64 {
    1.0 / ((place + 2) as f64).log2()
}

fn discounted_gain(hits: &[bool]) -> f64 {
    hits.iter()
        .enumerate()
        .filter(|(_, hit)| **hit)
        .map(|(place, _)| discount(place))
        .sum()
}

/// The gain of a list that begins with so many hits.
fn best_gain(hits: usize) -> f64 {
    (0..hits).map(discount).sum()
}

/// The sum over hits of the precision at their place.
fn precision_at_hits(hits: &[bool]) -> f64 {
    let places = hits
        .iter()
        .enumerate()
        .filter(|(_, hit)| **hit)
        .map(|(place, _)| place);
    places
        .enumerate()
        .map(|(before, place)| (before + 1) as f64 / (place + 1) as f64)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str, hits: &[u8], targets: usize) -> f64 {
        let hits: Vec<bool> = hits.iter().map(|hit| *hit == 1).collect();
        RetrievalMetric::parse(name)
            .unwrap()
            .of_list(&hits, targets)
            .unwrap()
    }

    #[track_caller]
    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    }

    #[test]
    fn two_hits_in_five_places_with_three_targets() {
        let hits = [0, 1, 0, 1, 0];
        near(value("ndcg@5", &hits, 3), 0.498_189);
        near(value("ndcg_hits_ideal@5", &hits, 3), 0.650_921);
        near(value("map@5", &hits, 3), 0.333_333);
        near(value("recall@5", &hits, 3), 0.666_667);
        near(value("hit@5", &hits, 3), 1.0);
        near(value("mrr@5", &hits, 3), 0.5);
    }

    #[test]
    fn places_past_the_cut_do_not_count() {
        assert_eq!(value("recall@1", &[0, 1], 1), 0.0);
        assert_eq!(value("mrr@1", &[0, 1], 1), 0.0);
    }

    #[test]
    fn a_list_that_begins_with_all_reachable_targets_is_perfect() {
        near(value("ndcg@2", &[1, 1], 5), 1.0);
        near(value("map@2", &[1, 1], 5), 1.0);
        near(value("recall@2", &[1, 1], 5), 0.4);
    }

    #[test]
    fn a_list_without_a_hit_is_worth_nothing() {
        for name in [
            "recall@3",
            "hit@3",
            "ndcg@3",
            "ndcg_hits_ideal@3",
            "map@3",
            "mrr@3",
        ] {
            assert_eq!(value(name, &[0, 0, 0], 2), 0.0, "{name}");
        }
    }

    #[test]
    fn with_one_target_average_precision_is_the_reciprocal_rank() {
        for place in 0..4 {
            let mut hits = [0; 4];
            hits[place] = 1;
            assert_eq!(value("map@4", &hits, 1), value("mrr@4", &hits, 1));
        }
    }

    #[test]
    fn names_are_read_as_they_print_and_others_are_refused() {
        for name in [
            "recall@50",
            "hit@1",
            "ndcg@10",
            "ndcg_hits_ideal@10",
            "map@5",
            "mrr@20",
            "coverage@10",
        ] {
            assert_eq!(RetrievalMetric::parse(name).unwrap().to_string(), name);
        }
        for name in ["recall", "recall@0", "recall@x", "auc", "dcg@3"] {
            assert_eq!(RetrievalMetric::parse(name), None, "{name}");
        }
    }
}
