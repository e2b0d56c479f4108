//! Effects on the store.

use reckon_compiler::graph::UpdateRule;

use super::Kernel;
use crate::kernels::Kernels;

/// Operands: learning rate, then the gradient of a weight, or ids and gradient rows of a table.
pub(super) fn update(path: &str, rule: UpdateRule, operands: usize, kernels: Kernels) -> Kernel {
    let path = path.to_owned();
    if operands == 2 {
        return Box::new(move |x, frame| {
            let lr = x[0].f_double_value(&[])?;
            frame.store.update_dense(&path, rule, lr, x[1], kernels)?;
            Ok(x[0].shallow_clone())
        });
    }
    Box::new(move |x, frame| {
        let lr = x[0].f_double_value(&[])?;
        frame
            .store
            .update_rows(&path, rule, lr, (x[1], x[2]), kernels)?;
        Ok(x[0].shallow_clone())
    })
}

pub(super) fn assign(path: &str) -> Kernel {
    let path = path.to_owned();
    Box::new(move |x, frame| {
        frame.store.assign(&path, x[0])?;
        Ok(x[0].shallow_clone())
    })
}
