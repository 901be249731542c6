//! `amflab compare`: the same requests in every cell, the same output every time, in every form; and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use crate::pages::sound;
use serde_json::Value;
use std::process::Command;

fn amflab(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_amflab")).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

const SMALL: [&str; 9] = [
    "compare",
    "--vary",
    "protocol=broadcast,sharing,moesi,update",
    "--vary",
    "cache.lines=16,64",
    "--workload",
    "ycsb-a",
    "--ops",
    "300",
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SMALL.iter().copied().chain(more.iter().copied()).collect()
}

#[test]
fn cells_get_the_same_requests_and_do_not_depend_on_how_many_run_at_once() {
    let (code, one, err) = amflab(&with(&["--format", "json", "--repeat", "2", "--jobs", "1"]));
    assert_eq!(code, 0, "{err}");
    assert_eq!(err, "", "no bar without a terminal");
    let (_, many, _) = amflab(&with(&["--format", "json", "--repeat", "2", "--jobs", "4"]));
    assert_eq!(one, many);
    let report: Value = serde_json::from_str(&one).unwrap();
    let cells = report["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 8);
    assert_eq!(cells[1]["set"]["cluster.protocol"], "broadcast");
    assert_eq!(cells[1]["set"]["cache.lines"], "64");
    for cell in cells {
        let runs = cell["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 2);
        assert!(runs.iter().all(|run| run["verdict"] == "ok" && run["ops"] == 300));
        assert_eq!(runs[0]["inputs"], cells[0]["runs"][0]["inputs"]);
        assert_ne!(runs[0]["inputs"], runs[1]["inputs"], "each run has its own seed");
        let hits = &cell["figures"]["hit_ratio"];
        let [low, middle, high] = ["min", "median", "max"].map(|name| hits[name].as_f64().unwrap());
        assert!(low <= middle && middle <= high);
        assert!((f64::midpoint(low, high) - middle).abs() < 1e-9, "of two runs");
    }
    assert_eq!(report["remarks"].as_array().unwrap().len(), 0);
    // The command that it tells gives the same.
    let command = report["command"].as_str().unwrap();
    let mut words: Vec<&str> = command.split_whitespace().skip(1).collect();
    words.extend(["--format", "json"]);
    assert_eq!(amflab(&words).1, one);
}

#[test]
fn people_csv_and_pages_get_the_same_cells() {
    let (code, text, err) = amflab(&with(&["--repeat", "1"]));
    assert_eq!(code, 0, "{err}");
    for word in [
        "messages for each request",
        "hits %",
        "write p99",
        "requests/s",
        "moesi",
        "amflab compare",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let widest =
        text.lines().filter(|line| !line.starts_with("amflab")).map(str::len).max().unwrap();
    assert!(widest <= 80, "{widest}: {text}");
    let (_, csv, _) = amflab(&with(&["--repeat", "1", "--format", "csv"]));
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("cluster.protocol,cache.lines,figure,runs,median,min,max"));
    assert!(lines.clone().all(|line| line.split(',').count() == 7));
    assert_eq!(lines.filter(|line| line.contains(",messages_per_op,")).count(), 8);
    let (_, page, _) = amflab(&with(&["--repeat", "1", "--format", "html"]));
    sound(&page);
    assert!(page.contains("moesi, 64"));
}

#[test]
fn what_is_varied_may_change_the_requests_and_that_is_said() {
    let (code, text, _) =
        amflab(&["compare", "--vary", "workload=ycsb-a,ping-pong", "--ops", "100"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("remark: the requests differ between cells"), "{text}");
}

#[test]
fn a_broken_rule_is_a_failure_of_its_cell() {
    let vary = "defect=none,skip_one_invalidate";
    let (code, text, _) =
        amflab(&["compare", "--vary", vary, "--workload", "ycsb-a", "--ops", "3000"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("skip_one_invalidate: seed 1: violation"), "{text}");
    assert!(!text.contains("none: seed"), "{text}");
}

#[test]
fn bad_input_is_refused_before_anything_runs() {
    for (args, words) in [
        (vec!["--vary", "cache.lnes=1,2"], vec!["cache.lnes", "did you mean `lines`?"]),
        (vec!["--vary", "cache.lines=64,2"], vec!["--set cache.lines=2", "out of range"]),
        (vec!["--vary", "cache.lines"], vec!["write it as KEY=A,B"]),
        (vec!["--vary", "cache.lines=64,64"], vec!["`64` is there twice"]),
        (vec!["--vary", "cache.lines=64,,"], vec!["none of them empty"]),
        (vec!["--vary", "amfs=1", "--workload", "nothing"], vec!["there is no workload `nothing`"]),
        (
            vec!["--vary", "cache.lines=64", "--vary", "cache.lines=32"],
            vec!["the key is varied twice"],
        ),
        (vec!["--vary", "cache.lines=64", "--repeat", "0"], vec!["--repeat"]),
        (vec![], vec!["--vary"]),
    ] {
        let all: Vec<&str> = ["compare"].into_iter().chain(args.iter().copied()).collect();
        let (code, out, err) = amflab(&all);
        assert_eq!((code, out.as_str()), (2, ""), "{all:?}: {err}");
        assert!(words.iter().all(|word| err.contains(word)), "{all:?}: {err}");
    }
}
