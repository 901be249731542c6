//! A run as a log with vector clocks: what `ShiViz` draws as a space-time diagram.
//!
//! ```text
//! amf1 {"amf0":4,"amf1":3}
//! access-exclusive b3 (7, amf0) from amf0
//! ```
//!
//! Two lines an event: the machine and its clock, then what happened; parsed by
//! `(?<host>\S*) (?<clock>\{.*\})\n(?<event>.*)`. A machine's own count goes up by one with each of its
//! events, and a delivery takes over what the sender knew when it sent. Losses are nobody's events.

use super::{Export, PacketKey, words};
use crate::protocol::id::NodeId;
use crate::timeline::Fold;
use crate::timeline::fold::{Watch, node_of};
use crate::trace::recording::Recorded;
use crate::trace::step::Step;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

type Clock = BTreeMap<NodeId, u64>;

/// See the module.
#[derive(Debug)]
pub struct ShiViz<W> {
    out: W,
    clocks: BTreeMap<NodeId, Clock>,
    /// What the sender of each packet in flight knew.
    sent: FxHashMap<PacketKey, Arc<Clock>>,
}

impl<W: Write> ShiViz<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, clocks: BTreeMap::new(), sent: FxHashMap::default() }
    }
}

impl<W: Write> Export for ShiViz<W> {
    fn step(&mut self, recorded: &Recorded, fold: &mut Fold) -> io::Result<bool> {
        let step = &recorded.entry.step;
        if let Step::Lose { from, to, no } = step {
            self.sent.remove(&(*from, *to, *no));
            return Ok(fold.apply(recorded));
        }
        let (node, event) = (node_of(step), words(recorded, fold));
        let mut heard = None;
        if let Step::Deliver { from, to, no, keep } = step {
            let key = (*from, *to, *no);
            heard = if *keep { self.sent.get(&key).cloned() } else { self.sent.remove(&key) };
        }
        let clock = self.clocks.entry(node).or_default();
        if let Some(heard) = heard {
            for (other, count) in heard.iter() {
                let known = clock.entry(*other).or_default();
                *known = (*known).max(*count);
            }
        }
        *clock.entry(node).or_default() += 1;
        let counts = clock.iter().map(|(node, count)| format!("\"{node}\":{count}"));
        let counts = counts.collect::<Vec<_>>().join(",");
        writeln!(self.out, "{node} {{{counts}}}\n{event}")?;
        let mut sends = Sends { knows: Arc::new(clock.clone()), sent: &mut self.sent };
        Ok(fold.apply_with(recorded, &mut sends))
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

struct Sends<'a> {
    knows: Arc<Clock>,
    sent: &'a mut FxHashMap<PacketKey, Arc<Clock>>,
}

impl Watch for Sends<'_> {
    fn sent(&mut self, from: NodeId, to: NodeId, no: u64) {
        self.sent.insert((from, to, no), Arc::clone(&self.knows));
    }
}
