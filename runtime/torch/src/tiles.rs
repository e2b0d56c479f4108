//! Instructions that run on a few rows at a time.

use tch::Tensor;

use crate::compile::{Joined, Tiles};
use crate::error::Error;
use crate::exec::Frame;
use crate::program::{Observe, Program};

/// Elements of the widest value of a tile: as many as a second-level cache holds. Products of fewer rows run slower, and what
/// runs between them goes by single rows anyway.
pub(crate) const ELEMENTS: usize = 1 << 18;

impl Tiles {
    /// The rows of a tile; none where all rows fit into two.
    pub(crate) fn rows(&self, frame: &Frame<'_>, elements: usize) -> Option<i64> {
        let row: Result<i64, Error> = self.row.iter().map(|dim| frame.extent(*dim)).product();
        let all = frame.sizes[self.space.0 as usize]?;
        let rows = (elements as i64 / row.ok()?.max(1)).max(1);
        (all > 2 * rows).then_some(rows)
    }
}

impl Program {
    /// Runs a group for one tile after another. The rows of a tile do not depend on the number of threads.
    pub(crate) fn execute_tiles(
        &self,
        tiles: &Tiles,
        rows: i64,
        slots: &mut [Option<Tensor>],
        frame: &mut Frame<'_>,
        observe: &mut Observe<'_>,
    ) -> Result<(), Error> {
        let instructions = &self.instructions[tiles.instructions.clone()];
        let space = tiles.space.0 as usize;
        let all = frame.sizes[space].unwrap_or(0);
        let mut results: Vec<Vec<Tensor>> = tiles.results.iter().map(|_| Vec::new()).collect();
        let mut first = 0;
        while first < all {
            let count = rows.min(all - first);
            frame.sizes[space] = Some(count);
            let mut own: Vec<Option<Tensor>> = (0..slots.len()).map(|_| None).collect();
            for slot in &tiles.whole {
                own[*slot] = slots[*slot].as_ref().map(Tensor::shallow_clone);
            }
            for (slot, axis) in &tiles.cut {
                let value = slots[*slot].as_ref();
                let part = value.map(|value| value.f_narrow(*axis as i64, first, count));
                own[*slot] = part.transpose()?;
            }
            let mut at = tiles.instructions.start;
            while at < tiles.instructions.end {
                at = match self.execute_chain(at, &mut own, frame, observe)? {
                    Some(end) => end,
                    None => {
                        self.instructions[at].step(&mut own, frame, observe)?;
                        at + 1
                    }
                };
            }
            for ((slot, how), parts) in tiles.results.iter().zip(&mut results) {
                let part = own[*slot].take().expect("what is read later is not freed");
                match (how, parts.first_mut()) {
                    (Joined::Summed, Some(total)) => *total = total.f_add_(&part)?,
                    (Joined::Summed, None) | (Joined::Along(_), _) => parts.push(part),
                }
            }
            first += count;
        }
        frame.sizes[space] = Some(all);
        for ((slot, how), parts) in tiles.results.iter().zip(results) {
            slots[*slot] = Some(match how {
                Joined::Along(axis) => Tensor::f_cat(&parts, *axis as i64)?,
                Joined::Summed => parts.into_iter().next().expect("there is a tile"),
            });
        }
        for slot in instructions
            .iter()
            .flat_map(|instruction| &instruction.frees)
        {
            slots[*slot] = None;
        }
        Ok(())
    }
}
