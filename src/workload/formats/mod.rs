//! Block traces, read as a stream: bytes in, [`TraceRequest`]s out, whatever the format.
//!
//! - [`mod@line`] bounds what is read at once; [`detect`] recognises a format by its first bytes;
//! - [`fio`], [`disksim`], [`msr`] and [`vscsi`] understand one line or record each, and nothing else;
//! - [`reader`] does what they have in common: sectors, splitting, times, errors, counting.
//!
//! Requests are kept to the sector. A byte offset or length that is no multiple of 512 is widened
//! outward to whole sectors and counted ([`TraceCounts::unaligned`]): hosts address sectors, and a
//! narrower request would touch less than the recorded one did.

pub mod detect;
pub mod disksim;
pub mod fio;
pub mod line;
pub mod msr;
pub mod reader;
pub mod vscsi;

use crate::protocol::Many;
use crate::protocol::id::{Instant, Span};
use core::fmt;
use core::str::FromStr;

pub use reader::{TraceReader, open};

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
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Fio, Self::DiskSim, Self::Msr, Self::Vscsi];

    /// Its name in `--format`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Fio => "fio",
            Self::DiskSim => "disksim",
            Self::Msr => "msr",
            Self::Vscsi => "vscsi",
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
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| format!("`{text}` is no trace format (auto, fio, disksim, msr, vscsi)"))
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

/// A whole number of a text format, named in the error.
fn number(name: &str, text: &str) -> Result<u64, Bad> {
    text.parse().map_err(|_| Bad::new(format!("{name} `{}` is no whole number", shown(text))))
}

/// Text for a message: short, and nothing that upsets a terminal.
fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    let mut out: String = text.chars().take(CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        out.push_str("..");
    }
    out
}

/// Numbers names (files, disks) in order of appearance.
#[derive(Clone, Debug, Default)]
struct Names(rustc_hash::FxHashMap<String, u32>);

impl Names {
    fn number(&mut self, name: &str) -> Result<u32, Bad> {
        if let Some(no) = self.0.get(name) {
            return Ok(*no);
        }
        let no = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        if no >= DEVICES_MAX {
            return Err(Bad::new(format!("more than {DEVICES_MAX} devices")));
        }
        self.0.insert(name.to_owned(), no);
        Ok(no)
    }
}
