//! What differs between two positions of a run, machine by machine.

use crate::protocol::id::NodeId;
use serde::Serialize;

/// Something that is not the same at both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The machine that has it; `None`: it is about the whole cluster.
    pub machine: Option<NodeId>,
    /// What: `line b3`, `packet 12 to amf1`.
    pub what: String,
    /// How it is at the first position; `None`: it is not there.
    pub before: Option<String>,
    /// How it is at the second.
    pub after: Option<String>,
}

impl Change {
    /// The machine, or `cluster`.
    #[must_use]
    pub fn place(&self) -> String {
        self.machine.map_or_else(|| "cluster".to_owned(), |machine| machine.to_string())
    }
}

/// All that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Differences {
    /// The two positions.
    pub positions: [u64; 2],
    /// What differs: of the cluster, then AMF by AMF, the witness, disk by disk.
    pub changes: Vec<Change>,
    /// How many more there are.
    pub more: u64,
}
