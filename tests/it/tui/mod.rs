//! The console: golden screens, and `update` as conversations.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's")]

mod conversation;
mod engine;
mod fake;
mod ladder;
mod pty;
mod real;
mod screens;
mod terminal;
