//! What can be wrong with a command or a script, and where.

use core::fmt;

/// What is wrong, where, and what may have been meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct GrammarError {
    /// The script; `None` for a command by itself.
    pub file: Option<String>,
    /// Line of the script, from 1; 0 for a command by itself.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
    /// What is wrong.
    pub wrong: Wrong,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What is wrong with a command or a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// There is no command.
    #[error("no command here")]
    Empty,
    /// The first word is no command.
    #[error("`{0}` is no command")]
    UnknownCommand(String),
    /// The line ends too early.
    #[error("{0} is missing")]
    Missing(String),
    /// The line goes on after the command is complete.
    #[error("`{0}` is too much")]
    TooMuch(String),
    /// A word is not what belongs there.
    #[error("`{word}` is no {expected} ({allowed})")]
    NotA {
        /// The word.
        word: String,
        /// What belongs there.
        expected: &'static str,
        /// What is allowed.
        allowed: String,
    },
    /// It could exist, but not in this profile.
    #[error("{what} does not exist here: {allowed}")]
    NotHere {
        /// What was named.
        what: String,
        /// What there is.
        allowed: String,
    },
    /// A string is not closed, or holds an unknown escape.
    #[error("{0}")]
    Text(String),
    /// A value is longer than a block.
    #[error("the value is {len} bytes long, a block has {max}")]
    TooLong {
        /// Its length in bytes.
        len: u64,
        /// Bytes in a block.
        max: u32,
    },
    /// A file of `@FILE` cannot be read.
    #[error("cannot read {0}")]
    File(String),
    /// A word of the language whose part of the program is not there yet.
    #[error("`{0}` comes with a later version")]
    Later(String),
    /// A label is used before it is defined, or defined twice.
    #[error("{0}")]
    Label(String),
    /// A script as a whole is unacceptable: too long, not UTF-8, a trace without a command.
    #[error("{0}")]
    Script(String),
}

impl GrammarError {
    /// An error in a command by itself.
    pub(super) fn at(column: u32, wrong: Wrong) -> Self {
        Self { file: None, line: 0, column, wrong, hint: None }
    }

    /// Adds what to do about it.
    pub(super) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// Says in which line of which script it is.
    pub(super) fn in_script(mut self, file: &str, line: u32) -> Self {
        self.file = Some(file.to_owned());
        self.line = line;
        self
    }
}

/// `FILE:LINE:COLUMN: what` or `column N: what`, and the hint on a line of its own.
impl fmt::Display for GrammarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{file}:{}:{}: ", self.line, self.column)?,
            None => write!(f, "column {}: ", self.column)?,
        }
        write!(f, "{}", self.wrong)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  hint: {hint}"))
    }
}

/// The word of `words` that `word` most likely is a slip of: at most a third of its letters differ.
#[must_use]
pub fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let chars = word.chars().count();
    // Beyond that length it is no slip of any word of ours, and the distance is quadratic.
    if chars > 64 {
        return None;
    }
    let most = (chars / 3).max(1);
    words
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let words = ["write", "read", "expect"];
        assert_eq!(nearest("wirte", words), Some("write"));
        assert_eq!(nearest("WRITE", words), Some("write"));
        assert_eq!(nearest("banana", words), None);
    }
}
