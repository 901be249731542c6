//! An engine of which it is counted what passes through it: the console's, whose requests come from many
//! hands.

use super::board::Board;
use super::sample;
use crate::cli::tally::{Doing, Tally};
use crate::profile::Profile;
use crate::protocol::id::{AmfId, Instant, OpId};
use crate::protocol::table::Table;
use crate::protocol::{HostError, RequestKind};
use crate::session::AnyEngine;
use crate::trace::action::Action;
use crate::trace::engine::{Completion, Engine, EngineError, HostPort, Waker, pass_on};
use crate::trace::snapshot::{Ask, Snapshot};
use std::collections::VecDeque;
use std::sync::Arc;

/// See the module.
pub(in crate::cli) struct Metered {
    engine: AnyEngine,
    board: Arc<Board>,
    profile: Profile,
    tally: Tally,
    open: Table<OpId, Doing>,
    deadlines: VecDeque<(Instant, OpId)>,
    /// Requests that were turned away since nothing more was answered, and by then: whoever makes one again
    /// does so at once, and it is no error. A counter never goes back.
    refused: [Vec<OpId>; 2],
}

impl Metered {
    /// Counts what passes through `engine`, which was built from `profile`.
    pub(in crate::cli) fn new(engine: AnyEngine, profile: &Profile, board: Arc<Board>) -> Self {
        let mut metered = Self {
            engine,
            board,
            profile: profile.clone(),
            tally: Tally::new(),
            open: Table::default(),
            deadlines: VecDeque::new(),
            refused: [Vec::new(), Vec::new()],
        };
        metered.put();
        metered
    }

    fn put_if_wanted(&mut self) {
        if self.board.is_wanted() {
            self.put();
        }
    }

    fn put(&mut self) {
        self.give_up_late();
        let snapshot = self.engine.snapshot(&Ask::BRIEF);
        let counts = snapshot.counts.clone();
        let outstanding = self.open.len() as u64;
        self.board.put(sample(&self.profile, snapshot, counts, &self.tally, outstanding));
    }

    /// Requests without an answer by now are timeouts, as for those who made them.
    fn give_up_late(&mut self) {
        let now = self.engine.now();
        while let Some((at, op)) = self.deadlines.front().copied() {
            if self.open.contains(&op) {
                if at > now {
                    return;
                }
                self.open.remove(&op);
                self.tally.failed(HostError::Timeout);
            }
            self.deadlines.pop_front();
        }
    }
}

impl HostPort for Metered {
    fn host(&mut self, amf: AmfId, kind: RequestKind) -> OpId {
        let doing = Doing::of(&kind);
        let deadline = self.engine.now() + self.profile.host.timeout;
        let op = self.engine.host(amf, kind);
        self.tally.asked(doing);
        self.open.insert(op, doing);
        self.deadlines.push_back((deadline, op));
        op
    }

    fn host_again(&mut self, op: OpId, amf: AmfId, kind: RequestKind) -> OpId {
        let doing = Doing::of(&kind);
        let deadline = self.engine.now() + self.profile.host.timeout;
        let was = op;
        let op = self.engine.host_again(op, amf, kind);
        self.refused.iter_mut().for_each(|ops| ops.retain(|refused| *refused != was));
        self.tally.retried += 1;
        self.open.insert(op, doing);
        self.deadlines.push_back((deadline, op));
        op
    }

    fn poll_completion(&mut self) -> Option<Completion> {
        let Some(done) = self.engine.poll_completion() else {
            let [now, before] = &mut self.refused;
            before.drain(..).for_each(|_| self.tally.failed(HostError::NotServing));
            core::mem::swap(now, before);
            self.put_if_wanted();
            return None;
        };
        if let Some(doing) = self.open.remove(&done.answer.op) {
            if done.answer.result == Err(HostError::NotServing) {
                self.refused[0].push(done.answer.op);
            } else {
                self.tally.answered(doing, &done);
            }
        }
        self.give_up_late();
        Some(done)
    }
}

impl Engine for Metered {
    fn submit(&mut self, action: Action) -> Result<String, EngineError> {
        let done = self.engine.submit(action);
        // It may be the last call for a while: another run may be shown now.
        self.put();
        done
    }

    pass_on!(engine: poll_event told differences recorded mark_figures survey subscribe advance now config);
    pass_on!(engine: is_settled audit shutdown);

    fn set_waker(&mut self, waker: Waker) -> bool {
        self.board.set_waker(Arc::clone(&waker));
        self.engine.set_waker(waker)
    }

    fn snapshot(&mut self, ask: &Ask) -> Snapshot {
        self.put_if_wanted();
        self.engine.snapshot(ask)
    }
}
