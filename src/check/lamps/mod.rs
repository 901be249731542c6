//! A lamp for every block while a cluster runs: is what hosts saw linearizable?
//!
//! Told of starts and answers like [`ReadChecker`](super::ReadChecker), in the same order, and bounded in
//! time and memory: [`BLOCKS_MAX`] blocks, some hundred names and 16 to 48 operations of each, and a
//! budget for every answer (see `watched`). What does not fit is said to be *unknown*, with the reason;
//! a red lamp is certain.
//!
//! [`past`] keeps what lamps showed of a recording, at each of its positions.
//!
//! What the rule for single reads cannot see, this does: two reads that saw two writes in different
//! orders, a compare-and-write that was torn, sectors of a block from different writes.

mod lit;
pub mod past;
mod watched;
mod window;

use super::names::Names;
use super::reads::Start;
use super::value::{Runs, Value, runs_of, runs_of_write};
use crate::protocol::id::{AmfId, Block, Instant, Key, OpId, SECTOR_BYTES};
use crate::protocol::table::Table;
use crate::protocol::{Answer, Data, HostError, Payload, RequestKind, Sectors, Touch};
use crate::trace::Violation;
use crate::trace::lamps::{self, BlockHistory, Lamp, LampInfo};
use core::ops::Range;
use lit::{Answered, Lit, Told};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;
use watched::{Heard, What};
use window::{Seen, Tick};

/// The name of this checker in [`Violation::checker`].
pub const CHECKER: &str = "linearizability";
/// Blocks that have a lamp, at most: some 4 KiB of memory each.
pub const BLOCKS_MAX: usize = 8_192;
/// Blocks with something under way that one look judges.
const LOOK_MAX: usize = 64;
/// Lost regions that are told apart; after more of them every block may have held anything.
const LOST_MAX: usize = 256;
/// Operations of a contradiction that are told.
const TOLD_MAX: usize = 8;

/// An operation under way: which blocks know it, under which names.
#[derive(Clone, Debug)]
struct Pending {
    amf: AmfId,
    kind: &'static str,
    parts: SmallVec<[(Touch, u32); 1]>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Lamps {
    per: u32,
    start: Start,
    blocks: Table<u64, Lit>,
    pending: Table<OpId, Pending>,
    /// Blocks that wait for a look.
    stale: VecDeque<u64>,
    /// Blocks that may have held anything since hosts lived with a loss.
    lost: Vec<Range<u64>>,
    names: Names,
    now: Tick,
    next_name: u32,
    violated: u64,
    unknown: u64,
    beyond: u64,
    /// Number of the step that happens; 0: not known.
    step: u64,
    /// What happened to which block, if it is to be told again.
    told: Option<Vec<(u64, Told)>>,
}

impl Lamps {
    /// Lamps for a volume with blocks of `sectors_per_block` sectors that hold what `start` says.
    pub fn new(sectors_per_block: u32, start: Start) -> Self {
        Self {
            per: sectors_per_block,
            start,
            blocks: Table::default(),
            pending: Table::default(),
            stale: VecDeque::new(),
            lost: Vec::new(),
            names: Names::default(),
            now: 0,
            next_name: 0,
            violated: 0,
            unknown: 0,
            beyond: 0,
            step: 0,
            told: None,
        }
    }

    /// What is told from now on happens at this step.
    pub fn at_step(&mut self, step: u64) {
        self.step = step;
    }

    /// An operation is given to an engine: see [`ReadChecker::on_start`](super::ReadChecker::on_start).
    pub fn on_start(&mut self, op: OpId, amf: AmfId, kind: &RequestKind, now: Instant) {
        let per = self.per;
        let (sectors, name) = match kind {
            RequestKind::Read(sectors) => (*sectors, "read"),
            RequestKind::Write(sectors, payload) | RequestKind::WriteFua(sectors, payload) => {
                if let Payload::Bytes(bytes) = payload {
                    let data = Data::from_bytes(bytes);
                    self.names.learn(&data, &runs_of(&data, sectors.first));
                }
                (*sectors, "write")
            }
            RequestKind::Zero(sectors) => (*sectors, "zero"),
            RequestKind::CompareAndWrite { block, old, new } => {
                let first = block.0 * u64::from(per);
                self.names.learn(old, &runs_of(old, first));
                self.names.learn(new, &runs_of(new, first));
                (Sectors { first, count: per }, "caw")
            }
            RequestKind::Flush => return,
        };
        let mut pending = Pending { amf, kind: name, parts: SmallVec::new() };
        for index in 0..sectors.touches(per) {
            let touch = sectors.touch(index, per);
            let what = what(kind, touch, per);
            if let Some(name) = self.start_part(op, &pending, touch, &what, now) {
                pending.parts.push((touch, name));
            }
        }
        self.pending.insert(op, pending);
    }

    /// Its part in one block; `None`: that has no lamp.
    fn start_part(
        &mut self,
        op: OpId,
        of: &Pending,
        touch: Touch,
        what: &What,
        now: Instant,
    ) -> Option<u32> {
        let block = touch.block.0;
        if !self.blocks.contains(&block) && self.blocks.len() >= BLOCKS_MAX {
            self.beyond += 1;
            return None;
        }
        self.now += 1;
        self.next_name = self.next_name.wrapping_add(1);
        let is_used = self.is_used(block);
        let per = self.per;
        self.blocks.get_or_insert_with(block, || Lit::new(per, is_used));
        let (values, old) = match what {
            What::Read => (Runs::new(), Runs::new()),
            What::Write(_, runs) => (runs.clone(), Runs::new()),
            What::Swap { old, new } => (new.clone(), old.clone()),
        };
        let seen = Seen {
            op,
            name: self.next_name,
            amf: of.amf,
            kind: of.kind,
            part: (touch.offset / SECTOR_BYTES, touch.len / SECTOR_BYTES),
            values,
            old,
            start: now,
            end: None,
            starts: self.now,
            ends: None,
            steps: (self.step, 0),
            result: "none",
            is_cut: false,
        };
        self.tell(block, Told::Start(seen));
        Some(self.next_name)
    }

    /// A block without a lamp may hold anything.
    fn is_used(&self, block: u64) -> bool {
        self.start == Start::Unknown || self.lost.iter().any(|lost| lost.contains(&block))
    }

    /// Something happens to a block. True: a look is worth while.
    fn tell(&mut self, block: u64, told: Told) -> bool {
        if let Some(all) = &mut self.told {
            all.push((block, told.clone()));
        }
        let Some(lit) = self.blocks.get_mut(&block) else { return false };
        let before = lit.lamp;
        let is_open = lit.tell(told);
        let after = lit.lamp;
        self.relight(before, after);
        is_open
    }

    /// It was answered: what that contradicts, and at which AMF.
    pub fn on_answer(&mut self, answer: &Answer, now: Instant) -> Vec<(AmfId, Violation)> {
        let mut found = Vec::new();
        let Some(pending) = self.pending.remove(&answer.op) else { return found };
        let result = answer.result.as_ref().map_or_else(|error| error.name(), |_| "ok");
        for (touch, name) in &pending.parts {
            self.now += 1;
            let heard = heard(answer, *touch, pending.kind, self.per);
            let (op, name, tick, step) = (answer.op, *name, self.now, self.step);
            let block = touch.block.0;
            let was_red = self.is_red(block);
            let answered = Answered { op, name, now, tick, step, result, heard };
            let is_open = self.tell(block, Told::Answer(answered));
            if let Some(lit) = self.blocks.get_mut(&block)
                && is_open
                && !lit.is_stale
            {
                lit.is_stale = true;
                self.stale.push_back(block);
            }
            found.extend(self.found(block, was_red));
        }
        found
    }

    /// Judges blocks on which something is still under way; as many as one look may.
    pub fn look(&mut self) -> Vec<(AmfId, Violation)> {
        let mut found = Vec::new();
        for _ in 0..LOOK_MAX {
            let Some(block) = self.stale.pop_front() else { break };
            let was_red = self.is_red(block);
            let Some(lit) = self.blocks.get_mut(&block) else { continue };
            let before = lit.lamp;
            lit.look();
            let after = lit.lamp;
            self.relight(before, after);
            found.extend(self.found(block, was_red));
        }
        found
    }

    /// Judges every block on which something is still under way: what contradicts itself is known at the
    /// answer that makes it certain.
    pub fn look_at_all(&mut self) -> Vec<(AmfId, Violation)> {
        let mut found = Vec::new();
        while !self.stale.is_empty() {
            found.extend(self.look());
        }
        found
    }

    fn is_red(&self, block: u64) -> bool {
        self.blocks.get(&block).is_some_and(|lit| lit.wrong.is_some())
    }

    /// What has just been shown about a block, and the AMF that gave the answer.
    fn found(&self, block: u64, was_red: bool) -> Option<(AmfId, Violation)> {
        let (_, amf) = self.blocks.get(&block)?.wrong.filter(|_| !was_red)?;
        let history = self.history(Block(block));
        let text = history.map_or_else(String::new, |history| told(&history));
        let key = Some(Key::Block(Block(block)));
        let (text, step) = (format!("b{block}: {text}"), self.step);
        Some((amf, Violation { checker: CHECKER.to_owned(), key, text, step }))
    }

    /// Counts lamps by what they show.
    fn relight(&mut self, before: Lamp, after: Lamp) {
        for (count, of) in
            [(&mut self.violated, Lamp::Violated), (&mut self.unknown, Lamp::Unknown)]
        {
            *count += u64::from(after == of);
            *count -= u64::from(before == of);
        }
    }

    /// Hosts live with the loss of what these blocks held: they may hold anything from now on.
    pub fn forget(&mut self, first: Block, blocks: u64) {
        let end = first.0.saturating_add(blocks);
        let held = self.blocks.keys_sorted();
        for block in held.into_iter().filter(|block| (first.0..end).contains(block)) {
            self.tell(block, Told::Forget);
        }
        // Those that have no lamp yet will not begin with zeroes.
        self.lost.push(first.0..end);
        self.lost.sort_by_key(|range| (range.start, range.end));
        self.lost.dedup();
        if self.lost.len() > LOST_MAX {
            self.start = Start::Unknown;
            self.lost.clear();
        }
    }

    /// What the lamps show; with each block's, and a block's operations, if they are asked for.
    pub fn shown(&self, each: bool, history: Option<Block>) -> lamps::Lamps {
        let blocks = if each { self.each() } else { Arc::default() };
        lamps::Lamps {
            violated: self.violated,
            unknown: self.unknown,
            linearizable: self.blocks.len() as u64 - self.violated - self.unknown,
            beyond: self.beyond,
            until: None,
            blocks,
            history: history.and_then(|block| self.history(block)).map(Arc::new),
        }
    }

    fn each(&self) -> Arc<[LampInfo]> {
        let info = |(block, lit): (u64, &Lit)| {
            let (under_way, open) = lit.watched.pending();
            let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            LampInfo {
                block: Block(block),
                lamp: lit.lamp,
                ops: lit.ops,
                under_way: small(under_way),
                open: small(open),
                since: None,
                why: lit.why(),
            }
        };
        let mut all: Vec<LampInfo> = self.blocks.sorted().into_iter().map(info).collect();
        all.sort_by_key(|info| info.lamp);
        all.into()
    }

    fn history(&self, block: Block) -> Option<BlockHistory> {
        Some(self.blocks.get(&block.0)?.history(block, self.per, &self.names))
    }
}

/// What a request means to do with one block.
fn what(kind: &RequestKind, touch: Touch, per: u32) -> What {
    let from = touch.offset / SECTOR_BYTES;
    match kind {
        RequestKind::Read(_) | RequestKind::Flush => What::Read,
        RequestKind::Write(sectors, payload) | RequestKind::WriteFua(sectors, payload) => {
            What::Write(from, runs_of_write(payload, sectors.first, touch, per))
        }
        RequestKind::Zero(_) => {
            What::Write(from, Runs::from_buf([(touch.len / SECTOR_BYTES, Value::ZERO)]))
        }
        RequestKind::CompareAndWrite { block, old, new } => {
            let first = block.0 * u64::from(per);
            What::Swap { old: runs_of(old, first), new: runs_of(new, first) }
        }
    }
}

/// What an answer says about one block.
fn heard(answer: &Answer, touch: Touch, kind: &str, per: u32) -> Heard {
    match &answer.result {
        Ok(touched) if kind == "read" => {
            let data = touched.iter().find(|one| one.touch == touch);
            let data = data.and_then(|one| one.data.as_ref());
            let Some(data) = data.filter(|data| data.len() == touch.len) else {
                // The checker of reads says so.
                return Heard::Failed;
            };
            let from = touch.offset / SECTOR_BYTES;
            let first = touch.block.0 * u64::from(per) + u64::from(from);
            Heard::Found(from, runs_of(data, first))
        }
        Ok(_) => Heard::Done,
        Err(HostError::Miscompare) => Heard::Missed,
        Err(HostError::NotServing | HostError::OutOfRange) => Heard::Failed,
        Err(
            HostError::Timeout | HostError::UnknownOutcome | HostError::Media | HostError::InDoubt,
        ) => Heard::Unknown,
    }
}

/// The operations that contradict each other.
fn told(history: &BlockHistory) -> String {
    let words = |at: &u32| {
        let op = &history.ops[*at as usize];
        let result = if op.result == "ok" { "" } else { &op.result };
        format!("op{} {} {} {} {result}", op.op.0, op.amf, op.kind, op.value).trim_end().to_owned()
    };
    if history.conflict.is_empty() {
        return history.said.clone();
    }
    let ops: Vec<String> = history.conflict.iter().take(TOLD_MAX).map(words).collect();
    let more = history.conflict.len().saturating_sub(TOLD_MAX);
    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    format!("these contradict each other: {}{more}", ops.join(" | "))
}
