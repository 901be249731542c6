//! Logs of latencies, read back with the iterator of the crate that others use, too.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use crate::cli::amflab_parts as amflab;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// A log, as another program sees it.
#[derive(Default)]
struct Log {
    /// All latencies of a tag.
    by_tag: BTreeMap<String, Histogram<u64>>,
    /// Start, length and tag of each line.
    lines: Vec<(Duration, Duration, String)>,
    started: Option<Duration>,
    base: Option<Duration>,
}

fn read(path: &Path) -> Log {
    let bytes = std::fs::read(path).unwrap();
    assert!(bytes.starts_with(b"#[Histogram log format version 1.3]\n"));
    let mut log = Log::default();
    for entry in IntervalLogIterator::new(&bytes) {
        match entry.unwrap() {
            LogEntry::StartTime(at) => assert_eq!(log.started.replace(at), None),
            LogEntry::BaseTime(at) => assert_eq!(log.base.replace(at), None),
            LogEntry::Interval(line) => {
                let tag = line.tag().unwrap().to_string();
                let packed = STANDARD.decode(line.encoded_histogram()).unwrap();
                let one: Histogram<u64> =
                    Deserializer::new().deserialize(&mut packed.as_slice()).unwrap();
                assert!(!one.is_empty());
                let new = || Histogram::new(3).unwrap();
                log.by_tag.entry(tag.clone()).or_insert_with(new).add(one).unwrap();
                log.lines.push((line.start_timestamp(), line.duration(), tag));
            }
        }
    }
    log
}

/// What the report says of latencies is what the log has, to its digits.
fn compare(report: &Value, log: &Log, errors: u64) {
    let mut count = 0;
    for (tag, nanos) in &log.by_tag {
        count += nanos.len();
        for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)] {
            let told = report["latency_us"][tag][name].as_f64().unwrap() * 1e3;
            #[expect(clippy::cast_precision_loss, reason = "a latency")]
            let logged = nanos.value_at_quantile(quantile) as f64;
            assert!((told - logged).abs() <= told * 0.002, "{tag} {name}: {told}, {logged}");
        }
    }
    assert_eq!(count + errors, report["ops"].as_u64().unwrap());
}

#[test]
fn a_run_is_logged_piece_by_piece() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run =
        ["run", "--engine", "sim", "-p", "demo", "--workload", "ycsb-a", "--ops", "2000", "--json"];
    let (hlog, record) = (path("a.hlog"), path("a.amfrec"));
    let args =
        [&run[..], &["--hdr", &hlog, "--hdr-interval", "100ms", "--record", &record]].concat();
    let (code, out, err) = amflab(&args);
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let log = read(Path::new(&hlog));
    let lines = format!("note: {hlog}: {} histograms", log.lines.len());
    assert!(err.contains(&lines), "{err}");
    compare(&report, &log, report["errors"].as_u64().unwrap());
    assert_eq!(log.by_tag["read"].len(), report["reads"].as_u64().unwrap());
    assert_eq!(log.by_tag["write"].len(), report["writes"].as_u64().unwrap());
    // Virtual time begins at nothing, and equal runs make equal logs.
    assert_eq!((log.started, log.base), (Some(Duration::ZERO), Some(Duration::ZERO)));
    let end = Duration::from_secs_f64(report["cluster_s"].as_f64().unwrap() + 0.001);
    let interval = Duration::from_millis(100);
    for (start, length, _) in &log.lines {
        assert_eq!(start.as_millis() % 100, 0, "{start:?}");
        assert!(*length <= interval && *start + *length <= end, "{start:?} {length:?} {end:?}");
    }
    assert!(log.lines.is_sorted_by_key(|(start, _, _)| *start));
    assert!(
        log.lines.iter().any(|(start, _, _)| *start > Duration::ZERO),
        "several pieces of time"
    );
    let again = path("b.hlog");
    amflab(&[&run[..], &["--hdr", &again, "--hdr-interval", "100ms"]].concat());
    assert_eq!(std::fs::read(&hlog).unwrap(), std::fs::read(&again).unwrap());
    // The recording goes on while blocks are read back, which belongs to no figures.
    let (third, json) = (path("c.hlog"), path("c.json"));
    let (code, _, err) = amflab(&["report", &record, "-o", &third, "--hdr-interval", "1s"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(amflab(&["report", &record, "-o", &json]).0, 0);
    let recorded = read(Path::new(&third));
    assert_eq!(recorded.by_tag["write"].len(), log.by_tag["write"].len());
    assert_eq!(recorded.by_tag["read"].len(), log.by_tag["read"].len());
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    compare(&report, &recorded, report["errors"].as_u64().unwrap());
}

/// A log for each cell, or one for all: every run has tags of its own, and all of its requests.
#[test]
fn the_cells_of_a_comparison_are_logged() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let compare = ["compare", "--vary", "protocol=sharing,moesi", "--workload", "ycsb-a"];
    let how = ["--ops", "300", "--repeat", "2", "--seed", "5", "--format", "json", "--jobs", "2"];
    let run = |to: &str| {
        let log = ["--hdr", to, "--hdr-interval", "10ms"];
        let (code, out, err) = amflab(&[&compare[..], &how, &log].concat());
        assert_eq!(code, 0, "{err}");
        assert!(err.ends_with(&format!("note: {to}: latencies of 2 cells\n")), "{err}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let (logs, all) = (path("logs/"), path("all.hlog"));
    let report = run(&logs);
    run(&all);
    let whole = read(Path::new(&all));
    assert_eq!(whole.by_tag.len(), 2 * 2 * 2, "cells, seeds, reads and writes");
    for cell in ["sharing", "moesi"] {
        let log = read(&folder.path().join("logs").join(format!("cluster.protocol={cell}.hlog")));
        let mut count = 0;
        for tag in ["5/read", "5/write", "6/read", "6/write"].map(|tag| format!("{cell}/{tag}")) {
            assert_eq!(log.by_tag[&tag].len(), whole.by_tag[&tag].len(), "{tag}");
            count += log.by_tag[&tag].len();
        }
        assert_eq!(log.by_tag.len(), 4);
        let of = report["cells"].as_array().unwrap();
        let of = of.iter().find(|of| of["set"]["cluster.protocol"] == cell).unwrap();
        let ops = of["runs"].as_array().unwrap().iter().map(|run| run["ops"].as_u64().unwrap());
        assert_eq!(count, ops.sum::<u64>(), "no errors and no flushes in this workload");
    }
}

/// Live clusters are compared, too: the same requests, with this machine's figures.
#[test]
fn live_clusters_are_compared() {
    let run =
        ["compare", "--engine", "live", "--vary", "protocol=broadcast,sharing", "--ops", "60"];
    let how = ["--repeat", "1", "--set", "store.engine=memory", "--workload", "ycsb-b"];
    let (code, out, err) = amflab(&[&run[..], &how, &["--format", "json"]].concat());
    assert_eq!(code, 0, "{out}{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["engine"], "live");
    let cells = report["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 2);
    assert_eq!(cells[0]["runs"][0]["inputs"], cells[1]["runs"][0]["inputs"]);
    assert_eq!(cells[0]["runs"][0]["ops"], 60);
    let command = report["command"].as_str().unwrap();
    assert!(command.ends_with("--engine live"), "{command}");
}

#[test]
fn a_replay_and_a_live_run_are_logged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.hlog");
    let hlog = path.to_str().unwrap();
    let (code, out, err) =
        amflab(&["replay", "tests/traces/small.msr.csv", "--json", "--hdr", hlog]);
    assert_eq!(code, 0, "{err}");
    compare(&serde_json::from_str(&out).unwrap(), &read(&path), 0);
    let live = ["run", "--engine", "live", "--set", "store.engine=memory", "--ops", "20", "--json"];
    let (code, out, err) = amflab(&[&live[..], &["--hdr", hlog]].concat());
    assert_eq!(code, 0, "{err}");
    let log = read(&path);
    compare(&serde_json::from_str(&out).unwrap(), &log, 0);
    // Real time has a date.
    assert!(log.started.unwrap() > Duration::from_secs(1_700_000_000));
    assert_eq!(log.base, log.started);
}

#[test]
fn what_cannot_be_written_is_found_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("missing/a.hlog").display().to_string();
    let (code, out, err) = amflab(&["run", "--engine", "sim", "--ops", "10", "--hdr", &inside]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains(&inside), "{err}");
    for wrong in ["0s", "100us", "soon"] {
        let (code, _, err) = amflab(&["run", "--hdr", "a.hlog", "--hdr-interval", wrong]);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains("--hdr-interval"), "{err}");
    }
    assert!(!Path::new("a.hlog").exists());
    let (code, _, err) = amflab(&["run", "--engine", "sim", "--ops", "10", "--hdr-interval", "1s"]);
    assert_eq!(code, 2, "without a log there is nothing to cut: {err}");
}
