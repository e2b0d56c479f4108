//! Row programs: one kernel a source, grown as graphs ask for outputs, and the statistics that they need.

mod bags;
mod domain;
mod growing;
mod mutual;
mod statistics;
mod vectors;

use std::collections::{BTreeMap, BTreeSet};

use reckon_grammar::ast::UnaryOp;
use reckon_grammar::span::Span;

use crate::check::row_op;
use crate::hir::{EmbedTable, Expr, ExprKind, Hir, Loop, Rows, Sampler, Ty};
use crate::plan::row::{Inst, Kernel, RowKind, RowOp, RowType};
use crate::plan::{
    FitKind, FitPlan, SamplerPlan, SourceKind, SourcePlan, TableRows, TakenFit, VectorsPlan,
};
use crate::value::Value;
pub(crate) use bags::{bag_identity, bag_in, bag_of};
use growing::Growing;
use vectors::vectors_plan;

/// Kernels and fits so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowPrograms {
    kernels: BTreeMap<String, Growing>,
    /// Outputs by source and text.
    outputs: BTreeMap<(String, String), String>,
    pub(crate) fits: Vec<FitPlan>,
    /// The fits of values, by the text of the value.
    fits_by_name: BTreeMap<String, Vec<usize>>,
    pub(crate) tables: BTreeMap<String, TableRows>,
    pub(crate) vectors: BTreeMap<String, VectorsPlan>,
    entities: Vec<String>,
    /// Sources beside whose rows others are drawn.
    drawn_beside: BTreeSet<String>,
    /// The rows of losses by name, for statistics over them.
    losses: BTreeMap<String, Rows>,
    /// Columns that a loop computes each day, for the rows of that day.
    daily: BTreeSet<(String, String)>,
    /// The teacher whose features are being read with the statistics of another run.
    pub(crate) taken: Option<Taken>,
}

/// A teacher out of a finished run.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) teacher: String,
    pub(crate) run: String,
}

impl Taken {
    /// The name of what a run has under `name`, beside what this run has.
    fn own(&self, name: &str) -> String {
        format!("{}/{name}", self.teacher)
    }
}

impl RowPrograms {
    pub(crate) fn new(hir: &Hir) -> Self {
        let entities = hir
            .sources
            .iter()
            .filter(|source| source.kind == SourceKind::Entity);
        let losses = hir.losses.iter().map(|loss| &loss.rows);
        let evaluations = hir.evaluations.iter().map(|evaluation| &evaluation.rows);
        let drawn = losses
            .chain(evaluations)
            .filter(|rows| rows.negatives.is_some());
        Self {
            entities: entities.map(|source| source.name.clone()).collect(),
            drawn_beside: drawn.map(|rows| rows.source.clone()).collect(),
            daily: hir.daily.iter().flat_map(Loop::columns).collect(),
            losses: hir
                .losses
                .iter()
                .map(|loss| (loss.name.clone(), loss.rows.clone()))
                .collect(),
            ..Self::default()
        }
    }

    /// The kernels in the order of the sources.
    pub(crate) fn kernels(&self, hir: &Hir) -> Vec<Kernel> {
        hir.sources
            .iter()
            .filter_map(|source| self.kernels.get(&source.name))
            .map(|growing| growing.kernel().clone())
            .collect()
    }

    /// The sources, each with the program that says which rows of its files it has.
    pub(crate) fn sources(&mut self, hir: &Hir) -> Vec<SourcePlan> {
        let mut sources = hir.sources.clone();
        for source in &mut sources {
            source.condition = hir.conditions.get(&source.name).map(|condition| {
                let mut kernel = Growing::new(&source.name);
                let value = self.inst(&mut kernel, &source.name, condition);
                kernel.output("holds".to_owned(), value);
                kernel.finish()
            });
        }
        sources
    }

    /// The output of the source's kernel that holds this value, as a float where a tensor wants numbers. It is named after
    /// the feature that first asks for it, else by its text.
    pub(crate) fn output(
        &mut self,
        source: &str,
        e: &Expr,
        numeric: bool,
        feature: Option<&str>,
    ) -> String {
        let to_float = numeric
            && !matches!(
                e.ty,
                Ty::Row(RowType {
                    kind: RowKind::Float,
                    ..
                })
            );
        let kind = if to_float { " as float" } else { "" };
        let key = (
            source.to_owned(),
            self.own_name(format!("{}{kind}", text(e))),
        );
        if let Some(done) = self.outputs.get(&key) {
            return done.clone();
        }
        let mut kernel = self
            .kernels
            .remove(source)
            .unwrap_or_else(|| Growing::new(source));
        let mut value = self.inst(&mut kernel, source, e);
        if to_float {
            value = as_float(&mut kernel, value, e);
        }
        let taken = |name: &str| kernel.has_output(name);
        let text = self.own_name(text(e));
        let feature = feature.map(|feature| self.own_name(feature.to_owned()));
        let name = match feature {
            Some(feature) if !taken(&feature) => feature,
            _ if taken(&text) => format!("{text} as float"),
            _ => text,
        };
        kernel.output(name.clone(), value);
        self.kernels.insert(source.to_owned(), kernel);
        self.outputs.insert(key, name.clone());
        name
    }

    /// What a teacher of another run reads is told apart by its name.
    fn own_name(&self, name: String) -> String {
        match &self.taken {
            Some(taken) => taken.own(&name),
            None => name,
        }
    }

    /// What a sampler is lowered to.
    pub(crate) fn sampler(&mut self, sampler: &Sampler) -> SamplerPlan {
        let entity = &sampler.entity;
        SamplerPlan {
            entity: entity.clone(),
            power: sampler.power,
            output: sampler
                .weight
                .as_ref()
                .map(|weight| self.output(entity, weight, true, None)),
        }
    }

    /// Notes how many rows the table of these ids has, and the vectors of a file that it begins with.
    pub(crate) fn table(&mut self, path: &str, ids: &Expr, table: &EmbedTable, span: Span) {
        let rows = self.id_range(ids);
        self.tables.insert(path.to_owned(), rows);
        if let Some(vectors) = &table.vectors {
            let plan = vectors_plan(vectors, table, span);
            self.vectors.insert(path.to_owned(), plan);
        }
    }

    fn id_range(&mut self, ids: &Expr) -> TableRows {
        let ExprKind::Prim(name, args) = &plain(ids).kind else {
            return TableRows::Fixed(1);
        };
        match name.as_str() {
            "vocab" => TableRows::Vocabulary(self.fit(name, args, ids)),
            "buckets" => TableRows::Fixed(args.get(1).map_or(1, |borders| list_len(borders) + 1)),
            "quantiles" => TableRows::Fixed(whole(args.get(1)).max(1)),
            "hash" => TableRows::Fixed(whole(args.get(1)).max(1)),
            "cross" => TableRows::Fixed(whole(args.iter().rev().nth(1)).max(1)),
            "hour" => TableRows::Fixed(24),
            "weekday" => TableRows::Fixed(7),
            _ => args
                .first()
                .map_or(TableRows::Fixed(1), |inner| self.id_range(inner)),
        }
    }

    /// The instruction that computes a value; equal ones are shared.
    fn inst(&mut self, kernel: &mut Growing, source: &str, e: &Expr) -> usize {
        let e = plain(e);
        let ty = match &e.ty {
            Ty::Row(row) => row.clone(),
            other => RowType::new(other.value().map_or(RowKind::Float, kind_of)),
        };
        let (op, args, mapped) = match &e.kind {
            ExprKind::Column(handle, column) => (column_op(handle, column), Vec::new(), false),
            ExprKind::Const(value) => (RowOp::Const(value.clone()), Vec::new(), false),
            ExprKind::Binary(op, a, b) => {
                let args = vec![self.inst(kernel, source, a), self.inst(kernel, source, b)];
                (binary_op(*op), args, false)
            }
            ExprKind::Unary(op, a) => {
                let op = if *op == UnaryOp::Neg {
                    RowOp::Neg
                } else {
                    RowOp::Not
                };
                (op, vec![self.inst(kernel, source, a)], false)
            }
            ExprKind::Prim(name, args) => return self.call(kernel, source, name, args, e, ty),
            ExprKind::Statistic(of) => {
                let fit = self.fit_groups(of, e);
                let args = of.read().map(|e| self.inst(kernel, source, e)).collect();
                (RowOp::OfGroup(fit, of.statistic), args, false)
            }
            ExprKind::Label(_, _, value) => {
                let value = self.inst(kernel, source, value);
                if !self.drawn_beside.contains(source) {
                    return value;
                }
                (RowOp::Label, vec![value], false)
            }
            _ => unreachable!(
                "internal: the checker lets only row expressions through, found {:?}",
                e.kind
            ),
        };
        kernel.inst(Inst {
            op,
            args,
            ty,
            mapped,
            span: Some(e.span),
        })
    }

    fn call(
        &mut self,
        kernel: &mut Growing,
        source: &str,
        name: &str,
        args: &[Expr],
        e: &Expr,
        ty: RowType,
    ) -> usize {
        let types: Vec<Ty> = args.iter().map(|arg| arg.ty.clone()).collect();
        let Some(Ok(call)) = row_op(name, &types) else {
            unreachable!("internal: the checker typed `{name}` as a row function")
        };
        let operands = args[..call.operands.min(args.len())]
            .iter()
            .map(|arg| self.inst(kernel, source, arg))
            .collect();
        let op = match call.op {
            RowOp::Vocab(_) => RowOp::Vocab(self.fit(name, args, e)),
            RowOp::Quantile(_) => RowOp::Quantile(self.fit(name, args, e)),
            RowOp::ZScore(_) => RowOp::ZScore(self.fit(name, args, e)),
            RowOp::MinMax(_) => RowOp::MinMax(self.fit(name, args, e)),
            other => other,
        };
        kernel.inst(Inst {
            op,
            args: operands,
            ty,
            mapped: call.mapped,
            span: Some(e.span),
        })
    }

    /// The statistic behind a fitted function; equal ones are fitted once.
    fn fit(&mut self, name: &str, args: &[Expr], e: &Expr) -> usize {
        let source = root_of(e).and_then(|root| match &root.ty {
            Ty::Handle(handle) => Some(handle.source.clone()),
            _ => None,
        });
        let source = source.unwrap_or_default();
        let over = args.iter().rev().find_map(|arg| match arg.ty.value() {
            Some(Value::Word(word)) => Some(word.as_str()),
            _ => None,
        });
        let domain = self.domain(&source, over);
        let kind = match name {
            "vocab" => FitKind::Vocab {
                min_count: whole(args.get(1)) as u64,
                oov: whole(args.get(2)),
                top: Some(whole(args.get(3))).filter(|top| *top > 0),
            },
            "quantiles" => FitKind::Quantiles(whole(args.get(1))),
            "zscore" => FitKind::Moments,
            _ => FitKind::Extent,
        };
        let original = format!("{source}.{}", text(e));
        let fitted = self.own_name(original.clone());
        let of_that_name = self.fits_by_name.get(&fitted).into_iter().flatten();
        let mut of_that_name = of_that_name.map(|at| (*at, &self.fits[*at]));
        let same = of_that_name.find(|(_, fit)| fit.kind == kind && fit.domain == domain);
        if let Some((at, _)) = same {
            return at;
        }
        let of_that_name = self.fits_by_name.entry(fitted.clone()).or_default();
        of_that_name.push(self.fits.len());
        let mut kernel = Growing::new(&source);
        let value = self.inst(&mut kernel, &source, &args[0]);
        kernel.output("value".to_owned(), value);
        let taken = self.taken.as_ref().map(|taken| TakenFit {
            run: taken.run.clone(),
            name: original,
        });
        self.fits.push(FitPlan {
            name: fitted,
            taken,
            kind,
            kernel: kernel.finish(),
            domain,
            sees: self.sees([&args[0]].into_iter()),
            span: e.span,
        });
        self.fits.len() - 1
    }
}

fn as_float(kernel: &mut Growing, value: usize, e: &Expr) -> usize {
    let from = kernel.kernel().code[value].ty.clone();
    let (kind, mapped) = match &from.kind {
        RowKind::List(of) if **of == RowKind::Float => return value,
        RowKind::List(_) => (RowKind::List(Box::new(RowKind::Float)), true),
        _ => (RowKind::Float, false),
    };
    let ty = RowType {
        kind,
        nullable: from.nullable,
    };
    kernel.inst(Inst {
        op: RowOp::ToFloat,
        args: vec![value],
        ty,
        mapped,
        span: Some(e.span),
    })
}

fn column_op(handle: &Expr, column: &str) -> RowOp {
    match &plain(handle).kind {
        ExprKind::Refer(_, target) => RowOp::Through(target.clone(), column.to_owned()),
        _ => RowOp::Column(column.to_owned()),
    }
}

fn binary_op(op: reckon_grammar::ast::BinaryOp) -> RowOp {
    use reckon_grammar::ast::BinaryOp as Op;
    match op {
        Op::Add => RowOp::Add,
        Op::Sub => RowOp::Sub,
        Op::Mul => RowOp::Mul,
        Op::Div => RowOp::Div,
        Op::Pow => RowOp::Pow,
        Op::Eq => RowOp::Eq,
        Op::Ne => RowOp::Ne,
        Op::Lt => RowOp::Lt,
        Op::Le => RowOp::Le,
        Op::Gt => RowOp::Gt,
        Op::Ge => RowOp::Ge,
        Op::And => RowOp::And,
        Op::Or => RowOp::Or,
    }
}

fn kind_of(value: &Value) -> RowKind {
    match value {
        Value::Int(_) => RowKind::Int,
        Value::Float(_) => RowKind::Float,
        Value::Bool(_) => RowKind::Bool,
        Value::Str(_) | Value::Word(_) => RowKind::Str,
        Value::Duration(_) => RowKind::Duration,
        Value::List(items) => {
            RowKind::List(Box::new(items.first().map_or(RowKind::Float, kind_of)))
        }
    }
}

fn whole(arg: Option<&Expr>) -> usize {
    match arg.and_then(|arg| arg.ty.value()) {
        Some(Value::Int(n)) => usize::try_from(*n).unwrap_or(0),
        _ => 0,
    }
}

fn list_len(arg: &Expr) -> usize {
    match arg.ty.value() {
        Some(Value::List(items)) => items.len(),
        _ => 0,
    }
}

/// The expression under scopes without bindings.
pub(crate) fn plain(e: &Expr) -> &Expr {
    match &e.kind {
        ExprKind::Scope { value, .. } => plain(value),
        _ => e,
    }
}

/// The handle that a row value is read from, before references are followed.
pub(crate) fn root_of(e: &Expr) -> Option<&Expr> {
    match &plain(e).kind {
        ExprKind::Column(handle, _) | ExprKind::Label(handle, _, _) => {
            Some(before_references(handle))
        }
        ExprKind::Statistic(of) => Some(before_references(&of.row)),
        ExprKind::Builtin(handle, _) => Some(plain(handle)),
        _ => plain(e).children().into_iter().find_map(root_of),
    }
}

fn before_references(handle: &Expr) -> &Expr {
    let mut root = plain(handle);
    while let ExprKind::Refer(of, _) = &root.kind {
        // References from a row of the source itself are followed in the kernel; those from elsewhere are handles.
        root = plain(of);
    }
    root
}

/// A row value as text, short and stable; names outputs.
pub(crate) fn text(e: &Expr) -> String {
    let e = plain(e);
    match &e.kind {
        ExprKind::Column(handle, column) => match &plain(handle).kind {
            ExprKind::Refer(_, target) => format!("{target}.{column}"),
            _ => column.clone(),
        },
        ExprKind::Const(value) => value.to_string(),
        ExprKind::Binary(op, a, b) => {
            format!("{} {} {}", nested(a), crate::check::symbol(*op), nested(b))
        }
        ExprKind::Unary(UnaryOp::Neg, a) => format!("-{}", nested(a)),
        ExprKind::Unary(UnaryOp::Not, a) => format!("not {}", nested(a)),
        ExprKind::Prim(name, args) => {
            let name = if name == "select" { "where" } else { name };
            let rest: Vec<String> = match name {
                "vocab" | "quantiles" | "zscore" | "minmax" => fitted_arguments(name, args),
                _ => args[1..].iter().map(text).collect(),
            };
            let call = if rest.is_empty() {
                name.to_owned()
            } else {
                format!("{name}({})", rest.join(", "))
            };
            format!("{} |> {call}", nested(&args[0]))
        }
        ExprKind::Statistic(of) => statistics::text_of(of),
        ExprKind::Label(_, _, value) => text(value),
        _ => String::new(),
    }
}

/// The arguments of a fitted function that differ from its defaults. Replacement belongs to the feed, not to the ids.
fn fitted_arguments(name: &str, args: &[Expr]) -> Vec<String> {
    let named: &[(usize, &str, i64)] = match name {
        "vocab" => &[(1, "min_count", 1), (2, "oov", 1), (3, "top", 0)],
        "quantiles" => &[(1, "n", 0)],
        _ => &[],
    };
    let numbers =
        named
            .iter()
            .filter_map(|(at, label, default)| match args.get(*at)?.ty.value()? {
                Value::Int(n) if n != default => Some(format!("{label}: {n}")),
                _ => None,
            });
    let over = args.iter().filter_map(|arg| match arg.ty.value()? {
        Value::Word(word) if word != "training" => Some(format!("over: {word}")),
        _ => None,
    });
    numbers.chain(over).collect()
}

fn nested(e: &Expr) -> String {
    match &plain(e).kind {
        ExprKind::Binary(..) => format!("({})", text(e)),
        ExprKind::Label(_, _, value) => nested(value),
        _ => text(e),
    }
}
