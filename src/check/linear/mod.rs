//! Linearizability of one register: do the answers to its reads, writes and compare-and-writes look as
//! if each had taken effect at one moment between its start and its answer?
//!
//! Registers are independent of each other, so that a history over many blocks is judged block by
//! block (M. Herlihy and J. Wing, *Linearizability* (1990), theorem 1). Verdicts are exact, or
//! `unknown` when a stated budget is used up.
//!
//! - [`op`]: operations; unanswered ones may take effect at any time after their start, or never;
//! - [`space`]: what a register can hold;
//! - [`register`]: a register with its operations, and the verdict: the quick way (`zones`) where every
//!   content that is looked for was written once, else the search (`search`, over `config`, `open`,
//!   `wanted`, `trace`);
//! - [`conflict`]: the operations that contradict each other;
//! - [`online`]: the same while operations come in;
//! - [`jepsen`], [`blocks`]: histories in files.

pub mod blocks;
pub mod conflict;
mod edn;
pub mod jepsen;
pub mod online;
pub mod op;
pub mod register;
pub mod space;

mod config;
mod open;
mod search;
mod trace;
mod wanted;
mod zones;

pub use conflict::{Conflict, Size};
pub use online::{Intent, Lamp, Online, Outcome};
pub use op::{Act, Content, Op, Tick};
pub use register::{BUDGET, Judgement, Register, Verdict};
pub use space::{Cells, Fit, Pattern, Space, State, UNKNOWN};
