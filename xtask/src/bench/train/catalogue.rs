//! Evaluation of a whole catalogue: rows a second beside training's, and the exact best 50 beside bare products of matrices with `topk`.

use super::race::{Race, taken};
use crate::{
    bench::{
        Scale,
        peers::number,
        record::{Record, Subject},
    },
    trouble::Trouble,
};

const SPEC: &str = "benches/specs/catalogue.rec";
const SCRIPT: &str = "catalogue.py";
const BATCH: usize = 4096;
/// How much longer than the bare program an evaluation may take.
const BARE: f64 = 1.3;
const EVALUATION: &str = "reckon, evaluation";
const PACE: &str = "rows a second";
const TIMES: &str = "times the bare program's";
/// Turns of a process, after one that warms up.
const TURNS: usize = 7;

/// Catalogues of several sizes, of which each process asks several turns; processes take turns too. Returns which bars are not reached.
pub(super) fn catalogue(race: &Race<'_>, record: &mut Record) -> Result<Vec<String>, Trouble> {
    let sizes: &[usize] = match race.bed.scale {
        Scale::Quick => &[10_000],
        Scale::Full => &[4_000, 20_000, 100_000],
    };
    let mut broken = Vec::new();
    for rows in sizes {
        broken.extend(of_size(race, record, *rows)?);
    }
    Ok(broken)
}

fn of_size(race: &Race<'_>, record: &mut Record, rows: usize) -> Result<Vec<String>, Trouble> {
    race.make(rows)?;
    let batch = race.batch(BATCH);
    let settings = race.settings(rows, batch);
    let spec = race.spec(SPEC);
    let case = format!("the best 50 of a catalogue, tables of {rows} rows");
    let (mut trained, mut asked) = (Vec::new(), Vec::new());
    for _ in 0..race.size.rounds {
        let steps = race.ours(&spec, (race.size.warm, race.size.steps), &settings)?;
        let turns = race.timed(&spec, (1, TURNS), "?", &settings)?;
        let (queries, threads) = (turns.queries.to_string(), race.bed.threads.to_string());
        let found = race.peer(SCRIPT, &[&race.data(rows), &queries, &threads])?;
        let bare = taken(&found)?;
        let of_training = batch as f64 / steps.milliseconds * 1e3;
        let (ours, theirs) = (turns.milliseconds, bare.milliseconds);
        let a_second = |milliseconds: f64| turns.queries / milliseconds * 1e3;
        for (contender, metric, unit, value) in [
            ("reckon, training", PACE, "1/s", of_training),
            (EVALUATION, PACE, "1/s", a_second(ours)),
            (EVALUATION, "items", "", number(&found, "items")?),
            (EVALUATION, "ms", "ms", ours),
            (EVALUATION, TIMES, "", ours / theirs),
            ("bare products and topk", PACE, "1/s", a_second(theirs)),
            ("bare products and topk", "ms", "ms", theirs),
        ] {
            let subject = Subject {
                case: &case,
                contender,
                metric,
                unit,
            };
            record.add(subject, value);
        }
        record.write()?;
        trained.push(of_training);
        asked.push(a_second(ours));
    }
    Ok(match race.bed.scale {
        Scale::Quick => Vec::new(),
        Scale::Full => missed(record, &case, trained.iter().zip(&asked)),
    })
}

/// The bars that are not reached; `paces` are rows a second of training and of evaluation, by round.
fn missed<'a>(
    record: &Record,
    case: &str,
    mut paces: impl Iterator<Item = (&'a f64, &'a f64)>,
) -> Vec<String> {
    let mut broken = Vec::new();
    let most = record.most_of(Subject {
        case,
        contender: EVALUATION,
        metric: TIMES,
        unit: "",
    });
    if let Some(most) = most.filter(|most| *most > BARE) {
        broken.push(format!(
            "{case} takes {most:.2} times as long as bare products, expected at most {BARE}"
        ));
    }
    if paces.any(|(trained, asked)| asked < trained) {
        broken.push(format!(
            "{case}: fewer rows a second are asked than trained"
        ));
    }
    broken
}
