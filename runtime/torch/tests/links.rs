//! Linking: the test binary starts, which needs libtorch and its companions, and libtorch computes.

use tch::{Kind, Tensor};

#[test]
fn libtorch_is_found_at_run_time_and_multiplies_matrices() {
    let a = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0]).view([2, 2]);
    let b = Tensor::eye(2, (Kind::Float, tch::Device::Cpu)) * 2.0;
    assert_eq!(
        a.matmul(&b),
        Tensor::from_slice(&[2.0f32, 4.0, 6.0, 8.0]).view([2, 2])
    );
}
