//! Which writes are worth a try before an answer: those whose content somebody under way looks for.
//! Nobody else could tell that they were there, so that they can as well come later, or be hidden.

use super::config::{Config, Slots};
use super::op::{Act, Content};
use super::search::Search;

/// Contents that may be needed; writes of others are not tried.
pub(super) enum Wanted {
    /// Anything may matter.
    All,
    Some(Vec<Content>),
}

impl Wanted {
    pub(super) fn has(&self, content: Content) -> bool {
        match self {
            Self::All => true,
            Self::Some(contents) => contents.contains(&content),
        }
    }
}

impl Search {
    /// Which contents need to be tried before the operation in `slot` takes effect.
    pub(super) fn wanted(&self, slot: u32, configs: &[Config]) -> Wanted {
        let Some(looked_for) = self.looked_for(slot, configs) else { return Wanted::All };
        if self.space.is_plain() {
            self.leading_to(looked_for)
        } else {
            self.serving(slot, &looked_for)
        }
    }

    /// What operations under way still look for, in some of these configurations; `None`: anything but
    /// something.
    fn looked_for(&self, slot: u32, configs: &[Config]) -> Option<Vec<Content>> {
        let none = Slots::default();
        let observers = self.kinds.observers.minus(&none);
        let mut all = Vec::new();
        for one in observers.chain(self.kinds.swaps.minus(&none)).chain([slot]) {
            if configs.iter().all(|config| config.done.has(one)) {
                continue;
            }
            match self.slots[one as usize].act {
                Act::Read(content) | Act::Swap { old: content, .. } => {
                    if !all.contains(&content) {
                        all.push(content);
                    }
                }
                Act::Miss(_) => return None,
                Act::Write(_) => {}
            }
        }
        Some(all)
    }

    /// Those, and what an unanswered compare-and-write needs to lead there.
    fn leading_to(&self, mut all: Vec<Content>) -> Wanted {
        let acts: Vec<Act> =
            self.opens.swaps().iter().map(|class| self.opens.act(*class)).collect();
        let mut is_more = true;
        while is_more {
            is_more = false;
            for act in &acts {
                if let Act::Swap { old, new } = act
                    && all.contains(new)
                    && !all.contains(old)
                {
                    all.push(*old);
                    is_more = true;
                }
            }
        }
        Wanted::Some(all)
    }

    /// Of several cells: what serves those who look, and what has to come before that (or before the
    /// operation in `slot`) because a part of it stays. All else can as well come later.
    fn serving(&self, slot: u32, looked_for: &[Content]) -> Wanted {
        let none = Slots::default();
        let under_way = |slot: u32| self.slots[slot as usize].act;
        let swaps: Vec<Act> = self.kinds.swaps.minus(&none).map(under_way).collect();
        let opens = self.opens.all().map(|(_, class)| class.act);
        let writes = self.kinds.writes.minus(&none).map(under_way).chain(opens.clone());
        let (mut looked_for, mut before) = (looked_for.to_vec(), Vec::new());
        before.extend(under_way(slot).written());
        for act in swaps.into_iter().chain(opens) {
            if let Act::Swap { old, new } = act {
                looked_for.push(old);
                before.push(new);
            }
        }
        let mut left: Vec<Content> = writes
            .filter_map(|act| if let Act::Write(content) = act { Some(content) } else { None })
            .collect();
        let mut found = Vec::new();
        loop {
            let count = left.len();
            left.retain(|content| {
                let is_needed = looked_for.iter().any(|one| self.space.serves(*content, *one))
                    || before.iter().any(|over| self.space.cuts(*over, *content));
                if is_needed {
                    before.push(*content);
                    found.push(*content);
                }
                !is_needed
            });
            if left.len() == count {
                return Wanted::Some(found);
            }
        }
    }
}
