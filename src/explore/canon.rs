//! When two points of a walk are the same: what the AMFs hold, wait for and have in flight is. Of versions
//! only this counts: the newest there is, an older one, or none; of tickets, their order.

use super::node::{BLOCK, Node};
use crate::protocol::id::{Block, Epoch, Key, Mode, NodeId, Ticket, Version};
use crate::protocol::message::{CopyKind, DiskDone};
use crate::protocol::{Amf, Body, Message, WitnessMsg};
use crate::world::InFlight;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

/// What tells points apart, in three parts.
#[derive(Default)]
struct Said {
    words: Vec<u64>,
    tickets: Vec<Ticket>,
    versions: Vec<Version>,
    epoch: u32,
}

impl Said {
    fn word(&mut self, word: impl Into<u64>) {
        self.words.push(word.into());
    }
    fn version(&mut self, version: Version) {
        self.versions.push(version);
    }
    fn ticket(&mut self, ticket: Ticket) {
        self.tickets.push(ticket);
    }
    fn epoch(&mut self, epoch: Epoch) {
        self.word(self.epoch - epoch.0);
    }

    /// One number for all of it.
    fn digest(&self) -> u64 {
        let mut hasher = FxHasher::default();
        self.words.hash(&mut hasher);
        let newest = self.versions.iter().max().copied().unwrap_or(Version::ZERO);
        for version in &self.versions {
            (*version == newest, *version == Version::ZERO).hash(&mut hasher);
        }
        let mut sorted = self.tickets.clone();
        sorted.sort_unstable();
        sorted.dedup();
        for ticket in &self.tickets {
            sorted.binary_search(ticket).unwrap_or_default().hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// The same for points that are the same.
pub(super) fn digest(node: &Node) -> u64 {
    let world = &node.world;
    let mut said = Said { epoch: world.witness().view().epoch.0, ..Said::default() };
    said.word(u64::from(node.faulty));
    said.word(node.cut.map_or(u64::MAX, |amf| u64::from(amf.0)));
    for (asked, place) in node.asked.iter().zip(0..) {
        said.word(asked.len() as u64);
        match world.amf(crate::protocol::id::AmfId(place)) {
            Some(amf) => tell_amf(&mut said, amf, amf.lease_until() > world.now()),
            None => said.word(u64::MAX),
        }
    }
    for at in world.nodes() {
        if let NodeId::Disk(disk) = at {
            said.version(world.version_on(disk, 0));
            said.word(u64::from(world.disk(disk).is_failed()));
            said.word(world.damaged_on(disk) as u64);
        }
    }
    for (from, to, no) in world.in_flight().in_flight() {
        let Some(packet) = world.in_flight().packet(from, to, no) else { continue };
        said.word((from.index(8) * 32 + to.index(8)) as u64);
        tell_body(&mut said, &packet.body);
    }
    said.digest()
}

/// The same for points at which the block stands alike at every AMF, and the same kinds of packets are in
/// flight.
pub(super) fn shape(node: &Node) -> u64 {
    let world = &node.world;
    let mut said = Said::default();
    said.word(u64::from(node.faulty));
    for (_, place) in node.asked.iter().zip(0..) {
        let amf = world.amf(crate::protocol::id::AmfId(place));
        said.word(amf.map_or(u64::MAX, |amf| amf.state_of(BLOCK).index() as u64));
    }
    for (from, to, no) in world.in_flight().in_flight() {
        let Some(packet) = world.in_flight().packet(from, to, no) else { continue };
        let kind = match &packet.body {
            Body::Frame(frame) => frame.message.as_ref().map_or(0, |message| message.kind() as u64),
            Body::DiskReply(_) => 100,
            Body::Witness(_) | Body::DiskRequest(_) => 101,
        };
        said.word((to.index(8) as u64) * 128 + kind);
    }
    said.words.sort_unstable();
    said.digest()
}

fn tell_amf(said: &mut Said, amf: &Amf, is_live: bool) {
    said.word(u64::from(amf.is_member()) * 4 + u64::from(is_live) * 2 + u64::from(amf.retires()));
    if amf.is_member() {
        said.epoch(amf.epoch());
    }
    if let Some(line) = amf.line(BLOCK) {
        said.word(line.state as u64);
        said.version(line.version);
        said.word(line.missing.0);
    }
    said.version(amf.floor_of(BLOCK));
    for key in amf.keys() {
        said.word(match key.key {
            Key::Block(Block(block)) => 100 + block,
            Key::Stripe(stripe) => 200 + stripe,
            Key::Group => 300,
        });
        if let Some(access) = key.access {
            said.word(u64::from(access.held) * 2 + u64::from(access.mode == Mode::Shared));
            said.ticket(access.ticket);
            said.word(access.missing.0);
        }
        for (peer, mode, ticket, why) in key.deferred {
            said.word(u64::from(peer.0) * 2 + u64::from(mode == Mode::Shared));
            said.ticket(ticket);
            said.word(why.len() as u64);
        }
        said.word(key.queued as u64);
        if let Some(ticket) = key.suspended {
            said.ticket(ticket);
        }
        let flags = u64::from(key.destaging.is_some()) + u64::from(key.recovering.is_some()) * 2;
        said.word(flags);
    }
    for (owner, incarnation, _, version) in amf.replicas() {
        let is_member = amf.view().is_some_and(|v| v.incarnation(owner) == Some(incarnation));
        said.word(u64::from(owner.0) * 2 + u64::from(is_member));
        said.version(version);
    }
}

fn tell_body(said: &mut Said, body: &Body) {
    match body {
        Body::Frame(frame) => {
            said.epoch(frame.epoch.min(Epoch(said.epoch)));
            if let Some(message) = &frame.message {
                tell_message(said, message);
            }
        }
        Body::Witness(WitnessMsg::View(view)) => said.epoch(view.epoch.min(Epoch(said.epoch))),
        Body::DiskReply(reply) => match &reply.result {
            Ok(DiskDone::Read { version, .. }) => said.version(*version),
            Ok(DiskDone::Written { version }) => {
                said.word(1_u64);
                said.version(*version);
            }
            Ok(
                DiskDone::Next { .. } | DiskDone::Flushed | DiskDone::Marked | DiskDone::Marks(_),
            ) => said.word(2_u64),
            Err(_) => said.word(3_u64),
        },
        Body::Witness(_) | Body::DiskRequest(_) => {}
    }
}

fn tell_message(said: &mut Said, message: &Message) {
    said.word(message.kind() as u64);
    match message {
        Message::Access { ticket, .. } => said.ticket(*ticket),
        Message::Grant { ticket, floor, copy, reading, replica, .. } => {
            said.ticket(*ticket);
            said.version(*floor);
            said.word(u64::from(*reading));
            if let Some(copy) = copy {
                said.version(copy.version);
                said.word(u64::from(copy.kind == CopyKind::Lent));
            }
            if let Some(replica) = replica {
                said.version(*replica);
            }
        }
        Message::Replicate { version, .. }
        | Message::ReplicateAck { version, .. }
        | Message::Superseded { version, .. } => said.version(*version),
        Message::Update { ticket, version, .. } => {
            said.ticket(*ticket);
            said.version(*version);
        }
        Message::Retire { entries } | Message::List { entries } => {
            for (_, version) in entries.iter() {
                said.version(*version);
            }
        }
        Message::DropOld | Message::Clear => {}
    }
}
