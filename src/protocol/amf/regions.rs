//! The dirty-region log, as its owner keeps it \[D1\]: before an AMF first dirties a block of a region, every
//! disk that is not failed has noted that it may. So whoever finds it gone, with nobody left who has what it
//! had acknowledged, knows which blocks to trust no longer.
//!
//! A mark goes when a region was clean for a whole period of renewals. One that stays too long is safe.

use super::Amf;
use super::disk_io::DiskWork;
use super::key::Stage;
use crate::protocol::defect::Defect;
use crate::protocol::group::SlotState;
use crate::protocol::id::{Block, Epoch, Instant, Key, OpId};
use crate::protocol::message::DiskOp;
use crate::protocol::region::{Gone, Mark, region_of};
use crate::protocol::rule::Rule;
use crate::protocol::table::Table;
use smallvec::SmallVec;

/// The regions of one owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Regions {
    regions: Table<u64, Region>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Region {
    step: Step,
    /// Requests to disks that are not answered.
    pending: SmallVec<[u64; 4]>,
    /// A disk did not do it: a view will say that it failed, and the rest is asked again.
    failed: bool,
    /// Blocks that are held, and wait to be dirtied.
    waiting: SmallVec<[Block; 4]>,
    /// Nothing was dirty when it was last looked at.
    idle: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// Nothing may be dirty yet.
    Marking,
    /// Every disk has it, but for a new one perhaps.
    Marked,
    /// Nothing may be dirty any more.
    Clearing,
}

/// Whether a block may be dirtied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MayDirty {
    Yes,
    /// Disks were asked: the block is looked at again.
    Soon,
    /// There is no disk to note it on.
    NoDisk,
}

impl Amf {
    /// \[D1\] The region of a block that is held is marked; if not, that is begun.
    pub(super) fn may_dirty(&mut self, block: Block) -> MayDirty {
        if !self.cfg.logs_regions() || self.has(Defect::NoDirtyRegionLog) {
            return MayDirty::Yes;
        }
        let no = region_of(block, self.cfg.region_blocks);
        let has_disks = self.has_disks();
        match self.regions.regions.get_mut(&no) {
            Some(region) if region.step == Step::Marked => {
                region.idle = false;
                MayDirty::Yes
            }
            Some(region) => {
                if !region.waiting.contains(&block) {
                    region.waiting.push(block);
                }
                if has_disks { MayDirty::Soon } else { MayDirty::NoDisk }
            }
            None if !has_disks => MayDirty::NoDisk,
            None => {
                let waiting = SmallVec::from_iter([block]);
                let (step, pending) = (Step::Marking, SmallVec::new());
                let region = Region { step, pending, failed: false, waiting, idle: false };
                self.regions.regions.insert(no, region);
                self.rule(Rule::Mark, Some(Key::Block(block)));
                self.ask_region(no);
                MayDirty::Soon
            }
        }
    }

    fn has_disks(&self) -> bool {
        let mut slots = self.current_view().group.slots.iter();
        slots.any(|slot| slot.state != SlotState::Failed)
    }

    /// The incarnation that this AMF is, for its marks.
    fn as_gone(&self) -> Gone {
        let joined = self.current_view().joined(self.id);
        let (owner, left) = (self.id, Epoch(0));
        Gone { owner, first: joined, last: joined, left, lost: false, for_good: false }
    }

    /// Asks every disk that has not failed for what the region's step says.
    fn ask_region(&mut self, no: u64) {
        let Some(step) = self.regions.regions.get(&no).map(|region| region.step) else { return };
        let gone = self.as_gone();
        let op = match step {
            Step::Marking | Step::Marked => {
                DiskOp::Mark(Mark { region: no, owner: self.id, joined: gone.first })
            }
            Step::Clearing => DiskOp::Unmark { gone, region: Some(no) },
        };
        let mut pending = SmallVec::new();
        for slot in self.slots_but_failed() {
            pending.push(self.disk_next);
            self.ask_disk(slot, OpId::NONE, op.clone(), DiskWork::Mark { region: no });
        }
        let region = self.regions.regions.get_mut(&no).expect("looked up above");
        region.failed = false;
        region.pending = pending;
    }

    pub(super) fn slots_but_failed(&self) -> SmallVec<[u8; 8]> {
        let slots = (0..).zip(&self.current_view().group.slots);
        slots.filter(|(_, slot)| slot.state != SlotState::Failed).map(|(at, _)| at).collect()
    }

    /// A disk has done what a region's step says, or not.
    pub(super) fn on_marked(&mut self, now: Instant, no: u64, request: u64, done: bool) {
        let Some(region) = self.regions.regions.get_mut(&no) else { return };
        let Some(at) = region.pending.iter().position(|pending| *pending == request) else {
            return;
        };
        region.pending.swap_remove(at);
        region.failed |= !done;
        // A mark that cannot be taken away from a disk that fails does no harm.
        let over = region.pending.is_empty() && (!region.failed || region.step == Step::Clearing);
        if over {
            self.region_is_done(now, no);
        }
    }

    fn region_is_done(&mut self, now: Instant, no: u64) {
        let region = self.regions.regions.get_mut(&no).expect("looked up by the caller");
        let waiting = core::mem::take(&mut region.waiting);
        match region.step {
            Step::Marking | Step::Marked => {
                region.step = Step::Marked;
                self.rule(Rule::Marked, None);
            }
            Step::Clearing => {
                self.regions.regions.remove(&no);
                self.rule(Rule::Unmarked, None);
            }
        }
        for block in waiting {
            self.go_on_dirtying(now, block);
        }
        if self.keys.contains(&Key::Group) {
            self.look_at(Key::Group);
        }
    }

    fn go_on_dirtying(&mut self, now: Instant, block: Block) {
        let key = Key::Block(block);
        let access = self.keys.get(&key).and_then(|ctl| ctl.access.as_ref());
        let waits = access.is_some_and(|access| match &access.stage {
            Stage::Held => true,
            Stage::Fetching(fetch) => !fetch.is_pending(),
            Stage::Waiting | Stage::Committed { .. } => false,
        });
        if waits {
            self.perform(now, key);
        }
    }

    /// A newer view: disks may have failed, or be new.
    pub(super) fn mark_again(&mut self, now: Instant, admitted: bool) {
        for no in self.regions.regions.keys_sorted() {
            let Some(region) = self.regions.regions.get_mut(&no) else { continue };
            let unfinished = region.failed || !region.pending.is_empty();
            if !unfinished && (!admitted || region.step == Step::Clearing) {
                continue;
            }
            if self.has_disks() {
                self.ask_region(no);
                continue;
            }
            let Some(region) = self.regions.regions.get_mut(&no) else { continue };
            region.pending.clear();
            region.failed = true;
            for block in core::mem::take(&mut region.waiting) {
                self.go_on_dirtying(now, block);
            }
        }
    }

    /// A new disk does not have every mark yet: its refill must not end before.
    pub(super) fn marks_are_missing(&self) -> bool {
        self.regions.regions.any(|_, region| {
            region.step == Step::Marked && (region.failed || !region.pending.is_empty())
        })
    }

    /// Regions that are clean, and were so a period ago.
    pub(super) fn clear_regions(&mut self) {
        if self.regions.regions.is_empty() {
            return;
        }
        let size = self.cfg.region_blocks;
        let mut dirty = Table::default();
        self.cache.each_dirty(|block| {
            dirty.insert(region_of(block, size), ());
        });
        for no in self.regions.regions.keys_sorted() {
            let Some(region) = self.regions.regions.get_mut(&no) else { continue };
            if region.step != Step::Marked || region.failed || !region.pending.is_empty() {
                continue;
            }
            if dirty.contains(&no) || !region.idle {
                region.idle = !dirty.contains(&no);
                continue;
            }
            region.step = Step::Clearing;
            self.rule(Rule::Unmark, None);
            self.ask_region(no);
        }
    }

    /// Regions that are marked, or about to be, in order.
    #[must_use]
    pub fn marked_regions(&self) -> Vec<u64> {
        self.regions.regions.keys_sorted()
    }
}
