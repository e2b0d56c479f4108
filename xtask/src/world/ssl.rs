//! Things with few clicks whose features say part of what users like in them.
//!
//! Two blocks of three fields follow two hidden classes of a thing; a field shows its class with a probability that makes
//! two fields of a block agree half of the time beyond chance. In the null world the fields belong to other things.

use super::draw::{Lottery, dot, zipf};
use super::{Size, Table, Truth};

const USERS: usize = 8_000;
const ITEMS: usize = 6_000;
const CLICKS_A_USER: usize = 20;
const CLASSES: usize = 12;
const DIMS: usize = 6;
/// The part of the variance of utility that the classes explain.
const FROM_FEATURES: f64 = 0.3;
/// The probability that a field shows its class; its square is the inner correlation of a block, 0.5.
const SHOWS: f64 = std::f64::consts::FRAC_1_SQRT_2;
/// How much utility decides beside popularity.
const SHARPNESS: f64 = 1.6;

pub(crate) fn make(size: &Size) -> Vec<Table> {
    let mut draw = size.draw();
    let meanings: Vec<[Vec<f64>; 2]> = (0..CLASSES)
        .map(|_| [draw.normals(DIMS), draw.normals(DIMS)])
        .collect();
    let classes: Vec<[usize; 2]> = (0..ITEMS)
        .map(|_| [draw.below(CLASSES), draw.below(CLASSES)])
        .collect();
    let own: Vec<Vec<f64>> = (0..ITEMS).map(|_| draw.normals(DIMS)).collect();
    let mut items = Table::new("items", &["item_id", "a1", "a2", "a3", "b1", "b2", "b3"]);
    for id in 0..ITEMS {
        let shown = match size.truth {
            Truth::Planted => classes[id],
            Truth::Null => classes[(id * 7 + 1_237) % ITEMS],
        };
        let fields: Vec<usize> = (0..6)
            .map(|field| {
                if draw.happens(SHOWS) {
                    shown[field / 3]
                } else {
                    draw.below(CLASSES)
                }
            })
            .collect();
        let [a1, a2, a3, b1, b2, b3] = fields[..] else {
            unreachable!("six fields")
        };
        items.row(&[&id, &a1, &a2, &a3, &b1, &b2, &b3]);
    }
    let popularity: Vec<f64> = zipf(ITEMS, 1.0).collect();
    let users = size.users(USERS);
    let mut user_table = Table::new("users", &["user_id"]);
    let lotteries: Vec<Lottery> = (0..users)
        .map(|id| {
            user_table.row(&[&id]);
            let taste = draw.normals(DIMS);
            let scale = (DIMS as f64).sqrt();
            let utility = |item: usize| {
                let [a, b] = classes[item];
                let of_class = (dot(&taste, &meanings[a][0]) + dot(&taste, &meanings[b][1]))
                    / std::f64::consts::SQRT_2;
                let of_item = dot(&taste, &own[item]);
                (FROM_FEATURES.sqrt() * of_class + (1.0 - FROM_FEATURES).sqrt() * of_item) / scale
            };
            Lottery::new(
                (0..ITEMS).map(|item| popularity[item] * (SHARPNESS * utility(item)).exp()),
            )
        })
        .collect();
    let mut clicks = Table::new("clicks", &["user_id", "item_id", "at"]);
    for click in 0..users * CLICKS_A_USER {
        let user = draw.below(users);
        let item = lotteries[user].draw(&mut draw);
        clicks.row(&[&user, &item, &(1_600_000_000 + click * 20)]);
    }
    vec![user_table, items, clicks]
}
