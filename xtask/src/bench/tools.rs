//! `bench tools`: how long the compiler and its language server keep a person waiting, on specs with many features.
//!
//! The commands are timed as whole processes, from their start to their last line. An edit is timed by a client of the
//! language server: from the change to the findings that it calls for.

mod editor;
mod wide;

use super::{
    Bed, Bench, Scale, reckon,
    record::{Record, Subject},
};
use crate::trouble::Trouble;
use editor::Editor;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

pub(super) const BENCH: Bench = Bench {
    name: "tools",
    cases: &["check", "build", "fmt", "edit"],
    run: tools,
};

/// A command on a spec.
struct Task {
    case: &'static str,
    words: &'static [&'static str],
}

const TASKS: &[Task] = &[
    Task {
        case: "check",
        words: &["check"],
    },
    Task {
        case: "build",
        words: &["build", "--emit", "plan"],
    },
    Task {
        case: "fmt",
        words: &["fmt", "--check"],
    },
];

/// What a person is asked to wait at most, in milliseconds.
struct Patience {
    case: &'static str,
    features: usize,
    milliseconds: f64,
}

const PATIENCE: &[Patience] = &[
    Patience {
        case: "check",
        features: 500,
        milliseconds: 100.0,
    },
    Patience {
        case: "edit",
        features: LINES_2000,
        milliseconds: 50.0,
    },
];

/// So many features make a file of 2,000 lines.
const LINES_2000: usize = 990;

const SIZES: [usize; 3] = [100, 500, LINES_2000];

fn tools(bed: &Bed<'_>, record: &mut Record) -> Result<(), Trouble> {
    let command = reckon::executable(bed)?;
    let rounds = match bed.scale {
        Scale::Quick => 3,
        Scale::Full => 21,
    };
    let mut late = Vec::new();
    for features in SIZES {
        let file = bed.folder.join(format!("wide-{features}.rec"));
        fs::write(&file, wide::spec(features))
            .map_err(|error| Trouble::io(format!("cannot write {}", file.display()), &error))?;
        for task in TASKS.iter().filter(|task| bed.wants(task.case)) {
            let times = (0..rounds).map(|_| time(&command, task.words, &file));
            note(record, task.case, features, times, &mut late)?;
        }
        if bed.wants("edit") {
            let mut editor = Editor::open(&command, &file, &bed.folder)?;
            let times = (0..rounds).map(|_| editor.edit());
            note(record, "edit", features, times, &mut late)?;
            editor.close()?;
        }
    }
    if late.is_empty() || bed.scale == Scale::Quick {
        return Ok(());
    }
    Err(Trouble::new(
        format!("too slow: {}", late.join("; ")),
        "find out what grew, with `perf record` on the command",
    ))
}

/// Records the times of one case; one whose median is above what is asked is added to `late`.
fn note(
    record: &mut Record,
    case: &'static str,
    features: usize,
    times: impl Iterator<Item = Result<f64, Trouble>>,
    late: &mut Vec<String>,
) -> Result<(), Trouble> {
    let subject = Subject {
        case: "milliseconds",
        contender: case,
        metric: &format!("{features} features"),
        unit: "ms",
    };
    for time in times {
        record.add(subject, time?);
    }
    let asked = PATIENCE
        .iter()
        .find(|of| of.case == case && of.features == features);
    if let (Some(asked), Some(found)) = (asked, record.median_of(subject))
        && found > asked.milliseconds
    {
        late.push(format!(
            "{case} of {features} features takes {found:.0} ms, asked are {:.0}",
            asked.milliseconds
        ));
    }
    Ok(())
}

/// One run of a command on a spec, in milliseconds.
fn time(command: &PathBuf, words: &[&str], file: &Path) -> Result<f64, Trouble> {
    let start = Instant::now();
    let output = Command::new(command)
        .args(words)
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Trouble::io(format!("cannot start {}", command.display()), &error))?;
    let time = start.elapsed().as_secs_f64() * 1e3;
    if output.status.success() {
        return Ok(time);
    }
    Err(Trouble::new(
        format!("`reckon {}` refuses {}", words.join(" "), file.display()),
        String::from_utf8_lossy(&output.stderr),
    ))
}
