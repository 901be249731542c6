//! The journal (NVRAM) of one AMF \[J1 to J5\]: what it must not lose when power fails everywhere.
//!
//! A dirty version is written to the journal before the host is answered \[J1\], before its lender may
//! let go \[J2\], before the first of several disk writes \[M7\], and before an adoption gives up its
//! replica \[J4\]. An entry goes only when the disk has it, when a newer one for the block takes its place,
//! or when a new owner says that it supersedes it \[J3\]; keeping one too long is always safe.
//!
//! With parity the *intent* of an update is written to it too, before the first of its disk writes
//! \[R3, M7\]: partners hold it in memory, and a power failure of everything takes it from all of them at once.
//! It goes when the update is done, or when the next one of the block takes its place.
//!
//! After a restart, and after an eviction, the entries are replicas of an owner that left: this AMF under
//! its old incarnation. So they are recovering before its first grant, and adopted like any other; and so are
//! the stripes of its intents \[R5\], which are finished.

use super::Amf;
use super::key::{DestageStep, Job, Stage};
use super::replicate::Replica;
use crate::protocol::cell::Trigger;
use crate::protocol::data::Data;
use crate::protocol::defect::Defect;
use crate::protocol::id::{Block, Incarnation, Instant, Key, Version};
use crate::protocol::machine::{AmfOutput, JournalOp, StoreError};
use crate::protocol::message::Intent;
use crate::protocol::rule::{LineState, Rule};
use crate::protocol::table::Table;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// What a journal holds, as it is loaded at a start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JournalContent {
    /// Versions, by block.
    pub entries: Vec<JournalEntry>,
    /// Parity updates that had begun, at most one a block.
    pub intents: Vec<Arc<Intent>>,
    /// What it had, and cannot be read any more.
    pub damaged: Vec<Damaged>,
}

/// A part of a journal that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Damaged {
    /// The entry of a block.
    Entry(Block),
    /// A parity update of a block. Its row may be torn, and shows that; no data is lost with it.
    Intent(Block),
    /// All of it.
    Everything,
}

impl JournalContent {
    /// It has every version that it ever kept and did not give up.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.damaged.iter().all(|damaged| matches!(damaged, Damaged::Intent(_)))
    }
}

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
    /// Parity updates that the store has, or will have.
    intents: Table<Block, Arc<Intent>>,
    /// The number of the intent of a block that is durable in the store.
    kept: Table<Block, u64>,
    /// Those of the incarnation that left: to be finished as soon as this AMF is a member again.
    unfinished: Vec<Arc<Intent>>,
    /// What the store has not done yet, in order.
    given: VecDeque<(Block, Given)>,
    /// The store does not work: writes go through instead.
    broken: bool,
    /// What could not be read at the start. The witness is told with every `Join`: what may have been there is
    /// in doubt. Forgotten once a view says so.
    damaged: Vec<Damaged>,
}

/// What is on its way to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Given {
    Version(Version),
    Intent(u64),
    /// An entry, or an intent, goes.
    Forget,
}

impl Journal {
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Nothing that it had is known to be damaged and not yet told.
    pub(super) fn is_whole(&self) -> bool {
        self.damaged.iter().all(|damaged| matches!(damaged, Damaged::Intent(_)))
    }
}

impl Amf {
    /// What its journal holds after a restart: recovering as soon as it is a member again.
    pub fn load_journal(&mut self, content: JournalContent) {
        assert!(self.view.is_none(), "a journal is loaded before the first view");
        let left = Incarnation(self.incarnation.0.saturating_sub(1));
        for JournalEntry { block, version, data } in content.entries {
            self.journal.durable.insert(block, version);
            let replica = Replica::new(version, &data, None);
            self.journal.entries.insert(block, replica.clone());
            self.replicas.insert((self.id, left, block), replica);
        }
        for intent in content.intents {
            // Numbers name intents in the journal: none is used twice.
            self.intent_next = self.intent_next.max(intent.no + 1);
            self.journal.kept.insert(intent.block, intent.no);
            self.journal.intents.insert(intent.block, Arc::clone(&intent));
            self.journal.unfinished.push(intent);
        }
        self.journal.damaged = content.damaged;
    }

    /// \[D2\] It is a member, so a view says what is lost with the damaged part of its journal, and that may go.
    pub(super) fn forget_damaged(&mut self) {
        for damaged in core::mem::take(&mut self.journal.damaged) {
            let (block, op) = match damaged {
                Damaged::Entry(block) => (block, JournalOp::Forget { block }),
                Damaged::Intent(block) => (block, JournalOp::Intended { block }),
                Damaged::Everything => continue,
            };
            self.journal.given.push_back((block, Given::Forget));
            self.outputs.push_back(AmfOutput::Journal(op));
            self.rule(Rule::JournalDamaged, Some(Key::Block(block)));
        }
    }

    /// It was evicted: its journal stays, and its entries belong to the incarnation that left.
    pub(super) fn keep_journal(&mut self, journal: Journal, left: Incarnation) {
        for (block, entry) in journal.entries.sorted() {
            self.replicas.insert((self.id, left, block), entry.clone());
        }
        self.journal = journal;
        let intents = self.journal.intents.sorted().into_iter();
        self.journal.unfinished = intents.map(|(_, intent)| Arc::clone(intent)).collect();
    }

    /// \[R5\] The parity updates that its journal says had begun, once: their stripes are recovering.
    pub(super) fn recover_intents(&mut self, now: Instant) {
        for intent in core::mem::take(&mut self.journal.unfinished) {
            self.mark_redo(now, intent);
        }
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
        self.journal.given.push_back((block, Given::Version(version)));
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
        self.journal.given.push_back((block, Given::Forget));
        self.outputs.push_back(AmfOutput::Journal(JournalOp::Forget { block }));
        let key = Some(Key::Block(block));
        self.fact(Rule::Unjournal, key, LineState::I, LineState::I, None, version);
    }

    /// Intents go to a journal that works.
    pub(super) fn journals_intents(&self) -> bool {
        self.cfg.journal && !self.journal.broken && !self.has(Defect::NoParityIntent)
    }

    /// \[R3, M7\] A parity update is on its way to the journal; it takes the place of an older one of its block.
    pub(super) fn journal_intent(&mut self, intent: &Arc<Intent>) {
        if !self.journals_intents() {
            return;
        }
        let (block, no, version) = (intent.block, intent.no, intent.version);
        self.journal.kept.remove(&block);
        self.journal.intents.insert(block, Arc::clone(intent));
        self.journal.given.push_back((block, Given::Intent(no)));
        let op = JournalOp::Intend { intent: Arc::clone(intent) };
        self.outputs.push_back(AmfOutput::Journal(op));
        let key = Some(Key::Block(block));
        self.fact(Rule::JournalIntent, key, LineState::I, LineState::I, None, version);
    }

    /// \[M7\] The newest intent of the block must be durable in the journal, and is not yet.
    pub(super) fn awaits_intent(&self, block: Block) -> bool {
        let no = self.journal.intents.get(&block).map(|intent| intent.no);
        self.journals_intents() && no.is_some() && self.journal.kept.get(&block).copied() != no
    }

    /// The parity update of this version, or a newer one, is done: its intent may go.
    pub(super) fn unjournal_intent(&mut self, block: Block, version: Version) {
        if self.journal.intents.get(&block).is_none_or(|intent| intent.version > version) {
            return;
        }
        self.journal.intents.remove(&block);
        self.journal.kept.remove(&block);
        if self.journal.broken {
            return;
        }
        self.journal.given.push_back((block, Given::Forget));
        self.outputs.push_back(AmfOutput::Journal(JournalOp::Intended { block }));
        let key = Some(Key::Block(block));
        self.fact(Rule::UnjournalIntent, key, LineState::I, LineState::I, None, version);
    }

    /// An update was finished for the incarnation that left, this AMF's own or another's. If the journal has
    /// that very intent it may go.
    pub(super) fn unjournal_redone(&mut self, intent: &Arc<Intent>) {
        if self.journal.intents.get(&intent.block).is_some_and(|have| have == intent) {
            self.unjournal_intent(intent.block, intent.version);
        }
    }

    /// The oldest of what was given to the journal is done.
    pub(super) fn on_journal(&mut self, now: Instant, result: Result<(), StoreError>) {
        let Some((block, given)) = self.journal.given.pop_front() else { return };
        self.meet(block, Trigger::Journal);
        if result.is_err() {
            return self.journal_broke(now);
        }
        let version = match given {
            Given::Version(version) => {
                let entry = self.journal.entries.get(&block);
                if entry.is_none_or(|entry| entry.version < version) {
                    return;
                }
                self.journal.durable.insert(block, version);
                version
            }
            Given::Intent(no) => {
                let intent = self.journal.intents.get(&block).filter(|intent| intent.no == no);
                let Some(version) = intent.map(|intent| intent.version) else { return };
                self.journal.kept.insert(block, no);
                version
            }
            Given::Forget => return,
        };
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

    /// Parity updates in the journal, not yet done included.
    #[must_use]
    pub fn journalled_intents(&self) -> usize {
        self.journal.intents.len()
    }

    /// The version of a block that is durable in the journal.
    #[must_use]
    pub fn journalled_version(&self, block: Block) -> Option<Version> {
        self.journal.durable.get(&block).copied()
    }
}
