//! A kernel while it grows. Equal instructions are shared, and found however many there are.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::row::{Inst, Kernel, RowOp};

/// A kernel to which instructions and outputs are added.
#[derive(Clone, Debug)]
pub(super) struct Growing {
    kernel: Kernel,
    /// Instructions by their first operand, and by the column that they read.
    alike: BTreeMap<(Option<usize>, String), Vec<usize>>,
    outputs: BTreeSet<String>,
}

impl Growing {
    pub(super) fn new(source: &str) -> Self {
        Self {
            kernel: Kernel {
                source: source.to_owned(),
                code: Vec::new(),
                outputs: Vec::new(),
            },
            alike: BTreeMap::new(),
            outputs: BTreeSet::new(),
        }
    }

    pub(super) fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    pub(super) fn finish(self) -> Kernel {
        self.kernel
    }

    pub(super) fn has_output(&self, name: &str) -> bool {
        self.outputs.contains(name)
    }

    pub(super) fn output(&mut self, name: String, value: usize) {
        self.outputs.insert(name.clone());
        self.kernel.outputs.push((name, value));
    }

    /// The place of an instruction, which is added unless an equal one is there.
    pub(super) fn inst(&mut self, inst: Inst) -> usize {
        let alike = self.alike.entry(likeness(&inst)).or_default();
        let code = &mut self.kernel.code;
        let same = |at: &&usize| {
            let known = &code[**at];
            known.op == inst.op
                && known.args == inst.args
                && known.ty == inst.ty
                && known.mapped == inst.mapped
        };
        if let Some(at) = alike.iter().find(same) {
            return *at;
        }
        alike.push(code.len());
        code.push(inst);
        code.len() - 1
    }
}

/// What equal instructions have in common, and few others.
fn likeness(inst: &Inst) -> (Option<usize>, String) {
    let column = match &inst.op {
        RowOp::Column(name) | RowOp::Through(_, name) => name.clone(),
        _ => String::new(),
    };
    (inst.args.first().copied(), column)
}
