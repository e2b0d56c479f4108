//! The arguments that calls of functions leave out.

use std::collections::BTreeMap;

use reckon_grammar::ast::{self, Arg, Body, EvaluateEntry, Expr, ExprKind, File, Item, ItemKind};

use super::Edits;

/// Writes the defaults of all functions that a file calls into their calls.
pub(super) fn write_out(edits: &mut Edits<'_>, file: &File, functions: &BTreeMap<&str, &ast::Fn>) {
    let mut calls = Calls { edits, functions };
    file.items.iter().for_each(|item| calls.item(item));
}

struct Calls<'c, 't> {
    edits: &'c mut Edits<'t>,
    functions: &'c BTreeMap<&'c str, &'c ast::Fn>,
}

impl Calls<'_, '_> {
    fn item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Features(features) => {
                features.entries.iter().for_each(|f| self.expr(&f.value));
            }
            ItemKind::Fn(function) => function.body.iter().for_each(|body| self.body(body)),
            ItemKind::Tower(tower) => tower.body.iter().for_each(|body| self.body(body)),
            ItemKind::Loss(loss) => {
                self.expr(&loss.rows.expr);
                self.body(&loss.body);
            }
            ItemKind::Column(column) => self.body(&column.body),
            ItemKind::Loop(each) => each.items.iter().for_each(|item| self.item(item)),
            ItemKind::Evaluate(evaluate) => {
                for entry in &evaluate.entries {
                    match entry {
                        EvaluateEntry::Rank { by, .. } => self.expr(by),
                        EvaluateEntry::Score { score, against } => {
                            self.expr(score);
                            self.expr(against);
                        }
                        EvaluateEntry::Report(_)
                        | EvaluateEntry::Slice(_)
                        | EvaluateEntry::Interval(_)
                        | EvaluateEntry::Baselines(_)
                        | EvaluateEntry::Error(_) => {}
                    }
                }
            }
            ItemKind::Use(_)
            | ItemKind::Setting(_)
            | ItemKind::Weight(_)
            | ItemKind::Source(_)
            | ItemKind::Split(_)
            | ItemKind::Selector(_)
            | ItemKind::Graph(_)
            | ItemKind::Train(_)
            | ItemKind::Export(_)
            | ItemKind::Test(_) => {}
        }
    }

    fn body(&mut self, body: &Body) {
        body.walk(&mut |e| self.one(e));
    }

    fn expr(&mut self, e: &Expr) {
        e.walk(&mut |e| self.one(e));
    }

    /// An expression without those inside it.
    fn one(&mut self, e: &Expr) {
        match &e.kind {
            ExprKind::Call(callee, args) => self.call(callee, 0, args),
            ExprKind::Pipe(_, callee, args) => self.call(callee, 1, args),
            _ => {}
        }
    }

    /// Adds to a call the arguments that it leaves to their defaults; `piped` values stand before it.
    fn call(&mut self, callee: &Expr, piped: usize, args: &[Arg]) {
        let ExprKind::Name(name) = &callee.kind else {
            return;
        };
        // `history` without `last` and `within` is unbounded, which no value of theirs says.
        let Some(function) = self
            .functions
            .get(name.as_str())
            .filter(|_| name != "history")
        else {
            return;
        };
        let by_place = piped + args.iter().filter(|arg| arg.name.is_none()).count();
        let variadic = function
            .params
            .first()
            .is_some_and(|p| p.name.text == "values");
        let left_out = function.params.iter().enumerate().filter(|(at, param)| {
            let named = |arg: &Arg| arg.name.as_ref().is_some_and(|n| n.text == param.name.text);
            (variadic || *at >= by_place) && !args.iter().any(named)
        });
        let defaults: Vec<String> = left_out
            .filter_map(|(_, param)| {
                let default = reckon_grammar::print_expr(param.default.as_ref()?);
                Some(format!("{}: {default}", param.name.text))
            })
            .collect();
        if defaults.is_empty() {
            return;
        }
        let defaults = defaults.join(", ");
        let end = callee.span.range().end;
        match closing(self.edits.text, end) {
            Some(close) if args.is_empty() => self.edits.insert(close, defaults),
            Some(close) => {
                let comma = if self.edits.text[..close].trim_end().ends_with(',') {
                    " "
                } else {
                    ", "
                };
                self.edits.insert(close, format!("{comma}{defaults}"));
            }
            None => self.edits.insert(end, format!("({defaults})")),
        }
    }
}

/// The place of the bracket that closes the arguments which begin at or after `from`; `None` where there are none.
fn closing(text: &str, from: usize) -> Option<usize> {
    let rest = &text[from..];
    let open = from + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
    if !text[open..].starts_with('(') {
        return None;
    }
    let (mut depth, mut chars) = (0_usize, text[open..].char_indices().peekable());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                while let Some((_, c)) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => drop(chars.next()),
                        _ => {}
                    }
                }
            }
            '/' if chars.peek().is_some_and(|(_, next)| *next == '/') => {
                chars
                    .by_ref()
                    .take_while(|(_, c)| *c != '\n')
                    .for_each(drop);
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(open + at);
                }
            }
            _ => {}
        }
    }
    None
}
