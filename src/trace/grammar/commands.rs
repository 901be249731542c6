//! One line of text to one [`Command`]: which words a command begins with, and what follows.

use super::Limits;
use super::args::{Args, Parsed, check_label, meant};
use super::error::{GrammarError, Wrong};
use super::lexer::{TokenKind, split};
use crate::protocol::id::{NodeId, SECTOR_BYTES};
use crate::trace::action::{Action, HoldFilter, LinkSetting, Release};
use crate::trace::command::{Command, Condition, Expectation, HostCommand, Outcome, ReplayCommand};
use crate::trace::registry;

/// Conditions with `and` between them.
const CONDITIONS_MAX: usize = 4;

/// A condition by itself, to be watched.
pub(super) fn parse_condition(text: &str, limits: &Limits) -> Parsed<Condition> {
    let (tokens, end) = split(text)?;
    let mut args = Args::new(&tokens, end, limits);
    let (column, word) = next_word(&args);
    let condition = condition(&mut args)?;
    args.finish()?;
    if condition.is_about_commands() {
        let allowed = "state, lock, sent, delivered, applied, written, replicated, view, violation";
        return Err(super::args::not_a(column, word, "condition that can be watched", allowed));
    }
    Ok(condition)
}

pub(super) fn parse(text: &str, limits: &Limits) -> Parsed<Command> {
    let (tokens, end) = split(text)?;
    let mut args = Args::new(&tokens, end, limits);
    let first = args.next().ok_or_else(|| GrammarError::at(end, Wrong::Empty))?;
    let command = match &first.kind {
        TokenKind::Label(label) => {
            check_label(label, first.column)?;
            let column = args.peek().map_or(end, |token| token.column);
            let (name, _) = args.word("host command")?;
            args.usage = registry::find(name).map(|entry| entry.usage);
            let host = host_command(name, &mut args)?.ok_or_else(|| {
                let allowed = "write, read, caw, trim, zero, flush";
                super::args::not_a(column, name, "host command", allowed)
                    .hint(Some("a label starts a host command and goes on".to_owned()))
            })?;
            Command::Start(label.clone(), host)
        }
        TokenKind::Word(name) => {
            args.usage = registry::find(name).map(|entry| entry.usage);
            match host_command(name, &mut args)? {
                Some(host) => Command::Host(host),
                None => other_command(name, first.column, &mut args)?,
            }
        }
        TokenKind::Text(_) | TokenKind::File(_) | TokenKind::Bar | TokenKind::Comma => {
            return Err(GrammarError::at(first.column, Wrong::UnknownCommand(first.shown())));
        }
    };
    args.finish()?;
    Ok(command)
}

/// `None` if `name` is no host command.
fn host_command(name: &str, args: &mut Args<'_>) -> Parsed<Option<HostCommand>> {
    Ok(Some(match name {
        "write" => {
            let amf = args.amf()?;
            if args.peek_word().is_some_and(|word| word.contains('/')) {
                let (block, sector, count) = args.sectors()?;
                let value = args.value_of(count * SECTOR_BYTES)?;
                HostCommand::WriteSectors(amf, block, sector, count, value)
            } else {
                HostCommand::Write(amf, args.block()?, args.value()?)
            }
        }
        "write-fua" => HostCommand::WriteFua(args.amf()?, args.block()?, args.value()?),
        "read" => {
            let amf = args.amf()?;
            let (block, count) = args.blocks()?;
            HostCommand::Read(amf, block, count)
        }
        "caw" => {
            HostCommand::CompareAndWrite(args.amf()?, args.block()?, args.value()?, args.value()?)
        }
        "trim" => {
            let amf = args.amf()?;
            let (block, count) = args.blocks()?;
            HostCommand::Trim(amf, block, count)
        }
        "zero" => {
            let amf = args.amf()?;
            let (block, count) = args.blocks()?;
            HostCommand::Zero(amf, block, count)
        }
        "flush" => HostCommand::Flush(args.amf()?),
        _ => return Ok(None),
    }))
}

fn other_command(name: &str, column: u32, args: &mut Args<'_>) -> Parsed<Command> {
    Ok(match name {
        "await" => Command::Await(args.label()?),
        "destage" => Command::Act(Action::Destage(args.target()?)),
        "evict" => {
            let amf = args.amf()?;
            let block = if args.peek().is_some() { Some(args.block()?) } else { None };
            Command::Act(Action::Evict(amf, block))
        }
        "crash" => Command::Act(Action::Crash(args.amf()?)),
        "restart" => Command::Act(Action::Restart(args.amf()?)),
        "pause" => Command::Act(Action::Pause(args.amf()?)),
        "resume" => Command::Act(Action::Resume(args.amf()?)),
        "lease" => {
            args.one_of("word", &[("expire", ())])?;
            Command::Act(Action::ExpireLease(args.amf()?))
        }
        "partition" => Command::Act(Action::Partition(partition(args)?)),
        "heal" => Command::Act(Action::Heal),
        "link" => {
            let (a, b) = args.pair()?;
            Command::Act(Action::Link(a, b, link_setting(args)?))
        }
        "fail" => Command::Act(Action::FailDisk(args.disk()?)),
        "replace" => Command::Act(Action::ReplaceDisk(args.disk()?)),
        "corrupt" => Command::Act(Action::Corrupt(args.disk()?, args.block()?)),
        "corrupt-journal" => Command::Act(Action::CorruptJournal(args.amf()?)),
        "scrub" => Command::Act(Action::Scrub),
        "accept-loss" => Command::Act(Action::AcceptLoss),
        "slow" => Command::Act(Action::SlowDisk(args.disk()?, args.time()?)),
        "witness" => {
            Command::Act(Action::Witness(args.one_of("word", &[("up", true), ("down", false)])?))
        }
        "power-fail" => Command::Act(Action::PowerFail),
        "defect" => Command::Act(Action::Defect(args.defect()?, args.on_off()?)),
        "protocol" => Command::Act(Action::Protocol(args.protocol()?)),
        "workload" => {
            let start = args.one_of("word", &[("start", true), ("stop", false)])?;
            Command::Workload(start, args.workload()?)
        }
        "replay" => Command::Replay(replay(args)?),
        "hold" => {
            let on = args.on_off()?;
            let filter = hold_filter(args)?;
            Command::Act(if on { Action::Hold(filter) } else { Action::Unhold(filter) })
        }
        "deliver" => Command::Act(Action::Deliver(release(args)?)),
        "lose" => Command::Act(Action::Lose(release(args)?)),
        "repeat" => Command::Act(Action::Repeat(release(args)?)),
        "step" => Command::Act(Action::Step(if args.peek().is_some() {
            args.count("number")?
        } else {
            1
        })),
        "tempo" => Command::Act(Action::Tempo(args.tempo()?)),
        "record" => Command::Act(Action::Record(args.file_or("off")?)),
        "seek" => Command::Act(Action::Seek(args.seek()?)),
        "run-until" => {
            let condition = condition(args)?;
            let within = if args.peek_word() == Some("within") {
                args.next();
                Some(args.time()?)
            } else {
                None
            };
            Command::RunUntil(condition, within)
        }
        "wait" => Command::Wait(args.time()?),
        "settle" => Command::Settle,
        "audit" => Command::Audit,
        "why" => Command::Why(args.amf()?, args.block()?),
        "note" => Command::Note(args.text("text")?),
        "expect" => Command::Expect(expectation(args)?),
        unknown => {
            let names: Vec<&str> = registry::ENTRIES.iter().map(|entry| entry.name).collect();
            let wrong = Wrong::UnknownCommand(unknown.to_owned());
            return Err(GrammarError::at(column, wrong).hint(meant(unknown, &names)));
        }
    })
}

fn replay(args: &mut Args<'_>) -> Parsed<ReplayCommand> {
    if args.peek_word().is_none() {
        return args.text("trace in quotes").map(ReplayCommand::Start);
    }
    let words = ["pause", "resume", "stop"].map(|word| (word, word));
    Ok(match args.one_of("trace in quotes, or word", &words)? {
        "pause" => ReplayCommand::Pause,
        "resume" => ReplayCommand::Resume,
        _ => ReplayCommand::Stop,
    })
}

/// Sides separated by `|`; members by spaces or commas, `amf0..amf2` for several.
fn partition(args: &mut Args<'_>) -> Parsed<Vec<Vec<NodeId>>> {
    let mut sides: Vec<Vec<NodeId>> = vec![Vec::new()];
    let mut named: Vec<NodeId> = Vec::new();
    while let Some(token) = args.peek() {
        match &token.kind {
            TokenKind::Bar => {
                args.next();
                if sides.last().is_some_and(Vec::is_empty) {
                    return Err(GrammarError::at(token.column, missing_side()));
                }
                sides.push(Vec::new());
            }
            TokenKind::Comma => {
                args.next();
            }
            TokenKind::Word(_) | TokenKind::Text(_) | TokenKind::File(_) | TokenKind::Label(_) => {
                let nodes = args.node_range()?;
                if let Some(twice) = nodes.iter().find(|node| named.contains(node)) {
                    let allowed = "each on one side only";
                    let word = twice.to_string();
                    return Err(super::args::not_a(token.column, &word, "new member", allowed));
                }
                named.extend(&nodes);
                if let Some(side) = sides.last_mut() {
                    side.extend(nodes);
                }
            }
        }
    }
    if sides.last().is_some_and(Vec::is_empty) {
        return Err(args.missing("side of the partition"));
    }
    Ok(sides)
}

fn missing_side() -> Wrong {
    Wrong::Missing("side of the partition before `|`".to_owned())
}

fn link_setting(args: &mut Args<'_>) -> Parsed<LinkSetting> {
    let names = ["drop", "delay", "duplicate", "reorder", "clear"].map(|name| (name, name));
    Ok(match args.one_of("setting", &names)? {
        "drop" => LinkSetting::Drop(args.rate()?),
        "delay" => LinkSetting::Delay(args.time()?),
        "duplicate" => LinkSetting::Duplicate(args.rate()?),
        "reorder" => LinkSetting::Reorder,
        _ => LinkSetting::Clear,
    })
}

fn is_node(word: &str) -> bool {
    word == "witness" || word.starts_with("amf") || word.starts_with("disk")
}

fn hold_filter(args: &mut Args<'_>) -> Parsed<HoldFilter> {
    let mut filter = HoldFilter::ALL;
    if args.peek().is_some() && !args.peek_word().is_some_and(is_node) {
        filter.kind = Some(args.kind()?);
    }
    if args.peek().is_some() {
        filter.pair = Some(args.pair()?);
    }
    Ok(filter)
}

/// Nothing (the oldest), `N`, `FROM TO`, `FROM TO N` (the Nth oldest of them) or `id N`.
fn release(args: &mut Args<'_>) -> Parsed<Release> {
    match args.peek_word() {
        Some("id") => {
            args.next();
            args.number("number of a held message", u64::MAX).map(Release::Id)
        }
        Some(word) if is_node(word) => {
            let (from, to) = args.pair()?;
            if args.peek().is_none() {
                return Ok(Release::Pair(from, to));
            }
            args.count("which of them").map(|nth| Release::Nth(from, to, nth))
        }
        _ if args.peek().is_none() => Ok(Release::Oldest(1)),
        _ => args.count("number, node or `id`").map(Release::Oldest),
    }
}

/// One condition, or several with `and` between them.
pub(super) fn condition(args: &mut Args<'_>) -> Parsed<Condition> {
    let (column, word) = next_word(args);
    let mut all = vec![one_condition(args)?];
    while args.peek_word() == Some("and") {
        let column = args.next().map_or(0, |token| token.column);
        if all.len() == CONDITIONS_MAX {
            let wrong = Wrong::TooMuch(format!("and: at most {CONDITIONS_MAX} conditions"));
            return Err(GrammarError::at(column, wrong));
        }
        all.push(one_condition(args)?);
    }
    if all.len() > 1 && all.iter().any(Condition::is_about_commands) {
        let allowed = "not `answered`, `replayed` or `idle`";
        return Err(super::args::not_a(column, word, "condition that goes with others", allowed));
    }
    Ok(if all.len() == 1 { all.remove(0) } else { Condition::All(all) })
}

/// Where the next word is, and what.
fn next_word<'a>(args: &Args<'a>) -> (u32, &'a str) {
    (args.peek().map_or(1, |token| token.column), args.peek_word().unwrap_or_default())
}

fn one_condition(args: &mut Args<'_>) -> Parsed<Condition> {
    if args.peek_word() != Some("not") {
        return plain_condition(args);
    }
    args.next();
    let (column, word) = next_word(args);
    let denied = plain_condition(args)?;
    if denied.is_about_events() || denied.is_about_commands() {
        let allowed = "state, lock, replicated, view, violation";
        return Err(super::args::not_a(column, word, "condition that can be denied", allowed));
    }
    Ok(Condition::Not(Box::new(denied)))
}

fn plain_condition(args: &mut Args<'_>) -> Parsed<Condition> {
    let names = [
        "state",
        "lock",
        "sent",
        "delivered",
        "applied",
        "written",
        "replicated",
        "view",
        "answered",
        "idle",
        "replayed",
        "violation",
    ];
    Ok(match args.one_of("condition", &names.map(|name| (name, name)))? {
        "state" => Condition::State(args.amf()?, args.block()?, args.state()?),
        "lock" => Condition::Lock(args.amf()?, args.block()?, args.mode()?),
        "sent" => Condition::Sent(args.kind()?, args.amf_pair_if_any()?),
        "delivered" => Condition::Delivered(args.kind()?, args.amf_pair_if_any()?),
        "applied" => Condition::Applied(args.rule()?, args.amf()?),
        "written" => Condition::Written(args.disk()?, args.block()?),
        "replicated" => Condition::Replicated(args.amf()?, args.block()?),
        "view" => {
            let epoch = args.number("number of a view", u64::from(u32::MAX))?;
            Condition::View(u32::try_from(epoch).unwrap_or(u32::MAX))
        }
        "answered" => Condition::Answered(args.label()?),
        "replayed" => Condition::Replayed,
        "violation" => Condition::Violation,
        _ => Condition::Idle,
    })
}

fn expectation(args: &mut Args<'_>) -> Parsed<Expectation> {
    let names = [
        "state",
        "value",
        "source",
        "messages",
        "broadcasts",
        "lock",
        "result",
        "error",
        "violations",
    ];
    Ok(match args.one_of("expectation", &names.map(|name| (name, name)))? {
        "state" => Expectation::State(args.amf()?, args.block()?, args.state()?),
        "value" => Expectation::Value(args.amf()?, args.block()?, args.value()?),
        "source" => Expectation::Source(args.source()?),
        "messages" => Expectation::Messages(args.kind()?, args.number("number", u64::MAX)?),
        "broadcasts" => Expectation::Broadcasts(args.number("number", u64::MAX)?),
        "lock" => Expectation::Lock(args.amf()?, args.block()?, args.mode()?),
        "result" => Expectation::Result(args.label()?, outcome(args)?),
        "error" => Expectation::Error(args.error_kind()?),
        _ => Expectation::Violations(args.number("number", u64::MAX)?),
    })
}

fn outcome(args: &mut Args<'_>) -> Parsed<Outcome> {
    match args.peek_word() {
        Some("ok") => {
            args.next();
            Ok(Outcome::Ok)
        }
        Some("pending") => {
            args.next();
            Ok(Outcome::Pending)
        }
        _ => args.error_kind().map(Outcome::Error).map_err(|mut error| {
            if let Wrong::NotA { expected, allowed, .. } = &mut error.wrong {
                *expected = "result";
                *allowed = format!("ok, pending, {allowed}");
            }
            error
        }),
    }
}
