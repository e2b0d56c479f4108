//! Clicks by accident, at a rate that differs between groups of users.
//!
//! Half of the accidents come from bait, items that are clicked by accident more than others; half strike any item. In the null
//! world all groups have the same rate, and no item is bait. `chance` is a number of each view that says nothing, for weights to be compared with.

use super::draw::{Draw, dot, sigmoid};
use super::{Size, Table, Truth};

/// The share of accidents among the clicks of each group.
pub(crate) const ACCIDENTS: [f64; 5] = [0.05, 0.10, 0.15, 0.25, 0.40];
const EQUAL: f64 = 0.19;
const USERS: usize = 6_000;
const ITEMS: usize = 1_000;
const VIEWS_A_USER: usize = 60;
const TASTES: usize = 12;
const DIMS: usize = 4;
const BAIT: f64 = 0.2;
/// How much more often bait is clicked by accident than the mean item.
const BAIT_FACTOR: f64 = 5.0;

pub(crate) fn make(size: &Size) -> Vec<Table> {
    let mut draw = size.draw();
    let affinity: Vec<Vec<f64>> = (0..TASTES).map(|_| draw.normals(TASTES)).collect();
    let mut item_table = Table::new("items", &["item_id", "category", "bait"]);
    let items: Vec<Item> = (0..ITEMS)
        .map(|id| {
            let item = Item::new(size.truth, &mut draw);
            item_table.row(&[&id, &item.category, &u8::from(item.bait)]);
            item
        })
        .collect();
    let users = size.users(USERS);
    let mut user_table = Table::new("users", &["user_id", "segment", "taste"]);
    let people: Vec<(usize, Vec<f64>)> = (0..users)
        .map(|id| {
            let taste = draw.below(TASTES);
            user_table.row(&[&id, &format!("g{}", id % 5), &taste]);
            (taste, draw.normals(DIMS))
        })
        .collect();
    let shown: Vec<(usize, usize, f64)> = (0..users * VIEWS_A_USER)
        .map(|_| {
            let (user, at) = (draw.below(users), draw.below(ITEMS));
            let (item, (taste, latent)) = (&items[at], &people[user]);
            let utility = 1.2 * affinity[*taste][item.category] + 0.5 * dot(latent, &item.latent);
            (user, at, sigmoid(utility + item.quality - 1.6))
        })
        .collect();
    let meant = shown.iter().map(|(_, _, p)| p).sum::<f64>() / shown.len() as f64;
    let columns = [
        "user_id",
        "item_id",
        "at",
        "click",
        "intended",
        "p_intended",
        "chance",
    ];
    let mut views = Table::new("views", &columns);
    let mut chance = Draw::new(size.seed ^ 0x00C4_A2CE);
    for (view, (user, at, p)) in shown.iter().enumerate() {
        let share = match size.truth {
            Truth::Planted => ACCIDENTS[user % 5],
            Truth::Null => EQUAL,
        };
        let rate = share / (1.0 - share) * meant / (1.0 - meant);
        let intended = draw.happens(*p);
        let accident = !intended && draw.happens(rate * items[*at].pull(size.truth));
        let click = u8::from(intended || accident);
        let time = 1_600_000_000 + view * 20;
        views.row(&[
            user,
            at,
            &time,
            &click,
            &u8::from(intended),
            &format!("{p:.5}"),
            &format!("{:.5}", chance.uniform()),
        ]);
    }
    vec![user_table, item_table, views]
}

struct Item {
    category: usize,
    quality: f64,
    latent: Vec<f64>,
    bait: bool,
}

impl Item {
    fn new(truth: Truth, draw: &mut Draw) -> Self {
        Self {
            category: draw.below(TASTES),
            quality: 0.6 * draw.normal(),
            latent: draw.normals(DIMS),
            bait: draw.happens(BAIT) && truth == Truth::Planted,
        }
    }

    /// How much more than the mean item this one is clicked by accident.
    fn pull(&self, truth: Truth) -> f64 {
        let mean = BAIT * BAIT_FACTOR + (1.0 - BAIT);
        let pull = if self.bait { BAIT_FACTOR } else { 1.0 } / mean;
        match truth {
            Truth::Planted => 0.5 + 0.5 * pull,
            Truth::Null => 1.0,
        }
    }
}
