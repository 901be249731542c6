//! The fold: one step in, the machines' outputs into the network, events and effects out.

use super::{BadStep, Effect, Said, World, words};
use crate::protocol::amf::Amf;
use crate::protocol::group::{Group, Place};
use crate::protocol::host::{Answer, HostError, Request};
use crate::protocol::id::{AmfId, Block, DiskId, Epoch, Incarnation, NodeId, OpId};
use crate::protocol::{
    AmfInput, AmfOutput, Body, DiskInput, DiskOutput, Packet, StoreError, Witness, WitnessInput,
    WitnessMsg, WitnessOutput,
};
use crate::trace::Met;
use crate::trace::event::EventKind;
use crate::trace::narrate;
use crate::trace::recording::OutputDigest;
use crate::trace::step::{Control, Step, StepEntry};
use smallvec::SmallVec;
use std::sync::Arc;

impl World {
    /// Applies one step at its time.
    ///
    /// # Errors
    /// [`BadStep`]: the step does not fit (a packet that is not in flight, a machine that is down).
    /// The world is then as it was.
    pub fn apply(&mut self, entry: &StepEntry) -> Result<(), BadStep> {
        if entry.now < self.now {
            return Err(self.bad("time runs backwards"));
        }
        self.now = entry.now;
        self.step += 1;
        if let Some(digest) = &mut self.digest {
            *digest = 0;
        }
        match &entry.step {
            Step::Host { amf, request } => {
                self.on_host(*amf, request);
                Ok(())
            }
            Step::Deliver { from, to, no, keep } => self.deliver(*from, *to, *no, *keep),
            Step::Lose { from, to, no } => self.lose(*from, *to, *no),
            Step::Tick { node } => {
                self.tick(*node);
                Ok(())
            }
            Step::Store { disk } => self.store_done(*disk),
            Step::Journal { amf, ok } => self.journal_done(*amf, *ok),
            Step::Control(control) => self.control(control),
        }
    }

    // ---- hosts

    fn on_host(&mut self, amf: AmfId, request: &Request) {
        if self.observed {
            let asked = narrate::asked(request, self.cfg.sectors_per_block());
            self.push_event(NodeId::Amf(amf), asked);
        }
        self.asked.insert(request.op, (amf, request.kind.is_write()));
        self.last_op = self.last_op.max(request.op);
        if self.amf(amf).is_none() {
            return self.answer(amf, Answer::failed(request.op, HostError::NotServing));
        }
        self.input_amf(amf, AmfInput::Host(request.clone()));
    }

    fn answer(&mut self, amf: AmfId, answer: Answer) {
        self.asked.remove(&answer.op);
        if self.observed {
            self.push_event(NodeId::Amf(amf), narrate::answered(&answer));
        }
        self.answers.push_back(answer);
        self.effects.push_back(Effect::Answered);
    }

    // ---- the network

    fn deliver(&mut self, from: NodeId, to: NodeId, no: u64, keep: bool) -> Result<(), BadStep> {
        use super::net::InFlight;
        if !self.can_handle(to) {
            return Err(self.bad(format!("{to} is paused")));
        }
        let packet =
            if keep { self.net.packet(from, to, no).cloned() } else { self.net.take(from, to, no) };
        let Some(packet) = packet else {
            return Err(self.bad(format!("no packet {no} from {from} to {to} is in flight")));
        };
        if let NodeId::Amf(amf) = to
            && self.amf(amf).is_none()
        {
            // Nobody is there any more.
            self.tell_loss(&packet);
            return Ok(());
        }
        if self.observed {
            self.tell_delivery(&packet);
        }
        match to {
            NodeId::Amf(amf) => self.input_amf(amf, AmfInput::Packet(packet)),
            NodeId::Witness => self.input_witness(WitnessInput::Packet(packet)),
            NodeId::Disk(disk) => self.input_disk(disk, DiskInput::Packet(packet)),
        }
        Ok(())
    }

    fn lose(&mut self, from: NodeId, to: NodeId, no: u64) -> Result<(), BadStep> {
        let Some(packet) = self.net.take(from, to, no) else {
            return Err(self.bad(format!("no packet {no} from {from} to {to} is in flight")));
        };
        self.tell_loss(&packet);
        Ok(())
    }

    fn tell_loss(&mut self, packet: &Packet) {
        if let Some(passage) = narrate::passage(packet) {
            self.push_event(packet.to, EventKind::Lost(passage));
        }
    }

    #[inline]
    fn send(&mut self, packet: Packet) {
        if self.observed
            && let Some(passage) = narrate::passage(&packet)
        {
            self.push_event(packet.from, EventKind::Sent(passage));
        }
        if self.observed {
            self.tell_disk_reply(&packet);
        }
        let (from, to, said) = (packet.from, packet.to, Said::of(&packet.body));
        let no = self.net.send(packet);
        self.effects.push_back(Effect::Sent { from, to, no, said });
    }

    /// What a delivery is worth telling: messages between AMFs, disk I/O, views.
    fn tell_delivery(&mut self, packet: &Packet) {
        if let Some(passage) = narrate::passage(packet) {
            return self.push_event(packet.to, EventKind::Delivered(passage));
        }
        if let Body::Witness(WitnessMsg::View(view)) = &packet.body {
            let kind = EventKind::View { epoch: view.epoch, members: view.set() };
            self.push_event(packet.to, kind);
        }
    }

    /// A disk has done, or refused, what an AMF asked: told when it answers, not when it was asked.
    fn tell_disk_reply(&mut self, packet: &Packet) {
        let (Body::DiskReply(reply), NodeId::Disk(disk), NodeId::Amf(amf)) =
            (&packet.body, packet.from, packet.to)
        else {
            return;
        };
        let block = reply.at.map(|at| self.block_of(disk, at));
        if let Some(kind) = narrate::disk_reply(reply, amf, block) {
            self.push_event(NodeId::Disk(disk), kind);
        }
    }

    fn block_of(&self, disk: DiskId, at: u64) -> (Block, bool) {
        let slot = self.witness.view().group.slot_of(disk);
        let group = Group::new(&self.cfg.group);
        slot.map_or((Block(at), false), |slot| group.content_at(Place { slot, at }))
    }

    // ---- machines

    fn tick(&mut self, node: NodeId) {
        if !self.can_handle(node) {
            return;
        }
        match node {
            NodeId::Amf(amf) => {
                if self.amf(amf).is_some() {
                    self.input_amf(amf, AmfInput::Tick);
                }
            }
            NodeId::Witness => self.input_witness(WitnessInput::Tick),
            NodeId::Disk(disk) => self.input_disk(disk, DiskInput::Tick),
        }
    }

    fn input_amf(&mut self, amf: AmfId, input: AmfInput) {
        let now = self.now;
        self.has_moved(NodeId::Amf(amf));
        let seat = &mut self.seats[usize::from(amf.0)];
        let machine = seat.amf.as_mut().expect("looked at before");
        if self.may_break {
            return self.break_amf(amf, input);
        }
        machine.handle(now, input);
        seat.incarnation = machine.incarnation();
        self.drain_amf(amf);
        self.check_after(amf);
    }

    pub(super) fn drain_amf(&mut self, amf: AmfId) {
        let index = usize::from(amf.0);
        if self.observed {
            while let Some(fact) = self.seats[index].amf.as_mut().and_then(Amf::poll_fact) {
                self.push_event(NodeId::Amf(amf), EventKind::Rule(fact));
            }
            let (step, now) = (self.step, self.now);
            while let Some((block, cell)) = self.seats[index].amf.as_mut().and_then(Amf::poll_cell)
            {
                self.cells.add(cell, Met { count: 1, step, now, amf, block });
            }
        }
        let mut digest = OutputDigest::default();
        while let Some(output) = self.seats[index].amf.as_mut().and_then(Amf::poll_output) {
            if self.digest.is_some() {
                digest.put(&output);
            }
            match output {
                AmfOutput::Send(packet) => self.send(packet),
                AmfOutput::Answer(answer) => self.answer(amf, answer),
                AmfOutput::Journal(op) => {
                    self.seats[index].journal.give(op);
                    self.effects.push_back(Effect::Journalled(amf));
                }
            }
        }
        self.add_digest(digest);
    }

    fn input_disk(&mut self, disk: DiskId, input: DiskInput) {
        let index = usize::from(disk.0);
        self.has_moved(NodeId::Disk(disk));
        self.shelves[index].disk.handle(self.now, input);
        let mut digest = OutputDigest::default();
        while let Some(output) = self.shelves[index].disk.poll_output() {
            if self.digest.is_some() {
                digest.put(&output);
            }
            match output {
                DiskOutput::Send(packet) => self.send(packet),
                DiskOutput::Store(op) => {
                    let place = &mut self.shelves[index];
                    let unreported = place.store.perform(op);
                    place.done.push_back(unreported);
                    self.effects.push_back(Effect::Stored(disk));
                }
            }
        }
        self.add_digest(digest);
    }

    fn store_done(&mut self, disk: DiskId) -> Result<(), BadStep> {
        let Some(done) = self.shelves[usize::from(disk.0)].done.pop_front() else {
            return Err(self.bad(format!("{disk} has nothing in its store")));
        };
        self.input_disk(disk, DiskInput::Store(done.result));
        Ok(())
    }

    fn journal_done(&mut self, amf: AmfId, ok: bool) -> Result<(), BadStep> {
        if self.amf(amf).is_none() || !self.seats[usize::from(amf.0)].journal.finish_one(ok) {
            return Err(self.bad(format!("{amf} gave nothing to its journal")));
        }
        let result = if ok { Ok(()) } else { Err(StoreError::Broken) };
        self.input_amf(amf, AmfInput::Journal(result));
        Ok(())
    }

    fn input_witness(&mut self, input: WitnessInput) {
        let before = self.witness.view().epoch;
        self.has_moved(NodeId::Witness);
        let mut next = Some(input);
        let mut digest = OutputDigest::default();
        while let Some(input) = next.take() {
            self.witness.handle(self.now, input);
            while let Some(output) = self.witness.poll_output() {
                if self.digest.is_some() {
                    digest.put(&output);
                }
                match output {
                    WitnessOutput::Send(packet) => self.send(packet),
                    // A world's epochs are durable at once.
                    WitnessOutput::Persist(epoch) => next = Some(WitnessInput::Persisted(epoch)),
                }
            }
        }
        self.add_digest(digest);
        let view = Arc::clone(self.witness.view());
        if view.epoch != before {
            let kind = EventKind::View { epoch: view.epoch, members: view.set() };
            self.push_event(NodeId::Witness, kind);
        }
    }

    // ---- interference

    fn control(&mut self, control: &Control) -> Result<(), BadStep> {
        if self.observed {
            let (node, is_fault) = words::control_node(control);
            let text = words::control_text(control);
            let kind = if is_fault { EventKind::Fault(text) } else { EventKind::Note(text) };
            self.push_event(node, kind);
        }
        match control {
            Control::Crash(amf) => self.crash(*amf)?,
            Control::Restart(amf) => self.restart(*amf)?,
            Control::Pause(amf) => self.seats[usize::from(amf.0)].paused = true,
            Control::Resume(amf) => {
                self.seats[usize::from(amf.0)].paused = false;
                self.has_moved(NodeId::Amf(*amf));
            }
            Control::ExpireLease(amf) => self.control_amf(*amf, AmfInput::ExpireLease)?,
            Control::Evict(amf, block) => self.control_amf(*amf, AmfInput::Evict(*block))?,
            Control::Destage(amf) => self.control_amf(*amf, AmfInput::Destage)?,
            Control::DropLines(amf) => self.control_amf(*amf, AmfInput::DropLines)?,
            Control::FailDisk(disk) => self.input_disk(*disk, DiskInput::Fail),
            Control::ReplaceDisk(disk) => self.input_disk(*disk, DiskInput::Replace),
            Control::Corrupt(disk, at) => self.input_disk(*disk, DiskInput::Corrupt { at: *at }),
            Control::CorruptJournal(amf) => {
                self.seats[usize::from(amf.0)].journal.damage();
            }
            Control::Scrub(amf) => self.control_amf(*amf, AmfInput::Scrub)?,
            Control::AcceptLoss(amf) => self.control_amf(*amf, AmfInput::AcceptLoss)?,
            Control::WitnessDown => self.input_witness(WitnessInput::Down),
            Control::WitnessUp => self.input_witness(WitnessInput::Up),
            Control::SetProtocol(protocol) => {
                self.input_witness(WitnessInput::SetProtocol(*protocol));
            }
            Control::PowerFail => self.power_fail()?,
            Control::LoseWrites(disk, count) => self.lose_writes(*disk, *count)?,
            Control::KeepJournal(amf, count) => {
                let seat = &mut self.seats[usize::from(amf.0)];
                if (0..*count).any(|_| !seat.journal.finish_one(true)) {
                    return Err(self.bad(format!("{amf} gave less to its journal")));
                }
            }
            Control::SetDefect(defect) => {
                self.defect = *defect;
                for amf in (0..self.cfg.amfs).map(AmfId) {
                    if self.amf(amf).is_some() {
                        self.input_amf(amf, AmfInput::SetDefect(*defect));
                    }
                }
                for disk in (0..self.cfg.disks_all()).map(DiskId) {
                    self.input_disk(disk, DiskInput::SetDefect(*defect));
                }
                self.input_witness(WitnessInput::SetDefect(*defect));
            }
            // What these do to packets and to a disk's work comes as steps of its own.
            Control::Partition(_)
            | Control::Heal
            | Control::Link(..)
            | Control::SlowDisk(..)
            | Control::Skip(_)
            | Control::Figures(_) => {}
        }
        self.faults.on(control, self.now);
        Ok(())
    }

    fn control_amf(&mut self, amf: AmfId, input: AmfInput) -> Result<(), BadStep> {
        if self.amf(amf).is_none() {
            return Err(self.bad(format!("{amf} is down")));
        }
        self.input_amf(amf, input);
        Ok(())
    }

    /// The newest of what a store has not reported never happened.
    fn lose_writes(&mut self, disk: DiskId, count: u32) -> Result<(), BadStep> {
        if usize::try_from(count).is_ok_and(|count| count > self.may_be_lost(disk)) {
            return Err(self.bad(format!("{disk} has nothing so new to lose")));
        }
        let place = &mut self.shelves[usize::from(disk.0)];
        for _ in 0..count {
            let lost = place.done.pop_back();
            place.store.take_back(lost.expect("counted before"));
        }
        Ok(())
    }

    /// Everything it had in memory is gone; its hosts learn nothing more than that.
    pub(super) fn crash(&mut self, amf: AmfId) -> Result<(), BadStep> {
        let seat = &mut self.seats[usize::from(amf.0)];
        seat.paused = false;
        seat.journal.lose_given();
        if seat.amf.take().is_none() {
            return Err(self.bad(format!("{amf} is down already")));
        }
        let lost: Vec<(OpId, bool)> = self
            .asked
            .sorted()
            .into_iter()
            .filter(|(_, (at, _))| *at == amf)
            .map(|(op, (_, write))| (op, *write))
            .collect();
        for (op, write) in lost {
            let error = if write { HostError::UnknownOutcome } else { HostError::NotServing };
            self.answer(amf, Answer::failed(op, error));
        }
        Ok(())
    }

    fn restart(&mut self, amf: AmfId) -> Result<(), BadStep> {
        let (now, cfg) = (self.now, Arc::clone(&self.cfg));
        let seat = &mut self.seats[usize::from(amf.0)];
        if seat.amf.is_some() {
            return Err(self.bad(format!("{amf} is up already")));
        }
        seat.incarnation = Incarnation(seat.incarnation.0 + 1);
        let mut machine = Amf::new(&cfg, amf, seat.incarnation, now);
        machine.load_journal(seat.journal.load());
        machine.handle(now, AmfInput::SetDefect(self.defect));
        machine.observe(self.observed);
        seat.amf = Some(machine);
        self.has_moved(NodeId::Amf(amf));
        Ok(())
    }

    /// Power is gone everywhere, and back: what was under way is lost, disks and witness begin again with
    /// what they have stored. Every AMF is down, and starts again with its journal.
    fn power_fail(&mut self) -> Result<(), BadStep> {
        if let Some(up) = (0..self.cfg.amfs).map(AmfId).find(|amf| self.amf(*amf).is_some()) {
            return Err(self.bad(format!("{up} is up: it crashes first")));
        }
        let now = self.now;
        let protocol = self.witness.view().protocol;
        let (epoch, group) = (self.witness.promised(), self.witness.promised_group().clone());
        let next = Epoch(epoch.0 + 1);
        let gone = self.witness.gone_at_power_failure(next);
        self.net.lose_all();
        let mut blank: SmallVec<[DiskId; 4]> = SmallVec::new();
        for (shelf, disk) in self.shelves.iter_mut().zip(0..) {
            let (failed, is_blank) = (shelf.disk.is_failed(), shelf.disk.is_unadmitted());
            shelf.done.clear();
            shelf.disk = shelf.disk.after_power_failure(&self.cfg, epoch);
            shelf.disk.handle(now, DiskInput::SetDefect(self.defect));
            if failed {
                shelf.disk.handle(now, DiskInput::Fail);
            }
            if is_blank {
                blank.push(DiskId(disk));
            }
        }
        // Nobody has admitted it: it says again that it was put in.
        for disk in blank {
            self.input_disk(disk, DiskInput::Replace);
        }
        self.witness = Witness::resume(&self.cfg, next, group, gone, true, now);
        self.witness.nobody_is_up();
        self.input_witness(WitnessInput::SetDefect(self.defect));
        if protocol != self.cfg.protocol {
            self.input_witness(WitnessInput::SetProtocol(protocol));
        }
        Ok(())
    }
}
