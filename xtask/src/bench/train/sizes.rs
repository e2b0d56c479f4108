//! What the size of tables and of batches does to Reckon's steps: time by row that a batch reads, and memory.

use super::race::{Race, taken};
use crate::{
    bench::{
        Scale,
        peers::number,
        record::{Record, Subject},
    },
    trouble::Trouble,
};

const SPEC: &str = "benches/specs/two_tower.rec";
const BATCH: usize = 4096;
/// How much longer a row that a batch reads may take where tables are larger.
const GROWTH: f64 = 1.5;
const COMPARED: &str = "times that of the smallest";

/// Microseconds by distinct row that a batch reads, from small tables of items to large ones; the table of users stays small. Sizes take
/// turns. Returns which bars are not reached.
pub(super) fn rows(race: &Race<'_>, record: &mut Record) -> Result<Vec<String>, Trouble> {
    let sizes: &[usize] = match race.bed.scale {
        Scale::Quick => &[10_000, 20_000],
        Scale::Full => &[100_000, 2_000_000, 20_000_000],
    };
    let batch = race.batch(BATCH);
    let case = format!("two_tower by rows of its table of items, batch {batch}");
    let settings = |rows: usize| {
        let mut settings = race.settings(rows, batch);
        settings.push(format!("users={}", sizes[0]));
        settings
    };
    let mut distinct = Vec::new();
    for rows in sizes {
        let trace = race.traced(SPEC, *rows, batch)?;
        let found = race.peer("train.py", &["distinct", &trace])?;
        distinct.push(number(&found, "distinct rows")?);
    }
    for _ in 0..race.size.rounds {
        let mut smallest = None;
        for (rows, distinct) in sizes.iter().zip(&distinct) {
            let pace = (race.size.warm, race.size.steps);
            let ours = race.ours(&race.spec(SPEC), pace, &settings(*rows))?;
            let contender = rows.to_string();
            let mut add = |metric, unit, value| {
                let subject = Subject {
                    case: &case,
                    contender: &contender,
                    metric,
                    unit,
                };
                record.add(subject, value);
            };
            let a_row = ours.milliseconds * 1e3 / distinct;
            add("distinct rows a batch", "", *distinct);
            add("ms a step", "ms", ours.milliseconds);
            add("µs a distinct row", "µs", a_row);
            add(COMPARED, "", a_row / *smallest.get_or_insert(a_row));
            add("peak MiB", "MiB", ours.peak);
        }
        record.write()?;
    }
    if race.bed.scale == Scale::Quick {
        return Ok(Vec::new());
    }
    let slow = |rows: &usize| {
        let contender = rows.to_string();
        let most = record.most_of(Subject {
            case: &case,
            contender: &contender,
            metric: COMPARED,
            unit: "",
        })?;
        (most > GROWTH).then(|| {
            format!(
                "a row of a table of {rows} takes {most:.2} times as long, expected at most {GROWTH}"
            )
        })
    };
    Ok(sizes.iter().filter_map(slow).collect())
}

/// The peak of memory by size of a batch, beside what a matrix of all pairs takes: who stores one has it at least once. Returns
/// whether Reckon's grows as if it did.
pub(super) fn memory(race: &Race<'_>, record: &mut Record) -> Result<Vec<String>, Trouble> {
    let batches: &[usize] = match race.bed.scale {
        Scale::Quick => &[256, 512],
        Scale::Full => &[1024, 4096, 16_384],
    };
    let rows = race.size.rows[0];
    let case = format!("peak of memory in MiB, two_tower, tables of {rows} rows");
    let mut last = None;
    let mut broken = Vec::new();
    for batch in batches {
        let metric = format!("batch {batch}");
        let mut add = |contender, value| {
            let subject = Subject {
                case: &case,
                contender,
                metric: &metric,
                unit: "MiB",
            };
            record.add(subject, value);
        };
        let trace = race.traced(SPEC, rows, *batch)?;
        let pairs = (batch * batch * size_of::<f32>()) as f64 / (1 << 20) as f64;
        let ours = race.ours(&race.spec(SPEC), (1, 3), &race.settings(rows, *batch))?;
        add("a matrix of all pairs", pairs);
        add("reckon", ours.peak);
        for contender in ["tiled", "fbgemm", "eager"] {
            let (table, threads) = (rows.to_string(), race.bed.threads.to_string());
            let words = ["time", contender, &trace, &table, "1", "3", &threads];
            add(contender, taken(&race.peer("train.py", &words)?)?.peak);
        }
        record.write()?;
        // Small matrices are lost among the rest.
        if let Some(before) = last
            && pairs > 512.0
            && ours.peak - before > pairs
        {
            let more = ours.peak - before;
            broken.push(format!(
                "batch {batch} takes {more:.0} MiB more than the one before, and a matrix of all pairs {pairs:.0}"
            ));
        }
        last = Some(ours.peak);
    }
    Ok(broken)
}
