//! The running machines. Whoever brings an input runs its machine and drains its outputs while
//! holding that machine's mutex; packets go to inboxes meanwhile and are delivered after it is
//! released, by a loop over inboxes, never by recursion.

use super::clock::Clock;
use super::events::Events;
use super::fabric::Fabric;
use super::hosts::{Hosts, Pending, Waiter};
use super::inbox::{Inbox, Worklist};
use super::keeper::Keeper;
use super::node::{AmfState, DiskState, DiskStore, Node, Row, WitnessState};
use super::steps::{StepLog, Ticket};
use super::switch::Switch;
use super::timer::{Pool, Signal, Timer};
use crate::guard::guarded;
use crate::profile::Profile;
use crate::protocol::group::Group;
use crate::protocol::id::{AmfId, Epoch, Instant, Key, NodeId, OpId};
use crate::protocol::{
    AmfInput, AmfOutput, Answer, Body, Config, Defect, HostError, Packet, Request, RequestKind,
};
use crate::trace::{Event, EventKind, Met, Step, Violation, narrate};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Requests that may wait for a paused AMF.
const WAITING_MAX: usize = 65_536;
/// Violations that are kept in words; all are counted.
const VIOLATIONS_MAX: usize = 100;

/// See the module.
pub(crate) struct Cluster {
    pub(crate) config: Arc<Config>,
    pub(crate) profile: Profile,
    pub(crate) row: Row,
    pub(crate) clock: Clock,
    pub(crate) steps: Arc<StepLog>,
    pub(crate) fabric: Fabric,
    pub(crate) events: Events,
    pub(crate) hosts: Hosts,
    pub(crate) amfs: Vec<Node<AmfState>>,
    pub(crate) witness: Node<WitnessState>,
    pub(crate) disks: Vec<Node<DiskState>>,
    pub(crate) stores: Vec<DiskStore>,
    /// Each AMF's journal; empty without journals.
    pub(crate) journals: Vec<DiskStore>,
    pub(crate) inboxes: Vec<Inbox>,
    pub(crate) timer: Timer,
    pub(crate) pool: Pool,
    pub(crate) signal: Signal,
    pub(crate) found: Mutex<Found>,
    pub(crate) keeper: Mutex<Keeper>,
    /// Host requests wait (a protocol switch is under way).
    pub(crate) gate: AtomicBool,
    pub(crate) ended: AtomicBool,
    pub(crate) group: Group,
    /// A protocol switch under way.
    pub(super) switch: Mutex<Option<Switch>>,
    /// The rule that is broken on purpose, and since when.
    pub(crate) defect: Mutex<Option<(Defect, Instant)>>,
    /// Where the sampler's window is.
    pub(crate) window_at: AtomicU64,
    pub(crate) first_epoch: Epoch,
    /// What had moved, and when that was last seen to change ([`Self::unsettled`]).
    pub(crate) progress: Mutex<(u64, Instant)>,
    /// The thread that writes the recording.
    pub(crate) recorder: Mutex<Option<JoinHandle<()>>>,
}

/// What checkers found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) first: Vec<Violation>,
    pub(crate) total: u64,
}

/// A step at one node: what it makes happen is collected here.
pub(crate) struct Turn<'a> {
    pub(crate) no: u64,
    pub(crate) now: Instant,
    pub(crate) node: NodeId,
    pub(crate) work: &'a mut Worklist,
    pub(crate) events: Option<Vec<Event>>,
    /// What a recording wants to know of it.
    pub(crate) ticket: Ticket<'a>,
}

impl Turn<'_> {
    pub(crate) fn say(&mut self, kind: impl FnOnce() -> EventKind) {
        if let Some(events) = &mut self.events {
            // Steps count from 1, numbers from 0.
            let step = self.no + 1;
            events.push(Event { step, now: self.now, node: self.node, kind: kind() });
        }
    }
}

impl Cluster {
    // ---- steps

    /// Numbers a step at `node`, whose mutex is held.
    pub(crate) fn turn<'a>(
        &'a self,
        node: NodeId,
        work: &'a mut Worklist,
        step: impl FnOnce() -> Step,
    ) -> Turn<'a> {
        let (no, now, ticket) = self.steps.number(&self.clock, step);
        Turn { no, now, node, work, events: self.events.is_on().then(Vec::new), ticket }
    }

    /// A further node's part in a step that concerns several, all of whose mutexes are held.
    pub(crate) fn same_turn<'a>(
        &'a self,
        node: NodeId,
        work: &'a mut Worklist,
        no: u64,
        now: Instant,
    ) -> Turn<'a> {
        let ticket = self.steps.part(no);
        Turn { no, now, node, work, events: self.events.is_on().then(Vec::new), ticket }
    }

    /// What a machine has to say before the first step.
    pub(crate) fn first_turn<'a>(&'a self, node: NodeId, work: &'a mut Worklist) -> Turn<'a> {
        let events = self.events.is_on().then(Vec::new);
        Turn { no: 0, now: Instant(0), node, work, events, ticket: Ticket::NONE }
    }

    pub(crate) fn end_turn(&self, turn: Turn<'_>) {
        if let Some(events) = turn.events {
            self.events.add(events);
        }
    }

    /// Something to tell that is no step of a machine.
    pub(crate) fn tell(&self, node: NodeId, kind: EventKind) {
        if self.events.is_on() {
            let (step, now) = (self.steps.count(), self.clock.now());
            self.events.add([Event { step, now, node, kind }]);
        }
    }

    /// A checker fired.
    pub(crate) fn violation(&self, checker: &str, key: Option<Key>, text: String) {
        let step = self.steps.count();
        let violation = Violation { checker: checker.to_owned(), key, text, step };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.total += 1;
        if found.first.len() < VIOLATIONS_MAX {
            found.first.push(violation.clone());
        }
        drop(found);
        // Who hears events hears of it, and need not read it twice.
        if !self.events.is_on() {
            tracing::error!(target: "check", "{}: {}", violation.checker, violation.text);
        }
        self.tell(NodeId::Witness, EventKind::Violation(violation));
    }

    // ---- AMFs

    /// Runs one input through an AMF and drains what it does.
    pub(crate) fn run_amf(
        &self,
        id: AmfId,
        state: &mut AmfState,
        mut turn: Turn<'_>,
        input: AmfInput,
    ) {
        let Some(machine) = &mut state.machine else { return };
        let asked_by = match &input {
            AmfInput::Host(request) => request.op,
            AmfInput::Packet(Packet { body: Body::Frame(frame), .. }) => frame.cause,
            _ => OpId::NONE,
        };
        let saved = machine.stats().broadcasts_saved;
        let now = turn.now;
        let epoch = machine.epoch();
        // The core panics on a contradiction; that is a finding, and ends the AMF, not the program.
        if let Err(text) = guarded(|| machine.handle(now, input)) {
            self.violation("core", None, text);
            turn.ticket.set_broke();
            self.crash_locked(id, state, &mut turn);
            return self.end_turn(turn);
        }
        state.recent.add(machine.touched_keys());
        let saved = machine.stats().broadcasts_saved - saved;
        if saved > 0 && asked_by != OpId::NONE {
            self.hosts.count_saved(asked_by, u32::try_from(saved).unwrap_or(u32::MAX));
        }
        self.drain_amf(id, state, &mut turn);
        if let Some(machine) = &state.machine
            && machine.epoch() != epoch
            && let Some(view) = machine.view()
        {
            turn.say(|| EventKind::View { epoch: view.epoch, members: view.set() });
        }
        self.end_turn(turn);
    }

    /// What an AMF has to say after an input, and when it wants a tick.
    pub(crate) fn drain_amf(&self, id: AmfId, state: &mut AmfState, turn: &mut Turn<'_>) {
        while let Some(fact) = state.machine.as_mut().and_then(crate::protocol::Amf::poll_fact) {
            turn.say(|| EventKind::Rule(fact));
        }
        if turn.events.is_some()
            && let Some(machine) = &mut state.machine
        {
            // Steps count from 1, numbers from 0.
            let (step, now) = (turn.no + 1, turn.now);
            let at = |block| Met { count: 1, step, now, amf: id, block };
            let met = std::iter::from_fn(|| machine.poll_cell());
            self.events.meet(met.map(|(block, cell)| (cell, at(block))));
        }
        while let Some(output) = state.machine.as_mut().and_then(crate::protocol::Amf::poll_output)
        {
            turn.ticket.put(&output);
            match output {
                AmfOutput::Send(packet) => self.send(turn, &mut state.sent, packet),
                AmfOutput::Answer(answer) => self.answer(id, state, turn, answer),
                AmfOutput::Journal(op) => self.give_journal(id, state, op),
            }
        }
        if let Some(machine) = &state.machine {
            state.incarnation = state.incarnation.max(machine.incarnation());
            if self.amfs[usize::from(id.0)].set_deadline(machine.deadline()) {
                self.timer.due(machine.deadline());
            }
        }
    }

    fn answer(&self, id: AmfId, state: &mut AmfState, turn: &mut Turn<'_>, answer: Answer) {
        turn.say(|| narrate::answered(&answer));
        if let Some(pending) = state.ops.remove(&answer.op) {
            self.tell_so_far(turn);
            self.hosts.end(id, answer, pending, turn.now, &self.events);
        }
    }

    /// Whoever has an answer can see what led to it.
    fn tell_so_far(&self, turn: &mut Turn<'_>) {
        if let Some(events) = &mut turn.events {
            self.events.add(core::mem::take(events));
        }
    }

    /// A host's request to an AMF, with a number of its own. The caller pumps afterwards.
    pub(crate) fn ask(
        &self,
        id: AmfId,
        kind: RequestKind,
        waiter: Waiter,
        work: &mut Worklist,
    ) -> OpId {
        let full = matches!(waiter, Waiter::Port) && self.hosts.is_full();
        let op = self.hosts.begin(&waiter);
        self.give(id, Request { op, kind }, (waiter, full), work);
        op
    }

    /// A request that was turned away goes to another AMF, under its number.
    pub(crate) fn ask_again(&self, op: OpId, id: AmfId, kind: RequestKind, work: &mut Worklist) {
        let full = self.hosts.is_full();
        self.hosts.begin_again(op);
        self.give(id, Request { op, kind }, (Waiter::Port, full), work);
    }

    /// `full`: whoever wants the answer is turned away.
    fn give(
        &self,
        id: AmfId,
        request: Request,
        (waiter, full): (Waiter, bool),
        work: &mut Worklist,
    ) {
        let op = request.op;
        let mut state = self.amfs[usize::from(id.0)].lock();
        let started = self.clock.now();
        let is_write = request.kind.is_write();
        let pending = Pending { started, is_write, waiter };
        let waits = state.paused.is_some() || self.gate.load(Ordering::Relaxed);
        if full
            || state.machine.is_none()
            || self.ended.load(Ordering::Relaxed)
            || (waits && state.waiting.len() >= WAITING_MAX)
        {
            let answer = Answer::failed(op, HostError::NotServing);
            return self.hosts.end(id, answer, pending, started, &self.events);
        }
        state.ops.insert(op, pending);
        if waits {
            state.waiting.push_back(request);
        } else {
            self.ask_now(id, &mut state, request, work);
        }
    }

    fn ask_now(&self, id: AmfId, state: &mut AmfState, request: Request, work: &mut Worklist) {
        let step = || Step::Host { amf: id, request: request.clone() };
        let mut turn = self.turn(NodeId::Amf(id), work, step);
        turn.say(|| narrate::asked(&request, self.config.sectors_per_block()));
        self.run_amf(id, state, turn, AmfInput::Host(request));
    }

    /// Hands over the requests that waited, as many as there are now.
    pub(crate) fn ask_waiting(&self, id: AmfId, work: &mut Worklist) {
        let mut state = self.amfs[usize::from(id.0)].lock();
        while state.paused.is_none() && state.machine.is_some() {
            let Some(request) = state.waiting.pop_front() else { break };
            self.ask_now(id, &mut state, request, work);
        }
    }

    /// With its mutex held: the machine is gone, and so is everything on the way to it.
    pub(crate) fn crash_locked(&self, id: AmfId, state: &mut AmfState, turn: &mut Turn<'_>) {
        if let Some(machine) = state.machine.take() {
            super::snapshot::add_stats(&mut state.past, machine.stats());
        }
        state.down = Some(turn.now);
        state.paused = None;
        state.waiting.clear();
        // What was given to the journal and is not finished never happened, as far as it knows.
        state.stale_results += state.journal.given();
        state.journal.lose_given();
        self.amfs[usize::from(id.0)].set_deadline(Instant::NEVER);
        let mut ops: Vec<OpId> = state.ops.keys().copied().collect();
        ops.sort_unstable();
        for op in ops {
            let Some(pending) = state.ops.remove(&op) else { continue };
            let error =
                if pending.is_write { HostError::UnknownOutcome } else { HostError::NotServing };
            let answer = Answer::failed(op, error);
            turn.say(|| narrate::answered(&answer));
            self.tell_so_far(turn);
            self.hosts.end(id, answer, pending, turn.now, &self.events);
        }
        let to = NodeId::Amf(id);
        for item in self.inboxes[self.row.index(to)].drain() {
            self.lose(to, item);
        }
    }
}
