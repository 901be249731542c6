//! The one command language: what the console's `:` line, a key, a click, a script, a lesson and a
//! profile's fault schedule say. [`super::grammar`] gives each its text form, both ways.

use super::action::Action;
use super::grammar::Wrong;
use crate::protocol::id::{AmfId, Block, DiskId, Mode, Span};
use crate::protocol::{HostError, LineState, MsgKind, Rule, Source};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A command, as typed. Numbers are checked against the profile by [`super::grammar`], before anything runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A host operation; the script waits for its answer.
    Host(HostCommand),
    /// `LABEL: COMMAND`: starts a host operation and goes on.
    Start(String, HostCommand),
    /// `await LABEL`.
    Await(String),
    /// What an engine is told: faults, messages that are held, the run itself.
    Act(Action),
    /// `workload start|stop NAME`.
    Workload(bool, String),
    /// `replay "TRACE [OPTIONS]"`, `replay pause|resume|stop`.
    Replay(ReplayCommand),
    /// `run-until CONDITION [within TIME]`.
    RunUntil(Condition, Option<Span>),
    /// `wait TIME`.
    Wait(Span),
    /// `settle`.
    Settle,
    /// `audit`: settles, then judges everything that there is to judge.
    Audit,
    /// `why AMF BLOCK`.
    Why(AmfId, Block),
    /// `note "..."`.
    Note(String),
    /// `expect ...`.
    Expect(Expectation),
}

/// The replay of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplayCommand {
    /// A trace's path and the options of `amflab replay`, as a shell would split them; goes on at once.
    Start(String),
    /// Makes no requests for a while.
    Pause,
    /// Goes on.
    Resume,
    /// Ends it.
    Stop,
}

/// What a host can be told to ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostCommand {
    /// `write AMF BLOCK VALUE`.
    Write(AmfId, Block, Value),
    /// `write AMF BLOCK/SECTOR[+N] VALUE`: sectors, from this one of the block on; they may run into
    /// the next block. The value is padded to as many.
    WriteSectors(AmfId, Block, u32, u32, Value),
    /// `write-fua AMF BLOCK VALUE`: answered when the group has stored just this.
    WriteFua(AmfId, Block, Value),
    /// `read AMF BLOCK[+N]`.
    Read(AmfId, Block, u32),
    /// `caw AMF BLOCK OLD NEW`.
    CompareAndWrite(AmfId, Block, Value, Value),
    /// `trim AMF BLOCK[+N]`.
    Trim(AmfId, Block, u32),
    /// `zero AMF BLOCK[+N]`.
    Zero(AmfId, Block, u32),
    /// `flush AMF`.
    Flush(AmfId),
}

impl HostCommand {
    /// The AMF that is asked.
    #[must_use]
    pub const fn amf(&self) -> AmfId {
        match self {
            Self::Write(amf, ..)
            | Self::WriteSectors(amf, ..)
            | Self::WriteFua(amf, ..)
            | Self::Read(amf, ..)
            | Self::CompareAndWrite(amf, ..)
            | Self::Trim(amf, ..)
            | Self::Zero(amf, ..)
            | Self::Flush(amf) => *amf,
        }
    }
}

/// The content of one block, as typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// `"text"`: padded with zeroes to a block.
    Text(String),
    /// `0x1f00`: padded with zeroes to a block; `0x00` is a block of zeroes.
    Hex(Vec<u8>),
    /// `@FILE`: the file's bytes, padded to a block.
    File(PathBuf),
}

impl Value {
    /// The bytes of a block of `block_size` bytes, padded with zeroes. Reads the file of `@FILE`.
    ///
    /// # Errors
    /// It is longer than a block, or the file cannot be read.
    pub fn bytes(&self, block_size: u32) -> Result<Vec<u8>, Wrong> {
        let mut bytes = match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Hex(bytes) => bytes.clone(),
            Self::File(path) => read_file(path, block_size)?,
        };
        if bytes.len() > block_size as usize {
            return Err(Wrong::TooLong { len: bytes.len() as u64, max: block_size });
        }
        bytes.resize(block_size as usize, 0);
        Ok(bytes)
    }
}

/// The length is looked at first: a device or a film is refused unread.
fn read_file(path: &Path, block_size: u32) -> Result<Vec<u8>, Wrong> {
    let failed = |why: String| Wrong::File(format!("{}: {why}", path.display()));
    let about = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if !about.is_file() {
        return Err(failed("not a regular file".to_owned()));
    }
    if about.len() > u64::from(block_size) {
        return Err(Wrong::TooLong { len: about.len(), max: block_size });
    }
    std::fs::read(path).map_err(|error| failed(error.to_string()))
}

/// What `run-until` waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// `state AMF BLOCK X`.
    State(AmfId, Block, LineState),
    /// `lock AMF BLOCK MODE`: the AMF holds it.
    Lock(AmfId, Block, Mode),
    /// `sent KIND [FROM TO]`, since the last command that did something (no `expect`, `wait`, ...).
    Sent(MsgKind, Option<(AmfId, AmfId)>),
    /// `delivered KIND [FROM TO]`, as `sent`.
    Delivered(MsgKind, Option<(AmfId, AmfId)>),
    /// `applied RULE AMF`: the AMF did what the rule says, as `sent`.
    Applied(Rule, AmfId),
    /// `written DISK BLOCK`: the disk has performed a write of the block, as `sent`.
    Written(DiskId, Block),
    /// `replicated AMF BLOCK`: the AMF's line is acknowledged by every partner.
    Replicated(AmfId, Block),
    /// `view N`: every AMF that is up has installed epoch N or a newer one.
    View(u32),
    /// `answered LABEL`: the operation has ended, or its host gave up; as `await`, but with a limit of its own.
    Answered(String),
    /// `idle`: as `settle`, but a condition.
    Idle,
    /// `replayed`: no replay makes requests, or waits for an answer.
    Replayed,
    /// `violation`: a checker has found something.
    Violation,
    /// `not CONDITION`, of one that says how things stand.
    Not(Box<Condition>),
    /// `CONDITION and CONDITION ..`: all of them at once.
    All(Vec<Condition>),
}

/// What a script expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expectation {
    /// `state AMF BLOCK X`.
    State(AmfId, Block, LineState),
    /// `value AMF BLOCK V`.
    Value(AmfId, Block, Value),
    /// `source cache|amfN|diskN`.
    Source(Source),
    /// `messages KIND N`.
    Messages(MsgKind, u64),
    /// `broadcasts N`.
    Broadcasts(u64),
    /// `lock AMF BLOCK MODE`.
    Lock(AmfId, Block, Mode),
    /// `result LABEL ok|KIND|pending`.
    Result(String, Outcome),
    /// `error KIND`.
    Error(HostError),
    /// `violations N`.
    Violations(u64),
}

/// What became of a labelled operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Answered, done.
    Ok,
    /// Answered with this error.
    Error(HostError),
    /// Not answered yet.
    Pending,
}
