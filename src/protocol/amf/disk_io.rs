//! Requests to disks and what comes back.

use super::Amf;
use super::key::{Fetch, Stage};
use super::row::RowFor;
use crate::protocol::cell::Trigger;
use crate::protocol::group::{Place, SlotState};
use crate::protocol::id::{Block, DiskId, Instant, Key, NodeId, OpId, Version};
use crate::protocol::message::{
    Body, DiskDone, DiskError, DiskOp, DiskReply, DiskRequest, Unread, WitnessMsg, block_read,
};
use crate::protocol::parity::Cell;
use crate::protocol::rule::{LineState, Rule};

/// What a disk's answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum DiskWork {
    /// The current content, or the headers of all copies.
    Fetch { block: Block, slot: u8 },
    /// A copy of a destage.
    Destage { block: Block, slot: u8 },
    /// A host's flush.
    Flush { op: OpId },
    /// A refill, or a walk that makes copies equal, looks for the next written block.
    Next,
    /// A refill reads its source.
    RefillRead { at: u64, source: u8 },
    /// A refill writes its target.
    RefillWrite,
    /// A place of a row is read, or written.
    Row { reader: RowFor, slot: u8 },
    /// A copy whose check sum was wrong is written again.
    Repair { block: Block, slot: u8 },
    /// A scrub looks for the next written block.
    ScrubNext,
    /// A scrub reads a copy.
    ScrubCopy { slot: u8 },
    /// A region is marked, or its mark taken away \[D1\].
    Mark { region: u64 },
    /// What is marked?
    Marks { question: u64 },
    /// Marks of those that are gone are taken away.
    Forget,
    /// A refill copies the marks of those that are gone.
    RefillMarks,
}

impl DiskWork {
    /// The block that the work is done for, if it is for one.
    const fn block(self) -> Option<Block> {
        match self {
            Self::Fetch { block, .. }
            | Self::Destage { block, .. }
            | Self::Repair { block, .. }
            | Self::Row { reader: RowFor::Destage(block) | RowFor::Block(block), .. } => {
                Some(block)
            }
            Self::Row { reader: RowFor::Redo(_) | RowFor::Refill | RowFor::Scrub, .. }
            | Self::Flush { .. }
            | Self::Next
            | Self::RefillRead { .. }
            | Self::RefillWrite
            | Self::ScrubNext
            | Self::ScrubCopy { .. }
            | Self::Mark { .. }
            | Self::Marks { .. }
            | Self::Forget
            | Self::RefillMarks => None,
        }
    }
}

const fn trigger_of(result: &Result<DiskDone, DiskError>) -> Trigger {
    match result {
        Ok(DiskDone::Read { .. }) => Trigger::DiskRead,
        Ok(
            DiskDone::Written { .. }
            | DiskDone::Next { .. }
            | DiskDone::Flushed
            | DiskDone::Marked
            | DiskDone::Marks(_),
        ) => Trigger::DiskWrite,
        Err(_) => Trigger::DiskError,
    }
}

impl Amf {
    pub(super) fn slot_is_online(&self, slot: u8) -> bool {
        self.current_view().group.slots[usize::from(slot)].state == SlotState::Online
    }

    pub(super) fn disk_in(&self, slot: u8) -> DiskId {
        self.current_view().group.slots[usize::from(slot)].disk
    }

    pub(super) fn read_place(&mut self, block: Block, place: Place, cause: OpId) {
        let work = DiskWork::Fetch { block, slot: place.slot };
        self.ask_disk(place.slot, cause, DiskOp::Read { at: place.at }, work);
    }

    pub(super) fn ask_disk(&mut self, slot: u8, cause: OpId, op: DiskOp, work: DiskWork) {
        let disk = self.disk_in(slot);
        let id = self.disk_next;
        self.disk_next += 1;
        self.disk_work.insert(id, work);
        let (epoch, incarnation) = (self.epoch, self.incarnation);
        let request = DiskRequest { id, epoch, incarnation, cause, op };
        self.packet(NodeId::Disk(disk), Body::DiskRequest(request));
    }

    /// Asks every disk that has not failed for the same; how many were asked.
    pub(super) fn ask_every_disk(&mut self, op: OpId, what: &DiskOp) -> u32 {
        let slots = self.current_view().group.slots.len();
        let mut asked = 0;
        for slot in (0..slots).filter_map(|slot| u8::try_from(slot).ok()) {
            if self.current_view().group.slots[usize::from(slot)].state != SlotState::Failed {
                self.ask_disk(slot, op, what.clone(), DiskWork::Flush { op });
                asked += 1;
            }
        }
        asked
    }

    pub(super) fn on_disk_reply(&mut self, now: Instant, disk: DiskId, reply: DiskReply) {
        if reply.incarnation != self.incarnation || self.view.is_none() {
            return self.rule(Rule::IgnoreStranger, None);
        }
        let Some(work) = self.disk_work.remove(&reply.id) else {
            return self.rule(Rule::IgnoreStranger, None);
        };
        match reply.result {
            Err(DiskError::Fenced) => {
                self.rule(Rule::Fenced, None);
                return self.leave(now);
            }
            Err(DiskError::Failed) if reply.id >= self.admitted_from => self.report_disk(disk),
            Ok(_) | Err(DiskError::Failed | DiskError::NotAdmitted | DiskError::Media) => {}
        }
        if let Some(block) = work.block() {
            self.meet(block, trigger_of(&reply.result));
        }
        match work {
            DiskWork::Fetch { block, slot } => {
                self.on_fetch_reply(now, block, slot, disk, reply.result);
            }
            DiskWork::Destage { block, slot } => {
                self.on_destage_reply(now, block, slot, reply.result.is_ok());
            }
            DiskWork::Flush { op } => self.on_flush_reply(op),
            DiskWork::Next => self.on_next_reply(now, &reply.result),
            DiskWork::RefillRead { at, source } => {
                self.on_refill_read(now, at, source, reply.result);
            }
            DiskWork::RefillWrite => self.on_refill_write(now, reply.result.is_ok()),
            DiskWork::Row { reader, slot } => self.on_row_reply(now, reader, slot, reply.result),
            DiskWork::Repair { block, slot } => self.on_repaired(now, block, slot),
            DiskWork::ScrubNext => self.on_scrub_next(now, &reply.result),
            DiskWork::ScrubCopy { slot } => self.on_scrub_copy(now, slot, reply.result),
            DiskWork::Mark { region } => {
                self.on_marked(now, region, reply.id, reply.result.is_ok());
            }
            DiskWork::Marks { question } => self.on_marks(now, question, &reply.result),
            DiskWork::Forget => {}
            DiskWork::RefillMarks => self.on_refill_marks(now, &reply.result),
        }
    }

    fn on_fetch_reply(
        &mut self,
        now: Instant,
        block: Block,
        slot: u8,
        disk: DiskId,
        result: Result<DiskDone, DiskError>,
    ) {
        let mirrored = !self.group.has_parity();
        let Some(fetch) = self.fetched(block) else { return };
        if !fetch.pending.remove(slot) {
            return;
        }
        match block_read(result) {
            Ok(Some(Cell { version, data, covers: _ })) => {
                let lowest = fetch.lowest.map_or(version, |lowest| lowest.min(version));
                fetch.lowest = Some(lowest);
                if fetch.best.as_ref().is_none_or(|(best, ..)| version > *best) {
                    fetch.best = Some((version, data, disk));
                }
            }
            Err(Unread::Damaged) if fetch.all && mirrored => {
                // A copy that cannot be read is older than any: it will be written again.
                fetch.lowest = Some(Version::ZERO);
                self.stats.repaired += 1;
            }
            Err(Unread::Damaged) => {
                fetch.damaged.insert(slot);
                fetch.failed.insert(slot);
            }
            Ok(None) | Err(Unread::Gone) => fetch.failed.insert(slot),
        }
        if self.fetched(block).is_some_and(|fetch| fetch.pending.is_empty()) {
            self.repair_copies(now, block);
        }
    }

    fn fetched(&mut self, block: Block) -> Option<&mut Fetch> {
        let access = self.keys.get_mut(&Key::Block(block)).and_then(|ctl| ctl.access.as_mut())?;
        match &mut access.stage {
            Stage::Fetching(fetch) => Some(fetch),
            Stage::Waiting | Stage::Held | Stage::Committed { .. } => None,
        }
    }

    /// A copy whose check sum was wrong is written again from one that is good, while the block is held;
    /// then the block goes on.
    fn repair_copies(&mut self, now: Instant, block: Block) {
        let key = Key::Block(block);
        let places = self.group.places(block);
        let mirrored = places.len() > 1;
        let online: Vec<Place> =
            places.into_iter().filter(|place| self.slot_is_online(place.slot)).collect();
        let Some(fetch) = self.fetched(block).filter(|_| mirrored) else {
            return self.perform(now, key);
        };
        let Some((version, data, _)) = fetch.best.clone() else { return self.perform(now, key) };
        let damaged = core::mem::take(&mut fetch.damaged);
        for place in online.into_iter().filter(|place| damaged.contains(place.slot)) {
            if let Some(fetch) = self.fetched(block) {
                fetch.pending.insert(place.slot);
            }
            self.stats.repaired += 1;
            self.fact(Rule::Repair, Some(key), LineState::I, LineState::I, None, version);
            let op = DiskOp::Write { at: place.at, version, data: data.clone(), covers: None };
            let work = DiskWork::Repair { block, slot: place.slot };
            self.ask_disk(place.slot, OpId::NONE, op, work);
        }
        if self.fetched(block).is_none_or(|fetch| fetch.pending.is_empty()) {
            self.perform(now, key);
        }
    }

    fn on_repaired(&mut self, now: Instant, block: Block, slot: u8) {
        let Some(fetch) = self.fetched(block) else { return };
        fetch.pending.remove(slot);
        if fetch.pending.is_empty() {
            self.perform(now, Key::Block(block));
        }
    }

    /// A disk answers with errors: the witness decides, in a view.
    fn report_disk(&mut self, disk: DiskId) {
        if !self.bad_disks.contains(disk.0) {
            self.bad_disks.insert(disk.0);
            self.rule(Rule::ReportDisk, None);
        }
        self.send_witness(WitnessMsg::DiskFailed { epoch: self.epoch, disk });
    }

    /// Repeats reports that no view has answered yet.
    pub(super) fn repeat_disk_reports(&mut self) {
        let slots = self.current_view().group.slots.clone();
        for slot in slots.iter().filter(|slot| slot.state != SlotState::Failed) {
            if self.bad_disks.contains(slot.disk.0) {
                self.send_witness(WitnessMsg::DiskFailed { epoch: self.epoch, disk: slot.disk });
            }
        }
    }
}
