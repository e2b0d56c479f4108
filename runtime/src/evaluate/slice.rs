//! Slices: parts of an evaluation, by a property of the target or of the query.

use super::queries::EventRows;

/// A way to cut an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slice {
    /// What it cuts by, `training count`.
    pub(crate) by: String,
    /// The names of its groups.
    pub(crate) groups: Vec<String>,
    /// Who belongs where.
    pub(crate) members: Members,
}

/// Who belongs to which group of a slice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Members {
    /// The group of each item; a query counts with those of its targets that are in the group.
    Items(Vec<u32>),
    /// The group of each event row; a query counts by its row.
    Rows(Vec<u32>),
}

/// By how many training rows refer to the target: 0, 1 to 4, 5 to 49, 50 and more.
pub(crate) fn by_training_count(events: &EventRows) -> Slice {
    let group = |count: &u32| match count {
        0 => 0,
        1..=4 => 1,
        5..=49 => 2,
        50.. => 3,
    };
    Slice {
        by: "training count".to_owned(),
        groups: ["0", "1-4", "5-49", "50+"].map(str::to_owned).to_vec(),
        members: Members::Items(events.training_counts().iter().map(group).collect()),
    }
}

/// The items in so many groups, most popular first, each with about an equal share of the training rows.
pub(crate) fn by_popularity(events: &EventRows, entity: &str, groups: usize) -> Slice {
    let counts = events.training_counts();
    let mut order: Vec<u32> = (0..counts.len()).map(|item| item as u32).collect();
    order.sort_by_key(|item| std::cmp::Reverse(counts[*item as usize]));
    let total: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    let mut members = vec![0; counts.len()];
    let mut before = 0_u64;
    for item in order {
        // An item belongs where the middle of its rows lies; items without rows come last.
        let middle = 2 * before + u64::from(counts[item as usize]);
        let group = (middle * groups as u64).checked_div(2 * total).unwrap_or(0);
        let group = if counts[item as usize] == 0 {
            groups - 1
        } else {
            (group as usize).min(groups - 1)
        };
        members[item as usize] = group as u32;
        before += u64::from(counts[item as usize]);
    }
    Slice {
        by: format!("popularity({entity}, {groups})"),
        groups: (1..=groups)
            .map(|group| format!("{group} of {groups}"))
            .collect(),
        members: Members::Items(members),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(counts: &[usize]) -> EventRows {
        let item: Vec<u32> = counts
            .iter()
            .enumerate()
            .flat_map(|(item, count)| vec![item as u32; *count])
            .collect();
        let rows = item.len();
        EventRows {
            asker: vec![0; rows],
            item,
            time: vec![0; rows],
            part: vec![0; rows],
            passes: vec![true; rows],
            askers: 1,
            items: counts.len(),
            ..EventRows::default()
        }
    }

    #[test]
    fn training_counts_fall_into_four_groups() {
        let slice = by_training_count(&events(&[0, 1, 4, 5, 49, 50]));
        assert_eq!(slice.members, Members::Items(vec![0, 1, 1, 2, 2, 3]));
    }

    #[test]
    fn popularity_groups_hold_equal_shares_of_rows_with_the_most_popular_first() {
        let slice = by_popularity(&events(&[2, 6, 2, 0, 2]), "movie", 2);
        assert_eq!(slice.members, Members::Items(vec![1, 0, 1, 1, 1]));
        assert_eq!(slice.groups, ["1 of 2", "2 of 2"]);
    }

    #[test]
    fn without_training_rows_all_items_are_in_the_last_group() {
        assert_eq!(
            by_popularity(&events(&[0, 0]), "movie", 3).members,
            Members::Items(vec![2, 2])
        );
    }
}
