//! A first look at a file of any kind that sources are read from: its columns, what they hold, and how often. `reckon new
//! --from` writes a spec from it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use rayon::prelude::*;
use reckon_compiler::plan::row::RowKind;
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::{FileId, Span};
use serde_json::{Map, Value as Json};

use super::columnar;
use super::delimited::{OpenQuote, Records, Style};
use super::fault::{EMPTY, NO_FILE, NOT_OBJECT, NOT_UTF8, OPEN_QUOTE, RAGGED, UNREADABLE};
use super::format::{self, ENDINGS, Format, Packing, belied, format_of};
use super::objects::{NO_ARRAY, ONE_ARRAY, is_array, why_not};
use super::text::{CONVERT, no_utf8};
use super::windows::lines_of;

/// Distinct values are counted up to this many: a column with more is an identifier, a time or prose.
const MOST_DISTINCT: usize = 2_000_000;

/// What a file holds, as far as it was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Sketch {
    /// Rows looked at.
    pub rows: usize,
    /// Columns in the order of the file.
    pub columns: Vec<ColumnSketch>,
    /// Columns that no spec can declare, with what they hold.
    pub strange: Vec<(String, String)>,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSketch {
    /// Its name.
    pub name: String,
    /// The type with which a spec declares it: that of the file, or the narrowest that holds all its texts.
    pub kind: RowKind,
    /// Whether a row has no value.
    pub nullable: bool,
    /// Distinct values as texts, of lists their elements, with how often they occur; at most two million. Times and lists
    /// of floats have none.
    pub values: BTreeMap<String, usize>,
}

/// Looks at the first `most` rows of a file, or at somewhat more. Diagnostics have no place in a spec.
///
/// # Errors
/// A file that is missing, that holds no rows, or that cannot be read.
pub fn inspect(path: &Path, most: usize) -> Result<Sketch, Diagnostic> {
    let name = path
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let fault =
        |code, message: String| Diagnostic::error(code, Span::new(FileId(0), 0, 0), message);
    if !path.is_file() {
        return Err(fault(NO_FILE, format!("there is no file `{name}`")));
    }
    if let Some(named) = format_of(&name)
        && let Some((what, ending)) = belied(path, named)
    {
        let message = format!(
            "`{name}` cannot be read: it is {what}, a name that ends in {ending} would say so"
        );
        return Err(fault(UNREADABLE, message));
    }
    let found = match format_of(&name) {
        Some((Format::Delimited(style), packing)) => of_text(path, packing, style, most),
        Some((Format::JsonLines, packing)) => of_objects(path, packing, most),
        Some((format @ (Format::Parquet | Format::Arrow), _)) => of_batches(path, format, most),
        None => Err((
            UNREADABLE,
            format!("is of no kind that can be read: {ENDINGS}"),
        )),
    };
    let (rows, columns) = found.map_err(|(code, what)| fault(code, format!("`{name}` {what}")))?;
    if rows == 0 {
        return Err(fault(EMPTY, format!("`{name}` holds no rows")));
    }
    let mut sketch = Sketch {
        rows,
        columns: Vec::new(),
        strange: Vec::new(),
    };
    for column in columns {
        match column.sketch(rows) {
            Ok(column) => sketch.columns.push(column),
            Err(strange) => sketch.strange.push(strange),
        }
    }
    Ok(sketch)
}

type Fault = (Code, String);

/// A column while its rows are gone through.
struct Gathered {
    name: String,
    kind: Found,
    /// Rows that have a value.
    filled: usize,
    values: HashMap<String, usize>,
}

/// What is known of a column's type.
enum Found {
    /// No value was seen yet.
    Nothing,
    /// Texts, whose values will tell.
    Texts,
    /// Lists without an element yet.
    EmptyLists,
    Kind(RowKind),
    /// What no spec can declare.
    Strange(String),
}

impl Gathered {
    fn new(name: &str, kind: Found) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            filled: 0,
            values: HashMap::new(),
        }
    }

    fn count(&mut self, value: &str) {
        if let Some(count) = self.values.get_mut(value) {
            *count += 1;
        } else if self.values.len() < MOST_DISTINCT {
            self.values.insert(value.to_owned(), 1);
        }
    }

    /// What it is, or its name and what it holds where no spec can declare that.
    fn sketch(self, rows: usize) -> Result<ColumnSketch, (String, String)> {
        let kind = match self.kind {
            Found::Kind(kind) => kind,
            Found::Texts => narrowest(self.values.keys().map(String::as_str)),
            Found::Nothing => return Err((self.name, "no value".to_owned())),
            Found::EmptyLists => return Err((self.name, "empty lists alone".to_owned())),
            Found::Strange(what) => {
                return Err((self.name, format!("{what}, which no spec can declare")));
            }
        };
        Ok(ColumnSketch {
            name: self.name,
            kind,
            nullable: self.filled < rows,
            values: self.values.into_iter().collect(),
        })
    }

    /// Takes a value of an object in.
    fn see(&mut self, value: &Json) {
        let kind = match value {
            Json::Null => return,
            Json::Array(elements) => {
                self.filled += 1;
                if elements.is_empty() && matches!(self.kind, Found::Nothing) {
                    self.kind = Found::EmptyLists;
                }
                for element in elements.iter().filter(|element| !element.is_null()) {
                    let kind = scalar(element).map(|kind| RowKind::List(Box::new(kind)));
                    self.join(kind.ok_or("lists of lists or of objects"));
                    self.count(&text(element));
                }
                return;
            }
            Json::Object(_) => Err("objects"),
            Json::Bool(_) | Json::Number(_) | Json::String(_) => {
                scalar(value).ok_or("values of several types")
            }
        };
        self.filled += 1;
        self.join(kind);
        self.count(&text(value));
    }

    /// The type that holds what was seen and what is seen now.
    fn join(&mut self, kind: Result<RowKind, &str>) {
        let list = |of| RowKind::List(Box::new(of));
        let seen = std::mem::replace(&mut self.kind, Found::Nothing);
        self.kind = match (seen, kind) {
            (Found::Strange(what), _) => Found::Strange(what),
            (_, Err(what)) => Found::Strange(what.to_owned()),
            (Found::EmptyLists, Ok(RowKind::List(of))) => Found::Kind(RowKind::List(of)),
            (Found::Nothing, Ok(kind)) => Found::Kind(kind),
            (Found::Kind(seen), Ok(kind)) if seen == kind => Found::Kind(kind),
            (Found::Kind(seen), Ok(kind)) => {
                let numbers = [&seen, &kind].into_iter();
                if numbers
                    .clone()
                    .all(|kind| matches!(kind, RowKind::Int | RowKind::Float))
                {
                    Found::Kind(RowKind::Float)
                } else if numbers.clone().all(|kind| {
                    matches!(kind, RowKind::List(of) if matches!(**of, RowKind::Int | RowKind::Float))
                }) {
                    Found::Kind(list(RowKind::Float))
                } else {
                    Found::Strange("values of several types".to_owned())
                }
            }
            (Found::EmptyLists | Found::Texts, Ok(_)) => {
                Found::Strange("values of several types".to_owned())
            }
        };
    }
}

/// The type of a value of an object that is one value.
fn scalar(value: &Json) -> Option<RowKind> {
    match value {
        Json::Number(number) if number.is_i64() => Some(RowKind::Int),
        Json::Number(_) => Some(RowKind::Float),
        Json::Bool(_) => Some(RowKind::Bool),
        Json::String(_) => Some(RowKind::Str),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The narrowest type that holds all texts.
fn narrowest<'a>(values: impl Iterator<Item = &'a str> + Clone) -> RowKind {
    let all = |holds: &dyn Fn(&str) -> bool| values.clone().all(holds);
    if values.clone().next().is_none() {
        RowKind::Str
    } else if all(&|value| matches!(value, "true" | "false")) {
        RowKind::Bool
    } else if all(&|value| value.parse::<i64>().is_ok()) {
        RowKind::Int
    } else if all(&|value| value.parse::<f64>().is_ok()) {
        RowKind::Float
    } else {
        RowKind::Str
    }
}

fn text_of(path: &Path, packing: Packing) -> Result<String, Fault> {
    let unreadable = |error| (UNREADABLE, format!("cannot be read: {error}"));
    let bytes = format::bytes(path, packing).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let (valid, rest) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let byte = rest.first().copied().unwrap_or_default();
        (
            NOT_UTF8,
            format!("line {}: {}: {CONVERT}", 1 + lines_of(valid), no_utf8(byte)),
        )
    })
}

/// Objects, one a line: columns in the order in which they first appear.
fn of_objects(path: &Path, packing: Packing, most: usize) -> Result<(usize, Vec<Gathered>), Fault> {
    let text = text_of(path, packing)?;
    let mut columns: Vec<Gathered> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let mut rows = 0;
    for (at, line) in lines.take(most) {
        let object: Map<String, Json> =
            serde_json::from_str(line).map_err(|error| match is_array(line) {
                true => (NOT_OBJECT, format!("{ONE_ARRAY}: {NO_ARRAY}")),
                false => {
                    let why = why_not(line, &error);
                    (
                        NOT_OBJECT,
                        format!("line {}: expected an object: {why}", at + 1),
                    )
                }
            })?;
        rows += 1;
        for (name, value) in &object {
            let place = match places.get(name) {
                Some(place) => *place,
                None => {
                    places.insert(name.clone(), columns.len());
                    columns.push(Gathered::new(name, Found::Nothing));
                    columns.len() - 1
                }
            };
            columns[place].see(value);
        }
    }
    Ok((rows, columns))
}

fn of_text(
    path: &Path,
    packing: Packing,
    style: Style,
    most: usize,
) -> Result<(usize, Vec<Gathered>), Fault> {
    let text = text_of(path, packing)?;
    let mut records = Records::new(&text, style);
    let mut fields: Vec<Cow<'_, str>> = Vec::new();
    let open = |quote: OpenQuote| {
        (
            OPEN_QUOTE,
            format!("line {}: a quoted field has no end", quote.line),
        )
    };
    if records.next(&mut fields).map_err(open)?.is_none() {
        return Err((EMPTY, "is empty".to_owned()));
    }
    let mut columns: Vec<Gathered> = fields
        .iter()
        .map(|name| Gathered::new(name.trim(), Found::Texts))
        .collect();
    let mut rows = 0;
    while rows < most
        && let Some(line) = records.next(&mut fields).map_err(open)?
    {
        let (expected, found) = (columns.len(), fields.len());
        if expected != found {
            let message = format!("line {line}: expected {expected} fields, found {found}");
            return Err((RAGGED, message));
        }
        rows += 1;
        for (column, field) in columns.iter_mut().zip(&fields) {
            if !field.trim().is_empty() {
                column.filled += 1;
                column.count(field);
            }
        }
    }
    Ok((rows, columns))
}

fn of_batches(path: &Path, format: Format, most: usize) -> Result<(usize, Vec<Gathered>), Fault> {
    let unreadable = |error: ArrowError| (UNREADABLE, format!("cannot be read: {error}"));
    let (schema, batches) = columnar::batches(path, format).map_err(unreadable)?;
    let mut columns: Vec<Gathered> = schema
        .fields()
        .iter()
        .map(|field| Gathered::new(field.name(), found(field.data_type())))
        .collect();
    let mut rows = 0;
    for batch in batches {
        let batch = batch.map_err(unreadable)?;
        rows += batch.num_rows();
        columns
            .par_iter_mut()
            .zip(batch.columns())
            .for_each(|(column, array)| add(column, array));
        if rows >= most {
            break;
        }
    }
    Ok((rows, columns))
}

/// How a spec declares what a file says it holds. What `columnar::is_read_as` reads, as far as the language has a name for it.
fn found(ty: &DataType) -> Found {
    match ty {
        DataType::Dictionary(_, values) => found(values),
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            match found(field.data_type()) {
                Found::Kind(of @ (RowKind::Int | RowKind::Float | RowKind::Str)) => {
                    Found::Kind(RowKind::List(Box::new(of)))
                }
                Found::Kind(RowKind::List(_)) => Found::Strange("lists of lists".to_owned()),
                Found::Kind(of) => Found::Strange(format!("lists of {of}")),
                Found::Strange(what) => Found::Strange(format!("lists of {what}")),
                Found::Nothing | Found::Texts | Found::EmptyLists => {
                    Found::Strange("lists of no value".to_owned())
                }
            }
        }
        DataType::Boolean => Found::Kind(RowKind::Bool),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Found::Kind(RowKind::Str),
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Found::Kind(RowKind::Time),
        integer if integer.is_integer() => Found::Kind(RowKind::Int),
        number if number.is_numeric() => Found::Kind(RowKind::Float),
        DataType::Null => Found::Nothing,
        DataType::Struct(_) => Found::Strange("structs".to_owned()),
        DataType::Map(..) => Found::Strange("maps".to_owned()),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => Found::Strange("bytes".to_owned()),
        DataType::Duration(_) | DataType::Interval(_) => Found::Strange("durations".to_owned()),
        DataType::Time32(_) | DataType::Time64(_) => Found::Strange("times of a day".to_owned()),
        other => Found::Strange(format!("{other}")),
    }
}

/// Counts the values of an array.
fn add(column: &mut Gathered, array: &ArrayRef) {
    let Found::Kind(kind) = &column.kind else {
        return;
    };
    let filled = array.len() - array.logical_null_count();
    match kind.clone() {
        RowKind::List(of) if *of != RowKind::Float => {
            column.filled += filled;
            if let Some(elements) = elements(array) {
                each_text(&elements, |text| column.count(text));
            }
        }
        RowKind::List(_) | RowKind::Time | RowKind::Duration => column.filled += filled,
        kind @ (RowKind::Int | RowKind::Float | RowKind::Bool | RowKind::Str) => {
            each_text(array, |text| {
                // Not a number is how some writers spell null.
                if kind != RowKind::Float || text != "NaN" {
                    column.filled += 1;
                    column.count(text);
                }
            });
        }
    }
}

/// Goes through the values of an array that are not null, as texts.
fn each_text(array: &ArrayRef, see: impl FnMut(&str)) {
    if let Ok(texts) = cast(array, &DataType::LargeUtf8) {
        texts.as_string::<i64>().iter().flatten().for_each(see);
    }
}

/// The elements of an array of lists that belong to a row.
fn elements(array: &ArrayRef) -> Option<ArrayRef> {
    let of = match array.data_type() {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            field.clone()
        }
        _ => return None,
    };
    let lists = cast(array, &DataType::LargeList(of)).ok()?;
    let lists = lists.as_list::<i64>();
    let offsets = lists.value_offsets();
    let (first, last) = (*offsets.first()?, *offsets.last()?);
    let (first, last) = (usize::try_from(first).ok()?, usize::try_from(last).ok()?);
    Some(lists.values().slice(first, last - first))
}
