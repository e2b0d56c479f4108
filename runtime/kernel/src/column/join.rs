//! Columns behind one another.

use super::{Column, Data, Lists, Texts};

impl Column {
    /// Columns of one kind behind one another; `None` where they are of several kinds.
    pub(crate) fn joined(parts: Vec<Self>) -> Option<Self> {
        let rows = parts.iter().map(Self::len).sum();
        let nulls = parts.iter().any(|part| part.valid.is_some());
        let mut valid = nulls.then(|| Vec::with_capacity(rows));
        if let Some(valid) = &mut valid {
            for part in &parts {
                match &part.valid {
                    Some(of_part) => valid.extend_from_slice(of_part),
                    None => valid.resize(valid.len() + part.len(), true),
                }
            }
        }
        let data = Data::joined(parts.into_iter().map(|part| part.data).collect())?;
        Some(Self { data, valid })
    }
}

impl Data {
    fn joined(mut parts: Vec<Self>) -> Option<Self> {
        if parts.len() == 1 {
            return parts.pop();
        }
        macro_rules! values {
            ($kind:ident) => {{
                let of = |part: &Self| match part {
                    Self::$kind(values) => Some(values.len()),
                    _ => None,
                };
                let len: Option<usize> = parts.iter().map(of).sum();
                let mut all = Vec::with_capacity(len?);
                for part in &parts {
                    if let Self::$kind(values) = part {
                        all.extend_from_slice(values);
                    }
                }
                Some(Self::$kind(all))
            }};
        }
        match parts.first()? {
            Self::Int(_) => values!(Int),
            Self::Float(_) => values!(Float),
            Self::Bool(_) => values!(Bool),
            Self::Str(_) => {
                let texts = parts.into_iter().map(|part| match part {
                    Self::Str(texts) => Some(texts),
                    _ => None,
                });
                Some(Self::Str(Texts::joined(texts.collect::<Option<_>>()?)))
            }
            Self::List(_) => {
                let (mut offsets, mut values) = (vec![0], Vec::new());
                let mut before = 0;
                for part in parts {
                    let Self::List(lists) = part else {
                        return None;
                    };
                    offsets.extend(lists.offsets[1..].iter().map(|end| before + end));
                    before += lists.values.len();
                    values.push(*lists.values);
                }
                Some(Self::List(Lists {
                    offsets,
                    values: Box::new(Self::joined(values)?),
                }))
            }
        }
    }
}
