//! Opens all disks of a cluster at once, each in a thread of its own.

use super::BlockStore;
use super::folder::{Folder, FolderState};
use super::intent;
use super::memory::MemoryStore;
use super::sled::{SledSettings, SledStore};
use crate::profile::{Durability, StoreEngine, StoreSpec};
use crate::protocol::id::{AmfId, Block, DiskId, Epoch, Version};
use crate::protocol::{Config, Damaged, JournalContent, JournalEntry, StoreDone, StoreOp};
use std::path::PathBuf;
use std::sync::Arc;

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
    /// Each AMF's journal, in id order; none without journals.
    pub journals: Vec<OpenJournal>,
}

/// An AMF's journal, open.
pub struct OpenJournal {
    /// What it is kept in: a block's entry at its number, its intent at [`intent::at`], or tombstones.
    pub store: Box<dyn BlockStore>,
    /// What it holds.
    pub content: JournalContent,
    /// Why it cannot be used: its AMF writes through.
    pub trouble: Option<String>,
}

/// What disks are made for: a folder that says otherwise is refused. The volume may grow.
#[must_use]
pub fn geometry(config: &Config) -> String {
    let g = &config.group;
    // A journal that was forgotten would be data that was lost.
    let journals =
        if config.journal { format!(", {} journals", config.amfs) } else { String::new() };
    format!(
        "{}, {} disks + {} spares, {} copies, chunk {}, blocks of {} bytes{journals}",
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
    let journals = journals(folder.as_ref(), config, spec, lazily, is_new);
    let state = found.unwrap_or_else(|| FolderState::fresh(wanted));
    if let Some(folder) = &folder {
        folder.save(&FolderState { clean: false, ..state.clone() })?;
    }
    Ok(Disks { folder, state, disks, journals })
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
        is_journal: false,
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

// ---- journals

fn journals(
    folder: Option<&Folder>,
    config: &Config,
    spec: &StoreSpec,
    lazily: bool,
    is_new: bool,
) -> Vec<OpenJournal> {
    let amfs = (0..config.amfs).filter(|_| config.journal).map(AmfId);
    let journal = |amf: AmfId| match (folder, spec.engine) {
        (Some(folder), StoreEngine::Sled) => {
            let settings = SledSettings {
                name: format!("journal of {amf}"),
                path: folder.journal(amf),
                geometry: geometry(config),
                block_bytes: config.block_size * (1 + u32::from(config.group.layout.parity())),
                cache_bytes: spec.cache_bytes,
                is_journal: true,
                sync: spec.durability == Durability::Sync,
            };
            match (lazily, is_new || settings.path.join("db").exists()) {
                (true, _) => load(later(vec![settings]).remove(0), true),
                (false, true) => load(open_one(&settings, is_new), is_new),
                (false, false) => missing(settings),
            }
        }
        (_, StoreEngine::Memory) | (None, StoreEngine::Sled) => load(in_memory(), true),
    };
    amfs.map(journal).collect()
}

/// A blank journal takes its place; not before its thread begins, and so not before it is on record that what
/// it had is lost.
fn missing(settings: SledSettings) -> OpenJournal {
    let trouble = format!(
        "{} is missing: there is no {}\n  hint: a blank one takes its place; what it had is in doubt, \
         and `accept-loss` gives out what is left",
        settings.name,
        settings.path.display(),
    );
    tracing::error!(target: "store", "{trouble}");
    let content = JournalContent { damaged: vec![Damaged::Everything], ..Default::default() };
    let OpenDisk { store, .. } = later(vec![settings]).remove(0);
    OpenJournal { store, content, trouble: Some(trouble) }
}

/// Reads all entries. One that cannot be read is named, and what it held may be lost.
fn load(open: OpenDisk, is_new: bool) -> OpenJournal {
    let OpenDisk { mut store, mut trouble, .. } = open;
    let mut content = JournalContent::default();
    let mut from = if is_new { None } else { Some(0) };
    if trouble.is_some() {
        content.damaged.push(Damaged::Everything);
        from = None;
    }
    while let Some(at) = from.take() {
        let at = match store.execute(&[StoreOp::Next { at }]).pop() {
            Some(Ok(StoreDone::Next(Some(at)))) => at,
            Some(Ok(_)) => break,
            Some(Err(_)) | None => {
                trouble = store.trouble().map(str::to_owned);
                content.damaged.push(Damaged::Everything);
                break;
            }
        };
        if let Err(damaged) = load_one(&mut *store, at, &mut content) {
            trouble = store.trouble().map(str::to_owned).or(trouble);
            content.damaged.push(damaged);
        }
        from = at.checked_add(1);
    }
    OpenJournal { store, content, trouble }
}

fn load_one(
    store: &mut dyn BlockStore,
    at: u64,
    content: &mut JournalContent,
) -> Result<(), Damaged> {
    let of = intent::block_at(at);
    let damaged = of.map_or(Damaged::Entry(Block(at)), Damaged::Intent);
    let record = match store.execute(&[StoreOp::Get { at }]).pop() {
        Some(Ok(StoreDone::Got(Some(record)))) if record.version > Version::ZERO => record,
        Some(Ok(_)) => return Ok(()),
        Some(Err(_)) | None => return Err(damaged),
    };
    if let Some(block) = of {
        let intent = intent::decode(block, &record).ok_or(damaged)?;
        content.intents.push(Arc::new(intent));
    } else {
        let (block, version, data) = (Block(at), record.version, record.data);
        content.entries.push(JournalEntry { block, version, data });
    }
    Ok(())
}
