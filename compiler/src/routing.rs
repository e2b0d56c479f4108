//! Whose weights a path belongs to, and which of them a loss trains.
//!
//! `film.mlp.0.weight` belongs to tower `film`; `reader/article/id` is a table of teacher `reader`, and everything below
//! `old/` belongs to the copy `old`. Tables of the program stand below `main/`.

use std::collections::BTreeSet;

use crate::graph::{Graph, ParamKind};
use crate::hir::{Hir, Loss, Tables};

/// The model space that all towers share, as it begins the paths of its tables.
pub(crate) const PROGRAM: &str = "main";

/// Whether a path is below a tower's name.
pub(crate) fn belongs(path: &str, tower: &str) -> bool {
    path.strip_prefix(tower)
        .is_some_and(|rest| rest.starts_with('.') || rest.starts_with('/'))
}

/// The path that a copy or an average keeps in this one.
pub(crate) fn followed<'p>(path: &'p str, follower: &str) -> Option<&'p str> {
    path.strip_prefix(follower)?.strip_prefix('/')
}

/// The parameters that a loss trains where its gradient reaches them: those of the towers that it is for, of their space,
/// and of the loss itself; without `for`, all but those of teachers.
pub(crate) fn trained(hir: &Hir, graph: &Graph, loss: &Loss) -> Vec<String> {
    let params = graph.params.iter();
    params
        .filter(|(path, param)| {
            let of_a_teacher = || {
                let mut teachers = hir.towers.iter().filter(|tower| tower.teacher.is_some());
                teachers.any(|teacher| belongs(path, &teacher.name))
            };
            param.kind != ParamKind::State
                && if loss.trains.is_empty() {
                    !of_a_teacher()
                } else {
                    is_for(hir, loss, path)
                }
        })
        .map(|(path, _)| path.clone())
        .collect()
}

/// Whether a loss with `for` trains this path.
fn is_for(hir: &Hir, loss: &Loss, path: &str) -> bool {
    let in_itself = belongs(path, &loss.name) || hir.weights.iter().any(|item| item.name == path);
    let of_a_tower = || loss.trains.iter().any(|tower| belongs(path, tower));
    let of_the_program = || {
        loss.trains.iter().any(|name| {
            let teacher = hir.tower(name).and_then(|tower| tower.teacher.as_ref());
            teacher.is_none_or(|teacher| teacher.tables == Tables::Shared)
        }) && is_of_the_program(hir, path)
    };
    in_itself || of_a_tower() || of_the_program()
}

/// Whether a path is a table of the program, or a weight of one of its features.
pub(crate) fn is_of_the_program(hir: &Hir, path: &str) -> bool {
    let of_a_feature = |path: &str| {
        hir.features.iter().any(|feature| {
            path.strip_prefix(feature.source.as_str())
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|rest| belongs(rest, &feature.name))
        })
    };
    belongs(path, PROGRAM) && path[PROGRAM.len()..].starts_with('/') || of_a_feature(path)
}

/// The teachers that a tower reads in its body and below, itself included where it is one.
pub(crate) fn teachers_in(hir: &Hir, name: &str) -> BTreeSet<String> {
    let (mut found, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![name.to_owned()]);
    while let Some(name) = open.pop() {
        let Some(tower) = hir.tower(&name).filter(|_| seen.insert(name.clone())) else {
            continue;
        };
        if tower.teacher.is_some() {
            found.insert(name);
        }
        tower.value.walk(&mut |e| {
            use crate::hir::ExprKind::{Frozen, Tower};
            if let Tower(inner, _) | Frozen(inner, _) = &e.kind {
                open.push(inner.clone());
            }
        });
    }
    found
}
