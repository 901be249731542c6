//! Why a subcommand was not done, and the exit code that says so.

use crate::campaign::plan::NoPlan;
use crate::profile::ProfileError;
use crate::store::OpenError;
use crate::trace::EngineError;
use crate::trace::recording::RecordingError;
use std::fmt::Display;

/// Fine.
pub(super) const FINE: u8 = 0;
/// A violation, a failed expectation, something that ran out.
pub(super) const FAILED: u8 = 1;
/// Bad usage or bad input: nothing was run.
pub(super) const USAGE: u8 = 2;
/// Nothing is known to be wrong, but not everything could be judged.
pub(super) const UNDECIDED: u8 = 3;

/// Why a subcommand was not done.
#[derive(Debug)]
pub(super) struct Failure {
    /// The exit code.
    pub(super) code: u8,
    /// What, where, and a `hint:`.
    pub(super) text: String,
}

impl Failure {
    /// Bad usage or bad input.
    pub(super) fn usage(text: impl Display) -> Self {
        Self { code: USAGE, text: text.to_string() }
    }

    /// Bad usage, by an error that has its own hint: that stands as all hints do.
    pub(super) fn told(error: impl Display) -> Self {
        Self::usage(error.to_string().replace("\nhint:", "\n  hint:"))
    }

    /// The same, with advice.
    pub(super) fn hinted(text: impl Display, hint: impl Display) -> Self {
        Self::usage(format!("{text}\n  hint: {hint}"))
    }

    /// It was begun, and could not go on.
    pub(super) fn broken(text: impl Display) -> Self {
        Self { code: FAILED, text: text.to_string() }
    }
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        Self::usage(error)
    }
}

impl From<NoPlan> for Failure {
    fn from(why: NoPlan) -> Self {
        match why {
            NoPlan::Profile(error) => error.into(),
            NoPlan::Script(errors) => Self::usage(errors),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::usage(error)
    }
}

impl From<RecordingError> for Failure {
    fn from(error: RecordingError) -> Self {
        Self::usage(error)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::broken(format!("the cluster: {error}"))
    }
}
