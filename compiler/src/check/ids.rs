//! What is said of ids: whether unseen values have one, and whether any value is counted often enough to have one.

use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::Checker;
use crate::hir::{Expr, ExprKind, Ty};
use crate::value::Value;

impl Checker<'_> {
    /// The options of `vocab(x, min_count, oov, top, drop, over)`, where they are good for nothing.
    pub(super) fn vocabulary_options(&mut self, args: &[Expr], span: Span) {
        let whole = |at: usize| match args.get(at).map(|arg: &Expr| &arg.ty) {
            Some(Ty::Const(Value::Int(n))) => Some(*n),
            _ => None,
        };
        if whole(2) == Some(0) {
            let at = args[2].span;
            self.report(
                Diagnostic::warning(
                    Code(422),
                    self.user_span(at),
                    "`oov: 0` leaves no id for values that training has not seen",
                )
                .note("one is kept all the same, as rows to come will have such values")
                .help("leave `oov` out: unseen and rare values share a vector that is trained for them"),
            );
        }
        let over_catalogue = matches!(
            args.get(5).and_then(|arg| arg.ty.value()),
            Some(Value::Word(word)) if word == "catalogue"
        );
        if let Some(least) = whole(1).filter(|least| *least > 1)
            && let Some(column) = args
                .first()
                .and_then(|x| self.unique_column(x, over_catalogue))
        {
            self.report(
                self.error(
                    423,
                    span,
                    format!("no value of `{column}` is counted {least} times"),
                )
                .note(format!("`{column}` is different in each row that is counted, so each value is counted once"))
                .help("leave `min_count` out, or count training events: `over: training` in the features of an entity"),
            );
        }
    }

    /// The column that a value is read from, if it is unique among the rows that a statistic over it counts.
    fn unique_column(&self, x: &Expr, over_catalogue: bool) -> Option<String> {
        let ExprKind::Column(row, column) = &x.kind else {
            return None;
        };
        let Ty::Handle(handle) = &row.ty else {
            return None;
        };
        let mut sources = self.hir.sources.iter();
        let source = sources.find(|source| source.name == handle.source)?;
        let alone = |columns: &[String]| columns == [column.clone()];
        let counted = (over_catalogue && alone(&source.key)) || alone(&source.unique);
        counted.then(|| column.clone())
    }
}
