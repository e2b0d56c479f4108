//! What a run of a program leaves.

use tch::{Device, Kind, Tensor};

use crate::kernels::slice;

/// The results of a run, in the order in which the graph names them.
#[derive(Debug)]
pub struct Outputs {
    pub(crate) values: Vec<(String, Tensor)>,
}

impl Outputs {
    /// The number of a result without dimensions; NaN if there is no such result or it has several elements.
    pub fn scalar(&self, name: &str) -> f64 {
        self.find(name)
            .and_then(|value| value.f_double_value(&[]).ok())
            .unwrap_or(f64::NAN)
    }

    /// The shape of a result.
    pub fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.find(name)
            .map(|value| value.size().into_iter().map(|size| size as usize).collect())
    }

    /// The elements of a result as floats, row-major; truth values become 0 and 1.
    pub fn f32(&self, name: &str) -> Option<Vec<f32>> {
        self.find(name).map(|value| to_vec(value, Kind::Float))
    }

    /// The elements of a result as floats, row-major, where they lie if that is in host memory.
    pub fn floats(&self, name: &str) -> Option<Floats> {
        self.find(name)
            .map(|value| Floats(on_host(value, Kind::Float)))
    }

    /// The elements of a result as integers, row-major.
    pub fn i64(&self, name: &str) -> Option<Vec<i64>> {
        self.find(name).map(|value| to_vec(value, Kind::Int64))
    }

    /// The names of the results.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|(name, _)| name.as_str())
    }

    #[cfg(test)]
    pub(crate) fn tensor(&self, name: &str) -> &Tensor {
        self.find(name).expect("the graph has this output")
    }

    fn find(&self, name: &str) -> Option<&Tensor> {
        self.values
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value)
    }
}

/// The elements of a result, read without being copied.
#[derive(Debug)]
pub struct Floats(Tensor);

impl AsRef<[f32]> for Floats {
    fn as_ref(&self) -> &[f32] {
        slice(&self.0)
    }
}

fn on_host(value: &Tensor, kind: Kind) -> Tensor {
    value.to_device(Device::Cpu).to_kind(kind).contiguous()
}

/// All elements, row-major, in host memory.
pub(crate) fn to_vec<T: tch::kind::Element + Copy>(value: &Tensor, kind: Kind) -> Vec<T> {
    let value = on_host(value, kind);
    let mut elements = vec![T::ZERO; value.numel()];
    value.copy_data(&mut elements, value.numel());
    elements
}
