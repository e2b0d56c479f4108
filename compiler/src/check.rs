//! From syntax to the typed program: names, types, stages, spaces and sides. Reports everything that it finds.

mod across;
mod arguments;
mod asked;
mod assertions;
mod batches;
mod call;
mod candidates;
mod choices;
mod columns;
mod constant;
mod daily;
mod dated;
mod declare;
mod domains;
mod elsewhere;
mod entries;
mod evaluation;
mod expr;
mod features;
mod fields;
mod graphs;
mod grouping;
mod history;
mod ids;
mod items;
mod joined;
mod judged;
mod kept;
mod masks;
mod meant;
mod metrics;
mod minimised;
mod optimizers;
mod outcomes;
mod parameters;
mod policies;
mod prim;
mod retrieval;
mod row_ops;
mod rows;
mod sampled;
mod samplers;
mod scores;
mod selectors;
mod signature;
mod sources;
mod spaces;
mod splits;
mod statistics;
mod step;
mod stored;
mod tables;
mod teachers;
mod towers;
mod training;
mod values;
mod views;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use reckon_grammar::ast::{self};
use reckon_grammar::diagnostic::{Code, Diagnostic, nearest};
use reckon_grammar::span::{Sources, Span};

use crate::hir::ty::Stage;
use crate::hir::{Expr, ExprKind, Facts, Hir, LocalId, Ty};
use crate::modules::{self, Module, Program, Readings};
use crate::value::Value;
use crate::world::World;

pub(crate) use constant::symbol;
pub(crate) use row_ops::{row_op, step_op};

/// A spec after checking.
#[derive(Debug, Default)]
pub struct Checked {
    /// All texts, for rendering.
    pub sources: Sources,
    /// Everything found, in the order of the texts.
    pub diagnostics: Vec<Diagnostic>,
    /// The typed program, where there was no error.
    pub hir: Option<Hir>,
    /// The settings of the spec by name, each at its final value.
    pub resolved: Vec<(String, Value)>,
    /// The types of settings, `let`s, features, towers and losses, at the places of their values.
    pub types: Vec<Typed>,
    /// The types of pipes as text, at the whole of what they give. What a function expands to several times is there as often.
    pub steps: Vec<(Span, String)>,
    /// The files as syntax: the user's, then the library.
    pub modules: Vec<Module>,
    /// The sources by name, with the paths and globs that they are read from, relative to the folder of the spec.
    pub data: Vec<(String, Vec<String>)>,
}

/// What is known of the value at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    /// The value's place.
    pub span: Span,
    /// Its type as text.
    pub ty: String,
    /// When it is computed.
    pub stage: Stage,
}

/// Checks a spec. `overrides` are the `--set` pairs; their values are typed by the settings' defaults.
pub fn check(world: &dyn World, path: &str, overrides: &[(String, String)]) -> Checked {
    check_program(modules::load(world, path, None), overrides)
}

/// Checks a spec whose files may have been read before, in an earlier state. Finds what [`check`] finds, sooner.
pub fn check_again(world: &dyn World, path: &str, readings: &mut Readings) -> Checked {
    check_program(modules::load(world, path, Some(readings)), &[])
}

fn check_program(program: Program, overrides: &[(String, String)]) -> Checked {
    let mut checker = Checker::new(&program);
    checker.declare();
    checker.settings(overrides);
    checker.declare_sources();
    checker.function_types();
    checker.items();
    checker.counted_losses();
    checker.dated_entities();
    checker.unread_columns();
    checker.old_paths();
    checker.teachers_are_trained();
    checker.teachers_have_not_seen_the_day();
    checker.unused();
    checker.losses_are_minimised();
    checker.complete();
    let Checker {
        hir,
        types,
        steps,
        mut diagnostics,
        ..
    } = checker;
    diagnostics.sort_by_key(|d| (d.primary.span.file, d.primary.span.start, d.code));
    diagnostics.dedup();
    let resolved = hir.settings.clone();
    let sources = hir.sources.iter();
    let data = sources
        .map(|source| (source.name.clone(), source.paths.clone()))
        .collect();
    let failed = diagnostics.iter().any(Diagnostic::is_error);
    Checked {
        hir: (!failed).then_some(hir),
        sources: program.sources,
        diagnostics,
        resolved,
        types,
        steps,
        modules: program.modules,
        data,
    }
}

/// A function with where it comes from.
#[derive(Clone, Copy)]
pub(crate) struct FnDef<'a> {
    pub(crate) decl: &'a ast::Fn,
    pub(crate) library: bool,
    pub(crate) module: &'a str,
}

/// What a name stands for inside a body.
#[derive(Clone)]
struct Binding {
    name: String,
    value: Expr,
}

/// The row whose columns are in scope.
#[derive(Clone)]
struct RowScope {
    handle: Expr,
    source: String,
}

/// The names of one body. Bodies do not see the locals of their callers.
#[derive(Clone, Default)]
struct Frame {
    locals: Vec<Binding>,
    row: Option<RowScope>,
    library: bool,
}

pub(crate) struct Checker<'a> {
    program: &'a Program,
    fns: BTreeMap<&'a str, FnDef<'a>>,
    /// The library's own functions, whatever a spec calls its.
    library_fns: BTreeMap<&'a str, FnDef<'a>>,
    towers: BTreeMap<&'a str, &'a ast::Tower>,
    source_items: BTreeMap<&'a str, &'a ast::Source>,
    /// Features by source and name: the checked one, once it was read.
    features: BTreeMap<(String, String), usize>,
    /// All features as written, in order.
    feature_items: Vec<(String, String, &'a ast::Feature)>,
    /// Features as written by source and name, of two of one name the first.
    written_features: BTreeMap<(&'a str, &'a str), &'a ast::Feature>,
    /// The columns of the source being read, and where each is declared.
    open_columns: BTreeMap<String, Span>,
    /// The places of columns in their sources, by source and name.
    column_places: BTreeMap<String, BTreeMap<String, usize>>,
    /// Features and towers being checked, to stop cycles.
    open: Vec<String>,
    /// Towers that could not be checked; said once.
    broken: BTreeSet<String>,
    /// The feature being checked.
    current_feature: Option<(String, String)>,
    hir: Hir,
    diagnostics: Vec<Diagnostic>,
    frames: Vec<Frame>,
    next_local: LocalId,
    /// Path segments taken in each open scope.
    segments: Vec<BTreeMap<String, usize>>,
    /// The user's calls that library bodies are being expanded for, outermost first.
    calls: Vec<Span>,
    /// Functions being expanded, to stop endless recursion.
    depth: usize,
    /// Columns that a run computes, by source and name.
    stored: BTreeMap<(String, String), &'a ast::Column>,
    /// Columns that a spec derives from others.
    derived: BTreeMap<(String, String), ast::ColumnDecl>,
    /// Derived columns being read, to stop cycles.
    deriving: Vec<(String, String)>,
    /// Names that something read: `movie.year`, settings, columns.
    used: BTreeSet<String>,
    /// The name of the `let` whose value is being read, for the names of weights.
    hint: Option<String>,
    /// The types of values, at their places.
    types: Vec<Typed>,
    /// The types of pipes as text.
    steps: Vec<(Span, String)>,
    /// Columns whose type could not be read; said once.
    broken_columns: BTreeSet<(String, String)>,
    /// Names of items that this compiler does not lower yet; said once, where they are declared.
    refused: BTreeSet<String>,
    /// Teachers that are tables of scores: the checked one, once it was read.
    score_tables: BTreeMap<String, Option<scores::ScoreTable>>,
    /// What leaves rows out of the item being checked.
    masks: Option<masks::Masks>,
    /// The loop that the item being checked stands in.
    open_loop: Option<&'a ast::Loop>,
    /// The selectors that the rows behind a handle have passed.
    reach: BTreeMap<LocalId, Vec<String>>,
    /// Statistics over the rows of a loss.
    counted: Vec<domains::Counted>,
    /// The source whose rows are being counted by a statistic.
    counting: Option<String>,
    /// Calls of functions so far, to stop a spec that never ends.
    expanded: usize,
    /// It did not end, and that was said.
    gave_up: bool,
}

impl<'a> Checker<'a> {
    fn new(program: &'a Program) -> Self {
        Self {
            program,
            fns: BTreeMap::new(),
            library_fns: BTreeMap::new(),
            towers: BTreeMap::new(),
            source_items: BTreeMap::new(),
            features: BTreeMap::new(),
            feature_items: Vec::new(),
            written_features: BTreeMap::new(),
            open_columns: BTreeMap::new(),
            column_places: BTreeMap::new(),
            open: Vec::new(),
            broken: BTreeSet::new(),
            current_feature: None,
            hir: Hir::default(),
            diagnostics: program.diagnostics.clone(),
            frames: Vec::new(),
            next_local: 0,
            segments: vec![BTreeMap::new()],
            calls: Vec::new(),
            depth: 0,
            stored: BTreeMap::new(),
            derived: BTreeMap::new(),
            deriving: Vec::new(),
            used: BTreeSet::new(),
            hint: None,
            types: Vec::new(),
            steps: Vec::new(),
            broken_columns: BTreeSet::new(),
            refused: BTreeSet::new(),
            score_tables: BTreeMap::new(),
            masks: None,
            open_loop: None,
            reach: BTreeMap::new(),
            counted: Vec::new(),
            counting: None,
            expanded: 0,
            gave_up: false,
        }
    }

    /// The items of the user's files, in the order of the texts; those of a loop after it.
    fn user_items(&self) -> impl Iterator<Item = &'a ast::Item> + use<'a> {
        self.program
            .modules
            .iter()
            .filter(|module| !module.library)
            .flat_map(|module| &module.ast.items)
            .flat_map(|item| {
                let inside: &'a [ast::Item] = match &item.kind {
                    ast::ItemKind::Loop(each) => &each.items,
                    _ => &[],
                };
                std::iter::once(item).chain(inside)
            })
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// An error at a place; inside a library function it moves to the user's call.
    fn error(&self, code: u16, span: Span, message: impl Into<String>) -> Diagnostic {
        match self.calls.first() {
            Some(call) => {
                let diagnostic = Diagnostic::error(Code(code), *call, message);
                if self.in_library() {
                    diagnostic.label(span, "in this library function")
                } else {
                    diagnostic
                }
            }
            None => Diagnostic::error(Code(code), span, message),
        }
    }

    /// Notes the type of a value of the spec.
    fn reveal(&mut self, span: Span, value: &Expr) {
        if !value.is_error() && !self.in_library() {
            let shown = self.show(&value.ty);
            let stage = value.ty.stage();
            self.types.push(Typed {
                span,
                ty: shown,
                stage,
            });
        }
    }

    /// Notes the type of what a pipe of the spec gives.
    fn reveal_step(&mut self, span: Span, value: &Expr) {
        if !value.is_error() && !self.in_library() {
            let shown = self.show(&value.ty);
            self.steps.push((span, shown));
        }
    }

    fn in_library(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.library)
    }

    /// Where the user asked for what is being expanded.
    fn user_span(&self, span: Span) -> Span {
        self.calls.first().copied().unwrap_or(span)
    }

    fn local(&mut self) -> LocalId {
        self.next_local += 1;
        self.next_local
    }

    fn bind(&mut self, name: &str, value: Expr) {
        if let Some(frame) = self.frames.last_mut() {
            frame.locals.push(Binding {
                name: name.to_owned(),
                value,
            });
        }
    }

    /// A path segment that no other call in the open scope has.
    fn segment(&mut self, name: &str) -> String {
        let taken = self
            .segments
            .last_mut()
            .expect("the root scope is never closed");
        let count = taken.entry(name.to_owned()).or_insert(0);
        *count += 1;
        if *count == 1 {
            name.to_owned()
        } else {
            format!("{name}_{count}")
        }
    }

    fn unknown(
        &mut self,
        code: u16,
        span: Span,
        what: &str,
        name: &str,
        candidates: &[&str],
    ) -> Expr {
        if !name.is_empty() {
            let message = match what.split_once(" of `").or(what.split_once(" for `")) {
                Some((kind, owner)) => format!("`{owner} has no {kind} `{name}`"),
                None => format!("unknown {what} `{name}`"),
            };
            let mut diagnostic = self.error(code, span, message);
            diagnostic = match nearest(name, candidates.iter().copied()) {
                Some(near) => {
                    let at = diagnostic.primary.span;
                    let diagnostic = diagnostic.help(format!("write `{near}`"));
                    if at == span {
                        diagnostic.fix(span, near)
                    } else {
                        diagnostic
                    }
                }
                None if candidates.is_empty() || candidates.len() > 30 => diagnostic,
                None => diagnostic.note(format!("known are {}", list(candidates))),
            };
            self.report(diagnostic);
        }
        Expr::error(span)
    }
}

/// Names in backticks, separated by commas.
pub(crate) fn list(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl Expr {
    pub(crate) fn new(kind: ExprKind, ty: Ty, facts: Facts, span: Span) -> Self {
        Self {
            kind,
            ty,
            facts,
            span,
        }
    }

    pub(crate) fn error(span: Span) -> Self {
        Self::new(ExprKind::Error, Ty::Error, Facts::default(), span)
    }

    pub(crate) fn constant(value: Value, span: Span) -> Self {
        Self::new(
            ExprKind::Const(value.clone()),
            Ty::Const(value),
            Facts::default(),
            span,
        )
    }

    pub(crate) fn is_error(&self) -> bool {
        self.ty == Ty::Error
    }
}
