//! Tests of the whole: one binary, a module for each room.

mod grammar;
mod mapping;
mod profiles;
mod session;
mod store;
mod traces;
mod tui;
mod workload;
