//! What a fault did: its receipt. A fault that hit nothing tests nothing, and a campaign counts those.

use super::fault::{Fault, FaultKind};
use super::stage::Asked;
use crate::protocol::Many;
use crate::protocol::group::SlotState;
use crate::protocol::id::{AmfId, DiskId, Incarnation, NodeId};
use crate::sim::Sim;
use crate::trace::action::Action;
use crate::trace::{Ask, Command, Engine};
use serde::{Deserialize, Serialize};

/// The receipt of a fault that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Which kind.
    pub kind: FaultKind,
    /// The command that began it.
    pub what: String,
    /// What it did, in words.
    pub receipt: String,
    /// It did something.
    pub hit: bool,
}

/// A fault that has begun.
#[derive(Clone, Debug)]
pub struct Ongoing {
    /// What it is.
    pub fault: Fault,
    incarnation: Option<Incarnation>,
    touched: u64,
    at_once: (String, bool),
}

fn disk_work(sim: &Sim, disk: DiskId) -> u64 {
    let stats = sim.world().disk(disk).stats();
    stats.reads + stats.writes
}

fn media_errors(sim: &Sim, disk: DiskId) -> u64 {
    sim.world().disk(disk).stats().media
}

fn disk_of(command: &Command) -> Option<DiskId> {
    match command {
        Command::Act(
            Action::FailDisk(disk)
            | Action::ReplaceDisk(disk)
            | Action::SlowDisk(disk, _)
            | Action::Corrupt(disk, _),
        ) => Some(*disk),
        _ => None,
    }
}

fn amf_of(command: &Command) -> Option<AmfId> {
    match command {
        Command::Act(
            Action::Crash(amf)
            | Action::Pause(amf)
            | Action::ExpireLease(amf)
            | Action::Evict(amf, _),
        ) => Some(*amf),
        Command::Start(_, host) => Some(host.amf()),
        _ => None,
    }
}

/// What an AMF would lose, or keep others from.
fn burden(amf: AmfId, sim: &Sim, asked: &Asked) -> (String, bool) {
    let Some(machine) = sim.world().amf(amf) else { return ("it is down".to_owned(), false) };
    let (dirty, lines) = (u64::from(machine.dirty()), u64::from(machine.lines_used()));
    let (kept, open) = (machine.replica_count() as u64, asked.open[usize::from(amf.0)]);
    let (dirty, under_way) = (Many(dirty, "dirty line"), Many(open.into(), "operation"));
    let text = format!(
        "{dirty} of {}, {under_way} under way, {} kept",
        Many(lines, "line"),
        Many(kept, "replica")
    );
    (text, machine.dirty() > 0 || open > 0 || kept > 0)
}

impl Ongoing {
    /// Looks at what a fault is about to meet; to be called before it is given.
    #[must_use]
    pub fn begin(fault: Fault, sim: &Sim, asked: &Asked) -> Self {
        let command = &fault.begin;
        let amf = amf_of(command);
        let view = sim.world().witness().view();
        let incarnation = amf.and_then(|amf| view.incarnation(amf));
        let touched = disk_of(command).map_or(0, |disk| match fault.kind {
            FaultKind::Corrupt => media_errors(sim, disk),
            _ => disk_work(sim, disk),
        });
        let machine = amf.and_then(|amf| sim.world().amf(amf));
        let lines = machine.map_or(0, crate::protocol::Amf::lines_used);
        let dirty = machine.map_or(0, crate::protocol::Amf::dirty);
        let open = amf.map_or(0, |amf| asked.open[usize::from(amf.0)]);
        let at_once = match fault.kind {
            FaultKind::Crash => {
                amf.map_or_else(|| (String::new(), false), |amf| burden(amf, sim, asked))
            }
            FaultKind::Lease => {
                let under_way = Many(open.into(), "operation");
                let text = format!("{under_way} under way, {}", Many(lines.into(), "line"));
                (text, open > 0 || lines > 0)
            }
            FaultKind::Evict => (Many(lines.into(), "line").to_string(), lines > 0),
            FaultKind::SwapDisk => {
                let written =
                    disk_of(command).map_or(0, |disk| sim.world().written_on(disk)) as u64;
                (format!("{} gone", Many(written, "block")), written > 0)
            }
            FaultKind::Flush => (Many(dirty.into(), "dirty line").to_string(), dirty > 0),
            FaultKind::AcceptLoss => {
                let regions = sim.world().regions_in_doubt().len() as u64;
                (format!("{} in doubt", Many(regions, "region")), regions > 0)
            }
            FaultKind::PowerFail => {
                let up = (0..sim.config().amfs).map(AmfId);
                let dirty = up.filter_map(|amf| sim.world().amf(amf));
                let dirty: u64 = dirty.map(|machine| u64::from(machine.dirty())).sum();
                let open: u32 = asked.open.iter().sum();
                let under_way = Many(open.into(), "operation");
                let text = format!("{}, {under_way} under way", Many(dirty, "dirty line"));
                (text, dirty > 0 || open > 0)
            }
            FaultKind::Switch => {
                let changes =
                    !matches!(command, Command::Act(Action::Protocol(to)) if *to == view.protocol);
                let text = if changes { "it changes" } else { "it is in force already" };
                (text.to_owned(), changes)
            }
            FaultKind::Pause
            | FaultKind::Cut
            | FaultKind::Split
            | FaultKind::Drop
            | FaultKind::Duplicate
            | FaultKind::Reorder
            | FaultKind::Delay
            | FaultKind::FarWitness
            | FaultKind::SlowDisk
            | FaultKind::FarDisk
            | FaultKind::FailDisk
            | FaultKind::Corrupt
            | FaultKind::Scrub
            | FaultKind::Hold
            | FaultKind::Witness => (String::new(), false),
        };
        Self { fault, incarnation, touched, at_once }
    }

    /// What it has done; to be called before it is ended, or when it is over.
    #[must_use]
    pub fn end(&self, sim: &mut Sim) -> Effect {
        let kind = self.fault.kind;
        let (receipt, hit) = match kind {
            FaultKind::Crash
            | FaultKind::Lease
            | FaultKind::Evict
            | FaultKind::Flush
            | FaultKind::Switch
            | FaultKind::SwapDisk
            | FaultKind::AcceptLoss
            | FaultKind::PowerFail => self.at_once.clone(),
            FaultKind::Pause => self.paused(sim),
            FaultKind::Cut
            | FaultKind::Split
            | FaultKind::Drop
            | FaultKind::Duplicate
            | FaultKind::Reorder
            | FaultKind::Delay
            | FaultKind::FarWitness
            | FaultKind::FarDisk => self.met(sim),
            FaultKind::SlowDisk => {
                let disk = disk_of(&self.fault.begin).unwrap_or(DiskId(0));
                let done = disk_work(sim, disk).saturating_sub(self.touched);
                (format!("{} slowed", Many(done, "operation")), done > 0)
            }
            FaultKind::Corrupt => {
                let disk = disk_of(&self.fault.begin).unwrap_or(DiskId(0));
                let met = media_errors(sim, disk).saturating_sub(self.touched);
                (format!("met by {}", Many(met, "read")), met > 0)
            }
            FaultKind::Hold => {
                let held = sim.snapshot(&Ask { held_max: 1_000, ..Ask::BRIEF }).held;
                let pair = self.pair();
                let held =
                    held.iter().filter(|held| Some((held.from, held.to)) == pair).count() as u64;
                (format!("{} held", Many(held, "message")), held > 0)
            }
            FaultKind::Scrub => {
                let report = sim.snapshot(&Ask::BRIEF).scrub.map(|(_, report)| report);
                let checked = report.is_some_and(|report| report.checked > 0);
                (report.map_or_else(String::new, |report| report.to_string()), checked)
            }
            FaultKind::FailDisk => {
                let disk = disk_of(&self.fault.begin).unwrap_or(DiskId(0));
                let group = &sim.world().witness().view().group;
                let slot = group.slot_of(disk).map(|slot| group.slots[usize::from(slot)].state);
                let noticed = slot != Some(SlotState::Online) && !group.spares.contains(&disk);
                let text = if noticed { "a view says that it failed" } else { "nobody noticed" };
                (text.to_owned(), noticed)
            }
            FaultKind::Witness => {
                let (now, world) = (sim.now(), sim.world());
                let amfs = (0..sim.config().amfs).map(AmfId).filter_map(|amf| world.amf(amf));
                let late = amfs.filter(|amf| !amf.is_member() || amf.lease_until() <= now).count();
                let text = format!("{} without a lease", Many::of(late, "AMF"));
                (text, late > 0 || world.witness().is_suspicious())
            }
        };
        Effect { kind, what: self.fault.begin.to_string(), receipt, hit }
    }

    fn pair(&self) -> Option<(NodeId, NodeId)> {
        match &self.fault.begin {
            Command::Act(Action::Hold(filter)) => filter.pair,
            _ => None,
        }
    }

    fn paused(&self, sim: &mut Sim) -> (String, bool) {
        let Some(amf) = amf_of(&self.fault.begin) else { return (String::new(), false) };
        let now = sim.world().witness().view().incarnation(amf);
        if self.incarnation.is_some() && now != self.incarnation {
            return ("it outlasted the lease: evicted".to_owned(), true);
        }
        let (arrivals, hit) = self.met(sim);
        (format!("{arrivals} waited"), hit)
    }

    /// How many packets or arrivals it met: the simulator counts them.
    fn met(&self, sim: &Sim) -> (String, bool) {
        let Some(end) = &self.fault.end else { return (String::new(), false) };
        let undo = end.to_string();
        let all = sim.faults_met();
        let found = all.iter().find(|(info, _)| info.undo == undo);
        let met = found.and_then(|(_, met)| *met).unwrap_or(0);
        let receipt = found
            .map_or_else(|| "replaced by another".to_owned(), |(info, _)| info.receipt.clone());
        (receipt, met > 0)
    }
}
