//! What happened: one event a line, in the order of the log.
//!
//! [`core::fmt::Display`] gives the line that conversations compare, the log shows and `--plain` prints.

use crate::protocol::id::{
    AmfId, AmfSet, Block, Epoch, Incarnation, Instant, Key, NodeId, OpId, Version,
};
use crate::protocol::{Fact, HostError, MsgKind, Source};
use core::fmt;
use serde::{Deserialize, Serialize};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Number of the step that made it happen.
    pub step: u64,
    /// When.
    pub now: Instant,
    /// Where.
    pub node: NodeId,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// A host's request arrived.
    Asked {
        /// The operation.
        op: OpId,
        /// `read b3`, `write b3 "x"`: the request in words.
        what: String,
    },
    /// A request was answered.
    Answered {
        /// The operation.
        op: OpId,
        /// Sources of its touches without repeats, or the error.
        result: Result<Vec<Source>, HostError>,
        /// What a read returned, or nothing.
        value: Option<String>,
    },
    /// A message left.
    Sent(Passage),
    /// A message arrived.
    Delivered(Passage),
    /// A message was lost by the network.
    Lost(Passage),
    /// A rule of the protocol was applied.
    Rule(Fact),
    /// A disk performed, or refused, a request of an AMF.
    Disk {
        /// Who asked.
        amf: AmfId,
        /// Read, write, ...
        what: DiskWhat,
        /// Which block of the volume; of parity the first that it covers.
        block: Block,
        /// It is the parity of the block's row.
        parity: bool,
        /// The version read or written.
        version: Version,
        /// The refusal, if it refused.
        error: Option<crate::protocol::DiskError>,
    },
    /// A view was decided (at the witness) or installed (at an AMF).
    View {
        /// Its number.
        epoch: Epoch,
        /// Its members.
        members: AmfSet,
    },
    /// The AMF is a member under this incarnation.
    Joined(Incarnation),
    /// Somebody interfered: `crash`, `partition amf0 | amf1`, ... in the words of the command.
    Fault(String),
    /// A checker fired.
    Violation(Violation),
    /// For people: a note of a script, the engine's own remarks.
    Note(String),
}

/// What was done on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DiskWhat {
    /// Read.
    Read,
    /// Write.
    Write,
    /// Anything else (flush, refill bookkeeping).
    Other,
}

/// A message between AMFs on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// Sender.
    pub from: AmfId,
    /// Receiver.
    pub to: AmfId,
    /// Kind.
    pub kind: MsgKind,
    /// Key, if it is about one.
    pub key: Option<Key>,
    /// Ticket or version in words, what a grant carries.
    pub detail: String,
    /// The host operation that caused it.
    pub cause: OpId,
    /// Sent before.
    pub again: bool,
}

/// What a checker found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Name of the checker: `single-writer`, `data-value`, `version-order`, `mutual-exclusion`,
    /// `redundancy`, `durability`, `reads`, `progress`, `core`.
    pub checker: String,
    /// The key it is about.
    pub key: Option<Key>,
    /// What is wrong, in one sentence.
    pub text: String,
    /// After which step.
    pub step: u64,
}

impl EventKind {
    /// A glyph of one column for the kind, as docs/TESTING.md explains it.
    #[must_use]
    pub const fn glyph(&self) -> char {
        match self {
            Self::Asked { .. } => '?',
            Self::Answered { result: Ok(_), .. } => '=',
            Self::Answered { result: Err(_), .. } => '!',
            Self::Sent(_) => '>',
            Self::Delivered(_) => '<',
            Self::Lost(_) => 'x',
            Self::Rule(_) => '.',
            Self::Disk { .. } => 'd',
            Self::View { .. } | Self::Joined(_) => 'v',
            Self::Fault(_) => 'f',
            Self::Violation(_) => 'X',
            Self::Note(_) => '#',
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind.glyph(), self.node, self.kind)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked { op, what } => write!(f, "asked op{} {what}", op.0),
            Self::Answered { op, result, value } => {
                write!(f, "answered op{}", op.0)?;
                match result {
                    Ok(sources) => {
                        f.write_str(" ok")?;
                        for source in sources {
                            write!(f, " from {source}")?;
                        }
                    }
                    Err(error) => write!(f, " {error}")?,
                }
                value.as_ref().map_or(Ok(()), |value| write!(f, " value {value}"))
            }
            Self::Sent(passage) => write!(f, "sent {passage}"),
            Self::Delivered(passage) => write!(f, "got {passage}"),
            Self::Lost(passage) => write!(f, "lost {passage}"),
            Self::Rule(fact) => fact.fmt(f),
            Self::Disk { amf, block, parity, error: Some(error), .. } => {
                let parity = if *parity { "parity of " } else { "" };
                write!(f, "refused {parity}b{} for {amf}: {error:?}", block.0)
            }
            Self::Disk { amf, what, block, parity, version, error: None } => {
                let what = match what {
                    DiskWhat::Read => "read",
                    DiskWhat::Write => "wrote",
                    DiskWhat::Other => "served",
                };
                let parity = if *parity { "parity of " } else { "" };
                write!(f, "{what} {parity}b{} {version} for {amf}", block.0)
            }
            Self::View { epoch, members } => write!(f, "view {epoch} {{{members}}}"),
            Self::Joined(incarnation) => write!(f, "joined as incarnation {}", incarnation.0),
            Self::Fault(text) => write!(f, "fault {text}"),
            Self::Violation(v) => write!(f, "VIOLATION {}: {}", v.checker, v.text),
            Self::Note(text) => write!(f, "note {text}"),
        }
    }
}

impl fmt::Display for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}->{}", self.kind, self.from, self.to)?;
        if let Some(key) = self.key {
            write!(f, " {key}")?;
        }
        if !self.detail.is_empty() {
            write!(f, " {}", self.detail)?;
        }
        if self.again {
            f.write_str(" again")?;
        }
        Ok(())
    }
}
