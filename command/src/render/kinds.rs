//! Findings of one kind: one mistake that is made at hundreds of places should not bury the others.

use std::collections::{BTreeMap, BTreeSet};

use reckon_grammar::diagnostic::{Code, Diagnostic, Severity};
use reckon_grammar::span::{FileId, Sources};

/// From so many findings of a kind on, only the first are shown in full.
const MANY: usize = 12;

/// So many of them are.
const SHOWN: usize = 4;

/// So many lines are named.
const LINES: usize = 8;

/// What a person reads of findings.
pub(super) struct Told<'a> {
    /// Those that are shown in full, in their order.
    pub(super) shown: Vec<&'a Diagnostic>,
    /// What is said of the others, a line a kind.
    pub(super) rest: Vec<String>,
}

/// The code, and the message without the names in it; findings of different files are of different kinds.
type Kind = (FileId, Code, Severity, String);

/// Chooses what is shown of findings in the order of the text.
pub(super) fn told<'a>(sources: &Sources, findings: &[&'a Diagnostic]) -> Told<'a> {
    let mut kinds: BTreeMap<Kind, Vec<usize>> = BTreeMap::new();
    for (at, finding) in findings.iter().enumerate() {
        kinds.entry(kind(finding)).or_default().push(at);
    }
    let mut left_out: Vec<&[usize]> = kinds
        .values()
        .filter(|places| places.len() >= MANY)
        .map(|places| &places[SHOWN..])
        .collect();
    left_out.sort_unstable();
    let hidden: BTreeSet<usize> = left_out.iter().copied().flatten().copied().collect();
    let shown = (0..findings.len()).filter(|at| !hidden.contains(at));
    Told {
        shown: shown.map(|at| findings[at]).collect(),
        rest: left_out
            .into_iter()
            .map(|places| rest(sources, places.iter().map(|at| findings[*at]).collect()))
            .collect(),
    }
}

fn kind(finding: &Diagnostic) -> Kind {
    let words = finding.message.split('`').step_by(2);
    (
        finding.primary.span.file,
        finding.code,
        finding.severity,
        words.collect::<Vec<_>>().join("`"),
    )
}

/// `296 more of E0217 like these, in lines 12, 13, 14 and further on`.
fn rest(sources: &Sources, findings: Vec<&Diagnostic>) -> String {
    let placed = findings
        .iter()
        .filter(|finding| super::has_place(sources, finding));
    let mut lines: Vec<usize> = placed
        .map(|finding| {
            let span = finding.primary.span;
            sources.line_column(span.file, span.start).0
        })
        .collect();
    lines.dedup();
    let named: Vec<String> = lines.iter().take(LINES).map(usize::to_string).collect();
    let places = match lines.len() {
        0 => String::new(),
        1 => format!(", in line {}", named[0]),
        count if count <= LINES => format!(", in lines {}", named.join(", ")),
        _ => format!(", in lines {} and further on", named.join(", ")),
    };
    format!(
        "{} more of {} like these{places}",
        findings.len(),
        findings[0].code
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use reckon_grammar::span::Span;

    fn sources(lines: usize) -> Sources {
        let mut sources = Sources::default();
        sources.add("a.rec", "x\n".repeat(lines));
        sources
    }

    /// A finding in each of these lines, from 1.
    fn findings(message: &str, lines: std::ops::Range<usize>) -> Vec<Diagnostic> {
        let at = |line: usize| Span::new(FileId(0), 2 * line - 2, 2 * line - 1);
        lines
            .map(|line| {
                Diagnostic::error(Code(217), at(line), message.replace('#', &line.to_string()))
            })
            .collect()
    }

    #[test]
    fn few_findings_are_all_shown() {
        let findings = findings("`f#` is not in scope", 1..12);
        let all: Vec<&Diagnostic> = findings.iter().collect();
        let told = told(&sources(20), &all);
        assert_eq!((told.shown.len(), told.rest), (11, Vec::new()));
    }

    #[test]
    fn of_many_that_differ_in_names_alone_the_first_are_shown() {
        let mut findings = findings("`f#` is not in scope", 1..41);
        findings.extend(self::findings("something else about `x`", 41..43));
        let all: Vec<&Diagnostic> = findings.iter().collect();
        let told = told(&sources(50), &all);
        let shown: Vec<&str> = told.shown.iter().map(|one| &one.message[..]).collect();
        assert_eq!(
            shown,
            [
                "`f1` is not in scope",
                "`f2` is not in scope",
                "`f3` is not in scope",
                "`f4` is not in scope",
                "something else about `x`",
                "something else about `x`"
            ]
        );
        assert_eq!(
            told.rest,
            ["36 more of E0217 like these, in lines 5, 6, 7, 8, 9, 10, 11, 12 and further on"]
        );
    }
}
