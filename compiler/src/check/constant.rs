//! Settings and arithmetic over constants.

use reckon_grammar::ast::{self, BinaryOp, ItemKind, UnaryOp};
use reckon_grammar::diagnostic::{Code, Diagnostic, nearest};
use reckon_grammar::span::{FileId, Span};

use super::{Checker, list};
use crate::hir::Ty;
use crate::value::Value;

impl Checker<'_> {
    /// Evaluates settings in order, then puts the overrides in place of defaults.
    pub(super) fn settings(&mut self, overrides: &[(String, String)]) {
        self.frames.push(super::Frame::default());
        let mut known = Vec::new();
        // A file sees the settings of the files that it uses, so those come first.
        let modules = self.program.modules.iter().rev();
        let items = modules
            .filter(|module| !module.library)
            .flat_map(|module| &module.ast.items);
        for item in items {
            let ItemKind::Setting(setting) = &item.kind else {
                continue;
            };
            let default = self.expr(&setting.value);
            let Ty::Const(mut value) = default.ty else {
                self.refused.insert(setting.name.text.clone());
                if !default.is_error() {
                    self.report(
                        Diagnostic::error(
                            Code(207),
                            setting.value.span,
                            "a setting needs a value known while compiling",
                        )
                        .help(
                            "write a number, a text, a list or an expression over other settings",
                        ),
                    );
                }
                continue;
            };
            known.push(setting.name.text.as_str());
            value = self.as_declared(setting, value);
            if let Some((_, text)) = overrides
                .iter()
                .rev()
                .find(|(name, _)| *name == setting.name.text)
            {
                value = self.overridden(setting, value, text);
            }
            self.hir.settings.push((setting.name.text.clone(), value));
        }
        self.frames.pop();
        self.refuse_unknown(overrides, &known);
    }

    /// A default as the type that its setting is declared with: a whole number may stand for a `float`.
    fn as_declared(&mut self, setting: &ast::Setting, value: Value) -> Value {
        const KNOWN: &[&str] = &["int", "float", "bool", "str", "duration", "list"];
        let Some(ty) = &setting.ty else {
            return value;
        };
        let ast::TypeKind::Named { name, .. } = &ty.kind else {
            if !matches!(ty.kind, ast::TypeKind::Error) {
                let message = "a setting is a number, a truth value, a text, a duration or a list";
                self.report(
                    Diagnostic::error(Code(311), ty.span, message).help("leave the type out"),
                );
            }
            return value;
        };
        let fits = match (name.text.as_str(), &value) {
            ("float", Value::Int(whole)) => return Value::Float(*whole as f64),
            ("int", Value::Int(_))
            | ("float", Value::Float(_))
            | ("bool", Value::Bool(_))
            | ("str", Value::Str(_))
            | ("duration", Value::Duration(_))
            | ("list", Value::List(_)) => true,
            (known, _) if KNOWN.contains(&known) => false,
            (other, _) => {
                self.unknown(311, name.span, "type", other, KNOWN);
                return value;
            }
        };
        if !fits {
            let message = format!(
                "setting `{}` is declared `{}`, and `{value}` is {}",
                setting.name.text,
                name.text,
                describe(&value)
            );
            self.report(
                Diagnostic::error(Code(301), setting.value.span, message)
                    .help("leave the type out"),
            );
        }
        value
    }

    /// The value of an override, or the default where the override has another type.
    fn overridden(&mut self, setting: &ast::Setting, default: Value, text: &str) -> Value {
        if let Some(value) = parse_as(text, &default) {
            return value;
        }
        let name = &setting.name.text;
        self.report(
            Diagnostic::error(
                Code(208),
                setting.name.span,
                format!(
                    "setting `{name}` is {}, and `{text}` is not",
                    describe(&default)
                ),
            )
            .label(setting.value.span, format!("the default is `{default}`"))
            .help(format!("write `--set {name}={default}`")),
        );
        default
    }

    fn refuse_unknown(&mut self, overrides: &[(String, String)], known: &[&str]) {
        for (name, _) in overrides {
            if known.contains(&name.as_str()) {
                continue;
            }
            let span = Span::new(FileId(0), 0, 0);
            let unknown =
                Diagnostic::error(Code(209), span, format!("no setting `{name}` in this spec"));
            self.report(match nearest(name, known.iter().copied()) {
                Some(near) => unknown.help(format!("write `--set {near}=...`")),
                None if known.is_empty() => unknown.note("the spec has no settings"),
                None => unknown.note(format!("its settings are {}", list(known))),
            });
        }
    }
}

/// What a value is, with its article.
pub(super) fn describe(value: &Value) -> &'static str {
    match value {
        Value::Int(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Bool(_) => "`true` or `false`",
        Value::Str(_) => "a text",
        Value::Duration(_) => "a duration",
        Value::Word(_) => "a word",
        Value::List(_) => "a list",
    }
}

/// Reads the text of an override as the type of the default.
fn parse_as(text: &str, default: &Value) -> Option<Value> {
    let text = text.trim();
    match default {
        Value::Int(_) => text.replace('_', "").parse().ok().map(Value::Int),
        Value::Float(_) => number(text).map(Value::Float),
        Value::Bool(_) => text.parse().ok().map(Value::Bool),
        Value::Str(_) => Some(Value::Str(text.to_owned())),
        Value::Word(_) => Some(Value::Word(text.to_owned())),
        Value::Duration(_) => duration(text).map(Value::Duration),
        Value::List(items) => {
            let inner = text.strip_prefix('[')?.strip_suffix(']')?.trim();
            if inner.is_empty() {
                return Some(Value::List(Vec::new()));
            }
            let like = items.first().cloned().unwrap_or(Value::Float(0.0));
            inner
                .split(',')
                .map(|part| parse_as(part, &like))
                .collect::<Option<_>>()
                .map(Value::List)
        }
    }
}

pub(super) fn number(text: &str) -> Option<f64> {
    let (digits, scale) = match text.strip_suffix('%') {
        Some(digits) => (digits, 0.01),
        None => (text, 1.0),
    };
    digits
        .replace('_', "")
        .parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())
        .map(|value| value * scale)
}

fn duration(text: &str) -> Option<i64> {
    text.split_whitespace()
        .map(|part| {
            let split = part.find(|c: char| c.is_ascii_alphabetic())?;
            let (amount, unit) = part.split_at(split);
            let scale = match unit {
                "w" => 604_800e6,
                "d" => 86_400e6,
                "h" => 3_600e6,
                "m" => 60e6,
                "s" => 1e6,
                "ms" => 1e3,
                _ => return None,
            };
            amount
                .parse::<f64>()
                .ok()
                .map(|amount| (amount * scale) as i64)
        })
        .sum()
}

/// Folds an operator over two constants; `Err` says why it cannot.
pub(super) fn binary(op: BinaryOp, a: &Value, b: &Value) -> Result<Value, String> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => integers(op, *a, *b),
        (Value::Duration(a), b) => durations(op, *a, b),
        (a, Value::Duration(b)) if op == BinaryOp::Mul => durations(op, *b, a),
        (Value::Str(a), Value::Str(b)) => match op {
            BinaryOp::Add => Ok(Value::Str(format!("{a}{b}"))),
            _ => compare(op, a, b),
        },
        (Value::Word(a), Value::Word(b)) => compare(op, a, b),
        (Value::Bool(a), Value::Bool(b)) => match op {
            BinaryOp::And => Ok(Value::Bool(*a && *b)),
            BinaryOp::Or => Ok(Value::Bool(*a || *b)),
            _ => compare(op, a, b),
        },
        (Value::List(a), Value::List(b)) if op == BinaryOp::Add => {
            Ok(Value::List(a.iter().chain(b).cloned().collect()))
        }
        _ => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => floats(op, a, b),
            _ => Err(format!(
                "`{}` does not join {} and {}",
                symbol(op),
                describe(a),
                describe(b)
            )),
        },
    }
}

/// A duration in microseconds beside another one, or beside a number.
fn durations(op: BinaryOp, a: i64, b: &Value) -> Result<Value, String> {
    match (op, b, b.as_f64()) {
        (BinaryOp::Add, Value::Duration(b), _) => Ok(Value::Duration(a.saturating_add(*b))),
        (BinaryOp::Sub, Value::Duration(b), _) => Ok(Value::Duration(a.saturating_sub(*b))),
        (BinaryOp::Div, Value::Duration(b), _) => floats(op, a as f64, *b as f64),
        (_, Value::Duration(b), _) => compare(op, &(a as f64), &(*b as f64)),
        (BinaryOp::Mul, _, Some(b)) => Ok(Value::Duration((a as f64 * b) as i64)),
        (BinaryOp::Div, _, Some(b)) if b != 0.0 => Ok(Value::Duration((a as f64 / b) as i64)),
        _ => Err(format!(
            "`{}` does not join {} and {}",
            symbol(op),
            describe(&Value::Duration(a)),
            describe(b)
        )),
    }
}

fn integers(op: BinaryOp, a: i64, b: i64) -> Result<Value, String> {
    let checked = match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Sub => a.checked_sub(b),
        BinaryOp::Mul => a.checked_mul(b),
        BinaryOp::Pow if b >= 0 => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        BinaryOp::Div if b != 0 && a % b == 0 => Some(a / b),
        BinaryOp::Div | BinaryOp::Pow => return floats(op, a as f64, b as f64),
        _ => return compare(op, &a, &b),
    };
    checked
        .map(Value::Int)
        .ok_or_else(|| format!("`{a} {} {b}` does not fit a whole number", symbol(op)))
}

fn floats(op: BinaryOp, a: f64, b: f64) -> Result<Value, String> {
    let value = match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Pow => a.powf(b),
        _ => return compare(op, &a, &b),
    };
    if value.is_finite() {
        Ok(Value::Float(value))
    } else {
        Err(format!("`{a} {} {b}` is not a number", symbol(op)))
    }
}

fn compare<T: PartialOrd>(op: BinaryOp, a: &T, b: &T) -> Result<Value, String> {
    let value = match op {
        BinaryOp::Eq => a == b,
        BinaryOp::Ne => a != b,
        BinaryOp::Lt => a < b,
        BinaryOp::Le => a <= b,
        BinaryOp::Gt => a > b,
        BinaryOp::Ge => a >= b,
        _ => return Err(format!("`{}` does not join these values", symbol(op))),
    };
    Ok(Value::Bool(value))
}

/// The operator as written.
pub(crate) fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Pow => "^",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::And => "and",
        BinaryOp::Or => "or",
    }
}

/// Folds an operator over one constant.
pub(super) fn unary(op: UnaryOp, a: &Value) -> Result<Value, String> {
    match (op, a) {
        (UnaryOp::Neg, Value::Int(a)) => a
            .checked_neg()
            .map(Value::Int)
            .ok_or_else(|| format!("`-{a}` does not fit a whole number")),
        (UnaryOp::Neg, Value::Float(a)) => Ok(Value::Float(-a)),
        (UnaryOp::Neg, Value::Duration(a)) => Ok(Value::Duration(a.saturating_neg())),
        (UnaryOp::Not, Value::Bool(a)) => Ok(Value::Bool(!a)),
        (UnaryOp::Neg, _) => Err(format!("`-` takes a number, not {}", describe(a))),
        (UnaryOp::Not, _) => Err(format!(
            "`not` takes `true` or `false`, not {}",
            describe(a)
        )),
    }
}
