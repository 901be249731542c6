//! What a sector holds, as one comparable word.
//!
//! The rule of [`super::register`] only asks whether two contents are the same, so a stamp is kept as
//! what it names and other bytes as a digest. Two contents with one digest would hide a wrong read,
//! never make a right one look wrong.

use crate::protocol::id::SECTOR_BYTES;
use crate::protocol::{Data, Payload, Stamp, Touch};
use core::fmt;
use core::hash::Hasher;
use core::str::FromStr;
use smallvec::SmallVec;

/// The content of one sector.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Value(u64, u64);

/// Set in the first word of a digest.
const DIGEST: u64 = 1 << 62;
/// The first word of what is not known yet.
const UNKNOWN: u64 = 1 << 63;

/// Neighbouring sectors with one value, and how many they are.
pub type Runs = SmallVec<[(u32, Value); 1]>;

impl Value {
    /// Zeroes.
    pub const ZERO: Self = Self(0, 0);
    /// Whatever was there when the checker began to look.
    pub const UNKNOWN: Self = Self(UNKNOWN, 0);

    /// Of a stamp that lies at `sector`. A stamp made for another sector is a value of its own, which
    /// no write can have: misplaced content is found.
    pub fn of_stamp(stamp: Stamp, sector: u64) -> Self {
        if stamp == Stamp::ZERO {
            return Self::ZERO;
        }
        let place = u64::from(stamp.volume) << 32 | u64::from(stamp.writer);
        if stamp.sector == sector {
            return Self(place, stamp.sequence);
        }
        let mut hasher = rustc_hash::FxHasher::default();
        hasher.write_u64(place);
        hasher.write_u64(stamp.sequence);
        hasher.write_u64(stamp.sector);
        Self(DIGEST, hasher.finish())
    }

    /// Of bytes that are neither zeroes nor a stamp.
    fn of_bytes(bytes: &[u8]) -> Self {
        let mut hasher = rustc_hash::FxHasher::default();
        hasher.write(bytes);
        Self(DIGEST | u64::from(crc32c::crc32c(bytes)), hasher.finish())
    }

    /// Of what `data` has from its `index`th sector on; `sector` is where that lies.
    fn of_sector(data: &Data, index: u32, sector: u64) -> Self {
        match data.stamp(index) {
            Some(stamp) => Self::of_stamp(stamp, sector),
            None => Self::of_bytes(&data.slice(index * SECTOR_BYTES, SECTOR_BYTES).to_bytes()),
        }
    }

    /// True for bytes that are neither zeroes nor a stamp.
    pub(super) fn is_digest(self) -> bool {
        self.0 & DIGEST != 0
    }

    /// True for [`Value::UNKNOWN`].
    pub fn is_unknown(self) -> bool {
        self == Self::UNKNOWN
    }
}

/// The values of content that begins at `sector`.
pub fn runs_of(data: &Data, sector: u64) -> Runs {
    if let Some((first, count)) = data.run() {
        // The sectors of a run follow each other: the first tells for all.
        return SmallVec::from_buf([(count, Value::of_stamp(first, sector))]);
    }
    let mut runs = Runs::new();
    for index in 0..data.len() / SECTOR_BYTES {
        let value = Value::of_sector(data, index, sector + u64::from(index));
        match runs.last_mut() {
            Some((count, last)) if *last == value => *count += 1,
            Some(_) | None => runs.push((1, value)),
        }
    }
    runs
}

/// The values that one touch of a write puts down; the request begins at sector `first`.
pub fn runs_of_write(payload: &Payload, first: u64, touch: Touch, per: u32) -> Runs {
    match payload {
        Payload::Stamp { volume, writer, sequence } => {
            let stamp =
                Stamp { volume: *volume, writer: *writer, sector: first, sequence: *sequence };
            // A sequence of 0 stands for zeroes (see `Stamp`).
            let value = if *sequence == 0 { Value::ZERO } else { Value::of_stamp(stamp, first) };
            SmallVec::from_buf([(touch.len / SECTOR_BYTES, value)])
        }
        Payload::Bytes(_) => {
            let sector = touch.block.0 * u64::from(per) + u64::from(touch.offset / SECTOR_BYTES);
            runs_of(&payload.part(first, touch, per), sector)
        }
    }
}

/// `0`, `w3#17` (writer 3's 17th write), `v2w3#17` (on volume 2), `x` and a digest, or `?`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(place, low) = *self;
        if *self == Self::ZERO {
            return f.write_str("0");
        }
        if self.is_unknown() {
            return f.write_str("?");
        }
        if place & DIGEST != 0 {
            return write!(f, "x{:08x}{low:016x}", place & !DIGEST);
        }
        match place >> 32 {
            0 => write!(f, "w{}#{low}", place & 0xffff_ffff),
            volume => write!(f, "v{volume}w{}#{low}", place & 0xffff_ffff),
        }
    }
}

impl FromStr for Value {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).ok_or_else(|| format!("`{text}` is no value (0, w3#17, v2w3#17, x.., ?)"))
    }
}

fn parse(text: &str) -> Option<Value> {
    match text {
        "0" => return Some(Value::ZERO),
        "?" => return Some(Value::UNKNOWN),
        _ => {}
    }
    if let Some(digits) = text.strip_prefix('x') {
        let (high, low) = digits.split_at_checked(8)?;
        let high = u32::from_str_radix(high, 16).ok()?;
        let low = u64::from_str_radix(low, 16).ok().filter(|_| low.len() == 16)?;
        return Some(Value(DIGEST | u64::from(high), low));
    }
    let (volume, rest) = match text.strip_prefix('v') {
        Some(rest) => {
            let (volume, rest) = rest.split_once('w')?;
            (volume.parse::<u16>().ok()?, rest)
        }
        None => (0, text.strip_prefix('w')?),
    };
    let (writer, sequence) = rest.split_once('#')?;
    let place = u64::from(volume) << 32 | u64::from(writer.parse::<u32>().ok()?);
    Some(Value(place, sequence.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_a_text_form_both_ways() {
        let stamp = Stamp { volume: 2, writer: 3, sector: 8, sequence: 17 };
        let values = [
            Value::ZERO,
            Value::UNKNOWN,
            Value::of_stamp(stamp, 8),
            Value::of_stamp(Stamp { volume: 0, ..stamp }, 8),
            Value::of_stamp(stamp, 9),
            Value::of_bytes(&[7; 512]),
        ];
        for value in values {
            assert_eq!(value.to_string().parse(), Ok(value));
        }
        assert_eq!(values[2].to_string(), "v2w3#17");
        for bad in ["", "w3", "x12", "v70000w1#1", "w#", "é", "xé"] {
            assert!(bad.parse::<Value>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_same_content_has_the_same_values_however_it_came() {
        let stamp = Stamp { volume: 0, writer: 1, sector: 100, sequence: 5 };
        let run = Data::stamped(stamp, 8);
        let pieces = run.splice(512, &Data::from_bytes(&[9; 512]));
        assert_eq!(runs_of(&run, 100)[..], [(8, Value::of_stamp(stamp, 100))]);
        let runs = runs_of(&pieces, 100);
        assert_eq!(runs[0], (1, Value::of_stamp(stamp, 100)));
        assert_eq!(runs[2], (6, Value::of_stamp(stamp, 100)));
        assert_eq!(runs_of(&Data::from_bytes(&run.to_bytes()), 100), runs_of(&run, 100));
        assert_ne!(runs_of(&run, 101), runs_of(&run, 100), "one sector off is another value");
    }
}
