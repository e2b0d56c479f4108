//! What a name is: its declaration, its type, what is known of its weights, and its doc comment.

use reckon_compiler::hir::{Expr, ExprKind, Hir, Ty};
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
    let found = analysis.index.at(analysis.file, offset)?;
    let symbol = analysis.index.symbol(found.symbol);
    Some(Hover {
        span: found.span,
        head: symbol.head.clone(),
        facts: facts(analysis, symbol),
        docs: symbol.docs.clone(),
    })
}

fn facts(analysis: &Analysis, symbol: &Symbol) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(ty) = analysis.type_of(symbol) {
        facts.push(format!("type `{ty}`"));
    }
    let owner = symbol.owner.map(|owner| analysis.index.symbol(owner));
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
    if let Some(hir) = &analysis.checked.hir {
        facts.extend(learned(hir, symbol, owner));
    }
    facts
}

/// What the typed program knows: the final value of a setting, sides, tables and weights.
fn learned(hir: &Hir, symbol: &Symbol, owner: Option<&Symbol>) -> Vec<String> {
    match symbol.kind {
        SymbolKind::Feature => {
            let of = |feature: &&reckon_compiler::hir::Feature| {
                feature.name == symbol.name
                    && owner.is_some_and(|owner| owner.name == feature.source)
            };
            let feature = hir.features.iter().find(of);
            feature
                .map(|feature| about_value(&feature.value))
                .unwrap_or_default()
        }
        SymbolKind::Tower | SymbolKind::Teacher => {
            let tower = hir.tower(&symbol.name);
            tower
                .map(|tower| about_value(&tower.value))
                .unwrap_or_default()
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

fn about_value(value: &Expr) -> Vec<String> {
    let mut facts = Vec::new();
    let sides: Vec<&str> = value.facts.sides.iter().map(String::as_str).collect();
    if !sides.is_empty() {
        facts.push(format!("reads `{}`", sides.join("`, `")));
    }
    let mut weights = Weights::default();
    weights.of(value);
    for table in &weights.tables {
        facts.push(format!("table {table}"));
    }
    if weights.count > 0 {
        let s = if weights.count == 1 { "" } else { "s" };
        facts.push(format!("{} weight{s}", grouped(weights.count)));
    }
    facts
}

/// The weights inside a value.
#[derive(Default)]
struct Weights {
    count: usize,
    /// Tables with the width of their rows; how many rows they have is known after the fit.
    tables: Vec<String>,
}

impl Weights {
    fn of(&mut self, value: &Expr) {
        match (&value.kind, &value.ty) {
            (ExprKind::Weight(_, _, untrained), Ty::Tensor(tensor)) if !untrained => {
                self.count += tensor.dims.iter().product::<usize>();
            }
            (ExprKind::Embed(_, table), _) => {
                let shown = format!(
                    "`{}`, {} numbers ({} bytes) a row",
                    table.path,
                    table.width,
                    table.width * 4
                );
                if !self.tables.contains(&shown) {
                    self.tables.push(shown);
                }
            }
            _ => {}
        }
        for child in value.children() {
            self.of(child);
        }
    }
}

/// A number with its thousands set apart: `1 234 567`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let parts: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|part| std::str::from_utf8(part).ok())
        .collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_stand_apart() {
        assert_eq!(super::grouped(1_234_567), "1 234 567");
        assert_eq!(super::grouped(999), "999");
    }
}
