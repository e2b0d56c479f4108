//! At least one case for every op, over generated values and sizes. The tests of the lowering to libtorch read this file
//! and `world.rs` too.

use std::collections::BTreeMap;

use reckon_compiler::graph::{Attended, Dim, Elem, Op, SpaceId, TensorType, UpdateRule};

use crate::world::{B, C, Case, Draw, Expect, F, L, World, case};

/// Cases by the name of the op.
pub(crate) fn cases(world: World) -> BTreeMap<&'static str, Vec<Case>> {
    let mut cases = Cases {
        world,
        by_op: BTreeMap::new(),
    };
    leaves(&mut cases);
    shapes(&mut cases);
    lists(&mut cases);
    boundaries(&mut cases);
    gathers(&mut cases);
    elementwise(&mut cases);
    pairs(&mut cases);
    reductions(&mut cases);
    products(&mut cases);
    composites(&mut cases);
    updates(&mut cases);
    cases.by_op
}

struct Cases {
    world: World,
    by_op: BTreeMap<&'static str, Vec<Case>>,
}

impl Cases {
    /// A case; `ty` for ops whose type is given.
    fn add(&mut self, op: Op, ty: Option<TensorType>, draws: &[Draw], expect: Expect) {
        let name = op.entry().name;
        let case = case(self.world, op, ty, draws, expect);
        self.by_op.entry(name).or_default().push(case);
    }

    /// A case whose gradient is that of finite differences.
    fn differ(&mut self, op: Op, draws: &[Draw]) {
        self.add(op, None, draws, Expect::Differences);
    }

    /// The same for an op whose result has given dimensions.
    fn differ_as(&mut self, op: Op, dims: &[Dim], draws: &[Draw]) {
        self.add(op, f32s(dims), draws, Expect::Differences);
    }

    /// A case without a gradient.
    fn flat(&mut self, op: Op, draws: &[Draw]) {
        self.add(op, None, draws, Expect::Nothing);
    }
}

fn f32s(dims: &[Dim]) -> Option<TensorType> {
    Some(TensorType::new(Elem::F32, dims))
}

fn i64s(dims: &[Dim]) -> Option<TensorType> {
    Some(TensorType::new(Elem::I64, dims))
}

fn any(dims: &[Dim]) -> Draw {
    Draw::Any(dims.to_vec())
}

fn fixed<const N: usize>(sizes: [usize; N]) -> Vec<Dim> {
    sizes.into_iter().map(Dim::Fixed).collect()
}

fn leaves(cases: &mut Cases) {
    cases.add(
        Op::Const(vec![2.5]),
        f32s(&[B, Dim::Fixed(2)]),
        &[],
        Expect::Nothing,
    );
    cases.add(
        Op::Const(vec![1.0, 2.0, 3.0, 4.0]),
        f32s(&fixed([2, 2])),
        &[],
        Expect::Nothing,
    );
    cases.add(Op::Iota, i64s(&[B]), &[], Expect::Nothing);
    cases.flat(Op::Size(SpaceId(0)), &[]);
    cases.add(
        Op::RandomUniform,
        f32s(&[B, Dim::Fixed(3)]),
        &[],
        Expect::Nothing,
    );
    cases.add(Op::RandomNormal, f32s(&[L]), &[], Expect::Nothing);
}

fn shapes(cases: &mut Cases) {
    let (two, three) = (Dim::Fixed(2), Dim::Fixed(3));
    cases.differ_as(Op::Reshape, &[B, Dim::Fixed(6)], &[any(&[B, two, three])]);
    cases.differ_as(Op::Reshape, &[F, three], &[any(&[B, two, three])]);
    cases.differ(Op::Permute(vec![2, 0, 1]), &[any(&[B, two, three])]);
    cases.differ_as(Op::Broadcast, &[B, C, three], &[any(&[C, three])]);
    cases.differ_as(Op::Broadcast, &[B, C], &[any(&[])]);
    cases.differ(
        Op::Expand {
            axis: 1,
            dim: three,
        },
        &[any(&[B, three])],
    );
    cases.differ(Op::Expand { axis: 0, dim: C }, &[any(&[B, three])]);
    cases.differ(Op::Flip(1), &[any(&[B, three])]);
    cases.differ(
        Op::Slice {
            axis: 1,
            start: 1,
            len: 2,
        },
        &[any(&[B, Dim::Fixed(4), two])],
    );
    cases.differ(
        Op::Slice {
            axis: 0,
            start: 0,
            len: 1,
        },
        &[any(&[three])],
    );
}

fn lists(cases: &mut Cases) {
    let (two, three) = (Dim::Fixed(2), Dim::Fixed(3));
    let concat = [any(&[B, two]), any(&[B, three]), any(&[B, two])];
    cases.differ_as(Op::Concat { axis: 1 }, &[B, Dim::Fixed(7)], &concat);
    cases.differ_as(
        Op::Concat { axis: 0 },
        &[F, two],
        &[any(&[B, two]), any(&[C, two])],
    );
    cases.differ_as(
        Op::Concat { axis: 1 },
        &[B, F],
        &[any(&[B, three]), any(&[B, C])],
    );
    let pad = Op::PadList {
        parent: SpaceId(0),
        max: 8,
    };
    cases.differ(pad, &[any(&[L, two]), Draw::Segments, Draw::Positions]);
    let padded = any(&[B, Dim::Fixed(8), two]);
    cases.differ(Op::UnpadList, &[padded, Draw::Segments, Draw::Positions]);
}

/// Ops that change a value's type, or the gradient that passes.
fn boundaries(cases: &mut Cases) {
    cases.differ(Op::Cast(Elem::F32), &[any(&[B])]);
    cases.flat(Op::Cast(Elem::F32), &[Draw::Truth(vec![B])]);
    cases.flat(Op::Cast(Elem::I64), &[any(&[B])]);
    cases.flat(Op::Cast(Elem::Bool), &[any(&[B])]);
    cases.flat(Op::Stop, &[any(&[B])]);
    cases.add(
        Op::Reverse(0.5),
        None,
        &[any(&[B])],
        Expect::Cotangent(-0.5),
    );
    cases.add(
        Op::RoundStraightThrough,
        None,
        &[any(&[B])],
        Expect::Cotangent(1.0),
    );
}

fn gathers(cases: &mut Cases) {
    let world = cases.world;
    let two = Dim::Fixed(2);
    let ids = |dims: &[Dim], below| Draw::Ids(dims.to_vec(), below);
    cases.differ(Op::Gather, &[any(&[B, two]), ids(&[C, two], world.batch)]);
    cases.differ(Op::Gather, &[any(&[Dim::Fixed(3)]), ids(&[], 3)]);
    cases.differ(Op::ScatterAdd(B), &[any(&[L, two]), Draw::Segments]);
    cases.differ(
        Op::ScatterAdd(C),
        &[any(&[B, two, two]), ids(&[B, two], world.candidates)],
    );
    cases.differ(Op::ScatterMax(B), &[any(&[L, two]), Draw::Segments]);
    cases.differ(Op::ScatterMax(C), &[any(&[B]), ids(&[B], world.candidates)]);
    cases.differ(Op::Pick, &[any(&[B, C]), ids(&[B], world.candidates)]);
    cases.differ(
        Op::Place(C),
        &[any(&[B, two]), ids(&[B, two], world.candidates)],
    );
    cases.differ(
        Op::Lookup,
        &[Draw::Table(2), ids(&[B, two], world.vocabulary)],
    );
    cases.differ(Op::Lookup, &[Draw::Table(2), ids(&[], world.vocabulary)]);
}

fn elementwise(cases: &mut Cases) {
    let two = Dim::Fixed(2);
    let smooth = [Op::Neg, Op::Abs, Op::Sin, Op::Cos, Op::Tanh, Op::Sigmoid];
    for op in smooth
        .into_iter()
        .chain([Op::LogSigmoid, Op::Erf, Op::Relu])
    {
        cases.differ(op, &[any(&[B, two])]);
    }
    for op in [Op::Exp, Op::Expm1] {
        cases.differ(op, &[Draw::Small(vec![B, two])]);
    }
    for op in [Op::Log, Op::Log1p, Op::Sqrt] {
        cases.differ(op, &[Draw::Positive(vec![B, two])]);
    }
    cases.differ(Op::Log1mExp, &[Draw::Negative(vec![B, two])]);
    for op in [Op::Sign, Op::Floor, Op::IsFinite] {
        cases.flat(op, &[any(&[B, two])]);
    }
    cases.flat(Op::Not, &[Draw::Truth(vec![B])]);
    cases.differ(Op::Select, &[Draw::Truth(vec![B]), any(&[B, C]), any(&[])]);
}

fn pairs(cases: &mut Cases) {
    let two = Dim::Fixed(2);
    let (crossed, shared, same) = (
        [any(&[B]), any(&[C])],
        [any(&[B, C, two]), any(&[C, two])],
        [any(&[B]), any(&[B])],
    );
    for op in [Op::Add, Op::Sub, Op::Mul, Op::Max, Op::Min] {
        for draws in [&crossed, &shared, &same] {
            cases.differ(op.clone(), draws);
        }
        cases.differ(op, &[any(&[]), any(&[C, two])]);
    }
    cases.differ(Op::Div, &[any(&[B, two]), Draw::Positive(vec![B])]);
    cases.differ(Op::Div, &[any(&[B]), Draw::Negative(vec![C])]);
    cases.differ(Op::Pow, &[Draw::Positive(vec![B]), Draw::Small(vec![C])]);
    for op in [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge] {
        cases.flat(op.clone(), &crossed);
        cases.flat(op, &[Draw::Ids(vec![B], 3), Draw::Ids(vec![C], 3)]);
    }
    for op in [Op::And, Op::Or] {
        cases.flat(op, &[Draw::Truth(vec![B]), Draw::Truth(vec![C])]);
    }
}

fn reductions(cases: &mut Cases) {
    let (two, three) = (Dim::Fixed(2), Dim::Fixed(3));
    for axis in 0..3 {
        for op in [Op::SumOver(axis), Op::MaxOver(axis), Op::LogSumExp(axis)] {
            cases.differ(op, &[any(&[B, three, C])]);
        }
        for op in [Op::Softmax(axis), Op::CumSum(axis), Op::CumLogSumExp(axis)] {
            cases.differ(op, &[any(&[B, three, C])]);
        }
        cases.flat(Op::Argmax(axis), &[any(&[B, three, two])]);
        cases.flat(Op::Argsort(axis), &[any(&[B, three, two])]);
    }
    cases.flat(Op::TopK { axis: 1, k: 2 }, &[any(&[B, three])]);
}

fn products(cases: &mut Cases) {
    let (two, three, four) = (Dim::Fixed(2), Dim::Fixed(3), Dim::Fixed(4));
    let (plain, transposed) = (
        Op::MatMul { transpose_b: false },
        Op::MatMul { transpose_b: true },
    );
    cases.differ(plain.clone(), &[any(&[B, three]), any(&[three, two])]);
    cases.differ(transposed.clone(), &[any(&[B, three]), any(&[C, three])]);
    cases.differ(
        plain.clone(),
        &[any(&[B, two, three]), any(&[B, three, four])],
    );
    cases.differ(
        transposed.clone(),
        &[any(&[B, two, three]), any(&[B, four, three])],
    );
    cases.differ(plain.clone(), &[any(&[B, two, three]), any(&[three, four])]);
    cases.differ(
        transposed.clone(),
        &[any(&[B, two, three]), any(&[C, three])],
    );
    cases.differ(plain, &[any(&[two, three]), any(&[B, three, four])]);
    cases.differ(transposed, &[any(&[two, three]), any(&[B, four, three])]);
}

fn composites(cases: &mut Cases) {
    let world = cases.world;
    let (two, three) = (Dim::Fixed(2), Dim::Fixed(3));
    let ids = |dims: &[Dim], below| Draw::Ids(dims.to_vec(), below);
    let bag = [Draw::Table(2), ids(&[L], world.vocabulary), Draw::Segments];
    cases.differ(Op::Bag { parent: SpaceId(0) }, &bag);
    cases.differ(
        Op::SoftmaxXent,
        &[any(&[B, C]), ids(&[B], world.candidates)],
    );
    cases.differ(
        Op::SoftmaxXent,
        &[any(&[B, two, C]), ids(&[B, two], world.candidates)],
    );
    cases.differ(Op::BceLogits, &[any(&[B, two]), Draw::Positive(vec![B])]);
    cases.differ(Op::BceLogits, &[any(&[B]), any(&[C])]);
    cases.differ(Op::LayerNorm { eps: 0.1 }, &[any(&[B, three])]);
    cases.differ(Op::LayerNorm { eps: 0.1 }, &[any(&[B, C])]);
    attentions(cases);
}

fn attentions(cases: &mut Cases) {
    let of_width = |space, width| any(&[space, Dim::Fixed(width)]);
    let operands = |q: Draw, width| {
        let rows = of_width(L, width);
        [q, rows.clone(), rows, Draw::Segments, Draw::Positions]
    };
    let each = |heads, causal| Op::Attention { heads, causal };
    let one = operands(of_width(B, 3), 3);
    cases.differ(each(2, true), &operands(of_width(L, 4), 4));
    cases.differ(each(1, false), &operands(of_width(L, 3), 3));
    cases.differ(each(3, false), &one);
    let with_gradient = |operands: &[Draw]| [operands, &operands[..1]].concat();
    for of in [Attended::Query, Attended::Key, Attended::Value] {
        let gradient = |heads, causal| Op::AttentionGradient { heads, causal, of };
        let many = operands(of_width(L, 4), 4);
        cases.differ(gradient(2, true), &with_gradient(&many));
        cases.differ(gradient(1, false), &with_gradient(&one));
    }
}

fn updates(cases: &mut Cases) {
    let world = cases.world;
    let two = Dim::Fixed(2);
    let ids = Draw::Ids(vec![B, two], world.vocabulary);
    cases.add(
        Op::Unique,
        i64s(&[F]),
        std::slice::from_ref(&ids),
        Expect::Nothing,
    );
    cases.flat(Op::UniqueInverse, &[ids, Draw::Distinct(0)]);
    cases.flat(Op::GlobalNorm, &[any(&[B, two]), any(&[])]);
    let rule = UpdateRule::Sgd { momentum: 0.0 };
    cases.flat(
        Op::Update {
            path: "weight".to_owned(),
            rule,
        },
        &[any(&[]), any(&[two, two])],
    );
    cases.flat(
        Op::Assign {
            path: "state".to_owned(),
        },
        &[any(&[two, two])],
    );
}
