//! Types and parameters on one line.

use crate::ast::{Arg, Dim, Param, Type, TypeKind};

use super::Printer;

impl Printer<'_> {
    pub(super) fn flat_type(&self, ty: &Type) -> String {
        let text = match &ty.kind {
            TypeKind::Named {
                name,
                of,
                dims,
                args,
            } => {
                let mut text = name.text.clone();
                if !of.is_empty() {
                    let of: Vec<_> = of.iter().map(|ty| self.flat_type(ty)).collect();
                    text += &format!("<{}>", of.join(", "));
                }
                if !args.is_empty() {
                    text += &format!("({})", self.flat_args(args));
                }
                if let Some(dims) = dims {
                    let dims: Vec<_> = dims.iter().map(|dim| self.flat_dim(dim)).collect();
                    text += &format!("[{}]", dims.join(", "));
                }
                text
            }
            TypeKind::Words(words) => words
                .iter()
                .map(|word| word.text.as_str())
                .collect::<Vec<_>>()
                .join(" | "),
            TypeKind::Record(fields) if fields.is_empty() => "{}".to_owned(),
            TypeKind::Record(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, ty)| format!("{}: {}", name.text, self.flat_type(ty)));
                format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
            }
            TypeKind::Error => "...".to_owned(),
        };
        if ty.nullable { text + "?" } else { text }
    }

    fn flat_dim(&self, dim: &Dim) -> String {
        match dim {
            Dim::Leading(_) => "..".to_owned(),
            Dim::Ragged(bound) => format!("~{}", self.flat(bound, 0)),
            Dim::Expr(expr) => self.flat(expr, 0),
        }
    }

    pub(super) fn flat_param(&self, param: &Param) -> String {
        let mut text = if param.each {
            "each ".to_owned()
        } else {
            String::new()
        };
        text += &param.name.text;
        if let Some(ty) = &param.ty {
            text += &format!(": {}", self.flat_type(ty));
        }
        if let Some(default) = &param.default {
            text += &format!(" = {}", self.flat(default, 0));
        }
        text
    }

    pub(super) fn flat_args(&self, args: &[Arg]) -> String {
        args.iter()
            .map(|arg| self.flat_arg(arg))
            .collect::<Vec<_>>()
            .join(", ")
    }
}
