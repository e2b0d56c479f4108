//! Drops what neither an output nor an effect needs.

use super::Pass;
use super::rewrite::rewrite;

pub(super) const PASS: Pass = Pass {
    name: "dce",
    reason: "drops nodes that no output and no effect needs",
    run: |graph| rewrite(graph, |_, _| None),
};
