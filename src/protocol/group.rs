//! The redundancy group as arithmetic: which disks hold a block, where, and which stripe guards it.
//!
//! The seam for parity layouts: they add their own `places` and read-modify-write plans here.

use super::config::{GroupConfig, Layout};
use super::id::{Block, DiskId};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Where one copy of a block lies: which slot of the group, and the block number on that disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Index into [`GroupView::slots`].
    pub slot: u8,
    /// Block number on the disk in that slot.
    pub at: u64,
}

/// Health of a slot, as all members of a view agree on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SlotState {
    /// Read and written.
    Online,
    /// Neither read nor written.
    Failed,
    /// Written by every destage, counted in headers \[M1\], read only by the rebuild.
    Rebuilding,
}

/// A slot of the group and the disk that fills it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// The disk in this slot; a spare takes the place of a failed disk.
    pub disk: DiskId,
    /// Its health.
    pub state: SlotState,
    /// It failed when no other copy was good: it has all that was ever acknowledged, and is tried again
    /// when everything starts again \[M10\].
    #[serde(default)]
    pub last: bool,
}

/// The disk states in a view, so that all AMFs agree on which disks to trust (section 5).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GroupView {
    /// One for each data disk of the layout.
    pub slots: Vec<Slot>,
    /// Disks that wait for a failure.
    pub spares: Vec<DiskId>,
}

impl GroupView {
    /// Every disk online in its own slot, the rest spare.
    #[must_use]
    pub fn fresh(config: &GroupConfig) -> Self {
        let slot = |disk| Slot { disk: DiskId(disk), state: SlotState::Online, last: false };
        Self {
            slots: (0..config.disks).map(slot).collect(),
            spares: (config.disks..config.disks + config.spares).map(DiskId).collect(),
        }
    }

    /// The slot that `disk` fills.
    #[must_use]
    pub fn slot_of(&self, disk: DiskId) -> Option<u8> {
        let at = self.slots.iter().position(|slot| slot.disk == disk)?;
        u8::try_from(at).ok()
    }

    /// True while some slot is being refilled.
    #[must_use]
    pub fn is_rebuilding(&self) -> bool {
        self.slots.iter().any(|slot| slot.state == SlotState::Rebuilding)
    }
}

/// The layout's arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    layout: Layout,
    copies: u8,
    sets: u8,
    chunk: u64,
}

impl Group {
    /// The arithmetic of a checked configuration.
    #[must_use]
    pub fn new(config: &GroupConfig) -> Self {
        assert!(config.copies >= 1 && config.disks.is_multiple_of(config.copies), "checked layout");
        Self {
            layout: config.layout,
            copies: config.copies,
            sets: config.disks / config.copies,
            chunk: u64::from(config.chunk),
        }
    }

    /// Every place that holds a copy of `block`, lowest slot first.
    #[must_use]
    pub fn places(&self, block: Block) -> SmallVec<[Place; 4]> {
        let chunk = block.0 / self.chunk;
        let sets = u64::from(self.sets);
        let at = (chunk / sets) * self.chunk + block.0 % self.chunk;
        let set = u8::try_from(chunk % sets).expect("a set index is below 64");
        let first = set * self.copies;
        (first..first + self.copies).map(|slot| Place { slot, at }).collect()
    }

    /// The block whose copy lies at `place`; the inverse of [`Self::places`].
    #[must_use]
    pub fn block_at(&self, place: Place) -> Block {
        let set = u64::from(place.slot / self.copies);
        let chunk = (place.at / self.chunk) * u64::from(self.sets) + set;
        Block(chunk * self.chunk + place.at % self.chunk)
    }

    /// The stripe that guards `block` against a rebuild \[M3\].
    #[must_use]
    pub fn stripe(&self, block: Block) -> u64 {
        block.0 / self.chunk
    }

    /// The slots that hold the same blocks as `slot`, itself left out.
    pub fn partners(&self, slot: u8) -> impl Iterator<Item = u8> + use<> {
        let first = slot / self.copies * self.copies;
        (first..first + self.copies).filter(move |other| *other != slot)
    }

    /// True if a block has more than one copy.
    #[must_use]
    pub fn is_redundant(&self) -> bool {
        self.copies > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_belongs_to_one_block() {
        for (disks, copies, chunk) in [(4, 2, 16), (6, 3, 4), (3, 1, 1), (1, 1, 8)] {
            let layout = match (disks, copies) {
                (1, _) => Layout::Single,
                (_, 1) => Layout::Stripe,
                _ => Layout::Mirror,
            };
            let group = Group::new(&GroupConfig { layout, disks, spares: 0, copies, chunk });
            let mut seen = std::collections::BTreeSet::new();
            for block in (0..500).map(Block) {
                let places = group.places(block);
                assert_eq!(places.len(), usize::from(copies));
                for place in places {
                    assert!(seen.insert(place), "two blocks at {place:?}");
                    assert_eq!(group.block_at(place), block);
                }
            }
        }
    }
}
