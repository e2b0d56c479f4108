//! A contender that does a round whenever it is asked.

use crate::trouble::Trouble;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A process that answers each line with a line of JSON.
pub(super) struct Process {
    name: &'static str,
    child: Child,
    asked: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Process {
    pub(super) fn start(name: &'static str, mut command: Command) -> Result<Process, Trouble> {
        let failed = |error: &_| Trouble::io(format!("cannot start {name}"), error);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| failed(&error))?;
        let (Some(asked), Some(told)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("both ends were asked for")
        };
        Ok(Process {
            name,
            child,
            asked,
            told: BufReader::new(told),
        })
    }

    /// What a round took.
    pub(super) fn ask(&mut self) -> Result<Value, Trouble> {
        let mut line = String::new();
        let answer = self
            .asked
            .write_all(b"\n")
            .and_then(|()| self.asked.flush())
            .and_then(|()| self.told.read_line(&mut line));
        answer.map_err(|error| Trouble::io(format!("{} does not answer", self.name), &error))?;
        serde_json::from_str(&line).map_err(|error| {
            Trouble::new(
                format!("{} answers no JSON: {error}", self.name),
                "what it says above tells why",
            )
        })
    }

    /// Ends it: no further line is coming.
    pub(super) fn finish(self) -> Result<(), Trouble> {
        let Process {
            name,
            mut child,
            asked,
            told: _,
        } = self;
        drop(asked);
        let ended = child.wait();
        ended.map_err(|error| Trouble::io(format!("{name} does not end"), &error))?;
        Ok(())
    }
}
