//! What draws things: the weight of a sampler, and rows drawn beside others.

use reckon_grammar::ast::{self, Arg, BinaryOp, ExprKind as Syntax, Role, SourceEntry};
use reckon_grammar::span::Span;

use super::Checker;
use super::selectors::is_name;
use crate::hir::{Except, Negatives, Sampler};
use crate::value::Value;

impl Checker<'_> {
    /// `negatives(movie, 4, by: count(movie), except: clicked)` behind rows of a source.
    pub(super) fn negatives(
        &mut self,
        source: &str,
        args: &[Arg],
        span: Span,
    ) -> Option<Negatives> {
        let params = [
            ("entity", true),
            ("n", true),
            ("by", false),
            ("except", false),
        ];
        let [entity, n, by, except] = self.row_arguments("negatives", args, params, span)?;
        let entity_span = entity?.span;
        let targets = self.references_of(source);
        let entity = match &entity?.kind {
            Syntax::Name(name) if targets.contains(name) => name.clone(),
            other => {
                let name = if let Syntax::Name(name) = other {
                    name
                } else {
                    ""
                };
                let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
                self.report(
                    self.error(
                        704,
                        entity_span,
                        format!("rows of `{source}` do not refer to `{name}`"),
                    )
                    .note(format!("they refer to {}", super::list(&targets))),
                );
                return None;
            }
        };
        let count = self.whole(n?, "n")?;
        let sampler = self.sampler(&entity, by)?;
        let except = self.except(except)?;
        let (kept, labels) = self.columns_of_drawn_rows(source, &entity);
        Some(Negatives {
            sampler,
            count,
            except,
            kept,
            labels,
        })
    }

    fn except(&mut self, word: Option<&ast::Expr>) -> Option<Except> {
        let Some(word) = word else {
            return Some(Except::Nothing);
        };
        match &word.kind {
            Syntax::Name(name) if name == "clicked" => Some(Except::Clicked),
            Syntax::Name(name) if name == "seen" => Some(Except::Seen),
            Syntax::Name(name) if name == "none" => Some(Except::Nothing),
            other => {
                let name = if let Syntax::Name(name) = other {
                    name
                } else {
                    ""
                };
                self.unknown(
                    221,
                    word.span,
                    "word for `except`",
                    name,
                    &["clicked", "seen", "none"],
                );
                None
            }
        }
    }

    /// What draws things: `by` is `count(movie)`, a power of it, a number of each thing, or a product of both.
    pub(super) fn sampler(&mut self, entity: &str, by: Option<&ast::Expr>) -> Option<Sampler> {
        let mut sampler = Sampler {
            entity: entity.to_owned(),
            power: 0.0,
            weight: None,
        };
        let Some(by) = by else { return Some(sampler) };
        if matches!(&by.kind, Syntax::Name(word) if word == "uniform") {
            return Some(sampler);
        }
        let factors = match &by.kind {
            Syntax::Binary(BinaryOp::Mul, a, b) if counts(a) || counts(b) => vec![&**a, &**b],
            _ => vec![by],
        };
        for factor in factors {
            match self.count_power(factor, entity) {
                Some(Some(power)) => sampler.power += power,
                Some(None) => return None,
                None if mentions_count(factor) => {
                    self.report(
                        self.error(703, factor.span, "`count` stands alone, to a power, or as a factor of the weight of a sampler")
                            .help(format!("write `by: count({entity}) ^ 0.75`")),
                    );
                    return None;
                }
                None => {
                    let (_, handle) = self.feature_row(entity, factor.span);
                    let value = self.in_row_scope(handle, entity, |checker| checker.expr(factor));
                    if value.is_error() {
                        return None;
                    }
                    sampler.weight = Some(self.plain_number(value)?);
                }
            }
        }
        Some(sampler)
    }

    /// The exponent of `count(entity) ^ p`; the inner `None` was reported.
    fn count_power(&mut self, e: &ast::Expr, entity: &str) -> Option<Option<f64>> {
        let (call, power) = match &e.kind {
            Syntax::Binary(BinaryOp::Pow, base, power) if is_count(base) => {
                (&**base, Some(&**power))
            }
            _ if is_count(e) => (e, None),
            _ => return None,
        };
        let Syntax::Call(_, args) = &call.kind else {
            return None;
        };
        if !matches!(args.as_slice(), [arg] if is_name(&arg.value, entity)) {
            self.report(
                self.error(
                    703,
                    call.span,
                    format!("the weight of a thing of `{entity}` counts the rows that refer to it"),
                )
                .help(format!("write `count({entity})`")),
            );
            return Some(None);
        }
        let Some(power) = power else {
            return Some(Some(1.0));
        };
        let value = self.expr(power);
        let number = value.ty.value().and_then(Value::as_f64);
        if number.is_none() && !value.is_error() {
            self.report(self.error(
                703,
                power.span,
                "the exponent of a count is a number known while compiling",
            ));
        }
        Some(number)
    }

    /// The columns that a row drawn from `entity` has from its row, and those that are 0 or false.
    fn columns_of_drawn_rows(&self, source: &str, entity: &str) -> (Vec<String>, Vec<String>) {
        let mut kept = Vec::new();
        let mut labels = Vec::new();
        if let Some(plan) = self.hir.sources.iter().find(|known| known.name == source) {
            kept.extend(plan.time.clone());
            let others = plan
                .references
                .iter()
                .filter(|reference| reference.target != entity);
            kept.extend(others.flat_map(|reference| reference.columns.clone()));
        }
        let entries = self
            .source_items
            .get(source)
            .map(|item| item.entries.as_slice());
        for entry in entries.unwrap_or_default() {
            let SourceEntry::Column(column) = entry else {
                continue;
            };
            match &column.role {
                Role::Label => labels.push(column.name.text.clone()),
                Role::Known(Some(of)) if of.text != entity => kept.push(column.name.text.clone()),
                Role::Known(_) | Role::Plain => {}
            }
        }
        (kept, labels)
    }
}

fn is_count(e: &ast::Expr) -> bool {
    matches!(&e.kind, Syntax::Call(callee, _) if is_name(callee, "count"))
}

fn counts(e: &ast::Expr) -> bool {
    is_count(e) || matches!(&e.kind, Syntax::Binary(BinaryOp::Pow, base, _) if is_count(base))
}

/// Whether an expression counts somewhere inside.
fn mentions_count(e: &ast::Expr) -> bool {
    is_count(e)
        || match &e.kind {
            Syntax::Binary(_, a, b) => mentions_count(a) || mentions_count(b),
            Syntax::Unary(_, a) => mentions_count(a),
            Syntax::Pipe(a, callee, _) => is_name(callee, "count") || mentions_count(a),
            Syntax::Call(_, args) => args.iter().any(|arg| mentions_count(&arg.value)),
            _ => false,
        }
}
