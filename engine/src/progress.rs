//! What a run tells while it goes: a bar on a terminal, lines where no one watches, JSON for programs.

mod words;

use std::io;

use indicatif::{ProgressBar, ProgressStyle};
use reckon_command::arguments::Manner;
use reckon_command::console::Console;
use reckon_command::render;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Sources;
use reckon_runtime::observer::{Event, JsonLines, Observer, Progress};

pub(crate) use words::duration;

/// The observer for a manner.
pub(crate) fn watcher<'a>(
    manner: Manner,
    sources: &'a Sources,
    console: &'a Console,
) -> Box<dyn Observer + 'a> {
    match manner {
        Manner::Json => Box::new(JsonLines::new(io::stdout())),
        Manner::Plain => Box::new(Teller {
            sources,
            console,
            bar: None,
            draws: false,
            day: None,
        }),
        Manner::Auto => Box::new(Teller {
            sources,
            console,
            bar: None,
            draws: console.interactive,
            day: None,
        }),
    }
}

/// Tells a person: a line for what has happened, a bar for what is going on.
struct Teller<'a> {
    sources: &'a Sources,
    console: &'a Console,
    bar: Option<ProgressBar>,
    draws: bool,
    /// The day of a loop that was told.
    day: Option<String>,
}

impl Observer for Teller<'_> {
    fn notice(&mut self, event: &Event) {
        match event {
            Event::Warning(warning) => self.warn(warning),
            Event::PhaseStarted {
                epochs,
                steps,
                first_step,
                ..
            } => {
                self.tell(event);
                self.begin(epochs * steps, *first_step);
            }
            Event::Progress(progress) => self.advance(progress),
            Event::PhaseFinished { .. } => {
                self.end();
                self.tell(event);
            }
            Event::DayTurn { day, .. } => {
                if self.day.as_ref() != Some(day) {
                    self.tell(event);
                    self.day = Some(day.clone());
                }
            }
            Event::LoopFinished { .. } => self.day = None,
            // At the end the table tells it.
            Event::Evaluated { during: None, .. } if self.day.is_none() => {}
            Event::SourceRead { .. }
            | Event::ScoresRead(_)
            | Event::VectorsRead(_)
            | Event::OutcomesJoined(_)
            | Event::Split(_)
            | Event::EpochFinished { .. }
            | Event::Evaluated { .. }
            | Event::StoppedEarly { .. }
            | Event::ColumnComputed { .. } => self.tell(event),
            Event::Begun { .. } => {}
            Event::Finished { .. } => self.end(),
        }
    }
}

impl Teller<'_> {
    fn tell(&self, event: &Event) {
        let Some(lines) = words::line(event) else {
            return;
        };
        let lines: Vec<String> = lines.lines().map(|line| render::folded(line, 4)).collect();
        let line = lines.join("\n");
        match &self.bar {
            Some(bar) => bar.suspend(|| self.console.say(&line)),
            None => self.console.say(&line),
        }
    }

    fn warn(&self, warning: &Diagnostic) {
        let show = || render::show_one(self.sources, warning, self.console);
        match &self.bar {
            Some(bar) => bar.suspend(show),
            None => show(),
        }
    }

    fn begin(&mut self, steps: usize, first_step: usize) {
        if !self.draws {
            return;
        }
        let bar = ProgressBar::new(steps as u64);
        // `wide_msg` ends at the edge of the terminal: a line that wraps would be left behind by the next one.
        let line = "{bar:12} {percent:>3} %  {wide_msg}";
        let marks = if self.console.unicode {
            "━╸ "
        } else {
            "=> "
        };
        let style = ProgressStyle::with_template(line).expect("the template holds known fields");
        bar.set_style(style.progress_chars(marks));
        bar.set_position(first_step as u64);
        self.bar = Some(bar);
    }

    fn advance(&self, at: &Progress) {
        let Some(bar) = &self.bar else { return };
        bar.set_position(at.step as u64);
        bar.set_message(words::state(at));
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Teller<'_> {
    /// A run that fails leaves no bar behind.
    fn drop(&mut self) {
        self.end();
    }
}
