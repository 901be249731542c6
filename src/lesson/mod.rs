//! Lessons: narration, tasks, predictions and bug hunts over a simulated cluster. No drawing.
//!
//! In comes a TOML file; out comes a [`Lesson`] whose every command fits its cluster. An [`Attempt`]
//! goes through it: it says what is to be done, judges what the learner does by looking at the engine,
//! goes back a step (a lesson is a timeline: the commands up to there are repeated), and keeps the score.
//! What is right is never written down: a task is a script of expectations, a prediction is compared with
//! what the engine does next, a hunt is won by a script on which a checker fires.
//!
//! Time stands still while the learner thinks: only commands move it. So a held message is never late,
//! and the same commands always come to the same.
//!
//! Reading order: [`model`], [`read`] (TOML in), [`question`], [`stage`] (clusters, and copies of them),
//! [`attempt`], [`hunt`], [`score`], [`mod@prove`] (a lesson against its own solutions), [`progress`].

pub mod attempt;
mod builtin;
pub mod hunt;
pub mod model;
pub mod progress;
pub mod prove;
pub mod question;
pub mod read;
pub mod score;
pub mod stage;

pub use attempt::{Attempt, Given, Midway, Refusal, Told, Verdict};
pub use builtin::{LessonNotFound, builtin, find, load};
pub use model::{Ask, Kind, Lesson, Step};
pub use progress::{Kept, Progress, ProgressTrouble};
pub use prove::prove;
pub use question::Question;
pub use read::{LESSON_BYTES_MAX, LessonError, parse};
pub use score::{Outcome, Score};
