//! What a recording can know by itself of the blocks of a disk, because they were blank, written or
//! read since it began: their content need not be recorded again. Content that is not what it should
//! be (a store that lies, a damaged block) is recorded in full.

use crate::protocol::{StoreDone, StoreError, StoreOp};
use crate::trace::recording::{Outcome, digest};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;

/// Blocks that are remembered; beyond, all are forgotten, which costs bytes in the recording only.
const BLOCKS_MAX: usize = 1 << 18;

/// See the module. Follows the operations that a disk gives to its store.
#[derive(Debug)]
pub(crate) struct Blocks {
    /// Blocks that are not listed were never written.
    others_blank: bool,
    /// What reading a block must give, as a digest.
    known: FxHashMap<u64, u32>,
    given: VecDeque<Given>,
    blank: u32,
}

#[derive(Clone, Copy, Debug)]
enum Given {
    Get(u64),
    /// With the digest of what a read gives then.
    Put(u64, u32),
    Wipe,
    Other,
}

impl Blocks {
    /// Of a disk that is blank, or not.
    pub(crate) fn new(blank: bool) -> Self {
        Self {
            others_blank: blank,
            known: FxHashMap::default(),
            given: VecDeque::new(),
            blank: digest::of_result(&Ok(StoreDone::Got(None))),
        }
    }

    /// What reading a block must give; `None`: that is not known.
    fn expected(&self, at: u64) -> Option<u32> {
        self.known.get(&at).copied().or(self.others_blank.then_some(self.blank))
    }

    fn set(&mut self, at: u64, content: u32) {
        if self.known.len() >= BLOCKS_MAX && !self.known.contains_key(&at) {
            self.others_blank = false;
            self.known.clear();
        }
        self.known.insert(at, content);
    }

    /// Nobody knows what is there. Never the digest of anything by chance that matters: a read that
    /// happens to have it is recorded as known, and is checked as such.
    fn forget(&mut self, at: u64) {
        if self.others_blank {
            self.set(at, !self.blank);
        } else {
            self.known.remove(&at);
        }
    }

    /// The store is given an operation.
    pub(crate) fn give(&mut self, op: &StoreOp) {
        self.given.push_back(match op {
            StoreOp::Get { at } | StoreOp::Peek { at } => Given::Get(*at),
            StoreOp::Spoil { at } => Given::Put(*at, digest::of_result(&Err(StoreError::Media))),
            StoreOp::Put { at, record } => {
                let read = Ok(StoreDone::Got(Some(record.clone())));
                Given::Put(*at, digest::of_result(&read))
            }
            StoreOp::Wipe => Given::Wipe,
            StoreOp::Next { .. }
            | StoreOp::Flush
            | StoreOp::Fence { .. }
            | StoreOp::Mark(_)
            | StoreOp::Unmark { .. }
            | StoreOp::Marks => Given::Other,
        });
    }

    /// The oldest operation ended like this: what the recording has to say of it.
    pub(crate) fn outcome(&mut self, result: &Result<StoreDone, StoreError>) -> Outcome {
        match self.given.pop_front() {
            Some(Given::Get(at)) => {
                let got = digest::of_result(result);
                if self.expected(at) == Some(got) {
                    return Outcome::Known(got);
                }
                match result {
                    Ok(_) => self.set(at, got),
                    Err(_) => self.forget(at),
                }
            }
            Some(Given::Put(at, content)) if result.is_ok() => self.set(at, content),
            Some(Given::Put(at, _)) => self.forget(at),
            Some(Given::Wipe) => {
                self.others_blank = result.is_ok();
                self.known.clear();
            }
            Some(Given::Other) | None => {}
        }
        Outcome::Full(result.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Data;
    use crate::protocol::Record;
    use crate::protocol::id::Version;

    fn through(blocks: &mut Blocks, op: &StoreOp, result: &Result<StoreDone, StoreError>) -> bool {
        blocks.give(op);
        matches!(blocks.outcome(result), Outcome::Known(_))
    }

    #[test]
    fn a_block_is_recorded_in_full_once() {
        let record = Record { version: Version::ZERO, data: Data::zero(4096), covers: None };
        let got = || Ok(StoreDone::Got(Some(record.clone())));
        let (get, put) = (StoreOp::Get { at: 3 }, StoreOp::Put { at: 3, record: record.clone() });
        let mut used = Blocks::new(false);
        assert!(!through(&mut used, &get, &got()), "who knows what an earlier run left");
        assert!(through(&mut used, &get, &got()));
        assert!(!through(&mut used, &put, &Err(StoreError::Broken)));
        assert!(!through(&mut used, &get, &got()), "the write may have come to something, or not");
        let mut blank = Blocks::new(true);
        assert!(through(&mut blank, &get, &Ok(StoreDone::Got(None))));
        assert!(!through(&mut blank, &put, &Ok(StoreDone::Done)));
        assert!(through(&mut blank, &get, &got()));
        assert!(!through(&mut blank, &get, &Ok(StoreDone::Got(None))), "a store that lies");
        assert!(!through(&mut blank, &get, &Err(StoreError::Media)));
        assert!(!through(&mut blank, &get, &got()));
        assert!(!through(&mut blank, &StoreOp::Wipe, &Ok(StoreDone::Done)));
        assert!(through(&mut blank, &get, &Ok(StoreDone::Got(None))));
    }
}
