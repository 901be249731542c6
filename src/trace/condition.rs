//! Whether a condition holds: one meaning for a cluster that runs (`session`) and for a recording
//! (`timeline`), which say through [`Stand`] how things stand there, and what has happened.

use super::command::Condition;
use super::event::{DiskWhat, Event, EventKind, Passage};
use crate::protocol::LineState;
use crate::protocol::id::{AmfId, Block, Key, Mode, NodeId};

/// A cluster that conditions are asked of.
pub trait Stand {
    /// The state of the AMF's line of the block; no line is `I`.
    fn state(&mut self, amf: AmfId, block: Block) -> LineState;
    /// The AMF has a line of the block, which every partner has acknowledged.
    fn is_replicated(&mut self, amf: AmfId, block: Block) -> bool;
    /// The AMF holds access to the key in this mode.
    fn holds(&mut self, amf: AmfId, key: Key, mode: Mode) -> bool;
    /// Every AMF that is up has installed this epoch, or a newer one.
    fn is_in_view(&mut self, epoch: u32) -> bool;
    /// A checker has found something.
    fn is_violated(&mut self) -> bool;
    /// Something [like this](Condition::is_told_by) has happened since one last looked.
    fn has_happened(&mut self, condition: &Condition) -> bool;
    /// What only who gives the commands knows: that an operation is answered, a replay through, or that
    /// nothing is outstanding any more.
    fn is_through(&mut self, condition: &Condition) -> bool;
}

impl Condition {
    /// It holds there.
    pub fn holds(&self, there: &mut dyn Stand) -> bool {
        match self {
            Self::State(amf, block, state) => there.state(*amf, *block) == *state,
            Self::Lock(amf, block, mode) => there.holds(*amf, Key::Block(*block), *mode),
            Self::Replicated(amf, block) => there.is_replicated(*amf, *block),
            Self::View(epoch) => there.is_in_view(*epoch),
            Self::Violation => there.is_violated(),
            Self::Sent(..) | Self::Delivered(..) | Self::Applied(..) | Self::Written(..) => {
                there.has_happened(self)
            }
            Self::Answered(_) | Self::Replayed | Self::Idle => there.is_through(self),
            Self::Not(other) => !other.holds(there),
            Self::All(all) => all.iter().all(|one| one.holds(there)),
        }
    }

    /// What happens is part of it, and not only how things stand: each time that it happens counts.
    #[must_use]
    pub fn is_about_events(&self) -> bool {
        match self {
            Self::Sent(..) | Self::Delivered(..) | Self::Applied(..) | Self::Written(..) => true,
            Self::Not(other) => other.is_about_events(),
            Self::All(all) => all.iter().any(Self::is_about_events),
            Self::State(..)
            | Self::Lock(..)
            | Self::Replicated(..)
            | Self::View(_)
            | Self::Violation
            | Self::Answered(_)
            | Self::Idle
            | Self::Replayed => false,
        }
    }

    /// Whoever gives the commands has to be asked: nobody else knows it.
    #[must_use]
    pub fn is_about_commands(&self) -> bool {
        match self {
            Self::Answered(_) | Self::Replayed | Self::Idle => true,
            Self::Not(other) => other.is_about_commands(),
            Self::All(all) => all.iter().any(Self::is_about_commands),
            Self::State(..)
            | Self::Lock(..)
            | Self::Sent(..)
            | Self::Delivered(..)
            | Self::Applied(..)
            | Self::Written(..)
            | Self::Replicated(..)
            | Self::View(_)
            | Self::Violation => false,
        }
    }

    /// The event is what it is about.
    #[must_use]
    pub fn is_told_by(&self, event: &Event) -> bool {
        match (self, &event.kind) {
            (Self::Sent(kind, pair), EventKind::Sent(passage)) => {
                passage.kind == *kind && !passage.again && is_between(passage, *pair)
            }
            (Self::Delivered(kind, pair), EventKind::Delivered(passage)) => {
                passage.kind == *kind && is_between(passage, *pair)
            }
            (Self::Applied(rule, amf), EventKind::Rule(fact)) => {
                fact.rule == *rule && event.node == NodeId::Amf(*amf)
            }
            (
                Self::Written(disk, at),
                EventKind::Disk { what: DiskWhat::Write, block, error: None, .. },
            ) => block == at && event.node == NodeId::Disk(*disk),
            _ => false,
        }
    }
}

fn is_between(passage: &Passage, pair: Option<(AmfId, AmfId)>) -> bool {
    pair.is_none_or(|(from, to)| passage.from == from && passage.to == to)
}
