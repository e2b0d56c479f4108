//! Kernels of our own for the CPU, where libtorch would make several passes or temporary tensors: rows summed at
//! indices, distinct ids, optimiser steps, long sums. Each has the same bits whatever the number of threads, because threads
//! divide elements, or blocks of a fixed length, never one sum.

#![expect(unsafe_code, reason = "tensors are read and written as slices")]

pub(crate) mod attention;
pub(crate) mod chain;
pub(crate) mod extremes;
pub(crate) mod lines;
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    path = "kernels/no_matrix.rs"
)]
pub(crate) mod matrix;
pub(crate) mod product;
pub(crate) mod rows;
pub(crate) mod softmax;
pub(crate) mod steps;
pub(crate) mod sums;
mod team;

use std::ops::Range;

use tch::kind::Element;
use tch::{Device, Kind, Tensor};

pub(crate) use team::parallel;

/// Which implementations a program may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernels {
    /// Ours where there are some.
    Own,
    /// libtorch's only, as on CUDA.
    Libtorch,
}

impl Kernels {
    /// What suits a device.
    pub(crate) fn of(device: Device) -> Self {
        if device == Device::Cpu {
            Self::Own
        } else {
            Self::Libtorch
        }
    }
}

/// Whether a tensor can be taken as a slice: contiguous in host memory.
pub(crate) fn is_slice(tensor: &Tensor) -> bool {
    tensor.device() == Device::Cpu && tensor.is_contiguous()
}

/// The elements of a contiguous host tensor.
pub(crate) fn slice<T: Element>(tensor: &Tensor) -> &[T] {
    assert!(
        is_slice(tensor) && tensor.kind() == T::KIND,
        "internal: a slice of another kind of tensor"
    );
    let elements = tensor.numel();
    if elements == 0 {
        return &[];
    }
    // SAFETY: the tensor is contiguous, in host memory, of kind `T`, and outlives the slice. Nothing writes to it
    // meanwhile: only `slice_mut` and libtorch ops do, one instruction at a time.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<T>(), elements) }
}

/// The memory of a host tensor from its first element to its last, in which its strides count.
pub(crate) fn span(tensor: &Tensor) -> &[f32] {
    assert!(
        tensor.device() == Device::Cpu && tensor.kind() == Kind::Float,
        "internal: a slice of another kind of tensor"
    );
    if tensor.numel() == 0 {
        return &[];
    }
    let (sizes, steps) = (tensor.size(), tensor.stride());
    let last: i64 = sizes
        .iter()
        .zip(&steps)
        .map(|(size, step)| (size - 1) * step)
        .sum();
    // SAFETY: strides are not negative, so all elements lie between the first and the last; otherwise as in `slice`.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), last as usize + 1) }
}

/// The elements of a contiguous host tensor whose memory no other slice of this instruction covers.
pub(crate) fn slice_mut<T: Element>(tensor: &mut Tensor) -> &mut [T] {
    assert!(
        is_slice(tensor) && tensor.kind() == T::KIND,
        "internal: a slice of another kind of tensor"
    );
    let elements = tensor.numel();
    if elements == 0 {
        return &mut [];
    }
    // SAFETY: as in `slice`; callers pass results that they have just made, or parameters of the store, which no
    // operand shares (see `compile::copied`).
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<T>(), elements) }
}

/// Mutable elements that several threads write, each its own.
#[derive(Clone, Copy)]
struct Shared<'a, T = f32> {
    first: *mut T,
    elements: usize,
    lifetime: std::marker::PhantomData<&'a mut [T]>,
}

// SAFETY: threads take disjoint parts, which `part` asks its callers to see to.
unsafe impl<T: Send> Send for Shared<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    fn new(slice: &'a mut [T]) -> Self {
        Self {
            first: slice.as_mut_ptr(),
            elements: slice.len(),
            lifetime: std::marker::PhantomData,
        }
    }

    /// Has elements that are needed soon brought nearer.
    #[inline(always)]
    fn fetch(&self, first: usize, count: usize) {
        fetch(self.first.wrapping_add(first), count);
    }

    /// Where some of the elements begin.
    fn place(&self, range: Range<usize>) -> *mut T {
        assert!(
            range.start <= range.end && range.end <= self.elements,
            "internal: a part outside its slice"
        );
        self.first.wrapping_add(range.start)
    }

    /// Some of the elements.
    ///
    /// # Safety
    /// Parts that are alive at one time do not overlap.
    #[expect(
        clippy::mut_from_ref,
        reason = "callers see to it that parts are disjoint"
    )]
    unsafe fn part(&self, range: Range<usize>) -> &mut [T] {
        let first = self.place(range.clone());
        // SAFETY: in bounds as just checked, and disjoint by contract.
        unsafe { std::slice::from_raw_parts_mut(first, range.len()) }
    }
}

/// Has memory that is needed soon brought nearer. This is advice: any address will do.
#[inline(always)]
fn fetch<T>(first: *const T, count: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

        for at in (0..count * size_of::<T>()).step_by(64) {
            // SAFETY: nothing is read.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(first.cast::<i8>().wrapping_add(at)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (first, count);
}

/// Defines a function twice, for processors with AVX2 and for others, and calls the one that suits. The same operations
/// in the same order give the same bits.
macro_rules! wide {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        fn $name($($arg: $ty),*) {
            #[inline(always)]
            fn body($($arg: $ty),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $ty),*) {
                    body($($arg),*);
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2.
                    return unsafe { avx2($($arg),*) };
                }
            }
            body($($arg),*);
        }
    };
}
pub(crate) use wide;

/// Defines a function for processors with AVX-512, with AVX2, and others; on the first two a product is added in one rounding.
macro_rules! widest {
    (fn $name:ident($($arg:ident: $ty:ty),* $(,)?) = $body:ident) => {
        fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                use std::arch::is_x86_feature_detected as has;

                #[target_feature(enable = "avx512f,avx2,fma")]
                fn avx512($($arg: $ty),*) {
                    $body::<true>($($arg),*);
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) {
                    $body::<true>($($arg),*);
                }
                if has!("avx2") && has!("fma") {
                    if has!("avx512f") {
                        // SAFETY: the processor has what the function asks for.
                        return unsafe { avx512($($arg),*) };
                    }
                    // SAFETY: as above.
                    return unsafe { avx2($($arg),*) };
                }
            }
            $body::<false>($($arg),*);
        }
    };
}
pub(crate) use widest;
