//! Towers and exports.

use super::call::kind_named;
use super::{Checker, Frame, meant};
use crate::hir::{Expr, Kind, Origin, Teacher, Tower, Ty};
use reckon_grammar::ast::{self};
use reckon_grammar::diagnostic::{Code, Diagnostic};

impl<'a> Checker<'a> {
    /// The checked tower of this name; like features, on first use.
    pub(super) fn tower_index(&mut self, name: &str) -> Option<usize> {
        if let Some(at) = self.hir.towers.iter().position(|tower| tower.name == name) {
            return Some(at);
        }
        if self.is_scores(name) {
            return None;
        }
        let tower = *self.towers.get(name)?;
        let key = format!("tower {name}");
        if self.broken.contains(&key) {
            return None;
        }
        if self.open.contains(&key) {
            self.report(
                Diagnostic::error(
                    Code(503),
                    tower.name.span,
                    format!("tower `{name}` applies itself"),
                )
                .help("put what both need into a `fn`"),
            );
            return None;
        }
        self.open.push(key.clone());
        let outer = self.open_body();
        let checked = self.tower(tower);
        self.close_body(outer);
        self.open.pop();
        match checked {
            Some(tower) => {
                self.hir.towers.push(tower);
                Some(self.hir.towers.len() - 1)
            }
            None => {
                self.broken.insert(key);
                None
            }
        }
    }

    fn tower(&mut self, tower: &'a ast::Tower) -> Option<Tower> {
        if let Some(origin) = &tower.origin {
            return self.derived_teacher(tower, origin);
        }
        let body = tower.body.as_ref()?;
        self.frames.push(Frame::default());
        let mut params = Vec::new();
        for param in tower.params.iter().flatten() {
            let (id, ty) = self.tower_param(param)?;
            params.push((id, param.name.text.clone(), ty));
        }
        let value = self.body(body, None);
        self.frames.pop();
        let value = match value.ty {
            Ty::Row(_) | Ty::Const(_) | Ty::Tuple(_) | Ty::Handle(_) => self.tensor(value),
            Ty::Tensor(_) | Ty::Record(_) | Ty::Error => value,
        };
        let value = match &tower.ret {
            Some(ret) => {
                let wanted = self.written(ret)?;
                self.tower_result(tower, value, &wanted)
            }
            None => value,
        };
        self.reveal(body.value.span, &value);
        if value.is_error() {
            return None;
        }
        if let Some(leak) = value.facts.label {
            self.report(
                Diagnostic::error(Code(420), leak, format!("tower `{}` reads a label of its own row", tower.name.text))
                    .here("known only after the row happened")
                    .help("labels belong in losses; read earlier ones through a feature with `history(...)`"),
            );
            return None;
        }
        let teacher = tower.teacher.then(|| Teacher {
            origin: Origin::Own,
            tables: self.tables(tower, &Origin::Own),
        });
        Some(Tower {
            name: tower.name.text.clone(),
            params,
            value,
            teacher,
            span: tower.name.span,
        })
    }

    fn tower_param(&mut self, param: &ast::Param) -> Option<(usize, Ty)> {
        let Some(ty) = &param.ty else {
            self.report(
                Diagnostic::error(
                    Code(504),
                    param.name.span,
                    format!("parameter `{}` of a tower needs a type", param.name.text),
                )
                .help("name the rows or the tensor that it takes: `u: user`, `h: f32[64]`"),
            );
            return None;
        };
        if let ast::TypeKind::Named {
            name, dims: None, ..
        } = &ty.kind
            && kind_named(&name.text).is_none()
        {
            if self
                .hir
                .sources
                .iter()
                .any(|source| source.name == name.text)
            {
                let (id, handle) = self.feature_row(&name.text, param.name.span);
                let ty = handle.ty.clone();
                self.bind(&param.name.text, handle);
                return Some((id, ty));
            }
            let known: Vec<String> = self
                .hir
                .sources
                .iter()
                .map(|source| source.name.clone())
                .collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            self.unknown(232, name.span, "entity or events", &name.text, &known);
            return None;
        }
        let ty = self.written(ty)?;
        let id = self.local();
        self.bind(
            &param.name.text,
            Expr::new(
                crate::hir::ExprKind::Local(id),
                ty.clone(),
                Default::default(),
                param.name.span,
            ),
        );
        Some((id, ty))
    }

    /// The value of a tower against its written type.
    fn tower_result(&mut self, tower: &ast::Tower, value: Expr, wanted: &Ty) -> Expr {
        if value.is_error() {
            return value;
        }
        if self.fits(&value.ty, wanted) {
            let (facts, span) = (value.facts.clone(), value.span);
            if value.ty == *wanted {
                return value;
            }
            return Expr::new(
                crate::hir::ExprKind::Retype(Box::new(value)),
                wanted.clone(),
                facts,
                span,
            );
        }
        let dims = |ty: &Ty| match ty {
            Ty::Tensor(tensor) => Some(tensor.dims.len()),
            _ => None,
        };
        let body = tower.body.as_ref().map(|body| &body.value);
        let meant = match (dims(wanted), dims(&value.ty)) {
            (Some(0), Some(1)) => body.and_then(meant::inner_product),
            (Some(1), Some(2)) => body.and_then(meant::joined),
            _ => None,
        };
        let (wanted, found) = (self.show(wanted), self.show(&value.ty));
        let written = tower.ret.as_ref().map_or(tower.name.span, |ret| ret.span);
        let diagnostic = Diagnostic::error(
            Code(302),
            value.span,
            format!(
                "tower `{}` gives `{wanted}`, and its body is `{found}`",
                tower.name.text
            ),
        )
        .label(written, "written here");
        let help = match (found.split_once('['), wanted.split_once('[')) {
            (Some((_, "1]")), None) => Some("drop the dimension of 1: `... |> squeeze`".to_owned()),
            (Some(_), None) if !found.contains(',') => Some(
                "one number of a vector is `... |> linear(1) |> squeeze`, or its `sum` or `mean`"
                    .to_owned(),
            ),
            (Some((_, dims)), _) if dims.starts_with('~') => Some(
                "a list is pooled before it is one vector: `... |> mean`, or `... |> attention_pool`"
                    .to_owned(),
            ),
            (Some((a, _)), Some((b, _))) if a == b => Some(format!(
                "write `-> {found}`, or bring the body to what is written: `... |> linear(...)`"
            )),
            _ => None,
        };
        self.report(match (meant, help) {
            (Some(meant), _) => meant.attach(diagnostic),
            (None, Some(help)) => diagnostic.help(help),
            (None, None) => diagnostic,
        });
        Expr::error(value.span)
    }

    fn fits(&self, found: &Ty, wanted: &Ty) -> bool {
        match (found, wanted) {
            (Ty::Tensor(found), Ty::Tensor(wanted)) => {
                found.dims == wanted.dims
                    && found.spaces.is_empty()
                    && found.elem == wanted.elem
                    && (found.kind == wanted.kind
                        || found.kind == Kind::Plain
                        || wanted.kind == Kind::Plain)
            }
            (Ty::Record(found), Ty::Record(wanted)) => {
                found.len() == wanted.len()
                    && found
                        .iter()
                        .zip(wanted)
                        .all(|((a, found), (b, wanted))| a == b && self.fits(found, wanted))
            }
            _ => false,
        }
    }

    pub(super) fn export(&mut self, export: &ast::Export) {
        for name in &export.names {
            match self.is_scores(&name.text) {
                true => self.is_a_table(name, "there is nothing to serve"),
                false => self.exported(name),
            }
        }
    }

    fn exported(&mut self, name: &ast::Name) {
        let Some(at) = self.tower_index(&name.text) else {
            if !self.towers.contains_key(name.text.as_str()) {
                let known: Vec<&str> = self.towers.keys().copied().collect();
                self.unknown(505, name.span, "tower", &name.text, &known);
            }
            return;
        };
        let entities: Vec<&str> = self.hir.towers[at]
            .params
            .iter()
            .filter_map(|(_, _, ty)| match ty {
                Ty::Handle(handle) => self
                    .hir
                    .sources
                    .iter()
                    .find(|s| s.name == handle.source && s.time.is_none() && !s.key.is_empty())
                    .map(|s| s.name.as_str()),
                _ => None,
            })
            .collect();
        let takes_tensors = self.hir.towers[at]
            .params
            .iter()
            .any(|(_, _, ty)| !matches!(ty, Ty::Handle(_)));
        if takes_tensors || self.hir.towers[at].params.is_empty() {
            self.report(
                Diagnostic::error(
                    Code(506),
                    name.span,
                    format!(
                        "tower `{}` cannot serve alone: it is not applied to rows",
                        name.text
                    ),
                )
                .label(self.hir.towers[at].span, "declared here")
                .help("export the tower that applies it"),
            );
            return;
        }
        if entities.len() > 1 {
            let diagnostic = Diagnostic::error(
                Code(506),
                name.span,
                format!(
                    "tower `{}` reads {} and cannot serve alone",
                    name.text,
                    super::list(&entities)
                ),
            )
            .label(self.hir.towers[at].span, "declared here")
            .help("export towers that read one side each, such as a viewer and a film tower");
            self.report(diagnostic);
            return;
        }
        self.used.insert(format!("tower {}", name.text));
        self.hir.exports.push((name.text.clone(), name.span));
    }
}
