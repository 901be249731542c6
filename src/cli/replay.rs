//! `amflab replay`: a recorded block trace, to the sector, every read verified.

use super::failure::Failure;
use super::load::End;
use super::progress::Progress;
use super::report::TraceReport;
use super::run::{Finish, begin, finish, limit};
use super::setup::{ClusterArgs, EngineKind};
use super::{Done, complain};
use crate::profile::Profile;
use crate::protocol::id::{AmfSet, Instant};
use crate::workload::formats::{self, Format, TimeUnit, TraceOptions, TraceReader};
use crate::workload::mapping::{
    AddressMap, Addresses, AmfMap, ReplayOptions, ReplaySource, Survey,
};
use crate::workload::{Driver, DriverSettings, Feed, InOrder, Pace, Paced};
use clap::Args;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Requests outstanding at each AMF when the trace's times are kept: as many as were recorded.
const DEPTH_TIMED: u32 = 256;
/// Requests looked at ahead then, so that one slow AMF does not hold up the others.
const WINDOW_TIMED: usize = 1_024;

/// How a trace is read, and how it is laid on the cluster.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Trace")]
pub(super) struct TraceArgs {
    /// auto, fio, disksim, msr, vscsi
    #[arg(long, default_value = "auto")]
    format: Format,
    /// DiskSim: the unit of its times: ns, us, ms
    #[arg(long, default_value = "ms")]
    time_unit: TimeUnit,
    /// DiskSim: bit 0 of the flags of a read
    #[arg(long, value_name = "0|1", default_value = "1", value_parser = ["0", "1"])]
    read_flag: String,
    /// Which AMF a request goes to: round-robin, device, hash, random
    #[arg(long, default_value = "round-robin")]
    map: AmfMap,
    /// Where on the volume: identity (it grows as needed), modulo, dense
    #[arg(long, default_value = "identity")]
    address: AddressMap,
    /// `max`, or so many times as fast as it was recorded: `1x`, `10x`
    #[arg(long, default_value = "max", value_parser = speed)]
    speed: Pace,
    /// Replays only the first N recorded requests
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Counts bad lines and goes on
    #[arg(long)]
    skip_bad: bool,
}

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab replay tpcc.trace --format disksim --time-unit ns --read-flag 1
  amflab replay -p demo --set cluster.amfs=1 disk.csv --json
  amflab replay vm.vscsi --engine live --speed 10x")]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The trace: fio iolog v2 or v3, DiskSim ASCII, MSR CSV, vscsi v1 or v2
    #[arg(value_name = "TRACE")]
    trace: PathBuf,
    #[command(flatten)]
    how: TraceArgs,
    /// The cluster
    #[arg(long, value_enum, default_value = "sim")]
    engine: EngineKind,
    /// Reports one JSON object
    #[arg(long)]
    json: bool,
}

/// Replays a trace, and reports.
pub(super) fn replay(args: &ReplayArgs) -> Done {
    let mut profile = args.cluster.load("demo")?;
    // What was recorded is all that happens: generators and scheduled faults are for `run`.
    profile.faults.clear();
    let trace = Trace::survey(&args.trace, &args.how, &profile)?;
    for bad in &trace.survey.bad {
        let text = bad.to_string();
        // What to do about it was said already: `--skip-bad`.
        complain("skipped", text.lines().next().unwrap_or_default());
    }
    trace.grow(&mut profile);
    let counts = trace.survey.counts;
    let devices = trace.survey.devices.len() as u64;
    let laid = trace.lay(&profile)?;
    let report = TraceReport {
        file: args.trace.display().to_string(),
        format: laid.reader.format(),
        requests: counts.requests(),
        bad: counts.bad,
        unaligned: counts.unaligned,
        split: counts.split,
        devices,
        volume_blocks: profile.config.blocks,
        speed: match args.how.speed {
            Pace::Max => "max".to_owned(),
            Pace::Times(times) => format!("{times}x"),
        },
    };
    let mut load = begin(&args.cluster, args.engine, &profile)?;
    load.settle(limit(args.engine))?;
    let feed = laid.feed(load.next_writer(), load.engine.now());
    load.start_feed("replay", feed);
    let progress = Progress::new(Some(counts.requests()));
    let how = Finish { cluster: &args.cluster, kind: args.engine, json: args.json };
    finish(load, &profile, End::default(), progress, Some(report), &how)
}

impl TraceArgs {
    fn options(&self) -> TraceOptions {
        TraceOptions {
            format: self.format,
            time_unit: self.time_unit,
            read_flag: self.read_flag == "1",
            skip_bad: self.skip_bad,
            limit: self.limit,
        }
    }
}

/// A trace that was read once, and has nothing wrong in it.
pub(super) struct Trace {
    path: PathBuf,
    how: TraceArgs,
    pub(super) survey: Survey,
}

impl Trace {
    /// The first pass: everything that can be wrong with a trace is found before anything runs.
    pub(super) fn survey(path: &Path, how: &TraceArgs, profile: &Profile) -> Result<Self, Failure> {
        if std::fs::metadata(path).is_ok_and(|about| !about.is_file()) {
            let text = format!("{}: not a regular file", path.display());
            return Err(Failure::hinted(text, "a trace is read twice: write it to a file first"));
        }
        let reader = formats::open(path, how.options()).map_err(|error| trace_failure(&error))?;
        let per_block = profile.config.sectors_per_block();
        let survey = Survey::of(reader, how.address, per_block);
        let survey = survey.map_err(|error| trace_failure(&error))?;
        Ok(Self { path: path.to_owned(), how: how.clone(), survey })
    }

    /// Makes the volume as large as the trace needs.
    pub(super) fn grow(&self, profile: &mut Profile) {
        if let Some(needed) = self.survey.blocks_needed() {
            profile.config.blocks = profile.config.blocks.max(needed);
        }
    }

    /// Lays the trace on the cluster of a profile.
    pub(super) fn lay(self, profile: &Profile) -> Result<Laid, Failure> {
        let reader = formats::open(&self.path, self.how.options());
        let reader = reader.map_err(|error| trace_failure(&error))?;
        let blocks = profile.config.blocks;
        let addresses = Addresses::new(self.survey, blocks).map_err(Failure::usage)?;
        let (amfs, seed) = (profile.config.users(), profile.seed);
        Ok(Laid { reader, addresses, map: self.how.map, speed: self.how.speed, amfs, seed })
    }
}

/// A trace on a cluster, ready to go.
pub(super) struct Laid {
    reader: TraceReader<BufReader<File>>,
    addresses: Addresses,
    map: AmfMap,
    pub(super) speed: Pace,
    amfs: AmfSet,
    seed: u64,
}

impl Laid {
    /// Its requests; their stamps carry `writer`.
    pub(super) fn feed(self, writer: u32, now: Instant) -> Box<dyn Feed> {
        let layout = ReplayOptions { map: self.map, amfs: self.amfs, seed: self.seed, writer };
        let requests =
            Paced::new(ReplaySource::new(self.reader, self.addresses, layout), self.speed);
        let (queue_depth, window) = match self.speed {
            Pace::Max => (1, 1),
            Pace::Times(_) => (DEPTH_TIMED, WINDOW_TIMED),
        };
        let settings = DriverSettings { amfs: self.amfs, queue_depth, late_max: None };
        Box::new(Driver::new(InOrder::new(requests, window), settings, now))
    }
}

fn trace_failure(error: &formats::TraceError) -> Failure {
    Failure::usage(error.to_string().replace("\nhint:", "\n  hint:"))
}

fn speed(text: &str) -> Result<Pace, String> {
    if text == "max" {
        return Ok(Pace::Max);
    }
    let times = text.strip_suffix('x').and_then(|number| number.parse::<f64>().ok());
    let times = times.filter(|times| times.is_finite() && (0.001..=1e6).contains(times));
    times.map(Pace::Times).ok_or_else(|| format!("`{text}` is no speed (max, 1x, 10x, 0.5x)"))
}
