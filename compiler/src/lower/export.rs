//! Exports: a tower over all rows of its entity, or over rows of events.

use reckon_grammar::span::Span;

use super::{Lowering, fed, stream_handle};
use crate::build::{GraphBuilder, Mode, Val};
use crate::graph::{NodeId, SpaceKind};
use crate::hir::{Expr, ExprKind, Tower, Ty};
use crate::plan::{ExportPlan, Handle, HandleRows};

impl Lowering<'_, '_> {
    pub(super) fn export(&mut self, name: &str, span: Span) -> Option<ExportPlan> {
        let tower = self.hir.towers.iter().find(|tower| tower.name == name)?;
        let is_events = |source: &&str| {
            let mut sources = self.hir.sources.iter();
            sources.any(|s| s.name == **source && s.key.is_empty())
        };
        let events = sources_of(tower).into_iter().find(is_events);
        let mut builder = GraphBuilder::new(self.hir, &mut self.rows, Mode::Serving, name);
        let args = exported_rows(&mut builder, tower, events, span);
        let call = Expr {
            kind: ExprKind::Tower(name.to_owned(), args),
            ty: tower.value.ty.clone(),
            facts: Default::default(),
            span,
        };
        let built = builder.value(&call);
        let mut program = builder.finish();
        program.graph.outputs = outputs(name, self.kept(built)?);
        self.optimised(&mut program.graph);
        Some(ExportPlan {
            tower: name.to_owned(),
            program: fed(program.graph, program.handles, &program.feeds),
        })
    }
}

/// The sources whose rows a tower takes.
fn sources_of(tower: &Tower) -> Vec<&str> {
    let params = tower.params.iter();
    params
        .filter_map(|(_, _, ty)| match ty {
            Ty::Handle(handle) => Some(handle.source.as_str()),
            _ => None,
        })
        .collect()
}

/// The tower's arguments: rows of events with the entities that they refer to, or else all rows of its entity.
fn exported_rows(
    builder: &mut GraphBuilder<'_>,
    tower: &Tower,
    events: Option<&str>,
    span: Span,
) -> Vec<Expr> {
    let stream = events.map(|events| stream_handle(builder, 0, events));
    let mut args: Vec<Expr> = Vec::new();
    for (_, _, ty) in &tower.params {
        let Ty::Handle(handle) = ty else { continue };
        let source = handle.source.clone();
        let handle = match stream {
            Some(stream) if Some(source.as_str()) == events => stream,
            Some(stream) => {
                let space = builder.handles[stream].space;
                builder.add_handle(Handle {
                    name: source.clone(),
                    source,
                    space,
                    rows: HandleRows::Referred(stream),
                })
            }
            None => {
                let entity = source.clone();
                let space = builder.new_space("E", SpaceKind::Catalogue { entity });
                builder.add_handle(Handle {
                    name: source.clone(),
                    source,
                    space,
                    rows: HandleRows::Catalogue,
                })
            }
        };
        // Locals of the spec count from 0.
        let local = usize::MAX - args.len();
        builder.set_local(local, Val::Handle(handle));
        args.push(Expr {
            kind: ExprKind::Local(local),
            ty: ty.clone(),
            facts: Default::default(),
            span,
        });
    }
    args
}

/// A tensor under the tower's name, or the fields of a record under theirs.
fn outputs(tower: &str, value: Val) -> Vec<(String, NodeId)> {
    match value {
        Val::Node(node) => vec![(tower.to_owned(), node)],
        Val::Record(fields) => {
            let node = |(field, value)| match value {
                Val::Node(node) => Some((field, node)),
                _ => None,
            };
            fields.into_iter().filter_map(node).collect()
        }
        Val::Handle(_) | Val::View(_) | Val::Tuple(_) | Val::Const(_) => Vec::new(),
    }
}
