//! Two clusters on the same input: how the second stands, and what hosts got of each.

use super::snapshot::Snapshot;
use serde::Serialize;

/// The second of two clusters, beside the first, whose snapshot this is in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Beside {
    /// What hosts got of the first and of the second.
    pub sides: [Side; 2],
    /// How the second stands.
    pub other: Snapshot,
}

/// What hosts got of one of two clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Side {
    /// What it is called: how it differs from the other.
    pub name: String,
    /// Requests answered.
    pub answered: u64,
    /// Of those, with an error.
    pub errors: u64,
    /// Touches that hit.
    pub hits: u64,
    /// Touches that missed.
    pub misses: u64,
    /// Latency of reads in nanoseconds, half of them and 99 in 100; `None`: there were none.
    pub read_ns: Option<[u64; 2]>,
    /// The same of writes.
    pub write_ns: Option<[u64; 2]>,
}
