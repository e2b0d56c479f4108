//! Who may depend on whom, over `cargo metadata`: the levels of the compiler point one way, and each outside library has
//! one crate that owns it, so that it can be replaced in one place. Dependencies of tests are exempt.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{collections::BTreeMap, env, process::Command};

/// Each crate of the workspace, and the crates of the workspace that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("reckon-grammar", &[]),
    ("reckon-stdlib", &[]),
    ("reckon-compiler", &["reckon-grammar", "reckon-stdlib"]),
    (
        "reckon-lsp",
        &["reckon-grammar", "reckon-stdlib", "reckon-compiler"],
    ),
    ("reckon-kernel", &["reckon-grammar", "reckon-compiler"]),
    ("reckon-torch", &["reckon-grammar", "reckon-compiler"]),
    (
        "reckon-runtime",
        &[
            "reckon-grammar",
            "reckon-compiler",
            "reckon-kernel",
            "reckon-torch",
        ],
    ),
    ("reckon-command", &["reckon-grammar", "reckon-compiler"]),
    (
        "reckon-engine",
        &[
            "reckon-grammar",
            "reckon-compiler",
            "reckon-runtime",
            "reckon-command",
        ],
    ),
    (
        "reckon",
        &[
            "reckon-grammar",
            "reckon-stdlib",
            "reckon-compiler",
            "reckon-kernel",
            "reckon-lsp",
            "reckon-command",
            "reckon-engine",
        ],
    ),
    ("reckon-tree-sitter", &[]),
    ("xtask", &[]),
];

/// Outside libraries that only one crate may touch.
const OWNER: &[(&str, &str)] = &[
    ("pest", "reckon-grammar"),
    ("petgraph", "reckon-compiler"),
    ("cranelift", "reckon-kernel"),
    ("tch", "reckon-torch"),
    ("arrow", "reckon-runtime"),
    ("parquet", "reckon-runtime"),
    ("safetensors", "reckon-runtime"),
    ("lsp-server", "reckon-lsp"),
    ("gen-lsp-types", "reckon-lsp"),
    ("clap", "reckon-command"),
    ("indicatif", "reckon-engine"),
    ("miette", "reckon-command"),
    ("libloading", "reckon"),
    ("mimalloc", "reckon"),
    ("tree-sitter", "reckon-tree-sitter"),
];

/// The dependencies of each crate of the workspace, those of its tests left out.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_string();
    let packages = metadata["packages"].as_array().unwrap();
    let used = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|dependency| dependency["kind"] != "dev")
            .map(name)
            .collect()
    };
    packages
        .iter()
        .map(|package| (name(package), used(package)))
        .collect()
}

#[test]
fn dependencies_between_crates_point_one_way() {
    let dependencies = dependencies();
    for (package, used) in &dependencies {
        let (_, allowed) = MAY_USE
            .iter()
            .find(|(name, _)| name == package)
            .unwrap_or_else(|| panic!("`{package}` is new: say in this file what it may use"));
        for inner in used.iter().filter(|name| dependencies.contains_key(*name)) {
            assert!(
                allowed.contains(&inner.as_str()),
                "`{package}` may not depend on `{inner}`"
            );
        }
    }
}

#[test]
fn each_outside_library_is_used_by_its_owner_alone() {
    for (package, used) in dependencies() {
        for library in &used {
            // A family counts as one library: `pest` and `pest_derive`, `cranelift-jit` and `cranelift-module`.
            let family = |name: &str| {
                library
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
            };
            if let Some((_, owner)) = OWNER.iter().find(|(name, _)| family(name)) {
                assert_eq!(package, *owner, "`{library}` belongs to `{owner}`");
            }
        }
    }
}
