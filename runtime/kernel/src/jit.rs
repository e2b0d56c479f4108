//! Machine code in memory.
//!
//! Code is made by Cranelift for the machine that it runs on and freed with the [`Machine`] that owns it. A [`Table`]
//! holds what a function reads and writes; it borrows all of it, and [`Machine::call`] checks the lengths.
#![allow(
    unsafe_code,
    reason = "machine code is called by its address, and it reads and writes by address"
)]

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::Function;
use cranelift_codegen::isa::{OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Linkage, Module, ModuleReloc, default_libcall_names};
use rayon::prelude::*;

use crate::compile::Helper;
use crate::ops::int_power;

/// An island: its table, the first place, the place after the last.
type Entry = unsafe extern "C" fn(*const u64, i64, i64);

/// Functions in executable memory.
pub(crate) struct Machine {
    entries: Vec<Entry>,
    /// The owner of the memory; taken when it is freed.
    module: Mutex<Option<JITModule>>,
}

/// What the machine is; `None` where Cranelift has no code for it.
pub(crate) fn target() -> Option<OwnedTargetIsa> {
    if cfg!(not(target_pointer_width = "64")) || cfg!(target_endian = "big") {
        return None;
    }
    let mut flags = settings::builder();
    let verifier = if cfg!(debug_assertions) {
        "true"
    } else {
        "false"
    };
    let wanted = [
        ("opt_level", "speed"),
        ("enable_verifier", verifier),
        ("unwind_info", "false"),
        ("is_pic", "false"),
        ("use_colocated_libcalls", "false"),
    ];
    for (name, value) in wanted {
        flags.set(name, value).ok()?;
    }
    let native = cranelift_native::builder().ok()?;
    native.finish(settings::Flags::new(flags)).ok()
}

impl Machine {
    /// Compiles functions; function `at` has the number [`Machine::number`] in the module.
    ///
    /// # Errors
    /// What Cranelift says of a function that it does not compile, which is our fault.
    pub(crate) fn new(isa: OwnedTargetIsa, functions: Vec<Function>) -> Result<Self, String> {
        let module_isa = isa.clone();
        let mut builder = JITBuilder::with_isa(isa, default_libcall_names());
        for helper in Helper::ALL {
            builder.symbol(helper.name(), address(helper));
        }
        let mut module = JITModule::new(builder);
        let call = module.isa().default_call_conv();
        for helper in Helper::ALL {
            module
                .declare_function(helper.name(), Linkage::Import, &helper.signature(call))
                .map_err(|error| error.to_string())?;
        }
        let compiled: Vec<Result<Context, String>> = functions
            .into_par_iter()
            .map(|function| compiled(module_isa.as_ref(), function))
            .collect();
        let mut made = Vec::with_capacity(compiled.len());
        for (at, context) in compiled.into_iter().enumerate() {
            made.push(define(&mut module, at, &context?)?);
        }
        module
            .finalize_definitions()
            .map_err(|error| error.to_string())?;
        let entry = |id| {
            let code = module.get_finalized_function(id);
            // SAFETY: the function was compiled with the three parameters of `Entry` and the machine's C convention, and
            // its code stays where it is until `module` is freed, which happens after the last entry is gone.
            unsafe { std::mem::transmute::<*const u8, Entry>(code) }
        };
        Ok(Self {
            entries: made.into_iter().map(entry).collect(),
            module: Mutex::new(Some(module)),
        })
    }

    /// The number that function `at` has among those of a module.
    pub(crate) fn number(at: usize) -> usize {
        Helper::ALL.len() + at
    }

    /// Runs a function over all rows of a table, at least two, by all threads: `chunk` rows at a time, the last of which are
    /// up to twice as many, so that none are fewer than a round.
    pub(crate) fn run(&self, at: usize, mut table: Table<'_>, chunk: usize) {
        let (rows, words) = (table.rows, Address(table.words.as_ptr()));
        assert!(
            rows >= 2 && chunk >= 2,
            "internal: an island goes over at least two rows"
        );
        let chunks = (rows / chunk).max(1);
        (0..chunks).into_par_iter().for_each(|part| {
            let end = match part + 1 == chunks {
                true => rows,
                false => (part + 1) * chunk,
            };
            let (start, words) = (part * chunk, &words);
            // SAFETY: the words of the table are those that the function reads, in its order (`compile::words` gives
            // both). Columns and validity hold `rows` values each and results have room for as many, which `Table` has
            // seen to, and the function stays between `start` and `end`, at least two apart and within the rows; gathered
            // columns are read at places that were checked to be in them, or that the code checks. All of them are
            // borrowed by the table, and no two calls that run at once share a place.
            unsafe { self.entries[at](words.0, start as i64, end as i64) }
        });
        for result in &mut table.results {
            // SAFETY: `Table::write` has made the room, and the calls above have gone over every place and written what
            // stands there: an island stores each of its results in each round.
            unsafe { result.written(rows) }
        }
    }
}

/// The first word of a table.
struct Address(*const u64);

// SAFETY: the words of a table are only read while functions run.
unsafe impl Sync for Address {}

/// Compiles one function.
fn compiled(isa: &dyn TargetIsa, function: Function) -> Result<Context, String> {
    let mut context = Context::for_function(function);
    context
        .compile(isa, &mut ControlPlane::default())
        .map_err(|error| format!("{:?}", error.inner))?;
    Ok(context)
}

/// Puts a compiled function into a module, as island number `at`.
fn define(module: &mut JITModule, at: usize, context: &Context) -> Result<FuncId, String> {
    let id = module
        .declare_function(
            &format!("island{at}"),
            Linkage::Local,
            &context.func.signature,
        )
        .map_err(|error| error.to_string())?;
    let code = context
        .compiled_code()
        .ok_or_else(|| format!("island {at} has no code"))?;
    let relocations: Vec<ModuleReloc> = code
        .buffer
        .relocs()
        .iter()
        .map(|found| ModuleReloc::from_mach_reloc(found, &context.func, id))
        .collect();
    let least = u64::from(module.isa().function_alignment().minimum);
    let alignment = u64::from(code.buffer.alignment).max(least);
    module
        .define_function_bytes(id, alignment, code.code_buffer(), &relocations)
        .map_err(|error| error.to_string())?;
    Ok(id)
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.entries.clear();
        let module = self
            .module
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = module.take() {
            // SAFETY: calls borrow the machine, so none is running, and its entries, the only pointers into the memory,
            // are gone.
            unsafe { module.free_memory() }
        }
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Machine({} islands)", self.entries.len())
    }
}

/// What a function of an island reads and writes, word by word.
pub(crate) struct Table<'a> {
    words: Vec<u64>,
    /// What is written, whose memory nothing has been put into yet.
    results: Vec<&'a mut dyn Fresh>,
    /// The rows or elements that the loop may go over.
    rows: usize,
    borrowed: PhantomData<&'a mut u64>,
}

/// The elements of columns.
pub(crate) trait Element: Copy + Send + Sync {}

impl Element for i64 {}
impl Element for f64 {}
impl Element for bool {}
impl Element for u32 {}

/// A column that a function writes.
trait Fresh: Send + Sync {
    /// Says that so many values are there now.
    ///
    /// # Safety
    /// There is room for so many, and all of them have been written.
    unsafe fn written(&mut self, rows: usize);
}

impl<T: Element> Fresh for Vec<T> {
    unsafe fn written(&mut self, rows: usize) {
        // SAFETY: the caller has room for so many values and has written them.
        unsafe { self.set_len(rows) }
    }
}

impl<'a> Table<'a> {
    pub(crate) fn new(rows: usize) -> Self {
        Self {
            words: Vec::new(),
            results: Vec::new(),
            rows,
            borrowed: PhantomData,
        }
    }

    /// Values that are read at the places of the loop.
    pub(crate) fn read<T: Element>(&mut self, values: &'a [T]) {
        assert!(
            values.len() >= self.rows,
            "internal: a column is as long as its rows"
        );
        self.words.push(values.as_ptr() as u64);
    }

    /// Values that are read at other places: those that a list of places names, or the first few.
    pub(crate) fn read_anywhere<T: Element>(&mut self, values: &'a [T]) {
        self.words.push(values.as_ptr() as u64);
    }

    /// Where values go, one a row: what is there makes room for them.
    pub(crate) fn write<T: Element>(&mut self, values: &'a mut Vec<T>) {
        values.clear();
        values.reserve_exact(self.rows);
        self.words.push(values.as_mut_ptr() as u64);
        self.results.push(values);
    }

    /// A number of values.
    pub(crate) fn count(&mut self, count: usize) {
        self.words.push(count as u64);
    }

    /// A fitted number.
    pub(crate) fn number(&mut self, number: f64) {
        self.words.push(number.to_bits());
    }
}

fn address(helper: Helper) -> *const u8 {
    let unary = |f: extern "C" fn(f64) -> f64| f as *const u8;
    match helper {
        Helper::Exp => unary(exp),
        Helper::Power => power as *const u8,
        Helper::IntPower => integer_power as *const u8,
    }
}

extern "C" fn exp(x: f64) -> f64 {
    x.exp()
}

extern "C" fn power(base: f64, exponent: f64) -> f64 {
    base.powf(exponent)
}

extern "C" fn integer_power(base: i64, exponent: i64) -> i64 {
    int_power(base, exponent)
}
