//! A small domain inside a large one, half of which misleads.
//!
//! What users want in the good half of the source has correlation 0.8 with what they want in the target, in the bad half
//! -0.3. The bad half shows other categories and other users more often, which is how it can be told apart. In the null world the
//! whole source has correlation 0.9 and shows what the target shows.

use super::draw::{Draw, dot, sigmoid};
use super::{Size, Table, Truth};

const USERS: usize = 8_000;
/// Regions, which a user's taste follows for the most part.
const REGIONS: usize = 40;
const OF_REGION: f64 = 0.9;
const ITEMS: usize = 2_000;
const CATEGORIES: usize = 20;
const DIMS: usize = 5;
const DAYS: usize = 21;
/// Rows of the target a day; the source has twenty times as many.
const TARGET_A_DAY: usize = 1_000;
const SOURCE_FACTOR: usize = 20;
const GOOD: f64 = 0.8;
const BAD: f64 = -0.3;
const NULL: f64 = 0.9;
/// The share of the target's users who live in the first half of the regions, and of others in the second.
const AT_HOME: f64 = 0.85;
/// The share of rows of the target (and of the good half) that show the first half of the categories.
const OWN_CATEGORIES: f64 = 0.75;

/// Where a row comes from.
#[derive(Clone, Copy, PartialEq)]
enum Origin {
    Target,
    Good,
    Bad,
}

pub(crate) fn make(size: &Size) -> Vec<Table> {
    let mut draw = size.draw();
    let (item_table, items) = catalogue(size.truth, &mut draw);
    let regions: Vec<Wants> = (0..REGIONS)
        .map(|_| Wants::new(DIMS, size.truth, &mut draw))
        .collect();
    let users = size.users(USERS);
    let mut user_table = Table::new("users", &["user_id", "region"]);
    let tastes: Vec<Wants> = (0..users)
        .map(|id| {
            let region = region(id < users / 3, &mut draw);
            user_table.row(&[&id, &region]);
            let own = Wants::new(DIMS, size.truth, &mut draw);
            regions[region].mixed(&own)
        })
        .collect();
    let columns = [
        "user_id", "item_id", "domain", "at", "click", "buy", "good", "p",
    ];
    let mut visits = Table::new("visits", &columns);
    let target = size.users(TARGET_A_DAY);
    let rows_a_day = target * (1 + SOURCE_FACTOR);
    for row in 0..rows_a_day * DAYS {
        let origin = match draw.below(1 + SOURCE_FACTOR) {
            0 => Origin::Target,
            _ if draw.happens(0.5) || size.truth == Truth::Null => Origin::Good,
            _ => Origin::Bad,
        };
        let user = user(origin, users, &mut draw);
        let item = item(origin, &mut draw);
        let liking = dot(tastes[user].of(origin), &items[item].at);
        let appeal = items[item].appeal.of(origin)[0];
        let p = sigmoid(0.9 * liking + 0.4 * appeal - 1.2);
        let click = draw.happens(p);
        let buy = click && draw.happens(0.2);
        let domain = match origin {
            Origin::Target => "target",
            Origin::Good | Origin::Bad => ["home", "search", "feed"][draw.below(3)],
        };
        let (day, place) = (row / rows_a_day, row % rows_a_day);
        let time = 1_600_041_600 + day * 86_400 + place * 86_000 / rows_a_day;
        let good = u8::from(origin != Origin::Bad);
        visits.row(&[
            &user,
            &item,
            &domain,
            &time,
            &u8::from(click),
            &u8::from(buy),
            &good,
            &format!("{p:.5}"),
        ]);
    }
    vec![user_table, item_table, visits]
}

/// The items and their table.
fn catalogue(truth: Truth, draw: &mut Draw) -> (Table, Vec<Item>) {
    let centres: Vec<Vec<f64>> = (0..CATEGORIES).map(|_| draw.normals(DIMS)).collect();
    let mut item_table = Table::new("items", &["item_id", "category"]);
    let items: Vec<Item> = (0..ITEMS)
        .map(|id| {
            let category = id % CATEGORIES;
            item_table.row(&[&id, &category]);
            Item::new(&centres[category], truth, draw)
        })
        .collect();
    (item_table, items)
}

struct Item {
    at: Vec<f64>,
    /// How much everyone likes it, one number each.
    appeal: Wants,
}

impl Item {
    fn new(centre: &[f64], truth: Truth, draw: &mut Draw) -> Self {
        let noise = draw.normals(DIMS);
        let at = centre.iter().zip(noise).map(|(c, n)| 0.9 * c + 0.44 * n);
        Self {
            at: at.collect(),
            appeal: Wants::new(1, truth, draw),
        }
    }
}

/// What is wanted in the target and in both halves of the source.
struct Wants {
    target: Vec<f64>,
    good: Vec<f64>,
    bad: Vec<f64>,
}

impl Wants {
    fn new(dims: usize, truth: Truth, draw: &mut Draw) -> Self {
        let target = draw.normals(dims);
        let correlation = match truth {
            Truth::Planted => GOOD,
            Truth::Null => NULL,
        };
        let good = related(&target, correlation, draw);
        let bad = related(&target, BAD, draw);
        Self { target, good, bad }
    }

    /// The wants of a region with those of one user in it.
    fn mixed(&self, own: &Self) -> Self {
        let mix = |region: &[f64], own: &[f64]| -> Vec<f64> {
            let pairs = region.iter().zip(own);
            pairs
                .map(|(of_region, own)| {
                    OF_REGION.sqrt() * of_region + (1.0 - OF_REGION).sqrt() * own
                })
                .collect()
        };
        Self {
            target: mix(&self.target, &own.target),
            good: mix(&self.good, &own.good),
            bad: mix(&self.bad, &own.bad),
        }
    }

    fn of(&self, origin: Origin) -> &[f64] {
        match origin {
            Origin::Target => &self.target,
            Origin::Good => &self.good,
            Origin::Bad => &self.bad,
        }
    }
}

/// Normal with this correlation to `with`, dimension by dimension.
fn related(with: &[f64], correlation: f64, draw: &mut Draw) -> Vec<f64> {
    let rest = (1.0 - correlation * correlation).sqrt();
    with.iter()
        .map(|x| correlation * x + rest * draw.normal())
        .collect()
}

/// Users of the target mostly live in the first half of the regions, others in the second.
fn region(of_target: bool, draw: &mut Draw) -> usize {
    let first = of_target == draw.happens(AT_HOME);
    draw.below(REGIONS / 2) + if first { 0 } else { REGIONS / 2 }
}

/// Users of the target are the first third; the bad half sees them less.
fn user(origin: Origin, users: usize, draw: &mut Draw) -> usize {
    let third = (users / 3).max(1);
    let inside = match origin {
        Origin::Target => 1.0,
        Origin::Good => 0.6,
        Origin::Bad => 0.2,
    };
    if draw.happens(inside) {
        draw.below(third)
    } else {
        third + draw.below(users - third)
    }
}

fn item(origin: Origin, draw: &mut Draw) -> usize {
    let own = match origin {
        Origin::Target | Origin::Good => OWN_CATEGORIES,
        Origin::Bad => 1.0 - OWN_CATEGORIES,
    };
    let half = CATEGORIES / 2;
    let category = draw.below(half) + if draw.happens(own) { 0 } else { half };
    draw.below(ITEMS / CATEGORIES) * CATEGORIES + category
}
