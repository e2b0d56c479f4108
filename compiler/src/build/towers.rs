//! Towers applied to rows: whose weights they read, and where gradients stop.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::Taken;
use super::{Built, GraphBuilder, Mode, Val};
use crate::graph::{NodeId, Op};
use crate::hir::{Expr, Origin, Tables, Tower};
use crate::routing::{PROGRAM, belongs, teachers_in};

/// Whose weights are read while a body is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// What every path begins with: the copies and averages through which the body is read, `old/`.
    prefix: String,
    /// The model space of tables, and of weights of features.
    space: String,
    /// The teacher that has weights of its own for towers without a space of their own: one that is like another tower.
    adopter: Option<String>,
    /// Weights are read without their gradient: `frozen(t)`.
    pub(super) frozen: bool,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            space: PROGRAM.to_owned(),
            adopter: None,
            frozen: false,
        }
    }
}

impl Reading {
    /// The path of a weight of the open body.
    pub(super) fn weight(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// The path of a weight that is declared as an item, and the first segment of a tower's paths.
    pub(super) fn named(&self, name: &str) -> String {
        match &self.adopter {
            Some(adopter) => format!("{adopter}/{name}"),
            None => name.to_owned(),
        }
    }

    /// The path of a table.
    pub(super) fn table(&self, path: &str) -> String {
        format!("{}{}/{path}", self.prefix, self.space)
    }

    /// The first segment of the paths of a feature's weights.
    pub(super) fn feature(&self, source: &str, name: &str) -> String {
        match self.space == PROGRAM {
            true => format!("{source}.{name}"),
            false => format!("{}/{source}.{name}", self.space),
        }
    }
}

/// Which teachers learn while a program runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Learning {
    /// The towers that losses of this training are for. Other teachers do not move: they are read as they serve.
    pub(crate) here: BTreeSet<String>,
    /// The towers that the open loss is for: their outputs let gradients through.
    pub(crate) open: BTreeSet<String>,
    /// The paths outside of its own weights that each teacher reads.
    pub(crate) borrowed: BTreeMap<String, BTreeSet<String>>,
}

impl<'h> GraphBuilder<'h> {
    /// A tower's value. That of a teacher is stopped where the open loss is not for it.
    pub(super) fn tower(&mut self, name: &str, args: &[Expr], e: &Expr) -> Built<Val> {
        let (tower, args) = self.applied(name, args, e)?;
        let (reading, mode) = self.reading_of(tower);
        let value = self.tower_value(tower, args, reading, mode)?;
        if tower.teacher.is_none() || self.program == Mode::Serving {
            return Ok(value);
        }
        self.note_borrowed(name, &value);
        match self.learning.open.contains(name) {
            true => Ok(value),
            false => self.stopped(value, e),
        }
    }

    /// `frozen(t)(x)`: gradients go through to `x`, and not into the weights of `t`.
    pub(super) fn frozen(&mut self, name: &str, args: &[Expr], e: &Expr) -> Built<Val> {
        let (tower, args) = self.applied(name, args, e)?;
        let (reading, mode) = self.reading_of(tower);
        let reading = Reading {
            frozen: true,
            ..reading
        };
        self.tower_value(tower, args, reading, mode)
    }

    fn applied(&mut self, name: &str, args: &[Expr], e: &Expr) -> Built<(&'h Tower, Vec<Val>)> {
        let Some(tower) = self.hir.tower(name) else {
            return Err(self.internal(e.span, "a tower is missing"));
        };
        let args = args
            .iter()
            .map(|arg| self.value(arg))
            .collect::<Built<_>>()?;
        Ok((tower, args))
    }

    /// Whose weights the body of a tower reads, and whether dropout happens in it.
    fn reading_of(&self, tower: &Tower) -> (Reading, Mode) {
        let outer = &self.reading;
        let Some(teacher) = &tower.teacher else {
            let space = match outer.adopter {
                Some(_) => outer.space.clone(),
                None => PROGRAM.to_owned(),
            };
            let reading = Reading {
                space,
                ..outer.clone()
            };
            return (reading, self.mode);
        };
        let (mut prefix, mut adopter) = (outer.prefix.clone(), None);
        match teacher.origin {
            Origin::Own => {}
            Origin::Like(_) | Origin::Taken { .. } => adopter = Some(tower.name.clone()),
            Origin::CopyOf(_) | Origin::Before(_) | Origin::EmaOf(..) => {
                prefix = format!("{prefix}{}/", tower.name)
            }
        }
        let reading = Reading {
            prefix,
            space: match teacher.tables {
                Tables::Own if tower.follows().is_none() => tower.name.clone(),
                Tables::Own | Tables::Shared => PROGRAM.to_owned(),
            },
            adopter,
            frozen: outer.frozen,
        };
        let learns = self.learning.here.contains(&tower.name);
        let mode = if learns { self.program } else { Mode::Serving };
        (reading, mode)
    }

    /// The value of a tower's body, built once for the same arguments, weights and stops.
    fn tower_value(
        &mut self,
        tower: &'h Tower,
        args: Vec<Val>,
        reading: Reading,
        mode: Mode,
    ) -> Built<Val> {
        // Its own output is stopped outside of its body.
        let inside = teachers_in(self.hir, &tower.name).into_iter();
        let open = inside.filter(|name| *name != tower.name && self.learning.open.contains(name));
        let open: Vec<String> = open.collect();
        let key = format!("{} {args:?} {reading:?} {mode:?} {open:?}", tower.name);
        if let Some(done) = self.towers.get(&key) {
            return Ok(done.clone());
        }
        let head = match tower.teacher {
            None => reading.named(&tower.name),
            Some(_) => tower.name.clone(),
        };
        let outer = (
            self.call.take(),
            std::mem::replace(&mut self.reading, reading),
            std::mem::replace(&mut self.mode, mode),
        );
        let taken = taken(tower);
        let outer_rows = taken.map(|taken| self.rows.taken.replace(taken));
        let result = match tower.follows().and_then(|of| self.hir.tower(of)) {
            Some(of) => {
                let (reading, _) = self.reading_of(of);
                self.tower_value(of, args, reading, mode)
            }
            None => {
                for ((id, _, _), value) in tower.params.iter().zip(&args) {
                    self.locals.insert(*id, value.clone());
                }
                self.drawing_for(&head, &args, |builder| {
                    builder.at_path(&head, |builder| builder.value(&tower.value))
                })
            }
        };
        (self.call, self.reading, self.mode) = outer;
        if let Some(rows) = outer_rows {
            self.rows.taken = rows;
        }
        let result = result?;
        self.towers.insert(key, result.clone());
        Ok(result)
    }

    /// Notes which weights a teacher reads that are neither its own nor another teacher's.
    fn note_borrowed(&mut self, name: &str, value: &Val) {
        let mut nodes = Vec::new();
        nodes_of(value, &mut nodes);
        let needed = self.graph.needed_by(nodes);
        let teachers = || {
            let towers = self.hir.towers.iter();
            towers.filter(|tower| tower.teacher.is_some())
        };
        let paths = self.graph.ids().filter(|id| needed[id.index()]);
        let paths = paths.filter_map(|id| match &self.graph.node(id).op {
            Op::Param(path) | Op::Table(path) => Some(path),
            _ => None,
        });
        let borrowed = self.learning.borrowed.entry(name.to_owned()).or_default();
        borrowed.extend(
            paths
                .filter(|path| !teachers().any(|teacher| belongs(path, &teacher.name)))
                .cloned(),
        );
    }

    /// Keeps the gradient of a weight back where the open body is frozen.
    pub(super) fn read_weight(&mut self, node: NodeId, e: &Expr) -> Built<NodeId> {
        match self.reading.frozen {
            true => self.push(Op::Stop, &[node], e),
            false => Ok(node),
        }
    }
}

/// Where the statistics of a tower's features come from, if not from this run.
fn taken(tower: &Tower) -> Option<Taken> {
    match &tower.teacher.as_ref()?.origin {
        Origin::Taken { run, .. } => Some(Taken {
            teacher: tower.name.clone(),
            run: run.clone(),
        }),
        Origin::Own
        | Origin::Like(_)
        | Origin::CopyOf(_)
        | Origin::Before(_)
        | Origin::EmaOf(..) => None,
    }
}

fn nodes_of(value: &Val, found: &mut Vec<NodeId>) {
    match value {
        Val::Node(node) => found.push(*node),
        Val::Record(fields) => fields.iter().for_each(|(_, value)| nodes_of(value, found)),
        Val::Tuple(items) => items.iter().for_each(|value| nodes_of(value, found)),
        Val::Handle(_) | Val::View(_) | Val::Const(_) => {}
    }
}
