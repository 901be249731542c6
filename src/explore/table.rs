//! The state x event table of a protocol: what was met on all walks.

use super::walk::Extent;
use crate::protocol::cell::{Cell, State, Trigger, impossible};
use crate::protocol::{MsgKind, Protocol, Rule};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What leaves an AMF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Sent {
    /// A message to peers.
    Message(MsgKind),
    /// A read of a disk.
    DiskRead,
    /// A write to a disk.
    DiskWrite,
    /// A disk is to say when everything is durable.
    DiskFlush,
    /// Something for the own journal.
    Journal,
    /// A host is answered.
    Answer,
    /// A host gets an error.
    Error,
}

impl Sent {
    /// A short word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Message(kind) => kind.name(),
            Self::DiskRead => "disk read",
            Self::DiskWrite => "disk write",
            Self::DiskFlush => "disk flush",
            Self::Journal => "journal",
            Self::Answer => "answer",
            Self::Error => "error",
        }
    }
}

/// What a cell led to, once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Outcome {
    /// How the block stands then.
    pub after: State,
    /// The rules that were applied, in their order.
    pub rules: Vec<Rule>,
    /// What left the AMF, each kind once.
    pub sent: Vec<Sent>,
}

/// A cell that was met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// It was met without a fault.
    pub healthy: bool,
    /// What it led to, and whether that was without a fault.
    pub outcomes: BTreeMap<Outcome, bool>,
}

/// What was met on a walk.
#[derive(Clone, Debug, Default)]
pub(super) struct Walked {
    /// A fault has happened on this way.
    pub(super) faulty: bool,
    pub(super) cells: BTreeMap<Cell, Entry>,
    /// Something was met, or led to something, for the first time.
    pub(super) is_new: bool,
    now: Option<(Cell, Outcome)>,
}

impl Walked {
    pub(super) fn meet(&mut self, cell: Cell) {
        self.is_new |= !self.cells.contains_key(&cell);
        self.cells.entry(cell).or_default().healthy |= !self.faulty;
    }

    pub(super) fn begin(&mut self, cell: Cell, after: State) {
        self.meet(cell);
        self.now = Some((cell, Outcome { after, rules: Vec::new(), sent: Vec::new() }));
    }

    pub(super) fn rule(&mut self, rule: Rule) {
        if let Some((_, outcome)) = &mut self.now
            && !outcome.rules.contains(&rule)
        {
            outcome.rules.push(rule);
        }
    }

    pub(super) fn sent(&mut self, sent: Sent) {
        if let Some((_, outcome)) = &mut self.now
            && let Err(place) = outcome.sent.binary_search(&sent)
        {
            outcome.sent.insert(place, sent);
        }
    }

    pub(super) fn end(&mut self) {
        let Some((cell, outcome)) = self.now.take() else { return };
        let healthy = !self.faulty;
        self.is_new |= !self.cells.get(&cell).is_some_and(|e| e.outcomes.contains_key(&outcome));
        *self.cells.entry(cell).or_default().outcomes.entry(outcome).or_default() |= healthy;
    }
}

impl Walked {
    /// What was met on another walk.
    pub(super) fn join(&mut self, other: Self) {
        for (cell, entry) in other.cells {
            let ours = self.cells.entry(cell).or_default();
            ours.healthy |= entry.healthy;
            for (outcome, healthy) in entry.outcomes {
                *ours.outcomes.entry(outcome).or_default() |= healthy;
            }
        }
    }
}

/// What can be said of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// Met without any fault.
    Normal,
    /// Met after a fault only.
    Fault,
    /// Not met, though nothing forbids it.
    Never,
    /// An assertion forbids it.
    Impossible,
}

/// The table of one protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Whose it is.
    pub protocol: Protocol,
    pub(super) cells: BTreeMap<Cell, Entry>,
    /// What was explored.
    pub extents: Vec<Extent>,
}

impl Table {
    /// What can be said of a cell.
    #[must_use]
    pub fn class(&self, cell: Cell) -> Class {
        match self.cells.get(&cell) {
            Some(entry) if entry.healthy => Class::Normal,
            Some(_) => Class::Fault,
            None if impossible(cell).is_some() => Class::Impossible,
            None => Class::Never,
        }
    }

    /// What is known of a cell that was met.
    #[must_use]
    pub fn entry(&self, cell: Cell) -> Option<&Entry> {
        self.cells.get(&cell)
    }

    /// What a cell led to: without a fault if it was ever met so, else after one.
    pub fn outcomes(&self, cell: Cell) -> impl Iterator<Item = (&Outcome, bool)> {
        let entry = self.cells.get(&cell);
        let outcomes = entry.into_iter().flat_map(|entry| {
            entry.outcomes.iter().filter(|(_, healthy)| **healthy || !entry.healthy)
        });
        outcomes.map(|(outcome, healthy)| (outcome, *healthy))
    }

    /// Rows in which something was met, in the order of the table.
    #[must_use]
    pub fn rows(&self) -> Vec<State> {
        let is_met = |state: &State| self.cells.keys().any(|cell| cell.state == *state);
        State::all().filter(is_met).collect()
    }

    /// Columns in which something was met, in the order of the table.
    #[must_use]
    pub fn columns(&self) -> Vec<Trigger> {
        let is_met = |trigger: &Trigger| self.cells.keys().any(|cell| cell.trigger == *trigger);
        Trigger::ALL.iter().copied().filter(is_met).collect()
    }
}
