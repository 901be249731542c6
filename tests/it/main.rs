//! Tests of the whole: one binary, a module for each room.

mod grammar;
mod profiles;
mod store;
