//! The library of Reckon, in the language. Only `prim.rec` declares functions without a body: the intrinsics.

/// A file of the library. Files with one path are one module.
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
        /// All files of the library. `std.prim` and `std.prelude` are always in scope.
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
    "std.math" = "math.rec",
    "std.feature" = "feature.rec",
    "std.tower" = "tower/layers.rec",
    "std.tower" = "tower/lists.rec",
    "std.tower" = "tower/experts.rec",
    "std.route" = "route.rec",
    "std.loss" = "loss/errors.rec",
    "std.loss" = "loss/ranks.rec",
    "std.loss" = "loss/vectors.rec",
    "std.loss" = "loss/distill.rec",
    "std.loss" = "loss/order.rec",
    "std.loss" = "loss/transfer.rec",
    "std.loss" = "loss/weights.rec",
    "std.confidence" = "confidence.rec",
    "std.augment" = "augment.rec",
}
