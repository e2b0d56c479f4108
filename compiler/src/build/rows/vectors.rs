//! Files of vectors, read like entities.

use reckon_grammar::span::Span;

use crate::hir::{EmbedTable, Vectors};
use crate::plan::row::{RowKind, RowType};
use crate::plan::{BadRows, ColumnPlan, Immature, SourceKind, SourcePlan, TimeFormat, VectorsPlan};

/// The file of vectors that a table begins with.
pub(super) fn vectors_plan(of: &Vectors, table: &EmbedTable, span: Span) -> VectorsPlan {
    let column = |name: &str, kind: RowKind| ColumnPlan {
        name: name.to_owned(),
        ty: RowType::new(kind),
        time: TimeFormat::default(),
        nulls: Vec::new(),
        joined: None,
        known: Vec::new(),
        span,
    };
    let list = RowKind::List(Box::new(RowKind::Float));
    VectorsPlan {
        file: SourcePlan {
            name: format!("vectors of {}", table.path.replace('/', ".")),
            kind: SourceKind::Entity,
            paths: vec![of.path.clone()],
            columns: vec![column(&of.key, of.of.clone()), column(&of.column, list)],
            key: vec![of.key.clone()],
            references: Vec::new(),
            time: None,
            versions: None,
            condition: None,
            unique: Vec::new(),
            on_bad_row: BadRows::default(),
            computed: Vec::new(),
            immature: Immature::default(),
            span,
        },
        column: of.column.clone(),
        width: table.width,
        tune: of.tune,
        span,
    }
}
