//! A configuration: one way in which what was answered so far can have happened.
//!
//! Of the operations under way (answered later, one slot each) it says which have taken effect:
//!
//! | | `done` | `soft` | |
//! |---|---|---|---|
//! | fresh | no | no | not yet |
//! | soft | no | yes | a write that may have been overwritten at once, or may still come; something that need not happen |
//! | done | yes | no | has taken effect |
//!
//! *Soft* is what keeps concurrent writes from doubling the configurations each: whenever a write takes
//! effect, every other write under way may have done so just before, unseen. Whether it did is decided
//! when it is answered, or when it is needed.
//!
//! Unanswered operations have no slot. Those that do the same are one class, and only how many of it
//! were used is kept.
//!
//! **Dominance.** A configuration is dropped if another with the same state can do all it can: it owes
//! no more answers, has every write that the other has, and used no more unanswered operations of each
//! class.

use super::space::State;
use crate::protocol::table::Table;
use smallvec::SmallVec;

/// A set of slots. No trailing zero words, so that equal sets are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Slots(SmallVec<[u64; 1]>);

impl Slots {
    pub(super) fn has(&self, slot: u32) -> bool {
        self.word(slot as usize / 64) >> (slot % 64) & 1 == 1
    }

    pub(super) fn add(&mut self, slot: u32) {
        let at = slot as usize / 64;
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= 1 << (slot % 64);
    }

    pub(super) fn remove(&mut self, slot: u32) {
        let at = slot as usize / 64;
        if at < self.0.len() {
            self.0[at] &= !(1 << (slot % 64));
            while self.0.last() == Some(&0) {
                self.0.pop();
            }
        }
    }

    pub(super) fn word(&self, at: usize) -> u64 {
        self.0.get(at).copied().unwrap_or(0)
    }

    pub(super) fn words(&self) -> usize {
        self.0.len()
    }

    /// The members of `self` that are not in `without`.
    pub(super) fn minus<'a>(&'a self, without: &'a Self) -> impl Iterator<Item = u32> + 'a {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let mut left = word & !without.word(at);
            core::iter::from_fn(move || {
                if left == 0 {
                    return None;
                }
                let bit = left.trailing_zeros();
                left &= left - 1;
                Some(u32::try_from(at).unwrap_or(u32::MAX) * 64 + bit)
            })
        })
    }
}

/// What the slots hold at present: writes, those that only look, and the rest (swaps).
#[derive(Clone, Debug, Default)]
pub(super) struct Kinds {
    pub(super) writes: Slots,
    pub(super) observers: Slots,
    pub(super) swaps: Slots,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) state: State,
    pub(super) done: Slots,
    pub(super) soft: Slots,
    /// Used unanswered operations, by class; no trailing zeros.
    pub(super) spent: SmallVec<[u32; 4]>,
    /// Where its story ends in the `Trace`.
    pub(super) trace: u32,
}

impl Config {
    pub(super) fn new(state: State) -> Self {
        Self {
            state,
            done: Slots::default(),
            soft: Slots::default(),
            spent: SmallVec::new(),
            trace: 0,
        }
    }

    /// How many operations of a class were used.
    pub(super) fn spent(&self, class: u32) -> u32 {
        self.spent.get(class as usize).copied().unwrap_or(0)
    }

    /// One more of a class is used.
    pub(super) fn spend(&mut self, class: u32) {
        let at = class as usize;
        if at >= self.spent.len() {
            self.spent.resize(at + 1, 0);
        }
        self.spent[at] += 1;
    }

    /// Only these classes are left, and `used` of each need not be counted any more.
    pub(super) fn keep_spent(&mut self, kept: &[u32], used: &[u32]) {
        let spent = |class: &u32| self.spent(*class) - used[*class as usize];
        let mut left: SmallVec<[u32; 4]> = kept.iter().map(spent).collect();
        while left.last() == Some(&0) {
            left.pop();
        }
        self.spent = left;
    }

    /// `self` can do all that `other` can.
    fn dominates(&self, other: &Self, kinds: &Kinds) -> bool {
        if self.state != other.state || self.spent.len() > other.spent.len() {
            return false;
        }
        if self.spent.iter().zip(&other.spent).any(|(mine, its)| mine > its) {
            return false;
        }
        let words = self.done.words().max(other.done.words()).max(other.soft.words());
        (0..words).all(|at| {
            let (soft, its_soft) = (self.soft.word(at), other.soft.word(at));
            let (done, its_done) = (self.done.word(at), other.done.word(at));
            let observers = kinds.observers.word(at);
            its_soft & !soft == 0
                && (done ^ its_done) & !soft & !observers == 0
                && its_done & !done & observers == 0
        })
    }
}

/// Configurations none of which dominates another.
#[derive(Debug, Default)]
pub(super) struct Front {
    all: Vec<Option<Config>>,
    /// Where those with a state are, once there are many.
    by_state: Table<State, Vec<u32>>,
    /// Comparisons that were made.
    pub(super) compared: u64,
}

/// As many are simply looked through.
const SCAN_MAX: usize = 16;

impl Front {
    /// Adds `config`, unless one that is there dominates it; what it dominates goes. True if added.
    pub(super) fn add(&mut self, config: &Config, kinds: &Kinds) -> bool {
        if self.all.len() <= SCAN_MAX {
            self.compared += self.all.len() as u64;
            for place in &mut self.all {
                match place {
                    Some(one) if one.dominates(config, kinds) => return false,
                    Some(one) if config.dominates(one, kinds) => *place = None,
                    Some(_) | None => {}
                }
            }
            self.all.push(Some(config.clone()));
            if self.all.len() > SCAN_MAX {
                self.index();
            }
            return true;
        }
        let places = self.by_state.get_or_insert_with(config.state, Vec::new);
        self.compared += places.len() as u64;
        let all = &mut self.all;
        let is_better =
            |at: &u32| all[*at as usize].as_ref().is_some_and(|one| one.dominates(config, kinds));
        if places.iter().any(is_better) {
            return false;
        }
        places.retain(|at| {
            let place = &mut all[*at as usize];
            let is_worse = place.as_ref().is_none_or(|one| config.dominates(one, kinds));
            if is_worse {
                *place = None;
            }
            !is_worse
        });
        places.push(u32::try_from(all.len()).expect("the budget is smaller"));
        all.push(Some(config.clone()));
        true
    }

    fn index(&mut self) {
        for (at, config) in self.all.iter().enumerate() {
            if let Some(config) = config {
                let at = u32::try_from(at).expect("there are few yet");
                self.by_state.get_or_insert_with(config.state, Vec::new).push(at);
            }
        }
    }

    /// What is in it.
    pub(super) fn into_configs(self) -> Vec<Config> {
        self.all.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_sets() {
        let mut slots = Slots::default();
        slots.add(3);
        slots.add(130);
        assert!(slots.has(130) && slots.has(3) && !slots.has(66) && !slots.has(1000));
        assert_eq!(slots.minus(&Slots::default()).collect::<Vec<_>>(), [3, 130]);
        slots.remove(130);
        let mut same = Slots::default();
        same.add(3);
        assert_eq!(slots, same);
        assert_eq!(slots.minus(&same).count(), 0);
    }

    #[test]
    fn the_fewest_unanswered_operations_dominate() {
        let kinds = Kinds::default();
        let mut front = Front::default();
        let mut many = Config::new(1);
        many.spend(2);
        let few = Config::new(1);
        assert!(front.add(&many, &kinds));
        assert!(front.add(&few, &kinds));
        assert!(!front.add(&many, &kinds));
        assert_eq!(front.into_configs(), [few]);
    }

    #[test]
    fn a_soft_write_dominates_a_fresh_and_a_done_one() {
        let mut kinds = Kinds::default();
        kinds.writes.add(0);
        let fresh = Config::new(1);
        let (mut soft, mut done) = (fresh.clone(), fresh.clone());
        soft.soft.add(0);
        done.done.add(0);
        assert!(soft.dominates(&fresh, &kinds) && soft.dominates(&done, &kinds));
        assert!(!fresh.dominates(&done, &kinds) && !done.dominates(&fresh, &kinds));
        assert!(!fresh.dominates(&soft, &kinds) && !done.dominates(&soft, &kinds));
    }
}
