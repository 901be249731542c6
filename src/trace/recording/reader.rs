//! A recording, from its head to its end or to where it is damaged.

use super::chunk::{HEADER_BYTES, Header, Kind, fill};
use super::codec::{self, Input, Known};
use super::{End, FORMAT, Head, MAGIC, Recorded, RecordingError};
use std::io::Read;

/// Bytes of a head that are read: the profile is the most of it.
const HEAD_BYTES_MAX: usize = 4 << 20;

/// How a recording ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Not read to the end yet.
    Open,
    /// As it should.
    Ended(End),
    /// It breaks off, or is damaged from here on.
    Torn {
        /// Bytes that are good.
        good: u64,
        /// What is wrong with the next ones.
        why: String,
    },
}

impl Tail {
    /// What people should know of it; `None`: it ended as it should.
    #[must_use]
    pub fn note(&self, steps: u64) -> Option<String> {
        match self {
            Self::Ended(end) if end.cut_short => {
                Some(format!("the recording was cut short after {steps} steps: {}", end.why))
            }
            Self::Open | Self::Ended(_) => None,
            Self::Torn { good, why } => Some(format!(
                "the recording breaks off after {steps} steps ({why} at byte {good}): what came \
                 later is lost"
            )),
        }
    }
}

/// A chunk of steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// Number of its first step, from 0.
    pub first: u64,
    /// Where it begins in the file.
    pub offset: u64,
    /// Its bytes in the file.
    pub bytes: u64,
    /// Its steps.
    pub steps: Vec<Recorded>,
}

/// Reads a recording.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    head: Head,
    known: Known,
    offset: u64,
    next: u64,
    tail: Tail,
}

/// The chunk there, and where the next begins; or why there is none.
type Found = Result<(Header, Vec<u8>, u64), (u64, String)>;

impl<R: Read> Reader<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// This is no recording, or one of another format, or its head is damaged. Damage behind the head
    /// is no error: [`Self::tail`].
    pub fn new(mut from: R) -> Result<Self, RecordingError> {
        let mut start = [0; MAGIC.len() + 2];
        let got = fill(&mut from, &mut start)?;
        if got < start.len() || start[..MAGIC.len()] != MAGIC {
            let hint = "recordings are made by `--record FILE` and by `record FILE`";
            return Err(RecordingError::Unusable("this is no recording of amflab".into(), hint));
        }
        let format = u16::from_le_bytes([start[MAGIC.len()], start[MAGIC.len() + 1]]);
        if format != FORMAT {
            let text = format!("format {format} is not known here; this program reads {FORMAT}");
            let hint = "read it with the version of amflab that wrote it";
            return Err(RecordingError::Unusable(text, hint));
        }
        let offset = start.len() as u64;
        let damaged = |why: &str| {
            let text = format!("the head of the recording is damaged: {why}");
            RecordingError::Unusable(text, "nothing can be read without it; record the run again")
        };
        let (header, payload, offset) =
            chunk(&mut from, offset)?.map_err(|(_, why)| damaged(&why))?;
        if header.kind != Kind::Head || header.length > HEAD_BYTES_MAX {
            return Err(damaged("it is something else"));
        }
        let head: Head =
            postcard::from_bytes(&payload).map_err(|_| damaged("it cannot be understood"))?;
        Ok(Self { from, head, known: Known::new(0, 0), offset, next: 0, tail: Tail::Open })
    }

    /// What the run began with.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// How the recording ends, once [`Self::next_chunk`] has given `None`.
    #[must_use]
    pub fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Steps read so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.next
    }

    /// The steps are those of a cluster of so many AMFs, and disks with its spares: to be said before
    /// the first chunk is read.
    pub fn set_nodes(&mut self, amfs: u8, disks: u8) {
        self.known = Known::new(amfs, disks);
    }

    /// The next chunk; `None` at the end, and where the recording is damaged.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, RecordingError> {
        if self.tail != Tail::Open {
            return Ok(None);
        }
        let begin = self.offset;
        let (header, payload, end) = match chunk(&mut self.from, begin)? {
            Ok(found) => found,
            Err((good, why)) => return Ok(self.tear(good, why)),
        };
        match header.kind {
            Kind::Steps if header.first == self.next => {}
            Kind::End => match postcard::from_bytes::<End>(&payload) {
                Ok(said) if said.steps == self.next => {
                    self.tail = Tail::Ended(said);
                    return Ok(None);
                }
                Ok(_) | Err(_) => return Ok(self.tear(begin, "its end is wrong".into())),
            },
            Kind::Head | Kind::Steps => {
                return Ok(self.tear(begin, "a chunk is out of place".into()));
            }
        }
        match steps(&mut self.known, &header, &payload) {
            Ok(steps) => {
                let chunk = Chunk { first: self.next, offset: begin, bytes: end - begin, steps };
                self.offset = end;
                self.next += u64::from(header.steps);
                Ok(Some(chunk))
            }
            Err(damage) => Ok(self.tear(begin, damage.to_string())),
        }
    }

    fn tear(&mut self, good: u64, why: String) -> Option<Chunk> {
        self.tail = Tail::Torn { good, why };
        None
    }
}

/// The chunk in `bytes`, which were good when the recording was opened.
///
/// # Errors
/// They are not good any more.
pub fn parse(known: &mut Known, bytes: &[u8]) -> Result<Vec<Recorded>, RecordingError> {
    let mut from = bytes;
    let changed = |why: String| {
        let text = format!("the recording has changed since it was opened: {why}");
        RecordingError::Unusable(text, "open it again")
    };
    let (header, payload, _) = chunk(&mut from, 0)?.map_err(|(_, why)| changed(why))?;
    steps(known, &header, &payload).map_err(|damage| changed(damage.to_string()))
}

fn chunk(from: &mut impl Read, offset: u64) -> Result<Found, RecordingError> {
    let mut bytes = [0; HEADER_BYTES];
    match fill(from, &mut bytes)? {
        0 => return Ok(Err((offset, "it has no end".into()))),
        HEADER_BYTES => {}
        _ => return Ok(Err((offset, "a chunk is torn".into()))),
    }
    let Some(header) = Header::parse(&bytes) else {
        return Ok(Err((offset, "a chunk is damaged".into())));
    };
    // Grows with what is there, not with what a damaged number says.
    let mut payload = Vec::new();
    from.by_ref().take(header.length as u64).read_to_end(&mut payload)?;
    if payload.len() < header.length {
        return Ok(Err((offset, "a chunk is torn".into())));
    }
    if !header.fits(&bytes, &payload) {
        return Ok(Err((offset, "the check sum of a chunk is wrong".into())));
    }
    Ok(Ok((header, payload, offset + (HEADER_BYTES + header.length) as u64)))
}

fn steps(
    known: &mut Known,
    header: &Header,
    payload: &[u8],
) -> Result<Vec<Recorded>, codec::Damage> {
    known.reset();
    let mut input = Input(payload);
    // A step takes at least two bytes.
    let mut steps = Vec::with_capacity((header.steps as usize).min(payload.len()));
    while !input.is_empty() {
        steps.push(codec::decode(known, &mut input)?);
    }
    if steps.len() != header.steps as usize {
        return Err(codec::Damage("a chunk holds another number of steps than it says"));
    }
    Ok(steps)
}
