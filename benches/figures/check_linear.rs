//! The linearizability checker: as many real histories as the bar names (ten that lie beside the
//! project, again and again; else ten of a simulated register), and a million operations on 1,000 blocks
//! by 16 hosts, 1 % of them unanswered. Reading the files is counted, and so are the conflicts.

use crate::{Figure, median};
use amflab::check::history::Operation;
use amflab::check::linear::blocks::Blocks;
use amflab::check::linear::{BUDGET, Verdict, jepsen};
use amflab::protocol::id::{AmfId, OpId};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

pub(crate) const FIGURE: Figure =
    Figure { name: "check_linear", bar: "102 histories in 345 ms; 1 M operations in 2 s", run };

const HISTORIES: usize = 102;
const OPS: u64 = 1_000_000;
const BLOCKS: u64 = 1_000;
const HOSTS: usize = 16;

fn run() -> String {
    let (logs, whence) = logs();
    let small = median((0..5).map(|_| judge_logs(&logs)).collect());
    let text = million();
    let large: Vec<[f64; 2]> = (0..3).map(|_| judge_million(&text)).collect();
    let [read, judge] = [0, 1].map(|at| median(large.iter().map(|both| both[at]).collect()));
    format!(
        "{HISTORIES} histories ({whence}) {:.0} ms; 1 M operations {:.2} s on one core, and {:.2} s \
         to read them",
        small * 1e3,
        judge,
        read
    )
}

fn judge_logs(logs: &[String]) -> f64 {
    let start = Instant::now();
    let mut wrong = 0;
    for log in logs.iter().cycle().take(HISTORIES) {
        let log = jepsen::parse(log).expect("a history");
        match log.registers[0].register.judge(BUDGET).verdict {
            Verdict::Linearizable(_) => {}
            Verdict::NotLinearizable(_) => wrong += 1,
            Verdict::Unknown => panic!("the budget is enough for these"),
        }
    }
    assert!(wrong < HISTORIES, "some are linearizable");
    start.elapsed().as_secs_f64()
}

/// Reading, judging.
fn judge_million(text: &str) -> [f64; 2] {
    let start = Instant::now();
    let mut blocks = Blocks::default();
    for line in text.lines() {
        blocks.line(line).expect("a line");
    }
    blocks.sort();
    let read = start.elapsed().as_secs_f64();
    assert_eq!(blocks.len() as u64, BLOCKS);
    let start = Instant::now();
    for index in 0..blocks.len() {
        let verdict = blocks.part(index).register.judge(BUDGET).verdict;
        assert!(matches!(verdict, Verdict::Linearizable(_)), "a real register");
    }
    [read, start.elapsed().as_secs_f64()]
}

fn logs() -> (Vec<String>, &'static str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/histories");
    let names = (0..10).map(|number| folder.join(format!("etcd_{number:03}.log")));
    let real: Result<Vec<String>, _> = names.map(std::fs::read_to_string).collect();
    match real {
        Ok(logs) => (logs, "real"),
        Err(_) => ((0..10).map(jepsen_like).collect(), "generated: ../shared is not there"),
    }
}

/// An operation under way at a simulated register.
#[derive(Clone, Copy)]
struct Doing {
    op: u64,
    block: u64,
    is_write: bool,
    value: u64,
    start: u64,
    has_effect: bool,
}

/// A million operations as `run --history` writes them.
fn million() -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut content = vec![0; BLOCKS as usize];
    let mut hosts: [Option<Doing>; HOSTS] = [None; HOSTS];
    let mut text = String::new();
    let (mut now, mut ops) = (0, 0);
    while ops < OPS || hosts.iter().any(Option::is_some) {
        now += 1;
        let at = rng.random_range(0..HOSTS);
        let host = &mut hosts[at];
        let Some(doing) = host else {
            if ops < OPS {
                ops += 1;
                let (block, is_write) = (rng.random_range(0..BLOCKS), rng.random_bool(0.4));
                let doing =
                    Doing { op: ops, block, is_write, value: ops, start: now, has_effect: false };
                *host = Some(doing);
            }
            continue;
        };
        let is_lost = doing.is_write && rng.random_ratio(1, 40);
        if !doing.has_effect {
            doing.has_effect = true;
            let there = &mut content[doing.block as usize];
            if !doing.is_write {
                doing.value = *there;
            } else if !is_lost || rng.random_bool(0.5) {
                *there = doing.value;
            }
            if !is_lost {
                continue;
            }
        }
        line(&mut text, doing, at as u8, (!is_lost).then_some(now));
        *host = None;
    }
    text
}

fn line(text: &mut String, doing: &Doing, amf: u8, end: Option<u64>) {
    let value = if doing.value == 0 { "0".to_owned() } else { format!("w1#{}", doing.value) };
    let operation = Operation {
        op: OpId(doing.op),
        amf: AmfId(amf),
        kind: if doing.is_write { "write" } else { "read" }.to_owned(),
        first: doing.block * 8,
        count: 8,
        block: 8,
        used: false,
        start: doing.start,
        end,
        result: if end.is_some() { "ok" } else { "none" }.to_owned(),
        values: vec![(8, value)],
        old: Vec::new(),
    };
    text.push_str(&operation.to_json().expect("an operation"));
    text.push('\n');
}

/// Five processes at one register with five values, as in the real ones.
fn jepsen_like(seed: u64) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut text, mut content) = (String::new(), 0);
    let mut waiting: Vec<Option<String>> = vec![None; 5];
    for _ in 0..160 {
        let process = rng.random_range(0..waiting.len());
        if let Some(answer) = waiting[process].take() {
            text.push_str(&answer);
            continue;
        }
        let (old, new) = (rng.random_range(0..5), rng.random_range(0..5));
        let (asked, answer) = match rng.random_range(0..3) {
            0 => (":read nil".to_owned(), format!(":ok :read {content}")),
            1 => {
                content = new;
                (format!(":write {new}"), format!(":ok :write {new}"))
            }
            _ => {
                let ok = if old == content { ":ok" } else { ":fail" };
                content = if old == content { new } else { content };
                (format!(":cas [{old} {new}]"), format!("{ok} :cas [{old} {new}]"))
            }
        };
        let _ = writeln!(text, "{process} :invoke {asked}");
        waiting[process] = Some(format!("{process} {answer}\n"));
    }
    // The first content of such a log is `nil`.
    format!("9 :invoke :write 0\n9 :ok :write 0\n{text}")
}
