//! Index spaces of types: making them, joining them.

use super::Checker;
use crate::hir::{HandleTy, SpaceInfo, SpaceKind, SpaceRef};

impl Checker<'_> {
    /// The space of this identity, made on first use.
    pub(super) fn space(&mut self, identity: String, name: &str, kind: SpaceKind) -> SpaceRef {
        if let Some(at) = self
            .hir
            .spaces
            .iter()
            .position(|space| space.identity == identity)
        {
            return SpaceRef(at as u32);
        }
        self.hir.spaces.push(SpaceInfo {
            name: name.to_owned(),
            kind,
            identity,
        });
        SpaceRef(self.hir.spaces.len() as u32 - 1)
    }

    /// A list in each row of a handle.
    pub(super) fn list_space(
        &mut self,
        identity: String,
        handle: &HandleTy,
        max: Option<usize>,
    ) -> SpaceRef {
        let name = max.map_or_else(|| "~".to_owned(), |max| format!("~{max}"));
        self.space(
            identity,
            &name,
            SpaceKind::List {
                parent: handle.space,
                max,
            },
        )
    }

    /// The spaces of a value computed from values over `a` and over `b`, in order of appearance. A list stands for the
    /// rows that hold it.
    pub(super) fn join_spaces(&self, a: &[SpaceRef], b: &[SpaceRef]) -> Vec<SpaceRef> {
        let mut joined: Vec<SpaceRef> = a.to_vec();
        joined.extend(b.iter().filter(|space| !a.contains(space)));
        let held: Vec<SpaceRef> = joined
            .iter()
            .flat_map(|space| self.ancestors(*space))
            .collect();
        joined.retain(|space| !held.contains(space));
        joined
    }

    /// The rows that hold a list, and the rows that hold those.
    fn ancestors(&self, space: SpaceRef) -> Vec<SpaceRef> {
        let mut found = Vec::new();
        let mut at = space;
        while let SpaceKind::List {
            parent: Some(parent),
            ..
        } = self.hir.spaces[at.0 as usize].kind
        {
            found.push(parent);
            at = parent;
        }
        found
    }

    /// The innermost list of these spaces.
    pub(super) fn innermost_list(&self, spaces: &[SpaceRef]) -> Option<SpaceRef> {
        spaces
            .iter()
            .rev()
            .find(|space| {
                matches!(
                    self.hir.spaces[space.0 as usize].kind,
                    SpaceKind::List { .. }
                )
            })
            .copied()
    }

    /// The spaces without this list; the rows that hold it take its place.
    pub(super) fn pooled(&self, spaces: &[SpaceRef], list: SpaceRef) -> Vec<SpaceRef> {
        let parent = match self.hir.spaces[list.0 as usize].kind {
            SpaceKind::List { parent, .. } => parent,
            _ => None,
        };
        let mut rest = Vec::new();
        for space in spaces {
            let space = if *space == list { parent } else { Some(*space) };
            rest.extend(space.filter(|space| !rest.contains(space)));
        }
        rest
    }
}
