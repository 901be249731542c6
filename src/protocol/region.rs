//! Regions, and what is known of acknowledged data that may be lost \[D1 to D4\].
//!
//! A volume is divided into regions. Before an AMF first dirties a block of a region it has every disk
//! note a [`Mark`]: the dirty-region log. Whose writes may be lost is what the witness finds out
//! (`cover`) and says in views as [`Gone`].

use super::id::{AmfId, Block, Epoch};
use serde::{Deserialize, Serialize};

/// Incarnations that left and are listed in a view at once; beyond, those of one AMF become one entry,
/// which may put more in doubt than need be, never less.
pub const GONE_MAX: usize = 64;

/// An entry of the dirty-region log: this owner may have dirty blocks in this region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// The region's number: its first block by the blocks in a region.
    pub region: u64,
    /// Who may have dirty blocks in it.
    pub owner: AmfId,
    /// The epoch in which this incarnation of the owner joined. Unlike an incarnation's number it is
    /// never used again, not even after a restart of everything.
    pub joined: Epoch,
}

/// One or more incarnations of an AMF that left, and whose writes may not all be on disk yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Gone {
    /// Which AMF.
    pub owner: AmfId,
    /// The epochs in which they joined: from this one...
    pub first: Epoch,
    /// ... to this one.
    pub last: Epoch,
    /// The epoch in which the newest of them had left: what was written since is sure.
    pub left: Epoch,
    /// Nobody is sure to have what they had acknowledged: their regions are in doubt.
    pub lost: bool,
    /// No journal that comes back has it either: it was damaged, or there is none.
    #[serde(default)]
    pub for_good: bool,
}

impl Gone {
    /// The mark is one of theirs.
    #[must_use]
    pub fn made(&self, mark: &Mark) -> bool {
        mark.owner == self.owner && (self.first..=self.last).contains(&mark.joined)
    }

    /// The mark is one of theirs, and of this region if one is named.
    #[must_use]
    pub fn made_in(&self, mark: &Mark, region: Option<u64>) -> bool {
        self.made(mark) && region.is_none_or(|only| only == mark.region)
    }

    /// One entry for both, which are of one owner.
    #[must_use]
    fn with(self, other: Self) -> Self {
        Self {
            owner: self.owner,
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            left: self.left.max(other.left),
            lost: self.lost || other.lost,
            for_good: self.for_good || other.for_good,
        }
    }
}

/// At most [`GONE_MAX`] entries: above that, entries of one owner become one.
pub(super) fn merge_gone(gone: &mut Vec<Gone>) {
    gone.sort_unstable();
    if gone.len() <= GONE_MAX {
        return;
    }
    let all = core::mem::take(gone);
    for entry in all {
        match gone.last_mut().filter(|last| last.owner == entry.owner) {
            Some(last) => *last = last.with(entry),
            None => gone.push(entry),
        }
    }
}

/// The region of a block.
#[must_use]
pub fn region_of(block: Block, region_blocks: u64) -> u64 {
    block.0 / region_blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(owner: u8, from: u32, to: u32, lost: bool) -> Gone {
        let owner = AmfId(owner);
        Gone {
            owner,
            first: Epoch(from),
            last: Epoch(to),
            left: Epoch(to + 1),
            lost,
            for_good: false,
        }
    }

    #[test]
    fn a_mark_belongs_to_who_joined_then() {
        let mark =
            |owner, joined: u32| Mark { region: 0, owner: AmfId(owner), joined: Epoch(joined) };
        let entry = gone(1, 3, 5, true);
        assert!(entry.made(&mark(1, 3)) && entry.made(&mark(1, 5)));
        assert!(!entry.made(&mark(1, 2)) && !entry.made(&mark(1, 6)) && !entry.made(&mark(0, 4)));
    }

    #[test]
    fn too_many_become_one_for_each_owner() {
        let mut few = vec![gone(0, 1, 1, false), gone(0, 7, 7, true)];
        merge_gone(&mut few);
        assert_eq!(few.len(), 2);
        let mut many: Vec<Gone> =
            (0..100_u8).map(|n| gone(n % 3, n.into(), n.into(), n == 4)).collect();
        merge_gone(&mut many);
        let lost: Vec<bool> = many.iter().map(|entry| entry.lost).collect();
        assert_eq!(lost, [false, true, false]);
        assert_eq!((many[1].first, many[1].last, many[1].left), (Epoch(1), Epoch(97), Epoch(98)));
    }
}
