//! Views: features of rows, some of them hidden behind a default vector, lists of values thinned.

use super::{Built, GraphBuilder, Mode, Val};
use crate::graph::{Dim, Elem, Init, NodeId, Op, Param, ParamKind, TensorType};
use crate::hir::{self, Expr, ExprKind, Fill, Ty};
use crate::plan::{FeedKind, Handle, HandleRows};
use crate::value::Value;

/// Rows as a tower sees them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    /// The rows.
    pub(super) base: usize,
    /// The same rows with values of lists left out.
    pub(super) thinned: Option<usize>,
    masks: Vec<Mask>,
}

/// What hides fields.
#[derive(Clone, Debug, PartialEq)]
struct Mask {
    /// `bool[.., K]`
    node: NodeId,
    /// The names of the K fields.
    fields: Vec<String>,
    fill: Fill,
}

/// A feature is being computed over thinned rows.
#[derive(Clone, Debug)]
pub(super) struct Thinning {
    base: usize,
    thinned: usize,
    /// For each list read so far: which rows have lost all of their values.
    emptied: Vec<NodeId>,
}

impl GraphBuilder<'_> {
    /// Rows, or a view of them.
    pub(super) fn rows_value(&mut self, e: &Expr) -> Built<Val> {
        match &e.kind {
            ExprKind::Local(_) => self.value(e),
            ExprKind::View(of, view) => self.view(of, view, e).map(Val::View),
            ExprKind::Scope { value, .. } => self.rows_value(value),
            _ => self.handle(e).map(Val::Handle),
        }
    }

    /// The number of a view among the views of the graph.
    pub(super) fn view(&mut self, of: &Expr, view: &hir::View, e: &Expr) -> Built<usize> {
        let mut seen = match self.rows_value(of)? {
            Val::Handle(base) => Seen {
                base,
                thinned: None,
                masks: Vec::new(),
            },
            Val::View(at) => self.views[at].clone(),
            _ => return Err(self.internal(e.span, "a view is of rows")),
        };
        if let Some(mask) = &view.mask {
            seen.masks.push(Mask {
                node: self.mask(&view.scopes, mask, e)?,
                fields: view.fields.clone(),
                fill: view.fill,
            });
        }
        if view.drop > 0.0 && self.mode == Mode::Training {
            seen.thinned = Some(self.thinned(seen.base, view));
        }
        if let Some(at) = self.views.iter().position(|known| *known == seen) {
            return Ok(at);
        }
        self.views.push(seen);
        Ok(self.views.len() - 1)
    }

    /// The mask inside its bindings. Each binding is computed once, however many views read it: the two views of one
    /// draw are each other's complement.
    fn mask(&mut self, scopes: &[hir::Scoped], mask: &Expr, e: &Expr) -> Built<NodeId> {
        let open = self.path.len();
        let outer = self.placed_at(mask, e.span);
        for scope in scopes {
            self.path.extend(scope.segment.clone());
            for (id, _, e) in &scope.lets {
                if !self.locals.contains_key(id) {
                    let bound = self.value(e)?;
                    self.locals.insert(*id, bound);
                }
            }
        }
        let node = self.node(mask);
        self.path.truncate(open);
        self.call = outer;
        node
    }

    fn thinned(&mut self, base: usize, view: &hir::View) -> usize {
        if let Some(done) = self.thinned.get(&view.id) {
            return *done;
        }
        let draw = self.thinned.len() + 1;
        let of = &self.handles[base];
        let handle = Handle {
            name: format!("{}.thinned_{draw}", of.name),
            source: of.source.clone(),
            space: of.space,
            rows: HandleRows::Thinned {
                of: base,
                rate: view.drop,
                draw,
            },
        };
        let at = self.add_handle(handle);
        self.thinned.insert(view.id, at);
        at
    }

    /// A feature of a view.
    pub(super) fn view_feature(&mut self, view: usize, name: &str, e: &Expr) -> Built<Val> {
        let key = format!("{view} {name} {:?} {:?}", self.reading, self.mode);
        if let Some(done) = self.view_features.get(&key) {
            return Ok(done.clone());
        }
        let seen = self.views[view].clone();
        let source = self.handles[seen.base].source.clone();
        let (value, emptied) = match seen.thinned {
            None => (self.feature(seen.base, name, e)?, Vec::new()),
            Some(thinned) => self.thinned_feature(seen.base, thinned, name, e)?,
        };
        let Val::Node(mut node) = value else {
            return Err(self.internal(e.span, "a feature is a tensor"));
        };
        for cond in emptied {
            node = self.replaced(cond, node, (&source, name), Fill::Learned, e)?;
        }
        for mask in seen.masks {
            if let Some(at) = mask.fields.iter().position(|field| field == name) {
                let cond = self.field_of_mask(mask.node, at, e)?;
                node = self.replaced(cond, node, (&source, name), mask.fill, e)?;
            }
        }
        self.view_features.insert(key, Val::Node(node));
        Ok(Val::Node(node))
    }

    fn thinned_feature(
        &mut self,
        base: usize,
        thinned: usize,
        name: &str,
        e: &Expr,
    ) -> Built<(Val, Vec<NodeId>)> {
        let outer = self.thinning.replace(Thinning {
            base,
            thinned,
            emptied: Vec::new(),
        });
        let value = self.feature_at(base, name, e);
        let emptied = std::mem::replace(&mut self.thinning, outer);
        let emptied = emptied.map_or_else(Vec::new, |thinning| thinning.emptied);
        Ok((value?, emptied))
    }

    /// The handle whose lists are read in the place of `handle`.
    pub(super) fn read_at(&self, handle: usize) -> usize {
        let thinning = self.thinning.as_ref().filter(|now| now.base == handle);
        thinning.map_or(handle, |now| now.thinned)
    }

    /// The handle whose lists are read in the place of `handle`, and an input that says which rows lost all values.
    pub(super) fn thin(&mut self, handle: usize, output: &str, e: &Expr) -> Built<usize> {
        let Some(thinning) = self.thinning.as_ref().filter(|now| now.base == handle) else {
            return Ok(handle);
        };
        let thinned = thinning.thinned;
        let (name, space) = (&self.handles[thinned].name, self.handles[thinned].space);
        let name = format!("{name}.{output}.emptied");
        let what = FeedKind::Emptied {
            handle: thinned,
            output: output.to_owned(),
        };
        let ty = TensorType::new(Elem::Bool, [Dim::Space(space)]);
        let node = self.input(name, ty, what, e)?;
        if let Some(thinning) = &mut self.thinning
            && !thinning.emptied.contains(&node)
        {
            thinning.emptied.push(node);
        }
        Ok(thinned)
    }

    /// One field of a mask: `bool[.., K]` to `bool[..]`.
    fn field_of_mask(&mut self, mask: NodeId, at: usize, e: &Expr) -> Built<NodeId> {
        let dims = self.graph.ty(mask).dims.clone();
        let axis = dims.len() - 1;
        let slice = Op::Slice {
            axis,
            start: at,
            len: 1,
        };
        let one = self.push(slice, &[mask], e)?;
        self.reshape(one, dims[..axis].to_vec(), e)
    }

    /// The default of a field where the condition holds.
    fn replaced(
        &mut self,
        cond: NodeId,
        value: NodeId,
        (source, name): (&str, &str),
        fill: Fill,
        e: &Expr,
    ) -> Built<NodeId> {
        let dims = self.graph.ty(value).dims.iter().copied();
        let dims: Vec<Dim> = dims.filter(|dim| matches!(dim, Dim::Fixed(_))).collect();
        let ty = TensorType::new(Elem::F32, dims);
        let value = self.float(value, e)?;
        let default = match fill {
            Fill::Zero => self.push_typed(Op::Const(vec![0.0]), &[], ty, e)?,
            Fill::Learned => {
                let feature = self.reading.feature(source, name);
                let path = self.reading.weight(&format!("{feature}.default"));
                let param = Param {
                    kind: ParamKind::Weight,
                    ty,
                    init: Init::Normal(0.05),
                };
                self.param(path, param, e)?
            }
        };
        let mut nodes = [cond, default, value];
        self.level(&mut nodes, e)?;
        self.push(Op::Select, &nodes, e)
    }

    /// A value repeated for each row.
    pub(super) fn each_row(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let rows = self.handle(&args[0])?;
        let x = self.node(&args[1])?;
        let ty = self.graph.ty(x).clone();
        let dims = [vec![Dim::Space(self.handles[rows].space)], ty.dims].concat();
        self.push_typed(Op::Broadcast, &[x], TensorType::new(ty.elem, dims), e)
    }

    /// The fitted matrix of all pairs of fields.
    pub(super) fn mutual_information(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let Ty::Handle(handle) = &args[0].ty else {
            return Err(self.internal(e.span, "expected rows"));
        };
        let source = handle.source.clone();
        let bins = match args.get(1).and_then(|arg| arg.ty.value()) {
            Some(Value::Int(bins)) => usize::try_from(*bins).unwrap_or(0),
            _ => 0,
        };
        let names: Vec<&str> = match args.get(3).and_then(|arg| arg.ty.value()) {
            Some(Value::List(items)) => items.iter().filter_map(text).collect(),
            _ => Vec::new(),
        };
        let training = matches!(args.get(2).and_then(|arg| arg.ty.value()), Some(Value::Word(word)) if word == "training");
        let feature = |name: &&str| {
            let mut features = self.hir.features.iter();
            features.find(|feature| feature.source == source && feature.name == *name)
        };
        let fields: Vec<&hir::Feature> = names.iter().filter_map(feature).collect();
        let size = Dim::Fixed(fields.len());
        let fit = self
            .rows
            .mutual_information(&source, &fields, bins, training, e.span);
        let name = format!("{source}.mutual_information_{fit}");
        let ty = TensorType::new(Elem::F32, [size, size]);
        self.input(name, ty, FeedKind::Statistic { fit }, e)
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Str(text) => Some(text),
        _ => None,
    }
}
