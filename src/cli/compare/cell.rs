//! One run of one cell, and the figures that it comes to.

use super::grid::Cell;
use super::logs;
use crate::check::Start;
use crate::cli::failure::Failure;
use crate::cli::hdr::Hdr;
use crate::cli::load::{End, Load};
use crate::cli::progress::Progress;
use crate::cli::report::{Over, Verdict};
use crate::cli::run::limit;
use crate::cli::setup::EngineKind;
use crate::live::{LiveEngine, LiveOptions};
use crate::protocol::RequestKind;
use crate::protocol::id::{AmfId, Span};
use crate::session::AnyEngine;
use crate::sim::{Sim, SimOptions};
use crate::workload::Generator;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A figure: its name in JSON and CSV, its heading, and whether people read it as a percentage.
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) is_ratio: bool,
    /// The part of the table that it stands in.
    pub(super) group: &'static str,
}

const fn figure(group: &'static str, name: &'static str, title: &'static str) -> Figure {
    Figure { name, title, is_ratio: false, group }
}

const fn ratio(group: &'static str, name: &'static str, title: &'static str) -> Figure {
    Figure { name, title, is_ratio: true, group }
}

/// Every figure, in the order of [`Run::values`].
pub(super) const FIGURES: [Figure; 16] = [
    figure("messages for each request", "messages_per_op", "messages"),
    figure("messages for each request", "broadcasts_per_op", "broadcasts"),
    figure("messages for each request", "broadcasts_saved_per_op", "saved"),
    figure("messages for each request", "retransmissions_per_op", "sent again"),
    ratio("blocks", "hit_ratio", "hits %"),
    figure("blocks", "peer_transfers_per_op", "peer/op"),
    figure("blocks", "disk_reads_per_op", "reads/op"),
    figure("blocks", "disk_writes_per_op", "writes/op"),
    figure("latency on the cluster's clock, us", "read_p50_us", "read p50"),
    figure("latency on the cluster's clock, us", "read_p99_us", "read p99"),
    figure("latency on the cluster's clock, us", "write_p50_us", "write p50"),
    figure("latency on the cluster's clock, us", "write_p99_us", "write p99"),
    figure("course", "ops_per_s", "requests/s"),
    figure("course", "errors", "errors"),
    figure("course", "retried", "retried"),
    figure("course", "recovery_ms", "recovery ms"),
];

/// What a run came to.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) seed: u64,
    pub(super) verdict: Verdict,
    /// What was asked: equal for equal requests at equal AMFs, in whatever order these were served.
    pub(super) inputs: u64,
    pub(super) ops: u64,
    /// By [`FIGURES`]; `None`: there was nothing to measure.
    pub(super) values: [Option<f64>; FIGURES.len()],
    /// Latencies over time, if they are logged.
    pub(super) log: Vec<u8>,
}

/// How every cell is run.
pub(super) struct How {
    pub(super) engine: EngineKind,
    pub(super) ops: u64,
    /// Latencies are logged, a line for so long a time.
    pub(super) hdr: Option<Span>,
}

/// Runs a cell with one seed; `None` if it was interrupted.
pub(super) fn run(
    cell: &Cell,
    how: &How,
    seed: u64,
    interrupted: &Arc<AtomicBool>,
) -> Result<Option<Run>, Failure> {
    let mut profile = cell.profile.clone();
    profile.seed = seed;
    let limit = limit(how.engine);
    let engine: AnyEngine = match how.engine {
        EngineKind::Sim => {
            let options = SimOptions { judge: false, ..SimOptions::default() };
            Box::new(Sim::new(&profile, seed, options))
        }
        EngineKind::Live => Box::new(LiveEngine::start(&profile, &LiveOptions::default())?),
    };
    let mut load = Load::new(engine, &profile, Start::Zero, 1, Arc::clone(interrupted));
    if let Some(interval) = how.hdr {
        load.log_latencies(Some(Hdr::part(interval, &logs::tags(cell, seed))));
    }
    load.be_quiet();
    load.settle(limit)?;
    load.split_evenly(how.ops);
    load.watch_recovery();
    for spec in &cell.specs {
        if !load.is_started(&spec.name) {
            load.start_workload(spec);
        }
    }
    // How long a run takes is given by its requests.
    let end = End { ops: None, duration: profile.end.duration };
    load.run(end, &mut Progress::none())?;
    let measured = load.measured();
    let log = load.end_hdr(&measured)?;
    let rest = load.rest(limit)?;
    if interrupted.load(Ordering::Relaxed) {
        return Ok(None);
    }
    let over = Over { profile: &profile, load: &mut load, measured, rest, trace: None };
    let report = over.report();
    load.engine.shutdown()?;
    let figures = report.figures();
    Ok(Some(Run {
        seed,
        verdict: report.verdict,
        inputs: inputs(cell, how.ops, seed),
        ops: figures.ops,
        values: [
            figures.per_op(figures.messages),
            figures.per_op(figures.broadcasts),
            figures.per_op(figures.broadcasts_saved),
            figures.per_op(figures.retransmissions),
            figures.hit_ratio,
            figures.per_op(figures.peer_transfers),
            figures.per_op(figures.disk_reads),
            figures.per_op(figures.disk_writes),
            figures.read.p50,
            figures.read.p99,
            figures.write.p50,
            figures.write.p99,
            figures.ops_per_s,
            Some(figures.errors),
            Some(figures.retried),
            figures.recovery_ms,
        ],
        log,
    }))
}

/// A digest of all requests, each AMF's in their order.
fn inputs(cell: &Cell, ops: u64, seed: u64) -> u64 {
    let mut digest = 0u64;
    for (writer, spec) in (1..).zip(&cell.specs).filter(|(_, spec)| spec.counted) {
        let mut generator = Generator::new(spec, &cell.profile.config, seed, writer);
        if spec.ops.is_none() {
            generator = generator.split_evenly(ops);
        }
        let mut lanes: BTreeMap<AmfId, u32> = BTreeMap::new();
        for planned in generator {
            let (sign, first, count) = match &planned.kind {
                RequestKind::Read(sectors) => (0u8, sectors.first, sectors.count),
                RequestKind::Write(sectors, _) => (1, sectors.first, sectors.count),
                RequestKind::WriteFua(sectors, _) => (3, sectors.first, sectors.count),
                _ => (2, 0, 0),
            };
            let sum = lanes.entry(planned.amf).or_default();
            *sum = crc32c::crc32c_append(*sum, &[sign]);
            *sum = crc32c::crc32c_append(*sum, &first.to_le_bytes());
            *sum = crc32c::crc32c_append(*sum, &count.to_le_bytes());
        }
        for (amf, sum) in lanes {
            let lane = u64::from(amf.0) << 32 | u64::from(sum);
            digest = digest.rotate_left(7) ^ lane.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }
    digest
}
