//! Block traces of two clouds and of a farm of virtual desktops, all of them CSV.
//!
//! ```text
//! Alibaba   device_id,opcode,offset,length,timestamp          R or W; bytes; us since 1970
//! Tencent   Timestamp,Offset,Size,IOType,VolumeID             s since 1970; sectors; 0 reads, 1 writes
//! Systor    Timestamp,Response,IOType,LUN,Offset,Size         s since 1970 with decimals; bytes; R or W
//! ```
//!
//! What the READMEs of the published traces say ("Alibaba Block Traces" 2020; Tencent CBS, ATC '20;
//! `SYSTOR` '17). Only Systor's files have a heading; one is accepted anywhere. In Systor's, a line
//! without a type is a request whose answer was not seen: it asks for nothing here, and is counted.

use super::parser::Lines;
use super::spc::read_or_write;
use super::text::{Ids, csv, number, seconds, shown, unused_time};
use super::{Bad, Extent, Raw, TraceOp};

/// Alibaba's block traces: understands one line after the other.
#[derive(Clone, Debug, Default)]
pub struct Alibaba {
    devices: Ids,
}

impl Lines for Alibaba {
    fn line(&mut self, text: &str) -> Result<Option<Raw>, Bad> {
        const COLUMNS: &str = "an Alibaba line is device_id,opcode,offset,length,timestamp";
        let [device, opcode, offset, length, time] = csv(text, COLUMNS)?;
        if device.eq_ignore_ascii_case("device_id") {
            return Ok(None);
        }
        let op = read_or_write("opcode", opcode)?;
        let extent = Extent::Bytes(number("offset", offset)?, number("length", length)?);
        let at = number("timestamp", time)?
            .checked_mul(1_000)
            .ok_or_else(|| Bad::new(format!("timestamp {time} us is out of range")))?;
        let device = self.devices.number("device", device)?;
        Ok(Some(Raw { at: Some(at), host: None, device, op, extent }))
    }
}

/// Tencent's CBS traces: understands one line after the other.
#[derive(Clone, Debug, Default)]
pub struct Tencent {
    volumes: Ids,
}

impl Lines for Tencent {
    fn line(&mut self, text: &str) -> Result<Option<Raw>, Bad> {
        const COLUMNS: &str = "a Tencent line is Timestamp,Offset,Size,IOType,VolumeID";
        let [time, offset, size, kind, volume] = csv(text, COLUMNS)?;
        if time.eq_ignore_ascii_case("timestamp") && offset.eq_ignore_ascii_case("offset") {
            return Ok(None);
        }
        let op = match kind {
            "0" => TraceOp::Read,
            "1" => TraceOp::Write,
            _ => {
                let text = format!("type `{}` is neither 0 (read) nor 1 (write)", shown(kind));
                return Err(Bad::new(text));
            }
        };
        let extent = Extent::Sectors(number("offset", offset)?, number("size", size)?);
        let at = Some(seconds(time)?);
        let device = self.volumes.number("volume", volume)?;
        Ok(Some(Raw { at, host: None, device, op, extent }))
    }
}

/// `SYSTOR` '17: understands one line after the other.
#[derive(Clone, Debug, Default)]
pub struct Systor {
    luns: Ids,
}

impl Lines for Systor {
    fn line(&mut self, text: &str) -> Result<Option<Raw>, Bad> {
        const COLUMNS: &str = "a Systor line is Timestamp,Response,IOType,LUN,Offset,Size";
        let [time, response, kind, lun, offset, size] = csv(text, COLUMNS)?;
        if time.eq_ignore_ascii_case("timestamp") && lun.eq_ignore_ascii_case("lun") {
            return Ok(None);
        }
        let at = Some(seconds(time)?);
        let extent = Extent::Bytes(number("offset", offset)?, number("size", size)?);
        let device = self.luns.number("LUN", lun)?;
        if kind.is_empty() {
            return Ok(None);
        }
        unused_time("response time", response)?;
        let op = read_or_write("type", kind)?;
        Ok(Some(Raw { at, host: None, device, op, extent }))
    }
}
