//! Teachers that are tables: `teacher reader(u: user, a: article) -> { click: logit? } from scores "..." as of at - 1d`.

use reckon_grammar::ast::{self, BinaryOp, ExprKind as Syntax, TypeKind};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Span;

use super::call::kind_named;
use super::{Checker, Frame};
use crate::graph::Elem;
use crate::hir::Kind;
use crate::value::Value;

/// The least that scores are older than the rows that read them, in microseconds.
const DAY: i64 = 86_400_000_000;
/// How the table calls the head of a teacher that has one.
const ONLY_HEAD: &str = "score";

/// A table of scores as it is declared, before it is known which rows read it.
#[derive(Clone)]
pub(super) struct ScoreTable {
    pub(super) paths: Vec<String>,
    /// The sources of its parameters.
    pub(super) params: Vec<String>,
    pub(super) heads: Vec<Head>,
    /// It gives one value, not a record.
    pub(super) one: bool,
    pub(super) on: Vec<ast::Name>,
    /// The column that dates rows, and how much older scores are.
    pub(super) time: ast::Name,
    pub(super) lag: i64,
}

#[derive(Clone)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) elem: Elem,
    pub(super) kind: Kind,
    pub(super) span: Span,
}

impl<'a> Checker<'a> {
    /// Whether a teacher is a table of scores.
    pub(super) fn is_scores(&self, name: &str) -> bool {
        let origin = self.towers.get(name).map(|tower| &tower.origin);
        matches!(origin, Some(Some(ast::Origin::Scores { .. })))
    }

    /// Says that a table of scores has no weights.
    pub(super) fn is_a_table(&mut self, name: &ast::Name, what: &str) {
        self.report(
            self.error(
                614,
                name.span,
                format!("`{}` is a table of scores, and {what}", name.text),
            )
            .help("a teacher with a body, or `like` another tower, has weights"),
        );
    }

    /// Checks the table of a teacher, read or not.
    pub(super) fn score_table(&mut self, tower: &'a ast::Tower) -> Option<ScoreTable> {
        let name = &tower.name.text;
        if let Some(known) = self.score_tables.get(name) {
            return known.clone();
        }
        let outer = self.open_body();
        self.frames.push(Frame::default());
        let table = self.declared_table(tower);
        self.frames.pop();
        self.close_body(outer);
        self.score_tables.insert(name.clone(), table.clone());
        table
    }

    fn declared_table(&mut self, tower: &'a ast::Tower) -> Option<ScoreTable> {
        let Some(ast::Origin::Scores { path, on, as_of }) = &tower.origin else {
            return None;
        };
        let paths = self.paths(path);
        let heads = self.heads(tower);
        let dated = self.dated(tower, as_of.as_ref());
        let mut params = Vec::new();
        for param in tower.params.iter().flatten() {
            params.push(self.rows_of_parameter(param)?);
        }
        let (heads, (time, lag)) = (heads?, dated?);
        Some(ScoreTable {
            paths,
            params,
            one: !matches!(
                tower.ret.as_ref().map(|ret| &ret.kind),
                Some(TypeKind::Record(_))
            ),
            heads,
            on: on.clone(),
            time,
            lag,
        })
    }

    fn rows_of_parameter(&mut self, param: &ast::Param) -> Option<String> {
        if let Some(ast::Type {
            kind: TypeKind::Named {
                name, dims: None, ..
            },
            ..
        }) = &param.ty
            && self
                .hir
                .sources
                .iter()
                .any(|source| source.name == name.text)
        {
            return Some(name.text.clone());
        }
        self.report(
            self.error(614, param.name.span, "a table of scores is of rows")
                .help("name the rows whose keys it has: `u: user`"),
        );
        None
    }

    /// The heads that a table has: numbers that may be missing.
    fn heads(&mut self, tower: &ast::Tower) -> Option<Vec<Head>> {
        let Some(ret) = &tower.ret else {
            let message = format!(
                "teacher `{}` does not say which scores it has",
                tower.name.text
            );
            self.report(
                self.error(614, tower.name.span, message)
                    .help("name the columns of the table: `-> { click: logit?, read: logit? }`"),
            );
            return None;
        };
        match &ret.kind {
            TypeKind::Record(fields) => fields
                .iter()
                .map(|(name, ty)| self.head(&name.text, name.span, ty))
                .collect(),
            TypeKind::Named { .. } => Some(vec![self.head(ONLY_HEAD, ret.span, ret)?]),
            TypeKind::Words(_) => {
                self.report(self.error(311, ret.span, "a tower does not give words"));
                None
            }
            TypeKind::Error => None,
        }
    }

    fn head(&mut self, name: &str, span: Span, ty: &ast::Type) -> Option<Head> {
        let found = match &ty.kind {
            TypeKind::Named { name, dims, .. } if dims.iter().flatten().next().is_none() => {
                kind_named(&name.text).map(|found| (found, &name.text))
            }
            TypeKind::Error => return None,
            TypeKind::Named { .. } | TypeKind::Record(_) | TypeKind::Words(_) => None,
        };
        let Some(((elem, kind), written)) = found else {
            self.report(
                self.error(
                    614,
                    ty.span,
                    format!("`{name}` of a table of scores is one number a row"),
                )
                .help("write `logit?`, `prob?`, `log_prob?` or `f32?`"),
            );
            return None;
        };
        if !ty.nullable {
            self.report(
                self.error(
                    614,
                    ty.span,
                    format!("`{name}` may be missing: not every pair has a score"),
                )
                .help(format!("write `{written}?`"))
                .fix(ty.span, format!("{written}?")),
            );
            return None;
        }
        Some(Head {
            name: name.to_owned(),
            elem,
            kind,
            span,
        })
    }

    /// `as of at - 1d`: the column that dates rows, and the lag of at least a day.
    fn dated(&mut self, tower: &ast::Tower, as_of: Option<&ast::Expr>) -> Option<(ast::Name, i64)> {
        let place = as_of.map_or(tower.name.span, |as_of| as_of.span);
        let (time, lag) = match as_of.map(|as_of| &as_of.kind) {
            Some(Syntax::Error) => return None,
            Some(Syntax::Name(_)) => (as_of, Some(0)),
            Some(Syntax::Binary(BinaryOp::Sub, time, lag)) => {
                let lag = self.expr(lag);
                if lag.is_error() {
                    return None;
                }
                let lag = match lag.ty.value() {
                    Some(Value::Duration(lag)) => Some(*lag),
                    _ => None,
                };
                (Some(&**time), lag)
            }
            Some(_) | None => (None, None),
        };
        let name = time.and_then(|time| match &time.kind {
            Syntax::Name(name) => Some(ast::Name {
                text: name.clone(),
                span: time.span,
            }),
            _ => None,
        });
        let stale = lag.filter(|lag| *lag >= DAY);
        if let (Some(name), Some(lag)) = (&name, stale) {
            return Some((name.clone(), lag));
        }
        let time = name.map_or_else(|| "at".to_owned(), |name| name.text);
        self.report(self.fresh(&tower.name.text, place, &time));
        None
    }

    fn fresh(&self, name: &str, place: Span, time: &str) -> Diagnostic {
        self.error(
            613,
            place,
            format!("scores of `{name}` may know the row that reads them"),
        )
        .note("a teacher that has learnt from a row gives its label away; scores that are older than the row by a day have not")
        .help(format!(
            "write `as of {time} - 1d`; for values out of this spec that have not seen their row, write a `column ... cross_fit 5 by row`"
        ))
    }
}
