//! MSR Cambridge CSV: `Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime`.
//!
//! The time counts 100 ns since 1601 (a Windows FILETIME), offset and size are bytes, a disk is
//! (host, number). The published files have no heading line; one is accepted, and so is a missing
//! response time.

use super::parser::Lines;
use super::text::{Names, fields, number, shown, unused_time};
use super::{Bad, Extent, Raw, TraceOp};
use crate::protocol::Many;

/// Understands one line after the other.
#[derive(Clone, Debug, Default)]
pub struct Msr {
    disks: Names,
    hosts: Names,
    /// `host,number` of the line, kept to save an allocation a line.
    name: String,
}

impl Lines for Msr {
    fn line(&mut self, text: &str) -> Result<Option<Raw>, Bad> {
        let mut found = fields(text);
        let mut next = || found.next();
        let (Some(time), Some(host), Some(disk), Some(kind), Some(offset), Some(size)) =
            (next(), next(), next(), next(), next(), next())
        else {
            let found = Many::of(fields(text).count(), "field");
            return Err(Bad::new(format!("{found} instead of 7")).hint(
                "an MSR line is Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime",
            ));
        };
        if time.eq_ignore_ascii_case("timestamp") && host.eq_ignore_ascii_case("hostname") {
            return Ok(None);
        }
        if let Some(response) = next() {
            unused_time("response time", response)?;
        }
        if next().is_some() {
            return Err(Bad::new("more than 7 fields"));
        }
        let at = number("timestamp", time)?
            .checked_mul(100)
            .ok_or_else(|| Bad::new(format!("timestamp {time} is out of range")))?;
        let op = match kind {
            _ if kind.eq_ignore_ascii_case("read") => TraceOp::Read,
            _ if kind.eq_ignore_ascii_case("write") => TraceOp::Write,
            _ => return Err(Bad::new(format!("type `{}` is neither Read nor Write", shown(kind)))),
        };
        let extent = Extent::Bytes(number("offset", offset)?, number("size", size)?);
        number("disk number", disk)?;
        self.name.clear();
        self.name.push_str(host);
        self.name.push(',');
        self.name.push_str(disk);
        let device = self.disks.number(&self.name)?;
        let host = Some(self.hosts.number(host)?);
        Ok(Some(Raw { at: Some(at), host, device, op, extent }))
    }
}
