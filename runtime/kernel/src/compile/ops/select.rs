//! Logic and choice: the ops in which a null does not simply make null.

use reckon_compiler::plan::row::RowOp;

use super::{Call, coerce};
use crate::compile::Lane;
use crate::compile::island::Loop;
use crate::compile::lanes::{Lanes, Typed, and, both, choose, not, or};

pub(super) fn emit(code: &mut Loop<'_, '_>, call: &Call<'_>) -> Typed {
    match call.op {
        RowOp::IsNull => {
            let lanes = match call.args[0].valid {
                Some(valid) => not(&mut code.b, valid),
                None => code.truth(false),
            };
            Typed::new(Lane::Bool, lanes)
        }
        RowOp::Not => Typed {
            lanes: not(&mut code.b, call.args[0].lanes),
            ..call.args[0]
        },
        RowOp::And | RowOp::Or => logic(code, call),
        RowOp::Fill => fill(code, call),
        // Only `Where` is left.
        _ => select(code, call),
    }
}

/// The value that decides, false for `and`, true for `or`, beats a null on the other side.
fn logic(code: &mut Loop<'_, '_>, call: &Call<'_>) -> Typed {
    let [x, y] = [call.args[0], call.args[1]];
    let is_and = matches!(call.op, RowOp::And);
    let b = &mut code.b;
    let join = |b: &mut _, x, y| if is_and { and(b, x, y) } else { or(b, x, y) };
    let Some(there) = both(b, x.valid, y.valid) else {
        return Typed::new(Lane::Bool, join(b, x.lanes, y.lanes));
    };
    let known = |b: &mut _, side: Typed, lanes| match side.valid {
        Some(valid) => and(b, valid, lanes),
        None => lanes,
    };
    let mut decides = |side: Typed| {
        let lanes = if is_and {
            not(b, side.lanes)
        } else {
            side.lanes
        };
        known(b, side, lanes)
    };
    let (by_x, by_y) = (decides(x), decides(y));
    let decided = or(b, by_x, by_y);
    // Where nothing decides and both are known, the other value stands.
    Typed {
        lane: Lane::Bool,
        lanes: if is_and { not(b, decided) } else { decided },
        valid: Some(or(b, there, decided)),
    }
}

fn fill(code: &mut Loop<'_, '_>, call: &Call<'_>) -> Typed {
    let x = coerce(code, call.args[0], call.result);
    let y = coerce(code, call.args[1], call.result);
    let Some(there) = x.valid else { return x };
    let b = &mut code.b;
    Typed {
        lane: x.lane,
        lanes: choose(b, x.lane, there, [x.lanes, y.lanes]),
        valid: y.valid.map(|other| or(b, there, other)),
    }
}

fn select(code: &mut Loop<'_, '_>, call: &Call<'_>) -> Typed {
    let cond = call.args[0];
    let x = coerce(code, call.args[1], call.result);
    let y = coerce(code, call.args[2], call.result);
    let holds = match cond.valid {
        Some(valid) => and(&mut code.b, valid, cond.lanes),
        None => cond.lanes,
    };
    let there = |code: &mut Loop<'_, '_>, side: Typed| -> Lanes {
        side.valid.unwrap_or_else(|| code.truth(true))
    };
    let valid = match (x.valid, y.valid) {
        (None, None) => None,
        (Some(_), _) | (_, Some(_)) => {
            let sides = [there(code, x), there(code, y)];
            Some(choose(&mut code.b, Lane::Bool, holds, sides))
        }
    };
    Typed {
        lane: x.lane,
        lanes: choose(&mut code.b, x.lane, holds, [x.lanes, y.lanes]),
        valid,
    }
}
