//! A picture of a simulated cluster.

use super::Sim;
use super::network::{Held, HeldWhat};
use crate::protocol::amf::{Amf, KeyView};
use crate::protocol::group::{Group, SlotState};
use crate::protocol::id::{AmfId, Block, DiskId, Instant, Mode, NodeId, OpId, Span};
use crate::trace::snapshot::{
    AmfInfo, AmfStatus, Ask, DiskInfo, HeldInfo, LineInfo, LockInfo, LockPhase, Snapshot,
    WitnessInfo,
};
use crate::world::{InFlight, World, packet_text};
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
                (kind, packet.map_or_else(String::new, packet_text))
            }
            HeldWhat::Store(_) => (None, "an operation of its store".to_owned()),
        };
        HeldInfo { id: held.id, from, to, kind, what }
    }
}

/// An AMF as it is now.
#[must_use]
pub fn amf_info(
    amf: &Amf,
    status: AmfStatus,
    now: Instant,
    lines_max: u32,
    ask: &Ask,
) -> AmfInfo {
    let wanted = ask.first..ask.end;
    let line = |line: crate::protocol::amf::LineView<'_>| LineInfo {
        block: line.block,
        state: line.state,
        version: line.version,
        unreplicated: !line.missing.is_empty(),
        destaging: amf.is_destaging(line.block),
    };
    let empty = wanted.is_empty();
    let lines = if empty {
        Vec::new()
    } else {
        amf.lines().filter(|l| wanted.contains(&l.block.0)).map(line).collect()
    };
    let replicas = if empty { Vec::new() } else { amf.replicas() };
    let replicas = replicas.into_iter().filter(|(_, _, block, _)| wanted.contains(&block.0));
    let stats = amf.stats();
    AmfInfo {
        id: amf.id(),
        status,
        epoch: amf.epoch(),
        incarnation: amf.incarnation(),
        lease_left: amf.lease_until().since(now),
        partners: amf.partners(),
        last_survivor: amf.last_survivor(),
        lines_used: amf.lines_used(),
        lines_max,
        dirty: amf.dirty(),
        replicas: u32::try_from(amf.replica_count()).unwrap_or(u32::MAX),
        recovering: u32::try_from(amf.recovering_count()).unwrap_or(u32::MAX),
        ops: stats.ops,
        hits: stats.hits,
        misses: stats.misses,
        lines,
        replicas_kept: replicas.map(|(owner, _, block, version)| (owner, block, version)).collect(),
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

/// What an AMF has to do with a key, for the lock table.
#[must_use]
pub fn lock_info(amf: AmfId, view: KeyView, now: Instant) -> LockInfo {
    let access = view.access;
    let phase = match (&access, view.destaging, view.recovering) {
        (Some(access), ..) if access.held && !access.ticket.is_recovery() => LockPhase::Holding,
        (Some(access), ..) if access.ticket.is_recovery() => LockPhase::Recovering,
        (Some(_), ..) => LockPhase::Waiting,
        (None, _, Some(_)) => LockPhase::Recovering,
        (None, Some(_), None) => LockPhase::Destaging,
        (None, None, None) if view.suspended.is_some() => LockPhase::Suspended,
        (None, None, None) => LockPhase::Queued,
    };
    let since = access.map(|a| a.since).or(view.destaging).or(view.recovering);
    LockInfo {
        key: view.key,
        amf,
        phase,
        mode: access.map_or(Mode::Exclusive, |access| access.mode),
        ticket: access.map(|access| access.ticket).or(view.suspended),
        missing: access.map(|access| access.missing).unwrap_or_default(),
        deferred: view
            .deferred
            .into_iter()
            .map(|(who, mode, ticket, why)| (who, mode, ticket, why.to_owned()))
            .collect(),
        queued: u32::try_from(view.queued).unwrap_or(u32::MAX),
        age: since.map_or(Span(0), |since| now.since(since)),
        cause: access.map_or(OpId::NONE, |access| access.cause),
    }
}

/// True for blocks that lie on a disk's slot: for cards.
#[must_use]
pub fn places_of(group: &Group, block: Block, view: &crate::protocol::View) -> Vec<NodeId> {
    let places = group.places(block).into_iter();
    places.map(|place| NodeId::Disk(view.group.slots[usize::from(place.slot)].disk)).collect()
}
