//! Puts load on a cluster: generators or a replay in, answers out, each judged as it comes.
//!
//! One thread drives any engine. A request is told to the checker right after the engine has it and
//! before any answer is taken, which is as good as before (see `check::reads`). Nothing is allocated
//! for a request once the tables have grown.
//!
//! Reading order: here, who is asked and what is answered; [`begin`] (sources and figures), [`faults`] (the
//! fault schedule), [`outputs`] (what is written beside the report).

mod begin;
mod faults;
mod outputs;

use super::export::Exports;
use super::hdr::Hdr;
use super::metrics::Board;
use super::progress::Progress;
use super::recovery::{Recovery, Watch};
use super::tally::{Doing, Tally};
use crate::check::history::Recorder;
use crate::check::{ReadChecker, Start};
use crate::profile::{Profile, Schedule, WorkloadSpec};
use crate::protocol::id::{AmfId, AmfSet, Instant, OpId, Span};
use crate::protocol::table::Table;
use crate::protocol::{HostError, RequestKind};
use crate::session::AnyEngine;
use crate::trace::engine::{Advance, EngineError, Progress as Moved};
use crate::trace::{Completion, Counts, Violation};
use crate::workload::{Feed, Next, Path, Planned};
use std::collections::VecDeque;
use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Wall};

/// Findings that are kept in words; all are counted.
pub(super) const FINDINGS_MAX: usize = 100;
/// Requests given in one go by one source.
const BURST_MAX: u32 = 1_024;
/// A live cluster is looked at again after this: ctrl-c and the bar wait for it.
const LOOK_AGAIN: Span = Span::millis(50);

/// A source of requests under way.
pub(super) struct Lane {
    pub(super) name: String,
    feed: Box<dyn Feed>,
    is_done: bool,
    /// When its first request is due.
    first_at: Instant,
    /// When its warm-up is over; if it has none, nobody waits for it.
    warm_at: Instant,
    /// Its requests are among the figures.
    is_counted: bool,
    /// What it was answered, as far as that counts.
    pub(super) tally: Tally,
}

/// Where the figures begin.
#[derive(Clone, Debug)]
struct Begun {
    /// Wall time.
    wall: Wall,
    /// The cluster's clock.
    now: Instant,
    /// The cluster's counters.
    counts: Counts,
}

/// What the figures are about.
pub(super) struct Measured {
    /// Counters from when they began to when the last request was answered.
    pub(super) counts: Counts,
    /// Wall time of the same.
    pub(super) elapsed: Duration,
    /// The same on the cluster's clock, in nanoseconds.
    pub(super) cluster_ns: u64,
    /// Before that, on the cluster's clock.
    pub(super) warmup_ns: u64,
}

/// A request that has no answer yet.
#[derive(Clone, Debug)]
struct Open {
    /// `None`: the fault schedule asked.
    lane: Option<u16>,
    /// Whose place in the queue it has, whoever is asked now.
    amf: AmfId,
    kind: RequestKind,
    is_counted: bool,
    /// Whom else its host may ask.
    path: Path,
    /// When it was made first, once it was made again.
    since: Option<Instant>,
}

/// When a run is over.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End {
    /// After so many requests that count.
    pub(super) ops: Option<u64>,
    /// After this time on the cluster's clock, behind the warm-up.
    pub(super) duration: Option<Span>,
}

/// A cluster under load.
pub(super) struct Load {
    pub(super) engine: AnyEngine,
    pub(super) checker: ReadChecker,
    pub(super) tally: Tally,
    /// What was found wrong, the first hundred; all are counted.
    pub(super) findings: Vec<Violation>,
    pub(super) violations: u64,
    /// Events of the fault schedule, and what could not be done of it.
    pub(super) remarks: Vec<String>,
    pub(super) was_interrupted: bool,
    /// When the figures began; `None`: the warm-up is not over.
    begun: Option<Begun>,
    /// The workloads warm up: figures begin later.
    warms_up: bool,
    /// When the load began.
    started: Instant,
    profile: Profile,
    pub(super) lanes: Vec<Lane>,
    /// Generators that begin once the one before them has ended.
    waiting: Vec<WorkloadSpec>,
    /// Requests of each generator in all, split among its AMFs beforehand.
    split: Option<u64>,
    recovery: Option<Watch>,
    /// Sources started so far: each writes stamps of its own.
    writers: u32,
    open: Table<OpId, Open>,
    deadlines: VecDeque<(Instant, OpId)>,
    faults: Schedule,
    history: Option<Recorder<BufWriter<File>>>,
    exports: Option<Exports>,
    /// Where latencies are logged.
    hdr: Option<Hdr>,
    /// Where figures are put while it runs.
    board: Option<Arc<Board>>,
    /// No bars: somebody else has one.
    is_quiet: bool,
    /// What blocks held before.
    start: Start,
    interrupted: Arc<AtomicBool>,
}

impl Load {
    /// A cluster without load yet. `start`: what its disks hold. `first_writer`: stamps of this run
    /// carry this and the following writers.
    pub(super) fn new(
        engine: AnyEngine,
        profile: &Profile,
        start: Start,
        first_writer: u32,
        interrupted: Arc<AtomicBool>,
    ) -> Self {
        Self {
            engine,
            checker: ReadChecker::new(profile.config.sectors_per_block(), start),
            tally: Tally::new(),
            findings: Vec::new(),
            violations: 0,
            remarks: Vec::new(),
            was_interrupted: false,
            begun: None,
            warms_up: false,
            started: Instant(0),
            lanes: Vec::new(),
            waiting: Vec::new(),
            split: None,
            recovery: None,
            writers: first_writer,
            open: Table::default(),
            deadlines: VecDeque::new(),
            faults: Schedule::new(profile, Instant(0)),
            profile: profile.clone(),
            history: None,
            exports: None,
            hdr: None,
            board: None,
            is_quiet: false,
            start,
            interrupted,
        }
    }

    /// Ctrl-c came after the last request: what is left of the end is left out.
    pub(super) fn is_cut_short(&self) -> bool {
        !self.was_interrupted && self.interrupted.load(Ordering::Relaxed)
    }

    /// Shows no bars of its own.
    pub(super) fn be_quiet(&mut self) {
        self.is_quiet = true;
    }

    /// A bar, unless somebody else has one.
    pub(super) fn bar(&self, progress: Progress) -> Progress {
        if self.is_quiet { Progress::none() } else { progress }
    }

    /// Becomes true when the user wants an end.
    pub(super) fn interrupted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupted)
    }

    /// The AMFs that hosts may use.
    pub(super) fn users(&self) -> AmfSet {
        self.profile.config.users()
    }

    /// Each generator that counts and says nothing itself makes so many requests in all, split evenly among
    /// its AMFs beforehand; the run ends with them.
    pub(super) fn split_evenly(&mut self, ops: u64) {
        self.split = Some(ops);
    }

    /// Sees how long it takes until others have taken over from an AMF that a fault takes away.
    pub(super) fn watch_recovery(&mut self) {
        self.recovery = Some(Watch::default());
    }

    /// What was seen of that.
    pub(super) fn recoveries(&mut self) -> Vec<Recovery> {
        self.recovery.as_mut().map(Watch::end).unwrap_or_default()
    }

    /// True if the run has a given number of requests, and all of them are answered.
    fn has_served_all(&self) -> bool {
        let waits = self.waiting.iter().any(|spec| spec.counted);
        let is_open = |lane: &Lane| lane.is_counted && !lane.is_done;
        self.split.is_some() && !waits && !self.lanes.iter().any(is_open) && self.faults.is_over()
    }

    /// The writer in the stamps of the source that is started next.
    pub(super) fn next_writer(&self) -> u32 {
        self.writers
    }

    /// How long a request may take.
    pub(super) fn timeout(&self) -> Span {
        self.profile.host.timeout
    }

    /// Runs until every source has ended, or `end`, or ctrl-c; and until everything is answered. Faults
    /// that have not been ended by then are ended.
    pub(super) fn run(&mut self, end: End, progress: &mut Progress) -> Result<(), EngineError> {
        let ops_max = end.ops.unwrap_or(u64::MAX);
        let mut is_ending = false;
        self.started = self.engine.now();
        loop {
            let now = self.engine.now();
            self.give_up_late(now);
            self.begin_waiting();
            self.begin_figures(now);
            let until = match (&self.begun, end.duration) {
                (Some(begun), Some(time)) => begun.now + time,
                _ => Instant::NEVER,
            };
            self.was_interrupted |= self.interrupted.load(Ordering::Relaxed);
            let is_over = now >= until || self.tally.ops() >= ops_max || self.has_served_all();
            if !is_ending && (self.was_interrupted || is_over) {
                is_ending = true;
                self.waiting.clear();
                self.lanes.iter_mut().for_each(|lane| lane.feed.stop());
            }
            let mut wake = if is_ending { Instant::NEVER } else { self.do_faults(now, until) };
            // Sources that were stopped give nothing more, and must be heard to have ended.
            let most = if is_ending { u64::MAX } else { ops_max };
            wake = wake.min(self.submit(now, most)).min(self.next_warm(now));
            wake = wake.min(self.look_at_recovery(now));
            let all_given = self.lanes.iter().all(|lane| lane.is_done);
            let all_begun = self.waiting.is_empty();
            if all_given
                && all_begun
                && self.open.is_empty()
                && (is_ending || self.faults.is_over())
            {
                self.heal();
                return Ok(());
            }
            let time = self.begun.as_ref().map_or(Span(0), |begun| now.since(begun.now));
            progress.at_time(self.tally.ops(), time);
            self.put_if_wanted();
            if self.take_answers() {
                continue;
            }
            if all_given && !all_begun {
                // The next one begins at once.
                continue;
            }
            if !is_ending {
                wake = wake.min(until);
            }
            self.advance(wake)?;
        }
    }

    /// Lets time pass until an answer comes, at most to `wake`.
    fn advance(&mut self, wake: Instant) -> Result<(), EngineError> {
        let late = self.deadlines.front().map_or(Instant::NEVER, |(at, _)| *at);
        let until = wake.min(late).min(self.engine.now() + LOOK_AGAIN);
        loop {
            match self.engine.advance(Advance { until, steps_max: 1 })? {
                Moved::Stepped if !self.take_answers() => {}
                Moved::Stepped | Moved::Deadline => return Ok(()),
                Moved::Idle => {
                    // Nothing will happen at any time: who waits has waited to the end.
                    self.give_up_late(Instant::NEVER);
                    return Ok(());
                }
            }
        }
    }

    /// Gives what is due. When the next request is due; [`Instant::NEVER`] if an answer comes first.
    fn submit(&mut self, now: Instant, ops_max: u64) -> Instant {
        let mut wake = Instant::NEVER;
        for index in 0..self.lanes.len() {
            let number = u16::try_from(index).expect("a run has few sources");
            for turn in 0.. {
                if self.tally.ops() >= ops_max {
                    return now;
                }
                if turn == BURST_MAX {
                    wake = now;
                    break;
                }
                let lane = &mut self.lanes[index];
                match lane.feed.poll(now) {
                    Next::Submit(planned) => self.give(Some(number), planned, now),
                    Next::WaitUntil(at) => {
                        wake = wake.min(at);
                        break;
                    }
                    Next::WaitCompletion => break,
                    Next::Done => {
                        lane.is_done = true;
                        break;
                    }
                }
            }
        }
        wake
    }

    fn give(&mut self, lane: Option<u16>, planned: Planned, now: Instant) {
        let Planned { amf, kind, at: _ } = planned;
        let op = self.engine.host(amf, kind.clone());
        self.checker.on_start(op, &kind, now);
        if let Some(history) = &mut self.history {
            history.on_start(op, amf, &kind, now);
        }
        if let Some(exports) = &mut self.exports {
            exports.on_request(amf, &kind, now);
        }
        let lane_of = lane.map(|lane| &mut self.lanes[usize::from(lane)]);
        let is_counted = self.begun.is_some() && lane_of.as_ref().is_none_or(|of| of.is_counted);
        if is_counted {
            let doing = Doing::of(&kind);
            self.tally.asked(doing);
            if let Some(of) = lane_of {
                of.tally.asked(doing);
            }
        }
        // What a schedule asks is asked of exactly the AMF that it names.
        let paths = if lane.is_some() { self.profile.host.paths } else { 1 };
        let path = Path::new(amf, paths, self.users());
        self.open.insert(op, Open { lane, amf, kind, is_counted, path, since: None });
        self.deadlines.push_back((now + self.profile.host.timeout, op));
    }

    /// Takes in what was answered; `false` if nothing was.
    fn take_answers(&mut self) -> bool {
        let mut was_any = false;
        while let Some(done) = self.engine.poll_completion() {
            was_any = true;
            if !self.goes_elsewhere(&done) {
                self.answered(done);
            }
        }
        was_any
    }

    /// A host whose request was turned away makes it again over its next path. To everybody else it is one
    /// request that took longer: nothing of it was done before.
    fn goes_elsewhere(&mut self, done: &Completion) -> bool {
        let (op, users) = (done.answer.op, self.users());
        if !matches!(done.answer.result, Err(HostError::NotServing)) {
            return false;
        }
        let Some(open) = self.open.get_mut(&op) else { return false };
        let Some(amf) = open.path.next(users) else { return false };
        open.since.get_or_insert(done.started);
        let (kind, lane, is_counted) = (open.kind.clone(), open.lane, open.is_counted);
        if is_counted {
            self.tally.retried += 1;
            if let Some(lane) = lane {
                self.lanes[usize::from(lane)].tally.retried += 1;
            }
        }
        let given = self.engine.host_again(op, amf, kind);
        assert_eq!(given, op, "engines under load write no history, and keep numbers");
        true
    }

    fn answered(&mut self, mut done: Completion) {
        let now = self.engine.now();
        let op = done.answer.op;
        let found = self.checker.on_answer(op, &done.answer, done.ended);
        if let Some(history) = &mut self.history
            && let Err(error) = history.on_answer(&done.answer, done.ended)
        {
            self.history = None;
            self.remarks.push(format!("the history ends early: {error}"));
        }
        self.violations += found.len() as u64;
        let room = FINDINGS_MAX.saturating_sub(self.findings.len());
        self.findings.extend(found.into_iter().take(room));
        let Some(open) = self.open.remove(&op) else { return };
        while let Some((_, op)) = self.deadlines.front()
            && !self.open.contains(op)
        {
            self.deadlines.pop_front();
        }
        // A host's time is from when it first asked.
        done.started = open.since.unwrap_or(done.started);
        if open.is_counted {
            let doing = Doing::of(&open.kind);
            self.tally.answered(doing, &done);
            if let Some(hdr) = self.hdr.as_mut().filter(|_| done.answer.result.is_ok()) {
                hdr.answered(doing, done.ended, done.ended.since(done.started).0);
            }
            if let Some(lane) = open.lane {
                self.lanes[usize::from(lane)].tally.answered(doing, &done);
            }
        }
        let refused = matches!(done.answer.result, Err(HostError::NotServing));
        self.close(&open, refused, now);
    }

    fn close(&mut self, open: &Open, refused: bool, now: Instant) {
        let Some(lane) = open.lane else { return };
        let feed = &mut self.lanes[usize::from(lane)].feed;
        if refused {
            feed.on_not_serving(open.amf, now);
        } else {
            feed.on_completion(open.amf, now);
        }
    }

    /// Requests without an answer by now are timeouts: a write of them may still happen.
    fn give_up_late(&mut self, now: Instant) {
        while let Some((at, op)) = self.deadlines.front().copied()
            && at <= now
        {
            self.deadlines.pop_front();
            let Some(open) = self.open.remove(&op) else { continue };
            self.checker.on_unknown(op);
            if open.is_counted {
                self.tally.failed(HostError::Timeout);
                if let Some(lane) = open.lane {
                    self.lanes[usize::from(lane)].tally.failed(HostError::Timeout);
                }
            }
            self.close(&open, false, self.engine.now());
        }
    }
}
