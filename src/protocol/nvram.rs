//! What an AMF's journal holds, outside the AMF: both engines keep one, so that a restart finds it.
//!
//! An operation takes effect when its driver says that it is finished. What was only given is lost when
//! the AMF crashes.

use super::amf::{JournalContent, JournalEntry};
use super::data::Data;
use super::id::{Block, Version};
use super::machine::JournalOp;
use super::message::Intent;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Nvram {
    entries: BTreeMap<Block, (Version, Data)>,
    intents: BTreeMap<Block, Arc<Intent>>,
    given: VecDeque<JournalOp>,
}

impl Nvram {
    /// What was stored when the cluster started.
    #[must_use]
    pub fn with(content: JournalContent) -> Self {
        let entries = content.entries.into_iter();
        let intents = content.intents.into_iter();
        Self {
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
                self.entries.insert(block, (version, data));
            }
            JournalOp::Forget { block } => {
                self.entries.remove(&block);
            }
            JournalOp::Intend { intent } => {
                self.intents.insert(intent.block, intent);
            }
            JournalOp::Intended { block } => {
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

    /// What was under way never happened.
    pub fn lose_given(&mut self) {
        self.given.clear();
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
        }
    }
}
