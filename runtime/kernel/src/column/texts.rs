//! Texts: back to back, or, where they recur, each distinct one once and for each row the place of its own.

use std::ops::Range;
use std::sync::Arc;

use super::take::{any_beyond, gathered};
use crate::index::TextIndex;

/// Texts. Those that recur may be stored once each; two are equal where they hold the same texts, however stored.
#[derive(Clone, Debug)]
pub struct Texts(Form);

#[derive(Clone, Debug)]
enum Form {
    Each(Stored),
    /// `of` may hold a text twice, and texts that no place names.
    Once {
        of: Arc<Stored>,
        places: Vec<u32>,
    },
}

/// Texts back to back: text `i` ends at `ends[i + 1]`, where the next begins.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    ends: Vec<usize>,
    text: String,
}

/// Fewer texts are added one by one, without a look at what is there.
const FEW: usize = 16;
/// So many texts are looked at before it is said that hardly any recurs.
const SAMPLE: usize = 65_536;

impl Stored {
    fn empty() -> Self {
        Self {
            ends: vec![0],
            text: String::new(),
        }
    }

    fn len(&self) -> usize {
        self.ends.len() - 1
    }

    fn get(&self, at: usize) -> &str {
        &self.text[self.range(at)]
    }

    fn range(&self, at: usize) -> Range<usize> {
        self.ends[at]..self.ends[at + 1]
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    fn extend(&mut self, other: &Self) {
        let before = self.text.len();
        self.text.push_str(&other.text);
        self.ends
            .extend(other.ends[1..].iter().map(|end| before + end));
    }

    /// The places of these.
    fn index(&self) -> TextIndex {
        let mut index = TextIndex::with_room(self.len());
        for place in 0..self.len() as u32 {
            index.find_or_add(self.get(place as usize), place, |at| self.get(at as usize));
        }
        index
    }

    /// The place of a text, behind the last where it is new.
    fn place(&mut self, index: &mut TextIndex, text: &str) -> u32 {
        let next = self.len() as u32;
        let place = index.find_or_add(text, next, |place| self.get(place as usize));
        if place == next {
            self.push(text);
        }
        place
    }

    /// These with an empty text behind them.
    fn and_empty(of: &Arc<Self>) -> (Arc<Self>, u32) {
        let mut more = Arc::clone(of);
        Arc::make_mut(&mut more).push("");
        let last = more.len() as u32 - 1;
        (more, last)
    }
}

impl Default for Texts {
    fn default() -> Self {
        Self(Form::Each(Stored::empty()))
    }
}

impl Texts {
    /// The number of texts.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Each(stored) => stored.len(),
            Form::Once { places, .. } => places.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One text.
    pub fn get(&self, at: usize) -> &str {
        match &self.0 {
            Form::Each(stored) => stored.get(at),
            Form::Once { of, places } => of.get(places[at] as usize),
        }
    }

    /// Where a text stands among [`Texts::all`].
    pub(crate) fn range(&self, at: usize) -> Range<usize> {
        match &self.0 {
            Form::Each(stored) => stored.range(at),
            Form::Once { of, places } => of.range(places[at] as usize),
        }
    }

    /// Where texts begin among [`Texts::all`] and the last of them ends, where they stand back to back.
    pub(crate) fn ends(&self, rows: Range<usize>) -> Option<&[usize]> {
        match &self.0 {
            Form::Each(stored) => Some(&stored.ends[rows.start..=rows.end]),
            Form::Once { .. } => None,
        }
    }

    /// All texts that are stored, back to back.
    pub(crate) fn all(&self) -> &str {
        match &self.0 {
            Form::Each(stored) => &stored.text,
            Form::Once { of, .. } => &of.text,
        }
    }

    /// Adds a text.
    pub fn push(&mut self, text: &str) {
        match &mut self.0 {
            Form::Each(stored) => stored.push(text),
            Form::Once { of, places } => {
                let of = Arc::make_mut(of);
                of.push(text);
                places.push(of.len() as u32 - 1);
            }
        }
    }

    /// All texts in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|at| self.get(at))
    }

    /// For each of `places` the text that stands there in `of`.
    ///
    /// # Panics
    /// If a place is beyond the end.
    pub fn at_places(of: Self, places: Vec<u32>) -> Self {
        let stored = of.stored_len();
        let (of, places) = match of.0 {
            Form::Each(stored) => (Arc::new(stored), places),
            Form::Once { of, places: inner } => {
                let places = places.iter().map(|place| inner[*place as usize]);
                (of, places.collect())
            }
        };
        let beyond = any_beyond(&places, stored);
        assert!(!beyond, "internal: a place is one of a text");
        Self(Form::Once { of, places })
    }

    /// The same texts, each stored once where at most a quarter of them are distinct.
    #[must_use]
    pub fn once_each(self) -> Self {
        match self.recurring() {
            Some(once) => once,
            None => self,
        }
    }

    /// These, each stored once; `None` where they are already, or where more than a quarter are distinct.
    fn recurring(&self) -> Option<Self> {
        let Form::Each(stored) = &self.0 else {
            return None;
        };
        let (mut index, mut of) = (TextIndex::default(), Stored::empty());
        let mut places = Vec::with_capacity(stored.len());
        for at in 0..stored.len() {
            places.push(of.place(&mut index, stored.get(at)));
            let hardly = (at + 1) % SAMPLE == 0 && of.len() > (at + 1) / 10 * 9;
            if hardly || of.len() > stored.len() / 4 {
                return None;
            }
        }
        Some(Self(Form::Once {
            of: Arc::new(of),
            places,
        }))
    }

    /// Texts behind one another: stored once each where all are, otherwise each.
    pub(super) fn joined(parts: Vec<Self>) -> Self {
        let once = parts.iter().all(|part| part.places().is_some());
        if once && let Some(Self(Form::Once { of, .. })) = parts.first() {
            let mut all = Stored::clone(of);
            let (mut index, mut places) = (all.index(), Vec::new());
            places.reserve(parts.iter().map(Self::len).sum());
            for part in &parts {
                if let Form::Once { of, places: own } = &part.0 {
                    let numbers = (0..of.len()).map(|at| all.place(&mut index, of.get(at)));
                    let numbers: Vec<u32> = numbers.collect();
                    places.extend(own.iter().map(|place| numbers[*place as usize]));
                }
            }
            let of = Arc::new(all);
            return Self(Form::Once { of, places });
        }
        let mut all = Stored::empty();
        all.ends.reserve(parts.iter().map(Self::len).sum());
        for part in &parts {
            match &part.0 {
                Form::Each(stored) => all.extend(stored),
                Form::Once { .. } => part.iter().for_each(|text| all.push(text)),
            }
        }
        Self(Form::Each(all))
    }

    /// The place of each text among those that are stored, where texts are stored once.
    pub(crate) fn places(&self) -> Option<&[u32]> {
        match &self.0 {
            Form::Each(_) => None,
            Form::Once { places, .. } => Some(places),
        }
    }

    /// The number of texts that are stored.
    pub(crate) fn stored_len(&self) -> usize {
        match &self.0 {
            Form::Each(stored) => stored.len(),
            Form::Once { of, .. } => of.len(),
        }
    }

    /// The texts that are stored, in the order of their places.
    pub(crate) fn stored(&self) -> Self {
        match &self.0 {
            Form::Each(_) => self.clone(),
            Form::Once { of, .. } => Self(Form::Each(Stored::clone(of))),
        }
    }

    /// What these store at other places, each one of a text that is stored.
    pub(super) fn replaced(&self, places: Vec<u32>) -> Self {
        match &self.0 {
            Form::Each(stored) => Self::at_places(Self(Form::Each(stored.clone())), places),
            Form::Once { of, .. } => Self(Form::Once {
                of: Arc::clone(of),
                places,
            }),
        }
    }

    /// The texts at `rows`; empty where the row is beyond the end.
    pub(crate) fn take(&self, rows: &[u32]) -> Self {
        let len = self.len();
        let beyond = any_beyond(rows, len);
        match &self.0 {
            Form::Once { of, places } => {
                let (of, none) = match beyond {
                    true => Stored::and_empty(of),
                    false => (Arc::clone(of), 0),
                };
                let places = gathered(places, rows, none);
                Self(Form::Once { of, places })
            }
            Form::Each(stored) if rows.len() < 2 * len => {
                let mut taken = Stored::empty();
                for row in rows {
                    let inside = (*row as usize) < len;
                    taken.push(if inside {
                        stored.get(*row as usize)
                    } else {
                        ""
                    });
                }
                Self(Form::Each(taken))
            }
            Form::Each(stored) => {
                let (of, places) = match beyond {
                    true => {
                        let (of, none) = Stored::and_empty(&Arc::new(stored.clone()));
                        (of, rows.iter().map(|row| (*row).min(none)).collect())
                    }
                    false => (Arc::new(stored.clone()), rows.to_vec()),
                };
                Self(Form::Once { of, places })
            }
        }
    }

    /// The same texts, empty where `valid` is false.
    pub(crate) fn cleared(&self, valid: &[bool]) -> Self {
        match &self.0 {
            Form::Each(stored) => {
                let kept = valid.iter().enumerate();
                kept.map(|(row, valid)| if *valid { stored.get(row) } else { "" })
                    .collect()
            }
            Form::Once { of, places } => {
                let (of, none) = Stored::and_empty(of);
                let places = places.iter().zip(valid);
                let places = places.map(|(place, valid)| if *valid { *place } else { none });
                Self(Form::Once {
                    of,
                    places: places.collect(),
                })
            }
        }
    }

    pub(super) fn extend(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (
                Form::Once { of, places },
                Form::Once {
                    of: from,
                    places: more,
                },
            ) if Arc::ptr_eq(of, from) || of == from => {
                places.extend_from_slice(more);
            }
            (Form::Once { .. }, _) if other.len() <= FEW => {
                other.iter().for_each(|text| self.push(text));
            }
            (Form::Each(stored), Form::Each(more)) => stored.extend(more),
            (Form::Each(stored), Form::Once { .. }) if stored.len() == 0 => *self = other.clone(),
            (Form::Each(stored), Form::Once { .. }) => {
                other.iter().for_each(|text| stored.push(text));
            }
            (Form::Once { .. }, _) => {
                *self = self.iter().chain(other.iter()).collect();
            }
        }
    }
}

/// Texts that are collected, stored once each for as long as they recur.
#[derive(Debug)]
pub(crate) struct Collected {
    stored: Stored,
    /// The place of each text, and of those that are stored.
    places: Option<(Vec<u32>, TextIndex)>,
}

/// So many texts are collected between looks at whether they recur.
const LOOK: usize = 4096;

impl Collected {
    pub(crate) fn new() -> Self {
        Self {
            stored: Stored::empty(),
            places: Some((Vec::new(), TextIndex::default())),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.places {
            Some((places, _)) => places.len(),
            None => self.stored.len(),
        }
    }

    pub(crate) fn push(&mut self, text: &str) {
        let Some((places, index)) = &mut self.places else {
            return self.stored.push(text);
        };
        places.push(self.stored.place(index, text));
        if places.len() % LOOK == 0 && self.stored.len() > places.len() / 2 {
            let mut each = Stored::empty();
            let texts = places.iter().map(|place| self.stored.get(*place as usize));
            texts.for_each(|text| each.push(text));
            self.stored = each;
            self.places = None;
        }
    }

    pub(crate) fn finish(self) -> Texts {
        match self.places {
            Some((places, _)) if 2 * self.stored.len() <= places.len() => Texts(Form::Once {
                of: Arc::new(self.stored),
                places,
            }),
            Some((places, _)) => {
                let texts = places.iter().map(|place| self.stored.get(*place as usize));
                texts.collect()
            }
            None => Texts(Form::Each(self.stored)),
        }
    }
}

impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Form::Each(a), Form::Each(b)) => a == b,
            (Form::Each(_) | Form::Once { .. }, _) => self.iter().eq(other.iter()),
        }
    }
}

impl Eq for Texts {}

impl<'a> FromIterator<&'a str> for Texts {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let mut all = Stored::empty();
        texts.into_iter().for_each(|text| all.push(text));
        Self(Form::Each(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recurring() -> Texts {
        let words = ["a", "", "drama", "a"];
        words.into_iter().cycle().take(64).collect()
    }

    #[test]
    fn texts_that_recur_are_stored_once_and_are_the_same() {
        let texts = recurring();
        let once = texts.clone().once_each();
        assert_eq!(once, texts);
        assert_eq!((once.stored_len(), once.len()), (3, 64));
        assert_eq!(once.get(2), "drama");
    }

    #[test]
    fn texts_that_hardly_recur_stay_as_they_are() {
        let words: Vec<String> = (0..4000).map(|at| format!("w{}", at % 3000)).collect();
        let texts: Texts = words.iter().map(String::as_str).collect();
        assert!(texts.once_each().places().is_none());
    }

    #[test]
    fn what_is_done_to_texts_does_not_depend_on_how_they_are_stored() {
        let (each, once) = (recurring(), recurring().once_each());
        let rows = [3, u32::MAX, 2, 63, 64];
        assert_eq!(each.take(&rows), once.take(&rows));
        let many: Vec<u32> = (0..200).map(|row| row % 70).collect();
        assert_eq!(each.take(&many), once.take(&many));
        let valid: Vec<bool> = (0..64).map(|row| row % 3 > 0).collect();
        assert_eq!(each.cleared(&valid), once.cleared(&valid));
        let others = [
            recurring(),
            recurring().once_each(),
            ["x"].into_iter().collect(),
        ];
        for other in others {
            let (mut a, mut b) = (each.clone(), once.clone());
            a.extend(&other);
            b.extend(&other);
            assert_eq!(a, b);
        }
    }

    #[test]
    fn texts_behind_one_another_keep_their_order_and_are_stored_once_where_all_are() {
        let once = recurring().once_each();
        let other: Texts = ["x", "a"].into_iter().cycle().take(40).collect();
        let joined = Texts::joined(vec![once.clone(), other.clone().once_each()]);
        assert!(joined.iter().eq(once.iter().chain(other.iter())));
        assert_eq!(joined.stored_len(), 4);
        let each = Texts::joined(vec![once, other.clone(), Texts::default()]);
        assert_eq!(each.len(), 104);
        assert_eq!(each.get(65), "a");
    }

    #[test]
    fn texts_are_collected_once_each_for_as_long_as_they_recur() {
        let collect = |texts: &[String]| {
            let mut collected = Collected::new();
            texts.iter().for_each(|text| collected.push(text));
            assert_eq!(collected.len(), texts.len());
            collected.finish()
        };
        let few: Vec<String> = (0..10_000).map(|at| format!("w{}", at % 30)).collect();
        let many: Vec<String> = (0..10_000).map(|at| format!("w{at}")).collect();
        let (once, each) = (collect(&few), collect(&many));
        assert!(once.iter().eq(few.iter()) && each.iter().eq(many.iter()));
        assert_eq!((once.stored_len(), each.stored_len()), (30, 10_000));
    }

    #[test]
    fn places_of_places_are_places() {
        let once = recurring().once_each();
        let taken = Texts::at_places(once, vec![2, 1]);
        assert_eq!(taken, ["drama", ""].into_iter().collect());
    }
}
