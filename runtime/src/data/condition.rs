//! Which rows of its files a source has, as `events log from "log.parquet" where tab == 4` says: asked of rows once they are read, and of
//! the bounds of row groups before.

use std::borrow::Cow;

use reckon_compiler::plan::SourcePlan;
use reckon_compiler::plan::row::RowOp;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Span;
use reckon_kernel::{Column, Data, Inputs, RowProgram};
use serde::Serialize;

use super::bounds::{self, Bounds};
use super::program::failed;

/// The condition of a source.
pub(crate) struct Condition {
    program: RowProgram,
    span: Span,
}

/// Rows that the condition of a source has left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// How many.
    pub rows: usize,
    /// The row groups of parquet files among them whose bounds in the footer said so, and which were not read.
    pub row_groups: usize,
}

impl LeftOut {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Condition {
    /// That of a source, where it has one.
    pub(crate) fn of(plan: &SourcePlan) -> Option<Self> {
        let kernel = plan.condition.clone()?;
        let place = kernel.code.last().and_then(|inst| inst.span);
        Some(Self {
            program: RowProgram::new(kernel),
            span: place.unwrap_or(plan.span),
        })
    }

    /// Where it is written.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    /// The columns that it reads.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        let code = self.program.kernel().code.iter();
        code.filter_map(|inst| match &inst.op {
            RowOp::Column(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether it reads a column.
    pub(crate) fn reads(&self, column: &str) -> bool {
        self.columns().any(|name| name == column)
    }

    /// The rows that pass, of so many with these columns. One of which the condition is null does not.
    pub(crate) fn passing(
        &self,
        columns: &[(String, Column)],
        rows: usize,
    ) -> Result<Vec<u32>, Diagnostic> {
        let columns = columns.iter().filter(|(name, _)| self.reads(name));
        let inputs = Inputs {
            rows,
            columns: columns
                .map(|(name, column)| (name.as_str(), Cow::Borrowed(column)))
                .collect(),
            ..Inputs::default()
        };
        let outputs = self.program.run(&inputs, &[]);
        let outputs = outputs.map_err(|error| failed(&error, self.span))?;
        let Some((_, holds)) = outputs.into_iter().next() else {
            return Ok(Vec::new());
        };
        let Data::Bool(truth) = &holds.data else {
            return Ok(Vec::new());
        };
        let passes = |row: &u32| truth[*row as usize] && !holds.is_null(*row as usize);
        Ok((0..rows as u32).filter(passes).collect())
    }

    /// Whether a row may pass, as far as the bounds of columns tell.
    pub(crate) fn may_pass(&self, of: impl Fn(&str) -> Bounds) -> bool {
        bounds::may_hold(self.program.kernel(), of)
    }
}
