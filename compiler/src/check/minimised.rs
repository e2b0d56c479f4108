//! Losses that no training minimises.

use reckon_grammar::ast::ItemKind;
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::FileId;

use super::Checker;

impl Checker<'_> {
    /// Warns of losses that stand beside all trainings. A spec without towers or without rows to ask about is no whole
    /// program, and says so by what it lacks.
    pub(super) fn losses_are_minimised(&mut self) {
        if self.diagnostics.iter().any(Diagnostic::is_error) {
            return;
        }
        let minimised = |name: &str| {
            let mut trains = self.hir.trains.iter();
            trains.any(|train| train.minimize.iter().any(|(_, known)| known == name))
        };
        let whole = !self.hir.trains.is_empty() || !self.hir.evaluations.is_empty();
        let mut idle = Vec::new();
        for item in self.user_items() {
            if let ItemKind::Loss(loss) = &item.kind
                && loss.name.span.file == FileId(0)
                && whole
                && !minimised(&loss.name.text)
            {
                idle.push(&loss.name);
            }
        }
        for name in idle {
            let message = format!("loss `{}` is minimised by no training", name.text);
            let idle = Diagnostic::warning(Code(611), name.span, message);
            let help = match self.hir.trains.last().map(|train| &train.minimize[..]) {
                Some([(_, first), ..]) => format!("add it: `minimize {first} + {}`", name.text),
                _ => format!("train by it: `train {{ minimize {} }}`", name.text),
            };
            self.report(idle.help(help));
        }
    }
}
