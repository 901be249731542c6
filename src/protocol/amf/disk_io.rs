//! Requests to disks and what comes back.

use super::Amf;
use super::key::Stage;
use crate::protocol::group::{Place, SlotState};
use crate::protocol::id::NodeId;
use crate::protocol::id::{Block, DiskId, Instant, Key, OpId};
use crate::protocol::message::{
    Body, DiskDone, DiskError, DiskOp, DiskReply, DiskRequest, WitnessMsg,
};
use crate::protocol::rule::Rule;

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
    RefillRead { at: u64 },
    /// A refill writes its target.
    RefillWrite,
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
        match work {
            DiskWork::Fetch { block, slot } => {
                self.on_fetch_reply(now, block, slot, disk, reply.result);
            }
            DiskWork::Destage { block, slot } => {
                self.on_destage_reply(now, block, slot, reply.result.is_ok());
            }
            DiskWork::Flush { op } => self.on_flush_reply(op),
            DiskWork::Next => self.on_next_reply(now, &reply.result),
            DiskWork::RefillRead { at } => self.on_refill_read(now, at, reply.result),
            DiskWork::RefillWrite => self.on_refill_write(now, reply.result.is_ok()),
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
        let key = Key::Block(block);
        let access = self.keys.get_mut(&key).and_then(|ctl| ctl.access.as_mut());
        let Some(Stage::Fetching(fetch)) = access.map(|access| &mut access.stage) else { return };
        if !fetch.pending.remove(slot) {
            return;
        }
        match result {
            Ok(DiskDone::Read { version, data }) => {
                let lowest = fetch.lowest.map_or(version, |lowest| lowest.min(version));
                fetch.lowest = Some(lowest);
                if fetch.best.as_ref().is_none_or(|(best, ..)| version > *best) {
                    fetch.best = Some((version, data, disk));
                }
            }
            Err(DiskError::Media) if fetch.all => {
                // A copy that cannot be read is older than any: it will be written again.
                fetch.lowest = Some(crate::protocol::id::Version::ZERO);
            }
            Ok(DiskDone::Written { .. } | DiskDone::Next { .. } | DiskDone::Flushed)
            | Err(
                DiskError::Failed | DiskError::Fenced | DiskError::NotAdmitted | DiskError::Media,
            ) => fetch.failed.insert(slot),
        }
        if fetch.pending.is_empty() {
            self.perform(now, key);
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
