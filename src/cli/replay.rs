//! `amflab replay`: a recorded block trace, to the sector, every read verified.

use super::failure::Failure;
use super::load::End;
use super::progress::Progress;
use super::report::TraceReport;
use super::run::{begin, finish, limit};
use super::setup::{ClusterArgs, EngineKind};
use super::{Done, complain};
use crate::profile::Profile;
use crate::workload::formats::{self, Format, TimeUnit, TraceOptions};
use crate::workload::mapping::{
    AddressMap, Addresses, AmfMap, ReplayOptions, ReplaySource, Survey,
};
use crate::workload::{Driver, DriverSettings, InOrder, Pace, Paced};
use clap::Args;
use std::path::PathBuf;

/// Requests outstanding at each AMF when the trace's times are kept: as many as were recorded.
const DEPTH_TIMED: u32 = 256;
/// Requests looked at ahead then, so that one slow AMF does not hold up the others.
const WINDOW_TIMED: usize = 1_024;

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
    /// The cluster
    #[arg(long, value_enum, default_value = "sim")]
    engine: EngineKind,
    /// `max`, or so many times as fast as it was recorded: `1x`, `10x`
    #[arg(long, default_value = "max", value_parser = speed)]
    speed: Pace,
    /// Replays only the first N recorded requests
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Counts bad lines and goes on
    #[arg(long)]
    skip_bad: bool,
    /// Reports one JSON object
    #[arg(long)]
    json: bool,
}

/// Replays a trace, and reports.
pub(super) fn replay(args: &ReplayArgs) -> Done {
    let mut profile = args.cluster.load("demo")?;
    // What was recorded is all that happens: generators and scheduled faults are for `run`.
    profile.faults.clear();
    let options = args.options();
    let survey = survey(args, options, &profile)?;
    for bad in &survey.bad {
        complain("skipped", &bad.to_string());
    }
    if let Some(needed) = survey.blocks_needed() {
        profile.config.blocks = profile.config.blocks.max(needed);
    }
    let counts = survey.counts;
    let devices = survey.devices.len() as u64;
    let addresses = Addresses::new(survey, profile.config.blocks).map_err(Failure::usage)?;
    let reader = formats::open(&args.trace, options).map_err(|error| trace_failure(&error))?;
    let trace = TraceReport {
        file: args.trace.display().to_string(),
        format: reader.format(),
        requests: counts.requests(),
        bad: counts.bad,
        unaligned: counts.unaligned,
        split: counts.split,
        devices,
        volume_blocks: profile.config.blocks,
        speed: match args.speed {
            Pace::Max => "max".to_owned(),
            Pace::Times(times) => format!("{times}x"),
        },
    };
    let mut load = begin(&args.cluster, args.engine, &profile)?;
    load.settle(limit(args.engine))?;
    let amfs = profile.config.users();
    let writer = load.next_writer();
    let layout = ReplayOptions { map: args.map, amfs, seed: profile.seed, writer };
    let requests = Paced::new(ReplaySource::new(reader, addresses, layout), args.speed);
    let (queue_depth, window) = match args.speed {
        Pace::Max => (1, 1),
        Pace::Times(_) => (DEPTH_TIMED, WINDOW_TIMED),
    };
    let settings = DriverSettings { amfs, queue_depth, late_max: None };
    let driver = Driver::new(InOrder::new(requests, window), settings, load.engine.now());
    load.start_feed("replay", Box::new(driver));
    let progress = Progress::new(Some(counts.requests()));
    finish(load, &profile, End::default(), progress, Some(trace), (args.engine, args.json))
}

impl ReplayArgs {
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

/// The first pass: everything that can be wrong with a trace is found before anything runs.
fn survey(args: &ReplayArgs, options: TraceOptions, profile: &Profile) -> Result<Survey, Failure> {
    if std::fs::metadata(&args.trace).is_ok_and(|about| !about.is_file()) {
        let text = format!("{}: not a regular file", args.trace.display());
        return Err(Failure::hinted(text, "a trace is read twice: write it to a file first"));
    }
    let reader = formats::open(&args.trace, options).map_err(|error| trace_failure(&error))?;
    let per_block = profile.config.sectors_per_block();
    Survey::of(reader, args.address, per_block).map_err(|error| trace_failure(&error))
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
