//! The database of one disk, and the ledger that tells whether it is still whole.
//!
//! sled takes damage in its log for writes that never finished, and forgets what lay behind it without
//! a word. So every change carries, in the same atomic batch, a ledger: how often the disk was changed,
//! how many blocks it has, and a digest over all their headers. When the disk is opened its blocks are
//! counted and digested again, and the number of changes is compared with that in a file beside, which
//! is written after each sync: a database that lost anything is found out, wherever the damage was.

use super::sled::SledSettings;
use crate::protocol::id::{AmfId, Epoch};
use crate::protocol::region::Mark;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
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
/// Where the ledger is; every other key is a block's number, 8 bytes, big-endian, or one of the
/// dirty-region log: region (8 bytes), owner (1), when it joined (4), so that they are in order.
const LEDGER: &[u8] = b"ledger";
const LEDGER_BYTES: usize = 29;
const BLOCK_KEY: usize = 8;
const REGION_KEY: usize = 13;
/// The part of a block's record that is digested: version, check sum, length.
const DIGESTED_BYTES: usize = 22;

/// An open database.
#[derive(Debug)]
pub(super) struct Base {
    db: sled::Db,
    file: File,
    /// Holds the number of changes up to the newest complete sync.
    beside: File,
    ledger: Ledger,
    /// Files beside the database's own may hold large blocks.
    large: bool,
}

/// What a disk knows about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    changes: u64,
    blocks: u64,
    /// Sum of the marks of all blocks: the order in which they were written does not matter.
    digest: u64,
    /// The highest epoch that the disk was told \[L2, M4\].
    pub(super) fence: Epoch,
    /// It was closed in order.
    pub(super) clean: bool,
}

impl Ledger {
    fn to_bytes(self) -> [u8; LEDGER_BYTES] {
        let mut bytes = [0; LEDGER_BYTES];
        bytes[..8].copy_from_slice(&self.changes.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.blocks.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.digest.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.fence.0.to_le_bytes());
        bytes[28] = u8::from(self.clean);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LEDGER_BYTES] = bytes.try_into().ok()?;
        let number = |from: usize| Some(u64::from_le_bytes(bytes[from..from + 8].try_into().ok()?));
        Some(Self {
            changes: number(0)?,
            blocks: number(8)?,
            digest: number(16)?,
            fence: Epoch(u32::from_le_bytes(bytes[24..28].try_into().ok()?)),
            clean: bytes[28] != 0,
        })
    }
}

/// A block's part of the digest.
fn mark(at: &[u8], record: &[u8]) -> u64 {
    let head = record.get(..DIGESTED_BYTES).unwrap_or(record);
    let mut mixed = 0x9E37_79B9_7F4A_7C15_u64;
    for chunk in at.chunks(8).chain(head.chunks(8)) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        mixed = (mixed ^ u64::from_le_bytes(word)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^= mixed >> 31;
    }
    mixed
}

impl Base {
    /// Opens the database, or makes a blank one, and looks at all of it.
    pub(super) fn open(settings: &SledSettings) -> Result<Self, String> {
        let text = |error: &dyn ToString| error.to_string();
        fs::create_dir_all(&settings.path).map_err(|e| text(&e))?;
        let leaf = settings.block_bytes as usize * LEAF_BLOCKS * ITEMS_PER_SEGMENT;
        let segment = leaf.next_power_of_two().clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
        let segment = made_with(&settings.path).unwrap_or(segment);
        let db = open_db(settings, segment)?;
        let file = File::open(settings.path.join("db")).map_err(|e| text(&e))?;
        let (beside, changes) = open_beside(&settings.path)?;
        let ledger = verify(&db, changes)?;
        check_about(&db, settings, ledger.changes > 0)?;
        File::open(&settings.path).and_then(|d| d.sync_all()).map_err(|e| text(&e))?;
        Ok(Self { db, file, beside, ledger, large: leaf > segment })
    }

    pub(super) fn ledger(&self) -> Ledger {
        self.ledger
    }

    pub(super) fn get(&self, at: u64) -> sled::Result<Option<sled::IVec>> {
        self.db.get(at.to_be_bytes())
    }

    /// The lowest block from `at` on.
    pub(super) fn next(&self, at: u64) -> sled::Result<Option<u64>> {
        for key in self.db.range(at.to_be_bytes()..).keys() {
            if let Ok(number) = key?.as_ref().try_into() {
                return Ok(Some(u64::from_be_bytes(number)));
            }
        }
        Ok(None)
    }

    /// Writes blocks, all or none of them, with the ledger that belongs to them.
    pub(super) fn put(&mut self, blocks: &BTreeMap<u64, Vec<u8>>) -> sled::Result<()> {
        let mut ledger = self.ledger;
        let mut batch = sled::Batch::default();
        for (at, record) in blocks {
            let key = at.to_be_bytes();
            match self.db.get(key)? {
                Some(old) => ledger.digest = ledger.digest.wrapping_sub(mark(&key, &old)),
                None => ledger.blocks += 1,
            }
            ledger.digest = ledger.digest.wrapping_add(mark(&key, record));
            batch.insert(&key, record.as_slice());
        }
        self.apply(batch, ledger)
    }

    /// Notes a region.
    pub(super) fn note_region(&mut self, region: &Mark) -> sled::Result<()> {
        let key = region_key(region);
        if self.db.contains_key(key)? {
            return Ok(());
        }
        let mut ledger = self.ledger;
        ledger.blocks += 1;
        ledger.digest = ledger.digest.wrapping_add(mark(&key, &[]));
        let mut batch = sled::Batch::default();
        batch.insert(&key, &[]);
        self.apply(batch, ledger)
    }

    /// Forgets the regions that `these` names.
    pub(super) fn forget_regions(&mut self, these: impl Fn(&Mark) -> bool) -> sled::Result<()> {
        let mut ledger = self.ledger;
        let mut batch = sled::Batch::default();
        for region in self.regions()?.iter().filter(|region| these(region)) {
            let key = region_key(region);
            ledger.blocks -= 1;
            ledger.digest = ledger.digest.wrapping_sub(mark(&key, &[]));
            batch.remove(&key);
        }
        if ledger.blocks == self.ledger.blocks { Ok(()) } else { self.apply(batch, ledger) }
    }

    /// Every region that is noted. Looks at all keys: rarely asked.
    pub(super) fn regions(&self) -> sled::Result<Vec<Mark>> {
        let mut all = Vec::new();
        for key in self.db.iter().keys() {
            all.extend(region_of_key(&key?));
        }
        Ok(all)
    }

    /// Changes what the disk knows about itself.
    pub(super) fn note(&mut self, fence: Epoch, clean: bool) -> sled::Result<()> {
        let ledger = Ledger { fence, clean, ..self.ledger };
        self.apply(sled::Batch::default(), ledger)
    }

    fn apply(&mut self, mut batch: sled::Batch, mut ledger: Ledger) -> sled::Result<()> {
        ledger.changes += 1;
        batch.insert(LEDGER, &ledger.to_bytes());
        self.db.apply_batch(batch)?;
        self.ledger = ledger;
        Ok(())
    }

    /// Makes everything so far durable.
    pub(super) fn sync(&mut self) -> sled::Result<()> {
        self.db.flush()?;
        if self.large {
            rustix::fs::syncfs(&self.file).map_err(std::io::Error::from)?;
        } else {
            self.file.sync_data()?;
        }
        // Not synced itself: after a power failure it may be behind the database, never ahead.
        self.beside.write_all_at(&self.ledger.changes.to_le_bytes(), 0)?;
        Ok(())
    }
}

fn region_key(region: &Mark) -> [u8; REGION_KEY] {
    let mut key = [0; REGION_KEY];
    key[..8].copy_from_slice(&region.region.to_be_bytes());
    key[8] = region.owner.0;
    key[9..].copy_from_slice(&region.joined.0.to_be_bytes());
    key
}

fn region_of_key(key: &[u8]) -> Option<Mark> {
    let key: &[u8; REGION_KEY] = key.try_into().ok()?;
    let region = u64::from_be_bytes(key[..8].try_into().ok()?);
    let joined = u32::from_be_bytes(key[9..].try_into().ok()?);
    Some(Mark { region, owner: AmfId(key[8]), joined: Epoch(joined) })
}

/// The size of segments that a database was made with, which it keeps: a journal of before there were intents
/// has smaller ones.
fn made_with(path: &Path) -> Option<usize> {
    let about = fs::read_to_string(path.join("conf")).ok()?;
    about.lines().find_map(|line| line.strip_prefix("segment_size: "))?.trim().parse().ok()
}

fn open_db(settings: &SledSettings, segment: usize) -> Result<sled::Db, String> {
    let config = sled::Config::new()
        .path(&settings.path)
        .cache_capacity(settings.cache_bytes)
        .segment_size(segment)
        .flush_every_ms(None);
    let mut tries = 0;
    loop {
        match config.open() {
            Ok(db) => return Ok(db),
            Err(sled::Error::Io(error)) if is_locked(&error) && tries < LOCK_TRIES_MAX => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(LOCK_PAUSE_MS));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn is_locked(error: &std::io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

/// The file beside the database, and the number of changes that were synced.
fn open_beside(path: &Path) -> Result<(File, u64), String> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.open(path.join("synced")).map_err(|e| e.to_string())?;
    let mut bytes = [0; 8];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => Ok((file, u64::from_le_bytes(bytes))),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok((file, 0)),
        Err(error) => Err(error.to_string()),
    }
}

/// Counts and digests every block.
fn verify(db: &sled::Db, synced: u64) -> Result<Ledger, String> {
    let (mut blocks, mut digest, mut ledger) = (0, 0u64, None);
    for entry in db.iter() {
        let (key, value) = entry.map_err(|e| e.to_string())?;
        if key.len() == BLOCK_KEY || key.len() == REGION_KEY {
            blocks += 1;
            digest = digest.wrapping_add(mark(&key, &value));
        } else if key == LEDGER {
            ledger = Ledger::from_bytes(&value);
        }
    }
    let ledger = match ledger {
        Some(ledger) => ledger,
        None if blocks == 0 => Ledger { clean: true, ..Ledger::default() },
        None => return Err("it is damaged: its ledger is gone".to_owned()),
    };
    if ledger.changes < synced {
        let lost = synced - ledger.changes;
        return Err(format!("it is damaged: its last {lost} changes are gone"));
    }
    if (ledger.blocks, ledger.digest) != (blocks, digest) {
        return Err(format!(
            "it is damaged: {blocks} blocks of {} are there, or older ones",
            ledger.blocks
        ));
    }
    Ok(ledger)
}

/// The disk is of this format, and belongs to this cluster.
fn check_about(db: &sled::Db, settings: &SledSettings, is_used: bool) -> Result<(), String> {
    let about = db.open_tree("about").map_err(|e| e.to_string())?;
    for (key, wanted) in [("format", FORMAT), ("geometry", settings.geometry.as_bytes())] {
        match about.get(key).map_err(|e| e.to_string())? {
            Some(found) if found == wanted => {}
            Some(found) => {
                let (found, wanted) =
                    (String::from_utf8_lossy(&found), String::from_utf8_lossy(wanted));
                return Err(format!("its {key} is `{found}`, not `{wanted}`"));
            }
            None if is_used => return Err(format!("it is damaged: its {key} is gone")),
            None => {
                about.insert(key, wanted).map_err(|e| e.to_string())?;
            }
        }
    }
    Ok(())
}
