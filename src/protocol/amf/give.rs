//! Giving access (section 2; claims 1, 5, 9): an AMF that is asked defers, destages first, or grants, and
//! gives its copy with the grant.

use super::Amf;
use super::key::{Deferred, KeyCtl, Why};
use crate::protocol::defect::Defect;
use crate::protocol::id::{AmfId, AmfSet, Block, Instant, Key, Mode, OpId, Ticket};
use crate::protocol::message::{CopyKind, LineCopy, Message};
use crate::protocol::rule::{LineState, Rule};

impl Amf {
    /// Section 2: defer, destage first, or grant.
    pub(super) fn on_access(
        &mut self,
        now: Instant,
        from: AmfId,
        cause: OpId,
        ticket: Ticket,
        key: Key,
        mode: Mode,
    ) {
        assert_eq!(ticket.amf, from, "tickets are drawn by who sends them");
        self.clock = self.clock.max(ticket.clock);
        self.unclear(from, key);
        let request = Deferred { ticket, mode, cause, why: Why::Held };
        match self.judge(now, key, request) {
            Ok(()) => self.grant(now, key, request),
            Err(why) => {
                self.rule_peer(rule_of(why), key, from);
                let ctl = self.keys.get_or_insert_with(key, KeyCtl::default);
                ctl.deferred.push(Deferred { why, ..request });
            }
        }
    }

    /// Each deferred request again from step 1, oldest ticket first.
    pub(super) fn evaluate_deferred(&mut self, now: Instant, key: Key) {
        let Some(ctl) = self.keys.get_mut(&key) else { return };
        if ctl.deferred.is_empty() {
            return;
        }
        let mut deferred = core::mem::take(&mut ctl.deferred);
        deferred.sort_by_key(|request| request.ticket);
        for request in deferred {
            match self.judge(now, key, request) {
                Ok(()) if self.has(Defect::LostDeferredGrant) => {}
                Ok(()) => self.grant(now, key, request),
                Err(why) => {
                    let ctl = self.keys.get_or_insert_with(key, KeyCtl::default);
                    ctl.deferred.push(Deferred { why, ..request });
                }
            }
        }
    }

    /// Section 2, steps 1 and 2. Starts the destage that a dirty line needs first \[H1\].
    fn judge(&mut self, now: Instant, key: Key, request: Deferred) -> Result<(), Why> {
        if let Some(ctl) = self.keys.get(&key) {
            if let Some(access) = ctl.access.as_ref().filter(|a| a.mode.conflicts(request.mode)) {
                if access.stage.is_held() {
                    return Err(Why::Held);
                }
                if access.ticket < request.ticket {
                    return Err(Why::SmallerTicket);
                }
            }
            if ctl.destage.is_some() && !self.has(Defect::GrantWhileDestaging) {
                return Err(Why::Destaging);
            }
            let recovering = ctl.recovery.is_some() && !request.ticket.is_recovery();
            if recovering && !self.has(Defect::NoRecoveryDeferral) {
                return Err(Why::Recovering);
            }
        }
        match key {
            Key::Block(block) => {
                let dirty = self.cache.state(block).is_owned() && !self.may_lend();
                let destaging = self.keys.get(&key).is_some_and(|ctl| ctl.destage.is_some());
                if dirty && !destaging && !self.has(Defect::DirtyHandover) {
                    self.start_destage(now, block, request.cause);
                    return Err(Why::Dirty);
                }
            }
            Key::Stripe(stripe) => {
                if self.stripes_busy.contains(&stripe) && !self.has(Defect::RebuildWithoutLock) {
                    return Err(Why::StripeBusy);
                }
            }
            Key::Group => {
                if self.has_old_destage() && !self.has(Defect::RebuildWithoutLock) {
                    return Err(Why::StripeBusy);
                }
                if self.marks_are_missing() && !self.has(Defect::RebuildWithoutLock) {
                    return Err(Why::StripeBusy);
                }
            }
        }
        Ok(())
    }

    /// Section 2, step 3.
    pub(super) fn grant(&mut self, now: Instant, key: Key, request: Deferred) {
        let Deferred { ticket, mode, cause, .. } = request;
        let to = ticket.amf;
        let copy = match key {
            Key::Block(block) => self.give_way(now, block, to, mode),
            Key::Stripe(_) | Key::Group => None,
        };
        let holder_speaks = !self.has(Defect::ReadingOnlyWhileWaiting);
        let mut reading = false;
        if let Some(access) = self.keys.get_mut(&key).and_then(|ctl| ctl.access.as_mut())
            && access.mode == Mode::Shared
        {
            // [H3] "Waits for or holds"; and whoever reads here must know that another reads too.
            reading = holder_speaks || !access.stage.is_held();
            access.granted_shared |= mode == Mode::Shared;
        }
        let replica = match key {
            Key::Block(block) if ticket.is_recovery() => self.recovering_version(block),
            Key::Block(_) | Key::Stripe(_) | Key::Group => None,
        };
        self.note_granted(key, ticket);
        let (clock, floor) = (self.clock, self.floor(key));
        let grant = Message::Grant { ticket, key, clock, floor, copy, reading, replica };
        self.send(now, to, cause, grant);
    }

    /// What a grant does to the line: `I` for a write, `S` for a read; a dirty line that may be lent
    /// goes to `L` and `O` instead. Gives the copy.
    fn give_way(&mut self, now: Instant, block: Block, to: AmfId, mode: Mode) -> Option<LineCopy> {
        let key = Key::Block(block);
        let at = self.cache.find(block).filter(|at| self.cache.line(*at).state != LineState::I);
        let Some(at) = at else {
            self.rule_peer(Rule::GrantNothing, key, to);
            return None;
        };
        let lends = self.may_lend() && !self.has(Defect::DirtyHandover);
        let line = self.cache.line(at);
        let (before, version, busy) = (line.state, line.version, line.busy);
        let copy = |kind| Some(LineCopy { version, data: line.data.clone(), kind });
        if before == LineState::L {
            let copy = copy(CopyKind::Lent);
            self.fact(Rule::OfferLent, Some(key), before, before, Some(to), version);
            return copy;
        }
        let owned = before.is_owned() && lends;
        let copy = match mode {
            Mode::Exclusive if owned => copy(CopyKind::Lent),
            Mode::Shared if owned => copy(CopyKind::Owned),
            Mode::Exclusive | Mode::Shared => copy(CopyKind::Clean),
        };
        match mode {
            Mode::Exclusive if owned && !self.skips_invalidate(to) => {
                self.lend(now, at, to);
            }
            Mode::Shared if owned => {
                self.cache.set_state(at, LineState::O);
                self.fact(Rule::GrantShared, Some(key), before, LineState::O, Some(to), version);
            }
            Mode::Exclusive if self.skips_invalidate(to) => {
                self.fact(Rule::GrantExclusive, Some(key), before, before, Some(to), version);
            }
            Mode::Exclusive => {
                self.raise_floor(block, version);
                self.fact(Rule::GrantExclusive, Some(key), before, LineState::I, Some(to), version);
                if busy {
                    self.cache.set_state(at, LineState::I);
                    self.cache.line_mut(at).missing = AmfSet::EMPTY;
                } else {
                    self.cache.remove(at);
                }
            }
            Mode::Shared => {
                self.cache.set_state(at, LineState::S);
                self.fact(Rule::GrantShared, Some(key), before, LineState::S, Some(to), version);
            }
        }
        copy
    }

    /// The seeded defect: the first sharer that a write asks keeps its copy.
    fn skips_invalidate(&self, to: AmfId) -> bool {
        let first = self.current_view().set().minus(AmfSet::only(to)).iter().next();
        self.has(Defect::SkipOneInvalidate) && first == Some(self.id)
    }
}

fn rule_of(why: Why) -> Rule {
    match why {
        Why::Held => Rule::DeferHeld,
        Why::SmallerTicket => Rule::DeferTicket,
        Why::Destaging => Rule::DeferDestaging,
        Why::Recovering => Rule::DeferRecovering,
        Why::Dirty => Rule::DestageFirst,
        Why::StripeBusy => Rule::DeferStripe,
    }
}
