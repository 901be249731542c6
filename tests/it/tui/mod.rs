//! The console: golden screens, and `update` as conversations.

mod conversation;
mod engine;
mod fake;
mod screens;
mod terminal;
