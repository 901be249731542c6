//! One block: its online checker, and the names of what was written and found there.
//!
//! A block begins as a plain register, whose contents are the values of whole blocks. The first operation
//! on a part of it, or with several values, makes it one of several cells, which are split where
//! operations begin and end. Names are given anew now and then, so that memory does not grow with time.
//!
//! Whatever would cost too much ends the judging of what was so far: [`Watched::give_up`] says why, and
//! begins again with a block that may hold anything, in which what was under way may take effect at any
//! time, or never. That finds less, and never something that is not there.

use crate::check::linear::{
    Cells, Content, Intent, Lamp, Online, Outcome, Pattern, Space, UNKNOWN,
};
use crate::check::value::{Runs, Value};
use crate::protocol::table::Table;
use serde::{Deserialize, Serialize};

/// Configurations that one answer, and one look, may explore.
const BUDGET: u64 = 2_000;
/// Starts and answers since the oldest operation under way began.
const KEPT_MAX: usize = 256;
/// Unanswered writes of one block.
const OPEN_MAX: usize = 64;
/// Parts of a block that operations treat differently.
const CELLS_MAX: usize = 64;
/// Values and contents with names, after which the first look for those that can be forgotten.
const NAMES_MIN: usize = 64;
/// Those that may be needed at one time.
const NAMES_MAX: usize = 4_096;
/// A block that was given up so often is judged no more.
const GIVEN_UP_MAX: u32 = 8;

/// What an operation means to do with a block.
#[derive(Clone, Debug)]
pub(super) enum What {
    Read,
    /// From this sector of the block on.
    Write(u32, Runs),
    Swap {
        old: Runs,
        new: Runs,
    },
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Heard {
    /// These values, from this sector of the block on.
    Found(u32, Runs),
    Done,
    Missed,
    Failed,
    Unknown,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    /// `None`: judged no more.
    online: Option<Online>,
    /// Sectors of the block.
    per: u32,
    /// Where its cells begin, in sectors.
    borders: Vec<u32>,
    numbers: Table<Value, u32>,
    /// So many names, and those that can be forgotten are looked for.
    names_max: usize,
    under_way: Vec<(u32, What)>,
    /// Writes that may take effect at any time.
    open: Vec<What>,
    /// The operation whose answer nothing explains.
    wrong: Option<u32>,
    /// Why something could not be judged.
    unknown: Option<&'static str>,
    given_up: u32,
}

impl Watched {
    /// A block of so many sectors, of zeroes or of anything.
    pub(super) fn new(per: u32, is_used: bool) -> Self {
        let mut watched = Self {
            online: Some(Online::new(Space::Plain, 0, BUDGET)),
            per,
            borders: vec![0],
            numbers: Table::default(),
            names_max: NAMES_MIN,
            under_way: Vec::new(),
            open: Vec::new(),
            wrong: None,
            unknown: None,
            given_up: 0,
        };
        watched.numbers.insert(Value::ZERO, 0);
        if is_used {
            watched.begin_anew();
        }
        watched
    }

    /// The operation whose answer nothing explains.
    pub(super) fn wrong(&self) -> Option<u32> {
        self.wrong
    }

    /// Why something could not be judged.
    pub(super) fn unknown(&self) -> Option<&'static str> {
        self.unknown
    }

    /// About how many bytes its names and what is under way take.
    pub(super) fn weight(&self) -> usize {
        let (names, moments) = match &self.online {
            Some(online) => (online.size() + self.numbers.len(), online.kept()),
            None => (0, 0),
        };
        let open = self.under_way.len() + self.open.len();
        64 * (names + moments) + open * size_of::<(u32, What)>()
    }

    /// Operations under way, and writes that may take effect at any time.
    pub(super) fn pending(&self) -> (usize, usize) {
        (self.under_way.len(), self.open.len())
    }

    /// An operation starts.
    pub(super) fn on_start(&mut self, name: u32, what: What) {
        if self.wrong.is_some() || self.online.is_none() || !self.has_room(&what) {
            return;
        }
        let intent = self.intent(&what);
        self.under_way.push((name, what));
        if let Some(online) = &mut self.online {
            online.on_start(name, intent);
        }
    }

    /// It was answered. True: a look is worth while, for something else is still under way.
    pub(super) fn on_answer(&mut self, name: u32, heard: &Heard) -> bool {
        // Not there: it began before the judging did.
        let Some(at) = self.under_way.iter().position(|(one, _)| *one == name) else {
            return false;
        };
        let (_, what) = self.under_way.swap_remove(at);
        let outcome = match heard {
            Heard::Found(_, runs) if runs.len() > CELLS_MAX => {
                self.retire("it is in more than 64 parts");
                return false;
            }
            Heard::Found(from, runs) => Outcome::Found(self.content(*from, runs)),
            Heard::Done => Outcome::Done,
            Heard::Missed => Outcome::Missed,
            Heard::Failed => Outcome::Failed,
            Heard::Unknown => {
                if !matches!(what, What::Read) {
                    self.open.push(what);
                }
                Outcome::Unknown
            }
        };
        let Some(online) = &mut self.online else { return false };
        online.on_answer(name, outcome);
        let rests = online.kept() == 0;
        if self.open.len() > OPEN_MAX {
            self.retire("more than 64 writes were not answered");
            return false;
        }
        if rests {
            self.look();
            self.forget_names();
        }
        self.keep_small();
        !rests
    }

    /// Judges with what is still under way.
    pub(super) fn look(&mut self) {
        let Some(online) = &mut self.online else { return };
        match online.lamp() {
            Lamp::Linearizable => {}
            Lamp::NotLinearizable(name) => self.wrong = Some(name),
            Lamp::Unknown => self.give_up("more orders of effects are possible than are looked at"),
        }
    }

    /// Hosts live with the loss of what it held: it may hold anything.
    pub(super) fn forget(&mut self) {
        if self.wrong.is_none() && self.online.is_some() {
            self.begin_anew();
        }
    }

    /// What happened so far is not judged, for this reason.
    fn give_up(&mut self, why: &'static str) {
        self.unknown.get_or_insert(why);
        self.given_up += 1;
        if self.given_up > GIVEN_UP_MAX {
            return self.retire(why);
        }
        self.begin_anew();
    }

    /// It is judged no more.
    fn retire(&mut self, why: &'static str) {
        self.unknown.get_or_insert(why);
        (self.online, self.numbers) = (None, Table::default());
        self.under_way.clear();
        self.open.clear();
    }

    /// Anything may be there, and what was under way may take effect at any time.
    fn begin_anew(&mut self) {
        let cells = Cells::new(vec![UNKNOWN]);
        self.online = Some(Online::new(Space::Cells(Box::new(cells)), 0, BUDGET));
        self.borders = vec![0];
        self.numbers.clear();
        self.numbers.insert(Value::ZERO, 0);
        let is_write = |what: &What| !matches!(what, What::Read);
        self.open.extend(self.under_way.drain(..).map(|(_, what)| what).filter(is_write));
        if self.open.len() > OPEN_MAX {
            return self.retire("more than 64 writes were not answered");
        }
        // Nobody will ask for these names again.
        for (name, what) in (0..).zip(self.open.clone()) {
            let intent = self.intent(&what);
            if let Some(online) = &mut self.online {
                online.on_start(name, intent);
                online.on_answer(name, Outcome::Unknown);
            }
        }
    }

    fn has_room(&mut self, what: &What) -> bool {
        let parts = match what {
            What::Read => 0,
            What::Write(_, runs) => runs.len(),
            What::Swap { old, new } => old.len().max(new.len()),
        };
        let has_room = parts.max(self.borders.len()) <= CELLS_MAX;
        if !has_room {
            self.retire("it is in more than 64 parts");
        }
        has_room
    }

    fn keep_small(&mut self) {
        let Some(online) = &self.online else { return };
        if online.kept() > KEPT_MAX {
            self.give_up("an operation is under way for longer than 128 others");
        } else if self.numbers.len() + online.size() > NAMES_MAX {
            self.give_up("it was never at rest");
        }
    }

    /// Forgets what nobody can find any more, now and then.
    fn forget_names(&mut self) {
        let Some(online) = &mut self.online else { return };
        if self.numbers.len() + online.size() <= self.names_max {
            return;
        }
        let Some(names) = online.compact() else { return };
        self.numbers.retain(|_, number| names.contains(number));
        for value in self.numbers.keys_sorted() {
            if let Some(number) = self.numbers.get_mut(&value) {
                *number = names.get(number).copied().unwrap_or(*number);
            }
        }
        self.names_max = NAMES_MIN.max(2 * (self.numbers.len() + online.size()));
    }

    fn intent(&mut self, what: &What) -> Intent {
        match what {
            What::Read => Intent::Read,
            What::Write(from, runs) => Intent::Write(self.content(*from, runs)),
            What::Swap { old, new } => {
                Intent::Swap { old: self.content(0, old), new: self.content(0, new) }
            }
        }
    }

    fn number(&mut self, value: Value) -> u32 {
        let next = u32::try_from(self.numbers.len()).expect("few are kept");
        *self.numbers.get_or_insert_with(value, || next)
    }

    /// The name of these values, from this sector on.
    fn content(&mut self, from: u32, runs: &Runs) -> Content {
        let is_whole = from == 0 && runs.len() == 1 && runs[0].0 == self.per;
        let is_plain = self.space().is_some_and(|space| matches!(space, Space::Plain));
        if is_plain && is_whole {
            return Content(self.number(runs[0].1));
        }
        if is_plain {
            let cells = Cells::of_plain(u32::try_from(self.numbers.len()).expect("few are kept"));
            if let Some(space) = self.space() {
                *space = Space::Cells(Box::new(cells));
            }
        }
        self.border(from);
        let (mut at, mut pattern) = (from, Pattern::new());
        for (count, value) in runs {
            self.border(at + count);
            let cell = |at: u32| self.borders.partition_point(|border| *border < at);
            let cells = cell(at)..cell(at + count);
            let number = self.number(*value);
            let named = cells.map(|cell| (u16::try_from(cell).unwrap_or(u16::MAX), number));
            pattern.extend(named);
            at += count;
        }
        match self.space() {
            Some(Space::Cells(cells)) => cells.content(pattern),
            Some(Space::Plain) | None => Content(0),
        }
    }

    /// A cell begins at this sector.
    fn border(&mut self, at: u32) {
        let Err(place) = self.borders.binary_search(&at) else { return };
        if at >= self.per {
            return;
        }
        self.borders.insert(place, at);
        let cell = u16::try_from(place - 1).unwrap_or(u16::MAX);
        if let Some(Space::Cells(cells)) = self.space() {
            cells.split(cell);
        }
    }

    fn space(&mut self) -> Option<&mut Space> {
        self.online.as_mut().map(Online::space_mut)
    }
}
