//! What stops a verb, told to the person at the terminal: what is wrong, and what to do about it.

use std::fmt;

/// A refusal or failure of a verb.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// What is wrong.
    pub(crate) what: String,
    /// What to do about it; may be empty.
    pub(crate) help: String,
    /// The exit status of the process: 1, or 2 for wrong usage, or the status of a failed command.
    pub(crate) status: u8,
}

impl Trouble {
    /// The world does not let the verb do its work.
    pub(crate) fn new(what: impl Into<String>, help: impl Into<String>) -> Trouble {
        Trouble {
            what: what.into(),
            help: help.into(),
            status: 1,
        }
    }

    /// The verb was called in a way that it does not know.
    pub(crate) fn usage(what: impl Into<String>, help: impl Into<String>) -> Trouble {
        Trouble {
            status: 2,
            ..Trouble::new(what, help)
        }
    }

    /// An operation on a file or folder failed, `doing` says which: "cannot write PATH".
    pub(crate) fn io(doing: impl fmt::Display, error: &std::io::Error) -> Trouble {
        let help = match error.kind() {
            std::io::ErrorKind::StorageFull => "free some disk space and start again",
            std::io::ErrorKind::PermissionDenied => "the repository has to be writable",
            _ => "",
        };
        Trouble::new(format!("{doing}: {error}"), help)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "error: {}", self.what)?;
        for (row, line) in self.help.lines().enumerate() {
            writeln!(
                out,
                "{}{line}",
                if row == 0 { " help: " } else { "       " }
            )?;
        }
        Ok(())
    }
}

/// The name that was probably meant by `typed`, if one is near.
pub(crate) fn closest<'a>(
    typed: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(typed, name), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_of_several_lines_stays_aligned() {
        let trouble = Trouble::new("no pip", "install it\nor bring libtorch");
        assert_eq!(
            trouble.to_string(),
            "error: no pip\n help: install it\n       or bring libtorch\n"
        );
    }

    #[test]
    fn a_slip_finds_its_name_and_nonsense_finds_none() {
        assert_eq!(closest("steup", ["setup", "test"]), Some("setup"));
        assert_eq!(
            closest("ml-10k", ["ml-100k", "ml-1m", "adult"]),
            Some("ml-100k")
        );
        assert_eq!(closest("qqq", ["setup", "test"]), None);
    }
}
