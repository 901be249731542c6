//! A run as a trace in Chrome's JSON form, which Perfetto reads too: a track for each machine, a slice
//! for each of its steps, an arrow for each packet, a bar for each host operation.

use super::{Export, PacketKey, words};
use crate::protocol::Answer;
use crate::protocol::id::{NodeId, OpId};
use crate::timeline::Fold;
use crate::timeline::fold::{Watch, node_of};
use crate::trace::recording::Recorded;
use crate::trace::step::Step;
use rustc_hash::FxHashMap;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Nanoseconds that a slice is drawn long: a machine takes no time, but what is drawn needs some.
const SLICE_NS: u64 = 100;

/// See the module.
#[derive(Debug)]
pub struct Chrome<W> {
    out: W,
    is_first: bool,
    /// Each machine's track, and where its last slice ends, in nanoseconds.
    tracks: BTreeMap<NodeId, (usize, u64)>,
    /// The arrow of each packet in flight.
    arrows: FxHashMap<PacketKey, u64>,
    arrows_next: u64,
    /// Operations without an answer: the track they are drawn on.
    open: FxHashMap<OpId, (usize, &'static str)>,
}

impl<W: Write> Chrome<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            is_first: true,
            tracks: BTreeMap::new(),
            arrows: FxHashMap::default(),
            arrows_next: 0,
            open: FxHashMap::default(),
        }
    }

    fn put(&mut self, event: &Value) -> io::Result<()> {
        let before = if self.is_first { "{\"traceEvents\":[\n" } else { ",\n" };
        self.is_first = false;
        write!(self.out, "{before}{event}")
    }

    fn track(&mut self, node: NodeId) -> io::Result<usize> {
        if let Some((track, _)) = self.tracks.get(&node) {
            return Ok(*track);
        }
        let track = self.tracks.len() + 1;
        self.tracks.insert(node, (track, 0));
        let name = json!({ "name": node.to_string() });
        self.put(&json!({
            "ph": "M", "name": "thread_name", "pid": 1, "tid": track, "args": name
        }))?;
        Ok(track)
    }
}

/// Nanoseconds as the microseconds of the format.
#[expect(clippy::cast_precision_loss, reason = "exact up to 104 days")]
fn us(ns: u64) -> f64 {
    ns as f64 / 1_000.0
}

impl<W: Write> Export for Chrome<W> {
    fn step(&mut self, recorded: &Recorded, fold: &mut Fold) -> io::Result<bool> {
        let step = &recorded.entry.step;
        if let Step::Lose { from, to, no } = step {
            self.arrows.remove(&(*from, *to, *no));
        }
        let (node, name) = (node_of(step), words(recorded, fold));
        let track = self.track(node)?;
        let end = self.tracks.get(&node).map_or(0, |(_, end)| *end);
        let at = recorded.entry.now.0.max(end);
        self.tracks.insert(node, (track, at + SLICE_NS));
        let number = fold.position() + 1;
        self.put(&json!({
            "ph": "X", "name": name, "cat": kind(step), "pid": 1, "tid": track,
            "ts": us(at), "dur": us(SLICE_NS), "args": { "step": number }
        }))?;
        if let Step::Deliver { from, to, no, .. } = step
            && let Some(id) = self.arrows.get(&(*from, *to, *no)).copied()
        {
            self.put(&json!({
                "ph": "f", "bp": "e", "name": "packet", "cat": "packet", "id": id, "pid": 1,
                "tid": track, "ts": us(at)
            }))?;
        }
        if let Step::Deliver { from, to, no, keep: false } = step {
            self.arrows.remove(&(*from, *to, *no));
        }
        if let Step::Host { request, .. } = step {
            let what = request.kind.name();
            self.open.insert(request.op, (track, what));
            self.put(&json!({
                "ph": "b", "name": what, "cat": "host", "id": request.op.0, "pid": 1,
                "tid": track, "ts": us(at)
            }))?;
        }
        let mut seen = Seen::default();
        let goes_on = fold.apply_with(recorded, &mut seen);
        for (from, to, no) in seen.sent {
            self.arrows_next += 1;
            let id = self.arrows_next;
            self.arrows.insert((from, to, no), id);
            self.put(&json!({
                "ph": "s", "name": "packet", "cat": "packet", "id": id, "pid": 1, "tid": track,
                "ts": us(at)
            }))?;
        }
        for (op, result) in seen.answered {
            let Some((track, what)) = self.open.remove(&op) else { continue };
            self.put(&json!({
                "ph": "e", "name": what, "cat": "host", "id": op.0, "pid": 1, "tid": track,
                "ts": us(at), "args": { "result": result }
            }))?;
        }
        Ok(goes_on)
    }

    fn end(&mut self) -> io::Result<()> {
        let before = if self.is_first { "{\"traceEvents\":[" } else { "" };
        writeln!(self.out, "{before}\n],\"displayTimeUnit\":\"ns\"}}")?;
        self.out.flush()
    }
}

fn kind(step: &Step) -> &'static str {
    match step {
        Step::Host { .. } => "request",
        Step::Deliver { .. } => "deliver",
        Step::Lose { .. } => "lose",
        Step::Tick { .. } => "tick",
        Step::Store { .. } => "store",
        Step::Journal { .. } => "journal",
        Step::Control(_) => "control",
    }
}

#[derive(Default)]
struct Seen {
    sent: Vec<PacketKey>,
    answered: Vec<(OpId, String)>,
}

impl Watch for Seen {
    fn answered(&mut self, answer: &Answer) {
        let result = answer.result.as_ref().map_or_else(ToString::to_string, |_| "ok".to_owned());
        self.answered.push((answer.op, result));
    }
    fn sent(&mut self, from: NodeId, to: NodeId, no: u64) {
        self.sent.push((from, to, no));
    }
}
