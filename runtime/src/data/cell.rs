//! Cells: the text of a field as a value of the declared type.

use reckon_compiler::plan::row::RowKind;
use reckon_compiler::plan::{ColumnPlan, TimeFormat};
use reckon_compiler::value::Value;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Column, Data};

use super::fault::{Faults, NULL, Place, TIME_FORMAT, WRONG_TYPE};
use super::time::{Pattern, decimal};

/// Collects the values of a column.
pub(crate) struct Builder<'a> {
    plan: &'a ColumnPlan,
    reads: Reads,
    data: Data,
    valid: Vec<bool>,
    nulls: usize,
    /// Texts that stand for null.
    sentinels: Vec<String>,
    wrong: Faults,
    null: Faults,
    /// Whether a wrong value would be no number in any type.
    text_found: bool,
}

/// How a field is read.
enum Reads {
    Int,
    Float,
    Bool,
    Str,
    /// A number in units of ten to this power of microseconds.
    Number(u32),
    Pattern(Pattern),
}

impl<'a> Builder<'a> {
    /// # Errors
    /// A type that no text can hold, or a time format that is not understood.
    pub(crate) fn new(plan: &'a ColumnPlan) -> Result<Self, Diagnostic> {
        let reads = match (&plan.ty.kind, &plan.time) {
            (RowKind::Int, _) => Reads::Int,
            (RowKind::Float, _) => Reads::Float,
            (RowKind::Bool, _) => Reads::Bool,
            (RowKind::Str, _) => Reads::Str,
            (RowKind::Duration, _) | (RowKind::Time, TimeFormat::Seconds) => Reads::Number(6),
            (RowKind::Time, TimeFormat::Millis) => Reads::Number(3),
            (RowKind::Time, TimeFormat::Micros) => Reads::Number(0),
            (RowKind::Time, TimeFormat::Text { .. }) => Reads::Pattern(pattern(plan)?),
            (RowKind::List(_), _) => {
                let message = format!(
                    "column `{}` has type {}, which a text file cannot hold",
                    plan.name, plan.ty
                );
                return Err(Diagnostic::error(WRONG_TYPE, plan.span, message)
                    .help("declare it as `str` and take it apart with `split`"));
            }
        };
        let sentinels = plan
            .nulls
            .iter()
            .map(|null| match null {
                Value::Str(text) | Value::Word(text) => text.clone(),
                other => other.to_string(),
            })
            .collect();
        Ok(Self {
            plan,
            reads,
            data: Data::empty(&plan.ty.kind),
            valid: Vec::new(),
            nulls: 0,
            sentinels,
            wrong: Faults::new(WRONG_TYPE, plan.span),
            null: Faults::new(NULL, plan.span),
            text_found: false,
        })
    }

    /// Adds the value of a field. `place` is asked for where something is wrong with it.
    pub(crate) fn push(&mut self, field: &str, place: impl FnOnce() -> Place) {
        let is_text = matches!(self.reads, Reads::Str);
        let empty = if is_text {
            field.is_empty() && self.plan.ty.nullable
        } else {
            field.trim().is_empty()
        };
        if empty || self.sentinels.iter().any(|null| null == field) || self.is_nan(field) {
            self.push_null(place);
        } else if self.push_value(field) {
            self.valid.push(true);
        } else {
            self.text_found |= field.trim().parse::<f64>().is_err();
            let (name, ty) = (&self.plan.name, &self.plan.ty.kind);
            self.wrong.add(|| {
                format!(
                    "{}: column `{name}` expects {ty}, found `{}`",
                    place(),
                    shortened(field)
                )
            });
            self.data.push_default();
            self.valid.push(true);
        }
    }

    fn push_null(&mut self, place: impl FnOnce() -> Place) {
        self.data.push_default();
        self.valid.push(false);
        self.nulls += 1;
        if !self.plan.ty.nullable {
            let (name, ty) = (&self.plan.name, &self.plan.ty.kind);
            self.null
                .add(|| format!("{}: column `{name}` expects {ty}, found null", place()));
        }
    }

    /// Not a number is how some writers spell null.
    fn is_nan(&self, field: &str) -> bool {
        matches!(self.reads, Reads::Float) && field.trim().eq_ignore_ascii_case("nan")
    }

    /// Whether the field holds a value of the type, which is then added.
    fn push_value(&mut self, field: &str) -> bool {
        match (&mut self.data, &self.reads) {
            (Data::Int(values), Reads::Int) => int(field).map(|value| values.push(value)).is_some(),
            (Data::Int(values), Reads::Number(digits)) => {
                decimal(field, *digits).map(|at| values.push(at)).is_some()
            }
            (Data::Int(values), Reads::Pattern(pattern)) => {
                pattern.parse(field).map(|at| values.push(at)).is_some()
            }
            (Data::Float(values), _) => {
                field.trim().parse().map(|value| values.push(value)).is_ok()
            }
            (Data::Bool(values), _) => truth(field).map(|value| values.push(value)).is_some(),
            (Data::Str(texts), _) => {
                texts.push(field);
                true
            }
            (Data::Int(_) | Data::List(_), _) => false,
        }
    }

    /// The column, with its faults moved to `sink`.
    pub(crate) fn finish(self, sink: &mut Vec<Diagnostic>) -> Column {
        let help = self.help_for_wrong();
        self.wrong.tell(sink, help.as_deref());
        let null_help = format!(
            "write `{}: {}?` where values may be missing",
            self.plan.name, self.plan.ty.kind
        );
        self.null.tell(sink, Some(&null_help));
        Column::with_validity(self.data, (self.nulls > 0).then_some(self.valid))
    }
}

impl Builder<'_> {
    /// How a column is declared that holds what this one does.
    fn help_for_wrong(&self) -> Option<String> {
        let name = &self.plan.name;
        match self.reads {
            Reads::Int if self.text_found => {
                Some("where a column mixes numbers and texts, declare it as `str`".to_owned())
            }
            Reads::Number(_) if self.text_found && self.plan.ty.kind == RowKind::Time => Some(
                format!("say how texts are read: `{name}: time(format: \"%Y-%m-%d %H:%M:%S\")`"),
            ),
            Reads::Bool => Some(format!(
                "`bool` reads 1, 0, true and false; read others as `{name}: str`, and compare: `{name} == \"yes\"`"
            )),
            Reads::Int | Reads::Float | Reads::Str | Reads::Number(_) | Reads::Pattern(_) => None,
        }
    }
}

/// The pattern of a column whose times are texts.
pub(crate) fn pattern(plan: &ColumnPlan) -> Result<Pattern, Diagnostic> {
    let (format, zone) = match &plan.time {
        TimeFormat::Text { format, zone } => (format.as_str(), zone.as_str()),
        TimeFormat::Seconds | TimeFormat::Millis | TimeFormat::Micros => ("%s", "UTC"),
    };
    Pattern::new(format, zone).map_err(|message| Diagnostic::error(TIME_FORMAT, plan.span, message))
}

/// An integer; `3.0` is one too, since writers that know no missing integers spell them so.
fn int(field: &str) -> Option<i64> {
    let field = field.trim();
    let whole = field.split_once('.').map_or(field, |(whole, zeros)| {
        if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') {
            whole
        } else {
            field
        }
    });
    whole.parse().ok()
}

fn truth(field: &str) -> Option<bool> {
    match field.trim() {
        "1" | "true" | "True" | "TRUE" => Some(true),
        "0" | "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// A value that fits into a message.
pub(crate) fn shortened(field: &str) -> String {
    const MOST: usize = 40;
    match field.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &field[..end]),
        None => field.to_owned(),
    }
}
