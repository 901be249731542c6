//! How the cluster stands, as a value. One mutex at a time: the picture may blur by the microseconds
//! it takes, never more.

use super::cluster::Cluster;
use super::node::AmfState;
use crate::protocol::Many;
use crate::protocol::ScrubReport;
use crate::protocol::amf::AmfStats;
use crate::protocol::amf::{AccessView, KeyView};
use crate::protocol::group::SlotState;
use crate::protocol::id::{AmfId, AmfSet, Block, DiskId, Epoch, Instant, Mode, NodeId, OpId, Span};
use crate::protocol::{Amf, View};
use crate::trace::engine::Counts;
use crate::trace::snapshot::{
    AmfInfo, AmfStatus, DiskInfo, DoubtInfo, FaultInfo, LineInfo, LockInfo, LockPhase, WitnessInfo,
    cause_of,
};
use crate::trace::{Ask, Snapshot};
use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// Adds what one machine counted to what others had.
pub(super) fn add_stats(sum: &mut AmfStats, more: &AmfStats) {
    for (sum, more) in sum.sent.iter_mut().zip(&more.sent) {
        *sum += more;
    }
    for (sum, more) in sum.rules.iter_mut().zip(&more.rules) {
        *sum += more;
    }
    sum.retransmissions += more.retransmissions;
    sum.broadcasts += more.broadcasts;
    sum.broadcasts_saved += more.broadcasts_saved;
    sum.peer_transfers += more.peer_transfers;
    sum.ops += more.ops;
    sum.hits += more.hits;
    sum.misses += more.misses;
    sum.takeovers += more.takeovers;
    sum.evictions += more.evictions;
    sum.destages += more.destages;
    sum.parity_updates += more.parity_updates;
    sum.repaired += more.repaired;
}

impl Cluster {
    /// How things stand.
    pub(super) fn snapshot(&self, ask: &Ask) -> Snapshot {
        let now = self.clock.now();
        let mut sums = AmfStats::default();
        let mut locks = Vec::new();
        let mut scrub: Option<(AmfId, ScrubReport)> = None;
        let mut doubt: BTreeMap<u64, Epoch> = BTreeMap::new();
        let mut amfs = Vec::with_capacity(self.amfs.len());
        for (node, id) in self.amfs.iter().zip((0..).map(AmfId)) {
            let state = node.lock();
            let all = all_stats(&state);
            add_stats(&mut sums, &all);
            amfs.push(self.amf_info(id, &state, &all, now, ask));
            if let Some(machine) = &state.machine {
                let report = machine.scrub().map(|report| (id, report));
                scrub = scrub.filter(|(_, report)| !report.done).or(report).or(scrub);
                for (region, left) in machine.regions_in_doubt() {
                    let newest = doubt.entry(region).or_insert(left);
                    *newest = left.max(*newest);
                }
                locks.extend(machine.keys().iter().filter_map(|key| lock_info(id, key, now)));
            }
        }
        locks.sort_by_key(|lock: &LockInfo| (lock.key, lock.amf));
        let (view, witness) = {
            let state = self.witness.lock();
            let info = WitnessInfo { up: state.down.is_none(), doing: state.machine.doing() };
            (state.machine.view().clone(), info)
        };
        let disks: Vec<DiskInfo> =
            (0..self.config.disks_all()).map(|id| self.disk_info(DiskId(id), &view)).collect();
        let (held, held_total) = self.fabric.held(ask.held_max);
        let (violations, violations_total) = {
            let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            (found.first.clone(), found.total)
        };
        Snapshot {
            engine: "live",
            now,
            step: self.steps.count(),
            step_mode: self.clock.is_stopped(),
            tempo: self.clock.tempo(),
            witness,
            amfs,
            scrub,
            doubt_known: view.lost().next().is_none()
                || self.amfs.iter().any(|node| {
                    node.lock().machine.as_ref().is_some_and(|machine| machine.knows_doubt(&view))
                }),
            doubt: doubt
                .into_iter()
                .map(|(region, before)| DoubtInfo::of(&self.config, region, before))
                .collect(),
            locks,
            held,
            held_total,
            faults: self.faults(),
            counts: counts(&sums, &disks, &view, self.first_epoch.0),
            disks,
            view,
            violations,
            violations_total,
            outstanding: self.hosts.outstanding(),
            unsettled: self.unsettled(),
            events_lost: self.events.lost(),
            volatile: self.volatile(),
            recording: self.steps.info(),
            lamps: None,
            cells: ask.cells.then(|| self.events.cells()),
            lens: ask.lens.map(|block| Box::new(self.lens(block))),
            beside: None,
        }
    }

    /// Why acknowledged writes would not survive the end of this process.
    pub(super) fn volatile(&self) -> Option<String> {
        if let Some(why) = self.profile.volatile() {
            return Some(why);
        }
        let keeper = self.keeper();
        if let Some(why) = keeper.trouble() {
            return Some(why.to_owned());
        }
        keeper.is_temporary().then(|| "the disks are in a temporary folder".to_owned())
    }

    fn amf_info(
        &self,
        id: AmfId,
        state: &AmfState,
        counted: &AmfStats,
        now: Instant,
        ask: &Ask,
    ) -> AmfInfo {
        let machine = state.machine.as_ref();
        let number = |n: Option<usize>| u32::try_from(n.unwrap_or(0)).unwrap_or(u32::MAX);
        AmfInfo {
            id,
            status: status(state, now),
            epoch: machine.map(Amf::epoch).unwrap_or_default(),
            incarnation: state.incarnation,
            lease_left: machine.map_or(Span(0), |amf| amf.lease_until().since(now)),
            partners: machine.map_or(AmfSet::EMPTY, Amf::partners),
            last_survivor: machine.is_some_and(Amf::last_survivor),
            lines_used: machine.map_or(0, Amf::lines_used),
            lines_max: self.config.lines,
            dirty: machine.map_or(0, Amf::dirty),
            replicas: number(machine.map(Amf::replica_count)),
            recovering: number(machine.map(Amf::recovering_count)),
            ops: counted.ops,
            hits: counted.hits,
            misses: counted.misses,
            lines: machine.map_or_else(Vec::new, |amf| lines(amf, ask)),
            replicas_kept: machine.map_or_else(Vec::new, |amf| {
                if ask.first >= ask.end {
                    return Vec::new();
                }
                let kept = amf.replicas().into_iter();
                let inside = |block: &Block| (ask.first..ask.end).contains(&block.0);
                let kept = kept.filter(|(_, _, block, _)| inside(block));
                kept.map(|(owner, _, block, version)| (owner, block, version)).collect()
            }),
        }
    }

    fn disk_info(&self, id: DiskId, view: &View) -> DiskInfo {
        let state = self.disks[usize::from(id.0)].lock();
        let (machine, given) = (&state.machine, state.machine.queue());
        let counted = machine.stats();
        let slot = view.group.slot_of(id);
        let role = match slot.map(|slot| view.group.slots[usize::from(slot)].state) {
            Some(SlotState::Online) => "online",
            Some(SlotState::Rebuilding) => "rebuilding",
            None if view.group.spares.contains(&id) => "spare",
            Some(SlotState::Failed) | None => "failed",
        };
        let (failed, damaged) = (machine.is_failed(), machine.damaged() as u64);
        drop(state);
        DiskInfo {
            id,
            role: role.to_owned(),
            slot,
            failed,
            trouble: self.stores[usize::from(id.0)].trouble(),
            reads: counted.reads,
            writes: counted.writes,
            fenced: counted.fenced,
            damaged,
            repaired: counted.repaired,
            queue: u32::try_from(given).unwrap_or(u32::MAX),
            slow: self.fabric.slow_of(id),
            rebuilt: slot.filter(|_| role == "rebuilding").map(|slot| self.rebuilt(slot)),
        }
    }

    /// How far the refill of a slot has come, in thousandths of the disk.
    fn rebuilt(&self, slot: u8) -> u16 {
        let done = self.amfs.iter().find_map(|node| {
            let state = node.lock();
            let refill = state.machine.as_ref().and_then(Amf::refilled);
            refill.filter(|(of, _)| *of == slot).map(|(_, blocks)| blocks)
        });
        let disk = self.group.extent(self.config.blocks);
        // A slot that is full, and not yet said to be by a view, counts as the whole disk.
        let thousandths = done.unwrap_or(0).min(disk) * 1_000 / disk.max(1);
        u16::try_from(thousandths.min(1_000)).unwrap_or(1_000)
    }

    /// Active faults with their receipts.
    pub(super) fn faults(&self) -> Vec<FaultInfo> {
        let fault = |what: String, receipt: String, undo: String, since: Instant| FaultInfo {
            what,
            receipt,
            undo,
            since,
        };
        let mut faults = Vec::new();
        for (node, id) in self.amfs.iter().zip((0..).map(AmfId)) {
            let state = node.lock();
            if let Some(since) = state.down {
                let undo = format!("restart {id}");
                faults.push(fault(format!("crash {id}"), "it is down".to_owned(), undo, since));
            }
            if let Some(since) = state.paused {
                let packets = self.inboxes[self.row.index(NodeId::Amf(id))].len();
                let packets = Many::of(packets, "packet");
                let requests = Many::of(state.waiting.len(), "request");
                let receipt = format!("waiting: {packets}, {requests}");
                faults.push(fault(format!("pause {id}"), receipt, format!("resume {id}"), since));
            }
        }
        if let Some(since) = self.witness.lock().down {
            let receipt = "no view can change".to_owned();
            faults.push(fault("witness down".to_owned(), receipt, "witness up".to_owned(), since));
        }
        for (node, id) in self.disks.iter().zip((0..).map(DiskId)) {
            let state = node.lock();
            let (since, broken) = (state.failed, state.machine.is_failed());
            drop(state);
            let undo = format!("replace {id}");
            if let Some(since) = since {
                let receipt = "it answers with errors".to_owned();
                faults.push(fault(format!("fail {id}"), receipt, undo, since));
            } else if let store = &self.stores[usize::from(id.0)]
                && let Some(trouble) = store.trouble()
                && broken
            {
                // Nobody asked for it, but it holds back what it holds back.
                let cause = cause_of(&trouble).to_owned();
                let told = store.told.lock().unwrap_or_else(PoisonError::into_inner);
                let since = told.as_ref().map_or(Instant(0), |(_, at)| *at);
                drop(told);
                faults.push(fault(format!("{id} broke"), cause, undo, since));
            }
        }
        let defect = *self.defect.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((defect, since)) = defect {
            let undo = format!("defect {defect} off");
            faults.push(fault(
                format!("defect {defect} on"),
                defect.summary().to_owned(),
                undo,
                since,
            ));
        }
        faults.extend(self.fabric.faults());
        faults
    }

    /// What is outstanding, held back by a fault or not.
    pub(super) fn unsettled(&self) -> Vec<String> {
        let mut reasons = self.outstanding(true);
        if self.is_switching() {
            reasons.push("a protocol switch is under way".to_owned());
        }
        reasons
    }

    /// Nothing is outstanding but what an active fault holds back: with a fault, that is so once nothing
    /// has moved for as long as anything that can takes.
    pub(super) fn is_settled(&self) -> bool {
        !self.is_switching() && (self.unsettled_machines().is_empty() || self.is_held_back())
    }

    fn is_held_back(&self) -> bool {
        let cfg = &self.config;
        let patience = Span(cfg.lease_at_witness().0 * 2 + cfg.suspect_after.0 * 2);
        let now = self.clock.now();
        let moved = self.moved_so_far();
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if progress.0 != moved {
            *progress = (moved, now);
        }
        now.since(progress.1) > patience && !self.faults().is_empty()
    }

    /// Grows with everything that counts as progress: first sends, answers, disk I/O, views.
    pub(super) fn moved_so_far(&self) -> u64 {
        let amfs = self.amfs.iter().map(|node| {
            let all = all_stats(&node.lock());
            all.sent.iter().sum::<u64>() + all.ops
        });
        let disks = self.disks.iter().map(|node| {
            let counted = node.lock().machine.stats();
            counted.reads + counted.writes
        });
        let views = u64::from(self.witness.lock().machine.view().epoch.0);
        amfs.sum::<u64>() + disks.sum::<u64>() + views
    }

    /// What is outstanding, for a switch, which itself waits for this.
    pub(super) fn unsettled_machines(&self) -> Vec<String> {
        self.outstanding(false)
    }

    /// With `held_too`, also what AMFs want while messages are held: it may hang on those.
    fn outstanding(&self, held_too: bool) -> Vec<String> {
        let mut reasons = Vec::new();
        let (late, held) = self.fabric.in_flight();
        if late > 0 {
            reasons.push(format!("on the way: {}", Many::of(late, "packet")));
        }
        let (busy, view, up) = {
            let state = self.witness.lock();
            let busy = state.machine.is_up() && state.machine.is_busy();
            (
                busy.then(|| state.machine.doing()),
                state.machine.view().clone(),
                state.down.is_none(),
            )
        };
        let counts = held_too || held == 0;
        if counts {
            reasons.extend(busy.map(|doing| format!("witness: {doing}")));
        }
        if view.group.is_rebuilding() && up {
            reasons.push("a disk is being refilled".to_owned());
        }
        for index in 0..self.row.len() {
            let node = self.row.node(index);
            if self.is_stuck(node) {
                continue;
            }
            if self.inboxes[index].len() > 0 {
                reasons.push(format!("{node} has packets to handle"));
            }
            if counts || matches!(node, NodeId::Disk(_)) {
                reasons.extend(self.unsettled_node(node, &view, up));
            }
        }
        reasons
    }

    /// A fault keeps this node from going on at all.
    fn is_stuck(&self, node: NodeId) -> bool {
        match node {
            NodeId::Amf(id) => {
                let state = self.amfs[usize::from(id.0)].lock();
                state.down.is_some()
                    || state.paused.is_some()
                    || self.fabric.cuts(node, NodeId::Witness)
            }
            NodeId::Witness => self.witness.lock().down.is_some(),
            NodeId::Disk(_) => false,
        }
    }

    fn unsettled_node(&self, node: NodeId, view: &View, up: bool) -> Option<String> {
        match node {
            NodeId::Amf(id) => {
                let state = self.amfs[usize::from(id.0)].lock();
                let machine = state.machine.as_ref()?;
                if let Some(why) = machine.unsettled() {
                    return Some(why);
                }
                let gated = self.gate.load(Ordering::Relaxed);
                if !state.ops.is_empty() && !gated {
                    return Some(format!("{id}: {}", Many::of(state.ops.len(), "host operation")));
                }
                let old = machine.epoch() != view.epoch || view.incarnation(id).is_none();
                (old && up).then(|| format!("{id} has not installed {}", view.epoch))
            }
            NodeId::Witness => None,
            NodeId::Disk(id) => {
                let disk = self.disks[usize::from(id.0)].lock();
                if up && disk.machine.is_unadmitted() && !disk.machine.is_failed() {
                    return Some(format!("{id} waits to be admitted"));
                }
                let queue = disk.machine.queue();
                drop(disk);
                (queue > 0).then(|| format!("{id}: {}", Many::of(queue, "operation")))
            }
        }
    }
}

fn all_stats(state: &AmfState) -> AmfStats {
    let mut all = state.past.clone();
    if let Some(machine) = &state.machine {
        add_stats(&mut all, machine.stats());
    }
    all
}

fn status(state: &AmfState, now: Instant) -> AmfStatus {
    match &state.machine {
        None => AmfStatus::Down,
        Some(_) if state.paused.is_some() => AmfStatus::Paused,
        Some(amf) if !amf.is_member() => AmfStatus::Joining,
        Some(amf) if amf.lease_until() <= now => AmfStatus::NoLease,
        Some(_) => AmfStatus::Serving,
    }
}

fn lines(amf: &Amf, ask: &Ask) -> Vec<LineInfo> {
    if ask.first >= ask.end {
        return Vec::new();
    }
    let inside = amf.lines().filter(|line| (ask.first..ask.end).contains(&line.block.0));
    inside
        .map(|line| LineInfo {
            block: line.block,
            state: line.state,
            version: line.version,
            unreplicated: !line.missing.is_empty(),
            destaging: amf.is_destaging(line.block),
        })
        .collect()
}

fn lock_info(amf: AmfId, key: &KeyView, now: Instant) -> Option<LockInfo> {
    let deferred = key
        .deferred
        .iter()
        .map(|(who, mode, ticket, why)| (*who, *mode, *ticket, (*why).to_owned()));
    let mut info = LockInfo {
        key: key.key,
        amf,
        phase: LockPhase::Queued,
        mode: Mode::Shared,
        ticket: None,
        missing: AmfSet::EMPTY,
        deferred: deferred.collect(),
        queued: u32::try_from(key.queued).unwrap_or(u32::MAX),
        age: Span(0),
        cause: OpId::NONE,
    };
    if let Some(AccessView { held, mode, ticket, missing, since, cause }) = key.access {
        (info.mode, info.ticket, info.missing, info.cause) = (mode, Some(ticket), missing, cause);
        info.age = now.since(since);
        info.phase = match (held, key.recovering) {
            (_, Some(_)) => LockPhase::Recovering,
            (true, None) => LockPhase::Holding,
            (false, None) => LockPhase::Waiting,
        };
    } else if let Some(since) = key.recovering {
        (info.phase, info.mode, info.age) =
            (LockPhase::Recovering, Mode::Exclusive, now.since(since));
    } else if let Some(since) = key.destaging {
        (info.phase, info.mode, info.age) = (LockPhase::Destaging, Mode::Shared, now.since(since));
    } else if let Some(ticket) = key.suspended {
        (info.phase, info.ticket) = (LockPhase::Suspended, Some(ticket));
    } else if key.deferred.is_empty() && key.queued == 0 {
        return None;
    }
    Some(info)
}

fn counts(stats: &AmfStats, disks: &[DiskInfo], view: &View, first_epoch: u32) -> Counts {
    Counts {
        messages: stats.sent,
        retransmissions: stats.retransmissions,
        broadcasts: stats.broadcasts,
        broadcasts_saved: stats.broadcasts_saved,
        peer_transfers: stats.peer_transfers,
        hits: stats.hits,
        misses: stats.misses,
        disk_reads: disks.iter().map(|disk| disk.reads).sum(),
        disk_writes: disks.iter().map(|disk| disk.writes).sum(),
        takeovers: stats.takeovers,
        views: u64::from(view.epoch.0 - first_epoch) + 1,
        evictions: stats.evictions,
        destages: stats.destages,
    }
}
