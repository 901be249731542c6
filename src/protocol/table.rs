//! The one map of the core: fast, and nothing can depend on its order.
//!
//! A fixed hasher (no random seed), and iteration only in key order, so that the same inputs give
//! the same outputs on every machine (DESIGN: "Determinism and speed together").
//!
//! Open addressing with linear probing: most look-ups of a step find their key in the first slot they look
//! at, and that is all they should cost. A general hash map takes three times the instructions.

use core::fmt;
use core::hash::{BuildHasher, Hash, Hasher};
use rustc_hash::FxBuildHasher;

/// Slots of a table that holds something.
const SLOTS_MIN: usize = 8;

/// A map whose iteration order is the key order.
#[derive(Clone)]
pub struct Table<K, V> {
    /// None, or a power of two. A key lies in the first slot from its home on that was free; there is always
    /// a free one.
    slots: Vec<Option<(K, V)>>,
    len: usize,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { slots: Vec::new(), len: 0 }
    }
}

impl<K: Copy + Ord + Hash, V> Table<K, V> {
    /// The value of `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        let last = self.slots.len().checked_sub(1)?;
        let mut at = home(key) & last;
        while let Some((other, value)) = &self.slots[at] {
            if other == key {
                return Some(value);
            }
            at = (at + 1) & last;
        }
        None
    }
    /// The value of `key`, to change.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.find(key)?;
        self.slots[at].as_mut().map(|(_, value)| value)
    }
    /// True if `key` has a value.
    pub fn contains(&self, key: &K) -> bool {
        self.find(key).is_some()
    }
    /// Sets the value of `key`; gives back the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.make_room();
        let at = self.slot_for(&key);
        let before = self.slots[at].replace((key, value));
        self.len += usize::from(before.is_none());
        before.map(|(_, value)| value)
    }
    /// The value of `key`, made by `make` if it has none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        self.make_room();
        let at = self.slot_for(&key);
        let slot = &mut self.slots[at];
        self.len += usize::from(slot.is_none());
        let (_, value) = slot.get_or_insert_with(|| (key, make()));
        value
    }
    /// Takes `key` out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.find(key)?;
        let taken = self.slots[at].take();
        self.len -= 1;
        self.close(at);
        taken.map(|(_, value)| value)
    }
    /// How many keys have a value.
    pub fn len(&self) -> usize {
        self.len
    }
    /// True if no key has a value.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Takes everything out.
    pub fn clear(&mut self) {
        if self.len > 0 {
            self.slots.fill_with(|| None);
            self.len = 0;
        }
    }
    /// All keys, sorted. O(n log n): for view changes, snapshots and full scans.
    pub fn keys_sorted(&self) -> Vec<K> {
        let mut keys: Vec<K> = self.pairs().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys
    }
    /// All keys and values, sorted by key. O(n log n).
    pub fn sorted(&self) -> Vec<(K, &V)> {
        let mut pairs: Vec<(K, &V)> = self.pairs().map(|(key, value)| (*key, value)).collect();
        pairs.sort_unstable_by_key(|(key, _)| *key);
        pairs
    }
    /// Keeps what `keep` says to keep. `keep` must be pure: it is asked in no particular order.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        let gone = self.pairs().filter(|(key, value)| !keep(key, value));
        let gone: Vec<K> = gone.map(|(key, _)| *key).collect();
        for key in gone {
            self.remove(&key);
        }
    }
    /// True if `test` holds for some pair; `test` must be pure.
    pub fn any(&self, mut test: impl FnMut(&K, &V) -> bool) -> bool {
        self.pairs().any(|(key, value)| test(key, value))
    }
    /// How many pairs `test` holds for; `test` must be pure.
    pub fn count(&self, mut test: impl FnMut(&K, &V) -> bool) -> usize {
        self.pairs().filter(|(key, value)| test(key, value)).count()
    }
}

// ---- slots

impl<K, V> Table<K, V> {
    fn pairs(&self) -> impl Iterator<Item = (&K, &V)> {
        self.slots.iter().flatten().map(|(key, value)| (key, value))
    }
}

impl<K: Eq + Hash, V> Table<K, V> {
    /// The slot that `key` lies in.
    fn find(&self, key: &K) -> Option<usize> {
        let last = self.slots.len().checked_sub(1)?;
        let mut at = home(key) & last;
        loop {
            match &self.slots[at] {
                None => return None,
                Some((other, _)) if other == key => return Some(at),
                Some(_) => at = (at + 1) & last,
            }
        }
    }

    /// The slot that `key` lies in, or the free one where it belongs. There must be room.
    fn slot_for(&self, key: &K) -> usize {
        let last = self.slots.len() - 1;
        let mut at = home(key) & last;
        while self.slots[at].as_ref().is_some_and(|(other, _)| other != key) {
            at = (at + 1) & last;
        }
        at
    }

    /// Room for one key more: at most five eighths are used, so that the next free slot is near.
    fn make_room(&mut self) {
        if self.len * 8 >= self.slots.len() * 5 {
            self.grow();
        }
    }

    #[cold]
    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(SLOTS_MIN);
        let before = core::mem::take(&mut self.slots);
        self.slots.resize_with(slots, || None);
        for pair in before.into_iter().flatten() {
            let at = self.slot_for(&pair.0);
            self.slots[at] = Some(pair);
        }
    }

    /// Moves those behind a slot that became free: each that could not have it, and now can.
    fn close(&mut self, mut free: usize) {
        let last = self.slots.len() - 1;
        let mut at = (free + 1) & last;
        while let Some((key, _)) = &self.slots[at] {
            let from_home = at.wrapping_sub(home(key)) & last;
            let from_free = at.wrapping_sub(free) & last;
            if from_home >= from_free {
                self.slots[free] = self.slots[at].take();
                free = at;
            }
            at = (at + 1) & last;
        }
    }
}

/// Where a key would like to be, in a table with room for all.
#[expect(clippy::cast_possible_truncation, reason = "the lower bits are as good as the upper ones")]
fn home<K: Hash>(key: &K) -> usize {
    FxBuildHasher.hash_one(key) as usize
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.pairs()).finish()
    }
}

impl<K: Eq + Hash, V: PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        let same = |(key, value): (&K, &V)| {
            let at = other.find(key);
            at.and_then(|at| other.slots[at].as_ref()).is_some_and(|(_, found)| found == value)
        };
        self.len == other.len && self.pairs().all(same)
    }
}

impl<K: Eq + Hash, V: Eq> Eq for Table<K, V> {}

/// The same for the same content, whatever the order it was put in.
impl<K: Hash, V: Hash> Hash for Table<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut sum = 0u64;
        for pair in self.pairs() {
            let mut one = rustc_hash::FxHasher::default();
            pair.hash(&mut one);
            sum = sum.wrapping_add(one.finish());
        }
        state.write_u64(sum);
        state.write_usize(self.len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Few keys, so that they are taken out and come back; far apart and near, so that they crowd.
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0u8..6, 0u64..24, any::<u16>()), 0..400)) {
            let (mut table, mut map) = (Table::default(), BTreeMap::new());
            for (what, key, value) in steps {
                let key = if key < 12 { key } else { key << 40 };
                match what {
                    0 | 1 => prop_assert_eq!(table.insert(key, value), map.insert(key, value)),
                    2 | 3 => prop_assert_eq!(table.remove(&key), map.remove(&key)),
                    4 => {
                        let made = *table.get_or_insert_with(key, || value);
                        prop_assert_eq!(made, *map.entry(key).or_insert(value));
                    }
                    _ => {
                        table.retain(|key, kept| (key ^ u64::from(*kept)) % 3 != 0);
                        map.retain(|key, kept| (key ^ u64::from(*kept)) % 3 != 0);
                    }
                }
                prop_assert_eq!(table.len(), map.len());
                let pairs: Vec<(u64, &u16)> = map.iter().map(|(key, value)| (*key, value)).collect();
                prop_assert_eq!(table.sorted(), pairs);
                prop_assert!(map.iter().all(|(key, value)| table.get(key) == Some(value)));
            }
        }
    }

    #[test]
    fn equal_content_is_equal_however_it_came_about() {
        let (mut one, mut other) = (Table::default(), Table::default());
        for key in 0..100u64 {
            one.insert(key, key);
            other.insert(99 - key, 99 - key);
        }
        other.insert(1_000, 0);
        assert_ne!(one, other);
        other.remove(&1_000);
        assert_eq!(one, other);
        assert_eq!(FxBuildHasher.hash_one(&one), FxBuildHasher.hash_one(&other));
        one.clear();
        assert!(one.is_empty() && !one.contains(&5) && one != other);
    }
}
