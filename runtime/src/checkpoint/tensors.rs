//! Stored tensors in the safetensors format.

use std::io;
use std::path::Path;

use reckon_compiler::graph::Elem;
use reckon_torch::Stored;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize, serialize_to_file};

/// Tensors as one file. The order of names decides the bytes, not the order of the slice.
pub(crate) fn to_bytes(tensors: &[Stored]) -> Vec<u8> {
    serialize(tensors.iter().map(view), None).expect("internal: names of stored tensors differ")
}

/// Writes tensors to a file, as [`to_bytes`] has them, without a copy of them all.
pub(crate) fn write(tensors: &[Stored], path: &Path) -> io::Result<()> {
    let written = serialize_to_file(tensors.iter().map(view), None, path);
    written.map_err(|error| match error {
        SafeTensorError::IoError(error) => error,
        other => io::Error::other(other),
    })
}

fn view(stored: &Stored) -> (String, TensorView<'_>) {
    let view = TensorView::new(dtype(stored.elem), stored.shape.clone(), &stored.bytes);
    (
        stored.name.clone(),
        view.expect("internal: a stored tensor has as many bytes as its shape says"),
    )
}

/// The tensors of a file, by name; `None` where it is not in the format, or holds types that we do not write.
pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Vec<Stored>> {
    let file = SafeTensors::deserialize(bytes).ok()?;
    let stored = |(name, view): (&str, TensorView<'_>)| {
        Some(Stored {
            name: name.to_owned(),
            elem: elem(view.dtype())?,
            shape: view.shape().to_vec(),
            bytes: view.data().to_vec(),
        })
    };
    let mut tensors: Vec<Stored> = file.iter().map(stored).collect::<Option<_>>()?;
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Some(tensors)
}

fn dtype(elem: Elem) -> Dtype {
    match elem {
        Elem::F32 => Dtype::F32,
        Elem::I64 => Dtype::I64,
        Elem::Bool => Dtype::BOOL,
    }
}

fn elem(dtype: Dtype) -> Option<Elem> {
    match dtype {
        Dtype::F32 => Some(Elem::F32),
        Dtype::I64 => Some(Elem::I64),
        Dtype::BOOL => Some(Elem::Bool),
        _ => None,
    }
}
