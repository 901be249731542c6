//! What is wrong with a profile: every problem with its place, its key, what is allowed, and a hint.

use core::fmt;

/// Most problems that one error lists.
pub(super) const PROBLEMS_MAX: usize = 20;

/// Where something was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file, at a line counted from 1.
    Line {
        /// The file, or `built-in demo`.
        file: String,
        /// The line.
        line: usize,
    },
    /// In a file as a whole.
    File(String),
    /// On the command line: the text after `--set`.
    Set(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{file}:{line}"),
            Self::File(file) => f.write_str(file),
            Self::Set(text) => write!(f, "--set {text}"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it was said.
    pub place: Place,
    /// The key, as `section.key`; empty if it is about no key.
    pub key: String,
    /// What is wrong, and what is allowed.
    pub text: String,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.text)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  hint: {hint}"))
    }
}

/// A profile that cannot be used: at least one problem, in the order of the file, then of `--set`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ProfileError {
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl ProfileError {
    /// An error of one problem that is about no key.
    pub(crate) fn one(place: Place, text: String, hint: Option<String>) -> Self {
        Self { problems: vec![Problem { place, key: String::new(), text, hint }] }
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, &self.problems)
    }
}

/// Problems one after the other, as many as anybody reads.
pub(crate) fn list(f: &mut fmt::Formatter<'_>, problems: &[Problem]) -> fmt::Result {
    for (i, problem) in problems.iter().take(PROBLEMS_MAX).enumerate() {
        if i > 0 {
            f.write_str("\n")?;
        }
        write!(f, "{problem}")?;
    }
    match problems.len().saturating_sub(PROBLEMS_MAX) {
        0 => Ok(()),
        more => write!(f, "\n... and {more} more"),
    }
}
