//! Latencies over time as an `HdrHistogram` interval log: one line for each piece of time and each kind of
//! request, which `HistogramLogProcessor`, `HistogramLogAnalyzer` and plotters of percentiles read.
//!
//! Values are nanoseconds; each line's histogram is V2, compressed, in base64; tags end in `read` and `write`.
//! What a log holds is written as soon as its piece of time is over, so that a run of hours needs no memory.

use crate::protocol::id::{Instant, Span};
use core::time::Duration;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{
    IntervalLogWriterBuilder, IntervalLogWriterError, Tag,
};
use std::io::{self, Write};
use std::time::SystemTime;

/// Significant digits, as in every report.
const DIGITS: u8 = 3;
/// What other programs' logs begin with.
const VERSION: &str = "[Histogram log format version 1.3]";
const LEGEND: &str =
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";
/// The least piece of time: the format has milliseconds.
pub const INTERVAL_MIN: Span = Span::millis(1);
/// A piece of time, if nothing is said.
pub const INTERVAL: Span = Span::secs(1);

/// What a request did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It read.
    Read,
    /// It wrote.
    Write,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Read, Self::Write];

    const fn tag(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// A log that is being written.
pub struct HdrLog<W> {
    out: W,
    serializer: V2DeflateSerializer,
    interval: Span,
    /// When the first piece of time begins; `None`: the log has not begun.
    origin: Option<Instant>,
    /// Number of the piece of time that goes on.
    no: u64,
    /// Its latencies, by [`Kind`].
    nanos: [Histogram<u64>; 2],
    /// Their tags.
    tags: [String; 2],
    /// Lines written.
    lines: u64,
}

impl<W: Write> HdrLog<W> {
    /// A log of pieces of time so long, which begins later.
    #[must_use]
    pub fn new(out: W, interval: Span) -> Self {
        let histogram = || Histogram::new(DIGITS).expect("3 digits are allowed");
        Self {
            out,
            serializer: V2DeflateSerializer::new(),
            interval: interval.max(INTERVAL_MIN),
            origin: None,
            no: 0,
            nanos: [histogram(), histogram()],
            tags: Kind::ALL.map(|kind| kind.tag().to_owned()),
            lines: 0,
        }
    }

    /// The same with this before every tag, so that several logs can stand in one. What no tag may have
    /// (commas, white space) becomes `_`.
    #[must_use]
    pub fn tagged(mut self, before: &str) -> Self {
        let fits = |sign: char| if sign == ',' || sign.is_whitespace() { '_' } else { sign };
        let before: String = before.chars().map(fits).collect();
        self.tags = Kind::ALL.map(|kind| format!("{before}{}", kind.tag()));
        self
    }

    /// The first piece of time begins now, in a log whose head another one has written.
    pub fn go_on(&mut self, now: Instant) {
        self.origin = Some(now);
    }

    /// The first piece of time begins now. `about`: what is logged. `wall`: the time of day, if the
    /// cluster's time is real; virtual time begins at 0, so that equal runs make equal logs.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(&mut self, now: Instant, about: &str, wall: Option<SystemTime>) -> io::Result<()> {
        self.origin = Some(now);
        let mut head = IntervalLogWriterBuilder::new();
        head.add_comment(VERSION);
        head.add_comment(&format!("[Logged with amflab {}: {about}]", env!("CARGO_PKG_VERSION")));
        head.add_comment("[Values are nanoseconds; tags end in read and write]");
        let wall = wall.unwrap_or(SystemTime::UNIX_EPOCH);
        head.with_start_time(wall).with_base_time(wall);
        head.begin_log_with(&mut self.out, &mut self.serializer)?;
        self.out.write_all(LEGEND.as_bytes())
    }

    /// A request was answered now, after so long. An answer that is told late belongs to the piece of time
    /// that goes on.
    ///
    /// # Errors
    /// What is over cannot be written.
    pub fn record(&mut self, kind: Kind, now: Instant, nanos: u64) -> io::Result<()> {
        let origin = *self.origin.get_or_insert(now);
        let no = now.since(origin).0 / self.interval.0;
        if no > self.no {
            self.write(self.interval)?;
            self.no = no;
        }
        self.nanos[kind as usize].record(nanos).map_err(io::Error::other)
    }

    /// Writes the piece of time that goes on, which was so long, unless nothing was in it.
    fn write(&mut self, length: Span) -> io::Result<()> {
        let start = Duration::from_nanos(self.no.saturating_mul(self.interval.0));
        for (nanos, tag) in self.nanos.iter_mut().zip(&self.tags) {
            if nanos.is_empty() {
                continue;
            }
            // With nothing to say at its head it says nothing: the head is there already.
            let builder = IntervalLogWriterBuilder::new();
            let mut log = builder.begin_log_with(&mut self.out, &mut self.serializer)?;
            let length = Duration::from_nanos(length.0);
            log.write_histogram(nanos, start, length, Tag::new(tag)).map_err(io_error)?;
            self.lines += 1;
            nanos.reset();
        }
        Ok(())
    }

    /// Nothing comes any more: what it was written to, and the number of lines.
    ///
    /// # Errors
    /// The rest cannot be written.
    pub fn end(mut self, now: Instant) -> io::Result<(W, u64)> {
        let since = self.origin.map_or(0, |origin| now.since(origin).0);
        let length = since.saturating_sub(self.no.saturating_mul(self.interval.0));
        self.write(Span(length.clamp(INTERVAL_MIN.0, self.interval.0)))?;
        self.out.flush()?;
        Ok((self.out, self.lines))
    }
}

fn io_error<E: core::fmt::Display>(error: IntervalLogWriterError<E>) -> io::Error {
    match error {
        IntervalLogWriterError::IoError(error) => error,
        IntervalLogWriterError::SerializeError(error) => io::Error::other(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts, lengths and tags of a log's lines.
    fn lines(log: &[u8]) -> Vec<(String, String, String)> {
        let text = core::str::from_utf8(log).expect("text");
        let lines = text.lines().filter(|line| line.starts_with("Tag="));
        lines
            .map(|line| {
                let cells: Vec<&str> = line.split(',').collect();
                (cells[1].to_owned(), cells[2].to_owned(), cells[0].to_owned())
            })
            .collect()
    }

    #[test]
    fn a_piece_of_time_is_written_when_the_next_one_begins() {
        let at = |ms: u64| Instant(5_000_000_000 + ms * 1_000_000);
        let mut log = HdrLog::new(Vec::new(), Span::millis(100));
        log.begin(at(0), "a test", None).expect("memory");
        let answers = [(Kind::Read, 10), (Kind::Write, 99), (Kind::Read, 350), (Kind::Read, 290)];
        for (kind, ms) in answers {
            log.record(kind, at(ms), 1_000).expect("memory");
        }
        assert_eq!(lines(&log.out).len(), 2);
        let (log, written) = log.end(at(370)).expect("memory");
        let line = |start: &str, length: &str, tag: &str| {
            (start.to_owned(), length.to_owned(), format!("Tag={tag}"))
        };
        let expected = [
            line("0.000", "0.100", "read"),
            line("0.000", "0.100", "write"),
            line("0.300", "0.070", "read"),
        ];
        assert_eq!((lines(&log), written), (expected.to_vec(), 3));
    }
}
