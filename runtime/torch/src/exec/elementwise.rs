//! Elementwise ops that libtorch does not have as the graph means them.

use tch::{Kind, TchError, Tensor};

/// `log(1 - exp(x))` for `x <= 0`, by the two forms of Mächler 2012, each where it keeps its digits.
pub(super) fn log1m_exp(x: &Tensor) -> Result<Tensor, TchError> {
    let near = x.f_expm1()?.f_neg()?.f_log()?;
    let far = x.f_exp()?.f_neg()?.f_log1p()?;
    near.f_where_self(&x.f_gt(-std::f64::consts::LN_2)?, &far)
}

pub(super) fn max(a: &Tensor, b: &Tensor) -> Result<Tensor, TchError> {
    a.f_maximum(b)
}

pub(super) fn min(a: &Tensor, b: &Tensor) -> Result<Tensor, TchError> {
    a.f_minimum(b)
}

/// To the nearest whole number, of two the even one.
pub(super) fn round(x: &Tensor) -> Result<Tensor, TchError> {
    if x.kind() == Kind::Float {
        x.f_round()
    } else {
        Ok(x.shallow_clone())
    }
}
