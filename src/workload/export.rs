//! Requests written as a trace: fio's iolog version 3, or our own JSON lines.
//!
//! An iolog names files. All of a run goes to one, `volume`; of a trace that is converted, each device
//! becomes one, `dev0` and so on. fio wants them added and opened before they are used and closed
//! at the end; its times are microseconds (see `formats::fio`), so what is finer is cut off. It has
//! no place for who asked: JSON lines keep that.

use super::formats::TraceOp;
use super::formats::jsonl::{Head, Request};
use crate::protocol::id::{AmfId, Instant, SECTOR_BYTES};
use crate::protocol::{RequestKind, Sectors};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Write};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// fio iolog version 3.
    Iolog,
    /// Our own JSON lines.
    Jsonl,
}

/// Whose requests they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A run's: all on one volume.
    Run,
    /// A trace's: devices of their own.
    Trace,
}

/// One request to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// When; any clock. `None` if there are no times.
    pub at: Option<Instant>,
    /// Who asked.
    pub host: Option<u32>,
    /// Of which device; 0 for a run.
    pub device: u32,
    /// What.
    pub op: TraceOp,
    /// First sector.
    pub first: u64,
    /// Sectors; 0 for a flush.
    pub sectors: u64,
}

impl Written {
    /// A host's request of a run. A compare-and-write is written as the write that it may be, and
    /// FUA, which traces have no word for, as a write.
    #[must_use]
    pub fn of(at: Instant, amf: AmfId, kind: &RequestKind, sectors_per_block: u32) -> Self {
        let none = Sectors { first: 0, count: 0 };
        let (op, Sectors { first, count }) = match kind {
            RequestKind::Read(sectors) => (TraceOp::Read, *sectors),
            RequestKind::Write(sectors, _) | RequestKind::WriteFua(sectors, _) => {
                (TraceOp::Write, *sectors)
            }
            RequestKind::CompareAndWrite { block, .. } => {
                (TraceOp::Write, Sectors::of_blocks(*block, 1, sectors_per_block))
            }
            RequestKind::Zero(sectors) => (TraceOp::Trim, *sectors),
            RequestKind::Flush => (TraceOp::Flush, none),
        };
        let (host, sectors) = (Some(u32::from(amf.0)), u64::from(count));
        Self { at: Some(at), host, device: 0, op, first, sectors }
    }
}

/// Writes requests as a trace.
pub struct TraceWriter<W: Write> {
    out: W,
    form: Form,
    of: Of,
    /// Devices that were named already, and the sectors that each has.
    devices: FxHashMap<u32, u64>,
    /// Time of the first request, and of the last, counted from it.
    first_at: Option<Instant>,
    last_us: u64,
    requests: u64,
}

impl<W: Write> TraceWriter<W> {
    /// Begins a trace.
    ///
    /// # Errors
    /// Those of the output.
    pub fn new(mut out: W, form: Form, of: Of) -> io::Result<Self> {
        match form {
            Form::Iolog => writeln!(out, "fio version 3 iolog")?,
            Form::Jsonl => line(&mut out, &Head::default())?,
        }
        let devices = FxHashMap::default();
        Ok(Self { out, form, of, devices, first_at: None, last_us: 0, requests: 0 })
    }

    /// Requests written.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// The files that fio needs, by device, each with the bytes that it must have.
    pub fn files_needed(&self) -> Vec<(String, u64)> {
        let bytes = |sectors: u64| sectors.saturating_mul(u64::from(SECTOR_BYTES));
        let of = |device: &u32| self.devices.get(device).copied().unwrap_or(0);
        self.sorted().iter().map(|device| (self.name(*device), bytes(of(device)))).collect()
    }

    fn sorted(&self) -> Vec<u32> {
        let mut devices: Vec<u32> = self.devices.keys().copied().collect();
        devices.sort_unstable();
        devices
    }

    /// Writes a request.
    ///
    /// # Errors
    /// Those of the output.
    pub fn write(&mut self, request: &Written) -> io::Result<()> {
        self.requests += 1;
        let Written { at, host, device, op, first: sector, sectors } = *request;
        let at_ns = at.map(|at| at.since(*self.first_at.get_or_insert(at)).0);
        if self.form == Form::Jsonl {
            let op = op.into();
            return line(&mut self.out, &Request { at_ns, host, device, op, sector, sectors });
        }
        let us = at_ns.unwrap_or(0) / 1_000;
        self.last_us = self.last_us.max(us);
        let name = self.name(device);
        let end = sector.saturating_add(sectors);
        match self.devices.entry(device) {
            Entry::Occupied(mut known) => *known.get_mut() = end.max(*known.get()),
            Entry::Vacant(new) => {
                new.insert(end);
                writeln!(self.out, "{us} {name} add\n{us} {name} open")?;
            }
        }
        let word = match op {
            TraceOp::Read => "read",
            TraceOp::Write => "write",
            TraceOp::Trim => "trim",
            TraceOp::Flush => "sync",
        };
        let bytes = u64::from(SECTOR_BYTES);
        writeln!(self.out, "{us} {name} {word} {} {}", sector * bytes, sectors * bytes)
    }

    /// Ends the trace. Gives the output, flushed.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        if self.form == Form::Iolog {
            for device in self.sorted() {
                writeln!(self.out, "{} {} close", self.last_us, self.name(device))?;
            }
        }
        self.out.flush()?;
        Ok(self.out)
    }

    fn name(&self, device: u32) -> String {
        match self.of {
            Of::Run => "volume".to_owned(),
            Of::Trace => format!("dev{device}"),
        }
    }
}

fn line(out: &mut impl Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
