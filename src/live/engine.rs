//! The live cluster as an [`Engine`], and a handle for host threads of one's own.

use super::cluster::Cluster;
use super::delivery::PUMP_TURNS_MAX;
use super::hosts::{Slot, Waiter};
use super::inbox::Worklist;
use super::supervisor::{self, LiveOptions};
use crate::profile::Profile;
use crate::protocol::id::{AmfId, Instant, OpId};
use crate::protocol::{Amf, Answer, Config, Data, HostError, RequestKind, Sectors};
use crate::store::OpenError;
use crate::trace::recording::Whole;
use crate::trace::{
    Action, Advance, Ask, Completion, Engine, EngineError, Event, HostPort, Progress, Snapshot,
    Waker,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

/// A live cluster. Dropped without [`Engine::shutdown`], it ends as if it had been killed.
pub struct LiveEngine {
    cluster: Arc<Cluster>,
    threads: Vec<JoinHandle<()>>,
    notes: Vec<String>,
    /// Steps that its user has been told of by [`Engine::advance`].
    seen: u64,
}

impl LiveEngine {
    /// Starts a cluster.
    ///
    /// # Errors
    /// The data folder cannot be used: in use, of another geometry, damaged as a whole.
    pub fn start(profile: &Profile, options: &LiveOptions) -> Result<Self, OpenError> {
        let (cluster, threads, troubles) = supervisor::start(profile, options)?;
        let volatile = cluster.volatile().map(|why| format!("volatile: {why}"));
        let notes = volatile.into_iter().chain(troubles).collect();
        Ok(Self { cluster, threads, notes, seen: 0 })
    }

    /// For threads that submit operations and wait for them themselves.
    #[must_use]
    pub fn handle(&self) -> LiveHandle {
        LiveHandle { cluster: Arc::clone(&self.cluster) }
    }

    /// What people should know from the start: why acknowledged writes would not survive, and which
    /// disks could not be opened and why.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

impl Drop for LiveEngine {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.cluster.abandon(std::mem::take(&mut self.threads));
        }
    }
}

impl HostPort for LiveEngine {
    fn host(&mut self, amf: AmfId, kind: RequestKind) -> OpId {
        assert!(usize::from(amf.0) < self.cluster.amfs.len(), "an AMF of this cluster");
        let mut work = Worklist::new();
        let op = self.cluster.ask(amf, kind, Waiter::Port, &mut work);
        self.cluster.pump(&mut work, PUMP_TURNS_MAX);
        op
    }

    fn host_again(&mut self, op: OpId, amf: AmfId, kind: RequestKind) -> OpId {
        assert!(usize::from(amf.0) < self.cluster.amfs.len(), "an AMF of this cluster");
        let mut work = Worklist::new();
        self.cluster.ask_again(op, amf, kind, &mut work);
        self.cluster.pump(&mut work, PUMP_TURNS_MAX);
        op
    }

    fn poll_completion(&mut self) -> Option<Completion> {
        self.cluster.hosts.next_done()
    }
}

impl Engine for LiveEngine {
    fn submit(&mut self, action: Action) -> Result<String, EngineError> {
        self.cluster.act(&action)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.cluster.events.next()
    }

    fn recorded(&mut self) -> Result<Whole, EngineError> {
        self.cluster.steps.so_far().map_err(EngineError::Refused)
    }

    fn mark_figures(&mut self, on: bool) {
        let mut work = Worklist::new();
        self.cluster.mark_figures(on, &mut work);
        self.cluster.pump(&mut work, PUMP_TURNS_MAX);
    }

    fn subscribe(&mut self, on: bool) {
        self.cluster.events.subscribe(on);
        for node in &self.cluster.amfs {
            if let Some(machine) = &mut node.lock().machine {
                machine.observe(on);
            }
        }
    }

    fn set_waker(&mut self, waker: Waker) -> bool {
        self.cluster.events.set_waker(waker);
        true
    }

    fn snapshot(&mut self, ask: &Ask) -> Snapshot {
        self.cluster.snapshot(ask)
    }

    fn advance(&mut self, how: Advance) -> Result<Progress, EngineError> {
        let cluster = &self.cluster;
        loop {
            let seen = self.seen;
            let ready = || cluster.hosts.has_done() || cluster.steps.count() != seen;
            if ready() {
                self.seen = cluster.steps.count();
                return Ok(Progress::Stepped);
            }
            if cluster.clock.now() >= how.until {
                return Ok(Progress::Deadline);
            }
            let Some(real) = cluster.clock.wait_for(how.until) else {
                // The clock stands still: only inboxes and disks can still move.
                let settled = cluster.is_settled() && cluster.pool.is_empty();
                if settled || !cluster.signal.wait(STILL, ready) {
                    return Ok(Progress::Idle);
                }
                continue;
            };
            cluster.signal.wait(real.min(WAIT_MAX), ready);
        }
    }

    fn now(&self) -> Instant {
        self.cluster.clock.now()
    }

    fn config(&self) -> &Config {
        &self.cluster.config
    }

    fn is_settled(&mut self) -> bool {
        let settled = self.cluster.is_settled();
        if settled {
            self.cluster.sample();
        }
        settled
    }

    fn shutdown(&mut self) -> Result<(), EngineError> {
        if self.threads.is_empty() {
            return Ok(());
        }
        self.cluster.shut_down(std::mem::take(&mut self.threads))
    }
}

/// While the clock stands still, so long without a step means that nothing moves.
const STILL: Duration = Duration::from_millis(20);
/// `advance` looks at the clock at least this often: its tempo may change.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// Submits host operations from any thread and waits for their answers there. A request may run its
/// whole round in the caller's thread.
#[derive(Clone)]
pub struct LiveHandle {
    cluster: Arc<Cluster>,
}

impl LiveHandle {
    /// A block that the AMF may serve from its own cache, whole; `None`: use [`Self::request`]. Takes
    /// one lock and copies nothing.
    #[must_use]
    pub fn read_hit(&self, amf: AmfId, sectors: Sectors) -> Option<Data> {
        let cluster = &self.cluster;
        // A hit moves a line to the front: a recorded run needs it as a step.
        if cluster.steps.is_recording() || cluster.events.is_on() {
            return None;
        }
        let per = cluster.config.sectors_per_block();
        let touch = sectors.touch(0, per);
        if u64::from(touch.len) != u64::from(sectors.count) * 512 {
            return None;
        }
        let mut state = cluster.amfs[usize::from(amf.0)].lock();
        if state.paused.is_some() {
            return None;
        }
        let machine = state.machine.as_mut()?;
        machine.read_hit(cluster.clock.now(), touch)
    }

    /// Asks and waits, at most the profile's `host.timeout_ms`.
    #[must_use]
    pub fn request(&self, amf: AmfId, kind: RequestKind) -> Answer {
        let time = Duration::from_nanos(self.cluster.profile.host.timeout.0);
        self.request_within(amf, kind, time)
    }

    /// Asks and waits, at most `time` of real time; then the answer is `Timeout`, and the operation may
    /// still happen.
    #[must_use]
    pub fn request_within(&self, amf: AmfId, kind: RequestKind, time: Duration) -> Answer {
        assert!(usize::from(amf.0) < self.cluster.amfs.len(), "an AMF of this cluster");
        let slot = Arc::new(Slot::default());
        let mut work = Worklist::new();
        let waiter = Waiter::Thread(Arc::clone(&slot));
        let op = self.cluster.ask(amf, kind, waiter, &mut work);
        self.cluster.pump(&mut work, PUMP_TURNS_MAX);
        let answered = slot.take().or_else(|| slot.wait(time));
        answered.map_or(Answer::failed(op, HostError::Timeout), |(answer, _)| answer)
    }

    /// The cluster's clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.cluster.clock.now()
    }

    /// What the cluster is made of.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.cluster.config
    }

    /// The AMF is a member and its lease is live.
    #[must_use]
    pub fn is_serving(&self, amf: AmfId) -> bool {
        let now = self.cluster.clock.now();
        let state = self.cluster.amfs[usize::from(amf.0)].lock();
        let machine = state.machine.as_ref().filter(|_| state.paused.is_none());
        machine.is_some_and(|amf: &Amf| amf.is_member() && amf.lease_until() > now)
    }

    /// The cluster has been shut down.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.cluster.ended.load(Ordering::SeqCst)
    }
}
