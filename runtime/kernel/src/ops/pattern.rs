//! Regular expressions that need no search: sequences of sets of ASCII characters, each so often, with one group at most.
//!
//! They are matched by one walk over the text, without a state machine. What they find is what the `regex` crate finds;
//! patterns of other forms, texts that are not ASCII and long ones are left to it.

use std::ops::Range;

/// Longer texts are left to the general search, whose time does not grow with the square of their length.
const LONGEST: usize = 1024;

/// Items one after another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sequence {
    items: Vec<Item>,
    /// Which items the group holds; all where there is no group.
    group: Range<usize>,
    /// Whether the match begins where the text begins.
    from_start: bool,
    /// Whether it ends where the text ends.
    to_end: bool,
}

/// A character of a set, so often.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Item {
    /// One bit for each ASCII character.
    set: u128,
    least: usize,
    most: usize,
}

impl Item {
    fn has(&self, byte: u8) -> bool {
        byte < 128 && (self.set >> byte) & 1 == 1
    }
}

impl Sequence {
    /// Reads a pattern; `None` where it has another form.
    pub(crate) fn new(pattern: &str) -> Option<Self> {
        let mut reader = Reader {
            left: pattern.as_bytes(),
        };
        let (mut items, mut group) = (Vec::new(), None);
        let (mut open, mut to_end) = (None, false);
        let from_start = reader.eat(b'^');
        while let Some(byte) = reader.peek() {
            if to_end {
                return None;
            }
            match byte {
                b'(' if open.is_none() && group.is_none() => open = Some(items.len()),
                b')' => group = Some(open.take()?..items.len()),
                b'$' if open.is_none() => to_end = true,
                _ => {
                    let set = reader.set()?;
                    let (least, most) = reader.times()?;
                    items.push(Item { set, least, most });
                    continue;
                }
            }
            reader.left = &reader.left[1..];
            // A group that repeats, and `(?`, which is none.
            if reader.peek().is_some_and(|next| b"?*+{".contains(&next)) {
                return None;
            }
        }
        let sequence = Self {
            group: group.unwrap_or(0..items.len()),
            items,
            from_start,
            to_end,
        };
        let whole = open.is_none() && !sequence.group.is_empty();
        (whole && sequence.is_greedy()).then_some(sequence)
    }

    /// Whether taking as many characters as there are is the only way to a match: what follows must begin with another.
    fn is_greedy(&self) -> bool {
        self.items.windows(2).all(|pair| {
            let fixed = pair[0].least == pair[0].most;
            fixed || (pair[1].least > 0 && pair[0].set & pair[1].set == 0)
        })
    }

    /// Where the group stands in the first match. `Err` where the text is one for the general search.
    pub(crate) fn find(&self, text: &str) -> Result<Option<Range<usize>>, General> {
        let bytes = text.as_bytes();
        if bytes.len() > LONGEST || !bytes.is_ascii() {
            return Err(General);
        }
        let first = self.items.first().filter(|item| item.least > 0);
        let last = if self.from_start { 0 } else { bytes.len() };
        let mut start = 0;
        while start <= last {
            if let Some(item) = first
                && !self.from_start
            {
                match bytes[start..].iter().position(|byte| item.has(*byte)) {
                    Some(further) => start += further,
                    None => return Ok(None),
                }
            }
            if let Some(group) = self.at(bytes, start) {
                return Ok(Some(group));
            }
            start += 1;
        }
        Ok(None)
    }

    /// Where the group stands in the match that begins here.
    fn at(&self, bytes: &[u8], start: usize) -> Option<Range<usize>> {
        let mut place = start;
        let mut group = start..start;
        for (number, item) in self.items.iter().enumerate() {
            if number == self.group.start {
                group.start = place;
            }
            let left = &bytes[place..];
            let left = &left[..left.len().min(item.most)];
            let taken = left.iter().position(|byte| !item.has(*byte));
            let taken = taken.unwrap_or(left.len());
            if taken < item.least {
                return None;
            }
            place += taken;
            if number + 1 == self.group.end {
                group.end = place;
            }
        }
        (!self.to_end || place == bytes.len()).then_some(group)
    }
}

/// The text is one for the general search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct General;

struct Reader<'a> {
    left: &'a [u8],
}

const DIGITS: u128 = of(b'0', b'9');
const WORD: u128 = DIGITS | of(b'a', b'z') | of(b'A', b'Z') | of(b'_', b'_');
const BLANKS: u128 = of(b'\t', b'\r') | of(b' ', b' ');

/// The set of the characters from one to another.
const fn of(first: u8, last: u8) -> u128 {
    (u128::MAX >> (127 - (last - first))) << first
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.left.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let (first, left) = self.left.split_first()?;
        self.left = left;
        Some(*first)
    }

    fn eat(&mut self, wanted: u8) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.left = &self.left[1..];
        }
        there
    }

    /// A character, an escape, a class or any character but the end of a line.
    fn set(&mut self) -> Option<u128> {
        match self.next()? {
            b'.' => Some(!of(b'\n', b'\n')),
            b'\\' => self.escaped(),
            b'[' => self.class(),
            b'(' | b')' | b'|' | b'?' | b'*' | b'+' | b'{' | b'}' | b']' | b'^' | b'$' => None,
            byte => byte.is_ascii().then(|| of(byte, byte)),
        }
    }

    fn escaped(&mut self) -> Option<u128> {
        match self.next()? {
            b'd' => Some(DIGITS),
            b'D' => Some(!DIGITS),
            b'w' => Some(WORD),
            b'W' => Some(!WORD),
            b's' => Some(BLANKS),
            b'S' => Some(!BLANKS),
            // What `<` and `>` stand for depends on what comes after them.
            b'<' | b'>' => None,
            byte => byte.is_ascii_punctuation().then(|| of(byte, byte)),
        }
    }

    /// Behind `[`, up to its end: characters, ranges and escapes.
    fn class(&mut self) -> Option<u128> {
        let negated = self.eat(b'^');
        let mut set = 0;
        let mut empty = true;
        while !self.eat(b']') {
            set |= match self.next()? {
                // Sets of sets, and characters that mean something in the first place.
                b'[' | b'&' | b'~' | b'-' | b'^' => return None,
                b'\\' => self.escaped()?,
                first if !first.is_ascii() => return None,
                first if self.eat(b'-') => {
                    let last = self.next()?;
                    if !last.is_ascii_alphanumeric() || last < first {
                        return None;
                    }
                    of(first, last)
                }
                byte => of(byte, byte),
            };
            empty = false;
        }
        match (empty, negated) {
            (true, _) => None,
            (false, true) => Some(!set),
            (false, false) => Some(set),
        }
    }

    /// How often what was read before stands there.
    fn times(&mut self) -> Option<(usize, usize)> {
        let times = match self.peek() {
            Some(b'?') => (0, 1),
            Some(b'*') => (0, usize::MAX),
            Some(b'+') => (1, usize::MAX),
            Some(b'{') => return self.counted(),
            _ => return Some((1, 1)),
        };
        self.left = &self.left[1..];
        self.alone(times)
    }

    fn counted(&mut self) -> Option<(usize, usize)> {
        let end = self.left.iter().position(|byte| *byte == b'}')?;
        let text = std::str::from_utf8(&self.left[1..end]).ok()?;
        let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse().ok().filter(|count| *count <= LONGEST),
            false => None,
        };
        let times = match text.split_once(',') {
            None => (number(text)?, number(text)?),
            Some((least, "")) => (number(least)?, usize::MAX),
            Some((least, most)) => (number(least)?, number(most)?),
        };
        self.left = &self.left[end + 1..];
        if times.0 > times.1 {
            return None;
        }
        self.alone(times)
    }

    /// Refuses `+?` and what else may stand behind a count.
    fn alone(&self, times: (usize, usize)) -> Option<(usize, usize)> {
        let more = self.peek().is_some_and(|next| b"?*+{".contains(&next));
        (!more).then_some(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    #[test]
    fn patterns_that_are_sequences_are_read() {
        for pattern in [
            r"\((\d{4})\)",
            "^([^:]+):",
            r"(\d+)",
            "a",
            "^[a-z_]{2,3}$",
            r"tag-(\w*)!",
            r"x?y",
        ] {
            assert!(Sequence::new(pattern).is_some(), "{pattern}");
        }
    }

    #[test]
    fn other_patterns_are_left_to_the_general_search() {
        for pattern in [
            "",
            "a|b",
            "(a)(b)",
            "(ab)+",
            "a+?",
            "a+a",
            r"\d*\d",
            "(?i)a",
            r"\bword",
            "ö",
            "[[:alpha:]]",
            "a{",
            "[",
            "(",
            ")",
            "a**",
            r"\p{L}",
            "()",
            "a()b",
            "[a-]",
            r"\x41",
            "a$b",
        ] {
            assert_eq!(Sequence::new(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn texts_beyond_ascii_are_left_to_the_general_search() {
        let digits = Sequence::new(r"\d+").unwrap();
        assert_eq!(digits.find("ö1"), Err(General));
        assert_eq!(digits.find(&"a".repeat(2000)), Err(General));
        assert_eq!(digits.find("a12"), Ok(Some(1..3)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_found_is_what_the_general_search_finds(
            parts in prop::collection::vec(
                (
                    prop::sample::select(vec!["a", "b", ".", r"\d", r"\w", "[ab]", "[^a]", r"\(", "[0-3x]", r"\S"]),
                    prop::sample::select(vec!["", "", "+", "*", "?", "{2}", "{1,2}", "{2,}", "+?"]),
                ),
                1..5,
            ),
            group in (0..4_usize, 0..4_usize),
            ends in (any::<bool>(), any::<bool>()),
            text in "[ab01(x \n]{0,12}",
        ) {
            let mut pattern = String::new();
            for (at, (set, times)) in parts.iter().enumerate() {
                pattern += if at == group.0 { "(" } else { "" };
                pattern = pattern + set + times;
                pattern += if at >= group.0 && at == group.0 + group.1 { ")" } else { "" };
            }
            let pattern = format!(
                "{}{pattern}{}",
                if ends.0 { "^" } else { "" },
                if ends.1 { "$" } else { "" }
            );
            if let (Some(sequence), Ok(regex)) = (Sequence::new(&pattern), Regex::new(&pattern)) {
                let captures = regex.captures(&text);
                let expected = captures.and_then(|found| {
                    let group = usize::from(found.len() > 1);
                    found.get(group).map(|part| part.range())
                });
                prop_assert_eq!(sequence.find(&text), Ok(expected), "{} in {:?}", pattern, text);
            }
        }
    }
}
