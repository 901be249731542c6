//! `--metrics-listen`: real sockets, a strict parser of its own, and the report to compare with.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::float_cmp, reason = "counts, which floats hold exactly")]

use crate::cli::command;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

// ---- the text format, version 0.0.4, as strictly as its description goes

/// Its name and its labels, sorted.
type Series = (String, Vec<(String, String)>);

#[derive(Debug, Default)]
struct Scrape {
    /// Family to type.
    types: BTreeMap<String, String>,
    /// Name and sorted labels to value.
    values: BTreeMap<Series, f64>,
}

impl Scrape {
    fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends, too");
        let mut scrape = Self::default();
        let mut helped = BTreeSet::new();
        let mut family = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(is_name(name) && !help.is_empty(), "{line}");
                assert!(helped.insert(name.to_owned()), "told twice: {line}");
                name.clone_into(&mut family);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(name, family, "a type stands behind its help");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(scrape.types.insert(name.to_owned(), kind.to_owned()).is_none());
            } else {
                let (name, labels, value) = series(line);
                let ends: &[&str] = match scrape.types[&family].as_str() {
                    "histogram" => &["_bucket", "_sum", "_count"],
                    _ => &[""],
                };
                let is_of = ends.iter().any(|end| format!("{family}{end}") == name);
                assert!(is_of, "{line} stands among {family}");
                assert!(value >= 0.0 && value.is_finite(), "{line}");
                let before = scrape.values.insert((name, labels), value);
                assert_eq!(before, None, "there twice: {line}");
            }
        }
        assert_eq!(helped, scrape.types.keys().cloned().collect());
        scrape.check_histograms();
        scrape
    }

    fn check_histograms(&self) {
        let mut buckets: BTreeMap<Series, Vec<(f64, f64)>> = BTreeMap::new();
        for ((name, labels), value) in &self.values {
            let Some(family) = name.strip_suffix("_bucket") else { continue };
            let le = labels.iter().find(|(label, _)| label == "le").unwrap().1.parse().unwrap();
            let rest = labels.iter().filter(|(label, _)| label != "le").cloned().collect();
            buckets.entry((family.to_owned(), rest)).or_default().push((le, *value));
        }
        assert_eq!(buckets.len(), 2, "reads and writes");
        for ((family, labels), mut all) in buckets {
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(all.is_sorted_by(|a, b| a.1 <= b.1), "{family} {labels:?}: {all:?}");
            let (last, count) = all.pop().unwrap();
            assert!(last.is_infinite());
            let of = |end: &str| self.values[&(format!("{family}{end}"), labels.clone())];
            assert_eq!(of("_count"), count);
            assert_eq!(of("_sum") > 0.0, count > 0.0);
        }
    }

    /// The value of a series; labels as `kind=read`.
    fn of(&self, name: &str, labels: &[&str]) -> f64 {
        let pair = |text: &&str| {
            let (label, value) = text.split_once('=').unwrap();
            (label.to_owned(), value.to_owned())
        };
        let mut labels: Vec<_> = labels.iter().map(pair).collect();
        labels.sort();
        let key = (name.to_owned(), labels);
        *self.values.get(&key).unwrap_or_else(|| panic!("no {key:?} in {self:#?}"))
    }

    /// The sum over all labels.
    fn sum(&self, name: &str) -> f64 {
        assert!(self.types.contains_key(name), "{name}");
        self.values.iter().filter(|((one, _), _)| one == name).map(|(_, value)| value).sum()
    }

    /// Everything that only grows is at least what it was.
    fn check_after(&self, before: &Self) {
        for (key, value) in &before.values {
            let ends = ["_bucket", "_count", "_sum", "_total"];
            if ends.iter().any(|end| key.0.ends_with(end)) {
                assert!(self.values[key] >= *value, "{key:?} was {value}, is {}", self.values[key]);
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    chars.next().is_some_and(first) && chars.all(|c| first(c) || c.is_ascii_digit())
}

/// `name{label="value",...} value`
fn series(line: &str) -> (String, Vec<(String, String)>, f64) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").unwrap();
            assert!(is_name(label), "{line}");
            let mut value = String::new();
            let mut chars = after.char_indices();
            let at = loop {
                match chars.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match chars.next().unwrap().1 {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        c => panic!("`\\{c}` in {line}"),
                    }),
                    (_, c) => value.push(c),
                }
            };
            labels.push((label.to_owned(), value));
            rest = &after[at + 1..];
            match rest.split_at(1) {
                (",", more) => rest = more,
                ("}", more) => break rest = more,
                _ => panic!("{line}"),
            }
        }
    }
    labels.sort();
    assert!(labels.is_sorted_by(|a, b| a.0 < b.0), "a label twice: {line}");
    let value = rest.strip_prefix(' ').unwrap().parse().unwrap();
    (name.to_owned(), labels, value)
}

// ---- the program, and who asks it

struct Running {
    child: Child,
    input: ChildStdin,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
    at: String,
}

impl Running {
    /// Starts it, and has the address that it listens at.
    fn start(args: &[&str]) -> Self {
        let listen = ["--metrics-listen", "127.0.0.1:0"];
        let mut child =
            command(&[args, &listen].concat()).env("AMFLAB_CONFIG", "none").spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let at = loop {
            let mut line = String::new();
            assert!(err.read_line(&mut line).unwrap() > 0, "it ended: {said}");
            if let Some((_, at)) = line.split_once("http://") {
                break at.trim().trim_end_matches("/metrics").to_owned();
            }
            said.push_str(&line);
        };
        Self { child, input, out, err, at }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.at).unwrap()
    }

    /// Asks, and has the answer: its status, head and body.
    fn ask(&self, request: &[u8]) -> (u16, String, String) {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        answer(stream)
    }

    fn scrape(&self) -> Scrape {
        // What Prometheus sends.
        let request = format!(
            "GET /metrics HTTP/1.1\r\nHost: {}\r\nUser-Agent: Prometheus/2.53.0\r\n\
             Accept: text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\nAccept-Encoding: gzip\r\n\r\n",
            self.at
        );
        let (status, head, body) = self.ask(request.as_bytes());
        assert_eq!(status, 200, "{head}{body}");
        assert!(head.contains("\r\nContent-Type: text/plain; version=0.0.4"), "{head}");
        Scrape::parse(&body)
    }

    fn interrupt(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    }

    /// The report, which ends with a `}` of its own.
    fn report(&mut self) -> Value {
        let mut text = String::new();
        while self.out.read_line(&mut text).unwrap() > 0 && !text.ends_with("\n}\n") {}
        serde_json::from_str(&text).unwrap()
    }

    fn end(mut self) -> i32 {
        drop(self.input);
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        self.err.read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap().code().unwrap()
    }

    /// A line to a console; then its words, up to how the cluster stands.
    fn say(&mut self, line: &str) -> String {
        self.input.write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut text = String::new();
        while self.out.read_line(&mut text).unwrap() > 0 {
            if text.lines().last().is_some_and(|line| line.starts_with("now, at ")) {
                break;
            }
        }
        text
    }
}

fn answer(mut stream: TcpStream) -> (u16, String, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
    let status = head.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    assert_eq!(length.parse(), Ok(body.len()), "{head}");
    (status, head.to_owned(), body.to_owned())
}

#[expect(clippy::cast_precision_loss, reason = "counts of a short run")]
fn counted(value: &Value) -> f64 {
    value.as_u64().unwrap_or_else(|| panic!("{value}")) as f64
}

/// Compares every counter of a report with a scrape.
fn compare(report: &Value, scrape: &Scrape, agree: impl Fn(f64, f64) -> bool) {
    let mut found: Vec<(String, f64, f64)> = Vec::new();
    let mut one = |name: &str, value: &Value, scraped: f64| {
        found.push((name.to_owned(), counted(value), scraped));
    };
    let sums = [
        ("ops", "amflab_requests_total"),
        ("touches", "amflab_touches_total"),
        ("errors", "amflab_errors_total"),
        ("retried", "amflab_retried_total"),
        ("peer_transfers", "amflab_peer_transfers_total"),
        ("disk_reads", "amflab_disk_reads_total"),
        ("disk_writes", "amflab_disk_writes_total"),
        ("broadcasts", "amflab_broadcasts_total"),
        ("broadcasts_saved", "amflab_broadcasts_saved_total"),
        ("retransmissions", "amflab_retransmissions_total"),
        ("takeovers", "amflab_takeovers_total"),
        ("views", "amflab_views_total"),
        ("evictions", "amflab_evictions_total"),
        ("destages", "amflab_destages_total"),
        ("violations", "amflab_violations_total"),
    ];
    for (field, family) in sums {
        one(field, &report[field], scrape.sum(family));
    }
    one("reads", &report["reads"], scrape.of("amflab_requests_total", &["kind=read"]));
    one("writes", &report["writes"], scrape.of("amflab_requests_total", &["kind=write"]));
    one("hits", &report["hits"], scrape.of("amflab_touches_total", &["result=hit"]));
    one("misses", &report["misses"], scrape.of("amflab_touches_total", &["result=miss"]));
    for (kind, count) in report["messages"].as_object().unwrap() {
        one(kind, count, scrape.of("amflab_messages_total", &[&format!("kind={kind}")]));
    }
    for (kind, count) in report["errors_by_kind"].as_object().unwrap() {
        one(kind, count, scrape.of("amflab_errors_total", &[&format!("kind={kind}")]));
    }
    for (name, reported, scraped) in found {
        assert!(agree(reported, scraped), "{name}: {reported} reported, {scraped} scraped");
    }
}

#[test]
fn the_last_scrape_has_the_figures_of_the_report() {
    for more in [&["--engine", "sim"][..], &["--engine", "live", "--set", "store.engine=memory"]] {
        let fixed = ["run", "-p", "demo", "--workload", "storm", "--ops", "3000", "--json"];
        let mut running = Running::start(&[&fixed, more, &["--metrics-linger", "1h"]].concat());
        let mut last = running.scrape();
        while last.of("amflab_run_over", &[]) < 1.0 {
            let next = running.scrape();
            next.check_after(&last);
            last = next;
        }
        let report = running.report();
        compare(&report, &last, |reported, scraped| reported.to_bits() == scraped.to_bits());
        assert!(counted(&report["ops"]) >= 3_000.0 && counted(&report["hits"]) > 0.0, "{report:#}");
        // What is reported of latencies is in the buckets.
        for kind in ["read", "write"] {
            let of = format!("kind={kind}");
            let count = last.of("amflab_request_duration_seconds_count", &[&of]);
            let all = last.of("amflab_requests_total", &[&of]);
            assert!(count > 0.0 && count <= all, "{count} of {all}");
            let p50 = report["latency_us"][kind]["p50"].as_f64().unwrap() / 1e6;
            let below = |test: &dyn Fn(f64) -> bool| {
                let name = "amflab_request_duration_seconds_bucket";
                let mine = last.values.iter().filter(|((one, labels), _)| {
                    let le = labels.iter().find(|(label, _)| label == "le");
                    let le = le.map_or(0.0, |(_, value)| value.parse().unwrap());
                    one == name && labels.contains(&("kind".into(), kind.into())) && test(le)
                });
                mine.map(|(_, value)| *value).collect::<Vec<f64>>()
            };
            // Bounds are exact to a thousandth.
            assert!(
                below(&|le| le > p50 * 1.001).iter().all(|n| *n >= count / 2.0),
                "{kind} {p50}"
            );
            assert!(
                below(&|le| le < p50 * 0.999).iter().all(|n| *n <= count / 2.0),
                "{kind} {p50}"
            );
        }
        let (profile, seed) = ("profile=demo", format!("seed={}", report["seed"]));
        let protocol = format!("protocol={}", report["protocol"].as_str().unwrap());
        let version = concat!("version=", env!("CARGO_PKG_VERSION"));
        let info = [
            &format!("engine={}", report["engine"].as_str().unwrap()),
            profile,
            &protocol,
            &seed,
            version,
        ];
        assert_eq!(last.of("amflab_run_info", &info), 1.0);
        // Everything was destaged before it was read back.
        for amf in ["amf=amf0", "amf=amf1", "amf=amf2", "amf=amf3"] {
            assert_eq!(last.of("amflab_amf_state", &[amf, "state=serving"]), 1.0);
            assert_eq!(last.of("amflab_amf_state", &[amf, "state=down"]), 0.0);
            assert!(last.of("amflab_amf_epoch", &[amf]) >= 1.0);
            assert_eq!(last.of("amflab_amf_dirty_lines", &[amf]), 0.0);
            let (used, most) = (
                last.of("amflab_amf_cache_lines", &[amf]),
                last.of("amflab_amf_cache_lines_max", &[amf]),
            );
            assert!(used > 0.0 && used <= most, "{used} of {most}");
        }
        running.interrupt();
        assert_eq!(running.end(), 0);
    }
}

#[test]
fn figures_grow_while_a_run_goes_on() {
    let args = ["run", "-p", "demo", "--workload", "storm", "--duration", "12h", "--json"];
    let mut running = Running::start(&[&args[..], &["--set", "store.engine=memory"]].concat());
    let mut last = running.scrape();
    let mut grown = 0;
    while grown < 3 {
        let next = running.scrape();
        next.check_after(&last);
        assert_eq!(next.of("amflab_run_over", &[]), 0.0);
        grown += u32::from(next.sum("amflab_requests_total") > last.sum("amflab_requests_total"));
        last = next;
    }
    running.interrupt();
    let report = running.report();
    assert_eq!(report["interrupted"], true);
    compare(&report, &last, |reported, scraped| reported >= scraped);
    running.end();
}

#[test]
fn only_a_get_of_metrics_is_answered_with_figures() {
    let args = ["run", "--engine", "sim", "--ops", "10", "--metrics-linger", "1h"];
    let running = Running::start(&args);
    let status = |request: &[u8]| running.ask(request).0;
    assert_eq!(status(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 404);
    assert_eq!(status(b"GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n"), 404);
    let (not_allowed, head, _) =
        running.ask(b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(not_allowed, 405);
    assert!(head.contains("\r\nAllow: GET"), "{head}");
    assert_eq!(status(b"HEAD /metrics HTTP/1.1\r\n\r\n"), 405);
    assert_eq!(status(b"\x16\x03\x01\x02\0\x01\0\r\n\r\n"), 400, "TLS");
    assert_eq!(status(b"GET /metrics HTTP/9\r\n\r\n"), 400);
    assert_eq!(status(b"\r\n\r\n"), 400);
    let long = [b"GET /metrics HTTP/1.1\r\nX: ", vec![b'x'; 20_000].as_slice()].concat();
    assert_eq!(status(&long), 431);
    // Half a request, and no more of it ever.
    assert_eq!(status(b"GET /metrics HT"), 408);
    // In pieces, as a slow network brings it; and an end that comes too early.
    let mut stream = running.connect();
    for piece in [&b"GET /met"[..], b"rics HTTP/1.1\r\nHo", b"st: x\r\n\r", b"\n"] {
        stream.write_all(piece).unwrap();
        stream.flush().unwrap();
    }
    assert_eq!(answer(stream).0, 200);
    let mut stream = running.connect();
    stream.write_all(b"GET /metrics").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(answer(stream).0, 400);
    // Who holds all connections without asking keeps others out, but only while it does.
    let idle: Vec<TcpStream> = (0..8).map(|_| running.connect()).collect();
    while status(b"GET /metrics HTTP/1.1\r\n\r\n") != 503 {}
    drop(idle);
    while status(b"GET /metrics HTTP/1.1\r\n\r\n") != 200 {}
    running.interrupt();
    assert_eq!(running.end(), 0);
}

#[test]
fn the_console_serves_its_figures() {
    for engine in ["sim", "live"] {
        let mut running = Running::start(&["--plain", "-p", "claims", "--engine", engine]);
        running.say("note \"begun\"");
        let first = running.scrape();
        assert_eq!(first.sum("amflab_requests_total"), 0.0);
        assert!(running.say("write amf0 3 \"hello\"").contains("amf0 told 1 AMF to invalidate"));
        assert!(running.say("read amf1 3").contains("amf1 asked 1 AMF"));
        let next = running.scrape();
        next.check_after(&first);
        assert_eq!(next.of("amflab_requests_total", &["kind=write"]), 1.0);
        assert_eq!(next.of("amflab_requests_total", &["kind=read"]), 1.0);
        assert_eq!(next.of("amflab_request_duration_seconds_count", &["kind=read"]), 1.0);
        assert_eq!(next.of("amflab_requests_outstanding", &[]), 0.0);
        assert_eq!(next.sum("amflab_touches_total"), 2.0);
        assert!(next.sum("amflab_messages_total") > 0.0);
        running.say("crash amf1");
        let down = running.scrape();
        assert_eq!(down.of("amflab_amf_state", &["amf=amf1", "state=down"]), 1.0);
        assert_eq!(down.of("amflab_amf_state", &["amf=amf1", "state=serving"]), 0.0);
        assert!(down.of("amflab_faults_active", &[]) >= 1.0);
        // A live cluster that ends while it has not noticed yet says what is not written.
        running.say("restart amf1");
        running.say("settle");
        assert_eq!(running.end(), 0);
    }
}

/// What the program says, and that it ran nothing.
fn refused(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_amflab"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty());
    said
}

#[test]
fn what_cannot_be_listened_at_is_found_before_anything_runs() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let (run, replay) = (["run", "--engine", "sim"], ["replay", "tests/traces/small.msr.csv"]);
    let plain = ["--plain", "--engine", "sim"];
    for command in [&run[..], &replay, &plain] {
        let said = refused(&[command, &["--metrics-listen", &at]].concat());
        assert!(said.contains(&at) && said.contains("in use") && said.contains("hint: "), "{said}");
    }
    let said = refused(&[&run[..], &["--metrics-listen", "0.0.0.0:0"]].concat());
    assert!(said.contains("hint: ") && said.contains("--metrics-public"), "{said}");
    let said = refused(&[&run[..], &["--metrics-listen", "9464"]].concat());
    assert!(said.contains("127.0.0.1:9464"), "{said}");
    for alone in ["--metrics-public", "--metrics-linger=1s"] {
        assert!(refused(&[&run[..], &[alone]].concat()).contains("--metrics-listen"));
    }
}

#[test]
fn every_family_is_documented() {
    let doc =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/METRICS.md")).unwrap();
    let rows = doc.lines().filter_map(|line| line.strip_prefix("| `amflab_"));
    let documented: BTreeMap<String, String> = rows
        .map(|row| {
            let mut cells = row.split('|').map(|cell| cell.trim().trim_matches('`'));
            let name = format!("amflab_{}", cells.next().unwrap());
            (name, cells.next().unwrap().to_owned())
        })
        .collect();
    let running =
        Running::start(&["run", "--engine", "sim", "--ops", "10", "--metrics-linger", "1h"]);
    let scrape = running.scrape();
    assert_eq!(documented, scrape.types);
    for (name, labels) in scrape.values.keys() {
        let row = doc.lines().find(|line| {
            scrape.types.keys().any(|family| {
                name.starts_with(family.as_str()) && line.starts_with(&format!("| `{family}` |"))
            })
        });
        let row = row.unwrap_or_else(|| panic!("{name}"));
        for (label, _) in labels.iter().filter(|(label, _)| label != "le") {
            assert!(row.contains(&format!("`{label}`")), "{name} has {label}: {row}");
        }
    }
    running.interrupt();
    running.end();
}
