//! A simulated cluster behind a session, as `amflab exec` has it, and looked at from outside: what is done
//! to it is a command of the script grammar, so that what happened here happens there.

use super::guard::Guard;
use crate::profile::Profile;
use crate::protocol::id::{AmfId, Instant, OpId, Span};
use crate::protocol::{Config, HostError, RequestKind};
use crate::session::{Report, Session};
use crate::sim::{Sim, SimOptions};
use crate::trace::action::HoldFilter;
use crate::trace::engine::{Advance, Completion, Engine, EngineError, HostPort, Progress};
use crate::trace::event::Event;
use crate::trace::snapshot::{Ask, Snapshot};
use crate::trace::{Action, Command};
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a checker found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which checker: `single-writer`, `reads`, `linearizability`, `progress`, `panic`.
    pub checker: String,
    /// In words.
    pub text: String,
}

impl Finding {
    /// An assertion of the core is a checker like any other.
    fn of_panic(panic: &(dyn core::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("without a message").to_owned();
        Self { checker: "panic".to_owned(), text }
    }
}

/// Counted from the answers of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Reads given.
    pub reads: u64,
    /// Writes given, of whatever kind.
    pub writes: u64,
    /// Flushes given.
    pub flushes: u64,
    /// Touches that hit.
    pub hits: u64,
    /// Touches that missed.
    pub misses: u64,
    /// Ended in an error, in the order of [`HostError::ALL`].
    pub errors: [u64; HostError::ALL.len()],
    /// Nanoseconds of reads that were answered.
    pub read_ns: Vec<u64>,
    /// Nanoseconds of writes that were answered.
    pub write_ns: Vec<u64>,
    /// Under way, at each AMF.
    pub open: Vec<u32>,
    /// What they are: `true` writes, `false` reads. Flushes are not in it.
    writing: std::collections::BTreeMap<OpId, bool>,
}

struct Inner {
    sim: Sim,
    asked: Asked,
}

/// The simulator, for the session and for whoever looks on.
#[derive(Clone)]
struct Shared {
    inner: Arc<Mutex<Inner>>,
    config: Arc<Config>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic in the core is a finding; what is looked at afterwards is only told.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HostPort for Shared {
    fn host(&mut self, amf: AmfId, kind: RequestKind) -> OpId {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let asked = &mut inner.asked;
        asked.open[usize::from(amf.0)] += 1;
        let writes = match kind {
            RequestKind::Read(_) => Some(false),
            RequestKind::Write(..)
            | RequestKind::WriteFua(..)
            | RequestKind::Zero(_)
            | RequestKind::CompareAndWrite { .. } => Some(true),
            RequestKind::Flush => None,
        };
        match writes {
            Some(true) => asked.writes += 1,
            Some(false) => asked.reads += 1,
            None => asked.flushes += 1,
        }
        let op = inner.sim.host(amf, kind);
        if let Some(writes) = writes {
            inner.asked.writing.insert(op, writes);
        }
        op
    }

    fn poll_completion(&mut self) -> Option<Completion> {
        let mut inner = self.lock();
        let done = inner.sim.poll_completion()?;
        let asked = &mut inner.asked;
        asked.open[usize::from(done.amf.0)] -= 1;
        let writes = asked.writing.remove(&done.answer.op);
        match &done.answer.result {
            Ok(touched) => {
                let hits = touched.iter().filter(|touch| touch.hit).count() as u64;
                asked.hits += hits;
                asked.misses += touched.len() as u64 - hits;
                let nanos = done.ended.since(done.started).0;
                match writes {
                    Some(true) => asked.write_ns.push(nanos),
                    Some(false) => asked.read_ns.push(nanos),
                    None => {}
                }
            }
            Err(error) => {
                let at = HostError::ALL.iter().position(|known| known == error);
                asked.errors[at.expect("every error is listed")] += 1;
            }
        }
        Some(done)
    }
}

impl Engine for Shared {
    fn submit(&mut self, action: Action) -> Result<String, EngineError> {
        self.lock().sim.submit(action)
    }
    fn poll_event(&mut self) -> Option<Event> {
        self.lock().sim.poll_event()
    }
    fn subscribe(&mut self, on: bool) {
        self.lock().sim.subscribe(on);
    }
    fn snapshot(&mut self, ask: &Ask) -> Snapshot {
        self.lock().sim.snapshot(ask)
    }
    fn advance(&mut self, how: Advance) -> Result<Progress, EngineError> {
        self.lock().sim.advance(how)
    }
    fn now(&self) -> Instant {
        self.lock().sim.now()
    }
    fn config(&self) -> &Config {
        &self.config
    }
    fn is_settled(&mut self) -> bool {
        self.lock().sim.is_settled()
    }
    fn audit(&mut self) {
        self.lock().sim.audit();
    }
    fn shutdown(&mut self) -> Result<(), EngineError> {
        self.lock().sim.shutdown()
    }
}

/// Why a command did not go well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A checker fired.
    Found(Finding),
    /// The engine refused it, or the protocol does not promise to survive it.
    NotAllowed,
}

/// A cluster on which commands are given and watched.
pub struct Stage {
    session: Session,
    shared: Shared,
    guard: Guard,
}

impl Stage {
    /// How a campaign simulates: everything is judged, nothing kept.
    pub const JUDGED: SimOptions =
        SimOptions { log: false, judge: true, history: true, keep: false };

    /// A cluster of this profile that has come to rest, as at the begin of a script. `events`: they are
    /// made, which a script needs that waits for some.
    #[must_use]
    pub fn new(profile: &Profile, options: SimOptions, events: bool) -> Self {
        let asked = Asked { open: vec![0; usize::from(profile.config.amfs)], ..Asked::default() };
        let sim = Sim::new(profile, profile.seed, options);
        let config = Arc::new(profile.config.clone());
        let shared = Shared { inner: Arc::new(Mutex::new(Inner { sim, asked })), config };
        let mut session = Session::new(Box::new(shared.clone()), profile);
        if !events {
            session.engine().subscribe(false);
        }
        session.execute(&Command::Settle).expect("a simulation does not break");
        Self { session, shared, guard: Guard::new(&profile.config) }
    }

    /// More AMFs may go from now on than there are replicas.
    pub fn allow_beyond(&mut self) {
        self.guard.allow_beyond(&self.shared.config);
    }

    /// Nobody asks whether a command is permitted: more may have gone than there are replicas.
    pub fn anything_goes(&mut self) {
        self.guard.anything_goes();
    }

    /// Looks at the simulator.
    pub fn look<T>(&self, look: impl FnOnce(&mut Sim, &Asked) -> T) -> T {
        let mut inner = self.shared.lock();
        let Inner { sim, asked } = &mut *inner;
        look(sim, asked)
    }

    /// The cluster's clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.session.now()
    }

    /// Whether the protocol promises to survive this now; if so, it is booked and must be given.
    pub fn permits(&mut self, command: &Command) -> bool {
        let mut inner = self.shared.lock();
        self.guard.permits(command, &mut inner.sim)
    }

    /// How long the message that is held longest may be late still, and what holds it.
    #[must_use]
    pub fn patience(&self) -> Option<(Span, HoldFilter)> {
        let inner = self.shared.lock();
        self.guard.patience(&inner.sim)
    }

    /// Gives a command that was permitted, and waits as a script would.
    ///
    /// # Errors
    /// What the checkers found; or the engine refused.
    pub fn give(&mut self, command: &Command) -> Result<Report, Stop> {
        let session = &mut self.session;
        let report = catch_unwind(AssertUnwindSafe(|| session.execute(command)));
        let report = match report {
            Ok(report) => report.map_err(|_| Stop::NotAllowed)?,
            Err(panic) => return Err(Stop::Found(Finding::of_panic(&*panic))),
        };
        if let Some(found) = self.found() {
            return Err(Stop::Found(found));
        }
        if report.status == crate::session::Status::Refused {
            return Err(Stop::NotAllowed);
        }
        Ok(report)
    }

    /// The first violation so far.
    #[must_use]
    pub fn found(&self) -> Option<Finding> {
        self.look(|sim, _| {
            if let Some(first) = sim.world().violations().first() {
                let (checker, text) = (first.checker.clone(), first.text.clone());
                return Some(Finding { checker, text });
            }
            // Nothing may be called lost without a cause.
            let view = sim.world().witness().view();
            let lost = view.lost().next().filter(|_| !self.guard.is_exceeded())?;
            let text = format!("{} is lost since {}, for no reason", lost.owner, lost.left);
            Some(Finding { checker: "doubt".to_owned(), text })
        })
    }
}

/// True if the command waits for an event.
#[must_use]
pub fn needs_events(command: &Command) -> bool {
    match command {
        Command::RunUntil(condition, _) => condition.is_about_events(),
        _ => false,
    }
}
