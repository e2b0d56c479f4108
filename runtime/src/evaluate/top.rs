//! The N best of a row of scores, or of products whose scores are never stored.

use reckon_torch::{Panels, in_threads};

/// An item and its score.
pub(crate) type Scored = (u32, f32);

/// What is looked for in a row of scores.
pub(crate) struct Wanted<'a> {
    /// For each row the items that stay out, ascending.
    pub(crate) left_out: &'a [Vec<u32>],
    /// How many of the best.
    pub(crate) depth: usize,
}

/// The best items of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Best {
    /// Best first, ties by lowest item row; scores that are not numbers come below all others.
    pub(crate) items: Vec<Scored>,
    /// Scores of the row that are not finite.
    pub(crate) not_finite: usize,
}

impl Best {
    /// The items alone.
    pub(crate) fn rows(&self) -> Vec<u32> {
        self.items.iter().map(|(item, _)| *item).collect()
    }
}

/// The best of each row of scores, which has `items` of them.
pub(crate) fn best_of_scores(scores: &[f32], items: usize, wanted: &Wanted<'_>) -> Vec<Best> {
    in_threads(wanted.left_out.len(), |row| {
        let mut top = Top::new(wanted.depth, &wanted.left_out[row]);
        for (run, scores) in scores[row * items..][..items].chunks(RUN).enumerate() {
            top.offer((run * RUN) as u32, scores);
        }
        top.finish()
    })
}

/// The best of the products of vectors, which lie back to back, with all items.
pub(crate) fn best_of_products(panels: &Panels, vectors: &[f32], wanted: &Wanted<'_>) -> Vec<Best> {
    let groups: Vec<&[Vec<u32>]> = wanted.left_out.chunks(TOGETHER).collect();
    let best = in_threads(groups.len(), |group| {
        let (left_out, width) = (groups[group], panels.width());
        let vectors = &vectors[group * TOGETHER * width..][..left_out.len() * width];
        let tops = left_out.iter().map(|items| Top::new(wanted.depth, items));
        let mut tops: Vec<Top<'_>> = tops.collect();
        let (queries, mut products) = (panels.queries(vectors), Vec::new());
        for (panel, items) in panels.ranges().enumerate() {
            panels.products(panel, &queries, &mut products);
            for (top, scores) in tops.iter_mut().zip(products.chunks(Panels::WIDE)) {
                top.offer(items.start as u32, &scores[..items.len()]);
            }
        }
        tops.into_iter().map(Top::finish).collect::<Vec<Best>>()
    });
    best.into_iter().flatten().collect()
}

/// Scores of a row that are looked at together.
const RUN: usize = 32;
/// Vectors that are multiplied with a panel of items while it is in the cache.
const TOGETHER: usize = 256;

/// The best items among those that have been offered.
struct Top<'a> {
    depth: usize,
    /// What stays out and has not been passed.
    left_out: &'a [u32],
    /// Candidates as words that order them: the score in the high half, the complement of the item in the low half.
    kept: Vec<u64>,
    /// The word that a candidate has to be above, 0 where any will do.
    least: u64,
    /// The score of that word, as far as it has one.
    floor: f32,
    not_finite: usize,
}

impl<'a> Top<'a> {
    fn new(depth: usize, left_out: &'a [u32]) -> Self {
        Self {
            depth,
            left_out,
            kept: Vec::with_capacity(2 * depth + RUN),
            least: 0,
            floor: f32::NAN,
            not_finite: 0,
        }
    }

    /// Offers at most [`RUN`] items from `first` on, all of which come after those that were offered.
    #[inline(always)]
    fn offer(&mut self, first: u32, scores: &[f32]) {
        // Most runs hold nothing that is better than what is kept, which comparisons without branches tell.
        let (may, finite) = match <&[f32; RUN]>::try_from(scores) {
            // Of a length that the compiler knows, so that several are compared at once.
            Ok(scores) => self.compared(scores),
            Err(_) => self.compared(scores),
        };
        if !finite {
            self.not_finite += scores.iter().filter(|score| !score.is_finite()).count();
        }
        if may != 0 {
            self.take(first, scores, may);
        }
    }

    /// A bit for each score that may be among the best, and whether all are finite.
    #[expect(
        clippy::neg_cmp_op_on_partial_ord,
        reason = "what is not below NaN may be among the best"
    )]
    #[inline(always)]
    fn compared(&self, scores: &[f32]) -> (u32, bool) {
        let (mut may, mut finite) = (0, true);
        for (at, score) in scores.iter().enumerate() {
            may |= u32::from(!(*score <= self.floor)) << at;
            finite &= score.is_finite();
        }
        (may, finite)
    }

    #[inline(never)]
    fn take(&mut self, first: u32, scores: &[f32], mut may: u32) {
        while may != 0 {
            let at = may.trailing_zeros();
            may &= may - 1;
            let item = first + at;
            let word = u64::from(sortable(scores[at as usize])) << 32 | u64::from(!item);
            if word > self.least && !self.is_left_out(item) {
                self.kept.push(word);
            }
        }
        if self.kept.len() >= 2 * self.depth {
            self.cut();
        }
    }

    /// Items come in ascending order.
    fn is_left_out(&mut self, item: u32) -> bool {
        while let [next, rest @ ..] = self.left_out
            && *next < item
        {
            self.left_out = rest;
        }
        self.left_out.first() == Some(&item)
    }

    /// Keeps the best words, in no order.
    fn cut(&mut self) {
        let depth = self.depth;
        if self.kept.len() > depth && depth > 0 {
            let (_, least, _) = self.kept.select_nth_unstable_by(depth - 1, |a, b| b.cmp(a));
            self.least = *least;
            self.floor = score((self.least >> 32) as u32);
        }
        self.kept.truncate(depth);
    }

    fn finish(mut self) -> Best {
        self.cut();
        self.kept.sort_unstable_by(|a, b| b.cmp(a));
        let words = self.kept.into_iter();
        Best {
            items: words
                .map(|word| (!(word as u32), score((word >> 32) as u32)))
                .collect(),
            not_finite: self.not_finite,
        }
    }
}

/// Maps floats to integers of the same order; zeros of both signs are equal, what is not a number comes below all.
fn sortable(score: f32) -> u32 {
    if score.is_nan() {
        return 0;
    }
    let bits = (score + 0.0).to_bits();
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    }
}

/// The float of such an integer.
fn score(sortable: u32) -> f32 {
    f32::from_bits(match sortable {
        0 => return f32::NAN,
        positive if positive >> 31 == 1 => positive & !(1 << 31),
        negative => !negative,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    fn top_items(scores: &[f32], left_out: &[u32], depth: usize) -> Vec<u32> {
        let left_out = [left_out.to_vec()];
        let wanted = Wanted {
            left_out: &left_out,
            depth,
        };
        best_of_scores(scores, scores.len(), &wanted)[0].rows()
    }

    fn naive(scores: &[f32], left_out: &[u32], n: usize) -> Vec<u32> {
        let mut items: Vec<u32> = (0..scores.len() as u32)
            .filter(|item| !left_out.contains(item))
            .collect();
        items.sort_by(|a, b| {
            scores[*b as usize]
                .partial_cmp(&scores[*a as usize])
                .unwrap()
        });
        items.truncate(n);
        items
    }

    #[test]
    fn runs_that_are_passed_over_hold_nothing_that_belongs_into_the_list() {
        let key = Key::new(6);
        for case in 0..40 {
            let key = key.with(case);
            let scores: Vec<f32> = (0..5_000)
                .map(|at| match key.below(at, 50) {
                    0 => f32::NEG_INFINITY,
                    1 => -0.0,
                    2 => 0.0,
                    _ => key.with(1).below(at, 3_000) as f32 - 1_500.0,
                })
                .collect();
            let left_out: Vec<u32> = (0..5_000)
                .filter(|at| key.with(2).below(u64::from(*at), 9) == 0)
                .collect();
            for n in [1, 5, 50] {
                assert_eq!(
                    top_items(&scores, &left_out, n),
                    naive(&scores, &left_out, n)
                );
            }
        }
    }

    #[test]
    fn the_best_products_are_the_best_of_their_scores() {
        let key = Key::new(7);
        let draw = |at: u64, count: usize| {
            let of = key.with(at);
            (0..count)
                .map(|at| of.below(at as u64, 9) as f32 - 4.0)
                .collect::<Vec<f32>>()
        };
        for (queries, items, width) in [(1, 5, 3), (70, 333, 8), (130, 64, 1)] {
            let (vectors, catalogue) = (draw(0, queries * width), draw(1, items * width));
            let product = |query: usize, item: usize| -> f32 {
                let (query, item) = (&vectors[query * width..], &catalogue[item * width..]);
                (0..width).map(|at| query[at] * item[at]).sum()
            };
            let scores: Vec<f32> = (0..queries * items)
                .map(|at| product(at / items, at % items))
                .collect();
            let left_out: Vec<Vec<u32>> = (0..queries as u32)
                .map(|query| {
                    (0..items as u32)
                        .filter(|item| (item + query) % 5 == 0)
                        .collect()
                })
                .collect();
            let wanted = Wanted {
                left_out: &left_out,
                depth: 20,
            };
            let found = best_of_products(&Panels::new(&catalogue, width), &vectors, &wanted);
            assert_eq!(found, best_of_scores(&scores, items, &wanted));
        }
    }

    #[test]
    fn what_is_not_finite_is_counted_whether_or_not_it_may_be_among_the_best() {
        let mut scores: Vec<f32> = (0..400).map(|at| 400.0 - at as f32).collect();
        (scores[2], scores[350], scores[399]) = (f32::INFINITY, f32::NEG_INFINITY, f32::NAN);
        let wanted = Wanted {
            left_out: &[vec![2]],
            depth: 3,
        };
        let best = &best_of_scores(&scores, 400, &wanted)[0];
        assert_eq!(best.items, [(0, 400.0), (1, 399.0), (3, 397.0)]);
        assert_eq!(best.not_finite, 3);
    }

    #[test]
    fn numbers_come_before_what_is_not_a_number_wherever_they_stand() {
        let mut scores = vec![f32::NAN; 300];
        (scores[7], scores[200], scores[299]) = (f32::NEG_INFINITY, -5.0, 1.0);
        assert_eq!(top_items(&scores, &[], 4), [299, 200, 7, 0]);
    }

    #[test]
    fn equals_a_full_stable_sort_on_scores_full_of_ties() {
        let key = Key::new(5);
        for case in 0..200 {
            let key = key.with(case);
            let items = key.below(0, 60);
            let scores: Vec<f32> = (0..items)
                .map(|at| key.below(1 + at as u64, 7) as f32 - 3.0)
                .collect();
            let left_out: Vec<u32> = (0..items as u32)
                .filter(|at| key.below(1_000 + u64::from(*at), 4) == 0)
                .collect();
            for n in [0, 1, 3, 10, 100] {
                assert_eq!(
                    top_items(&scores, &left_out, n),
                    naive(&scores, &left_out, n)
                );
            }
        }
    }

    #[test]
    fn what_is_not_a_number_comes_last_and_zeros_are_equal() {
        let scores = [f32::NAN, -0.0, 0.0, f32::NEG_INFINITY, -1.0, f32::INFINITY];
        assert_eq!(top_items(&scores, &[], 6), [5, 1, 2, 4, 3, 0]);
    }
}
