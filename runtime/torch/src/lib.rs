//! Tensor programs on libtorch: a [`Program`] is a [`Graph`](reckon_compiler::graph::Graph) as a list of instructions,
//! a [`Store`] holds what it reads and updates. No autograd tape runs: gradients are part of the graph.

pub mod error;
pub mod feeds;
pub mod linalg;
pub mod once;
pub mod outputs;
pub mod panels;
pub mod program;
pub mod store;
mod tiles;

mod align;
mod chain;
mod compile;
mod exec;
mod fuse;
mod kernels;
mod memory;
mod native;
mod profile;
mod reproducible;
#[cfg(test)]
mod tests;
#[cfg(test)]
use tests::world;

use std::sync::OnceLock;

pub use error::Error;
pub use feeds::{Feeds, Values};
pub use memory::{give_back_memory, keep_memory};
pub use outputs::{Floats, Outputs};
pub use panels::{Panels, Queries};
pub use profile::NodeTime;
pub use program::{NonFinite, Program, RunKey};
pub use store::{Store, Stored};
pub use tch::Device;

/// Sets how many threads one libtorch op may use. Results do not depend on it.
pub fn set_threads(threads: usize) {
    reproducible::ensure();
    tch::set_num_threads(i32::try_from(threads.max(1)).unwrap_or(i32::MAX));
}

/// Does `count` pieces of work in the threads of libtorch's ops, which are awake between them, and gives what each made.
pub fn in_threads<T: Send + Sync>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let made: Vec<OnceLock<T>> = (0..count).map(|_| OnceLock::new()).collect();
    kernels::parallel(count, 1, |pieces| {
        for piece in pieces {
            made[piece].get_or_init(|| work(piece));
        }
    });
    let each = made.into_iter().map(OnceLock::into_inner);
    each.map(|made| made.expect("every piece was done"))
        .collect()
}

/// What this process runs on, for `reckon doctor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The libtorch that tch was built for, `2.13.0`.
    pub libtorch: &'static str,
    /// CUDA devices that can be used.
    pub cuda_devices: usize,
    /// Threads of one op.
    pub threads: usize,
    /// The widest vector instructions of this processor.
    pub simd: &'static str,
    /// The numeric libraries that libtorch was built with.
    pub libraries: Vec<&'static str>,
}

/// Looks up what this process runs on.
pub fn versions() -> Versions {
    let libraries = [
        ("mkl", tch::utils::has_mkl()),
        ("onednn", tch::utils::has_mkldnn()),
        ("openmp", tch::utils::has_openmp()),
        ("lapack", tch::utils::has_lapack()),
    ];
    Versions {
        libtorch: "2.13.0",
        cuda_devices: usize::try_from(tch::Cuda::device_count()).unwrap_or(0),
        threads: usize::try_from(tch::get_num_threads()).unwrap_or(1),
        simd: simd(),
        libraries: libraries
            .into_iter()
            .filter(|(_, present)| *present)
            .map(|(name, _)| name)
            .collect(),
    }
}

fn simd() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            return "avx512";
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            return "avx2";
        }
    }
    if cfg!(target_arch = "aarch64") {
        "neon"
    } else {
        "baseline"
    }
}
