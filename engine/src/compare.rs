//! `reckon compare`: finished runs side by side, paired by user.

mod page;

use std::fs;
use std::path::Path;

use reckon_runtime::compare::{Comparison, Difference, Verdict, compare as pair};
use serde_json::{Value, json};

use crate::report::data::Run;
use crate::table::blocks;
use reckon_command::arguments::{Compare, CompareFormat};
use reckon_command::console::{Console, Exit, Failure, reason};
use reckon_compiler::figures::grouped;

/// Compares each run with the first.
pub(crate) fn compare(arguments: &Compare, console: &Console) -> Result<Exit, Failure> {
    let Some((base, others)) = arguments.runs.split_first() else {
        return Ok(Exit::Usage);
    };
    let mut all = Vec::new();
    for other in others {
        let comparisons = pair(base, other)
            .map_err(|why| Failure::new(Exit::World, why.message).help(&why.help))?;
        all.push(comparisons);
    }
    if let Some(html) = &arguments.html {
        let runs: Vec<Run> = arguments.runs.iter().map(|run| Run::read(run)).collect();
        fs::write(html, page::page(&runs, &all)).map_err(|error| {
            let message = format!("cannot write `{}`: {}", html.display(), reason(&error));
            Failure::new(Exit::World, message)
        })?;
    }
    for (other, comparisons) in others.iter().zip(&all) {
        for comparison in comparisons {
            match arguments.format {
                CompareFormat::Table => console.print_raw(&table(base, other, comparison)),
                CompareFormat::Json => {
                    console.print_raw(&format!("{}\n", object(base, other, comparison)));
                }
            }
        }
    }
    Ok(Exit::Success)
}

fn table(base: &Path, other: &Path, comparison: &Comparison) -> String {
    let rows: Vec<(String, Vec<String>)> = comparison
        .metrics
        .iter()
        .map(|difference| (difference.metric.clone(), cells(difference)))
        .collect();
    let heads = ["first", "second", "difference", "95 % from", "to", ""];
    format!(
        "{}: {} asked, paired over {} groups\n  first   {}\n  second  {}\n{}\n",
        comparison.evaluation,
        grouped(comparison.count),
        grouped(comparison.groups),
        base.display(),
        other.display(),
        blocks(&heads, &rows),
    )
}

fn cells(difference: &Difference) -> Vec<String> {
    let signed = |value: f64| format!("{value:+.4}");
    let bound = |pick: fn(&reckon_runtime::Interval) -> f64| {
        difference
            .interval
            .as_ref()
            .map(pick)
            .map_or("-".to_owned(), signed)
    };
    vec![
        format!("{:.4}", difference.base),
        format!("{:.4}", difference.other),
        signed(difference.other - difference.base),
        bound(|interval| interval.low),
        bound(|interval| interval.high),
        word(difference.verdict).to_owned(),
    ]
}

/// What is said of the second run; never "better" where the interval holds 0.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::NotSeen => "not seen",
    }
}

fn object(base: &Path, other: &Path, comparison: &Comparison) -> Value {
    let metric = |difference: &Difference| {
        json!({
            "metric": difference.metric,
            "first": difference.base,
            "second": difference.other,
            "low": difference.interval.map(|interval| interval.low),
            "high": difference.interval.map(|interval| interval.high),
            "verdict": word(difference.verdict),
        })
    };
    json!({
        "first": base.to_string_lossy(),
        "second": other.to_string_lossy(),
        "evaluation": comparison.evaluation,
        "count": comparison.count,
        "groups": comparison.groups,
        "metrics": comparison.metrics.iter().map(metric).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use reckon_runtime::Interval;

    #[test]
    fn a_difference_is_called_better_only_where_its_interval_leaves_0_out() {
        let difference =
            |metric: &str, (base, other): (f64, f64), (low, high), verdict| Difference {
                metric: metric.to_owned(),
                base,
                other,
                interval: Some(Interval {
                    low,
                    high,
                    smallest_difference: 0.01,
                }),
                verdict,
            };
        let comparison = Comparison {
            evaluation: "films.test".to_owned(),
            count: 1_943,
            groups: 943,
            metrics: vec![
                difference("recall@50", (0.31, 0.34), (0.012, 0.048), Verdict::Better),
                difference("ndcg@10", (0.1, 0.101), (-0.004, 0.006), Verdict::NotSeen),
            ],
        };
        let text = table(Path::new("runs/a"), Path::new("runs/b"), &comparison);
        insta::assert_snapshot!(text, @r"
        films.test: 1,943 asked, paired over 943 groups
          first   runs/a
          second  runs/b
                      first  second  difference  95 % from       to
          recall@50  0.3100  0.3400     +0.0300    +0.0120  +0.0480    better
          ndcg@10    0.1000  0.1010     +0.0010    -0.0040  +0.0060  not seen
        ");
    }
}
