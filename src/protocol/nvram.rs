//! What an AMF's journal holds, outside the AMF: both engines keep one, so that a restart finds it.
//!
//! An operation takes effect when its driver says that it is finished. What was only given is lost when
//! the AMF crashes.

use super::amf::JournalEntry;
use super::data::Data;
use super::id::{Block, Version};
use super::machine::JournalOp;
use std::collections::{BTreeMap, VecDeque};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Nvram {
    entries: BTreeMap<Block, (Version, Data)>,
    given: VecDeque<JournalOp>,
}

impl Nvram {
    /// What was stored when the cluster started.
    #[must_use]
    pub fn with(entries: Vec<JournalEntry>) -> Self {
        let entries = entries.into_iter().map(|e| (e.block, (e.version, e.data))).collect();
        Self { entries, given: VecDeque::new() }
    }

    /// Takes an operation, behind those given before.
    pub fn give(&mut self, op: JournalOp) {
        self.given.push_back(op);
    }

    /// The oldest operation is finished, and took effect if it is `ok`; false if there was none.
    pub fn finish_one(&mut self, ok: bool) -> bool {
        let Some(op) = self.given.pop_front() else { return false };
        match op {
            JournalOp::Put { block, version, data } if ok => {
                self.entries.insert(block, (version, data));
            }
            JournalOp::Forget { block } if ok => {
                self.entries.remove(&block);
            }
            JournalOp::Put { .. } | JournalOp::Forget { .. } => {}
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
    pub fn load(&self) -> Vec<JournalEntry> {
        let entry = |(block, (version, data)): (&Block, &(Version, Data))| JournalEntry {
            block: *block,
            version: *version,
            data: data.clone(),
        };
        self.entries.iter().map(entry).collect()
    }
}
