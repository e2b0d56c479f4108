//! One diagnostic as a report: the message, the lines in question with marks under them, notes and help.

use std::fmt;
use std::ops::Range;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode, SourceSpan,
};
use reckon_grammar::diagnostic::{Diagnostic, Label, Severity};
use reckon_grammar::span::{Sources, Span};

use super::window::{Cut, Window, window};
use super::{Look, has_place, word};

/// Widest line of text; where no terminal is, source lines are shown as they are.
const WIDTH: usize = 80;

/// The report, without a line end after it but with an empty line as its last.
pub(super) fn report(sources: &Sources, diagnostic: &Diagnostic, look: Look) -> String {
    let head = format!("{}[{}]", word(diagnostic.severity), diagnostic.code);
    let mut out = paint(&head, head_colour(diagnostic.severity), look) + "\n\n";
    if has_place(sources, diagnostic) {
        out += &placed(sources, diagnostic, look);
    } else {
        out += &Snippet::without_place(diagnostic).draw(look);
    }
    for note in &diagnostic.notes {
        out += &footer("note", note, look);
    }
    if let Some(help) = &diagnostic.help {
        out += &footer("help", help, look);
    }
    out
}

/// The message over the lines of the labels.
fn placed(sources: &Sources, diagnostic: &Diagnostic, look: Look) -> String {
    let (mut here, elsewhere): (Vec<&Label>, Vec<&Label>) = diagnostic
        .labels
        .iter()
        .partition(|label| label.span.file == diagnostic.primary.span.file);
    let crowded = split_off_crowded(sources, &diagnostic.primary, &mut here);
    let mut out = Snippet::new(sources, diagnostic, &here, look).draw(look);
    for label in elsewhere {
        out += &Snippet::of_label(sources, label, look).draw(look);
    }
    for label in crowded {
        let (line, column) = sources.line_column(label.span.file, label.span.start);
        let text = format!("{} (line {line}, column {column})", label.message);
        out += &footer("note", &text, look);
    }
    out
}

/// Takes out labels that share a line and a byte with the primary label or an earlier one: drawn, they would be
/// illegible.
fn split_off_crowded<'a>(
    sources: &Sources,
    primary: &Label,
    labels: &mut Vec<&'a Label>,
) -> Vec<&'a Label> {
    let mut taken = vec![drawn_range(sources, primary.span)];
    let (free, crowded) = std::mem::take(labels).into_iter().partition(|label| {
        let range = drawn_range(sources, label.span);
        let is_free = taken
            .iter()
            .all(|other| range.end <= other.start || other.end <= range.start);
        if is_free {
            taken.push(range);
        }
        is_free
    });
    *labels = free;
    crowded
}

/// The bytes that get a mark: those of the first line of the span, at least one column, never half a character.
fn drawn_range(sources: &Sources, span: Span) -> Range<usize> {
    let text = &sources.file(span.file).text;
    let start = text.floor_char_boundary(span.start as usize);
    let end = text.ceil_char_boundary(span.end as usize).max(start);
    let line_end = text[start..end].find('\n').map_or(end, |at| start + at);
    let trimmed = text[start..line_end].trim_end().len();
    start..if trimmed == 0 {
        line_end
    } else {
        start + trimmed
    }
}

/// A message over the lines of one file.
struct Snippet {
    message: String,
    severity: miette::Severity,
    source: Cut,
    labels: Vec<LabeledSpan>,
}

impl Snippet {
    fn new(sources: &Sources, diagnostic: &Diagnostic, labels: &[&Label], look: Look) -> Self {
        let primary = &diagnostic.primary;
        let all: Vec<&Label> = [primary]
            .into_iter()
            .chain(labels.iter().copied())
            .collect();
        let (source, spans) = source_of(sources, &all, look);
        let indent = before(source.source.inner(), spans[0].offset());
        let text = primary_text(diagnostic, indent.chars().count() + 1);
        let mut drawn = vec![LabeledSpan::new_primary_with_span(text, spans[0])];
        let rest = labels.iter().zip(&spans[1..]);
        drawn.extend(rest.map(|(label, span)| LabeledSpan::new_with_span(text_of(label), *span)));
        Self {
            message: diagnostic.message.clone(),
            severity: severity(diagnostic),
            source,
            labels: drawn,
        }
    }

    fn without_place(diagnostic: &Diagnostic) -> Self {
        Self {
            message: diagnostic.message.clone(),
            severity: severity(diagnostic),
            source: Cut {
                source: NamedSource::new("", String::new()),
                columns: Vec::new(),
            },
            labels: Vec::new(),
        }
    }

    fn of_label(sources: &Sources, label: &Label, look: Look) -> Self {
        let (source, spans) = source_of(sources, &[label], look);
        Self {
            message: label.message.clone(),
            severity: miette::Severity::Advice,
            source,
            labels: vec![LabeledSpan::new_primary_with_span(None, spans[0])],
        }
    }

    fn draw(&self, look: Look) -> String {
        let theme = match (look.unicode, look.colour) {
            (true, true) => GraphicalTheme::unicode(),
            (true, false) => GraphicalTheme::unicode_nocolor(),
            (false, true) => GraphicalTheme::ascii(),
            (false, false) => GraphicalTheme::none(),
        };
        let mut out = String::new();
        GraphicalReportHandler::new_themed(theme)
            .with_width(WIDTH)
            .with_links(false)
            .without_syntax_highlighting()
            .render_report(&mut out, self)
            .expect("writing to a string succeeds");
        let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
        lines.join("\n") + "\n"
    }
}

fn severity(diagnostic: &Diagnostic) -> miette::Severity {
    match diagnostic.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
    }
}

/// The file that the labels are in, with the places of their marks. Its long lines are cut if the look wants that.
fn source_of(sources: &Sources, labels: &[&Label], look: Look) -> (Cut, Vec<SourceSpan>) {
    let file = sources.file(labels[0].span.file);
    let marks = labels.iter().map(|label| drawn_range(sources, label.span));
    let marks: Vec<Range<usize>> = marks.collect();
    let mut shown = Window {
        text: file.text.clone(),
        marks: marks.clone(),
    };
    if look.cut {
        // two blanks, the number of the line, ` │ `
        let gutter = file.text.lines().count().to_string().len() + 5;
        let dots = if look.unicode { "…" } else { "..." };
        shown = window(&file.text, &marks, WIDTH - gutter, dots);
    }
    let columns = marks
        .iter()
        .map(|mark| before(&file.text, mark.start).len());
    let columns = shown.marks.iter().map(|mark| mark.start).zip(columns);
    let source = Cut {
        columns: columns.collect(),
        source: NamedSource::new(&file.name, shown.text),
    };
    let spans = shown.marks.into_iter().map(SourceSpan::from).collect();
    (source, spans)
}

/// What stands before a byte in its line.
fn before(text: &str, at: usize) -> &str {
    let before = &text[..at];
    before.rsplit('\n').next().unwrap_or(before)
}

/// What is said at the primary place; nothing where it would run over the edge only to repeat the message.
fn primary_text(diagnostic: &Diagnostic, column: usize) -> Option<String> {
    let message = &diagnostic.primary.message;
    let is_wide = column + message.chars().count() + 12 > WIDTH;
    if is_wide && diagnostic.message.contains(message.as_str()) {
        return None;
    }
    text_of(&diagnostic.primary)
}

fn text_of(label: &Label) -> Option<String> {
    (!label.message.is_empty()).then(|| label.message.clone())
}

impl fmt::Display for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Snippet {}

impl miette::Diagnostic for Snippet {
    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// `  help: text`, wrapped under itself; line ends in the text stay.
fn footer(name: &str, text: &str, look: Look) -> String {
    let indent = name.len() + 4;
    let mut out = format!("  {} ", paint(&format!("{name}:"), "36", look));
    for (at, line) in text
        .lines()
        .flat_map(|line| wrap(line, WIDTH - indent))
        .enumerate()
    {
        if at > 0 {
            out += &" ".repeat(indent);
        }
        out += &line;
        out.push('\n');
    }
    out
}

/// Breaks a line at blanks so that each piece has at most `width` characters where words allow it. A line that begins
/// with blanks is code and stays whole.
pub fn wrap(line: &str, width: usize) -> Vec<String> {
    if line.starts_with(' ') || line.chars().count() <= width {
        return vec![line.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.last_mut().expect("there is a line to write to");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
            continue;
        }
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(word);
    }
    lines
}

/// A line of talk as lines of at most 80 columns where words allow it; those after the first stand behind `indent` blanks.
pub fn folded(line: &str, indent: usize) -> String {
    const WIDTH: usize = 80;
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    let text = line.trim_start();
    let lead = line.len() - text.len();
    let pieces = wrap(text, WIDTH - indent.max(lead));
    let between = format!("\n{}", " ".repeat(indent));
    " ".repeat(lead) + &pieces.join(&between)
}

fn head_colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "1;31",
        Severity::Warning => "1;33",
    }
}

fn paint(text: &str, colour: &str, look: Look) -> String {
    if look.colour {
        format!("\u{1b}[{colour}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use reckon_grammar::diagnostic::Code;

    use super::*;

    const LONG: &str = "setting dim = 64\ntower film(m: movie) -> f32[dim] = concat(m) |> mlp([256, dim], activation: relu) |> normalise\n";

    /// The report on the last word of a line of 93 columns.
    fn report_on_a_long_line(cut: bool) -> String {
        let mut sources = Sources::default();
        let file = sources.add("long.rec", LONG);
        let start = LONG.find("normalise").map(|at| at as u32).unwrap();
        let span = Span {
            file,
            start,
            end: start + 9,
        };
        let diagnostic = Diagnostic::error(Code(218), span, "unknown function `normalise`");
        let look = Look {
            colour: false,
            unicode: true,
            cut,
        };
        report(&sources, &diagnostic, look)
    }

    #[test]
    fn a_terminal_shows_the_surroundings_of_a_mark_with_its_place_in_the_file() {
        let report = report_on_a_long_line(true);
        assert!(
            report.lines().all(|line| line.chars().count() <= WIDTH),
            "{report}"
        );
        assert!(report.contains("[long.rec:2:86]"), "{report}");
        assert!(report.contains("|> normalise"), "{report}");
    }

    #[test]
    fn a_report_that_is_piped_shows_whole_lines() {
        let report = report_on_a_long_line(false);
        assert!(report.contains(LONG.lines().last().unwrap()), "{report}");
        assert!(report.contains("[long.rec:2:86]"), "{report}");
    }

    #[test]
    fn a_long_line_of_talk_goes_on_behind_its_beginning() {
        assert_eq!(folded("  short", 4), "  short");
        let line = format!("  films:{}", " recall@10 0.1589,".repeat(6));
        let lines = folded(&line, 4);
        let pieces: Vec<&str> = lines.lines().collect();
        assert_eq!(pieces.len(), 2);
        assert!(pieces[0].starts_with("  films: ") && pieces[1].starts_with("    "));
        assert!(pieces.iter().all(|piece| piece.len() <= 80));
    }
}
