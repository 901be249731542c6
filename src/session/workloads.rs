//! The profile's generators while a session runs: `workload start NAME`, `workload stop NAME`.

use crate::profile::WorkloadSpec;
use crate::protocol::id::{AmfId, AmfSet, Instant, OpId, Span};
use crate::protocol::{Config, HostError};
use crate::trace::Completion;
use crate::trace::engine::Engine;
use crate::workload::{Driver, DriverSettings, Generator, Next};
use std::collections::BTreeMap;

/// A generator that is later than this moves its schedule: no burst follows a stall.
const LATE_MAX: Span = Span::millis(500);
/// Requests given in one go, so that a fast generator cannot keep everything else waiting.
const BURST_MAX: u32 = 1_024;

/// The generators of a session.
pub(super) struct Workloads {
    specs: Vec<WorkloadSpec>,
    config: Config,
    seed: u64,
    host_timeout: Span,
    running: Vec<Active>,
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
    driver: Driver<Generator>,
    stopped: bool,
}

struct Open {
    writer: u32,
    amf: AmfId,
    deadline: Instant,
}

impl Workloads {
    pub(super) fn new(
        specs: &[WorkloadSpec],
        config: &Config,
        seed: u64,
        host_timeout: Span,
    ) -> Self {
        Self {
            specs: specs.to_vec(),
            config: config.clone(),
            seed,
            host_timeout,
            running: Vec::new(),
            open: BTreeMap::new(),
            started: 0,
            next: Instant::NEVER,
        }
    }

    /// Names of those that make requests now.
    pub(super) fn running(&self) -> impl Iterator<Item = &str> {
        self.running.iter().filter(|active| !active.stopped).map(|active| active.name.as_str())
    }

    /// True if one makes requests, or is still being answered.
    pub(super) fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }

    /// When the next request is due.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Starts a generator of the profile.
    pub(super) fn start(&mut self, name: &str, now: Instant) -> Result<(), String> {
        if self.running().any(|running| running == name) {
            return Err(format!("workload `{name}` is running already"));
        }
        let Some(spec) = self.specs.iter().find(|spec| spec.name == name) else {
            return Err(format!("the profile has no workload `{name}`"));
        };
        self.started += 1;
        let writer = self.started;
        let amfs: AmfSet = match spec.amfs.as_slice() {
            [] => self.config.users(),
            amfs => amfs.iter().copied().collect(),
        };
        let settings =
            DriverSettings { amfs, queue_depth: spec.queue_depth, late_max: Some(LATE_MAX) };
        let generator = Generator::new(spec, &self.config, self.seed, writer);
        let driver = Driver::new(generator, settings, now);
        self.running.push(Active { name: name.to_owned(), writer, driver, stopped: false });
        self.next = now;
        Ok(())
    }

    /// Stops a generator; what it has asked is still answered.
    pub(super) fn stop(&mut self, name: &str) -> Result<(), String> {
        let active = self.running.iter_mut().find(|a| a.name == name && !a.stopped);
        let active = active.ok_or_else(|| format!("workload `{name}` is not running"))?;
        active.stopped = true;
        active.driver.stop();
        Ok(())
    }

    /// Hears an answer; `false` if it is to nothing of a generator's.
    pub(super) fn answered(&mut self, completion: &Completion, now: Instant) -> bool {
        let Some(open) = self.open.remove(&completion.answer.op) else { return false };
        let refused = matches!(completion.answer.result, Err(HostError::NotServing));
        self.close(&open, refused, now);
        true
    }

    fn close(&mut self, open: &Open, refused: bool, now: Instant) {
        let active = self.running.iter_mut().find(|active| active.writer == open.writer);
        if let Some(active) = active {
            if refused {
                active.driver.on_not_serving(open.amf, now);
            } else {
                active.driver.on_completion(open.amf, now);
            }
        }
    }

    /// Gives what is due, and gives up what is overdue.
    pub(super) fn tick(&mut self, engine: &mut dyn Engine) {
        let now = engine.now();
        let overdue = |open: &Open| open.deadline <= now;
        let late: Vec<OpId> =
            self.open.iter().filter(|(_, open)| overdue(open)).map(|(op, _)| *op).collect();
        for op in late {
            if let Some(open) = self.open.remove(&op) {
                self.close(&open, false, now);
            }
        }
        self.next = Instant::NEVER;
        let mut left = BURST_MAX;
        for active in &mut self.running {
            loop {
                match active.driver.poll(now) {
                    Next::Submit(planned) => {
                        let op = engine.host(planned.amf, planned.kind);
                        let deadline = now + self.host_timeout;
                        let (writer, amf) = (active.writer, planned.amf);
                        self.open.insert(op, Open { writer, amf, deadline });
                        left -= 1;
                        if left == 0 {
                            self.next = now;
                            return;
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
        self.running.retain(|active| !active.stopped || active.driver.outstanding() > 0);
    }
}
