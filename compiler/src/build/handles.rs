//! Handles: which rows a value is read at, and the inputs that come with them.

use super::rows::bag_of;
use super::{Built, GraphBuilder, ListInputs, Mode, Val};
use crate::graph::{Dim, Elem, NodeId, SpaceId, SpaceKind, TensorType};
use crate::hir::{Expr, ExprKind, Ty};
use crate::plan::row::RowKind;
use crate::plan::{FeedKind, Handle, HandleRows};

impl GraphBuilder<'_> {
    /// Declares a space, numbering names that repeat.
    pub(crate) fn new_space(&mut self, name: &str, kind: SpaceKind) -> SpaceId {
        self.graph.new_space(name, 2, kind)
    }

    /// Adds a handle, or finds the one with the same rows.
    pub(crate) fn add_handle(&mut self, handle: Handle) -> usize {
        if let Some(at) = self
            .handles
            .iter()
            .position(|known| known.rows == handle.rows && known.source == handle.source)
        {
            return at;
        }
        self.handles.push(handle);
        self.handles.len() - 1
    }

    /// The handle that an expression stands for.
    pub(super) fn handle(&mut self, e: &Expr) -> Built<usize> {
        match &e.kind {
            ExprKind::Local(_) => match self.value(e)? {
                Val::Handle(handle) => Ok(handle),
                Val::View(view) => Ok(self.views[view].base),
                _ => Err(self.internal(e.span, "expected rows")),
            },
            ExprKind::Refer(of, target) => {
                let of = self.handle(of)?;
                Ok(self.referred(of, target))
            }
            ExprKind::History(of, index) => {
                let of = self.handle(of)?;
                self.history(of, *index, e)
            }
            ExprKind::Candidates(how, own) => {
                let own = self.handle(own)?;
                self.candidates(how, own, e)
            }
            ExprKind::Scope { value, .. } => self.handle(value),
            ExprKind::View(of, _) => self.handle(of),
            _ => Err(self.internal(e.span, "expected rows")),
        }
    }

    fn referred(&mut self, of: usize, target: &str) -> usize {
        let from = &self.handles[of];
        let name = match from.rows {
            HandleRows::Stream(0) => target.to_owned(),
            _ => format!("{}.{target}", from.name),
        };
        let space = from.space;
        self.add_handle(Handle {
            name,
            source: target.to_owned(),
            space,
            rows: HandleRows::Referred(of),
        })
    }

    fn history(&mut self, of: usize, index: usize, e: &Expr) -> Built<usize> {
        let history = &self.hir.histories[index];
        let (source, last) = (history.source.clone(), history.last);
        let rows = HandleRows::History(of, index);
        if let Some(at) = self.handles.iter().position(|known| known.rows == rows) {
            return Ok(at);
        }
        let parent = self.handles[of].space;
        let space = self.new_space("L", SpaceKind::List { parent, max: last });
        let name = match index {
            0 => format!("{}.history", self.handles[of].name),
            _ => format!("{}.history_{}", self.handles[of].name, index + 1),
        };
        self.handles.push(Handle {
            name: name.clone(),
            source,
            space,
            rows,
        });
        let handle = self.handles.len() - 1;
        let ty = TensorType::new(Elem::I64, [Dim::Space(space)]);
        let segments = self.input(
            format!("{name}.segments"),
            ty.clone(),
            FeedKind::Segments { handle },
            e,
        )?;
        let positions = self.input(
            format!("{name}.positions"),
            ty,
            FeedKind::Positions { handle },
            e,
        )?;
        self.lists.insert(
            space,
            ListInputs {
                segments,
                positions,
                parent,
            },
        );
        Ok(handle)
    }

    /// The other entity that the rows of the batch refer to.
    pub(super) fn asking(&mut self, own: usize, e: &Expr) -> Built<usize> {
        let HandleRows::Referred(stream) = self.handles[own].rows else {
            return Err(self.internal(e.span, "candidates are not of the batch"));
        };
        let source = self.handles[stream].source.clone();
        let target = self
            .hir
            .sources
            .iter()
            .find(|known| known.name == source)
            .and_then(|source| {
                source
                    .references
                    .iter()
                    .find(|reference| reference.target != self.handles[own].source)
            });
        match target.map(|reference| reference.target.clone()) {
            Some(target) => Ok(self.referred(stream, &target)),
            None => Err(self.internal(e.span, "the rows refer to one entity only")),
        }
    }

    /// Row values as an input.
    pub(super) fn feed(&mut self, rows: &Expr, e: &Expr) -> Built<NodeId> {
        let elem = match &e.ty {
            Ty::Tensor(tensor) => tensor.elem,
            _ => Elem::F32,
        };
        self.row_input(rows, e, 0.0, elem)
    }

    /// A kernel's output at the rows of the handle that the expression reads.
    pub(super) fn row_input(
        &mut self,
        rows: &Expr,
        e: &Expr,
        drop: f64,
        elem: Elem,
    ) -> Built<NodeId> {
        let Some(root) = super::rows::root_of(rows) else {
            return Err(self.internal(e.span, "a row value reads no rows"));
        };
        let handle = self.handle(root)?;
        let source = self.handles[handle].source.clone();
        let numeric = elem == Elem::F32;
        let feature = self
            .path
            .first()
            .and_then(|path| path.rsplit('/').next())
            .and_then(|path| path.strip_prefix(&source))
            .and_then(|rest| rest.strip_prefix('.'));
        let output = self.rows.output(&source, rows, numeric, feature);
        // A teacher that does not learn sees every value, beside towers that see some replaced.
        let whole = drop > 0.0 && self.mode == Mode::Serving && self.program == Mode::Training;
        let (name, drop) = match whole {
            true => (format!("{}.{output}.whole", self.handles[handle].name), 0.0),
            false => (format!("{}.{output}", self.handles[handle].name), drop),
        };
        let parent = self.handles[handle].space;
        let is_list = matches!(&rows.ty, Ty::Row(row) if matches!(row.kind, RowKind::List(_)));
        if is_list {
            let bag = bag_of(rows);
            return self.list_input((handle, output), (name, bag), drop, elem, e);
        }
        let ty = TensorType::new(elem, [Dim::Space(parent)]);
        let what = FeedKind::Column {
            handle,
            output,
            drop,
        };
        self.input(name, ty, what, e)
    }

    /// A list output: its elements back to back, with the row of each and its place.
    fn list_input(
        &mut self,
        (handle, output): (usize, String),
        (name, bag): (String, Option<String>),
        drop: f64,
        elem: Elem,
        e: &Expr,
    ) -> Built<NodeId> {
        let whole = handle;
        let bag = bag.map(|bag| (self.read_at(handle), bag));
        let beside = bag.as_ref().and_then(|bag| self.bags.get(bag)).cloned();
        // Values that stand beside others are left out where those are.
        let like = beside.as_ref().map(|(_, first)| first.clone());
        let handle = self.thin(handle, like.as_ref().unwrap_or(&output), e)?;
        let name = match handle == whole {
            true => name,
            false => format!("{}.{output}", self.handles[handle].name),
        };
        if let Some((done, FeedKind::ListValues { .. })) = self.fed(&name) {
            return Ok(done);
        }
        let space = match beside {
            Some((space, _)) => space,
            None => self.list_of_output((handle, &output), &name, e)?,
        };
        if let Some(bag) = bag {
            let first = like.clone().unwrap_or_else(|| output.clone());
            self.bags.insert(bag, (space, first));
        }
        let ty = TensorType::new(elem, [Dim::Space(space)]);
        let what = FeedKind::ListValues {
            handle,
            output,
            drop,
            space,
            like,
        };
        self.input(name, ty, what, e)
    }

    /// The space of the elements of a list output.
    fn list_of_output(
        &mut self,
        (handle, output): (usize, &str),
        name: &str,
        e: &Expr,
    ) -> Built<SpaceId> {
        let parent = self.handles[handle].space;
        let space = self.new_space("L", SpaceKind::List { parent, max: None });
        let index = TensorType::new(Elem::I64, [Dim::Space(space)]);
        let segments = FeedKind::ListSegments {
            handle,
            output: output.to_owned(),
        };
        let segments = self.input(format!("{name}.segments"), index.clone(), segments, e)?;
        let positions = FeedKind::ListPositions {
            handle,
            output: output.to_owned(),
        };
        let positions = self.input(format!("{name}.positions"), index, positions, e)?;
        self.lists.insert(
            space,
            ListInputs {
                segments,
                positions,
                parent,
            },
        );
        Ok(space)
    }
}
