//! Times as they are written: numbers of seconds, milliseconds or microseconds, or text by a pattern.

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Microseconds of a decimal number in units of `10^digits` microseconds, exact where it has at most so many
/// decimals; `None` where it is no number or out of range.
pub(crate) fn decimal(text: &str, digits: u32) -> Option<i64> {
    let text = text.trim();
    let unit = 10_i64.pow(digits);
    if let Ok(whole) = text.parse::<i64>() {
        return whole.checked_mul(unit);
    }
    let exact = text.split_once('.').and_then(|(whole, fraction)| {
        let plain = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || fraction.len() > digits as usize {
            return None;
        }
        let negative = whole.starts_with('-');
        let micros = fraction.parse::<i64>().ok()? * 10_i64.pow(digits - fraction.len() as u32);
        let whole = whole.parse::<i64>().ok()?.checked_mul(unit)?;
        whole.checked_add(if negative { -micros } else { micros })
    });
    exact.or_else(|| from_float(text.parse().ok()?, unit))
}

/// Microseconds of a float in units of so many microseconds, rounded; `None` where it is not finite or out of range.
pub(crate) fn from_float(value: f64, unit: i64) -> Option<i64> {
    let micros = (value * unit as f64).round();
    (micros.is_finite() && micros.abs() < i64::MAX as f64).then_some(micros as i64)
}

/// How texts that hold times are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    items: Vec<Item>,
    /// What the zone is ahead of UTC, in microseconds.
    ahead: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Blank,
    Literal(char),
    Number { part: Part, digits: usize },
    Month,
    Fraction,
    Zone,
    Half,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Year,
    ShortYear,
    Month,
    Day,
    DayOfYear,
    Hour,
    Hour12,
    Minute,
    Second,
    Epoch,
}

/// The numbers that a text gives.
struct Read {
    year: i64,
    month: i64,
    day: i64,
    day_of_year: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    afternoon: Option<bool>,
    ahead: i64,
    epoch: Option<i64>,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const LONG_MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl Pattern {
    /// A pattern of strftime with `%Y %y %m %b %B %d %e %j %H %I %p %M %S %f %z %s %T %F %%`, in a zone such as `UTC`
    /// or `+08:00`. The message says what is not understood.
    pub(crate) fn new(format: &str, zone: &str) -> Result<Self, String> {
        let ahead = offset(zone).ok_or_else(|| {
            format!("zone `{zone}` is not fixed: expected `UTC` or an offset such as `+08:00`")
        })?;
        let format = format
            .replace("%F", "%Y-%m-%d")
            .replace("%T", "%H:%M:%S")
            .replace("%.f", "%f");
        let mut items = Vec::new();
        let mut chars = format.chars();
        while let Some(char) = chars.next() {
            items.push(match char {
                '%' => directive(chars.next())?,
                blank if blank.is_whitespace() => Item::Blank,
                other => Item::Literal(other),
            });
        }
        Ok(Self { items, ahead })
    }

    /// The time in microseconds since 1970 UTC.
    pub(crate) fn parse(&self, text: &str) -> Option<i64> {
        let mut read = Read {
            year: 1970,
            month: 1,
            day: 1,
            day_of_year: None,
            hour: 0,
            minute: 0,
            second: 0,
            micros: 0,
            afternoon: None,
            ahead: self.ahead,
            epoch: None,
        };
        let mut rest = text.trim();
        for item in &self.items {
            rest = take(item, rest, &mut read)?;
        }
        if rest.is_empty() { read.micros() } else { None }
    }
}

fn directive(char: Option<char>) -> Result<Item, String> {
    let number = |part, digits| Ok(Item::Number { part, digits });
    match char {
        Some('Y') => number(Part::Year, 4),
        Some('y') => number(Part::ShortYear, 2),
        Some('m') => number(Part::Month, 2),
        Some('d' | 'e') => number(Part::Day, 2),
        Some('j') => number(Part::DayOfYear, 3),
        Some('H') => number(Part::Hour, 2),
        Some('I') => number(Part::Hour12, 2),
        Some('M') => number(Part::Minute, 2),
        Some('S') => number(Part::Second, 2),
        Some('s') => number(Part::Epoch, 18),
        Some('b' | 'B') => Ok(Item::Month),
        Some('f') => Ok(Item::Fraction),
        Some('z') => Ok(Item::Zone),
        Some('p') => Ok(Item::Half),
        Some('%') => Ok(Item::Literal('%')),
        Some(other) => Err(format!("`%{other}` is not understood in a time format")),
        None => Err("a time format ends in `%`".to_owned()),
    }
}

/// Reads one item from the front of the text and gives what is left.
fn take<'a>(item: &Item, text: &'a str, read: &mut Read) -> Option<&'a str> {
    match item {
        Item::Blank => Some(text.trim_start()),
        Item::Literal(char) => text.strip_prefix(*char),
        Item::Number { part, digits } => {
            // `%e` pads with a blank.
            let text = text.trim_start();
            let len = text
                .bytes()
                .take(*digits)
                .take_while(u8::is_ascii_digit)
                .count();
            read.set(*part, text[..len].parse().ok()?);
            Some(&text[len..])
        }
        Item::Month => {
            let len = text.bytes().take_while(u8::is_ascii_alphabetic).count();
            let name = text[..len].to_ascii_lowercase();
            let long = LONG_MONTHS.iter().position(|month| *month == name);
            let month = long.or_else(|| MONTHS.iter().position(|month| *month == name))?;
            read.month = month as i64 + 1;
            Some(&text[len..])
        }
        Item::Fraction => {
            let text = text.strip_prefix('.').unwrap_or(text);
            let len = text.bytes().take_while(u8::is_ascii_digit).count();
            let kept = &text[..len.min(6)];
            read.micros = kept.parse::<i64>().ok()? * 10_i64.pow(6 - kept.len() as u32);
            Some(&text[len..])
        }
        Item::Zone => {
            let named =
                |char: char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | ':');
            let len = text.find(|char| !named(char)).unwrap_or(text.len());
            read.ahead = offset(&text[..len])?;
            Some(&text[len..])
        }
        Item::Half => {
            let half = text.get(..2)?.to_ascii_lowercase();
            read.afternoon = Some(match half.as_str() {
                "am" => false,
                "pm" => true,
                _ => return None,
            });
            Some(&text[2..])
        }
    }
}

impl Read {
    fn set(&mut self, part: Part, value: i64) {
        match part {
            Part::Year => self.year = value,
            // As POSIX reads them: 69 to 99 are the 1900s.
            Part::ShortYear => {
                self.year = if value < 69 {
                    2000 + value
                } else {
                    1900 + value
                }
            }
            Part::Month => self.month = value,
            Part::Day => self.day = value,
            Part::DayOfYear => self.day_of_year = Some(value),
            Part::Hour | Part::Hour12 => self.hour = value,
            Part::Minute => self.minute = value,
            Part::Second => self.second = value,
            Part::Epoch => self.epoch = Some(value),
        }
    }

    fn micros(&self) -> Option<i64> {
        if let Some(epoch) = self.epoch {
            return epoch.checked_mul(SECOND)?.checked_add(self.micros);
        }
        let hour = match self.afternoon {
            Some(_) if !(1..=12).contains(&self.hour) => return None,
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            None => self.hour,
        };
        // A leap second counts as the first of the next minute.
        if hour > 23 || self.minute > 59 || self.second > 60 {
            return None;
        }
        let days = match self.day_of_year {
            Some(day) if (1..=365 + i64::from(is_leap(self.year))).contains(&day) => {
                days_since_1970(self.year, 1, 1) + day - 1
            }
            Some(_) => return None,
            None if !(1..=12).contains(&self.month) => return None,
            None if !(1..=month_days(self.year, self.month)).contains(&self.day) => return None,
            None => days_since_1970(self.year, self.month, self.day),
        };
        let seconds = (hour * 60 + self.minute) * 60 + self.second;
        Some(days * DAY + seconds * SECOND + self.micros - self.ahead)
    }
}

/// Microseconds that a fixed zone is ahead of UTC: `UTC`, `GMT`, `Z`, `+08:00`, `-0530`, `+8`.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "UTC" | "GMT" | "Z" | "utc" | "") {
        return Some(0);
    }
    let (sign, digits) = match (zone.strip_prefix('+'), zone.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (None, Some(digits)) => (-1, digits),
        (None, None) => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 && digits.is_ascii() => digits.split_at(2),
        None => (digits, "0"),
    };
    let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
    (hours < 24 && minutes < 60)
        .then(|| sign * (i64::from(hours) * 60 + i64::from(minutes)) * 60 * SECOND)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the Gregorian calendar from 1970-01-01 on.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leaps = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let in_year: i64 = (1..month).map(|month| month_days(year, month)).sum();
    // 719,162 days lie before 1970 in this calendar.
    before * 365 + leaps + in_year + day - 1 - 719_162
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        decimal(text, 6)
    }

    fn parse(format: &str, zone: &str, text: &str) -> Option<i64> {
        Pattern::new(format, zone)
            .unwrap()
            .parse(text)
            .map(|micros| micros / SECOND)
    }

    #[test]
    fn numbers_keep_six_decimals_exactly() {
        assert_eq!(seconds("891717742"), Some(891_717_742_000_000));
        assert_eq!(seconds("1.25"), Some(1_250_000));
        assert_eq!(seconds("-0.000001"), Some(-1));
        assert_eq!(seconds("8.91717742e8"), Some(891_717_742_000_000));
        assert_eq!(decimal("1500", 3), Some(1_500_000));
        assert_eq!(decimal("7", 0), Some(7));
        assert_eq!(
            [
                seconds("soon"),
                seconds(""),
                seconds("9e300"),
                seconds("NaN")
            ],
            [None; 4]
        );
    }

    #[test]
    fn dates_and_times() {
        assert_eq!(
            parse("%Y-%m-%d %H:%M:%S", "UTC", "1998-04-04 19:22:22"),
            Some(891_717_742)
        );
        assert_eq!(
            parse("%FT%T%z", "UTC", "1998-04-05T03:22:22+08:00"),
            Some(891_717_742)
        );
        assert_eq!(
            parse("%Y-%m-%d %H:%M:%S", "+08:00", "1998-04-05 03:22:22"),
            Some(891_717_742)
        );
        assert_eq!(
            parse("%d/%b/%y %I:%M %p", "UTC", "04/Apr/98 07:22 PM"),
            Some(891_717_720)
        );
        assert_eq!(
            parse("%B %e, %Y", "UTC", "April  4, 1998"),
            Some(891_648_000)
        );
        assert_eq!(parse("%Y %j", "UTC", "2000 366"), Some(978_220_800));
        assert_eq!(parse("%F", "UTC", "1969-12-31"), Some(-86_400));
        assert_eq!(parse("%s", "UTC", "12"), Some(12));
        assert_eq!(
            Pattern::new("%T.%f", "UTC").unwrap().parse("00:00:01.5"),
            Some(1_500_000)
        );
    }

    #[test]
    fn impossible_dates_are_refused() {
        for text in [
            "2001-02-29",
            "1998-13-01",
            "1998-04-31",
            "1998-04-04x",
            "98",
            "",
        ] {
            assert_eq!(parse("%F", "UTC", text), None, "{text}");
        }
        assert_eq!(parse("%T", "UTC", "24:00:00"), None);
        assert_eq!(parse("%j", "UTC", "366"), None);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert_eq!(
            Pattern::new("%Q", "UTC").unwrap_err(),
            "`%Q` is not understood in a time format"
        );
        let message = Pattern::new("%F", "Europe/Berlin").unwrap_err();
        assert_eq!(
            message,
            "zone `Europe/Berlin` is not fixed: expected `UTC` or an offset such as `+08:00`"
        );
    }
}
