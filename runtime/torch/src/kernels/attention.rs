//! Attention within lists that lie back to back, without padding them: for each list and head a few products of small
//! matrices, none of which leaves the cache. Gradients compute the shares again.

use std::ops::Range;

use super::product::{LANES, Product, Reach};
use super::softmax::exp;
use super::{Shared, parallel, widest};

/// Fewer products of elements than this are not worth a thread.
const GRAIN: usize = 1 << 15;

/// What an attention reads, each `[rows, width]`.
pub(crate) struct Attention<'a> {
    pub(crate) q: &'a [f32],
    pub(crate) k: &'a [f32],
    pub(crate) v: &'a [f32],
    /// The elements of each list.
    pub(crate) lists: &'a [Range<usize>],
    /// One query an element, or one a list.
    pub(crate) queries: Queries,
    pub(crate) heads: usize,
    pub(crate) width: usize,
}

/// How many queries there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queries {
    /// One an element, which sees its whole list.
    Each,
    /// One an element, which sees what is not after it.
    Causal,
    /// One a list.
    One,
}

/// What is computed.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// The result.
    Result,
    /// What the queries get of this gradient of the result.
    OfQueries(&'a [f32]),
    /// What the keys get.
    OfKeys(&'a [f32]),
    /// What the values get.
    OfValues(&'a [f32]),
}

/// The elements of each of `count` lists; none where they do not lie back to back, each from its first place on.
pub(crate) fn lists(
    segments: &[i64],
    positions: &[i64],
    count: usize,
) -> Option<Vec<Range<usize>>> {
    let mut lists = Vec::with_capacity(count);
    let mut from = 0;
    for list in 0..count {
        let mut to = from;
        while segments.get(to) == Some(&(list as i64))
            && positions.get(to) == Some(&((to - from) as i64))
        {
            to += 1;
        }
        lists.push(from..to);
        from = to;
    }
    (from == segments.len()).then_some(lists)
}

impl Attention<'_> {
    /// Fills `out`, of the shape of the queries, keys or values.
    pub(crate) fn run(&self, wanted: Wanted<'_>, out: &mut [f32]) {
        let rows = match (wanted, self.queries) {
            (Wanted::Result | Wanted::OfQueries(_), Queries::One) => self.lists.len(),
            _ => self.k.len() / self.width.max(1),
        };
        assert!(
            out.len() == rows * self.width && self.k.len() == self.v.len(),
            "internal: an attention into another shape"
        );
        let out = Shared::new(out);
        let longest = self.lists.iter().map(ExactSizeIterator::len).max();
        let products = longest.unwrap_or(0).pow(2) * self.width;
        parallel(self.lists.len(), GRAIN / products.max(1), |range| {
            let mut room = Room::default();
            for list in range {
                // SAFETY: each list has rows of its own.
                let part = unsafe { out.part(self.rows_of(wanted, list)) };
                attend(self, list, wanted, &mut room, part);
            }
        });
    }

    /// Where the numbers of a list lie in what is computed.
    fn rows_of(&self, wanted: Wanted<'_>, list: usize) -> Range<usize> {
        let rows = match wanted {
            Wanted::Result | Wanted::OfQueries(_) => self.queries_of(list),
            Wanted::OfKeys(_) | Wanted::OfValues(_) => self.lists[list].clone(),
        };
        rows.start * self.width..rows.end * self.width
    }

    fn queries_of(&self, list: usize) -> Range<usize> {
        match self.queries {
            Queries::One => list..list + 1,
            Queries::Each | Queries::Causal => self.lists[list].clone(),
        }
    }
}

/// Room for the matrices of one list and head.
#[derive(Default)]
struct Room {
    rows: Vec<f32>,
    columns: Vec<f32>,
    shares: Vec<f32>,
    of_scores: Vec<f32>,
    product: Vec<f32>,
}

widest! {
    fn attend(of: &Attention<'_>, list: usize, wanted: Wanted<'_>, room: &mut Room, out: &mut [f32]) = each_head
}

/// One list; `out` has its rows.
#[inline(always)]
fn each_head<const FUSED: bool>(
    of: &Attention<'_>,
    list: usize,
    wanted: Wanted<'_>,
    room: &mut Room,
    out: &mut [f32],
) {
    if of.lists[list].is_empty() {
        return out.fill(0.0);
    }
    for head in 0..of.heads {
        Head::new(of, list, head).run::<FUSED>(wanted, room, out);
    }
}

/// One list and head.
struct Head<'a> {
    of: &'a Attention<'a>,
    queries: Range<usize>,
    keys: Range<usize>,
    /// Its part of each row.
    columns: Range<usize>,
    /// The length of that, and the number of keys, rounded up.
    width: usize,
    places: usize,
    causal: bool,
    scale: f32,
}

impl<'a> Head<'a> {
    fn new(of: &'a Attention<'a>, list: usize, head: usize) -> Self {
        let width = of.width / of.heads;
        let keys = of.lists[list].clone();
        Self {
            of,
            queries: of.queries_of(list),
            columns: head * width..(head + 1) * width,
            width: width.next_multiple_of(LANES),
            places: keys.len().next_multiple_of(LANES),
            keys,
            causal: of.queries == Queries::Causal,
            scale: (width as f32).sqrt().recip(),
        }
    }

    #[inline(always)]
    fn run<const FUSED: bool>(&self, wanted: Wanted<'_>, room: &mut Room, out: &mut [f32]) {
        let of = self.of;
        let packed = (&mut room.rows, &mut room.columns);
        self.scores::<FUSED>(of.q, of.k, packed, &mut room.shares);
        self.softmax(&mut room.shares);
        if let Wanted::OfQueries(g) | Wanted::OfKeys(g) = wanted {
            let packed = (&mut room.rows, &mut room.columns);
            self.scores::<FUSED>(g, of.v, packed, &mut room.of_scores);
            self.spread(&room.shares, &mut room.of_scores);
        }
        let (weights, x, by_query) = match wanted {
            Wanted::Result => (&room.shares, of.v, true),
            Wanted::OfQueries(_) => (&room.of_scores, of.k, true),
            Wanted::OfKeys(_) => (&room.of_scores, of.q, false),
            Wanted::OfValues(g) => (&room.shares, g, false),
        };
        let (rows, summed) = match by_query {
            true => (&self.queries, &self.keys),
            false => (&self.keys, &self.queries),
        };
        self.pack(x, summed, &mut room.rows);
        let product = Product {
            a: weights,
            steps: match by_query {
                true => (self.places, 1),
                false => (1, self.places),
            },
            b: &room.rows,
            rows: rows.len(),
            inner: summed.len(),
            columns: self.width,
            reach: match (self.causal, by_query) {
                (false, _) => Reach::Whole,
                (true, true) => Reach::UpTo,
                (true, false) => Reach::From,
            },
        };
        product.put::<FUSED>(&mut room.product);
        self.write(&room.product, out);
    }

    /// Puts the head's part into each row of the list.
    #[inline(always)]
    fn write(&self, product: &[f32], out: &mut [f32]) {
        let rows = product.chunks_exact(self.width);
        for (out, row) in out.chunks_exact_mut(self.of.width).zip(rows) {
            out[self.columns.clone()].copy_from_slice(&row[..self.columns.len()]);
        }
    }

    /// The products of all queries in `x` with all keys in `y`: `[queries, places]`.
    #[inline(always)]
    fn scores<const FUSED: bool>(
        &self,
        x: &[f32],
        y: &[f32],
        (rows, columns): (&mut Vec<f32>, &mut Vec<f32>),
        into: &mut Vec<f32>,
    ) {
        self.pack(x, &self.queries, rows);
        self.transpose(y, columns);
        let product = Product {
            a: rows,
            steps: (self.width, 1),
            b: columns,
            rows: self.queries.len(),
            inner: self.columns.len(),
            columns: self.places,
            reach: if self.causal {
                Reach::Columns
            } else {
                Reach::Whole
            },
        };
        product.put::<FUSED>(into);
    }

    /// How many of the places of a row are computed: those that the query sees, whole registers of them.
    fn reached(&self, query: usize) -> (usize, usize) {
        let seen = match self.causal {
            true => query + 1,
            false => self.keys.len(),
        };
        (seen, seen.next_multiple_of(LANES))
    }

    /// Row by row `softmax(scale * scores)` over the places that the query sees, 0 at others as far as registers reach.
    #[inline(always)]
    fn softmax(&self, scores: &mut [f32]) {
        for (query, row) in scores.chunks_exact_mut(self.places).enumerate() {
            let (seen, reached) = self.reached(query);
            row[seen..reached].fill(f32::NEG_INFINITY);
            let row = row[..reached].as_chunks_mut::<LANES>().0;
            let mut largest = [f32::NEG_INFINITY; LANES];
            for scores in row.iter_mut() {
                for (score, largest) in scores.iter_mut().zip(&mut largest) {
                    *score *= self.scale;
                    *largest = if *score > *largest { *score } else { *largest };
                }
            }
            let largest = largest.into_iter().fold(f32::NEG_INFINITY, f32::max);
            if largest == f32::NEG_INFINITY {
                // Nothing is larger than that: all are, or are no numbers, which has to be seen.
                for score in row.as_flattened_mut() {
                    *score = if score.is_nan() { f32::NAN } else { 0.0 };
                }
                continue;
            }
            let mut total = [0.0; LANES];
            for scores in row.iter_mut() {
                for (score, total) in scores.iter_mut().zip(&mut total) {
                    *score = exp(*score - largest);
                    *total += *score;
                }
            }
            let part = total.iter().sum::<f32>().recip();
            for scores in row {
                for score in scores {
                    *score *= part;
                }
            }
        }
    }

    /// From what the shares get of a gradient to what the scores get, row by row.
    #[inline(always)]
    fn spread(&self, shares: &[f32], of_shares: &mut [f32]) {
        let rows = shares.chunks_exact(self.places);
        for (query, (of_shares, shares)) in of_shares
            .chunks_exact_mut(self.places)
            .zip(rows)
            .enumerate()
        {
            let (_, reached) = self.reached(query);
            let of_shares = of_shares[..reached].as_chunks_mut::<LANES>().0;
            let shares = shares[..reached].as_chunks::<LANES>().0;
            let mut total = [0.0; LANES];
            for (values, shares) in of_shares.iter().zip(shares) {
                for ((value, share), total) in values.iter().zip(shares).zip(&mut total) {
                    *total += value * share;
                }
            }
            let total = total.iter().sum::<f32>();
            for (values, shares) in of_shares.iter_mut().zip(shares) {
                for (value, share) in values.iter_mut().zip(shares) {
                    *value = self.scale * (share * (*value - total));
                }
            }
        }
    }

    /// The head's part of some rows, each filled up with zeros.
    #[inline(always)]
    fn pack(&self, x: &[f32], rows: &Range<usize>, into: &mut Vec<f32>) {
        into.clear();
        into.resize(rows.len() * self.width, 0.0);
        let from = x[rows.start * self.of.width..].chunks_exact(self.of.width);
        for (into, row) in into.chunks_exact_mut(self.width).zip(from) {
            into[..self.columns.len()].copy_from_slice(&row[self.columns.clone()]);
        }
    }

    /// The head's part of all keys: `[columns, places]`.
    #[inline(always)]
    fn transpose(&self, x: &[f32], into: &mut Vec<f32>) {
        into.clear();
        into.resize(self.columns.len() * self.places, 0.0);
        for (place, row) in self.keys.clone().enumerate() {
            let row = &x[row * self.of.width..][self.columns.clone()];
            for (column, value) in row.iter().enumerate() {
                into[column * self.places + place] = *value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Attention, Queries, Wanted, lists};

    #[test]
    fn lists_lie_back_to_back() {
        let found = lists(&[0, 0, 2], &[0, 1, 0], 4);
        assert_eq!(found, Some(vec![0..2, 2..2, 2..3, 3..3]));
        for (segments, positions) in [
            ([0, 0, 4], [0, 1, 0]),
            ([1, 0, 0], [0, 0, 1]),
            ([0, 0, 0], [0, 2, 1]),
        ] {
            assert_eq!(
                lists(&segments, &positions, 4),
                None,
                "{segments:?} {positions:?}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_seen_and_scores_of_eighty_are_exact() {
        let attend = |q: [f32; 2], k: [f32; 2]| {
            let mut out = [9.0; 2];
            let attention = Attention {
                q: &q,
                k: &k,
                v: &[1.0, 3.0],
                lists: &lists(&[0, 0], &[0, 1], 1).unwrap(),
                queries: Queries::Causal,
                heads: 1,
                width: 1,
            };
            attention.run(Wanted::Result, &mut out);
            out
        };
        assert_eq!(attend([1.0, 80.0], [80.0, 1.0]), [1.0, 1.0]);
        assert_eq!(attend([1.0, 0.0], [-80.0, 80.0]), [1.0, 2.0]);
        let found = attend([1.0, 1.0], [1.0, f32::NAN]);
        assert!(found[0] == 1.0 && found[1].is_nan(), "{found:?}");
    }
}
