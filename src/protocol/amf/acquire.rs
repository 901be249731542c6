//! Acquiring access (section 2; claims 1, 3, 5, 6, 9): tickets, broadcast, deferral, grants, release.
//!
//! Mutual exclusion by tickets (Ricart and Agrawala 1981) with shared access added. No lock server.
//! The road not taken: a directory, which would unicast; it comes as a protocol of its own.

use super::Amf;
use super::key::{Access, Job, KeyCtl, Queued, Stage};
use crate::protocol::defect::Defect;
use crate::protocol::host::{HostError, RequestKind, Source, Touched};
use crate::protocol::id::{
    AmfId, AmfSet, Block, Instant, Key, Mode, OpId, Ticket, TicketClass, Version,
};
use crate::protocol::message::{CopyKind, LineCopy, Message};
use crate::protocol::rule::{LineState, Rule};

/// A grant without its clock.
pub(super) struct Granted<'a> {
    pub(super) ticket: Ticket,
    pub(super) key: Key,
    pub(super) floor: Version,
    pub(super) copy: Option<&'a LineCopy>,
    pub(super) reading: bool,
    pub(super) replica: Option<Version>,
}

/// What became of local work that reached the head of its queue.
enum Begun {
    /// It is done, or has the access.
    Yes,
    /// It has to stay at the head until something happens.
    Blocked,
}

impl Amf {
    // ---- the key, looked at again

    /// After a release, the end of a destage, the end of a recovery (section 2): a pending recovery
    /// or a suspended access of our own goes on; then every deferred request is evaluated again, from
    /// step 1; then comes the next local operation.
    pub(super) fn settle_key(&mut self, now: Instant, key: Key) {
        self.touched(key);
        while let Some(mut ctl) = self.keys.get_mut(&key) {
            let free = ctl.access.is_none();
            if free && ctl.recovery.is_some() {
                let job = if matches!(key, Key::Block(_)) { Job::Adopt } else { Job::Redo };
                self.acquire(now, key, Mode::Exclusive, Queued::new(job), OpId::NONE);
                continue;
            }
            let suspended = ctl.queue.front().is_some_and(|head| head.ticket.is_some());
            let own_first = free && suspended;
            if !own_first && !ctl.deferred.is_empty() {
                self.evaluate_deferred(now, key);
                let Some(again) = self.keys.get_mut(&key) else { break };
                ctl = again;
            }
            if ctl.access.is_some() {
                break;
            }
            let Some(head) = ctl.queue.pop_front() else { break };
            match self.begin(now, key, head) {
                Begun::Yes => {}
                Begun::Blocked => break,
            }
        }
        self.tidy(now, key);
    }

    /// A touch that has come to the head of the requests: begun at once if nothing is being done with
    /// its key, else behind what is.
    pub(super) fn arrive(&mut self, now: Instant, key: Key, queued: Queued) {
        if self.keys.contains(&key) {
            self.enqueue(key, queued);
            return self.settle_key(now, key);
        }
        self.touched(key);
        match self.begin(now, key, queued) {
            Begun::Yes => self.settle_key(now, key),
            Begun::Blocked => self.tidy(now, key),
        }
    }

    /// Forgets what is over: the record of an idle key, a placeholder, a line on its way out.
    fn tidy(&mut self, now: Instant, key: Key) {
        if let Some(ctl) = self.keys.get(&key) {
            if ctl.access.is_some() || !ctl.queue.is_empty() {
                return;
            }
            if ctl.is_idle() {
                self.keys.remove(&key);
            }
        }
        let Key::Block(block) = key else { return };
        let Some(at) = self.cache.find(block) else { return };
        let line = self.cache.line_mut(at);
        line.busy = false;
        match (line.state, line.evicting) {
            (LineState::I, _) => self.cache.remove(at),
            (LineState::M | LineState::O | LineState::E | LineState::S | LineState::L, true) => {
                self.evict_line(now, block);
            }
            (LineState::M | LineState::O | LineState::E | LineState::S | LineState::L, false) => {}
        }
    }

    /// Local work at the head of its queue.
    fn begin(&mut self, now: Instant, key: Key, queued: Queued) -> Begun {
        match (queued.job, key) {
            (Job::Touch { op, index }, Key::Block(block)) => {
                if self.ops.get(&op).is_none() {
                    return Begun::Yes;
                }
                self.begin_touch(now, block, queued, op, index)
            }
            (Job::Accept, Key::Block(block)) if self.needs_synchronising(block) => {
                self.synchronise_first(key, queued);
                Begun::Yes
            }
            (Job::Synchronise | Job::Adopt | Job::Accept, Key::Block(_))
            | (Job::Equalise { .. } | Job::Redo | Job::Scrub, Key::Stripe(_))
            | (Job::Destage { .. }, _) => {
                self.acquire(now, key, Mode::Exclusive, queued, OpId::NONE);
                Begun::Yes
            }
            (Job::RefillStart, _) => {
                // [D1] The new disk has our marks first.
                if self.marks_are_missing() && !self.has(Defect::RebuildWithoutLock) {
                    return self.blocked(key, queued);
                }
                self.acquire(now, key, Mode::Exclusive, queued, OpId::NONE);
                Begun::Yes
            }
            (Job::Resolve, Key::Block(block)) => {
                if self.cache.state(block) == LineState::L {
                    self.acquire(now, key, Mode::Shared, queued, OpId::NONE);
                }
                Begun::Yes
            }
            (Job::Rebuild { .. }, Key::Stripe(_)) => {
                self.acquire(now, key, Mode::Shared, queued, OpId::NONE);
                Begun::Yes
            }
            (Job::Refill, Key::Stripe(stripe)) => {
                // Also against our own destages that do not hold the stripe [M3].
                if self.stripes_busy.contains(&stripe) {
                    return self.blocked(key, queued);
                }
                self.acquire(now, key, Mode::Exclusive, queued, OpId::NONE);
                Begun::Yes
            }
            (
                Job::Touch { .. }
                | Job::Synchronise
                | Job::Adopt
                | Job::Accept
                | Job::Resolve
                | Job::Rebuild { .. }
                | Job::Equalise { .. }
                | Job::Redo
                | Job::Scrub
                | Job::Refill,
                Key::Block(_) | Key::Stripe(_) | Key::Group,
            ) => unreachable!("{:?} is no work for {key}", queued.job),
        }
    }

    fn blocked(&mut self, key: Key, queued: Queued) -> Begun {
        self.keys.get_or_insert_with(key, KeyCtl::default).queue.push_front(queued);
        Begun::Blocked
    }

    /// Section 4, last paragraph: the copies are made equal before anything else is done with the block.
    fn synchronise_first(&mut self, key: Key, queued: Queued) {
        self.enqueue(key, Queued::new(Job::Synchronise));
        let ctl = self.keys.get_mut(&key).expect("just enqueued");
        ctl.queue.rotate_right(1);
        ctl.queue.insert(1, queued);
    }

    /// Section 3 and 4: hit, silent write (section 7), or broadcast.
    fn begin_touch(
        &mut self,
        now: Instant,
        block: Block,
        mut queued: Queued,
        op: OpId,
        index: u32,
    ) -> Begun {
        let key = Key::Block(block);
        if self.needs_synchronising(block) {
            self.synchronise_first(key, queued);
            return Begun::Yes;
        }
        let at = self.cache.find(block).unwrap_or_else(|| self.cache.insert(block));
        let line = self.cache.line_mut(at);
        let hit = *queued.counted.get_or_insert_with(|| {
            let hit = line.state.is_valid() && !line.evicting;
            self.stats.hits += u64::from(hit);
            self.stats.misses += u64::from(!hit);
            hit
        });
        line.busy = true;
        let (state, replicated) = (line.state, line.missing.is_empty());
        self.cache.touch(at);
        self.make_room(now);
        let write = self.ops.get(&op).is_some_and(|host| host.kind.is_write());
        if !write && state.is_valid() {
            if !self.lease_is_live(now) && !self.has(Defect::NoLease) {
                self.stall(key);
                return self.blocked(key, queued);
            }
            if !replicated && !self.has(Defect::HitUnreplicated) {
                // [H4, T3] A hit must never show what a crash could take back.
                self.fact(Rule::HitWaits, Some(key), state, state, None, Version::ZERO);
                return self.blocked(key, queued);
            }
            self.serve_hit(op, index, block, hit);
            return Begun::Yes;
        }
        let ctl = self.keys.get_or_insert_with(key, KeyCtl::default);
        let destaging = ctl.destage.is_some();
        if write && destaging && (!ctl.deferred.is_empty() || self.writes_through()) {
            return self.blocked(key, queued);
        }
        let mode = if write { Mode::Exclusive } else { Mode::Shared };
        self.acquire(now, key, mode, queued, op);
        Begun::Yes
    }

    fn serve_hit(&mut self, op: OpId, index: u32, block: Block, hit: bool) {
        let touch = self.touch_of(op, index);
        let line = self.cache.get(block).expect("a hit has a line");
        let (state, version) = (line.state, line.version);
        let data = Some(line.data.slice(touch.offset, touch.len));
        self.fact(Rule::Hit, Some(Key::Block(block)), state, state, None, version);
        self.finish_touch(op, index, Ok(Touched { touch, hit, source: Source::Cache, data }));
    }

    // ---- asking

    /// Takes a ticket (or keeps the one it had) and broadcasts, unless nobody else can have a copy: the line
    /// is sole, or the volume private [T2].
    pub(super) fn acquire(
        &mut self,
        now: Instant,
        key: Key,
        mode: Mode,
        queued: Queued,
        cause: OpId,
    ) {
        // A recovery ticket sorts before tickets that were granted already; that is safe only because an
        // AMF that recovers a block has granted no normal request for it since it installed the view.
        let recovery = queued.job == Job::Adopt
            || (queued.job == Job::Redo && !self.has(Defect::StripeNotRecovering));
        let ticket = queued.ticket.unwrap_or_else(|| self.draw_ticket(recovery));
        let sole = mode == Mode::Exclusive && self.is_sole_owner(key) && !recovery;
        let private = self.access.is_in_force() && matches!(queued.job, Job::Touch { .. });
        let incoherent = !self.protocol().is_coherent();
        let silent = sole || private || incoherent;
        let missing = if silent { AmfSet::EMPTY } else { self.peers };
        let rule = match (silent, mode) {
            (true, _) if incoherent => Rule::NotCoherent,
            (true, _) if sole => Rule::NotShared,
            (true, _) => Rule::NotSharedByList,
            (false, Mode::Shared) => Rule::AskShared,
            (false, Mode::Exclusive) => Rule::AskExclusive,
        };
        if !self.peers.is_empty()
            && !incoherent
            && let Job::Touch { op, .. } = queued.job
        {
            self.stats.broadcasts_saved += u64::from(silent);
            self.stats.broadcasts += u64::from(!silent);
            if let Some(host) = self.ops.get_mut(&op) {
                host.saved += u32::from(silent);
                host.broadcasts += u32::from(!silent);
            }
        }
        let access = Access {
            ticket,
            mode,
            stage: Stage::Waiting,
            since: now,
            cause,
            job: queued.job,
            missing,
            copy: None,
            sharers: AmfSet::EMPTY,
            lenders: AmfSet::EMPTY,
            floor: Version::ZERO,
            reading: false,
            granted_shared: false,
            replica: Version::ZERO,
            source: None,
            hit: queued.counted.unwrap_or(false),
        };
        let ctl = self.keys.get_or_insert_with(key, KeyCtl::default);
        assert!(ctl.access.is_none(), "one access a key is outstanding");
        ctl.access = Some(Box::new(access));
        self.rule(rule, Some(key));
        if !missing.is_empty() {
            self.broadcast_access(now, key);
        }
        let early = self.has(Defect::AckBeforeGrants) && mode == Mode::Exclusive;
        if missing.is_empty() || (early && matches!(queued.job, Job::Touch { .. })) {
            self.hold(now, key);
        }
    }

    fn draw_ticket(&mut self, recovery: bool) -> Ticket {
        let class = if recovery { TicketClass::Recovery } else { TicketClass::Normal };
        Ticket { class, epoch: self.epoch, clock: self.next_clock(), amf: self.id }
    }

    /// Section 7: the line is `M` or `E` here, so no one else has a copy (claims 10 to 12).
    fn is_sole_owner(&self, key: Key) -> bool {
        match key {
            Key::Block(block) => {
                self.protocol().knows_sharers() && self.cache.state(block).is_sole()
            }
            Key::Stripe(_) | Key::Group => false,
        }
    }

    /// Sends `Access` to all who have not granted; again after a view change, with the old ticket.
    pub(super) fn broadcast_access(&mut self, now: Instant, key: Key) {
        let Some(access) = self.keys.get(&key).and_then(|ctl| ctl.access.as_ref()) else { return };
        let (ticket, mode, cause) = (access.ticket, access.mode, access.cause);
        let missing = access.missing;
        self.broadcast(now, missing, cause, Message::Access { ticket, key, mode });
    }

    /// All have granted.
    fn hold(&mut self, now: Instant, key: Key) {
        let access = self.own_access(key);
        access.stage = Stage::Held;
        access.since = now;
        self.perform(now, key);
    }

    /// The access that `key` has. Only for callers that know that there is one.
    pub(super) fn own_access(&mut self, key: Key) -> &mut Access {
        let ctl = self.keys.get_mut(&key).expect("a key with an access");
        ctl.access.as_mut().expect("an access under way")
    }

    /// The operation is over.
    pub(super) fn release(&mut self, now: Instant, key: Key) {
        let ctl = self.keys.get_mut(&key).expect("a held key");
        let access = ctl.access.take().expect("a held access is released");
        assert!(access.stage.is_held(), "only what is held is released");
        self.rule(Rule::Release, Some(key));
        self.answer_blindly(now, key);
        self.look_at(key);
    }

    /// The seeded defect: at a release, and at the end of a destage, whoever was deferred is answered.
    pub(super) fn answer_blindly(&mut self, now: Instant, key: Key) {
        if !self.has(Defect::BlindRelease) {
            return;
        }
        let Some(ctl) = self.keys.get_mut(&key) else { return };
        for deferred in core::mem::take(&mut ctl.deferred) {
            self.grant(now, key, deferred);
        }
    }

    // ---- being granted

    pub(super) fn on_grant(&mut self, now: Instant, from: AmfId, granted: &Granted<'_>) {
        let key = granted.key;
        let access = self.keys.get_mut(&key).and_then(|ctl| ctl.access.as_mut());
        let Some(access) = access.filter(|access| access.waits_for(granted.ticket, from)) else {
            // A grant of an access that is over, or that began again under another ticket.
            return self.rule_peer(Rule::IgnoreGrant, key, from);
        };
        access.missing.remove(from);
        access.floor = access.floor.max(granted.floor);
        access.reading |= granted.reading;
        access.replica = access.replica.max(granted.replica.unwrap_or(Version::ZERO));
        if let Some(copy) = granted.copy {
            access.sharers.insert(from);
            if copy.kind == CopyKind::Lent {
                access.lenders.insert(from);
            }
            let rank = (copy.version, copy.kind);
            if access.copy.as_ref().is_none_or(|(have, _)| rank > (have.version, have.kind)) {
                access.copy = Some((copy.clone(), from));
            }
        }
        let complete = access.missing.is_empty();
        self.rule_peer(Rule::Granted, key, from);
        if complete {
            self.hold(now, key);
        }
    }

    // ---- waiting for better times

    /// Waits for a live lease, or for a newer view.
    pub(super) fn stall(&mut self, key: Key) {
        self.rule(Rule::Stalled, Some(key));
        if !self.stalled.contains(&key) {
            self.stalled.push(key);
        }
    }

    /// Better times have come.
    pub(super) fn unstall(&mut self, now: Instant) {
        for key in core::mem::take(&mut self.stalled) {
            let held = self.holds(key).is_some();
            if held {
                self.perform(now, key);
            }
            self.look_at(key);
        }
    }

    /// Fails a touch whose block can be neither read nor written.
    pub(super) fn fail_touch(&mut self, now: Instant, key: Key, error: HostError) {
        if let Job::Touch { op, index } = self.own_access(key).job
            && self.ops.contains(&op)
        {
            self.finish_touch(op, index, Err(error));
        }
        self.release(now, key);
    }

    /// The request behind a touch.
    pub(super) fn request_of(&self, op: OpId) -> &RequestKind {
        &self.ops.get(&op).expect("a request under way").kind
    }
}
