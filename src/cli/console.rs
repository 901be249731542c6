//! `amflab [console]`: the console over a live or a simulated cluster, and the replay of a trace in it.

use super::Done;
use super::failure::{FINE, Failure};
use super::replay::{Trace, TraceArgs};
use super::setup::{ClusterArgs, EngineKind, Judge};
use crate::profile::Profile;
use crate::session::Replay;
use crate::session::{AnyEngine, OpenTrace};
use crate::tui::{self, ConsoleError, ConsoleOptions, Outside};
use crate::workload::Pace;
use clap::{Args, Parser};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Clone, Debug, Args)]
pub(super) struct ConsoleArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The cluster that is shown
    #[arg(long, value_enum, default_value = "live")]
    engine: EngineKind,
    #[command(flatten)]
    look: Look,
    /// Replays this trace in the console; P pauses it
    #[arg(long, value_name = "TRACE")]
    replay: Option<PathBuf>,
    #[command(flatten)]
    how: TraceArgs,
}

/// How the console looks and listens.
#[derive(Clone, Debug, Args)]
pub(super) struct Look {
    /// ASCII signs and frames only
    #[arg(long)]
    ascii: bool,
    /// A theme: terminal-16, dark, light, colour-blind
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
    /// Leaves the mouse to the terminal
    #[arg(long)]
    no_mouse: bool,
    /// Puts an action on another key, as `quit=ctrl-q`; may be given again
    #[arg(long = "key", value_name = "ACTION=KEY")]
    keys: Vec<String>,
}

impl Look {
    /// `sets`: what the profile was overridden with, for saved sessions.
    pub(super) fn options(&self, sets: Vec<String>) -> ConsoleOptions {
        ConsoleOptions {
            ascii: self.ascii,
            no_color: std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            theme: self.theme.clone(),
            no_mouse: self.no_mouse,
            keys: self.keys.clone(),
            sets,
        }
    }
}

/// Shows a cluster until the user leaves.
pub(super) fn console(args: &ConsoleArgs) -> Done {
    if !tui::terminal::is_there() {
        return Err(Failure::usage(told(&ConsoleError::NoTerminal)));
    }
    let mut profile = args.cluster.load("demo")?;
    let replay = match &args.replay {
        Some(path) => {
            // What was recorded is all that happens by itself.
            profile.faults.clear();
            profile.workloads.iter_mut().for_each(|workload| workload.autostart = false);
            let trace = Trace::survey(path, &args.how, &profile, None)?;
            trace.grow(&mut profile);
            let words = trace_words(path, std::env::args());
            Some(replay_of(trace, words, path, &profile)?)
        }
        None => None,
    };
    let mut sets = args.cluster.sets.clone();
    sets.retain(|set| !set.is_empty());
    if replay.is_some() {
        // It may have grown.
        let bytes = profile.config.blocks * u64::from(profile.config.block_size);
        sets.push(format!("volume.size={bytes}"));
    }
    let engine = args.cluster.start(args.engine, &profile, Judge::Reads)?;
    show(engine, &profile, &args.look.options(sets), replay)
}

/// Shows any engine until the user leaves.
pub(super) fn show(
    engine: AnyEngine,
    profile: &Profile,
    options: &ConsoleOptions,
    replay: Option<Replay>,
) -> Done {
    match tui::run(engine, profile, options, outside(profile), replay) {
        Ok(()) => Ok(FINE),
        Err(error) => Err(match error {
            ConsoleError::NoTerminal | ConsoleError::Theme(_) | ConsoleError::Keys(_) => {
                Failure::usage(told(&error))
            }
            ConsoleError::Terminal(_) | ConsoleError::Engine(_) => Failure::broken(told(&error)),
        }),
    }
}

/// An error's words, its hint in line with everybody else's.
fn told(error: &ConsoleError) -> String {
    error.to_string().replace("\nhint:", "\n  hint:")
}

/// What `:replay` takes: the words of `amflab replay`, without the cluster, which is there.
#[derive(Debug, Parser)]
#[command(name = "replay", no_binary_name = true, disable_help_flag = true, color = clap::ColorChoice::Never)]
struct ReplayWords {
    #[arg(value_name = "TRACE")]
    trace: PathBuf,
    #[command(flatten)]
    how: TraceArgs,
}

/// Opens traces for `:replay`, on the cluster as it is; a panic in a store is caught there.
fn outside(profile: &Profile) -> Outside {
    Outside { is_caught: crate::store::is_guarded, open: open_trace(profile) }
}

/// Opens traces by the words of a script or of the console.
pub(super) fn open_trace(profile: &Profile) -> OpenTrace {
    let profile = profile.clone();
    Arc::new(move |text| {
        let words = ReplayWords::try_parse_from(split(text)?)
            .map_err(|error| first_lines(&error.to_string()))?;
        let opened = Trace::survey(&words.trace, &words.how, &profile, None)
            .and_then(|trace| replay_of(trace, text.to_owned(), &words.trace, &profile));
        opened.map_err(|failure| failure.text)
    })
}

/// The path, quoted if need be, and the options of a trace among a command line's words.
fn trace_words(path: &Path, words: impl Iterator<Item = String>) -> String {
    const TAKE: [&str; 11] = [
        "--format",
        "--time-unit",
        "--read-flag",
        "--event",
        "--from",
        "--until",
        "--limit",
        "--map",
        "--replicate",
        "--address",
        "--speed",
    ];
    const ALONE: [&str; 3] = ["--skip-bad", "--apart", "--no-stall"];
    let path = path.display().to_string();
    let quote = if path.contains('\'') { '"' } else { '\'' };
    let mut text = format!("{quote}{path}{quote}");
    let mut takes_next = false;
    for word in words {
        let name = word.split('=').next().unwrap_or_default();
        let is_option = TAKE.contains(&name);
        if takes_next || is_option || ALONE.contains(&name) {
            text.push(' ');
            text.push_str(&word);
        }
        takes_next = is_option && !word.contains('=');
    }
    text
}

/// Words as a shell would see them: a path with spaces goes in quotes.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            Some(_) | None => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.map_or(Ok(words), |open| Err(format!("a quote {open} is not closed")))
}

/// What is wrong, without how the command is used.
fn first_lines(error: &str) -> String {
    let lines = error.lines().take_while(|line| !line.starts_with("Usage"));
    let text = lines.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("  ");
    text.trim_start_matches("error: ").to_owned()
}

fn replay_of(
    trace: Trace,
    words: String,
    path: &Path,
    profile: &Profile,
) -> Result<Replay, Failure> {
    if let Some(needed) = trace.survey.blocks_needed().filter(|n| *n > profile.config.blocks) {
        let blocks = profile.config.blocks;
        let text = format!("{}: needs {needed} blocks, the volume has {blocks}", path.display());
        let hint = "add `--address modulo`, or start with `amflab --replay TRACE`: then it grows";
        return Err(Failure::hinted(text, hint));
    }
    let requests = trace.survey.counts.requests();
    let laid = trace.lay(profile)?;
    let name =
        path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let is_flat_out = laid.speed() == Pace::Max;
    let feed = Box::new(move |writer, now| laid.feed(writer, now));
    Ok(Replay { words, name, requests, is_flat_out, feed })
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn quotes_keep_a_path_together() {
        let words = split("  'my trace.csv'  --limit 7 \"\" a\"b c\"d ").unwrap_or_default();
        assert_eq!(words, ["my trace.csv", "--limit", "7", "", "ab cd"]);
        assert_eq!(split("  ").unwrap_or_default(), Vec::<String>::new());
        assert!(split("'open").is_err());
    }
}
