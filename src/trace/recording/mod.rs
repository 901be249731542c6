//! Recordings: the log of a cluster as bytes, so that any run can be folded again, to any position.
//!
//! ```text
//! file   = magic (8 bytes) format (u16, little endian) head-chunk chunk* [end-chunk]
//! chunk  = kind (u8) length (u32) first step (u64) steps (u32) crc32c (u32) payload
//! steps  = tag (u8) [time since the last, varint] what [outcome] [digest of the outputs, u32]
//! ```
//!
//! The head says what the world was built from; a chunk of steps can be read without those before it;
//! the end says how many steps there were and why there are no more. The check sum covers the chunk's
//! head and payload, so a torn or damaged tail is noticed and costs only the tail. What is not a hot
//! step goes through `serde`, so new kinds of steps need no change here.
//!
//! Reading order: [`digest`] (what an output leaves behind), [`codec`] (one step), [`chunk`],
//! [`encoder`] and [`reader`] (many), [`fits`] (steps against a profile), [`file`](mod@file),
//! [`recorder`], which engines write with, and [`kept`], what a run that is not recorded keeps.

pub mod chunk;
pub mod codec;
pub mod digest;
pub mod encoder;
pub mod file;
pub mod fits;
pub mod kept;
pub mod reader;
pub mod recorder;

pub use digest::OutputDigest;
pub use encoder::Encoder;
pub use kept::{Bounds, Whole};
pub use reader::{Chunk, Reader, Tail};
pub use recorder::{Recorder, RecordingInfo};

use super::step::StepEntry;
use crate::protocol::JournalContent;
use crate::protocol::group::GroupView;
use crate::protocol::id::{DiskId, Epoch};
use crate::protocol::region::Gone;
use crate::protocol::{StoreDone, StoreError};
use serde::{Deserialize, Serialize};

/// First bytes of a recording. The first is no text, the last shows a transfer that changed line ends.
pub const MAGIC: [u8; 8] = *b"\x89AMFREC\n";
/// The format that is written, and the only one that is read.
pub const FORMAT: u16 = 2;
/// The code that writes: outputs are only sure to be the same under the same code.
pub const CODE: &str = env!("CARGO_PKG_VERSION");

/// What a recorded run began with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The version of the program that wrote it: [`CODE`].
    pub code: String,
    /// `sim` or `live`.
    pub engine: String,
    /// Name of the profile.
    pub profile_name: String,
    /// The whole profile, as TOML: every key with its value.
    pub profile: String,
    /// The seed, whatever the profile says.
    pub seed: u64,
    /// What was on the disks.
    pub origin: Origin,
}

/// What a cluster begins with: nothing, or what an earlier run left in its data folder. What the blocks
/// contain is not in it: the first read of each carries its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The first epoch: 1 more than any that was ever promised.
    pub epoch: Epoch,
    /// Copies on the disks may differ.
    pub unclean: bool,
    /// Which disk fills which slot; `None`: as the layout says.
    pub group: Option<GroupView>,
    /// Whose work was not finished: [`View::gone_at_restart`](crate::protocol::View::gone_at_restart).
    pub gone: Vec<Gone>,
    /// The epoch below which each disk refuses everybody; missing ones are 0.
    pub fences: Vec<Epoch>,
    /// No block was ever written.
    pub blank: bool,
    /// What each AMF's journal held; missing ones held nothing.
    pub journals: Vec<JournalContent>,
}

impl Origin {
    /// Blank disks.
    pub const BLANK: Self = Self {
        epoch: Epoch(1),
        unclean: false,
        group: None,
        gone: Vec::new(),
        fences: Vec::new(),
        blank: true,
        journals: Vec::new(),
    };

    /// The epoch below which a disk refuses everybody.
    #[must_use]
    pub fn fence(&self, disk: DiskId) -> Epoch {
        self.fences.get(usize::from(disk.0)).copied().unwrap_or_default()
    }
}

/// A step, and what a replay of it has to come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The step.
    pub entry: StepEntry,
    /// `Step::Store` of a live run: what the real store answered.
    pub outcome: Option<Outcome>,
    /// [`OutputDigest`] of all outputs of the machines that handled it; 0: there were none.
    pub digest: u32,
    /// The machine contradicted itself and stopped: to its cluster it crashed.
    pub broke: bool,
}

/// What a real store answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// In full: the log does not say what is there.
    Full(Result<StoreDone, StoreError>),
    /// What the log has put there itself; [`digest::of_result`].
    Known(u32),
}

/// Why there are no more steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Steps in all.
    pub steps: u64,
    /// In words: `the run ended`, `record off`, or what went wrong.
    pub why: String,
    /// The run went on, and could not be recorded any longer.
    pub cut_short: bool,
}

/// What is wrong with a recording, or why there is none.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It is no recording, or one of another format; or its head is damaged.
    #[error("{0}\n  hint: {1}")]
    Unusable(String, &'static str),
    /// It cannot be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// What it says cannot have happened: its check sums are right, so it was written so.
    #[error("step {step}: {why}\n  hint: this recording was made by other code, or by hand")]
    Wrong {
        /// Which step.
        step: u64,
        /// What is wrong.
        why: String,
    },
}
