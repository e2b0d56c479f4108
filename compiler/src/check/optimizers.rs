//! Optimisers and schedules.

use super::{Checker, list};
use crate::graph::UpdateRule;
use crate::hir::Optimizer;
use crate::plan::Schedule;
use crate::value::Value;
use reckon_grammar::ast::{self, Arg, ExprKind as Syntax};
use reckon_grammar::diagnostic::{Code, Diagnostic, nearest};
use reckon_grammar::span::Span;

/// What an optimiser steps: each kind has rules of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trained {
    Weights,
    Tables,
}

impl Checker<'_> {
    /// The name and the named numbers of `adam(lr: 1e-3)`.
    fn numbers<'e>(
        &mut self,
        e: &'e ast::Expr,
        allowed: &[&str],
    ) -> Option<(&'e str, Vec<(String, f64)>)> {
        let none: &[Arg] = &[];
        let (name, args) = match &e.kind {
            Syntax::Call(callee, args) => match &callee.kind {
                Syntax::Name(name) => (name.as_str(), args.as_slice()),
                _ => return None,
            },
            Syntax::Name(name) => (name.as_str(), none),
            _ => return None,
        };
        let mut found = Vec::new();
        for arg in args {
            let Some(key) = &arg.name else {
                self.report(
                    Diagnostic::error(
                        Code(222),
                        arg.value.span,
                        format!("arguments of `{name}` have names"),
                    )
                    .note(format!("they are {}", list(allowed)))
                    .help(format!("write `{name}({}: ...)`", allowed[0])),
                );
                return Some((name, found));
            };
            if !allowed.contains(&key.text.as_str()) {
                let unknown = Diagnostic::error(
                    Code(222),
                    key.span,
                    format!("`{name}` has no argument `{}`", key.text),
                );
                self.report(match nearest(&key.text, allowed.iter().copied()) {
                    Some(near) => unknown.help(format!("write `{near}:`")).fix(key.span, near),
                    None => unknown.note(format!("its arguments are {}", list(allowed))),
                });
                continue;
            }
            if found.iter().any(|(known, _)| *known == key.text) {
                let message = format!("`{}` of `{name}` is given twice", key.text);
                self.report(Diagnostic::error(Code(220), key.span, message));
                continue;
            }
            match self.expr(&arg.value).ty.value().and_then(Value::as_f64) {
                Some(value) => found.push((key.text.clone(), value)),
                None => self.report(Diagnostic::error(
                    Code(802),
                    arg.value.span,
                    format!("`{}` is a number known while compiling", key.text),
                )),
            }
        }
        Some((name, found))
    }

    pub(super) fn optimizer(&mut self, e: &ast::Expr, of: Trained) -> Option<Optimizer> {
        let known: &[&str] = match of {
            Trained::Tables => &["rowwise_adagrad", "adagrad", "lazy_adam", "sgd"],
            Trained::Weights => &["adam", "adamw", "sgd"],
        };
        let (name, numbers) = self
            .numbers(e, rule_arguments(e))
            .unwrap_or(("", Vec::new()));
        let get = |key: &str, default: f64| {
            numbers
                .iter()
                .find(|(name, _)| name == key)
                .map_or(default, |(_, value)| *value)
        };
        let (beta1, beta2, eps) = (get("beta1", 0.9), get("beta2", 0.999), get("eps", 1e-8));
        let rule = match (name, of) {
            ("adam", Trained::Weights) | ("lazy_adam", Trained::Tables) => {
                UpdateRule::Adam { beta1, beta2, eps }
            }
            ("adamw", Trained::Weights) => UpdateRule::AdamW {
                beta1,
                beta2,
                eps,
                decay: get("decay", 0.01),
            },
            ("sgd", _) => UpdateRule::Sgd {
                momentum: get("momentum", 0.0),
            },
            ("rowwise_adagrad", Trained::Tables) => UpdateRule::RowwiseAdagrad { eps },
            ("adagrad", Trained::Tables) => UpdateRule::Adagrad { eps },
            _ => {
                self.no_optimizer(name, e, of, known);
                return None;
            }
        };
        let usual_rate = match of {
            Trained::Tables => 0.05,
            Trained::Weights => 1e-3,
        };
        let lr = get("lr", usual_rate);
        let share = |key: &str| (0.0..1.0).contains(&get(key, 0.0));
        let wrong = if lr <= 0.0 {
            "a learning rate is above 0"
        } else if !(share("beta1") && share("beta2") && share("momentum")) {
            "`beta1`, `beta2` and `momentum` are at least 0 and below 1"
        } else if get("decay", 0.0) < 0.0 || eps <= 0.0 {
            "`eps` is above 0, and `decay` is not below it"
        } else {
            return Some(Optimizer { rule, lr });
        };
        self.report(Diagnostic::error(Code(802), e.span, wrong));
        None
    }

    /// Says that an optimiser is unknown, or belongs to the other kind of parameters.
    fn no_optimizer(&mut self, name: &str, e: &ast::Expr, of: Trained, known: &[&str]) {
        let (what, other_entry) = match of {
            Trained::Tables => ("optimiser of tables", "optimizer"),
            Trained::Weights => ("optimiser of weights", "embeddings"),
        };
        // `adam` beside tables is nearer to `lazy_adam` than to a mistaken entry.
        let elsewhere = !(of == Trained::Tables && name == "adam")
            && matches!(
                name,
                "adam" | "adamw" | "adagrad" | "rowwise_adagrad" | "lazy_adam"
            );
        if elsewhere {
            self.report(
                Diagnostic::error(Code(806), head(e), format!("`{name}` is no {what}"))
                    .note(format!("those are {}", list(known)))
                    .help(format!("`{other_entry} {name}(...)` is where it belongs")),
            );
        } else {
            self.unknown(806, head(e), what, &shown(name, e), known);
        }
    }

    pub(super) fn schedule(&mut self, e: &ast::Expr) -> Option<Schedule> {
        let (name, numbers) = self.numbers(e, &["warmup"]).unwrap_or(("", Vec::new()));
        let warmup = numbers.first().map_or(0.0, |(_, value)| *value);
        if warmup < 0.0 || warmup.fract() != 0.0 || warmup > 1e12 {
            self.report(Diagnostic::error(
                Code(802),
                e.span,
                "`warmup` is a whole number of steps",
            ));
            return None;
        }
        let warmup = warmup as usize;
        match name {
            "constant" => Some(Schedule::Constant { warmup }),
            "cosine" => Some(Schedule::Cosine { warmup }),
            "linear" => Some(Schedule::Linear { warmup }),
            _ => {
                let known = &["constant", "cosine", "linear"];
                self.unknown(806, head(e), "schedule", &shown(name, e), known);
                None
            }
        }
    }
}

/// What the optimiser of this name takes.
fn rule_arguments(e: &ast::Expr) -> &'static [&'static str] {
    let name = match &e.kind {
        Syntax::Call(callee, _) => &callee.kind,
        other => other,
    };
    match name {
        Syntax::Name(name) => match name.as_str() {
            "adam" | "lazy_adam" => &["lr", "beta1", "beta2", "eps"],
            "sgd" => &["lr", "momentum"],
            "adagrad" | "rowwise_adagrad" => &["lr", "eps"],
            _ => &["lr", "beta1", "beta2", "eps", "decay", "momentum"],
        },
        _ => &["lr"],
    }
}

/// The name of a call, or what stands in its place.
fn shown(name: &str, e: &ast::Expr) -> String {
    match &e.kind {
        Syntax::Error => String::new(),
        _ if name.is_empty() => reckon_grammar::print_expr(e),
        _ => name.to_owned(),
    }
}

/// The name of a call.
fn head(e: &ast::Expr) -> Span {
    match &e.kind {
        Syntax::Call(callee, _) => callee.span,
        _ => e.span,
    }
}
