//! Scores of a retrieval that are one product: a vector of each query with a vector of each item.

use crate::graph::{Graph, Op};

/// The output that holds the vectors of queries.
pub const QUERIES: &str = "queries";

/// A block of queries without its last product.
#[derive(Clone, Debug)]
pub struct Nearest {
    /// Computes `f32[B, D]`, as output [`QUERIES`]. Nodes are those of the graph that was cut.
    pub graph: Graph,
    /// The input of that graph that holds the vectors of the items, `f32[E, D]`.
    pub items: String,
}

/// Cuts the graph of a block of queries before its scores, where they are the product of two matrices, one of which it is fed.
/// The best items are found without a score for each being stored.
pub fn nearest(graph: &Graph) -> Option<Nearest> {
    let [(_, scores)] = graph.outputs[..] else {
        return None;
    };
    let product = Op::MatMul { transpose_b: true };
    let [queries, items] = graph.operands(scores)[..] else {
        return None;
    };
    let Op::Input(name) = &graph.node(items).op else {
        return None;
    };
    let of_rank = |rank: usize| move |id| graph.ty(id).rank() == rank;
    let matrices = [queries, items, scores].into_iter().all(of_rank(2));
    if graph.node(scores).op != product || !matrices || !graph.effects.is_empty() {
        return None;
    }
    let items_alone = graph
        .order()
        .iter()
        .filter(|id| graph.operands(**id).contains(&items))
        .count()
        == 1;
    let name = name.clone();
    let mut graph = graph.clone();
    graph.outputs = vec![(QUERIES.to_owned(), queries)];
    graph.remove(scores);
    if items_alone {
        graph.remove(items);
    }
    Some(Nearest { graph, items: name })
}

#[cfg(test)]
mod tests {
    use reckon_grammar::span::FileId;

    use super::nearest;
    use crate::graph::text::{print, read};

    /// A block of queries with an input of items, that ends as said.
    fn cut(items: &str, end: &str) -> Option<String> {
        let text = format!(
            "graph g {{\n  space B = batch\n  space E = catalogue(movie)\n\n  %0: f32[B, 4] = input user\n  %1: {items} = input once.0\n{end}}}\n"
        );
        let graphs = read(FileId(0), &text).expect("a graph");
        let nearest = nearest(&graphs[0])?;
        Some(format!("{}\n{}", nearest.items, print(&nearest.graph)))
    }

    #[test]
    fn the_product_of_vectors_and_what_feeds_it_are_cut_off() {
        let found = cut(
            "f32[E, 4]",
            "  %2: f32[B, 4] = relu %0\n  %3: f32[B, E] = matmul %2 %1 {transpose_b: true}\n  return score = %3\n",
        );
        assert_eq!(
            found.as_deref(),
            Some(
                "once.0\ngraph g {\n  space B = batch\n\n  %0: f32[B, 4] = input user\n  %1: f32[B, 4] = relu %0\n  return queries = %1\n}\n"
            )
        );
    }

    #[test]
    fn other_scores_are_left_whole() {
        for (what, items, end) in [
            (
                "something is added to the product",
                "f32[E, 4]",
                "  %2: f32[B, E] = matmul %0 %1 {transpose_b: true}\n  %3: f32[B, E] = relu %2\n  return score = %3\n",
            ),
            (
                "the items lie the other way round",
                "f32[4, E]",
                "  %2: f32[B, E] = matmul %0 %1\n  return score = %2\n",
            ),
            (
                "the items are computed for each block",
                "f32[E, 4]",
                "  %2: f32[E, 4] = relu %1\n  %3: f32[B, E] = matmul %0 %2 {transpose_b: true}\n  return score = %3\n",
            ),
            (
                "something else is wanted too",
                "f32[E, 4]",
                "  %2: f32[B, E] = matmul %0 %1 {transpose_b: true}\n  return score = %2\n  return user = %0\n",
            ),
        ] {
            assert_eq!(cut(items, end), None, "{what}");
        }
    }
}
