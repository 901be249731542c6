//! What the text formats share: numbers, decimal times, fields, and names as numbers.

use super::{Bad, DEVICES_MAX};
use crate::protocol::Many;
use core::num::IntErrorKind;

/// A whole number of a text format, named in the error.
pub(super) fn number(name: &str, text: &str) -> Result<u64, Bad> {
    if let Some(number) = short_number(text) {
        return Ok(number);
    }
    text.parse::<u64>().map_err(|error| {
        let why = match error.kind() {
            IntErrorKind::PosOverflow => "does not fit 64 bits",
            _ if text.strip_prefix('-').is_some_and(|rest| rest.parse::<u64>().is_ok()) => {
                "is negative"
            }
            _ => "is no whole number",
        };
        Bad::new(format!("{name} `{}` {why}", shown(text)))
    })
}

/// A number that fits 64 bits whatever its digits are, as almost all are: nothing to watch for.
fn short_number(text: &str) -> Option<u64> {
    const DIGITS_MAX: u32 = 19;
    const { assert!(u64::MAX / 10_u64.pow(DIGITS_MAX) >= 1) }
    if text.is_empty() || text.len() > DIGITS_MAX as usize {
        return None;
    }
    text.bytes().try_fold(0, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| sum * 10 + u64::from(digit))
    })
}

/// A decimal number times `unit` nanoseconds, exactly: what lies below a nanosecond is cut off.
pub(super) fn decimal(text: &str, unit: u64, hint: &'static str) -> Result<u64, Bad> {
    /// Digits after the point that can matter: a second has so many nanoseconds.
    const DIGITS_MAX: usize = 9;
    let bad = || {
        let is_negative = text.starts_with('-') && text.len() > 1;
        let why = if is_negative { "is negative" } else { "is no decimal number" };
        Bad::new(format!("time `{}` {why}", shown(text)))
    };
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
    whole
        .checked_mul(unit)
        .and_then(|sum| sum.checked_add(nanos))
        .ok_or_else(|| Bad::new(format!("time {} is out of range", shown(text))).hint(hint))
}

/// A time in seconds, with or without a fraction, in nanoseconds.
pub(super) fn seconds(text: &str) -> Result<u64, Bad> {
    decimal(text, 1_000_000_000, "times of this format are seconds")
}

/// A time that nothing here depends on: a damaged line is told by it, an odd value is nobody's trouble
/// (where two clocks were used, an answer may be earlier than its request).
pub(super) fn unused_time(name: &str, text: &str) -> Result<(), Bad> {
    if text.is_empty() || text.parse::<f64>().is_ok() {
        return Ok(());
    }
    Err(Bad::new(format!("{name} `{}` is no number", shown(text))))
}

/// Without blanks around it. Most texts have none, and are looked at no further.
pub(super) fn trimmed(text: &str) -> &str {
    let is_plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    let bytes = text.as_bytes();
    if is_plain(bytes.first()) && is_plain(bytes.last()) { text } else { text.trim() }
}

/// What stands between commas, without the blanks around it. Fields are short: looking at their bytes
/// one after the other is quicker than a search that is made for long texts.
pub(super) fn fields(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let left = rest?;
        let comma = left.bytes().position(|byte| byte == b',');
        let (field, after) = comma.map_or((left, None), |at| (&left[..at], Some(&left[at + 1..])));
        rest = after;
        Some(trimmed(field))
    })
}

/// Exactly `N` fields with commas between. `columns` names them all in the hint.
pub(super) fn csv<'a, const N: usize>(
    text: &'a str,
    columns: &'static str,
) -> Result<[&'a str; N], Bad> {
    let mut found = [""; N];
    let mut count = 0;
    for field in fields(text) {
        if let Some(place) = found.get_mut(count) {
            *place = field;
        }
        count += 1;
    }
    if count == N {
        return Ok(found);
    }
    let found = Many::of(count, "field");
    Err(Bad::new(format!("{found} instead of {N}")).hint(columns))
}

/// Text for a message: short, and nothing that upsets a terminal.
pub(super) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    let mut out: String = text.chars().take(CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        out.push_str("..");
    }
    out
}

/// Numbers names (files, disks, hosts) in order of appearance.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(rustc_hash::FxHashMap<String, u32>);

impl Names {
    pub(super) fn number(&mut self, name: &str) -> Result<u32, Bad> {
        if let Some(no) = self.0.get(name) {
            return Ok(*no);
        }
        let no = next(self.0.len())?;
        self.0.insert(name.to_owned(), no);
        Ok(no)
    }
}

/// Numbers identifiers that are numbers, of any size, in order of appearance.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids(rustc_hash::FxHashMap<u64, u32>);

impl Ids {
    /// The number of the identifier `text`, which is called `name` in errors.
    pub(super) fn number(&mut self, name: &str, text: &str) -> Result<u32, Bad> {
        let id = number(name, text)?;
        if let Some(no) = self.0.get(&id) {
            return Ok(*no);
        }
        let no = next(self.0.len())?;
        self.0.insert(id, no);
        Ok(no)
    }
}

fn next(known: usize) -> Result<u32, Bad> {
    u32::try_from(known)
        .ok()
        .filter(|no| *no < DEVICES_MAX)
        .ok_or_else(|| Bad::new(format!("more than {DEVICES_MAX} devices or hosts")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact() {
        let decimal = |text, unit| decimal(text, unit, "");
        assert_eq!(decimal("0.123456789", 1_000_000), Ok(123_456));
        assert_eq!(decimal("12.5", 1_000_000), Ok(12_500_000));
        assert_eq!(decimal("938513000", 1), Ok(938_513_000));
        assert_eq!(decimal(".5", 1_000), Ok(500));
        assert_eq!(seconds("1455592811.222713000"), Ok(1_455_592_811_222_713_000));
        for bad in ["", ".", "1e5", "-1", "1.2.3", "x", "1.x", "99999999999999999999"] {
            assert!(decimal(bad, 1_000).is_err(), "{bad}");
        }
        assert!(decimal("18446744073709551615", 1_000_000).is_err());
    }

    #[test]
    fn fields_are_those_of_the_library() {
        for text in ["", ",", "a", " a , b", "a,,b,", "\u{a0}ä\u{a0},\tß", "1,2,3"] {
            let wanted: Vec<&str> = text.split(',').map(str::trim).collect();
            assert_eq!(fields(text).collect::<Vec<_>>(), wanted, "{text:?}");
        }
        for text in
            ["0", "007", "9999999999999999999", "10000000000000000000", "18446744073709551615"]
        {
            assert_eq!(number("size", text).ok(), text.parse().ok());
        }
    }

    #[test]
    fn numbers_say_what_is_wrong_with_them() {
        let what = |text| number("size", text).unwrap_err().what;
        assert_eq!(what("-3"), "size `-3` is negative");
        assert_eq!(
            what("18446744073709551616"),
            "size `18446744073709551616` does not fit 64 bits"
        );
        assert_eq!(what("x"), "size `x` is no whole number");
        assert_eq!(what("-"), "size `-` is no whole number");
    }
}
