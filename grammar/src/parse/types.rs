//! Types, parameters and bodies.

use crate::ast::{Body, Dim, ExprKind, Let, Param, Type, TypeKind};
use crate::recover::VALUE;
use crate::span::Span;
use crate::tree::{Node, Rule};

use super::Parser;

impl Parser<'_> {
    /// The type in a `type_slot`.
    pub(super) fn type_slot(&mut self, node: Node<'_>) -> Type {
        match node.find(Rule::type_expr) {
            Some(node) => self.type_expr(node),
            None => Type {
                kind: TypeKind::Error,
                nullable: false,
                span: self.span(node),
            },
        }
    }

    /// The type after the colon of a node, if one is written.
    pub(super) fn child_type(&mut self, node: Node<'_>) -> Option<Type> {
        node.find(Rule::type_slot).map(|slot| self.type_slot(slot))
    }

    pub(super) fn needed_type(&mut self, node: Node<'_>) -> Type {
        let span = Span::new(self.file, node.end, node.end);
        self.child_type(node).unwrap_or(Type {
            kind: TypeKind::Error,
            nullable: false,
            span,
        })
    }

    fn type_expr(&mut self, node: Node<'_>) -> Type {
        let inner = node.first();
        let kind = match inner.rule {
            Rule::type_record => TypeKind::Record(
                inner
                    .all(Rule::type_field)
                    .map(|field| (self.first_name(field), self.needed_type(field)))
                    .collect(),
            ),
            Rule::type_words => {
                TypeKind::Words(inner.children().map(|word| self.name(word)).collect())
            }
            _ => self.named_type(inner),
        };
        Type {
            kind,
            nullable: node.has(Rule::nullable),
            span: self.span(node),
        }
    }

    fn named_type(&mut self, node: Node<'_>) -> TypeKind {
        let of = node.find(Rule::type_of);
        TypeKind::Named {
            name: self.name(node.first()),
            of: of
                .into_iter()
                .flat_map(|of| of.all(Rule::type_slot))
                .map(|slot| self.type_slot(slot))
                .collect(),
            dims: node
                .find(Rule::dims)
                .map(|dims| dims.all(Rule::dim).map(|dim| self.dim(dim)).collect()),
            args: node
                .find(Rule::args)
                .map(|args| self.args(args))
                .unwrap_or_default(),
        }
    }

    fn dim(&mut self, node: Node<'_>) -> Dim {
        let inner = node.first();
        match inner.rule {
            Rule::leading => Dim::Leading(self.span(inner)),
            Rule::ragged => Dim::Ragged(self.child_value(inner)),
            _ => Dim::Expr(self.expr_or_error(inner)),
        }
    }

    pub(super) fn params(&mut self, node: Node<'_>) -> Vec<Param> {
        let params = node.find(Rule::params).into_iter();
        params
            .flat_map(|params| params.all(Rule::param))
            .map(|param| Param {
                each: param.has(Rule::each),
                name: self.first_name(param),
                ty: self.child_type(param),
                default: param.find(Rule::value).map(|value| self.value(value)),
            })
            .collect()
    }

    pub(super) fn ret(&mut self, node: Node<'_>) -> Option<Type> {
        node.find(Rule::ret).map(|ret| self.needed_type(ret))
    }

    /// The body among the children of an item, or an error in its place.
    pub(super) fn needed_body(&mut self, node: Node<'_>) -> Body {
        match self.body(node) {
            Some(body) => body,
            None => {
                let span = Span::new(self.file, node.end, node.end);
                Body {
                    lets: Vec::new(),
                    value: crate::ast::Expr {
                        kind: ExprKind::Error,
                        span,
                    },
                    span,
                }
            }
        }
    }

    pub(super) fn body(&mut self, node: Node<'_>) -> Option<Body> {
        let node = node
            .children()
            .find(|child| matches!(child.rule, Rule::body | Rule::body_open))?;
        let span = self.span(node);
        if let Some(value) = node.find(Rule::value) {
            return Some(Body {
                lets: Vec::new(),
                value: self.value(value),
                span,
            });
        }
        let lets = node
            .all(Rule::let_line)
            .map(|line| self.let_line(line))
            .collect();
        let mut values: Vec<Node<'_>> = node.all(Rule::value_line).collect();
        let last = values.pop();
        for line in values {
            let span = self.span(line);
            self.error(VALUE, span, "only the last line of a body is its value")
                .help = Some("bind the others with `let`".to_owned());
        }
        let broken = node.has(Rule::err_entry);
        let value = match last {
            Some(line) => {
                let value = line.find(Rule::expr);
                self.expr_or_error(value.expect("a line of a body has a value"))
            }
            None => {
                let end = Span::new(
                    self.file,
                    node.end.saturating_sub(1).max(node.start),
                    node.end,
                );
                if !broken && !node.has(Rule::err_close) {
                    self.error(VALUE, end, "expected a value before the end of the body")
                        .help = Some("the last line of a body is its value".to_owned());
                }
                crate::ast::Expr {
                    kind: ExprKind::Error,
                    span: end,
                }
            }
        };
        Some(Body { lets, value, span })
    }

    pub(super) fn let_line(&mut self, node: Node<'_>) -> Let {
        Let {
            name: self.first_name(node),
            value: self.child_value(node),
        }
    }
}
