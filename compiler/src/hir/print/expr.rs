//! Typed expressions: on one line where they fit and bind nothing, else broken like blocks.

use reckon_grammar::ast::UnaryOp;

use super::Printer;
use crate::check::symbol;
use crate::graph::Init;
use crate::hir::{Candidates, EmbedTable, Expr, ExprKind, Fill, LocalId, View};

/// Lines longer than this are broken.
const WIDTH: usize = 100;

impl Printer<'_> {
    /// The text of an expression whose first line begins in column `column` and whose other lines are indented by
    /// `depth` levels.
    pub(super) fn expr(&mut self, e: &Expr, depth: usize, column: usize) -> String {
        match &e.kind {
            ExprKind::Scope {
                segment,
                lets,
                value,
            } => self.scope(segment.as_deref(), lets, value, depth, column),
            ExprKind::Retype(inner) => self.expr(inner, depth, column),
            _ => match self.flat(e, depth, column) {
                Some(one) => one,
                None => self.broken(e, depth, column),
            },
        }
    }

    /// The text on one line, where it fits and binds nothing. It gives up at the first part that does not fit: each level of a
    /// long expression asks this of all below it.
    fn flat(&mut self, e: &Expr, depth: usize, column: usize) -> Option<String> {
        let (open, parts, close) = match &e.kind {
            ExprKind::Scope {
                segment,
                lets,
                value,
            } => return self.flat_scope(segment.as_deref(), lets, value, depth, column),
            ExprKind::Retype(inner) => return self.flat(inner, depth, column),
            _ => self.parts(e),
        };
        let mut inner = column + open.len();
        let mut flat = Vec::new();
        for (label, part) in &parts {
            if inner > WIDTH {
                return None;
            }
            let text = format!("{label}{}", self.flat(part, depth, inner + label.len())?);
            inner += text.len() + 2;
            flat.push(text);
        }
        let one = format!("{open}{}{close}", flat.join(separator(e)));
        let fits = !one.contains('\n') && column + one.len() <= WIDTH;
        (fits || parts.is_empty()).then_some(one)
    }

    fn flat_scope(
        &mut self,
        segment: Option<&str>,
        lets: &[(LocalId, String, Expr)],
        value: &Expr,
        depth: usize,
        column: usize,
    ) -> Option<String> {
        let binds = |e: &Expr| matches!(&e.kind, ExprKind::Scope { segment: None, lets, .. } if !lets.is_empty());
        if !lets.is_empty() || binds(value) {
            return None;
        }
        if segment.is_none() {
            return self.flat(value, depth, column);
        }
        let start = "  ".len() * (depth + 1);
        self.flat(value, depth + 1, start)?;
        let text = self.scope(segment, lets, value, depth, column);
        (!text.contains('\n')).then_some(text)
    }

    /// An expression that stands by itself and needs no parentheses.
    pub(super) fn whole(&mut self, e: &Expr, depth: usize, column: usize) -> String {
        let text = self.expr(e, depth, column);
        let mut inner = e;
        while let ExprKind::Label(_, _, value) = &inner.kind {
            inner = value;
        }
        match (
            &inner.kind,
            text.strip_prefix('(')
                .and_then(|rest| rest.strip_suffix(')')),
        ) {
            (ExprKind::Binary(..), Some(bare)) if !text.contains('\n') => bare.to_owned(),
            _ => text,
        }
    }

    /// One part a line.
    fn broken(&mut self, e: &Expr, depth: usize, column: usize) -> String {
        let (open, parts, close) = self.parts(e);
        if let [(label, only)] = &parts[..] {
            let at = column + open.len() + label.len();
            let part = self.expr(only, depth, at);
            let pipe = match close.strip_prefix(" |>") {
                Some(_) => format!("\n{}", "  ".repeat(depth + 1)),
                None => String::new(),
            };
            return format!("{open}{label}{part}{pipe}{}", close.trim_start());
        }
        let inside = "  ".repeat(depth + 1);
        let mut text = open.trim_end().to_owned();
        let operator = separator(e).trim();
        for (at, (label, part)) in parts.iter().enumerate() {
            let mark = match operator {
                "," => String::new(),
                _ if at == 0 => String::new(),
                operator => format!("{operator} "),
            };
            let start = inside.len() + mark.len() + label.len();
            let part = self.expr(part, depth + 1, start);
            let comma = if operator == "," { "," } else { "" };
            text.push_str(&format!("\n{inside}{mark}{label}{part}{comma}"));
        }
        text.push_str(&format!("\n{}{}", "  ".repeat(depth), close.trim_start()));
        text
    }

    /// What stands before, between and after the parts of an expression.
    fn parts<'e>(&mut self, e: &'e Expr) -> (String, Vec<(String, &'e Expr)>, String) {
        let plain = |items: &'e [Expr]| items.iter().map(|e| (String::new(), e)).collect();
        let one = |e: &'e Expr| vec![(String::new(), e)];
        let both = |a: &'e Expr, b: &'e Expr| vec![(String::new(), a), (String::new(), b)];
        let call = |name: &str| (format!("{name}("), ")".to_owned());
        let ((open, close), parts) = match &e.kind {
            ExprKind::Prim(name, args) => {
                let labels = labels(name);
                let label = |at: usize| match labels.get(at) {
                    Some(&label) if !label.is_empty() => format!("{label}: "),
                    _ => String::new(),
                };
                let parts = args.iter().enumerate().map(|(at, e)| (label(at), e));
                (call(name), parts.collect())
            }
            ExprKind::Tower(name, args) => (call(name), plain(args)),
            ExprKind::Frozen(name, args) => (call(&format!("frozen({name})")), plain(args)),
            ExprKind::Tuple(items) => (("[".to_owned(), "]".to_owned()), plain(items)),
            ExprKind::Binary(_, a, b) => (("(".to_owned(), ")".to_owned()), both(a, b)),
            ExprKind::Unary(UnaryOp::Neg, a) => (("-".to_owned(), String::new()), one(a)),
            ExprKind::Unary(UnaryOp::Not, a) => (("not ".to_owned(), String::new()), one(a)),
            ExprKind::Record(fields) => (
                ("{ ".to_owned(), " }".to_owned()),
                fields
                    .iter()
                    .map(|(name, e)| (format!("{name}: "), e))
                    .collect(),
            ),
            ExprKind::Feature(a, name) | ExprKind::Refer(a, name) | ExprKind::Field(a, name) => {
                ((String::new(), format!(".{name}")), one(a))
            }
            ExprKind::Builtin(a, name) => ((String::new(), format!(".{name}")), one(a)),
            ExprKind::Column(a, name) => ((String::new(), format!(".raw.{name}")), one(a)),
            ExprKind::History(a, at) => ((self.history(*at), ")".to_owned()), one(a)),
            ExprKind::Candidates(kind, a) => (self.candidates(kind), one(a)),
            ExprKind::View(of, view) => self.view(of, view),
            ExprKind::Statistic(of) => (
                self.statistic(of),
                of.read().map(|e| (String::new(), e)).collect(),
            ),
            ExprKind::Feed(a) => (call("feed"), one(a)),
            ExprKind::Embed(a, table) => ((String::new(), embedding(table)), one(a)),
            ExprKind::IfTraining(a, b) => (call("if_training"), both(a, b)),
            ExprKind::Grad(a, b) => (call("grad"), both(a, b)),
            ExprKind::Retype(a) | ExprKind::Label(_, _, a) => {
                ((String::new(), String::new()), one(a))
            }
            ExprKind::Const(value) => ((value.to_string(), String::new()), Vec::new()),
            ExprKind::Local(id) => ((self.local(*id), String::new()), Vec::new()),
            ExprKind::Weight(name, first, state) => {
                let kind = if *state { "state" } else { "weight" };
                let ty = self.ty(&e.ty);
                let text = format!("{kind}({name}: {ty}, init: {})", init(first));
                ((text, String::new()), Vec::new())
            }
            ExprKind::ItemWeight(name) => ((name.clone(), String::new()), Vec::new()),
            ExprKind::Scope { .. } | ExprKind::Error => {
                (("?".to_owned(), String::new()), Vec::new())
            }
        };
        (open, parts, close)
    }

    fn scope(
        &mut self,
        segment: Option<&str>,
        lets: &[(LocalId, String, Expr)],
        value: &Expr,
        depth: usize,
        column: usize,
    ) -> String {
        let head = match segment {
            Some(segment) if segment.starts_with(|c: char| c.is_ascii_digit()) => {
                format!("round {segment} ")
            }
            Some(segment) => format!("{segment} -> {} ", self.ty(&value.ty)),
            None if lets.is_empty() => return self.expr(value, depth, column),
            None => String::new(),
        };
        let inside = "  ".repeat(depth + 1);
        let (mut bindings, mut value) = (Vec::from_iter(lets), value);
        while let ExprKind::Scope {
            segment: None,
            lets,
            value: inner,
        } = &value.kind
        {
            bindings.extend(lets);
            value = &**inner;
        }
        let mut text = format!("{head}{{");
        for (id, name, e) in &bindings {
            let ty = self.ty(&e.ty);
            let start = inside.len() + name.len() + ty.len() + 10;
            let bound = self.whole(e, depth + 1, start);
            let name = self.name(*id, name);
            text.push_str(&format!("\n{inside}let {name}: {ty} = {bound}"));
        }
        let value = self.whole(value, depth + 1, inside.len());
        if bindings.is_empty()
            && !value.contains('\n')
            && column + text.len() + value.len() + 3 <= WIDTH
        {
            return format!("{text} {value} }}");
        }
        format!("{text}\n{inside}{value}\n{}}}", "  ".repeat(depth))
    }

    fn local(&self, id: LocalId) -> String {
        match self.names.get(&id) {
            Some(name) => name.clone(),
            None => format!("local#{id}"),
        }
    }

    fn history(&mut self, at: usize) -> String {
        let Some(history) = self.hir.histories.get(at) else {
            return "history(".to_owned();
        };
        let mut text = format!("history({} of {}", history.source, history.entity);
        if let Some((row, condition)) = &history.condition {
            self.names.insert(*row, history.source.clone());
            let condition = self.whole(condition, 0, 0);
            text.push_str(&format!(" where {condition}"));
        }
        if let Some(last) = history.last {
            text.push_str(&format!(", last: {last}"));
        }
        if let Some(within) = history.within {
            text.push_str(&format!(
                ", within: {}",
                crate::value::Value::Duration(within)
            ));
        }
        text.push_str(", before: ");
        text
    }

    /// A view with the bindings of its mask left out; what is bound shows where it is first read.
    fn view<'e>(
        &mut self,
        of: &'e Expr,
        view: &'e View,
    ) -> ((String, String), Vec<(String, &'e Expr)>) {
        if view.drop > 0.0 {
            let close = format!(", rate: {})", view.drop);
            return (
                ("drop_values(".to_owned(), close),
                vec![(String::new(), of)],
            );
        }
        let fill = match view.fill {
            Fill::Learned => "learned",
            Fill::Zero => "zero",
        };
        let bound = view.scopes.last().and_then(|scope| scope.lets.first());
        let mask = bound.map(|(_, _, e)| ("mask: ".to_owned(), e));
        let parts = std::iter::once((String::new(), of)).chain(mask).collect();
        (("hide(".to_owned(), format!(", fill: {fill})")), parts)
    }

    fn candidates(&mut self, kind: &Candidates) -> (String, String) {
        let close = match kind {
            Candidates::InBatch | Candidates::Catalogue => ")".to_owned(),
            Candidates::Sampled(n, sampler) => format!(", {n}{})", self.sampler(sampler)),
            Candidates::Mixed(n, sampler) => {
                let by = self.sampler(sampler);
                format!(") + sampled({}, {n}{by})", sampler.entity)
            }
            Candidates::Mined(n) => format!(", {n})"),
        };
        let name = match kind {
            Candidates::InBatch | Candidates::Mixed(..) => "in_batch",
            Candidates::Catalogue => "catalogue",
            Candidates::Sampled(..) => "sampled",
            Candidates::Mined(_) => "mined",
        };
        (format!("{name}("), close)
    }
}

fn separator(e: &Expr) -> &'static str {
    match &e.kind {
        ExprKind::Binary(op, ..) => match symbol(*op) {
            "+" => " + ",
            "-" => " - ",
            "*" => " * ",
            "/" => " / ",
            "^" => " ^ ",
            "==" => " == ",
            "!=" => " != ",
            "<" => " < ",
            "<=" => " <= ",
            ">" => " > ",
            ">=" => " >= ",
            "and" => " and ",
            "or" => " or ",
            _ => " in ",
        },
        _ => ", ",
    }
}

/// The names of the options of intrinsics; operands have none.
fn labels(intrinsic: &str) -> &'static [&'static str] {
    match intrinsic {
        "vocab" => &["", "min_count", "oov", "top", "drop", "over"],
        "quantiles" => &["", "n", "over"],
        "zscore" | "minmax" => &["", "over"],
        "hash" => &["", "n", "seed"],
        "attend" => &["", "", "", "heads", "causal"],
        "standardize" => &["", "eps"],
        "slice" => &["", "start", "len"],
        _ => &[],
    }
}

/// The first values of a weight, as a spec writes them.
pub(crate) fn init(init: &Init) -> String {
    match init {
        Init::Constant(value) => format!("{value:?}"),
        Init::Uniform(bound) => format!("uniform({bound:?})"),
        Init::Normal(deviation) => format!("normal({deviation:?})"),
        Init::HeUniform => "he".to_owned(),
        Init::GlorotUniform => "glorot".to_owned(),
    }
}

/// What stands behind the ids of an embedding.
fn embedding(table: &EmbedTable) -> String {
    let drop = match table.drop {
        0.0 => String::new(),
        drop => format!(", drop: {drop}"),
    };
    let from = table.vectors.as_ref().map_or(String::new(), |vectors| {
        format!(
            ", from: {:?}, key: {:?}, vector: {:?}, tune: {}",
            vectors.path,
            vectors.key,
            vectors.column,
            vectors.tune.word()
        )
    });
    format!(
        " |> embed(table: {:?}, width: {}{drop}, init: {}{from})",
        table.path,
        table.width,
        init(&table.init)
    )
}
