//! Articles that are clicked and not read.
//!
//! Bait has 1.6 times the clicks and 0.4 times the reads a click. Reading time is log-normal around the length of the
//! article. In the null world nothing is bait.

use super::draw::{dot, sigmoid};
use super::{Size, Table, Truth};

const USERS: usize = 6_000;
const ARTICLES: usize = 2_000;
const VIEWS_A_USER: usize = 60;
const TASTES: usize = 12;
const DIMS: usize = 4;
const BAIT: f64 = 0.15;
const BAIT_CLICKS: f64 = 1.6;
const BAIT_READS: f64 = 0.4;

pub(crate) fn make(size: &Size) -> Vec<Table> {
    let mut draw = size.draw();
    let affinity: Vec<Vec<f64>> = (0..TASTES).map(|_| draw.normals(TASTES)).collect();
    let mut article_table = Table::new("articles", &["article_id", "topic", "length", "bait"]);
    let articles: Vec<(usize, f64, bool, Vec<f64>)> = (0..ARTICLES)
        .map(|id| {
            let topic = draw.below(TASTES);
            let length = (4.2 + 0.6 * draw.normal()).exp();
            let bait = draw.happens(BAIT) && size.truth == Truth::Planted;
            article_table.row(&[&id, &topic, &format!("{length:.1}"), &u8::from(bait)]);
            (topic, length, bait, draw.normals(DIMS))
        })
        .collect();
    let users = size.users(USERS);
    let mut user_table = Table::new("users", &["user_id", "taste"]);
    let people: Vec<(usize, Vec<f64>)> = (0..users)
        .map(|id| {
            let taste = draw.below(TASTES);
            user_table.row(&[&id, &taste]);
            (taste, draw.normals(DIMS))
        })
        .collect();
    let columns = [
        "user_id",
        "article_id",
        "at",
        "length",
        "click",
        "seconds",
        "meant",
    ];
    let mut views = Table::new("views", &columns);
    for view in 0..users * VIEWS_A_USER {
        let (user, article) = (draw.below(users), draw.below(ARTICLES));
        let (topic, length, bait, latent) = &articles[article];
        let (taste, own) = &people[user];
        let utility = 1.2 * affinity[*taste][*topic] + 0.5 * dot(own, latent);
        let clicks = if *bait { BAIT_CLICKS } else { 1.0 };
        let reads = if *bait { BAIT_READS } else { 1.0 };
        let click = draw.happens((clicks * 0.6 * sigmoid(utility - 1.4)).min(0.98));
        let meant = click && draw.happens(reads * sigmoid(0.7 * utility + 0.4));
        // Who means to read stays for about the length, who does not for about a tenth of it.
        let stay = if meant { 0.0 } else { -2.3 };
        let seconds = if click {
            length * (stay + 0.4 * draw.normal()).exp()
        } else {
            0.0
        };
        let time = 1_600_000_000 + view * 20;
        views.row(&[
            &user,
            &article,
            &time,
            &format!("{length:.1}"),
            &u8::from(click),
            &format!("{seconds:.1}"),
            &u8::from(meant),
        ]);
    }
    vec![user_table, article_table, views]
}
