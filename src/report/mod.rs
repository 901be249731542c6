//! What leaves the program: runs and histories in the forms that other people's tools read.
//!
//! - [`edn`]: a history as Jepsen writes it, for Knossos and Elle;
//! - [`shiviz`]: a run as a log with vector clocks, for `ShiViz`;
//! - [`chrome`]: a run as a trace, for Perfetto and Chrome's `about:tracing`.
//!
//! Each takes the steps of a recording, one at a time, and the fold that they go into. Writes to
//! anything that can be written to; opens no file.
//!
//! And in forms for people: [`survey`] goes through a recording for its figures ([`sums`]); [`mod@html`] makes a page of
//! them ([`page`]: its frame; [`chart`]: its pictures), [`series`] JSON and CSV.
//!
//! [`prometheus`] tells how a run stands while it goes on.

pub mod chart;
pub mod chrome;
pub mod edn;
pub mod hdr;
pub mod html;
pub mod page;
pub mod prometheus;
pub mod series;
pub mod shiviz;
pub mod sums;
pub mod survey;

use crate::protocol::id::NodeId;
use crate::timeline::Fold;
use crate::timeline::fold::step_text;
use crate::trace::narrate;
use crate::trace::recording::Recorded;
use crate::trace::step::Step;
use crate::world::InFlight;
use std::io;

/// One form.
pub trait Export {
    /// Looks at a step before anything is written; for those that must know all of a run first.
    fn survey(&mut self, recorded: &Recorded) {
        let _ = recorded;
    }

    /// It must see every step before the first is exported.
    fn needs_survey(&self) -> bool {
        false
    }

    /// Applies the next step, and writes what it is about; false: the fold ends here.
    ///
    /// # Errors
    /// It cannot be written.
    fn step(&mut self, recorded: &Recorded, fold: &mut Fold) -> io::Result<bool>;

    /// Nothing comes any more.
    ///
    /// # Errors
    /// It cannot be written.
    fn end(&mut self) -> io::Result<()>;
}

/// A step in words, with what a packet says.
fn words(recorded: &Recorded, fold: &Fold) -> String {
    match &recorded.entry.step {
        Step::Deliver { from, to, no, .. } => {
            let packet = fold.world().in_flight().packet(*from, *to, *no);
            let said = packet.map_or_else(String::new, narrate::words);
            format!("{said} from {from}")
        }
        step @ (Step::Host { .. }
        | Step::Lose { .. }
        | Step::Tick { .. }
        | Step::Store { .. }
        | Step::Journal { .. }
        | Step::Control(_)) => step_text(step),
    }
}

/// A packet: sender, receiver, its number on this pair.
type PacketKey = (NodeId, NodeId, u64);
