//! Wraps a store and makes it lie, fail or dawdle: how tests prove that a check can fail.

use super::{BlockStore, Done};
use crate::protocol::region::Mark;
use crate::protocol::{Data, Record, StoreDone, StoreError, StoreOp};
use std::collections::BTreeSet;
use std::time::Duration;

/// What is wrong with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// Acknowledges the newest batch that writes, but keeps it in memory until the next one: a drop or
    /// `kill -9` loses it.
    LosesLastBatch,
    /// Every so many reads answer [`StoreError::Media`]; at least 1.
    ReadErrors {
        /// 1: every read.
        every: u32,
    },
    /// Each batch takes this much longer.
    Slow(Duration),
    /// Every so many writes leave only the first half of their block; at least 1.
    Torn {
        /// 1: every write.
        every: u32,
    },
}

/// A store with a fault.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    fault: StoreFault,
    held: Vec<StoreOp>,
    /// Blocks of which only half was written: their check sum does not fit.
    torn: BTreeSet<u64>,
    count: u32,
}

impl<S: BlockStore> Faulty<S> {
    /// Wraps `inner`.
    pub fn new(inner: S, fault: StoreFault) -> Self {
        Self { inner, fault, held: Vec::new(), torn: BTreeSet::new(), count: 0 }
    }

    fn every(&mut self, every: u32) -> bool {
        self.count += 1;
        self.count.is_multiple_of(every.max(1))
    }

    fn lose_last_batch(&mut self, batch: &[StoreOp]) -> Vec<Done> {
        if !batch.iter().any(is_change) {
            return batch.iter().map(|op| self.look(op)).collect();
        }
        let held = std::mem::take(&mut self.held);
        self.inner.execute(&held);
        let mut results = Vec::with_capacity(batch.len());
        for op in batch {
            results.push(if is_change(op) {
                self.held.push(op.clone());
                Ok(StoreDone::Done)
            } else {
                self.look(op)
            });
        }
        results
    }

    /// A read that sees what is held, too.
    fn look(&mut self, op: &StoreOp) -> Done {
        let below = self.inner.execute(std::slice::from_ref(op)).remove(0);
        let wiped = self.held.iter().rposition(|held| *held == StoreOp::Wipe);
        let held = &self.held[wiped.unwrap_or(0)..];
        let mut puts = held.iter().filter_map(|held| match held {
            StoreOp::Put { at, record } => Some((*at, record)),
            StoreOp::Get { .. }
            | StoreOp::Peek { .. }
            | StoreOp::Spoil { .. }
            | StoreOp::Next { .. }
            | StoreOp::Flush
            | StoreOp::Wipe
            | StoreOp::Fence { .. }
            | StoreOp::Mark(_)
            | StoreOp::Unmark { .. }
            | StoreOp::Marks => None,
        });
        match op {
            StoreOp::Get { at } => match puts.rfind(|(held, _)| held == at) {
                Some((_, record)) => Ok(StoreDone::Got(Some(record.clone()))),
                None if wiped.is_some() => Ok(StoreDone::Got(None)),
                None => below,
            },
            StoreOp::Next { at } => {
                let least = puts.map(|(held, _)| held).filter(|held| held >= at).min();
                let below = match below {
                    Ok(StoreDone::Next(found)) if wiped.is_none() => found,
                    Ok(_) => None,
                    Err(error) => return Err(error),
                };
                Ok(StoreDone::Next(least.into_iter().chain(below).min()))
            }
            StoreOp::Marks => {
                let Ok(StoreDone::Marks(below)) = below else { return below };
                let mut marks: BTreeSet<Mark> =
                    if wiped.is_none() { below.iter().copied().collect() } else { BTreeSet::new() };
                for held in held {
                    match held {
                        StoreOp::Mark(mark) => {
                            marks.insert(*mark);
                        }
                        StoreOp::Unmark { gone, region } => {
                            marks.retain(|mark| !gone.made_in(mark, *region));
                        }
                        StoreOp::Get { .. }
                        | StoreOp::Peek { .. }
                        | StoreOp::Put { .. }
                        | StoreOp::Spoil { .. }
                        | StoreOp::Next { .. }
                        | StoreOp::Flush
                        | StoreOp::Wipe
                        | StoreOp::Fence { .. }
                        | StoreOp::Marks => {}
                    }
                }
                Ok(StoreDone::Marks(marks.into_iter().collect()))
            }
            StoreOp::Put { .. }
            | StoreOp::Peek { .. }
            | StoreOp::Spoil { .. }
            | StoreOp::Flush
            | StoreOp::Wipe
            | StoreOp::Fence { .. }
            | StoreOp::Mark(_)
            | StoreOp::Unmark { .. } => below,
        }
    }

    fn tear(&mut self, op: &StoreOp, every: u32) -> StoreOp {
        match op {
            StoreOp::Put { at, record } if self.every(every) => {
                self.torn.insert(*at);
                let half = record.data.len() / 2;
                let data = record.data.splice(half, &Data::zero(record.data.len() - half));
                StoreOp::Put { at: *at, record: Record { data, ..record.clone() } }
            }
            StoreOp::Put { at, .. } => {
                self.torn.remove(at);
                op.clone()
            }
            StoreOp::Wipe => {
                self.torn.clear();
                op.clone()
            }
            StoreOp::Get { .. }
            | StoreOp::Peek { .. }
            | StoreOp::Spoil { .. }
            | StoreOp::Next { .. }
            | StoreOp::Flush
            | StoreOp::Fence { .. }
            | StoreOp::Mark(_)
            | StoreOp::Unmark { .. }
            | StoreOp::Marks => op.clone(),
        }
    }
}

/// It changes the disk. A fence counts: what a kill loses, it loses in order. A flush is claimed, too.
fn is_change(op: &StoreOp) -> bool {
    match op {
        StoreOp::Put { .. }
        | StoreOp::Spoil { .. }
        | StoreOp::Wipe
        | StoreOp::Fence { .. }
        | StoreOp::Mark(_)
        | StoreOp::Unmark { .. }
        | StoreOp::Flush => true,
        StoreOp::Get { .. } | StoreOp::Peek { .. } | StoreOp::Next { .. } | StoreOp::Marks => false,
    }
}

impl<S: BlockStore> BlockStore for Faulty<S> {
    fn prepare(&mut self) {
        self.inner.prepare();
    }

    fn execute(&mut self, batch: &[StoreOp]) -> Vec<Done> {
        match self.fault {
            StoreFault::LosesLastBatch => self.lose_last_batch(batch),
            StoreFault::ReadErrors { every } => {
                let mut results = self.inner.execute(batch);
                for (op, result) in batch.iter().zip(&mut results) {
                    if matches!(op, StoreOp::Get { .. }) && self.every(every) {
                        *result = Err(StoreError::Media);
                    }
                }
                results
            }
            StoreFault::Slow(time) => {
                std::thread::sleep(time);
                self.inner.execute(batch)
            }
            StoreFault::Torn { every } => {
                let torn: Vec<StoreOp> = batch.iter().map(|op| self.tear(op, every)).collect();
                let mut results = self.inner.execute(&torn);
                for (op, result) in batch.iter().zip(&mut results) {
                    if matches!(op, StoreOp::Get { at } if self.torn.contains(at)) {
                        *result = Err(StoreError::Media);
                    }
                }
                results
            }
        }
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.inner.sync()
    }

    fn close(&mut self) -> Result<(), StoreError> {
        let held = std::mem::take(&mut self.held);
        self.inner.execute(&held);
        self.inner.close()
    }

    fn trouble(&self) -> Option<&str> {
        self.inner.trouble()
    }
}
