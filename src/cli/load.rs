//! Puts load on a cluster: generators or a replay in, answers out, each judged as it comes.
//!
//! One thread drives any engine. A request is told to the checker right after the engine has it and
//! before any answer is taken, which is as good as before (see `check::reads`). Nothing is allocated
//! for a request once the tables have grown.

use super::export::Exports;
use super::failure::Failure;
use super::hdr::Hdr;
use super::metrics::{self, Board};
use super::progress::Progress;
use super::recovery::{Recovery, Watch};
use super::tally::{Doing, Tally};
use crate::check::history::Recorder;
use crate::check::{ReadChecker, Start};
use crate::profile::{self, Profile, Schedule, WorkloadSpec};
use crate::protocol::HostError;
use crate::protocol::id::{AmfId, AmfSet, Instant, OpId, Span};
use crate::protocol::table::Table;
use crate::report::prometheus::Sample;
use crate::session::{AnyEngine, request_of};
use crate::trace::engine::{Advance, EngineError, Progress as Moved};
use crate::trace::{Ask, Command, Completion, Counts, Violation};
use crate::workload::chain::{chain, companions};
use crate::workload::{Feed, Generator, Next, Planned};
use std::collections::VecDeque;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
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
    /// When its warm-up is over.
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
#[derive(Clone, Copy, Debug)]
struct Open {
    /// `None`: the fault schedule asked.
    lane: Option<u16>,
    amf: AmfId,
    doing: Doing,
    is_counted: bool,
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

    /// Logs latencies from when the figures begin.
    pub(super) fn log_latencies(&mut self, hdr: Option<Hdr>) {
        self.hdr = hdr;
    }

    /// Ends the log of latencies, at this time of the figures.
    pub(super) fn end_hdr(&mut self, measured: &Measured) -> Result<(), Failure> {
        let Some(mut hdr) = self.hdr.take() else { return Ok(()) };
        let end = self.begun.as_ref().map(|begun| begun.now + Span(measured.cluster_ns));
        if end.is_none() {
            // The warm-up was all there was.
            hdr.begin(self.engine.now(), &self.profile.name, false);
        }
        hdr.end_told(end.unwrap_or_else(|| self.engine.now()))
    }

    /// Ends what requests were written into.
    pub(super) fn end_exports(&mut self) -> Result<(), Failure> {
        self.exports.take().map_or(Ok(()), Exports::end)
    }

    /// Puts figures there from now on, whenever they are wanted.
    pub(super) fn serve(&mut self, board: Arc<Board>) {
        let counts = self.counts_so_far();
        board.put(self.sample(counts));
        self.board = Some(board);
    }

    fn put_if_wanted(&mut self) {
        if let Some(board) = self.board.clone().filter(|board| board.is_wanted()) {
            let counts = self.counts_so_far();
            board.put(self.sample(counts));
        }
    }

    /// Puts the figures that are reported: there will be no others. `is_over`: not even of violations.
    pub(super) fn put_last(&mut self, counts: &Counts, is_over: bool) {
        if let Some(board) = self.board.clone() {
            let sample = self.sample(counts.clone());
            board.put_still(Sample { is_over, ..sample });
        }
    }

    /// The counters that belong to the figures.
    fn counts_so_far(&mut self) -> Counts {
        let now = self.engine.snapshot(&Ask::BRIEF).counts;
        self.begun.as_ref().map_or_else(Counts::default, |begun| now.since(&begun.counts))
    }

    fn sample(&mut self, counts: Counts) -> Sample {
        let snapshot = self.engine.snapshot(&Ask::BRIEF);
        let violations = self.violations + snapshot.violations_total;
        let outstanding = self.open.len() as u64;
        let sample = metrics::sample(&self.profile, snapshot, counts, &self.tally, outstanding);
        Sample { violations, ..sample }
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

    /// Starts a generator of the profile, with those that it comes after, unless they were started
    /// already, and those that come with it.
    pub(super) fn start_workload(&mut self, spec: &WorkloadSpec) {
        let all = &self.profile.workloads;
        let chain = chain(all, &spec.name).into_iter().flatten();
        let others: Vec<WorkloadSpec> = chain
            .chain(companions(all, &spec.name))
            .filter(|one| one.name != spec.name && !self.is_started(&one.name))
            .cloned()
            .collect();
        self.waiting.extend(others);
        self.waiting.push(spec.clone());
        self.begin_waiting();
    }

    /// True if this generator runs, has run, or waits for another to end.
    pub(super) fn is_started(&self, name: &str) -> bool {
        let waits = self.waiting.iter().any(|waiting| waiting.name == *name);
        waits || self.lanes.iter().any(|lane| lane.name == *name)
    }

    /// Begins the generators whose predecessor is over.
    fn begin_waiting(&mut self) {
        for spec in core::mem::take(&mut self.waiting) {
            let waits = spec.after.as_ref().is_some_and(|before| {
                let runs = self.lanes.iter().any(|lane| lane.name == *before && !lane.is_done);
                runs || self.waiting.iter().any(|waiting| waiting.name == *before)
            });
            if waits {
                self.waiting.push(spec);
            } else {
                self.begin(&spec);
            }
        }
    }

    fn begin(&mut self, spec: &WorkloadSpec) {
        let (config, seed, now) = (&self.profile.config, self.profile.seed, self.engine.now());
        let mut generator = Generator::new(spec, config, seed, self.writers);
        if let Some(ops) = self.split.filter(|_| spec.counted && spec.ops.is_none()) {
            generator = generator.split_evenly(ops);
        }
        let driver = generator.driven(spec, config, now);
        self.start_feed(&spec.name, Box::new(driver));
        if let Some(lane) = self.lanes.last_mut() {
            lane.is_counted = spec.counted;
            lane.warm_at = now + spec.start + spec.warmup;
        }
    }

    /// Starts a source of requests, whose stamps carry [`Self::next_writer`].
    pub(super) fn start_feed(&mut self, name: &str, feed: Box<dyn Feed>) {
        self.writers += 1;
        self.lanes.push(Lane {
            name: name.to_owned(),
            feed,
            is_done: false,
            warm_at: self.engine.now(),
            is_counted: true,
            tally: Tally::new(),
        });
    }

    /// Begins the figures once every generator that counts is past its warm-up.
    fn begin_figures(&mut self, now: Instant) {
        if self.begun.is_some() {
            return;
        }
        let waits = self.waiting.iter().any(|spec| spec.counted);
        let is_cold = |lane: &Lane| lane.is_counted && !lane.is_done && lane.warm_at > now;
        if waits || self.lanes.iter().any(is_cold) {
            self.warms_up = true;
            return;
        }
        // Without a warm-up everything counts, from before the first request on.
        let counts = if self.warms_up {
            self.engine.snapshot(&Ask::BRIEF).counts
        } else {
            Counts::default()
        };
        if let Some(hdr) = &mut self.hdr {
            let snapshot = self.engine.snapshot(&Ask::BRIEF);
            let (profile, protocol) = (&self.profile.name, snapshot.view.protocol.name());
            let engine = snapshot.engine;
            let about = format!("{profile}, {engine}, {protocol}, seed {}", self.profile.seed);
            hdr.begin(now, &about, engine == "live");
        }
        self.begun = Some(Begun { wall: Wall::now(), now, counts });
    }

    /// What the figures are about, once the run is over.
    pub(super) fn measured(&mut self) -> Measured {
        let counts = self.engine.snapshot(&Ask::BRIEF).counts;
        match &self.begun {
            Some(begun) => Measured {
                counts: counts.since(&begun.counts),
                elapsed: begun.wall.elapsed(),
                cluster_ns: self.engine.now().since(begun.now).0,
                warmup_ns: if self.warms_up { begun.now.since(self.started).0 } else { 0 },
            },
            None => Measured {
                counts: Counts::default(),
                elapsed: Duration::ZERO,
                cluster_ns: 0,
                warmup_ns: self.engine.now().since(self.started).0,
            },
        }
    }

    /// When the next warm-up is over.
    fn next_warm(&self, now: Instant) -> Instant {
        let later = self.lanes.iter().map(|lane| lane.warm_at).filter(|at| *at > now);
        if self.begun.is_some() { Instant::NEVER } else { later.min().unwrap_or(Instant::NEVER) }
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
        let doing = Doing::of(&kind);
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
            self.tally.asked(doing);
            if let Some(of) = lane_of {
                of.tally.asked(doing);
            }
        }
        self.open.insert(op, Open { lane, amf, doing, is_counted });
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
        if open.is_counted {
            self.tally.answered(open.doing, done);
            if let Some(hdr) = self.hdr.as_mut().filter(|_| done.answer.result.is_ok()) {
                hdr.answered(open.doing, done.ended, done.ended.since(done.started).0);
            }
            if let Some(lane) = open.lane {
                self.lanes[usize::from(lane)].tally.answered(open.doing, done);
            }
        }
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
            if open.is_counted {
                self.tally.failed(HostError::Timeout);
                if let Some(lane) = open.lane {
                    self.lanes[usize::from(lane)].tally.failed(HostError::Timeout);
                }
            }
            self.close(open, false, self.engine.now());
        }
    }

    // ---- the fault schedule

    /// Does what is due of the fault schedule. When the next fault is due.
    fn do_faults(&mut self, now: Instant, until: Instant) -> Instant {
        // What would come after the end does not keep a run from ending.
        self.faults.cut(until);
        while let Some(command) = self.faults.take(now) {
            self.try_fault(&command, now);
        }
        self.faults.next()
    }

    /// Ends what was not ended yet.
    fn heal(&mut self) {
        let now = self.engine.now();
        for command in self.faults.heal() {
            self.try_fault(&command, now);
        }
    }

    /// Looks at a recovery, if one is watched; when to look again.
    fn look_at_recovery(&mut self, now: Instant) -> Instant {
        let Some(next) = self.recovery.as_ref().map(Watch::next) else { return Instant::NEVER };
        if next > now {
            return next;
        }
        let takeovers = self.engine.snapshot(&Ask::BRIEF).counts.takeovers;
        self.recovery.as_mut().map_or(Instant::NEVER, |watch| {
            watch.look(now, takeovers);
            watch.next()
        })
    }

    fn try_fault(&mut self, command: &Command, now: Instant) {
        if self.recovery.is_some() && Watch::is_wanted(command) {
            let takeovers = self.engine.snapshot(&Ask::BRIEF).counts.takeovers;
            if let Some(watch) = &mut self.recovery {
                watch.on_fault(command, now, takeovers);
            }
        }
        if let Err(why) = self.do_fault(command, now) {
            self.remarks.push(format!("fault `{command}`: {why}"));
        }
    }

    fn do_fault(&mut self, command: &Command, now: Instant) -> Result<(), String> {
        match command {
            Command::Workload(true, name) => {
                if self.profile.workloads.iter().all(|spec| spec.name != *name) {
                    let built_in = profile::workload_for(&self.profile, name);
                    let built_in =
                        built_in.map_err(|error| error.to_string().replace('\n', " "))?;
                    self.profile.workloads.extend(built_in);
                }
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
