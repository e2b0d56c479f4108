//! A run that says what each op took.

use std::ffi::c_void;
use std::time::{Duration, Instant};

use reckon_compiler::graph::{NodeId, Op};
use tch::Tensor;

use crate::error::Error;
use crate::feeds::Feeds;
use crate::outputs::Outputs;
use crate::program::{Extent, Instruction, Moment, Program, RunKey};
use crate::store::Store;

/// What one op took in a run of its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeTime {
    /// The op's node; the last one of ops that run as one.
    pub node: NodeId,
    /// When it began, counted from the beginning of the run.
    pub began: Duration,
    /// How long it took, with the release of what nothing reads after it. On CUDA this is the time to launch it.
    pub time: Duration,
    /// Bytes of memory that hold its result; 0 where that is the memory of an operand or of a parameter.
    pub bytes: usize,
}

impl Program {
    /// Runs as [`Program::run`] does, and says what each op took, in the order in which they ran.
    ///
    /// # Errors
    /// Those of [`Program::run`].
    pub fn profile(
        &self,
        store: &mut Store,
        feeds: &Feeds<'_>,
        key: &RunKey,
    ) -> Result<(Outputs, Vec<NodeTime>), Error> {
        let _guard = tch::no_grad_guard();
        let mut timer = Timer {
            began: Instant::now(),
            times: Vec::with_capacity(self.instructions.len()),
            memory: vec![std::ptr::null_mut(); self.slots],
        };
        let outputs = self.execute(
            store,
            feeds,
            key,
            Extent::Tiles,
            &mut |instruction, moment| {
                match moment {
                    Moment::Before => timer.before(instruction),
                    Moment::After(result) => timer.after(instruction, result),
                }
                Ok(())
            },
        )?;
        Ok((outputs, timer.times))
    }
}

struct Timer {
    began: Instant,
    times: Vec<NodeTime>,
    /// Where the result of each slot lies.
    memory: Vec<*mut c_void>,
}

impl Timer {
    /// An op lasts until the next one begins.
    fn before(&mut self, instruction: &Instruction) {
        let now = self.began.elapsed();
        if let Some(last) = self.times.last_mut() {
            last.time = now - last.began;
        }
        self.times.push(NodeTime {
            node: instruction.node,
            began: now,
            time: Duration::ZERO,
            bytes: 0,
        });
    }

    fn after(&mut self, instruction: &Instruction, result: &Tensor) {
        let place = result.data_ptr();
        self.memory[instruction.result] = place;
        let stored = matches!(instruction.op, Op::Param(_) | Op::Table(_));
        let mut operands = instruction.operands.iter();
        let shared = stored || operands.any(|slot| self.memory[*slot] == place);
        let bytes = result.numel() * result.kind().elt_size_in_bytes();
        if let Some(last) = self.times.last_mut() {
            last.time = self.began.elapsed() - last.began;
            last.bytes = if shared { 0 } else { bytes };
        }
    }
}
