//! A disk in memory: for tests, demonstrations and runs that keep nothing.

use super::{BlockStore, Done};
use crate::protocol::region::Mark;
use crate::protocol::{Record, StoreDone, StoreError, StoreOp};
use std::collections::{BTreeMap, BTreeSet};

/// Blocks in a map. Nothing survives the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    blocks: BTreeMap<u64, Record>,
    /// Blocks whose check sum is wrong.
    spoilt: BTreeSet<u64>,
    /// The dirty-region log.
    marks: BTreeSet<Mark>,
}

impl MemoryStore {
    fn perform(&mut self, op: &StoreOp) -> Done {
        match op {
            StoreOp::Get { at } if self.spoilt.contains(at) => Err(StoreError::Media),
            StoreOp::Get { at } => Ok(StoreDone::Got(self.blocks.get(at).cloned())),
            StoreOp::Peek { at } => {
                let record = self.blocks.get(at);
                let spoilt = self.spoilt.contains(at);
                Ok(StoreDone::Got(record.map(|r| if spoilt { r.damaged() } else { r.clone() })))
            }
            StoreOp::Spoil { at } => {
                self.spoilt.insert(*at);
                Ok(StoreDone::Done)
            }
            StoreOp::Put { at, record } => {
                self.spoilt.remove(at);
                self.blocks.insert(*at, record.clone());
                Ok(StoreDone::Done)
            }
            StoreOp::Next { at } => {
                let spoilt = self.spoilt.range(at..).next();
                let there = self.blocks.range(at..).next().map(|(at, _)| at);
                Ok(StoreDone::Next(there.into_iter().chain(spoilt).min().copied()))
            }
            StoreOp::Wipe => {
                self.blocks.clear();
                self.spoilt.clear();
                self.marks.clear();
                Ok(StoreDone::Done)
            }
            StoreOp::Flush | StoreOp::Fence { .. } => Ok(StoreDone::Done),
            StoreOp::Mark(mark) => {
                self.marks.insert(*mark);
                Ok(StoreDone::Done)
            }
            StoreOp::Unmark { gone, region } => {
                self.marks.retain(|mark| !gone.made_in(mark, *region));
                Ok(StoreDone::Done)
            }
            StoreOp::Marks => Ok(StoreDone::Marks(self.marks.iter().copied().collect())),
        }
    }
}

impl BlockStore for MemoryStore {
    fn execute(&mut self, batch: &[StoreOp]) -> Vec<Done> {
        batch.iter().map(|op| self.perform(op)).collect()
    }
    fn sync(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
    fn close(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
    fn trouble(&self) -> Option<&str> {
        None
    }
}
