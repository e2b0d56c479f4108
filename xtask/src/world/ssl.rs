//! Things with few clicks whose features say part of what users like in them.
//!
//! Two blocks of three fields follow two hidden classes of a thing. A field names its class by one of several values, with a
//! probability that makes two fields of a block agree half of the time beyond chance; the class of the second block follows that
//! of the first half of the time. So a value that few clicked things have is known by the values beside it. In the null world the
//! fields belong to other things.

use super::draw::{Draw, Lottery, dot, largest, zipf};
use super::{Size, TRUTH, Table, Truth, oracle};

const USERS: usize = 8_000;
const KINDS: usize = 200;
const ITEMS: usize = 6_000;
const CLICKS_A_USER: usize = 20;
const CLASSES: usize = 40;
/// The values by which a field names one class.
const NAMES: usize = 40;
/// How often the second class is that which goes with the first.
const FOLLOWS: f64 = 0.5;
const DIMS: usize = 6;
/// The part of the variance of utility that the classes explain.
const FROM_FEATURES: f64 = 0.3;
/// The probability that a field shows its class; its square is the inner correlation of a block, 0.5.
const SHOWS: f64 = std::f64::consts::FRAC_1_SQRT_2;
/// How much utility decides beside popularity.
const SHARPNESS: f64 = 2.0;

pub(crate) fn make(size: &Size) -> Vec<Table> {
    let mut draw = size.draw();
    let meanings: Vec<[Vec<f64>; 2]> = (0..CLASSES)
        .map(|_| [draw.normals(DIMS), draw.normals(DIMS)])
        .collect();
    let classes: Vec<[usize; 2]> = (0..ITEMS)
        .map(|_| {
            let first = draw.below(CLASSES);
            let follows = draw.happens(FOLLOWS);
            let other = draw.below(CLASSES);
            [first, if follows { first } else { other }]
        })
        .collect();
    let own: Vec<Vec<f64>> = (0..ITEMS).map(|_| draw.normals(DIMS)).collect();
    let mut items = Table::new("items", &["item_id", "a1", "a2", "a3", "b1", "b2", "b3"]);
    for id in 0..ITEMS {
        let shown = match size.truth {
            Truth::Planted => classes[id],
            Truth::Null => classes[(id * 7 + 1_237) % ITEMS],
        };
        let fields: Vec<usize> = (0..6).map(|at| field(shown[at / 3], &mut draw)).collect();
        let [a1, a2, a3, b1, b2, b3] = fields[..] else {
            unreachable!("six fields")
        };
        items.row(&[&id, &a1, &a2, &a3, &b1, &b2, &b3]);
    }
    let popularity: Vec<f64> = zipf(ITEMS, 1.0).collect();
    let lotteries: Vec<Lottery> = (0..KINDS)
        .map(|_| {
            let taste = draw.normals(DIMS);
            let utility = |item: usize| {
                let [a, b] = classes[item];
                let of_class = (dot(&taste, &meanings[a][0]) + dot(&taste, &meanings[b][1]))
                    / std::f64::consts::SQRT_2;
                let of_item = dot(&taste, &own[item]);
                let of_both =
                    FROM_FEATURES.sqrt() * of_class + (1.0 - FROM_FEATURES).sqrt() * of_item;
                of_both / (DIMS as f64).sqrt()
            };
            Lottery::new(
                (0..ITEMS).map(|item| popularity[item] * (SHARPNESS * utility(item)).exp()),
            )
        })
        .collect();
    let users = size.users(USERS);
    let mut user_table = Table::new("users", &["user_id", "kind"]);
    (0..users).for_each(|id| user_table.row(&[&id, &(id % KINDS)]));
    let mut clicks = Table::new("clicks", &["user_id", "item_id", "at"]);
    for click in 0..users * CLICKS_A_USER {
        let user = draw.below(users);
        let item = lotteries[user % KINDS].draw(&mut draw);
        clicks.row(&[&user, &item, &(1_600_000_000 + click * 20)]);
    }
    let best: Vec<String> = lotteries
        .iter()
        .map(|lottery| largest(&lottery.weights(), TRUTH))
        .collect();
    let truth = oracle((0..users).map(|user| best[user % KINDS].clone()));
    vec![user_table, items, clicks, truth]
}

/// The value that a field shows of a class.
fn field(class: usize, draw: &mut Draw) -> usize {
    let shown = if draw.happens(SHOWS) {
        class
    } else {
        draw.below(CLASSES)
    };
    shown * NAMES + draw.below(NAMES)
}
