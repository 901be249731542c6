//! `accept-loss` \[D4\]: hosts live with what is left of the regions in doubt.
//!
//! A walk over their blocks. Each is acquired and written again under a new version, with the newest content
//! that anybody has: a clean copy that survived, else what is on disk. Merely forgetting the marks would not
//! do: a journal that comes back later would undo what hosts have read since.

use super::Amf;
use super::disk_io::DiskWork;
use super::key::{Job, Stage};
use super::perform::Content;
use super::regions::MayDirty;
use crate::protocol::id::{Block, Epoch, Instant, Key, OpId};
use crate::protocol::message::{DiskOp, WitnessMsg};
use crate::protocol::region::Gone;
use crate::protocol::rule::{LineState, Rule};

/// Blocks that are worked on at once.
const OPEN_MAX: u32 = 16;

/// A walk under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Accept {
    /// Whose loss is accepted, and in which epoch the newest of them had left.
    lost: Vec<Gone>,
    upto: Epoch,
    step: Step,
    open: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// It is not known yet what is in doubt.
    Waiting,
    /// Regions still to do, the next one last, and how far that is.
    Walking { regions: Vec<u64>, done: u64 },
    /// Told until a view says so.
    Told,
}

impl Amf {
    pub(super) fn on_accept_loss(&mut self, now: Instant) {
        if !self.access.is_listed() {
            // [T2] Who may use the volume need not ask the others.
            return self.rule(Rule::NotListed, None);
        }
        if self.view.is_none() || self.current_view().lost().next().is_none() {
            return self.rule(Rule::AcceptNothing, None);
        }
        if self.accept.as_ref().is_none_or(|accept| accept.step == Step::Told) {
            self.rule(Rule::AcceptLoss, None);
            let (lost, upto, step, open) = (Vec::new(), Epoch(0), Step::Waiting, 0);
            self.accept = Some(Accept { lost, upto, step, open });
        }
        self.accept_may_begin(now);
    }

    /// What is in doubt is known now.
    pub(super) fn accept_may_begin(&mut self, now: Instant) {
        if self.accept.as_ref().is_none_or(|accept| accept.step != Step::Waiting) {
            return;
        }
        let Some((lost, upto)) = self.known_losses() else { return };
        let lost = lost.to_vec();
        let regions = self.regions_in_doubt().into_iter().rev().map(|(region, _)| region).collect();
        let step = Step::Walking { regions, done: 0 };
        self.accept = Some(Accept { lost, upto, step, open: 0 });
        self.accept_next(now);
    }

    fn accept_next(&mut self, _now: Instant) {
        let size = self.cfg.region_blocks;
        let blocks = self.cfg.blocks;
        loop {
            let Some(accept) = &mut self.accept else { return };
            let Step::Walking { regions, done } = &mut accept.step else { return };
            if accept.open >= OPEN_MAX {
                return;
            }
            let Some(region) = regions.last().copied() else { break };
            let block = Block(region.saturating_mul(size).saturating_add(*done));
            if *done == size || block.0 >= blocks {
                regions.pop();
                *done = 0;
                continue;
            }
            *done += 1;
            accept.open += 1;
            self.ask_for(Key::Block(block), Job::Accept);
        }
        let Some(accept) = self.accept.as_mut().filter(|accept| accept.open == 0) else { return };
        accept.step = Step::Told;
        let lost = accept.lost.clone();
        for gone in lost {
            for slot in self.slots_but_failed() {
                let op = DiskOp::Unmark { gone, region: None };
                self.ask_disk(slot, OpId::NONE, op, DiskWork::Forget);
            }
        }
        self.rule(Rule::LossAccepted, None);
        self.say_accepted();
    }

    /// Told until a view says that nobody is lost any more.
    pub(super) fn say_accepted(&mut self) {
        let told = self.accept.as_ref().filter(|accept| accept.step == Step::Told);
        if let Some(upto) = told.map(|accept| accept.upto) {
            self.send_witness(WitnessMsg::Accepted { upto });
        }
    }

    /// A view says that nobody is lost.
    pub(super) fn accept_is_over(&mut self) {
        self.accept.take_if(|accept| accept.step == Step::Told);
    }

    /// Exclusive access to a block in doubt is held.
    pub(super) fn perform_accept(&mut self, now: Instant, block: Block) {
        let key = Key::Block(block);
        if let Stage::Committed { .. } = self.own_access(key).stage {
            return self.finish_write(now, block);
        }
        match self.found(now, block, OpId::NONE) {
            Content::Pending => {}
            Content::Lost | Content::InDoubt => self.accept_done(now, block),
            Content::Ready(_, data, source) => match self.may_dirty(block) {
                MayDirty::Soon => {}
                MayDirty::NoDisk => self.accept_done(now, block),
                MayDirty::Yes => {
                    if self.cache.state(block) == LineState::L {
                        self.drop_lent(now, block, Rule::Outdated, None);
                    }
                    self.commit(now, block, &data, source);
                    self.make_room(now);
                }
            },
        }
    }

    /// A block was written again and is replicated, or cannot be.
    pub(super) fn accept_done(&mut self, now: Instant, block: Block) {
        let key = Key::Block(block);
        if matches!(self.own_access(key).stage, Stage::Committed { .. }) {
            self.start_destage(now, block, OpId::NONE);
        }
        self.release(now, key);
        if let Some(accept) = &mut self.accept {
            accept.open = accept.open.saturating_sub(1);
        }
        self.accept_next(now);
    }

    /// A loss is being accepted.
    #[must_use]
    pub fn is_accepting(&self) -> bool {
        self.accept.as_ref().is_some_and(|accept| accept.step != Step::Told)
    }
}
