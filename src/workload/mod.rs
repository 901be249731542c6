//! What hosts do: generators, trace files and how they are laid on AMFs and on the volume, and the
//! bookkeeping of who may be asked next.
//!
//! - [`generator`] makes requests as a profile's `[[workload]]` says; `pattern` chooses the blocks;
//!   [`chain`]: workloads that come one after the other;
//! - [`formats`]: block traces of other people's tools, read as a stream; [`export`] writes two of them;
//! - [`insight`]: what a trace is like; [`reuse`]: how soon its blocks are touched again;
//! - [`mapping`]: which AMF and which sectors a trace's request goes to;
//! - [`pace`]: a trace's requests at a speed; [`path`]: whom a host asks when an AMF does not serve;
//! - [`driver`] decides when each goes: queue depth, rate, back-off; for generators and replays.
//!
//! Knows protocol, trace and profile. No clock: a caller brings the time and the answers.

pub mod chain;
pub mod driver;
pub mod export;
pub mod formats;
pub mod generator;
pub mod insight;
pub mod mapping;
pub mod pace;
pub mod path;
mod pattern;
pub mod reuse;

pub use driver::{Driver, DriverSettings, Feed, Fetch, InOrder, Next, Planned, Rhythm, Source};
pub use generator::Generator;
pub use pace::{Pace, Paced};
pub use path::Path;
