//! fio iolog, versions 2 and 3 (fio's HOWTO, "Trace file format v2" and "v3").
//!
//! ```text
//! fio version 2 iolog          fio version 3 iolog
//! FILE add|open|close          TIME FILE add|open|close
//! FILE ACTION OFFSET LENGTH    TIME FILE ACTION OFFSET LENGTH
//! ```
//!
//! Offsets and lengths are bytes. The HOWTO does not say what unit v3's times have; fio's source does:
//! it writes `utime_since_now` of the start of the log and sleeps their differences with `usec_sleep`
//! (`iolog.c`), so they are microseconds. In v2 only `wait` says anything about time: `iolog.c`
//! compares its first number with `mtime_since_genesis`, so it is milliseconds since the job began,
//! although the HOWTO speaks of microseconds; we follow the source. v3 has no `wait`: fio ignores it
//! with a message, here it is a bad line.

use super::parser::Lines;
use super::text::{Names, number, shown};
use super::{Bad, Extent, Raw, TraceOp};

/// Which of the two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// No times.
    V2,
    /// Each line begins with a time.
    V3,
}

/// How the first line of every iolog begins.
pub const HEADER: &str = "fio version ";

/// The version that a first line names.
///
/// # Errors
/// If it names none that is known.
pub fn header(line: &str) -> Result<Version, Bad> {
    match line.trim_end() {
        "fio version 2 iolog" => Ok(Version::V2),
        "fio version 3 iolog" => Ok(Version::V3),
        other if other.starts_with(HEADER) => {
            Err(Bad::new(format!("`{}` is no version that can be read", shown(other)))
                .hint("versions 2 and 3 can be read"))
        }
        other => Err(Bad::new(format!("no fio header, but `{}`", shown(other)))
            .hint("the first line of an iolog is `fio version 2 iolog` or `fio version 3 iolog`; --format chooses another format")),
    }
}

/// Understands one line after the other.
#[derive(Clone, Debug)]
pub struct Fio {
    version: Option<Version>,
    files: Names,
    /// v2: the time that the last `wait` waited for, in ns.
    waited: Option<u64>,
}

impl Fio {
    /// A parser that expects the header first.
    #[must_use]
    pub fn new() -> Self {
        Self { version: None, files: Names::default(), waited: None }
    }

    /// The fields that both versions have: `FILE ACTION [OFFSET LENGTH]`.
    fn request(&mut self, at: Option<u64>, text: &str) -> Result<Option<Raw>, Bad> {
        let mut fields = text.split_ascii_whitespace();
        let (Some(file), Some(action)) = (fields.next(), fields.next()) else {
            return Err(Bad::new("a line has at least a file and an action"));
        };
        let (offset, length) = (fields.next(), fields.next());
        if fields.next().is_some() {
            return Err(Bad::new("too many fields")
                .hint("file names with blanks cannot be told apart in an iolog"));
        }
        let op = match action {
            "add" | "open" | "close" => {
                return match offset {
                    None => self.files.number(file).map(|_| None),
                    Some(_) => Err(Bad::new(format!("`{action}` takes neither offset nor length"))),
                };
            }
            "wait" => return self.wait(at, offset).map(|()| None),
            "sync" | "datasync" | "sync_file_range" | "syncfs" => TraceOp::Flush,
            "read" => TraceOp::Read,
            "write" => TraceOp::Write,
            "trim" => TraceOp::Trim,
            other => {
                return Err(Bad::new(format!("`{}` is no action", shown(other))).hint(
                    "actions are add, open, close, read, write, trim, sync, datasync, sync_file_range, syncfs \
                     and, in version 2, wait",
                ));
            }
        };
        let extent = match (op, offset, length) {
            (TraceOp::Flush, _, _) => Extent::None,
            (_, Some(offset), Some(length)) => {
                Extent::Bytes(number("offset", offset)?, number("length", length)?)
            }
            _ => return Err(Bad::new(format!("`{action}` needs an offset and a length"))),
        };
        let device = self.files.number(file)?;
        Ok(Some(Raw { at: at.or(self.waited), host: None, device, op, extent }))
    }

    fn wait(&mut self, at: Option<u64>, until: Option<&str>) -> Result<(), Bad> {
        if at.is_some() {
            return Err(Bad::new("version 3 has no `wait`: every line has a time"));
        }
        let until = until.ok_or_else(|| Bad::new("`wait` needs a time"))?;
        let until = number("time", until)?
            .checked_mul(1_000_000)
            .ok_or_else(|| Bad::new(format!("time {until} ms is out of range")))?;
        self.waited = Some(self.waited.unwrap_or(0).max(until));
        Ok(())
    }
}

impl Lines for Fio {
    fn line(&mut self, line: &str) -> Result<Option<Raw>, Bad> {
        match self.version {
            None => {
                self.version = Some(header(line)?);
                Ok(None)
            }
            Some(Version::V2) => self.request(None, line),
            Some(Version::V3) => {
                let (time, rest) = line
                    .split_once(|c: char| c.is_ascii_whitespace())
                    .ok_or_else(|| Bad::new(format!("only one field: `{}`", shown(line))))?;
                let at = number("time", time)?
                    .checked_mul(1_000)
                    .ok_or_else(|| Bad::new(format!("time {time} us is out of range")))?;
                self.request(Some(at), rest)
            }
        }
    }

    /// A file may be called so.
    fn has_comments(&self) -> bool {
        false
    }
}

impl Default for Fio {
    fn default() -> Self {
        Self::new()
    }
}
