//! One island as one function: a loop that computes two rows or elements a round.
//!
//! The function takes a table of words, the first place and the place after the last, at least two further. The last
//! round of an odd count goes back by one place and computes it again, which gives the same.

use std::collections::{BTreeMap, BTreeSet};

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    AbiParam, ExtFuncData, ExternalName, FuncRef, Function, InstBuilder, MemFlags, Signature,
    SourceLoc, UserExternalName, UserFuncName, Value, types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use reckon_compiler::plan::row::{Inst, Kernel, RowKind, RowOp};
use reckon_compiler::value::Value as Constant;

use super::lanes::{Lanes, Typed, choose, scalar, shift, to_pair, to_vector};
use super::ops::{Call, emit};
use super::steps::{Input, Island};
use super::words::{Helper, Word, helpers, words};
use super::{Lane, Read, Shape};

/// Borders up to this number are compared with one after the other, more by halving.
pub(super) const LINEAR: usize = 8;

/// Loads and stores at addresses that the caller vouches for, of any alignment. Loads stay where they are: moved out of the
/// loop, borders and addresses would need more registers than there are.
pub(super) const FREE: MemFlags = MemFlags::new().with_notrap();

/// The steps of halving among so many borders.
pub(super) fn steps_of(count: usize) -> impl Iterator<Item = usize> {
    let all = (count + 1).next_power_of_two();
    (0..all.trailing_zeros()).rev().map(|bit| 1 << bit)
}

/// Borders, filled up with NaN, which is at most nothing, to one less than a power of two.
pub(crate) fn padded(borders: &[f64]) -> Vec<f64> {
    let mut padded = borders.to_vec();
    padded.resize((borders.len() + 1).next_power_of_two() - 1, f64::NAN);
    padded
}

/// A function under construction, at the end of the body of its loop.
pub(super) struct Loop<'a, 'f> {
    pub(super) b: FunctionBuilder<'f>,
    kernel: &'a Kernel,
    shape: &'a Shape,
    island: &'a Island,
    words: BTreeMap<Word, Value>,
    helpers: BTreeMap<Helper, FuncRef>,
    /// The place of the first of the two rows or elements.
    place: Value,
    values: BTreeMap<usize, Typed>,
}

impl Loop<'_, '_> {
    /// A word of the table, which [`words`] has listed.
    pub(super) fn word(&self, word: Word) -> Value {
        self.words[&word]
    }

    pub(super) fn int(&mut self, value: i64) -> Lanes {
        Lanes::Same(self.b.ins().iconst(types::I64, value))
    }

    pub(super) fn float(&mut self, value: f64) -> Lanes {
        Lanes::Same(self.b.ins().f64const(value))
    }

    pub(super) fn truth(&mut self, value: bool) -> Lanes {
        Lanes::Same(self.b.ins().iconst(types::I8, i64::from(value)))
    }

    /// The number of fitted borders that an instruction reads.
    pub(super) fn fitted_borders(&self, at: usize) -> usize {
        self.shape.borders[at]
    }

    /// The result of a Rust function.
    pub(super) fn call(&mut self, helper: Helper, args: &[Value]) -> Value {
        let call = self.b.ins().call(self.helpers[&helper], args);
        self.b.inst_results(call)[0]
    }

    fn inst(&mut self, at: usize) {
        let kernel = self.kernel;
        let inst = &kernel.code[at];
        // Location 0 would read as none.
        self.b.set_srcloc(SourceLoc::new(at as u32 + 1));
        let args: Vec<Typed> = inst.args.iter().map(|arg| self.operand(*arg)).collect();
        let typed = emit(
            self,
            &Call {
                at,
                op: &inst.op,
                args: &args,
                first: element(kernel, inst),
                result: lane_of(inst),
            },
        );
        self.values.insert(at, typed);
        if let Some(nulls) = self.island.outputs.get(&at) {
            self.store(at, typed, *nulls);
        }
    }

    fn operand(&mut self, at: usize) -> Typed {
        if let Some(known) = self.values.get(&at) {
            return *known;
        }
        let inst = &self.kernel.code[at];
        let typed = match (&inst.op, self.island.inputs.get(&at)) {
            (_, Some(input)) => self.load(at, *input),
            (RowOp::Const(value), None) => self.constant(value, lane_of(inst)),
            (_, None) => unreachable!("internal: instruction {at} is no input of its island"),
        };
        self.values.insert(at, typed);
        typed
    }

    fn constant(&mut self, value: &Constant, lane: Lane) -> Typed {
        let lanes = match (lane, value) {
            (Lane::Int, Constant::Int(value) | Constant::Duration(value)) => self.int(*value),
            (Lane::Float, Constant::Int(value)) => self.float(*value as f64),
            (Lane::Float, Constant::Float(value)) => self.float(*value),
            (Lane::Bool, Constant::Bool(value)) => self.truth(*value),
            (lane, value) => unreachable!("internal: `{value}` is no {lane:?}"),
        };
        Typed::new(lane, lanes)
    }

    /// The address of an element beyond the beginning of a column.
    fn address(&mut self, base: Value, place: Value, shift: i64) -> Value {
        let offset = self.b.ins().ishl_imm(place, shift);
        self.b.ins().iadd(base, offset)
    }

    fn load(&mut self, at: usize, input: Input) -> Typed {
        let (lanes, valid) = match input.leaf.read {
            Read::Direct => {
                let lanes = input.lane.map(|lane| self.beside(Word::Values(at), lane));
                let valid = input.leaf.nulls;
                (
                    lanes,
                    valid.then(|| self.beside(Word::Valid(at), Lane::Bool)),
                )
            }
            Read::Gathered | Read::GatheredOrAbsent => self.gather(at, input),
        };
        Typed {
            lane: input.lane.unwrap_or(Lane::Bool),
            // Only its nulls are read where it has no lane.
            lanes: lanes.or(valid).unwrap_or_else(|| self.truth(false)),
            valid,
        }
    }

    /// Two values that stand side by side.
    fn beside(&mut self, word: Word, lane: Lane) -> Lanes {
        let base = self.word(word);
        let from = self.address(base, self.place, shift(lane));
        match lane {
            Lane::Int => Lanes::Vector(self.b.ins().load(types::I64X2, FREE, from, 0)),
            Lane::Float => Lanes::Vector(self.b.ins().load(types::F64X2, FREE, from, 0)),
            Lane::Bool => {
                let low = self.b.ins().load(types::I8, FREE, from, 0);
                let high = self.b.ins().load(types::I8, FREE, from, 1);
                Lanes::Pair([low, high])
            }
        }
    }

    /// Two values at the places that a list says.
    fn gather(&mut self, at: usize, input: Input) -> (Option<Lanes>, Option<Lanes>) {
        let base = self.word(Word::Places(at));
        let from = self.address(base, self.place, 2);
        let (mut values, mut there) = (Vec::new(), Vec::new());
        for half in [0, 4] {
            let place = self.b.ins().uload32(FREE, from, half);
            let (place, present) = match input.leaf.read {
                Read::GatheredOrAbsent => {
                    let len = self.word(Word::Len(at));
                    let inside = self.b.ins().icmp(IntCC::UnsignedLessThan, place, len);
                    let first = self.b.ins().iconst(types::I64, 0);
                    (self.b.ins().select(inside, place, first), Some(inside))
                }
                Read::Direct | Read::Gathered => (place, None),
            };
            if let Some(lane) = input.lane {
                let base = self.word(Word::Values(at));
                let from = self.address(base, place, shift(lane));
                values.push(self.b.ins().load(scalar(lane), FREE, from, 0));
            }
            let known = input.leaf.nulls.then(|| {
                let base = self.word(Word::Valid(at));
                let from = self.address(base, place, 0);
                self.b.ins().load(types::I8, FREE, from, 0)
            });
            there.extend(match (known, present) {
                (Some(known), Some(present)) => Some(self.b.ins().band(known, present)),
                (one, other) => one.or(other),
            });
        }
        let pair = |values: Vec<Value>| match values.as_slice() {
            [low, high] => Some(Lanes::Pair([*low, *high])),
            _ => None,
        };
        (pair(values), pair(there))
    }

    /// Puts the values of an instruction into their column, 0 or false where they are null.
    fn store(&mut self, at: usize, typed: Typed, nulls: bool) {
        let Typed { lane, lanes, valid } = typed;
        let Some(valid) = valid.filter(|_| nulls) else {
            if nulls {
                let all = self.truth(true);
                self.put(Word::OutValid(at), Lane::Bool, all);
            }
            return self.put(Word::Out(at), lane, lanes);
        };
        let none = match lane {
            Lane::Int => self.int(0),
            Lane::Float => self.float(0.0),
            Lane::Bool => self.truth(false),
        };
        let cleared = choose(&mut self.b, lane, valid, [lanes, none]);
        self.put(Word::Out(at), lane, cleared);
        self.put(Word::OutValid(at), Lane::Bool, valid);
    }

    fn put(&mut self, word: Word, lane: Lane, lanes: Lanes) {
        let base = self.word(word);
        let to = self.address(base, self.place, shift(lane));
        match (lane, lanes) {
            (Lane::Int | Lane::Float, Lanes::Vector(_) | Lanes::Same(_)) => {
                let both = to_vector(&mut self.b, lane, lanes);
                self.b.ins().store(FREE, both, to, 0);
            }
            (Lane::Int | Lane::Float, Lanes::Pair([low, high])) => {
                self.b.ins().store(FREE, low, to, 0);
                self.b.ins().store(FREE, high, to, 8);
            }
            (Lane::Bool, Lanes::Vector(mask)) => {
                // Two bits, then each in a byte of its own.
                let two = self.b.ins().vhigh_bits(types::I32, mask);
                let low = self.b.ins().band_imm(two, 1);
                self.b.ins().istore8(FREE, low, to, 0);
                let high = self.b.ins().ushr_imm(two, 1);
                self.b.ins().istore8(FREE, high, to, 1);
            }
            (Lane::Bool, Lanes::Pair(_) | Lanes::Same(_)) => {
                let [low, high] = to_pair(&mut self.b, lane, lanes);
                self.b.ins().store(FREE, low, to, 0);
                self.b.ins().store(FREE, high, to, 1);
            }
        }
    }
}

/// The kind of the first operand, of its elements where the op is mapped.
pub(super) fn element<'a>(kernel: &'a Kernel, inst: &Inst) -> &'a RowKind {
    let kind = inst.args.first().map(|arg| &kernel.code[*arg].ty.kind);
    match kind {
        Some(RowKind::List(of)) if inst.mapped => of,
        Some(other) => other,
        None => &RowKind::Bool,
    }
}

/// What the result holds, in a mapped op each element.
pub(crate) fn lane_of(inst: &Inst) -> Lane {
    let lane = if inst.mapped {
        Lane::of_elements(&inst.ty.kind)
    } else {
        Lane::of(&inst.ty.kind)
    };
    lane.unwrap_or_else(|| unreachable!("internal: texts and lists of texts have no machine code"))
}

/// The function of an island, number `name` of its module, in a call convention.
pub(crate) fn function(
    (kernel, shape, island): (&Kernel, &Shape, &Island),
    name: usize,
    call: CallConv,
    context: &mut FunctionBuilderContext,
) -> Function {
    let mut signature = Signature::new(call);
    signature.params = vec![AbiParam::new(types::I64); 3];
    let mut function = Function::with_name_signature(UserFuncName::user(0, name as u32), signature);
    let mut b = FunctionBuilder::new(&mut function, context);
    let helpers = import(&mut b, helpers(kernel, island), call);
    let (entry, body, exit) = (b.create_block(), b.create_block(), b.create_block());
    b.append_block_params_for_function_params(entry);
    b.switch_to_block(entry);
    let [table, start, end] = [0, 1, 2].map(|at| b.block_params(entry)[at]);
    let words: BTreeMap<Word, Value> = words(kernel, island)
        .into_iter()
        .zip(0..)
        .map(|(word, at)| (word, b.ins().load(word.ty(), FREE, table, 8 * at)))
        .collect();
    let last = b.ins().iadd_imm(end, -2);
    b.ins().jump(body, &[start.into()]);
    let place = b.append_block_param(body, types::I64);
    b.switch_to_block(body);
    let mut code = Loop {
        b,
        kernel,
        shape,
        island,
        words,
        helpers,
        place,
        values: BTreeMap::new(),
    };
    island.code.iter().for_each(|at| code.inst(*at));
    let mut b = code.b;
    b.set_srcloc(SourceLoc::default());
    let next = b.ins().iadd_imm(place, 2);
    let beyond = b.ins().icmp(IntCC::SignedGreaterThan, next, last);
    let next = b.ins().select(beyond, last, next);
    let more = b.ins().icmp(IntCC::SignedLessThan, place, last);
    b.ins().brif(more, body, &[next.into()], exit, &[]);
    b.switch_to_block(exit);
    b.ins().return_(&[]);
    b.seal_all_blocks();
    b.finalize();
    function
}

/// Rust functions by their numbers in the module.
fn import(
    b: &mut FunctionBuilder<'_>,
    helpers: BTreeSet<Helper>,
    call: CallConv,
) -> BTreeMap<Helper, FuncRef> {
    let mut imported = BTreeMap::new();
    for helper in helpers {
        let signature = b.import_signature(helper.signature(call));
        let name = UserExternalName::new(0, helper as u32);
        let name = b.func.declare_imported_user_function(name);
        let function = b.import_function(ExtFuncData {
            name: ExternalName::user(name),
            signature,
            colocated: false,
            patchable: false,
        });
        imported.insert(helper, function);
    }
    imported
}
