//! What an attempt is worth.

use super::model::{Kind, Lesson};
use serde::{Deserialize, Serialize};

/// What a task is worth without a hint.
const TASK_POINTS: u32 = 2;
/// What a hunt is worth if nobody knows a shorter script.
const HUNT_POINTS: u32 = 5;

/// How a step was done, the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A task, by the learner.
    Solved,
    /// A prediction: so many answers were right.
    Answered {
        /// Right answers.
        right: usize,
    },
    /// A hunt, with a script of so many commands.
    Found {
        /// The learner's.
        commands: usize,
        /// The best known.
        best: usize,
    },
    /// The learner asked for the solution.
    GivenUp,
}

/// What an attempt is worth so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Points.
    pub points: u32,
    /// Points that could be had.
    pub of: u32,
    /// Tasks and hunts done by the learner.
    pub done: u32,
    /// Tasks and hunts.
    pub tasks: u32,
    /// Right predictions.
    pub right: u32,
    /// Questions of predictions.
    pub questions: u32,
    /// Hints that were asked for.
    pub hints: u32,
}

impl Score {
    /// Of what was done so far: for each step how, and after how many hints.
    #[must_use]
    pub fn of<'a>(
        lesson: &Lesson,
        records: impl IntoIterator<Item = (Option<&'a Outcome>, usize)>,
    ) -> Self {
        let mut score = Self::default();
        for (step, (outcome, hints)) in lesson.steps.iter().zip(records) {
            let (points, of) = worth(&step.kind, outcome, hints);
            score.points += points;
            score.of += of;
            score.hints += u32::try_from(hints).unwrap_or(u32::MAX);
            match &step.kind {
                Kind::Narration => {}
                Kind::Task(_) | Kind::Hunt { .. } => {
                    score.tasks += 1;
                    let by_hand = !matches!(outcome, None | Some(Outcome::GivenUp));
                    score.done += u32::from(by_hand);
                }
                Kind::Predict { .. } => {
                    score.questions += of;
                    score.right += points;
                }
            }
        }
        score
    }

    /// Every task was done without its solution, and at least half of the predictions are right.
    #[must_use]
    pub const fn is_passed(&self) -> bool {
        self.done == self.tasks && self.right * 2 >= self.questions
    }

    /// Why it is not passed, in sentences; nothing if it is.
    #[must_use]
    pub fn what_is_missing(&self) -> Vec<String> {
        let tasks = "Every task and hunt has to be done without its solution";
        let predictions = "At least half of the predictions have to be right the first time";
        let mut missing = Vec::new();
        if self.done < self.tasks {
            missing.push(format!("{tasks}: {} of {} were.", self.done, self.tasks));
        }
        if self.right * 2 < self.questions {
            missing.push(format!("{predictions}: {} of {} were.", self.right, self.questions));
        }
        missing
    }
}

/// Points of a step, and how many it could have.
fn worth(kind: &Kind, outcome: Option<&Outcome>, hints: usize) -> (u32, u32) {
    let hinted = u32::from(hints > 0);
    let of = match kind {
        Kind::Narration => 0,
        Kind::Task(_) => TASK_POINTS,
        Kind::Predict { questions, .. } => u32::try_from(questions.len()).unwrap_or(u32::MAX),
        Kind::Hunt { .. } => HUNT_POINTS,
    };
    let points = match outcome {
        None | Some(Outcome::GivenUp) => 0,
        Some(Outcome::Solved) => TASK_POINTS - hinted,
        Some(Outcome::Answered { right }) => u32::try_from(*right).unwrap_or(u32::MAX),
        Some(Outcome::Found { commands, best }) => grade(*commands, *best) - hinted,
    };
    (points, of)
}

/// What a hunt's script is worth: all if it is as short as the best known, less if it is longer.
#[must_use]
pub const fn grade(commands: usize, best: usize) -> u32 {
    if commands <= best {
        HUNT_POINTS
    } else if commands * 2 <= best * 3 {
        HUNT_POINTS - 1
    } else if commands <= best * 3 {
        HUNT_POINTS - 2
    } else {
        HUNT_POINTS - 3
    }
}

#[cfg(test)]
mod tests {
    use super::grade;

    #[test]
    fn shorter_scripts_are_worth_more() {
        assert_eq!([4, 5, 7, 8, 15, 16].map(|commands| grade(commands, 5)), [5, 5, 4, 3, 3, 2]);
    }
}
