//! Values as written in a profile, and how values are written back.

use crate::protocol::id::Span;
use core::time::Duration;

/// A value as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw {
    Text(String),
    Int(i128),
    Float(f64),
    Bool(bool),
    List(Vec<Raw>),
    /// A table, a date: nothing that any key accepts.
    Other(&'static str),
}

impl Raw {
    /// The value as an error quotes it.
    pub(crate) fn quote(&self) -> String {
        match self {
            Self::Text(text) => {
                let short: String = text.chars().take(40).collect();
                let dots = if short.len() < text.len() { ".." } else { "" };
                format!("`{}{dots}`", short.escape_debug())
            }
            Self::Int(n) => format!("`{n}`"),
            Self::Float(x) => format!("`{x}`"),
            Self::Bool(b) => format!("`{b}`"),
            Self::List(_) => "a list".to_owned(),
            Self::Other(what) => (*what).to_owned(),
        }
    }
}

/// A length on the volume, as written: resolved once the block size is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Blocks(u64),
    Bytes(u64),
}

/// The unit of a plain number where a time is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Micros,
    Millis,
    Seconds,
}

impl Unit {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Micros => "us",
            Self::Millis => "ms",
            Self::Seconds => "s",
        }
    }

    pub(super) const fn nanos(self) -> u64 {
        match self {
            Self::Micros => 1_000,
            Self::Millis => 1_000_000,
            Self::Seconds => 1_000_000_000,
        }
    }
}

/// Longest name of a workload.
pub(crate) const NAME_MAX: usize = 40;

/// Names can be typed in a script without quotes.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

pub(super) fn nanos(duration: Duration) -> Option<u64> {
    u64::try_from(duration.as_nanos()).ok()
}

/// Bytes in the largest unit that loses nothing.
pub(super) fn show_size(bytes: u64) -> String {
    let units = [("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in units {
        if bytes > 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    format!("{bytes}B")
}

/// A plain number if the key's unit loses nothing, else text in the largest unit that does not.
pub(super) fn show_time(span: Span, unit: Unit) -> String {
    if span.0.is_multiple_of(unit.nanos()) {
        return (span.0 / unit.nanos()).to_string();
    }
    for (name, nanos) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)] {
        if span.0.is_multiple_of(nanos) {
            return quote(&format!("{}{name}", span.0 / nanos));
        }
    }
    quote(&format!("{}ns", span.0))
}

/// Text as a TOML string.
pub(crate) fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
