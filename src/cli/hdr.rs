//! `--hdr FILE`: the latencies of a run over time, as an `HdrHistogram` interval log.

use super::failure::Failure;
use super::setup::time;
use super::tally::Doing;
use super::{complain, output};
use crate::protocol::Many;
use crate::protocol::id::{Instant, Span};
use crate::report::hdr::{HdrLog, INTERVAL, INTERVAL_MIN, Kind};
use clap::Args;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

#[derive(Clone, Debug, Default, Args)]
pub(super) struct HdrArgs {
    /// Writes latencies over time as an `HdrHistogram` interval log, with the tags read and write
    #[arg(long, value_name = "FILE")]
    hdr: Option<PathBuf>,
    /// A line of that log is about so long a time on the cluster's clock (default: 1s)
    #[arg(long, value_name = "TIME", value_parser = interval, requires = "hdr")]
    hdr_interval: Option<Span>,
}

impl HdrArgs {
    /// The file, if one is wanted.
    pub(super) fn path(&self) -> Option<&Path> {
        self.hdr.as_deref()
    }

    /// Creates the file, if one is wanted.
    pub(super) fn open(&self) -> Result<Option<Hdr>, Failure> {
        self.path().map(|path| Hdr::create(path, self.hdr_interval.unwrap_or(INTERVAL))).transpose()
    }
}

/// How long a piece of time is.
pub(super) fn interval(text: &str) -> Result<Span, String> {
    let span = time(text)?;
    if span < INTERVAL_MIN {
        return Err("the format has milliseconds: at least 1ms".to_owned());
    }
    Ok(span)
}

/// Where a log goes.
enum Sink {
    File(BufWriter<File>),
    /// It becomes a part of another log.
    Memory(Vec<u8>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Memory(all) => all.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Memory(_) => Ok(()),
        }
    }
}

/// A log of a run.
pub(super) struct Hdr {
    log: HdrLog<Sink>,
    /// Where it goes; `None`: it becomes a part of another log, which has the head.
    path: Option<PathBuf>,
    /// Why nothing more is written.
    trouble: Option<io::Error>,
}

impl Hdr {
    /// Creates the file.
    pub(super) fn create(path: &Path, interval: Span) -> Result<Self, Failure> {
        let file = output::create(path)?;
        let sink = Sink::File(BufWriter::new(file));
        Ok(Self { log: HdrLog::new(sink, interval), path: Some(path.to_owned()), trouble: None })
    }

    /// A part of another log, whose tags begin so.
    pub(super) fn part(interval: Span, before: &str) -> Self {
        let log = HdrLog::new(Sink::Memory(Vec::new()), interval).tagged(before);
        Self { log, path: None, trouble: None }
    }

    /// The figures begin now.
    pub(super) fn begin(&mut self, now: Instant, about: &str, is_live: bool) {
        if self.path.is_none() {
            return self.log.go_on(now);
        }
        let begun = self.log.begin(now, about, is_live.then(SystemTime::now));
        self.trouble = begun.err();
    }

    /// A request that counts was answered.
    pub(super) fn answered(&mut self, doing: Doing, now: Instant, nanos: u64) {
        let kind = match doing {
            Doing::Read => Kind::Read,
            Doing::Write => Kind::Write,
            Doing::Other => return,
        };
        if self.trouble.is_none() {
            self.trouble = self.log.record(kind, now, nanos).err();
        }
    }

    /// Ends the log; a file says what is in it, a part of another log is handed over.
    pub(super) fn end(self, now: Instant) -> Result<Vec<u8>, Failure> {
        let name = self.path.map_or_else(|| "--hdr".to_owned(), |path| path.display().to_string());
        let ended = self.trouble.map_or_else(|| self.log.end(now), Err);
        match ended.map_err(|error| Failure::broken(format!("{name}: {error}")))? {
            (Sink::Memory(log), _) => Ok(log),
            (Sink::File(_), lines) => {
                complain("note", &format!("{name}: {}", Many(lines, "histogram")));
                Ok(Vec::new())
            }
        }
    }
}
