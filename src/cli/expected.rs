//! What a profile's `[end]` demands of a run, beside what every run must be; and the figures of each of
//! several workloads.

use super::load::Lane;
use super::report::float;
use super::tally::Latency;
use crate::profile::EndSpec;
use crate::protocol::Many;
use serde::Serialize;

/// What a run came to, as far as something may be demanded of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) violations: u64,
    pub(super) lost: u64,
    pub(super) errors: u64,
    pub(super) ops: u64,
    pub(super) hit_ratio: Option<f64>,
    /// Of reads or of writes, whichever is longer.
    pub(super) p99_us: Option<f64>,
    pub(super) messages: u64,
}

impl Found {
    /// First sends of all kinds for each request.
    pub(super) fn messages_per_op(&self) -> Option<f64> {
        (self.ops > 0).then(|| float(self.messages) / float(self.ops))
    }
}

/// A demand, and whether it holds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Expected {
    /// The key of `[end]`.
    key: &'static str,
    /// What it says.
    wanted: f64,
    /// What was found; `null`: nothing that could be measured.
    found: Option<f64>,
    pub(super) holds: bool,
}

impl Expected {
    /// One line for people.
    pub(super) fn text(&self) -> String {
        let Self { key, wanted, found, holds } = self;
        let found = found.map_or_else(|| "nothing to measure".to_owned(), shown);
        let mark = if *holds { "holds" } else { "FAILED" };
        format!("{mark}: {key} = {wanted}, found {found}")
    }
}

/// A figure with at most four digits behind the point.
fn shown(found: f64) -> String {
    let text = format!("{found:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Every demand of `[end]`, in the order of the profile.
pub(super) fn expectations(end: &EndSpec, found: &Found) -> Vec<Expected> {
    let count = |value: Option<u64>| value.map(float);
    let most = |key, wanted: Option<f64>, is: Option<f64>| {
        let holds = |wanted| is.is_some_and(|is| is <= wanted);
        wanted.map(|wanted| Expected { key, wanted, found: is, holds: holds(wanted) })
    };
    let least = |key, wanted: Option<f64>, is: Option<f64>| {
        let holds = |wanted| is.is_some_and(|is| is >= wanted);
        wanted.map(|wanted| Expected { key, wanted, found: is, holds: holds(wanted) })
    };
    let p99_ms = found.p99_us.map(|us| us / 1_000.0);
    [
        most("violations", count(end.violations), Some(float(found.violations))),
        most("lost", count(end.lost), Some(float(found.lost))),
        most("errors_max", count(end.errors_max), Some(float(found.errors))),
        least("ops_min", count(end.ops_min), Some(float(found.ops))),
        least("hit_ratio_min", end.hit_ratio_min, found.hit_ratio),
        most("p99_ms_max", end.p99_ms_max, p99_ms),
        most("messages_per_op_max", end.messages_per_op_max, found.messages_per_op()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The figures of one of several workloads.
#[derive(Clone, Debug, Serialize)]
pub(super) struct WorkloadReport {
    name: String,
    ops: u64,
    reads: u64,
    writes: u64,
    errors: u64,
    retried: u64,
    hit_ratio: Option<f64>,
    read_us: Latency,
    write_us: Latency,
}

impl WorkloadReport {
    pub(super) fn of(lane: &Lane) -> Self {
        let tally = &lane.tally;
        let touches = tally.hits + tally.misses;
        let (read_us, write_us) = tally.latencies();
        Self {
            name: lane.name.clone(),
            ops: tally.ops(),
            reads: tally.reads,
            writes: tally.writes,
            errors: tally.errors_all(),
            retried: tally.retried,
            hit_ratio: (touches > 0).then(|| float(tally.hits) / float(touches)),
            read_us,
            write_us,
        }
    }

    /// One line for people.
    pub(super) fn text(&self) -> String {
        let Self { name, ops, reads, writes, errors, .. } = self;
        if *ops == 0 {
            return format!("{name}: not in the figures");
        }
        let ratio =
            self.hit_ratio.map_or("-".to_owned(), |ratio| format!("{:.2} %", ratio * 100.0));
        let errors = Many(*errors, "error");
        let p99 = |latency: &Latency| latency.p99.map_or("-".to_owned(), |us| format!("{us:.1}"));
        let (read, write) = (p99(&self.read_us), p99(&self.write_us));
        format!(
            "{name}: {ops} requests, {reads} reads, {writes} writes, {errors}, hit ratio {ratio}, \
             p99 us {read} read, {write} write"
        )
    }
}
