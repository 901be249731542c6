//! The linearizability checker.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod naive;
mod random;
