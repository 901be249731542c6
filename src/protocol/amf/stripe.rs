//! Destages in parity layouts: a data block and the parity of its row, under `Stripe(n)` exclusive \[R2\].
//!
//! First what the new parity is made of is read: the old block and the old parity, or the other blocks of
//! the row, whichever is less or can be read at all. Then every replication partner is told what the parity
//! will be, its *intent* \[R3\]; the disk writes start when all have acknowledged version and intent
//! \[M2, R4\]. So whoever takes over can finish both: there is no write hole, not even with a disk missing.

use super::Amf;
use super::disk_io::DiskWork;
use super::key::{Destage, DestageStep, Job, Plan, RowRead, SlotSet};
use super::row::RowFor;
use crate::protocol::defect::Defect;
use crate::protocol::group::{Role, SlotState};
use crate::protocol::id::{AmfId, AmfSet, Block, Instant, Key};
use crate::protocol::message::{DiskOp, Intent, Message};
use crate::protocol::parity::{Cell, Known, parity_of, updated};
use crate::protocol::rule::Rule;
use smallvec::SmallVec;
use std::sync::Arc;

/// The parity blocks after a write.
type Images = SmallVec<[(u8, Cell); 2]>;

impl Amf {
    fn destage_mut(&mut self, block: Block) -> Option<&mut Destage> {
        self.keys.get_mut(&Key::Block(block))?.destage.as_deref_mut()
    }

    /// A parity update begins with its stripe [R2].
    pub(super) fn want_stripe(&mut self, now: Instant, block: Block) {
        let Some(destage) = self.destage_mut(block) else { return };
        destage.step = DestageStep::Stripe;
        if self.has(Defect::NoStripeLock) {
            return self.begin_parity(now, block);
        }
        self.ask_for_stripe(block, Job::Destage { block: block.0 });
    }

    /// The stripe is held: reads what the new parity is made of. Also when the disk states have changed.
    pub(super) fn begin_parity(&mut self, now: Instant, block: Block) {
        let line = self.cache.get(block).map(|line| (line.version, line.data.clone()));
        let at = self.group.places(block)[0].at;
        let read = RowRead::new(&self.group, at);
        let slots = self.current_view().group.slots.iter().map(|slot| slot.state).collect();
        let Some(destage) = self.destage_mut(block) else {
            return self.release_stripe_of(now, block);
        };
        if let Some((version, data)) = line.filter(|(version, _)| *version > destage.version) {
            (destage.version, destage.data, destage.again) = (version, data, false);
        }
        destage.step = DestageStep::Reading;
        let intent = destage.plan.take().and_then(|plan| plan.intent);
        destage.plan = Some(Box::new(Plan { read, slots, images: SmallVec::new(), intent }));
        let cheapest = self.cheapest_read(block);
        if !self.ask_row(RowFor::Destage(block), cheapest, false) {
            self.plan_parity(now, block);
        }
    }

    /// Parity of the row that some disk can take.
    fn parity_alive(&self, at: u64) -> SmallVec<[u8; 2]> {
        let slot = |index: u8| self.group.slot_for(at, Role::Parity(index));
        let alive = |index: &u8| self.slot_state(slot(*index)) != SlotState::Failed;
        (0..self.group.parity()).filter(alive).collect()
    }

    fn index_of(&self, block: Block) -> u8 {
        match self.group.role(self.group.places(block)[0]) {
            Role::Data(index) => index,
            Role::Parity(_) => unreachable!("a block's place holds data"),
        }
    }

    /// Read-modify-write (the block and its parity), or reconstruct-write (all other blocks). If neither can
    /// be read as a whole: everything there is.
    fn cheapest_read(&self, block: Block) -> Vec<Role> {
        let (at, index) = (self.group.places(block)[0].at, self.index_of(block));
        let parity = self.parity_alive(at);
        if parity.is_empty() {
            return Vec::new();
        }
        let online = |role: &Role| self.slot_is_online(self.group.slot_for(at, *role));
        let changed: Vec<Role> = [Role::Data(index)]
            .into_iter()
            .chain(parity.iter().map(|p| Role::Parity(*p)))
            .collect();
        let others: Vec<Role> =
            (0..self.group.width()).filter(|other| *other != index).map(Role::Data).collect();
        let (modify, rebuild) = (changed.iter().all(online), others.iter().all(online));
        match (modify, rebuild) {
            (true, true) if changed.len() < others.len() => changed,
            (_, true) => others,
            (true, false) => changed,
            (false, false) => self.group.roles().collect(),
        }
    }

    /// What was asked has been answered: the new parity, or more to read.
    pub(super) fn plan_parity(&mut self, now: Instant, block: Block) {
        let (at, index) = (self.group.places(block)[0].at, self.index_of(block));
        let alive = self.parity_alive(at);
        let Some(destage) = self.destage_mut(block).filter(|d| d.step == DestageStep::Reading)
        else {
            return;
        };
        let new: Known = (destage.version, destage.data.clone());
        let Some(plan) = destage.plan.clone() else { return };
        let images = self.images(&plan.read, index, &new, &alive);
        if images.is_none() && self.ask_whole_row(RowFor::Destage(block)) {
            return;
        }
        if images.is_none() {
            // [R1] Other blocks of the row are lost, and stay so: parity that does not fit serves nobody.
            self.rule(Rule::RowLost, Some(Key::Block(block)));
        }
        self.stats.parity_updates += 1;
        self.tell_intent(now, block, &images.unwrap_or_default());
    }

    fn images(&self, read: &RowRead, index: u8, new: &Known, alive: &[u8]) -> Option<Images> {
        let (row, size, width) = (&read.row, self.cfg.block_size, self.group.width());
        let changes = |all: &[Known]| -> Images {
            let mut all = all.to_vec();
            all[usize::from(index)] = new.clone();
            alive.iter().map(|p| (*p, parity_of(*p, size, all.iter()))).collect()
        };
        let mut whole = row.clone();
        whole.data[usize::from(index)] = Some(new.clone());
        if whole.is_known() {
            let all: Vec<Known> = whole.data.into_iter().flatten().collect();
            return Some(changes(&all));
        }
        if let Some(old) = &row.data[usize::from(index)] {
            let update = |p: &u8| {
                let before = row.parity[usize::from(*p)].as_ref()?;
                Some((*p, updated(*p, before, width, index, old, new)?))
            };
            let images: Option<Images> = alive.iter().map(update).collect();
            if images.is_some() {
                return images;
            }
        }
        row.solve(size, false).map(|all| changes(&all))
    }

    /// [R3] The partners, and the own journal, learn what will be written, before it is.
    fn tell_intent(&mut self, now: Instant, block: Block, images: &Images) {
        let (partners, silent) = (self.partners, self.has(Defect::NoParityIntent));
        let hasty = self.has(Defect::WriteThroughBeforeReplicaAck);
        let unkept = self.cache.get(block).map_or(AmfSet::EMPTY, |line| line.missing);
        let (no, journals) = (self.intent_next, self.journals_intents());
        let Some(destage) = self.destage_mut(block) else { return };
        let Some(plan) = destage.plan.as_mut() else { return };
        plan.images.clone_from(images);
        // Where an intent was told before, the newest one counts, even if it is to write no parity.
        let matters = (!images.is_empty() || plan.intent.is_some()) && !silent;
        let told = matters && !partners.is_empty();
        let missing = if told {
            partners
        } else if images.is_empty() {
            AmfSet::EMPTY
        } else {
            unkept
        };
        let missing = if hasty { AmfSet::EMPTY } else { missing };
        plan.intent = (matters && (told || journals)).then(|| {
            let (version, data) = (destage.version, destage.data.clone());
            Arc::new(Intent { no, block, version, data, images: images.to_vec() })
        });
        let intent = plan.intent.clone();
        destage.step = DestageStep::Intent { missing };
        if let Some(intent) = intent {
            self.intent_next += 1;
            self.journal_intent(&intent);
        }
        if told {
            self.send_intent(now, block, partners);
        }
        if missing.is_empty() {
            self.write_parity(now, block);
        }
    }

    /// With the newest version of the line, which may be newer than what is being written.
    fn send_intent(&mut self, now: Instant, block: Block, to: AmfSet) {
        let Some(line) = self.cache.get(block) else { return };
        let (version, data) = (line.version, line.data.clone());
        let intent = self.intent_of(block);
        let cause = self.destage_mut(block).map(|destage| destage.cause).unwrap_or_default();
        self.rule(Rule::TellIntent, Some(Key::Block(block)));
        self.broadcast(now, to, cause, Message::Replicate { block, version, data, intent });
    }

    /// What partners must know of a parity update of the block that is under way.
    pub(super) fn intent_of(&self, block: Block) -> Option<Arc<Intent>> {
        let ctl = self.keys.get(&Key::Block(block))?;
        ctl.destage.as_ref()?.plan.as_ref()?.intent.clone()
    }

    /// [R4] A partner has acknowledged version and intent (`no`; 0: only the version).
    pub(super) fn intent_is_kept(&mut self, now: Instant, block: Block, from: AmfId, no: u64) {
        let Some(destage) = self.destage_mut(block) else { return };
        let told = destage.plan.as_ref().and_then(|plan| plan.intent.as_ref()).map_or(0, |i| i.no);
        let DestageStep::Intent { missing } = &mut destage.step else { return };
        if told != no || !missing.remove(from) || !missing.is_empty() {
            return;
        }
        self.write_parity(now, block);
    }

    /// A view: partners that are not so any more need not acknowledge, new ones must (they are being told).
    pub(super) fn intent_partners(&mut self, block: Block, fresh: AmfSet) -> AmfSet {
        let (partners, no) = (self.partners, self.intent_next);
        let silent = self.has(Defect::NoParityIntent) || fresh.is_empty();
        let Some(destage) = self.destage_mut(block) else { return AmfSet::EMPTY };
        let (version, data) = (destage.version, destage.data.clone());
        if let Some(plan) = destage.plan.as_mut()
            && plan.intent.is_none()
            && !plan.images.is_empty()
            && !silent
        {
            // It began without any partner.
            let images = plan.images.to_vec();
            plan.intent = Some(Arc::new(Intent { no, block, version, data, images }));
            self.intent_next += 1;
        }
        let Some(destage) = self.destage_mut(block) else { return AmfSet::EMPTY };
        let DestageStep::Intent { missing } = &mut destage.step else { return AmfSet::EMPTY };
        *missing = missing.or(fresh).and(partners);
        *missing
    }

    /// Data and parity, on every disk that has not failed, disks under refill included [M1].
    pub(super) fn write_parity(&mut self, now: Instant, block: Block) {
        let place = self.group.places(block)[0];
        let (epoch, group) = (self.epoch, self.group);
        let states: SmallVec<[SlotState; 8]> =
            self.current_view().group.slots.iter().map(|slot| slot.state).collect();
        let alive = |slot: u8| states[usize::from(slot)] != SlotState::Failed;
        let Some(version) = self.destage_mut(block).map(|destage| destage.version) else { return };
        // [M7] Durable in the journal, too: the version, and what will be done to the row.
        let waits = (self.awaits_journal(block, version) || self.awaits_intent(block))
            && !self.has(Defect::WriteThroughBeforeReplicaAck);
        let Some(destage) = self.destage_mut(block) else { return };
        let Some(plan) = destage.plan.as_ref() else { return };
        if waits && !plan.images.is_empty() {
            return;
        }
        if plan.slots != states {
            return self.begin_parity(now, block);
        }
        let images = plan.images.clone();
        let (version, data, cause) = (destage.version, destage.data.clone(), destage.cause);
        let mut writes = vec![(place.slot, Cell { version, data, covers: None })];
        for (index, cell) in images {
            writes.push((group.slot_for(place.at, Role::Parity(index)), cell));
        }
        writes.retain(|(slot, _)| alive(*slot));
        let (mut pending, none) = (SlotSet::default(), SlotSet::default());
        for (slot, _) in &writes {
            pending.insert(*slot);
        }
        destage.step = DestageStep::Writing { pending, failed: none, stored: none };
        destage.epoch = epoch;
        for (slot, Cell { version, data, covers }) in writes {
            let op = DiskOp::Write { at: place.at, version, data, covers };
            self.ask_disk(slot, cause, op, DiskWork::Destage { block, slot });
        }
        if pending.is_empty() {
            self.check_destage(now, block);
        }
    }

    /// What was stored is enough: the block itself on a disk that is trusted, or so much parity that it and
    /// whatever else is missing can be rebuilt.
    pub(super) fn row_is_kept(&self, block: Block, stored: SlotSet) -> bool {
        let place = self.group.places(block)[0];
        let trusted = |slot: u8| stored.contains(slot) && self.slot_is_online(slot);
        if trusted(place.slot) {
            return true;
        }
        let slot = |role| self.group.slot_for(place.at, role);
        let parity = (0..self.group.parity()).filter(|p| trusted(slot(Role::Parity(*p)))).count();
        let data = (0..self.group.width()).filter(|i| !self.slot_is_online(slot(Role::Data(*i))));
        let lost = self.destage_plan_is_empty(block);
        !lost && data.count() <= parity
    }

    fn destage_plan_is_empty(&self, block: Block) -> bool {
        let ctl = self.keys.get(&Key::Block(block));
        let plan = ctl.and_then(|ctl| ctl.destage.as_ref()).and_then(|d| d.plan.as_ref());
        plan.is_none_or(|plan| plan.images.is_empty())
    }

    /// No disk can take the block: others may use the stripe meanwhile.
    pub(super) fn park_parity(&mut self, now: Instant, block: Block) {
        if let Some(destage) = self.destage_mut(block) {
            destage.step = DestageStep::Stuck;
        }
        self.release_stripe_of(now, block);
    }
}
