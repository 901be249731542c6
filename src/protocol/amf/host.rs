//! A host's request: accepted or turned away, split into touches, answered when all are done.
//!
//! Touches begin strictly in the order of the requests, so that the cache is a plain LRU list; how
//! long each then takes is its own affair. Counting is as DESIGN section 3 says.

use super::key::{Job, KeyCtl, Queued};
use super::{Amf, HOST_TOUCHES_MAX};
use crate::protocol::cell::Trigger;
use crate::protocol::data::Data;
use crate::protocol::defect::Defect;
use crate::protocol::host::{
    Answer, HostError, REQUEST_SECTORS_MAX, Request, RequestKind, Sectors, Source, Touch, Touched,
};
use crate::protocol::id::{Block, Instant, Key, OpId, Version};
use crate::protocol::machine::AmfOutput;
use crate::protocol::message::DiskOp;
use crate::protocol::rule::{Fact, Rule};
use crate::protocol::table::Table;
use smallvec::SmallVec;

/// Lines on their way out at once before new touches have to wait for the disks.
const EVICTING_MAX: usize = 64;

/// A request under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct HostOp {
    pub(super) kind: RequestKind,
    /// Touches that have begun.
    begun: u32,
    /// Touches in all.
    total: u32,
    /// Touches that are done.
    done: u32,
    results: SmallVec<[Option<Touched>; 1]>,
    error: Option<HostError>,
    pub(super) broadcasts: u32,
    pub(super) saved: u32,
}

/// A `flush` under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FlushWork {
    op: OpId,
    /// Blocks that must be destaged up to a version.
    waiting: Table<Block, Version>,
    /// Disks that must still say that everything is durable.
    pub(super) disks: u32,
    error: Option<HostError>,
}

impl Amf {
    pub(super) fn on_host(&mut self, now: Instant, request: Request) {
        let Request { op, kind } = request;
        if self.view.is_none() || !(self.lease_is_live(now) || self.has(Defect::NoLease)) {
            self.meet_refused(&kind);
            self.rule(Rule::NotServing, None);
            return self.answer(op, Err(HostError::NotServing));
        }
        if !self.access.is_listed() {
            self.rule(Rule::NotListed, None);
            return self.answer(op, Err(HostError::NotServing));
        }
        let span = match &kind {
            RequestKind::Read(span)
            | RequestKind::Write(span, _)
            | RequestKind::WriteFua(span, _)
            | RequestKind::Zero(span) => *span,
            RequestKind::CompareAndWrite { block, .. } => {
                // A block beyond the volume must not overflow on its way to the check below.
                let first = Block(block.0.min(self.cfg.blocks));
                Sectors::of_blocks(first, 1, self.cfg.sectors_per_block())
            }
            RequestKind::Flush => return self.on_flush(now, op),
        };
        let end = span.first.checked_add(u64::from(span.count));
        let fits = span.count > 0 && span.count <= REQUEST_SECTORS_MAX;
        if !fits || end.is_none_or(|end| end > self.cfg.sectors()) {
            self.rule(Rule::OutOfRange, None);
            return self.answer(op, Err(HostError::OutOfRange));
        }
        let total = span.touches(self.cfg.sectors_per_block());
        if matches!(kind, RequestKind::Read(_)) && total == 1 && self.dispatch.is_empty() {
            let touch = span.touch(0, self.cfg.sectors_per_block());
            if let Some(data) = self.read_hit(now, touch) {
                self.stats.ops += 1;
                let touched = Touched { touch, hit: true, source: Source::Cache, data: Some(data) };
                return self.answer(op, Ok(SmallVec::from_iter([touched])));
            }
        }
        if self.touches + total as usize > HOST_TOUCHES_MAX {
            self.rule(Rule::TooBusy, None);
            return self.answer(op, Err(HostError::NotServing));
        }
        self.touches += total as usize;
        let results = SmallVec::from_elem(None, total as usize);
        self.ops.insert(
            op,
            HostOp {
                kind,
                begun: 0,
                total,
                done: 0,
                results,
                error: None,
                broadcasts: 0,
                saved: 0,
            },
        );
        self.dispatch.push_back(op);
    }

    /// Section 3: a valid line, a live lease, nothing unacknowledged: served locally, no message.
    /// The fast path for drivers too; `None` means nothing was done.
    pub fn read_hit(&mut self, now: Instant, touch: Touch) -> Option<Data> {
        let at = self.cache.find(touch.block)?;
        let line = self.cache.line(at);
        let replicated = line.missing.is_empty() || self.has(Defect::HitUnreplicated);
        let lease = self.lease_is_live(now) || self.has(Defect::NoLease);
        // [H4] A write that waits for its partners keeps the line busy: reads queue behind it.
        let busy = line.busy && !(self.has(Defect::HitUnreplicated) && line.dirty());
        let serves = lease && self.access.is_listed();
        if busy || line.evicting || !line.state.is_valid() || !replicated || !serves {
            return None;
        }
        let data = line.data.slice(touch.offset, touch.len);
        let (state, version) = (line.state, line.version);
        self.meet(touch.block, Trigger::Read);
        self.cache.touch(at);
        self.stats.hits += 1;
        // Nothing changed that an invariant looks at, and drivers come here between inputs: the key is
        // not marked as touched, or the list would grow with every block that is read.
        let (key, before, after) = (Some(Key::Block(touch.block)), state, state);
        self.tell(Fact { rule: Rule::Hit, key, before, after, peer: None, version });
        Some(data)
    }

    /// Begins touches in order, as long as the disks keep up with what is evicted.
    pub(super) fn dispatch_touches(&mut self, now: Instant) {
        while let Some(op) = self.dispatch.front().copied() {
            if self.cache.evicting() >= EVICTING_MAX.max(self.cfg.lines as usize / 2) {
                self.rule(Rule::DisksBehind, None);
                return;
            }
            let Some(host) = self.ops.get_mut(&op) else {
                self.dispatch.pop_front();
                continue;
            };
            let index = host.begun;
            host.begun += 1;
            if host.begun == host.total {
                self.dispatch.pop_front();
            }
            let block = self.touch_of(op, index).block;
            self.meet_host(block, op);
            let key = Key::Block(block);
            self.arrive(now, key, Queued::new(Job::Touch { op, index }));
        }
    }

    /// Puts local work behind what there is for the key.
    pub(super) fn enqueue(&mut self, key: Key, queued: Queued) {
        self.touched(key);
        self.keys.get_or_insert_with(key, KeyCtl::default).queue.push_back(queued);
    }

    /// Which part of which block the `index`th touch of `op` is.
    pub(super) fn touch_of(&self, op: OpId, index: u32) -> Touch {
        let per = self.cfg.sectors_per_block();
        let host = self.ops.get(&op).expect("touches belong to requests under way");
        match &host.kind {
            RequestKind::Read(span)
            | RequestKind::Write(span, _)
            | RequestKind::WriteFua(span, _)
            | RequestKind::Zero(span) => span.touch(index, per),
            RequestKind::CompareAndWrite { block, .. } => {
                Touch { block: *block, offset: 0, len: self.cfg.block_size }
            }
            RequestKind::Flush => unreachable!("a flush has no touches"),
        }
    }

    pub(super) fn finish_touch(
        &mut self,
        op: OpId,
        index: u32,
        result: Result<Touched, HostError>,
    ) {
        let host = self.ops.get_mut(&op).expect("touches belong to requests under way");
        host.done += 1;
        match result {
            Ok(touched) => host.results[index as usize] = Some(touched),
            Err(error) => host.error = host.error.or(Some(error)),
        }
        if host.done < host.total {
            return;
        }
        let host = self.ops.remove(&op).expect("looked up above");
        self.touches -= host.total as usize;
        self.stats.ops += 1;
        let result = match host.error {
            Some(error) => Err(error),
            None => Ok(host.results.into_iter().flatten().collect()),
        };
        let (broadcasts, saved) = (host.broadcasts, host.saved);
        self.outputs.push_back(AmfOutput::Answer(Answer { op, result, broadcasts, saved }));
    }

    pub(super) fn answer(&mut self, op: OpId, result: Result<SmallVec<[Touched; 1]>, HostError>) {
        self.outputs.push_back(AmfOutput::Answer(Answer { op, result, broadcasts: 0, saved: 0 }));
    }

    /// The AMF leaves: everything outstanding ends. A write may have happened, or may yet.
    pub(super) fn fail_host_ops(&mut self) {
        for op in self.ops.keys_sorted() {
            let write = self.ops.remove(&op).is_some_and(|host| host.kind.is_write());
            let error = if write { HostError::UnknownOutcome } else { HostError::NotServing };
            self.answer(op, Err(error));
        }
        for flush in core::mem::take(&mut self.flushes) {
            self.answer(flush.op, Err(HostError::NotServing));
        }
        self.dispatch.clear();
        self.touches = 0;
    }

    // ---- flush

    /// Answers when every write this AMF has acknowledged is durable.
    fn on_flush(&mut self, now: Instant, op: OpId) {
        let mut waiting = Table::default();
        let dirty: Vec<(Block, Version)> = self
            .cache
            .sorted()
            .filter(|(_, l)| l.dirty())
            .map(|(_, l)| (l.block, l.version))
            .collect();
        for (block, version) in dirty {
            self.meet(block, Trigger::Flush);
            waiting.insert(block, version);
            if self.cache.state(block).is_owned() {
                self.start_destage(now, block, op);
            } else {
                self.write_back(block);
            }
        }
        for (block, version) in self.handed_over() {
            if waiting.get(&block).is_none() {
                waiting.insert(block, version);
                self.write_back(block);
            }
        }
        self.rule(Rule::Flush, None);
        self.flushes.push(FlushWork { op, waiting, disks: 0, error: None });
        self.push_flushes();
    }

    /// A block is on disk up to a version (`Ok`), or cannot be stored.
    pub(super) fn flushed(&mut self, block: Block, version: Result<Version, HostError>) {
        for flush in &mut self.flushes {
            let reached = flush.waiting.get(&block).is_some_and(|want| match version {
                Ok(version) => version >= *want,
                Err(_) => true,
            });
            if reached {
                flush.waiting.remove(&block);
                flush.error = flush.error.or(version.err());
            }
        }
        self.push_flushes();
    }

    /// A flush waits for this block.
    pub(super) fn is_flushed(&self, block: Block) -> bool {
        self.flushes.iter().any(|flush| flush.waiting.contains(&block))
    }

    /// Flushes whose blocks are all written ask the disks; those whose disks are done are answered.
    pub(super) fn push_flushes(&mut self) {
        if self.flushes.is_empty() {
            return;
        }
        let mut ready: Vec<OpId> = Vec::new();
        for flush in &mut self.flushes {
            if flush.waiting.is_empty() && flush.disks == 0 {
                ready.push(flush.op);
            }
        }
        for op in ready {
            let asked = self.ask_every_disk(op, &DiskOp::Flush);
            let at = self.flushes.iter().position(|f| f.op == op).expect("found above");
            self.flushes[at].disks = asked;
            if asked == 0 {
                let flush = self.flushes.remove(at);
                self.stats.ops += 1;
                self.answer(op, Err(flush.error.unwrap_or(HostError::Media)));
            }
        }
    }

    /// A disk says that everything is durable (or that it has failed, which a view will say).
    pub(super) fn on_flush_reply(&mut self, op: OpId) {
        let Some(at) = self.flushes.iter().position(|f| f.op == op) else { return };
        self.flushes[at].disks -= 1;
        if self.flushes[at].disks == 0 {
            let flush = self.flushes.remove(at);
            self.stats.ops += 1;
            let result = flush.error.map_or_else(|| Ok(SmallVec::new()), Err);
            self.answer(flush.op, result);
        }
    }
}
