//! How configurations came about, to tell a witness order in the end.

use super::op::{Act, Content};
use super::open::Opens;
use super::space::Space;

/// What a configuration did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The operation of this name took effect.
    Done(u32),
    /// The write of this name took effect, unseen, right before the last one that covers it.
    Hidden(u32),
    /// One more unanswered operation of this class took effect.
    Open(u32),
}

/// Stories with common beginnings. 0 is the beginning of all.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    steps: Vec<(u32, Step)>,
    is_on: bool,
}

impl Trace {
    pub(super) fn new(is_on: bool) -> Self {
        Self { steps: vec![(0, Step::Open(u32::MAX))], is_on }
    }

    /// The story that goes on from `before` with `step`.
    pub(super) fn push(&mut self, before: u32, step: Step) -> u32 {
        if !self.is_on {
            return 0;
        }
        self.steps.push((before, step));
        u32::try_from(self.steps.len() - 1).expect("the budget is smaller")
    }

    /// The operations of a story in the order of their effects, by name.
    pub(super) fn order(
        &self,
        end: u32,
        act_of: impl Fn(u32) -> Act,
        opens: &Opens,
        space: &Space,
    ) -> Vec<u32> {
        let mut story = Vec::new();
        let mut at = end;
        while at != 0 {
            let (before, step) = self.steps[at as usize];
            story.push(step);
            at = before;
        }
        // Of a class, those that started first are used first: forwards, to count them.
        let mut used = vec![0; opens.len()];
        let mut names: Vec<(u32, bool)> = Vec::with_capacity(story.len());
        for step in story.iter().rev() {
            names.push(match *step {
                Step::Done(name) => (name, false),
                Step::Hidden(name) => (name, true),
                Step::Open(class) => {
                    used[class as usize] += 1;
                    (opens.name(class, used[class as usize] - 1), false)
                }
            });
        }
        // Backwards, to put each hidden write before the last write that covers it.
        let mut order = Vec::with_capacity(names.len());
        let mut hidden: Vec<(u32, Content)> = Vec::new();
        for (name, is_hidden) in names.into_iter().rev() {
            match act_of(name) {
                Act::Write(under) if is_hidden => hidden.push((name, under)),
                Act::Write(over) => {
                    order.push(name);
                    hidden.retain(|(name, under)| {
                        let is_covered = space.covers(over, *under);
                        if is_covered {
                            order.push(*name);
                        }
                        !is_covered
                    });
                }
                Act::Read(_) | Act::Swap { .. } | Act::Miss(_) => order.push(name),
            }
        }
        debug_assert!(hidden.is_empty(), "a write is hidden only after one that covers it");
        order.reverse();
        order
    }
}
