//! Puts load on a cluster: generators or a replay in, answers out, each judged as it comes.
//!
//! One thread drives any engine. A request is told to the checker right after the engine has it and
//! before any answer is taken, which is as good as before (see `check::reads`). Nothing is allocated
//! for a request once the tables have grown.

use super::export::Exports;
use super::failure::Failure;
use super::progress::Progress;
use super::tally::{Doing, Tally};
use crate::check::history::Recorder;
use crate::check::{ReadChecker, Start};
use crate::profile::{FaultSpec, Profile, WorkloadSpec};
use crate::protocol::HostError;
use crate::protocol::id::{AmfId, AmfSet, Instant, OpId, Span};
use crate::protocol::table::Table;
use crate::session::{AnyEngine, request_of};
use crate::trace::engine::{Advance, EngineError, Progress as Moved};
use crate::trace::{Command, Completion, Violation};
use crate::workload::{Driver, DriverSettings, Feed, Generator, Next, Planned};
use std::collections::VecDeque;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Findings that are kept in words; all are counted.
pub(super) const FINDINGS_MAX: usize = 100;
/// A generator that is later than this moves its schedule: no burst follows a stall.
const LATE_MAX: Span = Span::millis(500);
/// Requests given in one go by one source.
const BURST_MAX: u32 = 1_024;
/// A live cluster is looked at again after this: ctrl-c and the bar wait for it.
const LOOK_AGAIN: Span = Span::millis(50);

/// A source of requests under way.
struct Lane {
    name: String,
    feed: Box<dyn Feed>,
    is_done: bool,
}

/// A request that has no answer yet.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// `None`: the fault schedule asked.
    lane: Option<u16>,
    amf: AmfId,
    doing: Doing,
}

/// When a run is over.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End {
    /// After so many requests.
    pub(super) ops: Option<u64>,
    /// After this time on the cluster's clock.
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
    profile: Profile,
    lanes: Vec<Lane>,
    /// Sources started so far: each writes stamps of its own.
    writers: u32,
    open: Table<OpId, Open>,
    deadlines: VecDeque<(Instant, OpId)>,
    faults: VecDeque<FaultSpec>,
    history: Option<Recorder<BufWriter<File>>>,
    exports: Option<Exports>,
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
            profile: profile.clone(),
            lanes: Vec::new(),
            writers: first_writer,
            open: Table::default(),
            deadlines: VecDeque::new(),
            faults: profile.faults.iter().cloned().collect(),
            history: None,
            exports: None,
            start,
            interrupted,
        }
    }

    /// Writes every operation into a file, a line each.
    pub(super) fn record_history(&mut self, path: &Path) -> Result<(), Failure> {
        let file = File::create(path)
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        let per_block = self.profile.config.sectors_per_block();
        self.history = Some(Recorder::new(BufWriter::new(file), per_block, self.start));
        Ok(())
    }

    /// Writes every request that is made from now on into these.
    pub(super) fn export(&mut self, exports: Exports) {
        self.exports = Some(exports);
    }

    /// Ends what requests were written into.
    pub(super) fn end_exports(&mut self) -> Result<(), Failure> {
        self.exports.take().map_or(Ok(()), Exports::end)
    }

    /// Writes what is left of the history.
    pub(super) fn end_history(&mut self) -> Result<(), Failure> {
        let Some(history) = self.history.take() else { return Ok(()) };
        let written = history.finish().and_then(|mut out| std::io::Write::flush(&mut out));
        written.map_err(|error| Failure::broken(format!("the history: {error}")))
    }

    /// Ctrl-c came after the last request: what is left of the end is left out.
    pub(super) fn is_cut_short(&self) -> bool {
        !self.was_interrupted && self.interrupted.load(Ordering::Relaxed)
    }

    /// The AMFs that hosts may use.
    pub(super) fn users(&self) -> AmfSet {
        self.profile.config.users()
    }

    /// Starts a generator of the profile.
    pub(super) fn start_workload(&mut self, spec: &WorkloadSpec) {
        let config = &self.profile.config;
        let amfs: AmfSet = match spec.amfs.as_slice() {
            [] => config.users(),
            amfs => amfs.iter().copied().collect(),
        };
        let settings =
            DriverSettings { amfs, queue_depth: spec.queue_depth, late_max: Some(LATE_MAX) };
        let generator = Generator::new(spec, config, self.profile.seed, self.writers);
        let driver = Driver::new(generator, settings, self.engine.now());
        self.start_feed(&spec.name, Box::new(driver));
    }

    /// Starts a source of requests, whose stamps carry [`Self::next_writer`].
    pub(super) fn start_feed(&mut self, name: &str, feed: Box<dyn Feed>) {
        self.writers += 1;
        self.lanes.push(Lane { name: name.to_owned(), feed, is_done: false });
    }

    /// The writer in the stamps of the source that is started next.
    pub(super) fn next_writer(&self) -> u32 {
        self.writers
    }

    /// How long a request may take.
    pub(super) fn timeout(&self) -> Span {
        self.profile.host.timeout
    }

    /// Runs until every source has ended, or `end`, or ctrl-c; and until everything is answered.
    pub(super) fn run(&mut self, end: End, progress: &mut Progress) -> Result<(), EngineError> {
        let begun = self.engine.now();
        let until = end.duration.map_or(Instant::NEVER, |time| begun + time);
        let ops_max = end.ops.unwrap_or(u64::MAX);
        let mut is_ending = false;
        loop {
            let now = self.engine.now();
            self.give_up_late(now);
            self.was_interrupted |= self.interrupted.load(Ordering::Relaxed);
            if !is_ending && (self.was_interrupted || now >= until || self.tally.ops() >= ops_max) {
                is_ending = true;
                self.lanes.iter_mut().for_each(|lane| lane.feed.stop());
            }
            let mut wake = if is_ending { Instant::NEVER } else { self.do_faults(now, until) };
            // Sources that were stopped give nothing more, and must be heard to have ended.
            let most = if is_ending { u64::MAX } else { ops_max };
            wake = wake.min(self.submit(now, most));
            let all_given = self.lanes.iter().all(|lane| lane.is_done);
            if all_given && self.open.is_empty() && (is_ending || self.faults.is_empty()) {
                return Ok(());
            }
            progress.at_time(self.tally.ops(), now.since(begun));
            if self.take_answers() {
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
        let doing = Doing::of(&kind);
        let op = self.engine.host(amf, kind.clone());
        self.checker.on_start(op, &kind, now);
        if let Some(history) = &mut self.history {
            history.on_start(op, amf, &kind, now);
        }
        if let Some(exports) = &mut self.exports {
            exports.on_request(amf, &kind, now);
        }
        self.tally.asked(doing);
        self.open.insert(op, Open { lane, amf, doing });
        self.deadlines.push_back((now + self.profile.host.timeout, op));
    }

    /// Takes in what was answered; `false` if nothing was.
    fn take_answers(&mut self) -> bool {
        let mut was_any = false;
        while let Some(done) = self.engine.poll_completion() {
            was_any = true;
            self.answered(&done);
        }
        was_any
    }

    fn answered(&mut self, done: &Completion) {
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
        self.tally.answered(open.doing, done);
        let refused = matches!(done.answer.result, Err(HostError::NotServing));
        self.close(open, refused, now);
    }

    fn close(&mut self, open: Open, refused: bool, now: Instant) {
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
            self.tally.failed(HostError::Timeout);
            self.close(open, false, self.engine.now());
        }
    }

    // ---- the fault schedule

    /// Does what is due of the fault schedule. When the next fault is due.
    fn do_faults(&mut self, now: Instant, until: Instant) -> Instant {
        while self.faults.front().is_some_and(|fault| fault.at <= now) {
            let Some(fault) = self.faults.pop_front() else { break };
            if let Err(why) = self.do_fault(&fault.command, now) {
                self.remarks.push(format!("fault `{}`: {why}", fault.command));
            }
        }
        // What would come after the end does not keep a run from ending.
        while self.faults.back().is_some_and(|fault| fault.at > until) {
            self.faults.pop_back();
        }
        self.faults.front().map_or(Instant::NEVER, |fault| fault.at)
    }

    fn do_fault(&mut self, command: &Command, now: Instant) -> Result<(), String> {
        match command {
            Command::Workload(true, name) => {
                let spec = self.profile.workloads.iter().find(|spec| spec.name == *name).cloned();
                self.start_workload(&spec.ok_or("there is no such workload")?);
            }
            Command::Workload(false, name) => {
                let lanes = self.lanes.iter_mut().filter(|lane| lane.name == *name);
                lanes.for_each(|lane| lane.feed.stop());
            }
            Command::Host(host) => {
                let kind = request_of(host, self.profile.config.block_size);
                let kind = kind.map_err(|wrong| wrong.to_string())?;
                self.give(None, Planned { amf: host.amf(), kind, at: None }, now);
            }
            Command::Act(action) => {
                self.engine.submit(action.clone()).map_err(|error| error.to_string())?;
            }
            // Not in a schedule, or nothing for an engine: a note.
            _ => {}
        }
        Ok(())
    }
}
