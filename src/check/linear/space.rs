//! What a register can hold, and how operations change it.
//!
//! Most registers hold one value, and every operation reads or writes all of it: then a state *is* the
//! name of a content, and nothing is looked up. A block that was also written in part is a register of
//! several cells (sectors that every operation treats alike are one cell), and a content is a pattern
//! over some of them.
//!
//! A register may begin with content that nobody knows. It is found out: a cell may be `UNKNOWN`, and a
//! compare-and-write that missed says what it is *not*. There are more values than any history has, so
//! what was excluded matters only until one of its cells is overwritten.

use super::op::Content;
use crate::protocol::table::Table;
use core::cmp::Ordering;
use std::collections::BTreeMap;

/// A cell whose first content nobody knows yet.
pub const UNKNOWN: u32 = u32::MAX;

/// The content of some cells: pairs of a cell and a value, by cell.
pub type Pattern = Vec<(u16, u32)>;

/// The register's state.
pub type State = u32;

/// How a state compares with a content that somebody looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is there.
    Yes,
    /// It is not there.
    No,
    /// That depends on what was there at first.
    Maybe,
}

/// See the module.
#[derive(Clone, Debug)]
pub enum Space {
    /// One value; a state is the number of a content.
    Plain,
    /// Several cells, or a first content that is not known.
    Cells(Box<Cells>),
}

impl Space {
    /// The state after a write of `content`.
    pub(super) fn write(&mut self, state: State, content: Content) -> State {
        match self {
            Self::Plain => content.0,
            Self::Cells(cells) => cells.write(state, content),
        }
    }

    /// Is `content` there?
    pub(super) fn fit(&self, state: State, content: Content) -> Fit {
        match self {
            Self::Plain if state == content.0 => Fit::Yes,
            Self::Plain => Fit::No,
            Self::Cells(cells) => cells.fit(state, content),
        }
    }

    /// Assumes that `content` was there, or was not: for states where [`Fit::Maybe`] says that both can
    /// be.
    pub(super) fn assume(&mut self, state: State, content: Content, is_there: bool) -> State {
        match self {
            Self::Plain => state,
            Self::Cells(cells) if is_there => cells.assume_equal(state, content),
            Self::Cells(cells) => cells.assume_other(state, content),
        }
    }

    /// Nothing is left of `under` when `over` was written.
    pub(super) fn covers(&self, over: Content, under: Content) -> bool {
        match self {
            Self::Plain => true,
            Self::Cells(cells) => cells.covers(over, under),
        }
    }

    /// `written` puts something there that who looks for `wanted` wants to see.
    pub(super) fn serves(&self, written: Content, wanted: Content) -> bool {
        match self {
            Self::Plain => written == wanted,
            Self::Cells(cells) => {
                let wanted = cells.pattern(wanted);
                cells.pattern(written).iter().any(|pair| wanted.binary_search(pair).is_ok())
            }
        }
    }

    /// `over` leaves a part of `under`, and overwrites another: their order can be told.
    pub(super) fn cuts(&self, over: Content, under: Content) -> bool {
        match self {
            Self::Plain => false,
            Self::Cells(cells) => {
                let over_cells = cells.pattern(over);
                let has = |cell: u16| over_cells.iter().any(|(other, _)| *other == cell);
                cells.pattern(under).iter().any(|(cell, _)| has(*cell))
                    && !cells.covers(over, under)
            }
        }
    }

    /// Keeps only these states and contents, and names them anew, densely.
    pub(super) fn compact(&mut self, states: &[State], contents: &[Content]) -> Renamed {
        let (renamed, fresh) = match self {
            Self::Plain => (Renamed::of_plain(states, contents), None),
            Self::Cells(cells) => {
                let (renamed, fresh) = cells.kept(states, contents);
                (renamed, Some(fresh))
            }
        };
        if let Some(fresh) = fresh {
            *self = Self::Cells(Box::new(fresh));
        }
        renamed
    }

    /// Contents and states that are kept by name: those of several cells.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Plain => 0,
            Self::Cells(cells) => cells.patterns.len() + cells.states.len(),
        }
    }

    /// A state is the number of a content.
    pub(super) const fn is_plain(&self) -> bool {
        matches!(self, Self::Plain)
    }
}

/// New names for what is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Renamed {
    /// Values of cells; of a plain register, contents. 0 stays 0.
    pub(super) values: Table<u32, u32>,
    pub(super) states: Table<State, State>,
    pub(super) contents: Table<Content, Content>,
}

impl Renamed {
    fn value(&mut self, value: u32) -> u32 {
        let next = u32::try_from(self.values.len()).expect("memory ends before");
        if value == UNKNOWN { UNKNOWN } else { *self.values.get_or_insert_with(value, || next) }
    }

    /// With 0, which stays 0.
    fn new() -> Self {
        let mut renamed = Self::default();
        renamed.value(0);
        renamed
    }

    fn of_plain(states: &[State], contents: &[Content]) -> Self {
        let mut renamed = Self::new();
        for state in states {
            let new = renamed.value(*state);
            renamed.states.insert(*state, new);
        }
        for content in contents {
            let new = renamed.value(content.0);
            renamed.contents.insert(*content, Content(new));
        }
        renamed
    }

    fn pattern(&mut self, pattern: &Pattern) -> Pattern {
        pattern.iter().map(|(cell, value)| (*cell, self.value(*value))).collect()
    }
}

/// What is known of all cells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    cells: Vec<u32>,
    /// What the unknown cells do not hold, all together.
    excluded: Vec<Pattern>,
}

/// The states of a register with several cells, numbered as they are met.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    patterns: Vec<Pattern>,
    contents: BTreeMap<Pattern, Content>,
    states: Vec<Known>,
    numbers: BTreeMap<Known, State>,
    written: Table<(State, Content), State>,
}

impl Cells {
    /// A register whose cells hold these values, or [`UNKNOWN`]: its state is 0.
    pub fn new(first: Vec<u32>) -> Self {
        let mut cells = Self::default();
        cells.number(Known { cells: first, excluded: Vec::new() });
        cells
    }

    /// A plain register with `count` contents as one of a single cell: contents and states keep their
    /// names.
    pub fn of_plain(count: u32) -> Self {
        let mut cells = Self::default();
        for value in 0..count {
            cells.number(Known { cells: vec![value], excluded: Vec::new() });
            cells.content(vec![(0, value)]);
        }
        cells
    }

    /// A cell becomes two that hold the same so far; those behind it move up by one.
    pub fn split(&mut self, cell: u16) {
        let two = |pattern: &Pattern| -> Pattern {
            let places = pattern.iter().flat_map(|&(at, value)| match at.cmp(&cell) {
                Ordering::Less => [Some((at, value)), None],
                Ordering::Equal => [Some((at, value)), Some((at + 1, value))],
                Ordering::Greater => [Some((at + 1, value)), None],
            });
            places.flatten().collect()
        };
        self.patterns = self.patterns.iter().map(two).collect();
        self.contents =
            (0..).map(Content).zip(&self.patterns).map(|(c, p)| (p.clone(), c)).collect();
        for known in &mut self.states {
            known.cells.insert(usize::from(cell) + 1, known.cells[usize::from(cell)]);
            known.excluded = known.excluded.iter().map(two).collect();
        }
        self.numbers =
            (0..).zip(&self.states).map(|(state, known)| (known.clone(), state)).collect();
        self.written.clear();
    }

    fn kept(&self, states: &[State], contents: &[Content]) -> (Renamed, Self) {
        let (mut renamed, mut fresh) = (Renamed::new(), Self::default());
        for state in states {
            let known = &self.states[*state as usize];
            let cells = known.cells.iter().map(|value| renamed.value(*value)).collect();
            let mut excluded: Vec<Pattern> =
                known.excluded.iter().map(|pattern| renamed.pattern(pattern)).collect();
            excluded.sort_unstable();
            renamed.states.insert(*state, fresh.number(Known { cells, excluded }));
        }
        for content in contents {
            let pattern = renamed.pattern(self.pattern(*content));
            renamed.contents.insert(*content, fresh.content(pattern));
        }
        (renamed, fresh)
    }

    /// The name of a pattern, which must be sorted by cell and name cells of this register.
    pub fn content(&mut self, pattern: Pattern) -> Content {
        if let Some(content) = self.contents.get(&pattern) {
            return *content;
        }
        let content = Content(u32::try_from(self.patterns.len()).expect("memory ends before"));
        self.patterns.push(pattern.clone());
        self.contents.insert(pattern, content);
        content
    }

    fn number(&mut self, known: Known) -> State {
        if let Some(state) = self.numbers.get(&known) {
            return *state;
        }
        let state = State::try_from(self.states.len()).expect("memory ends before");
        self.states.push(known.clone());
        self.numbers.insert(known, state);
        state
    }

    fn pattern(&self, content: Content) -> &Pattern {
        &self.patterns[content.0 as usize]
    }

    fn write(&mut self, state: State, content: Content) -> State {
        if let Some(after) = self.written.get(&(state, content)) {
            return *after;
        }
        let mut known = self.states[state as usize].clone();
        let pattern = self.pattern(content);
        for &(cell, value) in pattern {
            known.cells[usize::from(cell)] = value;
        }
        // Of an overwritten cell nobody will know any more what was there: it may have been anything.
        let is_kept = |other: &Pattern| {
            other.iter().all(|(cell, _)| known.cells[usize::from(*cell)] == UNKNOWN)
        };
        known.excluded.retain(is_kept);
        let after = self.number(known);
        self.written.insert((state, content), after);
        after
    }

    fn fit(&self, state: State, content: Content) -> Fit {
        let known = &self.states[state as usize];
        let mut asked = Pattern::new();
        for &(cell, value) in self.pattern(content) {
            let there = known.cells[usize::from(cell)];
            if there == UNKNOWN {
                asked.push((cell, value));
            } else if there != value {
                return Fit::No;
            }
        }
        if asked.is_empty() {
            return Fit::Yes;
        }
        let is_excluded = |pattern: &Pattern| pattern.iter().all(|pair| asked.contains(pair));
        if known.excluded.iter().any(is_excluded) { Fit::No } else { Fit::Maybe }
    }

    fn assume_equal(&mut self, state: State, content: Content) -> State {
        let mut known = self.states[state as usize].clone();
        for &(cell, value) in self.pattern(content) {
            known.cells[usize::from(cell)] = value;
        }
        let cells = &known.cells;
        known.excluded.retain_mut(|pattern| {
            let is_open = |cell: u16, value: u32| {
                let there = cells[usize::from(cell)];
                there == UNKNOWN || there == value
            };
            let is_kept = pattern.iter().all(|&(cell, value)| is_open(cell, value));
            pattern.retain(|(cell, _)| cells[usize::from(*cell)] == UNKNOWN);
            assert!(!is_kept || !pattern.is_empty(), "what is excluded does not fit");
            is_kept
        });
        known.excluded.sort_unstable();
        known.excluded.dedup();
        self.number(known)
    }

    fn assume_other(&mut self, state: State, content: Content) -> State {
        let mut known = self.states[state as usize].clone();
        let mut asked = self.pattern(content).clone();
        asked.retain(|(cell, _)| known.cells[usize::from(*cell)] == UNKNOWN);
        known.excluded.push(asked);
        known.excluded.sort_unstable();
        known.excluded.dedup();
        self.number(known)
    }

    fn covers(&self, over: Content, under: Content) -> bool {
        let over = self.pattern(over);
        let has = |cell: u16| over.binary_search_by_key(&cell, |(cell, _)| *cell).is_ok();
        self.pattern(under).iter().all(|(cell, _)| has(*cell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_found_out() {
        let mut cells = Cells::new(vec![UNKNOWN, UNKNOWN]);
        let both = cells.content(vec![(0, 1), (1, 2)]);
        let left = cells.content(vec![(0, 1)]);
        let right = cells.content(vec![(1, 2)]);
        assert_eq!(cells.fit(0, both), Fit::Maybe);
        let other = cells.assume_other(0, both);
        assert_eq!(cells.fit(other, both), Fit::No);
        assert_eq!(cells.fit(other, left), Fit::Maybe);
        let is_left = cells.assume_equal(other, left);
        assert_eq!(cells.fit(is_left, left), Fit::Yes);
        assert_eq!(cells.fit(is_left, right), Fit::No, "both together were excluded");
        let over = cells.write(other, left);
        assert_eq!(cells.fit(over, right), Fit::Maybe, "the left one may have been another");
        assert!(cells.covers(both, left) && !cells.covers(left, both));
    }
}
