//! The library of Reckon, in the language. Only `prim.rec` declares functions without a body: the intrinsics.

/// A module of the library.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// The path in a `use`.
    pub path: &'static str,
    /// The file, as diagnostics name it.
    pub file: &'static str,
    /// The text.
    pub text: &'static str,
}

macro_rules! modules {
    ($($path:literal = $file:literal),* $(,)?) => {
        /// All modules. `std.prim` and `std.prelude` are always in scope.
        pub const MODULES: &[Module] = &[$(Module {
            path: $path,
            file: concat!("std/", $file),
            text: include_str!(concat!("../", $file)),
        }),*];
    };
}

modules! {
    "std.prim" = "prim.rec",
    "std.prelude" = "prelude.rec",
    "std.feature" = "feature.rec",
    "std.tower" = "tower.rec",
    "std.loss" = "loss.rec",
}
