//! Loads a spec with everything it uses: its own files and the modules of the library.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use reckon_grammar::ast::{self, ItemKind, Name, Use};
use reckon_grammar::diagnostic::{Code, Diagnostic, nearest};
use reckon_grammar::span::{FileId, Sources, Span};
use reckon_grammar::{Earlier, Parsed};

use crate::world::World;

/// A file of a compilation.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its text's id.
    pub file: FileId,
    /// Its items; those of the library are the same for all specs.
    pub ast: Arc<ast::File>,
    /// Part of the library.
    pub library: bool,
    /// The library module, `std.loss.repel` is the function `repel` of `std.loss`; empty for the user's files.
    pub path: String,
}

/// Everything that a spec is made of.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The texts.
    pub sources: Sources,
    /// The user's files, the spec itself first, then the library.
    pub modules: Vec<Module>,
    /// Functions that a `use` brings into scope, with its place: module and name; no name takes all of the module.
    pub uses: Vec<(String, Option<String>, Span)>,
    /// What was found while reading.
    pub diagnostics: Vec<Diagnostic>,
}

/// The user's files as they were read last, by path: what did not change since is not parsed again.
#[derive(Debug, Default)]
pub struct Readings {
    files: BTreeMap<String, Option<Earlier>>,
}

/// Reads a spec and what it uses. A file that cannot be read is a diagnostic at its `use`.
pub fn load(world: &dyn World, path: &str, readings: Option<&mut Readings>) -> Program {
    let mut loader = Loader {
        world,
        readings,
        program: Program::default(),
        seen: BTreeMap::new(),
        library: Vec::new(),
    };
    match world.read(path) {
        Ok(text) => {
            let file = loader.program.sources.add(path, text);
            let parsed = loader.parsed(file);
            loader.library();
            loader.user_file(path, file, parsed);
        }
        Err(why) => {
            let file = loader.program.sources.add(path, "");
            loader.library();
            let span = Span::new(file, 0, 0);
            loader.program.diagnostics.push(Diagnostic::error(
                Code(201),
                span,
                format!("cannot read `{path}`: {why}"),
            ));
        }
    }
    let library = std::mem::take(&mut loader.library);
    loader.program.modules.extend(library);
    loader.program
}

/// The library as syntax, read once: its files are the same for every spec, and come right after the spec's own first file.
static LIBRARY: LazyLock<Vec<Arc<ast::File>>> = LazyLock::new(|| {
    let files = (1..).map(FileId).zip(reckon_stdlib::MODULES);
    files
        .map(|(file, module)| {
            let parsed = reckon_grammar::parse(file, module.text);
            let wrong = parsed.diagnostics.iter().any(Diagnostic::is_error);
            assert!(!wrong, "internal: `{}` is not well formed", module.file);
            Arc::new(parsed.ast)
        })
        .collect()
});

/// Reads the library if it has not been read: what a caller with threads can have done beside other work.
pub fn read_library() {
    LazyLock::force(&LIBRARY);
}

/// Whether a file is part of the library.
pub(crate) fn is_library(file: FileId) -> bool {
    (1..=reckon_stdlib::MODULES.len()).contains(&(file.0 as usize))
}

struct Loader<'a> {
    world: &'a dyn World,
    readings: Option<&'a mut Readings>,
    program: Program,
    seen: BTreeMap<String, ()>,
    library: Vec<Module>,
}

impl Loader<'_> {
    fn parsed(&mut self, file: FileId) -> Parsed {
        let source = self.program.sources.file(file);
        match &mut self.readings {
            Some(readings) => {
                let earlier = readings.files.entry(source.name.clone()).or_default();
                reckon_grammar::parse_again(file, &source.text, earlier)
            }
            None => reckon_grammar::parse(file, &source.text),
        }
    }

    fn user_file(&mut self, path: &str, file: FileId, parsed: Parsed) {
        self.seen.insert(path.to_owned(), ());
        self.program.diagnostics.extend(parsed.diagnostics);
        let uses: Vec<Use> = parsed
            .ast
            .items
            .iter()
            .filter_map(|item| match &item.kind {
                ItemKind::Use(used) => Some(used.clone()),
                _ => None,
            })
            .collect();
        self.program.modules.push(Module {
            file,
            ast: Arc::new(parsed.ast),
            library: false,
            path: String::new(),
        });
        for used in uses {
            match used {
                Use::Library(names) => self.library_use(&names),
                Use::File(target, span) => self.file_use(path, &target, span),
            }
        }
    }

    fn file_use(&mut self, from: &str, target: &str, span: Span) {
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = join(folder, target);
        if self.seen.contains_key(&path) {
            return;
        }
        match self.world.read(&path) {
            Ok(text) => {
                let file = self.program.sources.add(path.as_str(), text);
                let parsed = self.parsed(file);
                self.user_file(&path, file, parsed);
            }
            Err(why) => self.program.diagnostics.push(
                Diagnostic::error(Code(201), span, format!("cannot read `{path}`: {why}"))
                    .here("used here"),
            ),
        }
    }

    fn library_use(&mut self, names: &[Name]) {
        let Some((first, last)) = names.first().zip(names.last()) else {
            return;
        };
        let span = first.span.to(last.span);
        let full = names
            .iter()
            .map(|name| name.text.as_str())
            .collect::<Vec<_>>()
            .join(".");
        let modules = reckon_stdlib::MODULES;
        if modules.iter().any(|module| module.path == full) {
            self.program.uses.push((full, None, span));
            return;
        }
        let (module, name) = full.rsplit_once('.').unwrap_or(("", &full));
        if modules.iter().any(|known| known.path == module) {
            self.program
                .uses
                .push((module.to_owned(), Some(name.to_owned()), span));
            return;
        }
        let paths = || modules.iter().map(|known| known.path);
        let whole = nearest(&full, paths()).map(|near| (near, near.to_owned()));
        // The name in it stays as it is.
        let near = whole.or_else(|| {
            let near = nearest(module, paths())?;
            Some((near, format!("{near}.{name}")))
        });
        let mut diagnostic =
            Diagnostic::error(Code(202), span, format!("no library module `{full}`"));
        let mut paths: Vec<&str> = modules.iter().map(|known| known.path).collect();
        paths.dedup();
        diagnostic = match near {
            Some((near, path)) => diagnostic
                .help(format!("there is a module `{near}`"))
                .fix(span, path),
            None => diagnostic.note(format!("the library has `{}`", paths.join("`, `"))),
        };
        self.program.diagnostics.push(diagnostic);
    }

    /// All library modules are read, so that a name which is not in scope can be explained by its module.
    fn library(&mut self) {
        for (module, ast) in reckon_stdlib::MODULES.iter().zip(LIBRARY.iter()) {
            self.library.push(Module {
                file: self.program.sources.add(module.file, module.text),
                ast: Arc::clone(ast),
                library: true,
                path: module.path.to_owned(),
            });
        }
    }
}

/// Joins a folder and a relative path, resolving `.` and `..`.
fn join(folder: &str, target: &str) -> String {
    if target.starts_with('/') {
        return target.to_owned();
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    if folder.starts_with('/') {
        format!("/{joined}")
    } else {
        joined
    }
}
