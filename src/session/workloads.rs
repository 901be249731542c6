//! What puts load on the cluster while a session runs: generators (`workload start NAME`,
//! `workload stop NAME`), the profile's and those that are built in, and one replay.

use crate::profile::{self, Profile, WorkloadSpec};
use crate::protocol::id::{AmfId, Instant, OpId};
use crate::protocol::{HostError, Many, RequestKind};
use crate::trace::Completion;
use crate::trace::engine::Engine;
use crate::workload::chain::{chain, companions};
use crate::workload::{Feed, Generator, Next, Path};
use std::collections::{BTreeMap, BTreeSet};

/// Requests given in one go, so that a fast generator cannot keep everything else waiting.
pub(super) const BURST_MAX: u32 = 1_024;

/// The generators of a session.
pub(super) struct Workloads {
    /// With the built-in workloads that were started.
    profile: Profile,
    running: Vec<Active>,
    /// Generators that begin once the one before them has ended.
    waiting: Vec<WorkloadSpec>,
    /// Names of those that have run to their end.
    ended: BTreeSet<String>,
    replay: Option<ReplayProgress>,
    /// Unanswered requests.
    open: BTreeMap<OpId, Open>,
    /// Generators started so far. Each start is a writer of its own: stamps are never made twice.
    started: u32,
    /// When the next request is due.
    next: Instant,
}

struct Active {
    name: String,
    writer: u32,
    feed: Box<dyn Feed>,
    stopped: bool,
    is_replay: bool,
}

struct Open {
    writer: u32,
    amf: AmfId,
    deadline: Instant,
    kind: RequestKind,
    /// Whom else its host may ask.
    path: Path,
}

/// A recorded trace, ready to be replayed.
pub struct Replay {
    /// How a script names it: its path and options, as [`super::OpenTrace`] takes them.
    pub words: String,
    /// What people call it.
    pub name: String,
    /// Requests in it.
    pub requests: u64,
    /// As fast as requests are answered; else at the times of the trace.
    pub is_flat_out: bool,
    /// Its requests; told which writer its stamps are to carry, and when it begins.
    pub feed: Box<dyn FnOnce(u32, Instant) -> Box<dyn Feed> + Send>,
}

impl Replay {
    /// What is said when it starts.
    #[must_use]
    pub fn told(&self) -> String {
        format!("replay {}: {}", self.name, Many(self.requests, "request"))
    }
}

impl core::fmt::Debug for Replay {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Replay({}, {} requests)", self.name, self.requests)
    }
}

/// How a replay stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplayState {
    /// Requests are made.
    #[default]
    Running,
    /// No requests are made.
    Paused,
    /// All of them were answered.
    Done,
    /// It was stopped before its end, or its file ended early.
    Stopped,
}

/// How far a replay is, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayProgress {
    /// What people call it.
    pub name: String,
    /// How it stands.
    pub state: ReplayState,
    /// Requests in the trace.
    pub requests: u64,
    /// Requests made.
    pub asked: u64,
    /// Requests answered, in whatever way.
    pub answered: u64,
    /// Requests that ended in an error, or in none.
    pub errors: u64,
    /// Requests that an AMF turned away, and that were made again over another path.
    pub retried: u64,
    /// Blocks touched.
    pub touches: u64,
    /// Reads answered with data: each was compared with what was written. What was wrong is among the
    /// violations.
    pub reads: u64,
    /// Violations of all checkers when it began.
    pub violations_before: u64,
    /// As fast as requests are answered.
    pub is_flat_out: bool,
}

impl ReplayProgress {
    /// What is said behind the errors of requests that were made again; nothing if none was.
    #[must_use]
    pub fn retried_told(&self) -> String {
        if self.retried > 0 { format!(", {} retried", self.retried) } else { String::new() }
    }

    /// How far it is, in one line.
    #[must_use]
    pub fn told(&self) -> String {
        let Self { name, requests, answered, reads, errors, .. } = self;
        let reads = Many(*reads, "read");
        let errors = Many(*errors, "error");
        let retried = self.retried_told();
        format!(
            "replay {name}: {answered} of {requests} requests, {reads} verified, {errors}{retried}"
        )
    }
}

impl Workloads {
    pub(super) fn new(profile: &Profile) -> Self {
        Self {
            profile: profile.clone(),
            running: Vec::new(),
            waiting: Vec::new(),
            ended: BTreeSet::new(),
            replay: None,
            open: BTreeMap::new(),
            started: 0,
            next: Instant::NEVER,
        }
    }

    /// Names of those that make requests now, or wait for another to end.
    pub(super) fn running(&self) -> impl Iterator<Item = &str> {
        let generators = self.running.iter().filter(|active| !active.is_replay);
        let active = generators.filter(|active| !active.stopped).map(|active| active.name.as_str());
        active.chain(self.waiting.iter().map(|spec| spec.name.as_str()))
    }

    /// True if a replay makes requests, or is still being answered.
    pub(super) fn is_replaying(&self) -> bool {
        self.running.iter().any(|active| active.is_replay)
    }

    /// True if one makes requests, or is still being answered.
    pub(super) fn is_busy(&self) -> bool {
        !self.running.is_empty() || !self.waiting.is_empty()
    }

    /// When the next request is due.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Starts a generator of the profile, or a built-in one, with those that it comes after, unless they
    /// have ended already, and those that come with it.
    pub(super) fn start(&mut self, name: &str, now: Instant) -> Result<(), String> {
        let runs = |name: &str| self.running().any(|running| running == name);
        if runs(name) {
            let with = self
                .profile
                .workloads
                .iter()
                .find(|spec| spec.name == name)
                .and_then(|spec| spec.with.as_deref());
            // It came with another one: who starts all of them starts it twice.
            return if with.is_some_and(runs) {
                Ok(())
            } else {
                Err(format!("workload `{name}` is running already"))
            };
        }
        if self.profile.workloads.iter().all(|spec| spec.name != name) {
            let built_in = profile::workload_for(&self.profile, name);
            let built_in = built_in.map_err(|error| error.to_string().replace('\n', " "))?;
            self.profile.workloads.extend(built_in);
        }
        let specs = &self.profile.workloads;
        let chain = chain(specs, name).into_iter().flatten().cloned();
        let chain: Vec<WorkloadSpec> = chain.collect();
        let companions: Vec<_> = companions(specs, name).cloned().collect();
        for spec in companions {
            if !self.running().any(|running| running == spec.name) {
                self.waiting.push(spec);
            }
        }
        for spec in chain {
            let is_there = self.running().any(|running| running == spec.name);
            let is_before = spec.name != name;
            if is_before && (is_there || self.ended.contains(&spec.name)) {
                continue;
            }
            self.waiting.push(spec);
        }
        self.begin_waiting(now);
        Ok(())
    }

    /// Begins those whose predecessor is over.
    fn begin_waiting(&mut self, now: Instant) {
        for spec in core::mem::take(&mut self.waiting) {
            let before = spec.after.as_deref();
            let is_under_way = |name: &str| {
                let active =
                    self.running.iter().any(|active| !active.is_replay && active.name == name);
                active || self.waiting.iter().any(|waiting| waiting.name == name)
            };
            if before.is_some_and(is_under_way) {
                self.waiting.push(spec);
            } else {
                self.begin(&spec, now);
            }
        }
    }

    fn begin(&mut self, spec: &WorkloadSpec, now: Instant) {
        self.started += 1;
        let writer = self.started;
        let (config, seed) = (&self.profile.config, self.profile.seed);
        let driver = Generator::driver(spec, config, seed, writer, now);
        let (name, feed) = (spec.name.clone(), Box::new(driver));
        self.running.push(Active { name, writer, feed, stopped: false, is_replay: false });
        self.next = now;
    }

    /// Starts a replay; there is one at a time. `violations`: so many were found before.
    pub(super) fn start_replay(
        &mut self,
        replay: Replay,
        violations: u64,
        now: Instant,
    ) -> Result<(), String> {
        if self.is_replaying() {
            return Err("a replay is running already; `replay stop` ends it".to_owned());
        }
        self.started += 1;
        let Replay { words: _, name, requests, is_flat_out, feed } = replay;
        let feed = feed(self.started, now);
        self.replay = Some(ReplayProgress {
            name: name.clone(),
            requests,
            is_flat_out,
            violations_before: violations,
            ..ReplayProgress::default()
        });
        self.running.push(Active {
            name,
            writer: self.started,
            feed,
            stopped: false,
            is_replay: true,
        });
        self.next = now;
        Ok(())
    }

    /// How far the newest replay is.
    pub(super) fn replay(&self) -> Option<&ReplayProgress> {
        self.replay.as_ref()
    }

    /// Pauses the replay, lets it go on, or ends it; what it has asked is still answered.
    pub(super) fn steer_replay(&mut self, wanted: ReplayState, now: Instant) -> Result<(), String> {
        let active = self.running.iter_mut().find(|active| active.is_replay && !active.stopped);
        let (Some(active), Some(progress)) = (active, &mut self.replay) else {
            return Err("no replay is running".to_owned());
        };
        match wanted {
            ReplayState::Running => active.feed.resume(now),
            ReplayState::Paused => active.feed.pause(now),
            ReplayState::Stopped | ReplayState::Done => {
                active.feed.stop();
                active.stopped = true;
            }
        }
        progress.state = wanted;
        self.next = now;
        Ok(())
    }

    /// Stops a generator; what it has asked is still answered.
    pub(super) fn stop(&mut self, name: &str) -> Result<(), String> {
        let waiting = self.waiting.len();
        self.waiting.retain(|spec| spec.name != name);
        if self.waiting.len() < waiting {
            return Ok(());
        }
        let active = self.running.iter_mut().find(|a| a.name == name && !a.stopped && !a.is_replay);
        let active = active.ok_or_else(|| format!("workload `{name}` is not running"))?;
        active.stopped = true;
        active.feed.stop();
        Ok(())
    }

    /// Hears an answer; `false` if it is to nothing of a generator's.
    pub(super) fn answered(&mut self, completion: &Completion, engine: &mut dyn Engine) -> bool {
        let (op, now) = (completion.answer.op, engine.now());
        let Some(mut open) = self.open.remove(&op) else { return false };
        let refused = matches!(completion.answer.result, Err(HostError::NotServing));
        // A host that is turned away makes the request again over its next path.
        if refused && let Some(amf) = open.path.next(self.profile.config.users()) {
            if let Some(progress) = self.progress_of(open.writer) {
                progress.retried += 1;
            }
            let op = engine.host_again(op, amf, open.kind.clone());
            self.open.insert(op, open);
            return true;
        }
        if let Some(progress) = self.progress_of(open.writer) {
            match &completion.answer.result {
                Ok(touched) => {
                    progress.touches += touched.len() as u64;
                    progress.reads += u64::from(matches!(open.kind, RequestKind::Read(_)));
                }
                Err(_) => progress.errors += 1,
            }
        }
        self.close(&open, refused, now);
        true
    }

    /// The replay's progress, if this writer is the replay.
    fn progress_of(&mut self, writer: u32) -> Option<&mut ReplayProgress> {
        let active = self.running.iter().find(|active| active.writer == writer)?;
        if active.is_replay { self.replay.as_mut() } else { None }
    }

    fn close(&mut self, open: &Open, refused: bool, now: Instant) {
        if let Some(progress) = self.progress_of(open.writer) {
            progress.answered += 1;
        }
        let active = self.running.iter_mut().find(|active| active.writer == open.writer);
        if let Some(active) = active {
            if refused {
                active.feed.on_not_serving(open.amf, now);
            } else {
                active.feed.on_completion(open.amf, now);
            }
        }
    }

    /// Makes what is due, at most so many requests (one at least), and gives up what is overdue. True: more
    /// are due.
    pub(super) fn tick(&mut self, engine: &mut dyn Engine, most: u32) -> bool {
        let now = engine.now();
        let overdue = |open: &Open| open.deadline <= now;
        let late: Vec<OpId> =
            self.open.iter().filter(|(_, open)| overdue(open)).map(|(op, _)| *op).collect();
        for op in late {
            if let Some(open) = self.open.remove(&op) {
                if let Some(progress) = self.progress_of(open.writer) {
                    progress.errors += 1;
                }
                self.close(&open, false, now);
            }
        }
        self.next = Instant::NEVER;
        let mut left = most.max(1);
        for active in &mut self.running {
            loop {
                match active.feed.poll(now) {
                    Next::Submit(planned) => {
                        let (writer, amf, kind) = (active.writer, planned.amf, planned.kind);
                        let op = engine.host(amf, kind.clone());
                        let deadline = now + self.profile.host.timeout;
                        let users = self.profile.config.users();
                        let path = Path::new(amf, self.profile.host.paths, users);
                        self.open.insert(op, Open { writer, amf, deadline, kind, path });
                        if let Some(progress) = self.replay.as_mut().filter(|_| active.is_replay) {
                            progress.asked += 1;
                        }
                        left -= 1;
                        if left == 0 {
                            self.next = now;
                            return true;
                        }
                    }
                    Next::WaitUntil(at) => {
                        self.next = self.next.min(at);
                        break;
                    }
                    Next::WaitCompletion => break,
                    Next::Done => {
                        active.stopped = true;
                        break;
                    }
                }
            }
        }
        let is_through = |active: &Active| active.stopped && active.feed.outstanding() == 0;
        if self.running.iter().any(|active| active.is_replay && is_through(active))
            && let Some(progress) = &mut self.replay
        {
            let all = progress.answered >= progress.requests;
            progress.state = if all { ReplayState::Done } else { ReplayState::Stopped };
        }
        let is_generator = |active: &&Active| is_through(active) && !active.is_replay;
        let ended = self.running.iter().filter(is_generator).map(|active| active.name.clone());
        self.ended.extend(ended);
        self.running.retain(|active| !is_through(active));
        self.begin_waiting(now);
        false
    }
}
