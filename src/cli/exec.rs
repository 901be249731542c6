//! `amflab exec`: a command script, checked as a whole, then run and compared with what it expects.

use super::console::open_trace;
use super::failure::{FAILED, FINE, Failure};
use super::interrupt;
use super::progress::Progress;
use super::setup::{ClusterArgs, EngineKind, Judge};
use super::{Done, complain, print};
use crate::profile::{self, Profile};
use crate::protocol::Many;
use crate::session::script::LineReport;
use crate::session::{OpenTrace, Replay, ReplayState, ScriptReport, Session, run_script};
use crate::trace::command::{Command, ReplayCommand};
use crate::trace::grammar::{Head, decode};
use crate::trace::snapshot::Ask;
use crate::trace::{Lamp, Limits, Script, parse_script};
use clap::Args;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest script.
const SCRIPT_BYTES_MAX: u64 = 16 << 20;
/// Columns of a command, before what became of it.
const COMMAND_WIDTH: usize = 44;

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab exec tests/conversations/claim-01.txt
  amflab exec --engine live tests/conversations/claim-01.txt
  echo 'write amf0 3 \"alpha\"' | amflab exec -p claims -")]
pub(super) struct ExecArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The cluster
    #[arg(long, value_enum, default_value = "sim")]
    engine: EngineKind,
    /// Rewrites the expected traces in the script; read the difference before you keep it
    #[arg(long)]
    bless: bool,
    /// The script, or `-` for standard input. Its head may name a profile: `# profile: NAME`
    #[arg(value_name = "SCRIPT")]
    script: PathBuf,
}

/// Runs a script.
pub(super) fn exec(args: &ExecArgs) -> Done {
    let is_stdin = args.script.as_os_str() == "-";
    if args.bless && (is_stdin || args.engine == EngineKind::Live) {
        let hint = "expected traces come from the simulator, and go into a file";
        return Err(Failure::hinted("--bless is not possible here", hint));
    }
    let name = if is_stdin { "-".to_owned() } else { args.script.display().to_string() };
    let bytes =
        read(&args.script, is_stdin).map_err(|why| Failure::usage(format!("{name}: {why}")))?;
    let text = decode(&bytes, &name).map_err(Failure::usage)?;
    let head = Head::of(text);
    let default = head.profile.as_deref().unwrap_or("demo");
    let profile = args.cluster.load_with(default, &head.sets, head.seed)?;
    let base =
        if is_stdin { Path::new(".") } else { args.script.parent().unwrap_or(Path::new(".")) };
    let script = parse_script(text, &name, &Limits::of(&profile, base)).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::usage(errors.join("\n"))
    })?;
    check_traces(&script, &profile)?;
    check_workloads(&script, &profile)?;
    let report = perform(args, &profile, &script)?;
    if args.bless {
        let blessed = script.blessed(&report.traces);
        replace(&args.script, &blessed).map_err(|why| Failure::broken(format!("{name}: {why}")))?;
    }
    Ok(if report.is_fine() { FINE } else { FAILED })
}

/// Opens a trace, with a bar.
fn with_bar(open: &OpenTrace, words: &str) -> Result<Replay, String> {
    let mut progress: Option<Progress> = None;
    let opened = open(words, &mut |bytes, all| {
        progress.get_or_insert_with(|| Progress::of_bytes(all)).at(bytes);
        true
    });
    if let Some(mut progress) = progress {
        progress.end();
    }
    opened
}

/// Every trace that the script replays can be read and fits, before anything runs.
fn check_traces(script: &Script, profile: &Profile) -> Result<(), Failure> {
    let open = open_trace(profile);
    for entry in &script.entries {
        if let Command::Replay(ReplayCommand::Start(words)) = &entry.command
            && let Err(why) = with_bar(&open, words)
        {
            return Err(Failure::usage(format!("{}:{}: {why}", script.file, entry.line)));
        }
    }
    Ok(())
}

/// Every built-in workload that the script starts fits the cluster, before anything runs.
fn check_workloads(script: &Script, profile: &Profile) -> Result<(), Failure> {
    for entry in &script.entries {
        if let Command::Workload(true, name) = &entry.command
            && profile.workloads.iter().all(|own| own.name != *name)
            && let Err(why) = profile::workload_for(profile, name)
        {
            return Err(Failure::usage(format!("{}:{}: {why}", script.file, entry.line)));
        }
    }
    Ok(())
}

/// At most one byte more than is allowed is read, so that a device costs nothing.
fn read(path: &Path, is_stdin: bool) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = if is_stdin {
        std::io::stdin().lock().take(SCRIPT_BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(SCRIPT_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    match read {
        Err(error) => Err(format!("cannot be read: {error}")),
        Ok(length) if length as u64 > SCRIPT_BYTES_MAX => {
            Err("larger than a script may be: 16 MiB".to_owned())
        }
        Ok(_) => Ok(bytes),
    }
}

fn perform(args: &ExecArgs, profile: &Profile, script: &Script) -> Result<ScriptReport, Failure> {
    let interrupted = interrupt::watch();
    let audits = script.entries.iter().any(|entry| entry.command == Command::Audit);
    let judge = if audits { Judge::Histories } else { Judge::Reads };
    let engine = args.cluster.start(args.engine, profile, judge)?;
    let mut session = Session::new(engine, profile);
    session.watch_interrupt(interrupted);
    session.set_open_trace(open_trace(profile));
    let mut printed = Ok(());
    let mut count = 0;
    let mut tell = |line: &LineReport| {
        count += 1;
        if printed.is_ok() {
            printed = print(&told(line));
        }
    };
    let ran = run_script(&mut session, script, args.bless, &mut tell);
    tell_troubles(&mut session);
    tell_undecided(&mut session);
    let report = ran?;
    printed?;
    let mut text = String::new();
    for violation in &report.violations {
        let _ = writeln!(text, "VIOLATION {violation}");
    }
    let (failed, engine) = (report.failures.len(), args.engine.name());
    let violations = Many::of(report.violations.len(), "violation");
    let commands = Many(count, "command");
    let _ = writeln!(text, "{commands} ({engine}), {failed} failed, {violations}");
    print(&text)?;
    if let Some(replay) = session.replay().filter(|r| r.state != ReplayState::Done) {
        complain("note", &format!("{}: `run-until replayed` waits for its end", replay.told()));
    }
    if args.engine == EngineKind::Live
        && let Err(error) = session.shutdown()
    {
        complain("note", &error.to_string());
    }
    if !args.cluster.end_recording(session.engine()) {
        return Err(Failure::broken("the script was run, and its recording is not whole"));
    }
    Ok(report)
}

/// What is wrong with disks, and the way out.
fn tell_troubles(session: &mut Session) {
    for disk in session.snapshot(&Ask::BRIEF).disks {
        if let Some(trouble) = disk.trouble {
            complain("note", &trouble);
        }
    }
}

/// Whose linearizability is not known.
fn tell_undecided(session: &mut Session) {
    let snapshot = session.snapshot(&Ask { lamps: true, ..Ask::BRIEF });
    let Some(lamps) = snapshot.lamps else { return };
    if lamps.unknown > 0 {
        let why = lamps.blocks.iter().find(|info| info.lamp == Lamp::Unknown);
        let why = why.map_or_else(String::new, |info| format!(", b{}: {}", info.block.0, info.why));
        let blocks = Many(lamps.unknown, "block");
        complain("note", &format!("linearizability is not known of {blocks}{why}"));
    }
    if lamps.beyond > 0 {
        let ops = Many(lamps.beyond, "operation");
        complain("note", &format!("linearizability: {ops} on more blocks than are watched"));
    }
}

/// A command and what became of it: its line, its words, one word, then what there is to say.
fn told(line: &LineReport) -> String {
    let word = if line.difference.is_empty() { line.report.status.word() } else { "DIFFERS" };
    let mut text = format!("{:>4}  {:<COMMAND_WIDTH$}  {word}\n", line.line, line.command);
    for said in line.report.lines.iter().chain(&line.difference) {
        let _ = writeln!(text, "      {said}");
    }
    text
}

/// Puts a new text in the place of a file: all of it, or nothing.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    std::fs::write(&new, text)?;
    std::fs::rename(&new, path)
}
