//! A picture of a simulated cluster.

use super::Sim;
use super::network::{Held, HeldWhat};
use crate::protocol::amf::Amf;
use crate::protocol::group::SlotState;
use crate::protocol::id::{AmfId, DiskId, Instant};
use crate::trace::narrate;
use crate::trace::picture::{amf_info, lock_info};
use crate::trace::snapshot::{
    AmfInfo, AmfStatus, Ask, DiskInfo, HeldInfo, LockInfo, Snapshot, WitnessInfo,
};
use crate::world::{InFlight, World};
use std::sync::Arc;

impl Sim {
    pub(super) fn picture(&self, ask: &Ask) -> Snapshot {
        let cfg = &self.profile.config;
        let world = &self.world;
        let amfs = (0..cfg.amfs).map(|amf| self.amf_info(AmfId(amf), ask)).collect();
        let held = self.network.held().iter().take(ask.held_max);
        Snapshot {
            engine: "sim",
            now: self.now,
            step: world.step_count(),
            step_mode: self.network.is_step_mode(),
            tempo: self.tempo,
            view: Arc::clone(world.witness().view()),
            witness: WitnessInfo { up: world.witness().is_up(), doing: world.witness().doing() },
            amfs,
            disks: (0..cfg.disks_all()).map(|disk| self.disk_info(DiskId(disk))).collect(),
            locks: locks(world, self.now),
            held: held.map(|held| self.held_info(held)).collect(),
            held_total: self.network.held().len(),
            faults: self.fault_list(),
            counts: self.counts(),
            violations: world.violations().to_vec(),
            violations_total: world.violations_total(),
            outstanding: self.asked.len() as u64,
            unsettled: world.unsettled(),
            events_lost: world.events_lost(),
            volatile: Some("simulated: nothing is kept".to_owned()),
        }
    }

    fn amf_info(&self, id: AmfId, ask: &Ask) -> AmfInfo {
        let lines_max = self.profile.config.lines;
        let Some(amf) = self.world.amf(id) else {
            return AmfInfo::down(id, lines_max);
        };
        let status = if self.world.is_paused(id) {
            AmfStatus::Paused
        } else if !amf.is_member() {
            AmfStatus::Joining
        } else if amf.lease_until() > self.now {
            AmfStatus::Serving
        } else {
            AmfStatus::NoLease
        };
        amf_info(amf, status, self.now, lines_max, ask)
    }

    fn disk_info(&self, id: DiskId) -> DiskInfo {
        let disk = self.world.disk(id);
        let group = &self.world.witness().view().group;
        let slot = group.slot_of(id);
        let role = match slot.map(|slot| group.slots[usize::from(slot)].state) {
            Some(SlotState::Online) => "online",
            Some(SlotState::Failed) => "failed",
            Some(SlotState::Rebuilding) => "rebuilding",
            None if group.spares.contains(&id) => "spare",
            None => "out",
        };
        let rebuilt = slot.and_then(|slot| self.rebuilt(slot));
        let stats = disk.stats();
        DiskInfo {
            id,
            role: role.to_owned(),
            slot,
            failed: disk.is_failed(),
            trouble: None,
            reads: stats.reads,
            writes: stats.writes,
            fenced: stats.fenced,
            queue: u32::try_from(disk.queue()).unwrap_or(u32::MAX),
            slow: self.slow[usize::from(id.0)],
            rebuilt,
        }
    }

    fn rebuilt(&self, slot: u8) -> Option<u16> {
        let cfg = &self.profile.config;
        let amfs = (0..cfg.amfs).map(AmfId).filter_map(|amf| self.world.amf(amf));
        let (_, at) = amfs.filter_map(Amf::refilled).find(|(at, _)| *at == slot)?;
        let sets = u64::from(cfg.group.disks / cfg.group.copies);
        let size = (cfg.blocks / sets).max(1);
        u16::try_from(at.min(size) * 1_000 / size).ok()
    }

    fn held_info(&self, held: &Held) -> HeldInfo {
        let (from, to) = (held.from, held.to);
        let (kind, what) = match held.what {
            HeldWhat::Packet { no, kind, .. } => {
                let packet = self.world.in_flight().packet(from, to, no);
                (kind, packet.map_or_else(String::new, narrate::words))
            }
            HeldWhat::Store(_) => (None, "an operation of its store".to_owned()),
        };
        HeldInfo { id: held.id, from, to, kind, what }
    }
}

fn locks(world: &World, now: Instant) -> Vec<LockInfo> {
    let mut all = Vec::new();
    for amf in (0..world.config().amfs).map(AmfId) {
        let Some(machine) = world.amf(amf) else { continue };
        all.extend(machine.keys().into_iter().map(|key| lock_info(amf, key, now)));
    }
    all.sort_by_key(|lock| (lock.key, lock.amf));
    all
}
