//! A register and all operations on it, and the verdict on them.

use super::conflict::{self, Conflict};
use super::op::{Act, Content, Op, Tick};
use super::search::{Search, Stop};
use super::space::{Space, State};
use super::zones::{self, Zoned};

/// Configurations that may be explored for one register, if nothing else is said. Some hundred bytes
/// each.
pub const BUDGET: u64 = 1_000_000;

/// A register with the operations on it.
#[derive(Clone, Debug)]
pub struct Register {
    /// What it can hold. In a plain one, contents must be numbered densely from 0 on.
    pub space: Space,
    /// What it holds at first.
    pub first: State,
    /// The operations on it, in any order.
    pub ops: Vec<Op>,
}

/// A start or an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) at: Tick,
    /// Starts come first: what happens at one tick is concurrent.
    pub(super) is_end: bool,
    pub(super) op: u32,
}

/// What can be said about a register. Operations are named by their index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The answers are those of an atomic register; here is an order of effects that shows it. What had
    /// no effect, or needs none, is not in it.
    Linearizable(Vec<u32>),
    /// They are not.
    NotLinearizable(Conflict),
    /// The budget is used up.
    Unknown,
}

/// A verdict, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Configurations explored for it; 0 if the quick way was enough.
    pub explored: u64,
}

impl Register {
    /// Judges the register; `budget` configurations may be explored for the verdict, and a quarter of that
    /// more to find the conflicting operations.
    pub fn judge(&self, budget: u64) -> Judgement {
        let acts = self.distinct_acts();
        match zones::judge(self, &acts) {
            Some(Zoned::Order(order)) => {
                Judgement { verdict: Verdict::Linearizable(order), explored: 0 }
            }
            Some(Zoned::Conflict(ops)) => {
                let conflict = conflict::among(self, &acts, ops, budget / 4);
                Judgement { verdict: Verdict::NotLinearizable(conflict), explored: 0 }
            }
            None => self.search(&acts, budget),
        }
    }

    fn search(&self, acts: &[Act], budget: u64) -> Judgement {
        let mut search = Search::new(self.space.clone(), self.first, budget, true);
        let moments = self.events(|_| true);
        let verdict = match self.feed(&mut search, acts, &moments, |_| true) {
            Ok(()) => Verdict::Linearizable(search.order(|op| acts[op as usize])),
            Err((Stop::Conflict, op)) => {
                Verdict::NotLinearizable(conflict::first(self, acts, op, budget / 4))
            }
            Err((Stop::Budget, _)) => Verdict::Unknown,
        };
        Judgement { verdict, explored: search.explored }
    }

    /// Lets `search` see these moments; what is not `owed` need not have happened. On a stop, at whose
    /// answer.
    pub(super) fn feed(
        &self,
        search: &mut Search,
        acts: &[Act],
        moments: &[Moment],
        is_owed: impl Fn(u32) -> bool,
    ) -> Result<(), (Stop, u32)> {
        let mut slots = vec![None; self.ops.len()];
        for moment in moments {
            let index = moment.op as usize;
            let act = acts[index];
            if moment.is_end {
                if let Some(slot) = slots[index] {
                    search.end(slot).map_err(|stop| (stop, moment.op))?;
                }
            } else if self.ops[index].end.is_none() {
                search.start_open(moment.op, act);
            } else if is_owed(moment.op) {
                slots[index] = Some(search.start(moment.op, act));
            } else {
                slots[index] = search.start_optional(moment.op, act);
            }
        }
        Ok(())
    }

    /// Starts and ends of the operations that are `chosen`, in order.
    pub(super) fn events(&self, chosen: impl Fn(u32) -> bool) -> Vec<Moment> {
        let mut moments = Vec::with_capacity(2 * self.ops.len());
        for (op, one) in (0..).zip(&self.ops).filter(|(op, _)| chosen(*op)) {
            moments.push(Moment { at: one.start, is_end: false, op });
            moments.extend(one.end.map(|at| Moment { at, is_end: true, op }));
        }
        moments.sort_unstable();
        moments
    }

    /// What the operations do, with one content for all that nobody looks for: nobody can tell them
    /// apart, and unanswered writes of them are interchangeable.
    fn distinct_acts(&self) -> Vec<Act> {
        let acts = self.ops.iter().map(|op| op.act);
        if !self.space.is_plain() {
            return acts.collect();
        }
        let contents = acts.clone().flat_map(|act| [act.looked_for(), act.written()]);
        let most = contents.flatten().map(|content| content.0).max().unwrap_or(0).max(self.first);
        let mut is_looked_for = vec![false; most as usize + 1];
        for content in acts.clone().filter_map(Act::looked_for) {
            is_looked_for[content.0 as usize] = true;
        }
        let other = Content(most + 1);
        let known = |content: Content| {
            if is_looked_for[content.0 as usize] { content } else { other }
        };
        let distinct = |act| match act {
            Act::Write(new) => Act::Write(known(new)),
            Act::Swap { old, new } => Act::Swap { old, new: known(new) },
            Act::Read(_) | Act::Miss(_) => act,
        };
        acts.map(distinct).collect()
    }
}
