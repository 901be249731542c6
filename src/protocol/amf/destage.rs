//! Dirty data on its way to the group (section 4, end): on eviction, on age, above the high-water
//! mark, on flush, on shutdown, and before a dirty line is granted \[H1\]. Room for new lines.
//!
//! While its disk writes are in flight every request for the block is deferred, so two AMFs never
//! have writes to one disk block in flight at once.

use super::Amf;
use super::disk_io::DiskWork;
use super::key::{Destage, DestageStep, Job, KeyCtl, Queued, SlotSet, Stage};
use crate::protocol::cell::Trigger;
use crate::protocol::defect::Defect;
use crate::protocol::group::{Place, SlotState};
use crate::protocol::host::HostError;
use crate::protocol::id::{AmfSet, Block, Instant, Key, OpId, Version};
use crate::protocol::message::DiskOp;
use crate::protocol::rule::{LineState, Rule};
use smallvec::SmallVec;

impl Amf {
    // ---- beginning

    /// Sends the line's version on its way, unless one is on its way already.
    pub(super) fn start_destage(&mut self, now: Instant, block: Block, cause: OpId) {
        let key = Key::Block(block);
        let Some(line) = self.cache.get(block) else { return };
        match line.state {
            LineState::M | LineState::O => {}
            LineState::L => return self.resolve(block),
            LineState::E | LineState::S | LineState::I => return,
        }
        let state = line.state;
        let (version, data) = (line.version, line.data.clone());
        let ctl = self.keys.get_or_insert_with(key, KeyCtl::default);
        if let Some(destage) = ctl.destage.as_mut() {
            destage.again |= destage.version < version;
            return;
        }
        let (step, epoch) = (DestageStep::Acks, self.epoch);
        let (since, again, plan) = (now, false, None);
        let destage = Destage { version, data, step, epoch, cause, since, again, plan };
        ctl.destage = Some(Box::new(destage));
        self.destaging += 1;
        self.fact(Rule::Destage, Some(key), state, state, None, version);
        self.advance_destage(now, block);
    }

    /// [M2, M7] Where a block has more than one disk write, the first one starts only when every
    /// partner has acknowledged the version. Then [M3]: the stripe, while a disk is refilled.
    pub(super) fn advance_destage(&mut self, now: Instant, block: Block) {
        let key = Key::Block(block);
        let careful = self.group.is_redundant() && !self.has(Defect::WriteThroughBeforeReplicaAck);
        let line = self.cache.get(block).map(|l| (l.version, l.data.clone(), l.missing));
        let guarded =
            self.current_view().group.is_rebuilding() && !self.has(Defect::RebuildWithoutLock);
        let (stripe, parity) = (self.group.stripe(block), self.group.has_parity());
        // [M7] Durable in the journal, too.
        let waits = line.as_ref().is_some_and(|(version, ..)| self.awaits_journal(block, *version));
        let Some(destage) = self.keys.get_mut(&key).and_then(|ctl| ctl.destage.as_mut()) else {
            return;
        };
        if destage.step != DestageStep::Acks {
            return;
        }
        if parity {
            return self.want_stripe(now, block);
        }
        if let Some((version, data, missing)) = line {
            if version > destage.version {
                (destage.version, destage.data) = (version, data);
                destage.again = false;
            }
            if careful && (!missing.is_empty() || waits) {
                return;
            }
        }
        if guarded {
            destage.step = DestageStep::Stripe;
            let stripe = Key::Stripe(stripe);
            self.enqueue(stripe, Queued::new(Job::Destage { block: block.0 }));
            self.look_at(stripe);
        } else {
            self.write_destage(now, block);
        }
    }

    /// Writes every copy whose disk has not failed, disks under refill included \[M1\].
    pub(super) fn write_destage(&mut self, now: Instant, block: Block) {
        if self.group.has_parity() {
            return self.begin_parity(now, block);
        }
        let key = Key::Block(block);
        let slots = &self.current_view().group.slots;
        let places = self.group.places(block);
        let targets: SmallVec<[Place; 4]> = places
            .into_iter()
            .filter(|place| slots[usize::from(place.slot)].state != SlotState::Failed)
            .collect();
        let epoch = self.epoch;
        let Some(destage) = self.keys.get_mut(&key).and_then(|ctl| ctl.destage.as_mut()) else {
            return self.release_stripe_of(now, block);
        };
        let (version, data, cause) = (destage.version, destage.data.clone(), destage.cause);
        let was_writing = matches!(destage.step, DestageStep::Writing { .. });
        let mut pending = SlotSet::default();
        for place in &targets {
            pending.insert(place.slot);
        }
        let (failed, stored) = (SlotSet::default(), SlotSet::default());
        destage.step = DestageStep::Writing { pending, failed, stored };
        destage.epoch = epoch;
        if !was_writing {
            *self.stripes_busy.get_or_insert_with(self.group.stripe(block), || 0) += 1;
        }
        for place in targets {
            let op = DiskOp::Write { at: place.at, version, data: data.clone(), covers: None };
            self.ask_disk(place.slot, cause, op, DiskWork::Destage { block, slot: place.slot });
        }
        if pending.is_empty() {
            self.check_destage(now, block);
        }
    }

    // ---- ending

    /// One copy is stored, or its disk says why not.
    pub(super) fn on_destage_reply(&mut self, now: Instant, block: Block, slot: u8, ok: bool) {
        let ctl = self.keys.get_mut(&Key::Block(block));
        let Some(destage) = ctl.and_then(|ctl| ctl.destage.as_mut()) else { return };
        let DestageStep::Writing { pending, failed, stored } = &mut destage.step else { return };
        pending.remove(slot);
        if ok {
            stored.insert(slot);
        } else {
            failed.insert(slot);
        }
        self.check_destage(now, block);
    }

    /// Over when every copy is stored, or a view says that its disk is gone (section 4).
    pub(super) fn check_destage(&mut self, now: Instant, block: Block) {
        let view = self.view.as_ref().expect("members have installed a view");
        let ctl = self.keys.get(&Key::Block(block));
        let Some(destage) = ctl.and_then(|ctl| ctl.destage.as_ref()) else { return };
        let DestageStep::Writing { pending, failed, stored } = destage.step else { return };
        let slots = &view.group.slots;
        let gone =
            |slot: usize| slots[slot].state != SlotState::Online || view.admitted > destage.epoch;
        let waits = || {
            (0..slots.len())
                .any(|slot| u8::try_from(slot).is_ok_and(|id| failed.contains(id)) && !gone(slot))
        };
        if !pending.is_empty() || (!failed.is_empty() && waits()) {
            return;
        }
        if self.is_kept(block, stored) {
            self.finish_destage(now, block);
        } else {
            self.destage_is_stuck(now, block);
        }
    }

    /// No copy can be written: the line stays dirty until a view brings a disk back.
    fn destage_is_stuck(&mut self, now: Instant, block: Block) {
        let key = Key::Block(block);
        self.rule(Rule::NoDisk, Some(key));
        let ctl = self.keys.get_mut(&key);
        if let Some(destage) = ctl.and_then(|ctl| ctl.destage.as_mut())
            && let DestageStep::Writing { stored, .. } = &mut destage.step
        {
            *stored = SlotSet::default();
        }
        if self.group.has_parity() {
            self.park_parity(now, block);
        }
        self.flushed(block, Err(HostError::Media));
        let access = self.keys.get(&key).and_then(|ctl| ctl.access.as_ref());
        let waits = access.is_some_and(|access| {
            matches!(access.job, Job::Touch { .. })
                && matches!(access.stage, Stage::Committed { .. })
                && self.goes_through(access.job)
        });
        if waits {
            self.fail_touch(now, key, HostError::Media);
        }
    }

    /// A newer view: copies whose disks are gone are over; stuck destages try again.
    pub(super) fn recheck_destages(&mut self, now: Instant) {
        for key in self.keys.keys_sorted() {
            let Key::Block(block) = key else { continue };
            let destage = self.keys.get(&key).and_then(|ctl| ctl.destage.as_ref());
            let Some(step) = destage.map(|destage| destage.step.clone()) else { continue };
            match step {
                DestageStep::Acks => self.advance_destage(now, block),
                DestageStep::Stuck => self.want_stripe(now, block),
                DestageStep::Stripe | DestageStep::Reading => {}
                DestageStep::Intent { missing } => {
                    if missing.is_empty() {
                        self.write_parity(now, block);
                    }
                }
                DestageStep::Writing { pending, stored, .. } => {
                    let over = pending.is_empty() && !self.is_kept(block, stored);
                    let slots = &self.current_view().group.slots;
                    let places = self.group.places(block);
                    let state = |slot: u8| slots[usize::from(slot)].state;
                    let alive = places.iter().any(|place| state(place.slot) != SlotState::Failed);
                    if over && (alive || self.group.has_parity()) {
                        self.write_destage(now, block);
                    } else {
                        self.check_destage(now, block);
                    }
                }
            }
        }
    }

    /// \[M10\] A copy on a disk that failed after it had stored it makes nothing durable.
    fn is_kept(&self, block: Block, stored: SlotSet) -> bool {
        if self.group.has_parity() {
            return self.row_is_kept(block, stored);
        }
        let slots = (0..).zip(&self.current_view().group.slots);
        slots.into_iter().any(|(at, slot)| stored.contains(at) && slot.state == SlotState::Online)
    }

    /// Section 4, step 6: the line is clean only if its version is still the one that was written.
    fn finish_destage(&mut self, now: Instant, block: Block) {
        let key = Key::Block(block);
        let ctl = self.keys.get_mut(&key).expect("a destage has its key");
        let destage = ctl.destage.take().expect("a destage that ends");
        let version = destage.version;
        self.stats.destages += 1;
        self.destaging -= 1;
        self.stripe_is_free(now, block);
        self.retire(now, block, version);
        self.unjournal_intent(block, version);
        let line = self.cache.find(block).map(|at| (at, self.cache.line(at)));
        let current = line.filter(|(_, l)| l.version == version && l.dirty()).map(|(at, _)| at);
        self.is_durable(block, version);
        if let Some(at) = current {
            let sole = self.protocol().knows_sharers() && self.cache.line(at).state.is_sole();
            let clean = if sole { LineState::E } else { LineState::S };
            let before = self.cache.set_state(at, clean);
            self.cache.line_mut(at).missing = AmfSet::EMPTY;
            self.relist.remove(&block);
            self.fact(Rule::Destaged, Some(key), before, clean, None, version);
        } else {
            self.fact(Rule::DestagedOld, Some(key), LineState::M, LineState::M, None, version);
        }
        self.flushed(block, Ok(version));
        if self.holds(key).is_some() {
            self.go_on_committed(now, key);
        }
        self.check_covered(now);
        if self.cache.state(block).is_owned() {
            let at = self.cache.find(block).expect("a dirty line");
            self.cache.line_mut(at).dirty_at = now;
            self.note_age(now, block);
            if destage.again {
                self.start_destage(now, block, destage.cause);
            }
        }
        self.answer_blindly(now, key);
        self.look_at(key);
    }

    fn stripe_is_free(&mut self, now: Instant, block: Block) {
        let stripe = self.group.stripe(block);
        if let Some(busy) = self.stripes_busy.get_mut(&stripe) {
            *busy -= 1;
            if *busy == 0 {
                self.stripes_busy.remove(&stripe);
            }
        }
        self.release_stripe_of(now, block);
        for key in [Key::Stripe(stripe), Key::Group] {
            if self.keys.contains(&key) {
                self.look_at(key);
            }
        }
    }

    pub(super) fn release_stripe_of(&mut self, now: Instant, block: Block) {
        let key = Key::Stripe(self.group.stripe(block));
        let access = self.keys.get(&key).and_then(|ctl| ctl.access.as_ref());
        let ours = access.is_some_and(|access| {
            access.job == Job::Destage { block: block.0 } && access.stage.is_held()
        });
        if ours {
            self.release(now, key);
        }
    }

    /// [M3] Some destage's disk writes began before the newest disk was admitted.
    pub(super) fn has_old_destage(&self) -> bool {
        let admitted = self.current_view().admitted;
        self.keys.any(|_, ctl| {
            ctl.destage.as_ref().is_some_and(|destage| {
                matches!(destage.step, DestageStep::Writing { .. }) && destage.epoch < admitted
            })
        })
    }

    // ---- age, high water, room

    pub(super) fn note_age(&mut self, now: Instant, block: Block) {
        self.ages.push_back((now, block));
        if let Some(age) = self.cfg.destage_age {
            self.age_at = self.age_at.min(now + age);
        }
        if self.ages.len() > 4 * self.cfg.lines as usize + 1_024 {
            let mut ages = core::mem::take(&mut self.ages);
            ages.retain(|(at, block)| self.is_dirty_since(*block, *at));
            self.ages = ages;
        }
    }

    fn is_dirty_since(&self, block: Block, at: Instant) -> bool {
        self.cache.get(block).is_some_and(|line| line.dirty() && line.dirty_at == at)
    }

    pub(super) fn on_age_timeout(&mut self, now: Instant) {
        self.age_at = Instant::NEVER;
        let Some(age) = self.cfg.destage_age else { return };
        while let Some((at, block)) = self.ages.front().copied() {
            if at + age > now {
                self.age_at = at + age;
                return;
            }
            self.ages.pop_front();
            if self.is_dirty_since(block, at) {
                self.meet(block, Trigger::Destage);
                self.rule(Rule::DestageAge, Some(Key::Block(block)));
                self.start_destage(now, block, OpId::NONE);
            }
        }
    }

    pub(super) fn destage_above_high_water(&mut self, now: Instant) {
        while self.cache.owned().saturating_sub(self.destaging) > self.cfg.dirty_high {
            let Some((at, block)) = self.ages.pop_front() else { return };
            if self.is_dirty_since(block, at) {
                self.meet(block, Trigger::Destage);
                self.rule(Rule::DestageHighWater, Some(Key::Block(block)));
                self.start_destage(now, block, OpId::NONE);
            }
        }
    }

    /// The victim is strictly the least recently used line.
    pub(super) fn make_room(&mut self, now: Instant) {
        while self.cache.listed() > self.cfg.lines {
            let Some(at) = self.cache.oldest() else { return };
            self.cache.mark_evicting(at);
            let line = self.cache.line(at);
            let (block, busy) = (line.block, line.busy);
            self.meet(block, Trigger::Evict);
            if !busy {
                self.evict_line(now, block);
            }
        }
    }

    /// A line on its way out, not busy: dropped if clean, else destaged first.
    pub(super) fn evict_line(&mut self, now: Instant, block: Block) {
        let Some(at) = self.cache.find(block) else { return };
        let line = self.cache.line(at);
        let (state, version) = (line.state, line.version);
        match state {
            LineState::M | LineState::O => self.start_destage(now, block, OpId::NONE),
            LineState::L => self.resolve(block),
            LineState::E | LineState::S => {
                self.drop_line(block, state, version);
                self.stats.evictions += 1;
            }
            LineState::I => self.cache.remove(at),
        }
    }

    pub(super) fn drop_line(&mut self, block: Block, state: LineState, version: Version) {
        let at = self.cache.find(block).expect("a line that is dropped");
        self.raise_floor(block, version);
        self.cache.remove(at);
        self.fact(Rule::Evict, Some(Key::Block(block)), state, LineState::I, None, version);
    }

    pub(super) fn on_evict(&mut self, now: Instant, block: Option<Block>) {
        let at = block.map_or_else(|| self.cache.oldest(), |block| self.cache.find(block));
        let Some(at) = at else { return };
        self.cache.mark_evicting(at);
        let line = self.cache.line(at);
        let (block, busy) = (line.block, line.busy);
        self.meet(block, Trigger::Evict);
        if !busy {
            self.evict_line(now, block);
        }
    }

    pub(super) fn on_destage_all(&mut self, now: Instant) {
        let dirty = self.cache.sorted().filter(|(_, line)| line.dirty());
        let blocks: Vec<Block> = dirty.map(|(_, line)| line.block).collect();
        for block in blocks {
            self.meet(block, Trigger::Destage);
            self.start_destage(now, block, OpId::NONE);
        }
    }

    pub(super) fn on_drop_lines(&mut self, now: Instant) {
        let clean = |line: &super::cache::Line| !line.busy && !line.dirty();
        let lines = self.cache.sorted().filter(|(_, line)| clean(line));
        let blocks: Vec<Block> = lines.map(|(_, line)| line.block).collect();
        for block in blocks {
            self.meet(block, Trigger::Evict);
            self.evict_line(now, block);
        }
    }
}
