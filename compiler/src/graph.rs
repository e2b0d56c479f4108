//! The typed graph: every tensor program of a spec, before and after differentiation.
//!
//! A node is one op with one result. Its type carries the index spaces of its leading dimensions (batch, list,
//! candidates, catalogue), so `f32[B, C]` says which two sets of rows were crossed. Elementwise ops join their operands
//! by space: positional dimensions align from the right and must be equal, spaces align by identity.

mod bounds;
pub mod build;
pub mod entry;
pub mod eval;
pub mod op;
mod order;
mod rowwise;
pub mod space;
pub mod text;
pub mod ty;
pub mod verify;

use std::collections::BTreeMap;

use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;
use reckon_grammar::span::Span;

pub use build::{Builder, TypeError};
pub use op::{Attended, Op, UpdateRule};
pub use space::{Space, SpaceId, SpaceKind};
pub use ty::{Dim, Elem, TensorType};

/// A node of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(NodeIndex);

impl NodeId {
    /// A small number, unique in the graph, for side tables.
    pub fn index(self) -> usize {
        self.0.index()
    }
}

/// One op with its result type and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// The type of its result.
    pub ty: TensorType,
    /// Where the user's text asks for it.
    pub site: Site,
}

/// Where a node comes from: the user's call, and the line of the library or of the user's `fn` that made it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Site {
    /// The user's call.
    pub call: Option<Span>,
    /// The definition that wrote the op.
    pub definition: Option<Span>,
    /// The place in the program as a path, `film.mlp.0`; keys random draws, so equal ops at two places stay two draws.
    pub path: String,
}

/// What kind of storage a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// A trained dense weight.
    Weight,
    /// A trained embedding table, read by `lookup`, with sparse gradients.
    Table,
    /// Untrained and stepped by `update`, as the averages of batch norm are.
    State,
}

/// How a parameter starts.
#[derive(Clone, Debug, PartialEq)]
pub enum Init {
    /// Every element the same.
    Constant(f64),
    /// Uniform in `[-bound, bound]`.
    Uniform(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Uniform with bound `sqrt(6 / fan_in)` (He et al. 2015), fan-in from the first dimension.
    HeUniform,
    /// Uniform with bound `sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010).
    GlorotUniform,
}

/// A weight, table or state by its path.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Storage and how it is trained.
    pub kind: ParamKind,
    /// Shape. Tables have `[vocabulary space, width]`.
    pub ty: TensorType,
    /// First values.
    pub init: Init,
}

/// A typed graph. Its only representation of order is the operands; [`Graph::order`] is topological and stable.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Its name, as printed.
    pub name: String,
    /// The index spaces, by [`SpaceId`].
    pub spaces: Vec<Space>,
    /// Parameters by path.
    pub params: BTreeMap<String, Param>,
    /// Named results in the order in which they are returned.
    pub outputs: Vec<(String, NodeId)>,
    /// Parameter updates, run after all outputs are computed.
    pub effects: Vec<NodeId>,
    /// The names of the spaces, each with the number that the next one of the same stem may get.
    named: BTreeMap<String, usize>,
    dag: StableDiGraph<Node, u32>,
}

impl Graph {
    /// An empty graph.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// A graph with the same name, spaces and parameters, without nodes, outputs and effects.
    pub fn without_nodes(&self) -> Self {
        Self {
            name: self.name.clone(),
            spaces: self.spaces.clone(),
            named: self.named.clone(),
            params: self.params.clone(),
            ..Self::default()
        }
    }

    /// Declares an index space.
    pub fn add_space(&mut self, space: Space) -> SpaceId {
        self.named.entry(space.name.clone()).or_insert(0);
        self.spaces.push(space);
        SpaceId(u32::try_from(self.spaces.len() - 1).expect("a graph has fewer than 2^32 spaces"))
    }

    /// The flat space of this name, declared at need.
    pub fn flat_space(&mut self, name: &str) -> SpaceId {
        match self
            .spaces
            .iter()
            .position(|space| space.name == name && space.kind == SpaceKind::Flat)
        {
            Some(at) => SpaceId(u32::try_from(at).expect("a graph has fewer than 2^32 spaces")),
            None => self.new_flat_space(name),
        }
    }

    /// A new flat space, named after `stem`, with a number where the name is taken.
    pub fn new_flat_space(&mut self, stem: &str) -> SpaceId {
        self.new_space(stem, 1, SpaceKind::Flat)
    }

    /// A new space, named after `stem`, with a number where the name is taken: the next one from `first` on.
    pub(crate) fn new_space(&mut self, stem: &str, first: usize, kind: SpaceKind) -> SpaceId {
        let mut name = stem.to_owned();
        if let Some(number) = self.named.get(stem) {
            let mut number = first.max(*number);
            while {
                name = format!("{stem}{number}");
                number += 1;
                self.named.contains_key(&name)
            } {}
            self.named.insert(stem.to_owned(), number);
        }
        self.add_space(Space { name, kind })
    }

    /// The space with this id.
    pub fn space(&self, id: SpaceId) -> &Space {
        &self.spaces[id.0 as usize]
    }

    /// Adds a node whose type is already known to be right; [`Graph::push`] computes it.
    pub fn add(&mut self, op: Op, operands: &[NodeId], ty: TensorType, site: Site) -> NodeId {
        let node = self.dag.add_node(Node { op, ty, site });
        for (at, operand) in operands.iter().enumerate() {
            self.dag.add_edge(operand.0, node, at as u32);
        }
        NodeId(node)
    }

    /// The node with this id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.dag[id.0]
    }

    /// The node with this id, to change.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.dag[id.0]
    }

    /// The type of a node.
    pub fn ty(&self, id: NodeId) -> &TensorType {
        &self.dag[id.0].ty
    }

    /// The operands of a node, in order.
    pub fn operands(&self, id: NodeId) -> Vec<NodeId> {
        let mut operands: Vec<_> = self
            .dag
            .edges_directed(id.0, Direction::Incoming)
            .map(|edge| (*edge.weight(), NodeId(edge.source())))
            .collect();
        operands.sort_unstable_by_key(|(at, _)| *at);
        operands.into_iter().map(|(_, operand)| operand).collect()
    }

    /// The places at which a node has operands, ascending: `0, 1, ..` in a graph that is well formed.
    pub(crate) fn operand_places(&self, id: NodeId) -> Vec<u32> {
        let mut places: Vec<_> = self
            .dag
            .edges_directed(id.0, Direction::Incoming)
            .map(|edge| *edge.weight())
            .collect();
        places.sort_unstable();
        places
    }

    /// The nodes that read this one, each once, in order.
    pub fn users(&self, id: NodeId) -> Vec<NodeId> {
        let mut users: Vec<_> = self
            .dag
            .edges_directed(id.0, Direction::Outgoing)
            .map(|edge| NodeId(edge.target()))
            .collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    /// Makes every reader of `old`, outputs and effects included, read `new`.
    pub fn replace(&mut self, old: NodeId, new: NodeId) {
        let edges: Vec<_> = self
            .dag
            .edges_directed(old.0, Direction::Outgoing)
            .map(|edge| (edge.id(), edge.target(), *edge.weight()))
            .collect();
        for (edge, target, at) in edges {
            if target != new.0 {
                self.dag.remove_edge(edge);
                self.dag.add_edge(new.0, target, at);
            }
        }
        for (_, output) in &mut self.outputs {
            if *output == old {
                *output = new;
            }
        }
        for effect in &mut self.effects {
            if *effect == old {
                *effect = new;
            }
        }
    }

    /// Removes a node that nothing reads.
    pub fn remove(&mut self, id: NodeId) {
        self.dag.remove_node(id.0);
    }

    /// Whether the node is still part of the graph.
    pub fn contains(&self, id: NodeId) -> bool {
        self.dag.contains_node(id.0)
    }

    /// All nodes in the order of their ids, dead ones included.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.dag.node_indices().map(NodeId)
    }
}
