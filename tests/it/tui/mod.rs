//! The console: golden screens, and `update` as conversations.

mod conversation;
mod fake;
mod screens;
