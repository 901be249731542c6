//! The linearizability checker.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod cost;
mod files;
mod naive;
mod online;
mod random;
