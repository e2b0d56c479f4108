//! `reckon new` for files that the runtime reads: packed text, objects, columns.

use std::path::Path;

use reckon_command::arguments::New;
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::new::profile::{Column, Element, Kind, Reading, Table, reading};
use reckon_compiler::plan::row::RowKind;
use reckon_runtime::data::{ColumnSketch, inspect};

/// Writes the folder and says what to do next.
pub(crate) fn new(arguments: &New, console: &Console) -> Result<Exit, Failure> {
    reckon_command::new::new(arguments, console, &mut |path| match reading(path) {
        Some(Reading::Cells) => Table::read(path),
        Some(Reading::Runtime) | None => sketched(path),
    })
}

/// All rows are looked at: a key is one in no fewer, and a type holds in all of them.
fn sketched(path: &Path) -> Result<Table, Failure> {
    let sketch = inspect(path, usize::MAX)
        .map_err(|diagnostic| Failure::new(Exit::World, diagnostic.message))?;
    let mut strange = sketch.strange;
    let mut columns = Vec::new();
    for column in sketch.columns {
        match kind(&column) {
            Some(kind) => columns.push(Column {
                name: column.name,
                kind,
                nullable: column.nullable,
                values: column.values,
            }),
            None => strange.push((
                column.name,
                format!("{}, which no spec can declare", column.kind),
            )),
        }
    }
    Ok(Table {
        path: path.to_owned(),
        rows: sketch.rows,
        columns,
        strange,
    })
}

/// The type with which a spec declares a column.
fn kind(column: &ColumnSketch) -> Option<Kind> {
    match &column.kind {
        RowKind::Int => Some(Kind::Int),
        RowKind::Float => Some(Kind::Float),
        RowKind::Bool => Some(Kind::Bool),
        RowKind::Str => Some(Kind::Str),
        RowKind::Time => Some(Kind::Time),
        RowKind::List(of) => match **of {
            RowKind::Int => Some(Kind::List(Element::Int)),
            RowKind::Float => Some(Kind::List(Element::Float)),
            RowKind::Str => Some(Kind::List(Element::Str)),
            RowKind::Bool | RowKind::Time | RowKind::Duration | RowKind::List(_) => None,
        },
        RowKind::Duration => None,
    }
}
