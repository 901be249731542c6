//! Disks: what is put is got, in order, across restarts, and damage is said and not shown as data.

#![expect(clippy::unwrap_used, clippy::unnecessary_wraps, reason = "tests: what is compared with")]

use amflab::profile::{Durability, StoreEngine, StoreSpec};
use amflab::protocol::config::{GroupConfig, Layout};
use amflab::protocol::id::{AmfId, DiskId, Epoch, Span, Version};
use amflab::protocol::region::{Gone, Mark};
use amflab::protocol::{
    Config, Data, Protocol, Record, Stamp, StoreDone, StoreError, StoreOp, WritePolicy,
};
use amflab::store::{
    BlockStore, Disks, Faulty, Folder, MemoryStore, OpenError, StoreFault, Worker, open_all,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

fn config() -> Config {
    Config {
        amfs: 2,
        protocol: Protocol::Broadcast,
        replicas: 1,
        lines: 8,
        write: WritePolicy::Through,
        dirty_high: 4,
        destage_age: None,
        floor_slots: 16,
        blocks: 64,
        block_size: 4096,
        access: amflab::protocol::id::AmfSet::EMPTY,
        group: GroupConfig { layout: Layout::Mirror, disks: 2, spares: 1, copies: 2, chunk: 4 },
        lease: Span::secs(2),
        renew: Span::millis(500),
        suspect_after: Span::secs(1),
        retry: Span::millis(20),
        journal: false,
        dirty_log: true,
        region_blocks: 256,
        defect: None,
    }
}

const SPEC: StoreSpec = StoreSpec {
    durability: Durability::Sync,
    engine: StoreEngine::Sled,
    cache_bytes: 1 << 20,
    disk_time: Span(0),
    journal_time: Span(0),
    tears: false,
};

fn record(n: u64) -> Record {
    let data = match n % 3 {
        0 => Data::zero(4096),
        1 => Data::stamped(Stamp { volume: 1, writer: 7, sector: n * 8, sequence: n }, 8),
        _ => Data::from_bytes(&[u8::try_from(n % 251).unwrap() + 1; 4096]),
    };
    let version = Version { epoch: Epoch(1), clock: n, amf: AmfId(1) };
    Record { version, data, covers: None }
}

fn put(at: u64, n: u64) -> StoreOp {
    StoreOp::Put { at, record: record(n) }
}

fn got(n: u64) -> Result<StoreDone, StoreError> {
    Ok(StoreDone::Got(Some(record(n))))
}

fn open(path: &Path) -> Disks {
    open_all(Some(Folder::lock(path).unwrap()), &config(), &SPEC, false).unwrap()
}

/// What every store must do, on a blank one.
fn behaves(store: &mut dyn BlockStore) {
    let batch: Vec<StoreOp> = (0..40).map(|n| put(n * 3, n)).collect();
    assert!(store.execute(&batch).iter().all(|done| *done == Ok(StoreDone::Done)));
    let again =
        store.execute(&[put(6, 90), StoreOp::Get { at: 6 }, put(6, 91), StoreOp::Get { at: 6 }]);
    assert_eq!((&again[1], &again[3]), (&got(90), &got(91)), "a batch is performed in order");
    for n in (0..40).filter(|n| *n != 2) {
        assert_eq!(store.execute(&[StoreOp::Get { at: n * 3 }]), [got(n)]);
    }
    assert_eq!(store.execute(&[StoreOp::Get { at: 1 }]), [Ok(StoreDone::Got(None))]);
    let next = |store: &mut dyn BlockStore, at| store.execute(&[StoreOp::Next { at }]).remove(0);
    assert_eq!(next(store, 0), Ok(StoreDone::Next(Some(0))));
    assert_eq!(next(store, 7), Ok(StoreDone::Next(Some(9))));
    assert_eq!(next(store, 118), Ok(StoreDone::Next(None)));
    let wiped = store.execute(&[StoreOp::Wipe, StoreOp::Get { at: 9 }, put(5, 5), StoreOp::Flush]);
    assert_eq!(wiped[1], Ok(StoreDone::Got(None)));
    assert_eq!(next(store, 0), Ok(StoreDone::Next(Some(5))));
    assert_eq!(store.trouble(), None);
}

#[test]
fn every_store_behaves() {
    let dir = tempfile::tempdir().unwrap();
    behaves(&mut MemoryStore::default());
    behaves(&mut Faulty::new(MemoryStore::default(), StoreFault::LosesLastBatch));
    behaves(&mut open(dir.path()).disks[0].store);
}

fn marks(store: &mut dyn BlockStore) -> Vec<(u64, u8, u32)> {
    match store.execute(&[StoreOp::Marks]).remove(0) {
        Ok(StoreDone::Marks(marks)) => {
            marks.iter().map(|mark| (mark.region, mark.owner.0, mark.joined.0)).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// Three marks of two AMFs beside a block; then one region's go, and those of an incarnation.
fn keeps_marks(store: &mut dyn BlockStore) {
    let mark = |region, owner, joined| {
        StoreOp::Mark(Mark { region, owner: AmfId(owner), joined: Epoch(joined) })
    };
    let batch = [mark(7, 1, 3), put(7, 70), mark(2, 0, 3), mark(2, 1, 9), mark(2, 0, 3)];
    assert!(store.execute(&batch).iter().all(Result::is_ok));
    assert_eq!(marks(store), [(2, 0, 3), (2, 1, 9), (7, 1, 3)]);
    assert_eq!(store.execute(&[StoreOp::Next { at: 0 }]), [Ok(StoreDone::Next(Some(7)))]);
    let gone = |first, last| Gone {
        for_good: false,
        owner: AmfId(1),
        first: Epoch(first),
        last: Epoch(last),
        left: Epoch(last),
        lost: false,
    };
    store.execute(&[StoreOp::Unmark { gone: gone(1, 9), region: Some(7) }]);
    assert_eq!(marks(store), [(2, 0, 3), (2, 1, 9)]);
    store.execute(&[StoreOp::Unmark { gone: gone(1, 8), region: None }]);
    assert_eq!(marks(store), [(2, 0, 3), (2, 1, 9)], "it joined later");
}

#[test]
fn the_dirty_region_log_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    keeps_marks(&mut MemoryStore::default());
    keeps_marks(&mut Faulty::new(MemoryStore::default(), StoreFault::LosesLastBatch));
    keeps_marks(&mut open(dir.path()).disks[0].store);
    let mut again = open(dir.path());
    assert_eq!(again.disks[0].trouble, None);
    let store = &mut again.disks[0].store;
    assert_eq!(marks(store), [(2, 0, 3), (2, 1, 9)], "after a drop");
    assert_eq!(store.execute(&[StoreOp::Get { at: 7 }]), [got(70)]);
    store.execute(&[StoreOp::Wipe]);
    assert_eq!(marks(store), []);
}

#[test]
fn what_was_answered_is_there_after_a_drop_and_after_a_close() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..4u64 {
        let mut disks = open(dir.path());
        for (disk, open) in disks.disks.iter_mut().enumerate() {
            assert_eq!(open.trouble, None);
            assert_eq!(open.clean, round % 2 == 0, "round {round}");
            assert_eq!(open.fence, Epoch(u32::try_from(round).unwrap()));
            for n in 0..round * 50 {
                let expect = n + disk as u64;
                assert_eq!(open.store.execute(&[StoreOp::Get { at: n }]), [got(expect)]);
            }
            let batch: Vec<StoreOp> =
                (0..50).map(|n| put(round * 50 + n, round * 50 + n + disk as u64)).collect();
            open.store.execute(&batch);
            let epoch = Epoch(u32::try_from(round).unwrap() + 1);
            open.store.execute(&[StoreOp::Fence { epoch }]);
            if round % 2 == 1 {
                open.store.close().unwrap();
            }
        }
    }
}

#[test]
fn a_second_user_of_a_folder_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let first = Folder::lock(dir.path()).unwrap();
    let refused = Folder::lock(dir.path()).unwrap_err();
    let text = refused.to_string();
    assert!(
        matches!(refused, OpenError::InUse { owner: Some(pid), .. } if pid == std::process::id())
    );
    assert!(
        text.contains(&dir.path().display().to_string()) && text.contains("--data-dir"),
        "{text}"
    );
    drop(first);
    Folder::lock(dir.path()).unwrap();
}

#[test]
fn disks_of_another_cluster_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let mut other = config();
    other.group.chunk = 8;
    let refused =
        open_all(Some(Folder::lock(dir.path()).unwrap()), &other, &SPEC, false).err().unwrap();
    let text = refused.to_string();
    assert!(text.contains("chunk 4") && text.contains("chunk 8"), "{text}");
    let mut grown = config();
    grown.blocks = 1 << 20;
    assert!(open_all(Some(Folder::lock(dir.path()).unwrap()), &grown, &SPEC, false).is_ok());
}

/// Fills a folder's disks with 400 blocks each and closes them.
fn filled(path: &Path) {
    let mut disks = open(path);
    for disk in &mut disks.disks {
        for start in (0..400).step_by(50) {
            let batch: Vec<StoreOp> = (start..start + 50).map(|n| put(n, n)).collect();
            disk.store.execute(&batch);
        }
        disk.store.close().unwrap();
    }
}

/// Every file of a disk, with its bytes; the blobs folder is empty with blocks of this size.
fn files(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|p| p.is_file()).map(|p| (p.clone(), std::fs::read(p).unwrap())).collect()
}

/// Damaged files may make a disk useless or some of its blocks unreadable, but never make it forget or
/// invent a block, and never end the program. The other disks serve.
#[test]
fn damage_is_an_error_and_never_old_or_other_data() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let whole = files(&dir.path().join("disk1"));
    let file = dir.path().join("disk1").join("db");
    let length = whole[&file].len();
    let step = length / 61;
    let mut noticed = 0;
    for (round, from) in (0..length - 600).step_by(step).enumerate() {
        std::fs::remove_dir_all(dir.path().join("disk1")).unwrap();
        std::fs::create_dir(dir.path().join("disk1")).unwrap();
        for (path, bytes) in &whole {
            std::fs::write(path, bytes).unwrap();
        }
        let mut bytes = whole[&file].clone();
        match round % 3 {
            0 => bytes[from..from + 600].fill(0xa5),
            1 => bytes[from + 300] ^= 0x10,
            _ => bytes.truncate(from),
        }
        std::fs::write(&file, bytes).unwrap();
        let mut disks = open(dir.path());
        assert_eq!(disks.disks[0].store.execute(&[StoreOp::Get { at: 70 }]), [got(70)]);
        let disk = &mut disks.disks[1];
        let mut bad = 0;
        for n in 0..400 {
            match disk.store.execute(&[StoreOp::Get { at: n }]).remove(0) {
                Err(_) => bad += 1,
                done => assert_eq!(done, got(n), "round {round} at {from}: block {n}"),
            }
        }
        let text = disk.trouble.as_deref().or(disk.store.trouble()).map(str::to_owned);
        if bad > 0 {
            noticed += 1;
            let text = text.unwrap();
            assert!(text.contains("disk1"), "{text}");
        }
    }
    assert!(noticed > 5, "only {noticed} rounds of damage were noticed");
}

#[test]
fn a_damaged_disk_is_put_aside_when_it_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    std::fs::write(dir.path().join("disk1").join("conf"), b"no settings of any database").unwrap();
    let mut disks = open(dir.path());
    let disk = &mut disks.disks[1];
    let why = disk.trouble.clone().unwrap();
    assert!(why.contains("disk1") && why.contains("hint: `replace disk1`"), "{why}");
    assert_eq!(disk.store.execute(&[StoreOp::Get { at: 0 }]), [Err(StoreError::Broken)]);
    assert_eq!(
        disk.store.execute(&[StoreOp::Wipe, put(1, 1)]),
        [Ok(StoreDone::Done), Ok(StoreDone::Done)]
    );
    assert!(dir.path().join("disk1.damaged-1").join("db").exists());
    drop(disks);
    let mut disks = open(dir.path());
    assert_eq!(disks.disks[1].store.execute(&[StoreOp::Get { at: 1 }]), [got(1)]);
    assert_eq!(disks.disks[1].trouble, None);
}

#[test]
fn a_missing_disk_is_no_blank_disk() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    std::fs::remove_dir_all(dir.path().join(DiskId(0).to_string())).unwrap();
    let mut disks = open(dir.path());
    assert!(disks.disks[0].trouble.as_deref().unwrap().contains("disk0 is missing"));
    assert_eq!(disks.disks[0].store.execute(&[StoreOp::Get { at: 0 }]), [Err(StoreError::Broken)]);
    assert_eq!(disks.disks[1].store.execute(&[StoreOp::Get { at: 0 }]), [got(0)]);
}

#[test]
fn a_worker_answers_in_order_and_batches_what_waits() {
    let (send, receive) = mpsc::channel();
    let slow =
        Faulty::new(MemoryStore::default(), StoreFault::Slow(std::time::Duration::from_millis(2)));
    let worker = Worker::spawn("disk0".into(), slow, None, move |results| {
        send.send(results).unwrap();
    })
    .unwrap();
    for n in 0..300 {
        worker.give(put(n, n));
        worker.give(StoreOp::Get { at: n });
    }
    worker.close().unwrap();
    let batches: Vec<_> = receive.iter().collect();
    assert!(batches.len() < 300, "{} batches for 600 operations", batches.len());
    for (index, done) in batches.into_iter().flatten().enumerate() {
        let n = index as u64 / 2;
        assert_eq!(done, if index % 2 == 0 { Ok(StoreDone::Done) } else { got(n) });
    }
}

#[test]
fn the_store_that_loses_its_last_batch_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut disks = open(dir.path());
    let inner = disks.disks.remove(0).store;
    let mut lossy = Faulty::new(inner, StoreFault::LosesLastBatch);
    lossy.execute(&[put(1, 1), put(2, 2)]);
    lossy.execute(&[put(3, 3)]);
    assert_eq!(lossy.execute(&[StoreOp::Get { at: 3 }]), [got(3)], "it claims to have it");
    drop((lossy, disks));
    let mut disks = open(dir.path());
    let store = &mut disks.disks[0].store;
    assert_eq!(store.execute(&[StoreOp::Get { at: 2 }]), [got(2)]);
    assert_eq!(store.execute(&[StoreOp::Get { at: 3 }]), [Ok(StoreDone::Got(None))]);
}

#[test]
fn torn_writes_and_read_errors_are_media_errors() {
    let mut torn = Faulty::new(MemoryStore::default(), StoreFault::Torn { every: 2 });
    torn.execute(&[put(1, 2), put(2, 2)]);
    assert_eq!(torn.execute(&[StoreOp::Get { at: 1 }]), [got(2)]);
    assert_eq!(torn.execute(&[StoreOp::Get { at: 2 }]), [Err(StoreError::Media)]);
    let mut deaf = Faulty::new(MemoryStore::default(), StoreFault::ReadErrors { every: 1 });
    deaf.execute(&[put(1, 1)]);
    assert_eq!(deaf.execute(&[StoreOp::Get { at: 1 }]), [Err(StoreError::Media)]);
}
