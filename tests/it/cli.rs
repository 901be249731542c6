//! The command line, through the real binary: what it prints where, its exit codes, its errors.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use crate::lru::Lru;
use amflab::profile;
use amflab::protocol::RequestKind;
use amflab::protocol::id::AmfSet;
use amflab::workload::formats::{self, Format, TimeUnit, TraceOptions};
use amflab::workload::mapping::{
    AddressMap, Addresses, AmfMap, ReplayOptions, ReplaySource, Survey,
};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn amflab(args: &[&str]) -> Ran {
    amflab_with(args, "")
}

/// The same as exit code, standard output and standard error.
pub(crate) fn amflab_parts(args: &[&str]) -> (i32, String, String) {
    let Ran { code, out, err } = amflab(args);
    (code, out, err)
}

pub(crate) fn amflab_with(args: &[&str], input: &str) -> Ran {
    amflab_in(args, input, &[("AMFLAB_CONFIG", "none")])
}

/// The program in the project's folder, with pipes.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amflab"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// With variables of the environment.
fn amflab_in(args: &[&str], input: &str, vars: &[(&str, &str)]) -> Ran {
    let mut child = command(args).envs(vars.iter().copied()).spawn().unwrap();
    // A program that refuses its arguments may be gone before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Bad usage or bad input: nothing on standard output, and these words on standard error.
pub(crate) fn refused(args: &[&str], words: &[&str]) {
    refused_with(args, "", words);
}

fn refused_with(args: &[&str], input: &str, words: &[&str]) {
    let ran = amflab_with(args, input);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
    for word in words {
        assert!(ran.err.contains(word), "{args:?}: `{word}` is not in:\n{}", ran.err);
    }
}

pub(crate) fn json(args: &[&str], code: i32) -> Value {
    let ran = amflab(args);
    assert_eq!(ran.code, code, "{args:?}: {}{}", ran.out, ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn accepting_a_loss_says_of_how_much_and_a_scrub_of_nothing_says_so() {
    let script = "accept-loss\nwrite amf0 3 \"a\"\npower-fail\nread amf0 3\naccept-loss\n\
                  read amf1 3\nfail disk0\nfail disk1\nfail disk2\nfail disk3\nfail disk4\nscrub\n";
    for engine in ["sim", "live"] {
        let ran = amflab_with(&["exec", "--engine", engine, "-p", "demo", "-"], script);
        // What was lost is forgotten by whoever judges: the read is right.
        assert_eq!(ran.code, 0, "{engine}: {}{}", ran.out, ran.err);
        for said in
            ["nothing was in doubt", "in doubt are given out again", "every disk has failed"]
        {
            assert!(ran.out.contains(said), "{engine}: `{said}` is not in:\n{}", ran.out);
        }
    }
}

#[test]
fn help_begins_with_three_examples() {
    let ran = amflab(&["--help"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let lines: Vec<&str> = ran.out.lines().take(4).collect();
    assert_eq!(lines[0], "Examples:");
    assert!(lines[1..].iter().all(|line| line.starts_with("  amflab")), "{lines:?}");
    for command in ["run", "replay", "exec", "profiles", "doctor"] {
        let ran = amflab(&[command, "--help"]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{command}");
        assert!(ran.out.contains("Usage:"), "{command}: {}", ran.out);
    }
}

#[test]
fn a_console_without_a_terminal_says_what_to_do_instead() {
    let words = ["needs a terminal", "hint: `amflab --plain`", "`amflab run`"];
    refused(&[], &words);
    refused(&["console", "-p", "demo"], &words);
    // Of a recording there is more to say than that it could be shown.
    let hint = "hint: `amflab play some.amfrec --plain` prints lines, `amflab inspect some.amfrec`";
    refused(&["play", "some.amfrec"], &["needs a terminal", hint]);
}

#[test]
fn bad_usage_is_refused_with_the_reason() {
    refused(&["frobnicate"], &["frobnicate"]);
    refused(&["run", "--engine", "none"], &["none", "live"]);
    refused(&["run", "--duration", "soon"], &["soon", "10s"]);
    refused(&["run", "--ops", "0"], &["0"]);
    refused(&["run", "--ops", "5", "--duration", "1s"], &["cannot be used with"]);
    refused(&["replay"], &["TRACE"]);
    refused(&["replay", "x", "--speed", "fast"], &["fast", "10x"]);
    refused(&["replay", "x", "--map", "nowhere"], &["nowhere", "round-robin"]);
    refused(&["run", "--engine", "sim", "--data-dir", "x"], &["simulator", "hint:"]);
    refused(&["defects", "show", "skip_one_invalidat"], &["hint:", "`skip_one_invalidate`"]);
    refused(&["protocols", "show", "gossip"], &["gossip", "sharing"]);
}

#[test]
fn a_bad_profile_names_the_place_and_the_nearest_key() {
    refused(&["run", "-p", "dmo"], &["did you mean `demo`?"]);
    refused(&["run", "-p", "no/such.toml"], &["no/such.toml", "cannot be opened"]);
    refused(&["run", "--set", "cache.lins=64"], &["--set cache.lins=64", "did you mean `lines`?"]);
    refused(&["run", "--set", "cache.lines"], &["cache.lines"]);
    let file = "tests/profiles_invalid/unknown_key.toml";
    refused(&["run", "-p", file], &[&format!("{file}:"), "hint:"]);
    refused(&["run", "-p", "demo", "--workload", "strom"], &["strom", "did you mean `storm`?"]);
}

#[test]
fn lists_have_one_item_a_line_and_no_header() {
    let profiles = amflab(&["profiles", "list"]);
    let names: Vec<&str> = profiles.out.lines().collect();
    assert_eq!(names, profile::names());
    assert_eq!(amflab(&["protocols", "list"]).out, "broadcast\nsharing\nmoesi\nupdate\nnone\n");
    let defects = amflab(&["defects", "list"]).out;
    assert!(defects.lines().any(|line| line == "skip_one_invalidate"), "{defects}");
    for name in defects.lines() {
        assert!(amflab(&["defects", "show", name]).out.contains("breaks"), "{name}");
    }
    let lessons = amflab(&["lessons", "list"]);
    let names: Vec<&str> = amflab::lesson::builtin().iter().map(|(name, _)| *name).collect();
    assert_eq!((lessons.code, lessons.out.lines().collect::<Vec<_>>()), (0, names));
}

/// The negative control: without coherency a read shows what is not true any more, and is caught.
#[test]
fn without_coherency_the_checkers_speak() {
    let script = "write amf0 3 \"alpha\"\nexpect messages access-exclusive 0\nflush amf0\n\
                  read amf1 3\nexpect value amf1 3 \"alpha\"\nwrite amf0 3 \"beta\"\n\
                  read amf1 3\nexpect value amf1 3 \"alpha\"\n";
    for engine in ["sim", "live"] {
        let options = ["exec", "-p", "claims", "--set", "cluster.protocol=none"];
        let ran = amflab_with(&[&options[..], &["--engine", engine, "-"]].concat(), script);
        assert_eq!(ran.code, 1, "{engine}: {} {}", ran.out, ran.err);
        assert!(ran.out.contains("\"alpha\" instead of \"beta\""), "{engine}: {}", ran.out);
        assert!(ran.out.contains("0 failed"), "{engine}: {}", ran.out);
    }
}

#[test]
fn a_profile_that_is_shown_can_be_used() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.toml");
    std::fs::write(&path, amflab(&["profiles", "show", "demo"]).out).unwrap();
    let path = path.to_str().unwrap();
    let args = ["run", "-p", path, "--engine", "sim", "--ops", "50", "--json"];
    let report = json(&args, 0);
    assert_eq!((&report["profile"], &report["ops"]), (&"mine".into(), &50.into()));
}

#[test]
fn completions_and_the_manual_are_made_from_the_command_line() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(amflab(&["completions", shell]).out.contains("amflab"), "{shell}");
    }
    let man = amflab(&["man"]).out;
    assert!(
        man.contains(".TH") && man.contains("partition A..") && man.contains("replay"),
        "{man}"
    );
    refused(&["completions", "cmd"], &["cmd"]);
}

#[test]
fn a_claim_script_passes_in_both_engines() {
    for engine in ["sim", "live"] {
        let ran = amflab(&["exec", "--engine", engine, "tests/conversations/claim-01.txt"]);
        assert_eq!(ran.code, 0, "{engine}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("0 failed, 0 violations"), "{engine}: {}", ran.out);
    }
}

#[test]
fn a_script_on_standard_input_and_what_its_head_says() {
    let script = "# profile: claims\nwrite amf0 3 \"alpha\"\nexpect value amf1 3 \"alpha\"\n";
    let ran = amflab_with(&["exec", "-"], script);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let script = "# profile: claims\nwrite amf3 3 \"alpha\"\n";
    refused_with(&["exec", "-"], script, &["-:2:7: ", "amf3"]);
    let ran = amflab_with(&["exec", "-p", "demo", "-"], script);
    assert_eq!(ran.code, 0, "the command line wins: {}{}", ran.out, ran.err);
}

#[test]
fn a_script_that_fails_says_where() {
    let wrong = "# profile: claims\nwrite amf0 3 \"alpha\"\nexpect value amf1 3 \"beta\"\n";
    let ran = amflab_with(&["exec", "-"], wrong);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("   3  expect value amf1 3 \"beta\""), "{}", ran.out);
    assert!(ran.out.contains("FAILED"), "{}", ran.out);
    let stuck = "# profile: claims\nrun-until state amf0 3 M within 50ms\n";
    assert_eq!(amflab_with(&["exec", "-"], stuck).code, 1);
}

#[test]
fn a_bad_script_is_refused_before_anything_runs() {
    let script = "write amf0 3 \"alpha\"\nwrit amf0 3 \"beta\"\n";
    refused_with(&["exec", "-"], script, &["-:2:1: `writ` is no command", "hint: "]);
    refused(&["exec", "no-such.txt"], &["no-such.txt", "cannot be read"]);
    refused_with(&["exec", "--bless", "-"], script, &["--bless", "hint:"]);
    let script = "# profile: nothing\nsettle\n";
    refused_with(&["exec", "-"], script, &["nothing"]);
}

#[test]
fn bless_rewrites_traces_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one.txt");
    let text = std::fs::read_to_string("tests/conversations/claim-05.txt").unwrap();
    let stripped: String =
        text.lines().filter(|line| !line.starts_with('|')).flat_map(|l| [l, "\n"]).collect();
    std::fs::write(&path, stripped).unwrap();
    let ran = amflab(&["exec", "--bless", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

/// What DESIGN says that every report has.
const FIELDS: [&str; 33] = [
    "engine",
    "seed",
    "profile",
    "protocol",
    "ops",
    "touches",
    "reads",
    "writes",
    "errors",
    "hits",
    "misses",
    "hit_ratio",
    "peer_transfers",
    "disk_reads",
    "disk_writes",
    "messages",
    "broadcasts",
    "broadcasts_saved",
    "retransmissions",
    "takeovers",
    "views",
    "latency_us",
    "elapsed_s",
    "ops_per_s",
    "touches_per_s",
    "durable",
    "verdict",
    "violations",
    "lost_acknowledged_writes",
    "findings",
    "settled",
    "blocks_written",
    "blocks_read_back",
];

#[test]
fn a_run_reports_everything_in_both_engines() {
    for engine in ["sim", "live"] {
        let args = ["run", "--workload", "storm", "--ops", "400", "--engine", engine, "--json"];
        let report = json(&args, 0);
        for field in FIELDS {
            assert!(report.get(field).is_some(), "{engine}: {field} is missing in {report:#}");
        }
        assert_eq!((&report["engine"], &report["ops"]), (&engine.into(), &400.into()));
        assert_eq!(report["verdict"], "ok", "{report:#}");
        let count = |field: &str| report[field].as_u64().unwrap();
        assert_eq!(count("reads") + count("writes"), 400);
        assert_eq!(count("hits") + count("misses"), count("touches"));
        assert!(count("touches") >= 400 && count("blocks_written") > 0, "{report:#}");
        assert_eq!(count("blocks_read_back"), count("blocks_written"));
        for kind in ["read", "write"] {
            for quantile in ["p50", "p90", "p99", "p999", "max"] {
                assert!(report["latency_us"][kind][quantile].is_f64(), "{kind} {quantile}");
            }
        }
        assert!(report["latency_us"]["write"]["max"].as_f64() > Some(0.0));
        assert!(report["messages"]["replicate"].as_u64() > Some(0));
    }
}

#[test]
fn the_same_seed_gives_the_same_report() {
    let args = ["run", "--engine", "sim", "--workload", "storm", "--ops", "300", "--json"];
    let report = |seed: &str| {
        let mut report = json(&[&args[..], &["--seed", seed]].concat(), 0);
        let fields = report.as_object_mut().unwrap();
        for wall in ["elapsed_s", "ops_per_s", "touches_per_s"] {
            fields.remove(wall);
        }
        report
    };
    assert_eq!(report("7"), report("7"));
    assert_ne!(report("7")["messages"], report("8")["messages"]);
}

#[test]
fn faults_of_a_profile_happen_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rough.toml");
    let profile = "[cluster]\namfs = 3\n[volume]\nsize = \"256KiB\"\n\
        [[workload]]\nname = \"mix\"\nrate = 200.0\nread_ratio = 0.5\n\
        [[fault]]\nat = \"1s\"\ncommand = \"crash amf1\"\n\
        [[fault]]\nat = \"8s\"\ncommand = \"restart amf1\"\n[end]\nduration = \"12s\"\n";
    std::fs::write(&path, profile).unwrap();
    let report = json(&["run", "-p", path.to_str().unwrap(), "--engine", "sim", "--json"], 0);
    assert_eq!(report["verdict"], "ok", "{report:#}");
    assert!(report["takeovers"].as_u64() > Some(0), "{report:#}");
    assert!(report["views"].as_u64() >= Some(3), "{report:#}");
    // Hosts go round the AMF that is down; with one path they cannot.
    assert!(report["retried"].as_u64() > Some(0), "{report:#}");
    let args = ["run", "-p", path.to_str().unwrap(), "--engine", "sim", "--json"];
    let alone = json(&[&args[..], &["--set", "host.paths=1"]].concat(), 0);
    assert_eq!(alone["retried"], 0, "{alone:#}");
    assert!(alone["errors"].as_u64() > report["errors"].as_u64(), "{alone:#}");
    assert!(alone["touches"].as_u64() < report["touches"].as_u64(), "{alone:#}");
}

#[test]
fn what_cannot_be_written_is_said_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, file) = (dir.path().to_str().unwrap(), dir.path().join("file"));
    std::fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    let (nowhere, below) = (format!("{folder}/no/out"), format!("{file}/out"));
    let run = ["run", "--engine", "sim", "--ops", "5"];
    let compare = ["compare", "--vary", "protocol=sharing", "--ops", "5"];
    let convert = ["trace", "convert", "tests/traces/small.msr.csv", "--to", "jsonl"];
    for (path, hint) in [
        (&*nowhere, format!("  hint: there is no folder {folder}/no: create it first\n")),
        (&*below, format!("  hint: {file} is a file and no folder\n")),
        (folder, format!("  hint: name a file in it, as {folder}/out\n")),
    ] {
        for args in [
            [&run[..], &["--report", path]].concat(),
            [&run[..], &["--hdr", path]].concat(),
            [&run[..], &["--history", path]].concat(),
            [&run[..], &["--export-iolog", path]].concat(),
            [&compare[..], &["-o", path]].concat(),
            [&convert[..], &["-o", path]].concat(),
        ] {
            let ran = amflab(&args);
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
            assert!(ran.err.ends_with(&hint), "{args:?}: {}", ran.err);
        }
    }
}

#[test]
fn what_was_written_is_there_after_a_clean_end() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("disks");
    let folder = folder.to_str().unwrap();
    let exec = |script: &str| {
        let args = ["exec", "--engine", "live", "-p", "claims", "--data-dir", folder, "-"];
        let ran = amflab_with(&args, script);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    };
    exec("write amf0 3 \"alpha\"\nwrite amf1 4 \"beta\"\n");
    exec("expect value amf1 3 \"alpha\"\nexpect value amf0 4 \"beta\"\n");
    refused(&["run", "-p", "demo", "--data-dir", folder], &["holds disks of", "hint:"]);
}

#[test]
fn every_small_trace_replays_in_both_engines() {
    let traces: [(&str, &str, &[&str]); 13] = [
        ("small.fio2", "fio", &[]),
        ("small.fio3", "fio", &[]),
        ("small.msr.csv", "msr", &[]),
        ("small.vscsi2", "vscsi v2", &["--format", "vscsi"]),
        ("small.spc", "spc", &["--address", "dense"]),
        ("small.spc.gz", "spc", &["--address", "dense"]),
        ("small.alibaba.csv.xz", "alibaba", &["--map", "device"]),
        ("small.tencent.csv", "tencent", &[]),
        ("small.systor.csv", "systor", &["--no-stall", "--speed", "1x"]),
        ("small.blkparse", "blkparse", &["--event", "Q", "--map", "host"]),
        ("small.oracle", "oracle", &["--replicate", "2"]),
        ("small.jsonl", "jsonl", &["--map", "host"]),
        ("small.jsonl.zst", "jsonl", &["--replicate", "4", "--apart"]),
    ];
    for (name, format, options) in traces {
        let path = format!("tests/traces/{name}");
        for engine in ["sim", "live"] {
            let args = ["replay", &path, "--engine", engine, "--json"];
            let report = json(&[&args[..], options].concat(), 0);
            assert_eq!(
                (&report["trace"]["format"], &report["verdict"]),
                (&format.into(), &"ok".into())
            );
            assert!(report["ops"].as_u64() >= report["trace"]["requests"].as_u64(), "{report:#}");
        }
    }
    let report = json(&["replay", "tests/traces/small.msr.csv", "--speed", "10x", "--json"], 0);
    assert_eq!(report["trace"]["speed"], "10x");
}

#[test]
fn a_script_replays_a_trace_beside_its_commands() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("with space.csv");
    std::fs::copy("tests/traces/small.msr.csv", &path).unwrap();
    let path = path.to_str().unwrap();
    let script = format!(
        "# profile: demo\nreplay \"'{path}' --address modulo\"\nwrite amf0 9 \"by hand\"\n\
         run-until replayed within 1m\nreplay \"'{path}' --address modulo --speed 1x\"\n\
         replay pause\nreplay resume\nreplay stop\nrun-until replayed\nexpect violations 0\n"
    );
    for engine in ["sim", "live"] {
        let ran = amflab_with(&["exec", "--engine", engine, "-"], &script);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("replay with space.csv: "), "{}", ran.out);
    }
    let gone = "# profile: demo\nread amf0 1\nreplay \"gone.csv\"\n";
    refused_with(&["exec", "-"], gone, &["-:3: gone.csv", "hint:"]);
    let wrong = "# profile: demo\nreplay \"tests/traces/small.msr.csv --spede 1x\"\n";
    refused_with(&["exec", "-"], wrong, &["-:2: ", "--spede"]);
    refused_with(&["exec", "-"], "replay restart\n", &["-:1:", "`restart`"]);
}

#[test]
fn a_bad_trace_line_is_named_with_what_came_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bad.csv");
    let good = std::fs::read_to_string("tests/traces/small.msr.csv").unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let text = format!("{}\n{}\nnonsense\n{}\n", lines[0], lines[1], lines[2]);
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    refused(&["replay", path], &[&format!("{path}:3: "), "2 good lines before it", "hint:"]);
    let report = json(&["replay", path, "--skip-bad", "--json"], 0);
    assert_eq!((&report["trace"]["bad"], &report["trace"]["requests"]), (&1.into(), &2.into()));
    refused(&["replay", "no-such.trace"], &["no-such.trace", "cannot be opened", "hint:"]);
    refused(&["replay", "/dev/null"], &["not a regular file", "hint:"]);
    refused(&["replay", "Cargo.toml"], &["Cargo.toml", "hint:"]);
}

/// A trace of our own in MSR's format: two disks, mixed sizes, few of them aligned to blocks.
fn own_trace(dir: &Path, requests: u64) -> PathBuf {
    let mut text = String::from("Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime\n");
    let mut state = 7u64;
    let mut draw = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for number in 0..requests {
        let popular = draw(3) > 0;
        let offset = 512 * draw(if popular { 1_000 } else { 40_000 });
        let (size, disk) = (512 * (1 + draw(32)), draw(2));
        let kind = if draw(10) < 6 { "Read" } else { "Write" };
        let time = 128_166_372_003_061_629 + number * 500;
        writeln!(text, "{time},own,{disk},{kind},{offset},{size},100").unwrap();
    }
    let path = dir.join("own.csv");
    std::fs::write(&path, text).unwrap();
    path
}

/// Hits and misses of a plain LRU list over the blocks that a trace touches.
fn lru(path: &Path, options: TraceOptions, lines: usize, limit: Option<u64>) -> (u64, u64) {
    const PER_BLOCK: u32 = 8;
    let options = TraceOptions { limit, ..options };
    let open = || formats::open(path, options).unwrap();
    let survey = Survey::of(open(), AddressMap::Identity, PER_BLOCK).unwrap();
    let blocks = survey.blocks_needed().unwrap().max(1);
    let addresses = Addresses::new(survey, blocks).unwrap();
    let map = AmfMap::RoundRobin;
    let layout = ReplayOptions { map, amfs: AmfSet(1), replicate: 1, seed: 0, writer: 1 };
    let mut lru = Lru::new(lines);
    for request in ReplaySource::new(open(), addresses, layout) {
        let sectors = match request.unwrap().kind {
            RequestKind::Read(sectors)
            | RequestKind::Write(sectors, _)
            | RequestKind::WriteFua(sectors, _)
            | RequestKind::Zero(sectors) => sectors,
            RequestKind::CompareAndWrite { .. } | RequestKind::Flush => continue,
        };
        for index in 0..sectors.touches(PER_BLOCK) {
            lru.touch(sectors.touch(index, PER_BLOCK).block.0);
        }
    }
    (lru.hits, lru.misses)
}

/// One AMF's hits and misses are those of the list; exactly.
fn is_lru(path: &Path, options: TraceOptions, flags: &[&str], engine: &str, limit: Option<u64>) {
    for lines in [64, 1_024] {
        let set = format!("cache.lines={lines}");
        let name = path.to_str().unwrap();
        let mut args = vec!["replay", name, "--engine", engine, "--json"];
        args.extend(["--set", "cluster.amfs=1", "--set", &set]);
        // A busy machine may renew a lease late, and its disk may stand still for longer than a host waits: what is
        // then refused or given up is no touch.
        for set in ["timing.lease_ms=600000", "host.timeout_ms=300000", "store.durability=none"] {
            args.extend(["--set", set]);
        }
        args.extend(flags);
        let limit_text = limit.map(|limit| limit.to_string());
        if let Some(limit) = &limit_text {
            args.extend(["--limit", limit]);
        }
        let report = json(&args, 0);
        let counted = |field: &str| report[field].as_u64().unwrap();
        assert_eq!(counted("errors"), 0, "{report:#}");
        let expected = lru(path, options, lines, limit);
        assert_eq!((counted("hits"), counted("misses")), expected, "{name}, {lines}, {engine}");
        assert!(expected.0 > 0 && expected.1 > 0, "a trace that shows something");
    }
}

#[test]
fn one_amf_has_the_hits_and_misses_of_a_plain_lru_list() {
    let dir = tempfile::tempdir().unwrap();
    let path = own_trace(dir.path(), 3_000);
    is_lru(&path, TraceOptions::default(), &[], "sim", None);
    is_lru(&path, TraceOptions::default(), &[], "live", Some(600));
}

#[test]
fn one_amf_has_the_hits_and_misses_of_a_plain_lru_list_on_real_traces() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traces");
    if !shared.is_dir() {
        println!("SKIPPED: no real traces in {}", shared.display());
        return;
    }
    let mqsim = TraceOptions {
        format: Format::DiskSim,
        time_unit: TimeUnit::Nanos,
        ..TraceOptions::default()
    };
    let flags = ["--format", "disksim", "--time-unit", "ns", "--read-flag", "1"];
    let tpcc = shared.join("tpcc-small.trace");
    is_lru(&tpcc, mqsim, &flags, "sim", None);
    is_lru(&tpcc, mqsim, &flags, "live", None);
    is_lru(&shared.join("cloudphysics-20k.vscsi"), TraceOptions::default(), &[], "sim", None);
}

#[test]
fn a_replay_finds_a_skipped_invalidation() {
    let dir = tempfile::tempdir().unwrap();
    let path = own_trace(dir.path(), 3_000);
    let name = path.to_str().unwrap();
    assert_eq!(json(&["replay", name, "--json"], 0)["verdict"], "ok");
    let args = ["replay", name, "--set", "defect=skip_one_invalidate", "--json"];
    let report = json(&args, 1);
    assert_eq!(report["verdict"], "violation");
    assert!(report["violations"].as_u64() > Some(0));
    let checkers = report["findings"].as_array().unwrap();
    assert!(checkers.iter().any(|found| found["checker"] == "reads"), "{report:#}");
}

#[test]
fn a_picture_of_the_screen_is_the_same_every_time() {
    let dir = tempfile::tempdir().unwrap();
    let picture = |name: &str| {
        let path = dir.path().join(name);
        let ran = amflab(&["screenshot", "--size", "100x30", "-o", path.to_str().unwrap()]);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
        std::fs::read_to_string(path).unwrap()
    };
    let first = picture("a.svg");
    assert!(first.starts_with("<svg") && first.contains("amf0"), "{first}");
    assert_eq!(first, picture("b.svg"));
    refused(&["screenshot", "--size", "3x3", "-o", "x.svg"], &["3x3", "120x40"]);
}

#[test]
fn the_pictures_of_the_readme_still_come_about() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("new");
    let ran = amflab(&["screenshot", "--all", "--size", "100x30", "-o", folder.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let there = |folder: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names
            .filter(|name| Path::new(name).extension().is_some_and(|end| end == "svg"))
            .collect();
        names.sort();
        names
    };
    let made = there(&folder);
    assert!(made.len() >= 6, "{made:?}");
    for (name, words) in [("locks", "waits"), ("faults", "crash amf2"), ("ladder", "hello")] {
        let picture = std::fs::read_to_string(folder.join(format!("{name}.svg"))).unwrap();
        assert!(picture.contains(words), "{name}");
    }
    // Every picture that the README shows is one of these.
    let readme = include_str!("../../README.md");
    for shown in readme.split("](assets/screens/").skip(1) {
        let name = shown.split(')').next().unwrap();
        assert!(made.iter().any(|made| made == name), "{name}");
    }
}

#[test]
fn the_doctor_finds_what_is_needed() {
    let ran = amflab(&["doctor"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for found in ["ok    store", "fsync", "clock", "open files", "data folder", "hint: "] {
        assert!(ran.out.contains(found), "{found}: {}", ran.out);
    }
    let ran = amflab(&["doctor", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["ok"], true);
    let findings = told["findings"].as_array().unwrap();
    let names = ["ok", "note", "warn", "bad"];
    assert!(findings.iter().all(|one| names.contains(&one["state"].as_str().unwrap())));
    // What is bad is told by the exit code.
    let ran = amflab_in(&["doctor", "--json"], "", &[("AMFLAB_CONFIG", "/nowhere.toml")]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("/nowhere.toml: cannot be opened"), "{}", ran.out);
}

#[test]
fn the_config_file_is_written_checked_and_never_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/config.toml");
    let file = path.to_str().unwrap();
    let vars = [("AMFLAB_CONFIG", file)];
    let run = |args: &[&str]| amflab_in(args, "", &vars);
    assert_eq!(run(&["config", "path"]).out, format!("{file}\n"));
    assert_eq!(run(&["config", "check"]).code, 2, "a file that was named must be there");
    assert_eq!(run(&["config", "init"]).out, format!("wrote {file}\n"));
    let again = run(&["config", "init"]);
    assert!(again.code == 2 && again.err.contains("hint: --force"), "{}", again.err);
    assert_eq!(run(&["config", "init", "--force"]).code, 0);
    let checked = run(&["config", "check"]);
    assert!(checked.code == 0 && checked.out.contains("fine; theme terminal-16"));
    std::fs::write(&path, "[keys]\nzoom = \"w\"\n").unwrap();
    let bad = run(&["config", "check"]);
    assert_eq!((bad.code, bad.out.as_str()), (2, ""));
    let said = format!("{file}:2: keys.zoom: `w` is bound to");
    assert!(bad.err.contains(&said) && bad.err.contains("hint: give `ask-write`"), "{}", bad.err);
    let none = amflab_in(&["config", "check"], "", &[("AMFLAB_CONFIG", "none")]);
    assert!(none.out.contains("the defaults hold"));
}

#[test]
fn ctrl_c_ends_a_run_in_order_and_reports_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let history = dir.path().join("history.jsonl");
    let mut child = Command::new(env!("CARGO_BIN_EXE_amflab"))
        .args(["run", "--engine", "sim", "--workload", "storm", "--duration", "24h", "--json"])
        .arg("--history")
        .arg(&history)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It is under way when the first operations are in the file.
    while std::fs::metadata(&history).map_or(0, |about| about.len()) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["interrupted"], &report["verdict"]), (&true.into(), &"ok".into()));
    let remark = report["remarks"][0].as_str().unwrap();
    assert!(remark.starts_with("interrupted: "), "people and pages are told, too: {remark}");
    let lines = std::fs::read_to_string(&history).unwrap();
    assert_eq!(report["ops"].as_u64(), Some(lines.lines().count() as u64));
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["result"], "ok");
}

/// A cluster under a workload that never rests takes on another protocol all the same; and to stop what
/// does not run is no mistake: the console starts workloads by itself, `exec` does not.
#[test]
fn the_protocol_is_switched_under_load() {
    let script = "# profile: claims\nworkload stop mixed\nworkload start mixed\nwait 10ms\n\
                  protocol sharing\nworkload stop mixed\nsettle\nexpect violations 0\n";
    for engine in ["sim", "live"] {
        let ran = amflab_with(&["exec", "--engine", engine, "-"], script);
        assert_eq!(ran.code, 0, "{engine}: {}{}", ran.out, ran.err);
    }
}

/// A script that is ended from outside leaves no folder behind.
#[test]
fn an_interrupted_script_takes_its_disks_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_amflab"))
        .args(["exec", "--engine", "live", "-p", "claims", "-"])
        .env("TMPDIR", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let script = b"write amf0 1 \"x\"\nwait 1h\n";
    child.stdin.take().unwrap().write_all(script).unwrap();
    // The write is told when it is through; the wait is under way then.
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert!(line.contains("write amf0 1"), "{line}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_some(), "disks are there");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("interrupted"));
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "and are gone");
}
