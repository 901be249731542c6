//! The journal (NVRAM) of one AMF \[J1 to J5\]: what it must not lose when power fails everywhere.
//!
//! A dirty version is written to the journal before the host is answered \[J1\], before its lender may
//! let go \[J2\], before the first of several disk writes \[M7\], and before an adoption gives up its
//! replica \[J4\]. An entry goes only when the disk has it, when a newer one for the block takes its place,
//! or when a new owner says that it supersedes it \[J3\]; keeping one too long is always safe.
//!
//! After a restart, and after an eviction, the entries are replicas of an owner that left: this AMF under
//! its old incarnation. So they are recovering before its first grant, and adopted like any other.

use super::Amf;
use super::key::{DestageStep, Job, Stage};
use super::replicate::Replica;
use crate::protocol::data::Data;
use crate::protocol::defect::Defect;
use crate::protocol::id::{Block, Incarnation, Instant, Key, Version};
use crate::protocol::machine::{AmfOutput, JournalOp, StoreError};
use crate::protocol::rule::{LineState, Rule};
use crate::protocol::table::Table;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// An entry of a journal, as it is loaded at a start.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Which block.
    pub block: Block,
    /// Its version.
    pub version: Version,
    /// Its content.
    pub data: Data,
}

/// What was given to the store that is the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Journal {
    /// What the store has, or will have once it has done what it was given.
    entries: Table<Block, Replica>,
    /// The version of a block that is durable in the store.
    durable: Table<Block, Version>,
    /// What the store has not done yet, in order. `None`: an entry is removed.
    given: VecDeque<(Block, Option<Version>)>,
    /// The store does not work: writes go through instead.
    broken: bool,
}

impl Journal {
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }
}

impl Amf {
    /// What its journal holds after a restart: recovering as soon as it is a member again.
    pub fn load_journal(&mut self, entries: Vec<JournalEntry>) {
        assert!(self.view.is_none(), "a journal is loaded before the first view");
        let left = Incarnation(self.incarnation.0.saturating_sub(1));
        for JournalEntry { block, version, data } in entries {
            self.journal.durable.insert(block, version);
            let replica = Replica::new(version, &data, None);
            self.journal.entries.insert(block, replica.clone());
            self.replicas.insert((self.id, left, block), replica);
        }
    }

    /// It was evicted: its journal stays, and its entries belong to the incarnation that left.
    pub(super) fn keep_journal(&mut self, journal: Journal, left: Incarnation) {
        for (block, entry) in journal.entries.sorted() {
            self.replicas.insert((self.id, left, block), entry.clone());
        }
        self.journal = journal;
    }

    /// A version is on its way to the journal, unless it is there.
    pub(super) fn journal(&mut self, block: Block, version: Version, data: &Data) {
        if !self.cfg.journal || self.journal.broken {
            return;
        }
        if self.journal.entries.get(&block).is_some_and(|entry| entry.version >= version) {
            return;
        }
        self.journal.entries.insert(block, Replica::new(version, data, None));
        self.journal.given.push_back((block, Some(version)));
        let data = data.clone();
        self.outputs.push_back(AmfOutput::Journal(JournalOp::Put { block, version, data }));
        let key = Some(Key::Block(block));
        self.fact(Rule::Journal, key, LineState::I, LineState::I, None, version);
    }

    /// \[J1, M7\] The version must be durable in the journal, and is not yet.
    pub(super) fn awaits_journal(&self, block: Block, version: Version) -> bool {
        self.cfg.journal
            && !self.journal.broken
            && self.journal.durable.get(&block).is_none_or(|durable| *durable < version)
    }

    /// \[J3\] The disk has this version, or its new owner says that it supersedes it.
    pub(super) fn unjournal(&mut self, block: Block, version: Version) {
        if self.journal.entries.get(&block).is_none_or(|entry| entry.version > version) {
            return;
        }
        self.journal.entries.remove(&block);
        self.journal.durable.remove(&block);
        if self.journal.broken {
            return;
        }
        self.journal.given.push_back((block, None));
        self.outputs.push_back(AmfOutput::Journal(JournalOp::Forget { block }));
        let key = Some(Key::Block(block));
        self.fact(Rule::Unjournal, key, LineState::I, LineState::I, None, version);
    }

    /// The oldest of what was given to the journal is done.
    pub(super) fn on_journal(&mut self, now: Instant, result: Result<(), StoreError>) {
        let Some((block, version)) = self.journal.given.pop_front() else { return };
        if result.is_err() {
            return self.journal_broke(now);
        }
        let Some(version) = version else { return };
        let current = self.journal.entries.get(&block).is_some_and(|e| e.version >= version);
        if !current {
            return;
        }
        self.journal.durable.insert(block, version);
        let key = Key::Block(block);
        self.fact(Rule::Journalled, Some(key), LineState::I, LineState::I, None, version);
        self.go_on_journalled(now, block);
    }

    fn go_on_journalled(&mut self, now: Instant, block: Block) {
        if self.view.is_none() {
            return;
        }
        let key = Key::Block(block);
        if self.holds(key).is_some() {
            self.go_on_committed(now, key);
        }
        let destage = self.keys.get(&key).and_then(|ctl| ctl.destage.as_ref());
        match destage.map(|destage| &destage.step) {
            Some(DestageStep::Acks) => self.advance_destage(now, block),
            Some(DestageStep::Intent { missing }) if missing.is_empty() => {
                self.write_parity(now, block);
            }
            Some(
                DestageStep::Stripe
                | DestageStep::Reading
                | DestageStep::Intent { .. }
                | DestageStep::Stuck
                | DestageStep::Writing { .. },
            )
            | None => {}
        }
        self.look_at(key);
    }

    /// Without a journal that works nothing is safe but on disk: everything is destaged, and writes go
    /// through.
    fn journal_broke(&mut self, now: Instant) {
        if self.journal.broken {
            return;
        }
        self.journal.broken = true;
        self.rule(Rule::JournalBroken, None);
        if self.view.is_none() {
            return;
        }
        self.on_destage_all(now);
        let waiting = |key: &Key| match (key, self.keys.get(key)) {
            (Key::Block(block), Some(_)) => Some(*block),
            (Key::Block(_) | Key::Stripe(_) | Key::Group, _) => None,
        };
        let blocks: Vec<Block> = self.keys.keys_sorted().iter().filter_map(waiting).collect();
        for block in blocks {
            self.go_on_journalled(now, block);
        }
    }

    /// A committed write that the partners have, and the journal has not: the seeded defect lets its
    /// lenders go already.
    pub(super) fn tell_lenders_early(&mut self, now: Instant, block: Block, version: Version) {
        let access = self.own_access(Key::Block(block));
        let touch = matches!(access.job, Job::Touch { .. });
        if !matches!(access.stage, Stage::Committed { .. }) || !touch {
            return;
        }
        if self.has(Defect::SupersedeBeforeJournal) {
            self.tell_lenders(now, block, version);
            self.own_access(Key::Block(block)).lenders = crate::protocol::id::AmfSet::EMPTY;
        }
    }

    /// Versions in the journal, not yet done included.
    #[must_use]
    pub fn journalled(&self) -> usize {
        self.journal.entries.len()
    }

    /// The version of a block that is durable in the journal.
    #[must_use]
    pub fn journalled_version(&self, block: Block) -> Option<Version> {
        self.journal.durable.get(&block).copied()
    }
}
