//! The passes over graphs. A pass is a constant with its reason and a function; the pipelines below say in which order they
//! run and why there.

mod canonicalise;
mod cse;
mod dce;
mod entity_hoist;
mod fold;
mod log_space;
mod narrow;
mod nearest;
mod recognise;
mod rewrite;
mod schedule;
mod settle;

use crate::graph::Graph;
use crate::graph::verify::verify;

pub use entity_hoist::{Hoisted, hoist};
pub use nearest::{Nearest, QUERIES, nearest};

/// One pass. It keeps inputs, outputs, their types and, on the reference evaluator, their values.
#[derive(Clone, Copy)]
pub struct Pass {
    /// As it is written on the command line.
    pub name: &'static str,
    /// What it is for, in a line.
    pub reason: &'static str,
    /// The pass.
    pub run: fn(&Graph) -> Graph,
}

/// A pass in a pipeline.
#[derive(Clone, Copy)]
pub struct Place {
    /// The pass.
    pub pass: &'static Pass,
    /// Why it stands where it stands.
    pub because: &'static str,
}

/// What happens to the forward graph before it is differentiated.
pub const FORWARD: &[Place] = &[
    Place {
        pass: &canonicalise::PASS,
        because: "first, so that the others have one spelling to look for",
    },
    Place {
        pass: &fold::PASS,
        because: "constants that settings leave behind hide patterns from the next two",
    },
    Place {
        pass: &log_space::PASS,
        because: "before differentiation, so that gradients are those of the stable form; before recognise, which looks for it",
    },
    Place {
        pass: &recognise::PASS,
        because: "before differentiation, so that composites bring their own gradients",
    },
    Place {
        pass: &canonicalise::PASS,
        because: "again, as a recognised loss may stand under two negations",
    },
    Place {
        pass: &narrow::PASS,
        because: "before differentiation, so that the gradient of one element is computed for it alone",
    },
    Place {
        pass: &cse::PASS,
        because: "a tower that several losses read is differentiated once",
    },
];

/// What happens to the graph of a training step, or to a forward graph that is not trained.
pub const STEP: &[Place] = &[
    Place {
        pass: &settle::PASS,
        because: "gradients exist, so what steers them only hides patterns",
    },
    Place {
        pass: &canonicalise::PASS,
        because: "gradient rules leave expansions and negations that operands make needless",
    },
    Place {
        pass: &fold::PASS,
        because: "the seed of the backward program is a constant",
    },
    Place {
        pass: &cse::PASS,
        because: "gradient rules recompute what the forward program has",
    },
    Place {
        pass: &dce::PASS,
        because: "cotangents of values that nobody trains",
    },
    Place {
        pass: &schedule::PASS,
        because: "last, as it fixes the order in which the others leave the nodes",
    },
];

/// All passes, each once, in the order in which they first run.
pub fn passes() -> Vec<&'static Pass> {
    let mut passes: Vec<&'static Pass> = Vec::new();
    for place in FORWARD.iter().chain(STEP) {
        if passes.iter().all(|pass| pass.name != place.pass.name) {
            passes.push(place.pass);
        }
    }
    passes
}

/// Runs a pipeline. `after` sees the graph after each pass. Debug builds verify it there, and a graph that does not hold
/// is a bug of the compiler: the panic names the pass and the node.
pub fn optimise(
    graph: &mut Graph,
    pipeline: &[Place],
    after: &mut dyn FnMut(&'static Pass, &Graph),
) {
    for place in pipeline {
        *graph = (place.pass.run)(graph);
        if cfg!(debug_assertions)
            && let Err(error) = verify(graph)
        {
            panic!(
                "internal: pass `{}` breaks `{}`: {error}",
                place.pass.name, graph.name
            );
        }
        after(place.pass, graph);
    }
}
