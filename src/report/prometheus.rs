//! How a run stands, in Prometheus' text format (version 0.0.4).
//!
//! Pure: a [`Sample`] in, text out; `cli::metrics` takes the sample and serves the text. Names follow
//! Prometheus' conventions: counters end in `_total`, times are in seconds, and what can be added up is
//! one family with a label. `docs/METRICS.md` lists every family, which a test compares.

use crate::protocol::HostError;
use crate::protocol::MsgKind;
use crate::trace::Counts;
use crate::trace::snapshot::{AmfInfo, AmfStatus};
use core::fmt::{Display, Write};
use hdrhistogram::Histogram;

/// What the text says it is.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of latency buckets, in nanoseconds: 1, 2.5 and 5 of each power of ten, from 1 us (a
/// cached read of a live cluster takes less) to 10 s (what a host waits at most, if nothing is said).
pub const BOUNDS_NS: [u64; 22] = [
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

const NANOS_PER_SECOND: f64 = 1e9;

/// Latencies, sorted into [`BOUNDS_NS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// How many lie at or below each bound and above the one before.
    pub buckets: [u64; BOUNDS_NS.len()],
    /// How many there are, also above the last bound.
    pub count: u64,
    /// Their sum in nanoseconds.
    pub sum_ns: u64,
}

impl Durations {
    /// Of a histogram of nanoseconds, whose sum is known exactly. What the histogram cannot tell apart
    /// from a bound counts where its middle lies.
    #[must_use]
    pub fn of(nanos: &Histogram<u64>, sum_ns: u64) -> Self {
        let mut buckets = [0; BOUNDS_NS.len()];
        for value in nanos.iter_recorded() {
            let middle = nanos.median_equivalent(value.value_iterated_to());
            let at = BOUNDS_NS.partition_point(|bound| *bound < middle);
            if let Some(bucket) = buckets.get_mut(at) {
                *bucket += value.count_since_last_iteration();
            }
        }
        Self { buckets, count: nanos.len(), sum_ns }
    }
}

/// How a run stands: its figures so far, by the names of the report.
#[derive(Clone, Debug)]
pub struct Sample {
    /// `sim` or `live`.
    pub engine: &'static str,
    /// The profile's name.
    pub profile: String,
    /// The protocol in force.
    pub protocol: &'static str,
    /// The seed.
    pub seed: u64,
    /// The cluster's clock, in nanoseconds.
    pub now_ns: u64,
    /// The figures change no more.
    pub is_over: bool,
    /// Reads, writes, and other requests that were given.
    pub requests: [u64; 3],
    /// Requests without an answer.
    pub outstanding: u64,
    /// Requests that ended in an error, in the order of [`HostError::ALL`].
    pub errors: [u64; HostError::ALL.len()],
    /// Requests that an AMF turned away, and that were made again over another path.
    pub retried: u64,
    /// Touches that hit.
    pub hits: u64,
    /// Touches that missed.
    pub misses: u64,
    /// Latencies of reads and of writes.
    pub durations: [Durations; 2],
    /// The cluster's counters.
    pub counts: Counts,
    /// What the checkers found.
    pub violations: u64,
    /// Active faults.
    pub faults: u64,
    /// Every AMF; its lines are not looked at.
    pub amfs: Vec<AmfInfo>,
}

/// Kinds of requests, in the order of [`Sample::requests`].
const KINDS: [&str; 3] = ["read", "write", "other"];

/// The text. `age_ns`: how long ago the sample was taken.
#[must_use]
pub fn text(sample: &Sample, age_ns: u64) -> String {
    let mut out = Exposition::default();
    about(&mut out, sample, age_ns);
    hosts(&mut out, sample);
    cluster(&mut out, sample);
    amfs(&mut out, &sample.amfs);
    out.text
}

fn about(out: &mut Exposition, sample: &Sample, age_ns: u64) {
    let seed = sample.seed.to_string();
    out.gauge("amflab_run_info", "What runs; always 1.");
    let labels = [
        ("engine", sample.engine),
        ("profile", &sample.profile),
        ("protocol", sample.protocol),
        ("seed", &seed),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    out.labelled(&labels, 1);
    out.gauge("amflab_run_over", "1 once the figures of a run change no more, else 0.");
    out.value(u8::from(sample.is_over));
    out.gauge("amflab_sample_age_seconds", "How long ago these figures were taken.");
    out.value(seconds(age_ns));
    out.gauge("amflab_cluster_time_seconds", "The clock of the cluster, virtual in the simulator.");
    out.value(seconds(sample.now_ns));
}

fn hosts(out: &mut Exposition, sample: &Sample) {
    out.counter("amflab_requests_total", "Requests that hosts made.");
    for (kind, count) in KINDS.iter().zip(sample.requests) {
        out.labelled(&[("kind", kind)], count);
    }
    out.gauge("amflab_requests_outstanding", "Requests without an answer.");
    out.value(sample.outstanding);
    out.counter("amflab_errors_total", "Requests that ended in an error.");
    for (kind, count) in HostError::ALL.iter().zip(sample.errors) {
        out.labelled(&[("kind", kind.name())], count);
    }
    let help = "Requests that an AMF turned away, and that were made again over another path.";
    out.counter("amflab_retried_total", help);
    out.value(sample.retried);
    out.counter(
        "amflab_touches_total",
        "Blocks that requests touched, by whether the AMF had them.",
    );
    out.labelled(&[("result", "hit")], sample.hits);
    out.labelled(&[("result", "miss")], sample.misses);
    out.family(
        "amflab_request_duration_seconds",
        "histogram",
        "Time from a request to its answer.",
    );
    for (kind, durations) in KINDS.iter().zip(&sample.durations) {
        let mut sum = 0;
        for (bound, count) in BOUNDS_NS.iter().zip(durations.buckets) {
            sum += count;
            let le = seconds(*bound).to_string();
            out.part("_bucket", &[("kind", kind), ("le", &le)], sum);
        }
        out.part("_bucket", &[("kind", kind), ("le", "+Inf")], durations.count);
        out.part("_sum", &[("kind", kind)], seconds(durations.sum_ns));
        out.part("_count", &[("kind", kind)], durations.count);
    }
}

fn cluster(out: &mut Exposition, sample: &Sample) {
    let counts = &sample.counts;
    out.counter("amflab_messages_total", "First sends between AMFs.");
    for kind in MsgKind::ALL {
        out.labelled(&[("kind", kind.name())], counts.sent(kind));
    }
    let rest = [
        ("amflab_retransmissions_total", "Messages that were sent again.", counts.retransmissions),
        ("amflab_broadcasts_total", "Accesses that were broadcast.", counts.broadcasts),
        (
            "amflab_broadcasts_saved_total",
            "Accesses that needed no broadcast, because the data was not shared.",
            counts.broadcasts_saved,
        ),
        (
            "amflab_peer_transfers_total",
            "Touches answered from the cache of another AMF.",
            counts.peer_transfers,
        ),
        ("amflab_disk_reads_total", "Blocks read from disks.", counts.disk_reads),
        ("amflab_disk_writes_total", "Blocks written to disks.", counts.disk_writes),
        ("amflab_evictions_total", "Cache lines dropped to make room.", counts.evictions),
        ("amflab_destages_total", "Dirty cache lines written to the group.", counts.destages),
        ("amflab_takeovers_total", "Blocks adopted after an AMF left.", counts.takeovers),
        ("amflab_views_total", "Views that the witness decided.", counts.views),
        ("amflab_violations_total", "What the checkers found wrong.", sample.violations),
    ];
    for (name, help, value) in rest {
        out.counter(name, help);
        out.value(value);
    }
    out.gauge("amflab_faults_active", "Faults that have not been ended.");
    out.value(sample.faults);
}

/// What is told of an AMF: name, help, value.
type OfAmf = (&'static str, &'static str, fn(&AmfInfo) -> u64);

fn amfs(out: &mut Exposition, amfs: &[AmfInfo]) {
    out.gauge("amflab_amf_state", "1 for the state that the AMF is in, 0 for the others.");
    for amf in amfs {
        let id = amf.id.to_string();
        for state in AmfStatus::ALL {
            let is_it = u8::from(amf.status == state);
            out.labelled(&[("amf", &id), ("state", state.name())], is_it);
        }
    }
    let all: [OfAmf; 6] = [
        ("amflab_amf_epoch", "Epoch of the view that the AMF has installed.", |amf| {
            amf.epoch.0.into()
        }),
        ("amflab_amf_cache_lines", "Cache lines in use.", |amf| amf.lines_used.into()),
        ("amflab_amf_cache_lines_max", "Cache lines that may be in use.", |amf| {
            amf.lines_max.into()
        }),
        ("amflab_amf_dirty_lines", "Cache lines that no disk has.", |amf| amf.dirty.into()),
        ("amflab_amf_replicas", "Replicas kept for other AMFs.", |amf| amf.replicas.into()),
        ("amflab_amf_recovering", "Blocks that the AMF has yet to adopt.", |amf| {
            amf.recovering.into()
        }),
    ];
    for (name, help, value) in all {
        out.gauge(name, help);
        for amf in amfs {
            out.labelled(&[("amf", &amf.id.to_string())], value(amf));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
fn seconds(nanos: u64) -> f64 {
    nanos as f64 / NANOS_PER_SECOND
}

/// Families, one after the other, each with its `HELP` and `TYPE` before its values.
#[derive(Default)]
struct Exposition {
    text: String,
    /// The family that values belong to.
    name: &'static str,
}

impl Exposition {
    fn counter(&mut self, name: &'static str, help: &str) {
        debug_assert!(name.ends_with("_total"), "{name}");
        self.family(name, "counter", help);
    }

    fn gauge(&mut self, name: &'static str, help: &str) {
        debug_assert!(!name.ends_with("_total"), "{name}");
        self.family(name, "gauge", help);
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        debug_assert!(!help.contains(['\n', '\\']), "{help}");
        self.name = name;
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, value: impl Display) {
        self.part("", &[], value);
    }

    fn labelled(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.part("", labels, value);
    }

    fn part(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let out = &mut self.text;
        out.push_str(self.name);
        out.push_str(suffix);
        for (at, (label, value)) in labels.iter().enumerate() {
            let open = if at == 0 { '{' } else { ',' };
            let _ = write!(out, "{open}{label}=\"{}\"", escaped(value));
        }
        if !labels.is_empty() {
            out.push('}');
        }
        let _ = writeln!(out, " {value}");
    }
}

/// A label's value: names of profiles are whatever a file is called.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_lies_in_the_bucket_that_ends_at_or_above_it() {
        let mut nanos = Histogram::new(3).expect("3 digits are allowed");
        let all = [1, 999, 1_001, 2_600, 9_999_999_999, 12_000_000_000, 12_000_000_000];
        for value in all {
            nanos.record(value).expect("it grows");
        }
        let sum_ns = all.iter().sum();
        let durations = Durations::of(&nanos, sum_ns);
        assert_eq!(durations.buckets[..4], [2, 1, 1, 0]);
        assert_eq!(durations.buckets.iter().sum::<u64>() + 3, durations.count);
        assert_eq!(durations.count, 7);
    }

    #[test]
    fn label_values_are_escaped() {
        let mut out = Exposition::default();
        out.gauge("x", "An x.");
        out.labelled(&[("a", "b\"c\\d\ne"), ("f", "")], 1);
        out.value(0.000_000_5);
        let text =
            "# HELP x An x.\n# TYPE x gauge\nx{a=\"b\\\"c\\\\d\\ne\",f=\"\"} 1\nx 0.0000005\n";
        assert_eq!(out.text, text);
    }

    #[test]
    fn bounds_rise() {
        assert!(BOUNDS_NS.is_sorted());
        assert_eq!(seconds(BOUNDS_NS[0]).to_string(), "0.000001");
    }
}
