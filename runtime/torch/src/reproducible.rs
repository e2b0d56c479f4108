//! Products of matrices that come out the same, bit for bit, with any number of threads.
//!
//! MKL cuts a product along the sums where that pays, and how it cuts depends on the threads. It has a mode that does not
//! ("conditional numerical reproducibility", strict), to be chosen before its first use.

#![cfg_attr(
    all(target_os = "linux", target_arch = "x86_64"),
    expect(unsafe_code, reason = "the switch is a C function of MKL")
)]

/// Chooses the mode, once in a process. Every way into this crate that may reach MKL comes through here first.
pub(crate) fn ensure() {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    mkl::ensure();
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod mkl {
    use std::ffi::{CStr, c_int, c_void};
    use std::sync::Once;

    use crate::native;

    /// The MKL inside libtorch exports it under this name; `mkl_cbwr_set` of the manual is an alias that libtorch leaves out.
    const SWITCH: &CStr = c"mkl_serv_cbwr_set";
    /// `MKL_CBWR_AUTO`: the instructions that suit the processor.
    const AUTO: c_int = 2;
    /// `MKL_CBWR_STRICT`: whatever the threads are.
    const STRICT: c_int = 0x1_0000;

    static CHOSEN: Once = Once::new();

    pub(super) fn ensure() {
        CHOSEN.call_once(|| {
            let Some(found) = native::function(SWITCH) else {
                // A libtorch without MKL has nothing to switch.
                return;
            };
            // SAFETY: the function of this name takes a mode and gives a status, both `int` (mkl_service.h).
            let switch = unsafe {
                std::mem::transmute::<*mut c_void, extern "C" fn(c_int) -> c_int>(found.as_ptr())
            };
            if switch(AUTO | STRICT) != 0 {
                // Processors before AVX2 have no strict mode; the plain one is as far as MKL goes there.
                switch(AUTO);
            }
        });
    }
}
