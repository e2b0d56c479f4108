//! The types that own functions are written with.

use reckon_grammar::ast::{self, ItemKind, TypeKind};

use super::Checker;
use super::call::kind_named;

/// What parameters take beside tensors.
const SORTS: &[&str] = &[
    "any",
    "int",
    "number",
    "text",
    "flag",
    "list",
    "rows",
    "candidates",
    "pairs",
    "str",
    "f32",
    "logit",
    "prob",
    "log_prob",
    "i64",
    "bool",
];

impl Checker<'_> {
    /// A type that does not exist would let every argument pass.
    pub(super) fn function_types(&mut self) {
        let mut types: Vec<&ast::Type> = Vec::new();
        for item in self.user_items() {
            if let ItemKind::Fn(decl) = &item.kind {
                types.extend(decl.params.iter().filter_map(|param| param.ty.as_ref()));
                types.extend(&decl.ret);
            }
        }
        for ty in types {
            self.known_type(ty);
        }
    }

    fn known_type(&mut self, ty: &ast::Type) {
        match &ty.kind {
            TypeKind::Named { name, .. } => {
                let sources = self.hir.sources.iter().map(|source| source.name.clone());
                let sources: Vec<String> = sources.collect();
                let text = name.text.as_str();
                if SORTS.contains(&text)
                    || kind_named(text).is_some()
                    || sources.iter().any(|source| source == text)
                {
                    return;
                }
                let sources = sources.iter().map(String::as_str);
                let known: Vec<&str> = SORTS.iter().copied().chain(sources).collect();
                self.unknown(311, name.span, "type", text, &known);
            }
            TypeKind::Record(fields) => {
                for (_, ty) in fields {
                    self.known_type(ty);
                }
            }
            TypeKind::Words(_) | TypeKind::Error => {}
        }
    }
}
