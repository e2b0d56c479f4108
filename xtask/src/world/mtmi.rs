//! Users with one to four interests.
//!
//! Things fall into clusters, of which a tenth belongs to two. A user has interests of unequal share; each click follows one
//! of them. In the null world everyone has one interest.

use super::draw::{Lottery, largest, zipf};
use super::{Size, TRUTH, Table, Truth, oracle};

const USERS: usize = 5_000;
const ITEMS: usize = 3_000;
const CLUSTERS: usize = 50;
const CLICKS_A_USER: usize = 30;
const MOST_INTERESTS: usize = 4;
const OVERLAP: f64 = 0.1;
/// The probability that the category shown is that of the first cluster.
const SHOWS: f64 = 0.8;

pub(crate) fn make(size: &Size) -> Vec<Table> {
    let mut draw = size.draw();
    let mut item_table = Table::new("items", &["item_id", "category", "clusters"]);
    let mut members = vec![Vec::new(); CLUSTERS];
    for id in 0..ITEMS {
        let first = id % CLUSTERS;
        let mut clusters = vec![first];
        if draw.happens(OVERLAP) {
            clusters.push((first + 1 + draw.below(CLUSTERS - 1)) % CLUSTERS);
        }
        let category = if draw.happens(SHOWS) {
            first
        } else {
            draw.below(CLUSTERS)
        };
        item_table.row(&[&id, &category, &joined(&clusters)]);
        for cluster in clusters {
            members[cluster].push(id);
        }
    }
    let lotteries: Vec<Lottery> = members
        .iter()
        .map(|members| Lottery::new(zipf(members.len(), 0.8)))
        .collect();
    let users = size.users(USERS);
    let mut user_table = Table::new("users", &["user_id", "interests", "shares"]);
    let people: Vec<(Vec<usize>, Lottery)> = (0..users)
        .map(|id| {
            let count = match size.truth {
                Truth::Planted => 1 + draw.below(MOST_INTERESTS),
                Truth::Null => 1,
            };
            let interests = draw.distinct(count, CLUSTERS);
            let shares = draw.shares(count);
            let shown: Vec<String> = shares.iter().map(|share| format!("{share:.4}")).collect();
            user_table.row(&[&id, &joined(&interests), &shown.join("|")]);
            (interests, Lottery::new(shares.into_iter()))
        })
        .collect();
    let mut clicks = Table::new("clicks", &["user_id", "item_id", "at", "cluster"]);
    for click in 0..users * CLICKS_A_USER {
        let user = draw.below(users);
        let (interests, shares) = &people[user];
        let cluster = interests[shares.draw(&mut draw)];
        let item = members[cluster][lotteries[cluster].draw(&mut draw)];
        clicks.row(&[&user, &item, &(1_600_000_000 + click * 20), &cluster]);
    }
    let truth = oracle(people.iter().map(|(interests, shares)| {
        let mut chances = vec![0.0; ITEMS];
        for (interest, share) in interests.iter().zip(shares.weights()) {
            let lottery = &lotteries[*interest];
            let of_members = members[*interest].iter().zip(lottery.weights());
            of_members.for_each(|(item, weight)| chances[*item] += share * weight / lottery.sum());
        }
        largest(&chances, TRUTH)
    }));
    vec![user_table, item_table, clicks, truth]
}

fn joined(numbers: &[usize]) -> String {
    numbers
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("|")
}
