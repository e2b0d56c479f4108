//! Sources and their splits.

use reckon_grammar::span::Span;

use super::row::{Kernel, RowType};
use crate::value::Value;

/// An entity or events source.
#[derive(Clone, Debug)]
pub struct SourcePlan {
    /// Its name.
    pub name: String,
    /// Whether rows are things or happenings.
    pub kind: SourceKind,
    /// Paths and globs as written, relative to the folder of the spec.
    pub paths: Vec<String>,
    /// Declared columns, keys and reference columns included.
    pub columns: Vec<ColumnPlan>,
    /// Columns that make up the key; empty for events.
    pub key: Vec<String>,
    /// References to entities.
    pub references: Vec<ReferencePlan>,
    /// The column of type time that dates events.
    pub time: Option<String>,
    /// `as of updated_at`: the column of type time that dates the versions of things. Each row of the files is a version
    /// then, and a row of events sees the latest strictly before it.
    pub versions: Option<String>,
    /// `where tab == 4`: a row program over the columns of the files whose one output says which of their rows it has.
    pub condition: Option<Kernel>,
    /// `unique by`: columns whose repeats are dropped, the first kept.
    pub unique: Vec<String>,
    /// What becomes of rows that cannot be read as declared.
    pub on_bad_row: BadRows,
    /// Labels that are computed from columns, and become known later than those.
    pub computed: Vec<(String, Vec<Known>)>,
    /// What becomes of rows with a label that is not known at the end of their part of the split, or of their day.
    pub immature: Immature,
    /// The declaration, for diagnostics.
    pub span: Span,
}

impl SourcePlan {
    /// Its files as a spec writes them: `"a.csv", "b/*.parquet"`.
    pub fn written_paths(&self) -> String {
        let paths: Vec<String> = self.paths.iter().map(|path| format!("{path:?}")).collect();
        paths.join(", ")
    }

    /// Whether a label becomes known later than its row.
    pub fn waits(&self) -> bool {
        !self.known().is_empty()
    }

    /// From when on all labels of a row are known: from the latest of these.
    pub fn known(&self) -> Vec<Known> {
        let of_columns = self.columns.iter().flat_map(|column| &column.known);
        let of_labels = self.computed.iter().flat_map(|(_, known)| known);
        let mut all: Vec<Known> = Vec::new();
        for one in of_columns.chain(of_labels) {
            if !all.contains(one) {
                all.push(one.clone());
            }
        }
        all
    }

    /// What is said of when a label is known.
    pub fn known_of(&self, label: &str) -> &[Known] {
        let column = self.columns.iter().find(|column| column.name == label);
        let computed = self.computed.iter().find(|(name, _)| name == label);
        match (column, computed) {
            (Some(column), _) => &column.known,
            (None, Some((_, known))) => known,
            (None, None) => &[],
        }
    }
}

/// Entity or events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// Rows with a key.
    Entity,
    /// Rows with references and a time.
    Events,
}

/// A declared column.
#[derive(Clone, Debug)]
pub struct ColumnPlan {
    /// Its name in the file.
    pub name: String,
    /// Its type.
    pub ty: RowType,
    /// How a time is written in the file.
    pub time: TimeFormat,
    /// Values that stand for null.
    pub nulls: Vec<Value>,
    /// The outcome that it is joined from; no column of a file then.
    pub joined: Option<JoinPlan>,
    /// From when on it is known: from the latest of these, or with its row where there is none.
    pub known: Vec<Known>,
    /// The declaration.
    pub span: Span,
}

/// `from click on (request_id, video_id) within 30m else false`: the first of the rows of other events with equal columns
/// that come not before a row, nor later than within a time.
#[derive(Clone, Debug, PartialEq)]
pub struct JoinPlan {
    /// The other events.
    pub source: String,
    /// Columns that both have.
    pub on: Vec<String>,
    /// How much later at most, in microseconds.
    pub within: i64,
    /// The column of the other events that is taken; where there is none, whether there is such a row.
    pub value: Option<String>,
    /// What a row without any has; null where nothing is said.
    pub otherwise: Option<Value>,
}

/// From when on a label is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// So many microseconds after a time of its row.
    After(i64, String),
    /// At a time of its row; never where that is null.
    At(String),
}

/// What becomes of rows with a label that is not known at the end of their part of the split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Immature {
    /// They are in no part.
    #[default]
    Drop,
    /// Nothing.
    Keep,
    /// Those that train count by the share of the time that has passed, the others are in no part.
    Weight,
}

/// How times are written.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum TimeFormat {
    /// Whole or fractional seconds since 1970 UTC.
    #[default]
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Text by a strftime pattern, in a fixed zone such as `+08:00` or `UTC`.
    Text {
        /// The pattern.
        format: String,
        /// The zone.
        zone: String,
    },
}

/// `user_id -> user`
#[derive(Clone, Debug)]
pub struct ReferencePlan {
    /// The columns that hold the key.
    pub columns: Vec<String>,
    /// The entity.
    pub target: String,
    /// What happens when the entity has no such row.
    pub absent: Absent,
    /// The declaration.
    pub span: Span,
}

/// Policy for rows with a cell that is none of its column, or that are not even cut into cells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum BadRows {
    /// Diagnostics that name file, row and column.
    #[default]
    Fail,
    /// Such rows are left out, and counted.
    Skip(SkipLimit),
    /// Such cells are null where their column may be, else 0, false or empty; counted. Rows whose key, reference or time
    /// is bad are diagnostics still.
    Default,
}

/// How much may be skipped before the source is at fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SkipLimit {
    /// So many rows.
    Rows(u64),
    /// A share of all rows.
    Share(f64),
}

/// Policy for events that refer to an absent entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// A diagnostic that names file, row and key.
    Error,
    /// The row is kept and the entity's features are those of an unknown one; counted.
    Unknown,
}

/// How events are cut into parts.
#[derive(Clone, Debug)]
pub struct SplitPlan {
    /// The events.
    pub source: String,
    /// The rule.
    pub rule: SplitRule,
    /// Names and amounts in the order of time, `train` first. Shares sum to 1; `Day` and `LastPer` take counts.
    pub parts: Vec<(String, f64)>,
    /// The declaration.
    pub span: Span,
}

/// The rule of a split. Rows of equal time never end up on two sides of a time border.
#[derive(Clone, Debug, PartialEq)]
pub enum SplitRule {
    /// One border for all rows, by share of rows.
    Time,
    /// Borders for each row of the entity, by share of its rows.
    TimePer(String),
    /// The last rows of each row of the entity: counts of `valid` and `test`, the rest trains.
    LastPer(String),
    /// Whole days: counts from the first day on.
    Day,
    /// Borders between days that are nearest to shares of rows.
    DayShare,
    /// Each row by itself, with this seed.
    Random(u64),
}
