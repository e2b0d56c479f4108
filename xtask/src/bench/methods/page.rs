//! The measured part of a page `docs/methods/NAME.md`: tables between two markers; all around them is written by hand.

use super::{Asked, Data, Findings, Mean, Study};
use crate::{Repository, trouble::Trouble};
use std::{fmt::Write, fs};

/// Puts the tables of a study between the markers of its page.
pub(super) fn write(
    repository: &Repository,
    study: &Study,
    found: &[Findings],
) -> Result<(), Trouble> {
    let path = repository
        .root
        .join("docs/methods")
        .join(page(study.name))
        .with_extension("md");
    let failed = |doing: &str, error: &std::io::Error| {
        Trouble::io(format!("cannot {doing} {}", path.display()), error)
    };
    let text = fs::read_to_string(&path).map_err(|error| failed("read", &error))?;
    let marked = between_markers(&text, study.name, &tables(study, found)).ok_or_else(|| {
        Trouble::new(
            format!("{} has no place for its tables", path.display()),
            format!("it needs the lines `{}` and `{END}`", start(study.name)),
        )
    })?;
    fs::write(&path, marked).map_err(|error| failed("write", &error))
}

/// The page of a study: that of the method, `clsd` of `clsd-kuairand`.
fn page(study: &str) -> &str {
    study.split_once('-').map_or(study, |(method, _)| method)
}

/// The line behind which the tables begin.
fn start(name: &str) -> String {
    format!("<!-- measured by cargo xtask bench methods {name} -->")
}

/// The line before which they end.
const END: &str = "<!-- end of what was measured -->";

/// The text with other content between its markers; `None` where one is missing.
fn between_markers(text: &str, name: &str, content: &str) -> Option<String> {
    let (before, rest) = text.split_once(&start(name))?;
    let (_, after) = rest.split_once(END)?;
    Some(format!(
        "{before}{}\n\n{content}\n{END}{after}",
        start(name)
    ))
}

fn tables(study: &Study, found: &[Findings]) -> String {
    let mut tables = Vec::new();
    if !study.claims.is_empty() {
        tables.push(claims(study, found));
    }
    tables.extend([pairs(study, found), arms(study, found)]);
    tables.join("\n")
}

/// What the method has to show: a line a claim, and for each world what was found and what was asked for.
fn claims(study: &Study, found: &[Findings]) -> String {
    let mut text = String::from("| what |");
    for findings in found {
        let world = findings.place;
        write!(text, " {world} | detectable | asked for |").expect("a String takes all");
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- | --- | --- |".repeat(found.len()));
    text.push('\n');
    for (at, claim) in study.claims.iter().enumerate() {
        write!(text, "| {} |", claim.what).expect("a String takes all");
        for findings in found {
            let cells = claimed(claim.asked(findings.truth), &findings.claims[at]);
            write!(text, " {} |", cells.join(" | ")).expect("a String takes all");
        }
        text.push('\n');
    }
    text
}

fn claimed(asked: Asked, values: &[f64]) -> [String; 3] {
    let bar = match asked {
        Asked::Nothing => return ["", "", ""].map(str::to_owned),
        Asked::Reported => None,
        Asked::Bar(bar) | Asked::Sure(bar) => Some(bar),
    };
    let mean = Mean::of(values);
    let detectable = mean
        .detectable()
        .map_or_else(String::new, |d| format!("{d:.4}"));
    let judged = match bar {
        None => "reported".to_owned(),
        Some(bar) if bar.holds(&mean) => format!("{bar}: holds"),
        Some(bar) => format!("{bar}: **does not hold**"),
    };
    [mean.with_interval(), detectable, judged]
}

/// Differences taken user by user: their mean over seeds, and in how many seeds the interval over users leaves 0 out.
fn pairs(study: &Study, found: &[Findings]) -> String {
    let mut text = String::from("| user by user |");
    for findings in found {
        let world = findings.place;
        write!(
            text,
            " {world} | one seed's interval, mean | seeds above 0, below |"
        )
        .expect("a String takes all");
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- | --- | --- |".repeat(found.len()));
    text.push('\n');
    for (at, pair) in study.pairs.iter().enumerate() {
        let (arm, base) = (pair.arm, pair.base);
        let asked = match study.data {
            Data::World { .. } => String::new(),
            Data::Real { .. } => format!(" of `{}`", pair.evaluation),
        };
        write!(text, "| {}{asked} of {arm} minus {base} |", pair.metric)
            .expect("a String takes all");
        for findings in found {
            let values = &findings.pairs[at];
            if values.is_empty() {
                text.push_str(" | | |");
                continue;
            }
            let of = |pick: fn(&super::reckon::Paired) -> f64| {
                Mean::of(&values.iter().map(pick).collect::<Vec<_>>())
            };
            let (above, below) = findings.seen(at);
            write!(
                text,
                " {} | {:+.4} to {:+.4} | {above}, {below} of {} |",
                of(|paired| paired.difference).with_interval(),
                of(|paired| paired.low).mean,
                of(|paired| paired.high).mean,
                values.len(),
            )
            .expect("a String takes all");
        }
        text.push('\n');
    }
    text
}

/// The figures of all arms, with the settings that make them.
fn arms(study: &Study, found: &[Findings]) -> String {
    let mut text = String::from("| arm | settings |");
    for findings in found {
        for (evaluation, metric) in study.figures {
            let world = findings.place;
            write!(text, " {metric} of `{evaluation}`, {world} |").expect("a String takes all");
        }
    }
    text.push_str("\n| --- | --- |");
    text.push_str(&" --- |".repeat(found.len() * study.figures.len()));
    text.push('\n');
    for arm in study.arms {
        let settings = match (arm.spec, arm.settings) {
            (None, []) => "as it stands".to_owned(),
            (None, settings) => format!("`{}`", settings.join(" ")),
            (Some(spec), []) => format!("`{spec}`"),
            (Some(spec), settings) => format!("`{spec}`, `{}`", settings.join(" ")),
        };
        write!(text, "| {} | {settings} |", arm.name).expect("a String takes all");
        for findings in found {
            for at in 0..study.figures.len() {
                let values = findings.figures.get(&(arm.name, at));
                let cell =
                    values.map_or_else(String::new, |values| Mean::of(values).with_interval());
                write!(text, " {cell} |").expect("a String takes all");
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::Bar;
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let text = format!("# A page\n\n{}\nold\n{END}\n\nafter\n", start("clsd"));
        let expected = format!("# A page\n\n{}\n\nnew\n{END}\n\nafter\n", start("clsd"));
        assert_eq!(between_markers(&text, "clsd", "new").unwrap(), expected);
        assert_eq!(between_markers(&expected, "clsd", "new").unwrap(), expected);
        assert_eq!(between_markers(&text, "ssl", "new"), None, "another's page");
    }

    #[test]
    fn a_claim_that_does_not_hold_says_so() {
        let bar = Asked::Bar(Bar::AtMost(0.7));
        assert_eq!(claimed(bar, &[0.6]), ["0.6000", "", "at most 0.7: holds"]);
        assert_eq!(claimed(bar, &[0.8])[2], "at most 0.7: **does not hold**");
        assert_eq!(claimed(Asked::Reported, &[0.8])[2], "reported");
        assert_eq!(claimed(Asked::Nothing, &[]), ["", "", ""]);
    }
}
