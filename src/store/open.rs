//! Opens all disks of a cluster at once, each in a thread of its own.

use super::BlockStore;
use super::folder::{Folder, FolderState};
use super::memory::MemoryStore;
use super::sled::{SledSettings, SledStore};
use crate::profile::{Durability, StoreEngine, StoreSpec};
use crate::protocol::Config;
use crate::protocol::id::{DiskId, Epoch};
use std::path::PathBuf;

/// Why a data folder cannot be used. One damaged disk is no reason: see [`OpenDisk::trouble`].
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works on it.
    #[error(
        "the data folder {} is in use by {}\n  hint: end that process, or give this one another --data-dir",
        path.display(),
        owner.map_or_else(|| "another process".to_owned(), |pid: u32| format!("process {pid}"))
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process, if it left its number.
        owner: Option<u32>,
    },
    /// Its disks were made for another cluster.
    #[error(
        "the data folder {} holds disks of `{found}`, the profile wants `{wanted}`\n  hint: use the profile they were made with, or another --data-dir",
        path.display()
    )]
    Geometry {
        /// The folder.
        path: PathBuf,
        /// What they were made for.
        found: String,
        /// What the profile says.
        wanted: String,
    },
    /// Its state file cannot be used.
    #[error(
        "{}: {why}\n  hint: restore the file from a backup, or begin again in another --data-dir",
        path.display()
    )]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The operating system refused.
    #[error("{}: {error}\n  hint: a data folder is a folder that can be written; it is made if there is none", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        error: std::io::Error,
    },
}

/// One disk, open.
pub struct OpenDisk {
    /// Its blocks.
    pub store: Box<dyn BlockStore>,
    /// The highest epoch that it was told, or `Epoch(0)`.
    pub fence: Epoch,
    /// It was closed in order, or is new.
    pub clean: bool,
    /// Why it cannot be used: it answers `Broken` until it is replaced.
    pub trouble: Option<String>,
}

/// All disks of a cluster.
pub struct Disks {
    /// Their folder, locked; `None` for disks in memory without one.
    pub folder: Option<Folder>,
    /// What the cluster knew about itself.
    pub state: FolderState,
    /// Each disk, in id order, spares last.
    pub disks: Vec<OpenDisk>,
}

/// What disks are made for: a folder that says otherwise is refused. The volume may grow.
#[must_use]
pub fn geometry(config: &Config) -> String {
    let g = &config.group;
    format!(
        "{}, {} disks + {} spares, {} copies, chunk {}, blocks of {} bytes",
        g.layout.name(),
        g.disks,
        g.spares,
        g.copies,
        g.chunk,
        config.block_size
    )
}

/// Opens every disk of the cluster in `folder`; in memory if the settings say so. With `lazily`, for a
/// folder that does not outlive the run, each disk is opened by its own thread later.
///
/// # Errors
/// The folder cannot be used at all. A disk that is damaged or missing is opened as a broken one.
pub fn open_all(
    folder: Option<Folder>,
    config: &Config,
    spec: &StoreSpec,
    lazily: bool,
) -> Result<Disks, OpenError> {
    let wanted = geometry(config);
    let found = folder.as_ref().map(Folder::load).transpose()?.flatten();
    if let (Some(folder), Some(state)) = (&folder, &found)
        && state.geometry != wanted
    {
        let (path, found) = (folder.path().to_owned(), state.geometry.clone());
        return Err(OpenError::Geometry { path, found, wanted });
    }
    let is_new = found.is_none();
    let ids = (0..config.disks_all()).map(DiskId);
    let disks = match (&folder, spec.engine) {
        (Some(folder), StoreEngine::Sled) if lazily => later(settings(folder, config, spec)),
        (Some(folder), StoreEngine::Sled) => open_sled(&settings(folder, config, spec), is_new),
        (_, StoreEngine::Memory) | (None, StoreEngine::Sled) => ids.map(|_| in_memory()).collect(),
    };
    let state = found.unwrap_or_else(|| FolderState::fresh(wanted));
    if let Some(folder) = &folder {
        folder.save(&FolderState { clean: false, ..state.clone() })?;
    }
    Ok(Disks { folder, state, disks })
}

fn in_memory() -> OpenDisk {
    let store = Box::new(MemoryStore::default());
    OpenDisk { store, fence: Epoch(0), clean: true, trouble: None }
}

fn settings(folder: &Folder, config: &Config, spec: &StoreSpec) -> Vec<SledSettings> {
    let settings = |disk: DiskId| SledSettings {
        name: disk.to_string(),
        path: folder.disk(disk),
        geometry: geometry(config),
        block_bytes: config.block_size,
        cache_bytes: spec.cache_bytes,
        sync: spec.durability == Durability::Sync,
    };
    (0..config.disks_all()).map(DiskId).map(settings).collect()
}

fn later(all: Vec<SledSettings>) -> Vec<OpenDisk> {
    let later = |settings| OpenDisk {
        store: Box::new(SledStore::later(settings)),
        fence: Epoch(0),
        clean: true,
        trouble: None,
    };
    all.into_iter().map(later).collect()
}

fn open_sled(all: &[SledSettings], is_new: bool) -> Vec<OpenDisk> {
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            all.iter().map(|settings| scope.spawn(move || open_one(settings, is_new))).collect();
        let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined
            .zip(all)
            .map(|(disk, settings)| {
                disk.unwrap_or_else(|_| broken(settings, "it could not be opened".to_owned()))
            })
            .collect()
    })
}

fn open_one(settings: &SledSettings, is_new: bool) -> OpenDisk {
    if !is_new && !settings.path.join("db").exists() {
        let why = format!(
            "{} is missing: there is no {}\n  hint: put its folder back, or `replace {}`",
            settings.name,
            settings.path.display(),
            settings.name
        );
        return broken(settings, why);
    }
    match SledStore::open(settings.clone()) {
        Ok(store) => {
            let (fence, clean) = (store.fence(), store.was_clean() || is_new);
            OpenDisk { store: Box::new(store), fence, clean, trouble: None }
        }
        Err(why) => broken(settings, why),
    }
}

fn broken(settings: &SledSettings, why: String) -> OpenDisk {
    tracing::error!(target: "store", "{why}");
    let store = SledStore::broken(settings.clone(), why.clone());
    OpenDisk { store: Box::new(store), fence: Epoch(0), clean: false, trouble: Some(why) }
}
