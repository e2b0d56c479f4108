//! Row programs over sources: what they read, and what they give for each row and for an absent thing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use reckon_compiler::plan::row::{Inst, Kernel, RowKind, RowOp};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Span;
use reckon_kernel::{Column, Data, Fitted, Inputs, RowProgram, Through};

use super::fault::{KERNEL, PLAN};
use super::source::Source;

/// The source of this name.
pub(crate) fn source_named<'a>(sources: &'a [Source], name: &str) -> Option<&'a Source> {
    sources.iter().find(|source| source.name == name)
}

/// Runs a row program over all rows of its source.
pub(crate) fn run_over_rows(
    program: &RowProgram,
    sources: &[Source],
    fitted: &[Fitted],
    span: Span,
) -> Result<Vec<(String, Column)>, Diagnostic> {
    let kernel = program.kernel();
    let Some(source) = source_named(sources, &kernel.source) else {
        let message = format!(
            "internal: a row program reads `{}`, which is no source",
            kernel.source
        );
        return Err(Diagnostic::error(PLAN, span, message));
    };
    let inputs = inputs(kernel, source, sources);
    program
        .run(&inputs, fitted)
        .map_err(|error| failed(&error, span))
}

/// The first output of a row program over the rows of its source, computed for some rows at a time.
pub(crate) struct InChunks<'a> {
    program: &'a RowProgram,
    inputs: Inputs<'a>,
    fitted: &'a [Fitted],
    span: Span,
    kind: Data,
}

impl<'a> InChunks<'a> {
    /// Of a program that makes numbers of numbers, columns that it reads included. What reads texts and lists is computed over all rows at
    /// once, where each distinct one is seen, so of such programs there is none.
    pub(crate) fn new(
        program: &'a RowProgram,
        sources: &'a [Source],
        (fitted, span): (&'a [Fitted], Span),
    ) -> Option<Self> {
        let kernel = program.kernel();
        let is_number = |inst: &Inst| !matches!(inst.ty.kind, RowKind::Str | RowKind::List(_));
        let (_, first) = kernel.outputs.first()?;
        let kind = Data::empty(&kernel.code.get(*first)?.ty.kind);
        let source = source_named(sources, &kernel.source)?;
        kernel.code.iter().all(is_number).then(|| Self {
            program,
            inputs: inputs(kernel, source, sources),
            fitted,
            span,
            kind,
        })
    }

    /// The number of all rows.
    pub(crate) fn rows(&self) -> usize {
        self.inputs.rows
    }

    /// No values of the kind that it gives.
    pub(crate) fn kind(&self) -> &Data {
        &self.kind
    }

    /// Its values at some rows.
    pub(crate) fn run(&self, rows: Range<usize>) -> Result<Column, Diagnostic> {
        let through = self.inputs.through.iter();
        let inputs = Inputs {
            rows: rows.len(),
            columns: self
                .inputs
                .columns
                .iter()
                .map(|(name, column)| (*name, Cow::Owned(some_rows(column, &rows))))
                .collect(),
            through: through
                .map(|(name, through)| (*name, some_rows_through(through, &rows)))
                .collect(),
            drawn: None,
        };
        let outputs = self.program.run(&inputs, self.fitted);
        let outputs = outputs.map_err(|error| failed(&error, self.span))?;
        let first = outputs.into_iter().next();
        Ok(first.map_or_else(|| Column::new(self.kind.clone()), |(_, column)| column))
    }
}

fn some_rows_through<'a>(through: &Through<'a>, some: &Range<usize>) -> Through<'a> {
    match through {
        Through::Taken(column) => Through::Taken(Cow::Owned(some_rows(column, some))),
        Through::At { column, rows } => Through::At {
            column,
            rows: &rows[some.clone()],
        },
    }
}

fn some_rows(column: &Column, rows: &Range<usize>) -> Column {
    let valid = column.valid.as_ref().map(|valid| &valid[rows.clone()]);
    let data = match &column.data {
        Data::Int(values) => Data::Int(values[rows.clone()].to_vec()),
        Data::Float(values) => Data::Float(values[rows.clone()].to_vec()),
        Data::Bool(values) => Data::Bool(values[rows.clone()].to_vec()),
        Data::Str(_) | Data::List(_) => {
            let rows: Vec<u32> = rows.clone().map(|row| row as u32).collect();
            return column.take(&rows);
        }
    };
    Column {
        data,
        valid: valid
            .filter(|valid| valid.contains(&false))
            .map(<[bool]>::to_vec),
    }
}

/// Runs the program of a source over all rows, and once more over an absent thing. Nulls of the results read as their
/// default.
pub(crate) fn outputs(
    program: &RowProgram,
    sources: &[Source],
    fitted: &[Fitted],
    span: Span,
) -> Result<BTreeMap<String, Column>, Diagnostic> {
    let mut outputs: BTreeMap<String, Column> = run_over_rows(program, sources, fitted, span)?
        .into_iter()
        .collect();
    let nothing = absent(program.kernel(), 1);
    let of_nothing = program.run(&nothing, fitted);
    for (name, absent) in of_nothing.map_err(|error| failed(&error, span))? {
        let same_kind = outputs
            .get_mut(&name)
            .is_some_and(|column| column.extend(&absent));
        if !same_kind {
            let message = format!("internal: output `{name}` has no fixed kind");
            return Err(Diagnostic::error(PLAN, span, message));
        }
    }
    Ok(outputs)
}

/// Whether an output of a row program reads a column of a source.
pub(crate) fn reads(kernel: &Kernel, output: &str, source: &str, column: &str) -> bool {
    needs(kernel, output, |op| match op {
        RowOp::Column(name) => kernel.source == source && name == column,
        RowOp::Through(target, name) => target == source && name == column,
        _ => false,
    })
}

/// Whether an instruction like this stands behind an output of a row program.
pub(crate) fn needs(kernel: &Kernel, output: &str, wanted: impl Fn(&RowOp) -> bool) -> bool {
    behind(kernel, output).into_iter().any(wanted)
}

/// The instructions behind an output of a row program.
pub(crate) fn behind<'k>(kernel: &'k Kernel, output: &str) -> Vec<&'k RowOp> {
    let outputs = kernel.outputs.iter();
    let mut open: Vec<usize> = outputs
        .filter(|(name, _)| name == output)
        .map(|(_, at)| *at)
        .collect();
    let mut seen = vec![false; kernel.code.len()];
    let mut found = Vec::new();
    while let Some(at) = open.pop() {
        if std::mem::replace(&mut seen[at], true) {
            continue;
        }
        let inst = &kernel.code[at];
        found.push(&inst.op);
        open.extend(&inst.args);
    }
    found
}

/// What a row program reads at `rows` things of which nothing is known: every column is null.
pub(crate) fn absent(kernel: &Kernel, rows: usize) -> Inputs<'_> {
    let nulls = |inst: &Inst| Cow::Owned(Column::nulls(&inst.ty.kind, rows));
    let mut inputs = Inputs {
        rows,
        ..Inputs::default()
    };
    for inst in &kernel.code {
        match &inst.op {
            RowOp::Column(name) => drop(inputs.columns.insert(name, nulls(inst))),
            RowOp::Through(target, name) => {
                let nulls = Through::Taken(nulls(inst));
                drop(inputs.through.insert((target, name), nulls));
            }
            _ => {}
        }
    }
    inputs
}

/// The columns of an entity at given rows, null where a row is absent.
pub(crate) fn through<'a>(
    sources: &'a [Source],
    target: &str,
    name: &str,
    rows: &'a [u32],
) -> Option<Through<'a>> {
    let column = source_named(sources, target)?.columns.get(name)?;
    Some(Through::At { column, rows })
}

fn inputs<'a>(kernel: &'a Kernel, source: &'a Source, sources: &'a [Source]) -> Inputs<'a> {
    let mut inputs = Inputs {
        rows: source.rows,
        ..Inputs::default()
    };
    for inst in &kernel.code {
        match &inst.op {
            RowOp::Column(name) => {
                if let Some(column) = source.columns.get(name) {
                    inputs.columns.insert(name, Cow::Borrowed(column));
                }
            }
            RowOp::Through(target, name)
                if !inputs
                    .through
                    .contains_key(&(target.as_str(), name.as_str())) =>
            {
                let rows = source.reads(target);
                if let Some(column) = rows.and_then(|rows| through(sources, target, name, rows)) {
                    inputs.through.insert((target, name), column);
                }
            }
            _ => {}
        }
    }
    inputs
}

pub(crate) fn failed(error: &reckon_kernel::KernelError, span: Span) -> Diagnostic {
    Diagnostic::error(KERNEL, error.span.unwrap_or(span), error.message.clone())
}
