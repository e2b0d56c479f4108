//! Probabilities where logits or their logs are asked for: products of small numbers underflow, sums of their logs do not.

use reckon_grammar::ast::{Arg, BinaryOp, Expr, ExprKind};
use reckon_grammar::span::Span;

use super::Mending;
use crate::ide::edit::Edit;
use crate::ide::index::SymbolKind;
use crate::ide::{Analysis, syntax};

/// Writes the value before `sigmoid` in place of a probability, or a function of several such values in place of a product.
pub(super) fn mend(analysis: &Analysis, wrong: Span) -> Option<Mending> {
    let (callee, value) = argument(analysis, wrong)?;
    let logits = factors(value)?;
    let text = |e: &Expr| analysis.checked.sources.slice(e.span).to_owned();
    let logits: Vec<String> = logits.into_iter().map(text).collect();
    let replace = |span, text: String| Edit { span, text };
    match (&logits[..], takes(analysis, callee)?) {
        ([logit], Takes::Logit) => Some(Mending {
            title: format!("pass the logit: `{logit}`"),
            edits: vec![replace(wrong, logit.clone())],
        }),
        ([logit], Takes::LogProb) => Some(Mending {
            title: "write `log_sigmoid(...)`".to_owned(),
            edits: vec![replace(wrong, format!("log_sigmoid({logit})"))],
        }),
        (several, Takes::Logit) if analysis.checked.sources.slice(callee.span) == "bce" => {
            let mut edits = vec![
                replace(callee.span, "bce_product".to_owned()),
                replace(wrong, format!("[{}]", several.join(", "))),
            ];
            edits.sort_by_key(|edit| edit.span.start);
            edits.extend(super::use_of(analysis, "bce_product"));
            Some(Mending {
                title: "write `bce_product([...], ...)`: the product in log space".to_owned(),
                edits,
            })
        }
        (several, Takes::LogProb) => {
            let product = format!("log_product([{}])", several.join(", "));
            let mut edits = vec![replace(wrong, product)];
            edits.extend(super::use_of(analysis, "log_product"));
            Some(Mending {
                title: "write `log_product([...])`: the product in log space".to_owned(),
                edits,
            })
        }
        (_, Takes::Logit) => None,
    }
}

/// What a function takes first.
enum Takes {
    Logit,
    LogProb,
}

fn takes(analysis: &Analysis, callee: &Expr) -> Option<Takes> {
    let index = analysis.index();
    let found = index.at(analysis.file, callee.span.range().start)?;
    let mut members = index.members(found.symbol).map(|(_, symbol)| symbol);
    let first = members.find(|symbol| symbol.kind == SymbolKind::Parameter)?;
    match first.head.contains("log_prob") {
        true => Some(Takes::LogProb),
        false => first.head.contains("logit").then_some(Takes::Logit),
    }
}

/// The call whose first argument stands at a place: what is called, and the argument.
fn argument(analysis: &Analysis, wrong: Span) -> Option<(&Expr, &Expr)> {
    let mut found = None;
    for body in syntax::items(analysis).filter_map(syntax::body) {
        body.walk(&mut |e| {
            let call = match &e.kind {
                ExprKind::Call(callee, args) => args.first().map(|arg| (callee, &arg.value)),
                ExprKind::Pipe(value, callee, _) => Some((callee, &**value)),
                _ => None,
            };
            if let Some((callee, value)) = call.filter(|(_, value)| value.span == wrong) {
                found = Some((&**callee, value));
            }
        });
    }
    found
}

/// The values before `sigmoid` of the factors of a product; none where a factor is something else.
fn factors(e: &Expr) -> Option<Vec<&Expr>> {
    let sigmoid = |callee: &Expr| matches!(&callee.kind, ExprKind::Name(name) if name == "sigmoid");
    match &e.kind {
        ExprKind::Binary(BinaryOp::Mul, a, b) => {
            let mut all = factors(a)?;
            all.extend(factors(b)?);
            Some(all)
        }
        ExprKind::Call(callee, args) if sigmoid(callee) => match &args[..] {
            [Arg { value, .. }] => Some(vec![value]),
            _ => None,
        },
        ExprKind::Pipe(value, callee, args) if sigmoid(callee) && args.is_empty() => {
            Some(vec![value])
        }
        _ => None,
    }
}
