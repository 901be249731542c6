//! Where the registers of all sectors are kept: small where nothing is under way.
//!
//! Most blocks, most of the time, hold one value and have no operation under way: such a block is one
//! table entry of 24 bytes and its key. A [`Register`] exists only while there is more to know, and
//! is reused. Neighbouring sectors with the same past share a cell; a partial write splits a block
//! into runs, and runs whose values are equal again are joined.

use super::register::{Register, WRITES_MAX, Write};
use super::value::Value;
use crate::protocol::table::Table;

/// What is known of neighbouring sectors with one past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// One value, surely, and nothing under way.
    Quiet(Value),
    /// A register in the pool.
    Busy(u32),
    /// Too many writes without an answer to keep: every read is taken as right.
    GivenUp,
}

/// Sectors of a block in a row.
#[derive(Clone, Copy, Debug)]
struct Run {
    count: u32,
    cell: Cell,
}

#[derive(Clone, Copy, Debug)]
enum Entry {
    Whole(Cell),
    /// Several runs, in the pool of splits.
    Split(u32),
}

/// Values that are reused instead of freed, named by their place.
#[derive(Clone, Debug)]
struct Pool<T> {
    all: Vec<T>,
    free: Vec<u32>,
}

impl<T: Default> Pool<T> {
    fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.all.push(T::default());
            u32::try_from(self.all.len() - 1).expect("fewer than four billion registers")
        })
    }
}

/// The cells of all blocks that were touched.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    entries: Table<u64, Entry>,
    registers: Pool<Register>,
    splits: Pool<Vec<Run>>,
    /// What a block holds that was never touched.
    first: Value,
    sectors_per_block: u32,
    /// Runs of sectors that were given up.
    pub(super) given_up: u64,
}

impl Blocks {
    pub(super) fn new(first: Value, sectors_per_block: u32) -> Self {
        Self {
            entries: Table::default(),
            registers: Pool { all: Vec::new(), free: Vec::new() },
            splits: Pool { all: Vec::new(), free: Vec::new() },
            first,
            sectors_per_block,
            given_up: 0,
        }
    }

    /// Blocks that were touched, in order.
    pub(super) fn touched(&self) -> Vec<u64> {
        self.entries.keys_sorted()
    }

    /// True if the sectors hold `value`, surely, and nothing is under way there.
    pub(super) fn is_quiet(&self, block: u64, from: u32, count: u32, value: Value) -> bool {
        let quiet = |cell: Cell| cell == Cell::Quiet(value) && !value.is_unknown();
        match self.entries.get(&block) {
            None => quiet(Cell::Quiet(self.first)),
            Some(Entry::Whole(cell)) => quiet(*cell),
            Some(Entry::Split(_)) => {
                let mut all = true;
                self.each(block, from, count, |_, _, cell| all &= quiet(cell));
                all
            }
        }
    }

    /// The cells of `count` sectors from the `from`th on, with the part of each that lies inside.
    pub(super) fn each(
        &self,
        block: u64,
        from: u32,
        count: u32,
        mut visit: impl FnMut(u32, u32, Cell),
    ) {
        let whole = match self.entries.get(&block) {
            None => Cell::Quiet(self.first),
            Some(Entry::Whole(cell)) => *cell,
            Some(Entry::Split(at)) => {
                let mut start = 0;
                for run in &self.splits.all[*at as usize] {
                    let (low, high) = (start.max(from), (start + run.count).min(from + count));
                    if low < high {
                        visit(low, high - low, run.cell);
                    }
                    start += run.count;
                }
                return;
            }
        };
        visit(from, count, whole);
    }

    /// The register of a busy cell.
    pub(super) fn register(&self, at: u32) -> &Register {
        &self.registers.all[at as usize]
    }

    /// Lets `change` work on the register of every cell of these sectors; cells are split at their
    /// borders first and joined again afterwards. What is given up is left out.
    pub(super) fn change(
        &mut self,
        block: u64,
        from: u32,
        count: u32,
        mut change: impl FnMut(&mut Register),
    ) {
        let first = self.first;
        let entry = self.entries.get_or_insert_with(block, || Entry::Whole(Cell::Quiet(first)));
        if let Entry::Whole(cell) = entry
            && count == self.sectors_per_block
        {
            self.given_up += change_cell(cell, &mut self.registers, &mut change);
            return;
        }
        let at = match *entry {
            Entry::Split(at) => at,
            Entry::Whole(cell) => {
                let at = self.splits.take();
                let runs = &mut self.splits.all[at as usize];
                runs.clear();
                runs.push(Run { count: self.sectors_per_block, cell });
                *entry = Entry::Split(at);
                at
            }
        };
        let runs = &mut self.splits.all[at as usize];
        cut(runs, from, &mut self.registers);
        cut(runs, from + count, &mut self.registers);
        let mut start = 0;
        for run in runs.iter_mut() {
            if (from..from + count).contains(&start) {
                self.given_up += change_cell(&mut run.cell, &mut self.registers, &mut change);
            }
            start += run.count;
        }
        runs.dedup_by(|next, run| {
            let is_same = next.cell == run.cell && !matches!(run.cell, Cell::Busy(_));
            run.count += if is_same { next.count } else { 0 };
            is_same
        });
        if let [Run { cell, .. }] = runs[..] {
            *entry = Entry::Whole(cell);
            self.splits.free.push(at);
        }
    }
}

/// Makes sure that a run begins at sector `at`.
fn cut(runs: &mut Vec<Run>, at: u32, registers: &mut Pool<Register>) {
    let mut start = 0;
    for index in 0..runs.len() {
        let Run { count, cell } = runs[index];
        if start < at && at < start + count {
            let cell = match cell {
                Cell::Busy(from) => {
                    let to = registers.take();
                    registers.all[to as usize] = registers.all[from as usize].clone();
                    Cell::Busy(to)
                }
                Cell::Quiet(_) | Cell::GivenUp => cell,
            };
            runs[index].count = at - start;
            runs.insert(index + 1, Run { count: start + count - at, cell });
            return;
        }
        start += count;
    }
}

/// Lets `change` work on the register of a cell, and keeps the register only if it must. Gives how
/// many cells were given up.
fn change_cell(
    cell: &mut Cell,
    registers: &mut Pool<Register>,
    change: &mut impl FnMut(&mut Register),
) -> u64 {
    let at = match *cell {
        Cell::GivenUp => return 0,
        Cell::Busy(at) => at,
        Cell::Quiet(value) => {
            let at = registers.take();
            let register = &mut registers.all[at as usize];
            register.0.clear();
            register.0.push(Write::first(value));
            at
        }
    };
    let register = &mut registers.all[at as usize];
    change(register);
    let is_too_long = register.0.len() > WRITES_MAX;
    *cell = match register.settled() {
        Some(value) => Cell::Quiet(value),
        None if is_too_long => Cell::GivenUp,
        None => Cell::Busy(at),
    };
    if !matches!(cell, Cell::Busy(_)) {
        if is_too_long {
            // Not worth keeping: give the memory back.
            *register = Register::default();
        }
        registers.free.push(at);
    }
    u64::from(is_too_long)
}
