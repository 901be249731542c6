//! The one map of the core: fast, and nothing can depend on its order.
//!
//! A fixed hasher (no random seed), and iteration only in key order, so that the same inputs give
//! the same outputs on every machine (DESIGN: "Determinism and speed together").

use core::hash::{Hash, Hasher};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;

/// A map whose iteration order is the key order.
#[derive(Clone, Debug)]
pub struct Table<K, V>(FxHashMap<K, V>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<K: Copy + Ord + Hash, V> Table<K, V> {
    /// The value of `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }
    /// The value of `key`, to change.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.get_mut(key)
    }
    /// True if `key` has a value.
    pub fn contains(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }
    /// Sets the value of `key`; gives back the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }
    /// The value of `key`, made by `make` if it has none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        match self.0.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(make()),
        }
    }
    /// Takes `key` out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.0.remove(key)
    }
    /// How many keys have a value.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// True if no key has a value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Takes everything out.
    pub fn clear(&mut self) {
        self.0.clear();
    }
    /// All keys, sorted. O(n log n): for view changes, snapshots and full scans.
    pub fn keys_sorted(&self) -> Vec<K> {
        let mut keys: Vec<K> = self.0.keys().copied().collect();
        keys.sort_unstable();
        keys
    }
    /// All keys and values, sorted by key. O(n log n).
    pub fn sorted(&self) -> Vec<(K, &V)> {
        let mut pairs: Vec<(K, &V)> = self.0.iter().map(|(k, v)| (*k, v)).collect();
        pairs.sort_unstable_by_key(|(k, _)| *k);
        pairs
    }
    /// Keeps what `keep` says to keep. `keep` must be pure: it is asked in no particular order.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        self.0.retain(|k, v| keep(k, v));
    }
    /// True if `test` holds for some pair; `test` must be pure.
    pub fn any(&self, mut test: impl FnMut(&K, &V) -> bool) -> bool {
        self.0.iter().any(|(k, v)| test(k, v))
    }
    /// How many pairs `test` holds for; `test` must be pure.
    pub fn count(&self, mut test: impl FnMut(&K, &V) -> bool) -> usize {
        self.0.iter().filter(|(k, v)| test(k, v)).count()
    }
}

impl<K: Eq + Hash, V: PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Eq + Hash, V: Eq> Eq for Table<K, V> {}

/// The same for the same content, whatever the order it was put in.
impl<K: Hash, V: Hash> Hash for Table<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut sum = 0u64;
        for pair in &self.0 {
            let mut one = rustc_hash::FxHasher::default();
            pair.hash(&mut one);
            sum = sum.wrapping_add(one.finish());
        }
        state.write_u64(sum);
        state.write_usize(self.0.len());
    }
}
