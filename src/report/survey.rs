//! A recording gone through once for what a report says: figures over time, blocks, faults, takeovers.
//!
//! Time is cut into at most [`BUCKETS_MAX`] pieces and blocks into at most [`ROWS`] ranges; both grow as the run
//! does, so that memory does not depend on its length.

use super::hdr::{HdrLog, Kind};
use crate::check::{ReadChecker, Start};
use crate::profile::Profile;
use crate::protocol::id::{AmfId, Block, Epoch, Instant, OpId};
use crate::protocol::table::Table;
use crate::protocol::{Amf, Answer, MsgKind, RequestKind, Source};
use crate::timeline::Fold;
use crate::timeline::fold::step_text;
use crate::trace::recording::{Head, Recorded};
use crate::trace::step::{Control, Step};
use crate::trace::{Counts, Violation};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::VecDeque;

/// Most pieces of time.
pub const BUCKETS_MAX: usize = 240;
/// Ranges of blocks in the heat map.
pub const ROWS: usize = 48;
/// The first pieces are so long, in nanoseconds.
const WIDTH_FIRST: u64 = 1_000_000;
/// Faults and views that are told of.
const MARKS_MAX: usize = 500;
/// Blocks of which something is remembered.
const BLOCKS_MAX: usize = 1 << 20;
/// Writers of a block that are remembered, the newest.
const CHAIN_MAX: usize = 16;
/// Steps between two looks at the counters.
const LOOK: u64 = 32;

/// A piece of time.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Requests answered.
    pub ops: u64,
    /// Of these, errors.
    pub errors: u64,
    /// Blocks touched, and hits among them.
    pub touches: u64,
    /// Hits among the touches.
    pub hits: u64,
    /// Messages between AMFs, first sends.
    pub messages: u64,
    /// Packets lost.
    pub lost: u64,
    /// Latencies in nanoseconds.
    pub latency: Histogram<u64>,
    /// Touches by range of blocks.
    pub heat: [u32; ROWS],
}

impl Bucket {
    fn new() -> Self {
        let latency = Histogram::new(2).expect("2 digits are allowed");
        Self {
            ops: 0,
            errors: 0,
            touches: 0,
            hits: 0,
            messages: 0,
            lost: 0,
            latency,
            heat: [0; ROWS],
        }
    }

    fn join(&mut self, other: &Self) {
        self.ops += other.ops;
        self.errors += other.errors;
        self.touches += other.touches;
        self.hits += other.hits;
        self.messages += other.messages;
        self.lost += other.lost;
        self.latency.add(&other.latency).expect("both grow as needed");
        self.heat.iter_mut().zip(other.heat).for_each(|(sum, more)| *sum += more);
    }
}

/// Something that is marked in the plots.
#[derive(Clone, Debug, Serialize)]
pub struct Mark {
    /// When, in seconds.
    pub at_s: f64,
    /// After which step.
    pub step: u64,
    /// What.
    pub text: String,
    /// It is a fault; else what came of one.
    pub is_fault: bool,
}

/// A block that several AMFs wrote.
#[derive(Clone, Debug, Default)]
pub struct BlockFigures {
    /// Touches of it.
    pub touches: u64,
    /// Of these, answered from another AMF's cache.
    pub transfers: u64,
    /// How often another AMF wrote it than the one before.
    pub moves: u64,
    /// Its newest writers, each time that it moved.
    pub chain: VecDeque<AmfId>,
}

/// How others took over from an AMF.
#[derive(Clone, Debug, Serialize)]
pub struct Takeover {
    /// What was done to it.
    pub fault: String,
    /// When, in seconds.
    pub at_s: f64,
    /// Blocks that others adopted.
    pub blocks: u64,
    /// Milliseconds from the fault to the last of them.
    pub ms: f64,
}

/// Everything that a report is made of.
pub struct Survey {
    /// The recording's head.
    pub head: Head,
    /// Steps that were followed.
    pub steps: u64,
    /// The pieces of time.
    pub buckets: Vec<Bucket>,
    /// Nanoseconds of each.
    pub width: u64,
    /// Blocks of each range.
    pub row_blocks: u64,
    /// Reads, and what else was answered.
    pub reads: u64,
    /// Writes, with what else is none of the others.
    pub writes: u64,
    /// Latencies of reads, in nanoseconds.
    pub read_ns: Histogram<u64>,
    /// Latencies of writes, in nanoseconds.
    pub write_ns: Histogram<u64>,
    /// Counters at the end.
    pub counts: Counts,
    /// Faults and views.
    pub marks: Vec<Mark>,
    /// Takeovers.
    pub takeovers: Vec<Takeover>,
    /// Violations, the first of them, and how many there are.
    pub violations: Vec<Violation>,
    /// All violations.
    pub violations_total: u64,
    /// This program does not come to what was recorded, in words.
    pub trouble: Option<String>,
    /// The last moment.
    pub end: Instant,
    blocks: Table<u64, BlockFigures>,
}

/// Goes through a recording.
pub struct Surveyor {
    survey: Survey,
    fold: Fold,
    checker: ReadChecker,
    open: Table<OpId, (Instant, AmfId, bool, bool)>,
    /// Latencies, if they are logged.
    log: Option<HdrLog<Vec<u8>>>,
    before: Counts,
    epoch: Epoch,
    /// What took an AMF away, when, and the takeovers before and by now, with the time of the last.
    lost: Option<(String, Instant, u64, u64, Instant)>,
}

impl Surveyor {
    /// Before the first step.
    #[must_use]
    pub fn new(profile: &Profile, head: &Head) -> Self {
        let start = if head.origin.blank { Start::Zero } else { Start::Unknown };
        let fold = Fold::new(profile, head);
        let histogram = || Histogram::new(3).expect("3 digits are allowed");
        let survey = Survey {
            head: head.clone(),
            steps: 0,
            buckets: Vec::new(),
            width: WIDTH_FIRST,
            row_blocks: 1,
            reads: 0,
            writes: 0,
            read_ns: histogram(),
            write_ns: histogram(),
            counts: Counts::default(),
            marks: Vec::new(),
            takeovers: Vec::new(),
            violations: Vec::new(),
            violations_total: 0,
            trouble: None,
            end: Instant(0),
            blocks: Table::default(),
        };
        Self {
            survey,
            epoch: fold.world().witness().view().epoch,
            fold,
            checker: ReadChecker::new(profile.config.sectors_per_block(), start),
            open: Table::default(),
            log: None,
            before: Counts::default(),
            lost: None,
        }
    }

    /// Also logs latencies over time; [`Self::end_log`] has the log.
    pub fn log_into(&mut self, log: HdrLog<Vec<u8>>) {
        self.log = Some(log);
    }

    /// The log of latencies so far; no more is logged.
    pub fn end_log(&mut self) -> Option<HdrLog<Vec<u8>>> {
        self.log.take()
    }

    /// The next step; `false`: it cannot be followed, and this is the end.
    pub fn step(&mut self, recorded: &Recorded) -> bool {
        let now = recorded.entry.now;
        self.survey.end = now;
        self.begins(&recorded.entry.step, now);
        let mut answers: Vec<Answer> = Vec::new();
        let applied =
            self.fold.apply_with(recorded, &mut |answer: &Answer| answers.push(answer.clone()));
        for answer in answers {
            for found in self.checker.on_answer(answer.op, &answer, now) {
                self.fold.world_mut().report(&found.checker, found.key, found.text);
            }
            self.answered(&answer, now);
        }
        if applied {
            self.came_of_it(now);
        }
        let is_fault = matches!(&recorded.entry.step, Step::Control(_));
        if is_fault || self.fold.position().is_multiple_of(LOOK) {
            self.look(now);
        }
        applied
    }

    fn begins(&mut self, step: &Step, now: Instant) {
        match step {
            Step::Host { amf, request } if !self.fold.world().is_asked(request.op) => {
                self.checker.on_start(request.op, &request.kind, now);
                let is_read = matches!(request.kind, RequestKind::Read(_));
                self.open.insert(request.op, (now, *amf, is_read, request.kind.is_write()));
            }
            Step::Lose { .. } => self.survey.bucket(now).lost += 1,
            Step::Control(Control::AcceptLoss(_)) => {
                for lost in self.fold.world().doubt() {
                    let blocks = lost.first.0..lost.first.0 + lost.blocks;
                    blocks.for_each(|block| self.checker.forget(Block(block)));
                }
            }
            Step::Control(control) if is_fault(control) => {
                let text = step_text(step);
                if takes_away(control) {
                    self.close();
                    let takeovers = self.takeovers();
                    self.lost = Some((text.clone(), now, takeovers, takeovers, now));
                }
                self.mark(now, self.fold.position() + 1, text, true);
            }
            _ => {}
        }
    }

    /// Blocks that AMFs have adopted so far.
    fn takeovers(&self) -> u64 {
        let world = self.fold.world();
        let up = (0..world.config().amfs).filter_map(|amf| world.amf(AmfId(amf)));
        self.fold.apart().1.takeovers + up.map(|amf: &Amf| amf.stats().takeovers).sum::<u64>()
    }

    /// What the step that was applied last has brought about.
    fn came_of_it(&mut self, now: Instant) {
        let epoch = self.fold.world().witness().view().epoch;
        if epoch != self.epoch {
            self.epoch = epoch;
            self.mark(now, self.fold.position(), format!("view {}", epoch.0), false);
        }
        let Some((.., seen, _)) = self.lost else { return };
        let takeovers = self.takeovers();
        if takeovers > seen
            && let Some((_, _, _, seen, last)) = &mut self.lost
        {
            (*seen, *last) = (takeovers, now);
        }
    }

    fn mark(&mut self, now: Instant, step: u64, text: String, is_fault: bool) {
        if self.survey.marks.len() < MARKS_MAX {
            self.survey.marks.push(Mark { at_s: seconds(now.0), step, text, is_fault });
        }
    }

    fn answered(&mut self, answer: &Answer, now: Instant) {
        let Some((asked, amf, is_read, is_write)) = self.open.remove(&answer.op) else { return };
        let took = now.since(asked).0;
        let survey = &mut self.survey;
        let bucket = survey.bucket(now);
        bucket.ops += 1;
        let Ok(touched) = &answer.result else {
            bucket.errors += 1;
            return;
        };
        bucket.latency.record(took).unwrap_or_default();
        if let Some(log) = self.log.as_mut().filter(|_| is_read || is_write) {
            let kind = if is_read { Kind::Read } else { Kind::Write };
            // It is written into memory.
            log.record(kind, now, took).unwrap_or_default();
        }
        if is_read {
            survey.reads += 1;
            survey.read_ns.record(took).unwrap_or_default();
        } else {
            survey.writes += 1;
            survey.write_ns.record(took).unwrap_or_default();
        }
        for touch in touched {
            survey.touched(now, touch.touch.block.0, touch.hit, touch.source, amf, is_write);
        }
    }

    /// Looks at the counters.
    fn look(&mut self, now: Instant) {
        let counts = self.fold.counts();
        // An AMF that starts again counts from 0: what it had is in none of the later sums.
        let sent = counts.sent_all().saturating_sub(self.before.sent_all());
        self.survey.bucket(now).messages += sent;
        self.survey.counts = counts.clone();
        self.before = counts;
    }

    fn close(&mut self) {
        let Some((fault, since, before, seen, last)) = self.lost.take() else { return };
        if seen > before && self.survey.takeovers.len() < MARKS_MAX {
            let (at_s, ms) = (seconds(since.0), seconds(last.since(since).0) * 1e3);
            self.survey.takeovers.push(Takeover { fault, at_s, blocks: seen - before, ms });
        }
    }

    /// Everything there is to say.
    #[must_use]
    pub fn end(mut self) -> Survey {
        self.look(self.survey.end);
        self.close();
        let world = self.fold.world();
        self.survey.violations = world.violations().to_vec();
        self.survey.violations_total = world.violations_total();
        self.survey.steps = self.fold.position();
        self.survey.trouble = self.fold.trouble().map(ToString::to_string);
        self.survey
    }
}

impl Survey {
    /// The piece of time that this moment is in; all of them become longer if need be.
    fn bucket(&mut self, now: Instant) -> &mut Bucket {
        while now.0 / self.width >= BUCKETS_MAX as u64 {
            self.width *= 2;
            let pairs = self.buckets.chunks(2).map(|pair| {
                let mut joined = pair[0].clone();
                pair[1..].iter().for_each(|other| joined.join(other));
                joined
            });
            self.buckets = pairs.collect();
        }
        let at = usize::try_from(now.0 / self.width).expect("below the number of pieces");
        while self.buckets.len() <= at {
            self.buckets.push(Bucket::new());
        }
        &mut self.buckets[at]
    }

    fn touched(
        &mut self,
        now: Instant,
        block: u64,
        hit: bool,
        source: Source,
        amf: AmfId,
        is_write: bool,
    ) {
        while block / self.row_blocks >= ROWS as u64 {
            self.row_blocks *= 2;
            for bucket in &mut self.buckets {
                let mut joined = [0; ROWS];
                for (row, touches) in bucket.heat.iter().enumerate() {
                    joined[row / 2] += touches;
                }
                bucket.heat = joined;
            }
        }
        let row = usize::try_from(block / self.row_blocks).expect("below the number of ranges");
        let bucket = self.bucket(now);
        bucket.touches += 1;
        bucket.hits += u64::from(hit);
        bucket.heat[row] += 1;
        if self.blocks.len() >= BLOCKS_MAX && !self.blocks.contains(&block) {
            return;
        }
        let figures = self.blocks.get_or_insert_with(block, BlockFigures::default);
        figures.touches += 1;
        figures.transfers += u64::from(matches!(source, Source::Amf(_)));
        if is_write && figures.chain.back() != Some(&amf) {
            figures.moves += u64::from(!figures.chain.is_empty());
            if figures.chain.len() == CHAIN_MAX {
                figures.chain.pop_front();
            }
            figures.chain.push_back(amf);
        }
    }

    /// The blocks that moved between writers most often, at most `most` of them.
    #[must_use]
    pub fn contended(&self, most: usize) -> Vec<(u64, &BlockFigures)> {
        let mut all: Vec<(u64, &BlockFigures)> = self
            .blocks
            .sorted()
            .into_iter()
            .filter(|(_, figures)| figures.moves + figures.transfers > 0)
            .collect();
        all.sort_by_key(|(block, figures)| {
            (core::cmp::Reverse((figures.moves, figures.transfers)), *block)
        });
        all.truncate(most);
        all
    }

    /// Blocks that were touched.
    #[must_use]
    pub fn blocks_touched(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// Requests answered.
    #[must_use]
    pub fn ops(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.ops).sum()
    }

    /// Of these, errors.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.errors).sum()
    }

    /// Hits among all touches; `None`: nothing was touched.
    #[must_use]
    pub fn hit_ratio(&self) -> Option<f64> {
        let sum = |of: fn(&Bucket) -> u64| self.buckets.iter().map(of).sum::<u64>();
        ratio(sum(|bucket| bucket.hits), sum(|bucket| bucket.touches))
    }

    /// First sends by kind, those that there are.
    #[must_use]
    pub fn messages(&self) -> Vec<(&'static str, u64)> {
        let all = MsgKind::ALL.iter().map(|kind| (kind.name(), self.counts.sent(*kind)));
        all.filter(|(_, count)| *count > 0).collect()
    }
}

/// Faults that a report marks: what is done to a cluster, not what it is asked to do.
fn is_fault(control: &Control) -> bool {
    matches!(
        control,
        Control::Crash(_)
            | Control::PowerFail
            | Control::Restart(_)
            | Control::Pause(_)
            | Control::Resume(_)
            | Control::ExpireLease(_)
            | Control::FailDisk(_)
            | Control::ReplaceDisk(_)
            | Control::Corrupt(..)
            | Control::WitnessDown
            | Control::WitnessUp
            | Control::SetProtocol(_)
            | Control::SetDefect(_)
            | Control::CorruptJournal(_)
            | Control::Partition(_)
            | Control::Heal
            | Control::Link(..)
            | Control::SlowDisk(..)
    )
}

fn takes_away(control: &Control) -> bool {
    matches!(
        control,
        Control::Crash(_)
            | Control::PowerFail
            | Control::Pause(_)
            | Control::ExpireLease(_)
            | Control::Partition(_)
    )
}

/// A part of a whole; `None` without a whole.
#[must_use]
pub fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| float(part) / float(whole))
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people: 53 bits are plenty")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

/// Nanoseconds as seconds.
#[must_use]
pub fn seconds(nanos: u64) -> f64 {
    float(nanos) / 1e9
}
