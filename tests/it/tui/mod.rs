//! The console: golden screens, and `update` as conversations.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's")]

mod beside;
mod cast;
mod checker;
mod config;
mod conversation;
mod docs;
mod engine;
mod fake;
mod feel;
mod gallery;
mod jobs;
mod journeys;
mod ladder;
mod learn;
mod log;
mod plain;
mod protocol;
mod pty;
mod real;
mod replays;
mod screens;
mod terminal;
mod themes;
mod timeline;
