//! Histories that are only counted are not listed.
//!
//! `count` adds up a one for each event of a row's list. Where a program asks for nothing else of the places of the events, how long each
//! list is becomes an input, and a run need not write down the events that it counts.

use std::collections::BTreeSet;

use crate::graph::{Elem, Graph, NodeId, Op, TensorType};
use crate::plan::{Feed, FeedKind, HandleRows, Program};

/// Feeds a program with the lengths of the lists that it only counts.
pub(super) fn feed_lengths(program: &mut Program) {
    for at in 0..program.feeds.len() {
        let FeedKind::Segments { handle } = program.feeds[at].what else {
            continue;
        };
        let is_history = matches!(program.handles[handle].rows, HandleRows::History(..));
        let counts = counts(&program.graph, &program.feeds[at].input);
        if let (true, Some(counts)) = (is_history, counts) {
            feed_one(program, (at, handle), &counts);
        }
    }
}

/// The sums of a one for each element, if nothing else reads the rows that the elements belong to.
fn counts(graph: &Graph, segments: &str) -> Option<Vec<NodeId>> {
    let live: BTreeSet<NodeId> = graph.order().into_iter().collect();
    let is_segments =
        |id: &NodeId| matches!(&graph.node(*id).op, Op::Input(name) if name == segments);
    let input = *live.iter().find(|id| is_segments(id))?;
    let mut readers = graph.users(input);
    readers.retain(|reader| live.contains(reader));
    let counts = |id: &NodeId| is_count(graph, *id, input);
    let all = readers.iter().all(counts) && !graph.roots().any(|root| root == input);
    (all && !readers.is_empty()).then_some(readers)
}

fn is_count(graph: &Graph, id: NodeId, segments: NodeId) -> bool {
    let [values, of] = graph.operands(id)[..] else {
        return false;
    };
    let ones = |op: &Op| matches!(op, Op::Const(values) if values[..] == [1.0]);
    let node = graph.node(id);
    matches!(node.op, Op::ScatterAdd(_))
        && node.ty.elem == Elem::F32
        && of == segments
        && graph.ty(values).rank() == 1
        && ones(&graph.node(values).op)
}

fn feed_one(program: &mut Program, (at, handle): (usize, usize), counts: &[NodeId]) {
    let input = format!("{}.lengths", program.handles[handle].name);
    let known = |name: &String| program.feeds.iter().any(|feed| feed.input == *name);
    let numbered = (2..).map(|number| format!("{input}_{number}"));
    let mut names = std::iter::once(input.clone()).chain(numbered);
    let input = names.find(|name| !known(name)).expect("numbers do not end");
    let graph = &mut program.graph;
    let (ty, site) = {
        let first = graph.node(counts[0]);
        (
            TensorType::new(Elem::F32, first.ty.dims.clone()),
            first.site.clone(),
        )
    };
    let lengths = graph.add(Op::Input(input.clone()), &[], ty, site);
    for count in counts {
        graph.replace(*count, lengths);
        graph.remove(*count);
    }
    program.feeds[at] = Feed {
        input,
        what: FeedKind::Lengths { handle },
        span: program.feeds[at].span,
    };
}
