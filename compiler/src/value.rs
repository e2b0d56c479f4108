//! Values that the compiler knows: settings, arguments, elements of constant lists.

use std::fmt;

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A text.
    Str(String),
    /// A length of time in microseconds.
    Duration(i64),
    /// One of the words that a parameter accepts, such as `cosine_hinge`.
    Word(String),
    /// A list.
    List(Vec<Value>),
}

impl Value {
    /// The number, where it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Bool(_) | Self::Str(_) | Self::Duration(_) | Self::Word(_) | Self::List(_) => {
                None
            }
        }
    }
}

impl fmt::Display for Value {
    /// As it is written in a spec.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Str(value) => write!(f, "{value:?}"),
            Self::Duration(micros) => write_duration(f, *micros),
            Self::Word(word) => f.write_str(word),
            Self::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{item}")?;
                }
                f.write_str("]")
            }
        }
    }
}

fn write_duration(f: &mut fmt::Formatter<'_>, micros: i64) -> fmt::Result {
    const UNITS: [(i64, &str); 5] = [
        (86_400_000_000, "d"),
        (3_600_000_000, "h"),
        (60_000_000, "m"),
        (1_000_000, "s"),
        (1_000, "ms"),
    ];
    let mut rest = micros;
    let mut blank = "";
    for (size, unit) in UNITS {
        if rest >= size {
            write!(f, "{blank}{}{unit}", rest / size)?;
            rest %= size;
            blank = " ";
        }
    }
    if blank.is_empty() {
        f.write_str("0s")
    } else {
        Ok(())
    }
}
