//! Lets binaries and tests that link libtorch find it where it lay at build time, without `LD_LIBRARY_PATH`.
//!
//! Shared by the packages `reckon`, `reckon-runtime` and `reckon-torch`: a library cannot pass link arguments on to the
//! binaries that use it, so each package whose binaries or tests reach libtorch says this for itself.

use std::{env, path::Path};

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let without_torch = env::var("CARGO_PKG_NAME").as_deref() == Ok("reckon")
        && env::var_os("CARGO_FEATURE_TORCH").is_none();
    if without_torch {
        return;
    }
    let Ok(libtorch) = env::var("LIBTORCH") else {
        return;
    };
    let lib = Path::new(&libtorch).join("lib");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    // Nothing refers to the CUDA half by name: the linker would drop it, and no device would be found at run time.
    if lib.join("libtorch_cuda.so").exists() {
        println!("cargo:rustc-link-arg=-Wl,--no-as-needed,-ltorch_cuda,--as-needed");
    }
}
