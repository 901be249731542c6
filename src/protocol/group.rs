//! The redundancy group as arithmetic: which disks hold a block, where, and which stripe guards it.
//!
//! Parity layouts add rows: the blocks with one number on all disks of the group belong together, `width`
//! blocks of data and one or two of parity, whose places rotate with the stripe. What parity is made of,
//! and what is missing of a row, is [`super::parity`]'s.

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
    /// While it is rebuilt: its blocks below this number are, as far as the witness knows. Whoever takes
    /// the rebuild over begins here.
    #[serde(default)]
    pub filled: u64,
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
        let slot =
            |disk| Slot { disk: DiskId(disk), state: SlotState::Online, filled: 0, last: false };
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

/// What a place holds in a parity layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// The data block with this index in its row.
    Data(u8),
    /// A parity block of its row: 0 is P (the sum), 1 is Q (the weighted sum, `raid6`).
    Parity(u8),
}

/// The layout's arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    layout: Layout,
    disks: u8,
    copies: u8,
    /// Places side by side: mirror sets, or data blocks of a row.
    width: u8,
    chunk: u64,
}

impl Group {
    /// The arithmetic of a checked configuration.
    #[must_use]
    pub fn new(config: &GroupConfig) -> Self {
        assert!(config.copies >= 1 && config.disks.is_multiple_of(config.copies), "checked layout");
        let parity = config.layout.parity();
        assert!(parity == 0 || config.disks > parity + 1, "checked layout");
        Self {
            layout: config.layout,
            disks: config.disks,
            copies: config.copies,
            width: (config.disks - parity) / config.copies,
            chunk: u64::from(config.chunk),
        }
    }

    /// Every place that holds `block` itself, lowest slot first: one, or the copies of a mirror.
    #[must_use]
    pub fn places(&self, block: Block) -> SmallVec<[Place; 4]> {
        let chunk = block.0 / self.chunk;
        let width = u64::from(self.width);
        let stripe = chunk / width;
        let at = stripe * self.chunk + block.0 % self.chunk;
        let index = u8::try_from(chunk % width).expect("an index is below 64");
        if self.has_parity() {
            let slot = self.slot(stripe, Role::Data(index));
            return SmallVec::from_iter([Place { slot, at }]);
        }
        let first = index * self.copies;
        (first..first + self.copies).map(|slot| Place { slot, at }).collect()
    }

    /// The block whose content lies at `place`, the inverse of [`Self::places`]; of a parity block the first
    /// that it covers.
    #[must_use]
    pub fn block_at(&self, place: Place) -> Block {
        let index = match self.role(place) {
            Role::Data(index) => index,
            Role::Parity(_) => 0,
        };
        self.block_of(place.at, index)
    }

    /// The block at `place`, and whether that place holds the parity of its row.
    #[must_use]
    pub fn content_at(&self, place: Place) -> (Block, bool) {
        (self.block_at(place), matches!(self.role(place), Role::Parity(_)))
    }

    /// The block with an index in the row `at`, or in the mirror set.
    #[must_use]
    pub fn block_of(&self, at: u64, index: u8) -> Block {
        let chunk = (at / self.chunk) * u64::from(self.width) + u64::from(index);
        Block(chunk * self.chunk + at % self.chunk)
    }

    /// The stripe that guards `block`: against a rebuild \[M3\], and for parity updates \[R2\]. A chunk, or
    /// with parity a chunk on every disk.
    #[must_use]
    pub fn stripe(&self, block: Block) -> u64 {
        let chunk = block.0 / self.chunk;
        if self.has_parity() { chunk / u64::from(self.width) } else { chunk }
    }

    /// The slots from which `slot` can be rebuilt: those that hold the same blocks, or all others of a row.
    pub fn partners(&self, slot: u8) -> impl Iterator<Item = u8> + use<> {
        let all = if self.has_parity() { self.disks } else { self.copies };
        let first = slot / all * all;
        (first..first + all).filter(move |other| *other != slot)
    }

    /// How many of its [partners](Self::partners) must be online for a slot to be rebuilt.
    #[must_use]
    pub fn partners_needed(&self) -> usize {
        if self.has_parity() { usize::from(self.width) } else { 1 }
    }

    /// True if the loss of one disk loses no block.
    #[must_use]
    pub fn is_redundant(&self) -> bool {
        self.copies > 1 || self.has_parity()
    }

    /// Blocks of a disk that a volume of so many blocks may use.
    #[must_use]
    pub fn extent(&self, blocks: u64) -> u64 {
        let chunks = blocks.div_ceil(self.chunk);
        chunks.div_ceil(u64::from(self.width)) * self.chunk
    }

    // ---- rows of parity layouts

    /// True for `raid5` and `raid6`.
    #[must_use]
    pub fn has_parity(&self) -> bool {
        self.parity() > 0
    }

    /// Parity blocks in a row: 0, 1 or 2.
    #[must_use]
    pub fn parity(&self) -> u8 {
        self.layout.parity()
    }

    /// Data blocks in a row.
    #[must_use]
    pub fn width(&self) -> u8 {
        self.width
    }

    /// Disks in the group.
    #[must_use]
    pub fn disks(&self) -> u8 {
        self.disks
    }

    /// Rows in a stripe.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.chunk
    }

    /// What `place` holds; without parity always data.
    #[must_use]
    pub fn role(&self, place: Place) -> Role {
        if !self.has_parity() {
            return Role::Data(place.slot / self.copies);
        }
        let index = (place.slot + self.disks - self.first(place.at / self.chunk)) % self.disks;
        match index.checked_sub(self.parity()) {
            Some(data) => Role::Data(data),
            None => Role::Parity(index),
        }
    }

    /// The slot that plays `role` in the row `at` of a parity layout.
    #[must_use]
    pub fn slot_for(&self, at: u64, role: Role) -> u8 {
        self.slot(at / self.chunk, role)
    }

    /// Everything that the row `at` of a parity layout consists of: data in order, then parity.
    pub fn roles(&self) -> impl Iterator<Item = Role> + use<> {
        (0..self.width).map(Role::Data).chain((0..self.parity()).map(Role::Parity))
    }

    /// Left-symmetric: P moves one disk to the left with each stripe, Q and the data follow it.
    fn slot(&self, stripe: u64, role: Role) -> u8 {
        let after = match role {
            Role::Parity(index) => index,
            Role::Data(index) => self.parity() + index,
        };
        (self.first(stripe) + after) % self.disks
    }

    /// Where P is.
    fn first(&self, stripe: u64) -> u8 {
        let turn = stripe % u64::from(self.disks);
        self.disks - 1 - u8::try_from(turn).expect("below the number of disks")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn group(layout: Layout, disks: u8, copies: u8, chunk: u32) -> Group {
        Group::new(&GroupConfig { layout, disks, spares: 0, copies, chunk })
    }

    #[test]
    fn every_place_belongs_to_one_block() {
        for (layout, disks, copies, chunk) in [
            (Layout::Mirror, 4, 2, 16),
            (Layout::Mirror, 6, 3, 4),
            (Layout::Stripe, 3, 1, 1),
            (Layout::Single, 1, 1, 8),
            (Layout::Raid5, 3, 1, 4),
            (Layout::Raid5, 5, 1, 1),
            (Layout::Raid6, 4, 1, 16),
            (Layout::Raid6, 7, 1, 3),
        ] {
            let group = group(layout, disks, copies, chunk);
            let mut seen = BTreeSet::new();
            for block in (0..500).map(Block) {
                let places = group.places(block);
                assert_eq!(places.len(), usize::from(copies));
                for place in places {
                    assert!(seen.insert(place), "two blocks at {place:?}");
                    assert_eq!(group.block_at(place), block);
                    assert!(matches!(group.role(place), Role::Data(_)));
                }
            }
        }
    }

    #[test]
    fn the_places_of_parity_rotate_and_a_row_has_every_disk_once() {
        for group in [group(Layout::Raid5, 4, 1, 2), group(Layout::Raid6, 6, 1, 2)] {
            let mut parity_on = BTreeSet::new();
            for at in 0..24 {
                let slots: BTreeSet<u8> =
                    group.roles().map(|role| group.slot_for(at, role)).collect();
                assert_eq!(slots.len(), usize::from(group.disks()));
                for role in group.roles() {
                    let place = Place { slot: group.slot_for(at, role), at };
                    assert_eq!(group.role(place), role);
                    assert_eq!(group.stripe(group.block_at(place)), at / group.rows());
                }
                parity_on.insert(group.slot_for(at, Role::Parity(0)));
            }
            assert_eq!(parity_on.len(), usize::from(group.disks()));
        }
    }
}
