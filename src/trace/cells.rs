//! How often each cell of the state x event table was met, and when last.
//!
//! Counted where machines are driven, while somebody observes: so it is exact, whatever a slow reader of
//! events misses, and bounded by the size of the table.

use crate::protocol::Cell;
use crate::protocol::id::{AmfId, Block, Instant};
use serde::{Deserialize, Serialize};

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// How often.
    pub count: u64,
    /// The newest step that met it.
    pub step: u64,
    /// When that was.
    pub now: Instant,
    /// Where.
    pub amf: AmfId,
    /// With which block.
    pub block: Block,
}

/// All cells that were met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells {
    /// By cell.
    met: Vec<(Cell, Met)>,
}

impl Cells {
    /// A cell was met again: so often more, and last then.
    pub fn add(&mut self, cell: Cell, at: Met) {
        match self.met.binary_search_by_key(&cell, |(cell, _)| *cell) {
            Ok(place) => {
                let (_, met) = &mut self.met[place];
                *met = Met { count: met.count + at.count, ..at };
            }
            Err(place) => self.met.insert(place, (cell, at)),
        }
    }

    /// What was met after that.
    pub fn extend(&mut self, newer: &Self) {
        for (cell, met) in newer.iter() {
            self.add(cell, met);
        }
    }

    /// How often, and when last; `None`: never.
    #[must_use]
    pub fn get(&self, cell: Cell) -> Option<Met> {
        let place = self.met.binary_search_by_key(&cell, |(cell, _)| *cell).ok()?;
        Some(self.met[place].1)
    }

    /// Every cell that was met, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (Cell, Met)> {
        self.met.iter().copied()
    }
}
