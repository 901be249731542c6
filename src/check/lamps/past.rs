//! What was known of a recording at each of its positions, without going through it again.
//!
//! While a recording is opened this watches every step. Of each block it keeps a mark for every start and
//! answer (what the lamp showed then), the starts and answers themselves in short, and now and then all
//! that is known of the block. So the lamps of a position are a look at the last mark of each block, and
//! the operations of one block are told again from the last time it was kept, some hundred at most.
//!
//! What is shown at a position is what had happened by then. Unlike with a cluster that runs, a block is
//! looked at after each of its answers: a contradiction is known at the step that makes it certain.
//! Memory is bounded (`BYTES_MAX`); what comes after that is said to be not judged.

use super::Lamps;
use super::lit::{Lit, Told, why};
use crate::check::reads::{self, ReadChecker, Start};
use crate::protocol::Answer;
use crate::protocol::id::{Block, Epoch, Instant, OpId};
use crate::protocol::table::Table;
use crate::timeline::{Verdicts, Watch};
use crate::trace::lamps::{self, BlockHistory, Lamp, LampInfo};
use crate::trace::step::{Control, Step, StepEntry};
use crate::trace::{Ask, Snapshot, Violation};
use crate::world::World;
use std::sync::Arc;

/// Bytes that are kept, by estimate.
const BYTES_MAX: usize = 384 << 20;
/// Starts and answers of a block, after which all that is known of it is kept.
const KEEP_EVERY: u32 = 512;
/// Violations that are kept in words; more are only counted.
const VIOLATIONS_MAX: usize = 100;
/// Violations whose steps are kept.
const COUNTED_MAX: usize = 1 << 20;
/// Faults and views that are kept.
const FAULTS_MAX: usize = 1 << 14;
/// The mark of a red lamp.
const RED: u8 = u8::MAX;

/// What a lamp showed after a step.
#[derive(Clone, Copy, Debug)]
struct Mark {
    step: u64,
    ops: u32,
    under_way: u16,
    open: u8,
    /// 0: green; [`RED`]; else which reason it was unknown for, from 1.
    why: u8,
}

/// A block as it was.
#[derive(Clone, Debug)]
struct Kept {
    step: u64,
    /// What happened later begins at this byte.
    from: usize,
    lit: Lit,
}

/// What is kept of a block.
#[derive(Clone, Debug, Default)]
struct Trail {
    marks: Vec<Mark>,
    /// Starts and answers, one after the other, each with its step.
    told: Vec<u8>,
    kept: Vec<Kept>,
    /// Starts and answers since the last of these.
    since: u32,
    red: Option<(u64, OpId)>,
}

impl Trail {
    /// The last mark at or before a step.
    fn mark(&self, step: u64) -> Option<&Mark> {
        let after = self.marks.partition_point(|mark| mark.step <= step);
        self.marks.get(after.checked_sub(1)?)
    }

    fn info(&self, block: u64, step: u64, reasons: &[&'static str]) -> Option<LampInfo> {
        let mark = self.mark(step)?;
        let red = self.red.filter(|_| mark.why == RED);
        let reason = usize::from(mark.why).checked_sub(1).and_then(|at| reasons.get(at)).copied();
        Some(LampInfo {
            block: Block(block),
            lamp: mark.lamp(),
            ops: u64::from(mark.ops),
            under_way: u32::from(mark.under_way),
            open: u32::from(mark.open),
            since: red.map(|(step, _)| step),
            why: why(red.map(|(_, op)| op), reason),
        })
    }

    /// The block as it was after a step.
    fn at(&self, step: u64) -> Option<Lit> {
        let after = self.kept.partition_point(|kept| kept.step <= step);
        let Kept { from, lit, .. } = self.kept.get(after.checked_sub(1)?)?;
        let (mut lit, mut rest) = (lit.clone(), &self.told[*from..]);
        while let Ok(((at, told), left)) = postcard::take_from_bytes::<(u64, Told)>(rest) {
            if at > step {
                break;
            }
            rest = left;
            if lit.tell(told) {
                lit.look();
            }
        }
        Some(lit)
    }
}

impl Mark {
    fn lamp(&self) -> Lamp {
        match self.why {
            RED => Lamp::Violated,
            0 => Lamp::Linearizable,
            _ => Lamp::Unknown,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Past {
    lamps: Lamps,
    reads: ReadChecker,
    trails: Table<u64, Trail>,
    /// Why lamps were unknown.
    reasons: Vec<&'static str>,
    found: Vec<Violation>,
    /// Steps of all violations.
    counted: Vec<u64>,
    /// Steps of operations that no lamp knows of.
    beyond: Vec<u64>,
    faults: Vec<(Instant, String)>,
    epoch: Epoch,
    step: u64,
    now: Instant,
    requests: u64,
    answers: u64,
    bytes: usize,
    bytes_max: usize,
    /// No lamp knows what came later.
    until: Option<u64>,
    /// The newest list of all lamps, and of which step it is.
    each: Option<(u64, Arc<[LampInfo]>)>,
}

impl Past {
    /// Before the first step of a recording with blocks of so many sectors, that hold what `start` says.
    #[must_use]
    pub fn new(sectors_per_block: u32, start: Start) -> Self {
        Self::bounded(sectors_per_block, start, BYTES_MAX)
    }

    /// The same, in so many bytes.
    #[must_use]
    pub fn bounded(sectors_per_block: u32, start: Start, bytes_max: usize) -> Self {
        let mut lamps = Lamps::new(sectors_per_block, start);
        lamps.told = Some(Vec::new());
        Self {
            lamps,
            reads: ReadChecker::new(sectors_per_block, start),
            trails: Table::default(),
            reasons: Vec::new(),
            found: Vec::new(),
            counted: Vec::new(),
            beyond: Vec::new(),
            faults: Vec::new(),
            epoch: Epoch(0),
            step: 0,
            now: Instant(0),
            requests: 0,
            answers: 0,
            bytes: 0,
            bytes_max,
            until: None,
            each: None,
        }
    }

    /// Requests and answers seen.
    #[must_use]
    pub fn seen(&self) -> (u64, u64) {
        (self.requests, self.answers)
    }

    /// No lamp knows what came after this step, for want of memory.
    #[must_use]
    pub fn until(&self) -> Option<u64> {
        self.until
    }

    /// The violations that had been found after a step, the first hundred in words, and how many.
    #[must_use]
    pub fn violations(&self, step: u64) -> (&[Violation], u64) {
        let words = self.found.partition_point(|found| found.step <= step);
        let all = self.counted.partition_point(|at| *at <= step);
        (&self.found[..words], all as u64)
    }

    /// What the lamps showed after a step; with each block's, and a block's operations, if they are
    /// asked for.
    pub fn shown(&mut self, step: u64, each: bool, history: Option<Block>) -> lamps::Lamps {
        let all = self.each(step);
        let count = |lamp| all.iter().filter(|info| info.lamp == lamp).count() as u64;
        lamps::Lamps {
            violated: count(Lamp::Violated),
            unknown: count(Lamp::Unknown),
            linearizable: count(Lamp::Linearizable),
            beyond: self.beyond.partition_point(|at| *at <= step) as u64,
            until: self.until.filter(|until| *until < step),
            history: history.and_then(|block| self.history(step, block)).map(Arc::new),
            blocks: if each { all } else { Arc::default() },
        }
    }

    /// Every lamp after a step, worst first.
    fn each(&mut self, step: u64) -> Arc<[LampInfo]> {
        if let Some((at, all)) = &self.each
            && *at == step
        {
            return Arc::clone(all);
        }
        let trails = self.trails.sorted().into_iter();
        let infos = trails.filter_map(|(block, trail)| trail.info(block, step, &self.reasons));
        let mut all: Vec<LampInfo> = infos.collect();
        all.sort_by_key(|info| info.lamp);
        let all: Arc<[LampInfo]> = all.into();
        self.each = Some((step, Arc::clone(&all)));
        all
    }

    fn history(&self, step: u64, block: Block) -> Option<BlockHistory> {
        let lit = self.trails.get(&block.0)?.at(step)?;
        if lit.ops == 0 {
            return None;
        }
        let mut history = lit.history(block, self.lamps.per, &self.lamps.names);
        let first = history.ops.iter().map(|op| op.start).min()?;
        let from = self.faults.partition_point(|(at, _)| *at < first);
        let ends = |op: &lamps::SeenOp| op.end.unwrap_or(Instant::NEVER);
        let last = history.ops.iter().map(ends).max()?;
        let shown = self.faults[from..].iter().take_while(|(at, _)| *at <= last);
        history.faults = shown.cloned().collect();
        Some(history)
    }

    // ---- while the recording is opened

    fn take(&mut self, violation: Violation) {
        let is_same =
            |other: &Violation| other.key == violation.key && other.checker == reads::CHECKER;
        if violation.checker == super::CHECKER && self.found.iter().any(is_same) {
            return;
        }
        if self.counted.len() < COUNTED_MAX {
            self.counted.push(self.step);
        }
        if self.found.len() < VIOLATIONS_MAX {
            self.found.push(Violation { step: self.step, ..violation });
        }
    }

    /// Judges blocks on which something is still under way.
    fn look(&mut self) {
        for (_, violation) in self.lamps.look_at_all() {
            self.take(violation);
        }
    }

    /// Keeps what this step has done to blocks.
    fn keep(&mut self) {
        let told = self.lamps.told.replace(Vec::new()).unwrap_or_default();
        let mut blocks: Vec<u64> = told.iter().map(|(block, _)| *block).collect();
        for (block, told) in told {
            let trail = self.trails.get_or_insert_with(block, Trail::default);
            if trail.kept.is_empty() {
                let lit = Lit::new(self.lamps.per, self.lamps.is_used(block));
                self.bytes += lit.weight() + size_of::<Trail>();
                trail.kept.push(Kept { step: 0, from: 0, lit });
            }
            let had = trail.told.len();
            if let Ok(bytes) = postcard::to_allocvec(&(self.step, told)) {
                trail.told.extend_from_slice(&bytes);
            }
            trail.since += 1;
            self.bytes += trail.told.len() - had;
        }
        blocks.dedup();
        for block in blocks {
            self.mark(block);
            self.keep_whole(block);
        }
        if self.bytes > self.bytes_max {
            self.until = Some(self.step);
        }
    }

    /// What the lamp of a block shows now.
    fn mark(&mut self, block: u64) {
        let Some(lit) = self.lamps.blocks.get(&block) else { return };
        let Some(trail) = self.trails.get_mut(&block) else { return };
        let (under_way, open) = lit.watched.pending();
        let reasons = &mut self.reasons;
        let why = match (lit.lamp, lit.watched.unknown()) {
            (Lamp::Violated, _) => RED,
            (_, None) => 0,
            (_, Some(reason)) => {
                let at = reasons.iter().position(|one| *one == reason).unwrap_or_else(|| {
                    reasons.push(reason);
                    reasons.len() - 1
                });
                u8::try_from(at + 1).unwrap_or(RED - 1)
            }
        };
        let mark = Mark {
            step: self.step,
            ops: u32::try_from(lit.ops).unwrap_or(u32::MAX),
            under_way: u16::try_from(under_way).unwrap_or(u16::MAX),
            open: u8::try_from(open).unwrap_or(u8::MAX),
            why,
        };
        if why == RED && trail.red.is_none() {
            trail.red = lit.wrong.map(|(op, _)| (self.step, op));
        }
        match trail.marks.last_mut() {
            Some(last) if last.step == self.step => *last = mark,
            Some(_) | None => {
                self.bytes += size_of::<Mark>();
                trail.marks.push(mark);
            }
        }
    }

    /// Keeps all that is known of a block, if enough has happened to it since the last time.
    fn keep_whole(&mut self, block: u64) {
        let Some(lit) = self.lamps.blocks.get(&block) else { return };
        let Some(trail) = self.trails.get_mut(&block) else { return };
        if trail.since >= KEEP_EVERY {
            self.bytes += lit.weight();
            trail.kept.push(Kept { step: self.step, from: trail.told.len(), lit: lit.clone() });
            trail.since = 0;
        }
    }

    fn fault(&mut self, text: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push((self.now, text));
        }
    }
}

impl Watch for Past {
    fn before(&mut self, entry: &StepEntry, world: &World) {
        (self.step, self.now) = (self.step + 1, entry.now);
        self.lamps.at_step(self.step);
        match &entry.step {
            Step::Host { amf, request } if !world.is_asked(request.op) => {
                self.requests += 1;
                self.reads.on_start(request.op, &request.kind, entry.now);
                if self.until.is_some() {
                    return;
                }
                let beyond = self.lamps.beyond;
                self.lamps.on_start(request.op, *amf, &request.kind, entry.now);
                if self.lamps.beyond > beyond {
                    self.beyond.push(self.step);
                    self.bytes += size_of::<u64>();
                }
            }
            Step::Control(control) => {
                if let Control::AcceptLoss(_) = control {
                    for lost in world.doubt() {
                        let blocks = lost.first.0..lost.first.0 + lost.blocks;
                        blocks.for_each(|block| self.reads.forget(Block(block)));
                        self.lamps.forget(lost.first, lost.blocks);
                    }
                }
                if World::is_fault(control) {
                    self.fault(World::control_text(control));
                }
            }
            Step::Host { .. }
            | Step::Deliver { .. }
            | Step::Lose { .. }
            | Step::Tick { .. }
            | Step::Store { .. }
            | Step::Journal { .. } => {}
        }
    }

    fn answered(&mut self, answer: &Answer) {
        self.answers += 1;
        for violation in self.reads.on_answer(answer.op, answer, self.now) {
            self.take(violation);
        }
        if self.until.is_none() {
            for (_, violation) in self.lamps.on_answer(answer, self.now) {
                self.take(violation);
            }
            self.look();
        }
    }

    fn after(&mut self, _: u64, world: &World) {
        let view = world.witness().view();
        if view.epoch != self.epoch {
            self.epoch = view.epoch;
            // The first is no event.
            if self.step > 1 {
                let members: Vec<String> =
                    view.members.iter().map(|(amf, _)| amf.to_string()).collect();
                self.fault(format!("view {}: {}", view.epoch.0, members.join(" ")));
            }
        }
        if self.until.is_none() {
            self.keep();
        }
    }
}

impl Verdicts for Past {
    fn violations(&self) -> &[u64] {
        &self.counted
    }

    fn add(&mut self, snapshot: &mut Snapshot, ask: &Ask) {
        let step = snapshot.step;
        snapshot.lamps = Some(self.shown(step, ask.lamps, ask.history));
        let (words, all) = self.violations(step);
        snapshot.violations.extend(words.iter().cloned());
        snapshot.violations.sort_by_key(|violation| violation.step);
        snapshot.violations.truncate(VIOLATIONS_MAX);
        snapshot.violations_total += all;
    }
}
