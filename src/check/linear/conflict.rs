//! Which operations contradict each other.
//!
//! A history that is not linearizable has many operations that have nothing to do with it. To *leave one
//! out* means: what it answered does not count, and what it would have written may have been there while
//! it was under way, or not. So leaving out never makes a new contradiction (a read whose write was
//! simply deleted would be one). A **conflict** is a set of operations that contradict each other when
//! all others are left out.
//!
//! What is found first is a *minimal* conflict: without any one of its operations there is none. Then a
//! smaller one is looked for among all operations that were answered by its last answer (for the
//! search that is the first answer that nothing explains). If that comes to an end within [`MOMENTS_MAX`], what
//! is reported is the *smallest* conflict up to there. Required reading: A. Ignatiev et al., *Smallest
//! MUS Extraction with Minimal Hitting Set Dualization* (2015).

use super::op::{Act, Content};
use super::register::{Moment, Register};
use super::search::{Search, Stop};
use std::collections::BTreeSet;

/// Starts and answers that the search for a smaller conflict may look at.
pub const MOMENTS_MAX: usize = 5_000_000;
/// Sets of operations that it may look at to find one to check.
const HITTING_MAX: u32 = 100_000;

/// What is known of the size of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// There is none with fewer operations up to its last answer.
    Smallest,
    /// None of its operations can be left out.
    Minimal,
    /// The budget did not suffice to make it smaller.
    Open,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The operations, by index, in the order of their starts.
    pub ops: Vec<u32>,
    /// How small it is.
    pub size: Size,
}

/// The conflict that shows at the answer of `op`, which the search could not explain.
pub(super) fn first(register: &Register, acts: &[Act], op: u32, budget: u64) -> Conflict {
    let mut parts = Parts::new(register, acts, budget);
    let answered = parts.until(&[op]);
    parts.smallest(answered)
}

/// The conflict that is among these operations.
pub(super) fn among(register: &Register, acts: &[Act], ops: Vec<u32>, budget: u64) -> Conflict {
    let mut parts = Parts::new(register, acts, budget);
    parts.until(&ops);
    parts.smallest(ops)
}

/// Checks of parts of a history.
struct Parts<'a> {
    register: &'a Register,
    acts: &'a [Act],
    /// What happened, in order.
    moments: Vec<Moment>,
    budget: u64,
    /// Moments that were looked at.
    looked: usize,
    /// A check did not come to an end.
    is_open: bool,
}

impl<'a> Parts<'a> {
    fn new(register: &'a Register, acts: &'a [Act], budget: u64) -> Self {
        let moments = register.events(|_| true);
        Self { register, acts, moments, budget, looked: 0, is_open: false }
    }

    /// Forgets what happened after the last answer to `ops`: it cannot explain them. Those that were
    /// answered by then.
    fn until(&mut self, ops: &[u32]) -> Vec<u32> {
        let ends = ops.iter().filter_map(|op| self.register.ops[*op as usize].end);
        if let Some(end) = ends.max() {
            let until = self.moments.partition_point(|moment| moment.at <= end);
            self.moments.truncate(until);
        }
        self.moments.iter().filter(|moment| moment.is_end).map(|moment| moment.op).collect()
    }

    /// True if these operations contradict each other when all others are left out; `None` if the
    /// budget does not suffice to tell.
    fn is_conflict(&mut self, ops: &[u32]) -> Option<bool> {
        self.looked += self.moments.len();
        let mut is_kept = vec![false; self.acts.len()];
        for op in ops {
            is_kept[*op as usize] = true;
        }
        let register = self.register;
        let may_matter = self.may_matter(ops);
        let is_chosen = |moment: &&Moment| {
            let op = moment.op as usize;
            is_kept[op] || may_matter(self.acts[op])
        };
        let moments: Vec<Moment> = self.moments.iter().filter(is_chosen).copied().collect();
        let mut search = Search::new(register.space.clone(), register.first, self.budget, false);
        let found = register.feed(&mut search, self.acts, &moments, |op| is_kept[op as usize]);
        self.budget = self.budget.saturating_sub(search.explored);
        match found {
            Ok(()) => Some(false),
            Err((Stop::Conflict, _)) => Some(true),
            Err((Stop::Budget, _)) => {
                self.is_open = true;
                None
            }
        }
    }

    /// Which of the others can explain what `ops` found: those that wrote something that is looked for.
    fn may_matter(&self, ops: &[u32]) -> impl Fn(Act) -> bool + use<> {
        let is_swap = |act: &&Act| matches!(act, Act::Swap { .. });
        let acts = ops.iter().map(|op| &self.acts[*op as usize]);
        let is_all =
            !self.register.space.is_plain() || acts.clone().any(|act| matches!(act, Act::Miss(_)));
        let looked_for: BTreeSet<Content> = acts
            .chain(self.acts.iter().filter(is_swap))
            .filter_map(|act| act.looked_for())
            .collect();
        move |act| act.written().is_some_and(|new| is_all || looked_for.contains(&new))
    }

    /// The smallest conflict that is found within `ops`, which are one.
    fn smallest(mut self, ops: Vec<u32>) -> Conflict {
        let mut least = self.minimal(ops);
        let mut size = if self.is_open { Size::Open } else { Size::Minimal };
        if size == Size::Minimal {
            self.looked = 0;
            let all = self.until(&least);
            if let Some(found) = self.smaller(&all, &least) {
                least = found;
                size = Size::Smallest;
            }
        }
        let start = |op: &u32| (self.register.ops[*op as usize].start, *op);
        least.sort_unstable_by_key(start);
        Conflict { ops: least, size }
    }

    /// Leaves out what can be left out: large parts first, then single operations. One pass is enough:
    /// what could not be left out of more cannot be left out of less.
    fn minimal(&mut self, mut ops: Vec<u32>) -> Vec<u32> {
        let mut part = ops.len().div_ceil(2);
        while part > 0 && !ops.is_empty() {
            // From the beginning: the answer that nothing explains is near the end.
            let mut from = 0;
            while from < ops.len() {
                let until = (from + part).min(ops.len());
                let rest: Vec<u32> = [&ops[..from], &ops[until..]].concat();
                if self.is_conflict(&rest) == Some(true) {
                    ops = rest;
                } else {
                    from = until;
                }
            }
            part = if part == 1 { 0 } else { part.div_ceil(2) };
        }
        ops
    }

    /// The smallest conflict within `all`, knowing that `least` is a minimal one; `None` if that takes
    /// too long.
    ///
    /// Every conflict has an operation in common with every *correction* (a set without which the rest
    /// is no conflict). So a smallest set that has one with each correction found so far is either a
    /// smallest conflict, or it is none and shows another correction.
    fn smaller(&mut self, all: &[u32], least: &[u32]) -> Option<Vec<u32>> {
        let mut corrections: Vec<Vec<u32>> = Vec::new();
        let mut size = 1;
        while size < least.len() {
            let hitting = match hitting(&corrections, size) {
                Hitting::Found(ops) => ops,
                Hitting::None => {
                    size += 1;
                    continue;
                }
                Hitting::TooLong => return None,
            };
            if self.looked > MOMENTS_MAX {
                return None;
            }
            if self.is_conflict(&hitting)? {
                return Some(hitting);
            }
            corrections.push(self.correction(all, hitting)?);
        }
        Some(least.to_vec())
    }

    /// What of `all` has to be left out around `ops`, which are no conflict.
    fn correction(&mut self, all: &[u32], mut ops: Vec<u32>) -> Option<Vec<u32>> {
        let mut out = Vec::new();
        let rest: Vec<u32> = all.iter().copied().filter(|op| !ops.contains(op)).collect();
        let mut parts: Vec<&[u32]> = vec![&rest];
        while let Some(part) = parts.pop() {
            let more = [&ops[..], part].concat();
            if !self.is_conflict(&more)? {
                ops = more;
            } else if let [one] = part {
                out.push(*one);
            } else {
                let (left, right) = part.split_at(part.len() / 2);
                parts.push(right);
                parts.push(left);
            }
        }
        Some(out)
    }
}

/// A set of operations that has one in common with every correction.
enum Hitting {
    Found(Vec<u32>),
    None,
    TooLong,
}

/// One of at most `size` operations.
fn hitting(corrections: &[Vec<u32>], size: usize) -> Hitting {
    let mut looked = 0;
    let mut work: Vec<Vec<u32>> = vec![Vec::new()];
    while let Some(set) = work.pop() {
        looked += 1;
        if looked > HITTING_MAX {
            return Hitting::TooLong;
        }
        let is_hit = |one: &&Vec<u32>| one.iter().any(|op| set.contains(op));
        let Some(missed) = corrections.iter().find(|one| !is_hit(one)) else {
            return Hitting::Found(set);
        };
        if set.len() < size {
            work.extend(missed.iter().map(|op| [&set[..], &[*op]].concat()));
        }
    }
    Hitting::None
}
