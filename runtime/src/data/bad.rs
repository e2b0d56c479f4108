//! Rows that cannot be read as they are declared, and what becomes of them.

use reckon_compiler::plan::{BadRows, SkipLimit, SourcePlan};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;
use serde::Serialize;

use super::condition::Condition;
use super::fault::{Faults, TOLD, TOO_MANY_BAD};
use super::table::Piece;

/// What of a kind is wrong in a piece of a file: in which rows, counted from 0 in the piece, and the first few in words.
#[derive(Clone, Debug)]
pub(crate) struct Wrongs {
    code: Code,
    span: Span,
    rows: Vec<u32>,
    told: Vec<(usize, String)>,
    help: Option<String>,
    /// Whether the row has no place without it: keys, references, the time of events, and rows that are not even cut into
    /// fields.
    is_vital: bool,
}

impl Wrongs {
    pub(crate) fn new(code: Code, span: Span) -> Self {
        Self {
            code,
            span,
            rows: Vec::new(),
            told: Vec::new(),
            help: None,
            is_vital: false,
        }
    }

    pub(crate) fn with_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// That rows have no place without what is wrong.
    pub(crate) fn vital(mut self) -> Self {
        self.is_vital = true;
        self
    }

    /// Notes that something is wrong in a row; the words are made only where they are told.
    pub(crate) fn add(&mut self, row: usize, what: impl FnOnce() -> String) {
        self.rows.push(row as u32);
        if self.told.len() < TOLD {
            self.told.push((row, what()));
        }
    }

    /// Whether nothing is.
    pub(crate) fn is_none(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether something of the kind was noted in this row, which was among the last.
    pub(crate) fn has(&self, row: usize) -> bool {
        self.rows.binary_search(&(row as u32)).is_ok()
    }
}

/// What was wrong in the files of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BadCount {
    /// Rows that `on_bad_row: skip` has left out.
    pub skipped: usize,
    /// Rows in which `on_bad_row: default` has put defaults.
    pub defaulted: usize,
}

impl BadCount {
    /// Whether nothing was wrong.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Tells the bad rows of a file where its source says so; the number of those that keep their defaults. Rows that are skipped
/// have been left out before ([`Piece::skip_bad_rows`]).
pub(crate) fn settle(plan: &SourcePlan, pieces: &[Piece], sink: &mut Vec<Diagnostic>) -> usize {
    match plan.on_bad_row {
        BadRows::Fail => tell(pieces, |_| true, sink),
        BadRows::Skip(_) => {}
        BadRows::Default => {
            tell(pieces, |wrongs| wrongs.is_vital, sink);
            let defaulted = pieces.iter().map(|piece| bad_rows(&piece.wrongs).len());
            return defaulted.sum();
        }
    }
    0
}

fn bad_rows(wrongs: &[Wrongs]) -> Vec<u32> {
    let mut rows: Vec<u32> = wrongs
        .iter()
        .flat_map(|wrongs| &wrongs.rows)
        .copied()
        .collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// Tells what is wrong in the pieces of a file, as if it had been read in one.
fn tell(pieces: &[Piece], wanted: impl Fn(&Wrongs) -> bool, sink: &mut Vec<Diagnostic>) {
    for (faults, help) in faults(pieces, wanted) {
        faults.tell(sink, help.as_deref());
    }
}

/// Pieces of a file say what is wrong with it in the same order.
fn faults(pieces: &[Piece], wanted: impl Fn(&Wrongs) -> bool) -> Vec<(Faults, Option<String>)> {
    let kinds = pieces.iter().map(|piece| piece.wrongs.len()).max();
    let of_kind = |kind: usize| {
        let of_piece = |piece: &'_ Piece| piece.wrongs.get(kind).filter(|of| wanted(of)).is_some();
        let found: Vec<&Piece> = pieces.iter().filter(|piece| of_piece(piece)).collect();
        let first = &found.first()?.wrongs[kind];
        let mut faults = Faults::new(first.code, first.span);
        let mut help = None;
        for piece in found {
            let wrongs = &piece.wrongs[kind];
            for (row, what) in &wrongs.told {
                faults.add(|| format!("{}: {what}", piece.part.place(*row)));
            }
            faults.count_more(wrongs.rows.len() - wrongs.told.len());
            help = help.or_else(|| wrongs.help.clone());
        }
        Some((faults, help))
    };
    (0..kinds.unwrap_or_default()).filter_map(of_kind).collect()
}

/// Says that more rows were skipped than the source allows; `first` are some of them.
pub(crate) fn beyond_limit(
    plan: &SourcePlan,
    rows: usize,
    count: BadCount,
    first: &[String],
) -> Option<Diagnostic> {
    let BadRows::Skip(limit) = plan.on_bad_row else {
        return None;
    };
    let (is_beyond, limit) = match limit {
        SkipLimit::Rows(most) => (count.skipped as u64 > most, format!("{most}")),
        SkipLimit::Share(most) => {
            let share = count.skipped as f64 / (rows + count.skipped).max(1) as f64;
            (share > most, format!("{}% of them", most * 100.0))
        }
    };
    if !is_beyond {
        return None;
    }
    let message = format!(
        "{} rows of `{}` cannot be read, and at most {limit} may be skipped",
        count.skipped, plan.name
    );
    let mut diagnostic = Diagnostic::error(TOO_MANY_BAD, plan.span, message)
        .help("mend the files, or raise `max` in `on_bad_row: skip(max: ...)`");
    diagnostic.notes.extend(first.iter().cloned());
    Some(diagnostic)
}

/// The first few bad rows of a file in words.
pub(crate) fn examples(pieces: &[Piece]) -> Vec<String> {
    let mut sink = Vec::new();
    tell(pieces, |_| true, &mut sink);
    sink.into_iter()
        .map(|diagnostic| diagnostic.message)
        .take(TOLD)
        .collect()
}

impl Piece {
    /// Leaves out the rows with something wrong in them, and counts them.
    pub(crate) fn skip_bad_rows(&mut self) -> usize {
        let bad = bad_rows(&self.wrongs);
        if bad.is_empty() {
            return 0;
        }
        let mut next = bad.iter().peekable();
        let kept: Vec<u32> = (0..self.part.rows as u32)
            .filter(|row| next.next_if_eq(&row).is_none())
            .collect();
        self.keep(kept);
        bad.len()
    }

    /// Leaves out the rows that do not pass, and counts them.
    pub(crate) fn choose(&mut self, condition: &Condition) -> Result<usize, Diagnostic> {
        let passing = condition.passing(&self.columns, self.part.rows)?;
        let left_out = self.part.rows - passing.len();
        if left_out > 0 {
            self.keep(passing);
        }
        Ok(left_out)
    }

    /// Keeps some of the rows that are left.
    fn keep(&mut self, rows: Vec<u32>) {
        for (_, column) in &mut self.columns {
            *column = column.take(&rows);
        }
        let part = &mut self.part;
        part.rows = rows.len();
        part.kept = Some(match &part.kept {
            Some(before) => rows.iter().map(|row| before[*row as usize]).collect(),
            None => rows,
        });
    }
}
