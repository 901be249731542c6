//! The end of a run: everything comes to rest, dirty lines go to the disks, and what was written is
//! read back through the program, as far as time allows.

use super::load::Load;
use super::progress::Progress;
use crate::check;
use crate::protocol::id::{AmfId, Block, OpId, Span};
use crate::protocol::{Data, HostError, RequestKind, Sectors};
use crate::trace::action::{Action, Target};
use crate::trace::engine::{Advance, EngineError};
use crate::trace::snapshot::{AmfStatus, Ask};
use std::collections::BTreeMap;

/// Blocks read back: of more, every so many is.
const BLOCKS_MAX: usize = 100_000;
/// Reads under way at once.
const WINDOW: usize = 64;
/// Steps of a simulated cluster between two looks.
const STEPS: u64 = 64;
/// A live cluster is looked at again after this.
const LOOK_AGAIN: Span = Span::millis(5);

/// After so many reads without an answer the rest is not tried.
const LATE_MAX: usize = 8;

/// What the end of a run found.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// Nothing was outstanding in time.
    pub(super) settled: bool,
    /// What was outstanding, one line each.
    pub(super) unsettled: Vec<String>,
    /// Blocks that were written.
    pub(super) written: u64,
    /// What the blocks read back have.
    pub(super) tally: check::Tally,
    /// Blocks that no AMF would or could read: nothing is known of them.
    pub(super) unread: u64,
    /// Of those, reads that were not answered in time.
    late: usize,
    /// A disk answers with errors: what cannot be read may still be there.
    lacks_disks: bool,
}

impl Load {
    /// Lets the cluster come to rest; `false` if that took longer than `limit`.
    pub(super) fn settle(&mut self, limit: Span) -> Result<bool, EngineError> {
        let deadline = self.engine.now() + limit;
        let mut progress = self.bar(Progress::waiting("coming to rest"));
        let mut looked = 0;
        loop {
            let settled = self.engine.is_settled();
            let now = self.engine.now();
            if settled || now >= deadline || self.is_cut_short() {
                progress.end();
                return Ok(settled);
            }
            looked += 1;
            progress.at(looked);
            let until = deadline.min(now + LOOK_AGAIN);
            self.engine.advance(Advance { until, steps_max: STEPS })?;
            while self.engine.poll_completion().is_some() {}
        }
    }

    /// Settles, destages, and reads back what was written.
    pub(super) fn rest(&mut self, limit: Span) -> Result<Rest, EngineError> {
        let mut rest = Rest { settled: self.settle(limit)?, ..Rest::default() };
        if rest.settled && self.engine.submit(Action::Destage(Target::All)).is_ok() {
            rest.settled = self.settle(limit)?;
        }
        let snapshot = self.engine.snapshot(&Ask::BRIEF);
        rest.unsettled = snapshot.unsettled;
        let users = self.users();
        let serving: Vec<AmfId> = snapshot
            .amfs
            .iter()
            .filter(|amf| amf.status == AmfStatus::Serving && users.contains(amf.id))
            .map(|amf| amf.id)
            .collect();
        let written = self.checker.blocks_touched();
        rest.written = written.len() as u64;
        let every = written.len().div_ceil(BLOCKS_MAX).max(1);
        let blocks: Vec<Block> = written.into_iter().step_by(every).collect();
        if serving.is_empty() {
            rest.unread = blocks.len() as u64;
            return Ok(rest);
        }
        rest.lacks_disks = snapshot.disks.iter().any(|disk| disk.failed);
        let mut progress = self.bar(Progress::new(Some(blocks.len() as u64)));
        for (done, window) in blocks.chunks(WINDOW).enumerate() {
            self.read_back(window, &serving, &mut rest)?;
            progress.at(((done + 1) * WINDOW) as u64);
            // What was not answered in time will not be: each further window would take as long.
            if rest.late >= LATE_MAX || self.is_cut_short() {
                let left = blocks.len().saturating_sub((done + 1) * WINDOW);
                rest.unread += left as u64;
                break;
            }
        }
        progress.end();
        Ok(rest)
    }

    /// Reads blocks, each through one AMF; through another one if that does not serve.
    fn read_back(
        &mut self,
        blocks: &[Block],
        serving: &[AmfId],
        rest: &mut Rest,
    ) -> Result<(), EngineError> {
        let mut left: Vec<Block> = blocks.to_vec();
        for turn in 0..serving.len() {
            let mut asked = BTreeMap::new();
            for block in left.drain(..) {
                let amf = serving[(usize::try_from(block.0).unwrap_or(0) + turn) % serving.len()];
                let per_block = self.checker.sectors_per_block();
                let kind = RequestKind::Read(Sectors::of_blocks(block, 1, per_block));
                asked.insert(self.engine.host(amf, kind), (amf, block));
            }
            left = self.take_back(asked, rest)?;
            if left.is_empty() {
                break;
            }
        }
        rest.unread += left.len() as u64;
        Ok(())
    }

    /// Judges the answers. The blocks that were refused; one without an answer in time stays unread, for
    /// whoever could read it would have waited for the same.
    fn take_back(
        &mut self,
        mut asked: BTreeMap<OpId, (AmfId, Block)>,
        rest: &mut Rest,
    ) -> Result<Vec<Block>, EngineError> {
        let deadline = self.engine.now() + self.timeout();
        let mut refused = Vec::new();
        loop {
            while let Some(done) = self.engine.poll_completion() {
                let Some((amf, block)) = asked.remove(&done.answer.op) else { continue };
                let place = format!("block {block} read through {amf} at the end");
                match done.answer.result {
                    Ok(touched) => {
                        let data: Option<&Data> = touched.first().and_then(|t| t.data.as_ref());
                        rest.tally.add(&self.checker, block, data, &place);
                    }
                    // It may be on a disk that does not answer now.
                    Err(HostError::Media | HostError::InDoubt) if rest.lacks_disks => {
                        rest.unread += 1;
                    }
                    Err(HostError::Media | HostError::InDoubt) => {
                        rest.tally.add(&self.checker, block, None, &place);
                    }
                    Err(_) => refused.push(block),
                }
            }
            let now = self.engine.now();
            if asked.is_empty() || now >= deadline || self.is_cut_short() {
                rest.unread += asked.len() as u64;
                rest.late += asked.len();
                return Ok(refused);
            }
            let until = deadline.min(now + LOOK_AGAIN);
            self.engine.advance(Advance { until, steps_max: 1 })?;
        }
    }
}
