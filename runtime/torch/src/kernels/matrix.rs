//! Products of matrices on the matrix unit of the processor, where it has one ([`is_there`]).
//!
//! The unit multiplies bfloat16 numbers and adds floats. Each float is split into three such numbers, exactly, and of their nine
//! products the six are summed that a float can hold: what comes out is at least as near to the true product as a sum of floats is.
//! Infinite numbers make NaN, and numbers below 1e-38 count as 0.

mod pack;
mod unit;

use std::cell::RefCell;
use std::ops::Range;

use super::lines::{Lines, Matrices};
use super::{Shared, parallel};
use pack::{BLOCK, DEEP, Layout};
use unit::Unit;
pub(crate) use unit::{SIDE, is_there};

/// Numbers of a line that the unit sums at a stretch. Longer sums are those of slices of this length, added in order, whatever
/// the threads are.
const SLICE: usize = 512;
/// Bytes of packed lines that a second-level cache holds beside what they meet.
const NEAR: usize = 384 << 10;
/// Results of up to so many numbers are made a slice at a time, each by one thread.
const SMALL: usize = 1 << 17;
/// Products of two numbers that are worth a thread, and numbers to pack or to add.
const PRODUCTS: usize = 1 << 21;
const NUMBERS: usize = 1 << 14;
/// Bytes of packed lines that are kept for the next product.
const KEPT: usize = 8 << 20;

/// Puts the products of matrices into `out`, one after the other, or adds them to what is there. Each has those of all lines of
/// the left matrix with all of the right one; a number depends on its two lines alone.
pub(crate) fn multiply(a: Matrices<'_>, b: Matrices<'_>, out: &mut [f32], adds: bool) {
    // Few products have all threads each, many have one.
    const MANY: usize = 8;
    let size = a.first.count * b.first.count;
    let count = out.len() / size.max(1);
    let out = Shared::new(out);
    let grain = if count < MANY { MANY } else { 1 };
    parallel(count, grain, |range| {
        for at in range {
            // SAFETY: each product has a part of its own.
            let out = unsafe { out.part(at * size..(at + 1) * size) };
            one(&a.at(at), &b.at(at), out, adds);
        }
    });
}

fn one(a: &Lines<'_>, b: &Lines<'_>, out: &mut [f32], adds: bool) {
    assert!(
        a.length == b.length && out.len() == a.count * b.count,
        "internal: a product of other shapes"
    );
    if a.length == 0 && !adds {
        out.fill(0.0);
    }
    if a.length > SLICE && out.len() <= SMALL {
        by_slices(a, b, out, adds);
    } else {
        for (at, slice) in slices(a.length).enumerate() {
            by_rows(a, b, slice, out, adds || at > 0);
        }
    }
}

fn slices(length: usize) -> impl Iterator<Item = Range<usize>> {
    let starts = (0..length).step_by(SLICE);
    starts.map(move |from| from..(from + SLICE).min(length))
}

/// Bytes of a strip of packed lines.
fn strip(slice: &Range<usize>) -> usize {
    slice.len().div_ceil(DEEP) * BLOCK
}

/// Each thread makes the products of some slices; then they are added up in order.
fn by_slices(a: &Lines<'_>, b: &Lines<'_>, out: &mut [f32], adds: bool) {
    let size = out.len();
    let slices: Vec<Range<usize>> = slices(a.length).collect();
    let mut parts = vec![0.0; slices.len() * size];
    let shared = Shared::new(&mut parts);
    parallel(slices.len(), 1, |range| {
        for at in range {
            // SAFETY: each slice has a part of its own.
            let part = unsafe { shared.part(at * size..(at + 1) * size) };
            by_rows(a, b, slices[at].clone(), part, false);
        }
    });
    let out = Shared::new(out);
    parallel(size, NUMBERS, |range| {
        // SAFETY: ranges are disjoint.
        let out = unsafe { out.part(range.clone()) };
        for (at, part) in parts.chunks_exact(size).enumerate() {
            put(out, &part[range.clone()], adds || at > 0);
        }
    });
}

fn put(out: &mut [f32], made: &[f32], adds: bool) {
    if !adds {
        return out.copy_from_slice(made);
    }
    for (out, made) in out.iter_mut().zip(made) {
        *out += made;
    }
}

/// One slice of the sums: the lines of `b` are packed once, those of `a` by the thread that multiplies them.
fn by_rows(a: &Lines<'_>, b: &Lines<'_>, slice: Range<usize>, out: &mut [f32], adds: bool) {
    let mut room = RIGHT.take();
    let right = room.bytes(b.count.div_ceil(SIDE) * strip(&slice));
    pack(b, &slice, Layout::Right, right);
    let right = &*right;
    let out = Shared::new(out);
    let strips = a.count.div_ceil(SIDE);
    let products = SIDE * b.count * slice.len();
    parallel(strips, PRODUCTS.div_ceil(products), |range| {
        let most = (NEAR / strip(&slice)).max(1);
        let mut left = LEFT.take();
        for first in range.clone().step_by(most) {
            let rows = first..(first + most).min(range.end);
            let strips = Strips {
                a,
                slice: slice.clone(),
                rows,
                width: b.count,
            };
            strips.multiply(&mut left, right, &out, adds);
        }
        left.keep(&LEFT);
    });
    room.keep(&RIGHT);
}

/// Packs a slice of all lines, strip after strip.
fn pack(lines: &Lines<'_>, slice: &Range<usize>, layout: Layout, packed: &mut [u8]) {
    let (strips, bytes) = (lines.count.div_ceil(SIDE), strip(slice));
    let shared = Shared::new(packed);
    parallel(strips, NUMBERS.div_ceil(SIDE * slice.len()), |range| {
        // SAFETY: each strip has a part of its own.
        let packed = unsafe { shared.part(range.start * bytes..range.end * bytes) };
        lines.pack(range.start, slice.clone(), layout, packed);
    });
}

/// Some strips of a left operand.
struct Strips<'a> {
    a: &'a Lines<'a>,
    slice: Range<usize>,
    rows: Range<usize>,
    /// Columns of the result.
    width: usize,
}

impl Strips<'_> {
    /// Multiplies them with all of a packed right operand.
    fn multiply(&self, room: &mut Packed, right: &[u8], out: &Shared<'_>, adds: bool) {
        let bytes = strip(&self.slice);
        let left = room.bytes(self.rows.len() * bytes);
        self.a
            .pack(self.rows.start, self.slice.clone(), Layout::Left, left);
        let unit = Unit::enter();
        for (column, right) in right.chunks_exact(bytes).enumerate() {
            for (row, left) in self.rows.clone().zip(left.chunks_exact(bytes)) {
                let tile = Tile {
                    rows: row * SIDE..((row + 1) * SIDE).min(self.a.count),
                    columns: column * SIDE..((column + 1) * SIDE).min(self.width),
                    width: self.width,
                };
                tile.put(&unit, left, right, out, adds);
            }
        }
    }
}

/// A part of the result.
struct Tile {
    rows: Range<usize>,
    columns: Range<usize>,
    width: usize,
}

impl Tile {
    fn put(&self, unit: &Unit, left: &[u8], right: &[u8], out: &Shared<'_>, adds: bool) {
        let row = |row: usize| {
            let start = row * self.width + self.columns.start;
            start..start + self.columns.len()
        };
        if self.rows.len() == SIDE && self.columns.len() == SIDE && !adds {
            let whole = row(self.rows.start).start..row(self.rows.end - 1).end;
            // SAFETY: no other thread has these rows, and 32 numbers of each lie in what was found to be in bounds.
            unsafe { unit.multiply(left, right, out.place(whole), self.width) };
            return;
        }
        let mut made = [0.0; SIDE * SIDE];
        // SAFETY: there is room for 32 rows of 32.
        unsafe { unit.multiply(left, right, made.as_mut_ptr(), SIDE) };
        for (at, made) in self.rows.clone().zip(made.chunks_exact(SIDE)) {
            // SAFETY: no other thread has these rows.
            let out = unsafe { out.part(row(at)) };
            put(out, &made[..self.columns.len()], adds);
        }
    }
}

/// Lines that are packed once for many products.
pub(crate) struct Side {
    packed: Packed,
    /// Those of each slice, one after another.
    slices: Vec<Range<usize>>,
    count: usize,
}

impl Side {
    pub(crate) fn left(lines: &Lines<'_>) -> Self {
        Self::new(lines, Layout::Left)
    }

    pub(crate) fn right(lines: &Lines<'_>) -> Self {
        Self::new(lines, Layout::Right)
    }

    fn new(lines: &Lines<'_>, layout: Layout) -> Self {
        let slices: Vec<Range<usize>> = slices(lines.length).collect();
        let strips = lines.count.div_ceil(SIDE);
        let mut packed = Packed::default();
        let mut rest = packed.bytes(slices.iter().map(|slice| strips * strip(slice)).sum());
        for slice in &slices {
            let (own, later) = rest.split_at_mut(strips * strip(slice));
            pack(lines, slice, layout, own);
            rest = later;
        }
        Self {
            packed,
            slices,
            count: lines.count,
        }
    }

    /// One strip of each slice.
    fn strips(&self, at: usize) -> impl Iterator<Item = &[u8]> {
        let strips = self.count.div_ceil(SIDE);
        let mut before = 0;
        self.slices.iter().map(move |slice| {
            let bytes = strip(slice);
            let first = before + at * bytes;
            before += strips * bytes;
            &self.packed.read()[first..first + bytes]
        })
    }
}

/// The left side of many products, while this thread makes them.
pub(crate) struct Session {
    left: Side,
    unit: Unit,
}

impl Session {
    /// Of these lines.
    pub(crate) fn new(left: &Lines<'_>) -> Self {
        Self {
            left: Side::left(left),
            unit: Unit::enter(),
        }
    }

    /// Puts the products of all lines with [`SIDE`] lines of the right side, `[count, SIDE]`; beyond the last line they are 0.
    pub(crate) fn products(&self, right: &Side, strip: usize, out: &mut Vec<f32>) {
        assert!(
            self.left.slices == right.slices && strip < right.count.div_ceil(SIDE),
            "internal: a product of other shapes"
        );
        let rows = self.left.count.next_multiple_of(SIDE);
        out.resize(rows * SIDE, 0.0);
        if right.slices.is_empty() {
            out.fill(0.0);
        }
        for (row, out) in out
            .as_chunks_mut::<{ SIDE * SIDE }>()
            .0
            .iter_mut()
            .enumerate()
        {
            let pairs = self.left.strips(row).zip(right.strips(strip));
            for (at, (left, right)) in pairs.enumerate() {
                let mut made = [0.0; SIDE * SIDE];
                let into = if at == 0 { &mut *out } else { &mut made };
                // SAFETY: there is room for 32 rows of 32.
                unsafe { self.unit.multiply(left, right, into.as_mut_ptr(), SIDE) };
                if at > 0 {
                    put(out, &made, true);
                }
            }
        }
        out.truncate(self.left.count * SIDE);
    }
}

thread_local! {
    static LEFT: RefCell<Packed> = const { RefCell::new(Packed(Vec::new())) };
    static RIGHT: RefCell<Packed> = const { RefCell::new(Packed(Vec::new())) };
}

/// Room for packed lines, which begin at cache lines.
#[derive(Default)]
struct Packed(Vec<CacheLine>);

#[derive(Clone, Copy)]
#[repr(align(64))]
struct CacheLine {
    _bytes: [u8; 64],
}

impl Packed {
    /// So many bytes, with whatever they hold.
    fn bytes(&mut self, count: usize) -> &mut [u8] {
        let lines = count.div_ceil(64);
        if self.0.len() < lines {
            self.0.resize(lines, CacheLine { _bytes: [0; 64] });
        }
        // SAFETY: lines are arrays of bytes, and there are at least as many.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), count) }
    }

    fn read(&self) -> &[u8] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), 64 * self.0.len()) }
    }

    /// Leaves the room for the next product of this thread, unless it is large.
    fn keep(self, place: &'static std::thread::LocalKey<RefCell<Self>>) {
        if self.0.len() * 64 <= KEPT {
            place.set(self);
        }
    }
}

#[cfg(test)]
mod tests;
