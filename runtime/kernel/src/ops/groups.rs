//! Statistics of the group of training rows that a row is in.

use reckon_compiler::plan::row::Statistic;

use super::ids::hashed;
use super::{Call, Numbers};
use crate::column::{Column, Data};
use crate::groups::{GroupKey, Groups};

/// The operands are the keys; for `Percentile` the row's own value comes last.
pub(super) fn apply(
    call: &Call<'_>,
    groups: &Groups,
    statistic: Statistic,
) -> Result<Column, String> {
    let (keys, own) = match (statistic, call.args) {
        (Statistic::Percentile, [keys @ .., own]) => (keys, Some(own)),
        (_, keys) => (keys, None),
    };
    let numbers = own.map(|own| Numbers::of(own.data)).transpose()?;
    let told: Vec<Option<f64>> = (0..call.rows)
        .map(|row| {
            let mine = match (own, numbers) {
                (Some(own), _) if own.is_null(row) => return None,
                (Some(own), Some(numbers)) => numbers.get(own.at(row)),
                (Some(_) | None, _) => 0.0,
            };
            let key = GroupKey::of_values(keys.iter().map(|key| hashed(key, row)));
            Some(groups.tell(key, statistic, mine))
        })
        .collect();
    let valid = told.iter().map(Option::is_some).collect();
    let numbers = told.into_iter().map(Option::unwrap_or_default);
    let data = match statistic {
        Statistic::Count => Data::Int(numbers.map(|count| count as i64).collect()),
        Statistic::Sum
        | Statistic::Mean
        | Statistic::Std
        | Statistic::Quantile(_)
        | Statistic::Percentile => Data::Float(numbers.collect()),
    };
    Ok(Column::with_validity(data, Some(valid)))
}
