//! What a model has to beat: simple scorers fitted on the same training rows.

pub(crate) mod ease;
pub(crate) mod item_knn;
pub(crate) mod rate;

use reckon_compiler::cost::EASE_ITEMS;
use reckon_torch::linalg;

use crate::evaluate::queries::{Asked, Query};
use crate::evaluate::retrieval::{Measure, Ranked, rank};
use ease::Ease;
use item_knn::ItemKnn;

/// The ridge of EASE.
const EASE_LAMBDA: f32 = 500.0;

/// How many neighbours an item has in ItemKNN.
const KNN_NEIGHBOURS: usize = 100;

/// A retrieval baseline, fitted.
pub(crate) enum RetrievalBaseline {
    /// Scores an item by its number of training rows.
    Popularity(Vec<f32>),
    /// See [`ItemKnn`].
    ItemKnn(ItemKnn),
    /// See [`Ease`].
    Ease(Ease),
}

impl RetrievalBaseline {
    /// Fits the baseline of this name on the training rows that pass.
    ///
    /// # Errors
    /// A sentence that says why there is no such baseline here.
    pub(crate) fn fit(name: &str, asked: &Asked<'_>) -> Result<Self, String> {
        let events = asked.events;
        match name {
            "popularity" => Ok(Self::Popularity(
                events
                    .training_counts()
                    .iter()
                    .map(|count| *count as f32)
                    .collect(),
            )),
            "itemknn" => Ok(Self::ItemKnn(ItemKnn::fit(
                &events.training_baskets(),
                events.items,
                KNN_NEIGHBOURS,
            ))),
            "ease" if events.items > EASE_ITEMS => Err(format!(
                "ease is left out: it takes up to {EASE_ITEMS} items, and there are {}",
                events.items
            )),
            "ease" => Ease::fit(
                &events.training_baskets(),
                events.items,
                EASE_LAMBDA,
                linalg::inverse_positive_definite,
            )
            .map(Self::Ease)
            .ok_or_else(|| "ease is left out: its matrix has no inverse in 32 bits".to_owned()),
            _ => Err(format!(
                "baseline `{name}` is left out: it is none of popularity, itemknn, ease"
            )),
        }
    }

    /// Ranks and measures the same queries as the model.
    pub(crate) fn rank(&self, asked: &Asked<'_>, measure: &Measure<'_>) -> Ranked {
        let ranked = rank(asked, measure, |queries| {
            Ok::<_, std::convert::Infallible>(self.scores(asked, queries))
        });
        match ranked {
            Ok(ranked) => ranked,
            Err(never) => match never {},
        }
    }

    fn scores(&self, asked: &Asked<'_>, queries: &[Query]) -> Vec<f32> {
        let baskets = || {
            queries
                .iter()
                .map(|query| asked.basket(query))
                .collect::<Vec<_>>()
        };
        match self {
            Self::Popularity(counts) => counts.repeat(queries.len()),
            Self::ItemKnn(model) => model.scores(&baskets()),
            Self::Ease(model) => model.scores(&baskets()),
        }
    }
}
