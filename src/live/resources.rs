//! Runs the witness and the disks: what the one wants persisted, what the others give to their stores.

use super::cluster::{Cluster, Turn};
use super::delivery::PUMP_TURNS_SHORT;
use super::inbox::{Item, Worklist};
use super::keeper::Keeper;
use super::node::{Asked, DiskState, WitnessState};
use crate::protocol::group::Place;
use crate::protocol::id::{Block, DiskId, Epoch, NodeId, Version};
use crate::protocol::{
    Body, DiskInput, DiskOp, DiskOutput, Packet, StoreOp, View, WitnessInput, WitnessOutput,
};
use crate::store::Done;
use crate::trace::{EventKind, Step, narrate};
use std::collections::VecDeque;
use std::sync::{Arc, MutexGuard, PoisonError};

impl Cluster {
    pub(crate) fn deliver_witness(
        &self,
        state: &mut WitnessState,
        item: Item,
        work: &mut Worklist,
    ) {
        let Item::Packet { no, keep, packet } = item else { return };
        let turn = self.turn(NodeId::Witness, work, || Self::delivery(no, keep, &packet));
        self.run_witness(state, turn, WitnessInput::Packet(packet));
    }

    /// Runs one input through the witness; what it wants persisted is durable before it goes on. What
    /// could not be saved is tried again with the next input, a renewal at the latest; until then no
    /// view changes, and the snapshot says why.
    pub(crate) fn run_witness(
        &self,
        state: &mut WitnessState,
        mut turn: Turn<'_>,
        input: WitnessInput,
    ) {
        let epoch = state.machine.view().epoch;
        let mut packets = Vec::new();
        let mut inputs = VecDeque::new();
        if let Some(epoch) = state.unsaved.take() {
            inputs.extend(self.persist(state, epoch));
        }
        inputs.push_back(input);
        while let Some(input) = inputs.pop_front() {
            state.machine.handle(turn.now, input);
            while let Some(output) = state.machine.poll_output() {
                turn.ticket.put(&output);
                match output {
                    WitnessOutput::Send(packet) => packets.push(packet),
                    WitnessOutput::Persist(epoch) => inputs.extend(self.persist(state, epoch)),
                }
            }
        }
        let view = Arc::clone(state.machine.view());
        if view.epoch != epoch {
            // Which disk fills which slot is durable before anybody acts on it.
            self.keeper().persist(view.epoch, &view);
            turn.say(|| EventKind::View { epoch: view.epoch, members: view.set() });
        }
        for packet in packets {
            self.send(&mut turn, &mut state.sent, packet);
        }
        if self.witness.set_deadline(state.machine.deadline()) {
            self.timer.due(state.machine.deadline());
        }
        self.end_turn(turn);
    }

    fn persist(&self, state: &mut WitnessState, epoch: Epoch) -> Option<WitnessInput> {
        // [M12] Which disks are blank in the coming view is durable before any is admitted.
        let mut coming = View::clone(state.machine.view());
        coming.group = state.machine.promised_group().clone();
        let saved = self.keeper().persist(epoch, &Arc::new(coming));
        state.unsaved = (!saved).then_some(epoch);
        if !saved {
            // A world's epochs are durable at once: it could not follow.
            self.steps.cut_short("the witness could not save its epoch");
        }
        saved.then_some(WitnessInput::Persisted(epoch))
    }

    pub(crate) fn keeper(&self) -> MutexGuard<'_, Keeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- disks

    pub(crate) fn deliver_disk(
        &self,
        id: DiskId,
        state: &mut DiskState,
        item: Item,
        work: &mut Worklist,
    ) {
        match item {
            Item::Packet { no, keep, packet } => {
                let step = || Self::delivery(no, keep, &packet);
                let turn = self.turn(NodeId::Disk(id), work, step);
                if turn.events.is_some() {
                    note_request(state, &packet);
                }
                self.run_disk(id, state, turn, DiskInput::Packet(packet));
            }
            Item::Stored => {
                let Some(result) = self.stores[usize::from(id.0)].finished().pop_front() else {
                    return;
                };
                if state.stale_results > 0 {
                    state.stale_results -= 1;
                    return;
                }
                let mut turn = self.turn(NodeId::Disk(id), work, || Step::Store { disk: id });
                if turn.ticket.is_on() {
                    turn.ticket.set_outcome(state.blocks.outcome(&result));
                }
                self.run_disk(id, state, turn, DiskInput::Store(result));
            }
        }
    }

    /// Runs one input through a disk; its store's operations go to its thread.
    pub(crate) fn run_disk(
        &self,
        id: DiskId,
        state: &mut DiskState,
        mut turn: Turn<'_>,
        input: DiskInput,
    ) {
        state.machine.handle(turn.now, input);
        while let Some(output) = state.machine.poll_output() {
            turn.ticket.put(&output);
            match output {
                DiskOutput::Send(packet) => {
                    self.note_reply(id, state, &mut turn, &packet);
                    self.send(&mut turn, &mut state.sent, packet);
                }
                DiskOutput::Store(op) => {
                    if turn.ticket.is_on() {
                        state.blocks.give(&op);
                    }
                    self.give_store(id, op);
                }
            }
        }
        if self.disks[usize::from(id.0)].set_deadline(state.machine.deadline()) {
            self.timer.due(state.machine.deadline());
        }
        self.end_turn(turn);
    }

    fn give_store(&self, id: DiskId, op: StoreOp) {
        if let Some(worker) = &*self.stores[usize::from(id.0)].worker() {
            worker.give(op);
        }
    }

    /// Results of a disk's store, in order, from its own thread.
    pub(crate) fn stored(&self, id: DiskId, results: Vec<Done>) {
        let (to, count) = (NodeId::Disk(id), results.len());
        if results.iter().any(Result::is_err) {
            self.tell_trouble(id);
        }
        self.stores[usize::from(id.0)].finished().extend(results);
        let mut work = Worklist::new();
        for _ in 0..count {
            if self.fabric.is_calm() {
                self.put(self.row.index(to), Item::Stored, &mut work);
            } else {
                self.route(self.clock.now(), to, Item::Stored, &mut work);
            }
        }
        self.pump(&mut work, PUMP_TURNS_SHORT);
    }

    /// What is wrong with a store is told once.
    fn tell_trouble(&self, id: DiskId) {
        let store = &self.stores[usize::from(id.0)];
        let Some(trouble) = store.trouble() else { return };
        let mut told = store.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref().is_none_or(|(told, _)| *told != trouble) {
            let cause = trouble.lines().next().unwrap_or_default().to_owned();
            self.tell(NodeId::Disk(id), EventKind::Note(cause));
            *told = Some((trouble, self.clock.now()));
        }
    }

    fn note_reply(&self, id: DiskId, state: &mut DiskState, turn: &mut Turn<'_>, packet: &Packet) {
        let (NodeId::Amf(amf), Body::DiskReply(reply)) = (packet.to, &packet.body) else { return };
        if turn.events.is_none() {
            state.asked.clear();
            return;
        }
        let Some(asked) = state.asked.remove(&(amf, reply.incarnation, reply.id)) else { return };
        let version = match &reply.result {
            Ok(crate::protocol::DiskDone::Read { version, .. }) => *version,
            _ => asked.version,
        };
        let (block, parity) = self.block_at(id, asked.block.0);
        let error = reply.result.as_ref().err().copied();
        turn.say(|| EventKind::Disk { amf, what: asked.what, block, parity, version, error });
    }

    /// The block of the volume at a place on a disk, by the newest view.
    fn block_at(&self, disk: DiskId, at: u64) -> (Block, bool) {
        let slot = self.keeper().view().and_then(|view: &View| view.group.slot_of(disk));
        slot.map_or((Block(at), false), |slot| self.group.content_at(Place { slot, at }))
    }
}

fn note_request(state: &mut DiskState, packet: &Packet) {
    let (NodeId::Amf(amf), Body::DiskRequest(request)) = (packet.from, &packet.body) else {
        return;
    };
    let (at, version) = match &request.op {
        DiskOp::Read { at } | DiskOp::Spoil { at } | DiskOp::NextWritten { at } => {
            (*at, Version::ZERO)
        }
        DiskOp::Write { at, version, .. } => (*at, *version),
        DiskOp::Flush | DiskOp::Mark(_) | DiskOp::Unmark { .. } | DiskOp::Marks => {
            (0, Version::ZERO)
        }
    };
    let asked = Asked { what: narrate::disk_what(&request.op), block: Block(at), version };
    state.asked.insert((amf, request.incarnation, request.id), asked);
}
