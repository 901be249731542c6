//! Host operations of a session: given to exactly the AMF that was named, answered or not in time.
//!
//! No multipath here: `write amf1 ...` asks amf1 and nobody else (DESIGN section 3, "Scripts"). While
//! that AMF is joining, the operation waits outside it; the timeout counts from the command.

use crate::protocol::id::{AmfId, Instant, OpId, SECTOR_BYTES, Span};
use crate::protocol::{Config, Data, HostError, Payload, RequestKind, Sectors};
use crate::trace::Completion;
use crate::trace::command::{HostCommand, Outcome, Value};
use crate::trace::engine::Engine;
use crate::trace::grammar::Wrong;
use crate::trace::snapshot::{AmfStatus, Ask};
use std::collections::BTreeMap;

/// Answered operations that are remembered.
const DONE_MAX: usize = 4_096;

/// A host operation of a session, numbered from 1 in the order in which they were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostOpId(pub u64);

/// One operation.
pub(super) struct HostOp {
    pub(super) command: HostCommand,
    kind: RequestKind,
    state: State,
    /// The engine's number, once it was given.
    pub(super) op: Option<OpId>,
    /// Number of the first event that can be its doing.
    pub(super) mark: u64,
    /// When its host gives up.
    pub(super) deadline: Instant,
}

enum State {
    /// Its AMF is joining: not given yet.
    Waiting,
    /// Given, no answer yet.
    Given,
    /// Answered.
    Done(Box<Completion>),
    /// Its host gave up; a later answer changes nothing.
    TimedOut,
}

/// The operations of a session.
pub(super) struct Hosts {
    pub(super) amfs: u8,
    block_size: u32,
    ops: BTreeMap<HostOpId, HostOp>,
    /// Those without an answer, in order.
    open: Vec<HostOpId>,
    by_op: BTreeMap<OpId, HostOpId>,
    labels: BTreeMap<String, HostOpId>,
    /// The last host command that was written, with or without a label.
    last: Option<HostOpId>,
    /// The last command, if it was a read or awaited one.
    last_read: Option<HostOpId>,
    next: u64,
    /// Labels that were started and not awaited: what else goes on is not the command's own doing.
    pub(super) in_flight: Vec<String>,
}

impl Hosts {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            amfs: config.amfs,
            block_size: config.block_size,
            ops: BTreeMap::new(),
            open: Vec::new(),
            by_op: BTreeMap::new(),
            labels: BTreeMap::new(),
            last: None,
            last_read: None,
            next: 1,
            in_flight: Vec::new(),
        }
    }

    /// The bytes of a value, as a block holds them.
    pub(super) fn content(&self, value: &Value) -> Result<Data, Wrong> {
        value.bytes(self.block_size).map(|bytes| Data::from_bytes(&bytes))
    }

    /// Gives an operation, or keeps it while its AMF is joining.
    pub(super) fn give(
        &mut self,
        command: &HostCommand,
        timeout: Span,
        mark: u64,
        engine: &mut dyn Engine,
    ) -> Result<HostOpId, Wrong> {
        let kind = request_of(command, self.block_size)?;
        let id = HostOpId(self.next);
        self.next += 1;
        let deadline = engine.now() + timeout;
        let (command, state) = (command.clone(), State::Waiting);
        let op = HostOp { command, kind, state, op: None, mark, deadline };
        self.ops.insert(id, op);
        self.open.push(id);
        self.forget_old();
        self.tick(engine);
        Ok(id)
    }

    /// `id` is what `expect source` and its kind speak of from now on.
    pub(super) fn written(&mut self, id: HostOpId, label: Option<&str>) {
        self.last = Some(id);
        if let Some(label) = label {
            self.labels.insert(label.to_owned(), id);
            self.in_flight.push(label.to_owned());
        }
    }

    /// The operation that `label` started.
    pub(super) fn labelled(&self, label: &str) -> Option<HostOpId> {
        self.labels.get(label).copied()
    }

    pub(super) fn last(&self) -> Option<HostOpId> {
        self.last
    }

    /// The last command was (or awaited) this one, or had nothing to do with hosts.
    pub(super) fn set_last_command(&mut self, id: Option<HostOpId>) {
        self.last_read = id;
    }

    pub(super) fn last_command(&self) -> Option<HostOpId> {
        self.last_read
    }

    pub(super) fn awaited(&mut self, label: &str) {
        self.in_flight.retain(|started| started != label);
    }

    pub(super) fn get(&self, id: HostOpId) -> Option<&HostOp> {
        self.ops.get(&id)
    }

    /// The number in this session of an engine's operation.
    pub(super) fn number(&self, op: OpId) -> Option<HostOpId> {
        self.by_op.get(&op).copied()
    }

    /// The engine's number of an operation of this session.
    pub(super) fn engine_op(&self, id: HostOpId) -> Option<OpId> {
        self.ops.get(&id)?.op
    }

    pub(super) fn completion(&self, id: HostOpId) -> Option<&Completion> {
        match &self.ops.get(&id)?.state {
            State::Done(completion) => Some(completion),
            State::Waiting | State::Given | State::TimedOut => None,
        }
    }

    pub(super) fn outcome(&self, id: HostOpId) -> Outcome {
        match self.ops.get(&id).map(|op| &op.state) {
            None | Some(State::Waiting | State::Given) => Outcome::Pending,
            Some(State::TimedOut) => Outcome::Error(HostError::Timeout),
            Some(State::Done(completion)) => match &completion.answer.result {
                Ok(_) => Outcome::Ok,
                Err(error) => Outcome::Error(*error),
            },
        }
    }

    pub(super) fn answered(&mut self, completion: Completion) {
        let Some(id) = self.by_op.get(&completion.answer.op) else { return };
        if let Some(op) = self.ops.get_mut(id)
            && matches!(op.state, State::Given)
        {
            op.state = State::Done(Box::new(completion));
        }
    }

    /// Gives what waited for a joining AMF, and gives up what is overdue.
    pub(super) fn tick(&mut self, engine: &mut dyn Engine) {
        let open = core::mem::take(&mut self.open);
        let mut joining: Option<Vec<AmfId>> = None;
        for id in open {
            let Some(op) = self.ops.get_mut(&id) else { continue };
            if matches!(op.state, State::Waiting) {
                let joining = joining.get_or_insert_with(|| joining_amfs(engine));
                if !joining.contains(&op.command.amf()) {
                    let given = engine.host(op.command.amf(), op.kind.clone());
                    op.state = State::Given;
                    op.op = Some(given);
                    self.by_op.insert(given, id);
                }
            }
            let unanswered = matches!(op.state, State::Waiting | State::Given);
            if unanswered && op.deadline <= engine.now() {
                op.state = State::TimedOut;
            } else if unanswered {
                self.open.push(id);
            }
        }
    }

    /// Gives up on one operation before its time: nothing will happen any more.
    pub(super) fn give_up(&mut self, id: HostOpId) {
        self.open.retain(|open| *open != id);
        if let Some(op) = self.ops.get_mut(&id)
            && !matches!(op.state, State::Done(_))
        {
            op.state = State::TimedOut;
        }
    }

    fn forget_old(&mut self) {
        let labelled: Vec<HostOpId> = self.labels.values().copied().collect();
        while self.ops.len() > DONE_MAX {
            let done = |op: &HostOp| matches!(op.state, State::Done(_) | State::TimedOut);
            let oldest = self.ops.iter().find(|(id, op)| done(op) && !labelled.contains(id));
            let Some(id) = oldest.map(|(id, _)| *id) else { return };
            self.ops.remove(&id);
            self.by_op.retain(|_, known| *known != id);
        }
    }
}

fn joining_amfs(engine: &mut dyn Engine) -> Vec<AmfId> {
    let amfs = engine.snapshot(&Ask::BRIEF).amfs;
    amfs.iter().filter(|info| info.status == AmfStatus::Joining).map(|info| info.id).collect()
}

/// What a host command asks, on a volume with blocks of `block_size` bytes. Reads the file of `@FILE`.
///
/// # Errors
/// A value is longer than a block, or its file cannot be read.
pub fn request_of(command: &HostCommand, block_size: u32) -> Result<RequestKind, Wrong> {
    let run = |first, blocks| Sectors::of_blocks(first, blocks, block_size / SECTOR_BYTES);
    let content = |value: &Value| value.bytes(block_size).map(|bytes| Data::from_bytes(&bytes));
    Ok(match command {
        HostCommand::Write(_, block, value) => {
            let bytes = value.bytes(block_size)?;
            RequestKind::Write(run(*block, 1), Payload::Bytes(bytes.into()))
        }
        HostCommand::WriteFua(_, block, value) => {
            let bytes = value.bytes(block_size)?;
            RequestKind::WriteFua(run(*block, 1), Payload::Bytes(bytes.into()))
        }
        HostCommand::WriteSectors(_, block, sector, count, value) => {
            let bytes = value.bytes(count * SECTOR_BYTES)?;
            let first = run(*block, 1).first + u64::from(*sector);
            RequestKind::Write(Sectors { first, count: *count }, Payload::Bytes(bytes.into()))
        }
        HostCommand::Read(_, block, count) => RequestKind::Read(run(*block, *count)),
        HostCommand::CompareAndWrite(_, block, old, new) => {
            RequestKind::CompareAndWrite { block: *block, old: content(old)?, new: content(new)? }
        }
        HostCommand::Trim(_, block, count) | HostCommand::Zero(_, block, count) => {
            RequestKind::Zero(run(*block, *count))
        }
        HostCommand::Flush(_) => RequestKind::Flush,
    })
}
