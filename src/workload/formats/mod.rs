//! Block traces, read as a stream: bytes in, [`TraceRequest`]s out, whatever the format.
//!
//! - [`unpack`] takes gzip, xz and zstd off; [`mod@line`] bounds what is read at once;
//! - [`detect`] recognises a format by its first bytes; [`parser`] has the two traits of formats;
//! - [`fio`], [`disksim`], [`msr`], [`spc`], [`cloud`], [`blkparse`], [`jsonl`], [`vscsi`] and
//!   [`oracle`] understand one line or record each, and nothing else; `text` is what they share;
//! - [`reader`] does what they have in common: sectors, splitting, times, errors, counting.
//!
//! `docs/TRACES.md` has each format with an example.
//!
//! Requests are kept to the sector. A byte offset or length that is no multiple of 512 is widened
//! outward to whole sectors and counted ([`TraceCounts::unaligned`]): hosts address sectors, and a
//! narrower request would touch less than the recorded one did.

pub mod blkparse;
pub mod cloud;
pub mod detect;
pub mod disksim;
pub mod fio;
pub mod jsonl;
pub mod line;
pub mod msr;
pub mod oracle;
pub mod parser;
pub mod reader;
pub mod spc;
mod text;
pub mod unpack;
pub mod vscsi;

use crate::protocol::Many;
use crate::protocol::id::{Instant, Span};
use core::fmt;
use core::str::FromStr;

pub use blkparse::Event;
pub use reader::{TraceReader, open};
pub use unpack::Packing;

/// Most devices (files, disks) in one trace.
pub const DEVICES_MAX: u32 = 65_536;
/// Most sectors of one device: 2^53 of them are 4 EiB, and sums of devices still fit 64 bits.
pub const DEVICE_SECTORS_MAX: u64 = 1 << 53;
/// Most sectors in one recorded request (4 GiB); more is taken for a damaged record.
pub const TRACE_SECTORS_MAX: u64 = 1 << 23;
/// Messages about skipped lines that are kept.
pub const BAD_KEPT_MAX: usize = 10;

/// What a trace's request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TraceOp {
    /// Reads sectors.
    Read,
    /// Writes sectors.
    Write,
    /// Discards sectors: replayed as a write of zeroes.
    Trim,
    /// Makes what was written durable.
    Flush,
}

/// One request of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceRequest {
    /// When, counted from the first request; `None` if the format has no times.
    pub at: Option<Instant>,
    /// Who asked, numbered in order of appearance; `None` if the format does not say.
    pub host: Option<u32>,
    /// Which device, numbered as the format does or in order of appearance.
    pub device: u32,
    /// What.
    pub op: TraceOp,
    /// First sector (512 bytes) on the device; 0 for a flush.
    pub first: u64,
    /// Sectors, 1 to `REQUEST_SECTORS_MAX`; 0 for a flush.
    pub sectors: u32,
    /// A further piece of a recorded request that was too large for one.
    pub continued: bool,
}

/// A trace's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Recognised by the first bytes.
    #[default]
    Auto,
    /// fio iolog, version 2 or 3.
    Fio,
    /// DiskSim ASCII.
    DiskSim,
    /// MSR Cambridge CSV.
    Msr,
    /// vscsi, version 1 or 2.
    Vscsi,
    /// SPC.
    Spc,
    /// The text of blkparse.
    Blkparse,
    /// Alibaba's block traces.
    Alibaba,
    /// Tencent's CBS traces.
    Tencent,
    /// `SYSTOR` '17.
    Systor,
    /// oracleGeneral.
    Oracle,
    /// Our own JSON lines.
    Jsonl,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 12] = [
        Self::Auto,
        Self::Fio,
        Self::DiskSim,
        Self::Msr,
        Self::Vscsi,
        Self::Spc,
        Self::Blkparse,
        Self::Alibaba,
        Self::Tencent,
        Self::Systor,
        Self::Oracle,
        Self::Jsonl,
    ];

    /// Its name in `--format`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Fio => "fio",
            Self::DiskSim => "disksim",
            Self::Msr => "msr",
            Self::Vscsi => "vscsi",
            Self::Spc => "spc",
            Self::Blkparse => "blkparse",
            Self::Alibaba => "alibaba",
            Self::Tencent => "tencent",
            Self::Systor => "systor",
            Self::Oracle => "oracle",
            Self::Jsonl => "jsonl",
        }
    }

    /// What a trace of it cannot say, if people should know.
    #[must_use]
    pub const fn note(self) -> Option<&'static str> {
        match self {
            Self::Oracle => Some(
                "oracleGeneral has reads only: each request is replayed as a read of one block that \
                 stands for its object, whatever its size",
            ),
            Self::DiskSim => Some(
                "a DiskSim trace does not say the unit of its times, nor which flag is a read: they are \
                 as --time-unit and --read-flag say",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            let all = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is no trace format ({all})")
        })
    }
}

/// The unit of a DiskSim trace's times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimeUnit {
    /// Nanoseconds (`MQSim`'s traces).
    Nanos,
    /// Microseconds.
    Micros,
    /// Milliseconds (DiskSim's own traces).
    #[default]
    Millis,
}

impl TimeUnit {
    /// One of it.
    #[must_use]
    pub const fn span(self) -> Span {
        match self {
            Self::Nanos => Span(1),
            Self::Micros => Span::micros(1),
            Self::Millis => Span::millis(1),
        }
    }
}

impl FromStr for TimeUnit {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ns" => Ok(Self::Nanos),
            "us" => Ok(Self::Micros),
            "ms" => Ok(Self::Millis),
            _ => Err(format!("`{text}` is no unit of time here (ns, us, ms)")),
        }
    }
}

/// How to read a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceOptions {
    /// The format.
    pub format: Format,
    /// DiskSim: the unit of times.
    pub time_unit: TimeUnit,
    /// DiskSim: bit 0 of the flags has this value for a read.
    pub read_flag: bool,
    /// blkparse: the event of a request that counts.
    pub event: Event,
    /// oracleGeneral: sectors of the block that an object is.
    pub object_sectors: u32,
    /// Leave out what comes earlier than this after the first request.
    pub from: Option<Span>,
    /// Stop at the first request that comes so much later than the first, or more.
    pub until: Option<Span>,
    /// Count bad lines and go on.
    pub skip_bad: bool,
    /// Stop after so many recorded requests.
    pub limit: Option<u64>,
}

impl Default for TraceOptions {
    /// DiskSim's own conventions; stops at the first bad line.
    fn default() -> Self {
        Self {
            format: Format::Auto,
            time_unit: TimeUnit::Millis,
            read_flag: true,
            event: Event::Auto,
            object_sectors: 8,
            from: None,
            until: None,
            skip_bad: false,
            limit: None,
        }
    }
}

/// Where in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A line, counted from 1.
    Line(u64),
    /// A binary record, counted from 1.
    Record(u64),
}

/// What is wrong with a trace, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TraceError {
    /// The file, as it was named.
    pub file: String,
    /// The line or record.
    pub place: Place,
    /// What is wrong there.
    pub what: String,
    /// Lines or records before it that were understood.
    pub good_before: u64,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, what) = (&self.file, &self.what);
        let lines = Many(self.good_before, "good line");
        let records = Many(self.good_before, "good record");
        match self.place {
            Place::File => write!(f, "{file}: {what}")?,
            Place::Line(line) => write!(f, "{file}:{line}: {what} ({lines} before it)")?,
            Place::Record(no) => {
                write!(f, "{file}, record {no}: {what} ({records} before it)")?;
            }
        }
        write!(f, "\nhint: {}", self.hint)?;
        if matches!(self.place, Place::Line(_)) && !self.hint.contains("--skip-bad") {
            f.write_str("; `--skip-bad` counts such lines and goes on")?;
        }
        Ok(())
    }
}

/// What a reader has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceCounts {
    /// Lines or records understood, those that ask for nothing included.
    pub good: u64,
    /// Lines or records skipped as bad.
    pub bad: u64,
    /// Lines or records that ask for nothing: headers, comments, opens, other commands, empty requests.
    pub ignored: u64,
    /// Recorded reads.
    pub reads: u64,
    /// Recorded writes.
    pub writes: u64,
    /// Recorded trims.
    pub trims: u64,
    /// Recorded flushes.
    pub flushes: u64,
    /// Requests widened to whole sectors.
    pub unaligned: u64,
    /// Requests split because they were larger than a host may ask for.
    pub split: u64,
    /// Requests recorded as earlier than the one before them; they are replayed in file order.
    pub backwards: u64,
    /// Requests left out because of their time.
    pub outside: u64,
    /// Requests that do not say who asked.
    pub hostless: u64,
    /// Sectors asked for.
    pub sectors: u64,
}

impl TraceCounts {
    /// Recorded requests of all kinds.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.reads + self.writes + self.trims + self.flushes
    }
}

/// One recorded request, in the format's own terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw {
    /// The format's time, in nanoseconds from wherever it counts.
    pub at: Option<u64>,
    /// Who asked, if the format says so, numbered in order of appearance.
    pub host: Option<u32>,
    /// The device.
    pub device: u32,
    /// What.
    pub op: TraceOp,
    /// Where.
    pub extent: Extent,
}

/// A run of bytes or sectors, as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Nothing: a flush.
    None,
    /// Offset and length in bytes.
    Bytes(u64, u64),
    /// First sector and number of sectors.
    Sectors(u64, u64),
}

/// Why a line or record is bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// What is wrong.
    pub what: String,
    /// What to do about it, if there is more to say than "skip it".
    pub hint: Option<&'static str>,
}

impl Bad {
    /// A bad line or record, without special advice.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}
