//! The coordinates of the state x event table: how a block stands at an AMF, and what happens to it there.
//!
//! While somebody observes, an AMF tells the [`Cell`] of every input that is about a block. The room
//! `explore` finds by running the core what each cell leads to; nothing of that is written down here. What
//! cannot be at all is, in [`impossible`], and it is asserted of every cell that an AMF tells.

use super::rule::LineState;
use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! closed {
    ($(#[$doc:meta])* $kind:ident { $($name:ident, $id:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum $kind {
            $(#[doc = $text] #[serde(rename = $id)] $name,)*
        }

        impl $kind {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its short name in the table.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

closed! {
    /// What an AMF is doing with a block. The first that applies, from the end of the list.
    Lock {
        Idle, "idle", "Nothing is being done with the block.";
        Destaging, "destaging", "The block is on its way to the group, and nothing else is done with it.";
        WaitsShared, "waits-S", "A read has asked; grants are missing.";
        WaitsExclusive, "waits-X", "A write has asked; grants are missing.";
        HoldsShared, "holds-S", "A read holds shared access; it waits for a disk, or for its lease.";
        HoldsExclusive, "holds-X", "A write holds exclusive access until its host is answered.";
        Recovering, "recovering", "What an AMF that left had not finished is being adopted.";
        Away, "away", "The AMF is in no view: it has just started, or was evicted.";
    }
}

closed! {
    /// What happens to a block at an AMF.
    Trigger {
        Read, "read", "A host reads.";
        Write, "write", "A host writes the block, or a part of it.";
        Compare, "caw", "A host compares and writes.";
        Zero, "trim", "A host trims, or writes zeroes.";
        Flush, "flush", "A host wants every acknowledged write durable.";
        SharedOlder, "search", "A peer asks for shared access; no access here has an older ticket.";
        SharedYounger, "search-late", "A peer asks for shared access; our own access has an older ticket.";
        ExclusiveOlder, "invalidate", "A peer asks for exclusive access; no access here has an older ticket.";
        ExclusiveYounger, "inv-late", "A peer asks for exclusive access; our own access has an older ticket.";
        Recovery, "recovery", "A peer asks for exclusive access to adopt the block.";
        Grant, "grant", "A peer grants our access; others have yet to.";
        LastGrant, "last-grant", "The last peer grants our access.";
        LateGrant, "late-grant", "A grant of an access that is over, or was asked again.";
        Replicate, "replicate", "A peer wants a version kept.";
        Ack, "ack", "A partner keeps our version, or one of an access that is over.";
        Update, "update", "A peer sends what it wrote (`update`).";
        Superseded, "superseded", "A peer's newer version is safe: a lent one may go (`moesi`, `update`).";
        Retire, "retire", "A peer's version is on disk: its replica may go.";
        DiskRead, "disk-read", "A disk answers with the block.";
        DiskWrite, "disk-write", "A disk has written the block.";
        DiskError, "disk-error", "A disk did not do what was asked of it for the block.";
        Journal, "journal", "The own journal is done with something about the block.";
        Evict, "evict", "The line is to make room.";
        Destage, "destage", "The line is to be written to the group: for its age, for the high-water mark, by command.";
        Lease, "lease", "The lease is live again; the block had waited for it.";
        View, "view", "A newer view is installed.";
        Leave, "leave", "The AMF finds itself evicted.";
    }
}

/// A row of the table: the line's state, and what is being done with the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct State {
    /// The line.
    pub line: LineState,
    /// The lock.
    pub lock: Lock,
}

/// Rows that there can be.
pub const STATES: usize = LineState::ALL.len() * Lock::ALL.len();
/// Cells that there can be.
pub const CELLS: usize = STATES * Trigger::ALL.len();

impl State {
    /// Every row, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        let locks = |line: &LineState| {
            Lock::ALL.iter().map({
                let line = *line;
                move |lock| Self { line, lock: *lock }
            })
        };
        LineState::ALL.iter().flat_map(locks)
    }

    /// Its place among all rows.
    #[must_use]
    pub const fn index(self) -> usize {
        self.line as usize * Lock::ALL.len() + self.lock as usize
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.line, self.lock)
    }
}

/// A cell of the table: what happens, and how the block stands before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// How the block stands.
    pub state: State,
    /// What happens.
    pub trigger: Trigger,
}

impl Cell {
    /// Its place among all cells.
    #[must_use]
    pub const fn index(self) -> usize {
        self.state.index() * Trigger::ALL.len() + self.trigger as usize
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.state, self.trigger)
    }
}

/// Why a block cannot stand like this, in any protocol; `None`: it can.
#[must_use]
pub const fn impossible_state(state: State) -> Option<&'static str> {
    let State { line, lock } = state;
    if matches!(lock, Lock::Away) && !matches!(line, LineState::I) {
        return Some("an AMF that is in no view has no lines");
    }
    if matches!(lock, Lock::WaitsShared | Lock::HoldsShared) && line.is_valid() {
        return Some("a read with a valid line is a hit: it asks nobody");
    }
    if matches!(lock, Lock::Destaging) && matches!(line, LineState::I) {
        return Some("what is being destaged has its line until it is on disk");
    }
    None
}

/// Why a cell cannot be met, in any protocol; `None`: nothing forbids it.
#[must_use]
pub const fn impossible(cell: Cell) -> Option<&'static str> {
    if let Some(why) = impossible_state(cell.state) {
        return Some(why);
    }
    let lock = cell.state.lock;
    let waits = matches!(lock, Lock::WaitsShared | Lock::WaitsExclusive | Lock::Recovering);
    let has_access = waits || matches!(lock, Lock::HoldsShared | Lock::HoldsExclusive);
    let is_away = matches!(lock, Lock::Away);
    let (is_so, why) = match cell.trigger {
        Trigger::Grant | Trigger::LastGrant => (!waits, "only an access that waits is granted"),
        Trigger::SharedYounger | Trigger::ExclusiveYounger => {
            (!has_access, "no access here has a ticket")
        }
        Trigger::SharedOlder
        | Trigger::ExclusiveOlder
        | Trigger::Recovery
        | Trigger::LateGrant
        | Trigger::Replicate
        | Trigger::Ack
        | Trigger::Update
        | Trigger::Superseded
        | Trigger::Retire => (is_away, "only members of a view are spoken to"),
        Trigger::DiskRead | Trigger::DiskWrite | Trigger::DiskError => {
            (is_away, "what an incarnation that left had asked of disks is forgotten")
        }
        Trigger::Lease | Trigger::Leave => (is_away, "an AMF that is in no view has left already"),
        Trigger::Read
        | Trigger::Write
        | Trigger::Compare
        | Trigger::Zero
        | Trigger::Flush
        | Trigger::Evict
        | Trigger::Destage
        | Trigger::Journal
        | Trigger::View => (false, ""),
    };
    if is_so { Some(why) } else { None }
}
