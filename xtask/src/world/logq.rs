//! Clicks whose probabilities are known, over things of very unequal popularity.
//!
//! `probe` asks for pairs whose log p(item | user) is written beside them: a softmax model with the right correction
//! has scores that differ from it by a constant a user. In the null world all things are equally popular.

use super::draw::{Lottery, dot, largest, zipf};
use super::{Size, TRUTH, Table, Truth, oracle};

const USERS: usize = 20_000;
const ITEMS: usize = 2_000;
const CLICKS_A_USER: usize = 20;
const KINDS: usize = 100;
const DIMS: usize = 8;
const SHARPNESS: f64 = 0.6;
/// After so many rounds the popularities that level all clicks change no more.
const ROUNDS: usize = 20;
/// Clicks on the most popular thing in another place.
const ELSEWHERE: usize = 100_000;
const PROBES: usize = 20_000;

pub(crate) fn make(size: &Size) -> Vec<Table> {
    let mut draw = size.draw();
    let mut items = Table::new("items", &["item_id", "elsewhere"]);
    let places: Vec<Vec<f64>> = (0..ITEMS)
        .map(|id| {
            // The counts of another place, where other things are popular.
            items.row(&[&id, &(ELSEWHERE / ((id * 7 + 1_237) % ITEMS + 1))]);
            draw.normals(DIMS)
        })
        .collect();
    let tastes: Vec<Vec<f64>> = (0..KINDS)
        .map(|_| draw.normals(DIMS).iter().map(|x| SHARPNESS * x).collect())
        .collect();
    let appeal = |taste: &Vec<f64>| places.iter().map(|place| dot(taste, place).exp()).collect();
    let appeals: Vec<Vec<f64>> = tastes.iter().map(appeal).collect();
    let popularity = match size.truth {
        Truth::Planted => zipf(ITEMS, 1.0).collect(),
        Truth::Null => levelled(&appeals),
    };
    let kinds: Vec<(Vec<f64>, Lottery)> = tastes
        .into_iter()
        .zip(&appeals)
        .map(|(taste, appeal)| {
            let weights = popularity.iter().zip(appeal).map(|(p, a)| p * a);
            (taste, Lottery::new(weights))
        })
        .collect();
    let users = size.users(USERS);
    let mut user_table = Table::new("users", &["user_id", "kind"]);
    (0..users).for_each(|id| user_table.row(&[&id, &(id % KINDS)]));
    let mut clicks = Table::new("clicks", &["user_id", "item_id", "at"]);
    let start = 1_600_000_000;
    for click in 0..users * CLICKS_A_USER {
        let user = draw.below(users);
        let item = kinds[user % KINDS].1.draw(&mut draw);
        clicks.row(&[&user, &item, &(start + click * 5)]);
    }
    let mut probe = Table::new("probe", &["user_id", "item_id", "at", "log_p", "drawn"]);
    for _ in 0..PROBES {
        let (user, item) = (draw.below(users), draw.below(ITEMS));
        let (taste, lottery) = &kinds[user % KINDS];
        let log_p = popularity[item].ln() + dot(taste, &places[item]) - lottery.sum().ln();
        let drawn = u8::from(draw.happens(0.5));
        let after = start + users * CLICKS_A_USER * 5;
        probe.row(&[&user, &item, &after, &format!("{log_p:.5}"), &drawn]);
    }
    let best: Vec<String> = kinds
        .iter()
        .map(|(_, lottery)| largest(&lottery.weights(), TRUTH))
        .collect();
    let truth = oracle((0..users).map(|user| best[user % KINDS].clone()));
    vec![user_table, items, clicks, probe, truth]
}

/// Popularities with which things of this appeal to each kind of user are all clicked equally often.
fn levelled(appeals: &[Vec<f64>]) -> Vec<f64> {
    let mut popularity = vec![1.0; ITEMS];
    for _ in 0..ROUNDS {
        let mut clicks = vec![0.0; ITEMS];
        for appeal in appeals {
            let all = dot(appeal, &popularity);
            for (item, clicks) in clicks.iter_mut().enumerate() {
                *clicks += appeal[item] * popularity[item] / all;
            }
        }
        for (popularity, clicks) in popularity.iter_mut().zip(clicks) {
            *popularity /= clicks;
        }
    }
    popularity
}
