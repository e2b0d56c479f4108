//! Features, towers, weights, losses, evaluations, exports and tests.

use reckon_grammar::ast::{self, ItemKind};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::call::kind_named;
use super::{Checker, Frame};
use crate::graph::Init;
use crate::hir::{
    Assert, Expr, Feature, HandleTy, ItemWeight, Kind, Loss, Rows, SpaceKind, Tensor, Test, Tower,
    Ty,
};
use crate::value::Value;

impl<'a> Checker<'a> {
    /// All items beside sources, in an order in which each finds what it needs.
    pub(super) fn items(&mut self) {
        let items: Vec<&'a ast::Item> = self.user_items().collect();
        self.refuse_later(&items);
        for item in &items {
            if let ItemKind::Weight(weight) = &item.kind {
                self.weight_item(weight);
            }
        }
        self.feature_sources(&items);
        for at in 0..self.feature_items.len() {
            let (source, name, _) = self.feature_items[at].clone();
            self.feature_index(&source, &name);
        }
        for item in &items {
            if let ItemKind::Tower(tower) = &item.kind {
                self.tower_index(&tower.name.text);
            }
        }
        for item in &items {
            match &item.kind {
                ItemKind::Loss(loss) => self.loss(loss),
                ItemKind::Column(column) => drop(self.not_yet(column.name.span, "a `column`")),
                ItemKind::Graph(graph) => drop(self.not_yet(graph.name.span, "a `graph`")),
                ItemKind::Selector(selector) => {
                    drop(self.not_yet(selector.name.span, "a `selector`"))
                }
                ItemKind::Loop(each) => drop(self.not_yet(each.name.span, "a `loop`")),
                _ => {}
            }
        }
        for item in &items {
            match &item.kind {
                ItemKind::Evaluate(evaluate) => self.evaluate(evaluate, item.span),
                ItemKind::Export(export) => self.export(export),
                ItemKind::Test(test) => self.test(test, item.span),
                _ => {}
            }
        }
        for item in &items {
            if let ItemKind::Train(train) = &item.kind {
                self.train(train, item.span);
            }
        }
    }

    /// Notes the names of all items that are not lowered yet.
    fn refuse_later(&mut self, items: &[&'a ast::Item]) {
        for item in items {
            match &item.kind {
                ItemKind::Column(_) | ItemKind::Graph(_) | ItemKind::Selector(_) => {
                    self.refuse_names(item);
                }
                ItemKind::Loop(each) => {
                    self.refused.insert(each.name.text.clone());
                    each.items.iter().for_each(|item| self.refuse_names(item));
                }
                _ => {}
            }
        }
    }

    fn refuse_names(&mut self, item: &ast::Item) {
        let names = super::names_of(&item.kind);
        self.refused
            .extend(names.into_iter().map(|(_, name)| name.text.clone()));
    }

    /// Features of a source that does not exist are said once, at the item.
    fn feature_sources(&mut self, items: &[&'a ast::Item]) {
        for item in items {
            let ItemKind::Features(features) = &item.kind else {
                continue;
            };
            let name = &features.source.text;
            if self.hir.sources.iter().all(|source| source.name != *name) {
                let known: Vec<String> = self
                    .hir
                    .sources
                    .iter()
                    .map(|source| source.name.clone())
                    .collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                self.unknown(232, features.source.span, "entity or events", name, &known);
            }
        }
        let known: Vec<String> = self
            .hir
            .sources
            .iter()
            .map(|source| source.name.clone())
            .collect();
        self.feature_items
            .retain(|(source, _, _)| known.contains(source));
        let mut seen: std::collections::BTreeMap<(String, String), Span> = Default::default();
        for (source, name, feature) in self.feature_items.clone() {
            if let Some(first) = seen.insert((source.clone(), name.clone()), feature.name.span) {
                self.report(
                    Diagnostic::error(
                        Code(204),
                        feature.name.span,
                        format!("feature `{source}.{name}` is declared twice"),
                    )
                    .label(first, "first declared here"),
                );
            }
        }
    }

    fn weight_item(&mut self, weight: &ast::Weight) {
        self.frames.push(Frame::default());
        let ty = self.written(&weight.ty);
        let init = self.expr(&weight.init);
        self.frames.pop();
        let Some(ty) = ty else {
            self.refused.insert(weight.name.text.clone());
            return;
        };
        let (Ty::Tensor(ty), Some(init)) = (ty, init.ty.value().and_then(Value::as_f64)) else {
            self.refused.insert(weight.name.text.clone());
            if !init.is_error() {
                self.report(Diagnostic::error(
                    Code(301),
                    weight.init.span,
                    "a weight is numbers, and starts at a number known while compiling",
                ));
            }
            return;
        };
        self.hir.weights.push(ItemWeight {
            name: weight.name.text.clone(),
            ty,
            init: Init::Constant(init),
            span: weight.name.span,
        });
    }

    /// The checked feature of this name; it is checked on first use, so order in the text does not matter.
    pub(super) fn feature_index(&mut self, source: &str, name: &str) -> Option<usize> {
        if let Some(at) = self.features.get(&(source.to_owned(), name.to_owned())) {
            return (*at != usize::MAX).then_some(*at);
        }
        let (_, _, feature) = self
            .feature_items
            .iter()
            .find(|(s, n, _)| s == source && n == name)?;
        let feature = *feature;
        let key = format!("{source}.{name}");
        if self.open.contains(&key) {
            self.report(Diagnostic::error(
                Code(418),
                feature.name.span,
                format!("feature `{key}` is computed from itself"),
            ).help("a column of that name is reached by `.raw`, earlier rows through `history(...)`"));
            return None;
        }
        self.open.push(key);
        let outer = self.open_body();
        self.current_feature = Some((source.to_owned(), name.to_owned()));
        let (row, handle) = self.feature_row(source, feature.name.span);
        let value = self.in_row_scope(handle, source, |checker| checker.expr(&feature.value));
        let value = self.feature_value(value, source, name);
        self.reveal(feature.value.span, &value);
        self.close_body(outer);
        self.open.pop();
        let slot = (source.to_owned(), name.to_owned());
        if value.is_error() {
            self.features.insert(slot, usize::MAX);
            return None;
        }
        let docs = feature.docs.clone();
        self.hir.features.push(Feature {
            source: source.to_owned(),
            name: name.to_owned(),
            row,
            value,
            docs,
            span: feature.name.span,
        });
        self.features.insert(slot, self.hir.features.len() - 1);
        Some(self.hir.features.len() - 1)
    }

    fn feature_value(&mut self, value: Expr, source: &str, name: &str) -> Expr {
        if let Some(leak) = value.facts.label {
            let of = self.references_of(source).first().cloned();
            let of = of.unwrap_or_else(|| "user".into());
            self.report(
                Diagnostic::error(Code(420), leak, format!("feature `{source}.{name}` reads a label of its own row"))
                    .here("known only after the row happened")
                    .help(format!("read it from earlier rows: `history({source} of {of}, last: 50)`, or declare the column without `label`")),
            );
            return Expr::error(value.span);
        }
        if super::rows::id_source(&value).is_some() {
            self.report(
                Diagnostic::error(
                    Code(419),
                    value.span,
                    format!("feature `{source}.{name}` ends in ids, and ids are no numbers"),
                )
                .help("give every id a vector: `... |> embed(16)`"),
            );
            return Expr::error(value.span);
        }
        self.tensor(value)
    }

    /// Puts the open body aside while another item is checked.
    fn open_body(&mut self) -> Body {
        Body {
            frames: std::mem::take(&mut self.frames),
            segments: std::mem::replace(&mut self.segments, vec![Default::default()]),
            calls: std::mem::take(&mut self.calls),
            hint: self.hint.take(),
            feature: self.current_feature.take(),
            depth: std::mem::take(&mut self.depth),
        }
    }

    fn close_body(&mut self, outer: Body) {
        self.frames = outer.frames;
        self.segments = outer.segments;
        self.calls = outer.calls;
        self.hint = outer.hint;
        self.current_feature = outer.feature;
        self.depth = outer.depth;
    }

    /// The checked tower of this name; like features, on first use.
    pub(super) fn tower_index(&mut self, name: &str) -> Option<usize> {
        if let Some(at) = self.hir.towers.iter().position(|tower| tower.name == name) {
            return Some(at);
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
        if tower.teacher {
            self.not_yet(tower.name.span, "a `teacher`");
            return None;
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
        Some(Tower {
            name: tower.name.text.clone(),
            params,
            value,
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
        let (wanted, found) = (self.show(wanted), self.show(&value.ty));
        let written = tower.ret.as_ref().map_or(tower.name.span, |ret| ret.span);
        let mut diagnostic = Diagnostic::error(
            Code(302),
            value.span,
            format!(
                "tower `{}` gives `{wanted}`, and its body is `{found}`",
                tower.name.text
            ),
        )
        .label(written, "written here");
        if found.ends_with("[1]") && !wanted.contains('[') {
            diagnostic = diagnostic.help("drop the dimension of 1: `... |> squeeze`");
        }
        self.report(diagnostic);
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

    /// Rows of an item: a source with a condition, perhaps drawn.
    pub(super) fn rows(&mut self, rows: &ast::Rows, batch_name: &str) -> Option<(Rows, Expr)> {
        let span = rows.expr.span;
        let (base, drawn) = match &rows.expr.kind {
            ast::ExprKind::Pipe(base, callee, args) => match (&callee.kind, args.as_slice()) {
                (ast::ExprKind::Name(name), [arg])
                    if name == "sample"
                        && matches!(&arg.value.kind, ast::ExprKind::Name(word) if word == "uniform") =>
                {
                    (&**base, true)
                }
                (ast::ExprKind::Name(name), _) => {
                    let name = name.clone();
                    self.not_yet(callee.span, &format!("the row function `{name}`"));
                    return None;
                }
                _ => return None,
            },
            _ => (&rows.expr, false),
        };
        let (source, cond) = match &base.kind {
            ast::ExprKind::Rows {
                source,
                windows,
                cond,
                of,
            } => {
                if !windows.is_empty() {
                    self.not_yet(span, "a window of a loop");
                    return None;
                }
                if let Some(of) = of {
                    self.report(Diagnostic::error(
                        Code(305),
                        of.span,
                        "`of` belongs into `history(...)`",
                    ));
                    return None;
                }
                (&**source, cond.as_deref())
            }
            _ => (base, None),
        };
        let ast::ExprKind::Name(name) = &source.kind else {
            if !matches!(source.kind, ast::ExprKind::Error) {
                self.report(Diagnostic::error(
                    Code(305),
                    source.span,
                    "expected the name of events, an entity or a selector",
                ));
            }
            return None;
        };
        if self.hir.sources.iter().all(|known| known.name != *name) {
            if !self.refused.contains(name) {
                let known: Vec<String> = self
                    .hir
                    .sources
                    .iter()
                    .map(|source| source.name.clone())
                    .collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                self.unknown(230, source.span, "rows", name, &known);
            }
            return None;
        }
        let space = self.space(format!("batch {batch_name}"), "B", SpaceKind::Batch);
        let (row, handle) = self.row_handle(
            HandleTy {
                source: name.clone(),
                space: Some(space),
                past: false,
                candidates: false,
            },
            source.span,
        );
        let condition = match cond {
            Some(cond) => {
                let value = self.in_row_scope(handle.clone(), name, |checker| checker.expr(cond));
                Some(self.condition(value)?)
            }
            None => None,
        };
        let batch = match rows.batch.as_ref().map(|batch| self.whole(batch, "batch")) {
            Some(Some(batch)) => Some(batch),
            Some(None) => return None,
            None => None,
        };
        Some((
            Rows {
                source: name.clone(),
                row,
                condition,
                drawn,
                batch,
                span,
            },
            handle,
        ))
    }

    /// A whole number above 0.
    pub(super) fn whole(&mut self, e: &ast::Expr, what: &str) -> Option<usize> {
        self.frames.push(Frame::default());
        let value = self.expr(e);
        self.frames.pop();
        match value.ty {
            Ty::Const(Value::Int(n)) if n > 0 => Some(n as usize),
            Ty::Error => None,
            _ => {
                self.report(Diagnostic::error(
                    Code(802),
                    e.span,
                    format!("`{what}` is a whole number above 0"),
                ));
                None
            }
        }
    }

    fn loss(&mut self, loss: &ast::Loss) {
        self.frames.push(Frame::default());
        let rows = self.rows(&loss.rows, &loss.name.text);
        self.frames.pop();
        let Some((rows, handle)) = rows else { return };
        for name in &loss.trains {
            if self.tower_index(&name.text).is_none()
                && !self.towers.contains_key(name.text.as_str())
            {
                let known: Vec<&str> = self.towers.keys().copied().collect();
                self.unknown(505, name.span, "tower", &name.text, &known);
            }
        }
        self.segments = vec![Default::default()];
        let source = rows.source.clone();
        let value = self.in_row_scope(handle.clone(), &source, |checker| {
            let value = checker.body(&loss.body, None);
            if value.is_error() {
                value
            } else {
                checker.tensor(value)
            }
        });
        self.reveal(loss.body.value.span, &value);
        let Ty::Tensor(tensor) = &value.ty else {
            return;
        };
        let Ty::Handle(handle) = &handle.ty else {
            return;
        };
        let a_row = tensor.spaces.len() == 1 && Some(tensor.spaces[0]) == handle.space;
        if !tensor.dims.is_empty() || !(a_row || tensor.spaces.is_empty()) {
            let shown = self.show(&value.ty);
            self.report(
                Diagnostic::error(Code(602), value.span, format!("loss `{}` is `{shown}`, and a loss is one number a row", loss.name.text))
                    .help("reduce it: `softmax_loss(scores, c)` over candidates, `sum` or `mean` over a dimension"),
            );
            return;
        }
        let trains = loss.trains.iter().map(|name| name.text.clone()).collect();
        self.hir.losses.push(Loss {
            name: loss.name.text.clone(),
            rows,
            trains,
            value,
            span: loss.name.span,
        });
    }

    fn export(&mut self, export: &ast::Export) {
        for name in &export.names {
            let Some(at) = self.tower_index(&name.text) else {
                if !self.towers.contains_key(name.text.as_str()) {
                    let known: Vec<&str> = self.towers.keys().copied().collect();
                    self.unknown(505, name.span, "tower", &name.text, &known);
                }
                continue;
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
                continue;
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
                continue;
            }
            self.used.insert(format!("tower {}", name.text));
            self.hir.exports.push((name.text.clone(), name.span));
        }
    }

    fn test(&mut self, test: &ast::Test, span: Span) {
        self.frames.push(Frame::default());
        self.segments = vec![Default::default()];
        let (mut lets, mut asserts) = (Vec::new(), Vec::new());
        for statement in &test.statements {
            match statement {
                ast::Statement::Let(binding) => {
                    self.hint = Some(binding.name.text.clone());
                    let value = self.expr(&binding.value);
                    self.hint = None;
                    // A list of numbers is bound as a tensor, so that gradients with respect to it can be asked for.
                    let value = match &value.ty {
                        Ty::Const(Value::List(items)) if items.iter().all(is_numeric) => {
                            self.tensor(value)
                        }
                        _ => value,
                    };
                    lets.extend(self.bound(&binding.name.text, value));
                }
                ast::Statement::Assert {
                    left,
                    right,
                    within,
                    span,
                } => {
                    let left = self.expr(left);
                    let left = self.tensor(left);
                    let right = right.as_ref().map(|right| {
                        let right = self.expr(right);
                        self.tensor(right)
                    });
                    let within = within
                        .as_ref()
                        .and_then(|e| self.expr(e).ty.value().and_then(Value::as_f64))
                        .unwrap_or(1e-5);
                    if let (Ty::Tensor(a), Some(Ty::Tensor(b))) =
                        (&left.ty, right.as_ref().map(|right| &right.ty))
                        && a.dims != b.dims
                        && !b.dims.is_empty()
                    {
                        let (a, b) = (
                            self.show(&left.ty),
                            self.show(&Ty::Tensor(Tensor { ..b.clone() })),
                        );
                        self.report(Diagnostic::error(
                            Code(302),
                            *span,
                            format!("shapes differ: `{a}` ~= `{b}`"),
                        ));
                        continue;
                    }
                    if !left.is_error() && !right.as_ref().is_some_and(Expr::is_error) {
                        asserts.push(Assert {
                            left,
                            right,
                            within,
                            span: *span,
                        });
                    }
                }
                ast::Statement::Error(_) => {}
            }
        }
        self.frames.pop();
        self.hir.tests.push(Test {
            title: test.title.clone(),
            lets,
            asserts,
            span,
        });
    }

    /// Warns of features that nothing reads.
    pub(super) fn unused(&mut self) {
        // Where something is wrong, what would have read a feature may be what is wrong.
        if self.hir.towers.is_empty() || self.diagnostics.iter().any(Diagnostic::is_error) {
            return;
        }
        for (source, name, feature) in self.feature_items.clone() {
            let key = format!("feature {source}.{name}");
            if !self.used.contains(&key)
                && self
                    .features
                    .get(&(source.clone(), name.clone()))
                    .is_some_and(|at| *at != usize::MAX)
            {
                self.report(
                    Diagnostic::warning(
                        Code(421),
                        feature.name.span,
                        format!("feature `{source}.{name}` is never read"),
                    )
                    .help(format!(
                        "pass it to a tower, `concat({source})` takes all, or delete it"
                    )),
                );
            }
        }
    }
}

struct Body {
    frames: Vec<Frame>,
    segments: Vec<std::collections::BTreeMap<String, usize>>,
    calls: Vec<Span>,
    hint: Option<String>,
    feature: Option<(String, String)>,
    depth: usize,
}

fn is_numeric(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().all(is_numeric),
        other => other.as_f64().is_some(),
    }
}
