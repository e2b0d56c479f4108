//! Functions of the C libraries that libtorch brings along.

#![expect(unsafe_code, reason = "symbols are looked up by name")]

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

/// The address of a function in any library that is loaded, where one has it.
#[cfg(unix)]
pub(crate) fn function(name: &CStr) -> Option<NonNull<c_void>> {
    use std::ffi::c_char;

    unsafe extern "C" {
        fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    }
    // SAFETY: a null library means all that are loaded, and the name ends with a zero.
    NonNull::new(unsafe { dlsym(std::ptr::null_mut(), name.as_ptr()) })
}

/// Elsewhere nothing is looked up.
#[cfg(not(unix))]
pub(crate) fn function(_: &CStr) -> Option<NonNull<c_void>> {
    None
}
