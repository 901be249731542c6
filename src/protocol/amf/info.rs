//! Getters: what snapshots, checkers and drivers may see of an AMF. Nothing here changes anything.

use super::Amf;
use super::key::{Access, DestageStep};
use super::scrub::{Scrub, ScrubReport};
use crate::protocol::Many;
use crate::protocol::data::Data;
use crate::protocol::id::{
    AmfId, AmfSet, Block, Epoch, Incarnation, Instant, Key, Mode, OpId, Ticket, Version,
};
use crate::protocol::message::MsgKind;
use crate::protocol::rule::{LineState, Rule};
use crate::protocol::view::View;
use std::sync::Arc;

/// Counters of one AMF since it started.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AmfStats {
    /// First sends by kind.
    pub sent: [u64; MsgKind::ALL.len()],
    /// Messages sent again.
    pub retransmissions: u64,
    /// Accesses that were broadcast.
    pub broadcasts: u64,
    /// Accesses that needed none.
    pub broadcasts_saved: u64,
    /// Touches that took their data from a peer.
    pub peer_transfers: u64,
    /// Requests answered.
    pub ops: u64,
    /// Touches that hit.
    pub hits: u64,
    /// Touches that missed.
    pub misses: u64,
    /// Blocks adopted.
    pub takeovers: u64,
    /// Lines dropped to make room.
    pub evictions: u64,
    /// Destages finished.
    pub destages: u64,
    /// Parity updates that were planned.
    pub parity_updates: u64,
    /// Blocks whose check sum was wrong that were rebuilt and written again.
    pub repaired: u64,
    /// How often each rule was applied, in the order of [`Rule::ALL`].
    pub rules: Vec<u64>,
}

impl Default for AmfStats {
    fn default() -> Self {
        Self {
            sent: [0; MsgKind::ALL.len()],
            retransmissions: 0,
            broadcasts: 0,
            broadcasts_saved: 0,
            peer_transfers: 0,
            ops: 0,
            hits: 0,
            misses: 0,
            takeovers: 0,
            evictions: 0,
            destages: 0,
            parity_updates: 0,
            repaired: 0,
            rules: vec![0; Rule::ALL.len()],
        }
    }
}

/// A line, as others may see it.
#[derive(Clone, Copy, Debug)]
pub struct LineView<'a> {
    /// Its block.
    pub block: Block,
    /// Its state.
    pub state: LineState,
    /// Its version.
    pub version: Version,
    /// Its content.
    pub data: &'a Data,
    /// Partners that have not acknowledged the version.
    pub missing: AmfSet,
}

/// What an AMF has to do with a key, as others may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyView {
    /// The key.
    pub key: Key,
    /// Own access: held or not, mode, ticket, who has not granted, since when, for whom.
    pub access: Option<AccessView>,
    /// Requests deferred: who, mode, ticket, why.
    pub deferred: Vec<(AmfId, Mode, Ticket, &'static str)>,
    /// Local work behind it.
    pub queued: usize,
    /// The first of that is an access that a recovery suspended.
    pub suspended: Option<Ticket>,
    /// The block is being destaged since.
    pub destaging: Option<Instant>,
    /// The block is recovering since.
    pub recovering: Option<Instant>,
}

/// An access, as others may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessView {
    /// Held.
    pub held: bool,
    /// Its mode.
    pub mode: Mode,
    /// Its ticket.
    pub ticket: Ticket,
    /// Who has not granted.
    pub missing: AmfSet,
    /// Since when.
    pub since: Instant,
    /// The host operation behind it.
    pub cause: OpId,
}

impl From<&Access> for AccessView {
    fn from(access: &Access) -> Self {
        Self {
            held: access.stage.is_held(),
            mode: access.mode,
            ticket: access.ticket,
            missing: access.missing,
            since: access.since,
            cause: access.cause,
        }
    }
}

impl Amf {
    /// Which AMF this is.
    #[must_use]
    pub fn id(&self) -> AmfId {
        self.id
    }
    /// Under which incarnation it is, or wants to be, a member.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }
    /// It has installed a view that holds it.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.view.is_some()
    }
    /// The view it has installed.
    #[must_use]
    pub fn view(&self) -> Option<&Arc<View>> {
        self.view.as_ref()
    }
    /// The epoch of that view; 0 without one.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }
    /// When its lease runs out.
    #[must_use]
    pub fn lease_until(&self) -> Instant {
        self.lease_until
    }
    /// Its replication partners.
    #[must_use]
    pub fn partners(&self) -> AmfSet {
        self.partners
    }
    /// It has no partner although replicas are wanted (section 4).
    #[must_use]
    pub fn last_survivor(&self) -> bool {
        self.view.is_some() && self.is_last_survivor()
    }
    /// Counters.
    #[must_use]
    pub fn stats(&self) -> &AmfStats {
        &self.stats
    }
    /// Valid lines.
    #[must_use]
    pub fn lines_used(&self) -> u32 {
        self.cache.valid()
    }
    /// Dirty lines.
    #[must_use]
    pub fn dirty(&self) -> u32 {
        self.cache.dirty()
    }
    /// Replicas kept for others.
    #[must_use]
    pub fn replica_count(&self) -> usize {
        self.replicas.len()
    }
    /// Blocks that wait to be adopted.
    #[must_use]
    pub fn recovering_count(&self) -> usize {
        self.keys.count(|_, ctl| ctl.recovery.is_some())
    }
    /// The line of a block, if there is one: valid, or lent.
    #[must_use]
    pub fn line(&self, block: Block) -> Option<LineView<'_>> {
        self.cache.get(block).filter(|line| line.state != LineState::I).map(view_of)
    }
    /// All lines, by block. O(n log n).
    pub fn lines(&self) -> impl Iterator<Item = LineView<'_>> {
        self.cache.sorted().map(|(_, line)| line).filter(|l| l.state != LineState::I).map(view_of)
    }
    /// The version of `block` that is kept for `owner` under `incarnation`.
    #[must_use]
    pub fn replica(
        &self,
        owner: AmfId,
        incarnation: Incarnation,
        block: Block,
    ) -> Option<(Version, &Data)> {
        self.replicas.get(&(owner, incarnation, block)).map(|r| (r.version, &r.data))
    }
    /// It keeps a replica of the block for anybody. O(replicas).
    #[must_use]
    pub fn keeps(&self, block: Block) -> bool {
        self.replicas.any(|(_, _, kept), _| *kept == block)
    }
    /// What it keeps of the block: for whom, under which incarnation. O(replicas).
    #[must_use]
    pub fn kept_of(&self, block: Block) -> Vec<(AmfId, Incarnation, Version, Data)> {
        if !self.keeps(block) {
            return Vec::new();
        }
        let all = self.replicas.sorted().into_iter().filter(|((_, _, kept), _)| *kept == block);
        all.map(|((owner, inc, _), r)| (owner, inc, r.version, r.data.clone())).collect()
    }
    /// All replicas kept for others. O(n log n).
    #[must_use]
    pub fn replicas(&self) -> Vec<(AmfId, Incarnation, Block, Version)> {
        let all = self.replicas.sorted().into_iter();
        all.map(|((owner, inc, block), r)| (owner, inc, block, r.version)).collect()
    }
    /// The mode in which this AMF holds access to `key`.
    #[must_use]
    pub fn holds(&self, key: Key) -> Option<Mode> {
        self.keys.get(&key).and_then(super::key::KeyCtl::held)
    }
    /// A disk write of the block is in flight.
    #[must_use]
    pub fn is_destaging(&self, block: Block) -> bool {
        self.keys.get(&Key::Block(block)).is_some_and(|ctl| ctl.destage.is_some())
    }
    /// Nothing is being done for this key.
    #[must_use]
    pub fn is_idle_on(&self, key: Key) -> bool {
        !self.keys.contains(&key)
    }
    /// The lock table. O(n log n).
    #[must_use]
    pub fn keys(&self) -> Vec<KeyView> {
        let view = |(key, ctl): (Key, &super::key::KeyCtl)| KeyView {
            key,
            access: ctl.access.as_deref().map(AccessView::from),
            deferred: ctl
                .deferred
                .iter()
                .map(|d| (d.ticket.amf, d.mode, d.ticket, d.why.text()))
                .collect(),
            queued: ctl.queue.len(),
            suspended: ctl.queue.front().and_then(|queued| queued.ticket),
            destaging: ctl.destage.as_ref().map(|d| d.since),
            recovering: ctl.recovery,
        };
        self.keys.sorted().into_iter().map(view).collect()
    }
    /// Keys that the last input concerned.
    #[must_use]
    pub fn touched_keys(&self) -> &[Key] {
        &self.touched
    }
    /// Its partners hold its whole list in this view, and it has nothing to adopt: its failure would
    /// lose nothing.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        self.covered
    }
    /// Some of its partners' replicas are no longer needed, and they have yet to hear of it.
    #[must_use]
    pub fn retires(&self) -> bool {
        !self.retiring.is_empty()
    }
    /// The highest version of the block, or of another with the same slot, that was dropped here \[H2\].
    #[must_use]
    pub fn floor_of(&self, block: Block) -> Version {
        self.floor(Key::Block(block))
    }
    /// Versions that the last input drew.
    #[must_use]
    pub fn commits(&self) -> &[(Block, Version)] {
        &self.commits
    }
    /// How far a refill has come: slot, blocks done of the disk. `None`: not refilling.
    #[must_use]
    pub fn refilled(&self) -> Option<(u8, u64)> {
        self.refill.as_ref().and_then(super::refill::Refill::progress)
    }
    /// What its newest scrub has found so far; `None`: it has not scrubbed.
    #[must_use]
    pub fn scrub(&self) -> Option<ScrubReport> {
        self.scrub.as_ref().map(Scrub::report)
    }
    /// What keeps this AMF from being settled, in words; `None` if nothing does.
    #[must_use]
    pub fn unsettled(&self) -> Option<String> {
        if self.view.is_none() {
            return Some(format!("{} is joining", self.id));
        }
        if !self.ops.is_empty() || !self.flushes.is_empty() {
            let count = self.ops.len() + self.flushes.len();
            let operations = Many::of(count, "host operation");
            return Some(format!("{}: {operations}", self.id));
        }
        if let Some((key, ctl)) = self.keys.sorted().first() {
            let what = match (&ctl.recovery, &ctl.destage) {
                (Some(_), _) => "is recovering",
                (None, Some(d)) => match d.step {
                    DestageStep::Acks | DestageStep::Stripe => "waits to be destaged",
                    DestageStep::Stuck => "has no disk to be destaged to",
                    DestageStep::Reading
                    | DestageStep::Intent { .. }
                    | DestageStep::Writing { .. } => "is being destaged",
                },
                (None, None) => "is being accessed",
            };
            return Some(format!("{}: {key} {what}", self.id));
        }
        if self.refill.is_some() {
            return Some(format!("{}: a refill is under way", self.id));
        }
        if self.scrub.as_ref().is_some_and(|scrub| !scrub.report().done) {
            return Some(format!("{}: a scrub is under way", self.id));
        }
        if !self.relist.is_empty() {
            return Some(format!("{}: re-replication", self.id));
        }
        if !self.retiring.is_empty() || !self.holders.minus(self.partners).is_empty() {
            return Some(format!("{}: replicas to retire", self.id));
        }
        let quiet = |peer: AmfId| self.links[usize::from(peer.0)].is_quiet();
        let loud = self.peers.iter().find(|peer| !quiet(*peer))?;
        Some(format!("{}: unacknowledged messages with {loud}", self.id))
    }
}

fn view_of(line: &super::cache::Line) -> LineView<'_> {
    LineView {
        block: line.block,
        state: line.state,
        version: line.version,
        data: &line.data,
        missing: line.missing,
    }
}
