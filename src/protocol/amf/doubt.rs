//! What is in doubt \[D2, D3\]: blocks of regions that somebody had marked whose acknowledged writes are lost.
//!
//! The view says who is lost, the marks on the disks say where. What comes from a disk or from a lent line
//! and is older than the loss may be old data, and is not given out: an error says so. Valid lines are good.

use super::Amf;
use super::disk_io::DiskWork;
use crate::protocol::id::{Block, Epoch, Instant, OpId, Version};
use crate::protocol::message::{DiskDone, DiskError, DiskOp, WitnessMsg};
use crate::protocol::region::{Gone, region_of};
use crate::protocol::rule::Rule;
use crate::protocol::table::Table;
use crate::protocol::view::View;

/// What this AMF knows of losses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Doubt {
    /// Whom the view calls lost.
    lost: Vec<Gone>,
    /// Answers of disks that are outstanding, to the newest question.
    pending: u32,
    question: u64,
    /// A disk did not answer: the next view asks again.
    failed: bool,
    /// Regions in doubt, and before which epoch.
    regions: Table<u64, Epoch>,
}

impl Doubt {
    fn is_known(&self) -> bool {
        self.lost.is_empty() || (self.pending == 0 && !self.failed)
    }

    /// The newest epoch in which somebody left who is lost.
    fn newest(&self) -> Epoch {
        self.lost.iter().map(|gone| gone.left).max().unwrap_or_default()
    }
}

/// Whether what a disk or a lent line has may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    Sure,
    InDoubt,
    /// The disks were asked for their marks.
    NotKnown,
}

impl Amf {
    /// \[D3\] A version that comes from a disk, or from a lent line.
    pub(super) fn trust(&self, block: Block, version: Version) -> Trust {
        if self.doubt.lost.is_empty() || version.epoch >= self.doubt.newest() {
            return Trust::Sure;
        }
        if !self.doubt.is_known() {
            return Trust::NotKnown;
        }
        let since = self.doubt.regions.get(&region_of(block, self.cfg.region_blocks));
        if since.is_some_and(|since| version.epoch < *since) { Trust::InDoubt } else { Trust::Sure }
    }

    /// A newer view: who is lost, and where?
    pub(super) fn review_doubt(&mut self, now: Instant) {
        let lost: Vec<Gone> = self.current_view().lost().copied().collect();
        if lost == self.doubt.lost && self.doubt.is_known() {
            return;
        }
        let question = self.doubt.question + 1;
        self.doubt = Doubt { lost, question, ..Doubt::default() };
        if self.doubt.lost.is_empty() {
            return self.accept_is_over();
        }
        for slot in self.slots_but_failed() {
            self.doubt.pending += 1;
            self.ask_disk(slot, OpId::NONE, DiskOp::Marks, DiskWork::Marks { question });
        }
        self.rule(Rule::AskMarks, None);
        if self.doubt.pending == 0 {
            self.doubt_is_known(now);
        }
    }

    pub(super) fn on_marks(
        &mut self,
        now: Instant,
        question: u64,
        result: &Result<DiskDone, DiskError>,
    ) {
        if question != self.doubt.question || self.doubt.pending == 0 {
            return;
        }
        self.doubt.pending -= 1;
        match result {
            Ok(DiskDone::Marks(marks)) => {
                let doubt = &mut self.doubt;
                for mark in marks.iter() {
                    for gone in doubt.lost.iter().filter(|gone| gone.made(mark)) {
                        let left = doubt.regions.get_or_insert_with(mark.region, || gone.left);
                        *left = (*left).max(gone.left);
                    }
                }
            }
            Ok(_) | Err(_) => self.doubt.failed = true,
        }
        if self.doubt.is_known() {
            self.doubt_is_known(now);
        }
    }

    fn doubt_is_known(&mut self, now: Instant) {
        self.rule(Rule::DoubtKnown, None);
        self.say_nothing_is_lost();
        self.unstall(now);
        self.accept_may_begin(now);
    }

    /// Whoever is lost had marked nothing: the witness may forget it. Said by one, until a view says so.
    pub(super) fn say_nothing_is_lost(&mut self) {
        let view = self.current_view();
        let lowest = view.members.first().is_some_and(|(amf, _)| *amf == self.id);
        let nothing = self.doubt.is_known() && self.doubt.regions.is_empty();
        if lowest && nothing && !self.doubt.lost.is_empty() {
            let upto = self.doubt.newest();
            self.send_witness(WitnessMsg::Accepted { upto });
        }
    }

    /// Whom the view calls lost, once it is known where that matters.
    pub(super) fn known_losses(&self) -> Option<(&[Gone], Epoch)> {
        self.doubt.is_known().then(|| (self.doubt.lost.as_slice(), self.doubt.newest()))
    }

    /// It knows of everything that is in doubt under this view.
    #[must_use]
    pub fn knows_doubt(&self, view: &View) -> bool {
        self.doubt.is_known() && self.doubt.lost.iter().eq(view.lost())
    }

    /// Regions that are in doubt as far as is known here, in order, and before which epoch.
    #[must_use]
    pub fn regions_in_doubt(&self) -> Vec<(u64, Epoch)> {
        self.doubt.regions.sorted().into_iter().map(|(region, left)| (region, *left)).collect()
    }
}
