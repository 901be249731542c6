//! `amflab`: an interactive console and test bench for storage cache coherency.
//!
//! A cluster is a pure fold over a log of steps. The rooms, in reading order:
//!
//! - [`protocol`]: the heart, sans-IO: AMF, witness, disk and host machines, links, invariants.
//! - [`trace`]: commands, events, snapshots, steps; the traits `Engine` and `HostPort`.
//! - [`profile`]: TOML in, a validated profile out.
//! - [`world`]: the cluster as one value: a fold over steps, checked after each.
//! - [`explore`]: the state x event table of a protocol, found by running the core.
//! - [`workload`]: what hosts do: generators, traces, and who may be asked next.
//! - [`check`]: judges of what a cluster answered: reads, durability, histories.
//! - [`sim`]: a seeded scheduler over a world, in virtual time: an engine.
//! - [`session`]: runs commands and scripts over any engine, and checks what they expect.
//! - [`timeline`]: a recording as a cluster that can be looked at, at any position.
//! - [`report`]: runs and histories in the forms of other people's tools.
//! - [`campaign`]: many runs that seeds draw: plans, faults, findings, sums.
//! - [`lesson`]: lessons over a simulated cluster: tasks, predictions, bug hunts.
//! - [`store`]: disks of real bytes: sled, memory, faulty; a thread each.
//! - [`live`]: the cluster over real threads, time and disks; an engine.
//! - [`tui`]: the console.
//! - [`cli`]: the command line, where the parts are put together.
//!
//! Beside them [`guard`]: what may panic is caught, and its message kept.

pub mod campaign;
pub mod check;
pub mod cli;
pub mod explore;
pub mod guard;
pub mod lesson;
pub mod live;
pub mod profile;
pub mod protocol;
pub mod report;
pub mod session;
pub mod sim;
pub mod store;
pub mod timeline;
pub mod trace;
pub mod tui;
pub mod workload;
pub mod world;
