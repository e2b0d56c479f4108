use std::collections::BTreeSet;

use super::*;

const PEOPLE: u32 = 25;
const THINGS: u32 = 18;

/// Pairs with repeats, unevenly spread.
fn rows() -> Vec<(u32, u32)> {
    (0..220_u64)
        .map(|at| {
            let bits = hash(3, &[Hashed::Int(at as i64)]);
            let thing = ((bits >> 32) % u64::from(THINGS)).min((bits >> 8) % u64::from(THINGS));
            ((bits % u64::from(PEOPLE)) as u32, thing as u32)
        })
        .collect()
}

fn graph(plan: NearnessPlan) -> Neighbours {
    weighted(plan, |_, _| 1.0)
}

/// The graph of the same rows with a weight for each pair.
fn weighted(plan: NearnessPlan, weight: impl Fn(u32, u32) -> f64) -> Neighbours {
    let rows = rows().into_iter();
    Neighbours::new(
        &plan,
        rows.map(|(person, thing)| (person, thing, weight(person, thing))),
        (PEOPLE as usize, THINGS as usize),
    )
}

/// Some pairs count three times, as those that were bought.
fn bought(person: u32, thing: u32) -> f64 {
    if (person + 2 * thing).is_multiple_of(3) {
        3.0
    } else {
        1.0
    }
}

fn nearest(graph: &Neighbours) -> &[Vec<(u32, f64)>] {
    match &graph.kind {
        Kind::Nearest(nearest) => nearest,
        Kind::Walk { .. } => panic!("a walk keeps no neighbours"),
    }
}

fn had(person: u32) -> BTreeSet<u32> {
    let of = rows().into_iter().filter(|(who, _)| *who == person);
    of.map(|(_, thing)| thing).collect()
}

fn who(thing: u32) -> BTreeSet<u32> {
    let of = rows().into_iter().filter(|(_, what)| *what == thing);
    of.map(|(person, _)| person).collect()
}

/// The definition, pair by pair of things and of people.
fn swing(i: u32, j: u32, alpha: f64) -> f64 {
    let both: Vec<u32> = who(i).intersection(&who(j)).copied().collect();
    let mut sum = 0.0;
    for (at, a) in both.iter().enumerate() {
        for b in &both[at + 1..] {
            sum += 1.0 / (alpha + had(*a).intersection(&had(*b)).count() as f64);
        }
    }
    sum
}

fn cosine(i: u32, j: u32) -> f64 {
    let both = who(i).intersection(&who(j)).count() as f64;
    both / ((who(i).len() * who(j).len()) as f64).sqrt()
}

fn like_the_definition(graph: &Neighbours, top: usize, of: impl Fn(u32, u32) -> f64) {
    for i in 0..THINGS {
        let mut expected: Vec<(u32, f64)> = (0..THINGS)
            .filter(|j| *j != i)
            .map(|j| (j, of(i, j)))
            .filter(|(_, near)| *near > 0.0)
            .collect();
        expected.sort_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
        let found = &nearest(graph)[i as usize];
        assert_eq!(found.len(), expected.len().min(top), "thing {i}");
        for ((_, found), (_, expected)) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-12, "thing {i}");
        }
        for (j, near) in found {
            assert!((near - of(i, *j)).abs() < 1e-12, "things {i} and {j}");
        }
    }
}

#[test]
fn swing_is_its_definition_over_all_pairs_of_people() {
    for alpha in [1.0, 0.5] {
        let plan = NearnessPlan::Swing {
            alpha,
            top: 5,
            users: 1000,
        };
        like_the_definition(&graph(plan), 5, |i, j| swing(i, j, alpha));
    }
}

#[test]
fn cosine_is_its_definition() {
    like_the_definition(&graph(NearnessPlan::Cosine { top: 100 }), 100, cosine);
}

#[test]
fn swing_by_hand() {
    // People 0 and 1 have things 0 and 1 in common, and nothing else: 1 / (1 + 2). Person 2 has thing 1 alone.
    let rows = [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
        (1, 1),
        (2, 1),
        (2, ABSENT_ROW),
    ];
    let plan = NearnessPlan::Swing {
        alpha: 1.0,
        top: 3,
        users: 10,
    };
    let rows = rows.map(|(person, thing)| (person, thing, 1.0));
    let graph = Neighbours::new(&plan, rows.into_iter(), (3, 3));
    assert_eq!(
        nearest(&graph),
        [vec![(1, 1.0 / 3.0)], vec![(0, 1.0 / 3.0)], vec![]]
    );
}

#[test]
fn a_pair_counts_as_the_strongest_of_its_rows_says() {
    // As above; person 0 bought thing 1 after a click, and person 2 is paired with nothing.
    let rows = [
        (0, 0, 1.0),
        (0, 1, 1.0),
        (0, 1, 4.0),
        (1, 0, 1.0),
        (1, 1, 1.0),
        (2, 1, 0.0),
        (2, 0, f64::NAN),
    ];
    let of = |plan| Neighbours::new(&plan, rows.into_iter(), (3, 2));
    let swing = of(NearnessPlan::Swing {
        alpha: 1.0,
        top: 3,
        users: 10,
    });
    // Two people with two things in common, whose four edges have the product 4.
    let near = 2.0 / 3.0;
    assert_eq!(nearest(&swing), [vec![(1, near)], vec![(0, near)]]);
    // (1, 1) and (4, 1).
    let cosine = of(NearnessPlan::Cosine { top: 3 });
    let near = 5.0 / 34.0_f64.sqrt();
    for (thing, other) in [(0, 1), (1, 0)] {
        let (found, value) = nearest(&cosine)[thing][0];
        assert!(found == other && (value - near).abs() < 1e-12);
    }
}

#[test]
fn equal_weights_change_no_affinity() {
    let plans = [
        NearnessPlan::Swing {
            alpha: 1.0,
            top: 6,
            users: 8,
        },
        NearnessPlan::Cosine { top: 6 },
        NearnessPlan::PageRank {
            restart: 0.15,
            rounds: 20,
        },
    ];
    for plan in plans {
        let of = |graph: Neighbours| graph.affinity([1, 9].into_iter());
        let plain = of(graph(plan));
        let (same, others) = (of(weighted(plan, |_, _| 2.0)), of(weighted(plan, bought)));
        let far = |a: &[f64]| {
            let pairs = a.iter().zip(&plain);
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        assert!(far(&same) < 1e-12, "{plan}");
        assert!(far(&others) > 1e-3, "{plan}");
    }
}

#[test]
fn affinity_is_one_for_seeds_and_relative_to_the_largest_similarity_for_their_neighbours() {
    let graph = graph(NearnessPlan::Swing {
        alpha: 1.0,
        top: 4,
        users: 1000,
    });
    let all = nearest(&graph);
    let largest = all
        .iter()
        .flatten()
        .map(|(_, near)| *near)
        .fold(0.0, f64::max);
    let affinity = graph.affinity([2, 7, ABSENT_ROW].into_iter());
    for thing in 0..THINGS {
        let from = |seed: usize| {
            all[seed]
                .iter()
                .find(|(near, _)| *near == thing)
                .map_or(0.0, |(_, near)| *near)
        };
        let expected = match thing {
            2 | 7 => 1.0,
            _ => from(2).max(from(7)) / largest,
        };
        assert_eq!(affinity[thing as usize], expected, "thing {thing}");
    }
    assert!(affinity.contains(&0.0), "not all things are near");
    assert!(
        graph
            .affinity(std::iter::empty())
            .iter()
            .all(|near| *near == 0.0)
    );
}

#[test]
fn a_walk_is_the_power_iteration_of_its_matrix() {
    walks(|_, _| 1.0);
}

#[test]
fn a_walk_over_weights_takes_strong_edges_more_often() {
    walks(bought);
}

fn walks(weight: fn(u32, u32) -> f64) {
    let (restart, rounds, seed) = (0.15, 40, 4);
    let graph = weighted(NearnessPlan::PageRank { restart, rounds }, weight);
    let of_thing = |thing| {
        who(thing)
            .into_iter()
            .map(|who| weight(who, thing))
            .sum::<f64>()
    };
    let of_person = |person| {
        had(person)
            .into_iter()
            .map(|thing| weight(person, thing))
            .sum::<f64>()
    };
    let affinity = graph.affinity([seed].into_iter());
    let size = THINGS as usize;
    let mut share = vec![0.0; size];
    share[seed as usize] = 1.0;
    for _ in 0..rounds {
        let mut next = vec![0.0; size];
        for i in 0..THINGS {
            for person in who(i) {
                for j in had(person) {
                    let step =
                        weight(person, i) / of_thing(i) * weight(person, j) / of_person(person);
                    next[j as usize] += (1.0 - restart) * share[i as usize] * step;
                }
            }
        }
        next[seed as usize] += restart;
        share = next;
    }
    let largest = share.iter().copied().fold(0.0, f64::max);
    for thing in (0..size).filter(|thing| *thing != seed as usize) {
        assert!(
            (affinity[thing] - share[thing] / largest).abs() < 1e-9,
            "thing {thing}"
        );
    }
    assert_eq!(affinity[seed as usize], 1.0);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let plans = [
        NearnessPlan::Swing {
            alpha: 1.0,
            top: 6,
            users: 8,
        },
        NearnessPlan::Cosine { top: 6 },
        NearnessPlan::PageRank {
            restart: 0.15,
            rounds: 20,
        },
    ];
    for plan in plans {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| graph(plan).affinity([1, 9].into_iter()))
        };
        let bits = |values: Vec<f64>| values.into_iter().map(f64::to_bits).collect::<Vec<u64>>();
        assert_eq!(bits(with(1)), bits(with(4)));
    }
}

#[test]
fn of_too_many_people_the_same_few_are_paired() {
    let plan = |users| NearnessPlan::Swing {
        alpha: 1.0,
        top: 20,
        users,
    };
    let (few, again) = (graph(plan(3)), graph(plan(3)));
    assert_eq!(nearest(&few), nearest(&again));
    let sum = |graph: &Neighbours| {
        nearest(graph)
            .iter()
            .flatten()
            .map(|(_, near)| near)
            .sum::<f64>()
    };
    assert!(sum(&few) < sum(&graph(plan(1000))));
}
