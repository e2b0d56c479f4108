//! The grammar of `.rec` files for editors, compiled. `grammar.js` says what it reads; nothing else of Reckon uses it: the tests
//! here hold it to the compiler's own grammar.

use tree_sitter_language::LanguageFn;

#[allow(unsafe_code)]
mod parser {
    // SAFETY: `src/parser.c` defines it, without arguments, and its result is constant.
    unsafe extern "C" {
        pub(super) safe fn tree_sitter_reckon() -> *const ();
    }

    /// As C code calls it.
    pub(super) unsafe extern "C" fn language() -> *const () {
        tree_sitter_reckon()
    }
}

/// The language, for `tree_sitter::Parser::set_language`.
#[allow(unsafe_code)]
// SAFETY: the function is the one that the tree-sitter command has generated.
pub const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(parser::language) };
