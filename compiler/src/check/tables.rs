//! Weights and tables.

use super::Checker;
use super::signature::MAX_SIZE;
use crate::build::rows::{bag_identity, bag_of};
use crate::graph::Init;
use crate::hir::{EmbedTable, Expr, ExprKind, Facts, Tensor, Ty, Vectors};
use crate::plan::Tune;
use crate::plan::row::{RowKind, RowType};
use crate::value::Value;
use reckon_grammar::span::Span;

/// The widest embedding.
const MAX_WIDTH: i64 = 65_536;

impl Checker<'_> {
    /// `weight` and `state`.
    pub(super) fn weight(&mut self, what: &str, args: &[Expr], span: Span) -> Expr {
        let dims = match args.first().map(|arg| &arg.ty) {
            Some(Ty::Const(Value::List(items))) => items
                .iter()
                .map(|item| match item {
                    Value::Int(n) => usize::try_from(*n)
                        .ok()
                        .filter(|n| (1..=MAX_SIZE).contains(n)),
                    _ => None,
                })
                .collect::<Option<Vec<usize>>>(),
            _ => None,
        };
        let Some(dims) = dims else {
            self.report(self.error(
                301,
                span,
                format!("the shape of a {what} is a list of whole numbers from 1 to 16,777,216"),
            ));
            return Expr::error(span);
        };
        let init = initial(args.get(1), Init::GlorotUniform);
        let hint = self.hint.clone().unwrap_or_else(|| what.into());
        let name = self.segment(&hint);
        Expr::new(
            ExprKind::Weight(name, init, what == "state"),
            Ty::Tensor(Tensor::f32(vec![], dims)),
            Facts::default(),
            span,
        )
    }

    pub(super) fn embed(&mut self, args: &[Expr], span: Span) -> Expr {
        let [ids, dim, init] = args else {
            return Expr::error(span);
        };
        let init = initial(Some(init), Init::Normal(0.05));
        self.table("embed", (ids, dim), (init, None), span)
    }

    /// `movie_id |> vocab |> pretrained("vectors.parquet", 64, key: "movie_id")`
    pub(super) fn pretrained(&mut self, args: &[Expr], span: Span) -> Expr {
        let [ids, path, dim, key, column, tune] = args else {
            return Expr::error(span);
        };
        let (Some(path), Some(key), Some(column), Some(of)) = (
            self.name_in_a_file("path", path),
            self.name_in_a_file("key", key),
            self.name_in_a_file("vector", column),
            self.values_with_vectors(ids),
        ) else {
            return Expr::error(span);
        };
        let (tune, init) = match tune.ty.value() {
            Some(Value::Word(word)) if word == "slow" => (Tune::Slow, Init::Normal(0.05)),
            Some(Value::Word(word)) if word == "free" => (Tune::Free, Init::Normal(0.05)),
            Some(_) | None => (Tune::Frozen, Init::Constant(0.0)),
        };
        let vectors = Box::new(Vectors {
            path,
            key,
            of,
            column,
            tune,
        });
        self.table("pretrained", (ids, dim), (init, Some(vectors)), span)
    }

    /// A text known while compiling.
    fn name_in_a_file(&mut self, parameter: &str, arg: &Expr) -> Option<String> {
        match arg.ty.value() {
            Some(Value::Str(text)) => return Some(text.clone()),
            Some(_) | None if arg.is_error() => {}
            Some(_) | None => {
                let message =
                    format!("`{parameter}` of `pretrained` takes a text known while compiling");
                self.report(self.error(301, arg.span, message));
            }
        }
        None
    }

    /// What the values of a vocabulary are that a file has vectors of.
    fn values_with_vectors(&mut self, ids: &Expr) -> Option<RowKind> {
        if ids.is_error() {
            return None;
        }
        let message = match vocabulary(ids).map(|values| &values.ty) {
            Some(Ty::Row(row)) => {
                let element = match &row.kind {
                    RowKind::List(of) => of,
                    kind => kind,
                };
                if matches!(element, RowKind::Int | RowKind::Str) {
                    return Some(element.clone());
                }
                format!("a file has vectors of texts or whole numbers, found values of type `{element}`")
            }
            Some(Ty::Error) => return None,
            Some(_) | None => {
                "`pretrained` takes the ids of a `vocab`: a file has vectors of values, not of slots or buckets".to_owned()
            }
        };
        self.report(
            self.error(410, ids.span, message).help(
                "write `... |> vocab(over: catalogue) |> pretrained(\"vectors.parquet\", 64)`",
            ),
        );
        None
    }

    /// Ids as vectors out of a table of this width, which begins with these values.
    fn table(
        &mut self,
        function: &str,
        (ids, dim): (&Expr, &Expr),
        (init, vectors): (Init, Option<Box<Vectors>>),
        span: Span,
    ) -> Expr {
        let Some((source, feature)) = self.current_feature.clone() else {
            let message = format!("`{function}` stands outside of `features`");
            self.report(
                self.error(407, span, message)
                    .help("make it a feature, and read the feature in the tower"),
            );
            return Expr::error(span);
        };
        let (Some(width), Some((list, drop))) = (self.width(dim), self.table_ids(ids)) else {
            return Expr::error(span);
        };
        let name = self.segment(&feature);
        let table = EmbedTable {
            path: format!("{source}/{name}"),
            width,
            drop,
            init,
            vectors,
        };
        let spaces = match (list, super::values::row_root(ids)) {
            (true, Some((key, handle))) => {
                let identity = match bag_of(ids) {
                    Some(bag) => bag_identity(&key, &bag),
                    None => format!("{key}/{source}.{name}"),
                };
                vec![self.list_space(identity, &handle, None)]
            }
            (false, Some((_, handle))) => handle.space.into_iter().collect(),
            (_, None) => Vec::new(),
        };
        let ty = Ty::Tensor(Tensor::f32(spaces, vec![width]));
        Expr::new(
            ExprKind::Embed(Box::new(ids.clone()), table),
            ty,
            ids.facts.clone(),
            span,
        )
    }

    /// The width of an embedding.
    fn width(&mut self, dim: &Expr) -> Option<usize> {
        let message = match dim.ty {
            Ty::Const(Value::Int(width)) if (1..=MAX_WIDTH).contains(&width) => {
                return usize::try_from(width).ok();
            }
            Ty::Const(Value::Int(width)) => {
                format!("the width of an embedding is from 1 to {MAX_WIDTH}, found `{width}`")
            }
            _ => "the width of an embedding is a whole number known while compiling".into(),
        };
        self.report(self.error(301, dim.span, message));
        None
    }

    /// Whether ids are a list in each row, and how often one is replaced in training.
    fn table_ids(&mut self, ids: &Expr) -> Option<(bool, f64)> {
        if self.null_ids(ids) {
            return None;
        }
        let Some(list) = ids_shape(&ids.ty) else {
            let shown = self.show(&ids.ty);
            self.report(
                self.error(410, ids.span, format!("`embed` takes ids, found `{shown}`"))
                    .help("make ids first: `... |> vocab |> embed(16)`, or `buckets([...])` for numbers"),
            );
            return None;
        };
        let Some(drop) = id_source(ids) else {
            self.report(
                self.error(411, ids.span, "it is not known how many ids there are")
                    .help("make ids with `vocab`, `hash`, `buckets`, `quantiles` or `cross`"),
            );
            return None;
        };
        Some((list, drop))
    }

    /// Ids made of values that may be null: there is no row of the table for a null.
    fn null_ids(&mut self, ids: &Expr) -> bool {
        let is_null = matches!(&ids.ty, Ty::Row(row) if row.nullable) && id_source(ids).is_some();
        if is_null {
            let shown = self.show(&ids.ty);
            self.report(
                self.error(309, ids.span, "a null has no row in a table")
                    .here(format!("this is `{shown}`"))
                    .help("give nulls a value first: `... |> fill(0)`; `vocab` has an id for them"),
            );
        }
        is_null
    }
}

/// Whether ids come one or many a row; `None` for what is no id.
fn ids_shape(ty: &Ty) -> Option<bool> {
    match ty {
        Ty::Row(RowType {
            kind: RowKind::Int,
            nullable: false,
        }) => Some(false),
        Ty::Row(RowType {
            kind: RowKind::List(of),
            nullable: false,
        }) if **of == RowKind::Int => Some(true),
        _ => None,
    }
}

/// The replacement rate of ids whose number is known; `None` where it is not.
pub(super) fn id_source(ids: &Expr) -> Option<f64> {
    let ExprKind::Prim(name, args) = &ids.kind else {
        return None;
    };
    match name.as_str() {
        "vocab" => args
            .get(4)
            .and_then(|arg| arg.ty.value())
            .and_then(Value::as_f64)
            .or(Some(0.0)),
        "buckets" | "quantiles" | "hash" | "cross" | "hour" | "weekday" => Some(0.0),
        "take" | "distinct" | "first" | "last" => args.first().and_then(id_source),
        _ => None,
    }
}

/// The values of the vocabulary that ids are of.
fn vocabulary(ids: &Expr) -> Option<&Expr> {
    let ExprKind::Prim(name, args) = &ids.kind else {
        return None;
    };
    match name.as_str() {
        "vocab" => args.first(),
        "take" | "distinct" | "first" | "last" => args.first().and_then(vocabulary),
        _ => None,
    }
}

/// How a weight begins: by a word, or filled with a number.
fn initial(init: Option<&Expr>, otherwise: Init) -> Init {
    match init.and_then(|init| init.ty.value()) {
        Some(Value::Word(word)) => match word.as_str() {
            "zeros" => Init::Constant(0.0),
            "ones" => Init::Constant(1.0),
            "he" => Init::HeUniform,
            "small" => Init::Normal(0.05),
            _ => Init::GlorotUniform,
        },
        Some(value) => value.as_f64().map_or(otherwise, Init::Constant),
        None => otherwise,
    }
}
