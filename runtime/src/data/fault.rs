//! What can be wrong with data: one constructor a code, so that messages of one kind read alike.

use reckon_grammar::diagnostic::{Code, Diagnostic, nearest};
use reckon_grammar::span::{FileId, Span};

/// At most so many faults of a column are told one by one.
pub(crate) const TOLD: usize = 5;

pub(crate) const NO_FILE: Code = Code(1001);
pub(crate) const NO_COLUMN: Code = Code(1002);
pub(crate) const WRONG_TYPE: Code = Code(1003);
pub(crate) const NULL: Code = Code(1004);
pub(crate) const RAGGED: Code = Code(1005);
pub(crate) const NOT_UTF8: Code = Code(1006);
pub(crate) const EMPTY: Code = Code(1007);
pub(crate) const ABSENT: Code = Code(1008);
pub(crate) const MIXED_KEYS: Code = Code(1009);
pub(crate) const DUPLICATE_KEY: Code = Code(1010);
pub(crate) const UNREADABLE: Code = Code(1011);
pub(crate) const OPEN_QUOTE: Code = Code(1012);
pub(crate) const NO_TRAINING_ROWS: Code = Code(1013);
pub(crate) const KERNEL: Code = Code(1014);
pub(crate) const TIME_FORMAT: Code = Code(1015);
pub(crate) const PLAN: Code = Code(1016);
pub(crate) const FITTED: Code = Code(1017);
pub(crate) const TOO_MANY_ROWS: Code = Code(1018);
pub(crate) const UNDRAWABLE: Code = Code(1019);
pub(crate) const TOO_MANY_BAD: Code = Code(1041);
pub(crate) const NOT_OBJECT: Code = Code(1042);
pub(crate) const FANS_OUT: Code = Code(1043);
pub(crate) const SAYS_NOTHING: Code = Code(1044);
pub(crate) const WRONG_WIDTH: Code = Code(1045);
pub(crate) const UNLIKE_VECTORS: Code = Code(1046);

/// What is advised where bytes are not what their format asks for.
pub(crate) const DAMAGED: &str = "where it is cut short or damaged, write it again";

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file as the spec names it.
    pub(crate) file: String,
    /// The row of data, from 1.
    pub(crate) row: usize,
    /// The line of text, from 1, where the file has lines.
    pub(crate) line: Option<usize>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{} row {} (line {line})", self.file, self.row),
            None => write!(f, "{} row {}", self.file, self.row),
        }
    }
}

/// Faults of one kind: the first few one by one, the others counted.
#[derive(Debug)]
pub(crate) struct Faults {
    code: Code,
    span: Span,
    told: Vec<Diagnostic>,
    count: usize,
}

impl Faults {
    pub(crate) fn new(code: Code, span: Span) -> Self {
        Self {
            code,
            span,
            told: Vec::new(),
            count: 0,
        }
    }

    /// Counts a fault; the message is made only where it is told.
    pub(crate) fn add(&mut self, message: impl FnOnce() -> String) {
        self.count += 1;
        if self.told.len() < TOLD {
            self.told
                .push(Diagnostic::error(self.code, self.span, message()));
        }
    }

    /// Counts faults that are not told.
    pub(crate) fn count_more(&mut self, more: usize) {
        self.count += more;
    }

    /// Moves the faults to `sink`, the last one with the number of those left out.
    pub(crate) fn tell(mut self, sink: &mut Vec<Diagnostic>, help: Option<&str>) {
        let told = self.told.len();
        if let Some(last) = self.told.last_mut() {
            let left_out = self.count - told;
            if left_out > 0 {
                last.notes.push(format!("{left_out} more of the same"));
            }
            last.help = help.map(str::to_owned);
        }
        sink.append(&mut self.told);
    }
}

/// No place in a spec.
pub(crate) fn nowhere() -> Span {
    Span::new(FileId(0), 0, 0)
}

/// A column that the file does not have.
pub(crate) fn no_column(file: &str, column: &str, span: Span, found: &[String]) -> Diagnostic {
    let diagnostic = Diagnostic::error(NO_COLUMN, span, format!("{file} has no column `{column}`"));
    let names: Vec<String> = found.iter().map(|name| format!("`{name}`")).collect();
    let diagnostic = diagnostic.note(format!("its columns are {}", names.join(", ")));
    if let [one] = found
        && let Some(other) = one.chars().find(|mark| matches!(mark, ';' | '\t' | '|'))
    {
        let help = format!(
            "its names are separated by {other:?}: fields are separated by commas, in `.tsv` files by tabs"
        );
        return diagnostic.help(help);
    }
    match nearest(column, found.iter().map(String::as_str)) {
        Some(name) => diagnostic.help(format!("perhaps `{name}` is meant")),
        None => diagnostic,
    }
}

/// A declared column that a file has more than once.
pub(crate) fn doubled(file: &str, column: &str, span: Span) -> Diagnostic {
    let message = format!("{file} has the column `{column}` more than once");
    Diagnostic::error(NO_COLUMN, span, message)
        .help("rename or remove all but one of them in the file")
}

/// What `rows` files of a row number can hold.
pub(crate) fn too_many_rows(source: &str, rows: usize, span: Span) -> Diagnostic {
    let message = format!(
        "`{source}` has {rows} rows, more than the {} that row numbers can tell apart",
        u32::MAX - 1
    );
    Diagnostic::error(TOO_MANY_ROWS, span, message)
}
