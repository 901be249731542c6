//! Replication partners (claims 4 and 13): data and state data for whoever may have to finish the work.

use super::Amf;
use super::key::{DestageStep, Job, Stage};
use crate::protocol::data::Data;
use crate::protocol::defect::Defect;
use crate::protocol::id::{AmfId, AmfSet, Block, Incarnation, Instant, Key, OpId, Version};
use crate::protocol::message::{Intent, Message};
use crate::protocol::rule::{LineState, Rule};
use std::sync::Arc;

/// Retired blocks that make a batch full.
const RETIRE_BATCH: usize = 32;

/// What is kept for an owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Replica {
    pub(super) version: Version,
    pub(super) data: Data,
    /// A parity update of the block that the owner has begun \[R3\]; of this version or an older one.
    pub(super) intent: Option<Arc<Intent>>,
}

impl Replica {
    pub(super) fn new(version: Version, data: &Data, intent: Option<&Arc<Intent>>) -> Self {
        Self { version, data: data.clone(), intent: intent.cloned() }
    }
}

impl Amf {
    // ---- as a partner

    pub(super) fn on_replicate(
        &mut self,
        now: Instant,
        from: AmfId,
        cause: OpId,
        block: Block,
        mut replica: Replica,
    ) {
        let incarnation = self.incarnation_of(from);
        let version = replica.version;
        self.clock = self.clock.max(version.clock);
        let entry = (from, incarnation, block);
        let intent = replica.intent.as_ref().map_or(0, |intent| intent.no);
        match self.replicas.get_mut(&entry) {
            // A newer version does not end the parity update of an older one: its `Retire` does.
            Some(have) if have.version < version => {
                replica.intent = replica.intent.or(have.intent.take());
                *have = replica;
            }
            Some(have) => have.intent = replica.intent.or(have.intent.take()),
            None => {
                self.replicas.insert(entry, replica);
            }
        }
        let (rule, key) = (Rule::Keep, Some(Key::Block(block)));
        self.fact(rule, key, LineState::I, LineState::I, Some(from), version);
        self.send(now, from, cause, Message::ReplicateAck { block, version, intent });
    }

    /// Entries up to these versions are on disk. Only those of the sender's own incarnation: entries
    /// that are recovering belong to incarnations that left.
    pub(super) fn on_retire(&mut self, from: AmfId, entries: &[(Block, Version)]) {
        let incarnation = self.incarnation_of(from);
        for (block, version) in entries {
            let entry = (from, incarnation, *block);
            let Some(have) = self.replicas.get_mut(&entry) else { continue };
            have.intent.take_if(|intent| intent.version <= *version);
            if have.version <= *version {
                self.replicas.remove(&entry);
                let key = Some(Key::Block(*block));
                self.fact(Rule::Retire, key, LineState::I, LineState::I, Some(from), *version);
            }
        }
    }

    pub(super) fn on_list(&mut self, from: AmfId, entries: &[(Block, Version)]) {
        let incarnation = self.incarnation_of(from);
        let any = self.has(Defect::NoIncarnation);
        self.replicas.retain(|(owner, inc, block), _| {
            *owner != from
                || (*inc != incarnation && !any)
                || entries.binary_search_by_key(block, |(listed, _)| *listed).is_ok()
        });
        self.fact(Rule::List, None, LineState::I, LineState::I, Some(from), Version::ZERO);
    }

    pub(super) fn on_drop_old(&mut self, from: AmfId) {
        let incarnation = self.incarnation_of(from);
        self.replicas.retain(|(owner, inc, _), _| *owner != from || *inc != incarnation);
        self.fact(Rule::DropOld, None, LineState::I, LineState::I, Some(from), Version::ZERO);
    }

    fn incarnation_of(&self, amf: AmfId) -> Incarnation {
        self.current_view().incarnation(amf).expect("links lead to members of the view")
    }

    // ---- as an owner

    pub(super) fn on_replicate_ack(
        &mut self,
        now: Instant,
        from: AmfId,
        block: Block,
        version: Version,
        intent: u64,
    ) {
        let key = Key::Block(block);
        self.intent_is_kept(now, block, from, intent);
        let at = self.cache.find(block).filter(|at| self.cache.line(*at).version == version);
        let Some(at) = at else { return self.rule_peer(Rule::IgnoreAck, key, from) };
        let line = self.cache.line_mut(at);
        line.missing.remove(from);
        let complete = line.missing.is_empty();
        self.fact(Rule::Kept, Some(key), LineState::I, LineState::I, Some(from), version);
        if !complete {
            return;
        }
        self.relist.remove(&block);
        if self.holds(key).is_some() {
            self.go_on_committed(now, key);
        }
        let ctl = self.keys.get(&key);
        if ctl.and_then(|ctl| ctl.destage.as_ref()).is_some_and(|d| d.step == DestageStep::Acks) {
            self.advance_destage(now, block);
        }
        self.look_at(key);
        self.check_covered(now);
    }

    /// A write or an adoption that waits for partners or disks may be complete now.
    pub(super) fn go_on_committed(&mut self, now: Instant, key: Key) {
        let access = self.own_access(key);
        if matches!(access.stage, Stage::Committed { .. })
            && matches!(access.job, Job::Touch { .. } | Job::Adopt | Job::Synchronise | Job::Accept)
        {
            self.perform(now, key);
        }
    }

    /// The partners may forget this version; told in batches.
    pub(super) fn retire(&mut self, now: Instant, block: Block, version: Version) {
        if self.partners.is_empty() || self.has(Defect::ForgetRetireAndVersionCheck) {
            return;
        }
        self.retiring.push((block, version));
        if self.retiring.len() >= RETIRE_BATCH {
            self.send_retires(now);
        } else {
            self.retire_at = self.retire_at.min(now + self.cfg.retry);
        }
    }

    pub(super) fn send_retires(&mut self, now: Instant) {
        self.retire_at = Instant::NEVER;
        let entries: Arc<[(Block, Version)]> = core::mem::take(&mut self.retiring).into();
        if entries.is_empty() {
            return;
        }
        self.broadcast(now, self.partners, OpId::NONE, Message::Retire { entries });
    }

    /// Section 6: to every partner of the new view the full list, then what it lacks. `kept` are the
    /// partners that were so before, under the same incarnation: they lack only what they had not
    /// acknowledged.
    pub(super) fn replicate_again(&mut self, now: Instant, kept: AmfSet) {
        self.retiring.clear();
        self.retire_at = Instant::NEVER;
        self.relist.clear();
        let fresh = self.partners.minus(kept);
        let partners = self.partners;
        let blocks: Vec<Block> =
            self.cache.sorted().filter(|(_, l)| l.dirty()).map(|(_, l)| l.block).collect();
        let mut list = Vec::with_capacity(blocks.len());
        let mut lacking = Vec::new();
        for block in blocks {
            let at = self.cache.find(block).expect("a dirty line");
            let line = self.cache.line_mut(at);
            line.missing = line.missing.or(fresh).and(partners);
            let (version, data, unkept) = (line.version, line.data.clone(), line.missing);
            list.push((block, version));
            let missing = unkept.or(self.intent_partners(block, fresh));
            if !missing.is_empty() {
                lacking.push((block, version, data, missing));
            }
            if !unkept.is_empty() {
                self.relist.insert(block, ());
            }
        }
        let entries: Arc<[(Block, Version)]> = list.into();
        self.broadcast(now, partners, OpId::NONE, Message::List { entries });
        for (block, version, data, missing) in lacking {
            let intent = self.intent_of(block);
            let message = Message::Replicate { block, version, data, intent };
            self.broadcast(now, missing, OpId::NONE, message);
        }
    }

    /// The new partners have acknowledged the whole list: old ones may forget \[H6\], and the witness
    /// learns that this AMF's failure would lose nothing (unless it has replicas to adopt itself).
    pub(super) fn check_covered(&mut self, now: Instant) {
        if self.view.is_none() || !self.relist.is_empty() {
            return;
        }
        let old = self.holders.minus(self.partners);
        self.broadcast(now, old, OpId::NONE, Message::DropOld);
        self.holders = self.holders.minus(old);
        let covered = self.recovering == 0;
        if covered && !self.covered {
            self.covered = true;
            self.send_renewal(now);
        }
    }
}
