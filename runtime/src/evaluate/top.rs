//! The N best of a row of scores.

/// The `n` items of highest score, best first, ties by lowest item row. Items in `left_out` (ascending) are skipped;
/// scores that are not numbers rank below all others.
pub(crate) fn top_items(scores: &[f32], left_out: &[u32], n: usize) -> Vec<u32> {
    // One word orders a candidate: the score in the high half, the complement of the item in the low half.
    let mut kept: Vec<u64> = Vec::with_capacity(4 * n + RUN);
    let mut least = 0;
    let mut left_out = left_out;
    for (run, scores) in scores.chunks(RUN).enumerate() {
        // Most runs hold nothing that is better than what is kept, which comparisons without branches tell.
        if !any_above(scores, floor(least)) {
            continue;
        }
        let first = (run * RUN) as u32;
        left_out = &left_out[left_out.partition_point(|item| *item < first)..];
        let mut left_out = left_out.iter().copied().peekable();
        for (item, score) in (first..).zip(scores) {
            if left_out.next_if_eq(&item).is_some() {
                continue;
            }
            let word = u64::from(sortable(*score)) << 32 | u64::from(!item);
            if word > least {
                kept.push(word);
            }
        }
        if kept.len() > 4 * n {
            least = cut(&mut kept, n);
        }
    }
    cut(&mut kept, n);
    kept.sort_unstable_by(|a, b| b.cmp(a));
    kept.into_iter().map(|word| !(word as u32)).collect()
}

/// Scores that are looked at together.
const RUN: usize = 16;

/// The score of a word above which a later item has to lie: one of the same score ranks below, by its item. `None` where any may be better.
fn floor(word: u64) -> Option<f32> {
    let bits = match (word >> 32) as u32 {
        0 => return None,
        sortable if sortable >> 31 == 1 => sortable & !(1 << 31),
        sortable => !sortable,
    };
    Some(f32::from_bits(bits))
}

fn any_above(scores: &[f32], floor: Option<f32>) -> bool {
    let Some(floor) = floor else {
        return true;
    };
    scores
        .iter()
        .fold(false, |any, score| any | (*score > floor))
}

/// Keeps the `n` largest words, in no order, and gives the least of them.
fn cut(words: &mut Vec<u64>, n: usize) -> u64 {
    if words.len() <= n || n == 0 {
        words.truncate(n);
        return 0;
    }
    let (_, least, _) = words.select_nth_unstable_by(n - 1, |a, b| b.cmp(a));
    let least = *least;
    words.truncate(n);
    least
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

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
