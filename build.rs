//! Lets binaries and tests that link libtorch find it where it lay at build time, without `LD_LIBRARY_PATH`, and the
//! command the library that does.
//!
//! Shared by the packages `reckon`, `reckon-engine`, `reckon-runtime` and `reckon-torch`: a library cannot pass link arguments on
//! to the binaries that use it, so each package whose binaries or tests reach libtorch says this for itself.

use std::{env, path::Path};

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if env::var("CARGO_PKG_NAME").as_deref() == Ok("reckon") {
        tell_where_the_engine_is();
    } else if let Ok(libtorch) = env::var("LIBTORCH") {
        link(&Path::new(&libtorch).join("lib"));
    }
}

/// Cargo leaves the libraries of a build in `deps`, three folders above what a build script may write to.
fn tell_where_the_engine_is() {
    let out = env::var("OUT_DIR").expect("cargo tells build scripts where to write");
    let built = Path::new(&out).ancestors().nth(3);
    let built = built.expect("that folder lies within the target folder");
    println!(
        "cargo:rustc-env=RECKON_ENGINE_DIR={}",
        built.join("deps").display()
    );
}

fn link(lib: &Path) {
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    // Nothing refers to the CUDA half by name: the linker would drop it, and no device would be found at run time.
    if lib.join("libtorch_cuda.so").exists() {
        println!("cargo:rustc-link-arg=-Wl,--no-as-needed,-ltorch_cuda,--as-needed");
    }
}
