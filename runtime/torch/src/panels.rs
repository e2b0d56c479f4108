//! Products of vectors with all vectors of a catalogue, a few at a time, so that no matrix of scores is stored.

#![expect(
    unsafe_code,
    reason = "functions for wider vectors are called where the processor has them"
)]

use std::ops::Range;

use crate::kernels::lines::Lines;
use crate::kernels::matrix::{self, Session, Side};
use crate::kernels::product::{LANES, Product, Reach};
use crate::kernels::widest;

/// Vectors of a catalogue, laid out for products.
pub struct Panels {
    laid: Laid,
    width: usize,
    items: usize,
}

const _: () = assert!(Panels::WIDE == matrix::SIDE, "a panel is a strip of lines");

enum Laid {
    /// For the matrix unit of the processor.
    Unit(Side),
    /// In panels of [`Panels::WIDE`] items, for each panel an element of all its items after another.
    Panels(Vec<f32>),
}

/// Vectors whose products with a catalogue are made in this thread.
pub struct Queries<'a> {
    vectors: &'a [f32],
    session: Option<Session>,
}

impl Panels {
    /// Items in a panel.
    pub const WIDE: usize = 2 * LANES;

    /// Lays out vectors of `width` elements, one an item, back to back.
    pub fn new(vectors: &[f32], width: usize) -> Self {
        Self::laid(vectors, width, matrix::is_there())
    }

    fn laid(vectors: &[f32], width: usize, on_unit: bool) -> Self {
        let items = vectors.len() / width.max(1);
        Self {
            laid: match on_unit {
                true => Laid::Unit(Side::right(&lines(vectors, width))),
                false => Laid::Panels(panels(vectors, width)),
            },
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

    /// Gets vectors ready, which lie back to back.
    pub fn queries<'a>(&self, vectors: &'a [f32]) -> Queries<'a> {
        let session = || Session::new(&lines(vectors, self.width));
        Queries {
            vectors,
            session: matches!(self.laid, Laid::Unit(_)).then(session),
        }
    }

    /// Puts the products of vectors with the items of a panel, [`Panels::WIDE`] for each vector; what stands beyond the last item is 0.
    /// A product depends on its two vectors alone.
    pub fn products(&self, panel: usize, queries: &Queries<'_>, out: &mut Vec<f32>) {
        match (&self.laid, &queries.session) {
            (Laid::Unit(items), Some(session)) => session.products(items, panel, out),
            (Laid::Panels(panels), None) => {
                products(panels, self.width, panel, queries.vectors, out);
            }
            _ => unreachable!("internal: queries of another catalogue"),
        }
    }
}

fn lines(vectors: &[f32], width: usize) -> Lines<'_> {
    Lines {
        numbers: vectors,
        count: vectors.len() / width.max(1),
        length: width,
        steps: (width, 1),
    }
}

fn panels(vectors: &[f32], width: usize) -> Vec<f32> {
    const WIDE: usize = Panels::WIDE;
    let count = vectors.len().div_ceil(WIDE * width.max(1));
    let mut panels = vec![0.0; count * WIDE * width];
    for (item, vector) in vectors.chunks(width.max(1)).enumerate() {
        let panel = &mut panels[item / WIDE * WIDE * width..];
        for (at, element) in vector.iter().enumerate() {
            panel[at * WIDE + item % WIDE] = *element;
        }
    }
    panels
}

widest! {
    fn products(panels: &[f32], width: usize, panel: usize, vectors: &[f32], out: &mut Vec<f32>) = put
}

#[inline(always)]
fn put<const FUSED: bool>(
    panels: &[f32],
    width: usize,
    panel: usize,
    vectors: &[f32],
    out: &mut Vec<f32>,
) {
    let size = width * Panels::WIDE;
    let product = Product {
        a: vectors,
        steps: (width, 1),
        b: &panels[panel * size..][..size],
        rows: vectors.len() / width.max(1),
        inner: width,
        columns: Panels::WIDE,
        reach: Reach::Whole,
    };
    product.put::<FUSED>(out);
}

#[cfg(test)]
mod tests {
    use super::Panels;
    use crate::kernels::matrix;

    #[test]
    fn products_are_those_of_each_vector_with_each_item_however_many_there_are() {
        let element = |at: usize| ((at * 37 + 11) % 64) as f32 / 8.0 - 4.0;
        for (width, items, rows) in [
            (1, 1, 1),
            (3, 31, 2),
            (8, 32, 5),
            (64, 70, 9),
            (5, 0, 3),
            (600, 40, 33),
        ] {
            let catalogue: Vec<f32> = (0..items * width).map(element).collect();
            let vectors: Vec<f32> = (0..rows * width).map(|at| element(at + 5)).collect();
            for on_unit in [false, true]
                .into_iter()
                .filter(|unit| !unit || matrix::is_there())
            {
                let panels = Panels::laid(&catalogue, width, on_unit);
                let queries = panels.queries(&vectors);
                let mut out = Vec::new();
                let mut seen = 0;
                for (panel, range) in panels.ranges().enumerate() {
                    panels.products(panel, &queries, &mut out);
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
}
