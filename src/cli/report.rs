//! What `run` and `replay` report: one JSON object, or a few aligned lines for people.

use super::expected::{Expected, Found, WorkloadReport, expectations};
use super::failure::{FAILED, FINE, UNDECIDED};
use super::load::{FINDINGS_MAX, Load, Measured};
use super::read_back::Rest;
use super::recovery::Recovery;
use super::tally::Latency;
use crate::profile::Profile;
use crate::protocol::Many;
use crate::protocol::{HostError, MsgKind};
use crate::trace::Violation;
use crate::trace::snapshot::{Ask, Snapshot};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Findings that people are shown.
const FINDINGS_SHOWN: usize = 10;

/// What the judges say of a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// Everything was judged, and is as it should be.
    Ok,
    /// Something is wrong.
    Violation,
    /// Nothing is known to be wrong, but not everything could be judged.
    Undecided,
}

impl Verdict {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Violation => "violation",
            Self::Undecided => "undecided",
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Latencies {
    read: Latency,
    write: Latency,
}

/// What a trace was made of, for `replay`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TraceReport {
    pub(super) file: String,
    pub(super) format: &'static str,
    /// How the file is packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) packing: Option<&'static str>,
    /// Recorded requests replayed.
    pub(super) requests: u64,
    /// Bad lines or records that were skipped.
    pub(super) bad: u64,
    /// Requests widened to whole sectors.
    pub(super) unaligned: u64,
    /// Requests split because a host may not ask for so much at once.
    pub(super) split: u64,
    /// Requests recorded as earlier than the one before them.
    pub(super) backwards: u64,
    /// Requests left out because of their time.
    pub(super) outside: u64,
    /// Devices in it.
    pub(super) devices: u64,
    /// Blocks of the volume that it was replayed on.
    pub(super) volume_blocks: u64,
    /// Which AMF a request went to.
    pub(super) map: &'static str,
    /// So many AMFs got each.
    pub(super) replicate: u32,
    /// How fast: `max`, `1x`.
    pub(super) speed: String,
    /// What the format cannot say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<&'static str>,
}

/// Everything that is reported. Field names are the JSON's.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    engine: &'static str,
    seed: u64,
    profile: String,
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<TraceReport>,
    ops: u64,
    touches: u64,
    reads: u64,
    writes: u64,
    errors: u64,
    errors_by_kind: BTreeMap<&'static str, u64>,
    /// Requests that an AMF turned away, and that were made again over another path.
    retried: u64,
    hits: u64,
    misses: u64,
    hit_ratio: Option<f64>,
    messages_per_op: Option<f64>,
    peer_transfers: u64,
    disk_reads: u64,
    disk_writes: u64,
    messages: BTreeMap<&'static str, u64>,
    broadcasts: u64,
    broadcasts_saved: u64,
    retransmissions: u64,
    takeovers: u64,
    views: u64,
    evictions: u64,
    destages: u64,
    latency_us: Latencies,
    elapsed_s: f64,
    cluster_s: f64,
    warmup_s: f64,
    ops_per_s: f64,
    touches_per_s: f64,
    durable: bool,
    settled: bool,
    interrupted: bool,
    blocks_written: u64,
    blocks_read_back: u64,
    pub(super) verdict: Verdict,
    violations: u64,
    lost_acknowledged_writes: u64,
    /// Of several workloads, each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    workloads: Vec<WorkloadReport>,
    /// What took over from AMFs that were lost; only if that was watched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recoveries: Vec<Recovery>,
    /// What the profile's `[end]` demands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expectations: Vec<Expected>,
    /// Of whatever is wrong the profile says how much may be.
    #[serde(skip)]
    accepts: bool,
    findings: Vec<Finding>,
    remarks: Vec<String>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    checker: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    text: String,
}

impl From<&Violation> for Finding {
    fn from(found: &Violation) -> Self {
        let key = found.key.map(|key| key.to_string());
        Self { checker: found.checker.clone(), key, text: found.text.clone() }
    }
}

/// A run that is over: what it took, and how the cluster stood before and after it came to rest.
pub(super) struct Over<'a> {
    pub(super) profile: &'a Profile,
    pub(super) load: &'a mut Load,
    pub(super) measured: Measured,
    pub(super) rest: Rest,
    pub(super) trace: Option<TraceReport>,
}

impl Over<'_> {
    /// The report, with its verdict.
    pub(super) fn report(self) -> Report {
        let snapshot = self.load.engine.snapshot(&Ask::BRIEF);
        let Self { profile, load, measured, rest, trace } = self;
        let Measured { counts, elapsed, cluster_ns, warmup_ns } = measured;
        let violations = load.violations + snapshot.violations_total;
        let findings = findings(load, &snapshot, &rest);
        let is_judged = load.checker.counts().given_up == 0 && rest.unread == 0 && rest.settled;
        let verdict = match (violations + rest.tally.lost, is_judged) {
            (0, true) => Verdict::Ok,
            (0, false) => Verdict::Undecided,
            (1.., _) => Verdict::Violation,
        };
        let tally = &load.tally;
        let interrupted = load.was_interrupted || load.is_cut_short();
        let touches = tally.hits + tally.misses;
        let (read, write) = tally.latencies();
        let seconds = elapsed.as_secs_f64();
        let rate = |count: u64| if seconds > 0.0 { float(count) / seconds } else { 0.0 };
        let errors = HostError::ALL.iter().zip(tally.errors);
        let found = Found {
            violations,
            lost: rest.tally.lost,
            errors: tally.errors_all(),
            ops: tally.ops(),
            hit_ratio: (touches > 0).then(|| float(tally.hits) / float(touches)),
            p99_us: read.p99.into_iter().chain(write.p99).reduce(f64::max),
            messages: counts.sent_all(),
        };
        let workloads = match load.lanes.as_slice() {
            [] | [_] => Vec::new(),
            lanes => lanes.iter().map(WorkloadReport::of).collect(),
        };
        Report {
            engine: snapshot.engine,
            seed: profile.seed,
            profile: profile.name.clone(),
            protocol: snapshot.view.protocol.name(),
            trace,
            ops: tally.ops(),
            touches,
            reads: tally.reads,
            writes: tally.writes,
            errors: tally.errors_all(),
            errors_by_kind: errors.filter(|(_, n)| *n > 0).map(|(e, n)| (e.name(), n)).collect(),
            retried: tally.retried,
            hits: tally.hits,
            misses: tally.misses,
            hit_ratio: found.hit_ratio,
            messages_per_op: found.messages_per_op(),
            peer_transfers: counts.peer_transfers,
            disk_reads: counts.disk_reads,
            disk_writes: counts.disk_writes,
            messages: MsgKind::ALL.iter().map(|kind| (kind.name(), counts.sent(*kind))).collect(),
            broadcasts: counts.broadcasts,
            broadcasts_saved: counts.broadcasts_saved,
            retransmissions: counts.retransmissions,
            takeovers: counts.takeovers,
            views: counts.views,
            evictions: counts.evictions,
            destages: counts.destages,
            latency_us: Latencies { read, write },
            elapsed_s: seconds,
            cluster_s: float(cluster_ns) / 1e9,
            warmup_s: float(warmup_ns) / 1e9,
            ops_per_s: rate(tally.ops()),
            touches_per_s: rate(touches),
            durable: snapshot.volatile.is_none(),
            settled: rest.settled,
            interrupted,
            blocks_written: rest.written,
            blocks_read_back: rest.tally.blocks,
            verdict,
            violations,
            lost_acknowledged_writes: rest.tally.lost,
            workloads,
            recoveries: load.recoveries(),
            expectations: expectations(&profile.end, &found),
            accepts: (violations == 0 || profile.end.violations.is_some())
                && (rest.tally.lost == 0 || profile.end.lost.is_some()),
            findings,
            remarks: cut_short(interrupted)
                .into_iter()
                .chain(load.remarks.iter().cloned())
                .chain(rest.unsettled.iter().map(|what| unsettled(what, rest.settled)))
                .chain(unread(rest.unread))
                .chain(snapshot.disks.iter().filter_map(|disk| disk.trouble.clone()))
                .collect(),
        }
    }
}

/// The figures of a run, for a comparison.
pub(super) struct Figures {
    pub(super) ops: u64,
    pub(super) messages: f64,
    pub(super) broadcasts: f64,
    pub(super) broadcasts_saved: f64,
    pub(super) retransmissions: f64,
    pub(super) peer_transfers: f64,
    pub(super) disk_reads: f64,
    pub(super) disk_writes: f64,
    pub(super) errors: f64,
    pub(super) retried: f64,
    pub(super) hit_ratio: Option<f64>,
    pub(super) read: Latency,
    pub(super) write: Latency,
    /// On the cluster's clock.
    pub(super) ops_per_s: Option<f64>,
    /// The longest recovery.
    pub(super) recovery_ms: Option<f64>,
}

impl Figures {
    /// A count for each request.
    pub(super) fn per_op(&self, count: f64) -> Option<f64> {
        (self.ops > 0).then(|| count / float(self.ops))
    }
}

fn unsettled(what: &str, settled: bool) -> String {
    format!("{}: {what}", if settled { "held back by a fault" } else { "not settled" })
}

fn cut_short(is_interrupted: bool) -> Option<String> {
    is_interrupted.then(|| "interrupted: the figures are of what was done until then".to_owned())
}

fn unread(blocks: u64) -> Option<String> {
    (blocks > 0).then(|| format!("not judged: {} that could not be read", Many(blocks, "block")))
}

/// Everything found wrong, the first hundred.
fn findings(load: &Load, snapshot: &Snapshot, rest: &Rest) -> Vec<Finding> {
    let all = load.findings.iter().chain(&snapshot.violations).chain(&rest.tally.findings);
    all.take(FINDINGS_MAX).map(Finding::from).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people: 53 bits are plenty")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

impl Report {
    /// What a comparison is about.
    pub(super) fn figures(&self) -> Figures {
        Figures {
            ops: self.ops,
            messages: float(self.messages.values().sum()),
            broadcasts: float(self.broadcasts),
            broadcasts_saved: float(self.broadcasts_saved),
            retransmissions: float(self.retransmissions),
            peer_transfers: float(self.peer_transfers),
            disk_reads: float(self.disk_reads),
            disk_writes: float(self.disk_writes),
            errors: float(self.errors),
            retried: float(self.retried),
            hit_ratio: self.hit_ratio,
            read: self.latency_us.read,
            write: self.latency_us.write,
            ops_per_s: (self.cluster_s > 0.0).then(|| float(self.ops) / self.cluster_s),
            recovery_ms: self.recoveries.iter().map(|recovery| recovery.ms).reduce(f64::max),
        }
    }

    /// The exit code: a cluster that did not come to rest in time has failed.
    pub(super) fn code(&self) -> u8 {
        let broken = self.expectations.iter().any(|expected| !expected.holds);
        match self.verdict {
            _ if broken => FAILED,
            Verdict::Violation if self.accepts && self.settled => FINE,
            Verdict::Violation => FAILED,
            Verdict::Ok | Verdict::Undecided if !self.settled => FAILED,
            Verdict::Ok => FINE,
            Verdict::Undecided => UNDECIDED,
        }
    }

    /// What to think of the run, a line each: demands that were made, findings, remarks.
    pub(super) fn lines(&self) -> Vec<String> {
        let expected = self.expectations.iter().map(Expected::text);
        let findings = self.findings.iter().take(FINDINGS_SHOWN);
        let findings = findings.map(|finding| format!("{}: {}", finding.checker, finding.text));
        expected.chain(findings).chain(self.remarks.iter().cloned()).collect()
    }

    /// One JSON object.
    pub(super) fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("plain data with text keys");
        text.push('\n');
        text
    }

    /// A few lines for people.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |name: &str, text: String| {
            let _ = writeln!(out, "{name:<12}{text}");
        };
        let (profile, protocol) = (&self.profile, self.protocol);
        line("cluster", format!("{profile}, {}, {protocol}, seed {}", self.engine, self.seed));
        if let Some(trace) = &self.trace {
            let TraceReport { file, format, requests, devices, speed, .. } = trace;
            line(
                "trace",
                format!(
                    "{file} ({format}), {}, {}, {speed}",
                    Many(*requests, "request"),
                    Many(*devices, "device")
                ),
            );
            let TraceReport { bad, unaligned, split, backwards, outside, .. } = trace;
            if bad + unaligned + split + backwards + outside > 0 {
                let bad = Many(*bad, "bad line");
                let text = format!(
                    "{bad} skipped, {unaligned} widened, {split} split, {backwards} out of order, \
                     {outside} outside of the times"
                );
                line("", text);
            }
        }
        let (ops, reads, writes, errors) = (self.ops, self.reads, self.writes, self.errors);
        let (reads, writes) = (Many(reads, "read"), Many(writes, "write"));
        line("requests", format!("{ops}: {reads}, {writes}, {}", Many(errors, "error")));
        for (kind, count) in &self.errors_by_kind {
            line("", format!("{count} {kind}"));
        }
        if self.retried > 0 {
            line("", format!("{} retried over another path", self.retried));
        }
        let ratio =
            self.hit_ratio.map_or_else(|| "-".to_owned(), |r| format!("{:.2} %", r * 100.0));
        let (touches, hits, misses) = (self.touches, self.hits, self.misses);
        line(
            "touches",
            format!("{touches} blocks: {hits} hits, {misses} misses, hit ratio {ratio}"),
        );
        line(
            "data",
            format!(
                "{}, {}, {}, {}, {}",
                Many(self.peer_transfers, "peer transfer"),
                Many(self.disk_reads, "disk read"),
                Many(self.disk_writes, "disk write"),
                Many(self.destages, "destage"),
                Many(self.evictions, "eviction")
            ),
        );
        line("broadcasts", format!("{}, saved {}", self.broadcasts, self.broadcasts_saved));
        let sent: Vec<String> = self
            .messages
            .iter()
            .filter(|(_, n)| **n > 0)
            .map(|(k, n)| format!("{k} {n}"))
            .collect();
        let sent = if sent.is_empty() { "none".to_owned() } else { sent.join(", ") };
        line("messages", sent);
        let (again, takeovers, views) = (self.retransmissions, self.takeovers, self.views);
        line(
            "",
            format!(
                "{}, {}, {}",
                Many(again, "retransmission"),
                Many(takeovers, "takeover"),
                Many(views, "view")
            ),
        );
        for (name, latency) in [("read", self.latency_us.read), ("write", self.latency_us.write)] {
            line(&format!("{name} us"), shown(&latency));
        }
        for one in &self.workloads {
            line("workload", one.text());
        }
        if self.warmup_s > 0.0 {
            line("warm-up", format!("{:.2} s, which count for nothing above", self.warmup_s));
        }
        line(
            "speed",
            format!(
                "{:.0} requests/s, {:.0} touches/s in {:.2} s ({:.2} s on the cluster's clock)",
                self.ops_per_s, self.touches_per_s, self.elapsed_s, self.cluster_s
            ),
        );
        let durable = if self.durable { "" } else { "; volatile: they would not survive a kill" };
        let (back, written) = (self.blocks_read_back, self.blocks_written);
        line("read back", format!("{back} of {written} written blocks{durable}"));
        self.verdict_text(&mut out);
        out
    }

    /// What was demanded and found, in a few lines.
    fn verdict_text(&self, out: &mut String) {
        for remark in &self.remarks {
            let _ = writeln!(out, "{:<12}{remark}", "remark");
        }
        for expected in &self.expectations {
            let _ = writeln!(out, "{:<12}{}", "expected", expected.text());
        }
        let (word, violations) = (self.verdict.word(), self.violations);
        let violations = Many(violations, "violation");
        let lost = Many(self.lost_acknowledged_writes, "acknowledged write");
        let failed = self.expectations.iter().filter(|expected| !expected.holds).count();
        // The word is about the cluster; the exit code is about these, too.
        let failed = match failed {
            0 => String::new(),
            failed => format!("; FAILED: {}", Many::of(failed, "expectation")),
        };
        let _ = writeln!(out, "{:<12}{word}: {violations}, {lost} lost{failed}", "verdict");
        for finding in self.findings.iter().take(FINDINGS_SHOWN) {
            let Finding { checker, key, text } = finding;
            let named = |key: &&String| !text.starts_with(&format!("{key}:"));
            let key = key.as_ref().filter(named).map_or_else(String::new, |key| format!(" {key}"));
            let _ = writeln!(out, "  {checker}{key}: {text}");
        }
        let more = self.findings.len().saturating_sub(FINDINGS_SHOWN);
        if more > 0 {
            let _ = writeln!(out, "  ... and more: --json lists {}", self.findings.len());
        }
    }
}

fn shown(latency: &Latency) -> String {
    let Latency { p50, p90, p99, p999, max } = latency;
    let names = [("p50", p50), ("p90", p90), ("p99", p99), ("p99.9", p999), ("max", max)];
    let known: Vec<String> = names
        .iter()
        .filter_map(|(name, value)| value.map(|us| format!("{name} {us:.1}")))
        .collect();
    if known.is_empty() { "-".to_owned() } else { known.join(", ") }
}
