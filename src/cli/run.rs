//! `amflab run`: the profile's generators load a cluster; every read is verified.

use super::compare::quoted;
use super::export::ExportArgs;
use super::failure::Failure;
use super::hdr::HdrArgs;
use super::interrupt;
use super::load::{End, Load};
use super::metrics::{self, ServeArgs};
use super::progress::Progress;
use super::render;
use super::report::{Over, TraceReport};
use super::setup::{ClusterArgs, EngineKind, Judge, time};
use super::{Done, complain, output, print};
use crate::check::Start;
use crate::profile::{self, Profile, WorkloadSpec};
use crate::protocol::id::Span;
use crate::report::html::About;
use crate::session::{SETTLE_LIVE, SETTLE_SIM};
use crate::trace::Action;
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

/// How long a run takes if nothing is said.
const DURATION: Span = Span::secs(10);

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab run                                     ten seconds of the demo profile, live
  amflab run -p demo --workload storm --ops 5000 --json
  amflab run -p wan --engine sim --duration 60s  a minute of virtual time
  amflab run --engine sim --workload ycsb-a --ops 20000 --report run.html")]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    /// The cluster that is loaded
    #[arg(long, value_enum, default_value = "live")]
    engine: EngineKind,
    /// A generator of the profile, a built-in one (`amflab workloads list`), or a file of them
    /// (default: those that start by themselves, else the first)
    #[arg(long, value_name = "NAME")]
    workload: Vec<String>,
    /// Ends after so many requests
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    ops: Option<u64>,
    /// Ends after this time on the cluster's clock, as `10s` (default: the profile's end, else 10s)
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "ops")]
    duration: Option<Span>,
    /// Writes every operation into a file, one JSON line each
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    #[command(flatten)]
    exports: ExportArgs,
    #[command(flatten)]
    hdr: HdrArgs,
    #[command(flatten)]
    metrics: ServeArgs,
    /// Writes a page about the run into this file
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Reports one JSON object
    #[arg(long)]
    json: bool,
}

/// Loads a cluster, and reports.
pub(super) fn run(args: &RunArgs) -> Done {
    let profile = args.cluster.load_workloads("demo", &args.workload)?;
    let specs = workloads(&profile, &args.workload)?;
    let end = end(args, &profile, &specs);
    let (mut cluster, mut folder) = (args.cluster.clone(), None);
    if let Some(path) = &args.report {
        // Found out before anything runs, and not when it is over.
        output::create(path)?;
        if cluster.record.is_none() {
            // A page is made of a recording: of one that nobody keeps, if none is wanted.
            let made = tempfile::tempdir().map_err(Failure::broken)?;
            cluster.record = Some(made.path().join("run.amfrec"));
            folder = Some(made);
        }
    }
    let is_kept = folder.is_none();
    let board = args.metrics.open()?;
    let mut load = begin(&cluster, args.engine, &profile, interrupt::watch())?;
    if let Some(board) = board {
        load.serve(board);
    }
    if let Some(path) = &args.history {
        load.record_history(path)?;
    }
    load.export(args.exports.open(profile.config.sectors_per_block())?);
    load.log_latencies(args.hdr.open()?);
    // What a cluster does at its start belongs to no request.
    load.settle(limit(args.engine))?;
    for spec in &specs {
        // It may have come with another one.
        if !load.is_started(&spec.name) {
            load.start_workload(spec);
        }
    }
    let page = args.report.as_deref();
    let how = Finish {
        cluster: &cluster,
        kind: args.engine,
        json: args.json,
        page,
        is_kept,
        linger: args.metrics.linger(),
    };
    finish(load, &profile, end, Progress::of_run(end.ops, end.duration), None, &how)
}

/// What a run's end depends on.
pub(super) struct Finish<'a> {
    pub(super) cluster: &'a ClusterArgs,
    pub(super) kind: EngineKind,
    pub(super) json: bool,
    /// Where a page about the run goes.
    pub(super) page: Option<&'a Path>,
    /// The recording is wanted for itself.
    pub(super) is_kept: bool,
    /// How long the last figures stay where they are served.
    pub(super) linger: Option<Span>,
}

/// A cluster that is to be loaded.
pub(super) fn begin(
    cluster: &ClusterArgs,
    kind: EngineKind,
    profile: &Profile,
    interrupted: Arc<AtomicBool>,
) -> Result<Load, Failure> {
    // Stamps of an earlier run must not pass for those of this one.
    let used = || (Start::Unknown, fresh_writer());
    let (start, writer) = if cluster.is_used() { used() } else { (Start::Zero, 1) };
    let engine = cluster.start(kind, profile, Judge::Nothing)?;
    Ok(Load::new(engine, profile, start, writer, interrupted))
}

/// Runs to the end, brings the cluster to rest, reads back, ends it in order, and reports.
pub(super) fn finish(
    load: Load,
    profile: &Profile,
    end: End,
    progress: Progress,
    trace: Option<TraceReport>,
    how: &Finish<'_>,
) -> Done {
    let interrupted = load.interrupted();
    let done = end_in_order(load, profile, end, progress, trace, how)?;
    metrics::linger(how.linger, &interrupted);
    Ok(done)
}

fn end_in_order(
    mut load: Load,
    profile: &Profile,
    end: End,
    mut progress: Progress,
    trace: Option<TraceReport>,
    how: &Finish<'_>,
) -> Done {
    let Finish { kind, json, .. } = *how;
    load.run(end, &mut progress)?;
    let measured = load.measured();
    // Whoever counts in the recording leaves out what is read back.
    load.engine.mark_figures(false);
    load.put_last(&measured.counts, false);
    load.end_hdr(&measured)?;
    progress.end();
    if !how.is_kept {
        // The page is about the load alone, not about the reading back.
        load.engine.submit(Action::Record(None))?;
    }
    let rest = load.rest(limit(kind))?;
    load.put_last(&measured.counts, true);
    load.end_history()?;
    load.end_exports()?;
    let load_ref = &mut load;
    let over = Over { profile, load: load_ref, measured, rest, trace };
    let report = over.report();
    print(&if json { report.json() } else { report.text() })?;
    if kind == EngineKind::Live
        && let Err(error) = load.engine.shutdown()
    {
        complain("error", &error.to_string());
        return Ok(report.code().max(1));
    }
    let is_whole = !how.is_kept || how.cluster.end_recording(load.engine.as_mut());
    if let (Some(page), Some(recording)) = (how.page, &how.cluster.record) {
        let file = if how.is_kept { recording.display().to_string() } else { String::new() };
        let verdict = report.verdict.word().to_owned();
        let about = About { verdict, lines: report.lines(), command: command_line(), file };
        render::page(recording, &about, page)?;
    }
    Ok(report.code().max(u8::from(!is_whole)))
}

/// What was typed.
fn command_line() -> String {
    let words = std::env::args().skip(1).map(|word| quoted(&word));
    core::iter::once("amflab".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// How long a cluster may take to come to rest.
pub(super) const fn limit(kind: EngineKind) -> Span {
    match kind {
        EngineKind::Sim => SETTLE_SIM,
        EngineKind::Live => SETTLE_LIVE,
    }
}

/// The workloads that are named, else what the profile starts.
fn workloads(profile: &Profile, names: &[String]) -> Result<Vec<WorkloadSpec>, Failure> {
    let Some(first) = profile.workloads.first() else {
        let text = format!("the profile `{}` has no workload", profile.name);
        let hint = "name a built-in one with --workload (`amflab workloads list`)";
        return Err(Failure::hinted(text, hint));
    };
    if !names.is_empty() {
        return Ok(named(profile, names));
    }
    let auto: Vec<WorkloadSpec> =
        profile.workloads.iter().filter(|spec| spec.autostart).cloned().collect();
    Ok(if auto.is_empty() { vec![first.clone()] } else { auto })
}

/// The workloads that are named; the profile was loaded with them.
pub(super) fn named(profile: &Profile, names: &[String]) -> Vec<WorkloadSpec> {
    let find = |name: &String| {
        let name = if profile::is_path(name) { profile::stem(name) } else { name.clone() };
        profile.workloads.iter().find(|spec| spec.name == name).cloned()
    };
    names.iter().filter_map(find).collect()
}

/// What the command line says, else the profile, else ten seconds unless every generator ends itself.
fn end(args: &RunArgs, profile: &Profile, specs: &[WorkloadSpec]) -> End {
    if args.ops.is_some() || args.duration.is_some() {
        return End { ops: args.ops, duration: args.duration };
    }
    let end = End { ops: profile.end.ops, duration: profile.end.duration };
    let ends_itself = specs.iter().all(WorkloadSpec::ends_itself);
    if end.ops.is_some() || end.duration.is_some() || ends_itself {
        return end;
    }
    End { ops: None, duration: Some(DURATION) }
}

/// A writer that no earlier run on the same folder had: its seconds differ.
fn fresh_writer() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_millis() / 16 % u128::from(u32::MAX - 64)).unwrap_or(0).max(64)
}
