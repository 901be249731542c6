//! The data folder of a cluster: one process at a time, and what the cluster must know about itself
//! before its disks are trusted.

use super::open::OpenError;
use crate::protocol::View;
use crate::protocol::id::Epoch;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Version of [`FolderState`]; another one is refused.
const FORMAT: u32 = 1;
/// A process that is just ending, or just being started by its owner, may hold the lock for a moment.
const LOCK_TRIES_MAX: u32 = 20;
const LOCK_PAUSE_MS: u64 = 10;
/// A state file is a few kilobytes; more is damage.
const STATE_BYTES_MAX: u64 = 1 << 20;
/// Kept free for the state file, so that a file system that the disks have filled can still be told
/// that they failed: 64 AMFs and 64 disks take some 10 KiB.
const RESERVE_BYTES: usize = 32 << 10;

/// What the witness and the group must remember across restarts of everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderState {
    /// Version of this file.
    pub format: u32,
    /// What the disks were made for.
    pub geometry: String,
    /// The highest epoch that was ever promised.
    pub witness_epoch: Epoch,
    /// The newest view that was decided: which disk fills which slot, and whether it is trusted.
    pub view: Option<View>,
    /// Everything was destaged and closed in order.
    pub clean: bool,
}

impl FolderState {
    /// A cluster that never ran.
    #[must_use]
    pub fn fresh(geometry: String) -> Self {
        Self { format: FORMAT, geometry, witness_epoch: Epoch(0), view: None, clean: true }
    }
}

/// A data folder, locked for this process as long as this value lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Locks `path`, made if there is none.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another process has it.
    pub fn lock(path: &Path) -> Result<Self, OpenError> {
        let io = |error| OpenError::Io { path: path.to_owned(), error };
        fs::create_dir_all(path).map_err(io)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path.join("lock")).map_err(io)?;
        let mut tries = 0;
        let locked = loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(rustix::io::Errno::WOULDBLOCK) if tries < LOCK_TRIES_MAX => tries += 1,
                done => break done,
            }
            std::thread::sleep(std::time::Duration::from_millis(LOCK_PAUSE_MS));
        };
        match locked {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut owner = String::new();
                let _ = (&file).take(32).read_to_string(&mut owner);
                let owner = owner.trim().parse().ok();
                return Err(OpenError::InUse { path: path.to_owned(), owner });
            }
            Err(errno) => return Err(io(errno.into())),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(io)?;
        let folder = Self { path: path.to_owned(), _lock: file };
        folder.reserve();
        Ok(folder)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of a disk.
    #[must_use]
    pub fn disk(&self, disk: crate::protocol::id::DiskId) -> PathBuf {
        self.path.join(disk.to_string())
    }

    /// The folder of an AMF's journal.
    #[must_use]
    pub fn journal(&self, amf: crate::protocol::id::AmfId) -> PathBuf {
        self.path.join(format!("journal-{amf}"))
    }

    /// What was last saved; `None` in a new folder.
    ///
    /// # Errors
    /// [`OpenError::State`] if the file is damaged or of another version.
    pub fn load(&self) -> Result<Option<FolderState>, OpenError> {
        let path = self.state_path();
        let bad = |why: String| OpenError::State { path: self.state_path(), why };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OpenError::Io { path, error }),
        };
        let mut text = String::new();
        file.take(STATE_BYTES_MAX).read_to_string(&mut text).map_err(|e| bad(e.to_string()))?;
        let state: FolderState = serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
        if state.format != FORMAT {
            return Err(bad(format!("format {} is not {FORMAT}", state.format)));
        }
        Ok(Some(state))
    }

    /// Replaces what was saved: all or nothing, durable when this returns. On a full file system it
    /// takes the room that was kept for it.
    ///
    /// # Errors
    /// [`OpenError::Io`].
    pub fn save(&self, state: &FolderState) -> Result<(), OpenError> {
        let text = serde_json::to_vec_pretty(state).expect("the state is plain data");
        let full = |error: &std::io::Error| error.kind() == std::io::ErrorKind::StorageFull;
        let saved = match self.replace(&text) {
            Err(error) if full(&error) && fs::remove_file(self.reserve_path()).is_ok() => {
                let saved = self.replace(&text);
                self.reserve();
                saved
            }
            saved => saved,
        };
        saved.map_err(|error| OpenError::Io { path: self.path.clone(), error })
    }

    fn replace(&self, text: &[u8]) -> std::io::Result<()> {
        let new = self.path.join("cluster.json.new");
        let mut file = File::create(&new)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&new, self.state_path())?;
        File::open(&self.path)?.sync_all()
    }

    /// Keeps room for [`save`](Self::save), if there is any.
    fn reserve(&self) {
        let path = self.reserve_path();
        let there = fs::metadata(&path).is_ok_and(|file| file.len() == RESERVE_BYTES as u64);
        if !there && fs::write(&path, vec![0xA5; RESERVE_BYTES]).is_err() {
            let _ = fs::remove_file(&path);
        }
    }

    fn reserve_path(&self) -> PathBuf {
        self.path.join("reserve")
    }

    fn state_path(&self) -> PathBuf {
        self.path.join("cluster.json")
    }
}
