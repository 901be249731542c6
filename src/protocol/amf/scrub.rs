//! Scrub: a walk over everything that was ever written, which compares the copies of a mirror with each
//! other and data with its parity, and mends what does not fit (section 8).
//!
//! Rows of parity layouts are looked at under `Stripe(n)` exclusive, a stripe at a time. The copies of a
//! mirror are looked at without a lock, for a lock would take every line out of every cache; only where they
//! differ, or cannot be read, is the block acquired and made equal, as after an unclean restart.

use super::Amf;
use super::disk_io::DiskWork;
use super::key::{Job, KeyCtl, Queued, RowRead, SlotSet};
use super::row::RowFor;
use crate::protocol::group::{Place, SlotState};
use crate::protocol::id::{Block, Instant, Key, OpId, Version};
use crate::protocol::message::{DiskDone, DiskError, DiskOp, Unread, block_read};
use crate::protocol::rule::Rule;
use serde::{Deserialize, Serialize};

/// What a scrub has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScrubReport {
    /// Blocks, or rows of parity layouts, that were looked at.
    pub checked: u64,
    /// Blocks that could not be read and were written again.
    pub repaired: u64,
    /// Copies that differed, or parity that did not fit, and were made anew.
    pub mismatched: u64,
    /// Blocks that cannot be read and cannot be rebuilt.
    pub lost: u64,
    /// It is over.
    pub done: bool,
}

impl core::fmt::Display for ScrubReport {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { checked, repaired, mismatched, lost, done } = self;
        let doing = if *done { "scrubbed" } else { "scrubbing" };
        write!(
            f,
            "{doing}: {checked} checked, {repaired} repaired, {mismatched} did not fit, {lost} lost"
        )
    }
}

/// A scrub under way, or the newest that is over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scrub {
    /// The first slot of the mirror set that is walked; with parity 0.
    first: u8,
    /// From this number on.
    at: u64,
    step: Step,
    /// Answers outstanding.
    pending: u32,
    pub(super) read: Option<RowRead>,
    report: ScrubReport,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// Looks for the next number that is written anywhere.
    Seek {
        found: Option<u64>,
    },
    /// Compares the copies of one block.
    Copies {
        versions: Vec<Version>,
        damaged: SlotSet,
    },
    /// Waits until the copies of this block are equal.
    Synchronise {
        block: Block,
        damaged: u32,
    },
    /// Waits for, then holds a stripe.
    Stripe,
    Over,
}

impl Scrub {
    /// It has asked for a block.
    pub(super) fn needs_block(&self) -> bool {
        match self.step {
            Step::Synchronise { .. } => true,
            Step::Seek { .. } | Step::Copies { .. } | Step::Stripe | Step::Over => false,
        }
    }
    pub(super) fn report(&self) -> ScrubReport {
        self.report
    }
}

impl Amf {
    /// Begins a scrub, unless one is under way.
    pub(super) fn on_scrub(&mut self, now: Instant) {
        if self.view.is_none() || self.scrub.as_ref().is_some_and(|scrub| !scrub.report.done) {
            return;
        }
        self.rule(Rule::ScrubStart, None);
        self.scrub = Some(Scrub {
            first: 0,
            at: 0,
            step: Step::Seek { found: None },
            pending: 0,
            read: None,
            report: ScrubReport::default(),
        });
        self.scrub_seek(now);
    }

    /// Every slot that holds the same blocks as `first`, itself included.
    fn section(&self, first: u8) -> Vec<u8> {
        let mut slots: Vec<u8> = self.group.partners(first).chain([first]).collect();
        slots.sort_unstable();
        slots
    }

    /// Asks all disks of the section for the next block; beyond the last section it is over.
    fn scrub_seek(&mut self, now: Instant) {
        loop {
            let Some(scrub) = self.scrub.as_mut() else { return };
            let (first, at) = (scrub.first, scrub.at);
            scrub.step = Step::Seek { found: None };
            scrub.read = None;
            if first >= self.group.disks() {
                return self.scrub_ends(now);
            }
            let slots = self.section(first);
            let online: Vec<u8> = slots.into_iter().filter(|s| self.slot_is_online(*s)).collect();
            for slot in &online {
                let op = DiskOp::NextWritten { at };
                self.ask_disk(*slot, OpId::NONE, op, DiskWork::ScrubNext);
            }
            let Some(scrub) = self.scrub.as_mut() else { return };
            scrub.pending = u32::try_from(online.len()).expect("at most 64 disks");
            if !online.is_empty() {
                return;
            }
            self.next_section();
        }
    }

    fn next_section(&mut self) {
        let Some(first) = self.scrub.as_ref().map(|scrub| scrub.first) else { return };
        let after = self.section(first).last().map_or(u8::MAX, |last| last + 1);
        if let Some(scrub) = self.scrub.as_mut() {
            (scrub.first, scrub.at) = (after, 0);
        }
    }

    pub(super) fn on_scrub_next(&mut self, now: Instant, result: &Result<DiskDone, DiskError>) {
        let Some(scrub) = self.scrub.as_mut() else { return };
        let Step::Seek { found } = &mut scrub.step else { return };
        scrub.pending -= 1;
        if let Ok(DiskDone::Next { at: Some(at) }) = result {
            *found = Some(found.map_or(*at, |found| found.min(*at)));
        }
        if scrub.pending > 0 {
            return;
        }
        let Some(at) = *found else {
            self.next_section();
            return self.scrub_seek(now);
        };
        scrub.at = at;
        let slot = scrub.first;
        if self.group.has_parity() {
            scrub.step = Step::Stripe;
            let stripe = Key::Stripe(at / self.group.rows());
            let ctl = self.keys.get_or_insert_with(stripe, KeyCtl::default);
            ctl.queue.push_back(Queued::new(Job::Scrub));
            self.look_at(stripe);
        } else {
            self.compare_copies(now, slot, at);
        }
    }

    fn scrub_ends(&mut self, _now: Instant) {
        self.rule(Rule::ScrubDone, None);
        if let Some(scrub) = self.scrub.as_mut() {
            scrub.step = Step::Over;
            scrub.report.done = true;
        }
    }

    // ---- copies

    fn compare_copies(&mut self, now: Instant, first: u8, at: u64) {
        let online = |slot: &u8| self.slot_is_online(*slot);
        let slots: Vec<u8> = self.section(first).into_iter().filter(online).collect();
        if let Some(scrub) = self.scrub.as_mut() {
            scrub.pending = u32::try_from(slots.len()).expect("at most 64 disks");
            scrub.step = Step::Copies { versions: Vec::new(), damaged: SlotSet::default() };
        }
        for slot in &slots {
            let work = DiskWork::ScrubCopy { slot: *slot };
            self.ask_disk(*slot, OpId::NONE, DiskOp::Read { at }, work);
        }
        if slots.is_empty() {
            self.scrub_on(now);
        }
    }

    pub(super) fn on_scrub_copy(
        &mut self,
        now: Instant,
        slot: u8,
        result: Result<DiskDone, DiskError>,
    ) {
        let Some(scrub) = self.scrub.as_mut() else { return };
        let Step::Copies { versions, damaged: bad } = &mut scrub.step else { return };
        scrub.pending -= 1;
        match block_read(result) {
            Ok(Some(cell)) => versions.push(cell.version),
            Err(Unread::Damaged) => bad.insert(slot),
            Ok(None) | Err(Unread::Gone) => {}
        }
        if scrub.pending > 0 {
            return;
        }
        let damaged = bad.0.count_ones();
        let equal = versions.iter().all(|version| Some(version) == versions.first());
        let none = versions.is_empty();
        let place = Place { slot: scrub.first, at: scrub.at };
        scrub.report.checked += 1;
        if none && damaged > 0 {
            scrub.report.lost += 1;
        }
        if none || (equal && damaged == 0) {
            return self.scrub_on(now);
        }
        let block = self.group.block_at(place);
        scrub.step = Step::Synchronise { block, damaged };
        self.take_word_back();
        let ctl = self.keys.get_or_insert_with(Key::Block(block), KeyCtl::default);
        ctl.queue.push_back(Queued::new(Job::Synchronise));
        self.look_at(Key::Block(block));
    }

    /// The copies of a block are equal again, if it was their turn.
    pub(super) fn scrubbed_one(&mut self, now: Instant, done: Block, rule: Rule) {
        let Some(scrub) = self.scrub.as_mut() else { return };
        let Step::Synchronise { block, damaged } = scrub.step else { return };
        if block != done {
            return;
        }
        scrub.report.repaired += u64::from(damaged);
        scrub.report.mismatched += u64::from(damaged == 0 && rule == Rule::Adopted);
        self.scrub_on(now);
    }

    fn scrub_on(&mut self, now: Instant) {
        if let Some(scrub) = self.scrub.as_mut() {
            scrub.at += 1;
        }
        self.scrub_seek(now);
    }

    // ---- parity

    /// The stripe is held: its rows from the found one on.
    pub(super) fn scrub_stripe(&mut self, now: Instant) {
        let group = self.group;
        let Some(scrub) = self.scrub.as_mut().filter(|scrub| scrub.read.is_none()) else { return };
        scrub.read = Some(RowRead::new(&group, scrub.at));
        if !self.ask_whole_row(RowFor::Scrub) {
            self.scrub_goes_on(now);
        }
    }

    pub(super) fn scrub_goes_on(&mut self, now: Instant) {
        let (size, whole) = (self.cfg.block_size, self.no_slot_is_failed());
        let Some(scrub) = self.scrub.as_mut() else { return };
        let Some(read) = scrub.read.as_mut() else { return };
        if core::mem::replace(&mut read.mending, true) {
            return self.scrub_next_row(now);
        }
        let read = read.clone();
        scrub.report.checked += 1;
        let all = read.row.solve(size, false);
        if all.is_none() && !read.failed && whole {
            scrub.report.lost += u64::from(read.damaged.0.count_ones());
        }
        let mends = all.map(|all| self.mends(&read, &all, true, true)).unwrap_or_default();
        for (role, cell) in mends {
            let damaged = read.damaged.contains(self.group.slot_for(read.at, role));
            if let Some(scrub) = self.scrub.as_mut() {
                scrub.report.repaired += u64::from(damaged);
                scrub.report.mismatched += u64::from(!damaged);
            }
            self.write_row(RowFor::Scrub, role, cell);
        }
        let read = self.scrub.as_ref().and_then(|scrub| scrub.read.as_ref());
        if read.is_none_or(|read| read.pending.is_empty()) {
            self.scrub_next_row(now);
        }
    }

    fn no_slot_is_failed(&self) -> bool {
        let slots = &self.current_view().group.slots;
        slots.iter().all(|slot| slot.state == SlotState::Online)
    }

    fn scrub_next_row(&mut self, now: Instant) {
        let rows = self.group.rows();
        let Some(scrub) = self.scrub.as_mut() else { return };
        let stripe = Key::Stripe(scrub.at / rows);
        scrub.at += 1;
        scrub.read = None;
        if !scrub.at.is_multiple_of(rows) {
            return self.scrub_stripe(now);
        }
        self.release(now, stripe);
        self.scrub_seek(now);
    }
}
