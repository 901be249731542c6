//! Judges: what a cluster answered against what it may answer. Pure; they read the log, and know
//! nothing of how the answers came about.
//!
//! - [`value`]: what a sector holds, as one comparable word; [`register`]: the rule for one sector;
//!   `blocks`: where all sectors are kept, small while they are quiet;
//! - [`reads`]: every read of a run, online;
//! - [`judged`]: an engine whose every read is judged so, and every block has a lamp;
//! - [`durability`]: what must be there at the end;
//! - [`history`]: operations as hosts saw them, one JSON line each;
//! - [`linear`]: linearizability of a history, block by block;
//! - [`lamps`]: the same of every block while a cluster runs, for the console.

mod blocks;
pub mod durability;
pub mod history;
pub mod judged;
pub mod lamps;
pub mod linear;
mod names;
pub mod reads;
pub mod register;
pub mod value;

pub use durability::{Tally, Verdict};
pub use judged::Judged;
pub use lamps::Lamps;
pub use lamps::past::Past;
pub use reads::{ReadChecker, ReadCounts, Start};
pub use value::Value;
