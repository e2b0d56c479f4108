//! What a name is: its declaration, its type and when it is computed, what is known of its weights and data, and its doc
//! comment.

pub(in crate::ide) mod data;
mod statistics;

use std::collections::BTreeMap;

use reckon_compiler::figures::{bytes, grouped};
use reckon_compiler::hir::ty::Shown;
use reckon_compiler::hir::{self, Expr, ExprKind, Hir, Stage, Ty};
use reckon_grammar::span::Span;

use super::Analysis;
use super::index::{Symbol, SymbolKind};

/// The page of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The name.
    pub span: Span,
    /// The declaration as source.
    pub head: String,
    /// Facts, one a line.
    pub facts: Vec<String>,
    /// The doc comment.
    pub docs: Vec<String>,
}

impl Hover {
    /// The page in Markdown.
    pub fn markdown(&self) -> String {
        let mut page = format!("```rec\n{}\n```\n", self.head);
        for fact in &self.facts {
            page += &format!("\n{fact}\n");
        }
        if !self.docs.is_empty() {
            page += &format!("\n---\n\n{}\n", self.docs.join("\n"));
        }
        page
    }
}

/// The page of the name at a byte.
pub fn hover(analysis: &Analysis, offset: usize) -> Option<Hover> {
    let found = analysis.index().at(analysis.file, offset)?;
    let symbol = analysis.index().symbol(found.symbol);
    Some(Hover {
        span: found.span,
        head: symbol.head.clone(),
        facts: facts(analysis, symbol),
        docs: symbol.docs.clone(),
    })
}

fn facts(analysis: &Analysis, symbol: &Symbol) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(typed) = analysis.type_of(symbol) {
        let when = when(typed.stage);
        facts.push(format!("type `{}`, {when}", typed.ty));
    }
    let owner = symbol.owner.map(|owner| analysis.index().symbol(owner));
    match (symbol.kind, owner) {
        (SymbolKind::Column | SymbolKind::Feature | SymbolKind::Parameter, Some(owner)) => {
            facts.push(format!("{} of `{}`", symbol.kind.noun(), owner.name));
        }
        (SymbolKind::Dimension, _) => facts.push("a dimension, known at each call".to_owned()),
        _ => {}
    }
    if let Some(module) = &symbol.module
        && symbol.kind == SymbolKind::Function
    {
        facts.push(format!("from `{module}`"));
    }
    if symbol.kind == SymbolKind::Setting {
        let mut settings = analysis.checked.resolved.iter();
        let value = settings.find(|(name, _)| *name == symbol.name);
        facts.extend(value.map(|(_, value)| format!("`{value}`, known to the compiler")));
    }
    facts.extend(data::facts(analysis, symbol, owner));
    if let Some(hir) = &analysis.checked.hir {
        facts.extend(learned(analysis, hir, symbol, owner));
    }
    facts
}

fn when(stage: Stage) -> &'static str {
    match stage {
        Stage::Const => "known to the compiler",
        Stage::Row => "computed for each row",
        Stage::Step => "computed for each batch",
    }
}

/// What the typed program knows: sides, statistics, tables and weights.
fn learned(analysis: &Analysis, hir: &Hir, symbol: &Symbol, owner: Option<&Symbol>) -> Vec<String> {
    match symbol.kind {
        SymbolKind::Feature => {
            let of = |feature: &&hir::Feature| {
                feature.name == symbol.name
                    && owner.is_some_and(|owner| owner.name == feature.source)
            };
            let feature = hir.features.iter().find(of);
            feature
                .map(|feature| about_value(analysis, hir, &feature.value))
                .unwrap_or_default()
        }
        SymbolKind::Tower | SymbolKind::Teacher => {
            let Some(tower) = hir.tower(&symbol.name) else {
                return Vec::new();
            };
            let ty = &tower.value.ty;
            // A teacher that is like another has no value in the text that would tell its type.
            let own = symbol.value.is_none().then(|| {
                let shown = Shown(ty, &hir.spaces);
                format!("type `{shown}`, {}", when(ty.stage()))
            });
            let own = own.into_iter();
            own.chain(about_value(analysis, hir, &tower.value))
                .collect()
        }
        SymbolKind::Loss => {
            let loss = hir.losses.iter().find(|loss| loss.name == symbol.name);
            let trains = loss.map(|loss| loss.trains.as_slice()).unwrap_or_default();
            match trains {
                [] => Vec::new(),
                names => vec![format!("trains `{}` alone", names.join("`, `"))],
            }
        }
        _ => Vec::new(),
    }
}

fn about_value(analysis: &Analysis, hir: &Hir, value: &Expr) -> Vec<String> {
    let mut facts = Vec::new();
    let sides: Vec<&str> = value.facts.sides.iter().map(String::as_str).collect();
    if !sides.is_empty() {
        facts.push(format!("reads `{}`", sides.join("`, `")));
    }
    facts.extend(statistics::facts(hir, value));
    let mut weights = Weights::default();
    weights.of(value);
    for (path, width) in &weights.tables {
        facts.push(table(path, *width, analysis.data.trained_rows(path)));
    }
    if weights.count > 0 {
        let s = if weights.count == 1 { "" } else { "s" };
        facts.push(format!("{} weight{s}", grouped(weights.count)));
    }
    facts
}

/// How large a table is: a row of it, and all of it where a run says how many rows it has.
fn table(path: &str, width: usize, rows: Option<usize>) -> String {
    let row = width * 4;
    let mut said = format!("table `{path}`, {width} numbers ({row} bytes) a row");
    if let Some(rows) = rows {
        let (rows, all) = (grouped(rows), bytes(rows * row));
        said += &format!("; {rows} rows ({all}) in the newest run");
    }
    said
}

/// The weights inside a value.
#[derive(Default)]
struct Weights {
    count: usize,
    /// Tables by path with the width of their rows.
    tables: BTreeMap<String, usize>,
}

impl Weights {
    fn of(&mut self, value: &Expr) {
        match (&value.kind, &value.ty) {
            (ExprKind::Weight(_, _, untrained), Ty::Tensor(tensor)) if !untrained => {
                self.count += tensor.dims.iter().product::<usize>();
            }
            (ExprKind::Embed(_, table), _) => {
                self.tables.insert(table.path.clone(), table.width);
            }
            _ => {}
        }
        for child in value.children() {
            self.of(child);
        }
    }
}
