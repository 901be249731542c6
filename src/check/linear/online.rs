//! The same verdict while operations come in: for a lamp.
//!
//! Told of starts and answers in their order, this keeps the configurations *before the oldest operation
//! that is still under way*, and what happened since; everything earlier is forgotten. A verdict goes
//! through what happened since, on a copy, with operations under way as if they were never answered: so
//! "not linearizable" is final. It is kept until something new happens.
//!
//! Which operations contradict each other is for [`Register::judge`] over the recorded history: here it
//! is only said whose answer cannot be.
//!
//! [`Register::judge`]: super::Register::judge

use super::op::{Act, Content};
use super::search::{Search, Stop};
use super::space::{Space, State};
use crate::protocol::table::Table;
use std::collections::VecDeque;

/// What somebody means to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// A read.
    Read,
    /// A write of this content.
    Write(Content),
    /// A compare-and-write.
    Swap {
        /// What it compares with.
        old: Content,
        /// What it writes.
        new: Content,
    },
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A read found this content.
    Found(Content),
    /// A write or compare-and-write was done.
    Done,
    /// A compare-and-write found something else.
    Missed,
    /// It certainly had no effect.
    Failed,
    /// It may take effect at any time, or never.
    Unknown,
}

/// What the lamp shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lamp {
    /// Everything so far is explained.
    Linearizable,
    /// The answer of this operation is not, and never will be.
    NotLinearizable(u32),
    /// The budget was used up once: from then on nothing is known.
    Unknown,
}

/// What is known of an operation.
#[derive(Clone, Copy, Debug)]
enum Fate {
    UnderWay(Intent),
    /// Answered; `None`: without an effect that anybody could see.
    Answered(Option<Act>),
    Open(Act),
}

#[derive(Clone, Copy, Debug)]
enum Moment {
    Start(u32),
    End(u32),
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Online {
    search: Search,
    /// Slots of operations that the search knows and whose end is still to come.
    slots: Table<u32, u32>,
    since: VecDeque<Moment>,
    fates: Table<u32, Fate>,
    /// Configurations that one look may explore.
    budget: u64,
    /// The verdict, if nothing happened since it was given.
    lamp: Option<Lamp>,
    /// It will not change any more.
    is_final: bool,
}

impl Online {
    /// A register in this state; every step and every verdict may explore `budget` configurations.
    pub fn new(space: Space, first: State, budget: u64) -> Self {
        Self {
            search: Search::new(space, first, budget, false),
            slots: Table::default(),
            since: VecDeque::new(),
            fates: Table::default(),
            budget,
            lamp: Some(Lamp::Linearizable),
            is_final: false,
        }
    }

    /// What the register can hold: to name contents with several cells.
    pub fn space_mut(&mut self) -> &mut Space {
        &mut self.search.space
    }

    /// An operation starts; no other under way has its name.
    pub fn on_start(&mut self, name: u32, intent: Intent) {
        if self.is_final {
            return;
        }
        let before = self.fates.insert(name, Fate::UnderWay(intent));
        assert!(before.is_none(), "operations under way have different names");
        self.since.push_back(Moment::Start(name));
        self.lamp = None;
    }

    /// It was answered, or given up. An answer that does not belong to what was asked is left out.
    pub fn on_answer(&mut self, name: u32, outcome: Outcome) {
        if self.is_final {
            return;
        }
        let Some(Fate::UnderWay(intent)) = self.fates.get(&name).copied() else { return };
        let fate = fate(intent, outcome);
        if self.since.len() == 1
            && let Fate::Answered(act) = fate
            && let Some(fits) = act.map_or(Some(true), |act| self.search.alone(act))
        {
            self.since.clear();
            self.fates.remove(&name);
            self.is_final = !fits;
            let lamp = if fits { Lamp::Linearizable } else { Lamp::NotLinearizable(name) };
            self.lamp = Some(lamp);
            return;
        }
        self.fates.insert(name, fate);
        if let Fate::Answered(_) = fate {
            self.since.push_back(Moment::End(name));
        }
        self.lamp = None;
        self.advance();
    }

    /// The verdict on everything so far.
    pub fn lamp(&mut self) -> Lamp {
        if let Some(lamp) = self.lamp {
            return lamp;
        }
        if self.since.is_empty() {
            self.lamp = Some(Lamp::Linearizable);
            return Lamp::Linearizable;
        }
        let mut search = self.search.clone();
        let mut slots = self.slots.clone();
        search.allow(self.budget);
        let mut lamp = Lamp::Linearizable;
        for moment in &self.since {
            if let Err((stop, name)) = step(&mut search, &mut slots, &self.fates, *moment) {
                lamp = lamp_of(stop, name);
                break;
            }
        }
        self.is_final = matches!(lamp, Lamp::NotLinearizable(_));
        self.lamp = Some(lamp);
        lamp
    }

    /// Moments that a verdict goes through again: since the start of the oldest operation under way.
    pub fn kept(&self) -> usize {
        self.since.len()
    }

    /// Contents and states with names; 0 for a plain register, which needs none.
    pub fn size(&self) -> usize {
        self.search.space.size()
    }

    /// Forgets everything that no verdict to come can depend on, and names contents (with several cells:
    /// values) anew, densely: their new names by their old ones, 0 stays 0. `None`: something is under way,
    /// or the verdict is final.
    pub fn compact(&mut self) -> Option<Table<u32, u32>> {
        let rests = self.since.is_empty() && !self.is_final;
        rests.then(|| {
            self.slots.clear();
            self.search.compact()
        })
    }

    /// Takes over for good what no operation under way can change any more.
    fn advance(&mut self) {
        self.search.allow(self.budget);
        while let Some(moment) = self.since.front().copied() {
            if let Moment::Start(name) = moment
                && let Some(Fate::UnderWay(_)) = self.fates.get(&name)
            {
                return;
            }
            if let Err((stop, name)) = step(&mut self.search, &mut self.slots, &self.fates, moment)
            {
                self.lamp = Some(lamp_of(stop, name));
                self.is_final = true;
                self.since.clear();
                return;
            }
            self.since.pop_front();
            match moment {
                // Without an answer to come, nothing will ask for it again.
                Moment::Start(name) if matches!(self.fates.get(&name), Some(Fate::Open(_))) => {
                    self.fates.remove(&name);
                }
                Moment::Start(_) => {}
                Moment::End(name) => {
                    self.fates.remove(&name);
                }
            }
        }
    }
}

fn lamp_of(stop: Stop, name: u32) -> Lamp {
    match stop {
        Stop::Conflict => Lamp::NotLinearizable(name),
        Stop::Budget => Lamp::Unknown,
    }
}

fn fate(intent: Intent, outcome: Outcome) -> Fate {
    let act = match intent {
        Intent::Read => None,
        Intent::Write(new) => Some(Act::Write(new)),
        Intent::Swap { old, new } => Some(Act::Swap { old, new }),
    };
    match (intent, outcome) {
        (Intent::Read, Outcome::Found(content)) => Fate::Answered(Some(Act::Read(content))),
        (Intent::Write(_) | Intent::Swap { .. }, Outcome::Done) => Fate::Answered(act),
        (Intent::Swap { old, .. }, Outcome::Missed) => Fate::Answered(Some(Act::Miss(old))),
        (Intent::Write(_) | Intent::Swap { .. }, Outcome::Unknown) => {
            act.map_or(Fate::Answered(None), Fate::Open)
        }
        (
            Intent::Read | Intent::Write(_) | Intent::Swap { .. },
            Outcome::Found(_)
            | Outcome::Done
            | Outcome::Missed
            | Outcome::Failed
            | Outcome::Unknown,
        ) => Fate::Answered(None),
    }
}

fn step(
    search: &mut Search,
    slots: &mut Table<u32, u32>,
    fates: &Table<u32, Fate>,
    moment: Moment,
) -> Result<(), (Stop, u32)> {
    match moment {
        Moment::Start(name) => match fates.get(&name) {
            Some(Fate::Answered(Some(act))) => {
                let slot = search.start(name, *act);
                slots.insert(name, slot);
            }
            Some(Fate::Open(act)) => search.start_open(name, *act),
            Some(Fate::UnderWay(Intent::Write(new))) => search.start_open(name, Act::Write(*new)),
            Some(Fate::UnderWay(Intent::Swap { old, new })) => {
                search.start_open(name, Act::Swap { old: *old, new: *new });
            }
            Some(Fate::UnderWay(Intent::Read) | Fate::Answered(None)) | None => {}
        },
        Moment::End(name) => {
            if let Some(slot) = slots.remove(&name) {
                search.end(slot).map_err(|stop| (stop, name))?;
            }
        }
    }
    Ok(())
}
