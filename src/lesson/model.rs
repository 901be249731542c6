//! What a lesson is, once it has been read and found sound.

use super::question::Question;
use crate::profile::Profile;
use crate::protocol::Defect;
use crate::trace::Command;

/// Most steps of a lesson.
pub const STEPS_MAX: usize = 64;
/// Most commands in one script of a lesson.
pub const COMMANDS_MAX: usize = 200;
/// Most hints of a step.
pub const HINTS_MAX: usize = 8;
/// Most questions of one prediction.
pub const QUESTIONS_MAX: usize = 8;
/// Claims are numbered from 1 to this.
pub const CLAIM_MAX: u8 = 14;

/// A lesson whose every command fits its cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    /// Its name: the file's stem, `05-write-invalidate`.
    pub name: String,
    /// What to call it in messages about lines.
    pub file: String,
    /// A few words.
    pub title: String,
    /// One sentence for lists.
    pub summary: String,
    /// Claims that are its subject.
    pub claims: Vec<u8>,
    /// How long a learner needs, in minutes.
    pub minutes: u8,
    /// The cluster that it begins with.
    pub profile: Profile,
    /// Its steps, at least one.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its line in the file.
    pub line: usize,
    /// The narration; may be empty in a task.
    pub say: String,
    /// Set: the step begins with a new cluster.
    pub fresh: Option<Box<Profile>>,
    /// Commands that set the scene, each with its line.
    pub scene: Vec<(usize, Command)>,
    /// What the learner has to do.
    pub kind: Kind,
    /// Hints, in the order in which they are given.
    pub hints: Vec<String>,
    /// What is said once the step is done.
    pub after: String,
}

/// What the learner has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Read on.
    Narration,
    /// Give commands until the checks hold.
    Task(Ask),
    /// Say what will be, before it is.
    Predict {
        /// What is asked.
        text: String,
        /// The commands that make it happen.
        then: Vec<(usize, Command)>,
        /// What the engine is asked afterwards.
        questions: Vec<Question>,
    },
    /// Find a script that shows a broken rule.
    Hunt {
        /// What is asked.
        text: String,
        /// The rule that is broken; the learner is not told.
        defect: Defect,
        /// The best script known.
        solution: Vec<Command>,
    },
}

/// A task.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// What is asked.
    pub text: String,
    /// Commands that must all be fine, in a copy of the cluster; each with its line.
    pub checks: Vec<(usize, Command)>,
    /// Commands that do it.
    pub solution: Vec<Command>,
    /// Commands that look as if they did, and do not.
    pub wrong: Vec<Command>,
}

impl Kind {
    /// One word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Narration => "read",
            Self::Task(_) => "task",
            Self::Predict { .. } => "predict",
            Self::Hunt { .. } => "hunt",
        }
    }

    /// What the learner is asked; empty if there is only something to read.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Narration => "",
            Self::Task(Ask { text, .. }) | Self::Predict { text, .. } | Self::Hunt { text, .. } => {
                text
            }
        }
    }
}

impl Lesson {
    /// The cluster in which a step happens.
    #[must_use]
    pub fn profile_at(&self, step: usize) -> &Profile {
        let fresh = self.steps.iter().take(step + 1).rev().find_map(|step| step.fresh.as_deref());
        fresh.unwrap_or(&self.profile)
    }

    /// The step whose cluster that of `step` goes on with.
    #[must_use]
    pub fn base_of(&self, step: usize) -> usize {
        (0..=step).rev().find(|at| self.steps[*at].fresh.is_some()).unwrap_or(0)
    }
}
