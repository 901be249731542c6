//! `amflab check`: are recorded histories linearizable?

use super::failure::{FAILED, FINE, Failure, UNDECIDED};
use super::progress::Progress;
use super::{Done, complain, interrupt, print};
use crate::check::linear::blocks::{self, Blocks};
use crate::check::linear::{BUDGET, Conflict, Judgement, Size, Verdict, jepsen};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Bytes of a history that are read at most.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Bytes of a line that are read at most.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Registers whose conflicts are told in words; `--json` has all.
const TOLD_MAX: usize = 10;

/// Forms of histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// By the first line
    Auto,
    /// Ours, as `run --history` writes it
    Jsonl,
    /// A history of registers as Jepsen prints it (a log) or keeps it (EDN)
    Jepsen,
}

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab run --ops 5000 --history h.jsonl && amflab check h.jsonl
  amflab check --format jepsen etcd_000.log etcd_001.log
  amflab inspect run.amfrec --export edn -o run.edn; amflab check --initial 0 run.edn
  amflab check --json --budget 10000000 h.jsonl")]
pub(super) struct CheckArgs {
    /// Form of the histories
    #[arg(long, value_enum, default_value = "auto")]
    format: Format,
    /// Configurations explored for one block (some 100 bytes each); beyond that: `unknown`
    #[arg(long, value_name = "N", default_value_t = BUDGET,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    budget: u64,
    /// What registers of Jepsen's hold at first, as `0` in what `inspect --export edn` writes
    #[arg(long, value_name = "VALUE", default_value = "nil")]
    initial: String,
    /// Tells an order of effects for each linearizable block, too (with --json)
    #[arg(long, requires = "json")]
    witness: bool,
    /// Reports one JSON object
    #[arg(long)]
    json: bool,
    /// The histories
    #[arg(value_name = "HISTORY", required = true)]
    files: Vec<PathBuf>,
}

/// A history that was read.
struct History {
    name: String,
    text: String,
    kind: Kind,
}

enum Kind {
    Jsonl(Blocks),
    Jepsen(jepsen::Log),
}

/// A register that was judged.
struct Judged {
    name: String,
    /// Which of the history's.
    index: usize,
    judgement: Judgement,
    /// Lines of each operation: where it began and where it ended.
    lines: Vec<[usize; 2]>,
}

/// Judges every file; all of them are read before anything is said.
pub(super) fn check(args: &CheckArgs) -> Done {
    let histories: Vec<History> =
        args.files.iter().map(|path| read(path, args)).collect::<Result<_, _>>()?;
    let interrupted = interrupt::watch();
    let mut code = FINE;
    let mut told = Vec::new();
    for history in &histories {
        let judged = history.judge(args.budget, &interrupted);
        let verdict = match verdict_of(&judged) {
            "linearizable" if judged.len() < history.registers() => "unknown",
            verdict => verdict,
        };
        if judged.len() < history.registers() {
            let (judged, all) = (judged.len(), history.registers());
            let text = format!("interrupted: {judged} of {all} blocks were judged");
            complain("note", &format!("{}: {text}", history.name));
        }
        code = match (verdict, code) {
            ("not linearizable", _) => FAILED,
            ("unknown", FINE) => UNDECIDED,
            (_, code) => code,
        };
        if args.json {
            told.push(history.json(verdict, &judged, args.witness));
        } else {
            print(&history.words(verdict, &judged))?;
        }
    }
    if args.json {
        let verdict = match code {
            FINE => "linearizable",
            FAILED => "not linearizable",
            _ => "unknown",
        };
        print(&format!(
            "{}\n",
            json!({ "verdict": verdict, "budget": args.budget, "files": told })
        ))?;
    }
    Ok(code)
}

/// One wrong block is enough, and one undecided one if no other is wrong.
fn verdict_of(judged: &[Judged]) -> &'static str {
    let mut verdict = "linearizable";
    for one in judged {
        match one.judgement.verdict {
            Verdict::NotLinearizable(_) => return "not linearizable",
            Verdict::Unknown => verdict = "unknown",
            Verdict::Linearizable(_) => {}
        }
    }
    verdict
}

fn read(path: &Path, args: &CheckArgs) -> Result<History, Failure> {
    let name = path.display().to_string();
    let cannot = |error: std::io::Error| {
        Failure::hinted(format!("{name}: cannot be read: {error}"), "is the path right?")
    };
    let file = File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let text = format!("{name}: larger than {} MiB", FILE_BYTES_MAX >> 20);
        return Err(Failure::hinted(text, "record a shorter run, or split it by blocks"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.split(|byte| *byte == b'\n').count() - 1;
        Failure::hinted(format!("{name}:{line}: not UTF-8"), "a history is text, a line an event")
    })?;
    let format = match args.format {
        Format::Auto => detected(&text).ok_or_else(|| {
            let what = format!("{name}:1: neither JSON lines nor a history of Jepsen's");
            Failure::hinted(what, "`amflab run --history FILE` writes one; see also --format")
        })?,
        said => said,
    };
    let kind = match format {
        Format::Jsonl | Format::Auto => Kind::Jsonl(read_jsonl(&name, &text)?),
        Format::Jepsen => {
            let log = jepsen::parse_from(&text, &args.initial).map_err(|bad| {
                let hint = "an event is: process :invoke|:ok|:fail|:info :read|:write|:cas value";
                Failure::hinted(format!("{name}:{}: {}", bad.line, bad.what), hint)
            })?;
            if log.operations() == 0 {
                return Err(empty(&name));
            }
            Kind::Jepsen(log)
        }
    };
    Ok(History { name, text, kind })
}

fn detected(text: &str) -> Option<Format> {
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    if jepsen::is_history(text) {
        return Some(Format::Jepsen);
    }
    first.trim_start().starts_with('{').then_some(Format::Jsonl)
}

fn read_jsonl(name: &str, text: &str) -> Result<Blocks, Failure> {
    let mut blocks = Blocks::default();
    for (number, line) in (1..).zip(text.lines()) {
        let read = if line.len() > LINE_BYTES_MAX {
            Err(format!("longer than {} KiB", LINE_BYTES_MAX >> 10))
        } else {
            blocks.line(line)
        };
        read.map_err(|what| {
            let hint = "a line is one operation, as `amflab run --history` writes it";
            Failure::hinted(format!("{name}:{number}: {what}"), hint)
        })?;
    }
    blocks.sort();
    // No operation that can be judged is fine; no operation at all is a mistake.
    if text.trim().is_empty() { Err(empty(name)) } else { Ok(blocks) }
}

fn empty(name: &str) -> Failure {
    Failure::hinted(format!("{name}:1: no operation in it"), "is it the right file and format?")
}

impl History {
    /// Registers that are to be judged.
    fn registers(&self) -> usize {
        match &self.kind {
            Kind::Jepsen(log) => log.registers.len(),
            Kind::Jsonl(blocks) => blocks.len(),
        }
    }

    /// Judges all registers, on all cores, with a bar; only some of them once `interrupted`.
    fn judge(&self, budget: u64, interrupted: &AtomicBool) -> Vec<Judged> {
        let count = self.registers();
        let judge = |index: usize| match &self.kind {
            Kind::Jepsen(log) => judge_register(&log.registers[index], index, budget),
            Kind::Jsonl(blocks) => judge_block(blocks, index, budget),
        };
        let next = AtomicUsize::new(0);
        let work = |mut look: Option<Progress>| {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count || interrupted.load(Ordering::Relaxed) {
                    if let Some(bar) = &mut look {
                        bar.end();
                    }
                    return done;
                }
                done.push((index, judge(index)));
                if let Some(bar) = &mut look {
                    bar.at(index as u64 + 1);
                }
            }
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(count);
        let mut all: Vec<(usize, Judged)> = std::thread::scope(|scope| {
            let others: Vec<_> = (1..cores).map(|_| scope.spawn(|| work(None))).collect();
            let mut all = work(Some(Progress::of_few(count as u64)));
            for other in others {
                all.extend(other.join().expect("judging does not panic"));
            }
            all
        });
        all.sort_unstable_by_key(|(index, _)| *index);
        all.into_iter().map(|(_, judged)| judged).collect()
    }

    /// An operation of a register, in words.
    fn described(&self, one: &Judged, op: u32) -> String {
        match &self.kind {
            Kind::Jepsen(log) => log.described(&self.text, one.index, op as usize),
            Kind::Jsonl(blocks) => {
                let line = one.lines[op as usize][0];
                let text = self.text.lines().nth(line - 1).unwrap_or_default();
                blocks::described(line, text, blocks.per_block())
            }
        }
    }

    fn words(&self, verdict: &str, judged: &[Judged]) -> String {
        let mut text = format!("{}: {verdict}\n", self.name);
        let conflicts = || judged.iter().filter_map(|one| one.conflict().map(|it| (one, it)));
        for (one, conflict) in conflicts().take(TOLD_MAX) {
            let size = match conflict.size {
                Size::Smallest => "no smaller set does",
                Size::Minimal => "none of them can be left out",
                Size::Open => "fewer may do",
            };
            let many = match conflict.ops.len() {
                1 => "1 operation cannot be".to_owned(),
                count => format!("{count} operations contradict each other"),
            };
            let _ = writeln!(text, "  {}: {many} ({size}):", one.name);
            for op in &conflict.ops {
                let _ = writeln!(text, "    {}", self.described(one, *op));
            }
        }
        let more = conflicts().count().saturating_sub(TOLD_MAX);
        if more > 0 {
            let _ = writeln!(text, "  and {more} more with contradictions");
        }
        let undecided: Vec<&Judged> = judged.iter().filter(|one| one.is_unknown()).collect();
        for one in undecided.iter().take(TOLD_MAX) {
            let _ = writeln!(
                text,
                "  {}: {} configurations were not enough (--budget)",
                one.name, one.judgement.explored
            );
        }
        if undecided.len() > TOLD_MAX {
            let _ = writeln!(text, "  and {} more undecided", undecided.len() - TOLD_MAX);
        }
        text
    }

    fn json(&self, verdict: &str, judged: &[Judged], with_witness: bool) -> serde_json::Value {
        let (format, operations) = match &self.kind {
            Kind::Jsonl(blocks) => ("jsonl", blocks.operations()),
            Kind::Jepsen(log) => ("jepsen", log.operations()),
        };
        let line = |one: &Judged, op: u32| one.lines[op as usize][0];
        let conflicts: Vec<_> = judged
            .iter()
            .filter_map(|one| one.conflict().map(|conflict| (one, conflict)))
            .map(|(one, conflict)| {
                let told =
                    |op: &u32| json!({ "line": line(one, *op), "text": self.described(one, *op) });
                let operations: Vec<_> = conflict.ops.iter().map(told).collect();
                let size = match conflict.size {
                    Size::Smallest => "smallest",
                    Size::Minimal => "minimal",
                    Size::Open => "open",
                };
                json!({ "register": one.name, "size": size, "operations": operations })
            })
            .collect();
        let undecided: Vec<&str> =
            judged.iter().filter(|one| one.is_unknown()).map(|one| one.name.as_str()).collect();
        let explored: u64 = judged.iter().map(|one| one.judgement.explored).sum();
        let mut object = json!({
            "file": self.name, "format": format, "verdict": verdict, "operations": operations,
            "registers": judged.len(), "explored": explored, "conflicts": conflicts,
            "undecided": undecided,
        });
        if with_witness {
            let witnesses: serde_json::Map<_, _> = judged
                .iter()
                .filter_map(|one| {
                    let Verdict::Linearizable(order) = &one.judgement.verdict else { return None };
                    let lines: Vec<usize> = order.iter().map(|op| line(one, *op)).collect();
                    Some((one.name.clone(), json!(lines)))
                })
                .collect();
            object["witness"] = witnesses.into();
        }
        object
    }
}

fn judge_block(blocks: &Blocks, index: usize, budget: u64) -> Judged {
    let part = blocks.part(index);
    let per = u64::from(blocks.per_block());
    let name = if per == 1 {
        format!("sector {}", part.first)
    } else {
        format!("block {}", part.first / per)
    };
    let lines = part.lines.iter().map(|line| [*line as usize; 2]).collect();
    Judged { name, index, judgement: part.register.judge(budget), lines }
}

fn judge_register(part: &jepsen::Part, index: usize, budget: u64) -> Judged {
    let name =
        part.key.as_ref().map_or_else(|| "register".to_owned(), |key| format!("register {key}"));
    Judged { name, index, judgement: part.register.judge(budget), lines: part.lines.clone() }
}

impl Judged {
    fn conflict(&self) -> Option<&Conflict> {
        match &self.judgement.verdict {
            Verdict::NotLinearizable(conflict) => Some(conflict),
            Verdict::Linearizable(_) | Verdict::Unknown => None,
        }
    }

    fn is_unknown(&self) -> bool {
        self.judgement.verdict == Verdict::Unknown
    }
}
