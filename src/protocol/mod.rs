//! The heart: what AMFs, the witness, disks and hosts do, as deterministic machines.
//!
//! No clock, dice, thread or I/O. Reading order: [`id`], [`data`], [`message`], [`host`], [`config`],
//! [`group`], [`parity`], [`rule`], [`cell`], [`link`], [`disk`], [`witness`], [`amf`], [`cluster`].
#![deny(clippy::wildcard_enum_match_arm)]

pub mod amf;
pub mod cell;
pub mod cluster;
pub mod config;
mod cover;
pub mod data;
pub mod defect;
pub mod disk;
pub mod group;
pub mod host;
pub mod id;
pub mod link;
pub mod machine;
pub mod many;
pub mod message;
pub mod nvram;
pub mod parity;
pub mod region;
pub mod rule;
pub mod table;
pub mod view;
pub mod witness;

pub use amf::{Amf, Damaged, JournalContent, JournalEntry, ScrubReport};
pub use cell::{Cell, Lock, State, Trigger};
pub use config::{Config, GroupConfig, Layout, Protocol, WritePolicy};
pub use data::{Data, Stamp};
pub use defect::Defect;
pub use disk::Disk;
pub use host::{Answer, HostError, Payload, Request, RequestKind, Sectors, Source, Touch, Touched};
pub use machine::{
    AmfInput, AmfOutput, DiskInput, DiskOutput, JournalOp, Record, StoreDone, StoreError, StoreOp,
    WitnessInput, WitnessOutput,
};
pub use many::Many;
pub use message::{
    Body, DiskDone, DiskError, DiskOp, DiskReply, DiskRequest, Frame, Message, MsgKind, Packet,
    WitnessMsg,
};
pub use nvram::Nvram;
pub use rule::{Fact, LineState, Rule};
pub use view::View;
pub use witness::Witness;
