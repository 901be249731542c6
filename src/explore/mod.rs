//! The state x event table of each protocol, found by running the core on all ways through small models.

mod canon;
mod model;
mod node;
pub mod place;
pub mod print;
pub mod table;
mod walk;

pub use table::{Class, Entry, Outcome, Sent, Table};
pub use walk::{Extent, explore, explore_told};
