//! The machine: room and speed of the disk, the store, the clock, limits.

use super::{Finding, State};
use crate::live::{LiveEngine, LiveOptions};
use crate::profile;
use crate::protocol::id::{AmfId, Block};
use crate::protocol::{Payload, RequestKind, Sectors};
use crate::trace::Engine;
use bytesize::ByteSize;
use rustix::process::Resource;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Less room than this is not enough for a demo.
const ROOM_BAD: u64 = 64 << 20;
/// Less room than this goes quickly.
const ROOM_WARN: u64 = 1 << 30;
/// A sync that takes longer makes durable writes slow.
const SYNC_SLOW: Duration = Duration::from_millis(50);
/// A sleep of [`NAP`] that takes longer: leases of two seconds may run out by themselves.
const NAP_SLOW: Duration = Duration::from_millis(300);
const NAP: Duration = Duration::from_millis(10);
/// Files that the demo has open at once, with room to spare.
const FILES_MIN: u64 = 256;

pub(super) fn findings() -> Vec<Finding> {
    vec![folder(), sync(), store(), clock(), files(), cores()]
}

fn temporary() -> PathBuf {
    std::env::temp_dir()
}

/// Where the disks of a run without `--data-dir` go.
fn folder() -> Finding {
    let what = "data folder";
    let folder = temporary();
    let name = folder.display();
    let elsewhere = "TMPDIR names another folder, --data-dir another for one run";
    if let Err(error) = tempfile::tempdir() {
        return Finding::new(what, State::Bad, format!("{name}: {error}")).advise(elsewhere);
    }
    let Ok(about) = rustix::fs::statvfs(&folder) else {
        return Finding::new(what, State::Note, format!("{name}, of unknown size"));
    };
    let room = about.f_bavail.saturating_mul(about.f_frsize);
    let text = format!("{name}: {} free", ByteSize(room));
    match room {
        0..ROOM_BAD => Finding::new(what, State::Bad, text).advise(elsewhere),
        ROOM_BAD..ROOM_WARN => Finding::new(what, State::Warn, text).advise(elsewhere),
        _ => Finding::new(what, State::Ok, text),
    }
}

/// Whether what is written can be made durable, and how long that takes.
fn sync() -> Finding {
    let what = "fsync";
    match timed_sync() {
        Ok(took) if took < SYNC_SLOW => {
            Finding::new(what, State::Ok, format!("4 KiB are safe within {} us", took.as_micros()))
        }
        Ok(took) => {
            let text = format!("4 KiB are safe only after {} ms", took.as_millis());
            let advice = "durable writes will be slow: `--set store.durability=none`, or another \
                          folder";
            Finding::new(what, State::Warn, text).advise(advice)
        }
        Err(error) => Finding::new(what, State::Bad, error.to_string())
            .advise("--data-dir names a folder on a file system that has it"),
    }
}

/// The median of some.
fn timed_sync() -> std::io::Result<Duration> {
    let mut file = tempfile::tempfile()?;
    let mut times = Vec::new();
    for _ in 0..5 {
        file.write_all(&[0x5a; 4_096])?;
        let start = Instant::now();
        file.sync_data()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

/// Writes a block through a small live cluster to its sled disks, and reads it back.
fn store() -> Finding {
    match try_store() {
        Ok(()) => {
            let text = "a cluster of sled disks was made, written, flushed and read";
            Finding::new("store", State::Ok, text)
        }
        Err(why) => Finding::new("store", State::Bad, why)
            .advise("look at the data folder above; `--engine sim` needs no disk"),
    }
}

fn try_store() -> Result<(), String> {
    let sets = ["cache.write=through".to_owned()];
    let profile = profile::load("claims", &sets).map_err(|error| error.to_string())?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let data_dir = Some(folder.path().to_owned());
    let options = LiveOptions { data_dir, ..LiveOptions::default() };
    let mut engine = LiveEngine::start(&profile, &options).map_err(|error| error.to_string())?;
    let sectors = Sectors::of_blocks(Block(0), 1, profile.config.sectors_per_block());
    let stamp = Payload::Stamp { volume: 0, writer: 1, sequence: 1 };
    let host = engine.handle();
    for kind in [RequestKind::Write(sectors, stamp), RequestKind::Flush, RequestKind::Read(sectors)]
    {
        let name = kind.name();
        let answer = host.request(AmfId(0), kind);
        answer.result.map_err(|error| format!("a {name} ended in `{error}`"))?;
    }
    engine.shutdown().map_err(|error| error.to_string())
}

/// Whether the clock goes on evenly enough for leases.
fn clock() -> Finding {
    let start = Instant::now();
    std::thread::sleep(NAP);
    let took = start.elapsed();
    let text = format!("a sleep of {} ms took {}.{:03} ms", NAP.as_millis(), took.as_millis(), {
        took.subsec_micros() % 1_000
    });
    if took > NAP_SLOW {
        let advice = "the machine is busy: raise timing.lease_ms, or use `--engine sim`";
        return Finding::new("clock", State::Warn, text).advise(advice);
    }
    Finding::new("clock", State::Ok, text)
}

fn files() -> Finding {
    let what = "open files";
    match rustix::process::getrlimit(Resource::Nofile).current {
        None => Finding::new(what, State::Ok, "no limit"),
        Some(most) if most >= FILES_MIN => Finding::new(what, State::Ok, format!("at most {most}")),
        Some(most) => Finding::new(what, State::Warn, format!("at most {most}"))
            .advise(format!("`ulimit -n {FILES_MIN}` or more, for many disks")),
    }
}

fn cores() -> Finding {
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let text = if count == 1 { "1 core".to_owned() } else { format!("{count} cores") };
    Finding::new("processor", State::Note, text)
}
