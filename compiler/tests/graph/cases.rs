//! At least one case for every op, over generated values and sizes. The tests of the lowering to libtorch read this file
//! and `world.rs` too.

use std::collections::BTreeMap;

use reckon_compiler::graph::{Dim, Elem, Op, SpaceId, TensorType, UpdateRule};

use crate::world::{B, C, Case, Draw, Expect, F, L, World, case};

/// Cases by the name of the op.
pub(crate) fn cases(world: World) -> BTreeMap<&'static str, Vec<Case>> {
    let mut all: BTreeMap<&'static str, Vec<Case>> = BTreeMap::new();
    let mut add = |op: Op, ty: Option<TensorType>, draws: &[Draw], expect| {
        all.entry(op.entry().name)
            .or_default()
            .push(case(world, op, ty, draws, expect));
    };
    leaves(&mut add);
    shapes(&mut add);
    gathers(world, &mut add);
    elementwise(&mut add);
    reductions(&mut add);
    products(&mut add);
    composites(world, &mut add);
    updates(world, &mut add);
    all
}

type Add<'a> = dyn FnMut(Op, Option<TensorType>, &[Draw], Expect) + 'a;

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

fn leaves(add: &mut Add) {
    use Expect::Nothing;
    add(
        Op::Const(vec![2.5]),
        f32s(&[B, Dim::Fixed(2)]),
        &[],
        Nothing,
    );
    add(
        Op::Const(vec![1.0, 2.0, 3.0, 4.0]),
        f32s(&fixed([2, 2])),
        &[],
        Nothing,
    );
    add(Op::Iota, i64s(&[B]), &[], Nothing);
    add(Op::Size(SpaceId(0)), None, &[], Nothing);
    add(Op::RandomUniform, f32s(&[B, Dim::Fixed(3)]), &[], Nothing);
    add(Op::RandomNormal, f32s(&[L]), &[], Nothing);
}

fn shapes(add: &mut Add) {
    use Expect::Differences;
    let two = Dim::Fixed(2);
    let three = Dim::Fixed(3);
    add(
        Op::Reshape,
        f32s(&[B, Dim::Fixed(6)]),
        &[any(&[B, two, three])],
        Differences,
    );
    add(
        Op::Reshape,
        f32s(&[F, three]),
        &[any(&[B, two, three])],
        Differences,
    );
    add(
        Op::Permute(vec![2, 0, 1]),
        None,
        &[any(&[B, two, three])],
        Differences,
    );
    add(
        Op::Broadcast,
        f32s(&[B, C, three]),
        &[any(&[C, three])],
        Differences,
    );
    add(Op::Broadcast, f32s(&[B, C]), &[any(&[])], Differences);
    add(
        Op::Expand {
            axis: 1,
            dim: three,
        },
        None,
        &[any(&[B, three])],
        Differences,
    );
    add(
        Op::Expand { axis: 0, dim: C },
        None,
        &[any(&[B, three])],
        Differences,
    );
    add(Op::Flip(1), None, &[any(&[B, three])], Differences);
    add(
        Op::Slice {
            axis: 1,
            start: 1,
            len: 2,
        },
        None,
        &[any(&[B, Dim::Fixed(4), two])],
        Differences,
    );
    add(
        Op::Slice {
            axis: 0,
            start: 0,
            len: 1,
        },
        None,
        &[any(&[three])],
        Differences,
    );
    let concat = [any(&[B, two]), any(&[B, three]), any(&[B, two])];
    add(
        Op::Concat { axis: 1 },
        f32s(&[B, Dim::Fixed(7)]),
        &concat,
        Differences,
    );
    add(
        Op::Concat { axis: 0 },
        f32s(&[F, two]),
        &[any(&[B, two]), any(&[C, two])],
        Differences,
    );
    add(
        Op::Concat { axis: 1 },
        f32s(&[B, F]),
        &[any(&[B, three]), any(&[B, C])],
        Differences,
    );
    let pad = Op::PadList {
        parent: SpaceId(0),
        max: 8,
    };
    add(
        pad,
        None,
        &[any(&[L, two]), Draw::Segments, Draw::Positions],
        Differences,
    );
    let padded = any(&[B, Dim::Fixed(8), two]);
    add(
        Op::UnpadList,
        None,
        &[padded, Draw::Segments, Draw::Positions],
        Differences,
    );
    add(Op::Cast(Elem::F32), None, &[any(&[B])], Differences);
    add(
        Op::Cast(Elem::F32),
        None,
        &[Draw::Truth(vec![B])],
        Expect::Nothing,
    );
    add(Op::Cast(Elem::I64), None, &[any(&[B])], Expect::Nothing);
    add(Op::Cast(Elem::Bool), None, &[any(&[B])], Expect::Nothing);
    add(Op::Stop, None, &[any(&[B])], Expect::Nothing);
    add(
        Op::Reverse(0.5),
        None,
        &[any(&[B])],
        Expect::Cotangent(-0.5),
    );
    add(
        Op::RoundStraightThrough,
        None,
        &[any(&[B])],
        Expect::Cotangent(1.0),
    );
}

fn gathers(world: World, add: &mut Add) {
    use Expect::Differences;
    let two = Dim::Fixed(2);
    let ids = |dims: &[Dim], below| Draw::Ids(dims.to_vec(), below);
    add(
        Op::Gather,
        None,
        &[any(&[B, two]), ids(&[C, two], world.batch)],
        Differences,
    );
    add(
        Op::Gather,
        None,
        &[any(&[Dim::Fixed(3)]), ids(&[], 3)],
        Differences,
    );
    add(
        Op::ScatterAdd(B),
        None,
        &[any(&[L, two]), Draw::Segments],
        Differences,
    );
    add(
        Op::ScatterAdd(C),
        None,
        &[any(&[B, two, two]), ids(&[B, two], world.candidates)],
        Differences,
    );
    add(
        Op::ScatterMax(B),
        None,
        &[any(&[L, two]), Draw::Segments],
        Differences,
    );
    add(
        Op::ScatterMax(C),
        None,
        &[any(&[B]), ids(&[B], world.candidates)],
        Differences,
    );
    add(
        Op::Pick,
        None,
        &[any(&[B, C]), ids(&[B], world.candidates)],
        Differences,
    );
    add(
        Op::Place(C),
        None,
        &[any(&[B, two]), ids(&[B, two], world.candidates)],
        Differences,
    );
    add(
        Op::Lookup,
        None,
        &[Draw::Table(2), ids(&[B, two], world.vocabulary)],
        Differences,
    );
    add(
        Op::Lookup,
        None,
        &[Draw::Table(2), ids(&[], world.vocabulary)],
        Differences,
    );
}

fn elementwise(add: &mut Add) {
    use Expect::{Differences, Nothing};
    let two = Dim::Fixed(2);
    let smooth = [Op::Neg, Op::Abs, Op::Sin, Op::Cos, Op::Tanh, Op::Sigmoid];
    for op in smooth
        .into_iter()
        .chain([Op::LogSigmoid, Op::Erf, Op::Relu])
    {
        add(op, None, &[any(&[B, two])], Differences);
    }
    for op in [Op::Exp, Op::Expm1] {
        add(op, None, &[Draw::Small(vec![B, two])], Differences);
    }
    for op in [Op::Log, Op::Log1p, Op::Sqrt] {
        add(op, None, &[Draw::Positive(vec![B, two])], Differences);
    }
    add(
        Op::Log1mExp,
        None,
        &[Draw::Negative(vec![B, two])],
        Differences,
    );
    for op in [Op::Sign, Op::Floor, Op::IsFinite] {
        add(op, None, &[any(&[B, two])], Nothing);
    }
    add(Op::Not, None, &[Draw::Truth(vec![B])], Nothing);
    let (crossed, shared, same) = (
        [any(&[B]), any(&[C])],
        [any(&[B, C, two]), any(&[C, two])],
        [any(&[B]), any(&[B])],
    );
    for op in [Op::Add, Op::Sub, Op::Mul, Op::Max, Op::Min] {
        for draws in [&crossed, &shared, &same] {
            add(op.clone(), None, draws, Differences);
        }
        add(op, None, &[any(&[]), any(&[C, two])], Differences);
    }
    add(
        Op::Div,
        None,
        &[any(&[B, two]), Draw::Positive(vec![B])],
        Differences,
    );
    add(
        Op::Div,
        None,
        &[any(&[B]), Draw::Negative(vec![C])],
        Differences,
    );
    add(
        Op::Pow,
        None,
        &[Draw::Positive(vec![B]), Draw::Small(vec![C])],
        Differences,
    );
    for op in [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge] {
        add(op.clone(), None, &crossed, Nothing);
        add(
            op,
            None,
            &[Draw::Ids(vec![B], 3), Draw::Ids(vec![C], 3)],
            Nothing,
        );
    }
    for op in [Op::And, Op::Or] {
        add(
            op,
            None,
            &[Draw::Truth(vec![B]), Draw::Truth(vec![C])],
            Nothing,
        );
    }
    add(
        Op::Select,
        None,
        &[Draw::Truth(vec![B]), any(&[B, C]), any(&[])],
        Differences,
    );
}

fn reductions(add: &mut Add) {
    use Expect::{Differences, Nothing};
    let (two, three) = (Dim::Fixed(2), Dim::Fixed(3));
    for axis in 0..3 {
        for op in [Op::SumOver(axis), Op::MaxOver(axis), Op::LogSumExp(axis)] {
            add(op, None, &[any(&[B, three, C])], Differences);
        }
        for op in [Op::Softmax(axis), Op::CumSum(axis), Op::CumLogSumExp(axis)] {
            add(op, None, &[any(&[B, three, C])], Differences);
        }
        add(Op::Argmax(axis), None, &[any(&[B, three, two])], Nothing);
        add(Op::Argsort(axis), None, &[any(&[B, three, two])], Nothing);
    }
    add(
        Op::TopK { axis: 1, k: 2 },
        None,
        &[any(&[B, three])],
        Nothing,
    );
}

fn products(add: &mut Add) {
    use Expect::Differences;
    let (two, three, four) = (Dim::Fixed(2), Dim::Fixed(3), Dim::Fixed(4));
    let (plain, transposed) = (
        Op::MatMul { transpose_b: false },
        Op::MatMul { transpose_b: true },
    );
    add(
        plain.clone(),
        None,
        &[any(&[B, three]), any(&[three, two])],
        Differences,
    );
    add(
        transposed.clone(),
        None,
        &[any(&[B, three]), any(&[C, three])],
        Differences,
    );
    add(
        plain.clone(),
        None,
        &[any(&[B, two, three]), any(&[B, three, four])],
        Differences,
    );
    add(
        transposed.clone(),
        None,
        &[any(&[B, two, three]), any(&[B, four, three])],
        Differences,
    );
    add(
        plain.clone(),
        None,
        &[any(&[B, two, three]), any(&[three, four])],
        Differences,
    );
    add(
        transposed.clone(),
        None,
        &[any(&[B, two, three]), any(&[C, three])],
        Differences,
    );
    add(
        plain,
        None,
        &[any(&[two, three]), any(&[B, three, four])],
        Differences,
    );
    add(
        transposed,
        None,
        &[any(&[two, three]), any(&[B, four, three])],
        Differences,
    );
}

fn composites(world: World, add: &mut Add) {
    use Expect::Differences;
    let (two, three) = (Dim::Fixed(2), Dim::Fixed(3));
    let ids = |dims: &[Dim], below| Draw::Ids(dims.to_vec(), below);
    let bag = [Draw::Table(2), ids(&[L], world.vocabulary), Draw::Segments];
    add(Op::Bag { parent: SpaceId(0) }, None, &bag, Differences);
    add(
        Op::SoftmaxXent,
        None,
        &[any(&[B, C]), ids(&[B], world.candidates)],
        Differences,
    );
    add(
        Op::SoftmaxXent,
        None,
        &[any(&[B, two, C]), ids(&[B, two], world.candidates)],
        Differences,
    );
    add(
        Op::BceLogits,
        None,
        &[any(&[B, two]), Draw::Positive(vec![B])],
        Differences,
    );
    add(Op::BceLogits, None, &[any(&[B]), any(&[C])], Differences);
    add(
        Op::LayerNorm { eps: 0.1 },
        None,
        &[any(&[B, three])],
        Differences,
    );
    add(
        Op::LayerNorm { eps: 0.1 },
        None,
        &[any(&[B, C])],
        Differences,
    );
    let rows = any(&[B, three, two]);
    let mask = Draw::Truth(vec![B, three, three]);
    add(
        Op::Attention,
        None,
        &[rows.clone(), rows.clone(), rows, mask],
        Differences,
    );
    let rows = any(&[three, C]);
    let mask = Draw::Truth(vec![three, three]);
    add(
        Op::Attention,
        None,
        &[rows.clone(), rows.clone(), rows, mask],
        Differences,
    );
}

fn updates(world: World, add: &mut Add) {
    use Expect::Nothing;
    let two = Dim::Fixed(2);
    let ids = Draw::Ids(vec![B, two], world.vocabulary);
    add(Op::Unique, i64s(&[F]), std::slice::from_ref(&ids), Nothing);
    add(Op::UniqueInverse, None, &[ids, Draw::Distinct(0)], Nothing);
    add(Op::GlobalNorm, None, &[any(&[B, two]), any(&[])], Nothing);
    let rule = UpdateRule::Sgd { momentum: 0.0 };
    add(
        Op::Update {
            path: "weight".to_owned(),
            rule,
        },
        None,
        &[any(&[]), any(&[two, two])],
        Nothing,
    );
    add(
        Op::Assign {
            path: "state".to_owned(),
        },
        None,
        &[any(&[two, two])],
        Nothing,
    );
}
