//! What the state x event table counts: how a block stands, and what happens to it ([`Cell`]).
//!
//! Nothing here changes anything, and nothing is told unless somebody observes.

use super::Amf;
use super::key::KeyCtl;
use crate::protocol::cell::{Cell, Lock, State, Trigger, impossible, impossible_state};
use crate::protocol::host::RequestKind;
use crate::protocol::id::{AmfId, Block, Key, Mode, OpId, Ticket};
use crate::protocol::message::Message;

impl Amf {
    /// How a block stands here: a row of the state x event table.
    #[must_use]
    pub fn state_of(&self, block: Block) -> State {
        let line = self.cache.state(block);
        if self.view.is_none() {
            return State { line, lock: Lock::Away };
        }
        let lock = self.keys.get(&Key::Block(block)).map_or(Lock::Idle, lock_of);
        State { line, lock }
    }

    /// The next cell that was met, while [observed](Self::observe): the block, and the cell.
    pub fn poll_cell(&mut self) -> Option<(Block, Cell)> {
        self.cells.pop_front()
    }

    /// Something happens to a block. Told before anything is done about it.
    pub(super) fn meet(&mut self, block: Block, trigger: Trigger) {
        if !self.observed {
            return;
        }
        let cell = Cell { state: self.state_of(block), trigger };
        if let Some(why) = impossible(cell)
            && self.defect.is_none()
        {
            panic!("{}: b{}: {cell}: {why}", self.id, block.0);
        }
        self.cells.push_back((block, cell));
    }

    /// A message that is about a block has come.
    pub(super) fn meet_message(&mut self, from: AmfId, message: &Message) {
        if !self.observed {
            return;
        }
        match message {
            Message::Access { ticket, key: Key::Block(block), mode } => {
                let trigger = self.asked(*block, *ticket, *mode);
                self.meet(*block, trigger);
            }
            Message::Grant { ticket, key: Key::Block(block), .. } => {
                let trigger = self.granted_by(*block, *ticket, from);
                self.meet(*block, trigger);
            }
            Message::Replicate { block, .. } => self.meet(*block, Trigger::Replicate),
            Message::ReplicateAck { block, .. } => self.meet(*block, Trigger::Ack),
            Message::Update { block, .. } => self.meet(*block, Trigger::Update),
            Message::Superseded { block, .. } => self.meet(*block, Trigger::Superseded),
            Message::Retire { entries } => {
                for (block, _) in entries.iter() {
                    self.meet(*block, Trigger::Retire);
                }
            }
            Message::Access { .. }
            | Message::Grant { .. }
            | Message::List { .. }
            | Message::DropOld
            | Message::Clear => {}
        }
    }

    fn asked(&self, block: Block, ticket: Ticket, mode: Mode) -> Trigger {
        if ticket.is_recovery() {
            return Trigger::Recovery;
        }
        let ctl = self.keys.get(&Key::Block(block));
        let own = ctl.and_then(|ctl| ctl.access.as_ref()).map(|access| access.ticket);
        match (mode, own.is_some_and(|own| own < ticket)) {
            (Mode::Shared, false) => Trigger::SharedOlder,
            (Mode::Shared, true) => Trigger::SharedYounger,
            (Mode::Exclusive, false) => Trigger::ExclusiveOlder,
            (Mode::Exclusive, true) => Trigger::ExclusiveYounger,
        }
    }

    fn granted_by(&self, block: Block, ticket: Ticket, from: AmfId) -> Trigger {
        let ctl = self.keys.get(&Key::Block(block));
        let access = ctl.and_then(|ctl| ctl.access.as_ref());
        let waiting = access.filter(|access| access.waits_for(ticket, from));
        match waiting.map(|access| access.missing.len()) {
            None => Trigger::LateGrant,
            Some(1) => Trigger::LastGrant,
            Some(_) => Trigger::Grant,
        }
    }

    /// A host's request has come to a block.
    pub(super) fn meet_host(&mut self, block: Block, op: OpId) {
        if !self.observed {
            return;
        }
        let Some(host) = self.ops.get(&op) else { return };
        self.meet(block, host_trigger(&host.kind));
    }

    /// A host's request is turned away; told of its first block.
    pub(super) fn meet_refused(&mut self, kind: &RequestKind) {
        let per = u64::from(self.cfg.sectors_per_block());
        let block = match kind {
            RequestKind::Read(span)
            | RequestKind::Write(span, _)
            | RequestKind::WriteFua(span, _)
            | RequestKind::Zero(span) => Block(span.first / per),
            RequestKind::CompareAndWrite { block, .. } => *block,
            RequestKind::Flush => return,
        };
        self.meet(block, host_trigger(kind));
    }

    /// A view is installed, or the AMF leaves: that happens to every block that is known here. Slow, and rare.
    pub(super) fn meet_everywhere(&mut self, trigger: Trigger) {
        if !self.observed {
            return;
        }
        let mut blocks: Vec<Block> = self.cache.sorted().map(|(_, line)| line.block).collect();
        let keys = self.keys.keys_sorted().into_iter();
        blocks.extend(keys.filter_map(|key| match key {
            Key::Block(block) => Some(block),
            Key::Stripe(_) | Key::Group => None,
        }));
        blocks.extend(self.replicas.keys_sorted().into_iter().map(|(.., block)| block));
        blocks.sort_unstable();
        blocks.dedup();
        for block in blocks {
            self.meet(block, trigger);
        }
    }

    /// The lease is live again: what had waited for it goes on.
    pub(super) fn meet_stalled(&mut self) {
        if !self.observed {
            return;
        }
        for key in self.stalled.clone() {
            if let Key::Block(block) = key {
                self.meet(block, Trigger::Lease);
            }
        }
    }

    /// Why the block cannot stand as it does; `None`: it can.
    pub(super) fn impossible_state(&self, block: Block) -> Option<&'static str> {
        impossible_state(self.state_of(block))
    }
}

const fn host_trigger(kind: &RequestKind) -> Trigger {
    match kind {
        RequestKind::Read(_) => Trigger::Read,
        RequestKind::Write(..) | RequestKind::WriteFua(..) => Trigger::Write,
        RequestKind::CompareAndWrite { .. } => Trigger::Compare,
        RequestKind::Zero(_) => Trigger::Zero,
        RequestKind::Flush => Trigger::Flush,
    }
}

/// What is being done with a key that has a record.
fn lock_of(ctl: &KeyCtl) -> Lock {
    let access = ctl.access.as_ref();
    if ctl.recovery.is_some() || access.is_some_and(|access| access.ticket.is_recovery()) {
        return Lock::Recovering;
    }
    match access.map(|access| (access.stage.is_held(), access.mode)) {
        Some((true, Mode::Exclusive)) => Lock::HoldsExclusive,
        Some((true, Mode::Shared)) => Lock::HoldsShared,
        Some((false, Mode::Exclusive)) => Lock::WaitsExclusive,
        Some((false, Mode::Shared)) => Lock::WaitsShared,
        None if ctl.destage.is_some() => Lock::Destaging,
        None => Lock::Idle,
    }
}
