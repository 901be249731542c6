//! The space-time diagram: what it is drawn from, where the cursor is, what is shown.
//!
//! A cluster that runs is drawn from the newest events that came; a recording from those around the cursor,
//! which are asked for. Rows are made of events only where they are looked at.

use super::Model;
use crate::protocol::id::OpId;
use crate::timeline::ladder::cone::{Reach, follow};
use crate::timeline::ladder::{Address, Column, Level, Row, places, rows};
use crate::trace::Event;
use core::ops::Range;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Events kept of a cluster that runs.
pub const EVENTS_MAX: usize = 20_000;
/// Steps of a recording that are told at once, half of them before the cursor.
pub const TOLD_STEPS: u64 = 2_000;
/// Fewer than so many steps of a recording left on one side, and more are asked for.
pub const MARGIN_STEPS: u64 = 200;
/// Events that are turned into rows at a time.
const BATCH: usize = 256;

/// Which places are drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Places {
    /// All.
    #[default]
    All,
    /// Those where something happens in what is known.
    Busy,
    /// AMFs only.
    Amfs,
    /// These, in this order.
    Only(Vec<Column>),
}

/// An operation that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Which.
    pub op: OpId,
    /// How far.
    pub reach: Reach,
    /// What belongs to it, of the events that were there.
    shown: BTreeSet<Address>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct LadderState {
    /// What is drawn, oldest first.
    events: VecDeque<Event>,
    /// How many of them happen at each place.
    busy: BTreeMap<Column, usize>,
    /// Of a recording: the steps that are told.
    pub told: Option<(u64, u64)>,
    /// Of a recording: the steps that were asked for.
    pub asked: Option<(u64, u64)>,
    /// How much is shown.
    pub level: Level,
    /// The first row on the screen; `None`: the last ones are shown.
    pub top: Option<Address>,
    /// The selected row; `None`: the newest.
    pub cursor: Option<Address>,
    /// Columns that are scrolled off to the left.
    pub first_column: usize,
    /// The selected place.
    pub column: Option<Column>,
    /// The mouse holds this place by its title, and has carried it along or not.
    pub grabbed: Option<(Column, bool)>,
    /// Which places are drawn.
    pub places: Places,
    /// Only what belongs to an operation.
    pub followed: Option<Followed>,
}

impl LadderState {
    /// Something happened in a cluster that runs.
    pub fn take(&mut self, event: Event) {
        if self.events.len() == EVENTS_MAX
            && let Some(old) = self.events.pop_front()
        {
            self.forget(&old);
        }
        self.count(&event);
        self.events.push_back(event);
    }

    fn count(&mut self, event: &Event) {
        let (one, other) = places(event);
        for place in [Some(one), other].into_iter().flatten() {
            *self.busy.entry(place).or_default() += 1;
        }
    }

    fn forget(&mut self, event: &Event) {
        let (one, other) = places(event);
        for place in [Some(one), other].into_iter().flatten() {
            if let Some(count) = self.busy.get_mut(&place) {
                *count -= 1;
            }
        }
    }

    /// The newest events, at most so many, oldest first.
    #[must_use]
    pub fn newest(&self, most: usize) -> Vec<Event> {
        let from = self.events.len().saturating_sub(most);
        self.events.range(from..).cloned().collect()
    }

    /// What happened in these steps of a recording.
    pub fn tell(&mut self, range: (u64, u64), events: Vec<Event>) {
        (self.told, self.asked) = (Some(range), None);
        self.busy.clear();
        for event in &events {
            self.count(event);
        }
        self.events = events.into();
        if let Some(Followed { op, reach, .. }) = self.followed.take() {
            self.follow(op, reach);
        }
    }

    /// True if there is nothing to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events of a step are known.
    #[must_use]
    pub fn knows(&self, step: u64) -> bool {
        self.events.front().is_some_and(|event| event.step <= step)
            && self.events.back().is_some_and(|event| event.step >= step)
    }

    /// Where rows stand among the events that are known: which of them they are, of how many.
    #[must_use]
    pub fn place(&self, rows: &[Row]) -> (Range<usize>, usize) {
        let upto = |step| self.events.partition_point(|event| event.step < step);
        let range = match (rows.first(), rows.last()) {
            (Some(first), Some(last)) => upto(first.at.step)..upto(last.at.step + 1),
            (None, _) | (_, None) => 0..0,
        };
        (range, self.events.len())
    }

    /// Events that rows are made of.
    #[must_use]
    pub fn known(&self) -> usize {
        self.events.len()
    }

    /// Shows only what belongs to an operation, among the events that are known now.
    pub fn follow(&mut self, op: OpId, reach: Reach) {
        let rows = rows(self.events.iter());
        let inside = follow(&rows, op, reach);
        let shown = rows.iter().zip(inside).filter(|(_, inside)| *inside).map(|(row, _)| row.at);
        self.followed = Some(Followed { op, reach, shown: shown.collect() });
    }

    fn shows(&self, row: &Row) -> bool {
        row.level() <= self.level
            && self.followed.as_ref().is_none_or(|followed| followed.shown.contains(&row.at))
    }

    /// The index of the first event of the step of the event at `index`.
    fn step_start(&self, index: usize) -> usize {
        let Some(step) = self.events.get(index).map(|event| event.step) else { return index };
        let before =
            self.events.range(..index).rev().take_while(|event| event.step == step).count();
        index - before
    }

    fn made(&self, from: usize, to: usize) -> Vec<Row> {
        rows(self.events.range(from..to)).into_iter().filter(|row| self.shows(row)).collect()
    }

    /// The rows from an address on, at most so many.
    #[must_use]
    pub fn after(&self, from: Address, most: usize) -> Vec<Row> {
        let mut at = self.events.partition_point(|event| event.step < from.step);
        let mut found = Vec::new();
        while found.len() < most && at < self.events.len() {
            let end = (at + BATCH).min(self.events.len());
            // Whole steps, or what leaves at once would come apart.
            let cut = if end < self.events.len() { self.step_start(end) } else { end };
            let end = if cut > at { cut } else { self.step_end(end) };
            found.extend(self.made(at, end).into_iter().filter(|row| row.at >= from));
            at = end;
        }
        found.truncate(most);
        found
    }

    fn step_end(&self, index: usize) -> usize {
        let Some(step) = self.events.get(index).map(|event| event.step) else {
            return self.events.len();
        };
        index + self.events.range(index..).take_while(|event| event.step == step).count()
    }

    /// The last rows before an address (`None`: of all), at most so many.
    #[must_use]
    pub fn before(&self, upto: Option<Address>, most: usize) -> Vec<Row> {
        let all = self.events.len();
        let mut end =
            upto.map_or(all, |upto| self.events.partition_point(|event| event.step <= upto.step));
        let mut found: Vec<Row> = Vec::new();
        while found.len() < most && end > 0 {
            let start = self.step_start(end.saturating_sub(BATCH));
            let mut batch = self.made(start, end);
            batch.retain(|row| upto.is_none_or(|upto| row.at < upto));
            batch.append(&mut found);
            (found, end) = (batch, start);
        }
        found.split_off(found.len().saturating_sub(most))
    }

    /// The row at the cursor, or the nearest before it that is shown.
    #[must_use]
    pub fn selected(&self) -> Option<Row> {
        let Some(cursor) = self.cursor else { return self.before(None, 1).pop() };
        let here = self.after(cursor, 1).pop();
        here.filter(|row| row.at == cursor)
            .or_else(|| self.before(Some(cursor), 1).pop())
            .or_else(|| self.after(cursor, 1).pop())
    }

    /// The rows of a screen of this height, and which of them is selected.
    #[must_use]
    pub fn page(&self, height: usize) -> (Vec<Row>, Option<usize>) {
        let page = match self.top {
            Some(top) => self.after(top, height),
            None => self.before(None, height),
        };
        let selected = self.selected().map(|row| row.at);
        let at = selected.and_then(|at| page.iter().position(|row| row.at == at));
        (page, at)
    }

    /// Moves the cursor to a row, and the screen with it if it has to.
    pub fn go_to(&mut self, row: &Row, height: usize) {
        self.cursor = Some(row.at);
        let (page, at) = self.page(height);
        if at.is_some() {
            return self.top = page.first().map(|row| row.at);
        }
        let above = page.first().is_some_and(|first| row.at < first.at);
        self.top = if above {
            Some(row.at)
        } else {
            let rows = self.before(Some(row.at), height.saturating_sub(1));
            Some(rows.first().map_or(row.at, |first| first.at))
        };
    }

    /// Moves the cursor to a row; where the screen has to move, a third of it comes before the row.
    pub fn show(&mut self, row: &Row, height: usize) {
        self.cursor = Some(row.at);
        if self.page(height).1.is_some() {
            return;
        }
        let before = self.before(Some(row.at), height / 3);
        let top = before.first().map_or(row.at, |first| first.at);
        self.top = (self.after(top, height).len() == height).then_some(top);
    }

    /// So many rows on, or back. Past the newest row of a cluster that runs: follows what is new.
    pub fn step(&mut self, by: isize, height: usize) {
        let Some(here) = self.selected() else { return };
        if by < 0 {
            let rows = self.before(Some(here.at), by.unsigned_abs());
            if let Some(row) = rows.first() {
                self.go_to(row, height);
            }
            return;
        }
        let rows = self.after(here.at, by.unsigned_abs() + 1);
        match rows.last() {
            Some(last) if last.at > here.at => self.go_to(last, height),
            _ if self.told.is_none() => self.follow_newest(),
            _ => {}
        }
    }

    /// The newest rows, whatever comes.
    pub fn follow_newest(&mut self) {
        (self.top, self.cursor) = (None, None);
    }

    /// The next row on, or back, that this holds for.
    #[must_use]
    pub fn find(&self, on: bool, is: impl Fn(&Row) -> bool) -> Option<Row> {
        let here = self.selected()?.at;
        if on {
            self.after(here, usize::MAX).into_iter().find(|row| row.at > here && is(row))
        } else {
            self.before(Some(here), usize::MAX).into_iter().rev().find(is)
        }
    }
}

/// The columns that are drawn, in order.
#[must_use]
pub fn columns(model: &Model) -> Vec<Column> {
    let all = Column::all(model.about.amfs, model.about.disks);
    match &model.ladder.places {
        Places::All => all,
        Places::Amfs => all.into_iter().filter(|column| matches!(column, Column::Amf(_))).collect(),
        Places::Only(columns) => columns.clone(),
        Places::Busy => {
            let busy =
                |column: &Column| model.ladder.busy.get(column).is_some_and(|count| *count > 0);
            all.into_iter().filter(busy).collect()
        }
    }
}
