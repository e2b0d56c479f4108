//! Teachers: towers that others read with the gradient stopped, and who trains them.

use reckon_grammar::ast::{self, Arg, ExprKind as Syntax};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::{Checker, Frame, list};
use crate::hir::{Expr, ExprKind, Origin, Tables, Teacher, Tower};
use crate::routing::PROGRAM;
use crate::value::Value;

impl<'a> Checker<'a> {
    /// A teacher in the structure of another tower: `like`, `copy of`, `ema of`.
    pub(super) fn derived_teacher(
        &mut self,
        tower: &'a ast::Tower,
        origin: &'a ast::Origin,
    ) -> Option<Tower> {
        let of = match origin {
            ast::Origin::Like(of) | ast::Origin::CopyOf(of) | ast::Origin::EmaOf(of, _) => of,
            ast::Origin::Taken { like, .. } => like,
            ast::Origin::Checkpoint(run) => {
                self.no_structure(tower, run);
                return None;
            }
            // A table is no tower; it is applied as one.
            ast::Origin::Scores { .. } => return None,
        };
        if self.is_scores(&of.text) {
            self.is_a_table(of, "it has no structure to take");
            return None;
        }
        self.takes_its_structure(tower, of);
        let Some(at) = self.tower_index(&of.text) else {
            if !self.towers.contains_key(of.text.as_str()) {
                let known: Vec<&str> = self.towers.keys().copied().collect();
                self.unknown(505, of.span, "tower", &of.text, &known);
            }
            return None;
        };
        let (params, value) = {
            let of = &self.hir.towers[at];
            (of.params.clone(), of.value.clone())
        };
        let origin = match origin {
            ast::Origin::Like(of) => Origin::Like(self.origin_of(&of.text)),
            ast::Origin::CopyOf(of) => Origin::CopyOf(of.text.clone()),
            ast::Origin::EmaOf(of, decay) => Origin::EmaOf(of.text.clone(), self.decay(decay)?),
            ast::Origin::Taken { like, run } => Origin::Taken {
                like: self.origin_of(&like.text),
                run: self.run_folder(run)?,
            },
            ast::Origin::Checkpoint(_) | ast::Origin::Scores { .. } => return None,
        };
        self.used.insert(format!("tower {}", of.text));
        let tables = self.tables(tower, &origin);
        Some(Tower {
            name: tower.name.text.clone(),
            params,
            value,
            teacher: Some(Teacher { origin, tables }),
            span: tower.name.span,
        })
    }

    /// The tower that says the structure of this one.
    fn origin_of(&self, name: &str) -> String {
        match self
            .hir
            .tower(name)
            .and_then(|tower| tower.teacher.as_ref())
        {
            Some(Teacher {
                origin: Origin::Like(of),
                ..
            }) => of.clone(),
            _ => name.to_owned(),
        }
    }

    /// What is said twice, by the teacher and by the tower that it is made of.
    fn takes_its_structure(&mut self, tower: &ast::Tower, of: &ast::Name) {
        if tower.params.is_some() {
            self.report(
                Diagnostic::error(
                    Code(509),
                    tower.name.span,
                    format!("teacher `{}` has two structures", tower.name.text),
                )
                .note(format!("`{}` gives its parameters and its result", of.text))
                .help(format!(
                    "write `teacher {} like {}`",
                    tower.name.text, of.text
                )),
            );
        }
    }

    /// A run has weights by path, and only a spec says what is computed with them.
    fn no_structure(&mut self, tower: &ast::Tower, run: &ast::Expr) {
        let name = &tower.name.text;
        self.report(
            Diagnostic::error(
                Code(509),
                tower.name.span,
                format!("teacher `{name}` has no structure"),
            )
            .label(run.span, "gives weights and fitted tables")
            .help(format!(
                "name the tower that has it: `teacher {name} like TOWER from checkpoint ...`"
            )),
        );
    }

    fn run_folder(&mut self, run: &ast::Expr) -> Option<String> {
        self.frames.push(Frame::default());
        let value = self.expr(run);
        self.frames.pop();
        match value.ty.value() {
            Some(Value::Str(run)) => Some(run.clone()),
            _ if value.is_error() => None,
            _ => {
                self.report(
                    Diagnostic::error(Code(509), run.span, "a run directory is named by a text")
                        .help("write `from checkpoint \"runs/NAME\"`"),
                );
                None
            }
        }
    }

    fn decay(&mut self, decay: &ast::Expr) -> Option<f64> {
        self.frames.push(Frame::default());
        let value = self.expr(decay);
        self.frames.pop();
        let found = value.ty.value().and_then(Value::as_f64);
        let decay_of = found.filter(|decay| (0.0..1.0).contains(decay));
        if decay_of.is_none() && !value.is_error() {
            self.report(
                Diagnostic::error(
                    Code(509),
                    decay.span,
                    "the decay of an average is a number from 0 up to 1, known while compiling",
                )
                .help("write `decay 0.999`: the nearer to 1, the longer the average remembers"),
            );
        }
        decay_of
    }

    /// Whose tables a teacher reads. A copy and an average have all weights of their own.
    pub(super) fn tables(&mut self, tower: &ast::Tower, origin: &Origin) -> Tables {
        let name = &tower.name.text;
        if name == PROGRAM {
            self.report(
                Diagnostic::error(
                    Code(509),
                    tower.name.span,
                    format!("`{PROGRAM}` names the tables that all towers share"),
                )
                .help("give the teacher another name"),
            );
        }
        match (tower.shares_tables, origin) {
            (false, _) => Tables::Own,
            (true, Origin::Own | Origin::Like(_)) => Tables::Shared,
            (
                true,
                Origin::CopyOf(of)
                | Origin::Before(of)
                | Origin::EmaOf(of, _)
                | Origin::Taken { run: of, .. },
            ) => {
                self.report(
                    Diagnostic::error(
                        Code(509),
                        tower.name.span,
                        format!("teacher `{name}` cannot share tables"),
                    )
                    .note(format!("it has the tables of `{of}`"))
                    .help("leave out `shares tables`"),
                );
                Tables::Own
            }
        }
    }

    /// The parameters of a tower as written: its own, or those of the tower that it is made of.
    pub(super) fn written_params(&self, tower: &'a ast::Tower) -> Vec<ast::Param> {
        let mut at = tower;
        // What is made of itself has been refused, and this only must end.
        for _ in 0..=self.towers.len() {
            let of = match &at.origin {
                Some(
                    ast::Origin::Like(of)
                    | ast::Origin::CopyOf(of)
                    | ast::Origin::EmaOf(of, _)
                    | ast::Origin::Taken { like: of, .. },
                ) => of,
                Some(ast::Origin::Checkpoint(_) | ast::Origin::Scores { .. }) | None => break,
            };
            match self.towers.get(of.text.as_str()) {
                Some(next) => at = next,
                None => break,
            }
        }
        at.params.clone().unwrap_or_default()
    }

    /// `frozen(t)(x)`, where the callee is that.
    pub(super) fn frozen(
        &mut self,
        callee: &ast::Expr,
        piped: Option<&ast::Expr>,
        args: &[Arg],
        span: Span,
    ) -> Option<Expr> {
        let Syntax::Call(inner, towers) = &callee.kind else {
            return None;
        };
        if !matches!(&inner.kind, Syntax::Name(name) if name == "frozen") {
            return None;
        }
        let [Arg { name: None, value }] = towers.as_slice() else {
            self.report(
                self.error(216, callee.span, "`frozen` takes one tower")
                    .help("write `frozen(TOWER)(...)`"),
            );
            return Some(Expr::error(span));
        };
        let Syntax::Name(name) = &value.kind else {
            self.report(
                self.error(216, value.span, "`frozen` takes the name of a tower")
                    .help("write `frozen(TOWER)(...)`; the gradient of a value is kept back by `stop(...)`"),
            );
            return Some(Expr::error(span));
        };
        let Some(tower) = self.towers.get(name.as_str()).copied() else {
            let known: Vec<&str> = self.towers.keys().copied().collect();
            return Some(self.unknown(505, value.span, "tower", name, &known));
        };
        let applied = self.apply_tower(tower, piped, args, span);
        Some(match applied.kind {
            ExprKind::Tower(name, args) => Expr {
                kind: ExprKind::Frozen(name, args),
                ..applied
            },
            _ => applied,
        })
    }

    /// `frozen(t)` that is not applied to anything.
    pub(super) fn frozen_alone(&mut self, span: Span) -> Expr {
        self.report(
            self.error(210, span, "`frozen(...)` is a tower, not a value")
                .help("apply it to rows or tensors: `frozen(TOWER)(...)`"),
        );
        Expr::error(span)
    }

    /// The towers that a loss is for.
    pub(super) fn trained_towers(&mut self, loss: &ast::Loss) -> Vec<String> {
        let mut teachers: Vec<&str> = Vec::new();
        let mut others: Vec<&str> = Vec::new();
        let mut names = Vec::new();
        for name in &loss.trains {
            if self.is_scores(&name.text) {
                self.is_a_table(name, "no loss trains it");
                continue;
            }
            let Some(at) = self.tower_index(&name.text) else {
                if !self.towers.contains_key(name.text.as_str()) {
                    let known: Vec<&str> = self.towers.keys().copied().collect();
                    self.unknown(505, name.span, "tower", &name.text, &known);
                }
                continue;
            };
            let tower = &self.hir.towers[at];
            if !tower.learns() {
                let of = match tower.teacher.as_ref().map(|teacher| &teacher.origin) {
                    Some(Origin::Taken { run, .. }) => run,
                    _ => tower.follows().unwrap_or_default(),
                };
                let follows = Diagnostic::error(
                    Code(608),
                    name.span,
                    format!("loss `{}` cannot be for `{}`", loss.name.text, name.text),
                )
                .note(format!("`{}` takes its weights from `{of}`", name.text))
                .help("leave it out of `for`, or make it a teacher of its own: `like ...`");
                self.report(follows);
                continue;
            }
            match tower.teacher {
                Some(_) => teachers.push(&name.text),
                None => others.push(&name.text),
            }
            if !names.contains(&name.text) {
                names.push(name.text.clone());
            }
        }
        if !teachers.is_empty() && !others.is_empty() {
            self.report(
                Diagnostic::error(
                    Code(604),
                    loss.name.span,
                    format!(
                        "loss `{}` would train {} together with {}",
                        loss.name.text,
                        list(&teachers),
                        list(&others)
                    ),
                )
                .note("a teacher is not moved by the gradient of those that read it")
                .help(format!(
                    "write `for {}`, and a loss of its own for what it teaches",
                    teachers.join(", ")
                )),
            );
        }
        names
    }

    /// Refuses teachers that no loss of a training is for, and two trainings without a name.
    pub(super) fn teachers_are_trained(&mut self) {
        if self.diagnostics.iter().any(Diagnostic::is_error) {
            return;
        }
        let minimised: Vec<&str> = self
            .hir
            .trains
            .iter()
            .flat_map(|train| &train.minimize)
            .map(|(_, name)| name.as_str())
            .collect();
        let idle: Vec<(String, Span)> = self
            .hir
            .towers
            .iter()
            .filter(|tower| tower.teacher.is_some() && tower.learns())
            .filter(|tower| {
                !self.hir.losses.iter().any(|loss| {
                    loss.trains.contains(&tower.name) && minimised.contains(&loss.name.as_str())
                })
            })
            .map(|tower| (tower.name.clone(), tower.span))
            .collect();
        for (name, span) in idle {
            self.report(
                Diagnostic::error(
                    Code(606),
                    span,
                    format!("teacher `{name}` is never trained"),
                )
                .note(format!("no training minimises a loss `for {name}`, and a loss without `for` stops at its output"))
                .help(format!("give it one: `loss learn for {name} over ... = ...` and `minimize learn`")),
            );
        }
    }
}
