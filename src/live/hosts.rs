//! Host operations between the host and the answer: numbers, who waits, and what each one cost.

use super::events::Events;
use crate::protocol::id::{AmfId, Instant, OpId, Ticket};
use crate::protocol::{Answer, Body, Message, Packet};
use crate::trace::Completion;
use crate::trace::engine::ByKind;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Operations that may be under way through [`crate::trace::HostPort`]; past it the answer is
/// `NotServing`.
pub(crate) const PORT_OPS_MAX: u64 = 65_536;
const SHARDS: usize = 16;

/// A host that waits for its operation.
#[derive(Debug)]
pub(crate) struct Pending {
    /// When the request came.
    pub(crate) started: Instant,
    /// It may change content.
    pub(crate) is_write: bool,
    /// Who wants the answer.
    pub(crate) waiter: Waiter,
}

/// Who wants an answer.
#[derive(Clone, Debug)]
pub(crate) enum Waiter {
    /// The engine's user, as a [`Completion`].
    Port,
    /// A thread that blocks for it.
    Thread(Arc<Slot>),
}

/// Where a thread finds its answer.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    answer: Mutex<Option<(Answer, Instant)>>,
    there: Condvar,
}

impl Slot {
    pub(crate) fn fill(&self, answer: Answer, now: Instant) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some((answer, now));
        self.there.notify_one();
    }

    /// The answer, if it comes in `time`.
    pub(crate) fn wait(&self, time: Duration) -> Option<(Answer, Instant)> {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.there.wait_timeout_while(answer, time, |answer| answer.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.take()
    }

    /// The answer, if it is there.
    pub(crate) fn take(&self) -> Option<(Answer, Instant)> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What an operation cost so far.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    messages: ByKind,
    broadcasts: u32,
    saved: u32,
    ticket: Option<Ticket>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    next: AtomicU64,
    /// Operations without an answer.
    outstanding: AtomicU64,
    /// Those of the port: their costs are counted.
    port: AtomicU64,
    costs: [Mutex<FxHashMap<OpId, Cost>>; SHARDS],
    done: Mutex<VecDeque<Completion>>,
}

impl Hosts {
    /// A number for a new operation, and its entry.
    pub(crate) fn begin(&self, waiter: &Waiter) -> OpId {
        let op = OpId(self.next.fetch_add(1, Ordering::Relaxed) + 1);
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        if matches!(waiter, Waiter::Port) {
            self.count_cost(op);
        }
        op
    }

    /// An operation of the port that was answered is under way again.
    pub(crate) fn begin_again(&self, op: OpId) {
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        self.count_cost(op);
    }

    fn count_cost(&self, op: OpId) {
        self.port.fetch_add(1, Ordering::Relaxed);
        self.shard(op).insert(op, Cost::default());
    }

    /// The port takes no more.
    pub(crate) fn is_full(&self) -> bool {
        self.port.load(Ordering::Relaxed) >= PORT_OPS_MAX
    }

    /// Operations without an answer.
    pub(crate) fn outstanding(&self) -> u64 {
        self.outstanding.load(Ordering::Relaxed)
    }

    fn shard(&self, op: OpId) -> MutexGuard<'_, FxHashMap<OpId, Cost>> {
        let shard = usize::try_from(op.0 % SHARDS as u64).unwrap_or(0);
        self.costs[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a packet for the operation that caused it.
    pub(crate) fn count(&self, packet: &Packet) {
        if self.port.load(Ordering::Relaxed) == 0 {
            return;
        }
        let Body::Frame(frame) = &packet.body else { return };
        let Some(message) = &frame.message else { return };
        if frame.again || frame.cause == OpId::NONE {
            return;
        }
        if let Some(cost) = self.shard(frame.cause).get_mut(&frame.cause) {
            cost.messages[message.kind().index()] += 1;
            // An access asks all its peers in a row: a new ticket is a new broadcast.
            if let Message::Access { ticket, .. } = &**message
                && cost.ticket != Some(*ticket)
            {
                cost.ticket = Some(*ticket);
                cost.broadcasts += 1;
            }
        }
    }

    /// Counts accesses of `op` that needed no broadcast.
    pub(crate) fn count_saved(&self, op: OpId, saved: u32) {
        if saved > 0
            && let Some(cost) = self.shard(op).get_mut(&op)
        {
            cost.saved += saved;
        }
    }

    /// Gives an answer to whom it belongs.
    pub(crate) fn end(
        &self,
        amf: AmfId,
        answer: Answer,
        pending: Pending,
        now: Instant,
        events: &Events,
    ) {
        match pending.waiter {
            Waiter::Thread(slot) => slot.fill(answer, now),
            Waiter::Port => {
                let cost = self.shard(answer.op).remove(&answer.op).unwrap_or_default();
                let done = Completion {
                    amf,
                    answer,
                    started: pending.started,
                    ended: now,
                    messages: cost.messages,
                    broadcasts: cost.broadcasts,
                    saved: cost.saved,
                };
                self.port.fetch_sub(1, Ordering::Relaxed);
                let mut queue = self.done.lock().unwrap_or_else(PoisonError::into_inner);
                let was_empty = queue.is_empty();
                queue.push_back(done);
                drop(queue);
                if was_empty {
                    events.wake();
                }
            }
        }
        self.outstanding.fetch_sub(1, Ordering::Relaxed);
    }

    /// The oldest completion of the port.
    pub(crate) fn next_done(&self) -> Option<Completion> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Completions wait to be polled.
    pub(crate) fn has_done(&self) -> bool {
        !self.done.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}
