//! Our own format: JSON lines, a request each, after a line that says so. `--export-jsonl` and
//! `amflab trace convert` write it.
//!
//! ```text
//! {"trace":"amflab","version":1}
//! {"at_ns":1500000,"host":2,"device":0,"op":"write","sector":4096,"sectors":8}
//! ```
//!
//! `op` is `read`, `write`, `trim` or `flush`; sectors have 512 bytes. `at_ns` may be missing if there
//! are no times, `host` if there are no hosts, `device` is then 0; a flush has no sectors. In what is
//! exported of a run, the host is the number of the AMF that was asked.

use super::parser::Lines;
use super::text::shown;
use super::{Bad, DEVICES_MAX, Extent, Raw, TraceOp};
use serde::{Deserialize, Serialize};

/// The version that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Always `amflab`.
    pub trace: String,
    /// The version of the format.
    pub version: u32,
}

impl Default for Head {
    fn default() -> Self {
        Self { trace: "amflab".to_owned(), version: VERSION }
    }
}

/// A request, as its line has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// When, in nanoseconds from wherever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ns: Option<u64>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<u32>,
    /// Of which device.
    #[serde(default)]
    pub device: u32,
    /// What.
    pub op: Op,
    /// First sector of 512 bytes.
    #[serde(default)]
    pub sector: u64,
    /// How many.
    #[serde(default)]
    pub sectors: u64,
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Discards.
    Trim,
    /// Makes durable.
    Flush,
}

impl From<TraceOp> for Op {
    fn from(op: TraceOp) -> Self {
        match op {
            TraceOp::Read => Self::Read,
            TraceOp::Write => Self::Write,
            TraceOp::Trim => Self::Trim,
            TraceOp::Flush => Self::Flush,
        }
    }
}

impl From<Op> for TraceOp {
    fn from(op: Op) -> Self {
        match op {
            Op::Read => Self::Read,
            Op::Write => Self::Write,
            Op::Trim => Self::Trim,
            Op::Flush => Self::Flush,
        }
    }
}

/// Understands one line after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Jsonl;

impl Lines for Jsonl {
    fn line(&mut self, text: &str) -> Result<Option<Raw>, Bad> {
        if text.contains("\"trace\"") && head(text)? {
            return Ok(None);
        }
        let request: Request = serde_json::from_str(text).map_err(|error| {
            Bad::new(format!("no request: {}", shown_error(&error))).hint(
                "a line is {\"at_ns\":0,\"host\":0,\"device\":0,\"op\":\"read\",\"sector\":0,\"sectors\":8}",
            )
        })?;
        let Request { at_ns: at, host, device, op, sector, sectors } = request;
        if let Some(no) = [Some(device), host].into_iter().flatten().find(|no| *no >= DEVICES_MAX) {
            return Err(Bad::new(format!("device or host {no} is above {}", DEVICES_MAX - 1)));
        }
        let extent = match op {
            Op::Flush => Extent::None,
            Op::Read | Op::Write | Op::Trim => Extent::Sectors(sector, sectors),
        };
        Ok(Some(Raw { at, host, device, op: op.into(), extent }))
    }
}

/// Whether a line is the head of a trace; an error if it is one of another version.
fn head(text: &str) -> Result<bool, Bad> {
    match serde_json::from_str::<Head>(text) {
        Ok(head) if head == Head::default() => Ok(true),
        Ok(head) => {
            let Head { trace, version } = head;
            Err(Bad::new(format!("a trace of `{}`, version {version}", shown(&trace)))
                .hint("version 1 of `amflab` can be read"))
        }
        Err(_) => Ok(false),
    }
}

/// What is wrong, without a line number, which is always 1 here.
fn shown_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    shown_long(text.split(" at line 1 ").next().unwrap_or(&text))
}

fn shown_long(text: &str) -> String {
    text.chars().take(120).flat_map(char::escape_debug).collect::<String>().replace("\\'", "'")
}
