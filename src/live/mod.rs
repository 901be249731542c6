//! The live cluster: real threads, real time, real disks. An [`crate::trace::Engine`].
//!
//! Reading order: `clock` (one pausable time), `steps` (the numbered log), `inbox` and `fabric` with
//! `links` (how packets travel, and where faults act), `node` (a machine and its mutex), `cluster`
//! with `delivery` and `resources` (running them), `hosts` and `events` (what comes out), `timer`, `supervisor` (threads, start and
//! end), `actions` and `switch`, `snapshot`, `lens`, `sampler`, `keeper`, [`engine`].
//!
//! Locks: a node's mutex first; inside it any one of the others, which are leaves. No thread holds
//! two nodes' mutexes, except those who take all of them, in the order AMFs, witness, disks.
//!
//! No network and no terminal; nothing here waits for its user.

mod actions;
mod blocks;
mod clock;
mod cluster;
mod delivery;
pub mod engine;
mod events;
mod fabric;
mod hosts;
mod inbox;
mod journals;
mod keeper;
mod lens;
mod links;
mod node;
mod power;
mod resources;
mod sampler;
mod snapshot;
mod steps;
mod supervisor;
mod switch;
mod timer;

pub use engine::{LiveEngine, LiveHandle};
pub use supervisor::LiveOptions;
