//! What is known of every block's linearizability while a cluster runs: the console's lamps.
//!
//! Made by `check::lamps`; part of a [`Snapshot`](super::Snapshot) of an engine that is judged so.

use crate::protocol::id::{AmfId, Block, Instant, OpId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a lamp shows; in the order in which one wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lamp {
    /// The answers contradict each other: no order of effects explains them.
    Violated,
    /// Not everything could be judged.
    Unknown,
    /// Some order of effects explains every answer.
    Linearizable,
}

impl Lamp {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Violated => "violated",
            Self::Unknown => "unknown",
            Self::Linearizable => "linearizable",
        }
    }
}

/// All lamps together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lamps {
    /// Blocks whose answers contradict each other.
    pub violated: u64,
    /// Blocks of which not everything could be judged.
    pub unknown: u64,
    /// Blocks whose answers are all explained.
    pub linearizable: u64,
    /// Operations that no lamp knows of: on more blocks than have one.
    pub beyond: u64,
    /// Of a recording: what came after this step is not judged, for want of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Each block's lamp, worst first, then by block; empty unless asked for.
    pub blocks: Arc<[LampInfo]>,
    /// The newest operations on the block that was asked for.
    pub history: Option<Arc<BlockHistory>>,
}

impl Lamps {
    /// The worst of all: one lamp for the whole cluster.
    #[must_use]
    pub const fn all(&self) -> Lamp {
        match (self.violated, self.unknown + self.beyond + self.until.is_some() as u64) {
            (1.., _) => Lamp::Violated,
            (0, 1..) => Lamp::Unknown,
            (0, 0) => Lamp::Linearizable,
        }
    }
}

/// One block's lamp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LampInfo {
    /// The block.
    pub block: Block,
    /// What it shows.
    pub lamp: Lamp,
    /// Operations on it so far.
    pub ops: u64,
    /// Those under way.
    pub under_way: u32,
    /// Writes that may take effect at any time: they were not answered.
    pub open: u32,
    /// Of a recording: the step since which it is red.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Why it is not green; empty if it is.
    pub why: String,
}

/// One operation on a block, as far as that block is concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenOp {
    /// Its number.
    pub op: OpId,
    /// The AMF that was asked.
    pub amf: AmfId,
    /// `read`, `write`, `zero`, `caw`.
    pub kind: String,
    /// What it wrote or found, in words: `"hello"`, `"a" -> "b"`; empty: nothing yet.
    pub value: String,
    /// When it was asked.
    pub start: Instant,
    /// When it was answered.
    pub end: Option<Instant>,
    /// Its place in the order of all starts and answers, from 1.
    pub starts: u64,
    /// The same of its answer.
    pub ends: Option<u64>,
    /// Of a recording: the step at which it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<u64>,
    /// Of a recording: the step at which it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<u64>,
    /// `ok`, the kind of error; `none`: no answer yet.
    pub result: String,
}

/// The newest operations on a block, and what is to be said about them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockHistory {
    /// The block.
    pub block: Block,
    /// What its lamp shows.
    pub lamp: Lamp,
    /// The operations, in the order of their starts.
    pub ops: Vec<SeenOp>,
    /// Operations before these, which are no longer kept.
    pub before: u64,
    /// Indices of `ops` in an order of effects that explains their answers; empty if there is none, or
    /// none is known.
    pub order: Vec<u32>,
    /// Indices of those that contradict each other.
    pub conflict: Vec<u32>,
    /// What there is to say: why the lamp is not green, or why no order can be shown.
    pub said: String,
    /// Of a recording: what was broken, and which views began, while these went on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<(Instant, String)>,
}
