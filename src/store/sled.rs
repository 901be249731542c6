//! A disk as a sled database (`store::base`).
//!
//! Two things about sled 0.34 shape this. Its `flush` uses `sync_file_range`, which does not survive a
//! power failure, so the database's file is synced after it. And it may panic on a damaged file: every
//! call runs guarded, and a panic turns the disk into a broken one, never the program.

use super::base::Base;
use super::record::{decode, decode_unchecked, encode, spoil};
use super::{BlockStore, Done};
use crate::guard;
use crate::protocol::id::Epoch;
use crate::protocol::{StoreDone, StoreError, StoreOp};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// How a sled disk is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SledSettings {
    /// `disk2`, for messages.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// What the disk belongs to; another geometry is refused.
    pub geometry: String,
    /// Bytes in a block.
    pub block_bytes: u32,
    /// Bytes of cache.
    pub cache_bytes: u64,
    /// An AMF's journal, and no disk.
    pub is_journal: bool,
    /// Sync before a write is answered.
    pub sync: bool,
}

/// A disk in a sled database.
#[derive(Debug)]
pub struct SledStore {
    settings: SledSettings,
    /// `None`: broken; see `trouble`.
    base: Option<Base>,
    trouble: Option<String>,
    fence: Epoch,
    was_clean: bool,
    unopened: bool,
}

/// Runs `work` on a database, whose panic becomes a message.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    guard::guarded(work).map_err(|why| format!("the database gave up: {why}"))
}

impl SledStore {
    /// Opens the disk, or makes a blank one where there is none.
    ///
    /// # Errors
    /// What is wrong, naming the disk, and the way out.
    pub fn open(settings: SledSettings) -> Result<Self, String> {
        let base = guarded(|| Base::open(&settings))
            .and_then(|opened| opened)
            .map_err(|why| damaged(&settings, &why))?;
        let was = base.ledger();
        let mut store = Self {
            settings,
            base: Some(base),
            trouble: None,
            fence: was.fence,
            was_clean: was.clean,
            unopened: false,
        };
        store.mark_open()?;
        Ok(store)
    }

    /// A blank disk that is opened when it is first used, or [prepared](BlockStore::prepare).
    #[must_use]
    pub fn later(settings: SledSettings) -> Self {
        let fence = Epoch(0);
        Self { settings, base: None, trouble: None, fence, was_clean: true, unopened: true }
    }

    /// A disk that could not be opened: answers [`StoreError::Broken`] until it is wiped.
    #[must_use]
    pub fn broken(settings: SledSettings, why: String) -> Self {
        Self {
            settings,
            base: None,
            trouble: Some(why),
            fence: Epoch(0),
            was_clean: false,
            unopened: false,
        }
    }

    /// The highest epoch that this disk was told \[L2, M4\]; `Epoch(0)` if none.
    #[must_use]
    pub fn fence(&self) -> Epoch {
        self.fence
    }

    /// It was closed in order last time, or is new.
    #[must_use]
    pub fn was_clean(&self) -> bool {
        self.was_clean
    }

    fn mark_open(&mut self) -> Result<(), String> {
        let fence = self.fence;
        let marked = self.with(|base| {
            base.note(fence, false)?;
            base.sync()
        });
        marked.map_err(|_| self.trouble.clone().unwrap_or_default())
    }

    /// Runs `work` on the database, guarded. A failure that is not about one block breaks the disk.
    fn with<T>(
        &mut self,
        work: impl FnOnce(&mut Base) -> sled::Result<T>,
    ) -> Result<T, StoreError> {
        self.prepare();
        let Some(base) = &mut self.base else { return Err(StoreError::Broken) };
        match guarded(|| work(base)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(sled::Error::Corruption { at, .. })) => {
                self.trouble = Some(damaged(&self.settings, &format!("corrupt at {at:?}")));
                Err(StoreError::Media)
            }
            Ok(Err(sled::Error::Io(error))) => {
                let is_full = error.kind() == std::io::ErrorKind::StorageFull;
                let say = if is_full { full } else { damaged };
                // sled keeps the text of an error as Rust prints it for debugging; the kind reads better.
                Err(self.break_with(say(&self.settings, &error.kind().to_string())))
            }
            Ok(Err(error)) => Err(self.break_down(&error.to_string())),
            Err(panic) => Err(self.break_down(&panic)),
        }
    }

    /// The disk does not work any more. What was said first stands: it is nearer to the cause.
    fn break_down(&mut self, why: &str) -> StoreError {
        self.break_with(damaged(&self.settings, why))
    }

    fn break_with(&mut self, text: String) -> StoreError {
        if self.base.is_none() && self.trouble.is_some() {
            return StoreError::Broken;
        }
        tracing::error!(target: "store", "{text}");
        self.trouble = Some(text);
        if let Some(base) = self.base.take() {
            // Closing a damaged database may panic once more.
            let _ = guarded(move || drop(base));
        }
        StoreError::Broken
    }

    fn get(&mut self, at: u64) -> Done {
        let Some(bytes) = self.with(|base| base.get(at))? else {
            return Ok(StoreDone::Got(None));
        };
        let Some(record) = decode(&bytes) else {
            let name = &self.settings.name;
            self.trouble = Some(format!("{name}: block {at} is damaged (wrong check sum)"));
            return Err(StoreError::Media);
        };
        Ok(StoreDone::Got(Some(record)))
    }

    /// The seeded defect: whatever is there, as far as it can be made out.
    fn peek(&mut self, at: u64) -> Done {
        let bytes = self.with(|base| base.get(at))?;
        Ok(StoreDone::Got(bytes.and_then(|bytes| decode_unchecked(&bytes))))
    }

    fn spoil(&mut self, at: u64) -> Done {
        let bytes = self.with(|base| base.get(at))?;
        let damaged = spoil(bytes.as_deref());
        self.with(|base| base.put(&BTreeMap::from([(at, damaged)])))?;
        Ok(StoreDone::Done)
    }

    fn next(&mut self, at: u64) -> Done {
        Ok(StoreDone::Next(self.with(|base| base.next(at))?))
    }

    /// A blank database takes the place of this one; a damaged one is put aside, not deleted.
    fn wipe(&mut self) -> Done {
        self.prepare();
        let was_broken = self.base.is_none();
        let old = self.base.take();
        let _ = guarded(move || drop(old));
        let renewed = set_aside(&self.settings.path, was_broken)
            .map_err(|e| e.to_string())
            .and_then(|()| guarded(|| Base::open(&self.settings)).and_then(|opened| opened));
        match renewed {
            Ok(base) => {
                self.base = Some(base);
                self.trouble = None;
                self.fence = Epoch(0);
                self.mark_open().map_err(|_| StoreError::Broken)?;
                Ok(StoreDone::Done)
            }
            Err(why) => Err(self.break_down(&why)),
        }
    }

    /// Anything but a put, which waits for others ([`BlockStore::execute`]).
    fn perform(&mut self, op: &StoreOp) -> Done {
        match op {
            StoreOp::Get { at } => self.get(*at),
            StoreOp::Next { at } => self.next(*at),
            StoreOp::Peek { at } => self.peek(*at),
            StoreOp::Spoil { at } => self.spoil(*at),
            StoreOp::Put { .. } | StoreOp::Flush => Ok(StoreDone::Done),
            StoreOp::Mark(region) => self.changed(|base| base.note_region(region)),
            StoreOp::Unmark { gone, region } => {
                self.changed(|base| base.forget_regions(|mark| gone.made_in(mark, *region)))
            }
            StoreOp::Marks => {
                let marks = self.with(|base| base.regions())?;
                Ok(StoreDone::Marks(marks.into()))
            }
            StoreOp::Wipe => self.wipe(),
            StoreOp::Fence { epoch } => {
                self.changed(|base| base.note(*epoch, false))?;
                self.fence = *epoch;
                Ok(StoreDone::Done)
            }
        }
    }

    /// What cannot be changed is no disk any more, whatever it can still read.
    fn changed(&mut self, work: impl FnOnce(&mut Base) -> sled::Result<()>) -> Done {
        match self.with(work) {
            Ok(()) => Ok(StoreDone::Done),
            Err(_) => Err(self.break_down("it cannot be written")),
        }
    }

    fn wants_sync(&self, op: &StoreOp) -> bool {
        match op {
            StoreOp::Put { .. }
            | StoreOp::Spoil { .. }
            | StoreOp::Mark(_)
            | StoreOp::Unmark { .. } => self.settings.sync,
            StoreOp::Flush | StoreOp::Wipe | StoreOp::Fence { .. } => true,
            StoreOp::Get { .. } | StoreOp::Peek { .. } | StoreOp::Next { .. } | StoreOp::Marks => {
                false
            }
        }
    }
}

impl BlockStore for SledStore {
    fn prepare(&mut self) {
        if !std::mem::take(&mut self.unopened) {
            return;
        }
        match Self::open(self.settings.clone()) {
            Ok(open) => *self = open,
            Err(why) => self.trouble = Some(why),
        }
    }

    /// Puts in a row are one change of the database.
    fn execute(&mut self, batch: &[StoreOp]) -> Vec<Done> {
        let mut results: Vec<Done> = Vec::with_capacity(batch.len());
        for run in batch.chunk_by(|a, b| is_put(a) && is_put(b)) {
            if !is_put(&run[0]) {
                results.push(self.perform(&run[0]));
                continue;
            }
            let puts = run.iter().filter_map(|op| match op {
                StoreOp::Put { at, record } => Some((*at, encode(record))),
                _ => None,
            });
            // The last of several for one block is the one that stays.
            let puts: BTreeMap<u64, Vec<u8>> = puts.collect();
            let done = self.changed(|base| base.put(&puts));
            results.extend(std::iter::repeat_n(done, run.len()));
        }
        if batch.iter().any(|op| self.wants_sync(op))
            && let Err(error) = self.sync()
        {
            for (op, result) in batch.iter().zip(&mut results) {
                if self.wants_sync(op) {
                    *result = Err(error);
                }
            }
        }
        results
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.with(Base::sync).map_err(|_| StoreError::Broken)
    }

    fn close(&mut self) -> Result<(), StoreError> {
        self.sync()?;
        let fence = self.fence;
        self.with(|base| {
            base.note(fence, true)?;
            base.sync()
        })?;
        let base = self.base.take();
        guarded(move || drop(base)).map_err(|_| StoreError::Broken)
    }

    fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

fn is_put(op: &StoreOp) -> bool {
    matches!(op, StoreOp::Put { .. })
}

fn damaged(settings: &SledSettings, why: &str) -> String {
    let SledSettings { name, path, .. } = settings;
    if settings.is_journal {
        return format!(
            "{name} ({}): {why}\n  hint: its AMF writes through without it; move it away, and a blank one \
             takes its place",
            path.display()
        );
    }
    format!(
        "{name} ({}): {why}\n  hint: `replace {name}` puts a blank disk in its place and refills it \
         from the others; the damaged files are kept beside it as `{name}.damaged-N`",
        path.display()
    )
}

/// A full file system is no damage: what is on the disk is there again once there is room.
fn full(settings: &SledSettings, why: &str) -> String {
    let SledSettings { name, path, .. } = settings;
    let or = if settings.is_journal { String::new() } else { format!(", or `replace {name}`") };
    format!(
        "{name} ({}): {why}\n  hint: make room there and start again on the same folder{or}",
        path.display()
    )
}

/// Makes room for a blank disk. The first free name is taken; at most a thousand are kept.
fn set_aside(path: &Path, keep: bool) -> std::io::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let beside = |n: u32| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".damaged-{n}"));
        path.with_file_name(name)
    };
    let free = (1..1_000).map(beside).find(|aside| !aside.exists());
    let aside = free.ok_or_else(|| std::io::Error::other("a thousand damaged disks are kept"))?;
    fs::rename(path, &aside)?;
    if keep { Ok(()) } else { fs::remove_dir_all(aside) }
}
