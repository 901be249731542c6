//! Operations as hosts saw them, one JSON line each: small enough to keep all of a run, and enough to
//! judge it again, by these checkers or others.
//!
//! ```text
//! {"op":7,"amf":1,"kind":"write","first":80,"count":16,"block":8,"start":1200,"end":5300,"result":"ok","values":[[16,"w3#17"]]}
//! ```
//!
//! Sectors and nanoseconds; `block` is the size of what is atomic; `end` is missing without an answer; `values` are what was written or read
//! (of a compare-and-write `old` what was compared), as pairs of a number of sectors and a
//! [`Value`]'s text.

use super::reads::Start;
use super::value::{Runs, Value, runs_of, runs_of_write};
use crate::protocol::id::{AmfId, Block, Instant, OpId, SECTOR_BYTES};
use crate::protocol::table::Table;
use crate::protocol::{Answer, RequestKind, Sectors};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// The kind of a line that says that a block may hold anything from then on.
pub const LOST: &str = "lost";

/// Neighbouring sectors with one value: how many, and the value's text.
pub type ValueRun = (u32, String);

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its number.
    pub op: OpId,
    /// The AMF that was asked.
    pub amf: AmfId,
    /// `read`, `write`, `zero`, `caw`, `flush`; [`LOST`].
    pub kind: String,
    /// First sector.
    pub first: u64,
    /// Sectors.
    pub count: u32,
    /// Sectors of a block, each of which is atomic; 0: not said.
    #[serde(default)]
    pub block: u32,
    /// Blocks may have held anything before the first operation, not only zeroes.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub used: bool,
    /// When it was asked, in nanoseconds.
    pub start: u64,
    /// When it was answered, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// `ok`, the kind of error, or `none`: no answer.
    pub result: String,
    /// What was written, or read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ValueRun>,
    /// What a compare-and-write compared with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub old: Vec<ValueRun>,
}

impl Operation {
    /// Its line, without the line end.
    ///
    /// # Errors
    /// Never, unless memory runs out.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn from_json(line: &str) -> Result<Self, String> {
        let operation: Self = serde_json::from_str(line).map_err(|error| error.to_string())?;
        for (_, value) in operation.values.iter().chain(&operation.old) {
            value.parse::<Value>()?;
        }
        Ok(operation)
    }
}

/// Writes each operation when it is answered; at the end, those that were not.
#[derive(Clone, Debug)]
pub struct Recorder<W> {
    output: W,
    sectors_per_block: u32,
    start: Start,
    pending: Table<OpId, Operation>,
}

impl<W: Write> Recorder<W> {
    /// A recorder into `output`, for blocks of `sectors_per_block` sectors that hold what `start` says.
    pub fn new(output: W, sectors_per_block: u32, start: Start) -> Self {
        Self { output, sectors_per_block, start, pending: Table::default() }
    }

    /// An operation starts.
    pub fn on_start(&mut self, op: OpId, amf: AmfId, kind: &RequestKind, now: Instant) {
        let per = self.sectors_per_block;
        let (sectors, values, old) = match kind {
            RequestKind::Read(sectors) => (*sectors, Vec::new(), Vec::new()),
            RequestKind::Write(sectors, payload) | RequestKind::WriteFua(sectors, payload) => {
                let mut all = Runs::new();
                for index in 0..sectors.touches(per) {
                    let touch = sectors.touch(index, per);
                    join(&mut all, runs_of_write(payload, sectors.first, touch, per));
                }
                (*sectors, texts(&all), Vec::new())
            }
            RequestKind::Zero(sectors) => {
                (*sectors, vec![(sectors.count, Value::ZERO.to_string())], Vec::new())
            }
            RequestKind::CompareAndWrite { block, old, new } => {
                let first = block.0 * u64::from(per);
                let sectors = Sectors { first, count: new.len() / SECTOR_BYTES };
                (sectors, texts(&runs_of(new, first)), texts(&runs_of(old, first)))
            }
            RequestKind::Flush => (Sectors { first: 0, count: 0 }, Vec::new(), Vec::new()),
        };
        let operation = Operation {
            op,
            amf,
            kind: kind.name().to_owned(),
            first: sectors.first,
            count: sectors.count,
            block: per,
            used: self.start == Start::Unknown,
            start: now.0,
            end: None,
            result: "none".to_owned(),
            values,
            old,
        };
        self.pending.insert(op, operation);
    }

    /// An operation was answered.
    ///
    /// # Errors
    /// Those of the output.
    pub fn on_answer(&mut self, answer: &Answer, now: Instant) -> io::Result<()> {
        let Some(mut operation) = self.pending.remove(&answer.op) else { return Ok(()) };
        operation.end = Some(now.0);
        match &answer.result {
            Ok(touched) => {
                "ok".clone_into(&mut operation.result);
                let mut all = Runs::new();
                for one in touched {
                    let touch = one.touch;
                    let sector = touch.block.0 * u64::from(self.sectors_per_block)
                        + u64::from(touch.offset / SECTOR_BYTES);
                    if let Some(data) = &one.data {
                        join(&mut all, runs_of(data, sector));
                    }
                }
                if !all.is_empty() {
                    operation.values = texts(&all);
                }
            }
            Err(error) => error.name().clone_into(&mut operation.result),
        }
        self.write(&operation)
    }

    /// Hosts live with the loss of what these blocks held: they may hold anything from now on.
    ///
    /// # Errors
    /// Those of the output.
    pub fn on_lost(&mut self, block: Block, count: u64, now: Instant) -> io::Result<()> {
        let per = self.sectors_per_block;
        for block in block.0..block.0 + count {
            self.write(&Operation {
                op: OpId::NONE,
                amf: AmfId(0),
                kind: LOST.to_owned(),
                first: block * u64::from(per),
                count: per,
                block: per,
                used: self.start == Start::Unknown,
                start: now.0,
                end: Some(now.0),
                result: "ok".to_owned(),
                values: Vec::new(),
                old: Vec::new(),
            })?;
        }
        Ok(())
    }

    /// Writes what was not answered, by number, and gives the output back.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        for op in self.pending.keys_sorted() {
            if let Some(operation) = self.pending.remove(&op) {
                self.write(&operation)?;
            }
        }
        self.output.flush()?;
        Ok(self.output)
    }

    fn write(&mut self, operation: &Operation) -> io::Result<()> {
        writeln!(self.output, "{}", operation.to_json()?)
    }
}

/// Adds `more` behind `all`; equal neighbours become one run.
fn join(all: &mut Runs, more: Runs) {
    for (count, value) in more {
        match all.last_mut() {
            Some((sum, last)) if *last == value => *sum += count,
            Some(_) | None => all.push((count, value)),
        }
    }
}

fn texts(runs: &Runs) -> Vec<ValueRun> {
    runs.iter().map(|(count, value)| (*count, value.to_string())).collect()
}
