//! Lines and records of bounded size from any `BufRead`.

use std::io::{self, BufRead, Read};

/// Longest line of a text trace, its end included, in bytes.
pub const LINE_BYTES_MAX: usize = 4096;

/// What reading a line came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The end of the input; no line.
    End,
    /// A line is in the buffer, without its end.
    Whole,
    /// The last line, and it has no end: perhaps the file was cut off.
    Unended,
    /// Longer than [`LINE_BYTES_MAX`]; it was skipped, the buffer holds its beginning.
    TooLong,
}

/// Reads one line into `buffer`, whose size stays bounded whatever comes.
///
/// # Errors
/// Those of the input.
pub fn read_line(input: &mut impl BufRead, buffer: &mut Vec<u8>) -> io::Result<Line> {
    buffer.clear();
    let taken = input.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', buffer)?;
    if taken == 0 {
        return Ok(Line::End);
    }
    if buffer.last() == Some(&b'\n') {
        buffer.pop();
        if buffer.last() == Some(&b'\r') {
            buffer.pop();
        }
        return Ok(Line::Whole);
    }
    if taken < LINE_BYTES_MAX {
        return Ok(Line::Unended);
    }
    skip_line(input)?;
    Ok(Line::TooLong)
}

/// Skips to behind the next line end without keeping anything.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let (used, found) = {
            let available = match input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            match available.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (available.len(), available.is_empty()),
            }
        };
        input.consume(used);
        if found {
            return Ok(());
        }
    }
}

/// Fills `record` as far as the input goes; gives the bytes read.
///
/// # Errors
/// Those of the input.
pub fn read_record(input: &mut impl BufRead, record: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < record.len() {
        match input.read(&mut record[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_line_is_skipped_without_being_kept() {
        let mut text = vec![b'x'; 3 * LINE_BYTES_MAX];
        text.extend_from_slice(b"\nnext\r\nlast");
        let mut input = io::BufReader::with_capacity(100, &text[..]);
        let mut buffer = Vec::new();
        assert_eq!(read_line(&mut input, &mut buffer).unwrap(), Line::TooLong);
        assert_eq!(buffer.len(), LINE_BYTES_MAX);
        assert_eq!(read_line(&mut input, &mut buffer).unwrap(), Line::Whole);
        assert_eq!(buffer, b"next");
        assert_eq!(read_line(&mut input, &mut buffer).unwrap(), Line::Unended);
        assert_eq!(buffer, b"last");
        assert_eq!(read_line(&mut input, &mut buffer).unwrap(), Line::End);
    }
}
