//! The gradients of several batches, added up for one update.

use std::collections::BTreeMap;

use reckon_torch::Outputs;

use crate::data::{HostTensor, HostValues};

/// What [`reckon_compiler::training::gradient_of`] and [`reckon_compiler::training::rows_of`] begin with.
const GRADIENT: &str = "gradient of ";
const ROWS: &str = "rows of ";

/// What the batches of a step give: gradients for its update, and numbers to tell.
#[derive(Default)]
pub(super) struct Accumulated {
    gradients: BTreeMap<String, Sum>,
    told: Vec<(String, f64)>,
    rows: f32,
}

/// Inputs of an update by name.
type Inputs = Vec<(String, HostTensor)>;

/// A gradient so far, each batch by its number of rows.
#[derive(Default)]
struct Sum {
    shape: Vec<usize>,
    values: Vec<f32>,
    /// Of a table: the row of each of the values.
    ids: Option<Vec<i64>>,
}

impl Accumulated {
    /// Adds the outputs of a batch of so many rows.
    pub(super) fn add(&mut self, outputs: &Outputs, rows: usize) {
        let share = rows as f32;
        self.rows += share;
        let names: Vec<&str> = outputs.names().collect();
        for name in &names {
            if let Some(path) = name.strip_prefix(GRADIENT) {
                let ids = outputs.i64(&format!("{ROWS}{path}"));
                let shape = outputs.shape(name).unwrap_or_default();
                let values = outputs.f32(name).unwrap_or_default();
                let scaled = values.into_iter().map(|value| value * share);
                let sum = self.gradients.entry(path.to_owned()).or_default();
                sum.add(shape, scaled, ids);
            } else if !name.starts_with(ROWS) {
                let value = outputs.scalar(name) * f64::from(share);
                match self.told.iter_mut().find(|(known, _)| known == name) {
                    Some((_, sum)) => *sum += value,
                    None => self.told.push(((*name).to_owned(), value)),
                }
            }
        }
    }

    /// The inputs of the update, and the means of what is told.
    pub(super) fn finish(self) -> (Inputs, Vec<(String, f64)>) {
        let (rows, mut inputs) = (self.rows, Inputs::new());
        for (path, sum) in self.gradients {
            let values = sum.values.iter().map(|value| value / rows).collect();
            let values = HostTensor {
                shape: sum.shape,
                values: HostValues::F32(values),
            };
            inputs.push((format!("{GRADIENT}{path}"), values));
            if let Some(ids) = sum.ids {
                let ids = HostTensor {
                    shape: vec![ids.len()],
                    values: HostValues::I64(ids),
                };
                inputs.push((format!("{ROWS}{path}"), ids));
            }
        }
        let told = self.told.into_iter();
        let told = told.map(|(name, sum)| (name, sum / f64::from(rows)));
        (inputs, told.collect())
    }
}

impl Sum {
    /// Rows of a table are put behind one another; all else is added.
    fn add(&mut self, shape: Vec<usize>, values: impl Iterator<Item = f32>, ids: Option<Vec<i64>>) {
        match (ids, self.values.is_empty()) {
            (Some(ids), _) => {
                self.values.extend(values);
                let known = self.ids.get_or_insert_default();
                known.extend(ids);
                self.shape = shape;
                self.shape[0] = known.len();
            }
            (None, true) => {
                self.values = values.collect();
                self.shape = shape;
            }
            (None, false) => {
                let known = self.values.iter_mut();
                known.zip(values).for_each(|(sum, value)| *sum += value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(tensor: &HostTensor) -> &[f32] {
        match &tensor.values {
            HostValues::F32(values) => values,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn weights_get_the_mean_by_rows_and_tables_the_rows_of_all_batches() {
        let mut weight = Sum::default();
        weight.add(vec![2], [3.0, 6.0].into_iter(), None);
        weight.add(vec![2], [1.0, 2.0].into_iter(), None);
        let mut table = Sum::default();
        table.add(vec![1, 2], [3.0, 3.0].into_iter(), Some(vec![4]));
        table.add(
            vec![2, 2],
            [1.0, 1.0, 2.0, 2.0].into_iter(),
            Some(vec![0, 4]),
        );
        let accumulated = Accumulated {
            gradients: [("w".to_owned(), weight), ("t".to_owned(), table)].into(),
            told: vec![("loss".to_owned(), 8.0)],
            rows: 4.0,
        };
        let (inputs, told) = accumulated.finish();
        let named = |name: &str| &inputs.iter().find(|(known, _)| known == name).unwrap().1;
        assert_eq!(floats(named("gradient of w")), [1.0, 2.0]);
        assert_eq!(named("gradient of t").shape, [3, 2]);
        assert_eq!(
            floats(named("gradient of t")),
            [0.75, 0.75, 0.25, 0.25, 0.5, 0.5]
        );
        assert_eq!(named("rows of t").values, HostValues::I64(vec![4, 0, 4]));
        assert_eq!(told, [("loss".to_owned(), 2.0)]);
    }
}
