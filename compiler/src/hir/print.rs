//! The typed program as text, for people who wonder what the compiler understood: every name full, every function expanded
//! at its call, and stage, type and sides of every value. Printed, not read back.

mod expr;
mod items;
mod one;
mod stored;

use std::collections::BTreeMap;

use super::{Expr, Hir, LocalId, Stage, Ty, ty::Shown};
pub(crate) use expr::init;
pub(crate) use one::{Item, one};

/// The text of a checked spec. Types without a stage are of tensors, computed for each batch; a local whose name is taken
/// is told apart by a number, `x#2`.
pub fn print(hir: &Hir) -> String {
    let mut printer = Printer::new(hir);
    printer.settings();
    printer.sources();
    printer.features();
    printer.weights();
    printer.towers();
    printer.graphs();
    printer.columns();
    printer.losses();
    printer.trainings();
    printer.evaluations();
    printer.daily();
    printer.exports();
    printer.tests();
    printer.out
}

struct Printer<'h> {
    hir: &'h Hir,
    /// How locals print.
    names: BTreeMap<LocalId, String>,
    /// How often each name was given in the item that is being printed.
    taken: BTreeMap<String, usize>,
    out: String,
}

impl<'h> Printer<'h> {
    fn new(hir: &'h Hir) -> Self {
        Self {
            hir,
            names: BTreeMap::new(),
            taken: BTreeMap::new(),
            out: String::new(),
        }
    }

    /// Begins an item: a blank line, and no names taken.
    fn item(&mut self) {
        self.taken.clear();
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// Gives a local its printed name.
    fn name(&mut self, id: LocalId, name: &str) -> String {
        if let Some(known) = self.names.get(&id) {
            return known.clone();
        }
        let count = self.taken.entry(name.to_owned()).or_insert(0);
        *count += 1;
        let printed = match *count {
            1 => name.to_owned(),
            count => format!("{name}#{count}"),
        };
        self.names.insert(id, printed.clone());
        printed
    }

    /// `row list<str>`, `f32[B, 64]`, `const int`
    fn ty(&self, ty: &Ty) -> String {
        let shown = Shown(ty, &self.hir.spaces);
        match (ty, ty.stage()) {
            (Ty::Error, _) | (_, Stage::Step) => shown.to_string(),
            (_, Stage::Row) => format!("row {shown}"),
            (_, Stage::Const) => format!("const {shown}"),
        }
    }

    /// `// sides user, past`, and whether labels are read.
    fn remark(e: &Expr) -> String {
        let sides: Vec<&str> = e.facts.sides.iter().map(String::as_str).collect();
        let mut remarks = Vec::new();
        if !sides.is_empty() {
            let word = if sides.len() == 1 { "side" } else { "sides" };
            remarks.push(format!("{word} {}", sides.join(", ")));
        }
        if e.facts.label.is_some() {
            remarks.push("reads a label".to_owned());
        }
        match remarks.is_empty() {
            true => String::new(),
            false => format!("  // {}", remarks.join("; ")),
        }
    }
}
