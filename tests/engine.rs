//! The command and the library that it loads for the verbs that compute with libtorch.

#![cfg(all(feature = "torch", target_os = "linux"))]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

const COMMAND: &str = env!("CARGO_BIN_EXE_reckon");
/// A library of libtorch that nothing in the command speaks of: only what links it names it.
const PART: &[u8] = b"libc10.so";

fn holds(file: &Path, part: &[u8]) -> bool {
    let bytes = fs::read(file).unwrap();
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn the_engine_links_libtorch_and_the_command_does_not() {
    let command = Path::new(COMMAND);
    let engine = command.with_file_name("deps").join("libreckon_engine.so");
    assert!(holds(&engine, PART));
    assert!(!holds(command, PART));
}

/// One test, as a file that was just written cannot be run while another test starts a process of its own.
#[test]
fn an_engine_that_cannot_be_loaded_is_named_and_the_doctor_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let command = folder.path().join("reckon");
    fs::copy(COMMAND, &command).unwrap();
    fs::write(folder.path().join("libreckon_engine.so"), "not a library").unwrap();
    let output = |arguments: &[&str]| Command::new(&command).args(arguments).output().unwrap();

    let run = output(&["run", "main.rec"]);
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(3), "{said}");
    assert!(said.starts_with("error: cannot load `"), "{said}");
    assert!(said.contains("libreckon_engine.so"), "{said}");
    assert!(!said.contains("panicked"), "{said}");

    let doctor = output(&["doctor"]);
    let said = String::from_utf8(doctor.stdout).unwrap();
    assert!(doctor.status.success(), "{said}");
    let line = said.lines().find(|line| line.starts_with("libtorch"));
    assert!(line.unwrap().contains("cannot load"), "{said}");
}
