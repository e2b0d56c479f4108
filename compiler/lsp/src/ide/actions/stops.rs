//! Losses that would move a teacher: its output, or what it reads of others, is taken as it is.

use std::collections::BTreeSet;

use reckon_grammar::ast::{Body, Expr, ExprKind, ItemKind, Loss};
use reckon_grammar::span::Span;

use super::Mending;
use crate::ide::edit::Edit;
use crate::ide::index::SymbolKind;
use crate::ide::{Analysis, syntax};

/// Takes what the teacher is or reads through `stop(...)` in the loss whose name stands at a place.
pub(super) fn mend(analysis: &Analysis, at: Span, labels: &[Span]) -> Option<Mending> {
    let loss = syntax::items(analysis).find_map(|item| match &item.kind {
        ItemKind::Loss(loss) if loss.name.span == at => Some(loss),
        _ => None,
    })?;
    match labels.first() {
        Some(teacher) => stop_what_it_reads(analysis, loss, *teacher),
        None => stop_teachers(analysis, loss),
    }
}

/// The loss is for a teacher and for others: the teacher leaves `for`, and its output stands still.
fn stop_teachers(analysis: &Analysis, loss: &Loss) -> Option<Mending> {
    let index = analysis.index();
    let is_teacher = |span: Span| {
        let found = index.at(span.file, span.range().start);
        found.is_some_and(|found| index.symbol(found.symbol).kind == SymbolKind::Teacher)
    };
    let (teachers, others): (Vec<_>, Vec<_>) =
        loss.trains.iter().partition(|name| is_teacher(name.span));
    let (first, last) = loss.trains.first().zip(loss.trains.last())?;
    if teachers.is_empty() || others.is_empty() {
        return None;
    }
    let text = |names: &[&reckon_grammar::ast::Name]| {
        let names: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
        names.join(", ")
    };
    let mut edits = vec![Edit {
        span: first.span.to(last.span),
        text: text(&others),
    }];
    let named = teachers.iter().map(|name| name.text.as_str()).collect();
    edits.extend(stopped(analysis, &loss.body, &named));
    Some(Mending {
        title: format!("write `stop(...)` around `{}`", text(&teachers)),
        edits,
    })
}

/// The loss trains towers that a teacher reads too: it reads them through `stop`, where something else is left to train.
fn stop_what_it_reads(analysis: &Analysis, loss: &Loss, teacher: Span) -> Option<Mending> {
    let body = syntax::items(analysis).find_map(|item| match &item.kind {
        ItemKind::Tower(tower) if tower.name.span == teacher => tower.body.as_ref(),
        _ => None,
    })?;
    let read = called(analysis, body);
    let used = called(analysis, &loss.body);
    let shared: BTreeSet<&str> = used.intersection(&read).copied().collect();
    if shared.is_empty() || shared.len() == used.len() {
        return None;
    }
    let names: Vec<&str> = shared.iter().copied().collect();
    Some(Mending {
        title: format!("write `stop(...)` around `{}`", names.join("`, `")),
        edits: stopped(analysis, &loss.body, &shared),
    })
}

/// The towers and teachers that a body applies.
fn called<'a>(analysis: &Analysis, body: &'a Body) -> BTreeSet<&'a str> {
    let index = analysis.index();
    let mut found = BTreeSet::new();
    body.walk(&mut |e| {
        if let Some((name, span)) = callee(e)
            && let Some(at) = index.at(span.file, span.range().start)
            && matches!(
                index.symbol(at.symbol).kind,
                SymbolKind::Tower | SymbolKind::Teacher
            )
        {
            found.insert(name);
        }
    });
    found
}

/// `stop(...)` around each application of towers; those inside `stop` already are left alone.
fn stopped(analysis: &Analysis, body: &Body, towers: &BTreeSet<&str>) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut still: Vec<Span> = Vec::new();
    body.walk(&mut |e| {
        let Some((name, _)) = callee(e) else { return };
        if name == "stop" {
            still.push(e.span);
        }
        let inside = |outer: &Span| outer.start <= e.span.start && e.span.end <= outer.end;
        if towers.contains(name) && !still.iter().any(inside) {
            let applied = analysis.checked.sources.slice(e.span);
            edits.push(Edit {
                span: e.span,
                text: format!("stop({applied})"),
            });
            still.push(e.span);
        }
    });
    edits
}

/// What an expression calls by name.
fn callee(e: &Expr) -> Option<(&str, Span)> {
    let (ExprKind::Call(callee, _) | ExprKind::Pipe(_, callee, _)) = &e.kind else {
        return None;
    };
    match &callee.kind {
        ExprKind::Name(name) => Some((name, callee.span)),
        _ => None,
    }
}
