//! What a spec probably means where a value has another shape than is asked for: help in words, and as an edit.

use reckon_grammar::ast::{self, Arg, BinaryOp, ExprKind as Syntax, Param, TypeKind};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::print_expr;
use reckon_grammar::span::Span;

use super::{Checker, FnDef};
use crate::graph::Elem;
use crate::hir::{Expr, ExprKind, Ty};
use crate::plan::row::RowKind;

/// What to write instead.
pub(super) struct Meant {
    help: String,
    /// What is replaced, and by what.
    edit: (Span, String),
}

impl Meant {
    /// Gives the help to a finding that has none of its own.
    pub(super) fn attach(self, finding: Diagnostic) -> Diagnostic {
        finding.help(self.help).fix(self.edit.0, self.edit.1)
    }
}

/// One number is asked for, and two vectors are added or multiplied.
pub(super) fn inner_product(value: &ast::Expr) -> Option<Meant> {
    let Syntax::Binary(BinaryOp::Add | BinaryOp::Mul, a, b) = &value.kind else {
        return None;
    };
    let product = format!("dot({}, {})", print_expr(a), print_expr(b));
    Some(Meant {
        help: format!("one number of two vectors is their product: `{product}`"),
        edit: (value.span, product),
    })
}

/// A loss should be one number a row, and somewhere in it two vectors are multiplied.
pub(super) fn product_inside(value: &Expr, body: &ast::Body) -> Option<Meant> {
    let is_vector = |e: &Expr| matches!(&e.ty, Ty::Tensor(tensor) if tensor.dims.len() == 1);
    let mut products = Vec::new();
    value.walk(&mut |e| {
        if let ExprKind::Binary(BinaryOp::Mul, a, b) = &e.kind
            && is_vector(a)
            && is_vector(b)
        {
            products.push(e.span);
        }
    });
    let mut meant = None;
    body.walk(&mut |e| {
        if meant.is_none() && products.contains(&e.span) {
            meant = inner_product(e);
        }
    });
    meant
}

/// A vector is asked for, and what goes into the pipe is a list of vectors.
pub(super) fn joined(value: &ast::Expr) -> Option<Meant> {
    match &value.kind {
        Syntax::Pipe(value, ..) => joined(value),
        Syntax::Call(_, args) => joined(&args.first()?.value),
        Syntax::List(items) if !items.is_empty() => {
            let items: Vec<String> = items.iter().map(print_expr).collect();
            let items = items.join(", ");
            Some(Meant {
                help: format!(
                    "`[{items}]` is vectors below each other; `concat({items})` is one vector"
                ),
                edit: (value.span, format!("concat({items})")),
            })
        }
        _ => None,
    }
}

impl Checker<'_> {
    /// Says so where a truth value of each row stands in the place of the shares of `cross_entropy`, with the whole call that is
    /// meant. That call is another one, so that nothing else has to be said of this.
    pub(super) fn truth_for_shares(
        &mut self,
        found: FnDef<'_>,
        given: &[&ast::Expr],
        values: &[Expr],
        span: Span,
    ) -> bool {
        let ([scores, truth], [of_scores, of_truth]) = (given, values) else {
            return false;
        };
        let dims = |value: &Expr| match &value.ty {
            Ty::Tensor(tensor) => Some((tensor.dims.len(), tensor.elem)),
            Ty::Row(row) if row.kind == RowKind::Bool => Some((0, Elem::Bool)),
            Ty::Row(row) if row.kind == RowKind::Float => Some((0, Elem::F32)),
            _ => None,
        };
        let is_truth = dims(of_truth) == Some((0, Elem::Bool));
        if !(found.library && found.decl.name.text == "cross_entropy" && is_truth) {
            return false;
        }
        let logit = match (dims(of_scores), &scores.kind) {
            (Some((0, Elem::F32)), _) => print_expr(scores),
            (Some((1, Elem::F32)), Syntax::Binary(BinaryOp::Add | BinaryOp::Mul, a, b)) => {
                format!("dot({}, {})", print_expr(a), print_expr(b))
            }
            _ => return false,
        };
        let meant = format!("bce({logit}, {})", print_expr(truth));
        let message = format!(
            "`share` of `cross_entropy` takes a vector, and `{}` is one truth value a row",
            print_expr(truth)
        );
        self.report(
            self.error(302, truth.span, message)
                .help(format!("of one number and a truth value it is `{meant}`"))
                .fix(span, meant),
        );
        true
    }

    /// Says so where a parameter takes a list and numbers stand beside each other in its place.
    pub(super) fn refuses_numbers_for_a_list(
        &mut self,
        params: &[Param],
        callee: &str,
        piped: Option<&ast::Expr>,
        args: &[Arg],
    ) -> bool {
        let is_list = |param: &&Param| {
            let ty = param.ty.as_ref().map(|ty| &ty.kind);
            matches!(ty, Some(TypeKind::Named { name, .. }) if name.text == "list")
        };
        let is_number = |arg: &&Arg| {
            arg.name.is_none() && matches!(arg.value.kind, Syntax::Int(_) | Syntax::Float(_))
        };
        let taken = usize::from(piped.is_some());
        let at = params.iter().position(|param| is_list(&param));
        let Some(at) = at.and_then(|at| at.checked_sub(taken)) else {
            return false;
        };
        let rest = args.get(at..).unwrap_or_default();
        let unnamed = args.iter().take(at).all(|arg| arg.name.is_none());
        let numbers: Vec<&Arg> = rest.iter().take_while(is_number).collect();
        let (true, Some(first), Some(last)) = (unnamed, numbers.first(), numbers.last()) else {
            return false;
        };
        let span = first.value.span.to(last.value.span);
        let numbers: Vec<String> = numbers.iter().map(|arg| print_expr(&arg.value)).collect();
        let numbers = numbers.join(", ");
        let name = &params[at + taken].name.text;
        let message =
            format!("`{name}` of `{callee}` takes a list known while compiling, found `{numbers}`");
        let list = format!("[{numbers}]");
        self.report(
            self.error(301, span, message)
                .help(format!("write a list: `{list}`"))
                .fix(span, list),
        );
        true
    }
}
