//! A row program ready to run, by machine code or by the interpreter.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use reckon_compiler::plan::row::Kernel;

use crate::column::Column;
use crate::compile::Shape;
use crate::execute::{Code, shape};
use crate::fitted::Fitted;
use crate::interpret::{Inputs, KernelError, interpret};
use crate::once::{Cut, Leaves, leaves};
use crate::ops::Searches;

/// Fewer rows than this are interpreted: compiling would take longer.
const WORTH_COMPILING: usize = 2048;

/// A row program with the code that has been made of it. Code is made when it is first run over many rows, once for each
/// shape of the inputs, and shared by clones.
#[derive(Clone)]
pub struct RowProgram {
    kernel: Kernel,
    made: Arc<Mutex<BTreeMap<Shape, Option<Arc<Code>>>>>,
    cuts: Arc<Mutex<BTreeMap<Leaves, Option<Arc<Cut>>>>>,
    searches: Arc<Searches>,
}

/// How a row program is run. Both give the same bits, but for the payload of a NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// Instruction by instruction, over whole columns.
    Interpreter,
    /// By machine code, where the machine and the inputs allow it.
    MachineCode,
}

impl RowProgram {
    /// A program that nothing has been compiled of.
    pub fn new(kernel: Kernel) -> Self {
        Self {
            kernel,
            made: Arc::default(),
            cuts: Arc::default(),
            searches: Arc::default(),
        }
    }

    /// Its instructions.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Runs the program over all rows; `fitted` holds the fits that it reads, by their index in the plan. A few rows are
    /// interpreted.
    ///
    /// # Errors
    /// The first instruction that cannot run.
    pub fn run(
        &self,
        inputs: &Inputs<'_>,
        fitted: &[Fitted],
    ) -> Result<Vec<(String, Column)>, KernelError> {
        let means = match inputs.rows < WORTH_COMPILING {
            true => Means::Interpreter,
            false => Means::MachineCode,
        };
        self.run_by(means, inputs, fitted)
    }

    /// Runs the program as it is told to.
    ///
    /// # Errors
    /// The first instruction that cannot run.
    pub fn run_by(
        &self,
        means: Means,
        inputs: &Inputs<'_>,
        fitted: &[Fitted],
    ) -> Result<Vec<(String, Column)>, KernelError> {
        match means {
            Means::Interpreter => interpret(&self.kernel, inputs, fitted, &self.searches),
            Means::MachineCode => match self.cut(inputs) {
                Some(cut) => cut.run(inputs, fitted),
                None => self.run_uncut(inputs, fitted),
            },
        }
    }

    /// Runs all instructions over all rows, by machine code where there is any.
    pub(crate) fn run_uncut(
        &self,
        inputs: &Inputs<'_>,
        fitted: &[Fitted],
    ) -> Result<Vec<(String, Column)>, KernelError> {
        match self.code(inputs, fitted) {
            Some(code) => code.run(&self.kernel, inputs, (fitted, &self.searches)),
            None => interpret(&self.kernel, inputs, fitted, &self.searches),
        }
    }

    /// The number of loops of machine code that a run over such inputs goes through; 0 where all is interpreted.
    pub fn loops(&self, inputs: &Inputs<'_>, fitted: &[Fitted]) -> usize {
        self.code(inputs, fitted).map_or(0, |code| code.loops())
    }

    /// The parts for inputs in which this recurs.
    fn cut(&self, inputs: &Inputs<'_>) -> Option<Arc<Cut>> {
        let leaves = leaves(&self.kernel, inputs)?;
        let mut cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = cuts
            .entry(leaves)
            .or_insert_with_key(|leaves| Cut::new(&self.kernel, leaves).map(Arc::new));
        cut.clone()
    }

    /// The code for inputs of this shape; `None` where there is none, or where the inputs are not what the program says,
    /// of which the interpreter tells.
    fn code(&self, inputs: &Inputs<'_>, fitted: &[Fitted]) -> Option<Arc<Code>> {
        let shape = shape(&self.kernel, inputs, fitted)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let code = made
            .entry(shape)
            .or_insert_with_key(|shape| Code::new(&self.kernel, shape).map(Arc::new));
        code.clone()
    }
}

impl PartialEq for RowProgram {
    fn eq(&self, other: &Self) -> bool {
        self.kernel == other.kernel
    }
}

impl fmt::Debug for RowProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RowProgram").field(&self.kernel).finish()
    }
}
