//! Columns: values of many rows back to back.

mod join;
mod take;
mod texts;

pub(crate) use take::any_beyond;
pub(crate) use texts::Collected;
pub use texts::Texts;

use reckon_compiler::plan::row::RowKind;

/// One value a row. Where a row is null, `data` holds 0, false, an empty text or an empty list.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The values.
    pub data: Data,
    /// Which rows hold a value; `None` where all do.
    pub valid: Option<Vec<bool>>,
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Integers; times and durations in microseconds.
    Int(Vec<i64>),
    /// Floats.
    Float(Vec<f64>),
    /// Truth values.
    Bool(Vec<bool>),
    /// Texts.
    Str(Texts),
    /// Lists without nulls.
    List(Lists),
}

/// Lists back to back: list `i` holds the elements `offsets[i] .. offsets[i + 1]` of `values`.
#[derive(Clone, Debug, PartialEq)]
pub struct Lists {
    /// One more than there are lists, ascending, the first 0.
    pub offsets: Vec<usize>,
    /// The elements of all lists.
    pub values: Box<Data>,
}

impl Column {
    /// A column without nulls.
    pub fn new(data: Data) -> Self {
        Self { data, valid: None }
    }

    /// A column with nulls where `valid` is false; what `data` holds there is cleared. Validity that is true everywhere
    /// is dropped.
    pub fn with_validity(mut data: Data, valid: Option<Vec<bool>>) -> Self {
        let valid = valid.filter(|valid| valid.contains(&false));
        if let Some(valid) = &valid {
            data.clear_where_not(valid);
        }
        Self { data, valid }
    }

    /// `rows` nulls of a kind.
    pub fn nulls(kind: &RowKind, rows: usize) -> Self {
        let mut data = Data::empty(kind);
        (0..rows).for_each(|_| data.push_default());
        Self::with_validity(data, Some(vec![false; rows]))
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the row is null.
    pub fn is_null(&self, row: usize) -> bool {
        self.valid.as_ref().is_some_and(|valid| !valid[row])
    }

    /// The number of nulls.
    pub fn null_count(&self) -> usize {
        self.valid
            .as_ref()
            .map_or(0, |valid| valid.iter().filter(|valid| !**valid).count())
    }

    /// The values at `rows`, in their order; null where the row is beyond the end.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let len = self.len();
        let beyond = any_beyond(rows, len);
        let valid = (beyond || self.valid.is_some()).then(|| {
            rows.iter()
                .map(|row| (*row as usize) < len && !self.is_null(*row as usize))
                .collect()
        });
        Self::with_validity(self.data.take(rows), valid)
    }

    /// The values at `rows`, of which none is beyond the end.
    pub(crate) fn take_inside(&self, rows: &[u32]) -> Self {
        let there = |valid: &Vec<bool>| rows.iter().map(|row| valid[*row as usize]).collect();
        let valid = self.valid.as_ref().map(there);
        Self::with_validity(self.data.take(rows), valid)
    }

    /// The same column, in which texts that recur are stored once each, also those in lists. Row programs compute what
    /// depends on such a text alone once for each distinct one.
    #[must_use]
    pub fn once_each(self) -> Self {
        Self {
            data: self.data.once_each(),
            valid: self.valid,
        }
    }

    /// Adds the rows of a column of the same kind. Columns of another kind leave it as it is and give `false`.
    #[must_use]
    pub fn extend(&mut self, other: &Self) -> bool {
        let before = self.len();
        if !self.data.extend(&other.data) {
            return false;
        }
        if self.valid.is_some() || other.valid.is_some() {
            let valid = self.valid.get_or_insert_with(|| vec![true; before]);
            match &other.valid {
                Some(more) => valid.extend_from_slice(more),
                None => valid.resize(before + other.len(), true),
            }
        }
        true
    }
}

impl Column {
    /// Makes room for so many more rows, and for no more than those.
    pub fn reserve(&mut self, more: usize) {
        match &mut self.data {
            Data::Int(values) => values.reserve_exact(more),
            Data::Float(values) => values.reserve_exact(more),
            Data::Bool(values) => values.reserve_exact(more),
            // How long texts and lists are is not known.
            Data::Str(_) | Data::List(_) => {}
        }
        if let Some(valid) = &mut self.valid {
            valid.reserve_exact(more);
        }
    }
}

impl Data {
    /// No values of a kind.
    pub fn empty(kind: &RowKind) -> Self {
        match kind {
            RowKind::Int | RowKind::Time | RowKind::Duration => Self::Int(Vec::new()),
            RowKind::Float => Self::Float(Vec::new()),
            RowKind::Bool => Self::Bool(Vec::new()),
            RowKind::Str => Self::Str(Texts::default()),
            RowKind::List(of) => Self::List(Lists {
                offsets: vec![0],
                values: Box::new(Self::empty(of)),
            }),
        }
    }

    /// No values of the same kind.
    pub(crate) fn empty_like(&self) -> Self {
        match self {
            Self::Int(_) => Self::Int(Vec::new()),
            Self::Float(_) => Self::Float(Vec::new()),
            Self::Bool(_) => Self::Bool(Vec::new()),
            Self::Str(_) => Self::Str(Texts::default()),
            Self::List(lists) => Self::List(Lists {
                offsets: vec![0],
                values: Box::new(lists.values.empty_like()),
            }),
        }
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Int(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Str(texts) => texts.len(),
            Self::List(lists) => lists.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether these are values of a kind.
    pub(crate) fn is_of(&self, kind: &RowKind) -> bool {
        match (self, kind) {
            (Self::Int(_), RowKind::Int | RowKind::Time | RowKind::Duration)
            | (Self::Float(_), RowKind::Float)
            | (Self::Bool(_), RowKind::Bool)
            | (Self::Str(_), RowKind::Str) => true,
            (Self::List(lists), RowKind::List(of)) => lists.values.is_of(of),
            (Self::Int(_) | Self::Float(_) | Self::Bool(_) | Self::Str(_) | Self::List(_), _) => {
                false
            }
        }
    }

    /// How the kind of the values is called.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Bool(_) => "bool",
            Self::Str(_) => "str",
            Self::List(_) => "list",
        }
    }

    fn once_each(self) -> Self {
        match self {
            Self::Str(texts) => Self::Str(texts.once_each()),
            Self::List(Lists { offsets, values }) => Self::List(Lists {
                offsets,
                values: Box::new(values.once_each()),
            }),
            Self::Int(_) | Self::Float(_) | Self::Bool(_) => self,
        }
    }

    /// Adds 0, false, an empty text or an empty list.
    pub fn push_default(&mut self) {
        match self {
            Self::Int(values) => values.push(0),
            Self::Float(values) => values.push(0.0),
            Self::Bool(values) => values.push(false),
            Self::Str(texts) => texts.push(""),
            Self::List(lists) => lists.offsets.push(lists.values.len()),
        }
    }

    /// Adds one value of data of the same kind; data of another kind adds nothing.
    pub(crate) fn push_from(&mut self, from: &Self, at: usize) {
        match (self, from) {
            (Self::Int(to), Self::Int(from)) => to.push(from[at]),
            (Self::Float(to), Self::Float(from)) => to.push(from[at]),
            (Self::Bool(to), Self::Bool(from)) => to.push(from[at]),
            (Self::Str(to), Self::Str(from)) => to.push(from.get(at)),
            (Self::List(to), Self::List(from)) => {
                for element in from.range(at) {
                    to.values.push_from(&from.values, element);
                }
                to.offsets.push(to.values.len());
            }
            (Self::Int(_) | Self::Float(_) | Self::Bool(_) | Self::Str(_) | Self::List(_), _) => {}
        }
    }

    fn clear_where_not(&mut self, valid: &[bool]) {
        fn clear<T: Default>(values: &mut [T], valid: &[bool]) {
            values
                .iter_mut()
                .zip(valid)
                .filter(|(_, valid)| !**valid)
                .for_each(|(value, _)| *value = T::default());
        }
        match self {
            Self::Int(values) => clear(values, valid),
            Self::Float(values) => clear(values, valid),
            Self::Bool(values) => clear(values, valid),
            Self::Str(texts) => {
                if valid
                    .iter()
                    .enumerate()
                    .any(|(row, valid)| !valid && !texts.get(row).is_empty())
                {
                    *texts = texts.cleared(valid);
                }
            }
            Self::List(lists) => {
                if valid
                    .iter()
                    .enumerate()
                    .any(|(row, valid)| !valid && !lists.range(row).is_empty())
                {
                    let rows: Vec<u32> = valid
                        .iter()
                        .enumerate()
                        .map(|(row, valid)| if *valid { row as u32 } else { u32::MAX })
                        .collect();
                    *self = self.take(&rows);
                }
            }
        }
    }

    fn extend(&mut self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(to), Self::Int(from)) => to.extend_from_slice(from),
            (Self::Float(to), Self::Float(from)) => to.extend_from_slice(from),
            (Self::Bool(to), Self::Bool(from)) => to.extend_from_slice(from),
            (Self::Str(to), Self::Str(from)) => to.extend(from),
            (Self::List(to), Self::List(from)) => {
                let before = to.values.len();
                if !to.values.extend(&from.values) {
                    return false;
                }
                to.offsets
                    .extend(from.offsets[1..].iter().map(|end| before + end));
            }
            (Self::Int(_) | Self::Float(_) | Self::Bool(_) | Self::Str(_) | Self::List(_), _) => {
                return false;
            }
        }
        true
    }
}

impl Lists {
    /// The number of lists.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The places of the elements of one list.
    pub fn range(&self, list: usize) -> std::ops::Range<usize> {
        self.offsets[list]..self.offsets[list + 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn take_beyond_the_end_gives_null() {
        let column = Column::new(Data::Str(["a", "b"].into_iter().collect()));
        let taken = column.take(&[1, u32::MAX, 0]);
        assert_eq!(taken.valid, Some(vec![true, false, true]));
        assert_eq!(taken.data, Data::Str(["b", "", "a"].into_iter().collect()));
    }

    #[test]
    fn extend_keeps_nulls_of_either_side() {
        let mut column = Column::new(Data::Int(vec![1]));
        assert!(column.extend(&Column::nulls(&RowKind::Int, 1)));
        assert!(column.extend(&Column::new(Data::Int(vec![3]))));
        assert_eq!(
            column,
            Column::with_validity(Data::Int(vec![1, 0, 3]), Some(vec![true, false, true]))
        );
        assert!(!column.extend(&Column::new(Data::Bool(vec![true]))));
    }

    #[test]
    fn lists_extend_with_shifted_offsets() {
        let list = |offsets: Vec<usize>, values: Vec<i64>| {
            Column::new(Data::List(Lists {
                offsets,
                values: Box::new(Data::Int(values)),
            }))
        };
        let mut column = list(vec![0, 2], vec![1, 2]);
        assert!(column.extend(&list(vec![0, 0, 1], vec![3])));
        assert_eq!(column, list(vec![0, 2, 2, 3], vec![1, 2, 3]));
        assert_eq!(column.take(&[2, 0]), list(vec![0, 1, 3], vec![3, 1, 2]));
    }
}
