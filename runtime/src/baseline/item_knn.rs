//! ItemKNN (Deshpande and Karypis 2004): items similar to those that the user had.

use rayon::prelude::*;

/// The nearest neighbours of each item, by the cosine between the sets of users that had them.
pub(crate) struct ItemKnn {
    /// Neighbour and similarity, nearest first.
    neighbours: Vec<Vec<(u32, f32)>>,
}

impl ItemKnn {
    /// Keeps the `neighbours` nearest of each item, ties by lowest item. `baskets` are the distinct items of each user.
    pub(crate) fn fit(baskets: &[Vec<u32>], items: usize, neighbours: usize) -> Self {
        let mut owners = vec![Vec::new(); items];
        for (user, basket) in baskets.iter().enumerate() {
            for item in basket {
                owners[*item as usize].push(user as u32);
            }
        }
        let of_item = |(together, near): &mut (Vec<u32>, Vec<(u32, f32)>), item: usize| {
            for user in &owners[item] {
                for other in &baskets[*user as usize] {
                    together[*other as usize] += 1;
                }
            }
            let similar = |(other, count): (usize, &mut u32)| {
                let count = std::mem::take(count);
                let norm = (owners[item].len() as f32 * owners[other].len() as f32).sqrt();
                (count > 0 && other != item).then(|| (other as u32, count as f32 / norm))
            };
            near.clear();
            near.extend(together.iter_mut().enumerate().filter_map(similar));
            let nearer = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
            let kept = neighbours.min(near.len());
            if (1..near.len()).contains(&kept) {
                near.select_nth_unstable_by(kept - 1, nearer);
            }
            let nearest = &mut near[..kept];
            nearest.sort_unstable_by(nearer);
            // A list of its own: of a large catalogue `near` is long.
            nearest.to_vec()
        };
        Self {
            neighbours: (0..items)
                .into_par_iter()
                .map_init(|| (vec![0_u32; items], Vec::new()), of_item)
                .collect(),
        }
    }

    /// The score of every item for each basket: the sum of its similarities to the items that have it as a neighbour.
    pub(crate) fn scores(&self, baskets: &[Vec<u32>]) -> Vec<f32> {
        let items = self.neighbours.len();
        let mut scores = vec![0.0; baskets.len() * items];
        scores
            .par_chunks_mut(items.max(1))
            .zip(baskets)
            .for_each(|(scores, basket)| {
                for (neighbour, similarity) in basket
                    .iter()
                    .flat_map(|item| &self.neighbours[*item as usize])
                {
                    scores[*neighbour as usize] += similarity;
                }
            });
        scores
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_scores_the_cosine_of_the_users_in_common() {
        let model = ItemKnn::fit(&[vec![0, 1], vec![0, 1, 2], vec![0]], 4, 100);
        let scores = model.scores(&[vec![0], vec![1, 2]]);
        let cosine = |both: f32, a: f32, b: f32| both / (a * b).sqrt();
        let expected = [
            [0.0, cosine(2.0, 3.0, 2.0), cosine(1.0, 3.0, 1.0), 0.0],
            [
                cosine(2.0, 3.0, 2.0) + cosine(1.0, 3.0, 1.0),
                cosine(1.0, 2.0, 1.0),
                cosine(1.0, 2.0, 1.0),
                0.0,
            ],
        ]
        .concat();
        for (found, expected) in scores.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{scores:?}");
        }
    }

    #[test]
    fn only_the_nearest_are_kept_with_ties_by_lowest_item() {
        let model = ItemKnn::fit(&[vec![0, 1, 2, 3], vec![0, 3]], 4, 2);
        let kept: Vec<u32> = model.neighbours[0].iter().map(|(item, _)| *item).collect();
        assert_eq!(kept, [3, 1]);
    }
}
