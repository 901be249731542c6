//! Which arrivals of messages are the first: a message that comes twice is filtered by its link.

use super::event::{EventKind, Passage};
use core::hash::{Hash, Hasher};
use rustc_hash::{FxHashSet, FxHasher};

/// Most arrivals that are remembered to tell repeats.
const ARRIVALS_MAX: usize = 65_536;

/// Messages that arrived since the last view, by digest: links restart with every view.
#[derive(Clone, Debug, Default)]
pub struct Arrivals(FxHashSet<u64>);

impl Arrivals {
    /// Something happened; false: it is a message that arrives once more. What was sent again because the
    /// first was lost arrives for the first time.
    pub fn is_new(&mut self, kind: &EventKind) -> bool {
        match kind {
            EventKind::View { .. } => self.0.clear(),
            EventKind::Delivered(passage) => return self.arrives(passage) || !passage.again,
            _ => {}
        }
        true
    }

    fn arrives(&mut self, passage: &Passage) -> bool {
        if self.0.len() == ARRIVALS_MAX {
            self.0.clear();
        }
        let Passage { from, to, kind, key, detail, cause, again: _ } = passage;
        let mut hasher = FxHasher::default();
        (from, to, kind, key, detail, cause).hash(&mut hasher);
        self.0.insert(hasher.finish())
    }
}
