//! The `update` protocol (section 7 \[U1 to U4\]): a write sends its data to those who granted a copy.
//!
//! Access, grant and commit are as in `moesi`: sharers lose their copies when they grant. Once the write
//! is safe the writer sends its data and waits for nothing. Whoever has granted another access since
//! drops it: `granted` remembers the highest ticket, in either mode, by hash of the block.

use super::Amf;
use crate::protocol::config::Protocol;
use crate::protocol::data::Data;
use crate::protocol::defect::Defect;
use crate::protocol::id::{AmfId, AmfSet, Block, Instant, Key, Ticket, TicketClass, Version};
use crate::protocol::message::Message;
use crate::protocol::rule::{LineState, Rule};

impl Amf {
    /// A grant went out: \[U1, U2\] in either mode; a recovery counts as a ticket drawn now.
    pub(super) fn note_granted(&mut self, key: Key, ticket: Ticket) {
        let Key::Block(block) = key else { return };
        if self.protocol() != Protocol::Update {
            return;
        }
        let ticket = if ticket.is_recovery() {
            let clock = self.next_clock();
            Ticket { class: TicketClass::Normal, epoch: self.epoch, clock, amf: ticket.amf }
        } else {
            ticket
        };
        let slot = self.floor_slot(block);
        if self.granted.is_empty() {
            self.granted = vec![ticket; self.floors.len()];
        }
        self.granted[slot] = self.granted[slot].max(ticket);
    }

    /// The write is replicated: its data goes to the AMFs whose grant carried a copy, and the line is
    /// shared from now on \[U3, U4\]. A silent write has nobody to send it to.
    pub(super) fn send_updates(&mut self, now: Instant, block: Block) {
        if self.protocol() != Protocol::Update {
            return;
        }
        let key = Key::Block(block);
        let access = self.own_access(key);
        let (sharers, ticket, cause) = (access.sharers, access.ticket, access.cause);
        access.sharers = AmfSet::EMPTY;
        let sharers = sharers.and(self.peers);
        if sharers.is_empty() {
            return;
        }
        let at = self.cache.find(block).expect("a committed write has its line");
        let line = self.cache.line(at);
        let (before, version, data) = (line.state, line.version, line.data.clone());
        let after = match before {
            LineState::M if !self.has(Defect::UpdateWriterStaysM) => LineState::O,
            LineState::E if !self.has(Defect::UpdateWriterStaysM) => LineState::S,
            LineState::M | LineState::O | LineState::E | LineState::S => before,
            LineState::I | LineState::L => unreachable!("the access is held"),
        };
        self.cache.set_state(at, after);
        self.fact(Rule::SendUpdate, Some(key), before, after, None, version);
        self.broadcast(now, sharers, cause, Message::Update { ticket, block, version, data });
    }

    pub(super) fn on_update(
        &mut self,
        now: Instant,
        from: AmfId,
        ticket: Ticket,
        block: Block,
        version: Version,
        data: &Data,
    ) {
        let key = Key::Block(block);
        self.clock = self.clock.max(version.clock);
        let slot = self.floor_slot(block);
        let newest = self.granted.get(slot) == Some(&ticket);
        let above = version > self.floors[slot];
        let idle = self.keys.get(&key).is_none() && self.cache.get(block).is_none();
        let serves = self.lease_is_live(now) && self.access.is_listed();
        let checked = (newest && above) || self.has(Defect::UpdateWithoutTicketCheck);
        if !(checked && idle && serves) {
            return self.rule_peer(Rule::IgnoreUpdate, key, from);
        }
        self.install(block, LineState::S, version, data.clone());
        let at = self.cache.find(block).expect("just installed");
        self.cache.line_mut(at).busy = false;
        self.fact(Rule::Updated, Some(key), LineState::I, LineState::S, Some(from), version);
        self.make_room(now);
    }
}
