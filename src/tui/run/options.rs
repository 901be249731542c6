//! How the console is wanted, what it needs of others, and why it ends.

use super::super::config::Config;
use super::super::keymap::KeymapError;
use super::super::surroundings::Depth;
use super::super::theme::ThemeError;
use super::{Besides, Foresee, Forks};
use crate::lesson;
use crate::session::OpenTrace;
use crate::trace::engine::EngineError;
use std::io;
use std::path::PathBuf;

/// How the console is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsoleOptions {
    /// What the user wants of every console.
    pub config: Config,
    /// Why ASCII signs and frames are drawn, if they are; an empty text: it was asked for.
    pub ascii: Option<String>,
    /// No colours (`NO_COLOR`); bold and reverse stay.
    pub no_color: bool,
    /// How many colours the terminal has.
    pub depth: Depth,
    /// The session is recorded as an asciicast into this new file.
    pub cast: Option<PathBuf>,
    /// The folder where layouts are kept.
    pub layouts: Option<PathBuf>,
    /// `TERM`, for the cast.
    pub term: String,
    /// Keys changed, on top of the config: `ACTION=KEY`.
    pub keys: Vec<String>,
    /// `--set KEY=VALUE` as given, for `:save`.
    pub sets: Vec<String>,
    /// What the learner has done so far, and where it is kept.
    pub progress: lesson::Progress,
    /// The lesson to begin with; empty: the list of lessons.
    pub lesson: Option<String>,
}

/// What the console needs from rooms that it does not know.
#[derive(Clone)]
pub struct Outside {
    /// Opens the trace that `:replay` names.
    pub open: OpenTrace,
    /// Tries futures of a recording: when did its violation become inevitable?
    pub foresee: Foresee,
    /// Goes on from some step of a recording.
    pub fork: Forks,
    /// Begins two clusters on the same input.
    pub beside: Besides,
    /// True while this thread is where a panic is caught and told as an error: the panic hook then
    /// leaves the terminal alone.
    pub is_caught: fn() -> bool,
}

/// Why the console ended, other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// There is no terminal.
    #[error(
        "the console needs a terminal\nhint: `amflab --plain` prints lines, and `amflab run` works \
         without one"
    )]
    NoTerminal,
    /// There is one that cannot place text.
    #[error(
        "the console cannot draw on this terminal (TERM=dumb)\nhint: `amflab --plain` prints \
         lines, and takes the same commands"
    )]
    Dumb,
    /// The terminal could not be used.
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// No such theme.
    #[error(transparent)]
    Theme(#[from] ThemeError),
    /// A key setting is wrong.
    #[error(transparent)]
    Keys(#[from] KeymapError),
    /// The cast cannot be recorded.
    #[error("--cast {0}\nhint: name a new file, in a folder that is there")]
    Cast(String),
    /// The cluster could not go on, or not end well.
    #[error("the cluster: {0}")]
    Engine(#[from] EngineError),
}
