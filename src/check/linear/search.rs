//! The search: which configurations explain the answers so far?
//!
//! Required reading: G. Lowe, *Testing for linearizability* (2016), section 5: just-in-time
//! linearization. Starts and answers are taken in their order. A start changes nothing, but for an
//! operation that only looks and finds what it looks for: it is done at once, for that never hurts. At an
//! answer, configurations in which the operation has not taken effect yet let others under way take
//! effect first, then this one; those that cannot are dropped. None left: not linearizable.
//!
//! What makes a register easier than anything else is said in `config`: a write hides others (soft),
//! unanswered operations are counts, and most configurations are dominated. And before an answer only
//! those writes are tried whose content somebody under way looks for: nobody else could tell that they
//! were there.
//!
//! Everything is a loop; memory is bounded by the budget.

use super::config::{Config, Front, Kinds};
use super::op::{Act, Content};
use super::open::Opens;
use super::space::{Fit, Space, State};
use super::trace::{Step, Trace};
use super::wanted::Wanted;
use crate::protocol::table::Table;

/// Comparisons of two configurations that cost as much as a new one.
const COMPARED_PER_COST: u64 = 64;

/// Why a search ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nothing explains this answer.
    Conflict,
    /// As many configurations were explored as may be.
    Budget,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    name: u32,
    pub(super) act: Act,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Search {
    pub(super) space: Space,
    pub(super) opens: Opens,
    pub(super) slots: Vec<Slot>,
    unused: Vec<u32>,
    pub(super) kinds: Kinds,
    configs: Vec<Config>,
    trace: Trace,
    /// Configurations explored.
    pub(super) explored: u64,
    budget: u64,
}

impl Search {
    /// A register in this state; `budget` configurations may be explored.
    pub(super) fn new(space: Space, first: State, budget: u64, with_witness: bool) -> Self {
        Self {
            space,
            opens: Opens::default(),
            slots: Vec::new(),
            unused: Vec::new(),
            kinds: Kinds::default(),
            configs: vec![Config::new(first)],
            trace: Trace::new(with_witness),
            explored: 0,
            budget,
        }
    }

    /// `budget` more configurations may be explored from now on.
    pub(super) fn allow(&mut self, budget: u64) {
        self.budget = self.explored.saturating_add(budget);
    }

    /// An operation starts that will be answered: its slot.
    pub(super) fn start(&mut self, name: u32, act: Act) -> u32 {
        let act = match act {
            Act::Swap { old, new } if old == new => Act::Read(old),
            other => other,
        };
        let slot = self.unused.pop().unwrap_or_else(|| {
            self.slots.push(Slot { name, act });
            u32::try_from(self.slots.len() - 1).expect("memory ends before")
        });
        self.slots[slot as usize] = Slot { name, act };
        match act {
            Act::Write(_) => self.kinds.writes.add(slot),
            Act::Swap { .. } => self.kinds.swaps.add(slot),
            Act::Read(_) | Act::Miss(_) => {
                self.kinds.observers.add(slot);
                for config in &mut self.configs {
                    look(config, slot, self.slots[slot as usize], &self.space, &mut self.trace);
                }
            }
        }
        slot
    }

    /// An operation starts that takes effect before its answer, or not at all.
    pub(super) fn start_optional(&mut self, name: u32, act: Act) -> Option<u32> {
        if act.is_observer() {
            return None;
        }
        let slot = self.start(name, act);
        for config in &mut self.configs {
            config.soft.add(slot);
        }
        Some(slot)
    }

    /// An operation starts that will have no answer.
    pub(super) fn start_open(&mut self, name: u32, act: Act) {
        // One that leaves the content as it is need not be thought of.
        if !act.is_observer() {
            self.opens.start(name, act);
        }
    }

    /// The operation in `slot` was answered.
    pub(super) fn end(&mut self, slot: u32) -> Result<(), Stop> {
        let before = core::mem::take(&mut self.configs);
        let mut finals = Front::default();
        let mut work = Vec::new();
        for config in before {
            if config.done.has(slot) {
                finals.add(&config, &self.kinds);
                continue;
            }
            if config.soft.has(slot) {
                let step = Step::Hidden(self.slots[slot as usize].name);
                let trace = self.trace.push(config.trace, step);
                finals.add(&Config { trace, ..config.clone() }, &self.kinds);
            }
            work.push(config);
        }
        if !work.is_empty() {
            self.explore(slot, work, &mut finals)?;
        }
        self.configs = self.forget(slot, finals);
        if self.configs.is_empty() { Err(Stop::Conflict) } else { Ok(()) }
    }

    /// Takes an answered operation out of all configurations.
    fn forget(&mut self, slot: u32, finals: Front) -> Vec<Config> {
        let mut configs = finals.into_configs();
        for config in &mut configs {
            config.done.remove(slot);
            config.soft.remove(slot);
        }
        self.kinds.writes.remove(slot);
        self.kinds.observers.remove(slot);
        self.kinds.swaps.remove(slot);
        self.unused.push(slot);
        if configs.len() < 2 {
            return configs;
        }
        let mut left = Front::default();
        for config in &configs {
            left.add(config, &self.kinds);
        }
        self.explored += left.compared / COMPARED_PER_COST;
        left.into_configs()
    }

    /// Every way from `work` to configurations in which the operation in `slot` has taken effect, as the
    /// last one.
    fn explore(
        &mut self,
        slot: u32,
        mut work: Vec<Config>,
        finals: &mut Front,
    ) -> Result<(), Stop> {
        let act = self.slots[slot as usize].act;
        let wanted = self.wanted(slot, &work);
        let mut seen = Front::default();
        for config in &work {
            seen.add(config, &self.kinds);
        }
        let (mut next, mut charged) = (Vec::new(), 0);
        while let Some(config) = work.pop() {
            match act {
                Act::Write(_) => next.push(self.do_slot(&config, slot)),
                Act::Swap { old, .. } if self.space.fit(config.state, old) == Fit::Yes => {
                    next.push(self.do_slot(&config, slot));
                }
                Act::Swap { .. } | Act::Read(_) | Act::Miss(_) => {}
            }
            self.others(&config, slot, &wanted, &mut next);
            for one in next.drain(..) {
                self.explored += 1;
                if one.done.has(slot) {
                    finals.add(&one, &self.kinds);
                } else if seen.add(&one, &self.kinds) {
                    work.push(one);
                }
            }
            let compared = (seen.compared + finals.compared) / COMPARED_PER_COST;
            self.explored += compared - charged;
            charged = compared;
            if self.explored > self.budget {
                return Err(Stop::Budget);
            }
        }
        Ok(())
    }

    /// The configurations in which one more operation, other than that in `slot`, takes effect.
    fn others(&mut self, config: &Config, slot: u32, wanted: &Wanted, next: &mut Vec<Config>) {
        for at in 0..self.kinds.writes.words().max(self.kinds.swaps.words()) {
            let mut left =
                (self.kinds.writes.word(at) | self.kinds.swaps.word(at)) & !config.done.word(at);
            while left != 0 {
                let one = u32::try_from(at).unwrap_or(u32::MAX) * 64 + left.trailing_zeros();
                left &= left - 1;
                let may = match self.slots[one as usize].act {
                    Act::Write(content) => wanted.has(content),
                    Act::Swap { old, .. } => self.space.fit(config.state, old) == Fit::Yes,
                    Act::Read(_) | Act::Miss(_) => false,
                };
                if one != slot && may {
                    next.push(self.do_slot(config, one));
                }
            }
        }
        self.open(config, wanted, next);
        if !self.space.is_plain() {
            self.assume(config, next);
        }
    }

    /// The same with unanswered operations.
    fn open(&mut self, config: &Config, wanted: &Wanted, next: &mut Vec<Config>) {
        let usable = |class: u32| self.opens.has(class, config.spent(class));
        let is_fit = |class: &u32| {
            usable(*class)
                && match self.opens.act(*class) {
                    Act::Swap { old, .. } => self.space.fit(config.state, old) == Fit::Yes,
                    Act::Write(_) => true,
                    Act::Read(_) | Act::Miss(_) => false,
                }
        };
        let mut classes: Vec<u32> = Vec::new();
        match wanted {
            Wanted::All => {
                classes.extend(self.opens.all().map(|(class, _)| class).filter(is_fit));
            }
            Wanted::Some(contents) => {
                let writes = contents.iter().filter_map(|content| self.opens.writes(*content));
                classes.extend(writes.filter(|class| usable(*class)));
                let is_wanted = |class: &u32| {
                    usable(*class)
                        && self.opens.act(*class).written().is_some_and(|new| wanted.has(new))
                };
                // Plain: the state is the number of the content.
                if self.space.is_plain() {
                    let swaps = self.opens.swaps_from(Content(config.state)).iter().copied();
                    classes.extend(swaps.filter(is_wanted));
                } else {
                    classes.extend(self.opens.swaps().iter().copied().filter(is_fit));
                }
            }
        }
        for class in classes {
            let mut after = config.clone();
            after.spend(class);
            let step = Step::Open(class);
            self.apply(&mut after, self.opens.act(class), step);
            next.push(after);
        }
    }

    /// The configurations in which the first content is what somebody looks for, or is not.
    fn assume(&mut self, config: &Config, next: &mut Vec<Config>) {
        let mut asked: Vec<(Content, bool)> = Vec::new();
        let looking = self.kinds.observers.minus(&config.done);
        for slot in looking.chain(self.kinds.swaps.minus(&config.done)) {
            match self.slots[slot as usize].act {
                Act::Read(content) | Act::Swap { old: content, .. } => asked.push((content, true)),
                Act::Miss(content) => asked.push((content, false)),
                Act::Write(_) => {}
            }
        }
        for (class, one) in self.opens.all() {
            if let Act::Swap { old, .. } = one.act
                && self.opens.has(class, config.spent(class))
            {
                asked.push((old, true));
            }
        }
        asked.sort_unstable();
        asked.dedup();
        for (content, is_there) in asked {
            if self.space.fit(config.state, content) == Fit::Maybe {
                let mut after = config.clone();
                after.state = self.space.assume(config.state, content, is_there);
                self.look_all(&mut after);
                next.push(after);
            }
        }
    }

    /// The operation in `slot` takes effect.
    fn do_slot(&mut self, config: &Config, slot: u32) -> Config {
        let mut after = config.clone();
        after.done.add(slot);
        after.soft.remove(slot);
        let Slot { name, act } = self.slots[slot as usize];
        self.apply(&mut after, act, Step::Done(name));
        after
    }

    /// Something takes effect, and those who look see it.
    fn apply(&mut self, config: &mut Config, act: Act, step: Step) {
        config.trace = self.trace.push(config.trace, step);
        match act {
            Act::Write(content) => {
                config.state = self.space.write(config.state, content);
                for slot in self.kinds.writes.minus(&config.done) {
                    let Act::Write(under) = self.slots[slot as usize].act else { continue };
                    if self.space.covers(content, under) {
                        config.soft.add(slot);
                    }
                }
            }
            Act::Swap { new, .. } => config.state = self.space.write(config.state, new),
            Act::Read(_) | Act::Miss(_) => {}
        }
        self.look_all(config);
    }

    fn look_all(&mut self, config: &mut Config) {
        let looking: smallvec::SmallVec<[u32; 16]> =
            self.kinds.observers.minus(&config.done).collect();
        for slot in looking {
            look(config, slot, self.slots[slot as usize], &self.space, &mut self.trace);
        }
    }

    /// An operation on its own: nothing else is under way, and nothing of before can still take effect.
    /// Does its answer fit? `None`: it is not so simple, and nothing was done.
    pub(super) fn alone(&mut self, act: Act) -> Option<bool> {
        let [config] = &mut self.configs[..] else { return None };
        let is_simple = self.space.is_plain() && self.opens.len() == 0;
        if !is_simple || self.unused.len() != self.slots.len() {
            return None;
        }
        match act {
            Act::Write(new) => config.state = new.0,
            Act::Swap { old, new } if config.state == old.0 => config.state = new.0,
            Act::Read(content) => return Some(config.state == content.0),
            Act::Miss(content) => return Some(config.state != content.0),
            Act::Swap { .. } => return Some(false),
        }
        Some(true)
    }

    /// While nothing is under way: forgets contents, states and unanswered operations that no
    /// configuration needs any more, and names the others anew. The new names of values, by the old.
    pub(super) fn compact(&mut self) -> Table<u32, u32> {
        let least = |class: u32| self.configs.iter().map(|config| config.spent(class)).min();
        let used: Vec<u32> = self.opens.all().map(|(class, _)| least(class).unwrap_or(0)).collect();
        let mut states: Vec<State> = self.configs.iter().map(|config| config.state).collect();
        states.sort_unstable();
        states.dedup();
        let (left, kept) = self.opens.left(&used, |content| content);
        let renamed = self.space.compact(&states, &left.contents());
        let rename = |content| renamed.contents.get(&content).copied().unwrap_or(content);
        (self.opens, _) = self.opens.left(&used, rename);
        for config in &mut self.configs {
            config.state = renamed.states.get(&config.state).copied().unwrap_or(config.state);
            config.keep_spent(&kept, &used);
        }
        self.slots.clear();
        self.unused.clear();
        renamed.values
    }

    /// One order of effects that explains everything; `act_of` knows every name.
    pub(super) fn order(&self, act_of: impl Fn(u32) -> Act) -> Vec<u32> {
        let config = self.configs.first().expect("a search without a conflict has one");
        self.trace.order(config.trace, act_of, &self.opens, &self.space)
    }
}

/// An operation that only looks is done if it sees what it looks for.
fn look(config: &mut Config, slot: u32, of: Slot, space: &Space, trace: &mut Trace) {
    let is_seen = match of.act {
        Act::Read(content) => space.fit(config.state, content) == Fit::Yes,
        Act::Miss(content) => space.fit(config.state, content) == Fit::No,
        Act::Write(_) | Act::Swap { .. } => false,
    };
    if is_seen {
        config.done.add(slot);
        config.trace = trace.push(config.trace, Step::Done(of.name));
    }
}
