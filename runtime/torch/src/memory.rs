//! Memory that is given back is kept for what comes next.
//!
//! A run makes columns and tensors of some megabytes and lets them go, again and again. The C library gives such blocks back to the
//! system each time, which has to clear every page anew: a third of the time in which a log is read and made into features.

#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "the settings are a C function of the C library")
)]

/// Lets the process keep freed blocks of up to 32 MiB, and up to 256 MiB of them; larger blocks go back to the system at once, so that
/// the peak is still what is in use. To be called once, before there are threads.
pub fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::keep();
}

/// Gives freed blocks back to the system, as after data were read: what comes next needs blocks of other sizes.
pub fn give_back_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::give_back();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::ffi::c_int;

    const TRIM_THRESHOLD: c_int = -1;
    const MMAP_THRESHOLD: c_int = -3;

    unsafe extern "C" {
        fn mallopt(setting: c_int, value: c_int) -> c_int;
        fn malloc_trim(pad: usize) -> c_int;
    }

    pub(super) fn give_back() {
        // SAFETY: `malloc_trim` takes any number, and gives back only blocks that nothing uses.
        let _any = unsafe { malloc_trim(0) };
    }

    pub(super) fn keep() {
        for (setting, bytes) in [(MMAP_THRESHOLD, 32 << 20), (TRIM_THRESHOLD, 256 << 20)] {
            // SAFETY: `mallopt` takes any two numbers; settings that it does not know it leaves alone, as it says by its result.
            let _taken = unsafe { mallopt(setting, bytes) };
        }
    }
}
