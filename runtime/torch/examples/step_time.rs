//! How long a training step of two towers takes: medians for one and for two threads, and where the time goes. The
//! argument is the number of rows in a batch, 1024 without one.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]

#[path = "../src/tests/two_towers.rs"]
mod two_towers;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reckon_torch::{Device, Error, Program, RunKey, Store, set_threads};
pub(crate) use reckon_torch::{Feeds, Values};
use two_towers::{Batch, Size};

const STEPS: u64 = 40;

fn main() -> Result<(), Error> {
    let batch = std::env::args().nth(1).and_then(|batch| batch.parse().ok());
    let size = Size {
        batch: batch.unwrap_or(1024),
        width: 64,
        hidden: 256,
        rows: 100_000,
        history: 50,
    };
    let graph = two_towers::step(size);
    let program = Program::compile(&graph, Device::Cpu)?;
    let batches: Vec<Batch> = (0..8).map(|number| Batch::new(size, number)).collect();
    for threads in [1, 2] {
        set_threads(threads);
        let mut store = Store::new(Device::Cpu);
        let rows = BTreeMap::from([
            ("item".to_owned(), size.rows),
            ("user".to_owned(), size.rows),
        ]);
        store.declare(&graph, &rows, 1)?;
        let mut times = Vec::new();
        let mut by_op: BTreeMap<&str, Duration> = BTreeMap::new();
        for step in 0..STEPS {
            let feeds = batches[step as usize % batches.len()].feeds();
            let key = RunKey {
                step,
                ..RunKey::default()
            };
            let start = Instant::now();
            if step % 2 == 0 {
                program.run(&mut store, &feeds, &key)?;
                times.push(start.elapsed());
            } else {
                for node in program.profile(&mut store, &feeds, &key)?.1 {
                    let name = graph.node(node.node).op.entry().name;
                    *by_op.entry(name).or_default() += node.time;
                }
            }
        }
        times.sort_unstable();
        println!(
            "{threads} threads: {:.2} ms a step",
            times[times.len() / 2].as_secs_f64() * 1e3
        );
        let mut by_op: Vec<_> = by_op.into_iter().collect();
        by_op.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        for (op, time) in by_op.iter().take(14) {
            println!(
                "  {op:<16} {:.2} ms",
                time.as_secs_f64() * 1e3 / (STEPS / 2) as f64
            );
        }
    }
    Ok(())
}
