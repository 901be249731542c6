//! The text that `blkparse` makes of a binary blktrace, in its default form.
//!
//! ```text
//! MAJOR,MINOR CPU SEQUENCE SECONDS.NANOSECONDS PID ACTION RWBS SECTOR + SECTORS [PROCESS]
//!   8,0    3       11     0.009507758   697  Q   W 223490 + 8 [kjournald]
//! ```
//!
//! A request shows up several times on its way down: queued (Q), issued to the driver (D), completed
//! (C) and in between. One of them is replayed, `--event` says which; left alone, it is the first of
//! Q, D, C that the beginning of the file has. All other lines ask for nothing and are counted, and so
//! are messages and the summary at the end. The device is `MAJOR,MINOR`, the host (`--map host`) the
//! process. RWBS (`blkparse(1)`): R, W or D for a discard; N and packet commands move no blocks; an F
//! in front is a flush first, which counts as one by itself if there are no sectors.

use super::parser::Lines;
use super::text::{Ids, Names, number, seconds, shown};
use super::{Bad, Extent, Raw, TraceOp};
use core::str::FromStr;

/// How lines of the summary at the end begin.
const SUMMARY: [&str; 3] = ["CPU", "Total (", "Throughput ("];

/// Which event of a request is replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Event {
    /// The first of the others that the beginning of the file has.
    #[default]
    Auto,
    /// As hosts asked, before merging.
    Queued,
    /// As the driver was asked.
    Issued,
    /// As it was completed.
    Completed,
}

impl Event {
    const fn action(self) -> &'static str {
        match self {
            Self::Auto | Self::Queued => "Q",
            Self::Issued => "D",
            Self::Completed => "C",
        }
    }

    /// The event to take, by the first lines.
    pub(super) fn of<'a>(self, lines: &(impl Iterator<Item = &'a str> + Clone)) -> Self {
        if self != Self::Auto {
            return self;
        }
        let has = |event: &Self| {
            lines.clone().filter_map(Fields::of).any(|fields| fields.action == event.action())
        };
        let all = [Self::Queued, Self::Issued, Self::Completed];
        all.into_iter().find(has).unwrap_or(Self::Queued)
    }
}

impl FromStr for Event {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "Q" => Ok(Self::Queued),
            "D" => Ok(Self::Issued),
            "C" => Ok(Self::Completed),
            _ => Err(format!("`{text}` is no event here (auto, Q, D, C)")),
        }
    }
}

/// The fields of an event that every action has.
struct Fields<'a> {
    device: &'a str,
    time: &'a str,
    pid: &'a str,
    action: &'a str,
    rwbs: &'a str,
    /// What follows depends on the action.
    rest: core::str::SplitAsciiWhitespace<'a>,
}

impl<'a> Fields<'a> {
    /// `None` if the line is no event.
    fn of(line: &'a str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let device = fields.next().filter(|device| is_device(device))?;
        let mut all_digits =
            || fields.next().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let (_cpu, _sequence) = (all_digits()?, all_digits()?);
        let time = fields.next().filter(|time| time.contains('.'))?;
        let (pid, action, rwbs) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Self { device, time, pid, action, rwbs, rest: fields })
    }
}

fn is_device(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once(',').is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

/// Whether a line is an event, for the detection of the format.
pub(super) fn is_event(line: &str) -> bool {
    Fields::of(line).is_some()
}

/// Understands one line after the other.
#[derive(Clone, Debug)]
pub struct Blkparse {
    event: Event,
    devices: Names,
    processes: Ids,
    /// The summary at the end has begun.
    is_summary: bool,
}

impl Blkparse {
    /// A parser that takes one event of each request.
    #[must_use]
    pub fn new(event: Event) -> Self {
        Self { event, devices: Names::default(), processes: Ids::default(), is_summary: false }
    }
}

impl Lines for Blkparse {
    fn line(&mut self, text: &str) -> Result<Option<Raw>, Bad> {
        self.is_summary |= SUMMARY.iter().any(|word| text.starts_with(word));
        if self.is_summary || text.starts_with("Input file") {
            return Ok(None);
        }
        let mut fields = Fields::of(text).ok_or_else(|| {
            Bad::new(format!("no event of blkparse: `{}`", shown(text))).hint(
                "an event is MAJOR,MINOR CPU SEQUENCE TIME PID ACTION RWBS SECTOR + SECTORS [PROCESS]; \
                 other forms (`blkparse -f`) cannot be read",
            )
        })?;
        if fields.action != self.event.action() {
            return Ok(None);
        }
        let at = Some(seconds(fields.time)?);
        let (kind, is_flush) = match fields.rwbs.strip_prefix('F') {
            Some(rest) => (rest, true),
            None => (fields.rwbs, false),
        };
        let op = match kind.as_bytes().first() {
            Some(b'R') => TraceOp::Read,
            Some(b'W') => TraceOp::Write,
            Some(b'D') => TraceOp::Trim,
            Some(b'N' | b'F') | None if is_flush => TraceOp::Flush,
            Some(b'N') => return Ok(None),
            Some(_) | None => {
                return Err(Bad::new(format!("`{}` is no RWBS", shown(fields.rwbs))));
            }
        };
        let extent = match (op, sectors(&mut fields.rest)?) {
            (TraceOp::Flush, _) => Extent::None,
            (_, Some((first, count))) if count > 0 || !is_flush => Extent::Sectors(first, count),
            _ if is_flush => Extent::None,
            _ => return Ok(None),
        };
        let op = if extent == Extent::None { TraceOp::Flush } else { op };
        let device = self.devices.number(fields.device)?;
        let host = Some(self.processes.number("process", fields.pid)?);
        Ok(Some(Raw { at, host, device, op, extent }))
    }
}

/// Where an event is about, by what follows its RWBS: `SECTOR + SECTORS`. `None`: it moves no blocks, as
/// a flush (`[PROCESS]`, or `SECTOR [ERROR]` when it is completed), or a packet command (`BYTES (CDB)
/// [PROCESS]`, or `(CDB) [ERROR]`). With `blkparse -t` a time in parentheses stands before the brackets.
fn sectors<'a>(rest: &mut impl Iterator<Item = &'a str>) -> Result<Option<(u64, u64)>, Bad> {
    let is_end = |text: &str| text.starts_with(['(', '[']);
    match (rest.next(), rest.next(), rest.next()) {
        (Some(first), Some("+"), Some(count)) => {
            Ok(Some((number("sector", first)?, number("number of sectors", count)?)))
        }
        (Some(end), ..) if is_end(end) => Ok(None),
        (Some(_), Some(end), _) if is_end(end) => Ok(None),
        _ => Err(Bad::new("an event without `SECTOR + SECTORS`")),
    }
}
