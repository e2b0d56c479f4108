//! The library that computes with libtorch, loaded only where a verb asks for it.

use std::env::{self, consts};
use std::path::{Path, PathBuf};

use libloading::{Library, Symbol};
use reckon_command::arguments::Verb;
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::doctor::{Torch, report};

/// The one function of the library; its name says which version of the command it belongs to.
const ENTRY: &str = concat!("reckon_engine_", env!("CARGO_PKG_VERSION"));
/// Turns of the loop in which a thread of libtorch waits for its next piece of work before it sleeps: some ten
/// microseconds. By default it turns for milliseconds, and on a machine that has other work the threads that hold a
/// core then wait for those that want one; steps become ten times as long.
const TURNS: &str = "10000";
/// What libgomp reads when it is loaded.
const SPIN: &str = "GOMP_SPINCOUNT";
/// Says the same in coarser words; whoever has set it means it.
const POLICY: &str = "OMP_WAIT_POLICY";

/// Does what a verb asks for, and returns the exit status.
///
/// # Errors
/// The library is not there, cannot be loaded, or is of another version.
pub(crate) fn work(verb: &Verb, console: &Console) -> Result<u8, Failure> {
    match (load(), verb) {
        (Err(failure), Verb::Doctor) => {
            report(&Torch::Broken(failure.message), console).map(Exit::code)
        }
        (status, _) => status,
    }
}

/// Has the library read the arguments of this process and do what they ask for.
#[allow(unsafe_code)]
fn load() -> Result<u8, Failure> {
    let path = find()?;
    wait_briefly();
    // SAFETY: the library was built with this command; what runs while it loads is libtorch's own set-up.
    let library = unsafe { Library::new(&path) }.map_err(|error| {
        Failure::new(
            Exit::World,
            format!("cannot load `{}`: {error}", path.display()),
        )
        .help("`cargo xtask setup` puts libtorch where the library looks for it")
    })?;
    // SAFETY: the function of this name has this type in every build of this version (`engine/src/lib.rs`).
    let entry: Symbol<'_, extern "C" fn() -> u8> = unsafe { library.get(ENTRY.as_bytes()) }
        .map_err(|_| {
            let message = format!(
                "`{}` is not of version {}",
                path.display(),
                env!("CARGO_PKG_VERSION")
            );
            Failure::new(Exit::World, message)
                .help("the command and its library are built and moved together")
        })?;
    Ok(entry())
}

/// Beside the command, where cargo builds it, where a package installs it, or where this build has left it.
fn find() -> Result<PathBuf, Failure> {
    let program = env::current_exe().and_then(|path| path.canonicalize());
    let folder = program.unwrap_or_default();
    let folder = folder.parent().unwrap_or(Path::new("."));
    let places = [
        folder.to_owned(),
        folder.join("deps"),
        folder.join("../lib"),
        PathBuf::from(env!("RECKON_ENGINE_DIR")),
    ];
    find_in(&places).ok_or_else(|| {
        let message = format!("`{}`, the half of `reckon` that trains, is missing", name());
        Failure::new(Exit::World, message).help(format!(
            "it is looked for in `{}` and in `../lib` from there",
            folder.display()
        ))
    })
}

fn find_in(places: &[PathBuf]) -> Option<PathBuf> {
    let mut paths = places.iter().map(|place| place.join(name()));
    paths.find(|path| path.exists())
}

fn name() -> String {
    format!("{}reckon_engine{}", consts::DLL_PREFIX, consts::DLL_SUFFIX)
}

/// Has threads of libtorch wait for each other briefly. It decides about time alone, never about a result.
#[allow(unsafe_code)]
fn wait_briefly() {
    if [SPIN, POLICY]
        .iter()
        .all(|name| env::var_os(name).is_none())
    {
        // SAFETY: no other thread has been started yet that could read the environment.
        unsafe { env::set_var(SPIN, TURNS) };
    }
}
