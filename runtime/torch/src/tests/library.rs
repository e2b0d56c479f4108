//! The tests of the library, three ways: reference evaluator, as lowered, optimised.

use reckon_compiler::check::check;
use reckon_compiler::testing::run;

use crate::once::outputs;

struct Text(&'static str);

impl reckon_compiler::world::World for Text {
    fn read(&self, _: &str) -> Result<String, String> {
        Ok(self.0.to_owned())
    }
}

#[test]
fn the_library_holds_on_libtorch_what_it_promises() {
    let mut claims = 0;
    for module in reckon_stdlib::MODULES {
        if module.path == "std.prim" {
            continue;
        }
        let hir = check(&Text(module.text), module.file, &[]).hir.unwrap();
        let outcomes = run(&hir, &mut |graph, env| {
            outputs(graph, env).map_err(|error| error.to_string())
        });
        for outcome in outcomes {
            assert_eq!(outcome.failures, [], "{}: {}", module.path, outcome.title);
            claims += outcome.claims;
        }
    }
    assert!(claims > 20, "{claims} claims");
}
