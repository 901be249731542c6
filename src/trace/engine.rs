//! The seam between a cluster and everything that uses one.
//!
//! `sim` and `live` implement [`Engine`]; scripts, workloads, replays, lessons and the console run on
//! it and cannot tell which they have. Only [`Engine::advance`] may block.

use super::action::Action;
use super::change::Differences;
use super::event::Event;
use super::recording::Whole;
use super::snapshot::{Ask, Snapshot};
use super::survey::Survey;
use crate::protocol::id::{AmfId, Instant, OpId};
use crate::protocol::{Answer, Config, MsgKind, RequestKind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Wakes somebody who sleeps elsewhere; called from any thread, must not block.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// First sends by kind, in the order of [`MsgKind::ALL`].
pub type ByKind = [u64; MsgKind::ALL.len()];

/// Counters of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// First sends by kind: no retransmissions, acknowledgements, renewals.
    pub messages: ByKind,
    /// Messages sent again.
    pub retransmissions: u64,
    /// Accesses that were broadcast.
    pub broadcasts: u64,
    /// Accesses that needed none, because the data was not shared (claims 10 to 12).
    pub broadcasts_saved: u64,
    /// Touches answered from another AMF's cache.
    pub peer_transfers: u64,
    /// Touches that hit.
    pub hits: u64,
    /// Touches that missed.
    pub misses: u64,
    /// Blocks read from disks.
    pub disk_reads: u64,
    /// Blocks written to disks.
    pub disk_writes: u64,
    /// Blocks adopted after an AMF left.
    pub takeovers: u64,
    /// Views since the start.
    pub views: u64,
    /// Lines dropped to make room.
    pub evictions: u64,
    /// Dirty lines written to the group.
    pub destages: u64,
}

impl Counts {
    /// First sends of one kind.
    #[must_use]
    pub const fn sent(&self, kind: MsgKind) -> u64 {
        self.messages[kind.index()]
    }

    /// First sends of all kinds.
    #[must_use]
    pub fn sent_all(&self) -> u64 {
        self.messages.iter().sum()
    }

    /// What was added since `before`, an earlier state of the same counters.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut messages = self.messages;
        messages.iter_mut().zip(before.messages).for_each(|(now, then)| *now -= then);
        Self {
            messages,
            retransmissions: self.retransmissions - before.retransmissions,
            broadcasts: self.broadcasts - before.broadcasts,
            broadcasts_saved: self.broadcasts_saved - before.broadcasts_saved,
            peer_transfers: self.peer_transfers - before.peer_transfers,
            hits: self.hits - before.hits,
            misses: self.misses - before.misses,
            disk_reads: self.disk_reads - before.disk_reads,
            disk_writes: self.disk_writes - before.disk_writes,
            takeovers: self.takeovers - before.takeovers,
            views: self.views - before.views,
            evictions: self.evictions - before.evictions,
            destages: self.destages - before.destages,
        }
    }
}

/// An answered host operation, with what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The AMF that was asked.
    pub amf: AmfId,
    /// The answer.
    pub answer: Answer,
    /// When the request reached the engine.
    pub started: Instant,
    /// When it was answered.
    pub ended: Instant,
    /// First sends that it caused, by kind.
    pub messages: ByKind,
    /// Accesses of it that were broadcast.
    pub broadcasts: u32,
    /// Accesses of it that needed no broadcast.
    pub saved: u32,
}

/// Why an engine did not do what it was told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The action names something that does not exist, or makes no sense now.
    #[error("{0}")]
    Refused(String),
    /// The engine cannot go on (a store is damaged, a thread died).
    #[error("{0}")]
    Broken(String),
}

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// Not beyond this time.
    pub until: Instant,
    /// At most so many steps (simulator); live engines come back after any event.
    pub steps_max: u64,
}

/// How far it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Something happened; there may be more before the deadline.
    Stepped,
    /// The deadline is reached.
    Deadline,
    /// Nothing will happen by itself any more, at any time (simulator, or everything is held).
    Idle,
}

/// Submitting host operations and getting their completions: the seam for generators, replays,
/// scripts and, later, real clients.
pub trait HostPort {
    /// Gives a request to an AMF. Bounded: past the engine's limit the answer is `NotServing`.
    fn host(&mut self, amf: AmfId, kind: RequestKind) -> OpId;

    /// Makes a request again over another path, after the answer to it was `NotServing`: nothing of it was
    /// done. It keeps its number where an engine can, so that a log tells it from another request.
    fn host_again(&mut self, op: OpId, amf: AmfId, kind: RequestKind) -> OpId {
        let _ = op;
        self.host(amf, kind)
    }

    /// The next completion, if there is one.
    fn poll_completion(&mut self) -> Option<Completion>;
}

/// Methods of [`Engine`] that only pass on what they are told to the engine in a field: for engines that add
/// something to another one, and write down the methods in which they do.
macro_rules! pass_on {
    ($field:ident: $($method:ident)*) => { $($crate::trace::engine::pass_on!(@ $field $method);)* };
    (@ $field:ident poll_event) => {
        fn poll_event(&mut self) -> Option<$crate::trace::event::Event> {
            self.$field.poll_event()
        }
    };
    (@ $field:ident told) => {
        fn told(
            &mut self,
            from: u64,
            to: u64,
        ) -> Result<Option<Vec<$crate::trace::event::Event>>, $crate::trace::engine::EngineError> {
            self.$field.told(from, to)
        }
    };
    (@ $field:ident differences) => {
        fn differences(
            &mut self,
            from: u64,
            to: u64,
        ) -> Result<
            Option<$crate::trace::change::Differences>,
            $crate::trace::engine::EngineError,
        > {
            self.$field.differences(from, to)
        }
    };
    (@ $field:ident recorded) => {
        fn recorded(
            &mut self,
        ) -> Result<$crate::trace::recording::Whole, $crate::trace::engine::EngineError> {
            self.$field.recorded()
        }
    };
    (@ $field:ident mark_figures) => {
        fn mark_figures(&mut self, on: bool) {
            self.$field.mark_figures(on);
        }
    };
    (@ $field:ident survey) => {
        fn survey(&mut self) -> Option<::std::sync::Arc<$crate::trace::survey::Survey>> {
            self.$field.survey()
        }
    };
    (@ $field:ident subscribe) => {
        fn subscribe(&mut self, on: bool) {
            self.$field.subscribe(on);
        }
    };
    (@ $field:ident set_waker) => {
        fn set_waker(&mut self, waker: $crate::trace::engine::Waker) -> bool {
            self.$field.set_waker(waker)
        }
    };
    (@ $field:ident advance) => {
        fn advance(
            &mut self,
            how: $crate::trace::engine::Advance,
        ) -> Result<$crate::trace::engine::Progress, $crate::trace::engine::EngineError> {
            self.$field.advance(how)
        }
    };
    (@ $field:ident now) => {
        fn now(&self) -> $crate::protocol::id::Instant {
            self.$field.now()
        }
    };
    (@ $field:ident config) => {
        fn config(&self) -> &$crate::protocol::Config {
            self.$field.config()
        }
    };
    (@ $field:ident is_settled) => {
        fn is_settled(&mut self) -> bool {
            self.$field.is_settled()
        }
    };
    (@ $field:ident audit) => {
        fn audit(&mut self) {
            self.$field.audit();
        }
    };
    (@ $field:ident shutdown) => {
        fn shutdown(&mut self) -> Result<(), $crate::trace::engine::EngineError> {
            self.$field.shutdown()
        }
    };
}
pub(crate) use pass_on;

/// A cluster that runs.
pub trait Engine: HostPort {
    /// Does what it is told, now; the receipt in words.
    ///
    /// # Errors
    /// [`EngineError::Refused`] names what is wrong with the action; nothing was done then.
    fn submit(&mut self, action: Action) -> Result<String, EngineError>;

    /// The next event, if events are [subscribed](Self::subscribe) and one is there.
    fn poll_event(&mut self) -> Option<Event>;

    /// What happened in the steps after `from`, up to `to`, if the engine can still tell (a recording can).
    ///
    /// # Errors
    /// [`EngineError::Broken`] if it cannot any more.
    fn told(&mut self, from: u64, to: u64) -> Result<Option<Vec<Event>>, EngineError> {
        let _ = (from, to);
        Ok(None)
    }

    /// What differs in all of the state between two positions, if the engine can still tell (a recording can).
    ///
    /// # Errors
    /// [`EngineError::Broken`] if it cannot any more.
    fn differences(&mut self, from: u64, to: u64) -> Result<Option<Differences>, EngineError> {
        let _ = (from, to);
        Ok(None)
    }

    /// The run so far as a whole recording (`trace::recording`), from its first step on. For somebody who
    /// looks at it from elsewhere: the run goes on, and knows nothing of that.
    ///
    /// # Errors
    /// [`EngineError::Refused`]: its steps are not kept, or are too many.
    fn recorded(&mut self) -> Result<Whole, EngineError> {
        Err(EngineError::Refused("the steps of this run are not kept".to_owned()))
    }

    /// What hosts ask from now on belongs to the figures of the run (`true`), or does not any more: it is put
    /// into the log, for who counts there.
    fn mark_figures(&mut self, on: bool) {
        let _ = on;
    }

    /// What stands out in the whole of the run, if the engine knows all of it (a recording does).
    fn survey(&mut self) -> Option<Arc<Survey>> {
        None
    }

    /// Events are made only while somebody wants them.
    fn subscribe(&mut self, on: bool);

    /// Asks the engine to call `waker` whenever an event or a completion is there to be polled after
    /// a time when there was none (edge, not level; a call too many is harmless). `true`: it will.
    /// `false`, the default: it moves in [`Self::advance`] only, so its caller must drive it.
    fn set_waker(&mut self, waker: Waker) -> bool {
        drop(waker);
        false
    }

    /// How things stand.
    fn snapshot(&mut self, ask: &Ask) -> Snapshot;

    /// Lets time pass. The only method that may block.
    ///
    /// # Errors
    /// [`EngineError::Broken`] if the cluster cannot go on.
    fn advance(&mut self, how: Advance) -> Result<Progress, EngineError>;

    /// The cluster's clock.
    fn now(&self) -> Instant;

    /// What the cluster is made of.
    fn config(&self) -> &Config;

    /// True if no operation, access, recovery, refill, re-replication or unacknowledged message is
    /// outstanding and every AMF that is up is in the newest view (`settle`, DESIGN section 3).
    fn is_settled(&mut self) -> bool;

    /// Judges what no single step can tell, once the cluster has settled: that nothing acknowledged is
    /// lost, that disks agree, that every block's history is linearizable, that every request was
    /// answered. What it finds is in the violations. Engines that cannot look do nothing.
    fn audit(&mut self) {}

    /// Ends the cluster as a person would: destages everything that it can, closes the stores.
    ///
    /// # Errors
    /// [`EngineError::Broken`] says what could not be written.
    fn shutdown(&mut self) -> Result<(), EngineError>;
}
