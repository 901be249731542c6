//! Commands as text: the one canonical form, which [`super::parse_command`] reads back unchanged.

use crate::protocol::id::{NodeId, Span};
use crate::trace::action::{Action, HoldFilter, LinkSetting, PPM, Release, Seek, Target};
use crate::trace::command::{
    Command, Condition, Expectation, HostCommand, Outcome, ReplayCommand, Value,
};
use core::fmt::{self, Display, Formatter};

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => host.fmt(f),
            Self::Start(label, host) => write!(f, "{label}: {host}"),
            Self::Await(label) => write!(f, "await {label}"),
            Self::Act(action) => action.fmt(f),
            Self::Workload(start, name) => {
                write!(f, "workload {} {name}", if *start { "start" } else { "stop" })
            }
            Self::Replay(ReplayCommand::Start(words)) => write!(f, "replay {}", quoted(words)),
            Self::Replay(ReplayCommand::Pause) => f.write_str("replay pause"),
            Self::Replay(ReplayCommand::Resume) => f.write_str("replay resume"),
            Self::Replay(ReplayCommand::Stop) => f.write_str("replay stop"),
            Self::RunUntil(condition, None) => write!(f, "run-until {condition}"),
            Self::RunUntil(condition, Some(within)) => {
                write!(f, "run-until {condition} within {}", time_text(*within))
            }
            Self::Wait(span) => write!(f, "wait {}", time_text(*span)),
            Self::Settle => f.write_str("settle"),
            Self::Audit => f.write_str("audit"),
            Self::Why(amf, block) => write!(f, "why {amf} {block}"),
            Self::Note(text) => write!(f, "note {}", quoted(text)),
            Self::Expect(expectation) => write!(f, "expect {expectation}"),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destage(Target::All) => f.write_str("destage all"),
            Self::Destage(Target::One(amf)) => write!(f, "destage {amf}"),
            Self::Evict(amf, None) => write!(f, "evict {amf}"),
            Self::Evict(amf, Some(block)) => write!(f, "evict {amf} {block}"),
            Self::Crash(amf) => write!(f, "crash {amf}"),
            Self::Restart(amf) => write!(f, "restart {amf}"),
            Self::Pause(amf) => write!(f, "pause {amf}"),
            Self::Resume(amf) => write!(f, "resume {amf}"),
            Self::ExpireLease(amf) => write!(f, "lease expire {amf}"),
            Self::Partition(sides) => {
                let sides: Vec<String> = sides.iter().map(|side| side_text(side)).collect();
                write!(f, "partition {}", sides.join(" | "))
            }
            Self::Heal => f.write_str("heal"),
            Self::Link(a, b, setting) => write!(f, "link {a} {b} {}", link_text(*setting)),
            Self::FailDisk(disk) => write!(f, "fail {disk}"),
            Self::ReplaceDisk(disk) => write!(f, "replace {disk}"),
            Self::Corrupt(disk, block) => write!(f, "corrupt {disk} {block}"),
            Self::CorruptJournal(amf) => write!(f, "corrupt-journal {amf}"),
            Self::Scrub => f.write_str("scrub"),
            Self::AcceptLoss => f.write_str("accept-loss"),
            Self::SlowDisk(disk, span) => write!(f, "slow {disk} {}", time_text(*span)),
            Self::Witness(up) => write!(f, "witness {}", if *up { "up" } else { "down" }),
            Self::PowerFail => f.write_str("power-fail"),
            Self::Defect(defect, on) => write!(f, "defect {defect} {}", switch(*on)),
            Self::Protocol(protocol) => write!(f, "protocol {protocol}"),
            Self::Hold(filter) => write!(f, "hold on{}", filter_text(*filter)),
            Self::Unhold(filter) => write!(f, "hold off{}", filter_text(*filter)),
            Self::Deliver(release) => write!(f, "deliver {}", release_text(*release)),
            Self::Lose(release) => write!(f, "lose {}", release_text(*release)),
            Self::Repeat(release) => write!(f, "repeat {}", release_text(*release)),
            Self::Step(count) => write!(f, "step {count}"),
            Self::Tempo(tempo) => write!(f, "tempo {}", scaled(*tempo, 1_000)),
            Self::Record(Some(file)) => write!(f, "record {}", quoted(&file.to_string_lossy())),
            Self::Record(None) => f.write_str("record off"),
            Self::Seek(Seek::To(0)) => f.write_str("seek start"),
            Self::Seek(Seek::To(step)) => write!(f, "seek {step}"),
            Self::Seek(Seek::By(steps)) => write!(f, "seek {steps:+}"),
            Self::Seek(Seek::End) => f.write_str("seek end"),
        }
    }
}

impl Display for HostCommand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(amf, block, value) => write!(f, "write {amf} {block} {value}"),
            Self::WriteSectors(amf, block, sector, 1, value) => {
                write!(f, "write {amf} {block}/{sector} {value}")
            }
            Self::WriteSectors(amf, block, sector, count, value) => {
                write!(f, "write {amf} {block}/{sector}+{count} {value}")
            }
            Self::WriteFua(amf, block, value) => write!(f, "write-fua {amf} {block} {value}"),
            Self::Read(amf, block, 1) => write!(f, "read {amf} {block}"),
            Self::Read(amf, block, count) => write!(f, "read {amf} {block}+{count}"),
            Self::CompareAndWrite(amf, block, old, new) => {
                write!(f, "caw {amf} {block} {old} {new}")
            }
            Self::Trim(amf, block, 1) => write!(f, "trim {amf} {block}"),
            Self::Trim(amf, block, count) => write!(f, "trim {amf} {block}+{count}"),
            Self::Zero(amf, block, 1) => write!(f, "zero {amf} {block}"),
            Self::Zero(amf, block, count) => write!(f, "zero {amf} {block}+{count}"),
            Self::Flush(amf) => write!(f, "flush {amf}"),
        }
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&value_text(self))
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let pair = |pair: &Option<_>| match pair {
            Some((from, to)) => format!(" {from} {to}"),
            None => String::new(),
        };
        match self {
            Self::State(amf, block, state) => write!(f, "state {amf} {block} {state}"),
            Self::Lock(amf, block, mode) => write!(f, "lock {amf} {block} {mode}"),
            Self::Sent(kind, between) => write!(f, "sent {kind}{}", pair(between)),
            Self::Delivered(kind, between) => write!(f, "delivered {kind}{}", pair(between)),
            Self::Applied(rule, amf) => write!(f, "applied {} {amf}", rule.id()),
            Self::Written(disk, block) => write!(f, "written {disk} {block}"),
            Self::Replicated(amf, block) => write!(f, "replicated {amf} {block}"),
            Self::View(epoch) => write!(f, "view {epoch}"),
            Self::Answered(label) => write!(f, "answered {label}"),
            Self::Idle => f.write_str("idle"),
            Self::Replayed => f.write_str("replayed"),
            Self::Violation => f.write_str("violation"),
            Self::Not(other) => write!(f, "not {other}"),
            Self::All(all) => {
                let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                f.write_str(&all.join(" and "))
            }
        }
    }
}

impl Display for Expectation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(amf, block, state) => write!(f, "state {amf} {block} {state}"),
            Self::Value(amf, block, value) => write!(f, "value {amf} {block} {value}"),
            Self::Source(source) => write!(f, "source {source}"),
            Self::Messages(kind, count) => write!(f, "messages {kind} {count}"),
            Self::Broadcasts(count) => write!(f, "broadcasts {count}"),
            Self::Lock(amf, block, mode) => write!(f, "lock {amf} {block} {mode}"),
            Self::Result(label, outcome) => write!(f, "result {label} {outcome}"),
            Self::Error(error) => write!(f, "error {error}"),
            Self::Violations(count) => write!(f, "violations {count}"),
        }
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Error(error) => error.fmt(f),
            Self::Pending => f.write_str("pending"),
        }
    }
}

/// A value as it is typed.
#[must_use]
pub fn value_text(value: &Value) -> String {
    use core::fmt::Write;
    match value {
        Value::Text(text) => quoted(text),
        Value::Hex(bytes) => bytes.iter().fold("0x".to_owned(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }),
        Value::File(path) => format!("@{}", quoted(&path.to_string_lossy())),
    }
}

/// A time as it is typed: the largest unit that says it without a fraction.
#[must_use]
pub fn time_text(span: Span) -> String {
    let units =
        [(60_000_000_000, "m"), (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];
    let (ns, unit) = units
        .into_iter()
        .find(|(ns, _)| span.0 > 0 && span.0.is_multiple_of(*ns))
        .unwrap_or((1_000_000, "ms"));
    format!("{}{unit}", span.0 / ns)
}

/// A text in quotes, with the escapes that [`super::lexer`] reads.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn switch(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn side_text(side: &[NodeId]) -> String {
    let nodes: Vec<String> = side.iter().map(ToString::to_string).collect();
    nodes.join(" ")
}

fn link_text(setting: LinkSetting) -> String {
    match setting {
        LinkSetting::Drop(ppm) => format!("drop {}%", scaled(ppm, PPM / 100)),
        LinkSetting::Delay(span) => format!("delay {}", time_text(span)),
        LinkSetting::Duplicate(ppm) => format!("duplicate {}%", scaled(ppm, PPM / 100)),
        LinkSetting::Reorder => "reorder".to_owned(),
        LinkSetting::Clear => "clear".to_owned(),
    }
}

fn filter_text(filter: HoldFilter) -> String {
    let kind = filter.kind.map(|kind| format!(" {kind}")).unwrap_or_default();
    let pair = filter.pair.map(|(from, to)| format!(" {from} {to}")).unwrap_or_default();
    kind + &pair
}

fn release_text(release: Release) -> String {
    match release {
        Release::Oldest(count) => count.to_string(),
        Release::Pair(from, to) => format!("{from} {to}"),
        Release::Nth(from, to, nth) => format!("{from} {to} {nth}"),
        Release::Id(id) => format!("id {id}"),
    }
}

/// `value / unit` in decimals, exactly: units are powers of ten.
fn scaled(value: u32, unit: u32) -> String {
    let places = unit.ilog10() as usize;
    let part = format!("{:0places$}", value % unit);
    match part.trim_end_matches('0') {
        "" => (value / unit).to_string(),
        part => format!("{}.{part}", value / unit),
    }
}
