//! Cells: the text of a field as a value of the declared type.

use reckon_compiler::plan::row::RowKind;
use reckon_compiler::plan::{ColumnPlan, TimeFormat};
use reckon_compiler::value::Value;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Column, Data};
use serde_json::Value as Json;

use super::bad::Wrongs;
use super::fault::{NULL, TIME_FORMAT, WRONG_TYPE};
use super::time::{Pattern, decimal, from_float};

/// A list of more values than this is taken for a fault of the file.
pub(crate) const LONGEST_LIST: usize = 1 << 20;

/// Below this, floats tell whole numbers apart.
pub(crate) const EXACT: f64 = 9_007_199_254_740_992.0;

/// Collects the values of a column.
pub(crate) struct Builder<'a> {
    plan: &'a ColumnPlan,
    reads: Reads,
    data: Data,
    valid: Vec<bool>,
    nulls: usize,
    /// Texts that stand for null.
    sentinels: Vec<String>,
    wrong: Wrongs,
    null: Wrongs,
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
    /// Only objects have lists.
    List,
}

impl<'a> Builder<'a> {
    /// For fields of text.
    ///
    /// # Errors
    /// A type that no text can hold, or a time format that is not understood.
    pub(crate) fn of_fields(plan: &'a ColumnPlan) -> Result<Self, Diagnostic> {
        if let RowKind::List(_) = plan.ty.kind {
            let message = format!(
                "column `{}` has type {}, which a text file cannot hold",
                plan.name, plan.ty
            );
            return Err(Diagnostic::error(WRONG_TYPE, plan.span, message)
                .help("declare it as `str` and take it apart with `split`"));
        }
        Self::new(plan)
    }

    /// For values of objects, lists among them.
    ///
    /// # Errors
    /// A time format that is not understood.
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
            (RowKind::List(_), _) => Reads::List,
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
            wrong: Wrongs::new(WRONG_TYPE, plan.span),
            null: Wrongs::new(NULL, plan.span),
            text_found: false,
        })
    }

    /// Adds the value of a field of text.
    pub(crate) fn push(&mut self, field: &str) {
        if self.sentinels.is_empty()
            && let (Data::Int(values), Reads::Int) = (&mut self.data, &self.reads)
            && let Some(value) = plain_digits(field)
        {
            values.push(value);
            return self.valid.push(true);
        }
        let is_text = matches!(self.reads, Reads::Str);
        let empty = if is_text {
            field.is_empty() && self.plan.ty.nullable
        } else {
            field.trim().is_empty()
        };
        if empty || self.sentinels.iter().any(|null| null == field) || self.is_nan(field) {
            self.push_null();
        } else if self.push_value(field) {
            self.valid.push(true);
        } else {
            self.text_found |= field.trim().parse::<f64>().is_err();
            self.push_wrong(|| format!("`{}`", shortened(field)));
        }
    }

    /// Adds the value of an object, `None` where it has none.
    pub(crate) fn push_json(&mut self, value: Option<&Json>) {
        let text;
        let written = match value {
            None | Some(Json::Null) => return self.push_null(),
            Some(Json::String(text)) => text.as_str(),
            Some(other) => {
                text = other.to_string();
                text.as_str()
            }
        };
        let value = value.unwrap_or(&Json::Null);
        if self.sentinels.iter().any(|null| null == written) {
            self.push_null();
        } else if self.push_json_value(value) {
            self.valid.push(true);
        } else {
            // Numbers of objects are finite, so what is wrong among floats is no number.
            self.text_found |= value.is_string() || matches!(self.reads, Reads::Float);
            self.push_wrong(|| match value {
                Json::Array(of) if of.len() > LONGEST_LIST => {
                    format!("a list of {}, more than {LONGEST_LIST}", of.len())
                }
                other => format!("`{}`", shortened(&other.to_string())),
            });
        }
    }

    /// Adds a field that the row does not have: what is wrong is said of the row.
    pub(crate) fn push_missing(&mut self) {
        self.data.push_default();
        self.valid.push(true);
    }

    fn push_null(&mut self) {
        self.data.push_default();
        self.valid.push(!self.plan.ty.nullable);
        if self.plan.ty.nullable {
            self.nulls += 1;
        } else {
            let (row, name, ty) = (self.valid.len() - 1, &self.plan.name, &self.plan.ty.kind);
            self.null
                .add(row, || format!("column `{name}` expects {ty}, found null"));
        }
    }

    /// A value that is none of the column is null where it may be, else the default; whether either stays is said by the
    /// source's policy.
    fn push_wrong(&mut self, found: impl FnOnce() -> String) {
        self.data.push_default();
        self.valid.push(!self.plan.ty.nullable);
        self.nulls += usize::from(self.plan.ty.nullable);
        let (row, name, ty) = (self.valid.len() - 1, &self.plan.name, &self.plan.ty.kind);
        self.wrong.add(row, || {
            format!("column `{name}` expects {ty}, found {}", found())
        });
    }

    /// Not a number is how some writers spell null, of whole numbers too.
    fn is_nan(&self, field: &str) -> bool {
        let field = field.trim().trim_start_matches(['+', '-']);
        matches!(self.reads, Reads::Float | Reads::Int) && field.eq_ignore_ascii_case("nan")
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
                let value = field
                    .trim()
                    .parse()
                    .ok()
                    .filter(|value: &f64| value.is_finite());
                value.map(|value| values.push(value)).is_some()
            }
            (Data::Bool(values), _) => truth(field).map(|value| values.push(value)).is_some(),
            (Data::Str(texts), _) => {
                texts.push(field);
                true
            }
            (Data::Int(_) | Data::List(_), _) => false,
        }
    }

    /// Whether the value of an object is one of the type, which is then added.
    fn push_json_value(&mut self, value: &Json) -> bool {
        if let Data::List(lists) = &mut self.data {
            let Json::Array(elements) = value else {
                return false;
            };
            if elements.len() > LONGEST_LIST {
                return false;
            }
            // Lists are without nulls, so those among the elements are left out.
            let there = || elements.iter().filter(|element| !element.is_null());
            let fits = there().all(|element| is_element(&lists.values, element));
            if fits {
                there().for_each(|element| push_element(&mut lists.values, element));
                lists.offsets.push(lists.values.len());
            }
            return fits;
        }
        match (&mut self.data, &self.reads, value) {
            (Data::Int(values), Reads::Number(digits), Json::Number(number)) => {
                let unit = 10_i64.pow(*digits);
                let micros = match number.as_i64() {
                    Some(whole) => whole.checked_mul(unit),
                    None => number.as_f64().and_then(|value| from_float(value, unit)),
                };
                micros.map(|at| values.push(at)).is_some()
            }
            (Data::Int(values), Reads::Pattern(pattern), Json::String(text)) => {
                pattern.parse(text).map(|at| values.push(at)).is_some()
            }
            (Data::Int(_), Reads::Number(_) | Reads::Pattern(_), _) => false,
            (data, _, value) => {
                let fits = is_element(data, value);
                if fits {
                    push_element(data, value);
                }
                fits
            }
        }
    }

    /// The column, and what is wrong with it.
    pub(crate) fn finish(self) -> (Column, [Wrongs; 2]) {
        let help = self.help_for_wrong();
        let nulls = format!(
            "write `{}: {}?` where values may be missing",
            self.plan.name, self.plan.ty.kind
        );
        let column = Column::with_validity(self.data, (self.nulls > 0).then_some(self.valid));
        (
            column,
            [self.wrong.with_help(help), self.null.with_help(Some(nulls))],
        )
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
            Reads::Number(_) => help_for_numbers(self.plan),
            Reads::Float if !self.text_found => help_for_numbers(self.plan),
            Reads::Bool => Some(format!(
                "`bool` reads 1, 0, true and false; read others as `{name}: str`, and compare: `{name} == \"yes\"`"
            )),
            Reads::Int | Reads::Float | Reads::Str | Reads::Pattern(_) | Reads::List => None,
        }
    }
}

/// What to do where numbers are none of a column: infinite ones, and times of a smaller unit than those declared.
pub(crate) fn help_for_numbers(plan: &ColumnPlan) -> Option<String> {
    let name = &plan.name;
    let kind = match &plan.ty.kind {
        RowKind::List(of) => of,
        kind => kind,
    };
    match (kind, &plan.time) {
        (RowKind::Float, _) => {
            Some("floats are finite: a value that is not known is null".to_owned())
        }
        (RowKind::Time, TimeFormat::Seconds | TimeFormat::Millis) => Some(format!(
            "write `{name}: time(unit: us)` where numbers count microseconds; those of nanoseconds are divided by 1000 first"
        )),
        _ => None,
    }
}

/// Whether a value of an object is one of the kind.
fn is_element(data: &Data, value: &Json) -> bool {
    match data {
        Data::Int(_) => whole(value).is_some(),
        Data::Float(_) => value.is_number(),
        Data::Bool(_) => truth_of(value).is_some(),
        Data::Str(_) => value.is_string(),
        Data::List(_) => false,
    }
}

/// Adds a value of an object that is one of the kind.
fn push_element(data: &mut Data, value: &Json) {
    match data {
        Data::Int(values) => values.extend(whole(value)),
        Data::Float(values) => values.extend(value.as_f64()),
        Data::Bool(values) => values.extend(truth_of(value)),
        Data::Str(texts) => value.as_str().into_iter().for_each(|text| texts.push(text)),
        Data::List(_) => {}
    }
}

/// A whole number; `3.0` is one too.
fn whole(value: &Json) -> Option<i64> {
    let of_float = |value: &f64| value.fract() == 0.0 && value.abs() < EXACT;
    value
        .as_i64()
        .or_else(|| value.as_f64().filter(of_float).map(|value| value as i64))
}

fn truth_of(value: &Json) -> Option<bool> {
    value.as_bool().or_else(|| match value.as_i64()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    })
}

/// The pattern of a column whose times are texts.
pub(crate) fn pattern(plan: &ColumnPlan) -> Result<Pattern, Diagnostic> {
    let (format, zone) = match &plan.time {
        TimeFormat::Text { format, zone } => (format.as_str(), zone.as_str()),
        TimeFormat::Seconds | TimeFormat::Millis | TimeFormat::Micros => ("%s", "UTC"),
    };
    Pattern::new(format, zone).map_err(|message| Diagnostic::error(TIME_FORMAT, plan.span, message))
}

/// The number of up to 18 digits, as most fields of whole numbers are; `None` for any other, which may be a number too.
fn plain_digits(field: &str) -> Option<i64> {
    if !(1..=18).contains(&field.len()) {
        return None;
    }
    field.bytes().try_fold(0, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| 10 * number + i64::from(digit))
    })
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

#[cfg(test)]
mod tests {
    use super::{int, plain_digits};

    #[test]
    fn plain_digits_are_the_number_that_any_reading_gives() {
        for field in ["0", "007", "42", "999999999999999999"] {
            assert_eq!(plain_digits(field), int(field), "{field}");
            assert!(plain_digits(field).is_some(), "{field}");
        }
        for other in [
            "",
            "-1",
            "+1",
            " 1",
            "1.0",
            "1e3",
            "nan",
            "٣",
            "1234567890123456789",
        ] {
            assert_eq!(plain_digits(other), None, "{other}");
        }
    }
}
