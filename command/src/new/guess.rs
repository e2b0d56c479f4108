//! What the tables are to each other: who, what, which happenings, which column is the label and which the time.

use std::path::PathBuf;

use super::profile::{Column, Kind, Table};
use crate::console::{Exit, Failure};

/// Names of those for whom something is recommended.
const QUERY_NAMES: &[&str] = &[
    "user",
    "reader",
    "viewer",
    "customer",
    "visitor",
    "member",
    "account",
    "client",
    "listener",
    "buyer",
    "person",
    "student",
    "player",
    "subscriber",
    "session",
    "u",
];
/// Names of columns that say how a happening turned out.
const LABEL_NAMES: &[&str] = &[
    "stars",
    "rating",
    "score",
    "label",
    "click",
    "clicked",
    "is_click",
    "buy",
    "bought",
    "purchase",
    "purchased",
    "like",
    "liked",
    "is_like",
    "watched",
    "read",
    "converted",
    "target",
    "feedback",
];
/// Names of columns that hold a time.
const TIME_NAMES: &[&str] = &[
    "at",
    "time",
    "timestamp",
    "ts",
    "date",
    "datetime",
    "day",
    "created",
    "updated",
    "when",
];
/// Words of the language that cannot begin an entry as the name of a column.
const RESERVED: &[&str] = &[
    "where", "in", "and", "or", "not", "for", "if", "then", "else", "match", "let", "key", "label",
    "known", "unique", "group",
];

/// The parts of a first spec.
pub(super) struct Guess<'a> {
    /// For whom.
    pub(super) query: Entity<'a>,
    /// What is recommended.
    pub(super) item: Entity<'a>,
    pub(super) events: Events<'a>,
    /// Files that have to be written because an entity has none.
    pub(super) derived: Vec<Derived>,
    /// What was left out, and why.
    pub(super) remarks: Vec<String>,
}

/// Things with a key.
pub(super) struct Entity<'a> {
    pub(super) name: String,
    pub(super) key: &'a Column,
    /// The column of the events that refers to it.
    pub(super) reference: String,
    pub(super) from: From,
    /// Columns beside the key.
    pub(super) columns: Vec<&'a Column>,
    /// Whether events refer to keys that are not there.
    pub(super) has_absent: bool,
}

/// Where the rows of a source lie.
pub(super) enum From {
    /// A file of the user's.
    File(PathBuf),
    /// A file that `reckon new` writes, relative to the spec.
    Derived(String),
}

/// Things that happened.
pub(super) struct Events<'a> {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) rows: usize,
    pub(super) label: Option<Label<'a>>,
    pub(super) time: Option<(&'a Column, String)>,
    /// Plain columns.
    pub(super) columns: Vec<&'a Column>,
}

/// The outcome, and the condition under which it is a good one.
pub(super) struct Label<'a> {
    pub(super) column: &'a Column,
    pub(super) condition: Option<String>,
}

/// A file of the keys that events mention.
pub(super) struct Derived {
    pub(super) file: String,
    pub(super) text: String,
    pub(super) reason: String,
}

/// Finds the events by their references and a time, then the rest around them.
pub(super) fn guess(tables: &[Table]) -> Result<Guess<'_>, Failure> {
    let events = tables
        .iter()
        .max_by_key(|table| {
            let references = references(table, tables);
            (references.len().min(2), time(table).is_some(), table.rows)
        })
        .ok_or_else(nothing_found)?;
    let mut references = references(events, tables);
    let is_query = |column: &&Column| QUERY_NAMES.contains(&stem(&column.name).as_str());
    let query_at = references.iter().position(is_query).unwrap_or(0);
    if references.len() < 2 {
        return Err(nothing_found());
    }
    let query = references.remove(query_at);
    let item = references.remove(0);
    let mut derived = Vec::new();
    let mut remarks = Vec::new();
    let query = entity(query, events, tables, &mut derived);
    let item = entity(item, events, tables, &mut derived);
    for table in tables {
        let used = [&query.from, &item.from]
            .into_iter()
            .any(|from| matches!(from, From::File(path) if *path == table.path));
        if !used && !std::ptr::eq(table, events) {
            remarks.push(format!(
                "`{}` is left out: nothing in `{}` refers to it",
                table.path.display(),
                events.path.display()
            ));
        }
    }
    let taken = [query.reference.clone(), item.reference.clone()];
    let events = happenings(events, &taken, [&query.name, &item.name]);
    remarks.extend(tables.iter().flat_map(left_out));
    Ok(Guess {
        query,
        item,
        events,
        derived,
        remarks,
    })
}

/// Columns of a table that no spec can declare, and why.
fn left_out(table: &Table) -> impl Iterator<Item = String> {
    let unnamed = table.columns.iter().map(|column| &column.name);
    let unnamed = unnamed
        .filter(|name| !is_name(name))
        .map(|name| format!("the column `{name}` is left out: the language cannot name it"));
    let strange = table.strange.iter();
    unnamed.chain(
        strange.map(|(name, what)| format!("the column `{name}` is left out: it holds {what}")),
    )
}

fn nothing_found() -> Failure {
    let message = "expected a file of events with a column for who and one for what, such as `user_id` and `item_id`; found none";
    Failure::new(Exit::World, message).help(
        "columns that refer to something end in `_id`, or bear the name of another file's key",
    )
}

/// Columns that refer: named like a key of another table, or ending in `id` without being a key here.
fn references<'a>(table: &'a Table, tables: &[Table]) -> Vec<&'a Column> {
    let refers = |column: &&Column| {
        let others = tables.iter().filter(|other| !std::ptr::eq(*other, table));
        let named = others
            .filter_map(|other| key(other))
            .any(|key| key.name == column.name);
        let looks = column.name.to_lowercase().ends_with("id")
            && column.values.len() * 10 <= table.rows * 9;
        is_name(&column.name) && matches!(column.kind, Kind::Int | Kind::Str) && (named || looks)
    };
    table.columns.iter().filter(refers).collect()
}

/// The first column if it names each row.
fn key(table: &Table) -> Option<&Column> {
    table
        .columns
        .first()
        .filter(|column| matches!(column.kind, Kind::Int | Kind::Str))
        .filter(|column| column.is_unique(table.rows) && is_name(&column.name))
}

fn entity<'a>(
    reference: &'a Column,
    events: &Table,
    tables: &'a [Table],
    derived: &mut Vec<Derived>,
) -> Entity<'a> {
    let name = stem(&reference.name);
    let file = tables
        .iter()
        .filter(|table| !std::ptr::eq(*table, events))
        .find_map(|table| {
            let key = key(table)?;
            let is_same =
                key.name == reference.name || stem(&key.name) == name || table_name(table) == name;
            (is_same && (key.kind == Kind::Str) == (reference.kind == Kind::Str))
                .then_some((table, key))
        });
    if let Some((table, key)) = file {
        let columns = table
            .columns
            .iter()
            .filter(|column| column.name != key.name && is_name(&column.name))
            .collect();
        let has_absent = reference.share_in(key) < 1.0;
        let from = From::File(table.path.clone());
        return Entity {
            name,
            key,
            reference: reference.name.clone(),
            from,
            columns,
            has_absent,
        };
    }
    let from = From::Derived(format!("data/{name}s.csv"));
    derived.push(keys_of(reference, format!("{name}s.csv")));
    Entity {
        name,
        key: reference,
        reference: reference.name.clone(),
        from,
        columns: Vec::new(),
        has_absent: false,
    }
}

/// A file of the distinct values of a column.
fn keys_of(column: &Column, file: String) -> Derived {
    let quoted = column.values.keys().map(|key| {
        if key.contains([',', '"', '\n']) {
            format!("\"{}\"", key.replace('"', "\"\""))
        } else {
            key.clone()
        }
    });
    let text = format!(
        "{}\n{}\n",
        column.name,
        quoted.collect::<Vec<_>>().join("\n")
    );
    let reason = format!(
        "the distinct values of `{}`: no file has them as its key",
        column.name
    );
    Derived { file, text, reason }
}

fn happenings<'a>(table: &'a Table, taken: &[String], names: [&String; 2]) -> Events<'a> {
    let time = time(table);
    let time_name = time.as_ref().map(|(column, _)| column.name.as_str());
    let is_free = |column: &&Column| {
        !taken.contains(&column.name)
            && Some(column.name.as_str()) != time_name
            && is_name(&column.name)
    };
    let free: Vec<&Column> = table.columns.iter().filter(is_free).collect();
    let label = LABEL_NAMES.iter().find_map(|name| {
        let column = free
            .iter()
            .find(|column| column.name.to_lowercase() == *name)?;
        matches!(column.kind, Kind::Bool | Kind::Int | Kind::Float).then_some(*column)
    });
    let columns = free
        .into_iter()
        .filter(|column| label.is_none_or(|label| label.name != column.name))
        .collect();
    let mut name = table_name(table);
    if names.contains(&&name) || table.column(&name).is_some() {
        name += "_event";
    }
    let label = label.map(|column| Label {
        column,
        condition: condition(column),
    });
    Events {
        name,
        path: table.path.clone(),
        rows: table.rows,
        label,
        time,
        columns,
    }
}

/// The condition that holds for the better part of the rows: the highest border that two in five of them reach.
fn condition(label: &Column) -> Option<String> {
    let name = &label.name;
    if label.kind == Kind::Bool {
        return Some(name.clone());
    }
    if label.values.len() > 20 || label.nullable {
        return None;
    }
    let mut levels: Vec<(f64, usize)> = label
        .values
        .iter()
        .filter_map(|(value, count)| Some((value.parse().ok()?, *count)))
        .collect();
    levels.sort_by(|a, b| b.0.total_cmp(&a.0));
    let rows: usize = levels.iter().map(|(_, count)| count).sum();
    if levels.len() == 2 && levels[0].0 == 1.0 && levels[1].0 == 0.0 {
        return Some(format!("{name} == 1"));
    }
    let mut reached = 0;
    let border = levels.iter().find(|(_, count)| {
        reached += count;
        reached * 5 >= rows * 2
    })?;
    Some(format!("{name} >= {}", border.0))
}

/// The column that dates the rows, with its type as the language writes it: the first that is called like a time, else the first that
/// the file says is one.
fn time(table: &Table) -> Option<(&Column, String)> {
    let fits = |column: &&Column| is_name(&column.name) && !column.nullable;
    let columns = table.columns.iter().filter(fits);
    let named = columns
        .clone()
        .filter(|column| is_named_like_a_time(&column.name));
    let typed = columns.filter(|column| column.kind == Kind::Time);
    named
        .chain(typed)
        .find_map(|column| Some((column, time_type(column)?)))
}

/// Whether a column is called as those are that hold times.
pub fn is_named_like_a_time(column: &str) -> bool {
    let name = column.to_lowercase();
    let is_time = |part: &str| TIME_NAMES.contains(&part);
    is_time(&name) || name.split('_').any(is_time)
}

/// The type of a column of times as the language writes it; none where its values are written in no known way.
pub fn time_type(column: &Column) -> Option<String> {
    if column.kind == Kind::Time {
        return Some("time".to_owned());
    }
    if column.kind == Kind::Str {
        let sample = column.values.keys().next()?;
        let shape: String = sample
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        return match shape.as_str() {
            "0000-00-00" => Some("time(format: \"%Y-%m-%d\")".to_owned()),
            "0000-00-00 00:00:00" => Some("time(format: \"%Y-%m-%d %H:%M:%S\")".to_owned()),
            "0000-00-00T00:00:00" => Some("time(format: \"%Y-%m-%dT%H:%M:%S\")".to_owned()),
            "0000-00-00T00:00:00Z" => Some("time(format: \"%Y-%m-%dT%H:%M:%SZ\")".to_owned()),
            _ => None,
        };
    }
    let (low, high) = column.range()?;
    match column.kind {
        Kind::Int if low >= 1e8 && high < 1e10 => Some("time".to_owned()),
        Kind::Int if low >= 1e11 && high < 1e13 => Some("time(unit: ms)".to_owned()),
        Kind::Int if low >= 1e14 && high < 1e16 => Some("time(unit: us)".to_owned()),
        _ => None,
    }
}

/// The name of what a file holds: its stem in the singular.
fn table_name(table: &Table) -> String {
    let name = table
        .path
        .file_name()
        .map_or(String::new(), |name| name.to_string_lossy().to_lowercase());
    let stem = match name.rsplit_once('.') {
        Some((stem, "gz" | "zst" | "zstd")) => stem.rsplit_once('.').map_or(stem, |(stem, _)| stem),
        Some((stem, _)) => stem,
        None => &name,
    };
    let clean: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let single = singular(&clean);
    if is_name(&single) {
        single
    } else {
        format!("data_{single}")
    }
}

fn singular(word: &str) -> String {
    if matches!(word, "series" | "species" | "news") {
        return word.to_owned();
    }
    if let Some(base) = word.strip_suffix("ies")
        && !matches!(word, "movies" | "cookies" | "selfies")
    {
        return format!("{base}y");
    }
    match word.strip_suffix('s') {
        Some(base) if !base.ends_with('s') && base.len() > 2 => base.to_owned(),
        _ => word.to_owned(),
    }
}

/// The thing that a column refers to: `user_id`, `userId` and `user` are `user`.
fn stem(column: &str) -> String {
    let lower = column.to_lowercase();
    let base = lower
        .strip_suffix("_id")
        .or_else(|| lower.strip_suffix("id"))
        .unwrap_or(&lower);
    let base = base.trim_matches('_');
    if base.is_empty() {
        "item".to_owned()
    } else {
        base.to_owned()
    }
}

/// Whether the language can name a column so.
fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !RESERVED.contains(&text)
}

#[cfg(test)]
mod tests {
    use super::{singular, stem};

    #[test]
    fn references_are_named_after_what_they_refer_to() {
        assert_eq!(
            ["user_id", "userId", "movieid", "sku"].map(stem),
            ["user", "user", "movie", "sku"]
        );
    }

    #[test]
    fn files_are_named_in_the_plural() {
        assert_eq!(
            ["movies", "categories", "class", "news_log"].map(singular),
            ["movie", "category", "class", "news_log"]
        );
    }
}
