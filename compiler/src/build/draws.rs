//! The places of random draws. A draw is keyed by whose body it is in, the rows that the body is for, the path of calls to
//! it, and its number there. None of these changes with an edit elsewhere, in the spec or in the library, and so neither
//! do the bits of a run. A body that is applied to two sets of rows draws for each.

use std::collections::BTreeMap;

use reckon_grammar::span::Span;

use super::{GraphBuilder, Val};
use crate::graph::Site;

/// What names the draws of the open body.
#[derive(Default)]
pub(super) struct Draws {
    /// The rows that the body is for, `(user, rating)`; empty in a loss.
    rows: String,
    /// How many draws each path has.
    made: BTreeMap<String, usize>,
    /// What bodies have been applied to, by body and names of rows.
    applied: BTreeMap<String, Vec<Vec<Val>>>,
}

impl GraphBuilder<'_> {
    /// Opens a body that is applied to these arguments: its draws are counted from the first.
    pub(super) fn drawing_for<T>(
        &mut self,
        body: &str,
        args: &[Val],
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let rows = self.rows_drawn_for(body, args);
        let outer_rows = std::mem::replace(&mut self.draws.rows, rows);
        let outer_made = std::mem::take(&mut self.draws.made);
        let result = work(self);
        self.draws.rows = outer_rows;
        self.draws.made = outer_made;
        result
    }

    /// `(user, rating)`; arguments whose rows have the same names, such as two views, are told apart by a number.
    fn rows_drawn_for(&mut self, body: &str, args: &[Val]) -> String {
        let names: Vec<&str> = args
            .iter()
            .map(|arg| match arg {
                Val::Handle(handle) => self.handles[*handle].name.as_str(),
                Val::View(view) => self.handles[self.views[*view].base].name.as_str(),
                Val::Node(_) | Val::Record(_) | Val::Tuple(_) | Val::Const(_) => "_",
            })
            .collect();
        let rows = format!("({})", names.join(", "));
        let known = self
            .draws
            .applied
            .entry(format!("{body}{rows}"))
            .or_default();
        let at = known
            .iter()
            .position(|known| known == args)
            .unwrap_or_else(|| {
                known.push(args.to_vec());
                known.len() - 1
            });
        match at {
            0 => rows,
            _ => format!("{rows}_{}", at + 1),
        }
    }

    /// The place of the next draw on the open path.
    pub(super) fn draw_site(&mut self, span: Span) -> Site {
        let mut path = self.path.clone();
        if let Some(body) = path.first_mut() {
            body.push_str(&self.draws.rows);
        }
        path.push("draw".to_owned());
        let mut path = path.join(".");
        let made = self.draws.made.entry(path.clone()).or_default();
        *made += 1;
        if *made > 1 {
            path.push_str(&format!("_{made}"));
        }
        Site {
            path,
            ..self.site(span)
        }
    }
}
