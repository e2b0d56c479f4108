//! The places at which gradients of losses stop or turn around.

use std::collections::{BTreeMap, BTreeSet};

use reckon_grammar::span::Span;

use super::StopFlow;
use crate::hir::{Expr, ExprKind, Hir, Loss};
use crate::plan::Tune;

/// Those of all losses of a training, in the order of the text.
pub(super) fn stops(hir: &Hir, losses: &[String]) -> Vec<StopFlow> {
    let mut found: BTreeMap<(Span, String, String), BTreeSet<usize>> = BTreeMap::new();
    for (at, name) in losses.iter().enumerate() {
        let Some(loss) = hir.losses.iter().find(|loss| loss.name == *name) else {
            continue;
        };
        let mut walk = Walk {
            hir,
            loss,
            towers: BTreeSet::new(),
            found: BTreeSet::new(),
        };
        walk.visit(&loss.value, None);
        for stop in walk.found {
            found.entry(stop).or_default().insert(at);
        }
    }
    found
        .into_iter()
        .map(|((span, op, why), losses)| StopFlow {
            op,
            losses,
            why,
            span,
        })
        .collect()
}

struct Walk<'h> {
    hir: &'h Hir,
    loss: &'h Loss,
    /// Towers whose bodies have been visited.
    towers: BTreeSet<String>,
    found: BTreeSet<(Span, String, String)>,
}

impl Walk<'_> {
    /// Follows the gradient into an expression. `call` is the user's call of the function that is being expanded.
    fn visit(&mut self, e: &Expr, call: Option<Span>) {
        let place = call.unwrap_or(e.span);
        match &e.kind {
            ExprKind::Scope {
                segment,
                lets,
                value,
            } => {
                for (_, _, bound) in lets {
                    self.visit(bound, call);
                }
                let expands = segment.as_deref().is_some_and(is_function)
                    || matches!(&value.kind, ExprKind::Scope { segment: Some(name), .. } if is_function(name));
                self.visit(value, if expands { Some(place) } else { call });
            }
            ExprKind::Prim(name, _) if name == "stop" => self.note(place, "stop", "written so"),
            ExprKind::Prim(name, args) => {
                if name == "reverse" {
                    self.note(place, "reverse", "written so");
                }
                args.iter().for_each(|arg| self.visit(arg, call));
            }
            ExprKind::Tower(name, args) => {
                let tower = self.hir.tower(name);
                let stopped = tower.is_some_and(|tower| tower.teacher.is_some())
                    && !self.loss.trains.contains(name);
                if stopped {
                    let why = format!("the output of teacher `{name}`");
                    self.note(place, "stop", &why);
                    return;
                }
                args.iter().for_each(|arg| self.visit(arg, call));
                self.body(name);
            }
            ExprKind::Frozen(name, args) => {
                let why = format!("the weights of `{name}`, not its arguments");
                self.note(place, "frozen", &why);
                args.iter().for_each(|arg| self.visit(arg, call));
            }
            ExprKind::Embed(_, table) => {
                let vectors = table.vectors.as_ref();
                if vectors.is_some_and(|vectors| vectors.tune == Tune::Frozen) {
                    self.note(place, "frozen", "vectors of a file, which stay as they are");
                }
            }
            _ => e
                .children()
                .into_iter()
                .for_each(|child| self.visit(child, call)),
        }
    }

    fn body(&mut self, tower: &str) {
        if let Some(tower) = self.hir.tower(tower)
            && self.towers.insert(tower.name.clone())
        {
            self.visit(&tower.value, None);
        }
    }

    fn note(&mut self, span: Span, op: &str, why: &str) {
        self.found.insert((span, op.to_owned(), why.to_owned()));
    }
}

/// Whether a segment is a function's, and not the number of a round.
fn is_function(segment: &str) -> bool {
    !segment.starts_with(|c: char| c.is_ascii_digit())
}
