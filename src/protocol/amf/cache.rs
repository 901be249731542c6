//! The cache of one AMF: a slab of lines on an intrusive list, least recently used last.
//!
//! Strict LRU: a touch that misses takes a line at once, as a placeholder in state `I` at the front,
//! and the last line of the list becomes an *evictee*: off the list, no longer counted, gone as soon
//! as its work is done (destaged if dirty). So with one AMF the figures equal a plain LRU list,
//! however long disks take.

use crate::protocol::data::Data;
use crate::protocol::id::{AmfSet, Block, Instant, Version};
use crate::protocol::rule::LineState;
use crate::protocol::table::Table;

const NONE: u32 = u32::MAX;

/// A block's copy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Line {
    pub(super) block: Block,
    pub(super) state: LineState,
    pub(super) version: Version,
    pub(super) data: Data,
    /// Replication partners that have not acknowledged this version yet \[H4\].
    pub(super) missing: AmfSet,
    /// Off the list: drop it when nothing needs it any more.
    pub(super) evicting: bool,
    /// The key has work in progress: the line (or placeholder) stays.
    pub(super) busy: bool,
    /// Lent, and no disk could say whether it is still wanted: until the next view.
    pub(super) stuck: bool,
    /// Since when it is dirty, if it is.
    pub(super) dirty_at: Instant,
    newer: u32,
    older: u32,
}

impl Line {
    /// Its content may not be in the group yet: partners keep it too.
    pub(super) fn dirty(&self) -> bool {
        self.state.is_dirty()
    }
}

/// Index of a line in the slab; valid until that line is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At(u32);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Cache {
    slab: Vec<Line>,
    free: Vec<u32>,
    index: Table<Block, u32>,
    newest: u32,
    oldest: u32,
    /// Lines on the list: all that are not evicting.
    listed: u32,
    /// Lines in `M` or `O`.
    owned: u32,
    /// Lines in `L`.
    lent: u32,
    valid: u32,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self {
            slab: Vec::new(),
            free: Vec::new(),
            index: Table::default(),
            newest: NONE,
            oldest: NONE,
            listed: 0,
            owned: 0,
            lent: 0,
            valid: 0,
        }
    }

    pub(super) fn find(&self, block: Block) -> Option<At> {
        self.index.get(&block).map(|at| At(*at))
    }

    pub(super) fn line(&self, at: At) -> &Line {
        &self.slab[at.0 as usize]
    }

    pub(super) fn line_mut(&mut self, at: At) -> &mut Line {
        &mut self.slab[at.0 as usize]
    }

    pub(super) fn get(&self, block: Block) -> Option<&Line> {
        self.find(block).map(|at| self.line(at))
    }

    /// State of a block here; `I` if it has no line.
    pub(super) fn state(&self, block: Block) -> LineState {
        self.get(block).map_or(LineState::I, |line| line.state)
    }

    /// No line at all, evictees and placeholders included.
    pub(super) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }
    pub(super) fn listed(&self) -> u32 {
        self.listed
    }
    pub(super) fn evicting(&self) -> usize {
        self.index.len() - self.listed as usize
    }
    /// Lines that wait to be destaged by this AMF.
    pub(super) fn owned(&self) -> u32 {
        self.owned
    }
    /// Those, and lines that are lent.
    pub(super) fn dirty(&self) -> u32 {
        self.owned + self.lent
    }
    pub(super) fn valid(&self) -> u32 {
        self.valid
    }

    /// A placeholder for `block` at the front of the list.
    pub(super) fn insert(&mut self, block: Block) -> At {
        let line = Line {
            block,
            state: LineState::I,
            version: Version::ZERO,
            data: Data::zero(0),
            missing: AmfSet::EMPTY,
            evicting: false,
            busy: false,
            stuck: false,
            dirty_at: Instant::NEVER,
            newer: NONE,
            older: NONE,
        };
        let at = if let Some(at) = self.free.pop() {
            self.slab[at as usize] = line;
            at
        } else {
            self.slab.push(line);
            u32::try_from(self.slab.len() - 1).expect("a cache has fewer than 2^32 lines")
        };
        let before = self.index.insert(block, at);
        assert!(before.is_none(), "one line a block");
        self.push_front(at);
        At(at)
    }

    /// Moves a line to the front; an evictee comes back onto the list.
    pub(super) fn touch(&mut self, at: At) {
        if self.newest == at.0 {
            return;
        }
        if self.slab[at.0 as usize].evicting {
            self.slab[at.0 as usize].evicting = false;
        } else {
            self.unlink(at.0);
        }
        self.push_front(at.0);
    }

    /// The least recently used line.
    pub(super) fn oldest(&self) -> Option<At> {
        (self.oldest != NONE).then_some(At(self.oldest))
    }

    /// Takes a line off the list: it is no longer counted and will be dropped.
    pub(super) fn mark_evicting(&mut self, at: At) {
        if !self.slab[at.0 as usize].evicting {
            self.unlink(at.0);
            self.slab[at.0 as usize].evicting = true;
        }
    }

    /// Changes a line's state; keeps the counts.
    pub(super) fn set_state(&mut self, at: At, state: LineState) -> LineState {
        let before = core::mem::replace(&mut self.slab[at.0 as usize].state, state);
        self.owned += u32::from(state.is_owned());
        self.owned -= u32::from(before.is_owned());
        self.lent += u32::from(state == LineState::L);
        self.lent -= u32::from(before == LineState::L);
        self.valid += u32::from(state.is_valid());
        self.valid -= u32::from(before.is_valid());
        before
    }

    /// Removes a line for good.
    pub(super) fn remove(&mut self, at: At) {
        self.set_state(at, LineState::I);
        if !self.slab[at.0 as usize].evicting {
            self.unlink(at.0);
        }
        let line = &mut self.slab[at.0 as usize];
        line.data = Data::zero(0);
        line.evicting = false;
        line.stuck = false;
        let block = line.block;
        self.index.remove(&block);
        self.free.push(at.0);
    }

    /// Every line, by block: for view changes, snapshots, full scans.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (At, &Line)> {
        self.index.sorted().into_iter().map(|(_, at)| (At(*at), &self.slab[*at as usize]))
    }

    /// Every dirty line's block, in no order.
    pub(super) fn each_dirty(&self, mut tell: impl FnMut(Block)) {
        let mut left = self.dirty();
        if left == 0 {
            return;
        }
        self.index.any(|block, at| {
            if self.slab[*at as usize].dirty() {
                tell(*block);
                left -= 1;
            }
            left == 0
        });
    }

    fn push_front(&mut self, at: u32) {
        let older = self.newest;
        {
            let line = &mut self.slab[at as usize];
            line.newer = NONE;
            line.older = older;
        }
        if older == NONE {
            self.oldest = at;
        } else {
            self.slab[older as usize].newer = at;
        }
        self.newest = at;
        self.listed += 1;
    }

    fn unlink(&mut self, at: u32) {
        let (newer, older) = {
            let line = &self.slab[at as usize];
            (line.newer, line.older)
        };
        if newer == NONE {
            self.newest = older;
        } else {
            self.slab[newer as usize].older = older;
        }
        if older == NONE {
            self.oldest = newer;
        } else {
            self.slab[older as usize].newer = newer;
        }
        self.listed -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(cache: &Cache) -> Vec<u64> {
        let mut out = Vec::new();
        let mut at = cache.oldest;
        while at != NONE {
            out.push(cache.slab[at as usize].block.0);
            at = cache.slab[at as usize].newer;
        }
        out
    }

    #[test]
    fn the_list_is_strictly_by_use() {
        let mut cache = Cache::new();
        for block in 0..4 {
            cache.insert(Block(block));
        }
        let touch = |cache: &mut Cache, block| {
            let at = cache.find(Block(block)).expect("inserted");
            cache.touch(at);
        };
        touch(&mut cache, 1);
        touch(&mut cache, 0);
        touch(&mut cache, 0);
        assert_eq!(order(&cache), [2, 3, 1, 0]);
        let victim = cache.oldest().expect("four lines");
        cache.mark_evicting(victim);
        assert_eq!((cache.listed(), cache.evicting()), (3, 1));
        touch(&mut cache, 2);
        assert_eq!(order(&cache), [3, 1, 0, 2], "an evictee that is touched comes back");
        let at = cache.find(Block(1)).expect("inserted");
        cache.remove(at);
        assert_eq!(order(&cache), [3, 0, 2]);
        assert!(cache.get(Block(1)).is_none());
    }

    #[test]
    fn counts_follow_the_states() {
        let mut cache = Cache::new();
        let at = cache.insert(Block(9));
        cache.set_state(at, LineState::M);
        assert_eq!((cache.dirty(), cache.valid()), (1, 1));
        cache.set_state(at, LineState::L);
        assert_eq!((cache.dirty(), cache.owned(), cache.valid()), (1, 0, 0));
        cache.set_state(at, LineState::S);
        assert_eq!((cache.dirty(), cache.valid()), (0, 1));
        cache.remove(at);
        assert_eq!((cache.dirty(), cache.valid(), cache.listed()), (0, 0, 0));
    }
}
