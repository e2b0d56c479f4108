//! Policies of sources: what becomes of rows that are not as they should be.

use reckon_grammar::ast::{self, ExprKind};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::Checker;
use crate::hir::Ty;
use crate::plan::{BadRows, Immature, SkipLimit};
use crate::value::Value;

const ALL: &str = "`on_bad_row` is `fail`, `skip(max: 100)`, `skip(max: 1%)` or `default`";

impl Checker<'_> {
    /// `on_bad_row: fail | skip(max: n) | default`
    pub(super) fn on_bad_row(&mut self, value: &ast::Expr) -> BadRows {
        match &value.kind {
            ExprKind::Name(word) if word == "fail" => BadRows::Fail,
            ExprKind::Name(word) if word == "default" => BadRows::Default,
            ExprKind::Call(callee, args) if matches!(&callee.kind, ExprKind::Name(word) if word == "skip") => {
                match args.as_slice() {
                    [arg] if arg.name.as_ref().is_some_and(|name| name.text == "max") => {
                        self.skip_limit(&arg.value)
                    }
                    _ => self.no_policy(value.span),
                }
            }
            ExprKind::Error => BadRows::Fail,
            _ => self.no_policy(value.span),
        }
    }

    fn no_policy(&mut self, span: Span) -> BadRows {
        self.report(Diagnostic::error(Code(221), span, ALL));
        BadRows::Fail
    }

    /// `immature: drop | keep | weight`
    pub(super) fn immature(&mut self, value: &ast::Expr) -> Immature {
        match &value.kind {
            ExprKind::Name(word) if word == "drop" => Immature::Drop,
            ExprKind::Name(word) if word == "keep" => Immature::Keep,
            ExprKind::Name(word) if word == "weight" => Immature::Weight,
            ExprKind::Error => Immature::Drop,
            _ => {
                let message = "`immature` is `drop`, `keep` or `weight`";
                self.report(Diagnostic::error(Code(221), value.span, message));
                Immature::Drop
            }
        }
    }

    /// A number of rows, or a share of them.
    fn skip_limit(&mut self, written: &ast::Expr) -> BadRows {
        match self.expr(written).ty {
            Ty::Const(Value::Int(rows)) if rows >= 0 => {
                BadRows::Skip(SkipLimit::Rows(rows.unsigned_abs()))
            }
            Ty::Const(Value::Float(share)) if (0.0..=1.0).contains(&share) => {
                BadRows::Skip(SkipLimit::Share(share))
            }
            Ty::Error => BadRows::Fail,
            _ => {
                let message = "at most a number of rows or a share of them may be skipped";
                self.report(
                    Diagnostic::error(Code(221), written.span, message)
                        .help("write `skip(max: 100)` or `skip(max: 1%)`"),
                );
                BadRows::Fail
            }
        }
    }
}
