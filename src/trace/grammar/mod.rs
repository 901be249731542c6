//! The text form of [`Command`], both ways: what a person types, a script file says and `:save` writes.
//!
//! In comes one line ([`parse_command`]) or a whole file ([`parse_script`]); out comes a command whose
//! numbers fit the profile, or an error with its column, what is allowed, and a hint. [`print`] is the
//! way back: `parse_command(&command.to_string()) == command`.

mod args;
mod commands;
mod error;
mod lexer;
mod print;
mod script;
mod words;

pub use error::{GrammarError, Wrong, nearest};
pub use print::{time_text, value_text};
pub use script::{Entry, Head, LINE_BYTES_MAX, LINES_MAX, Script, decode, parse_script};

use super::command::{Command, Condition};
use std::path::PathBuf;

/// Longest time that a command may name: a day.
pub const TIME_MAX: crate::protocol::id::Span = crate::protocol::id::Span::secs(86_400);
/// Largest count in `step N`, `deliver N`.
pub const COUNT_MAX: u32 = 1_000_000;
/// Longest label, in characters.
pub const LABEL_CHARS_MAX: usize = 32;

/// What exists in the cluster that a command is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `amf0` to `amf(amfs - 1)`.
    pub amfs: u8,
    /// `disk0` to `disk(disks - 1)`, spares included.
    pub disks: u8,
    /// Blocks of the volume, from 0.
    pub blocks: u64,
    /// Bytes in a block: a value is at most as long.
    pub block_size: u32,
    /// Names of generators: the profile's, then those that are built in.
    pub workloads: Vec<String>,
    /// `@FILE` is looked for from here: the script's folder, or the working directory.
    pub base_dir: PathBuf,
}

/// Reads one command; a comment behind it is dropped.
///
/// # Errors
/// The first thing that is wrong, with its column. A line without a command is [`Wrong::Empty`].
pub fn parse_command(text: &str, limits: &Limits) -> Result<Command, GrammarError> {
    commands::parse(text, limits)
}

/// Reads a condition by itself, as behind `run-until`: one that can be watched in any cluster, and in a
/// recording.
///
/// # Errors
/// The first thing that is wrong, with its column.
pub fn parse_condition(text: &str, limits: &Limits) -> Result<Condition, GrammarError> {
    commands::parse_condition(text, limits)
}
