//! A first look at a file: what its columns seem to be. `reckon new --from` writes a spec from it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use reckon_compiler::plan::TimeFormat;
use reckon_compiler::plan::row::{RowKind, RowType};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::{FileId, Span};
use serde_json::{Map, Value as Json};

use super::columnar;
use super::delimited::{Records, Style};
use super::fault::{EMPTY, NO_FILE, NOT_OBJECT, NOT_UTF8, OPEN_QUOTE, RAGGED, UNREADABLE};
use super::format::{self, Format, Packing, format_of};
use super::time::Pattern;

/// So many rows are looked at.
const ROWS: usize = 200_000;

/// What a file holds, as far as its first 200,000 rows show.
#[derive(Clone, Debug, PartialEq)]
pub struct Sketch {
    /// Rows looked at.
    pub rows: usize,
    /// Columns in the order of the file.
    pub columns: Vec<ColumnSketch>,
}

/// What a column seems to be.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSketch {
    /// Its name.
    pub name: String,
    /// The narrowest type that holds all its values.
    pub ty: RowType,
    /// How times are written, where the type is one.
    pub time: TimeFormat,
    /// The number of distinct values, nulls apart.
    pub distinct: usize,
    /// What it is probably for.
    pub role: Role,
}

/// What a column is probably for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Every row has a value of its own, and the name ends like that of a key.
    Key,
    /// Its name ends like that of a key, and values repeat.
    Reference,
    /// It dates the rows.
    Time,
    /// Its name is one that outcomes have: stars, click, label.
    Label,
    /// Texts that hold several values with this separator between them.
    List(char),
    /// None of these.
    Plain,
}

/// Looks at a file of any kind that sources are read from. Diagnostics have no place in a spec.
///
/// # Errors
/// A file that is missing, empty, or that cannot be read.
pub fn inspect(path: &Path) -> Result<Sketch, Diagnostic> {
    let name = path
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let fault =
        |code, message: String| Diagnostic::error(code, Span::new(FileId(0), 0, 0), message);
    if !path.is_file() {
        return Err(fault(NO_FILE, format!("there is no file `{name}`")));
    }
    let texts = match format_of(&name) {
        Some((Format::Delimited(style), packing)) => of_text(path, packing, style),
        Some((Format::JsonLines, packing)) => of_objects(path, packing),
        Some((format @ (Format::Parquet | Format::Arrow), _)) => of_batches(path, format),
        None => Err((UNREADABLE, "is of no kind that can be read".to_owned())),
    };
    let columns = texts.map_err(|(code, what)| fault(code, format!("`{name}` {what}")))?;
    let rows = columns.first().map_or(0, |column| column.values.len());
    if rows == 0 {
        return Err(fault(EMPTY, format!("`{name}` holds no rows")));
    }
    Ok(Sketch {
        rows,
        columns: columns.into_iter().map(sketch).collect(),
    })
}

/// A column as texts, null where empty, with its type where the file tells it.
struct Texts {
    name: String,
    values: Vec<Option<String>>,
    known: Option<RowKind>,
}

type Fault = (reckon_grammar::diagnostic::Code, String);

fn text_of(path: &Path, packing: Packing) -> Result<String, Fault> {
    let unreadable = |error| (UNREADABLE, format!("cannot be read: {error}"));
    let bytes = format::bytes(path, packing, None).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| (NOT_UTF8, "is not UTF-8".to_owned()))
}

/// Objects, one a line: columns in the order in which they first appear.
fn of_objects(path: &Path, packing: Packing) -> Result<Vec<Texts>, Fault> {
    let text = text_of(path, packing)?;
    let mut columns: Vec<Texts> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    for (rows, (at, line)) in lines.take(ROWS).enumerate() {
        let object: Map<String, Json> = serde_json::from_str(line)
            .map_err(|_| (NOT_OBJECT, format!("line {}: expected an object", at + 1)))?;
        for (name, value) in object {
            let place = *places.entry(name.clone()).or_insert_with(|| {
                columns.push(Texts {
                    name,
                    values: Vec::new(),
                    known: None,
                });
                columns.len() - 1
            });
            let column = &mut columns[place];
            column.values.resize(rows, None);
            column.known = column.known.take().or_else(|| known_kind(&value));
            column.values.push(match value {
                Json::Null => None,
                Json::String(text) => Some(text),
                other => Some(other.to_string()),
            });
        }
    }
    let rows = columns.iter().map(|column| column.values.len()).max();
    let rows = rows.unwrap_or_default();
    columns
        .iter_mut()
        .for_each(|column| column.values.resize(rows, None));
    Ok(columns)
}

/// The kind that only objects tell: that of a list, by its first element.
fn known_kind(value: &Json) -> Option<RowKind> {
    let of = match value.as_array()?.first()? {
        Json::Number(number) if number.is_i64() => RowKind::Int,
        Json::Number(_) => RowKind::Float,
        Json::Bool(_) => RowKind::Bool,
        Json::String(_) | Json::Null | Json::Array(_) | Json::Object(_) => RowKind::Str,
    };
    Some(RowKind::List(Box::new(of)))
}

fn of_text(path: &Path, packing: Packing, style: Style) -> Result<Vec<Texts>, Fault> {
    let text = text_of(path, packing)?;
    let mut records = Records::new(&text, style);
    let mut fields: Vec<Cow<'_, str>> = Vec::new();
    let open = |quote: super::delimited::OpenQuote| {
        (
            OPEN_QUOTE,
            format!("line {}: a quoted field has no end", quote.line),
        )
    };
    if records.next(&mut fields).map_err(open)?.is_none() {
        return Err((EMPTY, "is empty".to_owned()));
    }
    let mut columns: Vec<Texts> = fields
        .iter()
        .map(|name| Texts {
            name: name.trim().to_owned(),
            values: Vec::new(),
            known: None,
        })
        .collect();
    for _ in 0..ROWS {
        let Some(line) = records.next(&mut fields).map_err(open)? else {
            break;
        };
        if fields.len() != columns.len() {
            return Err((
                RAGGED,
                format!(
                    "line {line}: expected {} fields, found {}",
                    columns.len(),
                    fields.len()
                ),
            ));
        }
        for (column, field) in columns.iter_mut().zip(&fields) {
            column
                .values
                .push((!field.trim().is_empty()).then(|| field.clone().into_owned()));
        }
    }
    Ok(columns)
}

fn of_batches(path: &Path, format: Format) -> Result<Vec<Texts>, Fault> {
    let unreadable =
        |error: arrow::error::ArrowError| (UNREADABLE, format!("cannot be read: {error}"));
    let (schema, batches) = columnar::batches(path, format).map_err(unreadable)?;
    let mut columns: Vec<Texts> = named(&schema);
    for batch in batches {
        let batch = batch.map_err(unreadable)?;
        for (column, array) in columns.iter_mut().zip(batch.columns()) {
            let texts = cast(array, &DataType::LargeUtf8);
            for row in 0..array.len() {
                let value = texts.as_ref().ok().filter(|_| array.is_valid(row));
                column
                    .values
                    .push(value.map(|texts| texts.as_string::<i64>().value(row).to_owned()));
            }
        }
        if columns
            .first()
            .is_some_and(|column| column.values.len() >= ROWS)
        {
            break;
        }
    }
    Ok(columns)
}

fn named(schema: &Schema) -> Vec<Texts> {
    let kind = |ty: &DataType| match ty {
        DataType::Boolean => Some(RowKind::Bool),
        DataType::Duration(_) => Some(RowKind::Duration),
        temporal if temporal.is_temporal() => Some(RowKind::Time),
        floating if floating.is_floating() => Some(RowKind::Float),
        DataType::List(field) | DataType::LargeList(field) if field.data_type().is_integer() => {
            Some(RowKind::List(Box::new(RowKind::Int)))
        }
        DataType::List(field) | DataType::LargeList(field) if field.data_type().is_floating() => {
            Some(RowKind::List(Box::new(RowKind::Float)))
        }
        DataType::List(_) | DataType::LargeList(_) => Some(RowKind::List(Box::new(RowKind::Str))),
        _ => None,
    };
    schema
        .fields()
        .iter()
        .map(|field| Texts {
            name: field.name().clone(),
            values: Vec::new(),
            known: kind(field.data_type()),
        })
        .collect()
}

fn sketch(column: Texts) -> ColumnSketch {
    let values: Vec<&str> = column.values.iter().flatten().map(String::as_str).collect();
    let distinct: BTreeSet<&str> = values.iter().copied().collect();
    let narrowest = column.known.clone().unwrap_or_else(|| narrowest(&distinct));
    let written = match (&column.known, narrowest) {
        (Some(kind), _) => (kind.clone(), TimeFormat::Seconds),
        (None, kind) => written_time(&column.name, &kind, &distinct)
            .map_or((kind, TimeFormat::Seconds), |format| {
                (RowKind::Time, format)
            }),
    };
    let (kind, time) = written;
    let unique = distinct.len() == values.len() && values.len() == column.values.len();
    let role = role(&column.name, &kind, &distinct, unique);
    ColumnSketch {
        ty: RowType {
            kind,
            nullable: values.len() < column.values.len(),
        },
        time,
        distinct: distinct.len(),
        role,
        name: column.name,
    }
}

fn narrowest(distinct: &BTreeSet<&str>) -> RowKind {
    let all = |holds: &dyn Fn(&str) -> bool| {
        !distinct.is_empty() && distinct.iter().all(|value| holds(value))
    };
    if all(&|value| {
        matches!(
            value,
            "true" | "false" | "True" | "False" | "TRUE" | "FALSE"
        )
    }) {
        RowKind::Bool
    } else if all(&|value| value.trim().parse::<i64>().is_ok()) {
        RowKind::Int
    } else if all(&|value| value.trim().parse::<f64>().is_ok()) {
        RowKind::Float
    } else {
        RowKind::Str
    }
}

/// The format in which all values are times, if they are: texts by a common pattern, or numbers of a column called like
/// a time that lie between 1980 and 2100.
fn written_time(name: &str, kind: &RowKind, distinct: &BTreeSet<&str>) -> Option<TimeFormat> {
    const PATTERNS: [&str; 6] = [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%dT%H:%M:%S%z",
        "%Y-%m-%d %H:%M:%S.%f",
        "%Y-%m-%d",
        "%Y/%m/%d",
    ];
    const EARLIEST: f64 = 315_532_800.0;
    const LATEST: f64 = 4_102_444_800.0;
    match kind {
        RowKind::Str => {
            let fits = |format: &&&str| {
                let pattern = Pattern::new(format, "UTC");
                pattern.is_ok_and(|pattern| {
                    distinct.iter().all(|value| pattern.parse(value).is_some())
                })
            };
            let format = PATTERNS
                .iter()
                .find(fits)
                .filter(|_| !distinct.is_empty())?;
            Some(TimeFormat::Text {
                format: (*format).to_owned(),
                zone: "UTC".to_owned(),
            })
        }
        RowKind::Int | RowKind::Float
            if has_word(name, &["at", "time", "timestamp", "ts", "date", "datetime"]) =>
        {
            let within = |unit: f64| {
                let plausible = |value: &&str| {
                    value
                        .trim()
                        .parse::<f64>()
                        .is_ok_and(|value| (EARLIEST..LATEST).contains(&(value / unit)))
                };
                distinct.iter().all(plausible)
            };
            [
                (1.0, TimeFormat::Seconds),
                (1e3, TimeFormat::Millis),
                (1e6, TimeFormat::Micros),
            ]
            .into_iter()
            .find(|(unit, _)| within(*unit))
            .map(|(_, format)| format)
        }
        _ => None,
    }
}

fn role(name: &str, kind: &RowKind, distinct: &BTreeSet<&str>, unique: bool) -> Role {
    const LABELS: [&str; 12] = [
        "rating", "stars", "click", "clicked", "like", "liked", "label", "buy", "purchase",
        "score", "watched", "read",
    ];
    let keyed = matches!(kind, RowKind::Int | RowKind::Str)
        && has_word(name, &["id", "key", "code", "uuid"]);
    match kind {
        RowKind::Time => Role::Time,
        _ if keyed && unique => Role::Key,
        _ if keyed => Role::Reference,
        RowKind::Int | RowKind::Float | RowKind::Bool if has_word(name, &LABELS) => Role::Label,
        RowKind::Str => separator(distinct).map_or(Role::Plain, Role::List),
        _ => Role::Plain,
    }
}

/// Whether one of the words that a name is made of is among `words`: `userId`, `user_id` and `user id` are two words.
fn has_word(name: &str, words: &[&str]) -> bool {
    let mut spaced = String::new();
    for char in name.chars() {
        if char.is_uppercase() && !spaced.ends_with(|last: char| last.is_uppercase() || last == ' ')
        {
            spaced.push(' ');
        }
        spaced.push(if char.is_alphanumeric() { char } else { ' ' });
    }
    spaced
        .split_whitespace()
        .any(|word| words.contains(&word.to_lowercase().as_str()))
}

/// The separator of texts that hold several values: a fifth of them have it, and their parts repeat.
fn separator(distinct: &BTreeSet<&str>) -> Option<char> {
    ['|', ';', ','].into_iter().find(|separator| {
        let with = distinct
            .iter()
            .filter(|text| text.contains(*separator))
            .count();
        let parts: Vec<&str> = distinct
            .iter()
            .flat_map(|text| text.split(*separator))
            .map(str::trim)
            .collect();
        let kinds: BTreeSet<&str> = parts.iter().copied().collect();
        with * 5 >= distinct.len() && with > 0 && kinds.len() * 2 <= parts.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(name: &str, text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        let sketch = inspect(&folder.path().join(name)).unwrap();
        let line = |column: &ColumnSketch| {
            format!(
                "{} {} {:?} {}",
                column.name, column.ty, column.role, column.distinct
            )
        };
        sketch.columns.iter().map(line).collect()
    }

    #[test]
    fn an_entity_shows_its_key_and_its_lists() {
        let text = "movieId,title,genres,year\n1,Heat,Action|Drama,1995\n2,Up,Drama,\n3,Saw,Drama|Action,2004\n";
        assert_eq!(
            columns("movies.csv", text),
            [
                "movieId int Key 3",
                "title str Plain 3",
                "genres str List('|') 3",
                "year int? Plain 2"
            ]
        );
    }

    #[test]
    fn events_show_references_label_and_time() {
        let text = "user_id\tmovie_id\tstars\tat\n1\ta\t4.5\t891717742\n1\tb\t3\t891717743\n2\tb\t3\t891717744\n";
        assert_eq!(
            columns("ratings.tsv", text),
            [
                "user_id int Reference 2",
                "movie_id str Reference 2",
                "stars float Label 2",
                "at time Time 3"
            ]
        );
    }

    #[test]
    fn times_are_told_by_their_size_or_pattern() {
        let format = |value: &str| {
            let distinct = BTreeSet::from([value]);
            written_time("created_at", &narrowest(&distinct), &distinct)
        };
        assert_eq!(format("891717742000"), Some(TimeFormat::Millis));
        assert_eq!(format("891717742000000"), Some(TimeFormat::Micros));
        assert_eq!(format("17"), None);
        let text = TimeFormat::Text {
            format: "%Y-%m-%d".to_owned(),
            zone: "UTC".to_owned(),
        };
        assert_eq!(format("1998-04-04"), Some(text));
    }

    #[test]
    fn a_file_that_is_not_there_or_empty_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        assert_eq!(
            inspect(&path).unwrap_err().message,
            "there is no file `a.csv`"
        );
        std::fs::write(&path, "x\n").unwrap();
        assert_eq!(inspect(&path).unwrap_err().message, "`a.csv` holds no rows");
    }
}
