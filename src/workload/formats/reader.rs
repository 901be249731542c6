//! What all formats have in common: opening, counting, sectors, splitting, times, errors.

use super::detect::{Detected, HEAD_BYTES_MAX, detect};
use super::disksim::DiskSim;
use super::fio::Fio;
use super::line::{LINE_BYTES_MAX, Line, read_line, read_record};
use super::msr::Msr;
use super::vscsi;
use super::{
    BAD_KEPT_MAX, Bad, DEVICE_SECTORS_MAX, Extent, Place, Raw, TRACE_SECTORS_MAX, TraceCounts,
    TraceError, TraceOp, TraceOptions, TraceRequest,
};
use crate::protocol::Many;
use crate::protocol::host::REQUEST_SECTORS_MAX;
use crate::protocol::id::{Instant, SECTOR_BYTES};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;

/// What to do about a bad line when the parser has nothing better to say.
const HINT_SKIP: &str = "--skip-bad counts bad lines and goes on";

enum Parser {
    Fio(Fio),
    DiskSim(DiskSim),
    Msr(Msr),
    Vscsi(vscsi::Version),
}

/// A trace being read: an iterator over its requests. After an error, and after the end, `None`.
pub struct TraceReader<R> {
    file: String,
    input: Chain<Cursor<Vec<u8>>, R>,
    parser: Parser,
    skip_bad: bool,
    limit: u64,
    buffer: Vec<u8>,
    /// Lines or records read.
    place: u64,
    counts: TraceCounts,
    bad: Vec<TraceError>,
    /// What is left of a request that is larger than a host may ask for.
    rest: Option<TraceRequest>,
    rest_sectors: u64,
    /// Time of the first request, and of the last, in the format's nanoseconds.
    first_at: Option<u64>,
    last_at: u64,
    ended: bool,
}

/// Opens a trace file.
///
/// # Errors
/// If it cannot be read, or its format is not recognised.
pub fn open(
    path: &Path,
    options: TraceOptions,
) -> Result<TraceReader<BufReader<File>>, TraceError> {
    /// Bytes read from the file at once.
    const BUFFER_BYTES: usize = 1 << 16;
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| TraceError {
        file: name.clone(),
        place: Place::File,
        what: format!("cannot be opened: {error}"),
        good_before: 0,
        hint: "is the path right?".to_owned(),
    })?;
    TraceReader::new(&name, BufReader::with_capacity(BUFFER_BYTES, file), options)
}

impl<R: BufRead> TraceReader<R> {
    /// A reader of `input`, which is called `file` in errors.
    ///
    /// # Errors
    /// If the first bytes cannot be read, or the format is not recognised.
    pub fn new(file: &str, mut input: R, options: TraceOptions) -> Result<Self, TraceError> {
        let mut head = Vec::new();
        let whole = |what: String, hint: &str| TraceError {
            file: file.to_owned(),
            place: Place::File,
            what,
            good_before: 0,
            hint: hint.to_owned(),
        };
        input
            .by_ref()
            .take(HEAD_BYTES_MAX as u64)
            .read_to_end(&mut head)
            .map_err(|error| whole(format!("cannot be read: {error}"), "is it a file?"))?;
        let detected = detect(options.format, &head)
            .map_err(|bad| whole(bad.what, bad.hint.unwrap_or(HINT_SKIP)))?;
        let TraceOptions { time_unit, read_flag, .. } = options;
        let parser = match detected {
            Detected::Fio => Parser::Fio(Fio::new()),
            Detected::DiskSim => Parser::DiskSim(DiskSim { time_unit, read_flag }),
            Detected::Msr => Parser::Msr(Msr::default()),
            Detected::Vscsi(version) => Parser::Vscsi(version),
        };
        Ok(Self {
            file: file.to_owned(),
            input: Cursor::new(head).chain(input),
            parser,
            skip_bad: options.skip_bad,
            limit: options.limit.unwrap_or(u64::MAX),
            buffer: Vec::new(),
            place: 0,
            counts: TraceCounts::default(),
            bad: Vec::new(),
            rest: None,
            rest_sectors: 0,
            first_at: None,
            last_at: 0,
            ended: false,
        })
    }

    /// The file, as it was named.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What was read so far.
    pub fn counts(&self) -> TraceCounts {
        self.counts
    }

    /// The first few bad lines that were skipped, at most [`BAD_KEPT_MAX`].
    pub fn bad(&self) -> &[TraceError] {
        &self.bad
    }

    /// The format in words: `fio`, `disksim`, `msr`, `vscsi v1`, `vscsi v2`.
    pub fn format(&self) -> &'static str {
        match &self.parser {
            Parser::Fio(_) => "fio",
            Parser::DiskSim(_) => "disksim",
            Parser::Msr(_) => "msr",
            Parser::Vscsi(vscsi::Version::V1) => "vscsi v1",
            Parser::Vscsi(vscsi::Version::V2) => "vscsi v2",
        }
    }

    /// The next line or record: `None` at the end, else what the parser made of it.
    fn next_raw(&mut self) -> io::Result<Option<Result<Option<Raw>, Bad>>> {
        if let Parser::Vscsi(version) = &self.parser {
            let mut record = [0u8; vscsi::RECORD_BYTES_MAX];
            let whole = version.record_bytes();
            let read = read_record(&mut self.input, &mut record[..whole])?;
            return Ok((read > 0).then(|| vscsi::record(*version, &record[..read])));
        }
        let line = read_line(&mut self.input, &mut self.buffer)?;
        if line == Line::End {
            return Ok(None);
        }
        if line == Line::TooLong {
            return Ok(Some(Err(Bad::new(format!("longer than {LINE_BYTES_MAX} bytes"))
                .hint("is it a text trace at all? --format chooses another format"))));
        }
        let Ok(text) = core::str::from_utf8(&self.buffer) else {
            return Ok(Some(Err(Bad::new("not text (no UTF-8)")
                .hint("is it a binary trace? --format chooses another format"))));
        };
        let parsed = match &mut self.parser {
            Parser::Fio(_) if text.trim().is_empty() => Ok(None),
            Parser::Fio(fio) => fio.line(text),
            Parser::DiskSim(disksim) => disksim.line(text),
            Parser::Msr(msr) => msr.line(text),
            Parser::Vscsi(_) => Ok(None),
        };
        Ok(Some(parsed.map_err(|bad| match line {
            Line::Unended => bad.hint("the last line has no end; was the file copied whole?"),
            Line::Whole | Line::TooLong | Line::End => bad,
        })))
    }

    /// Sectors of a recorded request, and whether it had to be widened.
    fn sectors(&mut self, raw: &Raw) -> Result<Option<(u64, u64)>, Bad> {
        let bytes = u64::from(SECTOR_BYTES);
        let range =
            |first: u64| Bad::new(format!("sector {first} and what follows is out of range"));
        let (first, count) = match raw.extent {
            Extent::None => return Ok(Some((0, 0))),
            Extent::Sectors(_, 0) | Extent::Bytes(_, 0) => return Ok(None),
            Extent::Sectors(first, count) => (first, count),
            Extent::Bytes(offset, length) => {
                let end = offset.checked_add(length).ok_or_else(|| range(offset / bytes))?;
                let is_aligned = offset.is_multiple_of(bytes) && length.is_multiple_of(bytes);
                self.counts.unaligned += u64::from(!is_aligned);
                (offset / bytes, end.div_ceil(bytes) - offset / bytes)
            }
        };
        if count > TRACE_SECTORS_MAX {
            return Err(Bad::new(format!("{count} sectors are more than one request can have")));
        }
        match first.checked_add(count) {
            Some(end) if end <= DEVICE_SECTORS_MAX => Ok(Some((first, count))),
            Some(_) | None => Err(range(first)),
        }
    }

    /// Takes in what one line or record asked for.
    fn take_in(&mut self, raw: Option<Raw>) -> Result<(), Bad> {
        if let Some(raw) = raw {
            return self.accept(&raw);
        }
        self.counts.ignored += 1;
        Ok(())
    }

    /// Takes in one recorded request; its pieces are then in `rest`.
    fn accept(&mut self, raw: &Raw) -> Result<(), Bad> {
        let Some((first, count)) = self.sectors(raw)? else {
            self.counts.ignored += 1;
            return Ok(());
        };
        let base = *self.first_at.get_or_insert(raw.at.unwrap_or(0));
        if let Some(at) = raw.at {
            self.counts.backwards += u64::from(at < self.last_at);
            self.last_at = at;
        }
        match raw.op {
            TraceOp::Read => self.counts.reads += 1,
            TraceOp::Write => self.counts.writes += 1,
            TraceOp::Trim => self.counts.trims += 1,
            TraceOp::Flush => self.counts.flushes += 1,
        }
        self.counts.split += u64::from(count > u64::from(REQUEST_SECTORS_MAX));
        self.counts.sectors += count;
        let at = raw.at.map(|at| Instant(at.saturating_sub(base)));
        let (device, op) = (raw.device, raw.op);
        self.rest = Some(TraceRequest { at, device, op, first, sectors: 0, continued: false });
        self.rest_sectors = count;
        Ok(())
    }

    /// The next piece of the request taken in last.
    fn piece(&mut self) -> Option<TraceRequest> {
        let mut piece = self.rest?;
        let most = u64::from(REQUEST_SECTORS_MAX).min(self.rest_sectors);
        piece.sectors = u32::try_from(most).expect("REQUEST_SECTORS_MAX has 32 bits");
        self.rest_sectors -= most;
        let first = piece.first + most;
        self.rest =
            (self.rest_sectors > 0).then_some(TraceRequest { first, continued: true, ..piece });
        Some(piece)
    }

    fn error(&self, bad: Bad) -> TraceError {
        let place = match self.parser {
            Parser::Vscsi(_) => Place::Record(self.place),
            Parser::Fio(_) | Parser::DiskSim(_) | Parser::Msr(_) => Place::Line(self.place),
        };
        TraceError {
            file: self.file.clone(),
            place,
            what: bad.what,
            good_before: self.counts.good,
            hint: bad.hint.unwrap_or(HINT_SKIP).to_owned(),
        }
    }

    /// A trace that asks for nothing is an error too: replaying it would look like success.
    fn nothing(&self) -> TraceError {
        let hint = match self.bad.first() {
            Some(first) => format!("the first of {} bad lines: {}", self.counts.bad, first.what),
            None if self.counts.good > 0 => {
                let lines = Many(self.counts.good, "line");
                format!("{lines} asked for 0 sectors, for no read or write, or were comments")
            }
            None => "--format chooses another format".to_owned(),
        };
        TraceError {
            file: self.file.clone(),
            place: Place::File,
            what: "not one request in it".to_owned(),
            good_before: self.counts.good,
            hint,
        }
    }
}

impl<R: BufRead> Iterator for TraceReader<R> {
    type Item = Result<TraceRequest, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(piece) = self.piece() {
                return Some(Ok(piece));
            }
            if self.ended || self.counts.requests() >= self.limit {
                return None;
            }
            self.place += 1;
            let parsed = match self.next_raw() {
                Ok(Some(parsed)) => parsed,
                Ok(None) => {
                    self.ended = true;
                    return (self.counts.requests() == 0).then(|| Err(self.nothing()));
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(self.error(Bad::new(format!("cannot be read: {error}")))));
                }
            };
            let taken = parsed.and_then(|raw| self.take_in(raw));
            match taken {
                Ok(()) => self.counts.good += 1,
                Err(bad) => {
                    let error = self.error(bad);
                    if !self.skip_bad {
                        self.ended = true;
                        return Some(Err(error));
                    }
                    self.counts.bad += 1;
                    if self.bad.len() < BAD_KEPT_MAX {
                        self.bad.push(error);
                    }
                }
            }
        }
    }
}
