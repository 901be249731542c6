//! A picture of a world, as far as a world knows: the parts of a [`crate::trace::Snapshot`] that do not
//! depend on who drives it.

use super::World;
use crate::protocol::ScrubReport;
use crate::protocol::amf::{Amf, AmfStats};
use crate::protocol::group::{Group, SlotState};
use crate::protocol::id::{AmfId, Block, DiskId, Epoch, Instant, Span, Version};
use crate::protocol::region::region_of;
use crate::trace::engine::Counts;
use crate::trace::picture::{amf_info, lock_info};
use crate::trace::snapshot::{AmfInfo, AmfStatus, Ask, DiskInfo, DoubtInfo, LockInfo, WitnessInfo};
use std::collections::BTreeMap;

impl World {
    /// Every AMF, in id order.
    #[must_use]
    pub fn amf_infos(&self, now: Instant, ask: &Ask) -> Vec<AmfInfo> {
        (0..self.cfg.amfs).map(|amf| self.amf_info(AmfId(amf), now, ask)).collect()
    }

    fn amf_info(&self, id: AmfId, now: Instant, ask: &Ask) -> AmfInfo {
        let Some(amf) = self.amf(id) else {
            return AmfInfo::down(id, self.cfg.lines);
        };
        let status = if self.is_paused(id) {
            AmfStatus::Paused
        } else if !amf.is_member() {
            AmfStatus::Joining
        } else if amf.lease_until() > now {
            AmfStatus::Serving
        } else {
            AmfStatus::NoLease
        };
        amf_info(amf, status, now, self.cfg.lines, ask)
    }

    /// Every disk, in id order; nobody makes them slow.
    #[must_use]
    pub fn disk_infos(&self) -> Vec<DiskInfo> {
        (0..self.cfg.disks_all()).map(|disk| self.disk_info(DiskId(disk))).collect()
    }

    fn disk_info(&self, id: DiskId) -> DiskInfo {
        let disk = self.disk(id);
        let group = &self.witness().view().group;
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
            damaged: disk.damaged() as u64,
            repaired: stats.repaired,
            queue: u32::try_from(disk.queue()).unwrap_or(u32::MAX),
            slow: Span(0),
            rebuilt,
        }
    }

    fn rebuilt(&self, slot: u8) -> Option<u16> {
        let cfg = &self.cfg;
        let amfs = (0..cfg.amfs).map(AmfId).filter_map(|amf| self.amf(amf));
        let (_, at) = amfs.filter_map(Amf::refilled).find(|(at, _)| *at == slot)?;
        let size = Group::new(&cfg.group).extent(cfg.blocks).max(1);
        u16::try_from(at.min(size) * 1_000 / size).ok()
    }

    /// The regions in doubt, and before which epoch: what the marks on the disks say of whom the newest view
    /// calls lost.
    #[must_use]
    pub fn regions_in_doubt(&self) -> BTreeMap<u64, Epoch> {
        let view = self.witness().view();
        let mut regions = BTreeMap::new();
        for slot in view.group.slots.iter().filter(|slot| slot.state != SlotState::Failed) {
            let marks = self.shelves[usize::from(slot.disk.0)].store.marks();
            for (mark, gone) in marks.iter().flat_map(|mark| {
                view.lost().filter(|gone| gone.made(mark)).map(move |gone| (mark, gone))
            }) {
                let left = regions.entry(mark.region).or_insert(gone.left);
                *left = gone.left.max(*left);
            }
        }
        regions
    }

    /// The same, as it is shown.
    #[must_use]
    pub fn doubt(&self) -> Vec<DoubtInfo> {
        let regions = self.regions_in_doubt().into_iter();
        regions.map(|(region, left)| DoubtInfo::of(&self.cfg, region, left)).collect()
    }

    /// The version of a block, which comes from a disk, is in doubt.
    #[must_use]
    pub fn is_in_doubt(&self, block: Block, version: Version) -> bool {
        if self.witness().view().lost().next().is_none() {
            return false;
        }
        let region = region_of(block, self.cfg.region_blocks);
        self.regions_in_doubt().get(&region).is_some_and(|left| version.epoch < *left)
    }

    /// The scrub that is under way, else one that is over.
    #[must_use]
    pub fn scrub_info(&self) -> Option<(AmfId, ScrubReport)> {
        let amfs = (0..self.cfg.amfs).filter_map(|amf| self.amf(AmfId(amf)));
        let all = amfs.filter_map(|amf| Some((amf.id(), amf.scrub()?)));
        all.min_by_key(|(_, report)| report.done)
    }

    /// What each AMF has to do with each key, by key.
    #[must_use]
    pub fn lock_infos(&self, now: Instant) -> Vec<LockInfo> {
        let mut all = Vec::new();
        for amf in (0..self.cfg.amfs).map(AmfId) {
            let Some(machine) = self.amf(amf) else { continue };
            all.extend(machine.keys().into_iter().map(|key| lock_info(amf, key, now)));
        }
        all.sort_by_key(|lock| (lock.key, lock.amf));
        all
    }

    /// The witness.
    #[must_use]
    pub fn witness_info(&self) -> WitnessInfo {
        WitnessInfo { up: self.witness.is_up(), doing: self.witness.doing() }
    }

    /// What the machines that are up have counted, on top of `counts`. Messages are counted where they
    /// leave, by whoever carries them.
    pub fn add_counts(&self, counts: &mut Counts) {
        for amf in (0..self.cfg.amfs).map(AmfId) {
            if let Some(machine) = self.amf(amf) {
                add(counts, machine.stats());
            }
        }
        for disk in (0..self.cfg.disks_all()).map(DiskId) {
            let stats = self.disk(disk).stats();
            counts.disk_reads += stats.reads;
            counts.disk_writes += stats.writes;
        }
        counts.views = u64::from(self.witness.view().epoch.0);
    }
}

/// Adds one AMF's counters; messages are counted where they leave.
pub fn add(counts: &mut Counts, stats: &AmfStats) {
    counts.retransmissions += stats.retransmissions;
    counts.broadcasts += stats.broadcasts;
    counts.broadcasts_saved += stats.broadcasts_saved;
    counts.peer_transfers += stats.peer_transfers;
    counts.hits += stats.hits;
    counts.misses += stats.misses;
    counts.takeovers += stats.takeovers;
    counts.evictions += stats.evictions;
    counts.destages += stats.destages;
}
