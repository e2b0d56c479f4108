//! What can be said about a spec: functions from an [`Analysis`] and a place to plain data.

pub mod actions;
pub mod completion;
pub mod edit;
pub mod hints;
pub mod hover;
pub mod index;
pub mod outline;
pub mod position;
pub mod rename;
pub mod signature;
mod syntax;
pub mod tokens;

use std::sync::OnceLock;

use reckon_compiler::check::{self, Checked, Typed};
use reckon_compiler::lower::compile;
use reckon_compiler::modules::Readings;
use reckon_compiler::world::{Texts, World};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::FileId;

use crate::data::Known;
use edit::Edit;
use index::{Index, Symbol};
use position::Lines;

/// A spec, or a file of the library, with everything that the compiler makes of it.
#[derive(Debug)]
pub struct Analysis {
    /// The file that is asked about.
    pub file: FileId,
    /// What checking gave.
    pub checked: Checked,
    /// What checking found, and what lowering found once that was added.
    pub findings: Vec<Diagnostic>,
    /// What is known of the data that it reads.
    pub data: Known,
    /// Made when it is first asked for: findings do not wait for it.
    index: OnceLock<Index>,
    lines: Lines,
}

impl Analysis {
    /// Analyses a spec and all that it uses.
    pub fn of_spec(world: &dyn World, path: &str) -> Self {
        let mut analysis = Self::of_checked(world, path, &mut Readings::default());
        analysis.findings.extend(analysis.lowered());
        analysis
    }

    /// Checks a spec and all that it uses, and leaves it to others to lower it. What was read before and did not change is
    /// not read again.
    pub fn of_checked(world: &dyn World, path: &str, readings: &mut Readings) -> Self {
        let checked = check::check_again(world, path, readings);
        Self::new(FileId(0), checked.diagnostics.clone(), checked)
    }

    /// What lowering finds wrong; nothing where checking found an error. It takes longer than checking.
    pub fn lowered(&self) -> Vec<Diagnostic> {
        let hir = self.checked.hir.as_ref();
        hir.and_then(|hir| compile(hir).err()).unwrap_or_default()
    }

    /// Analyses a file of the library by its name, `std/math.rec`. Such files have no findings: they stand by themselves.
    pub fn of_library(name: &str) -> Self {
        let nothing = Texts([(String::new(), String::new())].into());
        let checked = check::check(&nothing, "", &[]);
        let named = checked
            .sources
            .iter()
            .find(|(_, source)| source.name == name);
        let file = named.map_or(FileId(0), |(file, _)| file);
        Self::new(file, Vec::new(), checked)
    }

    fn new(file: FileId, findings: Vec<Diagnostic>, checked: Checked) -> Self {
        let lines = Lines::new(&checked.sources.file(file).text);
        Self {
            file,
            checked,
            findings,
            data: Known::default(),
            index: OnceLock::new(),
            lines,
        }
    }

    /// Which name stands for what.
    pub fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let sources = self.checked.sources.iter();
            let names = sources.map(|(file, source)| (file, source.name.clone()));
            Index::of(&self.checked.modules, &names.collect::<Vec<_>>())
        })
    }

    /// The text that is asked about.
    pub fn text(&self) -> &str {
        &self.checked.sources.file(self.file).text
    }

    /// Its lines.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Whether a file of this compilation has this path.
    pub fn reads(&self, path: &str) -> bool {
        let mut files = self.checked.sources.iter();
        files.any(|(file, source)| source.name == path && !self.is_library(file))
    }

    /// Whether a file that it names could not be read.
    pub fn lacks_a_file(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.code == Code(201))
    }

    /// Whether a file of this compilation is the library's.
    pub fn is_library(&self, file: FileId) -> bool {
        let mut modules = self.checked.modules.iter();
        modules.any(|module| module.file == file && module.library)
    }

    /// The type of what a declaration's value gives.
    pub fn type_of(&self, symbol: &Symbol) -> Option<&Typed> {
        let value = symbol.value?;
        let mut types = self.checked.types.iter().rev();
        types.find(|typed| typed.span == value)
    }

    /// Where the items of the text begin.
    pub fn item_starts(&self) -> Vec<usize> {
        let modules = self
            .checked
            .modules
            .iter()
            .filter(|module| module.file == self.file);
        let items = modules.flat_map(|module| &module.ast.items);
        items.map(|item| item.span.range().start).collect()
    }

    /// The `use` that brings a function into scope, where it is not.
    pub fn use_needed(&self, symbol: &Symbol) -> Option<Edit> {
        let module = symbol.module.as_deref()?;
        if matches!(module, "std.prim" | "std.prelude") || self.is_library(self.file) {
            return None;
        }
        let path = format!("{module}.{}", symbol.name);
        let used = self
            .checked
            .modules
            .iter()
            .filter(|module| !module.library)
            .flat_map(|module| &module.ast.items);
        let in_scope = used
            .filter_map(|item| actions::used_path(&item.kind))
            .any(|used| used == module || used == path);
        (!in_scope).then(|| actions::add_use(self, &path))
    }
}
