//! docs/EXPERIMENTS.md: every command in it is run, and what it says of the answer's shape must be so.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use crate::lru::Lru;
use amflab::profile;
use amflab::protocol::RequestKind;
use amflab::workload::Generator;
use serde_json::Value;
use std::process::Command;

/// The command of section `number`, in words.
fn command(number: usize) -> Vec<String> {
    let text = include_str!("../../docs/EXPERIMENTS.md");
    let heading = format!("\n## {number}. ");
    let section = text.split(&heading).nth(1).unwrap_or_else(|| panic!("no section {number}"));
    let line = section.lines().find(|line| line.starts_with("amflab compare ")).unwrap();
    line.split_whitespace().skip(1).map(str::to_owned).collect()
}

/// Runs it; its report.
fn run(number: usize) -> Value {
    let mut words = command(number);
    words.extend(["--format".to_owned(), "json".to_owned()]);
    let output = Command::new(env!("CARGO_BIN_EXE_amflab")).args(&words).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{words:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The median of a figure in the cell where the keys have these values.
fn median(report: &Value, values: &[&str], figure: &str) -> f64 {
    let cell = report["cells"].as_array().unwrap().iter().find(|cell| {
        let set = cell["set"].as_object().unwrap();
        values.iter().all(|value| set.values().any(|is| is == value))
    });
    let cell = cell.unwrap_or_else(|| panic!("no cell {values:?} in {report:#}"));
    let figure = &cell["figures"][figure]["median"];
    figure.as_f64().unwrap_or_else(|| panic!("{values:?} have no figure: {cell:#}"))
}

fn grows(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0] < pair[1])
}

#[test]
fn the_file_has_the_sections_that_are_tested() {
    let text = include_str!("../../docs/EXPERIMENTS.md");
    assert_eq!(text.matches("\namflab compare ").count(), 7);
}

#[test]
fn sharing_saves_what_is_not_shared() {
    let report = run(1);
    let of = |protocol: &str, figure: &str| -> Vec<f64> {
        ["1", "2", "4", "8"].map(|degree| median(&report, &[protocol, degree], figure)).to_vec()
    };
    let (broadcast, sharing) =
        (of("broadcast", "messages_per_op"), of("sharing", "messages_per_op"));
    assert!(sharing[0] * 2.0 < broadcast[0], "{sharing:?} {broadcast:?}");
    assert!(grows(&sharing), "{sharing:?}");
    let saved = of("sharing", "broadcasts_saved_per_op");
    assert!(saved[0] > saved[3], "{saved:?}");
    let inputs = |protocol: &str| -> Vec<Value> {
        let cells = report["cells"].as_array().unwrap().iter();
        let of = cells.filter(|cell| cell["set"]["cluster.protocol"] == protocol);
        of.map(|cell| cell["runs"][0]["inputs"].clone()).collect()
    };
    assert_eq!(inputs("broadcast"), inputs("sharing"), "the same requests under each protocol");
}

#[test]
fn messages_grow_with_the_amfs() {
    let report = run(2);
    for protocol in ["broadcast", "sharing"] {
        let messages: Vec<f64> = ["2", "4", "8", "16", "32", "64"]
            .map(|amfs| median(&report, &[protocol, amfs], "messages_per_op"))
            .to_vec();
        assert!(grows(&messages), "{protocol}: {messages:?}");
        assert!(messages[5] > 10.0 * messages[0], "{protocol}: {messages:?}");
    }
}

#[test]
fn write_back_answers_sooner_and_writes_less() {
    let report = run(3);
    let of =
        |figure: &str| (median(&report, &["back"], figure), median(&report, &["through"], figure));
    let (back, through) = of("write_p50_us");
    assert!(back < through, "{back} {through}");
    let (back, through) = of("disk_writes_per_op");
    assert!(back < through, "{back} {through}");
}

#[test]
fn false_sharing_grows_with_the_block() {
    let report = run(4);
    let moved =
        ["512", "1024", "2048"].map(|size| median(&report, &[size], "peer_transfers_per_op"));
    assert!(moved[0] < 1e-9, "{moved:?}");
    assert!(grows(&moved), "{moved:?}");
    let sizes = ["512", "1024", "2048", "65536"];
    let slowest = sizes.map(|size| median(&report, &[size], "write_p99_us"));
    assert!(grows(&slowest), "{slowest:?}");
}

#[test]
fn a_takeover_takes_longer_with_more_dirty_data() {
    let report = run(5);
    let took = ["64", "512", "2048"].map(|blocks| median(&report, &[blocks], "recovery_ms"));
    assert!(grows(&took), "{took:?}");
    assert!(took[0] >= 100.0, "the lease comes first: {took:?}");
}

#[test]
fn a_replica_costs_time_and_messages() {
    let report = run(6);
    let of =
        |figure: &str| ["0", "1", "2", "3"].map(|replicas| median(&report, &[replicas], figure));
    let (took, sent) = (of("write_p50_us"), of("messages_per_op"));
    assert!(took[0] + 100.0 <= took[1], "a way there and back: {took:?}");
    assert!(took[1] <= took[2] && took[2] <= took[3], "{took:?}");
    assert!(took[3] - took[1] < took[1] - took[0], "at the same time: {took:?}");
    assert!(grows(&sent), "{sent:?}");
}

#[test]
fn hit_ratios_are_those_of_a_plain_lru_list() {
    let report = run(7);
    let profile =
        profile::load_with("demo", &["cluster.amfs=1".to_owned()], &["ycsb-a".to_owned()]);
    let profile = profile.unwrap();
    let spec = profile.workloads.iter().find(|spec| spec.name == "ycsb-a").unwrap();
    let mut ratios = Vec::new();
    for lines in [16usize, 64, 256, 1024] {
        let (cells, wanted) = (report["cells"].as_array().unwrap(), lines.to_string());
        let cell = cells.iter().find(|cell| cell["set"]["cache.lines"] == wanted.as_str()).unwrap();
        for (seed, told) in (1u64..).zip(cell["figures"]["hit_ratio"]["values"].as_array().unwrap())
        {
            let mut lru = Lru::new(lines);
            let requests = Generator::new(spec, &profile.config, seed, 1).split_evenly(5_000);
            let mut hits = 0u32;
            for planned in requests {
                let (RequestKind::Read(sectors) | RequestKind::Write(sectors, _)) = planned.kind
                else {
                    panic!("{planned:?}")
                };
                hits += u32::from(lru.touch(sectors.first / 8));
            }
            let ratio = f64::from(hits) / 5_000.0;
            assert!((told.as_f64().unwrap() - ratio).abs() < 1e-12, "{lines} lines, seed {seed}");
        }
        ratios.push(median(&report, &[&lines.to_string()], "hit_ratio"));
    }
    assert!(grows(&ratios), "{ratios:?}");
}
