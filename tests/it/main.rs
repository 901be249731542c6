//! Tests of the whole: one binary, a module for each room.

mod campaign;
mod checker;
mod cli;
mod conversations;
mod grammar;
mod journal;
mod lamps;
mod linear;
mod live;
mod live_checks;
mod live_kill;
mod live_replay;
mod lossy;
mod lru;
mod mapping;
mod profiles;
mod protocol_doc;
mod recording;
mod register;
mod rooms;
mod session;
mod sim;
mod store;
mod traces;
mod tui;
mod workload;
