//! Types: how operands join, what ops refuse, what the verifier finds.

use reckon_compiler::graph::ty::{align, join};
use reckon_compiler::graph::verify::verify;
use reckon_compiler::graph::{
    Builder, Dim, Elem, Graph, Init, NodeId, Op, Param, ParamKind, Site, TensorType,
};

use crate::world::{B, C, L, V, graph};

const TWO: Dim = Dim::Fixed(2);
const THREE: Dim = Dim::Fixed(3);

fn joined(operands: &[&[Dim]]) -> Option<Vec<Dim>> {
    join(&graph().spaces, operands).ok()
}

fn leaf(graph: &mut Graph, elem: Elem, dims: &[Dim]) -> NodeId {
    let name = format!("x{}", graph.bound());
    graph
        .push_typed(
            Op::Input(name),
            &[],
            TensorType::new(elem, dims),
            Site::default(),
        )
        .unwrap()
}

fn refused(graph: &Graph, op: &Op, operands: &[NodeId]) -> String {
    graph.infer(op, operands).unwrap_err().message
}

#[test]
fn the_widest_operand_that_holds_the_others_is_the_result() {
    assert_eq!(joined(&[&[C], &[B, C]]), Some(vec![B, C]));
    assert_eq!(
        joined(&[&[B, THREE, TWO], &[TWO], &[]]),
        Some(vec![B, THREE, TWO])
    );
    assert_eq!(joined(&[&[B, TWO, C], &[C]]), Some(vec![B, TWO, C]));
}

#[test]
fn spaces_cross_in_the_order_of_their_first_appearance() {
    assert_eq!(joined(&[&[B], &[C]]), Some(vec![B, C]));
    assert_eq!(joined(&[&[C], &[B]]), Some(vec![C, B]));
    assert_eq!(joined(&[&[B, TWO], &[C, TWO]]), Some(vec![B, C, TWO]));
    assert_eq!(joined(&[&[B], &[TWO]]), Some(vec![B, TWO]));
}

#[test]
fn a_list_never_precedes_its_parent() {
    assert_eq!(joined(&[&[L], &[B]]), Some(vec![B, L]));
}

#[test]
fn positional_dimensions_must_be_equal_from_the_right() {
    assert_eq!(joined(&[&[B, TWO], &[B, THREE]]), None);
    assert_eq!(joined(&[&[TWO, THREE], &[TWO]]), None);
    assert_eq!(joined(&[&[B, C], &[C, B]]), None);
}

#[test]
fn a_space_that_occurs_twice_is_met_from_the_right() {
    assert_eq!(align(&[C], &[C, C]), Some(vec![1]));
    assert_eq!(align(&[TWO], &[TWO, TWO]), Some(vec![1]));
}

#[test]
fn ops_say_what_they_expected_and_found() {
    let mut graph = graph();
    let floats = leaf(&mut graph, Elem::F32, &[B, TWO]);
    let others = leaf(&mut graph, Elem::F32, &[C, THREE]);
    let ids = leaf(&mut graph, Elem::I64, &[B]);
    let param = Param {
        kind: ParamKind::Table,
        ty: TensorType::new(Elem::F32, [V, TWO]),
        init: Init::Normal(0.1),
    };
    graph.params.insert("table".to_owned(), param);
    let table = graph
        .push(Op::Table("table".to_owned()), &[], Site::default())
        .unwrap();
    let found = [
        refused(&graph, &Op::Add, &[floats, ids]),
        refused(&graph, &Op::Add, &[floats, others]),
        refused(&graph, &Op::Exp, &[ids]),
        refused(&graph, &Op::Exp, &[floats, floats]),
        refused(&graph, &Op::MatMul { transpose_b: true }, &[floats, others]),
        refused(&graph, &Op::SumOver(2), &[floats]),
        refused(
            &graph,
            &Op::Slice {
                axis: 1,
                start: 1,
                len: 2,
            },
            &[floats],
        ),
        refused(&graph, &Op::Exp, &[table]),
        refused(&graph, &Op::Param("w".to_owned()), &[]),
        refused(&graph, &Op::Reshape, &[floats]),
    ];
    insta::assert_snapshot!(found.join("\n"), @r"
    `add` takes operands of one element type, found `f32[B, 2]` and `i64[B]`
    `add` cannot join `f32[B, 2]` and `f32[C, 3]`
    `exp` takes `f32` elements, found `i64[B]`
    `exp` takes 1 operand, found 2
    `matmul` takes operands with one inner dimension, found `f32[B, 2]` and `f32[C, 3]`
    `sum` has no axis 2 in `f32[B, 2]`
    `slice` finds no fixed range 1..3 on axis 1 of `f32[B, 2]`
    `exp` cannot read a table; `lookup` gives its rows
    `param` reads `w`, which is not declared
    `reshape` needs its type to be given
    ");
}

#[test]
fn the_verifier_finds_wrong_types_removed_nodes_and_loose_updates() {
    let mut good = graph();
    let x = leaf(&mut good, Elem::F32, &[B]);
    let y = Builder {
        graph: &mut good,
        site: Site::default(),
    }
    .op(Op::Exp, &[x]);
    good.outputs.push(("y".to_owned(), y));
    assert_eq!(verify(&good), Ok(()));

    let mut wrong = good.clone();
    wrong.node_mut(y).ty = TensorType::new(Elem::F32, [C]);
    let error = verify(&wrong).unwrap_err();
    assert_eq!(
        (error.node, error.message.as_str()),
        (Some(y), "`exp` gives `f32[B]`, not `f32[C]`")
    );

    let mut removed = good.clone();
    removed.remove(y);
    assert_eq!(
        verify(&removed).unwrap_err().message,
        "output `y` has been removed"
    );

    let mut twice = good.clone();
    twice.outputs.push(("y".to_owned(), x));
    assert_eq!(
        verify(&twice).unwrap_err().message,
        "two outputs have the name `y`"
    );

    let mut orphaned = good.clone();
    orphaned.remove(x);
    assert_eq!(verify(&orphaned).unwrap_err().node, Some(y));
}
