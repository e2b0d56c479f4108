//! How wide a text is, about: pictures are laid out without a font at hand.

/// The width of a text in a sans-serif face of this size, rather too large than too small.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(of_letter).sum::<f64>() * size
}

fn of_letter(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '\'' | '!' => 0.32,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | ' ' | '/' | '-' | 'I' => 0.40,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.95,
        '=' | '<' | '>' | '+' | '×' => 0.80,
        'A'..='Z' => 0.72,
        '0'..='9' => 0.62,
        _ => 0.61,
    }
}

#[cfg(test)]
mod tests {
    use super::width;

    #[test]
    fn wide_letters_take_more_room() {
        assert!(width("mmm", 10.0) > width("iii", 10.0));
        assert!((width("ab", 20.0) - 2.0 * width("ab", 10.0)).abs() < 1e-9);
    }
}
