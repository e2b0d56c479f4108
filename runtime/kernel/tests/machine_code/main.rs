//! Machine code equals the interpreter bit for bit, over random row programs and columns.
//!
//! The quick test has fixed seeds; the ignored one goes on for the minutes that its constant says and prints how many
//! programs it has seen: `cargo test -p reckon-kernel --test machine_code -- --ignored --nocapture`.

mod bags;
mod generate;
mod single;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use generate::{Case, Draw};
use reckon_kernel::{Column, Data, Means, RowProgram};

/// Whether columns are the same bits; NaNs are one.
fn same(a: &Column, b: &Column) -> bool {
    a.valid == b.valid && same_data(&a.data, &b.data)
}

fn same_data(a: &Data, b: &Data) -> bool {
    match (a, b) {
        (Data::Float(a), Data::Float(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
        }
        (Data::List(a), Data::List(b)) => a.offsets == b.offsets && same_data(&a.values, &b.values),
        (a, b) => a == b,
    }
}

#[track_caller]
fn check(seed: u64) -> (String, usize) {
    let case = Case::draw(&mut Draw::new(seed));
    let program = RowProgram::new(case.kernel.clone());
    let run = |means| program.run_by(means, &case.inputs(), &case.fits);
    let (interpreted, compiled) = (run(Means::Interpreter), run(Means::MachineCode));
    let (interpreted, compiled) = match (interpreted, compiled) {
        (Ok(interpreted), Ok(compiled)) => (interpreted, compiled),
        (a, b) => panic!("seed {seed}: {:?}\n{a:?}\n{b:?}", case.kernel.code),
    };
    for ((name, a), (_, b)) in interpreted.iter().zip(&compiled) {
        assert!(
            same(a, b),
            "seed {seed}, output {name} of {:#?}\ninterpreted {a:?}\ncompiled {b:?}",
            case.kernel
        );
    }
    let loops = program.loops(&case.inputs(), &case.fits);
    (format!("{:?}", case.kernel.code), loops)
}

/// Programs of the quick test, which take some twenty seconds.
const SEEDS: u64 = 20_000;

#[test]
fn machine_code_equals_the_interpreter() {
    let loops: usize = (0..SEEDS).map(|seed| check(seed).1).sum();
    assert!(loops as u64 > SEEDS, "only {loops} loops were compiled");
}

#[test]
fn a_text_that_is_no_number_is_null_in_machine_code_too() {
    // Buckets of numbers in a column of texts without nulls.
    check(1_000_133);
}

#[test]
#[ignore = "half an hour"]
fn machine_code_equals_the_interpreter_for_half_an_hour() {
    let (begin, mut programs) = (Instant::now(), BTreeSet::new());
    let mut seed = 1_000_000;
    while begin.elapsed() < Duration::from_secs(1800) {
        programs.insert(reckon_kernel::hash::hash(
            0,
            &[reckon_kernel::hash::Hashed::Str(&check(seed).0)],
        ));
        seed += 1;
    }
    println!(
        "{} runs of {} distinct programs",
        seed - 1_000_000,
        programs.len()
    );
}
