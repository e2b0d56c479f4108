//! The order of trainings: each after those whose weights it reads.

use std::collections::BTreeSet;

/// What a training reads and changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    /// Paths that its losses read, those behind copies and averages included.
    pub(super) reads: BTreeSet<String>,
    /// Those of them that it reads a copy of.
    pub(super) copies: BTreeSet<String>,
    /// Paths that it trains.
    pub(super) trains: BTreeSet<String>,
}

/// The trainings in order, as indexes into `flows`, each with those directly before it.
///
/// # Errors
/// The trainings that wait for each other.
pub(super) fn order(flows: &[Flow]) -> Result<Vec<(usize, Vec<usize>)>, Vec<usize>> {
    let before: Vec<Vec<usize>> = (0..flows.len())
        .map(|at| {
            (0..flows.len())
                .filter(|other| *other != at && comes_before(flows, *other, at))
                .collect()
        })
        .collect();
    let mut done: Vec<usize> = Vec::new();
    while done.len() < flows.len() {
        let ready = (0..flows.len())
            .find(|at| !done.contains(at) && before[*at].iter().all(|first| done.contains(first)));
        match ready {
            Some(at) => done.push(at),
            None => return Err((0..flows.len()).filter(|at| !done.contains(at)).collect()),
        }
    }
    Ok(done.iter().map(|at| (*at, before[*at].clone())).collect())
}

/// Whether one training ends before another begins: the other waits for it; or both train a weight, neither waits for the
/// other, and it is the first in the text.
fn comes_before(flows: &[Flow], first: usize, then: usize) -> bool {
    let (one, other) = (&flows[first], &flows[then]);
    let both = !one.trains.is_disjoint(&other.trains);
    waits(other, one) || (both && !waits(one, other) && first < then)
}

/// Whether a training reads what another trains and it does not, or a copy of it.
pub(super) fn waits(then: &Flow, first: &Flow) -> bool {
    first.trains.iter().any(|path| {
        let copied = then.copies.contains(path) && !first.copies.contains(path);
        copied || (then.reads.contains(path) && !then.trains.contains(path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(reads: &[&str], trains: &[&str]) -> Flow {
        let set = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        Flow {
            reads: set(reads),
            trains: set(trains),
            copies: BTreeSet::new(),
        }
    }

    #[test]
    fn a_training_waits_for_the_weights_that_it_reads() {
        let flows = [flow(&["a", "b"], &["a"]), flow(&["b"], &["b"])];
        assert_eq!(order(&flows), Ok(vec![(1, vec![]), (0, vec![1])]));
    }

    #[test]
    fn trainings_of_the_same_weight_keep_the_order_of_the_text() {
        let flows = [flow(&["a"], &["a"]), flow(&["a"], &["a"]), flow(&[], &[])];
        assert_eq!(
            order(&flows),
            Ok(vec![(0, vec![]), (1, vec![0]), (2, vec![])])
        );
    }

    #[test]
    fn what_is_read_counts_more_than_the_order_of_the_text() {
        let flows = [flow(&["a", "b"], &["a"]), flow(&["a", "b"], &["a", "b"])];
        assert_eq!(order(&flows), Ok(vec![(1, vec![]), (0, vec![1])]));
    }

    #[test]
    fn a_training_that_reads_a_copy_comes_after_the_one_that_makes_it_worth_copying() {
        let copying = Flow {
            copies: ["a".to_owned()].into(),
            ..flow(&["a"], &["a"])
        };
        let flows = [copying, flow(&["a"], &["a"])];
        assert_eq!(order(&flows), Ok(vec![(1, vec![]), (0, vec![1])]));
    }

    #[test]
    fn trainings_that_wait_for_each_other_have_no_order() {
        let flows = [
            flow(&[], &["c"]),
            flow(&["a", "b"], &["a"]),
            flow(&["a", "b"], &["b"]),
        ];
        assert_eq!(order(&flows), Err(vec![1, 2]));
    }
}
