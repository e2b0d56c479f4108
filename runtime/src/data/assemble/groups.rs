//! Groups of rows that come one after another.

use reckon_kernel::Data;

use super::rows::RowSet;

/// Where each group of equal values of an output begins. Rows without an output are groups of their own.
pub(super) fn firsts(output: Option<&String>, set: &RowSet<'_>) -> Vec<usize> {
    let column = output.and_then(|output| set.source.outputs.get(output));
    let places: Vec<usize> = set.places().collect();
    let same = |a: usize, b: usize| match column.map(|column| &column.data) {
        Some(Data::Int(values)) => values[a] == values[b],
        Some(Data::Str(texts)) => texts.get(a) == texts.get(b),
        Some(Data::Float(_) | Data::Bool(_) | Data::List(_)) | None => false,
    };
    (0..places.len())
        .filter(|at| *at == 0 || !same(places[at - 1], places[*at]))
        .collect()
}
