//! Judges every read of a run, online: the interval rule of [`super::register`], sector by sector.
//!
//! The checker is told when an operation starts and when it is answered, *in the order in which these
//! things happened*: a start before the engine gets the request, an answer after the engine gave it.
//! Only that order counts; times appear in messages alone, so that operations of one simulated
//! instant still have their order. Telling it of an answer late costs sharpness, never soundness.
//!
//! What an answer means for the content: `ok` and a refusal (`miscompare`, `not-serving`,
//! `out-of-range`) are certain; after any other error, and without an answer, a write may take effect
//! at any time, or never. A compare-and-write that is `ok` is also a read of the old content; one that
//! miscompares has read something else.
//!
//! Memory is bounded by the blocks touched and the operations under way; see `super::blocks`.

use super::blocks::{Blocks, Cell};
use super::names::Names;
use super::register::{NOT_DONE, Read, Tick, Write, Wrong};
use super::value::{Runs, Value, runs_of, runs_of_write};
use crate::protocol::id::{Block, Instant, Key, OpId, SECTOR_BYTES};
use crate::protocol::table::Table;
use crate::protocol::{Answer, HostError, Payload, RequestKind, Sectors, Touch, Touched};
use crate::trace::Violation;
use smallvec::SmallVec;
use std::collections::VecDeque;

/// The name of this checker in [`Violation::checker`].
pub const CHECKER: &str = "reads";

/// What blocks hold before the first write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Zeroes: a new volume.
    #[default]
    Zero,
    /// Anything, but always the same: an existing data folder.
    Unknown,
}

/// What was judged so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadCounts {
    /// Reads answered with data.
    pub reads: u64,
    /// Sectors of those.
    pub sectors: u64,
    /// Writes answered `ok`, compare-and-writes included.
    pub writes: u64,
    /// Writes that may take effect at any time from now on.
    pub writes_open: u64,
    /// Wrong answers: one for each request and block.
    pub violations: u64,
    /// Runs of sectors whose reads cannot be judged any more: too many open writes.
    pub given_up: u64,
}

/// An operation under way.
#[derive(Clone, Debug)]
struct Pending {
    start: Tick,
    started: Instant,
    doing: Doing,
}

#[derive(Clone, Debug)]
enum Doing {
    Read(Sectors),
    /// A write or a trim: its values are in the registers.
    Write(Sectors),
    /// Boxed: it is rare, and every operation under way is as large as the largest kind.
    CompareAndWrite(Box<(Block, Runs)>),
    Flush,
}

/// What an answer says about a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Done,
    Never,
    Open,
}

/// Judges every read of a run.
#[derive(Clone, Debug)]
pub struct ReadChecker {
    sectors_per_block: u32,
    blocks: Blocks,
    pending: Table<OpId, Pending>,
    /// Starts of the reads under way, in order; `true`: answered, but not the oldest.
    reading: VecDeque<(Tick, bool)>,
    /// Blocks to look at again when no read from before this tick is under way any more.
    revisit: VecDeque<(Tick, u64)>,
    names: Names,
    now: Tick,
    counts: ReadCounts,
}

/// Since the start of the run: milliseconds to the microsecond, from a second on seconds to the millisecond.
fn told(at: Instant) -> String {
    match at.0 / 1_000 {
        us if us < 1_000_000 => format!("{}.{:03} ms", us / 1_000, us % 1_000),
        us => format!("{}.{:03} s", us / 1_000_000, us / 1_000 % 1_000),
    }
}

impl ReadChecker {
    /// A checker for a volume with blocks of `sectors_per_block` sectors, a power of two.
    pub fn new(sectors_per_block: u32, start: Start) -> Self {
        assert!(sectors_per_block.is_power_of_two(), "as `Config::check` demands");
        let first = match start {
            Start::Zero => Value::ZERO,
            Start::Unknown => Value::UNKNOWN,
        };
        Self {
            sectors_per_block,
            blocks: Blocks::new(first, sectors_per_block),
            pending: Table::default(),
            reading: VecDeque::new(),
            revisit: VecDeque::new(),
            names: Names::default(),
            now: 0,
            counts: ReadCounts::default(),
        }
    }

    /// What was judged so far.
    pub fn counts(&self) -> ReadCounts {
        ReadCounts { given_up: self.blocks.given_up, ..self.counts }
    }

    /// Operations that have no answer yet.
    pub fn outstanding(&self) -> usize {
        self.pending.len()
    }

    /// An operation is given to an engine, now: right before, or right after if no answer is told in
    /// between. Its number must not be under way. Every operation must come to an end by
    /// [`Self::on_answer`] or [`Self::on_unknown`]: a read under way keeps old writes in memory.
    pub fn on_start(&mut self, op: OpId, kind: &RequestKind, now: Instant) {
        self.now += 1;
        let start = self.now;
        let doing = match kind {
            RequestKind::Read(sectors) => {
                self.reading.push_back((start, false));
                Doing::Read(*sectors)
            }
            RequestKind::Write(sectors, payload) | RequestKind::WriteFua(sectors, payload) => {
                for touch in touches(*sectors, self.sectors_per_block) {
                    let per = self.sectors_per_block;
                    let runs = runs_of_write(payload, sectors.first, touch, per);
                    if let Payload::Bytes(_) = payload {
                        self.names.learn(&payload.part(sectors.first, touch, per), &runs);
                    }
                    self.put(touch, &runs, start);
                }
                Doing::Write(*sectors)
            }
            RequestKind::Zero(sectors) => {
                for touch in touches(*sectors, self.sectors_per_block) {
                    self.put(touch, &[(touch.len / SECTOR_BYTES, Value::ZERO)], start);
                }
                Doing::Write(*sectors)
            }
            RequestKind::CompareAndWrite { block, old, new } => {
                self.reading.push_back((start, false));
                let touch = self.whole(*block);
                let first = block.0 * u64::from(self.sectors_per_block);
                let runs = runs_of(new, first);
                self.names.learn(new, &runs);
                self.put(touch, &runs, start);
                Doing::CompareAndWrite(Box::new((*block, runs_of(old, first))))
            }
            RequestKind::Flush => Doing::Flush,
        };
        let before = self.pending.insert(op, Pending { start, started: now, doing });
        assert!(before.is_none(), "operations under way have different numbers");
    }

    /// An operation was answered. What is wrong about that; at most one violation a block.
    pub fn on_answer(&mut self, op: OpId, answer: &Answer, now: Instant) -> Vec<Violation> {
        let Some(pending) = self.pending.remove(&op) else {
            // Given up before by `on_unknown`: nothing is known of such an answer's order.
            return Vec::new();
        };
        self.now += 1;
        let mut found = Vec::new();
        let Pending { start, started, doing } = pending;
        match (&doing, &answer.result) {
            (Doing::Read(sectors), Ok(touched)) => {
                self.counts.reads += 1;
                self.counts.sectors += u64::from(sectors.count);
                self.judge_read(*sectors, touched, start, &mut found);
            }
            (Doing::Write(sectors), result) => {
                let effect = effect(result.as_ref().err());
                self.end_write(*sectors, start, effect, &mut found);
            }
            (Doing::CompareAndWrite(both), result) => {
                let (block, old) = (both.0, &both.1);
                self.judge_compare(block, old, start, result.as_ref().err(), &mut found);
            }
            (Doing::Read(_), Err(_)) | (Doing::Flush, _) => {}
        }
        if matches!(doing, Doing::Read(_) | Doing::CompareAndWrite(_)) {
            self.end_reading(start);
        }
        if found.is_empty() {
            return Vec::new();
        }
        self.counts.violations += found.len() as u64;
        found
            .into_iter()
            .map(|(block, what)| Violation {
                checker: CHECKER.to_owned(),
                key: Some(Key::Block(block)),
                text: format!(
                    "op{}, begun at {}, over at {}: {what}",
                    op.0,
                    told(started),
                    told(now)
                ),
                step: 0,
            })
            .collect()
    }

    /// Nobody waits for this operation's answer any more: a write may still take effect, at any time.
    pub fn on_unknown(&mut self, op: OpId) {
        let Some(pending) = self.pending.remove(&op) else { return };
        match pending.doing {
            Doing::Read(_) => self.end_reading(pending.start),
            Doing::Write(_) => self.counts.writes_open += 1,
            Doing::CompareAndWrite(_) => {
                self.counts.writes_open += 1;
                self.end_reading(pending.start);
            }
            Doing::Flush => {}
        }
    }

    /// Hosts live with the loss of what this block held: it may hold anything from now on.
    pub fn forget(&mut self, block: Block) {
        self.now += 1;
        let (start, touch) = (self.now, self.whole(block));
        self.put(touch, &[(touch.len / SECTOR_BYTES, Value::UNKNOWN)], start);
        self.now += 1;
        self.end_touch(touch, start, Effect::Done, &mut Vec::new());
    }

    /// Blocks that were written (with [`Start::Unknown`] also those that were read), in order.
    pub fn blocks_touched(&self) -> Vec<Block> {
        self.blocks.touched().into_iter().map(Block).collect()
    }

    /// What a read of these sectors of a block that starts now may return, run by run: `None` means
    /// anything. For the final read-back; see [`super::durability`].
    pub fn admissible(
        &self,
        block: Block,
        from: u32,
        count: u32,
    ) -> Vec<(u32, Option<SmallVec<[Value; 1]>>)> {
        let mut all = Vec::new();
        self.blocks.each(block.0, from, count, |_, count, cell| {
            let values = match cell {
                Cell::Quiet(value) if value.is_unknown() => None,
                Cell::Quiet(value) => Some(SmallVec::from_buf([value])),
                Cell::GivenUp => None,
                Cell::Busy(at) => {
                    let writes = self.blocks.register(at).may_return(self.now + 1, NOT_DONE);
                    let values: SmallVec<[Value; 1]> = writes.map(|write| write.value).collect();
                    (!values.contains(&Value::UNKNOWN)).then_some(values)
                }
            };
            all.push((count, values));
        });
        all
    }

    /// Sectors in a block.
    pub fn sectors_per_block(&self) -> u32 {
        self.sectors_per_block
    }

    fn whole(&self, block: Block) -> Touch {
        Touch { block, offset: 0, len: self.sectors_per_block * SECTOR_BYTES }
    }

    /// A write of these values starts.
    fn put(&mut self, touch: Touch, runs: &[(u32, Value)], start: Tick) {
        let mut from = touch.offset / SECTOR_BYTES;
        for (count, value) in runs {
            self.blocks.change(touch.block.0, from, *count, |register| {
                register.0.push(Write::starting(*value, start));
            });
            from += count;
        }
    }

    /// A write is over, as far as anybody will tell.
    fn end_write(
        &mut self,
        sectors: Sectors,
        start: Tick,
        effect: Effect,
        found: &mut Vec<(Block, String)>,
    ) {
        for touch in touches(sectors, self.sectors_per_block) {
            self.end_touch(touch, start, effect, found);
        }
        match effect {
            Effect::Done => self.counts.writes += 1,
            Effect::Never => {}
            Effect::Open => self.counts.writes_open += 1,
        }
    }

    fn end_touch(
        &mut self,
        touch: Touch,
        start: Tick,
        effect: Effect,
        found: &mut Vec<(Block, String)>,
    ) {
        let (now, floor) = (self.now, self.floor());
        let mut was_seen = false;
        let mut is_waiting = false;
        let (from, count) = (touch.offset / SECTOR_BYTES, touch.len / SECTOR_BYTES);
        self.blocks.change(touch.block.0, from, count, |register| {
            match effect {
                Effect::Done => register.answered(start, now),
                Effect::Never => was_seen |= !register.refused(start),
                Effect::Open => {}
            }
            register.prune(floor);
            is_waiting |= register.is_done() && register.settled().is_none();
        });
        if is_waiting {
            self.revisit.push_back((now, touch.block.0));
        }
        if was_seen {
            found.push((touch.block, "a read returned what this refused write wrote".to_owned()));
        }
    }

    fn judge_read(
        &mut self,
        sectors: Sectors,
        touched: &[Touched],
        start: Tick,
        found: &mut Vec<(Block, String)>,
    ) {
        let mut given = touched.iter();
        for touch in touches(sectors, self.sectors_per_block) {
            let data = given
                .next()
                .filter(|one| one.touch == touch)
                .and_then(|one| one.data.as_ref().filter(|data| data.len() == touch.len));
            let Some(data) = data else {
                let what = format!("no data, or not {} bytes of it", touch.len);
                found.push((touch.block, what));
                continue;
            };
            let first = first_sector(touch, self.sectors_per_block);
            let runs = runs_of(data, first);
            if let Some((at, value, wrong)) = self.judge(touch, &runs, start) {
                let sector = first + u64::from(at - touch.offset / SECTOR_BYTES);
                found.push((touch.block, self.said(sector, value, wrong)));
            }
        }
    }

    /// Judges what was read of one block: the first sector that is wrong, what it had, and why.
    fn judge(
        &mut self,
        touch: Touch,
        runs: &[(u32, Value)],
        start: Tick,
    ) -> Option<(u32, Value, Wrong)> {
        let mut from = touch.offset / SECTOR_BYTES;
        let mut first_wrong = None;
        for &(count, value) in runs {
            if !self.blocks.is_quiet(touch.block.0, from, count, value) {
                let wrong =
                    self.read(touch.block, from, count, Read { value, start, end: self.now });
                first_wrong = first_wrong.or(wrong.map(|(at, wrong)| (at, value, wrong)));
            }
            from += count;
        }
        first_wrong
    }

    /// What is wrong, in words.
    fn said(&self, sector: u64, value: Value, wrong: Wrong) -> String {
        let value = self.names.of(value);
        if let Wrong::OverwrittenBy(by) = wrong {
            let by = self.names.of(by);
            let place = self.place(sector);
            return format!("{place} had {value}, which {by} had surely overwritten");
        }
        let per = u64::from(self.sectors_per_block);
        let at = u32::try_from(sector % per).expect("a block has at most 2,048 sectors");
        let expected = self.admissible(Block(sector / per), at, 1);
        let expected = expected.into_iter().filter_map(|(_, values)| values).flatten();
        let names: Vec<String> = expected.map(|value| self.names.of(value)).collect();
        format!("{} had {value} instead of {}", self.place(sector), names.join(" or "))
    }

    /// Where a sector is: its block, and which of it, unless it is the first.
    pub(super) fn place(&self, sector: u64) -> String {
        let per = u64::from(self.sectors_per_block);
        match (sector / per, sector % per) {
            (block, 0) => format!("block {block}"),
            (block, at) => format!("sector {at} of block {block}"),
        }
    }

    /// What a sector had, in words.
    pub(super) fn name(&self, value: Value) -> String {
        self.names.of(value)
    }

    /// A read of neighbouring sectors that returned one value.
    fn read(&mut self, block: Block, from: u32, count: u32, read: Read) -> Option<(u32, Wrong)> {
        // Where it goes wrong is found without changing anything, run by run.
        let mut wrong = None;
        self.blocks.each(block.0, from, count, |at, _, cell| {
            let result = match cell {
                Cell::Quiet(value) if value == read.value || value.is_unknown() => Ok(()),
                Cell::Quiet(_) => Err(Wrong::Never),
                Cell::GivenUp => Ok(()),
                Cell::Busy(register) => self.blocks.register(register).judge(read).map(|_| ()),
            };
            if let Err(why) = result {
                wrong = wrong.or(Some((at, why)));
            }
        });
        if wrong.is_none() {
            let floor = self.floor();
            let mut is_waiting = false;
            self.blocks.change(block.0, from, count, |register| {
                let judged = register.read(read);
                debug_assert!(judged.is_ok(), "judged right a moment ago");
                register.prune(floor);
                is_waiting |= register.is_done() && register.settled().is_none();
            });
            if is_waiting {
                self.revisit.push_back((self.now, block.0));
            }
        }
        wrong
    }

    fn judge_compare(
        &mut self,
        block: Block,
        old: &Runs,
        start: Tick,
        error: Option<&HostError>,
        found: &mut Vec<(Block, String)>,
    ) {
        let touch = self.whole(block);
        if error.is_none() {
            if let Some((at, value, wrong)) = self.judge(touch, old, start) {
                let sector = first_sector(touch, self.sectors_per_block) + u64::from(at);
                let what = self.said(sector, value, wrong);
                found.push((block, format!("compared equal, although wrong: {what}")));
            }
        } else if error == Some(&HostError::Miscompare) && self.is_surely(block, old, start) {
            found.push((block, "miscompared, although the old content was there".to_owned()));
        }
        let effect = effect(error);
        self.end_touch(touch, start, effect, found);
        match effect {
            Effect::Done => self.counts.writes += 1,
            Effect::Never => {}
            Effect::Open => self.counts.writes_open += 1,
        }
    }

    /// True if a read from `start` until now can have returned nothing but `runs`.
    fn is_surely(&self, block: Block, runs: &Runs, start: Tick) -> bool {
        let mut all = true;
        let mut from = 0;
        for &(count, value) in runs {
            self.blocks.each(block.0, from, count, |_, _, cell| {
                all &= match cell {
                    Cell::Quiet(quiet) => quiet == value && !value.is_unknown(),
                    Cell::GivenUp => false,
                    Cell::Busy(at) => {
                        let read = Read { value, start, end: self.now };
                        self.blocks.register(at).is_surely(read)
                    }
                };
            });
            from += count;
        }
        all
    }

    /// The earliest start of a read under way, or later than everything so far.
    fn floor(&self) -> Tick {
        self.reading.front().map_or(self.now + 1, |(start, _)| *start)
    }

    /// A read is over: what only it could return can be forgotten.
    fn end_reading(&mut self, start: Tick) {
        if self.reading.front() == Some(&(start, false)) {
            self.reading.pop_front();
        } else if let Ok(at) = self.reading.binary_search_by_key(&start, |(start, _)| *start) {
            self.reading[at].1 = true;
        }
        while self.reading.front().is_some_and(|(_, is_over)| *is_over) {
            self.reading.pop_front();
        }
        let floor = self.floor();
        while let Some((_, block)) = self.revisit.pop_front_if(|(tick, _)| *tick < floor) {
            self.blocks.change(block, 0, self.sectors_per_block, |register| register.prune(floor));
        }
    }
}

/// What an answer says about a write.
fn effect(error: Option<&HostError>) -> Effect {
    match error {
        None => Effect::Done,
        Some(HostError::Miscompare | HostError::NotServing | HostError::OutOfRange) => {
            Effect::Never
        }
        Some(
            HostError::Timeout | HostError::UnknownOutcome | HostError::Media | HostError::InDoubt,
        ) => Effect::Open,
    }
}

/// The blocks that a request overlaps, and which part of each: as [`Sectors::touch`], but without a
/// division, for this runs several times an operation.
fn touches(sectors: Sectors, per: u32) -> impl Iterator<Item = Touch> {
    let shift = per.trailing_zeros();
    let mut left = sectors.count;
    let mut next = sectors.first;
    core::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let offset = u32::try_from(next & u64::from(per - 1)).unwrap_or(0);
        let count = left.min(per - offset);
        let block = Block(next >> shift);
        left -= count;
        next += u64::from(count);
        Some(Touch { block, offset: offset * SECTOR_BYTES, len: count * SECTOR_BYTES })
    })
}

fn first_sector(touch: Touch, per: u32) -> u64 {
    touch.block.0 * u64::from(per) + u64::from(touch.offset / SECTOR_BYTES)
}
