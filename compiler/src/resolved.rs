//! The resolved spec: the text of a spec with settings at their final values and with what it leaves unsaid written out.
//! It says the same as the spec with its overrides, so it compiles to the same plan.

mod calls;

use std::collections::BTreeMap;
use std::ops::Range;

use reckon_grammar::ast::{self, EvaluateEntry, File, ItemKind, TrainEntry};
use reckon_grammar::span::{FileId, Span};

use crate::check::Checked;
use crate::graph::UpdateRule;
use crate::hir::{Hir, Optimizer, Train};
use crate::lower::usual_baselines;
use crate::plan::Schedule;
use crate::value::Value;

/// The main file of a spec with all settings, options of trainings and evaluations, and arguments of functions written out.
/// Comments stay. `None` where the spec has errors.
pub fn resolved(checked: &Checked) -> Option<String> {
    let hir = checked.hir.as_ref()?;
    let main = FileId(0);
    let files: Vec<(FileId, File)> = checked
        .sources
        .iter()
        .map(|(id, source)| (id, reckon_grammar::parse(id, &source.text).ast))
        .collect();
    let text = &checked.sources.file(main).text;
    let (_, file) = files.iter().find(|(id, _)| *id == main)?;
    let mut edits = Edits {
        text,
        edits: Vec::new(),
    };
    for item in &file.items {
        match &item.kind {
            ItemKind::Setting(setting) => setting_edit(&mut edits, setting, &checked.resolved),
            ItemKind::Train(train) => train_edits(&mut edits, train, item.span, hir),
            ItemKind::Evaluate(evaluate) => baselines(&mut edits, evaluate, item.span, hir),
            _ => {}
        }
    }
    calls::write_out(&mut edits, file, &functions(&files));
    let text = edits.apply();
    Some(reckon_grammar::format(&text).unwrap_or(text))
}

/// All functions by name: those of the spec hide those of the library.
fn functions(files: &[(FileId, File)]) -> BTreeMap<&str, &ast::Fn> {
    let mut functions = BTreeMap::new();
    for (_, file) in files {
        for item in &file.items {
            if let ItemKind::Fn(function) = &item.kind {
                functions
                    .entry(function.name.text.as_str())
                    .or_insert(function);
            }
        }
    }
    functions
}

/// Replacements of parts of a text.
struct Edits<'t> {
    text: &'t str,
    edits: Vec<(Range<usize>, String)>,
}

impl Edits<'_> {
    fn replace(&mut self, span: Span, text: String) {
        self.edits.push((span.range(), text));
    }

    fn insert(&mut self, at: usize, text: String) {
        self.edits.push((at..at, text));
    }

    /// Adds an entry behind the last one of an item, on a line of its own.
    fn entry(&mut self, item: Span, entry: &str) {
        let inside = &self.text[..item.range().end - 1];
        self.insert(inside.trim_end().len(), format!("\n{entry}"));
    }

    fn apply(mut self) -> String {
        // Insertions at one place keep their order.
        self.edits.sort_by_key(|(range, _)| range.start);
        let mut out = String::new();
        let mut done = 0;
        for (range, new) in self.edits {
            out.push_str(&self.text[done..range.start]);
            out.push_str(&new);
            done = range.end;
        }
        out.push_str(&self.text[done..]);
        out
    }
}

fn setting_edit(edits: &mut Edits<'_>, setting: &ast::Setting, finals: &[(String, Value)]) {
    let value = finals.iter().find(|(name, _)| *name == setting.name.text);
    if let Some((_, value)) = value {
        edits.replace(setting.value.span, value.to_string());
    }
}

fn train_edits(edits: &mut Edits<'_>, train: &ast::Train, item: Span, hir: &Hir) {
    let Some(plan) = hir.trains.iter().find(|known| known.span == item) else {
        return;
    };
    let options = options(plan);
    for (name, full) in &options {
        let written = train.entries.iter().find_map(|entry| match entry {
            TrainEntry::Option(key, value) if key.text == *name => Some(value),
            _ => None,
        });
        match written {
            Some(value) => edits.replace(value.span, full.clone()),
            None => edits.entry(item, &format!("{name} {full}")),
        }
    }
}

/// The options of a training as they are written; those that are nothing unless they are written are not among them.
fn options(train: &Train) -> Vec<(&'static str, String)> {
    vec![
        ("batch", train.batch.to_string()),
        ("epochs", train.epochs.to_string()),
        ("optimizer", optimizer(&train.optimizer, "adam")),
        ("embeddings", optimizer(&train.embeddings, "lazy_adam")),
        ("accumulate", train.accumulate.to_string()),
        ("schedule", schedule(train.schedule)),
    ]
}

/// `adam` is the name of Adam's rule for the parameters that are stepped.
fn optimizer(optimizer: &Optimizer, adam: &str) -> String {
    let lr = optimizer.lr;
    match optimizer.rule {
        UpdateRule::Sgd { momentum } => format!("sgd(lr: {lr:?}, momentum: {momentum:?})"),
        UpdateRule::Adam { beta1, beta2, eps } => {
            format!("{adam}(lr: {lr:?}, beta1: {beta1:?}, beta2: {beta2:?}, eps: {eps:?})")
        }
        UpdateRule::AdamW {
            beta1,
            beta2,
            eps,
            decay,
        } => format!(
            "adamw(lr: {lr:?}, beta1: {beta1:?}, beta2: {beta2:?}, eps: {eps:?}, decay: {decay:?})"
        ),
        UpdateRule::Adagrad { eps } => format!("adagrad(lr: {lr:?}, eps: {eps:?})"),
        UpdateRule::RowwiseAdagrad { eps } => {
            format!("rowwise_adagrad(lr: {lr:?}, eps: {eps:?})")
        }
    }
}

fn schedule(schedule: Schedule) -> String {
    match schedule {
        Schedule::Constant { warmup } => format!("constant(warmup: {warmup})"),
        Schedule::Cosine { warmup } => format!("cosine(warmup: {warmup})"),
        Schedule::Linear { warmup } => format!("linear(warmup: {warmup})"),
    }
}

fn baselines(edits: &mut Edits<'_>, evaluate: &ast::Evaluate, item: Span, hir: &Hir) {
    let named = |entry: &EvaluateEntry| matches!(entry, EvaluateEntry::Baselines(_));
    if evaluate.entries.iter().any(named) {
        return;
    }
    let mut plans = hir.evaluations.iter();
    if let Some(plan) = plans.find(|known| known.name == evaluate.name.text) {
        let names = usual_baselines(&plan.kind).join(", ");
        edits.entry(item, &format!("baselines {names}"));
    }
}
