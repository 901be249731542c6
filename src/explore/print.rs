//! The table as text: the matrix that docs/PROTOCOL.md carries, one cell in words, and what differs.

use super::table::{Class, Table};
use super::walk::Extent;
use crate::protocol::cell::{Cell, Lock, State, Trigger, impossible};
use crate::protocol::{Many, Rule};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Next states that a cell of the matrix shows.
const NEXT_MAX: usize = 3;

/// A state in two or three signs: the line, and what is done with the block.
#[must_use]
pub fn code(state: State) -> String {
    let lock = match state.lock {
        Lock::Idle => "",
        Lock::Destaging => "d",
        Lock::WaitsShared => "s",
        Lock::WaitsExclusive => "x",
        Lock::HoldsShared => "S",
        Lock::HoldsExclusive => "X",
        Lock::Recovering => "r",
        Lock::Away => "a",
    };
    format!("{}{lock}", state.line)
}

/// How to read [`code`] and [`short`].
pub const LEGEND: &str = "\
row and next state: M O E S I L the line, then what is done with the block:
  d destaging  s waits for shared access  x for exclusive  S holds shared access  X exclusive
  r recovering  a the AMF is in no view  (nothing: idle)
cell: = the state stays  ! only after a fault  ? met only along with something else
  . never met  x impossible: an assertion forbids it";

/// A cell in a few signs: the next states.
#[must_use]
pub fn short(table: &Table, cell: Cell) -> String {
    let mark = match table.class(cell) {
        Class::Impossible => return "x".to_owned(),
        Class::Never => return ".".to_owned(),
        Class::Fault => "!",
        Class::Normal => "",
    };
    let next = table.next(cell);
    if next.is_empty() {
        return format!("{mark}?");
    }
    let name = |next: &State| if *next == cell.state { "=".to_owned() } else { code(*next) };
    let shown: Vec<String> = next.iter().take(NEXT_MAX).map(name).collect();
    let more = if next.len() > NEXT_MAX { "+" } else { "" };
    format!("{mark}{}{more}", shown.join("/"))
}

/// The whole table, with its legend and what was explored.
#[must_use]
pub fn matrix(table: &Table) -> String {
    let (rows, columns) = (table.rows(), table.columns());
    let width = |trigger: &Trigger| {
        let cells =
            rows.iter().map(|state| short(table, Cell { state: *state, trigger: *trigger }));
        cells.map(|cell| cell.len()).max().unwrap_or(0).max(trigger.name().len())
    };
    let widths: Vec<usize> = columns.iter().map(width).collect();
    let mut text = format!("{:<14}", "");
    for (trigger, width) in columns.iter().zip(&widths) {
        let _ = write!(text, " {:<width$}", trigger.name());
    }
    for state in &rows {
        let _ = write!(text, "\n{:<3}{:<11}", code(*state), state.lock.name());
        for (trigger, width) in columns.iter().zip(&widths) {
            let _ = write!(
                text,
                " {:<width$}",
                short(table, Cell { state: *state, trigger: *trigger })
            );
        }
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n"))
}

/// What was gone through, a line a model.
#[must_use]
pub fn extents(extents: &[Extent]) -> String {
    let mut text = String::new();
    for extent in extents {
        let Extent { model, states, moves, whole } = extent;
        let end = if *whole { "all of them" } else { "there are more" };
        let (states, moves) = (Many::of(*states, "state"), Many::of(*moves, "step"));
        let _ = writeln!(text, "{model}: {states}, {moves}; {end}");
    }
    text
}

/// One cell in words, a line a fact.
#[must_use]
pub fn cell_words(table: &Table, cell: Cell) -> Vec<String> {
    let Cell { state, trigger } = cell;
    let mut lines = vec![
        format!("{}: {}", state.line, line_words(state)),
        format!("{}: {}", state.lock, state.lock.sentence()),
        format!("{trigger}: {}", trigger.sentence()),
    ];
    match table.class(cell) {
        Class::Impossible => {
            let why = impossible(cell).unwrap_or("an assertion forbids it");
            lines.push(format!("impossible: {why}"));
        }
        Class::Never => lines.push("never met in what was explored; nothing forbids it".to_owned()),
        Class::Fault => lines.push("only after a fault".to_owned()),
        Class::Normal => {}
    }
    for rule in table.rules(cell) {
        lines.push(format!("{} ({}): {}", rule.id(), rule.section(), rule.sentence()));
    }
    lines
}

/// What a state of a line means.
#[must_use]
pub const fn line_words(state: State) -> &'static str {
    use crate::protocol::LineState::{E, I, L, M, O, S};
    match state.line {
        M => "modified: the only valid copy, dirty",
        O => "owned: dirty, others may have it too",
        E => "exclusive: the only copy, clean",
        S => "shared: clean, others may have it too",
        I => "invalid: no copy here",
        L => "lent: kept until its new owner is safe, never read",
    }
}

/// Cells in which two protocols differ: in what can be said of them, in the next states, or in the rules.
#[must_use]
pub fn differences(one: &Table, other: &Table) -> Vec<Cell> {
    let rows: BTreeSet<State> = one.rows().into_iter().chain(other.rows()).collect();
    let cells = rows.into_iter().flat_map(|state| {
        Trigger::ALL.iter().map(move |trigger| Cell { state, trigger: *trigger })
    });
    cells.filter(|cell| differs(one, other, *cell)).collect()
}

/// Two protocols differ in this cell.
#[must_use]
pub fn differs(one: &Table, other: &Table, cell: Cell) -> bool {
    let said = |table: &Table| (table.class(cell), table.next(cell), table.rules(cell));
    said(one) != said(other)
}

/// The differences, a line a cell.
#[must_use]
pub fn diff(one: &Table, other: &Table) -> String {
    let mut text = String::new();
    let only = |table: &Table, than: &Table| -> Vec<State> {
        let there = than.rows();
        table.rows().into_iter().filter(|state| !there.contains(state)).collect()
    };
    for (table, than) in [(one, other), (other, one)] {
        let rows: Vec<String> = only(table, than).iter().map(ToString::to_string).collect();
        if !rows.is_empty() {
            let _ = writeln!(text, "only {} has: {}", table.protocol, rows.join(", "));
        }
    }
    let (ours, theirs) = (one.rows(), other.rows());
    for cell in differences(one, other) {
        if !ours.contains(&cell.state) || !theirs.contains(&cell.state) {
            continue;
        }
        let said = |table: &Table| {
            let rules: Vec<&str> = table.rules(cell).iter().map(|rule| rule.id()).collect();
            let rules =
                if rules.is_empty() { String::new() } else { format!(" ({})", rules.join(" ")) };
            format!("{} {}{rules}", table.protocol, short(table, cell))
        };
        let _ = writeln!(text, "{cell}\n  {}\n  {}", said(one), said(other));
    }
    text
}

impl Table {
    /// The states that a cell leads to, those without a fault if there are any.
    #[must_use]
    pub fn next(&self, cell: Cell) -> Vec<State> {
        let states: BTreeSet<State> =
            self.outcomes(cell).map(|(outcome, _)| outcome.after).collect();
        states.into_iter().collect()
    }

    /// The rules that are applied in a cell, in the order of PROTOCOL.md.
    #[must_use]
    pub fn rules(&self, cell: Cell) -> Vec<Rule> {
        let rules: BTreeSet<Rule> =
            self.outcomes(cell).flat_map(|(outcome, _)| outcome.rules.iter().copied()).collect();
        rules.into_iter().collect()
    }
}
