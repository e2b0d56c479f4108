//! Item graphs, and how near the rows of a selector are by them.

use reckon_grammar::ast::{self, Arg, BinaryOp, ExprKind as Syntax};
use reckon_grammar::span::Span;

use super::{Checker, Frame, list};
use crate::hir::{Affinity, Amount, Expr, ExprKind, Facts, HandleTy, ItemGraph, Rows, Ty};
use crate::plan::row::{RowKind, RowType};
use crate::plan::{NearnessPlan, WindowPlan};
use crate::value::Value;

const KINDS: &[&str] = &["swing", "cosine", "pagerank"];
/// Swing pairs at most so many users of an item.
const USERS: usize = 200;
const TOP: usize = 20;

/// Rows, people and things of a graph, the weight of its edges, and how near two things are.
type Edges<'e> = ([&'e ast::Expr; 3], Option<&'e ast::Expr>, NearnessPlan);

impl Checker<'_> {
    pub(super) fn item_graph(&mut self, graph: &ast::Graph) {
        self.frames.push(Frame::default());
        let read = self.read_graph(graph);
        self.frames.pop();
        match read {
            Some(read) => self.hir.graphs.push(read),
            None => drop(self.refused.insert(graph.name.text.clone())),
        }
    }

    fn read_graph(&mut self, graph: &ast::Graph) -> Option<ItemGraph> {
        let span = graph.value.span;
        let (callee, args) = match &graph.value.kind {
            Syntax::Call(callee, args) => (callee, args),
            Syntax::Error => return None,
            _ => return self.no_graph(span),
        };
        let kind = match &callee.kind {
            Syntax::Name(name) if KINDS.contains(&name.as_str()) => name.as_str(),
            Syntax::Name(name) => {
                self.unknown(721, callee.span, "kind of item graph", name, KINDS);
                return None;
            }
            _ => return self.no_graph(callee.span),
        };
        let (ends, weight, nearness) = self.nearness(kind, args, span)?;
        let [rows, people, things] = ends;
        let text = format!("graph {}", graph.name.text);
        let (rows, handle) = self.plain_rows_and_handle(rows, &text)?;
        self.has_window(&rows);
        self.is_known_today(
            &rows,
            &format!("graph `{}` would be made of", graph.name.text),
        );
        let people = self.end_of_edges(&rows.source, people)?;
        let things = self.end_of_edges(&rows.source, things)?;
        let weight = match weight {
            Some(weight) => Some(self.weight_of_edges(weight, handle, &rows.source)?),
            None => None,
        };
        Some(ItemGraph {
            name: graph.name.text.clone(),
            nearness,
            rows,
            weight,
            people,
            things,
            span: graph.name.span,
        })
    }

    /// How strong the edge of a row's pair is.
    fn weight_of_edges(&mut self, e: &ast::Expr, handle: Expr, source: &str) -> Option<Expr> {
        let value = self.in_row_scope(handle, source, |checker| checker.expr(e));
        match value.is_error() {
            true => None,
            false => self.plain_number(value),
        }
    }

    /// The arguments of a kind of graph: rows, people and things; the weight of edges; and how near two things are.
    fn nearness<'e>(&mut self, kind: &str, args: &'e [Arg], span: Span) -> Option<Edges<'e>> {
        let entities = [("rows", true), ("people", true), ("things", true)];
        let weight = ("weight", false);
        let (ends, weight, nearness) = match kind {
            "swing" => {
                let params = [
                    &entities[..],
                    &[("alpha", false), ("top", false), ("users", false), weight],
                ]
                .concat();
                let [rows, people, things, alpha, top, users, weight] =
                    self.row_arguments(kind, args, sized(&params), span)?;
                let nearness = NearnessPlan::Swing {
                    alpha: self.number_or(alpha, 1.0)?,
                    top: self.whole_or(top, "top", TOP)?,
                    users: self.whole_or(users, "users", USERS)?,
                };
                ([rows, people, things], weight, nearness)
            }
            "cosine" => {
                let params = [&entities[..], &[("top", false), weight]].concat();
                let [rows, people, things, top, weight] =
                    self.row_arguments(kind, args, sized(&params), span)?;
                let top = self.whole_or(top, "top", TOP)?;
                ([rows, people, things], weight, NearnessPlan::Cosine { top })
            }
            _ => {
                let options = [("restart", false), ("rounds", false), weight];
                let params = [&entities[..], &options].concat();
                let [rows, people, things, restart, rounds, weight] =
                    self.row_arguments(kind, args, sized(&params), span)?;
                let nearness = NearnessPlan::PageRank {
                    restart: self.number_or(restart, 0.15)?,
                    rounds: self.whole_or(rounds, "rounds", 30)?,
                };
                ([rows, people, things], weight, nearness)
            }
        };
        let [rows, people, things] = ends;
        Some(([rows?, people?, things?], weight, nearness))
    }

    fn no_graph(&mut self, span: Span) -> Option<ItemGraph> {
        self.report(
            self.error(
                721,
                span,
                format!("expected an item graph: {}", list(KINDS)),
            )
            .help("write `swing(ROWS, user, item, alpha: 1.0, top: 20)`"),
        );
        None
    }

    /// Rows that are a source with a window and a condition.
    fn plain_rows(&mut self, e: &ast::Expr, of: &str) -> Option<Rows> {
        self.plain_rows_and_handle(e, of).map(|(rows, _)| rows)
    }

    /// The same, and a handle over them.
    fn plain_rows_and_handle(&mut self, e: &ast::Expr, of: &str) -> Option<(Rows, Expr)> {
        let rows = ast::Rows {
            expr: e.clone(),
            batch: None,
        };
        let (rows, handle) = self.rows(&rows, of)?;
        if !rows.is_plain() {
            self.report(
                self.error(721, e.span, "expected rows with a window and a condition, found rows that are drawn, weighed or cut")
                    .help("select them with `where`"),
            );
            return None;
        }
        Some((rows, handle))
    }

    /// An entity that the rows of a graph refer to.
    fn end_of_edges(&mut self, source: &str, e: &ast::Expr) -> Option<String> {
        let targets = self.references_of(source);
        let name = match &e.kind {
            Syntax::Name(name) if targets.contains(name) => return Some(name.clone()),
            Syntax::Name(name) => name.as_str(),
            Syntax::Error => return None,
            _ => "",
        };
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        self.unknown(
            231,
            e.span,
            &format!("reference of `{source}`"),
            name,
            &targets,
        );
        None
    }

    fn whole_or(&mut self, e: Option<&ast::Expr>, what: &str, usual: usize) -> Option<usize> {
        e.map_or(Some(usual), |e| self.whole(e, what))
    }

    fn number_or(&mut self, e: Option<&ast::Expr>, usual: f64) -> Option<f64> {
        let Some(e) = e else { return Some(usual) };
        let value = self.expr(e);
        let number = value
            .ty
            .value()
            .and_then(Value::as_f64)
            .filter(|number| *number >= 0.0);
        if number.is_none() && !value.is_error() {
            self.report(self.error(
                721,
                e.span,
                "expected a number from 0 on, known while compiling",
            ));
        }
        number
    }

    /// `affinity(near, item, seeds: ROWS)`: how near the item of a row is to the items of the seeds, from 0 to 1.
    pub(super) fn affinity(&mut self, args: &[Arg], span: Span) -> Expr {
        self.read_affinity(args, span)
            .unwrap_or_else(|| Expr::error(span))
    }

    fn read_affinity(&mut self, args: &[Arg], span: Span) -> Option<Expr> {
        let params = [("graph", true), ("things", true), ("seeds", true)];
        let [graph, things, seeds] = self.row_arguments("affinity", args, params, span)?;
        let (graph, things, seeds) = (graph?, things?, seeds?);
        let graph = self.graph_named(graph)?;
        // A graph of all days would tell the first of the last.
        self.has_window(&graph.rows);
        let handle = self.expr(things);
        let of = match &handle.ty {
            Ty::Handle(of) if of.source == graph.things => of.clone(),
            Ty::Error => return None,
            _ => {
                let message = format!("`{}` is a graph of `{}`", graph.name, graph.things);
                self.report(
                    self.error(722, things.span, message)
                        .help(format!("write `{}`", graph.things)),
                );
                return None;
            }
        };
        let text = format!("seeds of {}", graph.name);
        let outer = self.open_body();
        self.frames.push(Frame::default());
        let seeds = self.plain_rows(seeds, &text);
        self.close_body(outer);
        let seeds = seeds?;
        self.has_window(&seeds);
        self.is_known_today(&seeds, "seeds of `affinity` would be of");
        if !self.references_of(&seeds.source).contains(&graph.things) {
            let message = format!(
                "rows of `{}` do not refer to `{}`",
                seeds.source, graph.things
            );
            self.report(self.error(722, seeds.span, message));
            return None;
        }
        Some(self.column_of_affinity(&graph, handle, &of, seeds, span))
    }

    fn column_of_affinity(
        &mut self,
        graph: &ItemGraph,
        handle: Expr,
        of: &HandleTy,
        seeds: Rows,
        span: Span,
    ) -> Expr {
        let number = self
            .hir
            .affinities
            .iter()
            .filter(|known| known.graph == graph.name)
            .count();
        let same = |known: &&Affinity| known.graph == graph.name && known.seeds.span == seeds.span;
        let column = match self.hir.affinities.iter().find(same) {
            Some(known) => known.column.clone(),
            None => format!("affinity {} {number}", graph.name),
        };
        let past = |rows: &Rows| matches!(rows.window, Some(WindowPlan::Before(_)));
        let facts = Facts {
            sides: [of.source.clone()].into(),
            // What people did on the day itself is not known before it.
            label: (!past(&graph.rows) || !past(&seeds)).then_some(span),
        };
        if self
            .hir
            .affinities
            .iter()
            .all(|known| known.column != column)
        {
            self.hir.affinities.push(Affinity {
                column: column.clone(),
                graph: graph.name.clone(),
                seeds,
            });
        }
        let ty = Ty::Row(RowType::new(RowKind::Float));
        Expr::new(ExprKind::Column(Box::new(handle), column), ty, facts, span)
    }

    fn graph_named(&mut self, e: &ast::Expr) -> Option<ItemGraph> {
        let known = self.hir.graphs.clone();
        let name = match &e.kind {
            Syntax::Name(name) => name,
            Syntax::Error => return None,
            _ => "",
        };
        if let Some(found) = known.iter().find(|graph| graph.name == name) {
            return Some(found.clone());
        }
        if !self.refused.contains(name) {
            let known: Vec<&str> = known.iter().map(|graph| graph.name.as_str()).collect();
            self.unknown(722, e.span, "item graph", name, &known);
        }
        None
    }

    /// `200`, `count(ROWS)` or `10 * count(ROWS)`.
    pub(super) fn amount(&mut self, e: &ast::Expr) -> Option<Amount> {
        let (factor, counted) = match &e.kind {
            Syntax::Binary(BinaryOp::Mul, a, b) if counted(b).is_some() => (Some(&**a), counted(b)),
            Syntax::Binary(BinaryOp::Mul, a, b) if counted(a).is_some() => (Some(&**b), counted(a)),
            _ => (None, counted(e)),
        };
        let Some(counted) = counted else {
            return self.whole(e, "n").map(Amount::Rows);
        };
        let factor = self.number_or(factor, 1.0)?;
        let outer = self.open_body();
        self.frames.push(Frame::default());
        let rows = self.plain_rows(counted, &format!("count at {}", e.span.start));
        self.close_body(outer);
        let rows = rows?;
        self.has_window(&rows);
        Some(Amount::Times(factor, Box::new(rows)))
    }
}

/// The rows of `count(ROWS)`.
fn counted(e: &ast::Expr) -> Option<&ast::Expr> {
    match &e.kind {
        Syntax::Call(callee, args) => match (&callee.kind, args.as_slice()) {
            (Syntax::Name(name), [Arg { name: None, value }]) if name == "count" => Some(value),
            _ => None,
        },
        _ => None,
    }
}

fn sized<const N: usize>(params: &[(&'static str, bool)]) -> [(&'static str, bool); N] {
    std::array::from_fn(|at| params[at])
}
