//! What is kept from step to step: embedding tables, weights, and what optimisers remember of them.

use std::collections::BTreeMap;

use reckon_grammar::span::Span;

use super::{Amount, Given, programs};
use crate::graph::{Dim, Elem, Graph, Op, Param, ParamKind, UpdateRule};
use crate::plan::{FitKind, Plan, TableRows};

/// What a model keeps.
#[derive(Clone, Debug)]
pub struct ModelCost {
    /// Embedding tables, in the order of their paths.
    pub tables: Vec<TableCost>,
    /// Bytes of dense weights and untrained states.
    pub weights: Amount,
    /// Bytes of what optimisers remember of weights.
    pub weight_states: Amount,
}

/// An embedding table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableCost {
    /// Its path.
    pub path: String,
    /// Its rows, unknown slots included.
    pub rows: Amount,
    /// Numbers of a row.
    pub width: usize,
    /// Its bytes.
    pub bytes: Amount,
    /// What its optimiser remembers, by name in the checkpoint: none, `row_sum`, `m` and `v`.
    pub moments: Vec<(&'static str, Amount)>,
    /// The expression that reads it.
    pub span: Option<Span>,
}

impl TableCost {
    /// Bytes of what its optimiser remembers.
    pub fn states(&self) -> Amount {
        self.moments.iter().map(|(_, bytes)| *bytes).sum()
    }
}

impl ModelCost {
    /// All bytes of the model, with what optimisers remember.
    pub fn bytes(&self) -> Amount {
        let tables = self.tables.iter();
        let tables: Amount = tables.map(|table| table.bytes + table.states()).sum();
        tables + self.weights + self.weight_states
    }

    /// The rows of a table.
    pub(super) fn rows(&self, path: &str) -> Amount {
        let found = self.tables.iter().find(|table| table.path == path);
        found.map_or(Amount::OPEN, |table| table.rows)
    }
}

/// What the model of a plan keeps.
pub fn model(plan: &Plan, given: &Given) -> ModelCost {
    let rules = rules(plan);
    let mut model = ModelCost {
        tables: Vec::new(),
        weights: Amount::ZERO,
        weight_states: Amount::ZERO,
    };
    for (path, (param, span)) in params(plan) {
        let rule = rules.get(path.as_str()).copied();
        match param.kind {
            ParamKind::Table => model
                .tables
                .push(table(plan, given, path, &param, rule, span)),
            ParamKind::Weight | ParamKind::State => {
                let elements: Amount = fixed(&param)
                    .into_iter()
                    .fold(Amount::exact(1), |all, size| all.times(size));
                let first = fixed(&param).first().copied().unwrap_or(1);
                model.weights = model.weights + elements.times(width(param.ty.elem));
                let states = moments(rule, elements, Amount::exact(first));
                model.weight_states =
                    model.weight_states + states.iter().map(|(_, bytes)| *bytes).sum();
            }
        }
    }
    model
}

fn table(
    plan: &Plan,
    given: &Given,
    path: String,
    param: &Param,
    rule: Option<UpdateRule>,
    span: Option<Span>,
) -> TableCost {
    let rows = rows(plan, given, &path);
    let of_a_row: u64 = fixed(param).iter().product();
    let elements = rows.times(of_a_row);
    let vocabulary = match plan.tables.get(&path) {
        Some(TableRows::Vocabulary(fit)) => plan.fits.get(*fit).map(|fit| fit.span),
        Some(TableRows::Fixed(_)) | None => None,
    };
    TableCost {
        rows,
        width: usize::try_from(of_a_row).unwrap_or(usize::MAX),
        bytes: elements.times(width(param.ty.elem)),
        moments: moments(rule, elements, rows),
        // A vocabulary says why the table is as large as it is.
        span: vocabulary.or(span),
        path,
    }
}

/// How many rows a table has: given, fixed, or bounded by its vocabulary.
fn rows(plan: &Plan, given: &Given, path: &str) -> Amount {
    if let Some(rows) = given.tables.get(path) {
        return Amount::of(*rows);
    }
    match plan.tables.get(path) {
        Some(TableRows::Fixed(rows)) => Amount::of(*rows),
        Some(TableRows::Vocabulary(fit)) => match plan.fits.get(*fit).map(|fit| &fit.kind) {
            Some(FitKind::Vocab {
                oov,
                top: Some(top),
                ..
            }) => Amount::at_most((top.saturating_add(*oov)) as u64),
            Some(FitKind::Quantiles(buckets)) => Amount::at_most(*buckets as u64),
            Some(
                FitKind::Vocab { top: None, .. }
                | FitKind::Moments
                | FitKind::Extent
                | FitKind::MutualInformation { .. }
                | FitKind::Groups { .. },
            )
            | None => Amount::OPEN,
        },
        None => Amount::OPEN,
    }
}

/// All parameters by path, each with the first expression that reads it; copies and averages that no program reads among them.
fn params(plan: &Plan) -> BTreeMap<String, (Param, Option<Span>)> {
    let mut params: BTreeMap<String, (Param, Option<Span>)> = BTreeMap::new();
    for of in programs(plan) {
        let graph = &of.program.graph;
        for (path, param) in &graph.params {
            params
                .entry(path.clone())
                .or_insert_with(|| (param.clone(), None));
        }
        for id in graph.order() {
            let Some(leaf) = graph.operands(id).first().copied() else {
                continue;
            };
            if let Op::Table(path) | Op::Param(path) = &graph.node(leaf).op
                && let Some((_, span)) = params.get_mut(path)
                && span.is_none()
            {
                *span = graph.node(id).site.call;
            }
        }
    }
    for param in plan.loads.iter().flat_map(|load| &load.params) {
        params
            .entry(param.path.clone())
            .or_insert_with(|| (param.param.clone(), None));
    }
    let kept = plan.phases.iter().flat_map(|phase| {
        let begins = phase.begins.iter().map(|copy| (&copy.from, &copy.to));
        begins.chain(
            phase
                .averages
                .iter()
                .map(|moved| (&moved.value, &moved.average)),
        )
    });
    let daily = plan.daily.iter().flat_map(|daily| &daily.begins);
    for (from, to) in kept.chain(daily.map(|copy| (&copy.from, &copy.to))) {
        if let Some(of) = params.get(from).cloned() {
            params.entry(to.clone()).or_insert(of);
        }
    }
    params
}

/// How each parameter is updated.
fn rules(plan: &Plan) -> BTreeMap<&str, UpdateRule> {
    let graphs = plan.phases.iter().map(|phase| phase.updating());
    graphs.flat_map(updates).collect()
}

fn updates(graph: &Graph) -> impl Iterator<Item = (&str, UpdateRule)> {
    graph
        .effects
        .iter()
        .filter_map(|id| match &graph.node(*id).op {
            Op::Update { path, rule } => Some((path.as_str(), *rule)),
            _ => None,
        })
}

/// What a rule remembers, by the names that checkpoints have.
fn moments(
    rule: Option<UpdateRule>,
    elements: Amount,
    rows: Amount,
) -> Vec<(&'static str, Amount)> {
    let each = elements.times(4);
    match rule {
        None | Some(UpdateRule::Sgd { momentum: 0.0 }) => Vec::new(),
        Some(UpdateRule::Sgd { .. }) => vec![("momentum", each)],
        Some(UpdateRule::Adam { .. } | UpdateRule::AdamW { .. }) => vec![("m", each), ("v", each)],
        Some(UpdateRule::Adagrad { .. }) => vec![("sum", each)],
        Some(UpdateRule::RowwiseAdagrad { .. }) => vec![("row_sum", rows.times(4))],
    }
}

fn fixed(param: &Param) -> Vec<u64> {
    let dims = param.ty.dims.iter();
    dims.filter_map(|dim| match dim {
        Dim::Fixed(size) => Some(*size as u64),
        Dim::Space(_) => None,
    })
    .collect()
}

/// Bytes of an element.
pub(super) fn width(elem: Elem) -> u64 {
    match elem {
        Elem::F32 => 4,
        Elem::I64 => 8,
        Elem::Bool => 1,
    }
}
