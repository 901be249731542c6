//! A disk as a sled database: blocks under 8-byte big-endian numbers, and a small tree about itself.
//!
//! Three things about sled 0.34 shape this file. Its `flush` uses `sync_file_range`, which does not
//! survive a power failure, so the database's file is synced after it. It may panic on a damaged file:
//! every call runs guarded, and a panic turns the disk into a broken one, never the program. And it
//! takes a damaged end of its log for writes that never finished, and forgets them without a word: so
//! each sync is numbered inside the database and, afterwards, in a file beside it (`Base::sync`); a
//! database that knows fewer syncs than that file has lost something.

use super::record::{decode, encode};
use super::{BlockStore, Done};
use crate::protocol::id::Epoch;
use crate::protocol::{StoreDone, StoreError, StoreOp};
use std::cell::Cell;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Version of what is kept below; another one is refused.
const FORMAT: &[u8] = b"amflab disk 1";
/// A database that was just closed may still hold its lock for a moment.
const LOCK_TRIES_MAX: u32 = 200;
const LOCK_PAUSE_MS: u64 = 10;
/// sled's segments: a leaf of 16 blocks must fit a quarter of one, or it goes to a file of its own.
const SEGMENT_BYTES_MIN: usize = 512 << 10;
const SEGMENT_BYTES_MAX: usize = 16 << 20;
const LEAF_BLOCKS: usize = 17;
const ITEMS_PER_SEGMENT: usize = 4;

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

#[derive(Debug)]
struct Base {
    db: sled::Db,
    about: sled::Tree,
    file: File,
    /// Holds the number of the newest sync that is complete.
    syncs: File,
    synced: AtomicU64,
    /// Files beside the database's own may hold large blocks.
    large: bool,
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
        let about = |key: &str| {
            guarded(|| base.about.get(key).map_err(|e| e.to_string()))
                .and_then(|got| got)
                .map_err(|why| damaged(&settings, &why))
        };
        let fence =
            about("fence")?.and_then(|v| Some(u32::from_be_bytes(v.as_ref().try_into().ok()?)));
        let was_clean = about("clean")?.is_some();
        let mut store = Self {
            settings,
            base: Some(base),
            trouble: None,
            fence: Epoch(fence.unwrap_or(0)),
            was_clean,
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
        let geometry = self.settings.geometry.clone();
        let marked = self.with(|base| {
            base.about.insert("format", FORMAT)?;
            base.about.insert("geometry", geometry.as_bytes())?;
            base.about.remove("clean")?;
            base.sync()
        });
        marked.map_err(|_| self.trouble.clone().unwrap_or_default())
    }

    /// Runs `work` on the database, guarded. A failure that is not about one block breaks the disk.
    fn with<T>(&mut self, work: impl FnOnce(&Base) -> sled::Result<T>) -> Result<T, StoreError> {
        self.prepare();
        let Some(base) = &self.base else { return Err(StoreError::Broken) };
        match guarded(|| work(base)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(sled::Error::Corruption { at, .. })) => {
                self.trouble = Some(damaged(&self.settings, &format!("corrupt at {at:?}")));
                Err(StoreError::Media)
            }
            Ok(Err(error)) => Err(self.break_down(&error.to_string())),
            Err(panic) => Err(self.break_down(&panic)),
        }
    }

    fn break_down(&mut self, why: &str) -> StoreError {
        let text = damaged(&self.settings, why);
        tracing::error!(target: "store", "{text}");
        self.trouble = Some(text);
        if let Some(base) = self.base.take() {
            // Closing a damaged database may panic once more.
            let _ = guarded(move || drop(base));
        }
        StoreError::Broken
    }

    fn get(&mut self, at: u64) -> Done {
        let Some(bytes) = self.with(|base| base.db.get(at.to_be_bytes()))? else {
            return Ok(StoreDone::Got(None));
        };
        let Some(record) = decode(&bytes) else {
            let name = &self.settings.name;
            self.trouble = Some(format!("{name}: block {at} is damaged (wrong check sum)"));
            return Err(StoreError::Media);
        };
        Ok(StoreDone::Got(Some(record)))
    }

    fn next(&mut self, at: u64) -> Done {
        let first =
            self.with(|base| base.db.range(at.to_be_bytes()..).keys().next().transpose())?;
        let number = first.and_then(|key| Some(u64::from_be_bytes(key.as_ref().try_into().ok()?)));
        Ok(StoreDone::Next(number))
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

    fn perform(&mut self, op: &StoreOp) -> Done {
        match op {
            StoreOp::Get { at } => self.get(*at),
            StoreOp::Put { at, record } => {
                let bytes = encode(record);
                self.with(|base| base.db.insert(at.to_be_bytes(), bytes))?;
                Ok(StoreDone::Done)
            }
            StoreOp::Next { at } => self.next(*at),
            StoreOp::Flush => Ok(StoreDone::Done),
            StoreOp::Wipe => self.wipe(),
            StoreOp::Fence { epoch } => {
                let bytes = epoch.0.to_be_bytes();
                self.with(|base| base.about.insert("fence", &bytes))?;
                self.fence = *epoch;
                Ok(StoreDone::Done)
            }
        }
    }

    fn wants_sync(&self, op: &StoreOp) -> bool {
        match op {
            StoreOp::Put { .. } => self.settings.sync,
            StoreOp::Flush | StoreOp::Wipe | StoreOp::Fence { .. } => true,
            StoreOp::Get { .. } | StoreOp::Next { .. } => false,
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

    fn execute(&mut self, batch: &[StoreOp]) -> Vec<Done> {
        let mut results: Vec<Done> = batch.iter().map(|op| self.perform(op)).collect();
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
        self.with(|base| {
            base.about.insert("clean", b"1")?;
            base.sync()
        })?;
        let base = self.base.take();
        guarded(move || drop(base)).map_err(|_| StoreError::Broken)
    }

    fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

impl Base {
    fn open(settings: &SledSettings) -> Result<Self, String> {
        fs::create_dir_all(&settings.path).map_err(|e| e.to_string())?;
        let leaf = settings.block_bytes as usize * LEAF_BLOCKS * ITEMS_PER_SEGMENT;
        let segment = leaf.next_power_of_two().clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
        let config = sled::Config::new()
            .path(&settings.path)
            .cache_capacity(settings.cache_bytes)
            .segment_size(segment)
            .flush_every_ms(None);
        let mut tries = 0;
        let db = loop {
            match config.open() {
                Ok(db) => break db,
                Err(sled::Error::Io(error)) if is_locked(&error) && tries < LOCK_TRIES_MAX => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(LOCK_PAUSE_MS));
                }
                Err(error) => return Err(error.to_string()),
            }
        };
        let about = db.open_tree("about").map_err(|e| e.to_string())?;
        check_about(&about, "format", FORMAT)?;
        check_about(&about, "geometry", settings.geometry.as_bytes())?;
        let file = File::open(settings.path.join("db")).map_err(|e| e.to_string())?;
        let (syncs, synced) = check_syncs(&settings.path, &about)?;
        let large = leaf > segment;
        File::open(&settings.path).and_then(|d| d.sync_all()).map_err(|e| e.to_string())?;
        Ok(Self { db, about, file, syncs, synced: AtomicU64::new(synced), large })
    }

    fn sync(&self) -> sled::Result<()> {
        let number = self.synced.load(Ordering::Relaxed) + 1;
        self.about.insert("syncs", &number.to_be_bytes())?;
        self.db.flush()?;
        if self.large {
            rustix::fs::syncfs(&self.file).map_err(std::io::Error::from)?;
        } else {
            self.file.sync_data()?;
        }
        // Not synced itself: after a power failure it may be behind the database, never ahead.
        self.syncs.write_all_at(&number.to_be_bytes(), 0)?;
        self.synced.store(number, Ordering::Relaxed);
        Ok(())
    }
}

/// The file beside the database, and the number of the database's newest sync.
fn check_syncs(path: &Path, about: &sled::Tree) -> Result<(File, u64), String> {
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_be_bytes);
    let inside = about.get("syncs").map_err(|e| e.to_string())?.map_or(0, |bytes| number(&bytes));
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.open(path.join("syncs")).map_err(|e| e.to_string())?;
    let mut bytes = [0; 8];
    let beside = match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => number(&bytes),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
        Err(error) => return Err(error.to_string()),
    };
    if inside < beside {
        return Err(format!("the end of the database is damaged: sync {inside} of {beside}"));
    }
    Ok((file, inside))
}

fn check_about(about: &sled::Tree, key: &str, wanted: &[u8]) -> Result<(), String> {
    match about.get(key).map_err(|e| e.to_string())? {
        Some(found) if found != wanted => Err(format!(
            "its {key} is `{}`, not `{}`",
            String::from_utf8_lossy(&found),
            String::from_utf8_lossy(wanted)
        )),
        Some(_) | None => Ok(()),
    }
}

fn is_locked(error: &std::io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

fn damaged(settings: &SledSettings, why: &str) -> String {
    let SledSettings { name, path, .. } = settings;
    format!(
        "{name} ({}): {why}\n  hint: `replace {name}` puts a blank disk in its place and refills it \
         from its mirror; the damaged files are kept beside it as `{name}.damaged-N`",
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

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic in it becomes its message, and prints nothing.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !is_guarded() {
                others(info);
            }
        }));
    });
    let before = GUARDED.replace(true);
    // What a panic leaves half done is dropped by the caller, who breaks the disk.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    GUARDED.set(before);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        format!("the database gave up: {}", text.unwrap_or_else(|| "no reason given".to_owned()))
    })
}

/// True while this thread is inside a database: a panic there is caught, so a panic hook that tidies
/// up for the end of the program has nothing to do.
#[must_use]
pub fn is_guarded() -> bool {
    GUARDED.get()
}
