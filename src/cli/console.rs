//! `amflab [console]`: the console over a live or a simulated cluster, and the replay of a trace in it.

use super::Done;
use super::beside::{self, Again};
use super::config::Place;
use super::failure::{FINE, Failure};
use super::lessons::ProgressPlace;
use super::metrics::{Metered, MetricsArgs};
use super::replay::{Trace, TraceArgs};
use super::setup::{ClusterArgs, EngineKind, Judge};
use crate::campaign::foresee::{Foresight, Options};
use crate::check::Judged;
use crate::profile::Profile;
use crate::protocol::id::Block;
use crate::session::Replay;
use crate::session::{AnyEngine, OpenTrace};
use crate::sim::trunk::{self, Fork};
use crate::trace::Foreseen;
use crate::trace::recording::Whole;
use crate::tui::config::Ascii;
use crate::tui::plain::Events;
use crate::tui::surroundings::Surroundings;
use crate::tui::theme::Theme;
use crate::tui::{self, Besides, ConsoleError, ConsoleOptions, Forked, Forks, Outside};
use crate::workload::Pace;
use clap::{Args, Parser, ValueEnum};
use std::io::{BufReader, stdin, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[derive(Clone, Debug, Args)]
pub(super) struct ConsoleArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The cluster that is shown (default: live; with --beside: sim)
    #[arg(long, value_enum)]
    engine: Option<EngineKind>,
    /// Two simulated clusters on the same input: the second has this key of the profile changed, as
    /// `protocol=moesi`; may be given again
    #[arg(long, value_name = "KEY=VALUE", conflicts_with_all = ["data_dir", "lesson"])]
    beside: Vec<String>,
    #[command(flatten)]
    look: Look,
    /// Begins with this lesson: its name, its number, or a file
    #[arg(long, value_name = "NAME", conflicts_with = "replay")]
    lesson: Option<String>,
    /// Replays this trace in the console; P pauses it
    #[arg(long, value_name = "TRACE")]
    replay: Option<PathBuf>,
    #[command(flatten)]
    how: TraceArgs,
    #[command(flatten)]
    metrics: MetricsArgs,
}

/// How the console looks and listens.
#[derive(Clone, Debug, Args)]
pub(super) struct Look {
    /// ASCII signs and frames only: always, never, or auto, if the locale has nothing else
    #[arg(
        long,
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "always"
    )]
    ascii: Option<When>,
    /// A theme: terminal-16, dark, light, colour-blind
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
    /// Leaves the mouse to the terminal
    #[arg(long)]
    no_mouse: bool,
    #[command(flatten)]
    place: ProgressPlace,
    /// Puts an action on another key, as `quit=ctrl-q`, or on none; may be given again
    #[arg(long = "key", value_name = "ACTION=KEY")]
    keys: Vec<String>,
    /// Records the session as an asciicast into this new file
    #[arg(long, value_name = "FILE", conflicts_with = "plain")]
    cast: Option<PathBuf>,
    /// No screen: prints lines, and takes commands from standard input, one a line
    #[arg(long)]
    plain: bool,
    /// With --plain: which events are printed
    #[arg(long, value_enum, default_value = "some", requires = "plain")]
    events: Told,
    /// Settings from this file; `none`: from no file. Else from `AMFLAB_CONFIG`, or the user's own
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Which events are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Told {
    /// None: only what comes of commands
    None,
    /// What changes the cluster, and what is wrong with it
    Some,
    /// Also what hosts ask, and what they are answered
    Hosts,
    /// Also messages and disks
    All,
}

/// When to draw with ASCII only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

impl Look {
    /// Which events are printed; `None`: there is a screen.
    pub(super) fn plain(&self) -> Option<Events> {
        self.plain.then_some(match self.events {
            Told::None => Events::None,
            Told::Some => Events::Some,
            Told::Hosts => Events::Hosts,
            Told::All => Events::All,
        })
    }

    /// `sets`: what the profile was overridden with, for saved sessions.
    pub(super) fn options(&self, sets: Vec<String>) -> Result<ConsoleOptions, Failure> {
        let place = Place::of(self.config.as_deref());
        let mut config = place.load()?;
        let layouts = place.path().and_then(Path::parent).map(|folder| folder.join("layouts"));
        if let Some(name) = &self.theme {
            let theme = Theme::named(name).map_err(Failure::told)?;
            config.theme = Theme::names().find(|known| *known == theme.name).unwrap_or_default();
        }
        config.mouse &= !self.no_mouse;
        let here = Surroundings::here();
        let ascii = match self.ascii {
            None => config.ascii,
            Some(When::Auto) => Ascii::Auto,
            Some(When::Always) => Ascii::Always,
            Some(When::Never) => Ascii::Never,
        };
        let ascii = match ascii {
            Ascii::Auto => here.only_ascii(),
            Ascii::Always => Some(String::new()),
            Ascii::Never => None,
        };
        let keys = self.keys.clone();
        let (no_color, depth) = (here.no_color, here.depth());
        let (cast, term) = (self.cast.clone(), here.term);
        let progress = self.place.load();
        let lesson = None;
        Ok(ConsoleOptions {
            config,
            ascii,
            no_color,
            depth,
            cast,
            layouts,
            term,
            keys,
            sets,
            progress,
            lesson,
        })
    }
}

/// Shows a cluster until the user leaves.
pub(super) fn console(args: &ConsoleArgs) -> Done {
    let plain = args.look.plain();
    if plain.is_none() {
        terminal_needed()?;
    }
    if let Some(name) = &args.lesson {
        // Before the terminal is taken.
        super::lessons::load(name)?;
    }
    let mut sets = args.cluster.sets.clone();
    sets.retain(|set| !set.is_empty());
    let mut options = args.look.options(sets)?;
    options.lesson.clone_from(&args.lesson);
    let mut profile = args.cluster.load("demo")?;
    let replay = match &args.replay {
        Some(path) => {
            // What was recorded is all that happens by itself.
            profile.faults.clear();
            profile.workloads.iter_mut().for_each(|workload| workload.autostart = false);
            // Ctrl-c ends the program here as it does any other: nothing has begun.
            let never = AtomicBool::new(false);
            let trace = Trace::survey_shown(path, &args.how, &profile, &never)?;
            trace.grow(&mut profile);
            let words = trace_words(path, std::env::args());
            Some(replay_of(trace, words, path, &profile)?)
        }
        None => None,
    };
    if replay.is_some() {
        // It may have grown.
        let bytes = profile.config.blocks * u64::from(profile.config.block_size);
        options.sets.push(format!("volume.size={bytes}"));
    }
    let again = again(args, &options);
    let is_live = args.engine == Some(EngineKind::Live);
    if is_live && !args.beside.is_empty() {
        let hint =
            "leave --engine out: only simulated clusters get the same input at the same time";
        return Err(Failure::hinted("--beside with a live cluster", hint));
    }
    let board = args.metrics.open()?;
    let mut engine = if args.beside.is_empty() {
        let kind = args.engine.unwrap_or(EngineKind::Live);
        args.cluster.start(kind, &profile, Judge::Reads)?
    } else {
        let two = beside::two(&profile, &again, &args.beside).map_err(Failure::usage)?;
        args.cluster.record_into(two)?
    };
    if let Some(board) = board {
        engine = Box::new(Metered::new(engine, &profile, board));
    }
    show(engine, &profile, &options, plain, replay, &again)
}

/// The profile as the command line names it, with other keys.
fn again(args: &ConsoleArgs, options: &ConsoleOptions) -> Again {
    // What a replay has changed is among these.
    let cluster = ClusterArgs { sets: options.sets.clone(), ..args.cluster.clone() };
    Arc::new(move |sets| {
        let more = [cluster.sets.as_slice(), sets].concat();
        let cluster = ClusterArgs { sets: more, ..cluster.clone() };
        cluster.load("demo").map_err(|failure| failure.text)
    })
}

/// Refuses where there is nothing to draw on.
pub(super) fn terminal_needed() -> Result<(), Failure> {
    if !tui::terminal::is_there() {
        return Err(Failure::told(ConsoleError::NoTerminal));
    }
    if Surroundings::here().is_dumb() {
        return Err(Failure::told(ConsoleError::Dumb));
    }
    Ok(())
}

/// Shows any engine until the user leaves.
pub(super) fn show(
    engine: AnyEngine,
    profile: &Profile,
    options: &ConsoleOptions,
    plain: Option<Events>,
    replay: Option<Replay>,
    again: &Again,
) -> Done {
    let ran = match plain {
        None => tui::run(engine, profile, options, outside(profile, again), replay),
        Some(events) => {
            let (input, output) = (Box::new(BufReader::new(stdin())), stdout());
            let outside = outside(profile, again);
            tui::run_plain(engine, profile, options, outside, replay, events, input, output)
        }
    };
    match ran {
        Ok(()) => Ok(FINE),
        Err(error) => Err(match error {
            ConsoleError::NoTerminal
            | ConsoleError::Dumb
            | ConsoleError::Theme(_)
            | ConsoleError::Cast(_)
            | ConsoleError::Keys(_) => Failure::told(error),
            ConsoleError::Terminal(_) | ConsoleError::Engine(_) => Failure::broken(error),
        }),
    }
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

/// Opens traces for `:replay`, on the cluster as it is.
fn outside(profile: &Profile, again: &Again) -> Outside {
    Outside {
        is_caught: crate::guard::is_guarded,
        open: open_trace(profile),
        foresee: Arc::new(foresee),
        fork: forks(profile.seed),
        beside: besides(profile, again),
    }
}

/// Tries futures of a run: when did its violation become inevitable?
fn foresee(
    whole: Whole,
    block: Option<Block>,
    told: &mut dyn FnMut(Foreseen) -> bool,
) -> Result<(), String> {
    let options = Options { block, ..Options::default() };
    // Nobody is told anything before the violation is found.
    let mut foresight =
        Foresight::open(whole, options, &mut |_| true).map_err(|error| error.to_string())?;
    while told(foresight.foreseen()) && !foresight.foreseen().done {
        foresight.turn();
    }
    Ok(())
}

/// Goes on from some step of a recording, simulated; each time with another seed.
fn forks(seed: u64) -> Forks {
    Arc::new(move |from, at, no| {
        let Fork { sim, profile, lamps } =
            trunk::fork(from, at, seed.wrapping_add(no)).map_err(|error| error.to_string())?;
        Ok(Forked { engine: Box::new(Judged::with(sim, lamps)), profile })
    })
}

/// Begins two clusters on the same input, each time anew.
fn besides(profile: &Profile, again: &Again) -> Besides {
    let (profile, again) = (profile.clone(), Arc::clone(again));
    Arc::new(move |sets| {
        let engine = beside::two(&profile, &again, sets)?;
        Ok(Forked { engine, profile: profile.clone() })
    })
}

/// Opens traces by the words of a script or of the console.
pub(super) fn open_trace(profile: &Profile) -> OpenTrace {
    let profile = profile.clone();
    Arc::new(move |text, look| {
        let words = ReplayWords::try_parse_from(split(text)?)
            .map_err(|error| first_lines(&error.to_string()))?;
        let opened = Trace::survey(&words.trace, &words.how, &profile, look)
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
