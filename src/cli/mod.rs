//! The command line, one file for each subcommand: the only place where parts are put together.
//!
//! Exit codes: 0 fine; 1 a violation, a failed expectation, or a `settle` or `run-until` that ran out;
//! 2 bad usage or bad input (nothing was run, standard output stays empty); 3 undecided, or ctrl-c
//! before the end of what has one. What was asked for goes to standard output; progress, notes and
//! errors go to standard error.
//!
//! Reading order: `setup` (profiles and engines, which all share), `console`, `beside`, `exec`, then what
//! `run` and `replay` have in common (`load`, `read_back`, `tally`, `report`, `expected`, `progress`, `metrics`, `hdr`), `recovery`, `run`,
//! `compare`, `replay`, `trace`, `inspect`, `diff`, `ladder`, `render`, `play`, `check`, `fuzz`, `shrink`, `learn`, `lessons`, `lists`, `protocols`,
//! `screenshot`, `config`, `doctor`,
//! `manual`.

mod beside;
mod check;
mod compare;
mod config;
mod console;
mod diff;
mod doctor;
mod exec;
mod expected;
mod export;
mod failure;
mod fuzz;
mod hdr;
mod inspect;
mod interrupt;
mod ladder;
mod learn;
mod lessons;
mod lists;
mod load;
mod manual;
mod metrics;
mod output;
mod play;
mod progress;
mod protocols;
mod read_back;
mod reading;
mod recovery;
mod render;
mod replay;
mod report;
mod run;
mod screenshot;
mod setup;
mod shrink;
mod tally;
mod trace;

use clap::{Parser, Subcommand};
use failure::Failure;
use std::io::Write;
use std::process::ExitCode;

/// Shown before everything else.
const EXAMPLES: &str = "\
Examples:
  amflab                                          the console, on the demo profile
  amflab run -p demo --workload storm --ops 20000 load, every read verified, figures at the end
  amflab exec tests/conversations/claim-01.txt    a script, checked against its expected trace";

/// `amflab` as clap sees it.
#[derive(Debug, Parser)]
#[command(
    name = "amflab",
    version,
    about = "Interactive console and test bench for storage cache coherency",
    before_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    console: console::ConsoleArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The console: a cluster on the screen, and everything that can be done to it (the default)
    Console(console::ConsoleArgs),
    /// Lets the profile's generators load a cluster, verifies every read, and reports
    Run(run::RunArgs),
    /// The same requests on clusters that differ in a few keys, side by side
    Compare(compare::CompareArgs),
    /// Runs a command script, and compares its expected traces
    Exec(exec::ExecArgs),
    /// Replays a recorded block trace, verifies every read, and reports
    Replay(replay::ReplayArgs),
    /// What a block trace holds, and the same in another format
    #[command(subcommand)]
    Trace(trace::TraceCommand),
    /// What a recording holds: the state at any step, and whether this program comes to the same
    Inspect(inspect::InspectArgs),
    /// The first difference of two recordings
    Diff(diff::DiffArgs),
    /// A recording as a space-time diagram, as text or as a picture
    Ladder(ladder::LadderArgs),
    /// A recording as a page to look at, as JSON or as CSV
    Report(render::ReportArgs),
    /// A recording in the console, to go through to and fro
    Play(play::PlayArgs),
    /// Judges whether recorded histories are linearizable
    Check(check::CheckArgs),
    /// Runs many seeds, each with its own cluster, load and faults, and judges them
    Fuzz(fuzz::FuzzArgs),
    /// Makes a script that fails as short as it will go
    Shrink(shrink::ShrinkArgs),
    /// The built-in profiles
    #[command(subcommand)]
    Profiles(lists::ListCommand),
    /// The built-in workloads: every profile can be run with them
    #[command(subcommand)]
    Workloads(lists::ListCommand),
    /// The coherency protocols
    #[command(subcommand)]
    Protocols(protocols::ProtocolsCommand),
    /// Lessons in the console: the list, or one of them
    Learn(learn::LearnArgs),
    /// The lessons: what there are, and taking one in a plain terminal
    #[command(subcommand)]
    Lessons(lessons::LessonsCommand),
    /// The rules that can be broken on purpose
    #[command(subcommand)]
    Defects(lists::ListCommand),
    /// Draws the console's screen into an SVG file, on the simulator
    Screenshot(screenshot::ScreenshotArgs),
    /// The file with the user's own settings of the console
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Looks whether everything that the program needs is there
    Doctor(doctor::DoctorArgs),
    /// Prints a completion script for a shell
    Completions(manual::CompletionArgs),
    /// Prints the manual page
    Man,
}

/// Runs the program; the result is its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => console::console(&cli.console),
        Some(Command::Console(args)) => console::console(&args),
        Some(Command::Run(args)) => run::run(&args),
        Some(Command::Compare(args)) => compare::compare(&args),
        Some(Command::Exec(args)) => exec::exec(&args),
        Some(Command::Replay(args)) => replay::replay(&args),
        Some(Command::Trace(command)) => trace::trace(&command),
        Some(Command::Inspect(args)) => inspect::inspect(&args),
        Some(Command::Diff(args)) => diff::diff(&args),
        Some(Command::Ladder(args)) => ladder::ladder(&args),
        Some(Command::Report(args)) => render::report(&args),
        Some(Command::Play(args)) => play::play(&args),
        Some(Command::Check(args)) => check::check(&args),
        Some(Command::Fuzz(args)) => fuzz::fuzz(&args),
        Some(Command::Shrink(args)) => shrink::shrink(&args),
        Some(Command::Profiles(what)) => lists::profiles(&what),
        Some(Command::Workloads(what)) => lists::workloads(&what),
        Some(Command::Protocols(what)) => protocols::protocols(&what),
        Some(Command::Learn(args)) => learn::learn(&args),
        Some(Command::Lessons(what)) => lessons::lessons(&what),
        Some(Command::Defects(what)) => lists::defects(&what),
        Some(Command::Screenshot(args)) => screenshot::screenshot(&args),
        Some(Command::Config(what)) => config::config(&what),
        Some(Command::Doctor(args)) => doctor::doctor(&args),
        Some(Command::Completions(args)) => manual::completions(&args),
        Some(Command::Man) => manual::man(),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            complain("error", &failure.text);
            ExitCode::from(failure.code)
        }
    }
}

/// What a subcommand comes to: its exit code.
type Done = Result<u8, Failure>;

/// Prints what was asked for. A reader who has seen enough (`| head`) is no error.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::broken(format!("standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Tells people something on standard error.
fn complain(what: &str, text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{what}: {text}");
}
