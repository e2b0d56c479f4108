//! Ragged lists to padded ones and back.

use super::{
    Arity, Dim, Elem, Entry, Eval, Gradient, Keep, Operands, TensorType, Typing, Value, dense,
};
use crate::graph::build::node;
use crate::graph::eval::Call;
use crate::graph::op::Op;

pub(super) const PAD_LIST: Entry = Entry {
    name: "pad_list",
    doc: "Ragged to padded: element `n` goes to row `segments[n]`, place `positions[n]`; the rest is 0.",
    arity: Arity::Exactly(3),
    typing: Typing::Inferred(|operands| {
        let Op::PadList { parent, max } = *operands.op else {
            unreachable!("the entry of pad_list")
        };
        expect_list(operands, operands.types[0].dims.first().copied())?;
        let mut dims = vec![Dim::Space(parent), Dim::Fixed(max)];
        dims.extend_from_slice(&operands.types[0].dims[1..]);
        Ok(TensorType::new(operands.types[0].elem, dims))
    }),
    gradient: Gradient::Rule {
        keeps: &[Keep::Operand(1), Keep::Operand(2)],
        rule: |b, at| {
            let (segments, positions) = (b.x(1), b.x(2));
            if at == 0 {
                dense(node!(b.build, (UnpadList { b.g } segments positions)))
            } else {
                None
            }
        },
    },
    eval: Eval::Whole(|call| {
        let Op::PadList { parent, max } = *call.op else {
            unreachable!("the entry of pad_list")
        };
        let x = call.operands[0];
        let (_, _, inner) = x.around(0);
        let rows = call.extent(Dim::Space(parent))?;
        let mut dims = vec![rows, max];
        dims.extend_from_slice(&x.dims[1..]);
        let mut data = vec![0.0; rows * max * inner];
        for (n, place) in places(call, rows, max)?.into_iter().enumerate() {
            data[place * inner..(place + 1) * inner]
                .copy_from_slice(&x.data[n * inner..(n + 1) * inner]);
        }
        Ok(Value { dims, data })
    }),
};

pub(super) const UNPAD_LIST: Entry = Entry {
    name: "unpad_list",
    doc: "Padded to ragged: element `n` comes from row `segments[n]`, place `positions[n]`.",
    arity: Arity::Exactly(3),
    typing: Typing::Inferred(|operands| {
        expect_list(operands, operands.types[1].dims.first().copied())?;
        match operands.types[0].dims.as_slice() {
            [Dim::Space(_), Dim::Fixed(_), rest @ ..] => {
                let mut dims = operands.types[1].dims.clone();
                dims.extend_from_slice(rest);
                Ok(TensorType::new(operands.types[0].elem, dims))
            }
            _ => Err(format!("takes padded lists, found {}", operands.show(0))),
        }
    }),
    gradient: Gradient::Rule {
        keeps: &[Keep::Operand(1), Keep::Operand(2)],
        rule: |b, at| {
            let [Dim::Space(parent), Dim::Fixed(max), ..] = b.ty(0).dims[..] else {
                unreachable!("the type rule asks for padded lists")
            };
            let (segments, positions) = (b.x(1), b.x(2));
            if at == 0 {
                dense(node!(b.build, ([Op::PadList { parent, max }] { b.g } segments positions)))
            } else {
                None
            }
        },
    },
    eval: Eval::Whole(|call| {
        let x = call.operands[0];
        let inner: usize = x.dims[2..].iter().product();
        let mut dims = vec![call.operands[1].dims[0]];
        dims.extend_from_slice(&x.dims[2..]);
        let places = places(call, x.dims[0], x.dims[1])?;
        let data = places
            .into_iter()
            .flat_map(|place| &x.data[place * inner..(place + 1) * inner])
            .copied()
            .collect();
        Ok(Value { dims, data })
    }),
};

fn expect_list(operands: &Operands, list: Option<Dim>) -> Result<(), String> {
    let fits = |at: usize| {
        operands.types[at].elem == Elem::I64
            && Some(operands.types[at].dims.as_slice()) == list.as_ref().map(std::slice::from_ref)
    };
    if fits(1) && fits(2) {
        return Ok(());
    }
    Err(format!(
        "takes values with a segment and a position an element, found {}",
        operands.show_all()
    ))
}

/// Where each element of a list lies among the `rows * max` places.
fn places(call: &Call, rows: usize, max: usize) -> Result<Vec<usize>, String> {
    let segments = call.operands[1].data.iter();
    segments
        .zip(&call.operands[2].data)
        .map(|(segment, position)| {
            if *segment < 0.0
                || *segment >= rows as f64
                || *position < 0.0
                || *position >= max as f64
            {
                return Err(format!(
                    "row {segment}, place {position} lies outside {rows} lists of {max}"
                ));
            }
            Ok(*segment as usize * max + *position as usize)
        })
        .collect()
}
