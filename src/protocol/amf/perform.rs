//! Reads and writes, once their access is held (sections 3 and 4).

use super::Amf;
use super::cache::At;
use super::doubt::Trust;
use super::key::{Fetch, Job, Stage};
use super::regions::MayDirty;
use crate::protocol::config::WritePolicy;
use crate::protocol::data::Data;
use crate::protocol::defect::Defect;
use crate::protocol::host::{HostError, RequestKind, Source, Touch, Touched};
use crate::protocol::id::{AmfId, Block, Instant, Key, OpId, Version};
use crate::protocol::message::{CopyKind, LineCopy, Message};
use crate::protocol::rule::{LineState, Rule};

/// The current content of a block whose access is held.
pub(super) enum Content {
    Ready(Version, Data, Source),
    /// A disk was asked.
    Pending,
    /// No copy can be read.
    Lost,
    /// What can be read may be older than what was acknowledged \[D3\].
    InDoubt,
}

/// What a write does with the current content.
enum Change {
    /// The block becomes this.
    To(Data),
    /// A compare-and-write found something else.
    Miscompare,
}

/// The newest of what the own lent line and the best granted copy hold. The own line, if they have one
/// version and nobody else owns it.
fn newest(
    lent: Option<(Version, Data)>,
    copy: Option<&(LineCopy, AmfId)>,
) -> Option<(Version, Data, Source)> {
    match (lent, copy) {
        (Some((version, data)), Some((copy, _)))
            if version > copy.version
                || (version == copy.version && copy.kind != CopyKind::Owned) =>
        {
            Some((version, data, Source::Cache))
        }
        (_, Some((copy, from))) => Some((copy.version, copy.data.clone(), Source::Amf(*from))),
        (Some((version, data)), None) => Some((version, data, Source::Cache)),
        (None, None) => None,
    }
}

impl Amf {
    /// Goes on with a held access: now, after a disk's answer, or after a stall.
    pub(super) fn perform(&mut self, now: Instant, key: Key) {
        let access = self.own_access(key);
        assert!(access.stage.is_held(), "only what is held is performed");
        let (job, committed) = (access.job, matches!(access.stage, Stage::Committed { .. }));
        let exempt = self.has(Defect::NoLease) || committed;
        match (job, key) {
            (Job::Touch { .. } | Job::Adopt | Job::Synchronise | Job::Resolve | Job::Accept, _)
                if !self.lease_is_live(now) && !exempt =>
            {
                // [L1] No commit, no install, no answer without a live lease.
                self.stall(key);
            }
            (Job::Touch { op, index }, Key::Block(block)) => {
                if !self.ops.contains(&op) {
                    return self.release(now, key);
                }
                if committed {
                    self.finish_write(now, block);
                } else if self.request_of(op).is_write() {
                    self.perform_write(now, block, op, index);
                } else {
                    self.perform_read(now, block, op, index);
                }
            }
            (Job::Adopt | Job::Synchronise, Key::Block(block)) => self.perform_adopt(now, block),
            (Job::Accept, Key::Block(block)) => self.perform_accept(now, block),
            (Job::Resolve, Key::Block(block)) => self.perform_resolve(now, block),
            (Job::Destage { block }, Key::Stripe(_)) => self.write_destage(now, Block(block)),
            (Job::Rebuild { block } | Job::Equalise { block }, Key::Stripe(_)) => {
                self.read_row(now, Block(block));
            }
            (Job::Redo, Key::Stripe(stripe)) => self.redo_next(now, stripe),
            (Job::Scrub, Key::Stripe(_)) => self.scrub_stripe(now),
            (Job::Refill, Key::Stripe(stripe)) => self.perform_refill(now, stripe),
            (Job::RefillStart, Key::Group) => self.refill_may_start(now),
            (
                Job::Touch { .. }
                | Job::Adopt
                | Job::Synchronise
                | Job::Resolve
                | Job::Accept
                | Job::Destage { .. }
                | Job::Rebuild { .. }
                | Job::Equalise { .. }
                | Job::Redo
                | Job::Refill
                | Job::Scrub
                | Job::RefillStart,
                Key::Block(_) | Key::Stripe(_) | Key::Group,
            ) => unreachable!("{job:?} is no work for {key}"),
        }
    }

    fn perform_read(&mut self, now: Instant, block: Block, op: OpId, index: u32) {
        let key = Key::Block(block);
        let (version, data, source) = match self.content(now, block, op) {
            Content::Ready(version, data, source) => (version, data, source),
            Content::Pending => return,
            Content::Lost => return self.fail_touch(now, key, HostError::Media),
            Content::InDoubt => return self.touch_in_doubt(now, key),
        };
        let access = self.own_access(key);
        let hit = access.hit;
        let alone = access.copy.is_none() && !access.reading && !access.granted_shared;
        let careless =
            self.has(Defect::ExclusiveDespiteReading) && self.own_access(key).copy.is_none();
        if self.cache.state(block) == LineState::L {
            if source == Source::Cache {
                // What was lent comes back; and a hit must not show what a crash could take back [T3].
                return self.take_back_and_read(now, block, op, index);
            }
            self.drop_lent(now, block, Rule::Outdated, None);
        }
        // [H3] `E` only if nobody has a copy, and nobody reads or was let read meanwhile.
        let sole = self.protocol().knows_sharers() && (alone || careless);
        let state = if sole { LineState::E } else { LineState::S };
        if !self.protocol().is_coherent() {
            self.clock = self.clock.max(version.clock);
        }
        self.install(block, state, version, data.clone());
        if matches!(source, Source::Amf(_)) {
            self.stats.peer_transfers += 1;
        }
        let rule = match source {
            Source::Amf(_) => Rule::ReadFromPeer,
            Source::Disk(_) | Source::Cache | Source::Host => Rule::ReadFromDisk,
        };
        let peer = match source {
            Source::Amf(amf) => Some(amf),
            Source::Disk(_) | Source::Cache | Source::Host => None,
        };
        self.fact(rule, Some(key), LineState::I, state, peer, version);
        let touch = self.touch_of(op, index);
        let data = Some(data.slice(touch.offset, touch.len));
        self.finish_touch(op, index, Ok(Touched { touch, hit, source, data }));
        self.release(now, key);
    }

    fn perform_write(&mut self, now: Instant, block: Block, op: OpId, index: u32) {
        let key = Key::Block(block);
        let touch = self.touch_of(op, index);
        let whole = touch.len == self.cfg.block_size;
        let compares = matches!(self.request_of(op), RequestKind::CompareAndWrite { .. });
        let (mut old, mut source) = (None, Source::Host);
        if !whole || compares {
            match self.content(now, block, op) {
                Content::Ready(_, data, from) => (old, source) = (Some(data), from),
                Content::Pending => return,
                Content::Lost => return self.fail_touch(now, key, HostError::Media),
                Content::InDoubt => return self.touch_in_doubt(now, key),
            }
        }
        match self.change(op, touch, old) {
            Change::To(data) => match self.may_dirty(block) {
                MayDirty::Yes => self.commit(now, block, &data, source),
                MayDirty::Soon => {}
                MayDirty::NoDisk => self.fail_touch(now, key, HostError::Media),
            },
            Change::Miscompare => {
                self.rule(Rule::Miscompare, Some(key));
                self.fail_touch(now, key, HostError::Miscompare);
            }
        }
    }

    fn change(&self, op: OpId, touch: Touch, old: Option<Data>) -> Change {
        let part = match self.request_of(op) {
            RequestKind::Write(span, payload) | RequestKind::WriteFua(span, payload) => {
                payload.part(span.first, touch, self.cfg.sectors_per_block())
            }
            RequestKind::Zero(_) => Data::zero(touch.len),
            RequestKind::CompareAndWrite { old: want, new, .. } => {
                return match old {
                    Some(have) if have == *want => Change::To(new.clone()),
                    Some(_) | None => Change::Miscompare,
                };
            }
            RequestKind::Read(_) | RequestKind::Flush => unreachable!("not a write"),
        };
        Change::To(match old {
            Some(old) => old.splice(touch.offset, &part),
            None => part,
        })
    }

    fn touch_in_doubt(&mut self, now: Instant, key: Key) {
        self.rule(Rule::InDoubt, Some(key));
        self.fail_touch(now, key, HostError::InDoubt);
    }

    /// The block's content, unless it may be older than what was acknowledged \[D3\]. Valid lines and copies
    /// of them are good; disks and lent lines are, if what they have is newer than any loss.
    pub(super) fn content(&mut self, now: Instant, block: Block, cause: OpId) -> Content {
        let found = self.found(now, block, cause);
        let Content::Ready(version, _, source) = &found else { return found };
        let key = Key::Block(block);
        let copy = &self.own_access(key).copy;
        let lent = copy.as_ref().is_some_and(|(copy, _)| copy.kind == CopyKind::Lent);
        let good = match source {
            Source::Cache => self.cache.state(block).is_valid(),
            Source::Amf(_) => !lent,
            Source::Disk(_) | Source::Host => false,
        };
        match if good { Trust::Sure } else { self.trust(block, *version) } {
            Trust::Sure => found,
            Trust::InDoubt => Content::InDoubt,
            Trust::NotKnown => {
                self.stall(key);
                Content::Pending
            }
        }
    }

    /// Section 3: own line; else the best copy, unless it may be stale by now: a floor says so, or it is
    /// lent. Then the disk too, and whichever is newer. The disk unseen only if there is no copy.
    pub(super) fn found(&mut self, now: Instant, block: Block, cause: OpId) -> Content {
        let line = self.cache.get(block);
        if let Some(line) = line.filter(|line| line.state.is_valid()) {
            return Content::Ready(line.version, line.data.clone(), Source::Cache);
        }
        let lent = line.filter(|line| line.state == LineState::L);
        let lent = lent.map(|line| (line.version, line.data.clone()));
        let key = Key::Block(block);
        let trusting = self.has(Defect::StaleGrantCopy);
        let unseen = self.has(Defect::FloorTakesDiskUnseen);
        let access = self.own_access(key);
        let copy = access.copy.clone();
        let best = newest(lent, copy.as_ref());
        match &access.stage {
            Stage::Waiting | Stage::Committed { .. } => unreachable!("content is sought once held"),
            Stage::Held => {
                if let Some((copy, _)) = &copy
                    && copy.kind != CopyKind::Lent
                    && best.as_ref().is_some_and(|(version, ..)| copy.version >= *version)
                    && (copy.version >= access.floor || trusting)
                {
                    let (version, data, source) = best.expect("a copy was found");
                    return Content::Ready(version, data, source);
                }
                // [H2, T1] No copy, or one that may be stale by now: look at the disk.
                self.fetch_one(now, block, cause)
            }
            Stage::Fetching(fetch) if fetch.is_pending() => Content::Pending,
            Stage::Fetching(fetch) => match (fetch.best.clone(), best) {
                (Some((on_disk, ..)), Some((version, data, source)))
                    if version > on_disk && !unseen =>
                {
                    Content::Ready(version, data, source)
                }
                (Some((version, data, disk)), _) => {
                    Content::Ready(version, data, Source::Disk(disk))
                }
                (None, _) => self.fetch_one(now, block, cause),
            },
        }
    }

    /// Asks the first copy that is online and has not failed to answer yet; with parity, if there is none,
    /// the rest of the row.
    fn fetch_one(&mut self, now: Instant, block: Block, cause: OpId) -> Content {
        let stage = &mut self.own_access(Key::Block(block)).stage;
        if *stage == Stage::Held {
            *stage = Stage::Fetching(Fetch::default());
        }
        let Stage::Fetching(fetch) = stage else { unreachable!("content is sought once held") };
        let failed = fetch.failed;
        let online = |slot| self.slot_is_online(slot) && !failed.contains(slot);
        let place = self.group.places(block).into_iter().find(|p| online(p.slot));
        let Some(place) = place else {
            let begun = self.group.has_parity() && self.want_row(now, block);
            return if begun { Content::Pending } else { self.fetch_again(now, block, cause) };
        };
        if let Stage::Fetching(fetch) = &mut self.own_access(Key::Block(block)).stage {
            fetch.pending.insert(place.slot);
        }
        self.read_place(block, place, cause);
        Content::Pending
    }

    /// No copy has an answer, which need not last: another mends what was damaged, and a disk that refused
    /// an old question \[M4\] may have been rebuilt since. So all are asked once more, and again after a newer
    /// view. Only then the block is lost.
    fn fetch_again(&mut self, now: Instant, block: Block, cause: OpId) -> Content {
        let key = Key::Block(block);
        let again = Some(self.epoch);
        let Stage::Fetching(fetch) = &mut self.own_access(key).stage else {
            unreachable!("what failed was fetched")
        };
        if fetch.again == again {
            return Content::Lost;
        }
        *fetch = Fetch { again, ..Fetch::default() };
        self.rule(Rule::ReadAgain, Some(key));
        self.fetch_one(now, block, cause)
    }

    /// Puts content into the line that the access holds ready. Gives the line, and the state it had.
    pub(super) fn install(
        &mut self,
        block: Block,
        state: LineState,
        version: Version,
        data: Data,
    ) -> (At, LineState) {
        let at = self.cache.find(block).unwrap_or_else(|| self.cache.insert(block));
        let line = self.cache.line_mut(at);
        assert!(version >= line.version || !line.state.is_valid(), "versions of a block only grow");
        line.version = version;
        line.data = data;
        line.busy = true;
        (at, self.cache.set_state(at, state))
    }

    /// Section 4, steps 3 and 4: draw the version, replicate and (write-through) write.
    pub(super) fn commit(&mut self, now: Instant, block: Block, data: &Data, source: Source) {
        let key = Key::Block(block);
        let version = Version { epoch: self.epoch, clock: self.next_clock(), amf: self.id };
        let at_once = self.has(Defect::UpdateAtCommit);
        let access = self.own_access(key);
        let known = access.copy.take().map_or(Version::ZERO, |(copy, _)| copy.version);
        assert!(version > known, "a version is above all that its access saw");
        access.stage = Stage::Committed { version };
        access.source = Some(source);
        let (cause, job) = (access.cause, access.job);
        let before = self.mark_dirty(now, block, version, data.clone());
        self.fact(Rule::Commit, Some(key), before, LineState::M, None, version);
        self.commits.push((block, version));
        self.journal(block, version, data);
        if !self.partners.is_empty() {
            let data = data.clone();
            let message = Message::Replicate { block, version, data, intent: None };
            self.broadcast(now, self.partners, cause, message);
        }
        if self.goes_through(job) {
            self.start_destage(now, block, cause);
            let access = self.keys.get(&key).and_then(|ctl| ctl.access.as_ref());
            if access.is_none_or(|access| access.stage != Stage::Committed { version }) {
                // There is no disk to write it to: the host was told, and the line stays dirty.
                return self.destage_above_high_water(now);
            }
        }
        if at_once {
            self.send_updates(now, block);
        }
        self.finish_write(now, block);
        self.destage_above_high_water(now);
    }

    /// The line becomes `M`, unacknowledged by every partner. Gives the state that it had.
    pub(super) fn mark_dirty(
        &mut self,
        now: Instant,
        block: Block,
        version: Version,
        data: Data,
    ) -> LineState {
        let (at, before) = self.install(block, LineState::M, version, data);
        let partners = self.partners;
        let line = self.cache.line_mut(at);
        line.missing = partners;
        if !before.is_owned() {
            line.dirty_at = now;
            self.note_age(now, block);
        }
        before
    }

    /// Section 4, step 5: answer when every partner has acknowledged and, write-through or FUA, the group
    /// has stored it; then release.
    pub(super) fn finish_write(&mut self, now: Instant, block: Block) {
        let key = Key::Block(block);
        let access = self.own_access(key);
        let Stage::Committed { version } = access.stage else { return };
        let (job, hit, source) = (access.job, access.hit, access.source);
        let line = self.cache.get(block).expect("a committed write has its line");
        assert_eq!(line.version, version, "nobody else writes while the access is held");
        let (missing, dirty) = (!line.missing.is_empty(), line.dirty());
        let written = !dirty || self.has(Defect::AckBeforeJournal);
        // [J1] Answered only when the own journal, or the group, has it.
        if !missing && !written && self.awaits_journal(block, version) {
            return self.tell_lenders_early(now, block, version);
        }
        if missing || (self.goes_through(job) && dirty) {
            return;
        }
        self.fact(Rule::AnswerWrite, Some(key), LineState::I, LineState::I, None, version);
        self.tell_lenders(now, block, version);
        self.send_updates(now, block);
        if let Job::Touch { op, index } = job
            && self.ops.contains(&op)
        {
            let touch = self.touch_of(op, index);
            let source = source.unwrap_or(Source::Host);
            self.finish_touch(op, index, Ok(Touched { touch, hit, source, data: None }));
        }
        if job == Job::Accept {
            return self.accept_done(now, block);
        }
        self.release(now, key);
    }

    /// This write is answered only when the group has stored it.
    pub(super) fn goes_through(&self, job: Job) -> bool {
        let fua = |op| matches!(&self.ops.get(&op), Some(host) if matches!(host.kind, RequestKind::WriteFua(..)));
        self.writes_through() || matches!(job, Job::Touch { op, .. } if fua(op))
    }

    pub(super) fn writes_through(&self) -> bool {
        self.cfg.write == WritePolicy::Through
            || self.is_last_survivor()
            || self.journal.is_broken()
    }
}
