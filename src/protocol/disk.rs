//! A resource: one disk of the redundancy group, in front of its store.
//!
//! Checks epochs (fencing \[L2\], admission \[M4\]), keeps the order of its store, answers. What the
//! store is (a map, a sled database) is the driver's business.

use super::Data;
use super::config::Config;
use super::defect::Defect;
use super::id::{AmfId, DiskId, Epoch, Incarnation, Instant, NodeId, Span, Version};
use super::machine::{DiskInput, DiskOutput, Record, StoreDone, StoreError, StoreOp};
use super::message::{
    Body, DiskDone, DiskError, DiskOp, DiskReply, DiskRequest, Packet, WitnessMsg,
};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Whom a store operation is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Waiting {
    Request {
        from: AmfId,
        id: u64,
        incarnation: Incarnation,
        generation: u32,
        kind: Kind,
        at: Option<u64>,
    },
    Fence {
        epoch: Epoch,
    },
    /// A blank disk, or damage that somebody does.
    Deed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Read,
    Write(Version),
    Spoil,
    Next,
    Flush,
    Note,
    Notes,
}

/// Counters of one disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DiskStats {
    /// Blocks read.
    pub reads: u64,
    /// Blocks written.
    pub writes: u64,
    /// Requests refused by epoch.
    pub fenced: u64,
    /// Reads of damaged blocks: their check sum was wrong.
    pub media: u64,
    /// Damaged blocks that were written again since.
    pub repaired: u64,
}

/// A disk. Drive it as `machine` says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Disk {
    id: DiskId,
    block_size: u32,
    retry: Span,
    failed: bool,
    /// A blank disk that no view has admitted yet: refuses everything.
    unadmitted: bool,
    generation: u32,
    report_at: Instant,
    /// Requests of an AMF below this epoch are refused.
    fences: Vec<Epoch>,
    /// Requests of anybody below this epoch are refused.
    admitted: Epoch,
    store: VecDeque<Waiting>,
    /// Blocks that could not be read, and have not been written since.
    damaged: BTreeSet<u64>,
    defect: Option<Defect>,
    outputs: VecDeque<DiskOutput>,
    stats: DiskStats,
}

impl Disk {
    /// A disk whose store was last told `fence`: the epoch below which it refuses everybody.
    #[must_use]
    pub fn new(cfg: &Arc<Config>, id: DiskId, fence: Epoch) -> Self {
        Self {
            id,
            block_size: cfg.block_size,
            retry: cfg.retry,
            failed: false,
            unadmitted: false,
            generation: 0,
            report_at: Instant::NEVER,
            fences: vec![Epoch(0); usize::from(cfg.amfs)],
            admitted: fence,
            store: VecDeque::new(),
            damaged: BTreeSet::new(),
            defect: cfg.defect,
            outputs: VecDeque::new(),
            stats: DiskStats::default(),
        }
    }

    /// The same disk once power is back: it knows what its store was last told, and goes on counting.
    #[must_use]
    pub fn after_power_failure(&self, cfg: &Arc<Config>, fence: Epoch) -> Self {
        Self { stats: self.stats, ..Self::new(cfg, self.id, fence) }
    }

    /// One input. The caller has drained the outputs of the one before.
    pub fn handle(&mut self, now: Instant, input: DiskInput) {
        assert!(self.outputs.is_empty(), "outputs are drained before the next input");
        match input {
            DiskInput::Packet(packet) => match (packet.from, packet.body) {
                (NodeId::Amf(from), Body::DiskRequest(request)) => self.on_request(from, request),
                (NodeId::Witness, Body::Witness(WitnessMsg::Fence { epoch, who, admit })) => {
                    self.on_fence(epoch, who.iter(), admit);
                }
                (
                    NodeId::Amf(_) | NodeId::Witness | NodeId::Disk(_),
                    Body::Frame(_) | Body::Witness(_) | Body::DiskRequest(_) | Body::DiskReply(_),
                ) => {}
            },
            DiskInput::Store(result) => self.on_store(result),
            DiskInput::Fail => self.failed = true,
            DiskInput::Corrupt { at } => {
                self.store.push_back(Waiting::Deed);
                self.outputs.push_back(DiskOutput::Store(StoreOp::Spoil { at }));
            }
            DiskInput::Replace => self.on_replace(now),
            DiskInput::Tick => {
                if now >= self.report_at {
                    self.report_replaced(now);
                }
            }
            DiskInput::SetDefect(defect) => self.defect = defect,
        }
    }

    /// The next output of the last input.
    pub fn poll_output(&mut self) -> Option<DiskOutput> {
        self.outputs.pop_front()
    }

    /// When it next wants a `Tick`.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.report_at
    }

    /// Which disk this is.
    #[must_use]
    pub fn id(&self) -> DiskId {
        self.id
    }
    /// It answers with errors.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.failed
    }
    /// Blank, and not admitted by a view yet.
    #[must_use]
    pub fn is_unadmitted(&self) -> bool {
        self.unadmitted
    }
    /// A blank disk, or damage, is on its way to its store.
    #[must_use]
    pub fn awaits_deed(&self) -> bool {
        self.store.contains(&Waiting::Deed)
    }
    /// Operations that its store has not finished.
    #[must_use]
    pub fn queue(&self) -> usize {
        self.store.len()
    }
    /// Blocks that could not be read, and have not been written since.
    #[must_use]
    pub fn damaged(&self) -> usize {
        self.damaged.len()
    }
    /// Counters.
    #[must_use]
    pub fn stats(&self) -> DiskStats {
        self.stats
    }

    // ---- requests

    fn on_request(&mut self, from: AmfId, request: DiskRequest) {
        if let Err(error) = self.admit(from, &request) {
            self.stats.fenced += u64::from(error != DiskError::Failed);
            let at = at_of(&request.op);
            return self.reply(from, request.id, request.incarnation, at, Err(error));
        }
        let at = at_of(&request.op);
        let (kind, op) = match request.op {
            DiskOp::Read { at } if self.defect == Some(Defect::SkipCrc) => {
                (Kind::Read, StoreOp::Peek { at })
            }
            DiskOp::Read { at } => (Kind::Read, StoreOp::Get { at }),
            DiskOp::Write { at, version, data, covers } => {
                assert_eq!(data.len(), self.block_size, "disks hold whole blocks");
                let record = Record { version, data, covers };
                (Kind::Write(version), StoreOp::Put { at, record })
            }
            DiskOp::Spoil { at } => (Kind::Spoil, StoreOp::Spoil { at }),
            DiskOp::NextWritten { at } => (Kind::Next, StoreOp::Next { at }),
            DiskOp::Flush => (Kind::Flush, StoreOp::Flush),
            DiskOp::Mark(mark) => (Kind::Note, StoreOp::Mark(mark)),
            DiskOp::Unmark { gone, region } => (Kind::Note, StoreOp::Unmark { gone, region }),
            DiskOp::Marks => (Kind::Notes, StoreOp::Marks),
        };
        self.store.push_back(Waiting::Request {
            from,
            id: request.id,
            incarnation: request.incarnation,
            generation: self.generation,
            kind,
            at,
        });
        self.outputs.push_back(DiskOutput::Store(op));
    }

    /// [L2, M4] Refuses, and does not perform, what is too old.
    fn admit(&self, from: AmfId, request: &DiskRequest) -> Result<(), DiskError> {
        if self.failed {
            return Err(DiskError::Failed);
        }
        if request.epoch < self.fences[usize::from(from.0)] {
            return Err(DiskError::Fenced);
        }
        let obeys = self.defect == Some(Defect::NoAdmission);
        if (self.unadmitted || request.epoch < self.admitted) && !obeys {
            return Err(DiskError::NotAdmitted);
        }
        Ok(())
    }

    fn on_store(&mut self, result: Result<StoreDone, StoreError>) {
        let waiting = self.store.pop_front().expect("the store answers what it was asked");
        match waiting {
            Waiting::Deed => {}
            Waiting::Fence { epoch } => {
                // A store that cannot remember the fence performs nothing any more either.
                self.failed |= result.is_err();
                self.witness(WitnessMsg::Fenced { epoch });
            }
            Waiting::Request { from, id, incarnation, generation, kind, at } => {
                let result = if self.failed || generation != self.generation {
                    Err(DiskError::Failed)
                } else {
                    self.done(kind, at, result)
                };
                self.reply(from, id, incarnation, at, result);
            }
        }
    }

    fn done(
        &mut self,
        kind: Kind,
        at: Option<u64>,
        result: Result<StoreDone, StoreError>,
    ) -> Result<DiskDone, DiskError> {
        match (kind, result) {
            (_, Err(StoreError::Media)) => {
                self.stats.media += 1;
                self.damaged.extend(at);
                Err(DiskError::Media)
            }
            (_, Err(StoreError::Broken)) => {
                self.failed = true;
                Err(DiskError::Failed)
            }
            (Kind::Read, Ok(StoreDone::Got(record))) => {
                self.stats.reads += 1;
                let data = Data::zero(self.block_size);
                let blank = || Record { version: Version::ZERO, data, covers: None };
                let Record { version, data, covers } = record.unwrap_or_else(blank);
                Ok(DiskDone::Read { version, data, covers })
            }
            (Kind::Write(version), Ok(StoreDone::Done)) => {
                self.stats.writes += 1;
                let repaired = at.is_some_and(|at| self.damaged.remove(&at));
                self.stats.repaired += u64::from(repaired);
                Ok(DiskDone::Written { version })
            }
            (Kind::Spoil, Ok(StoreDone::Done)) => {
                self.damaged.extend(at);
                Ok(DiskDone::Written { version: Version::ZERO })
            }
            (Kind::Next, Ok(StoreDone::Next(at))) => Ok(DiskDone::Next { at }),
            (Kind::Flush, Ok(StoreDone::Done)) => Ok(DiskDone::Flushed),
            (Kind::Note, Ok(StoreDone::Done)) => Ok(DiskDone::Marked),
            (Kind::Notes, Ok(StoreDone::Marks(marks))) => Ok(DiskDone::Marks(marks)),
            (
                Kind::Read
                | Kind::Write(_)
                | Kind::Spoil
                | Kind::Next
                | Kind::Flush
                | Kind::Note
                | Kind::Notes,
                Ok(StoreDone::Got(_) | StoreDone::Done | StoreDone::Next(_) | StoreDone::Marks(_)),
            ) => unreachable!("stores finish in order"),
        }
    }

    // ---- the witness

    /// Everything that was queued before is finished when the store has remembered the fence.
    fn on_fence(&mut self, epoch: Epoch, who: impl Iterator<Item = AmfId>, admit: bool) {
        if self.defect != Some(Defect::NoFencing) {
            for amf in who {
                let fence = &mut self.fences[usize::from(amf.0)];
                *fence = (*fence).max(epoch);
            }
        }
        if admit && epoch > self.admitted {
            self.admitted = epoch;
            self.unadmitted = false;
            self.report_at = Instant::NEVER;
        }
        if self.failed {
            return self.witness(WitnessMsg::Fenced { epoch });
        }
        self.store.push_back(Waiting::Fence { epoch });
        self.outputs.push_back(DiskOutput::Store(StoreOp::Fence { epoch }));
    }

    /// A blank disk takes this one's place. It serves nobody until a view admits it [M4].
    fn on_replace(&mut self, now: Instant) {
        self.failed = false;
        self.unadmitted = true;
        self.generation += 1;
        self.damaged.clear();
        self.store.push_back(Waiting::Deed);
        self.outputs.push_back(DiskOutput::Store(StoreOp::Wipe));
        self.report_replaced(now);
    }

    fn report_replaced(&mut self, now: Instant) {
        self.report_at = now + Span(self.retry.0 * 4);
        self.witness(WitnessMsg::Replaced { generation: self.generation });
    }

    fn witness(&mut self, message: WitnessMsg) {
        self.send(NodeId::Witness, Body::Witness(message));
    }

    fn reply(
        &mut self,
        to: AmfId,
        id: u64,
        incarnation: Incarnation,
        at: Option<u64>,
        result: Result<DiskDone, DiskError>,
    ) {
        self.send(NodeId::Amf(to), Body::DiskReply(DiskReply { id, incarnation, at, result }));
    }

    fn send(&mut self, to: NodeId, body: Body) {
        let from = NodeId::Disk(self.id);
        self.outputs.push_back(DiskOutput::Send(Packet { from, to, body }));
    }
}

fn at_of(op: &DiskOp) -> Option<u64> {
    match op {
        DiskOp::Read { at } | DiskOp::Write { at, .. } | DiskOp::Spoil { at } => Some(*at),
        DiskOp::NextWritten { .. }
        | DiskOp::Flush
        | DiskOp::Mark(_)
        | DiskOp::Unmark { .. }
        | DiskOp::Marks => None,
    }
}
