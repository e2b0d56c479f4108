//! Columns that a run computes and keeps beside those of the files, and what has to wait for them.

use std::collections::BTreeSet;

use reckon_grammar::span::Span;

use super::row::{Kernel, RowKind, RowOp};
use super::{Domain, PickPlan, Plan, Program, StreamPlan, WindowPlan};

/// A column that a run computes once, keeps in its checkpoint, and reads like one of a file.
#[derive(Clone, Debug)]
pub struct StoredPlan {
    /// Its name.
    pub name: String,
    /// The source whose rows it belongs to.
    pub source: String,
    /// Which rows a day takes, in a loop; others are null.
    pub window: Option<WindowPlan>,
    /// A boolean output of the source's kernel that rows must satisfy; others are null.
    pub condition: Option<String>,
    /// What narrows rows after that, in order.
    pub picks: Vec<PickPlan>,
    /// Whether rows of evaluation have a value too.
    pub reach: Reach,
    /// The kind of its values.
    pub kind: RowKind,
    /// Where values come from.
    pub value: StoredValue,
    /// How training rows get values of towers that have not seen them, and the trainings (indexes into [`Plan::phases`])
    /// that are run anew for each fold.
    pub cross_fit: Option<(CrossFit, Vec<usize>)>,
    /// How many trainings end before it is computed; `None` where a loop computes it anew each day.
    pub after: Option<usize>,
    /// The declaration.
    pub span: Span,
}

/// Which rows have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Training rows.
    Training,
    /// Rows of all parts of the split.
    AllSplits,
}

/// Where the values of a stored column come from.
#[derive(Clone, Debug)]
pub enum StoredValue {
    /// The output `value` of a tensor program.
    Tower(Box<Program>),
    /// An output of the source's kernel.
    Row(String),
}

/// `cross_fit 5 by user`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrossFit {
    /// The number of folds.
    pub folds: usize,
    /// Rows that are equal in this are in one fold.
    pub by: FoldBy,
}

/// What keeps rows in one fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoldBy {
    /// Nothing: each row is drawn by itself.
    Row,
    /// The row of an entity that they refer to.
    Reference(String),
    /// The value of a column.
    Column(String),
}

impl StoredPlan {
    /// Its rows as a stream has them.
    pub fn rows(&self) -> StreamPlan {
        let mut rows = StreamPlan {
            source: self.source.clone(),
            window: self.window,
            condition: self.condition.clone(),
            picks: self.picks.clone(),
            ..StreamPlan::default()
        };
        rows.name = rows.describe();
        rows
    }

    /// The name of the column that holds the fold of each row, where there are folds.
    pub fn fold_column(name: &str) -> String {
        format!("{name}.fold")
    }
}

/// A column by source and name.
pub type ColumnRef = (String, String);

impl Plan {
    /// The stored columns that are read for an output of a source's kernel, through fits too. An unknown output reads
    /// nothing.
    pub fn stored_behind(&self, source: &str, output: &str) -> BTreeSet<ColumnRef> {
        let kernel = self.kernels.iter().find(|kernel| kernel.source == source);
        let Some(kernel) = kernel.filter(|_| !self.columns.is_empty()) else {
            return BTreeSet::new();
        };
        let outputs = kernel.outputs.iter();
        let at = outputs
            .filter(|(name, _)| name == output)
            .map(|(_, at)| *at);
        read(kernel, at, &self.fits, &self.columns)
    }

    /// The stored columns that a fit reads, through other fits too.
    pub fn stored_behind_fit(&self, fit: usize) -> BTreeSet<ColumnRef> {
        read_by_fit(fit, &self.fits, &self.columns)
    }
}

fn read_by_fit(fit: usize, fits: &[super::FitPlan], columns: &[StoredPlan]) -> BTreeSet<ColumnRef> {
    fits.get(fit).map_or_else(BTreeSet::new, |plan| {
        let of = |kernel: &Kernel| {
            let outputs = kernel.outputs.iter().map(|(_, at)| *at);
            // A fit reads only fits before it.
            read(kernel, outputs, &fits[..fit], columns)
        };
        let mut found = of(&plan.kernel);
        if let Domain::Loss { rows, .. } = &plan.domain {
            found.extend(of(&rows.kernel));
        }
        found
    })
}

/// The stored columns behind some instructions of a kernel.
fn read(
    kernel: &Kernel,
    from: impl Iterator<Item = usize>,
    fits: &[super::FitPlan],
    columns: &[StoredPlan],
) -> BTreeSet<ColumnRef> {
    let mut found = BTreeSet::new();
    let (mut open, mut seen): (Vec<usize>, BTreeSet<usize>) = (from.collect(), BTreeSet::new());
    let mut stored = |source: &str, name: &str| {
        let is_it = |column: &&StoredPlan| {
            column.source == source
                && (column.name == name || StoredPlan::fold_column(&column.name) == name)
        };
        if let Some(column) = columns.iter().find(is_it) {
            found.insert((column.source.clone(), column.name.clone()));
        }
    };
    let mut behind_fits = BTreeSet::new();
    while let Some(at) = open.pop() {
        let Some(inst) = kernel.code.get(at).filter(|_| seen.insert(at)) else {
            continue;
        };
        open.extend(&inst.args);
        match &inst.op {
            RowOp::Column(name) => stored(&kernel.source, name),
            RowOp::Through(target, name) => stored(target, name),
            op => {
                if let Some(fit) = op.fit() {
                    behind_fits.extend(read_by_fit(fit, fits, columns));
                }
            }
        }
    }
    found.extend(behind_fits);
    found
}

impl RowOp {
    /// The fit that it reads, by index into the plan's fits.
    pub fn fit(&self) -> Option<usize> {
        match self {
            Self::Vocab(fit)
            | Self::Quantile(fit)
            | Self::ZScore(fit)
            | Self::MinMax(fit)
            | Self::OfGroup(fit, _) => Some(*fit),
            _ => None,
        }
    }
}
