//! The weights of an attention and their gradient: five passes over a matrix for each row of the batch, as one.

use reckon_compiler::graph::{Elem, Graph, NodeId, Op};
use tch::Tensor;

use super::{Fused, Uses};
use crate::align::View;
use crate::exec::Kernel;
use crate::kernels::{self, softmax};

/// `softmax(select(mask, scores * scale, -inf))` along the innermost dimension.
pub(super) fn shares(graph: &Graph, id: NodeId, uses: &Uses) -> Option<Fused> {
    let Shares { scores, mask, .. } = shares_of(graph, id, uses)?;
    Some(Fused {
        operands: vec![scores, mask],
        kernel: shares_kernel,
    })
}

struct Shares {
    scores: NodeId,
    mask: NodeId,
    scale: f32,
}

fn shares_of(graph: &Graph, id: NodeId, uses: &Uses) -> Option<Shares> {
    let masked = *graph.operands(id).first()?;
    let innermost = graph.node(id).op == Op::Softmax(graph.ty(id).rank().checked_sub(1)?);
    if !innermost || graph.node(masked).op != Op::Select || uses.get(&masked) != Some(&1) {
        return None;
    }
    let [mask, scaled, nothing] = graph.operands(masked)[..] else {
        return None;
    };
    if number(graph, nothing) != Some(f64::NEG_INFINITY) || graph.ty(scaled) != graph.ty(id) {
        return None;
    }
    let (scores, scale) = match scaled_by(graph, scaled) {
        Some((scores, scale)) if graph.ty(scores) == graph.ty(id) => (scores, scale),
        _ => (scaled, 1.0),
    };
    Some(Shares {
        scores,
        mask,
        scale,
    })
}

fn shares_kernel(graph: &Graph, id: NodeId, uses: &Uses) -> Kernel {
    let found = shares_of(graph, id, uses).expect("the group was found");
    let view = View::new(&graph.ty(found.mask).dims, &graph.ty(id).dims);
    Box::new(move |x, _| {
        let scores = x[0].f_contiguous()?;
        let mask = view.apply(x[1])?.f_expand_as(&scores)?.f_contiguous()?;
        let mut result = scores.f_empty_like()?;
        softmax::masked(
            kernels::slice_mut(&mut result),
            kernels::slice(&scores),
            kernels::slice(&mask),
            found.scale,
            innermost(&scores),
        );
        Ok(result)
    })
}

/// `shares * (g - sum(g * shares)) * scale` along the innermost dimension, where `shares` are a softmax.
pub(super) fn gradient(graph: &Graph, id: NodeId, uses: &Uses) -> Option<Fused> {
    let Spread { shares, g, .. } = spread_of(graph, id, uses)?;
    Some(Fused {
        operands: vec![shares, g],
        kernel: gradient_kernel,
    })
}

struct Spread {
    shares: NodeId,
    g: NodeId,
    scale: f32,
}

fn spread_of(graph: &Graph, id: NodeId, uses: &Uses) -> Option<Spread> {
    let (spread, scale) = scaled_by(graph, id).unwrap_or((id, 1.0));
    let once = |id: NodeId| uses.get(&id) == Some(&1);
    let (Op::Mul, [shares, centred]) = (&graph.node(spread).op, &graph.operands(spread)[..]) else {
        return None;
    };
    let (Op::Sub, [g, expanded]) = (&graph.node(*centred).op, &graph.operands(*centred)[..]) else {
        return None;
    };
    let last = graph.ty(id).rank().checked_sub(1)?;
    let (Op::Expand { axis, .. }, [total]) =
        (&graph.node(*expanded).op, &graph.operands(*expanded)[..])
    else {
        return None;
    };
    let (Op::SumOver(summed), [product]) = (&graph.node(*total).op, &graph.operands(*total)[..])
    else {
        return None;
    };
    let mut factors = graph.operands(*product);
    let mut expected = vec![*g, *shares];
    factors.sort_unstable();
    expected.sort_unstable();
    let fits = (*axis, *summed) == (last, last)
        && graph.node(*shares).op == Op::Softmax(last)
        && graph.node(*product).op == Op::Mul
        && factors == expected
        && [*shares, *g]
            .iter()
            .all(|node| graph.ty(*node) == graph.ty(id))
        && graph.ty(id).elem == Elem::F32
        && [*centred, *expanded, *total, *product]
            .into_iter()
            .all(once);
    fits.then_some(Spread {
        shares: *shares,
        g: *g,
        scale,
    })
}

fn gradient_kernel(graph: &Graph, id: NodeId, uses: &Uses) -> Kernel {
    let scale = spread_of(graph, id, uses)
        .expect("the group was found")
        .scale;
    Box::new(move |x, _| {
        let (shares, g) = (x[0].f_contiguous()?, x[1].f_contiguous()?);
        let mut result = shares.f_empty_like()?;
        softmax::gradient(
            kernels::slice_mut(&mut result),
            kernels::slice(&shares),
            kernels::slice(&g),
            scale,
            innermost(&shares),
        );
        Ok(result)
    })
}

/// `x * scale`: `x` and the number.
fn scaled_by(graph: &Graph, id: NodeId) -> Option<(NodeId, f32)> {
    let (Op::Mul, [x, scale]) = (&graph.node(id).op, &graph.operands(id)[..]) else {
        return None;
    };
    Some((*x, number(graph, *scale)? as f32))
}

/// A constant without dimensions.
fn number(graph: &Graph, id: NodeId) -> Option<f64> {
    match &graph.node(id).op {
        Op::Const(values) if graph.ty(id).rank() == 0 => values.first().copied(),
        _ => None,
    }
}

fn innermost(x: &Tensor) -> usize {
    x.size()
        .last()
        .map_or(0, |size| usize::try_from(*size).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use reckon_compiler::graph::{
        Builder, Dim, Elem, Graph, NodeId, Op, Site, Space, SpaceKind, TensorType,
    };
    use tch::Device;

    use super::super::uses;
    use super::{gradient, shares};
    use crate::{Feeds, Program, RunKey, Store, Values};

    /// Shares of two heads under one mask, and what the scores get of the gradient `g`.
    fn step() -> Graph {
        let mut graph = Graph::new("step");
        let batch = graph.add_space(Space {
            name: "B".to_owned(),
            kind: SpaceKind::Batch,
        });
        let (batch, last) = (Dim::Space(batch), Dim::Fixed(3));
        let mut build = Builder {
            graph: &mut graph,
            site: Site::default(),
        };
        let mut input = |name: &str, elem, dims: &[Dim]| {
            let ty = TensorType::new(elem, dims);
            build.typed(Op::Input(name.to_owned()), &[], ty)
        };
        let whole = [batch, Dim::Fixed(2), last, last];
        let scores = input("scores", Elem::F32, &whole);
        let mask = input("mask", Elem::Bool, &[batch, last, last]);
        let g = input("g", Elem::F32, &whole);
        let (half, nothing) = (build.scalar(0.5), build.scalar(f64::NEG_INFINITY));
        let mut op = |op: Op, operands: &[NodeId]| build.op(op, operands);
        let scaled = op(Op::Mul, &[scores, half]);
        let masked = op(Op::Select, &[mask, scaled, nothing]);
        let shares = op(Op::Softmax(3), &[masked]);
        let product = op(Op::Mul, &[g, shares]);
        let total = op(Op::SumOver(3), &[product]);
        let expanded = op(Op::Expand { axis: 3, dim: last }, &[total]);
        let centred = op(Op::Sub, &[g, expanded]);
        let spread = op(Op::Mul, &[shares, centred]);
        let of_scores = op(Op::Mul, &[spread, half]);
        let outputs = [("shares", shares), ("of_scores", of_scores)];
        graph.outputs = outputs.map(|(name, id)| (name.to_owned(), id)).into();
        graph
    }

    #[test]
    fn weights_and_their_gradient_are_found_and_are_those_of_libtorch() {
        let graph = step();
        let uses = uses(&graph, &graph.order());
        let [shares_at, of_scores] = [graph.outputs[0].1, graph.outputs[1].1];
        assert_eq!(shares(&graph, shares_at, &uses).unwrap().operands.len(), 2);
        assert_eq!(
            gradient(&graph, of_scores, &uses).unwrap().operands[0],
            shares_at
        );
        let draw = |seed: f32| -> Vec<f32> { (0..36).map(|at| (at as f32 * seed).sin()).collect() };
        let (scores, g) = (draw(1.7), draw(2.3));
        let mask: Vec<bool> = (0..18).map(|at| at > 2 && at % 4 != 0).collect();
        let mut feeds = Feeds::new();
        feeds.set("scores", &[2, 2, 3, 3], Values::F32(&scores));
        feeds.set("mask", &[2, 3, 3], Values::Bool(&mask));
        feeds.set("g", &[2, 2, 3, 3], Values::F32(&g));
        let run = |program: Program| {
            let outputs = program.run(&mut Store::new(Device::Cpu), &feeds, &RunKey::default());
            let outputs = outputs.unwrap();
            [
                outputs.f32("shares").unwrap(),
                outputs.f32("of_scores").unwrap(),
            ]
            .concat()
        };
        let ours = run(Program::compile(&graph, Device::Cpu).unwrap());
        let theirs = run(Program::compile_plain(&graph, Device::Cpu).unwrap());
        assert_eq!(ours[..3], [0.0; 3], "the mask empties the first row");
        for (a, b) in ours.iter().zip(&theirs) {
            assert!((a - b).abs() < 1e-6, "{ours:?} {theirs:?}");
        }
    }
}
