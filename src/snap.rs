//! `reckon snap`: the lowered plan and graphs of a spec, kept beside it, so that a change to a model is reviewed as a change
//! of what it does.

mod difference;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use reckon_compiler::graph::text::print;
use reckon_compiler::plan::Plan;
use reckon_compiler::plan::print::{graphs, print as print_plan};

use reckon_command::arguments::Snap;
use reckon_command::console::{Console, Exit, Failure, reason};
use reckon_command::render::Format;
use reckon_command::spec;

/// Ends the name of a snapshot, after the name of its spec.
const ENDING: &str = "snap";

/// Writes, compares or accepts the snapshot of each spec.
pub(crate) fn snap(arguments: &Snap, console: &Console) -> Result<Exit, Failure> {
    if arguments.files.iter().any(|path| spec::is_stdin(path)) {
        let failure = Failure::new(Exit::Usage, "a spec from stdin has no place for a snapshot");
        return Err(failure.help("name the file of the spec"));
    }
    let mut exit = Exit::Success;
    for path in &arguments.files {
        let spec = spec::open(path, &[])?;
        spec.show(Format::Human, console);
        let Some(plan) = spec.plan(console) else {
            exit = Exit::SpecOrCheck;
            continue;
        };
        let mut page = Page {
            place: place(path),
            now: snapshot(&plan),
            console,
        };
        if !page.settle(arguments)? {
            exit = Exit::SpecOrCheck;
        }
    }
    Ok(exit)
}

/// `two_tower.rec.snap`, beside the spec.
fn place(spec: &Path) -> PathBuf {
    let mut name = spec.as_os_str().to_owned();
    name.push(".");
    name.push(ENDING);
    PathBuf::from(name)
}

/// The plan and the graphs, each under a line with its name.
fn snapshot(plan: &Plan) -> String {
    let mut text = format!("{}\n{}", difference::head("plan"), print_plan(plan));
    for (what, graph) in graphs(plan) {
        text += &format!("\n{}\n{}", difference::head(&what), print(graph));
    }
    text
}

/// The snapshot of one spec.
struct Page<'a> {
    place: PathBuf,
    now: String,
    console: &'a Console,
}

impl Page<'_> {
    /// Whether the snapshot, after what was asked for, says what the spec does.
    fn settle(&mut self, arguments: &Snap) -> Result<bool, Failure> {
        let place = self.place.display().to_string();
        let kept = match fs::read_to_string(&self.place) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let message = format!("cannot read `{place}`: {}", reason(&error));
                return Err(Failure::new(Exit::World, message));
            }
        };
        match kept {
            Some(kept) if kept == self.now => Ok(true),
            None if arguments.check => {
                self.console.say(&format!("error: there is no `{place}`"));
                self.console
                    .say("  help: `reckon snap` without `--check` writes it");
                Ok(false)
            }
            None => self.write("written").map(|()| true),
            Some(_) if arguments.accept => self.write("accepted").map(|()| true),
            Some(kept) => {
                let told = difference::difference(&place, &kept, &self.now);
                self.console.print_raw(&told);
                self.console
                    .say(&format!("error: the lowering is not that of `{place}`"));
                self.console
                    .say("  help: `reckon snap --accept` keeps what it is now");
                Ok(false)
            }
        }
    }

    fn write(&self, done: &str) -> Result<(), Failure> {
        let place = self.place.display();
        fs::write(&self.place, &self.now).map_err(|error| {
            let message = format!("cannot write `{place}`: {}", reason(&error));
            Failure::new(Exit::World, message)
        })?;
        self.console.say(&format!("{done}: {place}"));
        Ok(())
    }
}
