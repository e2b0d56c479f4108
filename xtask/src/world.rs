//! `cargo xtask world NAME`: made-up data with a planted truth.
//!
//! Public logs do not say which click was meant. A world does: it draws users, things and happenings from a known model and
//! writes the truth beside what a spec may read. Every world has a null variant in which the effect that a method claims
//! cannot exist. One seed gives the same bytes on every machine.

mod clsd;
mod dmtl;
mod draw;
mod ecat;
mod logq;
mod mtmi;
mod ssl;

use crate::{
    Verb,
    chores::say,
    trouble::{Trouble, closest},
};
use draw::Draw;
use std::{
    fmt::{Display, Write},
    fs,
    path::{Path, PathBuf},
};

pub(crate) const VERB: Verb = Verb {
    name: "world",
    arguments: "NAME [--null] [--seed N] [--percent N] [--out DIR]",
    about: "make data with a planted truth: clsd, dmtl, ecat, logq, mtmi, ssl",
    run: |repository, words| {
        let request = Request::parse(words)?;
        let out = request
            .out
            .clone()
            .unwrap_or_else(|| repository.root.join(request.default_folder()));
        write(request.world.name, &request.size, &out)?;
        say(format!(
            "{} is now in {}",
            request.world.name,
            out.display()
        ));
        Ok(())
    },
};

/// A kind of world.
struct World {
    name: &'static str,
    make: fn(&Size) -> Vec<Table>,
}

const WORLDS: &[World] = &[
    World {
        name: "clsd",
        make: clsd::make,
    },
    World {
        name: "dmtl",
        make: dmtl::make,
    },
    World {
        name: "ecat",
        make: ecat::make,
    },
    World {
        name: "logq",
        make: logq::make,
    },
    World {
        name: "mtmi",
        make: mtmi::make,
    },
    World {
        name: "ssl",
        make: ssl::make,
    },
];

/// Whether the planted effect is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    Planted,
    Null,
}

/// What a world is made from.
pub(crate) struct Size {
    pub(crate) truth: Truth,
    pub(crate) seed: u64,
    /// Users, in percent of the full world.
    pub(crate) percent: usize,
}

impl Size {
    /// This many users, scaled.
    pub(crate) fn users(&self, full: usize) -> usize {
        (full * self.percent / 100).max(20)
    }

    /// The source of all draws of a world.
    pub(crate) fn draw(&self) -> Draw {
        Draw::new(self.seed)
    }
}

/// A csv file.
pub(crate) struct Table {
    name: &'static str,
    text: String,
}

impl Table {
    pub(crate) fn new(name: &'static str, columns: &[&str]) -> Self {
        Self {
            name,
            text: columns.join(",") + "\n",
        }
    }

    /// Adds a row; no cell of a world needs quotes.
    pub(crate) fn row(&mut self, cells: &[&dyn Display]) {
        for (at, cell) in cells.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(self.text, "{comma}{cell}").expect("a String takes all");
        }
        self.text.push('\n');
    }
}

/// How many of a user's things a table of the truth holds: enough for the first 50 of those not seen.
const TRUTH: usize = 150;

/// The table that an oracle reads: a user's most probable things, first the most probable. No spec reads it.
pub(crate) fn oracle(best: impl Iterator<Item = String>) -> Table {
    let mut table = Table::new("truth", &["user_id", "best"]);
    best.enumerate()
        .for_each(|(user, best)| table.row(&[&user, &best]));
    table
}

/// What was asked for on the command line.
struct Request {
    world: &'static World,
    size: Size,
    out: Option<PathBuf>,
}

impl Request {
    fn parse(words: &[String]) -> Result<Self, Trouble> {
        let mut words = words.iter();
        let name = words
            .next()
            .ok_or_else(|| Trouble::usage("no world is named".to_owned(), listed()))?;
        let world = find(name)?;
        let mut request = Self {
            world,
            size: Size {
                truth: Truth::Planted,
                seed: 0,
                percent: 100,
            },
            out: None,
        };
        while let Some(word) = words.next() {
            let mut value = || {
                words.next().ok_or_else(|| {
                    Trouble::usage(
                        format!("`{word}` has no value"),
                        format!("usage: {}", VERB.arguments),
                    )
                })
            };
            let number = |text: &String| {
                text.parse().map_err(|_| {
                    Trouble::usage(
                        format!("`{text}` is not a number"),
                        format!("usage: {}", VERB.arguments),
                    )
                })
            };
            match word.as_str() {
                "--null" => request.size.truth = Truth::Null,
                "--seed" => request.size.seed = number(value()?)?,
                "--percent" => request.size.percent = number(value()?)? as usize,
                "--out" => request.out = Some(PathBuf::from(value()?)),
                _ => {
                    return Err(Trouble::usage(
                        format!("unknown option `{word}`"),
                        format!("usage: {}", VERB.arguments),
                    ));
                }
            }
        }
        Ok(request)
    }

    /// `target/worlds/clsd-null-3`
    fn default_folder(&self) -> String {
        let null = match self.size.truth {
            Truth::Planted => "",
            Truth::Null => "-null",
        };
        format!("target/worlds/{}{null}-{}", self.world.name, self.size.seed)
    }
}

/// Makes a world and fills a folder with its files.
pub(crate) fn write(name: &str, size: &Size, out: &Path) -> Result<(), Trouble> {
    let world = find(name)?;
    let put = || {
        fs::create_dir_all(out)?;
        let tables = (world.make)(size);
        tables.iter().try_for_each(|table| {
            fs::write(out.join(table.name).with_extension("csv"), &table.text)
        })
    };
    put().map_err(|error| Trouble::io(format!("cannot fill {}", out.display()), &error))
}

fn listed() -> String {
    let names: Vec<&str> = WORLDS.iter().map(|world| world.name).collect();
    format!("the worlds are {}", names.join(", "))
}

fn find(name: &str) -> Result<&'static World, Trouble> {
    let names = || WORLDS.iter().map(|world| world.name);
    WORLDS
        .iter()
        .find(|world| world.name == name)
        .ok_or_else(|| {
            let near = closest(name, names());
            let help = near.map_or_else(listed, |near| format!("perhaps `{near}` is meant"));
            Trouble::usage(format!("unknown world `{name}`"), help)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worlds at a fiftieth of their users.
    fn small(world: &World, truth: Truth, seed: u64) -> Vec<Table> {
        (world.make)(&Size {
            truth,
            seed,
            percent: 2,
        })
    }

    /// The cells of a column.
    pub(super) fn column<'t>(tables: &'t [Table], table: &str, column: &str) -> Vec<&'t str> {
        let table = tables
            .iter()
            .find(|candidate| candidate.name == table)
            .unwrap();
        let mut lines = table.text.lines();
        let head: Vec<&str> = lines.next().unwrap().split(',').collect();
        let at = head.iter().position(|name| *name == column).unwrap();
        lines.map(|line| line.split(',').nth(at).unwrap()).collect()
    }

    /// The share of rows for which a test holds.
    pub(super) fn share<'t>(cells: &[&'t str], holds: impl Fn(&'t str) -> bool) -> f64 {
        cells.iter().filter(|cell| holds(cell)).count() as f64 / cells.len() as f64
    }

    #[test]
    fn one_seed_makes_the_same_bytes_and_another_makes_others() {
        for world in WORLDS {
            let texts = |seed| -> Vec<String> {
                let tables = small(world, Truth::Planted, seed);
                tables.into_iter().map(|table| table.text).collect()
            };
            assert_eq!(texts(1), texts(1), "{}", world.name);
            assert_ne!(texts(1), texts(2), "{}", world.name);
        }
    }

    #[test]
    fn every_row_of_every_world_has_all_its_cells_and_no_happening_is_out_of_order() {
        for world in WORLDS {
            for truth in [Truth::Planted, Truth::Null] {
                for table in small(world, truth, 0) {
                    let mut lines = table.text.lines();
                    let head = lines.next().unwrap();
                    let cells = head.split(',').count();
                    assert!(lines.clone().count() > 10, "{} {}", world.name, table.name);
                    assert!(
                        lines.all(|line| line.split(',').count() == cells),
                        "{}",
                        table.name
                    );
                    if head.split(',').any(|name| name == "at") {
                        let tables = [table];
                        let times = column(&tables, tables[0].name, "at");
                        let times: Vec<i64> = times.iter().map(|at| at.parse().unwrap()).collect();
                        assert!(times.is_sorted(), "{}", world.name);
                    }
                }
            }
        }
    }

    #[test]
    fn accidents_happen_at_the_rate_of_their_group_and_equally_in_the_null_world() {
        let rate = |truth, segment| {
            let size = Size {
                truth,
                seed: 0,
                percent: 10,
            };
            let tables = clsd::make(&size);
            let of_user = column(&tables, "users", "segment");
            let users = column(&tables, "views", "user_id");
            let (clicks, intended) = (
                column(&tables, "views", "click"),
                column(&tables, "views", "intended"),
            );
            let rows = (0..users.len()).filter(|row| {
                clicks[*row] == "1" && of_user[users[*row].parse::<usize>().unwrap()] == segment
            });
            let meant: Vec<&str> = rows.map(|row| intended[row]).collect();
            share(&meant, |cell| cell == "0")
        };
        for (segment, expected) in ["g0", "g1", "g2", "g3", "g4"]
            .into_iter()
            .zip(clsd::ACCIDENTS)
        {
            let found = rate(Truth::Planted, segment);
            assert!((found - expected).abs() < 0.03, "{segment}: {found}");
            assert!(
                (rate(Truth::Null, segment) - 0.19).abs() < 0.03,
                "{segment}"
            );
        }
    }

    #[test]
    fn bait_is_clicked_more_and_read_less_and_absent_in_the_null_world() {
        let size = |truth| Size {
            truth,
            seed: 0,
            percent: 30,
        };
        let tables = dmtl::make(&size(Truth::Planted));
        let bait = column(&tables, "articles", "bait");
        let article = column(&tables, "views", "article_id");
        let (click, read) = (
            column(&tables, "views", "click"),
            column(&tables, "views", "meant"),
        );
        let of = |kind: &str, rows: &dyn Fn(usize) -> bool, cells: &[&str]| {
            let kept = (0..article.len())
                .filter(|row| bait[article[*row].parse::<usize>().unwrap()] == kind && rows(*row));
            let kept: Vec<&str> = kept.map(|row| cells[row]).collect();
            share(&kept, |cell| cell == "1")
        };
        let clicks = of("1", &|_| true, &click) / of("0", &|_| true, &click);
        let clicked = |row: usize| click[row] == "1";
        let reads = of("1", &clicked, &read) / of("0", &clicked, &read);
        assert!((1.4..1.8).contains(&clicks), "{clicks}");
        assert!((0.3..0.5).contains(&reads), "{reads}");
        let tables = dmtl::make(&size(Truth::Null));
        assert!(
            column(&tables, "articles", "bait")
                .iter()
                .all(|cell| *cell == "0")
        );
    }

    #[test]
    fn the_target_is_a_twentieth_of_the_source_and_half_of_the_source_is_good() {
        let tables = small(&WORLDS[2], Truth::Planted, 0);
        let domains = column(&tables, "visits", "domain");
        let target = share(&domains, |cell| cell == "target");
        assert!((target - 1.0 / 21.0).abs() < 0.005, "{target}");
        let good = column(&tables, "visits", "good");
        assert!((share(&good, |cell| cell == "1") - (0.5 * 20.0 + 1.0) / 21.0).abs() < 0.03);
    }

    #[test]
    fn things_of_the_null_world_of_logq_are_clicked_equally_often() {
        let of_most = |truth| {
            let tables = small(&WORLDS[3], truth, 0);
            let mut counts = std::collections::BTreeMap::<&str, usize>::new();
            let items = column(&tables, "clicks", "item_id");
            items
                .iter()
                .for_each(|item| *counts.entry(item).or_default() += 1);
            *counts.values().max().unwrap() as f64 / items.len() as f64
        };
        assert!(of_most(Truth::Planted) > 0.05);
        assert!(of_most(Truth::Null) < 0.002, "{}", of_most(Truth::Null));
    }

    #[test]
    fn users_of_the_null_world_have_one_interest() {
        let most = |truth| {
            let tables = small(&WORLDS[4], truth, 0);
            let interests = column(&tables, "users", "interests");
            interests
                .iter()
                .map(|cell| cell.split('|').count())
                .max()
                .unwrap()
        };
        assert_eq!((most(Truth::Planted), most(Truth::Null)), (4, 1));
    }

    #[test]
    fn an_unknown_world_is_refused_as_wrong_usage_with_a_suggestion() {
        let trouble = Request::parse(&["clds".to_owned()]).err().unwrap();
        assert_eq!(
            (trouble.status, trouble.help.as_str()),
            (2, "perhaps `clsd` is meant")
        );
        let words = ["ssl".to_owned(), "--seed".to_owned(), "x".to_owned()];
        assert!(
            Request::parse(&words)
                .err()
                .unwrap()
                .to_string()
                .contains("not a number")
        );
    }
}
