//! What stands behind each node's mutex: its machine, and what the driver must know about it.

use super::blocks::Blocks;
use super::hosts::Pending;
use super::sampler::Recent;
use crate::protocol::amf::AmfStats;
use crate::protocol::disk::Disk;
use crate::protocol::id::{
    AmfId, Block, DiskId, Epoch, Incarnation, Instant, NodeId, OpId, Version,
};
use crate::protocol::witness::Witness;
use crate::protocol::{Amf, Nvram, Request};
use crate::store::{Done, Worker};
use crate::trace::event::DiskWhat;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A node: its state, and when its machine next wants a tick.
#[derive(Debug)]
pub(crate) struct Node<S> {
    state: Mutex<S>,
    deadline: AtomicU64,
}

impl<S> Node<S> {
    pub(crate) fn new(state: S) -> Self {
        Self { state: Mutex::new(state), deadline: AtomicU64::new(u64::MAX) }
    }

    /// No thread holds two of these, except one that takes all in id order.
    pub(crate) fn lock(&self) -> MutexGuard<'_, S> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn deadline(&self) -> Instant {
        Instant(self.deadline.load(Ordering::SeqCst))
    }

    /// Called with the state locked; true if it changed.
    pub(crate) fn set_deadline(&self, deadline: Instant) -> bool {
        let changed = self.deadline.load(Ordering::Relaxed) != deadline.0;
        if changed {
            self.deadline.store(deadline.0, Ordering::SeqCst);
        }
        changed
    }
}

/// An AMF.
#[derive(Debug)]
pub(crate) struct AmfState {
    /// `None`: crashed.
    pub(crate) machine: Option<Amf>,
    /// The highest incarnation it ever had \[H7\].
    pub(crate) incarnation: Incarnation,
    pub(crate) paused: Option<Instant>,
    pub(crate) down: Option<Instant>,
    /// Host requests that came while it was paused.
    pub(crate) waiting: VecDeque<Request>,
    pub(crate) ops: FxHashMap<OpId, Pending>,
    /// Packets sent to each node.
    pub(crate) sent: Vec<u64>,
    /// What its journal holds, and what is under way to it.
    pub(crate) journal: Nvram,
    /// Results of its journal that are still to come for what a crash lost.
    pub(crate) stale_results: usize,
    /// What its machines before the last crash had counted.
    pub(crate) past: AmfStats,
    /// What the sampler looks at.
    pub(crate) recent: Recent,
}

impl AmfState {
    pub(crate) fn new(machine: Amf, nodes: usize, journal: Nvram) -> Self {
        Self {
            incarnation: machine.incarnation(),
            machine: Some(machine),
            paused: None,
            down: None,
            waiting: VecDeque::new(),
            ops: FxHashMap::default(),
            sent: vec![0; nodes],
            journal,
            stale_results: 0,
            past: AmfStats::default(),
            recent: Recent::default(),
        }
    }
}

/// The witness.
#[derive(Debug)]
pub(crate) struct WitnessState {
    pub(crate) machine: Witness,
    /// Since when it is down.
    pub(crate) down: Option<Instant>,
    /// An epoch that it wants persisted, and that could not be saved yet.
    pub(crate) unsaved: Option<Epoch>,
    pub(crate) sent: Vec<u64>,
}

/// A disk.
#[derive(Debug)]
pub(crate) struct DiskState {
    pub(crate) machine: Disk,
    /// Since when it answers with errors.
    pub(crate) failed: Option<Instant>,
    /// Results of its store that are still to come for what a power failure lost.
    pub(crate) stale_results: usize,
    pub(crate) sent: Vec<u64>,
    /// What a recording knows of its blocks.
    pub(crate) blocks: Blocks,
    /// Requests under way, for events: only while somebody subscribes.
    pub(crate) asked: FxHashMap<(AmfId, Incarnation, u64), Asked>,
}

/// A request to a disk, as an event will tell it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) what: DiskWhat,
    pub(crate) block: Block,
    pub(crate) version: Version,
}

/// A disk's store: results in order, and the thread that makes them.
#[derive(Debug, Default)]
pub(crate) struct DiskStore {
    pub(crate) finished: Mutex<VecDeque<Done>>,
    pub(crate) worker: Mutex<Option<Worker>>,
    /// What was told of its trouble, and when.
    pub(crate) told: Mutex<Option<(String, Instant)>>,
}

impl DiskStore {
    pub(crate) fn finished(&self) -> MutexGuard<'_, VecDeque<Done>> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub(crate) fn worker(&self) -> MutexGuard<'_, Option<Worker>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong with it, and the way out, in two lines.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.worker().as_ref().and_then(Worker::trouble)
    }
}

/// Nodes in one row: AMFs, the witness, disks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) amfs: usize,
    pub(crate) disks: usize,
}

impl Row {
    pub(crate) fn len(self) -> usize {
        self.amfs + 1 + self.disks
    }

    pub(crate) fn index(self, node: NodeId) -> usize {
        match node {
            NodeId::Amf(amf) => usize::from(amf.0),
            NodeId::Witness => self.amfs,
            NodeId::Disk(disk) => self.amfs + 1 + usize::from(disk.0),
        }
    }

    pub(crate) fn node(self, index: usize) -> NodeId {
        let id = |n: usize| u8::try_from(n).expect("at most 64 of each");
        match index {
            n if n < self.amfs => NodeId::Amf(AmfId(id(n))),
            n if n == self.amfs => NodeId::Witness,
            n => NodeId::Disk(DiskId(id(n - self.amfs - 1))),
        }
    }
}
