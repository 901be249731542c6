//! Disks of real bytes: a sled database each, or a map in memory, behind [`BlockStore`].
//!
//! Reading order: [`record`] (a block as bytes), [`intent`] (a parity update as a record), [`sled`] (with `base`, its database),
//! [`memory`], [`faulty`] (wraps any, for tests that must fail), [`folder`] (the data folder: its lock,
//! its state), [`open`] (all disks of a cluster at once), [`worker`] (a thread a disk). Every call may block: never from an async task.
//! Knows `protocol`, and the settings types of `profile`; no terminal, no task.

mod base;
pub mod faulty;
pub mod folder;
pub mod intent;
pub mod memory;
pub mod open;
pub mod record;
pub mod sled;
pub mod worker;

pub use faulty::{Faulty, StoreFault};
pub use folder::{Folder, FolderState};
pub use memory::MemoryStore;
pub use open::{Disks, OpenDisk, OpenError, OpenJournal, geometry, open_all};
pub use worker::{Looked, Worker};

use crate::protocol::{StoreDone, StoreError, StoreOp};

/// What came of one operation.
pub type Done = Result<StoreDone, StoreError>;

/// What a disk keeps its blocks in. Blocking; one owner, its [`Worker`].
pub trait BlockStore: Send {
    /// Called once by its thread before there is work: what takes time may be done here.
    fn prepare(&mut self) {}

    /// Performs a batch in order and says what came of each operation, in the same order. Under
    /// `durability = "sync"` everything in the batch is durable when this returns: one sync serves
    /// all its writes (group commit).
    fn execute(&mut self, batch: &[StoreOp]) -> Vec<Done>;

    /// Makes everything before durable.
    ///
    /// # Errors
    /// [`StoreError::Broken`]; [`Self::trouble`] says why.
    fn sync(&mut self) -> Result<(), StoreError>;

    /// The last call: makes everything durable and marks the store as cleanly closed.
    ///
    /// # Errors
    /// [`StoreError::Broken`]; [`Self::trouble`] says why.
    fn close(&mut self) -> Result<(), StoreError>;

    /// Why the store does not work, or what was last wrong with a block; with the way out.
    fn trouble(&self) -> Option<&str>;
}

impl BlockStore for Box<dyn BlockStore> {
    fn prepare(&mut self) {
        (**self).prepare();
    }
    fn execute(&mut self, batch: &[StoreOp]) -> Vec<Done> {
        (**self).execute(batch)
    }
    fn sync(&mut self) -> Result<(), StoreError> {
        (**self).sync()
    }
    fn close(&mut self) -> Result<(), StoreError> {
        (**self).close()
    }
    fn trouble(&self) -> Option<&str> {
        (**self).trouble()
    }
}
