//! Only what the protocol promises to survive may be done to it: no more AMFs fail at once than there are
//! replicas (unless writes go through), no more disks than there is redundancy for. Who draws faults asks
//! before each; who shrinks a plan throws away whatever would demand more.

use crate::protocol::id::{AmfId, DiskId, Instant, NodeId, Span};
use crate::protocol::{Amf, Config, Layout, WritePolicy};
use crate::session::RUN_UNTIL;
use crate::sim::Sim;
use crate::trace::action::{Action, HoldFilter, LinkSetting, Release};
use crate::trace::sides::Sides;
use crate::trace::snapshot::{AmfStatus, Ask, DiskInfo};
use crate::trace::standing::place_on;
use crate::trace::{Command, Engine};
use std::sync::Arc;

/// Disks that may be out of order in one set of copies.
const fn tolerance(layout: Layout, copies: u8) -> u8 {
    match layout {
        Layout::Single | Layout::Stripe => 0,
        Layout::Mirror => copies - 1,
        Layout::Raid5 | Layout::Raid6 => layout.parity(),
    }
}

/// Messages may be late for this part of the time after which their receiver is suspected.
pub(super) const HOLD_SHARE: u64 = 3;

/// How long messages may be late before somebody is suspected for it. Disks never are, and who cannot renew
/// its lease leaves when that is over.
fn patience(filter: HoldFilter, config: &Config) -> Span {
    let ends = filter.pair.map_or([NodeId::Witness; 2], |(from, to)| [from, to]);
    let has = |is: fn(&NodeId) -> bool| ends.iter().any(is);
    if has(|node| matches!(node, NodeId::Disk(_))) {
        return Span::secs(3_600);
    }
    let suspected = Span(config.suspect_after.0 / HOLD_SHARE);
    let lease = Span(config.lease.0 / HOLD_SHARE);
    if has(|node| *node == NodeId::Witness) { suspected.min(lease) } else { suspected }
}

/// Keeps count of what has been done to a cluster.
#[derive(Clone, Debug)]
pub struct Guard {
    through: bool,
    parity: bool,
    journal: bool,
    replicas: u8,
    /// More may go than is promised to be survived: what is lost is known to be lost.
    beyond: bool,
    /// More have gone.
    exceeded: bool,
    /// Members that may still go, of those that could when everybody was covered.
    spare: u8,
    /// A partition is in force.
    cut: bool,
    /// Links that lose packets, or delay them so long that they look lost.
    lossy: Vec<(NodeId, NodeId)>,
    /// Messages of these are late, since then; `None`: that a member may leave for it is booked.
    holds: Vec<(HoldFilter, Option<Instant>)>,
    /// Until then an AMF may still suspect another for what a link did before it was mended.
    uneasy_until: Instant,
}

impl Guard {
    /// For a cluster that nothing has been done to.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            through: config.write == WritePolicy::Through,
            parity: config.group.layout.parity() > 0,
            journal: config.journal,
            replicas: config.replicas,
            beyond: false,
            exceeded: false,
            spare: 0,
            cut: false,
            lossy: Vec::new(),
            holds: Vec::new(),
            uneasy_until: Instant(0),
        }
    }

    /// From now on more may go than replicas make up for, where a dirty-region log is kept.
    pub fn allow_beyond(&mut self, config: &Config) {
        self.beyond = config.logs_regions();
    }

    /// Nobody asks: more may have gone.
    pub fn anything_goes(&mut self) {
        self.exceeded = true;
    }

    /// More have gone than replicas make up for: something may be in doubt.
    #[must_use]
    pub fn is_exceeded(&self) -> bool {
        self.exceeded
    }

    /// It is more than is promised; that may be permitted.
    fn exceed(&mut self, sim: &mut Sim) -> bool {
        let allowed = self.beyond && (!self.parity || broken(sim, None) == 0);
        self.exceeded |= allowed;
        allowed
    }

    /// Whether the command may be given now: the engine takes it, and the protocol survives it. A command
    /// that may is booked, and must then be given.
    pub fn permits(&mut self, command: &Command, sim: &mut Sim) -> bool {
        if matches!(command, Command::Act(action) if action.check(sim).is_err()) {
            return false;
        }
        let ends_hold = matches!(command, Command::Act(Action::Unhold(_)));
        if !ends_hold && !self.outlasts_holds(command, sim) {
            return false;
        }
        match command {
            Command::Act(Action::Crash(_) | Action::Pause(_)) => self.may_lose(1, sim),
            Command::Act(Action::Partition(named)) => self.may_partition(named, sim),
            Command::Act(Action::Link(a, b, setting)) => self.may_link(*a, *b, *setting, sim),
            Command::Act(Action::Heal) => {
                let was = self.cut || !self.lossy.is_empty();
                (self.cut, self.lossy) = (false, Vec::new());
                self.mended(was, sim);
                true
            }
            Command::Act(Action::FailDisk(disk)) => self.may_fail(*disk, sim),
            // Damage is a failure too: one more than the group survives would be one too many.
            Command::Act(Action::Corrupt(disk, block)) => {
                let there =
                    place_on(sim.config(), &sim.world().witness().view().group, *disk, *block);
                there.is_ok() && self.may_fail(*disk, sim)
            }
            Command::Act(Action::ReplaceDisk(disk)) => {
                let disks = sim.snapshot(&Ask::BRIEF).disks;
                let is_failed = disks.get(usize::from(disk.0)).is_some_and(|disk| disk.failed);
                is_failed || self.may_fail(*disk, sim)
            }
            // Everything that was acknowledged is on disks or in journals, and everybody comes back; and so are
            // the intents of rows that were being written. Without journals those are made equal from their
            // data, which must all be there.
            Command::Act(Action::PowerFail) => {
                let journalled = self.journal && self.is_quiet(sim);
                let whole = !self.parity || broken(sim, None) == 0;
                let allowed = journalled || (self.through && whole) || self.exceed(sim);
                // Until everybody has adopted its journal nobody else has what is in it.
                if allowed {
                    self.spare = 0;
                }
                allowed
            }
            // What nobody else has is lost with it.
            Command::Act(Action::CorruptJournal(_)) => self.exceed(sim),
            Command::Act(Action::AcceptLoss) => {
                sim.world().witness().view().lost().next().is_some()
            }
            // A switch waits until everything has settled.
            Command::Act(Action::Protocol(_)) => self.is_quiet(sim),
            Command::Act(Action::Hold(filter)) => self.may_hold(true, *filter, sim),
            Command::Act(Action::Unhold(filter)) => self.may_hold(false, *filter, sim),
            // What a crashed AMF had sent may be lost with it.
            Command::Act(Action::Lose(Release::Pair(NodeId::Amf(from), _)))
                if sim.world().amf(*from).is_none() =>
            {
                true
            }
            // What a seed never draws, but a script may say: held messages may be anybody's last.
            Command::Act(Action::Lose(_)) => {
                self.is_quiet(sim) || self.spare > 0 || self.exceed(sim)
            }
            // An expiry alone evicts nobody.
            Command::Act(
                Action::Destage(_)
                | Action::Evict(..)
                | Action::Scrub
                | Action::Restart(_)
                | Action::Resume(_)
                | Action::ExpireLease(_)
                | Action::SlowDisk(..)
                | Action::Witness(_)
                | Action::Defect(..)
                | Action::Deliver(_)
                | Action::Repeat(_)
                | Action::Step(_)
                | Action::Tempo(_)
                | Action::Record(_)
                | Action::Seek(_),
            )
            | Command::Host(_)
            | Command::Start(..)
            | Command::Await(_)
            | Command::Workload(..)
            | Command::Replay(_)
            | Command::RunUntil(..)
            | Command::Wait(_)
            | Command::Settle
            | Command::Audit
            | Command::Why(..)
            | Command::Note(_)
            | Command::Expect(_) => true,
        }
    }

    fn may_hold(&mut self, on: bool, filter: HoldFilter, sim: &mut Sim) -> bool {
        // Step mode: what a seed never draws, but a script may say.
        if on && filter.is_all() {
            return self.is_quiet(sim) || self.spare > 0 || self.exceed(sim);
        }
        let before = self.holds.len();
        self.holds.retain(|(held, _)| *held != filter && (on || !filter.is_all()));
        let was = self.holds.len() < before;
        if on {
            self.holds.push((filter, Some(sim.now())));
        } else {
            self.mended(was, sim);
        }
        !(on && was)
    }

    /// What is late for long looks lost, and costs a member: booked before a command that may outlast the
    /// others' patience.
    fn outlasts_holds(&mut self, command: &Command, sim: &mut Sim) -> bool {
        let until = match command {
            Command::Wait(span) => sim.now() + *span,
            Command::RunUntil(_, within) => sim.now() + within.unwrap_or(RUN_UNTIL),
            Command::Host(_)
            | Command::Await(_)
            | Command::Settle
            | Command::Audit
            | Command::Expect(_) => Instant::NEVER,
            _ => sim.now(),
        };
        let config = Arc::clone(sim.world().config());
        let due = |(filter, since): &(HoldFilter, Option<Instant>)| {
            since.is_some_and(|since| until > since + patience(*filter, &config) + Span::micros(1))
        };
        while let Some(at) = self.holds.iter().position(due) {
            let members = sim.world().witness().view().members.len();
            // Of one kind, and anybody's: nobody reaches anybody.
            let everybody = u8::try_from(members.saturating_sub(1)).expect("at most 64");
            let cost = if self.holds[at].0.pair.is_some() { 1 } else { everybody };
            if !self.may_lose(cost, sim) {
                return false;
            }
            self.holds[at].1 = None;
        }
        true
    }

    /// How long what is held may be late still without costing a member, and what holds it: whatever is
    /// due first.
    #[must_use]
    pub fn patience(&self, sim: &Sim) -> Option<(Span, HoldFilter)> {
        let left = |(filter, since): &(HoldFilter, Option<Instant>)| {
            let until = (*since)? + patience(*filter, sim.config());
            Some((Span(until.0.saturating_sub(sim.now().0)), *filter))
        };
        self.holds.iter().filter_map(left).min_by_key(|(left, _)| *left)
    }

    fn mended(&mut self, was: bool, sim: &Sim) {
        if was {
            let patience = sim.config().suspect_after;
            self.uneasy_until = sim.now() + Span(patience.0 * 3 / 2);
        }
    }

    fn may_partition(&mut self, named: &[Vec<NodeId>], sim: &mut Sim) -> bool {
        let (amfs, disks) = (sim.config().amfs, sim.config().disks_all());
        let Ok(sides) = Sides::new(named, amfs, disks) else { return false };
        let away = |amf: &AmfId| sides.cuts(NodeId::Amf(*amf), NodeId::Witness);
        let away = (0..amfs).map(AmfId).filter(away).count();
        let allowed = self.may_lose(u8::try_from(away).unwrap_or(u8::MAX), sim);
        self.cut |= allowed;
        allowed
    }

    fn may_link(&mut self, a: NodeId, b: NodeId, setting: LinkSetting, sim: &mut Sim) -> bool {
        let ends = (a.min(b), a.max(b));
        let with_disk = [a, b].iter().any(|node| matches!(node, NodeId::Disk(_)));
        let looks_lost = match setting {
            LinkSetting::Drop(rate) => rate > 0,
            LinkSetting::Delay(delay) => delay.0 > sim.config().suspect_after.0 / 6,
            LinkSetting::Duplicate(_) | LinkSetting::Reorder => false,
            LinkSetting::Clear => {
                let before = self.lossy.len();
                self.lossy.retain(|lossy| *lossy != ends);
                self.mended(self.lossy.len() < before, sim);
                false
            }
        };
        // Packets to disks are never lost, and disks are never suspected.
        if !looks_lost || with_disk || self.lossy.contains(&ends) {
            return true;
        }
        let allowed = self.may_lose(1, sim);
        if allowed {
            self.lossy.push(ends);
        }
        allowed
    }

    /// So many members more may leave without losing what only memory holds: since everybody was covered,
    /// at most as many as there are replicas. Write-through loses nothing: a write that nobody can finish was
    /// not acknowledged. With parity it costs what it shared its row with, though, if a disk is missing (the
    /// write hole); with every disk there, its parity is made anew.
    fn may_lose(&mut self, count: u8, sim: &mut Sim) -> bool {
        if self.through && (!self.parity || broken(sim, None) == 0) {
            return true;
        }
        if self.is_quiet(sim) {
            let members = sim.world().witness().view().members.len();
            let others = u8::try_from(members.saturating_sub(1)).expect("at most 64");
            self.spare = self.replicas.min(others);
        }
        let allowed = self.spare >= count;
        if allowed {
            self.spare -= count;
        }
        allowed || self.exceed(sim)
    }

    /// Another disk may fail: of what the others have enough is left. With parity no row may be torn: where
    /// writes go through, members may have left in the middle of one. After a power failure rows are torn for a
    /// while, and somebody's journal says how to mend each.
    fn may_fail(&self, disk: DiskId, sim: &mut Sim) -> bool {
        let group = &sim.config().group;
        let tolerance = tolerance(group.layout, group.copies);
        let witness = sim.world().witness();
        let (stable, equal) = (!witness.is_busy(), witness.view().unsynchronised.is_none());
        let whole = equal || (self.journal && !self.through && !self.exceeded);
        let torn = self.parity && !(whole && (!self.through || self.is_quiet(sim)));
        stable && !torn && broken(sim, Some(disk)) < tolerance
    }

    /// Every member of the newest view serves, has installed it and is covered; whoever is up is a member;
    /// no packet is lost on purpose, and nobody is on the way out.
    fn is_quiet(&self, sim: &mut Sim) -> bool {
        let snapshot = sim.snapshot(&Ask::BRIEF);
        let world = sim.world();
        let members = snapshot.view.set();
        let fine = |amf: AmfId| {
            let info = &snapshot.amfs[usize::from(amf.0)];
            let installed = info.epoch == snapshot.view.epoch;
            let covered = world.amf(amf).is_some_and(Amf::is_covered)
                && (!world.config().logs_regions() || world.witness().is_covered(amf));
            if members.contains(amf) {
                info.status == AmfStatus::Serving && installed && covered
            } else {
                world.amf(amf).is_none()
            }
        };
        let witness = world.witness();
        let leaving = witness.is_busy() || witness.is_suspicious() || witness.awaits_recovery();
        let mended = !self.cut
            && self.lossy.is_empty()
            && self.holds.is_empty()
            && sim.now() >= self.uneasy_until;
        mended && !leaving && (0..sim.config().amfs).all(|amf| fine(AmfId(amf)))
    }
}

/// Disks but for this one that are not as everybody trusts them to be. A replaced disk is admitted, blank,
/// some time before the view that says so.
fn broken(sim: &mut Sim, but: Option<DiskId>) -> u8 {
    let disks = sim.snapshot(&Ask::BRIEF).disks;
    let world = sim.world();
    let is_whole = |info: &DiskInfo| {
        let trusted = matches!(info.role.as_str(), "online" | "spare");
        let disk = world.disk(info.id);
        let settled = !disk.is_unadmitted() && !disk.awaits_deed();
        trusted && settled && !info.failed && world.damaged_on(info.id) == 0
    };
    let broken = disks.iter().filter(|info| Some(info.id) != but && !is_whole(info)).count();
    u8::try_from(broken).unwrap_or(u8::MAX)
}
