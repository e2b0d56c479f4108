//! Events in words.

use reckon_compiler::figures::grouped;
use reckon_compiler::training::{GRADIENT_NORM, TOTAL_LOSS};
use reckon_runtime::data::{BadCount, LeftOut, OutcomeReport, ScoresReport, VectorsReport};
use reckon_runtime::evaluate::Report;
use reckon_runtime::observer::{Event, Progress, SplitNotice};

/// What has happened, in a line or a few; `None` for what a bar shows.
pub(super) fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::SourceRead {
            source,
            rows,
            repeats,
            left_out,
            bad,
            absent,
        } => read(source, (*rows, *left_out), *repeats, *bad, absent),
        Event::ScoresRead(scores) => scored(scores),
        Event::VectorsRead(vectors) => begun_with(vectors),
        Event::OutcomesJoined(outcomes) => joined(outcomes),
        Event::Split(split) => cut(split),
        Event::PhaseStarted {
            phase,
            epochs,
            steps,
            streams,
            ..
        } => begun(phase, *epochs, *steps, streams),
        Event::DayTurn {
            day, number, days, ..
        } => format!("{day}, day {number} of {days}"),
        Event::EpochFinished {
            phase,
            epoch,
            losses,
            ..
        } => epoch_line(phase, *epoch, losses),
        Event::Evaluated { report, .. } => measured(report),
        Event::StoppedEarly {
            phase,
            epoch,
            best_epoch: kept,
            best,
        } => {
            format!(
                "{phase}: stopped after epoch {epoch}; the weights of epoch {kept} are kept ({best:.4})"
            )
        }
        Event::PhaseFinished {
            phase,
            steps,
            seconds,
        } => {
            let steps = counted(*steps, "step");
            format!("{phase}: {steps} in {}", duration(*seconds))
        }
        Event::ColumnComputed {
            column,
            rows,
            folds,
            seconds,
        } => computed(column, *rows, *folds, *seconds),
        Event::Begun { .. }
        | Event::Warning(_)
        | Event::LoopFinished { .. }
        | Event::Progress(_)
        | Event::Finished { .. } => return None,
    })
}

fn computed(column: &str, rows: usize, folds: Option<usize>, seconds: f64) -> String {
    let (rows, time) = (grouped(rows), duration(seconds));
    let folds = folds.map_or(String::new(), |folds| format!(", {folds} folds"));
    format!("{column}: {rows} rows{folds} in {time}")
}

/// What stands beside the bar: at most 60 columns, so that both fit into 80.
pub(super) fn state(at: &Progress) -> String {
    let waiting = (at.waiting * 100.0).round();
    let speed = grouped(at.examples_per_second.max(0.0) as usize);
    let left = clock(at.seconds_left);
    format!(
        "epoch {}/{}  loss {:.4}  {speed}/s  data {waiting} %  {left} left",
        at.epoch, at.epochs, at.loss
    )
}

/// Seconds as on a clock: `0:07`, `3:05`, `2:10:00`.
fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole % 3600 / 60, whole % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

fn read(
    source: &str,
    (rows, left_out): (usize, LeftOut),
    repeats: usize,
    bad: BadCount,
    absent: &[(String, usize)],
) -> String {
    let mut line = format!("read {source}: {}", counted(rows, "row"));
    if left_out.rows > 0 {
        line += &format!(", {} left out by its condition", grouped(left_out.rows));
    }
    if left_out.row_groups > 0 {
        line += &format!(", {} not read", counted(left_out.row_groups, "row group"));
    }
    if repeats > 0 {
        line += &format!(", {} dropped", counted(repeats, "repeat"));
    }
    if bad.skipped > 0 {
        line += &format!(
            ", {} skipped that cannot be read",
            counted(bad.skipped, "row")
        );
    }
    if bad.defaulted > 0 {
        line += &format!(
            ", {} with defaults for what cannot be read",
            grouped(bad.defaulted)
        );
    }
    for (entity, count) in absent.iter().filter(|(_, count)| *count > 0) {
        line += &format!(", {} without their {entity}", grouped(*count));
    }
    line
}

fn scored(scores: &ScoresReport) -> String {
    format!(
        "read {}: {}; {} of {} have some, {} have none",
        scores.teacher,
        counted(scores.rows, "score"),
        counted(scores.found, "row"),
        scores.source,
        grouped(scores.missing)
    )
}

fn begun_with(vectors: &VectorsReport) -> String {
    format!(
        "read vectors of {}: {}; {} have one, {} have none",
        vectors.feature(),
        grouped(vectors.vectors),
        counted(vectors.found, "value"),
        grouped(vectors.missing)
    )
}

fn joined(outcomes: &OutcomeReport) -> String {
    let mut line = format!(
        "joined {}.{}: {} with an outcome",
        outcomes.source,
        outcomes.label,
        counted(outcomes.matched, "row")
    );
    for (count, what) in [
        (outcomes.duplicates, "beside the first of a row"),
        (outcomes.late, "out of time"),
        (outcomes.orphans, "of no row"),
    ] {
        if count > 0 {
            line += &format!(", {} of {} {what}", grouped(count), outcomes.from);
        }
    }
    line
}

fn cut(split: &SplitNotice) -> String {
    let mut lines = Vec::new();
    let parts: Vec<String> = split
        .parts
        .iter()
        .map(|part| format!("{} {}", part.name, grouped(part.rows)))
        .collect();
    let mut line = format!("split {}: {}", split.source, parts.join(", "));
    if split.cut > 0 {
        line += &format!(", {} in none", grouped(split.cut));
    }
    if split.immature > 0 {
        let count = grouped(split.immature);
        line += &format!(", {count} with labels that are not known in time");
    }
    lines.push(line);
    for part in &split.parts {
        for (entity, with, without) in part.entities.iter().filter(|(_, _, without)| *without > 0) {
            let (with, without) = (grouped(*with), grouped(*without));
            lines.push(format!(
                "  {}: {with} of {entity} have rows, {without} have none",
                part.name
            ));
        }
    }
    let later = split.training_later_than_median_test * 100.0;
    if later > 0.0 {
        lines.push(format!(
            "  {later:.0} % of training rows are later than the median row of the last part"
        ));
    }
    lines.join("\n")
}

fn begun(phase: &str, epochs: usize, steps: usize, streams: &[(String, usize, usize)]) -> String {
    let streams: Vec<String> = streams
        .iter()
        .map(|(name, rows, batch)| format!("{name} {} by {batch}", counted(*rows, "row")))
        .collect();
    format!(
        "{phase}: {} of {} over {}",
        counted(epochs, "epoch"),
        counted(steps, "step"),
        streams.join(", ")
    )
}

/// `1 row`, `1,682 rows`
fn counted(number: usize, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", grouped(number))
}

/// The losses by name; their sum only where there are several.
fn epoch_line(phase: &str, epoch: usize, outputs: &[(String, f64)]) -> String {
    let is_loss = |(name, _): &&(String, f64)| name != TOTAL_LOSS && name != GRADIENT_NORM;
    let several = outputs.iter().filter(is_loss).count() > 1;
    let shown = outputs
        .iter()
        .filter(|output| is_loss(output) || (several && output.0 == TOTAL_LOSS));
    let losses: Vec<String> = shown
        .map(|(name, loss)| format!("{name} {loss:.4}"))
        .collect();
    format!("{phase}: epoch {epoch}, {}", losses.join(", "))
}

fn measured(report: &Report) -> String {
    let metrics: Vec<String> = report
        .metrics
        .iter()
        .map(|metric| {
            format!(
                "{} {}",
                metric.name,
                metric
                    .value
                    .map_or("-".to_owned(), |value| format!("{value:.4}"))
            )
        })
        .collect();
    format!(
        "  {} on {}: {}",
        report.evaluation,
        report.split,
        metrics.join(", ")
    )
}

/// Seconds for reading: `7 s`, `3 min 5 s`, `2 h 10 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..=59 => format!("{whole} s"),
        60..=3599 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::{clock, cut, duration, read, state};
    use reckon_runtime::data::{BadCount, LeftOut};
    use reckon_runtime::observer::{PartNotice, Progress, SplitNotice};

    #[test]
    fn durations_have_two_units_at_most() {
        assert_eq!(
            [6.6, 185.0, 7800.0].map(duration),
            ["7 s", "3 min 5 s", "2 h 10 min"]
        );
    }

    #[test]
    fn the_state_of_a_large_run_fits_beside_the_bar() {
        let at = Progress {
            phase: "train".to_owned(),
            epoch: 20,
            epochs: 20,
            step: 899,
            steps: 900,
            loss: 10.123_45,
            examples_per_second: 145_428.3,
            waiting: 0.104,
            seconds_left: 797.2,
        };
        assert_eq!(
            state(&at),
            "epoch 20/20  loss 10.1235  145,428/s  data 10 %  13:17 left"
        );
        assert!(state(&at).len() <= 60);
        assert_eq!([7.2, 7800.0].map(clock), ["0:07", "2:10:00"]);
    }

    #[test]
    fn what_was_dropped_is_said_beside_what_was_read() {
        assert_eq!(
            read(
                "rating",
                (1000, LeftOut::default()),
                0,
                BadCount::default(),
                &[("user".to_owned(), 0)]
            ),
            "read rating: 1,000 rows"
        );
        let absent = [("movie".to_owned(), 2)];
        assert_eq!(
            read(
                "rating",
                (10, LeftOut::default()),
                3,
                BadCount::default(),
                &absent
            ),
            "read rating: 10 rows, 3 repeats dropped, 2 without their movie"
        );
        let left_out = LeftOut {
            rows: 990,
            row_groups: 1,
        };
        let bad = BadCount {
            skipped: 1,
            defaulted: 0,
        };
        assert_eq!(
            read("rating", (10, left_out), 0, bad, &[]),
            "read rating: 10 rows, 990 left out by its condition, 1 row group not read, \
             1 row skipped that cannot be read"
        );
    }

    #[test]
    fn a_split_that_looks_ahead_says_so() {
        let part = |name: &str, rows, without| PartNotice {
            name: name.to_owned(),
            rows,
            entities: vec![("user".to_owned(), 5, without)],
        };
        let split = SplitNotice {
            source: "rating".to_owned(),
            parts: vec![part("train", 80, 0), part("test", 20, 1)],
            cut: 0,
            immature: 0,
            training_later_than_median_test: 0.25,
        };
        assert_eq!(
            cut(&split),
            "split rating: train 80, test 20\n  test: 5 of user have rows, 1 have none\n  25 % of training rows are later \
             than the median row of the last part"
        );
    }
}
