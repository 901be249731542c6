//! SPC (the `Financial` and `WebSearch` traces): `ASU,LBA,SIZE,OPCODE,TIME[,more]`.
//!
//! "SPC Trace File Format Specification" 1.0.1: the application specific unit is a device, the size
//! counts bytes, the opcode is R or W in either case, the time counts seconds with decimals, further
//! fields may follow. How long a block of the LBA is "is in the description of the trace": 512 bytes
//! in all that are published, and here.

use super::parser::Lines;
use super::text::{Ids, fields, number, seconds, shown};
use super::{Bad, Extent, Raw, TraceOp};
use crate::protocol::Many;
use crate::protocol::id::SECTOR_BYTES;

const COLUMNS: &str = "an SPC line is ASU,LBA,Size,Opcode,Timestamp";

/// Understands one line after the other.
#[derive(Clone, Debug, Default)]
pub struct Spc {
    units: Ids,
}

impl Lines for Spc {
    fn line(&mut self, text: &str) -> Result<Option<Raw>, Bad> {
        let mut found = fields(text);
        let mut next = || found.next();
        let (Some(unit), Some(lba), Some(size), Some(opcode), Some(time)) =
            (next(), next(), next(), next(), next())
        else {
            let found = Many::of(fields(text).count(), "field");
            return Err(Bad::new(format!("{found} instead of 5")).hint(COLUMNS));
        };
        if unit.eq_ignore_ascii_case("asu") {
            return Ok(None);
        }
        let op = read_or_write("opcode", opcode)?;
        let lba = number("LBA", lba)?;
        let offset = lba.checked_mul(u64::from(SECTOR_BYTES));
        let offset = offset.ok_or_else(|| Bad::new(format!("LBA {lba} is out of range")))?;
        let extent = Extent::Bytes(offset, number("size", size)?);
        let at = Some(seconds(time)?);
        Ok(Some(Raw { at, host: None, device: self.units.number("ASU", unit)?, op, extent }))
    }
}

/// `R` or `W`, in either case.
pub(super) fn read_or_write(name: &str, text: &str) -> Result<TraceOp, Bad> {
    match text {
        "R" | "r" => Ok(TraceOp::Read),
        "W" | "w" => Ok(TraceOp::Write),
        _ => Err(Bad::new(format!("{name} `{}` is neither R nor W", shown(text)))),
    }
}
