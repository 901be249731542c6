//! How things stand: what the console draws and what scripts wait for. A value, made on request.

use super::beside::Beside;
use super::cells::Cells;
use super::engine::Counts;
use super::event::Violation;
use super::lamps::Lamps;
use super::lens::Lens;
use super::recording::RecordingInfo;
use crate::protocol::id::{
    AmfId, AmfSet, Block, DiskId, Epoch, Incarnation, Instant, Key, Mode, NodeId, OpId, Span,
    Ticket, Version,
};
use crate::protocol::{Config, LineState, MsgKind, ScrubReport, View};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a snapshot should hold. Cheap things are always in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Lines of blocks from here ...
    pub first: u64,
    /// ... to below here. Empty: no lines.
    pub end: u64,
    /// At most this many held messages are described (all are counted).
    pub held_max: usize,
    /// Each block's lamp.
    pub lamps: bool,
    /// The newest operations on this block.
    pub history: Option<Block>,
    /// How often each cell of the state x event table was met.
    pub cells: bool,
    /// How safe this block is.
    pub lens: Option<Block>,
}

impl Ask {
    /// No lines, no held messages.
    pub const BRIEF: Self = Self {
        first: 0,
        end: 0,
        held_max: 0,
        lamps: false,
        history: None,
        cells: false,
        lens: None,
    };
    /// Every line of every cache.
    pub const ALL: Self = Self { first: 0, end: u64::MAX, held_max: 1_000, ..Self::BRIEF };
}

/// How a cluster stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Snapshot {
    /// `"sim"` or `"live"`.
    pub engine: &'static str,
    /// The cluster's clock.
    pub now: Instant,
    /// Steps so far.
    pub step: u64,
    /// Everything is held and the clock stands still.
    pub step_mode: bool,
    /// Speed of clock and links in thousandths.
    pub tempo: u32,
    /// The newest view that the witness decided.
    pub view: Arc<View>,
    /// The witness.
    pub witness: WitnessInfo,
    /// Every AMF, in id order.
    pub amfs: Vec<AmfInfo>,
    /// Every disk, in id order.
    pub disks: Vec<DiskInfo>,
    /// The scrub under way, or the newest that is over, and by which AMF.
    pub scrub: Option<(AmfId, ScrubReport)>,
    /// What is in doubt, by region.
    pub doubt: Vec<DoubtInfo>,
    /// That is all of it: nobody still reads the disks' marks for it.
    pub doubt_known: bool,
    /// Accesses held, waited for or deferred; destages; recoveries. By key, then AMF.
    pub locks: Vec<LockInfo>,
    /// Held messages, oldest first, at most `Ask::held_max`.
    pub held: Vec<HeldInfo>,
    /// How many messages are held.
    pub held_total: usize,
    /// Active faults with their receipts.
    pub faults: Vec<FaultInfo>,
    /// Counters since the start.
    pub counts: Counts,
    /// What the checkers found (the first hundred).
    pub violations: Vec<Violation>,
    /// How many they found.
    pub violations_total: u64,
    /// Host operations that have no answer yet.
    pub outstanding: u64,
    /// What keeps the cluster from being settled, one line each; empty: settled.
    pub unsettled: Vec<String>,
    /// Events that a slow reader missed.
    pub events_lost: u64,
    /// Why acknowledged writes would not survive the end of this process; `None`: they would.
    pub volatile: Option<String>,
    /// The newest recording of this run.
    pub recording: Option<RecordingInfo>,
    /// Whether what hosts saw is linearizable; `None`: nobody looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lamps: Option<Lamps>,
    /// How often each cell of the state x event table was met, if that was asked for.
    #[serde(skip)]
    pub cells: Option<Cells>,
    /// How safe the block is that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lens: Option<Box<Lens>>,
    /// Another cluster on the same input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside: Option<Box<Beside>>,
}

/// The witness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessInfo {
    /// It answers.
    pub up: bool,
    /// What it is doing: `stable`, `waiting for amf2's lease`, `fencing`.
    pub doing: String,
}

/// Whether an AMF serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AmfStatus {
    /// Member of a view, lease live.
    Serving,
    /// Member of a view, but its lease has run out.
    NoLease,
    /// Asked to be let in.
    Joining,
    /// Handles nothing.
    Paused,
    /// Crashed.
    Down,
}

impl AmfStatus {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::Serving, Self::NoLease, Self::Joining, Self::Paused, Self::Down];

    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::NoLease => "no-lease",
            Self::Joining => "joining",
            Self::Paused => "paused",
            Self::Down => "down",
        }
    }
}

/// A region in which acknowledged data may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubtInfo {
    /// Its first block.
    pub first: Block,
    /// How many blocks it has.
    pub blocks: u64,
    /// What was written before this epoch is not given out.
    pub before: Epoch,
}

impl DoubtInfo {
    /// What a region of a volume is.
    #[must_use]
    pub fn of(config: &Config, region: u64, before: Epoch) -> Self {
        let first = region.saturating_mul(config.region_blocks);
        let blocks = config.region_blocks.min(config.blocks.saturating_sub(first));
        Self { first: Block(first), blocks, before }
    }
}

/// One AMF.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmfInfo {
    /// Which.
    pub id: AmfId,
    /// Whether it serves.
    pub status: AmfStatus,
    /// The view it has installed.
    pub epoch: Epoch,
    /// Under which incarnation it is a member.
    pub incarnation: Incarnation,
    /// How long its lease still lasts.
    pub lease_left: Span,
    /// Its replication partners in its view.
    pub partners: AmfSet,
    /// It has no partner: destages everything and writes through (section 4).
    pub last_survivor: bool,
    /// Lines in use.
    pub lines_used: u32,
    /// Lines it may use.
    pub lines_max: u32,
    /// Dirty lines.
    pub dirty: u32,
    /// Replicas it keeps for others.
    pub replicas: u32,
    /// Blocks it has yet to adopt.
    pub recovering: u32,
    /// Host requests it has answered.
    pub ops: u64,
    /// Touches that hit.
    pub hits: u64,
    /// Touches that missed.
    pub misses: u64,
    /// Its lines in the range asked for, by block.
    pub lines: Vec<LineInfo>,
    /// Replicas it keeps for blocks in the range asked for: owner, block, version.
    pub replicas_kept: Vec<(AmfId, Block, Version)>,
}

impl AmfInfo {
    /// An AMF that has crashed.
    #[must_use]
    pub fn down(id: AmfId, lines_max: u32) -> Self {
        Self {
            id,
            status: AmfStatus::Down,
            epoch: Epoch(0),
            incarnation: Incarnation(0),
            lease_left: Span(0),
            partners: AmfSet::EMPTY,
            last_survivor: false,
            lines_used: 0,
            lines_max,
            dirty: 0,
            replicas: 0,
            recovering: 0,
            ops: 0,
            hits: 0,
            misses: 0,
            lines: Vec::new(),
            replicas_kept: Vec::new(),
        }
    }
}

/// One line of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineInfo {
    /// Its block.
    pub block: Block,
    /// Its state.
    pub state: LineState,
    /// Its version.
    pub version: Version,
    /// Not acknowledged by every replication partner yet \[H4\].
    pub unreplicated: bool,
    /// A disk write of it is in flight.
    pub destaging: bool,
}

/// One disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskInfo {
    /// Which.
    pub id: DiskId,
    /// `online`, `failed`, `rebuilding`, `spare`: what the newest view says.
    pub role: String,
    /// The slot it fills.
    pub slot: Option<u8>,
    /// It answers with errors.
    pub failed: bool,
    /// What is wrong with its store, naming the disk, and on a second line the way out.
    pub trouble: Option<String>,
    /// Blocks read.
    pub reads: u64,
    /// Blocks written.
    pub writes: u64,
    /// Requests refused because their sender was evicted, or older than the disk's admission.
    pub fenced: u64,
    /// Blocks whose check sum is wrong, as far as anybody has read them.
    pub damaged: u64,
    /// Damaged blocks that were written again.
    pub repaired: u64,
    /// Requests in work.
    pub queue: u32,
    /// Time added to each operation.
    pub slow: Span,
    /// Refilled so far, in thousandths, while it is being rebuilt.
    pub rebuilt: Option<u16>,
}

impl DiskInfo {
    /// What is wrong, naming the disk and its folder, without the way out.
    #[must_use]
    pub fn what_is_wrong(&self) -> Option<&str> {
        self.trouble.as_deref()?.lines().next()
    }

    /// The cause alone: `no storage space`.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.what_is_wrong().map(cause_of)
    }
}

/// The cause in the first line of a store's trouble, `NAME (FOLDER): CAUSE`.
#[must_use]
pub fn cause_of(trouble: &str) -> &str {
    let line = trouble.lines().next().unwrap_or_default();
    line.split_once("): ").map_or(line, |(_, cause)| cause)
}

/// What an AMF has to do with a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockInfo {
    /// The key.
    pub key: Key,
    /// The AMF.
    pub amf: AmfId,
    /// What it does.
    pub phase: LockPhase,
    /// The mode it holds or asks for.
    pub mode: Mode,
    /// Its ticket.
    pub ticket: Option<Ticket>,
    /// Who has not granted yet.
    pub missing: AmfSet,
    /// Requests of others that it defers: who, mode, ticket, why.
    pub deferred: Vec<(AmfId, Mode, Ticket, String)>,
    /// Local operations queued behind it.
    pub queued: u32,
    /// How long it has been so.
    pub age: Span,
    /// The host operation behind it.
    pub cause: OpId,
}

/// What an AMF does with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockPhase {
    /// Holds access.
    Holding,
    /// Waits for grants.
    Waiting,
    /// Waits behind a recovery of the same key.
    Suspended,
    /// Adopts the block of an AMF that left.
    Recovering,
    /// A disk write of the block is in flight.
    Destaging,
    /// Only defers others or queues its own.
    Queued,
}

impl LockPhase {
    /// It cannot go on by itself.
    #[must_use]
    pub const fn waits(self) -> bool {
        match self {
            Self::Waiting | Self::Suspended | Self::Recovering => true,
            Self::Holding | Self::Destaging | Self::Queued => false,
        }
    }
}

/// A message that waits to be let go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldInfo {
    /// To name it in [`super::Release::Id`].
    pub id: u64,
    /// Sender.
    pub from: NodeId,
    /// Receiver.
    pub to: NodeId,
    /// Kind, if it is a message between AMFs.
    pub kind: Option<MsgKind>,
    /// In words.
    pub what: String,
}

/// An active fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultInfo {
    /// The command that made it.
    pub what: String,
    /// What it did so far: `dropped 7 messages`; empty where that is not counted.
    pub receipt: String,
    /// The command that ends it.
    pub undo: String,
    /// Since when.
    pub since: Instant,
}

impl FaultInfo {
    /// What it did so far, as far as that is counted.
    #[must_use]
    pub fn effect(&self) -> &str {
        if self.receipt.is_empty() { "what it does is not counted" } else { &self.receipt }
    }
}
