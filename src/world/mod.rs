//! The cluster as one value: N AMFs, the witness, the disks, and the packets in flight.
//!
//! [`World::apply`] is the fold: one step in, events and [`Effect`]s out, invariants 1 to 5 checked.
//! [`World::steps`] says which steps could come next. A simulator picks among them by a seed and a
//! clock; an explorer tries all; a recording is the list of those that were taken.

mod apply;
mod check;
mod lens;
mod net;
pub mod picture;
mod recorded;
mod store;
mod words;

pub use net::InFlight;

use self::net::Net;
use self::store::{MapStore, Unreported};
use crate::protocol::amf::Amf;
use crate::protocol::cluster::Place;
use crate::protocol::group::GroupView;
use crate::protocol::id::{
    AmfId, Block, DiskId, Epoch, Incarnation, Instant, NodeId, OpId, Version,
};
use crate::protocol::table::Table;
use crate::protocol::{
    Answer, Body, Config, Defect, Disk, Frame, MsgKind, Nvram, Record, Witness, WitnessMsg,
};
use crate::trace::event::{Event, Violation};
use crate::trace::recording::Origin;
use crate::trace::step::{Control, Step};
use crate::trace::{Cells, Faults};
use std::collections::VecDeque;
use std::sync::Arc;

/// Events that nobody has taken yet; beyond this the oldest are dropped and counted.
const EVENTS_MAX: usize = 1 << 20;

/// An AMF's place in the cluster.
#[derive(Clone, Debug)]
struct Seat {
    /// `None`: crashed.
    amf: Option<Amf>,
    paused: bool,
    /// The last incarnation that was used: the next start uses one more \[H7\].
    incarnation: Incarnation,
    journal: Nvram,
}

impl Place for Seat {
    fn amf(&self) -> Option<&Amf> {
        self.amf.as_ref()
    }
}

/// A disk and what it is made of.
#[derive(Clone, Debug)]
struct Shelf {
    disk: Disk,
    store: MapStore,
    /// Results of operations that the store has done and the disk has not been told of.
    done: VecDeque<Unreported>,
}

/// What a step brings about that a scheduler has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A packet is in flight.
    Sent {
        /// Sender.
        from: NodeId,
        /// Receiver.
        to: NodeId,
        /// Its number on this pair.
        no: u64,
        /// What kind of packet it is.
        said: Said,
    },
    /// A disk gave its store an operation.
    Stored(DiskId),
    /// An AMF gave its journal an operation.
    Journalled(AmfId),
    /// A host is answered: [`World::poll_answer`] has it.
    Answered,
}

/// What a packet is to those who count messages and wait for progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// A message between AMFs, sent for the first time.
    Message(MsgKind, OpId),
    /// A view, or a request to a disk.
    Progress,
    /// An acknowledgement, a repetition, a renewal, a disk's answer.
    Nothing,
}

impl Said {
    fn of(body: &Body) -> Self {
        match body {
            Body::Frame(Frame { message: Some(message), again: false, cause, .. }) => {
                Self::Message(message.kind(), *cause)
            }
            Body::Witness(WitnessMsg::View(_)) | Body::DiskRequest(_) => Self::Progress,
            Body::Frame(_) | Body::Witness(_) | Body::DiskReply(_) => Self::Nothing,
        }
    }
}

/// Why a step cannot be applied: the log does not fit this world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("step {step}: {why}")]
pub struct BadStep {
    /// Its number.
    pub step: u64,
    /// What is wrong with it.
    pub why: String,
}

/// The cluster as one value.
#[derive(Clone, Debug)]
pub struct World {
    cfg: Arc<Config>,
    now: Instant,
    step: u64,
    seats: Vec<Seat>,
    shelves: Vec<Shelf>,
    witness: Witness,
    net: Net,
    /// Requests without an answer: where, and whether they write.
    asked: Table<OpId, (AmfId, bool)>,
    last_op: OpId,
    /// The newest version that each block took \[invariant 3\].
    newest: Table<Block, Version>,
    /// The rule that is broken on purpose, if it was switched on or off while it ran.
    defect: Option<Defect>,
    /// What people broke.
    faults: Faults,
    violations: Vec<Violation>,
    violations_total: u64,
    effects: VecDeque<Effect>,
    /// One for each `Effect::Answered`. Apart, so that effects stay small.
    answers: VecDeque<Answer>,
    events: VecDeque<Event>,
    events_lost: u64,
    /// Cells of the state x event table that were met while observed.
    cells: Cells,
    observed: bool,
    checks: bool,
    /// Machines that had an input since a scheduler last asked.
    moved: Vec<NodeId>,
    /// What the machines put out in the last step, in short; only while it is wanted.
    digest: Option<u32>,
    /// A machine that contradicts itself in this step crashes, and not the program.
    may_break: bool,
}

/// Violations that are kept in words; more are counted.
pub const VIOLATIONS_MAX: usize = 100;

impl World {
    /// A cluster in its first view, every AMF a member, at time 0. `epoch` is 1 more than any that
    /// was ever promised; `unclean`: copies on the disks may differ.
    #[must_use]
    pub fn new(cfg: &Arc<Config>, epoch: Epoch, unclean: bool) -> Self {
        Self::resume(cfg, &Origin { epoch, unclean, ..Origin::BLANK })
    }

    /// The same for disks that were used before. What their blocks contain comes with the steps
    /// ([`Self::apply_recorded`]).
    #[must_use]
    pub fn resume(cfg: &Arc<Config>, origin: &Origin) -> Self {
        let now = Instant(0);
        let group = origin.group.clone().unwrap_or_else(|| GroupView::fresh(&cfg.group));
        let gone = origin.gone.clone();
        let witness = Witness::resume(cfg, origin.epoch, group, gone, origin.unclean, now);
        let view = Arc::clone(witness.view());
        let seat = |amf| {
            let entries = origin.journals.get(usize::from(amf)).cloned().unwrap_or_default();
            let journal = Nvram::with(entries.clone());
            let amf = Amf::member(cfg, AmfId(amf), &view, entries, now);
            let incarnation = amf.incarnation();
            Seat { incarnation, amf: Some(amf), paused: false, journal }
        };
        let shelf = |disk| Shelf {
            disk: Disk::new(cfg, DiskId(disk), origin.fence(DiskId(disk))),
            store: MapStore::default(),
            done: VecDeque::new(),
        };
        let mut world = Self {
            cfg: Arc::clone(cfg),
            now,
            step: 0,
            seats: (0..cfg.amfs).map(seat).collect(),
            shelves: (0..cfg.disks_all()).map(shelf).collect(),
            witness,
            net: Net::new(cfg.amfs, cfg.disks_all()),
            asked: Table::default(),
            last_op: OpId::NONE,
            newest: Table::default(),
            defect: cfg.defect,
            faults: Faults::default(),
            violations: Vec::new(),
            violations_total: 0,
            effects: VecDeque::new(),
            answers: VecDeque::new(),
            events: VecDeque::new(),
            events_lost: 0,
            cells: Cells::default(),
            observed: false,
            checks: true,
            moved: Vec::new(),
            digest: None,
            may_break: false,
        };
        world.moved = world.nodes().collect();
        for amf in (0..cfg.amfs).map(AmfId) {
            world.drain_amf(amf);
        }
        world
    }

    /// Events are made only while somebody wants them.
    pub fn observe(&mut self, on: bool) {
        self.observed = on;
        for amf in self.seats.iter_mut().filter_map(|seat| seat.amf.as_mut()) {
            amf.observe(on);
        }
        if !on {
            self.events.clear();
        }
    }

    /// For somebody who goes on from here: what was not taken of the steps so far is forgotten, and every
    /// deadline is to be looked at.
    pub fn begin_again(&mut self) {
        self.effects.clear();
        self.answers.clear();
        self.observe(false);
        self.moved = self.nodes().collect();
    }

    /// Whether the invariants are checked after every step (they are, unless told otherwise).
    pub fn check_invariants(&mut self, on: bool) {
        self.checks = on;
    }

    /// The next effect of the steps so far.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The next answer of the steps so far.
    pub fn poll_answer(&mut self) -> Option<Answer> {
        self.answers.pop_front()
    }

    /// The next event, while [observed](Self::observe).
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Every step that could come next at this time. Ticks are in it for machines whose deadline is
    /// at or before `now`. Host requests and interference come from outside and are not in it.
    #[must_use]
    pub fn steps(&self, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        for (from, to, no) in self.net.in_flight() {
            if self.can_handle(to) {
                steps.push(Step::Deliver { from, to, no, keep: false });
            }
        }
        for (shelf, disk) in self.shelves.iter().zip(0..) {
            if !shelf.done.is_empty() {
                steps.push(Step::Store { disk: DiskId(disk) });
            }
        }
        for (seat, amf) in self.seats.iter().zip(0..) {
            if seat.journal.given() > 0 && seat.amf.is_some() && !seat.paused {
                steps.push(Step::Journal { amf: AmfId(amf), ok: true });
            }
        }
        for node in self.nodes() {
            if self.can_handle(node) && self.deadline(node) <= now {
                steps.push(Step::Tick { node });
            }
        }
        steps
    }

    /// Every machine.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        let (amfs, disks) = (self.cfg.amfs, self.cfg.disks_all());
        let amfs = (0..amfs).map(|amf| NodeId::Amf(AmfId(amf)));
        let disks = (0..disks).map(|disk| NodeId::Disk(DiskId(disk)));
        amfs.chain([NodeId::Witness]).chain(disks)
    }

    /// When a machine next wants a tick; never if it cannot handle one.
    #[must_use]
    pub fn deadline(&self, node: NodeId) -> Instant {
        if !self.can_handle(node) {
            return Instant::NEVER;
        }
        match node {
            NodeId::Amf(amf) => self.amf(amf).map_or(Instant::NEVER, Amf::deadline),
            NodeId::Witness => self.witness.deadline(),
            NodeId::Disk(disk) => self.shelves[usize::from(disk.0)].disk.deadline(),
        }
    }

    /// Machines whose deadline may have moved since [`Self::forget_moved`].
    #[must_use]
    pub fn moved(&self) -> &[NodeId] {
        &self.moved
    }

    /// A scheduler has looked at their deadlines: it does so after every step.
    pub fn forget_moved(&mut self) {
        self.moved.clear();
    }

    fn has_moved(&mut self, node: NodeId) {
        if !self.moved.contains(&node) {
            self.moved.push(node);
        }
    }

    /// False for an AMF that is down (its packets vanish) or paused (they wait).
    #[must_use]
    pub fn can_handle(&self, node: NodeId) -> bool {
        match node {
            NodeId::Amf(amf) => {
                let seat = &self.seats[usize::from(amf.0)];
                !seat.paused
            }
            NodeId::Witness | NodeId::Disk(_) => true,
        }
    }

    // ---- getters

    /// What the cluster is made of.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.cfg
    }
    /// The time of the last step.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }
    /// Steps so far.
    #[must_use]
    pub fn step_count(&self) -> u64 {
        self.step
    }
    /// An AMF, unless it has crashed.
    #[must_use]
    pub fn amf(&self, amf: AmfId) -> Option<&Amf> {
        self.seats[usize::from(amf.0)].amf.as_ref()
    }
    /// An AMF handles nothing until it is resumed.
    #[must_use]
    pub fn is_paused(&self, amf: AmfId) -> bool {
        self.seats[usize::from(amf.0)].paused
    }
    /// What an AMF's journal holds.
    #[must_use]
    pub fn journal(&self, amf: AmfId) -> &Nvram {
        &self.seats[usize::from(amf.0)].journal
    }
    /// A disk's store has done something that the disk has not been told of.
    #[must_use]
    pub fn has_stored(&self, disk: DiskId) -> bool {
        !self.shelves[usize::from(disk.0)].done.is_empty()
    }
    /// Operations that a disk's store has done and the disk has not been told of.
    #[must_use]
    pub fn stored(&self, disk: DiskId) -> usize {
        self.shelves[usize::from(disk.0)].done.len()
    }
    /// How many of those, the newest, a power failure may undo.
    #[must_use]
    pub fn may_be_lost(&self, disk: DiskId) -> usize {
        let done = &self.shelves[usize::from(disk.0)].done;
        done.iter().rev().take_while(|unreported| unreported.may_be_lost()).count()
    }
    /// Operations that an AMF's journal has not finished.
    #[must_use]
    pub fn journalled(&self, amf: AmfId) -> usize {
        self.seats[usize::from(amf.0)].journal.given()
    }
    /// Requests without an answer, by number: who was asked.
    #[must_use]
    pub fn requests(&self) -> Vec<(OpId, AmfId)> {
        let sorted = self.asked.sorted().into_iter();
        sorted.map(|(op, (amf, _))| (op, *amf)).collect()
    }
    /// A request with this number has no answer.
    #[must_use]
    pub fn is_asked(&self, op: OpId) -> bool {
        self.asked.contains(&op)
    }
    /// The highest number of a request so far.
    #[must_use]
    pub fn last_op(&self) -> OpId {
        self.last_op
    }
    /// The rule that is broken on purpose.
    #[must_use]
    pub fn defect(&self) -> Option<Defect> {
        self.defect
    }
    /// What people broke and have not mended.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
    /// An AMF's journal has something to do, and the AMF is there to be told.
    #[must_use]
    pub fn has_journalled(&self, amf: AmfId) -> bool {
        let seat = &self.seats[usize::from(amf.0)];
        seat.amf.is_some() && seat.journal.given() > 0
    }
    /// A disk.
    #[must_use]
    pub fn disk(&self, disk: DiskId) -> &Disk {
        &self.shelves[usize::from(disk.0)].disk
    }
    /// The version of a block on a disk, by the disk's own numbering.
    #[must_use]
    pub fn version_on(&self, disk: DiskId, at: u64) -> Version {
        let record = self.shelves[usize::from(disk.0)].store.record(at);
        record.map_or(Version::ZERO, |record| record.version)
    }
    /// The content of a block on a disk, by the disk's own numbering; `None`: never written.
    #[must_use]
    pub fn record_on(&self, disk: DiskId, at: u64) -> Option<&Record> {
        self.shelves[usize::from(disk.0)].store.record(at)
    }
    /// Every block of a disk that was ever written, by the disk's own numbering.
    pub fn records_on(&self, disk: DiskId) -> impl Iterator<Item = (u64, &Record)> {
        self.shelves[usize::from(disk.0)].store.records()
    }
    /// Blocks of a disk whose check sum is wrong.
    #[must_use]
    pub fn damaged_on(&self, disk: DiskId) -> usize {
        self.shelves[usize::from(disk.0)].store.damaged()
    }
    /// Blocks that a disk holds.
    #[must_use]
    pub fn written_on(&self, disk: DiskId) -> usize {
        self.shelves[usize::from(disk.0)].store.len()
    }
    /// The witness.
    #[must_use]
    pub fn witness(&self) -> &Witness {
        &self.witness
    }
    /// Requests without an answer.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.asked.len()
    }
    /// Packets in flight.
    #[must_use]
    pub fn in_flight(&self) -> &impl InFlight {
        &self.net
    }
    /// What the checkers found, the first [`VIOLATIONS_MAX`] in words.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
    /// How many violations they found.
    #[must_use]
    pub fn violations_total(&self) -> u64 {
        self.violations_total
    }
    /// How often each cell of the state x event table was met while observed.
    #[must_use]
    pub fn cells(&self) -> &Cells {
        &self.cells
    }
    /// The same, and counting begins again.
    pub fn take_cells(&mut self) -> Cells {
        core::mem::take(&mut self.cells)
    }
    /// Events dropped because nobody took them.
    #[must_use]
    pub fn events_lost(&self) -> u64 {
        self.events_lost
    }

    /// Records what a checker outside found.
    pub fn report(&mut self, checker: &str, key: Option<crate::protocol::id::Key>, text: String) {
        let violation = Violation { checker: checker.to_owned(), key, text, step: self.step };
        self.add_violation(NodeId::Witness, violation);
    }

    /// What keeps the machines from being settled, one line each; the network not counted.
    #[must_use]
    pub fn unsettled(&self) -> Vec<String> {
        let newest = self.witness.view().epoch;
        let mut reasons = Vec::new();
        for seat in self.seats.iter().filter(|seat| !seat.paused) {
            let Some(amf) = &seat.amf else { continue };
            match amf.unsettled() {
                Some(reason) => reasons.push(reason),
                None if amf.epoch() != newest => {
                    reasons.push(format!("{} has not installed {newest}", amf.id()));
                }
                None => {}
            }
        }
        if self.witness.is_up() && self.witness.is_busy() {
            reasons.push(format!("witness: {}", self.witness.doing()));
        }
        let view = self.witness.view();
        if self.witness.is_up() && view.group.is_rebuilding() {
            reasons.push("a disk is being refilled".to_owned());
        }
        // It says so again and again, but not all the time: a witness that was down has yet to hear it.
        let waits = |shelf: &&Shelf| shelf.disk.is_unadmitted() && !shelf.disk.is_failed();
        if let Some(shelf) = self.shelves.iter().find(waits).filter(|_| self.witness.is_up()) {
            reasons.push(format!("{} waits to be admitted", shelf.disk.id()));
        }
        let queued: usize = self.shelves.iter().map(|shelf| shelf.disk.queue()).sum();
        if queued > 0 {
            reasons.push(format!("{queued} disk operations"));
        }
        reasons
    }

    fn add_violation(&mut self, node: NodeId, violation: Violation) {
        self.violations_total += 1;
        self.push_event(node, crate::trace::EventKind::Violation(violation.clone()));
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(violation);
        }
    }

    fn push_event(&mut self, node: NodeId, kind: crate::trace::EventKind) {
        if !self.observed {
            return;
        }
        if self.events.len() >= EVENTS_MAX {
            self.events.pop_front();
            self.events_lost += 1;
        }
        self.events.push_back(Event { step: self.step, now: self.now, node, kind });
    }

    /// For people: a remark in the event stream.
    pub fn note(&mut self, text: String) {
        self.push_event(NodeId::Witness, crate::trace::EventKind::Note(text));
    }

    /// Interference in the words of a command.
    #[must_use]
    pub fn control_text(control: &Control) -> String {
        words::control_text(control)
    }
}
