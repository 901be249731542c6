//! `kill -9` under load: nothing that was acknowledged is missing afterwards (issue point 8).
//!
//! The victim is this test binary itself, running [`victim`]: hosts write through 4 threads and say on
//! a pipe what they ask and what was answered. What was said can be trusted: it is said before the
//! request, and after the answer. The parent kills it in the middle, again and again, on one folder.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use amflab::check::{ReadChecker, Start};
use amflab::live::{LiveEngine, LiveOptions};
use amflab::profile::{self, Profile};
use amflab::protocol::group::Group;
use amflab::protocol::id::{AmfId, Block, DiskId, Instant, OpId, Version};
use amflab::protocol::parity::{Cell, Row};
use amflab::protocol::{Answer, Data, Payload, Record, RequestKind, Sectors, StoreDone, StoreOp};
use amflab::store::{BlockStore, Folder, StoreFault, open_all};
use amflab::trace::{Action, Ask, Engine};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const KILLS: u32 = 50;
const HOSTS: u32 = 4;
const BLOCKS: u64 = 64;
const FOLDER: &str = "AMFLAB_VICTIM_FOLDER";
const ROUND: &str = "AMFLAB_VICTIM_ROUND";
const LOSSY: &str = "AMFLAB_VICTIM_LOSSY";
const LAYOUT: &str = "AMFLAB_VICTIM_LAYOUT";

/// How the blocks lie on the disks.
const SINGLE: &str = "group.layout=single,group.copies=1,group.disks=1";
const STRIPE: &str = "group.layout=stripe,group.copies=1,group.disks=3";
const MIRROR: &str = "group.layout=mirror";
const RAID5: &str = "group.layout=raid5,group.copies=1,group.disks=4";
const RAID6: &str = "group.layout=raid6,group.copies=1,group.disks=5";

fn profile(layout: &str) -> Profile {
    let sets = ["cache.write=through", "cluster.amfs=3", "volume.size=256KiB"];
    let sets = sets.into_iter().chain(layout.split(',')).map(str::to_owned);
    profile::load("claims", &sets.collect::<Vec<_>>()).unwrap()
}

fn start(layout: &str, folder: &Path, fault: Option<StoreFault>) -> LiveEngine {
    let options = LiveOptions {
        data_dir: Some(folder.to_owned()),
        store_fault: fault,
        ..LiveOptions::default()
    };
    LiveEngine::start(&profile(layout), &options).unwrap()
}

fn block(n: u64) -> Sectors {
    Sectors { first: n * 8, count: 8 }
}

fn write(writer: u32, sequence: u64, n: u64) -> RequestKind {
    RequestKind::Write(block(n), Payload::Stamp { volume: 1, writer, sequence })
}

/// One line, at once: the pipe is what the parent judges by.
fn say(words: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(format!("{words}\n").as_bytes());
    let _ = out.flush();
}

/// Not a test: what the parent kills.
#[test]
#[ignore = "run by the tests of this module, as a process of its own"]
fn victim() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let round: u32 = std::env::var(ROUND).unwrap().parse().unwrap();
    let fault = std::env::var_os(LOSSY).map(|_| StoreFault::LosesLastBatch);
    let layout = std::env::var(LAYOUT).unwrap();
    let engine = start(&layout, Path::new(&folder), fault);
    let hosts: Vec<_> = (0..HOSTS)
        .map(|host| {
            let handle = engine.handle();
            let writer = round * HOSTS + host + 1;
            std::thread::spawn(move || {
                let mut rng = ChaCha8Rng::seed_from_u64(u64::from(writer));
                for sequence in 1.. {
                    let n = rng.random_range(0..BLOCKS);
                    let amf = AmfId(rng.random_range(0..handle.config().amfs));
                    say(&format!("ask {writer} {sequence} {n}"));
                    let kind = write(writer, sequence, n);
                    let answer = handle.request_within(amf, kind, Duration::from_mins(1));
                    match answer.result {
                        Ok(_) => say(&format!("ack {writer} {sequence} {n}")),
                        Err(error) => say(&format!("err {writer} {sequence} {n} {error}")),
                    }
                }
            })
        })
        .collect();
    for host in hosts {
        let _ = host.join();
    }
}

/// What all victims were asked and have answered.
struct Judge {
    checker: ReadChecker,
    open: BTreeMap<(u32, u64), OpId>,
    next: u64,
    /// Counts lines: the order of the pipe is the order of time.
    now: u64,
    acknowledged: u64,
}

impl Judge {
    fn new() -> Self {
        let checker = ReadChecker::new(8, Start::Zero);
        Self { checker, open: BTreeMap::new(), next: 1, now: 0, acknowledged: 0 }
    }

    fn op(&mut self) -> OpId {
        self.next += 1;
        OpId(self.next)
    }

    /// A line of a victim; true if it says that a write is done.
    fn hear(&mut self, line: &str) -> bool {
        let words: Vec<&str> = line.split(' ').collect();
        let [what @ ("ask" | "ack" | "err"), writer, sequence, n, ..] = words[..] else {
            return false;
        };
        self.now += 1;
        let now = Instant(self.now);
        let key: (u32, u64) = (writer.parse().unwrap(), sequence.parse().unwrap());
        if what == "ask" {
            let op = self.op();
            self.open.insert(key, op);
            self.checker.on_start(op, &write(key.0, key.1, n.parse().unwrap()), now);
            return false;
        }
        assert_eq!(what, "ack", "a healthy cluster answers everything: {line}");
        let op = self.open.remove(&key).unwrap();
        let answer = answered(op, &[]);
        assert_eq!(self.checker.on_answer(op, &answer, now), []);
        self.acknowledged += 1;
        true
    }

    /// The victim is dead: what it was asked may have happened or not. How many that were.
    fn bury(&mut self) -> usize {
        let open = std::mem::take(&mut self.open);
        let count = open.len();
        for op in open.into_values() {
            self.checker.on_unknown(op);
        }
        count
    }

    /// Reads every block through the program, then compares the copies, or the data with its parity, in the
    /// stores. What is wrong.
    fn examine(&mut self, layout: &str, folder: &Path, missing: Option<DiskId>) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut engine = start(layout, folder, None);
        let handle = engine.handle();
        for n in 0..BLOCKS {
            let (op, kind) = (self.op(), RequestKind::Read(block(n)));
            self.now += 2;
            self.checker.on_start(op, &kind, Instant(self.now - 1));
            let amf = AmfId(u8::try_from(n % 3).unwrap());
            let answer = handle.request_within(amf, kind, Duration::from_mins(1));
            assert!(answer.result.is_ok(), "block {n}: {answer:?}");
            let found = self.checker.on_answer(op, &answer, Instant(self.now));
            wrong.extend(found.into_iter().map(|violation| violation.text));
        }
        engine.shutdown().unwrap();
        drop(engine);
        wrong.extend(differing_copies(layout, folder, missing));
        wrong
    }
}

fn answered(op: OpId, touched: &[amflab::protocol::Touched]) -> Answer {
    Answer { op, result: Ok(touched.iter().cloned().collect()), broadcasts: 0, saved: 0 }
}

/// Blocks whose copies are not equal and rows whose parity does not fit, read from the stores themselves.
fn differing_copies(layout: &str, folder: &Path, missing: Option<DiskId>) -> Vec<String> {
    let profile = profile(layout);
    let lock = Folder::lock(folder).unwrap();
    let mut opened = open_all(Some(lock), &profile.config, &profile.store, false).unwrap();
    let group = Group::new(&profile.config.group);
    let mut get = |disk: DiskId, at| {
        let store = &mut opened.disks[usize::from(disk.0)].store;
        let mut done = store.execute(&[StoreOp::Get { at }]);
        match done.remove(0) {
            Ok(StoreDone::Got(record)) => record,
            other => panic!("{disk} block {at}: {other:?}"),
        }
    };
    let mut wrong = Vec::new();
    for n in 0..BLOCKS {
        let places = group.places(Block(n));
        let copies: Vec<_> = places.iter().map(|p| get(DiskId(p.slot), p.at)).collect();
        if copies.windows(2).any(|pair| pair[0] != pair[1]) {
            wrong.push(format!("block {n}: copies differ: {copies:?}"));
        }
    }
    for at in (0..group.extent(BLOCKS)).filter(|_| group.has_parity()) {
        let mut row = Row::unknown(group.width(), group.parity());
        for role in group.roles() {
            let disk = DiskId(group.slot_for(at, role));
            if missing == Some(disk) {
                continue;
            }
            let record = get(disk, at);
            let blank = || Record { version: Version::ZERO, data: Data::zero(4096), covers: None };
            let Record { version, data, covers } = record.unwrap_or_else(blank);
            row.set(role, Cell { version, data, covers });
        }
        if !row.unfit(4096).is_empty() {
            wrong.push(format!("row {at}: its parity does not fit: {row:?}"));
        }
    }
    for disk in &mut opened.disks {
        disk.store.close().unwrap();
    }
    wrong
}

/// Starts a victim, kills it after some acknowledgements, hears it out. Writes left unanswered.
fn kill_one(
    layout: &str,
    folder: &Path,
    round: u32,
    acks: u32,
    lossy: bool,
    judge: &mut Judge,
) -> usize {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "live_kill::victim", "--ignored", "--nocapture"]);
    command.env(FOLDER, folder).env(ROUND, round.to_string()).env(LAYOUT, layout);
    if lossy {
        command.env(LOSSY, "1");
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut heard = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).split(b'\n') {
        let line = String::from_utf8(line.unwrap()).unwrap();
        heard += u32::from(judge.hear(&line));
        if heard == acks {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(heard >= acks, "the victim died by itself after {heard} acknowledgements");
    judge.bury()
}

#[test]
fn nothing_acknowledged_is_missing_after_fifty_kills() {
    survives(MIRROR, KILLS);
}

/// Write-back: what was acknowledged is in caches, replicas and journals, and the kill leaves only those.
#[test]
fn nothing_acknowledged_is_missing_after_kills_with_write_back_and_journals() {
    for layout in [SINGLE, STRIPE, MIRROR, RAID5, RAID6] {
        for protocol in ["sharing", "update"] {
            let more = "cache.write=back,journal.enabled=true,cluster.protocol";
            survives(&format!("{layout},{more}={protocol}"), KILLS / 5);
        }
    }
}

#[test]
fn nothing_acknowledged_is_missing_after_kills_with_parity() {
    survives(RAID5, KILLS / 2);
    survives(RAID6, KILLS / 2);
}

/// The same while a disk is missing: what was on it is only in the parity, so a row that a kill left half
/// written has to be finished, and only the journals say how.
#[test]
fn nothing_acknowledged_is_missing_after_kills_with_a_disk_missing_and_journals() {
    for layout in [RAID5, RAID6] {
        let layout = format!("{layout},cache.write=back,journal.enabled=true");
        survives_without(Some(DiskId(1)), &layout, KILLS / 5);
    }
}

/// A disk fails, and every view says so from now on.
fn fail_disk(layout: &str, folder: &Path, disk: DiskId) {
    let mut engine = start(layout, folder, None);
    engine.submit(Action::FailDisk(disk)).unwrap();
    let handle = engine.handle();
    let failed = |engine: &mut LiveEngine| {
        engine.snapshot(&Ask::BRIEF).disks[usize::from(disk.0)].role == "failed"
    };
    while !failed(&mut engine) {
        // Whoever writes to it finds out.
        for n in 0..BLOCKS {
            let zero = RequestKind::Zero(block(n));
            let answer = handle.request_within(AmfId(0), zero, Duration::from_mins(1));
            assert!(answer.result.is_ok(), "block {n}: {answer:?}");
        }
        let flushed = handle.request_within(AmfId(0), RequestKind::Flush, Duration::from_mins(1));
        assert!(flushed.result.is_ok(), "{flushed:?}");
    }
    engine.shutdown().unwrap();
}

fn survives(layout: &str, kills: u32) {
    survives_without(None, layout, kills);
}

fn survives_without(missing: Option<DiskId>, layout: &str, kills: u32) {
    let folder = tempfile::tempdir().unwrap();
    if let Some(disk) = missing {
        fail_disk(layout, folder.path(), disk);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let (mut judge, mut unanswered) = (Judge::new(), 0);
    for round in 0..kills {
        let acks = rng.random_range(1..120);
        let open = kill_one(layout, folder.path(), round, acks, false, &mut judge);
        unanswered += u32::from(open > 0);
        if round % 5 == 4 {
            let wrong = judge.examine(layout, folder.path(), missing);
            assert_eq!(wrong, Vec::<String>::new(), "{layout}: round {round}");
        }
    }
    assert!(unanswered >= kills / 5 * 4, "only {unanswered} kills left writes unanswered");
    assert!(judge.acknowledged > u64::from(kills) * 20, "{}", judge.acknowledged);
    assert_eq!(judge.checker.counts().given_up, 0, "every block was judged");
}

#[test]
fn a_store_that_loses_its_last_batch_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut judge = Judge::new();
    let caught = (0..20).any(|round| {
        kill_one(MIRROR, folder.path(), round, 40, true, &mut judge);
        !judge.examine(MIRROR, folder.path(), None).is_empty()
    });
    assert!(caught, "20 kills of a lossy store went unnoticed");
}
