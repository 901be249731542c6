//! Traces through the real binary: hit ratios of every format, mappings, exports, fio.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use crate::cli::{amflab, json, refused};
use crate::lru::Lru;
use crate::traces::fixture;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A request of a made-up trace, in sectors.
#[derive(Clone, Copy)]
struct Asked {
    at_us: u64,
    host: u32,
    device: u32,
    is_read: bool,
    first: u64,
    sectors: u64,
}

/// Some requests: a few blocks are popular, few are aligned, three devices, five hosts.
fn asked(requests: u64) -> Vec<Asked> {
    let mut state = 11u64;
    let mut draw = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..requests)
        .map(|number| {
            let is_popular = draw(3) > 0;
            Asked {
                at_us: 1_000_000 + number * 700,
                host: u32::try_from(draw(5)).unwrap(),
                device: u32::try_from(draw(3)).unwrap(),
                is_read: draw(10) < 6,
                first: draw(if is_popular { 900 } else { 30_000 }),
                sectors: 1 + draw(40),
            }
        })
        .collect()
}

/// One line of a format.
type Line = fn(&Asked, &str) -> String;

fn word(asked: &Asked, read: &str, write: &str) -> String {
    (if asked.is_read { read } else { write }).to_owned()
}

/// Every text format: its name, the first line, how a request is written.
const WRITERS: [(&str, &str, Line); 9] = [
    ("fio", "fio version 3 iolog\n", |a, _| {
        let what = word(a, "read", "write");
        format!("{} f{} {what} {} {}", a.at_us, a.device, a.first * 512, a.sectors * 512)
    }),
    ("disksim", "", |a, _| {
        let flag = u8::from(a.is_read);
        let (ms, us) = (a.at_us / 1_000, a.at_us % 1_000);
        format!("{ms}.{us:03} {} {} {} {flag}", a.device, a.first, a.sectors)
    }),
    ("msr", "", |a, _| {
        let what = word(a, "Read", "Write");
        let (offset, size) = (a.first * 512, a.sectors * 512);
        format!("{},h{},{},{what},{offset},{size},1", a.at_us * 10, a.device % 2, a.device)
    }),
    ("spc", "", |a, seconds| {
        let what = word(a, "r", "W");
        format!("{},{},{},{what},{seconds}", a.device, a.first, a.sectors * 512)
    }),
    ("blkparse", "", |a, seconds| {
        let what = word(a, "RA", "WS");
        format!("8,{} 1 1 {seconds} {} Q {what} {} + {} [x]", a.device, a.host, a.first, a.sectors)
    }),
    ("alibaba", "", |a, _| {
        let what = word(a, "R", "W");
        format!("{},{what},{},{},{}", a.device, a.first * 512, a.sectors * 512, a.at_us)
    }),
    ("tencent", "", |a, _| {
        let what = word(a, "0", "1");
        format!("{},{},{},{what},{}", a.at_us / 1_000_000, a.first, a.sectors, a.device)
    }),
    ("systor", "Timestamp,Response,IOType,LUN,Offset,Size\n", |a, seconds| {
        let what = word(a, "R", "W");
        format!("{seconds},0.1,{what},{},{},{}", a.device, a.first * 512, a.sectors * 512)
    }),
    ("jsonl", "", |a, _| {
        let what = word(a, "read", "write");
        let Asked { at_us, host, device, first, sectors, .. } = a;
        format!(
            "{{\"at_ns\":{at_us}000,\"host\":{host},\"device\":{device},\"op\":\"{what}\",\
             \"sector\":{first},\"sectors\":{sectors}}}"
        )
    }),
];

fn write(dir: &Path, format: &str, head: &str, line: Line, asked: &[Asked]) -> PathBuf {
    let mut text = head.to_owned();
    for one in asked {
        let seconds = format!("{}.{:06}", one.at_us / 1_000_000, one.at_us % 1_000_000);
        writeln!(text, "{}", line(one, &seconds)).unwrap();
    }
    let path = dir.join(format!("made.{format}"));
    std::fs::write(&path, text).unwrap();
    path
}

/// Hits and misses of a plain list, from the requests themselves: no reader, no mapping.
fn lru(asked: &[Asked], lines: usize) -> (u64, u64) {
    let mut lru = Lru::new(lines);
    for one in asked {
        for block in one.first / 8..(one.first + one.sectors).div_ceil(8) {
            lru.touch(u64::from(one.device) << 32 | block);
        }
    }
    (lru.hits, lru.misses)
}

fn counted(report: &Value, field: &str) -> u64 {
    report[field].as_u64().unwrap_or_else(|| panic!("{field}: {report:#}"))
}

#[test]
fn one_amf_has_the_hits_and_misses_of_a_plain_lru_list_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let asked = asked(1_200);
    for (format, head, line) in WRITERS {
        let path = write(dir.path(), format, head, line, &asked);
        for lines in [64, 512] {
            let set = format!("cache.lines={lines}");
            let sets = ["--set", "cluster.amfs=1", "--set", &set];
            let args = ["replay", path.to_str().unwrap(), "--json"];
            let report = json(&[&args[..], &sets].concat(), 0);
            assert_eq!(report["trace"]["format"], format);
            let expected = lru(&asked, lines);
            assert!(expected.0 > 0 && expected.1 > 0, "a trace that shows something");
            let found = (counted(&report, "hits"), counted(&report, "misses"));
            assert_eq!(found, expected, "{format}, {lines}");
        }
    }
}

#[test]
fn objects_of_an_oracle_general_trace_hit_and_miss_as_in_a_plain_lru_list() {
    let dir = tempfile::tempdir().unwrap();
    let objects: Vec<u64> =
        asked(4_000).iter().map(|one| (one.first % 1_500).wrapping_mul(0x9e37_79b9)).collect();
    let mut bytes = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        let later = objects[number + 1..].iter().position(|other| other == object);
        let next = later.map_or(-1, |more| i64::try_from(number + 1 + more).unwrap());
        bytes.extend(u32::try_from(number / 100).unwrap().to_le_bytes());
        bytes.extend(object.to_le_bytes());
        bytes.extend(4_096u32.to_le_bytes());
        bytes.extend(next.to_le_bytes());
    }
    let path = dir.path().join("made.oracleGeneral.zst");
    std::fs::write(&path, zstd::stream::encode_all(&bytes[..], 3).unwrap()).unwrap();
    for lines in [64usize, 512] {
        let mut lru = Lru::new(lines);
        let hits = objects.iter().filter(|object| lru.touch(**object)).count() as u64;
        let set = format!("cache.lines={lines}");
        let sets = ["--set", "cluster.amfs=1", "--set", &set, "--json"];
        let ran = amflab(&[&["replay", path.to_str().unwrap()][..], &sets].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("reads only"), "{}", ran.err);
        let report: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((counted(&report, "hits"), counted(&report, "writes")), (hits, 0));
        assert_eq!(report["trace"]["packing"], "zstd");
    }
}

/// A report without what the wall clock and the trace's name say.
fn figures(mut report: Value) -> Value {
    let fields = report.as_object_mut().unwrap();
    for field in ["trace", "elapsed_s", "ops_per_s", "touches_per_s"] {
        fields.remove(field);
    }
    report
}

#[test]
fn what_is_exported_replays_to_the_same_figures() {
    let dir = tempfile::tempdir().unwrap();
    let (_, head, line) = WRITERS[2];
    let path = write(dir.path(), "msr", head, line, &asked(600));
    let name = |file: &str| dir.path().join(file).to_str().unwrap().to_owned();
    let (jsonl, iolog, record) = (name("out.jsonl"), name("out.iolog"), name("out.amfrec"));
    let trace = path.to_str().unwrap();
    let first =
        json(&["replay", trace, "--export-jsonl", &jsonl, "--export-iolog", &iolog, "--json"], 0);
    let recorded = ["replay", trace, "--record", &record, "--json"];
    assert_eq!(figures(json(&recorded, 0)), figures(first.clone()));

    let second = json(&["replay", &jsonl, "--map", "host", "--json"], 0);
    assert_eq!(second["trace"]["format"], "jsonl");
    assert_eq!(figures(second), figures(first.clone()));
    // An iolog does not say who asked; round-robin was how it was made.
    let third = json(&["replay", &iolog, "--json"], 0);
    assert_eq!(figures(third), figures(first.clone()));
    // And from the recording, byte for byte but for what is read back at the end.
    for (form, file) in [("jsonl", &jsonl), ("iolog", &iolog)] {
        let ran = amflab(&["inspect", &record, "--export", form]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let direct = std::fs::read_to_string(file).unwrap();
        let most: Vec<&str> = direct.lines().filter(|line| !line.ends_with("close")).collect();
        assert!(ran.out.lines().zip(&most).all(|(one, other)| one == *other), "{form}");
        assert!(ran.out.lines().count() >= most.len(), "{form}");
    }
    let made =
        json(&["run", "--engine", "sim", "--ops", "300", "--export-jsonl", &jsonl, "--json"], 0);
    let again = json(&["replay", &jsonl, "--map", "host", "--speed", "1x", "--json"], 0);
    for field in ["ops", "reads", "writes", "touches", "errors"] {
        assert_eq!(made[field], again[field], "{field}");
    }
    refused(&["run", "--export-iolog", "/no/such/folder/x"], &["/no/such/folder/x"]);
}

#[test]
fn a_host_mapping_needs_hosts_and_copies_need_amfs() {
    let spc = fixture("small.spc");
    let spc = spc.to_str().unwrap();
    let dense = ["replay", spc, "--address", "dense"];
    let with = |more: &[&'static str]| [&dense[..], more].concat();
    refused(&with(&["--map", "host"]), &["does not say who asked", "hint:"]);
    refused(&with(&["--replicate", "9"]), &["--replicate 9", "hint:"]);
    refused(&with(&["--replicate", "0"]), &["--replicate"]);
    refused(&with(&["--from", "never"]), &["--from"]);
    let one = json(&with(&["--json"]), 0);
    let three = json(&with(&["--replicate", "3", "--json"]), 0);
    let apart = json(&with(&["--replicate", "3", "--apart", "--json"]), 0);
    for copies in [&three, &apart] {
        assert_eq!(counted(copies, "ops"), 3 * counted(&one, "ops"));
        assert_eq!(counted(copies, "touches"), 3 * counted(&one, "touches"));
    }
    assert_eq!(counted(&three, "blocks_written"), counted(&one, "blocks_written"));
    assert_eq!(counted(&apart, "blocks_written"), 3 * counted(&one, "blocks_written"));
}

#[test]
fn idle_times_are_cut_and_times_scaled() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("idle.disksim");
    std::fs::write(&path, "0 0 0 8 0\n3600000 0 8 8 0\n3600001 0 8 8 1\n").unwrap();
    let trace = path.to_str().unwrap();
    let seconds = |more: &[&str]| {
        let report = json(&[&["replay", trace, "--json"][..], more].concat(), 0);
        assert_eq!(counted(&report, "ops"), 3);
        report["cluster_s"].as_f64().unwrap()
    };
    assert!(seconds(&["--speed", "1x"]) > 3_600.0);
    assert!((36.0..37.0).contains(&seconds(&["--speed", "100x"])));
    assert!(seconds(&["--speed", "0.5x"]) > 7_200.0);
    assert!((2.0..3.0).contains(&seconds(&["--speed", "1x", "--no-stall=2s"])));
    assert!(seconds(&["--speed", "1x", "--no-stall"]) < 1.0);
    assert!(seconds(&[]) < 1.0);
}

/// A long trace that packs well, so that it takes a while to read.
pub(crate) fn long(dir: &Path) -> PathBuf {
    let mut lines = String::new();
    for line in 0..2_000u64 {
        writeln!(lines, "{line} {} {} 8 {}", line % 3, line * 7_919 % 50_000, line % 2).unwrap();
    }
    let path = dir.join("long.disksim.gz");
    let file = std::fs::File::create(&path).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    for _ in 0..4_000 {
        std::io::Write::write_all(&mut packed, lines.as_bytes()).unwrap();
    }
    packed.finish().unwrap();
    path
}

/// fio must have a file for each device, at least as long as what is asked of it.
#[test]
fn a_conversion_says_which_files_fio_needs() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (trace, out) = (path("two.disksim"), path("two.iolog"));
    std::fs::write(&trace, "0.5 0 8 8 1\n1.0 7 100 4 0\n2.0 0 0 8 1\n").unwrap();
    let ran = amflab(&["trace", "convert", &trace, "--to", "fio", "-o", &out]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let needs = "3 requests; fio needs 2 files: `truncate -s 8192 dev0; truncate -s 53248 dev7`\n";
    assert!(ran.err.ends_with(needs), "{}", ran.err);
    std::fs::write(&trace, "0.5 7 8 8 1\n").unwrap();
    let ran = amflab(&["trace", "convert", &trace, "--to", "fio", "-o", &out]);
    let needs = "1 request; fio needs `dev7` with 8192 bytes: `truncate -s 8192 dev7`\n";
    assert!(ran.err.ends_with(needs), "{}", ran.err);
}

/// Ctrl-c, as soon as the child answers to it in order: it says so, and prints what it has.
pub(crate) fn interrupted(args: &[&str]) -> std::process::Output {
    let child = Command::new(env!("CARGO_BIN_EXE_amflab"))
        .args(args)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id();
    let pid = rustix::process::Pid::from_raw(id.try_into().unwrap()).unwrap();
    let catches = || {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        // The second signal, counted from bit 0.
        caught.is_some_and(|mask| mask & 0b10 != 0)
    };
    while !catches() {
        std::thread::yield_now();
    }
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn ctrl_c_ends_what_is_said_of_a_trace_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let trace = long(dir.path());
    let output = interrupted(&["trace", "info", "--json", trace.to_str().unwrap()]);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{err}");
    assert!(err.contains("interrupted: this is only the beginning of the trace"), "{err}");
    let info: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(info["interrupted"], true);
    assert!(counted(&info, "requests") < 8_000_000);
}

#[test]
fn ctrl_c_ends_a_conversion_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (trace, out) = (long(dir.path()), dir.path().join("out.iolog"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_amflab"))
        .args(["trace", "convert", "--to", "fio", "-o"])
        .args([&out, &trace])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while std::fs::metadata(&out).map_or(0, |about| about.len()) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{err}");
    assert!(err.contains("interrupted"), "{err}");
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.ends_with(" dev2 close\n"), "the log is whole");
    let info = json(&["trace", "info", out.to_str().unwrap(), "--json"], 0);
    assert!(counted(&info, "requests") < 8_000_000);
}

/// fio, or a visible word that the test is skipped.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn fio_is_there() -> bool {
    let is_there =
        Command::new("fio").arg("--version").output().is_ok_and(|out| out.status.success());
    if !is_there {
        println!("SKIPPED: fio is not installed");
    }
    is_there
}

#[test]
fn fio_replays_what_is_exported() {
    if !fio_is_there() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let iolog = dir.path().join("out.iolog");
    let (_, head, line) = WRITERS[3];
    let path = write(dir.path(), "spc", head, line, &asked(400));
    let trace = path.to_str().unwrap();
    let args = ["replay", trace, "--export-iolog", iolog.to_str().unwrap(), "--json"];
    let report = json(&args, 0);
    // The file that fio reads and writes, as long as the note says.
    let bytes = counted(&report["trace"], "volume_blocks") * 4_096;
    let volume = std::fs::File::create(dir.path().join("volume")).unwrap();
    volume.set_len(bytes).unwrap();
    let ran = Command::new("fio")
        .current_dir(dir.path())
        .args(["--name=replay", "--read_iolog=out.iolog", "--ioengine=psync"])
        .args(["--replay_no_stall=1", "--output-format=json"])
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}{err}");
    let json = &out[out.find('{').unwrap()..];
    let told: Value = serde_json::from_str(json).unwrap();
    let job = &told["jobs"][0];
    assert_eq!(job["error"], 0, "{out}{err}");
    assert_eq!(job["read"]["total_ios"], report["reads"], "{out}");
    assert_eq!(job["write"]["total_ios"], report["writes"], "{out}");
}

/// A trace that is converted onto itself would be gone: it is refused, and whole.
#[test]
fn a_trace_is_not_written_over_while_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.csv");
    let text = "0,303567,3584,w,0.000000\n0,303574,3584,r,0.026214\n";
    std::fs::write(&path, text).unwrap();
    let other = folder.path().join(".").join("mine.csv");
    let (path, other) = (path.to_str().unwrap(), other.to_str().unwrap());
    for command in [
        &["trace", "convert", path, "--to", "jsonl", "-o", other][..],
        &["replay", path, "--export-jsonl", other],
        &["replay", path, "--hdr", other],
    ] {
        let ran = amflab(command);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.err.contains("is the trace itself") && ran.err.contains("hint:"), "{ran:?}");
        assert_eq!(std::fs::read_to_string(path).unwrap(), text);
    }
}

/// `-o -` is standard output, and no file of that name.
#[test]
fn a_dash_is_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.csv");
    std::fs::write(&path, "0,303567,3584,w,0.000000\n").unwrap();
    let convert = ["trace", "convert", path.to_str().unwrap(), "--to", "jsonl"];
    let (plain, dash) = (amflab(&convert), amflab(&[&convert[..], &["-o", "-"]].concat()));
    assert_eq!((plain.code, &plain.out), (0, &dash.out), "{plain:?} {dash:?}");
    assert!(!plain.out.is_empty() && !std::path::Path::new("-").exists(), "{dash:?}");
    let ran = amflab(&["run", "--engine", "sim", "--ops", "1", "--history", "-"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("hint:"), "{ran:?}");
}
