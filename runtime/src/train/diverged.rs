//! A loss that is not finite: the step is replayed from the last snapshot to find the op that made it so.

use std::collections::BTreeSet;

use reckon_compiler::graph::{NodeId, Op};
use reckon_compiler::training::GRADIENT_NORM;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_torch::NonFinite;

use super::phase::{Phase, Snapshot};
use super::restore;
use crate::failure::{DIVERGED, Failure, FailureKind};

impl Phase<'_> {
    /// What to say about `step`, whose output `name` is not finite. The steps since the snapshot are run again, since the
    /// step has updated the parameters already.
    ///
    /// # Errors
    /// The replay itself fails.
    pub(super) fn diverged(
        &self,
        step: usize,
        name: &str,
        value: f64,
        snapshot: &Snapshot,
    ) -> Result<Failure, Failure> {
        let mut store = restore(self.training, &snapshot.weights)?;
        let batches = self.batches();
        for earlier in snapshot.step..step {
            self.advance(&mut store, &batches.at(earlier), earlier)?;
        }
        let mut found = None;
        for (at, taken) in batches.at(step).iter().enumerate() {
            let key = self.run_key(step, at);
            let said = self.said(&mut store, taken, &key)?;
            let batch = &taken.batch;
            found = self.step.find_nonfinite(&mut store, batch, &said, &key)?;
            if found.is_some() {
                break;
            }
        }
        let what = match name {
            GRADIENT_NORM => "the norm of the gradient".to_owned(),
            _ => format!("loss `{name}`"),
        };
        let message = format!(
            "{what} is {value} at step {} of `{}`",
            step + 1,
            self.plan.name
        );
        let diagnostic = match found {
            Some(found) => self.blame(message, &found),
            None => Diagnostic::error(DIVERGED, self.plan.span, message)
                .note("no op of the replayed step makes a NaN or an infinity: the update of a parameter did"),
        };
        let diagnostic = diagnostic
            .help("lower the learning rate, clip gradients, or keep the op within its domain");
        Ok(Failure::new(FailureKind::Diverged, diagnostic))
    }

    fn blame(&self, message: String, found: &NonFinite) -> Diagnostic {
        let graph = &self.step.plan.graph;
        let node = graph.node(found.node);
        let place = node
            .site
            .call
            .or(node.site.definition)
            .unwrap_or(self.plan.span);
        let (what, here) = match &node.op {
            Op::Input(input) => (format!("input `{input}`"), "this input is not finite"),
            Op::Param(path) | Op::Table(path) => (
                format!("parameter `{path}`"),
                "this parameter is not finite",
            ),
            op => (
                format!("op `{}` at `{}`", op_name(op), node.site.path),
                "this is the first that is not finite",
            ),
        };
        let mut diagnostic = Diagnostic::error(DIVERGED, place, message)
            .here(here)
            .note(format!(
                "{what} gives {}, {} in all",
                found.found, found.count
            ));
        let inputs = self.inputs_of(found.node);
        if !inputs.is_empty() {
            let names: Vec<String> = inputs.iter().map(|input| format!("`{input}`")).collect();
            diagnostic
                .notes
                .push(format!("it reads {}", names.join(", ")));
        }
        diagnostic
    }

    /// The inputs from which a node is computed.
    fn inputs_of(&self, node: NodeId) -> BTreeSet<String> {
        let graph = &self.step.plan.graph;
        let (mut inputs, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![node]);
        while let Some(node) = open.pop() {
            if let Op::Input(input) = &graph.node(node).op {
                inputs.insert(input.clone());
            }
            open.extend(
                graph
                    .operands(node)
                    .into_iter()
                    .filter(|operand| seen.insert(*operand)),
            );
        }
        inputs
    }
}

/// The name of an op without its attributes.
fn op_name(op: &Op) -> String {
    let text = format!("{op:?}");
    text.split([' ', '(', '{'])
        .next()
        .unwrap_or_default()
        .to_owned()
}
