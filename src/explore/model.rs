//! The models that are explored: small clusters with one block, and what may happen to them.

use super::node::Asks;
use crate::protocol::config::{Config, GroupConfig, Layout, Protocol, WritePolicy};
use crate::protocol::id::{AmfSet, Span};
use std::sync::Arc;

/// A fault that a model may have once on each way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fault {
    /// An AMF crashes, and later starts again.
    Crash,
    /// The witness hears an AMF no more and evicts it, while it runs on.
    CutOff,
    /// An AMF's lease runs out, and is renewed later.
    Lease,
    /// A disk fails.
    Disk,
    /// What a disk holds of the block cannot be read.
    Damage,
    /// A journal stops working.
    Journal,
}

/// A cluster, and what may happen to it.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// Its name in words, for the text that says what was explored.
    pub(super) name: &'static str,
    pub(super) amfs: u8,
    pub(super) write: WritePolicy,
    pub(super) journal: bool,
    pub(super) mirror: bool,
    /// One of these, once.
    pub(super) faults: &'static [Fault],
    /// What hosts ask.
    pub(super) asks: &'static [Asks],
    /// Operations of hosts that may be under way at once, at one AMF and in all.
    pub(super) at_once: (u8, u8),
    /// Steps after which the walk ends, although there are more.
    pub(super) moves_max: usize,
}

/// Steps of a walk: all models of a protocol take a second or two.
const MOVES_MAX: usize = 20_000;
/// The same where faults happen: there is more to see.
const MOVES_FAULTY_MAX: usize = 50_000;

const PLAIN: Model = Model {
    name: "",
    amfs: 2,
    write: WritePolicy::Back,
    journal: false,
    mirror: false,
    faults: &[],
    asks: ALL,
    at_once: (2, 3),
    moves_max: MOVES_MAX,
};

/// Whatever hosts can ask.
const ALL: &[Asks] =
    &[Asks::Read, Asks::Write, Asks::WritePart, Asks::Compare, Asks::Zero, Asks::Flush];
/// Where there is more to try than that.
const SOME: &[Asks] = &[Asks::Read, Asks::Write];

/// What is explored of every protocol, those without faults first.
pub(super) const MODELS: &[Model] = &[
    Model { name: "two AMFs", ..PLAIN },
    Model { name: "two AMFs, one request at a time", at_once: (1, 1), ..PLAIN },
    Model { name: "three AMFs", amfs: 3, asks: SOME, at_once: (1, 2), ..PLAIN },
    Model { name: "write-through", write: WritePolicy::Through, ..PLAIN },
    Model { name: "journals and a mirror", journal: true, mirror: true, at_once: (1, 2), ..PLAIN },
    Model {
        name: "a failing AMF",
        faults: &[Fault::Crash, Fault::CutOff, Fault::Lease],
        asks: SOME,
        moves_max: MOVES_FAULTY_MAX,
        at_once: (1, 2),
        ..PLAIN
    },
    Model {
        name: "three AMFs, one failing",
        amfs: 3,
        faults: &[Fault::Crash, Fault::CutOff],
        asks: SOME,
        moves_max: 2 * MOVES_FAULTY_MAX,
        at_once: (1, 1),
        ..PLAIN
    },
    Model {
        name: "failing disks and journals",
        journal: true,
        mirror: true,
        faults: &[Fault::Crash, Fault::Disk, Fault::Damage, Fault::Journal],
        asks: SOME,
        moves_max: MOVES_FAULTY_MAX,
        at_once: (1, 2),
        ..PLAIN
    },
];

/// Longer than any way through a model lasts, unless somebody's time is let pass.
pub(super) const RETRY: Span = Span::secs(1_000);
const LEASE: Span = Span::secs(100_000);

impl Model {
    /// What its machines are built from.
    pub(super) fn config(&self, protocol: Protocol) -> Arc<Config> {
        let copies = if self.mirror { 2 } else { 1 };
        let layout = if self.mirror { Layout::Mirror } else { Layout::Single };
        Arc::new(Config {
            amfs: self.amfs,
            protocol,
            replicas: 1,
            lines: 4,
            write: self.write,
            dirty_high: 4,
            destage_age: None,
            floor_slots: 1,
            blocks: 1,
            block_size: 1_024,
            access: AmfSet::EMPTY,
            group: GroupConfig { layout, disks: copies, spares: 0, copies, chunk: 1 },
            lease: LEASE,
            renew: Span(LEASE.0 / 4),
            suspect_after: Span(LEASE.0 * 100),
            retry: RETRY,
            journal: self.journal,
            dirty_log: false,
            region_blocks: 1,
            defect: None,
        })
    }
}
