//! What a disk of a world is made of: a map. Operations take effect when they are given, in order,
//! and are reported when the scheduler says so. What was not reported may turn out never to have happened,
//! the newest first, if power fails.
//!
//! Blocks lie in pages that clones of the world share until one of them writes: a snapshot of a world
//! costs what has changed since the one before, not the disk.

use crate::protocol::region::Mark;
use crate::protocol::{Record, StoreDone, StoreError, StoreOp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Blocks in a page.
const PAGE_BLOCKS: u64 = 16;
/// About how many bytes a page takes.
const PAGE_BYTES: u64 = PAGE_BLOCKS * 64 + 64;

/// What an operation was about, once it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Get(u64),
    Put(u64),
    Wipe,
    Other,
}

impl Given {
    pub(super) fn of(op: &StoreOp) -> Self {
        match op {
            StoreOp::Get { at } | StoreOp::Peek { at } => Self::Get(*at),
            StoreOp::Put { at, .. } | StoreOp::Spoil { at } => Self::Put(*at),
            StoreOp::Wipe => Self::Wipe,
            StoreOp::Next { .. }
            | StoreOp::Flush
            | StoreOp::Fence { .. }
            | StoreOp::Mark(_)
            | StoreOp::Unmark { .. }
            | StoreOp::Marks => Self::Other,
        }
    }

    /// After this a `read` of before says nothing any more.
    pub(super) fn changes(self, read: Self) -> bool {
        match (self, read) {
            (Self::Put(at), Self::Get(of)) => at == of,
            (Self::Wipe, Self::Get(_)) => true,
            (Self::Get(_) | Self::Other | Self::Put(_) | Self::Wipe, _) => false,
        }
    }
}

/// What makes an operation undone.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Undo {
    /// It changed nothing.
    Nothing,
    /// The block was this before, and its check sum was wrong.
    Put { at: u64, before: Option<Record>, spoilt: bool },
    /// The mark was new.
    Mark(Mark),
    /// These marks went.
    Unmark(Vec<Mark>),
    /// It is no write: nothing takes it back.
    Never,
}

/// An operation that the store has done and has not reported.
#[derive(Clone, Debug)]
pub(super) struct Unreported {
    /// What it was about.
    pub(super) given: Given,
    /// What will be reported.
    pub(super) result: Result<StoreDone, StoreError>,
    undo: Undo,
}

impl Unreported {
    /// A failing power supply may take it back.
    pub(super) fn may_be_lost(&self) -> bool {
        self.undo != Undo::Never
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct MapStore {
    pages: BTreeMap<u64, Arc<Vec<(u64, Record)>>>,
    len: usize,
    /// Bytes of pages that were made or copied so far.
    copied: u64,
    /// Blocks whose check sum is wrong.
    spoilt: BTreeSet<u64>,
    /// The dirty-region log.
    marks: BTreeSet<Mark>,
}

impl MapStore {
    /// Does an operation; it has still to be reported.
    pub(super) fn perform(&mut self, op: StoreOp) -> Unreported {
        let given = Given::of(&op);
        let mut undo = Undo::Nothing;
        let result = self.act(op, &mut undo);
        Unreported { given, result, undo }
    }

    /// The operation never happened; those after it were taken back before.
    pub(super) fn take_back(&mut self, lost: Unreported) {
        match lost.undo {
            Undo::Nothing | Undo::Never => {}
            Undo::Put { at, before, spoilt } => {
                self.set(at, before);
                if spoilt {
                    self.spoilt.insert(at);
                }
            }
            Undo::Mark(mark) => {
                self.marks.remove(&mark);
            }
            Undo::Unmark(marks) => self.marks.extend(marks),
        }
    }

    fn act(&mut self, op: StoreOp, undo: &mut Undo) -> Result<StoreDone, StoreError> {
        match op {
            StoreOp::Get { at } if self.spoilt.contains(&at) => Err(StoreError::Media),
            StoreOp::Get { at } => Ok(StoreDone::Got(self.record(at).cloned())),
            StoreOp::Peek { at } => {
                let spoilt = self.spoilt.contains(&at);
                let record = self.record(at);
                Ok(StoreDone::Got(record.map(|r| if spoilt { r.damaged() } else { r.clone() })))
            }
            StoreOp::Spoil { at } => {
                *undo = Undo::Never;
                self.spoilt.insert(at);
                Ok(StoreDone::Done)
            }
            StoreOp::Put { at, record } => {
                let spoilt = self.spoilt.contains(&at);
                *undo = Undo::Put { at, before: self.put(at, record), spoilt };
                Ok(StoreDone::Done)
            }
            StoreOp::Next { at } => Ok(StoreDone::Next(self.next(at))),
            StoreOp::Wipe => {
                *undo = Undo::Never;
                *self = Self { copied: self.copied, ..Self::default() };
                Ok(StoreDone::Done)
            }
            StoreOp::Fence { .. } => {
                *undo = Undo::Never;
                Ok(StoreDone::Done)
            }
            StoreOp::Flush => Ok(StoreDone::Done),
            StoreOp::Mark(mark) => {
                if self.marks.insert(mark) {
                    *undo = Undo::Mark(mark);
                }
                Ok(StoreDone::Done)
            }
            StoreOp::Unmark { gone, region } => {
                let goes = |mark: &&Mark| gone.made_in(mark, region);
                let going: Vec<Mark> = self.marks.iter().filter(goes).copied().collect();
                self.marks.retain(|mark| !gone.made_in(mark, region));
                *undo = Undo::Unmark(going);
                Ok(StoreDone::Done)
            }
            StoreOp::Marks => Ok(StoreDone::Marks(self.marks.iter().copied().collect())),
        }
    }

    /// Gives what was there before.
    fn put(&mut self, at: u64, record: Record) -> Option<Record> {
        let page = self.pages.entry(at / PAGE_BLOCKS).or_default();
        if page.is_empty() || Arc::strong_count(page) > 1 {
            self.copied += PAGE_BYTES;
        }
        self.spoilt.remove(&at);
        let page = Arc::make_mut(page);
        match page.binary_search_by_key(&at, |(at, _)| *at) {
            Ok(place) => Some(core::mem::replace(&mut page[place].1, record)),
            Err(place) => {
                page.insert(place, (at, record));
                self.len += 1;
                None
            }
        }
    }

    /// What a real store turned out to hold.
    pub(super) fn set(&mut self, at: u64, record: Option<Record>) {
        if let Some(record) = record {
            self.put(at, record);
            return;
        }
        let Some(page) = self.pages.get_mut(&(at / PAGE_BLOCKS)) else { return };
        if let Ok(place) = page.binary_search_by_key(&at, |(at, _)| *at) {
            Arc::make_mut(page).remove(place);
            self.len -= 1;
        }
    }

    /// The lowest block from `at` on.
    fn next(&self, at: u64) -> Option<u64> {
        let spoilt = self.spoilt.range(at..).next().copied();
        let pages = self.pages.range(at / PAGE_BLOCKS..).flat_map(|(_, page)| page.iter());
        let there = pages.map(|(block, _)| *block).find(|block| *block >= at);
        there.into_iter().chain(spoilt).min()
    }

    pub(super) fn record(&self, at: u64) -> Option<&Record> {
        let page = self.pages.get(&(at / PAGE_BLOCKS))?;
        let place = page.binary_search_by_key(&at, |(at, _)| *at).ok()?;
        Some(&page[place].1)
    }

    pub(super) fn records(&self) -> impl Iterator<Item = (u64, &Record)> {
        self.pages.values().flat_map(|page| page.iter()).map(|(at, record)| (*at, record))
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.records().map(|(at, _)| at)
    }

    /// The dirty-region log.
    pub(super) fn marks(&self) -> &BTreeSet<Mark> {
        &self.marks
    }

    /// What a real store turned out to have noted.
    pub(super) fn set_marks(&mut self, marks: &[Mark]) {
        self.marks = marks.iter().copied().collect();
    }

    /// The block can be read.
    pub(super) fn is_good(&self, at: u64) -> bool {
        !self.spoilt.contains(&at)
    }

    /// Blocks whose check sum is wrong.
    pub(super) fn damaged(&self) -> usize {
        self.spoilt.len()
    }

    pub(super) fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Bytes of all pages, and of those that were made or copied so far.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.pages.len() as u64 * PAGE_BYTES, self.copied)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Data;
    use crate::protocol::id::{AmfId, Epoch, Version};
    use crate::protocol::region::Gone;

    fn record(sequence: u64) -> Record {
        let stamp = crate::protocol::Stamp { volume: 0, writer: 1, sector: 0, sequence };
        Record { version: Version::ZERO, data: Data::stamped(stamp, 8), covers: None }
    }

    #[test]
    fn it_is_a_map_and_a_clone_is_apart() {
        let mut store = MapStore::default();
        for at in [5, 900, 31, 32, 5] {
            store.put(at, record(at));
        }
        let before = store.clone();
        for (at, next) in [(32, Some(32)), (33, Some(900)), (901, None)] {
            assert_eq!(store.perform(StoreOp::Next { at }).result, Ok(StoreDone::Next(next)));
        }
        store.put(31, record(77));
        store.set(900, None);
        assert_eq!(store.numbers().collect::<Vec<_>>(), [5, 31, 32]);
        assert_eq!((store.len(), before.len()), (3, 4));
        assert_eq!(before.record(31), Some(&record(31)));
        assert_eq!(store.record(31), Some(&record(77)));
        let wiped = store.perform(StoreOp::Wipe);
        assert!(!wiped.may_be_lost(), "it is no write");
        assert_eq!((store.len(), store.record(5)), (0, None));
    }

    #[test]
    fn what_is_taken_back_never_happened() {
        let mut store = MapStore::default();
        let mark = |owner| Mark { region: 0, owner: AmfId(owner), joined: Epoch(1) };
        store.put(3, record(1));
        store.perform(StoreOp::Spoil { at: 3 });
        store.perform(StoreOp::Mark(mark(0)));
        let before = (store.record(3).cloned(), store.is_good(3), store.marks().clone());
        let (first, last, left) = (Epoch(1), Epoch(1), Epoch(2));
        let gone = Gone { owner: AmfId(0), first, last, left, lost: false, for_good: false };
        let ops = [
            StoreOp::Put { at: 3, record: record(2) },
            StoreOp::Put { at: 4, record: record(3) },
            StoreOp::Mark(mark(0)),
            StoreOp::Mark(mark(1)),
            StoreOp::Unmark { gone, region: None },
            StoreOp::Get { at: 3 },
            StoreOp::Put { at: 3, record: record(4) },
        ];
        let done: Vec<Unreported> = ops.into_iter().map(|op| store.perform(op)).collect();
        assert_eq!((store.record(3), store.marks().len()), (Some(&record(4)), 1));
        for lost in done.into_iter().rev() {
            assert!(lost.may_be_lost());
            store.take_back(lost);
        }
        assert_eq!((store.record(3).cloned(), store.is_good(3), store.marks().clone()), before);
        assert_eq!((store.record(4), store.len()), (None, 1));
    }
}
