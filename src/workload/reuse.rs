//! How soon blocks are touched again: LRU stack distances, and from them the hits of every cache size.
//!
//! The distance of a touch is how many other blocks were touched since the same block was last. A list
//! of C lines that drops the least recently used hits exactly the touches with a distance below C
//! (Mattson et al., "Evaluation techniques for storage hierarchies", 1970). A tree of counts over the
//! times of last touches (Fenwick) gives each distance in O(log blocks).
//!
//! Exact as long as the blocks fit the table. After that only every second block counts, then every
//! fourth, and so on, chosen by a hash of the block, and what is counted stands for so many (SHARDS:
//! Waldspurger et al., "Efficient MRC construction with SHARDS", FAST '15, with its correction of the
//! number of touches). So memory is bounded whatever the trace.

use super::mapping::mixed;
use rustc_hash::FxHashMap;
use serde::Serialize;

/// A block of a device.
pub type Key = (u32, u64);

/// Largest cache size that is counted, as a power of two.
const SIZE_LOG_MAX: u32 = 40;
/// Slots of the smallest tree.
const SLOTS_MIN: usize = 1 << 12;

/// What is known of a block.
#[derive(Clone, Copy, Debug, Default)]
struct Entry<T> {
    /// When it was last touched.
    slot: u32,
    about: T,
}

/// Reuse distances of a stream of touches, and something about each block.
#[derive(Clone, Debug)]
pub struct Reuse<T> {
    blocks_max: usize,
    /// One block in 2^shift counts.
    shift: u32,
    table: FxHashMap<Key, Entry<T>>,
    /// Fenwick: a one for each slot that is some block's last touch.
    tree: Vec<u32>,
    next: usize,
    /// Cache sizes in lines, ascending; touches that the first of them to hit is this one.
    sizes: Vec<u64>,
    /// Of these, which were asked for.
    asked: Vec<u64>,
    first_hits: Vec<u64>,
    /// Touches of a block that was never touched before.
    cold: u64,
    /// All touches, and those that counted, with what they stand for.
    touches: u64,
    counted: u64,
}

/// Hits of a cache of so many lines.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Hits {
    /// Lines of the cache, a block each.
    pub lines: u64,
    /// Touches that hit.
    pub hits: u64,
    /// Their part of all touches.
    pub hit_ratio: f64,
}

impl<T: Copy + Default> Reuse<T> {
    /// Keeps at most `blocks_max` blocks. Hits are counted for powers of two and what lies halfway
    /// between, and for `sizes`.
    #[must_use]
    pub fn new(blocks_max: usize, sizes: &[u64]) -> Self {
        let powers = (0..=SIZE_LOG_MAX).flat_map(|log| [1u64 << log, 3 << log]);
        let asked: Vec<u64> = sizes.iter().copied().filter(|size| *size > 0).collect();
        let mut sizes: Vec<u64> = powers.chain(asked.iter().copied()).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let first_hits = vec![0; sizes.len()];
        Self {
            blocks_max: blocks_max.max(1),
            shift: 0,
            table: FxHashMap::default(),
            tree: vec![0; SLOTS_MIN + 1],
            next: 1,
            sizes,
            asked,
            first_hits,
            cold: 0,
            touches: 0,
            counted: 0,
        }
    }

    /// A block is touched. What is known of it, unless it is one of those that do not count.
    pub fn touch(&mut self, key: Key) -> Option<&mut T> {
        self.touches += 1;
        if !is_counted(key, self.shift) {
            return None;
        }
        self.counted += 1 << self.shift;
        if self.next == self.tree.len() {
            self.compact();
        }
        let slot = u32::try_from(self.next).expect("blocks_max has 30 bits");
        let known = self.table.get_mut(&key).map(|entry| core::mem::replace(&mut entry.slot, slot));
        if let Some(old) = known {
            self.reused(old as usize);
        } else {
            self.cold += 1 << self.shift;
            self.table.insert(key, Entry { slot, about: T::default() });
        }
        self.add(self.next, 1);
        self.next += 1;
        while self.table.len() > self.blocks_max {
            self.thin();
        }
        self.table.get_mut(&key).map(|entry| &mut entry.about)
    }

    /// A block is touched again, whose last touch is at this slot: it is that no more.
    fn reused(&mut self, old: usize) {
        let distance = (self.table.len() as u64 - u64::from(self.sum(old))) << self.shift;
        let first = self.sizes.partition_point(|size| *size <= distance);
        if let Some(count) = self.first_hits.get_mut(first) {
            *count += 1 << self.shift;
        }
        self.add(old, u32::MAX);
    }

    /// Adds to a slot; `u32::MAX` takes one away.
    fn add(&mut self, mut slot: usize, what: u32) {
        while let Some(count) = self.tree.get_mut(slot) {
            *count = count.wrapping_add(what);
            slot += slot & slot.wrapping_neg();
        }
    }

    /// Ones in the slots from 1 to this one.
    fn sum(&self, mut slot: usize) -> u32 {
        let mut sum = 0u32;
        while slot > 0 {
            sum = sum.wrapping_add(self.tree[slot]);
            slot &= slot - 1;
        }
        sum
    }

    /// Only every second of the blocks counts from now on.
    fn thin(&mut self) {
        self.shift += 1;
        let shift = self.shift;
        self.table.retain(|key, _| is_counted(*key, shift));
        self.compact();
    }

    /// Numbers last touches anew, without holes, in a tree with room for as many again.
    fn compact(&mut self) {
        let mut slots: Vec<&mut u32> = self.table.values_mut().map(|e| &mut e.slot).collect();
        slots.sort_unstable();
        for (slot, number) in slots.into_iter().zip(1..) {
            *slot = number;
        }
        let count = self.table.len();
        let room = (2 * count).max(SLOTS_MIN);
        self.tree.clear();
        self.tree.resize(room + 1, 0);
        self.tree[1..=count].fill(1);
        for slot in 1..=room {
            let parent = slot + (slot & slot.wrapping_neg());
            if parent <= room {
                self.tree[parent] += self.tree[slot];
            }
        }
        self.next = count + 1;
    }

    /// All touches.
    pub fn touches(&self) -> u64 {
        self.touches
    }

    /// Touches of blocks that were not touched before.
    pub fn cold(&self) -> u64 {
        self.cold
    }

    /// One block in so many counted: 1 if everything is exact.
    pub fn one_in(&self) -> u64 {
        1 << self.shift
    }

    /// What is known of each block that counted.
    pub fn blocks(&self) -> impl Iterator<Item = &T> {
        self.table.values().map(|entry| &entry.about)
    }

    /// Hits by cache size, up to the first that holds every block, and for those that were asked for.
    pub fn curve(&self) -> Vec<Hits> {
        // What was drawn may be more or fewer touches than their part: that is not a question of
        // distance, and SHARDS puts it to the smallest.
        let mut hits = i128::from(self.touches) - i128::from(self.counted);
        let blocks = (self.table.len() as u64) << self.shift;
        let mut curve: Vec<Hits> = Vec::new();
        for (lines, first) in self.sizes.iter().zip(&self.first_hits) {
            hits += i128::from(*first);
            let is_over = curve.last().is_some_and(|before| before.lines >= blocks);
            if is_over && !self.asked.contains(lines) {
                continue;
            }
            let whole = u64::try_from(hits.max(0)).unwrap_or(u64::MAX).min(self.touches);
            #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
            let hit_ratio =
                if self.touches == 0 { 0.0 } else { whole as f64 / self.touches as f64 };
            curve.push(Hits { lines: *lines, hits: whole, hit_ratio });
        }
        curve
    }
}

fn is_counted((device, block): Key, shift: u32) -> bool {
    let hash = mixed(mixed(u64::from(device) + 1).wrapping_add(block));
    shift == 0 || hash >> (64 - shift) == 0
}
