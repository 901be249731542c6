//! Invariants 1 to 5 after every step, for the keys that the step concerned; and the full scan that
//! must agree with them (section 9).

use super::{BadStep, World};
use crate::protocol::amf::Amf;
use crate::protocol::cluster::{Breach, check_at_rest, check_key, check_key_of};
use crate::protocol::group::{Group, SlotState};
use crate::protocol::id::{AmfId, Block, DiskId, Key, NodeId, Version};
use crate::protocol::parity::{Cell, Row};
use crate::protocol::{Data, Record};
use crate::trace::event::Violation;
use smallvec::SmallVec;

impl World {
    /// After an input of `amf`: the keys it concerned, across all AMFs.
    pub(super) fn check_after(&mut self, amf: AmfId) {
        if !self.checks {
            return;
        }
        let Some(machine) = self.amf(amf) else { return };
        if !machine.commits().is_empty() {
            self.check_version_order(amf);
        }
        let Some(machine) = self.amf(amf) else { return };
        for key in machine.touched_keys() {
            if check_key_of(&self.seats, machine, *key, self.now).is_some() {
                return self.tell_breaches(amf);
            }
        }
    }

    /// Something is wrong with the keys that the last input of `amf` concerned.
    #[cold]
    fn tell_breaches(&mut self, amf: AmfId) {
        let Some(machine) = self.amf(amf) else { return };
        let check = |key: &Key| {
            check_key_of(&self.seats, machine, *key, self.now).map(|breach| (*key, breach))
        };
        let breaches: Vec<(Key, Breach)> =
            machine.touched_keys().iter().filter_map(check).collect();
        for (key, breach) in breaches {
            self.breach(amf, Some(key), breach);
        }
    }

    /// 3: the versions that a block takes strictly grow.
    fn check_version_order(&mut self, amf: AmfId) {
        let Some(machine) = self.amf(amf) else { return };
        let commits: SmallVec<[(Block, Version); 2]> = SmallVec::from_slice(machine.commits());
        for (block, version) in commits {
            let before = self.newest.insert(block, version).unwrap_or(Version::ZERO);
            if before >= version {
                self.newest.insert(block, before);
                let text = format!("b{}: {version} was drawn after {before}", block.0);
                let breach = Breach { checker: "version-order", text };
                self.breach(amf, Some(Key::Block(block)), breach);
            }
        }
    }

    fn breach(&mut self, amf: AmfId, key: Option<Key>, breach: Breach) {
        let Breach { checker, text } = breach;
        let violation = Violation { checker: checker.to_owned(), key, text, step: self.step };
        self.add_violation(NodeId::Amf(amf), violation);
    }

    /// Every key of every AMF, and every block on the disks: slow; at quiescence, and every so often.
    /// Disks are only compared where nothing is in flight to them.
    pub fn full_scan(&mut self) {
        let mut found = Vec::new();
        {
            let amfs: Vec<&Amf> = self.seats.iter().filter_map(|seat| seat.amf.as_ref()).collect();
            let mut keys = std::collections::BTreeSet::new();
            for amf in &amfs {
                keys.extend(amf.lines().map(|line| Key::Block(line.block)));
                keys.extend(amf.keys().into_iter().map(|key| key.key));
            }
            for key in keys {
                found.extend(check_key(&amfs, key, self.now).map(|breach| (Some(key), breach)));
            }
            if self.unsettled().is_empty() {
                found.extend(self.disks_at_rest(&amfs));
            }
        }
        for (key, breach) in found {
            self.breach(AmfId(0), key, breach);
        }
    }

    /// 2, disks, once everything has settled.
    fn disks_at_rest(&self, amfs: &[&Amf]) -> Vec<(Option<Key>, Breach)> {
        let view = self.witness.view();
        let down = self.seats.iter().any(|seat| seat.amf.is_none() || seat.paused);
        let members = amfs.iter().all(|amf| !amf.is_member() || amf.epoch() == view.epoch);
        let gone_but_listed = down && self.seats.len() != view.members.len();
        if view.unsynchronised.is_some() || !members || (down && !gone_but_listed) {
            return Vec::new();
        }
        let group = Group::new(&self.cfg.group);
        let mut blocks = std::collections::BTreeSet::new();
        for (slot, index) in view.group.slots.iter().zip(0..) {
            let store = &self.shelves[usize::from(slot.disk.0)].store;
            let places =
                store.numbers().map(|at| crate::protocol::group::Place { slot: index, at });
            blocks.extend(places.map(|place| group.block_at(place)));
        }
        for amf in amfs {
            blocks.extend(amf.lines().map(|line| line.block));
        }
        let mut found = Vec::new();
        for block in blocks.iter().copied() {
            let online = group.places(block).into_iter().filter_map(|place| {
                let slot = view.group.slots[usize::from(place.slot)];
                let good = slot.state == SlotState::Online && self.can_be_read(slot.disk, place.at);
                good.then(|| self.version_on(slot.disk, place.at))
            });
            let on_disk: Vec<Version> = online.collect();
            let breach = check_at_rest(amfs, block, &on_disk);
            found.extend(breach.map(|breach| (Some(Key::Block(block)), breach)));
        }
        if group.has_parity() {
            let rows: std::collections::BTreeSet<u64> =
                blocks.iter().map(|block| group.places(*block)[0].at).collect();
            found.extend(rows.into_iter().filter_map(|at| self.row_at_rest(&group, at)));
        }
        found
    }

    fn can_be_read(&self, disk: DiskId, at: u64) -> bool {
        self.shelves[usize::from(disk.0)].store.is_good(at)
    }

    /// 2, parity: at rest it is the parity of the data of its row, in version and in content.
    fn row_at_rest(&self, group: &Group, at: u64) -> Option<(Option<Key>, Breach)> {
        let slots = &self.witness.view().group.slots;
        let size = self.cfg.block_size;
        let mut row = Row::unknown(group.width(), group.parity());
        for role in group.roles() {
            let slot = slots[usize::from(group.slot_for(at, role))];
            if slot.state != SlotState::Online || !self.can_be_read(slot.disk, at) {
                continue;
            }
            let blank = || Record { version: Version::ZERO, data: Data::zero(size), covers: None };
            let record = self.record_on(slot.disk, at).cloned().unwrap_or_else(blank);
            let Record { version, data, covers } = record;
            row.set(role, Cell { version, data, covers });
        }
        let wrong = row.unfit(size);
        let index = *wrong.first()?;
        let stripe = Key::Stripe(at / group.rows());
        let name = ["P", "Q"][usize::from(index)];
        let text = format!("{stripe}: at rest, {name} of row {at} does not fit its data");
        Some((Some(stripe), Breach { checker: "parity", text }))
    }

    pub(super) fn bad(&self, why: impl Into<String>) -> BadStep {
        BadStep { step: self.step, why: why.into() }
    }
}
