//! Index spaces: the sets of rows that a leading dimension can run over.

/// An index space of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpaceId(pub u32);

/// A named set of rows whose size is known when the program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// How it prints: `B`, `C`, `E`, `L`, numbered where a graph has several.
    pub name: String,
    /// What it ranges over.
    pub kind: SpaceKind,
}

/// The kinds of index spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpaceKind {
    /// The rows of a batch of a stream.
    Batch,
    /// Candidates that all rows of a batch share.
    Candidates,
    /// Every row of an entity.
    Catalogue {
        /// The entity.
        entity: String,
    },
    /// The elements of a ragged list in each row of `parent`, stored back to back.
    List {
        /// The space whose rows hold the lists.
        parent: SpaceId,
        /// The longest list, where it is bounded.
        max: Option<usize>,
    },
    /// The rows of an embedding table.
    Vocabulary {
        /// The path of the table.
        table: String,
    },
    /// A positional dimension that a function treats as rows: `normalize` over the second dimension of `f32[4, 64]` sees
    /// four rows of 64. A `Reshape` that keeps the sizes leads there and back.
    Axis(usize),
    /// A set whose size only the program knows: distinct ids, ids of several look-ups one after another.
    Flat,
}
