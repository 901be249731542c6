//! Refilling a replaced disk or a spare while I/O goes on, and making copies equal: walks over the
//! written blocks, done by the lowest-numbered member (section 8).
//!
//! [M3] Before its first stripe the refill takes `Key::Group`, which is deferred while any destage is
//! in flight that began before the disk was admitted; after that every destage writes the disk under
//! refill too. So the walk may skip what was never written. Each stripe is then copied under its lock.

use super::Amf;
use super::disk_io::DiskWork;
use super::key::{Job, KeyCtl, Queued, RowRead};
use super::row::RowFor;
use crate::protocol::group::{Place, SlotState};
use crate::protocol::id::{Block, Epoch, Instant, Key, OpId, Version};
use crate::protocol::message::{DiskDone, DiskError, DiskOp, Unread, WitnessMsg, block_read};
use crate::protocol::parity::Cell;
use crate::protocol::region::Mark;
use crate::protocol::rule::Rule;

/// A walk under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Refill {
    /// The views' `admitted` and `unsynchronised` for which it runs.
    admitted: Epoch,
    since: Option<Epoch>,
    phase: Phase,
    /// With parity: the row that is being rebuilt.
    pub(super) read: Option<RowRead>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    /// Makes the copies of blocks equal that slot `slot` holds, from block `at` on.
    Synchronise { slot: u8, at: u64, block: Option<Block> },
    /// Everything is equal: reported until a view says so.
    Synchronised,
    /// Waits for old destages to end.
    Start { slot: u8 },
    /// Copies what is marked of those that are gone \[D1\].
    Marks { slot: u8, pending: u32 },
    /// Looks for the next written block of the sources.
    Seek { slot: u8, at: u64, pending: u32, found: Option<u64> },
    /// Waits for, then holds a stripe.
    Stripe { slot: u8, at: u64, pending: u32 },
    /// The slot is full: reported until a view says so.
    Full { slot: u8 },
    /// A disk did not do what it was asked, or an older walk's disk I/O is still in flight. Nothing is
    /// reported as equal or full. A view begins again; `again`: one came, the I/O is waited for.
    Stuck { again: bool },
}

impl Refill {
    /// Which slot is refilled, and up to which block of the disk.
    pub(super) fn progress(&self) -> Option<(u8, u64)> {
        match self.phase {
            Phase::Start { slot } | Phase::Marks { slot, .. } => Some((slot, 0)),
            Phase::Seek { slot, at, .. } | Phase::Stripe { slot, at, .. } => Some((slot, at)),
            Phase::Full { slot } => Some((slot, u64::MAX)),
            Phase::Synchronise { .. } | Phase::Synchronised | Phase::Stuck { .. } => None,
        }
    }
}

impl Amf {
    /// A new view: begin, go on or stop walking.
    pub(super) fn review_refill(&mut self, now: Instant) {
        let view = self.current_view();
        let lowest = view.members.first().is_some_and(|(amf, _)| *amf == self.id);
        let (admitted, since) = (view.admitted, view.unsynchronised);
        let since = since.filter(|_| self.group.is_redundant());
        let slots = view.group.slots.iter();
        let slot = slots.map(|slot| slot.state).position(|s| s == SlotState::Rebuilding);
        let slot = slot.and_then(|slot| u8::try_from(slot).ok());
        let wanted = lowest && (since.is_some() || slot.is_some());
        let running = self.refill.as_ref().is_some_and(|refill| {
            let same_slot = refill.progress().is_none_or(|(at, _)| Some(at) == slot);
            let stuck = matches!(refill.phase, Phase::Stuck { .. });
            refill.admitted == admitted && refill.since == since && same_slot && !stuck
        });
        if wanted && running {
            return;
        }
        self.refill = None;
        if !wanted {
            return;
        }
        if self.disk_work_any_refill() {
            // Its answers must not be taken for the new walk's.
            let phase = Phase::Stuck { again: true };
            self.refill = Some(Refill { admitted, since, phase, read: None });
            return;
        }
        let phase = match (since, slot) {
            (Some(_), _) => Phase::Synchronise { slot: 0, at: 0, block: None },
            (None, Some(slot)) => Phase::Start { slot },
            (None, None) => return,
        };
        let start = matches!(phase, Phase::Start { .. });
        self.refill = Some(Refill { admitted, since, phase, read: None });
        if start {
            self.rule(Rule::RefillStart, None);
            self.ask_for(Key::Group, Job::RefillStart);
        } else {
            self.rule(Rule::SynchroniseStart, None);
            self.seek_unequal(now);
        }
    }

    /// Queues the walk's job for a key, unless it is there already.
    pub(super) fn ask_for(&mut self, key: Key, job: Job) {
        let ctl = self.keys.get_or_insert_with(key, KeyCtl::default);
        let there = ctl.queue.iter().any(|queued| queued.job == job)
            || ctl.access.as_ref().is_some_and(|access| access.job == job);
        if !there {
            ctl.queue.push_back(Queued::new(job));
        }
        self.look_at(key);
    }

    pub(super) fn phase(&mut self) -> Option<&mut Phase> {
        self.refill.as_mut().map(|refill| &mut refill.phase)
    }

    // ---- refilling

    /// `Key::Group` is held: no destage from before the admission is in flight anywhere.
    pub(super) fn refill_may_start(&mut self, now: Instant) {
        self.release(now, Key::Group);
        if let Some(Phase::Start { slot }) = self.phase().cloned() {
            self.copy_marks(slot);
        }
    }

    /// \[D1\] Members mark the new disk themselves, before they grant the group; who is gone cannot.
    fn copy_marks(&mut self, slot: u8) {
        let mut pending = 0;
        if !self.current_view().gone.is_empty() {
            for source in self.slots_but_failed().into_iter().filter(|source| *source != slot) {
                pending += 1;
                self.ask_disk(source, OpId::NONE, DiskOp::Marks, DiskWork::RefillMarks);
            }
        }
        if let Some(phase) = self.phase() {
            *phase = Phase::Marks { slot, pending };
        }
        self.marks_are_copied();
    }

    pub(super) fn on_refill_marks(&mut self, now: Instant, result: &Result<DiskDone, DiskError>) {
        let Some(Phase::Marks { slot, .. }) = self.phase().cloned() else {
            return self.drop_stale_refill(now);
        };
        let mut more = 0;
        match result {
            Ok(DiskDone::Marks(marks)) => {
                let view = self.view.as_ref().expect("members have installed a view");
                let gone = |mark: &&Mark| view.gone.iter().any(|gone| gone.made(mark));
                let marks: Vec<Mark> = marks.iter().filter(gone).copied().collect();
                for mark in marks {
                    more += 1;
                    self.ask_disk(slot, OpId::NONE, DiskOp::Mark(mark), DiskWork::RefillMarks);
                }
            }
            Ok(DiskDone::Marked) => {}
            Ok(
                DiskDone::Read { .. }
                | DiskDone::Written { .. }
                | DiskDone::Next { .. }
                | DiskDone::Flushed,
            ) => unreachable!("marks were asked for"),
            Err(_) => return self.refill_is_stuck(now),
        }
        if let Some(Phase::Marks { pending, .. }) = self.phase() {
            *pending = *pending + more - 1;
        }
        self.marks_are_copied();
    }

    fn marks_are_copied(&mut self) {
        if let Some(Phase::Marks { slot, pending: 0 }) = self.phase().cloned() {
            // Where the one before stopped, as far as the witness knows.
            let at = self.current_view().group.slots[usize::from(slot)].filled;
            self.seek_written(slot, at);
        }
    }

    fn source_of(&self, slot: u8) -> Option<u8> {
        self.group.partners(slot).find(|other| self.slot_is_online(*other))
    }

    /// One copy knows every written block; of a row each disk may have been away for some.
    pub(super) fn seek_written(&mut self, slot: u8, at: u64) {
        let online = self.group.partners(slot).filter(|other| self.slot_is_online(*other));
        let most = if self.group.has_parity() { usize::MAX } else { 1 };
        let sources: Vec<u8> = online.take(most).collect();
        let pending = u32::try_from(sources.len()).expect("at most 64 disks");
        if let Some(phase) = self.phase() {
            *phase = Phase::Seek { slot, at, pending, found: None };
        }
        for source in sources {
            self.ask_disk(source, OpId::NONE, DiskOp::NextWritten { at }, DiskWork::Next);
        }
    }

    pub(super) fn on_next_reply(&mut self, now: Instant, result: &Result<DiskDone, DiskError>) {
        if let Some(Phase::Stuck { .. }) = self.phase() {
            return self.drop_stale_refill(now);
        }
        let next = match result {
            Ok(DiskDone::Next { at }) => *at,
            Ok(
                DiskDone::Read { .. }
                | DiskDone::Written { .. }
                | DiskDone::Flushed
                | DiskDone::Marked
                | DiskDone::Marks(_),
            ) => return,
            Err(_) => return self.refill_is_stuck(now),
        };
        let slots = self.current_view().group.slots.len();
        let group = self.group;
        let Some(phase) = self.phase() else { return };
        let next = if let Phase::Seek { pending, found, .. } = phase {
            *found = (*found).into_iter().chain(next).min();
            *pending -= 1;
            if *pending > 0 {
                return;
            }
            *found
        } else {
            next
        };
        match (phase.clone(), next) {
            (Phase::Seek { slot, .. }, Some(at)) => {
                *phase = Phase::Stripe { slot, at, pending: 0 };
                let block = group.block_at(Place { slot, at });
                self.ask_for(Key::Stripe(group.stripe(block)), Job::Refill);
            }
            (Phase::Seek { slot, .. }, None) => {
                *phase = Phase::Full { slot };
                self.rule(Rule::RefillDone, None);
                self.repeat_refill_report();
            }
            (Phase::Synchronise { slot, block: None, .. }, Some(at)) => {
                let block = group.block_at(Place { slot, at });
                *phase = Phase::Synchronise { slot, at: at + 1, block: Some(block) };
                if self.synchronised.contains(&block) {
                    self.synchronised_one(now, block);
                } else {
                    self.ask_for(Key::Block(block), Job::Synchronise);
                }
            }
            (Phase::Synchronise { slot, block: None, .. }, None) => {
                let next = usize::from(slot) + 1;
                if next < slots {
                    *phase = Phase::Synchronise { slot: slot + 1, at: 0, block: None };
                    self.seek_unequal(now);
                } else {
                    *phase = Phase::Synchronised;
                    self.rule(Rule::SynchroniseDone, None);
                    self.repeat_refill_report();
                }
            }
            (
                Phase::Synchronise { .. }
                | Phase::Synchronised
                | Phase::Start { .. }
                | Phase::Marks { .. }
                | Phase::Stripe { .. }
                | Phase::Full { .. }
                | Phase::Stuck { .. },
                _,
            ) => {}
        }
    }

    /// The stripe is held: copy what the source has of it.
    pub(super) fn perform_refill(&mut self, now: Instant, stripe: u64) {
        let chunk = u64::from(self.cfg.group.chunk);
        let group = self.group;
        let phase = self.phase().cloned();
        let ready = match phase {
            Some(Phase::Stripe { slot, at, pending: 0 })
                if group.stripe(group.block_at(Place { slot, at })) == stripe =>
            {
                self.source_of(slot).map(|source| (source, at))
            }
            _ => None,
        };
        let Some((source, at)) = ready else {
            return self.release(now, Key::Stripe(stripe));
        };
        if self.group.has_parity() {
            return self.refill_row(now, stripe, at);
        }
        let first = at / chunk * chunk;
        for at in first..first + chunk {
            let work = DiskWork::RefillRead { at, source };
            self.ask_disk(source, OpId::NONE, DiskOp::Read { at }, work);
        }
        if let Some(Phase::Stripe { pending, .. }) = self.phase() {
            *pending = u32::try_from(chunk).expect("a chunk is a u32");
        }
        self.rule(Rule::RefillStripe, Some(Key::Stripe(stripe)));
    }

    pub(super) fn on_refill_read(
        &mut self,
        now: Instant,
        at: u64,
        source: u8,
        result: Result<DiskDone, DiskError>,
    ) {
        let Some(Phase::Stripe { slot, .. }) = self.phase().cloned() else {
            return self.drop_stale_refill(now);
        };
        match block_read(result) {
            Ok(Some(Cell { version, data, covers })) if version > Version::ZERO => {
                let op = DiskOp::Write { at, version, data, covers };
                self.ask_disk(slot, OpId::NONE, op, DiskWork::RefillWrite);
            }
            Ok(_) => self.refilled_one(now),
            Err(Unread::Damaged) => self.refill_elsewhere(slot, at, source),
            Err(Unread::Gone) => self.refill_is_stuck(now),
        }
    }

    /// A copy cannot be read: the next one, or none. What cannot be read must not become a block of zeroes
    /// that is trusted.
    fn refill_elsewhere(&mut self, slot: u8, at: u64, source: u8) {
        let mut others = self.group.partners(slot).filter(|other| *other > source);
        if let Some(source) = others.find(|other| self.slot_is_online(*other)) {
            let work = DiskWork::RefillRead { at, source };
            return self.ask_disk(source, OpId::NONE, DiskOp::Read { at }, work);
        }
        let block = self.group.block_at(Place { slot, at });
        self.rule(Rule::RefillLost, Some(Key::Block(block)));
        self.ask_disk(slot, OpId::NONE, DiskOp::Spoil { at }, DiskWork::RefillWrite);
    }

    pub(super) fn on_refill_write(&mut self, now: Instant, stored: bool) {
        let copies = matches!(self.phase(), Some(Phase::Stripe { .. }));
        if stored || !copies {
            self.refilled_one(now);
        } else {
            self.refill_is_stuck(now);
        }
    }

    /// Gives up the stripe it holds, once nothing of it is in flight; waits for a view.
    pub(super) fn refill_is_stuck(&mut self, now: Instant) {
        self.rule(Rule::RefillStuck, None);
        if let Some(phase) = self.phase() {
            *phase = Phase::Stuck { again: false };
        }
        self.drop_stale_refill(now);
    }

    fn refilled_one(&mut self, now: Instant) {
        let chunk = u64::from(self.cfg.group.chunk);
        let group = self.group;
        let Some(Phase::Stripe { slot, at, pending }) = self.phase().cloned() else {
            return self.drop_stale_refill(now);
        };
        if pending > 1 {
            if let Some(Phase::Stripe { pending, .. }) = self.phase() {
                *pending -= 1;
            }
            return;
        }
        let stripe = group.stripe(group.block_at(Place { slot, at }));
        self.release(now, Key::Stripe(stripe));
        self.seek_written(slot, (at / chunk + 1) * chunk);
    }

    /// The walk was called off while it held a stripe: given up once nothing of it is in flight.
    pub(super) fn drop_stale_refill(&mut self, now: Instant) {
        if self.disk_work_any_refill() {
            return;
        }
        for key in self.keys.keys_sorted() {
            let access = self.keys.get(&key).and_then(|ctl| ctl.access.as_ref());
            if access.is_some_and(|a| a.job == Job::Refill && a.stage.is_held()) {
                self.release(now, key);
            }
        }
        if let Some(Phase::Stuck { again: true }) = self.phase() {
            self.review_refill(now);
        }
    }

    fn disk_work_any_refill(&self) -> bool {
        self.disk_work.any(|_, work| match work {
            DiskWork::RefillRead { .. }
            | DiskWork::RefillWrite
            | DiskWork::Next
            | DiskWork::RefillMarks
            | DiskWork::Row { reader: RowFor::Refill, .. } => true,
            DiskWork::Fetch { .. }
            | DiskWork::Destage { .. }
            | DiskWork::Flush { .. }
            | DiskWork::Row { .. }
            | DiskWork::Repair { .. }
            | DiskWork::ScrubNext
            | DiskWork::ScrubCopy { .. }
            | DiskWork::Mark { .. }
            | DiskWork::Marks { .. }
            | DiskWork::Forget => false,
        })
    }

    // ---- making copies equal

    fn seek_unequal(&mut self, _now: Instant) {
        loop {
            let slots = self.current_view().group.slots.len();
            let Some(Phase::Synchronise { slot, at, block: None }) = self.phase().cloned() else {
                return;
            };
            if usize::from(slot) >= slots {
                if let Some(phase) = self.phase() {
                    *phase = Phase::Synchronised;
                }
                return self.repeat_refill_report();
            }
            if self.slot_is_online(slot) {
                let op = DiskOp::NextWritten { at };
                return self.ask_disk(slot, OpId::NONE, op, DiskWork::Next);
            }
            if let Some(phase) = self.phase() {
                *phase = Phase::Synchronise { slot: slot + 1, at: 0, block: None };
            }
        }
    }

    /// A block's copies are equal: on to the next, if the walk waited for it.
    pub(super) fn synchronised_one(&mut self, now: Instant, done: Block) {
        if let Some(Phase::Synchronise { block, .. }) = self.phase()
            && *block == Some(done)
        {
            *block = None;
            self.seek_unequal(now);
        }
    }

    // ---- reporting

    pub(super) fn repeat_refill_report(&mut self) {
        let Some(refill) = &self.refill else { return };
        let message = match (&refill.phase, refill.since) {
            (Phase::Full { slot }, _) => {
                WitnessMsg::Rebuilt { admitted: refill.admitted, slot: *slot }
            }
            (Phase::Synchronised, Some(since)) => WitnessMsg::Synchronised { since },
            (
                Phase::Synchronised
                | Phase::Synchronise { .. }
                | Phase::Start { .. }
                | Phase::Marks { .. }
                | Phase::Seek { .. }
                | Phase::Stripe { .. }
                | Phase::Stuck { .. },
                _,
            ) => return,
        };
        self.send_witness(message);
    }
}
