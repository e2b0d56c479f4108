//! Candidates of a batch, and what rows and candidates carry beside their features.

use super::{Built, GraphBuilder};
use crate::graph::{Dim, Elem, NodeId, Op, SpaceId, SpaceKind, TensorType};
use crate::hir::{Candidates, Expr, ExprKind, Sampler};
use crate::plan::{FeedKind, Handle, HandleRows, StreamPlan};
use crate::value::Value;

impl GraphBuilder<'_> {
    pub(super) fn candidates(&mut self, how: &Candidates, own: usize, e: &Expr) -> Built<usize> {
        let source = self.handles[own].source.clone();
        match how {
            Candidates::InBatch | Candidates::Mined(_) => {
                Ok(self.candidate_handle("C", &source, HandleRows::Shared(own)))
            }
            Candidates::Catalogue => Ok(self.candidate_handle("E", &source, HandleRows::Catalogue)),
            Candidates::Sampled(count, sampler) | Candidates::Mixed(count, sampler) => {
                let shared = self.candidate_handle("C", &source, HandleRows::Shared(own));
                let drawn = self.drawn_handle(*count, sampler, own, e)?;
                let joined = HandleRows::Joined(vec![shared, drawn]);
                // The two kinds count their candidates differently, so they are two handles.
                let kind = if matches!(how, Candidates::Mixed(..)) {
                    "C"
                } else {
                    "S"
                };
                Ok(self.candidate_handle(kind, &source, joined))
            }
        }
    }

    fn drawn_handle(
        &mut self,
        count: usize,
        sampler: &Sampler,
        own: usize,
        e: &Expr,
    ) -> Built<usize> {
        let Some(stream) = self.stream_of(own) else {
            return Err(self.internal(e.span, "candidates are not of a stream"));
        };
        let sampler = self.rows.sampler(sampler);
        let rows = HandleRows::Sampled {
            count,
            sampler,
            stream,
        };
        let source = self.handles[own].source.clone();
        Ok(self.candidate_handle("N", &source, rows))
    }

    /// The stream that the rows of a handle come from.
    pub(super) fn stream_of(&self, handle: usize) -> Option<usize> {
        match self.handles[handle].rows {
            HandleRows::Stream(stream) => Some(stream),
            HandleRows::Referred(of)
            | HandleRows::Shared(of)
            | HandleRows::Distinct(of)
            | HandleRows::Thinned { of, .. }
            | HandleRows::History(of, _) => self.stream_of(of),
            HandleRows::Catalogue
            | HandleRows::Joined(_)
            | HandleRows::Sampled { .. }
            | HandleRows::Groups(_) => None,
        }
    }

    fn candidate_handle(&mut self, letter: &str, source: &str, rows: HandleRows) -> usize {
        let same = |known: &Handle| {
            known.rows == rows
                && known.source == source
                && (letter == "S") == self.graph.space(known.space).name.starts_with('S')
        };
        if let Some(at) = self.handles.iter().position(same) {
            return at;
        }
        let kind = match rows {
            HandleRows::Catalogue => SpaceKind::Catalogue {
                entity: source.to_owned(),
            },
            _ => SpaceKind::Candidates,
        };
        let space = self.new_space(letter, kind);
        let name = self.graph.space(space).name.clone();
        self.handles.push(Handle {
            name: format!("{source}@{name}"),
            source: source.to_owned(),
            space,
            rows,
        });
        self.handles.len() - 1
    }

    /// What candidates carry, and what rows do: indices, the positive, counts; weights and how a row was drawn.
    pub(super) fn builtin(&mut self, handle: &Expr, name: &str, e: &Expr) -> Built<NodeId> {
        let ExprKind::Candidates(how, own_expr) = &super::rows::plain(handle).kind else {
            return self.of_row(handle, name, e);
        };
        let (candidates, own) = (self.handle(handle)?, self.handle(own_expr)?);
        let (shared, batch) = (self.handles[candidates].space, self.handles[own].space);
        let (shared_name, own_name) = (
            self.handles[candidates].name.clone(),
            self.handles[own].name.clone(),
        );
        match name {
            "column" => self.push_typed(Op::Iota, &[], i64s(shared), e),
            "index" => self.input(
                format!("{shared_name}.row"),
                i64s(shared),
                FeedKind::Rows { handle: candidates },
                e,
            ),
            "own" => self.input(
                format!("{own_name}.row"),
                i64s(batch),
                FeedKind::Rows { handle: own },
                e,
            ),
            "positive" => self.input(
                format!("{own_name}.in.{shared_name}"),
                i64s(batch),
                FeedKind::Positive {
                    of: own,
                    candidates,
                },
                e,
            ),
            "log_count" => {
                let ty = TensorType::new(Elem::F32, [Dim::Space(shared)]);
                let what = FeedKind::LogExpectedCount {
                    candidates,
                    drawn_only: matches!(how, Candidates::Sampled(..)),
                };
                self.input(format!("{shared_name}.log_count"), ty, what, e)
            }
            "known" | "seen" => {
                let of = self.asking(own, e)?;
                let ty = TensorType::new(Elem::Bool, [Dim::Space(batch), Dim::Space(shared)]);
                let what = match name {
                    "known" => FeedKind::KnownPositive { of, candidates },
                    _ => FeedKind::Seen { of, candidates },
                };
                self.input(format!("{shared_name}.{name}"), ty, what, e)
            }
            "foreign" => self.foreign(batch, shared, e),
            _ => Err(self.internal(e.span, "candidates do not carry this")),
        }
    }

    /// Scores of a row's positive and of the candidates that score highest for it. Which these are is no part of the gradient.
    pub(super) fn hardest(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let scores = self.node(&args[0])?;
        let candidates = self.handle(&args[1])?;
        let n = match args.get(2).and_then(|arg| arg.ty.value()) {
            Some(Value::Int(n)) => *n as f64,
            _ => 0.0,
        };
        let shared = self.handles[candidates].space;
        let dims = self.graph.ty(scores).dims.clone();
        let Some(axis) = dims.iter().position(|dim| *dim == Dim::Space(shared)) else {
            return Err(self.internal(e.span, "expected scores over candidates"));
        };
        let column = self.push_typed(Op::Iota, &[], i64s(shared), e)?;
        let positive = self.builtin(&args[1], "positive", e)?;
        let (positive, column) = self.aligned(positive, column, e)?;
        let own = self.push(Op::Eq, &[positive, column], e)?;
        let (least, floor) = (self.number(-1e30, e)?, self.number(-1e9, e)?);
        let others = self.push(Op::Stop, &[scores], e)?;
        let others = self.push(Op::Select, &[own, least, others], e)?;
        // The place of each column in ascending order is the order of the order.
        let order = self.push(Op::Argsort(axis), &[others], e)?;
        let order = self.push(Op::Cast(Elem::F32), &[order], e)?;
        let place = self.push(Op::Argsort(axis), &[order], e)?;
        let place = self.push(Op::Cast(Elem::F32), &[place], e)?;
        let size = self.push(Op::Size(shared), &[], e)?;
        let n = self.number(n, e)?;
        let first = self.push(Op::Sub, &[size, n], e)?;
        let high = self.push(Op::Ge, &[place, first], e)?;
        let kept = self.push(Op::Or, &[high, own], e)?;
        self.push(Op::Select, &[kept, scores, floor], e)
    }

    /// Whether a candidate is the own thing of some row of the batch, and so not drawn.
    fn foreign(&mut self, batch: SpaceId, shared: SpaceId, e: &Expr) -> Built<NodeId> {
        let column = self.push_typed(Op::Iota, &[], i64s(shared), e)?;
        let column = self.push(Op::Cast(Elem::F32), &[column], e)?;
        let rows = self.push(Op::Size(batch), &[], e)?;
        self.push(Op::Lt, &[column, rows], e)
    }

    fn of_row(&mut self, handle: &Expr, name: &str, e: &Expr) -> Built<NodeId> {
        let handle = self.handle(handle)?;
        let (rows, space) = (
            self.handles[handle].name.clone(),
            self.handles[handle].space,
        );
        let (elem, what) = match name {
            "weight" => (Elem::F32, FeedKind::RowWeight { handle }),
            "log_q" => (Elem::F32, FeedKind::RowLogQ { handle }),
            "sampled" => (Elem::Bool, FeedKind::RowSampled { handle }),
            "ago" => (Elem::F32, FeedKind::Ago { handle }),
            _ => return Err(self.internal(e.span, "rows do not carry this")),
        };
        let ty = TensorType::new(elem, [Dim::Space(space)]);
        self.input(format!("{rows}.row.{name}"), ty, what, e)
    }

    /// The mean of a value of each row, weighted by the rows' weights.
    pub(crate) fn weighted_mean(&mut self, x: NodeId, handle: usize, e: &Expr) -> Built<NodeId> {
        let space = Dim::Space(self.handles[handle].space);
        let x = self.float(x, e)?;
        if self.graph.ty(x).dims != [space] {
            return self.mean_over_rows(x, e);
        }
        let name = format!("{}.row.weight", self.handles[handle].name);
        let ty = TensorType::new(Elem::F32, [space]);
        let weight = self.input(name, ty, FeedKind::RowWeight { handle }, e)?;
        let weighted = self.push(Op::Mul, &[x, weight], e)?;
        let (sum, total) = (
            self.push(Op::SumOver(0), &[weighted], e)?,
            self.push(Op::SumOver(0), &[weight], e)?,
        );
        let least = self.number(1e-12, e)?;
        let total = self.push(Op::Max, &[total, least], e)?;
        self.push(Op::Div, &[sum, total], e)
    }

    /// The rows of a stream of groups: a list in each group.
    pub(crate) fn group_handle(
        &mut self,
        (stream, plan): (usize, &StreamPlan),
        e: &Expr,
    ) -> Built<usize> {
        let source = plan.source.as_str();
        let rows = HandleRows::Stream(stream);
        if let Some(at) = self.handles.iter().position(|known| known.rows == rows) {
            return Ok(at);
        }
        let name = if stream == 0 {
            source.to_owned()
        } else {
            format!("{source}_{}", stream + 1)
        };
        let parent = self.new_space("B", SpaceKind::Batch);
        self.handles.push(Handle {
            name: format!("{name}.group"),
            source: source.to_owned(),
            space: parent,
            rows: HandleRows::Groups(stream),
        });
        let space = self.new_space(
            "L",
            SpaceKind::List {
                parent,
                max: plan.most,
            },
        );
        self.handles.push(Handle {
            name: name.clone(),
            source: source.to_owned(),
            space,
            rows,
        });
        let handle = self.handles.len() - 1;
        let segments = FeedKind::Segments { handle };
        let segments = self.input(format!("{name}.segments"), i64s(space), segments, e)?;
        let positions = FeedKind::Positions { handle };
        let positions = self.input(format!("{name}.positions"), i64s(space), positions, e)?;
        let inputs = super::ListInputs {
            segments,
            positions,
            parent,
        };
        self.lists.insert(space, inputs);
        Ok(handle)
    }
}

fn i64s(space: SpaceId) -> TensorType {
    TensorType::new(Elem::I64, [Dim::Space(space)])
}
