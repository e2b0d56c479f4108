//! How many threads work, and how they wait for each other.

use std::env;
use std::io;
use std::num::NonZero;
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
#[cfg(unix)]
use std::process::Command;
use std::thread;

use crate::console::{Exit, Failure};

/// Turns of the loop in which a thread of libtorch waits for its next piece of work before it sleeps: some ten
/// microseconds. By default it turns for milliseconds, and on a machine that has other work the threads that hold a
/// core then wait for those that want one; steps become ten times as long.
const TURNS: &str = "10000";
/// What libgomp reads.
const SPIN: &str = "GOMP_SPINCOUNT";
/// Says the same in coarser words; whoever has set it means it.
const POLICY: &str = "OMP_WAIT_POLICY";

/// The threads to work with: as many as asked for, or one for each core that this process may use.
pub(crate) fn count(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get))
}

/// Has several threads wait for each other briefly. libgomp reads how when it is loaded, which is before `main`: the
/// process begins once more, as itself, with the variable set. It decides about time alone, never about a result.
///
/// # Errors
/// The process cannot begin again.
pub(crate) fn wait_briefly(threads: usize) -> Result<(), Failure> {
    if threads < 2
        || [SPIN, POLICY]
            .iter()
            .any(|name| env::var_os(name).is_some())
    {
        return Ok(());
    }
    env::current_exe().and_then(again).map_err(|error| {
        Failure::new(
            Exit::World,
            format!("`reckon` cannot start itself again: {error}"),
        )
        .help(format!("set the environment variable `{SPIN}={TURNS}`"))
    })
}

/// Replaces this process by one with the same arguments and the variable set; returns only if it cannot.
#[cfg(unix)]
fn again(program: PathBuf) -> io::Result<()> {
    let mut command = Command::new(program);
    command.args(env::args_os().skip(1)).env(SPIN, TURNS);
    Err(command.exec())
}

/// Elsewhere libtorch comes with other threads, which do not read the variable.
#[cfg(not(unix))]
fn again(_program: PathBuf) -> io::Result<()> {
    Ok(())
}
