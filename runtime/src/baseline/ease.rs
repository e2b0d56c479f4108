//! EASE (Steck 2019, "Embarrassingly shallow autoencoders for sparse data"): a linear item-to-item model in closed form.

use rayon::prelude::*;

/// The weights `B = I - P diag(1 / diag(P))` with `P = (X'X + lambda I)^-1`, over the items that have training rows.
pub(crate) struct Ease {
    /// The number of all items.
    items: usize,
    /// The items of the model, ascending.
    known: Vec<u32>,
    /// The place of each item in `known`.
    place: Vec<Option<u32>>,
    /// `B`, row by row: the row of an item that the user had, the column of an item to score.
    weights: Vec<f32>,
}

impl Ease {
    /// Fits the model to the distinct items of each user. `inverse` inverts a positive definite matrix of this size;
    /// where it cannot, there is no model.
    pub(crate) fn fit(
        baskets: &[Vec<u32>],
        items: usize,
        lambda: f32,
        inverse: impl FnOnce(Vec<f32>, usize) -> Option<Vec<f32>>,
    ) -> Option<Self> {
        let mut place = vec![None; items];
        for item in baskets.iter().flatten() {
            place[*item as usize] = Some(0);
        }
        let known: Vec<u32> = (0..items as u32)
            .filter(|item| place[*item as usize].is_some())
            .collect();
        for (at, item) in known.iter().enumerate() {
            place[*item as usize] = Some(at as u32);
        }
        let size = known.len();
        let mut weights = inverse(gram(baskets, &place, size, lambda), size)?;
        let diagonal: Vec<f32> = (0..size).map(|at| weights[at * size + at]).collect();
        weights
            .par_chunks_mut(size.max(1))
            .enumerate()
            .for_each(|(at, row)| {
                for (weight, diagonal) in row.iter_mut().zip(&diagonal) {
                    *weight /= -diagonal;
                }
                row[at] = 0.0;
            });
        Some(Self {
            items,
            known,
            place,
            weights,
        })
    }

    /// The score of every item for each basket. Items without training rows score below all others.
    pub(crate) fn scores(&self, baskets: &[Vec<u32>]) -> Vec<f32> {
        let size = self.known.len();
        let mut scores = vec![f32::NEG_INFINITY; baskets.len() * self.items];
        scores
            .par_chunks_mut(self.items.max(1))
            .zip(baskets)
            .for_each(|(scores, basket)| {
                let mut sums = vec![0.0; size];
                for at in basket.iter().filter_map(|item| self.place[*item as usize]) {
                    let row = &self.weights[at as usize * size..(at as usize + 1) * size];
                    for (sum, weight) in sums.iter_mut().zip(row) {
                        *sum += weight;
                    }
                }
                for (item, sum) in self.known.iter().zip(sums) {
                    scores[*item as usize] = sum;
                }
            });
        scores
    }
}

/// `X'X + lambda I` over the items with a place.
fn gram(baskets: &[Vec<u32>], place: &[Option<u32>], size: usize, lambda: f32) -> Vec<f32> {
    let mut owners = vec![Vec::new(); size];
    let placed: Vec<Vec<u32>> = baskets
        .iter()
        .map(|basket| {
            basket
                .iter()
                .filter_map(|item| place[*item as usize])
                .collect()
        })
        .collect();
    for (user, basket) in placed.iter().enumerate() {
        for at in basket {
            owners[*at as usize].push(user);
        }
    }
    let mut gram = vec![0.0; size * size];
    gram.par_chunks_mut(size.max(1))
        .enumerate()
        .for_each(|(at, row)| {
            for other in owners[at].iter().flat_map(|user| &placed[*user]) {
                row[*other as usize] += 1.0;
            }
            row[at] += lambda;
        });
    gram
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gauss and Jordan in 64 bits.
    fn inverse(matrix: Vec<f32>, size: usize) -> Option<Vec<f32>> {
        let mut left: Vec<f64> = matrix.into_iter().map(f64::from).collect();
        let mut right = vec![0.0; size * size];
        (0..size).for_each(|at| right[at * size + at] = 1.0);
        for pivot in 0..size {
            let scale = left[pivot * size + pivot];
            for at in 0..size {
                left[pivot * size + at] /= scale;
                right[pivot * size + at] /= scale;
            }
            for row in (0..size).filter(|row| *row != pivot) {
                let factor = left[row * size + pivot];
                for at in 0..size {
                    left[row * size + at] -= factor * left[pivot * size + at];
                    right[row * size + at] -= factor * right[pivot * size + at];
                }
            }
        }
        Some(right.into_iter().map(|value| value as f32).collect())
    }

    /// Ridge regression of each item on the others, by gradient descent.
    fn brute_force(baskets: &[Vec<u32>], items: usize, lambda: f64) -> Vec<f64> {
        let x =
            |user: usize, item: usize| f64::from(u8::from(baskets[user].contains(&(item as u32))));
        let mut weights = vec![0.0; items * items];
        for target in 0..items {
            for _ in 0..4_000 {
                let mut gradient: Vec<f64> = (0..items)
                    .map(|from| lambda * weights[from * items + target])
                    .collect();
                for user in 0..baskets.len() {
                    let predicted: f64 = (0..items)
                        .map(|from| x(user, from) * weights[from * items + target])
                        .sum();
                    for (from, gradient) in gradient.iter_mut().enumerate() {
                        *gradient += x(user, from) * (predicted - x(user, target));
                    }
                }
                for from in (0..items).filter(|from| *from != target) {
                    weights[from * items + target] -= 0.05 * gradient[from];
                }
            }
        }
        weights
    }

    fn baskets() -> [Vec<u32>; 5] {
        [
            vec![0, 1],
            vec![0, 1, 3],
            vec![1, 2],
            vec![0, 2, 3],
            vec![3],
        ]
    }

    #[test]
    fn the_closed_form_is_the_ridge_regression_of_each_item_on_the_others() {
        let baskets = baskets();
        let model = Ease::fit(&baskets, 4, 0.7, inverse).unwrap();
        let expected = brute_force(&baskets, 4, 0.7);
        for (found, expected) in model.weights.iter().zip(expected) {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-4,
                "{found} is not {expected}"
            );
        }
    }

    #[test]
    fn libtorch_inverts_as_gauss_and_jordan_do() {
        let baskets = baskets();
        let ours = Ease::fit(&baskets, 4, 0.7, inverse).unwrap();
        let theirs = Ease::fit(
            &baskets,
            4,
            0.7,
            reckon_torch::linalg::inverse_positive_definite,
        )
        .unwrap();
        for (ours, theirs) in ours.weights.iter().zip(theirs.weights) {
            assert!((ours - theirs).abs() < 1e-5);
        }
    }

    #[test]
    fn items_without_training_rows_come_last() {
        let model = Ease::fit(&[vec![0, 2], vec![2]], 4, 1.0, inverse).unwrap();
        let scores = model.scores(&[vec![0, 1]]);
        assert!(scores[2] > 0.0);
        assert_eq!(
            (scores[1], scores[3]),
            (f32::NEG_INFINITY, f32::NEG_INFINITY)
        );
    }
}
