//! A disk in memory: for tests, demonstrations and runs that keep nothing.

use super::{BlockStore, Done};
use crate::protocol::{Record, StoreDone, StoreError, StoreOp};
use std::collections::BTreeMap;

/// Blocks in a map. Nothing survives the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    blocks: BTreeMap<u64, Record>,
}

impl MemoryStore {
    #[expect(clippy::unnecessary_wraps, reason = "answers as every store does")]
    fn perform(&mut self, op: &StoreOp) -> Done {
        match op {
            StoreOp::Get { at } => Ok(StoreDone::Got(self.blocks.get(at).cloned())),
            StoreOp::Put { at, record } => {
                self.blocks.insert(*at, record.clone());
                Ok(StoreDone::Done)
            }
            StoreOp::Next { at } => {
                Ok(StoreDone::Next(self.blocks.range(at..).next().map(|(at, _)| *at)))
            }
            StoreOp::Wipe => {
                self.blocks.clear();
                Ok(StoreDone::Done)
            }
            StoreOp::Flush | StoreOp::Fence { .. } => Ok(StoreDone::Done),
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
