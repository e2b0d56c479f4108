//! Row programs over sources: what they read, and what they give for each row and for an absent thing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use reckon_compiler::plan::row::{Inst, Kernel, RowOp};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Span;
use reckon_kernel::{Column, Fitted, Inputs, RowProgram, Through};

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
