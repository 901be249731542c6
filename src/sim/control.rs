//! What people do to a simulated cluster, and what the faults in force have done.

use super::network::{Held, HeldWhat};
use super::{Sim, What};
use crate::protocol::Many;
use crate::protocol::id::{AmfId, DiskId, NodeId, Span};
use crate::protocol::{Config, Defect, Protocol};
use crate::trace::action::{Action, HoldFilter, LinkSetting, Release, Target};
use crate::trace::engine::EngineError;
use crate::trace::faults::Broken;
use crate::trace::recording::{Bounds, Origin, Recorder};
use crate::trace::sides::Sides;
use crate::trace::snapshot::FaultInfo;
use crate::trace::standing::{NO_USER, Standing, place_on};
use crate::trace::step::{Control, Step};

/// A protocol switch gives up after this much virtual time.
const SWITCH_TIME_MAX: Span = Span::secs(600);

impl Standing for Sim {
    fn config(&self) -> &Config {
        &self.profile.config
    }
    fn is_down(&self, amf: AmfId) -> bool {
        self.world.amf(amf).is_none()
    }
    fn is_paused(&self, amf: AmfId) -> bool {
        self.world.is_paused(amf)
    }
    fn has_failed(&self, disk: DiskId) -> bool {
        self.world.disk(disk).is_failed()
    }
    fn witness_is_up(&self) -> bool {
        self.world.witness().is_up()
    }
    fn is_step_mode(&self) -> bool {
        self.network.is_step_mode()
    }
}

impl Sim {
    pub(super) fn act(&mut self, action: &Action) -> Result<String, EngineError> {
        action.check(self).map_err(EngineError::Refused)?;
        let mut count = 0;
        match action {
            Action::Destage(Target::One(amf)) => {
                self.apply(Step::Control(Control::Destage(*amf)));
            }
            Action::Destage(Target::All) => self.destage_everyone(),
            Action::Evict(amf, block) => self.apply(Step::Control(Control::Evict(*amf, *block))),
            Action::Crash(amf) => self.crash(*amf),
            Action::Restart(amf) => self.restart(*amf),
            Action::Pause(amf) => self.pause(*amf),
            Action::Resume(amf) => self.resume(*amf),
            Action::ExpireLease(amf) => self.apply(Step::Control(Control::ExpireLease(*amf))),
            Action::Partition(sides) => self.partition(sides)?,
            Action::Heal => self.heal(),
            Action::Link(a, b, setting) => self.set_link(*a, *b, *setting),
            Action::FailDisk(disk) => self.fail_disk(*disk),
            Action::ReplaceDisk(disk) => self.replace_disk(*disk),
            Action::Corrupt(disk, block) => {
                let view = self.world.witness().view();
                let at = place_on(&self.profile.config, &view.group, *disk, *block);
                let at = at.map_err(EngineError::Refused)?;
                self.apply(Step::Control(Control::Corrupt(*disk, at)));
            }
            Action::CorruptJournal(amf) => {
                self.apply(Step::Control(Control::CorruptJournal(*amf)));
            }
            Action::Scrub => {
                let first = self.amfs_up().into_iter().next();
                let amf = first.ok_or(EngineError::Refused("no AMF runs".to_owned()))?;
                self.apply(Step::Control(Control::Scrub(amf)));
            }
            Action::AcceptLoss => {
                let users = self.profile.config.users();
                let member = |amf: &AmfId| {
                    let machine = self.world.amf(*amf);
                    users.contains(*amf) && machine.is_some_and(crate::protocol::Amf::is_member)
                };
                let first = self.amfs_up().into_iter().find(member);
                let amf = first.ok_or(EngineError::Refused(NO_USER.to_owned()))?;
                self.forget_what_is_lost();
                self.apply(Step::Control(Control::AcceptLoss(amf)));
            }
            Action::SlowDisk(disk, time) => self.slow_disk(*disk, *time),
            Action::Witness(up) => self.set_witness(*up),
            Action::PowerFail => self.power_fail(),
            Action::Defect(defect, on) => self.set_defect(*defect, *on),
            Action::Protocol(protocol) => self.switch_protocol(*protocol)?,
            Action::Hold(filter) => self.network.hold(*filter),
            Action::Unhold(filter) => count = self.unhold(*filter),
            Action::Deliver(release) => count = self.release(*release, Fate::Deliver)?,
            Action::Lose(release) => count = self.release(*release, Fate::Lose)?,
            Action::Repeat(release) => count = self.release(*release, Fate::Repeat)?,
            Action::Step(most) => count = self.step_held(*most),
            Action::Tempo(tempo) => self.tempo = *tempo,
            Action::Record(Some(file)) => {
                let started = self.recorder().start(file);
                started.map_err(EngineError::Refused)?;
                self.world.digest_outputs(true);
            }
            Action::Record(None) => {
                let stopped = self.recorder().stop("record off");
                stopped.map_err(EngineError::Refused)?;
            }
            Action::Seek(_) => unreachable!("refused by the check above"),
        }
        Ok(action.receipt(count))
    }

    pub(super) fn new_recorder(&self, kept: Bounds) -> Recorder {
        let cfg = &self.profile.config;
        let head = self.profile.head("sim", Origin::BLANK);
        Recorder::new(head, (cfg.amfs, cfg.disks_all()), kept)
    }

    fn recorder(&mut self) -> &mut Recorder {
        let made = self.recorder.take().unwrap_or_else(|| {
            let mut recorder = self.new_recorder(Bounds::NONE);
            if self.world.step_count() > 0 {
                recorder.miss();
            }
            recorder
        });
        self.recorder.insert(made)
    }

    fn set_link(&mut self, a: NodeId, b: NodeId, setting: LinkSetting) {
        self.apply(Step::Control(Control::Link(a, b, setting)));
        self.network.set_link(a, b, setting);
    }

    // ---- AMFs

    pub(super) fn destage_everyone(&mut self) {
        for amf in self.amfs_up() {
            self.apply(Step::Control(Control::Destage(amf)));
        }
    }

    fn amfs_up(&self) -> Vec<AmfId> {
        let amfs = (0..self.profile.config.amfs).map(AmfId);
        amfs.filter(|amf| self.world.amf(*amf).is_some() && !self.world.is_paused(*amf)).collect()
    }

    fn crash(&mut self, amf: AmfId) {
        if let Some(machine) = self.world.amf(amf) {
            crate::world::picture::add(&mut self.buried, machine.stats());
        }
        let kept = self.some_of(self.world.journalled(amf));
        if kept > 0 {
            self.apply(Step::Control(Control::KeepJournal(amf, kept)));
        }
        self.apply(Step::Control(Control::Crash(amf)));
        self.forget_parked(amf);
    }

    /// Requests that waited in front of a paused AMF that crashes end like those inside it.
    fn forget_parked(&mut self, amf: AmfId) {
        let (parked, rest) = core::mem::take(&mut self.parked)
            .into_iter()
            .partition(|(at, what)| *at == amf && matches!(what, What::Host { .. }));
        self.parked = rest;
        let parked: Vec<(AmfId, What)> = parked;
        for (_, what) in parked {
            self.queue.push(self.now, what);
        }
        self.unpark(amf);
    }

    fn restart(&mut self, amf: AmfId) {
        self.apply(Step::Control(Control::Restart(amf)));
        self.progress_at = self.now;
    }

    /// None, all, or some of what is being written, if that is torn.
    fn some_of(&mut self, all: usize) -> u32 {
        if self.profile.store.tears { self.network.so_many(all) } else { 0 }
    }

    /// Everything stops and starts again, with what disks, journals and witness have stored.
    fn power_fail(&mut self) {
        let amfs: Vec<AmfId> = (0..self.profile.config.amfs).map(AmfId).collect();
        // What was down before is broken, and stays down.
        let was_up = |amf: &AmfId| self.world.amf(*amf).is_some();
        let amfs: Vec<AmfId> = amfs.into_iter().filter(was_up).collect();
        for amf in &amfs {
            self.crash(*amf);
        }
        self.parked.clear();
        self.network.forget_held();
        for disk in (0..self.profile.config.disks_all()).map(DiskId) {
            let lost = self.some_of(self.world.may_be_lost(disk));
            if lost > 0 {
                self.apply(Step::Control(Control::LoseWrites(disk, lost)));
            }
        }
        self.apply(Step::Control(Control::PowerFail));
        if !self.world.witness().is_up() {
            self.apply(Step::Control(Control::WitnessUp));
        }
        for amf in amfs {
            self.restart(amf);
        }
    }

    fn pause(&mut self, amf: AmfId) {
        self.apply(Step::Control(Control::Pause(amf)));
    }

    fn resume(&mut self, amf: AmfId) {
        self.apply(Step::Control(Control::Resume(amf)));
        self.unpark(amf);
        self.progress_at = self.now;
    }

    /// Everything that waited for a paused AMF arrives now, in order.
    fn unpark(&mut self, amf: AmfId) {
        let (mine, rest) =
            core::mem::take(&mut self.parked).into_iter().partition(|(at, _)| *at == amf);
        self.parked = rest;
        let mine: Vec<(AmfId, What)> = mine;
        for (_, what) in mine {
            self.queue.push(self.now, what);
        }
    }

    // ---- the network

    fn partition(&mut self, named: &[Vec<NodeId>]) -> Result<(), EngineError> {
        let cfg = &self.profile.config;
        let sides = Sides::new(named, cfg.amfs, cfg.disks_all()).map_err(EngineError::Refused)?;
        self.apply(Step::Control(Control::Partition(named.to_vec())));
        self.network.partition(sides);
        Ok(())
    }

    fn heal(&mut self) {
        self.apply(Step::Control(Control::Heal));
        for (from, to, no) in self.network.heal() {
            self.queue.push(self.now, What::Deliver { from, to, no });
        }
        self.progress_at = self.now;
    }

    // ---- disks and the witness

    fn fail_disk(&mut self, disk: DiskId) {
        self.apply(Step::Control(Control::FailDisk(disk)));
    }

    fn replace_disk(&mut self, disk: DiskId) {
        self.apply(Step::Control(Control::ReplaceDisk(disk)));
        self.progress_at = self.now;
    }

    fn slow_disk(&mut self, disk: DiskId, time: Span) {
        self.apply(Step::Control(Control::SlowDisk(disk, time)));
        self.slow[usize::from(disk.0)] = time;
    }

    fn set_witness(&mut self, up: bool) {
        let control = if up { Control::WitnessUp } else { Control::WitnessDown };
        self.apply(Step::Control(control));
        if up {
            self.progress_at = self.now;
        }
    }

    fn set_defect(&mut self, defect: Defect, on: bool) {
        self.apply(Step::Control(Control::SetDefect(on.then_some(defect))));
    }

    /// Settles, destages, drops all lines, then a view under the protocol.
    fn switch_protocol(&mut self, protocol: Protocol) -> Result<(), EngineError> {
        if self.world.witness().view().protocol == protocol {
            return Ok(());
        }
        self.run_until_settled("the hosts to be answered")?;
        self.destage_everyone();
        self.run_until_settled("the dirty lines to be written")?;
        for amf in self.amfs_up() {
            self.apply(Step::Control(Control::DropLines(amf)));
        }
        self.apply(Step::Control(Control::SetProtocol(protocol)));
        self.run_until_settled("the view")
    }

    fn run_until_settled(&mut self, what: &str) -> Result<(), EngineError> {
        let deadline = self.now + SWITCH_TIME_MAX;
        while !self.settled() {
            if !self.step_once(deadline) {
                let reasons = self.world.unsettled().join("; ");
                return refuse(format!("gave up waiting for {what}: {reasons}"));
            }
        }
        Ok(())
    }

    // ---- held messages

    fn unhold(&mut self, filter: HoldFilter) -> usize {
        let go = self.network.unhold(filter);
        let count = go.len();
        for held in go {
            self.let_go(held);
        }
        self.progress_at = self.now;
        count
    }

    fn let_go(&mut self, held: Held) {
        match held.what {
            HeldWhat::Packet { no, .. } => {
                let (from, to) = (held.from, held.to);
                self.queue.push(self.now, What::Deliver { from, to, no });
            }
            HeldWhat::Store(disk) => self.queue.push(self.now, What::Store { disk }),
        }
    }

    fn release(&mut self, release: Release, fate: Fate) -> Result<usize, EngineError> {
        let count = match release {
            Release::Oldest(count) => count.max(1),
            Release::Pair(..) | Release::Nth(..) | Release::Id(_) => 1,
        };
        let mut done = 0;
        let mut older = match release {
            Release::Nth(_, _, nth) => nth.saturating_sub(1),
            Release::Oldest(_) | Release::Pair(..) | Release::Id(_) => 0,
        };
        for _ in 0..count {
            let fits = |held: &Held| match release {
                Release::Oldest(_) => true,
                Release::Pair(from, to) => (held.from, held.to) == (from, to),
                Release::Nth(from, to, _) => {
                    let fits = (held.from, held.to) == (from, to);
                    let is_it = fits && older == 0;
                    older = older.saturating_sub(u32::from(fits));
                    is_it
                }
                Release::Id(id) => held.id == id,
            };
            let held = self.network.take_held(fate == Fate::Repeat, fits);
            let Some(held) = held else { break };
            self.decide(held, fate);
            done += 1;
            self.drain_due();
        }
        if done == 0 {
            return refuse("no held message fits; hint: hold on");
        }
        Ok(done)
    }

    fn decide(&mut self, held: Held, fate: Fate) {
        self.progress_at = self.now;
        let (from, to) = (held.from, held.to);
        let HeldWhat::Packet { no, .. } = held.what else {
            return self.let_go(held);
        };
        let with_disk = held.is_with_disk();
        match fate {
            Fate::Deliver => self.let_go(held),
            // A request to a disk, or its answer, is never lost.
            Fate::Lose | Fate::Repeat if with_disk => self.let_go(held),
            Fate::Lose => self.apply(Step::Lose { from, to, no }),
            Fate::Repeat => {
                if self.world.can_handle(to) {
                    self.apply(Step::Deliver { from, to, no, keep: true });
                }
            }
        }
    }

    /// What is due now happens now: a held message that was let go arrives at once.
    fn drain_due(&mut self) {
        while self.step_once(self.now) {}
    }

    /// `step N`: the oldest held things, one after the other; where nothing is held, the clock moves
    /// to what comes next.
    fn step_held(&mut self, count: u32) -> usize {
        let mut done = 0;
        for _ in 0..count.max(1) {
            if let Some(held) = self.network.take_held(false, |_| true) {
                self.decide(held, Fate::Deliver);
            } else if let Some(at) = self.queue.next_at() {
                self.now = self.now.max(at);
            } else {
                break;
            }
            done += 1;
            self.drain_due();
        }
        done
    }

    // ---- the list of faults

    /// What people did to the network goes on in a world that this begins with.
    pub(super) fn know_faults(&mut self) {
        let cfg = &self.profile.config;
        let (amfs, disks) = (cfg.amfs, cfg.disks_all());
        let made = self.world.faults().iter().flat_map(|fault| fault.actions.clone());
        for action in made.collect::<Vec<_>>() {
            match action {
                Action::Partition(named) => {
                    if let Ok(sides) = Sides::new(&named, amfs, disks) {
                        self.network.partition(sides);
                    }
                }
                Action::Link(a, b, setting) => self.network.set_link(a, b, setting),
                Action::SlowDisk(disk, by) => self.slow[usize::from(disk.0)] = by,
                // The machines know.
                _ => {}
            }
        }
    }

    /// Something other than a broken rule is at work: progress cannot be demanded.
    fn is_broken(&self) -> bool {
        self.world.faults().iter().any(|fault| fault.broken != Broken::Rule)
    }

    /// A fault is active, or somebody holds messages: what does not move may not be able to.
    pub(super) fn is_hindered(&self) -> bool {
        self.is_broken() || self.network.holds_any() || !self.network.held().is_empty()
    }

    /// The active faults, each with how many packets, arrivals or requests have met it so far; `None`
    /// where that cannot be counted.
    #[must_use]
    pub fn faults_met(&self) -> Vec<(FaultInfo, Option<u64>)> {
        let links = self.network.link_faults();
        let met = |broken: Broken| match broken {
            Broken::Network => Some(self.network.partition_dropped),
            Broken::Link(a, b) => {
                let found = links.iter().find(|(pair, _)| *pair == (a, b));
                let fault = found.map(|(_, fault)| *fault).unwrap_or_default();
                Some(fault.dropped + fault.duplicated + fault.delayed + fault.reordered)
            }
            Broken::Pause(amf) => {
                Some(self.parked.iter().filter(|(at, _)| *at == amf).count() as u64)
            }
            Broken::Amf(_) | Broken::Disk(_) | Broken::Slow(_) | Broken::Witness | Broken::Rule => {
                None
            }
        };
        let all = self.fault_list().into_iter().zip(self.world.faults().iter());
        all.map(|(info, fault)| (info, met(fault.broken))).collect()
    }

    pub(super) fn fault_list(&self) -> Vec<FaultInfo> {
        let links = self.network.link_faults();
        let receipt = |broken: Broken| match broken {
            Broken::Network => {
                format!("dropped {}", Many(self.network.partition_dropped, "packet"))
            }
            Broken::Link(a, b) => {
                let found = links.iter().find(|(pair, _)| *pair == (a, b));
                let fault = found.map(|(_, fault)| *fault).unwrap_or_default();
                link_receipt(&fault)
            }
            Broken::Pause(amf) => {
                let waiting = self.parked.iter().filter(|(at, _)| *at == amf).count();
                format!("waiting: {}", Many::of(waiting, "arrival"))
            }
            Broken::Amf(amf) => {
                let out = self.world.witness().view().incarnation(amf).is_none();
                if out { "evicted".to_owned() } else { "not evicted yet".to_owned() }
            }
            Broken::Disk(disk) => {
                let refused = self.world.disk(disk).stats().fenced;
                format!("refused {}", Many(refused, "request"))
            }
            Broken::Slow(_) | Broken::Witness | Broken::Rule => String::new(),
        };
        let told = self.world.faults().iter();
        told.map(|fault| FaultInfo { receipt: receipt(fault.broken), ..fault.info.clone() })
            .collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Deliver,
    Lose,
    Repeat,
}

fn link_receipt(fault: &super::network::LinkFault) -> String {
    let parts = [
        (fault.dropped, "dropped"),
        (fault.duplicated, "duplicated"),
        (fault.delayed, "delayed"),
        (fault.reordered, "reordered"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{word} {count}"))
        .collect();
    if parts.is_empty() { "no packet met it yet".to_owned() } else { parts.join(", ") }
}

fn refuse<T>(why: impl Into<String>) -> Result<T, EngineError> {
    Err(EngineError::Refused(why.into()))
}
