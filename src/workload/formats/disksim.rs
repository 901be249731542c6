//! DiskSim ASCII: `TIME DEVICE FIRST-SECTOR SECTORS FLAGS`, blanks between.
//!
//! DiskSim's own traces have milliseconds (with decimals) and bit 0 of the flags set for a read.
//! `MQSim`'s traces look the same but have nanoseconds. Nothing in the file tells: hence two options.

use super::parser::Lines;
use super::text::{decimal, number, shown};
use super::{Bad, DEVICES_MAX, Extent, Raw, TimeUnit, TraceOp};
use crate::protocol::Many;

/// Understands one line.
#[derive(Clone, Copy, Debug)]
pub struct DiskSim {
    /// The unit of times.
    pub time_unit: TimeUnit,
    /// Bit 0 of the flags for a read.
    pub read_flag: bool,
}

impl Lines for DiskSim {
    fn line(&mut self, text: &str) -> Result<Option<Raw>, Bad> {
        let mut fields = text.split_ascii_whitespace();
        let mut next = || fields.next();
        let (Some(time), Some(device), Some(first), Some(sectors), Some(flags), None) =
            (next(), next(), next(), next(), next(), next())
        else {
            let found = Many::of(text.split_ascii_whitespace().count(), "field");
            return Err(Bad::new(format!("{found} instead of 5"))
                .hint("a DiskSim line is TIME DEVICE FIRST-SECTOR SECTORS FLAGS"));
        };
        let at = Some(decimal(time, self.time_unit.span().0, "is --time-unit right?")?);
        let device =
            u32::try_from(number("device", device)?)
                .ok()
                .filter(|no| *no < DEVICES_MAX)
                .ok_or_else(|| Bad::new(format!("device {device} is above {}", DEVICES_MAX - 1)))?;
        let extent = Extent::Sectors(number("sector", first)?, number("size", sectors)?);
        let is_read = (flag_bits(flags)? & 1 == 1) == self.read_flag;
        let op = if is_read { TraceOp::Read } else { TraceOp::Write };
        Ok(Some(Raw { at, host: None, device, op, extent }))
    }
}

/// DiskSim writes its flags in hexadecimal, sometimes without a prefix; only bit 0 matters here.
fn flag_bits(text: &str) -> Result<u64, Bad> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16)
        .map_err(|_| Bad::new(format!("flags `{}` are no hexadecimal number", shown(text))))
}
