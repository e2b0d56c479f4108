//! Item graphs: which things were had by the same people, and how near the things of some rows are to all others.
//!
//! Each thing's neighbours are added up by one thread in a fixed order, so the number of threads cannot change a bit.

use rayon::prelude::*;
use reckon_compiler::plan::NearnessPlan;
use reckon_kernel::hash::{Hashed, hash};

use super::source::ABSENT_ROW;

/// Who had what: each pair once, whatever the number of rows that say so, with the largest of their weights.
#[derive(Clone, Debug, Default)]
struct Pairs {
    /// For each person its things, ascending.
    things: Vec<Vec<Edge>>,
    /// For each thing its people, ascending.
    people: Vec<Vec<Edge>>,
}

/// What a person or a thing is paired with, and how strongly.
#[derive(Clone, Copy, Debug)]
struct Edge {
    to: u32,
    weight: f64,
}

/// A graph over things.
#[derive(Clone, Debug)]
pub(crate) struct Neighbours {
    kind: Kind,
    things: usize,
}

#[derive(Clone, Debug)]
enum Kind {
    /// For each thing the nearest others with their similarity, nearest first.
    Nearest(Vec<Vec<(u32, f64)>>),
    /// A walk from thing to person to thing.
    Walk {
        pairs: Pairs,
        restart: f64,
        rounds: usize,
    },
}

impl Neighbours {
    /// The graph of the pairs `(person, thing, weight)` of some rows; `sizes` are the numbers of people and of things.
    pub(crate) fn new(
        plan: &NearnessPlan,
        pairs: impl Iterator<Item = (u32, u32, f64)>,
        sizes: (usize, usize),
    ) -> Self {
        let pairs = Pairs::new(pairs, sizes);
        let kind = match *plan {
            NearnessPlan::Swing { alpha, top, users } => Kind::Nearest(
                pairs.nearest(top, |thing, sums| pairs.swing(thing, alpha, users, sums)),
            ),
            NearnessPlan::Cosine { top } => {
                let squares = pairs.squares();
                Kind::Nearest(pairs.nearest(top, |thing, sums| pairs.cosine(thing, &squares, sums)))
            }
            NearnessPlan::PageRank { restart, rounds } => Kind::Walk {
                pairs,
                restart,
                rounds,
            },
        };
        Self {
            kind,
            things: sizes.1,
        }
    }

    /// For each thing how near it is to the seeds, from 0 to 1: 1 for a seed; else the largest similarity to a seed among whose
    /// nearest it is, over the largest similarity of the graph; in a walk, its share of the visits over the largest share.
    pub(crate) fn affinity(&self, seeds: impl Iterator<Item = u32>) -> Vec<f64> {
        let mut is_seed = vec![false; self.things];
        for seed in seeds.filter(|seed| *seed != ABSENT_ROW) {
            is_seed[seed as usize] = true;
        }
        let mut near = match &self.kind {
            Kind::Nearest(nearest) => to_seeds(nearest, &is_seed),
            Kind::Walk {
                pairs,
                restart,
                rounds,
            } => pairs.visits(&is_seed, *restart, *rounds),
        };
        for (near, is_seed) in near.iter_mut().zip(&is_seed) {
            if *is_seed {
                *near = 1.0;
            }
        }
        near
    }
}

fn to_seeds(nearest: &[Vec<(u32, f64)>], is_seed: &[bool]) -> Vec<f64> {
    let firsts = nearest.iter().filter_map(|near| near.first());
    let largest = firsts.map(|(_, near)| *near).fold(0.0, f64::max);
    let mut affinity = vec![0.0_f64; nearest.len()];
    for (near, _) in nearest.iter().zip(is_seed).filter(|(_, is_seed)| **is_seed) {
        for (thing, similarity) in near {
            let at = &mut affinity[*thing as usize];
            *at = at.max(similarity / largest);
        }
    }
    affinity
}

impl Pairs {
    /// Rows whose weight is not above 0 make no pair.
    fn new(pairs: impl Iterator<Item = (u32, u32, f64)>, (people, things): (usize, usize)) -> Self {
        let mut had = vec![Vec::new(); people];
        for (person, thing, weight) in pairs {
            if person != ABSENT_ROW && thing != ABSENT_ROW && weight > 0.0 && weight.is_finite() {
                had[person as usize].push(Edge { to: thing, weight });
            }
        }
        had.par_iter_mut().for_each(|things| {
            things.sort_unstable_by(|a, b| {
                a.to.cmp(&b.to).then_with(|| b.weight.total_cmp(&a.weight))
            });
            things.dedup_by_key(|edge| edge.to);
        });
        let mut by = vec![Vec::new(); things];
        for (person, things) in had.iter().enumerate() {
            for edge in things {
                by[edge.to as usize].push(Edge {
                    to: person as u32,
                    weight: edge.weight,
                });
            }
        }
        Self {
            things: had,
            people: by,
        }
    }

    /// The `top` things with the largest sums for each thing, ties by number; `add` adds up the sums of one.
    fn nearest(&self, top: usize, add: impl Fn(u32, &mut Sums) + Sync) -> Vec<Vec<(u32, f64)>> {
        let count = self.people.len();
        (0..count as u32)
            .into_par_iter()
            .map_init(
                || Sums::new(count),
                |sums, thing| {
                    add(thing, sums);
                    let mut near = sums.take();
                    near.sort_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
                    near.truncate(top);
                    near
                },
            )
            .collect()
    }

    /// Swing: each pair of people who had the thing counts the less for their other common things, the more of them there are;
    /// with weights, the square root of the product of the four edges times as much.
    fn swing(&self, thing: u32, alpha: f64, users: usize, sums: &mut Sums) {
        let people = self.some_people(thing, users);
        for (at, a) in people.iter().enumerate() {
            for b in &people[at + 1..] {
                let common = common(&self.things[*a as usize], &self.things[*b as usize]);
                let own = common.iter().find(|both| both.to == thing);
                let own = own.map_or(1.0, |both| both.weight);
                let share = 1.0 / (alpha + common.len() as f64);
                for other in common.into_iter().filter(|other| other.to != thing) {
                    sums.add(other.to, share * (own * other.weight).sqrt());
                }
            }
        }
    }

    /// For each thing the sum of its squared weights: without weights, the number of its people.
    fn squares(&self) -> Vec<f64> {
        let square = |edge: &Edge| edge.weight * edge.weight;
        let things = self.people.iter();
        things
            .map(|people| people.iter().map(square).sum())
            .collect()
    }

    /// The cosine of the weights of two things' people: without weights, common people over the geometric mean of the numbers
    /// of people.
    fn cosine(&self, thing: u32, squares: &[f64], sums: &mut Sums) {
        let own = squares[thing as usize];
        for person in &self.people[thing as usize] {
            let things = self.things[person.to as usize].iter();
            for other in things.filter(|other| other.to != thing) {
                // Without weights every term of one thing is the same, and so is their sum up to rounding.
                let both = person.weight * other.weight;
                sums.add(other.to, both / (own * squares[other.to as usize]).sqrt());
            }
        }
    }

    /// The people of a thing; where there are more than `most`, those with the smallest hashes.
    fn some_people(&self, thing: u32, most: usize) -> Vec<u32> {
        let people = || self.people[thing as usize].iter().map(|edge| edge.to);
        if people().len() <= most {
            return people().collect();
        }
        let mut drawn: Vec<(u64, u32)> = people()
            .map(|person| {
                (
                    hash(u64::from(thing), &[Hashed::Int(i64::from(person))]),
                    person,
                )
            })
            .collect();
        drawn.sort_unstable();
        let mut some: Vec<u32> = drawn
            .into_iter()
            .take(most)
            .map(|(_, person)| person)
            .collect();
        some.sort_unstable();
        some
    }

    /// Personalised PageRank: in each round a walker goes from its thing to one of its people and on to one of their things, in
    /// proportion to weights, or returns to a seed. Shares of visits over the largest share.
    fn visits(&self, is_seed: &[bool], restart: f64, rounds: usize) -> Vec<f64> {
        let seeds = is_seed.iter().filter(|is_seed| **is_seed).count();
        if seeds == 0 {
            return vec![0.0; is_seed.len()];
        }
        let home: Vec<f64> = is_seed
            .iter()
            .map(|is_seed| if *is_seed { 1.0 / seeds as f64 } else { 0.0 })
            .collect();
        let out = |edges: &[Vec<Edge>]| -> Vec<f64> {
            let sum = |edges: &Vec<Edge>| edges.iter().map(|edge| edge.weight).sum();
            edges.iter().map(sum).collect()
        };
        let (of_thing, of_person) = (out(&self.people), out(&self.things));
        let mut share = home.clone();
        for _ in 0..rounds {
            let lost: f64 = (0..share.len())
                .filter(|thing| self.people[*thing].is_empty())
                .map(|thing| share[thing])
                .sum();
            let passing: Vec<f64> = self
                .things
                .par_iter()
                .zip(&of_person)
                .map(|(things, all)| {
                    let stays = things.iter().map(|edge| {
                        share[edge.to as usize] * edge.weight / of_thing[edge.to as usize]
                    });
                    let stays = stays.sum::<f64>();
                    if *all > 0.0 { stays / all } else { stays }
                })
                .collect();
            share = self
                .people
                .par_iter()
                .zip(&home)
                .map(|(people, home)| {
                    let walked: f64 = people
                        .iter()
                        .map(|edge| passing[edge.to as usize] * edge.weight)
                        .sum();
                    restart * home + (1.0 - restart) * (walked + lost * home)
                })
                .collect();
        }
        let largest = share.iter().copied().fold(0.0, f64::max);
        share.iter().map(|share| share / largest).collect()
    }
}

/// What two ascending lists have in common, with the products of their weights.
fn common(a: &[Edge], b: &[Edge]) -> Vec<Edge> {
    let (mut i, mut j, mut both) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        match a[i].to.cmp(&b[j].to) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                both.push(Edge {
                    to: a[i].to,
                    weight: a[i].weight * b[j].weight,
                });
                (i, j) = (i + 1, j + 1);
            }
        }
    }
    both
}

/// Sums by thing, most of which are 0.
struct Sums {
    values: Vec<f64>,
    touched: Vec<u32>,
}

impl Sums {
    fn new(things: usize) -> Self {
        Self {
            values: vec![0.0; things],
            touched: Vec::new(),
        }
    }

    fn add(&mut self, thing: u32, value: f64) {
        let sum = &mut self.values[thing as usize];
        if *sum == 0.0 {
            self.touched.push(thing);
        }
        *sum += value;
    }

    /// What is not 0, and back to 0.
    fn take(&mut self) -> Vec<(u32, f64)> {
        let touched = std::mem::take(&mut self.touched);
        touched
            .into_iter()
            .map(|thing| (thing, std::mem::take(&mut self.values[thing as usize])))
            .collect()
    }
}

#[cfg(test)]
#[path = "neighbours_tests.rs"]
mod tests;
