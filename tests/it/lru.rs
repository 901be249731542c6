//! An independent LRU list, to compare a cache's hits and misses with: a dumb second implementation.

use std::collections::{BTreeMap, HashMap};

/// A list of at most `capacity` keys; the least recently touched one goes.
pub(crate) struct Lru {
    capacity: usize,
    clock: u64,
    by_key: HashMap<u64, u64>,
    by_age: BTreeMap<u64, u64>,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

impl Lru {
    pub(crate) fn new(capacity: usize) -> Self {
        assert!(capacity > 0);
        let (by_key, by_age) = (HashMap::new(), BTreeMap::new());
        Self { capacity, clock: 0, by_key, by_age, hits: 0, misses: 0 }
    }

    /// Touches `key`: true if it was there.
    pub(crate) fn touch(&mut self, key: u64) -> bool {
        self.clock += 1;
        let before = self.by_key.insert(key, self.clock);
        self.by_age.insert(self.clock, key);
        if let Some(age) = before {
            self.by_age.remove(&age);
            self.hits += 1;
            return true;
        }
        self.misses += 1;
        if self.by_key.len() > self.capacity
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.by_key.remove(&oldest);
        }
        false
    }
}

#[test]
fn the_least_recently_touched_goes() {
    let mut lru = Lru::new(2);
    let touched: Vec<bool> = [1, 2, 1, 3, 2, 1, 3, 3].iter().map(|key| lru.touch(*key)).collect();
    assert_eq!(touched, [false, false, true, false, false, false, false, true]);
    assert_eq!((lru.hits, lru.misses), (2, 6));
}

#[test]
fn a_loop_one_larger_than_the_list_never_hits() {
    let mut lru = Lru::new(10);
    for round in 0..50 {
        for key in 0..11 {
            assert!(!lru.touch(key), "round {round}");
        }
    }
    let mut fits = Lru::new(11);
    let touched = (0..55u64).filter(|touch| fits.touch(touch % 11)).count();
    assert_eq!(touched, 44);
    assert_eq!((fits.hits, fits.misses), (44, 11));
}
