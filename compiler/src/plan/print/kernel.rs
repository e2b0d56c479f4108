//! Row programs as text: one instruction a line with its type.

use super::Text;
use crate::plan::row::{Bag, Inst, Kernel, RowOp, Statistic};

/// The instructions, then the results.
pub(super) fn kernel(text: &mut Text, kernel: &Kernel) {
    let lines: Vec<(String, String)> = kernel
        .code
        .iter()
        .enumerate()
        .map(|(at, inst)| (format!("%{at}: {}", inst.ty), instruction(inst)))
        .collect();
    let width = lines.iter().map(|(left, _)| left.len()).max().unwrap_or(0);
    for (left, right) in lines {
        text.line(format!("{left:width$} = {right}"));
    }
    let results: Vec<String> = kernel
        .outputs
        .iter()
        .map(|(name, at)| format!("{name} = %{at}"))
        .collect();
    for result in results {
        text.line(format!("return {result}"));
    }
}

/// An instruction without its result: `each buckets %3 [1, 5]`.
pub fn instruction(inst: &Inst) -> String {
    let (name, attributes) = written(&inst.op);
    let mut text = if inst.mapped {
        format!("each {name}")
    } else {
        name.to_owned()
    };
    for word in inst
        .args
        .iter()
        .map(|arg| format!("%{arg}"))
        .chain(attributes)
    {
        text.push(' ');
        text.push_str(&word);
    }
    text
}

/// The name of an op and what belongs to it.
fn written(op: &RowOp) -> (&'static str, Vec<String>) {
    match op {
        RowOp::Column(name) => ("column", vec![name.clone()]),
        RowOp::Through(entity, name) => ("column", vec![format!("{entity}.{name}")]),
        RowOp::Const(value) => ("const", vec![value.to_string()]),
        RowOp::Buckets(borders) => {
            let borders: Vec<String> = borders.iter().map(f64::to_string).collect();
            ("buckets", vec![format!("[{}]", borders.join(", "))])
        }
        RowOp::Hash { n, seed } => ("hash", vec![slots(*n, *seed)]),
        RowOp::Cross { n, seed } => ("cross", vec![slots(*n, *seed)]),
        RowOp::Vocab(fit) => ("vocab", vec![format!("{{fit: {fit}}}")]),
        RowOp::Quantile(fit) => ("quantile", vec![format!("{{fit: {fit}}}")]),
        RowOp::ZScore(fit) => ("zscore", vec![format!("{{fit: {fit}}}")]),
        RowOp::MinMax(fit) => ("minmax", vec![format!("{{fit: {fit}}}")]),
        RowOp::OfGroup(fit, statistic) => {
            let share = match statistic {
                Statistic::Quantile(share) => format!(", at: {share}"),
                _ => String::new(),
            };
            let name = statistic.name();
            ("of_group", vec![format!("{{fit: {fit}, {name}{share}}}")])
        }
        RowOp::Split(separator) => ("split", vec![format!("{separator:?}")]),
        RowOp::Capture(pattern) => ("capture", vec![format!("{pattern:?}")]),
        RowOp::Ngrams(n) => ("ngrams", vec![n.to_string()]),
        RowOp::Take(n) => ("take", vec![n.to_string()]),
        RowOp::BagKeys(of) => ("bag_keys", bag(*of)),
        RowOp::BagWeights(of) => ("bag_weights", bag(*of)),
        RowOp::Lookup(of) => ("lookup", bag(*of)),
        RowOp::Pad(n) => ("pad", vec![n.to_string()]),
        _ => (plain(op), Vec::new()),
    }
}

/// The characters between parts and inside of them.
fn bag(of: Bag) -> Vec<String> {
    let written = |byte: u8| format!("{:?}", char::from(byte).to_string());
    vec![written(of.separator), written(of.pair)]
}

fn slots(n: u64, seed: u64) -> String {
    format!("{{slots: {n}, seed: {seed}}}")
}

/// The names of ops that have operands only.
#[expect(clippy::too_many_lines, reason = "a table, one line an op")]
fn plain(op: &RowOp) -> &'static str {
    match op {
        RowOp::Add => "add",
        RowOp::Sub => "sub",
        RowOp::Mul => "mul",
        RowOp::Div => "div",
        RowOp::Pow => "pow",
        RowOp::Neg => "neg",
        RowOp::Abs => "abs",
        RowOp::Log => "log",
        RowOp::Log1p => "log1p",
        RowOp::Exp => "exp",
        RowOp::Sqrt => "sqrt",
        RowOp::Floor => "floor",
        RowOp::Min => "min",
        RowOp::Max => "max",
        RowOp::Clip => "clip",
        RowOp::ToFloat => "to_float",
        RowOp::ToInt => "to_int",
        RowOp::ToStr => "to_str",
        RowOp::Eq => "eq",
        RowOp::Ne => "ne",
        RowOp::Lt => "lt",
        RowOp::Le => "le",
        RowOp::Gt => "gt",
        RowOp::Ge => "ge",
        RowOp::And => "and",
        RowOp::Or => "or",
        RowOp::Not => "not",
        RowOp::IsNull => "is_null",
        RowOp::Label => "label",
        RowOp::Fill => "fill",
        RowOp::Where => "where",
        RowOp::Lower => "lower",
        RowOp::Trim => "trim",
        RowOp::Tokens => "tokens",
        RowOp::Length => "length",
        RowOp::Number => "number",
        RowOp::First => "first",
        RowOp::Last => "last",
        RowOp::Distinct => "distinct",
        RowOp::Count => "count",
        RowOp::ListSum => "list_sum",
        RowOp::ListMean => "list_mean",
        RowOp::ListMax => "list_max",
        RowOp::ListMin => "list_min",
        RowOp::Contains => "contains",
        RowOp::Hour => "hour",
        RowOp::Weekday => "weekday",
        RowOp::Day => "day",
        RowOp::Column(_)
        | RowOp::Through(..)
        | RowOp::Const(_)
        | RowOp::Buckets(_)
        | RowOp::Hash { .. }
        | RowOp::Cross { .. }
        | RowOp::Vocab(_)
        | RowOp::Quantile(_)
        | RowOp::ZScore(_)
        | RowOp::MinMax(_)
        | RowOp::OfGroup(..)
        | RowOp::Split(_)
        | RowOp::Capture(_)
        | RowOp::Ngrams(_)
        | RowOp::BagKeys(_)
        | RowOp::BagWeights(_)
        | RowOp::Lookup(_)
        | RowOp::Pad(_)
        | RowOp::Take(_) => unreachable!("ops with attributes are written above"),
    }
}
