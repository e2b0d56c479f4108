//! Specs of one file that have no errors.

use reckon_compiler::check::check;
use reckon_compiler::hir::Hir;
use reckon_compiler::lower::compile;
use reckon_compiler::plan::Plan;
use reckon_compiler::world::Texts;

#[track_caller]
pub(crate) fn typed(text: &str) -> Hir {
    let world = Texts([("main.rec".to_owned(), text.to_owned())].into());
    let checked = check(&world, "main.rec", &[]);
    let errors: Vec<_> = checked
        .diagnostics
        .iter()
        .filter(|found| found.is_error())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    checked.hir.unwrap()
}

#[track_caller]
pub(crate) fn plan(text: &str) -> Plan {
    compile(&typed(text)).unwrap()
}
