//! Same elements, elsewhere.

use super::{
    Arity, Backward, Cotangent, Dim, Elem, Entry, Eval, Gradient, Operands, TensorType, Typing,
    Value, dense,
};
use crate::graph::Graph;
use crate::graph::build::node;
use crate::graph::eval::{repeat, strided};
use crate::graph::op::Op;
use crate::graph::space::{SpaceId, SpaceKind};
use crate::graph::ty::align;

pub(super) const RESHAPE: Entry = Entry {
    name: "reshape",
    doc: "The same elements, in row-major order, in another shape.",
    arity: Arity::Exactly(1),
    typing: Typing::Given(reshape_type),
    gradient: Gradient::Rule {
        keeps: &[],
        rule: |b, _| {
            let (g, ty) = (b.g, b.ty(0));
            dense(b.build.typed(Op::Reshape, &[g], ty))
        },
    },
    eval: Eval::Whole(|call| {
        let x = call.operands[0];
        let known: Vec<_> = call
            .ty
            .dims
            .iter()
            .map(|dim| call.extent(*dim).ok())
            .collect();
        let product: usize = known.iter().flatten().product();
        let rest = x.data.len().checked_div(product).unwrap_or(0);
        if known.iter().filter(|size| size.is_none()).count() > 1 {
            return Err("more than one dimension of the result has no size yet".to_owned());
        }
        Ok(Value {
            dims: known.into_iter().map(|size| size.unwrap_or(rest)).collect(),
            data: x.data.clone(),
        })
    }),
};

pub(super) const PERMUTE: Entry = Entry {
    name: "permute",
    doc: "Dimension `i` of the result is dimension `axes[i]` of the operand.",
    arity: Arity::Exactly(1),
    typing: Typing::Inferred(|operands| {
        let Op::Permute(axes) = operands.op else {
            unreachable!("the entry of a permutation")
        };
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..operands.types[0].rank()) {
            return Err(format!(
                "takes each axis of {} once, found {axes:?}",
                operands.show(0)
            ));
        }
        let dims: Vec<_> = axes
            .iter()
            .map(|axis| operands.types[0].dims[*axis])
            .collect();
        Ok(TensorType::new(operands.types[0].elem, dims))
    }),
    gradient: Gradient::Rule {
        keeps: &[],
        rule: |b, _| {
            let Op::Permute(axes) = b.op() else {
                unreachable!("the entry of a permutation")
            };
            let mut inverse = vec![0; axes.len()];
            for (to, from) in axes.iter().enumerate() {
                inverse[*from] = to;
            }
            dense(b.build.op(Op::Permute(inverse), &[b.g]))
        },
    },
    eval: Eval::Whole(|call| {
        let Op::Permute(axes) = call.op else {
            unreachable!("the entry of a permutation")
        };
        let x = call.operands[0];
        let stride = |axis: usize| x.dims[axis + 1..].iter().product::<usize>();
        let dims: Vec<_> = axes.iter().map(|axis| x.dims[*axis]).collect();
        let strides: Vec<_> = axes.iter().map(|axis| stride(*axis)).collect();
        let data = strided(&x.data, &dims, &strides);
        Ok(Value { dims, data })
    }),
};

pub(super) const BROADCAST: Entry = Entry {
    name: "broadcast",
    doc: "Repeats along the dimensions that the operand lacks.",
    arity: Arity::Exactly(1),
    typing: Typing::Given(|operands, ty| {
        if operands.types[0].elem == ty.elem && align(&operands.types[0].dims, &ty.dims).is_some() {
            return Ok(());
        }
        Err(format!(
            "cannot repeat {} to `{}`",
            operands.show(0),
            ty.show(&operands.graph.spaces)
        ))
    }),
    gradient: Gradient::Rule {
        keeps: &[],
        rule: |b, _| dense(b.g),
    },
    eval: Eval::Whole(|call| {
        let dims = call.extents()?;
        let axes = align(&call.types[0].dims, &call.ty.dims).expect("the type rule asks for it");
        Ok(Value {
            data: repeat(call.operands[0], &axes, &dims),
            dims,
        })
    }),
};

pub(super) const EXPAND: Entry = Entry {
    name: "expand",
    doc: "Repeats along one new dimension.",
    arity: Arity::Exactly(1),
    typing: Typing::Inferred(|operands| {
        let Op::Expand { axis, dim } = operands.op else {
            unreachable!("the entry of expand")
        };
        let mut dims = operands.types[0].dims.clone();
        if *axis > dims.len() {
            return Err(format!("cannot put axis {axis} into {}", operands.show(0)));
        }
        dims.insert(*axis, *dim);
        Ok(TensorType::new(operands.types[0].elem, dims))
    }),
    gradient: Gradient::Rule {
        keeps: &[],
        rule: |b, _| {
            let axis = b.op().axis().expect("expand has an axis");
            dense(b.build.op(Op::SumOver(axis), &[b.g]))
        },
    },
    eval: Eval::Whole(|call| {
        let Op::Expand { axis, dim } = call.op else {
            unreachable!("the entry of expand")
        };
        let x = call.operands[0];
        let mut dims = x.dims.clone();
        dims.insert(*axis, call.extent(*dim)?);
        let axes: Vec<_> = (0..dims.len()).filter(|at| at != axis).collect();
        Ok(Value {
            data: repeat(x, &axes, &dims),
            dims,
        })
    }),
};

pub(super) const FLIP: Entry = Entry {
    name: "flip",
    doc: "Back to front along an axis.",
    arity: Arity::Exactly(1),
    typing: Typing::Inferred(|operands| {
        operands.expect_axis(operands.op.axis().expect("flip has an axis"))?;
        Ok(operands.types[0].clone())
    }),
    gradient: Gradient::Rule {
        keeps: &[],
        rule: |b, _| dense(b.build.op(b.op(), &[b.g])),
    },
    eval: Eval::Lane(|_, lane| lane.iter().rev().copied().collect()),
};

pub(super) const SLICE: Entry = Entry {
    name: "slice",
    doc: "`start .. start + len` along a fixed dimension.",
    arity: Arity::Exactly(1),
    typing: Typing::Inferred(|operands| {
        let Op::Slice { axis, start, len } = *operands.op else {
            unreachable!("the entry of slice")
        };
        operands.expect_axis(axis)?;
        let mut ty = operands.types[0].clone();
        match ty.dims[axis] {
            Dim::Fixed(size) if start + len <= size => ty.dims[axis] = Dim::Fixed(len),
            Dim::Fixed(_) | Dim::Space(_) => {
                let end = start + len;
                return Err(format!(
                    "finds no fixed range {start}..{end} on axis {axis} of {}",
                    operands.show(0)
                ));
            }
        }
        Ok(ty)
    }),
    gradient: Gradient::Rule {
        keeps: &[],
        rule: slice_gradient,
    },
    eval: Eval::Whole(|call| {
        let Op::Slice { axis, start, len } = *call.op else {
            unreachable!("the entry of slice")
        };
        let x = call.operands[0];
        let (outer, size, inner) = x.around(axis);
        let mut dims = x.dims.clone();
        dims[axis] = len;
        let data = (0..outer)
            .flat_map(|o| &x.data[(o * size + start) * inner..(o * size + start + len) * inner])
            .copied()
            .collect();
        Ok(Value { dims, data })
    }),
};

pub(super) const CONCAT: Entry = Entry {
    name: "concat",
    doc: "One operand after another along an axis; rows of spaces need a space of their own.",
    arity: Arity::AtLeast(1),
    typing: Typing::Given(concat_type),
    gradient: Gradient::Rule {
        keeps: &[],
        rule: concat_gradient,
    },
    eval: Eval::Whole(|call| {
        let axis = call.op.axis().expect("concat has an axis");
        let (outer, _, _) = call.operands[0].around(axis);
        let mut dims = call.operands[0].dims.clone();
        dims[axis] = call.operands.iter().map(|x| x.dims[axis]).sum();
        let mut data = Vec::new();
        for o in 0..outer {
            for x in &call.operands {
                let (_, size, inner) = x.around(axis);
                data.extend_from_slice(&x.data[o * size * inner..(o + 1) * size * inner]);
            }
        }
        Ok(Value { dims, data })
    }),
};

pub(super) const CAST: Entry = Entry {
    name: "cast",
    doc: "To another element type; truth values become 0 and 1, floats lose their fraction, all but 0 is true.",
    arity: Arity::Exactly(1),
    typing: Typing::Inferred(|operands| {
        let Op::Cast(elem) = operands.op else {
            unreachable!("the entry of cast")
        };
        Ok(TensorType::new(*elem, operands.types[0].dims.clone()))
    }),
    gradient: Gradient::Rule {
        keeps: &[],
        rule: |b, _| {
            if matches!(b.op(), Op::Cast(Elem::F32)) {
                dense(b.g)
            } else {
                None
            }
        },
    },
    eval: Eval::Whole(|call| {
        let x = call.operands[0];
        let f = match call.ty.elem {
            Elem::F32 => |x: f64| x,
            Elem::I64 => f64::trunc,
            Elem::Bool => |x: f64| f64::from(x != 0.0),
        };
        Ok(Value {
            dims: x.dims.clone(),
            data: x.data.iter().map(|x| f(*x)).collect(),
        })
    }),
};

fn reshape_type(operands: &Operands, ty: &TensorType) -> Result<(), String> {
    let from = operands.types[0];
    let refused = || {
        Err(format!(
            "cannot turn {} into `{}`",
            operands.show(0),
            ty.show(&operands.graph.spaces)
        ))
    };
    let (fixed, spaces, flat) = size_parts(operands.graph, &from.dims, &ty.dims);
    let (to_fixed, to_spaces, to_flat) = size_parts(operands.graph, &ty.dims, &from.dims);
    // The size of a flat space is what the elements ask for.
    let fits = (fixed == to_fixed && spaces == to_spaces) || flat || to_flat;
    if from.elem == ty.elem && fits {
        Ok(())
    } else {
        refused()
    }
}

/// What the number of elements is made of: fixed sizes, spaces, and whether a flat space takes what is left. A bounded list that the
/// other side lacks is full: as many elements in each row of its parent as it may have.
fn size_parts(graph: &Graph, dims: &[Dim], others: &[Dim]) -> (usize, Vec<SpaceId>, bool) {
    let mut fixed = 1;
    let mut spaces = Vec::new();
    let mut flat = false;
    for dim in dims {
        let mut space = match *dim {
            Dim::Fixed(size) => {
                fixed *= size;
                continue;
            }
            Dim::Space(space) => space,
        };
        if let SpaceKind::List { parent, max } = graph.space(space).kind
            && let Some(max) = max.filter(|_| !others.contains(dim))
        {
            fixed *= max;
            space = parent;
        }
        match graph.space(space).kind {
            SpaceKind::Axis(size) => fixed *= size,
            SpaceKind::Flat => flat = true,
            _ => spaces.push(space),
        }
    }
    spaces.sort_unstable();
    (fixed, spaces, flat)
}

fn slice_gradient(b: &mut Backward, _: usize) -> Option<Cotangent> {
    let Op::Slice { axis, start, len } = b.op() else {
        unreachable!("the entry of slice")
    };
    let ty = b.ty(0);
    let Dim::Fixed(size) = ty.dims[axis] else {
        unreachable!("the type rule asks for a fixed axis")
    };
    let mut parts = Vec::new();
    let zeros = |b: &mut Backward, size: usize| {
        let mut ty = ty.clone();
        ty.dims[axis] = Dim::Fixed(size);
        b.build.fill(ty, 0.0)
    };
    if start > 0 {
        parts.push(zeros(b, start));
    }
    parts.push(b.g);
    if start + len < size {
        parts.push(zeros(b, size - start - len));
    }
    dense(b.build.typed(Op::Concat { axis }, &parts, ty))
}

fn concat_type(operands: &Operands, ty: &TensorType) -> Result<(), String> {
    let axis = operands.op.axis().expect("concat has an axis");
    let refused = || {
        Err(format!(
            "cannot put {} into `{}`",
            operands.show_all(),
            ty.show(&operands.graph.spaces)
        ))
    };
    if axis >= ty.rank() {
        return refused();
    }
    let mut total = Some(0);
    for operand in &operands.types {
        let mut dims = operand.dims.clone();
        if dims.len() != ty.rank() || operand.elem != ty.elem {
            return refused();
        }
        total = match dims[axis] {
            Dim::Fixed(size) => total.map(|total| total + size),
            Dim::Space(_) => None,
        };
        dims[axis] = ty.dims[axis];
        if dims != ty.dims {
            return refused();
        }
    }
    match (total, ty.dims[axis]) {
        (Some(total), Dim::Fixed(size)) if total == size => Ok(()),
        (_, Dim::Space(_)) => Ok(()),
        (_, Dim::Fixed(_)) => refused(),
    }
}

/// The part of the cotangent that belongs to operand `at`. Parts along spaces have sizes that only the program knows, so
/// they are gathered.
fn concat_gradient(b: &mut Backward, at: usize) -> Option<Cotangent> {
    let axis = b.op().axis().expect("concat has an axis");
    let dims: Vec<Dim> = b
        .operands
        .iter()
        .map(|id| b.build.graph.ty(*id).dims[axis])
        .collect();
    if b.operands.len() == 1 {
        let (g, ty) = (b.g, b.ty(0));
        return dense(b.build.typed(Op::Reshape, &[g], ty));
    }
    let fixed: Option<Vec<usize>> = dims.iter().map(|dim| dim.fixed()).collect();
    let whole = b.build.graph.ty(b.g).dims[axis];
    if let (Some(sizes), Dim::Fixed(_)) = (fixed, whole) {
        let op = Op::Slice {
            axis,
            start: sizes[..at].iter().sum(),
            len: sizes[at],
        };
        return dense(b.build.op(op, &[b.g]));
    }
    let mut rows = b
        .build
        .typed(Op::Iota, &[], TensorType::new(Elem::I64, [dims[at]]));
    for dim in &dims[..at] {
        let size = b.build.extent(*dim);
        let size = b.build.op(Op::Cast(Elem::I64), &[size]);
        rows = node!(b.build, (Add rows size));
    }
    let mut axes: Vec<usize> = (0..b.ty(at).rank()).collect();
    axes.swap(0, axis);
    let first = if axis == 0 {
        b.g
    } else {
        b.build.op(Op::Permute(axes.clone()), &[b.g])
    };
    let part = node!(b.build, (Gather first rows));
    dense(if axis == 0 {
        part
    } else {
        b.build.op(Op::Permute(axes), &[part])
    })
}
