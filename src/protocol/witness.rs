//! The witness: an actor outside the AMFs that decides views (section 5).
//!
//! It grants leases, evicts who stops renewing or cannot be reached, fences the disks, lets AMFs join,
//! and keeps the disk states. One change at a time: planned, its epoch made durable, the disks fenced,
//! then the view starts. An epoch is never reused.

mod decide;

use super::Protocol;
use super::config::Config;
use super::cover::Covers;
use super::defect::Defect;
use super::group::{Group, GroupView, SlotState};
use super::id::{AmfId, AmfSet, DiskId, Epoch, Incarnation, Instant, NodeId, Span};
use super::machine::{WitnessInput, WitnessOutput};
use super::message::{Body, Packet, Recovered, WitnessMsg};
use super::region::Gone;
use super::table::Table;
use super::view::View;
use std::collections::VecDeque;
use std::sync::Arc;

/// The incarnation of every AMF in the first view.
pub const FIRST_INCARNATION: Incarnation = Incarnation(1);

/// The next view, on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Change {
    view: View,
    leavers: AmfSet,
    admits: Vec<DiskId>,
    /// The epoch is durable.
    persisted: bool,
    /// Disks that have not answered the fence.
    awaiting: Vec<DiskId>,
    retry_at: Instant,
}

/// Somebody says that it cannot reach somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Suspicion {
    /// When it was said first, and last.
    since: Instant,
    said: Instant,
    /// When it is over, if it is not said again.
    until: Instant,
}

/// The witness. Drive it as `machine` says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Witness {
    cfg: Arc<Config>,
    group: Group,
    up: bool,
    view: Arc<View>,
    /// When each AMF's lease was last renewed, by our clock.
    heard: Vec<Instant>,
    /// Members whose partners hold their whole list in this view.
    covered: AmfSet,
    /// Who has what each owner must not lose \[D2\].
    covers: Covers,
    /// Who wants in, under which incarnation.
    joining: Table<AmfId, Incarnation>,
    /// Who is out, and when its lease must have run out.
    condemned: Table<AmfId, Instant>,
    /// Who cannot reach whom.
    suspects: Table<(AmfId, AmfId), Suspicion>,
    /// Disks that AMFs report, and those that were replaced.
    failed: Vec<DiskId>,
    replaced: Vec<DiskId>,
    generations: Vec<u32>,
    rebuilt: Option<u8>,
    /// How far the refill has come that the newest view asks for.
    filled: Option<(u8, u64)>,
    synchronised: bool,
    protocol: Option<Protocol>,
    change: Option<Change>,
    defect: Option<Defect>,
    outputs: VecDeque<WitnessOutput>,
}

impl Witness {
    /// A witness whose first view has every AMF and every disk, at `epoch` (1 more than any that
    /// was ever promised). `unclean`: the last run did not end cleanly, so copies may differ.
    #[must_use]
    pub fn new(cfg: &Arc<Config>, epoch: Epoch, unclean: bool, now: Instant) -> Self {
        Self::resume(cfg, epoch, GroupView::fresh(&cfg.group), Vec::new(), unclean, now)
    }

    /// The same for a group that was used before: `disks` says which disk fills which slot, and which
    /// of them were trusted in the last view. Last copies are trusted again \[M10\]; they may differ.
    /// `gone`: [`View::gone_at_restart`].
    #[must_use]
    pub fn resume(
        cfg: &Arc<Config>,
        epoch: Epoch,
        mut disks: GroupView,
        gone: Vec<Gone>,
        mut unclean: bool,
        now: Instant,
    ) -> Self {
        for slot in disks.slots.iter_mut().filter(|slot| slot.last) {
            (slot.state, slot.last) = (SlotState::Online, false);
            unclean = true;
        }
        if unclean {
            // What was refilled may be behind by what was in flight.
            disks.slots.iter_mut().for_each(|slot| slot.filled = 0);
        }
        let group = Group::new(&cfg.group);
        assert_eq!(disks.slots.len(), usize::from(cfg.group.disks), "a group of this layout");
        let view = View {
            epoch,
            members: (0..cfg.amfs).map(|amf| (AmfId(amf), FIRST_INCARNATION)).collect(),
            joined: vec![epoch; usize::from(cfg.amfs)],
            gone: if cfg.logs_regions() { gone } else { Vec::new() },
            replicas: cfg.replicas,
            protocol: cfg.protocol,
            group: disks,
            admitted: Epoch(0),
            unsynchronised: (unclean && group.is_redundant()).then_some(epoch),
        };
        Self {
            cfg: Arc::clone(cfg),
            group,
            up: true,
            covered: view.set(),
            covers: Covers::new(&view, cfg.journal),
            view: Arc::new(view),
            heard: vec![now; usize::from(cfg.amfs)],
            joining: Table::default(),
            condemned: Table::default(),
            suspects: Table::default(),
            failed: Vec::new(),
            replaced: Vec::new(),
            generations: vec![0; usize::from(cfg.disks_all())],
            rebuilt: None,
            filled: None,
            synchronised: false,
            protocol: None,
            change: None,
            defect: cfg.defect,
            outputs: VecDeque::new(),
        }
    }

    /// Power is back: of the first view nobody is up under the incarnation that it names. Whoever comes joins.
    pub fn nobody_is_up(&mut self) {
        self.covers.nobody_is_up(self.view.set());
    }

    /// One input. The caller has drained the outputs of the one before.
    pub fn handle(&mut self, now: Instant, input: WitnessInput) {
        assert!(self.outputs.is_empty(), "outputs are drained before the next input");
        match input {
            WitnessInput::Up => self.on_up(now),
            WitnessInput::Down => self.up = false,
            WitnessInput::SetDefect(defect) => self.defect = defect,
            WitnessInput::Packet(_) | WitnessInput::Tick | WitnessInput::SetProtocol(_)
                if !self.up => {}
            WitnessInput::Packet(packet) => self.on_packet(now, packet),
            WitnessInput::SetProtocol(protocol) => {
                self.protocol = (protocol != self.view.protocol).then_some(protocol);
            }
            WitnessInput::Persisted(epoch) => self.on_persisted(now, epoch),
            WitnessInput::Tick => {}
        }
        if self.up {
            self.review(now);
        }
    }

    /// The next output of the last input.
    pub fn poll_output(&mut self) -> Option<WitnessOutput> {
        self.outputs.pop_front()
    }

    /// When it next wants a `Tick`.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        if !self.up {
            return Instant::NEVER;
        }
        let lease = self.cfg.lease_at_witness();
        let leases = self.view.members.iter().filter(|(amf, _)| !self.condemned.contains(amf));
        let leases = leases.map(|(amf, _)| self.heard[usize::from(amf.0)] + lease);
        let verdicts = self.suspects.sorted().into_iter();
        let verdicts = verdicts.filter(|((a, b), suspicion)| self.both_live(*a, *b, suspicion));
        let verdicts = verdicts.map(|(_, suspicion)| suspicion.since + self.gathering());
        let waits = self.condemned.sorted().into_iter().map(|(_, until)| *until);
        let retry = self.change.iter().map(|change| change.retry_at);
        // While a change is under way, only its retry matters for what waits behind it.
        if self.change.is_some() {
            return leases.chain(retry).min().unwrap_or(Instant::NEVER);
        }
        leases.chain(verdicts).chain(waits).min().unwrap_or(Instant::NEVER)
    }

    /// The newest view.
    #[must_use]
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }
    /// It knows that the partners of `amf` have what it must not lose.
    #[must_use]
    pub fn is_covered(&self, amf: AmfId) -> bool {
        self.covered.contains(amf)
    }
    /// Somebody left whose work is not finished yet, as far as it knows, and is not lost either.
    #[must_use]
    pub fn awaits_recovery(&self) -> bool {
        self.covers.gone().iter().any(|gone| !gone.lost)
    }
    /// Who has to be thought of as gone when power is back, in `epoch`: [`View::gone_at_restart`], with what
    /// has been recovered since the newest view.
    #[must_use]
    pub fn gone_at_power_failure(&self, epoch: Epoch) -> Vec<Gone> {
        let view = View { gone: self.covers.gone(), ..View::clone(&self.view) };
        view.gone_at_restart(self.cfg.amfs, epoch, false, |_| self.cfg.journal)
    }
    /// The highest epoch that it promised: no later view has a lower one.
    #[must_use]
    pub fn promised(&self) -> Epoch {
        let coming = self.change.as_ref().map(|change| change.view.epoch);
        coming.map_or(self.view.epoch, |coming| coming.max(self.view.epoch))
    }
    /// What the newest promise says of the disks, to be stored with it \[M12\]: a disk that a view admits is
    /// blank, and obeys, some time before that view starts.
    #[must_use]
    pub fn promised_group(&self) -> &GroupView {
        self.change.as_ref().map_or(&self.view.group, |change| &change.view.group)
    }
    /// It answers.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up
    }
    /// A change is planned or under way, or somebody wants in.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.change.is_some() || !self.condemned.is_empty() || !self.joining.is_empty()
    }
    /// Some member cannot reach another, or could not a moment ago.
    #[must_use]
    pub fn is_suspicious(&self) -> bool {
        !self.suspects.is_empty()
    }
    /// What it is doing, in words.
    #[must_use]
    pub fn doing(&self) -> String {
        if !self.up {
            return "down".to_owned();
        }
        match (&self.change, self.condemned.sorted().first()) {
            (Some(change), _) if !change.persisted => "storing the epoch".to_owned(),
            (Some(change), _) => format!("fencing for {}", change.view.epoch),
            (None, Some((amf, _))) => format!("waiting for {amf}'s lease to run out"),
            (None, None) => "stable".to_owned(),
        }
    }

    // ---- what is said to it

    fn on_packet(&mut self, now: Instant, packet: Packet) {
        let Body::Witness(message) = packet.body else { return };
        match (packet.from, message) {
            (
                NodeId::Amf(amf),
                WitnessMsg::Renew { incarnation, epoch, sent, covered, recovered, refilled },
            ) => {
                if self.on_renew(now, amf, incarnation, epoch, sent, covered) {
                    self.on_recovered(amf, recovered);
                }
                self.filled = refilled.filter(|_| epoch == self.view.epoch).or(self.filled);
            }
            (NodeId::Amf(amf), WitnessMsg::Join { attempt, whole }) => {
                self.on_join(now, amf, Incarnation(attempt), whole);
            }
            (NodeId::Amf(amf), WitnessMsg::Suspect { epoch, peer }) => {
                self.on_suspect(now, amf, epoch, peer);
            }
            (NodeId::Amf(_), WitnessMsg::DiskFailed { epoch, disk }) => {
                self.on_disk_failed(epoch, disk);
            }
            (NodeId::Amf(_), WitnessMsg::Rebuilt { admitted, slot }) => {
                if admitted == self.view.admitted {
                    self.rebuilt = Some(slot);
                }
            }
            (NodeId::Amf(_), WitnessMsg::Synchronised { since }) => {
                self.synchronised |= self.view.unsynchronised == Some(since);
            }
            (NodeId::Amf(_), WitnessMsg::Accepted { upto }) => self.covers.accepted(upto),
            (NodeId::Disk(disk), WitnessMsg::Fenced { epoch }) => self.on_fenced(now, disk, epoch),
            (NodeId::Disk(disk), WitnessMsg::Replaced { generation }) => {
                let seen = &mut self.generations[usize::from(disk.0)];
                if generation > *seen && !self.replaced.contains(&disk) {
                    *seen = generation;
                    self.replaced.push(disk);
                }
            }
            (
                NodeId::Amf(_) | NodeId::Witness | NodeId::Disk(_),
                WitnessMsg::Renew { .. }
                | WitnessMsg::Renewed { .. }
                | WitnessMsg::Refused { .. }
                | WitnessMsg::Join { .. }
                | WitnessMsg::Suspect { .. }
                | WitnessMsg::DiskFailed { .. }
                | WitnessMsg::Rebuilt { .. }
                | WitnessMsg::Synchronised { .. }
                | WitnessMsg::Accepted { .. }
                | WitnessMsg::View(_)
                | WitnessMsg::Fence { .. }
                | WitnessMsg::Fenced { .. }
                | WitnessMsg::Replaced { .. },
            ) => {}
        }
    }

    /// `true`: it is a member, and has installed the newest view.
    fn on_renew(
        &mut self,
        now: Instant,
        amf: AmfId,
        incarnation: Incarnation,
        epoch: Epoch,
        sent: u64,
        covered: bool,
    ) -> bool {
        if self.view.incarnation(amf) != Some(incarnation) || self.condemned.contains(&amf) {
            self.tell(amf, WitnessMsg::Refused { incarnation });
            return false;
        }
        self.heard[usize::from(amf.0)] = now;
        if epoch < self.view.epoch {
            self.tell(amf, WitnessMsg::View(Arc::clone(&self.view)));
        } else if covered {
            self.covered.insert(amf);
            self.covers.covered(amf, &self.view);
        }
        self.tell(amf, WitnessMsg::Renewed { incarnation, sent });
        epoch == self.view.epoch
    }

    /// [D2] What an AMF adopted is on disk.
    fn on_recovered(&mut self, amf: AmfId, recovered: Option<Recovered>) {
        let journal = match recovered {
            None => return,
            Some(Recovered::Replicas) => false,
            Some(Recovered::Journal) => true,
        };
        self.covers.recovered(amf, self.view.joined(amf), journal);
    }

    /// Whoever joins has dropped everything: its older incarnation is out at once.
    fn on_join(&mut self, now: Instant, amf: AmfId, incarnation: Incarnation, whole: bool) {
        let is_new = self.view.incarnation(amf).is_none_or(|member| member < incarnation);
        if is_new && !whole {
            // [D2] Before it is in: the view that lets it in says what is lost.
            self.covers.journal_is_damaged(amf);
        }
        match self.view.incarnation(amf) {
            Some(member) if member == incarnation => {
                self.tell(amf, WitnessMsg::View(Arc::clone(&self.view)));
            }
            Some(member) if member > incarnation => {}
            Some(_) => {
                self.condemned.insert(amf, now);
                self.joining.insert(amf, incarnation);
            }
            None => {
                self.joining.insert(amf, incarnation);
            }
        }
    }

    fn on_suspect(&mut self, now: Instant, amf: AmfId, epoch: Epoch, peer: AmfId) {
        let members = self.view.set();
        if epoch == self.view.epoch && members.contains(amf) && members.contains(peer) {
            // [L3] Its AMF repeats it every half `suspect_after` as long as it is so: half as much again, and
            // it is over, or a link that delivers again would still cost a member.
            let until = now + Span(self.cfg.suspect_after.0 / 4 * 3);
            let since = self.suspects.get(&(amf, peer)).map_or(now, |before| before.since);
            self.suspects.insert((amf, peer), Suspicion { since, said: now, until });
        }
    }

    fn on_disk_failed(&mut self, epoch: Epoch, disk: DiskId) {
        let slot = self.view.group.slots.iter().find(|slot| slot.disk == disk);
        let alive = slot.is_some_and(|slot| slot.state != SlotState::Failed);
        let current = epoch == self.view.epoch;
        if alive && current && !self.failed.contains(&disk) && !self.replaced.contains(&disk) {
            self.failed.push(disk);
        }
    }

    fn on_up(&mut self, now: Instant) {
        self.up = true;
        self.suspects.clear();
        self.heard.fill(now);
    }

    // ---- carrying out

    fn on_persisted(&mut self, now: Instant, epoch: Epoch) {
        let disks = self.cfg.disks_all();
        let Some(change) = self.change.as_mut().filter(|c| c.view.epoch == epoch) else { return };
        change.persisted = true;
        if change.leavers.is_empty() && change.admits.is_empty() {
            return self.start_view(now);
        }
        change.awaiting = (0..disks).map(DiskId).collect();
        self.send_fences(now);
    }

    /// Tells every disk the new epoch; again until it answers [L2].
    fn send_fences(&mut self, now: Instant) {
        let retry = Span(self.cfg.retry.0 * 8);
        let Some(change) = &mut self.change else { return };
        change.retry_at = now + retry;
        let (epoch, who) = (change.view.epoch, change.leavers);
        for disk in change.awaiting.clone() {
            let admit = self.change.as_ref().is_some_and(|c| c.admits.contains(&disk));
            let body = Body::Witness(WitnessMsg::Fence { epoch, who, admit });
            self.send(NodeId::Disk(disk), body);
        }
    }

    fn on_fenced(&mut self, now: Instant, disk: DiskId, epoch: Epoch) {
        let Some(change) = self.change.as_mut().filter(|c| c.view.epoch == epoch) else { return };
        change.awaiting.retain(|waiting| *waiting != disk);
        if change.persisted && change.awaiting.is_empty() {
            self.start_view(now);
        }
    }

    fn start_view(&mut self, now: Instant) {
        let mut change = self.change.take().expect("a change that was carried out");
        if self.cfg.logs_regions() {
            change.view.gone = self.covers.change(&self.view, &change.view, self.defect);
        }
        for (amf, incarnation) in &change.view.members {
            let stayed = self.view.incarnation(*amf) == Some(*incarnation);
            if !stayed {
                self.heard[usize::from(amf.0)] = now;
            }
        }
        for amf in change.leavers.iter() {
            self.condemned.remove(&amf);
        }
        self.suspects.clear();
        self.covered = AmfSet::EMPTY;
        if change.view.admitted != self.view.admitted {
            // [M11] What was refilled was refilled onto disks of before; whoever refills begins again.
            self.rebuilt = None;
        }
        // Nor does how far a refill of the view before had come, if it was told meanwhile.
        self.filled = None;
        self.view = Arc::new(change.view);
        // A `Join` that was repeated while this view was on its way is answered by it.
        let view = Arc::clone(&self.view);
        self.joining.retain(|amf, wants| view.incarnation(*amf).is_none_or(|is| is < *wants));
        for (amf, _) in self.view.members.clone() {
            self.tell(amf, WitnessMsg::View(Arc::clone(&self.view)));
        }
    }

    fn tell(&mut self, amf: AmfId, message: WitnessMsg) {
        self.send(NodeId::Amf(amf), Body::Witness(message));
    }

    fn send(&mut self, to: NodeId, body: Body) {
        let from = NodeId::Witness;
        self.outputs.push_back(WitnessOutput::Send(Packet { from, to, body }));
    }
}
