//! What an AMF's journal holds, outside the AMF: both engines keep one, so that a restart finds it.
//!
//! An operation takes effect when its driver says that it is finished. What was only given when the AMF
//! crashes is lost, but for as much as the driver says is finished before.

use super::amf::{Damaged, JournalContent, JournalEntry};
use super::data::Data;
use super::id::{Block, Version};
use super::machine::JournalOp;
use super::message::Intent;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A block, and whether it is about its intent.
type Place = (Block, bool);

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Nvram {
    entries: BTreeMap<Block, (Version, Data)>,
    intents: BTreeMap<Block, Arc<Intent>>,
    damaged: BTreeMap<Place, Damaged>,
    given: VecDeque<JournalOp>,
}

impl Nvram {
    /// What was stored when the cluster started.
    #[must_use]
    pub fn with(content: JournalContent) -> Self {
        let entries = content.entries.into_iter();
        let intents = content.intents.into_iter();
        let damaged = content.damaged.into_iter();
        Self {
            damaged: damaged.map(|damaged| (place(damaged), damaged)).collect(),
            entries: entries.map(|e| (e.block, (e.version, e.data))).collect(),
            intents: intents.map(|intent| (intent.block, intent)).collect(),
            given: VecDeque::new(),
        }
    }

    /// Takes an operation, behind those given before.
    pub fn give(&mut self, op: JournalOp) {
        self.given.push_back(op);
    }

    /// The oldest operation is finished, and took effect if it is `ok`; false if there was none.
    pub fn finish_one(&mut self, ok: bool) -> bool {
        let Some(op) = self.given.pop_front() else { return false };
        if !ok {
            return true;
        }
        match op {
            JournalOp::Put { block, version, data } => {
                self.damaged.remove(&(block, false));
                self.entries.insert(block, (version, data));
            }
            JournalOp::Forget { block } => {
                self.damaged.remove(&(block, false));
                self.entries.remove(&block);
            }
            JournalOp::Intend { intent } => {
                self.damaged.remove(&(intent.block, true));
                self.intents.insert(intent.block, intent);
            }
            JournalOp::Intended { block } => {
                self.damaged.remove(&(block, true));
                self.intents.remove(&block);
            }
        }
        true
    }

    /// Operations that are not finished.
    #[must_use]
    pub fn given(&self) -> usize {
        self.given.len()
    }

    /// What it holds if everything that it was given still happens.
    #[must_use]
    pub fn finished(&self) -> Self {
        let mut whole = self.clone();
        while whole.finish_one(true) {}
        whole
    }

    /// What was under way never happened.
    pub fn lose_given(&mut self) {
        self.given.clear();
    }

    /// Nothing that it holds can be read any more, as the next start finds out. How many entries that are.
    pub fn damage(&mut self) -> usize {
        let entries = core::mem::take(&mut self.entries).into_keys().map(Damaged::Entry);
        let intents = core::mem::take(&mut self.intents).into_keys().map(Damaged::Intent);
        let damaged: Vec<Damaged> = entries.chain(intents).collect();
        let count = damaged.len();
        self.damaged.extend(damaged.into_iter().map(|damaged| (place(damaged), damaged)));
        count
    }

    /// What is durable of a block.
    #[must_use]
    pub fn entry(&self, block: Block) -> Option<&(Version, Data)> {
        self.entries.get(&block)
    }

    /// What cannot be read.
    pub fn damaged(&self) -> impl Iterator<Item = Damaged> {
        self.damaged.values().copied()
    }

    /// What a start loads.
    #[must_use]
    pub fn load(&self) -> JournalContent {
        let entry = |(block, (version, data)): (&Block, &(Version, Data))| JournalEntry {
            block: *block,
            version: *version,
            data: data.clone(),
        };
        JournalContent {
            entries: self.entries.iter().map(entry).collect(),
            intents: self.intents.values().cloned().collect(),
            damaged: self.damaged.values().copied().collect(),
        }
    }
}

fn place(damaged: Damaged) -> Place {
    match damaged {
        Damaged::Entry(block) => (block, false),
        Damaged::Intent(block) => (block, true),
        Damaged::Everything => (Block(u64::MAX), true),
    }
}
