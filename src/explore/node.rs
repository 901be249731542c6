//! A point of a walk: a cluster, what is left to happen, and how it goes on.
//!
//! What is not between AMFs happens at once: the witness and the disks hear, and do, what they are told;
//! only their answers may be late. Links lose nothing, and time passes only where somebody waits for it.

use super::model::{Fault, Model, RETRY};
use super::table::{Sent, Walked};
use crate::protocol::cell::{Cell, State};
use crate::protocol::host::{Payload, Request, RequestKind, Sectors};
use crate::protocol::id::{AmfId, Block, DiskId, Epoch, Instant, NodeId, OpId};
use crate::protocol::{Body, Data, DiskOp, Frame, Protocol, Stamp, WitnessMsg};
use crate::trace::event::{DiskWhat, EventKind};
use crate::trace::step::{Control, Step, StepEntry};
use crate::world::{Effect, InFlight, World};

/// The one block there is.
pub(super) const BLOCK: Block = Block(0);

/// How a walk may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// A host asks.
    Host(AmfId, Asks),
    /// The oldest packet of a lane arrives.
    Deliver(NodeId, AmfId, u64),
    /// A journal is done, or not.
    Journal(AmfId, bool),
    /// A line makes room.
    Evict(AmfId),
    /// A line is written to the group.
    Destage(AmfId),
    /// Time passes: batches of retired replicas leave.
    Wait,
    /// Something fails.
    Fail(Fault, u8),
    /// An AMF that crashed starts again; one that was cut off is heard again.
    Heal(AmfId),
}

/// What hosts ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    Read,
    Write,
    WritePart,
    Compare,
    Zero,
    Flush,
}

/// See the module.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) world: World,
    /// Operations of hosts that are under way, by AMF.
    pub(super) asked: Vec<Vec<OpId>>,
    /// The witness and this AMF do not hear each other.
    pub(super) cut: Option<AmfId>,
    /// A fault has happened.
    pub(super) faulty: bool,
    next_op: u64,
}

impl Node {
    pub(super) fn new(model: &Model, protocol: Protocol) -> Self {
        let mut world = World::new(&model.config(protocol), Epoch(1), false);
        world.observe(true);
        let asked = vec![Vec::new(); usize::from(model.amfs)];
        let mut node = Self { world, asked, cut: None, faulty: false, next_op: 1 };
        node.calm(&mut Walked::default());
        node
    }

    fn amfs(&self) -> impl Iterator<Item = AmfId> + use<> {
        (0..u8::try_from(self.asked.len()).unwrap_or(u8::MAX)).map(AmfId)
    }

    // ---- what may happen

    pub(super) fn moves(&self, model: &Model) -> Vec<Move> {
        let mut moves = Vec::new();
        let mut last = None;
        for (from, to, no) in self.world.in_flight().in_flight() {
            // Lanes are first in, first out.
            if let NodeId::Amf(amf) = to
                && last != Some((from, to))
            {
                last = Some((from, to));
                moves.push(Move::Deliver(from, amf, no));
            }
        }
        let mut waits = false;
        let outstanding: usize = self.asked.iter().map(Vec::len).sum();
        for amf in self.amfs() {
            let Some(machine) = self.world.amf(amf) else {
                moves.push(Move::Heal(amf));
                continue;
            };
            if self.world.has_journalled(amf) {
                moves.push(Move::Journal(amf, true));
            }
            if machine.line(BLOCK).is_some() {
                moves.push(Move::Evict(amf));
            }
            if machine.dirty() > 0 {
                moves.push(Move::Destage(amf));
            }
            if machine.retires() {
                waits = true;
            }
            if self.cut == Some(amf) || machine.lease_until() <= self.world.now() {
                moves.push(Move::Heal(amf));
            }
            let own = self.asked[usize::from(amf.0)].len();
            if own < usize::from(model.at_once.0) && outstanding < usize::from(model.at_once.1) {
                moves.extend(model.asks.iter().map(|asks| Move::Host(amf, *asks)));
            }
        }
        if waits {
            moves.push(Move::Wait);
        }
        moves
    }

    /// The faults that may happen here.
    pub(super) fn faults(&self, model: &Model) -> Vec<Move> {
        let mut moves = Vec::new();
        let disks = if model.mirror { 2 } else { 1 };
        for fault in model.faults {
            let places = match fault {
                Fault::Crash | Fault::CutOff | Fault::Lease => model.amfs,
                Fault::Disk | Fault::Damage => disks,
                Fault::Journal => {
                    let busy = |amf: &AmfId| self.world.has_journalled(*amf);
                    moves.extend(
                        self.amfs().filter(busy).map(|amf| Move::Fail(Fault::Journal, amf.0)),
                    );
                    continue;
                }
            };
            moves.extend((0..places).map(|place| Move::Fail(*fault, place)));
        }
        moves
    }

    // ---- what happens

    /// Goes on by one move; what was met on the way goes into `walked`.
    pub(super) fn go(&mut self, next: Move, walked: &mut Walked) {
        match next {
            Move::Host(amf, asks) => self.ask(amf, asks, walked),
            Move::Deliver(from, to, no) => {
                let (to, keep) = (NodeId::Amf(to), false);
                self.step(Step::Deliver { from, to, no, keep }, walked);
            }
            Move::Journal(amf, ok) => self.step(Step::Journal { amf, ok }, walked),
            Move::Evict(amf) => self.control(Control::Evict(amf, Some(BLOCK)), walked),
            Move::Destage(amf) => self.control(Control::Destage(amf), walked),
            Move::Wait => self.pass(self.world.now() + RETRY, walked),
            Move::Fail(fault, place) => self.fail(fault, place, walked),
            Move::Heal(amf) => self.heal(amf, walked),
        }
        self.calm(walked);
    }

    fn ask(&mut self, amf: AmfId, asks: Asks, walked: &mut Walked) {
        let op = OpId(self.next_op);
        self.next_op += 1;
        self.asked[usize::from(amf.0)].push(op);
        let whole = Sectors { first: 0, count: 2 };
        let payload = || Payload::Stamp { volume: 0, writer: 1, sequence: op.0 };
        let kind = match asks {
            Asks::Read => RequestKind::Read(whole),
            Asks::Write => RequestKind::Write(whole, payload()),
            Asks::WritePart => RequestKind::Write(Sectors { first: 0, count: 1 }, payload()),
            Asks::Compare => {
                let stamp = Stamp { volume: 0, writer: 1, sequence: op.0, sector: 0 };
                let new = Data::stamped(stamp, 2);
                RequestKind::CompareAndWrite { block: BLOCK, old: Data::zero(1_024), new }
            }
            Asks::Zero => RequestKind::Zero(whole),
            Asks::Flush => RequestKind::Flush,
        };
        self.step(Step::Host { amf, request: Request { op, kind } }, walked);
    }

    fn fail(&mut self, fault: Fault, place: u8, walked: &mut Walked) {
        self.faulty = true;
        walked.faulty = true;
        match fault {
            Fault::Crash => {
                self.control(Control::Crash(AmfId(place)), walked);
                self.await_view(walked);
            }
            Fault::CutOff => {
                self.cut = Some(AmfId(place));
                self.await_view(walked);
            }
            Fault::Lease => self.control(Control::ExpireLease(AmfId(place)), walked),
            Fault::Disk => {
                self.control(Control::FailDisk(DiskId(place)), walked);
            }
            Fault::Damage => self.control(Control::Corrupt(DiskId(place), 0), walked),
            Fault::Journal => self.step(Step::Journal { amf: AmfId(place), ok: false }, walked),
        }
    }

    fn heal(&mut self, amf: AmfId, walked: &mut Walked) {
        if self.cut == Some(amf) {
            self.cut = None;
        }
        if self.world.amf(amf).is_none() {
            self.control(Control::Restart(amf), walked);
        }
        let at = self.world.amf(amf).map_or(self.world.now(), crate::protocol::Amf::deadline);
        self.pass(at, walked);
    }

    /// Time passes until the witness has decided on a view.
    fn await_view(&mut self, walked: &mut Walked) {
        let epoch = self.world.witness().view().epoch;
        self.calm(walked);
        while self.world.witness().view().epoch == epoch {
            let next = self.next_deadline();
            if next == Instant::NEVER {
                return;
            }
            self.pass(next, walked);
        }
    }

    fn next_deadline(&self) -> Instant {
        let all = self.world.nodes().map(|node| self.world.deadline(node));
        all.min().unwrap_or(Instant::NEVER)
    }

    /// Time passes, up to there: everybody whose deadline comes is told.
    fn pass(&mut self, to: Instant, walked: &mut Walked) {
        loop {
            let nodes = self.world.nodes();
            let next = nodes.map(|node| (self.world.deadline(node), node)).min();
            let Some((at, node)) = next.filter(|(at, _)| *at <= to) else { return };
            let now = at.max(self.world.now());
            self.apply(&StepEntry { now, step: Step::Tick { node } }, walked);
            self.calm(walked);
        }
    }

    /// Whatever is not between AMFs, and no answer, happens.
    fn calm(&mut self, walked: &mut Walked) {
        while let Some(step) = self.at_once() {
            self.step(step, walked);
        }
    }

    /// The next thing that does not wait.
    fn at_once(&self) -> Option<Step> {
        let disk = self.world.nodes().find_map(|node| match node {
            NodeId::Disk(disk) if self.world.has_stored(disk) => Some(disk),
            NodeId::Disk(_) | NodeId::Amf(_) | NodeId::Witness => None,
        });
        if let Some(disk) = disk {
            return Some(Step::Store { disk });
        }
        for (from, to, no) in self.world.in_flight().in_flight() {
            let packet = self.world.in_flight().packet(from, to, no)?;
            let cut = self.cut.map(NodeId::Amf);
            let to_or_from_witness = from == NodeId::Witness || to == NodeId::Witness;
            if to_or_from_witness && (cut == Some(from) || cut == Some(to)) {
                return Some(Step::Lose { from, to, no });
            }
            if let Body::Frame(Frame { again: true, .. }) = packet.body {
                return Some(Step::Lose { from, to, no });
            }
            let late = match (&packet.body, to) {
                (Body::Witness(WitnessMsg::View(_)) | Body::DiskReply(_), NodeId::Amf(_)) => true,
                (Body::Frame(frame), _) => frame.message.is_some(),
                (Body::Witness(_) | Body::DiskRequest(_) | Body::DiskReply(_), _) => false,
            };
            if !late {
                return Some(Step::Deliver { from, to, no, keep: false });
            }
        }
        None
    }

    fn control(&mut self, control: Control, walked: &mut Walked) {
        self.step(Step::Control(control), walked);
    }

    fn step(&mut self, step: Step, walked: &mut Walked) {
        self.apply(&StepEntry { now: self.world.now(), step }, walked);
    }

    /// One step of the world, and what it met.
    fn apply(&mut self, entry: &StepEntry, walked: &mut Walked) {
        if self.world.apply(entry).is_err() {
            return;
        }
        let sent = self.effects();
        while let Some(answer) = self.world.poll_answer() {
            self.asked.iter_mut().for_each(|ops| ops.retain(|op| *op != answer.op));
        }
        self.world.forget_moved();
        let cells = self.world.take_cells();
        let mut met = cells.iter();
        if let Some((cell, at)) = met.next() {
            if met.next().is_none() && at.count == 1 {
                let after = self.world.amf(at.amf).map(|amf| amf.state_of(BLOCK));
                self.tell(cell, at.amf, after, &sent, walked);
            } else {
                cells.iter().for_each(|(cell, _)| walked.meet(cell));
            }
        }
        while self.world.poll_event().is_some() {}
    }

    /// What a step sent that no event tells.
    fn effects(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        while let Some(effect) = self.world.poll_effect() {
            match effect {
                Effect::Journalled(_) => sent.push(Sent::Journal),
                Effect::Sent {
                    from: from @ NodeId::Amf(_), to: to @ NodeId::Disk(_), no, ..
                } => {
                    let packet = self.world.in_flight().packet(from, to, no);
                    if let Some(Body::DiskRequest(request)) = packet.map(|packet| &packet.body) {
                        sent.extend(disk_request(&request.op));
                    }
                }
                Effect::Sent { .. } | Effect::Stored(_) | Effect::Answered => {}
            }
        }
        sent
    }

    /// What a cell led to.
    fn tell(
        &mut self,
        cell: Cell,
        amf: AmfId,
        after: Option<State>,
        sent: &[Sent],
        walked: &mut Walked,
    ) {
        walked.begin(cell, after.unwrap_or(cell.state));
        for sent in sent {
            walked.sent(*sent);
        }
        while let Some(event) = self.world.poll_event() {
            if event.node != NodeId::Amf(amf) {
                continue;
            }
            match event.kind {
                EventKind::Rule(fact) => walked.rule(fact.rule),
                EventKind::Sent(passage) => walked.sent(Sent::Message(passage.kind)),
                EventKind::Answered { result: Ok(_), .. } => walked.sent(Sent::Answer),
                EventKind::Answered { result: Err(_), .. } => walked.sent(Sent::Error),
                EventKind::Asked { .. }
                | EventKind::Delivered(_)
                | EventKind::Lost(_)
                | EventKind::Disk {
                    what: DiskWhat::Read | DiskWhat::Write | DiskWhat::Other,
                    ..
                }
                | EventKind::View { .. }
                | EventKind::Joined(_)
                | EventKind::Fault(_)
                | EventKind::Violation(_)
                | EventKind::Note(_) => {}
            }
        }
        walked.end();
    }
}

fn disk_request(op: &DiskOp) -> Option<Sent> {
    match op {
        DiskOp::Read { .. } => Some(Sent::DiskRead),
        DiskOp::Write { .. } => Some(Sent::DiskWrite),
        DiskOp::Flush => Some(Sent::DiskFlush),
        DiskOp::Spoil { .. }
        | DiskOp::NextWritten { .. }
        | DiskOp::Mark(_)
        | DiskOp::Unmark { .. }
        | DiskOp::Marks => None,
    }
}
