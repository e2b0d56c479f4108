//! Which rows the statistics behind a value count.

use reckon_compiler::hir::{Expr, ExprKind, Hir, Ty};
use reckon_compiler::plan::SourceKind;
use reckon_compiler::value::Value;

/// Functions whose numbers are found in data before training.
const FITTED: [&str; 4] = ["vocab", "quantiles", "zscore", "minmax"];

/// One line for each statistic, each once.
pub(super) fn facts(hir: &Hir, value: &Expr) -> Vec<String> {
    let mut found = Vec::new();
    collect(hir, value, &mut found);
    found
}

fn collect(hir: &Hir, value: &Expr, found: &mut Vec<String>) {
    if let ExprKind::Prim(name, args) = &value.kind
        && FITTED.contains(&name.as_str())
        && let Some(source) = args.first().and_then(source)
    {
        let over = args.iter().rev().find_map(|arg| match arg.ty.value() {
            Some(Value::Word(word)) => Some(word.as_str()),
            _ => None,
        });
        let said = format!("`{name}` counts {}", rows(hir, source, over));
        if !found.contains(&said) {
            found.push(said);
        }
    }
    for child in value.children() {
        collect(hir, child, found);
    }
}

/// The source whose rows a value is read from, over references.
fn source(value: &Expr) -> Option<&str> {
    match (&value.kind, &value.ty) {
        (ExprKind::Column(handle, _), _) => source(handle),
        (ExprKind::Refer(of, _), _) => source(of),
        (ExprKind::View(of, _), _) => source(of),
        (_, Ty::Handle(handle)) => Some(&handle.source),
        _ => value.children().into_iter().find_map(source),
    }
}

fn rows(hir: &Hir, source: &str, over: Option<&str>) -> String {
    let is_entity = hir
        .sources
        .iter()
        .any(|known| known.name == source && known.kind == SourceKind::Entity);
    match (over, is_entity) {
        (Some("catalogue"), true) => format!("each row of `{source}` once"),
        (None | Some("training"), true) => {
            format!("each row of `{source}` as often as training events refer to it")
        }
        (None | Some("training" | "catalogue"), false) => {
            format!("the training rows of `{source}`")
        }
        (Some(loss), _) => format!("the rows of loss `{loss}` by their weights"),
    }
}
