//! Numbers that texts spell in decimals.

use std::ops::Range;

/// Digits with a sign, a point and an exponent; what has none of them is no number, and neither is what no float can hold.
pub(super) fn number(text: &str) -> Option<f64> {
    short_decimal(text.as_bytes()).or_else(|| any_number(text))
}

/// The same of a part of a text, which is read with the bytes behind it.
#[inline]
pub(super) fn number_at(text: &str, part: Range<usize>) -> Option<f64> {
    few_digits(text.as_bytes(), &part).or_else(|| number(&text[part]))
}

/// The powers of ten by which whole numbers are divided.
const TENS: [f64; 16] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// A byte in each place of a word.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Up to eight digits, with a point among them or without, read as one word; `None` for any other text, and where fewer than eight
/// bytes are left. Digits and the power of ten are floats, so that their quotient is the float that is nearest.
#[inline]
fn few_digits(bytes: &[u8], part: &Range<usize>) -> Option<f64> {
    let len = part.len();
    if !(1..=8).contains(&len) {
        return None;
    }
    let word = u64::from_le_bytes(*bytes.get(part.start..)?.first_chunk()?);
    // The last digit is the highest byte; before the first there are zeros.
    let digits = (word ^ each(b'0')) << (64 - 8 * len);
    let other = digits ^ each(b'.' ^ b'0');
    // The lowest byte that is marked is the first that is a point.
    let point = other.wrapping_sub(each(1)) & !other & each(0x80);
    if point == 0 {
        return eight_digits(digits).map(f64::from);
    }
    let at = point.trailing_zeros() / 8;
    let before = (1 << (8 * at)) - 1;
    let closed = ((digits & before) << 8) | (digits & (!before << 8));
    let number = f64::from(eight_digits(closed)?);
    (len > 1).then(|| number / TENS[7 - at as usize])
}

/// The number of eight digits, the first of which is the lowest byte; `None` where a byte is more than 9.
#[inline]
fn eight_digits(digits: u64) -> Option<u32> {
    if (digits.wrapping_add(each(0x76)) | digits) & each(0x80) != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    Some(fours.wrapping_mul(10_000).wrapping_add(fours >> 32) as u32)
}

/// Up to fifteen digits, with a point or without, of which the same holds. `None` for any other text.
fn short_decimal(text: &[u8]) -> Option<f64> {
    let (mut digits, mut whole) = (0_u64, None);
    if text.len() > 15 {
        return None;
    }
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits = 10 * digits + u64::from(byte - b'0'),
            b'.' if whole.is_none() => whole = Some(at),
            _ => return None,
        }
    }
    let after = whole.map_or(0, |whole| text.len() - 1 - whole);
    let any = text.len() > usize::from(whole.is_some());
    any.then(|| digits as f64 / TENS[after])
}

fn any_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    let number: f64 = text.bytes().all(plain).then(|| text.parse().ok())??;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_decimals_have_the_bits_that_parsing_gives() {
        let mut text = String::new();
        for seed in 0..20_000_u64 {
            let digits = crate::hash::word(7, seed);
            text.clear();
            text.push_str(&(digits % 10_u64.pow(1 + (seed % 14) as u32)).to_string());
            let at = (digits >> 40) as usize % (text.len() + 1);
            text.insert(at, '.');
            let parsed: f64 = text.parse().expect("a decimal");
            let short = short_decimal(text.as_bytes());
            assert_eq!(short.map(f64::to_bits), Some(parsed.to_bits()), "{text}");
        }
        for other in ["", ".", "1.2.3", "-1", "1e3", " 1", "1234567890123456"] {
            assert_eq!(short_decimal(other.as_bytes()), None, "{other}");
        }
        assert_eq!(short_decimal(b"007"), Some(7.0));
    }

    /// What is read of a part with other bytes around it, and of the same at the end of a text.
    fn both(part: &str) -> [Option<u64>; 2] {
        let within = format!("9|{part}|0.5|9999999");
        let end = format!("9|{part}");
        [within, end].map(|text| number_at(&text, 2..2 + part.len()).map(f64::to_bits))
    }

    #[test]
    fn a_few_digits_at_once_have_the_bits_that_parsing_gives() {
        let mut text = String::new();
        for seed in 0..20_000_u64 {
            let digits = crate::hash::word(11, seed);
            text.clear();
            let width = 1 + (seed % 8) as usize;
            let number = digits % 10_u64.pow(width as u32);
            // Zeros stand before a number in every second.
            text.push_str(&match digits >> 63 {
                0 => number.to_string(),
                _ => format!("{number:0width$}"),
            });
            if seed % 3 > 0 && text.len() < 8 {
                text.insert((digits >> 40) as usize % (text.len() + 1), '.');
            }
            let parsed: f64 = text.parse().expect("a decimal");
            let long = format!("{text}|0000000");
            let found = few_digits(long.as_bytes(), &(0..text.len()));
            assert_eq!(found.map(f64::to_bits), Some(parsed.to_bits()), "{text}");
            assert_eq!(both(&text), [Some(parsed.to_bits()); 2], "{text}");
        }
    }

    #[test]
    fn a_part_is_a_number_wherever_it_stands_if_it_is_one_alone() {
        let parts = [
            "",
            ".",
            "..",
            "1.",
            ".5",
            "1..",
            ".1.",
            "+1",
            "-1",
            "-0",
            "-.5",
            "+",
            "-",
            "--1",
            "1e3",
            "1E-3",
            "e",
            "nan",
            "inf",
            "-inf",
            "NaN",
            " 1",
            "1 ",
            " ",
            "1 2",
            "1,5",
            "0",
            "000",
            "-000.250",
            "00000001",
            "99999999",
            "123456789",
            "9999999.",
            ".9999999",
            "0.1234567",
            "123456789012345",
            "1234567890123456",
            "0.1234567890123456789",
            "1e400",
            "4e-324",
            "1:",
            "/",
            ":",
            "ä",
            "é1",
            "1\0",
            "\u{ff10}",
        ];
        for part in parts {
            let alone = any_number(part).map(f64::to_bits);
            assert_eq!(both(part), [alone; 2], "{part:?}");
            assert_eq!(number(part).map(f64::to_bits), alone, "{part:?}");
        }
    }

    #[test]
    fn a_byte_that_is_no_digit_is_seen_in_each_place_of_a_number() {
        for byte in 0..128_u8 {
            for at in 0..4 {
                let mut part = *b"1234";
                part[at] = byte;
                let part = std::str::from_utf8(&part).expect("of one byte each");
                assert_eq!(
                    both(part),
                    [any_number(part).map(f64::to_bits); 2],
                    "{part:?}"
                );
            }
        }
    }
}
