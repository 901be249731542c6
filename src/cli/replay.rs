//! `amflab replay`: a recorded block trace, to the sector, every read verified.

use super::export::ExportArgs;
use super::failure::{Failure, UNDECIDED};
use super::hdr::HdrArgs;
use super::interrupt;
use super::load::End;
use super::metrics::ServeArgs;
use super::progress::Progress;
use super::report::TraceReport;
use super::run::{Finish, begin, finish, limit};
use super::setup::{ClusterArgs, EngineKind, time};
use super::{Done, complain, output};
use crate::profile::Profile;
use crate::protocol::id::{AmfSet, Instant, Span};
use crate::workload::formats::{self, Event, Format, Packing, TimeUnit, TraceOptions, TraceReader};
use crate::workload::mapping::{
    AddressMap, Addresses, AmfMap, ReplayOptions, ReplaySource, Survey,
};
use crate::workload::{Driver, DriverSettings, Feed, InOrder, Pace, Paced};
use clap::Args;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Requests outstanding at each AMF when the trace's times are kept: as many as were recorded.
const DEPTH_TIMED: u32 = 256;
/// Requests looked at ahead then, so that one slow AMF does not hold up the others.
const WINDOW_TIMED: usize = 1_024;

/// How a trace is read.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Trace")]
pub(super) struct ReadArgs {
    /// auto, fio, disksim, msr, vscsi, spc, blkparse, alibaba, tencent, systor, oracle, jsonl
    #[arg(long, default_value = "auto")]
    format: Format,
    /// DiskSim: the unit of its times: ns, us, ms
    #[arg(long, default_value = "ms")]
    time_unit: TimeUnit,
    /// DiskSim: bit 0 of the flags of a read
    #[arg(long, value_name = "0|1", default_value = "1", value_parser = ["0", "1"])]
    read_flag: String,
    /// blkparse: the event of a request that counts: Q queued, D issued, C completed (auto: the first
    /// of them in the file)
    #[arg(long, default_value = "auto", value_name = "Q|D|C")]
    event: Event,
    /// Leaves out what comes earlier than this after the first request, as `10s`
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Span>,
    /// Ends at the first request that comes so much later than the first
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Span>,
    /// Takes only N recorded requests
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Counts bad lines and goes on
    #[arg(long)]
    skip_bad: bool,
}

/// How a trace is read, and how it is laid on the cluster.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Trace")]
pub(super) struct TraceArgs {
    #[command(flatten)]
    read: ReadArgs,
    /// Which AMF a request goes to: round-robin, device, hash, random, host (who asked)
    #[arg(long, default_value = "round-robin")]
    map: AmfMap,
    /// So many AMFs get each request: the one it goes to and those after it, on the same blocks
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    replicate: u32,
    /// With --replicate: each copy on blocks of its own
    #[arg(long, requires = "replicate")]
    apart: bool,
    /// Where on the volume: identity (it grows as needed), modulo, dense
    #[arg(long, default_value = "identity")]
    address: AddressMap,
    /// `max`, or so many times as fast as it was recorded: `1x`, `10x`
    #[arg(long, default_value = "max", value_parser = speed)]
    speed: Pace,
    /// With a speed: cuts idle times to at most this (10ms if nothing is said)
    #[arg(long, value_name = "TIME", value_parser = time, num_args = 0..=1, require_equals = true,
          default_missing_value = "10ms")]
    no_stall: Option<Span>,
}

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab replay tpcc.trace --format disksim --time-unit ns --read-flag 1
  amflab replay -p demo --set cluster.amfs=1 disk.csv --json
  amflab replay vm.vscsi.zst --engine live --speed 10x --no-stall=1s
  amflab replay io_traces.csv.gz --map device --address dense --until 1h")]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The trace; gzip, xz and zstd are unpacked (`docs/TRACES.md` has the formats)
    #[arg(value_name = "TRACE")]
    trace: PathBuf,
    #[command(flatten)]
    how: TraceArgs,
    /// The cluster
    #[arg(long, value_enum, default_value = "sim")]
    engine: EngineKind,
    #[command(flatten)]
    exports: ExportArgs,
    #[command(flatten)]
    hdr: HdrArgs,
    #[command(flatten)]
    metrics: ServeArgs,
    /// Reports one JSON object
    #[arg(long)]
    json: bool,
}

/// Replays a trace, and reports.
pub(super) fn replay(args: &ReplayArgs) -> Done {
    for path in args.exports.paths().chain(args.hdr.path()) {
        output::apart(&args.trace, Some(path), "trace")?;
    }
    let mut profile = args.cluster.load("demo")?;
    // What was recorded is all that happens: generators and scheduled faults are for `run`.
    profile.faults.clear();
    let interrupted = interrupt::watch();
    let trace = Trace::survey_shown(&args.trace, &args.how, &profile, &interrupted)?;
    for bad in &trace.survey.bad {
        let text = bad.to_string();
        // What to do about it was said already: `--skip-bad`.
        complain("skipped", text.lines().next().unwrap_or_default());
    }
    trace.grow(&mut profile);
    let counts = trace.survey.counts;
    let devices = trace.survey.devices.len() as u64;
    let laid = trace.lay(&profile)?;
    if let Some(note) = laid.reader.note() {
        complain("note", note);
    }
    let report = TraceReport {
        file: args.trace.display().to_string(),
        format: laid.reader.format(),
        packing: laid.reader.packing().map(Packing::name),
        requests: counts.requests(),
        bad: counts.bad,
        unaligned: counts.unaligned,
        split: counts.split,
        backwards: counts.backwards,
        outside: counts.outside,
        devices,
        volume_blocks: profile.config.blocks,
        map: args.how.map.name(),
        replicate: args.how.replicate,
        speed: match args.how.speed {
            Pace::Max => "max".to_owned(),
            Pace::Times(times) => format!("{times}x"),
        },
        note: laid.reader.note(),
    };
    let asked = counts.requests() * u64::from(args.how.replicate);
    let board = args.metrics.open()?;
    let mut load = begin(&args.cluster, args.engine, &profile, interrupted)?;
    if let Some(board) = board {
        load.serve(board);
    }
    load.export(args.exports.open(profile.config.sectors_per_block())?);
    load.log_latencies(args.hdr.open()?);
    load.settle(limit(args.engine))?;
    let feed = laid.feed(load.next_writer(), load.engine.now());
    load.start_feed("replay", feed);
    let progress = Progress::new(Some(asked));
    let how = Finish {
        cluster: &args.cluster,
        kind: args.engine,
        json: args.json,
        page: None,
        is_kept: true,
        linger: args.metrics.linger(),
    };
    finish(load, &profile, End::default(), progress, Some(report), &how)
}

impl ReadArgs {
    /// `per_block`: sectors of a block of the cluster.
    pub(super) fn options(&self, per_block: u32) -> TraceOptions {
        TraceOptions {
            format: self.format,
            time_unit: self.time_unit,
            read_flag: self.read_flag == "1",
            event: self.event,
            object_sectors: per_block,
            from: self.from,
            until: self.until,
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
    /// `look` hears how many bytes of the file are done, and of how many, and ends it with `false`.
    pub(super) fn survey(
        path: &Path,
        how: &TraceArgs,
        profile: &Profile,
        look: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Self, Failure> {
        let users = profile.config.users().len();
        if how.replicate as usize > users {
            let text = format!("--replicate {} with {users} AMFs", how.replicate);
            return Err(Failure::hinted(text, "each copy goes to an AMF of its own"));
        }
        let per_block = profile.config.sectors_per_block();
        let reader = open_trace(path, how.read.options(per_block))?;
        let all = file_bytes(path);
        let survey = Survey::watched(reader, how.address, per_block, &mut |bytes| look(bytes, all));
        let survey = survey.map_err(|error| trace_failure(&error))?.ok_or_else(cut_short)?;
        if how.map == AmfMap::Host && survey.counts.hostless > 0 {
            let text =
                format!("{}: --map host, but the trace does not say who asked", path.display());
            let hint = "formats that do are msr, blkparse and jsonl";
            return Err(Failure::hinted(text, hint));
        }
        let copies = if how.apart { how.replicate } else { 1 };
        let survey = survey.apart(copies).map_err(Failure::usage)?;
        Ok(Self { path: path.to_owned(), how: how.clone(), survey })
    }

    /// The same with a bar, until `interrupted`.
    pub(super) fn survey_shown(
        path: &Path,
        how: &TraceArgs,
        profile: &Profile,
        interrupted: &AtomicBool,
    ) -> Result<Self, Failure> {
        let mut progress = Progress::of_bytes(file_bytes(path));
        let survey = Self::survey(path, how, profile, &mut |bytes, _| {
            progress.at(bytes);
            !interrupted.load(Ordering::Relaxed)
        });
        progress.end();
        survey
    }

    /// Makes the volume as large as the trace needs.
    pub(super) fn grow(&self, profile: &mut Profile) {
        if let Some(needed) = self.survey.blocks_needed() {
            profile.config.blocks = profile.config.blocks.max(needed);
        }
    }

    /// Lays the trace on the cluster of a profile.
    pub(super) fn lay(self, profile: &Profile) -> Result<Laid, Failure> {
        let options = self.how.read.options(profile.config.sectors_per_block());
        let reader = open_trace(&self.path, options)?;
        let blocks = profile.config.blocks;
        let addresses = Addresses::new(self.survey, blocks).map_err(Failure::usage)?;
        let (amfs, seed) = (profile.config.users(), profile.seed);
        Ok(Laid { reader, addresses, how: self.how, amfs, seed })
    }
}

/// A trace on a cluster, ready to go.
pub(super) struct Laid {
    reader: TraceReader<BufReader<File>>,
    addresses: Addresses,
    how: TraceArgs,
    amfs: AmfSet,
    seed: u64,
}

impl Laid {
    /// How fast it is replayed.
    pub(super) fn speed(&self) -> Pace {
        self.how.speed
    }

    /// Its requests; their stamps carry `writer`.
    pub(super) fn feed(self, writer: u32, now: Instant) -> Box<dyn Feed> {
        let TraceArgs { map, replicate, speed, no_stall, .. } = self.how;
        let layout = ReplayOptions { map, amfs: self.amfs, replicate, seed: self.seed, writer };
        let source = ReplaySource::new(self.reader, self.addresses, layout);
        let requests = Paced::new(source, speed).without_gaps_over(no_stall);
        let (queue_depth, window) = match speed {
            Pace::Max => (1, 1),
            Pace::Times(_) => (DEPTH_TIMED, WINDOW_TIMED),
        };
        let settings = DriverSettings { amfs: self.amfs, queue_depth, late_max: None };
        Box::new(Driver::new(InOrder::new(requests, window), settings, now))
    }
}

/// Opens a trace that can be read twice.
pub(super) fn open_trace(
    path: &Path,
    options: TraceOptions,
) -> Result<TraceReader<BufReader<File>>, Failure> {
    if let Ok(about) = std::fs::metadata(path).map(|about| about.file_type())
        && !about.is_file()
    {
        let (what, hint) = if about.is_dir() {
            ("a folder", "name one of the files in it")
        } else {
            ("not a regular file", "a trace is read twice: write it to a file first")
        };
        return Err(Failure::hinted(format!("{}: {what}", path.display()), hint));
    }
    formats::open(path, options).map_err(|error| trace_failure(&error))
}

/// Bytes of a file, for a bar.
pub(super) fn file_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |about| about.len())
}

/// Ctrl-c came before there was anything to report.
fn cut_short() -> Failure {
    Failure { code: UNDECIDED, text: "interrupted: nothing was run".to_owned() }
}

pub(super) fn trace_failure(error: &formats::TraceError) -> Failure {
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
