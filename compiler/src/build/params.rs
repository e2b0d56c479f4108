//! Weights and tables: each is one parameter of the graph, however often it is read.

use super::{Built, GraphBuilder};
use crate::graph::{Dim, Elem, Init, NodeId, Op, Param, ParamKind, SpaceKind, TensorType};
use crate::hir::{EmbedTable, Expr, Ty};
use crate::plan::Tune;

impl GraphBuilder<'_> {
    pub(super) fn weight(
        &mut self,
        name: &str,
        kind: ParamKind,
        init: Init,
        e: &Expr,
    ) -> Built<NodeId> {
        let Ty::Tensor(tensor) = &e.ty else {
            return Err(self.internal(e.span, "a weight has no shape"));
        };
        let path = self
            .path
            .iter()
            .map(String::as_str)
            .chain([name])
            .collect::<Vec<_>>()
            .join(".");
        let dims: Vec<Dim> = tensor.dims.iter().map(|size| Dim::Fixed(*size)).collect();
        let path = self.reading.weight(&path);
        let ty = TensorType::new(Elem::F32, dims);
        self.param(path, Param { kind, ty, init }, e)
    }

    pub(super) fn item_weight(&mut self, name: &str, e: &Expr) -> Built<NodeId> {
        let weight = self.hir.weights.iter().find(|weight| weight.name == name);
        let Some(weight) = weight else {
            return Err(self.internal(e.span, "a weight is missing"));
        };
        let dims: Vec<Dim> = weight
            .ty
            .dims
            .iter()
            .map(|size| Dim::Fixed(*size))
            .collect();
        let param = Param {
            kind: ParamKind::Weight,
            ty: TensorType::new(Elem::F32, dims),
            init: weight.init.clone(),
        };
        let path = self.reading.weight(&self.reading.named(name));
        self.param(path, param, e)
    }

    pub(super) fn param(&mut self, path: String, param: Param, e: &Expr) -> Built<NodeId> {
        if let Some(done) = self.inputs.get(&format!("param {path}")) {
            return self.read_weight(*done, e);
        }
        let ty = param.ty.clone();
        self.graph.params.insert(path.clone(), param);
        let node = self.push_typed(Op::Param(path.clone()), &[], ty, e)?;
        self.inputs.insert(format!("param {path}"), node);
        self.read_weight(node, e)
    }

    /// Vectors of ids, from the table of a feature.
    pub(super) fn embed(&mut self, ids: &Expr, table: &EmbedTable, e: &Expr) -> Built<NodeId> {
        let path = self.reading.table(&table.path);
        let ids_node = self.row_input(ids, e, table.drop, Elem::I64)?;
        let key = format!("table {path}");
        let node = match self.inputs.get(&key) {
            Some(done) => *done,
            None => {
                let space = self.new_space(
                    &table.path,
                    SpaceKind::Vocabulary {
                        table: path.clone(),
                    },
                );
                let ty = TensorType::new(Elem::F32, [Dim::Space(space), Dim::Fixed(table.width)]);
                self.rows.table(&path, ids, table, e.span);
                self.graph.params.insert(
                    path.clone(),
                    Param {
                        kind: ParamKind::Table,
                        ty: ty.clone(),
                        init: table.init.clone(),
                    },
                );
                let node = self.push_typed(Op::Table(path), &[], ty, e)?;
                self.inputs.insert(key, node);
                node
            }
        };
        let found = self.push(Op::Lookup, &[node, ids_node], e)?;
        match &table.vectors {
            Some(vectors) if vectors.tune == Tune::Frozen => self.push(Op::Stop, &[found], e),
            Some(_) | None => self.read_weight(found, e),
        }
    }
}
