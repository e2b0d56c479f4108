//! Clicks whose probabilities are known, over things of very unequal popularity.
//!
//! `probe` asks for pairs whose log p(item | user) is written beside them: a softmax model with the right correction
//! has scores that differ from it by a constant a user. In the null world all things are equally popular.

use super::draw::{Lottery, dot, zipf};
use super::{Size, Table, Truth};

const USERS: usize = 20_000;
const ITEMS: usize = 2_000;
const CLICKS_A_USER: usize = 20;
const KINDS: usize = 100;
const DIMS: usize = 8;
const SHARPNESS: f64 = 0.6;
const PROBES: usize = 20_000;

pub(crate) fn make(size: &Size) -> Vec<Table> {
    let mut draw = size.draw();
    let power = match size.truth {
        Truth::Planted => 1.0,
        Truth::Null => 0.0,
    };
    let popularity: Vec<f64> = zipf(ITEMS, power).collect();
    let mut items = Table::new("items", &["item_id"]);
    let places: Vec<Vec<f64>> = (0..ITEMS)
        .map(|id| {
            items.row(&[&id]);
            draw.normals(DIMS)
        })
        .collect();
    let kinds: Vec<(Vec<f64>, Lottery)> = (0..KINDS)
        .map(|_| {
            let taste: Vec<f64> = draw.normals(DIMS).iter().map(|x| SHARPNESS * x).collect();
            let weight = |item: usize| popularity[item] * dot(&taste, &places[item]).exp();
            let lottery = Lottery::new((0..ITEMS).map(weight));
            (taste, lottery)
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
    vec![user_table, items, clicks, probe]
}
