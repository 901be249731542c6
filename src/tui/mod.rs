//! The console: a cluster on the screen, and everything that can be done to it within reach of a key.
//!
//! Elm-style. Input and the engine's news become a [`update::Msg`]; [`update::update`] changes the
//! [`model::Model`] and says what is to be done ([`update::Effect`]); [`view::draw`] draws the model
//! and changes nothing; [`mod@run`] does the effects. What touches the cluster is always a
//! `trace::Command`, whether it came from a key, a click, the palette or the `:` line.
//!
//! Reading order: [`model`], [`command`], [`keymap`], [`conflict`], [`update`], [`snapshot`], [`view`], [`popup`],
//! [`theme`], [`surroundings`], [`config`], [`mod@run`], [`terminal`].

pub mod cast;
pub mod command;
pub mod config;
pub mod conflict;
pub mod event;
pub mod fuzzy;
pub mod glyph;
pub mod keymap;
pub mod model;
pub mod plain;
pub mod popup;
pub mod run;
pub mod screenshot;
pub mod snapshot;
pub mod surroundings;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod view;

pub use run::{Besides, ConsoleError, ConsoleOptions, Forked, Forks, Outside, run, run_plain};
