//! The text of a TOML file: its bytes, its table, where its lines begin, and values as they are written.

use super::error::{Place, Problem};
use super::value::Raw;
use std::io::Read;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where the lines of a file begin.
pub(crate) struct Lines {
    file: String,
    /// Offset of each line's first byte.
    starts: Vec<usize>,
}

impl Lines {
    /// Of a file's text.
    pub(crate) fn new(file: &str, text: &str) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        Self { file: file.to_owned(), starts: core::iter::once(0).chain(starts).collect() }
    }

    /// The line that this byte is in.
    pub(crate) fn place(&self, at: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= at);
        Place::Line { file: self.file.clone(), line: line.max(1) }
    }
}

/// The table of a file, or everything that is no TOML in it.
pub(crate) fn table<'a>(
    text: &'a str,
    lines: &Lines,
) -> Result<Spanned<DeTable<'a>>, Vec<Problem>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(table);
    }
    let problem = |error: &toml::de::Error| Problem {
        place: lines.place(error.span().map_or(0, |span| span.start)),
        key: String::new(),
        text: format!("this is no TOML: {}", error.message()),
        hint: None,
    };
    Err(errors.iter().map(problem).collect())
}

/// Reads a file of at most so many bytes. One byte more than is allowed is read at most, so that a device
/// or a huge file costs nothing. `what` it should be is said if it is too large.
pub(crate) fn read(path: &str, bytes_max: usize, what: &str) -> Result<String, Problem> {
    let fail = |text: String| Problem {
        place: Place::File(path.to_owned()),
        key: String::new(),
        text,
        hint: None,
    };
    let file =
        std::fs::File::open(path).map_err(|error| fail(format!("cannot be opened: {error}")))?;
    let mut bytes = Vec::new();
    file.take(bytes_max as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| fail(format!("cannot be read: {error}")))?;
    if bytes.len() > bytes_max {
        return Err(fail(format!("is larger than {what} may be: {bytes_max} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| fail("is no text in UTF-8".to_owned()))
}

/// A value as it is written.
pub(crate) fn raw(value: &Spanned<DeValue>) -> Raw {
    match value.get_ref() {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(n) => match i128::from_str_radix(n.as_str(), n.radix()) {
            Ok(n) => Raw::Int(n),
            Err(_) => Raw::Other("a number of more than 128 bits"),
        },
        DeValue::Float(x) => match x.as_str().parse::<f64>() {
            Ok(x) => Raw::Float(x),
            Err(_) => Raw::Other("an unreadable number"),
        },
        DeValue::Boolean(value) => Raw::Bool(*value),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Array(all) => Raw::List(all.iter().map(raw).collect()),
        DeValue::Table(_) => Raw::Other("a table"),
    }
}
