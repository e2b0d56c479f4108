//! Numbers as people read them.

/// A number with its digits in groups of three: `1,234,567`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<String> = groups
        .map(|group| group.iter().copied().map(char::from).collect())
        .collect();
    groups.join(",")
}

/// A number of bytes in the unit in which it is short: `950 bytes`, `949.2 kB`.
pub fn bytes(count: usize) -> String {
    const UNITS: [&str; 4] = ["bytes", "kB", "MB", "GB"];
    let (mut shown, mut unit) = (count as f64, 0);
    while shown >= 1000.0 && unit + 1 < UNITS.len() {
        shown /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{count} bytes"),
        _ => format!("{shown:.1} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, grouped};

    #[test]
    fn digits_stand_in_groups_of_three() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn bytes_have_the_unit_in_which_they_are_short() {
        assert_eq!(
            [999, 949_248, 2_500_000_000].map(bytes),
            ["999 bytes", "949.2 kB", "2.5 GB"]
        );
    }
}
