//! Checking whole specs.
#![allow(
    clippy::disallowed_methods,
    reason = "the crate is pure, its tests read files"
)]

use reckon_compiler::check::check;
use reckon_compiler::world::World;

struct Disk;

impl World for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }
}

#[test]
fn the_main_example_has_nothing_to_complain_about() {
    let checked = check(
        &Disk,
        concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../examples/movielens/two_tower.rec"
        ),
        &[],
    );
    assert_eq!(checked.diagnostics, []);
    assert!(checked.hir.is_some());
}
