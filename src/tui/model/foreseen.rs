//! When a violation became inevitable, as far as it was asked for.

use crate::protocol::id::Block;
use crate::trace::Foreseen;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForeseenShown {
    /// The block whose violation it is about; `None`: the first of all.
    pub block: Option<Block>,
    /// What is known; `None`: nothing yet.
    pub known: Option<Foreseen>,
    /// What goes on, or why nothing can be foreseen.
    pub said: String,
    /// Futures are being tried.
    pub is_running: bool,
}
