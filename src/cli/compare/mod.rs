//! `amflab compare`: the same requests on clusters that differ in a few keys, side by side.
//!
//! Every combination of what `--vary` lists is a cell. Each cell is run as often as `--repeat` says, with
//! one seed after the other; the requests of a seed are split among the AMFs
//! beforehand, so that every cell gets the same ones whatever it makes of them. In the
//! simulator cells run in parallel, and what comes out does not depend on how many at once; live clusters take
//! their turns, for each would be in the other's way.

mod cell;
mod grid;
mod logs;
mod page;
mod table;

use super::failure::{FAILED, FINE, Failure, UNDECIDED};
use super::hdr::interval;
use super::interrupt;
use super::progress::Progress;
use super::report::Verdict;
use super::setup::EngineKind;
use super::{Done, complain, output, print};
use crate::protocol::id::Span;
use crate::report::hdr::INTERVAL;
use cell::{How, Run};
use clap::{Args, ValueEnum};
pub(super) use grid::quoted;
use grid::{Cell, Vary};
use logs::Logs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// The bar is drawn again after this, whether a run has ended or not.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Most runs of one comparison.
const RUNS_MAX: usize = 10_000;

/// The form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Aligned columns for people
    Table,
    /// One object
    Json,
    /// One line a cell and figure
    Csv,
    /// One self-contained page
    Html,
}

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab compare --vary protocol=broadcast,sharing,moesi,update --workload ycsb-a
  amflab compare --vary cluster.amfs=2,4,8 --vary cache.lines=64,1024 --workload ycsb-b --repeat 5
  amflab compare --vary cache.write=back,through --workload oltp-like --format html -o writes.html
  amflab compare --vary protocol=sharing,moesi --workload ycsb-a --hdr logs/ --hdr-interval 100ms")]
pub(super) struct CompareArgs {
    /// A built-in profile, or a file (with a `/`, or ending in `.toml`)
    #[arg(short, long, value_name = "NAME", default_value = "demo")]
    profile: String,
    /// Overrides a key of the profile in all cells, as `cache.lines=64`; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// The values that a key takes, as `cache.lines=64,256`; given again, every combination is a cell.
    /// `protocol` is short for `cluster.protocol`; `workload` varies the workload
    #[arg(long, value_name = "KEY=A,B,..", required = true, value_parser = grid::vary)]
    vary: Vec<Vary>,
    /// A workload of the profile, a built-in one, or a file; may be given again (default: the profile's)
    #[arg(long, value_name = "NAME")]
    workload: Vec<String>,
    /// Requests of each workload that has no `ops` of its own
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    ops: u64,
    /// Runs of each cell, each with the next seed
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    repeat: u64,
    /// The first seed, instead of the profile's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The clusters: simulated, or live ones, whose figures are of this machine
    #[arg(long, value_enum, default_value = "sim")]
    engine: EngineKind,
    /// Runs at once (default: one a core; live: one)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=256))]
    jobs: Option<u64>,
    /// Writes latencies over time as `HdrHistogram` interval logs: into this folder, one a cell, or into one
    /// file; tags are the cell, the seed, and read or write
    #[arg(long, value_name = "FILE|FOLDER")]
    hdr: Option<PathBuf>,
    /// A line of such a log is about so long a time on the cluster's clock (default: 1s)
    #[arg(long, value_name = "TIME", value_parser = interval, requires = "hdr")]
    hdr_interval: Option<Span>,
    /// What is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
    /// Writes it into this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What was compared, and what came out.
struct Compared {
    profile: String,
    engine: EngineKind,
    workloads: Vec<String>,
    ops: u64,
    repeat: u64,
    seed: u64,
    vary: Vec<Vary>,
    cells: Vec<Cell>,
    /// Runs by cell; fewer than `repeat` if it was interrupted.
    runs: Vec<Vec<Run>>,
    command: String,
    interrupted: bool,
}

/// Runs every cell, and prints the table.
pub(super) fn compare(args: &CompareArgs) -> Done {
    // Everything that can be wrong is found before anything runs.
    let cells = grid::cells(&args.profile, &args.sets, &args.vary, &args.workload)?;
    let repeat = usize::try_from(args.repeat).unwrap_or(usize::MAX);
    if cells.len().saturating_mul(repeat) > RUNS_MAX {
        let text =
            format!("{} cells, {repeat} times each, are more than {RUNS_MAX} runs", cells.len());
        return Err(Failure::hinted(text, "vary less, or lower --repeat"));
    }
    let output = output::named(args.output.as_deref());
    if let Some(path) = output {
        output::create(path)?;
    }
    let logs = args.hdr.as_deref().map(Logs::create).transpose()?;
    let seed = args.seed.unwrap_or_else(|| cells.first().map_or(1, |cell| cell.profile.seed));
    let interrupted = interrupt::watch();
    let runs = run_all(&cells, args, seed, &interrupted)?;
    let compared = Compared {
        profile: args.profile.clone(),
        engine: args.engine,
        workloads: args.workload.clone(),
        ops: args.ops,
        repeat: args.repeat,
        seed,
        vary: args.vary.clone(),
        interrupted: interrupted.load(Ordering::Relaxed),
        cells,
        runs,
        command: command(args, seed),
    };
    let text = match args.format {
        Form::Table => table::text(&compared),
        Form::Json => table::json(&compared),
        Form::Csv => table::csv(&compared),
        Form::Html => page::html(&compared),
    };
    match output {
        None => print(&text)?,
        Some(path) => output::write(path, text)?,
    }
    if let Some(logs) = logs {
        logs.write(&compared)?;
    }
    if compared.interrupted {
        complain("note", "interrupted: what was not run to its end is left out");
    }
    Ok(code(&compared))
}

/// The worst of all runs.
fn code(compared: &Compared) -> u8 {
    let verdicts = || compared.runs.iter().flatten().map(|run| run.verdict);
    if verdicts().any(|verdict| verdict == Verdict::Violation) {
        return FAILED;
    }
    let undecided = compared.interrupted || verdicts().any(|verdict| verdict == Verdict::Undecided);
    if undecided { UNDECIDED } else { FINE }
}

/// Every run of every cell, a bounded number at once; by cell, in the order of their seeds.
fn run_all(
    cells: &[Cell],
    args: &CompareArgs,
    seed: u64,
    interrupted: &Arc<AtomicBool>,
) -> Result<Vec<Vec<Run>>, Failure> {
    let repeat = usize::try_from(args.repeat).unwrap_or(usize::MAX);
    let all = cells.len() * repeat;
    let cores = match args.engine {
        EngineKind::Sim => thread::available_parallelism().map_or(1, usize::from),
        EngineKind::Live => 1,
    };
    let hdr = args.hdr.as_ref().map(|_| args.hdr_interval.unwrap_or(INTERVAL));
    let how = How { engine: args.engine, ops: args.ops, hdr };
    let jobs = args.jobs.and_then(|jobs| usize::try_from(jobs).ok()).unwrap_or(cores);
    let next = AtomicUsize::new(0);
    let (told, hears) = mpsc::channel();
    let mut done: Vec<Option<Run>> = (0..all).map(|_| None).collect();
    let mut broken = None;
    let mut progress = Progress::of_few(all as u64);
    thread::scope(|scope| {
        for _ in 0..jobs.min(all) {
            let (told, next, how) = (told.clone(), &next, &how);
            scope.spawn(move || {
                while !interrupted.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= all {
                        break;
                    }
                    let (cell, turn) = (&cells[at / repeat], (at % repeat) as u64);
                    let ran = cell::run(cell, how, seed.wrapping_add(turn), interrupted);
                    if told.send((at, ran)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(told);
        let mut count = 0;
        loop {
            match hears.recv_timeout(LOOK_AGAIN) {
                Ok((at, ran)) => {
                    count += 1;
                    match ran {
                        Ok(run) => done[at] = run,
                        Err(failure) => {
                            interrupted.store(true, Ordering::Relaxed);
                            broken.get_or_insert(failure);
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            progress.at(count);
        }
    });
    progress.end();
    if let Some(failure) = broken {
        return Err(failure);
    }
    let mut runs = Vec::new();
    for chunk in done.chunks_mut(repeat) {
        runs.push(chunk.iter_mut().filter_map(Option::take).collect());
    }
    Ok(runs)
}

/// The command that gives the same figures.
fn command(args: &CompareArgs, seed: u64) -> String {
    let mut words = vec!["amflab".to_owned(), "compare".to_owned()];
    let mut option = |name: &str, value: &str| {
        words.push(name.to_owned());
        words.push(grid::quoted(value));
    };
    option("-p", &args.profile);
    args.sets.iter().for_each(|set| option("--set", set));
    args.vary.iter().for_each(|vary| option("--vary", &vary.said()));
    args.workload.iter().for_each(|name| option("--workload", name));
    option("--ops", &args.ops.to_string());
    option("--repeat", &args.repeat.to_string());
    option("--seed", &seed.to_string());
    if args.engine == EngineKind::Live {
        option("--engine", args.engine.name());
    }
    words.join(" ")
}
