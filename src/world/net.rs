//! Packets in flight, by pair and number. Knows nothing of time or faults.

use crate::protocol::Packet;
use crate::protocol::id::NodeId;
use std::collections::VecDeque;

/// Packets from one node to another. Numbers count from 0 and never restart.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// Number of the first entry of `packets`.
    first: u64,
    /// `None`: delivered or lost out of order.
    packets: VecDeque<Option<Packet>>,
}

/// The network of a world: a lane for every ordered pair of nodes.
#[derive(Clone, Debug)]
pub(super) struct Net {
    amfs: u8,
    nodes: usize,
    lanes: Vec<Lane>,
    count: usize,
}

/// What may be asked about packets in flight.
pub trait InFlight {
    /// Every packet, by pair and number.
    fn in_flight(&self) -> Vec<(NodeId, NodeId, u64)>;
    /// One packet.
    fn packet(&self, from: NodeId, to: NodeId, no: u64) -> Option<&Packet>;
    /// How many there are.
    fn count(&self) -> usize;
}

impl InFlight for Net {
    fn in_flight(&self) -> Vec<(NodeId, NodeId, u64)> {
        let mut all = Vec::with_capacity(self.count);
        for (index, lane) in self.lanes.iter().enumerate() {
            let from = NodeId::at_index(index / self.nodes, self.amfs);
            let to = NodeId::at_index(index % self.nodes, self.amfs);
            for (packet, no) in lane.packets.iter().zip(lane.first..) {
                if packet.is_some() {
                    all.push((from, to, no));
                }
            }
        }
        all
    }

    fn packet(&self, from: NodeId, to: NodeId, no: u64) -> Option<&Packet> {
        let lane = self.lanes.get(self.lane(from, to))?;
        let at = usize::try_from(no.checked_sub(lane.first)?).ok()?;
        lane.packets.get(at)?.as_ref()
    }

    fn count(&self) -> usize {
        self.count
    }
}

impl Net {
    /// A network of `amfs` AMFs, the witness and `disks` disks.
    pub(super) fn new(amfs: u8, disks: u8) -> Self {
        let nodes = usize::from(amfs) + 1 + usize::from(disks);
        Self { amfs, nodes, lanes: vec![Lane::default(); nodes * nodes], count: 0 }
    }

    /// Where the lane of a pair is; beyond all lanes for nodes that this cluster does not have.
    fn lane(&self, from: NodeId, to: NodeId) -> usize {
        let (from, to) = (from.index(self.amfs), to.index(self.amfs));
        if to < self.nodes { from * self.nodes + to } else { usize::MAX }
    }

    /// Takes a packet in; its number on its pair.
    pub(super) fn send(&mut self, packet: Packet) -> u64 {
        let lane = self.lane(packet.from, packet.to);
        let lane = &mut self.lanes[lane];
        let no = lane.first + lane.packets.len() as u64;
        lane.packets.push_back(Some(packet));
        self.count += 1;
        no
    }

    /// Nothing is in flight any more.
    pub(super) fn lose_all(&mut self) {
        for lane in &mut self.lanes {
            lane.first += lane.packets.len() as u64;
            lane.packets.clear();
        }
        self.count = 0;
    }

    /// Takes a packet out.
    #[inline]
    pub(super) fn take(&mut self, from: NodeId, to: NodeId, no: u64) -> Option<Packet> {
        let lane = self.lane(from, to);
        let lane = self.lanes.get_mut(lane)?;
        let at = usize::try_from(no.checked_sub(lane.first)?).ok()?;
        let packet = if at == 0 {
            let first = lane.packets.pop_front()?;
            lane.first += 1;
            first
        } else {
            lane.packets.get_mut(at)?.take()
        };
        while let Some(None) = lane.packets.front() {
            lane.packets.pop_front();
            lane.first += 1;
        }
        self.count -= usize::from(packet.is_some());
        packet
    }
}
