//! A checker that anybody can see to be right: it tries all orders.

use amflab::check::linear::{Act, Cells, Content, Op, Pattern, Register, Space, UNKNOWN};
use std::collections::BTreeSet;

/// What an operation did, spelled out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Read(Pattern),
    Write(Pattern),
    Swap(Pattern, Pattern),
    Miss(Pattern),
}

/// A register of a few cells, and a few operations.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What the cells hold at first; `UNKNOWN`: anything.
    pub(crate) first: Vec<u32>,
    /// Values are below this.
    pub(crate) values: u32,
    /// Start, end, what.
    pub(crate) ops: Vec<(u64, Option<u64>, Deed)>,
}

fn holds(state: &[u32], pattern: &Pattern) -> bool {
    pattern.iter().all(|(cell, value)| state[usize::from(*cell)] == *value)
}

pub(crate) fn put(state: &mut [u32], pattern: &Pattern) {
    for (cell, value) in pattern {
        state[usize::from(*cell)] = *value;
    }
}

/// The effect of `deed` on `state`; false if it cannot have taken effect there. An unanswered
/// compare-and-write that does not find what it looks for is as if it had never happened.
pub(crate) fn apply(state: &mut [u32], deed: &Deed) -> bool {
    match deed {
        Deed::Read(content) => holds(state, content),
        Deed::Miss(content) => !holds(state, content),
        Deed::Write(content) => {
            put(state, content);
            true
        }
        Deed::Swap(old, new) => {
            let is_there = holds(state, old);
            put(state, new);
            is_there
        }
    }
}

impl Case {
    /// True if some order of the operations in `kept` (a bit each) explains them; the others need not
    /// have happened.
    pub(crate) fn is_linearizable(&self, kept: u32) -> bool {
        self.firsts().into_iter().any(|first| self.explains(first, kept))
    }

    /// All that the register may hold at first: one value more than anybody looks for is enough.
    pub(crate) fn firsts(&self) -> Vec<Vec<u32>> {
        let mut all = vec![Vec::new()];
        for cell in &self.first {
            let values = if *cell == UNKNOWN { 0..=self.values } else { *cell..=*cell };
            all = all
                .into_iter()
                .flat_map(|some: Vec<u32>| {
                    values.clone().map(move |value| [&some[..], &[value]].concat())
                })
                .collect();
        }
        all
    }

    fn explains(&self, first: Vec<u32>, kept: u32) -> bool {
        let is_owed = |op: usize| kept >> op & 1 == 1;
        let all = (1u32 << self.ops.len()) - 1;
        let mut tried = BTreeSet::new();
        let mut work = vec![(first, all)];
        while let Some((state, left)) = work.pop() {
            if !tried.insert((state.clone(), left)) {
                continue;
            }
            let ops = || (0..self.ops.len()).filter(|op| left >> op & 1 == 1);
            if ops().all(|op| self.ops[op].1.is_none() || !is_owed(op)) {
                return true;
            }
            for op in ops().filter(|op| !is_owed(*op)) {
                work.push((state.clone(), left & !(1 << op)));
            }
            for op in ops() {
                // Nobody who is still to come may have been answered before this one started.
                let is_first =
                    |other: usize| self.ops[other].1.is_none_or(|end| end >= self.ops[op].0);
                let mut after = state.clone();
                if ops().all(is_first) && apply(&mut after, &self.ops[op].2) {
                    work.push((after, left & !(1 << op)));
                }
            }
        }
        false
    }

    /// The same for the clever checker.
    pub(crate) fn register(&self) -> Register {
        if self.first.len() == 1 && self.first[0] != UNKNOWN {
            return self.build(Space::Plain, self.first[0], &mut |pattern| Content(pattern[0].1));
        }
        let mut cells = Cells::new(self.first.clone());
        let register = self.build(Space::Plain, 0, &mut |pattern| cells.content(pattern.clone()));
        Register { space: Space::Cells(Box::new(cells)), ..register }
    }

    fn build(
        &self,
        space: Space,
        first: u32,
        content: &mut dyn FnMut(&Pattern) -> Content,
    ) -> Register {
        let ops = self.ops.iter().map(|(start, end, deed)| {
            let act = match deed {
                Deed::Read(it) => Act::Read(content(it)),
                Deed::Write(it) => Act::Write(content(it)),
                Deed::Swap(old, new) => Act::Swap { old: content(old), new: content(new) },
                Deed::Miss(it) => Act::Miss(content(it)),
            };
            Op { start: *start, end: *end, act }
        });
        Register { ops: ops.collect(), space, first }
    }
}
