//! What all formats have in common: opening, counting, sectors, splitting, times, errors.

use super::detect::{Detected, HEAD_BYTES_MAX, detect};
use super::line::{LINE_BYTES_MAX, Line, read_line, read_record};
use super::parser::Parser;
use super::unpack::{MAGIC_BYTES, Packing, Unpack};
use super::{
    BAD_KEPT_MAX, Bad, DEVICE_SECTORS_MAX, Extent, Place, Raw, TRACE_SECTORS_MAX, TraceCounts,
    TraceError, TraceOp, TraceOptions, TraceRequest,
};
use crate::protocol::Many;
use crate::protocol::host::REQUEST_SECTORS_MAX;
use crate::protocol::id::{Instant, SECTOR_BYTES, Span};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;

/// What to do about a bad line when the parser has nothing better to say.
const HINT_SKIP: &str = "--skip-bad counts bad lines and goes on";

/// What may stand before a text in UTF-8, and says nothing.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Bytes that are unpacked at once.
const BUFFER_BYTES: usize = 1 << 16;
/// Largest record of a binary format, in bytes.
const RECORD_BYTES_MAX: usize = 64;

/// A file from its first byte on, though a few were read already.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// A trace being read: an iterator over its requests. After an error, and after the end, `None`.
pub struct TraceReader<R: BufRead> {
    file: String,
    input: Whole<BufReader<Unpack<Whole<R>>>>,
    detected: Detected,
    parser: Parser,
    skip_bad: bool,
    limit: u64,
    /// Requests before and from these times on, counted from the first, are left out.
    from: Option<Span>,
    until: Option<Span>,
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
        let whole = |what: String, hint: &str| TraceError {
            file: file.to_owned(),
            place: Place::File,
            what,
            good_before: 0,
            hint: hint.to_owned(),
        };
        let unread = |error: io::Error, hint: &str| whole(format!("cannot be read: {error}"), hint);
        let magic = first_bytes(&mut input, MAGIC_BYTES);
        let magic = magic.map_err(|error| unread(error, "is it a file?"))?;
        let packing = Packing::of(&magic);
        let unpacked = Unpack::new(Cursor::new(magic).chain(input), packing);
        let unpacked = unpacked.map_err(|error| unread(error, "is there memory left?"))?;
        let mut unpacked = BufReader::with_capacity(BUFFER_BYTES, unpacked);
        let head = first_bytes(&mut unpacked, HEAD_BYTES_MAX);
        let mut head = head.map_err(|error| unread(error, hint_unread(packing)))?;
        if head.starts_with(BYTE_ORDER_MARK) {
            head.drain(..BYTE_ORDER_MARK.len());
        }
        let detected = detect(&options, &head)
            .map_err(|bad| whole(bad.what, bad.hint.unwrap_or(HINT_SKIP)))?;
        Ok(Self {
            file: file.to_owned(),
            input: Cursor::new(head).chain(unpacked),
            detected,
            parser: Parser::new(detected, &options),
            skip_bad: options.skip_bad,
            limit: options.limit.unwrap_or(u64::MAX),
            from: options.from,
            until: options.until,
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

    /// The format in words, as `--format` has it; for vscsi with the version: `vscsi v1`.
    pub fn format(&self) -> &'static str {
        self.detected.name()
    }

    /// What the format cannot say, if people should know.
    pub fn note(&self) -> Option<&'static str> {
        self.detected.format().note()
    }

    /// How the file is packed.
    pub fn packing(&self) -> Option<Packing> {
        self.input.get_ref().1.get_ref().packing()
    }

    /// Bytes of the file that were read, packed as they are.
    pub fn bytes_read(&self) -> u64 {
        self.input.get_ref().1.get_ref().taken()
    }

    /// The next line or record: `None` at the end, else what the parser made of it.
    fn next_raw(&mut self) -> io::Result<Option<Result<Option<Raw>, Bad>>> {
        let parser = match &mut self.parser {
            Parser::Text(parser) => parser.as_mut(),
            Parser::Binary(parser) => {
                let mut record = [0u8; RECORD_BYTES_MAX];
                let whole = parser.record_bytes();
                let read = read_record(&mut self.input, &mut record[..whole])?;
                return Ok(match read {
                    0 => None,
                    _ if read < whole => Some(Err(cut_off(read, whole))),
                    _ => Some(parser.record(&record[..whole])),
                });
            }
        };
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
        let parsed = Parser::line(parser, text);
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
        let at = raw.at.map(|at| Span(at.saturating_sub(base)));
        if !self.is_inside(at)? {
            self.counts.outside += 1;
            return Ok(());
        }
        match raw.op {
            TraceOp::Read => self.counts.reads += 1,
            TraceOp::Write => self.counts.writes += 1,
            TraceOp::Trim => self.counts.trims += 1,
            TraceOp::Flush => self.counts.flushes += 1,
        }
        self.counts.split += u64::from(count > u64::from(REQUEST_SECTORS_MAX));
        self.counts.hostless += u64::from(raw.host.is_none());
        self.counts.sectors += count;
        let from = self.from.unwrap_or_default();
        let at = at.map(|at| Instant(at.0.saturating_sub(from.0)));
        let Raw { host, device, op, .. } = *raw;
        let continued = false;
        self.rest = Some(TraceRequest { at, host, device, op, first, sectors: 0, continued });
        self.rest_sectors = count;
        Ok(())
    }

    /// Whether a request lies in the times that were asked for. The first that is too late ends the
    /// trace: a long one need not be read to its end for its first minute.
    fn is_inside(&mut self, at: Option<Span>) -> Result<bool, Bad> {
        if self.from.is_none() && self.until.is_none() {
            return Ok(true);
        }
        let at = at.ok_or_else(|| {
            Bad::new("a request without a time").hint("leave --from and --until out")
        })?;
        self.ended |= self.until.is_some_and(|until| at >= until);
        Ok(!self.ended && self.from.is_none_or(|from| at >= from))
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
            Parser::Binary(_) => Place::Record(self.place),
            Parser::Text(_) => Place::Line(self.place),
        };
        TraceError {
            file: self.file.clone(),
            place,
            what: bad.what,
            good_before: self.counts.good,
            hint: bad.hint.unwrap_or(HINT_SKIP).to_owned(),
        }
    }

    /// The file itself cannot be read on: no line of it can be skipped.
    fn unreadable(&self, error: &io::Error) -> TraceError {
        let places = match self.parser {
            Parser::Binary(_) => "record",
            Parser::Text(_) => "line",
        };
        TraceError {
            file: self.file.clone(),
            place: Place::File,
            what: format!("cannot be read after {places} {}: {error}", self.place - 1),
            good_before: self.counts.good,
            hint: hint_unread(self.packing()).to_owned(),
        }
    }

    /// A trace that asks for nothing is an error too: replaying it would look like success.
    fn nothing(&self) -> TraceError {
        let hint = match self.bad.first() {
            Some(first) => format!("the first of {} bad lines: {}", self.counts.bad, first.what),
            None if self.counts.outside > 0 => {
                let outside = Many(self.counts.outside, "request");
                format!("{outside} outside of --from and --until; times count from the first")
            }
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

/// The first bytes of an input, at most so many.
fn first_bytes(input: &mut impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.by_ref().take(bytes_max as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn hint_unread(packing: Option<Packing>) -> &'static str {
    match packing {
        Some(Packing::Gzip) => "was it copied whole? `gzip -t` tests it",
        Some(Packing::Xz) => "was it copied whole? `xz -t` tests it",
        Some(Packing::Zstd) => "was it copied whole? `zstd -t` tests it",
        None => "is it a file, and whole?",
    }
}

fn cut_off(read: usize, whole: usize) -> Bad {
    Bad::new(format!("cut off after {read} of {whole} bytes"))
        .hint("the file ends in the middle of a record; was it copied whole?")
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
                    return Some(Err(self.unreadable(&error)));
                }
            };
            let taken = parsed.and_then(|raw| self.take_in(raw));
            match taken {
                Ok(()) => {
                    self.counts.good += 1;
                    if self.ended && self.counts.requests() == 0 {
                        return Some(Err(self.nothing()));
                    }
                }
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
