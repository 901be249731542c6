//! What a disk of a world is made of: a map. Operations take effect when they are given, in order,
//! and are reported when the scheduler says so.

use crate::protocol::{Record, StoreDone, StoreError, StoreOp};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub(super) struct MapStore {
    blocks: BTreeMap<u64, Record>,
}

impl MapStore {
    #[expect(clippy::unnecessary_wraps, reason = "what a store answers; corruption comes here")]
    pub(super) fn perform(&mut self, op: StoreOp) -> Result<StoreDone, StoreError> {
        match op {
            StoreOp::Get { at } => Ok(StoreDone::Got(self.blocks.get(&at).cloned())),
            StoreOp::Put { at, record } => {
                self.blocks.insert(at, record);
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

    pub(super) fn record(&self, at: u64) -> Option<&Record> {
        self.blocks.get(&at)
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.blocks.keys().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }
}
