//! How packets get from one machine to the next: into inboxes while the sender's mutex is held, out of
//! them in a loop afterwards. And ticks, which come from nobody.

use super::cluster::{Cluster, Turn};
use super::inbox::{Item, Put, Worklist};
use super::node::AmfState;
use crate::protocol::id::{AmfId, Instant, NodeId};
use crate::protocol::{AmfInput, DiskInput, Packet, WitnessInput};
use crate::trace::{Event, EventKind, Step, narrate};

/// Items that one turn at a node handles before its mutex is given up.
const SERVE_ITEMS_MAX: usize = 32;
/// Turns that a host's thread takes before it leaves the rest to a helper.
pub(crate) const PUMP_TURNS_MAX: usize = 256;
/// The same for a thread that has other work: the timer's and the disks'.
pub(crate) const PUMP_TURNS_SHORT: usize = 64;

impl Cluster {
    // ---- packets

    pub(crate) fn send(&self, turn: &mut Turn<'_>, sent: &mut [u64], packet: Packet) {
        let (from, to) = (packet.from, packet.to);
        let index = self.row.index(to);
        let no = sent[index];
        sent[index] += 1;
        self.hosts.count(&packet);
        if turn.events.is_some()
            && let Some(passage) = narrate::passage(&packet)
        {
            turn.say(|| EventKind::Sent(passage));
        }
        debug_assert!(from == turn.node, "a machine sends in its own name");
        let item = Item::Packet { no, keep: false, packet };
        if self.fabric.is_calm() {
            self.put(index, item, turn.work);
        } else {
            self.route(turn.now, to, item, turn.work);
        }
    }

    /// Through the fabric.
    pub(crate) fn route(&self, now: Instant, to: NodeId, item: Item, work: &mut Worklist) {
        let routed = self.fabric.route(now, to, item);
        if let Some(item) = routed.lost {
            self.lose(to, item);
        }
        for item in routed.now {
            self.put(self.row.index(to), item, work);
        }
        self.timer.due(self.fabric.next_due());
    }

    /// Into an inbox.
    pub(crate) fn put(&self, index: usize, item: Item, work: &mut Worklist) {
        match self.inboxes[index].put(item) {
            Put::Yours => work.push(index),
            Put::Theirs => {}
            Put::Full(item) => self.lose(self.row.node(index), item),
        }
    }

    /// The network loses a packet.
    pub(crate) fn lose(&self, to: NodeId, item: Item) {
        let Item::Packet { no, keep, packet } = item else { return };
        if keep {
            return;
        }
        let from = packet.from;
        let step = || Step::Lose { from, to, no };
        let (step, now) = self.steps.number_loose(&self.clock, step);
        if self.events.is_on()
            && let Some(passage) = narrate::passage(&packet)
        {
            let kind = EventKind::Lost(passage);
            self.events.add([Event { step, now, node: to, kind }]);
        }
    }

    // ---- delivery

    /// Empties the inboxes on the list, and those that fill meanwhile; after `turns` turns the rest
    /// is left to a helper.
    pub(crate) fn pump(&self, work: &mut Worklist, turns: usize) {
        let mut left = turns;
        while !work.is_empty() {
            if left == 0 {
                self.pool.hand(work.drain(..));
                break;
            }
            left -= 1;
            let index = work.remove(0);
            self.serve(index, work);
        }
        self.signal.raise();
    }

    fn serve(&self, index: usize, work: &mut Worklist) {
        let inbox = &self.inboxes[index];
        match self.row.node(index) {
            NodeId::Amf(id) => {
                let mut state = self.amfs[usize::from(id.0)].lock();
                for _ in 0..SERVE_ITEMS_MAX {
                    if state.paused.is_some() {
                        return inbox.leave();
                    }
                    let Some(item) = inbox.next() else { return };
                    self.deliver_amf(id, &mut state, item, work);
                }
            }
            NodeId::Witness => {
                let mut state = self.witness.lock();
                while let Some(item) = inbox.next() {
                    self.deliver_witness(&mut state, item, work);
                }
                return;
            }
            NodeId::Disk(id) => {
                let mut state = self.disks[usize::from(id.0)].lock();
                for _ in 0..SERVE_ITEMS_MAX {
                    let Some(item) = inbox.next() else { return };
                    self.deliver_disk(id, &mut state, item, work);
                }
            }
        }
        work.push(index);
    }

    pub(crate) fn delivery(no: u64, keep: bool, packet: &Packet) -> Step {
        Step::Deliver { from: packet.from, to: packet.to, no, keep }
    }

    fn deliver_amf(&self, id: AmfId, state: &mut AmfState, item: Item, work: &mut Worklist) {
        let Item::Packet { no, keep, packet } = item else {
            return self.deliver_journal(id, state, work);
        };
        if state.machine.is_none() {
            return self.lose(NodeId::Amf(id), Item::Packet { no, keep, packet });
        }
        let step = || Self::delivery(no, keep, &packet);
        let mut turn = self.turn(NodeId::Amf(id), work, step);
        if turn.events.is_some()
            && let Some(passage) = narrate::passage(&packet)
        {
            turn.say(|| EventKind::Delivered(passage));
        }
        self.run_amf(id, state, turn, AmfInput::Packet(packet));
    }

    // ---- ticks

    /// Ticks a node whose deadline has passed.
    pub(crate) fn tick(&self, node: NodeId, work: &mut Worklist) {
        let step = || Step::Tick { node };
        match node {
            NodeId::Amf(id) => {
                let mut state = self.amfs[usize::from(id.0)].lock();
                if state.machine.is_some() && state.paused.is_none() {
                    let turn = self.turn(node, work, step);
                    self.run_amf(id, &mut state, turn, AmfInput::Tick);
                }
            }
            NodeId::Witness => {
                let mut state = self.witness.lock();
                let turn = self.turn(node, work, step);
                self.run_witness(&mut state, turn, WitnessInput::Tick);
            }
            NodeId::Disk(id) => {
                let mut state = self.disks[usize::from(id.0)].lock();
                let turn = self.turn(node, work, step);
                self.run_disk(id, &mut state, turn, DiskInput::Tick);
            }
        }
    }

    /// The node with the earliest deadline that a tick would serve, and that deadline.
    pub(crate) fn next_deadline(&self) -> (NodeId, Instant) {
        let all = (0..self.row.len()).map(|index| {
            let node = self.row.node(index);
            (node, self.deadline(node))
        });
        all.min_by_key(|(node, at)| (*at, *node)).expect("a cluster has nodes")
    }

    pub(crate) fn deadline(&self, node: NodeId) -> Instant {
        match node {
            NodeId::Amf(id) => self.amfs[usize::from(id.0)].deadline(),
            NodeId::Witness => self.witness.deadline(),
            NodeId::Disk(id) => self.disks[usize::from(id.0)].deadline(),
        }
    }
}
