//! The encoded steps of a run that are kept so that a recording can begin later, and so that the run can be
//! looked back at: in memory, and past a bound in a file without a name, which is gone with the process.
//!
//! [`Whole`] is what is there at some moment, as a recording to be read from elsewhere while the run goes on:
//! it has a place of its own in the file, which only grows.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes of steps that are kept in the file: some fifteen million steps of them. What begins a recording
/// later is copied in one go while nothing else is written, so it must not take long.
pub const SPILLED_BYTES_MAX: u64 = 256 << 20;
/// Once there is a file, so many bytes go there at once.
const PART_BYTES: usize = 1 << 20;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes in memory; 0: nothing is kept.
    pub memory: usize,
    /// Bytes in a file, once memory is full.
    pub file: u64,
}

impl Bounds {
    /// Nothing is kept.
    pub const NONE: Self = Self { memory: 0, file: 0 };
    /// For a run that somebody may want to look back at.
    pub const USUAL: Self =
        Self { memory: super::recorder::KEPT_BYTES_MAX, file: SPILLED_BYTES_MAX };
}

impl std::fmt::Display for Bounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} MiB in memory, then {} MiB in a file", self.memory >> 20, self.file >> 20)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Kept {
    bounds: Bounds,
    memory: Vec<u8>,
    file: Option<Arc<File>>,
    /// Bytes of the file.
    spilled: u64,
}

impl Kept {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, memory: Vec::new(), file: None, spilled: 0 }
    }

    /// More steps. Why nothing can be kept any more, in words.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.memory.extend_from_slice(bytes);
        let most = if self.file.is_some() { PART_BYTES } else { self.bounds.memory };
        if self.memory.len() <= most.min(self.bounds.memory) {
            return Ok(());
        }
        self.spill()
    }

    fn spill(&mut self) -> Result<(), String> {
        let more = self.memory.len() as u64;
        if self.spilled + more > self.bounds.file {
            return Err(format!("this run is longer than what is kept of it ({})", self.bounds));
        }
        let failed = |error: io::Error| {
            format!("what is kept of this run did not fit in memory, nor in a file: {error}")
        };
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(Arc::new(tempfile::tempfile().map_err(failed)?)),
        };
        file.write_all_at(&self.memory, self.spilled).map_err(failed)?;
        self.spilled += more;
        self.memory = Vec::with_capacity(PART_BYTES);
        Ok(())
    }

    /// What is there now, between a beginning and an end.
    pub(super) fn whole(&self, begin: Vec<u8>, end: &[u8]) -> Whole {
        let file = self.file.as_ref().map(|file| Part::File(Arc::clone(file), self.spilled));
        let mut rest = self.memory.clone();
        rest.extend_from_slice(end);
        let parts = [Some(Part::Memory(begin)), file, Some(Part::Memory(rest))];
        Whole::new(parts.into_iter().flatten().collect())
    }
}

/// A whole recording, in memory and in a file. A copy of it begins at its beginning again, if it is
/// [told so](Self::again), and shares the bytes.
#[derive(Clone, Debug)]
pub struct Whole {
    parts: Arc<[Part]>,
    len: u64,
    at: u64,
}

#[derive(Debug)]
enum Part {
    Memory(Vec<u8>),
    /// The first so many bytes of a file.
    File(Arc<File>, u64),
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, len) => *len,
        }
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let most = usize::try_from(self.len() - at).unwrap_or(usize::MAX).min(buffer.len());
        match self {
            Self::Memory(bytes) => {
                let from = usize::try_from(at).unwrap_or(usize::MAX);
                buffer[..most].copy_from_slice(&bytes[from..from + most]);
                Ok(most)
            }
            Self::File(file, _) => file.read_at(&mut buffer[..most], at),
        }
    }
}

impl Whole {
    fn new(parts: Vec<Part>) -> Self {
        let len = parts.iter().map(Part::len).sum();
        Self { parts: parts.into(), len, at: 0 }
    }

    /// The recording in a file, as long as it is now.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn of_file(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self::new(vec![Part::File(Arc::new(file), len)]))
    }

    /// The same from its beginning.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { at: 0, ..self.clone() }
    }

    /// Its bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl From<Vec<u8>> for Whole {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(vec![Part::Memory(bytes)])
    }
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut at = self.at;
        for part in &*self.parts {
            if at < part.len() {
                let read = part.read_at(buffer, at)?;
                self.at += read as u64;
                return Ok(read);
            }
            at -= part.len();
        }
        Ok(0)
    }
}

impl Seek for Whole {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(to) => Some(to),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = to.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut whole: Whole) -> Vec<u8> {
        let mut bytes = Vec::new();
        whole.read_to_end(&mut bytes).expect("it is there");
        bytes
    }

    #[test]
    fn what_does_not_fit_in_memory_is_in_a_file() {
        let mut kept = Kept::new(Bounds { memory: 10, file: 100 });
        let mut all = b"head".to_vec();
        let mut before = kept.whole(b"head".to_vec(), b"end");
        for round in 0..12_u8 {
            kept.push(&[round; 7]).expect("there is room");
            all.extend_from_slice(&[round; 7]);
            let whole = kept.whole(b"head".to_vec(), b"end");
            assert_eq!(whole.len(), all.len() as u64 + 3);
            assert_eq!(read(whole.again()), [&all[..], b"end"].concat());
        }
        assert!(kept.file.is_some() && kept.memory.len() <= 10);
        // One that was taken before is as it was, and a place in it is found.
        assert_eq!(read(before.again()), b"headend");
        before.seek(SeekFrom::End(-3)).expect("a place");
        assert_eq!(read(before), b"end");
    }

    #[test]
    fn past_the_bound_it_says_so() {
        let mut kept = Kept::new(Bounds { memory: 10, file: 20 });
        let why = (0..9).find_map(|_| kept.push(&[0; 9]).err()).expect("it is too much");
        assert!(why.contains("longer than what is kept"), "{why}");
    }
}
