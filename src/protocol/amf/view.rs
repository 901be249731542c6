//! Membership (sections 5 and 6): views, leases, suspicion, joining, leaving.

use super::key::{Access, Job, KeyCtl, Queued, Stage};
use super::{Amf, BadDisks};
use crate::protocol::cell::Trigger;
use crate::protocol::config::Protocol;
use crate::protocol::defect::Defect;
use crate::protocol::group::SlotState;
use crate::protocol::id::{AmfId, AmfSet, Block, DiskId, Instant, Key, NodeId, Span};
use crate::protocol::machine::AmfOutput;
use crate::protocol::message::{Body, Packet, Recovered, WitnessMsg};
use crate::protocol::rule::{LineState, Rule};
use crate::protocol::view::View;
use smallvec::SmallVec;
use std::sync::Arc;

/// A `Join` is repeated this many times as often as a renewal.
const JOIN_PARTS: u64 = 4;

impl Amf {
    // ---- the witness speaks

    pub(super) fn on_witness(&mut self, now: Instant, message: WitnessMsg) {
        match message {
            WitnessMsg::View(view) => self.on_view(now, &view),
            WitnessMsg::Renewed { incarnation, sent } if incarnation == self.incarnation => {
                // [L1] Counted from when the renewal was sent.
                let until = Instant(sent) + self.cfg.lease;
                let was_live = self.lease_is_live(now);
                self.lease_until = self.lease_until.max(until);
                if !was_live && self.lease_is_live(now) {
                    self.rule(Rule::LeaseRenewed, None);
                    self.meet_stalled();
                    self.unstall(now);
                }
            }
            WitnessMsg::Refused { incarnation } if incarnation == self.incarnation => {
                if self.view.is_some() {
                    self.rule(Rule::Refused, None);
                    self.leave(now);
                }
            }
            WitnessMsg::Renewed { .. }
            | WitnessMsg::Refused { .. }
            | WitnessMsg::Renew { .. }
            | WitnessMsg::Join { .. }
            | WitnessMsg::Suspect { .. }
            | WitnessMsg::DiskFailed { .. }
            | WitnessMsg::Rebuilt { .. }
            | WitnessMsg::Synchronised { .. }
            | WitnessMsg::Accepted { .. }
            | WitnessMsg::Fence { .. }
            | WitnessMsg::Fenced { .. }
            | WitnessMsg::Replaced { .. } => self.rule(Rule::IgnoreStranger, None),
        }
    }

    /// An AMF may skip views; only the newest counts.
    pub(super) fn on_view(&mut self, now: Instant, view: &Arc<View>) {
        if view.epoch <= self.epoch {
            return self.rule(Rule::IgnoreView, None);
        }
        match view.incarnation(self.id) {
            Some(incarnation) if incarnation == self.incarnation => self.install_view(now, view),
            Some(_) | None if self.view.is_some() => {
                self.rule(Rule::Evicted, None);
                self.leave(now);
            }
            Some(_) | None => self.rule(Rule::IgnoreView, None),
        }
    }

    // ---- installing a view

    fn install_view(&mut self, now: Instant, view: &Arc<View>) {
        self.meet_everywhere(Trigger::View);
        let old = self.view.replace(Arc::clone(view));
        let stayed: AmfSet = old
            .iter()
            .flat_map(|old| &old.members)
            .copied()
            .collect::<Vec<_>>()
            .into_iter()
            .filter(|(amf, inc)| view.incarnation(*amf) == Some(*inc))
            .map(|(amf, _)| amf)
            .collect();
        let old_partners = self.partners.and(stayed);
        self.epoch = view.epoch;
        self.peers = view.set().minus(AmfSet::only(self.id));
        self.partners = view.partners(self.id);
        self.holders = self.holders.or(old_partners).and(stayed);
        self.covered = false;
        let unsynchronised = |view: &View| view.unsynchronised;
        if old.as_deref().and_then(unsynchronised) != view.unsynchronised {
            self.synchronised.clear();
        }
        self.secured.clear();
        self.forget_answered_reports(old.as_deref());
        self.rule(Rule::InstallView, None);
        self.forget_clear();
        for link in &mut self.links {
            link.restart(view.epoch);
        }
        for key in self.keys.keys_sorted() {
            // Deferred requests are forgotten: their senders will ask again.
            let ctl = self.keys.get_mut(&key).expect("listed above");
            ctl.deferred.clear();
            self.look_at(key);
        }
        self.leave_old_protocol(view.protocol);
        self.resolve_stuck_again();
        self.replicate_again(now, old_partners.and(self.partners));
        self.mark_recovering(now);
        self.resume_accesses(now);
        self.recheck_destages(now);
        if self.is_last_survivor() {
            self.rule(Rule::LastSurvivor, None);
            self.on_destage_all(now);
        }
        if old.is_none() {
            self.rule(Rule::Joined, None);
            self.forget_damaged();
        }
        let admitted = old.as_deref().is_some_and(|old| old.admitted != view.admitted);
        self.mark_again(now, admitted);
        self.review_doubt(now);
        self.review_refill(now);
        self.unstall(now);
        self.send_renewal(now);
        self.check_covered(now);
        self.receive_early(now);
    }

    /// \[M4\] Errors from before a disk was admitted say nothing about the disk that is in the slot now:
    /// reported again, they would make a good one fail. A disk that is still bad says so again.
    fn forget_answered_reports(&mut self, old: Option<&View>) {
        let view = Arc::clone(self.view.as_ref().expect("just installed"));
        if old.is_none_or(|old| old.admitted != view.admitted) {
            self.bad_disks = BadDisks::default();
            self.admitted_from = self.disk_next;
        }
        let slots = view.group.slots.iter();
        let failed: Vec<DiskId> =
            slots.filter(|slot| slot.state == SlotState::Failed).map(|slot| slot.disk).collect();
        let in_use = |disk: u8| view.group.slot_of(DiskId(disk)).is_some();
        self.bad_disks.retain(|disk| in_use(disk) && !failed.contains(&DiskId(disk)));
    }

    fn leave_old_protocol(&mut self, protocol: Protocol) {
        if protocol.knows_sharers() {
            return;
        }
        let exclusive = self.cache.sorted().filter(|(_, line)| line.state == LineState::E);
        let at: Vec<_> = exclusive.map(|(at, _)| at).collect();
        for at in at {
            self.cache.set_state(at, LineState::S);
        }
    }

    fn receive_early(&mut self, now: Instant) {
        for peer in self.peers.iter() {
            self.links[usize::from(peer.0)].receive_early(now, peer, &mut self.inbox);
        }
        self.links_at = now;
        self.run_inbox(now);
    }

    /// Every replica whose owner's incarnation left is adopted by its partner: here.
    fn mark_recovering(&mut self, now: Instant) {
        let view = Arc::clone(self.view.as_ref().expect("just installed"));
        let forgets = self.has(Defect::OldPartnerDrops);
        let me = self.id;
        if forgets {
            self.replicas.retain(|(owner, ..), _| {
                view.incarnation(*owner).is_none() || view.partners(*owner).contains(me)
            });
        }
        let by_name = self.has(Defect::NoIncarnation);
        self.recover_intents(now);
        self.orphans.clear();
        for (owner, incarnation, block) in self.replicas.keys_sorted() {
            let member = view.incarnation(owner);
            if member == Some(incarnation) || (by_name && member.is_some()) {
                continue;
            }
            let key = Key::Block(block);
            self.orphans.get_or_insert_with(block, SmallVec::new).push((owner, incarnation));
            let replica = self.replicas.get_mut(&(owner, incarnation, block));
            if let Some(intent) = replica.and_then(|replica| replica.intent.take()) {
                self.mark_redo(now, intent);
            }
            let ctl = self.keys.get_or_insert_with(key, KeyCtl::default);
            if ctl.recovery.is_none() {
                ctl.recovery = Some(now);
                self.recovering += 1;
                self.rule_peer(Rule::Recovering, key, owner);
            }
            self.look_at(key);
        }
    }

    /// Held accesses stay held. Waiting ones forget the grants they had, drop members that left, and
    /// are broadcast again with their old ticket; behind a recovery they are suspended first.
    fn resume_accesses(&mut self, now: Instant) {
        let peers = self.peers;
        let keeps = self.has(Defect::KeepGrantsAcrossViews);
        let resends = self.has(Defect::ResendHeldWrite);
        for key in self.keys.keys_sorted() {
            let Some(ctl) = self.keys.get_mut(&key) else { continue };
            let recovering = ctl.recovery.is_some();
            if resends {
                resend_held_write(ctl);
            }
            let Some(access) = ctl.access.as_mut().filter(|a| a.stage == Stage::Waiting) else {
                continue;
            };
            // A walk that makes copies equal has a normal ticket: it too must let the recovery go first, or
            // two AMFs that recover the block wait for each other.
            if recovering && access.job != Job::Adopt && access.job != Job::Redo {
                let (job, ticket) = (access.job, Some(access.ticket));
                let counted = Some(access.hit);
                ctl.access = None;
                ctl.queue.push_front(Queued { job, counted, ticket });
                self.rule(Rule::Suspend, Some(key));
                self.look_at(key);
                continue;
            }
            if keeps {
                access.missing = access.missing.and(peers);
            } else {
                access.missing = peers;
                access.copy = None;
                access.sharers = AmfSet::EMPTY;
                access.lenders = AmfSet::EMPTY;
                access.floor = crate::protocol::id::Version::ZERO;
                access.reading = false;
                access.replica = crate::protocol::id::Version::ZERO;
            }
            let alone = access.missing.is_empty();
            self.rule(Rule::AskAgain, Some(key));
            if alone {
                self.own_access(key).stage = Stage::Held;
                self.stalled.push(key);
            } else {
                self.broadcast_access(now, key);
            }
        }
    }

    // ---- leases

    pub(super) fn on_renew_timeout(&mut self, now: Instant) {
        if self.view.is_none() {
            let (attempt, whole) = (self.incarnation.0, self.journal.is_whole());
            self.send_witness(WitnessMsg::Join { attempt, whole });
            self.renew_at = now + Span(self.cfg.renew.0 / JOIN_PARTS);
            return self.rule(Rule::Join, None);
        }
        self.send_renewal(now);
        self.renew_at = now + self.cfg.renew;
        self.renew_latest = self.renew_at + self.cfg.renew;
        self.repeat_disk_reports();
        self.repeat_refill_report();
        self.clear_regions();
        self.say_nothing_is_lost();
        self.say_accepted();
    }

    /// \[D2\] Whatever this AMF had to adopt is on disk, or its own now: replicated, and in its journal.
    pub(super) fn recovered(&self) -> Option<Recovered> {
        let all = self.secured.len() == self.recovering as usize && self.redo.is_empty();
        let journal = self.cfg.journal && !self.journal.is_broken();
        all.then_some(if journal { Recovered::Journal } else { Recovered::Replicas })
    }

    pub(super) fn send_renewal(&mut self, now: Instant) {
        let (incarnation, epoch, covered) = (self.incarnation, self.epoch, self.covered);
        let (sent, refilled, recovered) = (now.0, self.refilled(), self.recovered());
        let renewal = WitnessMsg::Renew { incarnation, epoch, sent, covered, recovered, refilled };
        self.send_witness(renewal);
    }

    /// An AMF whose lease has run out serves nothing; it checks at every step, so nothing to do here.
    /// Somebody wanted to see that, so the next renewal comes a period from now; but never later than two
    /// periods after the last one, however often that is wanted: two periods are at most a lease, so the
    /// witness hears in time and evicts nobody for it.
    pub(super) fn on_lease_timeout(&mut self, now: Instant) {
        self.lease_until = now;
        if self.view.is_some() {
            let wanted = (now + self.cfg.renew).min(self.renew_latest);
            self.renew_at = self.renew_at.max(wanted);
        }
        self.rule(Rule::LeaseOver, None);
    }

    // ---- links

    pub(super) fn on_link_timeout(&mut self, now: Instant) {
        let mut next = Instant::NEVER;
        let from = NodeId::Amf(self.id);
        for peer in self.peers.iter() {
            let link = &mut self.links[usize::from(peer.0)];
            if now >= link.deadline() {
                link.poll(now, |frame| {
                    self.stats.retransmissions += u64::from(frame.again);
                    let (to, body) = (NodeId::Amf(peer), Body::Frame(frame));
                    self.outputs.push_back(AmfOutput::Send(Packet { from, to, body }));
                });
            }
            next = next.min(link.deadline());
        }
        self.links_at = next;
    }

    /// A link that cannot deliver for `suspect_after` makes its AMF say so; again until a view
    /// answers, or the link delivers.
    pub(super) fn on_suspect_timeout(&mut self, now: Instant) {
        let mut next = Instant::NEVER;
        for peer in self.peers.iter() {
            let since = self.links[usize::from(peer.0)].undelivered_since();
            if since == Instant::NEVER {
                continue;
            }
            let due = since + self.cfg.suspect_after;
            if now >= due {
                self.say_suspect(peer);
                next = next.min(now + Span(self.cfg.suspect_after.0 / 2));
            } else {
                next = next.min(due);
            }
        }
        self.suspect_at = next;
    }

    fn say_suspect(&mut self, peer: AmfId) {
        self.fact(
            Rule::Suspect,
            None,
            LineState::I,
            LineState::I,
            Some(peer),
            crate::protocol::id::Version::ZERO,
        );
        self.send_witness(WitnessMsg::Suspect { epoch: self.epoch, peer });
    }

    // ---- leaving

    /// It was evicted (a view without it, a fenced disk request, a refused renewal): outstanding
    /// host requests fail, lines, accesses and replicas are dropped, and it joins anew \[H7\].
    pub(super) fn leave(&mut self, now: Instant) {
        self.rule(Rule::Leave, None);
        self.meet_everywhere(Trigger::Leave);
        self.fail_host_ops();
        let fresh = Self::new(&self.cfg, self.id, self.incarnation, now);
        let old = core::mem::replace(self, fresh);
        self.incarnation.0 = old.incarnation.0 + 1;
        self.epoch = old.epoch;
        self.clock = old.clock;
        self.defect = old.defect;
        self.intent_next = old.intent_next;
        self.keep_journal(old.journal, old.incarnation);
        self.links = old.links;
        for link in &mut self.links {
            link.restart(old.epoch);
        }
        self.outputs = old.outputs;
        self.facts = old.facts;
        self.cells = old.cells;
        self.observed = old.observed;
        self.stats = old.stats;
        self.touched = old.touched;
    }

    /// True if the block is known to no one here: for tests and drivers.
    #[must_use]
    pub fn forgot(&self, block: Block) -> bool {
        self.cache.get(block).is_none() && !self.replicas.any(|(.., b), _| *b == block)
    }
}

/// The seeded defect: a held write gives up its hold, and begins again under a new ticket.
fn resend_held_write(ctl: &mut KeyCtl) {
    let committed = |access: &Access| {
        matches!(access.stage, Stage::Committed { .. }) && matches!(access.job, Job::Touch { .. })
    };
    if let Some(access) = ctl.access.take_if(|access| committed(access)) {
        let counted = Some(access.hit);
        ctl.queue.push_front(Queued { job: access.job, counted, ticket: None });
    }
}
