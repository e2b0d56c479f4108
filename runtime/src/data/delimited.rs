//! Csv and tsv: bytes to records, with the line on which each begins.
//!
//! Csv quotes as RFC 4180 says: a field that begins with `"` ends at the next lone `"`, `""` stands for one, and
//! separators and line breaks inside belong to the field. Tsv has no quoting. Lines end with LF or CRLF; blank lines
//! are no records; a byte order mark at the start is skipped.

use std::borrow::Cow;

/// How fields are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Commas, with quotes.
    Csv,
    /// Tabs, without.
    Tsv,
}

/// The records of a text, one after another.
pub(crate) struct Records<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    style: Style,
}

/// A quoted field that the text ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenQuote {
    /// The line on which the quote opens, from 1.
    pub(crate) line: usize,
}

impl<'a> Records<'a> {
    pub(crate) fn new(text: &'a str, style: Style) -> Self {
        Self {
            text: text.strip_prefix('\u{feff}').unwrap_or(text),
            at: 0,
            line: 1,
            style,
        }
    }

    /// The line that comes next, from 1.
    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// The records of a part of a text, which begins on this line.
    pub(crate) fn of_part(text: &'a str, style: Style, line: usize) -> Self {
        Self {
            text,
            at: 0,
            line,
            style,
        }
    }

    /// Reads the next record into `fields` and gives the line on which it begins; `None` at the end.
    pub(crate) fn next(
        &mut self,
        fields: &mut Vec<Cow<'a, str>>,
    ) -> Result<Option<usize>, OpenQuote> {
        fields.clear();
        let bytes = self.text.as_bytes();
        while let Some(b'\n' | b'\r') = bytes.get(self.at) {
            self.line += usize::from(bytes[self.at] == b'\n');
            self.at += 1;
        }
        if self.at == bytes.len() {
            return Ok(None);
        }
        let line = self.line;
        loop {
            let field = if self.style == Style::Csv && bytes.get(self.at) == Some(&b'"') {
                self.quoted()?
            } else {
                Cow::Borrowed(self.plain())
            };
            fields.push(field);
            match bytes.get(self.at) {
                Some(b'\n') => {
                    self.at += 1;
                    self.line += 1;
                    return Ok(Some(line));
                }
                Some(b'\r') => self.at += 1,
                Some(_) => {
                    self.at += 1;
                    continue;
                }
                None => return Ok(Some(line)),
            }
            // A lone carriage return ends a record as well.
            if bytes.get(self.at) == Some(&b'\n') {
                self.at += 1;
                self.line += 1;
            }
            return Ok(Some(line));
        }
    }

    fn separator(&self) -> u8 {
        match self.style {
            Style::Csv => b',',
            Style::Tsv => b'\t',
        }
    }

    /// Reads up to the next separator or line break, which stays.
    fn plain(&mut self) -> &'a str {
        let separator = self.separator();
        let rest = &self.text.as_bytes()[self.at..];
        let ends = |byte: &u8| *byte == separator || *byte == b'\n' || *byte == b'\r';
        let len = rest.iter().position(ends).unwrap_or(rest.len());
        let field = &self.text[self.at..self.at + len];
        self.at += len;
        field
    }

    /// Reads a quoted field; what follows the closing quote up to the separator is kept as it stands.
    fn quoted(&mut self) -> Result<Cow<'a, str>, OpenQuote> {
        let line = self.line;
        let mut field: Cow<'a, str> = Cow::Borrowed("");
        loop {
            self.at += 1;
            let rest = &self.text[self.at..];
            let len = rest.find('"').ok_or(OpenQuote { line })?;
            let part = &rest[..len];
            self.line += part.bytes().filter(|byte| *byte == b'\n').count();
            field += part;
            self.at += len + 1;
            if self.text.as_bytes().get(self.at) != Some(&b'"') {
                break;
            }
            field += "\"";
        }
        field += self.plain();
        Ok(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str, style: Style) -> Vec<(usize, Vec<String>)> {
        let mut reader = Records::new(text, style);
        let (mut all, mut fields) = (Vec::new(), Vec::new());
        while let Some(line) = reader.next(&mut fields).unwrap() {
            all.push((
                line,
                fields
                    .iter()
                    .map(|field| field.clone().into_owned())
                    .collect(),
            ));
        }
        all
    }

    fn owned(expected: &[(usize, &[&str])]) -> Vec<(usize, Vec<String>)> {
        expected
            .iter()
            .map(|(line, fields)| {
                (
                    *line,
                    fields.iter().map(|field| (*field).to_owned()).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn quotes_hold_separators_line_breaks_and_quotes() {
        let text = "a,b\r\n\"x, \"\"y\"\"\n2\",z\n\n,\n\"\",last";
        let expected: &[(usize, &[&str])] = &[
            (1, &["a", "b"]),
            (2, &["x, \"y\"\n2", "z"]),
            (5, &["", ""]),
            (6, &["", "last"]),
        ];
        assert_eq!(records(text, Style::Csv), owned(expected));
    }

    #[test]
    fn tsv_takes_quotes_as_they_are() {
        let expected: &[(usize, &[&str])] = &[(1, &["\"a", "b, c"]), (2, &["", ""])];
        assert_eq!(
            records("\u{feff}\"a\tb, c\n\t\n", Style::Tsv),
            owned(expected)
        );
    }

    #[test]
    fn an_open_quote_names_the_line_where_it_opens() {
        let mut reader = Records::new("a\n\"b\nc\n", Style::Csv);
        let mut fields = Vec::new();
        assert_eq!(reader.next(&mut fields), Ok(Some(1)));
        assert_eq!(reader.next(&mut fields), Err(OpenQuote { line: 2 }));
    }
}
