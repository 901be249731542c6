//! One parser for each format, behind two small traits: lines of text, and records of equal size.

use super::blkparse::{Blkparse, Event};
use super::cloud::{Alibaba, Systor, Tencent};
use super::detect::Detected;
use super::disksim::DiskSim;
use super::fio::Fio;
use super::jsonl::Jsonl;
use super::msr::Msr;
use super::oracle::Oracle;
use super::spc::Spc;
use super::text::trimmed;
use super::{Bad, Raw, TraceOptions, vscsi};

/// Understands a text format, one line after the other.
pub trait Lines: Send {
    /// One line without blanks around it, never empty; `None` if it asks for nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    fn line(&mut self, text: &str) -> Result<Option<Raw>, Bad>;

    /// Whether lines that begin with `#` are comments.
    fn has_comments(&self) -> bool {
        true
    }
}

/// Understands a binary format, one record after the other.
pub trait Records: Send {
    /// Bytes of a record.
    fn record_bytes(&self) -> usize;

    /// One record, whole; `None` if it asks for nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    fn record(&mut self, record: &[u8]) -> Result<Option<Raw>, Bad>;
}

/// What understands a trace.
pub(super) enum Parser {
    Text(Box<dyn Lines>),
    Binary(Box<dyn Records>),
}

impl Parser {
    pub(super) fn new(detected: Detected, options: &TraceOptions) -> Self {
        let TraceOptions { time_unit, read_flag, .. } = *options;
        match detected {
            Detected::Fio => Self::Text(Box::new(Fio::new())),
            Detected::DiskSim => Self::Text(Box::new(DiskSim { time_unit, read_flag })),
            Detected::Msr => Self::Text(Box::new(Msr::default())),
            Detected::Spc => Self::Text(Box::new(Spc::default())),
            Detected::Blkparse(event) => Self::Text(Box::new(Blkparse::new(event))),
            Detected::Alibaba => Self::Text(Box::new(Alibaba::default())),
            Detected::Tencent => Self::Text(Box::new(Tencent::default())),
            Detected::Systor => Self::Text(Box::new(Systor::default())),
            Detected::Jsonl => Self::Text(Box::new(Jsonl)),
            Detected::Vscsi(version) => Self::Binary(Box::new(vscsi::Vscsi(version))),
            Detected::Oracle => Self::Binary(Box::new(Oracle::new(options.object_sectors))),
        }
    }

    /// One line as it was read.
    pub(super) fn line(parser: &mut dyn Lines, line: &str) -> Result<Option<Raw>, Bad> {
        let text = trimmed(line);
        if text.is_empty() || (parser.has_comments() && text.starts_with('#')) {
            return Ok(None);
        }
        parser.line(text)
    }
}

/// Which formats understand a line of text, for the detection: at most one does.
pub(super) fn who_reads(line: &str) -> Option<Detected> {
    let reads = |parser: &mut dyn Lines| parser.line(line).is_ok();
    if line.starts_with('{') {
        return reads(&mut Jsonl).then_some(Detected::Jsonl);
    }
    if super::blkparse::is_event(line) {
        return Some(Detected::Blkparse(Event::Auto));
    }
    let commas: [(&mut dyn Lines, Detected); 5] = [
        (&mut Msr::default(), Detected::Msr),
        (&mut Systor::default(), Detected::Systor),
        (&mut Alibaba::default(), Detected::Alibaba),
        (&mut Tencent::default(), Detected::Tencent),
        (&mut Spc::default(), Detected::Spc),
    ];
    if line.contains(',') {
        return commas.into_iter().find_map(|(parser, format)| reads(parser).then_some(format));
    }
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let are_numbers = fields.len() == 5 && fields.iter().all(|field| field.parse::<f64>().is_ok());
    are_numbers.then_some(Detected::DiskSim)
}
