//! Row programs as text in Cranelift's language.

use std::fmt::{self, Write};

use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::ir::{Block, Function, Inst, Value};
use cranelift_codegen::isa::CallConv;
use cranelift_codegen::write::{FuncWriter, PlainWriter, decorate_function};
use cranelift_frontend::FunctionBuilderContext;
use reckon_compiler::plan::print::instruction;
use reckon_compiler::plan::row::{Kernel, RowOp};
use reckon_grammar::span::Span;

use super::island::function;
use super::steps::{Space, Step, steps};
use super::words::words;
use super::{Leaf, Read, Shape};
use crate::jit::Machine;

/// The loops of a row program as Cranelift is given them, before it optimises, each instruction of the program above its
/// code with the line of the spec that asks for it. `borders` gives how many borders a fit has, `line` the text of the
/// line of a place.
///
/// The text is that for columns whose nulls are those of their declared types and for references of which any may be
/// absent, in the calling convention of System V; nothing in it depends on the machine.
pub fn clif(
    kernel: &Kernel,
    borders: impl Fn(usize) -> usize,
    line: impl Fn(Span) -> String,
) -> String {
    let shape = declared(kernel, borders);
    let notes: Vec<String> = kernel
        .code
        .iter()
        .enumerate()
        .map(|(at, inst)| {
            let place = inst.span.map(|span| format!("  // {}", line(span)));
            format!(
                "%{at}: {} = {}{}",
                inst.ty,
                instruction(inst),
                place.unwrap_or_default()
            )
        })
        .collect();
    let mut text = format!("// source {}\n", kernel.source);
    let mut context = FunctionBuilderContext::new();
    let mut islands = 0;
    for step in steps(kernel, &shape) {
        match step {
            Step::Columns(at) => text += &format!("\n// over columns: {}\n", notes[at]),
            Step::Parts(parts) => {
                let code: Vec<&str> = parts.code().map(|at| notes[at].as_str()).collect();
                text += &format!("\n// over the parts of texts: {}\n", code.join("\n// "));
            }
            Step::Island(island) => {
                let over = match island.space {
                    Space::Rows => "rows".to_owned(),
                    Space::Elements(list) => format!("the elements of %{list}"),
                };
                let table = words(kernel, &island).into_iter().enumerate();
                let table = table.map(|(at, word)| format!("{}: {word}", 8 * at));
                let table: Vec<String> = table.collect();
                text += &format!("\n// a loop over {over}; its table: {}\n", table.join(", "));
                let number = Machine::number(islands);
                let made = function(
                    (kernel, &shape, &island),
                    number,
                    CallConv::SystemV,
                    &mut context,
                );
                islands += 1;
                // Writing to a string cannot fail.
                let _ = decorate_function(
                    &mut Beside {
                        notes: &notes,
                        last: 0,
                    },
                    &mut text,
                    &made,
                );
            }
        }
    }
    text
}

/// The shape that the types of a kernel allow.
fn declared(kernel: &Kernel, borders: impl Fn(usize) -> usize) -> Shape {
    let leaf = |inst: &reckon_compiler::plan::row::Inst| match inst.op {
        RowOp::Column(_) => Some(Leaf {
            nulls: inst.ty.nullable,
            read: Read::Direct,
        }),
        RowOp::Through(..) => Some(Leaf {
            nulls: inst.ty.nullable,
            read: Read::GatheredOrAbsent,
        }),
        _ => None,
    };
    let count = |inst: &reckon_compiler::plan::row::Inst| match inst.op {
        RowOp::Quantile(fit) => borders(fit),
        _ => 0,
    };
    Shape {
        leaves: kernel.code.iter().map(leaf).collect(),
        borders: kernel.code.iter().map(count).collect(),
    }
}

/// Writes a note where the code of another instruction of the program begins.
struct Beside<'a> {
    notes: &'a [String],
    /// The location of the code before.
    last: u32,
}

impl FuncWriter for Beside<'_> {
    fn write_block_header(
        &mut self,
        w: &mut dyn Write,
        func: &Function,
        block: Block,
        indent: usize,
    ) -> fmt::Result {
        PlainWriter.write_block_header(w, func, block, indent)
    }

    fn write_instruction(
        &mut self,
        w: &mut dyn Write,
        func: &Function,
        aliases: &SecondaryMap<Value, Vec<Value>>,
        inst: Inst,
        indent: usize,
    ) -> fmt::Result {
        let location = func.srcloc(inst);
        if !location.is_default() && location.bits() != self.last {
            self.last = location.bits();
            if let Some(note) = self.notes.get(location.bits() as usize - 1) {
                writeln!(w, "{:indent$}; {note}", "")?;
            }
        }
        PlainWriter.write_instruction(w, func, aliases, inst, indent)
    }
}
