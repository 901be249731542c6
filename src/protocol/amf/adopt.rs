//! Takeover: *one of the other AMFs completes the operation* (section 6, Adopt). The same procedure
//! makes copies equal that may differ after a failure that nothing covered (section 4, end).

use super::Amf;
use super::doubt::Trust;
use super::key::{Fetch, Job, RowFetch, Stage};
use super::regions::MayDirty;
use crate::protocol::data::Data;
use crate::protocol::defect::Defect;
use crate::protocol::group::SlotState;
use crate::protocol::host::HostError;
use crate::protocol::id::{AmfId, Block, Incarnation, Instant, Key, OpId, Version};
use crate::protocol::message::{CopyKind, Message};
use crate::protocol::rule::{LineState, Rule};
use smallvec::SmallVec;

impl Amf {
    /// The owners that left whose replicas of `block` this AMF keeps: noted when the view was installed.
    fn orphans(&self, block: Block) -> SmallVec<[(AmfId, Incarnation); 2]> {
        self.orphans.get(&block).cloned().unwrap_or_default()
    }

    /// [J5] For a grant to somebody else's recovery.
    pub(super) fn recovering_version(&self, block: Block) -> Option<Version> {
        let ctl = self.keys.get(&Key::Block(block))?;
        ctl.recovery?;
        let orphans = self.orphans(block).into_iter();
        orphans
            .filter_map(|(owner, inc)| self.replicas.get(&(owner, inc, block)))
            .map(|replica| replica.version)
            .max()
    }

    /// Copies of one block may differ, and this AMF has not made them equal yet.
    pub(super) fn needs_synchronising(&self, block: Block) -> bool {
        let view = self.current_view();
        view.unsynchronised.is_some()
            && self.group.is_redundant()
            && !self.cache.state(block).is_valid()
            && !self.synchronised.contains(&block)
    }

    /// Exclusive access is held under a recovery ticket.
    pub(super) fn perform_adopt(&mut self, now: Instant, block: Block) {
        let key = Key::Block(block);
        match &self.own_access(key).stage {
            Stage::Waiting => unreachable!("an adoption acts once it holds"),
            Stage::Held => self.adopt_look(now, block),
            Stage::Fetching(fetch) if fetch.is_pending() => {}
            Stage::Fetching(fetch) => {
                let unread = fetch.best.is_none() && fetch.row == RowFetch::No;
                if !(self.group.has_parity() && unread && self.want_row(now, block)) {
                    self.adopt_decide(now, block);
                }
            }
            Stage::Committed { .. } => {
                let line = self.cache.get(block).expect("an adopted block has its line");
                let (version, dirty) = (line.version, line.dirty());
                let early = self.has(Defect::AdoptWithoutJournal);
                let (missing, job) = (!line.missing.is_empty(), self.own_access(key).job);
                if !missing && !self.awaits_journal(block, version) && job == Job::Adopt {
                    self.is_secured(now, block);
                }
                let line = self.cache.get(block).expect("an adopted block has its line");
                if line.missing.is_empty() && dirty && early {
                    self.adopt_end(now, block, Rule::Adopted);
                } else if line.missing.is_empty() && !dirty {
                    if !self.leaves_doubt(block, version) {
                        return self.stall(key);
                    }
                    self.tell_lenders(now, block, version);
                    self.is_durable(block, version);
                    self.adopt_end(now, block, Rule::Adopted);
                }
            }
        }
    }

    /// [J5] A granter's newer replica goes first; else read the headers of all copies [M1, M6].
    fn adopt_look(&mut self, now: Instant, block: Block) {
        let key = Key::Block(block);
        let newer = self.own_access(key).replica;
        let own = self.recovering_version(block).unwrap_or(Version::ZERO);
        if newer > own {
            self.fact(Rule::AdoptLater, Some(key), LineState::I, LineState::I, None, newer);
            return self.release(now, key);
        }
        if self.group.has_parity() && self.own_access(key).job == Job::Synchronise {
            return self.want_equal_row(block);
        }
        let parity = self.group.has_parity();
        let slots = &self.current_view().group.slots;
        let places = self.group.places(block);
        let alive: Vec<_> = places
            .into_iter()
            .filter(|place| match slots[usize::from(place.slot)].state {
                SlotState::Online => true,
                // With parity it is rebuilt from the row, whatever is there.
                SlotState::Rebuilding => !parity && !self.has(Defect::AdoptIgnoresRefill),
                SlotState::Failed => false,
            })
            .collect();
        let mut fetch = Fetch { all: true, ..Fetch::default() };
        for place in &alive {
            fetch.pending.insert(place.slot);
        }
        let idle = fetch.pending.is_empty();
        self.own_access(key).stage = Stage::Fetching(fetch);
        for place in alive {
            self.read_place(block, place, OpId::NONE);
        }
        if idle {
            self.perform_adopt(now, block);
        }
    }

    /// [H5, M8] The highest version among own replicas, granted copies, the own line and the copies on
    /// disk, unless every copy on disk has it, or it is our own dirty line. Without the copies on disk
    /// a replica that was not retired in time would go over a newer copy, where another copy of the
    /// block is older still: on a disk under refill, say.
    fn adopt_decide(&mut self, now: Instant, block: Block) {
        let key = Key::Block(block);
        let one_half = self.has(Defect::AdoptLooksAtOneHalf);
        let blind = self.has(Defect::ForgetRetireAndVersionCheck);
        let counts_disk = !blind && !self.has(Defect::AdoptIgnoresNewerDisk);
        let (epoch, amf) = (self.epoch, self.id);
        let drawn = self.has(Defect::AdoptWithNewVersion).then(|| Version {
            epoch,
            clock: self.next_clock(),
            amf,
        });
        let access = self.own_access(key);
        let clean = access.copy.as_ref().is_some_and(|(copy, _)| copy.kind == CopyKind::Clean);
        let granted = access.copy.clone().map(|(copy, _)| (copy.version, copy.data));
        let Stage::Fetching(fetch) = &access.stage else {
            unreachable!("decided after the headers are read")
        };
        let on_disk = fetch.best.clone().map(|(version, data, _)| (version, data));
        let newest = on_disk.as_ref().map(|(version, _)| *version);
        let lowest = if one_half { newest } else { fetch.lowest }.unwrap_or(Version::ZERO);
        let on_disk = on_disk.filter(|_| counts_disk);
        let line = self.cache.get(block).filter(|line| line.state != LineState::I);
        let own = line.map(|line| (line.version, line.data.clone()));
        let lent = line.is_some_and(|line| line.state == LineState::L);
        let dirty = line.filter(|line| line.state.is_owned()).map(|line| line.version);
        let trusted = line.is_some_and(|line| line.state.is_valid() && !line.dirty()) || clean;
        let orphans = self.orphans(block).into_iter();
        let kept = orphans
            .filter_map(|(owner, inc)| self.replicas.get(&(owner, inc, block)))
            .map(|replica| (drawn.unwrap_or(replica.version), replica.data.clone()));
        let best = kept.chain(granted).chain(own).chain(on_disk).max_by_key(|(v, _)| *v);
        let Some((version, data)) = best else {
            return self.adopt_end(now, block, Rule::AdoptNothing);
        };
        if lowest >= version && !blind {
            if lent {
                self.drop_lent(now, block, Rule::Outdated, None);
            }
            self.tell_lenders(now, block, lowest);
            self.is_durable(block, lowest);
            return self.adopt_end(now, block, Rule::AdoptOnDisk);
        }
        if trusted && self.has(Defect::AdoptTrustsCleanCopy) {
            return self.adopt_end(now, block, Rule::AdoptNothing);
        }
        if dirty == Some(version) {
            self.adopt_end(now, block, Rule::AdoptOwnLine);
            if self.is_flushed(block) {
                self.start_destage(now, block, OpId::NONE);
            }
            return;
        }
        if self.may_dirty(block) != MayDirty::Soon {
            self.adopt_install(now, block, version, &data);
        }
    }

    /// \[D3\] What is in doubt goes to disk, and is never a valid line. `false`: that is not known yet.
    fn leaves_doubt(&mut self, block: Block, version: Version) -> bool {
        match self.trust(block, version) {
            Trust::Sure => true,
            Trust::NotKnown => false,
            Trust::InDoubt => {
                let at = self.cache.find(block).expect("an adopted block has its line");
                let before = self.cache.set_state(at, LineState::I);
                self.raise_floor(block, version);
                let key = Some(Key::Block(block));
                self.fact(Rule::AdoptInDoubt, key, before, LineState::I, None, version);
                true
            }
        }
    }

    /// `M` with the version it had, replicated, then destaged. Held until both are done.
    fn adopt_install(&mut self, now: Instant, block: Block, version: Version, data: &Data) {
        let key = Key::Block(block);
        let before = self.cache.state(block);
        self.mark_dirty(now, block, version, data.clone());
        // [M9] A batched `Retire` of this very version is not true any more: the block is dirty again.
        if !self.has(Defect::RetireAdoptedAgain) {
            self.retiring.retain(|(retired, _)| *retired != block);
        }
        // [J4] In the own journal before the replica is given up.
        if !self.has(Defect::AdoptWithoutJournal) {
            self.journal(block, version, data);
        }
        self.own_access(key).stage = Stage::Committed { version };
        self.fact(Rule::Adopt, Some(key), before, LineState::M, None, version);
        let intent = self.intent_of(block);
        let message = Message::Replicate { block, version, data: data.clone(), intent };
        self.broadcast(now, self.partners, OpId::NONE, message);
        self.make_room(now);
        self.start_destage(now, block, OpId::NONE);
    }

    /// \[D2\] What was adopted is as safe as a write of our own. The witness is told when all is.
    fn is_secured(&mut self, now: Instant, block: Block) {
        if self.secured.insert(block, ()).is_none() && self.recovered().is_some() {
            self.send_renewal(now);
        }
    }

    /// The replicas of owners that left are given up; what waited for the block goes on.
    fn adopt_end(&mut self, now: Instant, block: Block, rule: Rule) {
        let key = Key::Block(block);
        let job = self.own_access(key).job;
        self.stats.takeovers += u64::from(rule == Rule::Adopted && job == Job::Adopt);
        self.rule(rule, Some(key));
        for (owner, incarnation) in self.orphans(block) {
            self.replicas.remove(&(owner, incarnation, block));
        }
        self.orphans.remove(&block);
        let ctl = self.keys.get_mut(&key).expect("an adoption has its key");
        if ctl.recovery.take().is_some() {
            self.recovering -= 1;
            self.secured.remove(&block);
        }
        // With parity an adoption says nothing of the row: a kill may have left half of its parity behind.
        match (self.group.has_parity(), job == Job::Synchronise) {
            (true, true) => self.row_is_equal(block),
            (true, false) => {}
            (false, _) => {
                self.synchronised.insert(block, ());
            }
        }
        if self.is_flushed(block) && !self.cache.state(block).is_dirty() {
            // [D3] Nobody has what was handed over, and acknowledged, here.
            self.handed.remove(&block);
            self.flushed(block, Err(HostError::InDoubt));
        }
        self.release(now, key);
        self.drop_unlisted(now, block);
        self.check_covered(now);
        if self.recovering == 0 {
            self.send_renewal(now);
        }
        self.synchronised_one(now, block);
        self.scrubbed_one(now, block, rule);
    }
}
