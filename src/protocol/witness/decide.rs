//! What the witness decides: who is out, and what the next view changes (section 5).

use super::{Change, Suspicion, Witness};
use crate::protocol::group::SlotState;
use crate::protocol::id::{AmfId, AmfSet, DiskId, Epoch, Incarnation, Instant, Span};
use crate::protocol::machine::WitnessOutput;
use crate::protocol::view::View;

impl Witness {
    /// How long suspicions are gathered before somebody is chosen.
    pub(super) fn gathering(&self) -> Span {
        Span(self.cfg.suspect_after.0 / 2)
    }

    pub(super) fn review(&mut self, now: Instant) {
        let lease = self.cfg.lease_at_witness();
        for (amf, _) in self.view.members.clone() {
            let over = self.heard[usize::from(amf.0)] + lease;
            if now >= over && !self.condemned.contains(&amf) {
                self.condemned.insert(amf, over);
            }
        }
        self.judge_suspects(now);
        if let Some(change) = &mut self.change {
            if change.persisted && now >= change.retry_at {
                self.send_fences(now);
            }
            return;
        }
        self.plan(now);
    }

    /// \[L3\] Both have renewed since one of them could not reach the other, so both live, and it is
    /// the link that is broken, if it is said again after that. Else nothing is decided: whoever is dead
    /// stops renewing, and goes for that. Without this the tie rule evicts the survivor of a crash, with
    /// the only replica; without the repetition a link that was mended still costs a member.
    pub(super) fn both_live(&self, a: AmfId, b: AmfId, suspicion: &Suspicion) -> bool {
        let heard = |amf: AmfId| self.heard[usize::from(amf.0)];
        [a, b].iter().all(|amf| heard(*amf) > suspicion.since && heard(*amf) <= suspicion.said)
    }

    /// Two live members cannot reach each other: out goes the one that fewer members can reach; ties: the
    /// higher id.
    fn judge_suspects(&mut self, now: Instant) {
        let out: Vec<AmfId> = self.condemned.keys_sorted();
        let members = self.view.set();
        self.suspects.retain(|(a, b), suspicion| {
            let gone = out.contains(a) || out.contains(b);
            suspicion.until > now && !gone && members.contains(*a) && members.contains(*b)
        });
        let gathering = self.gathering();
        let pairs = self.suspects.sorted();
        let unreached = |amf: AmfId| {
            let mut others = AmfSet::EMPTY;
            for ((a, b), _) in &pairs {
                if *a == amf {
                    others.insert(*b);
                }
                if *b == amf {
                    others.insert(*a);
                }
            }
            others.len()
        };
        let due = pairs.iter().filter(|((a, b), suspicion)| {
            now >= suspicion.since + gathering && self.both_live(*a, *b, suspicion)
        });
        let victims = due.map(|((a, b), _)| (*a).max_by(*b, &unreached));
        let victim = victims.max_by_key(|amf| (unreached(*amf), *amf));
        if let Some(victim) = victim {
            let until = self.heard[usize::from(victim.0)] + self.cfg.lease_at_witness();
            self.condemned.insert(victim, until);
            self.judge_suspects(now);
        }
    }

    /// Puts together what the next view changes, if anything is due.
    fn plan(&mut self, now: Instant) {
        let due = |(amf, until): (AmfId, &Instant)| (now >= *until).then_some(amf);
        let leavers: AmfSet = self.condemned.sorted().into_iter().filter_map(due).collect();
        let joiners: Vec<(AmfId, Incarnation)> = self
            .joining
            .sorted()
            .into_iter()
            .filter(|(amf, _)| leavers.contains(*amf) || self.view.incarnation(*amf).is_none())
            .map(|(amf, incarnation)| (amf, *incarnation))
            .collect();
        let disks = !self.failed.is_empty() || !self.replaced.is_empty() || self.rebuilt.is_some();
        let nothing = leavers.is_empty() && joiners.is_empty() && !disks;
        let news = self.covers.has_news();
        if nothing && !self.synchronised && self.protocol.is_none() && !news {
            return;
        }
        let epoch = Epoch(self.view.epoch.0 + 1);
        let mut view = View { epoch, ..View::clone(&self.view) };
        view.members.retain(|(amf, _)| !leavers.contains(*amf));
        view.members.extend(&joiners);
        view.members.sort_unstable();
        let stayed = |amf: AmfId, inc| self.view.incarnation(amf) == Some(inc);
        let joined = |(amf, inc): &(AmfId, Incarnation)| {
            if stayed(*amf, *inc) { self.view.joined(*amf) } else { epoch }
        };
        view.joined = view.members.iter().map(joined).collect();
        for (amf, _) in &joiners {
            self.joining.remove(amf);
        }
        if let Some((slot, filled)) = self.filled.take()
            && let entry = &mut view.group.slots[usize::from(slot)]
            && entry.state == SlotState::Rebuilding
        {
            entry.filled = entry.filled.max(filled);
        }
        if self.synchronised {
            view.unsynchronised = None;
        }
        if self.loses_cover(&view, leavers) && self.group.is_redundant() {
            view.unsynchronised = Some(epoch);
            // What was refilled may be behind by what was in flight.
            view.group.slots.iter_mut().for_each(|slot| slot.filled = 0);
        }
        self.synchronised = false;
        self.covers.take_news();
        view.protocol = self.protocol.take().unwrap_or(view.protocol);
        let admits = self.plan_disks(&mut view);
        if !admits.is_empty() {
            view.admitted = epoch;
        }
        let (persisted, awaiting) = (false, Vec::new());
        let retry_at = Instant::NEVER;
        self.change = Some(Change { view, leavers, admits, persisted, awaiting, retry_at });
        self.outputs.push_back(WitnessOutput::Persist(epoch));
    }

    /// Section 4, end: a disk write in flight of a member that leaves may have reached one copy only,
    /// and no partner that stays is sure to redo it.
    fn loses_cover(&self, next: &View, leavers: AmfSet) -> bool {
        leavers.iter().any(|amf| {
            let stays = |p: AmfId| next.incarnation(p).is_some() && !leavers.contains(p);
            let partner = self.view.partners(amf).iter().any(stays);
            !(partner && self.covered.contains(amf))
        })
    }

    fn plan_disks(&mut self, view: &mut View) -> Vec<DiskId> {
        let mut admits = Vec::new();
        if let Some(slot) = self.rebuilt.take()
            && view.group.slots[usize::from(slot)].state == SlotState::Rebuilding
        {
            view.group.slots[usize::from(slot)].state = SlotState::Online;
        }
        let mut were_good = Vec::new();
        for disk in core::mem::take(&mut self.failed) {
            let Some(slot) = view.group.slot_of(disk) else { continue };
            if view.group.slots[usize::from(slot)].state == SlotState::Online {
                were_good.push((slot, disk));
            }
            view.group.slots[usize::from(slot)].state = SlotState::Failed;
            if !view.group.spares.is_empty() && self.can_refill(view, slot) {
                let spare = view.group.spares.remove(0);
                let entry = &mut view.group.slots[usize::from(slot)];
                (entry.disk, entry.state, entry.filled) = (spare, SlotState::Rebuilding, 0);
                admits.push(spare);
            }
        }
        for (slot, disk) in were_good {
            // [M10] Two that fail in one view are both kept: either may have what the other lacks.
            let last = !self.can_refill(view, slot);
            let entry = &mut view.group.slots[usize::from(slot)];
            entry.last = last && entry.disk == disk;
        }
        for disk in core::mem::take(&mut self.replaced) {
            admits.push(disk);
            if let Some(slot) = view.group.slot_of(disk) {
                view.group.slots[usize::from(slot)].last = false;
            }
            match view.group.slot_of(disk) {
                Some(slot) if self.can_refill(view, slot) => {
                    let entry = &mut view.group.slots[usize::from(slot)];
                    (entry.state, entry.filled) = (SlotState::Rebuilding, 0);
                }
                Some(slot) => view.group.slots[usize::from(slot)].state = SlotState::Failed,
                None if !view.group.spares.contains(&disk) => view.group.spares.push(disk),
                None => {}
            }
        }
        admits
    }

    fn can_refill(&self, view: &View, slot: u8) -> bool {
        let online = |other: &u8| view.group.slots[usize::from(*other)].state == SlotState::Online;
        self.group.partners(slot).filter(online).count() >= self.group.partners_needed()
    }
}

impl AmfId {
    /// Of two, the one that `count` says is reached by fewer; ties: the higher id.
    fn max_by(self, other: Self, count: &impl Fn(Self) -> usize) -> Self {
        if (count(self), self) >= (count(other), other) { self } else { other }
    }
}
