//! The mutual information of pairs of categorical fields.

use std::collections::BTreeMap;

use rayon::prelude::*;
use reckon_kernel::{Column, Data, Fitted};

/// The place of a category among those of its field.
type Category = i64;

/// A row that lacks a field has the category "none" in it, which no id is.
const NONE: Category = -1;

/// `MI(A, B) = sum of P(a, b) log(P(a, b) / (P(a) P(b)))` for all pairs of `fields`, entropies on the diagonal. Rows count by their
/// weight; a row with several values in a field spreads its mass evenly over its pairs of values. Fields without a column have
/// 0 with all others.
pub(super) fn mutual_information(
    fields: &[String],
    columns: &[(String, Column)],
    weights: &[f64],
) -> Fitted {
    let size = fields.len();
    let column = |name: &String| {
        columns
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, column)| column)
    };
    let of: Vec<Option<&Column>> = fields.iter().map(column).collect();
    let pairs: Vec<(usize, usize)> = (0..size)
        .flat_map(|a| (a..size).map(move |b| (a, b)))
        .collect();
    let information = |(a, b): (usize, usize)| match (of[a], of[b]) {
        (Some(x), Some(_)) if a == b => entropy(x, weights),
        (Some(x), Some(y)) => of_pair(x, y, weights),
        (Some(_), None) | (None, _) => 0.0,
    };
    let found: Vec<f64> = pairs.par_iter().map(|pair| information(*pair)).collect();
    let mut values = vec![0.0; size * size];
    for ((a, b), value) in pairs.into_iter().zip(found) {
        values[a * size + b] = value;
        values[b * size + a] = value;
    }
    Fitted::Matrix { size, values }
}

/// The categories of a row.
fn categories(column: &Column, row: usize) -> Vec<Category> {
    let found = match &column.data {
        Data::Int(ids) if !column.is_null(row) => vec![ids[row]],
        Data::List(lists) => match &*lists.values {
            Data::Int(ids) => ids[lists.range(row)].to_vec(),
            Data::Float(_) | Data::Bool(_) | Data::Str(_) | Data::List(_) => Vec::new(),
        },
        Data::Int(_) | Data::Float(_) | Data::Bool(_) | Data::Str(_) => Vec::new(),
    };
    if found.is_empty() { vec![NONE] } else { found }
}

fn of_pair(x: &Column, y: &Column, weights: &[f64]) -> f64 {
    let mut mass: BTreeMap<(Category, Category), f64> = BTreeMap::new();
    for (row, weight) in counted(x, weights) {
        let (left, right) = (categories(x, row), categories(y, row));
        let share = weight / (left.len() * right.len()) as f64;
        for a in &left {
            for b in &right {
                *mass.entry((*a, *b)).or_insert(0.0) += share;
            }
        }
    }
    let total: f64 = mass.values().sum();
    let (mut of_a, mut of_b) = (BTreeMap::new(), BTreeMap::new());
    for ((a, b), share) in &mass {
        *of_a.entry(*a).or_insert(0.0) += share / total;
        *of_b.entry(*b).or_insert(0.0) += share / total;
    }
    let term = |((a, b), share): (&(Category, Category), &f64)| {
        let joint = share / total;
        joint * (joint / (of_a[a] * of_b[b])).ln()
    };
    mass.iter().map(term).sum()
}

fn entropy(x: &Column, weights: &[f64]) -> f64 {
    let mut mass: BTreeMap<Category, f64> = BTreeMap::new();
    for (row, weight) in counted(x, weights) {
        let values = categories(x, row);
        for a in &values {
            *mass.entry(*a).or_insert(0.0) += weight / values.len() as f64;
        }
    }
    let total: f64 = mass.values().sum();
    let term = |share: &f64| -(share / total) * (share / total).ln();
    mass.values().map(term).sum()
}

/// The rows that count, with their weights.
fn counted<'a>(x: &Column, weights: &'a [f64]) -> impl Iterator<Item = (usize, f64)> + 'a {
    let rows = weights[..weights.len().min(x.len())].iter().enumerate();
    rows.filter(|(_, weight)| **weight > 0.0)
        .map(|(row, weight)| (row, *weight))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reckon_kernel::Lists;

    fn ids(values: &[i64]) -> Column {
        Column::new(Data::Int(values.to_vec()))
    }

    fn lists(values: &[&[i64]]) -> Column {
        let mut offsets = vec![0];
        values
            .iter()
            .for_each(|list| offsets.push(offsets[offsets.len() - 1] + list.len()));
        let values = Box::new(Data::Int(values.concat()));
        Column::new(Data::List(Lists { offsets, values }))
    }

    fn matrix(columns: Vec<Column>, weights: &[f64]) -> Vec<f64> {
        let names: Vec<String> = (0..columns.len()).map(|at| format!("f{at}")).collect();
        let named: Vec<(String, Column)> = names.iter().cloned().zip(columns).collect();
        match mutual_information(&names, &named, weights) {
            Fitted::Matrix { values, .. } => values,
            other => panic!("{other:?}"),
        }
    }

    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }

    #[test]
    fn a_field_tells_all_of_its_copy_and_nothing_of_an_independent_one() {
        let found = matrix(
            vec![ids(&[0, 0, 1, 1]), ids(&[5, 5, 7, 7]), ids(&[3, 4, 3, 4])],
            &[1.0; 4],
        );
        assert_close(found[1], std::f64::consts::LN_2);
        assert_close(found[2], 0.0);
        assert_close(found[0], std::f64::consts::LN_2);
    }

    #[test]
    fn several_values_share_the_mass_of_their_row() {
        let found = matrix(
            vec![ids(&[1, 1, 2, 2]), lists(&[&[1, 2], &[1], &[2], &[3]])],
            &[1.0; 4],
        );
        assert_close(found[1], 0.454454);
        assert_close(found[2], 0.454454);
    }

    #[test]
    fn rows_of_weight_0_do_not_count_and_an_empty_list_is_a_value_of_its_own() {
        let counted = matrix(
            vec![ids(&[0, 0, 1, 1, 9]), ids(&[0, 0, 1, 1, 0])],
            &[1.0, 1.0, 1.0, 1.0, 0.0],
        );
        assert_close(counted[1], std::f64::consts::LN_2);
        let empty = matrix(vec![ids(&[0, 1]), lists(&[&[], &[4]])], &[1.0, 1.0]);
        assert_close(empty[1], std::f64::consts::LN_2);
    }
}
