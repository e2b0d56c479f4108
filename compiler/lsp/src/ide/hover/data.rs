//! What the data say of a source or column.

use reckon_compiler::figures::grouped;

use crate::data::{Column, Rows, Seen};
use crate::ide::Analysis;
use crate::ide::index::{Symbol, SymbolKind};

pub(super) fn facts(analysis: &Analysis, symbol: &Symbol, owner: Option<&Symbol>) -> Vec<String> {
    match (symbol.kind, owner) {
        (SymbolKind::Entity | SymbolKind::Events, _) => of_source(analysis, symbol),
        (SymbolKind::Column, Some(owner)) => {
            let column = analysis.data.column(&owner.name, &symbol.name);
            let seen = column.and_then(|column| column.seen.as_ref());
            let seen = seen.map(|seen| said(&analysis.data.tables[&owner.name].name, seen));
            seen.into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// How many rows a file has, and which of its columns the spec does not declare.
fn of_source(analysis: &Analysis, source: &Symbol) -> Vec<String> {
    let Some(table) = analysis.data.tables.get(&source.name) else {
        return Vec::new();
    };
    let rows = match table.rows {
        Rows::Exactly(1) => Some("1 row".to_owned()),
        Rows::Exactly(rows) => Some(format!("{} rows", grouped(rows))),
        Rows::About(rows) => Some(format!("about {} rows", grouped(rows))),
        Rows::Unknown => None,
    };
    let rows = rows.map(|rows| format!("`{}` has {rows}", table.name));
    let mut facts: Vec<String> = rows.into_iter().collect();
    let left = undeclared(analysis, source);
    let left: Vec<String> = left.map(|column| format!("`{}`", column.name)).collect();
    if !left.is_empty() {
        facts.push(format!(
            "columns that are not declared: {}",
            left.join(", ")
        ));
    }
    facts
}

/// The columns of a source's file that it does not declare, in the order of the file.
pub(in crate::ide) fn undeclared<'a>(
    analysis: &'a Analysis,
    source: &'a Symbol,
) -> impl Iterator<Item = &'a Column> {
    let index = analysis.index();
    let declared = move |name: &str| {
        index.symbols.iter().any(|symbol| {
            let owner = symbol.owner.map(|owner| index.symbol(owner));
            symbol.kind == SymbolKind::Column && symbol.name == name && owner == Some(source)
        })
    };
    let table = analysis.data.tables.get(&source.name);
    let columns = table.into_iter().flat_map(|table| &table.columns);
    columns.filter(move |column| !declared(&column.name))
}

/// What the first values of a column are.
fn said(file: &str, seen: &Seen) -> String {
    let mut parts = vec![match seen.distinct {
        1 => "1 value".to_owned(),
        distinct => format!("{} values", grouped(distinct)),
    }];
    if seen.empty > 0 {
        let percent = 100.0 * seen.empty as f64 / seen.rows.max(1) as f64;
        parts.push(match percent < 1.0 {
            true => "less than 1% empty".to_owned(),
            false => format!("{percent:.0}% empty"),
        });
    }
    // Where every row has another value, none is frequent.
    if !seen.often.is_empty() && seen.distinct < seen.rows {
        parts.push(format!("most often `{}`", seen.often.join("`, `")));
    }
    let rows = grouped(seen.rows);
    format!("in the first {rows} rows of `{file}`: {}", parts.join(", "))
}
