//! Where the largest numbers stand. libtorch looks for each of them by itself unless they lie side by side.

use super::{Shared, parallel, wide};

/// Fewer numbers than this are not worth a thread.
const NUMBERS: usize = 1 << 15;

/// Of `values[_, count, width]` the first place along `count` of the largest number, or of the first that is none; `count` is not 0.
pub(crate) fn argmax(values: &[f32], count: usize, width: usize, out: &mut [i64]) {
    let groups = out.len() / width.max(1);
    assert!(
        count > 0 && values.len() == groups * count * width && out.len() == groups * width,
        "internal: numbers of another shape"
    );
    let out = Shared::new(out);
    parallel(groups, NUMBERS.div_ceil(count * width.max(1)), |range| {
        let mut largest = vec![0.0; width];
        for group in range {
            // SAFETY: each group has places of its own.
            let places = unsafe { out.part(group * width..(group + 1) * width) };
            let values = &values[group * count * width..][..count * width];
            largest_of(values, &mut largest, places);
        }
    });
}

wide! {
    fn largest_of(values: &[f32], largest: &mut [f32], places: &mut [i64]) {
        let (first, others) = values.split_at(largest.len());
        largest.copy_from_slice(first);
        places.fill(0);
        for (at, values) in others.chunks_exact(largest.len()).enumerate() {
            for ((value, largest), place) in values.iter().zip(&mut *largest).zip(&mut *places) {
                let larger = *value > *largest || (value.is_nan() && !largest.is_nan());
                *largest = if larger { *value } else { *largest };
                *place = if larger { at as i64 + 1 } else { *place };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::argmax;

    #[test]
    fn the_first_of_the_largest_counts_and_what_is_no_number_is_larger_than_any() {
        let (nan, most) = (f32::NAN, f32::INFINITY);
        let cases = [
            ([1.0, 1.0, 0.0], 0),
            ([-2.0, -1.0, -1.0], 1),
            ([0.0, -0.0, 0.0], 0),
            ([most, nan, nan], 1),
            ([nan, most, 3.0], 0),
            ([-most, -most, 0.0], 2),
        ];
        // Column by column, as if there were two groups of as many columns.
        let width = cases.len();
        let rows = (0..3).flat_map(|at| cases.iter().map(move |(column, _)| column[at]));
        let rows: Vec<f32> = rows.collect();
        let mut out = vec![9; 2 * width];
        argmax(&rows.repeat(2), 3, width, &mut out);
        let expected: Vec<i64> = cases.iter().map(|(_, place)| *place).collect();
        assert_eq!(out, expected.repeat(2));
    }
}
