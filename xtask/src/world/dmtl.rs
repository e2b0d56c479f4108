//! Articles that are clicked and not read.
//!
//! Bait has 1.6 times the clicks and 0.4 times the reads a click. Reading time is log-normal around the length of the
//! article. In the null world nothing is bait. A ranker has scored most pairs before they were shown, a day and more: its
//! logits are those of the truth, with noise.

use super::draw::{Draw, dot, largest, sigmoid};
use super::{Size, TRUTH, Table, Truth, oracle};

const USERS: usize = 3_000;
const ARTICLES: usize = 1_000;
const VIEWS_A_USER: usize = 120;
const TASTES: usize = 12;
const DIMS: usize = 4;
const BAIT: f64 = 0.15;
const BAIT_CLICKS: f64 = 1.6;
const BAIT_READS: f64 = 0.4;
const VIEWS_A_SESSION: usize = 10;
/// The ranker of the day before.
const SCORED: f64 = 0.85;
const NOISE: f64 = 0.4;
const DAY: usize = 86_400;

pub(crate) fn make(size: &Size) -> Vec<Table> {
    let mut draw = size.draw();
    let affinity: Vec<Vec<f64>> = (0..TASTES).map(|_| draw.normals(TASTES)).collect();
    let (article_table, articles) = catalogue(size.truth, &mut draw);
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
        "session_id",
    ];
    let mut views = Table::new("views", &columns);
    let mut scores = Scores::new(size.seed);
    let mut seen = vec![0_usize; users];
    for view in 0..users * VIEWS_A_USER {
        let (user, article) = (draw.below(users), draw.below(ARTICLES));
        let length = articles[article].length;
        let (clicks, reads) = articles[article].chances(&affinity, &people[user]);
        let click = draw.happens(clicks);
        let meant = click && draw.happens(reads);
        // Who means to read stays for about the length, who does not for about a tenth of it.
        let stay = if meant { 0.0 } else { -2.3 };
        let seconds = if click {
            length * (stay + 0.4 * draw.normal()).exp()
        } else {
            0.0
        };
        let time = 1_600_000_000 + view * 20;
        let session = user * VIEWS_A_USER + seen[user] / VIEWS_A_SESSION;
        seen[user] += 1;
        scores.score([user, article, time], clicks, reads);
        views.row(&[
            &user,
            &article,
            &time,
            &format!("{length:.1}"),
            &u8::from(click),
            &format!("{seconds:.1}"),
            &u8::from(meant),
            &session,
        ]);
    }
    let truth = oracle(people.iter().map(|person| {
        let read = |article: &Article| {
            let (clicks, reads) = article.chances(&affinity, person);
            clicks * reads
        };
        largest(&articles.iter().map(read).collect::<Vec<_>>(), TRUTH)
    }));
    vec![user_table, article_table, views, truth, scores.table()]
}

/// The articles and their table.
fn catalogue(truth: Truth, draw: &mut Draw) -> (Table, Vec<Article>) {
    let mut article_table = Table::new("articles", &["article_id", "topic", "length", "bait"]);
    let articles: Vec<Article> = (0..ARTICLES)
        .map(|id| {
            let article = Article {
                topic: draw.below(TASTES),
                length: (4.2 + 0.6 * draw.normal()).exp(),
                bait: draw.happens(BAIT) && truth == Truth::Planted,
                latent: draw.normals(DIMS),
            };
            let bait = u8::from(article.bait);
            article_table.row(&[
                &id,
                &article.topic,
                &format!("{:.1}", article.length),
                &bait,
            ]);
            article
        })
        .collect();
    (article_table, articles)
}

struct Article {
    topic: usize,
    length: f64,
    bait: bool,
    latent: Vec<f64>,
}

impl Article {
    /// The probabilities that a user clicks, and that one who has clicked reads.
    fn chances(&self, affinity: &[Vec<f64>], (taste, own): &(usize, Vec<f64>)) -> (f64, f64) {
        let utility = 1.6 * affinity[*taste][self.topic] + 0.5 * dot(own, &self.latent);
        let (clicks, reads) = if self.bait {
            (BAIT_CLICKS, BAIT_READS)
        } else {
            (1.0, 1.0)
        };
        let clicks = (clicks * 0.6 * sigmoid(utility - 1.4)).min(0.98);
        (clicks, reads * sigmoid(0.7 * utility + 0.4))
    }
}

/// What the ranker said, in draws of its own: the world is the same with and without it.
struct Scores {
    draw: Draw,
    rows: Vec<(usize, String)>,
}

impl Scores {
    fn new(seed: u64) -> Self {
        Self {
            draw: Draw::new(seed ^ 0x5C02_E5C0),
            rows: Vec::new(),
        }
    }

    /// Scores a pair one to two days before it is shown, or not at all.
    fn score(&mut self, [user, article, time]: [usize; 3], clicks: f64, reads: f64) {
        if !self.draw.happens(SCORED) {
            return;
        }
        let at = time - DAY - 1 - self.draw.below(DAY);
        let mut logit = |p: f64| (p / (1.0 - p)).ln() + NOISE * self.draw.normal();
        let (click, read) = (logit(clicks), logit(reads));
        let row = format!("{user},{article},{at},{click:.4},{read:.4}");
        self.rows.push((at, row));
    }

    /// In the order of time.
    fn table(mut self) -> Table {
        self.rows.sort_by_key(|(at, _)| *at);
        let mut table = Table::new("scores", &["user_id", "article_id", "at", "click", "read"]);
        self.rows.iter().for_each(|(_, row)| table.row(&[row]));
        table
    }
}
