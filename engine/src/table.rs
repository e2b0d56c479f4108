//! Metrics beside baselines, and recommendations, as aligned tables of at most 80 columns.

use reckon_runtime::evaluate::{MetricValue, Report};
use reckon_runtime::run::Recommendation;

use reckon_command::render::folded;
use reckon_compiler::figures::grouped;

/// Widest line.
const WIDTH: usize = 80;
/// Widest cell of text in a table of recommendations.
const TEXT: usize = 40;

/// All reports: in full for the last part of each evaluation, the metrics alone for the parts before it.
pub(crate) fn reports(reports: &[Report]) -> String {
    reports
        .iter()
        .map(|report| report_table(report) + "\n")
        .collect()
}

fn report_table(report: &Report) -> String {
    let mut out = format!(
        "{} on {}: {} {}\n",
        report.evaluation,
        report.split,
        grouped(report.count),
        report.unit
    );
    let mut rows = vec![("model".to_owned(), cells(&report.metrics))];
    if report
        .metrics
        .iter()
        .any(|metric| metric.interval.is_some())
    {
        let bound = |name: &str, pick: fn(&reckon_runtime::Interval) -> f64| {
            let cells = report
                .metrics
                .iter()
                .map(|metric| number(metric.interval.as_ref().map(pick)));
            (name.to_owned(), cells.collect::<Vec<_>>())
        };
        rows.push(bound("  95 % from", |interval| interval.low));
        rows.push(bound("  95 % to", |interval| interval.high));
        rows.push(bound("  detectable", |interval| {
            interval.smallest_difference
        }));
    }
    for baseline in &report.baselines {
        rows.push((baseline.name.clone(), cells(&baseline.metrics)));
    }
    let mut by = "";
    for slice in report.slices.iter().filter(|slice| slice.count > 0) {
        if slice.by != by {
            by = &slice.by;
            rows.push((format!("by {by}"), Vec::new()));
        }
        rows.push((
            format!("  {} ({})", slice.group, grouped(slice.count)),
            cells(&slice.metrics),
        ));
    }
    let heads: Vec<&str> = report
        .metrics
        .iter()
        .map(|metric| metric.name.as_str())
        .collect();
    out += &blocks(&heads, &rows);
    for note in &report.notes {
        out += &folded(&format!("note: {note}"), 6);
        out.push('\n');
    }
    out
}

/// Rows under their heads; heads that do not fit beside each other go into further blocks below.
pub(crate) fn blocks(heads: &[&str], rows: &[(String, Vec<String>)]) -> String {
    let names = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    let widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(at, head)| {
            let cells = rows
                .iter()
                .filter_map(|(_, cells)| cells.get(at))
                .map(|cell| cell.chars().count());
            cells.chain([head.chars().count()]).max().unwrap_or(0) + 2
        })
        .collect();
    let mut out = String::new();
    let mut from = 0;
    while from < heads.len() {
        let mut to = from + 1;
        while to < heads.len() && 2 + names + widths[from..=to].iter().sum::<usize>() <= WIDTH {
            to += 1;
        }
        let line = |name: &str, cell: &dyn Fn(usize) -> String| {
            let cells: String = (from..to)
                .map(|at| format!("{:>1$}", cell(at), widths[at]))
                .collect();
            format!("  {name:<names$}{cells}").trim_end().to_owned() + "\n"
        };
        out += &line("", &|at| heads[at].to_owned());
        for (name, cells) in rows {
            out += &line(name, &|at| cells.get(at).cloned().unwrap_or_default());
        }
        from = to;
    }
    out
}

fn cells(metrics: &[MetricValue]) -> Vec<String> {
    metrics.iter().map(|metric| number(metric.value)).collect()
}

fn number(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.4}"))
}

/// Recommendations, best first: rank, key, the first two columns of text, score.
pub(crate) fn recommendations(items: &[Recommendation]) -> String {
    let titles: Vec<&str> = items
        .first()
        .into_iter()
        .flat_map(|item| item.columns.iter().take(2))
        .map(|(name, _)| name.as_str())
        .collect();
    let mut lines = vec![
        ["rank", "key"]
            .iter()
            .chain(&titles)
            .chain(&["score"])
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
    ];
    for (at, item) in items.iter().enumerate() {
        let text = |title: &&str| {
            let column = item.columns.iter().find(|(name, _)| name == title);
            column.map_or(String::new(), |(_, text)| shortened(text))
        };
        let mut line = vec![(at + 1).to_string(), item.key.clone()];
        line.extend(titles.iter().map(text));
        line.push(format!("{:.4}", item.score));
        lines.push(line);
    }
    let widths: Vec<usize> = (0..titles.len() + 3)
        .map(|column| {
            lines
                .iter()
                .map(|line| line[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let last = widths.len() - 1;
    let mut out = String::new();
    for line in lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(at, (cell, width))| {
                if at == 0 || at == last {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            })
            .collect();
        out += cells.join("  ").trim_end();
        out.push('\n');
    }
    out
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= TEXT {
        return text.to_owned();
    }
    text.chars().take(TEXT - 3).collect::<String>() + "..."
}

#[cfg(test)]
mod tests {
    use reckon_runtime::evaluate::{BaselineValue, MetricValue, Report, SliceValue};
    use reckon_runtime::run::Recommendation;

    use super::{recommendations, reports};

    fn metrics(values: &[(&str, f64)]) -> Vec<MetricValue> {
        let metric = |(name, value): &(&str, f64)| MetricValue {
            name: (*name).to_owned(),
            value: Some(*value),
            interval: None,
        };
        values.iter().map(metric).collect()
    }

    #[test]
    fn the_model_stands_above_its_baselines_and_slices() {
        let report = Report {
            evaluation: "films".to_owned(),
            split: "test".to_owned(),
            unit: "queries",
            count: 1943,
            metrics: metrics(&[("recall@10", 0.125), ("ndcg@10", 0.5)]),
            slices: vec![SliceValue {
                by: "popularity(movie, 3)".to_owned(),
                group: "1".to_owned(),
                count: 12,
                metrics: metrics(&[("recall@10", 0.2), ("ndcg@10", 0.1)]),
            }],
            baselines: vec![BaselineValue {
                name: "ease".to_owned(),
                metrics: metrics(&[("recall@10", 0.1), ("ndcg@10", 0.25)]),
            }],
            notes: vec!["3 users have no targets".to_owned()],
        };
        insta::assert_snapshot!(reports(&[report]), @r"
        films on test: 1,943 queries
                                   recall@10  ndcg@10
          model                       0.1250   0.5000
          ease                        0.1000   0.2500
          by popularity(movie, 3)
            1 (12)                    0.2000   0.1000
        note: 3 users have no targets
        ");
    }

    #[test]
    fn recommendations_are_ranked_with_their_texts() {
        let item = |key: &str, title: &str, score| Recommendation {
            key: key.to_owned(),
            columns: vec![("title".to_owned(), title.to_owned())],
            score,
        };
        let items = [
            item("50", "Star Wars", 0.75),
            item("181", "Return of the Jedi", 0.5),
        ];
        insta::assert_snapshot!(recommendations(&items), @r"
        rank  key  title                score
           1  50   Star Wars           0.7500
           2  181  Return of the Jedi  0.5000
        ");
    }
}
