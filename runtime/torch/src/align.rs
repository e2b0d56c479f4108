//! How operands of elementwise ops line up: by the identity of their spaces, positional dimensions from the right.
//! libtorch broadcasts by position, so what it needs is a permutation and new dimensions of size 1.

use reckon_compiler::graph::Dim;
use tch::{TchError, Tensor};

/// The view of an operand that libtorch broadcasts to the result as the graph means it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// The operand's dimensions in the order of the result; empty if they are so already.
    permute: Vec<i64>,
    /// Where to insert a dimension of size 1, ascending, in places of the result.
    unsqueeze: Vec<i64>,
}

impl View {
    /// The view of `operand` for a result of `result` dimensions.
    pub(crate) fn new(operand: &[Dim], result: &[Dim]) -> Self {
        let mut free = vec![true; operand.len()];
        let mut sources: Vec<Option<usize>> = result
            .iter()
            .rev()
            .map(|dim| {
                let source = (0..operand.len())
                    .rev()
                    .find(|&at| free[at] && same(operand[at], *dim))?;
                free[source] = false;
                Some(source)
            })
            .collect();
        sources.reverse();
        let order: Vec<i64> = sources.iter().flatten().map(|&at| at as i64).collect();
        let first = sources
            .iter()
            .position(Option::is_some)
            .unwrap_or(result.len());
        Self {
            permute: if order.is_sorted() { Vec::new() } else { order },
            unsqueeze: (first..result.len())
                .filter(|&at| sources[at].is_none())
                .map(|at| (at - first) as i64)
                .collect(),
        }
    }

    /// Whether the operand can be used as it is.
    pub(crate) fn is_identity(&self) -> bool {
        self.permute.is_empty() && self.unsqueeze.is_empty()
    }

    /// Applies the view, without copying elements.
    pub(crate) fn apply(&self, tensor: &Tensor) -> Result<Tensor, TchError> {
        let mut view = if self.permute.is_empty() {
            tensor.shallow_clone()
        } else {
            tensor.f_permute(self.permute.as_slice())?
        };
        for &at in &self.unsqueeze {
            view = view.f_unsqueeze(at)?;
        }
        Ok(view)
    }
}

fn same(operand: Dim, result: Dim) -> bool {
    match (operand, result) {
        (Dim::Space(a), Dim::Space(b)) => a == b,
        (Dim::Fixed(_), Dim::Fixed(_)) => true,
        (Dim::Space(_), Dim::Fixed(_)) | (Dim::Fixed(_), Dim::Space(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use reckon_compiler::graph::{Dim, SpaceId};

    use super::View;

    const B: Dim = Dim::Space(SpaceId(0));
    const C: Dim = Dim::Space(SpaceId(1));

    fn view(operand: &[Dim], result: &[Dim]) -> (Vec<i64>, Vec<i64>) {
        let View { permute, unsqueeze } = View::new(operand, result);
        (permute, unsqueeze)
    }

    #[test]
    fn missing_leading_dimensions_need_no_view() {
        assert!(View::new(&[Dim::Fixed(4)], &[B, C, Dim::Fixed(4)]).is_identity());
        assert!(View::new(&[], &[B]).is_identity());
    }

    #[test]
    fn a_space_without_the_positional_dimension_keeps_its_place() {
        assert_eq!(view(&[B], &[B, Dim::Fixed(4)]), (vec![], vec![1]));
    }

    #[test]
    fn a_missing_inner_space_becomes_a_dimension_of_size_one() {
        assert_eq!(
            view(&[B, Dim::Fixed(4)], &[B, C, Dim::Fixed(4)]),
            (vec![], vec![1])
        );
    }

    #[test]
    fn spaces_in_another_order_are_permuted() {
        assert_eq!(view(&[C, B], &[B, C]), (vec![1, 0], vec![]));
    }

    #[test]
    fn positional_dimensions_align_from_the_right() {
        assert_eq!(
            view(&[B, Dim::Fixed(4)], &[B, Dim::Fixed(3), Dim::Fixed(4)]),
            (vec![], vec![1])
        );
    }
}
