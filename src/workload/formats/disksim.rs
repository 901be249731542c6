//! DiskSim ASCII: `TIME DEVICE FIRST-SECTOR SECTORS FLAGS`, blanks between.
//!
//! DiskSim's own traces have milliseconds (with decimals) and bit 0 of the flags set for a read.
//! `MQSim`'s traces look the same but have nanoseconds. Nothing in the file tells: hence two options.

use super::{Bad, DEVICES_MAX, Extent, Raw, TimeUnit, TraceOp, number, shown};
use crate::protocol::Many;

/// Understands one line.
#[derive(Clone, Copy, Debug)]
pub struct DiskSim {
    /// The unit of times.
    pub time_unit: TimeUnit,
    /// Bit 0 of the flags for a read.
    pub read_flag: bool,
}

impl DiskSim {
    /// One line; `None` if it is empty or a comment (`#`).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn line(self, line: &str) -> Result<Option<Raw>, Bad> {
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            return Ok(None);
        }
        let mut fields = text.split_ascii_whitespace();
        let mut next = || fields.next();
        let (Some(time), Some(device), Some(first), Some(sectors), Some(flags), None) =
            (next(), next(), next(), next(), next(), next())
        else {
            let found = Many::of(text.split_ascii_whitespace().count(), "field");
            return Err(Bad::new(format!("{found} instead of 5"))
                .hint("a DiskSim line is TIME DEVICE FIRST-SECTOR SECTORS FLAGS"));
        };
        let at = Some(decimal(time, self.time_unit.span().0)?);
        let device =
            u32::try_from(number("device", device)?)
                .ok()
                .filter(|no| *no < DEVICES_MAX)
                .ok_or_else(|| Bad::new(format!("device {device} is above {}", DEVICES_MAX - 1)))?;
        let extent = Extent::Sectors(number("sector", first)?, number("size", sectors)?);
        let is_read = (flag_bits(flags)? & 1 == 1) == self.read_flag;
        let op = if is_read { TraceOp::Read } else { TraceOp::Write };
        Ok(Some(Raw { at, device, op, extent }))
    }
}

/// DiskSim writes its flags in hexadecimal, sometimes without a prefix; only bit 0 matters here.
fn flag_bits(text: &str) -> Result<u64, Bad> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16)
        .map_err(|_| Bad::new(format!("flags `{}` are no hexadecimal number", shown(text))))
}

/// A decimal number times `unit` nanoseconds, exactly: what lies below a nanosecond is cut off.
fn decimal(text: &str, unit: u64) -> Result<u64, Bad> {
    /// Digits after the point that can matter: a millisecond has a million nanoseconds.
    const DIGITS_MAX: usize = 9;
    let bad = || Bad::new(format!("time `{}` is no decimal number", shown(text)));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if (whole.is_empty() && part.is_empty()) || !part.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| bad())? };
    let part = &part[..part.len().min(DIGITS_MAX)];
    let mut scale = unit;
    let mut nanos = 0;
    for digit in part.bytes() {
        // Exact as long as the unit has digits left; then nothing is added any more.
        scale /= 10;
        nanos += u64::from(digit - b'0') * scale;
    }
    whole.checked_mul(unit).and_then(|sum| sum.checked_add(nanos)).ok_or_else(|| {
        Bad::new(format!("time {} is out of range", shown(text))).hint("is --time-unit right?")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact() {
        assert_eq!(decimal("0.123456789", 1_000_000), Ok(123_456));
        assert_eq!(decimal("12.5", 1_000_000), Ok(12_500_000));
        assert_eq!(decimal("938513000", 1), Ok(938_513_000));
        assert_eq!(decimal(".5", 1_000), Ok(500));
        for bad in ["", ".", "1e5", "-1", "1.2.3", "x", "1.x", "99999999999999999999"] {
            assert!(decimal(bad, 1_000).is_err(), "{bad}");
        }
        assert!(decimal("18446744073709551615", 1_000_000).is_err());
    }
}
