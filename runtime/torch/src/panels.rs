//! Products of vectors with all vectors of a catalogue, a few at a time, so that no matrix of scores is stored.

#![expect(
    unsafe_code,
    reason = "functions for wider vectors are called where the processor has them"
)]

use std::ops::Range;

use crate::kernels::product::{LANES, Product, Reach};
use crate::kernels::widest;

/// Vectors of a catalogue, laid out for products: in panels of [`Panels::WIDE`] items, for each panel an element of all
/// its items after another.
pub struct Panels {
    elements: Vec<f32>,
    width: usize,
    items: usize,
}

impl Panels {
    /// Items in a panel.
    pub const WIDE: usize = 2 * LANES;

    /// Lays out vectors of `width` elements, one an item, back to back.
    pub fn new(vectors: &[f32], width: usize) -> Self {
        let items = vectors.len() / width.max(1);
        let count = items.div_ceil(Self::WIDE);
        let mut elements = vec![0.0; count * Self::WIDE * width];
        for (item, vector) in vectors.chunks(width.max(1)).enumerate() {
            let panel = &mut elements[item / Self::WIDE * Self::WIDE * width..];
            for (at, element) in vector.iter().enumerate() {
                panel[at * Self::WIDE + item % Self::WIDE] = *element;
            }
        }
        Self {
            elements,
            width,
            items,
        }
    }

    /// Elements of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Items in all panels.
    pub fn items(&self) -> usize {
        self.items
    }

    /// The items of each panel.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let items = self.items;
        let starts = (0..items).step_by(Self::WIDE);
        starts.map(move |start| start..(start + Self::WIDE).min(items))
    }

    /// Puts the products of vectors that lie back to back with the items of a panel, [`Panels::WIDE`] for each vector; what
    /// stands beyond the last item is 0. A product is summed in the order of the elements, whatever it is computed with.
    pub fn products(&self, panel: usize, vectors: &[f32], out: &mut Vec<f32>) {
        products(self, panel, vectors, out);
    }
}

widest! {
    fn products(of: &Panels, panel: usize, vectors: &[f32], out: &mut Vec<f32>) = put
}

#[inline(always)]
fn put<const FUSED: bool>(of: &Panels, panel: usize, vectors: &[f32], out: &mut Vec<f32>) {
    let size = of.width * Panels::WIDE;
    let product = Product {
        a: vectors,
        steps: (of.width, 1),
        b: &of.elements[panel * size..][..size],
        rows: vectors.len() / of.width.max(1),
        inner: of.width,
        columns: Panels::WIDE,
        reach: Reach::Whole,
    };
    product.put::<FUSED>(out);
}

#[cfg(test)]
mod tests {
    use super::Panels;

    #[test]
    fn products_are_those_of_each_vector_with_each_item_however_many_there_are() {
        let element = |at: usize| ((at * 37 + 11) % 64) as f32 / 8.0 - 4.0;
        for (width, items, rows) in [(1, 1, 1), (3, 31, 2), (8, 32, 5), (64, 70, 9), (5, 0, 3)] {
            let catalogue: Vec<f32> = (0..items * width).map(element).collect();
            let vectors: Vec<f32> = (0..rows * width).map(|at| element(at + 5)).collect();
            let panels = Panels::new(&catalogue, width);
            let mut out = Vec::new();
            let mut seen = 0;
            for (panel, range) in panels.ranges().enumerate() {
                panels.products(panel, &vectors, &mut out);
                for (row, vector) in vectors.chunks(width).enumerate() {
                    for (at, item) in range.clone().enumerate() {
                        let other = &catalogue[item * width..][..width];
                        // Multiples of 1/64 below 2^10: no rounding, in whatever order.
                        let expected: f32 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                        assert_eq!(out[row * Panels::WIDE + at], expected);
                        seen += 1;
                    }
                }
            }
            assert_eq!(seen, items * rows);
        }
    }
}
