//! Samples the cluster-wide invariants (PROTOCOL.md section 9) while the cluster runs: all AMFs'
//! mutexes are taken, in id order, and the keys that were concerned lately are looked at, with a
//! window that wanders over the volume.

use super::cluster::Cluster;
use super::node::Node;
use crate::protocol::id::{Block, Key};
use crate::protocol::{Amf, cluster};
use std::collections::BTreeSet;
use std::sync::PoisonError;

/// Keys that each AMF remembers for the next sample.
pub(crate) const RECENT_KEYS_MAX: usize = 64;
/// Blocks of the wandering window in one sample.
const WINDOW_BLOCKS: u64 = 128;

/// The keys that an AMF's last inputs concerned.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    keys: Vec<Key>,
    next: usize,
}

impl Recent {
    /// Remembers keys, the oldest make room.
    pub(crate) fn add(&mut self, keys: &[Key]) {
        for key in keys {
            if self.keys.len() < RECENT_KEYS_MAX {
                self.keys.push(*key);
            } else {
                self.keys[self.next] = *key;
                self.next = (self.next + 1) % RECENT_KEYS_MAX;
            }
        }
    }
}

impl Cluster {
    /// One sample. What it finds is said once.
    pub(super) fn sample(&self) {
        let states: Vec<_> = self.amfs.iter().map(Node::lock).collect();
        let now = self.clock.now();
        let amfs: Vec<&Amf> = states.iter().filter_map(|state| state.machine.as_ref()).collect();
        let mut keys: BTreeSet<Key> =
            states.iter().flat_map(|state| state.recent.keys.iter().copied()).collect();
        keys.extend(self.window().map(|block| Key::Block(Block(block))));
        let check = |key: Key| cluster::check_key(&amfs, key, now).map(|breach| (key, breach));
        let breaches: Vec<_> = keys.into_iter().filter_map(check).collect();
        drop(states);
        for (key, breach) in breaches {
            let known = {
                let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                let mut first = found.first.iter();
                first.any(|v| v.key == Some(key) && v.checker == breach.checker)
            };
            if !known {
                self.violation(breach.checker, Some(key), breach.text);
            }
        }
    }

    /// The next blocks of the volume.
    fn window(&self) -> impl Iterator<Item = u64> + use<> {
        use std::sync::atomic::Ordering;
        let blocks = self.config.blocks;
        let from = self.window_at.fetch_add(WINDOW_BLOCKS, Ordering::Relaxed) % blocks;
        (from..from + WINDOW_BLOCKS.min(blocks)).map(move |block| block % blocks)
    }
}
